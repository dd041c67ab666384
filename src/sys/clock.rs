//! The two clocks, and how a stamp of one is told in the other.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of the monotonic clock (CLOCK_MONOTONIC): for intervals and round trips; nobody can set it.
pub fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec)
        .unwrap_or(0)
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0))
}

/// Nanoseconds since 1970 (CLOCK_REALTIME): for stamps that people read; it may be set.
pub fn wall() -> i64 {
    let now = clock_gettime(ClockId::Realtime);
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec)
}

/// Has this thread woken when its time has come: by default the kernel lets sleeps that end soon after each other end together,
/// up to 50 microseconds late (PR_SET_TIMERSLACK in prctl(2)).
pub fn wake_on_time() {
    // Where that is not allowed, packets are that much later, which is measured and told.
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
}

/// Both clocks, read as near to each other as can be.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Monotonic nanoseconds.
    pub monotonic: u64,
    /// Nanoseconds since 1970.
    pub wall: i64,
}

impl Now {
    /// Reads both clocks. Whoever is interrupted between the two reads them again: else stamps would be told as so much too early
    /// or too late, and an answer as older than its question.
    pub fn read() -> Self {
        let read = || {
            let (before, wall, after) = (monotonic(), wall(), monotonic());
            (after.saturating_sub(before), Self { monotonic: before, wall })
        };
        let mut best = read();
        for _ in 0..TRIES {
            if best.0 <= NEAR {
                break;
            }
            best = std::cmp::min_by_key(best, read(), |(apart, _)| *apart);
        }
        best.1
    }

    /// The monotonic time of a kernel stamp, which is on the calendar: as far before now as the stamp is. A stamp from
    /// the future, or from long ago, means that the clock was set meanwhile: then it is now.
    pub fn monotonic_of(self, stamp: i64) -> u64 {
        match u64::try_from(self.wall.saturating_sub(stamp)) {
            Ok(ago) if ago <= LONG_AGO => self.monotonic.saturating_sub(ago),
            _ => self.monotonic,
        }
    }
}

/// Two readings of a clock that are so near to each other were not interrupted, and how often that is tried.
const NEAR: u64 = 500;
const TRIES: u32 = 10;

/// No packet waits longer than this in a socket's queue while we are awake.
const LONG_AGO: u64 = 10_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_readings_tell_the_same_stamp_at_nearly_the_same_time() {
        let stamp = wall();
        let told: Vec<u64> = (0..20_000).map(|_| Now::read().monotonic_of(stamp)).collect();
        let mean = told.iter().sum::<u64>() / told.len() as u64;
        let off = told.iter().filter(|at| at.abs_diff(mean) > 5_000).count();
        assert!(off < 20, "{off} of 20,000 are more than 5 µs off");
    }

    #[test]
    fn a_stamp_is_as_long_ago_on_both_clocks_unless_the_clock_was_set() {
        let now = Now { monotonic: 50_000_000_000, wall: 1_000_000_000_000 };
        assert_eq!(now.monotonic_of(now.wall - 7), now.monotonic - 7);
        assert_eq!(now.monotonic_of(now.wall + 1), now.monotonic);
        assert_eq!(now.monotonic_of(0), now.monotonic);
    }
}

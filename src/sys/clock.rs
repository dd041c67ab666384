//! The two clocks, and how a stamp of one is told in the other.

use std::sync::atomic::{AtomicU64, Ordering};

/// Nanoseconds of the monotonic clock (CLOCK_MONOTONIC): for intervals and round trips; nobody can set it.
pub fn monotonic() -> u64 {
    u64::try_from(read(libc::CLOCK_MONOTONIC)).unwrap_or(0)
}

/// Nanoseconds since 1970 (CLOCK_REALTIME): for stamps that people read; it may be set.
pub fn wall() -> i64 {
    read(libc::CLOCK_REALTIME)
}

/// Reads a clock, in nanoseconds. By the C library, which always knows where the kernel has it mapped (vDSO): what looks that up by
/// `dlsym` finds nothing in a program that is linked statically, and makes a system call each time.
fn read(clock: libc::clockid_t) -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a timespec that the call writes; it fails for no clock that every kernel has (clock_gettime(2)).
    unsafe { libc::clock_gettime(clock, &raw mut now) };
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
            if best.0 <= NEAR.max(NEAREST.load(Ordering::Relaxed).saturating_mul(2)) {
                break;
            }
            best = std::cmp::min_by_key(best, read(), |(apart, _)| *apart);
        }
        NEAREST.fetch_min(best.0, Ordering::Relaxed);
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
/// The nearest so far. Where each reading is a system call, as with clocks that the kernel maps for nobody, none may be nearer than [`NEAR`].
static NEAREST: AtomicU64 = AtomicU64::new(u64::MAX);

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

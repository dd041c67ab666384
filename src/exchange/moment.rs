//! A moment as both clocks tell it.

use super::engine::{MILLISECOND, Nanos};

/// When something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// On the monotonic clock.
    pub at: Nanos,
    /// On the calendar: nanoseconds since 1970.
    pub wall: i64,
}

impl Moment {
    /// How long it is from here to a later moment. The kernel stamps packets by the calendar, so that the difference of two of its stamps
    /// is exact, where the monotonic clock is told from it with the time between two readings. Only a calendar that was set in between
    /// is not believed.
    pub fn until(self, later: Self) -> Nanos {
        let passed = later.at.saturating_sub(self.at);
        match Nanos::try_from(later.wall.saturating_sub(self.wall)) {
            Ok(by_calendar) if by_calendar.abs_diff(passed) < SET => by_calendar,
            _ => passed,
        }
    }
}

/// Clocks that differ by more than this after a wait were set; what an interrupted reading makes of them is less.
const SET: Nanos = MILLISECOND;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_of_the_kernel_count_unless_the_calendar_was_set() {
        let left = Moment { at: 1_000, wall: 50_000_000_000 };
        let came = |at, wall| left.until(Moment { at, wall });
        assert_eq!(came(41_234, 50_000_040_000), 40_000);
        assert_eq!(came(41_000, 90_000_000_000), 40_000, "set forward");
        assert_eq!(came(41_000, 10_000_000_000), 40_000, "set back");
        assert_eq!(came(1_500, 49_999_999_900), 500, "an answer is not older than its question");
    }
}

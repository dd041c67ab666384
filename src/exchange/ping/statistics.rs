//! What a run of pings says about a target, as `ping` says it.

use crate::exchange::engine::Nanos;

/// Counts and round-trip times of one target.
#[derive(Debug, Clone, Default)]
pub struct Statistics {
    /// Requests sent.
    pub transmitted: u64,
    /// First replies to them.
    pub received: u64,
    /// Further replies.
    pub duplicates: u64,
    /// ICMP errors about them, and requests that could not be sent.
    pub errors: u64,
    /// Replies with a wrong checksum or other octets than were sent.
    pub damaged: u64,
    /// Replies that came after their time-out.
    pub late: u64,
    rtt_min: Nanos,
    rtt_max: Nanos,
    rtt_sum: u128,
    rtt_square_sum: u128,
    samples: u64,
}

/// Round-trip times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundTrip {
    /// The shortest.
    pub min: Nanos,
    /// The average.
    pub avg: Nanos,
    /// The longest.
    pub max: Nanos,
    /// The standard deviation, which `ping` calls mdev.
    pub mdev: Nanos,
}

impl Statistics {
    /// Counts a first reply.
    pub fn add(&mut self, rtt: Nanos) {
        self.received += 1;
        self.rtt_min = if self.samples == 0 { rtt } else { self.rtt_min.min(rtt) };
        self.rtt_max = self.rtt_max.max(rtt);
        self.rtt_sum += u128::from(rtt);
        self.rtt_square_sum += u128::from(rtt) * u128::from(rtt);
        self.samples += 1;
    }

    /// The round-trip times, when there is one.
    pub fn round_trip(&self) -> Option<RoundTrip> {
        let samples = u128::from(self.samples);
        let avg = self.rtt_sum.checked_div(samples)?;
        let variance = self.rtt_square_sum.checked_div(samples)?.saturating_sub(avg * avg);
        let nanos = |wide: u128| Nanos::try_from(wide).unwrap_or(Nanos::MAX);
        Some(RoundTrip {
            min: self.rtt_min,
            avg: nanos(avg),
            max: self.rtt_max,
            mdev: nanos(variance.isqrt()),
        })
    }

    /// The longest round trip so far.
    pub fn longest(&self) -> Option<Nanos> {
        (self.samples > 0).then_some(self.rtt_max)
    }

    /// Lost requests in percent of those sent.
    pub fn loss_percent(&self) -> f64 {
        if self.transmitted == 0 {
            return 0.0;
        }
        let lost = self.transmitted.saturating_sub(self.received);
        lost as f64 * 100.0 / self.transmitted as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_that_of_ping() {
        let mut statistics = Statistics { transmitted: 4, ..Statistics::default() };
        for rtt in [1_000_000, 2_000_000, 3_000_000] {
            statistics.add(rtt);
        }
        let times = statistics.round_trip().unwrap();
        assert_eq!((times.min, times.avg, times.max), (1_000_000, 2_000_000, 3_000_000));
        assert_eq!(times.mdev, 816_496, "square root of two thirds");
        assert_eq!(statistics.loss_percent(), 25.0);
    }
}

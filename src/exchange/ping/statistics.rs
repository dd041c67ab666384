//! Round-trip times as `ping` sums them up, and where their parts were spent.

use crate::exchange::engine::Nanos;
use crate::statistics::Spread;

use super::sample::{Legs, Sample};

/// The round trips of a target.
#[derive(Debug, Clone, Default)]
pub struct Statistics {
    spread: Spread,
    /// The differences between each round trip and the one before it, summed up.
    difference_sum: u128,
    differences: u64,
    last: Option<Nanos>,
    /// The moving average, in eighths of a nanosecond.
    moving: Option<u64>,
    /// Round trips of which a stamp is this program's own.
    pub by_user: u64,
    /// Round trips during which a clock was set, or the host slept.
    pub clock_touched: u64,
    /// Where the time was spent, where somebody wants to know.
    pub legs: Option<Box<LegSpreads>>,
}

/// Times on the parts of the way.
#[derive(Debug, Clone, Default)]
pub struct LegSpreads {
    /// From the program to the queue of the interface.
    pub stack: Spread,
    /// In the queue, until the driver has it.
    pub queue: Spread,
    /// From the driver to the answer's arrival at this host.
    pub wire: Spread,
    /// From there to the program.
    pub wakeup: Spread,
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
    /// The mean difference between one and the next.
    pub jitter: Nanos,
    /// What half of them do not exceed.
    pub p50: Nanos,
    /// What nine tenths do not exceed.
    pub p90: Nanos,
    /// What 99 of a hundred do not exceed.
    pub p99: Nanos,
}

impl Statistics {
    /// Those of nobody yet, which will tell where the time was spent.
    pub fn with_legs() -> Self {
        Self { legs: Some(Box::default()), ..Self::default() }
    }

    /// Takes the round trip of a first reply.
    pub fn add(&mut self, sample: &Sample) {
        let rtt = sample.rtt;
        self.spread.add(rtt);
        if let Some(last) = self.last.replace(rtt) {
            self.difference_sum = self.difference_sum.saturating_add(u128::from(last.abs_diff(rtt)));
            self.differences = self.differences.saturating_add(1);
        }
        // A new one weighs an eighth (RFC 6298 §2.3).
        let moved = |eighths: u64| (eighths - eighths / 8).saturating_add(rtt);
        self.moving = Some(self.moving.map_or(rtt.saturating_mul(8), moved));
        self.by_user = self.by_user.saturating_add(u64::from(!sample.is_by_kernel()));
        self.clock_touched = self.clock_touched.saturating_add(u64::from(sample.clock.is_some()));
        if let Some(legs) = &mut self.legs {
            legs.add(&sample.legs);
        }
    }

    /// Takes those of another one; between the two there is no difference.
    pub fn add_all(&mut self, other: &Self) {
        self.spread.add_all(&other.spread);
        self.difference_sum = self.difference_sum.saturating_add(other.difference_sum);
        self.differences = self.differences.saturating_add(other.differences);
        // Of several there is no order: that of the last one with a round trip.
        self.moving = other.moving.or(self.moving);
        self.by_user = self.by_user.saturating_add(other.by_user);
        self.clock_touched = self.clock_touched.saturating_add(other.clock_touched);
        if let Some(other) = &other.legs {
            self.legs.get_or_insert_default().add_all(other);
        }
    }

    /// The round-trip times, when there is one.
    pub fn round_trip(&self) -> Option<RoundTrip> {
        if self.spread.count == 0 {
            return None;
        }
        let nanos = |wide: u128| Nanos::try_from(wide).unwrap_or(Nanos::MAX);
        Some(RoundTrip {
            min: self.spread.least(),
            avg: self.spread.mean(),
            max: self.spread.most(),
            mdev: self.spread.deviation(),
            jitter: nanos(self.difference_sum.checked_div(u128::from(self.differences)).unwrap_or(0)),
            p50: self.spread.quantile(500),
            p90: self.spread.quantile(900),
            p99: self.spread.quantile(990),
        })
    }

    /// The longest round trip so far.
    pub fn longest(&self) -> Option<Nanos> {
        (self.spread.count > 0).then(|| self.spread.most())
    }

    /// The moving average, in which a round trip weighs an eighth and those before it the rest.
    pub fn moving(&self) -> Option<Nanos> {
        self.moving.map(|eighths| eighths / 8)
    }

    /// The last round trip.
    pub fn last(&self) -> Option<Nanos> {
        self.last
    }

    /// How many round trips there are.
    pub fn count(&self) -> u64 {
        self.spread.count
    }
}

impl LegSpreads {
    fn add_all(&mut self, other: &Self) {
        self.stack.add_all(&other.stack);
        self.queue.add_all(&other.queue);
        self.wire.add_all(&other.wire);
        self.wakeup.add_all(&other.wakeup);
    }

    fn add(&mut self, legs: &Legs) {
        let parts = [
            (&mut self.stack, legs.stack),
            (&mut self.queue, legs.queue),
            (&mut self.wire, legs.wire),
            (&mut self.wakeup, legs.wakeup),
        ];
        for (spread, time) in parts {
            if let Some(time) = time {
                spread.add(time);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::engine::Stamp;

    fn sample(rtt: Nanos) -> Sample {
        Sample { rtt, left: Stamp::Kernel, came: Stamp::Kernel, clock: None, legs: Legs::default() }
    }

    #[test]
    fn the_deviation_is_that_of_ping() {
        let mut statistics = Statistics::default();
        for rtt in [1_000_000, 3_000_000, 2_000_000] {
            statistics.add(&sample(rtt));
        }
        let times = statistics.round_trip().unwrap();
        assert_eq!((times.min, times.avg, times.max), (1_000_000, 2_000_000, 3_000_000));
        assert_eq!(times.mdev, 816_496, "square root of two thirds");
        assert_eq!(times.jitter, 1_500_000, "of two and one");
        assert_eq!((times.p50, times.p90, times.p99), (2_000_000, 3_000_000, 3_000_000));
        assert_eq!(statistics.moving(), Some(1_343_750), "1, then 1.25, then 1.34375 ms");
    }

    #[test]
    fn two_together_are_as_one() {
        let (mut one, mut other) = (Statistics::default(), Statistics::default());
        one.add(&sample(1));
        other.add(&Sample { left: Stamp::User, ..sample(5) });
        one.add_all(&other);
        let times = one.round_trip().unwrap();
        assert_eq!((times.min, times.avg, times.max, one.by_user), (1, 3, 5, 1));
    }
}

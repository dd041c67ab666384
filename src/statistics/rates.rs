//! How much there is at a time: packets and octets in intervals from the first packet on.

use super::Traffic;

/// Intervals that are kept: of a longer capture each becomes twice as long, as often as need be.
pub const MOST_INTERVALS: usize = 1 << 16;
/// How long an interval is at first, in nanoseconds.
const FIRST_INTERVAL: u64 = 1_000_000_000;

/// Packets and octets in intervals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rates {
    /// The time of the first packet, nanoseconds since 1970.
    start: Option<i64>,
    /// Nanoseconds of an interval.
    interval: u64,
    intervals: Vec<Traffic>,
}

impl Default for Rates {
    fn default() -> Self {
        Self { start: None, interval: FIRST_INTERVAL, intervals: Vec::new() }
    }
}

impl Rates {
    /// Takes a packet; one that is older than the first falls into the first interval.
    pub(super) fn packet(&mut self, time: i64, octets: u64) {
        let start = *self.start.get_or_insert(time);
        let since = u64::try_from(i128::from(time).saturating_sub(i128::from(start))).unwrap_or(0);
        while since / self.interval >= MOST_INTERVALS as u64 {
            self.double();
        }
        let index = usize::try_from(since / self.interval).unwrap_or(usize::MAX);
        if index >= self.intervals.len() {
            self.intervals.resize(index.saturating_add(1), Traffic::default());
        }
        if let Some(interval) = self.intervals.get_mut(index) {
            interval.add(octets);
        }
    }

    /// Makes one interval of each two.
    fn double(&mut self) {
        self.interval = self.interval.saturating_mul(2);
        let pair = |pair: &[Traffic]| pair.iter().fold(Traffic::default(), |sum, one| sum.and(*one));
        self.intervals = self.intervals.chunks(2).map(pair).collect();
    }

    /// Nanoseconds of an interval: a second, unless the capture is longer than [`MOST_INTERVALS`] of them.
    pub fn interval(&self) -> u64 {
        self.interval
    }

    /// All intervals, from the first packet's time on; those between packets are empty.
    pub fn intervals(&self) -> &[Traffic] {
        &self.intervals
    }

    /// The first of those intervals that have most of something: its number, and what is in it.
    pub fn busiest(&self, by: fn(&Traffic) -> u64) -> Option<(usize, Traffic)> {
        let most = self.intervals.iter().map(by).max()?;
        self.intervals
            .iter()
            .position(|one| by(one) == most)
            .zip(self.intervals.iter().find(|one| by(one) == most).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn intervals_begin_with_the_first_packet() {
        let mut rates = Rates::default();
        for (time, octets) in
            [(500, 10), (500 + SECOND - 1, 20), (500 + SECOND, 30), (0, 40), (3 * SECOND, 100)]
        {
            rates.packet(time, octets);
        }
        let counts: Vec<(u64, u64)> = rates.intervals().iter().map(|one| (one.packets, one.octets)).collect();
        assert_eq!(counts, [(3, 70), (1, 30), (1, 100)]);
        assert_eq!(rates.busiest(|one| one.packets).map(|(index, one)| (index, one.packets)), Some((0, 3)));
        assert_eq!(rates.busiest(|one| one.octets).map(|(index, one)| (index, one.octets)), Some((2, 100)));
    }

    #[test]
    fn a_long_capture_has_longer_intervals_and_loses_nothing() {
        let mut rates = Rates::default();
        for time in [i64::MIN, 0, 3 * SECOND, i64::MAX] {
            rates.packet(time, 1);
        }
        assert!(rates.intervals().len() <= MOST_INTERVALS);
        assert_eq!(rates.intervals().iter().map(|one| one.packets).sum::<u64>(), 4);
        assert_eq!(rates.interval() % FIRST_INTERVAL, 0);
        assert_eq!(Rates::default().busiest(|one| one.packets), None);
    }
}

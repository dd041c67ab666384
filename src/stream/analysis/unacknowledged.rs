//! The segments of one side that wait for their acknowledgment.

use std::collections::VecDeque;

use super::super::fact::Moment;
use super::is_behind;

/// Segments of one side that wait for their acknowledgment; when there are so many, further ones are not remembered.
pub const MOST_UNACKNOWLEDGED: usize = 10_000;

/// A segment that waits for its acknowledgment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) moment: Moment,
    pub(super) seq: u32,
    /// The number behind it; SYN and FIN take one too.
    pub(super) next: u32,
}

/// Segments, in the order in which they came.
///
/// As long as each begins where the others end or behind that, which is how most senders send, an acknowledgment takes a
/// few from the front. Only where that is not so, all are looked at: there are never more than [`MOST_UNACKNOWLEDGED`].
#[derive(Debug, Default)]
pub(super) struct Unacknowledged {
    segments: VecDeque<Segment>,
    /// Whether they are not in the order of their numbers.
    is_mixed: bool,
}

impl Unacknowledged {
    pub(super) fn len(&self) -> usize {
        self.segments.len()
    }

    /// The one that came first.
    pub(super) fn oldest(&self) -> Option<Segment> {
        self.segments.front().copied()
    }

    /// Remembers another one, if there is room for it.
    pub(super) fn add(&mut self, segment: Segment) {
        if self.segments.len() >= MOST_UNACKNOWLEDGED {
            return;
        }
        if let (Some(first), Some(last)) = (self.segments.front(), self.segments.back()) {
            let is_behind_all = !is_behind(segment.seq, last.next) && is_behind(first.seq, segment.next);
            self.is_mixed |= !is_behind_all;
        }
        self.segments.push_back(segment);
    }

    /// Takes out what is acknowledged; the oldest segment that ends with the acknowledgment's number. Of one that is
    /// acknowledged in part, the rest stays.
    pub(super) fn acknowledge(&mut self, ack: u32) -> Option<Segment> {
        match self.is_mixed || !self.is_near(ack) {
            true => self.acknowledge_any(ack),
            false => self.acknowledge_first(ack),
        }
    }

    /// Whether a number compares with those of all segments as with the first and the last one.
    fn is_near(&self, ack: u32) -> bool {
        let (Some(first), Some(last)) = (self.segments.front(), self.segments.back()) else { return true };
        !is_behind(last.next, ack) || is_behind(first.seq, ack)
    }

    fn acknowledge_first(&mut self, ack: u32) -> Option<Segment> {
        let mut found = None;
        while let Some(first) = self.segments.front_mut() {
            if first.next == ack {
                found = Some(*first);
            } else if is_behind(ack, first.next) {
                if is_behind(first.seq, ack) {
                    first.seq = ack;
                }
                break;
            }
            self.segments.pop_front();
        }
        self.shrink();
        found
    }

    fn acknowledge_any(&mut self, ack: u32) -> Option<Segment> {
        let found = self.segments.iter().find(|segment| segment.next == ack).copied();
        self.segments.retain_mut(|segment| {
            let is_open = is_behind(ack, segment.next);
            if is_open && is_behind(segment.seq, ack) {
                segment.seq = ack;
            }
            is_open
        });
        self.look_at_order();
        self.shrink();
        found
    }

    fn look_at_order(&mut self) {
        let mut pairs = self.segments.iter().zip(self.segments.iter().skip(1));
        let is_ascending = pairs.all(|(one, other)| !is_behind(other.seq, one.next));
        let ends = self.segments.front().zip(self.segments.back());
        self.is_mixed = !is_ascending || ends.is_some_and(|(first, last)| !is_behind(first.seq, last.next));
    }

    /// Octets from the first that is not acknowledged to the last, counted from the side's first number.
    pub(super) fn extent(&self, base: u32) -> Option<u32> {
        let from = |number: u32| number.wrapping_sub(base);
        let (first, last) = (self.segments.front()?, self.segments.back()?);
        let (low, high) = (from(first.seq), from(last.next));
        if !self.is_mixed && low <= high {
            return Some(high.wrapping_sub(low));
        }
        let low = self.segments.iter().map(|segment| from(segment.seq)).min()?;
        let high = self.segments.iter().map(|segment| from(segment.next)).max()?;
        Some(high.wrapping_sub(low))
    }

    /// Forgets the older half, and gives its room back.
    pub(super) fn halve(&mut self) {
        self.segments.drain(..self.segments.len().div_ceil(2));
        self.segments.shrink_to_fit();
    }

    /// Gives room back that many more segments took.
    fn shrink(&mut self) {
        let len = self.segments.len();
        if self.segments.capacity() > len.saturating_mul(4).max(LEAST_ROOM) {
            self.segments.shrink_to(len.saturating_mul(2));
        }
    }
}

/// Segments that there may be room for though there are none.
const LEAST_ROOM: usize = 16;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segment(number: u64, seq: u32, len: u32) -> Segment {
        Segment { moment: Moment { number, time: None }, seq, next: seq.wrapping_add(len) }
    }

    proptest! {
        /// The short way and the long one come to the same.
        #[test]
        fn whoever_is_in_order_is_treated_as_the_others(
            begin in prop_oneof![Just(0u32), Just(u32::MAX - 50), Just(1 << 31), any::<u32>()],
            steps in proptest::collection::vec((0u32..40, 1u32..30, 0u32..80, any::<bool>(), any::<prop::sample::Index>()), 1..50),
        ) {
            let (mut quick, mut slow) = (Unacknowledged::default(), Unacknowledged::default());
            let mut next = begin;
            for (at, (gap, len, back, is_far, which)) in steps.iter().enumerate() {
                let seq = next.wrapping_add(*gap).wrapping_sub(if which.index(4) == 0 { *back } else { 0 });
                next = seq.wrapping_add(*len);
                quick.add(segment(at as u64, seq, *len));
                slow.add(segment(at as u64, seq, *len));
                slow.is_mixed = true;
                let ack = if *is_far { begin.wrapping_add(gap << 26) } else { next.wrapping_sub(*back) };
                prop_assert_eq!(quick.acknowledge(ack), slow.acknowledge_any(ack));
                slow.is_mixed = true;
                prop_assert_eq!(&quick.segments, &slow.segments);
                prop_assert_eq!(quick.extent(begin), slow.extent(begin));
            }
        }
    }

    #[test]
    fn room_has_a_bound_and_is_given_back() {
        let mut all = Unacknowledged::default();
        for number in 0..20_000 {
            all.add(segment(number, u32::try_from(number).unwrap() * 10, 10));
        }
        assert_eq!(all.len(), MOST_UNACKNOWLEDGED);
        assert_eq!(all.acknowledge(100_000).unwrap().moment.number, 9_999);
        assert!(all.segments.capacity() <= LEAST_ROOM);
    }
}

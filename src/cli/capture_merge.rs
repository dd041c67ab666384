//! Packets of several rings, brought together in the order of their times.
//!
//! Each ring gives its packets in order, in batches. The next packet of all is known when every ring has one to compare; where
//! a ring has none, it may be idle, or its thread late, and a batch waits for it, but not for ever.

use std::collections::VecDeque;

use crate::wire::frame::Frame;
use crate::wire::frame_ring::FrameRing;

/// Batches that wait for their turn.
pub(super) struct Merge {
    rings: Vec<VecDeque<Batch>>,
    /// Nanoseconds that a batch waits for those of other rings.
    wait: u64,
    /// With so many batches one ring waits for no other: its thread needs the memory.
    most: usize,
}

struct Batch {
    /// When it was brought, on the monotonic clock.
    at: u64,
    frames: FrameRing,
}

impl Merge {
    pub(super) fn new(rings: usize, wait: u64, most: usize) -> Self {
        Self { rings: (0..rings).map(|_| VecDeque::new()).collect(), wait, most }
    }

    /// Takes a batch of a ring.
    pub(super) fn add(&mut self, ring: usize, frames: FrameRing, now: u64) {
        if let Some(batches) = self.rings.get_mut(ring)
            && !frames.is_empty()
        {
            batches.push_back(Batch { at: now, frames });
        }
    }

    /// Shows all packets whose turn has come, or all that are there. Batches that are empty now are given back to the ring
    /// that they are of.
    pub(super) fn show(
        &mut self,
        now: u64,
        all: bool,
        show: &mut dyn FnMut(&Frame<'_>),
        give_back: &mut dyn FnMut(usize, FrameRing),
    ) {
        while let Some((first, until)) = self.first(now, all) {
            let Some(batches) = self.rings.get_mut(first) else { return };
            let Some(batch) = batches.front_mut() else { return };
            // As long as no other ring has an earlier one, this ring goes on.
            while let Some((frame, _)) = batch.frames.front()
                && frame.time.unwrap_or_default() <= until
            {
                show(&frame);
                batch.frames.drop_front();
            }
            if batch.frames.is_empty()
                && let Some(batch) = batches.pop_front()
            {
                give_back(first, batch.frames);
            }
        }
    }

    /// The ring with the earliest packet, when that may be shown, and until when it is the earliest.
    fn first(&self, now: u64, all: bool) -> Option<(usize, i64)> {
        let (mut first, mut until) = (None, i64::MAX);
        let mut is_known = true;
        for (ring, batches) in self.rings.iter().enumerate() {
            let Some(batch) = batches.front() else {
                is_known = false;
                continue;
            };
            let time = batch.frames.front().and_then(|(frame, _)| frame.time).unwrap_or_default();
            match first {
                Some((_, earliest)) if earliest <= time => until = until.min(time),
                Some((_, earliest)) => (first, until) = (Some((ring, time)), earliest),
                None => first = Some((ring, time)),
            }
        }
        let (first, _) = first?;
        let may_go = is_known || all || self.is_overdue(now);
        may_go.then_some((first, until))
    }

    /// Whether a batch has waited long enough, or there are too many.
    fn is_overdue(&self, now: u64) -> bool {
        let waited = |batch: &Batch| now.saturating_sub(batch.at) >= self.wait;
        self.rings.iter().any(|batches| batches.len() >= self.most || batches.front().is_some_and(waited))
    }

    /// Nanoseconds until a batch has waited long enough; `None` when there is none.
    pub(super) fn left(&self, now: u64) -> Option<u64> {
        let oldest = self.rings.iter().filter_map(|batches| Some(batches.front()?.at)).min()?;
        Some(oldest.saturating_add(self.wait).saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::LinkType;
    use proptest::prelude::*;

    fn batch(times: &[i64]) -> FrameRing {
        let mut frames = FrameRing::new(4096).unwrap();
        for time in times {
            let frame = Frame { time: Some(*time), ..Frame::new(&[0x45], LinkType::RAW) };
            assert!(frames.push(&frame, [0, 0]));
        }
        frames
    }

    fn shown(merge: &mut Merge, now: u64, all: bool) -> Vec<i64> {
        let mut times = Vec::new();
        merge.show(now, all, &mut |frame| times.push(frame.time.unwrap()), &mut |_, batch| {
            assert!(batch.is_empty());
        });
        times
    }

    #[test]
    fn a_ring_without_packets_is_waited_for_and_not_for_ever() {
        let mut merge = Merge::new(2, 50, 9);
        merge.add(0, batch(&[1, 4, 6]), 100);
        assert_eq!((shown(&mut merge, 120, false), merge.left(120)), (vec![], Some(30)));
        merge.add(1, batch(&[2, 3, 5]), 120);
        assert_eq!(shown(&mut merge, 121, false), [1, 2, 3, 4, 5], "of the second ring no more is known");
        assert!(shown(&mut merge, 149, false).is_empty());
        merge.add(1, batch(&[]), 149);
        assert_eq!(shown(&mut merge, 150, false), [6]);
        assert_eq!(merge.left(150), None);
    }

    #[test]
    fn what_is_overdue_does_not_take_along_what_is_not() {
        let mut merge = Merge::new(3, 50, 9);
        merge.add(0, batch(&[10]), 100);
        merge.add(1, batch(&[5, 11]), 140);
        assert_eq!(shown(&mut merge, 150, false), [5, 10]);
        assert_eq!(shown(&mut merge, 150, true), [11]);
    }

    #[test]
    fn a_thread_that_needs_its_memory_waits_for_no_other() {
        let mut merge = Merge::new(2, 50, 2);
        merge.add(0, batch(&[1]), 0);
        merge.add(0, batch(&[2]), 0);
        assert_eq!(shown(&mut merge, 0, false), [1]);
    }

    proptest! {
        #[test]
        fn all_that_is_there_comes_in_order(mut rings in proptest::collection::vec(proptest::collection::vec(0i64..1000, 0..50), 1..5)) {
            let mut merge = Merge::new(rings.len(), 50, 9);
            let mut expected = rings.concat();
            expected.sort_unstable();
            for (ring, times) in rings.iter_mut().enumerate() {
                times.sort_unstable();
                let (early, late) = times.split_at(times.len() / 2);
                merge.add(ring, batch(early), 0);
                merge.add(ring, batch(late), 0);
            }
            let mut times = shown(&mut merge, 1, false);
            times.extend(shown(&mut merge, 1, true));
            prop_assert_eq!(times, expected);
        }
    }
}

//! Which of many things is due next.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Times at which something is to be looked at. A time that is put off stays as it was until then, and is asked again: so a
/// connection on which something happens all the time costs nothing here.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(u64, u64)>>,
    armed: HashMap<u64, u64>,
}

impl Timers {
    /// Has `key` told at this time, or before.
    pub(super) fn set(&mut self, key: u64, at: u64) {
        if self.armed.get(&key).is_none_or(|armed| *armed > at) {
            self.armed.insert(key, at);
            self.heap.push(Reverse((at, key)));
        }
    }

    /// Forgets `key`.
    pub(super) fn forget(&mut self, key: u64) {
        self.armed.remove(&key);
        // Of those who have gone, no more stay in the heap than there are others.
        if self.heap.len() > self.armed.len().saturating_mul(2).saturating_add(64) {
            let armed = &self.armed;
            self.heap.retain(|Reverse((at, key))| armed.get(key) == Some(at));
        }
    }

    /// The next time.
    pub(super) fn next(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// A key of which the time has come; it is not told again, unless it is set again.
    fn due(&mut self, now: u64) -> Option<u64> {
        while let Some(Reverse((at, key))) = self.heap.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.heap.pop();
            if self.armed.get(&key) == Some(&at) {
                self.armed.remove(&key);
                return Some(key);
            }
        }
        None
    }

    /// All keys of which the time has come. Those that are set again meanwhile are of the next round, however early their time is.
    pub(super) fn all_due(&mut self, now: u64) -> Vec<u64> {
        std::iter::from_fn(|| self.due(now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once_at_its_earliest_time() {
        let mut timers = Timers::default();
        timers.set(1, 50);
        timers.set(1, 30);
        timers.set(1, 60);
        timers.set(2, 40);
        timers.set(3, 35);
        timers.forget(3);
        assert_eq!(timers.next(), Some(30));
        assert_eq!(timers.due(29), None);
        assert_eq!((timers.due(100), timers.due(100), timers.due(100)), (Some(1), Some(2), None));
        for key in 0..10_000 {
            timers.set(key, 1 << 40);
            timers.forget(key);
        }
        assert!(timers.heap.len() <= 64, "{}", timers.heap.len());
    }
}

//! How many packets there are so far, on a terminal where nothing else moves.

use std::io::{self, IsTerminal, Write};

use crate::sys::clock;

/// A line that is written over, as tcpdump's.
pub(super) struct Progress {
    is_wanted: bool,
    shown: u64,
    /// When it may be shown again, on the monotonic clock.
    next: u64,
}

impl Progress {
    /// Shown only where stderr is a terminal.
    pub(super) fn new(is_wanted: bool) -> Self {
        Self { is_wanted: is_wanted && io::stderr().is_terminal(), shown: 0, next: 0 }
    }

    /// Shows how many packets there are, at most once a second, and where that has changed.
    pub(super) fn show(&mut self, packets: u64) {
        if !self.is_wanted || packets == self.shown {
            return;
        }
        let now = clock::monotonic();
        if now < self.next {
            return;
        }
        (self.shown, self.next) = (packets, now.saturating_add(SECOND));
        // What is written next begins at the left again. Whoever cannot be told needs not be.
        let _ = write!(io::stderr(), "Got {packets}\r");
    }

    /// Nanoseconds until it should be shown again; `None` where it is not shown.
    pub(super) fn left(&self) -> Option<u64> {
        self.is_wanted.then_some(SECOND)
    }
}

const SECOND: u64 = 1_000_000_000;

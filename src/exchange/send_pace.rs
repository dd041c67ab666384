//! How packets are sent that are answered, and what a run of them came to.

use crate::exchange::engine::Nanos;

/// How packets are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two bursts; none when zero.
    pub interval: Nanos,
    /// Bits in a second, in place of an interval; none when zero.
    pub bits: u64,
    /// No packet is sent that would be due so long after the first.
    pub duration: Nanos,
    /// Packets in a burst, one right behind the other; at least 1.
    pub burst: usize,
    /// Whether answers are awaited at all.
    pub answers: bool,
    /// Whether packets are known when they are seen on their way out, also where no answers are awaited.
    pub watches: bool,
}

impl Default for Pace {
    /// One packet right behind the other, with answers.
    fn default() -> Self {
        Self { interval: 0, bits: 0, duration: Nanos::MAX, burst: 1, answers: true, watches: true }
    }
}

impl Pace {
    /// Whether packets are known when they are seen, going or coming.
    pub(super) fn looks(&self) -> bool {
        self.answers || self.watches
    }
}

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Packets handed to the kernel.
    pub sent: usize,
    /// Packets that could not be sent.
    pub failed: usize,
    /// Packets for which an answer was awaited.
    pub awaited: usize,
    /// Packets that something came back for.
    pub answered: usize,
    /// Expectations.
    pub expected: usize,
    /// Expectations that came out as they should.
    pub fulfilled: usize,
}

//! Several traces within one engine, one behind the other or side by side: whose packet is whose, and numbers that are not used twice.

use std::collections::VecDeque;

use super::{Trace, TracePlan};
use crate::exchange::engine::{Departure, Engine, Incoming, Nanos, Outgoing, SendError, Step};

/// Traces that are under way.
#[derive(Debug, Default)]
pub(super) struct Runs {
    runs: Vec<(usize, Trace)>,
    begun: usize,
    /// Numbers of probes that were given out.
    used: u16,
    /// Whose packet the last ones were: the trace and its own tag.
    sent: VecDeque<(usize, usize)>,
    /// How many were before these.
    forgotten: usize,
}

/// What the traces want next.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// A packet to send.
    pub(super) send: Option<Outgoing>,
    /// When to look again.
    pub(super) wait: Option<Nanos>,
    /// A trace that is over.
    pub(super) over: Option<(usize, Trace)>,
}

impl Runs {
    /// Begins a trace. Its probes get numbers that no other of the last sixty thousand had.
    pub(super) fn begin(&mut self, mut plan: TracePlan) -> usize {
        let count = u16::try_from(plan.probe_count()).unwrap_or(u16::MAX);
        if self.used.checked_add(count).is_none_or(|used| used > MOST_NUMBERS) {
            self.used = 0;
        }
        plan.base = plan.base.wrapping_add(self.used);
        plan.seq = plan.seq.wrapping_add(self.used.into());
        self.used = self.used.saturating_add(count);
        self.begun = self.begun.saturating_add(1);
        self.runs.push((self.begun, Trace::new(plan)));
        self.begun
    }

    /// The traces that are under way, in the order in which they began.
    pub(super) fn all(&self) -> impl Iterator<Item = (usize, &Trace)> {
        self.runs.iter().map(|(id, trace)| (*id, trace))
    }

    /// The same, to take from them.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = (usize, &mut Trace)> {
        self.runs.iter_mut().map(|(id, trace)| (*id, trace))
    }

    /// What they want at `now`.
    pub(super) fn step(&mut self, now: Nanos) -> Turn {
        let mut turn = Turn::default();
        for place in 0..self.runs.len() {
            let Some((id, trace)) = self.runs.get_mut(place) else { break };
            match trace.step(now) {
                Step::Send(mut outgoing) => {
                    self.sent.push_back((*id, outgoing.tag));
                    outgoing.tag = self.forgotten.saturating_add(self.sent.len()).saturating_sub(1);
                    if self.sent.len() > MOST_REMEMBERED {
                        self.sent.pop_front();
                        self.forgotten = self.forgotten.saturating_add(1);
                    }
                    turn.send = Some(outgoing);
                    return turn;
                }
                Step::Wait(at) => turn.wait = Some(turn.wait.map_or(at, |wait| wait.min(at))),
                Step::Idle => {}
                Step::Done => {
                    turn.over = Some(self.runs.remove(place));
                    return turn;
                }
            }
        }
        turn
    }

    fn of_tag(&mut self, tag: usize) -> Option<(&mut Trace, usize)> {
        let (id, own) = *self.sent.get(tag.checked_sub(self.forgotten)?)?;
        let (_, trace) = self.runs.iter_mut().find(|(run, _)| *run == id)?;
        Some((trace, own))
    }

    /// The hop that a packet with this tag goes to.
    pub(super) fn hop_of(&self, tag: usize) -> Option<u8> {
        let (id, own) = *self.sent.get(tag.checked_sub(self.forgotten)?)?;
        let (_, trace) = self.runs.iter().find(|(run, _)| *run == id)?;
        Some(trace.plan().hop_of(own))
    }

    pub(super) fn sent(&mut self, tag: usize, at: Nanos, wall: i64, result: Result<(), SendError>) {
        if let Some((trace, own)) = self.of_tag(tag) {
            trace.sent(own, at, wall, result);
        }
    }

    pub(super) fn stamped(&mut self, tag: usize, departure: Departure) {
        if let Some((trace, own)) = self.of_tag(tag) {
            trace.stamped(own, departure);
        }
    }

    pub(super) fn received(&mut self, packet: Incoming<'_>) {
        self.runs.iter_mut().for_each(|(_, trace)| trace.received(packet));
    }

    pub(super) fn stop(&mut self, now: Nanos) {
        self.runs.iter_mut().for_each(|(_, trace)| trace.stop(now));
    }
}

/// Numbers of probes are counted from one, in 16 bits.
const MOST_NUMBERS: u16 = 65_000;
/// The kernel tells of packets that left within a moment; of those before that it has told.
const MOST_REMEMBERED: usize = 16_384;

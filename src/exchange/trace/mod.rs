//! Trace as an engine: which probe to send when, which answer is to which, and when a hop is done.
//!
//! Hops are asked all at once, as many probes as may be in flight, in the order of hops. A hop is reported when each of its
//! probes was answered or given up, and all hops before it were reported. How long a probe is waited for depends on what is known
//! of its neighbours ([`Patience`]), so that a silent hop holds a trace up no longer than the others make likely.

mod answer;
mod ended;
mod extension;
pub(in crate::exchange) mod fields;
mod loss;
mod mtu;
mod paths;
mod plan;
mod probe;
mod quotation;
mod rounds;
mod runs;
#[cfg(test)]
mod script;
mod stopping;

use std::net::IpAddr;

use crate::exchange::engine::{Departure, Engine, Incoming, Nanos, Outgoing, SendError, Step};
use crate::exchange::moment::Moment;

pub use self::answer::{Answering, Asked, Reach, TraceFrame, Verdict, asked, belongs, frame_of};
pub use self::ended::{Ended, Ends, Fate};
pub use self::extension::{Extension, Interface, Label, Role};
pub use self::loss::{Cause, Heard, Missing, Pace, missing};
pub use self::mtu::{Narrowing, PathMtu};
pub use self::paths::{Layer, Node, Paths};
pub use self::plan::{Method, Patience, TracePlan};
pub use self::quotation::{Change, What};
pub use self::rounds::{HopRecord, Rounds};

use self::answer::Reading;

/// An answer to a probe.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Who answers.
    pub from: IpAddr,
    /// What it says.
    pub verdict: Verdict,
    /// From the probe's leaving to the answer's coming.
    pub rtt: Nanos,
    /// The answer's own time to live or hop limit.
    pub ttl: Option<u8>,
    /// When it came: nanoseconds since 1970.
    pub wall: i64,
    /// It came after it had been given up.
    pub is_late: bool,
    /// What the hop says beyond the error.
    pub extensions: Vec<Extension>,
    /// What had become of the probe until there.
    pub changes: Vec<Change>,
}

/// A probe and what came of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Probe {
    /// When it left.
    pub sent: Option<Moment>,
    is_given_up: bool,
    /// What came.
    pub answer: Option<Answer>,
}

impl Probe {
    fn is_open(&self) -> bool {
        self.answer.is_none() && !self.is_given_up
    }
}

/// A hop that is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Hop {
    /// Its number: the time to live of its probes.
    pub number: u8,
    /// Its probes, in the order in which they were sent.
    pub probes: Vec<Probe>,
    /// What no hop before it told: what became of probes before they came here.
    pub changes: Vec<Change>,
}

/// What was counted beside the hops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Probes that were sent.
    pub sent: u64,
    /// Probes that were answered.
    pub answered: u64,
    /// Further answers to probes that had one.
    pub duplicates: u64,
    /// Answers that came when their probe had been given up.
    pub late: u64,
}

/// The engine.
#[derive(Debug)]
pub struct Trace {
    plan: TracePlan,
    /// Those that were sent, in order.
    probes: Vec<Probe>,
    /// The numbers of those that are waited for.
    open: Vec<usize>,
    /// The first time that a probe took to a hop and back, by hop.
    took: [Option<Nanos>; 256],
    /// The nearest hop at which the way ends.
    end: Option<u8>,
    next_at: Nanos,
    /// The hop that is to be reported next.
    next_hop: u16,
    told: Vec<Change>,
    hops: Vec<Hop>,
    /// What was answered since somebody asked for that.
    fresh: Vec<usize>,
    counts: Counts,
    is_reached: bool,
    failure: Option<String>,
    is_stopping: bool,
    is_over: bool,
    /// Of so many probes it was told what came of them.
    ended: usize,
}

impl Trace {
    /// An engine for a plan, with at least one query and one probe in flight.
    pub fn new(plan: TracePlan) -> Self {
        let next_hop = plan.first_hop.into();
        Self {
            plan,
            probes: Vec::new(),
            open: Vec::new(),
            took: [None; 256],
            end: None,
            next_at: 0,
            next_hop,
            told: Vec::new(),
            hops: Vec::new(),
            fresh: Vec::new(),
            counts: Counts::default(),
            is_reached: false,
            failure: None,
            is_stopping: false,
            is_over: false,
            ended: 0,
        }
    }

    /// The hops that were done since the last call, in order.
    pub fn take_hops(&mut self) -> Vec<Hop> {
        std::mem::take(&mut self.hops)
    }

    /// What was answered since the last call, before its hop is done: the hop, when it was asked, and the answer.
    pub(super) fn take_fresh(&mut self) -> Vec<(u8, Nanos, Answer)> {
        let fresh = std::mem::take(&mut self.fresh);
        let told = |number: usize| {
            let probe = self.probes.get(number)?;
            Some((self.plan.hop_of(number), probe.sent?.at, probe.answer.clone()?))
        };
        fresh.into_iter().filter_map(told).collect()
    }

    /// The hops that were asked and did not answer, when they were asked, and whether they are still waited for.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = (u8, Nanos, bool)> + use<'_> {
        let silent = self.probes.iter().enumerate().filter(|(_, probe)| probe.answer.is_none());
        silent.filter_map(|(number, probe)| {
            Some((self.plan.hop_of(number), probe.sent?.at, !probe.is_given_up))
        })
    }

    /// The nearest hop at which the way ends.
    pub(super) fn end(&self) -> Option<u8> {
        self.end
    }

    /// What was counted.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether the destination answered, at a hop that was reported.
    pub fn is_reached(&self) -> bool {
        self.is_reached
    }

    /// The last hop that was reported.
    pub fn reported(&self) -> Option<u8> {
        let last = self.next_hop.checked_sub(1)?;
        u8::try_from(last).ok().filter(|last| *last >= self.plan.first_hop)
    }

    /// Why a probe could not be sent, which ends the trace.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// How it goes.
    pub fn plan(&self) -> &TracePlan {
        &self.plan
    }

    /// The last hop that is of interest.
    fn last(&self) -> u8 {
        self.end.unwrap_or(self.plan.last_hop)
    }

    /// When a probe is given up.
    fn deadline(&self, probe: usize) -> Option<Nanos> {
        let sent_at = self.probes.get(probe)?.sent?.at;
        let hop = usize::from(self.plan.hop_of(probe));
        let took = |hop: usize| self.took.get(hop).copied().flatten();
        let near = (hop.saturating_add(1)..self.took.len()).find_map(took);
        Some(sent_at.saturating_add(self.plan.patience.wait(took(hop), near)))
    }

    /// Gives up what has been waited for long enough, and what is of no interest any more. Returns when to look again.
    fn give_up(&mut self, now: Nanos) -> Option<Nanos> {
        let last = self.last();
        let mut next = None;
        for probe in std::mem::take(&mut self.open) {
            let deadline = self.deadline(probe).unwrap_or(now);
            let is_beyond = self.plan.hop_of(probe) > last;
            if deadline > now && !is_beyond {
                self.open.push(probe);
                next = Some(next.map_or(deadline, |next: Nanos| next.min(deadline)));
            } else if let Some(probe) = self.probes.get_mut(probe) {
                probe.is_given_up = true;
            }
        }
        next
    }

    /// Reports the hops that are done; when it is over, those up to the last one that answered.
    fn report(&mut self) {
        let answered = self.probes.iter().rposition(|probe| probe.answer.is_some());
        let heard_of = answered.map(|probe| self.plan.hop_of(probe)).filter(|_| self.is_stopping);
        while let Some(hop) = u8::try_from(self.next_hop).ok().filter(|hop| *hop <= self.last()) {
            let range = self.plan.probes_of(hop);
            let sent = self.probes.get(range.start..range.end.min(self.probes.len())).unwrap_or_default();
            let is_done = self.failure.is_none()
                && sent.len() == range.len()
                && sent.iter().all(|probe| !probe.is_open());
            if !is_done && heard_of.is_none_or(|last| hop > last) {
                return;
            }
            let probes = sent.to_vec();
            self.next_hop = self.next_hop.saturating_add(1);
            let answers = || probes.iter().filter_map(|probe| probe.answer.as_ref());
            self.is_reached |= answers().any(|answer| is_of_destination(&self.plan, answer));
            let mut changes = Vec::new();
            for change in answers().flat_map(|answer| &answer.changes) {
                if !self.told.contains(change) && self.told.len() < MOST_CHANGES {
                    self.told.push(change.clone());
                    changes.push(change.clone());
                }
            }
            self.hops.push(Hop { number: hop, probes, changes });
        }
    }

    fn next_probe(&mut self) -> Step {
        let number = self.probes.len();
        match self.plan.probe(number) {
            Ok(built) => {
                self.probes.push(Probe::default());
                self.open.push(number);
                Step::Send(Outgoing {
                    tag: number,
                    octets: built.octets,
                    link_type: built.link_type,
                    destination: Some(self.plan.destination),
                    interface: self.plan.interface,
                })
            }
            Err(error) => {
                self.fail(error.to_string());
                Step::Done
            }
        }
    }

    fn fail(&mut self, reason: String) {
        self.failure.get_or_insert(reason);
        self.is_stopping = true;
    }

    /// The probe that data of a UDP service answers, which does not say: the first that is open behind all hops that are on the
    /// way for sure.
    fn first_open_behind(&self) -> Option<usize> {
        let on_the_way = |probe: &Probe| {
            probe.answer.as_ref().is_some_and(|answer| answer.verdict == Verdict::TimeExceeded)
        };
        let places = self.probes.iter().enumerate().filter(|(_, probe)| on_the_way(probe));
        let behind = places.map(|(number, _)| self.plan.hop_of(number)).max().unwrap_or(0);
        self.open.iter().copied().filter(|probe| self.plan.hop_of(*probe) > behind).min()
    }

    fn answered(&mut self, reading: Reading, came: Moment) {
        let Some(number) = reading.probe.or_else(|| self.first_open_behind()) else { return };
        let hop = self.plan.hop_of(number);
        if hop > self.last() {
            return;
        }
        let is_reported = u16::from(hop) < self.next_hop;
        let Some(probe) = self.probes.get_mut(number) else { return };
        let Some(sent) = probe.sent else { return };
        if probe.answer.is_some() {
            self.counts.duplicates = self.counts.duplicates.saturating_add(1);
            return;
        }
        let is_late = probe.is_given_up;
        if is_late {
            self.counts.late = self.counts.late.saturating_add(1);
        }
        if is_reported {
            return;
        }
        let rtt = sent.until(came);
        let Reading { from, ttl, verdict, extensions, changes, .. } = reading;
        probe.answer =
            Some(Answer { from, verdict, rtt, ttl, wall: came.wall, is_late, extensions, changes });
        self.counts.answered = self.counts.answered.saturating_add(1);
        self.open.retain(|open| *open != number);
        self.fresh.push(number);
        if let Some(took) = self.took.get_mut(usize::from(hop)) {
            took.get_or_insert(rtt);
        }
        if verdict != Verdict::TimeExceeded {
            self.end = Some(self.end.map_or(hop, |end| end.min(hop)));
        }
    }
}

/// Whether an answer is the destination's: errors of the destination itself count too.
fn is_of_destination(plan: &TracePlan, answer: &Answer) -> bool {
    match answer.verdict {
        Verdict::Reached(_) => true,
        Verdict::Error { .. } | Verdict::TimeExceeded => answer.from == plan.destination,
    }
}

/// Changes that are remembered: a hop that quotes nonsense has something new to tell each time.
const MOST_CHANGES: usize = 1024;

impl Engine for Trace {
    fn step(&mut self, now: Nanos) -> Step {
        let look_again = self.give_up(now);
        self.report();
        let last = self.last();
        if self.is_stopping || self.next_hop > last.into() {
            self.is_over = true;
            return Step::Done;
        }
        let next = self.probes.len();
        let is_any_left = next < self.plan.probe_count() && self.plan.hop_of(next) <= last;
        if is_any_left && self.open.len() < self.plan.in_flight {
            if now >= self.next_at {
                return self.next_probe();
            }
            return Step::Wait(look_again.map_or(self.next_at, |look| look.min(self.next_at)));
        }
        look_again.map_or(Step::Idle, Step::Wait)
    }

    fn sent(&mut self, tag: usize, at: Nanos, wall: i64, result: Result<(), SendError>) {
        self.next_at = at.saturating_add(self.plan.pause);
        let Some(probe) = self.probes.get_mut(tag) else { return };
        match result {
            Ok(()) => {
                probe.sent = Some(Moment { at, wall });
                self.counts.sent = self.counts.sent.saturating_add(1);
            }
            Err(reason) => {
                probe.is_given_up = true;
                self.fail(reason.words);
            }
        }
    }

    fn stamped(&mut self, tag: usize, departure: Departure) {
        if let Some(probe) = self.probes.get_mut(tag).filter(|probe| probe.sent.is_some()) {
            probe.sent = Some(Moment { at: departure.at, wall: departure.wall });
        }
    }

    fn received(&mut self, packet: Incoming<'_>) {
        if packet.outgoing {
            return;
        }
        if let Some(reading) = answer::read(&self.plan, packet.octets, packet.link_type) {
            self.answered(reading, Moment { at: packet.at, wall: packet.wall });
        }
    }

    fn stop(&mut self, _now: Nanos) {
        self.is_stopping = true;
    }
}

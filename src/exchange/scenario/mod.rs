//! Scenarios as an engine: step by step, what is sent and what must come then, up to the first step that is not met.
//!
//! A step waits, sends its packets, and looks at what comes from then on. Of what came since the last packet was sent, a packet
//! that nobody took yet is still there for what a later step expects; what must not come counts from the step's own beginning.

mod came;
#[cfg(test)]
mod script;

use std::collections::VecDeque;

use self::came::{Came, Kept, Peers};
use crate::exchange::engine::{Engine, Incoming, Nanos, Outgoing, SendError, Step};
use crate::exchange::expect::{Expectation, GRACE};
use crate::exchange::matcher::Matcher;
use crate::exchange::send::Ready;
use crate::exchange::send_event::Seen;
use crate::filter::field::About;
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::wire::layers::LayerTable;

/// One step, as it is to be done.
#[derive(Debug, Clone)]
pub struct Doing {
    /// How long it waits first.
    pub wait: Nanos,
    /// Whether it sends something.
    pub sends: bool,
    /// What must come then, and what must not.
    pub expect: Vec<Expectation>,
}

/// Makes the packets of steps.
pub trait Maker {
    /// What a step sends; `about` has the packets that were sent and that came before: of step `n` what it sent at place 2`n`, and
    /// what came at 2`n` + 1, behind those of all steps what came last.
    ///
    /// # Errors
    /// Why it cannot be made, in words.
    fn make(&mut self, step: usize, about: &About<'_>) -> Result<Vec<Ready>, String>;
}

/// Something worth telling. Steps are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A packet left in a step.
    Sent {
        /// The step.
        step: usize,
        /// The packet.
        seen: Seen,
    },
    /// A packet came in a step that has to do with what was sent, or that was expected.
    Came {
        /// The step.
        step: usize,
        /// The packet.
        seen: Seen,
        /// Which of the step's expectations took it.
        taken: Option<usize>,
    },
}

/// How a scenario ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Every step was met.
    Passed,
    /// One was not.
    Failed(Failure),
    /// A packet could not be made or sent in this step.
    NotSent {
        /// The step.
        step: usize,
        /// Why.
        reason: String,
    },
    /// Nobody waited to the end.
    Stopped,
}

/// A step that was not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The step.
    pub step: usize,
    /// Which of its expectations.
    pub expectation: usize,
    /// Whether a packet came that it takes, and that met another expectation of the step: it meets one.
    pub is_taken: bool,
    /// The packet that must not come, and how long after the step began; left out where one had to come and did not.
    pub broken_by: Option<(Seen, Nanos)>,
    /// What came since the last packet was sent, that has to do with what was sent: how long after the step began (before it,
    /// where that is negative), and the packet. The first few of them.
    pub came: Vec<(i64, Seen)>,
    /// How many others there were.
    pub others: u64,
}

/// Where it is.
#[derive(Debug)]
enum Phase {
    /// The step waits.
    Waiting,
    /// It sends these.
    Sending(VecDeque<Ready>),
    /// It looks at what comes; the numbers of its expectations that are open.
    Looking(Vec<usize>),
    /// It is over.
    Over(Ending),
}

/// The engine.
#[derive(Debug)]
pub struct Play<M> {
    steps: Vec<Doing>,
    maker: M,
    step: usize,
    phase: Phase,
    /// When the step began: when the one before it ended, or its last packet left.
    began: Nanos,
    /// Expectations of the step that would have taken a packet which met another one.
    also: Vec<usize>,
    is_begun: bool,
    matcher: Matcher,
    peers: Peers,
    /// By their places; see [`Maker::make`].
    kept: Vec<Option<Kept>>,
    sent: Option<Kept>,
    /// The packet that is being sent.
    leaving: Option<Kept>,
    /// For each packet, the step that sent it.
    sent_in: Vec<usize>,
    came: Came,
    happened: Vec<Happening>,
}

impl<M: Maker> Play<M> {
    /// A scenario of these steps.
    pub fn new(steps: Vec<Doing>, maker: M) -> Self {
        let places = steps.len().saturating_mul(2).saturating_add(1);
        Self {
            kept: (0..places).map(|_| None).collect(),
            steps,
            maker,
            step: 0,
            phase: Phase::Waiting,
            began: 0,
            also: Vec::new(),
            is_begun: false,
            matcher: Matcher::default(),
            peers: Peers::default(),
            sent: None,
            leaving: None,
            sent_in: Vec::new(),
            came: Came::default(),
            happened: Vec::new(),
        }
    }

    /// What happened since the last call.
    pub fn take_happenings(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.happened)
    }

    /// How it ended; `None` while it goes on.
    pub fn ending(&self) -> Option<&Ending> {
        if let Phase::Over(ending) = &self.phase { Some(ending) } else { None }
    }

    /// The step that it is at, or the last one when it is over.
    pub fn step_number(&self) -> usize {
        self.step.min(self.steps.len().saturating_sub(1))
    }

    /// Does what a step does before it looks at what comes.
    fn advance(&mut self, now: Nanos) -> Step {
        loop {
            let Some(doing) = self.steps.get(self.step) else {
                self.phase = Phase::Over(Ending::Passed);
                return Step::Done;
            };
            match &mut self.phase {
                Phase::Waiting => {
                    let until = self.began.saturating_add(doing.wait);
                    if now < until {
                        return Step::Wait(until);
                    }
                    if doing.wait > 0 {
                        self.began = until;
                    }
                    match self.make() {
                        Ok(ready) => self.phase = Phase::Sending(ready.into()),
                        Err(reason) => {
                            self.phase = Phase::Over(Ending::NotSent { step: self.step, reason });
                            return Step::Done;
                        }
                    }
                }
                Phase::Sending(ready) => match ready.pop_front() {
                    Some(ready) => return self.send(ready),
                    None => self.look(),
                },
                Phase::Looking(open) if open.is_empty() => {
                    self.step = self.step.saturating_add(1);
                    self.phase = Phase::Waiting;
                }
                Phase::Looking(_) => match self.expire(now) {
                    Some(until) => return Step::Wait(until),
                    None => continue,
                },
                Phase::Over(_) => return Step::Done,
            }
        }
    }

    /// What the step sends, if it does.
    fn make(&mut self) -> Result<Vec<Ready>, String> {
        if !self.steps.get(self.step).is_some_and(|doing| doing.sends) {
            return Ok(Vec::new());
        }
        let known: Vec<Option<Dissected<'_>>> =
            self.kept.iter().map(|kept| kept.as_ref().map(Kept::dissected)).collect();
        let sent = self.sent.as_ref().map(Kept::dissected);
        self.maker.make(self.step, &About { sent, known: &known, ..About::default() })
    }

    fn send(&mut self, ready: Ready) -> Step {
        let number = self.matcher.sent_count();
        let asked = ready.whole.as_ref().unwrap_or(&ready.built);
        if ready.is_later {
            self.matcher.sent_part(&ready.built.octets, &ready.built.table);
        } else {
            self.matcher.sent(&asked.octets, &asked.table);
        }
        let kept = Kept::of(asked.octets.clone(), asked.link_type);
        self.peers.add(&kept);
        self.leaving = Some(kept);
        self.sent_in.push(self.step);
        let (octets, link_type) = (ready.built.octets, ready.built.link_type);
        let Ready { destination, interface, .. } = ready;
        Step::Send(Outgoing { tag: number, octets, link_type, destination, interface })
    }

    /// Begins to look at what comes, and at what came since the last packet was sent.
    fn look(&mut self) {
        let count = self.steps.get(self.step).map_or(0, |doing| doing.expect.len());
        self.phase = Phase::Looking((0..count).collect());
        self.also.clear();
        for (at, seen) in self.came.take_all() {
            self.hold(at, seen, true);
        }
    }

    /// Ends what has waited long enough; tells when the next one has. `None`: the step may be over.
    fn expire(&mut self, now: Nanos) -> Option<Nanos> {
        let doing = self.steps.get(self.step)?;
        let Phase::Looking(open) = &mut self.phase else { return None };
        let began = self.began;
        let end = |number: &usize| {
            let within = doing.expect.get(*number).map_or(0, |one| one.within);
            began.saturating_add(within).saturating_add(GRACE)
        };
        let is_wanted = |number: &usize| doing.expect.get(*number).is_some_and(|one| one.is_wanted);
        let missed = open.iter().copied().filter(is_wanted).find(|number| end(number) <= now);
        if let Some(expectation) = missed {
            self.fail(expectation, None);
            return None;
        }
        let held = open.iter().filter(|number| end(number) <= now).max_by_key(|number| end(number)).copied();
        if let Some(number) = held {
            open.retain(|number| end(number) > now);
            if open.is_empty() {
                self.began = end(&number).saturating_sub(GRACE);
            }
            return None;
        }
        open.iter().map(end).min()
    }

    fn fail(&mut self, expectation: usize, broken_by: Option<(Seen, Nanos)>) {
        let (came, others) = self.came.told(self.began);
        let is_taken = self.also.contains(&expectation);
        let failure = Failure { step: self.step, expectation, is_taken, broken_by, came, others };
        self.phase = Phase::Over(Ending::Failed(failure));
    }

    /// Holds a packet against what is expected; `is_early` is one that may have come before the step began.
    fn hold(&mut self, at: Nanos, seen: Seen, is_early: bool) {
        let (step, is_known) = (self.step_number(), self.peers.knows(&seen));
        let (Some(doing), Phase::Looking(open)) = (self.steps.get(step), &mut self.phase) else {
            if !is_early && is_known {
                self.happened.push(Happening::Came { step, seen: seen.clone(), taken: None });
            }
            return self.came.push(at, seen, is_known);
        };
        let after = at.saturating_sub(self.began);
        let taken = {
            let packet = Kept::of(seen.octets.clone(), seen.link_type);
            let known: Vec<Option<Dissected<'_>>> =
                self.kept.iter().map(|kept| kept.as_ref().map(Kept::dissected)).collect();
            let sent = self.sent.as_ref().map(Kept::dissected);
            let about = About { time: Some(seen.wall), sent, known: &known, ..About::default() };
            let dissected = Dissected { wire_len: seen.len, ..packet.dissected() };
            let takes = |number: &usize, is_wanted: bool| {
                let Some(one) = doing.expect.get(*number) else { return false };
                // What must not come counts from the beginning of the step on.
                let in_time = after <= one.within && (one.is_wanted || at >= self.began);
                one.is_wanted == is_wanted && in_time && one.filter.matches(&dissected, &about)
            };
            let find = |is_wanted| open.iter().copied().find(|number| takes(number, is_wanted));
            let taken =
                find(false).map(|number| (number, false)).or_else(|| find(true).map(|number| (number, true)));
            if let Some((number, true)) = taken {
                let others = open.iter().copied().filter(|other| *other != number);
                self.also.extend(others.filter(|other| takes(other, true)));
            }
            taken
        };
        // What has to do with it was told when it came.
        let is_new = if is_early { !is_known && taken.is_some() } else { is_known || taken.is_some() };
        if is_new {
            let taken = taken.map(|(number, _)| number);
            self.happened.push(Happening::Came { step, seen: seen.clone(), taken });
        }
        match taken {
            Some((number, false)) => self.fail(number, Some((seen, after))),
            Some((number, true)) => self.met(number, at, &seen),
            None => self.came.push(at, seen, is_known),
        }
    }

    /// A packet came that had to.
    fn met(&mut self, number: usize, at: Nanos, seen: &Seen) {
        let Phase::Looking(open) = &mut self.phase else { return };
        open.retain(|one| *one != number);
        let is_over = open.is_empty();
        let first =
            self.steps.get(self.step).and_then(|doing| doing.expect.iter().position(|one| one.is_wanted));
        let came = self.step.saturating_mul(2).saturating_add(1);
        let last = self.kept.len().saturating_sub(1);
        for (place, is_it) in [(came, first == Some(number)), (last, true)] {
            if let Some(slot) = self.kept.get_mut(place).filter(|_| is_it) {
                *slot = Some(Kept::of(seen.octets.clone(), seen.link_type));
            }
        }
        if is_over {
            self.began = self.began.max(at);
        }
    }
}

impl<M: Maker> Engine for Play<M> {
    fn step(&mut self, now: Nanos) -> Step {
        if !self.is_begun {
            (self.is_begun, self.began) = (true, now);
        }
        self.advance(now)
    }

    fn sent(&mut self, _tag: usize, at: Nanos, _wall: i64, result: Result<(), SendError>) {
        let Some(kept) = self.leaving.take() else { return };
        if let Err(reason) = result {
            self.phase = Phase::Over(Ending::NotSent { step: self.step, reason: reason.words });
            return;
        }
        let place = self.step.saturating_mul(2);
        if let Some(slot) = self.kept.get_mut(place) {
            *slot = Some(kept.clone());
        }
        self.sent = Some(kept);
        self.began = at;
        self.came.clear();
        // What comes from now on is looked at, before anybody asks for the next step.
        if matches!(&self.phase, Phase::Sending(ready) if ready.is_empty()) {
            self.look();
        }
    }

    fn received(&mut self, packet: Incoming<'_>) {
        let mut table = LayerTable::default();
        dissect(packet.octets, packet.link_type, &mut table);
        let answers = !packet.outgoing && self.matcher.received(packet.octets, &table).is_some();
        // On a loopback interface our own packets come in as well.
        let leaves = if answers { None } else { self.matcher.seen_leaving(packet.octets, &table) };
        if let Some(number) = leaves {
            let step = self.sent_in.get(number).copied().unwrap_or(self.step_number());
            self.happened.push(Happening::Sent { step, seen: packet.into() });
        } else if !packet.outgoing {
            if answers {
                self.peers.answer(packet.octets);
            }
            self.hold(packet.at, packet.into(), false);
        }
    }

    fn stop(&mut self, _now: Nanos) {
        if self.ending().is_none() {
            self.phase = Phase::Over(Ending::Stopped);
        }
    }
}

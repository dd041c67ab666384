//! The same way again and again, as `mtr` does it: in each round one probe to each hop, and what came of all rounds.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::loss::{Heard, Missing, missing};
use super::runs::Runs;
use super::{
    Answer, Change, Counts, Ended, Ends, Extension, Fate, Trace, TracePlan, Verdict, is_of_destination,
};
use crate::exchange::engine::{Departure, Engine, Incoming, MILLISECOND, Nanos, SendError, Step};
use crate::statistics::Spread;

/// What is known of a hop.
#[derive(Debug, Clone, Default)]
pub struct HopRecord {
    /// The hop.
    pub hop: u8,
    /// Who answered there, and how often, in the order in which they did so first.
    pub routers: Vec<(IpAddr, u64)>,
    /// Probes that were sent.
    pub sent: u64,
    /// Probes that are waited for.
    pub open: u64,
    /// Probes that were answered.
    pub answered: u64,
    /// How long the last one took.
    pub last: Option<Nanos>,
    /// How long all took.
    pub times: Spread,
    /// The sum of the squares of what they differ by from their mean (Welford, Technometrics 1962).
    squares: f64,
    mean: f64,
    /// When the last probes were sent, and how long each took.
    pub recent: VecDeque<(Nanos, Option<Nanos>)>,
    /// What it says beyond its errors: labels, interfaces.
    pub extensions: Vec<Extension>,
    /// What it was the first to tell of the way.
    pub changes: Vec<Change>,
    /// How it said that the way ends here.
    pub end: Option<Verdict>,
}

impl HopRecord {
    /// Probes of which it is known what came of them.
    pub fn asked(&self) -> u64 {
        self.sent.saturating_sub(self.open)
    }

    /// Of these, how many in a thousand were not answered.
    pub fn loss_per_mille(&self) -> u64 {
        let lost = self.asked().saturating_sub(self.answered);
        lost.saturating_mul(1000).checked_div(self.asked()).unwrap_or(0)
    }

    /// The standard deviation of the times, as a sample's.
    pub fn deviation(&self) -> Nanos {
        match self.answered.checked_sub(1).filter(|freedom| *freedom > 0) {
            Some(freedom) => (self.squares / freedom as f64).sqrt() as Nanos,
            None => 0,
        }
    }

    fn note(&mut self, answer: &Answer) {
        self.answered = self.answered.saturating_add(1);
        self.last = Some(answer.rtt);
        self.times.add(answer.rtt);
        let rtt = answer.rtt as f64;
        let off = rtt - self.mean;
        self.mean += off / self.answered as f64;
        self.squares += off * (rtt - self.mean);
        if let Some((_, count)) = self.routers.iter_mut().find(|(router, _)| *router == answer.from) {
            *count = count.saturating_add(1);
        } else if self.routers.len() < MOST_ROUTERS {
            self.routers.push((answer.from, 1));
        }
        self.extensions.clone_from(&answer.extensions);
        for change in &answer.changes {
            if !self.changes.contains(change) && self.changes.len() < MOST_CHANGES {
                self.changes.push(change.clone());
            }
        }
        self.end = (answer.verdict != Verdict::TimeExceeded).then_some(answer.verdict);
    }

    fn came_of(&mut self, sent_at: Nanos, rtt: Option<Nanos>) {
        // That nothing came is known later than that something did.
        let place = self.recent.iter().rposition(|(before, _)| *before <= sent_at);
        self.recent.insert(place.map_or(0, |place| place.saturating_add(1)), (sent_at, rtt));
        if self.recent.len() > MOST_RECENT {
            self.recent.pop_front();
        }
    }
}

/// Of a hop, so many routers, changes and times are remembered.
const MOST_ROUTERS: usize = 16;
const MOST_CHANGES: usize = 16;
const MOST_RECENT: usize = 512;

/// The engine.
#[derive(Debug)]
pub struct Rounds {
    plan: TracePlan,
    interval: Nanos,
    /// Rounds to do; `None` for no end.
    count: Option<u64>,
    begun: u64,
    next_at: Option<Nanos>,
    runs: Runs,
    hops: Vec<HopRecord>,
    is_paused: bool,
    is_stopping: bool,
    counts: Counts,
    is_reached: bool,
    failure: Option<String>,
    ended: Vec<Ended>,
}

impl Rounds {
    /// An engine for a plan, a round each so many nanoseconds.
    pub fn new(plan: TracePlan, interval: Nanos, count: Option<u64>) -> Self {
        let patience = super::Patience { here: 0, near: 0, ..plan.patience };
        Self {
            plan: TracePlan { queries: 1, patience, ..plan },
            interval,
            count,
            begun: 0,
            next_at: None,
            runs: Runs::default(),
            hops: Vec::new(),
            is_paused: false,
            is_stopping: false,
            counts: Counts::default(),
            is_reached: false,
            failure: None,
            ended: Vec::new(),
        }
    }

    /// How it goes.
    pub fn plan(&self) -> &TracePlan {
        &self.plan
    }

    /// Rounds that have begun.
    pub fn rounds(&self) -> u64 {
        self.begun
    }

    /// The hops up to the end of the way, or else up to the last one that answered.
    pub fn hops(&self) -> &[HopRecord] {
        let end = self.hops.iter().position(|hop| hop.end.is_some());
        let last = end.or_else(|| self.hops.iter().rposition(|hop| hop.answered > 0));
        self.hops.get(..last.map_or(0, |last| last.saturating_add(1))).unwrap_or_default()
    }

    /// Why answers are missing, of those hops of which some are.
    pub fn missing(&self) -> Vec<Missing> {
        let heard = self.hops().iter().map(|record| Heard {
            hop: record.hop,
            asked: record.asked(),
            answered: record.answered,
            recent: record.recent.iter().map(|(at, rtt)| (*at, rtt.is_some())).collect(),
        });
        missing(&heard.collect::<Vec<_>>())
    }

    /// What was counted.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether the destination answered.
    pub fn is_reached(&self) -> bool {
        self.is_reached
    }

    /// Why a probe could not be sent, which ends it.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Whether no round is begun.
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Has rounds begun no more, or again.
    pub fn pause(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
        // After a pause the next one is due at once.
        self.next_at = None;
    }

    /// Forgets what was found.
    pub fn forget(&mut self) {
        for record in &mut self.hops {
            *record =
                HopRecord { hop: record.hop, open: record.open, sent: record.open, ..HopRecord::default() };
        }
        self.is_reached = false;
    }

    /// How far the next round goes: to the end of the way, or some hops behind the last one that answered.
    fn reach(&self) -> u8 {
        let end = self.hops.iter().find(|hop| hop.end.is_some()).map(|hop| hop.hop);
        let answered = self.hops.iter().rev().find(|hop| hop.answered > 0).map(|hop| hop.hop);
        let beyond = answered.map(|last| last.saturating_add(MOST_SILENT));
        // Before anything is known the whole way is asked.
        end.or(beyond.filter(|_| self.begun > 1)).unwrap_or(u8::MAX).min(self.plan.last_hop)
    }

    fn begin(&mut self, now: Nanos) {
        self.begun = self.begun.saturating_add(1);
        let due = self.next_at.unwrap_or(now);
        // A computer that slept does not make up for it.
        let late = now.saturating_sub(due) > self.interval;
        self.next_at = Some(if late { now } else { due }.saturating_add(self.interval));
        self.runs.begin(TracePlan { last_hop: self.reach(), ..self.plan.clone() });
    }

    fn record(&mut self, hop: u8) -> Option<&mut HopRecord> {
        let place = usize::from(hop.saturating_sub(self.plan.first_hop));
        for further in self.hops.len()..=place {
            let further = u8::try_from(further).unwrap_or(u8::MAX);
            let hop = self.plan.first_hop.saturating_add(further);
            self.hops.push(HopRecord { hop, ..HopRecord::default() });
        }
        self.hops.get_mut(place)
    }

    /// Takes what is new of the traces into the records.
    fn gather(&mut self) {
        let mut fresh = Vec::new();
        for (_, trace) in self.runs.all_mut() {
            fresh.extend(trace.take_fresh());
        }
        for (hop, sent_at, answer) in fresh {
            self.counts.answered = self.counts.answered.saturating_add(1);
            self.is_reached |= is_of_destination(&self.plan, &answer);
            if let Some(record) = self.record(hop) {
                record.open = record.open.saturating_sub(1);
                record.note(&answer);
                record.came_of(sent_at, Some(answer.rtt));
            }
        }
    }

    /// A round is over: what was not answered is missing; what went beyond the end does not count.
    fn over(&mut self, round: usize, trace: &mut Trace) {
        let ended = TracePlan::ended_of(&self.plan, round, trace).into_iter();
        // What is not waited for any more at the end counts as missing, unless somebody wanted it to end.
        let is_missing = |one: &Ended| one.fate == Fate::Open && !self.is_stopping;
        self.ended.extend(
            ended.map(|one| if is_missing(&one) { Ended { fate: Fate::Silent, ..one } } else { one }),
        );
        let counts = trace.counts();
        self.counts.duplicates = self.counts.duplicates.saturating_add(counts.duplicates);
        if let Some(reason) = trace.failure() {
            self.failure.get_or_insert(reason.to_owned());
        }
        let end = trace.end();
        for (hop, sent_at, is_open) in trace.unanswered() {
            // Nor does what may still come when somebody wants it to end.
            let is_nothing = end.is_some_and(|end| hop > end) || (self.is_stopping && is_open);
            let Some(record) = self.record(hop) else { continue };
            record.open = record.open.saturating_sub(1);
            if is_nothing {
                record.sent = record.sent.saturating_sub(1);
            } else {
                record.came_of(sent_at, None);
            }
        }
    }

    /// When nothing that is waited for is likely to come any more: hops that never answered are not waited for longer than
    /// those behind them took.
    fn waits_until(&self) -> Nanos {
        let worst = |hop: u8| {
            let record = self.hops.iter().find(|record| record.hop == hop && record.answered > 0)?;
            Some(record.times.most())
        };
        let mut until = 0;
        for (_, trace) in self.runs.all() {
            for (hop, sent_at, _) in trace.unanswered().filter(|(.., is_open)| *is_open) {
                let farther = self.hops.iter().filter(|record| record.hop > hop && record.answered > 0);
                let took = worst(hop).or_else(|| farther.map(|record| record.times.most()).max());
                let wait = took.map_or(self.plan.patience.longest, |took| {
                    took.saturating_mul(LAST_PATIENCE).max(LEAST_PATIENCE).min(self.plan.patience.longest)
                });
                until = until.max(sent_at.saturating_add(wait));
            }
        }
        until
    }

    fn is_last_round_sent(&self) -> bool {
        self.is_stopping || self.failure.is_some() || self.count.is_some_and(|count| self.begun >= count)
    }
}

impl Ends for Rounds {
    fn take_ended(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.ended)
    }
}

/// As many hops in a row may be silent before they are taken for none, as with `mtr -U`.
const MOST_SILENT: u8 = 12;
/// At the end, an answer is waited for so many times as long as the slowest one took, and so long in any case.
const LAST_PATIENCE: Nanos = 5;
const LEAST_PATIENCE: Nanos = 100 * MILLISECOND;

impl Engine for Rounds {
    fn step(&mut self, now: Nanos) -> Step {
        loop {
            self.gather();
            let is_last = self.is_last_round_sent();
            let is_due = !is_last && !self.is_paused && self.next_at.is_none_or(|at| at <= now);
            if is_due {
                self.begin(now);
            }
            let turn = self.runs.step(now);
            if let Some(outgoing) = turn.send {
                return Step::Send(outgoing);
            }
            if let Some((round, mut trace)) = turn.over {
                self.over(round, &mut trace);
                continue;
            }
            if !is_last {
                let next = self.next_at.filter(|_| !self.is_paused);
                let wait = [next, turn.wait].into_iter().flatten().min();
                return wait.map_or(Step::Idle, Step::Wait);
            }
            let until = self.waits_until();
            let (Some(wait), true) = (turn.wait, now < until && !self.is_stopping) else {
                self.runs.stop(now);
                if self.runs.all().next().is_none() {
                    return Step::Done;
                }
                continue;
            };
            return Step::Wait(wait.min(until));
        }
    }

    fn sent(&mut self, tag: usize, at: Nanos, wall: i64, result: Result<(), SendError>) {
        let is_sent = result.is_ok();
        self.runs.sent(tag, at, wall, result);
        let hop = self.runs.hop_of(tag).filter(|_| is_sent);
        if let Some(record) = hop.and_then(|hop| self.record(hop)) {
            record.sent = record.sent.saturating_add(1);
            record.open = record.open.saturating_add(1);
            self.counts.sent = self.counts.sent.saturating_add(1);
        }
    }

    fn stamped(&mut self, tag: usize, departure: Departure) {
        self.runs.stamped(tag, departure);
    }

    fn received(&mut self, packet: Incoming<'_>) {
        self.runs.received(packet);
        self.gather();
    }

    fn stop(&mut self, _now: Nanos) {
        self.is_stopping = true;
    }
}

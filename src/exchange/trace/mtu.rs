//! The path MTU: the largest packet that comes through whole, and the hop behind which no larger one does.
//!
//! First the way is found by short probes. Then a packet as large as the first link takes goes to the end of it, with the order not to
//! fragment it. A router behind which the link is narrower says so (RFC 1191, RFC 8201), and the next one is as large as it says. Where a packet
//! is not answered and a short one beside it is, it was lost for its length (a black hole, RFC 2923): then the length is searched for by
//! halves, and the hop by letting packets that are too large end at each.

use std::net::IpAddr;

use super::runs::Runs;
use super::{Answer, Ended, Ends, Hop, Trace, TracePlan, Verdict};
use crate::exchange::engine::{Departure, Engine, Incoming, MILLISECOND, Nanos, SECOND, SendError, Step};

/// A place where the way becomes narrower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Narrowing {
    /// The last hop before it: larger packets come so far. `None` when the router is none of the way's.
    pub hop: Option<u8>,
    /// Who that is.
    pub router: Option<IpAddr>,
    /// The largest packet that passes, in octets of the IP packet.
    pub mtu: usize,
    /// Whether the router says so; else packets vanish without a word.
    pub is_told: bool,
}

/// The engine.
#[derive(Debug)]
pub struct PathMtu {
    plan: TracePlan,
    /// The length of the largest packet to try.
    largest: usize,
    runs: Runs,
    stage: Stage,
    hops: Vec<Hop>,
    /// The end of the way: the hop that packets are sent to.
    end: u8,
    rtt: Nanos,
    /// The longest packet that passed.
    passes: usize,
    /// The shortest one that is known not to.
    fails: Option<usize>,
    narrowings: Vec<Narrowing>,
    is_reached: bool,
    is_certain: bool,
    failure: Option<String>,
    ended: Vec<Ended>,
}

/// What is being found out.
#[derive(Debug)]
enum Stage {
    /// Which hops there are.
    Way(usize),
    /// Whether a packet of this length passes.
    Length(Trial),
    /// Nothing until then: those who answer may have said as much as they want to.
    Pause(Nanos, Trial),
    /// How far packets of this length come.
    Place(usize),
    /// Nothing any more.
    Over,
}

/// A packet of some length, and a short one that tells whether anything is answered.
#[derive(Debug, Clone, Default)]
struct Trial {
    len: usize,
    long: usize,
    short: usize,
    long_answer: Option<Option<Answer>>,
    short_answer: Option<Option<Answer>>,
    /// How often the short one alone was answered.
    losses: u8,
    /// How often neither was.
    silences: u8,
}

impl PathMtu {
    /// An engine for a plan whose probes are short; `largest` is what the first link takes.
    pub fn new(plan: TracePlan, largest: usize) -> Self {
        let plan = TracePlan { dont_fragment: true, packet_len: plan.shortest_len(), ..plan };
        let mut runs = Runs::default();
        let way = runs.begin(plan.clone());
        Self {
            largest: largest.clamp(plan.packet_len, usize::from(u16::MAX)),
            passes: plan.packet_len,
            plan,
            runs,
            stage: Stage::Way(way),
            hops: Vec::new(),
            end: 0,
            rtt: 0,
            fails: None,
            narrowings: Vec::new(),
            is_reached: false,
            is_certain: true,
            failure: None,
            ended: Vec::new(),
        }
    }

    /// How it goes.
    pub fn plan(&self) -> &TracePlan {
        &self.plan
    }

    /// The hops of the way.
    pub fn hops(&self) -> &[Hop] {
        &self.hops
    }

    /// The path MTU: the longest packet that passed.
    pub fn mtu(&self) -> usize {
        self.passes
    }

    /// The largest packet that was to be tried.
    pub fn largest(&self) -> usize {
        self.largest
    }

    /// Where the way becomes narrower.
    pub fn narrowings(&self) -> &[Narrowing] {
        &self.narrowings
    }

    /// Whether the destination is at the end of the way; else it is the last hop that answers.
    pub fn is_reached(&self) -> bool {
        self.is_reached
    }

    /// Whether each packet that was missing was missing for its length, as far as can be told.
    pub fn is_certain(&self) -> bool {
        self.is_certain
    }

    /// Why a probe could not be sent, which ends it.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// The last hop that answered.
    pub fn end(&self) -> u8 {
        self.end
    }

    /// Begins to ask whether packets of this length pass.
    fn ask(&mut self, trial: Trial) {
        let patience = super::Patience { longest: self.wait(), here: 0, near: 0 };
        let one =
            TracePlan { first_hop: self.end, last_hop: self.end, queries: 1, patience, ..self.plan.clone() };
        // The long one first: where few are answered, it is the one that counts.
        let long = self.runs.begin(TracePlan { packet_len: trial.len, ..one.clone() });
        let short = self.runs.begin(one);
        self.stage = Stage::Length(Trial { long, short, long_answer: None, short_answer: None, ..trial });
    }

    /// How long an answer is waited for.
    fn wait(&self) -> Nanos {
        self.rtt.saturating_mul(5).max(SHORTEST_WAIT).min(self.plan.patience.longest)
    }

    /// The next length to try.
    fn next_length(&mut self, last_told: Option<usize>) {
        let next = match (last_told, self.fails) {
            (Some(told), _) => Some(told),
            (None, None) if self.passes < self.largest => Some(self.largest),
            (None, None) => None,
            (None, Some(_)) if self.is_explained() => None,
            (None, Some(fails)) => {
                let gap = fails.saturating_sub(self.passes);
                (gap > 1).then(|| self.passes.saturating_add(gap / 2))
            }
        };
        match (next, self.fails) {
            (Some(len), _) => self.ask(Trial { len, ..Trial::default() }),
            (None, Some(fails)) if !self.is_explained() => self.seek(fails),
            (None, _) => self.stage = Stage::Over,
        }
    }

    /// Whether a router said that larger packets do not pass.
    fn is_explained(&self) -> bool {
        self.narrowings.iter().any(|narrowing| narrowing.is_told && narrowing.mtu == self.passes)
    }

    /// Finds out how far packets of a length come that do not pass.
    fn seek(&mut self, len: usize) {
        let patience = super::Patience { longest: self.wait(), here: 0, near: 0 };
        let plan =
            TracePlan { packet_len: len, last_hop: self.end, queries: 2, patience, ..self.plan.clone() };
        self.stage = Stage::Place(self.runs.begin(plan));
    }

    /// The hop at which somebody is.
    fn hop_of(&self, router: IpAddr) -> Option<u8> {
        let is_there = |hop: &&Hop| answers(hop).any(|answer| answer.from == router);
        self.hops.iter().find(is_there).map(|hop| hop.number)
    }

    fn way_found(&mut self, mut trace: Trace) {
        self.hops = trace.take_hops();
        self.is_reached = trace.is_reached();
        let last =
            self.hops.iter().rev().find_map(|hop| answers(hop).next().map(|answer| (hop.number, answer)));
        match last {
            Some((end, answer)) => {
                (self.end, self.rtt) = (end, answer.rtt);
                self.next_length(None);
            }
            None => self.stage = Stage::Over,
        }
    }

    /// What the two packets of a trial came to.
    fn judge(&mut self, trial: Trial, now: Nanos) {
        let (Some(long), Some(short)) = (&trial.long_answer, &trial.short_answer) else {
            self.stage = Stage::Length(trial);
            return;
        };
        match (long.as_ref().map(|answer| (answer, too_large(answer.verdict))), short) {
            (Some((answer, Some(mtu))), _) => self.told(trial.len, answer.from, mtu),
            (Some((_, None)), _) => {
                self.passes = self.passes.max(trial.len);
                self.next_length(None);
            }
            (None, Some(_)) => {
                let losses = trial.losses.saturating_add(1);
                if losses >= LOSSES {
                    self.fails = Some(self.fails.map_or(trial.len, |fails| fails.min(trial.len)));
                    self.next_length(None);
                } else {
                    self.ask(Trial { losses, ..trial });
                }
            }
            (None, None) => {
                let silences = trial.silences.saturating_add(1);
                if silences >= SILENCES {
                    self.is_certain = false;
                    self.fails = Some(self.fails.map_or(trial.len, |fails| fails.min(trial.len)));
                    self.next_length(None);
                } else {
                    let until = now.saturating_add(PAUSE);
                    self.stage = Stage::Pause(until, Trial { silences, ..trial });
                }
            }
        }
    }

    /// A router says how large packets may be.
    fn told(&mut self, len: usize, router: IpAddr, mtu: usize) {
        self.fails = Some(self.fails.map_or(len, |fails| fails.min(len)));
        // What is not smaller, or smaller than what passed, says nothing (RFC 1191 §4: 0; a lie).
        let is_useful = mtu < len && mtu > self.passes && self.narrowings.len() < MOST_TOLD;
        if is_useful {
            let hop = self.hop_of(router);
            self.narrowings.push(Narrowing { hop, router: Some(router), mtu, is_told: true });
        }
        self.next_length(is_useful.then_some(mtu));
    }

    fn place_found(&mut self, mut trace: Trace) {
        let hops = trace.take_hops();
        let passed = |hop: &&Hop| answers(hop).any(|answer| answer.verdict == Verdict::TimeExceeded);
        let hop = hops.iter().rev().find(passed).map_or(0, |hop| hop.number);
        let known = self.hops.iter().find(|known| known.number == hop);
        let router = known.and_then(|known| answers(known).next()).map(|answer| answer.from);
        self.narrowings.push(Narrowing { hop: Some(hop), router, mtu: self.passes, is_told: false });
        self.stage = Stage::Over;
    }

    fn over(&mut self, id: usize, mut trace: Trace, now: Nanos) {
        self.ended.extend(TracePlan::ended_of(&self.plan, id, &mut trace));
        if let Some(reason) = trace.failure() {
            self.failure.get_or_insert(reason.to_owned());
            self.stage = Stage::Over;
            return;
        }
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Way(way) if way == id => self.way_found(trace),
            Stage::Place(place) if place == id => self.place_found(trace),
            Stage::Length(mut trial) => {
                let answer = trace.take_hops().first().and_then(|hop| answers(hop).next().cloned());
                if id == trial.long {
                    trial.long_answer = Some(answer);
                } else if id == trial.short {
                    trial.short_answer = Some(answer);
                }
                self.judge(trial, now);
            }
            other => self.stage = other,
        }
    }
}

impl Ends for PathMtu {
    fn take_ended(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.ended)
    }
}

fn answers(hop: &Hop) -> impl Iterator<Item = &Answer> {
    hop.probes.iter().filter_map(|probe| probe.answer.as_ref())
}

/// What an answer says of the MTU, where it says that the packet is too large (RFC 792, RFC 4443 §3.2).
fn too_large(verdict: Verdict) -> Option<usize> {
    match verdict {
        Verdict::Error { kind: 3, code: 4, mtu } | Verdict::Error { kind: 2, code: 0, mtu } => {
            Some(mtu.and_then(|mtu| usize::try_from(mtu).ok()).unwrap_or(0))
        }
        _ => None,
    }
}

/// A way has no more narrow links than this: who says each time that packets must be a little shorter is not believed any more.
const MOST_TOLD: usize = 16;
/// However near the end is: a host that is busy answers this late.
const SHORTEST_WAIT: Nanos = 150 * MILLISECOND;
/// So often the short packet alone must be answered until the long one is taken for lost by its length.
const LOSSES: u8 = 3;
/// So often neither may be answered.
const SILENCES: u8 = 4;
/// Linux answers a stranger once a second, when it has answered often (`icmp_ratelimit`).
const PAUSE: Nanos = SECOND;

impl Engine for PathMtu {
    fn step(&mut self, now: Nanos) -> Step {
        loop {
            match &mut self.stage {
                Stage::Over => return Step::Done,
                Stage::Pause(until, _) if *until > now => return Step::Wait(*until),
                Stage::Pause(_, trial) => {
                    let trial = trial.clone();
                    self.ask(trial);
                }
                _ => {}
            }
            let turn = self.runs.step(now);
            match (turn.send, turn.over) {
                (Some(outgoing), _) => return Step::Send(outgoing),
                (None, Some((id, trace))) => self.over(id, trace, now),
                (None, None) => return turn.wait.map_or(Step::Idle, Step::Wait),
            }
        }
    }

    fn sent(&mut self, tag: usize, at: Nanos, wall: i64, result: Result<(), SendError>) {
        self.runs.sent(tag, at, wall, result);
    }

    fn stamped(&mut self, tag: usize, departure: Departure) {
        self.runs.stamped(tag, departure);
    }

    fn received(&mut self, packet: Incoming<'_>) {
        self.runs.received(packet);
    }

    fn stop(&mut self, now: Nanos) {
        self.is_certain = false;
        self.runs.stop(now);
        while let Some((id, mut trace)) = self.runs.step(now).over {
            self.ended.extend(TracePlan::ended_of(&self.plan, id, &mut trace));
        }
        self.stage = Stage::Over;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::exchange::trace::Method;
    use crate::exchange::trace::script::{error, plan};

    /// Runs a search over a router and a host behind it; `says` is what the router says of a packet of this length, the MTU of an error
    /// or nothing, where it does not pass it. Returns how many packets that took.
    fn search(passes: usize, says: &dyn Fn(usize) -> Option<u16>) -> (PathMtu, usize) {
        let first = TracePlan { queries: 1, ..plan(Method::Udp, false) };
        let router: IpAddr = [10, 9, 1, 2].into();
        let mut search = PathMtu::new(first.clone(), 1500);
        let (mut now, mut packets) = (SECOND, 0);
        let mut coming: VecDeque<(Nanos, Vec<u8>)> = VecDeque::new();
        for _ in 0..20_000 {
            match search.step(now) {
                Step::Send(outgoing) => {
                    packets += 1;
                    search.sent(outgoing.tag, now, now.cast_signed(), Ok(()));
                    let probe = &outgoing.octets;
                    let answer = match (probe[8], probe.len() > passes) {
                        (1, _) => Some(error(&first, router, (11, 0), 0, probe)),
                        (_, false) => Some(error(&first, first.destination, (3, 3), 0, probe)),
                        (_, true) => says(probe.len()).map(|mtu| error(&first, router, (3, 4), mtu, probe)),
                    };
                    coming.extend(answer.map(|answer| (now + MILLISECOND, answer)));
                }
                Step::Wait(until) => {
                    now = coming.front().map_or(until, |(at, _)| until.min(*at)).max(now);
                    while let Some((at, octets)) = coming.pop_front_if(|(at, _)| *at <= now) {
                        search.received(Incoming::of_ip(&octets, at, at.cast_signed()));
                    }
                }
                Step::Idle => panic!("waits for ever"),
                Step::Done => return (search, packets),
            }
        }
        panic!("does not end")
    }

    #[test]
    fn what_routers_say_is_believed_as_far_as_it_is_true() {
        let (found, packets) = search(1400, &|_| Some(1400));
        assert_eq!((found.mtu(), found.narrowings().len()), (1400, 1));
        assert!(found.narrowings()[0].is_told && found.narrowings()[0].hop == Some(1) && packets < 50);
        let (found, _) = search(1400, &|_| None);
        assert_eq!((found.mtu(), found.narrowings()[0].is_told), (1400, false));
        // An MTU that is as large as the packet, or zero, says nothing.
        for lie in [0, 1500, u16::MAX] {
            assert_eq!(search(1400, &|_| Some(lie)).0.mtu(), 1400, "{lie}");
        }
    }

    /// A router that asks for a little less each time would have a thousand packets sent.
    #[test]
    fn a_router_that_never_has_enough_is_not_followed_for_ever() {
        let (found, packets) = search(600, &|len| u16::try_from(len - 1).ok());
        assert_eq!(found.mtu(), 600);
        assert!(packets < 200 && found.narrowings().len() <= MOST_TOLD + 1, "{packets}");
    }
}

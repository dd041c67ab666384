//! Probing as an engine: which end point to ask next and how, and what became of it. Whoever runs it opens the sockets.
//!
//! Each end point is asked in several [`Way`]s, so many times each: by plain sockets, by hand-built packets, or both in turn, which
//! is what comparing them takes. What hand-built packets look like, and what answers them, is told by [`Asked`]; how
//! what came is weighed by [`compare`], [`verdict`] and [`bisect`].

mod answer;
mod asked;
pub mod bisect;
pub mod compare;
mod making;
mod outcome;
mod remark;
#[cfg(test)]
mod script;
mod syn_edit;
mod syn_shape;
pub mod udp_payload;
pub mod verdict;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::SocketAddr;

use crate::exchange::engine::{Nanos, Stage};
use crate::exchange::moment::Moment;

pub use self::asked::{Asked, Came, Strays};
pub use self::making::{Content, Making};
pub use self::outcome::{IcmpReason, Negotiated, Outcome, Seen, Segment, Times, Verdict, routers};
pub use self::remark::Passed;
pub use self::syn_edit::Edit;
pub use self::syn_shape::{Shape, ShapeError, SynShape, usual as usual_syn};

/// How an end point is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// By connect().
    Connect,
    /// By connect() on a socket of the user with this number.
    ConnectAs(u32),
    /// By connect(), send() and recv() of a datagram socket.
    Datagram,
    /// By a hand-built SYN of the shape with this number.
    Syn(usize),
    /// By a hand-built datagram.
    RawDatagram,
    /// By an ICMP echo request: the host, and not the port.
    Echo {
        /// Octets of the packet; 0 for as few as will do.
        len: usize,
    },
}

impl Way {
    /// Whether it takes hand-built packets.
    pub fn is_raw(self) -> bool {
        matches!(self, Self::Syn(_) | Self::RawDatagram | Self::Echo { .. })
    }

    /// Whether it is UDP's.
    pub fn is_udp(self) -> bool {
        matches!(self, Self::Datagram | Self::RawDatagram)
    }
}

/// How a run of probes goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbePlan {
    /// The ways in which each end point is asked, in turn.
    pub ways: Vec<Way>,
    /// How long to wait for an answer.
    pub timeout: Nanos,
    /// Between two rounds of the same end point.
    pub interval: Nanos,
    /// Between two ways of the same round.
    pub gap: Nanos,
    /// Rounds.
    pub count: u64,
    /// How many are under way at once.
    pub at_once: usize,
}

/// An end point to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndPoint {
    /// As the user names the host.
    pub host: String,
    /// Address and port.
    pub address: SocketAddr,
}

/// A probe to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Its number, from 0.
    pub id: usize,
    /// Which end point.
    pub end_point: usize,
    /// How.
    pub way: Way,
    /// Its round, from 1.
    pub seq: u64,
    /// Its place among all probes of the end point.
    pub place: u64,
}

/// A finished probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// What was asked.
    pub question: Question,
    /// What became of it.
    pub outcome: Outcome,
}

/// What the engine wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask this now, after [`Prober::asked`]; [`Prober::ended`] when it is over.
    Ask(Question),
    /// Give up on the probe with this number: call [`Prober::ended`] without an answer.
    GiveUp(usize),
    /// Nothing until then, or until something comes.
    Wait(Nanos),
    /// Nothing until something comes.
    Idle,
    /// All probes are finished.
    Done,
}

/// The engine.
#[derive(Debug)]
pub struct Prober {
    plan: ProbePlan,
    end_points: Vec<EndPoint>,
    /// When each end point is asked next, the earliest first; of those of the same time in their order.
    due: BinaryHeap<Reverse<(Nanos, usize, u64)>>,
    /// When the present round of each end point began.
    rounds: Vec<Nanos>,
    /// By number, and so by the time that they were asked at.
    running: BTreeMap<usize, Running>,
    /// When, whom and at which place the last question was due.
    last_due: Option<(Nanos, usize, u64)>,
    /// There is no room for another one until something changes.
    is_full: bool,
    /// The number of the first probe of all.
    first_id: usize,
    next_id: usize,
    open: bool,
    stopped: bool,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    question: Question,
    since: Nanos,
    queued: Option<Moment>,
    left: Option<Moment>,
}

impl Prober {
    /// An engine without end points; they are added as names are resolved.
    pub fn new(plan: ProbePlan) -> Self {
        Self {
            plan,
            end_points: Vec::new(),
            due: BinaryHeap::new(),
            rounds: Vec::new(),
            running: BTreeMap::new(),
            last_due: None,
            is_full: false,
            first_id: 0,
            next_id: 0,
            open: true,
            stopped: false,
        }
    }

    /// The same, of which the first probe has this number: those of runs that share sockets are told apart.
    #[must_use]
    pub fn numbered_from(mut self, id: usize) -> Self {
        (self.first_id, self.next_id) = (id, id);
        self
    }

    /// The number of the next probe.
    pub fn next_id(&self) -> usize {
        self.next_id
    }

    /// Adds an end point, to be asked from now on.
    pub fn add(&mut self, end_point: EndPoint, now: Nanos) {
        self.due.push(Reverse((now, self.end_points.len(), 0)));
        self.end_points.push(end_point);
        self.rounds.push(now);
        self.is_full = false;
    }

    /// No more end points will be added.
    pub fn close(&mut self) {
        if self.open {
            (self.open, self.is_full) = (false, false);
        }
    }

    /// The end points.
    pub fn end_points(&self) -> &[EndPoint] {
        &self.end_points
    }

    /// Asks nobody any more.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Probes that were asked and have not ended.
    pub fn unfinished(&self) -> usize {
        self.running.len()
    }

    /// Probes that were asked.
    pub fn asked_count(&self) -> usize {
        self.next_id.saturating_sub(self.first_id)
    }

    /// What to do at `now`.
    pub fn step(&mut self, now: Nanos) -> Step {
        if self.stopped {
            return Step::Done;
        }
        let first_end = self.running.first_key_value().map(|(id, running)| (*id, self.ends(running)));
        if let Some((id, _)) = first_end.filter(|(_, end)| *end <= now) {
            return Step::GiveUp(id);
        }
        let first_end = first_end.map(|(_, end)| end);
        let due = self.due.peek().map(|Reverse(due)| *due);
        let has_room = !self.is_full && self.running.len() < self.plan.at_once;
        match (due, first_end) {
            (Some((at, end_point, place)), _) if at <= now && has_room => {
                Step::Ask(self.question(end_point, place))
            }
            (Some((at, ..)), end) if has_room => Step::Wait(end.map_or(at, |end| end.min(at))),
            (_, Some(end)) => Step::Wait(end),
            _ if self.open => Step::Idle,
            _ => Step::Done,
        }
    }

    /// The next question to an end point. Rounds begin with each way in turn, so that none always comes first.
    fn question(&self, end_point: usize, place: u64) -> Question {
        let ways = self.plan.ways.len().max(1) as u64;
        let round = place / ways;
        let way = usize::try_from((place % ways).wrapping_add(round) % ways).unwrap_or(0);
        let way = self.plan.ways.get(way).copied().unwrap_or(Way::Connect);
        let place = place.saturating_add(self.first_id as u64);
        Question { id: self.next_id, end_point, way, seq: round.saturating_add(1), place }
    }

    /// The question of the last step is asked at `now`.
    pub fn asked(&mut self, question: Question, now: Nanos) {
        self.next_id = self.next_id.max(question.id.saturating_add(1));
        self.running.insert(question.id, Running { question, since: now, queued: None, left: None });
        let Some(Reverse(due)) = self.due.pop() else { return };
        self.last_due = Some(due);
        let (_, end_point, place) = due;
        let ways = self.plan.ways.len().max(1) as u64;
        let next = place.saturating_add(1);
        let Some(round) = self.rounds.get_mut(end_point) else { return };
        if place % ways == 0 {
            // A round that begins late is not made up for.
            *round = now;
        }
        let at = if next % ways == 0 {
            round.saturating_add(self.plan.interval)
        } else {
            now.saturating_add(self.plan.gap)
        };
        if next / ways < self.plan.count {
            self.due.push(Reverse((at, end_point, next)));
        }
    }

    /// The question that was asked last could not be, for want of room for another one: it is asked anew when one of those under way has
    /// ended. False where there is none, nor any end point to come: it would be asked for ever.
    pub fn put_back(&mut self, id: usize) -> bool {
        let put_back = self.running.remove(&id).and(self.last_due.take());
        if let Some(due) = put_back {
            // An end point is due once at most.
            self.due.retain(|Reverse((_, end_point, _))| *end_point != due.1);
            self.due.push(Reverse(due));
            self.next_id = id;
        }
        self.is_full = true;
        self.open || !self.running.is_empty()
    }

    /// The probe is about to be sent: what took time before is no part of it.
    pub fn begins(&mut self, id: usize, now: Nanos) {
        if let Some(running) = self.running.get_mut(&id) {
            running.since = now;
        }
    }

    /// The kernel says that the probe was so far at `at`.
    pub fn stamped(&mut self, id: usize, stage: Stage, at: Moment) {
        let Some(running) = self.running.get_mut(&id) else { return };
        match stage {
            Stage::Queued => running.queued = Some(at),
            Stage::Driver | Stage::Wire => running.left = Some(at),
        }
    }

    /// The probe with this number ended, and was read at `now`.
    pub fn ended(&mut self, id: usize, now: Nanos, mut outcome: Outcome) -> Option<Finished> {
        let Running { question, since, queued, left } = self.running.remove(&id)?;
        self.is_full = false;
        outcome.times.asked = since;
        outcome.times.read = now;
        outcome.times.queued = queued;
        outcome.times.left = outcome.times.left.or(left);
        // Without an answer nothing was timed.
        if outcome.verdict == Verdict::NoAnswer {
            outcome.times.came = None;
        }
        Some(Finished { question, outcome })
    }

    fn ends(&self, running: &Running) -> Nanos {
        running.since.saturating_add(self.plan.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::engine::SECOND;

    fn prober(ways: &[Way], count: u64, at_once: usize, ports: u16) -> Prober {
        let plan =
            ProbePlan { ways: ways.to_vec(), timeout: 2 * SECOND, interval: SECOND, gap: 10, count, at_once };
        let mut prober = Prober::new(plan);
        for port in 1..=ports {
            let address = SocketAddr::new([127, 0, 0, 1].into(), port);
            prober.add(EndPoint { host: "h".to_owned(), address }, 0);
        }
        prober.close();
        prober
    }

    fn ask(prober: &mut Prober, now: Nanos) -> Question {
        let Step::Ask(question) = prober.step(now) else { panic!("{:?}", prober.step(now)) };
        prober.asked(question, now);
        question
    }

    fn end(prober: &mut Prober, id: usize, now: Nanos, verdict: Verdict) -> Finished {
        prober.ended(id, now, verdict.into()).unwrap()
    }

    #[test]
    fn no_more_than_so_many_at_once() {
        let mut prober = prober(&[Way::Connect], 1, 2, 3);
        for port in 0..2 {
            assert_eq!(ask(&mut prober, 0).end_point, port);
        }
        assert_eq!(prober.step(0), Step::Wait(2 * SECOND));
        let done = end(&mut prober, 0, 5, Verdict::Open { answer: vec![] });
        assert_eq!((done.question.seq, done.outcome.times.took()), (1, 5));
        assert_eq!(ask(&mut prober, 5).end_point, 2);
        assert_eq!(prober.step(2 * SECOND), Step::GiveUp(1));
        end(&mut prober, 1, 2 * SECOND, Verdict::NoAnswer);
        end(&mut prober, 2, 2 * SECOND, Verdict::NoAnswer);
        assert_eq!(prober.step(2 * SECOND), Step::Done);
    }

    #[test]
    fn what_there_is_no_room_for_is_asked_when_another_has_ended() {
        let mut prober = prober(&[Way::Connect], 2, 8, 2);
        ask(&mut prober, 0);
        let question = ask(&mut prober, 0);
        assert!(prober.put_back(question.id));
        assert_eq!(
            (prober.step(5), prober.unfinished(), prober.asked_count()),
            (Step::Wait(2 * SECOND), 1, 1)
        );
        end(&mut prober, 0, 6, Verdict::NoAnswer);
        assert_eq!(ask(&mut prober, 6), question);
        assert_eq!(prober.step(6), Step::Wait(SECOND));
        end(&mut prober, 1, 7, Verdict::NoAnswer);
        assert_eq!(ask(&mut prober, SECOND).end_point, 0);
        assert!(!prober.put_back(2), "there is nobody whose end could be waited for");
    }

    #[test]
    fn asks_again_at_its_interval() {
        let mut prober = prober(&[Way::Connect], 2, 8, 1);
        ask(&mut prober, 0);
        end(&mut prober, 0, 1, Verdict::NoAnswer);
        assert_eq!(prober.step(1), Step::Wait(SECOND));
        assert_eq!(ask(&mut prober, SECOND).seq, 2);
        end(&mut prober, 1, SECOND, Verdict::NoAnswer);
        assert_eq!(prober.step(SECOND), Step::Done);
    }

    #[test]
    fn each_way_is_the_first_of_a_round_in_turn() {
        let mut prober = prober(&[Way::Connect, Way::Syn(0), Way::Echo { len: 0 }], 2, 8, 1);
        let mut ways = Vec::new();
        for at in [0, 10, 20, SECOND, SECOND + 10, SECOND + 20] {
            let question = ask(&mut prober, at);
            ways.push((question.way, question.seq));
            end(&mut prober, question.id, at, Verdict::NoAnswer);
        }
        let echo = Way::Echo { len: 0 };
        let (connect, syn) = (Way::Connect, Way::Syn(0));
        assert_eq!(ways, [(connect, 1), (syn, 1), (echo, 1), (syn, 2), (echo, 2), (connect, 2)]);
        assert_eq!(prober.step(2 * SECOND), Step::Done);
    }

    #[test]
    fn the_kernel_stamps_are_kept() {
        let mut prober = prober(&[Way::Syn(0)], 1, 1, 1);
        ask(&mut prober, 100);
        let moment = |at| Moment { at, wall: 5_000 + at.cast_signed() };
        prober.stamped(0, Stage::Driver, moment(120));
        let mut outcome = Outcome::from(Verdict::Closed { by: None });
        outcome.times.came = Some(moment(150));
        let done = prober.ended(0, 170, outcome).unwrap();
        assert_eq!((done.outcome.times.rtt(), done.outcome.times.took()), (30, 70));
    }
}

//! Sending as an engine: packets at their pace, and what comes back to each.

use std::collections::{HashMap, VecDeque};

use crate::exchange::engine::{Departure, Engine, Incoming, Nanos, Outgoing, SECOND, SendError, Step};
use crate::exchange::expect::Expectations;
use crate::exchange::matcher::{Match, Matcher};
use crate::exchange::send_record::Record;
use crate::exchange::send_then::{By, Followed};
use crate::filter::field::{About, FieldFilter};
use crate::packet::build::Built;
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::wire::frame::LinkType;
use crate::wire::layers::LayerTable;

pub use crate::exchange::send_event::{Event, Seen};
pub use crate::exchange::send_pace::{Pace, Totals};
pub use crate::exchange::send_ready::Ready;

/// The engine: an iterator gives the packets, so that a sweep of millions needs no memory before its turn.
pub struct Sender<I> {
    packets: I,
    pace: Pace,
    /// When the first packet was due, and when the next one is.
    first_at: Nanos,
    next_at: Option<Nanos>,
    exhausted: bool,
    /// Nobody waits any more.
    stopped: bool,
    ready: Option<Result<Ready, String>>,
    /// The packet that is being sent: its octets, and what they begin with.
    leaving: Option<(Vec<u8>, LinkType)>,
    matcher: Matcher,
    records: Vec<Record>,
    /// For each packet of which not all answers count, those that do.
    filters: HashMap<usize, (FieldFilter, Built)>,
    /// Packets whose protocols know no answer, and that have a filter for one.
    unruled: Vec<usize>,
    /// What is saved with packets that did not leave yet.
    comments: HashMap<usize, String>,
    expectations: Expectations,
    followed: Followed,
    /// Packets that follow answers: they go at once.
    follows: VecDeque<Result<Ready, String>>,
    events: Vec<Event>,
    failed: usize,
}

impl<I: Iterator<Item = Result<Ready, String>>> Sender<I> {
    /// An engine that sends `packets`; in place of one that cannot be made stands the reason.
    pub fn new(packets: I, pace: Pace) -> Self {
        Self {
            packets,
            pace,
            first_at: 0,
            next_at: None,
            exhausted: false,
            stopped: false,
            ready: None,
            leaving: None,
            matcher: Matcher::default(),
            records: Vec::new(),
            filters: HashMap::new(),
            unruled: Vec::new(),
            comments: HashMap::new(),
            expectations: Expectations::default(),
            followed: Followed::default(),
            follows: VecDeque::new(),
            events: Vec::new(),
            failed: 0,
        }
    }

    /// Sends a packet that follows an answer, out of turn.
    pub fn follow(&mut self, ready: Result<Ready, String>) {
        if !self.stopped {
            self.follows.push_back(ready);
        }
    }

    /// What happened since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.extend(self.expectations.take_judged().into_iter().map(Event::Judged));
        std::mem::take(&mut self.events)
    }

    /// What it came to so far.
    pub fn totals(&self) -> Totals {
        let count = |test: fn(&Record) -> bool| self.records.iter().filter(|record| test(record)).count();
        let (expected, fulfilled) = self.expectations.totals();
        Totals {
            expected,
            fulfilled,
            sent: count(Record::is_sent),
            failed: self.failed,
            awaited: count(|record| record.awaited && record.is_sent()),
            answered: count(|record| record.answered),
        }
    }

    /// What to wait for when all is sent.
    fn wait(&self, now: Nanos) -> Step {
        let answers = Some(self.over_at()).filter(|over| *over > now && !self.stopped);
        match answers.into_iter().chain(self.expectations.next_end()).min() {
            Some(until) => Step::Wait(until),
            None => Step::Done,
        }
    }

    /// When the last answer that is awaited would be too late.
    fn over_at(&self) -> Nanos {
        let is_open = |record: &&Record| record.awaited && !record.answered && record.is_sent();
        let open = self.records.iter().filter(is_open).filter(|record| !record.expects);
        open.map(|record| record.until).max().unwrap_or(0)
    }

    fn send(&mut self, ready: Result<Ready, String>, now: Nanos) -> Step {
        let number = self.records.len();
        let ends_burst = (number + 1).is_multiple_of(self.pace.burst.max(1));
        let octets = ready.as_ref().map_or(0, |ready| ready.built.octets.len() as u64);
        let interval = match octets.saturating_mul(8 * SECOND).checked_div(self.pace.bits) {
            Some(interval) => interval,
            None if ends_burst => self.pace.interval,
            None => 0,
        };
        if self.next_at.is_none() {
            self.first_at = now;
        }
        self.next_at = Some(self.next_at.unwrap_or(now).saturating_add(interval));
        let ready = match ready {
            Ok(ready) => ready,
            Err(reason) => {
                self.records.push(Record::default());
                if self.pace.looks() {
                    self.matcher.skip();
                }
                self.failed += 1;
                self.events.push(Event::Failed { number, reason, packet: None });
                return Step::Wait(now);
            }
        };
        let Ready { built, whole, is_later, destination, interface, reply, expect, within, .. } = ready;
        let (awaits, mark) = (ready.awaits, ready.then);
        self.comments.extend(ready.comment.filter(|_| self.pace.looks()).map(|said| (number, said)));
        let asked = whole.as_ref().unwrap_or(&built);
        let has_rule = self.remember(&built, asked, is_later) && self.pace.answers && awaits;
        if !awaits {
            self.matcher.await_nothing(number);
        }
        let is_unruled = self.pace.answers && !has_rule && reply.is_some();
        let awaited = has_rule || is_unruled;
        if is_unruled {
            self.unruled.push(number);
        }
        self.records.push(Record::waiting(now.saturating_add(within), awaited, !expect.is_empty()));
        self.followed.begin(number, mark, asked, By::of(&expect, reply.is_some()));
        self.expectations.begin(number, asked, expect);
        if let Some(filter) = reply.filter(|_| self.pace.answers) {
            self.filters.insert(number, (filter, asked.clone()));
        }
        let (octets, link_type) = (built.octets, built.link_type);
        self.leaving = Some((octets.clone(), link_type));
        Step::Send(Outgoing { tag: number, octets, link_type, destination, interface })
    }

    /// Has the matcher know a packet that is about to be sent; whether an answer to it can be told.
    fn remember(&mut self, built: &Built, asked: &Built, is_later: bool) -> bool {
        match (self.pace.looks(), is_later) {
            (false, _) => return false,
            (true, true) => self.matcher.sent_part(&built.octets, &built.table),
            (true, false) => return self.matcher.sent(&asked.octets, &asked.table),
        }
        false
    }

    /// Takes a packet as an answer, if it is one: tells the packet that it answers.
    fn answer(&mut self, packet: Incoming<'_>, table: &LayerTable) -> Option<usize> {
        let dissected = Dissected { octets: packet.octets, table, wire_len: packet.len };
        let counts = |number: usize| {
            // What did not leave is not answered, whatever comes.
            let is_sent = self.records.get(number).is_some_and(Record::is_sent);
            is_sent
                && self.filters.get(&number).is_none_or(|(filter, Built { octets, table, .. })| {
                    let sent = Some(Dissected { octets, table, wire_len: octets.len() });
                    filter.matches(&dissected, &About { time: Some(packet.wall), sent, ..About::default() })
                })
        };
        let by_rule = self.matcher.received_if(packet.octets, table, &counts);
        let by_filter = || {
            let number = self.unruled.iter().copied().find(|number| counts(*number))?;
            // On a loopback interface our own packets come in as well.
            (!self.matcher.is_own(packet.octets, table)).then_some(Match::Reply(number))
        };
        let what = by_rule.or_else(by_filter)?;
        let number = what.number();
        // What the spec takes for its answer is one, even where it only tells of a better way.
        let is_advice = matches!(what, Match::Advice(_));
        let ends = !is_advice || self.filters.contains_key(&number);
        let what = if is_advice && ends { self.matcher.take(number) } else { what };
        let record = self.records.get_mut(number)?;
        record.answered |= ends;
        let (rtt, stamps) = record.round_trip(&packet);
        self.unruled.retain(|unruled| !ends || *unruled != number);
        let seen = packet.into();
        let followed = self.followed.answered(what, &seen);
        self.events.push(Event::Answer { what, rtt, stamps, seen });
        self.events.extend(followed);
        Some(number)
    }

    /// Takes a packet as one of ours on its way out, if it is one. The kernel's stamp on it is nearer to the wire than the
    /// time of the call.
    fn leaves(&mut self, packet: Incoming<'_>, table: &LayerTable) -> bool {
        let Some(number) = self.matcher.seen_leaving(packet.octets, table) else { return false };
        let Some(record) = self.records.get_mut(number) else { return false };
        if !record.left {
            record.seen(&packet);
            self.expectations.left(number, packet.at);
            let comment = self.comments.remove(&number);
            self.events.push(Event::Left { number, seen: packet.into(), comment });
        }
        true
    }
}

impl<I: Iterator<Item = Result<Ready, String>>> Engine for Sender<I> {
    fn step(&mut self, now: Nanos) -> Step {
        self.expectations.expire(now);
        if let Some(ready) = self.follows.pop_front() {
            let turn = self.next_at;
            let step = self.send(ready, now);
            self.next_at = turn;
            return step;
        }
        if !self.exhausted && self.ready.is_none() {
            let due = self.next_at.map_or(0, |at| at.max(now).saturating_sub(self.first_at));
            self.ready = if due < self.pace.duration { self.packets.next() } else { None };
            self.exhausted = self.ready.is_none();
        }
        match (self.ready.take(), self.next_at) {
            (Some(ready), at) if at.unwrap_or(now).saturating_add(delay(&ready)) > now => {
                let at = *self.next_at.get_or_insert(now);
                let due = at.saturating_add(delay(&ready));
                self.ready = Some(ready);
                Step::Wait(self.expectations.next_end().map_or(due, |end| end.min(due)))
            }
            (Some(ready), _) => self.send(ready, now),
            (None, _) => self.wait(now),
        }
    }

    fn sent(&mut self, tag: usize, at: Nanos, wall: i64, result: Result<(), SendError>) {
        let Some(record) = self.records.get_mut(tag) else { return };
        match result {
            Ok(()) => {
                record.called(at, wall);
                self.expectations.left(tag, at);
                if let Some((octets, link_type)) = self.leaving.take() {
                    self.events.push(Event::Sent { number: tag, wall, octets, link_type });
                }
            }
            Err(reason) => {
                self.failed += 1;
                self.matcher.stayed(tag);
                self.expectations.give_up(tag);
                self.events.push(Event::Failed {
                    number: tag,
                    reason: reason.words,
                    packet: self.leaving.take(),
                });
            }
        }
    }

    fn stamped(&mut self, tag: usize, departure: Departure) {
        if let Some(record) = self.records.get_mut(tag) {
            record.stamped(departure);
        }
    }

    fn received(&mut self, packet: Incoming<'_>) {
        let mut table = LayerTable::default();
        dissect(packet.octets, packet.link_type, &mut table);
        let looks = !packet.outgoing && self.pace.answers;
        let answers = if looks { self.answer(packet, &table) } else { None };
        // On a loopback interface our own packets come in as well.
        let is_ours = answers.is_none() && self.leaves(packet, &table);
        if packet.outgoing || is_ours {
            return;
        }
        if let Some(number) = self.expectations.received(&packet, &table, answers) {
            self.events.extend(self.followed.met(number, &packet.into()));
        }
    }

    fn stop(&mut self, now: Nanos) {
        self.exhausted = true;
        self.stopped = true;
        self.expectations.stop(now);
        self.ready = None;
        self.follows.clear();
    }
}

/// How much later than its turn a packet goes.
fn delay(ready: &Result<Ready, String>) -> Nanos {
    ready.as_ref().map_or(0, |ready| ready.delay)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::engine::MILLISECOND;
    use crate::exchange::expect::Expectation;
    use crate::packet::build::build;
    use crate::packet::{Layer, Packet};
    use crate::proto::registry;
    use crate::wire::value::Value;

    /// A UDP packet from port 1000 + `n` to port 7.
    fn udp(n: u64) -> Result<Ready, String> {
        let registry = registry();
        let ip = Layer::new(registry.by_name("ip").unwrap())
            .with("src", Value::Ipv4([10, 0, 0, 1].into()))
            .with("dst", Value::Ipv4([10, 0, 0, 2].into()));
        let udp = Layer::new(registry.by_name("udp").unwrap()).with("srcport", Value::Uint(1000 + n));
        let built = build(&Packet { layers: vec![ip, udp], trailer: vec![] }).unwrap();
        Ok(Ready::of(built, SECOND))
    }

    /// The same packet with addresses and ports swapped.
    fn answer(question: &[u8]) -> Vec<u8> {
        let mut answer = question.to_vec();
        for (a, b, len) in [(12, 16, 4), (20, 22, 2)] {
            answer[a..a + len].copy_from_slice(&question[b..b + len]);
            answer[b..b + len].copy_from_slice(&question[a..a + len]);
        }
        answer
    }

    fn sent(sender: &mut Sender<impl Iterator<Item = Result<Ready, String>>>, now: Nanos) -> Vec<u8> {
        let Step::Send(outgoing) = sender.step(now) else { panic!("nothing to send at {now}") };
        sender.sent(outgoing.tag, now, now.cast_signed(), Ok(()));
        outgoing.octets
    }

    fn incoming(octets: &[u8], at: Nanos, outgoing: bool) -> Incoming<'_> {
        Incoming { outgoing, ..Incoming::of_ip(octets, at, at.cast_signed()) }
    }

    #[test]
    fn what_never_left_is_not_answered() {
        let mut sender = Sender::new(std::iter::once(udp(0)), Pace::default());
        let Step::Send(outgoing) = sender.step(0) else { panic!("nothing to send") };
        sender.sent(outgoing.tag, 0, 0, Err(SendError::of("the queue is full")));
        sender.received(incoming(&answer(&outgoing.octets), 5, false));
        let Totals { sent, failed, answered, .. } = sender.totals();
        assert_eq!((sent, failed, answered), (0, 1, 0));
    }

    /// The kernel refuses the first of two that are alike: what leaves, and what is answered, is the second.
    #[test]
    fn what_never_left_is_not_taken_for_another() {
        let mut sender = Sender::new([udp(0), udp(0)].into_iter(), Pace::default());
        let Step::Send(refused) = sender.step(0) else { panic!("nothing to send") };
        sender.sent(refused.tag, 0, 0, Err(SendError::of("the queue is full")));
        let octets = sent(&mut sender, 1);
        sender.received(incoming(&octets, 2, true));
        (5..7).for_each(|at| sender.received(incoming(&answer(&octets), at, false)));
        let Totals { sent, failed, answered, .. } = sender.totals();
        assert_eq!((sent, failed, answered), (1, 1, 1));
        let events = sender.take_events();
        let [.., Event::Left { number: 1, .. }, Event::Answer { what, .. }, _] = &events[..] else {
            panic!()
        };
        assert_eq!(*what, Match::Reply(1));
    }

    #[test]
    fn sends_at_its_pace_and_ends_when_all_is_answered() {
        let pace = Pace { interval: 10 * MILLISECOND, ..Pace::default() };
        let mut sender = Sender::new((0..2).map(udp), pace);
        let first = sent(&mut sender, 0);
        assert_eq!(sender.step(1), Step::Wait(10 * MILLISECOND));
        let second = sent(&mut sender, 10 * MILLISECOND);
        // The tap saw the second one leave a little later than the call.
        sender.received(incoming(&second, 11 * MILLISECOND, true));
        assert_eq!(sender.step(12 * MILLISECOND), Step::Wait(SECOND + 10 * MILLISECOND));
        sender.take_events();
        sender.received(incoming(&answer(&second), 13 * MILLISECOND, false));
        let [Event::Answer { what, rtt, .. }] = &sender.take_events()[..] else { panic!() };
        assert_eq!((*what, *rtt), (Match::Reply(1), 2 * MILLISECOND));
        sender.received(incoming(&answer(&first), 14 * MILLISECOND, false));
        assert_eq!(sender.step(15 * MILLISECOND), Step::Done);
        assert_eq!(
            sender.totals(),
            Totals { sent: 2, failed: 0, awaited: 2, answered: 2, ..Totals::default() }
        );
    }

    #[test]
    fn only_what_the_filter_takes_is_an_answer() {
        let filtered = |filter: &str| {
            let ready = Ready { reply: Some(FieldFilter::compile(filter).unwrap()), ..udp(0).unwrap() };
            Sender::new(std::iter::once(Ok(ready)), Pace::default())
        };
        for (filter, answered) in [("udp.srcport == 7", 1), ("icmp.type == 3", 0), ("ip.src != 10.0.0.2", 0)]
        {
            let mut sender = filtered(filter);
            let octets = sent(&mut sender, 0);
            sender.received(incoming(&answer(&octets), 1, false));
            assert_eq!(sender.totals().answered, answered, "{filter}");
        }
    }

    /// ICMP knows no answer to an echo reply, but whoever sends one may.
    #[test]
    fn a_filter_makes_answers_where_the_protocols_know_none() {
        let mut ready = udp(0).unwrap();
        (ready.built.octets[9], ready.built.octets[20]) = (1, 0);
        let octets = ready.built.octets.clone();
        dissect(&octets, LinkType::RAW, &mut ready.built.table);
        ready.reply = Some(FieldFilter::compile("icmp.type == 0 and ip.src == 10.0.0.2").unwrap());
        let mut sender = Sender::new(std::iter::once(Ok(ready)), Pace::default());
        sent(&mut sender, 0);
        sender.received(incoming(&octets, 1, false));
        assert_eq!(
            sender.totals(),
            Totals { sent: 1, failed: 0, awaited: 1, answered: 0, ..Totals::default() },
            "our own packet"
        );
        sender.received(incoming(&answer(&octets), 2, false));
        assert_eq!(sender.totals().answered, 1);
        assert_eq!(sender.step(3), Step::Done);
    }

    #[test]
    fn what_is_expected_says_how_long_to_wait() {
        let expect = |text: &str, is_wanted| Expectation {
            filter: FieldFilter::parse_answer(text).unwrap(),
            text: text.to_owned(),
            is_wanted,
            within: 100 * MILLISECOND,
        };
        let mut ready = udp(0).unwrap();
        ready.expect = vec![expect("udp.dstport == sent.udp.srcport", true), expect("icmp", false)];
        let mut sender = Sender::new(std::iter::once(Ok(ready)), Pace::default());
        let octets = sent(&mut sender, 0);
        // On a loopback interface our own packet comes in as well, and is none that was expected.
        sender.received(incoming(&octets, 1, false));
        assert_eq!(sender.totals().fulfilled, 0);
        sender.received(incoming(&answer(&octets), 2, false));
        assert_eq!(sender.totals().fulfilled, 1);
        let Step::Wait(end) = sender.step(3) else { panic!() };
        assert!(end < SECOND, "{end}: the other expectation is open, the answer's second is not awaited");
        assert_eq!(sender.step(end + 1), Step::Done);
        assert_eq!((sender.totals().expected, sender.totals().fulfilled), (2, 2));
    }

    #[test]
    fn waits_no_longer_than_its_time() {
        let mut sender = Sender::new((0..1).map(udp), Pace::default());
        sent(&mut sender, 5);
        assert_eq!(sender.step(6), Step::Wait(SECOND + 5));
        assert_eq!(sender.step(SECOND + 5), Step::Done);
        assert_eq!(sender.totals().answered, 0);
    }

    #[test]
    fn who_is_stopped_has_waited_in_vain() {
        let mut sender = Sender::new((0..3).map(udp), Pace { interval: SECOND, ..Pace::default() });
        sent(&mut sender, 5);
        sender.stop(6);
        assert_eq!(sender.step(6), Step::Done);
        assert_eq!(
            sender.totals(),
            Totals { sent: 1, failed: 0, awaited: 1, answered: 0, ..Totals::default() }
        );
    }

    #[test]
    fn a_rate_of_bits_and_an_end_in_time() {
        // 28 octets each.
        let pace = Pace { bits: 224_000, duration: 2_500_000, answers: false, ..Pace::default() };
        let mut sender = Sender::new((0..9).map(udp), pace);
        for number in 0..3 {
            sent(&mut sender, 5 + number * MILLISECOND);
            assert_eq!(sender.totals().sent as u64, number + 1);
        }
        assert_eq!(sender.step(5 + 3 * MILLISECOND), Step::Done);
    }

    #[test]
    fn does_not_wait_for_what_nobody_awaits() {
        let mut sender = Sender::new((0..1).map(udp), Pace { answers: false, ..Pace::default() });
        sent(&mut sender, 5);
        assert_eq!(sender.step(6), Step::Done);
    }
}

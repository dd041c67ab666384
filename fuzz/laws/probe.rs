//! Probing in a hostile network: whatever comes whenever, each probe ends once, an answer is one to a probe that waits for it, each
//! packet that came is one thing, and what is told of it is harmless.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use rawsock::exchange::engine::{MILLISECOND, SECOND, Stage};
use rawsock::exchange::moment::Moment;
use rawsock::exchange::ping::ledger::DropReason;
use rawsock::exchange::probe::compare::Comparison;
use rawsock::exchange::probe::verdict::judge;
use rawsock::exchange::probe::{
    Asked, Came, Content, EndPoint, Finished, IcmpReason, Making, Negotiated, Outcome, Passed, ProbePlan,
    Prober, Question, Shape, Step, SynShape, Verdict, Way, usual_syn,
};
use rawsock::packet::Layer;
use rawsock::proto::registry;
use rawsock::show::probe::{Detail, comment, lines, strays};
use rawsock::show::{probe_compare, probe_json};
use rawsock::wire::frame::{Direction, LinkType};
use rawsock::wire::value::Value;

use super::harmless;
use super::network::{addresses, answer, has_right_checksum};
use super::script::Script;

/// Holds it. The first octet says what is asked, each further one what happens next.
pub fn check(input: &[u8]) {
    let mut script = Script(input);
    let Some(first) = script.octet() else { return };
    let mut run = Run::of(first);
    while let Some(what) = script.octet() {
        match what % 5 {
            0 => run.now += u64::from(script.number()) * MILLISECOND / 4,
            1 => {
                run.step(what);
            }
            2 => run.hear(what, &mut script),
            _ => run.receive(what, &mut script),
        }
    }
    run.end();
}

/// Rounds, and end points where there are two.
const COUNT: u64 = 3;

/// Times are known to the kernel this much earlier than to us.
const EARLIER: u64 = 1000;

struct Run {
    prober: Prober,
    asked: Asked,
    /// Makes what plain sockets send, which no answer by hand belongs to.
    kernel: Asked,
    shapes: [SynShape; 3],
    ways: u64,
    sent: Vec<Vec<u8>>,
    /// What waits, with its packet.
    running: BTreeMap<usize, (Question, Vec<u8>)>,
    ended: usize,
    comparison: Comparison,
    now: u64,
}

impl Run {
    fn of(first: u8) -> Self {
        let ways: &[Way] = match first % 8 {
            0 => &[Way::Syn(0)],
            1 => &[Way::Connect, Way::Syn(0), Way::Syn(1), Way::Echo { len: 0 }, Way::Echo { len: 1500 }],
            2 => &[Way::RawDatagram],
            3 => &[Way::Datagram, Way::RawDatagram],
            4 => &[Way::Syn(2)],
            5 => &[Way::Connect, Way::ConnectAs(7), Way::Syn(0), Way::Syn(1), Way::Echo { len: 0 }],
            6 => &[Way::Echo { len: 0 }],
            _ => &[Way::Syn(0), Way::Syn(2), Way::RawDatagram],
        };
        let at_once = if first & 0x20 == 0 { 64 } else { 2 };
        let (timeout, interval, gap) = (2 * SECOND, SECOND, 10 * MILLISECOND);
        let mut prober =
            Prober::new(ProbePlan { ways: ways.to_vec(), timeout, interval, gap, count: COUNT, at_once });
        let (_, target) = addresses(first & 8 != 0);
        for port in 80..if first & 0x10 == 0 { 81 } else { 82 } {
            let address = SocketAddr::new(target, port);
            prober.add(EndPoint { host: "two\u{1b}[2J".to_owned(), address }, 0);
        }
        prober.close();
        let usual = usual_syn(target.is_ipv6(), 1500);
        let tcp = Layer::new(registry().by_name("tcp").expect("there is TCP"));
        let layers = vec![tcp.with("srcport", Value::Uint(7)).with("seq", Value::Uint(u32::MAX.into()))];
        let written = Shape::Written { name: "written".to_owned(), layers }.of(usual.clone());
        Self {
            prober,
            asked: Asked::new(0x5eed, 77),
            kernel: Asked::new(1, 78),
            shapes: [usual.clone(), SynShape::minimal(&usual), written.expect("it has TCP in it")],
            ways: ways.len() as u64,
            sent: Vec::new(),
            running: BTreeMap::new(),
            ended: 0,
            comparison: Comparison::new(target, Some(1500), ways),
            now: 0,
        }
    }

    /// Lets the engine do what it wants to; whether it is over, or until when it waits.
    fn step(&mut self, what: u8) -> Option<u64> {
        match self.prober.step(self.now) {
            Step::Ask(question) => self.ask(question, what),
            Step::GiveUp(id) => {
                self.asked.given_up(id);
                self.finish(id, Verdict::NoAnswer.into());
            }
            Step::Wait(until) => {
                assert!(until > self.now, "waiting for what is over");
                return Some(until);
            }
            Step::Idle => panic!("it waits for what nobody adds"),
            Step::Done => return None,
        }
        Some(self.now)
    }

    fn ask(&mut self, question: Question, what: u8) {
        self.prober.asked(question, self.now);
        let Question { id, way, place, .. } = question;
        let destination = self.prober.end_points()[question.end_point].address;
        let (source, _) = addresses(destination.is_ipv6());
        let source_port = 40_000 + u16::try_from(place % 64).expect("it is below 64");
        let making = Making { source, source_port, destination };
        let content = match way {
            Way::Syn(number) => Content::Syn(&self.shapes[number]),
            Way::Connect | Way::ConnectAs(_) => Content::Syn(&self.shapes[0]),
            Way::Datagram | Way::RawDatagram => Content::Datagram(b"hello"),
            Way::Echo { len } => Content::Echo(len),
        };
        let by = if way.is_raw() { &mut self.asked } else { &mut self.kernel };
        let octets = by.make(&question, &making, content).expect("such packets can be built");
        if !way.is_raw() {
            self.asked.note_plain(id, way.is_udp(), (source, source_port).into(), destination);
        }
        self.prober.begins(id, self.now);
        assert!(self.running.insert(id, (question, octets.clone())).is_none(), "{id} is asked twice");
        self.sent.push(octets.clone());
        if what & 0x20 != 0 {
            assert!(self.asked.belongs(&octets, LinkType::RAW));
            assert_eq!(self.asked.passed(&octets, LinkType::RAW, Direction::Outbound), Passed::Probe(id));
        }
        match what >> 6 {
            1 => {
                let moment = Moment { at: self.now.saturating_sub(EARLIER), wall: 0 };
                self.prober.stamped(id, Stage::Queued, moment);
                self.prober.stamped(id, Stage::Driver, moment);
            }
            3 => {
                self.asked.given_up(id);
                let (reason, why) = ("EPERM".to_owned(), DropReason::Forbidden);
                self.finish(id, Verdict::Failed { reason, why }.into());
            }
            _ => {}
        }
    }

    /// A plain socket has news.
    fn hear(&mut self, what: u8, script: &mut Script<'_>) {
        let plain = self.running.iter().filter(|(_, (question, _))| !question.way.is_raw());
        let plain: Vec<usize> = plain.map(|(id, _)| *id).collect();
        let Some(id) = plain.get(usize::from(what) / 5 % plain.len().max(1)) else { return };
        let (kind, code) = (script.octet().unwrap_or(0), script.octet().unwrap_or(0));
        let from = self.prober.end_points()[0].address.ip();
        let by = IcmpReason { from: (kind & 8 == 0).then_some(from), is_v6: kind & 16 != 0, kind, code };
        let reason = "no route".to_owned();
        let verdict = match what / 5 % 5 {
            0 | 1 => Verdict::Open { answer: script.piece().to_vec() },
            2 => Verdict::Closed { by: (kind & 32 != 0).then_some(by) },
            3 => Verdict::Unreachable { by: Some(by), reason },
            _ => Verdict::Failed { reason, why: DropReason::NoRoute },
        };
        let mut outcome = Outcome::from(verdict);
        outcome.times.handshake = (kind & 64 != 0).then_some(u64::from(code));
        outcome.negotiated = Some(Negotiated {
            rtt_us: code.into(),
            window_scales: Some((kind, code)),
            path_mtu: u32::from(kind) * 10,
            ..Negotiated::default()
        });
        outcome.fulfilled = (kind & 128 != 0).then_some(code > 9);
        self.finish(*id, outcome);
    }

    fn receive(&mut self, what: u8, script: &mut Script<'_>) {
        let octets = answer(script, &self.sent);
        let direction = [Direction::Unknown, Direction::Inbound, Direction::Outbound][usize::from(what % 3)];
        let mut words = String::new();
        if what & 0x20 != 0
            && let Passed::Words(told) = self.asked.passed(&octets, LinkType::RAW, direction)
        {
            assert!(self.asked.belongs(&octets, LinkType::RAW), "{told}");
            harmless::line(&told);
            words = told;
        }
        let before = self.asked.strays();
        match self.asked.came(&octets, LinkType::RAW) {
            Came::Answer(id, mut outcome) => {
                assert_eq!(self.asked.strays(), before, "it is an answer and something else");
                let (question, sent) = self.running.get(&id).expect("nobody waits for it");
                is_answer(&octets, question, sent, &outcome, self.prober.end_points());
                let at = self.now.saturating_sub(EARLIER);
                outcome.times.came = (what & 0x40 != 0).then_some(Moment { at, wall: 9 });
                self.finish(id, *outcome);
            }
            Came::Other => {
                let strays = self.asked.strays();
                assert!(strays.total() <= before.total() + 1);
                let is_wrong = (strays.forged, strays.damaged) != (before.forged, before.damaged);
                assert!(!is_wrong || !words.starts_with("answer"), "{words}");
            }
        }
    }

    fn finish(&mut self, id: usize, outcome: Outcome) {
        self.running.remove(&id).expect("it was not asked, or has ended");
        let finished = self.prober.ended(id, self.now, outcome).expect("it is under way");
        self.ended += 1;
        // Most end in silence, all of which is told alike.
        if self.ended < 4 || finished.outcome.verdict != Verdict::NoAnswer {
            tell(&self.prober.end_points()[finished.question.end_point], &finished);
        }
        if finished.question.end_point == 0 {
            self.comparison.note(&finished);
        }
    }

    /// Left alone it ends by itself.
    fn end(&mut self) {
        let total = self.prober.end_points().len() as u64 * self.ways * COUNT;
        for _ in 0..4 * total + 4 {
            match self.step(0) {
                Some(until) => self.now = until,
                None => break,
            }
        }
        assert_eq!(self.prober.step(self.now), Step::Done, "it does not end");
        assert!(self.running.is_empty() && self.prober.unfinished() == 0);
        assert_eq!((self.ended as u64, self.prober.asked_count() as u64), (total, total));
        let mut text = strays(&self.asked.strays());
        let (end_point, name_of) = (&self.prober.end_points()[0], |way: Way| format!("{way:?}"));
        let judgements = judge(&self.comparison);
        assert!(!judgements.is_empty());
        text.push_str(&probe_compare::table(end_point, &self.comparison, &name_of, &judgements, None));
        harmless::lines(&text);
        let rule = Some("a rule\n");
        harmless::object(&probe_json::comparison(end_point, &self.comparison, &name_of, &judgements, rule));
    }
}

/// That an answer is one: from whom was asked, of what was sent, and undamaged.
fn is_answer(octets: &[u8], question: &Question, sent: &[u8], outcome: &Outcome, end_points: &[EndPoint]) {
    assert!(question.way.is_raw(), "{question:?}");
    assert_ne!(has_right_checksum(octets), Some(false), "{outcome:?}");
    let seen = outcome.seen.as_ref().expect("it was seen");
    if let Some(by) = outcome.verdict.icmp() {
        return assert_eq!(by.from, Some(seen.from));
    }
    assert_eq!(seen.from, end_points[question.end_point].address.ip());
    let Some(segment) = &seen.segment else { return assert!(!matches!(question.way, Way::Syn(_))) };
    let at = if seen.from.is_ipv4() { 24 } else { 44 };
    let seq = u32::from_be_bytes(*sent[at..].first_chunk().expect("it is a SYN"));
    let has = |flag: char| segment.flags.contains(flag);
    assert!(segment.ack == seq.wrapping_add(1) || !has('.') && has('R'), "{segment:?}");
    match outcome.verdict {
        Verdict::Open { .. } => assert!(has('S') && has('.') && !has('R'), "{segment:?}"),
        _ => assert!(has('R'), "{segment:?}"),
    }
}

fn tell(end_point: &EndPoint, finished: &Finished) {
    for told in [false, true] {
        let detail = Detail { verbose: told, anatomy: told, talk: told };
        harmless::lines(&lines(end_point, finished, detail));
        harmless::object(&probe_json::probe(end_point, finished, Some("a shape"), told));
    }
    harmless::line(&comment("way", finished));
}

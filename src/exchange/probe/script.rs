//! Comparisons, probes and answers that are made up, for tests.

use std::net::IpAddr;

use super::compare::Comparison;
use super::syn_shape::usual;
use super::{
    Asked, Content, Finished, IcmpReason, Making, Negotiated, Outcome, Question, Seen, Segment, Verdict, Way,
};
use crate::exchange::ping::ledger::DropReason;
use crate::packet::build::build;
use crate::packet::{Layer, Node, Packet};
use crate::proto::registry;
use crate::wire::frame::LinkType;
use crate::wire::value::Value;

/// How each way is answered, in three rounds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Play {
    pub(super) plain: &'static str,
    /// Another user's connect(), where it is not as this one's.
    pub(super) user: Option<&'static str>,
    pub(super) kernel: &'static str,
    pub(super) other: &'static str,
    pub(super) echo: &'static str,
    pub(super) large: &'static str,
    /// What SYN-ACKs and resets have.
    pub(super) window: u16,
    pub(super) syn_ttl: u8,
    pub(super) mss: u64,
    /// The second of each is lost.
    pub(super) lost: bool,
}

/// All is well, one router away.
pub(super) fn play() -> Play {
    Play {
        plain: "open",
        user: None,
        kernel: "open",
        other: "open",
        echo: "open",
        large: "open",
        window: 65_160,
        syn_ttl: 63,
        mss: 1460,
        lost: false,
    }
}

impl Play {
    pub(super) fn comparison(&self) -> Comparison {
        let target: IpAddr = [10, 0, 0, 2].into();
        let large = Way::Echo { len: 1500 };
        let echo = Way::Echo { len: 0 };
        let answers = [
            (Way::Connect, self.plain),
            (Way::ConnectAs(1000), self.user.unwrap_or(self.plain)),
            (Way::Syn(0), self.kernel),
            (Way::Syn(1), self.other),
            (echo, self.echo),
            (large, self.large),
        ];
        let ways: Vec<Way> = answers.iter().map(|(way, _)| *way).collect();
        let mut comparison = Comparison::new(target, Some(1500), &ways);
        for round in 1..=3 {
            for (way, answer) in answers {
                let question = Question { id: 0, end_point: 0, way, seq: round, place: 0 };
                let answer = if self.lost && round == 2 { "silent" } else { answer };
                comparison.note(&Finished { question, outcome: self.outcome(way, answer) });
            }
        }
        comparison
    }

    fn outcome(&self, way: Way, answer: &str) -> Outcome {
        let from: IpAddr = [10, 0, 0, 2].into();
        let verdict = match answer {
            "open" => Verdict::Open { answer: Vec::new() },
            "closed" => Verdict::Closed { by: None },
            "forbidden" => Verdict::Failed { reason: "EPERM".to_owned(), why: DropReason::Forbidden },
            "silent" => Verdict::NoAnswer,
            "icmp" => {
                let by = IcmpReason { from: Some(from), is_v6: false, kind: 3, code: 4 };
                Verdict::Unreachable { by: Some(by), reason: String::new() }
            }
            _ => {
                let by = IcmpReason { from: Some(from), is_v6: false, kind: 3, code: 13 };
                Verdict::Unreachable { by: Some(by), reason: String::new() }
            }
        };
        let is_answer = matches!(answer, "open" | "closed");
        let segment = Segment {
            flags: "S.".to_owned(),
            seq: 1,
            ack: 1,
            window: self.window,
            options: vec![("mss".to_owned(), Some(self.mss))],
        };
        let seen = match way {
            Way::Syn(_) => {
                Some(Seen { from, ttl: Some(self.syn_ttl), ip_id: Some(0), segment: Some(segment) })
            }
            Way::Echo { .. } => Some(Seen { from, ttl: Some(63), ip_id: Some(7), segment: None }),
            _ => None,
        };
        let negotiated = (way == Way::Connect).then(|| Negotiated { snd_mss: 1448, ..Negotiated::default() });
        Outcome { seen: seen.filter(|_| is_answer), negotiated, ..Outcome::from(verdict) }
    }
}

pub(super) const OURS: [u8; 4] = [10, 0, 0, 1];
pub(super) const THEIRS: [u8; 4] = [10, 0, 0, 2];

/// A SYN, a datagram and an echo request, numbers 0 to 2; with each its octets.
pub(super) fn three_asked() -> (Asked, Vec<Vec<u8>>) {
    let mut asked = Asked::new(0x0123_4567_89ab_cdef, 77);
    let making = Making { source: OURS.into(), source_port: 40_000, destination: (THEIRS, 80).into() };
    let shape = usual(false, 1500);
    let contents = [
        (Way::Syn(0), Content::Syn(&shape)),
        (Way::RawDatagram, Content::Datagram(b"hello")),
        (Way::Echo { len: 0 }, Content::Echo(0)),
    ];
    let sent = contents.iter().enumerate().map(|(id, (way, content))| {
        let question = Question { id, end_point: 0, way: *way, seq: 1, place: 0 };
        asked.make(&question, &making, *content).unwrap()
    });
    let sent = sent.collect();
    (asked, sent)
}

pub(super) fn layer(name: &str) -> Layer {
    Layer::new(registry().by_name(name).unwrap())
}

pub(super) fn packet(from: [u8; 4], above: Vec<Layer>) -> Vec<u8> {
    let ip = layer("ip").with("ttl", Value::Uint(63)).with("src", Value::Ipv4(from.into()));
    let ip = ip.with("dst", Value::Ipv4(OURS.into()));
    build(&Packet { layers: [vec![ip], above].concat(), trailer: Vec::new() }).unwrap().octets
}

pub(super) fn segment(flags: u64, ack: u32) -> Vec<u8> {
    let tcp = layer("tcp")
        .with("srcport", Value::Uint(80))
        .with("dstport", Value::Uint(40_000))
        .with("flags", Value::Uint(flags))
        .with("ack", Value::Uint(ack.into()));
    packet(THEIRS, vec![tcp])
}

pub(super) fn seq_of(syn: &[u8]) -> u32 {
    u32::from_be_bytes(syn[24..28].try_into().unwrap())
}

/// An error that quotes so many octets.
pub(super) fn icmp_error(code: u64, quoted: &[u8]) -> Vec<u8> {
    let mut icmp = layer("icmp").with("type", Value::Uint(3)).with("code", Value::Uint(code));
    let mut table = crate::wire::layers::LayerTable::default();
    crate::packet::dissect::dissect(quoted, LinkType::RAW, &mut table);
    let layers = crate::packet::unbuild::unbuild_shortest(quoted, &table).layers;
    icmp.fields.push(("quoted".to_owned(), Node::Layers(layers)));
    packet([10, 0, 0, 9], vec![icmp])
}

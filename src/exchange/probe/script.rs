//! Comparisons and answers that are made up, for tests.

use std::net::IpAddr;

use super::compare::Comparison;
use super::{Finished, IcmpReason, Negotiated, Outcome, Question, Seen, Segment, Verdict, Way};

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
            "forbidden" => Verdict::Failed { reason: "EPERM".to_owned(), forbidden: true },
            "silent" => Verdict::NoAnswer,
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

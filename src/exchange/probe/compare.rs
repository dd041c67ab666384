//! Ways of asking, side by side: what each of them was answered, over all rounds.

use std::net::IpAddr;

use crate::exchange::engine::{Nanos, Stamp};
use crate::exchange::ping::ledger::DropReason;

use super::outcome::{Negotiated, Outcome, Seen, Segment, Verdict, routers};
use super::{Finished, Way};

/// What a way of asking was answered, when what was lost is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// Accepted, or the echo answered.
    Open,
    /// Refused.
    Closed,
    /// An ICMP error: type, code, from whom.
    Icmp(u8, u8, Option<IpAddr>),
    /// Nothing came.
    Silent,
    /// A rule of this host's own firewall forbids it.
    Forbidden,
    /// It could not be asked.
    Failed,
    /// Not always the same.
    Mixed,
}

impl Class {
    /// The class of one outcome.
    pub fn of(outcome: &Outcome) -> Self {
        match &outcome.verdict {
            Verdict::Open { .. } => Self::Open,
            Verdict::Failed { why: DropReason::Forbidden, .. } => Self::Forbidden,
            Verdict::Failed { .. } => Self::Failed,
            Verdict::NoAnswer => Self::Silent,
            verdict => match verdict.icmp() {
                Some(by) => Self::Icmp(by.kind, by.code, by.from),
                None if matches!(verdict, Verdict::Closed { .. }) => Self::Closed,
                None => Self::Failed,
            },
        }
    }

    /// The class of several: what came counts, silence only where nothing did, and what did not leave this host for a trouble that
    /// passes only where nothing else was asked.
    pub fn of_all<'o>(outcomes: impl IntoIterator<Item = &'o Outcome>) -> Self {
        let mut class = None;
        for outcome in outcomes {
            match (class.as_ref().unwrap_or(&Self::Failed), Self::of(outcome)) {
                (Self::Failed, first) => class = Some(first),
                (_, Self::Silent | Self::Failed) => {}
                (Self::Silent, first) => class = Some(first),
                (known, further) if *known == further => {}
                _ => return Self::Mixed,
            }
        }
        class.unwrap_or(Self::Silent)
    }

    /// Its name in tables and in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Icmp(..) => "icmp_error",
            Self::Silent => "no_answer",
            Self::Forbidden => "forbidden",
            Self::Failed => "failed",
            Self::Mixed => "mixed",
        }
    }
}

/// A way of asking and what it was answered.
#[derive(Debug, Clone)]
pub struct Row {
    /// How it asked.
    pub way: Way,
    /// What became of each probe, in order.
    pub outcomes: Vec<Outcome>,
}

impl Row {
    /// What it was answered.
    pub fn class(&self) -> Class {
        Class::of_all(&self.outcomes)
    }

    /// How many were answered by anybody.
    pub fn answered(&self) -> usize {
        let is_answered =
            |outcome: &&Outcome| !matches!(outcome.verdict, Verdict::NoAnswer | Verdict::Failed { .. });
        self.outcomes.iter().filter(is_answered).count()
    }

    /// The median of the round trips, and whose stamps it has.
    pub fn rtt(&self) -> Option<(Nanos, (Stamp, Stamp))> {
        let is_timed =
            |outcome: &&Outcome| !matches!(outcome.verdict, Verdict::NoAnswer | Verdict::Failed { .. });
        let mut times: Vec<_> = self
            .outcomes
            .iter()
            .filter(is_timed)
            .map(|outcome| (outcome.times.rtt(), outcome.times.stamps()))
            .collect();
        times.sort_by_key(|(rtt, _)| *rtt);
        times.get(times.len() / 2).copied()
    }

    /// What the first answer looked like; an error of ICMP is none of the host's.
    pub fn seen(&self) -> Option<&Seen> {
        let own = self.outcomes.iter().filter(|outcome| outcome.verdict.icmp().is_none());
        own.filter_map(|outcome| outcome.seen.as_ref()).next()
    }

    /// The first segment that came.
    pub fn segment(&self) -> Option<&Segment> {
        self.seen().and_then(|seen| seen.segment.as_ref())
    }

    /// How many routers its answers passed, where all of them passed as many.
    pub fn routers(&self) -> Option<u8> {
        let own = self.outcomes.iter().filter(|outcome| outcome.verdict.icmp().is_none());
        let mut counts = own.filter_map(|outcome| outcome.seen.as_ref()?.ttl).map(routers);
        let first = counts.next()?;
        counts.all(|count| count == first).then_some(first)
    }

    /// What a connection came to.
    pub fn negotiated(&self) -> Option<&Negotiated> {
        self.outcomes.iter().find_map(|outcome| outcome.negotiated.as_ref())
    }

    /// Why the first that failed did.
    pub fn failure(&self) -> Option<&str> {
        self.outcomes.iter().find_map(|outcome| match &outcome.verdict {
            Verdict::Failed { reason, .. } => Some(reason.as_str()),
            _ => None,
        })
    }
}

/// All ways, side by side.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Whom they asked.
    pub target: IpAddr,
    /// The MTU of the way as the kernel knows it.
    pub path_mtu: Option<u32>,
    rows: Vec<Row>,
}

impl Comparison {
    /// Nothing was asked yet.
    pub fn new(target: IpAddr, path_mtu: Option<u32>, ways: &[Way]) -> Self {
        let rows = ways.iter().map(|way| Row { way: *way, outcomes: Vec::new() }).collect();
        Self { target, path_mtu, rows }
    }

    /// A probe ended.
    pub fn note(&mut self, finished: &Finished) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.way == finished.question.way) {
            row.outcomes.push(finished.outcome.clone());
        }
    }

    /// The ways, in the order in which they are told.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The row of a way.
    pub fn row(&self, is: impl Fn(Way) -> bool) -> Option<&Row> {
        self.rows.iter().find(|row| is(row.way) && !row.outcomes.is_empty())
    }

    /// Octets of the IP and TCP headers without options.
    pub fn headers_len(&self) -> u32 {
        if self.target.is_ipv4() { 40 } else { 60 }
    }
}

//! What happens in a run of pings.

use std::net::IpAddr;

use crate::exchange::engine::Nanos;

use super::ledger::{DropReason, PacketClass, ProbeClass};
use super::query::Verdict;
use super::sample::Sample;
use super::told::Told;

/// Something worth a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A reply, good or not.
    Reply(Reply),
    /// An ICMP error about a request.
    Error {
        /// Which target was asked.
        target: usize,
        /// The number of the request.
        seq: u64,
        /// Who says so.
        from: IpAddr,
        /// Its words.
        text: String,
        /// ICMP type and code.
        kind: (u8, u8),
        /// The next hop's MTU, where it says so.
        mtu: Option<u32>,
        /// Since the request was sent.
        rtt: Nanos,
        /// When it came: nanoseconds since 1970.
        wall: i64,
        /// The request ended by it: it is no advice, and the request's time was not over.
        is_end: bool,
    },
    /// A request that did not leave this host.
    Dropped {
        /// Which target was to be asked.
        target: usize,
        /// The number of the request.
        seq: u64,
        /// Why.
        reason: DropReason,
        /// The same in the system's words, with what to do about it.
        text: String,
        /// The request before it left, or was dropped for another reason.
        is_news: bool,
        /// When: nanoseconds since 1970.
        wall: i64,
    },
    /// Requests leave again.
    LeavesAgain {
        /// Which target is asked.
        target: usize,
        /// The number of the request.
        seq: u64,
        /// When: nanoseconds since 1970.
        wall: i64,
    },
    /// A request's time is over: as lost, or as sent but unstamped.
    Lost {
        /// Which target was asked.
        target: usize,
        /// The number of the request.
        seq: u64,
        /// How it ended.
        class: ProbeClass,
        /// When it was sent: nanoseconds since 1970.
        wall: i64,
    },
    /// A packet that belongs to no request that is known.
    Stray {
        /// Who sent it.
        from: IpAddr,
        /// ICMP type and code.
        kind: (u8, u8),
        /// When it came: nanoseconds since 1970.
        wall: i64,
    },
}

/// A reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Which target was asked.
    pub target: usize,
    /// The number of the request.
    pub seq: u64,
    /// Who answers.
    pub from: IpAddr,
    /// Octets of the ICMP message.
    pub len: usize,
    /// The reply's time to live or hop limit, where the socket tells.
    pub ttl: Option<u8>,
    /// How long it took.
    pub sample: Sample,
    /// What it is.
    pub class: PacketClass,
    /// It came after its time-out.
    pub late: bool,
    /// What is wrong with it.
    pub damage: Option<Damage>,
    /// What it tells beside that it came.
    pub told: Told,
    /// When it came: nanoseconds since 1970.
    pub wall: i64,
}

/// What is wrong with a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// Its checksum is wrong.
    Checksum,
    /// An octet of its payload is not what was sent.
    Octet {
        /// Its place in the payload, from 0.
        at: usize,
        /// What was sent there.
        sent: u8,
        /// What came.
        came: u8,
    },
    /// It is shorter or longer than what was sent.
    Length {
        /// Octets that were sent.
        sent: usize,
        /// Octets that came.
        came: usize,
    },
    /// Its tag is wrong.
    Tag,
}

impl Damage {
    /// The damage of a payload; `None` of one that is whole.
    pub(super) fn of(verdict: Verdict) -> Option<Self> {
        match verdict {
            Verdict::Whole => None,
            Verdict::Octet { at, sent, came } => Some(Self::Octet { at, sent, came }),
            Verdict::Length { sent, came } => Some(Self::Length { sent, came }),
            Verdict::Forged => Some(Self::Tag),
        }
    }
}

//! What became of a probe: what it says of the port, how long it took and who says so, and what the answer looked like.

use std::net::{IpAddr, SocketAddr};

use crate::exchange::engine::{Nanos, Stamp};
use crate::exchange::moment::Moment;
use crate::exchange::ping::ledger::DropReason;

/// What a probe says of the end point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The connection was accepted, the SYN or the echo request answered, or the datagram answered.
    Open {
        /// Octets that were answered.
        answer: Vec<u8>,
    },
    /// Refused: a reset, or of UDP an ICMP port unreachable from the host itself.
    Closed {
        /// Who refuses by ICMP.
        by: Option<IcmpReason>,
    },
    /// Somebody on the way says that it cannot be reached.
    Unreachable {
        /// Who, and in which words, where ICMP tells.
        by: Option<IcmpReason>,
        /// What the socket says.
        reason: String,
    },
    /// Nobody said anything in time: filtered, or for UDP open without an answer.
    NoAnswer,
    /// The probe could not be made, or did not leave this host.
    Failed {
        /// Why.
        reason: String,
        /// What kind of trouble that is.
        why: DropReason,
    },
}

impl Verdict {
    /// Its name in JSON.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Closed { .. } => "closed",
            Self::Unreachable { .. } => "unreachable",
            Self::NoAnswer => "no_answer",
            Self::Failed { .. } => "failed",
        }
    }

    /// Who says so by ICMP.
    pub fn icmp(&self) -> Option<IcmpReason> {
        match self {
            Self::Closed { by } | Self::Unreachable { by, .. } => *by,
            _ => None,
        }
    }

    /// What an ICMP error says of a port. A port of UDP is closed when its own host says so; who speaks for another host, or
    /// answers TCP by ICMP, is a filter.
    pub fn of_icmp(by: IcmpReason, is_udp: bool, target: IpAddr, reason: String) -> Self {
        if is_udp && by.is_port_unreachable() && by.from.is_none_or(|from| from == target) {
            Self::Closed { by: Some(by) }
        } else {
            Self::Unreachable { by: Some(by), reason }
        }
    }
}

/// An ICMP error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcmpReason {
    /// Who sent it.
    pub from: Option<IpAddr>,
    /// ICMPv6, and not ICMP.
    pub is_v6: bool,
    /// Its type.
    pub kind: u8,
    /// Its code.
    pub code: u8,
}

impl IcmpReason {
    /// Its words, when it has a name.
    pub fn words(&self) -> Option<&'static str> {
        if self.is_v6 {
            crate::proto::icmpv6::code_name(self.kind, self.code)
        } else {
            crate::proto::icmp::code_name(self.kind, self.code)
        }
    }

    /// Whether it says that nobody listens at the port.
    pub fn is_port_unreachable(&self) -> bool {
        matches!((self.is_v6, self.kind, self.code), (false, 3, 3) | (true, 1, 4))
    }
}

/// When things happened to a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// The call that sent it, or that began to connect.
    pub asked: Nanos,
    /// When it was handed to the queue of its interface, by the kernel's stamp.
    pub queued: Option<Moment>,
    /// When it left, by the kernel's stamp.
    pub left: Option<Moment>,
    /// When the answer came, by the kernel's stamp.
    pub came: Option<Moment>,
    /// When the answer was read, or the wait was over.
    pub read: Nanos,
    /// How long the handshake took, by the kernel's TCP itself (TCP_INFO), whose SYNs are not stamped.
    pub handshake: Option<Nanos>,
}

impl Times {
    /// From leaving to coming, as near to the wire as is known.
    pub fn rtt(&self) -> Nanos {
        match (self.handshake, self.left, self.came) {
            (Some(took), ..) => took,
            (None, Some(left), Some(came)) => left.until(came),
            (None, left, came) => {
                let at = |moment: Option<Moment>, or: Nanos| moment.map_or(or, |moment| moment.at);
                at(came, self.read).saturating_sub(at(left, self.asked))
            }
        }
    }

    /// Whose the two times are.
    pub fn stamps(&self) -> (Stamp, Stamp) {
        let of = |stamp: Option<Moment>| if stamp.is_some() { Stamp::Kernel } else { Stamp::User };
        match self.handshake {
            Some(_) => (Stamp::TcpInfo, Stamp::TcpInfo),
            None => (of(self.left), of(self.came)),
        }
    }

    /// From the call to the verdict.
    pub fn took(&self) -> Nanos {
        self.read.saturating_sub(self.asked)
    }
}

/// What an answer looked like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Who sent it.
    pub from: IpAddr,
    /// Its time to live or hop limit.
    pub ttl: Option<u8>,
    /// Its IPv4 identification.
    pub ip_id: Option<u16>,
    /// What TCP says.
    pub segment: Option<Segment>,
}

/// A TCP header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its flags in tcpdump's letters.
    pub flags: String,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// The window as it stands there.
    pub window: u16,
    /// Its options in order, those of several fields by each: `mss`, `timestamp.tsval`, `nop`.
    pub options: Vec<(String, Option<u64>)>,
}

impl Segment {
    /// The number of an option.
    pub fn option(&self, name: &str) -> Option<u64> {
        self.options.iter().find(|(own, _)| own == name).and_then(|(_, number)| *number)
    }

    /// Whether it has the option.
    pub fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(own, _)| own.split('.').next() == Some(name))
    }
}

/// How many routers an answer has passed, by the time to live that systems begin with: the next of 64, 128 and 255.
pub fn routers(ttl: u8) -> u8 {
    let first = [64u8, 128, 255].into_iter().find(|first| *first >= ttl).unwrap_or(255);
    first.saturating_sub(ttl)
}

/// What the kernel's TCP tells of a connection (TCP_INFO in tcp(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Negotiated {
    /// Smoothed round-trip time in microseconds; of a new connection, that of the handshake.
    pub rtt_us: u32,
    /// Its variance in microseconds.
    pub rtt_var_us: u32,
    /// The largest segment that is sent, without options.
    pub snd_mss: u32,
    /// The largest segment that was advertised to the other side.
    pub advmss: u32,
    /// Path MTU in octets.
    pub path_mtu: u32,
    /// Window scales: the other side's, and ours; `None` where they are not used.
    pub window_scales: Option<(u8, u8)>,
    /// Time stamps (RFC 7323).
    pub timestamps: bool,
    /// Selective acknowledgments (RFC 2018).
    pub sack: bool,
    /// Explicit congestion notification (RFC 3168).
    pub ecn: bool,
    /// SYNs that were sent again.
    pub retransmits: u32,
}

/// What became of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What it says of the end point.
    pub verdict: Verdict,
    /// When.
    pub times: Times,
    /// The answer, where its headers were seen.
    pub seen: Option<Seen>,
    /// What a connection came to.
    pub negotiated: Option<Negotiated>,
    /// This host's address and port.
    pub local: Option<SocketAddr>,
    /// Whether what was expected came, where something was.
    pub fulfilled: Option<bool>,
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        let times = Times::default();
        Self { verdict, times, seen: None, negotiated: None, local: None, fulfilled: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_is_told_by_the_best_stamps_that_there_are() {
        let moment = |at| Some(Moment { at, wall: 1_000_000 + at.cast_signed() });
        let times = Times { asked: 10, left: moment(20), came: moment(50), read: 90, ..Times::default() };
        assert_eq!((times.rtt(), times.took()), (30, 80));
        assert_eq!(times.stamps(), (Stamp::Kernel, Stamp::Kernel));
        let half = Times { came: None, ..times };
        assert_eq!((half.rtt(), half.stamps()), (70, (Stamp::Kernel, Stamp::User)));
        let by_tcp = Times { handshake: Some(7), ..times };
        assert_eq!((by_tcp.rtt(), by_tcp.stamps()), (7, (Stamp::TcpInfo, Stamp::TcpInfo)));
    }

    #[test]
    fn routers_are_counted_from_the_next_usual_beginning() {
        assert_eq!([64, 63, 128, 120, 255, 250, 1].map(routers), [0, 1, 0, 8, 0, 5, 63]);
    }

    #[test]
    fn a_port_is_closed_when_its_own_host_says_so() {
        let target: IpAddr = [10, 0, 0, 1].into();
        let by = |from: [u8; 4]| IcmpReason { from: Some(from.into()), is_v6: false, kind: 3, code: 3 };
        let state = |from, is_udp| Verdict::of_icmp(by(from), is_udp, target, String::new()).state();
        assert_eq!(state([10, 0, 0, 1], true), "closed");
        assert_eq!(state([10, 0, 0, 9], true), "unreachable");
        assert_eq!(state([10, 0, 0, 1], false), "unreachable");
    }
}

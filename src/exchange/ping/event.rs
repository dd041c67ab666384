//! What happens in a run of pings.

use std::net::IpAddr;

use crate::exchange::engine::Nanos;

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
    },
    /// A request that could not be sent.
    SendFailed {
        /// Which target was to be asked.
        target: usize,
        /// The number of the request.
        seq: u64,
        /// Why.
        reason: String,
        /// When: nanoseconds since 1970.
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
    /// From sending the request to the kernel's stamp on the reply.
    pub rtt: Nanos,
    /// It is not the first one.
    pub duplicate: bool,
    /// It came after its time-out.
    pub late: bool,
    /// What is wrong with it.
    pub damage: Option<Damage>,
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
        sent: Option<u8>,
        /// What came.
        came: Option<u8>,
    },
}

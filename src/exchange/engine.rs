//! What an engine is: something that decides what to send and when, and is told what came. Engines have no sockets and
//! no clock, so tests drive them with a script; [`drive`](super::drive) joins them to the system.

use std::net::IpAddr;

use crate::wire::frame::LinkType;

/// Monotonic time in nanoseconds, from an origin that does not matter.
pub type Nanos = u64;

/// One second.
pub const SECOND: Nanos = 1_000_000_000;
/// One millisecond.
pub const MILLISECOND: Nanos = 1_000_000;

/// What an engine wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send this now, and call [`Engine::sent`].
    Send(Outgoing),
    /// Nothing until then, or until something comes.
    Wait(Nanos),
    /// Nothing until something comes.
    Idle,
    /// It is over.
    Done,
}

/// A packet to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The engine's own number for it.
    pub tag: usize,
    /// The whole packet.
    pub octets: Vec<u8>,
    /// What it begins with: an IP header, or a link-layer header.
    pub link_type: LinkType,
    /// Where it goes; link-layer frames go where their header says.
    pub destination: Option<IpAddr>,
    /// The index of the interface that a frame leaves by, or that a link-local IPv6 destination is on; 0 for any.
    pub interface: u32,
}

/// Why a packet did not leave this host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct SendError {
    /// The system's number for it (errno(3)), where it comes from the system.
    pub errno: Option<i32>,
    /// What was tried, on what, why it failed and what to do.
    pub words: String,
}

impl SendError {
    /// One that does not come from the system.
    pub fn of(words: impl Into<String>) -> Self {
        Self { errno: None, words: words.into() }
    }
}

/// A packet that came.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// Its octets.
    pub octets: &'a [u8],
    /// What it begins with.
    pub link_type: LinkType,
    /// When it came.
    pub at: Nanos,
    /// The same on the calendar: nanoseconds since 1970.
    pub wall: i64,
    /// It left this host, and was seen on its way out.
    pub outgoing: bool,
    /// Its length on the wire in octets.
    pub len: usize,
    /// The index of the interface that it was seen on; 0 where that is not known.
    pub interface: u32,
    /// How it was read, where a socket's owner tells.
    pub read: Option<Reading>,
}

impl<'a> Incoming<'a> {
    /// An IP packet that came in whole, of which nothing else is known.
    pub fn of_ip(octets: &'a [u8], at: Nanos, wall: i64) -> Self {
        let (link_type, len) = (LinkType::RAW, octets.len());
        Self { octets, link_type, at, wall, outgoing: false, len, interface: 0, read: None }
    }
}

/// How a packet was read from a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// When this program had it.
    pub at: Nanos,
    /// The same on the calendar.
    pub wall: i64,
    /// Whose stamp says when it came.
    pub stamp: Stamp,
}

/// Whose clock says when a packet left or came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stamp {
    /// This program's, when it asked the kernel to send, or had read.
    User,
    /// The kernel's, when its driver was handed the packet, or when it got it from there.
    Kernel,
    /// The network adapter's.
    Adapter,
    /// The kernel's TCP, which times a handshake as a whole (TCP_INFO).
    TcpInfo,
}

impl Stamp {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Kernel => "kernel",
            Self::Adapter => "adapter",
            Self::TcpInfo => "tcp_info",
        }
    }
}

/// What the kernel tells of a packet on its way out (Documentation/networking/timestamping.rst).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// How far it was.
    pub stage: Stage,
    /// When.
    pub at: Nanos,
    /// The same on the calendar: nanoseconds since 1970.
    pub wall: i64,
}

/// How far a packet is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It was handed to the queue of its interface (SCM_TSTAMP_SCHED).
    Queued,
    /// The driver has it (SCM_TSTAMP_SND).
    Driver,
    /// The adapter has sent it.
    Wire,
}

/// An engine.
pub trait Engine {
    /// What to do at `now`. It may be asked again before it is told what became of a packet: then it gives another one that is due, or
    /// waits.
    fn step(&mut self, now: Nanos) -> Step;
    /// The packet with this tag left at `at`, or could not be sent for the given reason.
    fn sent(&mut self, tag: usize, at: Nanos, wall: i64, result: Result<(), SendError>);
    /// The kernel says how far the packet with this tag is, which [`sent`](Self::sent) told less exactly.
    fn stamped(&mut self, _tag: usize, _departure: Departure) {}
    /// Whether an answer is there already to a packet of which the kernel has not told yet when it left.
    fn awaits_stamp(&self) -> bool {
        false
    }
    /// A packet came, which may have nothing to do with the engine.
    fn received(&mut self, packet: Incoming<'_>);
    /// Whoever started it wants it to end.
    fn stop(&mut self, now: Nanos);
}

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
}

/// An engine.
pub trait Engine {
    /// What to do at `now`.
    fn step(&mut self, now: Nanos) -> Step;
    /// The packet with this tag left at `at`, or could not be sent for the given reason.
    fn sent(&mut self, tag: usize, at: Nanos, wall: i64, result: Result<(), String>);
    /// The kernel says that the packet with this tag left at `at`, which [`sent`](Self::sent) told less exactly.
    fn stamped(&mut self, _tag: usize, _at: Nanos) {}
    /// A packet came, which may have nothing to do with the engine.
    fn received(&mut self, packet: Incoming<'_>);
    /// Whoever started it wants it to end.
    fn stop(&mut self, now: Nanos);
}

//! Trace without any right: datagrams and connection attempts of plain sockets, whose packets go so many hops, and the ICMP errors that
//! the kernel keeps for them. The engine's probes say what is to leave; what comes is given to it as the packet that it would have been.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use crate::exchange::drive::told_packet::{icmp_number, ip_layer};
use crate::exchange::drive::trace::socket_address;
use crate::exchange::drive::{Wire, receive_buffer};
use crate::exchange::engine::{Incoming, Nanos, Outgoing, SendError};
use crate::exchange::trace::{Asked, Method, TracePlan, asked};
use crate::packet::build::build;
use crate::packet::{Layer, Packet};
use crate::proto::{data, registry};
use crate::sys::clock::{self, Now};
use crate::sys::error::SysError;
use crate::sys::error_queue::Origin;
use crate::sys::hop_socket::{Attempt, HopError, HopSocket};
use crate::wire::value::Value;

/// The sockets.
pub struct PlainWire {
    plan: TracePlan,
    /// Sends all datagrams: they are of one flow.
    udp: Option<HopSocket>,
    /// Attempts to connect, each with a port of its own, so that each is a flow of its own.
    attempts: Vec<Connecting>,
    /// The last probes that were sent.
    sent: VecDeque<Vec<u8>>,
    buffer: Vec<u8>,
}

/// An attempt to connect.
struct Connecting {
    socket: HopSocket,
    /// The probe that it stands for.
    probe: Vec<u8>,
    /// When it began, on the monotonic clock.
    since: Nanos,
}

impl PlainWire {
    /// Opens the sockets, and puts the source port into the plan.
    ///
    /// # Errors
    /// When the host has no such address, or the port is taken.
    pub fn open(plan: &mut TracePlan, port: u16) -> Result<Self, SysError> {
        let udp = match plan.method {
            Method::Udp => {
                let from = socket_address(plan.source, plan.interface, port);
                let to = socket_address(plan.destination, plan.interface, plan.port);
                Some(HopSocket::udp(from, to, plan.tos)?)
            }
            Method::Icmp | Method::Tcp => None,
        };
        if let Some(local) = udp.as_ref().and_then(HopSocket::local) {
            plan.source_port = local.port();
        }
        let buffer = receive_buffer();
        Ok(Self { plan: plan.clone(), udp, attempts: Vec::new(), sent: VecDeque::new(), buffer })
    }

    fn remember(&mut self, octets: &[u8]) {
        self.sent.push_back(octets.to_vec());
        if self.sent.len() > MOST_REMEMBERED {
            self.sent.pop_front();
        }
    }

    fn send_asked(&mut self, octets: &[u8]) -> Result<(), SysError> {
        let Some(Asked { hops, payload, .. }) = asked(octets) else { return Ok(()) };
        match &self.udp {
            Some(socket) => {
                socket.send(payload, hops)?;
                self.remember(octets);
            }
            None => {
                let from = socket_address(self.plan.source, self.plan.interface, 0);
                let to = socket_address(self.plan.destination, self.plan.interface, self.plan.port);
                let attempt = HopSocket::tcp(from, to, self.plan.tos, hops)?;
                let since = clock::monotonic();
                self.attempts.push(Connecting { socket: attempt, probe: octets.to_vec(), since });
            }
        }
        Ok(())
    }
}

/// Errors that come later than so many further probes are none that anybody waits for.
const MOST_REMEMBERED: usize = 8192;
/// Messages that are taken before others have their turn.
const MOST_AT_ONCE: usize = 4096;

impl Wire for PlainWire {
    fn send(&mut self, outgoing: &Outgoing) -> Result<(), SendError> {
        self.send_asked(&outgoing.octets).map_err(SendError::from)
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let attempts = self.attempts.iter().map(|attempt| attempt.socket.as_fd());
        self.udp.iter().map(AsFd::as_fd).chain(attempts).collect()
    }

    fn receive(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) {
        let Self { plan, udp, attempts, sent, buffer } = self;
        for socket in udp.iter() {
            for _ in 0..MOST_AT_ONCE {
                let Some(error) = socket.error(buffer) else { break };
                let is_about = |probe: &&Vec<u8>| {
                    asked(probe).is_some_and(|asked| is_quoted(asked.payload, &error.payload))
                };
                if let Some(probe) = sent.iter().rev().find(is_about) {
                    hand_over(error_of(plan, &error, probe), error.stamp, deliver);
                }
            }
            for _ in 0..MOST_AT_ONCE {
                let Some((octets, about)) = socket.datagram(buffer) else { break };
                hand_over(datagram_of(plan, octets, about.ttl), about.stamp, deliver);
            }
        }
        let now = clock::monotonic();
        attempts.retain(|Connecting { socket, probe, since }| match socket.attempt(buffer) {
            // Nobody waits for it any more, so that the kernel need not ask again.
            Attempt::Open => now.saturating_sub(*since) <= plan.patience.longest,
            Attempt::Connected => {
                hand_over(segment_of(plan, probe, &["flags.syn", "flags.ack"]), None, deliver);
                false
            }
            Attempt::Refused => {
                hand_over(segment_of(plan, probe, &["flags.reset", "flags.ack"]), None, deliver);
                false
            }
            Attempt::Error(error) => {
                hand_over(error_of(plan, &error, probe), error.stamp, deliver);
                false
            }
            Attempt::Failed => false,
        });
    }

    fn read_after(&self) -> u32 {
        1
    }
}

/// Whether an error quotes this payload: as far as all headers of a probe that is told apart from others.
fn is_quoted(sent: &[u8], quoted: &[u8]) -> bool {
    quoted.len() >= LEAST_QUOTED && sent.iter().zip(quoted).all(|(sent, quoted)| sent == quoted)
}

/// The number of a probe, what balances it, and its token.
const LEAST_QUOTED: usize = 12;

fn hand_over(octets: Option<Vec<u8>>, stamp: Option<i64>, deliver: &mut dyn FnMut(Incoming<'_>)) {
    let Some(octets) = octets else { return };
    let now = Now::read();
    let wall = stamp.unwrap_or(now.wall);
    deliver(Incoming::of_ip(&octets, now.monotonic_of(wall), wall));
}

/// The ICMP message that an error tells of.
fn error_of(plan: &TracePlan, error: &HopError, probe: &[u8]) -> Option<Vec<u8>> {
    let about = &error.error;
    let name = match about.origin {
        Origin::Icmp => "icmp",
        Origin::Icmp6 => "icmpv6",
        Origin::Local | Origin::Other => return None,
    };
    let mut message = layer(name)?.with("type", number(about.kind)).with("code", number(about.code));
    if about.info > 0 {
        message = message.with("mtu", number(about.info));
    }
    let quoted = layer(data::NAME)?.with(data::HEX, Value::Octets(probe.to_vec()));
    packet(plan, about.offender?, error.ttl, icmp_number(plan.destination), vec![message, quoted])
}

/// A datagram of the destination.
fn datagram_of(plan: &TracePlan, octets: &[u8], ttl: Option<u8>) -> Option<Vec<u8>> {
    let ports = layer("udp")?.with("srcport", number(plan.port)).with("dstport", number(plan.source_port));
    let payload = layer(data::NAME)?.with(data::HEX, Value::Octets(octets.to_vec()));
    packet(plan, plan.destination, ttl, UDP, vec![ports, payload])
}

/// A segment of the destination with these flags, which acknowledges a probe. With which time to live it came, nobody tells.
fn segment_of(plan: &TracePlan, probe: &[u8], flags: &[&str]) -> Option<Vec<u8>> {
    let ack = asked(probe)?.seq.wrapping_add(1);
    let mut segment = layer("tcp")?
        .with("srcport", number(plan.port))
        .with("dstport", number(plan.source_port))
        .with("ack", number(ack));
    for flag in flags {
        segment = segment.with(flag, Value::Bool(true));
    }
    packet(plan, plan.destination, None, TCP, vec![segment])
}

fn packet(
    plan: &TracePlan,
    from: IpAddr,
    ttl: Option<u8>,
    protocol: u8,
    above: Vec<Layer>,
) -> Option<Vec<u8>> {
    let mut layers = vec![ip_layer(from, plan.source, ttl, protocol)?];
    layers.extend(above);
    Some(build(&Packet { layers, trailer: Vec::new() }).ok()?.octets)
}

/// IANA protocol-numbers.
const TCP: u8 = 6;
const UDP: u8 = 17;

fn layer(name: &str) -> Option<Layer> {
    Some(Layer::new(registry().by_name(name)?))
}

fn number(number: impl Into<u64>) -> Value {
    Value::Uint(number.into())
}

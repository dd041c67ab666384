//! What this kernel's own SYN looks like. It is learned from one that goes nowhere: a connection over loopback to a port where
//! nobody listens, offering segments as large as the way in question takes. What else makes a SYN's options, window and IP header are
//! settings of the whole host (`tcp_connect_init` in net/ipv4/tcp_output.c), so that it is the one that would leave, but for what
//! a route says beyond its MTU (`ip route … initrwnd`, `hoplimit`, `features ecn`).

use std::os::fd::AsFd;

use crate::exchange::drive::held_ports::to_ports;
use crate::exchange::drive::told_packet::ip_layer;
use crate::exchange::probe::SynShape;
use crate::packet::build::build;
use crate::packet::{Layer, Packet};
use crate::proto::{data, registry};
use crate::sys::answer_socket::{AnswerSocket, HeldPort};
use crate::sys::clock;
use crate::sys::control_message::Message;
use crate::sys::error::SysError;
use crate::sys::ip_socket::Family;
use crate::sys::plain_socket::{Kind, PlainSocket, Wishes};
use crate::sys::poll;
use crate::wire::bpf::Instruction;
use crate::wire::value::Value;

/// Hears SYNs of this kernel. It is opened while there is a right to, and deaf until a SYN is to be heard.
#[derive(Debug)]
pub struct Ear {
    socket: AnswerSocket,
    family: Family,
}

impl Ear {
    /// Opens it.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing, or the host has no such family.
    pub fn open(family: Family) -> Result<Self, SysError> {
        Ok(Self { socket: AnswerSocket::all_tcp(family)?, family })
    }

    /// The SYN of a connection over an interface whose packets may have `mtu` octets; `None` where none was seen, because loopback is
    /// down or a rule of this host forbids it.
    ///
    /// # Errors
    /// When the kernel does not take a filter.
    pub fn learn(&self, mtu: usize) -> Result<Option<SynShape>, SysError> {
        // A port where nobody listens.
        let Ok(silent) = HeldPort::of_all(self.family, false, 0) else { return Ok(None) };
        let Some(port) = silent.port() else { return Ok(None) };
        self.socket.hear(&to_ports(self.family, [port]))?;
        let heard = self.hear(port, mtu);
        self.socket.hear(&[Instruction::take(0)])?;
        self.socket.forget();
        Ok(heard)
    }

    fn hear(&self, port: u16, mtu: usize) -> Option<SynShape> {
        let mut home = self.family.home();
        home.set_port(port);
        let largest = largest_segment(self.family == Family::V6, mtu);
        let wishes = Wishes { largest_segment: Some(largest), ..Wishes::default() };
        // It is refused at once, or fails where a rule forbids it.
        let _attempt = PlainSocket::connect(Kind::Stream, home, &wishes);
        let until = clock::monotonic().saturating_add(PATIENCE);
        let mut buffer = [0; 512];
        loop {
            // Segments of others to this port come over the network, not from here.
            while let Ok(Some(message)) = self.socket.receive(&mut buffer) {
                let is_ours = message.from.is_some_and(|from| from.ip() == home.ip());
                let packet = is_ours.then(|| whole(&message, self.family)).flatten();
                let shape = packet.and_then(|packet| SynShape::of_octets("kernel", &packet));
                if shape.is_some() {
                    return shape;
                }
            }
            let left = until.saturating_sub(clock::monotonic());
            if left == 0 || poll::wait(&[self.socket.as_fd()], &[], Some(left)).is_err() {
                return None;
            }
        }
    }
}

/// The segment with its IP header, which raw sockets of IPv6 leave off and tell about.
fn whole(message: &Message<'_>, family: Family) -> Option<Vec<u8>> {
    if family == Family::V4 {
        return Some(message.octets.to_vec());
    }
    let (from, to) = (message.from?.ip(), message.about.destination?);
    let flow = message.about.flow.unwrap_or_default();
    let ip = ip_layer(from, to, message.about.ttl, TCP)?
        .with("tclass", Value::Uint(u64::from(flow >> 20 & 0xff)))
        .with("flow", Value::Uint(u64::from(flow & 0xf_ffff)));
    let payload = Layer::new(registry().data()).with(data::HEX, Value::Octets(message.octets.to_vec()));
    Some(build(&Packet { layers: vec![ip, payload], trailer: Vec::new() }).ok()?.octets)
}

/// The largest segment that is offered on a way with this MTU (`ipv4_default_advmss`, `ip6_default_advmss`).
pub(super) fn largest_segment(v6: bool, mtu: usize) -> u16 {
    let headers = if v6 { 60 } else { 40 };
    u16::try_from(mtu.saturating_sub(headers).clamp(88, 65_495)).unwrap_or(u16::MAX)
}

/// How long the SYN may take over loopback.
const PATIENCE: u64 = 200_000_000;
/// IANA protocol-numbers.
const TCP: u8 = 6;

//! The sockets of trace: probes leave by a raw socket with the IP header that the engine made; errors come by a raw ICMP socket,
//! the destination's own answers by one of its protocol. Whatever comes is given to the engine as a whole IP packet.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, BorrowedFd};

use crate::exchange::drive::icmp::{Recorder, icmp_number, ip_layer};
use crate::exchange::drive::tap::Tap;
use crate::exchange::drive::trace_plain::PlainWire;
use crate::exchange::drive::{Wire, receive_buffer};
use crate::exchange::engine::{Departure, Incoming, Outgoing, SendError, Stage};
use crate::exchange::trace::{Method, TracePlan, belongs};
use crate::packet::build::build;
use crate::packet::{Layer, Packet};
use crate::proto::{data, registry};
use crate::sys::answer_socket::{AnswerSocket, HeldPort};
use crate::sys::clock::Now;
use crate::sys::control_message::Message;
use crate::sys::error::SysError;
use crate::sys::ip_socket::{Family, HeaderIncluded, IcmpKind, IcmpSocket};
use crate::sys::ring::Source;
use crate::sys::time_stamp::Departures;
use crate::wire::value::Value;

/// A port of this host that is kept for a trace.
#[derive(Debug)]
pub enum OwnPort {
    /// A UDP port, to which answers come, and its number.
    Udp(AnswerSocket, Option<u16>),
    /// A TCP port. The kernel's reset, which takes the half-open connection down, comes because nothing listens there.
    Tcp(HeldPort),
}

impl OwnPort {
    /// Keeps a port for this kind of probes; 0 has the kernel choose one. Echo requests need none.
    ///
    /// # Errors
    /// When the host has no such address, or the port is taken.
    pub fn keep(method: Method, source: IpAddr, interface: u32, port: u16) -> Result<Option<Self>, SysError> {
        let local = socket_address(source, interface, port);
        Ok(match method {
            Method::Icmp => None,
            Method::Udp => {
                let socket = AnswerSocket::udp(local)?;
                let number = socket.port();
                Some(Self::Udp(socket, number))
            }
            Method::Tcp => Some(Self::Tcp(HeldPort::tcp(local)?)),
        })
    }

    /// Its number.
    pub fn number(&self) -> Option<u16> {
        match self {
            Self::Udp(_, number) => *number,
            Self::Tcp(socket) => socket.port(),
        }
    }
}

/// The sockets of trace: hand-built packets, or none.
pub enum TraceWire {
    /// Raw sockets.
    Raw(Box<RawWire>),
    /// Plain ones.
    Plain(Box<PlainWire>),
}

impl TraceWire {
    /// Shows each frame of the trace, as it passes an interface, to `recorder`.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing.
    pub fn record(&mut self, recorder: Recorder) -> Result<(), SysError> {
        match self {
            Self::Raw(wire) => wire.record(recorder),
            Self::Plain(_) => Ok(()),
        }
    }

    /// Ends the recording: what has passed until now is shown.
    ///
    /// # Errors
    /// When the kernel does not close the tap.
    pub fn finish(&mut self) -> Result<(), SysError> {
        match self {
            Self::Raw(wire) => wire.finish(),
            Self::Plain(_) => Ok(()),
        }
    }
}

impl Wire for TraceWire {
    fn send(&mut self, outgoing: &Outgoing) -> Result<(), SendError> {
        match self {
            Self::Raw(wire) => wire.send(outgoing),
            Self::Plain(wire) => wire.send(outgoing),
        }
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        match self {
            Self::Raw(wire) => wire.descriptors(),
            Self::Plain(wire) => wire.descriptors(),
        }
    }

    fn receive(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) {
        match self {
            Self::Raw(wire) => wire.receive(deliver),
            Self::Plain(wire) => wire.receive(deliver),
        }
    }

    fn read_after(&self) -> u32 {
        match self {
            Self::Raw(wire) => wire.read_after(),
            Self::Plain(wire) => wire.read_after(),
        }
    }

    fn stamps(&mut self, tell: &mut dyn FnMut(usize, Departure)) {
        match self {
            Self::Raw(wire) => wire.stamps(tell),
            Self::Plain(wire) => wire.stamps(tell),
        }
    }
}

/// The raw sockets of trace.
pub struct RawWire {
    plan: TracePlan,
    sender: HeaderIncluded,
    icmp: IcmpSocket,
    /// Receives TCP segments.
    tcp: Option<AnswerSocket>,
    ports: Vec<OwnPort>,
    tap: Option<(Tap, Recorder)>,
    buffer: Vec<u8>,
    /// Packets that were sent, and those of which the kernel said that they left.
    sent: usize,
    stamped: usize,
}

impl RawWire {
    /// Opens the sockets. `interface` is the name of the one that packets must leave by.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing, or there is no such interface.
    pub fn open(plan: TracePlan, ports: Vec<OwnPort>, interface: Option<&str>) -> Result<Self, SysError> {
        let family = Family::of(plan.destination);
        let sender = HeaderIncluded::open(family)?;
        sender.forget_path_mtu()?;
        let icmp = IcmpSocket::open(family, IcmpKind::Raw)?;
        let peer = socket_address(plan.destination, plan.interface, 0);
        let tcp = (plan.method == Method::Tcp).then(|| AnswerSocket::raw_tcp(peer)).transpose()?;
        if let Some(name) = interface {
            sender.bind_to_interface(name)?;
            icmp.bind_to_interface(name)?;
            tcp.iter().try_for_each(|tcp| tcp.bind_to_interface(name))?;
        }
        // Where the kernel has none, the time of the call is told.
        let _ = sender.stamp_departures(Departures::default());
        let buffer = receive_buffer();
        Ok(Self { plan, sender, icmp, tcp, ports, tap: None, buffer, sent: 0, stamped: 0 })
    }

    fn record(&mut self, recorder: Recorder) -> Result<(), SysError> {
        self.tap = Some((Tap::open(Source::ALL)?, recorder));
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SysError> {
        let plan = &self.plan;
        match &mut self.tap {
            Some((tap, recorder)) => tap.finish(&mut |frame| {
                if belongs(plan, frame.data, frame.link_type) {
                    recorder(frame);
                }
            }),
            None => Ok(()),
        }
    }
}

impl Wire for RawWire {
    fn send(&mut self, outgoing: &Outgoing) -> Result<(), SendError> {
        let Outgoing { octets, destination, interface, .. } = outgoing;
        let destination = destination.unwrap_or(self.plan.destination);
        self.sent = self.sent.saturating_add(1);
        self.sender.send(octets, destination, *interface).map_err(|error| match error.is_permission() {
            // The socket is open: the right is there.
            true => SendError {
                words: format!("{} {}: {FORBIDDEN}", error.call, error.object),
                errno: error.source.raw_os_error(),
            },
            false => error.into(),
        })
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let udp = self.ports.iter().filter_map(|port| match port {
            OwnPort::Udp(socket, _) => Some(socket.as_fd()),
            OwnPort::Tcp(_) => None,
        });
        let tcp = self.tcp.iter().map(AsFd::as_fd);
        let taps = self.tap.iter().map(|(tap, _)| tap.as_fd());
        [self.icmp.as_fd()].into_iter().chain(tcp).chain(udp).chain(taps).collect()
    }

    fn receive(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) {
        let Self { plan, icmp, tcp, ports, tap, buffer, .. } = self;
        if let Some((tap, recorder)) = tap {
            tap.receive(&mut |frame| {
                if belongs(plan, frame.data, frame.link_type) {
                    recorder(frame);
                }
            });
        }
        let is_v4 = plan.destination.is_ipv4();
        for _ in 0..MOST_AT_ONCE {
            let Ok(Some(message)) = icmp.receive(buffer) else { break };
            if is_v4 {
                hand_over(&message, message.octets, deliver);
            } else if let Some(whole) = message_of(plan, &message, icmp_number(plan.destination)) {
                hand_over(&message, &whole, deliver);
            }
        }
        for socket in tcp.iter() {
            for _ in 0..MOST_AT_ONCE {
                let Ok(Some(message)) = socket.receive(buffer) else { break };
                if is_v4 {
                    hand_over(&message, message.octets, deliver);
                } else if let Some(whole) = message_of(plan, &message, TCP) {
                    hand_over(&message, &whole, deliver);
                }
            }
        }
        for port in ports.iter() {
            let OwnPort::Udp(socket, Some(number)) = port else { continue };
            for _ in 0..MOST_AT_ONCE {
                let Ok(Some(message)) = socket.receive(buffer) else { break };
                if let Some(whole) = datagram_of(plan, &message, *number) {
                    hand_over(&message, &whole, deliver);
                }
            }
        }
    }

    /// An answer may say that farther hops need not be asked; and while the kernel does not stamp what comes, it is stamped when it
    /// is read.
    fn read_after(&self) -> u32 {
        1
    }

    fn stamps(&mut self, tell: &mut dyn FnMut(usize, Departure)) {
        for _ in 0..MOST_AT_ONCE {
            if self.stamped >= self.sent {
                return;
            }
            let Ok(Some(passage)) = self.sender.departure() else { return };
            let at = Now::read().monotonic_of(passage.at);
            let number = usize::try_from(passage.number).unwrap_or(usize::MAX);
            self.stamped = number.saturating_add(1);
            tell(number, Departure { stage: Stage::Driver, at, wall: passage.at });
        }
    }
}

/// What the kernel means that does not let a packet leave (EPERM).
const FORBIDDEN: &str = "a rule of this host's own firewall forbids it; `nft list ruleset` shows them";

/// Messages that are taken from a socket before the others have their turn: a host that sends without end holds nothing up.
const MOST_AT_ONCE: usize = 4096;

fn hand_over(message: &Message<'_>, octets: &[u8], deliver: &mut dyn FnMut(Incoming<'_>)) {
    let now = Now::read();
    let wall = message.about.stamp.unwrap_or(now.wall);
    deliver(Incoming::of_ip(octets, now.monotonic_of(wall), wall));
}

/// The IP packet that brought a message of a protocol.
fn message_of(plan: &TracePlan, message: &Message<'_>, protocol: u8) -> Option<Vec<u8>> {
    let from = message.from?.ip();
    let ip = ip_layer(from, plan.source, message.about.ttl, protocol)?;
    let payload = Layer::new(registry().data()).with(data::HEX, Value::Octets(message.octets.to_vec()));
    Some(build(&Packet { layers: vec![ip, payload], trailer: Vec::new() }).ok()?.octets)
}

/// The IP packet that brought a datagram to this port.
fn datagram_of(plan: &TracePlan, message: &Message<'_>, to: u16) -> Option<Vec<u8>> {
    let from = message.from?;
    let ip = ip_layer(from.ip(), plan.source, message.about.ttl, UDP)?;
    let port = |port: u16| Value::Uint(port.into());
    let udp =
        Layer::new(registry().by_name("udp")?).with("srcport", port(from.port())).with("dstport", port(to));
    let payload = Layer::new(registry().data()).with(data::HEX, Value::Octets(message.octets.to_vec()));
    Some(build(&Packet { layers: vec![ip, udp, payload], trailer: Vec::new() }).ok()?.octets)
}

/// IANA protocol-numbers.
const TCP: u8 = 6;
const UDP: u8 = 17;

/// An address of a socket; link-local IPv6 addresses are those of an interface.
pub(super) fn socket_address(address: IpAddr, interface: u32, port: u16) -> SocketAddr {
    match address {
        IpAddr::V4(address) => (address, port).into(),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => SocketAddrV6::new(v6, port, 0, interface).into(),
        IpAddr::V6(v6) => SocketAddrV6::new(v6, port, 0, 0).into(),
    }
}

//! The sockets of ping: raw where the right is there, else ICMP datagram sockets.
//!
//! Raw requests go out whole, with the IP header that the engine made (IP_HDRINCL), cut into fragments where they are
//! larger than the path. What comes back is given to the engine as whole IP packets: where a socket leaves the IP header
//! off, one is put before the message from what the kernel says about it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use crate::exchange::drive::Wire;
use crate::exchange::drive::tap::Tap;
use crate::exchange::engine::{Incoming, Nanos, Outgoing, SendError};
use crate::exchange::fragment::fragments;
use crate::exchange::ping::belongs;
use crate::packet::build::build;
use crate::packet::dissect::dissect_as;
use crate::packet::unbuild::unbuild_shortest;
use crate::packet::{Layer, Node, Packet};
use crate::proto::{data, registry};
use crate::sys::clock::Now;
use crate::sys::control_message::Message;
use crate::sys::error::SysError;
use crate::sys::error_queue::{self, Origin, Taken};
use crate::sys::ip_socket::{Family, HeaderIncluded, IcmpKind, IcmpSocket};
use crate::sys::ring::Source;
use crate::wire::frame::{Frame, LinkType};
use crate::wire::layers::LayerTable;
use crate::wire::value::Value;

/// What the sockets of a run have in common.
#[derive(Debug, Clone, Default)]
pub struct IcmpOptions {
    /// Use this interface only.
    pub interface: Option<String>,
    /// Requests come from this address.
    pub source: Option<IpAddr>,
    /// Echo identifier.
    pub ident: u16,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// Type of service or traffic class.
    pub tos: u8,
}

/// The way to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path {
    /// Its largest packet in octets.
    pub mtu: usize,
    /// The interface's index, for link-local IPv6 targets.
    pub interface: u32,
    /// The address that requests come from.
    pub source: IpAddr,
}

/// The sockets of one family.
#[derive(Debug)]
struct Sockets {
    /// Sends whole packets; without it, messages go through `icmp`.
    sender: Option<HeaderIncluded>,
    icmp: IcmpSocket,
}

/// Called with each frame of the run that the tap sees.
pub type Recorder = Box<dyn FnMut(&Frame<'_>)>;

/// The sockets of ping.
pub struct IcmpWire {
    options: IcmpOptions,
    families: HashMap<Family, Sockets>,
    paths: HashMap<IpAddr, Path>,
    buffer: Vec<u8>,
    fragment_ident: u32,
    tap: Option<(Tap, Recorder)>,
}

impl IcmpWire {
    /// No sockets yet: each family's are opened when its first target comes.
    pub fn new(options: IcmpOptions) -> Self {
        let buffer = vec![0; usize::from(u16::MAX) + 1];
        let fragment_ident = u32::from(options.ident);
        Self { options, families: HashMap::new(), paths: HashMap::new(), buffer, fragment_ident, tap: None }
    }

    /// Shows each frame of the run, as it passes an interface, to `recorder`.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing.
    pub fn record(&mut self, recorder: Recorder) -> Result<(), SysError> {
        self.tap = Some((Tap::open(Source::Any)?, recorder));
        Ok(())
    }

    /// Ends the recording: what has passed until now is shown.
    ///
    /// # Errors
    /// When the kernel does not close the tap.
    pub fn finish(&mut self) -> Result<(), SysError> {
        let (ident, targets) = (self.options.ident, &self.paths);
        match &mut self.tap {
            Some((tap, recorder)) => tap.finish(&mut |frame| show_own(frame, ident, targets, recorder)),
            None => Ok(()),
        }
    }

    /// Opens the sockets of a family, if they are not: raw ones, or where the right is missing, datagram ones. Returns how
    /// they were opened.
    ///
    /// # Errors
    /// When neither may be opened: the error of the raw one, which says what grants the right.
    pub fn open(&mut self, family: Family) -> Result<IcmpKind, SysError> {
        if let Some(open) = self.families.get(&family) {
            return Ok(open.icmp.kind());
        }
        let sockets = match self.open_raw(family) {
            Err(error) if error.is_permission() => self.open_datagram(family).map_err(|_| error)?,
            other => other?,
        };
        let kind = sockets.icmp.kind();
        self.families.insert(family, sockets);
        Ok(kind)
    }

    fn open_raw(&self, family: Family) -> Result<Sockets, SysError> {
        let sender = HeaderIncluded::open(family)?;
        let icmp = IcmpSocket::open(family, IcmpKind::Raw)?;
        if let Some(name) = &self.options.interface {
            sender.bind_to_interface(name)?;
            icmp.bind_to_interface(name)?;
        }
        Ok(Sockets { sender: Some(sender), icmp })
    }

    fn open_datagram(&self, family: Family) -> Result<Sockets, SysError> {
        let icmp = IcmpSocket::open(family, IcmpKind::Datagram)?;
        if let Some(name) = &self.options.interface {
            icmp.bind_to_interface(name)?;
        }
        icmp.set_header(self.options.ttl, self.options.tos)?;
        let any = match (self.options.source, family) {
            (Some(source), _) => source,
            (None, Family::V4) => Ipv4Addr::UNSPECIFIED.into(),
            (None, Family::V6) => std::net::Ipv6Addr::UNSPECIFIED.into(),
        };
        // The port of such a socket is the identifier of its echoes.
        icmp.bind(SocketAddr::new(any, self.options.ident))?;
        Ok(Sockets { sender: None, icmp })
    }

    /// Says which way leads to a target.
    pub fn set_path(&mut self, target: IpAddr, path: Path) {
        self.paths.insert(target, path);
    }
}

impl Wire for IcmpWire {
    fn send(&mut self, outgoing: &Outgoing) -> Result<(), SendError> {
        let Some(destination) = outgoing.destination else { return Ok(()) };
        let path = self.paths.get(&destination);
        let (mtu, interface) = path.map_or((usize::MAX, 0), |path| (path.mtu, path.interface));
        let Some(sockets) = self.families.get(&Family::of(destination)) else { return Ok(()) };
        let sent = match &sockets.sender {
            Some(sender) => {
                self.fragment_ident = self.fragment_ident.wrapping_add(1);
                let pieces = fragments(&outgoing.octets, mtu, self.fragment_ident);
                pieces.iter().try_for_each(|piece| sender.send(piece, destination, interface))
            }
            None => {
                let header_len = if destination.is_ipv4() { 20 } else { 40 };
                let message = outgoing.octets.get(header_len..).unwrap_or_default();
                sockets.icmp.send(message, destination, interface)
            }
        };
        Ok(sent?)
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let taps = self.tap.iter().map(|(tap, _)| tap.as_fd());
        self.families.values().map(|sockets| sockets.icmp.as_fd()).chain(taps).collect()
    }

    fn receive(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) {
        let (ident, targets) = (self.options.ident, &self.paths);
        if let Some((tap, recorder)) = &mut self.tap {
            tap.receive(&mut |frame| show_own(frame, ident, targets, recorder));
        }
        for sockets in self.families.values() {
            let (family, kind) = (sockets.icmp.family(), sockets.icmp.kind());
            // An error of the socket itself is told by the error queue as well.
            while let Ok(Some(message)) = sockets.icmp.receive(&mut self.buffer) {
                let now = Now::read();
                let wall = message.about.stamp.unwrap_or(now.wall);
                let at = now.monotonic_of(wall);
                let whole = (family, kind) == (Family::V4, IcmpKind::Raw);
                let packet = if whole { None } else { with_header(&message, &self.paths) };
                deliver(came(packet.as_deref().unwrap_or(message.octets), at, wall));
            }
            if kind == IcmpKind::Datagram {
                while let Ok(Some(taken)) = error_queue::take(&sockets.icmp) {
                    let now = Now::read();
                    let packet = error_packet(&taken, &self.paths);
                    deliver(came(packet.as_deref().unwrap_or_default(), now.monotonic, now.wall));
                }
            }
        }
    }
}

/// An IP packet that came.
fn came(octets: &[u8], at: Nanos, wall: i64) -> Incoming<'_> {
    let (link_type, len) = (LinkType::RAW, octets.len());
    Incoming { octets, link_type, at, wall, outgoing: false, len, interface: 0, read: None }
}

/// Shows a frame that belongs to the run.
fn show_own(frame: &Frame<'_>, ident: u16, targets: &HashMap<IpAddr, Path>, recorder: &mut Recorder) {
    if belongs(frame.data, frame.link_type, ident, &|address| targets.contains_key(&address)) {
        recorder(frame);
    }
}

/// The IP packet that brought a message.
fn with_header(message: &Message<'_>, paths: &HashMap<IpAddr, Path>) -> Option<Vec<u8>> {
    let from = message.from?.ip();
    let to = message.about.destination.or_else(|| paths.get(&from).map(|path| path.source));
    let ip = ip_layer(from, to.unwrap_or(from), message.about.ttl, icmp_number(from))?;
    let payload = Layer::new(registry().data()).with(data::HEX, Value::Octets(message.octets.to_vec()));
    Some(build(&Packet { layers: vec![ip, payload], trailer: Vec::new() }).ok()?.octets)
}

/// The ICMP error that the kernel tells of, with the request that it kept.
fn error_packet(taken: &Taken, paths: &HashMap<IpAddr, Path>) -> Option<Vec<u8>> {
    let Taken { error, destination, payload: sent } = taken;
    let offender = error.offender.filter(|_| matches!(error.origin, Origin::Icmp | Origin::Icmp6))?;
    let target = destination.as_ref()?.ip();
    let source = paths.get(&target)?.source;
    let name = if offender.is_ipv4() { "icmp" } else { "icmpv6" };
    let mut table = LayerTable::default();
    let first = registry().by_name(name)?;
    dissect_as(sent, first, &mut table);
    let mut quoted = vec![ip_layer(source, target, None, icmp_number(target))?];
    quoted.extend(unbuild_shortest(sent, &table).layers);
    let number = |n: u8| Value::Uint(u64::from(n));
    let mut icmp = Layer::new(first).with("type", number(error.kind)).with("code", number(error.code));
    let is_too_big = matches!((name, error.kind, error.code), ("icmp", 3, 4) | ("icmpv6", 2, _));
    if is_too_big {
        icmp = icmp.with("mtu", Value::Uint(u64::from(error.info)));
    }
    icmp.fields.push(("quoted".to_owned(), Node::Layers(quoted)));
    let ip = ip_layer(offender, source, None, icmp_number(offender))?;
    Some(build(&Packet { layers: vec![ip, icmp], trailer: Vec::new() }).ok()?.octets)
}

/// What ICMP and ICMPv6 are to the IP header (RFC 792, RFC 4443 §1).
pub(super) fn icmp_number(address: IpAddr) -> u8 {
    if address.is_ipv4() { 1 } else { 58 }
}

/// An IP header as far as the kernel tells of it, for a protocol of that number.
pub(super) fn ip_layer(from: IpAddr, to: IpAddr, ttl: Option<u8>, protocol: u8) -> Option<Layer> {
    let protocol = Value::Uint(u64::from(protocol));
    let ttl = Value::Uint(u64::from(ttl.unwrap_or_default()));
    Some(match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => Layer::new(registry().by_name("ip")?)
            .with("proto", protocol)
            .with("ttl", ttl)
            .with("src", Value::Ipv4(from))
            .with("dst", Value::Ipv4(to)),
        (IpAddr::V6(from), IpAddr::V6(to)) => Layer::new(registry().by_name("ipv6")?)
            .with("nxt", protocol)
            .with("hlim", ttl)
            .with("src", Value::Ipv6(from))
            .with("dst", Value::Ipv6(to)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::dissect::dissect;
    use crate::sys::error_queue::SocketError;

    #[test]
    fn an_error_of_the_queue_becomes_the_packet_that_it_was() {
        let (source, target): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let paths = HashMap::from([(target, Path { mtu: 1500, interface: 0, source })]);
        let offender = Some([10, 0, 0, 9].into());
        let error =
            SocketError { errno: 113, origin: Origin::Icmp, kind: 11, code: 0, info: 0, data: 0, offender };
        let taken =
            Taken { error, destination: Some((target, 0).into()), payload: vec![8, 0, 0, 0, 0, 7, 0, 1] };
        let octets = error_packet(&taken, &paths).unwrap();
        let mut table = LayerTable::default();
        dissect(&octets, LinkType::RAW, &mut table);
        let names: Vec<_> = table.entries().iter().map(|entry| registry().get(entry.protocol).name).collect();
        assert_eq!(names, ["ip", "icmp", "ip", "icmp"]);
    }
}

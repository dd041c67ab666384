//! The raw sockets of probe: hand-built packets leave with the IP header that was made for them, from ports that are held so that
//! nobody else has them; the kernel, which has no connection there, resets what answers a SYN, and so nothing half open stays behind.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, BorrowedFd};

use crate::exchange::drive::icmp::{icmp_number, ip_layer};
use crate::exchange::drive::kernel_syn::{largest_segment, learn};
use crate::exchange::drive::numbers::Numbers;
use crate::exchange::drive::probe_plain::{forbidden, moment, moment_before};
use crate::exchange::drive::receive_buffer;
use crate::exchange::engine::Stage;
use crate::exchange::moment::Moment;
use crate::exchange::ping::ledger::DropReason;
use crate::exchange::probe::{Making, SynShape, Verdict, usual_syn};
use crate::packet::build::build;
use crate::packet::{Layer, Packet};
use crate::proto::{data, registry};
use crate::sys::answer_socket::{AnswerSocket, HeldPort};
use crate::sys::clock;
use crate::sys::control_message::Message;
use crate::sys::error::SysError;
use crate::sys::ip_socket::{Family, HeaderIncluded, IcmpKind, IcmpSocket};
use crate::sys::netlink::{Netlink, NetlinkError, RouteQuery};
use crate::sys::time_stamp::{Departures, PassageStage};
use crate::wire::value::Value;

/// Why raw probes of a target cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum RawError {
    /// A socket.
    #[error(transparent)]
    Socket(#[from] SysError),
    /// The way.
    #[error(transparent)]
    Way(#[from] NetlinkError),
    /// No address.
    #[error("no address of this host can be sent from to {0}")]
    NoSource(IpAddr),
}

impl RawError {
    /// What it means for a probe that is to be made now.
    pub(super) fn verdict(&self) -> Verdict {
        let why = match self {
            Self::Socket(error) => DropReason::of(error.source.raw_os_error()),
            Self::Way(NetlinkError::NoRoute { .. }) => DropReason::NoRoute,
            Self::NoSource(_) => DropReason::NoAddress,
            Self::Way(_) => DropReason::Other,
        };
        Verdict::Failed { reason: self.to_string(), why }
    }
}

/// The way to a target.
#[derive(Debug, Clone, Copy)]
pub struct PathTo {
    /// The address that probes come from.
    pub source: IpAddr,
    /// The interface's index, which link-local IPv6 targets need.
    interface: u32,
    /// The largest packet in octets.
    pub mtu: usize,
}

/// What a port is held with.
#[derive(Debug)]
enum Held {
    /// The kernel resets what comes there, because nobody listens.
    Tcp {
        _port: HeldPort,
    },
    Udp(AnswerSocket),
}

/// The sockets of a family that send, and what their stamps are about.
#[derive(Debug)]
struct Sender {
    socket: HeaderIncluded,
    /// Which stamp is about which probe.
    numbers: Numbers,
    icmp: IcmpSocket,
}

/// The raw sockets.
pub struct RawSockets {
    netlink: Netlink,
    source: Option<IpAddr>,
    senders: HashMap<Family, Sender>,
    answers: HashMap<(bool, IpAddr), AnswerSocket>,
    ports: HashMap<(bool, IpAddr, u64), (Held, u16)>,
    paths: HashMap<IpAddr, PathTo>,
    kernel: HashMap<(bool, u16), SynShape>,
    /// Where the kernel's SYN could not be seen.
    guessed: bool,
    /// Whether it is told when packets are queued.
    is_anatomy: bool,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for RawSockets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawSockets").field("paths", &self.paths).finish_non_exhaustive()
    }
}

impl RawSockets {
    /// None are open yet: those of a target are when it is asked.
    ///
    /// # Errors
    /// When netlink does not answer.
    pub fn new(source: Option<IpAddr>) -> Result<Self, NetlinkError> {
        Ok(Self {
            netlink: Netlink::open()?,
            source,
            senders: HashMap::new(),
            answers: HashMap::new(),
            ports: HashMap::new(),
            paths: HashMap::new(),
            kernel: HashMap::new(),
            guessed: false,
            is_anatomy: false,
            buffer: receive_buffer(),
        })
    }

    /// The same, which tell when packets are handed to the queue of their interface, too.
    #[must_use]
    pub fn with_anatomy(mut self, wanted: bool) -> Self {
        self.is_anatomy = wanted;
        self
    }

    /// Checks that raw sockets may be opened, before anybody is asked.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing.
    pub fn check(&mut self, family: Family) -> Result<(), SysError> {
        self.open(family)
    }

    /// The way to a target.
    ///
    /// # Errors
    /// When no route leads there.
    pub fn path(&mut self, target: SocketAddr) -> Result<PathTo, RawError> {
        let destination = target.ip();
        if let Some(path) = self.paths.get(&destination) {
            return Ok(*path);
        }
        let scope = match target {
            SocketAddr::V6(address) if address.scope_id() != 0 => Some(address.scope_id()),
            _ => None,
        };
        let source = self.source.filter(|source| source.is_ipv4() == destination.is_ipv4());
        let route = self.netlink.route(&RouteQuery { destination, source, interface: scope })?;
        let mtu = match route.mtu {
            Some(mtu) => mtu,
            None => self.netlink.link_by_index(route.interface)?.mtu,
        };
        let source = source.or(route.source).ok_or(RawError::NoSource(destination))?;
        let path = PathTo { source, interface: scope.unwrap_or(0), mtu: mtu as usize };
        self.paths.insert(destination, path);
        Ok(path)
    }

    /// The shape of this kernel's own SYN to a target.
    ///
    /// # Errors
    /// When no route leads there, or CAP_NET_RAW is missing.
    pub fn kernel_syn(&mut self, target: SocketAddr) -> Result<SynShape, RawError> {
        let path = self.path(target)?;
        let v6 = target.is_ipv6();
        let mss = largest_segment(v6, path.mtu);
        if let Some(shape) = self.kernel.get(&(v6, mss)) {
            return Ok(shape.clone());
        }
        let shape = match learn(v6, path.mtu)? {
            Some(shape) => shape.with_mss(mss),
            None => {
                self.guessed = true;
                usual_syn(v6, path.mtu)
            }
        };
        self.kernel.insert((v6, mss), shape.clone());
        Ok(shape)
    }

    /// Whether some SYN has the usual shape of Linux, because the kernel's own could not be seen.
    pub fn is_guessed(&self) -> bool {
        self.guessed
    }

    /// Where a probe of a target comes from: its address, and a port that is held for it. `place` counts the probes of the target, so
    /// that those of it which follow each other come from other ports.
    ///
    /// # Errors
    /// When no port is left, or a socket cannot be opened.
    pub fn making(
        &mut self,
        target: SocketAddr,
        is_udp: Option<bool>,
        place: u64,
    ) -> Result<Making, RawError> {
        let path = self.path(target)?;
        self.open(Family::of(target.ip()))?;
        let source_port = match is_udp {
            None => 0,
            Some(is_udp) => {
                self.listen(target, is_udp)?;
                self.hold(&path, is_udp, place % MOST_PORTS)?
            }
        };
        Ok(Making { source: path.source, source_port, destination: target })
    }

    fn hold(&mut self, path: &PathTo, is_udp: bool, slot: u64) -> Result<u16, RawError> {
        let key = (is_udp, path.source, slot);
        if let Some((_, port)) = self.ports.get(&key) {
            return Ok(*port);
        }
        let local = socket_address(path.source, path.interface);
        let (held, port) = if is_udp {
            let socket = AnswerSocket::udp(local)?;
            let port = socket.port();
            (Held::Udp(socket), port)
        } else {
            let socket = HeldPort::tcp(local)?;
            let port = socket.port();
            (Held::Tcp { _port: socket }, port)
        };
        let port = port.ok_or(RawError::NoSource(path.source))?;
        self.ports.insert(key, (held, port));
        Ok(port)
    }

    fn open(&mut self, family: Family) -> Result<(), SysError> {
        if self.senders.contains_key(&family) {
            return Ok(());
        }
        let socket = HeaderIncluded::open(family)?;
        socket.forget_path_mtu()?;
        let icmp = IcmpSocket::open(family, IcmpKind::Raw)?;
        // Where the kernel has none, the time of the call is told.
        let _ = socket.stamp_departures(Departures { queued: self.is_anatomy, ..Departures::default() });
        self.senders.insert(family, Sender { socket, numbers: Numbers::default(), icmp });
        Ok(())
    }

    fn listen(&mut self, target: SocketAddr, is_udp: bool) -> Result<(), SysError> {
        if let Entry::Vacant(place) = self.answers.entry((is_udp, target.ip())) {
            place.insert(if is_udp {
                AnswerSocket::raw_udp(target)?
            } else {
                AnswerSocket::raw_tcp(target)?
            });
        }
        Ok(())
    }

    /// Sends a probe.
    ///
    /// # Errors
    /// What it means that it could not be sent.
    pub fn send(&mut self, id: usize, target: SocketAddr, octets: &[u8]) -> Result<(), Verdict> {
        let interface = self.paths.get(&target.ip()).map_or(0, |path| path.interface);
        let failed = |reason: String, why| Verdict::Failed { reason, why };
        let sender = self.senders.get_mut(&Family::of(target.ip()));
        let sender = sender.ok_or_else(|| failed("no raw socket is open".to_owned(), DropReason::Other))?;
        let before = clock::wall();
        let sent = sender.socket.send(octets, target.ip(), interface);
        // Packets are numbered when they are made, also those that a rule or a full queue takes then.
        let is_numbered = match &sent {
            Ok(()) => true,
            Err(error) => matches!(error.source.raw_os_error(), Some(EPERM | ENOBUFS)),
        };
        if is_numbered {
            sender.numbers.sent(id, before);
        }
        sent.map_err(|error| match error.source.raw_os_error() {
            Some(EPERM) => failed(forbidden(&error), DropReason::Forbidden),
            errno => failed(error.to_string(), DropReason::of(errno)),
        })
    }

    /// What to wait on for answers.
    pub fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let icmp = self.senders.values().map(|sender| sender.icmp.as_fd());
        icmp.chain(self.answers.values().map(AsFd::as_fd)).collect()
    }

    /// Tells how far probes are on their way out, by the kernel's stamps.
    pub fn stamps(&mut self, tell: &mut dyn FnMut(usize, Stage, Moment)) {
        for sender in self.senders.values_mut() {
            for _ in 0..MOST_AT_ONCE {
                let Ok(Some(passage)) = sender.socket.departure() else { break };
                let stage = match passage.stage {
                    PassageStage::Queued => Stage::Queued,
                    PassageStage::Driver => Stage::Driver,
                    PassageStage::Adapter => continue,
                };
                if let Some(id) = sender.numbers.tag(&passage) {
                    tell(id, stage, moment(passage.at));
                }
            }
        }
    }

    /// Delivers what has come, as whole IP packets, with the kernel's stamp where it has one.
    pub fn receive(&mut self, deliver: &mut dyn FnMut(&[u8], Option<Moment>)) {
        let Self { senders, answers, paths, buffer, .. } = self;
        let own = |from: IpAddr| paths.get(&from).or_else(|| paths.values().next()).map(|path| path.source);
        for sender in senders.values() {
            for _ in 0..MOST_AT_ONCE {
                let before = clock::wall();
                let Ok(Some(message)) = sender.icmp.receive(buffer) else { break };
                hand_over(&message, before, None, &own, deliver);
            }
        }
        for ((is_udp, _), socket) in answers.iter() {
            for _ in 0..MOST_AT_ONCE {
                let before = clock::wall();
                let Ok(Some(message)) = socket.receive(buffer) else { break };
                hand_over(&message, before, Some(*is_udp), &own, deliver);
            }
        }
        for (held, _) in self.ports.values() {
            // What raw sockets deliver comes here too, and is not wanted twice.
            if let Held::Udp(socket) = held {
                for _ in 0..MOST_AT_ONCE {
                    let Ok(Some(_)) = socket.receive(buffer) else { break };
                }
            }
        }
    }
}

/// A message as the IP packet that brought it: those of IPv6 come without their header. `before` is when it was asked for.
fn hand_over(
    message: &Message<'_>,
    before: i64,
    is_udp: Option<bool>,
    own: &dyn Fn(IpAddr) -> Option<IpAddr>,
    deliver: &mut dyn FnMut(&[u8], Option<Moment>),
) {
    let Some(from) = message.from.map(|from| from.ip()) else { return };
    let came = message.about.stamp.and_then(|stamp| moment_before(stamp, before));
    if from.is_ipv4() {
        return deliver(message.octets, came);
    }
    let to = message.about.destination.or_else(|| own(from));
    let protocol = match is_udp {
        None => icmp_number(from),
        Some(false) => TCP,
        Some(true) => UDP,
    };
    let layer = to.and_then(|to| ip_layer(from, to, message.about.ttl, protocol));
    let payload = Layer::new(registry().data()).with(data::HEX, Value::Octets(message.octets.to_vec()));
    let packet = layer.map(|ip| Packet { layers: vec![ip, payload], trailer: Vec::new() });
    if let Some(built) = packet.and_then(|packet| build(&packet).ok()) {
        deliver(&built.octets, came);
    }
}

/// An address of a socket; link-local IPv6 addresses are those of an interface.
fn socket_address(address: IpAddr, interface: u32) -> SocketAddr {
    match address {
        IpAddr::V4(address) => (address, 0).into(),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => SocketAddrV6::new(v6, 0, 0, interface).into(),
        IpAddr::V6(v6) => SocketAddrV6::new(v6, 0, 0, 0).into(),
    }
}

/// Ports that are held for the probes of a target which follow each other.
const MOST_PORTS: u64 = 64;
/// Messages that are taken from a socket before the others have their turn: a host that sends without end holds nothing up.
const MOST_AT_ONCE: usize = 4096;
/// IANA protocol-numbers.
const TCP: u8 = 6;
const UDP: u8 = 17;
/// Linux's numbers (errno(3)).
const EPERM: i32 = 1;
const ENOBUFS: i32 = 105;

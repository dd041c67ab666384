//! The raw sockets of probe: hand-built packets leave with the IP header that was made for them, from ports that are held so that
//! nobody else has them; the kernel, which has no connection there, resets what answers a SYN, and so nothing half open stays behind.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use crate::exchange::drive::held_ports::HeldPorts;
use crate::exchange::drive::icmp::{icmp_number, ip_layer};
use crate::exchange::drive::kernel_syn::{Ear, largest_segment};
use crate::exchange::drive::numbers::Numbers;
use crate::exchange::drive::probe_plain::{NotAsked, forbidden, moment, moment_before};
use crate::exchange::drive::receive_buffer;
use crate::exchange::engine::Stage;
use crate::exchange::moment::Moment;
use crate::exchange::ping::ledger::DropReason;
use crate::exchange::probe::{Making, SynShape, Verdict, usual_syn};
use crate::packet::build::build;
use crate::packet::{Layer, Packet};
use crate::proto::{data, registry};
use crate::sys::answer_socket::AnswerSocket;
use crate::sys::clock;
use crate::sys::control_message::Message;
use crate::sys::error::SysError;
use crate::sys::error::errno::{ENOBUFS, EPERM};
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
    /// A family that was not asked for when the sockets were opened.
    #[error("no raw sockets are open for {0:?}")]
    NotWanted(Family),
    /// Nobody asked those.
    #[error("{0} is a broadcast address, which all hosts of a network hear: a probe asks one host")]
    Broadcast(IpAddr),
    /// No address.
    #[error("no address of this host can be sent from to {0}")]
    NoSource(IpAddr),
}

impl RawError {
    /// What it means for a probe that is to be made now.
    pub(super) fn not_asked(self) -> NotAsked {
        let why = match self {
            Self::Socket(error) if error.is_want_of_room() => return NotAsked::NoRoom(error),
            Self::Socket(ref error) => DropReason::of(error.source.raw_os_error()),
            Self::Way(NetlinkError::NoRoute { .. }) => DropReason::NoRoute,
            Self::NoSource(_) => DropReason::NoAddress,
            Self::Way(_) | Self::NotWanted(_) | Self::Broadcast(_) => DropReason::Other,
        };
        NotAsked::Over(Verdict::Failed { reason: self.to_string(), why })
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

/// The sockets of a family, which serve all targets.
#[derive(Debug)]
struct Side {
    socket: HeaderIncluded,
    /// Which stamp is about which probe.
    numbers: Numbers,
    icmp: IcmpSocket,
    /// What answers from ports comes by.
    answers: AnswerSocket,
    /// What the kernel's own SYN is heard by; where SYNs are sent.
    ear: Option<Ear>,
}

/// The raw sockets. All are open from the beginning on, so that none takes a right later.
pub struct RawSockets {
    netlink: Netlink,
    source: Option<IpAddr>,
    is_udp: bool,
    sides: HashMap<Family, Side>,
    /// Why there is no side of a family.
    missing: HashMap<Family, SysError>,
    ports: HeldPorts,
    paths: HashMap<IpAddr, PathTo>,
    kernel: HashMap<(bool, u16), SynShape>,
    /// Where the kernel's SYN could not be seen.
    guessed: bool,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for RawSockets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawSockets").field("paths", &self.paths).finish_non_exhaustive()
    }
}

impl RawSockets {
    /// Opens those for SYNs, or for datagrams, and for echo requests with them, of these families; of those that the host has.
    /// `is_anatomy` has them tell when packets are handed to the queue of their interface, too.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing, or the host has none of the families.
    pub fn open(
        source: Option<IpAddr>,
        is_udp: bool,
        families: &[Family],
        is_anatomy: bool,
    ) -> Result<Self, RawError> {
        let (mut sides, mut missing) = (HashMap::new(), HashMap::new());
        for family in families {
            match Side::open(*family, is_udp, is_anatomy) {
                Ok(side) => drop(sides.insert(*family, side)),
                Err(error) if error.is_permission() => return Err(error.into()),
                Err(error) => drop(missing.insert(*family, error)),
            }
        }
        if let Some(error) =
            families.first().filter(|_| sides.is_empty()).and_then(|first| missing.remove(first))
        {
            return Err(error.into());
        }
        Ok(Self {
            netlink: Netlink::open()?,
            source,
            is_udp,
            sides,
            missing,
            ports: HeldPorts::new(is_udp),
            paths: HashMap::new(),
            kernel: HashMap::new(),
            guessed: false,
            buffer: receive_buffer(),
        })
    }

    /// The way to a target.
    ///
    /// # Errors
    /// When no route leads there, or one to all hosts of a network. The kernel keeps plain sockets from those, but not ours for
    /// hand-built packets: they have SO_BROADCAST (socket(7)), for what is sent to a network on purpose.
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
        let route = self.netlink.route(&RouteQuery { destination, source, interface: scope, mark: None })?;
        if route.is_broadcast(destination) {
            return Err(RawError::Broadcast(destination));
        }
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
    /// When no route leads there, or the host has no such family.
    pub fn kernel_syn(&mut self, target: SocketAddr) -> Result<SynShape, RawError> {
        let path = self.path(target)?;
        let v6 = target.is_ipv6();
        let mss = largest_segment(v6, path.mtu);
        if let Some(shape) = self.kernel.get(&(v6, mss)) {
            return Ok(shape.clone());
        }
        let ear = self.side(Family::of(target.ip()))?.ear.as_ref();
        let shape = match ear.map_or(Ok(None), |ear| ear.learn(path.mtu))? {
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
    /// When no port is left, or the host has no such family.
    pub fn making(&mut self, target: SocketAddr, is_echo: bool, place: u64) -> Result<Making, RawError> {
        let path = self.path(target)?;
        let family = Family::of(target.ip());
        self.side(family)?;
        let source_port = if is_echo { 0 } else { self.ports.hold(family, place)? };
        Ok(Making { source: path.source, source_port, destination: target })
    }

    /// Takes what comes from now on to a port that a packet to this target has come from.
    ///
    /// # Errors
    /// When the kernel does not take the filter.
    pub fn hear(&mut self, target: SocketAddr, port: u16) -> Result<(), RawError> {
        let family = Family::of(target.ip());
        if !self.ports.hear(family, port) {
            return Ok(());
        }
        let program = self.ports.filter(family);
        Ok(self.side(family)?.answers.hear(&program)?)
    }

    fn side(&self, family: Family) -> Result<&Side, RawError> {
        self.sides.get(&family).ok_or_else(|| match self.missing.get(&family) {
            Some(SysError { call, object, source }) => {
                let source =
                    source.raw_os_error().map_or_else(|| source.kind().into(), io::Error::from_raw_os_error);
                SysError::of(call, object)(source).into()
            }
            None => RawError::NotWanted(family),
        })
    }

    /// Sends a probe.
    ///
    /// # Errors
    /// What it means that it could not be sent.
    pub fn send(&mut self, id: usize, target: SocketAddr, octets: &[u8]) -> Result<(), Verdict> {
        let interface = self.paths.get(&target.ip()).map_or(0, |path| path.interface);
        let failed = |reason: String, why| Verdict::Failed { reason, why };
        let sender = self.sides.get_mut(&Family::of(target.ip()));
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
        self.sides.values().flat_map(|side| [side.icmp.as_fd(), side.answers.as_fd()]).collect()
    }

    /// Tells how far probes are on their way out, by the kernel's stamps.
    pub fn stamps(&mut self, tell: &mut dyn FnMut(usize, Stage, Moment)) {
        for sender in self.sides.values_mut() {
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
        let Self { sides, paths, buffer, is_udp, .. } = self;
        let own = |from: IpAddr| paths.get(&from).or_else(|| paths.values().next()).map(|path| path.source);
        for side in sides.values() {
            for _ in 0..MOST_AT_ONCE {
                let before = clock::wall();
                let Ok(Some(message)) = side.icmp.receive(buffer) else { break };
                hand_over(&message, before, None, &own, deliver);
            }
            for _ in 0..MOST_AT_ONCE {
                let before = clock::wall();
                let Ok(Some(message)) = side.answers.receive(buffer) else { break };
                hand_over(&message, before, Some(*is_udp), &own, deliver);
            }
        }
    }
}

impl Side {
    fn open(family: Family, is_udp: bool, is_anatomy: bool) -> Result<Self, SysError> {
        let socket = HeaderIncluded::open(family)?;
        socket.forget_path_mtu()?;
        // Where the kernel has none, the time of the call is told.
        let _ = socket.stamp_departures(Departures { queued: is_anatomy, ..Departures::default() });
        Ok(Self {
            socket,
            numbers: Numbers::default(),
            icmp: IcmpSocket::open(family, IcmpKind::Raw)?,
            answers: if is_udp { AnswerSocket::all_udp(family)? } else { AnswerSocket::all_tcp(family)? },
            ear: if is_udp { None } else { Some(Ear::open(family)?) },
        })
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

/// Messages that are taken from a socket before the others have their turn: a host that sends without end holds nothing up.
const MOST_AT_ONCE: usize = 4096;
/// IANA protocol-numbers.
const TCP: u8 = 6;
const UDP: u8 = 17;

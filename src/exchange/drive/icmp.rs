//! The sockets of ping: raw where the right is there, else ICMP datagram sockets.
//!
//! Raw requests go out whole, with the IP header that the engine made (IP_HDRINCL), cut into fragments where they are
//! larger than the path. What comes back is given to the engine as whole IP packets: where a socket leaves the IP header
//! off, one is put before the message from what the kernel says about it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, BorrowedFd};

use crate::exchange::drive::leaving::Leaving;
use crate::exchange::drive::numbers::Numbers;
use crate::exchange::drive::tap::Tap;
use crate::exchange::drive::told_mtus::ToldMtus;
use crate::exchange::drive::told_packet::{error_packet, with_header};
use crate::exchange::drive::{Wire, icmp_filter};
use crate::exchange::engine::{Departure, Incoming, Outgoing, Reading, SendError, Stage, Stamp};
use crate::exchange::fragment::{fragments, may_not_be_cut};
use crate::exchange::ping::belongs;
use crate::sys::clock::{self, Now};
use crate::sys::control_message::{About, Queue};
use crate::sys::error::SysError;
use crate::sys::error_queue::Taken;
use crate::sys::ip_socket::{Family, HeaderIncluded, IcmpKind, IcmpSocket, MtuDiscovery};
use crate::sys::receive_batch::ReceiveBatch;
use crate::sys::ring::Source;
use crate::sys::time_stamp::{Departures, Passage, PassageStage, ReceiptStamps};
use crate::wire::frame::{Frame, LinkType};

pub(super) use super::told_packet::{icmp_number, ip_layer};

/// What the sockets of a run have in common.
#[derive(Debug, Clone, Default)]
pub struct IcmpOptions {
    /// Use this interface only.
    pub interface: Option<String>,
    /// Requests come from this address.
    pub source: Option<IpAddr>,
    /// Echo identifier.
    pub ident: u16,
    /// Requests have this mark, for rules of routing and of nftables on this host.
    pub mark: Option<u32>,
    /// Time to live or hop limit, where it is not the usual one.
    pub ttl: Option<u8>,
    /// Type of service or traffic class.
    pub tos: u8,
    /// The flags of the IPv4 header are somebody's own: what has DF is not cut, and does not leave where it is too large.
    pub keeps_flags: bool,
    /// What becomes of what is larger than a path takes.
    pub mtu: MtuDiscovery,
    /// What the kernel is to tell of packets that leave.
    pub departures: Departures,
    /// Raw sockets or none: the requests have headers that the kernel does not make.
    pub raw_only: bool,
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
    /// Of the socket that sends.
    numbers: Numbers,
    /// Stamps may come long after the driver's, by the adapter.
    has_late_stamps: bool,
}

/// Called with each frame of the run that the tap sees.
pub type Recorder = Box<dyn FnMut(&Frame<'_>)>;

/// The sockets of ping.
pub struct IcmpWire {
    options: IcmpOptions,
    families: HashMap<Family, Sockets>,
    /// Why those of the others could not be opened.
    refused: HashMap<Family, SysError>,
    paths: HashMap<IpAddr, Path>,
    leaving: Leaving,
    coming: ReceiveBatch,
    fragment_ident: u32,
    tap: Option<(Tap, Recorder)>,
    told_mtus: ToldMtus,
    /// Octets of the largest packet so far.
    largest: usize,
    /// Stamps that were read and not told yet.
    departed: Vec<(usize, Departure)>,
    _receipts: Option<ReceiptStamps>,
}

impl IcmpWire {
    /// No sockets yet: each family's are opened when its first target comes.
    pub fn new(options: IcmpOptions) -> Self {
        let fragment_ident = u32::from(options.ident);
        Self {
            options,
            families: HashMap::new(),
            refused: HashMap::new(),
            paths: HashMap::new(),
            leaving: Leaving::default(),
            coming: ReceiveBatch::new(LARGEST),
            fragment_ident,
            tap: None,
            told_mtus: ToldMtus::default(),
            largest: 0,
            departed: Vec::new(),
            // Without it stamps of what comes begin later.
            _receipts: ReceiptStamps::keep_on().ok(),
        }
    }

    /// Shows each frame of the run, as it passes an interface, to `recorder`.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing.
    pub fn record(&mut self, recorder: Recorder) -> Result<(), SysError> {
        self.tap = Some((Tap::open(Source::ALL)?, recorder));
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

    /// Whether datagram sockets will not do.
    pub fn is_raw_only(&self) -> bool {
        self.options.raw_only
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
        // Rights were given up since: it would be no other answer, and who only asks again may be ended for it.
        if let Some(error) = self.refused.get(&family) {
            return Err(error.again());
        }
        let opened = match self.open_raw(family) {
            Err(error) if error.is_permission() && !self.options.raw_only => {
                self.open_datagram(family).map_err(|_| error)
            }
            other => other,
        };
        let sockets = opened.inspect_err(|error| drop(self.refused.insert(family, error.again())))?;
        let kind = sockets.icmp.kind();
        self.families.insert(family, sockets);
        Ok(kind)
    }

    fn open_raw(&self, family: Family) -> Result<Sockets, SysError> {
        let sender = HeaderIncluded::open(family)?;
        if self.options.mtu == MtuDiscovery::Probe {
            sender.forget_path_mtu()?;
        }
        let icmp = IcmpSocket::open(family, IcmpKind::Raw)?;
        if let Some(name) = &self.options.interface {
            sender.bind_to_interface(name)?;
            icmp.bind_to_interface(name)?;
        }
        self.options.mark.map_or(Ok(()), |mark| sender.set_mark(mark))?;
        icmp.attach(&icmp_filter::of_ident(family, self.options.ident))?;
        // Where the kernel has none, the time of the call is told.
        let _ = sender.stamp_departures(self.options.departures);
        if self.options.departures.by_adapter {
            let _ = icmp.stamp_departures(self.options.departures);
        }
        let has_late_stamps = self.options.departures.by_adapter;
        Ok(Sockets { sender: Some(sender), icmp, numbers: Numbers::default(), has_late_stamps })
    }

    fn open_datagram(&self, family: Family) -> Result<Sockets, SysError> {
        let icmp = IcmpSocket::open(family, IcmpKind::Datagram)?;
        if let Some(name) = &self.options.interface {
            icmp.bind_to_interface(name)?;
        }
        self.options.mark.map_or(Ok(()), |mark| icmp.set_mark(mark))?;
        icmp.set_header(self.options.ttl, self.options.tos)?;
        let any = match (self.options.source, family) {
            (Some(source), _) => source,
            (None, Family::V4) => Ipv4Addr::UNSPECIFIED.into(),
            (None, Family::V6) => std::net::Ipv6Addr::UNSPECIFIED.into(),
        };
        // The port of such a socket is the identifier of its echoes.
        icmp.bind(SocketAddr::new(any, self.options.ident))?;
        icmp.discover_mtu(self.options.mtu)?;
        let _ = icmp.stamp_departures(self.options.departures);
        Ok(Sockets { sender: None, icmp, numbers: Numbers::default(), has_late_stamps: false })
    }

    /// Makes room for so many ways.
    pub fn expect_paths(&mut self, count: usize) {
        self.paths.reserve(count);
    }

    /// Says which way leads to a target.
    pub fn set_path(&mut self, target: IpAddr, path: Path) {
        self.paths.insert(target, path);
    }

    /// Sends packets of one family, and tells of each whether it left.
    fn send_of_family(
        &mut self,
        family: Family,
        packets: &[Outgoing],
        tell: &mut dyn FnMut(usize, Result<(), SendError>),
    ) {
        let mut leaving = std::mem::take(&mut self.leaving);
        leaving.clear();
        for (index, packet) in packets.iter().enumerate() {
            if let Err(error) = self.cut(&mut leaving, family, index, packet) {
                leaving.failed.push((index, error));
            }
        }
        let Self { families, options, coming, departed, .. } = self;
        if let Some(sockets) = families.get_mut(&family) {
            let mut wall = clock::wall();
            let mut first = 0;
            while first < leaving.pieces.len() {
                match sockets.send(&mut leaving, first) {
                    Ok(count) => {
                        let sent = leaving.of.get(first..).unwrap_or_default().iter().take(count);
                        let tags = sent.filter_map(|index| Some(packets.get(*index)?.tag));
                        tags.for_each(|tag| sockets.numbers.sent(tag, wall));
                        first = first.saturating_add(count.max(1));
                    }
                    Err(error) => {
                        // Whether such a packet has a number depends on how far it came.
                        sockets.number_anew(options.departures, coming, departed);
                        wall = clock::wall();
                        let failed = leaving.of.get(first).copied().unwrap_or_default();
                        leaving.failed.push((failed, error.into()));
                        // Its other pieces are of no use.
                        let pieces = leaving.of.get(first..).unwrap_or_default().iter();
                        first = first.saturating_add(pieces.take_while(|index| **index == failed).count());
                    }
                }
            }
        }
        for (index, packet) in packets.iter().enumerate() {
            let failed = leaving.failed.iter().position(|(failed, _)| *failed == index);
            tell(packet.tag, failed.map_or(Ok(()), |at| Err(leaving.failed.swap_remove(at).1)));
        }
        self.leaving = leaving;
    }

    /// Adds the pieces that a packet leaves in.
    fn cut(
        &mut self,
        leaving: &mut Leaving,
        family: Family,
        index: usize,
        packet: &Outgoing,
    ) -> Result<(), SendError> {
        let Some(destination) = packet.destination else { return Ok(()) };
        let Some(sockets) = self.families.get(&family) else { return Ok(()) };
        let path = self.paths.get(&destination).copied();
        let address = match (destination, path) {
            (IpAddr::V6(to), Some(path)) => SocketAddrV6::new(to, 0, 0, path.interface).into(),
            (to, _) => SocketAddr::new(to, 0),
        };
        if sockets.sender.is_none() {
            let header_len = if destination.is_ipv4() { 20 } else { 40 };
            leaving.push(index, packet.octets.get(header_len..).unwrap_or_default(), address);
            return Ok(());
        }
        self.largest = self.largest.max(packet.octets.len());
        let largest = path.map_or(usize::MAX, |path| path.mtu);
        let mtu = self.told_mtus.of(destination, largest);
        let has_own_df = self.options.keeps_flags && may_not_be_cut(&packet.octets);
        let room = match if has_own_df { MtuDiscovery::Do } else { self.options.mtu } {
            MtuDiscovery::Do if packet.octets.len() > mtu => {
                let words = format!("message too long, mtu={mtu}");
                return Err(SendError { errno: Some(TOO_LARGE), words });
            }
            MtuDiscovery::Do | MtuDiscovery::Probe => usize::MAX,
            MtuDiscovery::Want => mtu,
            // Routers cut no packets of IPv6 (RFC 8200 §4.5), so that this host has to.
            MtuDiscovery::Dont if family == Family::V6 => mtu,
            MtuDiscovery::Dont => largest,
        };
        self.fragment_ident = self.fragment_ident.wrapping_add(1);
        if packet.octets.len() <= room {
            leaving.push(index, &packet.octets, address);
        } else {
            let pieces = fragments(&packet.octets, room, self.fragment_ident);
            pieces.iter().for_each(|piece| leaving.push(index, piece, address));
        }
        Ok(())
    }
}

/// Linux's EMSGSIZE (errno(3)).
const TOO_LARGE: i32 = 90;
/// Requests of this size pass everywhere (RFC 791 §3.1), and their answers need not be looked at for an MTU.
const PASSES_EVERYWHERE: usize = 576;
/// Calls that take messages from a socket before the others have their turn: a host that sends without end holds nothing up.
const MOST_CALLS: usize = 256;
/// Octets of the largest IP packet.
const LARGEST: usize = 1 << 16;
/// Requests that leave with one call.
const MOST_TOGETHER: usize = 16;

impl Wire for IcmpWire {
    fn send(&mut self, outgoing: &Outgoing) -> Result<(), SendError> {
        let mut result = Ok(());
        self.send_all(std::slice::from_ref(outgoing), &mut |_, told| result = told);
        result
    }

    fn send_all(&mut self, packets: &[Outgoing], tell: &mut dyn FnMut(usize, Result<(), SendError>)) {
        let is_v4 = |packet: &Outgoing| packet.destination.is_none_or(|to| to.is_ipv4());
        for packets in packets.chunk_by(|one, next| is_v4(one) == is_v4(next)) {
            let family = if packets.first().is_some_and(is_v4) { Family::V4 } else { Family::V6 };
            self.send_of_family(family, packets, tell);
        }
    }

    fn most_at_once(&self) -> usize {
        MOST_TOGETHER
    }

    /// The stamps of what left are there at once, and on a short way the replies are, too.
    fn read_after(&self) -> u32 {
        1
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let taps = self.tap.iter().map(|(tap, _)| tap.as_fd());
        self.families.values().map(|sockets| sockets.icmp.as_fd()).chain(taps).collect()
    }

    fn receive(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) {
        let Self { options, families, paths, coming, tap, told_mtus, departed, .. } = self;
        if let Some((tap, recorder)) = tap {
            tap.receive(&mut |frame| show_own(frame, options.ident, paths, recorder));
        }
        let learns = self.largest > PASSES_EVERYWHERE && options.mtu != MtuDiscovery::Probe;
        for sockets in families.values_mut() {
            let (family, kind) = (sockets.icmp.family(), sockets.icmp.kind());
            let whole = (family, kind) == (Family::V4, IcmpKind::Raw);
            let mut before = clock::wall();
            for _ in 0..MOST_CALLS {
                // An error of the socket itself is told by the error queue as well.
                let Ok(is_full) = coming.receive(&sockets.icmp, Queue::Messages) else { break };
                let now = Now::read();
                for message in coming.messages() {
                    let packet = if whole { None } else { with_header(&message, paths) };
                    let octets = packet.as_deref().unwrap_or(message.octets);
                    if learns {
                        told_mtus.learn(octets);
                    }
                    deliver(came(octets, &message.about, before, now));
                }
                if !is_full {
                    break;
                }
                before = now.wall;
            }
            if kind == IcmpKind::Datagram {
                sockets.read_errors(coming, departed, &mut |taken, now| {
                    if let Some(packet) = error_packet(taken, paths) {
                        let about = About::default();
                        deliver(came(&packet, &about, now.wall, now));
                    }
                });
            }
        }
    }

    fn stamps(&mut self, tell: &mut dyn FnMut(usize, Departure)) {
        for sockets in self.families.values_mut() {
            sockets.read_departures(&mut self.coming, &mut self.departed);
        }
        self.departed.drain(..).for_each(|(tag, departure)| tell(tag, departure));
    }
}

impl Sockets {
    /// Sends the pieces from the `first` on, as many as leave; the kernel numbers them.
    fn send(&self, leaving: &mut Leaving, first: usize) -> Result<usize, SysError> {
        let Leaving { pieces, to, calls, .. } = leaving;
        let places = (&*pieces, first..pieces.len());
        match &self.sender {
            Some(sender) => sender.send_batch(calls, places, to),
            None => self.icmp.send_batch(calls, places, to),
        }
    }

    /// Reads the stamps of packets that left by a raw socket.
    fn read_departures(&mut self, coming: &mut ReceiveBatch, departed: &mut Vec<(usize, Departure)>) {
        let Some(sender) = &self.sender else { return };
        for _ in 0..MOST_CALLS {
            if !self.numbers.awaits() && !self.has_late_stamps {
                return;
            }
            let Ok(is_full) = coming.receive(sender, Queue::Errors) else { return };
            let now = Now::read();
            let passages = coming.messages().filter_map(|message| Passage::of(&message.about));
            departed.extend(passages.filter_map(|passage| departure(&mut self.numbers, &passage, now)));
            if !is_full {
                return;
            }
        }
    }

    /// Reads the error queue of a datagram socket, which has the stamps of packets that left, too.
    fn read_errors(
        &mut self,
        coming: &mut ReceiveBatch,
        departed: &mut Vec<(usize, Departure)>,
        tell: &mut dyn FnMut(&Taken, Now),
    ) {
        for _ in 0..MOST_CALLS {
            let Ok(is_full) = coming.receive(&self.icmp, Queue::Errors) else { return };
            let now = Now::read();
            for taken in coming.messages().filter_map(|message| Taken::of(&message)) {
                match &taken.passage {
                    Some(passage) => departed.extend(departure(&mut self.numbers, passage, now)),
                    None => tell(&taken, now),
                }
            }
            if !is_full {
                return;
            }
        }
    }

    /// Has the kernel number packets from 0 again, once the stamps of those before are read.
    fn number_anew(
        &mut self,
        departures: Departures,
        coming: &mut ReceiveBatch,
        departed: &mut Vec<(usize, Departure)>,
    ) {
        self.read_departures(coming, departed);
        let _ = match &self.sender {
            Some(sender) => sender.number_anew(departures),
            None => self.icmp.number_anew(departures),
        };
        self.numbers.start_anew();
    }
}

fn departure(numbers: &mut Numbers, passage: &Passage, now: Now) -> Option<(usize, Departure)> {
    let stage = match passage.stage {
        PassageStage::Queued => Stage::Queued,
        PassageStage::Driver => Stage::Driver,
        PassageStage::Adapter => Stage::Wire,
    };
    let at = now.monotonic_of(passage.at);
    Some((numbers.passed(passage)?, Departure { stage, at, wall: passage.at }))
}

/// An IP packet that came; `before` is when it was asked for.
fn came<'a>(octets: &'a [u8], about: &About, before: i64, now: Now) -> Incoming<'a> {
    let (link_type, len) = (LinkType::RAW, octets.len());
    let (stamp, wall) = match (about.by_adapter, about.stamp) {
        (Some(wall), _) => (Stamp::Adapter, wall),
        // Where nobody had asked the kernel for stamps yet, it makes one when the packet is read (`sock_recv_timestamp` in
        // include/net/sock.h).
        (None, Some(wall)) if wall < before => (Stamp::Kernel, wall),
        (None, Some(wall)) => (Stamp::User, wall),
        (None, None) => (Stamp::User, now.wall),
    };
    let read = Some(Reading { at: now.monotonic, wall: now.wall, stamp });
    Incoming { octets, link_type, at: now.monotonic_of(wall), wall, outgoing: false, len, interface: 0, read }
}

/// Shows a frame that belongs to the run.
fn show_own(frame: &Frame<'_>, ident: u16, targets: &HashMap<IpAddr, Path>, recorder: &mut Recorder) {
    if belongs(frame.data, frame.link_type, ident, &|address| targets.contains_key(&address)) {
        recorder(frame);
    }
}

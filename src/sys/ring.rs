//! A TPACKET_V3 receive ring: the kernel fills blocks of packets in shared memory, and one look at a block takes many
//! packets without a system call (packet(7), Documentation/networking/packet_mmap.rst).

use std::mem;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering;

use super::clock;
use super::error::SysError;
use super::mapping::Mapping;
use super::netlink::Link;
use super::packet_socket::{PacketSocket, Statistics, link_type_of};
use super::poll;
use super::ring_block::{Packets, RawPacket, STATUS};
use super::time_stamp::StampSource;
use crate::wire::bpf::Instruction;
use crate::wire::frame::{Direction, Frame, LinkType};

/// How a ring is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingOptions {
    /// Octets of the buffer, about: the kernel may give less.
    pub buffer_len: usize,
    /// A block that is not full is handed over after so many milliseconds.
    pub retire_ms: u32,
    /// At most so many octets of each packet.
    pub snap_len: u32,
    /// See all frames of the interface, not just those that are for this host.
    pub promiscuous: bool,
    /// Whose times packets are given; the interface must have been told (see [`StampSource::switch_on`]).
    pub stamps: StampSource,
    /// Lets only those packets in that it takes, and of each so many octets as it says; left out, all.
    pub filter: Option<Vec<Instruction>>,
}

impl Default for RingOptions {
    fn default() -> Self {
        Self {
            buffer_len: 8 << 20,
            retire_ms: 20,
            snap_len: MAX_SNAP_LEN,
            promiscuous: false,
            stamps: StampSource::Host,
            filter: None,
        }
    }
}

/// As much of a packet as anybody asks for (tcpdump's default).
pub const MAX_SNAP_LEN: u32 = 262_144;

/// What to capture from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// One interface, by index, and what its frames begin with.
    Interface(u32, LinkType),
    /// One interface, by index, or all with 0: each packet behind a Linux cooked header, version 2, in place of what it begins with.
    Cooked(u32),
}

impl Source {
    /// All interfaces.
    pub const ALL: Self = Self::Cooked(0);

    /// An interface. Packets of a kind of link that is not known here are taken without what they begin with.
    pub fn of(link: &Link) -> Self {
        let cooked = Self::Cooked(link.index);
        link_type_of(link.hardware).map_or(cooked, |link_type| Self::Interface(link.index, link_type))
    }

    /// The interface's index; 0 for all.
    pub fn index(self) -> u32 {
        match self {
            Self::Interface(index, _) | Self::Cooked(index) => index,
        }
    }

    /// Whether packets have a cooked header in place of what they begin with, which takes a socket of another type (packet(7)).
    pub fn is_cooked(self) -> bool {
        matches!(self, Self::Cooked(_))
    }

    /// What frames begin with.
    pub fn link_type(self) -> LinkType {
        match self {
            Self::Interface(_, link_type) => link_type,
            Self::Cooked(_) => LinkType::LINUX_SLL2,
        }
    }
}

/// A receive ring.
#[derive(Debug)]
pub struct Ring {
    // The mapping is of the socket, and goes before it.
    mapping: Mapping,
    socket: PacketSocket,
    source: Source,
    block_len: usize,
    blocks: usize,
    next: usize,
    retire_ms: u32,
    /// At most so many octets of each packet, with what is put into it here.
    snap_len: usize,
    counted: Statistics,
    /// Packets that were shown.
    shown: u64,
    copies: u64,
    by_adapter: u64,
    scratch: Vec<u8>,
}

impl Ring {
    /// Opens a ring; packets come in from now on.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing, there is no such interface, or no memory.
    pub fn open(source: Source, options: &RingOptions) -> Result<Self, SysError> {
        Self::of(Self::socket(source)?, source, options)
    }

    /// A socket for a ring, which hears nothing yet. Opening it is all that takes a right.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing.
    pub fn socket(source: Source) -> Result<PacketSocket, SysError> {
        PacketSocket::open(source.is_cooked())
    }

    /// Makes a ring of a socket that is open; packets come in from now on.
    ///
    /// # Errors
    /// When there is no such interface, or no memory.
    pub fn of(socket: PacketSocket, source: Source, options: &RingOptions) -> Result<Self, SysError> {
        let set_up = SysError::of("set up", "a receive ring");
        let version = libc::tpacket_versions::TPACKET_V3 as i32;
        socket.set_int(libc::PACKET_VERSION, version).map_err(set_up)?;
        socket
            .stamp_by(options.stamps)
            .map_err(SysError::of("choose the time stamps of", "a receive ring"))?;
        let (block_len, blocks) = request_blocks(&socket, options)?;
        let mapping = Mapping::of(&socket, block_len.saturating_mul(blocks), 0)
            .map_err(SysError::of("map", "a receive ring"))?;
        if let Some(filter) = &options.filter {
            socket.attach(filter)?;
        } else if options.snap_len < MAX_SNAP_LEN {
            socket.attach(&[Instruction::take(options.snap_len)])?;
        }
        let interface = source.index();
        socket.bind(interface)?;
        if options.promiscuous && interface != 0 {
            socket.see_all_frames(interface)?;
        }
        let (retire_ms, counted) = (options.retire_ms, Statistics::default());
        let snap_len = usize::try_from(options.snap_len).unwrap_or(usize::MAX);
        Ok(Self {
            mapping,
            socket,
            source,
            block_len,
            blocks,
            next: 0,
            retire_ms,
            snap_len,
            counted,
            shown: 0,
            copies: 0,
            by_adapter: 0,
            scratch: Vec::new(),
        })
    }

    /// Makes rings of sockets, one of each, that share what comes in: each packet comes to one of them, those of one flow to the same unless it is
    /// full.
    ///
    /// # Errors
    /// As of [`Ring::of`].
    pub fn of_group(
        sockets: Vec<PacketSocket>,
        source: Source,
        options: &RingOptions,
    ) -> Result<Vec<Self>, SysError> {
        if sockets.len() <= 1 {
            return sockets.into_iter().map(|socket| Self::of(socket, source, options)).collect();
        }
        // A socket must be bound before it can share, and sees everything until then: it lets nothing in before all do.
        let deaf = RingOptions { filter: Some(vec![Instruction::take(0)]), ..options.clone() };
        let mut rings = Vec::with_capacity(sockets.len());
        let mut group = None;
        for socket in sockets {
            let ring = Self::of(socket, source, &deaf)?;
            group = Some(ring.socket.share(group)?);
            rings.push(ring);
        }
        let all = vec![Instruction::take(options.snap_len)];
        for ring in &rings {
            ring.socket.attach(options.filter.as_ref().unwrap_or(&all))?;
        }
        Ok(rings)
    }

    /// What its frames begin with.
    pub fn link_type(&self) -> LinkType {
        self.source.link_type()
    }

    /// Takes all blocks that are full or retired, without waiting, and shows each of their packets. `Frame::interface` is
    /// the interface's index. Returns how many packets there were.
    pub fn receive(&mut self, show: &mut dyn FnMut(&Frame<'_>)) -> usize {
        let mut count = 0usize;
        // At most once around, so that a flood cannot keep the caller here.
        for _ in 0..self.blocks {
            let start = self.next.saturating_mul(self.block_len);
            let Some(status) = self.mapping.word(start.saturating_add(STATUS)) else { break };
            if status.load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
                break;
            }
            // SAFETY: the status says that the block is ours: the kernel does not write it until it is given back below.
            let block = unsafe { self.mapping.octets(start, self.block_len) };
            for packet in Packets::of(block) {
                self.by_adapter = self.by_adapter.saturating_add(u64::from(packet.by_adapter));
                let is_shown = frame(self.source, self.snap_len, &packet, &mut self.scratch, show);
                count = count.saturating_add(usize::from(is_shown));
                self.shown = self.shown.saturating_add(u64::from(is_shown));
                self.copies = self.copies.saturating_add(u64::from(!is_shown));
            }
            status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
            self.next = self.next.saturating_add(1) % self.blocks.max(1);
        }
        count
    }

    /// Ends the capture: nothing more is let in, and the block that is still open is waited for and shown too, so that
    /// every packet that was let in before is shown, or counted as dropped.
    ///
    /// # Errors
    /// When the kernel does not take the filter that lets nothing in, or does not tell how many packets there were.
    pub fn finish(&mut self, show: &mut dyn FnMut(&Frame<'_>)) -> Result<(), SysError> {
        self.socket.attach(&[Instruction::take(0)])?;
        let since = clock::monotonic();
        loop {
            self.receive(show);
            let Statistics { packets, dropped } = self.statistics()?;
            let is_all = self.shown.saturating_add(self.copies) >= packets.saturating_sub(dropped);
            let passed = clock::monotonic().saturating_sub(since);
            // The kernel hands an open block over when its time is up, by a timer that may be late.
            let longest = u64::from(self.retire_ms).saturating_mul(2_000_000).saturating_add(LATEST);
            let wait = match (is_all, SETTLED.checked_sub(passed).filter(|left| *left > 0)) {
                (true, None) => return Ok(()),
                (true, Some(left)) => left,
                (false, _) if passed >= longest => return Ok(()),
                (false, _) => AGAIN,
            };
            // An error of the socket would end every wait at once.
            let _ = self.take_error();
            poll::wait(&[self.as_fd()], &[], Some(wait))
                .map_err(SysError::of("wait for", "a receive ring"))?;
        }
    }

    /// Gives the socket back, for a ring of another interface: what it was bound to must be gone. One that
    /// [shares](Self::of_group) what comes in cannot be bound again.
    ///
    /// # Errors
    /// When the kernel keeps the memory.
    pub fn into_socket(self) -> Result<PacketSocket, SysError> {
        let Self { mapping, socket, .. } = self;
        // The kernel takes no memory back that is still mapped.
        drop(mapping);
        let give_back = SysError::of("give back the memory of", "a receive ring");
        // SAFETY: tpacket_req3 is plain data, for which all zeros are valid.
        let none: libc::tpacket_req3 = unsafe { mem::zeroed() };
        // SAFETY: it is the structure that PACKET_RX_RING takes with TPACKET_V3, and it points to nothing.
        unsafe { socket.set(libc::SOL_PACKET, libc::PACKET_RX_RING, &none) }.map_err(give_back)?;
        // Of a socket that had no filter, there is none to take off.
        let _ = socket.detach();
        Ok(socket)
    }

    /// Hears another interface from now on. What passed before in blocks that the kernel has not handed over yet comes as if it were from
    /// there: [`finish`](Self::finish) waits for that.
    ///
    /// # Errors
    /// When there is no such interface, or it is down.
    pub fn turn_to(&mut self, source: Source) -> Result<(), SysError> {
        self.turn_away()?;
        self.receive(&mut |_| {});
        self.source = source;
        self.socket.bind(source.index())?;
        self.socket.attach(&[Instruction::take(MAX_SNAP_LEN)])
    }

    /// Hears its interface again.
    ///
    /// # Errors
    /// As of [`turn_to`](Self::turn_to).
    pub fn turn_back(&mut self) -> Result<(), SysError> {
        self.turn_to(self.source)
    }

    /// Lets nothing in any more, until it is turned to an interface again.
    ///
    /// # Errors
    /// When the kernel does not take the filter that lets nothing in.
    pub fn turn_away(&mut self) -> Result<(), SysError> {
        self.socket.attach(&[Instruction::take(0)])
    }

    /// An error that the socket has come upon, such as that its interface went down; asking takes it off.
    pub fn take_error(&self) -> Option<std::io::Error> {
        self.socket.take_error()
    }

    /// Packets that were received and not shown: what a host sends to itself comes twice.
    pub fn copies(&self) -> u64 {
        self.copies
    }

    /// Packets whose times are the adapter's.
    pub fn stamped_by_adapter(&self) -> u64 {
        self.by_adapter
    }

    /// What was counted since the beginning.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn statistics(&mut self) -> Result<Statistics, SysError> {
        let new = self.socket.statistics()?;
        self.counted = self.counted.and(new);
        Ok(self.counted)
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// So long after the filter was changed nobody is still at a packet that the one before let in.
const SETTLED: u64 = 2_000_000;
/// Between two looks for what is still to come, and how much later than its time a block may be handed over on a busy machine.
const AGAIN: u64 = 5_000_000;
const LATEST: u64 = 1_000_000_000;

/// Asks for blocks, for half as much memory when there is not enough; returns their length and number.
fn request_blocks(socket: &PacketSocket, options: &RingOptions) -> Result<(usize, usize), SysError> {
    let mut block_len = BLOCK_LEN;
    let mut blocks = (options.buffer_len / block_len).max(MIN_BLOCKS);
    loop {
        // SAFETY: tpacket_req3 is plain data, for which all zeros are valid.
        let mut request: libc::tpacket_req3 = unsafe { mem::zeroed() };
        request.tp_block_size = u32::try_from(block_len).unwrap_or(u32::MAX);
        request.tp_block_nr = u32::try_from(blocks).unwrap_or(u32::MAX);
        request.tp_frame_size = FRAME_LEN;
        request.tp_frame_nr = request.tp_block_nr.saturating_mul(request.tp_block_size / FRAME_LEN);
        request.tp_retire_blk_tov = options.retire_ms;
        // SAFETY: it is the structure that PACKET_RX_RING takes with TPACKET_V3, and it points to nothing.
        match unsafe { socket.set(libc::SOL_PACKET, libc::PACKET_RX_RING, &request) } {
            Ok(()) => return Ok((block_len, blocks)),
            Err(error) if error.raw_os_error() == Some(libc::ENOMEM) && block_len > MIN_BLOCK_LEN => {
                if blocks > MIN_BLOCKS {
                    blocks = (blocks / 2).max(MIN_BLOCKS);
                } else {
                    block_len /= 2;
                }
            }
            Err(error) => return Err(SysError::of("get memory for", "a receive ring")(error)),
        }
    }
}

/// Large enough that a block holds many packets, small enough that there are many blocks; at least as large as the
/// largest packet with its header.
const BLOCK_LEN: usize = 512 << 10;
const MIN_BLOCK_LEN: usize = 128 << 10;
/// Fewer lose packets while one is read and another is not retired yet.
const MIN_BLOCKS: usize = 8;
/// With TPACKET_V3 no more than a unit of accounting: packets take what they need.
const FRAME_LEN: u32 = 2048;

/// Shows a packet as the frame that it was on the link, `snap_len` octets of it at most. Returns whether it was shown.
fn frame(
    source: Source,
    snap_len: usize,
    packet: &RawPacket<'_>,
    scratch: &mut Vec<u8>,
    show: &mut dyn FnMut(&Frame<'_>),
) -> bool {
    let is_outgoing = packet.kind == libc::PACKET_OUTGOING;
    // What a host sends to itself is seen twice, going and coming: once is enough.
    if is_outgoing && packet.hardware == libc::ARPHRD_LOOPBACK {
        return false;
    }
    let direction = if is_outgoing { Direction::Outbound } else { Direction::Inbound };
    let (data, added, link_type) = match (source, packet.vlan) {
        (Source::Interface(_, link_type), None) => (packet.octets, 0, link_type),
        (Source::Interface(_, link_type), Some((tpid, tci))) => {
            put_tag_back(packet.octets, tpid, tci, scratch);
            (scratch.as_slice(), TAG_LEN, link_type)
        }
        (Source::Cooked(_), _) => {
            let added = cook(packet, scratch);
            (scratch.as_slice(), added, LinkType::LINUX_SLL2)
        }
    };
    let len = packet.len.saturating_add(added);
    // The kernel cut it before a header or a tag was put in.
    let data = data.get(..snap_len).unwrap_or(data);
    let (time, interface) = (Some(packet.stamp), packet.interface);
    show(&Frame { data, len, time, link_type, interface, section_start: 0, direction, comment: None });
    true
}

const TAG_LEN: u32 = 4;

/// The kernel takes the outer VLAN tag out of a frame; here it is put back behind the addresses.
fn put_tag_back(octets: &[u8], tpid: u16, tci: u16, scratch: &mut Vec<u8>) {
    let (addresses, rest) = octets.split_at_checked(12).unwrap_or((octets, &[]));
    scratch.clear();
    scratch.extend_from_slice(addresses);
    if addresses.len() == 12 {
        scratch.extend_from_slice(&tpid.to_be_bytes());
        scratch.extend_from_slice(&tci.to_be_bytes());
    }
    scratch.extend_from_slice(rest);
}

/// Puts a Linux cooked header, version 2, before a packet (LINKTYPE_LINUX_SLL2), and a VLAN tag back behind it. Returns how
/// many octets that adds.
fn cook(packet: &RawPacket<'_>, scratch: &mut Vec<u8>) -> u32 {
    scratch.clear();
    let protocol = packet.vlan.map_or(packet.protocol, |(tpid, _)| tpid);
    scratch.extend_from_slice(&protocol.to_be_bytes());
    scratch.extend_from_slice(&[0, 0]);
    scratch.extend_from_slice(&packet.interface.to_be_bytes());
    scratch.extend_from_slice(&packet.hardware.to_be_bytes());
    scratch.extend_from_slice(&[packet.kind, packet.address_len]);
    scratch.extend_from_slice(&packet.address);
    if let Some((_, tci)) = packet.vlan {
        scratch.extend_from_slice(&tci.to_be_bytes());
        scratch.extend_from_slice(&packet.protocol.to_be_bytes());
    }
    let added = u32::try_from(scratch.len()).unwrap_or(0);
    scratch.extend_from_slice(packet.octets);
    added
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_goes_back_behind_the_addresses() {
        let mut scratch = Vec::new();
        let frame: Vec<u8> = (0..16).collect();
        put_tag_back(&frame, 0x8100, 0x0064, &mut scratch);
        assert_eq!(scratch, [&frame[..12], &[0x81, 0, 0, 0x64], &frame[12..]].concat());
        put_tag_back(&frame[..5], 0x8100, 1, &mut scratch);
        assert_eq!(scratch, frame[..5], "too short to have had one");
    }

    #[test]
    fn a_cooked_header_is_what_we_dissect() {
        let packet = RawPacket {
            octets: &[0x45],
            len: 1,
            stamp: 0,
            by_adapter: false,
            vlan: Some((0x88a8, 7)),
            protocol: 0x0800,
            interface: 3,
            hardware: 1,
            kind: 0,
            address_len: 6,
            address: [1, 2, 3, 4, 5, 6, 0, 0],
        };
        let mut scratch = Vec::new();
        assert_eq!(cook(&packet, &mut scratch), 24);
        assert_eq!(hex::encode(&scratch), "88a80000000000030001000601020304050600000007080045");
        // With the header in it, it is no longer than was asked for.
        for (snap_len, captured) in [(10, 10), (25, 25), (60, 25)] {
            assert!(frame(Source::ALL, snap_len, &packet, &mut scratch, &mut |frame| {
                assert_eq!((frame.data.len(), frame.len), (captured, 25));
            }));
        }
    }
}

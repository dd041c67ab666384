//! pcapng: blocks, in sections that each have their own byte order and interfaces (draft-ietf-opsawg-pcapng).

use pcap_file::Endianness;
use pcap_file::pcapng::blocks::{
    ENHANCED_PACKET_BLOCK, INTERFACE_DESCRIPTION_BLOCK, INTERFACE_STATISTIC_BLOCK, PACKET_BLOCK,
    SECTION_HEADER_BLOCK, SIMPLE_PACKET_BLOCK,
};

use super::block::{BODY_AT, Block, Item};
use super::description::{Interface, Section};
use super::input::Input;
use super::octets::{half, time, wide, word};
use super::read_error::{Damage, ReadError};
use super::read_options::{COMMENT, Clock, MICROSECONDS, Texts, comments, options};
use super::reader::{MAX_PACKET_LEN, link_type};
use crate::wire::frame::{Direction, Frame, LinkType};

/// Whether a file begins as pcapng. Where the byte-order magic is not there, the name of the block must do.
pub(super) fn begins(octets: &[u8]) -> bool {
    octets.starts_with(&SECTION_HEADER_BLOCK.to_be_bytes())
        && octets.get(8..12).is_none_or(|magic| magic == BIG || magic == LITTLE)
}

pub(super) struct PcapngReader {
    order: Endianness,
    section: Option<Section>,
    interfaces: Vec<Interface>,
    /// How each of the interfaces tells time; parallel to them.
    clocks: Vec<Clock>,
    /// Where the interfaces of the present section begin among all.
    first: usize,
    /// Whether the present section is in a version that is not known, so that only its end is looked for.
    is_foreign: bool,
    texts: Texts,
    /// Whether all blocks are told, or those with packets.
    keeps_all: bool,
}

/// A block that was taken.
pub(super) struct Taken {
    kind: u32,
    len: usize,
    found: Found,
}

/// What a block is about.
enum Found {
    Packet(Place),
    /// Nothing, or this interface among all.
    Other(Option<usize>),
}

/// A packet's place in its block.
struct Place {
    interface: usize,
    time: Option<u64>,
    /// Where its octets begin.
    at: usize,
    taken: u32,
    len: u32,
}

impl Taken {
    pub(super) fn is_packet(&self) -> bool {
        matches!(self.found, Found::Packet(_))
    }
}

impl PcapngReader {
    pub(super) fn new() -> Self {
        Self {
            order: Endianness::Little,
            section: None,
            interfaces: Vec::new(),
            clocks: Vec::new(),
            first: 0,
            is_foreign: false,
            texts: Texts::new(),
            keeps_all: false,
        }
    }

    /// Has all blocks told from now on, not just those with packets.
    pub(super) fn keep_all(&mut self) {
        self.keeps_all = true;
    }

    pub(super) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    pub(super) fn section(&self) -> Option<&Section> {
        self.section.as_ref()
    }

    /// The section header that comes next, without taking it.
    pub(super) fn first_block<'a>(&mut self, input: &'a mut Input) -> Option<Block<'a>> {
        let (kind, len) = self.head(input).ok()?;
        let len =
            usize::try_from(len).ok().filter(|_| kind == SECTION_HEADER_BLOCK && len <= MAX_BLOCK_LEN)?;
        let whole = input.fill(len).ok()? == len;
        whole.then(|| Block { kind, octets: input.peek(len), order: self.order, interface: None })
    }

    /// Takes the next block that is to be told, reading those before it.
    pub(super) fn advance(&mut self, input: &mut Input) -> Result<Option<Taken>, ReadError> {
        loop {
            if input.fill(1)? == 0 {
                return Ok(None);
            }
            let offset = input.offset();
            let (kind, len) = self.head(input)?;
            let is_known = KINDS.contains(&kind);
            let is_wanted =
                if self.is_foreign { kind == SECTION_HEADER_BLOCK } else { is_known || self.keeps_all };
            if !is_wanted {
                self.pass(input, len)?;
                continue;
            }
            if len > MAX_BLOCK_LEN {
                self.pass(input, len)?;
                let damage = Damage::BlockTooLarge { len, most: MAX_BLOCK_LEN };
                return Err(ReadError::Damaged { offset, damage, goes_on: true });
            }
            let whole = len as usize;
            let there = input.fill(whole)?;
            if there < whole {
                return Err(truncated(offset, len, there as u64));
            }
            let found = if is_known { self.read(kind, input.peek(whole)) } else { Ok(Found::Other(None)) };
            let last = word(input.peek(whole), whole.saturating_sub(4), self.order);
            input.take(whole);
            if last != len {
                return Err(self.ends_differ(input, offset, len, last)?);
            }
            match found {
                Ok(Found::Other(_)) if !self.keeps_all => {}
                Ok(found) => return Ok(Some(Taken { kind, len: whole, found })),
                Err(damage) => return Err(ReadError::Damaged { offset, damage, goes_on: true }),
            }
        }
    }

    /// What the block that was taken last holds.
    pub(super) fn item<'a>(&self, input: &'a Input, taken: &Taken) -> Item<'a> {
        let block = self.block(input, taken);
        match &taken.found {
            Found::Packet(place) => Item::Packet(self.frame(block.octets, place), Some(block)),
            Found::Other(_) => Item::Block(block),
        }
    }

    /// The block that was taken last.
    pub(super) fn block<'a>(&self, input: &'a Input, taken: &Taken) -> Block<'a> {
        let interface = match &taken.found {
            Found::Packet(place) => Some(place.interface),
            Found::Other(interface) => *interface,
        };
        let interface = interface.map(|place| u32::try_from(place).unwrap_or(u32::MAX));
        Block { kind: taken.kind, octets: input.taken(taken.len), order: self.order, interface }
    }

    /// The packet of the block that was taken last, if it has one.
    pub(super) fn packet_of<'a>(&self, input: &'a Input, taken: &Taken) -> Option<Frame<'a>> {
        match &taken.found {
            Found::Packet(place) => Some(self.frame(input.taken(taken.len), place)),
            Found::Other(_) => None,
        }
    }

    /// Kind and total length of the block that comes next; a section header also tells the byte order that it is in.
    fn head(&mut self, input: &mut Input) -> Result<(u32, u32), ReadError> {
        let offset = input.offset();
        let there = input.fill(HEAD_LEN)?;
        let head = input.peek(there);
        if there < HEAD_LEN {
            return Err(truncated(offset, MIN_BLOCK_LEN, there as u64));
        }
        let stops = |damage| Err(ReadError::Damaged { offset, damage, goes_on: false });
        if head.starts_with(&SECTION_HEADER_BLOCK.to_be_bytes()) {
            self.order = match head.get(8..12) {
                Some(LITTLE) => Endianness::Little,
                Some(BIG) => Endianness::Big,
                _ => return stops(Damage::ByteOrder { magic: word(head, 8, Endianness::Big) }),
            };
        }
        let (kind, len) = (word(head, 0, self.order), word(head, 4, self.order));
        if len < MIN_BLOCK_LEN || !len.is_multiple_of(4) {
            return stops(Damage::BlockLength { len });
        }
        Ok((kind, len))
    }

    /// Passes over a block that is of no use here, without keeping it in memory: names, secrets, other people's own.
    fn pass(&self, input: &mut Input, len: u32) -> Result<(), ReadError> {
        let offset = input.offset();
        let but_end = u64::from(len.saturating_sub(4));
        let there = input.skip(but_end)?;
        let end = input.fill(4)?;
        if there < but_end || end < 4 {
            return Err(truncated(offset, len, there.saturating_add(end as u64)));
        }
        let last = word(input.take(4), 0, self.order);
        if last != len {
            return Err(self.ends_differ(input, offset, len, last)?);
        }
        Ok(())
    }

    /// The error for a block whose two lengths differ. One of the two is wrong: reading goes on when the first one led to
    /// something that looks like a block.
    fn ends_differ(
        &self,
        input: &mut Input,
        offset: u64,
        first: u32,
        last: u32,
    ) -> Result<ReadError, ReadError> {
        let there = input.fill(HEAD_LEN)?;
        let head = input.peek(there);
        let (kind, len) = (word(head, 0, self.order), word(head, 4, self.order));
        let goes_on = head.starts_with(&SECTION_HEADER_BLOCK.to_be_bytes())
            || (KNOWN_KINDS.contains(&kind) && (MIN_BLOCK_LEN..=MAX_BLOCK_LEN).contains(&len));
        Ok(ReadError::Damaged { offset, damage: Damage::BlockLengths { first, last }, goes_on })
    }

    /// Reads a whole block; tells what it is about.
    fn read(&mut self, kind: u32, block: &[u8]) -> Result<Found, Damage> {
        let body = block.get(BODY_AT..block.len().saturating_sub(4)).unwrap_or_default();
        let (name, least) = match kind {
            SECTION_HEADER_BLOCK => ("section header", 16),
            INTERFACE_DESCRIPTION_BLOCK => ("interface description", 8),
            INTERFACE_STATISTIC_BLOCK => ("interface statistics", 12),
            SIMPLE_PACKET_BLOCK => ("simple packet", 4),
            _ => ("packet", PACKET_AT),
        };
        if body.len() < least {
            if kind == INTERFACE_DESCRIPTION_BLOCK {
                // Those behind it keep their numbers.
                self.add_interface(Interface::of(UNKNOWN_LINK_TYPE), Clock::new(MICROSECONDS, 0))?;
            }
            let least = u32::try_from(least).unwrap_or(u32::MAX).saturating_add(MIN_BLOCK_LEN);
            let len = u32::try_from(block.len()).unwrap_or(u32::MAX);
            return Err(Damage::BlockTooShort { kind: name, len, least });
        }
        match kind {
            SECTION_HEADER_BLOCK => self.section_header(body).map(|()| Found::Other(None)),
            INTERFACE_DESCRIPTION_BLOCK => self.interface(body).map(|place| Found::Other(Some(place))),
            INTERFACE_STATISTIC_BLOCK => self.statistics(body).map(|place| Found::Other(Some(place))),
            SIMPLE_PACKET_BLOCK => self.simple(body).map(Found::Packet),
            ENHANCED_PACKET_BLOCK => self.packet(word(body, 0, self.order), body).map(Found::Packet),
            // The block that the enhanced one replaced is the same but for a smaller number and a drop count before it.
            _ => self.packet(u32::from(half(body, 0, self.order)), body).map(Found::Packet),
        }
    }

    fn section_header(&mut self, body: &[u8]) -> Result<(), Damage> {
        self.first = self.interfaces.len();
        let mut section = Section::default();
        for (code, value) in options(body.get(16..).unwrap_or_default(), self.order) {
            match code {
                COMMENT => section.comment = self.texts.keep(value),
                2 => section.hardware = self.texts.keep(value),
                3 => section.os = self.texts.keep(value),
                4 => section.application = self.texts.keep(value),
                _ => {}
            }
        }
        self.section = Some(section);
        let (major, known) = (half(body, 4, self.order), 1);
        self.is_foreign = major != known;
        if self.is_foreign { Err(Damage::Version { format: "pcapng", major, known }) } else { Ok(()) }
    }

    /// Returns the interface's place among all.
    fn interface(&mut self, body: &[u8]) -> Result<usize, Damage> {
        let mut interface = Interface::of(link_type(u32::from(half(body, 0, self.order))));
        interface.snap_len = word(body, 4, self.order);
        let mut resolution = MICROSECONDS;
        for (code, value) in options(body.get(8..).unwrap_or_default(), self.order) {
            match (code, value) {
                (COMMENT, comment) => interface.comment = self.texts.keep(comment),
                (2, name) => interface.name = self.texts.keep(name),
                (3, description) => interface.description = self.texts.keep(description),
                // One octet (draft-ietf-opsawg-pcapng, section 4.2); of any other length it says nothing.
                (9, [value]) => resolution = *value,
                // The first octet says how the filter is written: 0 is as text, 1 as BPF.
                (11, [0, filter @ ..]) => interface.filter = self.texts.keep(filter),
                (12, os) => interface.os = self.texts.keep(os),
                (14, seconds) => interface.time_offset = wide(seconds, self.order).cast_signed(),
                (15, hardware) => interface.hardware = self.texts.keep(hardware),
                _ => {}
            }
        }
        let clock = Clock::new(resolution, interface.time_offset);
        interface.units_per_second = clock.units_per_second();
        self.add_interface(interface, clock)
    }

    fn add_interface(&mut self, interface: Interface, clock: Clock) -> Result<usize, Damage> {
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(Damage::TooManyInterfaces {
                most: u32::try_from(MAX_INTERFACES).unwrap_or(u32::MAX),
            });
        }
        self.interfaces.push(interface);
        self.clocks.push(clock);
        Ok(self.interfaces.len().saturating_sub(1))
    }

    /// Returns the interface's place among all.
    fn statistics(&mut self, body: &[u8]) -> Result<usize, Damage> {
        let order = self.order;
        let place = self.place(word(body, 0, order))?;
        let (Some(interface), Some(clock)) = (self.interfaces.get_mut(place), self.clocks.get(place)) else {
            return Ok(place);
        };
        let counts = &mut interface.counts;
        for (code, value) in options(body.get(12..).unwrap_or_default(), order) {
            if value.len() != 8 {
                continue;
            }
            match code {
                2 => counts.start = Some(clock.nanoseconds(time(value, 0, order))),
                3 => counts.end = Some(clock.nanoseconds(time(value, 0, order))),
                4 => counts.received = Some(wide(value, order)),
                5 => counts.dropped = Some(wide(value, order)),
                6 => counts.accepted = Some(wide(value, order)),
                7 => counts.dropped_by_system = Some(wide(value, order)),
                8 => counts.delivered = Some(wide(value, order)),
                _ => {}
            }
        }
        Ok(place)
    }

    fn packet(&self, interface: u32, body: &[u8]) -> Result<Place, Damage> {
        let interface = self.place(interface)?;
        let (taken, len) = (word(body, 12, self.order), word(body, 16, self.order));
        fits(taken, body.len().saturating_sub(PACKET_AT))?;
        let at = BODY_AT.saturating_add(PACKET_AT);
        Ok(Place { interface, time: Some(time(body, 4, self.order)), at, taken, len })
    }

    /// A simple packet is of the first interface, has no time, and is cut by that interface's snapshot length.
    fn simple(&self, body: &[u8]) -> Result<Place, Damage> {
        let interface = self.place(0)?;
        let len = word(body, 0, self.order);
        let snap_len = self.interfaces.get(interface).map_or(0, |interface| interface.snap_len);
        let taken = if snap_len == 0 { len } else { len.min(snap_len) };
        fits(taken, body.len().saturating_sub(4))?;
        Ok(Place { interface, time: None, at: BODY_AT.saturating_add(4), taken, len })
    }

    /// The place among all interfaces of the section's interface `number`.
    fn place(&self, number: u32) -> Result<usize, Damage> {
        let described = self.interfaces.len().saturating_sub(self.first);
        if (number as usize) < described {
            return Ok(self.first.saturating_add(number as usize));
        }
        let described = u32::try_from(described).unwrap_or(u32::MAX);
        Err(Damage::UnknownInterface { interface: number, described })
    }

    fn frame<'a>(&self, block: &'a [u8], found: &Place) -> Frame<'a> {
        let end = found.at.saturating_add(found.taken as usize);
        let (clock, interface) = (self.clocks.get(found.interface), self.interfaces.get(found.interface));
        let mut frame = Frame {
            data: block.get(found.at..end).unwrap_or_default(),
            len: found.len,
            time: found.time.and_then(|units| clock.map(|clock| clock.nanoseconds(units))),
            link_type: interface.map_or(UNKNOWN_LINK_TYPE, |interface| interface.link_type),
            interface: u32::try_from(found.interface).unwrap_or(u32::MAX),
            section_start: u32::try_from(self.first).unwrap_or(u32::MAX),
            direction: Direction::Unknown,
            comment: None,
        };
        // A simple packet has no options: behind it stands the block's length.
        let behind = end.checked_next_multiple_of(4).unwrap_or(end);
        let noted = block.get(behind..block.len().saturating_sub(4)).filter(|_| found.time.is_some());
        let noted = noted.unwrap_or_default();
        for (code, value) in options(noted, self.order) {
            match code {
                COMMENT => frame.comment = frame.comment.or_else(|| comments(noted, self.order)),
                FLAGS => frame.direction = direction(word(value, 0, self.order)),
                _ => {}
            }
        }
        frame
    }
}

fn fits(taken: u32, room: usize) -> Result<(), Damage> {
    if taken as usize > room {
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        return Err(Damage::PacketOutsideBlock { len: taken, room });
    }
    if taken > MAX_PACKET_LEN {
        return Err(Damage::PacketTooLarge { len: taken, most: MAX_PACKET_LEN });
    }
    Ok(())
}

/// The lowest two bits of a packet's flags (draft-ietf-opsawg-pcapng, section 4.3.1).
fn direction(flags: u32) -> Direction {
    match flags & 3 {
        1 => Direction::Inbound,
        2 => Direction::Outbound,
        _ => Direction::Unknown,
    }
}

fn truncated(offset: u64, wanted: u32, there: u64) -> ReadError {
    ReadError::Truncated { offset, what: "block", wanted: u64::from(wanted), there }
}

/// The blocks that are read; others are passed over.
const KINDS: [u32; 6] = [
    SECTION_HEADER_BLOCK,
    INTERFACE_DESCRIPTION_BLOCK,
    INTERFACE_STATISTIC_BLOCK,
    PACKET_BLOCK,
    SIMPLE_PACKET_BLOCK,
    ENHANCED_PACKET_BLOCK,
];

/// Kinds that a block behind a damaged one may have: interfaces and packets (1 to 6), the systemd journal (9), secrets (10),
/// custom blocks, and Sysdig's.
const KNOWN_KINDS: [u32; 14] = [1, 2, 3, 4, 5, 6, 9, 10, 0xbad, 0x4000_0bad, 0x201, 0x202, 0x204, 0x208];

const BIG: &[u8] = &[0x1a, 0x2b, 0x3c, 0x4d];
const LITTLE: &[u8] = &[0x4d, 0x3c, 0x2b, 0x1a];

/// The option with the flags of a packet.
const FLAGS: u16 = 2;

/// What an interface has whose description cannot be read; no link has this number.
const UNKNOWN_LINK_TYPE: LinkType = LinkType(0xffff);

/// Type and length, and either the length again or, in a section header, the byte-order magic.
const HEAD_LEN: usize = 12;
/// Interface, time, and the two lengths.
const PACKET_AT: usize = 20;
const MIN_BLOCK_LEN: u32 = 12;
/// The largest packet, and generous options.
const MAX_BLOCK_LEN: u32 = MAX_PACKET_LEN + (1 << 20);
/// More interfaces than any host has, and few enough that a file full of them does not fill the memory.
const MAX_INTERFACES: usize = 65_536;

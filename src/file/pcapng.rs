//! pcapng: blocks, in sections that each have their own byte order and interfaces (draft-ietf-opsawg-pcapng).

use super::input::Input;
use super::pcap::word;
use super::reader::{Interface, MAX_PACKET_LEN, ReadError, Section, link_type};
use crate::wire::frame::{Direction, Frame};

/// Whether a file begins as pcapng.
pub(super) fn begins(octets: &[u8]) -> bool {
    octets.starts_with(&SECTION_HEADER.to_be_bytes()) && matches!(octets.get(8..12), Some(BIG | LITTLE))
}

pub(super) struct PcapngReader {
    little: bool,
    section: Section,
    interfaces: Vec<Interface>,
    /// What is needed for each packet of an interface; parallel to `interfaces`.
    clocks: Vec<Clock>,
    /// Where the interfaces of the current section begin among all.
    first: usize,
    ended: bool,
}

/// How an interface tells time.
#[derive(Debug, Clone, Copy)]
struct Clock {
    /// Units in a second.
    per_second: u64,
    /// Seconds to add.
    offset: i64,
}

impl Clock {
    /// Nanoseconds since 1970; saturates at the ends of what 64 bits hold.
    fn nanoseconds(self, units: u64) -> i64 {
        let (units, per_second) = (u128::from(units), u128::from(self.per_second.max(1)));
        let nanos = units.saturating_mul(1_000_000_000).checked_div(per_second).unwrap_or(0);
        let nanos = i64::try_from(nanos).unwrap_or(i64::MAX);
        nanos.saturating_add(self.offset.saturating_mul(1_000_000_000))
    }
}

/// A packet's place in its block.
struct Found {
    interface: usize,
    time: Option<u64>,
    at: usize,
    taken: u32,
    len: u32,
    direction: Direction,
}

impl PcapngReader {
    pub(super) fn new(input: &mut Input) -> Result<Self, ReadError> {
        let mut reader = Self {
            little: false,
            section: Section::default(),
            interfaces: Vec::new(),
            clocks: Vec::new(),
            first: 0,
            ended: false,
        };
        reader.block_len(input)?;
        Ok(reader)
    }

    pub(super) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    pub(super) fn section(&self) -> &Section {
        &self.section
    }

    /// The next packet, reading the blocks before it.
    pub(super) fn next<'a>(&mut self, input: &'a mut Input) -> Result<Option<Frame<'a>>, ReadError> {
        let (block_len, found) = loop {
            if self.ended || input.fill(1)? == 0 {
                return Ok(None);
            }
            let offset = input.offset();
            let block_len = self.block_len(input).inspect_err(|_| self.ended = true)?;
            if block_len > MAX_BLOCK_LEN {
                self.skip(input, offset, block_len)?;
                continue;
            }
            let len = usize::try_from(block_len).unwrap_or(usize::MAX);
            let there = input.fill(len)?;
            if there < len {
                self.ended = true;
                let (wanted, there) = (block_len, there as u64);
                return Err(ReadError::Truncated { offset, what: "block", wanted, there });
            }
            match self.read_block(input.peek(len)) {
                Ok(Some(found)) => break (len, found),
                Ok(None) => {
                    input.take(len);
                }
                Err(what) => {
                    input.take(len);
                    return Err(ReadError::Damaged { offset, what, goes_on: true });
                }
            }
        };
        let block = input.take(block_len);
        let taken_end = found.at.saturating_add(found.taken as usize);
        let data = block.get(found.at..taken_end).unwrap_or_default();
        let clock = self.clocks.get(found.interface);
        let time = found.time.and_then(|units| clock.map(|clock| clock.nanoseconds(units)));
        let number = self.interfaces.get(found.interface).map_or(0, |interface| interface.link_type);
        Ok(Some(Frame {
            data,
            len: found.len.max(found.taken),
            time,
            link_type: link_type(number),
            interface: u32::try_from(found.interface).unwrap_or(u32::MAX),
            direction: found.direction,
        }))
    }

    /// The total length of the block that comes next; a section header also tells the byte order that it is in.
    fn block_len(&mut self, input: &mut Input) -> Result<u64, ReadError> {
        let offset = input.offset();
        let there = input.fill(HEAD_LEN)?;
        let head = input.peek(there);
        if there < HEAD_LEN {
            let (wanted, there) = (HEAD_LEN as u64, there as u64);
            return Err(ReadError::Truncated { offset, what: "block", wanted, there });
        }
        if head.starts_with(&SECTION_HEADER.to_be_bytes()) {
            self.little = match head.get(8..12) {
                Some(LITTLE) => true,
                Some(BIG) => false,
                _ => {
                    let what = "a section header without its byte-order magic".to_owned();
                    return Err(ReadError::Damaged { offset, what, goes_on: false });
                }
            };
        }
        let len = word(head, 4, self.little);
        if len < HEAD_LEN as u32 || !len.is_multiple_of(4) {
            let what = format!("a block of {len} octets; it takes a multiple of 4, at least {HEAD_LEN}");
            return Err(ReadError::Damaged { offset, what, goes_on: false });
        }
        Ok(u64::from(len))
    }

    /// Passes over a block that is larger than any packet.
    fn skip(&mut self, input: &mut Input, offset: u64, len: u64) -> Result<(), ReadError> {
        let there = input.skip(len)?;
        if there < len {
            self.ended = true;
            return Err(ReadError::Truncated { offset, what: "block", wanted: len, there });
        }
        Ok(())
    }

    /// Reads a whole block; gives the place of the packet in it, when it has one.
    fn read_block(&mut self, block: &[u8]) -> Result<Option<Found>, String> {
        let kind = word(block, 0, self.little);
        let last = word(block, block.len().saturating_sub(4), self.little);
        let len = u32::try_from(block.len()).unwrap_or(u32::MAX);
        if last != len {
            return Err(format!("a block says {len} octets at its beginning, and {last} at its end"));
        }
        let body = block.get(8..block.len().saturating_sub(4)).unwrap_or_default();
        match kind {
            SECTION_HEADER => self.section_header(body),
            INTERFACE => self.interface(body)?,
            STATISTICS => self.statistics(body),
            ENHANCED => return self.enhanced(body).map(Some),
            SIMPLE => return self.simple(body).map(Some),
            OBSOLETE => return self.obsolete(body).map(Some),
            _ => {}
        }
        Ok(None)
    }

    fn section_header(&mut self, body: &[u8]) {
        self.first = self.interfaces.len();
        self.section = Section::default();
        for (code, value) in options(body.get(16..).unwrap_or_default(), self.little) {
            match code {
                2 => self.section.hardware = Some(text(value)),
                3 => self.section.os = Some(text(value)),
                4 => self.section.application = Some(text(value)),
                _ => {}
            }
        }
    }

    fn interface(&mut self, body: &[u8]) -> Result<(), String> {
        if body.len() < 8 {
            return Err("an interface description that is too short".to_owned());
        }
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(format!("more than {MAX_INTERFACES} interfaces"));
        }
        let link_type = half(body, 0, self.little);
        let snap_len = word(body, 4, self.little);
        let mut interface = Interface { snap_len, link_type: u32::from(link_type), ..Interface::default() };
        let mut clock = Clock { per_second: 1_000_000, offset: 0 };
        for (code, value) in options(body.get(8..).unwrap_or_default(), self.little) {
            match (code, value) {
                (2, name) => interface.name = Some(text(name)),
                (3, description) => interface.description = Some(text(description)),
                (9, [resolution, ..]) => clock.per_second = per_second(*resolution),
                // The first octet says how the filter is written; 0 is as text.
                (11, [0, filter @ ..]) => interface.filter = Some(text(filter)),
                (12, os) => interface.os = Some(text(os)),
                (14, seconds) => clock.offset = i64::from_ne_bytes(wide(seconds, self.little).to_ne_bytes()),
                _ => {}
            }
        }
        self.interfaces.push(interface);
        self.clocks.push(clock);
        Ok(())
    }

    fn statistics(&mut self, body: &[u8]) {
        let place = self.first.saturating_add(word(body, 0, self.little) as usize);
        let Some(interface) = self.interfaces.get_mut(place) else { return };
        let dropped = options(body.get(12..).unwrap_or_default(), self.little)
            .filter(|(code, value)| matches!(code, 5 | 7) && value.len() == 8)
            .map(|(_, value)| wide(value, self.little))
            .fold(None, |sum: Option<u64>, count| Some(sum.unwrap_or(0).saturating_add(count)));
        interface.dropped = dropped.or(interface.dropped);
    }

    fn enhanced(&self, body: &[u8]) -> Result<Found, String> {
        let interface = self.interface_of(word(body, 0, self.little))?;
        let time = u64::from(word(body, 4, self.little)) << 32 | u64::from(word(body, 8, self.little));
        let (taken, len) = (word(body, 12, self.little), word(body, 16, self.little));
        let behind = self.packet_in(body, 20, taken)?;
        let flags = options(body.get(behind..).unwrap_or_default(), self.little).find(|(code, _)| *code == 2);
        let direction = match flags.map(|(_, value)| word(value, 0, self.little) & 3) {
            Some(1) => Direction::Inbound,
            Some(2) => Direction::Outbound,
            _ => Direction::Unknown,
        };
        Ok(Found { interface, time: Some(time), at: 28, taken, len, direction })
    }

    /// A simple packet is of the first interface, has no time, and is cut by that interface's snapshot length.
    fn simple(&self, body: &[u8]) -> Result<Found, String> {
        let interface = self.interface_of(0)?;
        let len = word(body, 0, self.little);
        let snap_len = self.interfaces.get(interface).map_or(0, |interface| interface.snap_len);
        let there = u32::try_from(body.len().saturating_sub(4)).unwrap_or(u32::MAX);
        let taken = if snap_len == 0 { len } else { len.min(snap_len) };
        if taken > there {
            return Err(format!("a packet of {taken} octets in a block that has room for {there}"));
        }
        Ok(Found { interface, time: None, at: 12, taken, len, direction: Direction::Unknown })
    }

    /// The packet block that the enhanced one replaced.
    fn obsolete(&self, body: &[u8]) -> Result<Found, String> {
        let interface = self.interface_of(u32::from(half(body, 0, self.little)))?;
        let time = u64::from(word(body, 4, self.little)) << 32 | u64::from(word(body, 8, self.little));
        let (taken, len) = (word(body, 12, self.little), word(body, 16, self.little));
        self.packet_in(body, 20, taken)?;
        Ok(Found { interface, time: Some(time), at: 28, taken, len, direction: Direction::Unknown })
    }

    /// The place among all interfaces of the section's interface `number`.
    fn interface_of(&self, number: u32) -> Result<usize, String> {
        let place = self.first.saturating_add(number as usize);
        if place < self.interfaces.len() {
            Ok(place)
        } else {
            Err(format!("a packet of interface {number}, which is not described"))
        }
    }

    /// Checks that a packet lies in its block; gives the place behind it, padding included.
    fn packet_in(&self, body: &[u8], at: usize, taken: u32) -> Result<usize, String> {
        let end = at.saturating_add(taken as usize);
        if body.len() < at || end > body.len() || taken > MAX_PACKET_LEN {
            let room = body.len().saturating_sub(at);
            return Err(format!("a packet of {taken} octets in a block that has room for {room}"));
        }
        Ok(end.checked_next_multiple_of(4).unwrap_or(end))
    }
}

/// The options of a block: code, length, value, padding to 32 bits; a missing end is forgiven, a length that leads outside
/// ends them.
fn options(octets: &[u8], little: bool) -> impl Iterator<Item = (u16, &[u8])> {
    let mut left = octets;
    std::iter::from_fn(move || {
        let (code, len) = (half(left, 0, little), usize::from(half(left, 2, little)));
        if code == 0 || left.len() < 4 {
            return None;
        }
        let value = left.get(4..len.checked_add(4)?)?;
        let next = len.checked_next_multiple_of(4)?.checked_add(4)?;
        left = left.get(next..).unwrap_or_default();
        Some((code, value))
    })
}

/// Units in a second of an if_tsresol: a power of 10, or of 2 when the highest bit is set. What 64 bits cannot hold is as
/// fine as can be.
fn per_second(resolution: u8) -> u64 {
    let exponent = u32::from(resolution & 0x7f);
    let base = if resolution & 0x80 == 0 { 10u64 } else { 2u64 };
    base.checked_pow(exponent).unwrap_or(u64::MAX)
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).trim_end_matches('\0').to_owned()
}

fn half(octets: &[u8], at: usize, little: bool) -> u16 {
    let octets = octets.get(at..).and_then(<[u8]>::first_chunk::<2>).copied().unwrap_or_default();
    if little { u16::from_le_bytes(octets) } else { u16::from_be_bytes(octets) }
}

fn wide(octets: &[u8], little: bool) -> u64 {
    let octets = octets.first_chunk::<8>().copied().unwrap_or_default();
    if little { u64::from_le_bytes(octets) } else { u64::from_be_bytes(octets) }
}

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE: u32 = 2;
const SIMPLE: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED: u32 = 6;

const BIG: &[u8] = &[0x1a, 0x2b, 0x3c, 0x4d];
const LITTLE: &[u8] = &[0x4d, 0x3c, 0x2b, 0x1a];

/// Type, length, and length again: the least that a block has.
const HEAD_LEN: usize = 12;
/// A larger block is passed over: the largest packet, and generous options.
const MAX_BLOCK_LEN: u64 = MAX_PACKET_LEN as u64 + (1 << 20);
/// More interfaces than any host has, and few enough that a file full of them takes no memory without end.
const MAX_INTERFACES: usize = 65_536;

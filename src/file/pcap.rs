//! pcap: a header and records (draft-ietf-opsawg-pcap). All four magics, and the fifth of a patched libpcap whose records
//! have eight octets more.

use pcap_file::pcap::{PcapHeader, PcapTsResolution};
use pcap_file::{DataLink, Endianness};

use super::input::Input;
use super::reader::{Interface, MAX_PACKET_LEN, ReadError, link_type};
use crate::wire::frame::{Direction, Frame, LinkType};

/// Octets of the file's header.
pub(super) const HEADER_LEN: usize = 24;

/// The magic of "modified" pcap (Alexey Kuznetzov's patches to libpcap), big-endian and little-endian: each record has an
/// interface index, a protocol and a packet type more.
const MODIFIED: [[u8; 4]; 2] = [[0xa1, 0xb2, 0xcd, 0x34], [0x34, 0xcd, 0xb2, 0xa1]];

pub(super) struct PcapReader {
    little: bool,
    /// Nanoseconds for each unit of the time's fraction.
    unit: i64,
    record_header_len: usize,
    link_type: LinkType,
    interfaces: [Interface; 1],
    ended: bool,
}

impl PcapReader {
    pub(super) fn new(input: &mut Input) -> Result<Self, ReadError> {
        let there = input.fill(HEADER_LEN)?;
        let header = input.peek(there);
        let modified = header.first_chunk().is_some_and(|magic| MODIFIED.contains(magic));
        let known = match header.first_chunk() {
            Some(magic) => modified || MAGICS.contains(magic),
            None => false,
        };
        if !known {
            return Err(ReadError::NotACapture);
        }
        if there < HEADER_LEN {
            let (wanted, there) = (HEADER_LEN as u64, there as u64);
            return Err(ReadError::Truncated { offset: 0, what: "file header", wanted, there });
        }
        let mut header = header.to_vec();
        if modified {
            let plain = if header.first() == Some(&0xa1) { MAGICS[0] } else { MAGICS[1] };
            header.splice(..4, plain);
        }
        let (_, header) = PcapHeader::from_slice(&header).map_err(|error| {
            let what = format!("the file header makes no sense: {error}");
            ReadError::Damaged { offset: 0, what, goes_on: false }
        })?;
        input.take(HEADER_LEN);
        let field: u32 = match header.datalink {
            DataLink::Unknown(number) => number,
            known => known.into(),
        };
        let link_type = link_type(field);
        let unit = if header.ts_resolution == PcapTsResolution::NanoSecond { 1 } else { 1000 };
        let interface =
            Interface { snap_len: header.snaplen, link_type: link_type.0, ..Interface::default() };
        let record_header_len = if modified { 24 } else { 16 };
        let little = header.endianness == Endianness::Little;
        Ok(Self { little, unit, record_header_len, link_type, interfaces: [interface], ended: false })
    }

    pub(super) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    pub(super) fn next<'a>(&mut self, input: &'a mut Input) -> Result<Option<Frame<'a>>, ReadError> {
        let offset = input.offset();
        let there = input.fill(self.record_header_len)?;
        if self.ended || there == 0 {
            return Ok(None);
        }
        let truncated = |wanted: usize, there: usize| ReadError::Truncated {
            offset,
            what: "packet record",
            wanted: wanted as u64,
            there: there as u64,
        };
        if there < self.record_header_len {
            self.ended = true;
            return Err(truncated(self.record_header_len, there));
        }
        let header = input.peek(self.record_header_len);
        let word = |at: usize| word(header, at, self.little);
        let (seconds, fraction, taken, len) = (word(0), word(4), word(8), word(12));
        if taken > MAX_PACKET_LEN {
            self.ended = true;
            let what = format!("a packet of {taken} octets, more than any link has");
            return Err(ReadError::Damaged { offset, what, goes_on: false });
        }
        let whole = self.record_header_len.saturating_add(taken as usize);
        let there = input.fill(whole)?;
        if there < whole {
            self.ended = true;
            return Err(truncated(whole, there));
        }
        let record = input.take(whole);
        let data = record.get(self.record_header_len..).unwrap_or_default();
        let time = i64::from(seconds)
            .saturating_mul(1_000_000_000)
            .saturating_add(i64::from(fraction).saturating_mul(self.unit));
        let (link_type, direction) = (self.link_type, Direction::Unknown);
        Ok(Some(Frame { data, len: len.max(taken), time: Some(time), link_type, interface: 0, direction }))
    }
}

/// Micro- and nanoseconds, big- and little-endian.
const MAGICS: [[u8; 4]; 4] =
    [[0xa1, 0xb2, 0xc3, 0xd4], [0xd4, 0xc3, 0xb2, 0xa1], [0xa1, 0xb2, 0x3c, 0x4d], [0x4d, 0x3c, 0xb2, 0xa1]];

/// The 32-bit number at `at`; 0 when it is not there.
pub(super) fn word(octets: &[u8], at: usize, little: bool) -> u32 {
    let octets = octets.get(at..).and_then(<[u8]>::first_chunk::<4>).copied().unwrap_or_default();
    if little { u32::from_le_bytes(octets) } else { u32::from_be_bytes(octets) }
}

//! pcap: a header and records (draft-ietf-opsawg-pcap). All four magics, and the fifth of a patched libpcap whose records
//! have eight octets more.

use pcap_file::Endianness;
use pcap_file::pcap::{PcapHeader, PcapTsResolution};

use super::description::Interface;
use super::input::Input;
use super::read_error::{Damage, ReadError};
use super::reader::{MAX_PACKET_LEN, link_type};
use super::run::Run;
use crate::wire::frame::{Direction, Frame, LinkType};

/// Whether a file begins as pcap.
pub(super) fn begins(octets: &[u8]) -> bool {
    octets.first_chunk().is_some_and(|magic| MAGICS.contains(magic) || MODIFIED.contains(magic))
}

pub(super) struct PcapReader {
    layout: Layout,
    interfaces: [Interface; 1],
}

/// How the records of a file are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    order: Endianness,
    /// Nanoseconds for each unit of a time's fraction.
    unit: i64,
    /// Octets of a record before those of its packet.
    pub(super) header_len: usize,
    /// The version's minor number, which tells the order of a record's two lengths.
    minor: u16,
    link_type: LinkType,
}

/// What a record's header says.
pub(super) struct Record {
    /// Octets of its packet that are in the file.
    pub(super) taken: usize,
    len: u32,
    time: i64,
}

impl PcapReader {
    /// Reads the header of a file that [`begins`] as pcap.
    pub(super) fn new(input: &mut Input) -> Result<Self, ReadError> {
        let there = input.fill(HEADER_LEN)?;
        let mut octets = [0; HEADER_LEN];
        let Some(header) = input.peek(there).first_chunk::<HEADER_LEN>() else {
            return Err(truncated(0, "file header", HEADER_LEN, there));
        };
        octets.copy_from_slice(header);
        let modified = header.first_chunk().is_some_and(|magic| MODIFIED.contains(magic));
        if modified {
            let [microseconds_big, microseconds_little, ..] = MAGICS;
            let plain = if header.first() == Some(&0xa1) { microseconds_big } else { microseconds_little };
            octets.first_chunk_mut().unwrap_or(&mut [0; 4]).copy_from_slice(&plain);
        }
        // With a known magic and all its octets, a header cannot fail.
        let (_, header) = PcapHeader::from_slice(&octets).map_err(|_| ReadError::NotACapture)?;
        let (major, known) = (header.version_major, 2);
        // As libpcap and Wireshark do: what is older has other records. What is newer has not come in 25 years.
        if major < known {
            let damage = Damage::Version { format: "pcap", major, known };
            return Err(ReadError::Damaged { offset: 0, damage, goes_on: false });
        }
        input.take(HEADER_LEN);
        let (unit, units_per_second) = match header.ts_resolution {
            PcapTsResolution::MicroSecond => (1000, 1_000_000),
            PcapTsResolution::NanoSecond => (1, 1_000_000_000),
        };
        let layout = Layout {
            order: header.endianness,
            unit,
            header_len: if modified { MODIFIED_RECORD_HEADER_LEN } else { RECORD_HEADER_LEN },
            minor: header.version_minor,
            link_type: link_type(header.datalink.into()),
        };
        let interface =
            Interface { snap_len: header.snaplen, units_per_second, ..Interface::of(layout.link_type) };
        Ok(Self { layout, interfaces: [interface] })
    }

    pub(super) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Takes the next record where all of it was read already, as nearly always; all else is the matter of
    /// [`advance`](Self::advance).
    #[inline]
    pub(super) fn advance_within(&self, input: &mut Input) -> Option<Record> {
        let (record, whole) = self.layout.whole_record(input.ready())?;
        input.take(whole);
        Some(record)
    }

    /// Takes records where all of each was read already, up to so many octets of them, or one that is larger; `None` where not
    /// even one is there.
    pub(super) fn run_within<'i>(&'i self, input: &'i mut Input, most: usize) -> Option<Run<'i>> {
        let ready = input.ready();
        let (mut len, mut packets) = (0usize, 0u64);
        while len < most
            && let Some((_, whole)) = ready.get(len..).and_then(|left| self.layout.whole_record(left))
        {
            len = len.saturating_add(whole);
            packets = packets.saturating_add(1);
        }
        let (layout, interfaces) = (self.layout, self.interfaces.as_slice());
        (packets > 0).then(|| Run { layout, octets: input.take(len), packets, interfaces })
    }

    /// Takes the next record.
    pub(super) fn advance(&self, input: &mut Input) -> Result<Option<Record>, ReadError> {
        let offset = input.offset();
        let header_len = self.layout.header_len;
        let there = input.fill(header_len)?;
        if there == 0 {
            return Ok(None);
        }
        if there < header_len {
            return Err(truncated(offset, "packet record", header_len, there));
        }
        let header = input.peek(RECORD_HEADER_LEN).first_chunk().copied().unwrap_or_default();
        let record = self.layout.record(&header);
        if record.taken > MAX_PACKET_LEN as usize {
            let len = u32::try_from(record.taken).unwrap_or(u32::MAX);
            let damage = Damage::PacketTooLarge { len, most: MAX_PACKET_LEN };
            return Err(ReadError::Damaged { offset, damage, goes_on: false });
        }
        let whole = header_len.saturating_add(record.taken);
        let there = input.fill(whole)?;
        if there < whole {
            return Err(truncated(offset, "packet record", whole, there));
        }
        input.take(whole);
        Ok(Some(record))
    }

    /// The packet of the record that was taken last.
    #[inline]
    pub(super) fn frame<'a>(&self, input: &'a Input, record: &Record) -> Frame<'a> {
        self.layout.frame(record, input.taken(record.taken))
    }
}

impl Layout {
    /// The record with which `octets` begin, and its length with its header, where all of it is there and its packet is not
    /// too large to be believed.
    #[inline]
    pub(super) fn whole_record(&self, octets: &[u8]) -> Option<(Record, usize)> {
        let record = self.record(octets.first_chunk()?);
        let whole = self.header_len.checked_add(record.taken)?;
        (octets.len() >= whole && record.taken <= MAX_PACKET_LEN as usize).then_some((record, whole))
    }

    /// The packet of a record, of which these are the octets.
    #[inline]
    pub(super) fn frame<'a>(&self, record: &Record, data: &'a [u8]) -> Frame<'a> {
        let (interface, direction) = (0, Direction::Unknown);
        let (len, time, link_type) = (record.len, Some(record.time), self.link_type);
        Frame { data, len, time, link_type, interface, section_start: 0, direction, comment: None }
    }

    /// What a record's header says.
    #[inline]
    fn record(&self, header: &[u8; RECORD_HEADER_LEN]) -> Record {
        let (words, _) = header.as_chunks::<4>();
        let word = |at: usize| {
            let word = words.get(at).copied().unwrap_or_default();
            if self.order.is_little() { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) }
        };
        let (taken, len) = self.lengths(word(2), word(3));
        let time = i64::from(word(0))
            .saturating_mul(1_000_000_000)
            .saturating_add(i64::from(word(1)).saturating_mul(self.unit));
        Record { taken: taken as usize, len, time }
    }

    /// Captured length and length on the wire. Before version 2.3 they stood the other way round, and in files of version
    /// 2.3 they do when that alone makes sense (`pcap-savefile(5)`, libpcap's `sf-pcap.c`).
    #[inline]
    fn lengths(&self, first: u32, second: u32) -> (u32, u32) {
        if self.minor < 3 || (self.minor == 3 && first > second) { (second, first) } else { (first, second) }
    }
}

fn truncated(offset: u64, what: &'static str, wanted: usize, there: usize) -> ReadError {
    ReadError::Truncated { offset, what, wanted: wanted as u64, there: there as u64 }
}

/// Octets of the file's header.
pub(super) const HEADER_LEN: usize = 24;
const RECORD_HEADER_LEN: usize = 16;
/// With the interface's index, the protocol, and the packet's type.
const MODIFIED_RECORD_HEADER_LEN: usize = 24;

/// Microseconds, big- and little-endian; nanoseconds, the same.
const MAGICS: [[u8; 4]; 4] =
    [[0xa1, 0xb2, 0xc3, 0xd4], [0xd4, 0xc3, 0xb2, 0xa1], [0xa1, 0xb2, 0x3c, 0x4d], [0x4d, 0x3c, 0xb2, 0xa1]];

/// "Modified" pcap, by Alexey Kuznetzov's patches to libpcap, big- and little-endian.
const MODIFIED: [[u8; 4]; 2] = [[0xa1, 0xb2, 0xcd, 0x34], [0x34, 0xcd, 0xb2, 0xa1]];

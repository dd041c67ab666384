//! pcap as it is written: a header with the one link type, and records.

use pcap_file::pcap::{PcapHeader, PcapTsResolution, PcapWriteError};
use pcap_file::{DataLink, Endianness};

use crate::wire::frame::{Frame, LinkType};

/// Writes a file's header.
pub(super) fn header(
    octets: &mut Vec<u8>,
    link_type: LinkType,
    snap_len: u32,
    resolution: PcapTsResolution,
) -> Result<(), PcapWriteError> {
    let header = PcapHeader {
        version_major: 2,
        version_minor: 4,
        ts_correction: 0,
        ts_accuracy: 0,
        snaplen: if snap_len == 0 { MAXIMUM_SNAPLEN } else { snap_len },
        datalink: DataLink::from(link_type.0),
        ts_resolution: resolution,
        endianness: Endianness::Little,
    };
    header.write_to(octets).map(|_| ())
}

/// Writes a packet's record. A time that 32 bits of seconds cannot hold stands at the end that it is nearer to, and none at the
/// beginning.
///
/// # Errors
/// The packet's length, when 32 bits cannot hold it.
pub(super) fn record(
    octets: &mut Vec<u8>,
    frame: &Frame<'_>,
    resolution: PcapTsResolution,
) -> Result<(), usize> {
    let taken = u32::try_from(frame.data.len()).map_err(|_| frame.data.len())?;
    let time = u64::try_from(frame.time.unwrap_or(0).clamp(0, LAST_TIME)).unwrap_or(0);
    let seconds = u32::try_from(time / 1_000_000_000).unwrap_or(u32::MAX);
    let nanoseconds = u32::try_from(time % 1_000_000_000).unwrap_or(0);
    let fraction = match resolution {
        PcapTsResolution::NanoSecond => nanoseconds,
        PcapTsResolution::MicroSecond => nanoseconds / 1000,
    };
    let head = [seconds, fraction, taken, frame.len].map(u32::to_le_bytes);
    octets.extend_from_slice(head.as_flattened());
    octets.extend_from_slice(frame.data);
    Ok(())
}

/// Whether a record can say this time.
pub(super) fn has_room_for(time: i64) -> bool {
    (0..=LAST_TIME).contains(&time)
}

/// The last nanosecond that 32 bits of seconds reach, in 2106.
const LAST_TIME: i64 = 4_294_967_295_999_999_999;

/// The snapshot length of a file that has no limit: what libpcap takes as the largest (`pcap-int.h`). Its readers cut
/// packets to the length in the header.
const MAXIMUM_SNAPLEN: u32 = 262_144;

//! pcapng as it is written: one section, its interfaces with times in nanoseconds, enhanced packet blocks, statistics.

use std::borrow::Cow;
use std::time::Duration;

use pcap_file::pcapng::blocks::ENHANCED_PACKET_BLOCK;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::interface_statistics::{InterfaceStatisticsBlock, InterfaceStatisticsOption};
use pcap_file::pcapng::blocks::opt_common::{COMMENT, CommonOption};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::{DataLink, Endianness};

use super::description::{Counts, Interface, Section};
use crate::wire::comments::Comments;
use crate::wire::frame::{Direction, Frame};

/// The block that begins a file.
pub(super) fn section(section: &Section) -> SectionHeaderBlock<'static> {
    let mut options = Vec::new();
    options
        .extend(text(&section.comment).map(|text| SectionHeaderOption::Common(CommonOption::Comment(text))));
    options.extend(text(&section.hardware).map(SectionHeaderOption::Hardware));
    options.extend(text(&section.os).map(SectionHeaderOption::OS));
    options.extend(text(&section.application).map(SectionHeaderOption::UserApplication));
    // A length of -1: not known beforehand.
    SectionHeaderBlock {
        endianness: Endianness::Little,
        major_version: 1,
        minor_version: 0,
        section_length: -1,
        options,
    }
}

/// The block that describes an interface.
pub(super) fn interface(interface: &Interface) -> InterfaceDescriptionBlock<'static> {
    type Text = InterfaceDescriptionOption<'static>;
    let mut options = Vec::new();
    options.extend(text(&interface.comment).map(|text| Text::Common(CommonOption::Comment(text))));
    options.extend(text(&interface.name).map(Text::IfName));
    options.extend(text(&interface.description).map(Text::IfDescription));
    options.push(Text::IfTsResol(InterfaceTsResolution::NANO));
    // The first octet says how the filter is written; 0 is as text.
    let filter = interface.filter.as_deref().map(|filter| [&[0], filter.as_bytes()].concat());
    options.extend(filter.map(|filter| Text::IfFilter(filter.into())));
    options.extend(text(&interface.os).map(Text::IfOs));
    options.extend(text(&interface.hardware).map(Text::IfHardware));
    let (linktype, snaplen) = (DataLink::from(interface.link_type.0), interface.snap_len);
    InterfaceDescriptionBlock { linktype, snaplen, options }
}

/// The block with an interface's counts.
pub(super) fn statistics(interface: u32, counts: &Counts) -> InterfaceStatisticsBlock<'static> {
    type Count = InterfaceStatisticsOption<'static>;
    let mut options = Vec::new();
    options.extend(counts.start.map(|time| Count::IsbStartTime(since_1970(time))));
    options.extend(counts.end.map(|time| Count::IsbEndTime(since_1970(time))));
    options.extend(counts.received.map(Count::IsbIfRecv));
    options.extend(counts.dropped.map(Count::IsbIfDrop));
    options.extend(counts.accepted.map(Count::IsbFilterAccept));
    options.extend(counts.dropped_by_system.map(Count::IsbOsDrop));
    options.extend(counts.delivered.map(Count::IsbUsrDeliv));
    let timestamp = since_1970(counts.end.or(counts.start).unwrap_or(0));
    InterfaceStatisticsBlock { interface_id: interface, timestamp, options }
}

/// Something to note about an interface at a time, as a statistics block without numbers.
pub(super) fn note(interface: u32, time: i64, text: &str) -> InterfaceStatisticsBlock<'static> {
    let options = vec![InterfaceStatisticsOption::Common(CommonOption::Comment(Cow::Owned(text.to_owned())))];
    InterfaceStatisticsBlock { interface_id: interface, timestamp: since_1970(time), options }
}

/// Writes an enhanced packet block (draft-ietf-opsawg-pcapng, section 4.3) of the interface with this number, whose times are
/// in nanoseconds. A time before 1970 is written as 1970.
///
/// This is most of what is done for a packet on its way from the network into a file, so it is told in few pieces of known
/// lengths: copying what was just put together from smaller ones stalls the processor for longer than the packet takes.
///
/// # Errors
/// What does not fit, and its length.
#[inline]
pub(super) fn packet(
    octets: &mut Vec<u8>,
    frame: &Frame<'_>,
    interface: u32,
) -> Result<(), (&'static str, usize)> {
    let comments_len = frame.comment.map(comments_len).transpose()?;
    let flags: u32 = match frame.direction {
        Direction::Unknown => 0,
        Direction::Inbound => 1,
        Direction::Outbound => 2,
    };
    let options_len = match (flags, comments_len) {
        (0, None) => 0,
        (0, Some(len)) => len.saturating_add(4),
        (_, None) => option_len(4).saturating_add(4),
        (_, Some(len)) => len.saturating_add(option_len(4)).saturating_add(4),
    };
    let padded = frame.data.len().checked_next_multiple_of(4).unwrap_or(usize::MAX);
    let block_len = padded.saturating_add(options_len).saturating_add(BLOCK_LEN);
    let total = u32::try_from(block_len).map_err(|_| ("packet", frame.data.len()))?;
    let taken = u32::try_from(frame.data.len()).unwrap_or(u32::MAX);

    let time = u64::try_from(frame.time.unwrap_or(0)).unwrap_or(0);
    let [low, high] = [time, time >> 32].map(|half| (half & u64::from(u32::MAX)) as u32);
    let head = [ENHANCED_PACKET_BLOCK, total, interface, high, low, taken, frame.len];
    // With what is truncated below.
    octets.reserve(block_len.saturating_add(4));
    octets.extend_from_slice(head.map(u32::to_le_bytes).as_flattened());
    octets.extend_from_slice(frame.data);
    let Some(comments) = frame.comment else {
        // Lengths that the compiler knows make moves between registers and memory out of these.
        let end = octets.len().saturating_add(padded.saturating_sub(frame.data.len()));
        octets.extend_from_slice(&[0; 4]);
        octets.truncate(end);
        if flags != 0 {
            octets.extend_from_slice([FLAGS_AND_LEN, flags, 0].map(u32::to_le_bytes).as_flattened());
        }
        octets.extend_from_slice(&total.to_le_bytes());
        return Ok(());
    };
    pad(octets, frame.data.len());
    if flags != 0 {
        option(octets, FLAGS, 4, &flags.to_le_bytes());
    }
    for comment in comments.iter() {
        let len = u16::try_from(comment.len()).map_err(|_| ("comment", comment.len()))?;
        option(octets, COMMENT, len, comment.as_bytes());
    }
    octets.extend_from_slice(&END_OF_OPTIONS);
    octets.extend_from_slice(&total.to_le_bytes());
    Ok(())
}

/// Octets of the options with these comments.
fn comments_len(comments: Comments<'_>) -> Result<usize, (&'static str, usize)> {
    comments.iter().map(str::len).try_fold(0usize, |sum, len| match u16::try_from(len) {
        Ok(_) => Ok(sum.saturating_add(option_len(len))),
        Err(_) => Err(("comment", len)),
    })
}

fn option(octets: &mut Vec<u8>, code: u16, len: u16, value: &[u8]) {
    octets.extend_from_slice(&code.to_le_bytes());
    octets.extend_from_slice(&len.to_le_bytes());
    octets.extend_from_slice(value);
    pad(octets, value.len());
}

fn pad(octets: &mut Vec<u8>, len: usize) {
    let padding = len.wrapping_neg() & 3;
    octets.extend_from_slice([0; 3].get(..padding).unwrap_or_default());
}

/// Octets of an option with a value of `len`.
fn option_len(len: usize) -> usize {
    len.saturating_add(3).saturating_add(4) & !3
}

fn text(text: &Option<String>) -> Option<Cow<'static, str>> {
    text.as_ref().map(|text| Cow::Owned(text.clone()))
}

fn since_1970(nanoseconds: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0))
}

/// Octets of an enhanced packet block without packet and options.
const BLOCK_LEN: usize = 32;
/// The option with a packet's flags; the direction is in the lowest two bits.
const FLAGS: u16 = 2;
/// The same with its length, as one word.
const FLAGS_AND_LEN: u32 = 4 << 16 | FLAGS as u32;
const END_OF_OPTIONS: [u8; 4] = [0; 4];

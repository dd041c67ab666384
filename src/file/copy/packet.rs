//! The block of a packet as it goes into a copy: as it stands, or with another interface, fewer octets, more comments. What
//! is not changed stays octet by octet, in the byte order that it is in.

use pcap_file::Endianness;

use crate::file::block::{BODY_AT, Block};
use crate::file::octets::{half, word};
use crate::file::read_options::options;

/// What changes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change<'a> {
    /// The interface's number in the copy.
    pub(super) interface: u32,
    /// Octets that were captured: of a simple packet the interface's snapshot length says so.
    pub(super) captured: usize,
    /// At most so many octets are kept.
    pub(super) truncate: Option<u32>,
    /// Comments that are added.
    pub(super) comments: &'a [String],
}

/// Where a packet stands in its block, and what is beside it.
struct Parts<'a> {
    /// High and low half.
    time: [u32; 2],
    data: &'a [u8],
    len: u32,
    /// The options without their end, and packets that were dropped before this one, as the old block counts them.
    options: &'a [u8],
    drops: Option<u16>,
}

/// Appends the block of a packet.
///
/// # Errors
/// What does not fit, and its length.
pub(super) fn write(
    out: &mut Vec<u8>,
    block: &Block<'_>,
    change: &Change<'_>,
) -> Result<(), (&'static str, usize)> {
    let most = change.truncate.map(|most| usize::try_from(most).unwrap_or(usize::MAX));
    let is_cut = most.is_some_and(|most| most < change.captured);
    if is_cut || !change.comments.is_empty() || !renumbered(out, block, change.interface) {
        rebuild(out, block, change)?;
    }
    Ok(())
}

/// Appends the block with another interface; `false` where it has no room for the number.
fn renumbered(out: &mut Vec<u8>, block: &Block<'_>, interface: u32) -> bool {
    let start = out.len().saturating_add(BODY_AT);
    // In the old block the number has two octets, and a drop count stands behind.
    let number: &[u8] = match (block.kind(), u16::try_from(interface)) {
        (SIMPLE, _) => return interface == 0 && append(out, block),
        (OBSOLETE, Ok(number)) => &order_half(number, block.order),
        (OBSOLETE, Err(_)) => return false,
        _ => &order_word(interface, block.order),
    };
    append(out, block);
    if let Some(place) = out.get_mut(start..start.saturating_add(number.len())) {
        place.copy_from_slice(number);
    }
    true
}

fn append(out: &mut Vec<u8>, block: &Block<'_>) -> bool {
    out.extend_from_slice(block.octets());
    true
}

/// Appends the packet as an enhanced packet block.
fn rebuild(out: &mut Vec<u8>, block: &Block<'_>, change: &Change<'_>) -> Result<(), (&'static str, usize)> {
    let (parts, order) = (parts(block, change.captured), block.order);
    let most = change.truncate.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let data = parts.data.get(..most).unwrap_or(parts.data);
    let start = out.len();
    let taken = u32::try_from(data.len()).map_err(|_| ("packet", data.len()))?;
    let [high, low] = parts.time;
    for number in [ENHANCED, 0, change.interface, high, low, taken, parts.len] {
        out.extend_from_slice(&order_word(number, order));
    }
    out.extend_from_slice(data);
    pad(out, start);
    let before = out.len();
    out.extend_from_slice(parts.options);
    // 65535 is for a number that nobody knows.
    if let Some(drops) = parts.drops.filter(|drops| ![0, u16::MAX].contains(drops)) {
        let count = u64::from(drops);
        option(
            out,
            DROP_COUNT,
            if order.is_little() { count.to_le_bytes() } else { count.to_be_bytes() }.as_slice(),
            order,
        )?;
    }
    for comment in change.comments {
        option(out, COMMENT, comment.as_bytes(), order)?;
    }
    if out.len() > before {
        out.extend_from_slice(&[0; 4]);
    }
    let len = out.len().saturating_sub(start).saturating_add(4);
    let total = order_word(u32::try_from(len).map_err(|_| ("packet", len))?, order);
    if let Some(place) = out.get_mut(start.saturating_add(4)..start.saturating_add(BODY_AT)) {
        place.copy_from_slice(&total);
    }
    out.extend_from_slice(&total);
    Ok(())
}

fn parts<'a>(block: &Block<'a>, captured: usize) -> Parts<'a> {
    let (body, order) = (block.body(), block.order);
    if block.kind() == SIMPLE {
        let len = block.word(0);
        let room = body.get(4..).unwrap_or_default();
        let data = room.get(..captured).unwrap_or(room);
        // It has no time, for which there is no way to say so.
        return Parts { time: [0; 2], data, len, options: &[], drops: None };
    }
    let taken = usize::try_from(word(body, 12, order)).unwrap_or(usize::MAX);
    let behind = AT.saturating_add(taken);
    let noted = behind.checked_next_multiple_of(4).and_then(|at| body.get(at..)).unwrap_or_default();
    Parts {
        time: [word(body, 4, order), word(body, 8, order)],
        data: body.get(AT..behind).unwrap_or_default(),
        len: word(body, 16, order),
        options: whole_options(noted, order),
        drops: (block.kind() == OBSOLETE).then(|| half(body, 2, order)),
    }
}

/// The octets of the options that can be read, without their end.
fn whole_options(octets: &[u8], order: Endianness) -> &[u8] {
    let len = |value: &[u8]| value.len().next_multiple_of(4).saturating_add(4);
    let whole: usize = options(octets, order).map(|(_, value)| len(value)).fold(0, usize::saturating_add);
    octets.get(..whole).unwrap_or_default()
}

fn option(
    out: &mut Vec<u8>,
    code: u16,
    value: &[u8],
    order: Endianness,
) -> Result<(), (&'static str, usize)> {
    let len = u16::try_from(value.len()).map_err(|_| ("comment", value.len()))?;
    for half in [code, len] {
        out.extend_from_slice(&order_half(half, order));
    }
    let start = out.len();
    out.extend_from_slice(value);
    pad(out, start);
    Ok(())
}

/// Fills up what began at `start` to whole words.
fn pad(out: &mut Vec<u8>, start: usize) {
    let padding = out.len().saturating_sub(start).wrapping_neg() & 3;
    out.extend_from_slice([0; 3].get(..padding).unwrap_or_default());
}

fn order_half(number: u16, order: Endianness) -> [u8; 2] {
    if order.is_little() { number.to_le_bytes() } else { number.to_be_bytes() }
}

fn order_word(number: u32, order: Endianness) -> [u8; 4] {
    if order.is_little() { number.to_le_bytes() } else { number.to_be_bytes() }
}

const OBSOLETE: u32 = 2;
const SIMPLE: u32 = 3;
const ENHANCED: u32 = 6;
/// Where the octets of a packet begin in the body of a block that is not simple.
const AT: usize = 20;
const COMMENT: u16 = 1;
const DROP_COUNT: u16 = 4;

//! Dissecting: finding the layers of a packet. One loop with a depth limit, no heap, no recursion.

use crate::proto::data;
use crate::proto::describe::{Extent, Protocol, Stated};
use crate::proto::{RAW_VERSION, registry};
use crate::wire::frame::LinkType;
use crate::wire::layers::{LayerEntry, LayerState, LayerTable};

use super::measure::measure;

/// Finds the layers of the packet `octets`, whose outermost protocol `link_type` tells. Any octets are fine: what no
/// protocol takes is a `data` layer, and every octet belongs to a layer or stands behind its end.
pub fn dissect(octets: &[u8], link_type: LinkType, table: &mut LayerTable) {
    let first = outermost(octets, link_type).unwrap_or_else(|| registry().data());
    dissect_as(octets, first, table);
}

/// As [`dissect`], with the outermost protocol given.
pub fn dissect_as(octets: &[u8], first: &'static Protocol, table: &mut LayerTable) {
    table.clear();
    let mut next = Some(Pending { protocol: first, start: 0, end: octets.len(), quoted_by: None });
    while let Some(pending) = next {
        next = layer(octets, pending, table);
    }
}

/// The protocol that packets of a link type begin with; `None` when it is not known.
fn outermost(octets: &[u8], link_type: LinkType) -> Option<&'static Protocol> {
    let first = octets.first().copied().unwrap_or_default();
    match link_type.0 {
        // DLT_RAW's number differs between systems: 12, on OpenBSD 14, and 101 in files.
        12 | 14 | 101 => registry().find(RAW_VERSION, u64::from(first >> 4)),
        // The family is in the capturing host's byte order: its low octet comes first on little-endian hosts.
        0 if first == 0 => registry().by_name("loop"),
        other => registry().of_link_type(other),
    }
}

/// A layer that is to be dissected.
struct Pending {
    protocol: &'static Protocol,
    start: usize,
    end: usize,
    quoted_by: Option<u8>,
}

/// Enters one layer into the table; returns the next one.
fn layer(octets: &[u8], pending: Pending, table: &mut LayerTable) -> Option<Pending> {
    let Pending { mut protocol, start, end, quoted_by } = pending;
    if table.room() == 1 && protocol.name != data::NAME {
        protocol = registry().data();
        table.end_early();
    }
    let header_and_more = octets.get(start..end)?;
    let measured = measure(&protocol.sections, header_and_more);
    let header = header_and_more.get(..measured.len)?;
    let header_end = start.checked_add(measured.len)?;
    let (layer_end, contents) = limits(protocol, header, header_end, start, end, measured.state);
    let entry = LayerEntry {
        protocol: protocol.id,
        start: u32::try_from(start).ok()?,
        header_end: u32::try_from(header_end).ok()?,
        end: u32::try_from(layer_end).ok()?,
        state: measured.state,
        quoted_by,
    };
    let index = u8::try_from(table.entries().len()).ok()?;
    if !table.push(entry) || protocol.name == data::NAME {
        return None;
    }
    if let Some((quoted, from, to)) = measured.quoted {
        let inside = header.get(from..to.min(header.len())).filter(|inside| !inside.is_empty())?;
        let next = (quoted.next.key)(inside).and_then(|key| registry().find(quoted.next.table, key));
        let (start, end) = (start.checked_add(from)?, start.checked_add(from)?.checked_add(inside.len())?);
        return Some(Pending {
            protocol: next.unwrap_or_else(|| registry().data()),
            start,
            end,
            quoted_by: Some(index),
        });
    }
    if header_end >= contents.end {
        return None;
    }
    let payload = octets.get(header_end..contents.end)?;
    let next = if contents.known { registry().carried(protocol, header, payload) } else { None };
    let protocol = next.unwrap_or_else(|| registry().data());
    Some(Pending { protocol, start: header_end, end: contents.end, quoted_by })
}

/// How far a layer's payload reaches, and whether its kind can be told.
struct Contents {
    end: usize,
    known: bool,
}

/// Where a layer ends, and its payload: both never behind `end`, which the layer below sets.
fn limits(
    protocol: &Protocol,
    header: &[u8],
    header_end: usize,
    start: usize,
    end: usize,
    state: LayerState,
) -> (usize, Contents) {
    let mut known = state == LayerState::Whole;
    let layer_end = match protocol.extent {
        // Nothing can be said of a header that is not whole: what is left of it is the layer.
        _ if !known => end,
        Extent::Rest => end,
        Extent::Header => header_end,
        Extent::Stated(read) => match read(header) {
            Stated::Rest => end,
            Stated::Octets(len) => {
                end.min(start.saturating_add(usize::try_from(len).unwrap_or(usize::MAX))).max(header_end)
            }
            Stated::Lies => {
                known = false;
                end
            }
        },
    };
    let payload = if known { protocol.payload_len.and_then(|read| read(header)) } else { None };
    let contents_end = match payload {
        Some(len) => layer_end.min(header_end.saturating_add(usize::try_from(len).unwrap_or(usize::MAX))),
        None => layer_end,
    };
    (layer_end, Contents { end: contents_end, known })
}

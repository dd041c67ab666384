//! Dissecting: finding the layers of a packet. One loop with a depth limit, no heap, no recursion.

use crate::proto::describe::{Extent, Protocol, Stated};
use crate::proto::{RAW_VERSION, Registry, registry};
use crate::wire::frame::LinkType;
use crate::wire::layers::{LayerEntry, LayerState, LayerTable};

use super::measure::{measure, whole_header};

/// Finds the layers of the packet `octets`, whose outermost protocol `link_type` tells. Any octets are fine: what no
/// protocol takes is a `data` layer, and every octet belongs to a layer or stands behind its end.
pub fn dissect(octets: &[u8], link_type: LinkType, table: &mut LayerTable) {
    let first = outermost(octets, link_type).unwrap_or_else(|| registry().data());
    dissect_as(octets, first, table);
}

/// As [`dissect`], with the outermost protocol given.
pub fn dissect_as(octets: &[u8], first: &'static Protocol, table: &mut LayerTable) {
    table.clear();
    // More cannot be captured.
    let Ok(end) = u32::try_from(octets.len()) else { return };
    let registry = registry();
    let mut layers = Layers { registry, data: registry.data(), octets, table, is_sound: true };
    let mut next = Some(Pending { protocol: first, start: 0, end, quoted_by: None });
    while let Some(pending) = next {
        next = layers.layer(pending);
    }
    let is_sound = layers.is_sound;
    table.found_sound(is_sound);
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
    start: u32,
    end: u32,
    quoted_by: Option<u8>,
}

/// The layers of a packet that were found so far.
struct Layers<'p, 't> {
    registry: &'static Registry,
    data: &'static Protocol,
    octets: &'p [u8],
    table: &'t mut LayerTable,
    /// Whether each is whole and has all octets that it says it has.
    is_sound: bool,
}

impl Layers<'_, '_> {
    /// Enters one layer into the table; returns the next one.
    #[inline]
    fn layer(&mut self, pending: Pending) -> Option<Pending> {
        let Pending { protocol, start, end, .. } = pending;
        if protocol.id == self.data.id {
            return self.rest(&pending);
        }
        if self.table.room() == 1 {
            self.table.end_early();
            return self.rest(&pending);
        }
        let there = self.octets.get(start as usize..end as usize)?;
        let Some(header) = whole_header(&protocol.sections, there) else {
            return self.layer_by_sections(&pending, there);
        };
        let header_end = start.saturating_add(u32::try_from(header.len()).ok()?);
        let (layer_end, contents) = self.limits(protocol, header, (start, header_end, end));
        self.enter(&pending, (header_end, layer_end), LayerState::Whole);
        self.carried(&pending, header, (header_end, contents))
    }

    /// As [`layer`](Self::layer), of a header whose length takes a look at its sections, or that is not whole.
    fn layer_by_sections(&mut self, pending: &Pending, there: &[u8]) -> Option<Pending> {
        let Pending { protocol, start, end, .. } = *pending;
        let measured = measure(&protocol.sections, there);
        let header = there.get(..measured.len)?;
        let header_end = start.saturating_add(u32::try_from(measured.len).ok()?);
        let (layer_end, contents) = match measured.state {
            LayerState::Whole => self.limits(protocol, header, (start, header_end, end)),
            // Nothing can be said of a header that is not whole: what is left of it is the layer.
            _ => {
                self.is_sound = false;
                (end, Contents { end, known: false })
            }
        };
        let index = u8::try_from(self.table.entries().len()).ok()?;
        self.enter(pending, (header_end, layer_end), measured.state);
        let Some((quoted, from, to)) = measured.quoted else {
            return self.carried(pending, header, (header_end, contents));
        };
        let inside = header.get(from..to.min(header.len())).filter(|inside| !inside.is_empty())?;
        let next = (quoted.next.key)(inside).and_then(|key| self.registry.find(quoted.next.table, key));
        let start = start.saturating_add(u32::try_from(from).ok()?);
        let end = start.saturating_add(u32::try_from(inside.len()).ok()?);
        Some(Pending { protocol: next.unwrap_or(self.data), start, end, quoted_by: Some(index) })
    }

    #[inline]
    fn enter(&mut self, pending: &Pending, (header_end, end): (u32, u32), state: LayerState) {
        let Pending { protocol, start, quoted_by, .. } = *pending;
        self.table.push(LayerEntry { protocol: protocol.id, start, header_end, end, state, quoted_by });
    }

    /// What a layer carries.
    #[inline]
    fn carried(
        &self,
        pending: &Pending,
        header: &[u8],
        (start, contents): (u32, Contents),
    ) -> Option<Pending> {
        if start >= contents.end {
            return None;
        }
        let payload = self.octets.get(start as usize..contents.end as usize)?;
        let next = match contents.known {
            true => self.registry.carried(pending.protocol, header, payload),
            false => None,
        };
        let (protocol, quoted_by) = (next.unwrap_or(self.data), pending.quoted_by);
        Some(Pending { protocol, start, end: contents.end, quoted_by })
    }

    /// Enters octets that no protocol takes, or for which there is no more room.
    #[inline]
    fn rest(&mut self, pending: &Pending) -> Option<Pending> {
        let all = Pending { protocol: self.data, ..*pending };
        self.enter(&all, (pending.end, pending.end), LayerState::Whole);
        None
    }

    /// Where a layer with a whole header ends, and its payload: both never behind the end of what the layer below leaves it.
    #[inline]
    fn limits(
        &mut self,
        protocol: &Protocol,
        header: &[u8],
        (start, header_end, end): (u32, u32, u32),
    ) -> (u32, Contents) {
        let behind = |start: u32, len: u64| start.saturating_add(u32::try_from(len).unwrap_or(u32::MAX));
        let layer_end = match protocol.extent {
            Extent::Rest => end,
            Extent::Header => header_end,
            Extent::Stated(read) => match read(header) {
                Stated::Rest => end,
                Stated::Octets(len) => {
                    let stated = behind(start, len);
                    self.is_sound &= stated <= end;
                    end.min(stated).max(header_end)
                }
                Stated::Lies => {
                    self.is_sound = false;
                    return (end, Contents { end, known: false });
                }
            },
        };
        let payload = protocol.payload_len.and_then(|read| read(header));
        let contents_end = payload.map_or(layer_end, |len| layer_end.min(behind(header_end, len)));
        (layer_end, Contents { end: contents_end, known: true })
    }
}

/// How far a layer's payload reaches, and whether its kind can be told.
struct Contents {
    end: u32,
    known: bool,
}

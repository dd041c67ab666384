//! Dissecting: finding the layers of a packet. One loop with a depth limit, no heap, no recursion.

use crate::proto::describe::{Extent, Glance, Protocol, Stated};
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
    dissect_by::<true>(octets, first, table);
}

/// As [`dissect_as`], by the descriptions alone, of which each layer is asked piece by piece: what all that makes dissecting faster
/// has to agree with.
pub fn dissect_slowly(octets: &[u8], first: &'static Protocol, table: &mut LayerTable) {
    dissect_by::<false>(octets, first, table);
}

#[inline]
fn dissect_by<const GLANCES: bool>(octets: &[u8], first: &'static Protocol, table: &mut LayerTable) {
    table.clear();
    // More cannot be captured.
    let Ok(end) = u32::try_from(octets.len()) else { return };
    let registry = registry();
    let mut layers = Layers::<GLANCES> { registry, data: registry.data(), octets, table, is_sound: true };
    let mut pending = Pending { protocol: first, start: 0, end, quoted_by: None };
    while let Some(next) = layers.layer(pending) {
        pending = next;
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
#[derive(Clone, Copy)]
struct Pending {
    protocol: &'static Protocol,
    start: u32,
    end: u32,
    quoted_by: Option<u8>,
}

/// The layers of a packet that were found so far.
struct Layers<'p, 't, const GLANCES: bool> {
    registry: &'static Registry,
    data: &'static Protocol,
    octets: &'p [u8],
    table: &'t mut LayerTable,
    /// Whether each is whole and has all octets that it says it has.
    is_sound: bool,
}

impl<const GLANCES: bool> Layers<'_, '_, GLANCES> {
    /// Enters one layer into the table; returns the next one. It runs for every layer of every packet: what few layers need is
    /// elsewhere, so that the rest stays in registers.
    #[inline(always)]
    fn layer(&mut self, pending: Pending) -> Option<Pending> {
        let Pending { protocol, start, end, .. } = pending;
        if protocol.id == self.data.id {
            return self.rest(pending);
        }
        if self.table.room() == 1 {
            self.table.end_early();
            return self.rest(pending);
        }
        let there = self.octets.get(start as usize..end as usize)?;
        if let Some(look) = protocol.glance.filter(|_| GLANCES) {
            let glance = look(there);
            if glance.header_len > 0 {
                return self.glanced(pending, glance);
            }
        }
        let Some(header) = whole_header(&protocol.sections, there) else {
            return self.layer_by_sections(pending, there);
        };
        // It ends where `there` ends, or before.
        let header_end = start.wrapping_add(header.len() as u32);
        let (layer_end, contents) = self.limits(protocol, header, (start, header_end, end));
        self.enter(pending, (header_end, layer_end), LayerState::Whole);
        let payload = self.payload(header_end, contents)?;
        let protocol = self.carried(protocol, header, payload, contents);
        Some(Pending { protocol, start: header_end, end: contents.end, ..pending })
    }

    /// As [`layer`](Self::layer), of a layer of which one look has told all.
    #[inline(always)]
    fn glanced(&mut self, pending: Pending, glance: Glance) -> Option<Pending> {
        let Pending { protocol, start, end, .. } = pending;
        // The header's octets are there, so that it ends at `end` or before.
        let header_end = start.wrapping_add(glance.header_len);
        let layer_end = match glance.len {
            Glance::NO_NUMBER => end,
            len => {
                let stated = start.saturating_add(len);
                self.is_sound &= stated <= end;
                end.min(stated).max(header_end)
            }
        };
        self.enter(pending, (header_end, layer_end), LayerState::Whole);
        if header_end >= layer_end {
            return None;
        }
        let next = self.registry.carried_by(protocol, [glance.key, glance.or]);
        Some(Pending { protocol: next.unwrap_or(self.data), start: header_end, end: layer_end, ..pending })
    }

    /// As [`layer`](Self::layer), of a header whose length takes a look at its sections, or that is not whole.
    #[inline(never)]
    fn layer_by_sections(&mut self, pending: Pending, there: &[u8]) -> Option<Pending> {
        let Pending { protocol, start, end, .. } = pending;
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
            let payload = self.payload(header_end, contents)?;
            let protocol = self.carried(protocol, header, payload, contents);
            return Some(Pending { protocol, start: header_end, end: contents.end, ..pending });
        };
        let inside = header.get(from..to.min(header.len())).filter(|inside| !inside.is_empty())?;
        let next = (quoted.next.key)(inside).and_then(|key| self.registry.find(quoted.next.table, key));
        let start = start.saturating_add(u32::try_from(from).ok()?);
        let end = start.saturating_add(u32::try_from(inside.len()).ok()?);
        Some(Pending { protocol: next.unwrap_or(self.data), start, end, quoted_by: Some(index) })
    }

    #[inline(always)]
    fn enter(&mut self, pending: Pending, (header_end, end): (u32, u32), state: LayerState) {
        let Pending { protocol, start, quoted_by, .. } = pending;
        self.table.push(LayerEntry { protocol: protocol.id, start, header_end, end, state, quoted_by });
    }

    /// The octets behind a header; `None` where there are none.
    #[inline(always)]
    fn payload(&self, start: u32, contents: Contents) -> Option<&[u8]> {
        self.octets.get(start as usize..contents.end as usize).filter(|payload| !payload.is_empty())
    }

    /// The protocol of what a layer carries.
    #[inline(always)]
    fn carried(
        &self,
        protocol: &Protocol,
        header: &[u8],
        payload: &[u8],
        contents: Contents,
    ) -> &'static Protocol {
        let next = if contents.known { self.registry.carried(protocol, header, payload) } else { None };
        next.unwrap_or(self.data)
    }

    /// Enters octets that no protocol takes, or for which there is no more room.
    #[inline]
    fn rest(&mut self, pending: Pending) -> Option<Pending> {
        let all = Pending { protocol: self.data, ..pending };
        self.enter(all, (pending.end, pending.end), LayerState::Whole);
        None
    }

    /// Where a layer with a whole header ends, and its payload: both never behind the end of what the layer below leaves it.
    #[inline(always)]
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
        let contents_end = match protocol.payload_len.and_then(|read| read(header)) {
            None => layer_end,
            Some(len) => {
                let stated = behind(header_end, len);
                self.is_sound &= stated <= layer_end;
                layer_end.min(stated)
            }
        };
        (layer_end, Contents { end: contents_end, known: true })
    }
}

/// How far a layer's payload reaches, and whether its kind can be told.
#[derive(Clone, Copy)]
struct Contents {
    end: u32,
    known: bool,
}

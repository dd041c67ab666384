//! A layer of a packet, as a summary sees it.

use std::fmt;

use super::auto::Scope;
use super::describe::{Extent, Protocol, Stated};
use super::registry;
use crate::wire::layers::LayerTable;
use crate::wire::text::{Put, Text};

/// A layer of a packet, as a summary sees it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The packet and the layer's place in it.
    pub scope: Scope<'a>,
    /// Octets of the packet on the wire, which may be more than were captured.
    pub wire_len: usize,
    /// Whether addresses are written with the ports of the layer above: `10.0.0.1.49152`.
    pub with_ports: bool,
}

impl<'a> View<'a> {
    /// A view of the layer with this index.
    #[inline]
    pub fn new(packet: &'a [u8], table: &'a LayerTable, wire_len: usize, index: usize) -> Self {
        Self { scope: Scope::of_layer(packet, table, index), wire_len, with_ports: false }
    }

    /// The header's octets.
    #[inline]
    pub fn header(&self) -> &'a [u8] {
        self.scope.region()
    }

    /// The layer's octets on the wire, header and payload, whether captured or not.
    pub fn layer_len(&self) -> usize {
        self.wire_end().saturating_sub(self.scope.start)
    }

    /// Octets on the wire behind the header, whether captured or not.
    pub fn payload_len(&self) -> usize {
        self.wire_end().saturating_sub(self.scope.end)
    }

    /// Where the layer ends on the wire: as it says itself, or the nearest layer below that says something.
    fn wire_end(&self) -> usize {
        let own = self.scope.layer().map(|entry| (self.scope.index, entry));
        for (index, entry) in own.into_iter().chain(self.scope.table.below(self.scope.index)) {
            let lower =
                Scope { index, start: entry.start as usize, end: entry.header_end as usize, ..self.scope };
            let Some(protocol) = lower.protocol() else { continue };
            if let Some(len) = protocol.payload_len.and_then(|read| read(lower.region())) {
                return lower.end.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
            }
            match protocol.extent {
                Extent::Stated(read) => match read(lower.region()) {
                    Stated::Octets(len) => {
                        return lower.start.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
                    }
                    // A layer that contradicts itself reaches as far as its octets do.
                    Stated::Lies => return entry.end as usize,
                    Stated::Rest => {}
                },
                Extent::Rest | Extent::Header => {}
            }
        }
        self.wire_len
    }

    /// The layer's protocol.
    #[inline]
    pub fn protocol(&self) -> &'static Protocol {
        self.scope.protocol().unwrap_or(registry().data())
    }

    /// The layer that this one carries.
    pub fn above(&self) -> Option<Self> {
        let (index, _) = self.scope.table.child(self.scope.index)?;
        Some(Self::new(self.scope.packet, self.scope.table, self.wire_len, index))
    }

    /// The first layer of the packet that this one quotes.
    pub fn quoted(&self) -> Option<Self> {
        let index = self.scope.table.quoted(self.scope.index)?;
        Some(Self::new(self.scope.packet, self.scope.table, self.wire_len, index))
    }

    /// This layer, or the nearest one that it carries, that has ports.
    pub fn transport(&self) -> Option<Self> {
        let mut next = Some(*self);
        while let Some(view) = next {
            if view.protocol().ports.is_some() {
                return Some(view);
            }
            // What pairs replies by itself, such as IP inside a tunnel, has end points of its own.
            next = view.above().filter(|above| {
                let protocol = above.protocol();
                protocol.ports.is_some() || protocol.identity.is_none()
            });
        }
        None
    }

    /// Source and destination port of the transport layer.
    pub fn ports(&self) -> Option<(u16, u16)> {
        let transport = self.transport()?;
        (transport.protocol().ports?)(transport.header())
    }

    /// Writes `source > destination`, with the ports of the layer above where they are wanted.
    pub fn end_points(&self, out: &mut Text, source: impl Put, destination: impl Put) -> fmt::Result {
        match if self.with_ports { self.ports() } else { None } {
            Some((from, to)) => {
                out.put(source).put(".").put(from).put(" > ").put(destination).put(".").put(to);
            }
            None => {
                out.put(source).put(" > ").put(destination);
            }
        }
        Ok(())
    }
}

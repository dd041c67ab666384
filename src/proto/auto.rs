//! Computed fields. Each function is used both ways: building writes what it returns, and dissecting compares with it.

use super::describe::Protocol;
use super::pseudo_header::PseudoHeader;
use super::registry;
use crate::wire::checksum::InternetChecksum;
use crate::wire::layers::{LayerEntry, LayerTable};

/// What a computed field may look at: the packet, its layers, and the structure that holds the field.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The packet's octets.
    pub packet: &'a [u8],
    /// Its layers.
    pub table: &'a LayerTable,
    /// The layer that the field belongs to, as an index into the table.
    pub index: usize,
    /// First octet of the structure that holds the field: the header, or an item inside it.
    pub start: usize,
    /// First octet behind that structure.
    pub end: usize,
    /// First octet of the field, counted from `start`.
    pub field: usize,
}

impl<'a> Scope<'a> {
    /// The scope of a layer's header.
    #[inline]
    pub fn of_layer(packet: &'a [u8], table: &'a LayerTable, index: usize) -> Self {
        let entry = table.entries().get(index).copied().unwrap_or_default();
        Self { packet, table, index, start: entry.start as usize, end: entry.header_end as usize, field: 0 }
    }

    /// The octets of the structure that holds the field.
    #[inline]
    pub fn region(&self) -> &'a [u8] {
        self.packet.get(self.start..self.end).unwrap_or_default()
    }

    /// The layer's entry.
    #[inline]
    pub fn layer(&self) -> Option<&'a LayerEntry> {
        self.table.entries().get(self.index)
    }

    /// The layer's octets, header and payload.
    pub fn layer_octets(&self) -> &'a [u8] {
        self.layer()
            .and_then(|layer| self.packet.get(layer.start as usize..layer.end as usize))
            .unwrap_or_default()
    }

    /// The layer's protocol.
    #[inline]
    pub fn protocol(&self) -> Option<&'static Protocol> {
        self.layer().map(|layer| registry().get(layer.protocol))
    }
}

/// The number, in the layer's own table, of the protocol that it carries.
pub fn next_protocol(scope: &Scope<'_>) -> Option<u64> {
    let table = scope.protocol()?.next?.table;
    let (_, child) = scope.table.child(scope.index)?;
    registry().get(child.protocol).edges.iter().find(|edge| edge.table == table).map(|edge| edge.key)
}

/// The structure's length in octets.
pub fn header_len(scope: &Scope<'_>) -> Option<u64> {
    u64::try_from(scope.region().len()).ok()
}

/// The layer's length in octets, header and payload.
pub fn layer_len(scope: &Scope<'_>) -> Option<u64> {
    u64::try_from(scope.layer_octets().len()).ok()
}

/// The payload's length in octets.
pub fn payload_len(scope: &Scope<'_>) -> Option<u64> {
    let layer = scope.layer()?;
    Some(u64::from(layer.end.saturating_sub(layer.header_end)))
}

/// The checksum of the header alone.
pub fn header_checksum(scope: &Scope<'_>) -> Option<u64> {
    Some(u64::from(InternetChecksum::default().add_except(scope.region(), scope.field).finish()))
}

/// The checksum of header and payload.
pub fn layer_checksum(scope: &Scope<'_>) -> Option<u64> {
    Some(u64::from(InternetChecksum::default().add_except(scope.layer_octets(), scope.field).finish()))
}

/// The sum of the pseudo header, which Linux leaves in the checksum of a packet that the network card is to complete
/// (CHECKSUM_PARTIAL, include/linux/skbuff.h); so it stands in what a host captures of its own packets.
pub fn partial_checksum(scope: &Scope<'_>) -> Option<u64> {
    let sum = PseudoHeader::below(scope)?.sum(scope.layer_octets().len());
    Some(u64::from(!sum.finish()))
}

/// The checksum of pseudo header, header and payload; `None` where no IP layer is below.
pub fn transport_checksum(scope: &Scope<'_>) -> Option<u64> {
    let octets = scope.layer_octets();
    let sum = PseudoHeader::below(scope)?.sum(octets.len()).add_except(octets, scope.field);
    Some(u64::from(sum.finish()))
}

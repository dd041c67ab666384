//! The words of a packet by which its answer is known, of all its layers ([`Identity`](crate::proto::describe::Identity)).

use crate::proto::describe::Side;
use crate::proto::registry;
use crate::wire::layers::{LayerEntry, LayerTable};

/// Whether the protocols of a packet know what answers it.
pub fn is_answerable(octets: &[u8], table: &LayerTable) -> bool {
    key(octets, table, first_with_identity(table), Side::Sent).1
}

/// The layer that the first words of a key come from: what links do is no part of it.
pub(crate) fn first_with_identity(table: &LayerTable) -> Option<usize> {
    let has_identity = |entry: &&LayerEntry| registry().get(entry.protocol).identity.is_some();
    let entry = table.entries().iter().find(has_identity)?;
    table.entries().iter().position(|other| other.start == entry.start && other.protocol == entry.protocol)
}

/// Joins the identities of a chain of layers, and tells whether each layer that has one could give it.
pub(crate) fn key(octets: &[u8], table: &LayerTable, first: Option<usize>, side: Side) -> (Vec<u8>, bool) {
    let mut key = Vec::with_capacity(40);
    let mut complete = first.is_some();
    let mut next = first;
    while let Some(entry) = next.and_then(|index| table.entries().get(index)) {
        let protocol = registry().get(entry.protocol);
        if let Some(identity) = protocol.identity {
            let header = octets.get(entry.start as usize..entry.header_end as usize).unwrap_or_default();
            let len = key.len();
            key.push(protocol.id.0);
            if !identity(header, side, &mut key) {
                key.truncate(len);
                complete = false;
            }
        }
        next = next.and_then(|index| table.child(index)).map(|(index, _)| index);
    }
    (key, complete)
}

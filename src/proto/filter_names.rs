//! Names that filters know besides those of the header's fields: Wireshark's for what stands elsewhere in specs, those that
//! mean several fields at once (`ip.addr`), and what is computed about a layer (`tcp.len`).
//!
//! They are said once, by the protocol that they are about.

use std::ops::ControlFlow;

use super::describe::{Extent, Fragmented};
use super::registry;
use super::view::View;
use crate::wire::layers::LayerEntry;

/// A further name for fields.
#[derive(Debug, Clone, Copy)]
pub struct Alias {
    /// The whole name: `ip.addr`.
    pub name: &'static str,
    /// What it means: names as `rawsock fields` lists them, without the layer's; the layer itself, where one is empty.
    pub of: &'static [&'static str],
    /// Whether values are taken as text: `ip.host`.
    pub as_text: bool,
}

/// Something that is computed about a layer.
#[derive(Debug, Clone, Copy)]
pub struct Derived {
    /// The whole name: `tcp.len`.
    pub name: &'static str,
    /// How it is computed.
    pub compute: Compute,
}

/// How something is computed about a layer; `None` where the layer has no such thing.
#[derive(Debug, Clone, Copy)]
pub enum Compute {
    /// A number.
    Number(fn(&View<'_>) -> Option<u64>),
    /// Octets of the packet.
    Octets(for<'a> fn(&View<'a>) -> Option<&'a [u8]>),
    /// Octets of the packet that are text, any number of them.
    Texts(for<'a> fn(&View<'a>, tell: &mut Tell<'_, 'a>) -> ControlFlow<()>),
}

/// Takes a text of a packet, and says whether further ones are wanted.
pub type Tell<'t, 'a> = dyn FnMut(&'a [u8]) -> ControlFlow<()> + 't;

/// Octets that were captured behind a layer's header, up to the layer's end; `None` when there are none.
pub fn payload<'a>(view: &View<'a>) -> Option<&'a [u8]> {
    let end = view.scope.layer()?.end as usize;
    view.scope.packet.get(view.scope.end..end).filter(|payload| !payload.is_empty())
}

/// How many octets of payload there are on the wire, captured or not; `None` in a fragment, which does not tell.
pub fn payload_len(view: &View<'_>) -> Option<u64> {
    let header = |entry: &LayerEntry| view.scope.packet.get(entry.start as usize..entry.header_end as usize);
    let mut is_fragment = false;
    for (_, entry) in view.scope.table.below(view.scope.index) {
        let protocol = registry().get(entry.protocol);
        is_fragment |= (protocol.fragmented)(header(entry).unwrap_or_default()) != Fragmented::No;
        // What says how long its contents are counts; whether it is itself carried by a fragment does not.
        if matches!(protocol.extent, Extent::Stated(_)) || protocol.payload_len.is_some() {
            break;
        }
    }
    if is_fragment { None } else { u64::try_from(view.payload_len()).ok() }
}

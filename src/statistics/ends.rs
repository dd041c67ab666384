//! From whom to whom a packet goes, in the words of each protocol that has conversations.

use std::sync::LazyLock;

use super::{CONVERSING, EndPoint};
use crate::packet::walk::read_field;
use crate::proto::describe::{Body, Field, Protocol, ReadPorts};
use crate::proto::registry;
use crate::wire::frame::Frame;
use crate::wire::layers::{LayerState, LayerTable, ProtocolId};
use crate::wire::value::ValueRef;

/// What is read of a protocol's header.
#[derive(Debug, Clone, Copy)]
enum Ends {
    /// The fields `src` and `dst`.
    Addresses(&'static Field, &'static Field),
    Ports(ReadPorts),
}

/// A protocol that has conversations.
#[derive(Debug, Clone, Copy)]
struct Conversing {
    /// Its place among [`CONVERSING`].
    place: usize,
    ends: Ends,
    /// Whether ports above it belong to its addresses.
    is_network: bool,
}

/// By the protocol's number in the registry.
static ALL: LazyLock<Vec<Option<Conversing>>> = LazyLock::new(|| {
    let conversing = |protocol: &'static Protocol| {
        let place = CONVERSING.iter().position(|(name, _)| *name == protocol.name)?;
        let ends = match (protocol.ports, &protocol.sections.first()?.body) {
            (Some(read), _) => Ends::Ports(read),
            (None, Body::Fields { fields, .. }) => {
                let named = |name: &str| fields.iter().find(|field| field.name == name);
                Ends::Addresses(named("src")?, named("dst")?)
            }
            _ => return None,
        };
        Some(Conversing { place, ends, is_network: matches!(protocol.name, "ip" | "ipv6") })
    };
    registry().protocols().map(conversing).collect()
});

/// Tells the ends of a packet for each protocol of [`CONVERSING`] that it has; of several layers of it the outermost
/// counts. What an ICMP error quotes was not sent in it.
pub(super) fn each(frame: &Frame<'_>, table: &LayerTable, mut tell: impl FnMut(usize, EndPoint, EndPoint)) {
    let mut addresses = None;
    let mut told = [false; CONVERSING.len()];
    for entry in table.entries().iter().take_while(|entry| entry.quoted_by.is_none()) {
        let conversing = ALL.get(usize::from(entry.protocol.0)).copied().flatten();
        let Some(Conversing { place, ends, is_network }) = conversing else { continue };
        let Some(header) = frame.data.get(entry.start as usize..entry.header_end as usize) else { return };
        let found = match ends {
            Ends::Addresses(..) => ends.addresses(header),
            Ends::Ports(read) => with_ports(addresses, read(header)),
        };
        if is_network {
            addresses = found;
        }
        if let Some(told @ false) = told.get_mut(place)
            && entry.state != LayerState::Malformed
        {
            *told = true;
            found.into_iter().for_each(|(from, to)| tell(place, from, to));
        }
    }
}

/// Source and destination in a header, where it has addresses.
pub(super) fn addresses_of(protocol: ProtocolId, header: &[u8]) -> Option<(EndPoint, EndPoint)> {
    ALL.get(usize::from(protocol.0)).copied().flatten()?.ends.addresses(header)
}

impl Ends {
    fn addresses(self, header: &[u8]) -> Option<(EndPoint, EndPoint)> {
        match self {
            Self::Addresses(src, dst) => address(src, header).zip(address(dst, header)),
            Self::Ports(_) => None,
        }
    }
}

fn with_ports(
    addresses: Option<(EndPoint, EndPoint)>,
    ports: Option<(u16, u16)>,
) -> Option<(EndPoint, EndPoint)> {
    match (addresses?, ports?) {
        ((EndPoint::Address(from), EndPoint::Address(to)), (source, destination)) => {
            Some((EndPoint::Port(from, source), EndPoint::Port(to, destination)))
        }
        _ => None,
    }
}

fn address(field: &Field, header: &[u8]) -> Option<EndPoint> {
    match read_field(field, header)? {
        ValueRef::Mac(mac) => Some(EndPoint::Mac(mac)),
        ValueRef::Ipv4(address) => Some(EndPoint::Address(address.into())),
        ValueRef::Ipv6(address) => Some(EndPoint::Address(address.into())),
        _ => None,
    }
}

//! From whom to whom a packet goes, in the words of each protocol that has conversations.

use std::sync::LazyLock;

use super::{CONVERSING, EndPoint};
use crate::packet::walk::read_field;
use crate::proto::auto::Scope;
use crate::proto::describe::{Body, Field, Protocol, ReadPorts};
use crate::proto::pseudo_header::PseudoHeader;
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
        Some(Conversing { place, ends })
    };
    registry().protocols().map(conversing).collect()
});

/// Tells the ends of a packet for each protocol of [`CONVERSING`] that it has; of several layers of it the outermost
/// counts. What an ICMP error quotes was not sent in it.
pub(super) fn each(frame: &Frame<'_>, table: &LayerTable, mut tell: impl FnMut(usize, EndPoint, EndPoint)) {
    let mut told = [false; CONVERSING.len()];
    let layers = table.entries().iter().enumerate().take_while(|(_, entry)| entry.quoted_by.is_none());
    for (index, entry) in layers {
        let conversing = ALL.get(usize::from(entry.protocol.0)).copied().flatten();
        let Some(Conversing { place, ends }) = conversing else { continue };
        let Some(header) = frame.data.get(entry.start as usize..entry.header_end as usize) else { return };
        let found = match ends {
            Ends::Addresses(..) => ends.addresses(header),
            Ends::Ports(read) => with_ports(&Scope::of_layer(frame.data, table, index), read(header)),
        };
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

/// The addresses are those by which conversations are numbered, so that both agree on which there are: a routing header and
/// a home address option say who the ends are (RFC 8200 §8.1, RFC 6275 §6.3), and the IPv6 header only the way to them.
fn with_ports(layer: &Scope<'_>, ports: Option<(u16, u16)>) -> Option<(EndPoint, EndPoint)> {
    let (source, destination) = ports?;
    let (from, to) = PseudoHeader::below(layer)?.ends();
    Some((EndPoint::Port(from, source), EndPoint::Port(to, destination)))
}

fn address(field: &Field, header: &[u8]) -> Option<EndPoint> {
    match read_field(field, header)? {
        ValueRef::Mac(mac) => Some(EndPoint::Mac(mac)),
        ValueRef::Ipv4(address) => Some(EndPoint::Address(address.into())),
        ValueRef::Ipv6(address) => Some(EndPoint::Address(address.into())),
        _ => None,
    }
}

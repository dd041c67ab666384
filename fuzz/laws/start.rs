//! What a packet begins with: the first octet says, the others are the packet.

use rawsock::packet::dissect::{dissect, dissect_as};
use rawsock::proto::registry;
use rawsock::wire::frame::LinkType;
use rawsock::wire::layers::LayerTable;

/// Link types: those that are known, and one that is not.
pub const LINK_TYPES: [LinkType; 11] = [
    LinkType::ETHERNET,
    LinkType::RAW,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType(9),
    LinkType(51),
    LinkType(147),
];

/// Octets, and the layers that they were found to have.
pub struct Start<'i> {
    /// The octets.
    pub octets: &'i [u8],
    /// What they begin with; any, where they begin with a protocol that no link has.
    pub link_type: LinkType,
    /// The layers.
    pub table: LayerTable,
}

impl<'i> Start<'i> {
    /// The first octet below 128 says the link type; from there on, a protocol that stands outermost whichever it is.
    pub fn of(input: &'i [u8]) -> Option<Self> {
        let (first, octets) = input.split_first()?;
        let (first, mut table) = (usize::from(*first), LayerTable::default());
        let link_type = LINK_TYPES[first % LINK_TYPES.len()];
        match first.checked_sub(128) {
            None => dissect(octets, link_type, &mut table),
            Some(which) => {
                let protocols = registry().protocols();
                let which = which % protocols.len();
                dissect_as(octets, protocols.clone().nth(which)?, &mut table);
            }
        }
        Some(Self { octets, link_type, table })
    }

    /// Only with a link type, whatever the first octet is.
    pub fn of_link(input: &'i [u8]) -> Option<Self> {
        let (first, octets) = input.split_first()?;
        let mut table = LayerTable::default();
        let link_type = LINK_TYPES[usize::from(*first) % LINK_TYPES.len()];
        dissect(octets, link_type, &mut table);
        Some(Self { octets, link_type, table })
    }
}

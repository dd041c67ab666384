//! IPv6 routing headers: RFC 8200 §4.4; type 0 (RFC 5095 deprecates it), type 2 (RFC 6275 §6.4), type 4 (RFC 8754).

use std::net::Ipv6Addr;

use super::describe::{Before, Len, Protocol, Section, Style, ipv6, uint};
use super::ip;
use super::ipv6_extension::{after_first_two, length, next_header, next_key};

/// The layer's name.
pub(super) const NAME: &str = "ipv6.routing";

pub(super) fn describe() -> Protocol {
    let fixed = vec![
        next_header(),
        length(),
        uint("type", 8, "Routing type").values(TYPES),
        uint("segleft", 8, "Segments left"),
    ];
    let segment_routing = vec![
        uint("srh.last_entry", 8, "Last entry"),
        uint("srh.flags", 8, "Flags").hex(),
        uint("srh.tag", 16, "Tag").hex(),
    ];
    let address = || vec![Section::fields(vec![ipv6("address", "Address")])];
    let sections = vec![
        Section::fields(fixed),
        Section::fields(vec![uint("reserved", 32, "Reserved")]).when(is_list),
        Section::fields(segment_routing).when(is_segment_routing),
        Section::items("addresses", "Addresses", Style::Scalar, address(), Len::Octets(addresses_len))
            .when(|before| is_list(before) || is_segment_routing(before)),
        Section::octets(
            "data",
            "Type-specific data",
            Len::Octets(|header| after_first_two(header)?.checked_sub(2)),
        )
        .when(|before| !is_list(before) && !is_segment_routing(before)),
    ];
    Protocol::new(NAME, "IPv6 routing header", "RFC 8200 §4.4", sections)
        .edge(ip::PROTO, 43)
        .next(ip::PROTO, next_key)
        .summary(|view, out| {
            let octet = |at: usize| view.header().get(at).copied().unwrap_or_default();
            write!(out, "RT6 (len={}, type={}, segleft={})", octet(1), octet(2), octet(3))
        })
}

/// The node that the packet ends at: while segments are left, the last address of a type 0 or 2 header and the first of
/// a segment list, which stands in reverse. Transport checksums are over it (RFC 8200 §8.1).
pub(super) fn final_destination(header: &[u8]) -> Option<Ipv6Addr> {
    let left = *header.get(3)?;
    let addresses = header.get(8..)?;
    let address = match *header.get(2)? {
        SOURCE_ROUTE | MOBILITY => addresses.last_chunk::<16>()?,
        SEGMENT_ROUTING => addresses.first_chunk::<16>()?,
        _ => return None,
    };
    (left > 0).then(|| Ipv6Addr::from(*address))
}

const SOURCE_ROUTE: u8 = 0;
const MOBILITY: u8 = 2;
const SEGMENT_ROUTING: u8 = 4;

/// IANA ipv6-parameters, routing types.
const TYPES: &[(u64, &str)] = &[
    (0, "source route, deprecated"),
    (1, "Nimrod, deprecated"),
    (2, "mobility"),
    (3, "RPL source route"),
    (4, "segment routing"),
];

/// Whether the type is in the header's third octet, and whether it is one with a plain list of addresses. A header
/// whose data somebody wrote as octets is taken as that.
fn is_list(before: &Before<'_>) -> bool {
    matches!(before.octet(2), SOURCE_ROUTE | MOBILITY) && !(before.wrote)("data") && is_whole_list(before)
}

fn is_segment_routing(before: &Before<'_>) -> bool {
    before.octet(2) == SEGMENT_ROUTING && !(before.wrote)("data") && is_whole_list(before)
}

/// Whether the stated length has room for the four octets before the addresses, which take 16 octets each. While
/// building, the length is not there yet.
fn is_whole_list(before: &Before<'_>) -> bool {
    before.left.is_empty() || after_first_two(before.header).is_some_and(|len| len >= 6)
}

/// Octets of the address list; a rest that is no whole address is kept with it.
fn addresses_len(header: &[u8]) -> Option<usize> {
    after_first_two(header)?.checked_sub(6)
}

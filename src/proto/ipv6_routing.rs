//! IPv6 routing headers: RFC 8200 §4.4; type 0 (RFC 5095 deprecates it), type 2 (RFC 6275 §6.4), type 3 (RFC
//! 6554), type 4 (RFC 8754).

use std::net::Ipv6Addr;

use super::auto::Scope;
use super::describe::{Before, Len, Protocol, Section, Style, ipv6, uint};
use super::edge::Edge;
use super::ip;
use super::ipv6_extension::{after_first_two, length, next_header, next_key};
use super::listed::Listed;

/// The layer's name.
pub(super) const NAME: &str = "ipv6.routing";

pub(super) const IPV6_ROUTING: Listed = Listed::new(NAME, &[Edge::new(ip::PROTO, 43)], describe);

fn describe() -> Protocol {
    Protocol::new("IPv6 routing header", "RFC 8200 §4.4", sections).next(ip::PROTO, next_key).summary(
        |view, out| match *view.header() {
            [_, len, kind, left, ..] => write!(out, "RT6 (len={len}, type={kind}, segleft={left})"),
            _ => write!(out, "RT6"),
        },
    )
}

fn sections() -> Vec<Section> {
    let fixed = vec![
        next_header(),
        length(),
        uint("type", 8, "Routing type").values(TYPES),
        uint("segleft", 8, "Segments left"),
    ];
    let segment_routing = vec![
        uint("srh.last_entry", 8, "Last entry").auto(last_entry),
        uint("srh.flags", 8, "Flags").hex(),
        uint("srh.tag", 16, "Tag").hex(),
    ];
    let compressed = vec![
        uint("rpl.cmprI", 4, "Octets left out of each address but the last"),
        uint("rpl.cmprE", 4, "Octets left out of the last address"),
        uint("rpl.pad", 4, "Octets of padding"),
        uint("rpl.reserved", 20, "Reserved").hidden_when_zero(),
    ];
    let address = || vec![Section::fields(vec![ipv6("address", "Address")])];
    vec![
        Section::fields(fixed),
        Section::fields(vec![uint("reserved", 32, "Reserved")]).when(is_list),
        Section::fields(segment_routing).when(is_segment_routing),
        Section::items("addresses", "Addresses", Style::Scalar, address(), Len::Octets(addresses_len))
            .when(|before| is_list(before) || is_segment_routing(before)),
        Section::octets("srh.tlvs", "Type-length-value objects", Len::Octets(left_of_header))
            .filled_up("len", 8)
            .when(has_tlvs),
        Section::fields(compressed).when(is_compressed),
        Section::octets("rpl.addresses", "Compressed addresses and padding", Len::Octets(left_of_header))
            .filled_up("len", 8)
            .when(is_compressed),
        Section::octets(
            "data",
            "Type-specific data",
            Len::Octets(|header| after_first_two(header)?.checked_sub(2)),
        )
        .filled_up("len", 8)
        .when(|before| !is_list(before) && !is_segment_routing(before) && !is_compressed(before)),
    ]
}

/// The node that the packet ends at: while segments are left, the last address of a type 0 or 2 header, the last one of a
/// type 3 header completed from the address that the packet has now, and the first of a segment list, which stands in
/// reverse. Transport checksums are over it (RFC 8200 §8.1).
pub(super) fn final_destination(header: &[u8], now: Ipv6Addr) -> Option<Ipv6Addr> {
    let left = *header.get(3)?;
    let addresses = header.get(8..)?;
    let address = match *header.get(2)? {
        SOURCE_ROUTE | MOBILITY => *addresses.last_chunk::<16>()?,
        COMPRESSED => {
            let elided = usize::from(*header.get(4)? & 0x0f);
            let padding = usize::from(*header.get(5)? >> 4);
            let (addresses, _) = addresses.split_at_checked(addresses.len().checked_sub(padding)?)?;
            let last = addresses.get(addresses.len().checked_sub(16usize.checked_sub(elided)?)?..)?;
            let mut address = now.octets();
            address.get_mut(elided..)?.copy_from_slice(last);
            address
        }
        SEGMENT_ROUTING => *addresses.first_chunk::<16>()?,
        _ => return None,
    };
    (left > 0).then(|| Ipv6Addr::from(address))
}

const SOURCE_ROUTE: u8 = 0;
const MOBILITY: u8 = 2;
const COMPRESSED: u8 = 3;
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

fn is_compressed(before: &Before<'_>) -> bool {
    before.octet(2) == COMPRESSED && !(before.wrote)("data") && is_whole_list(before)
}

/// Whether octets are left behind the segment list.
fn has_tlvs(before: &Before<'_>) -> bool {
    is_segment_routing(before)
        && ((before.wrote)("srh.tlvs") || left_of_header(before.header).is_some_and(|len| len > 0))
}

/// Octets of the address list; a rest that is no whole address is kept with it. A segment list ends at its last entry
/// (RFC 8754 §2), and never behind the header.
fn addresses_len(header: &[u8]) -> Option<usize> {
    let room = after_first_two(header)?.checked_sub(6)?;
    match header {
        [_, _, SEGMENT_ROUTING, _, last_entry, ..] => {
            Some(usize::from(*last_entry).saturating_add(1).saturating_mul(16).min(room))
        }
        _ => Some(room),
    }
}

/// Octets from here to the header's end.
fn left_of_header(header: &[u8]) -> Option<usize> {
    after_first_two(header)?.checked_add(2)?.checked_sub(header.len())
}

/// The number of segments less one, when nothing of an address' size stands behind them.
fn last_entry(scope: &Scope<'_>) -> Option<u64> {
    let segments = scope.region().len().checked_sub(8)?.checked_div(16)?;
    u64::try_from(segments.checked_sub(1)?).ok()
}

//! ARP, the Address Resolution Protocol, and RARP: RFC 826, RFC 903.

use std::fmt;
use std::net::Ipv4Addr;

use super::auto::Scope;
use super::describe::{Before, Extent, Glance, Len, Protocol, Section, Side, Stated, View, ipv4, mac, uint};
use super::edge::Edge;
use super::listed::Listed;
use super::{eth, gre};
use crate::wire::text::Text;
use crate::wire::value::ValueRef;

pub(super) const ARP: Listed = Listed::new(
    "arp",
    &[Edge::new(eth::ETHERTYPE, 0x0806), Edge::new(eth::ETHERTYPE, 0x8035), Edge::new(gre::PROTO, 0x0806)],
    describe,
);

fn describe() -> Protocol {
    Protocol::new("Address Resolution Protocol", "RFC 826", sections)
        .extent(Extent::Header)
        .glance(|octets| {
            // Nearly all is about MAC and IPv4 addresses.
            let more = |head: &[u8]| matches!(head, [0, 1 | 6, 8, 0, 6, 4, ..]).then_some(20);
            Glance::of(octets, (8, more), |_| Stated::Octets(28), |_, _| [None; 2])
        })
        .identity(identity)
        .tag("ARP,")
        .summary(summary)
}

fn sections() -> Vec<Section> {
    let fixed = vec![
        uint("hw.type", 16, "Hardware type").default_uint(1).values(HARDWARE),
        uint("proto.type", 16, "Protocol type").default_uint(0x0800).hex().values(eth::ETHERTYPES),
        uint("hw.size", 8, "Hardware address length").default_uint(6).wanted(hardware_size),
        uint("proto.size", 8, "Protocol address length").default_uint(4).wanted(protocol_size),
        uint("opcode", 16, "Operation").default_uint(1).values(OPERATIONS),
    ];
    vec![
        Section::fields(fixed),
        Section::fields(vec![mac("src.hw_mac", "Sender MAC address")]).when(is_mac),
        Section::octets("src.hw", "Sender hardware address", Len::Octets(hardware_len)).when(|b| !is_mac(b)),
        Section::fields(vec![ipv4("src.proto_ipv4", "Sender IP address")]).when(is_ipv4),
        Section::octets("src.proto", "Sender protocol address", Len::Octets(protocol_len))
            .when(|b| !is_ipv4(b)),
        Section::fields(vec![mac("dst.hw_mac", "Target MAC address")]).when(is_mac),
        Section::octets("dst.hw", "Target hardware address", Len::Octets(hardware_len)).when(|b| !is_mac(b)),
        Section::fields(vec![ipv4("dst.proto_ipv4", "Target IP address")]).when(is_ipv4),
        Section::octets("dst.proto", "Target protocol address", Len::Octets(protocol_len))
            .when(|b| !is_ipv4(b)),
    ]
}

/// Who asks for whom, as tcpdump says it.
fn summary(view: &View<'_>, out: &mut Text) -> fmt::Result {
    let header = view.header();
    let ip = |at: usize| {
        let octets = header.get(at..).and_then(<[u8]>::first_chunk::<4>);
        view.named(Ipv4Addr::from(octets.copied().unwrap_or_default()))
    };
    let mac = |at: usize| {
        let octets = header.get(at..).and_then(<[u8]>::first_chunk::<6>);
        ValueRef::Mac(octets.copied().unwrap_or_default())
    };
    // The usual form, Ethernet and IPv4, has its addresses at fixed places.
    let is_usual = matches!(header, [_, _, 0x08, 0x00, 6, 4, ..]) && header.len() >= 28;
    let Some([high, low]) = header.get(6..).and_then(<[u8]>::first_chunk::<2>) else { return Ok(()) };
    match u16::from_be_bytes([*high, *low]) {
        1 if is_usual => {
            out.put("Request who-has ").put(ip(24)).put(" ");
            if header.get(18..24).is_some_and(|target| target != [0; 6]) {
                out.put("(").put(mac(18)).put(") ");
            }
            out.put("tell ").put(ip(14))
        }
        2 if is_usual => out.put("Reply ").put(ip(14)).put(" is-at ").put(mac(8)),
        3 if is_usual => out.put("Reverse Request who-is ").put(mac(18)).put(" tell ").put(mac(8)),
        4 if is_usual => out.put("Reverse Reply ").put(mac(18)).put(" at ").put(ip(24)),
        operation => out.put("operation ").put(operation),
    };
    let padding_too = view.wire_len.saturating_sub(view.scope.start);
    out.put(", length ").put(padding_too);
    Ok(())
}

/// The address that is asked for, and who asks: a reply has them the other way round.
fn identity(header: &[u8], side: Side, out: &mut Vec<u8>) -> bool {
    let wanted = if side == Side::Reply { 2 } else { 1 };
    let is_usual = matches!(header, [_, _, 0x08, 0x00, 6, 4, 0, operation, ..] if *operation == wanted);
    let (Some(sender), Some(target)) = (header.get(14..18), header.get(24..28)) else { return false };
    let (asker, asked) = if side == Side::Reply { (target, sender) } else { (sender, target) };
    out.extend_from_slice(asker);
    out.extend_from_slice(asked);
    is_usual
}

/// Addresses are MAC addresses on links that have those: Ethernet and IEEE 802.
fn is_mac(before: &Before<'_>) -> bool {
    matches!(before.header, [0, 1 | 6, _, _, 6, ..])
}

fn is_ipv4(before: &Before<'_>) -> bool {
    matches!(before.header, [_, _, 0x08, 0x00, _, 4, ..])
}

/// Octets of the hardware's addresses, where those are MAC addresses.
fn hardware_size(scope: &Scope<'_>) -> Option<u64> {
    matches!(scope.region(), [0, 1 | 6, ..]).then_some(6)
}

/// Octets of the protocol's addresses, where those are of IPv4.
fn protocol_size(scope: &Scope<'_>) -> Option<u64> {
    matches!(scope.region(), [_, _, 0x08, 0x00, ..]).then_some(4)
}

fn hardware_len(header: &[u8]) -> Option<usize> {
    header.get(4).map(|len| usize::from(*len))
}

fn protocol_len(header: &[u8]) -> Option<usize> {
    header.get(5).map(|len| usize::from(*len))
}

/// IANA arp-parameters.
const HARDWARE: &[(u64, &str)] =
    &[(1, "Ethernet"), (6, "IEEE 802"), (15, "Frame Relay"), (24, "IEEE 1394"), (32, "InfiniBand")];
const OPERATIONS: &[(u64, &str)] = &[
    (1, "request"),
    (2, "reply"),
    (3, "reverse request"),
    (4, "reverse reply"),
    (8, "inverse request"),
    (9, "inverse reply"),
];

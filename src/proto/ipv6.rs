//! IPv6: RFC 8200 §3.

use std::net::Ipv6Addr;

use pnet::packet::ipv6::{Ipv6Packet, MutableIpv6Packet};

use super::auto::Scope;
use super::describe::{Extent, Glance, Protocol, Section, Side, Stated, ipv6, uint};
use super::edge::Edge;
use super::layout::setter;
use super::listed::Listed;
use super::{auto, eth, gre, icmpv6, ip, mpls, null, ppp, registry};

/// The layer's name.
pub const NAME: &str = "ipv6";
/// Nothing follows (RFC 8200 §4.7): what is written when there is no payload, or none that has a number.
pub(super) const NO_NEXT_HEADER: u64 = 59;

pub(super) const IPV6: Listed = Listed::new(
    NAME,
    &[
        Edge::new(eth::ETHERTYPE, 0x86dd),
        Edge::new(eth::LINK_TYPE, 229),
        Edge::new(ip::RAW_VERSION, 6),
        Edge::new(ip::PROTO, 41),
        Edge::new(gre::PROTO, 0x86dd),
        Edge::new(ppp::PROTOCOL, 0x0057),
        Edge::new(mpls::PAYLOAD, 6),
        // The address family differs: BSD, FreeBSD, Darwin, Linux.
        Edge::new(null::FAMILY, 24),
        Edge::new(null::FAMILY, 28),
        Edge::new(null::FAMILY, 30),
        Edge::new(null::FAMILY, 10),
    ],
    describe,
);

fn describe() -> Protocol {
    Protocol::new("Internet Protocol version 6", "RFC 8200", sections)
        .next(ip::PROTO, carried)
        .extent(Extent::Stated(stated_len))
        .glance(|octets| {
            let len = MutableIpv6Packet::minimum_packet_size();
            Glance::of(octets, (len, |_| Some(0)), stated_len, |header, _| [carried(header), None])
        })
        .identity(identity)
        .alias("ipv6.addr", &["src", "dst"])
        .text_alias("ipv6.host", &["src", "dst"])
        .text_alias("ipv6.src_host", &["src"])
        .text_alias("ipv6.dst_host", &["dst"])
        .alias("ip.version", &["version"])
        .tag("IP6")
        .summary(|view, out| match addresses(view.header()) {
            Some((source, destination)) => view.end_points(out, source, destination),
            None => Ok(()),
        })
}

fn sections() -> Vec<Section> {
    let header = vec![
        uint("version", 4, "Version")
            .set_by(setter!(MutableIpv6Packet, set_version))
            .default_uint(6)
            .wanted(|_| Some(6)),
        uint("tclass", 8, "Traffic class").set_by(setter!(MutableIpv6Packet, set_traffic_class)).hex(),
        uint("flow", 20, "Flow label").set_by(setter!(MutableIpv6Packet, set_flow_label)).hex(),
        uint("plen", 16, "Payload length")
            .set_by(setter!(MutableIpv6Packet, set_payload_length))
            .auto(auto::payload_len),
        uint("nxt", 8, "Next header")
            .set_by(setter!(MutableIpv6Packet, set_next_header))
            .values(ip::PROTOCOLS)
            .default_uint(NO_NEXT_HEADER)
            .auto(auto::next_protocol),
        uint("hlim", 8, "Hop limit")
            .set_by(setter!(MutableIpv6Packet, set_hop_limit))
            .default_uint(64)
            .auto(hop_limit),
        ipv6("src", "Source").set_by(setter!(MutableIpv6Packet, set_source)),
        ipv6("dst", "Destination").set_by(setter!(MutableIpv6Packet, set_destination)),
    ];
    let header_len = MutableIpv6Packet::minimum_packet_size();
    vec![Section::measured(header_len, header)]
}

fn carried(header: &[u8]) -> Option<u64> {
    Ipv6Packet::new(header).map(|ip| u64::from(ip.get_next_header().0))
}

/// The largest before neighbour discovery, which receivers drop that a router may have forwarded (RFC 4861 §6.1, §7.1, §8.1).
fn hop_limit(scope: &Scope<'_>) -> Option<u64> {
    let mut index = scope.index;
    while let Some((next, entry)) = scope.table.child(index) {
        match registry().get(entry.protocol).name {
            icmpv6::NAME => {
                let header = scope.packet.get(entry.start as usize..entry.header_end as usize)?;
                return header.first().is_some_and(|kind| icmpv6::DISCOVERY.contains(kind)).then_some(255);
            }
            name if name.starts_with(EXTENSION) => index = next,
            _ => return None,
        }
    }
    None
}

/// What the names of extension headers begin with.
const EXTENSION: &str = "ipv6.";

/// Source and destination of the header.
pub(super) fn addresses(header: &[u8]) -> Option<(Ipv6Addr, Ipv6Addr)> {
    let ip = Ipv6Packet::new(header)?;
    Some((ip.get_source(), ip.get_destination()))
}

/// The addresses, the asker's first. Who answers a question to many is not known beforehand.
fn identity(header: &[u8], side: Side, out: &mut Vec<u8>) -> bool {
    let Some((source, destination)) = addresses(header) else { return false };
    let (asker, asked) = if side == Side::Reply { (destination, source) } else { (source, destination) };
    out.extend_from_slice(&asker.octets());
    let to_many = side == Side::Sent && asked.is_multicast();
    out.extend_from_slice(&if to_many { Ipv6Addr::UNSPECIFIED } else { asked }.octets());
    true
}

/// The payload length; zero before a hop-by-hop header may be a jumbogram (RFC 2675 §3).
fn stated_len(header: &[u8]) -> Stated {
    let Some(ip) = Ipv6Packet::new(header) else { return Stated::Rest };
    let header_len = MutableIpv6Packet::minimum_packet_size();
    match (ip.get_payload_length(), ip.get_next_header().0) {
        (0, 0) => Stated::Rest,
        (len, _) => Stated::Octets(u64::from(len).saturating_add(u64::try_from(header_len).unwrap_or(0))),
    }
}

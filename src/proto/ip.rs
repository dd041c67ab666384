//! IPv4, the Internet Protocol: RFC 791, with the fields of RFC 2474 (DSCP) and RFC 3168 (ECN).

use std::fmt;
use std::net::Ipv4Addr;

use pnet::packet::ipv4::{Ipv4Packet, MutableIpv4Packet};

use super::describe::{
    Extent, Field, Fragmented, Glance, Group, Len, Protocol, Section, Severity, Side, Stated, View, flag,
    group, ipv4, uint,
};
use super::edge::Edge;
use super::layout::setter;
use super::listed::Listed;
use super::{auto, eth, gre, ip_options, mpls, null, ppp};
use crate::wire::text::Text;

/// The layer's name.
pub const NAME: &str = "ip";
/// The table of IP protocol numbers, which IPv6's next header shares (IANA protocol-numbers).
pub const PROTO: &str = "ip.proto";
/// For experiments (RFC 3692 §2.1): what is written when the payload has no number.
pub(super) const EXPERIMENT: u64 = 253;

pub(super) const IP: Listed = Listed::new(
    NAME,
    &[
        Edge::new(eth::ETHERTYPE, 0x0800),
        Edge::new(eth::LINK_TYPE, 228),
        Edge::new(RAW_VERSION, 4),
        Edge::new(PROTO, 4),
        Edge::new(gre::PROTO, 0x0800),
        Edge::new(ppp::PROTOCOL, 0x0021),
        Edge::new(mpls::PAYLOAD, 4),
        Edge::new(null::FAMILY, 2),
    ],
    describe,
);

fn describe() -> Protocol {
    Protocol::new("Internet Protocol version 4", "RFC 791", sections)
        .next(PROTO, carried)
        .extent(Extent::Stated(stated_len))
        .fragmented(fragmented)
        .glance(|octets| {
            Glance::of(octets, (FIXED_LEN, options_len), stated_len, |header, _| [carried(header), None])
        })
        .identity(identity)
        .alias("ip.addr", &["src", "dst"])
        .remark(
            "ip.ttl.too_small",
            (Severity::Note, Group::Sequence),
            "Time to live of less than 5",
            is_about_to_die,
        )
        .text_alias("ip.host", &["src", "dst"])
        .text_alias("ip.src_host", &["src"])
        .text_alias("ip.dst_host", &["dst"])
        .alias("ip.opt.ra", &["options.router_alert.value"])
        .alias("ip.opt.sid", &["options.stream_id.id"])
        .alias("ip.opt.ptr", &["options.rr.ptr", "options.ts.ptr", "options.lsrr.ptr", "options.ssrr.ptr"])
        .tag("IP")
        .summary(summary)
}

fn sections() -> Vec<Section> {
    vec![
        Section::measured(FIXED_LEN, header()),
        Section::records(
            "options",
            "Options",
            ip_options::DIALECT,
            ip_options::describe(),
            Len::Octets(options_len),
        ),
    ]
}

/// RFC 791 §3.1, up to the options.
fn header() -> Vec<Field> {
    vec![
        uint("version", 4, "Version")
            .set_by(setter!(MutableIpv4Packet, set_version))
            .default_uint(4)
            .wanted(|_| Some(4)),
        uint("hdr_len", 4, "Header length in octets")
            .set_by(setter!(MutableIpv4Packet, set_header_length))
            .in_units_of(4)
            .auto(auto::header_len),
        group("dsfield", "Differentiated services field"),
        uint("dsfield.dscp", 6, "Differentiated services code point")
            .set_by(setter!(MutableIpv4Packet, set_dscp))
            .values(DSCP),
        uint("dsfield.ecn", 2, "Explicit congestion notification")
            .set_by(setter!(MutableIpv4Packet, set_ecn))
            .values(ECN),
        uint("len", 16, "Total length")
            .set_by(setter!(MutableIpv4Packet, set_total_length))
            .auto(auto::layer_len),
        uint("id", 16, "Identification").set_by(setter!(MutableIpv4Packet, set_identification)).hex(),
        group("flags", "Flags"),
        flag("flags.rb", "Reserved bit").part_of(setter!(MutableIpv4Packet, set_flags), 0, 1),
        flag("flags.df", "Don't fragment").part_of(setter!(MutableIpv4Packet, set_flags), 1, 1),
        flag("flags.mf", "More fragments").part_of(setter!(MutableIpv4Packet, set_flags), 2, 1),
        uint("frag_offset", 13, "Fragment offset in units of 8 octets")
            .set_by(setter!(MutableIpv4Packet, set_fragment_offset)),
        uint("ttl", 8, "Time to live").set_by(setter!(MutableIpv4Packet, set_ttl)).default_uint(64),
        uint("proto", 8, "Protocol")
            .set_by(setter!(MutableIpv4Packet, set_next_level_protocol))
            .values(PROTOCOLS)
            .default_uint(EXPERIMENT)
            .auto(auto::next_protocol),
        uint("checksum", 16, "Header checksum")
            .set_by(setter!(MutableIpv4Packet, set_checksum))
            .header_checksum(auto::header_checksum),
        ipv4("src", "Source").set_by(setter!(MutableIpv4Packet, set_source)),
        ipv4("dst", "Destination").set_by(setter!(MutableIpv4Packet, set_destination)),
    ]
}

/// Source and destination, and for a fragment its offset and length.
fn summary(view: &View<'_>, out: &mut Text) -> fmt::Result {
    let Some(ip) = Ipv4Packet::new(view.header()) else { return Ok(()) };
    view.end_points(out, ip.get_source(), ip.get_destination())?;
    if fragmented(view.header()) != Fragmented::No {
        let offset = u32::from(ip.get_fragment_offset()).saturating_mul(8);
        out.put(": frag (").put(offset).put("|").put(view.payload_len()).put(")");
    }
    Ok(())
}

/// The table of IP versions, for links that carry nothing but IP.
pub const RAW_VERSION: &str = "raw.version";
/// Octets of the header without options.
const FIXED_LEN: usize = 20;

/// Source and final destination: the last address of a source route that is not yet used up, else the header's own.
/// TCP and UDP checksums are over these (RFC 1122 §4.1.3.4, as Linux and Wireshark compute them).
pub fn end_points(header: &[u8]) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let ip = Ipv4Packet::new(header)?;
    let options = header.get(FIXED_LEN..).unwrap_or_default();
    let destination = if options.is_empty() { None } else { ip_options::route_destination(options) };
    Some((ip.get_source(), destination.unwrap_or(ip.get_destination())))
}

/// Whether the packet is not to go far, other than those to groups and of routing protocols.
fn is_about_to_die(view: &View<'_>) -> Option<u64> {
    let ip = Ipv4Packet::new(view.header())?;
    let is_for_neighbours = matches!(ip.get_next_level_protocol().0, OSPF | PIM);
    (ip.get_ttl() < 5 && !ip.get_destination().is_multicast() && !is_for_neighbours).then_some(1)
}

const OSPF: u8 = 89;
const PIM: u8 = 103;

/// Whether the packet is a fragment.
fn fragmented(header: &[u8]) -> Fragmented {
    match Ipv4Packet::new(header) {
        Some(ip) if ip.get_fragment_offset() != 0 => Fragmented::Later,
        Some(ip) if ip.get_flags() & MORE_FRAGMENTS != 0 => Fragmented::First,
        _ => Fragmented::No,
    }
}

/// The MF bit among pnet's three flag bits.
const MORE_FRAGMENTS: u8 = 1;

/// The addresses, the asker's first. Who answers a question to many is not known beforehand.
fn identity(header: &[u8], side: Side, out: &mut Vec<u8>) -> bool {
    let Some(ip) = Ipv4Packet::new(header) else { return false };
    let (source, destination) = (ip.get_source(), ip.get_destination());
    let (asker, asked) = if side == Side::Reply { (destination, source) } else { (source, destination) };
    out.extend_from_slice(&asker.octets());
    let to_many = side == Side::Sent && (asked.is_multicast() || asked.is_broadcast());
    out.extend_from_slice(&if to_many { Ipv4Addr::UNSPECIFIED } else { asked }.octets());
    true
}

/// What the packet carries; a later fragment begins in the middle of something.
fn carried(header: &[u8]) -> Option<u64> {
    let ip = Ipv4Packet::new(header)?;
    (ip.get_fragment_offset() == 0).then(|| u64::from(ip.get_next_level_protocol().0))
}

fn options_len(header: &[u8]) -> Option<usize> {
    let header_len = usize::from(Ipv4Packet::new(header)?.get_header_length()).checked_mul(4)?;
    header_len.checked_sub(FIXED_LEN)
}

/// The total length; zero in segments that the network card will cut (TSO), never less than the header.
fn stated_len(header: &[u8]) -> Stated {
    let Some(ip) = Ipv4Packet::new(header) else { return Stated::Rest };
    let header_len = u64::from(ip.get_header_length()).saturating_mul(4);
    match u64::from(ip.get_total_length()) {
        0 => Stated::Rest,
        len if len < header_len => Stated::Lies,
        len => Stated::Octets(len),
    }
}

/// RFC 2474, RFC 2597, RFC 3246, RFC 5865.
const DSCP: &[(u64, &str)] = &[
    (0, "CS0"),
    (8, "CS1"),
    (10, "AF11"),
    (12, "AF12"),
    (14, "AF13"),
    (16, "CS2"),
    (18, "AF21"),
    (20, "AF22"),
    (22, "AF23"),
    (24, "CS3"),
    (26, "AF31"),
    (28, "AF32"),
    (30, "AF33"),
    (32, "CS4"),
    (34, "AF41"),
    (36, "AF42"),
    (38, "AF43"),
    (40, "CS5"),
    (44, "VOICE-ADMIT"),
    (46, "EF"),
    (48, "CS6"),
    (56, "CS7"),
];

/// RFC 3168 §5.
const ECN: &[(u64, &str)] = &[(0, "Not-ECT"), (1, "ECT(1)"), (2, "ECT(0)"), (3, "CE")];

/// IANA protocol numbers that are met most.
pub(super) const PROTOCOLS: &[(u64, &str)] = &[
    (0, "IPv6 hop-by-hop"),
    (1, "ICMP"),
    (2, "IGMP"),
    (4, "IPv4"),
    (6, "TCP"),
    (17, "UDP"),
    (41, "IPv6"),
    (43, "IPv6 routing"),
    (44, "IPv6 fragment"),
    (47, "GRE"),
    (50, "ESP"),
    (51, "AH"),
    (58, "ICMPv6"),
    (59, "no next header"),
    (60, "IPv6 destination options"),
    (88, "EIGRP"),
    (89, "OSPF"),
    (103, "PIM"),
    (112, "VRRP"),
    (132, "SCTP"),
    (253, "experiment"),
    (254, "experiment"),
];

//! PPP, the Point-to-Point Protocol: RFC 1661, with the address and control octets of RFC 1662 where they are sent.

use std::fmt;

use super::describe::{Before, Field, Protocol, Section, View, uint};
use super::edge::Edge;
use super::listed::Listed;
use super::{auto, eth, gre, pppoe};
use crate::wire::big_endian::{octet, octet_at, word_at};
use crate::wire::text::Text;

/// The table of what it carries (IANA ppp-numbers).
pub(super) const PROTOCOL: &str = "ppp.protocol";

pub(super) const PPP: Listed = Listed::new(
    "ppp",
    &[
        Edge::new(pppoe::PAYLOAD, 0),
        Edge::new(gre::PROTO, 0x880b),
        Edge::new(eth::ETHERTYPE, 0x880b),
        Edge::new(eth::LINK_TYPE, 9),
    ],
    describe,
);

fn describe() -> Protocol {
    Protocol::new("Point-to-Point Protocol", "RFC 1661", sections)
        .next(PROTOCOL, protocol_of)
        .alias("ppp.protocol", &["compressed_protocol"])
        .link()
        .summary(summary)
}

fn sections() -> Vec<Section> {
    let framing = vec![
        uint("address", 8, "Address").hex().default_uint(u64::from(ALL_STATIONS)),
        uint("control", 8, "Control").hex().default_uint(u64::from(UNNUMBERED)),
    ];
    vec![
        Section::fields(framing).when(is_framed),
        Section::fields(vec![number("protocol", 16)]).when(|before| !is_compressed(before)),
        // RFC 1661 §6.5: the first octet, zero, left out. It has an odd number, as no first octet of a whole one has.
        Section::fields(vec![number("compressed_protocol", 8)]).when(is_compressed),
    ]
}

fn number(name: &'static str, bits: u32) -> Field {
    uint(name, bits, "Protocol").values(PROTOCOLS).auto(auto::next_protocol).hex()
}

/// Whether address and control stand before the protocol.
fn is_framed(before: &Before<'_>) -> bool {
    before.left.starts_with(&[ALL_STATIONS, UNNUMBERED])
        || ["address", "control"].iter().any(|name| (before.wrote)(name))
}

fn is_compressed(before: &Before<'_>) -> bool {
    let is_first = matches!(before.header, [] | [ALL_STATIONS, UNNUMBERED]);
    if before.builds {
        (before.wrote)("compressed_protocol")
    } else {
        is_first && octet(before.left, 0) & 1 != 0
    }
}

/// The protocol's number; one octet of it is a whole number where it is odd (RFC 1661 §2), else the header is cut.
fn protocol_of(header: &[u8]) -> Option<u64> {
    match *header {
        [short] | [_, _, short] => (short & 1 != 0).then(|| u64::from(short)),
        [ALL_STATIONS, UNNUMBERED] => None,
        _ => word_at(header, header.len().checked_sub(2)?).map(u64::from),
    }
}

const ALL_STATIONS: u8 = 0xff;
const UNNUMBERED: u8 = 3;

/// Tcpdump's words.
fn summary(view: &View<'_>, out: &mut Text) -> fmt::Result {
    let header = view.header();
    let Some(protocol) = protocol_of(header) else { return Ok(()) };
    let known = PROTOCOLS.iter().find(|(known, _)| *known == protocol);
    let len = view.layer_len();
    let framing = if octet_at(header, 0) == Some(ALL_STATIONS) { 2 } else { 0 };
    write!(
        out,
        "{} (0x{protocol:04x}), length {}",
        known.map_or("unknown", |(_, name)| *name),
        len.saturating_sub(framing)
    )
}

/// IANA ppp-numbers, as tcpdump calls them.
const PROTOCOLS: &[(u64, &str)] = &[
    (0x0021, "IP"),
    (0x0023, "OSI"),
    (0x0025, "NS"),
    (0x002b, "IPX"),
    (0x002d, "VJC"),
    (0x002f, "VJNC"),
    (0x0031, "BRPDU"),
    (0x003d, "MP"),
    (0x0057, "IP6"),
    (0x0281, "MPLS-UCAST"),
    (0x0283, "MPLS-MCAST"),
    (0x8021, "IPCP"),
    (0x8023, "OSICP"),
    (0x8057, "IP6CP"),
    (0x8281, "MPLSCP"),
    (0x80fd, "CCP"),
    (0xc021, "LCP"),
    (0xc023, "PAP"),
    (0xc025, "LQM"),
    (0xc223, "CHAP"),
    (0xc227, "EAP"),
];

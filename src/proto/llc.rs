//! LLC, logical link control, in frames that have a length where others have a type: IEEE 802.2, with SNAP (IEEE 802).

use std::fmt;

use super::describe::{Before, Protocol, Section, View, flag, group, uint};
use super::edge::Edge;
use super::listed::Listed;
use super::{auto, eth};
use crate::wire::big_endian::{octet, word, word_at};
use crate::wire::text::Text;

/// The layer's name.
pub const NAME: &str = "llc";
/// Its number among the EtherTypes (`ETH_P_802_2` of `linux/if_ether.h`, which cooked captures write).
pub(super) const ETHERTYPE_KEY: u64 = 4;

pub(super) const LLC: Listed = Listed::new(NAME, &[Edge::new(eth::ETHERTYPE, ETHERTYPE_KEY)], describe);

fn describe() -> Protocol {
    Protocol::new("Logical link control", "IEEE 802.2", sections)
        .next(eth::ETHERTYPE, carried)
        .alias("llc.control.n_r", &["n_r"])
        .alias("llc.control.p", &["p"])
        .link()
        .summary(summary)
}

fn sections() -> Vec<Section> {
    let head = vec![
        group("dsap", "Destination service access point").default_uint(u64::from(SNAP)),
        uint("dsap.sap", 7, "Access point"),
        flag("dsap.ig", "Group"),
        group("ssap", "Source service access point").default_uint(u64::from(SNAP)),
        uint("ssap.sap", 7, "Access point"),
        flag("ssap.cr", "Response"),
        uint("control", 8, "Control").hex().default_uint(u64::from(UNNUMBERED_INFORMATION)),
    ];
    let second = vec![uint("n_r", 7, "Receive sequence number"), flag("p", "Poll or final")];
    let ethertype = || uint("type", 16, "Type").values(eth::ETHERTYPES).auto(auto::next_protocol).hex();
    vec![
        Section::fields(head),
        Section::fields(second).when(|before| before.header.len() == 3 && !is_unnumbered(before.header)),
        Section::fields(vec![uint("oui", 24, "Organization code").values(ORGANIZATIONS)]).when(is_snap),
        Section::fields(vec![ethertype()]).when(|before| is_snap(before) && has_type(before.header)),
        Section::fields(vec![uint("pid", 16, "Protocol of the organization").hex()])
            .when(|before| is_snap(before) && !has_type(before.header)),
    ]
}

/// A SNAP header's EtherType; IP has an access point of its own, too.
fn carried(header: &[u8]) -> Option<u64> {
    match *header {
        [SNAP, SNAP, ..] if has_type(header) => word_at(header, type_at(header)).map(u64::from),
        [IP, _, UNNUMBERED_INFORMATION] => Some(0x0800),
        _ => None,
    }
}

/// Whether the control field is one octet: frames without a number.
fn is_unnumbered(header: &[u8]) -> bool {
    octet(header, 2) & 3 == 3
}

fn is_snap(before: &Before<'_>) -> bool {
    before.header.starts_with(&[SNAP, SNAP])
}

/// Where the type stands: behind control field and organization.
fn type_at(header: &[u8]) -> usize {
    if is_unnumbered(header) { 6 } else { 7 }
}

/// Whether the organization is one whose protocols are EtherTypes: RFC 1042, and Cisco's for bridged frames.
fn has_type(header: &[u8]) -> bool {
    let at = type_at(header).saturating_sub(3);
    octet(header, at) == 0 && matches!(word(header, at.saturating_add(1)), 0 | 0xf8)
}

const SNAP: u8 = 0xaa;
const IP: u8 = 0x06;
const UNNUMBERED_INFORMATION: u8 = 3;

/// Tcpdump's words.
fn summary(view: &View<'_>, out: &mut Text) -> fmt::Result {
    let header = view.header();
    let [dsap, ssap, control, ..] = *header else { return Ok(()) };
    let name = |sap: u8| {
        let known = ACCESS_POINTS.iter().find(|(known, _)| *known == sap & 0xfe);
        known.map_or("Unknown", |(_, name)| *name)
    };
    let individual = if dsap & 1 == 0 { "Individual" } else { "Group" };
    let command = if ssap & 1 == 0 { "Command" } else { "Response" };
    write!(out, "LLC, dsap {} (0x{:02x}) {individual}, ", name(dsap), dsap & 0xfe)?;
    write!(out, "ssap {} (0x{:02x}) {command}", name(ssap), ssap & 0xfe)?;
    match header.get(3) {
        _ if is_unnumbered(header) => write!(out, ", ctrl 0x{control:02x}")?,
        // The first octet counts least.
        Some(second) => write!(out, ", ctrl 0x{second:02x}{control:02x}")?,
        None => return Ok(()),
    }
    if !header.starts_with(&[SNAP, SNAP]) {
        return Ok(());
    }
    let at = type_at(header);
    let (Some(organization), Some(number)) = (header.get(at.saturating_sub(3)..at), word_at(header, at))
    else {
        return Ok(());
    };
    let organization = organization.iter().fold(0u64, |sum, octet| (sum << 8) | u64::from(*octet));
    let known = ORGANIZATIONS.iter().find(|(known, _)| *known == organization);
    let name = known.map_or("Unknown", |(_, name)| *name);
    write!(out, ": oui {name} (0x{organization:06x}), ")?;
    if has_type(header) {
        out.put(eth::Ethertype(number));
    } else {
        let name = if (organization, number) == CDP { "CDP" } else { "Unknown" };
        write!(out, "pid {name} (0x{number:04x})")?;
    }
    out.put(", length ").put(view.payload_len());
    Ok(())
}

/// IEEE 802 numbers, as tcpdump calls them.
const ACCESS_POINTS: &[(u8, &str)] = &[
    (0x00, "Null"),
    (0x02, "802.1B I"),
    (0x04, "SNA"),
    (0x06, "IP"),
    (0x0e, "ProWay NM"),
    (0x42, "STP"),
    (0x4e, "8ISO/IEC 9506 MMS"),
    (0x7e, "ISO 8208"),
    (0x8e, "ProWay ASM"),
    (0xaa, "SNAP"),
    (0xbc, "VINES"),
    (0xe0, "NetWare"),
    (0xf0, "NetBeui"),
    (0xf4, "IBM LAN Manager"),
    (0xfe, "OSI"),
    (0xfe, "Global"),
];

/// Cisco's discovery protocol, by organization and number.
const CDP: (u64, u16) = (0x00_000c, 0x2000);

/// IEEE 802 organizations.
const ORGANIZATIONS: &[(u64, &str)] = &[
    (0x00_0000, "Ethernet"),
    (0x00_000c, "Cisco"),
    (0x00_00f8, "Cisco bridged"),
    (0x00_80c2, "RFC2684"),
    (0x08_0007, "Appletalk"),
];

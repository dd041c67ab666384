//! Linux cooked captures, versions 1 and 2, as the `any` device gives them: tcpdump.org's LINKTYPE_LINUX_SLL and
//! LINKTYPE_LINUX_SLL2.

use std::fmt;

use super::describe::{Before, Field, Len, Protocol, Section, mac, octets, uint};
use super::{auto, eth};
use crate::wire::value::ValueRef;

pub(super) fn describe_v1() -> Protocol {
    let head = vec![
        uint("pkttype", 16, "Packet type").values(PACKET_TYPES),
        uint("hatype", 16, "Link-layer address type").default_uint(1),
        uint("halen", 16, "Link-layer address length").default_uint(6),
    ];
    let mut sections = vec![Section::fields(head)];
    sections.extend(address(
        |before| before.octet(4) == 0 && before.octet(5) == 6,
        |before| !(before.octet(4) == 0 && before.octet(5) == 6),
    ));
    sections.push(Section::fields(vec![ethertype()]));
    Protocol::new("sll", "Linux cooked capture v1", "LINKTYPE_LINUX_SLL", sections)
        .edge(eth::LINK_TYPE, 113)
        .next(eth::ETHERTYPE, |header| word(header, 14))
        .link()
        .summary(|view, out| match word(view.header(), 14) {
            Some(ethertype) => summary(
                out,
                word(view.header(), 0),
                view.header().get(6..12).filter(|_| word(view.header(), 4) == Some(6)),
                ethertype,
            ),
            None => Ok(()),
        })
}

pub(super) fn describe_v2() -> Protocol {
    let head = vec![
        ethertype(),
        uint("reserved", 16, "Reserved"),
        uint("ifindex", 32, "Interface index"),
        uint("hatype", 16, "Link-layer address type").default_uint(1),
        uint("pkttype", 8, "Packet type").values(PACKET_TYPES),
        uint("halen", 8, "Link-layer address length").default_uint(6),
    ];
    let mut sections = vec![Section::fields(head)];
    sections.extend(address(|before| before.octet(11) == 6, |before| before.octet(11) != 6));
    Protocol::new("sll2", "Linux cooked capture v2", "LINKTYPE_LINUX_SLL2", sections)
        .edge(eth::LINK_TYPE, 276)
        .next(eth::ETHERTYPE, |header| word(header, 0))
        .link()
        .summary(|view, out| match *view.header() {
            [e0, e1, _, _, _, _, _, _, _, _, kind, len, ref address @ ..] if address.len() == 8 => {
                let address = address.get(..6).filter(|_| len == 6);
                summary(out, Some(u64::from(kind)), address, u64::from(u16::from_be_bytes([e0, e1])))
            }
            _ => Ok(()),
        })
}

/// Which way the packet went, whose address it has, and what it carries, as tcpdump says it.
fn summary(
    out: &mut dyn fmt::Write,
    kind: Option<u64>,
    address: Option<&[u8]>,
    ethertype: u64,
) -> fmt::Result {
    out.write_str(
        PACKET_TYPES.iter().find(|(number, _)| Some(*number) == kind).map_or("?", |(_, name)| *name),
    )?;
    if let Some(mac) = address.and_then(<[u8]>::first_chunk::<6>) {
        write!(out, " {}", ValueRef::Mac(*mac))?;
    }
    write!(out, " {}", eth::Ethertype(u16::try_from(ethertype).unwrap_or(u16::MAX)))
}

/// The eight octets of the address: a MAC address and two unused octets, or something else.
fn address(is_mac: fn(&Before<'_>) -> bool, is_other: fn(&Before<'_>) -> bool) -> [Section; 2] {
    [
        Section::fields(vec![mac("src.eth", "Source"), octets("unused", 2, "Unused")]).when(is_mac),
        Section::octets("src.other", "Source", Len::Octets(|_| Some(8))).when(is_other),
    ]
}

fn ethertype() -> Field {
    uint("etype", 16, "Protocol")
        .also("ltype", 1536)
        .values(eth::ETHERTYPES)
        .default_uint(eth::LOCAL_EXPERIMENTAL)
        .auto(auto::next_protocol)
        .hex()
}

fn word(header: &[u8], at: usize) -> Option<u64> {
    let octets = header.get(at..)?.first_chunk::<2>()?;
    Some(u64::from(u16::from_be_bytes(*octets)))
}

/// `linux/if_packet.h`: PACKET_HOST and so on; tcpdump's names for them.
const PACKET_TYPES: &[(u64, &str)] = &[(0, "In"), (1, "B"), (2, "M"), (3, "P"), (4, "Out")];

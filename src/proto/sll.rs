//! Linux cooked captures, versions 1 and 2, as the `any` device gives them: tcpdump.org's LINKTYPE_LINUX_SLL and
//! LINKTYPE_LINUX_SLL2.

use std::fmt;

use super::describe::{Before, Field, Len, Protocol, Section, ipv4, mac, uint};
use super::edge::Edge;
use super::listed::Listed;
use super::{auto, eth};
use crate::wire::big_endian::word_at;
use crate::wire::text::Text;
use crate::wire::value::ValueRef;

/// The octets for the sender's address, of which a function tells from the header's beginning how many are used: six are
/// a MAC address, four one of IPv4.
macro_rules! address {
    ($len:ident) => {
        [
            Section::fields(vec![mac("src.eth", "Source")]).when(|before| $len(before.header) == MAC_LEN),
            Section::fields(vec![ipv4("src.ipv4", "Source")])
                .when(|before| is_ipv4(before, $len(before.header))),
            Section::octets("src.other", "Source", Len::Octets(|header| Some($len(header)))).when(|before| {
                let len = $len(before.header);
                !matches!(len, 0 | MAC_LEN) && !is_ipv4(before, len)
            }),
            Section::octets("unused", "Unused", Len::Octets(|header| ADDRESS_ROOM.checked_sub($len(header))))
                .when(|before| $len(before.header) < ADDRESS_ROOM),
        ]
    };
}

/// Whether an address of `len` octets is one of IPv4, as those of tunnels are; it may be written as octets.
fn is_ipv4(before: &Before<'_>, len: usize) -> bool {
    len == 4 && !(before.wrote)("src.other")
}

/// Octets that there are for an address.
const ADDRESS_ROOM: usize = 8;
const MAC_LEN: usize = 6;

pub(super) const SLL: Listed = Listed::new("sll", &[Edge::new(eth::LINK_TYPE, 113)], describe_v1);

fn describe_v1() -> Protocol {
    Protocol::new("Linux cooked capture v1", "LINKTYPE_LINUX_SLL", sections_v1)
        .next(eth::ETHERTYPE, |header| word(header, 14))
        .link()
        .summary(|view, out| match *view.header() {
            [k0, k1, _, _, l0, l1, ref address @ .., e0, e1] if address.len() == 8 => {
                let address = address.get(..6).filter(|_| [l0, l1] == [0, 6]);
                out.write_str(packet_type(u64::from(u16::from_be_bytes([k0, k1]))))?;
                address_and_type(out, address, u16::from_be_bytes([e0, e1]))
            }
            _ => Ok(()),
        })
}

fn sections_v1() -> Vec<Section> {
    let head = vec![
        uint("pkttype", 16, "Packet type").values(PACKET_TYPES),
        uint("hatype", 16, "Link-layer address type").default_uint(1),
        uint("halen", 16, "Link-layer address length").default_uint(6),
    ];
    let mut sections = vec![Section::fields(head)];
    sections.extend(address!(address_len_v1));
    sections.push(Section::fields(vec![ethertype()]));
    sections
}

pub(super) const SLL2: Listed = Listed::new("sll2", &[Edge::new(eth::LINK_TYPE, 276)], describe_v2);

fn describe_v2() -> Protocol {
    Protocol::new("Linux cooked capture v2", "LINKTYPE_LINUX_SLL2", sections_v2)
        .next(eth::ETHERTYPE, |header| word(header, 0))
        .link()
        // Wireshark calls both versions by the name of the first.
        .alias("sll", &[""])
        .alias("sll.etype", &["etype"])
        .alias("sll.ltype", &["ltype"])
        .alias("sll.ifindex", &["ifindex"])
        .alias("sll.hatype", &["hatype"])
        .alias("sll.pkttype", &["pkttype"])
        .alias("sll.halen", &["halen"])
        .alias("sll.src.eth", &["src.eth"])
        .alias("sll.src.other", &["src.other"])
        .alias("sll.unused", &["unused"])
        .summary(|view, out| match *view.header() {
            [e0, e1, _, _, i0, i1, i2, i3, _, _, kind, len, ref address @ ..] if address.len() == 8 => {
                let address = address.get(..6).filter(|_| len == 6);
                let interface = u32::from_be_bytes([i0, i1, i2, i3]);
                write!(out, "{} ifindex {interface}", packet_type(u64::from(kind)))?;
                address_and_type(out, address, u16::from_be_bytes([e0, e1]))
            }
            _ => Ok(()),
        })
}

fn sections_v2() -> Vec<Section> {
    let head = vec![
        ethertype(),
        uint("reserved", 16, "Reserved"),
        uint("ifindex", 32, "Interface index"),
        uint("hatype", 16, "Link-layer address type").default_uint(1),
        uint("pkttype", 8, "Packet type").values(PACKET_TYPES),
        uint("halen", 8, "Link-layer address length").default_uint(6),
    ];
    let mut sections = vec![Section::fields(head)];
    sections.extend(address!(address_len_v2));
    sections
}

/// Whose address the packet has, and what it carries, as tcpdump says it.
fn address_and_type(out: &mut Text, address: Option<&[u8]>, ethertype: u16) -> fmt::Result {
    if let Some(mac) = address.and_then(<[u8]>::first_chunk::<6>) {
        out.put(" ").put(ValueRef::Mac(*mac));
    }
    out.put(" ").put(eth::Ethertype(ethertype));
    Ok(())
}

/// Which way the packet went.
fn packet_type(kind: u64) -> &'static str {
    PACKET_TYPES.iter().find(|(number, _)| *number == kind).map_or("?", |(_, name)| *name)
}

/// Octets of the sender's address: of the eight that there are for it, the others are unused.
fn address_len_v1(header: &[u8]) -> usize {
    word(header, 4).and_then(|len| usize::try_from(len).ok()).unwrap_or(0).min(ADDRESS_ROOM)
}

fn address_len_v2(header: &[u8]) -> usize {
    header.get(11).map_or(0, |len| usize::from(*len)).min(ADDRESS_ROOM)
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
    word_at(header, at).map(u64::from)
}

/// `linux/if_packet.h`: PACKET_HOST and so on; tcpdump's names for them.
const PACKET_TYPES: &[(u64, &str)] = &[(0, "In"), (1, "B"), (2, "M"), (3, "P"), (4, "Out")];

//! Ethernet II: RFC 894, IEEE 802.3 §3.2.

use pnet::packet::ethernet::{EthernetPacket, MutableEthernetPacket};

use super::auto::{self, Scope};
use super::describe::{Glance, Group, Protocol, Section, Severity, Stated, mac, uint};
use super::edge::Edge;
use super::layout::setter;
use super::listed::Listed;
use super::{gre, ip, llc};
use crate::wire::big_endian::octet_at;
use crate::wire::text::{Put, Text};
use crate::wire::value::{Value, ValueRef};

/// The layer's name.
pub const NAME: &str = "eth";
/// The table of EtherTypes (IEEE 802 numbers).
pub const ETHERTYPE: &str = "ethertype";
/// Types below this are the length of an 802.3 frame's data (IEEE 802.3 §3.2.6).
const MIN_ETHERTYPE: u64 = 1536;
/// The first EtherType for local experiments (IEEE 802 §9.2.4), for frames whose payload has no type.
pub(super) const LOCAL_EXPERIMENTAL: u64 = 0x88b5;
/// The table of link types of capture files.
pub const LINK_TYPE: &str = "linktype";

pub(super) const ETH: Listed = Listed::new(
    NAME,
    &[
        Edge::new(LINK_TYPE, 1),
        Edge::new(ETHERTYPE, BRIDGED),
        Edge::new(gre::PROTO, BRIDGED),
        Edge::new(ip::PROTO, 143),
    ],
    describe,
);

fn describe() -> Protocol {
    Protocol::new("Ethernet II", "IEEE 802.3, RFC 894", sections)
        .next_by_payload(ETHERTYPE, |header, payload| type_or_llc(number(header)?, payload))
        .payload_len(stated_len)
        .glance(|octets| {
            // How the payload of a frame with a length ends is a matter for a closer look.
            let extent =
                |header: &[u8]| if stated_len(header).is_some() { Stated::Lies } else { Stated::Rest };
            let len = MutableEthernetPacket::minimum_packet_size();
            Glance::of(octets, (len, |_| Some(0)), extent, |header, _| [number(header), None])
        })
        .link()
        .alias("eth.addr", &["dst", "src"])
        .remark(
            "eth.src_not_group",
            (Severity::Warning, Group::Protocol),
            "The source is a group address (IEEE 802.3)",
            |view| (octet_at(view.header(), 6)? & 1 == 1).then_some(1),
        )
        .summary(|view, out| match EthernetPacket::new(view.header()) {
            Some(eth) => {
                let (src, dst) = (eth.get_source().octets(), eth.get_destination().octets());
                out.put(ValueRef::Mac(src)).put(" > ").put(ValueRef::Mac(dst));
                out.put(", ").put(Ethertype(eth.get_ethertype().0));
                Ok(())
            }
            None => Ok(()),
        })
}

fn sections() -> Vec<Section> {
    let header = vec![
        mac("dst", "Destination")
            .set_by(setter!(MutableEthernetPacket, set_destination))
            .default(Value::Mac([0xff; 6])),
        mac("src", "Source").set_by(setter!(MutableEthernetPacket, set_source)),
        uint("type", 16, "Type")
            .set_by(setter!(MutableEthernetPacket, set_ethertype))
            .also("len", MIN_ETHERTYPE)
            .values(ETHERTYPES)
            .default_uint(LOCAL_EXPERIMENTAL)
            .auto(type_or_len)
            .hex(),
    ];
    let header_len = MutableEthernetPacket::minimum_packet_size();
    vec![Section::measured(header_len, header)]
}

/// What stands in the place of the type.
fn number(header: &[u8]) -> Option<u64> {
    EthernetPacket::new(header).map(|eth| u64::from(eth.get_ethertype().0))
}

/// Octets of the payload, where that is a length.
fn stated_len(header: &[u8]) -> Option<u64> {
    number(header).filter(|number| *number < MIN_ETHERTYPE)
}

/// The EtherType of Ethernet frames inside something else: transparent Ethernet bridging (RFC 1701).
pub(super) const BRIDGED: u64 = 0x6558;

/// Where a type stands, a length may stand: then the payload is one of LLC (IEEE 802.3 §3.2.6), but for the frames that Novell
/// sent without that, which begin with the unused checksum of IPX.
pub(super) fn type_or_llc(number: u64, payload: &[u8]) -> Option<u64> {
    match number {
        MIN_ETHERTYPE.. => Some(number),
        _ if payload.starts_with(&[0xff, 0xff]) => None,
        _ => Some(llc::ETHERTYPE_KEY),
    }
}

/// The EtherType of what the layer carries, or the length of an LLC payload.
pub(super) fn type_or_len(scope: &Scope<'_>) -> Option<u64> {
    let number = auto::next_protocol(scope)?;
    if number != llc::ETHERTYPE_KEY {
        return Some(number);
    }
    let (_, llc) = scope.table.child(scope.index)?;
    Some(u64::from(llc.end.saturating_sub(llc.start)))
}

/// An EtherType as tcpdump writes it: `ethertype IPv4 (0x0800)`, and `802.3` for the length of a frame without one.
pub(super) struct Ethertype(pub(super) u16);

impl Put for Ethertype {
    fn put(self, out: &mut Text) {
        let number = u64::from(self.0);
        if number < MIN_ETHERTYPE {
            out.put("802.3");
            return;
        }
        out.put("ethertype ").put(name_of(self.0).unwrap_or("Unknown")).put(" (0x");
        out.hex(&self.0.to_be_bytes());
        out.put(")");
    }
}

/// What lines call an EtherType.
pub(super) fn name_of(number: u16) -> Option<&'static str> {
    let mut names = TCPDUMP_NAMES.iter().chain(ETHERTYPES);
    names.find(|(known, _)| *known == u64::from(number)).map(|(_, name)| *name)
}

/// What tcpdump calls them otherwise.
const TCPDUMP_NAMES: &[(u64, &str)] = &[
    (0x6558, "TEB"),
    (0x8100, "802.1Q"),
    (0x8847, "MPLS unicast"),
    (0x8848, "MPLS multicast"),
    (0x8863, "PPPoE D"),
    (0x8864, "PPPoE S"),
    (0x88a8, "802.1Q-QinQ"),
];

/// IEEE 802 numbers that are met most.
pub(super) const ETHERTYPES: &[(u64, &str)] = &[
    (0x0800, "IPv4"),
    (0x0806, "ARP"),
    (0x0842, "Wake-on-LAN"),
    (0x6558, "Ethernet"),
    (0x8035, "RARP"),
    (0x8100, "802.1Q VLAN"),
    (0x86dd, "IPv6"),
    (0x880b, "PPP"),
    (0x8808, "MAC control"),
    (0x8809, "slow protocols"),
    (0x8847, "MPLS"),
    (0x8848, "MPLS multicast"),
    (0x8863, "PPPoE discovery"),
    (0x8864, "PPPoE session"),
    (0x888e, "802.1X"),
    (0x88a8, "802.1ad"),
    (0x88b5, "local experimental"),
    (0x88cc, "LLDP"),
    (0x88e5, "MACsec"),
    (0x88f7, "PTP"),
];

//! Each protocol described once, in one file; the registry of them.
//!
//! To add a protocol, write its file and add it to the list `ALL`: names, building, dissecting, JSON, the drawn header and the
//! tests that loop over the registry follow. `CONTRIBUTING.md` walks through an example.
#![deny(clippy::arithmetic_side_effects)]

pub mod auto;
pub mod describe;
pub mod edge;
pub mod extent;
pub mod field;
pub mod filter_names;
pub mod glance;
pub mod layout;
mod listed;
pub mod pseudo_header;
pub mod section;
mod tables;

mod ah;
mod arp;
mod bfd;
pub mod data;
mod dhcp;
mod dhcp_options;
pub mod dns;
mod dns_records;
mod dns_summary;
mod dns_tcp;
mod esp;
pub mod eth;
mod geneve;
mod gre;
mod http;
pub mod icmp;
mod icmp_extension;
mod icmp_interface;
mod icmp_summary;
pub mod icmpv6;
mod icmpv6_options;
mod icmpv6_summary;
mod igmp;
pub mod ip;
mod ip_options;
pub mod ipv6;
mod ipv6_extension;
mod ipv6_fraghdr;
mod ipv6_routing;
pub mod llc;
mod mpls;
mod ntp;
mod null;
pub mod pairing;
pub mod part;
mod ppp;
mod pppoe;
pub mod remark;
mod sctp;
mod sctp_chunks;
mod sctp_summary;
mod sll;
mod tcp;
mod tcp_summary;
mod tls;
mod tls_extensions;
mod tls_hello;
pub mod udp;
pub mod view;
mod vlan;
mod vxlan;

use std::sync::OnceLock;

use self::describe::Protocol;
pub use self::eth::LINK_TYPE;
pub use self::ip::RAW_VERSION;
use self::listed::Listed;
use self::tables::Tables;
use crate::wire::layers::ProtocolId;

/// Every protocol.
const ALL: &[Listed] = &[
    eth::ETH,
    vlan::VLAN,
    vlan::IEEE8021AD,
    llc::LLC,
    mpls::MPLS,
    pppoe::PPPOED,
    pppoe::PPPOES,
    ppp::PPP,
    sll::SLL,
    sll::SLL2,
    null::NULL,
    null::LOOP,
    arp::ARP,
    ip::IP,
    ipv6::IPV6,
    ipv6_extension::IPV6_HOPOPTS,
    ipv6_extension::IPV6_DSTOPTS,
    ipv6_routing::IPV6_ROUTING,
    ipv6_fraghdr::IPV6_FRAGHDR,
    icmp::ICMP,
    icmpv6::ICMPV6,
    igmp::IGMP,
    gre::GRE,
    esp::ESP,
    ah::AH,
    tcp::TCP,
    udp::UDP,
    sctp::SCTP,
    sctp_chunks::SCTP_DATA,
    sctp_chunks::SCTP_INIT,
    sctp_chunks::SCTP_INIT_ACK,
    sctp_chunks::SCTP_SACK,
    sctp_chunks::SCTP_HEARTBEAT,
    sctp_chunks::SCTP_HEARTBEAT_ACK,
    sctp_chunks::SCTP_ABORT,
    sctp_chunks::SCTP_SHUTDOWN,
    sctp_chunks::SCTP_SHUTDOWN_ACK,
    sctp_chunks::SCTP_ERROR,
    sctp_chunks::SCTP_COOKIE_ECHO,
    sctp_chunks::SCTP_COOKIE_ACK,
    sctp_chunks::SCTP_ECNE,
    sctp_chunks::SCTP_CWR,
    sctp_chunks::SCTP_SHUTDOWN_COMPLETE,
    sctp_chunks::SCTP_FORWARD_TSN,
    sctp_chunks::SCTP_CHUNK,
    vxlan::VXLAN,
    geneve::GENEVE,
    dns::DNS,
    dns::MDNS,
    dns::LLMNR,
    dhcp::DHCP,
    ntp::NTP,
    bfd::BFD,
    tls::TLS,
    http::HTTP,
    dns_tcp::DNS_TCP,
    data::DATA,
];

/// The registry: all descriptions, and who carries whom.
#[inline]
pub fn registry() -> &'static Registry {
    static REGISTRY: Registry =
        Registry { described: [const { OnceLock::new() }; ALL.len()], tables: Tables::new() };
    &REGISTRY
}

/// All protocols, found by name, by number in a table, or by id.
///
/// A protocol is described, and the numbers of a table are sorted, when somebody asks for the first time: a ping meets two of each.
#[derive(Debug)]
pub struct Registry {
    described: [OnceLock<Protocol>; ALL.len()],
    tables: Tables,
}

/// What keeps the octets that nothing else takes stands last.
const DATA: ProtocolId = ProtocolId((ALL.len() - 1) as u8);

impl Registry {
    /// All protocols, in the order of the registry.
    pub fn protocols(&'static self) -> impl ExactSizeIterator<Item = &'static Protocol> + Clone {
        (0..=DATA.0).map(|id| self.get(ProtocolId(id)))
    }

    /// The protocol with this id (ids come from the registry only; an unknown one is data).
    #[inline]
    pub fn get(&'static self, id: ProtocolId) -> &'static Protocol {
        let described = self.described.get(usize::from(id.0)).and_then(OnceLock::get);
        described.unwrap_or_else(|| self.describe(id))
    }

    #[cold]
    fn describe(&'static self, id: ProtocolId) -> &'static Protocol {
        let place = usize::from(id.0);
        match (self.described.get(place), ALL.get(place)) {
            (Some(described), Some(listed)) => described.get_or_init(|| complete(listed, id)),
            _ => self.data(),
        }
    }

    /// The protocol that keeps what no other one takes.
    #[inline]
    pub fn data(&'static self) -> &'static Protocol {
        self.get(DATA)
    }

    /// The protocol of this name.
    pub fn by_name(&'static self, name: &str) -> Option<&'static Protocol> {
        let (_, id) = ALL.iter().zip(0u8..).find(|(listed, _)| listed.name == name)?;
        Some(self.get(ProtocolId(id)))
    }

    /// The protocol with this number in this table.
    pub fn find(&'static self, table: &str, key: u64) -> Option<&'static Protocol> {
        self.tables.find(table, key).map(|id| self.get(id))
    }

    /// What packets of a link type begin with.
    pub fn of_link_type(&'static self, link_type: u32) -> Option<&'static Protocol> {
        self.find(LINK_TYPE, u64::from(link_type))
    }

    /// What `protocol` carries when its header is `header`, and `payload` what stands behind that.
    #[inline]
    pub fn carried(
        &'static self,
        protocol: &Protocol,
        header: &[u8],
        payload: &[u8],
    ) -> Option<&'static Protocol> {
        self.tables.carried(protocol, header, payload).map(|id| self.get(id))
    }

    /// What `protocol` carries under the first of these numbers that its table knows.
    #[inline]
    pub fn carried_by(&'static self, protocol: &Protocol, numbers: [u32; 2]) -> Option<&'static Protocol> {
        self.tables.carried_by(protocol, numbers).map(|id| self.get(id))
    }
}

/// Describes a protocol, with what is known of it without that.
fn complete(listed: &Listed, id: ProtocolId) -> Protocol {
    let mut protocol = (listed.describe)();
    protocol.name = listed.name;
    protocol.id = id;
    protocol.edges = listed.edges;
    let number = listed.edges.iter().find(|edge| edge.table == ip::PROTO);
    protocol.ip_number = number.and_then(|edge| u8::try_from(edge.key).ok());
    protocol
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_leads_to_its_protocol() {
        for protocol in registry().protocols() {
            for edge in protocol.edges {
                assert_eq!(registry().find(edge.table, edge.key).map(|found| found.id), Some(protocol.id));
            }
            assert_eq!(
                registry().tables.of(protocol).is_some(),
                protocol.next.is_some(),
                "{}",
                protocol.name
            );
        }
        assert!(registry().find("no.table", 1).is_none());
    }

    #[test]
    fn each_protocol_stands_in_the_list_by_its_own_name() {
        for (protocol, listed) in registry().protocols().zip(ALL) {
            assert_eq!(protocol.name, listed.name);
            assert_eq!(registry().by_name(listed.name).map(|found| found.id), Some(protocol.id));
        }
        assert_eq!(registry().data().name, data::NAME);
        assert_eq!(registry().get(ProtocolId(u8::MAX)).name, data::NAME);
    }
}

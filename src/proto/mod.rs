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

use std::sync::{LazyLock, OnceLock};

use self::describe::Protocol;
pub use self::eth::LINK_TYPE;
pub use self::ip::RAW_VERSION;
use self::tables::Tables;
use crate::wire::layers::ProtocolId;

/// Every protocol: its name, and the function that describes it.
const ALL: &[(&str, Describe)] = &[
    ("eth", eth::describe),
    ("vlan", vlan::describe),
    ("ieee8021ad", vlan::describe_provider),
    ("llc", llc::describe),
    ("mpls", mpls::describe),
    ("pppoed", pppoe::describe_discovery),
    ("pppoes", pppoe::describe_session),
    ("ppp", ppp::describe),
    ("sll", sll::describe_v1),
    ("sll2", sll::describe_v2),
    ("null", null::describe_null),
    ("loop", null::describe_loop),
    ("arp", arp::describe),
    ("ip", ip::describe),
    ("ipv6", ipv6::describe),
    ("ipv6.hopopts", ipv6_extension::describe_hopopts),
    ("ipv6.dstopts", ipv6_extension::describe_dstopts),
    ("ipv6.routing", ipv6_routing::describe),
    ("ipv6.fraghdr", ipv6_fraghdr::describe),
    ("icmp", icmp::describe),
    ("icmpv6", icmpv6::describe),
    ("igmp", igmp::describe),
    ("gre", gre::describe),
    ("esp", esp::describe),
    ("ah", ah::describe),
    ("tcp", tcp::describe),
    ("udp", udp::describe),
    ("sctp", sctp::describe),
    ("sctp.data", sctp_chunks::describe_data),
    ("sctp.init", sctp_chunks::describe_init),
    ("sctp.init_ack", sctp_chunks::describe_init_ack),
    ("sctp.sack", sctp_chunks::describe_sack),
    ("sctp.heartbeat", sctp_chunks::describe_heartbeat),
    ("sctp.heartbeat_ack", sctp_chunks::describe_heartbeat_ack),
    ("sctp.abort", sctp_chunks::describe_abort),
    ("sctp.shutdown", sctp_chunks::describe_shutdown),
    ("sctp.shutdown_ack", sctp_chunks::describe_shutdown_ack),
    ("sctp.error", sctp_chunks::describe_error),
    ("sctp.cookie_echo", sctp_chunks::describe_cookie_echo),
    ("sctp.cookie_ack", sctp_chunks::describe_cookie_ack),
    ("sctp.ecne", sctp_chunks::describe_ecne),
    ("sctp.cwr", sctp_chunks::describe_cwr),
    ("sctp.shutdown_complete", sctp_chunks::describe_shutdown_complete),
    ("sctp.forward_tsn", sctp_chunks::describe_forward_tsn),
    ("sctp.chunk", sctp_chunks::describe_unknown),
    ("vxlan", vxlan::describe),
    ("geneve", geneve::describe),
    ("dns", dns::describe_dns),
    ("mdns", dns::describe_mdns),
    ("llmnr", dns::describe_llmnr),
    ("dhcp", dhcp::describe),
    ("ntp", ntp::describe),
    ("bfd", bfd::describe),
    ("tls", tls::describe),
    ("http", http::describe),
    ("data", data::describe),
];

type Describe = fn() -> Protocol;

/// The registry: all descriptions, and who carries whom.
#[inline]
pub fn registry() -> &'static Registry {
    static REGISTRY: Registry = Registry {
        described: [const { OnceLock::new() }; ALL.len()],
        tables: LazyLock::new(|| Tables::new(registry().protocols())),
    };
    &REGISTRY
}

/// All protocols, found by name, by number in a table, or by id.
///
/// A protocol is described, and the numbers of all are sorted, when somebody asks for the first time: a ping meets two of them.
#[derive(Debug)]
pub struct Registry {
    described: [OnceLock<Protocol>; ALL.len()],
    tables: LazyLock<Tables>,
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
            (Some(described), Some((_, describe))) => described.get_or_init(|| Protocol { id, ..describe() }),
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
        let (_, id) = ALL.iter().zip(0u8..).find(|((known, _), _)| *known == name)?;
        Some(self.get(ProtocolId(id)))
    }

    /// The protocol with this number in this table.
    pub fn find(&'static self, table: &str, key: u64) -> Option<&'static Protocol> {
        self.tables.find(table, key).map(|id| self.get(id))
    }

    /// What packets of a link type begin with.
    pub fn of_link_type(&'static self, link_type: u32) -> Option<&'static Protocol> {
        self.tables.of_link_type(link_type).map(|id| self.get(id))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_protocol_stands_in_the_list_by_its_own_name() {
        for (protocol, (name, _)) in registry().protocols().zip(ALL) {
            assert_eq!(protocol.name, *name);
            assert_eq!(registry().by_name(name).map(|found| found.id), Some(protocol.id));
        }
        assert_eq!(registry().data().name, data::NAME);
        assert_eq!(registry().get(ProtocolId(u8::MAX)).name, data::NAME);
    }
}

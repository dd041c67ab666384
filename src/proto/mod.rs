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
pub mod layout;
pub mod pseudo_header;
pub mod section;

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

use std::sync::LazyLock;

use self::describe::{Next, Protocol};
pub use self::eth::LINK_TYPE;
pub use self::ip::RAW_VERSION;
use crate::wire::layers::ProtocolId;

/// Every protocol, by the function that describes it.
const ALL: &[fn() -> Protocol] = &[
    eth::describe,
    vlan::describe,
    vlan::describe_provider,
    llc::describe,
    mpls::describe,
    pppoe::describe_discovery,
    pppoe::describe_session,
    ppp::describe,
    sll::describe_v1,
    sll::describe_v2,
    null::describe_null,
    null::describe_loop,
    arp::describe,
    ip::describe,
    ipv6::describe,
    ipv6_extension::describe_hopopts,
    ipv6_extension::describe_dstopts,
    ipv6_routing::describe,
    ipv6_fraghdr::describe,
    icmp::describe,
    icmpv6::describe,
    igmp::describe,
    gre::describe,
    esp::describe,
    ah::describe,
    tcp::describe,
    udp::describe,
    sctp::describe,
    sctp_chunks::describe_data,
    sctp_chunks::describe_init,
    sctp_chunks::describe_init_ack,
    sctp_chunks::describe_sack,
    sctp_chunks::describe_heartbeat,
    sctp_chunks::describe_heartbeat_ack,
    sctp_chunks::describe_abort,
    sctp_chunks::describe_shutdown,
    sctp_chunks::describe_shutdown_ack,
    sctp_chunks::describe_error,
    sctp_chunks::describe_cookie_echo,
    sctp_chunks::describe_cookie_ack,
    sctp_chunks::describe_ecne,
    sctp_chunks::describe_cwr,
    sctp_chunks::describe_shutdown_complete,
    sctp_chunks::describe_forward_tsn,
    sctp_chunks::describe_unknown,
    vxlan::describe,
    geneve::describe,
    dns::describe_dns,
    dns::describe_mdns,
    dns::describe_llmnr,
    dhcp::describe,
    ntp::describe,
    bfd::describe,
    tls::describe,
    http::describe,
    data::describe,
];

/// The registry: all descriptions, and who carries whom. Made at its first use, and never changed.
#[inline]
pub fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::new(ALL));
    &REGISTRY
}

/// All protocols, found by name, by number in a table, or by id.
#[derive(Debug)]
pub struct Registry {
    protocols: Vec<Protocol>,
    tables: Vec<Table>,
    /// For each protocol, the table that says what it carries.
    next: Vec<Option<usize>>,
    /// The table of link types.
    link_types: Option<usize>,
    data: ProtocolId,
}

#[derive(Debug)]
struct Table {
    name: &'static str,
    /// Sorted by number.
    entries: Vec<(u64, ProtocolId)>,
    /// By a few bits of a number: most numbers that are met have theirs alone.
    slots: Box<[Slot; SLOTS]>,
}

/// Which numbers have certain bits.
#[derive(Debug, Clone, Copy, Default)]
enum Slot {
    #[default]
    None,
    One(u64, ProtocolId),
    /// Of several, this is the lowest; the others are searched.
    Several(u64, ProtocolId),
}

impl Table {
    fn new(name: &'static str) -> Self {
        Self { name, entries: Vec::new(), slots: Box::new([Slot::None; SLOTS]) }
    }

    /// Sorts the numbers once all are there.
    fn sort(&mut self) {
        self.entries.sort_unstable();
        for (key, id) in &self.entries {
            if let Some(place) = self.slots.get_mut(slot(*key)) {
                *place = match *place {
                    Slot::None => Slot::One(*key, *id),
                    Slot::One(first, id) | Slot::Several(first, id) => Slot::Several(first, id),
                };
            }
        }
    }

    #[inline]
    fn look_up(&self, key: u64) -> Option<ProtocolId> {
        match self.slots.get(slot(key))? {
            Slot::One(known, id) | Slot::Several(known, id) if *known == key => Some(*id),
            Slot::None | Slot::One(..) => None,
            Slot::Several(..) => {
                let at = self.entries.binary_search_by_key(&key, |entry| entry.0).ok()?;
                self.entries.get(at).map(|(_, id)| *id)
            }
        }
    }
}

/// How many slots a table has.
const SLOTS: usize = 256;

/// The slot of a number; those of EtherTypes, IP protocols and link types that are met most differ.
#[inline]
fn slot(key: u64) -> usize {
    usize::from((key ^ (key >> 8)).to_le_bytes().first().copied().unwrap_or_default())
}

impl Registry {
    fn new(all: &[fn() -> Protocol]) -> Self {
        let mut protocols: Vec<Protocol> = all.iter().map(|describe| describe()).collect();
        let mut tables: Vec<Table> = Vec::new();
        for (protocol, id) in protocols.iter_mut().zip(0u8..) {
            protocol.id = ProtocolId(id);
            for edge in &protocol.edges {
                let at = tables.iter().position(|table| table.name == edge.table).unwrap_or(tables.len());
                if at == tables.len() {
                    tables.push(Table::new(edge.table));
                }
                if let Some(table) = tables.get_mut(at) {
                    table.entries.push((edge.key, protocol.id));
                }
            }
        }
        tables.iter_mut().for_each(Table::sort);
        let next = protocols.iter().map(|protocol| {
            let next = protocol.next?;
            tables.iter().position(|table| table.name == next.table)
        });
        let next = next.collect();
        let data = protocols
            .iter()
            .find(|protocol| protocol.name == data::NAME)
            .map_or_else(ProtocolId::default, |p| p.id);
        let link_types = tables.iter().position(|table| table.name == LINK_TYPE);
        Self { protocols, tables, next, link_types, data }
    }

    /// All protocols, in the order of the registry.
    pub fn protocols(&'static self) -> &'static [Protocol] {
        &self.protocols
    }

    /// The protocol with this id (ids come from the registry only; an unknown one is data).
    #[inline]
    pub fn get(&'static self, id: ProtocolId) -> &'static Protocol {
        static NONE: LazyLock<Protocol> = LazyLock::new(data::describe);
        self.protocols.get(usize::from(id.0)).unwrap_or_else(|| &NONE)
    }

    /// The protocol that keeps what no other one takes.
    #[inline]
    pub fn data(&'static self) -> &'static Protocol {
        self.get(self.data)
    }

    /// The protocol of this name.
    pub fn by_name(&'static self, name: &str) -> Option<&'static Protocol> {
        self.protocols.iter().find(|protocol| protocol.name == name)
    }

    /// The protocol with this number in this table.
    pub fn find(&'static self, table: &str, key: u64) -> Option<&'static Protocol> {
        self.tables.iter().find(|t| t.name == table).and_then(|table| self.look_up(table, key))
    }

    /// What packets of a link type begin with.
    pub fn of_link_type(&'static self, link_type: u32) -> Option<&'static Protocol> {
        self.look_up(self.tables.get(self.link_types?)?, u64::from(link_type))
    }

    /// What `protocol` carries when its header is `header`, and `payload` what stands behind that.
    #[inline]
    pub fn carried(
        &'static self,
        protocol: &Protocol,
        header: &[u8],
        payload: &[u8],
    ) -> Option<&'static Protocol> {
        let Next { key, or, looking, .. } = protocol.next?;
        let table = self.next.get(usize::from(protocol.id.0)).copied().flatten()?;
        let table = self.tables.get(table)?;
        if let Some(looking) = looking {
            return self.look_up(table, looking(header, payload)?);
        }
        self.look_up(table, key(header)?).or_else(|| self.look_up(table, or?(header)?))
    }

    #[inline]
    fn look_up(&'static self, table: &Table, key: u64) -> Option<&'static Protocol> {
        table.look_up(key).map(|id| self.get(id))
    }
}

//! The table, its chain, its sets and its rules (`linux/netfilter/nf_tables.h`), as `nft` would write
//!
//! ```text
//! table inet rawsock-… {
//!     set v4 { type ipv4_addr . inet_service; }
//!     set v6 { type ipv6_addr . inet_service; }
//!     chain output {
//!         type filter hook output priority filter; policy accept;
//!         meta mark != … tcp flags & rst != 0 ip saddr . tcp sport @v4 drop
//!         meta mark != … tcp flags & rst != 0 ip6 saddr . tcp sport @v6 drop
//!     }
//! }
//! ```

use std::net::IpAddr;

use super::encode::{Attributes, Message, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL};

/// A family of addresses: what the set of its ports is called, and where its source address is.
struct Family {
    set: &'static str,
    id: u32,
    /// `NFPROTO_IPV4`, `NFPROTO_IPV6`.
    number: u8,
    /// Where the source address stands in the header, and how long it is.
    source: (u32, u32),
    /// nft's numbers of the types of what is in the set: an address, and behind it a service.
    key_type: u32,
}

const V4: Family = Family { set: "v4", id: 1, number: 2, source: (12, 4), key_type: (7 << 6) | 13 };
const V6: Family = Family { set: "v6", id: 2, number: 10, source: (8, 16), key_type: (8 << 6) | 13 };

/// All that is there before any port is.
pub(super) fn table(name: &str, mark: u32) -> Vec<Message> {
    let make = NLM_F_CREATE | NLM_F_EXCL;
    let table = Attributes::default().text(1, name).number(2, NFT_TABLE_F_OWNER);
    let hook = Attributes::default().number(1, NF_INET_LOCAL_OUT).number(2, 0);
    let chain = Attributes::default().text(1, name).text(3, CHAIN).nested(4, hook);
    let chain = chain.number(5, NF_ACCEPT).text(7, "filter");
    let mut messages = vec![
        Message::new(NFT_MSG_NEWTABLE, make, NFPROTO_INET, table),
        Message::new(NFT_MSG_NEWCHAIN, make, NFPROTO_INET, chain),
    ];
    for family in [V4, V6] {
        let set = Attributes::default()
            .text(1, name)
            .text(2, family.set)
            .number(3, 0)
            .number(4, family.key_type)
            // A port fills four octets.
            .number(5, family.source.1.saturating_add(4))
            .number(10, family.id);
        messages.push(Message::new(NFT_MSG_NEWSET, make, NFPROTO_INET, set));
        let rule = Attributes::default().text(1, name).text(2, CHAIN).nested(4, expressions(&family, mark));
        messages.push(Message::new(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFPROTO_INET, rule));
    }
    messages
}

/// A table with one rule, before all others of the output hook, that has the segments traced which come from a port:
/// `tcp sport … meta nftrace set 1`.
pub(super) fn tracing(name: &str, port: u16) -> Vec<Message> {
    let make = NLM_F_CREATE | NLM_F_EXCL;
    let table = Attributes::default().text(1, name).number(2, NFT_TABLE_F_OWNER);
    let hook = Attributes::default().number(1, NF_INET_LOCAL_OUT).number(2, FIRST);
    let chain = Attributes::default().text(1, name).text(3, CHAIN).nested(4, hook);
    let chain = chain.number(5, NF_ACCEPT).text(7, "filter");
    let traced = Attributes::default().number(2, NFT_META_NFTRACE).number(3, REGISTER);
    let parts = [
        ("meta", Attributes::default().number(1, REGISTER).number(2, NFT_META_L4PROTO)),
        ("cmp", compare(NFT_CMP_EQ, &[IPPROTO_TCP])),
        ("payload", payload(REGISTER, NFT_PAYLOAD_TRANSPORT_HEADER, SOURCE_PORT_AT, 2)),
        ("cmp", compare(NFT_CMP_EQ, &port.to_be_bytes())),
        ("immediate", Attributes::default().number(1, REGISTER).nested(2, data(&[1]))),
        ("meta", traced),
    ];
    let expressions = parts.into_iter().fold(Attributes::default(), |all, (name, data)| {
        all.nested(1, Attributes::default().text(1, name).nested(2, data))
    });
    let rule = Attributes::default().text(1, name).text(2, CHAIN).nested(4, expressions);
    vec![
        Message::new(NFT_MSG_NEWTABLE, make, NFPROTO_INET, table),
        Message::new(NFT_MSG_NEWCHAIN, make, NFPROTO_INET, chain),
        Message::new(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFPROTO_INET, rule),
    ]
}

/// An address and a port for one of the sets.
pub(super) fn element(name: &str, address: IpAddr, port: u16) -> Message {
    let (set, mut key) = match address {
        IpAddr::V4(address) => (V4.set, address.octets().to_vec()),
        IpAddr::V6(address) => (V6.set, address.octets().to_vec()),
    };
    key.extend_from_slice(&port.to_be_bytes());
    key.extend_from_slice(&[0; 2]);
    let element = Attributes::default().nested(1, data(&key));
    let elements = Attributes::default().nested(1, element);
    let attributes = Attributes::default().text(1, name).text(2, set).nested(3, elements);
    Message::new(NFT_MSG_NEWSETELEM, NLM_F_CREATE, NFPROTO_INET, attributes)
}

/// Empties both sets: a message that names no element means all of them (`nf_tables_delsetelem`).
pub(super) fn no_elements(name: &str) -> Vec<Message> {
    let empty = |family: &Family| {
        let set = Attributes::default().text(1, name).text(2, family.set);
        Message::new(NFT_MSG_DELSETELEM, 0, NFPROTO_INET, set)
    };
    [&V4, &V6].map(empty).to_vec()
}

/// The rule's parts, each of which ends it where it does not hold.
fn expressions(family: &Family, mark: u32) -> Attributes {
    let (offset, len) = family.source;
    // Registers of four octets: the port's is behind the address's.
    let port = REGISTER.saturating_add(len / 4);
    let verdict = Attributes::default().nested(2, Attributes::default().number(1, NF_DROP));
    [
        ("meta", Attributes::default().number(1, REGISTER).number(2, NFT_META_NFPROTO)),
        ("cmp", compare(NFT_CMP_EQ, &[family.number])),
        ("meta", Attributes::default().number(1, REGISTER).number(2, NFT_META_L4PROTO)),
        ("cmp", compare(NFT_CMP_EQ, &[IPPROTO_TCP])),
        // The only number here in the host's order.
        ("meta", Attributes::default().number(1, REGISTER).number(2, NFT_META_MARK)),
        ("cmp", compare(NFT_CMP_NEQ, &mark.to_ne_bytes())),
        ("payload", payload(REGISTER, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_AT, 1)),
        ("bitwise", only_bits(&[TCP_RST])),
        ("cmp", compare(NFT_CMP_NEQ, &[0])),
        ("payload", payload(REGISTER, NFT_PAYLOAD_NETWORK_HEADER, offset, len)),
        ("payload", payload(port, NFT_PAYLOAD_TRANSPORT_HEADER, SOURCE_PORT_AT, 2)),
        ("lookup", Attributes::default().text(1, family.set).number(2, REGISTER).number(4, family.id)),
        ("immediate", Attributes::default().number(1, NFT_REG_VERDICT).nested(2, verdict)),
    ]
    .into_iter()
    .fold(Attributes::default(), |all, (name, data)| {
        all.nested(1, Attributes::default().text(1, name).nested(2, data))
    })
}

fn data(octets: &[u8]) -> Attributes {
    Attributes::default().octets(1, octets)
}

fn compare(operator: u32, octets: &[u8]) -> Attributes {
    Attributes::default().number(1, REGISTER).number(2, operator).nested(3, data(octets))
}

fn payload(register: u32, base: u32, offset: u32, len: u32) -> Attributes {
    Attributes::default().number(1, register).number(2, base).number(3, offset).number(4, len)
}

fn only_bits(mask: &[u8]) -> Attributes {
    let len = u32::try_from(mask.len()).unwrap_or(0);
    let zeros = vec![0; mask.len()];
    let registers = Attributes::default().number(1, REGISTER).number(2, REGISTER).number(3, len);
    registers.nested(4, data(mask)).nested(5, data(&zeros))
}

const CHAIN: &str = "output";
const NFT_MSG_NEWTABLE: u16 = 0;
const NFT_MSG_NEWCHAIN: u16 = 3;
const NFT_MSG_NEWRULE: u16 = 6;
const NFT_MSG_NEWSET: u16 = 9;
const NFT_MSG_NEWSETELEM: u16 = 12;
const NFT_MSG_DELSETELEM: u16 = 14;
const NFT_TABLE_F_OWNER: u32 = 2;
const NFPROTO_INET: u8 = 1;
const NF_INET_LOCAL_OUT: u32 = 3;
const NF_DROP: u32 = 0;
const NF_ACCEPT: u32 = 1;
const NFT_META_MARK: u32 = 3;
const NFT_META_NFPROTO: u32 = 15;
const NFT_META_L4PROTO: u32 = 16;
const NFT_CMP_EQ: u32 = 0;
const NFT_CMP_NEQ: u32 = 1;
const NFT_PAYLOAD_NETWORK_HEADER: u32 = 1;
const NFT_PAYLOAD_TRANSPORT_HEADER: u32 = 2;
const NFT_REG_VERDICT: u32 = 0;
/// `NFT_REG32_00`, of four octets; the next ones are behind it.
const REGISTER: u32 = 8;
const IPPROTO_TCP: u8 = 6;
/// Before the hooks of `raw`, at −300, and of defragmentation, at −400, as 32 bits (`linux/netfilter_ipv4.h`).
const FIRST: u32 = (-450i32).cast_unsigned();
const NFT_META_NFTRACE: u32 = 12;
/// RFC 9293 §3.1.
const SOURCE_PORT_AT: u32 = 0;
/// Where TCP's flags are, and RST among them (RFC 9293 §3.1).
const TCP_FLAGS_AT: u32 = 13;
const TCP_RST: u8 = 4;

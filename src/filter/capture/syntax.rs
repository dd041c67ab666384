//! What a capture filter says: the tree that the parser makes and the generator walks.

use std::net::Ipv6Addr;

use crate::diagnostic::At;

/// A whole expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Primitive(Primitive, At),
}

/// One test.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Primitive {
    /// An address, port or protocol number, with the words before it.
    Id(Qualifiers, Id),
    /// A protocol's name alone.
    Protocol(Protocol),
    Relation(Arithmetic, Relation, Arithmetic),
    Broadcast(Option<Protocol>),
    Multicast(Option<Protocol>),
    Less(u32),
    Greater(u32),
    /// The octet at a place of the link-layer header, compared.
    Byte(u32, ByteRelation, u32),
    Inbound,
    Outbound,
    InterfaceIndex(u32),
    Vlan(Option<u32>),
    Mpls(Option<u32>),
    PppoeDiscovery,
    PppoeSession(Option<u32>),
    Geneve(Option<u32>),
    Vxlan(Option<u32>),
    Llc(Option<LlcControl>),
}

/// The words before an address: each may be left out, and is then taken from the test before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Qualifiers {
    pub(super) protocol: Option<Protocol>,
    pub(super) direction: Option<Direction>,
    pub(super) kind: Option<Kind>,
}

/// `src` and `dst`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Source,
    Destination,
    Either,
    Both,
}

/// What an address is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Host,
    Net,
    Port,
    PortRange,
    Protocol,
    ProtocolChain,
    Gateway,
}

impl Kind {
    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Net => "net",
            Self::Port => "port",
            Self::PortRange => "portrange",
            Self::Protocol => "proto",
            Self::ProtocolChain => "protochain",
            Self::Gateway => "gateway",
        }
    }
}

/// What stands behind the qualifiers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Id {
    Number(u32),
    /// A name, or a range of ports.
    Name(String),
    /// An IPv4 address or the first octets of one, as it is written.
    Ipv4 {
        address: String,
        mask: Option<Mask>,
    },
    Ipv6 {
        address: Ipv6Addr,
        prefix_len: Option<u32>,
    },
    Ethernet([u8; 6]),
    Arcnet(u8),
}

/// How much of an IPv4 address counts.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mask {
    PrefixLen(u32),
    Address(String),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// A comparison of `byte`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteRelation {
    Equal,
    Less,
    Greater,
    And,
    Or,
}

/// A calculation.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Arithmetic {
    Number(u32),
    /// The length of the packet on the wire.
    PacketLen,
    /// Octets of a header: `protocol[at:size]`.
    Load {
        protocol: Protocol,
        at: Box<Arithmetic>,
        size: u32,
        place: At,
    },
    Binary {
        /// `bpf::ADD` and so on.
        operation: u16,
        left: Box<Arithmetic>,
        right: Box<Arithmetic>,
    },
    Negated(Box<Arithmetic>),
}

/// The control field of an LLC header (IEEE 802.2): frames of a kind, or of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LlcControl {
    Information,
    Supervisory,
    Unnumbered,
    SupervisoryCommand(u8),
    UnnumberedCommand(u8),
}

/// Protocols that have a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Link,
    Ip,
    Ip6,
    Arp,
    Rarp,
    Tcp,
    Udp,
    Sctp,
    Icmp,
    Icmp6,
    Igmp,
    Igrp,
    Pim,
    Vrrp,
    Carp,
    Ah,
    Esp,
    Atalk,
    Aarp,
    Decnet,
    Lat,
    Sca,
    Moprc,
    Mopdl,
    Iso,
    Esis,
    Isis,
    IsisLevel1,
    IsisLevel2,
    IsisHello,
    IsisLinkState,
    IsisSequence,
    IsisCompleteSequence,
    IsisPartialSequence,
    Clnp,
    Stp,
    Ipx,
    Netbeui,
}

impl Protocol {
    /// All words, with what they stand for.
    pub(super) const WORDS: &'static [(&'static str, Self)] = &[
        ("link", Self::Link),
        ("ether", Self::Link),
        ("ppp", Self::Link),
        ("slip", Self::Link),
        ("fddi", Self::Link),
        ("tr", Self::Link),
        ("wlan", Self::Link),
        ("ip", Self::Ip),
        ("ip6", Self::Ip6),
        ("arp", Self::Arp),
        ("rarp", Self::Rarp),
        ("tcp", Self::Tcp),
        ("udp", Self::Udp),
        ("sctp", Self::Sctp),
        ("icmp", Self::Icmp),
        ("icmp6", Self::Icmp6),
        ("igmp", Self::Igmp),
        ("igrp", Self::Igrp),
        ("pim", Self::Pim),
        ("vrrp", Self::Vrrp),
        ("carp", Self::Carp),
        ("ah", Self::Ah),
        ("esp", Self::Esp),
        ("atalk", Self::Atalk),
        ("aarp", Self::Aarp),
        ("decnet", Self::Decnet),
        ("lat", Self::Lat),
        ("sca", Self::Sca),
        ("moprc", Self::Moprc),
        ("mopdl", Self::Mopdl),
        ("iso", Self::Iso),
        ("esis", Self::Esis),
        ("es-is", Self::Esis),
        ("isis", Self::Isis),
        ("is-is", Self::Isis),
        ("l1", Self::IsisLevel1),
        ("l2", Self::IsisLevel2),
        ("iih", Self::IsisHello),
        ("lsp", Self::IsisLinkState),
        ("snp", Self::IsisSequence),
        ("csnp", Self::IsisCompleteSequence),
        ("psnp", Self::IsisPartialSequence),
        ("clnp", Self::Clnp),
        ("stp", Self::Stp),
        ("ipx", Self::Ipx),
        ("netbeui", Self::Netbeui),
    ];

    /// The protocol that a word stands for.
    pub(super) fn by_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, protocol)| *protocol)
    }

    /// The first of its words.
    pub(super) fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| word)
    }
}

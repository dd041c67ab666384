//! What layers and fields are called in scapy (secdev/scapy, `layers/l2.py`, `inet.py`, `inet6.py`), and which values it
//! writes when nobody says otherwise.

use super::scapy_layers::FURTHER;

/// A layer as scapy has it.
pub(super) struct Class {
    /// Our name of the layer.
    pub(super) layer: &'static str,
    /// The values of `type` with which the header has this form; none: all.
    pub(super) types: &'static [u64],
    /// The class.
    pub(super) class: &'static str,
    /// Its fields.
    pub(super) fields: &'static [Name],
    /// Octets of the header that the fields cover; 0: all of it.
    pub(super) len: usize,
    /// The argument that takes the octets behind them; a payload of its own, where there is none.
    pub(super) rest: Option<&'static str>,
    /// The field by which scapy says what comes next.
    pub(super) next: &'static str,
    /// The checksum covers a pseudo header.
    pub(super) is_transport: bool,
    /// An argument that is always there.
    pub(super) constant: &'static str,
    /// The class and the fields of what stands behind `len` octets, where scapy has a class of its own for it.
    pub(super) behind: Option<(&'static str, &'static [Name])>,
    /// Questions of DNS stand behind its fields.
    pub(super) has_questions: bool,
    /// A field that the layer below must have: scapy adds it there otherwise.
    pub(super) below: &'static str,
    /// Its rest is padded to four octets.
    pub(super) is_padded: bool,
}

/// Our name of a field, scapy's, and scapy's default. No name of scapy: the other fields say it; `only`: it has no word for another
/// value than this. Behind a colon stands the form of the argument where it is another: `always`, even where scapy computes
/// it; `zeros`, filled up with them; `number` and `address` of octets; `vxlan`, flags that decide which fields there are; `octet`, `signed`, `fraction16`, `fraction32`.
pub(super) type Name = (&'static str, &'static str, Option<u64>);

pub(super) const fn class(layer: &'static str, class: &'static str, fields: &'static [Name]) -> Class {
    Class {
        layer,
        types: &[],
        class,
        fields,
        len: 0,
        rest: None,
        next: "",
        is_transport: false,
        constant: "",
        behind: None,
        has_questions: false,
        below: "",
        is_padded: false,
    }
}

const fn icmp(types: &'static [u64], len: usize, fields: &'static [Name]) -> Class {
    Class { types, len, ..class("icmp", "ICMP", fields) }
}

/// The class of a layer whose header says this type.
pub(super) fn class_of(layer: &str, kind: Option<u64>) -> Option<&'static Class> {
    CLASSES.iter().chain(FURTHER).find(|class| {
        class.layer == layer
            && (class.types.is_empty() || kind.is_some_and(|kind| class.types.contains(&kind)))
    })
}

/// Whether scapy knows by itself what a layer must say to carry the other.
pub(super) fn is_bound(layer: &str, next: &str) -> bool {
    BOUND.iter().any(|(below, above)| *below == layer && above.contains(&next))
}

/// Whether a layer brings defaults along for the IP header below it: TTL, hop limit, type of service.
pub(super) fn sets_defaults_below(layer: &str) -> bool {
    matches!(layer, "igmp" | "icmpv6")
}

const CLASSES: &[Class] = &[
    Class {
        next: "type",
        ..class("eth", "Ether", &[("dst", "dst", None), ("src", "src", None), ("type", "type", None)])
    },
    Class {
        next: "etype",
        ..class(
            "vlan",
            "Dot1Q",
            &[
                ("priority", "prio", Some(0)),
                ("dei", "dei", Some(0)),
                ("id", "vlan", None),
                ("etype", "type", None),
            ],
        )
    },
    class("arp", "ARP", ARP),
    Class { next: "proto", ..class("ip", "IP", IP) },
    Class { next: "nxt", ..class("ipv6", "IPv6", IPV6) },
    class(
        "ipv6.fraghdr",
        "IPv6ExtHdrFragment",
        &[
            ("nxt", "nh", None),
            ("reserved_octet", "res1", Some(0)),
            ("offset", "offset", Some(0)),
            ("reserved_bits", "res2", Some(0)),
            ("more", "m", Some(0)),
            ("ident", "id", None),
        ],
    ),
    Class { is_transport: true, ..class("tcp", "TCP", TCP) },
    Class {
        is_transport: true,
        ..class(
            "udp",
            "UDP",
            &[
                ("srcport", "sport", None),
                ("dstport", "dport", None),
                ("length", "len", None),
                ("checksum", "chksum", None),
            ],
        )
    },
    icmp(&[0, 8, 15, 16], 8, &[TYPE, CODE, CHECKSUM, ("ident", "id", Some(0)), ("seq", "seq", Some(0))]),
    icmp(
        &[13, 14],
        20,
        &[
            TYPE,
            CODE,
            CHECKSUM,
            ("ident", "id", Some(0)),
            ("seq", "seq", Some(0)),
            ("originate_timestamp", "ts_ori", None),
            ("receive_timestamp", "ts_rx", None),
            ("transmit_timestamp", "ts_tx", None),
        ],
    ),
    icmp(
        &[17, 18],
        12,
        &[
            TYPE,
            CODE,
            CHECKSUM,
            ("ident", "id", Some(0)),
            ("seq", "seq", Some(0)),
            ("address_mask", "addr_mask", None),
        ],
    ),
    icmp(&[5], 8, &[TYPE, CODE, CHECKSUM, ("redir_gw", "gw", None)]),
    icmp(
        &[3],
        8,
        &[
            TYPE,
            CODE,
            CHECKSUM,
            ("unused", "reserved", Some(0)),
            ("length", "length", Some(0)),
            ("mtu", "nexthopmtu", Some(0)),
            ("unused_low", "nexthopmtu", Some(0)),
        ],
    ),
    icmp(
        &[11],
        8,
        &[
            TYPE,
            CODE,
            CHECKSUM,
            ("unused", "reserved", Some(0)),
            ("length", "length", Some(0)),
            ("unused_low", "unused", Some(0)),
        ],
    ),
    icmp(
        &[12],
        8,
        &[
            TYPE,
            CODE,
            CHECKSUM,
            ("pointer", "ptr", Some(0)),
            ("length", "length", Some(0)),
            ("unused_low", "unused", Some(0)),
        ],
    ),
    icmp(
        &[4, 10],
        8,
        &[TYPE, CODE, CHECKSUM, ("unused", "unused", Some(0)), ("reserved", "unused", Some(0))],
    ),
    Class { types: &[128], len: 8, is_transport: true, ..class("icmpv6", "ICMPv6EchoRequest", ICMPV6_ECHO) },
    Class { types: &[129], len: 8, is_transport: true, ..class("icmpv6", "ICMPv6EchoReply", ICMPV6_ECHO) },
    icmpv6(&[2], "ICMPv6PacketTooBig", 8, &[CODE, V6_CHECKSUM, V6_TYPE, ("mtu", "mtu", Some(1280))]),
    icmpv6(&[4], "ICMPv6ParamProblem", 8, &[CODE, V6_CHECKSUM, V6_TYPE, ("pointer", "ptr", None)]),
    icmpv6(&[130], "ICMPv6MLQuery", 24, MLD),
    icmpv6(&[131], "ICMPv6MLReport", 24, MLD),
    icmpv6(&[132], "ICMPv6MLDone", 24, MLD),
    icmpv6(&[133], "ICMPv6ND_RS", 8, &[CODE, V6_CHECKSUM, V6_TYPE, ("reserved", "res", Some(0))]),
    icmpv6(&[134], "ICMPv6ND_RA", 16, ROUTER_ADVERTISEMENT),
    icmpv6(
        &[135],
        "ICMPv6ND_NS",
        24,
        &[CODE, V6_CHECKSUM, V6_TYPE, ("reserved", "res", Some(0)), ("nd.ns.target_address", "tgt", None)],
    ),
    icmpv6(
        &[136],
        "ICMPv6ND_NA",
        24,
        &[
            CODE,
            V6_CHECKSUM,
            V6_TYPE,
            ("nd.na.flag.r", "R", None),
            ("nd.na.flag.s", "S", None),
            ("nd.na.flag.o", "O", None),
            ("nd.na.flag.rsv", "res", Some(0)),
            ("nd.na.target_address", "tgt", None),
        ],
    ),
    icmpv6(
        &[137],
        "ICMPv6ND_Redirect",
        40,
        &[
            CODE,
            V6_CHECKSUM,
            V6_TYPE,
            ("reserved", "res", Some(0)),
            ("rd.target_address", "tgt", None),
            ("rd.destination_address", "dst", None),
        ],
    ),
    icmpv6(
        &[143],
        "ICMPv6MLReport2",
        8,
        &[
            ("code", "res", Some(0)),
            V6_CHECKSUM,
            V6_TYPE,
            ("reserved", "reserved", Some(0)),
            ("mldr.nb_mcast_records", "records_number", None),
        ],
    ),
    Class {
        len: 4,
        rest: Some("msgbody"),
        is_transport: true,
        ..class(
            "icmpv6",
            "ICMPv6Unknown",
            &[("type", "type", None), ("code", "code", Some(0)), ("checksum", "cksum", None)],
        )
    },
];

const fn icmpv6(types: &'static [u64], class_: &'static str, len: usize, fields: &'static [Name]) -> Class {
    Class { types, len, is_transport: true, ..class("icmpv6", class_, fields) }
}

const V6_TYPE: Name = ("type", "", None);
const V6_CHECKSUM: Name = ("checksum", "cksum", None);

const MLD: &[Name] = &[
    CODE,
    V6_CHECKSUM,
    V6_TYPE,
    ("mld.maximum_response_delay", "mrd", None),
    ("reserved", "reserved", Some(0)),
    ("mld.multicast_address", "mladdr", None),
];

const ROUTER_ADVERTISEMENT: &[Name] = &[
    CODE,
    V6_CHECKSUM,
    V6_TYPE,
    ("nd.ra.cur_hop_limit", "chlim", None),
    ("nd.ra.flag.m", "M", Some(0)),
    ("nd.ra.flag.o", "O", Some(0)),
    ("nd.ra.flag.h", "H", Some(0)),
    ("nd.ra.flag.prf", "prf", None),
    ("nd.ra.flag.p", "P", Some(0)),
    ("nd.ra.flag.rsv", "res", Some(0)),
    ("nd.ra.router_lifetime", "routerlifetime", None),
    ("nd.ra.reachable_time", "reachabletime", Some(0)),
    ("nd.ra.retrans_timer", "retranstimer", Some(0)),
];

const TYPE: Name = ("type", "type", None);
const CODE: Name = ("code", "code", Some(0));
const CHECKSUM: Name = ("checksum", "chksum", None);

const ICMPV6_ECHO: &[Name] = &[
    ("code", "code", Some(0)),
    ("checksum", "cksum", None),
    ("echo.identifier", "id", Some(0)),
    ("echo.sequence_number", "seq", Some(0)),
    ("type", "", None),
];

const ARP: &[Name] = &[
    ("hw.type", "hwtype", Some(1)),
    ("proto.type", "ptype", Some(0x0800)),
    ("hw.size", "hwlen", None),
    ("proto.size", "plen", None),
    ("opcode", "op", Some(1)),
    ("src.hw_mac", "hwsrc", None),
    ("src.proto_ipv4", "psrc", None),
    ("dst.hw_mac", "hwdst", None),
    ("dst.proto_ipv4", "pdst", None),
];

const IP: &[Name] = &[
    ("version", "version", Some(4)),
    ("hdr_len", "ihl", None),
    ("dsfield", "tos", Some(0)),
    ("len", "len", None),
    ("id", "id", None),
    ("flags", "flags", Some(0)),
    ("frag_offset", "frag", Some(0)),
    ("ttl", "ttl", Some(64)),
    ("proto", "proto", None),
    ("checksum", "chksum", None),
    ("src", "src", None),
    ("dst", "dst", None),
    ("options", "options", None),
];

const IPV6: &[Name] = &[
    ("version", "version", Some(6)),
    ("tclass", "tc", Some(0)),
    ("flow", "fl", Some(0)),
    ("plen", "plen", None),
    ("nxt", "nh", None),
    ("hlim", "hlim", Some(64)),
    ("src", "src", None),
    ("dst", "dst", None),
];

const TCP: &[Name] = &[
    ("srcport", "sport", None),
    ("dstport", "dport", None),
    ("seq", "seq", Some(0)),
    ("ack", "ack", Some(0)),
    ("hdr_len", "dataofs", None),
    ("reserved", "reserved", Some(0)),
    ("flags", "flags", None),
    ("window_size_value", "window", None),
    ("checksum", "chksum", None),
    ("urgent_pointer", "urgptr", Some(0)),
    ("options", "options", None),
];

const BOUND: &[(&str, &[&str])] = &[
    ("eth", &["ip", "ipv6", "arp", "vlan"]),
    ("vlan", &["ip", "ipv6", "arp"]),
    ("ip", &["tcp", "udp", "icmp"]),
    ("ipv6", &["tcp", "udp", "icmpv6", "ipv6.fraghdr"]),
];

/// scapy's names of TCP options whose values it takes as numbers: our name, its name.
pub(super) const TCP_OPTIONS: &[(&str, &str)] = &[
    ("eol", "EOL"),
    ("nop", "NOP"),
    ("mss", "MSS"),
    ("wscale", "WScale"),
    ("sack_perm", "SAckOK"),
    ("sack", "SAck"),
    ("timestamp", "Timestamp"),
];

/// scapy's names of flags, the lowest bit first.
pub(super) const TCP_FLAGS: &[&str] = &["F", "S", "R", "P", "A", "U", "E", "C", "N"];
pub(super) const IP_FLAGS: &[&str] = &["MF", "DF", "evil"];

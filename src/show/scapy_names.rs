//! What layers and fields are called in scapy (secdev/scapy, `layers/l2.py`, `inet.py`, `inet6.py`), and which values it
//! writes when nobody says otherwise.

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
}

/// Our name of a field, scapy's, and scapy's default.
pub(super) type Name = (&'static str, &'static str, Option<u64>);

const fn class(layer: &'static str, class: &'static str, fields: &'static [Name]) -> Class {
    Class { layer, types: &[], class, fields, len: 0, rest: None, next: "", is_transport: false }
}

const fn icmp(types: &'static [u64], len: usize, fields: &'static [Name]) -> Class {
    Class { types, len, ..class("icmp", "ICMP", fields) }
}

/// The class of a layer whose header says this type.
pub(super) fn class_of(layer: &str, kind: Option<u64>) -> Option<&'static Class> {
    CLASSES.iter().find(|class| {
        class.layer == layer
            && (class.types.is_empty() || kind.is_some_and(|kind| class.types.contains(&kind)))
    })
}

/// Whether scapy knows by itself what a layer must say to carry the other.
pub(super) fn is_bound(layer: &str, next: &str) -> bool {
    BOUND.iter().any(|(below, above)| *below == layer && above.contains(&next))
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

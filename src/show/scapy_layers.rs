//! Layers besides those of `scapy_names`: links, tunnels, extension headers, SCTP, applications.

use super::scapy_names::{Class, Name, class};

pub(super) const FURTHER: &[Class] = &[
    class(
        "ieee8021ad",
        "Dot1AD",
        &[
            ("priority", "prio", Some(0)),
            ("dei", "dei", Some(0)),
            ("id", "vlan", None),
            ("etype", "type", None),
        ],
    ),
    Class {
        len: 3,
        behind: Some(("SNAP", &[("oui", "OUI", None), ("type", "code", None), ("pid", "code", None)])),
        ..class("llc", "LLC", &[("dsap", "dsap", None), ("ssap", "ssap", None), ("control", "ctrl", None)])
    },
    class(
        "mpls",
        "MPLS",
        &[("label", "label", None), ("exp", "cos", Some(0)), ("bottom", "s", None), ("ttl", "ttl", None)],
    ),
    Class { len: 6, ..class("pppoed", "PPPoED", PPPOE) },
    class("pppoes", "PPPoE", PPPOE),
    class("ppp", "PPP", &[("protocol", "proto", None), ("compressed_protocol", "proto:octet", None)]),
    class("gre", "GRE", GRE),
    class(
        "vxlan",
        "VXLAN",
        &[
            ("flags", "flags:vxlan", None),
            ("reserved_1", "only", Some(0)),
            ("flag_d", "only", Some(0)),
            ("reserved_2", "only", Some(0)),
            ("flag_a", "only", Some(0)),
            ("reserved_3", "only", Some(0)),
            ("gbp", "only", Some(0)),
            ("vni", "vni", None),
            ("reserved8", "reserved2", Some(0)),
        ],
    ),
    Class { len: 8, ..class("geneve", "GENEVE", GENEVE) },
    Class { constant: "autopad=0", ..class("ipv6.hopopts", "IPv6ExtHdrHopByHop", IPV6_OPTIONS) },
    Class { constant: "autopad=0", ..class("ipv6.dstopts", "IPv6ExtHdrDestOpt", IPV6_OPTIONS) },
    Class {
        types: &[0],
        len: 8,
        ..class(
            "ipv6.routing",
            "IPv6ExtHdrRouting",
            &[
                ("nxt", "nh", None),
                ("len", "len:always", None),
                ("type", "type", None),
                ("segleft", "segleft", None),
                ("reserved", "reserved", Some(0)),
            ],
        )
    },
    Class {
        len: 8,
        rest: Some("data"),
        ..class("esp", "ESP", &[("spi", "spi", None), ("sequence", "seq", None)])
    },
    Class {
        len: 12,
        rest: Some("icv"),
        ..class(
            "ah",
            "AH",
            &[
                ("next_header", "nh", None),
                ("length", "payloadlen:always", None),
                ("reserved", "reserved:number", None),
                ("spi", "spi", None),
                ("sequence", "seq", None),
            ],
        )
    },
    Class { types: &[0x11, 0x12, 0x16, 0x17], len: 8, below: "options", ..class("igmp", "IGMP", IGMP) },
    class(
        "sctp",
        "SCTP",
        &[
            ("srcport", "sport", None),
            ("dstport", "dport", None),
            ("verification_tag", "tag", None),
            ("checksum", "chksum", None),
        ],
    ),
    Class { len: 16, rest: Some("data"), is_padded: true, ..class("sctp.data", "SCTPChunkData", SCTP_DATA) },
    Class { len: 20, ..class("sctp.init", "SCTPChunkInit", SCTP_INIT) },
    Class { len: 20, ..class("sctp.init_ack", "SCTPChunkInitAck", SCTP_INIT) },
    Class {
        len: 16,
        ..class(
            "sctp.sack",
            "SCTPChunkSACK",
            &[
                CHUNK_TYPE,
                CHUNK_FLAGS,
                CHUNK_LENGTH,
                ("cumulative_tsn_ack", "cumul_tsn_ack", None),
                ("a_rwnd", "a_rwnd", None),
                ("number_of_gap_blocks", "n_gap_ack", None),
                ("number_of_duplicated_tsns", "n_dup_tsn", None),
            ],
        )
    },
    Class { len: 4, ..class("sctp.heartbeat", "SCTPChunkHeartbeatReq", CHUNK) },
    Class { len: 4, ..class("sctp.heartbeat_ack", "SCTPChunkHeartbeatAck", CHUNK) },
    Class { len: 4, ..class("sctp.abort", "SCTPChunkAbort", CHUNK_T) },
    Class {
        len: 8,
        ..class(
            "sctp.shutdown",
            "SCTPChunkShutdown",
            &[CHUNK_TYPE, CHUNK_FLAGS, CHUNK_LENGTH, ("cumulative_tsn_ack", "cumul_tsn_ack", None)],
        )
    },
    Class { len: 4, ..class("sctp.shutdown_ack", "SCTPChunkShutdownAck", CHUNK) },
    Class { len: 4, ..class("sctp.error", "SCTPChunkError", CHUNK) },
    Class {
        len: 4,
        rest: Some("cookie"),
        is_padded: true,
        ..class("sctp.cookie_echo", "SCTPChunkCookieEcho", CHUNK)
    },
    Class { len: 4, ..class("sctp.cookie_ack", "SCTPChunkCookieAck", CHUNK) },
    Class { len: 4, ..class("sctp.shutdown_complete", "SCTPChunkShutdownComplete", CHUNK_T) },
    Class { len: 12, has_questions: true, ..class("dns", "DNS", DNS) },
    Class { len: 12, has_questions: true, ..class("mdns", "DNS", DNS) },
    Class { len: 236, rest: Some("options"), ..class("dhcp", "BOOTP", BOOTP) },
    Class { len: 48, ..class("ntp", "NTPHeader", NTP) },
];

const PPPOE: &[Name] = &[
    ("version", "version", Some(1)),
    ("type", "type", Some(1)),
    ("code", "code", None),
    ("session_id", "sessionid", Some(0)),
    ("payload_length", "len", None),
];

/// A version 1 has other fields.
const GRE: &[Name] = &[
    ("flags", "", None),
    ("flags.checksum", "chksum_present", Some(0)),
    ("flags.routing", "routing_present", Some(0)),
    ("flags.key", "key_present", Some(0)),
    ("flags.sequence_number", "seqnum_present", Some(0)),
    ("flags.strict_source_route", "strict_route_source", Some(0)),
    ("flags.recursion_control", "recursion_control", Some(0)),
    ("flags.ack", "only", Some(0)),
    ("flags.reserved", "flags", Some(0)),
    ("version", "version", Some(0)),
    ("proto", "proto", None),
    ("checksum", "chksum", None),
    ("offset", "offset", None),
    ("key", "key", None),
    ("sequence_number", "sequence_number", None),
];

const GENEVE: &[Name] = &[
    ("version", "version", Some(0)),
    ("opt_len", "optionlen", None),
    ("flags", "", None),
    ("flags.oam", "oam", Some(0)),
    ("flags.critical", "critical", Some(0)),
    ("flags.reserved", "reserved", Some(0)),
    ("proto_type", "proto", None),
    ("vni", "vni", None),
    ("reserved", "reserved2", Some(0)),
];

const IPV6_OPTIONS: &[Name] = &[("nxt", "nh", None), ("len", "len", None), ("options", "options", None)];

const IGMP: &[Name] = &[
    ("type", "type", None),
    ("max_resp", "mrcode", None),
    ("checksum", "chksum", None),
    ("maddr", "gaddr", None),
];

const CHUNK_TYPE: Name = ("type", "", None);
const CHUNK_FLAGS: Name = ("flags", "flags", Some(0));
const CHUNK_LENGTH: Name = ("length", "len:always", None);
const CHUNK: &[Name] = &[CHUNK_TYPE, CHUNK_FLAGS, CHUNK_LENGTH];
const CHUNK_T: &[Name] = &[
    CHUNK_TYPE,
    ("flags", "", None),
    ("flags.reserved", "reserved", Some(0)),
    ("flags.t", "TCB", Some(0)),
    CHUNK_LENGTH,
];

const SCTP_DATA: &[Name] = &[
    CHUNK_TYPE,
    ("flags", "", None),
    ("flags.reserved", "reserved", Some(0)),
    ("flags.i", "delay_sack", Some(0)),
    ("flags.u", "unordered", Some(0)),
    ("flags.b", "beginning", Some(0)),
    ("flags.e", "ending", Some(0)),
    CHUNK_LENGTH,
    ("tsn", "tsn", None),
    ("sid", "stream_id", None),
    ("ssn", "stream_seq", None),
    ("ppid", "proto_id", None),
];

const SCTP_INIT: &[Name] = &[
    CHUNK_TYPE,
    CHUNK_FLAGS,
    CHUNK_LENGTH,
    ("initiate_tag", "init_tag", None),
    ("a_rwnd", "a_rwnd", None),
    ("outbound_streams", "n_out_streams", None),
    ("inbound_streams", "n_in_streams", None),
    ("initial_tsn", "init_tsn", None),
];

const DNS: &[Name] = &[
    ("id", "id", Some(0)),
    ("flags", "", None),
    ("flags.response", "qr", Some(0)),
    ("flags.opcode", "opcode", Some(0)),
    ("flags.authoritative", "aa", Some(0)),
    ("flags.truncated", "tc", Some(0)),
    ("flags.recdesired", "rd", Some(1)),
    ("flags.recavail", "ra", Some(0)),
    ("flags.z", "z", Some(0)),
    ("flags.authenticated", "ad", Some(0)),
    ("flags.checkdisable", "cd", Some(0)),
    ("flags.rcode", "rcode", Some(0)),
    ("count.queries", "qdcount", None),
    ("count.answers", "ancount", None),
    ("count.auth_rr", "nscount", None),
    ("count.add_rr", "arcount", None),
];

const BOOTP: &[Name] = &[
    ("type", "op", None),
    ("hw.type", "htype", Some(1)),
    ("hw.len", "hlen", Some(6)),
    ("hops", "hops", Some(0)),
    ("id", "xid", None),
    ("secs", "secs", Some(0)),
    ("flags", "flags", Some(0)),
    ("flags.bc", "", None),
    ("flags.reserved", "", None),
    ("ip.client", "ciaddr", None),
    ("ip.your", "yiaddr", None),
    ("ip.server", "siaddr", None),
    ("ip.relay", "giaddr", None),
    ("hw.mac_addr", "chaddr", None),
    ("hw.addr_padding", "only", Some(0)),
    ("hw.addr", "chaddr:zeros", None),
    ("server", "sname:zeros", None),
    ("file", "file:zeros", None),
];

const NTP: &[Name] = &[
    ("flags", "", None),
    ("flags.li", "leap", Some(0)),
    ("flags.vn", "version", Some(4)),
    ("flags.mode", "mode", Some(3)),
    ("stratum", "stratum", None),
    ("ppoll", "poll:signed", None),
    ("precision", "precision:signed", Some(0)),
    ("rootdelay", "delay:fraction16", Some(0)),
    ("rootdispersion", "dispersion:fraction16", Some(0)),
    // An address of servers that are not the first, else a text.
    ("refid", "ref_id", None),
    ("refid", "id:address", None),
    ("reftime", "ref:fraction32", None),
    ("org", "orig:fraction32", None),
    ("rec", "recv:fraction32", None),
    ("xmt", "sent:fraction32", None),
];

//! TCP, the Transmission Control Protocol: RFC 9293, with the accurate-ECN bit of RFC 9768.

use super::describe::{
    Glance, Group, Len, Protocol, Record, Section, Severity, Stated, Style, flag, group, octets, uint,
};
use super::edge::Edge;
use super::filter_names::{Compute, payload, payload_len};
use super::listed::Listed;
use super::{auto, dns_tcp, http, ip, tls, udp};
use crate::wire::big_endian::{long_at, octet_at, word_at};
use crate::wire::record::{Counts, Dialect, Padding};

/// The table of what it carries, which the first octets of a segment tell.
pub(super) const PORT: &str = "tcp.port";
/// Octets of the header without options.
pub(super) const FIXED_LEN: usize = 20;
/// The octet whose high half is the data offset.
const OFFSET_AT: usize = 12;
/// Flags in the octet behind it.
const ACK: u8 = 0x10;
const URG: u8 = 0x20;

pub(super) const TCP: Listed = Listed::new("tcp", &[Edge::new(ip::PROTO, 6)], describe);

fn describe() -> Protocol {
    Protocol::new("Transmission Control Protocol", "RFC 9293", sections)
        .next_by_payload(PORT, carried)
        .glance(|octets| {
            let rest = |_: &[u8]| Stated::Rest;
            Glance::of(octets, (FIXED_LEN, options_len), rest, |header, payload| {
                [carried(header, payload), None]
            })
        })
        .identity(udp::ports)
        .ports(udp::port_pair)
        .alias("tcp.port", &["srcport", "dstport"])
        .alias("tcp.seq_raw", &["seq"])
        .alias("tcp.ack_raw", &["ack"])
        .alias("tcp.options.mss_val", &["options.mss"])
        .alias("tcp.options.wscale.shift", &["options.wscale"])
        .alias("tcp.options.sack_le", &["options.sack.left"])
        .alias("tcp.options.sack_re", &["options.sack.right"])
        .alias("tcp.options.md5.digest", &["options.md5"])
        .alias("tcp.options.tfo.cookie", &["options.fastopen"])
        .derived("tcp.len", Compute::Number(payload_len))
        .remark(
            "tcp.ack.nonzero",
            (Severity::Note, Group::Protocol),
            "An acknowledgment number without the ACK flag",
            |view| (octet_at(view.header(), 13)? & ACK == 0 && long_at(view.header(), 8)? != 0).then_some(1),
        )
        .remark(
            "tcp.urgent_pointer.non_zero",
            (Severity::Note, Group::Protocol),
            "An urgent pointer without the URG flag",
            |view| (octet_at(view.header(), 13)? & URG == 0 && word_at(view.header(), 18)? != 0).then_some(1),
        )
        .derived("tcp.payload", Compute::Octets(payload))
        .summary(super::tcp_summary::summary)
}

fn sections() -> Vec<Section> {
    let header = vec![
        uint("srcport", 16, "Source port").default_uint(49152),
        uint("dstport", 16, "Destination port").default_uint(80).auto(auto::next_protocol),
        uint("seq", 32, "Sequence number"),
        uint("ack", 32, "Acknowledgment number"),
        uint("hdr_len", 4, "Header length in octets").in_units_of(4).auto(auto::header_len),
        uint("reserved", 3, "Reserved"),
        group("flags", "Flags").letters(FLAG_LETTERS).default_uint(SYN),
        flag("flags.ae", "Accurate ECN"),
        flag("flags.cwr", "Congestion window reduced"),
        flag("flags.ece", "ECN echo"),
        flag("flags.urg", "Urgent"),
        flag("flags.ack", "Acknowledgment"),
        flag("flags.push", "Push"),
        flag("flags.reset", "Reset"),
        flag("flags.syn", "Syn"),
        flag("flags.fin", "Fin"),
        uint("window_size_value", 16, "Window").default_uint(64240),
        uint("checksum", 16, "Checksum")
            .checksum(auto::transport_checksum)
            .completed_by_cards(auto::partial_checksum),
        uint("urgent_pointer", 16, "Urgent pointer"),
    ];
    vec![
        Section::fields(header),
        Section::records("options", "Options", DIALECT, options(), Len::Octets(options_len)),
    ]
}

/// What begins here, by the port that it usually has: a segment tells that itself, whatever its ports; but for DNS.
fn carried(header: &[u8], payload: &[u8]) -> Option<u64> {
    let begun = match payload.first()? {
        0x14..=0x17 => tls::begins(payload).then_some(tls::PORT),
        b'A'..=b'Z' => http::begins(payload).then_some(http::PORT),
        _ => None,
    };
    begun.or_else(|| dns_tcp::begins(header, payload).then_some(dns_tcp::PORT))
}

/// The letters that specs use for the flags, most significant first.
const FLAG_LETTERS: &str = "NCEUAPRSF";
const SYN: u64 = 2;

pub(super) const DIALECT: Dialect = Dialect {
    code_name: "kind",
    singles: &[0, 1],
    end: Some(0),
    counts: Counts::Record,
    unit: 1,
    padding: Padding::Zeros(4),
};

/// IANA tcp-parameters.
fn options() -> Vec<Record> {
    let value = |name, bits, title| vec![Section::fields(vec![uint(name, bits, title)])];
    let edges = vec![Section::fields(vec![uint("left", 32, "Left edge"), uint("right", 32, "Right edge")])];
    let stamps = vec![uint("tsval", 32, "Time stamp value"), uint("tsecr", 32, "Time stamp echo reply")];
    vec![
        Record::new(0, "eol", "End of options list", vec![]),
        Record::new(1, "nop", "No operation", vec![]),
        Record::new(2, "mss", "Maximum segment size", value("mss", 16, "Octets")),
        Record::new(3, "wscale", "Window scale (RFC 7323)", value("wscale", 8, "Shift count")),
        Record::new(4, "sack_perm", "SACK permitted (RFC 2018)", vec![]),
        Record::new(
            5,
            "sack",
            "SACK (RFC 2018)",
            vec![Section::items("", "Blocks", Style::Tuple, edges, Len::Rest)],
        ),
        Record::new(8, "timestamp", "Time stamps (RFC 7323)", vec![Section::fields(stamps)]),
        Record::new(
            19,
            "md5",
            "MD5 signature (RFC 2385)",
            vec![Section::fields(vec![octets("md5", 16, "Digest")])],
        ),
        Record::new(
            34,
            "fastopen",
            "Fast Open (RFC 7413)",
            vec![Section::octets("cookie", "Cookie", Len::Rest)],
        ),
    ]
}

fn options_len(header: &[u8]) -> Option<usize> {
    let words = usize::from(header.get(OFFSET_AT)? >> 4);
    words.checked_mul(4)?.checked_sub(FIXED_LEN)
}

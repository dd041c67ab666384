//! IGMP versions 1 to 3: RFC 1112, RFC 2236, RFC 3376.

use std::fmt;
use std::net::Ipv4Addr;

use super::auto::{self, Scope};
use super::describe::{Before, Len, Protocol, Section, Style, View, flag, ipv4, uint};
use super::edge::Edge;
use super::ip;
use super::listed::Listed;
use crate::wire::big_endian::{long_at, octet, word, word_at};
use crate::wire::text::Text;

pub(super) const IGMP: Listed = Listed::new("igmp", &[Edge::new(ip::PROTO, 2)], describe);

fn describe() -> Protocol {
    Protocol::new("Internet Group Management Protocol", "RFC 3376", sections)
        .message()
        .alias("igmp.saddr", &["sources", "records.sources"])
        .alias("igmp.maddr", &["records.maddr"])
        .alias("igmp.num_src", &["records.num_src"])
        .alias("igmp.record_type", &["records.record_type"])
        .alias("igmp.aux_data_len", &["records.aux_data_len"])
        .tag("igmp")
        .summary(summary)
}

fn sections() -> Vec<Section> {
    let reserved = |name, bits| uint(name, bits, "Reserved").hex().hidden_when_zero();
    let head = vec![
        uint("type", 8, "Type").values(TYPES).default_uint(u64::from(QUERY)),
        uint("max_resp", 8, "Maximum response time in tenths of a second"),
        uint("checksum", 16, "Checksum").message_checksum(auto::layer_checksum),
    ];
    let v3_query = vec![
        reserved("reserved", 4),
        flag("s", "Suppress router-side processing"),
        uint("qrv", 3, "Querier's robustness variable"),
        uint("qqic", 8, "Querier's query interval code"),
        uint("num_src", 16, "Number of sources").auto(count_query_sources),
    ];
    vec![
        Section::fields(head),
        Section::fields(vec![ipv4("maddr", "Multicast address")]).when(has_group),
        Section::fields(v3_query).when(is_v3_query),
        Section::items(
            "sources",
            "Sources",
            Style::Scalar,
            source(),
            Len::Count(|header| usize::from(word(header, 10))),
        )
        .when(|before| before.octet(0) == QUERY && before.header.len() == 12),
        Section::fields(vec![
            reserved("reserved", 16),
            uint("num_grp_recs", 16, "Number of group records").auto(count_records),
        ])
        .when(is_v3_report),
        Section::items(
            "records",
            "Group records",
            Style::Table,
            record(),
            Len::Count(|header| usize::from(word(header, 6))),
        )
        .when(is_v3_report),
        Section::octets("body", "Body", Len::Rest).when(|before| !has_group(before) && !is_v3_report(before)),
    ]
}

/// A source's address.
fn source() -> Vec<Section> {
    vec![Section::fields(vec![ipv4("saddr", "Source")])]
}

/// A group record of a report (RFC 3376 §4.2.4).
fn record() -> Vec<Section> {
    vec![
        Section::fields(vec![
            uint("record_type", 8, "Record type").values(RECORD_TYPES),
            uint("aux_data_len", 8, "Words of auxiliary data"),
            uint("num_src", 16, "Number of sources").auto(count_record_sources),
            ipv4("maddr", "Multicast address"),
        ]),
        Section::items("sources", "Sources", Style::Scalar, source(), Len::Octets(record_sources_len)),
        Section::octets(
            "aux_data",
            "Auxiliary data",
            Len::Octets(|record| usize::from(*record.get(1)?).checked_mul(4)),
        )
        .when(|before| before.octet(1) != 0 || (before.wrote)("aux_data")),
    ]
}

/// Tcpdump's words, and of the group and the records only what was captured.
fn summary(view: &View<'_>, out: &mut Text) -> fmt::Result {
    let header = view.header();
    match *header {
        [QUERY] | [] => return Ok(()),
        [QUERY, max_resp, ..] => {
            // By the length of the message, whatever of it was captured (RFC 3376 §7.1).
            let version = match (view.layer_len(), max_resp) {
                (12.., _) => 3,
                (_, 0) => 1,
                _ => 2,
            };
            write!(out, "query v{version}")?;
        }
        [0x12, ..] => out.write_str("v1 report")?,
        [0x16, ..] => out.write_str("v2 report")?,
        [0x17, ..] => out.write_str("leave")?,
        [V3_REPORT, ..] => out.write_str("v3 report")?,
        [kind, ..] => match TYPES.iter().find(|(number, _)| *number == u64::from(kind)) {
            Some((_, name)) => out.write_str(name)?,
            None => write!(out, "type-{kind}")?,
        },
    }
    let group = long_at(header, 4).map(Ipv4Addr::from);
    match (octet(header, 0), group, word_at(header, 6)) {
        (QUERY, Some(group), _) if !group.is_unspecified() => write!(out, " [gaddr {}]", view.named(group)),
        (0x12 | 0x16 | 0x17, Some(group), _) => write!(out, " {}", view.named(group)),
        (V3_REPORT, _, Some(records)) => write!(out, ", {records} group record(s)"),
        _ => Ok(()),
    }
}

/// Queries, reports of versions 1 and 2 and leaves have a group address behind the checksum.
fn has_group(before: &Before<'_>) -> bool {
    matches!(before.octet(0), QUERY | 0x12 | 0x16 | 0x17) && !(before.wrote)("body")
}

/// A query is of version 3 when it has at least 12 octets (RFC 3376 §7.1).
fn is_v3_query(before: &Before<'_>) -> bool {
    let wrote = ["s", "qrv", "qqic", "num_src", "sources"].iter().any(|name| (before.wrote)(name));
    before.octet(0) == QUERY && has_group(before) && (before.left.len() >= 4 || wrote)
}

fn is_v3_report(before: &Before<'_>) -> bool {
    before.octet(0) == V3_REPORT && !(before.wrote)("body")
}

fn count_query_sources(scope: &Scope<'_>) -> Option<u64> {
    u64::try_from(scope.region().len().checked_sub(12)?.checked_div(4)?).ok()
}

fn count_record_sources(scope: &Scope<'_>) -> Option<u64> {
    let aux = usize::from(*scope.region().get(1)?).checked_mul(4)?;
    u64::try_from(scope.region().len().checked_sub(8)?.checked_sub(aux)?.checked_div(4)?).ok()
}

fn record_sources_len(record: &[u8]) -> Option<usize> {
    usize::from(word(record, 2)).checked_mul(4)
}

/// Counts the records of a report that is being built: each says its own length.
fn count_records(scope: &Scope<'_>) -> Option<u64> {
    let mut left = scope.region().get(8..)?;
    let mut count = 0u64;
    while !left.is_empty() {
        let aux = usize::from(*left.get(1)?).checked_mul(4)?;
        left = left.get(record_sources_len(left)?.checked_add(aux)?.checked_add(8)?..)?;
        count = count.checked_add(1)?;
    }
    Some(count)
}

const QUERY: u8 = 0x11;
const V3_REPORT: u8 = 0x22;

/// IANA igmp-type-numbers.
const TYPES: &[(u64, &str)] = &[
    (0x11, "membership query"),
    (0x12, "version 1 membership report"),
    (0x13, "DVMRP"),
    (0x14, "PIM version 1"),
    (0x16, "version 2 membership report"),
    (0x17, "leave group"),
    (0x22, "version 3 membership report"),
    (0x30, "multicast router advertisement"),
];

/// RFC 3376 §4.2.12.
const RECORD_TYPES: &[(u64, &str)] = &[
    (1, "mode is include"),
    (2, "mode is exclude"),
    (3, "change to include mode"),
    (4, "change to exclude mode"),
    (5, "allow new sources"),
    (6, "block old sources"),
];

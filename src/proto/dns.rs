//! DNS, the Domain Name System: RFC 1035, with the flags of RFC 4035. Its messages are also those of mDNS (RFC 6762), which
//! takes a bit from each class, and of LLMNR (RFC 4795), which has other flags: each is a protocol with names of its own, as
//! in Wireshark, where all their fields go by those of DNS.

use super::describe::{Exchange, Extent, Field, Len, Protocol, Section, ShortItem, Style, flag, group, uint};
use super::dns_records::{CLASSES, OPT, QUERY_TYPES, in_records, names_of_records, record};
use super::dns_summary::summary;
use super::edge::Edge;
use super::listed::Listed;
use super::{dns_tcp, udp};
use crate::wire::big_endian::{word, word_at};

pub(super) const DNS: Listed =
    Listed::new("dns", &[Edge::new(udp::PORT, 53), Edge::new(dns_tcp::MESSAGE, 0)], describe_dns);

fn describe_dns() -> Protocol {
    let protocol = Protocol::new("Domain Name System", "RFC 1035", sections_dns);
    let protocol = words(protocol).exchange(exchange);
    names_of_records!(protocol).extent(Extent::Header).summary(summary)
}

fn sections_dns() -> Vec<Section> {
    let flags = vec![
        flag("flags.authoritative", "Authoritative answer"),
        flag("flags.truncated", "Truncated"),
        flag("flags.recdesired", "Recursion desired"),
        flag("flags.recavail", "Recursion available"),
        flag("flags.z", "Reserved"),
        flag("flags.authenticated", "Authentic data"),
        flag("flags.checkdisable", "Checking disabled"),
    ];
    sections(RECURSION_DESIRED, flags, None)
}

pub(super) const MDNS: Listed = Listed::new("mdns", &[Edge::new(udp::PORT, 5353)], describe_mdns);

fn describe_mdns() -> Protocol {
    let protocol = words(Protocol::new("Multicast Domain Name System", "RFC 6762", sections_mdns))
        .alias("dns.qry.qu", &["qry.qu"])
        .alias("dns.resp.cache_flush", in_records!("cache_flush"))
        .alias("dns.flags.authoritative", &["flags.authoritative"])
        .alias("dns.flags.recdesired", &["flags.recdesired"])
        .alias("dns.flags.recavail", &["flags.recavail"])
        .alias("dns.flags.z", &["flags.z"])
        .alias("dns.flags.authenticated", &["flags.authenticated"])
        .alias("dns.flags.checkdisable", &["flags.checkdisable"]);
    names_of_records!(names_of_header(protocol)).extent(Extent::Header).summary(summary)
}

fn sections_mdns() -> Vec<Section> {
    let flags = vec![
        flag("flags.authoritative", "Authoritative answer"),
        flag("flags.truncated", "More known answers follow"),
        flag("flags.recdesired", "Recursion desired"),
        flag("flags.recavail", "Recursion available"),
        flag("flags.z", "Reserved"),
        flag("flags.authenticated", "Authentic data"),
        flag("flags.checkdisable", "Checking disabled"),
    ];
    sections(0, flags, Some(("qu", "cache_flush")))
}

pub(super) const LLMNR: Listed = Listed::new("llmnr", &[Edge::new(udp::PORT, 5355)], describe_llmnr);

fn describe_llmnr() -> Protocol {
    let protocol = Protocol::new("Link-Local Multicast Name Resolution", "RFC 4795", sections_llmnr)
        .alias("dns.flags.conflict", &["flags.conflict"])
        .alias("dns.flags.tentative", &["flags.tentative"]);
    names_of_records!(names_of_header(protocol)).extent(Extent::Header).summary(summary)
}

fn sections_llmnr() -> Vec<Section> {
    let flags = vec![
        flag("flags.conflict", "The name is not unique"),
        flag("flags.truncated", "Truncated"),
        flag("flags.tentative", "The sender has not yet found its name to be unique"),
        uint("flags.reserved", 4, "Reserved"),
    ];
    sections(0, flags, None)
}

/// Words of specs: the questions by the name of their count, `count.queries`, and EDNS's record, of which there is one at most.
fn words(protocol: Protocol) -> Protocol {
    let option = ShortItem { has: ("type", OPT as u64), names: &[("do", "z.do")] };
    protocol.also_written("queries", "qry").item_written("opt", "additionals", option)
}

/// Names of what stands in the header, for the protocols that have the messages of DNS.
fn names_of_header(protocol: Protocol) -> Protocol {
    protocol
        .alias("dns.id", &["id"])
        .alias("dns.flags", &["flags"])
        .alias("dns.flags.response", &["flags.response"])
        .alias("dns.flags.opcode", &["flags.opcode"])
        .alias("dns.flags.truncated", &["flags.truncated"])
        .alias("dns.flags.rcode", &["flags.rcode"])
        .alias("dns.count.queries", &["count.queries"])
        .alias("dns.count.answers", &["count.answers"])
        .alias("dns.count.auth_rr", &["count.auth_rr"])
        .alias("dns.count.add_rr", &["count.add_rr"])
        .alias("dns.qry.name", &["qry.name"])
        .alias("dns.qry.type", &["qry.type"])
        .alias("dns.qry.class", &["qry.class"])
}

/// By the number of the transaction (RFC 1035 §4.1.1).
fn exchange(header: &[u8]) -> Option<Exchange> {
    let number = u64::from(word_at(header, 0)?);
    let is_answer = word_at(header, 2)? & 0x8000 != 0;
    Some(if is_answer { Exchange::Answer(number) } else { Exchange::Question(number) })
}

/// Octets before the questions.
pub(super) const HEADER_LEN: usize = 12;
const RECURSION_DESIRED: u64 = 0x0100;

/// The message. `bits` are what the highest bit of a question's class and of a record's class are called, where they are no
/// part of it.
fn sections(flags: u64, middle: Vec<Field>, bits: Option<(&'static str, &'static str)>) -> Vec<Section> {
    let mut head = vec![
        uint("id", 16, "Transaction").hex(),
        group("flags", "Flags").default_uint(flags),
        flag("flags.response", "Response"),
        uint("flags.opcode", 4, "Operation").values(OPCODES),
    ];
    head.extend(middle);
    head.extend([
        uint("flags.rcode", 4, "Response code").values(RESPONSE_CODES),
        uint("count.queries", 16, "Questions").counts("qry"),
        uint("count.answers", 16, "Answer records").counts("answers"),
        uint("count.auth_rr", 16, "Authority records").counts("authorities"),
        uint("count.add_rr", 16, "Additional records").counts("additionals"),
    ]);
    let mut question = vec![uint("type", 16, "Type").values(QUERY_TYPES).default_uint(1)];
    question.extend(class(bits.map(|(question, _)| (question, "The answer may come to the asker alone"))));
    let question = vec![Section::name("name", "Name"), Section::fields(question)];
    let list = |name, title, count: fn(&[u8]) -> usize| {
        let class = class(bits.map(|(_, record)| (record, "Other records of this name are out of date")));
        Section::items(name, title, Style::Table, record(class), Len::Count(count))
    };
    vec![
        Section::fields(head),
        Section::items(
            "qry",
            "Questions",
            Style::Table,
            question,
            Len::Count(|header| usize::from(word(header, 4))),
        ),
        list("answers", "Answers", |header| usize::from(word(header, 6))),
        list("authorities", "Authorities", |header| usize::from(word(header, 8))),
        list("additionals", "Additional records", |header| usize::from(word(header, 10))),
    ]
}

/// A class, with what its highest bit is called where it has another meaning.
fn class(bit: Option<(&'static str, &'static str)>) -> Vec<Field> {
    let class = |bits| uint("class", bits, "Class").hex().values(CLASSES).default_uint(1);
    match bit {
        Some((name, title)) => vec![flag(name, title), class(15)],
        None => vec![class(16)],
    }
}

/// IANA dns-parameters: OpCodes.
const OPCODES: &[(u64, &str)] = &[
    (0, "query"),
    (1, "inverse query"),
    (2, "status"),
    (4, "notify"),
    (5, "update"),
    (6, "stateful operations"),
];

/// IANA dns-parameters: RCODEs.
const RESPONSE_CODES: &[(u64, &str)] = &[
    (0, "no error"),
    (1, "format error"),
    (2, "server failure"),
    (3, "no such name"),
    (4, "not implemented"),
    (5, "refused"),
    (6, "name exists"),
    (7, "record set exists"),
    (8, "record set does not exist"),
    (9, "not authoritative"),
    (10, "name not in zone"),
    (11, "type not implemented"),
];

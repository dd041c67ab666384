//! Resource records of DNS: RFC 1035 §3.2 and §3.3, with those of RFC 2782 (SRV), RFC 3596 (AAAA), RFC 6672 (DNAME) and RFC
//! 6891 (OPT).
//!
//! What a record holds is told by its type. Where that is not known, or the octets are not just what the type's description
//! would build, they are kept as `data`, so that none is lost.

use super::auto::{Scope, header_len};
use super::describe::{Before, Field, Len, Section, Style, flag, group, ipv4, ipv6, uint};
use crate::wire::big_endian::word_at;
use crate::wire::domain_name::{name_len, string_len};

/// The sections of a record. `class` are its fields for the class.
pub(super) fn record(class: Vec<Field>) -> Vec<Section> {
    let mut middle = class;
    middle.extend([uint("ttl", 32, "Seconds to live"), len_field()]);
    let mut sections = vec![
        Section::name("name", "Name"),
        Section::fields(vec![uint("type", 16, "Type").values(QUERY_TYPES).default_uint(u64::from(A))]),
        Section::fields(middle).when(|before| type_behind_name(before) != Some(OPT)),
        Section::fields(option_head()).when(|before| type_behind_name(before) == Some(OPT)),
    ];
    sections.extend(contents());
    sections.push(Section::octets("data", "Data", Len::Octets(data_len)).when(is_data));
    sections
}

fn len_field() -> Field {
    uint("len", 16, "Length of the data").auto(contents_len)
}

/// RFC 6891 §6.1: an OPT record has other fields in the places of class and time to live.
fn option_head() -> Vec<Field> {
    vec![
        uint("udp_payload_size", 16, "Octets that the sender takes in one datagram").default_uint(1232),
        uint("ext_rcode", 8, "Upper 8 bits of the response code").hex(),
        uint("edns0_version", 8, "Version"),
        group("z", "Flags"),
        flag("z.do", "DNSSEC records are welcome"),
        uint("z.reserved", 15, "Reserved").hex(),
        len_field(),
    ]
}

/// What records of each known type hold, under Wireshark's names.
fn contents() -> Vec<Section> {
    let option = vec![
        Section::fields(vec![
            uint("code", 16, "Code").values(OPTIONS),
            uint("len", 16, "Length").auto(|scope| header_len(scope)?.checked_sub(4)),
        ]),
        Section::octets("data", "Data", Len::Octets(|option| word_at(option, 2).map(usize::from))),
    ];
    let strings = || vec![Section::text("text", "Text")];
    vec![
        Section::fields(vec![ipv4("a", "Address")]).when(begins::<A>),
        Section::fields(vec![ipv6("aaaa", "Address")]).when(begins::<AAAA>),
        Section::name("ns", "Name server").when(begins::<NS>),
        Section::name("cname", "Canonical name").when(begins::<CNAME>),
        Section::name("ptr.domain_name", "Domain name").when(begins::<PTR>),
        Section::name("dname", "Other name of the tree").when(begins::<DNAME>),
        Section::fields(vec![uint("mx.preference", 16, "Preference").default_uint(10)]).when(begins::<MX>),
        Section::name("mx.mail_exchange", "Mail exchange").when(goes_on::<MX>),
        Section::items("txt", "Texts", Style::Scalar, strings(), Len::Octets(data_len)).when(begins::<TXT>),
        Section::fields(vec![
            uint("srv.priority", 16, "Priority"),
            uint("srv.weight", 16, "Weight"),
            uint("srv.port", 16, "Port"),
        ])
        .when(begins::<SRV>),
        Section::name("srv.target", "Target").when(goes_on::<SRV>),
        Section::name("soa.mname", "Primary name server").when(begins::<SOA>),
        Section::name("soa.rname", "Mail box of who is responsible").when(goes_on::<SOA>),
        Section::fields(vec![
            uint("soa.serial_number", 32, "Serial number"),
            uint("soa.refresh_interval", 32, "Refresh interval in seconds"),
            uint("soa.retry_interval", 32, "Retry interval in seconds"),
            uint("soa.expire_limit", 32, "Expire limit in seconds"),
            uint("soa.minimum_ttl", 32, "Seconds to live of what there is not"),
        ])
        .when(goes_on::<SOA>),
        Section::items("hinfo", "Processor and system", Style::Scalar, strings(), Len::Octets(data_len))
            .when(begins::<HINFO>),
        Section::items("opt", "Options", Style::Table, option, Len::Octets(data_len)).when(begins::<OPT>),
    ]
}

/// The parts of a record's head.
pub(super) struct Head {
    /// Octets up to the data.
    pub(super) len: usize,
    /// The record's type.
    pub(super) kind: u16,
    /// Octets of the data, as the record says.
    pub(super) data_len: usize,
}

/// The head of the record that stands at the beginning of `octets`; `None` where it is cut.
pub(super) fn head(octets: &[u8]) -> Option<Head> {
    let name = name_len(octets)?;
    let behind = octets.get(name..)?;
    let data_len = usize::from(word_at(behind, 8)?);
    Some(Head { len: name.checked_add(10)?, kind: word_at(behind, 0)?, data_len })
}

fn type_behind_name(before: &Before<'_>) -> Option<u16> {
    word_at(before.header, name_len(before.header)?)
}

/// Octets of the data that a record's head says.
fn data_len(record: &[u8]) -> Option<usize> {
    Some(head(record)?.data_len)
}

/// Octets of the data of a record that is being built.
fn contents_len(scope: &Scope<'_>) -> Option<u64> {
    let record = scope.region();
    u64::try_from(record.len().checked_sub(head(record)?.len)?).ok()
}

/// Whether the first part of the data of this type stands here.
fn begins<const TYPE: u16>(before: &Before<'_>) -> bool {
    let Some(head) = head(before.header).filter(|head| head.kind == TYPE) else { return false };
    if before.builds {
        return !(before.wrote)("data");
    }
    let data = before.left.get(..head.data_len);
    before.header.len() == head.len && data.is_some_and(|data| is_sound(TYPE, data))
}

/// Whether a further part of the data of this type stands here: the first one was there.
fn goes_on<const TYPE: u16>(before: &Before<'_>) -> bool {
    let head = head(before.header).filter(|head| head.kind == TYPE);
    // What was kept as data is the last part, and was looked at when the first one was.
    head.is_some_and(|head| before.header.len() > head.len) && !(before.wrote)("data")
}

/// Whether the data are kept as octets.
fn is_data(before: &Before<'_>) -> bool {
    let Some(head) = head(before.header) else { return false };
    if before.builds {
        return (before.wrote)("data") || !KNOWN.contains(&head.kind);
    }
    let data = before.left.get(..head.data_len);
    before.header.len() == head.len && !data.is_some_and(|data| is_sound(head.kind, data))
}

/// Whether data are just what the description of their type would build.
fn is_sound(kind: u16, data: &[u8]) -> bool {
    let names = |from: usize, count: usize, behind: usize| {
        let mut at = from;
        for _ in 0..count {
            let len = data.get(at..).and_then(name_len);
            let Some(end) = len.and_then(|len| at.checked_add(len)).filter(|end| *end <= data.len()) else {
                return false;
            };
            at = end;
        }
        at.checked_add(behind) == Some(data.len())
    };
    match kind {
        A => data.len() == 4,
        AAAA => data.len() == 16,
        NS | CNAME | PTR | DNAME => names(0, 1, 0),
        MX => names(2, 1, 0),
        SRV => names(6, 1, 0),
        SOA => names(0, 2, 20),
        TXT | HINFO => !data.is_empty() && are_strings(data),
        OPT => true,
        _ => false,
    }
}

/// Whether octets are character strings without a rest.
fn are_strings(mut octets: &[u8]) -> bool {
    while !octets.is_empty() {
        match octets.get(string_len(octets)..) {
            Some(rest) => octets = rest,
            None => return false,
        }
    }
    true
}

pub(super) const A: u16 = 1;
pub(super) const NS: u16 = 2;
pub(super) const CNAME: u16 = 5;
pub(super) const SOA: u16 = 6;
pub(super) const PTR: u16 = 12;
pub(super) const HINFO: u16 = 13;
pub(super) const MX: u16 = 15;
pub(super) const TXT: u16 = 16;
pub(super) const AAAA: u16 = 28;
pub(super) const SRV: u16 = 33;
pub(super) const DNAME: u16 = 39;
pub(super) const OPT: u16 = 41;

/// The types that have more than `data`.
const KNOWN: &[u16] = &[A, NS, CNAME, SOA, PTR, HINFO, MX, TXT, AAAA, SRV, DNAME, OPT];

/// IANA dns-parameters: resource record types, and those that only questions have.
pub(super) const QUERY_TYPES: &[(u64, &str)] = &[
    (1, "A"),
    (2, "NS"),
    (3, "MD"),
    (4, "MF"),
    (5, "CNAME"),
    (6, "SOA"),
    (7, "MB"),
    (8, "MG"),
    (9, "MR"),
    (10, "NULL"),
    (11, "WKS"),
    (12, "PTR"),
    (13, "HINFO"),
    (14, "MINFO"),
    (15, "MX"),
    (16, "TXT"),
    (17, "RP"),
    (18, "AFSDB"),
    (24, "SIG"),
    (25, "KEY"),
    (28, "AAAA"),
    (29, "LOC"),
    (33, "SRV"),
    (35, "NAPTR"),
    (36, "KX"),
    (37, "CERT"),
    (39, "DNAME"),
    (41, "OPT"),
    (43, "DS"),
    (44, "SSHFP"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (50, "NSEC3"),
    (51, "NSEC3PARAM"),
    (52, "TLSA"),
    (59, "CDS"),
    (60, "CDNSKEY"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (99, "SPF"),
    (249, "TKEY"),
    (250, "TSIG"),
    (251, "IXFR"),
    (252, "AXFR"),
    (255, "ANY"),
    (256, "URI"),
    (257, "CAA"),
];

/// IANA dns-parameters: classes.
pub(super) const CLASSES: &[(u64, &str)] = &[(1, "IN"), (3, "CH"), (4, "HS"), (254, "NONE"), (255, "ANY")];

/// IANA dns-parameters: EDNS0 option codes.
const OPTIONS: &[(u64, &str)] = &[
    (1, "LLQ"),
    (3, "NSID"),
    (5, "DAU"),
    (6, "DHU"),
    (7, "N3U"),
    (8, "client subnet"),
    (9, "expire"),
    (10, "cookie"),
    (11, "TCP keepalive"),
    (12, "padding"),
    (13, "chain"),
    (14, "key tag"),
    (15, "extended error"),
];

/// A field of records, wherever they stand.
macro_rules! in_records {
    ($field:literal) => {
        &[concat!("answers.", $field), concat!("authorities.", $field), concat!("additionals.", $field)]
    };
}
pub(super) use in_records;

/// Wireshark's names for the fields of records, which do not say where the records stand.
macro_rules! names_of_records {
    ($protocol:expr) => {
        $protocol
            .alias("dns.resp.name", in_records!("name"))
            .alias("dns.resp.type", in_records!("type"))
            .alias("dns.resp.class", in_records!("class"))
            .alias("dns.resp.ttl", in_records!("ttl"))
            .alias("dns.resp.len", in_records!("len"))
            .alias("dns.rr.udp_payload_size", in_records!("udp_payload_size"))
            .alias("dns.resp.ext_rcode", in_records!("ext_rcode"))
            .alias("dns.resp.edns0_version", in_records!("edns0_version"))
            .alias("dns.resp.z", in_records!("z"))
            .alias("dns.resp.z.do", in_records!("z.do"))
            .alias("dns.resp.z.reserved", in_records!("z.reserved"))
            .alias("dns.a", in_records!("a"))
            .alias("dns.aaaa", in_records!("aaaa"))
            .alias("dns.ns", in_records!("ns"))
            .alias("dns.cname", in_records!("cname"))
            .alias("dns.dname", in_records!("dname"))
            .alias("dns.ptr.domain_name", in_records!("ptr.domain_name"))
            .alias("dns.mx.preference", in_records!("mx.preference"))
            .alias("dns.mx.mail_exchange", in_records!("mx.mail_exchange"))
            .alias("dns.txt", in_records!("txt"))
            .alias("dns.srv.priority", in_records!("srv.priority"))
            .alias("dns.srv.weight", in_records!("srv.weight"))
            .alias("dns.srv.port", in_records!("srv.port"))
            .alias("dns.srv.target", in_records!("srv.target"))
            .alias("dns.soa.mname", in_records!("soa.mname"))
            .alias("dns.soa.rname", in_records!("soa.rname"))
            .alias("dns.soa.serial_number", in_records!("soa.serial_number"))
            .alias("dns.soa.refresh_interval", in_records!("soa.refresh_interval"))
            .alias("dns.soa.retry_interval", in_records!("soa.retry_interval"))
            .alias("dns.soa.expire_limit", in_records!("soa.expire_limit"))
            .alias("dns.soa.minimum_ttl", in_records!("soa.minimum_ttl"))
            .alias("dns.opt.code", in_records!("opt.code"))
            .alias("dns.opt.len", in_records!("opt.len"))
            .alias("dns.opt.data", in_records!("opt.data"))
    };
}
pub(super) use names_of_records;

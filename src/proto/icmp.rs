//! ICMP for IPv4: RFC 792, RFC 950 (address mask), RFC 1191 (next-hop MTU), RFC 1256 (router discovery), RFC 4884
//! (extensions), RFC 8335 (extended echo).

use pnet::packet::icmp::MutableIcmpPacket;

use super::auto::{self, Scope};
use super::describe::{
    Before, Counted, Exchange, Field, Glance, Len, Next, Protocol, Section, Side, Style, ipv4, uint,
};
use super::edge::Edge;
use super::icmp_extension as extension;
use super::ip;
use super::layout::setter;
use super::listed::Listed;
use crate::wire::big_endian::octet;

pub(super) const ICMP: Listed = Listed::new("icmp", &[Edge::new(ip::PROTO, 1)], describe);

fn describe() -> Protocol {
    Protocol::new("Internet Control Message Protocol", "RFC 792", sections)
        .identity(identity)
        .exchange(exchange)
        .message()
        .glance(|octets| Glance::of_echo(octets, [ECHO, ECHO_REPLY]))
        .alias("icmp.router_address", &["addresses.router_address"])
        .alias("icmp.pref_level", &["addresses.pref_level"])
        .alias("icmp.ext.length", &["ext.objects.length"])
        .alias("icmp.ext.class", &["ext.objects.class"])
        .alias("icmp.ext.ctype", &["ext.objects.ctype"])
        .alias("icmp.ext.data", &["ext.objects.data"])
        .alias("icmp.int_info.index", &["ext.objects.int_info.index"])
        .alias("icmp.int_info.afi", &["ext.objects.int_info.afi"])
        .alias("icmp.int_info.ipv4", &["ext.objects.int_info.ipv4"])
        .alias("icmp.int_info.ipv6", &["ext.objects.int_info.ipv6"])
        .alias("icmp.int_info.name_length", &["ext.objects.int_info.name_length"])
        .alias("icmp.int_info.name", &["ext.objects.int_info.name"])
        .alias("icmp.int_info.mtu", &["ext.objects.int_info.mtu"])
        .tag("ICMP")
        .summary(super::icmp_summary::summary)
}

fn sections() -> Vec<Section> {
    let mut sections = vec![Section::measured(MutableIcmpPacket::minimum_packet_size(), head())];
    sections.extend(queries());
    sections.extend(errors());
    sections.extend(extension::sections(has_extension, has_extension_head));
    sections.push(Section::octets("body", "Body", Len::Rest).when(has_no_form));
    sections
}

fn head() -> Vec<Field> {
    vec![
        uint("type", 8, "Type")
            .set_by(setter!(MutableIcmpPacket, set_icmp_type))
            .values(TYPES)
            .default_uint(u64::from(ECHO)),
        uint("code", 8, "Code").set_by(setter!(MutableIcmpPacket, set_icmp_code)),
        uint("checksum", 16, "Checksum")
            .set_by(setter!(MutableIcmpPacket, set_checksum))
            .message_checksum(auto::layer_checksum),
    ]
}

/// Requests and their replies.
fn queries() -> Vec<Section> {
    let ident_and_seq = || vec![uint("ident", 16, "Identifier"), uint("seq", 16, "Sequence number")];
    let stamps = vec![
        uint("originate_timestamp", 32, "Originate time stamp, milliseconds since midnight UT"),
        uint("receive_timestamp", 32, "Receive time stamp"),
        uint("transmit_timestamp", 32, "Transmit time stamp"),
    ];
    let advertisement = vec![
        uint("num_addrs", 8, "Number of addresses").auto(count_addresses),
        uint("addr_entry_size", 8, "Words per address").default_uint(2),
        uint("lifetime", 16, "Lifetime in seconds").default_uint(1800),
    ];
    let router = vec![Section::fields(vec![
        ipv4("router_address", "Router address"),
        // RFC 1256 §3.1.
        uint("pref_level", 32, "Preference level, two's complement").signed(),
    ])];
    vec![
        Section::fields(ident_and_seq())
            .when(|before| has_form(before, &[ECHO_REPLY, ECHO, 13, 14, 15, 16, 17, 18])),
        Section::fields(stamps).when(|before| has_form(before, &[13, 14])),
        Section::fields(vec![ipv4("address_mask", "Address mask")])
            .when(|before| has_form(before, &[17, 18])),
        Section::fields(advertisement).when(|before| has_form(before, &[ADVERTISEMENT])),
        Section::items(
            "addresses",
            "Addresses",
            Style::Table,
            router,
            Len::Count(|h| usize::from(octet(h, 4))),
        )
        .when(|before| has_form(before, &[ADVERTISEMENT]) && before.octet(5) == 2),
        // RFC 1256 §3 knows addresses of two words; others are kept as they are.
        Section::octets("entries", "Addresses of another size", Len::Rest)
            .when(|before| has_form(before, &[ADVERTISEMENT]) && before.octet(5) != 2),
        Section::fields(vec![uint("reserved", 32, "Reserved").hidden_when_zero()])
            .when(|before| has_form(before, &[10])),
        Section::fields(extension::extended_echo("ident", true)).when(|before| has_form(before, &[42])),
        Section::fields(extension::extended_echo("ident", false)).when(|before| has_form(before, &[43])),
    ]
}

/// Errors, which quote the packet that caused them.
fn errors() -> Vec<Section> {
    let unused = |bits| uint("unused", bits, "Unused").hex().hidden_when_zero();
    let length = || uint("length", 8, "Length of the quoted packet in words of 4 octets");
    let mtu = vec![uint("mtu", 16, "MTU of next hop")];
    vec![
        Section::fields(vec![unused(32)]).when(|before| has_form(before, &[SOURCE_QUENCH])),
        Section::fields(vec![ipv4("redir_gw", "Gateway address")])
            .when(|before| has_form(before, &[REDIRECT])),
        Section::fields(vec![uint("pointer", 8, "Pointer"), length()])
            .when(|before| has_form(before, &[PARAMETER_PROBLEM])),
        Section::fields(vec![unused(8), length()])
            .when(|before| has_form(before, &[UNREACHABLE, TIME_EXCEEDED])),
        Section::fields(mtu).when(|before| has_form(before, &[UNREACHABLE]) && has_mtu(before)),
        Section::fields(vec![uint("unused_low", 16, "Unused").hex().hidden_when_zero()]).when(|before| {
            has_form(before, &[UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM])
                && !(has_form(before, &[UNREACHABLE]) && has_mtu(before))
        }),
        Section::quoted("quoted", "Quoted packet", IP_BY_VERSION, Len::Octets(quoted_len))
            .counted_by(WORDS)
            .when(|before| has_form(before, ERRORS) && has_length(before)),
        Section::quoted("quoted", "Quoted packet", IP_BY_VERSION, Len::Octets(|_| Some(OLD_QUOTED_LEN)))
            .counted_by(WORDS)
            .when(|before| has_form(before, ERRORS) && has_old_extension(before)),
        Section::quoted("quoted", "Quoted packet", IP_BY_VERSION, Len::Rest)
            .when(|before| has_form(before, ERRORS) && quotes_all(before)),
    ]
}

/// A quoted packet begins with its version.
pub(super) const IP_BY_VERSION: Next = Next {
    table: ip::RAW_VERSION,
    or: None,
    looking: None,
    key: |octets| octets.first().map(|first| u64::from(first >> 4)),
};

/// An echo request or reply, by identifier and sequence number: those which ping sends, and whose times Wireshark tells.
fn exchange(header: &[u8]) -> Option<Exchange> {
    let [kind, _, _, _, number @ ..] = header.first_chunk::<8>()?;
    let number = u64::from(u32::from_be_bytes(*number));
    match *kind {
        ECHO => Some(Exchange::Question(number)),
        ECHO_REPLY => Some(Exchange::Answer(number)),
        _ => None,
    }
}

/// A query's type, identifier and sequence number; those of an extended echo share the identifier's place, and its
/// sequence number is one octet (RFC 8335 §2).
fn identity(header: &[u8], side: Side, out: &mut Vec<u8>) -> bool {
    let Some([kind, _, _, _, id0, id1, seq0, seq1]) = header.first_chunk::<8>() else { return false };
    let asked = match (side, *kind) {
        (Side::Sent | Side::Quoted, ECHO | 13 | 15 | 17 | EXTENDED_ECHO) => *kind,
        (Side::Reply, ECHO_REPLY) => ECHO,
        (Side::Reply, 14 | 16 | 18 | 43) => kind.saturating_sub(1),
        _ => return false,
    };
    out.extend_from_slice(&[asked, *id0, *id1, *seq0]);
    if asked != EXTENDED_ECHO {
        out.push(*seq1);
    }
    true
}

/// Whether the message has one of these types, and nobody wrote its body as octets.
fn has_form(before: &Before<'_>, types: &[u8]) -> bool {
    types.contains(&before.octet(0)) && !(before.wrote)("body")
}

fn has_no_form(before: &Before<'_>) -> bool {
    !has_form(before, ERRORS) && !has_form(before, QUERIES)
}

fn has_mtu(before: &Before<'_>) -> bool {
    before.octet(1) == FRAGMENTATION_NEEDED || (before.wrote)("mtu")
}

fn has_length(before: &Before<'_>) -> bool {
    before.octet(5) != 0 && before.octet(0) != SOURCE_QUENCH && before.octet(0) != REDIRECT
}

fn quoted_len(header: &[u8]) -> Option<usize> {
    usize::from(octet(header, 5)).checked_mul(4)
}

/// Whether an extension stands behind the first 128 octets of the quoted packet, as messages have it that are older than
/// the length field (RFC 4884 §5.5).
fn has_old_extension(before: &Before<'_>) -> bool {
    let behind = before.left.get(OLD_QUOTED_LEN..).unwrap_or_default();
    may_have_old_extension(before) && (extension::wrote(before) || extension::begins(&[], behind))
}

fn may_have_old_extension(before: &Before<'_>) -> bool {
    has_form(before, &[UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM]) && !has_length(before)
}

/// Whether the quoted packet is all that is left of the message.
fn quotes_all(before: &Before<'_>) -> bool {
    before.header.len() == QUOTED_AT && !has_length(before) && !has_old_extension(before)
}

/// Octets that such messages quote, padded with zeros.
const OLD_QUOTED_LEN: usize = 128;
/// The length of what is quoted, in words, and no less than older receivers expect (RFC 4884 §5.1).
const WORDS: Counted = Counted { field: "length", at: 5, unit: 4, least: OLD_QUOTED_LEN };

fn has_extension(before: &Before<'_>) -> bool {
    let is_request = has_form(before, &[EXTENDED_ECHO]);
    if !is_request && !has_form(before, ERRORS) {
        return false;
    }
    let is_behind_old = before.header.len() == QUOTED_AT.saturating_add(OLD_QUOTED_LEN);
    extension::wrote(before)
        || (has_form(before, ERRORS) && has_length(before) && before.left.len() >= extension::HEAD_LEN)
        || ((is_request || (is_behind_old && !has_length(before))) && extension::begins(&[], before.left))
}

/// Whether the extension's head has just been read.
fn has_extension_head(before: &Before<'_>) -> bool {
    let may_have = has_form(before, ERRORS) || has_form(before, &[EXTENDED_ECHO]);
    may_have && ((before.wrote)("ext.objects") || is_behind_head(before))
}

fn is_behind_head(before: &Before<'_>) -> bool {
    let Some(head_at) = before.header.len().checked_sub(extension::HEAD_LEN) else { return false };
    if before.octet(0) == EXTENDED_ECHO {
        return head_at == QUOTED_AT;
    }
    if has_length(before) {
        return quoted_len(before.header).and_then(|len| len.checked_add(QUOTED_AT)) == Some(head_at);
    }
    // Without a length, what was quoted may happen to end here: what stands here tells.
    let head = before.header.get(head_at..).unwrap_or_default();
    head_at == QUOTED_AT.saturating_add(OLD_QUOTED_LEN)
        && may_have_old_extension(before)
        && extension::begins(head, before.left)
}

/// Octets of a message before what it quotes.
const QUOTED_AT: usize = 8;

fn count_addresses(scope: &Scope<'_>) -> Option<u64> {
    u64::try_from(scope.region().len().checked_sub(8)?.checked_div(8)?).ok()
}

pub(super) const ECHO_REPLY: u8 = 0;
pub(super) const UNREACHABLE: u8 = 3;
const SOURCE_QUENCH: u8 = 4;
const EXTENDED_ECHO: u8 = 42;
pub(super) const REDIRECT: u8 = 5;
pub(super) const ECHO: u8 = 8;
pub(super) const ADVERTISEMENT: u8 = 9;
pub(super) const TIME_EXCEEDED: u8 = 11;
pub(super) const PARAMETER_PROBLEM: u8 = 12;
pub(super) const FRAGMENTATION_NEEDED: u8 = 4;
const ERRORS: &[u8] = &[UNREACHABLE, SOURCE_QUENCH, REDIRECT, TIME_EXCEEDED, PARAMETER_PROBLEM];
const QUERIES: &[u8] = &[ECHO_REPLY, ECHO, ADVERTISEMENT, 10, 13, 14, 15, 16, 17, 18, 42, 43];

/// IANA icmp-parameters.
pub(super) const TYPES: &[(u64, &str)] = &[
    (0, "echo reply"),
    (3, "destination unreachable"),
    (4, "source quench"),
    (5, "redirect"),
    (6, "alternate host address"),
    (8, "echo request"),
    (9, "router advertisement"),
    (10, "router solicitation"),
    (11, "time exceeded"),
    (12, "parameter problem"),
    (13, "timestamp request"),
    (14, "timestamp reply"),
    (15, "information request"),
    (16, "information reply"),
    (17, "address mask request"),
    (18, "address mask reply"),
    (30, "traceroute"),
    (31, "datagram conversion error"),
    (32, "mobile host redirect"),
    (33, "IPv6 where-are-you"),
    (34, "IPv6 I-am-here"),
    (35, "mobile registration request"),
    (36, "mobile registration reply"),
    (37, "domain name request"),
    (38, "domain name reply"),
    (39, "SKIP"),
    (40, "Photuris"),
    (41, "experimental mobility"),
    (42, "extended echo request"),
    (43, "extended echo reply"),
    (253, "experiment"),
    (254, "experiment"),
];

/// The name of an error's code (IANA icmp-parameters).
pub fn code_name(kind: u8, code: u8) -> Option<&'static str> {
    let names: &[&str] = match kind {
        UNREACHABLE => &[
            "network unreachable",
            "host unreachable",
            "protocol unreachable",
            "port unreachable",
            "fragmentation needed",
            "source route failed",
            "network unknown",
            "host unknown",
            "source host isolated",
            "network prohibited",
            "host prohibited",
            "network unreachable for this service",
            "host unreachable for this service",
            "administratively prohibited",
            "host precedence violation",
            "precedence cutoff",
        ],
        REDIRECT => &["for the network", "for the host", "for service and network", "for service and host"],
        TIME_EXCEEDED => &["time to live exceeded", "reassembly time exceeded"],
        PARAMETER_PROBLEM => &["pointer shows the error", "an option is missing", "bad length"],
        _ => &[],
    };
    names.get(usize::from(code)).copied()
}

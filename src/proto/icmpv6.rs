//! ICMPv6: RFC 4443; neighbour discovery: RFC 4861; multicast listener discovery: RFC 2710, RFC 3810;
//! mobility: RFC 6275.

use pnet::packet::icmpv6::MutableIcmpv6Packet;

use super::describe::{
    Before, Counted, Exchange, Field, Glance, Len, Protocol, Section, Side, Style, flag, ipv6, octets, uint,
};
use super::edge::Edge;
use super::icmp::IP_BY_VERSION;
use super::icmp_extension as extension;
use super::icmpv6_options as options;
use super::layout::setter;
use super::listed::Listed;
use super::{auto, ip};
use crate::wire::big_endian::{octet, word};

/// The layer's name.
pub(super) const NAME: &str = "icmpv6";
/// The types of neighbour discovery (RFC 4861 §4).
pub(super) const DISCOVERY: std::ops::RangeInclusive<u8> = 133..=137;

pub(super) const ICMPV6: Listed = Listed::new(NAME, &[Edge::new(ip::PROTO, 58)], describe);

fn describe() -> Protocol {
    let protocol = Protocol::new("Internet Control Message Protocol version 6", "RFC 4443", sections)
        .identity(identity)
        .exchange(exchange)
        .message()
        .glance(|octets| Glance::of_echo(octets, [128, 129]))
        .tag("ICMP6,")
        .summary(super::icmpv6_summary::summary);
    wireshark_names(protocol)
}

fn sections() -> Vec<Section> {
    let mut sections = vec![Section::measured(MutableIcmpv6Packet::minimum_packet_size(), head())];
    sections.extend(errors_and_echo());
    sections.extend(extension::sections(has_extension, has_extension_head));
    sections.extend(multicast_listener());
    sections.extend(neighbour_discovery());
    sections.extend(mobility());
    sections.extend(other_messages());
    sections.push(options_of_messages());
    sections.push(Section::octets("body", "Body", Len::Rest).when(|before| !has_form(before, KNOWN)));
    sections
}

/// What stands in options and records here has names of its own in Wireshark; extensions have those of ICMP.
fn wireshark_names(protocol: Protocol) -> Protocol {
    protocol
        .alias("icmp.ext.version", &["ext.version"])
        .alias("icmp.ext.res", &["ext.res"])
        .alias("icmp.ext.checksum", &["ext.checksum"])
        .alias("icmp.ext.checksum.status", &["ext.checksum.status"])
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
        .alias("icmpv6.opt", &["options"])
        .alias("icmpv6.opt.mtu", &["options.mtu.mtu"])
        .alias("icmpv6.opt.prefix", &["options.prefix.prefix"])
        .alias("icmpv6.opt.prefix.length", &["options.prefix.length"])
        .alias("icmpv6.opt.prefix.flag.l", &["options.prefix.l"])
        .alias("icmpv6.opt.prefix.flag.a", &["options.prefix.a"])
        .alias("icmpv6.opt.prefix.valid_lifetime", &["options.prefix.valid_lifetime"])
        .alias("icmpv6.opt.prefix.preferred_lifetime", &["options.prefix.preferred_lifetime"])
        .alias("icmpv6.opt.rdnss", &["options.rdnss.addresses"])
        .alias("icmpv6.opt.rdnss.lifetime", &["options.rdnss.lifetime"])
        .alias("icmpv6.opt.linkaddr", &["options.source_lladdr", "options.target_lladdr"])
        .alias("icmpv6.opt.src_linkaddr", &["options.source_lladdr"])
        .alias("icmpv6.opt.target_linkaddr", &["options.target_lladdr"])
        .alias("icmpv6.mld.source_address", &["sources"])
        .alias("icmpv6.mldr.mar.record_type", &["records.record_type"])
        .alias("icmpv6.mldr.mar.aux_data_len", &["records.aux_data_len"])
        .alias("icmpv6.mldr.mar.nb_sources", &["records.num_src"])
        .alias("icmpv6.mldr.mar.multicast_address", &["records.multicast_address"])
        .alias("icmpv6.mldr.mar.source_address", &["records.sources"])
}

fn head() -> Vec<Field> {
    vec![
        uint("type", 8, "Type")
            .set_by(setter!(MutableIcmpv6Packet, set_icmpv6_type))
            .values(TYPES)
            .default_uint(128),
        uint("code", 8, "Code").set_by(setter!(MutableIcmpv6Packet, set_icmpv6_code)),
        uint("checksum", 16, "Checksum")
            .set_by(setter!(MutableIcmpv6Packet, set_checksum))
            .message_checksum(auto::transport_checksum),
    ]
}

/// RFC 4443 §3 and §4.
fn errors_and_echo() -> Vec<Section> {
    let echo =
        vec![uint("echo.identifier", 16, "Identifier"), uint("echo.sequence_number", 16, "Sequence number")];
    vec![
        // RFC 4884 §4.4 and §4.5: what is quoted may end before the message does.
        Section::fields(vec![
            uint("length", 8, "Length of the quoted packet in words of 8 octets").hidden_when_zero(),
            reserved(24),
        ])
        .when(|before| has_form(before, EXTENSIBLE)),
        Section::fields(vec![uint("mtu", 32, "MTU of next hop")]).when(|before| has_form(before, &[2])),
        Section::fields(vec![uint("pointer", 32, "Pointer")]).when(|before| has_form(before, &[4])),
        Section::quoted("quoted", "Quoted packet", IP_BY_VERSION, Len::Octets(quoted_len))
            .counted_by(WORDS)
            .when(has_length),
        Section::quoted("quoted", "Quoted packet", IP_BY_VERSION, Len::Rest)
            .counted_by(WORDS)
            .when(|before| has_form(before, ERRORS) && !has_length(before)),
        Section::fields(echo).when(|before| has_form(before, &[128, 129])),
        Section::fields(extension::extended_echo("echo.identifier", true))
            .when(|before| has_form(before, &[160])),
        Section::fields(extension::extended_echo("echo.identifier", false))
            .when(|before| has_form(before, &[161])),
    ]
}

/// RFC 2710 §3, RFC 3810 §5.
fn multicast_listener() -> Vec<Section> {
    let v1 = vec![
        uint("mld.maximum_response_delay", 16, "Maximum response delay in milliseconds"),
        reserved(16),
        ipv6("mld.multicast_address", "Multicast address"),
    ];
    let v2_query = vec![
        uint("mld.flag.reserved", 4, "Reserved").hidden_when_zero(),
        flag("mld.flag.s", "Suppress router-side processing"),
        uint("mld.flag.qrv", 3, "Querier's robustness variable"),
        uint("mld.qqi", 8, "Querier's query interval code"),
        uint("mld.nb_sources", 16, "Number of sources").auto(count_query_sources),
    ];
    let address = |name| vec![Section::fields(vec![ipv6(name, "Source")])];
    let record = vec![
        Section::fields(vec![
            uint("record_type", 8, "Record type").values(RECORD_TYPES),
            uint("aux_data_len", 8, "Words of auxiliary data"),
            uint("num_src", 16, "Number of sources").auto(count_record_sources),
            ipv6("multicast_address", "Multicast address"),
        ]),
        Section::items(
            "sources",
            "Sources",
            Style::Scalar,
            address("source"),
            Len::Octets(record_sources_len),
        ),
        Section::octets(
            "aux_data",
            "Auxiliary data",
            Len::Octets(|record| usize::from(*record.get(1)?).checked_mul(4)),
        )
        .when(|before| before.octet(1) != 0 || (before.wrote)("aux_data")),
    ];
    let report =
        vec![reserved(16), uint("mldr.nb_mcast_records", 16, "Number of records").auto(count_records)];
    vec![
        Section::fields(v1).when(|before| has_form(before, &[130, 131, 132])),
        Section::fields(v2_query).when(is_v2_query),
        Section::items(
            "sources",
            "Sources",
            Style::Scalar,
            address("mld.source_address"),
            Len::Count(|header| usize::from(word(header, 26))),
        )
        .when(|before| has_form(before, &[130]) && before.header.len() == 28),
        Section::fields(report).when(|before| has_form(before, &[143])),
        Section::items(
            "records",
            "Group records",
            Style::Table,
            record,
            Len::Count(|header| usize::from(word(header, 6))),
        )
        .when(|before| has_form(before, &[143])),
    ]
}

/// RFC 4861 §4.
fn neighbour_discovery() -> Vec<Section> {
    let router_advertisement = vec![
        uint("nd.ra.cur_hop_limit", 8, "Hop limit"),
        flag("nd.ra.flag.m", "Managed address configuration"),
        flag("nd.ra.flag.o", "Other configuration"),
        flag("nd.ra.flag.h", "Home agent (RFC 6275)"),
        uint("nd.ra.flag.prf", 2, "Router preference (RFC 4191)"),
        flag("nd.ra.flag.p", "Proxy (RFC 4389)"),
        uint("nd.ra.flag.rsv", 2, "Reserved"),
        uint("nd.ra.router_lifetime", 16, "Router lifetime in seconds"),
        uint("nd.ra.reachable_time", 32, "Reachable time in milliseconds"),
        uint("nd.ra.retrans_timer", 32, "Retransmission timer in milliseconds"),
    ];
    let neighbour_advertisement = vec![
        flag("nd.na.flag.r", "From a router"),
        flag("nd.na.flag.s", "Solicited"),
        flag("nd.na.flag.o", "Override"),
        uint("nd.na.flag.rsv", 29, "Reserved"),
        ipv6("nd.na.target_address", "Target address"),
    ];
    let redirect = vec![
        reserved(32),
        ipv6("rd.target_address", "Target address"),
        ipv6("rd.destination_address", "Destination address"),
    ];
    vec![
        Section::fields(vec![reserved(32)]).when(|before| has_form(before, &[133])),
        Section::fields(router_advertisement).when(|before| has_form(before, &[134])),
        Section::fields(vec![reserved(32), ipv6("nd.ns.target_address", "Target address")])
            .when(|before| has_form(before, &[135])),
        Section::fields(neighbour_advertisement).when(|before| has_form(before, &[136])),
        Section::fields(redirect).when(|before| has_form(before, &[137])),
    ]
}

/// RFC 6275 §6.5 to §6.8.
fn mobility() -> Vec<Section> {
    let identifier = || uint("mip6.identifier", 16, "Identifier");
    let prefix_advertisement = vec![
        identifier(),
        flag("mip6.flag.m", "Managed address configuration"),
        flag("mip6.flag.o", "Other configuration"),
        uint("mip6.flag.rsv", 14, "Reserved").hidden_when_zero(),
    ];
    let agent = vec![Section::fields(vec![ipv6("mip6.home_agent_address", "Home agent")])];
    vec![
        Section::fields(vec![identifier(), reserved(16)]).when(|before| has_form(before, &[144, 145, 146])),
        Section::items("home_agents", "Home agents", Style::Scalar, agent, Len::Rest)
            .when(|before| has_form(before, &[145])),
        Section::fields(prefix_advertisement).when(|before| has_form(before, &[147])),
    ]
}

/// Node information (RFC 4620 §4), inverse discovery (RFC 3122 §2), certification paths (RFC 3971 §6.4), multicast routers
/// (RFC 4286 §3).
fn other_messages() -> Vec<Section> {
    let node_information = vec![
        uint("ni.qtype", 16, "What is asked"),
        uint("ni.flag.rsv", 10, "Reserved").hidden_when_zero(),
        flag("ni.flag.g", "Global addresses"),
        flag("ni.flag.s", "Site-local addresses"),
        flag("ni.flag.l", "Link-local addresses"),
        flag("ni.flag.c", "IPv4 addresses"),
        flag("ni.flag.a", "All unicast addresses"),
        flag("ni.flag.t", "Truncated"),
        octets("ni.nonce", 8, "Nonce"),
    ];
    let identifier = || uint("send.identifier", 16, "Identifier");
    let component = || uint("send.component", 16, "Component");
    let path = vec![identifier(), uint("send.all_components", 16, "Components"), component(), reserved(16)];
    let multicast_router = vec![
        uint("mcast_ra.query_interval", 16, "Query interval in seconds"),
        uint("mcast_ra.robustness_variable", 16, "Robustness variable"),
    ];
    vec![
        Section::fields(node_information).when(|before| has_form(before, &[139, 140])),
        Section::octets("ni.data", "Subject or answer", Len::Rest)
            .when(|before| has_form(before, &[139, 140])),
        Section::fields(vec![reserved(32)]).when(|before| has_form(before, &[141, 142])),
        Section::fields(vec![identifier(), component()]).when(|before| has_form(before, &[148])),
        Section::fields(path).when(|before| has_form(before, &[149])),
        Section::fields(multicast_router).when(|before| has_form(before, &[151])),
    ]
}

/// Messages that end with options of neighbour discovery.
fn options_of_messages() -> Section {
    Section::records("options", "Options", options::DIALECT, options::describe(), Len::Rest)
        .when(|before| has_form(before, &[133, 134, 135, 136, 137, 141, 142, 147, 148, 149]))
}

fn reserved(bits: u32) -> Field {
    uint("reserved", bits, "Reserved").hex().hidden_when_zero()
}

/// An echo request or reply, by identifier and sequence number: those which ping sends, and whose times Wireshark tells.
fn exchange(header: &[u8]) -> Option<Exchange> {
    let [kind, _, _, _, number @ ..] = header.first_chunk::<8>()?;
    let number = u64::from(u32::from_be_bytes(*number));
    match *kind {
        128 => Some(Exchange::Question(number)),
        129 => Some(Exchange::Answer(number)),
        _ => None,
    }
}

/// An echo's identifier and sequence number; the target of a neighbour solicitation.
fn identity(header: &[u8], side: Side, out: &mut Vec<u8>) -> bool {
    let Some([kind, _, _, _, rest @ ..]) = header.first_chunk::<8>() else { return false };
    match (side, *kind) {
        (Side::Sent | Side::Quoted, 128) | (Side::Reply, 129) => {
            out.push(128);
            out.extend_from_slice(rest);
        }
        (Side::Sent | Side::Quoted, 135) | (Side::Reply, 136) => {
            out.push(135);
            out.extend_from_slice(header.get(8..24).unwrap_or_default());
        }
        (Side::Sent | Side::Quoted, 133) | (Side::Reply, 134) => out.push(133),
        _ => return false,
    }
    true
}

/// Whether the message has one of these types, and nobody wrote its body as octets.
fn has_form(before: &Before<'_>, types: &[u8]) -> bool {
    types.contains(&before.octet(0)) && !(before.wrote)("body")
}

/// Whether an error says how long the packet is that it quotes.
fn has_length(before: &Before<'_>) -> bool {
    has_form(before, EXTENSIBLE) && before.octet(4) != 0
}

fn quoted_len(header: &[u8]) -> Option<usize> {
    usize::from(octet(header, 4)).checked_mul(8)
}

/// An extended echo request carries an extension (RFC 8335 §2), and so does an error whose quoted packet ends before it
/// does (RFC 4884 §4).
fn has_extension(before: &Before<'_>) -> bool {
    if has_form(before, EXTENSIBLE) {
        return extension::wrote(before) || (has_length(before) && before.left.len() >= extension::HEAD_LEN);
    }
    has_form(before, &[160]) && (extension::wrote(before) || extension::begins(&[], before.left))
}

/// Whether the extension's head has just been read.
fn has_extension_head(before: &Before<'_>) -> bool {
    let Some(head_at) = before.header.len().checked_sub(extension::HEAD_LEN) else { return false };
    let quoted = if has_length(before) { quoted_len(before.header).unwrap_or(0) } else { 0 };
    let may_have = has_length(before) || has_form(before, &[160]);
    (before.wrote)("ext.objects") || (may_have && head_at == QUOTED_AT.saturating_add(quoted))
}

/// Octets of a message before what it quotes.
const QUOTED_AT: usize = 8;
/// The length of what is quoted, and no less than receivers without extensions expect (RFC 4884 §4 and §5.1).
const WORDS: Counted = Counted { field: "length", at: 4, unit: 8, least: 128 };
/// Errors that may carry an extension: destination unreachable and time exceeded (RFC 4884 §4).
const EXTENSIBLE: &[u8] = &[1, 3];

/// A query is of version 2 when it is longer than 24 octets (RFC 3810 §8.1).
fn is_v2_query(before: &Before<'_>) -> bool {
    let wrote = ["mld.flag.s", "mld.flag.qrv", "mld.qqi", "mld.nb_sources", "sources"]
        .iter()
        .any(|name| (before.wrote)(name));
    has_form(before, &[130]) && (before.left.len() >= 4 || wrote)
}

fn count_query_sources(scope: &auto::Scope<'_>) -> Option<u64> {
    u64::try_from(scope.region().len().checked_sub(28)?.checked_div(16)?).ok()
}

/// How many sources a record has: what is neither its head nor auxiliary data.
fn count_record_sources(scope: &auto::Scope<'_>) -> Option<u64> {
    let aux = usize::from(*scope.region().get(1)?).checked_mul(4)?;
    u64::try_from(scope.region().len().checked_sub(20)?.checked_sub(aux)?.checked_div(16)?).ok()
}

fn record_sources_len(record: &[u8]) -> Option<usize> {
    usize::from(word(record, 2)).checked_mul(16)
}

/// Counts the records of a report that is being built: each says its own length.
fn count_records(scope: &auto::Scope<'_>) -> Option<u64> {
    let mut left = scope.region().get(8..)?;
    let mut count = 0u64;
    while !left.is_empty() {
        let sources = record_sources_len(left)?;
        let aux = usize::from(*left.get(1)?).checked_mul(4)?;
        left = left.get(sources.checked_add(aux)?.checked_add(20)?..)?;
        count = count.checked_add(1)?;
    }
    Some(count)
}

const ERRORS: &[u8] = &[1, 2, 3, 4];
const KNOWN: &[u8] = &[
    1, 2, 3, 4, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 139, 140, 141, 142, 143, 144, 145, 146,
    147, 148, 149, 151, 160, 161,
];

/// IANA icmpv6-parameters.
pub(super) const TYPES: &[(u64, &str)] = &[
    (1, "destination unreachable"),
    (2, "packet too big"),
    (3, "time exceeded"),
    (4, "parameter problem"),
    (128, "echo request"),
    (129, "echo reply"),
    (130, "multicast listener query"),
    (131, "multicast listener report"),
    (132, "multicast listener done"),
    (133, "router solicitation"),
    (134, "router advertisement"),
    (135, "neighbor solicitation"),
    (136, "neighbor advertisement"),
    (137, "redirect"),
    (138, "router renumbering"),
    (139, "node information query"),
    (140, "node information response"),
    (141, "inverse neighbor discovery solicitation"),
    (142, "inverse neighbor discovery advertisement"),
    (143, "multicast listener report v2"),
    (144, "home agent address discovery request"),
    (145, "home agent address discovery reply"),
    (146, "mobile prefix solicitation"),
    (147, "mobile prefix advertisement"),
    (148, "certification path solicitation"),
    (149, "certification path advertisement"),
    (151, "multicast router advertisement"),
    (152, "multicast router solicitation"),
    (153, "multicast router termination"),
    (154, "FMIPv6"),
    (155, "RPL control"),
    (157, "duplicate address request"),
    (158, "duplicate address confirmation"),
    (160, "extended echo request"),
    (161, "extended echo reply"),
];

const RECORD_TYPES: &[(u64, &str)] = &[
    (1, "mode is include"),
    (2, "mode is exclude"),
    (3, "change to include mode"),
    (4, "change to exclude mode"),
    (5, "allow new sources"),
    (6, "block old sources"),
];

/// The name of an error's code (RFC 4443 §3).
pub fn code_name(kind: u8, code: u8) -> Option<&'static str> {
    let names: &[&str] = match kind {
        1 => &[
            "no route",
            "administratively prohibited",
            "beyond scope of source address",
            "address unreachable",
            "port unreachable",
            "source address failed policy",
            "route rejected",
            "error in source routing header",
        ],
        3 => &["hop limit exceeded", "reassembly time exceeded"],
        4 => &["erroneous header field", "unknown next header", "unknown option", "incomplete header chain"],
        _ => &[],
    };
    names.get(usize::from(code)).copied()
}

//! Our JSON, flattened: each field's full name with its values, in the order of the wire.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::pdml::without_colons;

/// A packet as we read it.
pub(crate) struct Packet {
    pub(crate) number: u64,
    pub(crate) layers: Vec<String>,
    pub(crate) values: BTreeMap<String, Vec<String>>,
}

/// All packets of a file.
pub(crate) fn packets(file: &Path) -> Vec<Packet> {
    let output =
        Command::new(env!("CARGO_BIN_EXE_rawsock")).args(["read", "--json"]).arg(file).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(packet).collect()
}

/// The names that tshark has for the fields that we have.
pub(crate) fn field_names() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_rawsock")).args(["fields", "--json"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut names = BTreeSet::new();
    for line in text.lines() {
        let protocol: Value = serde_json::from_str(line).unwrap();
        for field in protocol["fields"].as_array().unwrap() {
            // Tables hold values, and are none themselves.
            let is_group = field["kind"].as_str().unwrap().ends_with("group");
            if field["bits"].is_number() && !is_group {
                names.insert(wireshark_name(field["name"].as_str().unwrap()));
            }
        }
    }
    names
}

fn packet(line: &str) -> Packet {
    let json: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let mut packet =
        Packet { number: json["number"].as_u64().unwrap(), layers: Vec::new(), values: BTreeMap::new() };
    layers(&json["layers"], &mut packet);
    packet
}

fn layers(list: &Value, packet: &mut Packet) {
    for layer in list.as_array().unwrap() {
        for (name, fields) in layer.as_object().unwrap() {
            packet.layers.push(name.clone());
            let fields = fields.as_object().unwrap();
            let mut own: Vec<_> = fields.iter().filter(|(field, _)| *field != "quoted").collect();
            // Keys come in the order of the alphabet; these records are the last ones of a message.
            own.sort_by_key(|(field, _)| *field == "additionals");
            for (field, value) in own {
                flatten(&format!("{name}.{field}"), value, packet);
            }
            // What a message quotes comes behind its own fields.
            if let Some(quoted) = fields.get("quoted") {
                layers(quoted, packet);
            }
        }
    }
}

fn flatten(name: &str, value: &Value, packet: &mut Packet) {
    let known = wireshark_name(name);
    match (value, known.as_str()) {
        (Value::Object(parts), _) => {
            for (part, value) in parts {
                // A name that goes on elsewhere stands beside its own text as a whole.
                if !parts.contains_key(&format!("{part}.text")) {
                    let part = part.strip_suffix(".text").unwrap_or(part);
                    flatten(&format!("{name}.{part}"), value, packet);
                }
            }
        }
        // Blocks of SACK are pairs of edges, which have names of their own in tshark.
        (Value::Array(blocks), "tcp.options.sack") => {
            for (edge, name) in ["tcp.options.sack_le", "tcp.options.sack_re"].into_iter().enumerate() {
                blocks.iter().for_each(|block| add(packet, name, block[edge].to_string()));
            }
        }
        (Value::Array(items), _) => items.iter().for_each(|item| flatten(name, item, packet)),
        (Value::Bool(bit), known) => add(packet, known, u8::from(*bit).to_string()),
        (Value::String(text), known) => add(packet, known, plain(name, text)),
        (other, known) => add(packet, known, other.to_string()),
    }
}

/// What tshark calls a field that has another name or place in specs.
fn wireshark_name(name: &str) -> String {
    let known = RENAMED.iter().find(|(ours, _)| *ours == name).map(|(_, theirs)| (*theirs).to_owned());
    let option = || name.strip_prefix("dhcp.options.").map(|option| format!("dhcp.option.{option}"));
    known
        .or_else(|| dns_name(name))
        .or_else(|| sctp_name(name))
        .or_else(option)
        .unwrap_or_else(|| name.to_owned())
}

/// What tshark calls a field that all chunks of SCTP have, or their parameters and causes.
fn sctp_name(name: &str) -> Option<String> {
    let (_, field) = name.strip_prefix("sctp.")?.split_once('.')?;
    Some(match field.split_once('.') {
        None if ["type", "length", "padding"].contains(&field) => format!("sctp.chunk_{field}"),
        Some(("parameters", part)) => format!("sctp.parameter_{part}"),
        Some(("causes", part)) => format!("sctp.cause_{part}"),
        _ => return None,
    })
}

/// What tshark calls a field of DNS, mDNS or LLMNR: it does not say where a record stands.
fn dns_name(name: &str) -> Option<String> {
    let rest = ["dns.", "mdns.", "llmnr."].iter().find_map(|protocol| name.strip_prefix(protocol))?;
    let record = ["answers.", "authorities.", "additionals."].iter().find_map(|list| rest.strip_prefix(list));
    Some(match record {
        None => format!("dns.{rest}"),
        Some("udp_payload_size") => "dns.rr.udp_payload_size".to_owned(),
        Some(field) if RECORD_HEAD.contains(&field) => format!("dns.resp.{field}"),
        Some(field) => format!("dns.{field}"),
    })
}

/// Fields that all records have, or those of options.
const RECORD_HEAD: &[&str] = &[
    "name",
    "type",
    "class",
    "cache_flush",
    "ttl",
    "len",
    "ext_rcode",
    "edns0_version",
    "z",
    "z.do",
    "z.reserved",
];

/// Names inside options and lists, which in specs stand in a table of their own; and link layers that tshark does not
/// tell apart.
const RENAMED: &[(&str, &str)] = &[
    ("dhcp.options.client_id.hw_type", "dhcp.hw.type"),
    ("dhcp.options.client_id.mac_addr", "dhcp.hw.mac_addr"),
    ("geneve.options.class", "geneve.option.class"),
    ("geneve.options.data", "geneve.option.unknown.data"),
    ("geneve.options.type", "geneve.option.type"),
    ("geneve.options.type.critical", "geneve.option.type.critical"),
    ("gre.call_id", "gre.key.call_id"),
    ("gre.payload_length", "gre.key.payload_length"),
    ("gre.version", "gre.flags.version"),
    ("icmp.addresses.pref_level", "icmp.pref_level"),
    ("icmp.addresses.router_address", "icmp.router_address"),
    ("icmp.ext.objects.class", "icmp.ext.class"),
    ("icmp.ext.objects.ctype", "icmp.ext.ctype"),
    ("icmp.ext.objects.int_info.afi", "icmp.int_info.afi"),
    ("icmp.ext.objects.int_info.index", "icmp.int_info.index"),
    ("icmp.ext.objects.int_info.ipv4", "icmp.int_info.ipv4"),
    ("icmp.ext.objects.int_info.ipv6", "icmp.int_info.ipv6"),
    ("icmp.ext.objects.int_info.mtu", "icmp.int_info.mtu"),
    ("icmp.ext.objects.int_info.name", "icmp.int_info.name"),
    ("icmp.ext.objects.int_info.name_length", "icmp.int_info.name_length"),
    ("icmp.ext.objects.length", "icmp.ext.length"),
    ("icmp.ext.objects.mpls.exp", "icmp.mpls.exp"),
    ("icmp.ext.objects.mpls.label", "icmp.mpls.label"),
    ("icmp.ext.objects.mpls.s", "icmp.mpls.s"),
    ("icmp.ext.objects.mpls.ttl", "icmp.mpls.ttl"),
    ("icmpv6.ext.checksum", "icmp.ext.checksum"),
    ("icmpv6.ext.checksum.status", "icmp.ext.checksum.status"),
    ("icmpv6.ext.objects.class", "icmp.ext.class"),
    ("icmpv6.ext.objects.ctype", "icmp.ext.ctype"),
    ("icmpv6.ext.objects.int_info.afi", "icmp.int_info.afi"),
    ("icmpv6.ext.objects.int_info.index", "icmp.int_info.index"),
    ("icmpv6.ext.objects.int_info.ipv4", "icmp.int_info.ipv4"),
    ("icmpv6.ext.objects.int_info.ipv6", "icmp.int_info.ipv6"),
    ("icmpv6.ext.objects.int_info.mtu", "icmp.int_info.mtu"),
    ("icmpv6.ext.objects.int_info.name", "icmp.int_info.name"),
    ("icmpv6.ext.objects.int_info.name_length", "icmp.int_info.name_length"),
    ("icmpv6.ext.objects.length", "icmp.ext.length"),
    ("icmpv6.ext.objects.mpls.exp", "icmp.mpls.exp"),
    ("icmpv6.ext.objects.mpls.label", "icmp.mpls.label"),
    ("icmpv6.ext.objects.mpls.s", "icmp.mpls.s"),
    ("icmpv6.ext.objects.mpls.ttl", "icmp.mpls.ttl"),
    ("icmpv6.ext.res", "icmp.ext.res"),
    ("icmpv6.ext.version", "icmp.ext.version"),
    ("icmpv6.home_agents", "icmpv6.mip6.home_agent_address"),
    ("icmpv6.options.advertisement_interval", "icmpv6.opt.advertisement_interval"),
    ("icmpv6.options.dnssl.lifetime", "icmpv6.opt.dnssl.lifetime"),
    ("icmpv6.options.flags_extension.h", "icmpv6.opt.efo.h"),
    ("icmpv6.options.flags_extension.m", "icmpv6.opt.efo.m"),
    ("icmpv6.options.flags_extension.o", "icmpv6.opt.efo.o"),
    ("icmpv6.options.flags_extension.p", "icmpv6.opt.efo.p"),
    ("icmpv6.options.flags_extension.prf", "icmpv6.opt.efo.prf"),
    ("icmpv6.options.home_agent.lifetime", "icmpv6.opt.home_agent_lifetime"),
    ("icmpv6.options.home_agent.preference", "icmpv6.opt.home_agent_preference"),
    ("icmpv6.options.mtu", "icmpv6.opt.mtu"),
    ("icmpv6.options.mtu.mtu", "icmpv6.opt.mtu"),
    ("icmpv6.options.nonce", "icmpv6.opt.nonce"),
    ("icmpv6.options.pref64.plc", "icmpv6.opt.pref64.plc"),
    ("icmpv6.options.pref64.scaled_lifetime", "icmpv6.opt.pref64.scaled_lifetime"),
    ("icmpv6.options.prefix.a", "icmpv6.opt.prefix.flag.a"),
    ("icmpv6.options.prefix.l", "icmpv6.opt.prefix.flag.l"),
    ("icmpv6.options.prefix.length", "icmpv6.opt.prefix.length"),
    ("icmpv6.options.prefix.preferred_lifetime", "icmpv6.opt.prefix.preferred_lifetime"),
    ("icmpv6.options.prefix.prefix", "icmpv6.opt.prefix"),
    ("icmpv6.options.prefix.r", "icmpv6.opt.prefix.flag.r"),
    ("icmpv6.options.prefix.valid_lifetime", "icmpv6.opt.prefix.valid_lifetime"),
    ("icmpv6.options.rdnss.addresses", "icmpv6.opt.rdnss"),
    ("icmpv6.options.rdnss.lifetime", "icmpv6.opt.rdnss.lifetime"),
    ("icmpv6.options.route_info.length", "icmpv6.opt.prefix.length"),
    ("icmpv6.options.route_info.lifetime", "icmpv6.opt.route_lifetime"),
    ("icmpv6.options.route_info.preference", "icmpv6.opt.route_info.flag.route_preference"),
    ("icmpv6.options.route_info.prefix", "icmpv6.opt.prefix"),
    ("icmpv6.options.route_info.prefix64", "icmpv6.opt.prefix"),
    ("icmpv6.options.source_lladdr", "icmpv6.opt.src_linkaddr"),
    ("icmpv6.options.target_lladdr", "icmpv6.opt.target_linkaddr"),
    ("icmpv6.rd.destination_address", "icmpv6.rd.na.destination_address"),
    ("icmpv6.rd.target_address", "icmpv6.nd.rd.target_address"),
    ("icmpv6.records.aux_data", "icmpv6.mldr.mar.auxiliary_data"),
    ("icmpv6.records.aux_data_len", "icmpv6.mldr.mar.aux_data_len"),
    ("icmpv6.records.multicast_address", "icmpv6.mldr.mar.multicast_address"),
    ("icmpv6.records.num_src", "icmpv6.mldr.mar.nb_sources"),
    ("icmpv6.records.record_type", "icmpv6.mldr.mar.record_type"),
    ("icmpv6.records.sources", "icmpv6.mldr.mar.source_address"),
    ("icmpv6.sources", "icmpv6.mld.source_address"),
    ("igmp.records.aux_data", "igmp.aux_data"),
    ("igmp.records.aux_data_len", "igmp.aux_data_len"),
    ("igmp.records.maddr", "igmp.maddr"),
    ("igmp.records.num_src", "igmp.num_src"),
    ("igmp.records.record_type", "igmp.record_type"),
    ("igmp.records.sources", "igmp.saddr"),
    ("igmp.sources", "igmp.saddr"),
    ("ip.options.lsrr.ptr", "ip.opt.ptr"),
    ("ip.options.router_alert", "ip.opt.ra"),
    ("ip.options.rr.ptr", "ip.opt.ptr"),
    ("ip.options.ssrr.ptr", "ip.opt.ptr"),
    ("ip.options.stream_id", "ip.opt.sid"),
    ("ip.options.ts.flag", "ip.opt.flag"),
    ("ip.options.ts.overflow", "ip.opt.overflow"),
    ("ip.options.ts.ptr", "ip.opt.ptr"),
    ("ip.options.ts.timestamps", "ip.opt.time_stamp"),
    ("ipv6.dstopts.options.home_address", "ipv6.opt.mipv6.home_address"),
    ("ipv6.dstopts.options.jumbo", "ipv6.opt.jumbo"),
    ("ipv6.dstopts.options.router_alert", "ipv6.opt.router_alert"),
    ("ipv6.dstopts.options.tunnel_limit", "ipv6.opt.tel"),
    ("ipv6.hopopts.options.home_address", "ipv6.opt.mipv6.home_address"),
    ("ipv6.hopopts.options.jumbo", "ipv6.opt.jumbo"),
    ("ipv6.hopopts.options.router_alert", "ipv6.opt.router_alert"),
    ("ipv6.hopopts.options.tunnel_limit", "ipv6.opt.tel"),
    ("llc.n_r", "llc.control.n_r"),
    ("loop.family", "null.family"),
    ("ppp.compressed_protocol", "ppp.protocol"),
    ("pppoed.code", "pppoe.code"),
    ("pppoed.payload_length", "pppoe.payload_length"),
    ("pppoed.session_id", "pppoe.session_id"),
    ("pppoed.tags.length", "pppoed.tag_length"),
    ("pppoed.tags.type", "pppoed.tag"),
    ("pppoed.type", "pppoe.type"),
    ("pppoed.version", "pppoe.version"),
    ("pppoes.code", "pppoe.code"),
    ("pppoes.payload_length", "pppoe.payload_length"),
    ("pppoes.session_id", "pppoe.session_id"),
    ("pppoes.type", "pppoe.type"),
    ("pppoes.version", "pppoe.version"),
    ("sctp.abort.flags.t", "sctp.abort_t_bit"),
    ("sctp.chunk.value", "sctp.chunk_value"),
    ("sctp.cookie_echo.cookie", "sctp.cookie"),
    ("sctp.cwr.lowest_tsn", "sctp.cwr_lowest_tsn"),
    ("sctp.data.flags.b", "sctp.data_b_bit"),
    ("sctp.data.flags.e", "sctp.data_e_bit"),
    ("sctp.data.flags.i", "sctp.data_i_bit"),
    ("sctp.data.flags.u", "sctp.data_u_bit"),
    ("sctp.data.ppid", "sctp.data_payload_proto_id"),
    ("sctp.data.sid", "sctp.data_sid"),
    ("sctp.data.ssn", "sctp.data_ssn"),
    ("sctp.data.tsn", "sctp.data_tsn_raw"),
    ("sctp.ecne.lowest_tsn", "sctp.ecne_lowest_tsn"),
    ("sctp.forward_tsn.streams.sid", "sctp.forward_tsn_sid"),
    ("sctp.forward_tsn.streams.ssn", "sctp.forward_tsn_ssn"),
    ("sctp.forward_tsn.tsn", "sctp.forward_tsn_tsn"),
    ("sctp.init.a_rwnd", "sctp.init_credit"),
    ("sctp.init.inbound_streams", "sctp.init_nr_in_streams"),
    ("sctp.init.initial_tsn", "sctp.init_initial_tsn"),
    ("sctp.init.initiate_tag", "sctp.init_initiate_tag"),
    ("sctp.init.outbound_streams", "sctp.init_nr_out_streams"),
    ("sctp.init_ack.a_rwnd", "sctp.initack_credit"),
    ("sctp.init_ack.inbound_streams", "sctp.initack_nr_in_streams"),
    ("sctp.init_ack.initial_tsn", "sctp.initack_initial_tsn"),
    ("sctp.init_ack.initiate_tag", "sctp.initack_initiate_tag"),
    ("sctp.init_ack.outbound_streams", "sctp.initack_nr_out_streams"),
    ("sctp.sack.a_rwnd", "sctp.sack_a_rwnd"),
    ("sctp.sack.cumulative_tsn_ack", "sctp.sack_cumulative_tsn_ack_raw"),
    ("sctp.sack.duplicate_tsns", "sctp.sack_duplicate_tsn"),
    ("sctp.sack.gap_blocks.end", "sctp.sack_gap_block_end"),
    ("sctp.sack.gap_blocks.start", "sctp.sack_gap_block_start"),
    ("sctp.sack.number_of_duplicated_tsns", "sctp.sack_number_of_duplicated_tsns"),
    ("sctp.sack.number_of_gap_blocks", "sctp.sack_number_of_gap_blocks"),
    ("sctp.shutdown.cumulative_tsn_ack", "sctp.shutdown_cumulative_tsn_ack"),
    ("sctp.shutdown_complete.flags.t", "sctp.shutdown_complete_t_bit"),
    ("sll2.etype", "sll.etype"),
    ("sll2.halen", "sll.halen"),
    ("sll2.hatype", "sll.hatype"),
    ("sll2.ifindex", "sll.ifindex"),
    ("sll2.pkttype", "sll.pkttype"),
    ("sll2.reserved", "sll.reserved"),
    ("sll2.src.eth", "sll.src.eth"),
    ("sll2.src.ipv4", "sll.src.ipv4"),
    ("sll2.src.other", "sll.src.other"),
    ("sll2.unused", "sll.unused"),
    ("tcp.options.fastopen", "tcp.options.tfo.cookie"),
    ("tcp.options.md5", "tcp.options.md5.digest"),
    ("tcp.options.mss", "tcp.options.mss_val"),
    ("tcp.options.wscale", "tcp.options.wscale.shift"),
    ("tls.handshake.ciphersuites", "tls.handshake.ciphersuite"),
    ("tls.handshake.comp_methods", "tls.handshake.comp_method"),
    ("tls.handshake.extensions.alpn_len", "tls.handshake.extensions_alpn_len"),
    ("tls.handshake.extensions.alpn_str", "tls.handshake.extensions_alpn_str"),
    ("tls.handshake.extensions.data", "tls.handshake.extension.data"),
    ("tls.handshake.extensions.len", "tls.handshake.extension.len"),
    ("tls.handshake.extensions.server_name", "tls.handshake.extensions_server_name"),
    ("tls.handshake.extensions.server_name_len", "tls.handshake.extensions_server_name_len"),
    ("tls.handshake.extensions.server_name_list_len", "tls.handshake.extensions_server_name_list_len"),
    ("tls.handshake.extensions.server_name_type", "tls.handshake.extensions_server_name_type"),
    ("tls.handshake.extensions.sig_hash_alg_len", "tls.handshake.sig_hash_alg_len"),
    ("tls.handshake.extensions.sig_hash_algs", "tls.handshake.sig_hash_alg"),
    ("tls.handshake.extensions.supported_groups", "tls.handshake.extensions_supported_group"),
    ("tls.handshake.extensions.supported_groups_length", "tls.handshake.extensions_supported_groups_length"),
    ("tls.handshake.extensions.supported_versions", "tls.handshake.extensions.supported_version"),
    ("tls.handshake.extensions.type", "tls.handshake.extension.type"),
    ("vxlan.flags.g", "vxlan.flag_g"),
    ("vxlan.flags.i", "vxlan.flag_i"),
];

/// Text as tshark has it: its numbers for verdicts, octets without colons.
fn plain(name: &str, text: &str) -> String {
    match text {
        _ if !name.ends_with(".status") => without_colons(text),
        "good" => "1".to_owned(),
        // Of that, this tshark knows nothing.
        "bad" | "partial" => "0".to_owned(),
        "unverified" => "2".to_owned(),
        "not present" => "3".to_owned(),
        "illegal" => "4".to_owned(),
        other => panic!("{name}: no verdict is called {other}"),
    }
}

fn add(packet: &mut Packet, name: &str, value: String) {
    packet.values.entry(name.to_owned()).or_default().push(value);
}

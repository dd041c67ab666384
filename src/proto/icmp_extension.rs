//! What ICMP and ICMPv6 messages carry behind their own fields: extensions (RFC 4884 §7, RFC 4950 for MPLS labels, RFC 5837
//! and RFC 8335 for interfaces), and the extended echo that uses them (RFC 8335 §2 and §3).

use super::auto::{self, Scope};
use super::describe::{Before, Field, Len, Section, Style, flag, uint};
use super::icmp_interface as interface;
use crate::wire::big_endian::word;
use crate::wire::checksum::InternetChecksum;

/// The extension's head, where `condition` holds, and its objects, where `behind_head` holds.
pub(super) fn sections(
    condition: fn(&Before<'_>) -> bool,
    behind_head: fn(&Before<'_>) -> bool,
) -> [Section; 2] {
    let head = vec![
        uint("ext.version", 4, "Extension version").default_uint(2),
        uint("ext.res", 12, "Reserved").hidden_when_zero(),
        uint("ext.checksum", 16, "Extension checksum").header_checksum(checksum).absent_when_zero(),
    ];
    let label = vec![Section::fields(vec![
        uint("label", 20, "Label"),
        uint("exp", 3, "Traffic class"),
        flag("s", "Bottom of stack"),
        uint("ttl", 8, "Time to live"),
    ])];
    let mut object = vec![
        Section::fields(vec![
            uint("length", 16, "Length").auto(auto::header_len),
            uint("class", 8, "Class").values(CLASSES),
            uint("ctype", 8, "Type"),
        ]),
        Section::items("mpls", "MPLS label stack", Style::Table, label, Len::Octets(data_len)).when(is_mpls),
    ];
    object.extend(interface::sections());
    let is_data = |before: &Before<'_>| !is_mpls(before) && !interface::is_one(before);
    object.push(Section::octets("data", "Data", Len::Octets(data_len)).when(is_data));
    [
        Section::fields(head).when(condition),
        Section::items("ext.objects", "Extension objects", Style::Table, object, Len::Rest).when(behind_head),
    ]
}

/// Whether somebody wrote an extension.
pub(super) fn wrote(before: &Before<'_>) -> bool {
    ["ext.version", "ext.res", "ext.checksum", "ext.objects"].iter().any(|name| (before.wrote)(name))
}

/// Whether octets are an extension, by its version and checksum (RFC 4884 §5.5): for messages that do not say so. They come
/// in two parts, the first of an even number of octets.
pub(super) fn begins(first: &[u8], rest: &[u8]) -> bool {
    let Some(version) = first.first().or(rest.first()).map(|octet| octet >> 4) else { return false };
    version == VERSION
        && first.len().saturating_add(rest.len()) >= HEAD_LEN
        && InternetChecksum::default().add_octets(first).add_octets(rest).finish() == 0
}

/// The fields of an extended echo request or reply; `ident` is what the protocol calls the identifier.
pub(super) fn extended_echo(ident: &'static str, is_request: bool) -> Vec<Field> {
    let mut fields = vec![uint(ident, 16, "Identifier"), uint("ext.echo.seq", 8, "Sequence number")];
    if is_request {
        fields.push(uint("ext.echo.req.res", 7, "Reserved").hidden_when_zero());
        fields.push(flag("ext.echo.req.local", "The interface is on the node that is asked"));
    } else {
        fields.push(uint("ext.echo.rsp.state", 3, "State of the neighbour").values(STATES));
        fields.push(uint("ext.echo.rsp.res", 2, "Reserved").hidden_when_zero());
        fields.push(flag("ext.echo.rsp.active", "Active"));
        fields.push(flag("ext.echo.rsp.ipv4", "Runs IPv4"));
        fields.push(flag("ext.echo.rsp.ipv6", "Runs IPv6"));
    }
    fields
}

/// Octets of an extension before its objects.
pub(super) const HEAD_LEN: usize = 4;
const VERSION: u8 = 2;

/// The extension's checksum covers it from the octets before the field to the end.
fn checksum(scope: &Scope<'_>) -> Option<u64> {
    let extension = scope.region().get(scope.field.checked_sub(2)?..)?;
    Some(u64::from(InternetChecksum::default().add_except(extension, 2).finish()))
}

fn data_len(object: &[u8]) -> Option<usize> {
    usize::from(word(object, 0)).checked_sub(HEAD_LEN)
}

/// Whether an object is a stack of labels, which take four octets each (RFC 4950 §4.1); its data may be written as octets.
fn is_mpls(object: &Before<'_>) -> bool {
    let is_whole = word(object.header, 0).is_multiple_of(4);
    object.octet(2) == MPLS && object.octet(3) == 1 && is_whole && !(object.wrote)("data")
}

const MPLS: u8 = 1;

/// IANA icmp-parameters, extension object classes.
const CLASSES: &[(u64, &str)] =
    &[(1, "MPLS label stack"), (2, "interface information"), (3, "interface identification")];
/// RFC 8335 §3.
const STATES: &[(u64, &str)] = &[
    (0, "reserved"),
    (1, "incomplete"),
    (2, "reachable"),
    (3, "stale"),
    (4, "delay"),
    (5, "probe"),
    (6, "failed"),
];

#[cfg(test)]
mod tests {
    use crate::packet::build::build;
    use crate::packet::check::Dissected;
    use crate::packet::dissect::dissect;
    use crate::packet::unbuild::{Keep, unbuild, unbuild_shortest};
    use crate::show::{Meta, json};
    use crate::wire::frame::LinkType;
    use crate::wire::layers::LayerTable;

    fn layer(hex: &str, index: usize, name: &str) -> serde_json::Value {
        let octets = hex::decode(hex).unwrap();
        let mut table = LayerTable::default();
        dissect(&octets, LinkType::ETHERNET, &mut table);
        let mut out = String::new();
        let dissected = Dissected { octets: &octets, table: &table, wire_len: octets.len() };
        json::packet(&mut out, &Meta::built(1, LinkType::ETHERNET), &dissected);
        serde_json::from_str::<serde_json::Value>(&out).unwrap()["layers"][index][name].clone()
    }

    /// Made with scapy and compared with tshark: a time-exceeded message whose length field is zero, with an MPLS label
    /// behind 128 octets of the quoted packet.
    #[test]
    fn an_extension_that_the_length_does_not_tell_of() {
        let quoted = "4500001c00070000011102b70a000102ac100002c01d82a500080607";
        let hex = format!(
            "0200000000020200000001020800450000a800010000400165520a0000010a0001020b00ac2d00000000{quoted:0<256}\
             20007df40008010100016101"
        );
        let icmp = layer(&hex, 2, "icmp");
        assert_eq!(icmp["quoted"][0]["ip"]["dst"], "172.16.0.2");
        assert_eq!(icmp["quoted_trailer"].as_str().map(str::len), Some(200));
        assert_eq!(icmp["ext.checksum.status"], "good");
        assert_eq!(icmp["ext.objects"][0]["class"], 1);
        let label = serde_json::json!({"label": 22, "exp": 0, "s": true, "ttl": 1});
        assert_eq!(icmp["ext.objects"][0]["mpls"], serde_json::json!([label]));
    }

    /// Found by fuzzing: what a message quotes may end just where an older one's extension has its head.
    #[test]
    fn a_quoted_packet_of_132_octets_is_no_extension() {
        for kind in ["04", "05", "03", "0b", "0c"] {
            let ip = "450000a000010000400165520a0000010a000102";
            let octets = hex::decode(format!("{ip}{kind}92490000000000{:f<264}", "")).unwrap();
            let mut table = LayerTable::default();
            dissect(&octets, LinkType::RAW, &mut table);
            for packet in [unbuild(&octets, &table, Keep::All), unbuild_shortest(&octets, &table)] {
                assert_eq!(hex::encode(build(&packet).unwrap().octets), hex::encode(&octets));
            }
        }
    }

    /// Made with scapy and compared with tshark.
    #[test]
    fn an_extended_echo_request_names_an_interface() {
        let icmpv6 = layer(
            "02000000000202000000010286dd6000000000143a40fe800000000000000000000000000001fe800000000000000000000000000002\
             a0006749fb6100012000dcf40008030200000001",
            2,
            "icmpv6",
        );
        assert_eq!(icmpv6["echo.identifier"], 0xfb61);
        assert_eq!(icmpv6["ext.echo.req.local"], true);
        assert_eq!(icmpv6["ext.checksum.status"], "good");
        assert_eq!(icmpv6["ext.objects"][0]["class"], 3);
    }
}

//! What an ICMP extension tells of an interface of the hop, or of the next one (RFC 5837): number, address, name, MTU, each where
//! the object's type says so.

use super::auto::Scope;
use super::describe::{Before, Len, Section, ipv4, ipv6, uint};
use crate::wire::big_endian::{octet, word};

/// The parts of an object, behind its length, class and type.
pub(super) fn sections() -> [Section; 7] {
    let family = vec![
        uint("int_info.afi", 16, "Address family").values(FAMILIES).default_uint(u64::from(V4)),
        uint("int_info.ipaddr_reserved", 16, "Reserved").hidden_when_zero(),
    ];
    let name_len = uint("int_info.name_length", 8, "Length of the name and this octet").auto(auto_name_len);
    [
        Section::fields(vec![uint("int_info.index", 32, "Interface index")])
            .when(|before| has(before, INDEX)),
        Section::fields(family).when(|before| has(before, ADDRESS)),
        Section::fields(vec![ipv4("int_info.ipv4", "Address")]).when(|before| has_address(before, V4)),
        Section::fields(vec![ipv6("int_info.ipv6", "Address")]).when(|before| has_address(before, V6)),
        Section::fields(vec![name_len]).when(|before| has(before, NAME)),
        Section::characters(
            "int_info.name",
            "Interface name, filled up with zeros",
            Len::Octets(name_len_of),
        )
        .when(|before| has(before, NAME)),
        Section::fields(vec![uint("int_info.mtu", 32, "MTU")]).when(|before| has(before, MTU)),
    ]
}

/// Whether an object is such information: its parts, as the type tells them, fill it without a rest. Its data may be written as
/// octets.
pub(super) fn is_one(object: &Before<'_>) -> bool {
    object.octet(2) == CLASS && !(object.wrote)("data") && (object.builds || fills(object))
}

/// IANA icmp-parameters, class 2.
const CLASS: u8 = 2;
/// Bits of the type (RFC 5837 §4.1).
const INDEX: u8 = 8;
const ADDRESS: u8 = 4;
const NAME: u8 = 2;
const MTU: u8 = 1;
/// IANA address-family-numbers.
const V4: u16 = 1;
const V6: u16 = 2;
const FAMILIES: &[(u64, &str)] = &[(1, "IPv4"), (2, "IPv6")];
/// Octets before the parts.
const HEAD_LEN: usize = 4;
const TYPE_AT: usize = 3;

fn has(object: &Before<'_>, part: u8) -> bool {
    is_one(object) && object.octet(TYPE_AT) & part != 0
}

fn has_address(object: &Before<'_>, family: u16) -> bool {
    has(object, ADDRESS) && word(object.header, address_at(object.octet(TYPE_AT))) == family
}

/// Where an address begins, with its family.
fn address_at(kind: u8) -> usize {
    if kind & INDEX == 0 { HEAD_LEN } else { HEAD_LEN + 4 }
}

/// Octets of an address with its family; `None` of another family.
fn address_len(family: u16) -> Option<usize> {
    match family {
        V4 => Some(4 + 4),
        V6 => Some(4 + 16),
        _ => None,
    }
}

fn fills(object: &Before<'_>) -> bool {
    let at = |place: usize| match place.checked_sub(object.header.len()) {
        None => object.octet(place),
        Some(behind) => octet(object.left, behind),
    };
    let kind = object.octet(TYPE_AT);
    let mut end = address_at(kind);
    if kind & ADDRESS != 0 {
        let family = u16::from_be_bytes([at(end), at(end.saturating_add(1))]);
        let Some(len) = address_len(family) else { return false };
        end = end.saturating_add(len);
    }
    if kind & NAME != 0 {
        let len = usize::from(at(end));
        if len == 0 {
            return false;
        }
        end = end.saturating_add(len);
    }
    end = end.saturating_add(if kind & MTU == 0 { 0 } else { 4 });
    let there = object.header.len().saturating_add(object.left.len());
    end == usize::from(word(object.header, 0)) && end <= there
}

/// Octets of the name: its length stands just before it, and counts itself.
fn name_len_of(before: &[u8]) -> Option<usize> {
    usize::from(*before.last()?).checked_sub(1)
}

/// What the other parts leave of the object.
fn auto_name_len(scope: &Scope<'_>) -> Option<u64> {
    let object = scope.region();
    let kind = octet(object, TYPE_AT);
    let mut others = address_at(kind).saturating_add(if kind & MTU == 0 { 0 } else { 4 });
    if kind & ADDRESS != 0 {
        others = others.saturating_add(address_len(word(object, address_at(kind)))?);
    }
    u64::try_from(object.len().checked_sub(others)?).ok()
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use crate::packet::build::build;
    use crate::packet::check::Dissected;
    use crate::packet::dissect::dissect;
    use crate::packet::unbuild::{Keep, unbuild, unbuild_shortest};
    use crate::show::{Meta, json};
    use crate::wire::frame::LinkType;
    use crate::wire::layers::LayerTable;

    /// The objects of a time-exceeded message that carries these octets in its extension; it is built again from its fields.
    fn objects(hex: &str) -> serde_json::Value {
        let quoted = "4500001c00070000011102b70a000102ac100002c01d82a500080607";
        let message = format!("0b00000000200000{quoted:0<256}20000000{hex}");
        let len = 20 + message.len() / 2;
        let octets = hex::decode(format!("4500{len:04x}0001000040010000c0000201c0000202{message}")).unwrap();
        let mut table = LayerTable::default();
        dissect(&octets, LinkType::RAW, &mut table);
        for packet in [unbuild(&octets, &table, Keep::All), unbuild_shortest(&octets, &table)] {
            assert_eq!(hex::encode(build(&packet).unwrap().octets), hex::encode(&octets), "{hex}");
        }
        let mut out = String::new();
        let dissected = Dissected { octets: &octets, table: &table, wire_len: octets.len() };
        json::packet(&mut out, &Meta::built(1, LinkType::RAW), &dissected);
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        json["layers"][1]["icmp"]["ext.objects"].clone()
    }

    /// Each octet as RFC 5837 §4 has it.
    #[test]
    fn parts_are_there_as_the_type_says() {
        let all = objects("001c020f0000000700010000c00002010865746830000000000005dc");
        assert_eq!(all[0]["int_info.index"], 7);
        assert_eq!(all[0]["int_info.ipv4"], "192.0.2.1");
        assert_eq!(all[0]["int_info.name"], "eth0\\000\\000\\000");
        assert_eq!(all[0]["int_info.mtu"], 1500);
        let v6 = objects("001802850002000020010db8000000000000000000000001");
        assert_eq!(v6[0]["data"], "0002000020010db8000000000000000000000001", "an MTU is missing");
        let v6 = objects("001c02850002000020010db80000000000000000000000010000058c");
        assert_eq!(v6[0]["int_info.ipv6"], "2001:db8::1");
        assert_eq!(v6[0]["int_info.mtu"], 1420);
        let two = objects("000802080000000900080202046c6f00");
        assert_eq!(two[0]["int_info.index"], 9);
        assert_eq!(two[1]["int_info.name"], "lo\\000");
    }

    #[test]
    fn what_does_not_fill_the_object_is_data() {
        for hex in
            ["0004020f", "000802080000", "000802020000000000", "00080202ff000000", "000c0204000300007f000001"]
        {
            let objects = objects(hex);
            assert!(objects[0]["int_info.mtu"].is_null(), "{hex}: {objects}");
        }
    }
}

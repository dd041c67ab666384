//! What holds for the JSON of every packet.
#![allow(clippy::arithmetic_side_effects, reason = "this is test code")]

use proptest::prelude::*;
use serde_json::Value as Json;

use super::Meta;
use super::json::{Writer, tests::json_of};
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::packet::unbuild::{Keep, unbuild};
use crate::packet::{Layer, Node};
use crate::show::text::is_printable;
use crate::wire::frame::LinkType;
use crate::wire::layers::LayerTable;
use crate::wire::text::Text;

/// The same octets as in the laws' tests would do; these are enough to meet every kind of event.
fn packets() -> impl Strategy<Value = Vec<u8>> {
    let seeds: Vec<Vec<u8>> = SEEDS.iter().map(|text| hex::decode(text).unwrap()).collect();
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    let changed =
        (prop::sample::select(seeds), changes, 0usize..40).prop_map(|(mut packet, changes, cut)| {
            for (at, value) in changes {
                let at = at.index(packet.len());
                packet[at] = value;
            }
            packet.truncate(packet.len().saturating_sub(cut.saturating_sub(20)).max(1));
            packet
        });
    prop_oneof![1 => proptest::collection::vec(any::<u8>(), 0..90), 4 => changed]
}

/// Compares a layer's JSON with its fields as `unbuild` has them; every key must be one of them.
fn same_layer(json: &Json, layer: &Layer) {
    let object = json[layer.protocol.name].as_object().unwrap();
    let mut seen = 0;
    for (name, node) in &layer.fields {
        let found = part(object, name);
        same_node(found.unwrap_or_else(|| panic!("{name} in {json}")), node);
        seen += 1;
    }
    let leaves: usize = object
        .iter()
        .filter(|(name, _)| {
            !name.ends_with(".status")
                && !name.ends_with(".text")
                && !["trailer", "cut", "quoted_trailer"].contains(&name.as_str())
        })
        .map(|(_, value)| value.as_object().map_or(1, serde_json::Map::len))
        .sum();
    assert_eq!(leaves, seen, "{json} {layer:?}");
    assert_eq!(object.get("trailer").and_then(Json::as_str).unwrap_or_default(), hex::encode(&layer.trailer));
    let quoted_trailer = object.get("quoted_trailer").and_then(Json::as_str).unwrap_or_default();
    assert_eq!(quoted_trailer, hex::encode(&layer.quoted_trailer));
    let cut =
        layer.cut.as_ref().map(|cut| serde_json::json!({"len": cut.len, "rest": hex::encode(&cut.rest)}));
    assert_eq!(object.get("cut"), cut.as_ref());
}

/// What stands under a name, which may be that of a part of a group.
fn part<'j>(object: &'j serde_json::Map<String, Json>, name: &str) -> Option<&'j Json> {
    object.get(name).or_else(|| {
        let (group, part) = name.split_once('.')?;
        object.get(group)?.get(part)
    })
}

fn same_node(json: &Json, node: &Node) {
    match node {
        Node::Value(value) => match json {
            Json::String(text) => assert_eq!(*text, value.to_string()),
            other => assert_eq!(other.to_string(), value.to_string()),
        },
        Node::Table(fields) => {
            let object = json.as_object().unwrap();
            for (name, node) in fields {
                same_node(part(object, name).unwrap_or_else(|| panic!("{name} in {json}")), node);
            }
            let is_own = |name: &String| fields.iter().any(|(known, _)| known == name);
            let keys = object.iter().filter(|(name, _)| !name.ends_with(".text"));
            let leaves =
                keys.map(|(name, value)| if is_own(name) { 1 } else { value.as_object().unwrap().len() });
            assert_eq!(leaves.sum::<usize>(), fields.len(), "{json}");
        }
        Node::List(nodes) => {
            assert_eq!(json.as_array().unwrap().len(), nodes.len());
            nodes.iter().zip(json.as_array().unwrap()).for_each(|(node, json)| same_node(json, node));
        }
        Node::Layers(layers) => same_chain(json, layers),
        Node::Slot(_) | Node::Auto(_) | Node::Woven(_) => panic!("no generators in captures"),
    }
}

fn same_chain(json: &Json, layers: &[Layer]) {
    let list = json.as_array().unwrap();
    assert_eq!(list.len(), layers.len());
    list.iter().zip(layers).for_each(|(json, layer)| same_layer(json, layer));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn says_what_unbuilding_says_and_is_sound(octets in packets(), more in 0usize..3,
        link in prop::sample::select(vec![1u32, 1, 1, 0, 108, 113, 276, 101, 147]))
    {
        let text = json_of(&octets, octets.len() + more, &Meta::built(1, LinkType(link)));
        prop_assert!(text.chars().all(is_printable));
        let json: Json = serde_json::from_str(&text).unwrap();
        // serde_json keeps the last of two equal keys: then the text that it writes would be shorter.
        // It writes what we escape as it is, too.
        let is_escaped = text.contains("\\u");
        prop_assert!(is_escaped || json.to_string().len() == text.len(), "a key stands twice in {}", text);
        let mut table = LayerTable::default();
        dissect(&octets, LinkType(link), &mut table);
        let unbuilt = unbuild(&octets, &table, Keep::All);
        same_chain(&json["layers"], &unbuilt.layers);
        prop_assert_eq!(json["trailer"].as_str().unwrap_or_default(), hex::encode(&unbuilt.trailer));
    }
}

proptest! {
    #[test]
    fn a_writer_that_remembers_writes_the_same(packets in proptest::collection::vec(packets(), 1..40)) {
        let mut writer = Writer::default();
        let mut table = LayerTable::default();
        let meta = Meta::built(1, LinkType::ETHERNET);
        for octets in &packets {
            dissect(octets, LinkType::ETHERNET, &mut table);
            let dissected = Dissected { octets, table: &table, wire_len: octets.len() };
            let mut out = Text::default();
            writer.packet(&mut out, &meta, &dissected);
            prop_assert_eq!(out.as_str(), json_of(octets, octets.len(), &meta));
        }
    }
}

/// Made with scapy: IPv4 with options and a SACK, a quoted packet with an extension, IPv6 with extension headers,
/// a router advertisement, an IGMPv3 report, ARP. By hand: LLC, of which a section has one octet.
const SEEDS: &[&str] = &[
    "0180c20000000200000000010004787801ab",
    "020000000002020000000102080045000087001500004011664f0a0000010a00000200359c400073a752000381800001000100010001076578616d706c6503636f6d0000010001076578616d706c6503636f6d00000100010000003c000401020304076578616d706c6503636f6d0000020001000000000011036e7331076578616d706c6503636f6d0000002904d0000080000000",
    "02000000000202000000010208004500006a003200004011664f0a0000010a00000200359c4000561b87000a8180000100010000000003777777076578616d706c6503636f6d0000010001c00c000500010000000000040168c0100168076578616d706c6503636f6d000001000100000000000401020304",
    "02000000000102000000000208004900002c7b6e0000ac013d56cb00715ac00002a84410094077ad8e0b0000000000000000080089406ebe0001",
    "02000000000102000000000208004500004cf7fd00001906aa5acb0071c6c000028d54604faa8021b05b2ba6be7be01041d60a3f00000101052225f327b4d89c37759cabb9600ddf60c370f62888d1731f2f22fa2b5b79389b62",
    "02000000000102000000000208004500003886c80000fb014bb6c63364b0c000026203025eeb000000004500002825930000e111e1d9c00002820a4d058935d965f500140230",
    "02000000000102000000000286dd60000000004c2c4120010db8d6e576c1000000000000ce5420010db893dbc6680000000000006cc0110000209ce9f2b36a3aecd3a729c95127e14be717eba94d8050ed95f089247577311e05a72d3c7fa297eeb641e5484e29e54c420ec9cc9da8b7e166f32c66b0f76a56bc1595bc6e4c9aa9b4",
    "02000000000102000000000286dd6000000000443aaf20010db83463c04700000000000004d020010db85245f7ae000000000000ad73010140c000000000600000000014117c20010db8c3dd0819000000000000300420010db8505fe873000000000000831607340ce30014b1f92ebfed2f4f9984a87947bce6",
    "02000000000102000000000286dd6000000000303afffe80000000000000b0c8b077a4a7def420010db8ffc5d5a700000000000044d08900505800000000fe80000000000000cebd6ca35a45ece520010db8838a09ba000000000000d9b5020102e98f9550a7",
    "02000000000102000000000208004600002ca25900000102d67fc00002f0e8010101940400001114d7aae80101010a7d00020a4d06fa0a4d082b",
    "ffffffffffff0215b36932c70806000108000604000102169b9a908d0a4d01d2000000000000cb007108",
    "02a91faef4a002bf872124f381002c35810044db0800450000200fc300003911f93dcb0071accb00711f1c69e883000c922b08aae746",
];

//! The two laws, as property tests: what is written goes out as written, and what came in can be built again.

#![allow(clippy::arithmetic_side_effects)]

use proptest::prelude::*;

use super::build::build;
use super::dissect::{dissect, dissect_as};
use super::unbuild::{Keep, unbuild, unbuild_shortest};
use super::walk::{Event, walk_layer};
use crate::proto::describe::{Body, Field, Kind, Section};
use crate::proto::registry;
use crate::wire::frame::LinkType;
use crate::wire::layers::LayerTable;

/// Octets that begin like a packet often enough to reach deep into every protocol.
pub(crate) fn packets() -> impl Strategy<Value = Vec<u8>> {
    let seeds: Vec<Vec<u8>> = SEEDS.iter().map(|text| hex::decode(text).unwrap()).collect();
    let noise = proptest::collection::vec(any::<u8>(), 0..120);
    let changed = (
        prop::sample::select(seeds),
        proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        any::<prop::sample::Index>(),
        any::<bool>(),
    )
        .prop_map(|(mut packet, changes, cut, cuts)| {
            for (at, value) in changes {
                let at = at.index(packet.len());
                packet[at] = value;
            }
            if cuts {
                packet.truncate(cut.index(packet.len()) + 1);
            }
            packet
        });
    prop_oneof![1 => noise, 4 => changed]
}

fn check_round_trip(octets: &[u8], table: &LayerTable) {
    for keep in [Keep::Needed, Keep::Chosen, Keep::All] {
        let packet = unbuild(octets, table, keep);
        if keep == Keep::All {
            let built = build(&packet).unwrap_or_else(|error| panic!("{error}: {packet:#?}"));
            assert_eq!(hex::encode(&built.octets), hex::encode(octets), "{packet:#?}");
        }
    }
    let shortest = unbuild_shortest(octets, table);
    assert_eq!(hex::encode(build(&shortest).unwrap().octets), hex::encode(octets));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn round_trip_of_any_octets(octets in packets(), link in prop::sample::select(vec![1u32, 0, 108, 113, 276, 101, 228, 229, 147])) {
        let mut table = LayerTable::default();
        dissect(&octets, LinkType(link), &mut table);
        check_round_trip(&octets, &table);
    }

    #[test]
    fn round_trip_of_any_octets_as_any_protocol(octets in proptest::collection::vec(any::<u8>(), 0..100), which: prop::sample::Index) {
        let protocols = registry().protocols();
        let mut table = LayerTable::default();
        dissect_as(&octets, &protocols[which.index(protocols.len())], &mut table);
        check_round_trip(&octets, &table);
    }

    #[test]
    fn layers_nest_and_lose_nothing(octets in packets()) {
        let mut table = LayerTable::default();
        dissect(&octets, LinkType::ETHERNET, &mut table);
        for (index, entry) in table.entries().iter().enumerate() {
            prop_assert!(entry.start <= entry.header_end && entry.header_end <= entry.end);
            prop_assert!(entry.end as usize <= octets.len());
            if let Some((_, child)) = table.child(index) {
                prop_assert!(child.start == entry.header_end && child.end <= entry.end);
            }
        }
    }

    /// Every octet of a header that the walk tells of is told once: leaf fields do not overlap and leave no gap.
    #[test]
    fn the_walk_tells_every_bit_of_a_whole_header_once(octets in packets()) {
        let mut table = LayerTable::default();
        dissect(&octets, LinkType::ETHERNET, &mut table);
        for entry in table.entries() {
            walk_layer(&octets, entry, registry().get(entry.protocol), &mut |event| {
                if let Event::Field { octets: at, .. } | Event::Loose { octets: at, .. } = event {
                    assert!(at.start >= entry.start as usize && at.end <= entry.header_end as usize);
                }
            });
        }
    }
}

/// The first law: each field of each protocol, written alone with any value that fits, reads back as written, on a
/// buffer that was dirty before.
#[test]
fn every_written_field_goes_out_as_written() {
    for protocol in registry().protocols() {
        for section in &protocol.sections {
            let Body::Fields { fields, len } = &section.body else { continue };
            for field in fields.iter().filter(|field| !matches!(field.kind, Kind::Octets)) {
                let mut header = vec![0xa5u8; *len];
                for value in [0, 1, field.span.max() / 2, field.span.max()] {
                    field.span.write(&mut header, value);
                    if field.span.len_bits <= 64 {
                        assert_eq!(field.span.read(&header), Some(value), "{}.{}", protocol.name, field.name);
                    }
                }
            }
        }
    }
}

#[test]
fn leaf_spans_tile_each_section() {
    for protocol in registry().protocols() {
        each_section(&protocol.sections, &mut |section| {
            let Body::Fields { fields, len } = &section.body else { return };
            let mut leaves: Vec<&Field> = fields.iter().filter(|field| field.kind != Kind::Group).collect();
            leaves.sort_by_key(|field| field.span.start_bits);
            let mut at = 0;
            for field in leaves {
                assert_eq!(field.span.start_bits, at, "{}.{}", protocol.name, field.name);
                at = field.span.end_bits();
            }
            assert_eq!(at as usize, len * 8, "{}: the section's length", protocol.name);
        });
    }
}

#[test]
fn every_protocol_and_field_has_a_title_and_a_source() {
    for protocol in registry().protocols() {
        assert!(!protocol.title.is_empty(), "{}", protocol.name);
        each_section(&protocol.sections, &mut |section| {
            if let Body::Fields { fields, .. } = &section.body {
                assert!(fields.iter().all(|field| !field.title.is_empty()), "{}", protocol.name);
            }
        });
    }
}

fn each_section(sections: &'static [Section], tell: &mut dyn FnMut(&'static Section)) {
    for section in sections {
        tell(section);
        match &section.body {
            Body::Items(items) => each_section(&items.item, tell),
            Body::Records(records) => {
                records.records.iter().for_each(|record| each_section(&record.sections, tell))
            }
            _ => {}
        }
    }
}

/// One packet for each protocol and form, made with scapy.
const SEEDS: &[&str] = &[
    "0200000000010200000000020800450000543b3b00003e01f7770a4d0374cb0071350800188e9c44b5635bd6380d9667b172f8aa2f663159d0bf09f144af2a434045dbe1208e05264b9fc0c636c8f3c0d69f70ea8fd2c4d715ed4eac3c5ada367ed4",
    "020000000001020000000002080045000024a6dc00007e014b750a4d03adcb00718d0809340bc6a3762c1ea5c130d641d103",
    "02000000000102000000000208004500003886c80000fb014bb6c63364b0c000026203025eeb000000004500002825930000e111e1d9c00002820a4d058935d965f500140230",
    "020000000001020000000002080045000044d774000071011d0ec633646dc6336462030d370e0000000045000028b0490000ec06e485c633648e0a4d04f27910ea601a69728c45c7d2565002c470a8ec0000",
    "02000000000102000000000208004500002c804f000001012e55c63364f8e000000109006e7e02020708f1100c4ee388df5290b9a8930df277fd",
    "020000000001020000000002080045000038d4450000b6013128cb007194c00002c20b010bc6000000004500002870db00007811b1b30a4d04d10a4d06cc397e661e00144988",
    "0200000000010200000000020800450000289a4400006701340bc00002fec00002870e00b1fd38d236d1ab4d98915040da6c36c02b12",
    "02000000000102000000000208004500002053dd0000e7018192c0000243cb007129110092d972eae93b00000000",
    "020000000001020000000002080045000026791a000061017961c6336438cb0071ef0800e2fbb31ff6e1cdb1804630c1d6f73e8f",
    "020000000001020000000002080045000018a451000098ff63ed0a4d00650a4d04aa275bfb81",
    "020000000001020000000002080045000024cbbfe0007f113a2ec63364d5c633649e602140b20010a45c8287aacb2ce30a8d",
    "02000000000102000000000208004500002418b320047d11b72ecb0071c50a4d06d18733432bf91a33a835025a487efc2382",
    "02000000000102000000000208004500b0034bb3000049118932c0000239c63364979ea8d794000e1dc69abd8f86b309",
    "0200000000010200000000020800460000285b9500008711560dc00002c10a4d053c790f4814001410188d1b5380b68fb263dd6bb116",
    "020000000001020000000002080045000020a64700000011d95e0a4d05d2c63364d59234d2a6000c47622d25eb4b",
    "02000000000102000000000208004500002296980000bc111bf90a4d05b0cb00713ca311fdf3000e5fc76163a2508805009ceeb90f",
    "02000000000102000000000208004900002c7b6e0000ac013d56cb00715ac00002a84410094077ad8e0b0000000000000000080089406ebe0001",
    "02000000000102000000000208004800002c8f3700005b1176d3cb0071dacb0071e2830b04c0000283c633649e0077550842000c67a71fb1a12d",
    "0200000000010200000000020800460000200dab0000010129bc0a4d030fe00000169404000008006b498cb20004",
    "02000000000102000000000208004600002057da00004201a2c4c6336406c00002350b0485cb0800b56642920007",
    "02000000000102000000000208004f00004727c500002b11e0fcc6336471c6336401010727040000000000000000000000000000000000000000000000000000000000000000000000001985abf1000b7cc2dbc48d",
    "020000000001020000000002080046000023459b00002f11620ecb00718a0a4d0848940100001264bf06000b9487f8c552",
    "020000000001020000000002080045000023675800009a11bb0bc000021fcb00714639b1599a000f1baa97b43377a147e6",
    "020000000001020000000002080045000025879700002f11e9cf0a4d00bb0a4d050d9f5a8eac0011b7fd6054f394e51784ad53",
    "020000000001020000000002080045000025ec75000048113b42cb0071230a4d04a01dc7a34a0004c4a16d305099c2627037de",
    "02000000000102000000000208004500002805b30000e90676b9c6336425c63364d771008451387121f03a66e04e500247f3a8230000",
    "020000000001020000000002080045000028838a0000ae0610e1cb007110cb0071532beec370586063a30d27c631501888b82ff40000",
    "02000000000102000000000208004500002816e000003d0616630a4d0988cb0071b811ced9c706cee60af41205565014d823b5470000",
    "020000000001020000000002080045000028c9790000a7065d4dc6336444c000029139a90d333c5ddf498b064d0c500314c073820000",
    "0200000000010200000000020800450000285fcb00003d06d564cb0071590a4d01fab294dfa053169d2c1b69306851102ce56b050000",
    "02000000000102000000000208004500002e46c000001a066d43c6336429c000026a19a127f61ceeb7635edcc4d45018c76eaf49dd75efc55847ed29",
    "020000000001020000000002080045000028881500006706fbfac000025d0a4d0316acd483b39efa945c4cd9fca8500293a3752d0000",
    "020000000001020000000002080045000050c4cb00006b06ba880a4d03fac000020d481fe6520d3fd6d7c4dec335f002a69da77e00004fae7d5d2d34d8df1589110a4ebc6871c4aa0fc128aecb2ee65561d323750a1026c3a6854ba14eea",
    "02000000000102000000000208004500003c21894000a306b738c0000222cb0071d71011fe694d98eeb200000000a0025346c6900000020405b40402080aa53b3f2d0000000001030307",
    "02000000000102000000000208004500002cb26e0000b206ef4ac63364cacb007114477791c9d75fcaa9675b5a9b6002543a954d000003030f00",
    "02000000000102000000000208004500004cf7fd00001906aa5acb0071c6c000028d54604faa8021b05b2ba6be7be01041d60a3f00000101052225f327b4d89c37759cabb9600ddf60c370f62888d1731f2f22fa2b5b79389b62",
    "020000000001020000000002080045000030b7df00001d066142c000023cc000026aa6e74271241236055523327470027014a65d0000020405b422020000",
    "02000000000102000000000208004500003823bb000026068358c63364ecc000028d3d4ee9ba747a4ccf5dc597369010437806bd00001d1050162b44044a1f8334c0024c674f",
    "020000000001020000000002080045000030487500005f06c8fecb0071bd0a4d034a8f18dff057df11314a1b437770028aeb4a9a0000c805894db9000000",
    "02000000000102000000000208004500002c202e0000aa06f1eacb007112c00002a0e4fa8a9b0f3236a8ad9d1e106002af7768b90000022805b4",
    "02929cccd3e4024e2e4ae56c88b54a",
    "ffffffffffff022e62d1ab67080045000028019a0000bc06f1860a4d0163ffffffffaeb83d2257669abf8877e84750021be9398a0000",
    "02271939ed9102ed8f4179ee81006f45080045000028b7f100001201042ac633645fc000022708009f081f2900019d920c7bf59d859ec7974ceb",
    "02a91faef4a002bf872124f381002c35810044db0800450000200fc300003911f93dcb0071accb00711f1c69e883000c922b08aae746",
    "ffffffffffff0215b36932c70806000108000604000102169b9a908d0a4d01d2000000000000cb007108",
    "ffffffffffff028a03873d1f0806000108000604000102d466db2c33000000000000000000000a4d0410",
    "02f98be40781029a1f469acf080600010800060400630257e949de62c00002a1000000000000cb0071e1",
    "0200000000010200000000020800460000200860000001021240c6336403e0000001940400001164ee9b00000000",
    "02000000000102000000000208004600002ca25900000102d67fc00002f0e8010101940400001114d7aae80101010a7d00020a4d06fa0a4d082b",
    "02000000000102000000000286dd600000000013111920010db83f6c4b28000000000000739120010db8419d62ce000000000000b793a66c9f3500135cbba10e675e02c8dd5551486e",
    "02000000000102000000000286dd6000000000003bc520010db8989dc94f0000000000002d7d20010db8cb02e5e60000000000000492",
    "02000000000102000000000286dd60000000000c114120010db868c6c3d2000000000000791f20010db86c40a10b000000000000f2e65144c618000c0000ccf9dea0",
    "02000000000102000000000286dd6000000000143c9020010db83d2cbdd6000000000000e4c320010db82b92655e000000000000fefb1100000103000000dc2c4b8c000ce22bd6b0541b",
    "02000000000102000000000286dd6000000000342b8520010db8e436260300000000000037e220010db84eca75790000000000006e2b110400020000000020010db882df7cd70000000000002d7020010db8cf799ee30000000000001f9809326306000c7675aa344770",
    "02000000000102000000000286dd60000000004c2c4120010db8d6e576c1000000000000ce5420010db893dbc6680000000000006cc0110000209ce9f2b36a3aecd3a729c95127e14be717eba94d8050ed95f089247577311e05a72d3c7fa297eeb641e5484e29e54c420ec9cc9da8b7e166f32c66b0f76a56bc1595bc6e4c9aa9b4",
    "02000000000102000000000286dd6000000000403a1720010db8ed94f34300000000000028b020010db87f9903ea000000000000d06e8000b4dfb5a6848476fa35e5fc09aec647f3210ed1b74290da7df3a6f2f41504c8ef82d82057f1d6ae68288a9b661dad2fd9021eb3367191d46b2ea29a544a56",
    "02000000000102000000000286dd6000000000443aaf20010db83463c04700000000000004d020010db85245f7ae000000000000ad73010140c000000000600000000014117c20010db8c3dd0819000000000000300420010db8505fe873000000000000831607340ce30014b1f92ebfed2f4f9984a87947bce6",
    "02000000000102000000000286dd6000000000443ad420010db83ac3fdeb00000000000042f220010db890f91f07000000000000664104019cb000000025600000000014116620010db8cc1d5d9a00000000000018d120010db82e2be32f000000000000fcf2c652c781001436fc203a67b66e2d20dae9d98dda",
    "02000000000102000000000286dd6000000000203afffe80000000000000c82259e4932ec977ff0200000000000000000001ff0000ed8700f33e00000000fe800000000000008657c3c5fa6969520101029dcaeb8e61",
    "02000000000102000000000286dd6000000000103afffe8000000000000040077e9a7aa2e03aff0200000000000000000000000000028500ca3c00000000010102cebdb0d7f3",
    "02000000000102000000000286dd6000000000303afffe80000000000000b0c8b077a4a7def420010db8ffc5d5a700000000000044d08900505800000000fe80000000000000cebd6ca35a45ece520010db8838a09ba000000000000d9b5020102e98f9550a7",
    "02000000000102000000000286dd6000000000200001fe80000000000000b2b027214939854aff0200000000000000000000000000fb3a000502000001008300d5da00000000ff0200000000000000000000000000fb",
    "0252393648ce022e573efdef8100019f86dd600000000010117e20010db8c36786e3000000000000aa1f20010db80f26cf39000000000000d80452d99d800010ecc226e67e16bde0b992",
    // An ICMP error with an MPLS label as routers write it that do not know of the length field.
    "0200000000020200000001020800450000a800010000400165520a0000010a0001020b00ac2d000000004500001c00070000011102b70a000102ac100002c01d82a5000806070000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000020007df40008010100016101",
    // An extended echo request over ICMPv6.
    "02000000000202000000010286dd6000000000143a40fe800000000000000000000000000001fe800000000000000000000000000002a0006749fb6100012000dcf40008030200000001",
];

//! Any octets: with addresses changed, the checksums that were right are right and those that were wrong are wrong; where they are
//! mended, none is wrong; and done twice, the second time changes nothing more.

use std::net::IpAddr;

use rawsock::packet::check::{Dissected, Problem};
use rawsock::packet::dissect::dissect;
use rawsock::packet::edit::{Editor, NetworkMap};
use rawsock::wire::frame::LinkType;
use rawsock::wire::layers::LayerTable;

use super::start::Start;

/// The layers whose checksums are wrong.
fn wrong(octets: &[u8], link_type: LinkType, wire_len: usize) -> Vec<usize> {
    let (mut table, mut layers) = (LayerTable::default(), Vec::new());
    dissect(octets, link_type, &mut table);
    Dissected { octets, table: &table, wire_len }.findings(&mut |finding| {
        if matches!(finding.problem, Problem::Checksum { .. }) {
            layers.push(finding.layer);
        }
    });
    layers
}

/// Holds it.
pub fn check(input: &[u8]) {
    let Some(start) = Start::of_link(input) else { return };
    let v4 = |first: u8, bits| (IpAddr::from([first, 0, 0, 0]), bits);
    let v6 = |first: u16| (IpAddr::from([first, 0, 0, 0, 0, 0, 0, 0]), 16);
    let maps = [
        NetworkMap::new(v4(10, 8), v4(172, 8)),
        NetworkMap::new(v4(192, 8), v4(198, 8)),
        NetworkMap::new(v6(0xfe80), v6(0xfd00)),
    ];
    let maps: Vec<_> = maps.into_iter().flatten().collect();
    assert_eq!(maps.len(), 3);
    for (maps, fixes) in [(maps.clone(), false), (maps, true), (Vec::new(), true)] {
        let mut editor = Editor::new(Vec::new(), maps, fixes);
        for wire_len in [start.octets.len(), start.octets.len() + 9] {
            let mut octets = start.octets.to_vec();
            editor.edit(&mut octets, start.link_type, wire_len);
            let (before, after) =
                (wrong(start.octets, start.link_type, wire_len), wrong(&octets, start.link_type, wire_len));
            assert_eq!(after, if fixes { Vec::new() } else { before });
            let once = octets.clone();
            editor.edit(&mut octets, start.link_type, wire_len);
            assert_eq!(octets, once);
        }
    }
}

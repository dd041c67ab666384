//! Any octets: with addresses changed and checksums mended they stay as long, and dissect; done twice, the second time changes
//! nothing more.

use std::net::IpAddr;

use rawsock::packet::edit::{Editor, NetworkMap};

use super::start::Start;

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
            let once = octets.clone();
            editor.edit(&mut octets, start.link_type, wire_len);
            assert_eq!(octets, once);
        }
    }
}

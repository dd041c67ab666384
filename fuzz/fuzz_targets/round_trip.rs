//! Any octets, of any link type: dissecting does not panic, and what was dissected is built again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rawsock::packet::build::build;
use rawsock::packet::dissect::dissect;
use rawsock::packet::unbuild::{Keep, unbuild, unbuild_shortest};
use rawsock::wire::frame::LinkType;
use rawsock::wire::layers::LayerTable;

fuzz_target!(|input: (u8, &[u8])| {
    let (link, octets) = input;
    let links = [1, 0, 108, 113, 276, 101, 228, 229];
    let mut table = LayerTable::default();
    dissect(octets, LinkType(links[usize::from(link) % links.len()]), &mut table);
    for packet in [unbuild(octets, &table, Keep::All), unbuild_shortest(octets, &table)] {
        assert_eq!(build(&packet).expect("it was a packet").octets, octets);
    }
});

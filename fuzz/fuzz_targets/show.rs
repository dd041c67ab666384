//! Any octets: what is printed of them has no control character but the line's end, and lines are lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rawsock::packet::check::Dissected;
use rawsock::packet::dissect::dissect;
use rawsock::show::{Meta, json, line, tree};
use rawsock::wire::frame::LinkType;
use rawsock::wire::layers::LayerTable;

fuzz_target!(|octets: &[u8]| {
    let mut table = LayerTable::default();
    dissect(octets, LinkType::ETHERNET, &mut table);
    let dissected = Dissected { octets, table: &table, wire_len: octets.len() };
    let mut text = String::new();
    line::summary(&mut text, &dissected, true);
    json::packet(&mut text, &Meta::built(1, LinkType::ETHERNET), &dissected);
    assert!(!text.contains(char::is_control));
    tree::layers(&mut text, &dissected, tree::Style::default());
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
});

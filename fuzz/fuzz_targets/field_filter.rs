//! Any text is a field filter or a mistake that can be shown; any filter can be run on any packet, in bounded time. The text
//! ends with its first zero, behind which the packet stands.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rawsock::filter::field::{About, FieldFilter};
use rawsock::packet::check::Dissected;
use rawsock::packet::dissect::dissect;
use rawsock::wire::frame::LinkType;
use rawsock::wire::layers::LayerTable;

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |octet| *octet == 0);
    let (text, octets) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(text) = std::str::from_utf8(text) else { return };
    match FieldFilter::compile(text) {
        Ok(filter) => {
            let mut table = LayerTable::default();
            dissect(octets, LinkType::ETHERNET, &mut table);
            let packet = Dissected { octets, table: &table, wire_len: octets.len() };
            filter.matches(&packet, &About { time: Some(1), interface: Some("eth0"), ..About::default() });
        }
        Err(error) => assert!(!error.render(false).is_empty()),
    }
});

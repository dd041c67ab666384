//! Any text is a filter or a mistake; a filter runs on any octets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rawsock::filter::capture::{BuiltIn, CaptureFilter, Target};
use rawsock::wire::frame::{Frame, LinkType};

fuzz_target!(|input: (u8, &str, &[u8])| {
    let (link, text, octets) = input;
    let links = [1, 0, 108, 113, 276, 101, 228, 229, 9];
    let link_type = LinkType(links[usize::from(link) % links.len()]);
    let target = Target { is_live: link > 127, ..Target::file(link_type, &BuiltIn) };
    match CaptureFilter::compile(text, &target) {
        Ok(filter) => {
            let _ = filter.matches(&Frame::new(octets, link_type));
        }
        Err(error) => assert!(!error.render(false).is_empty()),
    }
});

//! Any text is a capture filter or a mistake that can be shown; a filter runs on any octets, and says of itself what it runs. The
//! text ends with its first zero; behind that stands the packet, the first octet of which says the link type.

use rawsock::filter::capture::{BuiltIn, CaptureFilter, Target};
use rawsock::wire::frame::Frame;

use super::harmless;
use super::start::LINK_TYPES;

/// Holds it.
pub fn check(input: &[u8]) {
    let mut parts = input.splitn(2, |octet| *octet == 0);
    let (text, packet) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(text) = std::str::from_utf8(text) else { return };
    let (first, octets) = packet.split_first().unwrap_or((&0, &[]));
    let link_type = LINK_TYPES[usize::from(first % 128) % LINK_TYPES.len()];
    let target = Target { is_live: *first > 127, ..Target::file(link_type, &BuiltIn) };
    match CaptureFilter::compile(text, &target) {
        Ok(filter) => {
            let takes = filter.matches(&Frame::new(octets, link_type));
            assert!(!(takes && filter.matches_nothing()));
            // Neither takes a packet that is too short for what is asked of it.
            if let Ok(other) = CaptureFilter::compile(&format!("not ({text})"), &target) {
                assert!(!(takes && other.matches(&Frame::new(octets, link_type))), "{text}");
            }
            let mut assembly = String::new();
            filter.write_assembly(&mut assembly).expect("a string takes all");
            assert_eq!(assembly.lines().count(), filter.program().len());
            assert!(!assembly.contains('?'), "{assembly}");
            filter.program_for_cooked_socket();
        }
        Err(error) => harmless::lines(&error.render(false)),
    }
}

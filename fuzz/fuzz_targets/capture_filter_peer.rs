//! Capture filters made of words, and libpcap beside: both take the same packets, and refuse the same filters.
#![no_main]

#[path = "../peer/libpcap.rs"]
mod libpcap;

use libfuzzer_sys::fuzz_target;
use rawsock_fuzz::vocabulary::Case;

fuzz_target!(|input: &[u8]| {
    let case = Case::of(input);
    if case.is_known_difference() {
        return;
    }
    let Case { text, link_type, octets } = &case;
    let (ours, theirs) = (case.verdict(), |optimize| libpcap::verdict(text, *link_type, octets, optimize));
    // Its optimizer leaves out loads whose value does not count, such as `ip[1000] * 0`, and with them what happens where there is
    // nothing to load; so does ours, not always at the same places.
    if ours != theirs(false) {
        assert_eq!(ours, theirs(true), "ours and libpcap's of `{text}`");
    }
});

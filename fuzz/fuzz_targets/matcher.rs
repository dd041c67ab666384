//! Any packets, sent and received: matching does not panic, and answers are to what was sent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rawsock::exchange::matcher::{Match, Matcher};
use rawsock::packet::dissect::dissect;
use rawsock::wire::frame::LinkType;
use rawsock::wire::layers::LayerTable;

fuzz_target!(|packets: Vec<(bool, Vec<u8>)>| {
    let mut matcher = Matcher::default();
    let mut table = LayerTable::default();
    for (sent, octets) in &packets {
        dissect(octets, LinkType::RAW, &mut table);
        if *sent {
            matcher.sent(octets, &table);
        } else if let Some(Match::Reply(n) | Match::Error(n) | Match::Duplicate(n)) = matcher.received(octets, &table) {
            assert!(n < matcher.sent_count());
        }
    }
});

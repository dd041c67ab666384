//! Any packets, sent and received: answers are to what was sent, and a packet that was answered is not answered for the first time
//! again.

use rawsock::exchange::matcher::{Match, Matcher};
use rawsock::packet::dissect::dissect;
use rawsock::wire::layers::LayerTable;

use super::script::Script;
use super::start::LINK_TYPES;

/// Holds it. Each packet is an octet (the link type, and whether it is sent), a length and octets; one of length zero is the last
/// one that was sent, changed.
pub fn check(input: &[u8]) {
    let mut script = Script(input);
    let (mut matcher, mut table, mut last) = (Matcher::default(), LayerTable::default(), Vec::new());
    let mut answered = Vec::new();
    while let Some(first) = script.octet() {
        let link_type = LINK_TYPES[usize::from(first & 0x7f) % LINK_TYPES.len()];
        let mut octets = script.piece().to_vec();
        if octets.is_empty() {
            octets.clone_from(&last);
            script.change(&mut octets);
        }
        dissect(&octets, link_type, &mut table);
        if first & 0x80 == 0 {
            matcher.sent(&octets, &table);
            answered.push(false);
            last = octets;
            continue;
        }
        match matcher.received(&octets, &table) {
            Some(Match::Reply(number) | Match::Error(number)) => {
                assert!(!std::mem::replace(&mut answered[number], true), "{number} is answered twice");
            }
            Some(Match::Duplicate(number)) => assert!(answered[number]),
            Some(Match::Advice(number)) => assert!(number < answered.len()),
            None => {}
        }
    }
    assert_eq!(matcher.sent_count(), answered.len());
}

//! Any octets, of any link type or protocol: dissecting ends, layers nest and lose nothing, the walk tells of octets that its layer
//! has, and each opening has its close.

use rawsock::packet::check::Dissected;
use rawsock::packet::identity::is_answerable;
use rawsock::packet::walk::{Event, walk_layer};
use rawsock::proto::registry;

use super::start::Start;

/// Holds it.
pub fn check(input: &[u8]) {
    let Some(Start { octets, table, .. }) = Start::of(input) else { return };
    for (index, entry) in table.entries().iter().enumerate() {
        assert!(entry.start <= entry.header_end && entry.header_end <= entry.end);
        assert!(entry.end as usize <= octets.len());
        if let Some((_, child)) = table.child(index) {
            assert!(child.start == entry.header_end && child.end <= entry.end);
        }
        let (start, end) = (entry.start as usize, entry.header_end as usize);
        let mut depth = 0usize;
        walk_layer(octets, entry, registry().get(entry.protocol), &mut |event| match event {
            Event::Field { octets: at, .. } | Event::Loose { octets: at, .. } => {
                assert!(at.start >= start && at.end <= end, "{at:?} of {start}..{end}");
            }
            Event::Open { .. } => depth += 1,
            Event::Close => depth = depth.checked_sub(1).expect("nothing is open"),
            Event::Cut { octets: at, .. } => assert!(at.end <= octets.len()),
            Event::Quoted { octets: at, .. } => assert!(at.end <= octets.len()),
        });
        assert_eq!(depth, 0, "something stays open");
    }
    is_answerable(octets, &table);
    for wire_len in [octets.len(), octets.len() + 40] {
        Dissected { octets, table: &table, wire_len }.findings(&mut |finding| {
            assert!(finding.layer < table.entries().len());
            finding.problem.gravity();
        });
    }
}

//! Any octets, of any link type or protocol: dissecting ends, layers nest and lose nothing, the walk tells of octets that its layer
//! has and of all of them but zeros that only fill up, and each opening has its close.

use rawsock::packet::check::Dissected;
use rawsock::packet::dissect::dissect_slowly;
use rawsock::packet::identity::is_answerable;
use rawsock::packet::walk::{Event, walk_layer};
use rawsock::proto::registry;
use rawsock::wire::layers::LayerTable;

use super::start::Start;

/// Octets of the type and the length of an option or a record.
const LONGEST_HEAD: usize = 4;

/// What stands between words and behind lines of HTTP is told only where it is not as usual.
const USUAL: &[u8] = b" :\r\n";

/// Holds it.
pub fn check(input: &[u8]) {
    let Some(Start { octets, table, .. }) = Start::of(input) else { return };
    agrees_with_the_descriptions(octets, &table);
    for (index, entry) in table.entries().iter().enumerate() {
        assert!(entry.start <= entry.header_end && entry.header_end <= entry.end);
        assert!(entry.end as usize <= octets.len());
        if let Some((_, child)) = table.child(index) {
            assert!(child.start == entry.header_end && child.end <= entry.end);
        }
        let (start, end) = (entry.start as usize, entry.header_end as usize);
        let (mut depth, mut untold) = (0usize, octets[start..end].to_vec());
        let mut tell = |at: &std::ops::Range<usize>| {
            untold
                .iter_mut()
                .take(at.end.saturating_sub(start))
                .skip(at.start - start)
                .for_each(|octet| *octet = 0);
        };
        walk_layer(octets, entry, registry().get(entry.protocol), &mut |event| match event {
            Event::Field { octets: at, .. } | Event::Loose { octets: at, .. } => {
                assert!(at.start >= start && at.end <= end, "{at:?} of {start}..{end}");
                tell(&at);
            }
            Event::Open { octets: at, .. } => {
                depth += 1;
                // The type and the length of an option or a record are told with its name.
                if at.start > start {
                    tell(&(at.start..at.end.min(at.start + LONGEST_HEAD)));
                }
            }
            Event::Close => depth = depth.checked_sub(1).expect("nothing is open"),
            Event::Cut { octets: at, .. } | Event::Quoted { octets: at, .. } => {
                assert!(at.start >= start && at.end <= octets.len());
                tell(&at);
            }
        });
        let protocol = registry().get(entry.protocol).name;
        assert!(
            untold.iter().all(|octet| *octet == 0 || protocol == "http" && USUAL.contains(octet)),
            "the header of layer {index} has what nobody tells: {untold:?}"
        );
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

/// What one look at a layer tells is what its description tells, piece by piece.
fn agrees_with_the_descriptions(octets: &[u8], table: &LayerTable) {
    let Some(first) = table.entries().first() else { return };
    let mut slowly = LayerTable::default();
    dissect_slowly(octets, registry().get(first.protocol), &mut slowly);
    assert_eq!(table.entries(), slowly.entries());
    assert_eq!((table.is_sound(), table.ends_early()), (slowly.is_sound(), slowly.ends_early()));
}

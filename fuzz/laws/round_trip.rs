//! Any octets, of any link type or protocol: what was dissected is built again, octet by octet (the second law).

use rawsock::packet::build::build;
use rawsock::packet::unbuild::{Keep, unbuild, unbuild_shortest};

use super::start::Start;

/// Holds it.
pub fn check(input: &[u8]) {
    let Some(Start { octets, table, .. }) = Start::of(input) else { return };
    for packet in [unbuild(octets, &table, Keep::All), unbuild_shortest(octets, &table)] {
        let built = build(&packet).unwrap_or_else(|error| panic!("{error}: {packet:#?}"));
        assert_eq!(built.octets, octets, "{packet:#?}");
    }
    // What is computed is left out of these: other octets, but no error either.
    for keep in [Keep::Needed, Keep::Chosen] {
        let _ = build(&unbuild(octets, &table, keep));
    }
}

//! What `read --expert` remarks on is what tshark does, packet by packet.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod corpus;
mod support;

use std::process::Command;

use corpus::judge::{SEPARATE, fields, merged, others};
use corpus::shared_captures;
use support::{RAWSOCK, run, text_of};

#[test]
fn remarks_are_those_of_tshark() {
    const NAMES: [&str; 5] = [
        "frame.number",
        "eth.src_not_group",
        "ip.ttl.too_small",
        "tcp.ack.nonzero",
        "tcp.urgent_pointer.non_zero",
    ];
    let directory = tempfile::tempdir().unwrap();
    let file = merged(directory.path());
    let theirs = fields(&file, &NAMES, &SEPARATE, &others());
    let ours = run(Command::new(RAWSOCK).args(["read", "--fields", &NAMES.join(",")]).arg(&file));
    let ours = String::from_utf8(ours.stdout).unwrap();
    let is_so = |row: &[String]| row[1..].iter().map(|value| !value.is_empty()).collect::<Vec<_>>();
    let mut counts = [0u64; 4];
    for (own, row) in ours.lines().zip(&theirs) {
        let own: Vec<String> = own.split('\t').map(str::to_owned).collect();
        assert_eq!(
            (&own[0], is_so(&own)),
            (&row[0], is_so(row)),
            "of {NAMES:?}, of {}",
            directory.keep().display()
        );
        counts.iter_mut().zip(is_so(row)).for_each(|(count, is_so)| *count += u64::from(is_so));
    }
    assert_eq!(ours.lines().count(), theirs.len());
    assert!(
        counts[1] > 3 && (counts.iter().all(|count| *count > 0) || shared_captures().is_none()),
        "{counts:?}"
    );
    // What is quoted is not counted, and what is in a tunnel once for each layer.
    let expert = text_of(&run(Command::new(RAWSOCK).args(["read", "--expert", "--json"]).arg(&file)));
    let expert: serde_json::Value = serde_json::from_str(&expert).unwrap();
    for (name, count) in NAMES[1..].iter().zip(counts) {
        let (layer, field) = name.split_once('.').unwrap();
        let mut found = expert["findings"].as_array().unwrap().iter();
        let found = found.find(|found| found["layer"] == layer && found["field"] == field);
        assert_eq!(found.is_some(), count > 0, "{name}");
    }
}

//! `rawsock trace -w` in all its kinds: each packet has what became of it beside it, and the file gives the same numbers again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::capture::{comments, last_comment, stamps, tshark};
use support::chain::Chain;
use support::{RAWSOCK, run, text_of};

fn objects(chain: &Chain, arguments: &[&str]) -> Vec<Value> {
    let output = chain.trace(&[&["--json"], arguments].concat());
    assert!(!output.stdout.is_empty(), "{}", text_of(&output));
    support::objects(&output)
}

fn of_kind<'o>(objects: &'o [Value], kind: &str) -> Vec<&'o Value> {
    objects.iter().filter(|object| object["event"] == kind).collect()
}

/// What `read --stats` says of errors, by whoever sends them: how many, and the times.
fn errors(file: &Path) -> BTreeMap<String, (u64, Value)> {
    let output = run(Command::new(RAWSOCK).args(["read", "--stats", "--json"]).arg(file));
    let statistics: Value = serde_json::from_slice(&output.stdout).unwrap();
    let errors = statistics["icmp_errors"].as_array().unwrap();
    let by = |one: &Value| {
        (one["from"].as_str().unwrap().to_owned(), (one["errors"].as_u64().unwrap(), one["times_ns"].clone()))
    };
    errors.iter().map(by).collect()
}

/// The frames of a file without a comment, and the last comment.
#[test]
fn one_trace_and_its_file_have_the_same_times() {
    let Some(chain) = Chain::of(3) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("way.pcapng");
    let _stamps = stamps();
    for (method, address) in
        [("-U", "10.9.3.2"), ("-U", "fd09:3::2"), ("-I", "10.9.3.2"), ("-T", "fd09:3::2")]
    {
        let is_same = (0..2).any(|_| {
            let objects = objects(&chain, &[method, "-w", file.to_str().unwrap(), address]);
            let mut times: BTreeMap<String, Vec<u64>> = BTreeMap::new();
            for probe in of_kind(&objects, "hop").iter().flat_map(|hop| hop["probes"].as_array().unwrap()) {
                if probe["answer"] == "time_exceeded" || probe["answer"] == "port_unreachable" {
                    let from = probe["from"].as_str().unwrap().to_owned();
                    times.entry(from).or_default().push(probe["rtt_ns"].as_u64().unwrap());
                }
            }
            let errors = errors(&file);
            let told = last_comment(&file);
            assert!(told.contains(&format!("{address} is reached at hop 3; ")), "{told}");
            // Probes that go beyond the end are answered by the destination, too.
            times.iter().all(|(from, times)| {
                let (count, told) = &errors[from];
                let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
                assert!(*count >= times.len() as u64, "{from}: {errors:?}");
                *count > times.len() as u64 || (told["min"] == *least && told["max"] == *most)
            })
        });
        assert!(is_same, "{method} {address}");
    }
    // Each segment of TCP is told, the kernel's own as well.
    objects(&chain, &["-T", "-p", "9", "-q1", "-m3", "-w", file.to_str().unwrap(), "10.9.3.2"]);
    let all = comments(&file);
    assert!(all.iter().any(|one| one.starts_with("answers hop 3, probe 1: reset from 10.9.3.2")), "{all:?}");
}

#[test]
fn rounds_and_their_file_have_the_same_report() {
    let Some(chain) = Chain::of(3) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("way.pcapng");
    let _stamps = stamps();
    let arguments = ["-c", "5", "--interval", "0.2", "-m", "3", "-w", file.to_str().unwrap(), "10.9.3.2"];
    let is_same = (0..2).any(|_| {
        let objects = objects(&chain, &arguments);
        let errors = errors(&file);
        let hops = of_kind(&objects, "report_hop");
        assert_eq!(hops.len(), 3, "{objects:?}");
        hops.iter().all(|hop| {
            let (count, times) = &errors[hop["routers"][0]["from"].as_str().unwrap()];
            assert_eq!(&hop["answered"], count, "{hop}");
            [("best_ns", "min"), ("avg_ns", "avg"), ("p50_ns", "p50"), ("worst_ns", "max")]
                .iter()
                .all(|(ours, theirs)| hop[*ours] == times[*theirs])
        })
    });
    assert!(is_same);
    let told = last_comment(&file);
    assert!(
        told.contains("answers probe ") && told.contains("Loss%") && told.contains("  3. 10.9.3.2"),
        "{told}"
    );
    assert_eq!(
        tshark(&file, "frame.comment contains \"round 4, hop 2: time exceeded from 10.9.2.2 after \""),
        1
    );
}

#[test]
fn what_is_watched_is_saved_too() {
    let Some(chain) = Chain::of(2) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("way.pcapng");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/on_terminal.py");
    let mut command = chain.command(0, "python3");
    command.args([script, &json!([["round 3", "q"]]).to_string(), RAWSOCK]);
    command.args(["trace", "--watch", "--interval", "0.2", "-w", file.to_str().unwrap(), "10.9.2.2"]);
    let output = run(&mut command);
    assert!(output.status.success(), "{}", text_of(&output));
    assert!(last_comment(&file).contains("Loss%"), "{:?}", comments(&file));
    assert!(tshark(&file, "frame.comment contains \"round 2, hop 1: time exceeded\"") == 1);
}

#[test]
fn the_search_for_the_mtu_says_which_length_came_how_far() {
    let Some(chain) = Chain::of(3) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("way.pcapng");
    for (host, side) in [(1, "right"), (2, "left")] {
        assert!(run(chain.command(host, "ip").args(["link", "set", side, "mtu", "1400"])).status.success());
    }
    objects(&chain, &["--mtu", "-w", file.to_str().unwrap(), "10.9.3.2"]);
    let all = comments(&file);
    let has = |words: &[&str]| all.iter().any(|one| words.iter().all(|words| one.contains(words)));
    assert!(has(&["1500 octets to hop 3: error !F-1400 from 10.9.1.2 after "]), "{all:?}");
    assert!(has(&["1400 octets to hop 3: port unreachable from 10.9.3.2 after "]), "{all:?}");
    assert!(last_comment(&file).contains("path MTU 1400"), "{all:?}");
}

#[test]
fn all_ways_say_which_flow_each_packet_is_of() {
    let Some(chain) = Chain::diamond(2) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("way.pcapng");
    let objects = objects(&chain, &["--paths", "-w", file.to_str().unwrap(), "10.9.2.2"]);
    let told = last_comment(&file);
    assert!(told.contains("ways found by ") || told.contains("way found by "), "{told}");
    assert_eq!(of_kind(&objects, "paths_hop").len(), 4, "{objects:?}");
    assert_eq!(
        tshark(&file, "frame.comment contains \"flow 1, hop 2, probe 1: time exceeded\""),
        2,
        "{objects:?}"
    );
    let errors = errors(&file);
    for from in ["10.9.11.2", "10.9.12.2"] {
        assert!(errors.contains_key(from), "{errors:?}");
    }
}

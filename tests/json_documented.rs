//! Every key that `--json` prints is told by docs/JSON.md, in its section.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::collections::BTreeSet;
use std::process::Command;

use rawsock::lab::{Host, Lab};
use serde_json::Value;
use support::{RAWSOCK, lab, run, text_of};

/// The keys of objects, and of the objects in those lists and objects whose own keys are no names of the user's.
fn keys(value: &Value, inner: &[&str], found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                found.insert(key.clone());
                if inner.contains(&key.as_str()) {
                    keys(value, inner, found);
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| keys(value, inner, found)),
        _ => {}
    }
}

/// What the document says between two places.
fn section(begin: &str, end: &str) -> String {
    let document = std::fs::read_to_string("docs/JSON.md").unwrap();
    let (_, behind) = document.split_once(begin).unwrap_or_else(|| panic!("{begin}"));
    behind.split_once(end).map_or(behind, |(section, _)| section).to_owned()
}

fn objects(text: &[u8]) -> Vec<Value> {
    let lines = std::str::from_utf8(text).unwrap().lines();
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn all_are_told(what: &str, told: &str, objects: &[Value], inner: &[&str]) {
    let mut found = BTreeSet::new();
    objects.iter().for_each(|object| keys(object, inner, &mut found));
    assert!(found.len() > 3, "{what}: {found:?}");
    for key in found {
        assert!(told.contains(&format!("`{key}`")), "{what}: docs/JSON.md does not tell `{key}`");
    }
}

#[test]
fn lists_are_told() {
    for (command, begin, inner) in [
        ("interfaces", "## Interfaces", &["addresses"][..]),
        ("doctor", "## What works here", &[]),
        ("fields", "## Protocols", &["fields"]),
        ("sockets", "## Kinds of sockets", &[]),
    ] {
        let output = run(Command::new(RAWSOCK).args([command, "--json"]));
        all_are_told(command, &section(begin, "\n## "), &objects(&output.stdout), inner);
    }
}

/// A row of the table of events.
fn row(command: &str) -> String {
    "`event`".to_owned() + &section(&format!("| `{command}"), "\n|")
}

#[test]
fn events_of_sending_are_told() {
    let Some(lab) = lab() else { return };
    let of = |lab: &Lab, arguments: &[&str]| {
        let output = run(lab.command(Host::Client, RAWSOCK).args(arguments).arg("--json"));
        assert!(output.status.success(), "{}", text_of(&output));
        objects(&output.stdout)
    };
    let expects = "ip(dst=10.77.2.2)/icmp(seq=1..2), expect=\"icmp\"";
    all_are_told("send", &row("send` |"), &of(&lab, &["send", expects]), &[]);
    let streams = row("send` without answers (");
    let top =
        of(&lab, &["send", "ip(dst=10.77.2.2)/udp(dstport=9)", "-c", "3", "--rate", "100", "--workers", "1"]);
    all_are_told("send --workers", &streams, &top, &["pace_error_ns"]);
    let replayed = of(&lab, &["replay", "captures/tcp-echo.pcapng", "-i", "eth0", "-v"]);
    all_are_told("replay", &streams, &replayed, &["pace_error_ns"]);
}

/// The tables of an answer, of ways side by side and of a search, with the row of the event that they belong to.
#[test]
fn what_probe_tells_is_told() {
    let Some(lab) = lab() else { return };
    let of = |arguments: &[&str]| {
        let mut command = lab.command(Host::Client, RAWSOCK);
        let output = run(command.arg("probe").args(arguments).args(["--json", "-W", "0.3"]));
        objects(&output.stdout)
    };
    let told = row("probe") + &section("## An answer (`probe --json`)", "\n## Statistics");
    let inner = ["options", "icmp", "tcp_info", "anatomy", "causes", "ways", "changes", "tried"];
    for arguments in [
        &["tcp", "10.77.2.2:7-8", "--anatomy", "--send", "hi", "--expect-bytes", "hi"][..],
        &["tcp", "--raw", "10.77.2.2:7", "10.77.67.1:7", "10.77.66.1:7", "--anatomy"],
        &["udp", "10.77.2.2:7-8"],
        &["tcp", "--compare", "10.77.2.2:7", "-c", "1"],
        &["tcp", "--bisect", "10.77.2.2:7", "-c", "1"],
    ] {
        all_are_told(&format!("{arguments:?}"), &told, &of(arguments), &inner);
    }
}

//! `read --stats` counts what tshark's `-z` counts.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod corpus;
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::{RAWSOCK, run, skip_or_fail, text_of};

/// Captures whose protocols tshark calls as we do.
const CAPTURES: [&str; 8] = [
    "arp-icmp.pcapng",
    "ndp-icmpv6.pcapng",
    "tcp-echo.pcapng",
    "udp-errors.pcap",
    "ip-options.pcapng",
    "multicast.pcapng",
    "raw-ip.pcap",
    "ndp-options.pcap",
];

fn statistics(file: &Path) -> Value {
    let output = run(Command::new(RAWSOCK).args(["read", "--stats", "--json"]).arg(file));
    assert!(output.status.success(), "{}", text_of(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn tshark(file: &Path, what: &str) -> Option<String> {
    let output = Command::new("tshark").args(["-n", "-q", "-z", what, "-r"]).arg(file).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Paths of protocols with their packets and octets.
fn protocols(nodes: &Value, before: &str, all: &mut BTreeMap<String, (u64, u64)>) {
    for node in nodes.as_array().unwrap() {
        let path = format!("{before}/{}", node["protocol"].as_str().unwrap());
        all.insert(path.clone(), (node["packets"].as_u64().unwrap(), node["octets"].as_u64().unwrap()));
        protocols(&node["carries"], &path, all);
    }
}

#[test]
fn the_hierarchy_is_that_of_tshark() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    for name in CAPTURES {
        let file = folder.join(name);
        let mut ours = BTreeMap::new();
        protocols(&statistics(&file)["protocols"], "", &mut ours);
        let Some(text) = tshark(&file, "io,phs") else { return skip_or_fail("tshark is not installed") };
        let mut path: Vec<&str> = Vec::new();
        let mut theirs = BTreeMap::new();
        for line in text.lines().filter(|line| line.contains("frames:")) {
            let depth = (line.len() - line.trim_start().len()) / 2;
            let number = |key: &str| -> u64 {
                let behind = line.split(key).nth(1).unwrap();
                behind.split_whitespace().next().unwrap().parse().unwrap()
            };
            path.truncate(depth);
            path.push(line.split_whitespace().next().unwrap());
            theirs.insert(format!("/{}", path.join("/")), (number("frames:"), number("bytes:")));
        }
        // tshark has protocols that we have not, calls raw IP a protocol, and no extension header one.
        let known = |path: &String| {
            path.split('/').all(|name| {
                ["", "eth", "ip", "ipv6", "arp", "icmp", "icmpv6", "igmp", "tcp", "udp"].contains(&name)
            })
        };
        let only = |all: BTreeMap<String, (u64, u64)>| -> BTreeMap<String, (u64, u64)> {
            let plain = |path: String| {
                path.replace("/raw", "").replace("/ipv6.hopopts", "").replace("/ipv6.dstopts", "")
            };
            let mut merged: BTreeMap<String, (u64, u64)> = BTreeMap::new();
            for (path, count) in all {
                if path.contains(".hopopts") && path.ends_with("opts")
                    || path.ends_with(".dstopts")
                    || path == "/raw"
                {
                    continue;
                }
                let sum = merged.entry(plain(path)).or_default();
                *sum = (sum.0 + count.0, sum.1 + count.1);
            }
            merged.into_iter().filter(|(path, _)| known(path)).collect()
        };
        let (ours, theirs) = (only(ours), only(theirs));
        assert!(!ours.is_empty());
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn conversations_are_those_of_tshark() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    for (name, kind) in [
        ("tcp-echo.pcapng", "tcp"),
        ("udp-errors.pcap", "udp"),
        ("ndp-icmpv6.pcapng", "ipv6"),
        ("arp-icmp.pcapng", "eth"),
        ("arp-icmp.pcapng", "ip"),
    ] {
        let file = folder.join(name);
        let Some(text) = tshark(&file, &format!("conv,{kind}")) else {
            return skip_or_fail("tshark is not installed");
        };
        // From, to, frames and octets of both directions, of all together.
        let mut theirs: Vec<(Vec<String>, u64, u64)> = text
            .lines()
            .filter(|line| line.contains("<->"))
            .map(|line| {
                let words: Vec<&str> = line.split_whitespace().filter(|word| *word != "bytes").collect();
                let mut ends = vec![words[0].to_owned(), words[2].to_owned()];
                ends.sort();
                (ends, words[7].parse().unwrap(), words[8].parse().unwrap())
            })
            .collect();
        let mut ours: Vec<(Vec<String>, u64, u64)> = statistics(&file)[format!("{kind}.conversations")]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let end = |name: &str| one[name].as_str().unwrap().replace(['[', ']'], "");
                let mut ends = vec![end("from"), end("to")];
                ends.sort();
                let sum = |what: &str| {
                    one["sent"][0][what].as_u64().unwrap() + one["received"][0][what].as_u64().unwrap()
                };
                (ends, sum("packets"), sum("octets"))
            })
            .collect();
        theirs.sort();
        ours.sort();
        assert!(!ours.is_empty(), "{name} {kind}");
        assert_eq!(ours, theirs, "{name} {kind}:\n{text}");
    }
}

#[test]
fn the_tables_say_what_there_is() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/tcp-echo.pcapng");
    let text = text_of(&run(Command::new(RAWSOCK).args(["read", "--stats"]).arg(&file)));
    for words in [
        "12 packets, 814 octets",
        "TCP conversations: 2",
        "10.77.1.2:33756",
        "IPv4 end points: 2",
        "  eth ",
        "64-127",
    ] {
        assert!(text.contains(words), "{words}:\n{text}");
    }
    let filtered =
        text_of(&run(Command::new(RAWSOCK).args(["read", "--stats"]).arg(&file).arg("tcp port 8")));
    assert!(filtered.starts_with("2 packets, 128 octets"), "{filtered}");
}

//! `rawsock trace --paths` where a router shares load over several ways.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::collections::BTreeSet;

use serde_json::Value;
use support::chain::Chain;
use support::{run, text_of};

fn objects(chain: &Chain, arguments: &[&str]) -> Vec<Value> {
    let output = chain.trace(&[&["--json", "--paths"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
    support::objects(&output)
}

fn routers(hop: &Value) -> BTreeSet<&str> {
    hop["nodes"].as_array().unwrap().iter().map(|node| node["from"].as_str().unwrap()).collect()
}

#[test]
fn all_ways_are_found_and_no_other() {
    let Some(chain) = Chain::diamond(4) else { return };
    let all: BTreeSet<String> = (1..=4).map(|way| format!("10.9.1{way}.2")).collect();
    let all6: BTreeSet<String> = (1..=4).map(|way| format!("fd09:1{way}::2")).collect();
    for (arguments, expected) in [
        (["-U", "10.9.2.2"], &all),
        (["-T", "10.9.2.2"], &all),
        (["-U", "fd09:2::2"], &all6),
        (["-T", "fd09:2::2"], &all6),
    ] {
        // Of twenty runs one may miss one; four of them, one after the other, do not.
        let found = (0..4).any(|_| {
            let objects = objects(&chain, &arguments);
            let found: BTreeSet<String> = routers(&objects[1]).into_iter().map(str::to_owned).collect();
            assert!(found.is_subset(expected), "{arguments:?}: {found:?}");
            let hop = objects[1]["nodes"].as_array().unwrap();
            let flows: u64 = hop.iter().map(|node| node["flows"].as_u64().unwrap()).sum();
            let summary = objects.last().unwrap();
            assert_eq!((&summary["enough"], &summary["flows"]), (&true.into(), &flows.into()), "{summary}");
            // By the published table: 21 flows for four next hops, and 6 through each of these.
            assert!(found.len() < 4 || flows >= 24, "{flows}");
            &found == expected && summary["ways"] == 4
        });
        assert!(found, "{arguments:?}");
    }
}

#[test]
fn the_source_port_that_is_told_leads_a_trace_the_same_way() {
    let Some(chain) = Chain::diamond(3) else { return };
    let objects = objects(&chain, &["10.9.2.2"]);
    for node in objects[1]["nodes"].as_array().unwrap() {
        let port = node["source_port"].to_string();
        let output = chain.trace(&["--json", "-q1", "--sport", &port, "10.9.2.2"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let hop: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
        assert_eq!(hop["probes"][0]["from"], node["from"], "{node}");
    }
}

#[test]
fn the_graph_is_drawn() {
    let Some(chain) = Chain::diamond(2) else { return };
    // With one flow in ten thousand, twenty or so of them all go the same way: then there is nothing to see.
    let drawn = (0..3).find_map(|_| {
        let output = chain.trace(&["--paths", "10.9.2.2"]);
        let text = String::from_utf8(output.stdout).unwrap();
        text.contains("2 ways found").then_some(text)
    });
    let text = drawn.unwrap();
    let glyphs: Vec<String> =
        text.lines().skip(1).take(7).map(|line| line.chars().skip(4).take(4).collect()).collect();
    assert_eq!(
        glyphs,
        ["○    ", "○    ", "├─┐", "○ │  ", "│ ○  ", "├─┘", "○    "]
            .map(|row| row.chars().take(4).collect::<String>()),
        "{text}"
    );
    assert!(text.lines().nth(4).unwrap().ends_with(" flows"), "{text}");
    assert!(text.contains("with 95 % confidence"), "{text}");
}

#[test]
fn one_way_is_one_way_and_too_few_flows_are_told() {
    let Some(chain) = Chain::diamond(1) else { return };
    let objects = objects(&chain, &["10.9.2.2"]);
    let summary = objects.last().unwrap();
    assert_eq!(
        (&summary["ways"], &summary["flows"], &summary["enough"]),
        (&1.into(), &6.into(), &true.into())
    );
    let output = chain.trace(&["--paths", "--flows", "3", "10.9.2.2"]);
    assert!(text_of(&output).contains("1 way found by 3 flows: too few"), "{}", text_of(&output));
}

#[test]
fn a_silent_router_and_losses_are_no_ways_of_their_own() {
    let Some(chain) = Chain::diamond(2) else { return };
    // The first of the two says nothing, and of every five packets that come back one is lost.
    chain.rules(2, "ip", "output", "icmp type time-exceeded drop");
    chain.rules(0, "ip", "input", "icmp type time-exceeded numgen inc mod 5 == 0 drop");
    let objects = objects(&chain, &["10.9.2.2"]);
    let hop = &objects[1]["nodes"].as_array().unwrap();
    assert_eq!(hop.last().unwrap()["from"], Value::Null, "{objects:?}");
    assert_eq!(hop[0]["from"], "10.9.12.2");
    assert_eq!(objects.last().unwrap()["ways"], 1, "silence may be anybody's: {objects:?}");
}

#[test]
fn load_that_is_shared_packet_by_packet_is_told() {
    let Some(chain) = Chain::diamond(2) else { return };
    // Which way a packet goes is drawn anew for each: by a mark that takes turns.
    chain.rules(1, "ip", "prerouting", "iifname from1 meta mark set numgen inc mod 2");
    for (mark, way) in [("0", "10.9.11.2"), ("1", "10.9.12.2")] {
        for arguments in [
            vec![
                "rule",
                "add",
                "fwmark",
                mark,
                "iif",
                "from1",
                "table",
                if mark == "0" { "100" } else { "101" },
            ],
            vec!["route", "add", "10.9.2.0/24", "via", way, "table", if mark == "0" { "100" } else { "101" }],
        ] {
            let output = run(chain.command(1, "ip").args(&arguments));
            assert!(output.status.success(), "{}", text_of(&output));
        }
    }
    let output = chain.trace(&["--paths", "10.9.2.2"]);
    assert!(
        text_of(&output).contains("hop 2: probes of one flow meet several routers"),
        "{}",
        text_of(&output)
    );
}

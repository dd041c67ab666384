//! In the lab's cases `probe --compare` and `--bisect` name the cause, over both families.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use rawsock::lab::{Host, Lab};
use serde_json::Value;
use support::{RAWSOCK, is_root, lab_with, run, text_of};

/// The last object that a probe prints of an end point, over both families.
fn probed(lab: &Lab, words: &[&str], port: u16, event: &str) -> [Value; 2] {
    [format!("10.77.2.2:{port}"), format!("[fd77:2::2]:{port}")].map(|end_point| {
        let mut command = lab.command(Host::Client, RAWSOCK);
        let output = run(command.args(["probe", "tcp", "--json"]).args(words).arg(&end_point));
        let text = text_of(&output);
        let mut objects = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        objects.rfind(|object| object["event"] == event).unwrap_or_else(|| panic!("{end_point}: {text}"))
    })
}

fn compared(lab: &Lab, words: &[&str], port: u16) -> [Value; 2] {
    probed(lab, &[&["--compare"], words].concat(), port, "comparison")
}

#[test]
fn each_verdict_is_that_of_the_case() {
    for (case, port, verdict) in [
        ("syn-shape", 7, "syn_shape"),
        ("output-drop", 7, "local_rule"),
        ("mss-clamp", 7, "mss_clamped"),
        ("rst-injection", 7, "nearer_answers"),
        ("rst-injection", 80, "nearer_answers"),
        ("icmp-blocked", 7, "icmp_blocked"),
        ("blackhole-mtu", 7, "large_lost"),
        // What addresses, times to live and ways become makes no difference between plain sockets and packets by hand.
        ("nat", 7, "same"),
        ("ttl-rewrite", 7, "same"),
        ("ecmp", 7, "same"),
    ] {
        let Some(lab) = lab_with(case) else { return };
        for comparison in compared(&lab, &[], port) {
            assert_eq!(comparison["verdict"], verdict, "{case}: {comparison}");
        }
    }
}

#[test]
fn the_rule_of_output_drop_is_shown() {
    let Some(lab) = lab_with("output-drop") else { return };
    for comparison in compared(&lab, &[], 7) {
        let rule = comparison["rule"].as_str().unwrap();
        assert!(
            rule.contains("table inet case, chain output") && rule.contains("tcp dport 7 counter"),
            "{rule}"
        );
    }
}

/// Only root can become another user.
#[test]
fn the_rule_for_one_user_of_output_drop_is_told_from_one_for_all() {
    if !is_root() {
        return;
    }
    let Some(lab) = lab_with("output-drop") else { return };
    for comparison in compared(&lab, &["--user", "65534"], 80) {
        assert_eq!(comparison["verdict"], "user_rule", "{comparison}");
    }
    for comparison in compared(&lab, &["--user", "65534"], 7) {
        assert_eq!(comparison["verdict"], "local_rule", "{comparison}");
    }
}

#[test]
fn the_option_that_the_filter_of_syn_shape_looks_at_is_named() {
    let Some(lab) = lab_with("syn-shape") else { return };
    for bisect in probed(&lab, &["--bisect"], 7, "bisect") {
        assert_eq!(bisect["found"], "single", "{bisect}");
        let changes: Vec<&str> = bisect["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|change| change["change"].as_str().unwrap())
            .collect();
        assert_eq!(changes, ["without tcp.options.timestamp"], "{bisect}");
    }
}

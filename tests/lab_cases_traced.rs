//! In the lab's cases `trace` names the cause by all that it can: paths, path MTU, why answers are missing, raised times to live.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::collections::BTreeSet;

use rawsock::lab::{Host, Lab};
use serde_json::Value;
use support::{RAWSOCK, lab_with, run};

/// The objects of an event that a trace prints.
fn traced(lab: &Lab, words: &[&str], event: &str) -> Vec<Value> {
    let output = run(lab.command(Host::Client, RAWSOCK).args(["trace", "--json"]).args(words));
    let text = String::from_utf8(output.stdout).unwrap();
    let objects = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    objects.filter(|object| object["event"] == event).collect()
}

const BOTH: [(&str, &str); 2] = [("10.77.2.2", "10.77.1.1"), ("fd77:2::2", "fd77:1::1")];

#[test]
fn the_time_to_live_that_ttl_rewrite_raises_is_named() {
    let Some(lab) = lab_with("ttl-rewrite") else { return };
    for ((address, _), field) in BOTH.into_iter().zip(["ip.ttl", "ipv6.hlim"]) {
        let hops = traced(&lab, &[address], "hop");
        let last = hops.last().unwrap();
        let change = &last["changes"][0];
        assert_eq!((last["hop"].as_u64(), change["field"].as_str()), (Some(2), Some(field)), "{last}");
        assert_eq!((change["sent"].as_u64(), change["quoted"].as_u64()), (Some(2), Some(63)), "{last}");
    }
}

#[test]
fn both_ways_of_ecmp_are_found() {
    let Some(lab) = lab_with("ecmp") else { return };
    // The gate's errors have the address by which they leave in IPv4, and by which the packet came in IPv6.
    let v4 = (["10.77.3.2", "10.77.4.2"], vec!["10.77.5.2"]);
    let v6 = (["fd77:3::2", "fd77:4::2"], vec!["fd77:5::2", "fd77:6::2"]);
    for ((address, _), (both, gate)) in BOTH.into_iter().zip([v4, v6]) {
        let (mut found, mut behind) = (BTreeSet::new(), BTreeSet::new());
        // The first six flows of a run take one way, and it ends with that, in one of 32: in five runs together, in one of 33 million.
        for _ in 0..5 {
            let hops = traced(&lab, &["--paths", address], "paths_hop");
            let nodes = |hop: usize| {
                let nodes = hops[hop]["nodes"].as_array().unwrap().iter();
                nodes.map(|node| node["from"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
            };
            assert_eq!([nodes(0).len(), nodes(3).len()], [1, 1]);
            assert_eq!(nodes(3), [address]);
            found.extend(nodes(1));
            behind.extend(nodes(2));
        }
        assert_eq!(found.into_iter().collect::<Vec<_>>(), both);
        assert_eq!(behind.into_iter().collect::<Vec<_>>(), gate);
    }
}

#[test]
fn the_black_hole_of_blackhole_mtu_has_a_place_and_an_mtu() {
    let Some(lab) = lab_with("blackhole-mtu") else { return };
    for (address, router) in BOTH {
        let found = traced(&lab, &["--mtu", address], "path_mtu");
        assert_eq!(found[0]["mtu"], 1400, "{found:?}");
        let narrowings = found[0]["narrowings"].as_array().unwrap();
        assert_eq!(narrowings.len(), 1, "{found:?}");
        let narrowing = &narrowings[0];
        assert_eq!((narrowing["from"].as_str(), narrowing["told"].as_bool()), (Some(router), Some(false)));
        assert_eq!((narrowing["hop"].as_u64(), narrowing["mtu"].as_u64()), (Some(1), Some(1400)));
    }
}

/// The loss begins at hop 2. Whether there is more at hop 3, where none is added, is a matter of chance.
#[test]
fn the_limit_and_the_loss_of_lossy_are_told_apart() {
    let Some(lab) = lab_with("lossy") else { return };
    for (address, _) in BOTH {
        let missing = traced(&lab, &["-c", "60", "--interval", "0.2", address], "missing");
        let causes: Vec<(u64, &str)> = missing
            .iter()
            .map(|missing| (missing["hop"].as_u64().unwrap(), missing["cause"].as_str().unwrap()))
            .collect();
        assert_eq!(causes[..2], [(1, "rate_limited"), (2, "lost")], "{missing:?}");
        assert!(causes[2..].iter().all(|cause| *cause == (3, "lost")), "{missing:?}");
    }
}

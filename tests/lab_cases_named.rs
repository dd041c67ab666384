//! In the lab's cases rawsock names the cause, over both families.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use rawsock::lab::{Host, Lab};
use serde_json::Value;
use support::{RAWSOCK, lab_with, run, text_of};

/// rawsock on the client: its exit code, and all that it printed.
fn rawsock(lab: &Lab, words: &[&str]) -> (i32, String) {
    let output = run(lab.command(Host::Client, RAWSOCK).args(words));
    (output.status.code().unwrap(), text_of(&output))
}

/// The objects that rawsock prints on the client.
fn objects(lab: &Lab, words: &[&str]) -> Vec<Value> {
    support::objects(&run(lab.command(Host::Client, RAWSOCK).args(words).arg("--json")))
}

/// What a trace says of fields that are not as they were sent: the hop, the field, what it was and is.
fn changes(lab: &Lab, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for object in objects(lab, words) {
        for change in object["changes"].as_array().into_iter().flatten() {
            let said =
                format!("{} {} {} {}", object["hop"], change["field"], change["sent"], change["quoted"]);
            found.push(said.replace('"', ""));
        }
    }
    found
}

/// The addresses of a trace's hops.
fn way(lab: &Lab, words: &[&str]) -> Vec<String> {
    let (_, text) = rawsock(lab, words);
    let hops = text.lines().filter(|line| line.starts_with(' ') && !line.starts_with("    "));
    hops.map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect()
}

const V4: &str = "10.77.2.2";
const V6: &str = "fd77:2::2";

#[test]
fn mss_clamp_is_found_before_the_second_hop() {
    let Some(lab) = lab_with("mss-clamp") else { return };
    for (address, sent) in [(V4, 1460), (V6, 1440)] {
        let found = changes(&lab, &["trace", "-T", "-p", "7", address]);
        assert_eq!(found, [format!("2 tcp.options.mss {sent} 1200")], "{address}");
    }
}

#[test]
fn nat_is_found_before_the_second_hop_where_it_leaves_quotes_alone() {
    let Some(lab) = lab_with("nat") else { return };
    for method in ["-U", "-I"] {
        assert_eq!(changes(&lab, &["trace", method, V4]), ["2 ip.src 10.77.1.2 10.77.99.2"], "{method}");
        assert_eq!(changes(&lab, &["trace", method, V6]), ["2 ipv6.src fd77:1::2 fd77:99::2"], "{method}");
    }
    // What follows connections puts quotes right; the port that is passed on shows itself by one address at each hop.
    for (address, router) in [(V4, "10.77.1.1"), (V6, "fd77:1::1")] {
        assert_eq!(changes(&lab, &["trace", "-T", "-p", "7", address]), [""; 0]);
        assert_eq!(way(&lab, &["trace", "-T", "-p", "8007", router]), [router; 3]);
    }
}

#[test]
fn ttl_rewrite_ends_the_way_too_soon() {
    let Some(lab) = lab_with("ttl-rewrite") else { return };
    for (address, router) in [(V4, "10.77.1.1"), (V6, "fd77:1::1")] {
        assert_eq!(way(&lab, &["trace", address]), [router, address]);
    }
}

#[test]
fn output_drop_is_said_to_be_this_hosts_own_firewall() {
    let Some(lab) = lab_with("output-drop") else { return };
    for (layer, address) in [("ip", V4), ("ipv6", V6)] {
        for port in [7, 80] {
            let syn = format!("{layer}(dst={address})/tcp(dstport={port}, flags=S)");
            let (code, said) = rawsock(&lab, &["send", &syn]);
            assert!(
                code != 0 && said.contains("a rule of this host's own firewall forbids it"),
                "{code} {said}"
            );
        }
        let (code, said) = rawsock(&lab, &["trace", "-T", "-p", "7", address]);
        assert!(code != 0 && said.contains("a rule of this host's own firewall forbids it"), "{code} {said}");
    }
    // Below the hook everything works.
    let frame = "eth(dst=02:00:00:77:01:01)/ip(dst=10.77.2.2)/tcp(dstport=7, flags=S)";
    let (code, said) = rawsock(&lab, &["send", "-i", "eth0", frame]);
    assert!(code == 0 && said.contains("Flags [S.]"), "{said}");
}

#[test]
fn icmp_blocked_is_a_way_that_only_tcp_goes_to_its_end() {
    let Some(lab) = lab_with("icmp-blocked") else { return };
    for (address, router) in [(V4, "10.77.1.1"), (V6, "fd77:1::1")] {
        assert_eq!(way(&lab, &["trace", "-T", "-p", "7", address]), [router, "*", address]);
        for method in ["-U", "-I"] {
            assert_eq!(way(&lab, &["trace", method, "-m", "3", address]), [router, "*", "*"]);
        }
    }
}

#[test]
fn ecmp_is_seen_by_flows_from_other_ports() {
    let Some(lab) = lab_with("ecmp") else { return };
    for (address, router, both) in
        [(V4, "10.77.1.1", ["10.77.3.2", "10.77.4.2"]), (V6, "fd77:1::1", ["fd77:3::2", "fd77:4::2"])]
    {
        let mut second = std::collections::BTreeSet::new();
        // That 20 flows take one way has a chance of 1 in 500,000.
        for port in 2001..2021 {
            let hops = way(&lab, &["trace", "--sport", &port.to_string(), address]);
            assert_eq!((hops.len(), hops[0].as_str(), hops[3].as_str()), (4, router, address), "{hops:?}");
            second.insert(hops[1].clone());
        }
        assert_eq!(second.into_iter().collect::<Vec<_>>(), both);
    }
}

#[test]
fn rst_injection_shows_by_the_time_to_live_and_by_a_second_answer() {
    let Some(lab) = lab_with("rst-injection") else { return };
    let (_, said) = rawsock(&lab, &["send", "-v", "ip(dst=10.77.2.2)/tcp(dstport=80, flags=S)"]);
    assert!(said.contains("1 reply") && said.contains("Flags [R.]"), "{said}");
    assert!(said.contains("1 again") && said.contains("Flags [S.]"), "{said}");
    let place = |words: &str| said.find(words).unwrap_or_else(|| panic!("{words} in {said}"));
    assert!(place("Time to live: 63") < place("Time to live: 62"), "{said}");
}

#[test]
fn blackhole_mtu_is_a_way_that_ends_for_one_octet_more() {
    let Some(lab) = lab_with("blackhole-mtu") else { return };
    for (address, router) in [(V4, "10.77.1.1"), (V6, "fd77:1::1")] {
        assert_eq!(way(&lab, &["trace", "-F", "-m", "3", address, "1400"]).last().unwrap(), address);
        assert_eq!(way(&lab, &["trace", "-F", "-m", "3", address, "1401"]), [router, "*", "*"]);
    }
}

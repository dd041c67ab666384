//! `rawsock probe --compare` and `--bisect` in the lab: each cause is made by rules of nftables, and must be named.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::process::Output;

use rawsock::lab::{Host, Lab};
use serde_json::Value;
use support::{RAWSOCK, lab, run, text_of};

const QUICK: [&str; 4] = ["-W", "0.4", "-i", "0.02"];
const SERVERS: [&str; 2] = ["10.77.2.2:7", "[fd77:2::2]:7"];

fn nft(lab: &Lab, host: Host, text: &str) {
    let output = run(lab.command(host, "nft").arg(text));
    assert!(output.status.success(), "{text}: {}", text_of(&output));
}

fn rules(lab: &Lab, host: Host, kind: &str, hook: &str, rules: &str) {
    nft(
        lab,
        host,
        &format!(
            "table inet test {{\n chain c {{\n type {kind} hook {hook} priority filter\n {rules}\n }}\n }}"
        ),
    );
}

fn no_rules(lab: &Lab) {
    for host in [Host::Client, Host::Router] {
        run(lab.command(host, "nft").args(["delete", "table", "inet", "test"]));
    }
}

fn run_probe(lab: &Lab, server: &str, further: &[&str]) -> (Output, Value) {
    let mut command = lab.command(Host::Client, RAWSOCK);
    let output = run(command.args(["probe", "tcp", "--json", server]).args(QUICK).args(further));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let first = text.lines().next().unwrap_or_else(|| panic!("{}", text_of(&output)));
    let object = serde_json::from_str(first).unwrap();
    (output, object)
}

/// The first cause, and the whole object.
fn compare(lab: &Lab, server: &str, further: &[&str]) -> (String, Value) {
    let (output, object) = run_probe(lab, server, &[&["--compare"], further].concat());
    let verdict = object["verdict"].as_str().unwrap().to_owned();
    assert_eq!(output.status.code(), Some(i32::from(verdict != "same")), "{}", text_of(&output));
    (verdict, object)
}

#[test]
fn where_nothing_interferes_all_ways_are_the_same() {
    let Some(lab) = lab() else { return };
    for server in ["10.77.2.2:7", "10.77.2.2:8", "[fd77:2::2]:7", "[fd77:2::2]:8", "127.0.0.1:9"] {
        let (verdict, object) = compare(&lab, server, &[]);
        assert_eq!(verdict, "same", "{server}: {object}");
        let rows = object["ways"].as_array().unwrap();
        assert_eq!(rows.len(), 5, "{object}");
        for row in rows {
            assert_eq!(row["answered"], 3, "{server}: {row}");
        }
    }
    let (verdict, _) = compare(&lab, "10.77.66.1:7", &[]);
    assert_eq!(verdict, "silence");
}

#[test]
fn a_filter_that_looks_at_an_option_is_told_and_the_option_named() {
    let Some(lab) = lab() else { return };
    let cases = [
        ("tcp dport 7 tcp option window missing drop", "without tcp.options.wscale", true),
        (
            "tcp dport 7 tcp option timestamp exists reject with tcp reset",
            "without tcp.options.timestamp",
            true,
        ),
        ("tcp dport 7 tcp option maxseg size < 536 drop", "", false),
        ("tcp dport 7 tcp window < 2000 drop", "with tcp.window_size_value 1024", true),
    ];
    for (rule, name, differs) in cases {
        for server in SERVERS {
            rules(&lab, Host::Router, "filter", "forward", &format!("tcp flags & (syn|ack) == syn {rule}"));
            let (verdict, object) = compare(&lab, server, &[]);
            assert_eq!(verdict == "syn_shape", differs, "{rule} {server}: {object}");
            let (output, found) = run_probe(&lab, server, &["--bisect"]);
            no_rules(&lab);
            if !differs {
                assert_eq!(
                    (&found["found"], output.status.code()),
                    (&"alike".into(), Some(1)),
                    "{rule}: {found}"
                );
                continue;
            }
            assert_eq!(output.status.code(), Some(0), "{rule}: {found}");
            assert_eq!(found["found"], "single", "{rule}: {found}");
            let changes = found["changes"].as_array().unwrap();
            assert!(changes.len() == 1 && changes[0]["change"] == name, "{rule}: {found}");
            assert!(found["packets"].as_u64().unwrap() < 60, "{found}");
        }
    }
}

#[test]
fn what_counts_only_together_is_named_together() {
    let Some(lab) = lab() else { return };
    rules(
        &lab,
        Host::Router,
        "filter",
        "forward",
        "tcp flags & (syn|ack) == syn tcp dport 7 tcp option maxseg missing tcp option timestamp missing drop",
    );
    let (output, found) = run_probe(&lab, "10.77.2.2:7", &["--bisect"]);
    assert_eq!((&found["found"], output.status.code()), (&"together".into(), Some(0)), "{found}");
    let names: Vec<&str> = found["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["change"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["without tcp.options.mss", "without tcp.options.timestamp"]);
}

/// 15 of 100 packets are lost on the way: that is no filter, and the option is named all the same.
#[test]
fn lost_packets_are_no_filter() {
    let Some(lab) = lab() else { return };
    let loss = "ip protocol tcp numgen random mod 100 < 15 drop";
    rules(&lab, Host::Router, "filter", "forward", loss);
    let (_, object) = run_probe(&lab, "10.77.2.2:7", &["--compare", "-c", "8"]);
    assert_eq!(object["verdict"], "same", "{object}");
    no_rules(&lab);
    let rule = format!("{loss}\n tcp flags & (syn|ack) == syn tcp dport 7 tcp option sack-perm missing drop");
    rules(&lab, Host::Router, "filter", "forward", &rule);
    let (_, found) = run_probe(&lab, "10.77.2.2:7", &["--bisect", "-c", "8"]);
    assert_eq!(found["changes"][0]["change"], "without tcp.options.sack_perm", "{found}");
    assert_eq!(found["changes"].as_array().unwrap().len(), 1, "{found}");
}

#[test]
fn a_local_rule_is_told_and_named() {
    let Some(lab) = lab() else { return };
    for server in SERVERS {
        rules(&lab, Host::Client, "filter", "output", "tcp dport 9 accept\n tcp dport 7 counter drop");
        let (verdict, object) = compare(&lab, server, &[]);
        no_rules(&lab);
        assert_eq!(verdict, "local_rule", "{object}");
        let rule = object["rule"].as_str().unwrap();
        assert!(rule.contains("table inet test, chain c") && rule.contains("tcp dport 7 counter"), "{rule}");
    }
    // A chain that drops all that nobody accepts.
    rules(&lab, Host::Client, "filter", "output", "policy drop\n oif lo accept\n ip protocol icmp accept");
    let (verdict, object) = compare(&lab, "10.77.2.2:7", &[]);
    no_rules(&lab);
    assert_eq!(verdict, "local_rule", "{object}");
    assert!(object["rule"].as_str().unwrap().contains("policy"), "{object}");
    // Nothing of ours stays behind.
    let tables = text_of(&run(lab.command(Host::Client, "nft").args(["list", "tables"])));
    assert!(!tables.contains("rawsock"), "{tables}");
}

#[test]
fn a_rule_that_looks_at_the_user_is_told() {
    let Some(lab) = lab() else { return };
    // The lab of whoever is not root knows its user under the same number.
    let own = format!("tcp dport 7 meta skuid {} drop", rawsock::sys::process::user());
    rules(&lab, Host::Client, "filter", "output", &own);
    let (verdict, object) = compare(&lab, "10.77.2.2:7", &[]);
    no_rules(&lab);
    assert_eq!(verdict, "user_rule", "{object}");
    assert!(object["rule"].as_str().unwrap().contains(&own), "{object}");
    if !support::is_root() {
        // The lab of one who is not root knows no other user.
        return;
    }
    rules(&lab, Host::Client, "filter", "output", "tcp dport 7 meta skuid 4321 drop");
    let (verdict, object) = compare(&lab, "10.77.2.2:7", &["--user", "4321"]);
    no_rules(&lab);
    assert_eq!(verdict, "user_rule", "{object}");
    assert!(object["rule"].as_str().unwrap().contains("skuid 4321"), "{object}");
}

/// Under sudo one row is root's and one is the user's who called it, though the process is the user's by then.
#[test]
fn under_sudo_both_users_are_asked_as() {
    let Some(lab) = lab() else { return };
    if !support::is_root() {
        return;
    }
    for (user, silent) in [(0, "connect()"), (4321, "connect() of user 4321")] {
        let rule = format!("tcp dport 7 meta skuid {user} drop");
        rules(&lab, Host::Client, "filter", "output", &rule);
        let mut command = lab.command(Host::Client, RAWSOCK);
        command.args(["probe", "tcp", "--json", "--compare", "10.77.2.2:7"]).args(QUICK);
        let output = run(command.env("SUDO_UID", "4321").env("SUDO_GID", "4321"));
        no_rules(&lab);
        let object: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(object["verdict"], "user_rule", "{object}");
        assert!(object["rule"].as_str().unwrap().contains(&rule), "{object}");
        for row in object["ways"].as_array().unwrap() {
            let name = row["name"].as_str().unwrap();
            if name.starts_with("connect()") {
                assert_eq!(row["state"], if name == silent { "no_answer" } else { "open" }, "{object}");
            }
        }
    }
}

#[test]
fn who_answers_for_the_host_is_told() {
    let Some(lab) = lab() else { return };
    // The router's own port answers in place of the server's, and a reset of its own.
    rules(&lab, Host::Router, "filter", "forward", "tcp dport 7 reject with tcp reset");
    for server in SERVERS {
        let (verdict, object) = compare(&lab, server, &[]);
        assert_eq!(verdict, "nearer_answers", "{object}");
    }
    no_rules(&lab);
    let redirect = "table ip test { chain c { type nat hook prerouting priority dstnat; tcp dport 7 redirect to :8888; }; }";
    nft(&lab, Host::Router, redirect);
    let mut answers = lab.command(Host::Router, "ncat");
    let mut answers = answers.args(["-v4lk", "8888"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut words = answers.stderr.take().unwrap();
    support::endpoint::read_until(&mut words, "Listening on");
    let (verdict, object) = compare(&lab, "10.77.2.2:7", &[]);
    answers.kill().unwrap();
    answers.wait().unwrap();
    nft(&lab, Host::Router, "delete table ip test");
    assert_eq!(verdict, "nearer_answers", "{object}");
}

#[test]
fn a_syn_proxy_is_told() {
    let Some(lab) = lab() else { return };
    let proxy = "table ip test {
        chain pre { type filter hook prerouting priority raw; tcp dport 7 tcp flags syn notrack; }
        chain through { type filter hook forward priority filter;
            tcp dport 7 ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm; }
        }";
    let output = run(lab.command(Host::Router, "nft").arg(proxy));
    if !output.status.success() {
        return support::skip_or_fail(&format!("no synproxy here: {}", text_of(&output)));
    }
    let loose =
        "echo 0 >/proc/sys/net/netfilter/nf_conntrack_tcp_loose; echo 1 >/proc/sys/net/ipv4/tcp_syncookies";
    run(lab.command(Host::Router, "sh").args(["-c", loose]));
    let (verdict, object) = compare(&lab, "10.77.2.2:7", &[]);
    assert_eq!(verdict, "syn_proxy", "{object}");
}

#[test]
fn a_clamped_mss_is_told() {
    let Some(lab) = lab() else { return };
    for server in SERVERS {
        rules(&lab, Host::Router, "filter", "forward", "tcp flags syn tcp option maxseg size set 1200");
        let (verdict, object) = compare(&lab, server, &[]);
        no_rules(&lab);
        assert_eq!(verdict, "mss_clamped", "{object}");
        let evidence = object["causes"][0]["evidence"].as_str().unwrap();
        assert!(evidence.contains("MSS of 1200") && evidence.contains("snd_mss is 1188"), "{evidence}");
    }
    // A way that takes no more is no clamp.
    run(lab.command(Host::Server, "ip").args(["link", "set", "eth0", "mtu", "1300"]));
    run(lab.command(Host::Router, "sh").args(["-c", "ip link set eth1 mtu 1300"]));
    let (verdict, object) = compare(&lab, "10.77.2.2:7", &[]);
    assert_eq!(verdict, "same", "{object}");
}

#[test]
fn icmp_alone_and_the_port_alone() {
    let Some(lab) = lab() else { return };
    rules(
        &lab,
        Host::Router,
        "filter",
        "forward",
        "icmp type echo-request drop\n icmpv6 type echo-request drop",
    );
    for server in SERVERS {
        let (verdict, object) = compare(&lab, server, &[]);
        assert_eq!(verdict, "icmp_blocked", "{object}");
    }
    no_rules(&lab);
    rules(&lab, Host::Router, "filter", "forward", "tcp dport 7 drop");
    let (verdict, object) = compare(&lab, "10.77.2.2:7", &[]);
    no_rules(&lab);
    assert_eq!(verdict, "port_filtered", "{object}");
}

#[test]
fn people_get_a_table_and_one_verdict() {
    let Some(lab) = lab() else { return };
    rules(&lab, Host::Router, "filter", "forward", "tcp flags syn tcp option maxseg size set 1200");
    let mut command = lab.command(Host::Client, RAWSOCK);
    let output = run(command.args(["probe", "tcp", "--compare", "server:7", "-4"]).args(QUICK));
    let text = text_of(&output);
    for words in [
        "connect()",
        "SYN, kernel's shape",
        "SYN, minimal",
        "ICMP echo of 1500",
        "63 (1)",
        "tcp_info",
        "snd 1188",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(text.matches("verdict: ").count(), 1, "{text}");
    assert!(text.contains("verdict: the MSS is clamped on the way ("), "{text}");
}

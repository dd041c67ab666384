//! `rawsock ping` against a network that answers wrongly: each request and each packet in its class, and no figure poisoned.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use rawsock::lab::{Host, Lab};
use serde_json::{Value, json};
use support::{RAWSOCK, lab, objects, run, text_of};

fn rawsock(lab: &Lab, arguments: &[&str]) -> Output {
    run(lab.command(Host::Client, RAWSOCK).arg("ping").args(arguments))
}

/// The object that a run ends with.
fn summary(output: &Output) -> Value {
    let lines = objects(output);
    lines
        .iter()
        .find(|line| line["event"] == "summary")
        .unwrap_or_else(|| panic!("{}", text_of(output)))
        .clone()
}

fn sysctl(lab: &Lab, host: Host, setting: &str) {
    let output = run(lab.command(host, "sysctl").args(["-qw", setting]));
    assert!(output.status.success(), "{}", text_of(&output));
}

/// A server that answers in wrong ways, for as many seconds at most.
fn hostile(lab: &Lab, seconds: &str) -> Child {
    sysctl(lab, Host::Server, "net.ipv4.icmp_echo_ignore_all=1");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hostile_echo.py");
    let mut command = lab.command(Host::Server, "python3");
    let mut child = command
        .args(["-u", script, "10.77.2.2", "10.77.2.77", seconds])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child
}

/// The classes that are not empty, as JSON has them.
fn classes(summary: &Value, of: &str) -> Value {
    let all = summary[of].as_object().unwrap();
    Value::Object(
        all.iter().filter(|(_, count)| **count != json!(0)).map(|(k, v)| (k.clone(), v.clone())).collect(),
    )
}

fn sum(summary: &Value, of: &str) -> u64 {
    summary[of].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
}

#[test]
fn each_wrong_answer_has_its_class() {
    let Some(lab) = lab() else { return };
    let mut server = hostile(&lab, "20");
    let output = rawsock(&lab, &["--json", "-c12", "-i0.3", "-W1", "10.77.2.2"]);
    server.kill().unwrap();
    server.wait().unwrap();
    let lines = objects(&output);
    let of = |seq: u64| {
        let replies = lines.iter().filter(|line| line["event"] == "reply" && line["seq"] == json!(seq));
        replies.map(|line| line["class"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!([of(1), of(2)], [vec!["answer"], vec!["answer", "duplicate"]]);
    assert_eq!(
        [of(3), of(4), of(5), of(6)],
        ["damaged", "damaged", "damaged", "forged"].map(|class| vec![class])
    );
    assert_eq!([of(7), of(8), of(9)], [vec![], vec!["reordered"], vec!["elsewhere"]]);
    assert_eq!([of(10), of(11), of(12)], [vec!["reordered"], vec!["answer"], vec!["answer"]]);
    let damage = |seq: u64| {
        lines.iter().find(|line| line["event"] == "reply" && line["seq"] == json!(seq)).unwrap()["damage"]
            .clone()
    };
    assert_eq!(damage(3), json!({"checksum": "bad"}));
    assert_eq!(damage(4), json!({"octet": 30, "sent": 30, "came": 14}));
    assert_eq!(damage(5), json!({"sent_len": 56, "came_len": 40}));
    assert_eq!(damage(6), json!({"tag": "wrong"}));
    let summary = summary(&output);
    // The third to the seventh and the ninth have no good answer.
    assert_eq!(classes(&summary, "probes"), json!({"answered": 5, "late": 1, "lost": 6}));
    let totals = lines.iter().find(|line| line["event"] == "totals").unwrap();
    let packets = json!({"answer": 4, "reordered": 2, "duplicate": 1, "damaged": 3, "forged": 1, "elsewhere": 1, "stray": 1});
    assert_eq!(classes(totals, "packets"), packets);
    assert_eq!((sum(&summary, "probes"), &summary["transmitted"]), (12, &json!(12)));
    assert_eq!(output.status.code(), Some(1), "damage and forgery");
}

#[test]
fn the_file_holds_packets_and_verdicts_and_gives_the_same_numbers() {
    let Some(lab) = lab() else { return };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("run.pcapng");
    let rule = "add table ip t; add chain ip t o { type filter hook output priority 0; }; \
                add rule ip t o icmp type echo-request icmp sequence 3 drop";
    assert!(run(lab.command(Host::Client, "nft").arg(rule)).status.success());
    let mut command = lab.command(Host::Client, RAWSOCK);
    command.args(["ping", "--json", "-c5", "-i0.2", "-W0.4", "10.77.2.2", "--write"]).arg(&file);
    let output = run(&mut command);
    let told = run(std::process::Command::new("tshark").arg("-r").arg(&file).args([
        "-T",
        "fields",
        "-e",
        "icmp.type",
        "-e",
        "icmp.seq",
        "-e",
        "frame.comment",
    ]));
    let text = String::from_utf8(told.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 9, "{text}");
    assert!(lines[0].starts_with("8\t1\tanswered after 0."), "{text}");
    assert!(lines.iter().filter(|line| line.contains(" ms, ")).count() == 4, "{text}");
    assert_eq!(lines[1], "0\t1\tanswer to icmp_seq=1", "{text}");
    assert!(lines[4].starts_with("8\t3\tdid not leave this host: "), "{text}");
    // The same round trips, to the nanosecond, where both stamps are the kernel's.
    let summary = summary(&output);
    let stats = run(std::process::Command::new(RAWSOCK).args(["read", "--stats", "--json"]).arg(&file));
    let stats = String::from_utf8(stats.stdout).unwrap();
    let answers = stats
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find_map(|line| find(&line, "unanswered"))
        .unwrap_or_else(|| panic!("{stats}"));
    assert_eq!((&answers["questions"], &answers["answers"]), (&json!(5), &json!(4)), "{stats}");
    assert_eq!((&summary["transmitted"], &summary["received"]), (&json!(5), &json!(4)));
    if summary["by_user_stamps"] == json!(0) {
        for figure in ["min", "avg", "max", "mdev", "p50", "p90", "p99"] {
            assert_eq!(
                number(&answers, figure),
                number(&summary["rtt_ns"], figure),
                "{figure}: {stats}\n{summary}"
            );
        }
    }
}

/// A figure in nanoseconds, whatever its key says beside its name.
fn number(object: &Value, name: &str) -> u64 {
    let members = object.as_object().unwrap();
    let nested = members.values().filter_map(Value::as_object).flatten();
    let all = members.iter().chain(nested);
    let found = all.filter(|(key, _)| key.as_str() == name || key.as_str() == format!("{name}_ns"));
    found.filter_map(|(_, value)| value.as_u64()).next().unwrap_or_else(|| panic!("{name}: {object}"))
}

/// The object that has this member, wherever it stands.
fn find(value: &Value, member: &str) -> Option<Value> {
    match value {
        Value::Object(members) if members.contains_key(member) => Some(value.clone()),
        Value::Object(members) => members.values().find_map(|value| find(value, member)),
        Value::Array(items) => items.iter().find_map(|value| find(value, member)),
        _ => None,
    }
}

#[test]
fn at_full_rate_all_is_counted_and_nothing_crashes() {
    let Some(lab) = lab() else { return };
    let mut server = hostile(&lab, "30");
    let output = rawsock(&lab, &["--json", "-f", "-i0.0005", "-c6000", "-W0.5", "10.77.2.2"]);
    server.kill().unwrap();
    server.wait().unwrap();
    let lines = objects(&output);
    let totals = lines.iter().find(|line| line["event"] == "totals").unwrap();
    assert_eq!(sum(totals, "probes"), 6000);
    let told = lines
        .iter()
        .filter(|line| matches!(line["event"].as_str(), Some("reply" | "stray" | "error")))
        .count();
    assert_eq!(sum(totals, "packets"), told as u64);
    // Of each 12 requests one has a forged answer; the script may miss some requests at this rate.
    let forged = totals["packets"]["forged"].as_u64().unwrap();
    assert!((1..=500).contains(&forged), "{totals}");
    assert!(totals["rtt_ns"]["max"].as_u64().unwrap() < 2_000_000_000, "{totals}");
}

#[test]
fn a_rule_of_this_host_is_a_local_drop_and_said_once() {
    let Some(lab) = lab() else { return };
    let rules = "add table ip t; add chain ip t o { type filter hook output priority 0; }; \
                 add rule ip t o icmp type echo-request drop";
    let output = run(lab.command(Host::Client, "nft").arg(rules));
    assert!(output.status.success(), "{}", text_of(&output));
    let output = rawsock(&lab, &["-c3", "-i0.2", "10.77.2.2"]);
    let text = text_of(&output);
    assert_eq!(text.matches("said once").count(), 1, "{text}");
    assert!(
        text.contains("probes: 3 = 3 dropped by this host (3 forbidden by a rule of this host)"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn an_interface_that_goes_down_is_picked_up_again() {
    let Some(lab) = lab() else { return };
    let mut child = lab
        .command(Host::Client, RAWSOCK)
        .args(["ping", "--json", "-i0.2", "-W0.3", "-c15", "10.77.2.2"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut said: String = (0..3).map(|_| support::endpoint::read_until(&mut stdout, "\n")).collect();
    let link = |state: &str| run(lab.command(Host::Client, "ip").args(["link", "set", "eth0", state]));
    assert!(link("down").status.success());
    std::thread::sleep(Duration::from_millis(900));
    assert!(link("up").status.success());
    // The routes behind it went with it.
    run(lab.command(Host::Client, "ip").args(["route", "add", "default", "via", "10.77.1.1"]));
    stdout.read_to_string(&mut said).unwrap();
    let output = Output { stdout: said.into_bytes(), ..child.wait_with_output().unwrap() };
    let summary = summary(&output);
    assert!(summary["probes"]["answered"].as_u64().unwrap() >= 5, "{}", text_of(&output));
    assert!(summary["probes"]["local_drop"].as_u64().unwrap() >= 2, "{}", text_of(&output));
    assert_eq!(sum(&summary, "probes"), 15);
    assert!(objects(&output).iter().any(|line| line["event"] == "leaves_again"), "{}", text_of(&output));
}

#[test]
fn stamps_are_the_kernels_on_both_kinds_of_socket() {
    let Some(lab) = lab() else { return };
    let _stamps = support::capture::stamps();
    for address in ["10.77.2.2", "fd77:2::2"] {
        let raw = rawsock(&lab, &["--json", "-c4", "-i0.2", "--anatomy", address]);
        let mut datagram = lab.command(Host::Client, "setpriv");
        datagram.args(["--ambient-caps=-all", "--inh-caps=-all", "--bounding-set=-all", RAWSOCK]);
        let datagram = run(datagram.args(["ping", "--json", "-c4", "-i0.2", "--anatomy", address]));
        for output in [raw, datagram] {
            let replies: Vec<Value> =
                objects(&output).into_iter().filter(|line| line["event"] == "reply").collect();
            assert_eq!(replies.len(), 4, "{}", text_of(&output));
            for reply in &replies {
                assert_eq!(
                    (&reply["left_by"], &reply["came_by"]),
                    (&json!("kernel"), &json!("kernel")),
                    "{reply}"
                );
                let legs = reply["legs_ns"].as_object().unwrap();
                assert_eq!(legs.keys().collect::<Vec<_>>(), ["queue", "stack", "wakeup", "wire"], "{reply}");
                assert_eq!(legs["wire"], reply["rtt_ns"]);
            }
            let lines = objects(&output);
            let anatomy: Vec<_> = lines.iter().filter(|line| line["event"] == "anatomy").collect();
            assert_eq!(anatomy.iter().map(|line| &line["of"]).collect::<Vec<_>>(), ["targets", "loopback"]);
            assert!(
                anatomy.iter().all(|line| line["wire_ns"]["count"].as_u64().unwrap() >= 4),
                "{anatomy:?}"
            );
        }
    }
}

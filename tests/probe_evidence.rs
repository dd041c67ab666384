//! `rawsock probe -w` in all its kinds: each packet has what became of it beside it, the verdict stands beside the last one, and the file
//! gives the same numbers again. And an interface that goes down meanwhile.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::path::Path;
use std::process::{Command, Output};

use rawsock::lab::{Host, Lab};
use serde_json::{Value, json};
use support::capture::{comments, last_comment, stamps};
use support::{RAWSOCK, lab, lab_with, run, text_of};

fn probe(lab: &Lab, arguments: &[&str]) -> Output {
    run(lab.command(Host::Client, RAWSOCK).arg("probe").args(arguments))
}

/// The objects of the event `probe`.
fn probes(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let objects = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    objects.filter(|object| object["event"] == "probe").collect()
}

fn statistics(file: &Path) -> Value {
    let output = run(Command::new(RAWSOCK).args(["read", "--stats", "--json"]).arg(file));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text_of(&output)))
}

#[test]
fn packets_by_hand_and_their_file_have_the_same_times() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.pcapng");
    let name = file.to_str().unwrap();
    let _stamps = stamps();
    for server in ["10.77.2.2", "[fd77:2::2]"] {
        let is_same = (0..2).any(|_| {
            let target = format!("{server}:7,8");
            let output = probe(&lab, &["tcp", "--raw", "--json", &target, "-w", name]);
            assert!(last_comment(&file).ends_with("\n1 open, 1 closed, 0 unreachable, 0 without answer"));
            let trips = statistics(&file)["tcp_round_trips"]["connections"].clone();
            let of_port = |port: &Value| {
                let to = format!(":{port}");
                let all = trips.as_array().unwrap().iter();
                all.clone().find(|one| one["to"].as_str().unwrap().ends_with(&to)).unwrap()["min_ns"].clone()
            };
            let all = probes(&output);
            assert_eq!(all.len(), 2, "{}", text_of(&output));
            // TCP that crosses a veth has its departure time with it until it is behind the taps, which stamp it by themselves
            // (`skb_clear_delivery_time` in net/core/dev.c): a moment earlier than sockets see it come.
            all.iter().all(|probe| {
                let (told, found) =
                    (probe["rtt_ns"].as_u64().unwrap(), of_port(&probe["port"]).as_u64().unwrap());
                found <= told && told - found < 5_000
            })
        });
        assert!(is_same, "{server}");
        let is_same = (0..2).any(|_| {
            let target = format!("{server}:8");
            let output = probe(&lab, &["udp", "--raw", "--json", &target, "-w", name]);
            let errors = statistics(&file)["icmp_errors"].clone();
            assert_eq!(errors[0]["errors"], 1, "{errors}");
            assert!(last_comment(&file).contains("error about probe 0: port unreachable"));
            probes(&output)[0]["rtt_ns"] == errors[0]["times_ns"]["min"]
        });
        assert!(is_same, "{server}");
    }
}

#[test]
fn packets_of_plain_sockets_are_told_too() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.pcapng");
    let name = file.to_str().unwrap();
    probe(&lab, &["tcp", "10.77.2.2:7,8", "-w", name]);
    assert!(last_comment(&file).contains("1 open, 1 closed"));
    let all = comments(&file);
    let has = |words: &str| all.iter().any(|one| one.contains(words));
    assert!(has("probe 0, connect(): open, ") && has(" ms, by TCP_INFO"), "{all:?}");
    assert!(has("probe 1, connect(): closed (reset), ") && has("answer to probe 1: closed"), "{all:?}");
    let output = probe(&lab, &["udp", "--json", "[fd77:2::2]:8", "-w", name]);
    assert!(last_comment(&file).contains("error about probe 0: port unreachable"), "{:?}", comments(&file));
    let errors = statistics(&file)["icmp_errors"].clone();
    let (told, found) = (&probes(&output)[0], &errors[0]["times_ns"]["min"]);
    assert!(told["came_by"] == "user" || told["rtt_ns"] == *found, "{told} {errors}");
    // Where nothing is answered, the kernel sends its SYN again.
    let rule = "table inet t { chain c { type filter hook forward priority 0; tcp dport 9 drop; }; }";
    assert!(run(lab.command(Host::Router, "nft").arg(rule)).status.success());
    probe(&lab, &["tcp", "-W", "1.5", "10.77.2.2:9", "-w", name]);
    assert!(comments(&file)[0].contains("probe 0, connect(): no answer"), "{:?}", comments(&file));
    assert!(last_comment(&file).starts_with("probe 0 again\n"), "{:?}", comments(&file));
}

#[test]
fn the_verdict_of_a_comparison_stands_beside_its_packets() {
    let Some(lab) = lab_with("mss-clamp") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.pcapng");
    let _stamps = stamps();
    let output = probe(&lab, &["tcp", "--compare", "--json", "10.77.2.2:7", "-w", file.to_str().unwrap()]);
    let compared: Value = serde_json::from_slice(&output.stdout).unwrap();
    let told = last_comment(&file);
    assert!(told.contains("verdict: the MSS is clamped on the way (the SYN-ACK offers"), "{told}");
    assert!(told.contains("\nSYN, minimal  ") && told.contains("\nICMP echo of 1500"), "{told}");
    let all = comments(&file);
    for row in compared["ways"].as_array().unwrap() {
        let named = format!(", {}: ", row["name"].as_str().unwrap());
        let count = all.iter().filter(|one| one.starts_with("probe ") && one.contains(&named)).count();
        assert_eq!(count, 3, "{named}: {all:?}");
    }
    // Each way's round trips, again from the file.
    let echoes = &statistics(&file)["response_times"];
    let echoes = echoes.as_array().unwrap().iter().find(|one| one["protocol"] == "icmp").unwrap();
    assert_eq!((&echoes["questions"], &echoes["answers"]), (&json!(6), &json!(6)), "{echoes}");
    let rtts: Vec<&Value> =
        compared["ways"].as_array().unwrap()[3..].iter().map(|row| &row["rtt_ns"]).collect();
    let (least, most) =
        (echoes["times_ns"]["min"].as_u64().unwrap(), echoes["times_ns"]["max"].as_u64().unwrap());
    assert!(rtts.iter().all(|rtt| (least..=most).contains(&rtt.as_u64().unwrap())), "{echoes} {rtts:?}");
}

#[test]
fn packets_that_never_passed_have_their_comment_too() {
    let Some(lab) = lab_with("output-drop") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.pcapng");
    probe(&lab, &["tcp", "--compare", "-W", "0.4", "10.77.2.2:7", "-w", file.to_str().unwrap()]);
    let told = last_comment(&file);
    assert!(told.contains("not seen to pass: probe 0, connect(): no answer"), "{told}");
    assert!(told.contains("verdict: a rule of this host's own firewall (OUTPUT) forbids it ("), "{told}");
    assert!(told.contains("\nrule: table inet case, chain output"), "{told}");
    let by_hand = comments(&file).iter().filter(|one| one.contains("SYN, minimal: not asked: ")).count();
    assert_eq!(by_hand, 3);
}

#[test]
fn a_search_says_which_shape_each_packet_has() {
    let Some(lab) = lab_with("syn-shape") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.pcapng");
    probe(&lab, &["tcp", "--bisect", "-W", "0.4", "10.77.2.2:7", "-w", file.to_str().unwrap()]);
    let told = last_comment(&file);
    assert!(told.contains("verdict: the answer flips without tcp.options.timestamp"), "{told}");
    let shape = "SYN, kernel, without tcp.options.timestamp: no answer";
    assert_eq!(comments(&file).iter().filter(|one| one.contains(shape)).count(), 3, "{:?}", comments(&file));
}

/// Down for half a second in the middle: said once, counted, and no more than a gap in the answers.
#[test]
fn an_interface_that_goes_down_is_said_once_and_picked_up_again() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let words = folder.path().join("words");
    let blink = |begins: &str| {
        format!(
            "route=$(ip route show default)
            ({begins}; sleep 0.4; ip link set eth0 down; sleep 0.6; ip link set eth0 up; ip route add $route) &
            \"$@\" >{words}; wait; cat {words}",
            words = words.display()
        )
    };
    let has_spoken =
        format!("n=0; until [ -s {} ] || [ $((n += 1)) -gt 1000 ]; do sleep 0.02; done", words.display());
    let blinking = |arguments: &[&str]| {
        let mut command = lab.command(Host::Client, "sh");
        let _ = std::fs::remove_file(&words);
        command.args(["-c", &blink(&has_spoken), "sh"]);
        command.args([RAWSOCK, "probe", "tcp", "-c", "25", "-i", "0.1", "-W", "0.5"]);
        run(command.args(arguments))
    };
    for raw in [&[][..], &["--raw"]] {
        let output = blinking(&[&["10.77.2.2:7"][..], raw].concat());
        let text = text_of(&output);
        assert_eq!(text.matches(": not asked: ").count(), 1, "{raw:?}: {text}");
        assert_eq!(text.matches(": probes leave again\n").count(), 1, "{raw:?}: {text}");
        assert!(text.contains(" not asked ("), "{raw:?}: {text}");
        let after = text.split("probes leave again").nth(1).unwrap();
        assert!(after.matches(": open").count() >= 5, "{raw:?}: {text}");
    }
    let output = blinking(&["--raw", "--json", "10.77.2.2:7"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let summary: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let count: u64 =
        summary["not_asked"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert!(count >= 3 && summary["failed"] == count, "{summary}");
    let sum: u64 = ["open", "closed", "unreachable", "no_answer", "failed", "unfinished"]
        .iter()
        .map(|name| summary[*name].as_u64().unwrap())
        .sum();
    assert_eq!(sum, 25, "{summary}");
    // The same ways are compared, with what could be asked.
    let mut command = lab.command(Host::Client, "sh");
    command.args([
        "-c",
        // It says nothing before its end.
        &blink("sleep 0.4"),
        "sh",
        RAWSOCK,
        "probe",
        "tcp",
        "--compare",
        "-c",
        "10",
        "-W",
        "0.3",
        "10.77.2.2:7",
    ]);
    let text = text_of(&run(&mut command));
    assert!(text.contains("verdict: the same"), "{text}");
    assert_eq!(text.matches("(said once, further ones are counted)").count(), 1, "{text}");
}

//! Packets that are made of the answers before them, in the lab, with the kernel's stack and a small server of names as peers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rawsock::lab::Host;
use support::{RAWSOCK, lab, run, text_of};

#[test]
fn a_connection_is_opened_used_and_ended() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("conversation.pcapng");
    let spec = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/tcp-conversation.toml");
    let output = run(lab.command(Host::Client, RAWSOCK).args(["send", spec, "-w"]).arg(&file));
    assert!(output.status.success(), "{}", text_of(&output));
    assert!(text_of(&output).contains("5 sent"), "{}", text_of(&output));
    assert!(text_of(&output).contains("3 of 3 expectations fulfilled"), "{}", text_of(&output));
    // tshark finds nothing wrong with the conversation.
    let fields =
        ["-T", "fields", "-e", "tcp.flags.str", "-e", "tcp.analysis.flags", "-o", "tcp.check_checksum:TRUE"];
    let judged = run(std::process::Command::new("tshark").arg("-r").arg(&file).args(fields));
    let lines = String::from_utf8(judged.stdout).unwrap();
    let letters: Vec<String> =
        lines.lines().map(|line| line.chars().filter(char::is_ascii_alphabetic).collect()).collect();
    assert_eq!(letters, ["S", "AS", "A", "AP", "A", "AP", "AF", "AF", "A"], "{lines}");
}

/// The numbers wrap: what is behind 2^32 - 1 is 0, and what is before 0 is that.
#[test]
fn a_window_is_probed_with_a_number_before_zero() {
    let Some(lab) = lab() else { return };
    let spec = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/keepalive-probe.toml");
    let output = run(lab.command(Host::Client, RAWSOCK).args(["send", spec, "--json"]));
    assert!(output.status.success(), "{}", text_of(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let sent = lines.filter(|line| line["event"] == "sent");
    let numbers: Vec<u64> =
        sent.map(|line| line["frame"]["layers"][1]["tcp"]["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [0xffff_ffff, 0, 0xffff_ffff, 0], "{text}");
    assert!(text.contains("\"expected\":2,\"fulfilled\":2"), "{text}");
}

#[test]
fn a_name_that_is_told_is_asked_for() {
    let Some(lab) = lab() else { return };
    let mut server = lab.command(Host::Server, "python3");
    let names = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/names.py");
    let mut server = server.arg(names).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready.trim(), "ready");
    let spec = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/dns-exchange.toml");
    let output = run(lab.command(Host::Client, RAWSOCK).args(["send", spec]));
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(output.status.success(), "{}", text_of(&output));
    assert!(text_of(&output).contains("2 sent, 2 answered"), "{}", text_of(&output));
    assert!(text_of(&output).contains("A? other.example"), "{}", text_of(&output));
    assert!(text_of(&output).contains("2 of 2 expectations fulfilled"), "{}", text_of(&output));
}

#[test]
fn what_an_answer_does_not_tell_is_said_and_other_packets_go_on() {
    let Some(lab) = lab() else { return };
    // The second packet's answer is an echo reply, too, but the first one asks for what is not in it.
    let spec = "ip(dst=10.77.2.2)/icmp(seq=1), then={layers=[{ip={}}, {icmp={seq=\"reply.tcp.seq\"}}]}\n\
                ip(dst=10.77.2.2)/icmp(seq=5..6)/\"abc\", then={layers=[{ip={}}, {icmp={seq=\"reply.icmp.seq * 2\"}}, {data={from=\"reply.data.data\"}}], within=1s}";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spec.txt");
    std::fs::write(&path, spec).unwrap();
    let output = run(lab.command(Host::Client, RAWSOCK).arg("send").arg(&path));
    let text = text_of(&output);
    // Its number depends on how many packets had left by then.
    assert!(text.contains(": `reply.tcp.seq` cannot be told"), "{text}");
    assert!(text.contains("seq 10, length 11") && text.contains("seq 12, length 11"), "{text}");
    assert!(text.contains("5 sent, 5 answered, 1 not sent"), "{text}");
}

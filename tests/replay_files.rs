//! The files of `rawsock replay`: several, pipes, and none that can be read.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use rawsock::lab::Host;
use rawsock::sys::process::send_signal;
use serde_json::Value;
use support::capture::SIGINT;
use support::peer::{Peer, octets};
use support::replay::{FROM_SOURCE, file_of, frames, replay, summary};
use support::{RAWSOCK, lab, text_of};

#[test]
fn several_files_go_one_behind_the_other() {
    let Some(lab) = lab() else { return };
    let packets = frames(30);
    let (folder, first) = file_of(&packets[..10]);
    // The second was captured before the first.
    let (_second_folder, second) =
        file_of(&packets[10..].iter().map(|(time, o)| (time / 2, o.clone())).collect::<Vec<_>>());
    for (more, passes) in [(&[][..], 1), (&["--loop", "2"], 2), (&["--loop", "2", "--preload"], 2)] {
        let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, FROM_SOURCE);
        let told = summary(&lab, 0, &[&[&first, &second, "less", "2000", "-i", "eth0"], more].concat());
        let all: Vec<Vec<u8>> = octets(&packets).into_iter().cycle().take(30 * passes).collect();
        assert!(octets(&peer.packets()) == all, "{more:?}: {told}");
        let recorded = (packets[9].0 - packets[0].0 + (packets[29].0 - packets[10].0) / 2) * passes as i64;
        assert!((told["due_ns"].as_i64().unwrap() - recorded).abs() < 100, "{more:?}: {recorded} {told}");
    }
    // What packets are among those before them begins anew with each pass.
    let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, "tcp");
    let again =
        ["captures/tcp-echo.pcapng", "-Y", "tcp.analysis.retransmission", "--loop", "3", "-i", "eth0"];
    assert_eq!((summary(&lab, 0, &again)["sent"].as_u64(), peer.packets().len()), (Some(0), 0));
}

/// Of passes in which nothing can go, no clock would end the last one.
#[test]
fn a_pass_in_which_nothing_can_go_is_the_last() {
    let Some(lab) = lab() else { return };
    for pace in [&["--duration", "0.2"][..], &["--rate", "10", "--duration", "0.2"], &["--top-speed"], &[]] {
        let mut command = lab.command(Host::Client, "timeout");
        command.args(["20", RAWSOCK, "replay", "captures/any-cooked-v1.pcap", "-i", "eth0", "--loop", "0"]);
        let output = support::run(command.args(pace));
        assert_eq!(output.status.code(), Some(2), "{pace:?}: {}", text_of(&output));
    }
}

/// A packet of a pipe leaves when it has come, though no other one follows, and who interrupts need not wait for one.
#[test]
fn a_pipe_is_replayed_as_it_comes() {
    let Some(lab) = lab() else { return };
    let (folder, file) = file_of(&frames(3));
    let whole = std::fs::read(&file).unwrap();
    for (pace, came) in [(&[][..], 2), (&["--top-speed"], 2), (&["--preload"], 0)] {
        let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, FROM_SOURCE);
        let mut command = lab.command(Host::Client, RAWSOCK);
        command.args(["replay", "-", "-i", "eth0", "--json"]).args(pace);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(&whole[..whole.len() - 20]).unwrap();
        support::process_status::waits_for(SIGINT, child.id());
        std::thread::sleep(Duration::from_millis(700));
        assert!(child.try_wait().unwrap().is_none(), "{pace:?}: it waits for the rest of the third packet");
        assert_eq!(peer.packets().len(), came, "{pace:?}");
        send_signal(child.id(), SIGINT).unwrap();
        let output = child.wait_with_output().unwrap();
        drop(pipe);
        assert_eq!(output.status.code(), Some(1), "{pace:?}: {}", text_of(&output));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (told["sent"].as_u64(), &told["interrupted"]),
            (Some(came as u64), &Value::Bool(true)),
            "{told}"
        );
        assert!(!text_of(&output).contains("cut short"), "{}", text_of(&output));
    }
}

/// What can be read leaves, and a script need not take it for the whole.
#[test]
fn a_cut_file_is_sent_as_far_as_it_goes_and_that_is_no_success() {
    let Some(lab) = lab() else { return };
    let (folder, file) = file_of(&frames(3));
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 20]).unwrap();
    for (pace, passes) in [(&[][..], 1), (&["--top-speed", "--loop", "2"], 2), (&["--preload"], 1)] {
        let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, FROM_SOURCE);
        let output = replay(&lab, &[&["-i", "eth0", "--json", &file], pace].concat());
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(2), "{pace:?}: {text}");
        assert_eq!(text.matches("cut short").count(), passes, "{pace:?}: {text}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let (sent, unread) = (told["sent"].as_u64().unwrap(), told["unread"].as_u64().unwrap());
        assert_eq!((sent, unread), (2 * passes as u64, passes as u64), "{pace:?}: {told}");
        assert_eq!(peer.packets().len() as u64, sent, "{pace:?}");
    }
}

#[test]
fn a_mistake_in_the_filter_is_told_before_anything_is_done() {
    let Some(lab) = lab() else { return };
    let (_folder, empty) = file_of(&[]);
    for filter in ["prot 17", "port", "(udp"] {
        let output = replay(&lab, &["-i", "eth0", &empty, filter]);
        assert_eq!(
            (output.status.code(), output.stdout.len()),
            (Some(2), 0),
            "{filter}: {}",
            text_of(&output)
        );
    }
}

/// What it takes until the first packet is there is not counted as lateness, and the packets behind it keep their distance.
#[test]
fn the_clock_begins_with_the_first_packet() {
    let Some(lab) = lab() else { return };
    let (_folder, file) = file_of(&frames(3));
    let whole = std::fs::read(&file).unwrap();
    let mut command = lab.command(Host::Client, RAWSOCK);
    command.args(["replay", "-", "-i", "eth0", "--rate", "100", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let header = whole.windows(6).position(|octets| octets == [2, 0xaa, 0, 0, 0, 2]).unwrap();
    pipe.write_all(&whole[..header]).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    pipe.write_all(&whole[header..]).unwrap();
    drop(pipe);
    let told: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(told["sent"].as_u64(), Some(3), "{told}");
    assert!(told["pace_error_ns"]["max"].as_u64().unwrap() < 1_500_000_000, "{told}");
}

//! `rawsock send` for whoever does not wait for answers: what tcpdump sees at the other end of the lab's cable is what building
//! makes, and as many as is said.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rawsock::lab::{Host, Lab};
use rawsock::sys::process::send_signal;
use serde_json::Value;
use support::capture::SIGINT;
use support::peer::{Peer, octets, packets_of};
use support::{RAWSOCK, lab, run, text_of};

fn send(lab: &Lab, arguments: &[&str]) -> Output {
    run(lab.command(Host::Client, RAWSOCK).arg("send").args(arguments))
}

/// The summary as JSON; the exit code must be 0.
fn summary(lab: &Lab, arguments: &[&str]) -> Value {
    let output = send(lab, &[arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text_of(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text_of(&output)))
}

/// Frames in which the spec says all that would be chosen else.
const FRAMES: [&str; 6] = [
    "eth(src=02:aa:00:00:00:01, dst=02:bb:00:00:00:00..02:bb:00:00:00:05)/ip(src=10.1.0.1, dst=10.9.0.0/29, id=random, ttl=[1, 7, 64..70])/udp(srcport=random, dstport=random(1024..2000))/data(random=33)",
    "eth(src=02:aa:00:00:00:01, dst=02:bb:00:00:00:02)/ip(src=10.1.0.1, dst=10.9.0.1, id=1..300, flags.df=[true, false])/tcp(srcport=5, seq=random, dstport=[80, 443], flags.syn=[false, true])",
    "eth(src=02:aa:00:00:00:01, dst=02:bb:00:00:00:02)/vlan(id=1..40)/ipv6(src=fd00::1, dst=fd00::/120, hlim=random)/icmpv6(echo.identifier=5, echo.sequence_number=1..3)/\"hello\"",
    "eth(src=02:aa:00:00:00:01, dst=02:bb:00:00:00:02)/ip(src=10.1.0.1, dst=10.9.0.1, id=7, ttl=1..20)/tcp(srcport=5, options=[mss=1..20])",
    "eth(src=02:aa:00:00:00:01, dst=02:bb:00:00:00:02)/ip(src=10.1.0.1, dst=10.9.0.1, id=7)/icmp(type=[0, 3, 11..12, 14, 18])",
    "eth(src=02:aa:00:00:00:01, dst=02:bb:00:00:00:02)/ip(src=10.1.0.1, dst=10.9.0.1, id=7, checksum=0xdead)/udp(srcport=5, checksum=random, dstport=1..99)/data(zeros=1..20)",
];
const FROM_SOURCE: &str = "ether src 02:aa:00:00:00:01";

#[test]
fn what_leaves_is_what_building_makes() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    for spec in FRAMES {
        let made = folder.path().join("made.pcap");
        let craft = run(Command::new(RAWSOCK)
            .args(["craft", "-q", spec, "--seed", "77", "--count", "700", "-w"])
            .arg(&made));
        assert!(craft.status.success(), "{}", text_of(&craft));
        let wanted = octets(&packets_of(&made));
        for (engine, workers) in [("sendmmsg", "1"), ("sendmmsg", "3"), ("xdp", "1")] {
            let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, FROM_SOURCE);
            let arguments = ["--engine", engine, "--workers", workers, spec];
            let arguments = [&arguments[..], &["--seed", "77", "-c", "700", "-i", "eth0"]].concat();
            let told = summary(&lab, &arguments);
            let mut came = octets(&peer.packets());
            assert_eq!((told["sent"].as_u64(), came.len()), (Some(700), 700), "{spec}: {told}");
            let mut wanted = wanted.clone();
            if workers != "1" {
                came.sort_unstable();
                wanted.sort_unstable();
            }
            let other = came.iter().zip(&wanted).find(|(came, wanted)| came != wanted);
            let other = other.map(|(came, wanted)| (hex::encode(came), hex::encode(wanted)));
            assert_eq!(other, None, "{spec} by {workers}, {engine}");
        }
    }
}

#[test]
fn what_the_spec_leaves_out_is_chosen_as_for_those_who_wait() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let spec = "ip(dst=[10.77.2.2, 10.77.1.1], ttl=3..90)/udp(dstport=4001, srcport=500)/\"hello\"";
    for via in ["ip", "link"] {
        let seen = |more: &[&str]| {
            let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, "udp port 4001");
            let output = send(&lab, &[&[spec, "--via", via, "--no-answers"], more].concat());
            assert!(output.status.success(), "{}", text_of(&output));
            peer.packets()
        };
        let (fast, slow) = (seen(&["--top-speed"]), seen(&["--json"]));
        assert_eq!((fast.len(), slow.len()), (176, 176));
        let ids = |packets: &[(i64, Vec<u8>)]| {
            let id = |octets: &[u8]| u16::from_be_bytes([octets[18], octets[19]]);
            packets.iter().map(|(_, octets)| id(octets).wrapping_sub(id(&packets[0].1))).collect::<Vec<u16>>()
        };
        assert_eq!(ids(&fast), ids(&slow), "identifications count");
        // Their first one is drawn anew for each run, and the header's checksum goes with it.
        let rest = |(_, octets): &(i64, Vec<u8>)| [&octets[..18], &octets[20..24], &octets[26..]].concat();
        let (fast, slow): (Vec<_>, Vec<_>) =
            (fast.iter().map(rest).collect(), slow.iter().map(rest).collect());
        assert!(fast == slow, "{via}");
    }
}

#[test]
fn the_count_is_of_what_left_also_where_a_queue_is_full() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let queue = "qdisc add dev eth0 root tbf rate 40mbit burst 5kb limit 10kb";
    let tc = run(lab.command(Host::Client, "tc").args(queue.split(' ')));
    assert!(tc.status.success(), "{}", text_of(&tc));
    for (to, via) in
        [("ip(dst=10.77.2.2)", "ip"), ("ipv6(dst=fd77:2::2)", "ip"), ("ip(dst=10.77.2.2)", "link")]
    {
        let spec = format!("{to}/udp(dstport=4001)/data(zeros=900)");
        let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, "udp port 4001");
        let told = summary(&lab, &[&spec, "--via", via, "--top-speed", "-c", "500"]);
        assert_eq!((told["sent"].as_u64(), peer.packets().len()), (Some(500), 500), "{spec}: {told}");
        assert!(told["full_queue"].as_u64().unwrap() > 0, "{told}");
    }
    let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, "udp port 4001");
    let output = send(
        &lab,
        &["ip(dst=10.77.2.2)/udp(dstport=4001, srcport=1..100)/data(zeros=900)", "--no-answers", "--json"],
    );
    assert!(output.status.success() && peer.packets().len() == 100, "packet by packet: {}", text_of(&output));
}

#[test]
fn a_rate_is_kept() {
    let Some(lab) = lab() else { return };
    let spec = "ip(dst=10.77.66.1)/udp(srcport=1..60000)/data(zeros=72)";
    // Of 100 octets each, by raw sockets.
    for (pace, packets) in [
        (&["--rate", "5k/s"][..], 2500.0),
        (&["--rate", "4Mbit/s"], 2500.0),
        (&["--interval", "2ms", "--burst", "10"], 2500.0),
        (&["--rate", "5k/s", "--workers", "2"], 2500.0),
        (&["--rate", "5k/s", "--jitter", "3ms"], 2500.0),
    ] {
        // Never more; less when the machine stands still before the end, which it does not each time.
        let is_kept = (0..10).any(|_| {
            let told = summary(&lab, &[&[spec, "--duration", "500ms", "--no-answers", "-q"], pace].concat());
            let sent = told["sent"].as_f64().unwrap();
            assert!(sent <= packets, "{pace:?}: {told}");
            let late = told["pace_error_ns"]["max"].as_f64().unwrap() / 1e9 * 5000.0;
            println!("{pace:?}: {told}");
            sent >= packets - 20.0 - late
        });
        assert!(is_kept, "{pace:?}");
    }
    let is_kept = (0..10).any(|_| {
        let slow = send(&lab, &[spec, "--duration", "300ms", "--rate", "100/s", "--no-answers", "--json"]);
        let lines = String::from_utf8(slow.stdout).unwrap().lines().count();
        assert!(lines <= 31, "{lines} lines");
        lines >= 25
    });
    assert!(is_kept, "100 a second");
}

#[test]
fn a_flood_of_others_is_refused_and_a_dry_run_sends_nothing() {
    let Some(lab) = lab() else { return };
    let tool = |host: Host, words: &str| {
        let output = run(lab.command(host, "ip").args(words.split(' ')));
        assert!(output.status.success(), "{words}: {}", text_of(&output));
    };
    tool(Host::Client, "link add d0 type veth peer name d1");
    tool(Host::Client, "link set d1 up");
    tool(Host::Client, "link set d0 up");
    tool(Host::Client, "address add 192.0.2.1/24 dev d0");
    tool(Host::Client, "neighbour add 192.0.2.9 lladdr 02:bb:00:00:00:09 dev d0");
    let packet = "ip(dst=192.0.2.9)/udp(dstport=9)";
    let frame = "eth(src=02:aa:00:00:00:01, dst=02:bb:00:00:00:02)/data(zeros=50)";
    for arguments in [
        &[packet, "--top-speed", "-c", "1001"][..],
        &[packet, "--rate", "1001/s", "-c", "1001", "--no-answers", "-q"],
        &[packet, "--rate", "2k/s", "--duration", "10s"],
        &[frame, "-i", "d0", "--top-speed", "-c", "1001"],
    ] {
        let output = send(&lab, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text_of(&output));
        assert!(text_of(&output).contains("say `--yes-flood`"), "{arguments:?}: {}", text_of(&output));
    }
    for arguments in [
        &[packet, "--top-speed", "-c", "1000"][..],
        &[packet, "--top-speed", "-c", "1001", "--yes-flood"],
        &[packet, "--rate", "1k/s", "-c", "1001", "--no-answers", "-q", "--duration", "10ms"],
        &["ip(dst=192.0.2.1)/udp(dstport=9)", "--top-speed", "-c", "1001"],
        &[packet, "--dry-run", "-c", "2000", "-q"],
    ] {
        let output = send(&lab, arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text_of(&output));
    }
    let folder = tempfile::tempdir().unwrap();
    let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, "udp or arp");
    run(lab.command(Host::Client, "ip").args(["neighbour", "flush", "dev", "eth0"]));
    let output = send(
        &lab,
        &["ip(dst=10.77.2.2, ttl=1..3)/udp(dstport=9)", "--via", "link", "--dry-run", "--rate", "2/s"],
    );
    let text = text_of(&output);
    assert!(text.contains("3 would go as a frame: IP 10.77.1.2."), "{text}");
    assert!(text.contains("3 packets (126 octets) would be sent, 2 packets/s: 1.500 s\n"), "{text}");
    assert_eq!(peer.packets().len(), 0);
    let wrong = send(&lab, &["ip(dst=10.77.2.2, ttl=254..257)/udp", "--dry-run"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", text_of(&wrong));
}

#[test]
fn the_engine_is_chosen_and_told() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let frame = "eth(src=02:aa:00:00:00:01, dst=02:bb:00:00:00:02)/data(zeros=[50, 1500, 1501, 50])";
    let engine = |arguments: &[&str]| {
        let output = send(&lab, &[&[frame, "-v", "-c", "1"], arguments].concat());
        (output.status.code(), text_of(&output))
    };
    for (arguments, words) in [
        (&["-i", "eth0", "--top-speed"][..], "frames on eth0 by xdp (AF_XDP, copy mode)"),
        (
            &["-i", "eth0", "--top-speed", "--engine", "sendmmsg"],
            "frames on eth0 by sendmmsg (packet socket)",
        ),
        (&["-i", "eth0", "--rate", "1k/s", "--engine", "auto"], "frames on eth0 by sendmmsg"),
        (&["-i", "lo", "--top-speed"], "frames on lo by sendmmsg"),
    ] {
        let (code, text) = engine(arguments);
        assert!(code == Some(0) && text.contains(words), "{arguments:?}: {text}");
    }
    let (code, text) = engine(&["-i", "lo", "--engine", "xdp"]);
    assert!(code == Some(2) && text.contains("the engine `sendmmsg` takes them"), "{text}");
    let ip = send(&lab, &["ip(dst=10.77.2.2)/udp", "--engine", "xdp"]);
    assert!(ip.status.code() == Some(2) && text_of(&ip).contains("use `--via link`"), "{}", text_of(&ip));
    // What is too large is refused by both, and the others leave.
    for engine in ["xdp", "sendmmsg"] {
        let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, FROM_SOURCE);
        let output = send(&lab, &[frame, "-i", "eth0", "--engine", engine]);
        let text = text_of(&output);
        assert!(text.contains("packet 3 (1515 octets): send to eth0: message too long"), "{text}");
        assert_eq!((output.status.code(), peer.packets().len()), (Some(1), 3), "{engine}: {text}");
    }
}

#[test]
fn ctrl_c_ends_in_order() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, "udp port 4001");
    let mut command = lab.command(Host::Client, RAWSOCK);
    command.args(["send", "ip(dst=10.77.66.1)/udp(dstport=4001)", "--rate", "3k/s", "--no-answers", "-q"]);
    let child = command.args(["--workers", "2", "--duration", "1h"]).stdout(Stdio::piped()).spawn().unwrap();
    support::process_status::waits_for(SIGINT, child.id());
    std::thread::sleep(Duration::from_millis(700));
    send_signal(child.id(), SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let came = peer.packets().len();
    assert!(came > 100 && text.starts_with(&format!("{came} packets sent (")), "{came}: {text}");
}

/// A queue without room is waited for, but not for good.
#[test]
fn a_queue_that_takes_nothing_ends_it() {
    let Some(lab) = lab() else { return };
    let tc = run(lab.command(Host::Client, "tc").args("qdisc add dev eth0 root pfifo limit 0".split(' ')));
    assert!(tc.status.success(), "{}", text_of(&tc));
    let output = send(
        &lab,
        &["eth(dst=02:aa:00:00:00:02)/ip(dst=10.77.2.2)/udp(dstport=9)", "-c", "5", "--top-speed"],
    );
    assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
    assert!(
        text_of(&output).contains("the queue to eth0 has taken nothing for 10 s"),
        "{}",
        text_of(&output)
    );
}

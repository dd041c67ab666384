//! `rawsock replay` in the lab: what tcpdump sees at the other end of the cable is what stands in the file.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rawsock::lab::{Host, Lab};
use rawsock::sys::process::send_signal;
use serde_json::Value;
use support::capture::SIGINT;
use support::peer::{Packet, Peer, octets, packets_of};
use support::replay::{FROM_SOURCE, file_of, frames, replay, summary};
use support::{RAWSOCK, lab, run, text_of};
use tempfile::TempDir;

#[test]
fn the_same_octets_come_in_the_same_order_at_every_pace() {
    let Some(lab) = lab() else { return };
    let packets = frames(300);
    let recorded = (packets[299].0 - packets[0].0) as f64 / 1e9;
    let bits = packets.iter().map(|(_, octets)| octets.len() as f64 * 8.0).sum::<f64>();
    let (folder, file) = file_of(&packets);
    let cases: [(&[&str], usize, f64); 7] = [
        (&[], 1, recorded),
        (&["--speed", "4"], 1, recorded / 4.0),
        (&["--rate", "2k/s"], 1, 0.15),
        (&["--rate", "10Mbit/s"], 1, bits / 10e6),
        (&["--top-speed"], 1, 0.0),
        (&["--top-speed", "--preload", "--loop", "5"], 5, 0.0),
        (&["--rate", "3k/s", "--loop", "2"], 2, 0.2),
    ];
    for (pace, passes, wanted) in cases {
        let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, FROM_SOURCE);
        let summary = summary(&lab, 0, &[&[&file, "-i", "eth0"], pace].concat());
        let came = peer.packets();
        let all: Vec<Vec<u8>> = octets(&packets).into_iter().cycle().take(300 * passes).collect();
        assert_eq!(came.len(), all.len(), "{pace:?}: {summary}");
        assert!(octets(&came) == all, "{pace:?}: other octets");
        assert_eq!(summary["sent"].as_u64(), Some(all.len() as u64));
        let took = (came[came.len() - 1].0 - came[0].0) as f64 / 1e9;
        // The last packet of a rate is due before its whole time is over; a busy machine may be late, and is told so.
        let late = summary["pace_error_ns"]["max"].as_f64().unwrap_or(0.0) / 1e9;
        if wanted > 0.0 {
            assert!((took - wanted).abs() < 0.01 + late, "{pace:?}: {took} s, not {wanted}: {summary}");
        }
    }
}

#[test]
fn the_pace_is_the_recorded_one() {
    let Some(lab) = lab() else { return };
    let packets = frames(400);
    let (folder, file) = file_of(&packets);
    let took = packets[399].0 - packets[0].0;
    let replayed = || {
        let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, FROM_SOURCE);
        let summary = summary(&lab, 0, &[&file, "-i", "eth0"]);
        assert_eq!(summary["due_ns"].as_i64(), Some(took), "{summary}");
        let came = peer.packets();
        // The first one may be late as well as any other.
        let mut late: Vec<i64> = (0..400).map(|place| came[place].0 - packets[place].0).collect();
        late.sort_unstable();
        (late[300] - late[100], summary["pace_error_ns"]["p50"].as_i64().unwrap())
    };
    // Half of them are close together, unless the machine has stood still, which it does not each time.
    let mut runs = Vec::new();
    while !runs.last().is_some_and(|(within, told)| *within < took / 50 && *told < took / 50) {
        assert!(runs.len() < 10, "{runs:?} ns, of {took} in all");
        runs.push(replayed());
    }
}

#[test]
fn packets_are_chosen() {
    let Some(lab) = lab() else { return };
    let packets = frames(60);
    let (folder, file) = file_of(&packets);
    let cases: [(&[&str], Vec<usize>); 5] = [
        (&["-c", "7"], (0..7).collect()),
        (&["less", "100"], (0..60).filter(|number| packets[*number].1.len() <= 100).collect()),
        (&["-Y", "frame.number in {3..5} or frame.number == 60"], vec![2, 3, 4, 59]),
        (&["-Y", "frame.number <= 10", "-c", "15", "--loop", "0"], (0..10).chain(0..5).collect()),
        (
            &["-Y", "frame.number <= 10", "-c", "15", "--loop", "0", "--preload"],
            (0..10).chain(0..5).collect(),
        ),
    ];
    for (choice, places) in cases {
        let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, FROM_SOURCE);
        summary(&lab, 0, &[&["--top-speed", "-i", "eth0", &file], choice].concat());
        let wanted: Vec<Packet> = places.into_iter().map(|place| packets[place].clone()).collect();
        assert!(octets(&peer.packets()) == octets(&wanted), "{choice:?}");
    }
    let none = summary(&lab, 0, &["-i", "eth0", &file, "less", "10"]);
    assert_eq!((none["sent"].as_u64(), none["chosen"].as_u64()), (Some(0), Some(0)));
    let wrong = replay(&lab, &["-i", "eth0", &file, "prot", "17"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", text_of(&wrong));
}

/// From the client to the router, IPv4.
const TO_THE_ROUTER: [u8; 14] = [2, 0, 0, 0x77, 1, 1, 2, 0, 0, 0x77, 1, 2, 8, 0];

/// Fields of a file, by tshark, which checks checksums.
fn tshark(file: &Path, fields: &[&str]) -> Vec<String> {
    let mut command = Command::new("tshark");
    for protocol in ["ip", "udp", "tcp"] {
        command.args(["-o", &format!("{protocol}.check_checksum:TRUE")]);
    }
    command.arg("-r").arg(file).args(["-T", "fields", "-E", "occurrence=f"]);
    fields.iter().for_each(|field| {
        command.args(["-e", field]);
    });
    let output = run(&mut command);
    assert!(output.status.success(), "{}", text_of(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

const EDITS: [&str; 10] = [
    "--map-net",
    "10.77.0.0/16=192.168.0.0/16",
    "--set",
    "eth.dst=02:aa:00:00:00:02",
    "--set",
    "eth.src=02:aa:00:00:00:01",
    "--set",
    "ip.ttl=9",
    "--set",
    "tcp.window_size_value=4660",
];

#[test]
fn edits_mend_checksums_also_of_cut_packets() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let whole = "captures/tcp-echo.pcapng";
    let cut = folder.path().join("cut.pcapng");
    let editcap = run(Command::new("editcap").args(["-s", "60", whole]).arg(&cut));
    assert!(editcap.status.success(), "{}", text_of(&editcap));
    // What this host captured of itself has checksums that its card would have completed.
    let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, FROM_SOURCE);
    let edits = [&[whole, "-i", "eth0", "--top-speed", "--fix-checksums"], &EDITS[..]].concat();
    let told = summary(&lab, 0, &edits);
    assert_eq!((told["sent"].as_u64(), told["edited"].as_u64()), (Some(12), Some(12)), "{told}");
    let seen = peer.packets();
    let file = folder.path().join("router-eth0.pcap");
    let fields = ["ip.checksum.status", "tcp.checksum.status", "ip.ttl", "tcp.window_size_value", "ip.src"];
    for line in tshark(&file, &fields) {
        assert!(line.starts_with("1\t1\t9\t4660\t192.168."), "{line}");
    }
    assert_eq!(seen.len(), 12);
    // Cut packets, of a file whose checksums are right, get those of the whole ones.
    let right = folder.path().join("right.pcap");
    std::fs::copy(&file, &right).unwrap();
    let short = folder.path().join("short.pcap");
    assert!(run(Command::new("editcap").args(["-s", "50"]).arg(&right).arg(&short)).status.success());
    let edit = |file: &Path| {
        let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, FROM_SOURCE);
        let map = ["--map-net", "192.168.0.0/16=172.16.0.0/16", "--set", "tcp.srcport=77"];
        let told =
            summary(&lab, 0, &[&[file.to_str().unwrap(), "-i", "eth0", "--top-speed"], &map[..]].concat());
        (octets(&peer.packets()), told)
    };
    let ((whole, _), (short, told)) = (edit(&right), edit(&short));
    assert_eq!((whole.len(), told["cut"].as_u64()), (12, Some(12)), "{told}");
    let begins: Vec<Vec<u8>> = whole.iter().map(|octets| octets[..50].to_vec()).collect();
    assert_eq!(short, begins);
}

#[test]
fn directions_are_split_over_two_interfaces() {
    let Some(lab) = lab() else { return };
    let packets = frames(90);
    let (folder, file) = file_of(&packets);
    let split = |file: &str, how: &str| {
        let left = Peer::listen(&lab, Host::Client, "eth0", &folder, FROM_SOURCE);
        let right = Peer::listen(&lab, Host::Server, "eth0", &folder, FROM_SOURCE);
        let mut command = lab.command(Host::Router, RAWSOCK);
        command.args([
            "replay",
            "--top-speed",
            "-i",
            "eth0",
            "--split-interface",
            "eth1",
            "--split",
            how,
            file,
        ]);
        let output = run(&mut command);
        assert!(output.status.success(), "{}", text_of(&output));
        (octets(&left.packets()), octets(&right.packets()))
    };
    let part = |is_left: &dyn Fn(usize) -> bool| {
        let wanted: Vec<Packet> =
            (0..90).filter(|place| is_left(*place)).map(|place| packets[place].clone()).collect();
        octets(&wanted)
    };
    let (left, right) = split(&file, "direction");
    assert!(left == part(&|place| place.is_multiple_of(3)), "sent ones, by the first: {}", left.len());
    assert!(right == part(&|place| !place.is_multiple_of(3)), "received ones: {}", right.len());
    let spec = "eth(src=02:aa:00:00:00:01, dst=02:aa:00:00:00:02)/ip(src=[10.1.0.1, 172.16.0.9], dst=10.9.9.9)/udp(dstport=1..20)";
    let made = folder.path().join("two.pcap");
    let craft = run(Command::new(RAWSOCK).args(["craft", "-q", spec, "-w"]).arg(&made));
    assert!(craft.status.success(), "{}", text_of(&craft));
    let all = octets(&packets_of(&made));
    let (left, right) = split(made.to_str().unwrap(), "172.16.0.0/12");
    let source = |octets: &Vec<u8>| octets[26..30].to_vec();
    assert_eq!((left.len(), right.len(), all.len()), (20, 20, 40));
    assert!(left.iter().all(|octets| source(octets) == [172, 16, 0, 9]));
    assert!(right.iter().all(|octets| source(octets) == [10, 1, 0, 1]));
    let none = replay(&lab, &["-i", "eth0", "--split", "direction", &file]);
    assert_eq!(none.status.code(), Some(2), "{}", text_of(&none));
}

#[test]
fn packets_without_a_link_header_get_one_or_go_by_a_raw_socket() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("raw.pcap");
    let spec = "ip(src=10.77.1.2, dst=10.77.2.2, id=1..30)/udp(srcport=4000, dstport=4001)/\"hello\"";
    let craft = run(Command::new(RAWSOCK).args(["craft", "-q", spec, "-w"]).arg(&file));
    assert!(craft.status.success(), "{}", text_of(&craft));
    let file = file.to_str().unwrap();
    let wanted = octets(&packets_of(Path::new(file)));
    for way in [&["-i", "eth0"][..], &[], &["-i", "eth0", "--via", "ip"], &["-i", "eth0", "--preload"]] {
        let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, "udp port 4001");
        let told = summary(&lab, 0, &[&[file, "--rate", "1k/s"], way].concat());
        let came = octets(&peer.packets());
        assert_eq!(told["sent"].as_u64(), Some(30), "{told}");
        let behind: Vec<&[u8]> = came.iter().map(|octets| &octets[14..]).collect();
        assert_eq!(behind, wanted, "{way:?}");
        assert!(came.iter().all(|octets| octets.starts_with(&TO_THE_ROUTER)), "to the router, from us");
    }
    let given = Peer::listen(&lab, Host::Router, "eth0", &folder, FROM_SOURCE);
    let macs = ["--set", "eth.dst=02:aa:00:00:00:02", "--set", "eth.src=02:aa:00:00:00:01"];
    summary(&lab, 0, &[&[file, "-i", "eth0", "--top-speed"], &macs[..]].concat());
    assert_eq!(given.packets().len(), 30);
}

/// A lab with a further link of the client's, which leads nowhere, and a file the second packet of which is too large to go.
fn with_a_dead_end() -> Option<(Lab, TempDir, String)> {
    let lab = lab()?;
    for words in ["link add d0 type veth peer name d1", "link set d1 up", "link set d0 up"] {
        let output = run(lab.command(Host::Client, "ip").args(words.split(' ')));
        assert!(output.status.success(), "{}", text_of(&output));
    }
    let mut packets = frames(3);
    packets[1].1.resize(3000, 0);
    let (folder, large) = file_of(&packets);
    Some((lab, folder, large))
}

#[test]
fn what_cannot_go_is_said() {
    let Some((lab, _folder, large)) = with_a_dead_end() else { return };
    let cases: &[(&[&str], i32, &str)] = &[
        (&[&large, "-i", "eth0"], 1, "packet 2 (3000 octets): send to eth0: message too long"),
        (
            &["captures/any-cooked-v1.pcap", "-i", "eth0"],
            2,
            "link type 113 is not what eth0 takes, Ethernet frames; `--via ip`",
        ),
        (&[&large, "-i", "nosuch"], 2, "no such interface"),
        (&[&large, "--via", "link"], 2, "which interface do the frames leave by?"),
        (&[&large], 2, "there is no IP packet in it"),
        (&["nosuch.pcap", "-i", "eth0"], 2, "nosuch.pcap"),
        (&["Cargo.toml", "-i", "eth0"], 2, "Cargo.toml"),
        (&[&large, "-i", "d0", "--top-speed"], 2, "say `--yes-flood`"),
        (&[&large, "-i", "d0", "--rate", "2k/s"], 2, "say `--yes-flood`"),
        (&[&large, "-i", "eth0", "--set", "ip.dts=1.2.3.4"], 2, "did you mean `dst`"),
        (&[&large, "-i", "eth0", "--map-net", "10.0.0.0/8=fd00::/8"], 2, "two networks of one family"),
        (&["-", "--loop", "2", "-i", "eth0"], 2, "stdin can be read once"),
        (&["/dev/null", "--loop", "2", "-i", "eth0"], 2, "/dev/null can be read once"),
        (&[&large, "-i", "eth0", "--set", "ip.ttl=7)/tcp(dstport=1"], 2, "takes FIELD=VALUE"),
        (&[&large, "nosuch.pcap", "-i", "eth0"], 2, "nosuch.pcap"),
        (&[&large, "-i", "eth0", "--speed", "0"], 2, "a number above 0"),
    ];
    for (arguments, code, words) in cases {
        let output = replay(&lab, arguments);
        let text = text_of(&output);
        assert!(text.contains(words), "{arguments:?}: {text}");
        assert_eq!(output.status.code(), Some(*code), "{arguments:?}: {text}");
    }
    let mut command = lab.command(Host::Client, "setpriv");
    command.args(["--ambient-caps=-all", "--inh-caps=-all", "--bounding-set=-all", RAWSOCK]);
    let output = run(command.args(["replay", "-i", "eth0", &large]));
    assert_eq!(output.status.code(), Some(2));
    assert!(text_of(&output).contains("setcap cap_net_raw,cap_net_admin+p"), "{}", text_of(&output));
}

#[test]
fn a_flood_to_others_is_refused() {
    let Some((lab, _folder, large)) = with_a_dead_end() else { return };
    // A recording may be too fast, too, which shows as it is read.
    let (_folder, fast) =
        file_of(&(0..1500).map(|n| (n * 999_000, frames(2)[1].1.clone())).collect::<Vec<_>>());
    for (pace, code) in [(&[][..], 2), (&["--speed", "0.9"], 0), (&["--yes-flood"], 0), (&["--preload"], 2)] {
        let output = replay(&lab, &[&["-i", "d0", &fast], pace].concat());
        let is_refused = text_of(&output).contains("more than 1,000 packets a second to d0");
        assert_eq!(
            (output.status.code(), is_refused),
            (Some(code), code == 2),
            "{pace:?}: {}",
            text_of(&output)
        );
    }
    for calm in [&["--rate", "1000"][..], &["--top-speed", "--yes-flood"], &[]] {
        let output = replay(&lab, &[&["-i", "d0", "-c", "1", &large], calm].concat());
        assert_eq!(output.status.code(), Some(0), "{calm:?}: {}", text_of(&output));
    }
}

#[test]
fn who_interrupts_gets_the_count_of_what_left() {
    let Some(lab) = lab() else { return };
    let (folder, file) = file_of(&frames(100));
    for pace in [&["--rate", "5k/s"][..], &["--speed", "0.001"]] {
        let peer = Peer::listen(&lab, Host::Router, "eth0", &folder, FROM_SOURCE);
        let mut command = lab.command(Host::Client, RAWSOCK);
        command.args(["replay", &file, "-i", "eth0", "--loop", "0", "--json"]).args(pace);
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        support::process_status::waits_for(SIGINT, child.id());
        std::thread::sleep(Duration::from_millis(700));
        send_signal(child.id(), SIGINT).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", text_of(&output));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let came = peer.packets().len() as u64;
        assert_eq!(told["sent"].as_u64(), Some(came), "{told}");
        assert!(came > 0 && told["interrupted"] == true, "{told}");
    }
}

#[test]
fn a_capture_may_come_by_a_pipe_and_packets_have_lines() {
    let Some(lab) = lab() else { return };
    let packets = frames(5);
    let (_folder, file) = file_of(&packets);
    let mut command = lab.command(Host::Client, RAWSOCK);
    command.args(["replay", "-", "-i", "eth0", "-v"]).stdin(std::fs::File::open(&file).unwrap());
    let output = run(&mut command);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains(" sent ")).count(), 6, "{}", text_of(&output));
    assert!(text.contains("5 packets sent ("), "{text}");
    assert!(text_of(&output).contains("frames on eth0 by sendmmsg (packet socket)"), "{}", text_of(&output));
    let quiet = replay(&lab, &["-q", "-i", "eth0", &file]);
    assert_eq!((text_of(&quiet).as_str(), quiet.status.code()), ("", Some(0)));
}

/// `-v --json` tells each packet as `send --json` does.
#[test]
fn packets_that_left_are_told_as_json() {
    let Some(lab) = lab() else { return };
    let output = replay(&lab, &["captures/tcp-echo.pcapng", "-i", "eth0", "--top-speed", "-v", "--json"]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (summary, packets) = lines.split_last().unwrap();
    assert_eq!((packets.len(), summary["sent"].as_u64()), (12, Some(12)), "{text}");
    for (number, packet) in (1u64..).zip(packets) {
        assert_eq!((packet["event"].as_str(), packet["packet"].as_u64()), (Some("sent"), Some(number)));
        let layers = packet["frame"]["layers"].as_array().unwrap();
        assert!(layers[0].get("eth").is_some() && layers[2].get("tcp").is_some(), "{packet}");
        assert!(packet["frame"]["time"].as_str().unwrap().parse::<f64>().unwrap() > 1.6e9, "{packet}");
    }
}

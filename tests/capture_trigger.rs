//! `rawsock capture` that waits for something: `--stop-on` and `--dump-on`, in the lab, with tshark reading what is saved.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::path::Path;
use std::process::Command;

use rawsock::lab::Host;
use support::capture::{Capture, SIGINT, SIGTERM, counts_in, ping, send, tshark};
use support::{RAWSOCK, lab, run, text_of};

/// The files beside one, and how many packets tshark finds in each.
fn files_beside(file: &Path) -> Vec<(String, u64)> {
    let entries = std::fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), tshark(&path, "frame")))
        .collect();
    files.sort();
    files
}

/// One field of all packets of a file, by tshark.
fn fields(file: &Path, field: &str) -> Vec<String> {
    let output = run(Command::new("tshark").arg("-r").arg(file).args(["-T", "fields", "-e", field]));
    assert!(output.status.success(), "{}", text_of(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_packet_that_it_stops_on_is_the_last() {
    let Some(lab) = lab() else { return };
    let filter = "icmp.type == 8 and icmp.seq == 3";
    let mut capture =
        Capture::start(&lab, Host::Client, "stop.pcapng", &["-i", "eth0", "--stop-on", filter, "icmp"]);
    ping(&lab, &["10.77.2.2"]);
    let counts = capture.counts(None);
    assert_eq!(fields(&capture.file, "icmp.type"), ["8", "0", "8", "0", "8"]);
    assert_eq!(counts.captured, 5);
    assert_eq!(counts.captured + counts.left_out + counts.dropped, counts.received);
}

#[test]
fn what_was_kept_is_written_when_it_happens_and_again() {
    let Some(lab) = lab() else { return };
    let hook_folder = tempfile::tempdir().unwrap();
    let (noted, hook) = (hook_folder.path().join("noted"), hook_folder.path().join("note.sh"));
    std::fs::write(&hook, format!("#!/bin/sh\nbasename $1 >> {}\n", noted.display())).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let hook = hook.display().to_string();
    let filter = "icmp.type == 0 and icmp.seq == 3";
    let arguments =
        ["-i", "eth0", "--dump-on", filter, "--keep", "5m", "--keep-after", "0", "-z", &hook, "icmp"];
    let mut capture = Capture::start(&lab, Host::Client, "dump.pcapng", &arguments);
    ping(&lab, &["10.77.2.2"]);
    ping(&lab, &["10.77.2.2"]);
    let (status, said) = capture.end(Some(SIGINT));
    assert!(status.success(), "{said}");
    // Three requests and replies; then the two that followed, with those of the next ping up to the third reply.
    let expected = [("dump.pcapng".to_owned(), 6), ("dump_00001.pcapng".to_owned(), 10)];
    assert_eq!(files_beside(&capture.file), expected, "{said}");
    assert_eq!(
        fields(&capture.file.with_file_name("dump_00001.pcapng"), "icmp.seq")[..5],
        ["4", "4", "5", "5", "1"]
    );
    assert_eq!(std::fs::read_to_string(noted).unwrap(), "dump.pcapng\ndump_00001.pcapng\n");
    let counts = counts_in(&said);
    assert_eq!((counts.captured, counts.left_out, counts.received - counts.dropped), (16, 4, 20), "{said}");
    assert!(said.contains("keeping the last 300s, at most 64 MiB, in memory"), "{said}");
    assert!(said.contains("dump 2") && said.contains("dump_00001.pcapng: 9 packets of the last"), "{said}");
}

/// What is printed of packets from memory is what whoever reads the file is told of them.
#[test]
fn packets_from_memory_are_told_with_what_those_before_tell() {
    let Some(lab) = lab() else { return };
    let arguments = ["-i", "eth0", "--dump-on", "tcp.flags.fin == 1", "--json", "--analysis", "tcp"];
    let mut capture = Capture::start(&lab, Host::Client, "told.pcapng", &arguments);
    let say = "exec 3<>/dev/tcp/10.77.2.2/7; echo hello >&3; head -n1 <&3";
    let said = run(lab.command(Host::Client, "bash").args(["-c", say]));
    assert_eq!(text_of(&said), "hello\n");
    let (status, said, printed) = capture.end_and_read(Some(SIGINT));
    assert!(status.success(), "{said}");
    let read = run(Command::new(RAWSOCK).args(["read", "--json", "--analysis"]).arg(&capture.file));
    let facts = |text: &str| -> Vec<serde_json::Value> {
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.map(|packet| serde_json::json!([packet["number"], packet["facts"]])).collect()
    };
    let (printed, read) = (facts(&printed), facts(&String::from_utf8(read.stdout).unwrap()));
    assert!(printed.len() >= 6 && printed == read, "{printed:?}\n{read:?}");
    let round_trips = read.iter().filter(|packet| packet.to_string().contains("initial_rtt")).count();
    assert!(round_trips > 3, "{read:?}");
}

#[test]
fn what_follows_is_written_too_and_files_are_named_by_the_time() {
    let Some(lab) = lab() else { return };
    let arguments = ["-i", "eth0", "--dump-on", "icmp.seq == 2", "--keep-after", "1h", "icmp"];
    let mut capture = Capture::start(&lab, Host::Client, "at-%Y.pcapng", &arguments);
    ping(&lab, &["10.77.2.2"]);
    let counts = capture.counts(Some(SIGTERM));
    assert_eq!((counts.captured, counts.left_out), (10, 0));
    let files = files_beside(&capture.file);
    assert!(files.len() == 1 && files[0].0.starts_with("at-2") && files[0].1 == 10, "{files:?}");
}

#[test]
fn nothing_happens_and_nothing_is_written() {
    let Some(lab) = lab() else { return };
    let arguments = ["-i", "eth0", "--dump-on", "icmp.seq == 77", "icmp"];
    let mut capture = Capture::start(&lab, Host::Client, "quiet.pcapng", &arguments);
    ping(&lab, &["10.77.2.2"]);
    let counts = capture.counts(Some(SIGTERM));
    assert_eq!((counts.captured, counts.left_out), (0, 10));
    assert_eq!(files_beside(&capture.file), [("quiet.pcapng".to_owned(), 0)]);
}

#[test]
fn memory_is_bounded_and_the_newest_are_kept() {
    let Some(lab) = lab() else { return };
    let arguments = ["-i", "eth0", "-Q", "in", "-s", "2000", "-B", "65536"];
    let trigger = ["--dump-on", "udp.dstport == 4343", "--keep", "60s,512k", "udp"];
    let mut capture =
        Capture::start(&lab, Host::Server, "bounded.pcapng", &[&arguments[..], &trigger[..]].concat());
    send(&lab, 1000, "ip(dst=10.77.2.2, id=1..65000)/udp(srcport=4000, dstport=4242)/data(zeros=1000)");
    send(&lab, 1, "ip(dst=10.77.2.2)/udp(srcport=4000, dstport=4343)/data(zeros=1000)");
    let (status, said) = capture.end(Some(SIGTERM));
    assert!(status.success() && said.contains("there was no memory for more"), "{said}");
    let counts = counts_in(&said);
    // 1042 octets of each, and what is known of it: a little less than 500 fit into 512 KiB.
    assert!((400..500).contains(&counts.captured), "{said}");
    assert_eq!(counts.captured + counts.left_out + counts.dropped, counts.received, "{said}");
    assert_eq!(tshark(&capture.file, "frame"), counts.captured);
    assert_eq!(fields(&capture.file, "udp.dstport").last().unwrap(), "4343");
}

#[test]
fn in_a_ring_of_dumps_the_oldest_are_overwritten() {
    let Some(lab) = lab() else { return };
    let arguments = ["-i", "eth0", "--dump-on", "icmp.type == 8", "--keep-after", "0", "-W", "2", "icmp"];
    let mut capture = Capture::start(&lab, Host::Client, "ring.pcap", &arguments);
    ping(&lab, &["10.77.2.2"]);
    let counts = capture.counts(Some(SIGTERM));
    // Each request is a dump with the reply before it; the last reply is left.
    assert_eq!((counts.captured, counts.left_out), (9, 1));
    let expected = [("ring_00000.pcap".to_owned(), 2), ("ring_00001.pcap".to_owned(), 2)];
    assert_eq!(files_beside(&capture.file), expected);
}

#[test]
fn mistakes_are_shown_before_anything_is_captured() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("never.pcapng");
    let file = file.display().to_string();
    let cases: [(&[&str], &str); 5] = [
        (&["--stop-on", "icmp.type = 8 and"], "error: "),
        (&["--dump-on", "icmp.tpye == 8"], "did you mean `icmp.type`"),
        (&["--dump-on", "icmp", "-C", "1"], "each dump is a file of its own"),
        (&["--dump-on", "icmp", "--keep", "4k"], "keeps at least 512k"),
        (&["--keep", "5s"], "--dump-on"),
    ];
    for (arguments, words) in cases {
        let output = run(lab
            .command(Host::Client, RAWSOCK)
            .args(["capture", "-i", "eth0", "-w", &file])
            .args(arguments));
        let text = text_of(&output);
        assert!(output.status.code() == Some(2) && text.contains(words), "{arguments:?}: {text}");
        assert!(!Path::new(&file).exists(), "{arguments:?}");
    }
}

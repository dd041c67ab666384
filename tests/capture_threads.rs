//! `rawsock capture --threads` in the lab: what several rings share is in one file, and all of it is counted.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use rawsock::lab::Host;
use support::capture::{Capture, SIGINT, SIGTERM, ping, send, tcpdump, tshark, until_it_listens};
use support::{RAWSOCK, lab, run, text_of};

/// Datagrams of 64 flows from the client to the server.
const FLOWS: &str = "ip(dst=10.77.2.2)/udp(srcport=4000..4063, dstport=4001)/data(zeros=20)";

#[test]
fn every_flow_is_in_the_file_and_no_packet_twice() {
    let Some(lab) = lab() else { return };
    for (interface, name) in [("eth0", "shared.pcapng"), ("any", "shared.pcap")] {
        let arguments = ["-i", interface, "--threads", "3", "-Q", "in", "udp dst port 4001"];
        let mut capture = Capture::start(&lab, Host::Server, name, &arguments);
        // Twice, with a while between, so that each ring hands over blocks that are not full.
        send(&lab, 320, FLOWS);
        send(&lab, 320, FLOWS);
        let counts = capture.counts(Some(SIGTERM));
        assert_eq!(
            (counts.captured, counts.received, counts.dropped, counts.left_out),
            (640, 640, 0, 0),
            "{name}"
        );
        assert_eq!(tcpdump(&capture.file), 640);
        for port in [4000, 4063] {
            assert_eq!(tshark(&capture.file, &format!("udp.srcport == {port}")), 10, "{name}");
        }
    }
}

#[test]
fn a_burst_that_is_not_over_at_the_end_adds_up() {
    let Some(lab) = lab() else { return };
    let mut capture = Capture::start(
        &lab,
        Host::Server,
        "burst.pcapng",
        &["-i", "eth0", "--threads", "2", "-B", "4096", "udp"],
    );
    let expression = "ip(dst=10.77.2.2)/udp(srcport=4000..4063, dstport=4001)/data(zeros=20)";
    let mut sender = lab.command(Host::Client, RAWSOCK);
    let mut sender =
        sender.args(["send", "-q", "--no-answers", "-c", "1000000", expression]).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let counts = capture.counts(Some(SIGINT));
    sender.kill().unwrap();
    sender.wait().unwrap();
    assert!(counts.captured > 0);
    assert_eq!(tcpdump(&capture.file), counts.captured);
    assert_eq!(counts.captured + counts.left_out + counts.dropped, counts.received, "{counts:?}");
}

#[test]
fn what_is_counted_printed_and_filtered_is_the_same_as_with_one_thread() {
    let Some(lab) = lab() else { return };
    let arguments = ["-i", "eth0", "--threads", "2", "-Y", "icmp.type == 8", "-c", "3"];
    let mut capture = Capture::start(&lab, Host::Client, "some.pcapng", &arguments);
    ping(&lab, &["10.77.2.2"]);
    let counts = capture.counts(None);
    assert_eq!((counts.captured, tshark(&capture.file, "icmp.type == 8")), (3, 3));
    assert_eq!(counts.captured + counts.left_out + counts.dropped, counts.received);

    let folder = tempfile::tempdir().unwrap();
    let words = folder.path().join("words");
    let script = format!(
        "{RAWSOCK} capture -i eth0 --threads 2 -c 10 --fields icmp.type,icmp.seq icmp 2>{} & {}; \
         ping -q -i0.05 -c5 10.77.2.2 >&2; wait",
        words.display(),
        until_it_listens(&words)
    );
    let output = run(lab.command(Host::Client, "sh").args(["-c", &script]));
    let mut printed: Vec<String> =
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    printed.sort();
    let expected: Vec<String> =
        [0, 8].iter().flat_map(|kind| (1..=5).map(move |seq| format!("{kind}\t{seq}"))).collect();
    assert_eq!(printed, expected);
}

#[test]
fn an_interface_may_go_and_come_back() {
    let Some(lab) = lab() else { return };
    let ip = |arguments: &[&str]| {
        let output = run(lab.command(Host::Client, "ip").args(arguments));
        assert!(output.status.success(), "{arguments:?}: {}", text_of(&output));
    };
    let mut capture =
        Capture::start(&lab, Host::Client, "gone.pcapng", &["-i", "eth0", "--threads", "2", "icmp"]);
    ping(&lab, &["10.77.2.2"]);
    ip(&["link", "del", "eth0"]);
    capture.said("eth0 is gone");
    ip(&["link", "add", "eth0", "type", "veth", "peer", "name", "peer0"]);
    ip(&["link", "set", "peer0", "up"]);
    ip(&["link", "set", "eth0", "up"]);
    capture.said("eth0 is there again");
    let frame = "eth(dst=ff:ff:ff:ff:ff:ff)/ip(src=10.98.0.1, dst=10.98.0.9)/icmp(type=8)";
    run(lab.command(Host::Client, RAWSOCK).args(["send", "--no-answers", "-i", "peer0", frame]));
    let (status, said) = capture.end(Some(SIGINT));
    assert!(status.success(), "{said}");
    assert_eq!((tshark(&capture.file, "icmp"), tshark(&capture.file, "ip.dst == 10.98.0.9")), (11, 1));
}

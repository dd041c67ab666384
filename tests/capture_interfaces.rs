//! `rawsock capture` and interfaces: how they are named, and what becomes of a capture when they go and come back.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::io::BufRead;
use std::process::{Child, Stdio};
use std::time::Duration;

use rawsock::lab::{Host, Lab};
use support::capture::{Capture, SIGINT, counts_in, ping, tcpdump, tshark};
use support::{RAWSOCK, lab, run, skip_or_fail, text_of};

#[test]
fn an_interface_has_a_number_and_is_no_filter() {
    let Some(lab) = lab() else { return };
    let capture =
        |arguments: &[&str]| text_of(&run(lab.command(Host::Client, RAWSOCK).arg("capture").args(arguments)));
    // lo has the first number in every network namespace.
    assert!(capture(&["-i", "1", "-a", "duration:0.1"]).contains("listening on lo"));
    assert!(capture(&["-i", "9999"]).contains("look up interface 9999: no such interface"));
    let told = capture(&["eth0"]);
    assert!(told.contains("eth0 is an interface") && told.contains("capture -i eth0"), "{told}");
    assert!(capture(&["eth9"]).contains("`eth9` is no word of this language"));
}

#[test]
fn an_interface_that_goes_down_is_renamed_and_removed_and_comes_back() {
    let Some(lab) = lab() else { return };
    let ip = |arguments: &[&str]| {
        let output = run(lab.command(Host::Client, "ip").args(arguments));
        assert!(output.status.success(), "{arguments:?}: {}", text_of(&output));
        std::thread::sleep(Duration::from_millis(200));
    };
    let mut capture = Capture::start(&lab, Host::Client, "down.pcapng", &["-i", "eth0"]);
    ip(&["link", "set", "eth0", "down"]);
    ip(&["link", "set", "eth0", "name", "wan0"]);
    ip(&["link", "set", "wan0", "up"]);
    ip(&["route", "replace", "default", "via", "10.77.1.1"]);
    ping(&lab, &["10.77.2.2"]);
    ip(&["link", "del", "wan0"]);
    ip(&["link", "add", "wan0", "type", "veth", "peer", "name", "wan1"]);
    ip(&["addr", "add", "10.98.0.1/24", "dev", "wan0"]);
    ip(&["link", "set", "wan1", "up"]);
    ip(&["link", "set", "wan0", "up"]);
    run(lab.command(Host::Client, RAWSOCK).args([
        "send",
        "--no-answers",
        "-i",
        "wan1",
        "eth(dst=ff:ff:ff:ff:ff:ff)/ip(dst=10.98.0.9)/udp(dstport=4343)",
    ]));
    let (status, said) = capture.end(Some(SIGINT));
    assert!(status.success(), "{said}");
    for words in
        ["eth0 is down", "eth0 is called wan0 now", "wan0 is up again", "wan0 is gone", "wan0 is there again"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(tshark(&capture.file, "icmp.type == 0 || icmp.type == 8"), 10);
    assert_eq!(tshark(&capture.file, "udp.dstport == 4343"), 1);
    assert_eq!(tshark(&capture.file, "frame.interface_name == \"wan0\" && icmp"), 10);
    let counts = counts_in(&said);
    assert_eq!(counts.captured + counts.dropped, counts.received, "{said}");
    assert_eq!(counts.captured, tcpdump(&capture.file), "{said}");
}

/// More often than there are spare sockets: the one of before is used again.
#[test]
fn an_interface_may_come_back_as_often_as_it_goes() {
    let Some(lab) = lab() else { return };
    let ip = |arguments: &str| {
        ip(&lab, arguments);
        std::thread::sleep(Duration::from_millis(100));
    };
    let make = || {
        ip("link add wan0 type veth peer name wan1");
        ip("link set wan1 up");
        ip("link set wan0 up");
    };
    make();
    let mut capture =
        Capture::start(&lab, Host::Client, "often.pcapng", &["-i", "wan0", "udp dst port 4343"]);
    let mut said = String::new();
    for _ in 0..6 {
        ip("link del wan0");
        make();
        said += &capture.said("wan0 is there again");
        let frame = "eth(dst=ff:ff:ff:ff:ff:ff)/ip(src=10.98.0.1, dst=10.98.0.9)/udp(dstport=[4343, 4344])";
        run(lab.command(Host::Client, RAWSOCK).args(["send", "--no-answers", "-i", "wan1", frame]));
        std::thread::sleep(Duration::from_millis(100));
    }
    let (status, rest) = capture.end(Some(SIGINT));
    said += &rest;
    assert!(status.success(), "{said}");
    assert_eq!(said.matches("wan0 is there again").count(), 6, "{said}");
    assert_eq!(tshark(&capture.file, "udp.dstport == 4343"), 6, "{said}");
    assert_eq!(tshark(&capture.file, "frame"), 6, "{said}");
    assert_eq!(tshark(&capture.file, "frame.interface_id == 0"), 6, "the file describes it once");
    let counts = counts_in(&said);
    assert_eq!((counts.captured, counts.received), (6, 6), "{said}");
}

/// Closing one takes the kernel a hundredth of a second, and whoever ends a capture waits for all.
#[test]
fn few_sockets_are_open_in_advance() {
    let Some(lab) = lab() else { return };
    let mut capture = Capture::start(&lab, Host::Client, "few.pcapng", &["-i", "eth0"]);
    let open = text_of(&run(lab.command(Host::Client, "cat").arg("/proc/net/packet")));
    assert!((2..=4).contains(&(open.lines().count() - 1)), "{open}");
    assert!(capture.end(Some(SIGINT)).0.success());
}

/// As with GRE, whose packets begin otherwise as they come than as they go: what they begin with is left out.
#[test]
fn packets_of_a_kind_of_link_that_is_not_known_are_taken_behind_a_cooked_header() {
    let Some(lab) = lab_with_tun() else { return };
    let mut device = OddDevice::make(&lab, "odd0", "10.97.0.1/24");
    for filter in [&[][..], &["icmp and dst net 10.97.0.0/24"]] {
        let mut capture =
            Capture::start(&lab, Host::Client, "odd.pcapng", &[&["-i", "odd0"], filter].concat());
        ping(&lab, &["10.97.0.2"]);
        let (status, said) = capture.end(Some(SIGINT));
        assert!(status.success(), "{said}");
        assert_eq!(counts_in(&said).captured, 10, "{said}");
        assert_eq!(tshark(&capture.file, "sll.hatype == 778 && icmp.type == 8 && sll.pkttype == 4"), 5);
        assert_eq!(tshark(&capture.file, "sll.hatype == 778 && icmp.type == 0 && sll.pkttype == 0"), 5);
        assert_eq!(tcpdump(&capture.file), 10);
    }
    device.end();
}

#[test]
fn an_interface_that_comes_back_as_another_kind_is_no_more_taken_from() {
    let Some(lab) = lab_with_tun() else { return };
    let ip = |arguments: &str| ip(&lab, arguments);
    ip("link add wan0 type veth peer name wan1");
    ip("link set wan0 up");
    let mut capture = Capture::start(&lab, Host::Client, "kind.pcapng", &["-i", "wan0"]);
    ip("link del wan0");
    capture.said("wan0 is gone");
    let mut device = OddDevice::make(&lab, "wan0", "10.97.0.1/24");
    capture.said("it is of another kind now");
    ping(&lab, &["10.97.0.2"]);
    assert!(capture.end(Some(SIGINT)).0.success());
    assert_eq!(tshark(&capture.file, "icmp"), 0);
    device.end();
}

#[test]
fn an_interface_that_comes_back_with_other_frames_is_described_anew() {
    let Some(lab) = lab_with_tun() else { return };
    let ip = |arguments: &str| ip(&lab, arguments);
    ip("link add wan0 type veth peer name wan1");
    ip("link set wan0 up");
    let mut capture = Capture::start(&lab, Host::Client, "frames.pcapng", &["-i", "wan0"]);
    ip("link del wan0");
    capture.said("wan0 is gone");
    ip("tuntap add wan0 mode tun");
    ip("addr add 10.97.0.1/24 dev wan0");
    ip("link set wan0 up");
    capture.said("wan0 is there again");
    assert!(capture.end(Some(SIGINT)).0.success());
    let told = run(std::process::Command::new("capinfos").arg("-I").arg(&capture.file));
    let told = text_of(&told);
    assert!(told.contains("Encapsulation = Raw IP") && told.contains("Encapsulation = Ethernet"), "{told}");
}

/// Runs ip(8) on the client.
fn ip(lab: &Lab, arguments: &str) {
    let output = run(lab.command(Host::Client, "ip").args(arguments.split(' ')));
    assert!(output.status.success(), "{arguments}: {}", text_of(&output));
}

/// The lab, where tun devices can be made in it.
fn lab_with_tun() -> Option<Lab> {
    if std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun").is_err() {
        skip_or_fail("/dev/net/tun cannot be opened");
        return None;
    }
    lab()
}

/// A device whose kind of link is not known, and which answers echo requests.
struct OddDevice(Child);

impl OddDevice {
    fn make(lab: &Lab, name: &str, address: &str) -> Self {
        let mut command = lab.command(Host::Client, "python3");
        command.args(["-c", include_str!("support/odd_link.py"), name, address]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }

    fn end(&mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

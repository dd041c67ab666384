//! Interfaces that go down, are removed or renamed while commands use them: what was measured until then is told, what did not leave is
//! counted, and what was saved is whole. `capture` has tests of its own for this (`capture.rs`).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rawsock::exchange::drive::tap::Tap;
use rawsock::file::{CaptureWriter, Interface, WriteOptions};
use rawsock::lab::{Host, Lab};
use rawsock::sys::netlink::Netlink;
use rawsock::sys::poll;
use rawsock::sys::ring::Source;
use rawsock::wire::frame::{Frame, LinkType};
use support::capture::SIGINT;
use support::fault::{is_well_said, number_before, whole};
use support::process_status::waits_for;
use support::{RAWSOCK, lab, run, text_of};

/// The socket of an interface that goes down has an error until somebody asks for it, and is ready for as long.
#[test]
fn a_tap_of_an_interface_that_goes_down_wakes_nobody() {
    if !support::on_client("a_tap_of_an_interface_that_goes_down_wakes_nobody") {
        return;
    }
    let index = Netlink::open().unwrap().link("eth0").unwrap().index;
    let mut tap = Tap::open(Source::Interface(index, LinkType::ETHERNET)).unwrap();
    assert!(run(Command::new("ip").args(["link", "set", "eth0", "down"])).status.success());
    let ready = |tap: &Tap, milliseconds: u64| {
        poll::wait(&[tap.as_fd()], &[], Some(milliseconds * 1_000_000)).unwrap()[0]
    };
    assert!(ready(&tap, 1000).error, "it is told once");
    for _ in 0..10 {
        tap.receive(&mut |_| {});
    }
    assert!(!ready(&tap, 100).any(), "and not again");
}

/// Half of what commands do is behind them.
const HALF: Duration = Duration::from_millis(1300);
const COUNT: &str = "10";

/// Commands that take 2.5 seconds, by names.
struct Runs {
    folder: tempfile::TempDir,
    runs: Vec<(&'static str, Child)>,
}

impl Runs {
    fn start(lab: &Lab) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        slow_capture(&folder.path().join("slow.pcap"));
        let frame = "eth(dst=ff:ff:ff:ff:ff:ff)/ip(dst=10.77.2.2)/icmp";
        let (ping, send, frames, trace) =
            (file("ping.pcapng"), file("send.pcapng"), file("frames.pcapng"), file("trace.pcapng"));
        let slow = file("slow.pcap");
        let commands: [(&str, Vec<&str>); 8] = [
            ("ping", vec!["ping", "-c", COUNT, "-i", "0.25", "-W1", "--write", &ping, "10.77.2.2"]),
            ("ping -I", vec!["ping", "-c", COUNT, "-i", "0.25", "-W1", "-I", "eth0", "10.77.2.2"]),
            (
                "send",
                vec!["send", "-c", COUNT, "--interval", "250ms", "--write", &send, "ip(dst=10.77.2.2)/icmp"],
            ),
            (
                "frames",
                vec![
                    "send",
                    "-c",
                    COUNT,
                    "--interval",
                    "250ms",
                    "--no-answers",
                    "-i",
                    "eth0",
                    "--write",
                    &frames,
                    frame,
                ],
            ),
            ("replay", vec!["replay", "-i", "eth0", &slow]),
            ("trace", vec!["trace", "-I", "-c", COUNT, "--interval", "250ms", "-w", &trace, "10.77.2.2"]),
            ("probe", vec!["probe", "tcp", "-c", COUNT, "-i", "0.25", "10.77.2.2:7"]),
            ("probe --raw", vec!["probe", "tcp", "--raw", "-c", COUNT, "-i", "0.25", "10.77.2.2:7"]),
        ];
        let start = |arguments: &[&str]| {
            let mut command = lab.command(Host::Client, RAWSOCK);
            command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        };
        let runs: Vec<_> = commands.iter().map(|(name, arguments)| (*name, start(arguments))).collect();
        for (_, child) in &runs {
            waits_for(SIGINT, child.id());
        }
        Self { folder, runs }
    }

    /// What each ended with, and printed on stdout and stderr together.
    fn end(self) -> (tempfile::TempDir, Vec<(&'static str, i32, String)>) {
        let ends = self.runs.into_iter().map(|(name, child)| {
            let output = child.wait_with_output().unwrap();
            let text = text_of(&output);
            assert!(!text.contains("panicked at") && !text.contains("(os error"), "{name}: {text}");
            if output.status.code() == Some(2) {
                is_well_said(&output);
            }
            (name, output.status.code().unwrap(), text)
        });
        (self.folder, ends.collect())
    }
}

/// Ten frames, a quarter of a second apart.
fn slow_capture(path: &Path) {
    let mut writer = CaptureWriter::create(path, WriteOptions::default()).unwrap();
    writer.add_interface(&Interface::of(LinkType::ETHERNET)).unwrap();
    for number in 0..10 {
        let frame = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 1, 0x88, 0xb5], &[0; 46]].concat();
        let time = Some(number * 250_000_000);
        writer.write(&Frame { time, ..Frame::new(&frame, LinkType::ETHERNET) }).unwrap();
    }
    writer.finish().unwrap();
}

fn ip(lab: &Lab, commands: &[&str]) {
    for command in commands {
        let output = run(lab.command(Host::Client, "ip").args(command.split(' ')));
        assert!(output.status.success(), "{command}: {}", text_of(&output));
    }
}

const IS_DOWN: &str = "network is down; `ip link set NAME up`";

/// Checks what commands say of an interface that is no more: `gone` are the words for frames, `no_way` those for packets.
fn is_half_done(lab: &Lab, fault: &[&str], gone: &[&str]) {
    let runs = Runs::start(lab);
    sleep(HALF);
    ip(lab, fault);
    let (folder, ends) = runs.end();
    for (name, code, text) in ends {
        let some = |count: u64| assert!((1..10).contains(&count), "{name}: {count} in {text}");
        let file = |name: &str| whole(&folder.path().join(name));
        match name {
            "ping" | "ping -I" => {
                let (received, errors) =
                    (number_before(&text, " received, +"), number_before(&text, " errors, "));
                some(received);
                assert_eq!((code, received + errors), (0, 10), "{text}");
                assert!(text.contains("(said once, further ones are counted)"), "{text}");
                if name == "ping" {
                    // Those that did not leave stand in the file, with why.
                    assert_eq!(file("ping.pcapng"), 2 * received + errors, "{text}");
                }
            }
            "send" => {
                let (sent, unsent) = (number_before(&text, " sent, "), number_before(&text, " not sent"));
                some(sent);
                assert_eq!((code, sent + unsent), (1, 10), "{text}");
                assert!(text.contains("network is unreachable; `ip route get"), "{text}");
                assert_eq!(file("send.pcapng"), sent + number_before(&text, " answered"), "{text}");
            }
            "frames" => {
                let (sent, unsent) = (number_before(&text, " sent, "), number_before(&text, " not sent"));
                some(sent);
                assert_eq!((code, sent + unsent), (1, 10), "{text}");
                assert!(gone.iter().any(|words| text.contains(words)), "{text}");
                assert_eq!(file("frames.pcapng"), sent, "{text}");
            }
            "replay" => {
                some(number_before(&text, " packets sent"));
                let is_said = gone.iter().any(|words| text.contains(&format!("send to eth0: {words}")));
                assert!(code == 2 && is_said, "{code}: {text}");
            }
            "trace" => {
                assert!(code == 2 && text.contains("10.77.2.2  "), "the report is there: {code}: {text}");
                assert!(text.contains("send to 10.77.2.2: network is unreachable"), "{text}");
                assert!(file("trace.pcapng") >= 4, "{text}");
            }
            _ => {
                some(number_before(text.lines().find(|line| line.contains(" closed, ")).unwrap(), " open, "));
                assert!(
                    code == 0 && (text.contains("not asked") || text.contains("unreachable (")),
                    "{code}: {text}"
                );
            }
        }
    }
}

#[test]
fn an_interface_that_goes_down_ends_nothing_that_was_measured() {
    let Some(lab) = lab() else { return };
    is_half_done(&lab, &["link set eth0 down"], &[IS_DOWN]);
}

#[test]
fn an_interface_that_is_removed_ends_nothing_that_was_measured() {
    let Some(lab) = lab() else { return };
    // It is taken down before it is removed, and somebody may send in between.
    let is_gone = "no such device or address; `rawsock interfaces` lists them";
    is_half_done(&lab, &["link del eth0"], &[is_gone, IS_DOWN]);
}

#[test]
fn an_interface_that_is_renamed_is_the_same_one() {
    let Some(lab) = lab() else { return };
    let runs = Runs::start(&lab);
    sleep(HALF);
    // Linux renames interfaces that are up since 6.2.
    ip(&lab, &["link property add dev eth0 altname other", "link set eth0 name wan0"]);
    let (folder, ends) = runs.end();
    for (name, code, text) in ends {
        match name {
            "ping" | "ping -I" => {
                assert!(code == 0 && text.contains("10 received, 0% packet loss"), "{text}")
            }
            "send" => assert!(code == 0 && text.contains("10 sent, 10 answered"), "{text}"),
            "frames" => assert!(text.contains("10 sent, "), "{text}"),
            "replay" => assert!(code == 0 && text.contains("10 packets sent"), "{code} {text}"),
            "trace" => assert_eq!(code, 0, "{text}"),
            _ => assert!(code == 0 && text.contains("10 open, 0 closed"), "{text}"),
        }
    }
    for (name, packets) in [("ping.pcapng", 20), ("send.pcapng", 20), ("frames.pcapng", 10)] {
        assert_eq!(whole(&folder.path().join(name)), packets, "{name}");
    }
    assert!(whole(&folder.path().join("trace.pcapng")) >= 40);
}

//! A capture that runs while a test makes packets, and the judges of what it saved.
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is test code")]

use std::io::{BufRead, BufReader, Read};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::Duration;

use rawsock::lab::{Host, Lab};
use rawsock::sys::clock;
use rawsock::sys::plain_socket::{Kind, PlainSocket, Wishes};
use rawsock::sys::process::send_signal;
use rawsock::sys::time_stamp::ReceiptStamps;
use tempfile::TempDir;

use super::{RAWSOCK, run, text_of};

pub(crate) const SIGINT: i32 = 2;
pub(crate) const SIGKILL: i32 = 9;
pub(crate) const SIGTERM: i32 = 15;

/// A capture that listens.
pub(crate) struct Capture {
    pub(crate) child: Child,
    stderr: BufReader<ChildStderr>,
    /// Where it writes.
    pub(crate) file: PathBuf,
    _directory: TempDir,
}

/// What a capture said at its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) captured: u64,
    pub(crate) received: u64,
    pub(crate) dropped: u64,
    pub(crate) left_out: u64,
}

impl Capture {
    /// Starts a capture into a file of this name, and waits until it listens.
    pub(crate) fn start(lab: &Lab, host: Host, name: &str, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(name);
        let mut command = lab.command(host, RAWSOCK);
        command.args(["capture"]).args(arguments).arg("-w").arg(&file).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        stderr.read_line(&mut first).unwrap();
        assert!(first.starts_with("listening on "), "{first}");
        Self { child, stderr, file, _directory: directory }
    }

    /// Waits until it says this on stderr; what it said until then.
    pub(crate) fn said(&mut self, words: &str) -> String {
        let mut said = String::new();
        while !said.contains(words) {
            assert!(self.stderr.read_line(&mut said).unwrap() > 0, "{words} was not said: {said}");
        }
        said
    }

    /// Waits for the end, perhaps after a signal; what it said on stderr.
    pub(crate) fn end(&mut self, signal: Option<i32>) -> (ExitStatus, String) {
        let (status, said, printed) = self.end_and_read(signal);
        assert_eq!(printed, "", "with a file nothing is printed");
        (status, said)
    }

    /// The same, and what it printed.
    pub(crate) fn end_and_read(&mut self, signal: Option<i32>) -> (ExitStatus, String, String) {
        if let Some(signal) = signal {
            std::thread::sleep(Duration::from_millis(100));
            send_signal(self.child.id(), signal).unwrap();
        }
        let status = self.child.wait().unwrap();
        let mut printed = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        (status, said, printed)
    }

    pub(crate) fn counts(&mut self, signal: Option<i32>) -> Counts {
        let (status, said) = self.end(signal);
        assert!(status.success(), "{said}");
        counts_in(&said)
    }
}

pub(crate) fn counts_in(said: &str) -> Counts {
    let told = |words: &str| said.lines().find(|line| line.ends_with(words));
    let number = |words: &str| {
        let line = told(words).unwrap_or_else(|| panic!("{words}: {said}"));
        line.split(' ').next().unwrap().parse().unwrap()
    };
    let left_out = told("packets left out").map_or(0, |_| number("packets left out"));
    let (captured, received) = (number("packets captured"), number("packets received by filter"));
    Counts { captured, received, dropped: number("packets dropped by kernel"), left_out }
}

/// For a shell: waits until a capture whose words go to this file listens, but not for good.
pub(crate) fn until_it_listens(words: &Path) -> String {
    let words = words.display();
    format!("n=0; until grep -qs 'listening on' {words} || [ $((n += 1)) -gt 1000 ]; do sleep 0.02; done")
}

/// Packets of a file, by tshark; it must not complain.
pub(crate) fn tshark(file: &Path, filter: &str) -> u64 {
    let output = run(Command::new("tshark").arg("-r").arg(file).args([
        "-Y",
        filter,
        "-T",
        "fields",
        "-e",
        "frame.number",
    ]));
    assert!(output.status.success(), "{}", text_of(&output));
    String::from_utf8(output.stdout).unwrap().lines().count() as u64
}

pub(crate) fn tcpdump(file: &Path) -> u64 {
    let output = run(Command::new("tcpdump").args(["--count", "-nr"]).arg(file));
    assert!(output.status.success(), "{}", text_of(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    text.split(' ').next().unwrap().trim().parse().unwrap()
}

pub(crate) fn ping(lab: &Lab, arguments: &[&str]) {
    let output = run(lab.command(Host::Client, "ping").args(["-q", "-i0.05", "-c5"]).args(arguments));
    assert!(output.status.success(), "{}", text_of(&output));
}

/// Sends so many packets, without waiting for answers, from the client to the server.
pub(crate) fn send(lab: &Lab, count: u32, expression: &str) {
    let count = count.to_string();
    let output = run(lab.command(Host::Client, RAWSOCK).args([
        "send",
        "-q",
        "--no-answers",
        "-c",
        &count,
        expression,
    ]));
    assert!(text_of(&output).contains(&format!("{count} packet")), "{}", text_of(&output));
}

/// Keeps the kernel's stamps of receipt on, for whoever compares them. A work queue of the kernel switches them on, and what comes until
/// then is stamped when it is read: so datagrams are sent until one has a stamp that was made before anybody read it.
pub(crate) fn stamps() -> ReceiptStamps {
    let stamps = ReceiptStamps::keep_on().unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let receiver =
        PlainSocket::connect(Kind::Datagram, sender.local_addr().unwrap(), &Wishes::default()).unwrap();
    receiver.send(b"where is it").unwrap();
    let (_, from) = sender.recv_from(&mut [0; 16]).unwrap();
    for _ in 0..1000 {
        sender.send_to(b"here", from).unwrap();
        std::thread::sleep(Duration::from_millis(10));
        let before = clock::wall();
        let mut buffer = [0; 16];
        let about = receiver.receive_datagram(&mut buffer).unwrap().map(|(_, about)| about);
        if about.and_then(|about| about.stamp).is_some_and(|stamp| stamp < before) {
            return stamps;
        }
    }
    panic!("the kernel does not stamp what it receives");
}

/// The last comment of a file, where each frame has one.
pub(crate) fn last_comment(file: &Path) -> String {
    assert_eq!(tshark(file, "not frame.comment"), 0, "{:?}", comments(file));
    comments(file).pop().unwrap()
}

/// The comments of a file's packets, as tshark reads them.
pub(crate) fn comments(file: &Path) -> Vec<String> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file).args(["-T", "json", "-e", "frame.comment"]);
    let output = run(&mut command);
    let packets: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let comment = |packet: &serde_json::Value| {
        let comments = packet.pointer("/_source/layers/frame.comment").and_then(serde_json::Value::as_array);
        comments.into_iter().flatten().filter_map(|one| one.as_str()).collect::<Vec<_>>().join("\n")
    };
    packets.as_array().unwrap().iter().map(comment).collect()
}

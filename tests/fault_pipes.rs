//! Whoever reads what is printed goes away, or the disk behind stdout is full: the first is no error and nothing is said, the second
//! is one that says so.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

use rawsock::lab::{Host, Lab};
use rawsock::sys::process::send_signal;
use support::capture::{SIGTERM, counts_in};
use support::fault::{is_well_said, whole};
use support::{RAWSOCK, lab, run, text_of};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/tcp-echo.pcapng");

/// Commands that print something, with the exit codes that they have when nobody reads it: who asks others and could not say what
/// came may have had no answer.
const PRINTING: &[(&[&str], &[i32])] = &[
    (&["--help"], &[0]),
    (&["ping", "--help"], &[0]),
    (&["--version"], &[0]),
    (&["read", FILE], &[0]),
    (&["read", "-x", FILE], &[0]),
    (&["read", "--json", FILE], &[0]),
    (&["read", "--stats", FILE], &[0]),
    (&["read", "--expert", FILE], &[0]),
    (&["read", "--info", FILE], &[0]),
    (&["read", "--count", FILE], &[0]),
    (&["read", "--follow", "tcp:0", FILE], &[0]),
    (&["read", "--follow", "tcp:0", "--raw", FILE], &[0]),
    (&["fields"], &[0]),
    (&["fields", "tcp"], &[0]),
    (&["interfaces"], &[0]),
    (&["sockets"], &[0]),
    (&["completions", "bash"], &[0]),
    (&["man", "ping"], &[0]),
    (&["schema"], &[0]),
    (&["craft", "ip()/icmp"], &[0]),
    (&["craft", "--hex", "ip()/icmp"], &[0]),
    (&["send", "ip(dst=10.77.2.2)/icmp"], &[0, 1]),
    (&["send", "--json", "ip(dst=10.77.2.2)/icmp"], &[0, 1]),
    (&["ping", "-c2", "-i0.2", "10.77.2.2"], &[0, 1]),
    (&["ping", "-c2", "-i0.2", "--json", "10.77.2.2"], &[0, 1]),
    (&["ping", "-c2", "-i0.2", "-q", "10.77.2.2", "10.77.1.1"], &[0, 1]),
    (&["trace", "10.77.2.2"], &[0, 1]),
    (&["trace", "--json", "10.77.2.2"], &[0, 1]),
    (&["trace", "--plain", "10.77.2.2"], &[0, 1]),
    (&["probe", "tcp", "10.77.2.2:7"], &[0, 1]),
    (&["probe", "tcp", "--json", "10.77.2.2:7"], &[0, 1]),
    (&["replay", "-i", "eth0", "--json", FILE, "--top-speed"], &[0]),
];

/// Runs a command of ours on the client with this as its stdout.
fn printing_to(lab: &Lab, arguments: &[&str], stdout: Stdio) -> Output {
    let mut command = lab.command(Host::Client, "timeout");
    run(command.args(["--foreground", "60", RAWSOCK]).args(arguments).stdin(Stdio::null()).stdout(stdout))
}

/// A pipe that nobody reads.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn a_reader_who_goes_is_no_error() {
    let Some(lab) = lab() else { return };
    for (arguments, codes) in PRINTING {
        let output = printing_to(&lab, arguments, closed_pipe());
        let code = output.status.code();
        assert!(
            code.is_some_and(|code| codes.contains(&code)),
            "{arguments:?}: {:?} {}",
            output.status,
            text_of(&output)
        );
        assert_eq!(text_of(&output), "", "{arguments:?}");
    }
}

#[test]
fn a_full_disk_behind_stdout_is_an_error_that_says_so() {
    let Some(lab) = lab() else { return };
    for (arguments, _) in PRINTING {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = printing_to(&lab, arguments, full.into());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text_of(&output));
        is_well_said(&output);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("rawsock: write to stdout: no space left on device"), "{arguments:?}: {said}");
    }
}

#[test]
fn copies_into_a_pipe_that_nobody_reads_say_how_far_they_are() {
    let Some(lab) = lab() else { return };
    for arguments in [&["read", FILE, "-w", "-"][..], &["craft", "ip()/icmp", "-w", "-"]] {
        let output = printing_to(&lab, arguments, closed_pipe());
        assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
        is_well_said(&output);
        assert!(
            text_of(&output).contains("write -: broken pipe; it is whole up to packet 0"),
            "{}",
            text_of(&output)
        );
    }
}

/// A capture on the client that prints into a pipe which nobody reads any more, with traffic; what it ended with and said.
fn capture_into_closed_pipe(lab: &Lab, arguments: &[&str], signal: Option<i32>) -> (Option<i32>, String) {
    let mut command = lab.command(Host::Client, RAWSOCK);
    command.args(["capture", "-i", "eth0", "--immediate-mode"]).args(arguments);
    let (reader, writer) = std::io::pipe().unwrap();
    let mut child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    drop(command);
    let mut stderr = child.stderr.take().unwrap();
    let mut said = [0; 10];
    stderr.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"listening ");
    // It is read until there is something.
    drop(reader);
    support::capture::ping(lab, &["10.77.2.2"]);
    if let Some(signal) = signal {
        assert!(child.try_wait().unwrap().is_none(), "{arguments:?}: it ended by itself");
        send_signal(child.id(), signal).unwrap();
    }
    let mut text = String::new();
    stderr.read_to_string(&mut text).unwrap();
    (child.wait().unwrap().code(), text)
}

#[test]
fn a_capture_that_nobody_looks_at_ends_in_order_unless_it_saves() {
    let Some(lab) = lab() else { return };
    for arguments in [&[][..], &["--json"], &["-x"]] {
        let (code, said) = capture_into_closed_pipe(&lab, arguments, None);
        let counts = counts_in(&said);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        assert_eq!(counts.captured + counts.left_out + counts.dropped, counts.received, "{said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kept.pcapng");
    let (code, said) =
        capture_into_closed_pipe(&lab, &["--print", "-w", file.to_str().unwrap(), "icmp"], Some(SIGTERM));
    assert_eq!((code, counts_in(&said).captured, whole(&file)), (Some(0), 10, 10), "{said}");

    let (code, said) = capture_into_closed_pipe(&lab, &["-U", "-w", "-", "icmp"], None);
    let counts = counts_in(&said);
    assert_eq!((code, counts.captured), (Some(2), 0), "{said}");
    assert!(
        said.contains("rawsock: write -: broken pipe; it is whole up to packet 0, and ends there"),
        "{said}"
    );
    assert_eq!(
        counts.left_out + counts.dropped,
        counts.received,
        "what could not be written is not forgotten: {said}"
    );
}

#[test]
fn a_service_outlives_whoever_reads_its_log() {
    let (mut log, writer) = std::io::pipe().unwrap();
    let mut command = Command::new(RAWSOCK);
    command.args(["serve", "tcp", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(writer).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    drop(command);
    let first = support::endpoint::read_until(&mut log, "\n");
    drop(log);
    let address = first.trim().rsplit(' ').next().unwrap();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"still there\n").unwrap();
        let mut back = [0; 12];
        stream.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"still there\n");
    }
    send_signal(child.id(), SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

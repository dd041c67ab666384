//! A name server that never answers: what needs no name is not held up, what has none waits as long as /etc/resolv.conf says, can be
//! interrupted while it waits, and says what to do.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs;
use std::io::Read;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rawsock::sys::process::send_signal;
use support::capture::{SIGINT, SIGTERM};
use support::fault::is_well_said;
use support::{RAWSOCK, skip_or_fail, text_of};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/tls.pcap");

/// Runs a command where the only name server is a socket that takes questions and answers none; the resolver asks it once, for so many
/// seconds.
fn unanswered(seconds: u32, arguments: &[&str]) -> Child {
    let folder = tempfile::tempdir().unwrap();
    let resolv = folder.path().join("resolv.conf");
    fs::write(&resolv, format!("nameserver 127.0.0.1\noptions timeout:{seconds} attempts:1\n")).unwrap();
    let script = "mount --bind $1 /etc/resolv.conf && ip link set lo up || { echo none; exit 9; }
        shift; exec python3 -c '
import socket, subprocess, sys, os
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((\"127.0.0.1\", 53))
os.set_inheritable(server.fileno(), True)
print(\"ready\", flush=True)
os.execv(sys.argv[1], sys.argv[1:])' \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["-Urnm", "sh", "-c", script, "sh"]).arg(&resolv).arg(RAWSOCK).args(arguments);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    if &first != b"ready\n" {
        skip_or_fail("no namespaces with a name server of one's own");
    }
    child
}

fn to_end(arguments: &[&str]) -> Output {
    unanswered(1, arguments).wait_with_output().unwrap()
}

#[test]
fn what_has_a_number_needs_no_name() {
    let cases: [(&[&str], i32, &str); 7] = [
        (&["read", "-n", FILE], 0, "192.0.2.2.443 > 192.0.2.1.40001"),
        (&["read", "--resolve", FILE], 0, "192.0.2.2.https > 192.0.2.1.40001"),
        (&["ping", "-c2", "-i0.2", "127.0.0.9"], 0, "2 received"),
        (&["trace", "127.0.0.9"], 0, "127.0.0.9"),
        (&["trace", "--resolve", "127.0.0.9"], 0, "127.0.0.9"),
        (&["probe", "tcp", "127.0.0.9:9"], 1, "closed (reset)"),
        (&["capture", "-i", "lo", "--resolve", "-a", "duration:100ms"], 0, "0 packets captured"),
    ];
    for (arguments, code, words) in cases {
        let output = to_end(arguments);
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(words), "{arguments:?}: {text}");
    }
}

/// What must know an address.
const NAMED: [&[&str]; 7] = [
    &["ping", "-c1", "nobody.example"],
    &["trace", "nobody.example"],
    &["probe", "tcp", "nobody.example:7"],
    &["connect", "tcp", "nobody.example:7"],
    &["serve", "tcp", "nobody.example:7"],
    &["capture", "-i", "lo", "host", "nobody.example"],
    &["read", FILE, "host", "nobody.example"],
];

#[test]
fn a_name_that_nobody_tells_is_an_error_that_says_so() {
    for arguments in NAMED {
        let output = to_end(arguments);
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(!text.contains("panicked at"), "{text}");
        assert!(text.contains("nobody.example"), "{arguments:?}: {text}");
        let words = "Temporary failure in name resolution; /etc/resolv.conf has the name servers, and an address needs none";
        assert!(text.contains(words), "{arguments:?}: {text}");
        if !arguments.contains(&"host") {
            is_well_said(&output);
        }
    }
}

#[test]
fn one_host_that_has_a_name_does_not_hold_the_others_up() {
    let mut child = unanswered(30, &["ping", "-c2", "-i0.2", "127.0.0.9", "nobody.example", "127.0.0.8"]);
    let mut stdout = child.stdout.take().unwrap();
    let mut said = String::new();
    while said.matches("bytes from").count() < 4 {
        said.push_str(&support::endpoint::read_until(&mut stdout, "\n"));
    }
    send_signal(child.id(), SIGINT).unwrap();
    stdout.read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    assert!(said.contains("127.0.0.9") && said.contains("127.0.0.8"), "{said}");
}

#[test]
fn who_waits_for_a_name_can_be_interrupted() {
    for arguments in NAMED {
        for signal in [SIGINT, SIGTERM] {
            let child = unanswered(30, arguments);
            sleep(Duration::from_millis(300));
            send_signal(child.id(), signal).unwrap();
            // The resolver alone would take 30 seconds more; the test's own time tells when this waits for it.
            let output = child.wait_with_output().unwrap();
            assert!(!output.status.success(), "{arguments:?}: {}", text_of(&output));
            assert!(!text_of(&output).contains("Temporary failure"), "{arguments:?} has waited to the end");
        }
    }
}

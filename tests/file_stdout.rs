//! Packets into stdout (`-w -`): nothing else stands there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::io::Write;
use std::process::{Command, Stdio};

use rawsock::lab::Host;
use support::{RAWSOCK, lab, run};

/// What tshark counts in a file that comes by a pipe; what it finds wrong fails.
fn packets(file: &[u8]) -> usize {
    let mut tshark = Command::new("tshark");
    tshark.args(["-r", "-", "-T", "fields", "-e", "frame.number"]);
    let mut tshark =
        tshark.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    tshark.stdin.take().unwrap().write_all(file).unwrap();
    let output = tshark.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !text.contains("tshark:"), "{text}");
    String::from_utf8(output.stdout).unwrap().lines().count()
}

#[test]
fn whoever_writes_packets_into_stdout_prints_to_stderr() {
    let Some(lab) = lab() else { return };
    let scenarios = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/scenarios/firewall.toml");
    let commands: [(&[&str], &str); 7] = [
        (&["ping", "-c", "1", "10.77.2.2", "--write", "-"], "1 packets transmitted, 1 received"),
        (&["ping", "-c", "1", "--json", "10.77.2.2", "--write", "-"], "\"event\":\"summary\""),
        (&["send", "ip(dst=10.77.2.2)/icmp(ident=7)", "-w", "-"], "1 sent, 1 answered"),
        (&["trace", "-I", "10.77.2.2", "-w", "-"], " 2  10.77.2.2"),
        (&["trace", "-c", "2", "--interval", "0.2", "10.77.2.2", "-w", "-"], "2. 10.77.2.2"),
        (&["probe", "tcp", "--raw", "10.77.2.2:7", "-w", "-"], "1 open, 0 closed"),
        (&["test", scenarios, "--filter", "echo requests", "-w", "-"], "1 run: 1 passed"),
    ];
    for (arguments, words) in commands {
        let output = run(lab.command(Host::Client, RAWSOCK).args(arguments));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
        assert!(packets(&output.stdout) >= 2, "{arguments:?}: {said}");
    }
}

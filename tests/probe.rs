//! `rawsock probe` in the lab.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::process::Output;

use rawsock::lab::{Host, Lab};
use support::fault::{is_well_said, limited, refusing, within};
use support::{RAWSOCK, lab, run, text_of};

fn probe(lab: &Lab, arguments: &[&str]) -> Output {
    run(lab.command(Host::Client, RAWSOCK).arg("probe").args(arguments))
}

#[test]
fn open_closed_unreachable_and_silent_are_told_apart() {
    let Some(lab) = lab() else { return };
    let cases = [
        (["tcp", "10.77.2.2:7"], "open", 0),
        (["tcp", "10.77.2.2:8"], "closed (reset)", 1),
        (["tcp", "[fd77:2::2]:7"], "open", 0),
        (["tcp", "10.77.67.1:7"], "unreachable (ICMP", 1),
        (["tcp", "10.77.66.1:7"], "no answer", 1),
        (["udp", "10.77.2.2:7"], "open, 14 octets answered", 0),
        (["udp", "10.77.2.2:8"], "closed (ICMP port unreachable from 10.77.2.2)", 1),
        (["udp", "[fd77:2::2]:8"], "closed (ICMPv6 port unreachable from fd77:2::2)", 1),
        (["udp", "10.77.67.1:7"], "unreachable (ICMP", 1),
        (["udp", "10.77.66.1:7"], "no answer", 1),
    ];
    for (arguments, words, code) in cases {
        let output = probe(&lab, &[&arguments[..], &["-W", "0.5"]].concat());
        let text = text_of(&output);
        assert!(text.contains(words), "{arguments:?}: {text}");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    }
}

/// In the lab, answers come before `connect` is back, and the kernel then goes on trying. That a host is not there it knows only
/// later, as it knows whatever comes over a real cable, and that ends the attempt.
#[test]
fn an_attempt_that_an_error_ends_later_is_not_open() {
    let Some(lab) = lab() else { return };
    for family in ["ipv4", "ipv6"] {
        let sooner = format!("net.{family}.neigh.eth0.retrans_time_ms=100");
        assert!(run(lab.command(Host::Client, "sysctl").args(["-qw", &sooner])).status.success());
    }
    let cases = [
        ("10.77.1.99:7", "unreachable (ICMP host unreachable from 10.77.1.2)"),
        ("[fd77:1::99]:7", "unreachable (ICMPv6 address unreachable from fd77:1::2)"),
    ];
    for (target, words) in cases {
        for further in [&[][..], &["--expect-bytes", "hello"]] {
            let output = probe(&lab, &[&["tcp", target, "-W", "10"], further].concat());
            let text = text_of(&output);
            assert!(text.contains(words) && text.contains("0 open"), "{target}: {text}");
            assert_eq!(output.status.code(), Some(1), "{target}: {text}");
        }
    }
}

#[test]
fn several_ports_and_hosts_at_once() {
    let Some(lab) = lab() else { return };
    let output = probe(&lab, &["tcp", "-4", "server:5-9", "router:7", "no-such-host:1"]);
    let text = text_of(&output);
    assert!(text.contains("1 open, 5 closed, 0 unreachable, 0 without answer"), "{text}");
    assert!(text.contains("rawsock: no-such-host: resolve the name"), "{text}");
    assert_eq!(output.status.code(), Some(2), "one of the hosts has no address");
}

#[test]
fn json_says_the_same() {
    let Some(lab) = lab() else { return };
    let output = probe(&lab, &["udp", "--json", "10.77.2.2:8"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(first["state"], "closed");
    assert_eq!((&first["icmp"]["type"], &first["icmp"]["code"]), (&3.into(), &3.into()));
    assert_eq!(first["icmp"]["from"], "10.77.2.2");
}

#[test]
fn what_cannot_be_read_is_said() {
    let Some(lab) = lab() else { return };
    let output = probe(&lab, &["tcp", "server"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text_of(&output).contains("takes HOST:PORT"), "{}", text_of(&output));
}

#[test]
fn the_source_address_says_the_family_and_must_be_ours() {
    let Some(lab) = lab() else { return };
    let probe =
        |arguments: &[&str]| run(lab.command(Host::Client, RAWSOCK).args(["probe", "tcp"]).args(arguments));
    let output = probe(&["-I", "10.77.1.2", "server:7"]);
    assert!(text_of(&output).contains("tcp 10.77.2.2:7 (server): open"), "{}", text_of(&output));
    let output = probe(&["-I", "10.1.1.1", "server:7"]);
    assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
    assert!(text_of(&output).contains("10.1.1.1 is no address of this host"), "{}", text_of(&output));
}

#[test]
fn what_was_interrupted_is_counted() {
    let Some(lab) = lab() else { return };
    let mut command = lab.command(Host::Client, RAWSOCK);
    command.args(["probe", "tcp", "10.77.66.1:1-3"]).stdout(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    support::process_status::waits_for(support::capture::SIGINT, child.id());
    std::thread::sleep(std::time::Duration::from_millis(500));
    rawsock::sys::process::send_signal(child.id(), support::capture::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(text_of(&output).ends_with("0 without answer, 3 not finished\n"), "{}", text_of(&output));
    assert_eq!(output.status.code(), Some(1));
}

/// Descriptors that are too few are no answer of a port: those of others are waited for.
#[test]
fn as_many_ports_are_asked_with_few_descriptors() {
    let Some(lab) = lab() else { return };
    for most in 13..24 {
        let around = limited(&format!("nofile={most}"));
        let output = within(&lab, &around, &["probe", "tcp", "-q", "10.77.2.2:1-30"]);
        assert_eq!(text_of(&output), "1 open, 29 closed, 0 unreachable, 0 without answer\n", "{most}");
        assert_eq!(output.status.code(), Some(0), "{most}");
    }
    // Nobody is there: each takes its descriptor for as long as it is waited for.
    let silent = ["probe", "udp", "-q", "-W", "0.3", "10.77.66.1:1-60"];
    let output = within(&lab, &limited("nofile=32"), &silent);
    assert_eq!(text_of(&output), "0 open, 0 closed, 0 unreachable, 60 without answer\n");
}

#[test]
fn without_room_for_a_single_probe_it_cannot_be_done() {
    let Some(lab) = lab() else { return };
    for (error, words) in [
        ("EMFILE", "open a TCP socket: too many open files; no descriptor is left: `ulimit -n`"),
        ("ENFILE", "no descriptor is left: `ulimit -n`"),
        ("ENOBUFS", "open a TCP socket: no buffer space available"),
    ] {
        let output = within(&lab, &refusing("socket=2", error), &["probe", "tcp", "10.77.2.2:7-9"]);
        assert_eq!(output.status.code(), Some(2), "{error}: {}", text_of(&output));
        assert!(text_of(&output).contains(words), "{error}: {}", text_of(&output));
        is_well_said(&output);
    }
}

#[test]
fn what_the_hard_limit_allows_is_used() {
    let Some(lab) = lab() else { return };
    let around = ["prlimit", "--nofile=24:4096"].map(str::to_owned);
    let began = std::time::Instant::now();
    // With 24 descriptors it is more than twelve times one second.
    let output = within(&lab, &around, &["probe", "tcp", "-q", "-W", "1", "10.77.66.1:1-200"]);
    assert_eq!(text_of(&output), "0 open, 0 closed, 0 unreachable, 200 without answer\n");
    assert!(began.elapsed() < std::time::Duration::from_secs(6), "{:?}", began.elapsed());
}

#[test]
fn no_time_is_no_time_to_wait() {
    let output = run(std::process::Command::new(RAWSOCK).args(["probe", "tcp", "-W", "0", "127.0.0.1:7"]));
    assert!(text_of(&output).contains("takes a time longer than 0"), "{}", text_of(&output));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn targets_come_from_stdin_too() {
    let Some(lab) = lab() else { return };
    let mut command = lab.command(Host::Client, "sh");
    let script = "printf '10.77.2.2:7 # echo\\nnobody\\n' | \"$0\" probe tcp --targets -";
    let text = text_of(&run(command.args(["-c", script, RAWSOCK])));
    assert!(text.contains("1 open") && text.contains("rawsock: -:2: nobody: takes HOST:PORT"), "{text}");
}

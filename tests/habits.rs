//! What people type who come from another tool: it works, or what is said leads on.
#![allow(clippy::unwrap_used, reason = "this is test code")]

mod support;

use std::process::{Command, Output};

fn rawsock(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rawsock")).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const DNS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/dns.pcap");

#[test]
fn the_letter_of_a_file_that_is_read_may_be_there() {
    let bare = rawsock(&["read", DNS, "udp port 5353"]);
    assert!(bare.status.success() && bare.stdout.len() > 100, "{}", said(&bare));
    for arguments in [&["read", "-r", DNS, "udp port 5353"][..], &["read", "-nr", DNS, "udp port 5353"]] {
        assert_eq!(rawsock(arguments).stdout, bare.stdout, "{arguments:?}");
    }
}

#[test]
fn a_filter_of_the_other_language_is_told_as_such() {
    for (arguments, words) in [
        (&["read", DNS, "ip.src == 10.0.0.1"][..], "this is a display filter"),
        (&["read", DNS, "-Y", "udp port 53"], "this is a capture filter"),
    ] {
        let output = rawsock(arguments);
        let said = said(&output);
        assert!(said.contains("error:") && said.contains(words), "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    }
    assert!(!said(&rawsock(&["read", DNS, "udp prot 53"])).contains("this is a"));
}

#[test]
fn an_option_that_is_none_is_not_taken_for_a_host_or_a_file() {
    for arguments in
        [&["ping", "-E", "-c1", "127.0.0.1"][..], &["ping", "-c", "-1", "127.0.0.1"], &["read", "-T", DNS]]
    {
        let said = said(&rawsock(arguments));
        assert!(said.contains("unexpected argument") && !said.contains("-- -"), "{arguments:?}: {said}");
    }
    assert!(
        said(&rawsock(&["ping", "--targts", "f"])).contains("--targets"),
        "a misspelt option has its tip"
    );
}

#[test]
fn nobodys_address_is_this_host() {
    if !support::on_client("nobodys_address_is_this_host") {
        return;
    }
    for (name, address) in [("0", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1")] {
        let output = rawsock(&["ping", "-c", "1", "-W", "2", name]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains(&format!("from {name} ({address}): ")), "{text}{}", said(&output));
        assert!(text.contains(": icmp_seq=1 ") && text.contains("probes: 1 = 1 answered"), "{text}");
        assert_eq!(output.status.code(), Some(0), "{text}");
    }
}

/// A capture that is not there is no word of a filter, and what people type about interfaces is answered in the form they ask for.
#[test]
fn a_missing_capture_is_named_and_interfaces_are_told_as_json() {
    for missing in ["nothere.pcap", "no/such.pcapng.gz"] {
        let output = rawsock(&["read", DNS, missing, "udp"]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(&format!("open {missing}: no such file")), "{}", said(&output));
    }
    let text = |output: Output| String::from_utf8(output.stdout).unwrap();
    let interfaces = text(rawsock(&["capture", "-D", "--json"]));
    assert!(
        interfaces.lines().all(|line| line.starts_with('{')) && interfaces.contains("\"lo\""),
        "{interfaces}"
    );
    let script = text(rawsock(&["completions", "bash"]));
    assert!(script.contains("capture") && !script.contains("lab-host"), "internal commands are for nobody");
    if support::is_root() {
        let alone =
            Command::new("unshare").args(["-n", env!("CARGO_BIN_EXE_rawsock"), "doctor"]).output().unwrap();
        let alone = text(alone);
        assert!(alone.contains("sudo ip link set lo up"), "{alone}");
    }
}

//! `rawsock capture -j` and `-J`: the types of time stamps, as tcpdump lists them. The lab has no adapters, only what refuses.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::process::Command;

use rawsock::lab::Host;
use support::capture::{Capture, SIGTERM, ping, tshark};
use support::{RAWSOCK, lab, run, text_of};

#[test]
fn the_list_is_that_of_tcpdump() {
    let Some(lab) = lab() else { return };
    let list = |program: &str, arguments: &[&str]| {
        let output = run(lab.command(Host::Client, program).args(arguments).args(["-J", "-i", "eth0"]));
        assert!(output.status.success(), "{}", text_of(&output));
        text_of(&output)
    };
    assert_eq!(list(RAWSOCK, &["capture"]), list("tcpdump", &[]));
}

#[test]
fn stamps_that_an_interface_has_not_are_refused_with_those_that_it_has() {
    let Some(lab) = lab() else { return };
    for (interface, stamps) in [("eth0", "adapter"), ("lo", "adapter_unsynced"), ("any", "adapter_unsynced")]
    {
        let output =
            run(lab.command(Host::Client, RAWSOCK).args(["capture", "-i", interface, "-j", stamps, "-c1"]));
        let words = format!("{interface} has no time stamps of the type {stamps}; it has: host");
        assert!(output.status.code() == Some(2) && text_of(&output).contains(&words), "{}", text_of(&output));
    }
    let unknown = run(Command::new(RAWSOCK).args(["capture", "-j", "hostile"]));
    assert!(text_of(&unknown).contains("possible values: host, adapter, adapter_unsynced"));
}

#[test]
fn the_host_stamps_where_it_is_asked_to() {
    let Some(lab) = lab() else { return };
    let mut capture =
        Capture::start(&lab, Host::Client, "host.pcapng", &["-i", "eth0", "-j", "host", "icmp"]);
    ping(&lab, &["10.77.2.2"]);
    assert_eq!(capture.counts(Some(SIGTERM)).captured, 10);
    assert_eq!(tshark(&capture.file, "frame.time_epoch > 1600000000"), 10);
}

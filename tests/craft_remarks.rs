//! `rawsock craft`: what is filled up so that it can be read, and what `-v` and `read` say of packets that contradict themselves.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::process::{Command, Output};

use support::{RAWSOCK, text_of};

fn craft(args: &[&str]) -> Output {
    Command::new(RAWSOCK).arg("craft").args(args).output().unwrap()
}

fn remarks_of(spec: &str) -> String {
    let output = craft(&[spec, "--hex", "-v"]);
    assert!(output.status.success(), "{spec}: {}", text_of(&output));
    String::from_utf8(output.stderr).unwrap()
}

/// RFC 4302 §2.6, RFC 8926 §3.5, RFC 8200 §4.4. Whoever writes the length has it so.
#[test]
fn octets_whose_length_is_in_units_are_filled_up() {
    for (spec, wanted) in [
        ("ah(icv=00)/udp", "11020000000001000000000100000000c0000007"),
        ("ah(icv=00, length=auto)/udp", "11020000000001000000000100000000c0000007"),
        ("ah(icv=00, length=auto+1)/udp", "11030000000001000000000100000000c0000007"),
        ("ah(icv=00, length=2)/udp", "11020000000001000000000100c0000007"),
        ("geneve(options=[{class=1, type=1, data=01}])", "02006558000000000001010101000000"),
        ("geneve(options=[{class=1, type=1, data=0102030405}])", "03006558000000000001010201020304050000"),
        ("geneve(options=[{class=1, type=1, data=01, length=4}])", "01006558000000000001010101\n"),
        ("ipv6.routing(type=253, data=01)/udp", "1100fd0001000000c0000007"),
        ("ipv6.routing(type=253, len=0, data=01)/udp", "1100fd0001c0000007"),
    ] {
        let output = craft(&[spec, "--hex"]);
        let made = String::from_utf8(output.stdout).unwrap();
        assert!(made.starts_with(wanted), "{spec}: {made:?}");
    }
}

#[test]
fn nothing_is_remarked_on_that_was_filled_up() {
    for spec in [
        "ip/ah(icv=00)/udp",
        "ip/udp/geneve(options=[{class=1, type=1, data=01}])",
        "ipv6/ipv6.routing(type=253, data=01)/udp",
        "ipv6/ipv6.hopopts/udp",
    ] {
        assert_eq!(remarks_of(spec), "", "{spec}");
    }
    // Of what is written so, only that is said: nobody wrote `opt_len`, which has whole units only.
    let told = remarks_of("ip/udp/geneve(options=[{class=1, type=1, data=01, length=4}])");
    assert_eq!(told, "rawsock: packet 1: geneve.length is 4, as written; 0 would go with the packet\n");
}

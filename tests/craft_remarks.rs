//! `rawsock craft`: what is filled up so that it can be read, and what `-v` and `read` say of packets that contradict themselves.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::process::{Command, Output};

use support::{RAWSOCK, run, text_of};

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

/// Versions, sizes of addresses, and a checksum that must be there (RFC 8200 §8.1).
#[test]
fn what_is_not_computed_may_contradict_the_packet_too() {
    for (spec, remark) in [
        ("ip(version=5)/udp", "ip.version is 5, as written; 4 would go with the packet"),
        ("ipv6(version=4)/udp", "ipv6.version is 4, as written; 6 would go with the packet"),
        ("eth/arp(hw.size=5)", "arp.hw.size is 5, as written; 6 would go with the packet"),
        ("eth/arp(proto.size=16)", "arp.proto.size is 16, as written; 4 would go with the packet"),
        ("ipv6/udp(checksum=0)", "udp.checksum is 0x0000, as written; 0x3fd7 would go with the packet"),
    ] {
        assert_eq!(remarks_of(spec), format!("rawsock: packet 1: {remark}\n"), "{spec}");
    }
    for spec in
        ["eth/arp(hw.type=32, hw.size=20, proto.type=0x86dd)", "eth/arp", "ip/udp(checksum=0)", "ip/ipv6/udp"]
    {
        assert_eq!(remarks_of(spec), "", "{spec}");
    }
}

/// tshark finds a "Bogus IPv4 version" and a "Bogus IPv6 version".
#[test]
fn a_wrong_version_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("versions.pcap");
    let spec = "eth/ip(version=[4, 5])/udp";
    let other = "eth/ipv6(version=[6, 4])/udp";
    for (spec, layer, must) in [(spec, "ip", "must be 4"), (other, "ipv6", "must be 6")] {
        assert!(craft(&[spec, "-w", file.to_str().unwrap()]).status.success());
        let read = |option: &str| text_of(&run(Command::new(RAWSOCK).args(["read", option]).arg(&file)));
        let tree = read("-v");
        assert_eq!(tree.matches(must).count(), 1, "{tree}");
        let found = read("--expert");
        assert!(found.contains("Value that does not go with the packet"), "{found}");
        assert!(found.contains(&format!("{layer}.version")), "{found}");
    }
}

/// Whoever read it would take it for Ethernet.
#[test]
fn what_no_capture_begins_with_is_not_saved() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("saved.pcap");
    for (spec, layer) in [
        ("icmp", "icmp"),
        ("udp/'x'", "udp"),
        ("\"just text\"", "data"),
        ("vlan(id=5)/ip", "vlan"),
        ("sctp.data", "sctp.data"),
    ] {
        let output = craft(&[spec, "-w", file.to_str().unwrap()]);
        let told = text_of(&output);
        assert!(!output.status.success() && told.contains(&format!("not with `{layer}`")), "{spec}: {told}");
        assert!(told.contains("put `eth`, `ip` or `ipv6` in front of it"), "{told}");
        assert!(!file.exists(), "{spec}");
        let json = craft(&[spec, "--json"]);
        assert!(json.status.success() && !text_of(&json).contains("link_type"), "{}", text_of(&json));
    }
    // Octets whose link type is told are as well as a layer that has one.
    let octets = directory.path().join("octets.json");
    std::fs::write(&octets, r#"{"layers":[{"data":{"hex":"0200000000010200000000020800"}}],"link_type":1}"#)
        .unwrap();
    assert!(craft(&[octets.to_str().unwrap(), "-w", file.to_str().unwrap()]).status.success());
    for (spec, link_type) in [("eth/'x'", "1"), ("ip", "228"), ("ipv6", "229"), ("sll", "113")] {
        assert!(craft(&[spec, "-w", file.to_str().unwrap()]).status.success(), "{spec}");
        let json = text_of(&craft(&[spec, "--json"]));
        assert!(json.contains(&format!("\"link_type\":{link_type},")), "{json}");
    }
}

/// RFC 4861 §7.1.1: it is dropped with any other hop limit. Scapy has 255 there, too.
#[test]
fn neighbour_discovery_has_the_hop_limit_that_it_needs() {
    let hop_limits = |spec: &str| -> Vec<String> {
        let output = craft(&[spec, "--hex"]);
        assert!(output.status.success(), "{spec}: {}", text_of(&output));
        let made = String::from_utf8(output.stdout).unwrap();
        made.lines().map(|line| line.get(14..16).unwrap().to_owned()).collect()
    };
    for (spec, wanted) in [
        ("ipv6/icmpv6(type=132)", "40"),
        ("ipv6/icmpv6(type=133)", "ff"),
        ("ipv6/icmpv6(type=135)", "ff"),
        ("ipv6/icmpv6(type=137)", "ff"),
        ("ipv6/icmpv6(type=138)", "40"),
        ("ipv6/ipv6.hopopts/ipv6.dstopts/icmpv6(type=136)", "ff"),
        ("ipv6(hlim=64)/icmpv6(type=135)", "40"),
        ("ipv6(hlim=auto-1)/icmpv6(type=135)", "fe"),
        ("ipv6/ipv6/icmpv6(type=135)", "40"),
        ("ipv6/udp", "40"),
    ] {
        assert_eq!(hop_limits(spec), [wanted], "{spec}");
    }
    assert_eq!(hop_limits("ipv6/icmpv6(type=132..134)"), ["40", "ff", "ff"]);
    assert_eq!(
        remarks_of("ipv6(hlim=64)/icmpv6(type=135)"),
        "rawsock: packet 1: ipv6.hlim is 64, as written; 255 would go with the packet\n"
    );
}

#[test]
fn what_is_set_and_not_used_is_told_with_what_is() {
    for (spec, help) in [
        ("ip", "it uses none: `$NAME` in place of a value is one"),
        ("ip(ttl=$hops, dst=$to)", "it uses"),
        ("ip(ttl=$ex)", "did you mean `ex`?"),
        ("ip, vars={ttl=1, ex=2}", "did you mean `ex`?"),
    ] {
        let told = text_of(&craft(&[
            spec,
            "--set",
            "x=5",
            "--set",
            "hops=3",
            "--set",
            "to=1.1.1.1",
            "--set",
            "ex=1",
        ]));
        assert!(told.contains("error: the spec uses no variable `x`\n --> --set:1:1\n"), "{spec}: {told}");
        assert!(told.contains(help), "{spec}: {told}");
        assert!(!told.contains("say what it is"), "{told}");
    }
}

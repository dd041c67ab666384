//! `fragment` of a spec: against scapy's fragments, and against the kernel that puts them together.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::process::Command;

use rawsock::lab::Host;
use support::{RAWSOCK, lab, run, text_of};

fn crafted(expression: &str) -> Vec<String> {
    let output = run(Command::new(RAWSOCK).args(["craft", expression, "--hex", "--seed", "1"]));
    assert!(output.status.success(), "{expression}: {}", text_of(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// What scapy makes of a list of packets.
fn of_scapy(expression: &str) -> Vec<String> {
    let script = format!("from scapy.all import *\nfor packet in {expression}: print(bytes(packet).hex())\n");
    let output = run(Command::new("python3").args(["-c", &script]));
    assert!(output.status.success(), "{expression}: {}", text_of(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// scapy counts the payload of an IPv4 fragment, and the whole of an IPv6 one.
#[test]
fn fragments_are_those_of_scapy() {
    let v4 =
        "ip(src=10.0.0.1, dst=10.0.0.2, id=7, ttl=9, dsfield=4)/udp(srcport=5, dstport=6)/data(pattern=1400)";
    let v6 = "ipv6(src=fe80::1, dst=fe80::2, flow=7)/ipv6.fraghdr(ident=9)/udp(srcport=5, dstport=6)/data(pattern=1400)";
    let payload = "Raw(bytes(range(256)) * 5 + bytes(range(120)))";
    for (size, fragsize) in [(576, 552), (1000, 976), (100, 80), (1428, 1408), (1427, 1400)] {
        let made = crafted(&format!("{v4}, fragment={{size={size}}}"));
        let scapy = format!(
            "fragment(IP(src='10.0.0.1', dst='10.0.0.2', id=7, ttl=9, tos=4)/UDP(sport=5, dport=6)/{payload}, fragsize={fragsize})"
        );
        assert_eq!(made, of_scapy(&scapy), "{size}");
    }
    for size in [1280, 576, 100] {
        let made = crafted(&format!("{v6}, fragment={{size={size}}}"));
        let scapy = format!(
            "fragment6(IPv6(src='fe80::1', dst='fe80::2', fl=7)/IPv6ExtHdrFragment(id=9)/UDP(sport=5, dport=6)/{payload}, {size})"
        );
        assert_eq!(made, of_scapy(&scapy), "{size}");
    }
}

#[test]
fn orders_and_overlaps_are_as_written() {
    let packet = "ip(src=10.0.0.1, dst=10.0.0.2, id=7)/data(pattern=100)";
    let forward = crafted(&format!("{packet}, fragment={{size=52}}"));
    assert_eq!(forward.len(), 4);
    let mut reverse = crafted(&format!("{packet}, fragment={{size=52, order=reverse}}"));
    reverse.reverse();
    assert_eq!(reverse, forward);
    let mut shuffled = crafted(&format!("{packet}, fragment={{size=52, order=random}}, repeat=20"));
    assert_eq!(shuffled.len(), 80);
    let first: Vec<&String> = shuffled.iter().step_by(4).collect();
    assert!(forward.iter().all(|fragment| first.contains(&fragment)), "each may be the first");
    shuffled.sort();
    shuffled.dedup();
    let mut sorted = forward.clone();
    sorted.sort();
    assert_eq!(shuffled, sorted);
    // Offsets are in units of 8: each begins one before the end of the one before it.
    let overlapping = crafted(&format!("{packet}, fragment={{size=52, overlap=8}}"));
    let offsets: Vec<&str> = overlapping.iter().map(|octets| octets.get(12..16).unwrap()).collect();
    assert_eq!(offsets, ["2000", "2003", "2006", "0009"]);
    let payloads: Vec<&str> = overlapping.iter().map(|octets| octets.get(40..).unwrap()).collect();
    assert_eq!(payloads[1].get(..16), payloads[0].get(48..64), "the same octets twice");
}

#[test]
fn what_only_the_first_fragment_has_and_what_all_have() {
    let options = "ip(id=7, options=[rr={ptr=4, addresses=['0.0.0.0']}, router_alert])/data(zeros=64)";
    let made = crafted(&format!("{options}, fragment={{size=64}}"));
    // Record route is not copied, router alert is (RFC 791 §3.1).
    assert!(made[0].get(40..).unwrap().starts_with("07070400000000940400000000"), "{made:?}");
    assert_eq!((made[1].get(..2), made[1].get(40..48)), (Some("46"), Some("94040000")));
    // Of a packet that is a fragment itself, the last one is not the end.
    let made = crafted("ip(flags.mf, frag_offset=10, proto=udp)/data(zeros=32), fragment={size=36}");
    let words: Vec<&str> = made.iter().map(|octets| octets.get(12..16).unwrap()).collect();
    assert_eq!(words, ["200a", "200c"]);
    // Destination options are in each only before a routing header (RFC 8200 §4.5).
    let chain = "ipv6()/ipv6.hopopts(options=[padn=4])/ipv6.dstopts(options=[padn=4])/udp()/data(zeros=100)";
    let made = crafted(&format!("{chain}, fragment={{size=104}}"));
    assert!(made.iter().all(|octets| octets.get(12..14) == Some("00") && octets.get(80..82) == Some("2c")));
    assert_eq!(made[0].get(96..98), Some("3c"), "{}", made[0]);
    // Small enough: whole; of IPv6, whole in a fragment header.
    assert_eq!(crafted("ip()/udp(), fragment={size=576}"), crafted("ip()/udp()"));
    assert_eq!(
        crafted("ipv6()/ipv6.fraghdr(ident=5)/udp(), fragment={size=1280}"),
        crafted("ipv6()/ipv6.fraghdr(ident=5)/udp()")
    );
    // Frames keep their link, and a spec of a fragment is that fragment.
    let made = crafted("eth()/ip()/udp()/data(zeros=100), fragment={size=100}");
    assert!(made.len() == 2 && made.iter().all(|octets| octets.get(24..28) == Some("0800")));
}

#[test]
fn the_kernel_puts_fragments_together() {
    let Some(lab) = lab() else { return };
    let send = |arguments: &[&str]| {
        text_of(&run(lab.command(Host::Client, RAWSOCK).arg("send").args(arguments).args(["-W", "1"])))
    };
    for via in ["ip", "link"] {
        for order in ["forward", "reverse", "random"] {
            for packet in [
                "ip(dst=10.77.2.2)/icmp(seq=3)/data(pattern=1300)",
                "ipv6(dst=fd77:2::2)/icmpv6/data(pattern=1300)",
            ] {
                let spec = format!("{packet}, fragment={{size=576, order={order}}}");
                let said = send(&[&spec, "--via", via]);
                assert!(said.contains("3 sent, 1 answered"), "{via} {spec}: {said}");
            }
        }
    }
    // Linux drops fragments that overlap (RFC 5722 §4).
    let said = send(&["ip(dst=10.77.2.2)/icmp()/data(pattern=1300), fragment={size=576, overlap=8}"]);
    assert!(said.contains("3 sent, 0 answered"), "{said}");
}

#[test]
fn what_is_saved_has_all_fragments_and_tshark_puts_them_together() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fragments.pcapng");
    for packet in
        ["ip(dst=10.77.2.2)/icmp()/data(pattern=1300)", "ipv6(dst=fd77:2::2)/icmpv6/data(pattern=1300)"]
    {
        let spec = format!("{packet}, fragment={{size=576, order=reverse}}");
        let said = run(lab.command(Host::Client, RAWSOCK).arg("send").args([&spec, "-w"]).arg(&path));
        assert!(text_of(&said).contains("3 sent, 1 answered"), "{}", text_of(&said));
        let fields = [
            "-T",
            "fields",
            "-e",
            "_ws.col.Info",
            "-e",
            "ip.reassembled.length",
            "-e",
            "ipv6.reassembled.length",
        ];
        let seen = run(Command::new("tshark").arg("-r").arg(&path).args(fields));
        let seen = String::from_utf8(seen.stdout).unwrap();
        let fragments = seen.lines().filter(|line| line.to_lowercase().contains("fragment")).count();
        assert!(fragments >= 2, "{seen}");
        assert!(seen.contains("\t1308"), "{seen}");
    }
}

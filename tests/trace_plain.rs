//! `rawsock trace --plain`: the way to a host by plain sockets, without any right.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::process::Output;

use serde_json::Value;
use support::chain::Chain;
use support::{RAWSOCK, run, text_of};

/// Runs a trace on the client with no capability at all.
fn without_rights(chain: &Chain, arguments: &[&str]) -> Output {
    let mut command = chain.command(0, "setpriv");
    command.args(["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"]);
    run(command.args([RAWSOCK, "trace"]).args(arguments))
}

fn objects(chain: &Chain, arguments: &[&str]) -> Vec<Value> {
    let output = without_rights(chain, &[&["--plain", "--json"], arguments].concat());
    let objects = support::objects(&output);
    assert!(!objects.is_empty(), "{}", text_of(&output));
    objects
}

/// Who answered at each hop, and how.
fn way(objects: &[Value]) -> Vec<(&str, &str)> {
    let hops = objects.iter().filter(|object| object["event"] == "hop");
    let first = hops.map(|hop| &hop["probes"][0]);
    first.map(|probe| (probe["from"].as_str().unwrap_or("*"), probe["answer"].as_str().unwrap())).collect()
}

#[test]
fn the_way_is_found_without_any_right() {
    let Some(chain) = Chain::of(4) else { return };
    let raw = without_rights(&chain, &["10.9.4.2"]);
    assert_eq!(raw.status.code(), Some(2), "rights are left: {}", text_of(&raw));
    assert!(text_of(&raw).contains("or do without: `rawsock trace --plain`"), "{}", text_of(&raw));
    for (address, routers) in [
        ("10.9.4.2", ["10.9.1.2", "10.9.2.2", "10.9.3.2", "10.9.4.2"]),
        ("fd09:4::2", ["fd09:1::2", "fd09:2::2", "fd09:3::2", "fd09:4::2"]),
    ] {
        // Times are from the call on, so that finding neighbours would be part of the first ones.
        without_rights(&chain, &["--plain", address]);
        for (method, last) in [("-U", "port_unreachable"), ("-T", "reset")] {
            let objects = objects(&chain, &[method, address]);
            let kinds = ["time_exceeded", "time_exceeded", "time_exceeded", last];
            let expected: Vec<_> = routers.into_iter().zip(kinds).collect();
            assert_eq!(way(&objects), expected, "{method} {address}: {objects:?}");
            for hop in objects.iter().filter(|object| object["event"] == "hop") {
                // Errors come with what is left of 64; with what a segment came nobody tells.
                let ttl = hop["hop"].as_u64().map(|hop| 65 - hop);
                for probe in hop["probes"].as_array().unwrap() {
                    assert_eq!(probe["ttl"].as_u64(), ttl.filter(|_| probe["answer"] != "reset"), "{probe}");
                    assert!((1..1_000_000_000).contains(&probe["rtt_ns"].as_u64().unwrap()), "{hop}");
                }
                assert_eq!(hop["changes"], serde_json::json!([]));
            }
            assert_eq!(objects.last().unwrap()["reached"], true);
        }
    }
}

#[test]
fn an_open_port_is_connected_to_and_what_ends_the_way_is_told() {
    let Some(chain) = Chain::of(3) else { return };
    let mut server = chain.command(3, "python3");
    server.args([
        "-c",
        "import socket, sys\ns = socket.create_server(('', 8080))\nprint(1, flush=True)\nsys.stdin.read()",
    ]);
    let mut server =
        server.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Read::read_exact(server.stdout.as_mut().unwrap(), &mut [0; 1]).unwrap();
    let text = text_of(&without_rights(&chain, &["--plain", "-T", "-p", "8080", "10.9.3.2"]));
    drop(server.stdin.take());
    server.wait().unwrap();
    assert!(text.ends_with("\n    port 8080 is open\n"), "{text}");
    chain.rules(2, "ip", "forward", "reject with icmp type admin-prohibited");
    for method in ["-U", "-T"] {
        let output = without_rights(&chain, &["--plain", method, "10.9.3.2"]);
        assert!(text_of(&output).contains(" ms !X"), "{method}: {}", text_of(&output));
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn silence_is_stars_and_rounds_work_too() {
    let Some(chain) = Chain::of(4) else { return };
    chain.rules(2, "ip", "output", "icmp type time-exceeded drop");
    for method in ["-U", "-T"] {
        let objects = objects(&chain, &[method, "10.9.4.2"]);
        let routers: Vec<_> = way(&objects).into_iter().map(|(router, _)| router).collect();
        assert_eq!(routers, ["10.9.1.2", "*", "10.9.3.2", "10.9.4.2"], "{method}");
    }
    let objects = objects(&chain, &["-c", "3", "--interval", "0.2", "10.9.4.2"]);
    let hops: Vec<_> = objects.iter().filter(|object| object["event"] == "report_hop").collect();
    assert_eq!((hops.len(), &hops[3]["answered"]), (4, &3.into()), "{objects:?}");
}

#[test]
fn a_datagram_service_that_answers_is_reached() {
    let Some(chain) = Chain::of(2) else { return };
    let program = "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(('', 5353))\n\
                   print(1, flush=True)\nfor _ in range(3):\n data, peer = s.recvfrom(2000)\n s.sendto(b'hello', peer)";
    let mut server = chain.command(2, "python3");
    let mut server = server.args(["-c", program]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Read::read_exact(server.stdout.as_mut().unwrap(), &mut [0; 1]).unwrap();
    let objects = objects(&chain, &["-p", "5353", "-q", "1", "10.9.2.2"]);
    let _ = server.kill();
    server.wait().unwrap();
    assert_eq!(way(&objects)[1], ("10.9.2.2", "data"), "{objects:?}");
}

/// The kernel looks for it for three seconds (arp(7)).
#[test]
fn a_host_that_is_not_on_the_link_is_told() {
    let Some(chain) = Chain::of(1) else { return };
    for method in ["-U", "-T"] {
        let text = text_of(&without_rights(&chain, &["--plain", method, "10.9.1.77"]));
        assert!(text.contains("\n 1  10.9.1.1  ") && text.contains(" ms !H\n"), "{method}: {text}");
        assert!(!text.contains('*'), "{method}: {text}");
    }
}

#[test]
fn a_broadcast_address_is_not_traced() {
    let Some(chain) = Chain::of(1) else { return };
    for arguments in [
        &["10.9.1.255"][..],
        &["255.255.255.255", "-i", "right"],
        &["-I", "--paths", "10.9.1.255"],
        &["--plain", "10.9.1.255"],
    ] {
        let output = chain.trace(&[&["-m", "2"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text_of(&output));
        let words = "is a broadcast address, which all hosts of a network hear";
        assert!(text_of(&output).contains(words), "{arguments:?}: {}", text_of(&output));
    }
}

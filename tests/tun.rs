//! `--via tun`: this program as a host of its own, with the kernel beside it as the peer.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};

use support::{RAWSOCK, on_client, run, skip_or_fail, text_of};

fn rawsock(arguments: &[&str]) -> Output {
    run(Command::new(RAWSOCK).args(arguments))
}

/// Whether there is the device: containers may be without.
fn has_tun() -> bool {
    let is_there = std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun").is_ok();
    if !is_there {
        skip_or_fail("/dev/net/tun cannot be opened");
    }
    is_there
}

#[test]
fn the_kernel_answers_echoes_and_says_which_ports_are_closed() {
    if !on_client("the_kernel_answers_echoes_and_says_which_ports_are_closed") || !has_tun() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tun.pcapng");
    let echo = "ip(dst=10.99.0.1, id=0)/icmp(seq=1..3)/\"hi\"";
    let output = rawsock(&["send", "--via", "tun", echo, "-w", file.to_str().unwrap()]);
    assert!(text_of(&output).contains("3 sent, 3 answered"), "{}", text_of(&output));
    assert!(text_of(&output).contains("IP 10.99.0.2 > 10.99.0.1: ICMP echo request"), "{}", text_of(&output));
    // Every bit goes as written, so that the kernel changes nothing that would be told.
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let fields = ["-T", "fields", "-e", "ip.src", "-e", "ip.id", "-e", "frame.interface_name"];
    let read = run(Command::new("tshark").arg("-r").arg(&file).args(fields));
    let lines = String::from_utf8(read.stdout).unwrap();
    let sent = lines.lines().filter(|line| *line == "10.99.0.2\t0x0000\trawsock0").count();
    assert_eq!((sent, lines.lines().count()), (3, 6), "{lines}");
    let six = rawsock(&["send", "--via", "tun", "ipv6(dst=fd99::1)/icmpv6/\"hi\""]);
    assert!(text_of(&six).contains("IP6 fd99::1 > fd99::2: ICMP6, echo reply"), "{}", text_of(&six));
    let closed = "ip(dst=192.0.2.9)/udp(dstport=9)/\"x\"";
    let closed = rawsock(&["send", "--via", "tun", "--tun-address", "192.0.2.9/29", closed]);
    assert!(text_of(&closed).contains("IP 192.0.2.9 > 192.0.2.10: ICMP 192.0.2.9 udp port 9 unreachable"));
    let links = text_of(&run(Command::new("ip").arg("link")));
    assert!(!links.contains("rawsock"), "the interface is gone: {links}");
}

#[test]
fn a_connection_to_a_server_needs_no_rule_about_resets() {
    if !on_client("a_connection_to_a_server_needs_no_rule_about_resets") || !has_tun() {
        return;
    }
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, peer) = listener.accept().unwrap();
        let mut said = Vec::new();
        let mut buffer = [0; 100];
        while !said.ends_with(b"hello") {
            let len = stream.read(&mut buffer).unwrap();
            said.extend_from_slice(&buffer[..len]);
        }
        stream.write_all(&said).unwrap();
        // Up to the end that the other side says.
        let rest = stream.read_to_end(&mut Vec::new()).unwrap();
        (peer, said, rest)
    });
    let spec = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/scenarios/handshake.toml");
    let port = format!("port={port}");
    let arguments = ["test", spec, "--via", "tun", "--set", "server=10.99.0.1", "--set", &port];
    let output = rawsock(&[&arguments[..], &["--filter", "opened, used", "--seed", "1"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "no rule is made");
    let (peer, said, rest) = server.join().unwrap();
    assert_eq!(
        (peer.ip().to_string().as_str(), said.as_slice(), rest),
        ("10.99.0.2", b"hello".as_slice(), 0)
    );
}

#[test]
fn what_does_not_go_with_it_is_told() {
    for (arguments, words) in [
        (&["eth()/ip(dst=10.99.0.1)"][..], "begin this one with `ip` or `ipv6`, not with `eth`"),
        (&["ip(dst=10.99.0.1)", "--top-speed"][..], "leave `--interface`, `--dry-run`, `--top-speed`"),
        (&["ip(dst=10.99.0.1)", "-i", "lo"][..], "makes an interface of its own"),
        (&["ip(dst=10.99.0.1)", "--tun-address", "10.0.0.1"][..], "such as 10.99.0.1/24"),
        (&["ip(dst=10.99.0.1)", "--tun-address", "10.0.0.1/32"][..], "the network's length is 1 to 31"),
    ] {
        let output = rawsock(&[&["send", "--via", "tun"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text_of(&output));
        assert!(text_of(&output).contains(words), "{arguments:?}: {}", text_of(&output));
    }
}

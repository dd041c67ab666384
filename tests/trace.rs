//! `rawsock trace` over a chain of network namespaces, beside traceroute.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::collections::HashSet;
use std::io::Read;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::chain::Chain;
use support::{RAWSOCK, run, text_of};

/// A text with each time as `#`.
fn without_times(text: &str) -> String {
    let word = |word: &str| match word.parse::<f64>() {
        Ok(_) if word.contains('.') => "#".to_owned(),
        _ => word.to_owned(),
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The objects of a trace with `--json`.
fn objects(chain: &Chain, arguments: &[&str]) -> Vec<Value> {
    support::objects(&chain.trace(&[&["--json"], arguments].concat()))
}

/// What a trace found changed, with the hop.
fn changes(chain: &Chain, arguments: &[&str]) -> Vec<(u64, String, Value, Value)> {
    let mut found = Vec::new();
    for object in objects(chain, arguments).iter().filter(|object| object["event"] == "hop") {
        for change in object["changes"].as_array().unwrap() {
            let hop = object["hop"].as_u64().unwrap();
            let field = change["field"].as_str().unwrap().to_owned();
            found.push((hop, field, change["sent"].clone(), change["quoted"].clone()));
        }
    }
    found
}

#[test]
fn lines_are_those_of_traceroute() {
    let Some(chain) = Chain::of(5) else { return };
    let cases: &[(&[&str], &[&str])] = &[
        // Ours keeps the port, theirs does only with `-U -p`.
        (&["10.9.5.2"], &["10.9.5.2"]),
        (&["-U", "-p", "33434", "10.9.5.2"], &["-U", "-p", "33434", "10.9.5.2"]),
        (&["-I", "10.9.5.2"], &["-I", "10.9.5.2"]),
        (&["-T", "10.9.5.2"], &["-T", "10.9.5.2"]),
        (&["-6", "fd09:5::2"], &["-6", "fd09:5::2"]),
        (&["-I", "fd09:5::2"], &["-I", "fd09:5::2"]),
        (&["-T", "-p", "443", "fd09:5::2"], &["-T", "-p", "443", "fd09:5::2"]),
        (&["-q", "1", "10.9.1.2"], &["-q", "1", "10.9.1.2"]),
        (&["-q2", "-f2", "-m4", "-N1", "10.9.3.2"], &["-q2", "-f2", "-m4", "-N1", "10.9.3.2"]),
        (&["-m3", "10.9.5.2"], &["-m3", "10.9.5.2"]),
        (&["10.9.5.2", "1000"], &["10.9.5.2", "1000"]),
        (&["-I", "-s", "10.9.1.1", "-i", "right", "fd09:5::2"], &[]),
        (&["-s", "10.9.1.1", "-i", "right", "10.9.5.2"], &["-s", "10.9.1.1", "-i", "right", "10.9.5.2"]),
        (&["127.0.0.1"], &["127.0.0.1"]),
        (&["::1"], &["::1"]),
    ];
    for (ours, theirs) in cases {
        let output = chain.trace(ours);
        if theirs.is_empty() {
            assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
            continue;
        }
        let told = stdout(&run(chain.command(0, "traceroute").args(["-n", "-w", "5,0,0"]).args(*theirs)));
        let printed = without_times(&stdout(&output));
        // What traceroute does not tell stands on lines of its own, further in.
        let lines: Vec<_> = printed.lines().filter(|line| !line.starts_with("    ")).collect();
        assert_eq!(lines.join("\n"), without_times(&told), "{ours:?}: {}", text_of(&output));
        assert_eq!(output.status.code(), Some(if ours.contains(&"-m3") { 1 } else { 0 }), "{ours:?}");
    }
}

#[test]
fn what_ends_the_way_is_marked_as_traceroute_marks_it() {
    for (v6, reject, mark) in [
        (false, "with icmp type net-unreachable", "!N"),
        (false, "with icmp type host-unreachable", "!H"),
        (false, "with icmp type prot-unreachable", "!P"),
        (false, "with icmp type admin-prohibited", "!X"),
        (false, "with icmp type net-prohibited", "!X"),
        (false, "with icmp type host-prohibited", "!X"),
        (true, "with icmpv6 type no-route", "!N"),
        (true, "with icmpv6 type admin-prohibited", "!X"),
        (true, "with icmpv6 type addr-unreachable", "!H"),
    ] {
        let Some(chain) = Chain::of(3) else { return };
        let (family, address) = if v6 { ("ip6", "fd09:3::2") } else { ("ip", "10.9.3.2") };
        chain.rules(2, family, "forward", &format!("reject {reject}"));
        let ours = chain.trace(&[address]);
        let theirs = run(chain.command(0, "traceroute").args(["-n", address]));
        assert_eq!(without_times(&stdout(&ours)), without_times(&stdout(&theirs)), "{reject}");
        assert!(stdout(&ours).contains(&format!(" ms {mark}")), "{}", text_of(&ours));
        assert_eq!(ours.status.code(), Some(1), "{reject}");
    }
}

#[test]
fn a_packet_that_is_too_large_tells_the_mtu() {
    let Some(chain) = Chain::of(3) else { return };
    assert!(run(chain.command(1, "ip").args(["link", "set", "right", "mtu", "1300"])).status.success());
    let told = |arguments: &[&str]| {
        let objects = objects(&chain, arguments);
        let answer = &objects[1]["probes"][0];
        (answer["mark"].clone(), answer["mtu"].clone(), objects.last().unwrap()["reached"].clone())
    };
    let too_large = ("!F-1300".into(), 1300.into(), false.into());
    // Once more: what the kernel learned by the first does not keep it from sending the second.
    assert_eq!(told(&["-q1", "fd09:3::2", "1400"]), too_large);
    assert_eq!(told(&["-q1", "fd09:3::2", "1400"]), too_large);
    assert_eq!(told(&["-q1", "-F", "10.9.3.2", "1400"]), too_large);
    assert_eq!(told(&["-q1", "10.9.3.2", "1400"]), (Value::Null, Value::Null, true.into()), "it is cut");
    let line = |program: &[&str]| {
        let output = run(chain.command(0, program[0]).args(&program[1..]));
        without_times(&stdout(&output)).lines().nth(2).unwrap_or_default().to_owned()
    };
    let ours = line(&[RAWSOCK, "trace", "-F", "-q1", "10.9.3.2", "1400"]);
    assert_eq!(ours, line(&["traceroute", "-n", "-F", "-q1", "10.9.3.2", "1400"]));
}

#[test]
fn a_silent_hop_is_stars_and_holds_nothing_up() {
    let Some(chain) = Chain::of(5) else { return };
    chain.rules(3, "ip", "output", "icmp type time-exceeded drop");
    chain.rules(3, "ip6", "output", "icmpv6 type time-exceeded drop");
    for (arguments, beyond) in [
        (["-U", "10.9.5.2"], "10.9.4.2"),
        (["-I", "10.9.5.2"], "10.9.4.2"),
        (["-T", "fd09:5::2"], "fd09:4::2"),
    ] {
        let began = Instant::now();
        let output = chain.trace(&arguments);
        let text = stdout(&output);
        assert!(text.contains(&format!("\n 3  * * *\n 4  {beyond}  ")), "{text}");
        assert_eq!(output.status.code(), Some(0));
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    }
}

#[test]
fn the_hop_where_a_field_is_rewritten_is_named() {
    for (v6, family) in [(false, "ip"), (true, "ip6")] {
        let Some(chain) = Chain::of(4) else { return };
        let address = if v6 { "fd09:4::2" } else { "10.9.4.2" };
        // On its way out of the first router, and on its way into the third one.
        chain.rules(1, family, "postrouting", &format!("{family} dscp set 0"));
        chain.rules(3, family, "prerouting", "tcp option maxseg size set 1200");
        let text = stdout(&chain.trace(&["-T", "-t", "0xb8", address]));
        let dscp = if v6 { "ipv6.tclass 184 -> 0" } else { "ip.dsfield.dscp 46 -> 0" };
        let mss = if v6 { 1440 } else { 1460 };
        let lines: Vec<_> = text.lines().collect();
        let place = |words: &str| lines.iter().position(|line| line.starts_with(words));
        let told = place(&format!("    {dscp} before this hop"));
        assert_eq!(told, place(" 2 ").map(|line| line + 1), "{text}");
        let told = place(&format!("    tcp.options.mss {mss} -> 1200 before this hop"));
        assert_eq!(told, place(" 3 ").map(|line| line + 1), "{text}");
        assert_eq!(text.matches("before this hop").count(), 2, "each is told once: {text}");
    }
}

#[test]
fn a_time_to_live_that_grows_is_told() {
    for (v6, family) in [(false, "ip"), (true, "ip6")] {
        let Some(chain) = Chain::of(4) else { return };
        let (address, rule) =
            if v6 { ("fd09:4::2", "ip6 hoplimit set 64") } else { ("10.9.4.2", "ip ttl set 64") };
        // Neighbours are found by ICMPv6, which must keep its own.
        let rule = format!("meta l4proto {{ tcp, udp }} {rule}");
        chain.rules(2, family, "prerouting", &rule);
        // Set at the second router, one taken there and one at the third.
        let field = if v6 { "ipv6.hlim" } else { "ip.ttl" };
        for method in ["-U", "-I", "-T"] {
            let found = changes(&chain, &[method, "-m", "3", address]);
            // The destination's own answers quote nothing; those of a closed port do.
            let expected = [(2, field.to_owned(), 2.into(), 62.into())];
            assert_eq!(found, if method == "-U" { &expected[..] } else { &[] }, "{method} {address}");
        }
    }
}

#[test]
fn a_mapped_address_and_port_are_found_in_what_hops_quote() {
    let Some(chain) = Chain::of(4) else { return };
    // Without a memory of connections: those that have one put the quotations of errors right.
    chain.rules(
        2,
        "ip",
        "prerouting",
        "ip daddr 10.9.66.6 udp dport 33434 ip daddr set 10.9.4.2 udp dport set 5000",
    );
    let mut found = changes(&chain, &["10.9.66.6"]);
    found.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let expected = [
        (2, "ip.dst".to_owned(), "10.9.66.6".into(), "10.9.4.2".into()),
        (2, "udp.dstport".to_owned(), 33_434.into(), 5000.into()),
    ];
    assert_eq!(found, expected);
}

#[test]
fn nothing_is_found_where_nothing_is_changed() {
    let Some(chain) = Chain::of(3) else { return };
    for method in ["-I", "-U", "-T"] {
        for address in ["10.9.3.2", "fd09:3::2"] {
            assert_eq!(changes(&chain, &[method, "-t", "0xb8", address]), [], "{method} {address}");
        }
    }
}

/// The states of TCP connections on a host, but for listening sockets.
fn connections(chain: &Chain, host: usize) -> String {
    stdout(&run(chain.command(host, "ss").args([
        "-H",
        "-tan",
        "state",
        "connected",
        "exclude",
        "established",
    ])))
}

/// A server on a host of the chain, until its standard input is closed.
fn serve(chain: &Chain, host: usize, program: &str) -> Child {
    let mut command = chain.command(host, "python3");
    let command = command.args(["-c", &format!("import socket, sys, threading\n{program}")]);
    let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = [0; 6];
    server.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    server
}

fn end(mut server: Child) {
    drop(server.stdin.take());
    server.wait().unwrap();
}

/// Listens on TCP port 8080.
const LISTEN: &str = "s = socket.create_server(('::', 8080), family=socket.AF_INET6, dualstack_ipv6=True)\n\
                      print('ready', flush=True)\n\
                      sys.stdin.read()";

#[test]
fn an_open_port_is_open_and_stays_without_half_open_connections() {
    let Some(chain) = Chain::of(3) else { return };
    let server = serve(&chain, 3, LISTEN);
    for address in ["10.9.3.2", "fd09:3::2"] {
        for (port, state) in [("8080", "open"), ("8081", "closed")] {
            let output = chain.trace(&["-T", "-p", port, address]);
            let text = stdout(&output);
            assert!(text.ends_with(&format!("\n    port {port} is {state}\n")), "{text}");
            assert_eq!(output.status.code(), Some(0));
        }
        assert_eq!(connections(&chain, 3), "", "{address}");
    }
    end(server);
}

#[test]
fn a_syn_that_meets_the_half_open_connection_of_another_is_answered_too() {
    let Some(chain) = Chain::of(2) else { return };
    let server = serve(&chain, 2, LISTEN);
    // As on a long way: the next SYN comes before the reset.
    chain.rules(0, "ip", "output", "tcp flags & rst == rst drop");
    let objects = objects(&chain, &["-T", "-p", "8080", "10.9.2.2"]);
    let said: Vec<_> =
        objects[1]["probes"].as_array().unwrap().iter().map(|answer| &answer["answer"]).collect();
    assert_eq!(said, ["syn_ack", "reset", "syn_ack"], "{objects:?}");
    assert_eq!(objects[1]["port_state"], "open");
    end(server);
}

#[test]
fn a_udp_service_that_answers_is_reached() {
    let Some(chain) = Chain::of(3) else { return };
    // Over IPv6 it sends back what it got, which says which probe that was.
    let program = "s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)\n\
                   s.bind(('::', 5353))\n\
                   def answer():\n\
                   \x20   while True:\n\
                   \x20       data, peer = s.recvfrom(2000)\n\
                   \x20       s.sendto(data if peer[0].startswith('fd09') else b'hello', peer)\n\
                   threading.Thread(target=answer, daemon=True).start()\n\
                   print('ready', flush=True)\n\
                   sys.stdin.read()";
    let server = serve(&chain, 3, program);
    for address in ["10.9.3.2", "fd09:3::2"] {
        let objects = objects(&chain, &["-p", "5353", address]);
        let hop = &objects[2];
        assert_eq!((&hop["hop"], &hop["probes"][0]["answer"]), (&3.into(), &"data".into()), "{objects:?}");
        assert_eq!(objects.last().unwrap()["reached"], true);
    }
    end(server);
}

/// A router that says more than the kernel does: it answers probes that end at it with an extension of two objects, an MPLS stack
/// of two labels (RFC 4950) and one of another class. Octets are those of RFC 791, RFC 792 and RFC 4884 §7.
const LABELLING_ROUTER: &str = "\
def checksum(octets):\n\
\x20   total = sum(int.from_bytes(octets[at:at + 2].ljust(2, b'\\0'), 'big') for at in range(0, len(octets), 2))\n\
\x20   while total > 0xffff: total = (total & 0xffff) + (total >> 16)\n\
\x20   return (0xffff - total).to_bytes(2, 'big')\n\
def label(label, exp, bottom, ttl): return (label << 12 | exp << 9 | bottom << 8 | ttl).to_bytes(4, 'big')\n\
objects = bytes([0, 12, 1, 1]) + label(16001, 5, 0, 1) + label(299776, 0, 1, 254) + bytes([0, 8, 7, 9, 1, 2, 3, 4])\n\
extension = bytes([0x20, 0]) + checksum(bytes([0x20, 0, 0, 0]) + objects) + objects\n\
def answer():\n\
\x20   link = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800))\n\
\x20   link.bind(('left', 0x800))\n\
\x20   print('ready', flush=True)\n\
\x20   while True:\n\
\x20       packet, sender = link.recvfrom(2000)\n\
\x20       if packet[8] != 1 or packet[16:20] != bytes([10, 9, 2, 2]): continue\n\
\x20       message = bytes([11, 0, 0, 0, 0, 32, 0, 0]) + packet.ljust(128, b'\\0') + extension\n\
\x20       message = message[:2] + checksum(message) + message[4:]\n\
\x20       header = bytes([0x45, 0, 0, 20 + len(message), 0, 0, 0, 0, 64, 1, 0, 0, 10, 9, 1, 2]) + packet[12:16]\n\
\x20       header = header[:10] + checksum(header) + header[12:]\n\
\x20       link.sendto(header + message, ('left', 0x800, 0, 0, sender[4]))\n\
threading.Thread(target=answer, daemon=True).start()\n\
sys.stdin.read()";

#[test]
fn labels_and_other_extensions_are_told_as_traceroute_tells_them() {
    let Some(chain) = Chain::of(2) else { return };
    chain.rules(1, "ip", "output", "icmp type time-exceeded drop");
    let router = serve(&chain, 1, LABELLING_ROUTER);
    for method in ["-U", "-I", "-T"] {
        let ours = chain.trace(&[method, "10.9.2.2"]);
        let mut theirs = chain.command(0, "traceroute");
        let theirs = stdout(&run(theirs.args(["-n", "-e", "-w", "5,0,0", method, "10.9.2.2"])));
        let printed = without_times(&stdout(&ours));
        let lines: Vec<_> = printed.lines().filter(|line| !line.starts_with("    ")).collect();
        assert_eq!(lines.join("\n"), without_times(&theirs), "{method}");
        assert!(printed.contains("MPLS:L=16001,E=5,S=0,T=1/L=299776,E=0,S=1,T=254"), "{printed}");
    }
    let objects = objects(&chain, &["-q1", "10.9.2.2"]);
    let extensions = &objects[0]["probes"][0]["extensions"];
    assert_eq!(
        extensions[0]["mpls"][1],
        serde_json::json!({"label": 299_776, "exp": 0, "s": true, "ttl": 254})
    );
    assert_eq!(extensions[1], serde_json::json!({"class": 7, "ctype": 9, "data": "01020304"}));
    end(router);
}

#[test]
fn json_tells_all_and_the_file_has_all() {
    let Some(chain) = Chain::of(3) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("way.pcapng");
    let path = file.to_str().unwrap();
    let objects = objects(&chain, &["-w", path, "-q2", "-m3", "10.9.3.2"]);
    let kinds: Vec<_> = objects.iter().map(|object| object["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["hop", "hop", "hop", "summary"]);
    for (object, from) in objects.iter().zip(["10.9.1.2", "10.9.2.2", "10.9.3.2"]) {
        for answer in object["probes"].as_array().unwrap() {
            assert_eq!(answer["from"], from);
            // A second is more than any of this takes, and a stamp of another clock would be more.
            assert!((1..1_000_000_000).contains(&answer["rtt_ns"].as_u64().unwrap()), "{answer}");
        }
    }
    assert_eq!(objects[2]["probes"][0]["answer"], "port_unreachable");
    let summary = &objects[3];
    assert_eq!(
        (&summary["reached"], &summary["hops"], &summary["sent"]),
        (&true.into(), &3.into(), &6.into())
    );
    let count = |filter: &str| support::capture::tshark(&file, filter);
    assert_eq!(count("udp.dstport == 33434 and not icmp"), 6);
    assert_eq!(count("icmp.type == 11"), 4);
    assert_eq!(count("icmp.type == 3 and icmp.code == 3"), 2);
    assert_eq!(count("not udp"), 0, "nothing else");
    // What came of each stands beside it.
    assert_eq!(count("frame.comment contains \"time exceeded from 10.9.2.2\""), 4);
    assert_eq!(count("frame.comment contains \"time exceeded from 10.9.2.2 after \""), 2);
    assert_eq!(count("frame.comment contains \"hop 3, probe 2: port unreachable from 10.9.3.2\""), 2);
    assert_eq!(count("icmp.type == 11 and frame.comment contains \"answers hop 1, probe 1: \""), 1);
    assert_eq!(count("not frame.comment"), 0);
}

/// The names of all members of an object, and of those within it.
fn keys(value: &Value, found: &mut Vec<String>) {
    if let Value::Object(members) = value {
        found.extend(members.keys().cloned());
        members.values().for_each(|member| keys(member, found));
    }
    value.as_array().into_iter().flatten().for_each(|item| keys(item, found));
}

#[test]
fn all_keys_of_json_are_documented() {
    let Some(chain) = Chain::of(2) else { return };
    chain.rules(2, "ip", "input", "tcp dport 81 reject with icmp type admin-prohibited");
    chain.rules(1, "ip", "prerouting", "tcp option maxseg size set 1200");
    let mut found = Vec::new();
    for arguments in [&["-T", "--resolve", "10.9.2.2"][..], &["-T", "-p", "81", "10.9.2.2"]] {
        objects(&chain, arguments).iter().for_each(|object| keys(object, &mut found));
    }
    let documented = include_str!("../docs/JSON.md");
    let section = documented.split("## A hop").nth(1).unwrap().split("## ").next().unwrap();
    let row = documented.lines().find(|line| line.starts_with("| `trace` |")).unwrap();
    for key in &found {
        let word = format!("`{key}`");
        assert!(key == "event" || section.contains(&word) || row.contains(&word), "{key} is not documented");
    }
    for key in ["mark", "port_state", "changes", "quoted", "reached", "rtt_ns", "source_port"] {
        assert!(found.iter().any(|found| found == key), "{key}: {found:?}");
    }
}

#[test]
fn tshark_sees_probes_of_one_flow_with_good_checksums() {
    let Some(chain) = Chain::of(2) else { return };
    let folder = tempfile::tempdir().unwrap();
    // What stays the same in all probes, by what they are made of.
    for (method, address, same) in [
        ("-U", "10.9.2.2", &["udp.srcport", "udp.dstport", "udp.checksum"][..]),
        ("-I", "10.9.2.2", &["icmp.ident", "icmp.checksum"]),
        ("-T", "10.9.2.2", &["tcp.srcport", "tcp.dstport"]),
        ("-U", "fd09:2::2", &["udp.srcport", "udp.dstport", "udp.checksum", "ipv6.flow"]),
        ("-I", "fd09:2::2", &["icmpv6.echo.identifier", "icmpv6.checksum", "ipv6.flow"]),
        ("-T", "fd09:2::2", &["tcp.srcport", "tcp.dstport", "ipv6.flow"]),
    ] {
        let file = folder.path().join(format!("{}{method}.pcapng", address.len()));
        assert_eq!(chain.trace(&[method, "-w", file.to_str().unwrap(), address]).status.code(), Some(0));
        let transport = same[0].split('.').next().unwrap();
        let status = format!("{transport}.checksum.status");
        // Not what errors quote, nor the resets of the kernel.
        let probes = match transport {
            "udp" => "udp and not icmp and not icmpv6",
            "tcp" => "tcp.flags == 2 and not icmp and not icmpv6",
            "icmp" => "icmp.type == 8 and not icmp.type == 11",
            _ => "icmpv6.type == 128 and not icmpv6.type == 3",
        };
        let mut tshark = Command::new("tshark");
        tshark.args([
            "-o",
            "ip.check_checksum:TRUE",
            "-o",
            "tcp.check_checksum:TRUE",
            "-o",
            "udp.check_checksum:TRUE",
        ]);
        tshark.arg("-r").arg(&file).args(["-Y", probes, "-T", "fields", "-e", &status]);
        let text = stdout(&run(tshark.args(same.iter().flat_map(|field| ["-e", *field]))));
        let lines: HashSet<&str> = text.lines().collect();
        assert!(text.lines().count() >= 6, "{method} {address}: {text}");
        assert_eq!(lines.len(), 1, "{method} {address}: {text}");
        assert!(text.starts_with("1\t"), "{method} {address}: {text}");
    }
}

#[test]
fn what_cannot_be_done_says_why() {
    let Some(chain) = Chain::of(1) else { return };
    for (arguments, words) in [
        (&["no-such-host.invalid"][..], "no-such-host.invalid: resolve the name"),
        (&["-s", "10.99.99.99", "10.9.1.2"], "no address of this host"),
        (&["-i", "nosuch0", "10.9.1.2"], "nosuch0"),
        (&["-4", "-s", "fd09:1::1", "10.9.1.2"], "of -s contradict each other"),
        (&["-f", "5", "-m", "4", "10.9.1.2"], "-f 5 is beyond -m 4"),
        (&["-T", "-I", "10.9.1.2"], "cannot be used with"),
        (&["--wait", "soon", "10.9.1.2"], "takes seconds"),
        (&["10.9.1.2", "3000"], "more than the 1500 that the first link takes"),
    ] {
        let output = chain.trace(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text_of(&output));
        assert!(text_of(&output).contains(words), "{arguments:?}: {}", text_of(&output));
    }
    chain.rules(0, "ip", "output", "ip protocol udp drop");
    let output = chain.trace(&["10.9.1.2"]);
    assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
    assert!(text_of(&output).contains("this host's own firewall forbids it"), "{}", text_of(&output));
    // A network without a way out of it.
    let output = run(Command::new("unshare").args(["-Urn", RAWSOCK, "trace", "192.0.2.1"]));
    assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
    assert!(text_of(&output).contains("192.0.2.1: "), "{}", text_of(&output));
}

#[test]
fn an_interrupt_prints_what_is_there() {
    let Some(chain) = Chain::of(3) else { return };
    chain.rules(3, "ip", "input", "drop");
    let mut command = chain.command(0, RAWSOCK);
    let child = command.args(["trace", "-m5", "10.9.3.2"]).stdout(Stdio::piped()).spawn().unwrap();
    support::process_status::waits_for(support::capture::SIGINT, child.id());
    std::thread::sleep(Duration::from_millis(500));
    rawsock::sys::process::send_signal(child.id(), support::capture::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = stdout(&output);
    assert!(text.contains("\n 2  10.9.2.2"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}

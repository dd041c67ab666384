//! `rawsock probe --raw` in the lab: hand-built SYNs beside those of the kernel, answers told apart, nothing half open left.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};

use rawsock::lab::{Host, Lab};
use serde_json::Value;
use support::capture::stamps;
use support::fault::{limited, within};
use support::peer::Peer;
use support::{RAWSOCK, lab, run, text_of};

fn probe(lab: &Lab, arguments: &[&str]) -> Output {
    run(lab.command(Host::Client, RAWSOCK).arg("probe").args(arguments))
}

/// The objects of the event `probe`, by port.
fn told(output: &Output) -> BTreeMap<u64, Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let objects = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let probes = objects.filter(|object| object["event"] == "probe");
    probes.map(|object| (object["port"].as_u64().unwrap(), object)).collect()
}

fn rules(lab: &Lab, host: Host, hook: &str, rules: &str) {
    let table = format!(
        "table inet test {{\n chain c {{\n type filter hook {hook} priority filter\n {rules}\n }}\n }}"
    );
    let output = run(lab.command(host, "nft").arg(table));
    assert!(output.status.success(), "{}", text_of(&output));
}

fn no_rules(lab: &Lab, host: Host) {
    run(lab.command(host, "nft").args(["delete", "table", "inet", "test"]));
}

/// Fields of each packet, by tshark.
fn fields(file: &std::path::Path, filter: &str, names: &[&str]) -> Vec<Vec<String>> {
    let mut command = Command::new("tshark");
    command.args(["-r"]).arg(file).args(["-Y", filter, "-T", "fields", "-E", "separator=|"]);
    names.iter().for_each(|name| {
        command.args(["-e", name]);
    });
    let output = run(&mut command);
    assert!(output.status.success(), "{}", text_of(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect()
}

/// Everything of a SYN but what is random in the kernel's own: identification, ports, number, time stamp, flow label, checksums.
#[test]
fn a_syn_by_hand_looks_as_the_kernels_own() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (server, network) in [("10.77.2.2:7", "ip"), ("[fd77:2::2]:7", "ipv6")] {
        let peer = Peer::listen(&lab, Host::Server, "eth0", &folder, "tcp or ip6");
        for arguments in [&["tcp", server][..], &["tcp", "--raw", server]] {
            let output = probe(&lab, arguments);
            assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
        }
        let file = peer.file();
        let names = match network {
            "ip" => ["ip.len", "ip.dsfield", "ip.flags", "ip.ttl"],
            _ => ["ipv6.plen", "ipv6.tclass", "ipv6.nxt", "ipv6.hlim"],
        };
        let further = [
            "tcp.flags",
            "tcp.window_size_value",
            "tcp.option_kind",
            "tcp.options.mss_val",
            "tcp.options.wscale.shift",
        ];
        let all: Vec<&str> = names.iter().chain(&further).copied().collect();
        let syns = fields(&file, "tcp.flags.syn == 1 && tcp.flags.ack == 0", &all);
        let [kernels, ours] = syns.as_slice() else { panic!("{syns:?}") };
        assert_eq!(kernels, ours, "{network}");
        assert!(kernels[6].starts_with("2,4,8"), "{kernels:?}");
        let wrong = fields(&file, "tcp.checksum.status == 0", &["frame.number"]);
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

/// The settings of the kernel are seen, whatever they are.
#[test]
fn a_kernel_that_is_set_otherwise_is_looked_like_too() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let set = "echo 0 >/proc/sys/net/ipv4/tcp_timestamps; echo 0 >/proc/sys/net/ipv4/tcp_sack;
        echo 1 >/proc/sys/net/ipv4/tcp_ecn; echo 77 >/proc/sys/net/ipv4/ip_default_ttl; ip link set eth0 mtu 1280";
    let output = run(lab.command(Host::Client, "sh").args(["-c", set]));
    assert!(output.status.success(), "{}", text_of(&output));
    let peer = Peer::listen(&lab, Host::Server, "eth0", &folder, "tcp");
    probe(&lab, &["tcp", "10.77.2.2:7"]);
    probe(&lab, &["tcp", "--raw", "10.77.2.2:7"]);
    let names =
        ["ip.ttl", "ip.len", "tcp.flags", "tcp.window_size_value", "tcp.option_kind", "tcp.options.mss_val"];
    let syns = fields(&peer.file(), "tcp.flags.syn == 1 && tcp.flags.ack == 0", &names);
    let [kernels, ours] = syns.as_slice() else { panic!("{syns:?}") };
    assert_eq!(kernels, ours);
    assert_eq!((kernels[0].as_str(), kernels[2].as_str(), kernels[5].as_str()), ("76", "0x00c2", "1240"));
}

/// Segments of loopback are larger than a socket can be told to offer.
#[test]
fn over_loopback_it_is_the_kernels_own_too() {
    let Some(lab) = lab() else { return };
    for (target, mss) in [("127.0.0.1:9", "65495"), ("[::1]:9", "65476")] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lo.pcapng");
        let output = probe(&lab, &["tcp", "--raw", target, "-w", file.to_str().unwrap()]);
        let text = text_of(&output);
        assert!(text.contains("closed (RST-ACK)") && !text.contains("could not be seen"), "{text}");
        let seen = fields(&file, "tcp.flags.syn == 1", &["tcp.options.mss_val", "tcp.options.wscale.shift"]);
        assert_eq!(seen[0][0], mss, "{seen:?}");
        assert!(!seen[0][1].is_empty(), "{seen:?}");
    }
}

#[test]
fn nothing_half_open_stays_behind() {
    let Some(lab) = lab() else { return };
    for server in ["10.77.2.2:7", "[fd77:2::2]:7"] {
        let output = probe(&lab, &["tcp", "--raw", "-c", "5", "-i", "0.01", server, "--json"]);
        assert_eq!(told(&output)[&7]["state"], "open", "{}", text_of(&output));
        let states = run(lab.command(Host::Server, "ss").args(["-tanH"]));
        let states = text_of(&states);
        assert!(!states.contains("SYN-RECV") && !states.contains("ESTAB"), "{states}");
        assert!(states.contains("LISTEN"), "{states}");
    }
}

#[test]
fn answers_are_told_apart() {
    let Some(lab) = lab() else { return };
    let _stamps = stamps();
    rules(
        &lab,
        Host::Router,
        "forward",
        "tcp dport 20 drop
         tcp dport 21 reject with tcp reset
         meta nfproto ipv4 tcp dport 22 reject with icmp admin-prohibited
         meta nfproto ipv6 tcp dport 22 reject with icmpv6 admin-prohibited",
    );
    for server in ["10.77.2.2", "[fd77:2::2]"] {
        let target = format!("{server}:7-8,20-22");
        let output = probe(&lab, &["tcp", "--raw", "--json", "-W", "0.5", &target]);
        let ports = told(&output);
        let state = |port: u64| ports[&port]["state"].as_str().unwrap();
        assert_eq!([7, 8, 20, 21, 22].map(state), ["open", "closed", "no_answer", "closed", "unreachable"]);
        assert_eq!((&ports[&7]["flags"], &ports[&8]["flags"]), (&"S.".into(), &"R.".into()));
        // The server is behind the router, which answers for it.
        assert_eq!((&ports[&8]["routers"], &ports[&21]["routers"]), (&1.into(), &0.into()));
        assert_eq!((&ports[&7]["left_by"], &ports[&7]["came_by"]), (&"kernel".into(), &"kernel".into()));
        let options: Vec<&str> =
            ports[&7]["options"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert!(options.contains(&"mss") && options.contains(&"wscale"), "{options:?}");
        let from = if server.starts_with('[') { "fd77:1::1" } else { "10.77.1.1" };
        assert_eq!(ports[&22]["icmp"]["from"], from);
    }
}

#[test]
fn a_local_rule_is_told_at_once() {
    let Some(lab) = lab() else { return };
    rules(&lab, Host::Client, "output", "tcp dport 7 drop");
    let output = probe(&lab, &["tcp", "--raw", "--json", "10.77.2.2:7"]);
    assert!(told(&output)[&7]["reason"].as_str().unwrap().contains("EPERM"), "{}", text_of(&output));
    assert_eq!(output.status.code(), Some(2), "nobody was asked");
}

#[test]
fn a_shape_of_ones_own_goes_out_as_written() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let peer = Peer::listen(&lab, Host::Server, "eth0", &folder, "tcp");
    let shape = "ip(ttl=9, dsfield=0x28)/tcp(flags=SEC, seq=4242, window_size_value=77, options=[{mss=777}, \"sack_perm\"])";
    let output = probe(&lab, &["tcp", "--raw", "--syn", shape, "10.77.2.2:7", "--json"]);
    assert_eq!(told(&output)[&7]["state"], "open", "{}", text_of(&output));
    let names =
        ["ip.ttl", "ip.dsfield", "tcp.seq_raw", "tcp.window_size_value", "tcp.options.mss_val", "tcp.flags"];
    let syns = fields(&peer.file(), "tcp.flags.syn == 1 && tcp.flags.ack == 0", &names);
    assert_eq!(syns, [["8", "0x28", "4242", "77", "777", "0x00c2"].map(str::to_owned)]);
    for wrong in ["udp(dstport=3)", "tcp(", "eth()/ip()/tcp()"] {
        let output = probe(&lab, &["tcp", "--raw", "--syn", wrong, "10.77.2.2:7"]);
        assert_eq!(output.status.code(), Some(2), "{wrong}: {}", text_of(&output));
    }
}

/// A server of Python that knows DNS, NTP, SNMP and STUN as far as to see that what comes is a request of theirs.
const SERVICES: &str = r#"
import select, socket, struct
ports = {}
for port in (53, 123, 161, 3478):
    ports[port] = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    ports[port].bind(("::", port))
print("ready", flush=True)
while True:
    for sock in select.select(list(ports.values()), [], [])[0]:
        octets, peer = sock.recvfrom(2000)
        port = sock.getsockname()[1]
        if port == 53 and len(octets) > 12 and octets[2] & 0x80 == 0 and octets[4:6] == b"\0\1" and octets[12:] == b"\0\0\2\0\1":
            sock.sendto(octets[:2] + b"\x81\x80" + octets[4:], peer)
        if port == 123 and len(octets) == 48 and octets[0] == 0x23:
            sock.sendto(b"\x24\1" + octets[2:24] + octets[40:48] + octets[32:], peer)
        if port == 161 and octets[:2] == b"\x30" + bytes([len(octets) - 2]) and b"public" in octets:
            sock.sendto(octets.replace(b"\xa0\x1c", b"\xa2\x1c"), peer)
        if port == 3478 and octets[:8] == b"\0\1\0\0\x21\x12\xa4\x42" and len(octets) == 20:
            sock.sendto(b"\1\1" + octets[2:], peer)
"#;

#[test]
fn services_of_udp_are_asked_in_their_own_words() {
    let Some(lab) = lab() else { return };
    let _stamps = stamps();
    let mut services = lab.command(Host::Server, "python3");
    let mut services = services.args(["-c", SERVICES]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(services.stdout.take().unwrap()), &mut line)
        .unwrap();
    for server in ["10.77.2.2", "[fd77:2::2]"] {
        let target = format!("{server}:53,123,161,3478,9");
        for raw in [&[][..], &["--raw"]] {
            let arguments = [&["udp", "--json", "-W", "1", &target][..], raw].concat();
            let output = probe(&lab, &arguments);
            let ports = told(&output);
            for port in [53, 123, 161, 3478] {
                assert_eq!(ports[&port]["state"], "open", "{arguments:?} {port}: {}", text_of(&output));
                assert_eq!(
                    (&ports[&port]["left_by"], &ports[&port]["came_by"]),
                    (&"kernel".into(), &"kernel".into())
                );
            }
            assert_eq!(ports[&9]["state"], "closed");
            assert_eq!(output.status.code(), Some(0));
        }
    }
    // What is no request of theirs they do not answer.
    let output = probe(&lab, &["udp", "-W", "0.3", "--payload", "hex:0102", "10.77.2.2:53"]);
    assert!(text_of(&output).contains("open|filtered"), "{}", text_of(&output));
    assert_eq!(output.status.code(), Some(1));
    services.kill().unwrap();
    services.wait().unwrap();
}

#[test]
fn what_a_service_says_first_can_be_expected() {
    let Some(lab) = lab() else { return };
    let cases = [
        (&["--send", "EHLO me\\r\\n", "--expect-bytes", "EHLO"][..], 0),
        (&["--send", "hex:00ff", "--expect-bytes", "\\x00\\xff"], 0),
        (&["--send", "hello", "--expect-bytes", "220 "], 1),
        (&["--expect-bytes", "220 "], 1),
    ];
    for (arguments, code) in cases {
        let output = probe(&lab, &[&["tcp", "-W", "0.4", "10.77.2.2:7", "--json"], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text_of(&output));
        assert_eq!(told(&output)[&7]["expected"], code == 0);
        assert_eq!(told(&output)[&7]["tcp_info"]["snd_mss"], 1448);
    }
}

#[test]
fn what_passed_is_saved() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.pcapng");
    let name = path.to_str().unwrap();
    for (arguments, filter, count) in [
        (&["tcp", "--raw", "10.77.2.2:7"][..], "tcp", 3),
        (&["tcp", "10.77.2.2:8"], "tcp.flags.reset == 1", 1),
        (&["udp", "10.77.2.2:8"], "icmp.code == 3", 1),
        (&["udp", "--raw", "[fd77:2::2]:7"], "udp", 2),
    ] {
        let output = probe(&lab, &[arguments, &["-w", name]].concat());
        let found = fields(&path, filter, &["frame.number"]);
        assert_eq!(found.len(), count, "{arguments:?}: {found:?} {}", text_of(&output));
    }
    // What each packet is stands beside it, for Wireshark.
    probe(&lab, &["tcp", "--raw", "10.77.2.2:7", "-w", name]);
    let comments: Vec<String> = fields(&path, "tcp", &["frame.comment"]).concat();
    let reset = "the kernel's reset, which takes down what probe 0 had half open";
    assert!(comments[0].starts_with("probe 0, SYN, kernel: open (SYN-ACK), "), "{comments:?}");
    assert!(comments[1] == "answer to probe 0: open" && comments[2].starts_with(reset), "{comments:?}");
}

/// A liar answers every SYN: with numbers that acknowledge something else, with a wrong checksum, cut short, about nothing, twice
/// rightly.
const LIAR: &str = r#"
import socket
from scapy.all import ICMP, IP, TCP, raw
ear = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
mouth = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
print("ready", flush=True)
while True:
    syn = IP(ear.recv(2000))
    if TCP not in syn or syn[TCP].dport != 9999 or syn[TCP].flags != "S":
        continue
    ip = IP(src=syn.dst, dst=syn.src)
    def answer(ack, **more):
        return ip / TCP(sport=9999, dport=syn.sport, flags="SA", seq=1, ack=ack, **more)
    right = answer((syn.seq + 1) % 2**32)
    short = IP(raw(right)[:30])
    for packet in (
        answer((syn.seq + 7) % 2**32), answer((syn.seq + 1) % 2**32, chksum=0x1234), ip / raw(right)[20:30],
        ip / ICMP(type=3, code=3) / raw(syn)[:20], right, right,
    ):
        mouth.sendto(raw(packet), (syn.src, 0))
"#;

#[test]
fn forged_damaged_and_further_answers_are_counted_and_believed_by_nobody() {
    let Some(lab) = lab() else { return };
    // The server's kernel says nothing, so that the liar alone is heard.
    rules(&lab, Host::Server, "output", "tcp sport 9999 tcp flags rst drop");
    let mut liar = lab.command(Host::Server, "python3");
    let mut liar = liar.args(["-c", LIAR]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(liar.stdout.take().unwrap()), &mut line)
        .unwrap();
    assert_eq!(line, "ready\n");
    let output = probe(&lab, &["tcp", "--raw", "--json", "-c", "2", "-i", "0.5", "10.77.2.2:9999"]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let summary: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    liar.kill().unwrap();
    liar.wait().unwrap();
    assert_eq!((&summary["open"], &summary["forged"]), (&2.into(), &2.into()), "{text}");
    assert_eq!(summary["damaged"], 2, "{text}");
    assert!(summary["duplicates"].as_u64().unwrap() >= 1, "{text}");
    no_rules(&lab, Host::Server);
}

#[test]
fn bad_lines_of_a_file_are_told_with_their_place() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("targets");
    std::fs::write(&path, "# the lab\n10.77.2.2:7 # echo\n10.77.2.2:99999\nserver\n10.77.2.2:8\n").unwrap();
    let name = path.to_str().unwrap();
    let output = probe(&lab, &["tcp", "--targets", name]);
    let text = text_of(&output);
    assert!(text.contains("1 open, 1 closed"), "{text}");
    assert!(
        text.contains(&format!("{name}:3: 10.77.2.2:99999")) && text.contains(&format!("{name}:4: server")),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(2));
    let strict = probe(&lab, &["tcp", "--targets", name, "--strict"]);
    assert!(!text_of(&strict).contains("open"), "{}", text_of(&strict));
    assert_eq!(strict.status.code(), Some(2));
}

/// Sockets serve all hosts: what there is of descriptors is no limit.
#[test]
fn thousands_of_hosts_are_asked_with_few_descriptors() {
    let Some(lab) = lab() else { return };
    // Each address of the networks is the server's (AnyIP, ip-route(8)).
    for (family, network, server) in [("-4", "10.90.0.0/17", "10.77.2.2"), ("-6", "fd90::/64", "fd77:2::2")] {
        let any = ["route", "add", "local", network, "dev", "lo"];
        let way = ["route", "add", network, "via", server];
        for (host, words) in [(Host::Server, any.as_slice()), (Host::Router, &way)] {
            let output = run(lab.command(host, "ip").arg(family).args(words));
            assert!(output.status.success(), "{}", text_of(&output));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("hosts");
    let v4 = (0..3000).map(|host| format!("10.90.{}.{}:7,8\n", host / 250, host % 250 + 1));
    let v6 = (1..1001).map(|host| format!("[fd90::{host:x}]:7\n"));
    std::fs::write(&list, v4.chain(v6).collect::<String>()).unwrap();
    // A host tells of closed ports of UDP so many times a second only (icmp(7)).
    let unlimited = run(lab.command(Host::Server, "sysctl").args(["-q", "-w", "net.ipv4.icmp_ratemask=0"]));
    assert!(unlimited.status.success(), "{}", text_of(&unlimited));
    for transport in ["tcp", "udp"] {
        let list = list.to_str().unwrap();
        let arguments = ["probe", transport, "--raw", "--json", "-W", "3", "--targets", list];
        let output = within(&lab, &limited("nofile=64"), &arguments);
        let text = text_of(&output);
        let lines =
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}")));
        let (mut closed, mut summary) = ([0, 0], Value::Null);
        for line in lines {
            if line["event"] == "probe"
                && ["closed", "unreachable"].iter().any(|state| line["state"] == *state)
            {
                closed[usize::from(line["address"].as_str().unwrap().contains(':'))] += 1;
            } else if line["event"] == "summary" {
                summary = line;
            }
        }
        assert_eq!(
            (&summary["failed"], &summary["unfinished"]),
            (&0.into(), &0.into()),
            "{transport}: {summary}"
        );
        // Of IPv6 errors the host tells fewer, and by an address of its own.
        assert_eq!(closed[0], 6000, "{transport}: {summary}");
        assert!(
            closed[1] == 1000 || transport == "udp" && closed[1] > 0,
            "{transport}: {closed:?} {summary}"
        );
    }
}

#[test]
fn a_shape_that_goes_elsewhere_is_refused() {
    let Some(lab) = lab() else { return };
    let elsewhere = ["tcp(flags=S,dstport=9)", "ip(dst=10.77.1.1)/tcp(flags=S)"];
    for (shape, way) in elsewhere.iter().flat_map(|shape| ["--raw", "--compare"].map(|way| (shape, way))) {
        for target in ["10.77.2.2:7", "server:7"] {
            let output = probe(&lab, &["tcp", "-4", way, "--syn", shape, target]);
            let text = text_of(&output);
            assert_eq!(output.status.code(), Some(2), "{shape} {way} {target}: {text}");
            assert!(text.contains("leave `dst` and `dstport` out of the shape"), "{text}");
            assert!(!text.contains("closed (") && !text.contains("connect()"), "nobody was asked: {text}");
        }
    }
    let same = ["tcp", "-4", "--raw", "--syn", "ip(dst=10.77.2.2)/tcp(flags=S,dstport=7)", "server:7"];
    assert_eq!(probe(&lab, &same).status.code(), Some(0));
}

#[test]
fn a_broadcast_address_is_not_probed() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (transport, address) in [("tcp", "10.77.1.255"), ("udp", "10.77.1.255"), ("udp", "255.255.255.255")] {
        let file = folder.path().join("sent.pcapng");
        let file = file.to_str().unwrap();
        let target = format!("{address}:7");
        let output = probe(&lab, &[transport, "--raw", "-W", "0.2", "-w", file, &target]);
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(2), "{transport} {address}: {text}");
        assert!(text.contains("is a broadcast address, which all hosts of a network hear"), "{text}");
        assert_eq!(support::capture::tshark(file.as_ref(), "ip"), 0, "{transport} {address}");
    }
}

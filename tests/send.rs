//! `rawsock send` in the lab, with the kernel's stacks, tcpdump and tshark as peers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::path::Path;
use std::process::{Command, Output};

use rawsock::lab::{Host, Lab};
use serde_json::Value;
use support::{RAWSOCK, lab, run, text_of};

fn send(lab: &Lab, arguments: &[&str]) -> Output {
    run(lab.command(Host::Client, RAWSOCK).arg("send").args(arguments))
}

/// The answers: event, number of the packet, and the answering packet's layers.
fn answers(lab: &Lab, arguments: &[&str]) -> Vec<(String, u64, Value)> {
    let output = send(lab, &[arguments, &["--json"]].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{e}: {line}")));
    let answers: Vec<_> = lines
        .filter(|line| matches!(line["event"].as_str(), Some("reply" | "error" | "again")))
        .map(|line| {
            assert!(line["rtt_ns"].as_u64().unwrap() < 2_000_000_000, "{line}");
            (
                line["event"].as_str().unwrap().to_owned(),
                line["packet"].as_u64().unwrap(),
                line["frame"]["layers"].clone(),
            )
        })
        .collect();
    assert!(!answers.is_empty(), "{arguments:?}: {}", text_of(&output));
    answers
}

/// The field of the innermost layer of this name.
fn field(layers: &Value, layer: &str, name: &str) -> Value {
    let layers = layers.as_array().unwrap();
    layers
        .iter()
        .rev()
        .find_map(|entry| entry.get(layer))
        .map(|fields| fields[name].clone())
        .unwrap_or_default()
}

#[test]
fn echoes_are_answered_by_every_way() {
    let Some(lab) = lab() else { return };
    for via in ["ip", "link"] {
        let v4 = answers(&lab, &["ip(dst=10.77.2.2)/icmp(seq=[1, 2])/\"hi\"", "--via", via]);
        assert_eq!(v4.len(), 2, "via {via}");
        assert_eq!((v4[0].0.as_str(), field(&v4[0].2, "icmp", "type")), ("reply", 0.into()));
        let v6 = answers(&lab, &["ipv6(dst=fd77:2::2)/icmpv6", "--via", via]);
        assert_eq!((v6[0].0.as_str(), field(&v6[0].2, "icmpv6", "type")), ("reply", 129.into()));
    }
}

#[test]
fn an_eth_layer_without_dst_goes_to_the_next_hop() {
    let Some(lab) = lab() else { return };
    let ways: [&[&str]; 2] = [&[], &["-i", "eth0"]];
    for way in ways {
        for expression in ["eth/ip(dst=10.77.2.2)/icmp", "eth/ipv6(dst=fd77:2::2)/icmpv6"] {
            let answers = answers(&lab, &[&[expression], way].concat());
            assert_eq!(answers[0].0, "reply", "{expression}");
        }
    }
    let output = send(&lab, &["eth/ip(dst=10.77.1.99)/icmp"]);
    let text = text_of(&output);
    assert!(text.contains("nobody answers for 10.77.1.99 on eth0"), "{text}");
    assert_eq!(output.status.code(), Some(2), "{text}");
    // What is written goes out as written, and what does not say where it goes is for everybody.
    let seen = |expression: &str| {
        let output = send(&lab, &[expression, "--no-answers", "--json", "-i", "eth0"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        line["frame"]["layers"][0]["eth"]["dst"].clone()
    };
    assert_eq!(seen("eth(dst=ff:ff:ff:ff:ff:ff)/ip(dst=10.77.2.2)/icmp"), "ff:ff:ff:ff:ff:ff");
    assert_eq!(seen("eth/arp(dst.proto_ipv4=10.77.1.1)"), "ff:ff:ff:ff:ff:ff");
    assert_eq!(seen("eth/ip(dst=224.0.0.1)/icmp"), "01:00:5e:00:00:01");
    assert_eq!(seen("eth/ip(dst=10.77.1.255)/icmp"), "ff:ff:ff:ff:ff:ff", "the broadcast of the network");
}

/// Over a veth both stamps are the kernel's, by raw and by packet sockets, and the time is not longer than what a tap makes of it.
#[test]
fn round_trips_are_between_the_kernels_stamps() {
    let Some(lab) = lab() else { return };
    let _stamps = support::capture::stamps();
    for via in ["ip", "link"] {
        for expression in
            ["ip(dst=10.77.2.2)/icmp(seq=1..5)", "ipv6(dst=fd77:2::2)/icmpv6(echo.sequence_number=1..5)"]
        {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("tap.pcapng");
            let output = send(&lab, &[expression, "--via", via, "--json", "-w", file.to_str().unwrap()]);
            let text = String::from_utf8(output.stdout).unwrap();
            let objects: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let replies: Vec<&Value> = objects.iter().filter(|object| object["event"] == "reply").collect();
            assert_eq!(replies.len(), 5, "{via} {expression}: {text}");
            for reply in &replies {
                assert_eq!(
                    (&reply["left_by"], &reply["came_by"]),
                    (&"kernel".into(), &"kernel".into()),
                    "{via}: {reply}"
                );
            }
            let name = if expression.starts_with("ipv6") { "icmpv6.resptime" } else { "icmp.resptime" };
            let mut judge = Command::new("tshark");
            let judge = run(judge.arg("-r").arg(&file).args(["-Y", name, "-T", "fields", "-e", name]));
            let seen = String::from_utf8(judge.stdout).unwrap();
            let seen: Vec<f64> = seen.lines().map(|line| line.parse().unwrap()).collect();
            assert_eq!(seen.len(), 5, "{via} {expression}");
            for (reply, seen) in replies.iter().zip(seen) {
                // Wireshark's are milliseconds with some places.
                let rtt = reply["rtt_ns"].as_u64().unwrap() as f64 / 1e6;
                assert!(rtt <= seen + 0.001, "{via}: {rtt} ms, and by the tap {seen} ms");
            }
        }
    }
}

#[test]
fn errors_are_known_by_what_they_quote() {
    let Some(lab) = lab() else { return };
    for expression in
        ["ip(dst=10.77.2.2, ttl=1..2)/udp(dstport=7)/\"x\"", "ip(dst=10.77.2.2, ttl=1..2)/tcp(dstport=7)"]
    {
        let answers = answers(&lab, &[expression]);
        let first = answers.iter().find(|answer| answer.1 == 1).unwrap();
        assert_eq!((first.0.as_str(), field(&first.2, "icmp", "type")), ("error", 11.into()), "{expression}");
        let second = answers.iter().find(|answer| answer.1 == 2).unwrap();
        assert_eq!(second.0, "reply", "{expression}");
    }
    let closed = answers(&lab, &["ipv6(dst=fd77:2::2)/udp(dstport=9)"]);
    assert_eq!((closed[0].0.as_str(), field(&closed[0].2, "icmpv6", "code")), ("error", 4.into()));
}

#[test]
fn a_syn_is_answered_as_the_port_is() {
    let Some(lab) = lab() else { return };
    let flags = |port: &str| {
        let answers = answers(&lab, &[&format!("ip(dst=10.77.2.2)/tcp(dstport={port}, flags=S, seq=77)")]);
        assert_eq!(field(&answers[0].2, "tcp", "ack").as_u64(), Some(78));
        let flags = field(&answers[0].2, "tcp", "flags");
        (flags["syn"].as_bool().unwrap(), flags["reset"].as_bool().unwrap())
    };
    assert_eq!(flags("7"), (true, false), "open");
    assert_eq!(flags("8"), (false, true), "closed");
}

#[test]
fn neighbours_answer() {
    let Some(lab) = lab() else { return };
    let arp = answers(&lab, &["eth/arp(dst.proto_ipv4=10.77.1.1)", "-i", "eth0"]);
    assert_eq!(field(&arp[0].2, "arp", "src.hw_mac"), "02:00:00:77:01:01");
    let expression = "eth(dst=33:33:ff:00:00:01)/ipv6(src=fd77:1::2, dst=ff02::1:ff00:1, hlim=255)/\
                      icmpv6(type=135, nd.ns.target_address=fd77:1::1, options=[source_lladdr=02:00:00:77:01:02])";
    let ndp = answers(&lab, &[expression, "-i", "eth0"]);
    assert_eq!(field(&ndp[0].2, "icmpv6", "nd.na.target_address"), "fd77:1::1");
}

#[test]
fn the_kernels_changes_are_told_when_and_only_when_there_are_some() {
    let Some(lab) = lab() else { return };
    let told = |expression: &str| String::from_utf8(send(&lab, &[expression]).stderr).unwrap();
    assert_eq!(told("ip(dst=10.77.2.2)/icmp"), "");
    for (expression, field) in [
        ("ip(dst=10.77.2.2, checksum=0xdead)/icmp", "ip.checksum"),
        ("ip(dst=10.77.2.2, len=99)/icmp", "ip.len"),
        ("ip(dst=10.77.2.2, id=0)/icmp", "ip.id"),
        ("ip(dst=10.77.2.2, src=0.0.0.0)/icmp", "ip.src"),
    ] {
        let told = told(expression);
        assert!(told.contains(&format!("packet 1: the kernel changes `{field}`")), "{expression}: {told}");
        assert!(told.contains("--via link"), "{told}");
    }
}

/// Starts tcpdump on the router; it ends by itself with the first packet.
fn tcpdump(lab: &Lab, file: &Path, filter: &str) -> std::process::Child {
    let mut command = lab.command(Host::Router, "timeout");
    command.args(["10", "tcpdump", "-i", "eth0", "-c1", "-U", "-w"]).arg(file).arg(filter);
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut words = child.stderr.take().unwrap();
    support::endpoint::read_until(&mut words, "listening on");
    std::thread::spawn(move || std::io::copy(&mut words, &mut std::io::sink()));
    child
}

#[test]
fn via_link_every_bit_goes_out_as_written() {
    let Some(lab) = lab() else { return };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("seen.pcap");
    let mut peer = tcpdump(&lab, &file, "udp port 4444");
    let expression = "ip(src=10.77.1.2, dst=10.77.2.2, id=0, checksum=0xdead, len=60, flags.rb, ttl=3)/\
                      udp(srcport=4444, dstport=4444, checksum=0xbeef, length=11)/\"abc\"";
    let output = send(&lab, &["--via", "link", "--no-answers", expression]);
    assert!(output.status.success(), "{}", text_of(&output));
    peer.wait().unwrap();
    let crafted = run(Command::new(RAWSOCK).args(["craft", "--hex", expression]));
    let crafted = String::from_utf8(crafted.stdout).unwrap();
    let read = run(Command::new(RAWSOCK).args(["read", "--json"]).arg(&file));
    let seen: Value =
        serde_json::from_slice(&read.stdout).unwrap_or_else(|e| panic!("{e}: {}", text_of(&read)));
    let json = seen.to_string();
    let hex = run(Command::new("sh").args(["-c", &format!("echo '{json}' | {RAWSOCK} craft - --hex")]));
    let hex = String::from_utf8(hex.stdout).unwrap();
    assert_eq!(hex.get(28..), Some(crafted.as_str()), "behind the 14 octets of Ethernet");
    assert_eq!(hex.get(..24), Some("020000770101020000770102"), "to the router, from us");
}

#[test]
fn both_directions_are_saved() {
    let Some(lab) = lab() else { return };
    let directory = tempfile::tempdir().unwrap();
    for name in ["both.pcapng", "both.pcap"] {
        let file = directory.path().join(name);
        let output =
            send(&lab, &["ip(dst=10.77.2.2, ttl=1..2)/udp(dstport=7)/\"x\"", "-w", file.to_str().unwrap()]);
        assert!(output.status.success(), "{}", text_of(&output));
        let tshark = run(Command::new("tshark").arg("-r").arg(&file).args(["-T", "fields", "-e", "ip.src"]));
        let text = String::from_utf8(tshark.stdout).unwrap();
        let from = |address: &str| text.lines().filter(|line| line.starts_with(address)).count();
        assert_eq!((from("10.77.1.2"), from("10.77.1.1"), from("10.77.2.2")), (2, 1, 1), "{name}: {text}");
    }
    let file = directory.path().join("comment.pcapng");
    send(&lab, &["ip(dst=10.77.2.2)/icmp(type=13), comment=\"mine\"", "-q", "-w", file.to_str().unwrap()]);
    let mut judge = Command::new("tshark");
    let judge = judge.arg("-r").arg(&file).args(["-T", "fields", "-e", "frame.comment", "-e", "icmp.ident"]);
    let text = String::from_utf8(run(judge).stdout).unwrap();
    assert!(text.starts_with("packet 1: mine\t") && text.contains("\nanswers packet 1"), "{text}");
    assert!(!text.contains("\t0\n"), "a query has an identifier of its own: {text}");
}

/// Also packets that look the same, and where nobody waits for answers.
#[test]
fn every_packet_that_left_is_saved_once() {
    let Some(lab) = lab() else { return };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sent.pcapng");
    for options in [&["--no-answers"][..], &["--no-answers", "-q"], &[]] {
        let spec = "ip(dst=10.77.2.2, id=7)/udp(srcport=5000, dstport=7)/\"x\"";
        let output = send(&lab, &[&[spec, "-c", "50", "-w", file.to_str().unwrap()], options].concat());
        assert!(output.status.success(), "{options:?}: {}", text_of(&output));
        let left = support::capture::tshark(&file, "udp.dstport == 7");
        assert_eq!(left, 50, "{options:?}: {}", text_of(&output));
        let came = support::capture::tshark(&file, "udp.srcport == 7");
        assert_eq!(came > 0, options.is_empty(), "{options:?}: {came}");
    }
}

/// A packet that could not be sent was not done, whatever the others came to.
#[test]
fn a_packet_that_is_not_sent_ends_with_1() {
    let Some(lab) = lab() else { return };
    let output = send(&lab, &["ip(dst=[10.77.2.2, 10.77.1.99])/icmp", "--via", "link"]);
    assert_eq!(output.status.code(), Some(1), "{}", text_of(&output));
    assert!(text_of(&output).contains("1 sent, 1 answered, 1 not sent"), "{}", text_of(&output));
}

/// Who does not answer is asked once, and not for each packet again.
#[test]
fn a_silent_neighbour_is_asked_for_once() {
    let Some(lab) = lab() else { return };
    let begin = std::time::Instant::now();
    let output = send(&lab, &["ip(dst=10.77.1.99)/tcp(dstport=1..30)", "--via", "link"]);
    assert!(text_of(&output).contains("30 not sent"), "{}", text_of(&output));
    assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
}

#[test]
fn what_cannot_be_sent_is_said_and_named() {
    let Some(lab) = lab() else { return };
    let cases: &[(&[&str], &str)] = &[
        (
            &["ip(dst=10.77.2.2)/udp/data(zeros=2000)"],
            "packet 1: 2028 octets are more than eth0 takes: its MTU is 1500",
        ),
        (&["ip/udp"], "packet 1: it has no destination"),
        (&["ip(dst=10.77.2.2)/udp", "-i", "nosuch"], "no such interface"),
        (&["ip(dst=10.77.2.2)/udp", "--tun-address", "10.50.0.1/24"], "`--via tun` makes one"),
        (&["eth/data(hex=00)"], "packet 1: which interface does the frame leave by?"),
        (&["udp"], "a frame begins with `eth`"),
        (&["ip(dst=10.77.2.2, hdr_len=60)/udp"], "packet 1"),
        (&["--via", "link", "ip(dst=10.77.1.99)/udp"], "nobody answers for 10.77.1.99 on eth0"),
        (&["ip(dst=10.77.2.2)/udp(dstprt=1)"], "did you mean `dstport`"),
    ];
    for (arguments, words) in cases {
        let output = send(&lab, arguments);
        let text = text_of(&output);
        assert!(text.contains(words), "{arguments:?}: {text}");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    }
    let silent = send(&lab, &["ip(dst=10.77.66.1)/udp", "-W", "0.2"]);
    assert_eq!(silent.status.code(), Some(1), "{}", text_of(&silent));
    let mut command = lab.command(Host::Client, "setpriv");
    command.args(["--ambient-caps=-all", "--inh-caps=-all", "--bounding-set=-all", RAWSOCK]);
    let output = run(command.args(["send", "ip(dst=10.77.2.2)/udp"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(text_of(&output).contains("setcap cap_net_raw,cap_net_admin+p"), "{}", text_of(&output));
}

#[test]
fn no_route_is_said() {
    let Some(lab) = lab() else { return };
    run(lab.command(Host::Client, "ip").args(["route", "del", "default"]));
    let output = send(&lab, &["ip(dst=203.0.113.9)/udp"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text_of(&output).contains("packet 1") && text_of(&output).contains("no route"),
        "{}",
        text_of(&output)
    );
}

#[test]
fn a_flood_of_frames_is_answered_to_the_last() {
    let Some(lab) = lab() else { return };
    for via in [&["--via", "link"][..], &["--via", "link", "-i", "eth0"], &[]] {
        let mut command = lab.command(Host::Client, RAWSOCK);
        let output = run(command.args(["send", "-q", "ip(dst=10.77.2.2)/icmp(seq=1..400)/\"x\""]).args(via));
        assert_eq!(text_of(&output).trim(), "400 sent, 400 answered", "{via:?}");
    }
}

#[test]
fn what_was_sent_is_shown_as_what_it_is() {
    let Some(lab) = lab() else { return };
    // The first octet of a frame may look like the version of IP.
    for (octet, kind) in [("44", "link_type\":1,"), ("64", "link_type\":1,")] {
        let packet =
            format!("eth(dst={octet}:00:00:00:00:01)/ip(src=10.77.1.2, dst=10.77.2.2)/udp(dstport=7)");
        let send = |more: &[&str]| {
            let mut command = lab.command(Host::Client, RAWSOCK);
            text_of(&run(command.args(["send", "--no-answers", "-i", "eth0", &packet]).args(more)))
        };
        assert!(send(&[]).contains("> 10.77.2.2.7: UDP"), "{}", send(&[]));
        assert!(send(&["--json"]).contains(kind), "{}", send(&["--json"]));
    }
}

#[test]
fn who_is_interrupted_has_waited_in_vain() {
    let Some(lab) = lab() else { return };
    let mut command = lab.command(Host::Client, RAWSOCK);
    command.args(["send", "-q", "ip(dst=10.77.66.1)/udp(dstport=1..1000)", "--interval", "20ms"]);
    let child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    support::process_status::waits_for(support::capture::SIGINT, child.id());
    std::thread::sleep(std::time::Duration::from_millis(500));
    rawsock::sys::process::send_signal(child.id(), support::capture::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(" sent, 0 answered\n"), "{text}");
    // What a dry run has counted until then is not what would be sent.
    let mut command = lab.command(Host::Client, "timeout");
    command.args(["-s", "INT", "1", RAWSOCK, "send", "-q", "--dry-run"]);
    let output = run(command.arg("ip(dst=10.77.2.2,ttl=1..255)/udp(dstport=1..65535)"));
    let text = text_of(&output);
    assert!(text.contains("interrupted behind ") && !text.contains("would be sent"), "{text}");
}

#[test]
fn the_file_names_the_interface() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, &[&str]); 3] = [
        ("any.pcapng", &["send", "ip(dst=10.77.2.2)/icmp"]),
        ("link.pcapng", &["send", "--via", "link", "-i", "eth0", "ip(dst=10.77.2.2)/icmp"]),
        ("ping.pcapng", &["ping", "-c1", "10.77.2.2"]),
    ];
    for (name, arguments) in cases {
        let file = folder.path().join(name);
        let output = run(lab.command(Host::Client, RAWSOCK).args(arguments).arg("--write").arg(&file));
        assert!(output.status.success(), "{}", text_of(&output));
        let names =
            run(Command::new("tshark").args(["-T", "fields", "-e", "frame.interface_name", "-r"]).arg(&file));
        assert_eq!(String::from_utf8_lossy(&names.stdout), "eth0\neth0\n", "{name}");
    }
}

#[test]
fn what_is_not_as_expected_is_told_and_ends_with_1() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let spec = folder.path().join("expect.toml");
    let judged = |expect: &str, more: &[&str]| {
        let layers = "[{ ip = { dst = \"10.77.2.2\" } }, { icmp = { seq = 7 } }]";
        std::fs::write(&spec, format!("[[packet]]\nlayers = {layers}\nexpect = {expect}\n")).unwrap();
        let output = run(lab.command(Host::Client, RAWSOCK).args(["send", "--json"]).args(more).arg(&spec));
        let text = String::from_utf8(output.stdout).unwrap();
        let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let is_judged = |event: &&Value| event.get("match").or(event.get("none")).is_some();
        let words = events.iter().filter(is_judged).map(|event| event["event"].as_str().unwrap().to_owned());
        (words.collect::<Vec<_>>().join(" "), output.status.code().unwrap())
    };
    let is_answer = "icmp.type == 0 and icmp.seq == sent.icmp.seq";
    for (expect, words, code) in [
        (format!("{{ match = \"{is_answer}\" }}"), "met", 0),
        (format!("{{ none = \"{is_answer}\" }}"), "broken", 1),
        ("{ match = \"tcp\", within = \"100ms\" }".to_owned(), "missed", 1),
        ("[{ none = \"tcp\", within = \"100ms\" }, \"icmp.type == 0\"]".to_owned(), "met held", 0),
    ] {
        assert_eq!(judged(&expect, &[]), (words.to_owned(), code), "{expect}");
    }
    let output = run(Command::new(RAWSOCK).args(["send", "--no-answers"]).arg(&spec));
    assert!(text_of(&output).contains("leave `--no-answers` out"), "{}", text_of(&output));
}

#[test]
fn nothing_is_sent_of_a_spec_with_a_mistake() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sent.pcapng");
    // The second packet is too long, which shows when it is built; the last of a sweep is too.
    for wrong in ["{ data = { zeros = 70000 } }", "{ data = { zeros = \"1..70000/69999\" } }"] {
        let spec = format!(
            "[[packet]]\nlayers = [{{ ip.dst = \"10.77.2.2\" }}, {{ icmp = {{}} }}]\n[[packet]]\nlayers = [{{ ip.dst = \"10.77.2.2\" }}, {wrong}]\n[[packet]]\nlayers = [{{ ip.dst = \"10.77.2.2\" }}, {{ icmp.mtu = 9 }}]\n"
        );
        let file = folder.path().join("spec.toml");
        std::fs::write(&file, spec).unwrap();
        let output = run(lab.command(Host::Client, RAWSOCK).arg("send").arg(&file).arg("-w").arg(&path));
        let said = text_of(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("error: ip.len: would be 70020") && !said.contains("sent"), "{said}");
        assert!(
            said.contains("error: icmp.mtu: not part of this form"),
            "what is wrong with each packet: {said}"
        );
        assert!(!path.exists(), "{said}");
    }
}

#[test]
fn variables_are_set_and_remarks_are_made() {
    let Some(lab) = lab() else { return };
    let spec = "ip(dst=$host, ttl=$ttl)/udp(dstport=7, checksum=auto+1)/'x'";
    let output = send(&lab, &[spec, "--set", "host=10.77.2.2", "--set", "ttl=[5, 6]", "-v", "-W", "0.2"]);
    let said = text_of(&output);
    assert!(said.contains("2 sent, 0 answered"), "{said}");
    assert_eq!(said.matches("udp.checksum is 0x").count(), 1, "{said}");
}

/// What `--json` tells of things that happen is read as the packets in it.
#[test]
fn what_is_told_as_json_is_built_and_sent_again() {
    let Some(lab) = lab() else { return };
    let told =
        send(&lab, &["ip(dst=10.77.2.2)/icmp(seq=1..3)/\"h$\"", "--json", "--via", "link", "-i", "eth0"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.jsonl");
    std::fs::write(&file, &told.stdout).unwrap();
    let octets = |filter: &str| -> Vec<String> {
        let events = String::from_utf8(told.stdout.clone()).unwrap();
        let layers = events.lines().filter(|line| line.contains(filter) && line.contains("\"frame\""));
        layers
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["frame"]["caplen"].to_string())
            .collect()
    };
    let craft = run(Command::new(RAWSOCK).args(["craft", "--hex"]).arg(&file));
    let hex: Vec<String> = String::from_utf8(craft.stdout).unwrap().lines().map(str::to_owned).collect();
    let lengths: Vec<String> = hex.iter().map(|line| (line.len() / 2).to_string()).collect();
    assert_eq!((lengths.len(), lengths), (6, octets("event")), "three questions and three answers");
    assert!(hex[0].ends_with("6824"), "a dollar is a dollar: {}", hex[0]);
    let sent: String = String::from_utf8(told.stdout.clone()).unwrap();
    let sent: Vec<&str> = sent.lines().filter(|line| line.contains("\"event\":\"sent\"")).collect();
    std::fs::write(&file, sent.join("\n")).unwrap();
    let again = send(&lab, &[file.to_str().unwrap(), "-i", "eth0"]);
    assert!(text_of(&again).contains("3 sent, 3 answered"), "{}", text_of(&again));
    for (event, code) in [
        ("{\"event\":\"summary\",\"sent\":3}", 0),
        ("{\"event\":\"sent\",\"frame\":3}", 2),
        ("{\"sent\":3}", 2),
    ] {
        std::fs::write(&file, event).unwrap();
        let craft = run(Command::new(RAWSOCK).args(["craft", "--hex"]).arg(&file));
        assert_eq!(
            (craft.status.code(), craft.stdout.len()),
            (Some(code), 0),
            "{event}: {}",
            text_of(&craft)
        );
    }
}

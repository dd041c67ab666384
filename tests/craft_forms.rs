//! `rawsock craft --expr`, `--scapy`, `--c`, `--rust`, `--hexdump`: whoever these are for makes the same octets of them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::{RAWSOCK, text_of};

/// What a program prints that is given this on stdin.
fn printed(program: &str, args: &[&str], stdin: &str) -> String {
    let output = run(program, args, stdin);
    assert!(output.status.success(), "{program} {args:?}: {}", text_of(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn run(program: &str, args: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
    let (mut pipe, text) = (child.stdin.take().unwrap(), stdin.to_owned());
    let writer = std::thread::spawn(move || pipe.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    output
}

fn craft(spec: &str, form: &str, stdin: &str) -> String {
    printed(RAWSOCK, &["craft", spec, form, "--seed", "1"], stdin)
}

fn of_the_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn examples() -> Vec<String> {
    let entries = fs::read_dir(of_the_project("examples")).unwrap().map(|entry| entry.unwrap().path());
    let is_spec = |path: &PathBuf| path.extension().is_some_and(|end| end == "toml" || end == "json");
    let specs: Vec<String> = entries.filter(is_spec).map(|path| path.to_str().unwrap().to_owned()).collect();
    assert!(specs.len() >= 8, "{specs:?}");
    specs
}

/// The packets of some captures, as JSON: among them are cut and malformed ones.
fn captured() -> String {
    let mut files: Vec<PathBuf> = fs::read_dir(of_the_project("captures"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "pcap" || end == "pcapng"))
        .collect();
    files.sort();
    assert!(files.len() > 5, "{files:?}");
    let mut text = String::new();
    for file in files.iter().filter(|file| file.metadata().unwrap().len() < 200_000) {
        let output = Command::new(RAWSOCK).args(["read", "--json", "-c", "40"]).arg(file).output().unwrap();
        text.push_str(&String::from_utf8(output.stdout).unwrap());
    }
    text
}

/// scapy 2.8 is the judge: it is run once over all that `craft --scapy` says.
#[test]
fn scapy_makes_the_same_octets() {
    let script = "import json, sys\nfor text in json.load(sys.stdin):\n    names = {}\n    exec(text, names)\n    \
                  print(' '.join(bytes(packet).hex() or '-' for packet in names['packets']))\n";
    let stream = fs::read_to_string(of_the_project("tests/craft_packets.jsonl")).unwrap();
    let mut texts = Vec::new();
    let mut wanted = Vec::new();
    let mut add = |spec: &str, stdin: &str| {
        texts.push(craft(spec, "--scapy", stdin));
        let hex = craft(spec, "--hex", stdin);
        wanted.push(
            hex.lines().map(|line| if line.is_empty() { "-" } else { line }).collect::<Vec<_>>().join(" "),
        );
    };
    add("-", &stream);
    add("-", &captured());
    examples().iter().for_each(|spec| add(spec, ""));
    for expression in ODD {
        add(expression, "");
    }
    let made = printed("python3", &["-c", script], &serde_json::to_string(&texts).unwrap());
    for ((made, wanted), text) in made.lines().zip(&wanted).zip(&texts) {
        for (place, (made, wanted)) in made.split(' ').zip(wanted.split(' ')).enumerate() {
            assert_eq!(made, wanted, "{}", text.split("packets.append").nth(place + 1).unwrap_or(text));
        }
        assert_eq!(made, wanted);
    }
    assert_eq!(made.lines().count(), wanted.len());
    // Of no packets it is an empty list.
    let none = printed(RAWSOCK, &["craft", "-", "--scapy"], "");
    assert_eq!(printed("python3", &["-c", script], &serde_json::to_string(&[none]).unwrap()), "\n");
    let words = craft("ip(flags=6)/tcp(flags=SA, options=[mss=1460])/'hi'", "--scapy", "");
    for wanted in ["flags=\"DF+evil\"", "flags=\"SA\"", "options=[(\"MSS\", 1460)]", "/ Raw(b\"hi\")"] {
        assert!(words.contains(wanted), "{wanted}: {words}");
    }
    let question = craft("ip/udp/dns(qry=[{name=www.example.com, type=AAAA}])", "--scapy", "");
    assert!(question.contains("qd=[DNSQR(qname=\"www.example.com\", qtype=28)]"), "{question}");
    // It is scapy's words that are wanted, and octets only where it has none.
    let octets = |text: &str| -> Vec<String> {
        let named = text.lines().filter_map(|line| line.split_once("Raw(")?.1.split_once("  # "));
        named.map(|(_, layer)| layer.to_owned()).collect()
    };
    assert_eq!(octets(&texts[0]), ["ip", "tcp", "tcp", "igmp"], "options that lie, a report of IGMPv3");
    let mut without: Vec<String> = texts.iter().flat_map(|text| octets(text)).collect();
    without.sort_unstable();
    without.dedup();
    let mut wanted = [WITHOUT_WORDS, HAS_WORDS].concat();
    wanted.sort_unstable();
    assert_eq!(without, wanted);
}

/// Layers for which scapy has no class, or one that makes other octets.
const WITHOUT_WORDS: &[&str] =
    &["bfd", "http", "sctp.chunk", "sctp.cwr", "sctp.ecne", "sctp.forward_tsn", "sll", "sll2", "tls"];

/// Those of which only some are octets: cut ones, and forms that the class has not.
const HAS_WORDS: &[&str] = &[
    "dns",
    "gre",
    "icmp",
    "icmpv6",
    "igmp",
    "ip",
    "ipv6",
    "ipv6.routing",
    "llc",
    "ntp",
    "ppp",
    "sctp.cookie_ack",
    "sctp.data",
    "tcp",
    "vxlan",
];

/// What scapy computes differently, or has no words for.
const ODD: &[&str] = &[
    r#"ip(trailer=0102)/udp(length=9)/"abc""#,
    r#"eth(trailer=00000000)/ip()/udp()/"\"\\\n""#,
    r#"eth()/vlan(id=7, etype=0x8100)/vlan()/ip()/tcp(flags=0x1ff, reserved=5, options=[unknown={kind=254, data=0102}])"#,
    "ip(checksum=0, len=0)/tcp(checksum=1, options=[raw=0300])",
    "ip(options=[router_alert, nop])/udp(checksum=0)",
    "ip(flags.mf, frag_offset=3, proto=udp)/data(zeros=9)",
    "ip(proto=6, flags=7)/udp()",
    "ip(flags.mf, frag_offset=0)/tcp(flags=0)",
    "ip()/ip()/icmp(type=42)",
    "ip()/udp(dstport=53)/dns(qry=[{name=example.com}])",
    "ipv6()/ipv6.hopopts()/ipv6.fraghdr(ident=5, more)/icmpv6(type=135)",
    "ipv6()/icmpv6(type=128, echo.identifier=7)/'x'",
    "ip(ttl=1)/igmp(type=22, maddr=239.1.2.3)",
    "ip(options=[router_alert])/igmp(type=22, maddr=239.1.2.3)",
    "ip()/gre(flags.checksum, key=7, sequence_number=3, flags.reserved=5)/ip()/udp()/'x'",
    "ip()/gre(version=1, proto=0x880b)/ppp()/ip()/udp()",
    "eth()/pppoes(session_id=3)/ppp(compressed_protocol=0x21)/ip()/udp()",
    "eth()/pppoes(payload_length=9)/ppp(address=0xff)/ip()/udp()",
    "eth()/llc(dsap=0x42, ssap=0x42)/data(hex=0000)",
    "eth()/llc()/ip()/udp()",
    "ip()/udp()/vxlan(vni=7, reserved8=1)/eth()/ip()",
    "ip()/udp()/vxlan(gbp=3)/eth()",
    "ip()/udp()/vxlan(vni=5, flags.reserved_low=4)/eth()/data(hex=00)",
    "ip()/udp()/vxlan(vni=5, flags=0x84)/eth()/data(hex=00)",
    "ip()/udp()/vxlan(vni=5)/eth(dst=02:00:00:00:00:01, trailer=000000000000000000000000000000000000)/arp(src.proto_ipv4=1.2.3.4)",
    "ip()/gre()/eth(dst=02:00:00:00:00:01, trailer=00000000)/ip()/udp()",
    "udp()/vxlan(vni=5)/arp()",
    "eth()/pppoes()/ppp(trailer=010203)/ip()/udp()",
    "eth(trailer=01)/vlan(trailer=0203)/ip()/udp()",
    "eth()/ieee8021ad(trailer=0203)/llc()/ip()/udp()",
    "ip()/udp()/geneve(vni=7, options=[{class=1, type=2, data=01020304}])/eth()",
    "ip()/sctp()/sctp.data(data=010203)/sctp.cookie_echo(cookie=0102030405)",
    "ip()/ah(icv=0102030405060708090a0b0c)/tcp()",
    "ipv6()/ipv6.routing(type=0, segleft=1, addresses=[fd77::1])/udp()/'x'",
    "ipv6()/icmpv6(type=134, nd.ra.router_lifetime=9, options=[mtu=1500])",
    "ipv6(hlim=7)/icmpv6(type=136, nd.na.flag.o)",
    "ip()/udp()/ntp(stratum=2, refid=0a000001, precision=0xe9, xmt.seconds=3900000000, xmt.fraction=1, rootdelay=77777)",
    "ip()/udp()/ntp(stratum=1, refid=47505300, ext=[{type=1, value=0000000000000000000000}])",
    "ip()/udp()/dns(flags.response, opt={do=true}, answers=[{name=a.example, type=A, a=192.0.2.1}])",
    "ip()/udp()/dns(qry=[{name=www.example.com, type=AAAA}, {name=., type=NS, class=3}], opt={do=true})",
    "ip()/udp()/dns(qry=[{name=a.example}, {name='b.@12'}])",
    "ip()/udp()/dns(qry=[{name='a\\\\.b.example'}])",
    "ip()/udp()/dns(count.queries=2, qry=[{name=a.example}])",
    "ip()/udp(dstport=5353)/mdns(qry=[{name=_http._tcp.local, type=PTR, qu=true}])",
    "ip()/udp()/dhcp(server={pattern=64}, hw.len=16, hw.type=27)",
    "ip(cut={len=11, rest=40})",
    "data(zeros=0)",
];

#[test]
fn an_expression_is_read_as_the_same_packet() {
    let stream = fs::read_to_string(of_the_project("tests/craft_packets.jsonl")).unwrap();
    let of_specs = examples().into_iter().map(|spec| (spec, String::new()));
    for (spec, stdin) in [("-".to_owned(), stream), ("-".to_owned(), captured())].into_iter().chain(of_specs)
    {
        let expressions = craft(&spec, "--expr", &stdin);
        let octets = craft(&spec, "--hex", &stdin);
        assert_eq!(expressions.lines().count(), octets.lines().count());
        // Line by line is one packet after the other.
        let again = craft("-", "--hex", &expressions);
        for ((expression, octets), again) in expressions.lines().zip(octets.lines()).zip(again.lines()) {
            assert_eq!(again, octets, "{expression}");
        }
        assert_eq!(again, octets);
    }
}

#[test]
fn what_stands_beside_the_layers_of_an_expression_is_the_packets() {
    assert_eq!(craft("ip()/udp(), trailer=0102, count=2", "--hex", "").lines().count(), 2);
    let with = craft("ip()/udp(), trailer=0102", "--hex", "");
    assert_eq!(with.trim(), format!("{}0102", craft("ip()/udp()", "--hex", "").trim()));
    assert_eq!(craft("ip()/udp(), trailer=0102", "--expr", ""), "ip()/udp(), trailer=0102\n");
}

#[test]
fn compilers_take_the_arrays() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let spec = of_the_project("examples/wrong-on-purpose.toml");
    let spec = spec.to_str().unwrap();
    let wanted = craft(spec, "--hex", "");
    let numbers = 1..=wanted.lines().count();

    let mut c = format!("#include <stdio.h>\n{}\nint main(void) {{\n", craft(spec, "--c", ""));
    let mut rust = format!("{}\nfn main() {{\n", craft(spec, "--rust", ""));
    for number in numbers {
        c.push_str(&format!(
            "for (unsigned i = 0; i < sizeof packet_{number}; i++) printf(\"%02x\", packet_{number}[i]);\nputs(\"\");\n"
        ));
        rust.push_str(&format!(
            "println!(\"{{}}\", PACKET_{number}.iter().map(|octet| format!(\"{{octet:02x}}\")).collect::<String>());\n"
        ));
    }
    fs::write(path("packets.c"), c + "return 0;\n}\n").unwrap();
    fs::write(path("packets.rs"), rust + "}\n").unwrap();
    printed("gcc", &["-Wall", "-Wextra", "-Werror", "-o", &path("of_c"), &path("packets.c")], "");
    assert_eq!(printed(&path("of_c"), &[], ""), wanted);
    printed("rustc", &["-D", "warnings", "-o", &path("of_rust"), &path("packets.rs")], "");
    assert_eq!(printed(&path("of_rust"), &[], ""), wanted);
}

#[test]
fn text2pcap_and_xxd_read_the_hexdump() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.pcap");
    let spec = of_the_project("examples/port-sweep.toml");
    let spec = spec.to_str().unwrap();
    let rows = craft(spec, "--hexdump", "");
    printed("text2pcap", &["-q", "-l", "228", "-", path.to_str().unwrap()], &rows);
    let seen = printed(RAWSOCK, &["read", "--json", path.to_str().unwrap()], "");
    assert_eq!(craft("-", "--hex", &seen), craft(spec, "--hex", ""));
    let one = "ip()/udp()/data(pattern=700)";
    let binary = run("xxd", &["-r"], &craft(one, "--hexdump", "")).stdout;
    assert_eq!(hex::encode(binary), craft(one, "--hex", "").trim());
}

//! `rawsock craft` as a whole: reference packets, the three syntaxes, every kind of mistake, generators, streams.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::string_slice)]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value as Json;

/// Runs `rawsock craft` with a text on stdin.
fn craft(args: &[&str], stdin: &str) -> Output {
    let mut child = start(args);
    let mut pipe = child.stdin.take().unwrap();
    let text = stdin.to_owned();
    // Written beside reading, since neither pipe holds everything.
    let writer = std::thread::spawn(move || pipe.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    output
}

fn start(args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_rawsock"))
        .arg("craft")
        .args(args)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a successful run prints.
fn printed(args: &[&str], stdin: &str) -> String {
    let output = craft(args, stdin);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}\n{stdin}");
    String::from_utf8(output.stdout).unwrap()
}

fn hex_of(args: &[&str], stdin: &str) -> Vec<String> {
    let args: Vec<&str> = args.iter().copied().chain(["--hex"]).collect();
    printed(&args, stdin).lines().map(str::to_owned).collect()
}

/// What has another name here: in the packets whose names begin so, the first word stands for the second.
const OTHER_NAMES: &[(&str, &str, &str)] = &[
    // Some versions of scapy write a protocol below 256 in one octet. RFC 1661 §6.5 wants two of whoever has not agreed on that, so
    // does scapy 2.8, and so PPP's `protocol` is two octets here, as captures of PPPoE have it; one octet has a name of its own.
    ("pppoe-ip", "{\"protocol\":", "{\"compressed_protocol\":"),
];

/// Packets with the octets that scapy builds from them.
fn reference(path: &str) -> Option<Vec<(String, Json)>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read_to_string(path).ok()?;
    let packets = text.lines().map(|line| {
        let json = serde_json::from_str::<Json>(line).unwrap();
        let name = json["name"].as_str().unwrap();
        let other = OTHER_NAMES.iter().find(|(beginning, ..)| name.starts_with(beginning));
        let line = other.map_or_else(|| line.to_owned(), |(_, theirs, ours)| line.replace(theirs, ours));
        (line, json)
    });
    Some(packets.collect())
}

fn builds_as_scapy_does(packets: &[(String, Json)]) {
    let stream: String = packets.iter().map(|(line, _)| format!("{line}\n")).collect();
    let made = hex_of(&["-"], &stream);
    assert_eq!(made.len(), packets.len());
    for (made, (_, json)) in made.iter().zip(packets) {
        assert_eq!(*made, json["bytes"], "{}", json["name"]);
    }
}

#[test]
fn reference_packets_are_built_as_scapy_builds_them() {
    let packets =
        reference("tests/craft_packets.jsonl").expect("tests/craft_packets.jsonl is part of the project");
    assert_eq!(packets.len(), 85);
    builds_as_scapy_does(&packets);
}

#[test]
fn all_reference_packets_are_built_as_scapy_builds_them() {
    match reference("../shared/craft/packets.jsonl") {
        Some(packets) => builds_as_scapy_does(&packets),
        None => eprintln!(
            "../shared/craft/packets.jsonl is not there: tests/craft_packets.jsonl has a part of it"
        ),
    }
}

#[test]
fn a_reference_packet_as_toml_or_as_the_json_of_what_was_built_is_the_same_packet() {
    for (line, json) in reference("tests/craft_packets.jsonl").unwrap() {
        let toml = printed(&["-", "--toml"], &line);
        assert_eq!(hex_of(&["-"], &toml), [json["bytes"].as_str().unwrap()], "{toml}");
        let seen = printed(&["-", "--json"], &line);
        assert_eq!(hex_of(&["-"], &seen), [json["bytes"].as_str().unwrap()], "{seen}");
    }
}

#[test]
fn three_syntaxes_say_the_same() {
    for (expression, toml, json) in SAME {
        let octets = hex_of(&[expression], "");
        assert_eq!(octets, hex_of(&["-"], toml), "{toml}");
        assert_eq!(octets, hex_of(&["-"], json), "{json}");
        assert_eq!(octets, hex_of(&["-"], expression), "{expression}");
    }
}

const SAME: &[(&str, &str, &str)] = &[
    (
        r#"ip(dst=10.77.2.2, ttl=1..3, flags.df)/tcp(dstport=[80, 443], flags=SA, options=[mss=1460, sack_perm])/"hi""#,
        r#"
        [[packet]]
        layers = [
          { ip = { dst = "10.77.2.2", ttl = "1..3", flags = { df = true } } },
          { tcp = { dstport = [80, 443], flags = "SA", options = [{ mss = 1460 }, "sack_perm"] } },
          "hi",
        ]
        "#,
        r#"{"layers": [
          {"ip": {"dst": "10.77.2.2", "ttl": "1..3", "flags.df": true}},
          {"tcp": {"dstport": [80, 443], "flags": 18, "options": [{"mss": 1460}, {"sack_perm": {}}]}},
          {"data": {"text": "hi"}}]}"#,
    ),
    (
        "icmp(type=3, code=4, mtu=1400, quoted=ip(src=10.0.0.1)/udp(srcport=1)/data(pattern=9), quoted_bytes=28)",
        r#"
        layers = [{ icmp.type = 3, icmp.code = 4, icmp.mtu = 1400, icmp.quoted_bytes = 28, icmp.quoted = [
          { ip.src = "10.0.0.1" }, { udp = { srcport = 1 } }, { data.pattern = 9 },
        ] }]
        "#,
        r#"{"packet": {"layers": [{"icmp": {"type": 3, "code": 4, "mtu": 1400, "quoted_bytes": 28, "quoted": [
          {"ip": {"src": "10.0.0.1"}}, {"udp": {"srcport": 1}}, {"data": {"pattern": 9}}]}}]}}"#,
    ),
    (
        "arp(opcode=reply, src.hw_mac=02-00-00-00-00-01, dst.proto_ipv4=10.0.0.0/30)",
        r#"layers = [{ arp = { opcode = 2, "src.hw_mac" = "02:00:00:00:00:01", dst.proto_ipv4 = ["10.0.0.1", "10.0.0.2"] } }]"#,
        r#"[{"layers": [{"arp": {"opcode": "reply", "src": {"hw_mac": "2:0:0:0:0:1"}, "dst": {"proto_ipv4": "10.0.0.1..10.0.0.2"}}}]}]"#,
    ),
    (
        "ipv6(nxt=auto)/ipv6.fraghdr(ident=0xcafe)/data(hex=00:01_02-03)",
        r#"layers = [{ ipv6 = {} }, { "ipv6.fraghdr" = { ident = 0xcafe } }, { data = { hex = "00 01 02 03" } }]"#,
        r#"{"layers": [{"ipv6": {"nxt": "auto"}}, {"ipv6.fraghdr": {"ident": 51966}}, {"data": {"hex": "00010203"}}]}"#,
    ),
    (
        "ip(proto=udp, flags=DF, cut={len=18, rest=0a4d})",
        r#"layers = [{ ip = { proto = "UDP", flags = "df", cut = { len = 18, rest = "0a4d" } } }]"#,
        r#"{"layers": [{"ip": {"proto": 17, "flags": 2, "cut": {"len": 18, "rest": "0a4d"}}}], "number": 7, "findings": []}"#,
    ),
    (
        "tcp(options=[nop, unknown={kind=200, data=0102}, timestamp={tsval=1}, sack=[[1, 2], [3, 4]], raw=0000])",
        r#"layers = [{ tcp = { options = [
          "nop", { unknown = { kind = 200, data = "0102" } }, { timestamp = { tsval = 1, tsecr = 0 } },
          { sack = [[1, 2], [3, 4]] }, { raw = "0000" },
        ] } }]"#,
        r#"{"layers": [{"tcp": {"options": [{"nop": {}}, {"unknown": {"type": 200, "data": "0102"}},
          {"timestamp": {"tsval": 1}}, {"sack": [[1, 2], [3, 4]]}, {"raw": "0000"}], "checksum.status": "good"}}]}"#,
    ),
];

/// The file has one spec after the other: `=== SYNTAX`, the spec, `---`, and what stderr then says.
#[test]
fn every_kind_of_mistake_is_told_with_its_place() {
    let cases = include_str!("craft_mistakes.txt");
    let mut checked = 0;
    for case in cases.split("=== ").filter(|case| !case.is_empty()) {
        let (syntax, case) = case.split_once('\n').unwrap();
        let (spec, wanted) = case.split_once("---\n").unwrap();
        let output = match syntax {
            "expression" => craft(&[spec.trim_end_matches('\n'), "--hex"], ""),
            _ => craft(&["-", "--hex"], spec),
        };
        assert_eq!(String::from_utf8_lossy(&output.stderr), wanted, "{syntax}: {spec}");
        assert_eq!(output.status.code(), Some(2), "{spec}");
        checked += 1;
    }
    assert!(checked > 80, "{checked}");
}

#[test]
fn a_mistake_in_a_file_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.toml");
    std::fs::write(&path, "\n\nlayers = [{ ip = { tll = 1 } }]\n").unwrap();
    let output = craft(&[path.to_str().unwrap()], "");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains(&format!("--> {}:3:20", path.display())), "{stderr}");
    let folder = folder.path().to_str().unwrap();
    let said = String::from_utf8(craft(&[folder], "").stderr).unwrap();
    assert_eq!(said, format!("rawsock: read {folder}: is a directory\n"));
    let missing = craft(&["./there"], "");
    let wanted = "rawsock: read ./there: no such file or directory\n";
    assert_eq!(String::from_utf8_lossy(&missing.stderr), wanted);
    let missing = craft(&["not/there.toml"], "");
    let wanted = "rawsock: read not/there.toml: no such file or directory\n";
    assert_eq!(String::from_utf8_lossy(&missing.stderr), wanted);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn files_of_a_spec_are_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("payload.bin"), [0, 255, 7]).unwrap();
    let spec = folder.path().join("spec.json");
    std::fs::write(&spec, r#"{"layers": [{"data": {"file": "payload.bin"}}]}"#).unwrap();
    assert_eq!(hex_of(&[spec.to_str().unwrap()], ""), ["00ff07"]);
}

#[test]
fn sweeps_multiply_and_the_last_one_runs_fastest() {
    let made = hex_of(&["data(zeros=1..2)/data(pattern=1..5/2)/data(hex=ff)"], "");
    let wanted = ["0000ff", "00000102ff", "000001020304ff", "000000ff", "0000000102ff", "00000001020304ff"];
    // One zero with 1, 3 and 5 octets of pattern, then two zeros.
    assert_eq!(made, wanted.map(|text| text.to_owned()));
}

#[test]
fn a_count_ends_a_round_early_or_begins_it_anew() {
    let ttl = |args: &[&str], stdin: &str| -> Vec<String> {
        hex_of(args, stdin).iter().map(|octets| octets[16..18].to_owned()).collect()
    };
    assert_eq!(ttl(&["ip(ttl=1..3)", "--count", "2"], ""), ["01", "02"]);
    assert_eq!(ttl(&["ip(ttl=1..3)", "--count", "5"], ""), ["01", "02", "03", "01", "02"]);
    let two = "[[packet]]\nlayers = [{ ip.ttl = [1, 2] }]\n[[packet]]\nlayers = [{ ip.ttl = 9 }]\n";
    assert_eq!(ttl(&["-"], two), ["01", "02", "09"]);
    assert_eq!(ttl(&["-", "--count", "4"], two), ["01", "02", "09", "01"]);
    let counted = "[[packet]]\ncount = 3\nlayers = [{ ip.ttl = [1, 2] }]\n[send]\ncount = 4\n";
    assert_eq!(ttl(&["-"], counted), ["01", "02", "01", "01"]);
    // A stream passes once.
    let stream = r#"{"layers":[{"ip":{"ttl":1}}]} {"layers":[{"ip":{"ttl":2}}]}"#;
    assert_eq!(ttl(&["-", "--count", "1"], stream), ["01"]);
    assert_eq!(ttl(&["-", "--count", "9"], stream), ["01", "02"]);
}

#[test]
fn the_largest_product_is_made_lazily() {
    let expression = "ipv6(src=::/0, dst=::/0)/tcp(seq=0..4294967295)";
    let made = hex_of(&[expression, "--count", "3"], "");
    let seq: Vec<&str> = made.iter().map(|octets| &octets[88..96]).collect();
    assert_eq!(seq, ["00000000", "00000001", "00000002"]);
    assert!(made[0][16..].starts_with("00000000000000000000000000000001"), "{}", made[0]);
}

#[test]
fn a_seed_that_is_told_brings_the_same_packets_back() {
    let expression = "ip(src=random(10.0.0.0/8), id=random)/udp(srcport=random(1024..65535))/data(random=40)";
    let first = craft(&[expression, "--hex", "--count", "5"], "");
    let told = String::from_utf8(first.stderr).unwrap();
    let seed = told.strip_prefix("rawsock: seed ").and_then(|rest| rest.split(':').next()).expect(&told);
    let made: Vec<String> = String::from_utf8(first.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(made.len(), 5);
    assert!(made.windows(2).all(|pair| pair[0] != pair[1]), "each packet draws anew");
    assert!(made.iter().all(|octets| octets[24..].starts_with("0a")), "within the network");
    let again = craft(&[expression, "--hex", "--count", "5", "--seed", seed], "");
    assert_eq!(String::from_utf8(again.stdout).unwrap().lines().collect::<Vec<_>>(), made);
    assert_eq!(again.stderr, b"", "a given seed needs not be told");
    assert_ne!(hex_of(&[expression, "--count", "5", "--seed", "1"], ""), made);
    assert_eq!(craft(&["ip(ttl=1..3)", "--hex"], "").stderr, b"", "no seed where nothing is drawn");
}

#[test]
fn a_capture_file_has_the_packets_with_their_comments_times_and_link_types() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let spec =
        "[[packet]]\ncomment = \"one\"\nlayers = [{ eth = {} }, \"x\"]\n[[packet]]\nlayers = [{ ip = {} }]\n";
    let (pcapng, pcap) = (path("a.pcapng"), path("b.pcap"));
    assert_eq!(printed(&["-", "-w", &pcapng], spec), "", "the file is what was asked for");
    let built = hex_of(&["-"], spec);
    let seen = read_json(&pcapng);
    assert_eq!(hex_of(&["-"], &seen), built);
    let link_types: Vec<Json> =
        seen.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()["link_type"].clone()).collect();
    assert_eq!(link_types, [Json::from(1), Json::from(228)]);
    let octets = std::fs::read(&pcapng).unwrap();
    assert!(octets.windows(3).any(|comment| comment == b"one"));

    // What a capture knew is still known: packets of a private link type, at their time.
    let captured = r#"{"time":"1700000000.123456789","link_type":147,"layers":[{"data":{"hex":"00ff"}}]}"#;
    assert_eq!(hex_of(&["-", "-w", &pcap], captured), ["00ff"], "printed as well, when that was asked for");
    let seen: Json = serde_json::from_str(&read_json(&pcap)).unwrap();
    assert_eq!(
        (&seen["link_type"], &seen["layers"][0]["data"]["hex"]),
        (&Json::from(147), &Json::from("00ff"))
    );
    assert!(seen["time"].as_str().unwrap().starts_with("1700000000.123456"), "{seen}");

    // Two link types do not fit into a pcap file; a mistake in the spec leaves the file alone.
    let refused = craft(&["-", "-w", &pcap], spec);
    assert_eq!(refused.status.code(), Some(2));
    let before = std::fs::read(&pcapng).unwrap();
    assert_eq!(craft(&["ip(tll=1)", "-w", &pcapng], "").status.code(), Some(2));
    assert_eq!(std::fs::read(&pcapng).unwrap(), before);
}

fn read_json(path: &str) -> String {
    let read = Command::new(env!("CARGO_BIN_EXE_rawsock")).args(["read", "--json", path]).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    String::from_utf8(read.stdout).unwrap()
}

/// 30 MB of packets through a pipe: no more than one of them is kept.
#[test]
fn a_stream_is_built_with_little_memory() {
    let payload = "5a".repeat(50_000);
    let line = format!("{{\"number\":1,\"layers\":[{{\"data\":{{\"hex\":\"{payload}\"}}}}]}}\n");
    let mut child = start(&["-", "--hex"]);
    let mut output = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()).unwrap());
    let mut input = child.stdin.take().unwrap();
    for _ in 0..300 {
        input.write_all(line.as_bytes()).unwrap();
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    // Without the pages of the program itself, which are large where it is built to be debugged.
    let own = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let own_kb: u64 = own.trim().trim_end_matches(" kB").parse().unwrap();
    drop(input);
    assert!(child.wait().unwrap().success());
    assert_eq!(reader.join().unwrap(), 300 * (2 * 50_000 + 1));
    assert!(own_kb < 6_000, "{own_kb} kB");
}

#[test]
fn packets_of_a_live_stream_are_printed_one_by_one() {
    let mut child = start(&["-", "--hex"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"{\"layers\":[\"x\"]}").unwrap();
    input.flush().unwrap();
    let mut first = [0; 3];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"78\n", "before the stream ends, and without a line's end behind the object");
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn whoever_stops_reading_is_no_error() {
    let mut child = start(&["ip(id=0..65535, ttl=0..255)", "--hex"]);
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
}

#[test]
fn every_example_is_built() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut built = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml" || extension == "json") {
            let packets = hex_of(&[path.to_str().unwrap()], "").len();
            assert!(packets > 0, "{}", path.display());
            writeln!(built, "{} {packets}", path.file_name().unwrap().display()).unwrap();
        }
    }
    assert!(built.contains("port-sweep.toml 12\n") && built.contains("wrong-on-purpose.toml 3\n"), "{built}");
}

#[test]
fn every_spec_of_the_manual_is_built() {
    let manual = include_str!("../docs/SPECS.md");
    let blocks: Vec<Vec<String>> = manual
        .split("```")
        .filter_map(|part| part.split_once('\n'))
        .filter_map(|(syntax, spec)| match syntax {
            "expression" => Some(hex_of(&[spec.trim()], "")),
            "toml" | "json" => Some(hex_of(&["-", "--seed", "1"], spec)),
            _ => None,
        })
        .collect();
    assert_eq!(blocks.iter().map(Vec::len).collect::<Vec<_>>(), [60, 60, 60, 12, 6, 2, 3, 6, 6, 1, 1, 1]);
    assert!(blocks[0] == blocks[1] && blocks[1] == blocks[2], "the first three say the same");
}

#[test]
fn quiet_prints_nothing_and_still_tells_mistakes() {
    assert_eq!(printed(&["ip/udp", "-q"], ""), "");
    assert_eq!(craft(&["ip(tll=1)", "-q"], "").status.code(), Some(2));
}

/// Made with scapy.
#[test]
fn what_stands_behind_a_quoted_packet_and_what_checksums_cover_is_as_scapy_has_it() {
    for (expression, wanted) in AS_SCAPY {
        assert_eq!(hex_of(&[expression], ""), [*wanted], "{expression}");
    }
}

const AS_SCAPY: &[(&str, &str)] = &[
    (
        r#"ip(src=192.0.2.1, dst=192.0.2.2)/icmp(type=11, quoted=ip(src=10.0.0.1, dst=10.0.0.2, id=1)/udp(srcport=1, dstport=2)/"hi", ext.objects=[{class=1, ctype=1, mpls=[{label=22, s=true, ttl=1}]}])"#,
        "450000a8000000004001f651c0000201c00002020b0008fe002000004500001e00010000401166cc0a0000010a000002\
         00010002000a836b68690000000000000000000000000000000000000000000000000000000000000000000000000000\
         000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
         00000000000000000000000020007df40008010100016101",
    ),
    (
        r#"ip(src=192.0.2.1, dst=192.0.2.2)/icmp(type=11, length=0, quoted=ip(src=10.0.0.1, dst=10.0.0.2, id=1)/udp(srcport=1, dstport=2)/"hi", ext.objects=[{class=1, ctype=1, data=00016101}])"#,
        "450000a8000000004001f651c0000201c00002020b00091e000000004500001e00010000401166cc0a0000010a000002\
         00010002000a836b68690000000000000000000000000000000000000000000000000000000000000000000000000000\
         000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
         00000000000000000000000020007df40008010100016101",
    ),
    (
        r#"ipv6(src=2001:db8::1, dst=2001:db8::2)/icmpv6(type=3, quoted=ip(src=10.0.0.1, dst=10.0.0.2, id=1)/udp(srcport=1, dstport=2)/"hi", ext.objects=[{class=1, ctype=1, mpls=[{label=22, s=true, ttl=1}]}])"#,
        "6000000000943a4020010db800000000000000000000000120010db80000000000000000000000020300a4da10000000\
         4500001e00010000401166cc0a0000010a00000200010002000a836b6869000000000000000000000000000000000000\
         000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
         000000000000000000000000000000000000000000000000000000000000000020007df40008010100016101",
    ),
    (
        r#"ipv6(src=2001:db8::1, dst=2001:db8::2)/ipv6.dstopts(options=[padn=2, home_address=2001:db8:77::99])/udp(srcport=1, dstport=2)/"hi""#,
        "6000000000223c4020010db800000000000000000000000120010db8000000000000000000000002110201020000c910\
         20010db800770000000000000000009900010002000a3aea6869",
    ),
    (
        r#"ipv6(src=2001:db8::1, dst=2001:db8::2)/ipv6.routing(type=4, segleft=1, addresses=["2001:db8:1::1", "2001:db8:2::1"])/udp(srcport=1, dstport=2)/"hi""#,
        "6000000000322b4020010db800000000000000000000000120010db80000000000000000000000021104040101000000\
         20010db800010000000000000000000120010db800020000000000000000000100010002000a3bf96869",
    ),
    // Without options.
    (
        "ipv6(src=fe80::1, dst=fe80::2)/ipv6.hopopts/udp(srcport=1, dstport=2)",
        "6000000000100040fe800000000000000000000000000001fe80000000000000000000000000000211000104000000000001000200\
         0802d7",
    ),
    (
        "ipv6(src=fe80::1, dst=fe80::2)/ipv6.dstopts/udp(srcport=1, dstport=2)",
        "6000000000103c40fe800000000000000000000000000001fe80000000000000000000000000000211000104000000000001000200\
         0802d7",
    ),
    (
        r#"ipv6(src=fe80::1, dst=ff02::1)/icmpv6(type=134, nd.ra.cur_hop_limit=64, options=[route_info={length=48, preference=high, lifetime=600, prefix64=2001:db8:1::}, home_agent={preference=1, lifetime=2}, advertisement_interval=3])"#,
        "6000000000303afffe800000000000000000000000000001ff0200000000000000000000000000018600b4ea40000000\
         0000000000000000180230080000025820010db80001000008010000000100020701000000000003",
    ),
];

#[test]
fn nothing_through_a_pipe_is_no_packets() {
    for text in ["", "\n"] {
        let output = craft(&["-", "--hex"], text);
        assert_eq!((output.status.code(), output.stdout), (Some(0), Vec::new()));
    }
}

#[test]
fn a_capture_in_place_of_a_spec_is_told() {
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/tcp-echo.pcapng");
    let output = craft(&[capture.to_str().unwrap()], "");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("is a capture: `rawsock read --toml "), "{said}");
}

//! `read --stats` counts what tshark's `-z` counts.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod corpus;
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{RAWSOCK, run, skip_or_fail, text_of};

/// Captures whose protocols tshark calls as we do.
const CAPTURES: [&str; 13] = [
    "arp-icmp.pcapng",
    "ndp-icmpv6.pcapng",
    "tcp-echo.pcapng",
    "udp-errors.pcap",
    "ip-options.pcapng",
    "multicast.pcapng",
    "raw-ip.pcap",
    "ndp-options.pcap",
    "tunnels.pcap",
    "vlan.pcapng",
    "transports.pcap",
    "dhcp-ntp.pcap",
    "tls.pcap",
];

/// What the compared paths are made of.
const KNOWN: [&str; 27] = [
    "",
    "eth",
    "vlan",
    "ieee8021ad",
    "llc",
    "mpls",
    "pppoed",
    "pppoes",
    "ppp",
    "ip",
    "ipv6",
    "arp",
    "icmp",
    "icmpv6",
    "igmp",
    "gre",
    "sctp",
    "esp",
    "ah",
    "tcp",
    "udp",
    "vxlan",
    "geneve",
    "dhcp",
    "ntp",
    "tls",
    "http",
];

fn statistics(file: &Path) -> Value {
    let output = run(Command::new(RAWSOCK).args(["read", "--stats", "--json"]).arg(file));
    assert!(output.status.success(), "{}", text_of(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn tshark(file: &Path, what: &str) -> Option<String> {
    let output = Command::new("tshark").args(["-n", "-q", "-z", what, "-r"]).arg(file).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Paths of protocols with their packets and octets.
fn protocols(nodes: &Value, before: &str, all: &mut BTreeMap<String, (u64, u64)>) {
    for node in nodes.as_array().unwrap() {
        let path = format!("{before}/{}", node["protocol"].as_str().unwrap());
        all.insert(path.clone(), (node["packets"].as_u64().unwrap(), node["octets"].as_u64().unwrap()));
        protocols(&node["carries"], &path, all);
    }
}

#[test]
fn the_hierarchy_is_that_of_tshark() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    for name in CAPTURES {
        let file = folder.join(name);
        let mut ours = BTreeMap::new();
        protocols(&statistics(&file)["protocols"], "", &mut ours);
        let Some(text) = tshark(&file, "io,phs") else { return skip_or_fail("tshark is not installed") };
        let mut path: Vec<&str> = Vec::new();
        let mut theirs = BTreeMap::new();
        for line in text.lines().filter(|line| line.contains("frames:")) {
            let depth = (line.len() - line.trim_start().len()) / 2;
            let number = |key: &str| -> u64 {
                let behind = line.split(key).nth(1).unwrap();
                behind.split_whitespace().next().unwrap().parse().unwrap()
            };
            path.truncate(depth);
            path.push(line.split_whitespace().next().unwrap());
            theirs.insert(format!("/{}", path.join("/")), (number("frames:"), number("bytes:")));
        }
        // tshark has protocols that we have not, calls raw IP a protocol, and no extension header one.
        let known = |path: &String| path.split('/').all(|name| KNOWN.contains(&name));
        let only = |all: BTreeMap<String, (u64, u64)>| -> BTreeMap<String, (u64, u64)> {
            let plain = |path: String| {
                path.replace("/raw", "")
                    .replace("/ipv6.hopopts", "")
                    .replace("/ipv6.dstopts", "")
                    .replace("/ipv6/ah/", "/ipv6/")
            };
            let mut merged: BTreeMap<String, (u64, u64)> = BTreeMap::new();
            for (path, count) in all {
                if path.contains(".hopopts") && path.ends_with("opts")
                    || path.ends_with(".dstopts")
                    || path.ends_with("/ipv6/ah")
                    || path == "/raw"
                {
                    continue;
                }
                let sum = merged.entry(plain(path)).or_default();
                *sum = (sum.0 + count.0, sum.1 + count.1);
            }
            merged.into_iter().filter(|(path, _)| known(path)).collect()
        };
        let (ours, theirs) = (only(ours), only(theirs));
        assert!(!ours.is_empty());
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn conversations_are_those_of_tshark() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    for (name, kind) in [
        ("tcp-echo.pcapng", "tcp"),
        ("udp-errors.pcap", "udp"),
        ("ndp-icmpv6.pcapng", "ipv6"),
        ("arp-icmp.pcapng", "eth"),
        ("arp-icmp.pcapng", "ip"),
    ] {
        let file = folder.join(name);
        let Some((ours, theirs)) = conversations(&file, kind) else {
            return skip_or_fail("tshark is not installed");
        };
        assert!(!ours.is_empty(), "{name} {kind}");
        assert_eq!(ours, theirs, "{name} {kind}");
    }
}

/// A routing header and a home address option say whom a packet is between, and the IPv6 header which way it goes: RFC 8200
/// §8.1, RFC 6275 §6.3. The tables went by the IPv6 header, and had each direction as a conversation of its own.
#[test]
fn conversations_over_routing_headers_and_from_home_addresses_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("routed.pcap");
    let packets = [
        r#"eth/ipv6(src="2001:db8::a", dst="2001:db8::5")/ipv6.routing(type=4, segleft=1, addresses=["2001:db8::b", "2001:db8::5"])/tcp(srcport=1000)"#,
        r#"eth/ipv6(src="2001:db8::b", dst="2001:db8::a")/tcp(srcport=80, dstport=1000)"#,
        r#"eth/ipv6(src="2001:db8::c", dst="2001:db8::b")/ipv6.dstopts(options=[padn=2, home_address="2001:db8::f"])/udp(srcport=1001, dstport=7)"#,
        r#"eth/ipv6(src="2001:db8::b", dst="2001:db8::c")/ipv6.routing(type=2, segleft=1, addresses=["2001:db8::f"])/udp(srcport=7, dstport=1001)"#,
    ];
    let mut text = String::new();
    for packet in packets {
        let crafted = run(Command::new(RAWSOCK).args(["craft", packet, "--toml"]));
        text += std::str::from_utf8(&crafted.stdout).unwrap();
    }
    let spec = folder.path().join("routed.toml");
    std::fs::write(&spec, text).unwrap();
    let written = run(Command::new(RAWSOCK).arg("craft").arg(&spec).arg("-w").arg(&file));
    assert!(written.status.success(), "{}", text_of(&written));
    for kind in ["tcp", "udp", "ipv6"] {
        let Some((ours, theirs)) = conversations(&file, kind) else {
            return skip_or_fail("tshark is not installed");
        };
        assert_eq!(ours.len(), if kind == "ipv6" { 3 } else { 1 }, "{kind}: {ours:?}");
        assert_eq!(ours, theirs, "{kind}");
    }
}

/// The ends of a conversation, its packets and its octets.
type Conversation = (Vec<String>, u64, u64);

/// The conversations of a file, ours and tshark's.
fn conversations(file: &Path, kind: &str) -> Option<(Vec<Conversation>, Vec<Conversation>)> {
    let text = tshark(file, &format!("conv,{kind}"))?;
    // From, to, frames and octets of both directions, of all together.
    let mut theirs: Vec<Conversation> = text
        .lines()
        .filter(|line| line.contains("<->"))
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().filter(|word| *word != "bytes").collect();
            let mut ends = vec![words[0].to_owned(), words[2].to_owned()];
            ends.sort();
            (ends, words[7].parse().unwrap(), words[8].parse().unwrap())
        })
        .collect();
    let mut ours: Vec<Conversation> = statistics(file)[format!("{kind}.conversations")]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let end = |name: &str| one[name].as_str().unwrap().replace(['[', ']'], "");
            let mut ends = vec![end("from"), end("to")];
            ends.sort();
            let sum = |what: &str| {
                one["sent"][0][what].as_u64().unwrap() + one["received"][0][what].as_u64().unwrap()
            };
            (ends, sum("packets"), sum("octets"))
        })
        .collect();
    theirs.sort();
    ours.sort();
    Some((ours, theirs))
}

/// Captures in which names are asked for, echoes answered, and time goes by.
fn timed_captures() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut files: Vec<PathBuf> =
        ["answers.pcap", "arp-icmp.pcapng", "ndp-icmpv6.pcapng"].map(|name| own.join(name)).into();
    if let Some(shared) = corpus::shared_captures() {
        files.push(shared.join("tcpdump/tests/edns-opts.pcap"));
        files.push(shared.join("dpkt/examples/data/dns_icmp.pcap"));
    }
    files
}

fn fields(file: &Path, filter: &str, name: &str) -> Option<Vec<String>> {
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-Y", filter, "-T", "fields", "-e", name, "-r"]).arg(file);
    let output = tshark.output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

/// The times of tshark's field, in nanoseconds, when it writes them in units of so many.
fn times(file: &Path, name: &str, unit: f64) -> Option<Vec<u64>> {
    let mut times: Vec<u64> = fields(file, name, name)?
        .iter()
        .map(|time| (time.parse::<f64>().unwrap() * unit).round() as u64)
        .collect();
    times.sort_unstable();
    Some(times)
}

/// The smallest of the times that so many in a hundred do not exceed.
fn percentile(times: &[u64], percent: usize) -> u64 {
    times[(times.len() * percent).div_ceil(100) - 1]
}

#[test]
fn rates_are_those_of_tshark() {
    let mut intervals = 0;
    for file in timed_captures() {
        let Some(text) = tshark(&file, "io,stat,1") else { return skip_or_fail("tshark is not installed") };
        let theirs: Vec<(u64, u64)> = text
            .lines()
            .filter(|line| line.contains("<>"))
            .map(|line| {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                (cells[2].parse().unwrap(), cells[3].parse().unwrap())
            })
            .collect();
        let rates = &statistics(&file)["rates"];
        assert_eq!(rates["interval_ns"], 1_000_000_000);
        let ours: Vec<(u64, u64)> = rates["intervals"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["packets"].as_u64().unwrap(), one["octets"].as_u64().unwrap()))
            .collect();
        assert_eq!(ours, theirs, "{}", file.display());
        intervals += ours.len();
    }
    assert!(intervals > 30, "{intervals}");
}

#[test]
fn answers_take_as_long_as_in_tshark() {
    let mut compared = 0;
    for file in timed_captures() {
        let statistics = statistics(&file);
        for (protocol, field, unit, question, answer) in [
            ("dns", "dns.time", 1e9, "dns.flags.response == 0", "dns.flags.response == 1"),
            ("icmp", "icmp.resptime", 1e6, "icmp.type == 8", "icmp.type == 0"),
            ("icmpv6", "icmpv6.resptime", 1e6, "icmpv6.type == 128", "icmpv6.type == 129"),
        ] {
            let Some(theirs) = times(&file, field, unit) else {
                return skip_or_fail("tshark is not installed");
            };
            let Some(ours) = statistics["response_times"]
                .as_array()
                .unwrap()
                .iter()
                .find(|one| one["protocol"] == protocol)
            else {
                assert!(theirs.is_empty(), "{}: {protocol}", file.display());
                continue;
            };
            let name = format!("{}: {protocol}: {ours}", file.display());
            let number = |key: &str| ours[key].as_u64().unwrap();
            // What is quoted, multicast or over TCP has no times here.
            let sent = match protocol {
                "dns" => " and udp.port == 53 and not icmp and not (mdns or llmnr)",
                "icmp" => " and not icmp.type in {3, 11}",
                _ => " and not icmpv6.type in {1..4}",
            };
            let count = |filter: &str| {
                fields(&file, &format!("{filter}{sent}"), "frame.number").unwrap().len() as u64
            };
            assert_eq!((number("questions"), number("answers")), (count(question), count(answer)), "{name}");
            assert_eq!(number("timed"), theirs.len() as u64, "{name}");
            if protocol == "dns" {
                let again = number("asked_again") + number("answered_again");
                assert_eq!(again, count("dns.retransmission == 1"), "{name}");
                assert_eq!(number("unasked"), count("dns.unsolicited == 1"), "{name}");
            }
            let asked = number("questions") - number("asked_again");
            assert_eq!(number("unanswered"), asked - theirs.len() as u64, "{name}");
            if theirs.is_empty() {
                continue;
            }
            let time = |key: &str| ours["times_ns"][key].as_u64().unwrap();
            let mean = theirs.iter().sum::<u64>() / theirs.len() as u64;
            let wanted =
                [theirs[0], mean, percentile(&theirs, 50), percentile(&theirs, 99), theirs[theirs.len() - 1]];
            let found = ["min", "avg", "p50", "p99", "max"].map(time);
            for (found, wanted) in found.iter().zip(wanted) {
                assert!(found.abs_diff(wanted) <= 1, "{name}: {wanted}");
            }
            compared += theirs.len();
        }
    }
    assert!(compared > 35, "{compared}");
}

#[test]
fn round_trips_of_tcp_are_those_of_tshark() {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut files = vec![ours.join("tcp-echo.pcapng"), ours.join("tcp-stories.pcap")];
    if let Some(shared) = corpus::shared_captures() {
        files.extend(TCP_CAPTURES.iter().map(|name| shared.join(name)));
    }
    let mut compared = 0;
    for file in files {
        let mut tshark = Command::new("tshark");
        tshark.args(["-n", "-o", "ip.defragment:FALSE", "-Y", "tcp", "-T", "fields", "-e", "tcp.stream"]);
        tshark.args(["-e", "tcp.analysis.ack_rtt", "-e", "tcp.analysis.initial_rtt", "-r"]).arg(&file);
        let Ok(output) = tshark.output() else { return skip_or_fail("tshark is not installed") };
        // By stream: the first time of its handshake, and those of all acknowledgments.
        let mut theirs: BTreeMap<u64, (Option<u64>, Vec<u64>)> = BTreeMap::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let cells: Vec<&str> = line.split('\t').collect();
            let time = |cell: &str| Some((cell.parse::<f64>().ok()? * 1e9).round() as u64);
            let Ok(stream) = cells[0].parse() else { continue };
            let (acknowledged, initial) = (time(cells[1]), time(cells[2]));
            if acknowledged.is_some() || initial.is_some() {
                let of = theirs.entry(stream).or_default();
                of.0 = of.0.or(initial);
                of.1.extend(acknowledged);
            }
        }
        let trips = &statistics(&file)["tcp_round_trips"];
        let ours: BTreeMap<u64, &Value> = trips["connections"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["stream"].as_u64().unwrap(), one))
            .collect();
        let name = file.display();
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "{name}");
        for (stream, (initial, times)) in &theirs {
            let own = ours[stream];
            assert_eq!(own["initial_ns"].as_u64(), *initial, "{name}: {stream}");
            assert_eq!(own["acks"].as_u64(), Some(times.len() as u64), "{name}: {stream}");
            assert_eq!(own["min_ns"].as_u64(), times.iter().min().copied(), "{name}: {stream}");
            assert_eq!(own["max_ns"].as_u64(), times.iter().max().copied(), "{name}: {stream}");
        }
        for (key, wanted) in [
            ("initial", theirs.values().filter_map(|(initial, _)| *initial).collect::<Vec<_>>()),
            ("acks", theirs.values().flat_map(|(_, times)| times.clone()).collect()),
        ] {
            let mut wanted = wanted;
            wanted.sort_unstable();
            assert_eq!(trips[key]["count"].as_u64(), Some(wanted.len() as u64), "{name}: {key}");
            if wanted.is_empty() {
                continue;
            }
            assert_eq!(trips[key]["p50_ns"].as_u64(), Some(percentile(&wanted, 50)), "{name}: {key}");
            assert_eq!(trips[key]["p99_ns"].as_u64(), Some(percentile(&wanted, 99)), "{name}: {key}");
            let mean = wanted.iter().sum::<u64>() / wanted.len() as u64;
            assert_eq!(trips[key]["avg_ns"].as_u64(), Some(mean), "{name}: {key}");
        }
        compared += theirs.len();
    }
    assert!(compared > 10, "{compared}");
}

#[test]
fn who_talks_most_is_told_first() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/answers.pcap");
    let Some(text) =
        tshark(&file, "endpoints,ip").zip(tshark(&file, "endpoints,ipv6")).map(|(four, six)| four + &six)
    else {
        return skip_or_fail("tshark is not installed");
    };
    let mut theirs: Vec<(u64, String)> = text
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_digit()))
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            (words[2].parse().unwrap(), words[0].to_owned())
        })
        .collect();
    theirs.sort_by(|one, other| other.cmp(one));
    let ours: Vec<(u64, String)> = statistics(&file)["top_talkers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["octets"].as_u64().unwrap(), one["end_point"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(ours, theirs, "{text}");
}

#[test]
fn the_tables_say_what_there_is() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/tcp-echo.pcapng");
    let text = text_of(&run(Command::new(RAWSOCK).args(["read", "--stats"]).arg(&file)));
    for words in [
        "12 packets, 814 octets",
        "TCP conversations: 2",
        "10.77.1.2:33756",
        "IPv4 end points: 2",
        "  eth ",
        "64-127",
    ] {
        assert!(text.contains(words), "{words}:\n{text}");
    }
    let answers = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/answers.pcap");
    let timed = text_of(&run(Command::new(RAWSOCK).args(["read", "--stats"]).arg(&answers)));
    for words in [
        "Rates, in intervals of 1 s: 18\n",
        "by packets  9.000000       40",
        "DNS             31      1        30      1        1           2  1.000  54.464  194.895  10.000  30.500  1050.000  1050.000\n",
        "10.0.0.1        5658  86.2%  2549      3109\n",
    ] {
        assert!(timed.contains(words), "{words}:\n{timed}");
    }
    let filtered =
        text_of(&run(Command::new(RAWSOCK).args(["read", "--stats"]).arg(&file).arg("tcp port 8")));
    assert!(filtered.starts_with("2 packets, 128 octets"), "{filtered}");
}

/// Captures of `../shared/captures` with acknowledged segments.
const TCP_CAPTURES: &[&str] = &[
    "tcpdump/tests/resp_3_malicious.pcap",
    "tcpdump/tests/of10_7050sx_bsn.pcap",
    "tcpdump/tests/ssh.pcap",
    "tcpdump/tests/zmtp1.pcap",
    "tcpdump/tests/tfo-5c1fa7f9ae91.pcap",
    "pcapplusplus/Tests/Pcap++Test/PcapExamples/three_http_streams.pcap",
    "pcapplusplus/Tests/Pcap++Test/PcapExamples/IgmpPackets.pcap",
    "pcapplusplus/Tests/Pcap++Test/PcapExamples/one_tcp_stream.pcap",
    "pcapplusplus/Tests/Pcap++Test/PcapExamples/one_ipv6_http_stream.pcap",
    "pcapplusplus/Tests/Pcap++Test/PcapExamples/one_tcp_stream_fin_rst_close_packet.pcap",
];

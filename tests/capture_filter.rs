//! Capture filters take the packets that tcpdump takes: hundreds of expressions, on all packets of all captures, of each link
//! type.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod corpus;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use corpus::captures;
use rawsock::file::{CaptureReader, CaptureWriter, Interface, WriteOptions};
use rawsock::filter::capture::{BuiltIn, CaptureFilter, Target};
use rawsock::wire::frame::{Frame, LinkType};
use support::{run, skip_or_fail};

const LINK_TYPES: [LinkType; 8] = [
    LinkType::ETHERNET,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType::RAW,
    LinkType::IPV4,
    LinkType::IPV6,
];

/// Expressions of our own, besides those of manuals and other projects' tests.
const EXPRESSIONS: &str = include_str!("capture_filter_expressions.txt");

/// A packet: its octets, and how long it was on the wire.
type Packet = (Vec<u8>, u32);

/// Operations stand in each other, however they are written: a long sum is no deeper than a filter may be.
#[test]
fn a_sum_of_any_length_is_refused_in_words() {
    for text in ["+1", " - 1", "*len", "&(1)", "+ip[0]"] {
        for count in [5000, 60_000] {
            let filter = format!("ip[0]{} > 3", text.repeat(count));
            let error = CaptureFilter::compile(&filter, &Target::file(LinkType::ETHERNET, &BuiltIn));
            let error = error.unwrap_err().to_string();
            assert!(error.contains("too long"), "{text} {count}: {error}");
        }
    }
}

#[test]
fn the_same_packets_as_tcpdump() {
    if Command::new("tcpdump").arg("--version").output().is_err() {
        return skip_or_fail("tcpdump is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut differences = Vec::new();
    let mut compared = 0;
    for (link_type, packets) in packets() {
        let file = folder.path().join(format!("{}.pcap", link_type.0));
        write(&file, link_type, &packets);
        for expression in expressions() {
            compared += packets.len();
            if let Some(difference) = difference(&file, link_type, &packets, &expression) {
                differences.push(format!("link type {}, `{expression}`: {difference}", link_type.0));
            }
        }
    }
    eprintln!("{compared} answers compared");
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

fn expressions() -> Vec<String> {
    let mut expressions: Vec<String> =
        EXPRESSIONS.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/filters/expressions.tsv");
    match fs::read_to_string(&shared) {
        Ok(text) => expressions
            .extend(text.lines().skip(1).filter_map(|line| Some(line.split('\t').nth(2)?.to_owned()))),
        Err(error) => eprintln!("without {}: {error}", shared.display()),
    }
    assert!(expressions.len() > 100);
    expressions
}

/// What we say and what tcpdump says, where that is not the same.
fn difference(file: &Path, link_type: LinkType, packets: &[Packet], expression: &str) -> Option<String> {
    let ours = CaptureFilter::compile(expression, &Target::file(link_type, &BuiltIn));
    let theirs = run(Command::new("tcpdump").args(["-w", "-", "-r"]).arg(file).arg("--").arg(expression));
    let said = String::from_utf8_lossy(&theirs.stderr).into_owned();
    if is_exception(expression, &said) {
        return None;
    }
    let ours = match (ours, theirs.status.success()) {
        (Err(_), false) => return None,
        (Ok(ours), false) if said.contains("expression rejects all packets") && ours.matches_nothing() => {
            return None;
        }
        (Err(error), true) => return Some(format!("only we refuse it: {error}")),
        (Ok(_), false) => return Some(format!("only tcpdump refuses it: {said}")),
        (Ok(ours), true) => ours,
    };
    let taken: Vec<usize> = (0..packets.len())
        .filter(|number| {
            let (data, len) = &packets[*number];
            ours.matches(&Frame { len: *len, ..Frame::new(data, link_type) })
        })
        .collect();
    let theirs = times(theirs.stdout);
    let only = |these: &[usize], those: &[usize]| -> Vec<usize> {
        these.iter().filter(|number| !those.contains(number)).copied().take(5).collect()
    };
    (taken != theirs)
        .then(|| format!("we alone take {:?}, tcpdump {:?}", only(&taken, &theirs), only(&theirs, &taken)))
}

/// Where we say more than the tcpdump that judges.
fn is_exception(expression: &str, said: &str) -> bool {
    // Newer ones than 1.10 know VXLAN, and no longer say that nothing has bits of 0xffffffff; files say the direction in their
    // blocks.
    (expression.contains("vxlan") && said.contains("syntax error"))
        || expression.contains("& 0xFFFFFFFF == 0")
        || said.contains("not supported on") && said.contains("when reading savefiles")
}

/// The packets' numbers, which are the seconds of their times.
fn times(file: Vec<u8>) -> Vec<usize> {
    let mut numbers = Vec::new();
    let mut reader = CaptureReader::new(Cursor::new(file)).unwrap();
    while let Some(frame) = reader.next().unwrap() {
        numbers.push(usize::try_from(frame.time.unwrap() / 1_000_000_000).unwrap());
    }
    numbers
}

fn write(path: &Path, link_type: LinkType, packets: &[Packet]) {
    let mut writer = CaptureWriter::create(path, WriteOptions::default()).unwrap();
    writer.add_interface(&Interface::of(link_type)).unwrap();
    for (number, (data, len)) in packets.iter().enumerate() {
        let time = Some(i64::try_from(number).unwrap() * 1_000_000_000);
        writer.write(&Frame { time, len: *len, ..Frame::new(data, link_type) }).unwrap();
    }
    writer.finish().unwrap();
}

/// All packets that can be filtered, by link type.
fn packets() -> BTreeMap<LinkType, Vec<Packet>> {
    let mut packets: BTreeMap<LinkType, Vec<Packet>> = BTreeMap::new();
    for path in captures() {
        let Ok(mut reader) = CaptureReader::open(&path) else { continue };
        for _ in 0..2_000 {
            match reader.next() {
                Ok(Some(frame)) if LINK_TYPES.contains(&frame.link_type) && frame.data.len() < 65_536 => {
                    if frame.link_type == LinkType::NULL && frame.data.first() == Some(&0) {
                        // Of a big-endian machine: in a file of a little-endian one tcpdump does not know its family.
                        continue;
                    }
                    let len = frame.len.max(u32::try_from(frame.data.len()).unwrap());
                    packets.entry(frame.link_type).or_default().push((frame.data.to_vec(), len));
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) if error.goes_on() => {}
                Err(_) => break,
            }
        }
    }
    // Raw IP is what others carry: packets of Ethernet without their header stand for the link types that no capture has.
    let raw: Vec<Packet> = packets
        .get(&LinkType::ETHERNET)
        .into_iter()
        .flatten()
        .filter(|(data, _)| matches!(data.get(12..14), Some([0x08, 0x00] | [0x86, 0xdd])))
        .map(|(data, len)| (data[14..].to_vec(), len - 14))
        .collect();
    for link_type in [LinkType::RAW, LinkType::IPV4, LinkType::IPV6] {
        packets.entry(link_type).or_default().extend(raw.iter().cloned());
    }
    for list in packets.values_mut() {
        // Every packet also cut, where loads fail.
        let cut: Vec<Packet> =
            list.iter().step_by(3).map(|(data, len)| (data[..data.len() * 2 / 3].to_vec(), *len)).collect();
        list.extend(cut);
        let short: Vec<Packet> =
            list.iter().step_by(5).map(|(data, len)| (data[..data.len().min(17)].to_vec(), *len)).collect();
        list.extend(short);
    }
    packets
}

#[test]
fn the_kernel_takes_every_program() {
    // Any socket can have a filter, and the kernel checks it all the same.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    let mut taken = 0;
    for link_type in [LinkType::ETHERNET, LinkType::RAW, LinkType::LINUX_SLL2] {
        for expression in expressions() {
            let target = Target { is_live: true, ..Target::file(link_type, &BuiltIn) };
            let Ok(filter) = CaptureFilter::compile(&expression, &target) else { continue };
            let cooked = filter.program_for_cooked_socket().filter(|_| link_type == LinkType::LINUX_SLL2);
            for program in [Some(filter.program().to_vec()), cooked].into_iter().flatten() {
                let program: Vec<_> =
                    program.iter().map(|i| socket2::SockFilter::new(i.code, i.jt, i.jf, i.k)).collect();
                socket.attach_filter(&program).unwrap_or_else(|error| panic!("`{expression}`: {error}"));
                taken += 1;
            }
        }
    }
    assert!(taken > 500, "{taken}");
}

#[test]
fn what_is_printed_of_a_program_is_what_tcpdump_runs() {
    // The three lengths of -d say the same instructions, and every instruction that we make has a name.
    for expression in expressions() {
        let Ok(filter) = CaptureFilter::compile(&expression, &Target::file(LinkType::ETHERNET, &BuiltIn))
        else {
            continue;
        };
        let (mut assembly, mut array, mut decimal) = (String::new(), String::new(), String::new());
        filter.write_assembly(&mut assembly).unwrap();
        filter.write_array(&mut array).unwrap();
        filter.write_decimal(&mut decimal).unwrap();
        assert!(!assembly.contains('?'), "{expression}:\n{assembly}");
        let count = filter.program().len();
        assert_eq!((assembly.lines().count(), array.lines().count()), (count, count));
        assert_eq!(decimal.lines().next().unwrap(), count.to_string());
    }
}

#[test]
fn programs_that_tcpdump_prints_alike() {
    let expressions = [
        "ip",
        "arp",
        "tcp",
        "icmp",
        "tcp port 80",
        "host 10.0.0.1",
        "net 10.0.0.0/8",
        "vlan and tcp",
        "ip6 and udp",
        "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
        "ether host 00:01:02:03:04:05",
        "not port 53",
        "len > 100",
    ];
    for expression in expressions {
        let Ok(theirs) = Command::new("tcpdump").args(["-y", "EN10MB", "-d", expression]).output() else {
            return skip_or_fail("tcpdump is not installed");
        };
        let theirs = String::from_utf8_lossy(&theirs.stdout).into_owned();
        let filter = CaptureFilter::compile(expression, &Target::file(LinkType::ETHERNET, &BuiltIn)).unwrap();
        let mut ours = String::new();
        filter.write_assembly(&mut ours).unwrap();
        // The two ends may stand in either order; the loads and questions before them are the same.
        let loads = |text: &str| -> Vec<String> {
            let words = |line: &str| line.split_whitespace().skip(1).take(2).collect::<Vec<_>>().join(" ");
            text.lines().filter(|line| !line.contains("ret")).map(words).collect()
        };
        assert_eq!(loads(&ours), loads(&theirs), "{expression}\nours:\n{ours}\ntcpdump's:\n{theirs}");
    }
}

#[test]
fn mistakes_are_shown_at_their_place() {
    let cases = [
        ("tcp prot 80", "1:5", "did you mean `proto`?"),
        ("host 10.0.0.256", "1:6", "`10.0.0.256` is no IPv4 address"),
        ("net 10.0.0.1/8", "1:5", "bits set that its mask leaves out"),
        ("tcp[0:3] = 1", "1:7", "expected 1, 2 or 4"),
        ("port 70000", "1:6", "greater than 65535"),
        ("tcp and 80", "1:9", "an address alone"),
        ("10.0.0.1", "1:1", "`host`, `net`, `port`, `src` or `dst` before it"),
        ("(tcp", "1:5", "`and`, `or` or `)`"),
        ("ip[0] / 0 = 1", "1:7", "division by zero"),
        ("icmp host 10.0.0.1", "1:11", "`icmp` cannot stand before an IPv4 address"),
        ("ip proto \\tpc", "1:10", "did you mean `tcp`?"),
        ("wlan addr1 00:00:00:00:00:00", "1:6", "is not supported"),
    ];
    for (text, place, words) in cases {
        let error = CaptureFilter::compile(text, &Target::file(LinkType::ETHERNET, &BuiltIn)).unwrap_err();
        let rendered = error.render(false);
        assert!(
            rendered.contains(&format!("<filter>:{place}\n")) && rendered.contains(words),
            "{text}:\n{rendered}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_a_filter_or_a_mistake(
        text in "((tcp|not|and|or|port|host|net|ip|vlan|mpls|src|dst|\\[|\\]|\\(|\\)|[0-9]{1,3}|10\\.0|::1|&|=|<<|/|-|len|\\\\x|é) ?){0,12}",
        data in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80),
    ) {
        for link_type in LINK_TYPES {
            let target = Target::file(link_type, &BuiltIn);
            match CaptureFilter::compile(&text, &target) {
                Ok(filter) => {
                    let _ = filter.matches(&Frame::new(&data, link_type));
                }
                Err(error) => assert!(!error.render(false).is_empty()),
            }
        }
    }
}

//! Where fields are: `read -vv` says the same octets as tshark, and `--field` sets them off in the hex.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test code"
)]

mod corpus;
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::{RAWSOCK, run, text_of};

fn ours(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)
}

fn read(arguments: &[&str], file: &Path) -> String {
    text_of(&run(Command::new(RAWSOCK).arg("read").args(arguments).arg(file)))
}

/// The places of a tree's lines: `[14..34]  Internet Protocol version 4 (ip): ...`.
fn places(tree: &str) -> Vec<(String, usize, usize)> {
    let place = |line: &str| {
        let (start, rest) = line.trim_start().strip_prefix('[')?.split_once("..")?;
        let (end, rest) = rest.split_once("]  ")?;
        let (start, end): (usize, usize) = (start.parse().ok()?, end.parse().ok()?);
        let name = rest.split(" (").skip(1).find_map(|part| part.split_once("):"))?.0;
        Some((name.to_owned(), start, end - start))
    };
    tree.lines().filter_map(place).collect()
}

#[test]
fn the_places_of_tshark() {
    let mut compared = 0;
    for file in corpus::captures() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        // tshark gives up early where lengths contradict themselves.
        if file.parent() != Some(&ours("")) || name.starts_with("wrong-on-purpose") {
            continue;
        }
        let tree = read(&["-vv"], &file);
        let own: Vec<_> = tree.split("\n\n").map(places).collect();
        let theirs = corpus::pdml::places(&file);
        assert_eq!(own.len(), theirs.len(), "{name}");
        for (number, (own, theirs)) in own.iter().zip(&theirs).enumerate() {
            for field in FIELDS {
                let of = |all: &[(String, usize, usize)]| {
                    all.iter().filter(|(name, ..)| name == field).cloned().collect::<Vec<_>>()
                };
                assert_eq!(of(own), of(theirs), "{name} #{}", number + 1);
                compared += of(own).len();
            }
        }
    }
    assert!(compared > 1000, "only {compared} places were compared");
}

#[test]
fn a_field_is_set_off_in_brackets() {
    let file = ours("tcp-echo.pcapng");
    for (arguments, marked) in [
        (["--hex", "--field", "tcp.options"], "[020405b40402080a91a6f607000000000103030a]"),
        (["-x", "--field", "tcp.options.mss"], "[020405b4]"),
        (["-q", "--field", "ip.ttl"], ""),
        (["-xx", "--field", "eth.type"], "[0800]"),
        (["-x", "--field", "eth.src"], "[020000770102]"),
        (["-x", "--field", "ip.version"], "[45]"),
    ] {
        let text = read(&[&arguments[..], &["-c1"]].concat(), &file);
        let hex: String = text
            .lines()
            .filter_map(|line| line.strip_prefix("\t0x")?.split_once(":  "))
            .map(|(_, row)| row)
            .collect();
        // A field that goes over the end of a row is set off in both.
        let hex = hex.replace(' ', "").replace("][", "");
        let found = hex.find('[').map_or("", |start| &hex[start..=hex.rfind(']').unwrap()]);
        assert_eq!(found, marked, "{arguments:?}");
    }
    let output =
        run(Command::new(RAWSOCK).args(["--color", "always", "read", "-c1", "--field", "tcp"]).arg(&file));
    let text = text_of(&output);
    assert!(text.contains(" \u{1b}[7m83dc 0007"), "without -x too, it is the hex that is wanted: {text:?}");
    assert_eq!(text.matches("\u{1b}[7m").count(), text.matches("\u{1b}[0m").count());
    let output = run(Command::new(RAWSOCK).args(["read", "--field", "tcp.optoins"]).arg(&file));
    assert!(text_of(&output).contains("did you mean `tcp.options`?"), "{}", text_of(&output));
}

/// Fields (but not `ip.dst`, which tshark looks up at the end of a source route) that stand in octets of their own, or that tshark says to stand in the same as we.
const FIELDS: [&str; 29] = [
    "eth.dst",
    "eth.src",
    "eth.type",
    "arp.opcode",
    "arp.src.proto_ipv4",
    "ip.version",
    "ip.hdr_len",
    "ip.dsfield",
    "ip.dsfield.dscp",
    "ip.len",
    "ip.id",
    "ip.flags",
    "ip.frag_offset",
    "ip.ttl",
    "ip.checksum",
    "ip.src",
    "ipv6.src",
    "ipv6.hlim",
    "icmp.type",
    "icmp.seq",
    "icmpv6.type",
    "tcp.srcport",
    "tcp.seq",
    "tcp.hdr_len",
    "tcp.window_size_value",
    "tcp.checksum",
    "udp.dstport",
    "udp.length",
    "udp.checksum",
];

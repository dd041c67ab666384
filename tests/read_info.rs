//! `read --info` says of a file what capinfos says of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod corpus;
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{RAWSOCK, run, text_of};

/// What is compared; rates and times with as many decimals as capinfos has.
const TITLES: [&str; 10] = [
    "Number of packets",
    "File size",
    "Data size",
    "Capture duration",
    "First packet time",
    "Last packet time",
    "Data byte rate",
    "Average packet size",
    "Average packet rate",
    "Strict time order",
];

/// Where capinfos tells something else than the file has.
const OTHERWISE: [(&str, &str); 3] = [
    ("pcapng-example.pcapng", "a packet of the year 2061 is one of 586524 to it"),
    ("pim_header_asan-2.pcap", "it leaves the times of the year 1970 out"),
    ("atm-oam-loopback-print-overrun.pcap", "it reads a head in front of ATM cells, and a time behind it"),
];

type Said = BTreeMap<String, String>;

fn info(arguments: &[&str], path: &Path) -> std::process::Output {
    run(Command::new(RAWSOCK).args(["read", "--info", "--utc"]).args(arguments).arg(path))
}

/// Each title's value: a number, or what stands there up to the first comma.
fn said(text: &str) -> Said {
    let of_line = |line: &str| {
        let (title, value) = line.split_once(':')?;
        let value = value.trim();
        let first = value.split([' ', ',']).next().unwrap_or_default();
        let value = match first.parse::<f64>() {
            Ok(number) => format!("{number:.6}"),
            Err(_) if title.ends_with("time") => value.split('.').next().unwrap_or_default().to_owned(),
            Err(_) => first.to_owned(),
        };
        TITLES.contains(&title).then(|| (title.to_owned(), value))
    };
    text.lines().filter_map(of_line).collect()
}

/// capinfos reckons with seconds since 1970 in floating point, whose last digits are microseconds.
fn is_near(value: &str, other: &str) -> bool {
    match (value.parse::<f64>(), other.parse::<f64>()) {
        (Ok(value), Ok(other)) => (value - other).abs() <= value.abs() * 0.1 + 1e-6,
        _ => value == other,
    }
}

fn capinfos(path: &Path) -> Option<Said> {
    let output = run(Command::new("capinfos").env("TZ", "UTC").arg("-M").arg(path));
    output.status.success().then(|| said(&String::from_utf8_lossy(&output.stdout)))
}

#[test]
fn files_are_told_of_as_by_capinfos() {
    let files: Vec<PathBuf> = corpus::captures();
    let (mut compared, mut differences) = (0, Vec::new());
    for path in &files {
        let Some(mut theirs) = capinfos(path) else { continue };
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if OTHERWISE.iter().any(|(other, _)| name == *other) {
            continue;
        }
        let output = info(&[], path);
        if !output.stderr.is_empty() {
            // Of damaged files each tells what it could read.
            continue;
        }
        let mut ours = said(&String::from_utf8_lossy(&output.stdout));
        // It tells no times where some packets have none.
        if theirs.get("Strict time order").is_some_and(|order| order == "Unknown") {
            ours.retain(|title, _| theirs.contains_key(title));
        }
        // Without packets it says one or the other.
        if !theirs.contains_key("Data size") || theirs["Number of packets"].parse() == Ok(0.0) {
            theirs.remove("Strict time order");
            ours.remove("Strict time order");
        }
        // Where there is one packet, or no time, there is no rate; capinfos says so in its own way.
        for known in [&mut ours, &mut theirs] {
            known.retain(|_, value| value != "n/a" && value.parse() != Ok(0.0));
        }
        compared += 1;
        if ours.len() != theirs.len()
            || !ours.iter().all(|(title, value)| theirs.get(title).is_some_and(|other| is_near(value, other)))
        {
            differences.push(format!("{}: ours {ours:?}, capinfos {theirs:?}", path.display()));
        }
    }
    assert!(differences.is_empty(), "{} of {compared}:\n{}", differences.len(), differences.join("\n"));
    assert!(compared >= 20, "{compared} of {} files", files.len());
}

#[test]
fn interfaces_packing_and_json() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/arp-icmp.pcapng");
    let folder = tempfile::tempdir().unwrap();
    let packed = folder.path().join("packed.pcapng.gz");
    run(Command::new(RAWSOCK).arg("read").arg(&source).arg("-w").arg(&packed));
    let output = info(&["--json"], &packed);
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines = run(Command::new(RAWSOCK).args(["read", "--count"]).arg(&source));
    assert_eq!(object["packets"].to_string(), String::from_utf8_lossy(&lines.stdout).trim());
    assert_eq!(object["type"], "pcapng, packed by gzip");
    assert_eq!(object["file_size"], std::fs::metadata(&packed).unwrap().len());
    assert_eq!(object["interfaces"][0]["packets"], object["packets"]);
    let text = info(&[], &packed);
    assert!(String::from_utf8_lossy(&text.stdout).contains("File type:           pcapng, packed by gzip\n"));
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_told() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/answers.pcap");
    let whole = std::fs::read(&source).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.pcap");
    std::fs::write(&cut, &whole[..whole.len() - 5]).unwrap();
    let output = info(&[], &cut);
    assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
    let ours = said(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(ours["Number of packets"], "78.000000");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cut.pcap: "), "{}", text_of(&output));
    let output = info(&[], Path::new("/etc/passwd"));
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    // A filter is of packets.
    let output = run(Command::new(RAWSOCK).args(["read", "--info"]).arg(&source).arg("tcp"));
    assert_eq!(output.status.code(), Some(2));
}

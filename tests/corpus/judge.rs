//! What tshark says of chosen fields, for packets of the protocols that we have.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use rawsock::file::{CaptureReader, CaptureWriter, Interface, WriteOptions};
use rawsock::proto::registry;
use rawsock::wire::frame::Frame;

use super::captures;

/// Fragments as they are, and lengths of zero as those of segments that the interface cuts.
pub(crate) const SEPARATE: [&str; 3] =
    ["ip.defragment:FALSE", "ipv6.defragment:FALSE", "ip.tso_support:TRUE"];

/// Captures of which tshark reads other packets than we do, or other times.
const NOT_COMPARED: [(&str, &str); 10] = [
    ("test010.pcapng", "packets without a time, which are of the year 1970 for tshark"),
    ("test011.pcapng", "packets without a time"),
    ("test016.pcapng", "packets without a time"),
    ("test017.pcapng", "its blocks are no packets for us"),
    ("test018.pcapng", "its blocks are no packets for us"),
    ("test100.pcapng", "packets without a time"),
    ("pcapng-example.pcapng", "times behind the year 2262"),
    ("ipv6_ext_headers.pcap", "more layers than we follow"),
    ("wccp_redirect_gre.pcap", "the redirect header of WCCP is octets for us"),
    ("test901.pcapng", "a section of another version, which tshark reads no further than"),
];

/// The captures that are compared.
pub(crate) fn compared() -> Vec<PathBuf> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let is_compared = |path: &PathBuf| !NOT_COMPARED.iter().any(|(known, _)| *known == name(path));
    captures().into_iter().filter(is_compared).collect()
}

/// The values of fields of all packets of a file, a row for each; no rows where tshark cannot read it.
pub(crate) fn fields(
    file: &Path,
    names: &[&str],
    preferences: &[&str],
    others: &[String],
) -> Vec<Vec<String>> {
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-T", "fields", "-r"]).arg(file);
    for name in names {
        tshark.args(["-e", name]);
    }
    with(&mut tshark, preferences, others);
    let output = tshark.output().unwrap_or_else(|error| panic!("run tshark, which this test needs: {error}"));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Gives tshark preferences, and takes protocols from it.
pub(crate) fn with(tshark: &mut Command, preferences: &[&str], others: &[String]) {
    for preference in preferences {
        tshark.args(["-o", preference]);
    }
    for protocol in others {
        tshark.args(["--disable-protocol", protocol]);
    }
}

/// The protocols that tshark knows and we do not: their packets are octets for us.
pub(crate) fn other_protocols() -> Vec<String> {
    let output = Command::new("tshark").args(["-G", "protocols"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = text.lines().filter_map(|line| line.split('\t').nth(2));
    let first = |name: &'static str| name.split('.').next().unwrap_or(name);
    let ours = registry().protocols().map(|protocol| first(protocol.name)).chain(OURS_TOO.iter().copied());
    let ours: HashSet<&str> = ours.collect();
    let is_ours = |name: &&str| ours.contains(name.split('.').next().unwrap_or(name));
    names.filter(|name| !is_ours(name)).map(str::to_owned).collect()
}

/// Protocols that Wireshark makes of parts of ours, and their older names.
const OURS_TOO: &[&str] = &["ethertype", "frame", "bootp", "ssl", "pppoe", "raw", "mptcp"];

/// What tshark knows of protocols that we do not, but for the one that our captures need.
pub(crate) fn others() -> Vec<String> {
    other_protocols().into_iter().filter(|name| name != "ieee8021ad").collect()
}

/// All packets that are compared as one capture, so that tshark is asked once.
pub(crate) fn merged(directory: &Path) -> PathBuf {
    let path = directory.join("all.pcapng");
    let mut writer = CaptureWriter::create(&path, WriteOptions::default()).unwrap();
    let mut interfaces = BTreeMap::new();
    for file in compared() {
        let Ok(mut reader) = CaptureReader::open(&file) else { continue };
        while let Ok(Some(frame)) = reader.next() {
            let interface = *interfaces
                .entry(frame.link_type)
                .or_insert_with(|| writer.add_interface(&Interface::of(frame.link_type)).unwrap());
            writer.write(&Frame { interface, ..frame }).unwrap();
        }
    }
    writer.finish().unwrap();
    path
}

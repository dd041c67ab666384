//! What tshark says of chosen fields, for packets of the protocols that we have.

use std::path::Path;
use std::process::Command;

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
    let is_ours = |name: &&str| OURS.contains(&name.split('.').next().unwrap_or(name));
    names.filter(|name| !is_ours(name)).map(str::to_owned).collect()
}

/// What our protocols, and those that Wireshark makes of their parts, begin with.
const OURS: &[&str] = &[
    "eth",
    "ethertype",
    "frame",
    "data",
    "ip",
    "ipv6",
    "tcp",
    "udp",
    "icmp",
    "icmpv6",
    "igmp",
    "arp",
    "vlan",
    "sll",
    "null",
    "loop",
    "raw",
    "mptcp",
    "dns",
    "mdns",
    "llmnr",
];

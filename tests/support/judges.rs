//! What the tools say that judge us: lines by tcpdump, values and filters by tshark, octets by scapy.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "this is test code")]
#![allow(dead_code, reason = "each test program uses its own part of this")]
use std::path::Path;
use std::process::Command;

use super::{RAWSOCK, run, text_of};

/// What a command prints, line by line.
pub(crate) fn lines(command: &mut Command) -> Vec<String> {
    let output = run(command);
    assert!(output.status.success(), "{command:?}: {}", text_of(&output));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// Each packet's line is that of tcpdump; but for those that hold one of these words, with the reason why they differ.
pub(crate) fn lines_are_those_of_tcpdump(capture: &Path, options: &[&str], other_words: &[(&str, &str)]) {
    let ours = lines(Command::new(RAWSOCK).args(["read", "-t"]).args(options).arg(capture));
    let printed = lines(Command::new("tcpdump").args(["-tnS"]).args(options).arg("-r").arg(capture));
    let theirs = one_line_each(&printed);
    assert_eq!(ours.len(), theirs.len(), "{theirs:#?}");
    let mut needed = vec![false; other_words.len()];
    for (ours, theirs) in ours.iter().zip(&theirs) {
        match other_words.iter().position(|(words, _)| ours.contains(words)) {
            Some(excuse) if ours != theirs => needed[excuse] = true,
            _ => assert_eq!(ours, theirs),
        }
    }
    let unneeded: Vec<_> = other_words.iter().zip(&needed).filter(|(_, needed)| !**needed).collect();
    assert!(unneeded.is_empty(), "these need no excuse: {unneeded:?}");
}

/// Octets in hexadecimal left out, and what a VXLAN packet carries, which tcpdump writes on a line of its own, put behind it.
fn one_line_each(printed: &[String]) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for line in printed.iter().filter(|line| !line.starts_with('\t')) {
        match joined.last_mut() {
            Some(last) if last.contains(": VXLAN, flags [") && !last.contains("vni 123: ") => {
                last.push_str(": ");
                last.push_str(line);
            }
            _ => joined.push(line.trim_end().to_owned()),
        }
    }
    joined
}

/// The packets that have a field, and its values, are those of tshark.
pub(crate) fn columns_are_those_of_tshark(capture: &Path, names: &[&str]) {
    let mut differences = Vec::new();
    for name in names {
        let mut tshark = Command::new("tshark");
        tshark.args(["-n", "-T", "fields", "-e", "frame.number", "-e", name, "-Y", name, "-r"]).arg(capture);
        let theirs = lines(&mut tshark);
        let columns = format!("frame.number,{name}");
        let ours = lines(Command::new(RAWSOCK).args(["read", "--fields", &columns, "-Y", name]).arg(capture));
        assert!(!theirs.is_empty(), "{name}");
        if ours != theirs {
            differences.push(format!("{name}: ours {ours:?}, tshark {theirs:?}"));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}

/// A packet for `craft`, and the same for scapy.
pub(crate) type Case = (&'static str, &'static str);

/// Each packet is built as scapy builds it.
pub(crate) fn builds_as_scapy(imports: &str, cases: &[Case]) {
    let program: String = cases.iter().map(|(_, scapy)| format!("print(bytes({scapy}).hex())\n")).collect();
    let program = format!("from scapy.all import *\n{imports}\n{program}");
    let theirs = lines(Command::new("python3").args(["-c", &program]));
    assert_eq!(theirs.len(), cases.len());
    for ((spec, scapy), theirs) in cases.iter().zip(&theirs) {
        let ours = lines(Command::new(RAWSOCK).args(["craft", "--hex", spec]));
        assert_eq!(ours, [theirs.as_str()], "{spec} is not {scapy}");
    }
}

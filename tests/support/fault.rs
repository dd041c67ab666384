//! What tests of faults share: programs whose surroundings fail, and what is left of their files.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

use std::path::Path;
use std::process::{Command, Output};

use rawsock::lab::{Host, Lab};

use super::{RAWSOCK, run, text_of};

/// A filter of system calls around a program, for the command that runs it: see `refuse.py`.
pub(crate) fn refusing(what: &str, error: &str) -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/refuse.py");
    ["python3", script, what, error].map(str::to_owned).to_vec()
}

/// A limit around a program (prlimit(1)), both soft and hard: `nofile=8`.
pub(crate) fn limited(limit: &str) -> Vec<String> {
    let (name, value) = limit.split_once('=').unwrap();
    vec!["prlimit".to_owned(), format!("--{name}={value}:{value}")]
}

/// Runs rawsock on the lab's client, with something around it.
pub(crate) fn within(lab: &Lab, around: &[String], arguments: &[&str]) -> Output {
    run(command(lab, around, arguments).stdin(std::process::Stdio::null()))
}

/// A command that runs rawsock on the lab's client, with something around it.
pub(crate) fn command(lab: &Lab, around: &[String], arguments: &[&str]) -> Command {
    let all: Vec<&str> =
        around.iter().map(String::as_str).chain([RAWSOCK]).chain(arguments.iter().copied()).collect();
    let mut command = lab.command(Host::Client, all[0]);
    command.args(&all[1..]);
    command
}

/// The program itself, where others have been started around it, such as those that enter a namespace.
pub(crate) fn innermost(process: u32) -> u32 {
    let processes = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let child = processes.into_iter().find(|other: &u32| parent_of(*other) == Some(process));
    child.map_or(process, innermost)
}

/// The fourth field of stat, the second behind the name in brackets (proc_pid_stat(5)).
fn parent_of(process: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// What every error says: no panic, no number of the system's in place of words, and a line of ours.
pub(crate) fn is_well_said(output: &Output) {
    let text = text_of(output);
    assert!(!text.contains("panicked at") && !text.contains("(os error"), "{text}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.lines().any(|line| line.starts_with("rawsock: ")), "{text}");
}

/// Packets of a file, which tshark and capinfos find whole: the one by its packets, the other by its end.
pub(crate) fn whole(file: &Path) -> u64 {
    let shown =
        run(Command::new("tshark").args(["-n", "-T", "fields", "-e", "frame.number", "-r"]).arg(file));
    assert!(shown.status.success(), "{}: {}", file.display(), text_of(&shown));
    let counted = run(Command::new("capinfos").args(["-T", "-r", "-c", "-M"]).arg(file));
    assert!(counted.status.success() && !text_of(&counted).contains("cut short"), "{}", text_of(&counted));
    let packets = String::from_utf8_lossy(&shown.stdout).lines().count() as u64;
    let row = String::from_utf8_lossy(&counted.stdout).trim().to_owned();
    assert_eq!(row.rsplit('\t').next().unwrap().parse::<u64>().ok(), Some(packets), "{row}");
    packets
}

/// The number that stands before these words.
pub(crate) fn number_before(text: &str, words: &str) -> u64 {
    let (before, _) = text.split_once(words).unwrap_or_else(|| panic!("no {words:?} in {text}"));
    let number = before.rsplit(|letter: char| !letter.is_ascii_digit()).next().unwrap();
    number.parse().unwrap_or_else(|_| panic!("no number before {words:?} in {text}"))
}

/// The number that stands behind these words.
pub(crate) fn number_behind(text: &str, words: &str) -> u64 {
    let (_, behind) = text.split_once(words).unwrap_or_else(|| panic!("no {words:?} in {text}"));
    let number: String = behind.chars().take_while(char::is_ascii_digit).collect();
    number.parse().unwrap_or_else(|_| panic!("no number behind {words:?} in {text}"))
}

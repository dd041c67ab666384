//! What fuzzing found, and what its corpus came to: each law of `fuzz/laws/` holds for the octets that are kept in
//! `tests/fuzz_corpus/`, a line of hexadecimal digits each. `fuzz/keep` writes these files; docs/TESTING.md says how.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    unreachable_pub,
    reason = "test code"
)]

#[path = "../fuzz/laws/mod.rs"]
mod laws;
mod support;

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use laws::vocabulary::{Case, Verdict};
use rawsock::file::{CaptureReader, CaptureWriter, Interface, WriteOptions};
use rawsock::wire::frame::Frame;
use support::{run, skip_or_fail};

/// No input may take so long, here without optimization and beside all other tests: fuzzing itself allows less.
const LONGEST: Duration = Duration::from_secs(20);

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz_corpus")
}

/// The inputs of a file, with their lines' numbers.
fn inputs(name: &str) -> Vec<(usize, Vec<u8>)> {
    let path = corpus().join(format!("{name}.hex"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#') && !line.is_empty());
    lines.map(|(number, line)| (number, hex::decode(line).unwrap())).collect()
}

#[test]
fn every_law_holds_for_what_is_kept() {
    let mut broken = Vec::new();
    for (name, law) in laws::LAWS {
        let inputs = inputs(name);
        assert!(inputs.len() >= 5, "only {} inputs for {name}", inputs.len());
        for (line, input) in inputs {
            let start = Instant::now();
            if catch_unwind(|| law(&input)).is_err() {
                broken.push(format!("{name}.hex:{line}"));
            }
            assert!(start.elapsed() < LONGEST, "{name}.hex:{line} takes {:?}", start.elapsed());
        }
    }
    assert!(broken.is_empty(), "broken by {broken:?}; what is said above tells why");
}

#[test]
fn every_law_has_its_target_and_every_file_its_law() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let manifest = fs::read_to_string(targets.join("../Cargo.toml")).unwrap();
    let names: Vec<&str> = laws::LAWS.iter().map(|(name, _)| *name).chain(["capture_filter_peer"]).collect();
    for name in &names {
        assert!(targets.join(format!("{name}.rs")).is_file(), "{name} has no target");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in fuzz/Cargo.toml");
    }
    for folder in [targets, corpus()] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            assert!(names.contains(&stem), "{} belongs to no law", path.display());
        }
    }
}

/// The judge of the target `capture_filter_peer` is libpcap; here it is asked through tcpdump.
#[test]
fn capture_filters_of_words_take_what_tcpdump_takes() {
    if Command::new("tcpdump").arg("--version").output().is_err() {
        return skip_or_fail("tcpdump is not installed");
    }
    let inputs = inputs("capture_filter_peer");
    assert!(inputs.len() > 50);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one.pcap");
    for (line, input) in inputs {
        let case = Case::of(&input);
        if !case.is_known_difference() {
            let ours = case.verdict();
            // As the target does: its optimizer leaves out loads whose value does not count.
            if ours != theirs(&case, &file, &["-O"]) {
                assert_eq!(ours, theirs(&case, &file, &[]), "line {line}: `{}`", case.text);
            }
        }
    }
}

fn theirs(case: &Case<'_>, file: &Path, options: &[&str]) -> Verdict {
    let mut writer = CaptureWriter::create(file, WriteOptions::default()).unwrap();
    writer.add_interface(&Interface::of(case.link_type)).unwrap();
    writer.write(&Frame { time: Some(0), ..Frame::new(case.octets, case.link_type) }).unwrap();
    writer.finish().unwrap();
    let mut command = Command::new("tcpdump");
    let output = run(command.args(options).args(["-w", "-", "-r"]).arg(file).arg("--").arg(&case.text));
    if !output.status.success() {
        return Verdict::Refused;
    }
    let mut taken = CaptureReader::new(std::io::Cursor::new(output.stdout)).unwrap();
    if taken.next().unwrap().is_some() { Verdict::Takes } else { Verdict::Leaves }
}

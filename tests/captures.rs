//! The captures of this project: each is described, tshark counts the same packets, and every packet is built again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rawsock::file::CaptureReader;
use support::{RAWSOCK, run, text_of};

fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut captures: Vec<_> = paths.filter(|path| path.file_name().unwrap() != "README.md").collect();
    captures.sort();
    assert!(captures.len() >= 12, "{captures:?}");
    captures
}

#[test]
fn each_has_a_line_and_each_line_its_file() {
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/README.md")).unwrap();
    let lines: Vec<&str> =
        readme.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let names: Vec<_> =
        captures().iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    for name in &names {
        assert!(lines.contains(&name.as_str()), "{name} has no line in captures/README.md");
    }
    for line in lines {
        assert!(names.iter().any(|name| name == line), "{line} has a line, and is not there");
    }
}

#[test]
fn every_packet_is_built_again_from_its_json_and_from_its_spec() {
    for capture in captures() {
        let mut reader = CaptureReader::open(&capture).unwrap();
        let mut octets = Vec::new();
        while let Some(frame) = reader.next().unwrap() {
            octets.push(hex::encode(frame.data));
        }
        for form in ["--json", "--toml"] {
            let read = run(Command::new(RAWSOCK).args(["read", form]).arg(&capture));
            let mut craft = Command::new(RAWSOCK);
            let craft = craft.args(["craft", "-", "--hex"]).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut craft = craft.spawn().unwrap();
            let mut stdin = craft.stdin.take().unwrap();
            let text = read.stdout.clone();
            let writer = std::thread::spawn(move || stdin.write_all(&text));
            let built = craft.wait_with_output().unwrap();
            writer.join().unwrap().unwrap();
            let built = String::from_utf8(built.stdout).unwrap();
            assert_eq!(built.lines().collect::<Vec<_>>(), octets, "{} by {form}", capture.display());
        }
    }
}

#[test]
fn tshark_counts_the_same_packets_of_the_same_lengths() {
    for capture in captures() {
        let mut tshark = Command::new("tshark");
        let output = run(tshark.arg("-r").arg(&capture).args([
            "-T",
            "fields",
            "-e",
            "frame.len",
            "-e",
            "frame.cap_len",
        ]));
        assert!(output.status.success(), "tshark: {}", text_of(&output));
        let theirs = String::from_utf8(output.stdout).unwrap();
        let mut reader = CaptureReader::open(&capture).unwrap();
        let mut ours = String::new();
        while let Some(frame) = reader.next().unwrap() {
            ours.push_str(&format!("{}\t{}\n", frame.len, frame.data.len()));
        }
        assert_eq!(ours, theirs, "{}", capture.display());
    }
}

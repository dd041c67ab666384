//! When the disk is full, the file ends with its last whole packet: tshark opens it, and finds in it as many packets as the
//! error says.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rawsock::file::{CaptureWriter, Interface, WriteOptions};
use rawsock::wire::frame::{Direction, Frame, LinkType};
use support::{RAWSOCK, run, skip_or_fail, text_of};

#[test]
fn a_file_that_may_not_grow_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(folder.path());
    // Anywhere in a record: in its header, in its octets.
    for (number, blocks) in (200..1_400).step_by(97).enumerate() {
        for ending in ["pcap", "pcapng"] {
            let target = folder.path().join(format!("{number}.{ending}"));
            // Without the signal, a write that is too long fails (setrlimit(2), RLIMIT_FSIZE).
            let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" read -q \"$1\" -w \"$2\"");
            let output = run(Command::new("sh").args(["-c", &script, RAWSOCK]).arg(&source).arg(&target));
            is_whole(&output, &target, "file too large");
        }
    }
}

#[test]
fn a_file_on_a_full_disk_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(folder.path());
    let target = folder.path().join("full.pcapng");
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    // The disk is gone with its namespace, so that the file is taken out of it before.
    let script = "mount -t tmpfs -o size=300k tmpfs \"$1\" || exit 9
        \"$0\" read -q \"$2\" -w \"$1/full.pcapng\"; status=$?
        cat \"$1/full.pcapng\" > \"$3\"; exit $status";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, RAWSOCK]);
    let output = run(command.arg(&disk).arg(&source).arg(&target));
    if output.status.code() != Some(2) && !target.exists() {
        return skip_or_fail(&format!("no disk of one's own: {}", text_of(&output)));
    }
    is_whole(&output, &target, "no space left on device");
}

/// Checks that writing failed for the reason, and that the file has the packets that the error says, and no torn one.
fn is_whole(output: &Output, target: &Path, reason: &str) {
    let text = text_of(output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains(reason), "{text}");
    let (_, said) = text.split_once("whole up to packet ").expect("the error says how many packets are safe");
    let said: usize = said.split(',').next().unwrap().parse().unwrap();
    assert!((100..PACKETS).contains(&said), "{text}");

    let fields = ["-n", "-T", "fields", "-e", "frame.number", "-r"];
    let Ok(tshark) = Command::new("tshark").args(fields).arg(target).output() else {
        return skip_or_fail("tshark is not installed");
    };
    assert!(tshark.status.success(), "{}", text_of(&tshark));
    assert_eq!(String::from_utf8_lossy(&tshark.stdout).lines().count(), said, "{text}");
}

/// A capture of more than a MB.
fn source(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("source.pcapng");
    let mut writer = CaptureWriter::create(&path, WriteOptions::default()).unwrap();
    writer.add_interface(&Interface::of(LinkType::ETHERNET)).unwrap();
    let octets = [0x5a; 1_400];
    for number in 0..PACKETS {
        let data = &octets[..60 + number * 37 % 1_300];
        let frame =
            Frame { direction: Direction::Inbound, time: Some(7), ..Frame::new(data, LinkType::ETHERNET) };
        writer.write(&frame).unwrap();
    }
    writer.finish().unwrap();
    path
}

const PACKETS: usize = 2_000;

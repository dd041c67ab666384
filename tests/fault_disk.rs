//! Disks that take no more: full, over quota, with a limit to the size of files, read-only. What was said counts the packets that are
//! in the file, and the file is whole.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rawsock::lab::{Host, Lab};
use support::capture::{counts_in, until_it_listens};
use support::fault::{command, is_well_said, limited, number_behind, refusing, whole, within};
use support::{RAWSOCK, lab, run, text_of};

const MANY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/tcp-stories.pcap");
const MORE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/tls.pcap");
/// A request with 500 octets of data.
const REQUEST: &str = "ip(dst=10.77.2.2)/icmp/data(zeros=500)";

/// Commands that save more than 16 KiB into this file, and what they print at their end although the file is not whole.
fn saving(file: &str) -> Vec<(Vec<&str>, &'static str)> {
    vec![
        (
            vec!["ping", "-f", "-c60", "-i", "0.01", "-s", "500", "--write", file, "10.77.2.2"],
            "60 packets transmitted, 60 received",
        ),
        (vec!["send", "-q", "-c", "60", "--write", file, REQUEST], "60 sent, 60 answered"),
        (vec!["trace", "-q", "10", "-w", file, "10.77.2.2", "1400"], " 2  10.77.2.2"),
        (vec!["trace", "-c", "12", "--interval", "0.2", "-w", file, "10.77.2.2", "1400"], "10.77.2.2"),
        (
            vec!["probe", "tcp", "-q", "-c", "60", "-i", "0.01", "-w", file, "10.77.2.2:7"],
            "60 open, 0 closed",
        ),
        (vec!["read", MANY, MORE, "-w", file], ""),
        (vec!["craft", "ip(dst=10.77.2.2, ttl=1..100)/icmp/data(zeros=500)", "-q", "-w", file], ""),
    ]
}

/// Checks that writing failed for this reason, and that the file is whole and has the packets that the error says.
fn is_kept(output: &Output, file: &Path, reason: &str, printed: &str) {
    let text = text_of(output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    is_well_said(output);
    assert!(text.contains(&format!(": {reason}; it is whole up to packet ")), "{text}");
    assert!(text.contains(printed), "what was measured is told all the same: {text}");
    let said = number_behind(&text, "it is whole up to packet ");
    assert!(said > 3, "{text}");
    assert_eq!(whole(file), said, "{text}");
}

/// Runs a command on the client, in a folder on a disk of its own, and takes what is there out of it: the disk goes with its namespace.
fn on_disk(lab: &Lab, options: &str, arguments: &[&str]) -> (Output, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("kept")).unwrap();
    fs::create_dir(folder.path().join("disk")).unwrap();
    let script = "options=$1; shift; mount -t tmpfs -o $options none disk && cd disk || exit 9
        \"$@\"; status=$?; cp -r . ../kept; exit $status";
    let mut command = lab.command(Host::Client, "unshare");
    command.args(["-m", "sh", "-c", script, "sh", options, RAWSOCK]).args(arguments);
    (run(command.current_dir(folder.path()).stdin(Stdio::null())), folder)
}

#[test]
fn a_full_disk_keeps_what_fits() {
    let Some(lab) = lab() else { return };
    for (arguments, printed) in saving("saved.pcapng") {
        let (output, folder) = on_disk(&lab, "size=16k", &arguments);
        is_kept(&output, &folder.path().join("kept/saved.pcapng"), "no space left on device", printed);
    }
}

#[test]
fn pieces_before_the_one_that_does_not_fit_are_whole() {
    let Some(lab) = lab() else { return };
    let arguments = ["read", MANY, MORE, "--split-packets", "5", "-w", "piece.pcapng"];
    let (output, folder) = on_disk(&lab, "size=16k", &arguments);
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    let failed = number_behind(&text, "rawsock: write piece_");
    assert!(failed > 2 && text.contains("no space left on device"), "{text}");
    for piece in 1..failed {
        assert_eq!(whole(&folder.path().join(format!("kept/piece_{piece:05}.pcapng"))), 5, "{text}");
    }
}

#[test]
fn a_capture_that_begins_one_file_after_the_other_keeps_those_before() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let kept = folder.path().join("kept");
    fs::create_dir(&kept).unwrap();
    let script = "mount -t tmpfs -o size=20k none $1 || exit 9
        $0 capture -i eth0 -Q out -C 4k -w $1/part.pcapng icmp 2>$3 & UNTIL
        ping -q -c60 -i0.005 -s 500 10.77.2.2 >/dev/null; wait $!; status=$?; cat $3 >&2; cp $1/* $2; exit $status";
    let words = folder.path().join("words");
    let script = script.replace("UNTIL", &until_it_listens(&words));
    let mut command = lab.command(Host::Client, "unshare");
    let output = run(command.args(["-m", "sh", "-c", &script, RAWSOCK]).args([&disk, &kept, &words]));
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("no space left on device"), "{text}");
    let mut files: Vec<PathBuf> = fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|file| fs::metadata(file).unwrap().len() > 0);
    let in_files: u64 = files.iter().map(|file| whole(file)).sum();
    assert!(files.len() >= 3 && in_files > 15, "{files:?}: {in_files}");
    let counts = counts_in(&text);
    assert_eq!(counts.captured, in_files, "{text}");
    assert_eq!(counts.captured + counts.left_out + counts.dropped, counts.received, "{text}");
}

#[test]
fn the_largest_size_of_a_file_is_an_end_like_a_full_disk() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("limited.pcapng");
    for (arguments, printed) in saving(file.to_str().unwrap()) {
        let output = within(&lab, &limited("fsize=9000"), &arguments);
        is_kept(&output, &file, "file too large", printed);
    }
    // What is printed has that limit, too.
    let printed = folder.path().join("printed");
    let mut command = command(&lab, &limited("fsize=9000"), &["read", MANY]);
    let output = run(command.stdout(fs::File::create(&printed).unwrap()));
    is_well_said(&output);
    assert!(text_of(&output).contains("rawsock: write to stdout: file too large"), "{}", text_of(&output));
    assert_eq!((output.status.code(), fs::metadata(&printed).unwrap().len()), (Some(2), 9000));
}

#[test]
fn a_quota_is_an_end_like_a_full_disk() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("quota.pcapng");
    // Few kernels have quotas without a disk, so that a filter of calls says in place of one that there is no more: the beginning of
    // a file gets through, what packets take does not.
    for (arguments, printed) in saving(file.to_str().unwrap()) {
        let output = within(&lab, &refusing("write>3000", "EDQUOT"), &arguments);
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        is_well_said(&output);
        assert!(text.contains("quota exceeded; it is whole up to packet 0, and ends there"), "{text}");
        assert!(text.contains(printed), "{text}");
        assert_eq!(whole(&file), 0, "{text}");
    }
}

#[test]
fn a_capture_ends_with_the_largest_size_of_its_file() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("limited.pcapng");
    let words = folder.path().join("words");
    let script = format!(
        "\"$@\" 2>{0} & {1}; ping -q -c60 -i0.005 -s 500 10.77.2.2 >/dev/null; wait $!; status=$?; cat {0} >&2; exit $status",
        words.display(),
        until_it_listens(&words)
    );
    let mut command = lab.command(Host::Client, "sh");
    command.args(["-c", &script, "sh"]).args(limited("fsize=9000"));
    let output = run(command.args([RAWSOCK, "capture", "-i", "eth0", "-w"]).arg(&file).arg("icmp"));
    let text = text_of(&output);
    is_kept(&output, &file, "file too large", "packets captured");
    let counts = counts_in(&text);
    assert_eq!(counts.captured, whole(&file), "{text}");
    assert_eq!(counts.captured + counts.left_out + counts.dropped, counts.received, "{text}");
}

#[test]
fn a_read_only_disk_is_told_before_anything_is_done() {
    let Some(lab) = lab() else { return };
    let mut commands = saving("saved.pcapng");
    commands.push((vec!["capture", "-i", "eth0", "-w", "saved.pcapng"], ""));
    commands.push((vec!["capture", "-i", "eth0", "-C", "1M", "-w", "saved.pcapng"], ""));
    commands.push((vec!["capture", "-i", "eth0", "--dump-on", "icmp", "-w", "saved.pcapng"], ""));
    for (arguments, _) in commands {
        let (output, _folder) = on_disk(&lab, "ro,size=16k", &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text_of(&output));
        is_well_said(&output);
        assert!(output.stdout.is_empty(), "{arguments:?}: nothing is asked or sent: {}", text_of(&output));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("rawsock: create saved") && said.contains(": read-only file system"), "{said}");
    }
}

#[test]
fn a_file_that_cannot_be_replaced_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kept.pcapng");
    fs::copy(MANY, &file).unwrap();
    let before = fs::read(&file).unwrap();
    // The one that is read is never written.
    let output = run(Command::new(RAWSOCK).args(["read", "-w"]).arg(&file).arg(&file));
    assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
    assert_eq!(fs::read(&file).unwrap(), before);
}

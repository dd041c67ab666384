//! Packets that are taken many at once come to the same as those that are looked at one by one: a field filter that every packet
//! matches has them looked at so.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod corpus;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{RAWSOCK, run};

/// What is printed to stdout and stderr, both into the same pipe, and the exit code.
fn printed(arguments: &[&str], more: &[&str], files: &[PathBuf]) -> (String, Option<i32>) {
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" \"$@\" 2>&1", RAWSOCK, "read", "--append"]);
    let output = run(command.args(more).args(arguments).args(files).env("TZ", "UTC"));
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

const ONE_BY_ONE: [&str; 2] = ["-Y", "frame"];

#[test]
fn all_captures_are_printed_alike() {
    let files = corpus::captures();
    for arguments in [
        &[][..],
        &["--threads", "1"],
        &["-e", "-tttt"],
        &["-ttt"],
        &["-v"],
        &["--json"],
        &["--json", "--threads", "1"],
        &["--toml"],
        &["--fields", "frame.number,frame.time_delta,ip.src"],
        &["-l"],
        &["--count"],
        &["-c", "700", "--skip", "30"],
    ] {
        let (together, alone) = (printed(arguments, &[], &files), printed(arguments, &ONE_BY_ONE, &files));
        assert_eq!(together.1, alone.1, "{arguments:?}");
        let differs = together.0.lines().zip(alone.0.lines()).find(|(together, alone)| together != alone);
        assert_eq!((differs, together.0.len()), (None, alone.0.len()), "{arguments:?}");
    }
}

#[test]
fn filters_and_copies_take_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let written = |path: &Path, more: &[&str], arguments: &[&str], file: &Path| {
        let mut command = Command::new(RAWSOCK);
        command
            .arg("read")
            .args(more)
            .args(["-w".as_ref(), path.as_os_str(), file.as_os_str()])
            .args(arguments);
        let output = run(&mut command);
        let said = String::from_utf8_lossy(&output.stderr).replace(path.to_str().unwrap(), "FILE");
        (fs::read(path).ok(), said, output.status.code())
    };
    let mut packets = 0;
    // Some of each folder.
    for file in corpus::captures().into_iter().step_by(7) {
        for (arguments, name) in [
            (&["tcp", "or", "icmp"][..], "copy.pcap"),
            (&["ip"], "copy.pcapng"),
            (&["udp"], "copy.pcapng"),
            (&["greater", "100"], "copy.pcap"),
        ] {
            let together = written(&folder.path().join(name), &[], arguments, &file);
            let alone = written(&folder.path().join(format!("alone-{name}")), &ONE_BY_ONE, arguments, &file);
            assert_eq!(together.2, alone.2, "{arguments:?} {}", file.display());
            assert!(together.0 == alone.0, "{arguments:?} {}", file.display());
            assert_eq!(together.1.replace("alone-", ""), alone.1.replace("alone-", ""), "{arguments:?}");
            packets += together.0.map_or(0, |octets| usize::from(octets.len() > 300));
        }
    }
    assert!(packets > 10, "hardly anything was copied");
}

/// Files that follow each other may be of other links, which one pcap file does not hold, and have other limits.
#[test]
fn copies_of_several_files_are_alike() {
    let folder = tempfile::tempdir().unwrap();
    let files = corpus::captures();
    let mut refused = 0;
    for (place, three) in files.chunks(3).enumerate().step_by(4) {
        for arguments in
            [&[][..], &["-c", "9", "--skip", "2"], &["--truncate", "40"], &["--split-packets", "4"]]
        {
            let copy = |more: &[&str]| {
                let inner = folder.path().join(format!("{place}"));
                fs::create_dir_all(&inner).unwrap();
                let path = inner.join("copy.pcap");
                let mut command = Command::new(RAWSOCK);
                command.args(["read", "--append", "-w"]).arg(&path).args(arguments).args(more).args(three);
                let output = run(&mut command);
                let mut made: Vec<_> = fs::read_dir(&inner)
                    .unwrap()
                    .map(|entry| {
                        let path = entry.unwrap().path();
                        (path.clone(), fs::read(path).unwrap())
                    })
                    .collect();
                made.sort();
                fs::remove_dir_all(&inner).unwrap();
                (made, String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
            };
            let (together, alone) = (copy(&[]), copy(&ONE_BY_ONE));
            assert_eq!((&together.1, together.2), (&alone.1, alone.2), "{arguments:?} {three:?}");
            assert!(together.0 == alone.0, "{arguments:?} {three:?}");
            refused += usize::from(together.1.contains("link type"));
        }
    }
    assert!(refused > 0, "no files of different links stood together");
}

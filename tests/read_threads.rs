//! Two threads print what one prints, in the same order, with the words about damaged files in the same places.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod corpus;
mod support;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rawsock::file::{CaptureReader, CaptureWriter, Interface, WriteOptions};
use rawsock::wire::frame::{Direction, Frame, LinkType};
use support::{RAWSOCK, run};

/// What is printed to stdout and stderr, both into the same pipe, and the exit code.
fn printed(threads: &str, arguments: &[&str], files: &[PathBuf]) -> (Vec<u8>, Option<i32>) {
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" \"$@\" 2>&1", RAWSOCK, "read", "--append", "--threads", threads]);
    let output = run(command.args(arguments).args(files).env("TZ", "UTC"));
    assert!(output.stderr.is_empty());
    (output.stdout, output.status.code())
}

#[test]
fn all_captures_one_behind_the_other() {
    let files = corpus::captures();
    let (count, _) = printed("1", &["--count"], &files);
    let count = String::from_utf8_lossy(&count).lines().last().unwrap().parse::<usize>().unwrap();
    // Where the captures of others are not at hand, ours come several times.
    let files = vec![files; 6_000 / count + 1].concat();
    let mut longest = 0;
    for arguments in [
        &[][..],
        &["-e", "-tttt"],
        &["-ttt", "--nano"],
        &["-ttttt"],
        &["--json"],
        &["-x"],
        &["-c", "1000", "--skip", "700"],
        &["--json", "-Y", "frame.time_delta >= 0 and udp"],
    ] {
        let (one, two) = (printed("1", arguments, &files), printed("2", arguments, &files));
        assert_eq!(one.1, two.1, "{arguments:?}");
        let differs = one.0.iter().zip(&two.0).position(|(one, two)| one != two);
        assert_eq!((differs, one.0.len()), (None, two.0.len()), "{arguments:?}");
        longest = longest.max(one.0.split(|octet| *octet == b'\n').count());
    }
    assert!(longest > 5_000, "the second thread had nothing to do: {longest} lines");
}

/// Interfaces that come in the middle, comments, directions, and a packet that is larger than many others together.
#[test]
fn interfaces_that_come_late_comments_and_large_packets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pcapng");
    let mut writer = CaptureWriter::create(&path, WriteOptions::default()).unwrap();
    let named = |name: &str| Interface { name: Some(name.to_owned()), ..Interface::of(LinkType::ETHERNET) };
    writer.add_interface(&named("one")).unwrap();
    let data = vec![7; 200_000];
    for number in 0..5_000u32 {
        if number == 2_500 {
            writer.add_interface(&named("two")).unwrap();
        }
        let comment = format!("packet {number}");
        let frame = Frame {
            time: Some(i64::from(number)),
            interface: u32::from(number > 3_000),
            direction: if number % 3 == 0 { Direction::Inbound } else { Direction::Outbound },
            comment: (number % 7 == 0).then_some(comment.as_str().into()),
            ..Frame::new(&data[..if number % 1_000 == 999 { 200_000 } else { 60 }], LinkType::ETHERNET)
        };
        writer.write(&frame).unwrap();
    }
    writer.finish().unwrap();
    for arguments in [&["-t"][..], &["--json"]] {
        let (one, two) = (
            printed("1", arguments, std::slice::from_ref(&path)),
            printed("2", arguments, std::slice::from_ref(&path)),
        );
        assert!(one == two, "{arguments:?}");
        assert_eq!(one.0.split(|octet| *octet == b'\n').count(), 5_001);
    }
}

#[test]
fn a_reader_that_goes_ends_it_and_a_copy_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("x.pcap"), folder.path().join("copy.pcap"));
    let mut writer = CaptureWriter::create(&path, WriteOptions::default()).unwrap();
    // Of an EtherType that nobody knows.
    let frame = [0x88; 60];
    for _ in 0..50_000 {
        writer.write(&Frame::new(&frame, LinkType::ETHERNET)).unwrap();
    }
    writer.finish().unwrap();
    for threads in ["1", "2"] {
        let mut command = Command::new(RAWSOCK);
        command.args(["read", "--threads", threads, "--print", "-w"]).arg(&copy).arg(&path);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("length 60"), "{line}");
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stderr.is_empty());
        let mut reader = CaptureReader::open(&copy).unwrap();
        let mut packets = 0;
        while reader.next().unwrap().is_some() {
            packets += 1;
        }
        assert_eq!(packets, 50_000, "{threads} threads");
    }
}

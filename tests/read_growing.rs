//! Files that grow while they are read, and pipes that stop: what is there is shown at once, and nothing is waited for that
//! cannot come.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use support::RAWSOCK;

/// A capture with three packets, cut where they begin and where the last one ends.
fn pieces() -> Vec<Vec<u8>> {
    let word = |number: u32| number.to_le_bytes();
    let words = |numbers: &[u32]| numbers.iter().flat_map(|number| word(*number)).collect::<Vec<u8>>();
    let header = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1]);
    let packet = |seconds: u32| [words(&[seconds, 0, 60, 60]), vec![0xff; 60]].concat();
    vec![header, packet(1), packet(2), packet(3)]
}

fn read(arguments: &[&str], file: &Path, input: Stdio) -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new(RAWSOCK);
    command.args(["read", "-tt"]).args(arguments).arg(file).env("TZ", "UTC");
    let mut child = command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (child, stdout)
}

fn line(stdout: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    line
}

/// What a program said at its end, and its exit code.
fn end(mut child: Child) -> (String, Option<i32>) {
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    (text, child.wait().unwrap().code())
}

fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}

#[test]
fn a_growing_file_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.pcap");
    let copy = folder.path().join("copy.pcap");
    let [header, first, second, third] = &pieces()[..] else { panic!("four pieces") };
    fs::write(&path, []).unwrap();
    let (child, mut stdout) =
        read(&["--follow-file", "--print", "-w", copy.to_str().unwrap()], &path, Stdio::null());
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(header).unwrap();
    file.write_all(first).unwrap();
    assert!(line(&mut stdout).starts_with("1.000000 "));
    // A packet that comes in two pieces.
    file.write_all(&second[..30]).unwrap();
    std::thread::sleep(Duration::from_millis(250));
    file.write_all(&second[30..]).unwrap();
    assert!(line(&mut stdout).starts_with("2.000000 "));
    let until = Instant::now() + Duration::from_secs(10);
    while fs::metadata(&copy).unwrap().len() != 24 + 2 * 76 {
        assert!(Instant::now() < until, "what was shown is in the copy at once, not when more comes");
        std::thread::sleep(Duration::from_millis(5));
    }
    file.write_all(&third[..30]).unwrap();
    std::thread::sleep(Duration::from_millis(250));
    interrupt(&child);
    let (text, code) = end(child);
    assert!(
        text.contains("cut short: of the packet record of 76 octets at octet 176, only 30 are there"),
        "{text}"
    );
    assert_eq!(code, Some(0));
}

#[test]
fn following_ends_with_the_count_and_with_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pcap");
    fs::write(&path, pieces().concat()).unwrap();
    let (child, mut stdout) = read(&["--follow-file", "-c", "2"], &path, Stdio::null());
    assert!(line(&mut stdout).starts_with("1.") && line(&mut stdout).starts_with("2."));
    assert_eq!(end(child), (String::new(), Some(0)));
    let (child, mut stdout) = read(&["--follow-file"], &path, Stdio::null());
    (0..3).for_each(|_| assert!(!line(&mut stdout).is_empty()));
    interrupt(&child);
    assert_eq!(end(child), (String::new(), Some(0)));
}

#[test]
fn a_file_that_becomes_shorter_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pcap");
    fs::write(&path, pieces().concat()).unwrap();
    let (child, mut stdout) = read(&["--follow-file"], &path, Stdio::null());
    (0..3).for_each(|_| assert!(!line(&mut stdout).is_empty()));
    OpenOptions::new().write(true).open(&path).unwrap().set_len(10).unwrap();
    let (text, code) = end(child);
    assert!(text.contains("the file became shorter while it was read"), "{text}");
    assert_eq!(code, Some(2));
}

#[test]
fn a_pipe_that_stops_in_a_record_gives_what_came() {
    for name in ["-", "/dev/stdin"] {
        for follow in [&["-l"][..], &["-l", "--follow-file"]] {
            let (mut child, mut stdout) = read(follow, Path::new(name), Stdio::piped());
            let mut input = child.stdin.take().unwrap();
            let pieces = pieces();
            input.write_all(&[&pieces[0][..], &pieces[1], &pieces[2][..40]].concat()).unwrap();
            input.flush().unwrap();
            // The pipe is still open: nothing that is there is waited with.
            assert!(line(&mut stdout).starts_with("1.000000 "));
            drop(input);
            let (text, code) = end(child);
            assert!(
                text.contains("of the packet record of 76 octets at octet 100, only 40 are there"),
                "{text}"
            );
            // What is not waited for is missing.
            assert_eq!(code, Some(if follow.len() == 1 { 2 } else { 0 }));
        }
    }
}

#[test]
fn several_files_cannot_be_followed() {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let (one, other) = (captures.join("raw-ip.pcap"), captures.join("vlan.pcapng"));
    let (child, _) = read(&["--follow-file", one.to_str().unwrap()], &other, Stdio::null());
    let (text, code) = end(child);
    assert!(text.contains("one file can be followed"), "{text}");
    assert_eq!(code, Some(2));
}

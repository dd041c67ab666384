//! Reading takes a memory that does not grow with the file: not with the packets that it has, nor with what an attacker leaves open.
//!
//! An ordinary run reads a million packets; `RAWSOCK_PACKETS=100000000` says how many (for an optimised build).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::env;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;

use support::peak::Measured;

/// What one run may have more than a short one, in kB: the allocator's own ups and downs.
const SLACK: u64 = 6_000;
/// A short run has so many packets.
const FEW: usize = 5_000;

/// Packets of the longest file.
fn most() -> usize {
    env::var("RAWSOCK_PACKETS").map_or(1_000_000, |most| most.parse().unwrap())
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The header of a pcap file for packets that begin with IPv4 (LINKTYPE_RAW is 101).
fn head() -> Vec<u8> {
    words(&[0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 262_144, 101])
}

/// A file of so many packets of which nothing was captured: sixteen zeros each, so that the file takes no room on the disk.
fn sparse(path: &Path, packets: usize) {
    let mut file = File::create(path).unwrap();
    file.write_all(&head()).unwrap();
    file.set_len(24 + 16 * packets as u64).unwrap();
}

/// Runs `read`, with this written to its stdin, and gives what it printed, and its peak in kB.
fn read(arguments: &[&str], write: impl FnOnce(&mut dyn Write) + Send + 'static) -> (String, u64) {
    let measured = Measured::new();
    let mut command = measured.command(&[&["read"], arguments].concat());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || write(&mut stdin));
    let (mut printed, mut end) = (child.stdout.take().unwrap(), Vec::new());
    let mut buffer = vec![0; 1 << 16];
    // Of what may be gigabytes, the last lines will do.
    loop {
        let got = printed.read(&mut buffer).unwrap();
        if got == 0 {
            break;
        }
        end.extend_from_slice(&buffer[..got]);
        let surplus = end.len().saturating_sub(1 << 20);
        end.drain(..surplus);
    }
    let status = child.wait().unwrap();
    writer.join().unwrap();
    let text = String::from_utf8_lossy(&end).into_owned();
    assert!(status.success(), "{arguments:?}: {status}: {text:.500}");
    (text, measured.peak())
}

fn read_file(arguments: &[&str], path: &Path) -> (String, u64) {
    read(&[arguments, &[path.to_str().unwrap()]].concat(), |_| {})
}

#[test]
fn a_file_of_many_packets_takes_as_much_as_one_of_few() {
    let folder = tempfile::tempdir().unwrap();
    let (short, long) = (folder.path().join("short.pcap"), folder.path().join("long.pcap"));
    let most = most();
    sparse(&short, FEW);
    sparse(&long, most);
    let (few, least) = read_file(&["--count"], &short);
    let (many, peak) = read_file(&["--count"], &long);
    assert_eq!((few, many), (format!("{FEW}\n"), format!("{most}\n")));
    println!("--count of {most} packets: {peak} kB, of {FEW}: {least} kB");
    assert!(peak < least + SLACK, "{most} packets: {peak} kB, {FEW}: {least} kB");
    // What does more with each packet does it with fewer.
    let fewer = most.div_ceil(10);
    sparse(&long, fewer);
    for arguments in [&[][..], &["--json"], &["--stats"], &["--info"], &["-w", "/dev/null"]] {
        let (_, least) = read_file(arguments, &short);
        let (_, peak) = read_file(arguments, &long);
        println!("{arguments:?} of {fewer} packets: {peak} kB, of {FEW}: {least} kB");
        assert!(peak < least + SLACK, "{arguments:?}: {fewer} packets: {peak} kB, {FEW}: {least} kB");
    }
}

/// Segments of TCP with 20 octets each, of so many connections in turn, each numbered behind the one before.
struct Segments {
    connections: u32,
    number: u32,
}

impl Segments {
    const LEN: u32 = 60;

    fn put(&mut self, out: &mut Vec<u8>) {
        let (connection, turn) = (self.number % self.connections, self.number / self.connections);
        out.extend(words(&[1 + self.number / 1_000_000, self.number % 1_000_000, Self::LEN, Self::LEN]));
        // scapy: IP(src="10.0.0.0", dst="192.0.2.1")/TCP(sport=1, dport=9, flags="A")/(20 octets), checksums left out
        let at = out.len();
        out.extend(hex::decode("4500003c00010000400600000a000000c000020100010009").unwrap());
        out.extend((1 + turn * 20).to_be_bytes());
        out.extend(hex::decode("0000000150102000").unwrap());
        out.extend([0; 4]);
        out.extend([b'x'; 20]);
        out[at + 13..at + 16].copy_from_slice(&connection.to_be_bytes()[1..]);
        self.number += 1;
    }

    /// Writes so many, in pieces.
    fn write(mut self, packets: usize, out: &mut dyn Write) {
        out.write_all(&head()).unwrap();
        let mut piece = Vec::new();
        for number in 0..packets {
            self.put(&mut piece);
            if piece.len() > 1 << 16 || number + 1 == packets {
                out.write_all(&piece).unwrap();
                piece.clear();
            }
        }
    }
}

#[test]
fn a_pipe_of_many_segments_takes_as_much_as_one_of_few() {
    let long = most() / 40;
    for arguments in
        [&[][..], &["--json"], &["--stats"], &["--expert"], &["--analysis"], &["-w", "/dev/null"]]
    {
        let arguments = [arguments, &["-"]].concat();
        let peak_of = |packets: usize| {
            let segments = Segments { connections: 500, number: 0 };
            read(&arguments, move |out| segments.write(packets, out)).1
        };
        let (least, peak) = (peak_of(FEW), peak_of(long));
        println!("{arguments:?} of {long} segments: {peak} kB, of {FEW}: {least} kB");
        // Of each connection what nobody acknowledges is remembered, up to a limit of its own (`stream_memory.rs`).
        let analysed = if arguments.len() > 1 && arguments[0] != "--json" { 30_000 } else { 0 };
        assert!(peak < least + SLACK + analysed, "{arguments:?}: {long}: {peak} kB, {FEW}: {least} kB");
    }
}

/// First fragments of so many octets, each of a datagram of its own that never becomes whole.
fn open_fragments(count: u32, len: u16, out: &mut dyn Write) {
    let all = 20 + u32::from(len);
    out.write_all(&head()).unwrap();
    let mut piece = Vec::new();
    for number in 0..count {
        piece.extend(words(&[1, number % 1_000_000, all, all]));
        let at = piece.len();
        piece.extend(hex::decode("450003fc00002000401100000a000000c0000201").unwrap());
        piece.resize(at + all as usize, 0);
        piece[at + 2..at + 4].copy_from_slice(&(20 + len).to_be_bytes());
        piece[at + 4..at + 6].copy_from_slice(&number.to_be_bytes()[2..]);
        piece[at + 13..at + 16].copy_from_slice(&number.to_be_bytes()[..3]);
        out.write_all(&piece).unwrap();
        piece.clear();
    }
}

#[test]
fn fragments_that_never_become_whole_wait_in_64_mebibytes() {
    const COUNT: u32 = 50_000;
    for len in [1000, 8] {
        let (base, least) = read(&["--reassemble", "--count", "-"], move |out| open_fragments(100, len, out));
        assert_eq!(base, "100\n");
        let (text, peak) =
            read(&["--reassemble", "--count", "-"], move |out| open_fragments(COUNT, len, out));
        assert_eq!(text, format!("{COUNT}\n"), "none is lost: those that are given up come as they were");
        println!("{COUNT} open fragments of {len} octets: {peak} kB, 100: {least} kB");
        // 64 MiB of what was held (`MOST_HELD`), with a quarter of that for the allocator.
        assert!(peak < least + 80 * 1024, "{len} octets: {peak} kB, {least} kB with few");
        assert!(peak > least + 30 * 1024, "{len} octets: the attack reaches the limit: {peak} kB");
    }
}

/// A conversation of which the octets behind the first are never said, and so many segments of 1000 octets behind the gap.
fn gap(segments: u32, out: &mut dyn Write) {
    out.write_all(&head()).unwrap();
    for number in 0..segments {
        let mut piece = words(&[1, number % 1_000_000, 1040, 1040]);
        let at = piece.len();
        piece.extend(hex::decode("4500041000010000400600000a000001c000020100010009").unwrap());
        let seq = if number == 0 { 1 } else { 2001 + number * 1000 };
        piece.extend(seq.to_be_bytes());
        piece.extend(hex::decode("000000015010200000000000").unwrap());
        piece.resize(at + 1040, b'x');
        out.write_all(&piece).unwrap();
    }
}

#[test]
fn what_waits_for_a_gap_in_a_conversation_waits_in_64_mebibytes() {
    const COUNT: u32 = 80_000;
    let follow = ["--follow", "tcp:0", "--raw", "--side", "client", "-"];
    let (_, least) = read(&follow, |out| gap(100, out));
    let (_, peak) = read(&follow, |out| gap(COUNT, out));
    println!("{COUNT} segments behind a gap: {peak} kB, 100: {least} kB");
    assert!(peak < least + 100 * 1024, "{peak} kB, {least} kB with few");
    assert!(peak > least + 40 * 1024, "the attack reaches the limit: {peak} kB");
}

#[test]
fn flows_without_end_take_what_their_limits_say() {
    // Each segment is of a connection of its own: more than are remembered (`REMEMBERED`, `MOST_CONVERSATIONS` have tests of their own).
    const FLOWS: usize = 40_000;
    for (arguments, most) in [(&[][..], 0), (&["--analysis"], 60), (&["--stats"], 90), (&["--expert"], 60)] {
        let arguments = [arguments, &["-"]].concat();
        let peak_of = |packets: usize| {
            let segments = Segments { connections: 1 << 24, number: 0 };
            read(&arguments, move |out| segments.write(packets, out)).1
        };
        let (least, peak) = (peak_of(1000), peak_of(FLOWS));
        println!("{arguments:?} of {FLOWS} flows: {peak} kB, of 1000: {least} kB");
        assert!(peak < least + SLACK + most * 1024, "{arguments:?}: {peak} kB, {least} kB with few");
    }
}

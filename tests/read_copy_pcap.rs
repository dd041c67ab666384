//! Copies into pcap, which has less room than pcapng: what is lost or changed is said.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rawsock::file::CaptureReader;
use support::{RAWSOCK, run, text_of};

fn read(arguments: &[&str], file: &Path, target: &Path) -> Output {
    run(Command::new(RAWSOCK).arg("read").args(arguments).arg(file).arg("-w").arg(target))
}

fn times(path: &Path) -> Vec<Option<i64>> {
    let (mut reader, mut times) = (CaptureReader::open(path).unwrap(), Vec::new());
    while let Some(frame) = reader.next().unwrap() {
        times.push(frame.time);
    }
    times
}

fn ours(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)
}

#[test]
fn what_pcap_has_no_place_for_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (noted, pcap) = (folder.path().join("noted.pcapng"), folder.path().join("x.pcap"));
    read(&["--comment", "note"], &ours("tcp-echo.pcapng"), &noted);
    let output = read(&[], &noted, &pcap);
    assert!(output.status.success());
    let text = text_of(&output);
    let count = times(&noted).len();
    assert!(text.contains("pcap has no place for") && text.contains(&format!("{count} comments")), "{text}");
    assert!(text.contains("interface's description"), "{text}");
    assert_eq!(text_of(&read(&[], &ours("raw-ip.pcap"), &pcap)), "", "nothing is lost of a pcap file");
}

/// Seconds have 32 bits there. Times were changed without a word, and had the fraction of another second.
#[test]
fn times_that_pcap_cannot_say_are_said_to_be_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (file, pcap) = (folder.path().join("times.pcapng"), folder.path().join("x.pcap"));
    let block = |kind: u32, body: &[u8]| {
        let len = (body.len() as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes(), &len[..], body, &len].concat()
    };
    let packet = |time: u64| {
        let [high, low] = [(time >> 32) as u32, time as u32];
        block(6, &[0, high, low, 1, 1, 0x45].map(u32::to_le_bytes).concat())
    };
    let section = [&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    // if_tsresol 6, and if_tsoffset of a second less.
    let interface = [&[101, 0, 0, 0, 0, 0, 0, 0][..], &[9, 0, 1, 0, 6, 0, 0, 0], &[14, 0, 8, 0], &[0xff; 8]];
    let octets = [
        block(0x0a0d_0d0a, &section),
        block(1, &interface.concat()),
        packet(1),
        packet(1_000_007),
        packet(4_294_967_296_999_999),
        packet(4_294_967_297_000_003),
        packet(u64::MAX),
        block(3, &[1, 0x45].map(u32::to_le_bytes).concat()),
    ];
    fs::write(&file, octets.concat()).unwrap();
    let text = text_of(&read(&[], &file, &pcap));
    assert!(text.contains("3 times before 1970 or after 2106"), "{text}");
    assert!(text.contains("1 packet's lack of a time"), "{text}");
    let last = 4_294_967_295_999_999_999;
    assert_eq!(times(&pcap), [0, 7_000, last - 999, last, last, 0].map(Some));
}

/// How long packets are at most stands in the header, and whoever reads by it cuts longer ones: those of another file may be.
#[test]
fn the_header_holds_for_the_packets_of_all_files() {
    let folder = tempfile::tempdir().unwrap();
    let [short, both, plain, again] =
        ["short.pcap", "both.pcap", "plain.pcap", "again.pcap"].map(|name| folder.path().join(name));
    let long = ours("raw-ip.pcap");
    let snap_len = |path: &Path| u32::from_le_bytes(fs::read(path).unwrap()[16..20].try_into().unwrap());
    let mut octets = fs::read(&long).unwrap();
    // Its first packet alone, captured a second after 1970, with 20 octets of it as the header says.
    octets[16..20].copy_from_slice(&20u32.to_le_bytes());
    octets[24..28].copy_from_slice(&1u32.to_le_bytes());
    octets[32..36].copy_from_slice(&20u32.to_le_bytes());
    octets.truncate(60);
    fs::write(&short, &octets).unwrap();
    run(Command::new(RAWSOCK).arg("read").args([&short, &long]).arg("-w").arg(&both));
    assert_eq!(snap_len(&both), 262_144);
    let output = run(Command::new("tcpdump").arg("-r").arg(&both).arg("-w").arg(&again));
    assert!(output.status.success(), "{}", text_of(&output));
    let len = |path: &Path| fs::read(path).unwrap().len();
    assert_eq!(len(&again), len(&long) + 16 + 20, "what tcpdump reads of it");
    read(&[], &long, &plain);
    assert_eq!(snap_len(&plain), snap_len(&long), "of one file it is that file's");
}

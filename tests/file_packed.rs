//! Packed captures: what gzip, zstd and lz4 pack is read as what they packed, also from a pipe; what is written packed, they
//! unpack; and what stands before a cut or damaged place is delivered, and then one error.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod corpus;
mod support;

use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rawsock::file::{CaptureReader, CaptureWriter, Interface, ReadError, WriteOptions};
use rawsock::wire::frame::{Frame, LinkType};
use support::{RAWSOCK, run, skip_or_fail, text_of};

/// The programs, with what makes them write to stdout.
const PROGRAMS: [(&str, &[&str]); 5] = [
    ("gzip", &["-c"]),
    ("zstd", &["-qc"]),
    ("zstd", &["-qc", "--no-check", "-19"]),
    ("lz4", &["-qc"]),
    ("lz4", &["-qc", "-BD", "-B4", "--no-frame-crc"]),
];

/// Packets and the errors behind them.
type Seen = (Vec<(Vec<u8>, Option<i64>)>, Vec<ReadError>);

fn read(source: impl Read + Send + 'static) -> Seen {
    let (mut packets, mut errors) = (Vec::new(), Vec::new());
    let mut reader = match CaptureReader::new(source) {
        Ok(reader) => reader,
        Err(error) => return (packets, vec![error]),
    };
    loop {
        match reader.next() {
            Ok(Some(frame)) => packets.push((frame.data.to_vec(), frame.time)),
            Ok(None) => return (packets, errors),
            Err(error) => errors.push(error),
        }
    }
}

fn plain(path: &Path) -> Seen {
    read(fs::File::open(path).unwrap())
}

/// What a program makes of a file; `None` where it is absent and nothing minds.
fn packed(program: &str, arguments: &[&str], path: &Path) -> Option<Vec<u8>> {
    match Command::new(program).args(arguments).arg(path).output() {
        Ok(output) => Some(output.stdout),
        Err(_) => {
            skip_or_fail(&format!("{program} is not installed"));
            None
        }
    }
}

/// Where programs may be absent, those that are there.
fn each_packed(path: &Path, mut check: impl FnMut(&str, Vec<u8>)) {
    for (program, arguments) in PROGRAMS {
        if let Some(octets) = packed(program, arguments, path) {
            check(program, octets);
        }
    }
}

fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/tcp-echo.pcapng")
}

/// A capture of many blocks of each packing, which is not packed away to nothing.
fn large(folder: &Path) -> PathBuf {
    let path = folder.join("large.pcapng");
    let mut writer = CaptureWriter::create(&path, WriteOptions::default()).unwrap();
    writer.add_interface(&Interface::of(LinkType::ETHERNET)).unwrap();
    let mut random = 1u32;
    for number in 0..PACKETS {
        let octet = |at: usize| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if at.is_multiple_of(3) { (random >> 24) as u8 } else { 7 }
        };
        let data: Vec<u8> = (0..100 + number % 400).map(octet).collect();
        writer.write(&Frame { time: Some(number as i64), ..Frame::new(&data, LinkType::ETHERNET) }).unwrap();
    }
    writer.finish().unwrap();
    path
}

const PACKETS: usize = 4_000;

#[test]
fn every_capture_is_read_packed_as_plain() {
    for path in corpus::captures() {
        let (wanted, _) = plain(&path);
        each_packed(&path, |program, octets| {
            let (packets, errors) = read(Cursor::new(octets));
            assert_eq!(packets, wanted, "{program}: {} ({errors:?})", path.display());
        });
    }
}

#[test]
fn a_pipe_of_packed_octets_is_unpacked() {
    for (program, arguments) in PROGRAMS {
        let Ok(mut packer) =
            Command::new(program).args(arguments).arg(small()).stdout(Stdio::piped()).spawn()
        else {
            skip_or_fail(&format!("{program} is not installed"));
            continue;
        };
        let mut rawsock = Command::new(RAWSOCK);
        let output = run(rawsock.args(["read", "-"]).stdin(packer.stdout.take().unwrap()));
        packer.wait().unwrap();
        assert_eq!(output.stdout, run(Command::new(RAWSOCK).arg("read").arg(small())).stdout, "{program}");
    }
}

#[test]
fn several_behind_each_other_are_one() {
    each_packed(&small(), |program, octets| {
        let pcap = fs::read(small()).unwrap();
        let (first, second) = pcap.split_at(pcap.len() / 2);
        let folder = tempfile::tempdir().unwrap();
        let mut both = Vec::new();
        for (name, part) in [("first", first), ("second", second)] {
            let path = folder.path().join(name);
            fs::write(&path, part).unwrap();
            let arguments = if program == "gzip" { &["-c"][..] } else { &["-qc"] };
            both.extend(packed(program, arguments, &path).unwrap());
        }
        assert_eq!(read(Cursor::new(both)).0, read(Cursor::new(octets)).0, "{program}");
    });
}

/// As tapes and disks pad files; gzip(1) passes over it. It was told to be damage.
#[test]
fn zeros_behind_gzip_are_no_damage() {
    let Some(octets) = packed("gzip", &["-c"], &small()) else { return };
    let (wanted, _) = plain(&small());
    for zeros in [1, 7, 512, 200_000] {
        let padded = [&octets[..], &vec![0; zeros]].concat();
        let (packets, errors) = read(Cursor::new(padded.clone()));
        assert!(packets == wanted && errors.is_empty(), "{zeros}: {errors:?}");
        let (packets, errors) = read(Cursor::new([&padded[..], b"x"].concat()));
        assert!(packets == wanted && errors.len() == 1, "{zeros}: {errors:?}");
    }
}

#[test]
fn what_is_cut_gives_what_is_before_the_cut_and_one_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = large(folder.path());
    let (wanted, _) = plain(&path);
    each_packed(&path, |program, octets| {
        let len = octets.len();
        let mut most = 0;
        for cut in (12..len).step_by(len / 30).chain(len - 8..len) {
            let (packets, errors) = read(Cursor::new(octets[..cut].to_vec()));
            assert_eq!(packets, wanted[..packets.len()], "{program}, {cut}");
            let [ReadError::PackedCut { how, .. }] = errors[..] else {
                panic!("{program}, {cut} of {len}: {errors:?}")
            };
            assert_eq!(how, program);
            assert!(packets.len() >= most, "{program}, {cut} of {len}: {} and {most}", packets.len());
            most = packets.len();
        }
        // Without a checksum, the last octet of zstd is a part of the last 128 KiB.
        assert!(most > PACKETS * 8 / 10, "{program}: when only the end is missing, {most} packets are there");
    });
}

#[test]
fn what_is_damaged_ends_with_an_error() {
    each_packed(&small(), |program, octets| {
        let mut found = 0;
        for at in (0..octets.len()).step_by(5) {
            let mut damaged = octets.clone();
            damaged[at] ^= 0x55;
            let (_, errors) = read(Cursor::new(damaged));
            assert!(errors.len() < 50, "{program}, {at}: {errors:?}");
            found += usize::from(!errors.is_empty());
        }
        assert!(found > 0, "{program}: no damage was found");
    });
    let octets = packed("gzip", &["-c"], &small()).unwrap();
    let mut damaged = octets.clone();
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    let (packets, errors) = read(Cursor::new(damaged));
    assert_eq!(packets, plain(&small()).0, "the octets are there, only their sum is wrong");
    assert!(matches!(errors[..], [ReadError::PackedDamaged { how: "gzip", .. }]), "{errors:?}");
}

#[test]
fn what_is_packed_and_no_capture_is_said() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "GET / HTTP/1.1\r\n\r\n").unwrap();
    each_packed(file.path(), |program, octets| {
        assert!(matches!(read(Cursor::new(octets)).1[..], [ReadError::NotACapture]), "{program}");
    });
}

#[test]
fn what_is_written_packed_is_unpacked_by_all() {
    let folder = tempfile::tempdir().unwrap();
    for (name, program) in
        [("x.pcapng.gz", "gzip"), ("x.pcap.lz4", "lz4"), ("x.pcap.gz", "gzip"), ("x.lz4", "lz4")]
    {
        let path = folder.path().join(name);
        let output = run(Command::new(RAWSOCK).args(["read", "-q"]).arg(small()).arg("-w").arg(&path));
        assert!(output.status.success(), "{}", text_of(&output));
        let Some(unpacked) = packed(program, &["-dc"], &path) else { continue };
        let is_pcap = unpacked.starts_with(&[0x4d, 0x3c, 0xb2, 0xa1]);
        assert_eq!(is_pcap, name.contains(".pcap."), "{name}");
        assert_eq!(read(Cursor::new(unpacked)).0, plain(&small()).0, "{name}");
        assert_eq!(plain(&path).0, plain(&small()).0, "{name}");
        let mut tshark = Command::new("tshark");
        let tshark = run(tshark.args(["-n", "-T", "fields", "-e", "frame.number", "-r"]).arg(&path));
        let lines = String::from_utf8_lossy(&tshark.stdout).lines().count();
        assert_eq!(lines, plain(&small()).0.len(), "{name}: {}", text_of(&tshark));
    }
    let path = folder.path().join("x.pcapng.zst");
    let output = run(Command::new(RAWSOCK).args(["read", "-q"]).arg(small()).arg("-w").arg(&path));
    assert_eq!(output.status.code(), Some(2));
    assert!(text_of(&output).contains("zstd is not written here"), "{}", text_of(&output));
    assert!(!path.exists());
}

//! Every capture of `../shared/captures`, which other projects made, is read as tshark reads it: as many packets, with the
//! same times, lengths and link types, and the same octets.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rawsock::file::{CaptureReader, ReadError};
use rawsock::wire::frame::{Direction, LinkType};
use support::{run, skip_or_fail, text_of};

/// What is compared of a packet.
#[derive(Debug, PartialEq)]
struct Packet {
    /// As tshark prints it; empty for none.
    time: String,
    taken: usize,
    len: u32,
}

/// A packet with what only a file can compare.
#[derive(Debug, PartialEq)]
struct Whole {
    data: Vec<u8>,
    time: Option<i64>,
    link_type: LinkType,
    direction: Direction,
    comment: Option<String>,
}

/// One line of the manifest.
struct Entry {
    path: PathBuf,
    name: String,
    link_types: Vec<u32>,
    records: Option<usize>,
}

#[test]
fn every_packet_is_as_tshark_says() {
    let Some(entries) = entries() else { return };
    let encapsulations: Mutex<BTreeMap<u32, BTreeMap<String, String>>> = Mutex::default();
    each(&entries, |entry| {
        let (packets, link_types, error) = ours(entry);
        if let Some(why) = among(&REFUSED_BY_US, entry) {
            return refused(why, packets.len(), error);
        }
        let expected = entry.records.filter(|_| among(&MISCOUNTED, entry).is_none());
        if expected.is_some_and(|records| records != packets.len()) {
            return Err(format!("{} packets, and the manifest says {:?}", packets.len(), entry.records));
        }
        // The manifest does not look into packed files.
        let said = |link_type| entry.link_types.is_empty() || entry.link_types.contains(link_type);
        if let Some(other) = link_types.iter().find(|link_type| !said(link_type)) {
            return Err(format!("link type {other}, and the manifest says {:?}", entry.link_types));
        }
        let (theirs, whole) = tshark(&entry.path);
        if let Some(why) = among(&REFUSED_BY_TSHARK, entry) {
            let alone = theirs.is_empty() && !whole && error.is_none();
            return if alone { Ok(()) } else { Err(format!("tshark reads it, or we do not: {why}")) };
        }
        let (wanted, kinds): (Vec<_>, Vec<_>) = theirs.into_iter().unzip();
        for (number, ((ours, link_type), theirs)) in (1..).zip(packets.iter().zip(&link_types).zip(&wanted)) {
            let pseudo =
                PSEUDO_HEADERS.iter().find(|(known, ..)| known == link_type).map_or(0, |(_, len, _)| *len);
            let same_time = ours.time == theirs.time || has_other_time(entry, &ours.time);
            let same_lengths = ours.taken == theirs.taken + pseudo && ours.len == theirs.len + pseudo as u32;
            if !same_time || !same_lengths {
                return Err(format!("packet {number}: {ours:?}, and tshark says {theirs:?}"));
            }
        }
        if packets.len() != wanted.len() || error.is_none() != whole {
            let (ours, theirs) = (packets.len(), wanted.len());
            return Err(format!("{ours} packets and {error:?}; tshark: {theirs} packets, whole: {whole}"));
        }
        let mut all = encapsulations.lock().unwrap();
        for (link_type, kind) in link_types.iter().zip(kinds) {
            all.entry(*link_type).or_default().insert(kind, entry.name.clone());
        }
        Ok(())
    });
    // Whatever tshark calls a link type, it must call it the same in every file.
    for (link_type, kinds) in encapsulations.into_inner().unwrap() {
        assert_eq!(kinds.len(), 1, "link type {link_type} is several of tshark's: {kinds:?}");
    }
}

#[test]
fn every_octet_is_as_editcap_copies_it() {
    let Some(entries) = entries() else { return };
    let folder = tempfile::tempdir().unwrap();
    each(&entries, |entry| {
        let copy = folder.path().join(entry.name.replace('/', "_"));
        let output = run(Command::new("editcap").args(["-F", "pcapng"]).arg(&entry.path).arg(&copy));
        if !copy.exists() || among(&REFUSED_BY_US, entry).is_some() {
            // The other test says why they, or we, do not read it.
            return Ok(());
        }
        let (ours, copied) = (packets(&entry.path), packets(&copy));
        for (number, (ours, copied)) in (1..).zip(ours.iter().zip(&copied)) {
            if !alike(entry, ours, copied) {
                return Err(format!("packet {number}: {ours:?}, and editcap copies {copied:?}"));
            }
        }
        if ours.len() == copied.len() {
            Ok(())
        } else {
            Err(format!("{} packets, of {} that were copied: {}", ours.len(), copied.len(), text_of(&output)))
        }
    });
}

/// Whether a copy is the same, but for what wiretap changes.
fn alike(entry: &Entry, ours: &Whole, copied: &Whole) -> bool {
    let rewritten = PSEUDO_HEADERS.iter().any(|(link_type, ..)| *link_type == ours.link_type.0);
    let same_link_type = ours.link_type == copied.link_type
        || RENAMED.iter().any(|(from, to, _)| (*from, *to) == (ours.link_type.0, copied.link_type.0));
    // A packet without a time is copied with the beginning of 1970.
    let same_time =
        ours.time == copied.time || has_other_time(entry, &text(ours.time)) || ours.time.is_none();
    (ours.data == copied.data || rewritten)
        && same_link_type
        && same_time
        && ours.direction == copied.direction
        && ours.comment == copied.comment
}

/// Whether wiretap gives the packet of this time another one, as said with [`OTHER_TIMES`].
fn has_other_time(entry: &Entry, time: &str) -> bool {
    OTHER_TIMES.iter().any(|(name, ours, _)| *name == entry.name && *ours == time)
}

fn among<'w>(list: &'w [(&str, &str)], entry: &Entry) -> Option<&'w str> {
    list.iter().find(|(name, _)| *name == entry.name).map(|(_, why)| *why)
}

fn refused(why: &str, packets: usize, error: Option<ReadError>) -> Result<(), String> {
    match error {
        Some(_) if packets == 0 => Ok(()),
        error => Err(format!("{packets} packets and {error:?}, though we refuse it: {why}")),
    }
}

/// What we read of a file: packets, their link types, and the error that ended it.
fn ours(entry: &Entry) -> (Vec<Packet>, Vec<u32>, Option<ReadError>) {
    let (mut packets, mut link_types) = (Vec::new(), Vec::new());
    let mut reader = match CaptureReader::open(&entry.path) {
        Ok(reader) => reader,
        Err(error) => return (packets, link_types, Some(error)),
    };
    loop {
        match reader.next() {
            Ok(Some(frame)) => {
                packets.push(Packet { time: text(frame.time), taken: frame.data.len(), len: frame.len });
                link_types.push(frame.link_type.0);
            }
            Ok(None) => return (packets, link_types, None),
            Err(error) => return (packets, link_types, Some(error)),
        }
    }
}

/// A time as tshark prints it.
fn text(time: Option<i64>) -> String {
    let text =
        |time: i64| format!("{}.{:09}", time.div_euclid(1_000_000_000), time.rem_euclid(1_000_000_000));
    time.map(text).unwrap_or_default()
}

fn packets(path: &Path) -> Vec<Whole> {
    let mut packets = Vec::new();
    let mut reader = CaptureReader::open(path).unwrap();
    while let Ok(Some(frame)) = reader.next() {
        packets.push(Whole {
            data: frame.data.to_vec(),
            time: frame.time,
            link_type: frame.link_type,
            direction: frame.direction,
            comment: frame.comment.map(|comments| comments.kept()),
        });
    }
    packets
}

/// What tshark reads: packets with the kind of link that it takes them for, and whether it got to the end.
fn tshark(path: &Path) -> (Vec<(Packet, String)>, bool) {
    let fields = ["time_epoch", "cap_len", "len", "encap_type"].map(|field| format!("frame.{field}"));
    let mut command = Command::new("tshark");
    command
        .args(["-n", "-T", "fields"])
        .args(fields.iter().flat_map(|field| ["-e", field]))
        .arg("-r")
        .arg(path);
    let output = run(&mut command);
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let packet = |line: &str| {
        let [time, taken, len, kind] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("tshark says {line:?}");
        };
        let packet =
            Packet { time: time.to_owned(), taken: taken.parse().unwrap(), len: len.parse().unwrap() };
        (packet, kind.to_owned())
    };
    // Custom blocks are frames to tshark, of no kind of link.
    let packets = lines.lines().map(packet).filter(|(_, kind)| !kind.is_empty());
    (packets.collect(), output.status.success())
}

/// Does something for each capture, on each processor; says what failed.
fn each(entries: &[Entry], check: impl Fn(&Entry) -> Result<(), String> + Sync) {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(entry) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(what) = check(entry) {
                        wrong.lock().unwrap().push(format!("{}: {what}", entry.name));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), entries.len(), wrong.join("\n"));
}

/// The manifest of the captures, or `None` where they or their judges are absent.
///
/// # Panics
/// Where tshark is absent and nothing allows that.
fn entries() -> Option<Vec<Entry>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let Ok(manifest) = std::fs::read_to_string(folder.join("MANIFEST.tsv")) else {
        eprintln!("SKIPPED: {} is not there; it comes with the project's workshop", folder.display());
        return None;
    };
    if Command::new("editcap").arg("--version").output().is_err() {
        skip_or_fail("tshark is not installed");
        return None;
    }
    let entry = |line: &str| {
        let columns: Vec<_> = line.split('\t').collect();
        // A link type may have the whole field of the header behind a slash.
        let link_types = columns[3].split(',').filter_map(|one| one.split('/').next()?.parse().ok());
        let name = columns[0].to_owned();
        Entry {
            path: folder.join(&name),
            name,
            link_types: link_types.collect(),
            records: columns[4].parse().ok(),
        }
    };
    let entries: Vec<_> = manifest.lines().skip(1).map(entry).collect();
    assert!(entries.len() > 300, "only {} captures in the manifest", entries.len());
    Some(entries)
}

/// Captures that we refuse and tshark takes, and why.
const REFUSED_BY_US: [(&str, &str); 0] = [];

/// Captures that tshark refuses and we read, and why. tcpdump reads all of them.
const REFUSED_BY_TSHARK: [(&str, &str); 7] = [
    ("tcpdump/tests/brcm-tag-prepend.pcap", "wiretap does not know link type 282"),
    ("tcpdump/tests/dsa.pcap", "wiretap does not know link type 284"),
    ("tcpdump/tests/edsa.pcap", "wiretap does not know link type 285"),
    ("tcpdump/tests/juniper_es_oobr.pcap", "wiretap does not know link type 132"),
    ("tcpdump/tests/kday6.pcap", "wiretap does not know link type 182"),
    ("tcpdump/tests/vtp_asan-2.pcap", "wiretap does not know link type 182"),
    ("tcpdump/tests/vtp_asan-3.pcap", "wiretap does not know link type 182"),
];

/// Captures of which the manifest counts what nobody reads, and why.
const MISCOUNTED: [(&str, &str); 3] = [
    (
        "libpcap/tests/pcap-invalid-version-1.pcap",
        "pcap of version 1, which neither tshark nor tcpdump nor we read",
    ),
    (
        "gopacket/pcapgo/tests/be/test901.pcapng",
        "its second section is in a version of pcapng that nobody knows",
    ),
    (
        "gopacket/pcapgo/tests/le/test901.pcapng",
        "its second section is in a version of pcapng that nobody knows",
    ),
];

/// Packets to which wiretap gives another time than their file, and why.
const OTHER_TIMES: [(&str, &str, &str); 3] = [
    (
        "tcpdump/tests/atm-oam-loopback-print-overrun.pcap",
        "1544489736.821166000",
        "a fraction of 1,160 seconds, which wiretap multiplies in 32 bits",
    ),
    (
        "pcapplusplus/Tests/Pcap++Test/PcapExamples/pcapng-example.pcapng",
        "9223372036.854775807",
        "in the year 586524: our times are 64 bits of nanoseconds, and end in 2262",
    ),
    (
        "pcapplusplus/Tests/Pcap++Test/PcapExamples/file_heuristics/pcapng-example.pcapng.zst",
        "9223372036.854775807",
        "the same",
    ),
];

/// Link types of which wiretap takes the first octets away from the packet, how many, and why.
const PSEUDO_HEADERS: [(u32, usize, &str); 1] =
    [(123, 4, "direction, VPI and VCI of SunATM are kept beside the packet")];

/// Link types that editcap writes as others, and why.
const RENAMED: [(u32, u32, &str); 1] = [(50, 9, "PPP in HDLC-like framing and PPP are the same to wiretap")];

//! Packets and blocks far beyond what is usual, through the whole program: frames 10,000 VLAN tags deep, and pcapng options and
//! blocks of 4 GB. Memory is limited from outside: who takes more is ended by the kernel.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rawsock::file::{CaptureReader, CaptureWriter, Interface, WriteOptions};
use rawsock::wire::frame::{Frame, LinkType};
use serde_json::Value;
use support::{RAWSOCK, run, text_of};

/// Address space that the program may have, in kB: two threads take most of it for their stacks and heaps.
const MOST_MEMORY: u32 = 400_000;
/// Far more than it takes, and far less than anything that grows with the square of the tags.
const MOST_TIME: Duration = Duration::from_secs(60);

/// Runs `rawsock read` with little memory.
fn read(arguments: &[&str], file: &Path) -> Output {
    let limited = format!("ulimit -v {MOST_MEMORY}; exec \"$@\"");
    let began = Instant::now();
    let output =
        run(Command::new("sh").args(["-c", &limited, "sh", RAWSOCK, "read", "-t"]).arg(file).args(arguments));
    let text = text_of(&output);
    let code = if text.contains(": damaged at octet") { 2 } else { 0 };
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    assert!(began.elapsed() < MOST_TIME, "{arguments:?}: {:?}", began.elapsed());
    output
}

fn stdout(arguments: &[&str], file: &Path) -> String {
    String::from_utf8(read(arguments, file).stdout).unwrap()
}

const TAGS: u16 = 10_000;
/// Frames of the capture, 8 MB together.
const FRAMES: usize = 200;

/// Ethernet, tags of which the n-th has the identifier n, and an IPv4 header that says that nothing follows.
fn deep_frame() -> Vec<u8> {
    let mut frame = hex::decode("020000000001020000000002").unwrap();
    for number in 1..=TAGS {
        frame.extend([0x81, 0]);
        frame.extend((number & 0x0fff).to_be_bytes());
    }
    frame.extend(hex::decode("0800450000140001000040006ae60a4d01020a4d0202").unwrap());
    frame
}

fn write(path: &Path, frames: usize) {
    let mut writer = CaptureWriter::create(path, WriteOptions::default()).unwrap();
    writer.add_interface(&Interface::of(LinkType::ETHERNET)).unwrap();
    for time in 0..frames {
        let frame = deep_frame();
        let time = Some(i64::try_from(time).unwrap());
        writer.write(&Frame { time, ..Frame::new(&frame, LinkType::ETHERNET) }).unwrap();
    }
    writer.finish().unwrap();
}

fn octets_of(file: &Path) -> Vec<Vec<u8>> {
    let mut reader = CaptureReader::open(file).unwrap();
    let mut all = Vec::new();
    while let Some(frame) = reader.next().unwrap() {
        all.push(frame.data.to_vec());
    }
    all
}

#[test]
fn frames_of_10_000_vlan_tags_are_read_in_every_way() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("deep.pcapng");
    write(&file, FRAMES);
    for arguments in [&[][..], &["-e"], &["-Y", "vlan.id == 5"], &["vlan and vlan and vlan 3"]] {
        let lines = stdout(arguments, &file);
        assert_eq!(lines.lines().count(), FRAMES, "{arguments:?}");
        assert!(lines.lines().all(|line| line.contains(", length 40034: vlan 1, p 0, ")), "{lines:.400}");
        assert!(
            lines.lines().all(|line| line.contains(" vlan 5, p 0, ") && line.len() < 4_000),
            "{lines:.400}"
        );
    }
    for (expression, count) in
        [("vlan.id == 5", FRAMES), ("vlan.id == 20 && not ip", FRAMES), ("vlan", FRAMES)]
    {
        let found = stdout(&["--count", "-Y", expression], &file);
        assert_eq!(found.trim(), count.to_string(), "{expression}");
    }
    // What is beyond the deepest layer is data, of which a tree shows the beginning and its length.
    let tree = stdout(&["-vv"], &file);
    assert_eq!(tree.matches("VLAN identifier (vlan.id): 5\n").count(), FRAMES);
    let (shown, rest) = (
        tree.matches("802.1Q virtual LAN (vlan)").count() / FRAMES,
        tree.matches("Data (data): length ").count(),
    );
    assert!(shown > 20 && rest == FRAMES, "{shown} tags, {rest} rests");
    let told = format!("Data (data): length {}", 40_034 - 14 - 4 * shown);
    assert_eq!(tree.matches(&told).count(), FRAMES, "all that is not a tag of the tree is in its data");

    let statistics: Value = serde_json::from_str(&stdout(&["--stats", "--json"], &file)).unwrap();
    assert_eq!(
        (statistics["packets"].as_u64(), statistics["octets"].as_u64()),
        (Some(200), Some(200 * 40_034))
    );
    let eth = &statistics["protocols"][0];
    assert_eq!((&eth["protocol"], &eth["packets"]), (&"eth".into(), &200.into()), "{eth}");
    assert!(stdout(&["--stats"], &file).starts_with("200 packets, 8006800 octets"));
}

#[test]
fn frames_of_10_000_vlan_tags_come_back_whole() {
    let directory = tempfile::tempdir().unwrap();
    let in_there = |name: &str| directory.path().join(name);
    let file = in_there("deep.pcapng");
    write(&file, FRAMES);
    let expected = vec![deep_frame(); FRAMES];
    for (name, arguments) in [
        ("whole.pcapng", &[][..]),
        ("some.pcapng", &["-Y", "vlan.id == 5"]),
        ("old.pcap", &[]),
        ("packed.pcapng.gz", &["vlan"]),
    ] {
        let copy = in_there(name);
        let arguments = [arguments, &["-w", copy.to_str().unwrap()]].concat();
        read(&arguments, &file);
        assert!(octets_of(&copy) == expected, "{name}");
    }
    assert_eq!(fs::read(in_there("whole.pcapng")).unwrap(), fs::read(&file).unwrap());
    // What is printed builds the same frames.
    for form in ["--json", "--toml"] {
        let printed = in_there("printed");
        fs::write(&printed, stdout(&[form, "-c", "3"], &file)).unwrap();
        let built = in_there("built.pcap");
        let output = run(Command::new(RAWSOCK).args(["craft", "-q"]).arg(&printed).arg("-w").arg(&built));
        assert!(output.status.success(), "{}", text_of(&output));
        assert!(octets_of(&built) == expected[..3], "{form}");
    }
}

/// Words of a little-endian file.
fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len() + 12).unwrap();
    [&words(&[kind, len])[..], body, &words(&[len])].concat()
}

/// An Ethernet frame of nothing but its header, and options.
fn packet_body(options: &[u8]) -> Vec<u8> {
    let frame = hex::decode("02000000000102000000000288b50000").unwrap();
    [&words(&[0, 0x0006_0000, 0x1234_5678, 14, 14])[..], &frame, options].concat()
}

/// A file with a block of 4 GB, which is really there, between two packets. The file is sparse: it takes no room on a disk.
fn file_around(directory: &Path, kind: u32, body: &[u8]) -> PathBuf {
    const LEN: u32 = 0xffff_fff0;
    let path = directory.join(format!("long-{kind}.pcapng"));
    let mut file = File::create(&path).unwrap();
    let section = block(0x0a0d_0d0a, &[&words(&[0x1a2b_3c4d, 1])[..], &[0xff; 8]].concat());
    let begin = [section, block(1, &words(&[1, 0])), block(6, &packet_body(&[]))].concat();
    file.write_all(&[&begin[..], &words(&[kind, LEN]), body].concat()).unwrap();
    file.seek(SeekFrom::Start(begin.len() as u64 + u64::from(LEN) - 4)).unwrap();
    file.write_all(&[words(&[LEN]), block(6, &packet_body(&[]))].concat()).unwrap();
    path
}

#[test]
fn options_and_blocks_of_4_gb_cost_only_themselves() {
    let directory = tempfile::tempdir().unwrap();
    // Options of a packet, the first of which is as long as one can be; options of an interface; names; something unknown.
    let option = [&[0xff; 4][..], &[b'x'; 64]].concat();
    for (kind, body, arguments) in [
        (6, packet_body(&option), &[][..]),
        (1, [&words(&[1, 0])[..], &option].concat(), &["--resolve"]),
        (4, option.clone(), &["--resolve"]),
        (0x0bad, option.clone(), &["--resolve"]),
    ] {
        let file = file_around(directory.path(), kind, &body);
        let output = read(arguments, &file);
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).lines().count(),
            2,
            "{kind}: {}",
            text_of(&output)
        );
        let copy = directory.path().join("copy.pcapng");
        let output = read(&["-w", copy.to_str().unwrap()], &file);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("damaged at octet ") && said.contains("a block of 4294967280 octets"),
            "{kind}: {said}"
        );
        assert_eq!(octets_of(&copy).len(), 2, "{kind}");
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn options_that_claim_more_than_there_is_are_left_out_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("claims.pcapng");
    let section = block(0x0a0d_0d0a, &[&words(&[0x1a2b_3c4d, 1])[..], &[0xff; 8]].concat());
    let comment = [&[1, 0, 5, 0][..], b"noted\0\0\0"].concat();
    // An option code with a length of 65,535, where the block ends; with what was said before it.
    let claims = [&comment[..], &[1, 0, 0xff, 0xff], b"more"].concat();
    let packets = [block(6, &packet_body(&claims)), block(6, &packet_body(&comment))].concat();
    fs::write(
        &file,
        [section, block(1, &[&words(&[1, 0])[..], &[9, 0, 0xff, 0xff]].concat()), packets].concat(),
    )
    .unwrap();
    let json = stdout(&["--json"], &file);
    let comments: Vec<Value> =
        json.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["comment"].clone()).collect();
    assert_eq!(comments, ["noted", "noted"], "{json}");
    let copy = directory.path().join("copy.pcapng");
    read(&["-w", copy.to_str().unwrap()], &file);
    assert_eq!(fs::read(&copy).unwrap(), fs::read(&file).unwrap(), "what cannot be read is kept as it is");
}

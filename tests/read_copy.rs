//! Copies keep all that there is: pcapng files come back block by block, merges are in mergecap's order, comments, cuts and
//! pieces are where editcap puts them.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test code"
)]

mod blocks;
mod corpus;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use blocks::{Block, blocks, every_kind};
use rawsock::file::CaptureReader;
use support::{RAWSOCK, run, skip_or_fail, text_of};

/// Packets as they are compared: octets, length, time.
type Packets = Vec<(Vec<u8>, u32, Option<i64>)>;

fn read(arguments: &[&str], files: &[&Path], target: &Path) -> Output {
    run(Command::new(RAWSOCK).arg("read").args(arguments).args(files).arg("-w").arg(target))
}

fn packets(path: &Path) -> Packets {
    let mut packets = Vec::new();
    let Ok(mut reader) = CaptureReader::open(path) else { return packets };
    loop {
        match reader.next() {
            Ok(Some(frame)) => packets.push((frame.data.to_vec(), frame.len, frame.time)),
            Ok(None) => return packets,
            Err(error) if error.goes_on() => {}
            Err(_) => return packets,
        }
    }
}

fn ours(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)
}

fn is_pcapng(file: &[u8]) -> bool {
    file.starts_with(&[10, 13, 13, 10])
}

/// Lines of `tshark -T fields`.
fn tshark(path: &Path, fields: &[&str]) -> Vec<String> {
    let mut command = Command::new("tshark");
    command
        .args(["-n", "-T", "fields"])
        .args(fields.iter().flat_map(|field| ["-e", field]))
        .arg("-r")
        .arg(path);
    let output = run(&mut command);
    assert!(output.status.success(), "{}", text_of(&output));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn every_pcapng_is_copied_block_by_block() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.pcapng");
    let mut compared = 0;
    for path in corpus::captures() {
        let file = fs::read(&path).unwrap();
        if !is_pcapng(&file) {
            continue;
        }
        let output = read(&[], &[&path], &copy);
        assert!(corpus::ended_well(&output), "{}", text_of(&output));
        let wanted = blocks(&file);
        let copied = blocks(&fs::read(&copy).unwrap());
        // Of a section in a version that is not known, nothing is.
        let mut is_known = true;
        let is_wanted = |block: &Block| {
            is_known = if block.kind == 0x0a0d_0d0a { block.half(4) == 1 } else { is_known };
            is_known
        };
        let wanted: Vec<Block> = wanted.into_iter().filter(is_wanted).collect();
        let same = copied == wanted;
        assert!(same, "{}: {} of {} blocks", path.display(), copied.len(), wanted.len());
        compared += copied.len();
    }
    assert!(compared > 60, "only {compared} blocks were compared");
}

#[test]
fn a_copy_into_the_other_format_and_back_keeps_the_packets() {
    let folder = tempfile::tempdir().unwrap();
    let (pcap, back) = (folder.path().join("x.pcap"), folder.path().join("x.pcapng"));
    let mut compared = 0;
    for path in corpus::captures() {
        let output = read(&[], &[&path], &pcap);
        if text_of(&output).contains("a packet of link type") || !pcap.exists() {
            continue;
        }
        read(&[], &[&pcap], &back);
        let since_1970 = |packets: Packets| -> Packets {
            let most = (i64::from(u32::MAX) + 1) * 1_000_000_000 - 1;
            let time = |time: Option<i64>| Some(time.unwrap_or(0).clamp(0, most));
            packets.into_iter().map(|(data, len, at)| (data, len, time(at))).collect()
        };
        let (wanted, there) = (since_1970(packets(&path)), packets(&pcap));
        if wanted.iter().any(|(.., time)| *time >= Some(4_294_967_296_000_000_000 - 1)) {
            continue; // A time that 32 bits of seconds cannot hold.
        }
        assert_eq!(there, wanted, "{}: {}", path.display(), text_of(&output));
        assert_eq!(packets(&back), wanted, "{}", path.display());
        compared += wanted.len();
    }
    assert!(compared > 50);
}

#[test]
fn merges_are_in_the_order_of_mergecap() {
    let files: Vec<PathBuf> =
        corpus::captures().into_iter().filter(|path| !packets(path).is_empty()).collect();
    let folder = tempfile::tempdir().unwrap();
    let (theirs, copy) = (folder.path().join("theirs.pcapng"), folder.path().join("ours.pcapng"));
    let mut compared = 0;
    for three in files.windows(3).step_by(2) {
        let three: Vec<&Path> = three.iter().map(PathBuf::as_path).collect();
        let Ok(merged) =
            Command::new("mergecap").args(["-F", "pcapng", "-w"]).arg(&theirs).args(&three).output()
        else {
            return skip_or_fail("mergecap is not installed");
        };
        let has_pseudo_header = |path: &&Path| path.to_string_lossy().contains("atm");
        if !merged.status.success() || three.iter().any(has_pseudo_header) {
            continue;
        }
        let output = read(&[], &three, &copy);
        assert!(output.status.success(), "{}", text_of(&output));
        // Of packets with the same time, mergecap takes that of the last file first, and we that of the first.
        let known = |packets: Packets| -> Packets {
            let mut known: Packets =
                packets.into_iter().map(|(data, len, time)| (data, len, time.or(Some(0)))).collect();
            known.chunk_by_mut(|one, other| one.2 == other.2).for_each(<[_]>::sort);
            known
        };
        let same = known(packets(&copy)) == known(packets(&theirs));
        assert!(same, "{three:?}: {}", text_of(&output));
        compared += packets(&theirs).len();
    }
    assert!(compared > 50, "only {compared} packets were compared");
}

#[test]
fn merges_keep_interfaces_names_and_options() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("both.pcapng");
    let (first, second) = (ours("tcp-echo.pcapng"), ours("any-cooked.pcapng"));
    read(&[], &[&first, &second], &copy);
    let merged = blocks(&fs::read(&copy).unwrap());
    let of = |path: &Path| blocks(&fs::read(path).unwrap());
    let kinds = |blocks: &[Block], kind: u32| {
        blocks.iter().filter(|block| block.kind == kind).cloned().collect::<Vec<_>>()
    };
    assert_eq!(kinds(&merged, 0x0a0d_0d0a).len(), 1);
    let both = |kind| [kinds(&of(&first), kind), kinds(&of(&second), kind)].concat();
    assert_eq!(kinds(&merged, 1), both(1), "interfaces");
    let interfaces = kinds(&of(&first), 1).len() as u32;
    let options = |blocks: Vec<Block>| {
        let mut options: Vec<_> = blocks.iter().map(Block::options).collect();
        options.sort();
        options
    };
    assert_eq!(options(kinds(&merged, 5)), options(both(5)), "statistics");
    assert_eq!(options(kinds(&merged, 6)), options(both(6)), "packets");
    let moved = kinds(&merged, 6).iter().filter(|packet| packet.word(0) >= interfaces).count();
    assert_eq!(moved, kinds(&of(&second), 6).len(), "packets of the second file's interfaces");
}

#[test]
fn a_block_of_every_kind_is_copied_octet_by_octet() {
    let folder = tempfile::tempdir().unwrap();
    let (file, copy) = (folder.path().join("x.pcapng"), folder.path().join("copy.pcapng"));
    let both = [every_kind(true), every_kind(false)].concat();
    for octets in [every_kind(false), every_kind(true), both] {
        fs::write(&file, &octets).unwrap();
        let output = read(&[], &[&file], &copy);
        assert_eq!(text_of(&output), "");
        assert!(fs::read(&copy).unwrap() == octets);
    }
    let output = read(&["-c", "2"], &[&file], &copy);
    assert_eq!(text_of(&output), "", "the custom block is behind the packets");
    let output = read(&["--skip", "1"], &[&file], &copy);
    assert!(text_of(&output).contains("left out 2 blocks that must not be copied into a changed file"));
    let pcap = folder.path().join("x.pcap");
    fs::write(&file, every_kind(false)).unwrap();
    let output = read(&["-c", "1"], &[&file], &pcap);
    let text = text_of(&output);
    for left in [
        "4 comments",
        "9 other options of packets",
        "3 options of section headers",
        "1 interface's description",
        "1 block of names",
        "1 block of decryption secrets",
    ] {
        assert!(text.contains(left), "{left}: {text}");
    }
}

#[test]
fn a_merge_turns_the_byte_order_of_all_that_it_knows() {
    let folder = tempfile::tempdir().unwrap();
    let merged = [true, false].map(|is_big| {
        let (file, copy) = (folder.path().join("x.pcapng"), folder.path().join("copy.pcapng"));
        fs::write(&file, every_kind(is_big)).unwrap();
        let output = read(&[], &[&ours("tcp-echo.pcapng"), &file], &copy);
        assert!(output.status.success(), "{}", text_of(&output));
        // What is in custom blocks, only their makers can turn.
        let left_out = text_of(&output).contains("left out 1 block that must not be copied into a changed file, 2 blocks of unknown kinds in the other byte order");
        assert_eq!(left_out, is_big, "{}", text_of(&output));
        let mut merged = blocks(&fs::read(&copy).unwrap());
        merged.retain(|block| ![0x0bad, 0x7777].contains(&block.kind));
        merged
    });
    assert_eq!(merged[0], merged[1]);
    let section = merged[0][0].options();
    let text = |code| {
        section
            .iter()
            .filter(|(known, _)| *known == code)
            .map(|(_, value)| String::from_utf8_lossy(value))
            .collect::<Vec<_>>()
    };
    assert!(
        text(1).contains(&"a section".into()) && text(1).contains(&"and more of it".into()),
        "{section:?}"
    );
    assert_eq!(text(4), [concat!("rawsock ", env!("CARGO_PKG_VERSION"))]);
    assert!(merged[0].iter().all(|block| !block.is_big));

    // Where all are big-endian, all stays so, and nothing is left out but what says so.
    let copy = folder.path().join("big.pcapng");
    let big = [folder.path().join("a.pcapng"), folder.path().join("b.pcapng")];
    big.iter().for_each(|path| fs::write(path, every_kind(true)).unwrap());
    let output = read(&[], &[&big[0], &big[1]], &copy);
    assert!(
        text_of(&output).ends_with("left out 2 blocks that must not be copied into a changed file\n"),
        "{}",
        text_of(&output)
    );
    let merged = blocks(&fs::read(&copy).unwrap());
    assert!(merged.iter().all(|block| block.is_big));
    assert_eq!(merged.len(), 2 * blocks(&every_kind(true)).len() - 3);
    assert_eq!(packets(&copy).len(), 6);
}

#[test]
fn files_one_behind_the_other_keep_their_sections() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("both.pcapng");
    let (first, second) = (ours("tcp-echo.pcapng"), ours("vlan.pcapng"));
    read(&["--append"], &[&first, &second], &copy);
    let both = [fs::read(&first).unwrap(), fs::read(&second).unwrap()].concat();
    assert_eq!(fs::read(&copy).unwrap(), both);
    // Each section counts its interfaces from 0; ours went on counting.
    let columns =
        ["read", "--fields", "frame.interface_id,frame.interface_name", "-Y", "frame.interface_id == 0"];
    for threads in ["1", "2"] {
        let output = run(Command::new(RAWSOCK).args(columns).args(["--threads", threads]).arg(&copy));
        let own: Vec<_> = std::str::from_utf8(&output.stdout).unwrap().lines().map(str::to_owned).collect();
        assert_eq!(own, tshark(&copy, &["frame.interface_id", "frame.interface_name"]));
        assert!(own.iter().all(|row| row.starts_with("0\t")) && own.len() == packets(&copy).len());
    }
}

#[test]
fn comments_stand_where_they_were_put() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("noted.pcapng");
    let output = read(
        &["--comment", "2:second: here", "--comment", "all", "--comment", "99:none"],
        &[&ours("tcp-echo.pcapng")],
        &copy,
    );
    assert!(text_of(&output).contains("there is no packet 99 to comment on"), "{}", text_of(&output));
    let lines = tshark(&copy, &["frame.comment"]);
    assert_eq!(lines[0], "all");
    assert_eq!(lines[1], "second: here,all");
    assert_eq!(packets(&copy), packets(&ours("tcp-echo.pcapng")));
    // A second time: the comments that are there stay.
    let again = folder.path().join("again.pcapng");
    read(&["--comment", "1:more"], &[&copy], &again);
    assert_eq!(tshark(&again, &["frame.comment"])[0], "all,more");
    // All of them are seen, in the order of the file.
    let seen = |arguments: &[&str]| {
        let output = run(Command::new(RAWSOCK).arg("read").args(arguments).args(["-c1"]).arg(&again));
        String::from_utf8(output.stdout).unwrap()
    };
    for threads in ["1", "2"] {
        assert_eq!(seen(&["--fields", "frame.comment", "--threads", threads]), "all,more\n");
        assert!(seen(&["--json", "--threads", threads]).contains(r#","comment":"all\nmore","#));
    }
    assert!(seen(&["-v"]).contains(", comment: all, comment: more\n"));
    let both = "frame.comment == \"more\" and frame.comment == \"all\" and count(frame.comment) == 2";
    assert_eq!(seen(&["--count", "-Y", both]), "1\n");
    // To a packet of pcap.
    read(&["--comment", "1:from pcap"], &[&ours("raw-ip.pcap")], &again);
    assert_eq!(tshark(&again, &["frame.comment"])[0], "from pcap");
    assert_eq!(packets(&again), packets(&ours("raw-ip.pcap")));

    let pcap = folder.path().join("x.pcap");
    let output = read(&["--comment", "1:x"], &[&copy], &pcap);
    assert_eq!(output.status.code(), Some(2));
    assert!(text_of(&output).contains("pcap has no place for comments"), "{}", text_of(&output));
}

#[test]
fn comments_and_cuts_reach_packets_of_every_kind_and_order() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("noted.pcapng");
    let mut compared = 0;
    for path in corpus::captures() {
        let file = fs::read(&path).unwrap();
        let wanted = packets(&path);
        if !is_pcapng(&file) || wanted.is_empty() {
            continue;
        }
        read(&["--comment", "noted", "--truncate", "7"], &[&path], &copy);
        let cut = |(data, len, time): (Vec<u8>, u32, Option<i64>)| {
            (data.get(..7).unwrap_or(&data).to_vec(), len, time.or(Some(0)))
        };
        let wanted: Packets = wanted.into_iter().map(cut).collect();
        assert_eq!(packets(&copy), wanted, "{}", path.display());
        let before: Vec<Block> = blocks(&file).into_iter().filter(Block::is_packet).collect();
        let after: Vec<Block> =
            blocks(&fs::read(&copy).unwrap()).into_iter().filter(Block::is_packet).collect();
        for (before, after) in before.iter().zip(&after) {
            let mut options = if before.kind == 3 { Vec::new() } else { before.options() };
            // The old block counts dropped packets in its fixed part.
            if before.kind == 2 && ![0, 0xffff].contains(&before.half(2)) {
                let count = u64::from(before.half(2));
                options.push((
                    4,
                    if before.is_big { count.to_be_bytes() } else { count.to_le_bytes() }.to_vec(),
                ));
            }
            options.push((1, b"noted".to_vec()));
            assert_eq!(after.options(), options, "{}", path.display());
            assert_eq!(after.is_big, before.is_big);
            compared += 1;
        }
    }
    assert!(compared > 30);
}

#[test]
fn cuts_are_those_of_editcap() {
    let folder = tempfile::tempdir().unwrap();
    for (name, ending) in
        [("tcp-echo.pcapng", "pcapng"), ("udp-errors.pcap", "pcap"), ("raw-ip.pcap", "pcapng")]
    {
        let [theirs, copy] = ["theirs", "ours"].map(|who| folder.path().join(who).with_extension(ending));
        let output = read(&["--truncate", "40"], &[&ours(name)], &copy);
        assert!(output.status.success(), "{}", text_of(&output));
        run(Command::new("editcap").args(["-s", "40"]).arg(ours(name)).arg(&theirs));
        assert_eq!(packets(&copy), packets(&theirs), "{name}");
    }
}

#[test]
fn subsets_keep_the_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("some.pcapng");
    read(&["--skip", "3", "-c", "4"], &[&ours("tcp-echo.pcapng")], &copy);
    assert_eq!(packets(&copy), packets(&ours("tcp-echo.pcapng"))[3..7]);
    let lines = run(Command::new(RAWSOCK)
        .args(["read", "--json", "--skip", "3", "-c1"])
        .arg(ours("tcp-echo.pcapng")));
    assert!(text_of(&lines).starts_with("{\"number\":4,"), "{}", text_of(&lines));
}

#[test]
fn pieces_are_those_of_editcap_and_can_be_read_by_themselves() {
    let folder = tempfile::tempdir().unwrap();
    for (name, target, options, theirs) in [
        ("tcp-echo.pcapng", "x.pcapng", ["--split-packets", "5"], ["-c", "5"]),
        ("tcp-echo.pcapng", "y.pcapng.gz", ["--split-packets", "1"], ["-c", "1"]),
        ("udp-errors.pcap", "z.pcap", ["--split-packets", "2"], ["-c", "2"]),
        ("multicast.pcapng", "m.pcapng", ["--split-seconds", "1"], ["-i", "1"]),
    ] {
        let (here, there) =
            (folder.path().join(format!("ours-{target}")), folder.path().join(format!("theirs-{target}")));
        fs::create_dir_all(&here).unwrap();
        fs::create_dir_all(&there).unwrap();
        let output = read(&options, &[&ours(name)], &here.join(target));
        assert!(output.status.success(), "{}", text_of(&output));
        run(Command::new("editcap").args(theirs).arg(ours(name)).arg(there.join(target)));
        let pieces = |folder: &Path| -> Vec<Packets> {
            let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
            files.sort();
            files.iter().map(|file| packets(file)).filter(|packets| !packets.is_empty()).collect()
        };
        assert_eq!(pieces(&here), pieces(&there), "{target}");
        assert_eq!(pieces(&here).concat(), packets(&ours(name)), "{target}");
        let stem = target.split('.').next().unwrap();
        assert!(here.join(target.replacen(stem, &format!("{stem}_00001"), 1)).exists());
    }
}

#[test]
fn a_file_that_is_read_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x_00002.pcapng");
    fs::copy(ours("tcp-echo.pcapng"), &path).unwrap();
    for target in [&path, &folder.path().join("x.pcapng")] {
        let output = read(&["--split-packets", "1"], &[&path], target);
        if target == &path {
            assert!(output.status.success(), "x_00002_00001.pcapng is another file");
        } else {
            assert_eq!(output.status.code(), Some(2));
            assert!(text_of(&output).contains("it is the file that is read"), "{}", text_of(&output));
        }
    }
    let output = read(&[], &[&path], &path);
    assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
    assert_eq!(fs::read(&path).unwrap(), fs::read(ours("tcp-echo.pcapng")).unwrap());
}

#[test]
fn packets_are_printed_beside_the_copy_only_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (file, copy) = (ours("tcp-echo.pcapng"), folder.path().join("copy.pcapng"));
    let tcpdump = |arguments: &[&str]| {
        let mut command = Command::new("tcpdump");
        let target = folder.path().join("theirs.pcap");
        let output = command.args(arguments).arg("-r").arg(&file).arg("-w").arg(target).output();
        output.map(|output| text_of(&Output { stderr: Vec::new(), ..output }).lines().count())
    };
    let count = packets(&file).len();
    for (arguments, lines, theirs) in [
        (&[][..], 0, Some(&["-n"][..])),
        (&["-e", "-n", "-tt"], 0, Some(&["-e", "-n", "-tt"])),
        (&["--print"], count, Some(&["-n", "--print"])),
        (&["--json"], count, None),
        (&["--fields", "ip.src"], count, None),
        (&["--json", "-q"], 0, None),
    ] {
        fs::remove_file(&copy).ok();
        let output = read(arguments, &[&file], &copy);
        assert!(output.status.success(), "{arguments:?}");
        assert_eq!(text_of(&output).lines().count(), lines, "{arguments:?}");
        assert_eq!(packets(&copy), packets(&file), "{arguments:?}");
        match theirs.map(tcpdump) {
            Some(Ok(theirs)) => assert_eq!(theirs, lines, "{arguments:?}"),
            Some(Err(_)) => skip_or_fail("tcpdump is not installed"),
            None => {}
        }
    }
}

#[test]
fn of_a_file_that_is_not_there_no_copy_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("kept.pcap");
    fs::write(&target, "an earlier file").unwrap();
    let missing = folder.path().join("missing.pcap");
    let output = Command::new(RAWSOCK).arg("read").arg(&missing).arg("-w").arg(&target).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("missing.pcap: no such file or directory"));
    assert_eq!(fs::read_to_string(&target).unwrap(), "an earlier file");
}

//! What must hold for every file: what was written is read, by us and by pcap-file's own readers; a cut file gives what is
//! before the cut; and no octets at all make reading panic, hang or go on for ever.
#![allow(clippy::arithmetic_side_effects)]

use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex};

use pcap_file::DataLink;
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::{Block, PcapNgReader};
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::wire::frame::{Direction, Frame, LinkType, OwnedFrame};

/// What is left of a frame in pcap.
fn in_pcap(frame: &OwnedFrame, format: Format) -> OwnedFrame {
    let unit = if format == Format::PcapMicroseconds { 1000 } else { 1 };
    OwnedFrame {
        time: frame.time.map(|time| time / unit * unit),
        link_type: LINK_TYPES[0],
        interface: 0,
        direction: Direction::Unknown,
        comment: None,
        ..frame.clone()
    }
}

/// One for each interface that the tests write.
const LINK_TYPES: [LinkType; 3] = [LinkType::ETHERNET, LinkType::RAW, LinkType::LINUX_SLL2];

fn any_frame() -> impl Strategy<Value = OwnedFrame> {
    let direction =
        prop_oneof![Just(Direction::Unknown), Just(Direction::Inbound), Just(Direction::Outbound)];
    let data = proptest::collection::vec(any::<u8>(), 0..300);
    let cut = prop_oneof![Just(0), 1..1_000_000u32];
    // The seconds of pcap have 32 bits.
    let time = 0..i64::from(u32::MAX) * 1_000_000_000;
    // Several of them are kept with a zero between each two.
    let comment = proptest::option::of("\\PC{1,20}(\0\\PC{0,20}){0,2}");
    (data, cut, time, 0..3usize, direction, comment).prop_map(|(data, cut, time, at, direction, comment)| {
        let len = data.len() as u32 + cut;
        let (time, link_type, interface) = (Some(time), LINK_TYPES[at], at as u32);
        OwnedFrame { data, len, time, link_type, interface, section_start: 0, direction, comment }
    })
}

fn any_format() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Pcapng), Just(Format::Pcap), Just(Format::PcapMicroseconds)]
}

/// A stream that can be looked at afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file with these frames, and where in it each of them ends. Interfaces are added when a frame needs them.
fn write(format: Format, frames: &[OwnedFrame]) -> (Vec<u8>, Vec<usize>) {
    let shared = Shared::default();
    let options = WriteOptions { format: Some(format), flush_each: true, ..WriteOptions::default() };
    let mut writer = CaptureWriter::new(shared.clone(), options).unwrap();
    let (mut ends, mut interfaces) = (Vec::new(), 0);
    for frame in frames {
        while format == Format::Pcapng && interfaces <= frame.interface {
            let interface = Interface::of(LINK_TYPES[interfaces as usize]);
            assert_eq!(writer.add_interface(&interface).unwrap(), interfaces);
            interfaces += 1;
        }
        writer.write(&frame.borrowed()).unwrap();
        ends.push(shared.0.lock().unwrap().len());
    }
    assert_eq!(writer.packets(), frames.len() as u64);
    writer.finish().unwrap();
    let octets = shared.0.lock().unwrap().clone();
    (octets, ends)
}

fn as_written(format: Format, frames: &[OwnedFrame]) -> (Vec<u8>, Vec<usize>, Vec<OwnedFrame>) {
    let pcap: Vec<_> = frames.iter().map(|frame| in_pcap(frame, format)).collect();
    let frames = if format == Format::Pcapng { frames.to_vec() } else { pcap };
    let (octets, ends) = write(format, &frames);
    (octets, ends, frames)
}

/// A stream that gives its octets in small and uneven pieces, and is interrupted in between.
struct Dribble(Cursor<Vec<u8>>, usize);

impl Read for Dribble {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.1 += 1;
        if self.1.is_multiple_of(3) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let piece = room.len().min(1 + self.1 % 7);
        self.0.read(&mut room[..piece])
    }
}

/// What can be read of a file, and the error that ended it.
///
/// # Panics
/// When there is no end of it: each result takes at least the 12 octets of a block.
fn read(source: impl Read + Send + 'static, len: usize) -> (Vec<OwnedFrame>, Option<ReadError>) {
    let mut reader = match CaptureReader::new(source) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let (mut frames, mut last) = (Vec::new(), None);
    for _ in 0..len / 12 + 2 {
        match reader.next() {
            Ok(Some(frame)) => frames.push(OwnedFrame::from(&frame)),
            Ok(None) => return (frames, last),
            Err(error) => last = Some(error),
        }
    }
    panic!("reading does not end");
}

fn read_all(octets: Vec<u8>) -> (Vec<OwnedFrame>, Option<ReadError>) {
    let len = octets.len();
    read(Cursor::new(octets), len)
}

proptest! {
    #[test]
    fn what_was_written_is_read(frames in proptest::collection::vec(any_frame(), 0..20), format in any_format()) {
        let (octets, _, frames) = as_written(format, &frames);
        let (back, error) = read_all(octets);
        prop_assert!(error.is_none(), "{error:?}");
        prop_assert_eq!(back, frames);
    }

    #[test]
    fn pieces_do_not_matter(frames in proptest::collection::vec(any_frame(), 0..5), format in any_format()) {
        let (octets, _, frames) = as_written(format, &frames);
        let len = octets.len();
        let (back, error) = read(Dribble(Cursor::new(octets), 0), len);
        prop_assert!(error.is_none(), "{error:?}");
        prop_assert_eq!(back, frames);
    }

    #[test]
    fn runs_have_the_packets_that_come_one_by_one(
        frames in proptest::collection::vec(any_frame(), 0..20),
        format in any_format(),
        most in prop_oneof![Just(usize::MAX), 0usize..300],
        cut: Index,
    ) {
        let (mut octets, _, _) = as_written(format, &frames);
        octets.truncate(cut.index(octets.len()) + 1);
        let (frames, _) = read_all(octets.clone());
        let Ok(mut reader) = CaptureReader::new(Cursor::new(octets)) else { return Ok(()) };
        let mut back = Vec::new();
        loop {
            if let Some(run) = reader.run(most) {
                let before = back.len();
                back.extend(run.frames().map(|frame| OwnedFrame::from(&frame)));
                prop_assert_eq!(run.packets(), (back.len() - before) as u64);
            } else if let Ok(Some(frame)) = reader.next() {
                back.push(OwnedFrame::from(&frame));
            } else {
                break;
            }
        }
        prop_assert_eq!(back, frames);
    }

    #[test]
    fn pcap_file_reads_the_same(frames in proptest::collection::vec(any_frame(), 0..20), format in any_format()) {
        let (octets, _, frames) = as_written(format, &frames);
        let mut theirs = Vec::new();
        if format == Format::Pcapng {
            let mut reader = PcapNgReader::new(Cursor::new(octets)).unwrap();
            while let Some(block) = reader.next_block() {
                if let (Block::EnhancedPacket(packet), _) = block.unwrap() {
                    let time = packet.timestamp.as_nanos() as i64;
                    theirs.push((packet.data.to_vec(), packet.original_len, Some(time), packet.options.len()));
                }
            }
        } else {
            let mut reader = PcapReader::new(Cursor::new(octets)).unwrap();
            while let Some(packet) = reader.next_packet() {
                let packet = packet.unwrap();
                let time = packet.timestamp().as_nanos() as i64;
                theirs.push((packet.data().to_vec(), packet.orig_len(), Some(time), 0));
            }
        }
        let ours: Vec<_> = frames.iter().map(|frame| {
            let options = frame.comment.as_ref().map_or(0, |comments| comments.split('\0').count()) + usize::from(frame.direction != Direction::Unknown);
            (frame.data.clone(), frame.len, frame.time, options)
        }).collect();
        prop_assert_eq!(theirs, ours);
    }

    #[test]
    fn a_cut_file_gives_what_is_before_the_cut(frames in proptest::collection::vec(any_frame(), 1..6), format in any_format(), at: Index) {
        let (octets, ends, frames) = as_written(format, &frames);
        let cut = at.index(octets.len());
        let (back, error) = read_all(octets[..cut].to_vec());
        let whole = ends.iter().filter(|end| **end <= cut).count();
        prop_assert_eq!(&back[..], &frames[..whole]);
        match error {
            None | Some(ReadError::Truncated { .. }) => {}
            Some(ReadError::NotACapture) => prop_assert!(cut < 12),
            Some(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn damaged_files_end(
        frames in proptest::collection::vec(any_frame(), 1..6),
        format in any_format(),
        changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..8),
    ) {
        let (mut octets, ..) = as_written(format, &frames);
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        read_all(octets);
    }

    #[test]
    fn any_octets_end(begin in 0..BEGINNINGS.len(), octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        read_all([BEGINNINGS[begin], &octets].concat());
    }

    #[test]
    fn any_words_end(begin in 0..BEGINNINGS.len(), words in proptest::collection::vec(hostile_word(), 0..60)) {
        let words: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        read_all([BEGINNINGS[begin], &words].concat());
    }

    #[test]
    fn a_bad_block_does_not_take_the_others_with_it(frames in proptest::collection::vec(any_frame(), 3..6), at: Index, len in 301u32..) {
        let frames: Vec<_> = frames.into_iter().map(|frame| OwnedFrame { interface: 0, link_type: LINK_TYPES[0], ..frame }).collect();
        let (mut octets, ends, _) = as_written(Format::Pcapng, &frames);
        let bad = at.index(frames.len() - 1) + 1;
        // The captured length of a packet that says more than its block has room for.
        octets[ends[bad - 1] + 20..][..4].copy_from_slice(&len.to_le_bytes());
        let (back, error) = read_all(octets);
        let offset = ends[bad - 1] as u64;
        let damaged = matches!(error, Some(ReadError::Damaged { offset: at, damage: Damage::PacketOutsideBlock { .. }, goes_on: true }) if at == offset);
        prop_assert!(damaged, "{:?}", error);
        let mut others = frames;
        others.remove(bad);
        prop_assert_eq!(back, others);
    }
}

fn hostile_word() -> impl Strategy<Value = u32> {
    prop_oneof![8 => proptest::sample::select(&HOSTILE[..]), 1 => any::<u32>()]
}

/// Numbers that kinds and lengths like to be, and then those that they should not.
const HOSTILE: [u32; 25] = [
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    8,
    11,
    12,
    16,
    20,
    28,
    32,
    36,
    0x0a0d_0d0a,
    0x1a2b_3c4d,
    0x0bad, // likely
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffc,
    u32::MAX,
    65_535,
    262_145,
    0x1000_0000,
];

/// Nothing, the headers of both formats in both byte orders, and a section with an interface.
const BEGINNINGS: [&[u8]; 6] = [
    &[],
    b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0",
    b"\xa1\xb2\x3c\x4d\0\x02\0\x04\0\0\0\0\0\0\0\0\0\x04\0\0\0\0\0\x01",
    b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0",
    b"\x0a\x0d\x0d\x0a\0\0\0\x1c\x1a\x2b\x3c\x4d\0\x01\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\x1c",
    b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0\
      \x01\0\0\0\x14\0\0\0\x01\0\0\0\0\0\0\0\x14\0\0\0",
];

#[test]
fn what_is_known_of_a_capture_is_read_back() {
    let text = |text: &str| Some(text.to_owned());
    let section = Section {
        hardware: text("x86_64"),
        os: text("Linux 6.18"),
        application: text("rawsock 0.1.0"),
        comment: text("a test"),
    };
    let counts = Counts {
        start: Some(1_700_000_000_000_000_001),
        end: Some(1_700_000_009_000_000_002),
        received: Some(3),
        dropped: Some(4),
        accepted: Some(5),
        dropped_by_system: Some(6),
        delivered: Some(u64::MAX),
    };
    let interface = Interface {
        name: text("eth0"),
        description: text("the one at the window"),
        filter: text("tcp port 443"),
        os: text("Linux"),
        hardware: text("virtio"),
        comment: text("ümläute"),
        snap_len: 96,
        counts,
        ..Interface::of(LinkType::LINUX_SLL)
    };
    let shared = Shared::default();
    let options = WriteOptions { section: section.clone(), ..WriteOptions::default() };
    let mut writer = CaptureWriter::new(shared.clone(), options).unwrap();
    writer.add_interface(&interface).unwrap();
    writer.write_counts(0, &counts).unwrap();
    writer.finish().unwrap();

    let mut reader = CaptureReader::new(Cursor::new(shared.0.lock().unwrap().clone())).unwrap();
    assert!(reader.next().unwrap().is_none());
    assert_eq!(reader.section(), Some(&section));
    assert_eq!(reader.interfaces(), [interface]);
    assert_eq!(reader.interfaces()[0].counts.lost(), Some(10));
}

#[test]
fn every_link_type_is_written_as_it_is() {
    for number in 0..=u32::from(u16::MAX) {
        assert_eq!(u32::from(DataLink::from(number)), number);
    }
}

#[test]
fn a_frame_must_fit_its_interface() {
    let frame = |link_type, interface| Frame { interface, ..Frame::new(&[1], link_type) };
    let pcap = WriteOptions { format: Some(Format::Pcap), ..WriteOptions::default() };
    let mut writer = CaptureWriter::new(io::sink(), pcap).unwrap();
    writer.write(&frame(LinkType::ETHERNET, 0)).unwrap();
    let error = writer.write(&frame(LinkType::RAW, 0)).unwrap_err();
    assert!(matches!(error, WriteError::LinkTypes { .. }), "{error}");
    let error = writer.add_interface(&Interface::of(LinkType::RAW)).unwrap_err();
    assert!(matches!(error, WriteError::LinkTypes { .. }), "{error}");

    let mut writer = CaptureWriter::new(io::sink(), WriteOptions::default()).unwrap();
    writer.add_interface(&Interface::of(LinkType::ETHERNET)).unwrap();
    let error = writer.write(&frame(LinkType::RAW, 0)).unwrap_err();
    assert!(matches!(error, WriteError::LinkTypes { .. }), "{error}");
    let error = writer.write(&frame(LinkType::ETHERNET, 1)).unwrap_err();
    assert!(matches!(error, WriteError::UnknownInterface { interface: 1, .. }), "{error}");
    let error = writer.write_counts(1, &Counts::default()).unwrap_err();
    assert!(matches!(error, WriteError::UnknownInterface { interface: 1, .. }), "{error}");
    let comment = "x".repeat(65_536);
    let commented = Frame { comment: Some(comment.as_str().into()), ..frame(LinkType::ETHERNET, 0) };
    let error = writer.write(&commented).unwrap_err();
    assert!(matches!(error, WriteError::TooLong { what: "comment", len: 65_536, .. }), "{error}");
    assert_eq!(writer.packets(), 0);
}

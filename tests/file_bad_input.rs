//! Bad capture files, made by hand: what is readable is delivered, what is wrong is said with its place, and no length is
//! believed before its octets are there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

use std::fs;
use std::io::{self, Cursor, Read};

use rawsock::file::{CaptureReader, Damage, ReadError};
use rawsock::wire::frame::{Direction, LinkType};

/// Packets (octets, time, length, link type) and errors of a file, in order.
#[derive(Debug, Default)]
struct Seen {
    packets: Vec<(Vec<u8>, Option<i64>, u32, LinkType)>,
    errors: Vec<ReadError>,
}

fn read(octets: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let mut reader = match CaptureReader::new(Cursor::new(octets.to_vec())) {
        Ok(reader) => reader,
        Err(error) => {
            seen.errors.push(error);
            return seen;
        }
    };
    for _ in 0..=octets.len() {
        match reader.next() {
            Ok(Some(frame)) => {
                seen.packets.push((frame.data.to_vec(), frame.time, frame.len, frame.link_type));
            }
            Ok(None) => return seen,
            Err(error) => seen.errors.push(error),
        }
    }
    panic!("reading does not end");
}

/// The one damage of a file, where it is, and whether reading goes on.
fn damage(seen: &Seen) -> (u64, Damage, bool) {
    match seen.errors[..] {
        [ReadError::Damaged { offset, damage, goes_on }] => (offset, damage, goes_on),
        ref others => panic!("one damage was awaited: {others:?}"),
    }
}

/// Writes numbers in a byte order.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Little,
    Big,
}
use Order::{Big, Little};

impl Order {
    fn half(self, number: u16) -> [u8; 2] {
        if self == Little { number.to_le_bytes() } else { number.to_be_bytes() }
    }

    fn word(self, number: u32) -> [u8; 4] {
        if self == Little { number.to_le_bytes() } else { number.to_be_bytes() }
    }

    fn words(self, numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| self.word(*number)).collect()
    }

    fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padded = body.len().next_multiple_of(4);
        let len = self.word(padded as u32 + 12);
        let mut block = [&self.word(kind), &len, body].concat();
        block.resize(padded + 8, 0);
        [&block[..], &len].concat()
    }

    fn section(self, major: u16) -> Vec<u8> {
        let version = [self.half(major), self.half(0)].concat();
        self.block(0x0a0d_0d0a, &[&self.word(0x1a2b_3c4d)[..], &version, &[0xff; 8]].concat())
    }

    fn interface(self, link_type: u16, snap_len: u32, options: &[u8]) -> Vec<u8> {
        let head = [&self.half(link_type)[..], &[0, 0], &self.word(snap_len)].concat();
        self.block(1, &[&head[..], options].concat())
    }

    fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut option = [&self.half(code)[..], &self.half(value.len() as u16), value].concat();
        option.resize(option.len().next_multiple_of(4), 0);
        option
    }

    /// A packet of interface 0 at 1 µs, whose octets are all `octet`; with a wrong captured length, when one is given.
    fn packet(self, octet: u8, len: usize, said: Option<u32>, options: &[u8]) -> Vec<u8> {
        let head = self.words(&[0, 0, 1, said.unwrap_or(len as u32), len as u32]);
        let mut body = [head, vec![octet; len]].concat();
        body.resize(body.len().next_multiple_of(4), 0);
        self.block(6, &[&body[..], options].concat())
    }
}

/// A section with an Ethernet interface.
fn begin(order: Order) -> Vec<u8> {
    [order.section(1), order.interface(1, 0, &[])].concat()
}

fn octets_of(seen: &Seen) -> Vec<u8> {
    seen.packets.iter().map(|(data, ..)| data.first().copied().unwrap_or(0)).collect()
}

#[test]
fn two_sections_of_different_byte_order() {
    let second = [Big.section(1), Big.interface(101, 0, &Big.option(9, &[9])), Big.packet(2, 21, None, &[])];
    let seen = read(&[begin(Little), Little.packet(1, 60, None, &[]), second.concat()].concat());
    assert!(seen.errors.is_empty(), "{:?}", seen.errors);
    let ethernet = (vec![1; 60], Some(1_000), 60, LinkType::ETHERNET);
    assert_eq!(seen.packets, [ethernet, (vec![2; 21], Some(1), 21, LinkType::RAW)]);
}

/// if_tsresol has one octet: of any other length it cannot be what it says it is.
#[test]
fn a_resolution_of_another_length_does_not_count() {
    for (value, time) in [(&[9][..], 1), (&[9, 0], 1_000), (&[9, 0, 0, 0], 1_000), (&[], 1_000)] {
        let interface = Big.interface(1, 0, &Big.option(9, value));
        let seen = read(&[Big.section(1), interface, Big.packet(1, 60, None, &[])].concat());
        assert_eq!(seen.packets, [(vec![1; 60], Some(time), 60, LinkType::ETHERNET)], "{value:?}");
    }
}

#[test]
fn impossible_block_lengths_end_the_file() {
    for len in [0, 1, 8, 11, 13, 0xffff_ffff] {
        let bad = Little.words(&[6, len, 0, 0, 0, 0, 0, 0]);
        let seen = read(&[begin(Little), Little.packet(1, 60, None, &[]), bad].concat());
        assert_eq!(octets_of(&seen), [1]);
        assert_eq!(damage(&seen), (28 + 20 + 92, Damage::BlockLength { len }, false));
    }
}

#[test]
fn a_block_of_4_gib_is_a_cut_file() {
    for kind in [6, 4, 0x0bad] {
        let bad = Little.words(&[kind, 0xffff_fffc, 0, 0, 0]);
        let seen = read(&[begin(Little), Little.packet(1, 60, None, &[]), bad].concat());
        assert_eq!(octets_of(&seen), [1]);
        let [ReadError::Truncated { offset, wanted, there, .. }] = seen.errors[..] else {
            panic!("{:?}", seen.errors)
        };
        assert_eq!((offset, wanted, there), (140, 0xffff_fffc, 20));
    }
}

#[test]
fn a_packet_larger_than_its_block_does_not_take_the_next_with_it() {
    for said in [61, 65_535, 0x7fff_ffff, u32::MAX] {
        let packets = [Little.packet(1, 60, Some(said), &[]), Little.packet(2, 60, None, &[])];
        let seen = read(&[begin(Little), packets.concat()].concat());
        assert_eq!(octets_of(&seen), [2]);
        assert_eq!(damage(&seen), (48, Damage::PacketOutsideBlock { len: said, room: 60 }, true));
    }
}

#[test]
fn a_block_with_two_lengths_is_left_out() {
    let mut bad = Little.packet(1, 60, None, &[]);
    let end = bad.len() - 4;
    bad[end] = 96;
    let seen = read(&[begin(Little), bad.clone(), Little.packet(2, 60, None, &[])].concat());
    assert_eq!(octets_of(&seen), [2]);
    assert_eq!(damage(&seen), (48, Damage::BlockLengths { first: 92, last: 96 }, true));

    // Where the first length is the wrong one, it leads to no block: there is no going on.
    bad = Little.packet(1, 60, None, &[]);
    bad[4] = 48;
    let seen = read(&[begin(Little), bad, Little.packet(2, 60, None, &[])].concat());
    assert_eq!(octets_of(&seen), [0u8; 0]);
    assert_eq!(damage(&seen), (48, Damage::BlockLengths { first: 48, last: 0x0101_0101 }, false));
}

#[test]
fn options_that_lie_leave_the_packet_alone() {
    let comment = Little.option(1, b"hello");
    let cases = [
        ("no end", comment.clone(), Some("hello")),
        ("a length that leads outside", Little.words(&[0xffff_0001]), None),
        ("a comment, and such a length", [comment, Little.words(&[0xfff0_0001])].concat(), Some("hello")),
        ("no UTF-8", Little.option(1, b"hel\xfflo"), Some("hel")),
        ("nothing but an end", vec![0; 4], None),
    ];
    for (what, options, wanted) in cases {
        let file = [begin(Little), Little.packet(7, 60, None, &options)].concat();
        let mut reader = CaptureReader::new(Cursor::new(file)).unwrap();
        let frame = reader.next().unwrap().unwrap();
        assert_eq!((frame.data.len(), frame.comment), (60, wanted.map(Into::into)), "{what}");
        assert!(reader.next().unwrap().is_none(), "{what}");
    }
}

#[test]
fn flags_say_the_direction_in_old_and_new_packet_blocks() {
    for (flags, direction) in [(1, Direction::Inbound), (6, Direction::Outbound), (3, Direction::Unknown)] {
        for order in [Little, Big] {
            let options = order.option(2, &order.word(flags));
            let old = [&order.words(&[0, 0, 1, 4, 4])[..], &[9; 4], &options].concat();
            let blocks = [order.packet(9, 4, None, &options), order.block(2, &old)];
            let mut reader =
                CaptureReader::new(Cursor::new([begin(order), blocks.concat()].concat())).unwrap();
            assert_eq!(reader.next().unwrap().unwrap().direction, direction);
            assert_eq!(reader.next().unwrap().unwrap().direction, direction);
        }
    }
}

#[test]
fn packets_and_counts_of_interfaces_that_nobody_described() {
    let simple = Little.block(3, &Little.words(&[4, 0]));
    let counts = Little.block(5, &Little.words(&[0, 0, 0]));
    for block in [Little.packet(1, 60, None, &[]), simple, counts] {
        let seen = read(&[Little.section(1), block.clone(), Little.interface(1, 0, &[]), block].concat());
        let unknown = Damage::UnknownInterface { interface: 0, described: 0 };
        assert_eq!(damage(&seen), (28, unknown, true));
    }
}

#[test]
fn simple_packets_are_cut_by_the_interface() {
    let simple = |len| Little.block(3, &[&Little.word(len)[..], &[5; 60]].concat());
    for (snap_len, len, taken) in [(0, 60, 60), (40, 1_500, 40), (0, 50, 50)] {
        let seen = read(&[Little.section(1), Little.interface(1, snap_len, &[]), simple(len)].concat());
        assert!(seen.errors.is_empty(), "{:?}", seen.errors);
        assert_eq!(seen.packets, [(vec![5; taken], None, len, LinkType::ETHERNET)]);
    }
    let seen = read(&[begin(Little), simple(61)].concat());
    assert_eq!(damage(&seen), (48, Damage::PacketOutsideBlock { len: 61, room: 60 }, true));
}

#[test]
fn blocks_that_are_too_short_for_their_kind() {
    for (kind, name, least) in [(6, "packet", 32), (3, "simple packet", 16), (5, "interface statistics", 24)]
    {
        let file = [begin(Big), Big.block(kind, &[]), Big.packet(2, 60, None, &[])].concat();
        let seen = read(&file);
        assert_eq!(octets_of(&seen), [2]);
        assert_eq!(damage(&seen), (48, Damage::BlockTooShort { kind: name, len: 12, least }, true));
    }
}

#[test]
fn an_interface_that_cannot_be_read_keeps_its_number() {
    let described = [Little.section(1), Little.block(1, &[]), Little.interface(101, 0, &[])].concat();
    let second = Little.block(6, &Little.words(&[1, 0, 1, 0, 0]));
    let seen = read(&[described, second].concat());
    assert!(matches!(damage(&seen), (28, Damage::BlockTooShort { kind: "interface description", .. }, true)));
    assert_eq!(seen.packets[0].3, LinkType::RAW);
}

#[test]
fn a_section_in_an_unknown_version_is_passed_over() {
    let section = |order: Order, major, octet| {
        [order.section(major), order.interface(1, 0, &[]), order.packet(octet, 60, None, &[])].concat()
    };
    let seen = read(&[section(Little, 1, 1), section(Big, 2, 2), section(Big, 1, 3)].concat());
    assert_eq!(octets_of(&seen), [1, 3]);
    let version = Damage::Version { format: "pcapng", major: 2, known: 1 };
    assert_eq!(damage(&seen), (140, version, true));
}

#[test]
fn a_section_whose_byte_order_cannot_be_told() {
    let bad = Little.words(&[0x0a0d_0d0a, 28, 0xdead_beef, 1, 0, 0, 28]);
    let seen = read(&[begin(Little), Little.packet(1, 60, None, &[]), bad.clone()].concat());
    assert_eq!(octets_of(&seen), [1]);
    assert_eq!(damage(&seen), (140, Damage::ByteOrder { magic: 0xefbe_adde }, false));
    assert!(matches!(read(&bad).errors[..], [ReadError::NotACapture]), "at the beginning it is no capture");
}

#[test]
fn times_that_64_bits_of_nanoseconds_cannot_hold() {
    let file = |options: &[u8]| {
        let packet = Little.block(6, &Little.words(&[0, u32::MAX, u32::MAX, 0, 0]));
        read(&[Little.section(1), Little.interface(1, 0, options), packet].concat()).packets[0].1
    };
    let offset = |seconds: i64| Little.option(14, &seconds.to_le_bytes());
    assert_eq!(file(&[]), Some(i64::MAX));
    assert_eq!(
        file(&[Little.option(9, &[9]), offset(-10_000_000_000)].concat()),
        Some(8_446_744_073_709_551_615)
    );
    assert_eq!(file(&[Little.option(9, &[127]), offset(-5_000)].concat()), Some(-5_000_000_000_000));
    assert_eq!(file(&[Little.option(9, &[0xff]), offset(i64::MIN)].concat()), Some(i64::MIN));
}

fn pcap(order: Order, magic: u32, version: [u16; 2], link_type: u32) -> Vec<u8> {
    let version = [order.half(version[0]), order.half(version[1])].concat();
    [&order.word(magic)[..], &version, &order.words(&[0, 0, 0, link_type])].concat()
}

fn record(order: Order, lengths: [u32; 2], octets: &[u8]) -> Vec<u8> {
    [&order.words(&[1, 2, lengths[0], lengths[1]])[..], octets].concat()
}

#[test]
fn every_pcap_magic_with_a_snapshot_length_of_0() {
    for order in [Little, Big] {
        for (magic, time) in [(0xa1b2_c3d4, 1_000_002_000), (0xa1b2_3c4d, 1_000_000_002)] {
            let header = pcap(order, magic, [2, 4], 113);
            let seen = read(&[header, record(order, [3, 1_500], &[1, 2, 3])].concat());
            assert!(seen.errors.is_empty(), "{:?}", seen.errors);
            assert_eq!(seen.packets, [(vec![1, 2, 3], Some(time), 1_500, LinkType::LINUX_SLL)]);
        }
        let header = pcap(order, 0xa1b2_cd34, [2, 4], 1);
        let seen = read(&[header, record(order, [3, 3], &[0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3])].concat());
        assert_eq!(seen.packets, [(vec![1, 2, 3], Some(1_000_002_000), 3, LinkType::ETHERNET)]);
    }
}

#[test]
fn a_link_type_has_16_bits() {
    for field in [0x0000_0001, 0x3000_0001, 0x0400_0001, 0xffff_0001] {
        let seen = read(&[pcap(Little, 0xa1b2_c3d4, [2, 4], field), record(Little, [1, 1], &[1])].concat());
        assert_eq!(seen.packets[0].3, LinkType::ETHERNET, "{field:#x}");
    }
}

#[test]
fn old_pcap_has_its_lengths_the_other_way_round() {
    for (version, lengths) in
        [([2, 2], [1_500, 3]), ([2, 3], [1_500, 3]), ([2, 3], [3, 1_500]), ([2, 4], [3, 1_500])]
    {
        let seen = read(&[pcap(Big, 0xa1b2_c3d4, version, 1), record(Big, lengths, &[1, 2, 3])].concat());
        assert_eq!((seen.packets[0].0.len(), seen.packets[0].2), (3, 1_500), "{version:?}");
    }
    let seen = read(&pcap(Big, 0xa1b2_c3d4, [1, 4], 1));
    assert_eq!(damage(&seen), (0, Damage::Version { format: "pcap", major: 1, known: 2 }, false));
}

#[test]
fn a_pcap_record_with_a_hostile_length_ends_the_file() {
    let header = pcap(Little, 0xa1b2_c3d4, [2, 4], 1);
    let good = record(Little, [60, 60], &[1; 60]);
    for len in [0x0800_0001, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let seen = read(&[header.clone(), good.clone(), record(Little, [len, 60], &[2; 60])].concat());
        assert_eq!(octets_of(&seen), [1]);
        assert_eq!(damage(&seen), (100, Damage::PacketTooLarge { len, most: 128 << 20 }, false));
    }
    let seen = read(&[header, good, record(Little, [0x0800_0000, 60], &[2; 60])].concat());
    let [ReadError::Truncated { offset: 100, wanted: 0x0800_0010, there: 76, .. }] = seen.errors[..] else {
        panic!("{:?}", seen.errors)
    };
}

#[test]
fn a_length_on_the_wire_that_is_too_small_is_delivered_as_it_is() {
    let seen = read(&[pcap(Little, 0xa1b2_c3d4, [2, 4], 1), record(Little, [3, 1], &[1, 2, 3])].concat());
    assert_eq!((seen.packets[0].0.len(), seen.packets[0].2), (3, 1));
}

#[test]
fn what_is_no_capture() {
    assert!(matches!(read(b"GET / HTTP/1.1\r\n\r\n").errors[..], [ReadError::NotACapture]));
    assert!(matches!(read(&[0]).errors[..], [ReadError::NotACapture]));
    assert!(matches!(read(&[]).errors[..], [ReadError::Truncated { wanted: 24, there: 0, .. }]));
    assert!(matches!(
        read(&pcap(Big, 0xa1b2_3c4d, [2, 4], 1)[..23]).errors[..],
        [ReadError::Truncated { .. }]
    ));
    let error = &read(b"\xfd7zXZ\0").errors[0];
    assert!(error.to_string().contains("xz -dc FILE | rawsock read -"), "{error}");
}

/// A source that fails after what it has.
struct Fails(Cursor<Vec<u8>>);

impl Read for Fails {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self.0.read(room)? {
            0 => Err(io::ErrorKind::ConnectionReset.into()),
            got => Ok(got),
        }
    }
}

#[test]
fn a_source_that_fails_is_asked_once() {
    let file = [begin(Little), Little.packet(1, 60, None, &[])].concat();
    let mut reader = CaptureReader::new(Fails(Cursor::new(file))).unwrap();
    assert!(reader.next().unwrap().is_some());
    assert!(matches!(reader.next(), Err(ReadError::Io { offset: 140, .. })));
    assert!(reader.next().unwrap().is_none());
}

#[test]
fn memory_follows_the_octets_that_come() {
    // Records, blocks and interfaces that claim much and have little.
    let claims = [
        [pcap(Little, 0xa1b2_c3d4, [2, 4], 1), record(Little, [0x0800_0000, 60], &[2; 60])].concat(),
        [begin(Little), Little.words(&[6, 0x0800_0000, 0, 0, 0])].concat(),
        [begin(Little), Little.words(&[1, 0xffff_fffc, 0, 0, 0])].concat(),
    ];
    for file in claims {
        read(&file);
    }
    // A block of no use, and one of a packet larger than any, which are both really there.
    let long = |kind| {
        let head = Little.words(&[kind, LONG]);
        Cursor::new(head)
            .chain(io::repeat(0).take(u64::from(LONG) - 12))
            .chain(Cursor::new(Little.word(LONG)))
    };
    let packet = Cursor::new(Little.packet(1, 60, None, &[]));
    let file = Cursor::new(begin(Little)).chain(long(0x0bad)).chain(long(6)).chain(packet);
    let mut reader = CaptureReader::new(file).unwrap();
    let Err(ReadError::Damaged { offset, damage: Damage::BlockTooLarge { len: LONG, .. }, goes_on: true }) =
        reader.next()
    else {
        panic!("a packet of {LONG} octets was believed")
    };
    assert_eq!(offset, 48 + u64::from(LONG));
    assert_eq!(reader.next().unwrap().unwrap().data.len(), 60);

    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 40_000, "{peak} kB");
}

/// A block longer than any with a packet.
const LONG: u32 = 140 << 20;

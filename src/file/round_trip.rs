//! What is written is read again; damaged files end, and give what is before the damage.
#![allow(clippy::arithmetic_side_effects)]

use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::reader::{CaptureReader, ReadError};
use super::writer::{CaptureWriter, Counts, NewInterface, WriteError, WriteOptions};
use crate::wire::frame::{Direction, Frame, LinkType};

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

fn write(is_pcap: bool, packets: &[(Vec<u8>, i64)]) -> Vec<u8> {
    let shared = Shared::default();
    let mut writer = CaptureWriter::new(shared.clone(), is_pcap, WriteOptions::default()).unwrap();
    writer
        .add_interface(&NewInterface {
            name: Some("eth0".to_owned()),
            ..NewInterface::of(LinkType::ETHERNET)
        })
        .unwrap();
    for (data, time) in packets {
        let frame = Frame {
            time: Some(*time),
            direction: Direction::Inbound,
            ..Frame::new(data, LinkType::ETHERNET)
        };
        writer.write(&frame, None).unwrap();
    }
    writer.write_counts(0, &Counts { dropped_by_system: Some(3), ..Counts::default() }).unwrap();
    writer.finish().unwrap();
    let octets = shared.0.lock().unwrap();
    octets.clone()
}

/// Octets, time and length on the wire.
type Read = (Vec<u8>, Option<i64>, u32);

/// What can be read of a file, and the error that ends it.
fn read(octets: Vec<u8>) -> (Vec<Read>, Option<ReadError>) {
    let mut reader = match CaptureReader::new(Cursor::new(octets)) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut packets = Vec::new();
    let mut last = None;
    for _ in 0..10_000 {
        match reader.next() {
            Ok(Some(frame)) => packets.push((frame.data.to_vec(), frame.time, frame.len)),
            Ok(None) => return (packets, last),
            Err(error) => last = Some(error),
        }
    }
    panic!("reading does not end");
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        packets in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..300), 0..4_000_000_000_000_000_000i64), 0..20),
        is_pcap: bool,
    ) {
        let (back, error) = read(write(is_pcap, &packets));
        prop_assert!(error.is_none(), "{error:?}");
        let wanted: Vec<_> = packets.into_iter().map(|(data, time)| (data.clone(), Some(time), data.len() as u32)).collect();
        prop_assert_eq!(back, wanted);
    }

    #[test]
    fn damaged_files_end(is_pcap: bool, changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), cut: prop::sample::Index) {
        let mut octets = write(is_pcap, &[(vec![1; 60], 5), (vec![2; 61], 6), (vec![3; 9], 7)]);
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        octets.truncate(cut.index(octets.len()) + 1);
        read(octets);
    }

    #[test]
    fn any_octets_end(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        read(octets);
    }
}

#[test]
fn a_cut_tail_gives_what_is_before_it() {
    for is_pcap in [true, false] {
        let octets = write(is_pcap, &[(vec![1; 60], 5), (vec![2; 60], 6)]);
        let cut = octets.len() - if is_pcap { 10 } else { 60 };
        let (packets, error) = read(octets[..cut].to_vec());
        assert_eq!(packets.len(), 1);
        assert!(matches!(error, Some(ReadError::Truncated { .. })), "{error:?}");
    }
}

#[test]
fn counters_are_read_back() {
    let octets = write(false, &[]);
    let mut reader = CaptureReader::new(Cursor::new(octets)).unwrap();
    assert!(reader.next().unwrap().is_none());
    assert_eq!(reader.interfaces()[0].dropped, Some(3));
    assert_eq!(reader.interfaces()[0].name.as_deref(), Some("eth0"));
}

/// A stream that takes so many octets and is full then.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let taken = octets.len().min(self.0);
        self.0 -= taken;
        if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_told_with_the_packets_that_are_safe() {
    let mut writer = CaptureWriter::new(Full(400), true, WriteOptions::default()).unwrap();
    let data = [7; 100];
    for _ in 0..9 {
        writer.write(&Frame::new(&data, LinkType::ETHERNET), None).unwrap();
    }
    let error = writer.flush().unwrap_err();
    // 24 octets of header and three records of 116 fit into 400.
    assert!(matches!(error, WriteError::Write { packets: 3, .. }), "{error}");
    assert!(writer.flush().is_ok(), "said once");
}

#[test]
fn a_pcap_file_takes_one_link_type() {
    let mut writer = CaptureWriter::new(Shared::default(), true, WriteOptions::default()).unwrap();
    writer.write(&Frame::new(&[1], LinkType::ETHERNET), None).unwrap();
    let error = writer.write(&Frame::new(&[1], LinkType::RAW), None).unwrap_err();
    assert!(matches!(error, WriteError::LinkTypes { .. }));
}

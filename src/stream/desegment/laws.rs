//! What holds of units, wherever segments are cut and in whatever order they come.
#![allow(clippy::arithmetic_side_effects)]

use super::*;
use crate::packet::Packet;
use crate::packet::dissect::dissect;
use crate::wire::frame::LinkType;
use crate::wire::layers::LayerTable;
use proptest::prelude::*;
use std::ops::Range;

/// The number of the stream's first octet: the numbers wrap within it.
const FIRST: u32 = u32::MAX - 300;

fn segment(stream: &[u8], range: Range<usize>) -> Vec<u8> {
    let layer = |name: &str| Layer::new(registry().by_name(name).unwrap());
    let seq = FIRST.wrapping_add(u32::try_from(range.start).unwrap());
    let layers = vec![
        layer("ip")
            .with("src", Value::Ipv4([10, 0, 0, 1].into()))
            .with("dst", Value::Ipv4([10, 0, 0, 2].into())),
        layer("tcp").with("seq", Value::Uint(seq.into())).with("flags.syn", Value::Bool(false)),
        layer("data").with(data::HEX, Value::Octets(stream[range].to_vec())),
    ];
    build(&Packet { layers, ..Packet::default() }).unwrap().octets
}

/// What of TLS is shown of each packet, in order: the records' lengths.
fn shown(desegmenter: &mut Desegmenter, octets: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let mut table = LayerTable::default();
    dissect(octets, LinkType::RAW, &mut table);
    let packet = Dissected { octets, table: &table, wire_len: octets.len() };
    let octets = desegmenter.packet(&packet).unwrap_or_else(|| octets.to_vec());
    dissect(&octets, LinkType::RAW, &mut table);
    let tls = registry().by_name("tls").unwrap().id;
    let records = table.entries().iter().filter(|entry| entry.protocol == tls);
    let records = records.map(|entry| (entry.header_end - entry.start) as usize).collect();
    (octets, records)
}

fn record(len: usize) -> Vec<u8> {
    let [high, low] = u16::try_from(len).unwrap().to_be_bytes();
    let mut record = vec![23, 3, 3, high, low];
    // No octet of the content could begin a record.
    record.resize(len + 5, 0xa5);
    record
}

/// The stream, cut at these places.
fn cut(stream: &[u8], cuts: &[usize]) -> Vec<Range<usize>> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % stream.len()).chain([0, stream.len()]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

proptest! {
    /// Each record is shown once, and no later than with the segment that has its last octet.
    #[test]
    fn every_record_is_shown(lens in prop::collection::vec(1usize..3000, 1..6), cuts in prop::collection::vec(any::<usize>(), 0..30)) {
        let stream: Vec<u8> = lens.iter().flat_map(|len| record(*len)).collect();
        let mut desegmenter = Desegmenter::new();
        let mut seen = Vec::new();
        for range in cut(&stream, &cuts) {
            let end = range.end;
            seen.extend(shown(&mut desegmenter, &segment(&stream, range)).1);
            let mut at = 0;
            let whole = lens.iter().take_while(|len| { at += *len + 5; at <= end }).count();
            prop_assert_eq!(seen.len(), whole);
        }
        let expected: Vec<usize> = lens.iter().map(|len| len + 5).collect();
        prop_assert_eq!(seen, expected);
        prop_assert_eq!(desegmenter.held, 0);
    }

    /// Whatever order they come in and however often, all is shown once the last is there.
    #[test]
    fn order_does_not_matter(lens in prop::collection::vec(1usize..800, 1..4), cuts in prop::collection::vec(any::<usize>(), 0..8), order in any::<u64>()) {
        let stream: Vec<u8> = lens.iter().flat_map(|len| record(*len)).collect();
        let mut desegmenter = Desegmenter::new();
        // The first tells where the stream begins.
        shown(&mut desegmenter, &segment(&stream, 0..0));
        let mut ranges = cut(&stream, &cuts);
        let mut state = order;
        for at in (1..ranges.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ranges.swap(at, (state >> 33) as usize % (at + 1));
        }
        let again = ranges.clone();
        let mut records = 0;
        for range in ranges.into_iter().chain(again) {
            let (octets, seen) = shown(&mut desegmenter, &segment(&stream, range));
            // What is shown has its checksums right.
            let packet = crate::wire::checksum::InternetChecksum::default().add_octets(&octets[..20]).finish();
            prop_assert_eq!(packet, 0);
            records += seen.len();
        }
        prop_assert!(records >= lens.len());
        prop_assert_eq!(desegmenter.held, 0);
    }

    /// No octets are too odd, and what is held is bounded.
    #[test]
    fn nothing_is_too_odd(segments in prop::collection::vec((any::<u16>(), prop::collection::vec(prop_oneof![Just(22u8), Just(3), Just(b'G'), Just(b' '), any::<u8>()], 0..40)), 0..60)) {
        let mut desegmenter = Desegmenter::new();
        for (at, octets) in segments {
            let mut stream = vec![0; at.into()];
            stream.extend(&octets);
            shown(&mut desegmenter, &segment(&stream, at.into()..stream.len()));
            let held: usize = desegmenter.conversations.each().flatten().map(|direction| direction.held()).sum();
            prop_assert_eq!(held, desegmenter.held);
            prop_assert!(held <= 4 * MOST_OF_ONE);
        }
    }
}

#[test]
fn the_head_of_an_http_message_is_put_together() {
    let stream =
        b"GET /a-long-way HTTP/1.1\r\nHost: example.net\r\n\r\nHTTP is not all that begins with a capital";
    let mut desegmenter = Desegmenter::new();
    let http = registry().by_name("http").unwrap().id;
    let mut found = Vec::new();
    for range in [0..7, 7..20, 20..40, 40..60, 60..stream.len()] {
        let (octets, _) = shown(&mut desegmenter, &segment(stream, range));
        let mut table = LayerTable::default();
        dissect(&octets, LinkType::RAW, &mut table);
        found.push(
            table
                .entries()
                .iter()
                .find(|entry| entry.protocol == http)
                .map(|entry| entry.header_end - entry.start),
        );
    }
    assert_eq!(found, [None, None, None, Some(47), None]);
}

#[test]
fn what_never_becomes_whole_is_bounded() {
    let mut desegmenter = Desegmenter::new();
    let begun = [&[22, 3, 1, 0x40, 0][..], &[0; 1400]].concat();
    let mut octets = segment(&begun, 0..begun.len());
    let mut table = LayerTable::default();
    dissect(&octets, LinkType::RAW, &mut table);
    for port in 0..=u16::MAX {
        octets[20..22].copy_from_slice(&port.to_be_bytes());
        let packet = Dissected { octets: &octets, table: &table, wire_len: octets.len() };
        assert_eq!(desegmenter.packet(&packet), None);
        assert!(desegmenter.held <= MOST_HELD + MOST_OF_ONE);
    }
    assert!(desegmenter.held > MOST_HELD / 4);
}

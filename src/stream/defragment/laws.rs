//! What holds of fragments, whatever their order and whatever they say.
#![allow(clippy::arithmetic_side_effects)]

use super::*;
use crate::exchange::fragment::fragments;
use crate::packet::dissect::dissect;
use crate::wire::checksum::InternetChecksum;
use crate::wire::frame::LinkType;
use proptest::prelude::*;

fn ipv4(len: usize, ident: u16) -> Vec<u8> {
    let total = u16::try_from(20 + len).unwrap().to_be_bytes();
    let [high, low] = ident.to_be_bytes();
    let mut packet =
        vec![0x45, 0, total[0], total[1], high, low, 0, 0, 64, 253, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    let sum = InternetChecksum::default().add_octets(&packet).finish().to_be_bytes();
    packet[10..12].copy_from_slice(&sum);
    packet.extend((0..len).map(|at| (at * 7 + at / 251) as u8));
    packet
}

fn ipv6(len: usize) -> Vec<u8> {
    let [high, low] = u16::try_from(len).unwrap().to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, high, low, 253, 64];
    packet.extend([0xfd; 32]);
    packet.extend((0..len).map(|at| (at * 7 + at / 251) as u8));
    packet
}

/// Gives packets that came at these nanoseconds; what came out, in order.
fn run(packets: &[(i64, Vec<u8>)]) -> (Vec<Vec<u8>>, Vec<Conflict>) {
    let packets: Vec<_> = packets.iter().map(|(time, octets)| (Some(*time), octets.clone())).collect();
    run_timed(&packets)
}

/// As [`run`], some of them without a time.
fn run_timed(packets: &[(Option<i64>, Vec<u8>)]) -> (Vec<Vec<u8>>, Vec<Conflict>) {
    let mut defragmenter = Defragmenter::new();
    let (mut out, mut conflicts) = (Vec::new(), Vec::new());
    let mut table = LayerTable::default();
    for (time, octets) in packets {
        let frame = Frame { time: *time, ..Frame::new(octets, LinkType::RAW) };
        dissect(octets, frame.link_type, &mut table);
        let mut released = Vec::new();
        let verdict = defragmenter.packet(&frame, &table, || octets.clone(), &mut released);
        out.append(&mut released);
        match verdict {
            Ok(Verdict::Held) => {}
            Ok(Verdict::Whole(octets)) => out.push(octets),
            Ok(Verdict::Passes) => out.push(octets.clone()),
            Err(conflict) => {
                conflicts.push(conflict);
                out.push(octets.clone());
            }
        }
    }
    defragmenter.finish(&mut out);
    assert_eq!(defragmenter.held, 0);
    (out, conflicts)
}

fn at_once(packets: impl IntoIterator<Item = Vec<u8>>) -> Vec<(i64, Vec<u8>)> {
    packets.into_iter().map(|packet| (0, packet)).collect()
}

proptest! {
    #[test]
    fn fragments_in_any_order_become_the_packet(
        len in 100usize..4000,
        mtu in 68usize..1500,
        order in proptest::collection::vec(any::<u16>(), 200),
        is_ipv6: bool,
        twice: prop::sample::Index,
    ) {
        let packet = if is_ipv6 { ipv6(len) } else { ipv4(len, 9) };
        let mut cut = fragments(&packet, mtu, 7);
        prop_assume!(cut.len() > 1 && cut.len() < 200);
        let again = cut[twice.index(cut.len())].clone();
        let mut all: Vec<_> = cut.drain(..).zip(&order).map(|(packet, order)| (*order, packet)).collect();
        all.sort();
        let mut all: Vec<Vec<u8>> = all.into_iter().map(|(_, packet)| packet).collect();
        let is_late = all.last() == Some(&again);
        all.insert(0, again.clone());
        let (out, conflicts) = run(&at_once(all));
        prop_assert_eq!(conflicts, []);
        // One that comes again behind the whole stays alone.
        prop_assert_eq!(out, if is_late { vec![packet, again] } else { vec![packet] });
    }

    /// Whatever the fragments say, nothing is lost that did not become whole, and nothing is made up.
    #[test]
    fn hostile_fragments_come_out_or_become_whole(
        cuts in proptest::collection::vec((0u16..40, 1usize..5, any::<bool>(), 0u8..2, 0i64..100), 1..40),
    ) {
        let packets: Vec<(i64, Vec<u8>)> = cuts
            .iter()
            .map(|(offset, len, more, fill, time)| {
                let mut packet = ipv4(len * 8, 9);
                let word = (offset | if *more { 0x2000 } else { 0 }).to_be_bytes();
                packet[6..8].copy_from_slice(&word);
                packet[20..].fill(*fill);
                (time * 1_000_000_000, packet)
            })
            .collect();
        let (out, _) = run(&packets);
        prop_assert!(out.len() <= packets.len());
        for octets in &out {
            let is_fragment = octets[6] & 0x3f != 0 || octets[7] != 0;
            prop_assert!(!is_fragment || packets.iter().any(|(_, packet)| packet == octets));
        }
    }
}

#[test]
fn what_differs_where_it_overlaps_is_left_alone() {
    let packet = ipv4(200, 1);
    let mut cut = fragments(&packet, 100, 0);
    let mut other = cut[1].clone();
    other[40] ^= 1;
    cut.insert(2, other);
    let (out, conflicts) = run(&at_once(cut.clone()));
    assert_eq!((out, conflicts), (cut, vec![Conflict::Overlap]));
}

#[test]
fn an_overlap_of_equal_octets_is_fine_in_ipv4_and_none_in_ipv6() {
    for is_ipv6 in [false, true] {
        let packet = if is_ipv6 { ipv6(200) } else { ipv4(200, 1) };
        let (wide, narrow) = (fragments(&packet, 152, 7), fragments(&packet, 100, 7));
        let all: Vec<_> = wide[..1].iter().chain(&narrow[1..]).cloned().collect();
        let (out, conflicts) = run(&at_once(all.clone()));
        match is_ipv6 {
            false => assert_eq!((out, conflicts), (vec![packet], vec![])),
            true => assert_eq!((out, conflicts), (all, vec![Conflict::Overlap])),
        }
    }
}

#[test]
fn two_ends_are_one_too_many() {
    let mut cut = fragments(&ipv4(200, 1), 100, 0);
    let shorter = fragments(&ipv4(190, 1), 100, 0);
    cut.swap(0, 2);
    cut.insert(1, shorter[2].clone());
    assert_eq!(run(&at_once(cut)).1, [Conflict::End]);
}

#[test]
fn after_a_minute_fragments_come_as_they_were() {
    let cut = fragments(&ipv4(200, 1), 100, 0);
    let late = vec![(0, cut[0].clone()), (1, cut[1].clone()), (PATIENCE + 1, cut[2].clone())];
    assert_eq!(run(&late).0, cut);
    let just = vec![(0, cut[0].clone()), (1, cut[1].clone()), (PATIENCE, cut[2].clone())];
    assert_eq!(run(&just).0.len(), 1);
}

/// One of which no time is known (a simple packet block) is as old as the one before it, and does not keep those behind it.
#[test]
fn without_a_time_a_fragment_is_as_old_as_what_came_before_it() {
    let [one, two] = [1, 2].map(|ident| fragments(&ipv4(200, ident), 100, 0));
    for before in [&[][..], &[(Some(0), ipv4(50, 9))]] {
        let late = [(None, one[0].clone()), (Some(1), two[0].clone()), (Some(PATIENCE + 2), two[1].clone())];
        let all = [before, &late, &[(None, two[2].clone())]].concat();
        let out = run_timed(&all).0;
        assert_eq!(out[before.len()..], [one[0].clone(), two[0].clone(), two[1].clone(), two[2].clone()]);
    }
}

#[test]
fn what_is_held_is_bounded() {
    let mut defragmenter = Defragmenter::new();
    let (mut table, mut released) = (LayerTable::default(), Vec::new());
    let cut = fragments(&ipv4(3000, 0), 1500, 0);
    for ident in 0..60_000u16 {
        let mut octets = cut[0].clone();
        octets[4..6].copy_from_slice(&ident.to_be_bytes());
        dissect(&octets, LinkType::RAW, &mut table);
        let frame = Frame::new(&octets, LinkType::RAW);
        defragmenter.packet(&frame, &table, || ident, &mut released).unwrap();
        assert!(defragmenter.held <= MOST_HELD);
    }
    // The oldest come first, and none twice.
    assert!(released.len() > 20_000);
    defragmenter.finish(&mut released);
    assert!(released.iter().copied().eq(0..60_000));
}

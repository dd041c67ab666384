//! What statistics keep is bounded, however many hosts there are: conversations beyond the most that are kept apart are
//! counted together, and none of their packets is lost. A test program of its own, because it looks at the peak of the whole
//! process.
#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use rawsock::packet::dissect::dissect;
use rawsock::statistics::{CONVERSING, MOST_CONVERSATIONS, Statistics};
use rawsock::wire::frame::{Frame, LinkType};
use rawsock::wire::layers::LayerTable;
use support::peak::of_this_process;

#[test]
fn more_conversations_than_are_kept_apart() {
    // scapy: IP(src="10.0.0.0", dst="192.0.2.1")/UDP(sport=1, dport=9)
    let mut packet = hex::decode("4500001c000100004011aecf0a000000c000020100010009000833d3").unwrap();
    let (mut statistics, mut table) = (Statistics::default(), LayerTable::default());
    let before = of_this_process();
    let most = MOST_CONVERSATIONS as u32;
    for number in 0..most + BEYOND {
        let [_, high, middle, low] = number.to_be_bytes();
        packet.splice(13..16, [high, middle, low]);
        dissect(&packet, LinkType::IPV4, &mut table);
        let frame = Frame { time: Some(i64::from(number)), ..Frame::new(&packet, LinkType::IPV4) };
        statistics.packet(&frame, &table, None);
    }
    let grown = of_this_process() - before;
    assert!(grown < 300_000, "{grown} kB for two protocols");
    let kept = CONVERSING.iter().zip(&statistics.conversations);
    let kept: Vec<_> = kept.map(|((name, _), all)| (*name, all.count(), all.beyond.packets)).collect();
    let (full, beyond) = (MOST_CONVERSATIONS, u64::from(BEYOND));
    assert_eq!(
        kept,
        [("eth", 0, 0), ("ip", full, beyond), ("ipv6", 0, 0), ("tcp", 0, 0), ("udp", full, beyond)]
    );
    assert_eq!(statistics.all.packets, u64::from(most + BEYOND));
    let points = statistics.conversations[1].end_points();
    assert_eq!(points.len(), MOST_CONVERSATIONS + 1);
    let (_, sent, received) = points[0];
    assert_eq!((sent.packets, received.packets), (0, u64::from(most)), "the one that all send to");
    let grown = of_this_process() - before;
    assert!(grown < 500_000, "{grown} kB with the end points");
}

/// Packets of further conversations.
const BEYOND: u32 = 5_000;

//! What TCP analysis keeps is bounded, however many conversations there are and however many segments nobody acknowledges.
//! A test program of its own, because it looks at the peak of the whole process.
#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use rawsock::packet::check::Dissected;
use rawsock::packet::dissect::dissect;
use rawsock::stream::{Fact, MOST_UNACKNOWLEDGED, MOST_WAITING, Moment, Need, REMEMBERED, Tracker};
use rawsock::wire::frame::LinkType;
use rawsock::wire::layers::LayerTable;
use support::peak::of_this_process;

/// Gives the tracker packets with one octet each.
struct Giver {
    tracker: Tracker,
    packet: Vec<u8>,
    table: LayerTable,
    number: u64,
}

impl Giver {
    fn new() -> Self {
        // scapy: IP(src="10.0.0.0", dst="192.0.2.1")/TCP(sport=1, dport=9, flags="A", seq=1, ack=1)/b"x"
        let packet =
            hex::decode("45000029000100004006aecd0a000000c00002010001000900000001000000015010200051b0000078");
        let (packet, table) = (packet.unwrap(), LayerTable::default());
        Self { tracker: Tracker::new(Need::Analysis), packet, table, number: 0 }
    }

    /// A segment of a conversation, with this sequence number: what is in flight in it, and its number.
    fn give(&mut self, conversation: u32, seq: u32) -> (Option<i64>, i64) {
        let [_, high, middle, low] = conversation.to_be_bytes();
        self.packet.splice(13..16, [high, middle, low]);
        self.packet.splice(24..28, seq.to_be_bytes());
        self.number += 1;
        let time = Some(i64::try_from(self.number).unwrap() * 1000);
        dissect(&self.packet, LinkType::IPV4, &mut self.table);
        let packet = Dissected { octets: &self.packet, table: &self.table, wire_len: self.packet.len() };
        let facts = self.tracker.packet(Moment { number: self.number, time }, &packet);
        (facts.get(1, Fact::BytesInFlight), facts.get(1, Fact::TcpStream).unwrap())
    }
}

#[test]
fn many_conversations_and_many_open_segments() {
    let mut giver = Giver::new();
    let before = of_this_process();
    // Sides that say much and hear nothing: of each as much is remembered as there may be, of all less.
    let full = u32::try_from(MOST_WAITING / MOST_UNACKNOWLEDGED + 20).unwrap();
    let most = u32::try_from(MOST_UNACKNOWLEDGED).unwrap();
    for conversation in 0..full {
        for seq in 1..=most + 5 {
            let (in_flight, number) = giver.give(conversation, seq);
            assert_eq!(number, i64::from(conversation));
            let expected = i64::from(seq.min(most));
            assert!(in_flight.is_some_and(|octets| octets <= expected), "{conversation} {seq} {in_flight:?}");
        }
    }
    let grown = of_this_process() - before;
    assert!(grown < 60_000, "{grown} kB of open segments");
    // More sides than are remembered, all with something that nobody acknowledges.
    let many = u32::try_from(2 * REMEMBERED).unwrap() + 5000;
    for seq in [1, 2] {
        for conversation in full..full + many {
            giver.give(conversation, seq);
        }
    }
    let grown = of_this_process() - before;
    assert!(grown < 500_000, "{grown} kB of conversations");
    // The first one was forgotten: it is another one now.
    assert_eq!(giver.give(0, 7), (Some(1), i64::from(full + 2 * many)));
}

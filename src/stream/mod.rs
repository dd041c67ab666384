//! What a packet is among those before it: the conversation that it belongs to, its place in TCP's streams, the datagram
//! that it is a fragment of.
//!
//! Packets are given one by one, in the order of the capture; what is kept of them is bounded, and each part says by what.
//! Nothing here reads a clock: time is that of the packets.
//!
//! [`Tracker`] numbers conversations as Wireshark does (`tcp.stream`, `udp.stream`) and tells [`Facts`] about each packet,
//! which filters, columns, trees and lines show.
#![deny(clippy::arithmetic_side_effects)]

mod conversation;
pub mod defragment;
mod fact;
pub mod follow;
mod segment;

pub use self::conversation::REMEMBERED;
pub use self::fact::{FACTS, Fact, FactDescription, FactKind, Facts, Moment, Need};
pub use self::segment::{End, Transport};

use self::conversation::{Conversations, Key};
use self::segment::{Carried, SegmentReader};
use crate::packet::check::Dissected;

/// Sees all packets, one after the other, and tells what each is among them.
#[derive(Debug)]
pub struct Tracker {
    reader: SegmentReader,
    tcp: Conversations<Conversation>,
    udp: Conversations<Conversation>,
    facts: Facts,
}

/// A conversation, as far as it has come.
#[derive(Debug, Default)]
struct Conversation {
    number: u64,
    /// When its first packet came, and the last so far.
    first: Option<i64>,
    last: Option<i64>,
    /// TCP: the number before the first octet of the lower end, and that of the higher.
    bases: [Option<u32>; 2],
}

impl Default for Tracker {
    fn default() -> Self {
        Self::new()
    }
}

impl Tracker {
    /// One that has seen nothing yet.
    pub fn new() -> Self {
        Self {
            reader: SegmentReader::new(),
            tcp: Conversations::new(REMEMBERED),
            udp: Conversations::new(REMEMBERED),
            facts: Facts::default(),
        }
    }

    /// Takes the next packet; what is known of it.
    pub fn packet(&mut self, moment: Moment, packet: &Dissected<'_>) -> &Facts {
        let Self { reader, tcp, udp, facts } = self;
        facts.clear();
        reader.each(packet, &mut |carried| match carried.transport {
            Transport::Tcp => segment(tcp, facts, moment, &carried),
            Transport::Udp => datagram(udp, facts, moment, &carried),
        });
        facts
    }

    /// What is known of the last packet.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

fn datagram(all: &mut Conversations<Conversation>, facts: &mut Facts, moment: Moment, carried: &Carried<'_>) {
    let (key, _) = Key::of(carried);
    let conversation = all.get(key, |number| Conversation::new(number, moment));
    facts.add(carried.layer, Fact::UdpStream, as_value(conversation.number));
    // Wireshark tells no times of empty datagrams.
    if !carried.is_quoted && carried.len != Some(0) {
        conversation.times(facts, moment, carried.layer, [Fact::UdpTimeRelative, Fact::UdpTimeDelta]);
    }
}

fn segment(all: &mut Conversations<Conversation>, facts: &mut Facts, moment: Moment, carried: &Carried<'_>) {
    let (key, is_forward) = Key::of(carried);
    let numbers = &carried.numbers;
    let make = |number| Conversation::new(number, moment);
    let mut conversation = all.get(key, make);
    let base = conversation.base(is_forward);
    // A SYN that begins elsewhere than the conversation did begins another one; one that begins there is sent again.
    if numbers.syn && !numbers.has_ack && base.is_some_and(|base| base != numbers.seq) {
        conversation = all.renew(key, make);
    }
    facts.add(carried.layer, Fact::TcpStream, as_value(conversation.number));
    if !carried.is_whole {
        return;
    }
    conversation.times(facts, moment, carried.layer, [Fact::TcpTimeRelative, Fact::TcpTimeDelta]);
    if !carried.is_quoted && carried.len.is_some() {
        conversation.begin(is_forward, carried);
    }
}

impl Conversation {
    fn new(number: u64, moment: Moment) -> Self {
        Self { number, first: moment.time, last: moment.time, bases: [None; 2] }
    }

    fn base(&self, is_forward: bool) -> Option<u32> {
        let [low, high] = self.bases;
        if is_forward { low } else { high }
    }

    /// Tells the times since the first packet and the one before.
    fn times(&mut self, facts: &mut Facts, moment: Moment, layer: usize, [relative, delta]: [Fact; 2]) {
        let Some(time) = moment.time else { return };
        facts.add(layer, relative, time.saturating_sub(*self.first.get_or_insert(time)));
        facts.add(layer, delta, time.saturating_sub(self.last.replace(time).unwrap_or(time)));
    }

    /// Learns where the sides begin: a SYN says so; of conversations that began before the capture, the first octet that is
    /// seen is the first of all.
    fn begin(&mut self, is_forward: bool, carried: &Carried<'_>) {
        let numbers = &carried.numbers;
        let [low, high] = &mut self.bases;
        let (own, other) = if is_forward { (low, high) } else { (high, low) };
        let before = |number: u32| number.wrapping_sub(1);
        let is_other = numbers.syn && numbers.has_ack && own.is_some_and(|base| base != numbers.seq);
        if own.is_none() || is_other {
            *own = Some(if numbers.syn { numbers.seq } else { before(numbers.seq) });
        }
        if other.is_none() && numbers.has_ack && carried.from != carried.to {
            *other = Some(before(numbers.ack));
        }
    }
}

fn as_value(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

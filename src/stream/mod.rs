//! What a packet is among those before it: the conversation that it belongs to, its place in TCP's streams, the datagram
//! that it is a fragment of.
//!
//! Packets are given one by one, in the order of the capture; what is kept of them is bounded, and each part says by what.
//! Nothing here reads a clock: time is that of the packets.
//!
//! [`Tracker`] numbers conversations as Wireshark does (`tcp.stream`, `udp.stream`) and tells [`Facts`] about each packet,
//! which filters, columns, trees and lines show.
#![deny(clippy::arithmetic_side_effects)]

mod analysis;
mod conversation;
pub mod defragment;
pub mod desegment;
mod fact;
pub mod follow;
mod segment;

pub use self::analysis::MOST_UNACKNOWLEDGED;
pub use self::conversation::REMEMBERED;
pub use self::fact::{FACTS, Fact, FactDescription, FactKind, Facts, Moment, Need};
pub use self::segment::{End, Transport};

use self::analysis::{Analysis, Arrival, Begins};
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
    need: Need,
    /// Segments of all conversations that wait for their acknowledgment.
    waiting: usize,
}

/// Segments of all conversations that wait for their acknowledgment; when there are more, the older half of each side's is
/// forgotten.
pub const MOST_WAITING: usize = 1 << 20;

/// A conversation, as far as it has come.
#[derive(Debug, Default)]
struct Conversation {
    number: u64,
    /// Whether no packet of it was taken yet.
    is_new: bool,
    /// When its first packet came, and the last so far.
    first: Option<i64>,
    last: Option<i64>,
    /// TCP: the number before the first octet of the lower end, and that of the higher.
    bases: [Option<u32>; 2],
    /// TCP: what came of its numbers, where that is wanted.
    analysis: Option<Box<Analysis>>,
}

impl Tracker {
    /// One that has seen nothing yet, and will know what is needed.
    pub fn new(need: Need) -> Self {
        Self {
            reader: SegmentReader::new(),
            tcp: Conversations::new(REMEMBERED),
            udp: Conversations::new(REMEMBERED),
            facts: Facts::default(),
            need,
            waiting: 0,
        }
    }

    /// Takes the next packet; what is known of it.
    pub fn packet(&mut self, moment: Moment, packet: &Dissected<'_>) -> &Facts {
        let Self { reader, tcp, udp, facts, need, waiting } = self;
        facts.clear();
        reader.each(packet, &mut |carried| match carried.transport {
            Transport::Tcp => segment(tcp, facts, moment, &carried, (*need, waiting)),
            Transport::Udp => datagram(udp, facts, moment, &carried),
        });
        if *waiting > MOST_WAITING {
            *waiting = bounded(tcp);
        }
        facts
    }

    /// What is known of the last packet.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

/// Forgets segments where there are too many; how many there are.
fn bounded(all: &mut Conversations<Conversation>) -> usize {
    let analyses = |all: &mut Conversations<Conversation>, work: &mut dyn FnMut(&mut Analysis)| {
        all.each().filter_map(|conversation| conversation.analysis.as_deref_mut()).for_each(work);
    };
    let count = |all: &mut Conversations<Conversation>| {
        let mut sum = 0usize;
        analyses(all, &mut |analysis| sum = sum.saturating_add(analysis.waiting()));
        sum
    };
    // Those of conversations that were forgotten are not there any more.
    if count(all) > MOST_WAITING / 2 {
        analyses(all, &mut Analysis::halve);
    }
    count(all)
}

fn datagram(all: &mut Conversations<Conversation>, facts: &mut Facts, moment: Moment, carried: &Carried<'_>) {
    let (key, _) = Key::of(carried);
    let conversation = all.get(key, |number| Conversation::new(number, moment, Need::Conversations));
    facts.add(carried.layer, Fact::UdpStream, as_value(conversation.number));
    // Wireshark tells no times of empty datagrams.
    if !carried.is_quoted && carried.len != Some(0) {
        conversation.times(facts, moment, carried.layer, [Fact::UdpTimeRelative, Fact::UdpTimeDelta]);
    }
}

fn segment(
    all: &mut Conversations<Conversation>,
    facts: &mut Facts,
    moment: Moment,
    carried: &Carried<'_>,
    (need, waiting): (Need, &mut usize),
) {
    let (key, is_forward) = Key::of(carried);
    let numbers = &carried.numbers;
    let make = |number| Conversation::new(number, moment, need);
    let mut conversation = all.get(key, make);
    let base = conversation.base(is_forward);
    // A SYN that begins elsewhere than the conversation did begins another one; one that begins there is sent again.
    let mut begins = match (numbers.syn, base.map(|base| base == numbers.seq), numbers.has_ack) {
        (true, Some(false), false) => Begins::Anew,
        (true, Some(false), true) => Begins::Otherwise,
        (true, Some(true), false) => Begins::Again,
        _ => Begins::Nothing,
    };
    if begins == Begins::Anew {
        conversation = all.renew(key, make);
    } else if conversation.is_new {
        begins = Begins::First;
    }
    conversation.is_new = false;
    facts.add(carried.layer, Fact::TcpStream, as_value(conversation.number));
    if carried.is_whole && !carried.is_quoted && carried.len.is_some() {
        conversation.begin(is_forward, carried);
    }
    let [low, high] = conversation.bases;
    let bases = if is_forward { [low, high] } else { [high, low] };
    let times = |facts: &mut Facts, conversation: &mut Conversation| {
        if carried.is_whole {
            conversation.times(facts, moment, carried.layer, [Fact::TcpTimeRelative, Fact::TcpTimeDelta]);
        }
    };
    let Some(mut analysis) = conversation.analysis.take() else { return times(facts, conversation) };
    let before = analysis.waiting();
    let arrival = Arrival { moment, carried, is_forward, begins, bases };
    analysis.segment(facts, &arrival, &mut |facts| times(facts, conversation));
    *waiting = waiting.saturating_sub(before).saturating_add(analysis.waiting());
    conversation.analysis = Some(analysis);
}

impl Conversation {
    fn new(number: u64, moment: Moment, need: Need) -> Self {
        let analysis = (need == Need::Analysis).then(Box::default);
        Self { number, is_new: true, first: moment.time, last: moment.time, bases: [None; 2], analysis }
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

//! Following one conversation: what each side said, put together in order.
//!
//! A TCP stream is put together as its receiver would: octets that come again are told once, by what came first; those that
//! come too early wait until the gap before them is filled. What the other side acknowledged and was never seen is told as
//! missing when it can be: at once where something waits behind it. At the end what still waits is told too.

use std::collections::{BTreeMap, BinaryHeap};

use super::Tracker;
use super::fact::{Fact, Moment, Need};
use super::segment::{Carried, End, SegmentReader, Transport};
use crate::packet::check::Dissected;

/// Octets that wait for a gap to be filled, of both sides together; when there are more, the gap is told as missing.
pub const MOST_WAITING: usize = 64 << 20;

/// Which conversation is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The one with this number: `tcp.stream` or `udp.stream`.
    Number(Transport, u64),
    /// The first one between two ends.
    Ends(Transport, End, End),
}

/// A side of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Who sent the first packet.
    Client,
    /// The other one.
    Server,
}

/// A piece of what a side said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Who said it.
    pub side: Side,
    /// The packet that it came with, or for something missing the one that showed it.
    pub moment: Moment,
    /// Octets of this side before it, said or missing.
    pub offset: u64,
    /// What it is.
    pub content: Content<'a>,
}

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// Octets; of UDP, those of one datagram.
    Octets(&'a [u8]),
    /// So many octets were never seen.
    Missing(u64),
}

/// Follows one conversation through a capture.
#[derive(Debug)]
pub struct Follower {
    wanted: Wanted,
    tracker: Tracker,
    reader: SegmentReader,
    found: Option<Found>,
}

/// The conversation, once its first packet was seen.
#[derive(Debug)]
struct Found {
    number: u64,
    client: End,
    server: End,
    sides: [Stream; 2],
    waiting: usize,
}

impl Follower {
    /// Nothing is found yet.
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, tracker: Tracker::new(Need::Conversations), reader: SegmentReader::new(), found: None }
    }

    /// The number of the conversation, its client and its server, once its first packet was seen.
    pub fn found(&self) -> Option<(u64, End, End)> {
        self.found.as_ref().map(|found| (found.number, found.client, found.server))
    }

    /// What is followed.
    pub fn transport(&self) -> Transport {
        match self.wanted {
            Wanted::Number(transport, _) | Wanted::Ends(transport, ..) => transport,
        }
    }

    /// Takes the next packet of the capture, and tells what it completes.
    pub fn packet(&mut self, moment: Moment, packet: &Dissected<'_>, tell: &mut dyn FnMut(Piece<'_>)) {
        let facts = self.tracker.packet(moment, packet);
        let (wanted, found) = (self.wanted, &mut self.found);
        self.reader.each(packet, &mut |carried| {
            // A quotation was not said here.
            if carried.is_quoted {
                return;
            }
            let fact = match carried.transport {
                Transport::Tcp => Fact::TcpStream,
                Transport::Udp => Fact::UdpStream,
            };
            let Some(number) = facts.get(carried.layer, fact).and_then(|number| u64::try_from(number).ok())
            else {
                return;
            };
            if !is_wanted(wanted, found.as_ref(), number, &carried) {
                return;
            }
            found.get_or_insert_with(|| Found::new(number, &carried)).carried(moment, &carried, tell);
        });
    }

    /// Ends it: tells what still waits.
    pub fn finish(&mut self, moment: Moment, tell: &mut dyn FnMut(Piece<'_>)) {
        for side in [Side::Client, Side::Server] {
            if let Some(found) = &mut self.found {
                found.stream(side).flush(Teller { side, moment, tell });
            }
        }
    }
}

fn is_wanted(wanted: Wanted, found: Option<&Found>, number: u64, carried: &Carried<'_>) -> bool {
    match wanted {
        Wanted::Number(transport, wanted) => transport == carried.transport && wanted == number,
        Wanted::Ends(transport, one, other) => {
            transport == carried.transport
                && match found {
                    Some(found) => found.number == number,
                    None => [(one, other), (other, one)].contains(&(carried.from, carried.to)),
                }
        }
    }
}

impl Found {
    fn new(number: u64, carried: &Carried<'_>) -> Self {
        let sides = [Stream::default(), Stream::default()];
        Self { number, client: carried.from, server: carried.to, sides, waiting: 0 }
    }

    fn stream(&mut self, side: Side) -> &mut Stream {
        let [client, server] = &mut self.sides;
        if side == Side::Client { client } else { server }
    }

    fn carried(&mut self, moment: Moment, carried: &Carried<'_>, tell: &mut dyn FnMut(Piece<'_>)) {
        let (side, other) = match carried.from == self.client {
            true => (Side::Client, Side::Server),
            false => (Side::Server, Side::Client),
        };
        if carried.transport == Transport::Udp {
            let stream = self.stream(side);
            return stream.say(carried.payload, &mut Teller { side, moment, tell });
        }
        let Some(len) = carried.len.filter(|_| carried.is_whole) else { return };
        if carried.numbers.has_ack {
            let stream = self.stream(other);
            let before = stream.waiting_octets;
            stream.acknowledged(carried.numbers.ack, &mut Teller { side: other, moment, tell });
            let after = stream.waiting_octets;
            self.waiting = self.waiting.saturating_sub(before).saturating_add(after);
        }
        let full = self.waiting > MOST_WAITING;
        let stream = self.stream(side);
        let before = stream.waiting_octets;
        let mut teller = Teller { side, moment, tell };
        if full {
            stream.flush(Teller { side, moment, tell: &mut *teller.tell });
        }
        stream.segment(moment, carried, len, &mut teller);
        let after = stream.waiting_octets;
        self.waiting = self.waiting.saturating_sub(before).saturating_add(after);
    }
}

/// Whom it is told, and of what.
struct Teller<'t> {
    side: Side,
    moment: Moment,
    tell: &'t mut dyn FnMut(Piece<'_>),
}

impl Teller<'_> {
    fn tell(&mut self, moment: Moment, offset: u64, content: Content<'_>) {
        (self.tell)(Piece { side: self.side, moment, offset, content });
    }
}

/// What one side of a TCP connection said.
#[derive(Debug, Default)]
struct Stream {
    /// The sequence number that is next, once the side was seen.
    next: Option<u32>,
    /// Octets before it.
    offset: u64,
    /// How far the other side acknowledged, in octets.
    acknowledged: u64,
    /// What came too early, by the offset where it begins and the order in which it came.
    waiting: BTreeMap<(u64, u64), Early>,
    waiting_octets: usize,
    came: u64,
}

/// A segment that came too early.
#[derive(Debug)]
struct Early {
    moment: Moment,
    octets: Vec<u8>,
    /// Octets that it had on the wire.
    len: u64,
}

impl Stream {
    fn segment(&mut self, moment: Moment, carried: &Carried<'_>, len: u32, teller: &mut Teller<'_>) {
        let numbers = &carried.numbers;
        // A SYN takes a number, and data may come with it (RFC 7413).
        let seq = if numbers.syn { numbers.seq.wrapping_add(1) } else { numbers.seq };
        if numbers.syn && self.offset == 0 && self.next.is_some_and(|next| next != seq) {
            // It answers again, and begins elsewhere: a server that forgot, or SYN cookies. What came before is of no connection.
            *self = Self::default();
        }
        let next = *self.next.get_or_insert(seq);
        if len == 0 {
            return;
        }
        let ahead = distance(next, seq);
        let Some(start) = self.offset.checked_add_signed(ahead) else { return };
        let len = u64::from(len);
        let octets = carried.payload.get(..usize::try_from(len).unwrap_or(usize::MAX));
        let octets = octets.unwrap_or(carried.payload);
        if start <= self.offset {
            self.add(moment, start, octets, len, teller);
            return self.drain(teller);
        }
        let order = self.came;
        self.came = order.saturating_add(1);
        self.waiting_octets = self.waiting_octets.saturating_add(octets.len()).saturating_add(OVERHEAD);
        self.waiting.insert((start, order), Early { moment, octets: octets.to_vec(), len });
        self.give_up(teller);
    }

    /// The other side has all octets before this number.
    fn acknowledged(&mut self, ack: u32, teller: &mut Teller<'_>) {
        let Some(next) = self.next else { return };
        let ahead = u64::try_from(distance(next, ack)).unwrap_or(0);
        self.acknowledged = self.acknowledged.max(self.offset.saturating_add(ahead));
        self.give_up(teller);
    }

    /// Gives up waiting for what the other side has, though it was never seen.
    fn give_up(&mut self, teller: &mut Teller<'_>) {
        while let Some((&(start, _), _)) = self.waiting.first_key_value()
            && start <= self.acknowledged
        {
            self.skip_to(start, teller);
            self.drain(teller);
        }
    }

    /// Tells all that waits, with the gaps.
    fn flush(&mut self, mut teller: Teller<'_>) {
        while let Some((&(start, _), _)) = self.waiting.first_key_value() {
            self.skip_to(start, &mut teller);
            self.drain(&mut teller);
        }
    }

    fn skip_to(&mut self, start: u64, teller: &mut Teller<'_>) {
        let missing = start.saturating_sub(self.offset);
        if missing > 0 {
            teller.tell(teller.moment, self.offset, Content::Missing(missing));
            self.advance(missing);
        }
    }

    /// Tells what need not wait any more. Of several that reach the next octet, the one that came first does.
    fn drain(&mut self, teller: &mut Teller<'_>) {
        let mut ready: BinaryHeap<std::cmp::Reverse<(u64, u64)>> = BinaryHeap::new();
        let mut segments: BTreeMap<(u64, u64), Early> = BTreeMap::new();
        loop {
            while let Some(entry) = self.waiting.first_entry()
                && entry.key().0 <= self.offset
            {
                let ((start, order), early) = entry.remove_entry();
                let freed = early.octets.len().saturating_add(OVERHEAD);
                self.waiting_octets = self.waiting_octets.saturating_sub(freed);
                ready.push(std::cmp::Reverse((order, start)));
                segments.insert((order, start), early);
            }
            let Some(std::cmp::Reverse((order, start))) = ready.pop() else { return };
            if let Some(early) = segments.remove(&(order, start)) {
                self.add(early.moment, start, &early.octets, early.len, teller);
            }
        }
    }

    /// Tells what a segment that begins at or before the next octet has of it, and what the capture cut off.
    fn add(&mut self, moment: Moment, start: u64, octets: &[u8], len: u64, teller: &mut Teller<'_>) {
        let known = self.offset.saturating_sub(start);
        if len <= known {
            return;
        }
        let new = octets.get(usize::try_from(known).unwrap_or(usize::MAX)..).unwrap_or_default();
        let said = u64::try_from(new.len()).unwrap_or(u64::MAX);
        if said > 0 {
            teller.tell(moment, self.offset, Content::Octets(new));
            self.advance(said);
        }
        let cut = len.saturating_sub(known).saturating_sub(said);
        if cut > 0 {
            teller.tell(moment, self.offset, Content::Missing(cut));
            self.advance(cut);
        }
    }

    /// A datagram.
    fn say(&mut self, octets: &[u8], teller: &mut Teller<'_>) {
        if !octets.is_empty() {
            teller.tell(teller.moment, self.offset, Content::Octets(octets));
            self.advance(u64::try_from(octets.len()).unwrap_or(u64::MAX));
        }
    }

    fn advance(&mut self, octets: u64) {
        self.offset = self.offset.saturating_add(octets);
        #[allow(clippy::cast_possible_truncation, reason = "sequence numbers count modulo 2^32")]
        let wrapped = octets as u32;
        self.next = self.next.map(|next| next.wrapping_add(wrapped));
    }
}

/// How far `to` is ahead of `from`; numbers that are more than half of all ahead are behind (RFC 9293 §3.4).
fn distance(from: u32, to: u32) -> i64 {
    i64::from(to.wrapping_sub(from).cast_signed())
}

/// Octets that a waiting segment takes besides its own.
const OVERHEAD: usize = 64;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::stream::segment::Numbers;
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn end(last: u8) -> End {
        (IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), 80)
    }

    fn segment(seq: u32, octets: &[u8]) -> Carried<'_> {
        Carried {
            transport: Transport::Tcp,
            layer: 0,
            from: end(1),
            to: end(2),
            is_quoted: false,
            is_whole: true,
            payload: octets,
            len: Some(u32::try_from(octets.len()).unwrap()),
            numbers: Numbers { seq, ..Numbers::default() },
        }
    }

    /// What is told of segments: their octets, and `-` for each that is missing.
    fn told(segments: &[(u32, Vec<u8>)]) -> Vec<u8> {
        let mut all = Vec::new();
        let mut tell = |piece: Piece<'_>| {
            assert_eq!(piece.offset, all.len() as u64);
            match piece.content {
                Content::Octets(octets) => all.extend_from_slice(octets),
                Content::Missing(count) => all.resize(all.len() + usize::try_from(count).unwrap(), b'-'),
            }
        };
        let moment = Moment { number: 1, time: None };
        let mut found = Found::new(0, &segment(0, b""));
        for (seq, octets) in segments {
            found.carried(moment, &segment(*seq, octets), &mut tell);
        }
        found.stream(Side::Client).flush(Teller { side: Side::Client, moment, tell: &mut tell });
        assert_eq!(found.sides[0].waiting_octets, 0);
        all
    }

    proptest! {
        /// Octets in any order, any number of times, past the end of the numbers: they are told once and in order.
        #[test]
        fn segments_in_any_order_become_the_stream(
            begin in prop_oneof![Just(0u32), Just(u32::MAX - 5), any::<u32>()],
            octets in proptest::collection::vec(any::<u8>(), 1..60),
            cuts in proptest::collection::vec((any::<prop::sample::Index>(), 1usize..20), 0..60),
        ) {
            let mut segments = vec![(begin, Vec::new())];
            let part = |at: usize, len: usize| {
                let end = octets.len().min(at + len);
                (begin.wrapping_add(at as u32), octets[at..end].to_vec())
            };
            segments.extend(cuts.iter().map(|(at, len)| part(at.index(octets.len()), *len)));
            segments.extend((0..octets.len()).rev().step_by(3).map(|at| part(at, 3)));
            segments.push(part(0, 3));
            prop_assert_eq!(told(&segments), octets);
        }
    }

    #[test]
    fn gaps_are_told_and_what_came_first_counts() {
        let segments = |all: &[(u32, &str)]| {
            let all: Vec<_> = all.iter().map(|(seq, text)| (*seq, text.as_bytes().to_vec())).collect();
            String::from_utf8(told(&all)).unwrap()
        };
        assert_eq!(segments(&[(1, "abc"), (1, "xyz"), (6, "fgh")]), "abc--fgh");
        assert_eq!(segments(&[(1, "abc"), (6, "fgh"), (6, "FGH"), (4, "dEF")]), "abcdEFgh");
        assert_eq!(segments(&[(5, "efg"), (1, "abc"), (8, "h")]), "efgh");
        // Half of all numbers ahead is behind.
        assert_eq!(segments(&[(1, "a"), (0x8000_0002, "b"), (2, "c")]), "ac");
    }

    /// A server that answers the SYN again with another number: what it says counts from the second one (tshark shows it).
    #[test]
    fn a_second_syn_ack_begins_elsewhere() {
        let mut said = Vec::new();
        let mut found = Found::new(0, &segment(0, b""));
        for (seq, syn, octets) in [
            (5000, true, ""),
            (7000, false, "too early"),
            (4_000_000_000, true, ""),
            (4_000_000_000, true, ""),
            (4_000_000_001, false, "hello"),
            (9, true, ""),
            (4_000_000_006, false, " world"),
        ] {
            let mut carried = segment(seq, octets.as_bytes());
            carried.numbers.syn = syn;
            let moment = Moment { number: 1, time: None };
            found.carried(moment, &carried, &mut |piece| match piece.content {
                Content::Octets(octets) => said.extend_from_slice(octets),
                Content::Missing(count) => panic!("{count} are missing"),
            });
        }
        assert_eq!(said, b"hello world");
        assert_eq!(found.waiting, 0);
    }

    #[test]
    fn what_waits_is_bounded() {
        let octets = vec![7; 1 << 16];
        let mut found = Found::new(0, &segment(0, b""));
        let moment = Moment { number: 1, time: None };
        found.carried(moment, &segment(0, b"a"), &mut |_| {});
        for at in 0..3000u32 {
            found.carried(moment, &segment(10 + at * 0x1_0001, &octets), &mut |_| {});
            assert!(found.waiting <= MOST_WAITING + octets.len() + OVERHEAD);
        }
        assert!(found.sides[0].offset > 100_000_000);
    }
}

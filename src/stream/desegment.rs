//! Putting together what several segments of TCP carry one part each of: a record of TLS, the head of an HTTP message.
//!
//! Segments come as they come, and none is held back. The one that completes a data unit is shown with all octets from the
//! unit's first on, as one segment that had them all. Which octets are a unit, the protocols' descriptions tell
//! ([`Pdu`]); what is none is left as it is.

#[cfg(test)]
mod laws;

use super::conversation::{Conversations, Key};
use super::segment::{Carried, SegmentReader, Transport};
use crate::packet::build::build;
use crate::packet::check::Dissected;
use crate::packet::unbuild::unbuild_shortest;
use crate::packet::{Layer, Node};
use crate::proto::data;
use crate::proto::describe::{Pdu, ReadPdu};
use crate::proto::registry;
use crate::wire::value::Value;

/// Octets that wait for the rest of their units, in all conversations; when there are more, the conversations that were
/// silent for longest lose theirs.
pub const MOST_HELD: usize = 64 << 20;
/// Conversations that are always remembered.
const MOST_CONVERSATIONS: usize = 1 << 16;
/// Octets that a direction may hold: more than any unit has that could be shown in one packet.
const MOST_OF_ONE: usize = 64 << 10;
/// Segments that a unit may be spread over, so that tiny ones do not have it looked at again and again.
const MOST_SEGMENTS: u32 = 1024;
/// Octets of headers that a whole packet has room for, of the 65535 that its length field can say.
const MOST_IN_PACKET: usize = 65_000;

/// Sees all packets, one after the other, and puts together what their segments carry.
#[derive(Debug)]
pub struct Desegmenter {
    reader: SegmentReader,
    conversations: Conversations<[Direction; 2]>,
    units: Vec<ReadPdu>,
    held: usize,
}

/// What one side has said of units that are not whole yet.
#[derive(Debug, Default)]
struct Direction {
    /// The sequence number of the next octet.
    next: Option<u32>,
    /// That of the first octet of `begun`.
    start: u32,
    begun: Vec<u8>,
    segments: u32,
    /// What came too early.
    early: Vec<(u32, Vec<u8>)>,
}

/// Units that are whole now.
#[derive(Debug, PartialEq, Eq)]
struct Whole {
    start: u32,
    octets: Vec<u8>,
}

impl Default for Desegmenter {
    fn default() -> Self {
        Self::new()
    }
}

impl Desegmenter {
    /// Nothing was seen yet.
    pub fn new() -> Self {
        let tcp = registry().by_name("tcp").and_then(|tcp| tcp.next.as_ref());
        let is_carried = |table: &str| tcp.is_some_and(|next| next.table == table);
        let carried =
            registry().protocols().filter(|known| known.edges.iter().any(|edge| is_carried(edge.table)));
        Self {
            reader: SegmentReader::new(),
            conversations: Conversations::new(MOST_CONVERSATIONS),
            units: carried.filter_map(|known| known.pdu).collect(),
            held: 0,
        }
    }

    /// Takes the next packet. Where it completes a unit that earlier segments began: the packet as it would be, had it
    /// carried all of it; its lengths and checksum are made anew, where they were right.
    pub fn packet(&mut self, packet: &Dissected<'_>) -> Option<Vec<u8>> {
        let mut innermost = None;
        self.reader.each(packet, &mut |carried| {
            if carried.transport == Transport::Tcp && !carried.is_quoted && carried.is_whole {
                innermost = Some(carried);
            }
        });
        let carried = innermost?;
        let whole = self.segment(&carried)?;
        rebuilt(packet, carried.layer, whole)
    }

    fn segment(&mut self, carried: &Carried<'_>) -> Option<Whole> {
        let (key, is_forward) = Key::of(carried);
        let [low, high] = self.conversations.get(key, |_| Default::default());
        let direction = if is_forward { low } else { high };
        let before = direction.held();
        let whole = direction.segment(carried, &self.units);
        self.held = self.held.saturating_sub(before).saturating_add(direction.held());
        if self.held > MOST_HELD {
            self.forget();
        }
        whole
    }

    fn forget(&mut self) {
        let held = |all: &mut Conversations<[Direction; 2]>| {
            all.each().flatten().fold(0, |sum: usize, direction| sum.saturating_add(direction.held()))
        };
        // Those of conversations that were forgotten are not there any more.
        self.held = held(&mut self.conversations);
        for _ in 0..2 {
            if self.held > MOST_HELD / 2 {
                self.conversations.forget();
                self.held = held(&mut self.conversations);
            }
        }
    }
}

impl Direction {
    fn held(&self) -> usize {
        let early = self.early.iter().map(|(_, octets)| octets.len().saturating_add(OVERHEAD));
        early.fold(self.begun.len(), usize::saturating_add)
    }

    /// Takes a segment; says what is whole with it that was not in it alone.
    fn segment(&mut self, carried: &Carried<'_>, units: &[ReadPdu]) -> Option<Whole> {
        let numbers = &carried.numbers;
        if numbers.syn || numbers.reset {
            *self = Self::default();
        }
        let seq = numbers.seq.wrapping_add(u32::from(numbers.syn));
        if carried.payload.is_empty() {
            self.next = self.next.or(Some(seq));
            return None;
        }
        let is_cut = carried.len != u32::try_from(carried.payload.len()).ok();
        if is_cut {
            // What the capture cut off does not come again.
            *self = Self::default();
            return None;
        }
        let next = *self.next.get_or_insert(seq);
        let ahead = seq.wrapping_sub(next);
        if (1..1 << 31).contains(&ahead) {
            if self.early.len() < MOST_EARLY
                && self.held().saturating_add(carried.payload.len()) <= MOST_OF_ONE
            {
                self.early.push((seq, carried.payload.to_vec()));
                return None;
            }
            // The gap does not fill: what comes now is the beginning.
            *self = Self { next: Some(seq), ..Self::default() };
        }
        self.in_order(seq, carried, units)
    }

    fn in_order(&mut self, seq: u32, carried: &Carried<'_>, units: &[ReadPdu]) -> Option<Whole> {
        if self.begun.is_empty() {
            self.start = self.next?;
            self.segments = 0;
        }
        let was_begun = !self.begun.is_empty();
        let added = self.append(seq, carried.payload);
        let mut came_early = false;
        while added && let Some((seq, octets)) = self.next_early() {
            came_early |= self.append(seq, &octets);
        }
        let ports = (carried.from.1, carried.to.1);
        let (whole, rest) = extent(&self.begun, ports, units);
        let octets = (added && whole > 0 && (was_begun || came_early)).then(|| self.shown(whole)).flatten();
        let start = self.start;
        // What is left is the beginning of a unit, or nothing that could be one.
        match rest {
            Rest::Begun
                if self.begun.len().saturating_sub(whole) <= MOST_OF_ONE && self.segments < MOST_SEGMENTS =>
            {
                self.begun.drain(..whole);
                #[allow(clippy::cast_possible_truncation, reason = "sequence numbers count modulo 2^32")]
                let whole = whole as u32;
                self.start = self.start.wrapping_add(whole);
                self.segments = if whole > 0 { 1 } else { self.segments };
            }
            Rest::Begun | Rest::Other => self.begun.clear(),
        }
        octets.map(|octets| Whole { start, octets })
    }

    /// Appends what is new in these octets; whether there was any.
    fn append(&mut self, seq: u32, octets: &[u8]) -> bool {
        let Some(next) = self.next else { return false };
        let known = usize::try_from(next.wrapping_sub(seq)).unwrap_or(usize::MAX);
        let Some(new) = octets.get(known..).filter(|new| !new.is_empty()) else { return false };
        self.begun.extend_from_slice(new);
        self.segments = self.segments.saturating_add(1);
        #[allow(clippy::cast_possible_truncation, reason = "sequence numbers count modulo 2^32")]
        let len = octets.len() as u32;
        self.next = Some(seq.wrapping_add(len));
        true
    }

    /// The next of what came too early and is not too early any more.
    fn next_early(&mut self) -> Option<(u32, Vec<u8>)> {
        let next = self.next?;
        let at = self.early.iter().position(|(seq, _)| next.wrapping_sub(*seq) < 1 << 31)?;
        Some(self.early.swap_remove(at))
    }

    /// All that is there; as much as is whole, where a packet cannot have more.
    fn shown(&self, whole: usize) -> Option<Vec<u8>> {
        let len = if self.begun.len() <= MOST_IN_PACKET { self.begun.len() } else { whole };
        self.begun.get(..len).filter(|_| len <= MOST_IN_PACKET).map(<[u8]>::to_vec)
    }
}

/// Segments of a direction that may wait for one before them.
const MOST_EARLY: usize = 64;
/// Octets that a waiting segment takes besides its own.
const OVERHEAD: usize = 32;

/// What stands behind the last unit that is whole.
enum Rest {
    /// The beginning of another.
    Begun,
    /// Nothing, or nothing that is known.
    Other,
}

/// Octets of whole units at the beginning, and what follows them.
fn extent(octets: &[u8], ports: (u16, u16), units: &[ReadPdu]) -> (usize, Rest) {
    let mut at = 0usize;
    while let Some(left) = octets.get(at..).filter(|left| !left.is_empty()) {
        let begins = units.iter().map(|unit| unit(left, ports)).find(|begins| *begins != Pdu::Other);
        match begins {
            Some(Pdu::Whole(len)) if (1..=left.len()).contains(&len) => at = at.saturating_add(len),
            Some(Pdu::Cut) => return (at, Rest::Begun),
            _ => return (at, Rest::Other),
        }
    }
    (at, Rest::Other)
}

/// The packet with these octets behind its header of TCP; nothing where they have no room.
fn rebuilt(packet: &Dissected<'_>, layer: usize, whole: Whole) -> Option<Vec<u8>> {
    let mut built = unbuild_shortest(packet.octets, packet.table);
    built.layers.truncate(layer.checked_add(1)?);
    for known in &mut built.layers {
        // Padding behind a short segment is not padding behind the whole.
        known.trailer.clear();
    }
    built.trailer.clear();
    let segment = built.layers.last_mut()?;
    segment.fields.retain(|(name, _)| name != "seq");
    segment.fields.push(("seq".to_owned(), Node::Value(Value::Uint(whole.start.into()))));
    built.layers.push(Layer::new(registry().data()).with(data::HEX, Value::Octets(whole.octets)));
    build(&built).ok().map(|built| built.octets)
}

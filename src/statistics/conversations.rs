//! Who talks to whom, and how much.

use std::net::IpAddr;

use super::hash::PairHasher;
use crate::wire::frame::Frame;

/// Conversations of one protocol that are kept apart; later ones are counted together. One takes some 110 octets, so that a
/// protocol takes 120 MB at most, and the same once more while its end points are put in order.
pub const MOST_CONVERSATIONS: usize = 1 << 20;

/// Packets, and their octets on the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets.
    pub packets: u64,
    /// Octets.
    pub octets: u64,
}

impl Traffic {
    pub(super) fn add(&mut self, octets: u64) {
        self.packets = self.packets.saturating_add(1);
        self.octets = self.octets.saturating_add(octets);
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            packets: self.packets.saturating_add(other.packets),
            octets: self.octets.saturating_add(other.octets),
        }
    }
}

/// One end of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndPoint {
    /// A MAC address.
    Mac([u8; 6]),
    /// An IP address.
    Address(IpAddr),
    /// An IP address and a port.
    Port(IpAddr, u16),
}

/// What two end points said to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversation {
    /// Who sent the first packet.
    pub from: EndPoint,
    /// The other one.
    pub to: EndPoint,
    /// What the first one sent.
    pub sent: Traffic,
    /// What the other one sent.
    pub received: Traffic,
    /// Times of the first and the last packet, nanoseconds since 1970, where the capture has times.
    pub times: Option<(i64, i64)>,
}

/// The conversations of one protocol.
#[derive(Debug, Clone, Default)]
pub struct Conversations {
    /// Places in `all`, counted from 1, by the hash of both ends; a power of two of them, at most half of them taken.
    slots: Vec<u32>,
    hasher: PairHasher,
    all: Vec<Conversation>,
    /// Packets of conversations that there was no room for.
    pub beyond: Traffic,
}

/// How much an end point sent and received.
pub type EndPoints = Vec<(EndPoint, Traffic, Traffic)>;

impl Conversations {
    /// Takes a packet of `from` to `to`.
    pub(super) fn packet(&mut self, from: EndPoint, to: EndPoint, frame: &Frame<'_>) {
        let octets = u64::from(frame.len);
        if self.all.len() >= self.slots.len() / 2 {
            self.grow();
        }
        let slot = self.slot(from, to);
        let place = self.slots.get(slot).copied().unwrap_or_default();
        if place == 0 {
            if self.all.len() >= MOST_CONVERSATIONS {
                return self.beyond.add(octets);
            }
            let none = Traffic::default();
            self.all.push(Conversation { from, to, sent: none, received: none, times: None });
            self.fill(slot, self.all.len());
        }
        let index = (place as usize).checked_sub(1).unwrap_or(self.all.len().saturating_sub(1));
        let Some(conversation) = self.all.get_mut(index) else { return };
        let side =
            if conversation.from == from { &mut conversation.sent } else { &mut conversation.received };
        side.add(octets);
        if let Some(time) = frame.time {
            let (first, last) = conversation.times.unwrap_or((time, time));
            conversation.times = Some((first.min(time), last.max(time)));
        }
    }

    /// The slot of a conversation: its own, or the free one where it belongs.
    fn slot(&self, from: EndPoint, to: EndPoint) -> usize {
        let mask = self.slots.len().saturating_sub(1);
        let mut slot = self.hasher.hash(from, to) & mask;
        while let Some(place @ 1..) = self.slots.get(slot).copied() {
            let Some(known) = self.all.get((place as usize).saturating_sub(1)) else { break };
            if (known.from, known.to) == (from, to) || (known.to, known.from) == (from, to) {
                break;
            }
            slot = slot.wrapping_add(1) & mask;
        }
        slot
    }

    fn fill(&mut self, slot: usize, place: usize) {
        if let Some(slot) = self.slots.get_mut(slot) {
            *slot = u32::try_from(place).unwrap_or_default();
        }
    }

    /// Doubles the slots. When all conversations are there that are kept, there are twice as many slots, and no more.
    fn grow(&mut self) {
        let wanted = self.slots.len().saturating_mul(2).max(FEWEST_SLOTS);
        if wanted > MOST_CONVERSATIONS.saturating_mul(2) {
            return;
        }
        self.slots = vec![0; wanted];
        for place in 1..=self.all.len() {
            let Some(Conversation { from, to, .. }) = self.all.get(place.saturating_sub(1)).copied() else {
                continue;
            };
            let slot = self.slot(from, to);
            self.fill(slot, place);
        }
    }

    /// All conversations, those with the most packets first.
    pub fn by_packets(&self) -> Vec<&Conversation> {
        let mut all: Vec<&Conversation> = self.all.iter().collect();
        all.sort_by_key(|one| std::cmp::Reverse(one.sent.and(one.received).packets));
        all
    }

    /// All end points, those with the most packets first.
    pub fn end_points(&self) -> EndPoints {
        let mut all = EndPoints::with_capacity(self.all.len().saturating_mul(2));
        for one in &self.all {
            all.push((one.from, one.sent, one.received));
            if one.from != one.to {
                all.push((one.to, one.received, one.sent));
            }
        }
        all.sort_unstable_by_key(|(point, ..)| *point);
        all.dedup_by(|(point, sent, received), first| {
            let is_same = *point == first.0;
            if is_same {
                (first.1, first.2) = (first.1.and(*sent), first.2.and(*received));
            }
            is_same
        });
        all.sort_by_key(|(point, sent, received)| (std::cmp::Reverse(sent.and(*received).packets), *point));
        all
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }
}

const FEWEST_SLOTS: usize = 1024;

//! What a packet is found to be, and how that is told.

use super::super::fact::{FACTS, Fact, FactKind, Facts};
use super::unacknowledged::Segment;
use super::{Step, as_value};

/// What a packet is found to be.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks(u64);

// Each fact has a bit.
const _: () = assert!(FACTS.len() <= 64);

impl Marks {
    pub(super) fn has(self, fact: Fact) -> bool {
        self.0 & 1 << fact as u8 != 0
    }

    pub(super) fn add(&mut self, fact: Fact) {
        self.0 |= 1 << fact as u8;
    }

    /// A kind of retransmission.
    pub(super) fn again(&mut self, kind: Fact) {
        self.add(Fact::Retransmission);
        self.add(kind);
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Tells them, in the order in which they are shown.
    pub(super) fn tell(self, facts: &mut Facts, layer: usize) {
        if self.is_empty() {
            return;
        }
        facts.flag(layer, Fact::Flags);
        for known in FACTS.iter().filter(|known| known.kind == FactKind::Flag && self.has(known.fact)) {
            facts.flag(layer, known.fact);
        }
    }
}

/// What a packet comes to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) marks: Marks,
    /// The segment that it acknowledges.
    pub(super) acknowledged: Option<Segment>,
    /// Octets that are on their way.
    pub(super) in_flight: Option<u32>,
    /// Octets since the last packet with PSH, where the packet is one that counts.
    pub(super) since_push: Option<u32>,
    /// For a duplicate acknowledgment: which one it is, and of which packet.
    pub(super) duplicate: Option<(u32, u64)>,
    /// For a retransmission: the packet that is sent again, and nanoseconds since then.
    pub(super) timeout: Option<(u64, i64)>,
    /// Whether there is something to tell though nothing of this is: Wireshark then shows the initial round trip.
    pub(super) is_noted: bool,
}

impl Outcome {
    /// Tells it; of a packet that nothing is found of, nothing.
    pub(super) fn tell(&self, facts: &mut Facts, layer: usize, step: &Step<'_>, initial_rtt: Option<i64>) {
        let has_some = self.acknowledged.is_some() || self.since_push.is_some() || !self.marks.is_empty();
        if !has_some && !self.is_noted {
            return;
        }
        facts.flag(layer, Fact::Analysis);
        if let Some(segment) = self.acknowledged {
            facts.add(layer, Fact::AcksFrame, as_value(segment.moment.number));
            if let Some(time) = step.since(segment.moment.time).filter(|time| *time != 0) {
                facts.add(layer, Fact::AckRtt, time);
            }
        }
        if let Some(time) = initial_rtt {
            facts.add(layer, Fact::InitialRtt, time);
        }
        if let Some(octets) = self.in_flight {
            facts.add(layer, Fact::BytesInFlight, i64::from(octets));
            facts.add(layer, Fact::PushBytesSent, self.since_push.map_or(0, i64::from));
        }
        self.marks.tell(facts, layer);
        if let Some((count, frame)) = self.duplicate {
            facts.add(layer, Fact::DuplicateAckNum, i64::from(count));
            facts.add(layer, Fact::DuplicateAckFrame, as_value(frame));
        }
        if let Some((frame, time)) = self.timeout {
            facts.add(layer, Fact::RtoFrame, as_value(frame));
            facts.add(layer, Fact::Rto, time);
        }
    }
}

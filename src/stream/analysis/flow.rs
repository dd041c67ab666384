//! One side of a connection: what its packets are, by those before.

use super::super::fact::{Fact, Facts, Moment};
use super::super::segment::Numbers;
use super::marks::Outcome;
use super::unacknowledged::{Segment, Unacknowledged};
use super::{Step, is_behind};

/// What is known of one side. As in Wireshark, a number that is not known is 0.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// The next expected sequence number, and when and with which packet it became so.
    next_seq: u32,
    next_seq_moment: Moment,
    /// The highest number that the other side may acknowledge.
    most_to_acknowledge: u32,
    last_ack: u32,
    last_ack_time: Option<i64>,
    /// The last; none where it was not seen.
    window: Option<u16>,
    scale: Scale,
    /// Whether its windows are plain still: nothing but its SYN was seen.
    is_before_first_ack: bool,
    /// The last packet whose acknowledgment was no duplicate, and how many duplicates followed.
    not_duplicate: u64,
    duplicates: u32,
    unacknowledged: Unacknowledged,
    /// What the last packet was.
    was_keep_alive: bool,
    was_zero_window_probe: bool,
    /// Whether octets in flight cannot be told: something is missing since the last acknowledgment.
    is_flight_unknown: bool,
    /// Octets that it said to have out of order, with its last packet.
    sacked: u32,
    since_push: u32,
    was_push: bool,
    /// Whether it was the first to end the connection.
    is_closing: bool,
}

/// The shift count of a side's windows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Scale {
    #[default]
    Unknown,
    Unused,
    Shift(u8),
}

impl Flow {
    /// How many segments it remembers.
    pub(super) fn waiting(&self) -> usize {
        self.unacknowledged.len()
    }

    /// Forgets the older half of its segments.
    pub(super) fn halve(&mut self) {
        self.unacknowledged.halve();
    }

    /// Goes back to the number that the other side may acknowledge: a SYN came again, and what was between, as a reset with
    /// the number of an acknowledgment (RFC 9293 §3.5.2), does not count.
    pub(super) fn begin_again(&mut self) {
        self.next_seq = self.most_to_acknowledge;
    }

    /// Finds what a packet of this side is, and remembers it.
    pub(super) fn segment(&mut self, step: &Step<'_>, other: &mut Self, outcome: &mut Outcome) {
        if step.numbers.has_ack {
            other.is_flight_unknown = false;
        }
        let is_probe = step.len == 1 && self.next_seq == step.numbers.seq && other.window == Some(0);
        if is_probe {
            outcome.marks.add(Fact::ZeroWindowProbe);
        } else {
            self.windows_and_gaps(step, other, outcome);
            self.answers(step, other, outcome);
        }
        if self.last_ack != step.numbers.ack {
            self.not_duplicate = step.moment.number;
            self.duplicates = 0;
        }
        other.acknowledged_unseen(step, outcome);
        self.repetition(step, other, outcome);
        self.remember(step, outcome);
        outcome.acknowledged = other.unacknowledged.acknowledge(step.numbers.ack);
        self.flight(step, other, outcome);
        self.sacked = step.numbers.sacked;
    }

    /// What a packet says of windows, what is missing before it, and whether it only asks if the other side is there.
    fn windows_and_gaps(&mut self, step: &Step<'_>, other: &Self, outcome: &mut Outcome) {
        let (numbers, marks) = (step.numbers, &mut outcome.marks);
        if numbers.window == 0 && step.is_plain {
            marks.add(Fact::ZeroWindow);
        }
        if self.next_seq != 0 && is_behind(self.next_seq, numbers.seq) && !numbers.reset {
            marks.add(Fact::LostSegment);
            self.is_flight_unknown = true;
        }
        if step.len <= 1 && numbers.seq == self.next_seq.wrapping_sub(1) && step.is_plain {
            marks.add(Fact::KeepAlive);
        }
        if step.len > 0 && step.is_plain && other.window_end() == Some(step.end()) {
            marks.add(Fact::WindowFull);
        }
    }

    /// What a packet without data is that repeats an acknowledgment.
    fn answers(&mut self, step: &Step<'_>, other: &Self, outcome: &mut Outcome) {
        let (numbers, marks) = (step.numbers, &mut outcome.marks);
        let is_same = numbers.seq == self.next_seq && numbers.ack == self.last_ack;
        if step.len > 0 || !step.is_plain || !is_same {
            return;
        }
        match (self.window == Some(numbers.window), numbers.window) {
            (false, 0) => {}
            (false, _) => marks.add(Fact::WindowUpdate),
            (true, 0) if other.was_zero_window_probe => marks.add(Fact::ZeroWindowProbeAck),
            (true, 0) => {}
            (true, _) if other.was_keep_alive => marks.add(Fact::KeepAliveAck),
            (true, _) => {
                self.duplicates = self.duplicates.checked_add(1).unwrap_or(1);
                marks.add(Fact::DuplicateAck);
                outcome.duplicate = Some((self.duplicates, self.not_duplicate));
            }
        }
    }

    /// Where the window of this side ends.
    fn window_end(&self) -> Option<u32> {
        let shift = match self.scale {
            Scale::Unknown => return None,
            Scale::Shift(shift) if !self.is_before_first_ack => shift,
            Scale::Shift(_) | Scale::Unused => 0,
        };
        Some(self.last_ack.wrapping_add(u32::from(self.window?) << shift))
    }

    /// Whether the other side acknowledges what was never seen of this one.
    fn acknowledged_unseen(&mut self, step: &Step<'_>, outcome: &mut Outcome) {
        let most = self.most_to_acknowledge;
        if most == 0 || !is_behind(most, step.numbers.ack) || !step.numbers.has_ack {
            return;
        }
        outcome.is_noted = true;
        // It is said once of a gap behind which this side was seen, and once of what lies beyond, until this side says
        // something new.
        if is_behind(most, self.next_seq) {
            self.most_to_acknowledge = self.next_seq;
            return outcome.marks.add(Fact::AckLostSegment);
        }
        if self.duplicates == 0 {
            outcome.marks.add(Fact::AckLostSegment);
        }
        self.duplicates = UNSEEN;
    }

    /// Whether a packet says again what was said, or what should have been said before.
    fn repetition(&self, step: &Step<'_>, other: &Self, outcome: &mut Outcome) {
        let (numbers, marks) = (step.numbers, &mut outcome.marks);
        if !step.takes_numbers() || marks.has(Fact::KeepAlive) {
            return;
        }
        if step.len > 0 && other.last_ack != 0 && !is_behind(other.last_ack, step.end()) {
            return marks.again(Fact::SpuriousRetransmission);
        }
        // The octet of a probe that was dropped is sent again with those behind it.
        let is_after_probe = step.len > 1 && self.next_seq.wrapping_sub(1) == numbers.seq;
        if self.next_seq == 0 || !is_behind(numbers.seq, self.next_seq) || is_after_probe {
            return;
        }
        let is_within = |since: Option<i64>, limit: i64| {
            // Times that go backwards are beyond any limit.
            since.is_some_and(|since| since.cast_unsigned() < limit.cast_unsigned())
        };
        let is_asked_for = other.duplicates >= 2 && other.last_ack == numbers.seq;
        if is_asked_for && is_within(step.since(other.last_ack_time), FAST) {
            return marks.again(Fact::FastRetransmission);
        }
        let since_next = step.since(self.next_seq_moment.time);
        let threshold = step.initial_rtt.unwrap_or(OUT_OF_ORDER);
        if is_within(since_next, threshold) && self.next_seq != step.next() {
            return marks.add(Fact::OutOfOrder);
        }
        marks.add(Fact::Retransmission);
        let first = self.unacknowledged.oldest().map_or(self.next_seq_moment, |segment| segment.moment);
        let time = step.since(first.time).filter(|time| *time != 0);
        outcome.timeout = time.map(|time| (first.number, time));
    }

    fn remember(&mut self, step: &Step<'_>, outcome: &Outcome) {
        let (numbers, marks) = (step.numbers, &outcome.marks);
        let has_room = self.unacknowledged.len() < super::MOST_UNACKNOWLEDGED;
        if step.takes_numbers() {
            let segment = Segment { moment: step.moment, seq: numbers.seq, next: step.next() };
            self.unacknowledged.add(segment);
        }
        let is_probe = marks.has(Fact::ZeroWindowProbe);
        let next = if has_room { step.next() } else { step.end() };
        if !is_probe && (self.next_seq == 0 || is_behind(self.next_seq, next)) {
            self.next_seq = next;
            self.next_seq_moment = step.moment;
        }
        let is_next = self.most_to_acknowledge == 0 || self.most_to_acknowledge == numbers.seq;
        if !is_probe && is_next {
            self.most_to_acknowledge = self.next_seq;
        }
        self.window = Some(numbers.window);
        self.last_ack = numbers.ack;
        self.last_ack_time = step.moment.time;
        self.was_keep_alive = marks.has(Fact::KeepAlive);
        self.was_zero_window_probe = is_probe;
    }

    /// How many octets are on their way, and were since the last PSH.
    fn flight(&mut self, step: &Step<'_>, other: &Self, outcome: &mut Outcome) {
        if step.len == 0 || self.is_flight_unknown {
            return;
        }
        let Some(extent) = self.unacknowledged.extent(step.base) else { return };
        let octets = extent.wrapping_sub(other.sacked);
        let virtual_octet = u32::from(step.numbers.syn || step.numbers.fin);
        if octets > 0 && octets < MOST_IN_FLIGHT {
            outcome.in_flight = Some(octets.saturating_sub(virtual_octet)).filter(|octets| *octets > 0);
        }
        let before = if self.was_push { 0 } else { self.since_push };
        self.since_push = before.saturating_add(step.len);
        self.was_push = step.numbers.push;
        outcome.since_push = Some(self.since_push);
    }

    /// Learns whether windows are scaled, when a SYN was looked at: who does not offer it, does without it (RFC 7323 §2.2).
    pub(super) fn scale(&mut self, other: &mut Self, numbers: &Numbers) {
        if !numbers.syn {
            self.is_before_first_ack &= !numbers.has_ack;
            return;
        }
        self.is_before_first_ack = true;
        if let Some(shift) = numbers.shift {
            self.scale = Scale::Shift(shift.min(MOST_SHIFT));
        }
        if self.scale == Scale::Unknown {
            (self.scale, other.scale) = (Scale::Unused, Scale::Unused);
        } else if numbers.has_ack && other.scale == Scale::Unused {
            self.scale = Scale::Unused;
        }
    }

    /// Tells the window, and what it is multiplied with: -1 where the handshake was not seen, -2 where windows are plain.
    pub(super) fn tell_window(&self, facts: &mut Facts, layer: usize, numbers: &Numbers) {
        let (size, factor) = match self.scale {
            _ if numbers.syn => (u32::from(numbers.window), None),
            Scale::Unknown => (u32::from(numbers.window), Some(-1)),
            Scale::Unused => (u32::from(numbers.window), Some(-2)),
            Scale::Shift(shift) => (u32::from(numbers.window) << shift, Some(1i64 << shift)),
        };
        facts.add(layer, Fact::WindowSize, i64::from(size));
        if let Some(factor) = factor {
            facts.add(layer, Fact::WindowScale, factor);
        }
    }

    /// Whether this side, which sends a FIN, is the first to do so.
    pub(super) fn closes(&mut self, other: &Self) -> bool {
        self.is_closing |= !other.is_closing;
        !other.is_closing
    }
}

/// How many duplicates Wireshark takes a side to have sent when it acknowledged what was never seen.
const UNSEEN: u32 = u32::MAX;
/// RFC 7323 §2.3.
const MOST_SHIFT: u8 = 14;
/// Nanoseconds: what Wireshark takes a retransmission for fast in, and a segment for out of order where no round trip is known.
const FAST: i64 = 20_000_000;
const OUT_OF_ORDER: i64 = 3_000_000;
/// More octets than this are not in flight: the numbers belong to something else.
const MOST_IN_FLIGHT: u32 = 2_000_000_000;

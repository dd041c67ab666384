//! TCP analysis: what sequence and acknowledgment numbers say of loss, order, windows and times.
//!
//! The names are Wireshark's, and so is what they mean: the rules are those that its User's Guide has under "TCP Analysis",
//! and where that is silent, what tshark does (`tests/tcp_analysis.rs` compares them). Of each side are kept the numbers that
//! the rules speak of, and the segments that wait for their acknowledgment, which are bounded ([`MOST_UNACKNOWLEDGED`]).

mod flow;
mod marks;
mod unacknowledged;

pub use self::unacknowledged::MOST_UNACKNOWLEDGED;

use self::flow::Flow;
use self::marks::Outcome;
use super::as_value;
use super::fact::{Fact, Facts, Moment};
use super::segment::{Carried, Numbers};

/// What is known of a TCP connection.
#[derive(Debug, Default)]
pub(super) struct Analysis {
    sides: [Flow; 2],
    /// When the last SYN came, and from its sending to the end of the handshake.
    syn: Option<i64>,
    initial_rtt: Option<i64>,
    completeness: i64,
    /// Whether the last SYN had data, and a Fast Open cookie that allows for it.
    has_early_data: bool,
}

/// A segment, as it comes to the analysis.
pub(super) struct Arrival<'p> {
    pub(super) moment: Moment,
    pub(super) carried: &'p Carried<'p>,
    /// Whether it goes from the lower end to the higher.
    pub(super) is_forward: bool,
    /// How it relates to its conversation.
    pub(super) begins: Begins,
    /// The first numbers of its side and of the other.
    pub(super) bases: [Option<u32>; 2],
}

/// How a segment relates to its conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begins {
    /// It goes on with it.
    Nothing,
    /// It is the first one.
    First,
    /// It is the first one between ends that talked before.
    Anew,
    /// It is the SYN that the conversation began with, again.
    Again,
    /// It is an answer to a SYN, with another number than before.
    Otherwise,
}

/// A packet, with what the rules ask of it.
pub(super) struct Step<'p> {
    moment: Moment,
    numbers: &'p Numbers,
    len: u32,
    /// The number of the first octet of its side.
    base: u32,
    /// None of SYN, FIN and RST.
    is_plain: bool,
    initial_rtt: Option<i64>,
}

impl Step<'_> {
    /// The number behind its last octet.
    fn end(&self) -> u32 {
        self.numbers.seq.wrapping_add(self.len)
    }

    /// The number behind it: SYN and FIN take one too.
    fn next(&self) -> u32 {
        self.end().wrapping_add(u32::from(self.numbers.syn || self.numbers.fin))
    }

    fn takes_numbers(&self) -> bool {
        self.len > 0 || self.numbers.syn || self.numbers.fin
    }

    /// Nanoseconds since a time.
    fn since(&self, time: Option<i64>) -> Option<i64> {
        Some(self.moment.time?.saturating_sub(time?))
    }
}

impl Analysis {
    /// Takes a segment, and tells what it is; `tell_between` tells what is shown between its numbers and that.
    pub(super) fn segment(
        &mut self,
        facts: &mut Facts,
        arrival: &Arrival<'_>,
        tell_between: &mut dyn FnMut(&mut Facts),
    ) {
        let Arrival { carried, begins, .. } = arrival;
        let (numbers, layer) = (&carried.numbers, carried.layer);
        if *begins == Begins::Anew {
            self.completeness = SYN;
        }
        facts.add(layer, Fact::Completeness, self.completeness);
        let len = carried.len.filter(|_| carried.is_whole && !carried.is_quoted);
        self.grow_complete(numbers, len.unwrap_or(0), *begins);
        let mut outcome = Outcome::default();
        if matches!(begins, Begins::Anew | Begins::Otherwise) {
            outcome.marks.add(Fact::ReusedPorts);
        }
        let [base, other_base] = arrival.bases.map(Option::unwrap_or_default);
        let initial_rtt = self.initial_rtt;
        let is_plain = !(numbers.syn || numbers.fin || numbers.reset);
        let step =
            Step { moment: arrival.moment, numbers, len: len.unwrap_or(0), base, is_plain, initial_rtt };
        let (own, other) = self.sides(arrival.is_forward);
        if *begins == Begins::Again {
            outcome.is_noted = true;
            own.begin_again();
        }
        if len.is_some() {
            own.segment(&step, other, &mut outcome);
            facts.add(layer, Fact::RelativeSeq, i64::from(numbers.seq.wrapping_sub(base)));
            facts.add(layer, Fact::NextSeq, i64::from(step.next().wrapping_sub(base)));
            if numbers.has_ack {
                facts.add(layer, Fact::RelativeAck, i64::from(numbers.ack.wrapping_sub(other_base)));
            }
        }
        if carried.is_whole {
            own.tell_window(facts, layer, numbers);
            own.scale(other, numbers);
            self.connection(facts, arrival);
            self.handshake(&step);
        }
        tell_between(facts);
        outcome.tell(facts, layer, &step, self.initial_rtt);
    }

    /// The sender's side and the other.
    fn sides(&mut self, is_forward: bool) -> (&mut Flow, &mut Flow) {
        let [low, high] = &mut self.sides;
        if is_forward { (low, high) } else { (high, low) }
    }

    /// How many segments wait for their acknowledgment.
    pub(super) fn waiting(&self) -> usize {
        self.sides.iter().map(Flow::waiting).sum()
    }

    /// Forgets the older half of them.
    pub(super) fn halve(&mut self) {
        self.sides.iter_mut().for_each(Flow::halve);
    }

    /// Tells of a connection that it begins or ends.
    fn connection(&mut self, facts: &mut Facts, arrival: &Arrival<'_>) {
        let (numbers, layer) = (&arrival.carried.numbers, arrival.carried.layer);
        match (numbers.syn, numbers.has_ack) {
            (true, true) => {
                facts.flag(layer, Fact::ConnectionSynAck);
                let [_, base] = arrival.bases;
                let has_more = base.is_some_and(|base| numbers.ack.wrapping_sub(base) > 1);
                if has_more {
                    facts.flag(layer, Fact::FastOpenAck);
                } else if self.has_early_data {
                    facts.flag(layer, Fact::FastOpenIgnored);
                }
            }
            (true, false) => {
                facts.flag(layer, Fact::ConnectionSyn);
                if numbers.has_cookie {
                    facts.flag(layer, Fact::FastOpenSyn);
                    self.has_early_data = arrival.carried.len.is_some_and(|len| len > 0);
                }
            }
            (false, _) => {}
        }
        if numbers.fin {
            facts.flag(layer, Fact::ConnectionFin);
            let (own, other) = self.sides(arrival.is_forward);
            let is_first = own.closes(other);
            facts.flag(layer, if is_first { Fact::FinActive } else { Fact::FinPassive });
        }
        if numbers.reset {
            facts.flag(layer, Fact::ConnectionReset);
        }
    }

    fn grow_complete(&mut self, numbers: &Numbers, len: u32, begins: Begins) {
        let mut is = |what: bool, bit: i64| self.completeness |= if what { bit } else { 0 };
        let Numbers { syn, has_ack, fin, reset, .. } = *numbers;
        if begins == Begins::First {
            // A conversation whose beginning was not seen is never complete.
            is(syn && !has_ack, SYN);
            return is(syn && !has_ack && len > 0, DATA);
        }
        is(syn && has_ack, SYN_ACK);
        is(!syn && has_ack, if len > 0 { DATA } else { ACK });
        is(fin && has_ack, FIN);
        is(reset, RST);
    }

    fn handshake(&mut self, step: &Step<'_>) {
        let numbers = step.numbers;
        if numbers.syn && !numbers.has_ack {
            self.syn = step.moment.time;
        }
        if self.initial_rtt.is_none() && numbers.has_ack && !numbers.syn {
            self.initial_rtt = step.since(self.syn).filter(|time| *time != 0);
        }
    }
}

/// Whether a number is behind another (RFC 9293 §3.4).
fn is_behind(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed() < 0
}

/// The bits of `tcp.completeness`.
const SYN: i64 = 1;
const SYN_ACK: i64 = 2;
const ACK: i64 = 4;
const DATA: i64 = 8;
const FIN: i64 = 16;
const RST: i64 = 32;

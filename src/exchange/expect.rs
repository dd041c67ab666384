//! What is expected to come back after a packet was sent, and what must not come: each expectation ends with a verdict.
//!
//! A packet that comes is held against the expectations of the packet that it answers. One that answers nothing that was
//! sent is held against those of all, in the order of sending, up to the first packet with one that takes it.

use std::collections::BTreeMap;

use crate::exchange::engine::{Incoming, MILLISECOND, Nanos};
use crate::filter::field::{About, FieldFilter};
use crate::packet::build::Built;
use crate::packet::check::Dissected;
use crate::wire::layers::LayerTable;

/// Something that is expected after a packet was sent.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// Which packets it is about; `sent.` fields are those of the packet that was sent.
    pub filter: FieldFilter,
    /// The filter as it was written.
    pub text: String,
    /// Whether such a packet must come; else none may.
    pub is_wanted: bool,
    /// For how long after the packet left.
    pub within: Nanos,
}

/// What became of an expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// What must come came.
    Met,
    /// It did not come in time.
    Missed,
    /// What must not come did not.
    Held,
    /// It came.
    Broken,
    /// The packet could not be sent, or nobody waited to the end.
    Unknown,
}

impl Verdict {
    /// Whether all is as it was expected.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Met | Self::Held)
    }
}

/// An expectation that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The packet that was sent.
    pub number: usize,
    /// What became of it.
    pub verdict: Verdict,
    /// The filter as it was written.
    pub text: String,
    /// Whether such a packet had to come.
    pub is_wanted: bool,
    /// From the sending to the packet that decided it, or else to the end of its time.
    pub after: Nanos,
}

/// The expectations of all packets that were sent.
#[derive(Debug, Default)]
pub(super) struct Expectations {
    /// Those that are open, by the number of the packet.
    open: BTreeMap<usize, Open>,
    /// Before that, none of them ends.
    soonest: Option<Nanos>,
    judged: Vec<Judged>,
    total: usize,
    good: usize,
}

/// What is expected after one packet.
#[derive(Debug)]
struct Open {
    expectations: Vec<Expectation>,
    sent: Built,
    /// When it left; nothing before it did.
    sent_at: Option<Nanos>,
}

/// What came in time may be told late: rings hand over what is in them after some milliseconds.
pub(super) const GRACE: Nanos = 50 * MILLISECOND;

impl Expectations {
    /// Takes note of what is expected after a packet that is about to be sent.
    pub(super) fn begin(&mut self, number: usize, sent: &Built, expectations: Vec<Expectation>) {
        if !expectations.is_empty() {
            self.total = self.total.saturating_add(expectations.len());
            self.open.insert(number, Open { expectations, sent: sent.clone(), sent_at: None });
        }
    }

    /// The packet left; a later and nearer time of that replaces an earlier one.
    pub(super) fn left(&mut self, number: usize, at: Nanos) {
        if let Some(open) = self.open.get_mut(&number) {
            open.sent_at = Some(at);
            let end = open.expectations.iter().map(|one| open.end(one)).min();
            self.soonest = self.soonest.into_iter().chain(end).min();
        }
    }

    /// Nothing can come of what is expected after this packet.
    pub(super) fn give_up(&mut self, number: usize) {
        for expectation in self.open.remove(&number).into_iter().flat_map(|open| open.expectations) {
            self.judge(number, &expectation, Verdict::Unknown, 0);
        }
    }

    /// Holds a packet that came against what is expected; `answers` is the packet that it answers. Tells after which packet it
    /// had to come, if it had.
    pub(super) fn received(
        &mut self,
        packet: &Incoming<'_>,
        table: &LayerTable,
        answers: Option<usize>,
    ) -> Option<usize> {
        let dissected = Dissected { octets: packet.octets, table, wire_len: packet.len };
        let numbers: Vec<usize> = match answers {
            Some(number) => vec![number],
            None => self.open.keys().copied().collect(),
        };
        for number in numbers {
            let before = self.judged.len();
            if self.takes(number, packet.at, packet.wall, &dissected) {
                let mut judged = self.judged.iter().skip(before);
                return judged.any(|one| one.verdict == Verdict::Met).then_some(number);
            }
        }
        None
    }

    /// Whether one of the expectations after the packet of this number is decided by a packet.
    fn takes(&mut self, number: usize, at: Nanos, wall: i64, dissected: &Dissected<'_>) -> bool {
        let Some(mut open) = self.open.remove(&number) else { return false };
        let before = open.expectations.len();
        if let Some(after) = open.sent_at.and_then(|sent_at| at.checked_sub(sent_at)) {
            let Built { octets, table, .. } = &open.sent;
            let sent = Dissected { octets, table, wire_len: octets.len() };
            let about = About { time: Some(wall), sent: Some(sent), ..About::default() };
            open.expectations.retain(|expectation| {
                let is_it = after <= expectation.within && expectation.filter.matches(dissected, &about);
                if is_it {
                    let verdict = if expectation.is_wanted { Verdict::Met } else { Verdict::Broken };
                    self.judge(number, expectation, verdict, after);
                }
                !is_it
            });
        }
        let is_taken = open.expectations.len() < before;
        if !open.expectations.is_empty() {
            self.open.insert(number, open);
        }
        is_taken
    }

    /// Ends those whose time is over.
    pub(super) fn expire(&mut self, now: Nanos) {
        if self.soonest.is_none_or(|soonest| now < soonest) {
            return;
        }
        self.end(
            |open, expectation| open.is_over(expectation, now),
            |expectation| {
                if expectation.is_wanted { Verdict::Missed } else { Verdict::Held }
            },
            now,
        );
    }

    /// Nobody waits any more.
    pub(super) fn stop(&mut self, now: Nanos) {
        self.end(|_, _| true, |_| Verdict::Unknown, now);
    }

    fn end(
        &mut self,
        is_over: impl Fn(&Open, &Expectation) -> bool,
        verdict: impl Fn(&Expectation) -> Verdict,
        now: Nanos,
    ) {
        let mut all = std::mem::take(&mut self.open);
        for (number, open) in &mut all {
            let expectations = std::mem::take(&mut open.expectations);
            let (over, left): (Vec<_>, _) = expectations.into_iter().partition(|one| is_over(open, one));
            open.expectations = left;
            for expectation in over {
                // Who is interrupted has waited for less than was said.
                let waited = open.sent_at.map_or(0, |sent_at| now.saturating_sub(sent_at));
                self.judge(*number, &expectation, verdict(&expectation), expectation.within.min(waited));
            }
        }
        all.retain(|_, open| !open.expectations.is_empty());
        self.open = all;
        let ends = self.open.values().flat_map(|open| open.expectations.iter().map(|one| open.end(one)));
        self.soonest = ends.min();
    }

    /// When to look whether the next one's time is over, not later than it is; `None` when none is open.
    pub(super) fn next_end(&self) -> Option<Nanos> {
        self.soonest.filter(|_| !self.open.is_empty())
    }

    /// What was judged since the last call.
    pub(super) fn take_judged(&mut self) -> Vec<Judged> {
        std::mem::take(&mut self.judged)
    }

    /// How many there were, and how many came out as expected.
    pub(super) fn totals(&self) -> (usize, usize) {
        (self.total, self.good)
    }

    fn judge(&mut self, number: usize, expectation: &Expectation, verdict: Verdict, after: Nanos) {
        self.good = self.good.saturating_add(usize::from(verdict.is_good()));
        let Expectation { text, is_wanted, .. } = expectation;
        self.judged.push(Judged { number, verdict, text: text.clone(), is_wanted: *is_wanted, after });
    }
}

impl Open {
    fn end(&self, expectation: &Expectation) -> Nanos {
        self.sent_at.map_or(Nanos::MAX, |at| at.saturating_add(expectation.within).saturating_add(GRACE))
    }

    fn is_over(&self, expectation: &Expectation, now: Nanos) -> bool {
        self.end(expectation) <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::dissect::dissect;
    use crate::wire::frame::LinkType;

    /// scapy: raw(IP(src="10.0.0.1", dst="10.0.0.2")/ICMP(type=8, id=1, seq=n))
    fn echo(kind: u8, seq: u8) -> Vec<u8> {
        let mut octets = hex::decode("4500001c00010000400166de0a0000010a0000020800f7fe00010000").unwrap();
        (octets[20], octets[27]) = (kind, seq);
        octets
    }

    fn built(octets: Vec<u8>) -> Built {
        let mut table = LayerTable::default();
        dissect(&octets, LinkType::RAW, &mut table);
        Built { octets, table, link_type: LinkType::RAW, miscounted: Vec::new() }
    }

    fn expectation(text: &str, is_wanted: bool) -> Expectation {
        let filter = FieldFilter::parse_answer(text).unwrap();
        Expectation { filter, text: text.to_owned(), is_wanted, within: 100 }
    }

    fn come(expectations: &mut Expectations, octets: &[u8], at: Nanos, answers: Option<usize>) {
        let packet = built(octets.to_vec());
        expectations.received(&Incoming::of_ip(octets, at, 0), &packet.table, answers);
    }

    fn verdicts(expectations: &mut Expectations) -> Vec<(usize, Verdict, Nanos)> {
        expectations.take_judged().into_iter().map(|one| (one.number, one.verdict, one.after)).collect()
    }

    #[test]
    fn what_comes_in_time_meets_or_breaks() {
        let mut all = Expectations::default();
        let both = vec![expectation("icmp.seq == sent.icmp.seq", true), expectation("icmp.type == 3", false)];
        all.begin(0, &built(echo(8, 1)), both.clone());
        all.begin(1, &built(echo(8, 2)), both);
        all.left(0, 1000);
        all.left(1, 1000);
        come(&mut all, &echo(0, 2), 1010, None);
        assert_eq!(verdicts(&mut all), [(1, Verdict::Met, 10)], "the first packet has another number");
        come(&mut all, &echo(3, 9), 1020, Some(1));
        assert_eq!(verdicts(&mut all), [(1, Verdict::Broken, 20)], "it answers the second");
        come(&mut all, &echo(0, 1), 1101, None);
        assert_eq!(verdicts(&mut all), [], "too late");
        assert_eq!(all.next_end(), Some(1100 + GRACE));
        all.expire(1100 + GRACE - 1);
        assert_eq!(verdicts(&mut all), [], "what came in time may be told late");
        all.expire(1100 + GRACE);
        assert_eq!(verdicts(&mut all), [(0, Verdict::Missed, 100), (0, Verdict::Held, 100)]);
        assert_eq!((all.totals(), all.next_end()), ((4, 2), None));
    }

    #[test]
    fn what_was_not_awaited_is_not_known() {
        let mut all = Expectations::default();
        for number in 0..2 {
            all.begin(number, &built(echo(8, 1)), vec![expectation("icmp", false)]);
        }
        all.give_up(0);
        all.left(1, 0);
        all.stop(40);
        assert_eq!(verdicts(&mut all), [(0, Verdict::Unknown, 0), (1, Verdict::Unknown, 40)]);
        assert_eq!(all.totals(), (2, 0));
    }
}

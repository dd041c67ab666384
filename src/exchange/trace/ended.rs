//! Probes of which it is known what came of them, for whoever saves their packets.

use super::{Answer, Paths, Trace, TracePlan};
use crate::exchange::engine::Engine;
use crate::exchange::moment::Moment;

/// A probe of which it is known what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Its number, counted from the base of the plan that it all began with: by it its packets are known.
    pub number: usize,
    /// The trace that it is of, from 1.
    pub round: usize,
    /// Its flow, from 0.
    pub flow: usize,
    /// Its hop.
    pub hop: u8,
    /// Which one of those of its flow to the hop, from 1.
    pub query: usize,
    /// Octets of its packet.
    pub len: usize,
    /// When it left.
    pub sent: Moment,
    /// What came of it.
    pub fate: Fate,
}

/// What comes of a probe.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// Somebody answered.
    Answered(Box<Answer>),
    /// Nobody answered in time.
    Silent,
    /// The way ends before that hop.
    Beyond,
    /// It was waited for when the run ended.
    Open,
}

/// An engine that tells what came of its probes.
pub trait Ends: Engine {
    /// Those of which it has become known since the last call.
    fn take_ended(&mut self) -> Vec<Ended>;
}

impl Ends for Trace {
    fn take_ended(&mut self) -> Vec<Ended> {
        let reported = u8::try_from(self.next_hop).map_or(usize::MAX, |hop| self.plan.probes_of(hop).start);
        let known = if self.is_over { usize::MAX } else { reported }.min(self.probes.len());
        let numbers = self.ended..known;
        self.ended = self.ended.max(known);
        let last = self.last();
        let ended = |number: usize| {
            let probe = self.probes.get(number)?;
            let fate = match &probe.answer {
                Some(answer) => Fate::Answered(Box::new(answer.clone())),
                None if self.plan.hop_of(number) > last => Fate::Beyond,
                None if probe.is_given_up => Fate::Silent,
                None => Fate::Open,
            };
            self.plan.ended(number, probe.sent?, fate)
        };
        numbers.filter_map(ended).collect()
    }
}

impl Ends for Paths {
    /// All at once, when it is over: what a hop says of one flow counts for others.
    fn take_ended(&mut self) -> Vec<Ended> {
        let numbers = if self.is_over { std::mem::take(&mut self.sent) } else { Vec::new() };
        let ended = |number: usize| {
            let probe = self.probes.get(&number)?;
            let is_beyond = self.is_beyond_end(self.plan.flow_of(number), self.plan.hop_of(number));
            let fate = match &probe.answer {
                Some(answer) => Fate::Answered(Box::new(answer.clone())),
                None if is_beyond => Fate::Beyond,
                None if probe.is_given_up => Fate::Silent,
                None => Fate::Open,
            };
            self.plan.ended(number, probe.sent?, fate)
        };
        numbers.into_iter().filter_map(ended).collect()
    }
}

impl TracePlan {
    fn ended(&self, number: usize, sent: Moment, fate: Fate) -> Option<Ended> {
        let (flow, hop) = (self.flow_of(number), self.hop_of(number));
        let query = number.checked_sub(self.probe_at(flow, hop, 0))?.saturating_add(1);
        Some(Ended { number, round: 1, flow, hop, query, len: self.packet_len, sent, fate })
    }

    /// The probes of a trace of several that ended, the first of which began with the base of `first`.
    pub(super) fn ended_of(first: &Self, round: usize, trace: &mut Trace) -> Vec<Ended> {
        let before = usize::from(trace.plan.base.wrapping_sub(first.base));
        let mut ended = trace.take_ended();
        for one in &mut ended {
            (one.number, one.round) = (one.number.saturating_add(before), round);
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::engine::Step;
    use crate::exchange::trace::Method;
    use crate::exchange::trace::script::plan;

    #[test]
    fn each_probe_ends_once_and_numbers_go_on() {
        let first = plan(Method::Udp, false);
        let mut trace =
            Trace::new(TracePlan { base: first.base.wrapping_add(7), last_hop: 2, ..first.clone() });
        for _ in 0..6 {
            let Step::Send(probe) = trace.step(0) else { panic!("nothing to send") };
            trace.sent(probe.tag, 0, 9, Ok(()));
        }
        assert_eq!(trace.take_ended(), []);
        trace.stop(1);
        trace.step(1);
        let ended = TracePlan::ended_of(&first, 3, &mut trace);
        let told: Vec<_> = ended.iter().map(|one| (one.number, one.round, one.hop, one.query)).collect();
        assert_eq!(
            told,
            [(7, 3, 1, 1), (8, 3, 1, 2), (9, 3, 1, 3), (10, 3, 2, 1), (11, 3, 2, 2), (12, 3, 2, 3)]
        );
        assert!(ended.iter().all(|one| one.fate == Fate::Open && one.sent.wall == 9));
        assert_eq!(trace.take_ended(), []);
    }
}

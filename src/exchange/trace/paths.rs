//! All ways to a host: as many flows as it takes to be sure enough that routers which share load over several ways have no other.
//!
//! The first flow goes as far as it can. Then each flow is asked at every hop as far as that, and farther where it has not ended, so that
//! a flow is a way of its own and all of them together are the graph. After each round the [stopping rule](super::stopping) is asked at
//! each router whether enough flows went through it; where not, there are more flows in the next round.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use super::answer;
use super::stopping::enough;
use super::{Answer, Counts, Probe, TracePlan, Verdict, is_of_destination};
use crate::exchange::engine::{Departure, Engine, Incoming, Nanos, Outgoing, SendError, Step};
use crate::exchange::moment::Moment;

/// The routers of a hop.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layer {
    /// The hop.
    pub hop: u8,
    /// Who answered there, in the order in which flows found them; whoever said nothing stands last.
    pub nodes: Vec<Node>,
}

/// A router, or those of a hop that said nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// Who; `None` for silence.
    pub from: Option<IpAddr>,
    /// The shortest time that it took.
    pub rtt: Option<Nanos>,
    /// Which flows came here.
    pub flows: Vec<usize>,
    /// How it said that the way ends here.
    pub end: Option<Verdict>,
    /// Where these flows went next: places in the next layer.
    pub next: Vec<usize>,
}

/// The engine.
#[derive(Debug)]
pub struct Paths {
    pub(super) plan: TracePlan,
    /// Flows that have begun.
    flows: usize,
    pub(super) probes: BTreeMap<usize, Probe>,
    /// The numbers of those that were sent, in order.
    pub(super) sent: Vec<usize>,
    open: Vec<usize>,
    todo: VecDeque<usize>,
    /// The first time that a probe took to a hop and back, by hop.
    took: BTreeMap<u8, Nanos>,
    /// Where each flow ended.
    ends: Vec<Option<u8>>,
    /// How far the first flow went.
    reach: Option<u8>,
    /// Whether there were enough flows everywhere.
    is_enough: bool,
    /// Hops at which one flow met several routers.
    scattering: Vec<u8>,
    counts: Counts,
    next_at: Nanos,
    failure: Option<String>,
    is_stopping: bool,
    pub(super) is_over: bool,
}

impl Paths {
    /// An engine for a plan that says how many flows there may be.
    pub fn new(plan: TracePlan) -> Self {
        let hops = plan.first_hop..=plan.last_hop;
        let todo = hops.flat_map(|hop| (0..plan.queries).map(move |query| (hop, query)));
        Self {
            flows: 1,
            probes: BTreeMap::new(),
            sent: Vec::new(),
            open: Vec::new(),
            todo: todo.map(|(hop, query)| plan.probe_at(0, hop, query)).collect(),
            took: BTreeMap::new(),
            ends: vec![None; plan.flow_count()],
            reach: None,
            is_enough: false,
            scattering: Vec::new(),
            counts: Counts::default(),
            next_at: 0,
            failure: None,
            is_stopping: false,
            is_over: false,
            plan,
        }
    }

    /// How it goes.
    pub fn plan(&self) -> &TracePlan {
        &self.plan
    }

    /// What was counted.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Why a probe could not be sent, which ends it.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// How many flows were sent.
    pub fn flow_count(&self) -> usize {
        self.flows
    }

    /// Whether flows were enough, by the stopping rule, at all hops.
    pub fn is_enough(&self) -> bool {
        self.is_enough
    }

    /// Whether the destination answered.
    pub fn is_reached(&self) -> bool {
        let answers = self.probes.values().filter_map(|probe| probe.answer.as_ref());
        answers.into_iter().any(|answer| is_of_destination(&self.plan, answer))
    }

    /// The hops at which probes of one flow met several routers: some router before them shares load packet by packet.
    pub fn scattering(&self) -> &[u8] {
        &self.scattering
    }

    /// How many ways were found: flows that did not meet the same routers.
    pub fn way_count(&self) -> usize {
        let way =
            |flow| self.hops().map(move |hop| self.answer(flow, hop).map(|answer| answer.from)).collect();
        let mut ways: Vec<Vec<Option<IpAddr>>> = (0..self.flows).map(way).collect();
        ways.sort_unstable();
        // Silence that others have an answer for is no way of its own.
        let covers = |whole: &[Option<IpAddr>], part: &[Option<IpAddr>]| {
            whole != part && part.iter().zip(whole).all(|(part, whole)| part.is_none() || part == whole)
        };
        ways.dedup();
        let all = ways.clone();
        ways.retain(|way| !all.iter().any(|other| covers(other, way)));
        ways.len()
    }

    /// The graph, hop by hop.
    pub fn layers(&self) -> Vec<Layer> {
        let mut layers: Vec<Layer> = self.hops().map(|hop| self.layer(hop)).collect();
        for place in 1..layers.len() {
            let Some((before, behind)) = layers.split_at_mut_checked(place) else { break };
            let (Some(before), Some(layer)) = (before.last_mut(), behind.first()) else { break };
            for node in &mut before.nodes {
                let leads = |next: &Node| next.flows.iter().any(|flow| node.flows.contains(flow));
                let next = layer.nodes.iter().enumerate().filter(|(_, next)| leads(next));
                node.next = next.map(|(place, _)| place).collect();
            }
        }
        layers
    }

    /// The hops that are of interest: up to the last one of which somebody told.
    fn hops(&self) -> impl Iterator<Item = u8> + use<'_> {
        let told = self.probes.iter().filter(|(_, probe)| probe.answer.is_some());
        let last = told.map(|(number, _)| self.plan.hop_of(*number)).max().unwrap_or(0);
        self.plan.first_hop..=last
    }

    fn layer(&self, hop: u8) -> Layer {
        let mut layer = Layer { hop, nodes: Vec::new() };
        let mut silent = Node::default();
        for flow in (0..self.flows).filter(|flow| !self.is_beyond_end(*flow, hop)) {
            let Some(answer) = self.answer(flow, hop) else {
                silent.flows.push(flow);
                continue;
            };
            let end = (answer.verdict != Verdict::TimeExceeded).then_some(answer.verdict);
            let known = layer.nodes.iter_mut().find(|node| node.from == Some(answer.from));
            match known {
                Some(node) => {
                    node.flows.push(flow);
                    node.rtt = node.rtt.map(|rtt| rtt.min(answer.rtt));
                    node.end = node.end.or(end);
                }
                None => layer.nodes.push(Node {
                    from: Some(answer.from),
                    rtt: Some(answer.rtt),
                    flows: vec![flow],
                    end,
                    next: Vec::new(),
                }),
            }
        }
        if !silent.flows.is_empty() {
            layer.nodes.push(silent);
        }
        layer
    }

    pub(super) fn is_beyond_end(&self, flow: usize, hop: u8) -> bool {
        self.ends.get(flow).copied().flatten().is_some_and(|end| hop > end)
    }

    /// The first answer of a hop to a flow.
    fn answer(&self, flow: usize, hop: u8) -> Option<&Answer> {
        let first = self.plan.probe_at(flow, hop, 0);
        let queries = usize::from(self.plan.queries);
        let probes = self.probes.range(first..first.saturating_add(queries));
        probes.into_iter().find_map(|(_, probe)| probe.answer.as_ref())
    }

    /// How many more flows the stopping rule asks for.
    fn more_flows(&self) -> usize {
        let layers = self.layers();
        let everyone: Vec<usize> = (0..self.flows).collect();
        let mut more = 0;
        for (place, layer) in layers.iter().enumerate() {
            let before = place.checked_sub(1).and_then(|before| layers.get(before));
            let groups: Vec<&[usize]> = match before {
                Some(before) => before.nodes.iter().map(|node| node.flows.as_slice()).collect(),
                None => vec![&everyone],
            };
            for group in groups {
                let of_group = |node: &Node| node.flows.iter().filter(|flow| group.contains(flow)).count();
                let told: Vec<usize> =
                    layer.nodes.iter().filter(|node| node.from.is_some()).map(of_group).collect();
                let found = told.iter().filter(|count| **count > 0).count();
                let seen: usize = told.iter().sum();
                if let Some(missing) = enough(found).checked_sub(seen).filter(|_| found > 0) {
                    // Of so many flows, so many came here: others will do the same.
                    let share = self.flows.div_ceil(seen.max(1));
                    more = more.max(missing.saturating_mul(share));
                }
            }
        }
        more
    }

    /// Goes on to the next round, or says that there is none.
    fn next_round(&mut self) -> bool {
        if self.reach.is_none() {
            let last = self.hops().last().unwrap_or(0);
            self.reach = Some(self.ends.first().copied().flatten().unwrap_or(last));
        }
        let wanted = self.more_flows();
        self.is_enough = wanted == 0;
        let begun = self.flows;
        self.flows = self.flows.saturating_add(wanted).min(self.plan.flow_count());
        let reach = self.reach.unwrap_or(0);
        for flow in begun..self.flows {
            let hops = self.plan.first_hop..=reach;
            self.todo.extend(hops.map(|hop| self.plan.probe_at(flow, hop, 0)));
        }
        !self.todo.is_empty()
    }

    /// When a probe is given up.
    fn deadline(&self, number: usize) -> Option<Nanos> {
        let sent_at = self.probes.get(&number)?.sent?.at;
        let hop = self.plan.hop_of(number);
        let near = self.took.range(hop.saturating_add(1)..).next().map(|(_, took)| *took);
        Some(sent_at.saturating_add(self.plan.patience.wait(self.took.get(&hop).copied(), near)))
    }

    /// Gives up what has been waited for long enough, and asks again where the hop answers others. Returns when to look again.
    fn give_up(&mut self, now: Nanos) -> Option<Nanos> {
        let mut next: Option<Nanos> = None;
        for number in std::mem::take(&mut self.open) {
            let (flow, hop) = (self.plan.flow_of(number), self.plan.hop_of(number));
            let deadline = self.deadline(number).unwrap_or(now);
            let is_beyond = self.is_beyond_end(flow, hop);
            if deadline > now && !is_beyond {
                self.open.push(number);
                next = Some(next.map_or(deadline, |next| next.min(deadline)));
                continue;
            }
            if let Some(probe) = self.probes.get_mut(&number) {
                probe.is_given_up = true;
            }
            let again = number.saturating_add(1);
            let is_of_same = self.plan.flow_of(again) == flow && self.plan.hop_of(again) == hop;
            if flow > 0 && is_of_same && !is_beyond && self.took.contains_key(&hop) {
                self.todo.push_back(again);
            }
        }
        next
    }

    /// The next probe that is still of interest.
    fn next_number(&mut self) -> Option<usize> {
        while let Some(number) = self.todo.pop_front() {
            if !self.is_beyond_end(self.plan.flow_of(number), self.plan.hop_of(number)) {
                return Some(number);
            }
        }
        None
    }

    fn send(&mut self, number: usize) -> Step {
        match self.plan.probe(number) {
            Ok(built) => {
                let tag = self.sent.len();
                self.sent.push(number);
                self.open.push(number);
                self.probes.insert(number, Probe::default());
                Step::Send(Outgoing {
                    tag,
                    octets: built.octets,
                    link_type: built.link_type,
                    destination: Some(self.plan.destination),
                    interface: self.plan.interface,
                })
            }
            Err(error) => {
                self.failure.get_or_insert(error.to_string());
                Step::Done
            }
        }
    }

    fn answered(&mut self, reading: answer::Reading, came: Moment) {
        let first_open = || self.open.iter().copied().find(|open| self.plan.flow_of(*open) == reading.flow);
        let Some(number) = reading.probe.or_else(first_open) else { return };
        let (flow, hop) = (self.plan.flow_of(number), self.plan.hop_of(number));
        let Some(probe) = self.probes.get_mut(&number) else { return };
        let Some(sent) = probe.sent else { return };
        if probe.answer.is_some() {
            self.counts.duplicates = self.counts.duplicates.saturating_add(1);
            return;
        }
        let (is_late, rtt) = (probe.is_given_up, sent.until(came));
        self.counts.late = self.counts.late.saturating_add(u64::from(is_late));
        self.counts.answered = self.counts.answered.saturating_add(1);
        let answer::Reading { from, ttl, verdict, extensions, changes, .. } = reading;
        probe.answer =
            Some(Answer { from, verdict, rtt, ttl, wall: came.wall, is_late, extensions, changes });
        self.open.retain(|open| *open != number);
        self.took.entry(hop).or_insert(rtt);
        let others = self.answer(flow, hop).is_some_and(|first| first.from != from);
        if others && !self.scattering.contains(&hop) {
            self.scattering.push(hop);
            self.scattering.sort_unstable();
        }
        if verdict != Verdict::TimeExceeded {
            if let Some(end) = self.ends.get_mut(flow) {
                *end = Some(end.map_or(hop, |end| end.min(hop)));
            }
        } else if self.reach.is_some_and(|reach| hop >= reach) && hop < self.plan.last_hop {
            // Its way is longer than the first one's.
            let next = self.plan.probe_at(flow, hop.saturating_add(1), 0);
            if !self.probes.contains_key(&next) && !self.todo.contains(&next) {
                self.todo.push_back(next);
            }
        }
    }
}

impl Engine for Paths {
    fn step(&mut self, now: Nanos) -> Step {
        let look_again = self.give_up(now);
        if self.is_stopping {
            self.is_over = true;
            return Step::Done;
        }
        if self.open.len() < self.plan.in_flight {
            if now < self.next_at {
                return Step::Wait(look_again.map_or(self.next_at, |look| look.min(self.next_at)));
            }
            if let Some(number) = self.next_number() {
                return self.send(number);
            }
            if self.open.is_empty() {
                let number = if self.next_round() { self.next_number() } else { None };
                self.is_over = number.is_none();
                return number.map_or(Step::Done, |number| self.send(number));
            }
        }
        look_again.map_or(Step::Idle, Step::Wait)
    }

    fn sent(&mut self, tag: usize, at: Nanos, wall: i64, result: Result<(), SendError>) {
        self.next_at = at.saturating_add(self.plan.pause);
        let Some(probe) = self.sent.get(tag).and_then(|number| self.probes.get_mut(number)) else { return };
        match result {
            Ok(()) => {
                probe.sent = Some(Moment { at, wall });
                self.counts.sent = self.counts.sent.saturating_add(1);
            }
            Err(reason) => {
                self.failure.get_or_insert(reason.words);
                self.is_stopping = true;
            }
        }
    }

    fn stamped(&mut self, tag: usize, departure: Departure) {
        let probe = self.sent.get(tag).and_then(|number| self.probes.get_mut(number));
        if let Some(probe) = probe.filter(|probe| probe.sent.is_some()) {
            probe.sent = Some(Moment { at: departure.at, wall: departure.wall });
        }
    }

    fn received(&mut self, packet: Incoming<'_>) {
        if packet.outgoing {
            return;
        }
        if let Some(reading) = answer::read(&self.plan, packet.octets, packet.link_type) {
            self.answered(reading, Moment { at: packet.at, wall: packet.wall });
        }
    }

    fn stop(&mut self, _now: Nanos) {
        self.is_stopping = true;
    }
}

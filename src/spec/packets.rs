//! The packets of a spec, one after the other.

use super::generator::Numbers;
use super::generator::Slot;
use super::random::Random;
use super::{Crafted, Spec};

/// A variable that holds a generator: all packets that use it step through its values together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shared {
    /// How many values it has; 1 for draws.
    pub(super) count: u64,
    /// Whether it is drawn anew for each round.
    pub(super) is_draw: bool,
}

impl Shared {
    pub(super) fn of(slot: &Slot) -> Self {
        Self { count: slot.count(), is_draw: matches!(slot.numbers, Numbers::Draw(_)) }
    }
}

/// What the variables that hold generators are in one round.
#[derive(Debug, Clone, Default)]
pub struct Round {
    /// For each the place in its sweep, and the seed of its draw.
    pub(super) values: Vec<(u64, u64)>,
}

impl Round {
    /// The round at place `index`: the last variable runs fastest.
    pub(super) fn at(shared: &[Shared], index: u64, random: &mut Random) -> Self {
        let mut index = index;
        let mut values: Vec<(u64, u64)> = shared
            .iter()
            .rev()
            .map(|shared| {
                let place = index.checked_rem(shared.count).unwrap_or(0);
                index = index.checked_div(shared.count).unwrap_or(0);
                (place, 0)
            })
            .collect();
        values.reverse();
        for ((_, seed), shared) in values.iter_mut().zip(shared) {
            if shared.is_draw {
                *seed = random.bits();
            }
        }
        Self { values }
    }
}

/// An iterator over a spec's packets.
pub(super) struct Packets<'s> {
    spec: &'s Spec,
    random: &'s mut Random,
    /// How many there are still to be.
    left: u64,
    /// The number of the round.
    round: u64,
    now: Round,
    /// The template, and the number of its packet.
    template: usize,
    index: u64,
}

impl<'s> Packets<'s> {
    /// All packets of a spec, or `count` of them: then the last round ends early, or all begin anew.
    pub(super) fn new(spec: &'s Spec, random: &'s mut Random, count: Option<u64>) -> Self {
        let in_round = spec.templates.iter().fold(0u64, |sum, template| sum.saturating_add(template.total()));
        let rounds = spec
            .shared
            .iter()
            .fold(spec.send.repeat.unwrap_or(1), |product, shared| product.saturating_mul(shared.count));
        let left = if in_round == 0 { 0 } else { count.unwrap_or(in_round.saturating_mul(rounds)) };
        let now = Round::at(&spec.shared, 0, random);
        Self { spec, random, left, round: 0, now, template: 0, index: 0 }
    }
}

impl<'s> Iterator for Packets<'s> {
    type Item = Crafted<'s>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        loop {
            let Some(template) = self.spec.templates.get(self.template) else {
                self.round = self.round.saturating_add(1);
                self.now = Round::at(&self.spec.shared, self.round, self.random);
                self.template = 0;
                continue;
            };
            if self.index < template.total() {
                let packet = template.packet(self.index, &self.now, self.random);
                self.index = self.index.saturating_add(1);
                let seed = if template.draws_leaving() { self.random.bits() } else { 0 };
                let round = if template.then.is_empty() { Round::default() } else { self.now.clone() };
                return Some(Crafted { template, packet, seed, round });
            }
            self.template = self.template.saturating_add(1);
            self.index = 0;
        }
    }
}

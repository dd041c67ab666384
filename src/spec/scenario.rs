//! Scenarios: steps one behind the other, each of which waits, sends and looks at what comes.

use std::time::Duration;

use super::packets::Round;
use super::random::Random;
use super::template::{Expected, Template};
use super::{Crafted, Spec};
use crate::diagnostic::At;
use crate::filter::field::About;

/// A test of how a host behaves, step by step.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name, or its number among those of its spec.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// Its steps, in order.
    pub steps: Vec<ScenarioStep>,
    /// Where it stands.
    pub(super) at: At,
}

/// A step of a scenario: it waits, sends, and looks at what comes, as far as it says so.
#[derive(Debug, Clone, Default)]
pub struct ScenarioStep {
    /// Its name, by which later steps tell what it sent and what came.
    pub name: Option<String>,
    /// How long it waits before anything else.
    pub wait: Option<Duration>,
    /// What it sends.
    pub send: Option<Template>,
    /// What must come then, and what must not.
    pub expect: Vec<Expected>,
    /// Where it stands.
    pub(super) at: At,
}

/// Where the packets of a scenario are among those that are known: for each step the one that it sent and the one that came, and
/// behind those of all steps the one that came last.
pub fn sent_place(step: usize) -> usize {
    step.saturating_mul(2)
}

/// See [`sent_place`].
pub fn came_place(step: usize) -> usize {
    sent_place(step).saturating_add(1)
}

/// See [`sent_place`].
pub fn reply_place(steps: usize) -> usize {
    sent_place(steps)
}

impl Scenario {
    /// What its steps send.
    pub(super) fn templates(&self) -> impl Iterator<Item = &Template> {
        self.steps.iter().filter_map(|step| step.send.as_ref())
    }
}

impl Spec {
    /// How often each scenario is gone through: once for each value of the variables that hold generators.
    pub fn rounds(&self) -> u64 {
        self.shared.iter().fold(1, |product, shared| product.saturating_mul(shared.count))
    }

    /// What the variables that hold generators are in one of the rounds.
    pub fn round(&self, index: u64, random: &mut Random) -> Round {
        Round::at(&self.shared, index, random)
    }

    /// The packets that scenarios send whatever comes.
    pub fn packets_of_scenarios(&self, random: &mut Random) -> Vec<Crafted<'_>> {
        let round = self.round(0, random);
        let templates = self.scenarios.iter().flat_map(Scenario::templates);
        templates.filter_map(|one| one.told(&round, random, &About::default()).ok()).flatten().collect()
    }

    /// The file and the line of a scenario's step, or of the scenario.
    pub fn place_of(&self, scenario: &Scenario, step: Option<usize>) -> (String, usize) {
        let at = step.and_then(|step| scenario.steps.get(step)).map_or(&scenario.at, |step| &step.at);
        let (source, at) = self.source.locate(at);
        let before = source.text.get(..at.start).unwrap_or_default();
        let line = before.bytes().filter(|octet| *octet == b'\n').count().saturating_add(source.first_line);
        (source.name.clone(), line)
    }
}

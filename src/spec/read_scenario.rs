//! `scenario`: steps, and the names by which later ones tell what was sent and what came.

use super::mistake::{Mistake, shortened};
use super::read_told::{REPLY, SENT};
use super::reader::Reader;
use super::scenario::{Scenario, ScenarioStep, came_place, reply_place, sent_place};
use super::template::Template;
use super::tree::{Entry, Shape, Tree};
use super::variables::is_name;
use super::{read_expect, read_send};
use crate::proto::registry;

impl Reader<'_> {
    /// Reads a scenario, the one of this number in its spec.
    pub(super) fn scenario(&mut self, tree: &Tree<'_>, number: usize) -> Option<Scenario> {
        let Shape::Table(entries) = &tree.shape else {
            self.wrong_kind(tree, "a scenario", "a table with `steps`");
            return None;
        };
        let name = format!("scenario {number}");
        let mut scenario = Scenario { name, description: None, steps: Vec::new(), at: tree.at.clone() };
        let mut has_steps = false;
        for entry in entries {
            match entry.key.as_ref() {
                "name" => {
                    scenario.at = entry.key_at.clone();
                    scenario.name = self.text(&entry.value, "name").unwrap_or_default();
                }
                "description" => scenario.description = self.text(&entry.value, "description"),
                "steps" => {
                    has_steps = true;
                    scenario.steps = self.steps(&entry.value);
                }
                _ => self.unknown_key(entry, "a scenario", SCENARIO_KEYS),
            }
        }
        if !has_steps || (scenario.steps.is_empty() && self.mistakes.is_empty()) {
            self.mistake(tree.at.clone(), Mistake::Missing { name: "a scenario".to_owned(), key: "steps" });
        }
        Some(scenario)
    }

    fn steps(&mut self, tree: &Tree<'_>) -> Vec<ScenarioStep> {
        let Shape::List(list) = &tree.shape else {
            self.wrong_kind(tree, "steps", "a list of steps");
            return Vec::new();
        };
        let before = std::mem::take(&mut self.scope);
        let was_in = std::mem::replace(&mut self.in_scenario, true);
        let mut steps = Vec::with_capacity(list.len());
        for (place, tree) in list.iter().enumerate() {
            let (step, is_wrong) = self.step(tree, place);
            // What is wrong in an expectation is told once.
            let has_come = is_wrong || step.expect.iter().any(|expected| expected.is_wanted);
            if let Some(name) = &step.name {
                let mut names = vec![];
                if step.send.is_some() {
                    names.extend([
                        (name.clone(), sent_place(place)),
                        (format!("{name}.{SENT}"), sent_place(place)),
                    ]);
                }
                if has_come {
                    let alone = step.send.is_none().then(|| (name.clone(), came_place(place)));
                    names.extend(alone.into_iter().chain([(format!("{name}.{REPLY}"), came_place(place))]));
                }
                self.scope.names.extend(names);
            }
            if has_come && !self.scope.names.iter().any(|(name, _)| name == REPLY) {
                self.scope.names.push((REPLY.to_owned(), reply_place(list.len())));
            }
            steps.push(step);
        }
        (self.scope, self.in_scenario) = (before, was_in);
        steps
    }

    /// Reads a step; tells, too, whether something is wrong with what it expects.
    fn step(&mut self, tree: &Tree<'_>, place: usize) -> (ScenarioStep, bool) {
        let mut step = ScenarioStep { at: tree.at.clone(), ..ScenarioStep::default() };
        let Shape::Table(entries) = &tree.shape else {
            self.wrong_kind(tree, "a step", "a table with `send`, `expect` or `wait`");
            return (step, true);
        };
        let (mut expect, mut within, mut says) = (None, None, false);
        for entry in entries {
            says |= matches!(entry.key.as_ref(), "send" | "expect" | "wait");
            match entry.key.as_ref() {
                "name" => {
                    step.at = entry.key_at.clone();
                    step.name = self.step_name(&entry.value);
                }
                "wait" => step.wait = read_send::duration(self, &entry.value, "wait"),
                "send" => step.send = self.step_packet(entry),
                // It may tell the packet that the step sends, wherever that stands.
                "expect" => expect = Some(entry),
                "within" => within = read_send::duration(self, &entry.value, "within"),
                "description" => _ = self.text(&entry.value, "description"),
                _ => self.unknown_key(entry, "a step", STEP_KEYS),
            }
        }
        self.scope.sent |= step.send.is_some();
        let before = self.mistakes.len();
        if let Some(entry) = expect {
            let own = step.name.clone().filter(|_| step.send.is_some());
            let names = self.scope.names.len();
            // In its own expectations its name is that of what it sent.
            self.scope.names.extend(own.map(|name| (name, sent_place(place))));
            step.expect = read_expect::expect(self, &entry.value);
            self.scope.names.truncate(names);
            step.expect.iter_mut().for_each(|expected| expected.within = expected.within.or(within));
        }
        let is_wrong = self.mistakes.len() > before;
        if !says {
            self.mistake(tree.at.clone(), Mistake::EmptyStep);
        }
        (step, is_wrong)
    }

    fn step_name(&mut self, tree: &Tree<'_>) -> Option<String> {
        let name = self.text(tree, "name")?;
        let is_taken = matches!(name.as_str(), SENT | REPLY | "frame") || registry().by_name(&name).is_some();
        if !is_name(&name) || is_taken {
            self.mistake(tree.at.clone(), Mistake::StepName { name: shortened(&name), is_taken });
            return None;
        }
        if self.scope.names.iter().any(|(known, _)| known.split('.').next() == Some(&name)) {
            self.mistake(
                tree.at.clone(),
                Mistake::Twice { name: format!("the step `{}`", shortened(&name)) },
            );
            return None;
        }
        Some(name)
    }

    /// What a step sends: a packet, or its layers alone.
    fn step_packet(&mut self, entry: &Entry<'_>) -> Option<Template> {
        let tree = &entry.value;
        let template = match &tree.shape {
            Shape::List(_) => {
                let layers =
                    Entry { key: "layers".into(), key_at: entry.key_at.clone(), value: tree.clone() };
                self.packet(&Tree::new(tree.at.clone(), Shape::Table(vec![layers])))
            }
            Shape::Table(entries) => {
                let beside = entries.iter().find(|entry| BESIDE.contains(&entry.key.as_ref()));
                if let Some(entry) = beside {
                    self.unknown_key(entry, "what a step sends", SENT_KEYS);
                    return None;
                }
                self.packet(tree)
            }
            _ => {
                self.wrong_kind(tree, "send", "a list of layers, or a packet with `layers`");
                return None;
            }
        };
        Some(template)
    }
}

const SCENARIO_KEYS: &[&str] = &["name", "description", "steps"];
const STEP_KEYS: &[&str] = &["name", "description", "wait", "send", "expect", "within"];
/// What a packet has elsewhere, and a step has itself.
const BESIDE: &[&str] = &["reply", "expect", "within", "then", "name"];
const SENT_KEYS: &[&str] =
    &["layers", "trailer", "comment", "count", "repeat", "fragment", "corrupt", "fuzz"];

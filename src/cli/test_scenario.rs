//! A scenario as a test: its engine joined to sockets, and what is told of the step that was not met.

use std::error::Error;
use std::io;

use super::send_follow::leave_as;
use super::send_prepare::Prepare;
use super::test_files::Case;
use super::test_run::{Result, Running, millis, span, summary};
use super::test_wires::TestWire;
use crate::exchange::drive::packets::PacketWire;
use crate::exchange::drive::{Watcher, drive};
use crate::exchange::engine::{Engine as _, Nanos};
use crate::exchange::expect::Expectation;
use crate::exchange::scenario::{Doing, Ending, Failure, Happening, Maker, Play};
use crate::exchange::send::Ready;
use crate::filter::field::About;
use crate::show::test_report::TestVerdict;
use crate::show::text::printable;
use crate::spec::{Crafted, Random, Round, Scenario, ScenarioStep, Spec};
use crate::sys::clock::Now;
use crate::wire::frame::Direction;

/// Runs a scenario in one of its rounds.
pub(super) fn run(
    running: &mut Running<'_>,
    case: &Case<'_>,
    (spec, scenario): (&Spec, &Scenario),
    round: u64,
) -> std::result::Result<Result, Box<dyn Error>> {
    let mut plan = running.plan(spec)?;
    let TestWire { wire, resets, asker } = running.wire(&mut plan, case)?;
    let wire = &mut *wire.borrow_mut();
    let interrupt = running.interrupt;
    // Each round has its draws.
    let mut random = Random::new(plan.seed.wrapping_add(round));
    let within = plan.within;
    let maker = StepMaker {
        spec,
        scenario,
        round: spec.round(round, &mut random),
        random,
        prepare: Prepare::new(std::iter::empty(), plan, interrupt)?.with_asker(asker).with_resets(resets),
        number: 0,
    };
    let expect = |step: &ScenarioStep| {
        let expectation = |expected: &crate::spec::Expected| Expectation {
            filter: expected.filter.clone(),
            text: expected.text.clone(),
            is_wanted: expected.is_wanted,
            within: nanos(expected.within.unwrap_or(within)),
        };
        step.expect.iter().map(expectation).collect()
    };
    let doing = |step: &ScenarioStep| Doing {
        wait: nanos(step.wait.unwrap_or_default()),
        sends: step.send.is_some(),
        expect: expect(step),
    };
    let steps: Vec<Doing> = scenario.steps.iter().map(doing).collect();
    let mut play = Play::new(steps.clone(), maker);
    let mut watch = Watch { running, scenario };
    drive(&mut play, wire, interrupt, &mut watch)?;
    // What left last may not have been told yet.
    wire.finish(&mut |packet| play.received(packet))?;
    Watcher::<_, PacketWire>::watch(&mut watch, &mut play, Now::read())?;
    let unseen = wire.unseen()?;
    let mut result = match play.ending() {
        Some(Ending::Passed) => Result::of(TestVerdict::Passed, ""),
        Some(Ending::Failed(failure)) => told(spec, scenario, &steps, failure),
        Some(Ending::NotSent { step, reason }) => {
            let message = format!("{}: cannot send: {reason}", step_words(scenario, *step));
            let line = Some(spec.place_of(scenario, Some(*step)).1);
            Result { line, ..Result::of(TestVerdict::Broken, message) }
        }
        Some(Ending::Stopped) | None => Result::of(TestVerdict::Broken, "interrupted"),
    };
    if unseen > 0 && result.verdict == TestVerdict::Failed {
        result.details.push(format!("{unseen} packets passed unseen: there was no room for them"));
    }
    Ok(result)
}

/// Which step was not met, what was expected, and what came instead.
fn told(spec: &Spec, scenario: &Scenario, steps: &[Doing], failure: &Failure) -> Result {
    let words = step_words(scenario, failure.step);
    let expected = steps.get(failure.step).and_then(|doing| doing.expect.get(failure.expectation));
    let (text, within) = expected.map_or(("", 0), |expected| (expected.text.as_str(), expected.within));
    let (text, within) = (printable(text), span(within));
    let message = match &failure.broken_by {
        Some((_, after)) => {
            let after = millis(i64::try_from(*after).unwrap_or(i64::MAX));
            format!(
                "{words}: must not come within {within}: {text}; it came after {}",
                after.trim_start_matches('+')
            )
        }
        None if failure.is_taken => {
            format!(
                "{words}: expected within {within}: {text}; what came met another expectation, and a packet meets one"
            )
        }
        None => format!("{words}: expected within {within}: {text}; it did not come"),
    };
    let mut details = Vec::new();
    if let Some((seen, after)) = &failure.broken_by {
        let after = millis(i64::try_from(*after).unwrap_or(i64::MAX));
        details.push(format!("  {after:>12}  {}", summary(seen)));
    } else if failure.came.is_empty() && failure.is_taken {
        details.push("nothing else came that has to do with what was sent".to_owned());
    } else if failure.came.is_empty() {
        details.push("nothing came that has to do with what was sent".to_owned());
    } else {
        details.push("what came instead:".to_owned());
        details.extend(
            failure.came.iter().map(|(at, seen)| format!("  {:>12}  {}", millis(*at), summary(seen))),
        );
    }
    if failure.others > 0 {
        details.push(match failure.came.is_empty() {
            true => format!("and packets of something else: {}", failure.others),
            false => format!("and {} more", failure.others),
        });
    }
    let line = Some(spec.place_of(scenario, Some(failure.step)).1);
    Result { line, details, ..Result::of(TestVerdict::Failed, message) }
}

fn step_words(scenario: &Scenario, step: usize) -> String {
    let name = scenario.steps.get(step).and_then(|step| step.name.as_ref());
    let number = step.saturating_add(1);
    name.map_or_else(|| format!("step {number}"), |name| format!("step {number} `{name}`"))
}

fn nanos(duration: std::time::Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}

/// Makes what steps send.
struct StepMaker<'a> {
    spec: &'a Spec,
    scenario: &'a Scenario,
    round: Round,
    random: Random,
    prepare: Prepare<'a, std::iter::Empty<(&'a Spec, Crafted<'a>)>>,
    number: u64,
}

impl Maker for StepMaker<'_> {
    fn make(&mut self, step: usize, about: &About<'_>) -> std::result::Result<Vec<Ready>, String> {
        let step = self.scenario.steps.get(step).and_then(|step| step.send.as_ref());
        let Some(template) = step else { return Ok(Vec::new()) };
        let crafted =
            template.told(&self.round, &mut self.random, about).map_err(|untold| untold.to_string())?;
        let mut all = Vec::new();
        for mut crafted in crafted {
            if let Some(sent) = &about.sent {
                leave_as(&mut crafted.packet, sent);
            }
            self.number = self.number.saturating_add(1);
            all.extend(self.prepare.packet(self.number, self.spec, crafted)?);
        }
        Ok(all)
    }
}

/// Saves what happens.
struct Watch<'w, 'a> {
    running: &'w mut Running<'a>,
    scenario: &'w Scenario,
}

impl<M: Maker> Watcher<Play<M>, PacketWire> for Watch<'_, '_> {
    fn watch(&mut self, engine: &mut Play<M>, _now: Now) -> io::Result<()> {
        for happening in engine.take_happenings() {
            let (Happening::Sent { step, .. } | Happening::Came { step, .. }) = &happening;
            let words = step_words(self.scenario, *step);
            match &happening {
                Happening::Sent { seen, .. } => {
                    self.running.packet(seen, Direction::Outbound, &format!("{words}: sent"));
                }
                Happening::Came { seen, taken, .. } => {
                    let what = if taken.is_some() { "expected" } else { "came" };
                    self.running.packet(seen, Direction::Inbound, &format!("{words}: {what}"));
                }
            }
        }
        Ok(())
    }
}

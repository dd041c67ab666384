//! Specs in a hostile network: whatever comes whenever, a scenario ends, and its end is what its expectations came to; what is expected
//! of packets is judged once each; and packets follow an answer once.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use rawsock::exchange::engine::{Engine, Incoming, MILLISECOND, Nanos, SECOND, SendError, Step};
use rawsock::exchange::expect::Expectation;
use rawsock::exchange::scenario::{Doing, Ending, Failure, Happening, Maker, Play};
use rawsock::exchange::send::{Event, Pace, Ready, Seen, Sender};
use rawsock::filter::field::About;
use rawsock::packet::check::Dissected;
use rawsock::packet::dissect::dissect;
use rawsock::spec::{Crafted, Expected, Random, Round, Scenario, Source, Spec, Syntax, Template, read};
use rawsock::wire::frame::LinkType;
use rawsock::wire::layers::LayerTable;

use super::network::answer;
use super::script::Script;

/// Packets of one template, and of one run: more are no other case.
const MOST: u64 = 16;

/// Holds it. The text of a spec ends with its first zero; behind that stands what happens.
pub fn check(input: &[u8]) {
    let mut parts = input.splitn(2, |octet| *octet == 0);
    let (text, script) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(text) = std::str::from_utf8(text) else { return };
    let no_files = |_: &str| Err(io::Error::other("there are no files"));
    // What is wrong with a text is the matter of the law of specs.
    let Ok(spec) = read(&Source::new("fuzz", text), Syntax::of(text), &no_files) else { return };
    if spec.all_templates().iter().any(|template| template.total() > MOST) {
        return;
    }
    let mut script = Script(script);
    if spec.scenarios.is_empty() {
        return sending(&spec, script);
    }
    let which = usize::from(script.octet().unwrap_or(0)) % spec.scenarios.len();
    playing(&spec, &spec.scenarios[which], script);
}

fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}

fn expectations(expected: &[Expected]) -> Vec<Expectation> {
    let expectation = |expected: &Expected| Expectation {
        filter: expected.filter.clone(),
        text: expected.text.clone(),
        is_wanted: expected.is_wanted,
        within: expected.within.map_or(SECOND, nanos),
    };
    expected.iter().map(expectation).collect()
}

/// What leaves for a packet; the part that is answered has the mark.
fn ready(spec: &Spec, crafted: Crafted<'_>, mark: Option<usize>) -> Result<Vec<Ready>, String> {
    let template = crafted.template;
    let leaving = spec.leaving(crafted).map_err(|error| error.render(false))?;
    let ready = leaving.into_iter().map(|leaving| Ready {
        whole: leaving.whole,
        is_later: leaving.is_later,
        reply: template.reply.clone().filter(|_| !leaving.is_later),
        expect: if leaving.is_later { Vec::new() } else { expectations(&template.expect) },
        then: mark.filter(|_| !leaving.is_later),
        ..Ready::of(leaving.built, template.within.map_or(SECOND, nanos))
    });
    Ok(ready.collect())
}

/// Something that comes, for engines that are told of what they sent.
struct Cable {
    sent: Vec<Vec<u8>>,
    /// When something left last.
    sent_at: u64,
    link_type: LinkType,
    now: u64,
}

impl Cable {
    fn new() -> Self {
        Self { sent: Vec::new(), sent_at: 0, link_type: LinkType::RAW, now: SECOND }
    }

    /// Lets an engine do what it wants to; `None` when it is over, or until when it waits.
    fn step(&mut self, engine: &mut impl Engine, what: u8) -> Option<u64> {
        match engine.step(self.now) {
            Step::Send(outgoing) => {
                let result = match what >> 6 {
                    3 => Err(SendError::of("the interface is down")),
                    _ => Ok(()),
                };
                self.link_type = outgoing.link_type;
                let (octets, now) = (outgoing.octets, self.now);
                engine.sent(outgoing.tag, now, 0, result);
                self.sent_at = now;
                if what & 0x20 != 0 {
                    self.deliver(engine, &octets, true);
                }
                self.sent.push(octets);
                Some(now)
            }
            Step::Wait(until) => {
                assert!(until >= self.now, "waiting for what is over");
                Some(until)
            }
            Step::Idle => panic!("it waits without end"),
            Step::Done => None,
        }
    }

    fn receive(&mut self, engine: &mut impl Engine, what: u8, script: &mut Script<'_>) {
        let octets = answer(script, &self.sent);
        self.deliver(engine, &octets, what & 0x80 != 0);
    }

    fn deliver(&self, engine: &mut impl Engine, octets: &[u8], outgoing: bool) {
        let link_type = self.link_type;
        engine.received(Incoming { link_type, outgoing, ..Incoming::of_ip(octets, self.now, 9) });
    }
}

/// Makes what the steps of a scenario send.
struct Steps<'s> {
    spec: &'s Spec,
    scenario: &'s Scenario,
    round: Round,
    random: Random,
}

impl Maker for Steps<'_> {
    fn make(&mut self, step: usize, about: &About<'_>) -> Result<Vec<Ready>, String> {
        let Some(template) = self.scenario.steps[step].send.as_ref() else { return Ok(Vec::new()) };
        let crafted =
            template.told(&self.round, &mut self.random, about).map_err(|untold| untold.to_string())?;
        let ready = crafted.into_iter().map(|crafted| ready(self.spec, crafted, None));
        ready.collect::<Result<Vec<_>, _>>().map(|ready| ready.into_iter().flatten().collect())
    }
}

fn playing(spec: &Spec, scenario: &Scenario, mut script: Script<'_>) {
    let doing = |step: &rawsock::spec::ScenarioStep| Doing {
        wait: step.wait.map_or(0, nanos),
        sends: step.send.is_some(),
        expect: expectations(&step.expect),
    };
    let steps: Vec<Doing> = scenario.steps.iter().map(doing).collect();
    let mut random = Random::new(1);
    let round = spec.round(0, &mut random);
    let mut play = Play::new(steps.clone(), Steps { spec, scenario, round, random });
    let (mut cable, mut taken) = (Cable::new(), BTreeSet::new());
    while let Some(what) = script.octet() {
        match what % 4 {
            0 => cable.now += u64::from(script.number()) * MILLISECOND / 8,
            1 => drop(cable.step(&mut play, what)),
            _ => cable.receive(&mut play, what, &mut script),
        }
        note(&mut play, &steps, &cable, &mut taken);
    }
    let expected: usize = steps.iter().map(|step| step.expect.len()).sum();
    let most = steps.len() * (4 + 64 * MOST as usize) + expected;
    for _ in 0..most {
        let Some(until) = cable.step(&mut play, 0) else { break };
        cable.now = until;
        note(&mut play, &steps, &cable, &mut taken);
    }
    note(&mut play, &steps, &cable, &mut taken);
    let ending = play.ending().expect("it ends").clone();
    is_so(&ending, &steps, &taken);
    // What comes behind the end changes nothing.
    cable.receive(&mut play, 0, &mut Script(&[1, 0, 0]));
    note(&mut play, &steps, &cable, &mut taken);
    assert_eq!((play.step(cable.now), play.ending()), (Step::Done, Some(&ending)));
}

/// Notes which expectations of which steps took a packet: each of them one, in its time.
fn note(play: &mut Play<Steps<'_>>, steps: &[Doing], cable: &Cable, taken: &mut BTreeSet<(usize, usize)>) {
    for happening in play.take_happenings() {
        let (Happening::Sent { step, .. } | Happening::Came { step, .. }) = &happening;
        assert!(*step < steps.len() && *step <= play.step_number());
        if let Happening::Came { step, taken: Some(number), .. } = happening {
            assert!(number < steps[step].expect.len());
            assert!(taken.insert((step, number)), "step {step} took two packets for {number}");
            // A step that sends begins when its last packet left.
            let after = if steps[step].sends { cable.now - cable.sent_at } else { 0 };
            assert!(after <= steps[step].expect[number].within, "step {step} took {number} after {after} ns");
        }
    }
}

/// That a scenario ended as what came has it.
fn is_so(ending: &Ending, steps: &[Doing], taken: &BTreeSet<(usize, usize)>) {
    let met = |step: usize| {
        let mut all = steps[step].expect.iter().enumerate();
        // What came before a step that sends nothing was told before it was taken.
        let may_be_early = |one: &Expectation| one.is_wanted && !steps[step].sends;
        all.all(|(number, one)| one.is_wanted == taken.contains(&(step, number)) || may_be_early(one))
    };
    match ending {
        Ending::Passed => assert!((0..steps.len()).all(met), "{taken:?}"),
        Ending::Failed(Failure { step, expectation, broken_by, came, .. }) => {
            assert!((0..*step).all(met), "{taken:?}");
            assert!(came.len() <= 10);
            let one = &steps[*step].expect[*expectation];
            assert_eq!(broken_by.is_none(), one.is_wanted);
            assert!(!one.is_wanted || !taken.contains(&(*step, *expectation)), "{taken:?}");
            assert!(broken_by.as_ref().is_none_or(|(_, after)| *after <= one.within));
        }
        Ending::NotSent { step, reason } => assert!((0..*step).all(met) && !reason.is_empty()),
        Ending::Stopped => panic!("nobody stopped it"),
    }
}

/// A packet that others follow, with what its variables are.
type Mark<'s> = (&'s Template, Round);

fn sending(spec: &Spec, mut script: Script<'_>) {
    let (mut draws, mut random, mut marks) = (Random::new(1), Random::new(2), Vec::new());
    let crafted: Vec<Crafted<'_>> = spec.packets(&mut draws, None).take(MOST as usize).collect();
    let packets: Vec<Result<Ready, String>> =
        crafted.into_iter().flat_map(|crafted| marked(spec, crafted, &mut marks)).collect();
    let mut sender = Sender::new(packets.into_iter(), Pace { interval: MILLISECOND, ..Pace::default() });
    let (mut cable, mut told) = (Cable::new(), Told::default());
    while let Some(what) = script.octet() {
        match what % 4 {
            0 if what == 0xfc => sender.stop(cable.now),
            0 => cable.now += u64::from(script.number()) * MILLISECOND / 8,
            1 => drop(cable.step(&mut sender, what)),
            _ => cable.receive(&mut sender, what, &mut script),
        }
        told.take(&mut sender, spec, &mut random, &mut marks);
    }
    let is_over = (0..10_000).any(|_| match cable.step(&mut sender, 0) {
        Some(until) => {
            cable.now = until;
            told.take(&mut sender, spec, &mut random, &mut marks);
            false
        }
        None => true,
    });
    assert!(is_over, "it does not end");
    told.take(&mut sender, spec, &mut random, &mut marks);
    let totals = sender.totals();
    assert!(totals.answered <= totals.sent && totals.fulfilled <= totals.expected, "{totals:?}");
    assert_eq!((told.judged, told.good, told.failed), (totals.expected, totals.fulfilled, totals.failed));
    assert!(told.sent == totals.sent && told.followed.len() <= marks.len());
}

fn marked<'s>(spec: &'s Spec, crafted: Crafted<'s>, marks: &mut Vec<Mark<'s>>) -> Vec<Result<Ready, String>> {
    let mark = (!crafted.template.then.is_empty()).then_some(marks.len());
    marks.extend(mark.map(|_| (crafted.template, crafted.round().clone())));
    match ready(spec, crafted, mark) {
        Ok(ready) => ready.into_iter().map(Ok).collect(),
        Err(reason) => vec![Err(reason)],
    }
}

/// What an engine told.
#[derive(Default)]
struct Told {
    sent: usize,
    failed: usize,
    judged: usize,
    good: usize,
    followed: BTreeSet<usize>,
}

impl Told {
    fn take<'s, I: Iterator<Item = Result<Ready, String>>>(
        &mut self,
        sender: &mut Sender<I>,
        spec: &'s Spec,
        random: &mut Random,
        marks: &mut Vec<Mark<'s>>,
    ) {
        for event in sender.take_events() {
            match event {
                Event::Sent { .. } => self.sent += 1,
                Event::Failed { .. } => self.failed += 1,
                Event::Judged(judged) => {
                    self.judged += 1;
                    self.good += usize::from(judged.verdict.is_good());
                }
                Event::Followed { mark, sent, seen, .. } => {
                    assert!(self.followed.insert(mark), "{mark} is followed twice");
                    for ready in following(spec, marks[mark].clone(), &sent, &seen, random, marks) {
                        sender.follow(ready);
                    }
                }
                Event::Left { .. } | Event::Answer { .. } => {}
            }
        }
    }
}

/// The packets that follow an answer.
fn following<'s>(
    spec: &'s Spec,
    (template, round): Mark<'s>,
    sent: &(Vec<u8>, LinkType),
    seen: &Seen,
    random: &mut Random,
    marks: &mut Vec<Mark<'s>>,
) -> Vec<Result<Ready, String>> {
    let (mut asked, mut came) = (LayerTable::default(), LayerTable::default());
    dissect(&sent.0, sent.1, &mut asked);
    dissect(&seen.octets, seen.link_type, &mut came);
    let asked = Dissected { octets: &sent.0, table: &asked, wire_len: sent.0.len() };
    let known = [Some(Dissected { octets: &seen.octets, table: &came, wire_len: seen.len })];
    let about = About { sent: Some(asked), known: &known, ..About::default() };
    let mut all = Vec::new();
    for template in &template.then {
        match template.told(&round, random, &about) {
            Ok(crafted) => all.extend(crafted.into_iter().flat_map(|crafted| marked(spec, crafted, marks))),
            Err(untold) => all.push(Err(untold.to_string())),
        }
    }
    all
}

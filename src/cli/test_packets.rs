//! A spec's packets as a test: sent as `send` sends them, and what became of what they expect.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::rc::Rc;

use super::send_follow::{Follower, Marks};
use super::send_prepare::Prepare;
use super::test_files::Case;
use super::test_run::{Result, Running, millis, summary};
use super::test_wires::TestWire;
use crate::exchange::drive::packets::PacketWire;
use crate::exchange::drive::{Watcher, drive};
use crate::exchange::engine::Engine as _;
use crate::exchange::expect::{Judged, Verdict};
use crate::exchange::send::{Event, Pace, Ready, Sender};
use crate::show::test_report::TestVerdict;
use crate::show::text::printable;
use crate::spec::{Random, Spec};
use crate::sys::clock::Now;
use crate::wire::frame::Direction;

/// Runs a spec.
pub(super) fn run(
    running: &mut Running<'_>,
    case: &Case<'_>,
    spec: &Spec,
) -> std::result::Result<Result, Box<dyn Error>> {
    let mut plan = running.plan(spec)?;
    let TestWire { wire, resets, asker } = running.wire(&mut plan, case)?;
    let wire = &mut *wire.borrow_mut();
    let interrupt = running.interrupt;
    let mut random = Random::new(plan.seed);
    let (marks, interval) = (Marks::default(), spec.send.interval.unwrap_or_default());
    let follower =
        Follower::new(Rc::clone(&marks), plan.clone(), interrupt, resets.clone())?.with_asker(asker.clone());
    let packets = spec.packets(&mut random, spec.send.count).map(|crafted| (spec, crafted));
    let prepare =
        Prepare::new(packets, plan, interrupt)?.with_marks(marks).with_resets(resets).with_asker(asker);
    let interval = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
    let mut sender = Sender::new(prepare, Pace { interval, ..Pace::default() });
    let mut watch =
        Watch { running, follower, wrong: Vec::new(), not_sent: Vec::new(), came: BTreeMap::new() };
    drive(&mut sender, wire, interrupt, &mut watch)?;
    // What left last may not have been told yet.
    wire.finish(&mut |packet| sender.received(packet))?;
    Watcher::<_, PacketWire>::watch(&mut watch, &mut sender, Now::read())?;
    let totals = sender.totals();
    let Watch { wrong, not_sent, .. } = watch;
    let all = totals.expected;
    if let Some(first) = not_sent.first() {
        return Ok(Result { details: not_sent.clone(), ..Result::of(TestVerdict::Broken, first.clone()) });
    }
    if interrupt.came() {
        return Ok(Result::of(TestVerdict::Broken, "interrupted"));
    }
    // What follows an answer that did not come expects nothing any more, and what did not come is told.
    if totals.fulfilled == all {
        return Ok(Result::of(TestVerdict::Passed, ""));
    }
    let message = format!("{} of {all} expectations fulfilled", totals.fulfilled);
    Ok(Result { details: wrong, ..Result::of(TestVerdict::Failed, message) })
}

/// Keeps what came out otherwise, and saves what was sent and what came.
struct Watch<'w, 'a, 's> {
    running: &'w mut Running<'a>,
    follower: Follower<'s>,
    wrong: Vec<String>,
    not_sent: Vec<String>,
    /// What answered each packet, in lines.
    came: BTreeMap<usize, Vec<String>>,
}

impl Watch<'_, '_, '_> {
    fn judged(&mut self, judged: &Judged) {
        let Judged { number, verdict, text, is_wanted, after } = judged;
        if verdict.is_good() {
            return;
        }
        let what = match verdict {
            Verdict::Broken => format!("came after {}", millis_of(*after)),
            Verdict::Missed => format!("did not come within {}", millis_of(*after)),
            _ => "is not known".to_owned(),
        };
        let none = if *is_wanted { "" } else { "none of " };
        self.wrong.push(format!("packet {}: {none}{}: {what}", number.saturating_add(1), printable(text)));
        self.wrong.extend(self.came.get(number).into_iter().flatten().cloned());
    }
}

fn millis_of(nanos: u64) -> String {
    millis(i64::try_from(nanos).unwrap_or(i64::MAX)).trim_start_matches('+').to_owned()
}

/// Answers that are told of one packet.
const MOST_TOLD: usize = 10;

impl<I: Iterator<Item = std::result::Result<Ready, String>>> Watcher<Sender<I>, PacketWire>
    for Watch<'_, '_, '_>
{
    fn watch(&mut self, engine: &mut Sender<I>, _now: Now) -> io::Result<()> {
        for event in engine.take_events() {
            let number = event.number().saturating_add(1);
            match &event {
                Event::Followed { mark, sent, seen, .. } => {
                    for ready in self.follower.after(*mark, sent, seen) {
                        engine.follow(ready);
                    }
                }
                Event::Left { seen, .. } => {
                    self.running.packet(seen, Direction::Outbound, &format!("packet {number}: sent"));
                }
                Event::Answer { rtt, seen, .. } => {
                    self.running.packet(seen, Direction::Inbound, &format!("packet {number}: came"));
                    let line = format!(
                        "  {:>12}  {}",
                        millis(i64::try_from(*rtt).unwrap_or(i64::MAX)),
                        summary(seen)
                    );
                    let lines = self.came.entry(event.number()).or_default();
                    lines.extend((lines.len() < MOST_TOLD).then_some(line));
                }
                Event::Failed { reason, .. } => {
                    self.not_sent.push(format!("packet {number}: cannot send: {reason}"))
                }
                Event::Judged(judged) => self.judged(judged),
                Event::Sent { .. } => {}
            }
        }
        Ok(())
    }
}

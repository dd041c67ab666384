//! `rawsock probe --bisect`: which option or field of a SYN a filter looks at.

use std::collections::VecDeque;
use std::time::Duration;

use super::CommandResult;
use super::probe::ProbeArgs;
use super::probe_each::{Told, ask, each};
use super::probe_session::{Session, nanos};
use super::probe_target::Target;
use crate::exchange::engine::MILLISECOND;
use crate::exchange::probe::bisect::{Bisect, Found, TRIES};
use crate::exchange::probe::compare::Class;
use crate::exchange::probe::{EndPoint, ProbePlan, Shape, Way};
use crate::show::{probe_compare, probe_json};

/// Searches for each end point in turn.
///
/// # Errors
/// When a right is missing, or the system cannot wait.
pub(super) fn run(args: &ProbeArgs, targets: VecDeque<Target>, session: Session) -> CommandResult {
    let other = session.shape.clone().unwrap_or(Shape::Minimal);
    each(targets, session, &mut |session, end_point| {
        let (bisect, packets) = one(args, session, end_point, &other)?;
        let Some(found) = bisect.found() else { return Ok(None) };
        let words = |is_verbose| {
            probe_compare::bisect(end_point, found, bisect.tried(), (packets, tries(args)), is_verbose)
        };
        let printed = if args.json {
            probe_json::bisect(end_point, found, bisect.tried(), packets) + "\n"
        } else {
            words(args.verbose)
        };
        let is_good = matches!(found, Found::Single { .. } | Found::Together { .. });
        Ok(Some(Told { printed, verdict: words(true), is_good }))
    })
}

/// How often each shape is asked.
fn tries(args: &ProbeArgs) -> u64 {
    args.count.unwrap_or(TRIES)
}

/// Searches at one end point; the number of SYNs that it took.
fn one(
    args: &ProbeArgs,
    session: &mut Session,
    end_point: &EndPoint,
    other: &Shape,
) -> Result<(Bisect, usize), Box<dyn std::error::Error>> {
    let target = end_point.address;
    let Some(raw) = &mut session.sockets.raw else { return Err("no raw sockets are open".into()) };
    let kernel = raw.kernel_syn(target)?;
    let other = other.of(kernel.clone())?;
    let mut bisect = Bisect::new(kernel, other);
    let mut packets = 0usize;
    loop {
        let trials = bisect.trials();
        let names: Vec<String> = trials.iter().map(|trial| trial.shape.name.clone()).collect();
        let shapes: Vec<Shape> =
            trials.iter().map(|trial| Shape::Fixed(Box::new(trial.shape.clone()))).collect();
        if shapes.is_empty() || session.interrupt.came() {
            return Ok((bisect, packets));
        }
        let mut outcomes = vec![Vec::new(); shapes.len()];
        let plan = ProbePlan {
            ways: (0..shapes.len()).map(Way::Syn).collect(),
            timeout: nanos(args.timeout.unwrap_or(Duration::from_secs(1))),
            interval: nanos(args.interval.unwrap_or(Duration::from_millis(100))),
            gap: 5 * MILLISECOND,
            count: tries(args),
            at_once: 1000,
        };
        session.sockets.shapes = shapes;
        let number_of = |way: Way| if let Way::Syn(number) = way { number } else { usize::MAX };
        let name_of =
            |way: Way| format!("SYN, {}", names.get(number_of(way)).map_or("of no shape", String::as_str));
        let asked = ask(session, end_point, plan, &name_of, &mut |probe| {
            if let Some(outcomes) = outcomes.get_mut(number_of(probe.question.way)) {
                outcomes.push(probe.outcome.clone());
            }
        })?;
        packets = packets.saturating_add(asked);
        if session.interrupt.came() {
            return Ok((bisect, packets));
        }
        let classes: Vec<Class> = outcomes.iter().map(Class::of_all).collect();
        bisect.told(&classes);
    }
}

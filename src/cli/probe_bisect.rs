//! `rawsock probe --bisect`: which option or field of a SYN a filter looks at.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::probe::ProbeArgs;
use super::probe_session::{Session, nanos, shape};
use super::probe_target::{Target, resolve_all};
use super::{CommandResult, Outcome};
use crate::exchange::drive::probe::{ProbeWatcher, probe};
use crate::exchange::engine::MILLISECOND;
use crate::exchange::probe::bisect::{Bisect, Found, TRIES};
use crate::exchange::probe::compare::Class;
use crate::exchange::probe::{self, EndPoint, Finished, ProbePlan, Prober, Shape, Way};
use crate::show::{probe_compare, probe_json};

/// Searches for each end point in turn.
///
/// # Errors
/// When a right is missing, or the system cannot wait.
pub(super) fn run(args: &ProbeArgs, targets: VecDeque<Target>, mut session: Session) -> CommandResult {
    let other = args.syn.as_deref().map_or(Ok(Shape::Minimal), shape)?;
    let (end_points, failed) = resolve_all(targets, session.wanted, &session.interrupt)?;
    let mut are_named = !end_points.is_empty();
    let mut printed = Ok(());
    for end_point in &end_points {
        if session.interrupt.came() || printed.is_err() {
            break;
        }
        let (bisect, packets) = one(args, &mut session, end_point, &other)?;
        let Some(found) = bisect.found() else {
            are_named = false;
            continue;
        };
        are_named &= matches!(found, Found::Single { .. } | Found::Together { .. });
        let text = if args.json {
            probe_json::bisect(end_point, found, bisect.tried(), packets) + "\n"
        } else {
            probe_compare::bisect(end_point, found, bisect.tried(), (packets, tries(args)), args.verbose)
        };
        let mut out = anstream::stdout().lock();
        printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
    session.tell_guess();
    session.finish()?;
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    Ok(match (failed, are_named) {
        (true, _) => Outcome::Failed,
        (false, true) => Outcome::Done,
        (false, false) => Outcome::NoAnswer,
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
    raw.check(crate::sys::ip_socket::Family::of(target.ip()))?;
    let kernel = raw.kernel_syn(target)?;
    let other = other.of(kernel.clone())?;
    let mut bisect = Bisect::new(kernel, other);
    let mut packets = 0usize;
    loop {
        let shapes: Vec<Shape> =
            bisect.trials().iter().map(|trial| Shape::Fixed(Box::new(trial.shape.clone()))).collect();
        if shapes.is_empty() || session.interrupt.came() {
            return Ok((bisect, packets));
        }
        let ways: Vec<Way> = (0..shapes.len()).map(Way::Syn).collect();
        let mut outcomes = vec![Vec::new(); shapes.len()];
        session.sockets.shapes = shapes;
        let mut prober = Prober::new(ProbePlan {
            ways,
            timeout: nanos(args.timeout.unwrap_or(Duration::from_secs(1))),
            interval: nanos(args.interval.unwrap_or(Duration::from_millis(100))),
            gap: 5 * MILLISECOND,
            count: tries(args),
            at_once: 1000,
        })
        .numbered_from(session.next_id);
        let mut watcher = Collecting { end_point: Some(end_point.clone()), outcomes: &mut outcomes };
        probe(&mut prober, &mut session.sockets, &session.interrupt, &mut watcher)?;
        session.next_id = prober.next_id();
        packets = packets.saturating_add(prober.asked_count());
        if session.interrupt.came() {
            return Ok((bisect, packets));
        }
        let classes: Vec<Class> = outcomes.iter().map(Class::of_all).collect();
        bisect.told(&classes);
    }
}

/// Collects what ends, by shape.
struct Collecting<'o> {
    end_point: Option<EndPoint>,
    outcomes: &'o mut Vec<Vec<probe::Outcome>>,
}

impl ProbeWatcher for Collecting<'_> {
    fn known(&mut self) -> (Vec<EndPoint>, bool) {
        (self.end_point.take().into_iter().collect(), true)
    }

    fn wake_up(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn finished(&mut self, _end_point: &EndPoint, probe: &Finished) -> io::Result<()> {
        if let Way::Syn(number) = probe.question.way
            && let Some(outcomes) = self.outcomes.get_mut(number)
        {
            outcomes.push(probe.outcome.clone());
        }
        Ok(())
    }
}

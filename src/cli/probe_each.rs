//! End points one after the other, each asked in several ways: what comparing and searching have in common.

use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::os::fd::BorrowedFd;

use super::output::say;
use super::probe_evidence::File;
use super::probe_session::{Session, check_target};
use super::probe_target::{Target, resolve_all};
use super::probe_trouble::Troubles;
use super::{CommandResult, Outcome};
use crate::exchange::drive::probe::{ProbeWatcher, probe};
use crate::exchange::probe::{EndPoint, Finished, ProbePlan, Prober, Way};

/// What an end point came to.
pub(super) struct Told {
    /// For whoever called it: lines, or a JSON object and the end of its line.
    pub(super) printed: String,
    /// For whoever opens the file of packets.
    pub(super) verdict: String,
    /// It is as it should be.
    pub(super) is_good: bool,
}

/// What one came to; nothing where it was interrupted.
type Come = Result<Option<Told>, Box<dyn Error>>;

/// Asks each end point; `tell` says what one came to, and nothing where it was interrupted.
///
/// # Errors
/// When a right is missing, or the system cannot wait.
pub(super) fn each(
    targets: VecDeque<Target>,
    mut session: Session,
    tell: &mut dyn FnMut(&mut Session, &EndPoint) -> Come,
) -> CommandResult {
    let (end_points, failed) = resolve_all(targets, session.wanted, &session.interrupt)?;
    let mut are_good = !end_points.is_empty();
    let mut printed = Ok(());
    for EndPoint { host, address } in &end_points {
        check_target(session.shape.as_ref(), host, Some(address.ip()), &[address.port()])?;
    }
    for end_point in &end_points {
        if session.interrupt.came() || printed.is_err() {
            break;
        }
        let Some(told) = tell(&mut session, end_point)? else {
            are_good = false;
            continue;
        };
        are_good &= told.is_good;
        session.sockets.settle()?;
        session.file.conclude(&told.verdict);
        printed = say(&told.printed);
    }
    session.tell_guess();
    session.finish()?;
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    Ok(match (failed, are_good) {
        (true, _) => Outcome::Failed,
        (false, true) => Outcome::Done,
        (false, false) => Outcome::NoAnswer,
    })
}

/// Asks one end point by a plan; `note` is told each probe that ends. Returns how many were asked.
///
/// # Errors
/// When the system cannot wait.
pub(super) fn ask(
    session: &mut Session,
    end_point: &EndPoint,
    plan: ProbePlan,
    name_of: &dyn Fn(Way) -> String,
    note: &mut dyn FnMut(&Finished),
) -> io::Result<usize> {
    let mut prober = Prober::new(plan).numbered_from(session.next_id);
    let (file, troubles) = (session.file.clone(), Troubles::default());
    let mut watcher = Alone { end_point: Some(end_point.clone()), file, troubles, name_of, note };
    probe(&mut prober, &mut session.sockets, &session.interrupt, &mut watcher)?;
    watcher.troubles.tell_sum();
    session.next_id = prober.next_id();
    Ok(prober.asked_count())
}

/// One end point, and whoever is told.
struct Alone<'a> {
    end_point: Option<EndPoint>,
    file: File,
    troubles: Troubles,
    name_of: &'a dyn Fn(Way) -> String,
    note: &'a mut dyn FnMut(&Finished),
}

impl ProbeWatcher for Alone<'_> {
    fn known(&mut self) -> (Vec<EndPoint>, bool) {
        (self.end_point.take().into_iter().collect(), true)
    }

    fn wake_up(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn finished(&mut self, end_point: &EndPoint, probe: &Finished) -> io::Result<()> {
        self.file.remark(&(self.name_of)(probe.question.way), probe);
        if let Some(words) = self.troubles.note(end_point, probe) {
            anstream::eprintln!("rawsock: {words}");
        }
        (self.note)(probe);
        Ok(())
    }
}

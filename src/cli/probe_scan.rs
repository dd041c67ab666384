//! `rawsock probe` of ports in one way, each by itself.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use super::output::of_stdout;
use super::probe::{Kind, ProbeArgs};
use super::probe_compare::plain_name;
use super::probe_evidence::File;
use super::probe_session::{Session, at_once, check_target, nanos};
use super::probe_target::Target;
use super::probe_trouble::Troubles;
use super::resolve::Resolver;
use super::{CommandResult, Outcome};
use crate::exchange::drive::probe::{ProbeWatcher, probe};
use crate::exchange::probe::{EndPoint, Finished, ProbePlan, Prober, Shape, Strays, Verdict, Way};
use crate::show::json_object::JsonObject;
use crate::show::{probe as lines, probe_json};
use crate::sys::error::SysError;

/// Asks all of them.
///
/// # Errors
/// When a right is missing, or the system cannot wait.
pub(super) fn run(args: &ProbeArgs, targets: VecDeque<Target>, mut session: Session) -> CommandResult {
    let way = match (args.transport, args.raw) {
        (Kind::Tcp, false) => Way::Connect,
        (Kind::Tcp, true) => Way::Syn(0),
        (Kind::Udp, false) => Way::Datagram,
        (Kind::Udp, true) => Way::RawDatagram,
    };
    let mut name = None;
    if way == Way::Syn(0) {
        let wanted = session.shape.clone().unwrap_or(Shape::Kernel);
        name = Some(wanted.name().to_owned());
        session.sockets.shapes = vec![wanted];
    }
    let mut prober = Prober::new(ProbePlan {
        ways: vec![way],
        timeout: nanos(args.timeout.unwrap_or(Duration::from_secs(2))),
        interval: nanos(args.interval.unwrap_or(Duration::from_secs(1))),
        gap: 0,
        count: args.count.unwrap_or(1),
        at_once: at_once(args),
    });
    let hosts = targets.iter().map(|target| target.host.clone()).collect();
    let resolver = Resolver::start(hosts, session.wanted)?;
    let out = io::BufWriter::with_capacity(1 << 16, anstream::stdout().lock());
    let mut printer = Printer {
        args,
        targets,
        resolver,
        shape: name,
        wanted_shape: session.shape.clone(),
        out,
        failed: false,
        tally: Tally::default(),
        troubles: Troubles::default(),
        file: session.file.clone(),
    };
    let probed = probe(&mut prober, &mut session.sockets, &session.interrupt, &mut printer);
    match probed {
        Err(error) if error.get_ref().is_some_and(|inner| inner.is::<SysError>()) => {
            drop(printer);
            session.finish()?;
            return Err(error.into());
        }
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(of_stdout(error).into()),
        _ => {}
    }
    session.tell_guess();
    let sum = printer.summary(prober.unfinished(), session.sockets.asked.strays())?;
    session.sockets.settle()?;
    session.file.conclude(&sum);
    let (failed, tally) = (printer.failed, printer.tally);
    drop((printer.out, printer.file));
    session.finish()?;
    Ok(match (failed || (tally.failed > 0 && tally.asked() == 0), tally.open > tally.unexpected) {
        // What is wrong with a host was said already.
        (true, _) => Outcome::Failed,
        (false, true) if tally.unexpected == 0 => Outcome::Done,
        _ => Outcome::NoAnswer,
    })
}

#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    open: u64,
    /// Of these, so many did not say what was expected.
    unexpected: u64,
    closed: u64,
    unreachable: u64,
    no_answer: u64,
    failed: u64,
}

impl Tally {
    fn asked(self) -> u64 {
        [self.closed, self.unreachable, self.no_answer]
            .iter()
            .fold(self.open, |sum, n| sum.saturating_add(*n))
    }
}

struct Printer<'a, W: Write> {
    args: &'a ProbeArgs,
    /// Hosts whose names are still being resolved.
    targets: VecDeque<Target>,
    resolver: Resolver,
    shape: Option<String>,
    /// What somebody wanted SYNs to be like.
    wanted_shape: Option<Shape>,
    out: W,
    failed: bool,
    tally: Tally,
    troubles: Troubles,
    file: File,
}

impl<W: Write> Printer<'_, W> {
    /// How a probe asked, with the shape of its SYN.
    fn name_of(&self, probe: &Finished) -> String {
        let name = plain_name(probe.question.way);
        self.shape.as_ref().map_or_else(|| name.clone(), |shape| format!("{name}, {shape}"))
    }

    /// Prints what all came to, and tells it in words.
    fn summary(&mut self, unfinished: usize, strays: Strays) -> io::Result<String> {
        let Tally { open, unexpected, closed, unreachable, no_answer, failed } = self.tally;
        let words = self.words(unfinished, &strays);
        let text = if self.args.json {
            let object = JsonObject::new()
                .text("event", "summary")
                .number("open", open)
                .number("unexpected", unexpected)
                .number("closed", closed)
                .number("unreachable", unreachable)
                .number("no_answer", no_answer)
                .number("failed", failed)
                .number("unfinished", unfinished as u64);
            let reasons = self.troubles.counts().iter();
            let reasons =
                reasons.fold(JsonObject::new(), |object, (why, count)| object.number(why.name(), *count));
            probe_json::strays(object.object("not_asked", reasons), &strays).end() + "\n"
        } else {
            words.clone()
        };
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(of_stdout(error)),
            _ => Ok(words),
        }
    }

    fn words(&self, unfinished: usize, strays: &Strays) -> String {
        let Tally { open, unexpected, closed, unreachable, no_answer, failed } = self.tally;
        let mut text =
            format!("{open} open, {closed} closed, {unreachable} unreachable, {no_answer} without answer");
        for (count, what) in
            [(unexpected, "not as expected"), (failed, "not asked"), (unfinished as u64, "not finished")]
        {
            if count > 0 {
                let _ = write!(text, ", {count} {what}");
            }
        }
        if !self.troubles.counts().is_empty() {
            let _ = write!(text, " ({})", self.troubles.words());
        }
        if strays.total() > 0 {
            let _ = write!(text, "\n{}", lines::strays(strays));
        }
        text + "\n"
    }
}

impl<W: Write> ProbeWatcher for Printer<'_, W> {
    fn known(&mut self) -> (Vec<EndPoint>, bool) {
        let mut known = Vec::new();
        if self.targets.is_empty() {
            return (known, true);
        }
        for resolved in self.resolver.take() {
            let Some(at) = self.targets.iter().position(|target| target.host == resolved.name) else {
                continue;
            };
            let Some(target) = self.targets.remove(at) else { continue };
            let address = resolved.address.map_err(|error| format!("{}: {error}", target.host));
            let address = address.and_then(|address| {
                check_target(self.wanted_shape.as_ref(), &target.host, Some(address.ip()), &target.ports)
                    .map(|()| address)
            });
            match address {
                Ok(address) => known.extend(target.at(address)),
                Err(error) => {
                    anstream::eprintln!("rawsock: {error}");
                    self.failed = true;
                }
            }
        }
        (known, self.targets.is_empty())
    }

    fn wake_up(&self) -> Option<BorrowedFd<'_>> {
        (!self.targets.is_empty()).then(|| self.resolver.as_fd())
    }

    fn idle(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finished(&mut self, end_point: &EndPoint, probe: &Finished) -> io::Result<()> {
        let counter = match probe.outcome.verdict {
            Verdict::Open { .. } => &mut self.tally.open,
            Verdict::Closed { .. } => &mut self.tally.closed,
            Verdict::Unreachable { .. } => &mut self.tally.unreachable,
            Verdict::NoAnswer => &mut self.tally.no_answer,
            Verdict::Failed { .. } => &mut self.tally.failed,
        };
        *counter += 1;
        if probe.outcome.fulfilled == Some(false) {
            self.tally.unexpected += 1;
        }
        self.file.remark(&self.name_of(probe), probe);
        let is_known = self.troubles.is_known(probe);
        let news = self.troubles.note(end_point, probe);
        if self.args.quiet {
            return Ok(());
        }
        let text = if self.args.json {
            probe_json::probe(end_point, probe, self.shape.as_deref(), self.args.anatomy) + "\n"
        } else {
            let talk = self.args.send.is_some() || self.args.expect_bytes.is_some() || self.args.verbose;
            let detail = lines::Detail { verbose: self.args.verbose, anatomy: self.args.anatomy, talk };
            match (news, is_known) {
                // The trouble is in the line of the probe that met it first.
                (Some(words), _) if matches!(probe.outcome.verdict, Verdict::Failed { .. }) => words + "\n",
                (Some(words), _) => format!("{words}\n{}", lines::lines(end_point, probe, detail)),
                (None, true) => return Ok(()),
                (None, false) => lines::lines(end_point, probe, detail),
            }
        };
        self.out.write_all(text.as_bytes())
    }
}

//! `rawsock probe` of ports in one way, each by itself.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use super::probe::{Kind, ProbeArgs};
use super::probe_session::{Session, family, nanos, shape};
use super::probe_target::Target;
use super::resolve::Resolver;
use super::{CommandResult, Outcome};
use crate::exchange::drive::probe::{ProbeWatcher, probe};
use crate::exchange::probe::{EndPoint, Finished, ProbePlan, Prober, Shape, Strays, Verdict, Way};
use crate::show::json_object::JsonObject;
use crate::show::{probe as lines, probe_json};

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
        let wanted = args.syn.as_deref().map_or(Ok(Shape::Kernel), shape)?;
        name = Some(match &wanted {
            Shape::Kernel => "kernel".to_owned(),
            Shape::Minimal => "minimal".to_owned(),
            Shape::Written { name, .. } => name.clone(),
            Shape::Fixed(shape) => shape.name.clone(),
        });
        session.sockets.shapes = vec![wanted];
    }
    if let Some(raw) = &mut session.sockets.raw {
        // Better once for all than for each port.
        let v4 = std::net::Ipv4Addr::UNSPECIFIED.into();
        let v6 = std::net::Ipv6Addr::UNSPECIFIED.into();
        raw.check(family(if args.ipv6 { v6 } else { v4 }))?;
    }
    let mut prober = Prober::new(ProbePlan {
        ways: vec![way],
        timeout: nanos(args.timeout.unwrap_or(Duration::from_secs(2))),
        interval: nanos(args.interval.unwrap_or(Duration::from_secs(1))),
        gap: 0,
        count: args.count.unwrap_or(1),
        at_once: usize::from(args.at_once.unwrap_or(if args.raw { 1000 } else { 200 })),
    });
    let hosts = targets.iter().map(|target| target.host.clone()).collect();
    let resolver = Resolver::start(hosts, session.wanted)?;
    let out = io::BufWriter::with_capacity(1 << 16, anstream::stdout().lock());
    let mut printer =
        Printer { args, targets, resolver, shape: name, out, failed: false, tally: Tally::default() };
    let probed = probe(&mut prober, &mut session.sockets, &session.interrupt, &mut printer);
    match probed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    session.tell_guess();
    printer.summary(prober.unfinished(), session.sockets.asked.strays())?;
    let (failed, tally) = (printer.failed, printer.tally);
    drop(printer.out);
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
    out: W,
    failed: bool,
    tally: Tally,
}

impl<W: Write> Printer<'_, W> {
    fn summary(&mut self, unfinished: usize, strays: Strays) -> io::Result<()> {
        let Tally { open, unexpected, closed, unreachable, no_answer, failed } = self.tally;
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
            probe_json::strays(object, &strays).end() + "\n"
        } else {
            let mut text = format!(
                "{open} open, {closed} closed, {unreachable} unreachable, {no_answer} without answer"
            );
            for (count, what) in
                [(unexpected, "not as expected"), (failed, "not asked"), (unfinished as u64, "not finished")]
            {
                if count > 0 {
                    let _ = write!(text, ", {count} {what}");
                }
            }
            if strays.total() > 0 {
                text += &format!("\n{}", lines::strays(&strays));
            }
            text + "\n"
        };
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
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
            match resolved.address {
                Ok(address) => known.extend(target.at(address)),
                Err(error) => {
                    anstream::eprintln!("rawsock: {}: {error}", target.host);
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
        if self.args.quiet {
            return Ok(());
        }
        let text = if self.args.json {
            probe_json::probe(end_point, probe, self.shape.as_deref(), self.args.anatomy) + "\n"
        } else {
            let talk = self.args.send.is_some() || self.args.expect_bytes.is_some() || self.args.verbose;
            let detail = lines::Detail { verbose: self.args.verbose, anatomy: self.args.anatomy, talk };
            lines::lines(end_point, probe, detail)
        };
        self.out.write_all(text.as_bytes())
    }
}

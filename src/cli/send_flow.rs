//! `send` for whoever does not wait for answers: as many packets as go, or at a pace that is kept, by one worker or several.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::engine::Engine;
use super::outflow_report::{self, Report};
use super::output::print;
use super::sandbox::{self, SandboxArgs};
use super::send_plan::Plan;
use super::send_prepare::must_ask;
use super::send_stream::{Part, Stream, Unmade};
use super::{CommandResult, Outcome};
use crate::exchange::drive::outflow::{Due, Exit, Limits, Line, Onlooker, Packets, Totals, pour};
use crate::exchange::drive::packets::Needs;
use crate::exchange::engine::Nanos;
use crate::exchange::pace::{Tempo, Timetable};
use crate::spec::{Random, Spec};
use crate::sys::batch_socket::BatchSocket;
use crate::sys::error::SysError;
use crate::sys::interrupt::Interrupt;
use crate::sys::sandbox::Doing;
use crate::wire::packet_batch::PacketBatch;

/// What a run is.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    pub(super) tempo: Tempo,
    pub(super) burst: u64,
    pub(super) duration: Nanos,
    /// Packets in all.
    pub(super) most: u64,
    /// A spec begins again behind its last packet.
    pub(super) again: bool,
    pub(super) workers: u64,
    pub(super) needs: Needs,
    pub(super) engine: Engine,
    pub(super) is_json: bool,
    /// Tells how packets are sent.
    pub(super) is_verbose: bool,
}

/// What each worker has done so far.
type Shared = Mutex<Vec<Totals>>;

/// Sends packets, and says what it came to.
pub(super) fn run(specs: &[Spec], plan: &Plan, flow: &Flow, sandbox: SandboxArgs) -> CommandResult {
    let interrupt = Interrupt::catch()?;
    let (unmade, shared) = (Unmade::default(), Shared::new(vec![Totals::default(); count_of(flow.workers)]));
    let worker = |number: u64| {
        let part = Part { most: flow.most, again: flow.again, worker: number, workers: flow.workers };
        let worker = Worker {
            specs,
            plan,
            flow,
            part,
            sandbox,
            interrupt: &interrupt,
            unmade: &unmade,
            shared: &shared,
        };
        // An error goes to another thread as its text.
        worker.run().map_err(|error| error.to_string())
    };
    let results: Vec<Result<(), String>> = thread::scope(|scope| {
        let start = |number| thread::Builder::new().spawn_scoped(scope, move || worker(number));
        let others: Vec<_> = (1..flow.workers).map(start).collect();
        let mut results = vec![worker(0)];
        results.extend(others.into_iter().map(|other| {
            let other = other.map_err(|error| SysError::of("start", "a worker")(error).to_string())?;
            other.join().unwrap_or(Err("a worker ended early".to_owned()))
        }));
        results
    });
    let totals = sum(&shared);
    // Without a packet that left, the reason alone is told.
    let failure = results.into_iter().find_map(Result::err);
    if let Some(failure) = failure.as_ref().filter(|_| totals.sent == 0) {
        return Err(failure.clone().into());
    }
    print(&text(&totals, flow, unmade.count()))?;
    if let Some(failure) = failure {
        return Err(failure.into());
    }
    Ok(match (totals.sent, totals.failed.saturating_add(unmade.count())) {
        (0, 1..) => Outcome::Failed,
        (_, 1..) => Outcome::NoAnswer,
        _ => Outcome::Done,
    })
}

fn count_of(workers: u64) -> usize {
    usize::try_from(workers).unwrap_or(1).max(1)
}

fn text(totals: &Totals, flow: &Flow, unmade: u64) -> String {
    let is_paced = flow.tempo != Tempo::Top;
    if flow.is_json {
        let members = outflow_report::members(totals, is_paced);
        return format!(
            "{{\"event\":\"summary\",{members},\"unmade\":{unmade},\"workers\":{}}}\n",
            flow.workers
        );
    }
    let mut text = outflow_report::summary(totals, is_paced);
    // Writing into memory cannot fail.
    if totals.stalls > 0 {
        let _ = writeln!(text, "a full queue was waited for {} times", totals.stalls);
    }
    let not_sent = totals.failed.saturating_add(unmade);
    if not_sent > 0 {
        let _ = writeln!(text, "{not_sent} not sent");
    }
    text
}

/// What all workers have done.
fn sum(shared: &Shared) -> Totals {
    let all = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let mut sum = Totals::default();
    for totals in all.iter() {
        sum.sent = sum.sent.saturating_add(totals.sent);
        sum.octets = sum.octets.saturating_add(totals.octets);
        sum.failed = sum.failed.saturating_add(totals.failed);
        sum.stalls = sum.stalls.saturating_add(totals.stalls);
        sum.late.add_all(&totals.late);
        sum.due = sum.due.max(totals.due);
        sum.elapsed = sum.elapsed.max(totals.elapsed);
        sum.is_interrupted |= totals.is_interrupted;
    }
    sum
}

/// One of those who send.
struct Worker<'a> {
    specs: &'a [Spec],
    plan: &'a Plan,
    flow: &'a Flow,
    part: Part,
    sandbox: SandboxArgs,
    interrupt: &'a Interrupt,
    unmade: &'a Unmade,
    shared: &'a Shared,
}

impl Worker<'_> {
    fn run(&self) -> Result<(), Box<dyn Error>> {
        let Flow { tempo, burst, duration, .. } = *self.flow;
        // Each worker counts the bits of its own packets, and the turns of all.
        let tempo = match tempo {
            Tempo::Bits(rate) => Tempo::Bits(rate / self.part.workers as f64),
            other => other,
        };
        let table = Timetable::new(tempo, burst);
        let seed = self.plan.seed;
        let mut randoms: Vec<Random> =
            (0..).map(|place| Random::new(seed.wrapping_add(place))).take(self.specs.len()).collect();
        let told = (self.interrupt, self.unmade);
        let mut stream = Stream::new(self.specs, &mut randoms, self.plan, self.part, table, told)?;
        stream.try_out().map_err(|reason| format!("packet 1: {reason}"))?;
        let (mut lines, engines) = self.lines(&mut stream)?;
        if self.flow.is_verbose {
            anstream::eprintln!("rawsock: worker {}: {engines}; {}", self.part.worker + 1, stream.describe());
        }
        // Each worker is a thread, and has opened sockets of its own.
        let kept = sandbox::Plan::default().does(&[Doing::Traffic, Doing::Netlink]);
        kept.enter(self.sandbox, self.flow.is_verbose && self.part.worker == 0)?;
        let limits = Limits { is_paced: tempo != Tempo::Top, duration, ..Limits::default() };
        let report = Report::new(self.flow.is_json, None);
        let mut onlooker = Looking { report, shared: self.shared, worker: self.part.worker };
        let mut totals = Totals::default();
        self.learn_next_hops(&mut stream, &mut lines, limits, &mut onlooker, &mut totals)?;
        let poured = pour(&mut stream, &mut lines, limits, self.interrupt, &mut onlooker, &mut totals);
        onlooker.publish(&totals);
        onlooker.report.end_progress();
        if onlooker.report.untold() > 0 {
            anstream::eprintln!("rawsock: {} more packets were refused", onlooker.report.untold());
        }
        poured
    }

    /// Where the kernel does not know a next hop, sends one packet, for which it asks, and waits for the answer.
    fn learn_next_hops(
        &self,
        stream: &mut Stream<'_>,
        lines: &mut [Line],
        limits: Limits,
        onlooker: &mut Looking<'_>,
        totals: &mut Totals,
    ) -> Result<(), Box<dyn Error>> {
        let mut unknown = stream.unknown_ways();
        if unknown.is_empty() {
            return Ok(());
        }
        pour(&mut First(Some(stream)), lines, limits, self.interrupt, onlooker, totals)?;
        for _ in 0..TRIES {
            unknown.retain(must_ask);
            if unknown.is_empty() || self.interrupt.came() {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Raw sockets, IPv4 before IPv6, and then one for each interface that frames leave by; and what they are.
    fn lines(&self, stream: &mut Stream<'_>) -> Result<(Vec<Line>, String), Box<dyn Error>> {
        let Flow { needs, engine, tempo, .. } = *self.flow;
        let interface = self.plan.interface.as_deref();
        let name = interface.unwrap_or("its destination").to_owned();
        let (mut lines, mut engines) = (Vec::new(), Vec::new());
        if needs.v4 || needs.v6 {
            if engine == Engine::Xdp {
                return Err("AF_XDP sends frames: use `--via link`".into());
            }
            engines.push("IP packets by sendmmsg (raw sockets, IP_HDRINCL)".to_owned());
        }
        for (is_needed, is_ipv6) in [(needs.v4, false), (needs.v6, true)] {
            let socket =
                if is_needed { BatchSocket::of_ip(is_ipv6, interface)? } else { BatchSocket::of_nothing()? };
            lines.push(Line { exit: Exit::Batch(socket), name: name.clone(), is_by_address: true });
        }
        for link in stream.links()? {
            let (exit, how) = engine.open(&link, self.part.worker, tempo == Tempo::Top)?;
            engines.push(format!("frames on {} by {how}", link.name));
            lines.push(Line { exit, name: link.name, is_by_address: false });
        }
        Ok((lines, engines.join(", ")))
    }
}

/// The first packet alone.
struct First<'p, 's>(Option<&'p mut Stream<'s>>);

impl Packets for First<'_, '_> {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Option<Due>, Box<dyn Error>> {
        self.0.take().map_or(Ok(None), |stream| stream.next(batch))
    }
}

/// So often it is looked for an answer: a second, after which the kernel gives up (mcast_solicit in arp(7)).
const TRIES: u32 = 200;

/// Looks on for one worker; the first one shows how far all are.
struct Looking<'a> {
    report: Report,
    shared: &'a Shared,
    worker: u64,
}

impl Looking<'_> {
    fn publish(&self, totals: &Totals) {
        let mut all = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = usize::try_from(self.worker).ok().and_then(|worker| all.get_mut(worker)) {
            place.clone_from(totals);
        }
    }
}

impl Onlooker for Looking<'_> {
    fn failed(&mut self, number: u64, octets: &[u8], error: &SysError) {
        self.report.failed(number, octets, error);
    }

    fn look(&mut self, totals: &Totals) -> io::Result<()> {
        self.publish(totals);
        if self.worker > 0 {
            return Ok(());
        }
        self.report.look(&sum(self.shared))
    }
}

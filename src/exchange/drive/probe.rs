//! Runs probes by plain and by raw sockets: the loop that asks, waits and tells.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use crate::exchange::drive::probe_plain::{NotAsked, PlainOptions, PlainProbe};
use crate::exchange::drive::probe_raw::{RawError, RawSockets};
use crate::exchange::drive::tap::Tap;
use crate::exchange::engine::MILLISECOND;
use crate::exchange::ping::ledger::DropReason;
use crate::exchange::probe::{
    Asked, Came, Content, EndPoint, Finished, Outcome, Passed, Prober, Question, Shape, Step, Verdict, Way,
};
use crate::sys::clock;
use crate::sys::error::SysError;
use crate::sys::interrupt::Interrupt;
use crate::sys::plain_socket::Kind;
use crate::sys::poll::{self, Readiness};
use crate::sys::ring::Source;
use crate::sys::user_sockets::UserSockets;
use crate::wire::frame::{Direction, Frame, LinkType};

/// Whoever runs the probes.
pub trait ProbeWatcher {
    /// End points that have become known since the last call, and whether all are known now.
    fn known(&mut self) -> (Vec<EndPoint>, bool);
    /// What to wait on for more end points.
    fn wake_up(&self) -> Option<BorrowedFd<'_>>;
    /// There is nothing to do for a while.
    ///
    /// # Errors
    /// When what was to be printed cannot be: the run ends.
    fn idle(&mut self) -> io::Result<()> {
        Ok(())
    }
    /// A probe is finished.
    ///
    /// # Errors
    /// When it cannot be printed: the run ends.
    fn finished(&mut self, end_point: &EndPoint, probe: &Finished) -> io::Result<()>;
}

/// Called with each frame of the run that the tap sees, and what it is.
pub type ProbeRecorder = Box<dyn FnMut(&Frame<'_>, Passed)>;

/// The sockets of probe.
pub struct ProbeSockets {
    /// What plain ones say.
    pub options: PlainOptions,
    /// Shapes of SYNs, by the number in [`Way::Syn`].
    pub shapes: Vec<Shape>,
    plain: BTreeMap<usize, PlainProbe>,
    /// Raw ones, where they are wanted.
    pub raw: Option<RawSockets>,
    /// The hand-built probes.
    pub asked: Asked,
    tap: Option<(Tap, ProbeRecorder)>,
    /// What opens the sockets of plain connections, where that is not this process itself.
    pub openers: Openers,
}

/// What opens the sockets of other users.
#[derive(Debug, Default)]
pub struct Openers {
    /// Those of connections that are asked for without naming a user.
    pub own: Option<Rc<UserSockets>>,
    /// Those of a named user; or why there are none.
    pub named: Option<Result<Rc<UserSockets>, String>>,
}

impl Openers {
    /// For a way of asking.
    fn of(&self, way: Way) -> Result<Option<Rc<UserSockets>>, Verdict> {
        match (way, &self.named) {
            (Way::Connect, _) => Ok(self.own.clone()),
            (Way::ConnectAs(_), Some(Err(reason))) => {
                Err(Verdict::Failed { reason: reason.clone(), why: DropReason::Other })
            }
            (Way::ConnectAs(_), Some(Ok(named))) => Ok(Some(Rc::clone(named))),
            _ => Ok(None),
        }
    }
}

impl ProbeSockets {
    /// None are open yet. `raw` is what hand-built packets leave by.
    pub fn new(options: PlainOptions, raw: Option<RawSockets>, asked: Asked) -> Self {
        Self {
            options,
            shapes: Vec::new(),
            plain: BTreeMap::new(),
            raw,
            asked,
            tap: None,
            openers: Openers::default(),
        }
    }

    /// Shows each frame of the run, as it passes an interface, to `recorder`.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing.
    pub fn record(&mut self, recorder: ProbeRecorder) -> Result<(), SysError> {
        self.tap = Some((Tap::open(Source::ALL)?, recorder));
        Ok(())
    }

    /// Ends the recording: what has passed until now is shown.
    ///
    /// # Errors
    /// When the kernel does not close the tap.
    pub fn finish(&mut self) -> Result<(), SysError> {
        let asked = &mut self.asked;
        match &mut self.tap {
            Some((tap, recorder)) => tap.finish(&mut |frame| show(asked, frame, recorder)),
            None => Ok(()),
        }
    }

    /// Asks; what it came to where it is over at once.
    fn ask(&mut self, question: &Question, end_point: &EndPoint) -> Result<(), NotAsked> {
        let target = end_point.address;
        if question.way.is_raw() {
            return self.ask_raw(question, end_point);
        }
        let user = self.openers.of(question.way)?;
        let kind = if question.way.is_udp() { Kind::Datagram } else { Kind::Stream };
        let probe = PlainProbe::start(kind, question.id, target, user.as_deref(), &self.options)?;
        if let Some(local) = probe.socket.local() {
            self.asked.note_plain(question.id, kind == Kind::Datagram, local, target);
        }
        self.plain.insert(question.id, probe);
        Ok(())
    }

    fn ask_raw(&mut self, question: &Question, end_point: &EndPoint) -> Result<(), NotAsked> {
        let failed = |reason: String| NotAsked::Over(Verdict::Failed { reason, why: DropReason::Other });
        let raw = self.raw.as_mut().ok_or_else(|| failed("no raw sockets are open".to_owned()))?;
        let target = end_point.address;
        let is_echo = matches!(question.way, Way::Echo { .. });
        let mut making = raw.making(target, is_echo, question.place).map_err(RawError::not_asked)?;
        making.source_port = self.options.port.unwrap_or(making.source_port);
        let (shape, payload);
        let content = match question.way {
            Way::Echo { len } => Content::Echo(len),
            Way::RawDatagram => {
                payload = self.options.datagram(question.id, target, Some(making.source));
                Content::Datagram(&payload)
            }
            Way::Syn(number) => {
                let kernel = raw.kernel_syn(target).map_err(RawError::not_asked)?;
                let wanted = self.shapes.get(number).unwrap_or(&Shape::Kernel);
                shape = wanted.of(kernel).map_err(|error| failed(error.to_string()))?;
                Content::Syn(&shape)
            }
            _ => return Err(failed("it takes no hand-built packets".to_owned())),
        };
        let octets =
            self.asked.make(question, &making, content).map_err(|error| failed(error.to_string()))?;
        if let Some(port) = self.asked.own_port(question.id) {
            raw.hear(target, port).map_err(RawError::not_asked)?;
        }
        let sent = raw.send(question.id, target, &octets);
        if let (Err(_), Some((_, recorder))) = (&sent, &mut self.tap) {
            let time = Some(clock::wall());
            let frame = Frame { time, direction: Direction::Outbound, ..Frame::new(&octets, LinkType::RAW) };
            recorder(&frame, Passed::Probe(question.id));
        }
        Ok(sent?)
    }

    /// Waits until the tap has shown what passed a moment ago.
    ///
    /// # Errors
    /// When the system cannot wait.
    pub fn settle(&mut self) -> io::Result<()> {
        let asked = &mut self.asked;
        let Some((tap, recorder)) = &mut self.tap else { return Ok(()) };
        let until = clock::monotonic().saturating_add(SETTLED);
        loop {
            tap.receive(&mut |frame| show(asked, frame, recorder));
            let left = until.saturating_sub(clock::monotonic());
            if left == 0 {
                return Ok(());
            }
            poll::wait(&[tap.as_fd()], &[], Some(left))?;
        }
    }

    /// Reads everything that has come: what ended, and when.
    fn take(&mut self, prober: &mut Prober, ready: &[(usize, Readiness)]) -> Vec<(usize, Outcome)> {
        let mut ended = Vec::new();
        let asked = &mut self.asked;
        if let Some(raw) = &mut self.raw {
            raw.stamps(&mut |id, stage, at| prober.stamped(id, stage, at));
            raw.receive(&mut |octets, came| {
                if let Came::Answer(id, mut outcome) = asked.came(octets, LinkType::RAW) {
                    outcome.times.came = came;
                    ended.push((id, *outcome));
                }
            });
        }
        for (id, readiness) in ready {
            let probe = self.plain.get_mut(id);
            if let Some(outcome) = probe.and_then(|probe| probe.news(*readiness, &self.options)) {
                self.plain.remove(id);
                ended.push((*id, outcome));
            }
        }
        if let Some((tap, recorder)) = &mut self.tap {
            tap.receive(&mut |frame| show(asked, frame, recorder));
        }
        ended
    }

    fn give_up(&mut self, id: usize) -> Outcome {
        self.asked.given_up(id);
        match self.plain.remove(&id) {
            Some(probe) => probe.given_up(&self.options),
            None => Outcome::from(Verdict::NoAnswer),
        }
    }
}

/// Shows a frame that belongs to the run, with what it is.
fn show(asked: &mut Asked, frame: &Frame<'_>, recorder: &mut ProbeRecorder) {
    if asked.belongs(frame.data, frame.link_type) {
        let passed = asked.passed(frame.data, frame.link_type, frame.direction);
        recorder(frame, passed);
    }
}

/// The kernel hands over what a tap has seen within a few milliseconds, on a quiet host.
const SETTLED: u64 = 20 * MILLISECOND;

/// Runs all probes to their end.
///
/// # Errors
/// When the system cannot wait, the watcher cannot print, or there is not even room for one probe.
pub fn probe(
    prober: &mut Prober,
    sockets: &mut ProbeSockets,
    interrupt: &Interrupt,
    watcher: &mut dyn ProbeWatcher,
) -> io::Result<()> {
    loop {
        if interrupt.came() {
            prober.stop();
        }
        let (known, all) = watcher.known();
        known.into_iter().for_each(|end_point| prober.add(end_point, clock::monotonic()));
        if all {
            prober.close();
        }
        let Some(timeout) = ask_all_that_are_due(prober, sockets, watcher)? else { return Ok(()) };
        if timeout != Some(0) {
            watcher.idle()?;
        }
        let ready = wait(sockets, interrupt, watcher, timeout)?;
        for (id, outcome) in sockets.take(prober, &ready) {
            end(prober, id, outcome, watcher)?;
        }
    }
}

/// Asks until there is nothing to ask, or answers should be looked for. Returns how long to wait for them at most, nothing when
/// it is over.
fn ask_all_that_are_due(
    prober: &mut Prober,
    sockets: &mut ProbeSockets,
    watcher: &mut dyn ProbeWatcher,
) -> io::Result<Option<Option<u64>>> {
    for _ in 0..READ_AFTER {
        let now = clock::monotonic();
        match prober.step(now) {
            Step::Done => return Ok(None),
            Step::Ask(question) => {
                let Some(end_point) = prober.end_points().get(question.end_point).cloned() else {
                    return Ok(None);
                };
                // What is needed first, such as sockets and shapes, is no part of the time.
                prober.asked(question, now);
                if question.way.is_raw() {
                    sockets.prepare(&question, &end_point);
                    prober.begins(question.id, clock::monotonic());
                }
                match sockets.ask(&question, &end_point) {
                    Ok(()) => {}
                    Err(NotAsked::Over(verdict)) => {
                        sockets.asked.given_up(question.id);
                        end(prober, question.id, verdict.into(), watcher)?;
                    }
                    Err(NotAsked::NoRoom(error)) => {
                        sockets.asked.given_up(question.id);
                        if !prober.put_back(question.id) {
                            return Err(io::Error::other(error));
                        }
                    }
                }
            }
            Step::GiveUp(id) => {
                let outcome = sockets.give_up(id);
                end(prober, id, outcome, watcher)?;
            }
            Step::Wait(at) => return Ok(Some(Some(at.saturating_sub(now)))),
            Step::Idle => return Ok(Some(None)),
        }
    }
    Ok(Some(Some(0)))
}

impl ProbeSockets {
    /// Holds a port for a hand-built probe, and learns its shape; what is wrong is told when it is asked.
    fn prepare(&mut self, question: &Question, end_point: &EndPoint) {
        let Some(raw) = &mut self.raw else { return };
        let is_echo = matches!(question.way, Way::Echo { .. });
        let _ = raw.making(end_point.address, is_echo, question.place);
        if matches!(question.way, Way::Syn(_)) {
            let _ = raw.kernel_syn(end_point.address);
        }
    }
}

/// Probes that are asked one after the other before answers are looked for.
const READ_AFTER: usize = 64;

/// What the plain sockets have to say: their numbers with it. Raw ones are read in any case.
fn wait(
    sockets: &ProbeSockets,
    interrupt: &Interrupt,
    watcher: &dyn ProbeWatcher,
    timeout: Option<u64>,
) -> io::Result<Vec<(usize, Readiness)>> {
    let of = |reads: bool| sockets.plain.iter().filter(move |(_, probe)| probe.reads() == reads);
    let mut readers: Vec<_> = of(true).map(|(_, probe)| probe.socket.as_fd()).collect();
    let plain_readers = readers.len();
    readers.push(interrupt.as_fd());
    readers.extend(watcher.wake_up());
    readers.extend(sockets.raw.iter().flat_map(RawSockets::descriptors));
    readers.extend(sockets.tap.iter().map(|(tap, _)| tap.as_fd()));
    let writers: Vec<_> = of(false).map(|(_, probe)| probe.socket.as_fd()).collect();
    let ready = poll::wait(&readers, &writers, timeout)?;
    let reading = of(true).map(|(id, _)| *id).zip(ready.iter().take(plain_readers).copied());
    let writing = of(false).map(|(id, _)| *id).zip(ready.iter().skip(readers.len()).copied());
    Ok(reading.chain(writing).filter(|(_, readiness)| readiness.any()).collect())
}

fn end(prober: &mut Prober, id: usize, outcome: Outcome, watcher: &mut dyn ProbeWatcher) -> io::Result<()> {
    let Some(finished) = prober.ended(id, clock::monotonic(), outcome) else { return Ok(()) };
    match prober.end_points().get(finished.question.end_point) {
        Some(end_point) => watcher.finished(end_point, &finished),
        None => Ok(()),
    }
}

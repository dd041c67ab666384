//! Runs probes over plain sockets: opens them, waits for them, and puts what they say into verdicts.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;

use crate::exchange::probe::{EndPoint, Finished, IcmpReason, Prober, Step, Transport, Verdict};
use crate::sys::clock;
use crate::sys::error_queue::{Origin, Taken};
use crate::sys::interrupt::Interrupt;
use crate::sys::plain_socket::{Kind, PlainSocket};
use crate::sys::poll::{self, Readiness};

/// How the sockets are.
#[derive(Debug, Clone, Default)]
pub struct PlainOptions {
    /// Probes come from this address.
    pub source: Option<IpAddr>,
    /// What UDP probes carry.
    pub payload: Vec<u8>,
}

/// Whoever runs the probes.
pub trait ProbeWatcher {
    /// End points that have become known since the last call, and whether all are known now.
    fn known(&mut self) -> (Vec<EndPoint>, bool);
    /// What to wait on for more end points.
    fn wake_up(&self) -> Option<std::os::fd::BorrowedFd<'_>>;
    /// A probe is finished.
    ///
    /// # Errors
    /// When it cannot be printed: the run ends.
    fn finished(&mut self, end_point: &EndPoint, probe: &Finished) -> io::Result<()>;
}

/// Runs all probes to their end.
///
/// # Errors
/// When the system cannot wait, or the watcher cannot print.
pub fn probe(
    prober: &mut Prober,
    transport: Transport,
    options: &PlainOptions,
    interrupt: &Interrupt,
    watcher: &mut dyn ProbeWatcher,
) -> io::Result<()> {
    let mut sockets: BTreeMap<usize, PlainSocket> = BTreeMap::new();
    let mut next_id = 0usize;
    loop {
        let now = clock::monotonic();
        if interrupt.came() {
            prober.stop();
        }
        let timeout = match prober.step(now) {
            Step::Done => return Ok(()),
            Step::Start(index) => {
                let id = next_id;
                next_id += 1;
                prober.started(index, id, clock::monotonic());
                match start(prober, index, transport, options) {
                    Ok(socket) => {
                        sockets.insert(id, socket);
                    }
                    Err(verdict) => end(prober, id, verdict, None, watcher)?,
                }
                Some(0)
            }
            Step::GiveUp(id) => {
                let socket = sockets.remove(&id);
                end(prober, id, Verdict::NoAnswer, socket, watcher)?;
                Some(0)
            }
            Step::Wait(at) => Some(at.saturating_sub(now)),
            Step::Idle => None,
        };
        let news = wait(&sockets, interrupt, watcher, timeout)?;
        for (id, readiness) in news {
            let Some(verdict) = sockets.get(&id).and_then(|socket| verdict(socket, readiness)) else {
                continue;
            };
            let socket = sockets.remove(&id);
            end(prober, id, verdict, socket, watcher)?;
        }
        let (known, all) = watcher.known();
        known.into_iter().for_each(|end_point| prober.add(end_point, clock::monotonic()));
        if all {
            prober.close();
        }
    }
}

/// Opens the socket of a probe; a verdict when it is over already.
fn start(
    prober: &Prober,
    index: usize,
    transport: Transport,
    options: &PlainOptions,
) -> Result<PlainSocket, Verdict> {
    let failed = |reason: String| Verdict::Failed { reason };
    let end_point = prober.end_points().get(index).ok_or_else(|| failed("no such end point".to_owned()))?;
    let kind = match transport {
        Transport::Tcp => Kind::Stream,
        Transport::Udp => Kind::Datagram,
    };
    let source = options.source.filter(|source| source.is_ipv4() == end_point.address.is_ipv4());
    let socket = PlainSocket::connect(kind, end_point.address, source).map_err(|error| {
        match error.source.raw_os_error() {
            Some(ECONNREFUSED) => Verdict::Closed { by: None },
            _ => failed(error.to_string()),
        }
    })?;
    if kind == Kind::Datagram {
        socket.send(&options.payload).map_err(|error| failed(error.to_string()))?;
    }
    Ok(socket)
}

/// What the sockets have to say: their numbers with it.
fn wait(
    sockets: &BTreeMap<usize, PlainSocket>,
    interrupt: &Interrupt,
    watcher: &dyn ProbeWatcher,
    timeout: Option<u64>,
) -> io::Result<Vec<(usize, Readiness)>> {
    let of_kind = |kind: Kind| sockets.iter().filter(move |(_, socket)| socket.kind() == kind);
    let mut readers: Vec<_> = of_kind(Kind::Datagram).map(|(_, socket)| socket.as_fd()).collect();
    let datagrams = readers.len();
    readers.push(interrupt.as_fd());
    readers.extend(watcher.wake_up());
    let writers: Vec<_> = of_kind(Kind::Stream).map(|(_, socket)| socket.as_fd()).collect();
    let ready = poll::wait(&readers, &writers, timeout)?;
    let reading = of_kind(Kind::Datagram).map(|(id, _)| *id).zip(ready.iter().take(datagrams).copied());
    let writing = of_kind(Kind::Stream).map(|(id, _)| *id).zip(ready.iter().skip(readers.len()).copied());
    Ok(reading.chain(writing).filter(|(_, readiness)| readiness.any()).collect())
}

fn end(
    prober: &mut Prober,
    id: usize,
    verdict: Verdict,
    socket: Option<PlainSocket>,
    watcher: &mut dyn ProbeWatcher,
) -> io::Result<()> {
    let local = socket.and_then(|socket| socket.local());
    let Some(finished) = prober.finished(id, clock::monotonic(), verdict, local) else { return Ok(()) };
    match prober.end_points().get(finished.end_point) {
        Some(end_point) => watcher.finished(end_point, &finished),
        None => Ok(()),
    }
}

/// What a socket that has something to say means; `None` when it means nothing yet.
fn verdict(socket: &PlainSocket, readiness: Readiness) -> Option<Verdict> {
    let by = socket.take_icmp_error().and_then(|taken| reason(&taken));
    if let Some(error) = socket.take_error() {
        return Some(failure(&error, by));
    }
    match socket.kind() {
        Kind::Stream if readiness.writable => Some(Verdict::Open { answer: Vec::new() }),
        Kind::Stream => by.map(|by| Verdict::Unreachable { by: Some(by), reason: String::new() }),
        Kind::Datagram => {
            let mut buffer = [0; 2048];
            match socket.receive(&mut buffer) {
                Ok(Some(len)) => {
                    Some(Verdict::Open { answer: buffer.get(..len).unwrap_or_default().to_vec() })
                }
                Ok(None) => by.map(|by| from_icmp(by, String::new())),
                Err(error) => Some(failure(&error, by)),
            }
        }
    }
}

/// What an error number means, with the ICMP message behind it.
fn failure(error: &io::Error, by: Option<IcmpReason>) -> Verdict {
    match (error.raw_os_error(), by) {
        (_, Some(by)) => from_icmp(by, error.to_string()),
        (Some(ECONNREFUSED), None) => Verdict::Closed { by: None },
        (Some(EHOSTUNREACH | ENETUNREACH), None) => {
            Verdict::Unreachable { by: None, reason: error.to_string() }
        }
        (Some(ETIMEDOUT), None) => Verdict::NoAnswer,
        (_, None) => Verdict::Failed { reason: error.to_string() },
    }
}

fn from_icmp(by: IcmpReason, reason: String) -> Verdict {
    if by.is_port_unreachable() {
        Verdict::Closed { by: Some(by) }
    } else {
        Verdict::Unreachable { by: Some(by), reason }
    }
}

fn reason(taken: &Taken) -> Option<IcmpReason> {
    let is_v6 = match taken.error.origin {
        Origin::Icmp => false,
        Origin::Icmp6 => true,
        Origin::Local | Origin::Other => return None,
    };
    Some(IcmpReason { from: taken.error.offender, is_v6, kind: taken.error.kind, code: taken.error.code })
}

/// Linux's numbers (errno(3)).
const ECONNREFUSED: i32 = 111;
const EHOSTUNREACH: i32 = 113;
const ENETUNREACH: i32 = 101;
const ETIMEDOUT: i32 = 110;

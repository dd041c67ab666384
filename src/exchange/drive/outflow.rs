//! Many packets out, each when it is due, several with one call where several are: nobody waits for answers here.
//!
//! Nothing is lost on the way, and what is counted has left: a full queue is waited for, and a packet that the kernel refuses
//! is told.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;

use crate::exchange::engine::{Nanos, SECOND};
use crate::statistics::Spread;
use crate::sys::batch_socket::BatchSocket;
use crate::sys::clock;
use crate::sys::error::SysError;
use crate::sys::error::errno::{EAGAIN, ENETDOWN, ENOBUFS, ENODEV, ENOMEM, ENXIO};
use crate::sys::interrupt::Interrupt;
use crate::sys::poll;
use crate::sys::xdp_socket::XdpSocket;
use crate::wire::packet_batch::PacketBatch;

/// A packet that was added to a batch.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// When it is to leave: nanoseconds since the beginning.
    pub at: Nanos,
    /// By which of the lines.
    pub line: usize,
    /// Where it goes, where its line needs that.
    pub address: Option<IpAddr>,
    /// Its number, for telling what became of it.
    pub number: u64,
}

/// Where packets come from.
pub trait Packets {
    /// Adds the next packet to `batch`; `None` when there is none any more.
    ///
    /// # Errors
    /// When it cannot be read or made: the run ends.
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Option<Due>, Box<dyn Error>>;
}

/// What takes packets.
#[derive(Debug)]
pub enum Exit {
    /// Batches, by sendmmsg.
    Batch(BatchSocket),
    /// Frames past queues and taps, by AF_XDP.
    Xdp(Box<XdpSocket>),
}

/// A way out.
#[derive(Debug)]
pub struct Line {
    /// Its socket.
    pub exit: Exit,
    /// What to call it in errors.
    pub name: String,
    /// Whether each packet needs an address of its own: those of raw IP sockets do.
    pub is_by_address: bool,
}

/// Who looks on.
pub trait Onlooker {
    /// Whether it wants to see each packet that left.
    fn sees_packets(&self) -> bool {
        false
    }
    /// A packet left, at this time: nanoseconds since 1970.
    fn left(&mut self, _number: u64, _octets: &[u8], _wall: i64) {}
    /// A packet could not leave.
    fn failed(&mut self, number: u64, octets: &[u8], error: &SysError);
    /// Time has passed; called every now and then.
    ///
    /// # Errors
    /// When it cannot be shown: the run ends.
    fn look(&mut self, totals: &Totals) -> io::Result<()>;
}

/// What a run came to.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Packets that left.
    pub sent: u64,
    /// Their octets, and those of packets that a driver threw away.
    pub octets: u64,
    /// Packets that were taken by a driver.
    pub taken: u64,
    /// Of these, packets that it threw away.
    pub lost: u64,
    /// Packets that the kernel refused.
    pub failed: u64,
    /// Times that a full queue was waited for.
    pub stalls: u64,
    /// How late packets left, in nanoseconds, where the pace was not the fastest.
    pub late: Spread,
    /// When the last one was due, since the beginning.
    pub due: Nanos,
    /// From the beginning to the last packet.
    pub elapsed: Nanos,
    /// Somebody ended it early.
    pub is_interrupted: bool,
}

/// How a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Whether packets have their times, so that lateness means something.
    pub is_paced: bool,
    /// It ends when packets are due so long after the beginning.
    pub duration: Nanos,
    /// Packets with one call, at most.
    pub batch: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { is_paced: true, duration: Nanos::MAX, batch: BATCH }
    }
}

/// Sends all packets.
///
/// # Errors
/// When packets cannot be made, the interface is gone or down, a right is missing, or the onlooker has failed. What left until
/// then is in `totals`.
pub fn pour(
    packets: &mut dyn Packets,
    lines: &mut [Line],
    limits: Limits,
    interrupt: &Interrupt,
    onlooker: &mut dyn Onlooker,
    totals: &mut Totals,
) -> Result<(), Box<dyn Error>> {
    clock::wake_on_time();
    let look_at = clock::monotonic().saturating_add(LOOK);
    let mut pouring = Pouring {
        lines,
        limits,
        interrupt,
        onlooker,
        totals,
        start: None,
        look_at,
        full_since: None,
        batch: PacketBatch::default(),
        dues: Vec::new(),
        addresses: Vec::new(),
    };
    while pouring.fill(packets)? {
        if !pouring.empty()? {
            break;
        }
    }
    pouring.totals.is_interrupted |= interrupt.came();
    pouring.onlooker.look(pouring.totals)?;
    Ok(())
}

struct Pouring<'a> {
    lines: &'a mut [Line],
    limits: Limits,
    interrupt: &'a Interrupt,
    onlooker: &'a mut dyn Onlooker,
    totals: &'a mut Totals,
    /// When the first packet was there to be sent: what it took to read it, or to find its way, is nobody's lateness.
    start: Option<Nanos>,
    look_at: Nanos,
    /// Since when a queue takes nothing.
    full_since: Option<Nanos>,
    batch: PacketBatch,
    dues: Vec<Due>,
    addresses: Vec<IpAddr>,
}

impl Pouring<'_> {
    /// Reads packets, as many as are due together; `false` when there are none.
    fn fill(&mut self, packets: &mut dyn Packets) -> Result<bool, Box<dyn Error>> {
        self.batch.clear();
        self.dues.clear();
        self.addresses.clear();
        let now = self.since_start();
        while self.dues.len() < self.limits.batch.max(1) {
            let Some(due) = packets.next(&mut self.batch)? else { break };
            if due.at >= self.limits.duration {
                break;
            }
            self.dues.push(due);
            self.addresses.push(due.address.unwrap_or(NOWHERE));
            if due.at > now {
                break;
            }
        }
        Ok(!self.dues.is_empty())
    }

    /// Sends what was read; `false` when the run ends here.
    fn empty(&mut self) -> Result<bool, Box<dyn Error>> {
        self.start.get_or_insert_with(clock::monotonic);
        let mut first = 0;
        while let Some(due) = self.dues.get(first).copied() {
            if !self.wait_until(due.at)? || self.is_over() {
                return Ok(false);
            }
            let now = self.since_start();
            let of_line = |next: &&Due| next.at <= now && next.line == due.line;
            let count = self.dues.iter().skip(first).take_while(of_line).count().max(1);
            let sent = self.send(first..first.saturating_add(count), due)?;
            if sent == 0 && !self.rest(due.line)? {
                return Ok(false);
            }
            first = first.saturating_add(sent);
        }
        Ok(true)
    }

    /// Whether somebody wants it to end, or its time is up.
    fn is_over(&mut self) -> bool {
        self.totals.is_interrupted |= self.interrupt.came();
        self.totals.is_interrupted || self.since_start() >= self.limits.duration
    }

    /// Hands packets to a line; how many are done with, sent or failed: none where there is no room.
    fn send(&mut self, places: std::ops::Range<usize>, due: Due) -> Result<usize, Box<dyn Error>> {
        let Some(line) = self.lines.get_mut(due.line) else { return Ok(places.len()) };
        let before = since(self.start);
        let addresses = if line.is_by_address { self.addresses.as_slice() } else { &[] };
        let sent = match &mut line.exit {
            Exit::Batch(socket) => socket.send(&self.batch, places.clone(), addresses),
            Exit::Xdp(socket) => {
                let sent = socket.send(&self.batch, places.clone());
                let lost = socket.take_lost();
                self.totals.failed = self.totals.failed.saturating_add(lost);
                self.totals.lost = self.totals.lost.saturating_add(lost);
                sent
            }
        };
        match sent {
            Ok(sent) => {
                self.full_since = None;
                let after = self.since_start();
                self.count(places.start..places.start.saturating_add(sent), before, after);
                Ok(sent)
            }
            Err(error) => match Refusal::of(&error) {
                Refusal::NoRoom => Ok(0),
                Refusal::Packet => {
                    let error = SysError::of("send to", &line.name)(error);
                    self.totals.failed = self.totals.failed.saturating_add(1);
                    self.onlooker.failed(due.number, self.batch.get(places.start), &error);
                    Ok(1)
                }
                Refusal::Line => Err(SysError::of("send to", &line.name)(error).into()),
            },
        }
    }

    /// Counts packets that left between two times, evenly spread, as far as can be told.
    fn count(&mut self, places: std::ops::Range<usize>, before: Nanos, after: Nanos) {
        let totals = &mut *self.totals;
        let count = places.len() as u64;
        totals.taken = totals.taken.saturating_add(count);
        totals.sent = totals.taken.saturating_sub(totals.lost);
        totals.octets = totals.octets.saturating_add(self.batch.octets_in(places.clone()) as u64);
        totals.elapsed = after;
        let sees = self.onlooker.sees_packets();
        if !self.limits.is_paced && !sees {
            return;
        }
        let step = after.saturating_sub(before).checked_div(count).unwrap_or(0);
        let wall = if sees { clock::wall() } else { 0 };
        let mut at = before;
        for place in places {
            at = at.saturating_add(step);
            let Some(due) = self.dues.get(place) else { continue };
            if self.limits.is_paced {
                totals.late.add(at.saturating_sub(due.at));
                totals.due = due.at;
            }
            if sees {
                let ago = i64::try_from(after.saturating_sub(at)).unwrap_or(0);
                self.onlooker.left(due.number, self.batch.get(place), wall.saturating_sub(ago));
            }
        }
    }

    /// Waits for room in a queue, a little. `false` when it is over.
    fn rest(&mut self, line: usize) -> Result<bool, Box<dyn Error>> {
        self.totals.stalls = self.totals.stalls.saturating_add(1);
        let now = clock::monotonic();
        if now.saturating_sub(*self.full_since.get_or_insert(now)) >= STUCK {
            let name = self.lines.get(line).map_or("", |line| line.name.as_str());
            let seconds = STUCK / SECOND;
            let why = format!(
                "the queue to {name} has taken nothing for {seconds} s: `tc -s qdisc` shows what it does"
            );
            return Err(why.into());
        }
        // A queue of the interface does not tell when it has room: it is tried again soon.
        poll::wait(&[self.interrupt.as_fd()], &[], Some(REST))?;
        self.look()?;
        Ok(!self.is_over())
    }

    /// Waits until a packet is due; `false` when somebody wants it to end.
    fn wait_until(&mut self, at: Nanos) -> Result<bool, Box<dyn Error>> {
        loop {
            self.look()?;
            if self.interrupt.came() {
                self.totals.is_interrupted = true;
                return Ok(false);
            }
            let now = self.since_start();
            if now >= self.limits.duration {
                return Ok(false);
            }
            let Some(left) = at.checked_sub(now).filter(|left| *left > 0) else { return Ok(true) };
            match left.checked_sub(SPIN) {
                Some(sleep @ 1..) => {
                    poll::wait(&[self.interrupt.as_fd()], &[], Some(sleep.min(LOOK)))?;
                }
                _ => std::hint::spin_loop(),
            }
        }
    }

    fn look(&mut self) -> io::Result<()> {
        let now = clock::monotonic();
        if now < self.look_at {
            return Ok(());
        }
        self.look_at = now.saturating_add(LOOK);
        self.onlooker.look(self.totals)
    }

    fn since_start(&self) -> Nanos {
        since(self.start)
    }
}

fn since(start: Option<Nanos>) -> Nanos {
    start.map_or(0, |start| clock::monotonic().saturating_sub(start))
}

/// What a failed call means.
enum Refusal {
    /// There is no room now.
    NoRoom,
    /// This packet cannot go.
    Packet,
    /// None can.
    Line,
}

impl Refusal {
    fn of(error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(EAGAIN | ENOBUFS | ENOMEM) => Self::NoRoom,
            Some(ENODEV | ENXIO | ENETDOWN) => Self::Line,
            _ => Self::Packet,
        }
    }
}

/// Packets with one call: more make no difference, and keep Ctrl-C waiting.
const BATCH: usize = 64;
/// So near to its time a packet is waited for awake: a sleep ends some ten microseconds late.
const SPIN: Nanos = 60_000;
/// Between two tries at a full queue.
const REST: Nanos = 100_000;
/// A queue that takes nothing for so long never will.
const STUCK: Nanos = 10 * SECOND;
/// Between two looks.
const LOOK: Nanos = SECOND / 5;
/// Of packets whose line needs no address.
const NOWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

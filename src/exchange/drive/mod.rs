//! The one loop that joins an engine to sockets, the clock and signals.

pub mod asker;
mod held_ports;
pub mod icmp;
mod icmp_filter;
pub mod kernel_syn;
mod leaving;
mod numbers;
pub mod outflow;
pub mod packets;
pub mod probe;
pub mod probe_plain;
pub mod probe_raw;
pub mod tap;
mod told_mtus;
mod told_packet;
pub mod trace;
pub mod trace_plain;
pub mod tun;
pub mod way;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::exchange::engine::{Departure, Engine, Incoming, MILLISECOND, Nanos, Outgoing, SendError, Step};
use crate::sys::clock::{self, Now};
use crate::sys::error::SysError;
use crate::sys::interrupt::Interrupt;
use crate::sys::poll;

/// The sockets of an engine.
pub trait Wire {
    /// Sends a packet.
    ///
    /// # Errors
    /// When it cannot leave: the reason.
    fn send(&mut self, outgoing: &Outgoing) -> Result<(), SendError>;
    /// Sends packets, in their order, and tells of each by its tag whether it left.
    fn send_all(&mut self, packets: &[Outgoing], tell: &mut dyn FnMut(usize, Result<(), SendError>)) {
        for packet in packets {
            let sent = self.send(packet);
            tell(packet.tag, sent);
        }
    }
    /// How many packets are sent at once where so many are due.
    fn most_at_once(&self) -> usize {
        1
    }
    /// What to wait on for packets.
    fn descriptors(&self) -> Vec<BorrowedFd<'_>>;
    /// Delivers what has come, without waiting.
    fn receive(&mut self, deliver: &mut dyn FnMut(Incoming<'_>));
    /// After how many packets that were sent one after the other it is looked for answers.
    fn read_after(&self) -> u32 {
        READ_AFTER
    }
    /// Tells how far packets are by the kernel's stamps, where there are any, with the tag of each.
    fn stamps(&mut self, _tell: &mut dyn FnMut(usize, Departure)) {}
}

impl From<SysError> for SendError {
    fn from(error: SysError) -> Self {
        Self { errno: error.source.raw_os_error(), words: error.to_string() }
    }
}

/// Whoever runs an engine: prints what happens, and may have more for the engine to do.
pub trait Watcher<E, W> {
    /// Another descriptor to wait on; [`Watcher::woken`] is called when it is readable.
    fn wake_up(&self) -> Option<BorrowedFd<'_>> {
        None
    }
    /// The other descriptor is readable.
    fn woken(&mut self, _engine: &mut E, _wire: &mut W, _now: Now) {}
    /// When [`Watcher::watch`] is to be called again, even if nothing happens until then.
    fn due(&self) -> Option<Nanos> {
        None
    }
    /// Something may have happened.
    ///
    /// # Errors
    /// When it cannot be printed: the run ends.
    fn watch(&mut self, engine: &mut E, now: Now) -> io::Result<()>;
}

/// Runs an engine to its end.
///
/// # Errors
/// When the system cannot wait, or the watcher cannot print.
pub fn drive<E: Engine, W: Wire>(
    engine: &mut E,
    wire: &mut W,
    interrupt: &Interrupt,
    watcher: &mut dyn Watcher<E, W>,
) -> io::Result<()> {
    let mut sent_since = 0u32;
    let mut due = Vec::new();
    let mut read_at = Now::read().monotonic;
    let mut stopped = false;
    let mut now = Now::read();
    loop {
        if interrupt.came() && !stopped {
            stopped = true;
            engine.stop(now.monotonic);
        }
        match engine.step(now.monotonic) {
            Step::Send(outgoing) => {
                due.push(outgoing);
                while due.len() < wire.most_at_once()
                    && let Step::Send(next) = engine.step(now.monotonic)
                {
                    due.push(next);
                }
                now = Now::read();
                wire.send_all(&due, &mut |tag, result| engine.sent(tag, now.monotonic, now.wall, result));
                sent_since = sent_since.saturating_add(u32::try_from(due.len()).unwrap_or(u32::MAX));
                due.clear();
                let is_late = now.monotonic.saturating_sub(read_at) >= READ_WITHIN;
                // Answers are read in between, or they would overrun the receive buffer.
                if sent_since >= wire.read_after() || is_late {
                    take(engine, wire);
                    (sent_since, read_at) = (0, now.monotonic);
                    now = Now::read();
                }
            }
            Step::Done => {
                take(engine, wire);
                return watcher.watch(engine, Now::read());
            }
            Step::Wait(at) => {
                pause(engine, wire, interrupt, watcher, Some(at.saturating_sub(clock::monotonic())))?;
                now = Now::read();
            }
            Step::Idle => {
                pause(engine, wire, interrupt, watcher, None)?;
                now = Now::read();
            }
        }
        watcher.watch(engine, now)?;
    }
}

/// Packets that are sent before answers are looked for, and how long that may take: the kernel hands over a block of the
/// receive ring every few milliseconds, full or not, and there are not many.
const READ_AFTER: u32 = 16;
const READ_WITHIN: Nanos = 4 * MILLISECOND;

/// Passes on what came, and before it when what it answers left.
fn take<E: Engine, W: Wire>(engine: &mut E, wire: &mut W) {
    wire.stamps(&mut |tag, departure| engine.stamped(tag, departure));
    wire.receive(&mut |packet| engine.received(packet));
    if engine.awaits_stamp() {
        wire.stamps(&mut |tag, departure| engine.stamped(tag, departure));
    }
}

/// Room for any IP packet. It is so large that the allocator has the kernel map it (M_MMAP_THRESHOLD in mallopt(3)): the zeros of such
/// pages cost nothing until something is written into them, where those of a smaller one are written first.
fn receive_buffer() -> Vec<u8> {
    vec![0; 1 << 18]
}

/// Waits for packets, a signal, the watcher or the end of the time, and passes on what came.
fn pause<E: Engine, W: Wire>(
    engine: &mut E,
    wire: &mut W,
    interrupt: &Interrupt,
    watcher: &mut dyn Watcher<E, W>,
    timeout: Option<u64>,
) -> io::Result<()> {
    // A signal that came and was seen keeps its descriptor readable: it is not waited on any more.
    let mut fds = wire.descriptors();
    let packets = fds.len();
    let interrupts = (!interrupt.came()).then(|| interrupt.as_fd());
    fds.extend(interrupts);
    let wake_at = fds.len();
    fds.extend(watcher.wake_up());
    let due = watcher.due().map(|due| due.saturating_sub(clock::monotonic()));
    let timeout = match (timeout, due) {
        (Some(timeout), Some(due)) => Some(timeout.min(due)),
        (timeout, due) => timeout.or(due),
    };
    let ready = poll::wait(&fds, &[], timeout)?;
    let wakes = ready.get(wake_at).is_some_and(|ready| ready.any());
    let comes = ready.iter().take(packets).any(|ready| ready.any());
    if comes {
        take(engine, wire);
    } else {
        // Of packets that nobody answers, too, it is to be known that they left.
        wire.stamps(&mut |tag, departure| engine.stamped(tag, departure));
    }
    if wakes {
        watcher.woken(engine, wire, Now::read());
    }
    Ok(())
}

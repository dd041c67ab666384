//! Waiting for descriptors, with a time-out in nanoseconds.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What a descriptor has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Readiness {
    /// There is something to read, or the other side is gone.
    pub readable: bool,
    /// It takes something to write; for a connecting socket: the attempt is over.
    pub writable: bool,
    /// There is an error, or something in the error queue.
    pub error: bool,
}

impl Readiness {
    /// Whether it has anything to say.
    pub fn any(self) -> bool {
        self.readable || self.writable || self.error
    }
}

/// Waits until one of `readers` is readable, one of `writers` is writable, one has an error, or `timeout` nanoseconds
/// are over (never, when left out). The answer has an entry for each reader, and then for each writer. A signal ends the
/// wait early, with nothing ready.
///
/// # Errors
/// When the kernel has no memory for it.
pub fn wait(
    readers: &[BorrowedFd<'_>],
    writers: &[BorrowedFd<'_>],
    timeout: Option<u64>,
) -> io::Result<Vec<Readiness>> {
    let reading = readers.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN));
    let writing = writers.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::OUT));
    let mut fds: Vec<PollFd<'_>> = reading.chain(writing).collect();
    let timeout = timeout.map(|nanos| Timespec {
        tv_sec: i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(nanos % 1_000_000_000).unwrap_or(0),
    });
    match poll(&mut fds, timeout.as_ref()) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok(vec![Readiness::default(); fds.len()]),
        Err(error) => return Err(error.into()),
    }
    let ready = fds.iter().map(|fd| {
        let events = fd.revents();
        Readiness {
            readable: events.intersects(PollFlags::IN | PollFlags::HUP),
            writable: events.contains(PollFlags::OUT),
            error: events.contains(PollFlags::ERR),
        }
    });
    Ok(ready.collect())
}

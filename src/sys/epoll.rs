//! Which of many descriptors are ready: epoll(7). Unlike poll(2), the kernel keeps the list, so that a call costs as much as is
//! ready, however many are waited for.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

/// What is waited for on a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interest {
    /// That there is something to read, or the other side has ended.
    pub read: bool,
    /// That there is room to write.
    pub write: bool,
}

impl Interest {
    /// Reading alone.
    pub const READ: Self = Self { read: true, write: false };

    fn flags(self) -> EventFlags {
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN, self.read);
        flags.set(EventFlags::OUT, self.write);
        flags
    }
}

/// A descriptor that is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// The number that it was added with.
    pub key: u64,
    /// There is something to read, the other side has ended, or there is an error.
    pub read: bool,
    /// There is room to write, or an error.
    pub write: bool,
}

/// The list of descriptors. They are told as long as they are ready (level-triggered).
pub struct Epoll {
    list: OwnedFd,
    events: Vec<Event>,
}

impl Epoll {
    /// epoll_create1(2).
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn new() -> io::Result<Self> {
        let list = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self { list, events: Vec::with_capacity(MOST_AT_ONCE) })
    }

    /// `EPOLL_CTL_ADD`: puts a descriptor on the list.
    ///
    /// # Errors
    /// When it is there already, or the kernel has no memory for it.
    pub fn add(&self, descriptor: impl AsFd, key: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.list, descriptor, EventData::new_u64(key), interest.flags())?)
    }

    /// `EPOLL_CTL_MOD`: changes what is waited for on a descriptor of the list.
    ///
    /// # Errors
    /// When it is not there.
    pub fn change(&self, descriptor: impl AsFd, key: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.list, descriptor, EventData::new_u64(key), interest.flags())?)
    }

    /// `EPOLL_CTL_DEL`: takes a descriptor off the list. One that is closed goes by itself.
    ///
    /// # Errors
    /// When it is not there.
    pub fn remove(&self, descriptor: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.list, descriptor)?)
    }

    /// epoll_wait(2): waits until something is ready, or so many nanoseconds are over, and puts what is ready into `ready`. A
    /// signal ends the wait early, with nothing ready.
    ///
    /// # Errors
    /// Not seen in practice.
    pub fn wait(&mut self, timeout: Option<u64>, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.clear();
        self.events.clear();
        let timeout = timeout.map(|nanos| Timespec {
            tv_sec: i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(nanos % 1_000_000_000).unwrap_or(0),
        });
        match epoll::wait(&self.list, spare_capacity(&mut self.events), timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        ready.extend(self.events.iter().map(|event| {
            let flags = event.flags;
            let over = flags.intersects(EventFlags::ERR | EventFlags::HUP);
            Ready {
                key: event.data.u64(),
                read: over || flags.contains(EventFlags::IN),
                write: over || flags.contains(EventFlags::OUT),
            }
        }));
        Ok(())
    }

    /// The descriptor's number.
    pub fn number(&self) -> RawFd {
        self.list.as_raw_fd()
    }
}

/// Descriptors that one call tells.
const MOST_AT_ONCE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    #[test]
    fn what_is_ready_is_told_by_its_key_until_it_is_not() {
        let (one, mut other) = UnixStream::pair().unwrap();
        let mut epoll = Epoll::new().unwrap();
        epoll.add(&one, 7, Interest::READ).unwrap();
        let mut ready = Vec::new();
        epoll.wait(Some(0), &mut ready).unwrap();
        assert_eq!(ready, []);
        other.write_all(b"x").unwrap();
        for _ in 0..2 {
            epoll.wait(None, &mut ready).unwrap();
            assert_eq!(ready, [Ready { key: 7, read: true, write: false }]);
        }
        epoll.change(&one, 7, Interest { read: false, write: true }).unwrap();
        epoll.wait(None, &mut ready).unwrap();
        assert_eq!(ready, [Ready { key: 7, read: false, write: true }]);
        epoll.remove(&one).unwrap();
        epoll.wait(Some(0), &mut ready).unwrap();
        assert_eq!(ready, []);
    }
}

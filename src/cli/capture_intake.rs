//! How packets come in from a device: by one ring, or by several with a thread each.

use std::error::Error;
use std::os::fd::{AsFd, BorrowedFd};

use super::capture_crew::Crew;
use crate::sys::error::SysError;
use crate::sys::packet_socket::Statistics;
use crate::sys::ring::Ring;
use crate::wire::frame::Frame;

/// The rings of a device.
pub(super) enum Intake {
    /// One, emptied by whoever asks.
    Ring(Box<Ring>),
    /// Several, emptied by threads.
    Crew(Crew),
}

/// A ring that is over.
pub(super) type Left = Option<Box<Ring>>;

/// What rings counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) statistics: Statistics,
    /// Second copies of what the host sends to itself.
    pub(super) copies: u64,
    /// Packets whose times are the adapter's.
    pub(super) by_adapter: u64,
}

impl Taken {
    /// What a ring that is over counted.
    pub(super) fn of(ring: &mut Ring) -> Result<Self, SysError> {
        let (copies, by_adapter) = (ring.copies(), ring.stamped_by_adapter());
        Ok(Self { statistics: ring.statistics()?, copies, by_adapter })
    }

    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            statistics: self.statistics.and(other.statistics),
            copies: self.copies.saturating_add(other.copies),
            by_adapter: self.by_adapter.saturating_add(other.by_adapter),
        }
    }
}

impl Intake {
    /// Takes packets from these rings, each with a buffer of so many octets.
    ///
    /// # Errors
    /// When the system has no room for a thread.
    pub(super) fn of(mut rings: Vec<Ring>, buffer_len: usize) -> Result<Self, Box<dyn Error>> {
        match rings.pop() {
            Some(ring) if rings.is_empty() => Ok(Self::Ring(Box::new(ring))),
            last => {
                rings.extend(last);
                Crew::start(rings, buffer_len).map(Self::Crew)
            }
        }
    }

    /// Shows what has come.
    pub(super) fn receive(&mut self, show: &mut dyn FnMut(&Frame<'_>)) {
        match self {
            Self::Ring(ring) => {
                ring.receive(show);
                // It says that the interface went down, which the news says better; asking takes it off.
                let _ = ring.take_error();
            }
            Self::Crew(crew) => crew.receive(show),
        }
    }

    /// Nanoseconds until something is to be shown although nothing more comes.
    pub(super) fn left(&self) -> Option<u64> {
        match self {
            Self::Ring(_) => None,
            Self::Crew(crew) => crew.left(),
        }
    }

    /// What was counted so far, where that can be asked for.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub(super) fn so_far(&mut self) -> Result<Option<Statistics>, SysError> {
        match self {
            Self::Ring(ring) => ring.statistics().map(Some),
            // Their threads have the rings.
            Self::Crew(_) => Ok(None),
        }
    }

    /// Whether there is no going on; [`finish`](Self::finish) says why.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Self::Crew(crew) if crew.is_broken())
    }

    /// Ends it: shows what is still there, and counts. Where it was one ring, that is left.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub(super) fn finish(self, show: &mut dyn FnMut(&Frame<'_>)) -> Result<(Taken, Left), Box<dyn Error>> {
        match self {
            Self::Ring(mut ring) => {
                ring.finish(show)?;
                Ok((Taken::of(&mut ring)?, Some(ring)))
            }
            Self::Crew(crew) => crew.finish(show).map(|taken| (taken, None)),
        }
    }
}

impl AsFd for Intake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Ring(ring) => ring.as_fd(),
            Self::Crew(crew) => crew.as_fd(),
        }
    }
}

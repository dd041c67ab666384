//! A tap: sees the packets that leave and come, with the kernel's own stamps, beside the sockets that send.

use std::os::fd::{AsFd, BorrowedFd};

use crate::sys::error::SysError;
use crate::sys::ring::{Ring, RingOptions, Source};
use crate::wire::frame::Frame;

/// A tap on one interface, or on all.
#[derive(Debug)]
pub struct Tap(Ring);

impl Tap {
    /// Opens a tap: it sees what comes from now on.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing, or there is no such interface.
    pub fn open(source: Source) -> Result<Self, SysError> {
        // Answers are waited for: a block is handed over soon, full or not.
        let options = RingOptions { buffer_len: 4 << 20, retire_ms: 4, ..RingOptions::default() };
        Ring::open(source, &options).map(Self)
    }

    /// Shows what has passed, without waiting.
    pub fn receive(&mut self, show: &mut dyn FnMut(&Frame<'_>)) {
        self.0.receive(show);
    }

    /// Packets that passed and were not seen, for want of room.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn dropped(&mut self) -> Result<u64, SysError> {
        self.0.statistics().map(|statistics| statistics.dropped)
    }

    /// Lets nothing more in, and shows what has passed until now.
    ///
    /// # Errors
    /// When the kernel does not close it.
    pub fn finish(&mut self, show: &mut dyn FnMut(&Frame<'_>)) -> Result<(), SysError> {
        self.0.finish(show)
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

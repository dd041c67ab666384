//! A tap: sees the packets that leave and come, with the kernel's own stamps, beside the sockets that send.

use std::os::fd::{AsFd, BorrowedFd};

use crate::sys::error::SysError;
use crate::sys::ring::{Ring, RingOptions, Source};
use crate::wire::frame::Frame;

/// A tap on one interface, or on all.
#[derive(Debug)]
pub struct Tap {
    ring: Ring,
    /// It lets nothing in, and all that it let in before was shown.
    is_quiet: bool,
}

impl Tap {
    /// Opens a tap: it sees what comes from now on.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing, or there is no such interface.
    pub fn open(source: Source) -> Result<Self, SysError> {
        // Answers are waited for: a block is handed over soon, full or not.
        let options = RingOptions { buffer_len: 4 << 20, retire_ms: 4, ..RingOptions::default() };
        Ok(Self { ring: Ring::open(source, &options)?, is_quiet: false })
    }

    /// Shows what has passed, without waiting.
    pub fn receive(&mut self, show: &mut dyn FnMut(&Frame<'_>)) {
        if self.ring.receive(show) == 0 {
            // That the interface went down, perhaps, which others say better: whoever waits would be woken by it again and again.
            let _ = self.ring.take_error();
        }
    }

    /// Packets that passed and were not seen, for want of room.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn dropped(&mut self) -> Result<u64, SysError> {
        self.ring.statistics().map(|statistics| statistics.dropped)
    }

    /// Lets nothing in, until it is to hear again.
    ///
    /// # Errors
    /// When the kernel does not take the filter that lets nothing in.
    pub fn rest(&mut self) -> Result<(), SysError> {
        self.ring.turn_away()
    }

    /// Hears again what passes from now on.
    ///
    /// # Errors
    /// When its interface is gone, or down.
    pub fn begin(&mut self) -> Result<(), SysError> {
        // Of what came before, nothing is left in a block that is still open.
        if !self.is_quiet {
            self.finish(&mut |_| {})?;
        }
        self.is_quiet = false;
        self.ring.turn_back()
    }

    /// Lets nothing more in, and shows what has passed until now.
    ///
    /// # Errors
    /// When the kernel does not close it.
    pub fn finish(&mut self, show: &mut dyn FnMut(&Frame<'_>)) -> Result<(), SysError> {
        self.ring.finish(show)?;
        self.is_quiet = true;
        Ok(())
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

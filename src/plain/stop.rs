//! Asking a server to end: connections are told, and have some time.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sys::bell::Bell;
use crate::sys::clock::monotonic;

/// A handle by which a server is asked to end, and by which it learns that. Its descriptor is readable from then on.
#[derive(Debug, Clone)]
pub struct Stop(Arc<Asked>);

#[derive(Debug)]
struct Asked {
    bell: Bell,
    /// When it was asked, on the monotonic clock; 0 until then.
    at: AtomicU64,
}

impl Stop {
    /// A server that goes on.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(Asked { bell: Bell::new()?, at: AtomicU64::new(0) })))
    }

    /// Asks the server to end.
    pub fn ask(&self) {
        // The first time counts: further ones give nobody more time.
        let _ = self.0.at.compare_exchange(0, monotonic().max(1), Ordering::Relaxed, Ordering::Relaxed);
        self.0.bell.ring();
    }

    /// When it was asked to.
    pub fn asked(&self) -> Option<u64> {
        Some(self.0.at.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.bell.as_fd()
    }
}

//! Descriptors that tokio watches. Its own call for that is unsafe: the descriptor must stay open for as long as it is watched,
//! which is so here by what is held.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::socket::Socket;

/// A descriptor that is watched, within a runtime of tokio.
pub struct AsyncDescriptor(AsyncFd<Held>);

enum Held {
    Socket(Arc<Socket>),
    Copy(OwnedFd),
}

impl AsRawFd for Held {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Socket(socket) => socket.as_raw_fd(),
            Self::Copy(descriptor) => descriptor.as_raw_fd(),
        }
    }
}

impl AsyncDescriptor {
    /// Watches a socket, for reading and writing.
    ///
    /// # Errors
    /// When the kernel has no memory for it.
    pub fn of_socket(socket: Arc<Socket>) -> io::Result<Self> {
        // SAFETY: a `Socket` keeps its one descriptor open until it is dropped, and this holds it; nothing of `Held` can be
        // changed from outside.
        unsafe { AsyncFd::register(Held::Socket(socket)) }.map(Self).map_err(Into::into)
    }

    /// Watches a copy of a descriptor, for reading.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn of_copy(descriptor: impl AsFd) -> io::Result<Self> {
        let held = Held::Copy(descriptor.as_fd().try_clone_to_owned()?);
        // SAFETY: the copy is our own, and open until it is dropped with this.
        unsafe { AsyncFd::register_with_interest(held, Interest::READABLE) }.map(Self).map_err(Into::into)
    }

    /// Ready when there may be something to read.
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.0.poll_read_ready(context).map(drop)
    }

    /// Ready when there may be room to write.
    pub fn poll_writable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.0.poll_write_ready(context).map(drop)
    }

    /// A call found nothing to read: tokio believes that there is until it is told.
    pub fn nothing_to_read(&self, context: &mut Context<'_>) {
        if let Poll::Ready(Ok(mut guard)) = self.0.poll_read_ready(context) {
            guard.clear_ready();
        }
    }

    /// A call found no room to write.
    pub fn no_room(&self, context: &mut Context<'_>) {
        if let Poll::Ready(Ok(mut guard)) = self.0.poll_write_ready(context) {
            guard.clear_ready();
        }
    }
}

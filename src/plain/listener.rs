//! Taking connections, as many as there may be. Where there are no more, new ones wait in the kernel's queue until one ends.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::event::{Event, Wait};
use super::serve::Server;
use super::service::Peer;
use super::told::ToldSocket;
use crate::sys::socket::SocketType;

/// A socket that listens.
pub struct Listener {
    socket: ToldSocket,
    kind: SocketType,
    taken: Arc<AtomicUsize>,
    waiting: bool,
    /// The number of the next peer.
    next_id: u64,
}

/// A connection's place among those that there may be; free again when this is dropped.
pub(super) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

/// What came of looking for a connection.
pub(super) enum Accepted {
    /// One that was taken.
    Connection(ToldSocket, Peer, Place),
    /// Nobody waits.
    Nobody,
    /// None can be taken now: it is to be tried again after [`RETRY`], or when one has ended.
    Wait,
}

/// Nanoseconds after which it is tried again to take a connection.
pub(super) const RETRY: u64 = 50_000_000;

impl Listener {
    /// From a socket that listens.
    ///
    /// # Errors
    /// Not seen in practice.
    pub fn of(socket: ToldSocket, kind: SocketType) -> io::Result<Self> {
        // Whoever waited may have gone by the time accept(2) is called, which would then wait for the next one.
        socket.set_nonblocking(true)?;
        Ok(Self { socket, kind, taken: Arc::default(), waiting: false, next_id: 1 })
    }

    /// How many connections there are.
    pub(super) fn open_connections(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.taken)
    }

    /// Takes the next connection, if there is one and there may be one.
    pub(super) fn accept(&mut self, server: &Server) -> Accepted {
        if self.taken.load(Ordering::Acquire) >= server.limits.connections {
            return self.wait(server, &Wait::Limit(server.limits.connections));
        }
        match self.socket.accept() {
            Ok((socket, address)) => {
                if std::mem::take(&mut self.waiting) {
                    server.watch.event(&Event::Resumed);
                }
                self.taken.fetch_add(1, Ordering::Release);
                let place = Place(Arc::clone(&self.taken));
                let id = self.next_id;
                self.next_id = id.saturating_add(1);
                let keeps_messages = self.kind.keeps_messages();
                let peer = Peer { id, address, keeps_messages, is_datagrams: false };
                Accepted::Connection(socket, peer, place)
            }
            Err(error) => match error.raw_os_error() {
                Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
                    self.wait(server, &Wait::System(error))
                }
                // Nobody waits, or whoever did has gone already, or the network had something to say about it (accept(2)).
                _ => Accepted::Nobody,
            },
        }
    }

    fn wait(&mut self, server: &Server, why: &Wait) -> Accepted {
        if !std::mem::replace(&mut self.waiting, true) {
            server.watch.event(&Event::Waiting { why });
        }
        Accepted::Wait
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

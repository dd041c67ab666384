//! What all drivers do in the same way: hand octets from a socket to its connection and back.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;

use super::connection::{Connection, Wants};
use super::event::{End, Event, Watch};
use super::limits::Limits;
use super::listener::Listener;
use super::service::Service;
use super::stop::Stop;
use super::told::ToldSocket;
use crate::sys::clock::Now;

/// What is served, to whom, and who watches.
pub struct Server {
    /// The service.
    pub service: Arc<dyn Service>,
    /// What peers may have.
    pub limits: Limits,
    /// Whoever watches.
    pub watch: Arc<dyn Watch>,
    /// Asks it to end.
    pub stop: Stop,
}

/// The way in which sockets are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Io {
    /// A thread for each connection.
    Threads,
    /// One thread that asks all.
    Nonblocking,
    /// One thread that the kernel tells.
    Epoll,
    /// Tasks.
    #[cfg(feature = "async")]
    Async,
}

impl Server {
    /// Serves connections until it is asked to end.
    ///
    /// # Errors
    /// When the system cannot wait.
    pub fn serve(self, listener: Listener, io: Io) -> io::Result<()> {
        match io {
            Io::Threads => super::threads::serve(&self, listener),
            Io::Nonblocking => super::nonblocking::serve(&self, listener),
            Io::Epoll => super::epoll::serve(&self, listener),
            #[cfg(feature = "async")]
            Io::Async => super::asynchronous::serve(self, listener),
        }
    }

    /// Serves datagrams until it is asked to end.
    ///
    /// # Errors
    /// When the system cannot wait.
    pub fn serve_datagrams(self, socket: &ToldSocket, io: Io) -> io::Result<()> {
        match io {
            Io::Threads => super::threads::serve_datagrams(&self, socket),
            Io::Nonblocking => super::nonblocking::serve_datagrams(&self, socket),
            Io::Epoll => super::epoll::serve_datagrams(&self, socket),
            #[cfg(feature = "async")]
            Io::Async => super::asynchronous::serve_datagrams(&self, socket),
        }
    }

    /// Tells that a connection has ended.
    pub(super) fn closed(&self, connection: &Connection, end: &End) {
        let counts = connection.counts(Now::read());
        self.watch.event(&Event::Closed { peer: &connection.peer, end, counts });
    }

    /// When connections have to have ended; `None` while the server goes on.
    pub(super) fn must_end(&self) -> Option<u64> {
        self.stop.asked().map(|at| at.saturating_add(self.limits.drain))
    }
}

/// Octets that are read at once.
pub(super) const BUFFER: usize = 16 * 1024;

/// Octets that the longest message may have: sockets of the Unix family take 208 kB at once (net.core.wmem_default).
pub(super) const MESSAGE_BUFFER: usize = 256 * 1024;

/// A buffer for what a connection reads.
pub(super) fn buffer(keeps_messages: bool) -> Vec<u8> {
    vec![0; if keeps_messages { MESSAGE_BUFFER } else { BUFFER }]
}

/// What came of a look after a connection.
pub(super) struct Pumped {
    /// What it wants now.
    pub(super) wants: Wants,
    /// Whether anything passed.
    pub(super) moved: bool,
    /// The socket had nothing to read.
    #[cfg_attr(not(feature = "async"), expect(dead_code, reason = "only tokio has to be told"))]
    pub(super) read_blocked: bool,
    /// The socket had no room.
    pub(super) write_blocked: bool,
}

/// Reads once from a socket that does not wait, if it `may_read` and the connection wants to, and sends what there is to send.
pub(super) fn pump(
    socket: &ToldSocket,
    connection: &mut Connection,
    buffer: &mut [u8],
    may_read: bool,
) -> Pumped {
    let (mut moved, mut read_blocked, mut write_blocked) = (false, false, false);
    if may_read && connection.wants(Now::read()).read {
        match receive(socket, connection, buffer) {
            true => moved = true,
            false => read_blocked = true,
        }
    }
    // Bounded, so that one who reads as fast as a service writes does not keep the others waiting.
    for _ in 0..SENDS {
        let wants = connection.wants(Now::read());
        if wants.end.is_some() {
            return Pumped { wants, moved, read_blocked, write_blocked };
        }
        if wants.fin {
            finish(socket, connection);
        } else if wants.write && send(socket, connection) {
            moved = true;
        } else {
            write_blocked = wants.write;
            break;
        }
    }
    Pumped { wants: connection.wants(Now::read()), moved, read_blocked, write_blocked }
}

/// How often is sent to one peer before others have their turn.
pub(super) const SENDS: u32 = 8;

/// Reads once, and hands over what came. Whether something did: octets, the end, or an error.
pub(super) fn receive(socket: &ToldSocket, connection: &mut Connection, buffer: &mut [u8]) -> bool {
    let len = buffer.len().min(connection.appetite());
    let Some(buffer) = buffer.get_mut(..len) else { return false };
    match socket.receive(buffer) {
        Ok(0) => connection.input_ended(Now::read()),
        Ok(len) => connection.received(buffer.get(..len).unwrap_or_default(), Now::read()),
        Err(error) if is_nothing(&error) => return false,
        Err(error) => connection.failed(End::of(&error)),
    }
    true
}

/// Sends once. Whether something was sent, or cannot be any more.
pub(super) fn send(socket: &ToldSocket, connection: &mut Connection) -> bool {
    send_at_most(usize::MAX, socket, connection)
}

/// As [`send`], no more than so many octets of a stream.
pub(super) fn send_at_most(most: usize, socket: &ToldSocket, connection: &mut Connection) -> bool {
    let most = if connection.peer.keeps_messages { usize::MAX } else { most };
    let octets = connection.output();
    match socket.send(octets.get(..most).unwrap_or(octets)) {
        Ok(len) => connection.sent(len, Now::read()),
        Err(error) if is_nothing(&error) => return false,
        Err(error) => connection.failed(End::of(&error)),
    }
    true
}

/// Tells the peer that nothing more comes.
pub(super) fn finish(socket: &ToldSocket, connection: &mut Connection) {
    // A peer that has gone needs not be told.
    let _ = socket.shutdown(Shutdown::Write);
    connection.fin_sent(Now::read());
}

/// Whether a call found nothing to do, or was interrupted.
pub(super) fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

//! A thread for each connection. It waits in recv(2) and in send(2): the code says in which order things happen, and the kernel's
//! scheduler does the rest. Each thread costs a stack, and one that waits in a call can be told nothing: for a chat it has to
//! wait for two things at once after all.

use std::collections::HashMap;
use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::connection::Connection;
use super::datagrams::Peers;
use super::event::{End, Event, Wait};
use super::listener::{Accepted, Listener, Place, RETRY};
use super::mailbox::lock;
use super::serve::{Server, buffer, finish, receive, send, send_at_most};
use super::service::{Peer, Waker};
use super::told::ToldSocket;
use crate::sys::bell::Bell;
use crate::sys::clock::{Now, monotonic};
use crate::sys::poll;
use crate::sys::socket::SocketOption;

/// The sockets of all connections, to end them from outside.
type Sockets = Mutex<HashMap<u64, Arc<ToldSocket>>>;

pub(super) fn serve(server: &Server, mut listener: Listener) -> io::Result<()> {
    let sockets = Sockets::default();
    let open = listener.open_connections();
    thread::scope(|scope| {
        while server.stop.asked().is_none() {
            match listener.accept(server) {
                Accepted::Connection(socket, peer, place) => {
                    server.watch.event(&Event::Opened { peer: &peer });
                    let (socket, id) = (Arc::new(socket), peer.id);
                    lock(&sockets).insert(id, Arc::clone(&socket));
                    let sockets = &sockets;
                    let talk = move || {
                        talk(server, &socket, peer, &place);
                        lock(sockets).remove(&id);
                    };
                    if let Err(error) = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, talk) {
                        // No thread is left: this connection ends, and the others live.
                        lock(sockets).remove(&id);
                        server.watch.event(&Event::Waiting { why: &Wait::System(error) });
                        thread::sleep(Duration::from_nanos(RETRY));
                    }
                }
                Accepted::Nobody => {
                    poll::wait(&[listener.as_fd(), server.stop.as_fd()], &[], None)?;
                }
                Accepted::Wait => {
                    poll::wait(&[server.stop.as_fd()], &[], Some(RETRY))?;
                }
            }
        }
        drop(listener);
        server.watch.event(&Event::Draining { connections: open.load(Ordering::Acquire) });
        // Whoever waits in recv() reads what has come already, and then the end.
        lock(&sockets).values().for_each(|socket| drop(socket.shutdown(Shutdown::Read)));
        while open.load(Ordering::Acquire) > 0 {
            thread::sleep(Duration::from_millis(5));
            if server.must_end().is_some_and(|at| at <= monotonic()) {
                lock(&sockets).values().for_each(|socket| drop(socket.shutdown(Shutdown::Both)));
            }
        }
        Ok(())
    })
}

/// What a thread does: one connection, from its beginning to its end.
fn talk(server: &Server, socket: &ToldSocket, peer: Peer, _place: &Place) {
    let mut buffer = buffer(peer.keeps_messages);
    let (bell, waker) = Ringer::pair(server.service.speaks_unasked());
    let session = server.service.open(&peer, waker);
    let mut connection = Connection::open(peer, session, server.limits, Now::read());
    let ready = socket
        .set_nonblocking(false)
        .and_then(|()| socket.set(&SocketOption::SendTimeout(Duration::from_nanos(server.limits.stall))));
    if let Err(error) = ready {
        connection.failed(End::of(&error));
    }
    let mut timeout = None;
    let end = loop {
        if let Some(at) = server.must_end() {
            connection.drain(at);
        }
        let now = Now::read();
        let wants = connection.wants(now);
        let left = wants.at.map(|at| at.saturating_sub(now.monotonic));
        if let Some(end) = wants.end {
            break end;
        } else if wants.fin {
            finish(socket, &mut connection);
        } else if wants.write && wants.read && connection.hears_always() {
            either(socket, &mut connection, &mut buffer, left);
        } else if wants.write {
            send(socket, &mut connection);
        } else if !wants.read {
            thread::sleep(Duration::from_nanos(left.unwrap_or(NAP).min(NAP)));
        } else if let Some(bell) = &bell {
            // It cannot wait in recv() alone: others may have something to say.
            let ready = poll::wait(&[socket.as_fd(), bell.as_fd()], &[], left).unwrap_or_default();
            bell.silence();
            if ready.first().is_some_and(|ready| ready.any()) {
                receive(socket, &mut connection, &mut buffer);
            }
        } else {
            wait_no_longer_than(socket, left, &mut timeout);
            receive(socket, &mut connection, &mut buffer);
        }
    };
    server.closed(&connection, &end);
}

/// Waits for both, to read first: a peer that sends and does not read must not keep us in send(2), where nothing is heard.
fn either(socket: &ToldSocket, connection: &mut Connection, buffer: &mut [u8], left: Option<u64>) {
    let ready = poll::wait(&[socket.as_fd()], &[socket.as_fd()], left).unwrap_or_default();
    if ready.first().is_some_and(|ready| ready.any()) {
        receive(socket, connection, buffer);
    } else if ready.get(1).is_some_and(|ready| ready.any()) {
        send_at_most(PORTION, socket, connection);
    }
}

/// What a stream that is writable takes without waiting.
const PORTION: usize = 4096;

/// Has recv(2) return after about so long. What is nearly right already stays, for a call less.
fn wait_no_longer_than(socket: &ToldSocket, left: Option<u64>, set: &mut Option<u64>) {
    let is_near = match (left, *set) {
        (Some(left), Some(set)) => left.abs_diff(set) <= set / 8,
        (left, set) => left == set,
    };
    if !is_near {
        // Zero would be for ever.
        let timeout = left.map(|left| Duration::from_nanos(left.max(1000)));
        // Where it cannot be set, the connection ends later than it might.
        let _ = socket.set(&SocketOption::ReceiveTimeout(timeout));
        *set = left;
    }
}

/// Wakes a thread that waits for its bell.
struct Ringer(Option<Arc<Bell>>);

impl Ringer {
    /// A bell, if one is wanted and there is a descriptor for it, and what rings it.
    fn pair(wanted: bool) -> (Option<Arc<Bell>>, Arc<dyn Waker>) {
        let bell = if wanted { Bell::new().ok().map(Arc::new) } else { None };
        (bell.clone(), Arc::new(Self(bell)))
    }
}

impl Waker for Ringer {
    fn wake(&self) {
        if let Some(bell) = &self.0 {
            bell.ring();
        }
    }
}

/// Datagrams have no connections that threads could be made for: one waits for them all.
pub(super) fn serve_datagrams(server: &Server, socket: &ToldSocket) -> io::Result<()> {
    let mut peers = Peers::new(server)?;
    socket.set_nonblocking(false)?;
    while let Some(left) = peers.answer(socket) {
        let ready = poll::wait(&[socket.as_fd(), peers.bell(), server.stop.as_fd()], &[], left)?;
        if ready.first().is_some_and(|ready| ready.any()) {
            peers.receive(socket);
        }
    }
    Ok(())
}

/// A thread that must not read now looks again after so long.
const NAP: u64 = 50_000_000;

/// What is needed of a stack: the rest is never touched, and costs no memory.
const STACK: usize = 256 * 1024;

//! One thread, sockets that do not wait (`O_NONBLOCK`), and a loop that asks each of them in turn. Where a whole round brought nothing
//! it naps. It asks all, however few have something to say: each round costs as much as there are connections, and whoever
//! writes into the nap waits for its end.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::connection::Connection;
use super::datagrams::Peers;
use super::event::Event;
use super::listener::{Accepted, Listener, Place};
use super::serve::{MESSAGE_BUFFER, Server, pump};
use super::service::{Peer, Waker};
use super::told::ToldSocket;
use crate::sys::clock::{Now, monotonic};

pub(super) fn serve(server: &Server, listener: Listener) -> io::Result<()> {
    let mut listener = Some(listener);
    let mut open: Vec<(ToldSocket, Connection, Place)> = Vec::new();
    let mut buffer = vec![0; MESSAGE_BUFFER];
    while listener.is_some() || !open.is_empty() {
        let mut moved = false;
        if let Some(asked) = &mut listener {
            while let Accepted::Connection(socket, peer, place) = asked.accept(server) {
                open.push((socket, begin(server, peer)?, place));
                open.last().map(|(socket, ..)| socket.set_nonblocking(true)).transpose()?;
                moved = true;
            }
        }
        open.retain_mut(|(socket, connection, _)| {
            let pumped = pump(socket, connection, &mut buffer, true);
            // Who has more to do at once is not made to wait for the end of a nap.
            moved |= pumped.moved || pumped.wants.is_due(monotonic());
            let end = pumped.wants.end;
            end.iter().for_each(|end| server.closed(connection, end));
            end.is_none()
        });
        if listener.is_some()
            && let Some(until) = server.must_end()
        {
            listener = None;
            server.watch.event(&Event::Draining { connections: open.len() });
            for (socket, connection, _) in &mut open {
                connection.drain(until);
                // What has come already is read, and then the end.
                let _ = socket.shutdown(Shutdown::Read);
            }
        }
        if !moved {
            thread::sleep(NAP);
        }
    }
    Ok(())
}

fn begin(server: &Server, peer: Peer) -> io::Result<Connection> {
    server.watch.event(&Event::Opened { peer: &peer });
    let session = server.service.open(&peer, Arc::new(Unneeded));
    Ok(Connection::open(peer, session, server.limits, Now::read()))
}

/// All are asked in each round.
struct Unneeded;

impl Waker for Unneeded {
    fn wake(&self) {}
}

pub(super) fn serve_datagrams(server: &Server, socket: &ToldSocket) -> io::Result<()> {
    let mut peers = Peers::new(server)?;
    socket.set_nonblocking(true)?;
    while let Some(left) = peers.answer(socket) {
        if !peers.receive(socket) && left != Some(0) {
            thread::sleep(NAP);
        }
    }
    Ok(())
}

/// How long it naps: longer, and answers come late; shorter, and it asks in vain more often.
const NAP: Duration = Duration::from_millis(1);

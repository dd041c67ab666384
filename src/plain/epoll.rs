//! One thread, which waits for all sockets at once: the kernel keeps the list of them and tells which are ready (epoll(7)). A round costs
//! as much as there is to do, however many connections there are. What each connection is waiting for stands in a table in
//! place of a stack, so that the code says it by hand.

use std::collections::HashMap;
use std::io;
use std::net::Shutdown;
use std::sync::{Arc, Mutex};

use super::connection::Connection;
use super::datagrams::Peers;
use super::event::{End, Event};
use super::listener::{Accepted, Listener, Place, RETRY};
use super::mailbox::lock;
use super::serve::{MESSAGE_BUFFER, Server, pump};
use super::service::{Peer, Waker};
use super::timers::Timers;
use super::told::ToldSocket;
use crate::sys::bell::Bell;
use crate::sys::clock::{Now, monotonic};
use crate::sys::epoll::{Epoll, Interest};

pub(super) fn serve(server: &Server, listener: Listener) -> io::Result<()> {
    let mut round = Round {
        server,
        epoll: Epoll::new()?,
        listener: Some(listener),
        open: HashMap::new(),
        timers: Timers::default(),
        woken: Arc::new(Woken::new()?),
        buffer: vec![0; MESSAGE_BUFFER],
    };
    if let Some(listener) = &round.listener {
        round.epoll.add(listener, LISTENER, Interest::READ)?;
    }
    round.epoll.add(&server.stop, STOP, Interest::READ)?;
    round.epoll.add(&round.woken.bell, WOKEN, Interest::READ)?;
    let mut ready = Vec::new();
    while round.listener.is_some() || !round.open.is_empty() {
        let left = round.timers.next().map(|at| at.saturating_sub(monotonic()));
        round.epoll.wait(left, &mut ready)?;
        for ready in &ready {
            match ready.key {
                LISTENER => round.accept()?,
                STOP => round.drain()?,
                WOKEN => {}
                key => round.look_after(key, ready.read)?,
            }
        }
        // What is due again at once is so in the next round: others have their turn before, and whoever asks it to end.
        for key in round.timers.all_due(monotonic()) {
            match key {
                LISTENER => round.listen_again()?,
                key => round.look_after(key, false)?,
            }
        }
        for key in round.woken.take() {
            round.look_after(key, false)?;
        }
    }
    Ok(())
}

/// What the rounds work on.
struct Round<'s> {
    server: &'s Server,
    epoll: Epoll,
    listener: Option<Listener>,
    open: HashMap<u64, Held>,
    timers: Timers,
    woken: Arc<Woken>,
    buffer: Vec<u8>,
}

/// A connection, and what the kernel was told to wait for.
struct Held {
    socket: ToldSocket,
    connection: Connection,
    interest: Interest,
    _place: Place,
}

impl Round<'_> {
    fn accept(&mut self) -> io::Result<()> {
        for _ in 0..ACCEPTS {
            let Some(listener) = &mut self.listener else { break };
            match listener.accept(self.server) {
                Accepted::Connection(socket, peer, place) => self.begin(socket, peer, place)?,
                Accepted::Nobody => break,
                Accepted::Wait => {
                    // It stays readable: who listens to it now would not sleep any more.
                    self.epoll.remove(&*listener)?;
                    self.timers.set(LISTENER, monotonic().saturating_add(RETRY));
                    break;
                }
            }
        }
        Ok(())
    }

    fn listen_again(&mut self) -> io::Result<()> {
        self.listener.iter().try_for_each(|listener| self.epoll.add(listener, LISTENER, Interest::READ))
    }

    fn begin(&mut self, socket: ToldSocket, peer: Peer, place: Place) -> io::Result<()> {
        self.server.watch.event(&Event::Opened { peer: &peer });
        let key = peer.id.saturating_add(FIRST);
        let waker = Arc::new(KeyWaker { key, woken: Arc::clone(&self.woken) });
        let session = self.server.service.open(&peer, waker);
        let mut connection = Connection::open(peer, session, self.server.limits, Now::read());
        let interest = Interest::READ;
        if let Err(error) = socket.set_nonblocking(true).and_then(|()| self.epoll.add(&socket, key, interest))
        {
            connection.failed(End::of(&error));
        }
        self.open.insert(key, Held { socket, connection, interest, _place: place });
        self.look_after(key, false)
    }

    /// Reads once if something came, sends what there is, and has the kernel wait for what is wanted next.
    fn look_after(&mut self, key: u64, may_read: bool) -> io::Result<()> {
        let Some(held) = self.open.get_mut(&key) else { return Ok(()) };
        let wants = pump(&held.socket, &mut held.connection, &mut self.buffer, may_read).wants;
        if let Some(end) = wants.end {
            self.server.closed(&held.connection, &end);
            self.timers.forget(key);
            self.open.remove(&key);
            return Ok(());
        }
        let interest = Interest { read: wants.read, write: wants.write };
        if interest != held.interest {
            let none = Interest::default();
            match (held.interest == none, interest == none) {
                (true, _) => self.epoll.add(&held.socket, key, interest)?,
                // The end of a connection is told in any case, and again and again: of one that may not be read from, nothing is.
                (_, true) => self.epoll.remove(&held.socket)?,
                _ => self.epoll.change(&held.socket, key, interest)?,
            }
            held.interest = interest;
        }
        wants.at.iter().for_each(|at| self.timers.set(key, *at));
        Ok(())
    }

    fn drain(&mut self) -> io::Result<()> {
        self.epoll.remove(&self.server.stop)?;
        self.listener = None;
        self.server.watch.event(&Event::Draining { connections: self.open.len() });
        let until = self.server.must_end().unwrap_or_default();
        let keys: Vec<u64> = self.open.keys().copied().collect();
        for key in keys {
            if let Some(held) = self.open.get_mut(&key) {
                held.connection.drain(until);
                // What has come already is read, and then the end.
                let _ = held.socket.shutdown(Shutdown::Read);
            }
            self.look_after(key, false)?;
        }
        Ok(())
    }
}

/// Connections of which a session has something to say that nobody asked for.
pub(super) struct Woken {
    keys: Mutex<Vec<u64>>,
    pub(super) bell: Bell,
}

impl Woken {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { keys: Mutex::default(), bell: Bell::new()? })
    }

    pub(super) fn take(&self) -> Vec<u64> {
        let mut keys = lock(&self.keys);
        if !keys.is_empty() {
            self.bell.silence();
        }
        std::mem::take(&mut *keys)
    }
}

pub(super) struct KeyWaker {
    pub(super) key: u64,
    pub(super) woken: Arc<Woken>,
}

impl Waker for KeyWaker {
    fn wake(&self) {
        let mut keys = lock(&self.woken.keys);
        if keys.is_empty() {
            self.woken.bell.ring();
        }
        keys.push(self.key);
    }
}

pub(super) fn serve_datagrams(server: &Server, socket: &ToldSocket) -> io::Result<()> {
    let mut peers = Peers::new(server)?;
    let mut epoll = Epoll::new()?;
    socket.set_nonblocking(true)?;
    epoll.add(socket, LISTENER, Interest::READ)?;
    epoll.add(&server.stop, STOP, Interest::READ)?;
    epoll.add(peers.bell(), WOKEN, Interest::READ)?;
    let mut ready = Vec::new();
    while let Some(left) = peers.answer(socket) {
        epoll.wait(left, &mut ready)?;
        for ready in &ready {
            match ready.key {
                LISTENER => drop(peers.receive(socket)),
                STOP => epoll.remove(&server.stop)?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// Connections that are taken before those that stand are looked after again.
const ACCEPTS: u32 = 64;

const LISTENER: u64 = 0;
const STOP: u64 = 1;
const WOKEN: u64 = 2;
const FIRST: u64 = 3;

//! Datagrams: there are no connections, but addresses that write. Each has a session while it is heard of.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use super::connection::Connection;
use super::epoll::{KeyWaker, Woken};
use super::event::{End, Event, Wait};
use super::refused::Refused;
use super::serve::{MESSAGE_BUFFER, SENDS, Server, is_nothing};
use super::service::Peer;
use super::timers::Timers;
use super::told::ToldSocket;
use crate::sys::clock::{Now, monotonic};
use crate::sys::socket_address::SocketAddress;

/// All addresses that have written, and what waits to be sent to them.
pub struct Peers<'s> {
    server: &'s Server,
    ids: HashMap<SocketAddress, u64>,
    open: HashMap<u64, Connection>,
    /// All of them, those first that were not looked at for longest, with when they were heard of last then.
    heard: VecDeque<(u64, u64)>,
    /// Those that something is to be done for.
    touched: Vec<u64>,
    refused: Refused,
    timers: Timers,
    woken: Arc<Woken>,
    next_id: u64,
    full: bool,
    draining: bool,
    buffer: Vec<u8>,
}

impl<'s> Peers<'s> {
    /// Nobody has written yet.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub(super) fn new(server: &'s Server) -> io::Result<Self> {
        Ok(Self {
            server,
            ids: HashMap::new(),
            open: HashMap::new(),
            heard: VecDeque::new(),
            touched: Vec::new(),
            refused: Refused::new(server.limits.connections, server.limits.idle),
            timers: Timers::default(),
            woken: Arc::new(Woken::new()?),
            next_id: 1,
            full: false,
            draining: false,
            buffer: vec![0; MESSAGE_BUFFER],
        })
    }

    /// Readable when a session has something to say that nobody asked for.
    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.woken.bell.as_fd()
    }

    /// Takes one datagram; whether there was one.
    pub(super) fn receive(&mut self, socket: &ToldSocket) -> bool {
        let mut buffer = std::mem::take(&mut self.buffer);
        let received = socket.receive_from(&mut buffer);
        // Other errors are of what was sent before, such as a port that is closed.
        let came = !received.as_ref().is_err_and(is_nothing);
        if let Ok((len, from)) = received {
            self.received(from, buffer.get(..len).unwrap_or_default());
        }
        self.buffer = buffer;
        came
    }

    fn received(&mut self, from: SocketAddress, octets: &[u8]) {
        let now = Now::read();
        let id = match self.ids.get(&from) {
            Some(id) => *id,
            None => match self.meet(from, now) {
                Some(id) => id,
                None => return,
            },
        };
        if let Some(connection) = self.open.get_mut(&id) {
            // Nobody can be kept from writing: what is beyond limits is passed over.
            if connection.wants(now).read {
                connection.received(octets, now);
            } else {
                let (address, why) =
                    (&connection.peer.address, "it writes faster than is allowed, or does not read");
                self.server.watch.event(&Event::Lost { address, why });
            }
            self.touched.push(id);
        }
    }

    fn meet(&mut self, from: SocketAddress, now: Now) -> Option<u64> {
        let watch = &self.server.watch;
        // Who was refused is no new one when it writes again.
        if self.draining || self.refused.has(&from, now.monotonic) {
            return None;
        }
        if self.open.len() >= self.server.limits.connections && !self.make_room() {
            if !std::mem::replace(&mut self.full, true) {
                watch.event(&Event::Waiting { why: &Wait::Limit(self.server.limits.connections) });
            }
            return None;
        }
        self.full = false;
        let id = self.next_id;
        self.next_id = id.saturating_add(1);
        let peer = Peer { id, address: from.clone(), keeps_messages: true, is_datagrams: true };
        watch.event(&Event::Opened { peer: &peer });
        let session =
            self.server.service.open(&peer, Arc::new(KeyWaker { key: id, woken: Arc::clone(&self.woken) }));
        self.open.insert(id, Connection::meet(peer, session, self.server.limits, now));
        self.ids.insert(from, id);
        if self.heard.len() > self.open.len().saturating_mul(2).saturating_add(64) {
            self.heard.retain(|(id, _)| self.open.contains_key(id));
        }
        self.heard.push_back((id, now.monotonic));
        Some(id)
    }

    /// Forgets somebody who was not heard of since it was looked at last, and waits for nothing, so that somebody else may come: an
    /// address costs whoever writes it nothing. Whether there was one. Those who are to hear of others are kept.
    fn make_room(&mut self) -> bool {
        if self.server.service.speaks_unasked() {
            return false;
        }
        // Around once to look at all, and once more to find one.
        for _ in 0..self.heard.len().saturating_mul(2) {
            let Some((id, at)) = self.heard.pop_front() else { return false };
            match self.open.get(&id).map(|connection| (connection.active(), connection.output().is_empty())) {
                None => {}
                Some((active, true)) if active == at => {
                    self.end(id, &End::Idle);
                    return true;
                }
                Some((active, _)) => self.heard.push_back((id, active)),
            }
        }
        false
    }

    /// Sends what there is to send. `None` when it was asked to end, and all have what was for them; else the nanoseconds until
    /// something is to be done again if nothing comes before, where there are such.
    pub(super) fn answer(&mut self, socket: &ToldSocket) -> Option<Option<u64>> {
        self.begin_to_drain();
        let mut touched = std::mem::take(&mut self.touched);
        touched.extend(self.woken.take());
        touched.extend(self.timers.all_due(monotonic()));
        // Each once: who has more to do has its next turn when others have written, and had theirs.
        for id in touched {
            self.look_after(id, socket);
        }
        let is_done = self.draining && self.open.is_empty();
        (!is_done).then(|| match self.touched.is_empty() {
            true => self.timers.next().map(|at| at.saturating_sub(monotonic())),
            false => Some(0),
        })
    }

    fn look_after(&mut self, id: u64, socket: &ToldSocket) {
        let Some(connection) = self.open.get_mut(&id) else { return };
        let mut sends = 0..SENDS;
        let end = loop {
            let wants = connection.wants(Now::read());
            if let Some(end) = wants.end {
                break end;
            }
            if wants.fin {
                break connection.end_by_service();
            }
            if !wants.write {
                wants.at.iter().for_each(|at| self.timers.set(id, *at));
                return;
            }
            if sends.next().is_none() {
                self.touched.push(id);
                return;
            }
            match socket.send_to(connection.output(), &connection.peer.address) {
                Ok(_) => connection.sent(connection.output().len(), Now::read()),
                Err(error) if is_nothing(&error) => {
                    self.timers.set(id, monotonic().saturating_add(AGAIN));
                    return;
                }
                Err(error) => {
                    let (address, why) =
                        (&connection.peer.address, crate::sys::error::Cause(&error).to_string());
                    self.server.watch.event(&Event::Lost { address, why: &why });
                    break End::of(&error);
                }
            }
        };
        self.end(id, &end);
    }

    fn end(&mut self, id: u64, end: &End) {
        self.timers.forget(id);
        if let Some(connection) = self.open.remove(&id) {
            self.server.closed(&connection, end);
            self.ids.remove(&connection.peer.address);
            if connection.has_too_much() {
                self.refused.put(connection.peer.address, monotonic());
            }
        }
    }

    fn begin_to_drain(&mut self) {
        if self.draining || self.server.stop.asked().is_none() {
            return;
        }
        self.draining = true;
        self.server.watch.event(&Event::Draining { connections: self.open.len() });
        let until = self.server.must_end().unwrap_or_default();
        for (id, connection) in &mut self.open {
            connection.drain(until);
            connection.input_ended(Now::read());
            self.touched.push(*id);
        }
    }
}

/// Where a socket takes nothing now, it is tried again after so long.
const AGAIN: u64 = 5_000_000;

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::plain::event::Watch;
    use crate::plain::limits::Limits;
    use crate::plain::outbox::Outbox;
    use crate::plain::service::{Service, Session, Waker};
    use crate::plain::stop::Stop;
    use crate::sys::socket::{Family, SocketType};

    /// Always has something to do; and to say, where this is not empty.
    #[derive(Clone, Copy)]
    struct Busy(&'static [u8]);

    impl Service for Busy {
        fn open(&self, _: &Peer, _: Arc<dyn Waker>) -> Box<dyn Session> {
            Box::new(*self)
        }
    }

    impl Session for Busy {
        fn received(&mut self, _: &[u8], _: Now, _: &mut Outbox) {}

        fn fill(&mut self, _: Now, out: &mut Outbox) {
            if !self.0.is_empty() {
                out.put(self.0);
            }
        }

        fn due(&self) -> Option<u64> {
            Some(0)
        }
    }

    struct Nobody;

    impl Watch for Nobody {
        fn event(&self, _: &Event<'_>) {}
    }

    #[test]
    fn who_always_has_more_to_do_leaves_others_their_turn() {
        let (sender, returned) = channel();
        for said in [&b""[..], b"more"] {
            let sender = sender.clone();
            // Should it never return, the test does.
            thread::spawn(move || {
                let socket = ToldSocket::open(Family::Inet, SocketType::Datagram, None).unwrap();
                socket.bind(&SocketAddress::Ip("127.0.0.1:0".parse().unwrap())).unwrap();
                let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
                peer.send_to(b"hello", socket.socket().local().ip().unwrap()).unwrap();
                let (service, watch) = (Arc::new(Busy(said)), Arc::new(Nobody));
                let (limits, stop) = (Limits::default(), Stop::new().unwrap());
                let server = Server { service, limits, watch, stop };
                let mut peers = Peers::new(&server).unwrap();
                assert!(peers.receive(&socket));
                sender.send([peers.answer(&socket), peers.answer(&socket)]).unwrap();
            });
            let left = returned.recv_timeout(Duration::from_secs(20));
            assert_eq!(left, Ok([Some(Some(0)); 2]), "{}", said.escape_ascii());
        }
    }
}

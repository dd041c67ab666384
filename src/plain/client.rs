//! The other side: one connection of ours, carried by a loop over poll(2).

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use super::connection::Connection;
use super::event::End;
use super::limits::Limits;
use super::serve::{MESSAGE_BUFFER, pump};
use super::service::{Peer, Service, Waker};
use super::stop::Stop;
use super::told::ToldSocket;
use crate::sys::bell::Bell;
use crate::sys::clock::{Now, monotonic};
use crate::sys::poll;

/// Carries octets between a connected socket and a session of `service` until one of them ends, or it is asked to.
///
/// # Errors
/// When the system cannot wait.
pub fn talk(
    socket: &ToldSocket,
    peer: Peer,
    service: &dyn Service,
    limits: Limits,
    stop: &Stop,
) -> io::Result<(End, super::event::Counts)> {
    socket.set_nonblocking(true)?;
    let bell = Arc::new(BellWaker(Bell::new()?));
    let waker: Arc<dyn Waker> = Arc::clone(&bell) as Arc<dyn Waker>;
    let session = service.open(&peer, waker);
    let mut connection = Connection::open(peer, session, limits, Now::read());
    let mut buffer = vec![0; MESSAGE_BUFFER];
    let mut may_read = false;
    loop {
        if let Some(at) = stop.asked() {
            connection.drain(at);
        }
        let pumped = pump(socket, &mut connection, &mut buffer, may_read);
        if let Some(end) = pumped.wants.end {
            return Ok((end, connection.counts(Now::read())));
        }
        may_read = false;
        if pumped.moved && !pumped.write_blocked && pumped.wants.write {
            continue;
        }
        let left = pumped.wants.at.map(|at| at.saturating_sub(monotonic()));
        let mut readers = vec![bell.0.as_fd(), stop.as_fd()];
        readers.extend(pumped.wants.read.then(|| socket.as_fd()));
        let writers: Vec<_> = pumped.wants.write.then(|| socket.as_fd()).into_iter().collect();
        let ready = poll::wait(&readers, &writers, left)?;
        bell.0.silence();
        may_read = pumped.wants.read && ready.get(2).is_some_and(|ready| ready.any());
    }
}

struct BellWaker(Bell);

impl Waker for BellWaker {
    fn wake(&self) {
        self.0.ring();
    }
}

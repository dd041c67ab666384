//! What a service is to a driver: what to do when somebody comes, writes, has written all, or may be sent more.

use std::sync::Arc;

use super::outbox::Outbox;
use crate::sys::clock::Now;
use crate::sys::socket_address::SocketAddress;

/// A service, which all who come share.
pub trait Service: Send + Sync {
    /// Somebody has come: what is said between the two of us. `waker` is for services in which one's words reach others: it has the
    /// driver call [`Session::fill`] soon, from whatever thread it is used.
    fn open(&self, peer: &Peer, waker: Arc<dyn Waker>) -> Box<dyn Session>;

    /// Whether sessions have something to say without being asked, and so use their wakers.
    fn speaks_unasked(&self) -> bool {
        false
    }
}

/// Who has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// A number of ours, from 1.
    pub id: u64,
    /// Where it is from.
    pub address: SocketAddress,
    /// Whether where a message ends is kept (datagrams, `SOCK_SEQPACKET`).
    pub keeps_messages: bool,
    /// It writes datagrams: there is no connection, and no end of it.
    pub is_datagrams: bool,
}

impl Peer {
    /// What it is called before others: its address, and its number where it has none.
    pub fn name(&self) -> String {
        match self.address {
            SocketAddress::Unnamed => format!("client {}", self.id),
            _ => self.address.to_string(),
        }
    }
}

/// Has the driver look after a session.
pub trait Waker: Send + Sync {
    /// There is something to send.
    fn wake(&self);
}

/// When a session takes what comes. Until it does, nothing is read of a connection, neither octets nor its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hears {
    /// Not now.
    Nothing,
    /// While there is room for answers: so whoever writes and does not read cannot have them pile up.
    WithRoom,
    /// Always: what it says is no answer to what it hears.
    Always,
}

/// One peer of a service. It never waits: what it says goes into the outbox.
pub trait Session: Send {
    /// The connection stands. Not called for datagrams.
    fn opened(&mut self, _now: Now, _out: &mut Outbox) {}

    /// Octets have come: a piece of a stream, or a whole message.
    fn received(&mut self, octets: &[u8], now: Now, out: &mut Outbox);

    /// When it takes what comes.
    fn hears(&self) -> Hears {
        Hears::WithRoom
    }

    /// There is room in the outbox, or the waker was used, or [`due`](Self::due) has come.
    fn fill(&mut self, _now: Now, _out: &mut Outbox) {}

    /// The monotonic time at which [`fill`](Self::fill) has something to do; `None` where it has not. Whoever has much to do does a
    /// part of it, and has the rest due at once: others have their turn in between.
    fn due(&self) -> Option<u64> {
        None
    }

    /// The peer has ended, or we have to. What was not sent goes out before the connection ends.
    fn input_ended(&mut self, _now: Now, out: &mut Outbox) {
        out.close();
    }
}

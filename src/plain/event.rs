//! What happens at a server, told to whoever watches.

use std::io;

use super::service::Peer;
use crate::sys::socket_address::SocketAddress;

/// Something that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// Connections, or datagrams, are taken from now on.
    Listening {
        /// Here.
        address: &'a SocketAddress,
    },
    /// Somebody has come.
    Opened {
        /// Who.
        peer: &'a Peer,
    },
    /// Somebody has gone.
    Closed {
        /// Who.
        peer: &'a Peer,
        /// How it ended.
        end: &'a End,
        /// What passed.
        counts: Counts,
    },
    /// No more connections are taken for the time being: new ones wait.
    Waiting {
        /// Why.
        why: &'a Wait,
    },
    /// Connections are taken again.
    Resumed,
    /// A datagram could not be answered, or was not looked at.
    Lost {
        /// Whose it was.
        address: &'a SocketAddress,
        /// Why.
        why: &'a str,
    },
    /// The server ends, once these have ended.
    Draining {
        /// How many there are.
        connections: usize,
    },
    /// A service has something to say.
    Note {
        /// About whom.
        peer: &'a str,
        /// What.
        text: &'a str,
    },
    /// A file goes out or comes in.
    Progress {
        /// To or from whom.
        peer: &'a str,
        /// What it is called.
        file: &'a str,
        /// Octets that have passed, with those of earlier attempts.
        done: u64,
        /// Octets altogether.
        total: u64,
    },
}

/// Why no more connections are taken.
#[derive(Debug)]
pub enum Wait {
    /// There are as many as there may be.
    Limit(usize),
    /// The system has no more (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`).
    System(io::Error),
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The peer has ended, and was answered.
    ByPeer,
    /// The service has said all.
    ByService,
    /// Nothing passed for as long as is allowed.
    Idle,
    /// It took nothing of what waited for it for as long as is allowed.
    Stalled,
    /// The server ended before it did.
    Drained,
    /// It did what is not allowed.
    Refused(String),
    /// The peer reset the connection.
    Reset,
    /// The socket failed otherwise.
    Failed(String),
}

impl End {
    /// Of what the socket said.
    pub fn of(error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ECONNRESET | libc::EPIPE) => Self::Reset,
            // Of datagrams, whose port nobody has.
            Some(libc::ECONNREFUSED) => Self::Failed("connection refused: nobody listens there".to_owned()),
            _ => Self::Failed(crate::sys::error::Cause(error).to_string()),
        }
    }
}

/// What passed on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Octets that came.
    pub octets_in: u64,
    /// Octets that went.
    pub octets_out: u64,
    /// How often something came.
    pub reads: u64,
    /// How long it stood, in nanoseconds.
    pub took: u64,
}

/// Whoever watches. Called from all threads of a driver.
pub trait Watch: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}

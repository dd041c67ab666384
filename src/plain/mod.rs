//! The plain side: what the kernel's own sockets do, to compare the raw side with.
//!
//! A [`service::Service`] says what to answer and knows no socket. A [`connection::Connection`] holds one of its sessions, what is
//! still to be sent, and the limits; it knows neither socket nor clock. Four drivers carry octets between connections and sockets,
//! each in its own way, and are meant to be read side by side:
//!
//! * [`threads`]: a thread for each connection, which waits in `recv`.
//! * [`nonblocking`]: one thread, which asks all sockets in turn.
//! * [`mod@epoll`]: one thread, which the kernel tells what is ready.
//! * `asynchronous`: tasks, which tokio runs when what they wait for is ready.
//!
//! Datagrams have no connections: [`datagrams::Peers`] holds a session for each address that writes.

#[cfg(feature = "async")]
pub mod asynchronous;
pub mod chargen;
pub mod chat;
pub mod client;
pub mod connection;
pub mod datagrams;
pub mod discard;
pub mod echo;
pub mod epoll;
pub mod event;
pub mod file_receive;
pub mod file_send;
pub mod file_words;
pub mod files;
pub mod limits;
pub mod listener;
pub mod mailbox;
pub mod messages;
pub mod nonblocking;
pub mod outbox;
pub mod pipe;
mod refused;
pub mod serve;
pub mod service;
pub mod stop;
pub mod threads;
pub mod time;
pub mod timers;
pub mod told;

//! `pipe`: what one peer says goes to stdout, and what comes from stdin goes to that peer. `connect` is the same from the other side.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex};

use super::mailbox::{Mailbox, lock};
use super::outbox::Outbox;
use super::service::{Hears, Peer, Service, Session, Waker};
use super::stop::Stop;
use crate::sys::clock::Now;
use crate::sys::error::Cause;

/// The service.
pub struct Pipe {
    shared: Arc<Shared>,
    options: PipeOptions,
}

/// How a pipe ends.
#[derive(Debug, Clone)]
pub struct PipeOptions {
    /// Asked to stop when the peer has gone; `None` waits for the next one.
    pub stop: Option<Stop>,
    /// Once there is nothing more to say, a peer that writes datagrams is listened to until nothing has come for so many
    /// nanoseconds: it cannot say that it has ended.
    pub silence: u64,
    /// A peer that has ended, and so may still listen, is sent what comes from the input until that ends, or nothing has come for
    /// so many nanoseconds.
    pub after_end: u64,
    /// Octets that wait for the peer.
    pub queue: usize,
}

struct Shared {
    held: Mutex<Held>,
    /// Somebody has come, or there is room.
    changed: Condvar,
    sink: Mutex<Box<dyn Write + Send>>,
    /// Octets that wait for the peer.
    queue: usize,
}

#[derive(Default)]
struct Held {
    /// Who has the pipe.
    peer: Option<(u64, Arc<Mailbox>)>,
    /// There is nothing more to say.
    ended: bool,
    /// Nobody takes anything any more.
    stopped: bool,
}

/// Where what is said goes in, from a thread of its own, which waits while there is no room.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

impl Pipe {
    /// A pipe into `sink`, and what feeds it.
    pub fn new(sink: Box<dyn Write + Send>, options: PipeOptions) -> (Self, Feed) {
        let (held, changed, queue) = (Mutex::default(), Condvar::new(), options.queue);
        let shared = Arc::new(Shared { held, changed, sink: Mutex::new(sink), queue });
        (Self { shared: Arc::clone(&shared), options }, Feed(shared))
    }
}

impl Feed {
    /// Octets that one message may have: there will never be room for more.
    pub fn longest(&self) -> usize {
        self.0.queue
    }

    /// Says something of at most [`longest`](Self::longest) octets to whoever has the pipe, and waits until somebody has it, and there
    /// is room. `false` when it is over.
    pub fn put(&self, message: &[u8]) -> bool {
        let message: Arc<[u8]> = message.into();
        let mut held = lock(&self.0.held);
        loop {
            if held.stopped {
                return false;
            }
            if let Some((_, mailbox)) = &held.peer
                && mailbox.room() >= message.len()
            {
                mailbox.put(&message);
                return true;
            }
            held = self.0.changed.wait(held).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    /// There is nothing more to say.
    pub fn end(&self) {
        let mut held = lock(&self.0.held);
        held.ended = true;
        held.peer.iter().for_each(|(_, mailbox)| mailbox.wake());
    }
}

impl Service for Pipe {
    fn open(&self, peer: &Peer, waker: Arc<dyn Waker>) -> Box<dyn Session> {
        let mailbox = Arc::new(Mailbox::new(self.options.queue, waker));
        let mut held = lock(&self.shared.held);
        let is_free = held.peer.is_none();
        if is_free {
            held.peer = Some((peer.id, Arc::clone(&mailbox)));
            self.shared.changed.notify_all();
        }
        Box::new(End {
            id: peer.id,
            mailbox: is_free.then_some(mailbox),
            shared: Arc::clone(&self.shared),
            options: self.options.clone(),
            is_datagrams: peer.is_datagrams,
            silent_at: None,
            peer_ended: false,
        })
    }

    fn speaks_unasked(&self) -> bool {
        true
    }
}

/// One peer's end of the pipe.
struct End {
    id: u64,
    /// `None` of those who found the pipe taken.
    mailbox: Option<Arc<Mailbox>>,
    shared: Arc<Shared>,
    options: PipeOptions,
    is_datagrams: bool,
    /// Where it cannot say that it has ended: by when it has.
    silent_at: Option<u64>,
    /// It has said that it has ended.
    peer_ended: bool,
}

impl Session for End {
    fn opened(&mut self, _: Now, out: &mut Outbox) {
        if self.mailbox.is_none() {
            out.put(b"somebody else has this pipe\n");
            out.refuse("somebody else has the pipe");
        }
    }

    fn received(&mut self, octets: &[u8], now: Now, out: &mut Outbox) {
        if self.mailbox.is_none() {
            return;
        }
        self.silent_at = self
            .silent_at
            .filter(|_| !self.peer_ended)
            .map(|_| now.monotonic.saturating_add(self.options.silence));
        let mut sink = lock(&self.shared.sink);
        match sink.write_all(octets).and_then(|()| sink.flush()) {
            Ok(()) => {}
            // As of `head`: whoever read has what was wanted.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => out.close(),
            Err(error) => out.refuse(format!("what it says cannot be written: {}", Cause(&error))),
        }
    }

    fn fill(&mut self, now: Now, out: &mut Outbox) {
        let Some(mailbox) = &self.mailbox else { return };
        let held = lock(&self.shared.held);
        while out.room() > 0 {
            let Some(message) = mailbox.take() else { break };
            out.put(&message);
            if self.peer_ended {
                self.silent_at = Some(now.monotonic.saturating_add(self.options.after_end));
            }
        }
        let is_silent = self.silent_at.is_some_and(|at| at <= now.monotonic);
        if self.peer_ended && out.room() > 0 && (held.ended || is_silent) {
            out.close();
            return;
        }
        self.shared.changed.notify_all();
        if held.ended && out.room() > 0 {
            match self.is_datagrams {
                false => out.finish(),
                true => {
                    let silent_at = now.monotonic.saturating_add(self.options.silence);
                    if *self.silent_at.get_or_insert(silent_at) <= now.monotonic {
                        out.close();
                    }
                }
            }
        }
    }

    fn due(&self) -> Option<u64> {
        self.silent_at
    }

    /// The peer may be one that reads no more before it is read from, as an echo.
    fn hears(&self) -> Hears {
        Hears::Always
    }

    fn input_ended(&mut self, now: Now, out: &mut Outbox) {
        self.peer_ended = true;
        self.silent_at = Some(now.monotonic.saturating_add(self.options.after_end));
        self.fill(now, out);
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if self.mailbox.is_none() {
            return;
        }
        let mut held = lock(&self.shared.held);
        if held.peer.as_ref().is_some_and(|(id, _)| *id == self.id) {
            held.peer = None;
        }
        if let Some(stop) = &self.options.stop {
            held.stopped = true;
            stop.ask();
        }
        self.shared.changed.notify_all();
    }
}

//! What is to be sent to one peer: a bounded queue.

use std::collections::VecDeque;

/// Octets on their way out. Services are asked for more only while there is [`room`](Self::room), and nothing is read while there is
/// none, so that it holds at most the limit and what one message adds.
#[derive(Debug)]
pub struct Outbox {
    octets: Vec<u8>,
    /// How many of them were sent.
    sent: usize,
    limit: usize,
    /// Where messages end, counted from the last one; `None` for a stream, in which they need not be kept apart.
    lens: Option<VecDeque<usize>>,
    ending: Ending,
    refusal: Option<String>,
}

impl Outbox {
    /// An empty one.
    pub fn new(limit: usize, keeps_messages: bool) -> Self {
        let lens = keeps_messages.then(VecDeque::new);
        Self { octets: Vec::new(), sent: 0, limit, lens, ending: Ending::Open, refusal: None }
    }

    /// Appends a message.
    pub fn put(&mut self, message: &[u8]) {
        self.octets.extend_from_slice(message);
        if let Some(lens) = &mut self.lens {
            lens.push_back(message.len());
        }
    }

    /// Octets that may be put before it is full.
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.octets.len().saturating_sub(self.sent))
    }

    /// Ends the connection when all has been sent.
    pub fn close(&mut self) {
        self.ending = Ending::Whole;
    }

    /// Nothing more will be put: the peer is told so when all has been sent, and may go on itself (a half-close).
    pub fn finish(&mut self) {
        if self.ending == Ending::Open {
            self.ending = Ending::Half;
        }
    }

    /// Ends the connection for something that the peer did, which is told to whoever watches.
    pub fn refuse(&mut self, why: impl Into<String>) {
        self.refusal.get_or_insert(why.into());
        self.close();
    }

    /// Whether the connection ends when all has been sent.
    pub fn is_closing(&self) -> bool {
        self.ending == Ending::Whole
    }

    /// Whether nothing more will be put.
    pub fn is_finished(&self) -> bool {
        self.ending != Ending::Open
    }

    /// Why the peer was refused.
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// What is sent next: all there is, or a whole message; `None` when there is nothing.
    pub fn next(&self) -> Option<&[u8]> {
        let waiting = self.octets.get(self.sent..).unwrap_or_default();
        match &self.lens {
            None => Some(waiting).filter(|waiting| !waiting.is_empty()),
            Some(lens) => waiting.get(..*lens.front()?),
        }
    }

    /// So many octets of [`next`](Self::next) were sent; of a message, all of it went or nothing.
    pub fn sent(&mut self, len: usize) {
        let len = match &mut self.lens {
            None => len,
            Some(lens) => lens.pop_front().unwrap_or(0),
        };
        self.sent = self.sent.saturating_add(len);
        if self.sent >= self.octets.len() {
            self.sent = 0;
            // Of thousands of connections, most wait most of the time: they hold no memory.
            if self.octets.capacity() > SMALL { self.octets = Vec::new() } else { self.octets.clear() }
        } else if self.sent > self.limit {
            self.octets.drain(..self.sent);
            self.sent = 0;
        }
    }
}

/// What is to end when all has been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Open,
    /// Our side of the connection.
    Half,
    /// The connection.
    Whole,
}

/// A buffer that is not worth giving back.
const SMALL: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_runs_together_and_messages_stay_apart() {
        let mut stream = Outbox::new(10, false);
        assert_eq!(stream.next(), None);
        stream.put(b"ab");
        stream.put(b"cd");
        assert_eq!((stream.next(), stream.room()), (Some(&b"abcd"[..]), 6));
        stream.sent(3);
        assert_eq!((stream.next(), stream.room()), (Some(&b"d"[..]), 9));
        stream.sent(1);
        assert_eq!((stream.next(), stream.room()), (None, 10));
        let mut messages = Outbox::new(10, true);
        messages.put(b"ab");
        messages.put(b"");
        messages.put(b"cd");
        let mut all = Vec::new();
        while let Some(message) = messages.next().map(<[u8]>::to_vec) {
            messages.sent(message.len());
            all.push(message);
        }
        assert_eq!(all, [&b"ab"[..], b"", b"cd"]);
    }

    #[test]
    fn it_does_not_grow_while_it_is_never_empty() {
        let mut out = Outbox::new(100, false);
        out.put(&[0; 100]);
        for _ in 0..10_000 {
            out.put(&[0; 50]);
            out.sent(50);
        }
        assert!(out.octets.capacity() < 1000, "{}", out.octets.capacity());
    }
}

//! The side of the `file` service that has the file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::event::{Event, Watch};
use super::file_words::{Line, Offer, Sum, Word};
use super::outbox::Outbox;
use super::service::Session;
use crate::sys::clock::Now;

/// A file that is offered to all who come.
#[derive(Debug)]
pub struct Offered {
    file: File,
    /// What is said of it.
    pub offer: Offer,
}

impl Offered {
    /// Reads the file once, for its sum.
    ///
    /// # Errors
    /// When it cannot be read, or is no ordinary file.
    pub fn read(mut file: File, name: String) -> io::Result<Self> {
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is no ordinary file"));
        }
        file.seek(SeekFrom::Start(0))?;
        let (mut sum, mut len, mut buffer) = (Sum::default(), 0u64, vec![0; PORTION]);
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            sum.add(buffer.get(..read).unwrap_or_default());
            len = len.saturating_add(u64::try_from(read).unwrap_or(0));
        }
        Ok(Self { file, offer: Offer { len, sum: sum.hex(), name } })
    }
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is there, whole, and its sum is right.
    Done,
    /// It is not, for this reason.
    Failed(String),
}

/// Sends a file to one peer.
pub struct Sender {
    offered: Arc<Offered>,
    peer: String,
    watch: Arc<dyn Watch>,
    line: Line,
    state: State,
    /// The peer has no more to say.
    input_over: bool,
    buffer: Vec<u8>,
    told: Box<dyn FnMut(Outcome) + Send>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Offered,
    Sending(u64),
    Sent,
    Over,
}

impl Sender {
    /// A sender to `peer`, which says what became of it to `told`.
    pub fn new(
        offered: Arc<Offered>,
        peer: String,
        watch: Arc<dyn Watch>,
        told: Box<dyn FnMut(Outcome) + Send>,
    ) -> Self {
        let (line, state, buffer) = (Line::default(), State::Offered, Vec::new());
        Self { offered, peer, watch, line, state, input_over: false, buffer, told }
    }

    fn heard(&mut self, line: &[u8], out: &mut Outbox) {
        match (Word::read(line), self.state) {
            (Some(Word::From(at)), State::Offered) if at <= self.offered.offer.len => self.reached(at),
            (Some(Word::Ok(sum)), State::Sent) if sum == self.offered.offer.sum => {
                self.over(Outcome::Done);
                out.close();
            }
            (Some(Word::Error(text)), _) => {
                self.over(Outcome::Failed(text.clone()));
                out.refuse(format!("it says: {text}"));
            }
            _ => self.refuse("FROM and a number of octets is expected, or OK and the sum at the end", out),
        }
    }

    /// So many octets are there or on their way. Whoever has all of them already may say so right behind `FROM`.
    fn reached(&mut self, at: u64) {
        self.state = if at >= self.offered.offer.len { State::Sent } else { State::Sending(at) };
    }

    fn refuse(&mut self, why: &str, out: &mut Outbox) {
        Word::Error(why.to_owned()).put(out);
        self.over(Outcome::Failed("the other side does not speak the words of files".to_owned()));
        out.refuse("it does not speak the words of files");
    }

    fn over(&mut self, outcome: Outcome) {
        if self.state != State::Over {
            self.state = State::Over;
            (self.told)(outcome);
        }
    }

    fn send(&mut self, at: u64, out: &mut Outbox) {
        let len = self.offered.offer.len;
        let left = usize::try_from(len.saturating_sub(at)).unwrap_or(usize::MAX);
        self.buffer.resize(PORTION.min(out.room()).min(left), 0);
        match self.offered.file.read_at(&mut self.buffer, at) {
            Ok(read) if read > 0 || left == 0 => {
                out.put(self.buffer.get(..read).unwrap_or_default());
                let at = at.saturating_add(u64::try_from(read).unwrap_or(0));
                self.reached(at);
                let name = &self.offered.offer.name;
                self.watch.event(&Event::Progress { peer: &self.peer, file: name, done: at, total: len });
            }
            // It has become shorter since it was offered, or the disk fails.
            failed => {
                let why = failed.err().map_or("it was cut".to_owned(), |error| error.to_string());
                self.over(Outcome::Failed(format!("the file cannot be read to its end: {why}")));
                out.refuse("the file cannot be read to its end");
            }
        }
    }
}

impl Session for Sender {
    fn opened(&mut self, _: Now, out: &mut Outbox) {
        Word::File(self.offered.offer.clone()).put(out);
    }

    fn received(&mut self, mut octets: &[u8], _: Now, out: &mut Outbox) {
        while !octets.is_empty() && self.state != State::Over {
            match self.line.take(octets) {
                Ok((taken, line)) => {
                    octets = octets.get(taken..).unwrap_or_default();
                    line.iter().for_each(|line| self.heard(line, out));
                }
                Err(()) => self.refuse("a line is too long", out),
            }
        }
    }

    fn fill(&mut self, _: Now, out: &mut Outbox) {
        if let State::Sending(at) = self.state
            && out.room() > 0
        {
            self.send(at, out);
        }
        if matches!(self.state, State::Sent | State::Over) {
            self.buffer = Vec::new();
        }
        // Nobody is left to say that all has come.
        if self.input_over && !matches!(self.state, State::Sending(_)) {
            out.close();
        }
    }

    fn due(&self) -> Option<u64> {
        // There is always more, until all has been sent.
        matches!(self.state, State::Sending(_)).then_some(0)
    }

    /// Whoever has no more to say may still read: a script that wrote `FROM 0` and ended.
    fn input_ended(&mut self, now: Now, out: &mut Outbox) {
        self.input_over = true;
        self.fill(now, out);
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.over(Outcome::Failed("it has ended without a word that all has come".to_owned()));
    }
}

/// Octets that are read at once.
const PORTION: usize = 64 * 1024;

//! The side of the `file` service that wants the file.
//!
//! While it comes it is called `NAME.SUM.part`, with the first digits of its sum, so that a later attempt goes on where this one ended,
//! and only with the same file. It gets its name when it is whole and its sum is right; what has that name already stays,
//! unless `force` replaces it.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::event::{Event, Watch};
use super::file_send::Outcome;
use super::file_words::{Line, Offer, Sum, Word};
use super::outbox::Outbox;
use super::service::{Hears, Session};
use crate::sys::clock::Now;
use crate::sys::error::Cause;
use crate::sys::folder::{Folder, check_name};

/// Where files go.
#[derive(Debug)]
pub struct Intake {
    /// Nothing outside it is written.
    pub folder: Folder,
    /// The name that a file gets, whatever its sender calls it.
    pub name: Option<String>,
    /// Replaces what is there.
    pub force: bool,
    /// Octets that a file may have.
    pub limit: u64,
}

/// Receives a file from one peer.
pub struct Receiver {
    intake: Arc<Intake>,
    peer: String,
    watch: Arc<dyn Watch>,
    line: Line,
    state: State,
    /// What came before `FROM` was said: as much as was read together with the line that says what comes.
    early: Vec<u8>,
    /// The peer has ended.
    input_over: bool,
    told: Box<dyn FnMut(Outcome) + Send>,
}

enum State {
    /// The line that says what comes.
    Waiting,
    /// What is there of it already is read, for its sum.
    Reading(Part, u64),
    Receiving(Part),
    Over,
}

struct Part {
    file: File,
    offer: Offer,
    name: String,
    part_name: String,
    sum: Sum,
    /// Octets that are there and in the sum.
    done: u64,
}

impl Part {
    fn broken(&self) -> String {
        format!("the connection ended after {} of {} octets", self.done, self.offer.len)
    }
}

impl Receiver {
    /// A receiver from `peer`, which says what became of it to `told`.
    pub fn new(
        intake: Arc<Intake>,
        peer: String,
        watch: Arc<dyn Watch>,
        told: Box<dyn FnMut(Outcome) + Send>,
    ) -> Self {
        let (line, state, early) = (Line::default(), State::Waiting, Vec::new());
        Self { intake, peer, watch, line, state, early, input_over: false, told }
    }

    fn begin(&self, offer: Offer) -> Result<State, String> {
        let name = self.intake.name.clone().unwrap_or_else(|| offer.name.clone());
        check_name(&name).map_err(|error| format!("the name is refused: {error}"))?;
        if offer.len > self.intake.limit {
            return Err(format!(
                "{} octets are more than {}, which are allowed",
                offer.len, self.intake.limit
            ));
        }
        let there = self.intake.folder.has(&name).map_err(|error| Cause(&error).to_string())?;
        if there && !self.intake.force {
            return Err(format!("there is a {name} already, and it stays (--force replaces it)"));
        }
        let part_name = format!("{name}.{}.part", offer.sum.get(..16).unwrap_or_default());
        let file = self.intake.folder.open_exclusively(&part_name).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => "somebody else is sending this file".to_owned(),
            _ => format!("{part_name} cannot be opened: {}", Cause(&error)),
        })?;
        let there = file.metadata().map_err(|error| Cause(&error).to_string())?.len();
        let there = if there > offer.len { 0 } else { there };
        // What is behind the length that was told is no part of it.
        file.set_len(there).map_err(|error| Cause(&error).to_string())?;
        let part = Part { file, offer, name, part_name, sum: Sum::default(), done: 0 };
        Ok(State::Reading(part, there))
    }

    fn heard(&mut self, line: &[u8], out: &mut Outbox) {
        let begun = match Word::read(line) {
            Some(Word::File(offer)) => self.begin(offer),
            Some(Word::Error(text)) => Err(format!("the other side says: {text}")),
            _ => Err("FILE LENGTH SHA256 NAME on one line is expected first".to_owned()),
        };
        match begun {
            Ok(state) => self.state = state,
            Err(why) => self.fail(&why, out),
        }
    }

    fn fail(&mut self, why: &str, out: &mut Outbox) {
        Word::Error(why.to_owned()).put(out);
        out.refuse(why);
        self.over(Outcome::Failed(why.to_owned()));
    }

    fn over(&mut self, outcome: Outcome) {
        if !matches!(self.state, State::Over) {
            self.state = State::Over;
            (self.told)(outcome);
        }
    }

    /// Reads what is there already, portion by portion, so that others have their turn.
    fn read_on(&mut self, mut part: Part, there: u64, out: &mut Outbox) {
        let mut buffer = vec![0; PORTION];
        let left = usize::try_from(there.saturating_sub(part.done)).unwrap_or(usize::MAX);
        let len = buffer.len().min(left);
        let portion = buffer.get_mut(..len).unwrap_or_default();
        if let Err(error) = part.file.read_exact_at(portion, part.done) {
            return self.fail(&format!("what is there already cannot be read: {}", Cause(&error)), out);
        }
        part.sum.add(portion);
        part.done = part.done.saturating_add(u64::try_from(len).unwrap_or(0));
        if part.done < there {
            self.state = State::Reading(part, there);
            return;
        }
        Word::From(there).put(out);
        self.state = State::Receiving(part);
        self.end_if_whole(out);
    }

    fn write(&mut self, octets: &[u8], out: &mut Outbox) {
        let State::Receiving(part) = &mut self.state else { return };
        let len = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        if len > part.offer.len.saturating_sub(part.done) {
            return self.fail("more octets came than were told", out);
        }
        if let Err(error) = part.file.write_all_at(octets, part.done) {
            let why = format!("it cannot be written: {}", Cause(&error));
            return self.fail(&why, out);
        }
        part.sum.add(octets);
        part.done = part.done.saturating_add(len);
        let (done, total) = (part.done, part.offer.len);
        self.watch.event(&Event::Progress { peer: &self.peer, file: &part.name, done, total });
        self.end_if_whole(out);
    }

    fn end_if_whole(&mut self, out: &mut Outbox) {
        let State::Receiving(part) = &mut self.state else { return };
        if part.done < part.offer.len {
            return;
        }
        let sum = std::mem::take(&mut part.sum).hex();
        let (name, part_name) = (part.name.clone(), part.part_name.clone());
        if sum != part.offer.sum {
            // It would never become right: the next attempt begins anew.
            let _ = self.intake.folder.remove(&part_name);
            return self.fail("its SHA-256 is another one than was told: nothing is kept", out);
        }
        let kept = part.file.flush().and_then(|()| part.file.sync_all());
        match kept.and_then(|()| self.intake.folder.rename(&part_name, &name, self.intake.force)) {
            Ok(()) => {
                Word::Ok(sum).put(out);
                out.close();
                let text = format!("{name} is there, {} octets", part.offer.len);
                self.watch.event(&Event::Note { peer: &self.peer, text: &text });
                self.over(Outcome::Done);
            }
            Err(error) => {
                self.fail(&format!("{part_name} cannot be renamed to {name}: {}", Cause(&error)), out)
            }
        }
    }

    /// Nothing more comes.
    fn end(&mut self, out: &mut Outbox) {
        if let State::Receiving(part) = &self.state {
            let why = part.broken();
            self.fail(&why, out);
        }
        out.close();
    }
}

impl Session for Receiver {
    fn received(&mut self, mut octets: &[u8], _: Now, out: &mut Outbox) {
        while !octets.is_empty() {
            match &mut self.state {
                State::Over => return,
                State::Waiting => match self.line.take(octets) {
                    Ok((taken, line)) => {
                        octets = octets.get(taken..).unwrap_or_default();
                        line.iter().for_each(|line| self.heard(line, out));
                    }
                    Err(()) => {
                        return self.fail("FILE LENGTH SHA256 NAME on one line is expected first", out);
                    }
                },
                State::Reading(..) => {
                    // The sender has not waited for FROM.
                    self.early.extend_from_slice(octets);
                    octets = &[];
                }
                State::Receiving(_) => {
                    self.write(octets, out);
                    octets = &[];
                }
            }
        }
    }

    /// What comes while that is read which is there already stays in the socket: it need not be kept here.
    fn hears(&self) -> Hears {
        if matches!(self.state, State::Reading(..)) { Hears::Nothing } else { Hears::WithRoom }
    }

    fn fill(&mut self, _: Now, out: &mut Outbox) {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Reading(part, there) => {
                // Failing says so once: the state is not over yet.
                self.state = State::Waiting;
                self.read_on(part, there, out);
            }
            other => {
                self.state = other;
                return;
            }
        }
        if !matches!(self.state, State::Reading(..)) {
            let early = std::mem::take(&mut self.early);
            if !early.is_empty() {
                self.write(&early, out);
            }
            if self.input_over {
                self.end(out);
            }
        }
    }

    fn due(&self) -> Option<u64> {
        matches!(self.state, State::Reading(..)).then_some(0)
    }

    fn input_ended(&mut self, _: Now, out: &mut Outbox) {
        self.input_over = true;
        if self.hears() != Hears::Nothing {
            self.end(out);
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let why = match &self.state {
            State::Receiving(part) => part.broken(),
            _ => "the connection ended before".to_owned(),
        };
        self.over(Outcome::Failed(why));
    }
}

/// Octets of what is there already that are read at once.
const PORTION: usize = 256 * 1024;

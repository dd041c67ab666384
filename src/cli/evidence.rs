//! Frames that are saved with what became of them: each waits for its verdict, which may come before it or long after it.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::path::Path;
use std::rc::Rc;

use super::capture_file::LiveFile;
use crate::exchange::drive::icmp::Recorder;
use crate::file::WriteError;
use crate::wire::frame::{Direction, Frame, LinkType};

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comment {
    /// In words.
    pub(super) text: String,
    /// When it passed, where that is known better than by the frame: nanoseconds since 1970.
    pub(super) time: Option<i64>,
}

/// What is to stand beside a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Beside<K> {
    /// What becomes of this packet, which is told later, or was told before.
    Fate(K),
    /// These words.
    Words(String),
    /// Nothing.
    Nothing,
}

/// A file of frames with comments. `K` tells which packet a frame holds.
pub(super) struct Evidence<K>(Rc<RefCell<Option<Waiting<K>>>>);

impl<K> Clone for Evidence<K> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

/// Frames and comments that wait for each other.
struct Waiting<K> {
    file: LiveFile,
    failure: Option<WriteError>,
    frames: VecDeque<Held>,
    /// The number of the first frame that waits.
    first: u64,
    octets: usize,
    /// The frames of a packet that have no comment yet.
    open: HashMap<K, VecDeque<u64>>,
    /// Comments whose frames have not come.
    comments: HashMap<K, VecDeque<Comment>>,
    comment_count: usize,
}

/// A frame that waits.
struct Held {
    data: Vec<u8>,
    len: u32,
    time: Option<i64>,
    link_type: LinkType,
    interface: u32,
    direction: Direction,
    comment: Option<Comment>,
    /// It is to have a comment.
    is_open: bool,
}

/// Frames that wait at most, and their octets: what is lost in a fast run holds up the rest until its time is over.
const MOST_FRAMES: usize = 1 << 16;
const MOST_OCTETS: usize = 16 << 20;
/// What all came to stands beside the last frame, which is kept for it.
const LAST: usize = 1;
/// Packets that were not seen and are told one by one.
const MOST_UNSEEN: usize = 20;
/// Octets of a comment at most; its length has 16 bits in the file.
const LONGEST: usize = 60_000;
/// Comments that wait at most.
const MOST_COMMENTS: usize = 1 << 14;

impl<K: Eq + Hash + Clone + 'static> Evidence<K> {
    /// Creates the file.
    ///
    /// # Errors
    /// When it cannot be created.
    pub(super) fn create(path: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Self(Rc::new(RefCell::new(Some(Waiting {
            file: LiveFile::create(path)?,
            failure: None,
            frames: VecDeque::new(),
            first: 0,
            octets: 0,
            open: HashMap::new(),
            comments: HashMap::new(),
            comment_count: 0,
        })))))
    }

    /// What takes frames; `key` tells which packet it is whose comment is to be waited for, if any.
    pub(super) fn recorder(&self, key: impl Fn(&Frame<'_>) -> Option<K> + 'static) -> Recorder {
        self.recorder_of(move |frame| key(frame).map_or(Beside::Nothing, Beside::Fate))
    }

    /// What takes frames; `beside` tells what is to stand beside each.
    pub(super) fn recorder_of(&self, mut beside: impl FnMut(&Frame<'_>) -> Beside<K> + 'static) -> Recorder {
        let shared = self.clone();
        Box::new(move |frame| shared.take(frame, beside(frame)))
    }

    /// Takes a frame.
    pub(super) fn take(&self, frame: &Frame<'_>, beside: Beside<K>) {
        if let Some(waiting) = self.0.borrow_mut().as_mut() {
            match beside {
                Beside::Fate(key) => waiting.take(frame, Some(key), None),
                Beside::Words(text) => waiting.take(frame, None, Some(Comment { text, time: None })),
                Beside::Nothing => waiting.take(frame, None, None),
            }
        }
    }

    /// Says what became of a packet.
    pub(super) fn comment(&self, key: &K, comment: Comment) {
        if let Some(waiting) = self.0.borrow_mut().as_mut() {
            waiting.comment(key, comment);
        }
    }

    /// Saves a packet that did not pass any interface, with why.
    pub(super) fn unsent(&self, packet: &[u8], comment: Comment) {
        if let Some(waiting) = self.0.borrow_mut().as_mut() {
            let frame = Frame {
                time: comment.time,
                direction: Direction::Outbound,
                ..Frame::new(packet, LinkType::RAW)
            };
            waiting.take(&frame, None, Some(comment));
        }
    }

    /// Says beside the last frame what all of them until now came to, and what became of packets that were not seen to pass: those of a
    /// socket of the kernel's that a rule of this host took, or that there was no room for.
    pub(super) fn conclude(&self, verdict: &str) {
        if let Some(waiting) = self.0.borrow_mut().as_mut() {
            waiting.conclude(verdict);
        }
    }

    /// Ends the file: what still waits is saved without comments.
    ///
    /// # Errors
    /// When a frame, or what is still in memory, could not be written.
    pub(super) fn finish(self) -> Result<(), WriteError> {
        let Some(mut waiting) = self.0.borrow_mut().take() else { return Ok(()) };
        waiting.frames.iter_mut().for_each(|held| held.is_open = false);
        waiting.write(0);
        match waiting.failure {
            None => waiting.file.finish(),
            Some(failure) => Err(failure),
        }
    }
}

/// What is measured is worth something without the file, so that the run goes on; whoever waits for the file hears of it now.
pub(super) fn tell_at_once(failure: &WriteError) {
    anstream::eprintln!("rawsock: nothing more is saved: {failure}");
}

impl<K: Eq + Hash + Clone> Waiting<K> {
    fn take(&mut self, frame: &Frame<'_>, key: Option<K>, comment: Option<Comment>) {
        let comment = comment.or_else(|| self.comment_of(key.as_ref()?));
        let number = self.first.saturating_add(self.frames.len() as u64);
        let is_open = key.is_some() && comment.is_none();
        self.octets = self.octets.saturating_add(frame.data.len());
        self.frames.push_back(Held {
            data: frame.data.to_vec(),
            len: frame.len,
            time: frame.time,
            link_type: frame.link_type,
            interface: frame.interface,
            direction: frame.direction,
            comment,
            is_open,
        });
        if let (Some(key), true) = (key, is_open) {
            self.open.entry(key).or_default().push_back(number);
        }
        self.write(LAST);
    }

    /// A comment that came before its frame.
    fn comment_of(&mut self, key: &K) -> Option<Comment> {
        let comments = self.comments.get_mut(key)?;
        let comment = comments.pop_front();
        if comments.is_empty() {
            self.comments.remove(key);
        }
        self.comment_count = self.comment_count.saturating_sub(usize::from(comment.is_some()));
        comment
    }

    fn comment(&mut self, key: &K, comment: Comment) {
        let mut number = None;
        if let Some(open) = self.open.get_mut(key) {
            // Those that were written without one are gone.
            while let Some(first) = open.pop_front() {
                if first >= self.first {
                    number = Some(first);
                    break;
                }
            }
            if open.is_empty() {
                self.open.remove(key);
            }
        }
        let held = number
            .and_then(|number| usize::try_from(number.checked_sub(self.first)?).ok())
            .and_then(|at| self.frames.get_mut(at));
        match held {
            Some(held) => {
                let said = held.comment.take().map(|said| format!("{}\n{}", comment.text, said.text));
                let text = said.unwrap_or(comment.text);
                (held.comment, held.is_open) = (Some(Comment { text, time: comment.time }), false);
                self.write(LAST);
            }
            None => {
                if self.comment_count >= MOST_COMMENTS {
                    (self.comments, self.comment_count) = (HashMap::new(), 0);
                }
                self.comments.entry(key.clone()).or_default().push_back(comment);
                self.comment_count += 1;
            }
        }
    }

    fn conclude(&mut self, verdict: &str) {
        let mut unseen: Vec<Comment> = self.comments.drain().flat_map(|(_, comments)| comments).collect();
        self.comment_count = 0;
        unseen.sort_unstable_by(|one, other| one.text.cmp(&other.text));
        let Some(last) = self.frames.back_mut() else { return };
        let time = last.comment.as_ref().and_then(|comment| comment.time);
        let mut text = last.comment.take().map(|comment| comment.text).into_iter().collect::<Vec<_>>();
        text.extend(
            unseen.iter().take(MOST_UNSEEN).map(|comment| format!("not seen to pass: {}", comment.text)),
        );
        if let Some(more @ 1..) = unseen.len().checked_sub(MOST_UNSEEN) {
            text.push(format!("and {more} more that were not seen to pass"));
        }
        text.push(verdict.trim_end().to_owned());
        let mut text = text.join("\n");
        text.truncate(text.floor_char_boundary(LONGEST));
        (last.comment, last.is_open) = (Some(Comment { text, time }), false);
        self.write(LAST);
    }

    /// Writes the frames that nothing is waited for any more, but for so many last ones.
    fn write(&mut self, kept: usize) {
        let is_full = |waiting: &Self| waiting.frames.len() > MOST_FRAMES || waiting.octets > MOST_OCTETS;
        let is_done = |waiting: &Self| {
            waiting.frames.len() > kept && waiting.frames.front().is_some_and(|held| !held.is_open)
        };
        while is_done(self) || is_full(self) {
            let Some(held) = self.frames.pop_front() else { return };
            self.first = self.first.saturating_add(1);
            self.octets = self.octets.saturating_sub(held.data.len());
            let known = held.comment.as_ref().and_then(|comment| comment.time);
            let frame = Frame {
                len: held.len,
                time: known.or(held.time),
                interface: held.interface,
                direction: held.direction,
                comment: held.comment.as_ref().map(|comment| comment.text.as_str().into()),
                ..Frame::new(&held.data, held.link_type)
            };
            if self.failure.is_none() {
                self.failure = self.file.write(&frame).err();
                self.failure.iter().for_each(tell_at_once);
            }
        }
    }
}

//! Printing on two threads. Packets are kept in batches; a helper makes the text of some of them, and whoever reads the
//! packets makes that of the others, whenever the helper has enough to do. Batches are written in the order in which they
//! were filled, so nobody sees who made them.
//!
//! Only what depends on the packet alone can be made so: [`Formatter::fork`] says whether that is the case. There are never
//! more than a few batches, so memory does not grow with the file.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

use super::output::Output;
use super::packet_form::Formatter;
use crate::file::{KeptRun, Run};
use crate::wire::comments::Comments;
use crate::wire::frame::{Direction, Frame, LinkType};
use crate::wire::text::Text;

/// Packets on their way through two threads.
pub(super) struct Batches {
    /// What the helper works with, before it is started.
    fork: Option<Formatter>,
    helper: Option<Helper>,
    now: Batch,
    /// The batches that were filled and not yet written, the oldest first; `None` is with the helper.
    order: VecDeque<Option<Batch>>,
    /// Batches to be filled again.
    empty: Vec<Batch>,
}

struct Helper {
    to: SyncSender<Batch>,
    from: Receiver<Batch>,
    /// How many batches it has.
    has: usize,
}

impl Batches {
    /// Batches whose text a second thread makes with `fork`, too.
    pub(super) fn new(fork: Formatter) -> Self {
        Self {
            fork: Some(fork),
            helper: None,
            now: Batch::default(),
            order: VecDeque::new(),
            empty: Vec::new(),
        }
    }

    /// Takes a packet; `own` makes the text of batches that the helper has no time for.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn packet(
        &mut self,
        (output, own): (&mut Output, &mut Formatter),
        number: u64,
        frame: &Frame<'_>,
        interface: Option<&str>,
    ) -> io::Result<()> {
        self.now.keep(number, frame, interface, own.names_interfaces());
        if self.now.is_full() { self.hand_on(output, own) } else { Ok(()) }
    }

    /// Takes packets that stand one behind the other, of which the first has this number; what was kept before goes on its way.
    ///
    /// # Errors
    /// As of [`packet`](Self::packet).
    pub(super) fn run(
        &mut self,
        (output, own): (&mut Output, &mut Formatter),
        first: u64,
        run: &Run<'_>,
    ) -> io::Result<()> {
        if !self.now.packets.is_empty() {
            self.hand_on(output, own)?;
        }
        self.now.first = first;
        self.now.run.keep(run);
        self.hand_on(output, own)
    }

    /// Has the text of the batch made by whoever has time, and begins another one.
    fn hand_on(&mut self, output: &mut Output, own: &mut Formatter) -> io::Result<()> {
        let mut batch = std::mem::replace(&mut self.now, self.empty.pop().unwrap_or_default());
        // A file that fills no batch needs no helper.
        if let Some(fork) = self.fork.take() {
            self.helper = Helper::start(fork);
        }
        match &mut self.helper {
            Some(helper) if helper.has < MOST_AHEAD => {
                helper.to.send(batch).map_err(|_| gone())?;
                helper.has = helper.has.saturating_add(1);
                self.order.push_back(None);
            }
            _ => {
                batch.format(own);
                self.order.push_back(Some(batch));
            }
        }
        self.write(output, self.order.len() > MOST_WAITING)
    }

    /// Writes all that was kept.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn finish(&mut self, output: &mut Output, own: &mut Formatter) -> io::Result<()> {
        let mut last = std::mem::take(&mut self.now);
        last.format(own);
        self.order.push_back(Some(last));
        while !self.order.is_empty() {
            self.write(output, true)?;
        }
        Ok(())
    }

    /// Writes the batches whose text is there; waits for the oldest, if wanted.
    fn write(&mut self, output: &mut Output, mut is_awaited: bool) -> io::Result<()> {
        while let Some(oldest) = self.order.front_mut() {
            let mut batch = match (oldest.take(), &mut self.helper) {
                (Some(batch), _) => batch,
                (None, Some(helper)) => match helper.result(is_awaited)? {
                    Some(batch) => batch,
                    None => return Ok(()),
                },
                (None, None) => return Err(gone()),
            };
            is_awaited = false;
            self.order.pop_front();
            output.write(&mut batch.text)?;
            batch.clear();
            self.empty.push(batch);
        }
        Ok(())
    }
}

impl Helper {
    /// Starts a thread; `None` where there cannot be one more.
    fn start(mut formatter: Formatter) -> Option<Self> {
        let (to, jobs) = sync_channel::<Batch>(MOST_AHEAD);
        let (results, from) = sync_channel(MOST_AHEAD);
        let work = move || {
            for mut batch in jobs {
                batch.format(&mut formatter);
                if results.send(batch).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new().name("format".to_owned()).spawn(work).ok()?;
        Some(Self { to, from, has: 0 })
    }

    /// The oldest of its batches, when it is ready or waited for.
    fn result(&mut self, is_awaited: bool) -> io::Result<Option<Batch>> {
        let result = match self.from.try_recv() {
            Err(TryRecvError::Empty) if is_awaited => self.from.recv().map_err(|_| gone())?,
            Err(TryRecvError::Empty) => return Ok(None),
            other => other.map_err(|_| gone())?,
        };
        self.has = self.has.saturating_sub(1);
        Ok(Some(result))
    }
}

fn gone() -> io::Error {
    io::Error::other("the thread that prints has ended")
}

/// Packets whose text is made together: kept one by one, or as a run.
#[derive(Default)]
struct Batch {
    /// The run, and the number of its first packet.
    run: KeptRun,
    first: u64,
    packets: Vec<Kept>,
    octets: Vec<u8>,
    /// Names of interfaces and comments.
    words: String,
    text: Text,
}

/// A packet of a batch.
struct Kept {
    number: u64,
    octets: Range<usize>,
    len: u32,
    time: Option<i64>,
    link_type: LinkType,
    interface: u32,
    section_start: u32,
    direction: Direction,
    /// Places among the words.
    comment: Option<Range<usize>>,
    name: Option<Range<usize>>,
    names_interface: bool,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.packets.len() >= MOST_PACKETS || self.octets.len() >= MOST_OCTETS
    }

    fn keep(&mut self, number: u64, frame: &Frame<'_>, name: Option<&str>, names_interface: bool) {
        let start = self.octets.len();
        self.octets.extend_from_slice(frame.data);
        // Most packets have the interface of the one before.
        let known = self.packets.last().and_then(|before| before.name.clone());
        let is_known = |place: &Range<usize>| name == self.words.get(place.clone());
        let name = known.filter(is_known).or_else(|| self.word(name));
        let comment = self.words_of(frame.comment);
        let Frame { len, time, link_type, interface, section_start, direction, .. } = *frame;
        let octets = start..self.octets.len();
        self.packets.push(Kept {
            number,
            octets,
            len,
            time,
            link_type,
            interface,
            section_start,
            direction,
            comment,
            name,
            names_interface,
        });
    }

    fn word(&mut self, word: Option<&str>) -> Option<Range<usize>> {
        let start = self.words.len();
        self.words.push_str(word?);
        Some(start..self.words.len())
    }

    fn words_of(&mut self, comments: Option<Comments<'_>>) -> Option<Range<usize>> {
        let start = self.words.len();
        comments?.keep(&mut self.words);
        Some(start..self.words.len())
    }

    fn format(&mut self, formatter: &mut Formatter) {
        if let Some(run) = self.run.run() {
            formatter.run(&mut self.text, self.first, &run);
        }
        for packet in &self.packets {
            let word = |place: &Option<Range<usize>>| self.words.get(place.clone()?);
            let Kept { number, len, time, link_type, interface, section_start, direction, .. } = *packet;
            let data = self.octets.get(packet.octets.clone()).unwrap_or_default();
            let comment = word(&packet.comment).map(Comments::from);
            let frame = Frame { data, len, time, link_type, interface, section_start, direction, comment };
            formatter.name_interfaces(packet.names_interface);
            formatter.packet(&mut self.text, number, &frame, word(&packet.name), None);
        }
    }

    /// Forgets the packets; what the largest of them took is given back.
    fn clear(&mut self) {
        self.run.clear(2 * MOST_OCTETS);
        self.packets.clear();
        self.octets.clear();
        self.octets.shrink_to(2 * MOST_OCTETS);
        self.words.clear();
        self.words.shrink_to(MOST_OCTETS);
        self.text.clear();
        self.text.shrink_to(MOST_TEXT);
    }
}

/// A batch is full with so many packets, or octets of them.
const MOST_PACKETS: usize = 256;
const MOST_OCTETS: usize = 32 << 10;
/// Octets of a run that is handed on: of small packets about as many as fill a batch.
pub(super) const MOST_IN_RUN: usize = 24 << 10;
/// Room for text that an empty batch keeps.
const MOST_TEXT: usize = 256 << 10;
/// The helper has at most so many batches: one that it works at, and one to go on with.
const MOST_AHEAD: usize = 2;
/// When more batches than this wait to be written, the oldest is waited for.
const MOST_WAITING: usize = 3;

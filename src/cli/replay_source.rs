//! The packets of `replay`: read from a file, chosen, edited, and brought into the shape of their way out; again and again where
//! that is wanted.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use super::display_filter::DisplayFilter;
use super::filter_argument::FileFilter;
use super::replay_files::Files;
use super::replay_lines::Exits;
use super::tracking::Tracking;
use crate::exchange::drive::outflow::{Due, Packets};
use crate::exchange::pace::Timetable;
use crate::file::{Merge, ReadError};
use crate::packet::edit::Editor;
use crate::show::text::printable;
use crate::wire::frame::Frame;
use crate::wire::packet_batch::PacketBatch;

/// What was met in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Packets that were chosen, over all passes.
    pub(super) chosen: u64,
    /// Of these, those that were changed.
    pub(super) edited: u64,
    /// Checksums that were mended.
    pub(super) mended: u64,
    /// Checksums that could not be.
    pub(super) unmended: u64,
    /// Packets that the snapshot length had cut.
    pub(super) cut: u64,
    /// Packets without a time.
    pub(super) untimed: u64,
    /// Places where a file could not be read, over all passes.
    pub(super) unread: u64,
    /// Packets that cannot go this way, by the reason.
    pub(super) unfit: BTreeMap<String, u64>,
}

impl Tally {
    /// Packets that cannot go this way.
    pub(super) fn unfit(&self) -> u64 {
        self.unfit.values().sum()
    }
}

/// Which packets.
pub(super) struct Choice {
    pub(super) files: Files,
    pub(super) filter: FileFilter,
    pub(super) display_filter: DisplayFilter,
    pub(super) tracking: Tracking,
    /// So many, at most, over all passes.
    pub(super) count: u64,
    /// So often; 0 for again and again.
    pub(super) passes: u64,
}

/// The packets, one after the other.
pub(super) struct Replay<'a> {
    choice: Choice,
    editor: Editor,
    exits: Exits<'a>,
    timetable: Timetable,
    file: Option<Merge>,
    /// Which of the files that is.
    place: usize,
    /// Passes that have begun.
    pass: u64,
    /// Packets of the file in this pass, and those that were chosen in this pass.
    number: u64,
    taken: u64,
    scratch: Vec<u8>,
    /// When the packet that came last was recorded.
    recorded: Option<i64>,
    pub(super) tally: Tally,
}

impl<'a> Replay<'a> {
    /// Opens the first file.
    ///
    /// # Errors
    /// When it cannot be opened, or is no capture, or the filter is none.
    pub(super) fn open(
        mut choice: Choice,
        editor: Editor,
        exits: Exits<'a>,
        timetable: Timetable,
    ) -> Result<Self, Box<dyn Error>> {
        let reader = choice.files.open(0, exits.interrupt())?;
        choice.filter.check(reader.interfaces().first().map(|interface| interface.link_type))?;
        let file = Some(Merge::new(vec![reader]));
        let (scratch, tally) = (Vec::new(), Tally::default());
        Ok(Self {
            choice,
            editor,
            exits,
            timetable,
            file,
            place: 0,
            pass: 1,
            number: 0,
            taken: 0,
            scratch,
            recorded: None,
            tally,
        })
    }

    /// Packets of which the file does not say the direction, where that was asked for.
    pub(super) fn undirected(&self) -> u64 {
        self.exits.undirected
    }

    /// How often all is to be sent; from now on, once.
    pub(super) fn passes_from_here(&mut self) -> u64 {
        std::mem::replace(&mut self.choice.passes, 1)
    }

    /// So many packets, at most.
    pub(super) fn count(&self) -> u64 {
        self.choice.count
    }

    /// Which of the files is being read.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// When the packet that came last was recorded.
    pub(super) fn recorded(&self) -> Option<i64> {
        self.recorded
    }

    /// Goes to the file at this place: what packets are among those before begins anew.
    fn go_to(&mut self, place: usize) -> Result<(), Box<dyn Error>> {
        let reader = self.choice.files.open(place, self.exits.interrupt())?;
        self.file = Some(Merge::new(vec![reader]));
        self.choice.tracking = Tracking::new(self.choice.display_filter.need());
        (self.place, self.number) = (place, 0);
        self.timetable.again();
        Ok(())
    }

    /// The next chosen packet of the file, as it is to go; `None` at its end.
    fn of_file(&mut self, batch: &mut PacketBatch) -> Result<Option<Due>, Box<dyn Error>> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let path = self.choice.files.name(self.place).to_owned();
        while self.tally.chosen < self.choice.count && !self.exits.interrupt().came() {
            match file.advance() {
                Ok(false) => return Ok(None),
                // Whoever interrupts has cut a pipe short.
                _ if self.exits.interrupt().came() => return Ok(None),
                Ok(true) => {}
                Err((_, error)) if error.goes_on() => {
                    self.tally.unread = self.tally.unread.saturating_add(1);
                    tell(&path, &error);
                    continue;
                }
                Err((_, error)) => {
                    let is_cut = matches!(
                        error,
                        ReadError::Truncated { .. } | ReadError::Damaged { .. } | ReadError::PackedCut { .. }
                    );
                    self.tally.unread = self.tally.unread.saturating_add(1);
                    tell(&path, &error);
                    return if is_cut { Ok(None) } else { Err("the file cannot be read to its end".into()) };
                }
            }
            let interfaces = file.interfaces();
            let mut sent = Ok(None);
            let mut passing = Passing {
                choice: &mut self.choice,
                editor: &mut self.editor,
                exits: &mut self.exits,
                timetable: &mut self.timetable,
                path: &path,
                number: &mut self.number,
                taken: &mut self.taken,
                scratch: &mut self.scratch,
                recorded: &mut self.recorded,
                tally: &mut self.tally,
            };
            file.with_packet(|_, frame| {
                let interface = interfaces.get(usize::try_from(frame.interface).unwrap_or(usize::MAX));
                sent =
                    passing.packet(frame, interface.and_then(|interface| interface.name.as_deref()), batch);
            });
            if let Some(due) = sent? {
                return Ok(Some(due));
            }
        }
        Ok(None)
    }
}

impl Packets for Replay<'_> {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Option<Due>, Box<dyn Error>> {
        loop {
            if let Some(due) = self.of_file(batch)? {
                return Ok(Some(due));
            }
            if self.tally.chosen >= self.choice.count || self.exits.interrupt().came() {
                return Ok(None);
            }
            let place = self.place.saturating_add(1);
            if place < self.choice.files.len() {
                self.go_to(place)?;
                continue;
            }
            // A pass of which nothing can go would be followed by others, and no clock would end them.
            let is_last = self.choice.passes != 0 && self.pass >= self.choice.passes;
            if is_last || self.taken == 0 {
                return Ok(None);
            }
            self.pass = self.pass.saturating_add(1);
            self.taken = 0;
            self.go_to(0)?;
        }
    }
}

/// What a packet meets.
struct Passing<'p, 'a> {
    choice: &'p mut Choice,
    editor: &'p mut Editor,
    exits: &'p mut Exits<'a>,
    timetable: &'p mut Timetable,
    path: &'p Path,
    number: &'p mut u64,
    taken: &'p mut u64,
    scratch: &'p mut Vec<u8>,
    recorded: &'p mut Option<i64>,
    tally: &'p mut Tally,
}

impl Passing<'_, '_> {
    /// Adds a packet to a batch, where it is chosen and can go.
    fn packet(
        &mut self,
        frame: &Frame<'_>,
        interface: Option<&str>,
        batch: &mut PacketBatch,
    ) -> Result<Option<Due>, Box<dyn Error>> {
        *self.number = self.number.saturating_add(1);
        // It sees all packets: some of its fields are times since others.
        let facts = self.choice.tracking.packet(*self.number, frame);
        let is_shown = self.choice.display_filter.matches(*self.number, frame, interface, facts);
        if !is_shown || !self.choice.filter.matches(frame)? {
            return Ok(None);
        }
        let wire_len = usize::try_from(frame.len).unwrap_or(usize::MAX).max(frame.data.len());
        let tally = &mut *self.tally;
        tally.chosen = tally.chosen.saturating_add(1);
        tally.cut = tally.cut.saturating_add(u64::from(wire_len > frame.data.len()));
        tally.untimed = tally.untimed.saturating_add(u64::from(frame.time.is_none()));
        let side = self.exits.side(frame);
        let octets = edited(self.editor, frame, wire_len, self.scratch, tally);
        let shape = match self.exits.shape(octets, frame.link_type, side) {
            Ok(shape) => shape,
            Err(reason) => {
                add_reason(&mut tally.unfit, reason, *self.number, self.path);
                return Ok(None);
            }
        };
        *self.taken = self.taken.saturating_add(1);
        let rest = octets.get(shape.octets).unwrap_or_default();
        match &shape.header {
            Some(header) => batch.push_pieces(header, rest),
            None => batch.push(rest),
        }
        let len = rest.len().saturating_add(shape.header.map_or(0, |header| header.len()));
        *self.recorded = frame.time;
        let at = self.timetable.next(frame.time, len);
        Ok(Some(Due { at, line: shape.line, address: shape.address, number: *self.number }))
    }
}

/// A packet's octets with all edits.
fn edited<'o>(
    editor: &mut Editor,
    frame: &'o Frame<'_>,
    wire_len: usize,
    scratch: &'o mut Vec<u8>,
    tally: &mut Tally,
) -> &'o [u8] {
    if editor.is_idle() {
        return frame.data;
    }
    scratch.clear();
    scratch.extend_from_slice(frame.data);
    let edited = editor.edit(scratch, frame.link_type, wire_len);
    tally.edited = tally.edited.saturating_add(u64::from(edited.is_changed));
    tally.mended = tally.mended.saturating_add(u64::from(edited.mended));
    tally.unmended = tally.unmended.saturating_add(u64::from(edited.unmended));
    scratch
}

/// Counts a reason, and says it the first time.
fn add_reason(reasons: &mut BTreeMap<String, u64>, reason: String, number: u64, path: &Path) {
    if reasons.len() >= MOST_REASONS && !reasons.contains_key(&reason) {
        let others = reasons.entry("other reasons".to_owned()).or_default();
        *others = others.saturating_add(1);
        return;
    }
    let count = reasons.entry(reason.clone()).or_default();
    *count = count.saturating_add(1);
    if *count == 1 {
        tell(path, &format_args!("packet {number} is not sent: {reason}"));
    }
}

/// More reasons than this are told as one.
const MOST_REASONS: usize = 20;

fn tell(path: &Path, what: &dyn std::fmt::Display) {
    let name = if path.as_os_str() == "-" { "stdin".to_owned() } else { path.display().to_string() };
    anstream::eprintln!("rawsock: {}: {}", printable(&name), printable(&what.to_string()));
}

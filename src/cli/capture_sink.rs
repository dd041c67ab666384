//! Where captured packets go: past direction and filters, into memory or to the screen and into files, and counted.

use std::collections::HashMap;
use std::error::Error;

use super::capture::Way;
use super::capture_files::Files;
use super::capture_keeper::{Keeper, Turn};
use super::display_filter::DisplayFilter;
use super::packet_output::Printer;
use super::tracking::Tracking;
use crate::file::{Interface, WriteError};
use crate::filter::capture::CaptureFilter;
use crate::wire::frame::{Direction, Frame};

/// Packets on their way to the screen and to the files.
pub(super) struct Sink {
    pub(super) printer: Printer,
    pub(super) files: Option<Files>,
    pub(super) display_filter: DisplayFilter,
    pub(super) tracking: Tracking,
    /// Where packets are kept in memory: what those that are written are among each other, as whoever reads their file sees them.
    pub(super) dumped: Option<Tracking>,
    /// The capture ends with the first packet that this takes.
    pub(super) stop_on: Option<DisplayFilter>,
    /// What is kept in memory until something happens.
    pub(super) keeper: Option<Box<Keeper>>,
    /// Packets that the display filter saw.
    pub(super) seen: u64,
    pub(super) direction: Way,
    /// The names of all interfaces by their index.
    pub(super) names: HashMap<u32, String>,
    /// Packets that are still wanted.
    pub(super) left: u64,
    pub(super) taken: u64,
    /// Packets that were taken and could not be written any more.
    pub(super) unsaved: u64,
    /// What became of the packets of each tap.
    pub(super) tallies: Vec<Tally>,
    /// Why there is no going on.
    pub(super) failure: Option<Box<dyn Error>>,
}

/// Packets of a tap, by what became of them here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Shown or saved.
    pub(super) taken: u64,
    /// Left out: by direction or filter, since enough had come, or kept in memory and never asked for.
    pub(super) left_out: u64,
}

/// Where a packet comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    /// The tap, counted from 0.
    pub(super) tap: u32,
    /// Its number in the file.
    pub(super) number: u32,
    /// What the kernel could not filter by.
    pub(super) filter: Option<&'a CaptureFilter>,
}

impl Sink {
    pub(super) fn wants_more(&self) -> bool {
        self.left > 0 && self.failure.is_none()
    }

    /// Takes a packet, or leaves it out.
    pub(super) fn packet(&mut self, frame: &Frame<'_>, origin: &Origin<'_>) {
        let is_wanted = match self.direction {
            Way::Inout => true,
            Way::In => frame.direction == Direction::Inbound,
            Way::Out => frame.direction == Direction::Outbound,
        };
        let is_out =
            !is_wanted || !self.wants_more() || origin.filter.is_some_and(|filter| !filter.matches(frame));
        if is_out || !self.shows(frame) {
            return self.leave_out(origin.tap);
        }
        let is_last = self.stops(frame);
        let result = match self.keeper.take() {
            None => self.take(frame, origin.tap, origin.number, true),
            Some(mut keeper) => {
                let result = self.keep(&mut keeper, frame, origin);
                self.keeper = Some(keeper);
                result
            }
        };
        if let Err(error) = result {
            self.unsaved = self.unsaved.saturating_add(u64::from(error.is::<WriteError>()));
            self.failure.get_or_insert(error);
        }
        if is_last {
            self.left = 0;
        }
    }

    /// Whether the display filter takes a packet.
    fn shows(&mut self, frame: &Frame<'_>) -> bool {
        self.seen = self.seen.saturating_add(1);
        let facts = self.tracking.packet(self.seen, frame);
        // Of those that are kept, the ones that are dumped follow each other.
        if self.keeper.is_none() {
            self.printer.see(frame.time);
        }
        if self.display_filter.takes_all() {
            return true;
        }
        let name = self.names.get(&frame.interface).map(String::as_str);
        self.display_filter.matches(self.seen, frame, name, facts)
    }

    /// Whether a packet is the one that the capture is to end with.
    fn stops(&mut self, frame: &Frame<'_>) -> bool {
        let Some(filter) = &mut self.stop_on else { return false };
        let name = self.names.get(&frame.interface).map(String::as_str);
        filter.matches(self.seen, frame, name, self.tracking.facts())
    }

    /// Keeps a packet in memory; or begins, goes on with or ends a dump.
    fn keep(
        &mut self,
        keeper: &mut Keeper,
        frame: &Frame<'_>,
        origin: &Origin<'_>,
    ) -> Result<(), Box<dyn Error>> {
        let name = self.names.get(&frame.interface).map(String::as_str);
        let turn = keeper.turn(self.seen, frame, name, self.tracking.facts());
        if turn.ends_dump {
            self.end_dump()?;
        }
        match turn {
            Turn { begins_dump: true, .. } => {
                if let Some(files) = &mut self.files {
                    files.begin(frame.time.unwrap_or_default())?;
                }
                anstream::eprintln!("{}", keeper.said(frame, self.files.as_ref()));
                while let Some((kept, [tap, number])) = keeper.oldest()
                    && self.wants_more()
                {
                    self.take(&kept, tap, number, false)?;
                    keeper.let_go();
                }
                self.take_wanted(frame, origin)
            }
            Turn { is_in_dump: true, .. } => self.take_wanted(frame, origin),
            Turn { .. } => {
                let notes = [origin.tap, origin.number];
                keeper.keep(frame, notes, &mut |tap| self.leave_out(tap));
                Ok(())
            }
        }
    }

    /// Takes a packet unless those before it were enough.
    fn take_wanted(&mut self, frame: &Frame<'_>, origin: &Origin<'_>) -> Result<(), Box<dyn Error>> {
        match self.wants_more() {
            true => {
                self.printer.see(frame.time);
                self.take(frame, origin.tap, origin.number, true)
            }
            false => {
                self.leave_out(origin.tap);
                Ok(())
            }
        }
    }

    fn end_dump(&mut self) -> Result<(), Box<dyn Error>> {
        let Some(files) = &mut self.files else { return Ok(()) };
        files.end()?;
        if files.are_full() {
            self.left = 0;
        }
        Ok(())
    }

    /// Ends what a time ends, and shows what has come to the user and to whoever reads the file; `now` is in nanoseconds
    /// since 1970.
    pub(super) fn settle(&mut self, now: i64) {
        let is_over = self.keeper.as_mut().is_some_and(|keeper| keeper.is_over_by_clock(now));
        let ended = if is_over { self.end_dump() } else { Ok(()) };
        let printed = self.printer.finish();
        let saved = self.files.as_mut().map_or(Ok(()), Files::flush);
        if self.failure.is_none() {
            self.failure = ended.err().or(printed.err().map(Into::into)).or(saved.err().map(Into::into));
        }
    }

    /// Leaves out what is still kept.
    pub(super) fn let_go_of_all(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            while let Some((_, [tap, _])) = keeper.oldest() {
                self.leave_out(tap);
                keeper.let_go();
            }
        }
    }

    fn leave_out(&mut self, tap: u32) {
        if let Some(tally) = self.tallies.get_mut(tap as usize) {
            tally.left_out = tally.left_out.saturating_add(1);
        }
    }

    /// Saves and shows a packet, the last that was seen or one that was kept.
    fn take(
        &mut self,
        frame: &Frame<'_>,
        tap: u32,
        number: u32,
        is_last: bool,
    ) -> Result<(), Box<dyn Error>> {
        let mut are_full = false;
        if let Some(files) = &mut self.files {
            if !files.packet(number, frame)? {
                self.left = 0;
                self.leave_out(tap);
                return Ok(());
            }
            are_full = files.are_full();
        }
        self.taken = self.taken.saturating_add(1);
        self.left = if are_full { 0 } else { self.left.saturating_sub(1) };
        if let Some(tally) = self.tallies.get_mut(tap as usize) {
            tally.taken = tally.taken.saturating_add(1);
        }
        if !self.printer.prints() {
            return Ok(());
        }
        if !is_last {
            self.printer.see(frame.time);
        }
        let name = self.names.get(&frame.interface).map(String::as_str);
        let facts = match &mut self.dumped {
            Some(dumped) => dumped.packet(self.taken, frame),
            None => self.tracking.facts(),
        };
        let is_read = self.printer.packet(self.taken, frame, name, facts)?;
        if !is_read && self.files.is_none() {
            // Nobody looks any more, and nothing is saved.
            self.left = 0;
        }
        Ok(())
    }

    /// Describes an interface to the files; returns its number there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn add_interface(&mut self, interface: &Interface) -> Result<u32, WriteError> {
        self.files.as_mut().map_or(Ok(0), |files| files.add_interface(interface))
    }

    /// Nanoseconds until something is to be done although no packet comes; `None` when there is nothing.
    pub(super) fn left(&self, now: i64) -> Option<u64> {
        self.keeper.as_ref()?.left(now)
    }
}

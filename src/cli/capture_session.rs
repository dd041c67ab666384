//! The capture while it runs: packets from the rings to screen and files, news of interfaces, and when it is over.

use std::error::Error;
use std::fmt::Write as _;
use std::os::fd::AsFd;

use super::capture_intake::Intake;
use super::capture_limits::Limits;
use super::capture_progress::Progress;
use super::capture_sink::{Origin, Sink};
use super::capture_tap::{Counted, Opening, Tap};
use crate::file::{Counts, WriteError};
use crate::show::text::printable;
use crate::sys::clock;
use crate::sys::interrupt::Interrupt;
use crate::sys::netlink::{Link, LinkMonitor, LinkNews, Netlink};
use crate::sys::poll;
use crate::sys::time_stamp::StampSource;

/// A capture.
pub(super) struct Session {
    pub(super) taps: Vec<Tap>,
    pub(super) monitor: LinkMonitor,
    pub(super) opening: Opening,
    pub(super) sink: Sink,
    pub(super) limits: Limits,
    pub(super) progress: Progress,
    pub(super) started: i64,
    /// Whether nothing is said of how it goes.
    pub(super) has_no_remarks: bool,
}

impl Session {
    /// Describes the devices to the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn describe(&mut self) -> Result<(), WriteError> {
        for tap in &mut self.taps {
            tap.number = self.sink.add_interface(&tap.interface(&self.opening, None))?;
        }
        Ok(())
    }

    /// Has the rings emptied.
    ///
    /// # Errors
    /// When the system has no room for a thread.
    pub(super) fn start(&mut self) -> Result<(), Box<dyn Error>> {
        let opening = &self.opening;
        self.taps.iter_mut().try_for_each(|tap| tap.start(opening))
    }

    /// Takes packets until enough have come, a signal ends it, or nothing more can be written.
    ///
    /// # Errors
    /// When the system fails.
    pub(super) fn listen(&mut self, interrupt: &Interrupt) -> Result<(), Box<dyn Error>> {
        while self.sink.wants_more() && !interrupt.came() && !self.limits.is_over() {
            let mut descriptors = vec![interrupt.as_fd(), self.monitor.as_fd()];
            descriptors.extend(self.taps.iter().filter_map(|tap| tap.intake.as_ref()).map(AsFd::as_fd));
            let times = [self.limits.left(), self.sink.left(clock::wall()), self.progress.left()];
            let held_back = self.taps.iter().filter_map(|tap| tap.intake.as_ref()?.left());
            let ready = poll::wait(&descriptors, &[], times.into_iter().flatten().chain(held_back).min())?;
            if interrupt.asks() {
                self.say_how_far()?;
            }
            let has_news = ready.get(1).is_some_and(|ready| ready.any());
            for (tap, index) in self.taps.iter_mut().zip(0..) {
                take(tap, index, &mut self.sink);
            }
            if self.taps.iter().any(|tap| tap.intake.as_ref().is_some_and(Intake::is_broken)) {
                break;
            }
            if has_news {
                for news in self.monitor.news()? {
                    self.hear(news)?;
                }
            }
            self.sink.settle(clock::wall());
            self.progress.show(self.sink.taken);
        }
        Ok(())
    }

    /// Says what was counted so far.
    fn say_how_far(&mut self) -> Result<(), Box<dyn Error>> {
        let mut text = format!("{} packets captured so far", self.sink.taken);
        for tap in &mut self.taps {
            if let Some(statistics) = tap.intake.as_mut().map_or(Ok(None), Intake::so_far)? {
                let (name, received, dropped) =
                    (printable(&tap.device.name), statistics.packets, statistics.dropped);
                let _ = write!(text, "; {name}: {received} received by filter, {dropped} dropped by kernel");
            }
        }
        anstream::eprintln!("rawsock: {text}");
        Ok(())
    }

    fn hear(&mut self, news: LinkNews) -> Result<(), Box<dyn Error>> {
        match news {
            LinkNews::Is(link) => self.is_there(&link),
            LinkNews::Removed(link) => {
                self.sink.names.remove(&link.index);
                let gone = self.taps.iter().position(|tap| is_of(tap, &link) && tap.intake.is_some());
                gone.map_or(Ok(()), |index| self.lose(index))
            }
            LinkNews::Lost => {
                let links = Netlink::open()?.links()?;
                for index in 0..self.taps.len() {
                    let Some(tap) = self.taps.get(index) else { continue };
                    if tap.intake.is_some()
                        && tap.device.index() > 0
                        && !links.iter().any(|link| is_of(tap, link))
                    {
                        self.lose(index)?;
                    }
                }
                links.iter().try_for_each(|link| self.is_there(link))
            }
        }
    }

    /// An interface is gone: what its ring still holds is taken, and it is waited for.
    fn lose(&mut self, index: usize) -> Result<(), Box<dyn Error>> {
        let Some(tap) = self.taps.get_mut(index) else { return Ok(()) };
        close(tap, index, &mut self.sink)?;
        let name = tap.device.name.clone();
        self.note(
            index,
            &format!("{name} is gone; the capture goes on when there is an interface of that name"),
        )
    }

    /// An interface is there: it may be up, down, called otherwise, or have come back.
    fn is_there(&mut self, link: &Link) -> Result<(), Box<dyn Error>> {
        self.sink.names.insert(link.index, link.name.clone());
        for index in 0..self.taps.len() {
            let Some(tap) = self.taps.get_mut(index) else { continue };
            if tap.intake.is_none() && tap.device.name == link.name && link.is_up() {
                let link_type = tap.device.link_type();
                match tap.reopen(link, &self.opening) {
                    // A file describes it once, however often it comes back.
                    Ok(()) if tap.device.link_type() == link_type => {
                        self.note(index, &format!("{} is there again", link.name))?;
                    }
                    Ok(()) => self.redescribe(index, format!("{} is there again", link.name))?,
                    // Gone again by now, perhaps.
                    Err(error) => self.note(
                        index,
                        &format!(
                            "{} is there again, but nothing can be captured from it: {error}",
                            link.name
                        ),
                    )?,
                }
            } else if tap.intake.is_some() && is_of(tap, link) {
                let was_up = std::mem::replace(&mut tap.is_up, link.is_up());
                if tap.device.name != link.name {
                    let before = std::mem::replace(&mut tap.device.name, link.name.clone());
                    self.redescribe(index, format!("{before} is called {} now", link.name))?;
                }
                match (was_up, link.is_up()) {
                    (true, false) => {
                        self.note(
                            index,
                            &format!("{} is down; the capture goes on when it is up again", link.name),
                        )?;
                    }
                    (false, true) => self.note(index, &format!("{} is up again", link.name))?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Says something of an interface, and notes it in the file.
    fn note(&mut self, index: usize, text: &str) -> Result<(), Box<dyn Error>> {
        anstream::eprintln!("rawsock: {}", printable(text));
        if let (Some(tap), Some(files)) = (self.taps.get(index), &mut self.sink.files) {
            files.note(tap.number, text)?;
        }
        Ok(())
    }

    /// The same, when the file must describe the interface anew.
    fn redescribe(&mut self, index: usize, text: String) -> Result<(), Box<dyn Error>> {
        anstream::eprintln!("rawsock: {}", printable(&text));
        if let Some(tap) = self.taps.get_mut(index) {
            tap.number = self.sink.add_interface(&tap.interface(&self.opening, Some(text)))?;
        }
        Ok(())
    }

    /// Takes what the rings still hold, ends the file, and says what was counted.
    ///
    /// # Errors
    /// What ended the capture, or that the file cannot be ended.
    pub(super) fn end(mut self) -> Result<(), Box<dyn Error>> {
        for (index, tap) in self.taps.iter_mut().enumerate() {
            close(tap, index, &mut self.sink)?;
            let dropped = dropped_by_interface(tap).unwrap_or(tap.device.dropped);
            tap.counted.dropped_by_interface = dropped.saturating_sub(tap.device.dropped);
        }
        self.sink.let_go_of_all();
        self.sink.settle(clock::wall());
        let Self { taps, mut sink, started, opening, has_no_remarks, .. } = self;
        if sink.failure.is_none() {
            sink.failure = finish(&mut sink, &taps, started).err();
        }
        // What is not in the file was not captured, whatever was seen.
        if let (Some(files), true) = (&sink.files, is_write_error(sink.failure.as_deref())) {
            sink.unsaved = sink.unsaved.saturating_add(sink.taken.saturating_sub(files.packets()));
            sink.taken = files.packets();
        }
        if !has_no_remarks {
            summary(&sink, &taps, opening.ring.stamps);
        }
        sink.failure.map_or(Ok(()), Err)
    }
}

fn is_write_error(failure: Option<&(dyn Error + 'static)>) -> bool {
    failure
        .and_then(|failure| failure.downcast_ref())
        .is_some_and(|error| matches!(error, WriteError::Write { .. }))
}

fn is_of(tap: &Tap, link: &Link) -> bool {
    tap.device.index() == link.index
}

/// Shows what has come to the tap with this index.
fn take(tap: &mut Tap, index: u32, sink: &mut Sink) {
    let Tap { intake, filter, number, .. } = tap;
    let origin = Origin { tap: index, number: *number, filter: filter.as_ref() };
    if let Some(intake) = intake {
        intake.receive(&mut |frame| sink.packet(frame, &origin));
    }
}

/// Closes a tap, and shows what it still has.
fn close(tap: &mut Tap, index: usize, sink: &mut Sink) -> Result<(), Box<dyn Error>> {
    let filter = tap.filter.clone();
    let tap_index = u32::try_from(index).unwrap_or(u32::MAX);
    let origin = Origin { tap: tap_index, number: tap.number, filter: filter.as_ref() };
    tap.close(&mut |frame| sink.packet(frame, &origin))
}

/// What the interface has dropped since it was made; `None` when it is gone, or is none.
fn dropped_by_interface(tap: &Tap) -> Option<u64> {
    let index = Some(tap.device.index()).filter(|index| *index != 0)?;
    let link = Netlink::open().ok()?.link_by_index(index).ok()?;
    Some(link.dropped)
}

fn finish(sink: &mut Sink, taps: &[Tap], started: i64) -> Result<(), Box<dyn Error>> {
    let Some(files) = &mut sink.files else { return Ok(()) };
    for (tap, tally) in taps.iter().zip(&sink.tallies) {
        let Counted { received, dropped, dropped_by_interface, .. } = tap.counted;
        let counts = Counts {
            start: Some(started),
            end: Some(clock::wall()),
            accepted: Some(received),
            dropped: Some(dropped_by_interface),
            dropped_by_system: Some(dropped),
            delivered: Some(tally.taken),
            ..Counts::default()
        };
        files.write_counts(tap.number, &counts)?;
    }
    files.finish()
}

/// Says what was counted: what was received is what was captured, left out or dropped.
fn summary(sink: &Sink, taps: &[Tap], stamps: StampSource) {
    let sum = |count: fn(&Counted) -> u64| {
        taps.iter().fold(0_u64, |sum, tap| sum.saturating_add(count(&tap.counted)))
    };
    anstream::eprintln!("{} packets captured", sink.taken);
    anstream::eprintln!("{} packets received by filter", sum(|c| c.received.saturating_sub(c.copies)));
    anstream::eprintln!("{} packets dropped by kernel", sum(|c| c.dropped));
    anstream::eprintln!("{} packets dropped by interface", sum(|c| c.dropped_by_interface));
    let left_out = sink.tallies.iter().fold(sink.unsaved, |sum, tally| sum.saturating_add(tally.left_out));
    if left_out > 0 {
        anstream::eprintln!("{left_out} packets left out");
    }
    if stamps != StampSource::Host {
        anstream::eprintln!("{} packets stamped by adapter, the others by host", sum(|c| c.by_adapter));
    }
}

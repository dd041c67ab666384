//! The capture while it runs: packets from the rings to screen and files, news of interfaces, and when it is over.

use std::collections::HashMap;
use std::error::Error;
use std::os::fd::AsFd;

use super::capture::Way;
use super::capture_files::Files;
use super::capture_limits::Limits;
use super::capture_tap::{Counted, Opening, Tap};
use super::display_filter::DisplayFilter;
use super::packet_output::Printer;
use crate::file::{Counts, WriteError};
use crate::filter::capture::CaptureFilter;
use crate::show::text::printable;
use crate::sys::clock;
use crate::sys::interrupt::Interrupt;
use crate::sys::netlink::{Link, LinkMonitor, LinkNews, Netlink};
use crate::sys::poll;
use crate::sys::ring::Source;
use crate::wire::frame::{Direction, Frame};

/// A capture.
pub(super) struct Session {
    pub(super) taps: Vec<Tap>,
    pub(super) monitor: LinkMonitor,
    pub(super) opening: Opening,
    pub(super) sink: Sink,
    pub(super) limits: Limits,
    pub(super) started: i64,
}

/// Packets on their way to the screen and to the files.
pub(super) struct Sink {
    pub(super) printer: Printer,
    pub(super) files: Option<Files>,
    pub(super) display_filter: DisplayFilter,
    /// Packets that the display filter saw.
    pub(super) seen: u64,
    pub(super) direction: Way,
    /// The names of all interfaces by their index.
    pub(super) names: HashMap<u32, String>,
    /// Packets that are still wanted.
    pub(super) left: u64,
    pub(super) taken: u64,
    /// Why there is no going on.
    pub(super) failure: Option<Box<dyn Error>>,
}

impl Session {
    /// Describes the devices to the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn describe(&mut self) -> Result<(), WriteError> {
        for tap in &mut self.taps {
            if let Some(files) = &mut self.sink.files {
                tap.number = files.add_interface(&tap.interface(&self.opening, None))?;
            }
        }
        Ok(())
    }

    /// Takes packets until enough have come, a signal ends it, or nothing more can be written.
    ///
    /// # Errors
    /// When the system fails.
    pub(super) fn listen(&mut self, interrupt: &Interrupt) -> Result<(), Box<dyn Error>> {
        while self.sink.wants_more() && !interrupt.came() && !self.limits.are_reached(&self.sink) {
            let mut descriptors = vec![interrupt.as_fd(), self.monitor.as_fd()];
            descriptors.extend(self.taps.iter().filter_map(|tap| tap.ring.as_ref()).map(AsFd::as_fd));
            let ready = poll::wait(&descriptors, &[], self.limits.left())?;
            let has_news = ready.get(1).is_some_and(|ready| ready.any());
            for tap in &mut self.taps {
                take(tap, &mut self.sink);
                // It says that the interface went down, which the news says better; asking takes it off.
                let _ = tap.ring.as_ref().and_then(|ring| ring.take_error());
            }
            if has_news {
                for news in self.monitor.news()? {
                    self.hear(news)?;
                }
            }
            self.sink.settle();
        }
        Ok(())
    }

    fn hear(&mut self, news: LinkNews) -> Result<(), Box<dyn Error>> {
        match news {
            LinkNews::Is(link) => self.is_there(&link),
            LinkNews::Removed(link) => {
                self.sink.names.remove(&link.index);
                let gone = self.taps.iter().position(|tap| is_of(tap, &link) && tap.ring.is_some());
                gone.map_or(Ok(()), |index| self.lose(index))
            }
            LinkNews::Lost => {
                let links = Netlink::open()?.links()?;
                for index in 0..self.taps.len() {
                    let Some(tap) = self.taps.get(index) else { continue };
                    if tap.ring.is_some()
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
        close(tap, &mut self.sink)?;
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
            if tap.ring.is_none() && tap.device.name == link.name && link.is_up() {
                tap.reopen(link, &self.opening)?;
                self.redescribe(index, format!("{} is there again", link.name))?;
            } else if tap.ring.is_some() && is_of(tap, link) {
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
        if let (Some(tap), Some(files)) = (self.taps.get_mut(index), &mut self.sink.files) {
            tap.number = files.add_interface(&tap.interface(&self.opening, Some(text)))?;
        }
        Ok(())
    }

    /// Takes what the rings still hold, ends the file, and says what was counted.
    ///
    /// # Errors
    /// What ended the capture, or that the file cannot be ended.
    pub(super) fn end(mut self) -> Result<(), Box<dyn Error>> {
        for tap in &mut self.taps {
            close(tap, &mut self.sink)?;
            let dropped = dropped_by_interface(tap).unwrap_or(tap.device.dropped);
            tap.counted.dropped_by_interface = dropped.saturating_sub(tap.device.dropped);
        }
        self.sink.settle();
        let Self { taps, mut sink, started, .. } = self;
        if let (Some(files), None) = (sink.files.take(), &sink.failure) {
            sink.failure = finish(files, &taps, started).err();
        }
        // What is not in the file was not captured, whatever was seen.
        if let Some(WriteError::Write { packets, .. }) =
            sink.failure.as_ref().and_then(|failure| failure.downcast_ref())
        {
            sink.taken = *packets;
        }
        summary(sink.taken, &taps);
        sink.failure.map_or(Ok(()), Err)
    }
}

fn is_of(tap: &Tap, link: &Link) -> bool {
    matches!(tap.device.source, Source::Interface(index, _) if index == link.index)
}

/// Shows what a ring has.
fn take(tap: &mut Tap, sink: &mut Sink) {
    let Tap { ring, filter, number, counted, .. } = tap;
    if let Some(ring) = ring {
        ring.receive(&mut |frame| sink.packet(frame, filter.as_ref(), *number, counted));
    }
}

/// Closes a ring, and shows what it has.
fn close(tap: &mut Tap, sink: &mut Sink) -> Result<(), Box<dyn Error>> {
    let (number, filter, mut counted) = (tap.number, tap.filter.clone(), Counted::default());
    tap.close(&mut |frame| sink.packet(frame, filter.as_ref(), number, &mut counted))?;
    tap.counted.taken = tap.counted.taken.saturating_add(counted.taken);
    tap.counted.left_out = tap.counted.left_out.saturating_add(counted.left_out);
    Ok(())
}

/// What the interface has dropped since it was made; `None` when it is gone, or is none.
fn dropped_by_interface(tap: &Tap) -> Option<u64> {
    let Source::Interface(index, _) = tap.device.source else { return None };
    let link = Netlink::open().ok()?.link_by_index(index).ok()?;
    Some(link.dropped)
}

fn finish(mut files: Files, taps: &[Tap], started: i64) -> Result<(), Box<dyn Error>> {
    for tap in taps {
        let Counted { received, dropped, dropped_by_interface, taken, .. } = tap.counted;
        let counts = Counts {
            start: Some(started),
            end: Some(clock::wall()),
            accepted: Some(received),
            dropped: Some(dropped_by_interface),
            dropped_by_system: Some(dropped),
            delivered: Some(taken),
            ..Counts::default()
        };
        files.write_counts(tap.number, &counts)?;
    }
    files.finish()
}

/// Says what was counted: what was received is what was captured, left out or dropped.
fn summary(taken: u64, taps: &[Tap]) {
    let sum = |count: fn(&Counted) -> u64| {
        taps.iter().fold(0_u64, |sum, tap| sum.saturating_add(count(&tap.counted)))
    };
    anstream::eprintln!("{taken} packets captured");
    anstream::eprintln!("{} packets received by filter", sum(|c| c.received.saturating_sub(c.copies)));
    anstream::eprintln!("{} packets dropped by kernel", sum(|c| c.dropped));
    anstream::eprintln!("{} packets dropped by interface", sum(|c| c.dropped_by_interface));
    let left_out = sum(|c| c.left_out);
    if left_out > 0 {
        anstream::eprintln!("{left_out} packets left out");
    }
}

impl Sink {
    fn wants_more(&self) -> bool {
        self.left > 0 && self.failure.is_none()
    }

    /// Shows what has come to the user, and to whoever reads the file.
    fn settle(&mut self) {
        let printed = self.printer.finish();
        let saved = self.files.as_mut().map_or(Ok(()), Files::flush);
        if self.failure.is_none() {
            self.failure = printed.err().map(Into::into).or(saved.err().map(Into::into));
        }
    }

    fn packet(
        &mut self,
        frame: &Frame<'_>,
        filter: Option<&CaptureFilter>,
        number: u32,
        counted: &mut Counted,
    ) {
        let is_wanted = match self.direction {
            Way::Inout => true,
            Way::In => frame.direction == Direction::Inbound,
            Way::Out => frame.direction == Direction::Outbound,
        };
        let is_out = !is_wanted || !self.wants_more() || filter.is_some_and(|filter| !filter.matches(frame));
        if is_out || !self.shows(frame) {
            counted.left_out = counted.left_out.saturating_add(1);
            return;
        }
        match self.take(frame, number) {
            Ok(()) => counted.taken = counted.taken.saturating_add(1),
            Err(error) => self.failure = Some(error),
        }
    }

    /// Whether the display filter takes a packet.
    fn shows(&mut self, frame: &Frame<'_>) -> bool {
        self.seen = self.seen.saturating_add(1);
        let name = self.names.get(&frame.interface).map(String::as_str);
        self.display_filter.matches(self.seen, frame, name)
    }

    fn take(&mut self, frame: &Frame<'_>, number: u32) -> Result<(), Box<dyn Error>> {
        if let Some(files) = &mut self.files
            && !files.packet(&Frame { interface: number, ..*frame })?
        {
            self.left = 0;
            return Ok(());
        }
        self.taken = self.taken.saturating_add(1);
        self.left = self.left.saturating_sub(1);
        let name = self.names.get(&frame.interface).map(String::as_str);
        let is_read = self.printer.packet(self.taken, frame, name)?;
        if !is_read && self.files.is_none() {
            // Nobody looks any more, and nothing is saved.
            self.left = 0;
        }
        Ok(())
    }

    /// How many files there have been, and octets in the last.
    pub(super) fn extent(&self) -> Option<(u32, u64)> {
        self.files.as_ref().map(Files::extent)
    }
}

//! Many packets at once: where nothing that is to be done with a packet depends on those before it, what was read of a pcap file is
//! gone through without a look at what else there might be to do.

use std::error::Error;

use super::read::Reading;
use super::read_copy::Copy;
use crate::file::Merge;

/// How packets are taken together.
#[derive(Debug, Clone, Copy)]
pub(super) enum Runs {
    /// All are printed, or else counted: runs of so many octets are handed on as they are.
    Whole(usize),
    /// Each is looked at by the filter.
    EachByItself,
    /// The same, and those that it takes are copied as they are.
    Copied,
}

impl Reading {
    /// How packets can be taken together; `None` where the packets before tell something of one, or more is made of them than text
    /// and copies.
    pub(super) fn kind_of_runs(&self) -> Option<Runs> {
        let is_simple = self.tracking.is_nothing()
            && self.display_filter.takes_all()
            && self.statistics.is_none()
            && self.finding.is_none()
            && self.reassembly.is_none()
            && self.following.is_none();
        let are_all =
            self.filter.takes_all() && self.copy.is_none() && self.skipped == 0 && self.most == u64::MAX;
        let is_copied = !self.printer.prints() && self.copy.as_ref().is_some_and(Copy::is_plain);
        match (is_simple, are_all) {
            (false, _) => None,
            (true, false) if is_copied => Some(Runs::Copied),
            (true, false) => Some(Runs::EachByItself),
            (true, true) if self.printer.prints() => {
                Some(self.printer.most_in_run().map_or(Runs::EachByItself, Runs::Whole))
            }
            (true, true) => Some(Runs::Whole(usize::MAX)),
        }
    }

    /// Takes the packets that were read already: `None` where there is none, or they are to be looked at one by one; `false` when
    /// those were the last that are wanted.
    pub(super) fn run(&mut self, merge: &mut Merge) -> Result<Option<bool>, Box<dyn Error>> {
        let Some(kind) = self.runs else { return Ok(None) };
        let most = if let Runs::Whole(most) = kind { most } else { usize::MAX };
        let Some(run) = merge.run(most) else { return Ok(None) };
        let first = self.number.saturating_add(1);
        if let Runs::Whole(_) = kind {
            self.number = self.number.saturating_add(run.packets());
            self.taken = self.taken.saturating_add(run.packets());
            return Ok(Some(!self.printer.prints() || self.printer.run(first, &run)?));
        }
        if let (Runs::Copied, Some(copy)) = (kind, &mut self.copy) {
            for (number, frame) in (first..).zip(run.frames()) {
                self.number = number;
                if number > self.skipped && self.filter.matches(&frame)? {
                    copy.plain(&frame, run.interfaces())?;
                    self.taken = self.taken.saturating_add(1);
                    if self.taken >= self.most {
                        return Ok(Some(false));
                    }
                }
            }
            return Ok(Some(true));
        }
        self.printer.name_interfaces(false);
        for (number, frame) in (first..).zip(run.frames()) {
            self.number = number;
            self.printer.see(frame.time);
            if number <= self.skipped || !self.filter.matches(&frame)? {
                continue;
            }
            self.taken = self.taken.saturating_add(1);
            let is_read = self.printer.packet(number, &frame, None, None)?;
            if let Some(copy) = &mut self.copy {
                copy.packet(0, (number, &frame), None, run.interfaces())?;
            }
            // Whoever copies goes on when nobody looks at the lines any more.
            if !(is_read || self.copy.is_some()) || self.taken >= self.most {
                return Ok(Some(false));
            }
        }
        Ok(Some(true))
    }
}

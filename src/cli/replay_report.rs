//! What `replay` tells at its end.

use std::error::Error;
use std::fmt::Write as _;

use super::Outcome;
use super::outflow_report::{self, Report};
use super::output::print;
use super::replay::ReplayArgs;
use super::replay_source::Tally;
use crate::exchange::drive::outflow::Totals;
use crate::exchange::pace::Tempo;

/// What there is to tell at the end.
pub(super) struct Told<'a> {
    pub(super) totals: &'a Totals,
    pub(super) tally: &'a Tally,
    /// Packets that were read before, of one pass.
    pub(super) preloaded: Option<u64>,
    /// Packets of which the file does not say the direction.
    pub(super) undirected: u64,
}

impl Told<'_> {
    /// Prints it.
    ///
    /// # Errors
    /// When it cannot be printed.
    pub(super) fn print(
        &self,
        args: &ReplayArgs,
        tempo: Tempo,
        report: &Report,
    ) -> Result<(), Box<dyn Error>> {
        let is_paced = tempo != Tempo::Top;
        if report.untold() > 0 {
            anstream::eprintln!("rawsock: {} more packets were refused", report.untold());
        }
        if self.undirected > 0 {
            anstream::eprintln!(
                "rawsock: the file does not say the direction of {} packets, which left by the first interface; `--split NETWORK` \
                 tells it by addresses",
                self.undirected
            );
        }
        let text = match args {
            ReplayArgs { json: true, .. } => self.json(is_paced),
            ReplayArgs { quiet: true, .. } => return Ok(()),
            _ => self.text(args, tempo),
        };
        Ok(print(&text)?)
    }

    fn text(&self, args: &ReplayArgs, tempo: Tempo) -> String {
        let mut text = outflow_report::summary(self.totals, tempo != Tempo::Top);
        let mut line = |words: std::fmt::Arguments<'_>| {
            // Writing into memory cannot fail.
            let _ = writeln!(text, "{words}");
        };
        let Tally { edited, mended, unmended, cut, untimed, .. } = *self.tally;
        if let (Tempo::Recorded(speed), true) = (tempo, self.totals.sent > 0) {
            let due = outflow_report::seconds(self.totals.due);
            line(format_args!("recorded: {due}{}", if speed == 1.0 { "" } else { " at that speed" }));
        }
        if edited > 0 || unmended > 0 {
            line(format_args!("{edited} edited, {mended} checksums mended"));
        }
        if !args.edits.is_empty() && edited == 0 {
            line(format_args!("no packet was changed by the edits"));
        }
        if unmended > 0 {
            line(format_args!("{unmended} checksums of cut packets could not be mended"));
        }
        if cut > 0 {
            line(format_args!("{cut} went out shorter than they were: the snapshot length had cut them"));
        }
        if untimed > 0 {
            line(format_args!("{untimed} have no time in the file, and went right behind those before them"));
        }
        if self.totals.stalls > 0 {
            line(format_args!("a full queue was waited for {} times", self.totals.stalls));
        }
        let not_sent = self.totals.failed.saturating_add(self.tally.unfit());
        if not_sent > 0 {
            line(format_args!("{not_sent} not sent"));
        }
        if self.totals.is_interrupted {
            line(format_args!("ended before its end"));
        }
        text
    }

    fn json(&self, is_paced: bool) -> String {
        let Tally { chosen, edited, mended, unmended, cut, untimed, unread, .. } = *self.tally;
        let chosen = self.preloaded.unwrap_or(chosen);
        format!(
            "{{\"event\":\"summary\",{},\"chosen\":{chosen},\"unfit\":{},\"edited\":{edited},\"mended\":{mended},\"unmended\":{unmended},\"cut\":{cut},\"untimed\":{untimed},\"unread\":{unread},\"due_ns\":{}}}\n",
            outflow_report::members(self.totals, is_paced),
            self.tally.unfit(),
            self.totals.due
        )
    }

    /// The exit code.
    pub(super) fn outcome(&self) -> Outcome {
        let not_sent = self.totals.failed.saturating_add(self.tally.unfit());
        match (self.totals.sent, not_sent) {
            // As of `read`: who takes a part of a file for the whole is mistaken.
            _ if self.tally.unread > 0 => Outcome::Failed,
            (0, 1..) => Outcome::Failed,
            (_, 1..) => Outcome::NoAnswer,
            _ if self.totals.is_interrupted => Outcome::NoAnswer,
            _ => Outcome::Done,
        }
    }
}

//! What `send` prints and saves of what happens.

use std::fmt::Write as _;
use std::io;

use super::capture_file::LiveFile;
use super::evidence::tell_at_once;
use super::output::say;
use crate::exchange::engine::Nanos;
use crate::exchange::expect::{Judged, Verdict};
use crate::exchange::matcher::Match;
use crate::exchange::send::{Event, Seen, Totals};
use crate::file::WriteError;
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::show::text::{printable, push_json_string};
use crate::show::{Meta, json, line, tree};
use crate::wire::frame::{Direction, LinkType};
use crate::wire::layers::LayerTable;

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A line for whatever happens, also with the trees of answers.
    Lines { trees: bool },
    /// A JSON object for whatever happens.
    Json,
    /// The last line alone.
    Summary,
    /// The same as a JSON object.
    JsonSummary,
}

/// Prints what happens, and saves it.
pub(super) struct Printer {
    form: Form,
    saved: Option<LiveFile>,
    text: String,
    table: LayerTable,
    failure: Option<WriteError>,
}

impl Printer {
    /// A printer that also saves into this file, where there is one.
    pub(super) fn new(form: Form, saved: Option<LiveFile>) -> Self {
        Self { form, saved, text: String::new(), table: LayerTable::default(), failure: None }
    }

    /// Prints and saves what happened.
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::Left { number, seen, comment } => {
                let number = format!("packet {}", number + 1);
                let comment =
                    comment.as_ref().map_or_else(|| number.clone(), |said| format!("{number}: {said}"));
                self.save(seen, Direction::Outbound, &comment);
            }
            Event::Answer { what, rtt, seen, .. } => {
                let words = answer_words(*what);
                let comment = format!("{words} packet {}, after {} ms", event.number() + 1, Millis(*rtt));
                self.save(seen, Direction::Inbound, &comment);
            }
            Event::Sent { .. } | Event::Failed { .. } | Event::Judged(_) | Event::Followed { .. } => {}
        }
        match (self.form, event) {
            (_, Event::Failed { number, reason, packet }) => self.failed(*number, reason, packet.as_ref()),
            (Form::Summary | Form::JsonSummary, _) => {}
            (Form::Json, _) => self.json(event),
            (Form::Lines { trees }, _) => self.line(event, trees),
        }
    }

    fn save(&mut self, seen: &Seen, direction: Direction, comment: &str) {
        if let (Some(saved), None) = (&mut self.saved, &self.failure) {
            self.failure = saved.write(&seen.frame(direction, comment)).err();
            self.failure.iter().for_each(tell_at_once);
        }
    }

    fn failed(&mut self, number: usize, reason: &str, packet: Option<&(Vec<u8>, LinkType)>) {
        let mut summary = String::new();
        if let Some((octets, link_type)) = packet {
            summary.push_str(" (");
            self.summarize(&mut summary, octets, *link_type);
            summary.push(')');
        }
        anstream::eprintln!("rawsock: packet {}{summary}: {reason}", number + 1);
    }

    fn summarize(&mut self, out: &mut String, octets: &[u8], link_type: LinkType) {
        dissect(octets, link_type, &mut self.table);
        let dissected = Dissected { octets, table: &self.table, wire_len: octets.len() };
        line::summary(out, &dissected, false);
    }

    fn line(&mut self, event: &Event, trees: bool) {
        let mut text = std::mem::take(&mut self.text);
        let number = event.number() + 1;
        match event {
            Event::Sent { octets, link_type, .. } => {
                let _ = write!(text, "{number:>5} sent                  ");
                self.summarize(&mut text, octets, *link_type);
                text.push('\n');
            }
            Event::Answer { what, rtt, seen, .. } => {
                let _ =
                    write!(text, "{number:>5} {:<9} {:>8} ms ", answer_word(*what), Millis(*rtt).to_string());
                self.summarize(&mut text, &seen.octets, seen.link_type);
                text.push('\n');
                if trees {
                    dissect(&seen.octets, seen.link_type, &mut self.table);
                    let dissected =
                        Dissected { octets: &seen.octets, table: &self.table, wire_len: seen.len };
                    tree::layers(&mut text, &dissected, tree::Style::default());
                }
            }
            Event::Judged(Judged { verdict, text: filter, is_wanted, after, .. }) => {
                let what = if *is_wanted { "" } else { "none of " };
                let (word, after) = (verdict_word(*verdict), Millis(*after).to_string());
                let _ = writeln!(text, "{number:>5} {word:<9} {after:>8} ms {what}{}", printable(filter));
            }
            Event::Left { .. } | Event::Failed { .. } | Event::Followed { .. } => {}
        }
        self.text = text;
    }

    fn json(&mut self, event: &Event) {
        let number = event.number() + 1;
        let (kind, octets, link_type, wall, len) = match event {
            Event::Answer { what, seen, .. } => {
                (answer_word(*what), &seen.octets, seen.link_type, seen.wall, seen.len)
            }
            Event::Sent { octets, wall, link_type, .. } => ("sent", octets, *link_type, *wall, octets.len()),
            Event::Judged(judged) => return self.json_of_judged(judged),
            Event::Left { .. } | Event::Failed { .. } | Event::Followed { .. } => return,
        };
        let text = &mut self.text;
        let _ = write!(text, "{{\"event\":\"{kind}\",\"packet\":{number}");
        if let Event::Answer { rtt, stamps: (left, came), .. } = event {
            let (left, came) = (left.name(), came.name());
            let _ = write!(text, ",\"rtt_ns\":{rtt},\"left_by\":\"{left}\",\"came_by\":\"{came}\"");
        }
        text.push_str(",\"frame\":");
        dissect(octets, link_type, &mut self.table);
        let dissected = Dissected { octets, table: &self.table, wire_len: len };
        let meta = Meta { time: Some(wall), ..Meta::built(number as u64, link_type) };
        json::packet(text, &meta, &dissected);
        text.push_str("}\n");
    }

    fn json_of_judged(&mut self, judged: &Judged) {
        let Judged { number, verdict, text: filter, is_wanted, after } = judged;
        let (word, kind) = (verdict_word(*verdict), if *is_wanted { "match" } else { "none" });
        let text = &mut self.text;
        let _ =
            write!(text, "{{\"event\":\"{word}\",\"packet\":{},\"after_ns\":{after},\"{kind}\":", number + 1);
        push_json_string(text, filter);
        text.push_str("}\n");
    }

    /// Writes what has come together.
    pub(super) fn flush_if_any(&mut self) -> io::Result<()> {
        if self.text.is_empty() { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> io::Result<()> {
        say(&self.text)?;
        self.text.clear();
        Ok(())
    }

    /// The last line, and the end of the file.
    pub(super) fn finish(mut self, totals: Totals, unseen: u64) -> Result<(), Box<dyn std::error::Error>> {
        let Totals { sent, failed, awaited, answered, expected, fulfilled } = totals;
        if matches!(self.form, Form::Json | Form::JsonSummary) {
            let _ = writeln!(
                self.text,
                "{{\"event\":\"summary\",\"sent\":{sent},\"failed\":{failed},\"awaited\":{awaited},\"answered\":{answered},\"expected\":{expected},\"fulfilled\":{fulfilled},\"unseen\":{unseen}}}"
            );
        } else {
            let _ = write!(self.text, "{sent} sent, {answered} answered");
            if awaited < sent {
                let _ = write!(self.text, ", {} without an answer to wait for", sent - awaited);
            }
            if expected > 0 {
                let _ = write!(self.text, ", {fulfilled} of {expected} expectations fulfilled");
            }
            if failed > 0 {
                let _ = write!(self.text, ", {failed} not sent");
            }
            if unseen > 0 {
                let _ = write!(self.text, ", {unseen} packets passed unseen: there was no room for them");
            }
            self.text.push('\n');
        }
        match self.flush() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
            _ => {}
        }
        match (self.failure.take(), self.saved.take()) {
            (Some(failure), _) => Err(failure.into()),
            (None, Some(saved)) => Ok(saved.finish()?),
            (None, None) => Ok(()),
        }
    }
}

fn answer_word(what: Match) -> &'static str {
    match what {
        Match::Reply(_) => "reply",
        Match::Error(_) => "error",
        Match::Advice(_) => "advice",
        Match::Duplicate(_) => "again",
    }
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Missed => "missed",
        Verdict::Held => "held",
        Verdict::Broken => "broken",
        Verdict::Unknown => "unknown",
    }
}

fn answer_words(what: Match) -> &'static str {
    match what {
        Match::Reply(_) => "answers",
        Match::Error(_) => "an error about",
        Match::Advice(_) => "advice about",
        Match::Duplicate(_) => "again about",
    }
}

/// Nanoseconds as milliseconds with three places.
struct Millis(Nanos);

impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let micros = self.0 / 1000;
        write!(f, "{}.{:03}", micros / 1000, micros % 1000)
    }
}

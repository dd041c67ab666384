//! Prints the hops of a trace as they are done. Where names are wanted, a line waits for those of its addresses for a while,
//! which holds nothing but the line up.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use super::names::{GRACE, NameTable};
use super::trace::tell_failure;
use crate::exchange::drive::Watcher;
use crate::exchange::drive::trace::TraceWire;
use crate::exchange::engine::Nanos;
use crate::exchange::trace::{Heard, Hop, Missing, Trace, TracePlan, missing};
use crate::proto::view::Names;
use crate::show::{trace as lines, trace_report as report};
use crate::sys::clock::{self, Now};
use crate::wire::text::Text;

/// What prints a trace.
pub(super) struct Printer {
    json: bool,
    names: Option<NameTable>,
    /// Hops that are done and not printed, and when they were done.
    waiting: VecDeque<(Hop, Nanos)>,
    heard: Vec<Heard>,
}

impl Printer {
    pub(super) fn new(json: bool, resolve: bool) -> Self {
        let names = resolve.then(|| NameTable::new(Duration::ZERO));
        Self { json, names, waiting: VecDeque::new(), heard: Vec::new() }
    }

    /// Prints the first line.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn head(&self, host: &str, plan: &TracePlan) -> io::Result<()> {
        let mut text = String::new();
        if !self.json {
            let _ = lines::head(&mut text, host, plan);
        }
        flush(&text)
    }

    /// Prints what is left.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn finish(&mut self, host: &str, trace: &Trace, took: Nanos) -> io::Result<()> {
        while !self.waiting.is_empty() {
            self.print(trace.plan(), clock::monotonic())?;
            if !self.waiting.is_empty() {
                thread::sleep(LOOK_AGAIN);
            }
        }
        let mut text = String::new();
        self.tell_missing(&mut text);
        tell_failure(&mut text, host, self.json, trace.failure());
        if self.json {
            text += &(lines::summary_json(host, trace, took) + "\n");
        }
        flush(&text)
    }

    /// Why answers are missing, where there are enough of them to tell.
    fn missing(&self) -> Vec<Missing> {
        let last =
            self.heard.iter().rposition(|heard| heard.answered > 0).map_or(0, |last| last.saturating_add(1));
        let mut all = missing(self.heard.get(..last).unwrap_or_default());
        all.retain(|one| one.asked >= ENOUGH_TO_TELL);
        all
    }

    /// The same in words.
    pub(super) fn why_missing(&self) -> String {
        let mut text = String::new();
        let _ = report::missing(&mut text, &self.missing());
        text
    }

    fn tell_missing(&self, text: &mut String) {
        if self.json {
            self.missing().iter().for_each(|one| *text += &(report::missing_json(one) + "\n"));
        } else {
            *text += &self.why_missing();
        }
    }

    /// Prints the hops whose names are known, or were waited for long enough.
    fn print(&mut self, plan: &TracePlan, now: Nanos) -> io::Result<()> {
        let mut text = String::new();
        while let Some((hop, done_at)) = self.waiting.front() {
            let grace = Nanos::try_from(GRACE.as_nanos()).unwrap_or(Nanos::MAX);
            if now < done_at.saturating_add(grace) && !self.knows(hop) {
                break;
            }
            let name_of = |address| self.name_of(address);
            if self.json {
                text += &(lines::hop_json(plan, hop, &name_of) + "\n");
            } else {
                let _ = lines::hop(&mut text, plan, hop, &name_of);
            }
            self.heard.push(Heard::of(hop));
            self.waiting.pop_front();
        }
        if text.is_empty() { Ok(()) } else { flush(&text) }
    }

    /// Whether the names of all addresses of a hop are known. Asking for one has the resolver look for it.
    fn knows(&self, hop: &Hop) -> bool {
        let Some(names) = &self.names else { return true };
        let answers = hop.probes.iter().filter_map(|probe| probe.answer.as_ref());
        // Each is asked for, also behind one that is not known.
        let unknown = answers.filter(|answer| !names.put_host(answer.from, &mut Text::default()));
        unknown.count() == 0
    }

    /// The name of an address; where names are wanted and it has none, the address.
    fn name_of(&self, address: IpAddr) -> Option<String> {
        let names = self.names.as_ref()?;
        let mut text = Text::default();
        if names.put_host(address, &mut text) {
            Some(text.as_str().to_owned())
        } else {
            (!self.json).then(|| address.to_string())
        }
    }
}

/// Of fewer probes, a missing answer says nothing.
const ENOUGH_TO_TELL: u64 = 10;

/// How long to wait before names are looked for again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

impl Watcher<Trace, TraceWire> for Printer {
    fn watch(&mut self, engine: &mut Trace, now: Now) -> io::Result<()> {
        let hops = engine.take_hops();
        self.waiting.extend(hops.into_iter().map(|hop| (hop, now.monotonic)));
        self.print(engine.plan(), now.monotonic)
    }
}

pub(super) fn flush(text: &str) -> io::Result<()> {
    super::output::say(text)
}

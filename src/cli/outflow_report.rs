//! What is said of many packets that go out: how far it is, what failed, and what it came to.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use super::output::say;
use crate::exchange::drive::outflow::{Onlooker, Totals};
use crate::exchange::engine::{Nanos, SECOND};
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::show::{Meta, json, line};
use crate::sys::error::SysError;
use crate::wire::frame::LinkType;
use crate::wire::layers::LayerTable;

/// Looks on, and says what there is to say.
pub(super) struct Report {
    /// A line on a terminal that is written over.
    shows_progress: bool,
    /// A line for each packet that left, which begins with this.
    lines: Option<LinkType>,
    /// Lines are JSON objects.
    is_json: bool,
    lines_of_failures: u64,
    text: String,
    summary: String,
    table: LayerTable,
    shown_at: Nanos,
    is_shown: bool,
}

impl Report {
    /// One that shows how far it is on a terminal, unless it is to be quiet or there are lines of packets.
    pub(super) fn new(is_quiet: bool, lines: Option<LinkType>) -> Self {
        Self {
            shows_progress: !is_quiet && lines.is_none() && io::stderr().is_terminal(),
            lines,
            is_json: false,
            lines_of_failures: 0,
            text: String::new(),
            summary: String::new(),
            table: LayerTable::default(),
            shown_at: 0,
            is_shown: false,
        }
    }

    /// One whose lines of packets are JSON objects.
    pub(super) fn with_json(mut self, is_json: bool) -> Self {
        self.is_json = is_json;
        self
    }

    fn summarize(&mut self, octets: &[u8], link_type: LinkType) {
        self.summary.clear();
        dissect(octets, link_type, &mut self.table);
        let dissected = Dissected { octets, table: &self.table, wire_len: octets.len() };
        line::summary(&mut self.summary, &dissected, false);
    }

    /// Makes room for other lines.
    pub(super) fn end_progress(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    /// Failures that were only counted.
    pub(super) fn untold(&self) -> u64 {
        self.lines_of_failures.saturating_sub(TOLD)
    }
}

impl Onlooker for Report {
    fn sees_packets(&self) -> bool {
        self.lines.is_some()
    }

    fn left(&mut self, number: u64, octets: &[u8], wall: i64) {
        // Writing into memory cannot fail.
        match self.lines {
            Some(link_type) if self.is_json => {
                dissect(octets, link_type, &mut self.table);
                let dissected = Dissected { octets, table: &self.table, wire_len: octets.len() };
                let meta = Meta { time: Some(wall), ..Meta::built(number, link_type) };
                let _ = write!(self.text, "{{\"event\":\"sent\",\"packet\":{number},\"frame\":");
                json::packet(&mut self.text, &meta, &dissected);
                self.text.push_str("}\n");
            }
            Some(link_type) => {
                self.summarize(octets, link_type);
                let _ = writeln!(self.text, "{number:>5} sent {}", self.summary);
            }
            None => {}
        }
    }

    fn failed(&mut self, number: u64, octets: &[u8], error: &SysError) {
        self.lines_of_failures = self.lines_of_failures.saturating_add(1);
        if self.lines_of_failures <= TOLD {
            self.end_progress();
            let len = octets.len();
            anstream::eprintln!("rawsock: packet {number} ({len} octets): {error}");
        }
    }

    fn look(&mut self, totals: &Totals) -> io::Result<()> {
        if !self.text.is_empty() {
            match say(&self.text) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
                _ => {}
            }
            self.text.clear();
        }
        if self.shows_progress && totals.elapsed >= self.shown_at.saturating_add(SECOND) {
            self.shown_at = totals.elapsed;
            self.is_shown = true;
            let rate = Rate::of(totals);
            let mut line = format!("{} sent, {rate}", totals.sent);
            if totals.failed > 0 {
                let _ = write!(line, ", {} failed", totals.failed);
            }
            // Whoever cannot be told needs not be.
            let _ = write!(io::stderr(), "\r{line}\x1b[K");
        }
        Ok(())
    }
}

/// How fast packets went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate {
    pub(super) packets: f64,
    pub(super) bits: f64,
}

impl Rate {
    /// Over the whole run.
    pub(super) fn of(totals: &Totals) -> Self {
        let seconds = totals.elapsed.max(1) as f64 / 1e9;
        Self { packets: totals.sent as f64 / seconds, bits: totals.octets as f64 * 8.0 / seconds }
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}packets/s, {}bit/s", scaled(self.packets), scaled(self.bits))
    }
}

/// A number with its unit's prefix.
fn scaled(number: f64) -> String {
    let (scaled, prefix) = match number {
        1e9.. => (number / 1e9, "G"),
        1e6.. => (number / 1e6, "M"),
        1e4.. => (number / 1e3, "k"),
        _ => (number, ""),
    };
    let places = if scaled.fract() == 0.0 { 0 } else { 2 };
    format!("{scaled:.places$} {prefix}")
}

/// Seconds with as many digits as say something.
pub(super) fn seconds(nanos: Nanos) -> String {
    format!("{:.6} s", nanos as f64 / 1e9)
}

/// Nanoseconds in the unit that fits.
pub(super) fn short(nanos: Nanos) -> String {
    match nanos {
        0..1000 => format!("{nanos} ns"),
        1000..1_000_000 => format!("{:.1} µs", nanos as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} ms", nanos as f64 / 1e6),
        _ => format!("{:.3} s", nanos as f64 / 1e9),
    }
}

/// What it came to, in one or two lines.
pub(super) fn summary(totals: &Totals, is_paced: bool) -> String {
    let mut text = format!(
        "{} packet{} sent ({} octets) in {}: {}\n",
        totals.sent,
        if totals.sent == 1 { "" } else { "s" },
        totals.octets,
        seconds(totals.elapsed),
        Rate::of(totals)
    );
    if is_paced && totals.late.count > 0 {
        let late = &totals.late;
        let _ = writeln!(
            text,
            "pace: half within {} of their time, 99 % within {}, the latest {} late",
            short(late.quantile(500)),
            short(late.quantile(990)),
            short(late.most())
        );
    }
    text
}

/// The same as members of a JSON object, without braces.
pub(super) fn members(totals: &Totals, is_paced: bool) -> String {
    let rate = Rate::of(totals);
    let mut text = format!(
        "\"sent\":{},\"octets\":{},\"failed\":{},\"elapsed_ns\":{},\"packets_per_second\":{:.3},\"bits_per_second\":{:.3},\"full_queue\":{},\"interrupted\":{}",
        totals.sent,
        totals.octets,
        totals.failed,
        totals.elapsed,
        rate.packets,
        rate.bits,
        totals.stalls,
        totals.is_interrupted
    );
    if is_paced {
        let late = &totals.late;
        let _ = write!(
            text,
            ",\"pace_error_ns\":{{\"p50\":{},\"p99\":{},\"max\":{}}}",
            late.quantile(500),
            late.quantile(990),
            late.most()
        );
    }
    text
}

/// More failures than this are only counted.
const TOLD: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!([810.0, 9999.5, 1_234_567.0, 2.5e10].map(scaled), ["810 ", "9999.50 ", "1.23 M", "25 G"]);
        assert_eq!(
            [999, 1500, 2_500_000, 3_000_000_000].map(short),
            ["999 ns", "1.5 µs", "2.50 ms", "3.000 s"]
        );
    }

    #[test]
    fn what_it_came_to() {
        let mut totals = Totals { sent: 10, octets: 1250, elapsed: 1_000_000_000, ..Totals::default() };
        (0..100).for_each(|late| totals.late.add(late * 100));
        let text = summary(&totals, true);
        assert_eq!(
            text,
            "10 packets sent (1250 octets) in 1.000000 s: 10 packets/s, 10 kbit/s\n\
             pace: half within 4.9 µs of their time, 99 % within 9.8 µs, the latest 9.9 µs late\n"
        );
        assert!(
            members(&totals, true).ends_with("\"pace_error_ns\":{\"p50\":4900,\"p99\":9800,\"max\":9900}")
        );
        assert!(!summary(&totals, false).contains("pace"));
    }
}

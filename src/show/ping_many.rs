//! Pings of many targets: a line for each reply as `fping` prints it, and a table that is drawn anew while they run.

use std::collections::VecDeque;
use std::fmt::{self, Write};

use crate::exchange::engine::Nanos;
use crate::exchange::ping::ledger::PacketClass;
use crate::exchange::ping::{Event, Ping, Target};
use crate::show::ping::{named, short, three_places};
use crate::show::text::push_printable;
use crate::wire::text::Text;

/// The line of an event, where it has one.
pub fn event(out: &mut String, ping: &Ping, event: &Event) -> fmt::Result {
    let (number, seq) = match event {
        Event::Reply(reply) => (reply.target, reply.seq),
        Event::Error { target, seq, .. }
        | Event::Lost { target, seq, .. }
        | Event::Dropped { target, seq, is_news: true, .. } => (*target, *seq),
        Event::Dropped { .. } | Event::LeavesAgain { .. } | Event::Stray { .. } => return Ok(()),
    };
    let Some(target) = ping.targets().get(number) else { return Ok(()) };
    push_printable(out, &named(&target.name, target.address));
    // Numbers begin with 0, as fping's do.
    write!(out, " : [{}], ", seq.saturating_sub(1))?;
    match event {
        Event::Reply(reply) => {
            write!(out, "{} bytes, {} ms", reply.len, three_places(reply.sample.rtt))?;
            out.push_str(match reply.class {
                PacketClass::Duplicate => " (duplicate)",
                PacketClass::Reordered => " (out of order)",
                PacketClass::Damaged => " (damaged)",
                PacketClass::Forged => " (forged)",
                PacketClass::Elsewhere => " (from another address)",
                _ if reply.late => " (late)",
                _ => "",
            });
        }
        Event::Error { from, text, .. } => write!(out, "{text} (from {from})")?,
        Event::Dropped { text, .. } => out.push_str(text),
        _ => out.push_str("timed out"),
    }
    match target.times.round_trip() {
        Some(times) => write!(out, " ({} avg, ", three_places(times.avg))?,
        None => out.push_str(" ("),
    }
    writeln!(out, "{}% loss)", short(target.loss_percent()))
}

/// The line that a target ends with.
pub fn summary(out: &mut String, target: &Target) -> fmt::Result {
    push_printable(out, &named(&target.name, target.address));
    // Of ten thousand targets this is much of the work.
    let mut text = Text::with_capacity(LINE);
    let (sent, answered) = (target.transmitted(), target.ledger.answered());
    text.put(" : xmt/rcv/%loss = ").put(sent).put("/").put(answered).put("/");
    match sent.checked_sub(answered) {
        Some(0) if sent > 0 => drop(text.put("0%")),
        _ => write!(text, "{}%", short(target.loss_percent()))?,
    }
    if let Some(times) = target.times.round_trip() {
        text.put(", min/avg/max/p99 = ");
        for (time, between) in [(times.min, "/"), (times.avg, "/"), (times.max, "/"), (times.p99, "\n")] {
            let micros = time / 1000;
            text.put(micros / 1000).put(".");
            text.padded(micros % 1000, 3);
            text.put(between);
        }
    } else {
        text.put("\n");
    }
    out.push_str(text.as_str());
    Ok(())
}

/// Octets that the line of a target has room for at first.
const LINE: usize = 96;

/// A table of targets that is drawn anew over itself.
#[derive(Debug, Default)]
pub struct Table {
    histories: Vec<VecDeque<Option<Nanos>>>,
    /// Lines on the screen, which are drawn over.
    shown: usize,
}

/// Results of a target that are drawn.
const HISTORY: usize = 24;
const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Letters of a name that have room.
const NAME: usize = 32;
/// Columns of the figures between a name and its results.
const FIGURES: usize = 1 + 7 + 1 + 6 + 3 * (1 + 9) + 2;

impl Table {
    /// Takes what happened.
    pub fn note(&mut self, event: &Event) {
        let (target, result) = match event {
            // What comes later than that is about a request that stands here as lost.
            Event::Reply(reply)
                if !reply.late && matches!(reply.class, PacketClass::Answer | PacketClass::Reordered) =>
            {
                (reply.target, Some(reply.sample.rtt))
            }
            Event::Lost { target, .. }
            | Event::Error { target, is_end: true, .. }
            | Event::Dropped { target, .. } => (*target, None),
            _ => return,
        };
        if self.histories.len() <= target {
            self.histories.resize_with(target + 1, VecDeque::new);
        }
        if let Some(history) = self.histories.get_mut(target) {
            history.push_back(result);
            if history.len() > HISTORY {
                history.pop_front();
            }
        }
    }

    /// Takes it off the screen: what is printed next stands in its place, and it is drawn below that.
    pub fn erase(&mut self, out: &mut String) -> fmt::Result {
        match std::mem::take(&mut self.shown) {
            0 => Ok(()),
            shown => write!(out, "\x1b[{shown}A\x1b[J"),
        }
    }

    /// Draws it over the last one, on a terminal of so many columns and rows. Where there are more targets than rows, those that
    /// lose most come first.
    pub fn draw(&mut self, out: &mut String, ping: &Ping, (columns, rows): (usize, usize)) -> fmt::Result {
        if self.shown > 0 {
            write!(out, "\x1b[{}A", self.shown)?;
        }
        let mut order: Vec<usize> = (0..ping.targets().len()).collect();
        let room = rows.saturating_sub(4).max(1);
        if order.len() > room {
            let loss = |index: &usize| ping.targets().get(*index).map_or(0.0, Target::loss_percent);
            order.sort_by(|left, right| loss(right).total_cmp(&loss(left)));
        }
        let shown: Vec<(usize, &Target, String)> = order
            .iter()
            .take(room)
            .filter_map(|index| Some((*index, ping.targets().get(*index)?)))
            .map(|(index, target)| (index, target, name_of(target)))
            .collect();
        let names = shown.iter().map(|(.., name)| name.chars().count());
        let width = names.max().unwrap_or(0).max("target".len());
        let (cells, last) = (results(columns, width), above(results(columns, width)));
        let head = format!(
            "{:width$} {:>7} {:>6} {:>9} {:>9} {:>9}  {last}",
            "target", "sent", "loss", "last ms", "p50 ms", "p99 ms"
        );
        line(out, &head, columns)?;
        for (index, target, name) in shown {
            let row = row(target, &format!("{name:width$}"), self.histories.get(index), cells)?;
            line(out, &row, columns)?;
        }
        let hidden = order.len().saturating_sub(room);
        let (ledger, _) = ping.totals();
        let foot = format!(
            "{} targets{}: {} sent, {} answered, {} came",
            order.len(),
            if hidden > 0 { format!(" ({hidden} not shown)") } else { String::new() },
            ping.targets().iter().map(Target::transmitted).sum::<u64>(),
            ledger.answered(),
            ledger.came()
        );
        line(out, &foot, columns)?;
        self.shown = order.len().min(room) + 2;
        // What is left of a longer one.
        out.push_str("\x1b[J");
        Ok(())
    }
}

/// A line that has room, over what stood there.
fn line(out: &mut String, text: &str, columns: usize) -> fmt::Result {
    out.extend(text.chars().take(columns.max(20)));
    out.write_str("\x1b[K\n")
}

/// Results that have room on so many columns, where names take so many.
fn results(columns: usize, names: usize) -> usize {
    columns.saturating_sub(names + FIGURES).min(HISTORY)
}

/// What stands above so many results, where it has room.
fn above(results: usize) -> String {
    let words = format!("the last {results}");
    if words.len() > results { String::new() } else { words }
}

fn name_of(target: &Target) -> String {
    let mut name = String::new();
    push_printable(&mut name, &named(&target.name, target.address));
    name.chars().take(NAME).collect()
}

fn row(
    target: &Target,
    name: &str,
    history: Option<&VecDeque<Option<Nanos>>>,
    cells: usize,
) -> Result<String, fmt::Error> {
    let mut row = format!("{name} {:>7} {:>5.1}%", target.transmitted(), target.loss_percent());
    let times = target.times.round_trip();
    let shown = [target.times.last(), times.map(|times| times.p50), times.map(|times| times.p99)];
    for time in shown {
        match time {
            Some(time) => write!(row, " {:>9}", three_places(time))?,
            None => write!(row, " {:>9}", "-")?,
        }
    }
    row.push_str("  ");
    let most = times.map_or(1, |times| times.max).max(1);
    let older = history.map_or(0, VecDeque::len).saturating_sub(cells);
    for result in history.into_iter().flatten().skip(older) {
        row.push(match result {
            Some(time) => step(*time, most),
            None => '×',
        });
    }
    Ok(row)
}

/// How high a time is beside the longest.
fn step(time: Nanos, most: Nanos) -> char {
    let last = STEPS.len() - 1;
    let at = u128::from(time) * last as u128 / u128::from(most.max(1));
    STEPS.get(usize::try_from(at).unwrap_or(last).min(last)).copied().unwrap_or('█')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_drawn_once_whatever_is_said_of_it_later() {
        let mut table = Table::default();
        let error = |is_end: bool| Event::Error {
            target: 0,
            seq: 1,
            from: [10, 0, 0, 1].into(),
            text: String::new(),
            kind: (3, 1),
            mtu: None,
            rtt: 0,
            wall: 0,
            is_end,
        };
        table.note(&error(true));
        table.note(&error(false));
        assert_eq!(table.histories, [VecDeque::from([None])]);
    }

    #[test]
    fn a_table_has_as_many_results_as_there_is_room_for() {
        // As an IPv4 address has, on terminals of several widths.
        assert_eq!([200, 80, 70, 62, 20].map(|columns| results(columns, 15)), [24, 18, 8, 0, 0]);
        assert_eq!([24, 18, 9, 0].map(above), ["the last 24", "the last 18", "", ""]);
    }

    #[test]
    fn steps_go_from_lowest_to_highest() {
        assert_eq!([0, 50, 99, 100, 200].map(|time| step(time, 100)), ['▁', '▄', '▇', '█', '█']);
        assert_eq!(step(5, 0), '█');
    }
}

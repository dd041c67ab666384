//! `rawsock trace --watch`: the way to a host as it is now, drawn anew a few times a second, as `mtr` does it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use super::CommandResult;
use super::live::{Key, Line, Live, Tone};
use super::trace::Setup;
use super::trace_names::HostNames;
use super::trace_report;
use crate::exchange::drive::Watcher;
use crate::exchange::drive::trace::TraceWire;
use crate::exchange::engine::{Engine, MILLISECOND, Nanos};
use crate::exchange::trace::{HopRecord, Rounds};
use crate::show::text::printable;
use crate::show::trace_report as lines;
use crate::sys::clock::Now;

/// Shows the way until somebody has seen enough, or so many times; then prints the report.
///
/// # Errors
/// When there is no terminal, or the system does not let it.
pub(super) fn run(setup: Setup, interval: Nanos, count: Option<u64>) -> CommandResult {
    let host = setup.host.clone();
    let mut engine = Rounds::new(setup.plan.clone(), interval, count);
    let names = HostNames::new(setup.resolve, false);
    let mut view = View { live: Live::open()?, host: printable(&host), names, drawn_at: 0, has_help: false };
    let driven = setup.drive(&mut engine, &mut view);
    // The terminal comes back before anything is printed on it.
    let View { live, names, .. } = view;
    drop(live);
    trace_report::print(&host, &engine, &names, false, driven?)
}

struct View {
    live: Live,
    host: String,
    names: HostNames,
    drawn_at: Nanos,
    has_help: bool,
}

impl View {
    fn lines(&self, engine: &Rounds) -> Vec<Line> {
        let line = |text: String, tone| Line { text, tone };
        let state = if engine.is_paused() { ", paused" } else { "" };
        let (destination, rounds) = (engine.plan().destination, engine.rounds());
        let title = format!("trace to {} ({destination})  round {rounds}{state}", self.host);
        let mut all = vec![line(title, Tone::Title)];
        if self.has_help {
            all.extend(HELP.lines().map(|text| line(text.to_owned(), Tone::Plain)));
            return all;
        }
        all.push(line("q quit   p pause   r reset   ? help".to_owned(), Tone::Plain));
        let name_of = |address| self.names.of(address);
        let width = lines::host_width(engine.hops(), &name_of);
        all.push(line(lines::columns(width), Tone::Columns));
        for hop in engine.hops() {
            let mut text = String::new();
            let _ = lines::hop(&mut text, engine.plan(), hop, width, &name_of);
            let mut rows = text.lines().map(str::to_owned);
            let first = rows.next().unwrap_or_default();
            all.push(line(format!("{first}  {}", history(hop)), Tone::Plain));
            all.extend(rows.map(|row| line(row, Tone::Plain)));
        }
        let mut text = String::new();
        let _ = lines::missing(&mut text, &engine.missing());
        all.extend(text.lines().map(|row| line(row.to_owned(), Tone::Warning)));
        all
    }
}

/// The last rounds of a hop: how long it took compared with its slowest, and where nothing came.
fn history(hop: &HopRecord) -> String {
    let shown = hop.recent.iter().skip(hop.recent.len().saturating_sub(SHOWN));
    let slowest = shown.clone().filter_map(|(_, rtt)| *rtt).max().unwrap_or(1).max(1);
    let bar = |rtt: &Option<Nanos>| match rtt {
        None => '·',
        Some(rtt) => {
            let steps = BARS.len().saturating_sub(1) as u64;
            let step = usize::try_from(rtt.saturating_mul(steps) / slowest).unwrap_or(0);
            BARS.get(step).copied().unwrap_or('█')
        }
    };
    shown.map(|(_, rtt)| bar(rtt)).collect()
}

/// Rounds that are shown of each hop.
const SHOWN: usize = 40;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

const HELP: &str = "
  q, Esc, ^C   end, and print the report
  p, space     send nothing for now, and go on
  r            forget what was found, and begin anew
  ^Z           stop; fg goes on
  ?            this page, and away with it

  Loss% counts answers that are missing; what is on its way does not count. A hop of which more is
  missing than of those behind it limits its answers: the lines below the table say so.";

/// However much happens, nobody can read more often.
const REDRAWN: Nanos = 100 * MILLISECOND;

impl Watcher<Rounds, TraceWire> for View {
    fn wake_up(&self) -> Option<BorrowedFd<'_>> {
        Some(self.live.as_fd())
    }

    fn woken(&mut self, engine: &mut Rounds, _wire: &mut TraceWire, now: Now) {
        // Without its terminal there is nobody to show anything to.
        let keys = self.live.keys().unwrap_or_else(|_| vec![Key::Quit]);
        for key in keys {
            match key {
                Key::Quit | Key::Character('q') => engine.stop(now.monotonic),
                Key::Character('p' | ' ') => {
                    let is_paused = engine.is_paused();
                    engine.pause(!is_paused);
                }
                Key::Character('r') => engine.forget(),
                Key::Character('?' | 'h') => self.has_help = !self.has_help,
                Key::Character(_) => {}
            }
        }
        self.drawn_at = 0;
    }

    fn watch(&mut self, engine: &mut Rounds, now: Now) -> io::Result<()> {
        if self.drawn_at > 0 && now.monotonic < self.drawn_at.saturating_add(REDRAWN) {
            return Ok(());
        }
        self.drawn_at = now.monotonic;
        self.live.draw(&self.lines(engine))
    }
}

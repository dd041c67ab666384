//! What happens at a server or a connection, as lines or JSON, on one stream that all threads share.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::plain::event::{Event, Watch};
use crate::show::plain;
use crate::sys::clock::monotonic;

/// Where events are written.
pub(super) struct Log {
    json: bool,
    quiet: bool,
    /// Stdout belongs to what peers say.
    to_stderr: bool,
    /// A bar is drawn on a terminal, and when it may be drawn again.
    bar: Option<Mutex<Bar>>,
    /// Something that was to be done could not be.
    has_failed: AtomicBool,
}

#[derive(Default)]
struct Bar {
    next: u64,
    drawn: bool,
}

impl Log {
    pub(super) fn new(json: bool, quiet: bool, to_stderr: bool) -> Self {
        let is_wanted = !json && !quiet && io::stderr().is_terminal();
        Self {
            json,
            quiet,
            to_stderr,
            bar: is_wanted.then(Mutex::default),
            has_failed: AtomicBool::new(false),
        }
    }

    /// Writes what could not be done: to stderr, as all programs do.
    pub(super) fn fail(&self, line: &str) {
        self.has_failed.store(true, Ordering::Relaxed);
        self.write_to(line, true);
    }

    /// Whether there was such a thing.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Whether events are objects.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Writes a line, with its end.
    pub(super) fn write(&self, line: &str) {
        self.write_to(line, self.to_stderr);
    }

    fn write_to(&self, line: &str, is_stderr: bool) {
        if let Some(bar) = &self.bar {
            let mut bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
            if std::mem::take(&mut bar.drawn) {
                let _ = write!(io::stderr(), "\r\x1b[K");
            }
        }
        // Whoever does not read the log is served all the same.
        let _ = match is_stderr {
            true => anstream::stderr().lock().write_all(line.as_bytes()),
            false => {
                let mut stdout = anstream::stdout().lock();
                stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush())
            }
        };
    }

    fn progress(&self, file: &str, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        let mut bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
        let now = monotonic();
        if now < bar.next && done < total {
            return;
        }
        bar.next = now.saturating_add(TENTH_OF_A_SECOND);
        bar.drawn = done < total;
        let end = if done < total { "" } else { "\n" };
        let _ = write!(io::stderr(), "\r\x1b[K{}{end}", plain::progress(file, done, total));
    }
}

const TENTH_OF_A_SECOND: u64 = 100_000_000;

impl Watch for Log {
    fn event(&self, event: &Event<'_>) {
        if let Event::Progress { file, done, total, .. } = event {
            self.progress(file, *done, *total);
        } else if self.json {
            self.write(&(plain::json(event) + "\n"));
        } else if !self.quiet || matches!(event, Event::Listening { .. } | Event::Waiting { .. }) {
            plain::line(event).iter().for_each(|line| self.write(&format!("{line}\n")));
        }
    }
}

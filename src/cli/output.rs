//! Stdout through one large buffer. When its reader has gone, as `head` does, that is no error: there is just nobody left
//! to write for.

use std::io::{self, StdoutLock, Write};

use crate::sys::error::Cause;
use crate::wire::text::Text;

/// Stdout, for text that comes in many pieces.
pub(super) struct Output {
    stdout: StdoutLock<'static>,
    /// What has not been written yet. Whoever prints appends here, and calls [`Output::flush_if_full`].
    pub(super) text: Text,
    is_open: bool,
}

impl Output {
    /// Takes stdout for as long as it lives.
    pub(super) fn new() -> Self {
        Self { stdout: io::stdout().lock(), text: Text::with_capacity(2 * FULL), is_open: true }
    }

    /// Whether anybody still reads.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Writes what has come together when it is much.
    ///
    /// # Errors
    /// When stdout cannot be written, other than that its reader has gone.
    pub(super) fn flush_if_full(&mut self) -> io::Result<()> {
        if self.text.len() >= FULL { self.flush() } else { Ok(()) }
    }

    /// Writes what has come together.
    ///
    /// # Errors
    /// As of [`Output::flush_if_full`].
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let mut text = std::mem::take(&mut self.text);
        let written = self.write(&mut text);
        self.text = text;
        written
    }

    /// Writes text, and empties it.
    ///
    /// # Errors
    /// As of [`Output::flush_if_full`].
    pub(super) fn write(&mut self, text: &mut Text) -> io::Result<()> {
        let written = self.stdout.write_all(text.as_octets()).and_then(|()| self.stdout.flush());
        text.clear();
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.is_open = false,
            other => return other.map_err(of_stdout),
        }
        Ok(())
    }
}

/// Octets that are worth a system call.
const FULL: usize = 64 * 1024;

/// Prints text at once, without colours where nobody sees them.
///
/// # Errors
/// When stdout cannot be written; [`io::ErrorKind::BrokenPipe`] where its reader has gone.
pub(super) fn say(text: &str) -> io::Result<()> {
    // Where there are no colours none need to be looked for, which takes time where ten thousand hosts are told of.
    match text.contains(ESCAPE) {
        true => write_to(&mut anstream::stdout().lock(), text),
        false => say_plainly(text),
    }
}

/// Prints text at once, as it is.
///
/// # Errors
/// As of [`say`].
pub(super) fn say_plainly(text: &str) -> io::Result<()> {
    write_to(&mut io::stdout().lock(), text)
}

fn write_to(stdout: &mut dyn Write, text: &str) -> io::Result<()> {
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(of_stdout)
}

/// What colours begin with (ECMA-48).
const ESCAPE: char = '\x1b';

/// Stdout could not be written.
#[derive(Debug, thiserror::Error)]
#[error("write to stdout: {}", Cause(.0))]
struct Unwritten(io::Error);

/// Says what could not be written.
pub(super) fn of_stdout(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), Unwritten(error))
}

/// Whether an error says that whoever read stdout has gone.
pub(super) fn is_reader_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe && error.get_ref().is_some_and(|inner| inner.is::<Unwritten>())
}

/// Prints one text.
///
/// # Errors
/// As of [`Output::flush_if_full`].
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut output = Output::new();
    output.text.push_str(text);
    output.flush()
}

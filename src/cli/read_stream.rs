//! A pipe that is read until its end, or until a signal: whoever writes into it often gets the same signal, and has some more to say.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use crate::file::{CaptureReader, ReadError};
use crate::sys::clock;
use crate::sys::interrupt::Interrupt;
use crate::sys::poll;

/// Opens what may be a pipe; plain files are opened as such.
///
/// # Errors
/// As of [`CaptureReader::open`].
pub(super) fn open(path: &Path) -> Result<CaptureReader, ReadError> {
    if is_plain(path) || path.is_dir() {
        return CaptureReader::open(path);
    }
    let failed = |source| ReadError::Open { path: path.display().to_string(), source };
    let source = match path.as_os_str() == "-" {
        true => io::stdin().as_fd().try_clone_to_owned(),
        false => File::open(path).map(OwnedFd::from),
    };
    let source = File::from(source.map_err(failed)?);
    CaptureReader::new(Stream { source, is_begun: false, interrupt: None, until: None })
}

/// Whether a file has an end of its own, wherever it is read from.
pub(super) fn is_plain(path: &Path) -> bool {
    path.as_os_str() != "-" && path.is_file()
}

struct Stream {
    source: File,
    is_begun: bool,
    /// None before something has come: filters may ask for names then, and nothing is lost if a signal ends the program.
    interrupt: Option<Interrupt>,
    /// Until when it is still read, once a signal came: nanoseconds of the monotonic clock.
    until: Option<u64>,
}

impl Read for Stream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if !std::mem::replace(&mut self.is_begun, true) {
            return self.source.read(room);
        }
        let interrupt = match &mut self.interrupt {
            Some(interrupt) => interrupt,
            none => none.insert(Interrupt::catch().map_err(|error| error.source)?),
        };
        loop {
            let now = clock::monotonic();
            if interrupt.came() {
                self.until.get_or_insert(now.saturating_add(LAST_WORDS));
            }
            let ready = match self.until {
                Some(until) if until <= now => return Ok(0),
                Some(until) => poll::wait(&[self.source.as_fd()], &[], Some(until.saturating_sub(now)))?,
                None => poll::wait(&[self.source.as_fd(), interrupt.as_fd()], &[], None)?,
            };
            if ready.first().is_some_and(|source| source.any()) {
                return self.source.read(room);
            }
        }
    }
}

/// Nanoseconds that a pipe is still read behind a signal.
const LAST_WORDS: u64 = 500_000_000;

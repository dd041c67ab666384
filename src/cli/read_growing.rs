//! A file that grows while it is read, as `tail -f` reads it: its end is not the end.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::AsFd;
use std::path::Path;

use crate::file::{CaptureReader, ReadError};
use crate::sys::interrupt::Interrupt;
use crate::sys::poll;

/// Opens a file that may grow; a signal ends it. What is no plain file (a pipe) has an end of its own, and is just read.
///
/// # Errors
/// As of [`CaptureReader::open`]. A file with nothing in it is waited for.
pub(super) fn open(path: &Path) -> Result<CaptureReader, ReadError> {
    let failed = |source| ReadError::Open { path: path.display().to_string(), source };
    let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    if path.as_os_str() == "-" || !is_file {
        return CaptureReader::open(path);
    }
    let file = File::open(path).map_err(failed)?;
    let interrupt = Interrupt::catch().map_err(|error| failed(error.source))?;
    CaptureReader::new(Growing { file, interrupt })
}

struct Growing {
    file: File,
    interrupt: Interrupt,
}

impl Read for Growing {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while !self.interrupt.came() {
            let got = self.file.read(room)?;
            if got > 0 || room.is_empty() {
                return Ok(got);
            }
            if self.file.metadata()?.len() < self.file.stream_position()? {
                return Err(io::Error::other("the file became shorter while it was read"));
            }
            // inotify would not hear of what other machines write into a shared folder.
            poll::wait(&[self.interrupt.as_fd()], &[], Some(PAUSE))?;
        }
        Ok(0)
    }
}

/// Nanoseconds between two looks: too short for people to wait, too long to be felt by the machine.
const PAUSE: u64 = 100_000_000;

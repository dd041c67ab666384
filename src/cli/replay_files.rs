//! The files of `replay`: opened one after the other, and in such a way that who interrupts need not wait for a pipe.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use crate::file::{CaptureReader, ReadError};
use crate::show::text::printable;
use crate::sys::interrupt::Interrupt;
use crate::sys::poll;

/// The files, in their order.
pub(super) struct Files(Vec<PathBuf>);

impl Files {
    /// These; those that can be read again are looked at before a packet leaves.
    ///
    /// # Errors
    /// When one cannot be opened, or is no capture.
    pub(super) fn new(paths: &[PathBuf]) -> Result<Self, Box<dyn Error>> {
        for path in paths.iter().skip(1).filter(|path| !is_live(path)) {
            CaptureReader::open(path).map_err(|error| named(path, &error))?;
        }
        Ok(Self(paths.to_vec()))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The name of one.
    pub(super) fn name(&self, place: usize) -> &Path {
        self.0.get(place).map_or(Path::new(""), PathBuf::as_path)
    }

    /// Whether packets may come as somebody captures them.
    pub(super) fn are_live(&self) -> bool {
        self.0.iter().any(|path| is_live(path))
    }

    /// Whether all of them can be read again.
    ///
    /// # Errors
    /// The first that cannot.
    pub(super) fn check_again(&self) -> Result<(), String> {
        match self.0.iter().find(|path| is_live(path)) {
            Some(path) => {
                let name = if path.as_os_str() == "-" { "stdin".into() } else { path.display().to_string() };
                Err(format!(
                    "{} can be read once: `--preload` keeps its packets for `--loop`",
                    printable(&name)
                ))
            }
            None => Ok(()),
        }
    }

    /// Opens one.
    ///
    /// # Errors
    /// When it cannot be opened, or is no capture.
    pub(super) fn open(&self, place: usize, interrupt: &Interrupt) -> Result<CaptureReader, Box<dyn Error>> {
        let path = self.name(place);
        if !is_live(path) {
            return CaptureReader::open(path).map_err(|error| named(path, &error).into());
        }
        let source = if path.as_os_str() == "-" {
            io::stdin().as_fd().try_clone_to_owned().map(File::from)
        } else {
            File::open(path)
        };
        let failed = |source| named(path, &ReadError::Open { path: path.display().to_string(), source });
        let source = source.map_err(failed)?;
        let until = UntilInterrupt { source, interrupt: interrupt.as_fd().try_clone_to_owned()? };
        CaptureReader::new(until).map_err(|error| match interrupt.came() {
            true => "ended before the first packet came".into(),
            false => named(path, &error).into(),
        })
    }
}

/// Whether a file is a pipe or the like, which can be read once and may let wait.
fn is_live(path: &Path) -> bool {
    let is_other =
        |path: &Path| path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
    path.as_os_str() == "-" || is_other(path)
}

fn named(path: &Path, error: &ReadError) -> String {
    match error {
        ReadError::Open { .. } => printable(&error.to_string()),
        _ => format!("{}: {error}", printable(&path.display().to_string())),
    }
}

/// A stream that ends when somebody wants an end: reading a pipe would go on waiting.
struct UntilInterrupt {
    source: File,
    interrupt: OwnedFd,
}

impl Read for UntilInterrupt {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        // A signal may end the wait with nothing ready.
        loop {
            let ready = poll::wait(&[self.interrupt.as_fd(), self.source.as_fd()], &[], None)?;
            match ready.as_slice() {
                [interrupt, _] if interrupt.any() => return Ok(0),
                [_, source] if source.any() => return self.source.read(octets),
                _ => {}
            }
        }
    }
}

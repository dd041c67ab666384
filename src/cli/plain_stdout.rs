//! Stdout for what a peer says, which a signal can interrupt: whoever reads it may not read.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, OnceLock};

use crate::plain::stop::Stop;
use crate::sys::poll;

/// What asks to stop, from when on there is such a thing: it takes a descriptor, and the first one is to be the socket's, as in books.
pub(super) type Stopping = Arc<OnceLock<Stop>>;

/// Stdout without a buffer, until one is asked to stop: from then on, what it has no room for is not waited for.
pub(super) struct Stdout {
    stop: Stopping,
    /// Writing to a file ends by itself.
    may_wait: bool,
}

impl Stdout {
    /// Takes stdout.
    pub(super) fn until(stop: &Stopping) -> Self {
        let is_file = rustix::fs::fstat(io::stdout())
            .is_ok_and(|there| rustix::fs::FileType::from_raw_mode(there.st_mode).is_file());
        Self { stop: Arc::clone(stop), may_wait: !is_file }
    }

    /// Waits for room.
    fn wait(&self) -> io::Result<()> {
        loop {
            let stop = self.stop.get();
            let is_over = stop.is_some_and(|stop| stop.asked().is_some());
            let stop = stop.filter(|_| !is_over).map(AsFd::as_fd);
            let ready = poll::wait(stop.as_slice(), &[io::stdout().as_fd()], is_over.then_some(0))?;
            match ready.last().is_some_and(|out| out.any()) {
                true => return Ok(()),
                // As if the reader had gone.
                false if is_over => return Err(io::ErrorKind::BrokenPipe.into()),
                false => {}
            }
        }
    }
}

impl Write for Stdout {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if !self.may_wait {
            return Ok(rustix::io::write(io::stdout(), octets)?);
        }
        self.wait()?;
        Ok(rustix::io::write(io::stdout(), octets.get(..AT_ONCE).unwrap_or(octets))?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether stdout takes something at once.
pub(super) fn has_room() -> bool {
    let stdout = io::stdout();
    poll::wait(&[], &[stdout.as_fd()], Some(0)).is_ok_and(|ready| ready.iter().any(|out| out.any()))
}

/// What a pipe takes without waiting once poll(2) says that it is writable: PIPE_BUF (pipe(7)).
const AT_ONCE: usize = 4096;

//! A process of its own beside this one, for what this one is not to have the right to do any more once it reads what strangers sent. It
//! takes requests of a fixed size by a pair of sockets, and nothing else.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use super::process;

/// The process. It ends when this one does, or lets go of it.
pub(super) struct Companion {
    channel: UnixStream,
    pid: u32,
}

impl Companion {
    /// Splits it off; `serve` is what it does, until its channel says that there is nothing more to do, and gives its exit code. The
    /// right time is before this process opens anything: the other one gets a copy.
    ///
    /// # Errors
    /// When this process has several threads, or there is no room for another process.
    pub(super) fn start(serve: impl FnOnce(UnixStream) -> u8) -> io::Result<Self> {
        let (channel, theirs) = UnixStream::pair()?;
        let (mut ours, mut theirs) = (Some(channel), Some(theirs));
        let pid = process::split_off(|| {
            drop(ours.take());
            // Ctrl-C is for the other process, which says when it is over.
            process::ignore_interrupts();
            theirs.take().map_or(1, serve)
        })?;
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        ours.map(|channel| Self { channel, pid }).ok_or_else(gone)
    }

    /// Asks, and waits for the answer: both have one size.
    ///
    /// # Errors
    /// When the process is gone.
    pub(super) fn ask<const N: usize>(&self, request: &[u8]) -> io::Result<[u8; N]> {
        (&self.channel).write_all(request)?;
        self.told()
    }

    /// By which it is spoken to.
    pub(super) fn channel(&self) -> &UnixStream {
        &self.channel
    }

    /// What it says by itself.
    ///
    /// # Errors
    /// When the process is gone.
    pub(super) fn told<const N: usize>(&self) -> io::Result<[u8; N]> {
        let mut answer = [0; N];
        (&self.channel).read_exact(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        // Another companion may have a copy of the channel, so that closing it would not be enough.
        let _ = self.channel.shutdown(Shutdown::Both);
        // How it ended is no matter any more.
        let _ = process::bury(self.pid);
    }
}

impl fmt::Debug for Companion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Companion").field("pid", &self.pid).finish_non_exhaustive()
    }
}

/// An error number as four octets; 0 where all went well.
pub(super) fn number_of(result: &io::Result<()>) -> [u8; 4] {
    let number = match result {
        Ok(()) => 0,
        Err(error) => error.raw_os_error().unwrap_or(libc::EIO),
    };
    number.to_ne_bytes()
}

/// What such octets say.
pub(super) fn result_of(octets: [u8; 4]) -> io::Result<()> {
    match i32::from_ne_bytes(octets) {
        0 => Ok(()),
        number => Err(io::Error::from_raw_os_error(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_numbers_come_back() {
        for number in [libc::EPERM, libc::ENOENT] {
            let told = result_of(number_of(&Err(io::Error::from_raw_os_error(number))));
            assert_eq!(told.unwrap_err().raw_os_error(), Some(number));
        }
        assert!(result_of(number_of(&Ok(()))).is_ok());
    }
}

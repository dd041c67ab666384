//! Ctrl-C and SIGTERM as a descriptor to wait on: the first asks for an end in order, the second ends the program.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use signal_hook::consts::{SIGINT, SIGTERM};

/// The signals that came.
#[derive(Debug)]
pub struct Interrupt {
    receiver: UnixStream,
    came: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Interrupt {
    /// Catches SIGINT and SIGTERM from now on. When one comes a second time, the program ends at once, as without us.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn catch() -> io::Result<Self> {
        let (receiver, sender) = UnixStream::pair()?;
        receiver.set_nonblocking(true)?;
        let came = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order matters: the first signal finds the flag unset, and sets it behind this check.
            signal_hook::flag::register_conditional_default(signal, came.clone())?;
            signal_hook::flag::register(signal, came.clone())?;
            signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
        }
        Ok(Self { receiver, came })
    }

    /// Whether one came.
    pub fn came(&self) -> bool {
        self.came.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl AsFd for Interrupt {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}

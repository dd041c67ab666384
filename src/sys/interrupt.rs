//! Ctrl-C and SIGTERM as a descriptor to wait on: the first asks for an end in order, the second ends the program. Where that
//! is wanted, a terminal that hangs up is one of them, and SIGUSR1 or SIGQUIT asks how far things are.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1};

/// The signals that came.
#[derive(Debug)]
pub struct Interrupt {
    receiver: UnixStream,
    sender: UnixStream,
    came: Arc<AtomicBool>,
    asked: Arc<AtomicBool>,
}

impl Interrupt {
    /// Catches SIGINT and SIGTERM from now on. When one comes a second time, the program ends at once, as without us.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn catch() -> io::Result<Self> {
        let (receiver, sender) = UnixStream::pair()?;
        receiver.set_nonblocking(true)?;
        let interrupt = Self { receiver, sender, came: Arc::default(), asked: Arc::default() };
        interrupt.end_with(SIGINT)?;
        interrupt.end_with(SIGTERM)?;
        Ok(interrupt)
    }

    /// As [`catch`](Self::catch), for what runs for long: with SIGHUP, unless whoever started this has it ignored (nohup(1)), and
    /// with SIGUSR1, which [`asks`](Self::asks) tells.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn catch_of_long_run() -> io::Result<Self> {
        let interrupt = Self::catch()?;
        if !is_ignored(SIGHUP) {
            interrupt.end_with(SIGHUP)?;
        }
        interrupt.ask_with(SIGUSR1)?;
        Ok(interrupt)
    }

    /// As [`catch`](Self::catch), with SIGQUIT, which [`asks`](Self::asks) tells: ping(8) has it so.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn catch_and_be_asked() -> io::Result<Self> {
        let interrupt = Self::catch()?;
        interrupt.ask_with(SIGQUIT)?;
        Ok(interrupt)
    }

    /// As [`catch`](Self::catch), for what has the terminal in another state, which must be put back: with SIGHUP and SIGQUIT.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn catch_of_view() -> io::Result<Self> {
        let interrupt = Self::catch()?;
        interrupt.end_with(SIGHUP)?;
        interrupt.end_with(SIGQUIT)?;
        Ok(interrupt)
    }

    fn end_with(&self, signal: i32) -> io::Result<()> {
        // The order matters: the first signal finds the flag unset, and sets it behind this check.
        signal_hook::flag::register_conditional_default(signal, self.came.clone())?;
        signal_hook::flag::register(signal, self.came.clone())?;
        signal_hook::low_level::pipe::register(signal, self.sender.try_clone()?)?;
        Ok(())
    }

    fn ask_with(&self, signal: i32) -> io::Result<()> {
        // The order matters: whoever sees the flag finds what it reads in `asks`, whichever thread gets the signal.
        signal_hook::low_level::pipe::register(signal, self.sender.try_clone()?)?;
        signal_hook::flag::register(signal, self.asked.clone())?;
        Ok(())
    }

    /// Whether somebody asked since the last call.
    pub fn asks(&self) -> bool {
        let asked = self.asked.swap(false, Ordering::Relaxed);
        if asked && !self.came() {
            // What woke us up; a signal to end has set its flag before it writes here.
            let _ = (&self.receiver).read(&mut [0; 64]);
        }
        asked
    }

    /// Whether one came.
    pub fn came(&self) -> bool {
        self.came.load(Ordering::Relaxed)
    }
}

impl AsFd for Interrupt {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}

/// Whether a signal is ignored now.
fn is_ignored(signal: i32) -> bool {
    // SAFETY: sigaction is plain data, for which all zeros are valid.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: without a new action the call only writes the present one.
    let done = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) };
    done == 0 && action.sa_sigaction == libc::SIG_IGN
}

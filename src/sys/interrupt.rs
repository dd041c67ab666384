//! Ctrl-C and SIGTERM as a descriptor to wait on: the first asks for an end in order, the second ends the program. Where that
//! is wanted, a terminal that hangs up is one of them, and SIGUSR1 or SIGQUIT asks how far things are.
//!
//! Signals that come together are one: timeout(1) sends its signal to the command, and then to the group that the command is in.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGXFSZ};

use super::clock;
use super::error::SysError;
use super::process;

/// The signals that came.
#[derive(Debug)]
pub struct Interrupt {
    receiver: UnixStream,
    sender: UnixStream,
    came: Arc<AtomicBool>,
    /// When the first came, in nanoseconds of the monotonic clock; 0 before that.
    first: Arc<AtomicU64>,
    asked: Arc<AtomicBool>,
}

/// Nanoseconds within which further signals mean the first one: more than one sender takes for several, less than it takes to
/// lose patience.
const TOGETHER: u64 = 300_000_000;

impl Interrupt {
    /// Catches SIGINT and SIGTERM from now on. When one comes a second time, 0.3 seconds after the first or later, the program ends
    /// at once, as without us.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn catch() -> Result<Self, SysError> {
        Self::catch_these(&[SIGINT, SIGTERM]).map_err(SysError::of("catch", "signals"))
    }

    fn catch_these(signals: &[i32]) -> io::Result<Self> {
        let (receiver, sender) = UnixStream::pair()?;
        receiver.set_nonblocking(true)?;
        let (came, first, asked) = (Arc::default(), Arc::default(), Arc::default());
        let interrupt = Self { receiver, sender, came, first, asked };
        signals.iter().try_for_each(|signal| interrupt.end_with(*signal))?;
        Ok(interrupt)
    }

    /// As [`catch`](Self::catch), for what runs for long: with SIGHUP, unless whoever started this has it ignored (nohup(1)), and
    /// with SIGUSR1, which [`asks`](Self::asks) tells.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn catch_of_long_run() -> Result<Self, SysError> {
        let signals: &[i32] =
            if is_ignored(SIGHUP) { &[SIGINT, SIGTERM] } else { &[SIGINT, SIGTERM, SIGHUP] };
        let catch = || {
            let interrupt = Self::catch_these(signals)?;
            interrupt.ask_with(SIGUSR1)?;
            Ok(interrupt)
        };
        catch().map_err(SysError::of("catch", "signals"))
    }

    /// As [`catch`](Self::catch), with SIGQUIT, which [`asks`](Self::asks) tells: ping(8) has it so.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn catch_and_be_asked() -> Result<Self, SysError> {
        let interrupt = Self::catch()?;
        interrupt.ask_with(SIGQUIT).map_err(SysError::of("catch", "signals"))?;
        Ok(interrupt)
    }

    /// As [`catch`](Self::catch), for what has the terminal in another state, which must be put back: with SIGHUP and SIGQUIT.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn catch_of_view() -> Result<Self, SysError> {
        let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];
        Self::catch_these(&signals).map_err(SysError::of("catch", "signals"))
    }

    fn end_with(&self, signal: i32) -> io::Result<()> {
        let (came, first) = (self.came.clone(), self.first.clone());
        let note = move || {
            let now = clock::monotonic().max(1);
            let before = first.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
            came.store(true, Ordering::Relaxed);
            if before.is_err_and(|first| now.saturating_sub(first) > TOGETHER) {
                process::end_by(signal);
            }
        };
        // SAFETY: a handler may make only async-signal-safe calls, and must not panic: clock_gettime is one (signal-safety(7)),
        // atomics take no lock, and what ends the program is made to be called there.
        unsafe { signal_hook::low_level::register(signal, note) }?;
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

/// Has writes beyond the largest size that a file may have (RLIMIT_FSIZE in setrlimit(2)) fail, as those on a full disk, where else
/// SIGXFSZ would end the program in the middle of a packet. The signal is caught, not ignored: commands that are started would
/// inherit that (execve(2)).
pub fn outlive_file_limit() {
    // Where it cannot be caught, it is as it was.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
}

/// Whether a signal is ignored now.
fn is_ignored(signal: i32) -> bool {
    // SAFETY: sigaction is plain data, for which all zeros are valid.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: without a new action the call only writes the present one.
    let done = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) };
    done == 0 && action.sa_sigaction == libc::SIG_IGN
}

//! Signals, read from a descriptor in place of handlers (signalfd(2)).

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::FromRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The signals that are held back from this process, in the order in which they came.
pub struct SignalQueue {
    descriptor: File,
    /// What was held back before.
    before: libc::sigset_t,
}

/// One signal that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Its number (signal(7)).
    pub signal: i32,
    /// The kernel sent it, such as the terminal for Ctrl-C. A terminal sends to its whole foreground process group.
    pub by_kernel: bool,
}

impl SignalQueue {
    /// Holds these signals back from this thread, and from the threads and commands that it starts later, except for
    /// those that were given to [`release_in`](Self::release_in).
    ///
    /// # Errors
    /// When a number is no signal, or is SIGSYS, or no descriptor is left.
    pub fn hold_back(signals: &[i32]) -> io::Result<Self> {
        // SAFETY: the set is plain data, made valid by sigemptyset before anything reads it.
        let mut set = unsafe { std::mem::zeroed::<libc::sigset_t>() };
        // SAFETY: `set` is a valid set for the whole call.
        unsafe { libc::sigemptyset(&raw mut set) };
        // A sandbox says by it which call it forbids (`sandbox::violation`).
        if signals.contains(&libc::SIGSYS) {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        for signal in signals {
            // SAFETY: as above; numbers that are no signals are answered with -1.
            if unsafe { libc::sigaddset(&raw mut set, *signal) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        let mut before = set;
        // SAFETY: reads `set` and writes `before`, both valid for the whole call.
        let error = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut before) };
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        // SAFETY: reads `set`; -1 asks for a new descriptor.
        let descriptor = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and open, and nobody else has it.
        Ok(Self { descriptor: unsafe { File::from_raw_fd(descriptor) }, before })
    }

    /// Lets the signals through again in the program that a command runs: it inherits what is held back (execve(2)).
    pub fn release_in<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let before = self.before;
        let release = move || {
            // SAFETY: reads `before`, which is a valid set that the closure owns.
            match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut()) }
            {
                0 => Ok(()),
                error => Err(io::Error::from_raw_os_error(error)),
            }
        };
        // SAFETY: between fork and exec only async-signal-safe calls are allowed, and pthread_sigmask is one
        // (signal-safety(7)).
        unsafe { command.pre_exec(release) }
    }

    /// Waits for the next signal.
    ///
    /// # Errors
    /// As read(2); not seen in practice.
    pub fn wait(&mut self) -> io::Result<Received> {
        // `ssi_signo` is the first of the record's fields, `ssi_code` the third, each of 32 bits (signalfd(2)).
        let mut record = [0; size_of::<libc::signalfd_siginfo>()];
        self.descriptor.read_exact(&mut record)?;
        let field = |at: usize| {
            let octets = record.get(at..).and_then(|rest| rest.first_chunk());
            octets.map_or(0, |octets| i32::from_ne_bytes(*octets))
        };
        Ok(Received { signal: field(0), by_kernel: field(8) == SI_KERNEL })
    }
}

/// `si_code` of a signal that the kernel sent (`asm-generic/siginfo.h`).
const SI_KERNEL: i32 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn a_signal_sent_by_a_process_is_queued_as_such() {
        let mut queue = SignalQueue::hold_back(&[libc::SIGUSR1]).unwrap();
        // SAFETY: the signal is held back from this thread, which is the one that raise(3) sends it to.
        unsafe { libc::raise(libc::SIGUSR1) };
        assert_eq!(queue.wait().unwrap(), Received { signal: libc::SIGUSR1, by_kernel: false });
    }

    #[test]
    fn a_command_gets_the_signals_that_are_held_back_here() {
        let queue = SignalQueue::hold_back(&[libc::SIGTERM]).unwrap();
        let mut command = Command::new("sh");
        let status = queue.release_in(command.args(["-c", "kill -TERM $$"])).status().unwrap();
        assert_eq!(status.signal(), Some(libc::SIGTERM));
    }

    #[test]
    fn a_number_that_is_no_signal_is_refused() {
        for signal in [12_345, libc::SIGSYS] {
            assert_eq!(SignalQueue::hold_back(&[signal]).err().unwrap().raw_os_error(), Some(libc::EINVAL));
        }
    }
}

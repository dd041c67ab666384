//! Standing in for a command: what is sent to this process reaches it, and how it ends is how this process can end.

use std::io;
use std::process::{Child, Command, ExitStatus};

use crate::sys::process;
use crate::sys::signal_queue::SignalQueue;
use crate::sys::terminal::Foreground;

/// Runs a command, passes signals on to it until it ends, and takes the terminal back from it. The calling process must
/// have a single thread.
///
/// # Errors
/// When the command cannot be run.
pub fn run(command: &mut Command) -> io::Result<ExitStatus> {
    let terminal = Foreground::of(io::stdin());
    let mut signals = SignalQueue::hold_back(HELD_BACK)?;
    let child = signals.release_in(command).spawn()?;
    let status = wait(child, &mut signals);
    terminal.restore(io::stdin());
    status
}

/// Signals that a process sent are passed on. Those of the terminal have reached the command already: it is in the same
/// foreground process group, or has taken the terminal for its own.
fn wait(mut child: Child, signals: &mut SignalQueue) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let received = signals.wait()?;
        if received.signal != libc::SIGCHLD && !received.by_kernel {
            // The command may end at the same moment.
            let _ = process::send_signal(child.id(), received.signal);
        }
    }
}

/// The end of the child, what would stop this process when it takes the terminal back, and what is passed on.
const HELD_BACK: &[i32] = &[
    libc::SIGCHLD,
    libc::SIGTTOU,
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
];

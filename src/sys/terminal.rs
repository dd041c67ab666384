//! Whose turn it is at the terminal: the foreground process group (tcsetpgrp(3)).

use std::os::fd::AsFd;

use rustix::process::Pid;
use rustix::termios::{tcgetpgrp, tcsetpgrp};

/// The process group that had the terminal, to give it back to after an interactive program took it.
#[derive(Debug, Clone, Copy)]
pub struct Foreground(Option<Pid>);

impl Foreground {
    /// Remembers who has the terminal of this descriptor. Nobody, where it is no terminal.
    pub fn of(terminal: impl AsFd) -> Self {
        Self(tcgetpgrp(terminal).ok())
    }

    /// Gives the terminal back. A program in the background must hold back SIGTTOU for it, or it is stopped.
    pub fn restore(self, terminal: impl AsFd) {
        if let Some(group) = self.0
            && tcgetpgrp(&terminal).ok() != Some(group)
        {
            // A terminal that hung up takes no orders, and needs none.
            let _ = tcsetpgrp(terminal, group);
        }
    }
}

/// Whether this is a terminal on which what stands there can be written over: one that says what it is, and is not dumb (terminfo(5)).
pub fn moves_cursor(terminal: impl AsFd) -> bool {
    rustix::termios::isatty(terminal)
        && std::env::var_os("TERM").is_some_and(|kind| !kind.is_empty() && kind != "dumb")
}

/// Columns and rows of a terminal; `None` of what is none.
pub fn size(terminal: impl AsFd) -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    Some((usize::from(size.ws_col), usize::from(size.ws_row)))
        .filter(|(columns, rows)| *columns > 0 && *rows > 0)
}

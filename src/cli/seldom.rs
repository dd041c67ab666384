//! Options that few command lines have. To describe one to clap, and to have it asked for its value, takes longer than a system call;
//! so those of a [`Seldom`] are left out at first, and described where a line is not understood without them.

use std::ops::Deref;

use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Id};

/// A command whose seldom options are left out from now on.
///
/// It has no option `--help` either: whoever asks for help wants to know of all options. That is also how it is known.
pub(super) fn without_seldom(command: Command) -> Command {
    command.disable_help_flag(true)
}

/// Options that few lines have, as they are where none of them is written.
pub(super) trait SeldomArgs: Args + Default {
    /// One of them that takes no value: it has one in every line that was parsed with them.
    const FLAG: &str;
}

/// Options that may be left out of a command's description.
#[derive(Debug, Clone)]
pub(super) struct Seldom<A>(A);

impl<A> Deref for Seldom<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.0
    }
}

impl<A: SeldomArgs> Args for Seldom<A> {
    fn group_id() -> Option<Id> {
        A::group_id()
    }

    fn augment_args(command: Command) -> Command {
        if command.is_disable_help_flag_set() { command } else { A::augment_args(command) }
    }

    fn augment_args_for_update(command: Command) -> Command {
        A::augment_args_for_update(command)
    }
}

impl<A: SeldomArgs> FromArgMatches for Seldom<A> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        let were_described = matches.ids().any(|id| id == A::FLAG);
        if were_described { A::from_arg_matches_mut(matches).map(Self) } else { Ok(Self(A::default())) }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

//! `rawsock lab-host`: the lab's own processes. Not for people: the lab runs this program again by these names.

use std::ffi::OsString;
use std::io;

use clap::{Args, Subcommand};

use crate::lab::{Case, enter, hold};

use super::lab::{case_names, identity, pass_on};
use super::{CommandResult, Outcome};

/// A process of the lab; used by `rawsock lab` itself.
#[derive(Debug, Args)]
pub(super) struct LabHostArgs {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Make the lab, and wait until it is gone.
    Hold {
        /// Be root inside.
        #[arg(long)]
        root: bool,
        /// What is not as it should be.
        #[arg(long, value_parser = case_names())]
        case: Option<&'static Case>,
    },
    /// Run a command on the host that a process is on.
    Enter {
        /// The process.
        pid: u32,
        /// The command and its arguments.
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

pub(super) fn run(args: &LabHostArgs) -> CommandResult {
    match &args.role {
        // The holder has reported its failure to whoever started it, who tells the user.
        Role::Hold { root, case } => Ok(code(hold::run(identity(*root), *case, &mut io::stdout()).is_ok())),
        Role::Enter { pid, command } => {
            let (program, rest) = command.split_first().ok_or("no command")?;
            Ok(pass_on(enter::run(*pid, program, rest)?))
        }
    }
}

fn code(success: bool) -> Outcome {
    Outcome::Code(if success { 0 } else { 2 })
}

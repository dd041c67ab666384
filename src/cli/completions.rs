//! `rawsock completions`: scripts that complete rawsock's command line in shells.

use clap_complete::Shell;

use super::{CommandResult, Outcome, command_line, output};

/// Print a script that completes rawsock's options in a shell: `source <(rawsock completions bash)`.
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// For which shell.
    shell: Shell,
}

/// Prints the script.
pub(super) fn run(args: &CompletionsArgs) -> CommandResult {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command_line::shown(), "rawsock", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if args.shell == Shell::Fish {
        // What clap_complete leaves as it is begins a remark there.
        script = script.replace(" -s # ", " -s '#' ");
    }
    output::print(&script)?;
    Ok(Outcome::Done)
}

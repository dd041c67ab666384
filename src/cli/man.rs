//! `rawsock man`: manual pages, for packagers and for reading.

use std::path::PathBuf;
use std::{fs, io};

use clap::CommandFactory;
use clap_mangen::Man;

use super::{Cli, CommandResult, Outcome, output};

/// Print a manual page, or write those of all commands into a directory.
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// The command whose page is printed; that of rawsock itself when left out: `rawsock man ping | man -l -`.
    #[arg(conflicts_with = "write")]
    command: Option<String>,
    /// Write the pages of rawsock and all its commands into this directory, which must be there.
    #[arg(short, long, value_name = "DIR")]
    write: Option<PathBuf>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
enum ManError {
    #[error("{0}: no such command; `rawsock help` lists them")]
    NoCommand(String),
    #[error("write manual page {path}: {cause}", path = path.display())]
    Write { path: PathBuf, cause: io::Error },
}

/// Prints or writes the pages.
pub(super) fn run(args: &ManArgs) -> CommandResult {
    let root = built();
    if let Some(directory) = &args.write {
        for (name, page) in pages(&root)? {
            let path = directory.join(format!("{name}.1"));
            fs::write(&path, page).map_err(|cause| ManError::Write { path, cause })?;
        }
        return Ok(Outcome::Done);
    }
    let wanted = args.command.as_ref().map_or("rawsock".to_owned(), |command| format!("rawsock-{command}"));
    let page = pages(&root)?.into_iter().find(|(name, _)| *name == wanted).map(|(_, page)| page);
    let page = page.ok_or_else(|| ManError::NoCommand(args.command.clone().unwrap_or_default()))?;
    output::print(&String::from_utf8_lossy(&page))?;
    Ok(Outcome::Done)
}

/// The command line with all that its commands inherit.
fn built() -> clap::Command {
    let mut root = Cli::command();
    root.build();
    root
}

/// The name and text of each page.
fn pages(root: &clap::Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    let shown =
        root.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help");
    let commands = shown.map(|command| (format!("rawsock-{}", command.get_name()), command));
    std::iter::once(("rawsock".to_owned(), root))
        .chain(commands)
        .map(|(name, command)| {
            let mut page = Vec::new();
            // The page's name is the manual's word for the command, the usage line keeps the words that are typed.
            Man::new(command.clone()).title(name.clone()).render(&mut page)?;
            Ok((name, page))
        })
        .collect()
}

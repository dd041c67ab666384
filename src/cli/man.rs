//! `rawsock man`: manual pages, for packagers and for reading.

use std::path::PathBuf;
use std::{fs, io, io::Write};

use clap_mangen::Man;

use super::{CommandResult, Outcome, command_line, output};

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
    let mut root = command_line::whole();
    root.build();
    root
}

/// The name and text of each page.
fn pages(root: &clap::Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    let commands = root
        .get_subcommands()
        .filter(|command| is_shown(command))
        .map(|command| (format!("rawsock-{}", command.get_name()), command));
    std::iter::once(("rawsock".to_owned(), root))
        .chain(commands)
        .map(|(name, command)| {
            // The page's name is the manual's word for the command, the usage line keeps the words that are typed.
            Ok((name.clone(), page(command.clone(), name)?))
        })
        .collect()
}

/// A page. Title, synopsis, commands and examples are our own: clap_mangen's leave out the values that options take, name pages
/// that there are not, and run the lines of examples together.
fn page(mut command: clap::Command, name: String) -> io::Result<Vec<u8>> {
    let usage = command.render_usage().to_string();
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    // clap_mangen leaves an empty date out, so that the version would stand in its place.
    let title = name.to_uppercase();
    let version = command.get_version().unwrap_or_default();
    writeln!(page, ".TH {} 1 \"\" \"rawsock {version}\" \"User Commands\"", roff(&title))?;
    man.render_name_section(&mut page)?;
    writeln!(page, ".SH SYNOPSIS\n.nf")?;
    usage
        .trim_start_matches("Usage:")
        .lines()
        .try_for_each(|line| writeln!(page, "{}", roff(line.trim())))?;
    writeln!(page, ".fi")?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let shown: Vec<_> = command.get_subcommands().filter(|one| is_shown(one)).collect();
    if !shown.is_empty() {
        writeln!(page, ".SH COMMANDS")?;
    }
    for one in shown {
        let about = one.get_about().map(ToString::to_string).unwrap_or_default();
        writeln!(page, ".TP\n\\fB{}\\fR\n{}", roff(one.get_name()), roff(&about))?;
    }
    if let Some(further) = command.get_after_help() {
        let further = further.to_string();
        let examples = further.trim_start_matches("Examples:\n");
        writeln!(page, ".SH {}\n.nf", if examples == further { "NOTES" } else { "EXAMPLES" })?;
        examples.lines().try_for_each(|line| writeln!(page, "{}", roff(line.trim_end())))?;
        writeln!(page, ".fi")?;
    }
    man.render_version_section(&mut page)?;
    // A line that is broken before and behind an empty one is broken once.
    Ok(String::from_utf8_lossy(&page).replace(".br\n\n.br\n", ".sp\n").into_bytes())
}

fn is_shown(command: &clap::Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

/// A line in which nothing is a request (groff(7): `\&` before what begins with a dot or an apostrophe).
fn roff(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page_with_its_usage_line() {
        let root = built();
        let pages = pages(&root).unwrap();
        assert_eq!(pages.len(), root.get_subcommands().filter(|one| is_shown(one)).count() + 1);
        for (name, page) in pages {
            let page = String::from_utf8(page).unwrap();
            let words = name.replacen('-', " ", 1).replace('-', "\\-");
            assert!(page.contains(&format!(".SH SYNOPSIS\n.nf\n{words} ")), "{name}: {page}");
            assert!(!page.contains("(1)"), "{name} names pages that there may not be");
        }
    }

    #[test]
    fn no_line_of_an_example_is_a_request() {
        assert_eq!(roff(".so /etc/passwd"), "\\&.so /etc/passwd");
        assert_eq!(roff("craft 'a\\b' --hex"), "craft 'a\\eb' \\-\\-hex");
    }
}

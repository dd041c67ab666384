//! `rawsock lab`: a throw-away network, and commands in it.

use std::env;
use std::ffi::OsString;
use std::io::{IsTerminal, stderr};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use clap::{Args, Subcommand};

use crate::diagnostic::nearest::nearest;
use crate::lab::{Host, Identity, Lab, LabOptions, drawing, relay};
use crate::show::text::printable;
use crate::sys::process;

use super::lab_demo::{self, DemoArgs};
use super::output::print;
use super::{CommandResult, Outcome};

/// Run a command in a throw-away network of client, router and server.
///
/// Makes three hosts in namespaces of their own, runs the command on the client, and takes everything down when the
/// command ends. No root needed. The names client, router and server resolve; the server answers pings and echoes on TCP
/// and UDP port 7. Nothing that happens inside reaches the machine's own network.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  \
    rawsock lab demo                           see what rawsock does\n  \
    rawsock lab -- rawsock ping -c 3 server\n  \
    rawsock lab --in server -- ip address\n  \
    rawsock lab                                a shell on the client; exit takes the lab down"
)]
pub(super) struct LabArgs {
    /// On which host the command runs: client, router or server.
    #[arg(long = "in", value_name = "HOST", default_value = "client")]
    host: Host,
    /// Be root inside, for programs that insist on it; else you are yourself, with all capabilities over the lab.
    #[arg(long)]
    root: bool,
    /// Draw the network and its addresses, and do nothing else.
    #[arg(long)]
    show: bool,
    /// The command and its arguments; left out, your shell.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
    #[command(subcommand)]
    demo: Option<Demo>,
}

#[derive(Debug, Subcommand)]
enum Demo {
    Demo(DemoArgs),
}

/// A command whose `--` was forgotten, or a misspelt one.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` is no part of lab{}; a command to run there stands behind `--`: rawsock lab -- {command}", nearest_words(.nearest))]
struct NoPart {
    name: String,
    command: String,
    nearest: Option<&'static str>,
}

fn nearest_words(nearest: &Option<&'static str>) -> String {
    nearest.map_or(String::new(), |name| format!(", the nearest is {name}"))
}

const PARTS: [&str; 2] = ["demo", "help"];

/// What is meant, perhaps, by a command line that has something else behind `lab` than its parts.
pub(super) fn meant(arguments: &[OsString]) -> Option<impl std::error::Error + use<>> {
    let [_, lab, words @ ..] = arguments else { return None };
    let words: Vec<String> = words.iter().map(|word| printable(&word.to_string_lossy())).collect();
    let name = words.first().filter(|name| lab == "lab" && !name.starts_with('-'))?.clone();
    if PARTS.contains(&name.as_str()) {
        return None;
    }
    let nearest = nearest(&name, PARTS);
    Some(NoPart { nearest, command: words.join(" "), name })
}

pub(super) fn run(args: &LabArgs) -> CommandResult {
    if let Some(Demo::Demo(args)) = &args.demo {
        return lab_demo::run(args);
    }
    if args.show {
        print(&drawing::drawing())?;
        return Ok(Outcome::Done);
    }
    let itself = env::current_exe()?;
    let command = if args.command.is_empty() { vec![shell_of_user()?] } else { args.command.clone() };
    let lab = Lab::start(&LabOptions { program: itself.clone(), identity: identity(args.root) })?;
    if args.command.is_empty() && stderr().is_terminal() {
        anstream::eprint!("{}You are on {}; `exit` takes the lab down.\n", drawing::drawing(), args.host);
    }
    let status = relay::run(&mut command_in(&lab, args.host, &command, &itself)?)?;
    drop(lab);
    Ok(pass_on(status))
}

/// The command, for which `rawsock` is this program, wherever it is installed.
fn command_in(
    lab: &Lab,
    host: Host,
    command: &[OsString],
    itself: &Path,
) -> Result<Command, env::JoinPathsError> {
    let (program, rest) = match command.split_first() {
        Some((program, rest)) if program == "rawsock" => (itself.as_os_str(), rest),
        Some((program, rest)) => (program.as_os_str(), rest),
        None => (itself.as_os_str(), [].as_slice()),
    };
    let mut command = lab.command(host, program);
    // A shell finds it, too, behind whatever is installed.
    if let (Some(path), Some(directory)) = (env::var_os("PATH"), itself.parent()) {
        let directories = env::split_paths(&path).chain([directory.to_owned()]);
        command.env("PATH", env::join_paths(directories)?);
    }
    command.args(rest);
    Ok(command)
}

fn shell_of_user() -> Result<OsString, &'static str> {
    let shell = env::var_os("SHELL").filter(|shell| !shell.is_empty());
    shell.ok_or(
        "start a shell in the lab: SHELL is not set; give a command, such as `rawsock lab -- ping server`",
    )
}

pub(super) fn identity(root: bool) -> Identity {
    if root { Identity::Root } else { Identity::Myself }
}

/// Ends as the command ended: with its exit code, or by the same signal.
pub(super) fn pass_on(status: ExitStatus) -> Outcome {
    if let Some(signal) = status.signal() {
        process::die_by(signal);
    }
    // What a shell says of a program that a signal ended, where this process did not die of it.
    let code = status.code().or_else(|| status.signal().map(|signal| signal.saturating_add(128)));
    Outcome::Code(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
}

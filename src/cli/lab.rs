//! `rawsock lab`: a throw-away network, and commands in it.

use std::env;
use std::ffi::OsString;
use std::io::{IsTerminal, stderr};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use crate::diagnostic::nearest::nearest;
use crate::lab::{Case, Host, Identity, Lab, LabOptions, drawing, plan, relay};
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
///
/// With `--case` there is a second router, `gate`, before the server, and something on the way hinders packets: what that is can be
/// found out from the client. The rules of a case are given to the kernel by the program nft (package nftables); `--show` prints them.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  \
    rawsock lab demo                           see what rawsock does\n  \
    rawsock lab -- rawsock ping -c 3 server\n  \
    rawsock lab --in server -- ip address\n  \
    rawsock lab                                a shell on the client; exit takes the lab down\n  \
    rawsock lab --list-cases                   what may be wrong with a network\n  \
    rawsock lab --case mss-clamp -- rawsock trace -T -p 7 server"
)]
pub(super) struct LabArgs {
    /// Have something on the way hinder packets: one of the cases that `--list-cases` lists.
    #[arg(long, value_name = "NAME", value_parser = case_names(), hide_possible_values = true)]
    case: Option<&'static Case>,
    /// List the cases: their names, what they show, and a command to try.
    #[arg(long)]
    list_cases: bool,
    /// On which host the command runs: client, router or server; with a case also gate, or upper and lower.
    #[arg(long = "in", value_name = "HOST", default_value = "client")]
    host: Host,
    /// Be root inside, for programs that insist on it; else you are yourself, with all capabilities over the lab.
    #[arg(long)]
    root: bool,
    /// Draw the network and its addresses, with a case also what is changed there, and do nothing else.
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
    if args.list_cases {
        print(&list_of_cases())?;
        return Ok(Outcome::Done);
    }
    let picture = || args.case.map_or_else(|| drawing::drawing(&plan::SHORT), drawing::case_drawing);
    if args.show {
        print(&picture())?;
        return Ok(Outcome::Done);
    }
    check_host(args)?;
    let itself = env::current_exe()?;
    let command = if args.command.is_empty() { vec![shell_of_user()?] } else { args.command.clone() };
    let lab =
        Lab::start(&LabOptions { program: itself.clone(), identity: identity(args.root), case: args.case })?;
    if args.command.is_empty() && stderr().is_terminal() {
        anstream::eprint!(
            "{}You are on {}; `exit` takes the lab down.\n",
            drawing::drawing(args.case.map_or(&plan::SHORT, |case| case.plan)),
            args.host
        );
    }
    let status = relay::run(&mut command_in(&lab, args.host, &command, &itself)?)?;
    drop(lab);
    Ok(pass_on(status))
}

/// Reads the name of a case.
pub(super) fn case_names() -> impl TypedValueParser<Value = &'static Case> {
    let value = |case: &'static Case| PossibleValue::new(case.name).help(case.shows);
    // One of these names is all that comes through.
    PossibleValuesParser::new(Case::ALL.map(value))
        .try_map(|name| Case::named(&name).ok_or("there is no such case"))
}

fn list_of_cases() -> String {
    let entry = |case: &Case| {
        format!(
            "{}\n    {}\n    rawsock lab --case {} -- {}\n",
            case.name, case.shows, case.name, case.attempt
        )
    };
    Case::ALL.map(entry).concat()
}

/// A host that this lab does not have.
#[derive(Debug, thiserror::Error)]
#[error("run the command on {host}: this lab has no such host; its hosts are {hosts}")]
struct HostMissing {
    host: Host,
    hosts: String,
}

fn check_host(args: &LabArgs) -> Result<(), HostMissing> {
    let hosts = args.case.map_or(&plan::SHORT, |case| case.plan).hosts;
    if hosts.contains(&args.host) {
        return Ok(());
    }
    let hosts: Vec<&str> = hosts.iter().map(|host| host.name()).collect();
    Err(HostMissing { host: args.host, hosts: hosts.join(", ") })
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

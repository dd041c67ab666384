//! The commands by their names, and the command line as clap knows it.
//!
//! Describing all commands to clap takes longer than a ping to this host. So what is parsed is the line of the one command that it
//! names; where that is not enough, as for help and whatever is wrong, all of them are described, and clap says the same as ever.

use std::ffi::OsString;

use clap::error::{ContextKind, ErrorKind};
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser};

use super::{CommandResult, color, seldom};

/// Build any packet, put it on the wire, see what comes back, explain every byte, save the proof for Wireshark.
#[derive(Debug, Parser)]
#[command(name = "rawsock", version, propagate_version = true)]
struct Cli {
    /// When to colour the output.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: color::When,
}

/// A command: it has a file of its own beside this one, with its arguments and its run.
struct Command {
    name: &'static str,
    is_hidden: bool,
    /// Whether there are options that few lines have (see [`Seldom`](super::seldom::Seldom)).
    has_seldom: bool,
    /// Describes its arguments.
    describe: fn(clap::Command) -> clap::Command,
    /// Runs it.
    run: fn(&mut ArgMatches) -> CommandResult,
}

/// A row of the table: a name, the arguments, the run.
macro_rules! command {
    ($name:literal, $arguments:ty, $run:path) => {
        Command {
            name: $name,
            is_hidden: false,
            has_seldom: false,
            describe: <$arguments>::augment_args,
            run: |matches| $run(&<$arguments>::from_arg_matches_mut(matches)?),
        }
    };
}

/// All commands, in the order in which help lists them.
const COMMANDS: &[Command] = &[
    command!("capture", super::capture::CaptureArgs, super::capture::run),
    command!("craft", super::craft::CraftArgs, super::craft::run),
    command!("doctor", super::doctor::DoctorArgs, super::doctor::run),
    command!("extcap", super::extcap::ExtcapArgs, super::extcap::run),
    command!("extcap-install", super::extcap_install::ExtcapInstallArgs, super::extcap_install::run),
    command!("interfaces", super::interfaces::InterfacesArgs, super::interfaces::run),
    command!("lab", super::lab::LabArgs, super::lab::run),
    Command { is_hidden: true, ..command!("lab-host", super::lab_host::LabHostArgs, super::lab_host::run) },
    command!("fields", super::fields::FieldsArgs, super::fields::run),
    command!("completions", super::completions::CompletionsArgs, super::completions::run),
    command!("connect", super::connect::ConnectArgs, super::connect::run),
    command!("man", super::man::ManArgs, super::man::run),
    Command { has_seldom: true, ..command!("ping", super::ping_args::PingArgs, super::ping::run) },
    command!("probe", super::probe::ProbeArgs, super::probe::run),
    command!("read", super::read::ReadArgs, super::read::run),
    command!("schema", super::schema::SchemaArgs, super::schema::run),
    command!("replay", super::replay::ReplayArgs, super::replay::run),
    command!("send", super::send::SendArgs, super::send::run),
    command!("serve", super::serve::ServeArgs, super::serve::run),
    command!("sockets", super::sockets::SocketsArgs, super::sockets::run),
    command!("test", super::test::TestArgs, super::test::run),
    Command { has_seldom: true, ..command!("trace", super::trace_args::TraceArgs, super::trace::run) },
];

/// The command line with all commands.
pub(super) fn whole() -> clap::Command {
    with(COMMANDS)
}

/// As [`whole`], with the commands alone that are for people.
pub(super) fn shown() -> clap::Command {
    with(COMMANDS.iter().filter(|command| !command.is_hidden))
}

/// The command line with these commands.
fn with<'c>(commands: impl IntoIterator<Item = &'c Command>) -> clap::Command {
    line().subcommands(commands.into_iter().map(|command| {
        let described = (command.describe)(clap::Command::new(command.name));
        if command.is_hidden { described.hide(true) } else { described }
    }))
}

/// The command line without its commands.
fn line() -> clap::Command {
    Cli::command().subcommand_required(true).arg_required_else_help(true)
}

/// The command line with one command, of which the options are left out that few lines have.
fn frequent(command: &Command) -> clap::Command {
    line().subcommand((command.describe)(seldom::without_seldom(clap::Command::new(command.name))))
}

/// A command line that was parsed.
pub(super) struct Given {
    matches: ArgMatches,
    color: color::When,
}

impl Given {
    /// When to colour the output.
    pub(super) fn color(&self) -> color::When {
        self.color
    }

    /// Runs the command.
    ///
    /// # Errors
    /// As of the command.
    pub(super) fn run(mut self) -> CommandResult {
        let named = self.matches.remove_subcommand();
        let found = named.and_then(|(name, matches)| Some((by_name(name)?, matches)));
        // Parsing leaves no line without a command.
        let (command, mut matches) = found.ok_or("no such command")?;
        (command.run)(&mut matches)
    }
}

fn by_name(name: impl AsRef<std::ffi::OsStr>) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name.as_ref())
}

/// Parses a command line, the program's name first.
///
/// # Errors
/// What clap says: of what is wrong, or the help that was asked for.
pub(super) fn parse(words: &[OsString]) -> Result<Given, clap::Error> {
    let named = words.iter().skip(1).find_map(by_name);
    let frequent = named
        .filter(|command| command.has_seldom)
        .map(|command| frequent(command).try_get_matches_from(words));
    // Whatever a line of fewer commands or options accepts, the whole one accepts in the same way.
    let mut matches = match frequent {
        Some(Ok(matches)) => matches,
        _ => match with(named).try_get_matches_from(words) {
            Err(error) if error.kind() != ErrorKind::DisplayVersion => whole().try_get_matches_from(words),
            parsed => parsed,
        }?,
    };
    let color = Cli::from_arg_matches_mut(&mut matches)?.color;
    Ok(Given { matches, color })
}

/// Takes off the tip of clap's that what is no option could be passed behind `--`: options of other tools that are none here are no
/// hosts and no files.
pub(super) fn without_idle_tip(error: &mut clap::Error) {
    if error.kind() == ErrorKind::UnknownArgument {
        error.remove(ContextKind::Suggested);
    }
}

#[cfg(test)]
mod tests {
    use super::super::ping_args::PingArgs;
    use super::super::trace_args::TraceArgs;
    use super::*;

    fn parsed(line: &str) -> Result<Given, clap::Error> {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        parse(&words)
    }

    #[test]
    fn clap_finds_no_fault_with_the_whole_line_nor_with_that_of_each_command() {
        whole().debug_assert();
        COMMANDS.iter().for_each(|command| with([command]).debug_assert());
        COMMANDS.iter().for_each(|command| frequent(command).debug_assert());
    }

    /// What a line comes to where seldom options are not described, and where they are.
    fn both<A: Args + std::fmt::Debug>(line: &str) -> [Option<String>; 2] {
        let words: Vec<&str> = line.split(' ').collect();
        let command = by_name(words[1]).unwrap();
        [frequent(command), with([command])].map(|described| {
            let (_, mut matches) = described.try_get_matches_from(&words).ok()?.remove_subcommand()?;
            Some(format!("{:?}", A::from_arg_matches_mut(&mut matches).unwrap()))
        })
    }

    #[test]
    fn a_line_without_seldom_options_comes_to_the_same_where_they_are_not_described() {
        for line in
            ["ping host", "ping -c3 -i 0.2 -nq ::1", "ping --targets f -s 1", "ping -6 -W2 --json a b"]
        {
            let [few, all] = both::<PingArgs>(&format!("rawsock {line}"));
            assert!(few.is_some() && few == all, "{line}: {few:?}, and with all described {all:?}");
        }
        for line in
            ["trace host", "trace -T -p 443 host 60", "trace -nq1 -m 5 --json 10.0.0.1", "trace -6 -I host"]
        {
            let [few, all] = both::<TraceArgs>(&format!("rawsock {line}"));
            assert!(few.is_some() && few == all, "{line}: {few:?}, and with all described {all:?}");
        }
    }

    #[test]
    fn a_seldom_option_is_understood_by_its_description_alone() {
        for line in ["ping -t 3 host", "ping -M do -c1 host", "ping --write f host", "ping -aD host"] {
            let [few, all] = both::<PingArgs>(&format!("rawsock {line}"));
            assert!(
                few.is_none()
                    && all.is_some_and(|all| parsed(&format!("rawsock {line}")).is_ok() && !all.is_empty())
            );
        }
        let [few, all] = both::<TraceArgs>("rawsock trace --plain -N 3 host");
        assert!(few.is_none() && all.unwrap().contains("sim_queries: Some(3)"));
    }

    #[test]
    fn what_is_wrong_is_said_in_the_words_of_the_whole_line() {
        for line in [
            "rawsock",
            "rawsock --help",
            "rawsock pign",
            "rawsock pign ping",
            "rawsock --colour ping",
            "rawsock --color ping",
            "rawsock ping --help",
            "rawsock help ping",
            "rawsock ping -c x host",
            "rawsock lab demo --nosuch",
            "rawsock --version",
            "rawsock trace --version",
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            let expected = whole().try_get_matches_from(words).unwrap_err();
            let said = parsed(line).err().unwrap();
            assert_eq!((said.kind(), said.to_string()), (expected.kind(), expected.to_string()), "{line}");
        }
    }

    #[test]
    fn a_command_may_stand_behind_an_option_and_before_the_name_of_another() {
        for (line, name) in [
            ("rawsock --color never ping read", "ping"),
            ("rawsock --color=always trace ping", "trace"),
            ("rawsock lab -- rawsock ping host", "lab"),
        ] {
            let given = parsed(line).unwrap();
            assert_eq!(given.matches.subcommand_name(), Some(name), "{line}");
        }
    }
}

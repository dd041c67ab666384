//! `rawsock test`: runs scenarios, and specs that say what is expected, one after the other, and tells what became of them.

use std::error::Error;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use super::capture_file::LiveFile;
use super::output::say;
use super::sandbox::{self, SandboxArgs};
use super::send::ViaArg;
use super::test_files::{Case, Loaded, load, spec_files};
use super::test_run::{Running, Way};
use super::tun_address::TunAddress;
use super::{CommandResult, Outcome, duration, random, tun_address};
use crate::show::test_report::{
    TAP_HEAD, TestCounts, TestReport, junit, pretty, pretty_summary, tap, tap_plan, test_json,
    test_json_summary,
};
use crate::sys::interrupt::Interrupt;
use crate::sys::sandbox::Doing;

/// Run scenarios, and specs that say what is expected, and tell what became of them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TestArgs {
    /// Spec files, and folders of them; - for stdin.
    #[arg(value_name = "SPEC|FOLDER", required = true)]
    paths: Vec<String>,
    /// How to tell it: for people, as TAP version 14, or as JUnit's XML.
    #[arg(long, value_name = "FORMAT", default_value = "pretty", conflicts_with = "json")]
    format: Format,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
    /// End with the first test that does not pass.
    #[arg(long)]
    fail_fast: bool,
    /// Run only tests with this in their file's name or in their own.
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Run nothing: print which tests there are.
    #[arg(long)]
    list: bool,
    /// Save what was sent and what came, with the test and the step of each packet; - is stdout, and what is printed goes to
    /// stderr.
    #[arg(short, long, value_name = "FILE")]
    write: Option<String>,
    /// Set a variable of the specs.
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Seed of the random generators.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Send by this interface, and look there for what comes.
    #[arg(short, long, value_name = "INTERFACE")]
    interface: Option<String>,
    /// How to send: `ip` by a raw socket, `link` as a frame with every bit as written, `tun` as a host of its own behind a TUN
    /// interface. Left out: as the spec says, or by the outermost layer.
    #[arg(long, value_name = "ip|link|tun")]
    via: Option<ViaArg>,
    /// The address of the kernel's end of the TUN interface, with its network; this program has the next one. May be given for
    /// IPv4 and for IPv6; left out, they are 10.99.0.1/24 and fd99::1/64.
    #[arg(long, value_name = "ADDRESS/LENGTH", value_parser = tun_address::parse)]
    tun_address: Vec<TunAddress>,
    /// How long what is expected has, where the spec does not say: seconds, or with a unit.
    #[arg(short = 'W', long, value_name = "TIME", value_parser = duration::parse)]
    within: Option<Duration>,
    /// Let the kernel reset TCP connections that are opened by hand: its resets are not kept away from their ports.
    #[arg(long)]
    no_rst_guard: bool,
    /// Print only what did not pass, and the last line.
    #[arg(short, long)]
    quiet: bool,
    /// Print each packet that is sent and that comes, too.
    #[arg(short, long, conflicts_with_all = ["quiet", "json"])]
    verbose: bool,
    #[command(flatten)]
    sandbox: SandboxArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Pretty,
    Tap,
    Junit,
}

const EXAMPLES: &str = r#"Examples:
  rawsock test examples/scenarios
  rawsock test examples/scenarios/handshake.toml -v -w handshake.pcapng
  rawsock test tests/ --format junit > report.xml
  rawsock test firewall/ --format tap --set server=192.0.2.7 --filter 'blocked'
  rawsock lab -- rawsock test examples/scenarios

Files of a folder are those that end in .toml and .json, in the order of their names, folders in it included; those whose names begin
with `_` or `.` are left out. Exit codes: 0 all passed, 1 some did not, 2 some could not be run."#;

/// Runs the command.
///
/// # Errors
/// When a folder or the file to write cannot be opened, or nothing can be printed.
pub(super) fn run(args: &TestArgs) -> CommandResult {
    let files = spec_files(&args.paths)?;
    if args.list {
        return list(args, &files);
    }
    let interrupt = Interrupt::catch()?;
    let saved = args.write.as_deref().map(|path| LiveFile::create(Path::new(path))).transpose()?;
    let way = Way {
        interface: args.interface.clone(),
        via: args.via.map(ViaArg::via),
        within: args.within,
        seed: args.seed,
        is_unguarded: args.no_rst_guard,
        tun: tun_address::network(&args.tun_address),
        is_verbose: args.verbose && args.format == Format::Pretty,
    };
    let ident = random::u16()?;
    let mut running = Running::new(way, &interrupt, saved, ident);
    // What users wrote is read, and sockets are opened, before anything of strangers comes.
    let loaded: Vec<(&String, Loaded)> = files.iter().map(|file| (file, load(file, &args.set))).collect();
    prepare(args, &loaded, &mut running)?;
    let (mut printer, began) = (Printer::new(args)?, Instant::now());
    'files: for (file, loaded) in &loaded {
        let cases = match loaded {
            Loaded::Specs(specs) => cases_of(args, file, specs),
            Loaded::Broken(report) => {
                printer.tell((**report).clone())?;
                if args.fail_fast {
                    break;
                }
                continue;
            }
        };
        for case in cases {
            if interrupt.came() {
                break 'files;
            }
            let report = running.run(file, &case)?;
            let is_good = matches!(report.verdict.word(), "passed" | "skipped");
            printer.tell(report)?;
            if args.fail_fast && !is_good {
                break 'files;
            }
        }
    }
    running.finish()?;
    let is_empty = printer.reports.is_empty();
    let counts = printer.finish(began.elapsed())?;
    Ok(match counts {
        _ if interrupt.came() => Outcome::Failed,
        _ if is_empty => return Err(nothing_to_run(args).into()),
        TestCounts { broken: 1.., .. } => Outcome::Failed,
        TestCounts { failed: 1.., .. } => Outcome::NoAnswer,
        _ => Outcome::Done,
    })
}

/// Opens what all tests need, and gives up the right to.
fn prepare(
    args: &TestArgs,
    loaded: &[(&String, Loaded)],
    running: &mut Running<'_>,
) -> Result<(), Box<dyn Error>> {
    for (file, loaded) in loaded {
        if let Loaded::Specs(specs) = loaded {
            cases_of(args, file, specs).iter().try_for_each(|case| running.prepare(case, args.sandbox))?;
        }
    }
    let kept = sandbox::Plan::default().does(&[Doing::Traffic, Doing::Netlink]);
    // For the process that keeps resets away.
    Ok(kept.does_if(running.keeps_resets_away(), Doing::Wait).enter(args.sandbox, args.verbose)?)
}

/// The tests of a file that are wanted.
fn cases_of<'s>(args: &TestArgs, file: &str, specs: &'s [crate::spec::Spec]) -> Vec<Case<'s>> {
    let mut cases: Vec<Case<'s>> = specs.iter().flat_map(Case::of).collect();
    let wanted = args.filter.as_deref().unwrap_or_default();
    cases.retain(|case| file.contains(wanted) || case.name().contains(wanted));
    cases
}

/// A name that was mistyped must not pass.
fn nothing_to_run(args: &TestArgs) -> String {
    match &args.filter {
        Some(wanted) => {
            format!("no test has `{wanted}` in its file's name or in its own: --list tells which there are")
        }
        None => "there is no test in what was named".to_owned(),
    }
}

fn list(args: &TestArgs, files: &[String]) -> CommandResult {
    let (mut out, mut outcome) = (String::new(), Outcome::Done);
    for file in files {
        match load(file, &args.set) {
            Loaded::Specs(specs) => {
                for case in cases_of(args, file, &specs).iter().filter(|case| case.has_tests()) {
                    let (file, line) = case.place(file);
                    out.push_str(&format!("{file}:{line}: {}\n", case.name()));
                }
            }
            Loaded::Broken(report) => {
                pretty(&mut out, &report);
                outcome = Outcome::Failed;
            }
        }
    }
    if out.is_empty() {
        return Err(nothing_to_run(args).into());
    }
    print(&out)?;
    Ok(outcome)
}

/// Prints tests as they end.
struct Printer {
    form: Form,
    is_quiet: bool,
    reports: Vec<TestReport>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Pretty,
    Tap,
    Junit,
    Json,
}

impl Printer {
    fn new(args: &TestArgs) -> io::Result<Self> {
        let form = match args.format {
            _ if args.json => Form::Json,
            Format::Pretty => Form::Pretty,
            Format::Tap => Form::Tap,
            Format::Junit => Form::Junit,
        };
        if form == Form::Tap {
            print(TAP_HEAD)?;
        }
        Ok(Self { form, is_quiet: args.quiet, reports: Vec::new() })
    }

    fn tell(&mut self, report: TestReport) -> io::Result<()> {
        let is_good = matches!(report.verdict.word(), "passed" | "skipped");
        let mut out = String::new();
        match self.form {
            Form::Pretty if self.is_quiet && is_good => {}
            Form::Pretty => pretty(&mut out, &report),
            Form::Tap => tap(&mut out, self.reports.len().saturating_add(1), &report),
            Form::Json => test_json(&mut out, &report),
            Form::Junit => {}
        }
        self.reports.push(report);
        print(&out)
    }

    fn finish(self, took: Duration) -> io::Result<TestCounts> {
        let mut out = String::new();
        match self.form {
            Form::Pretty => pretty_summary(&mut out, &self.reports, took),
            Form::Tap => tap_plan(&mut out, self.reports.len()),
            Form::Json => test_json_summary(&mut out, &self.reports, took),
            Form::Junit => out = junit(&self.reports, took),
        }
        print(&out)?;
        Ok(TestCounts::of(&self.reports))
    }
}

/// Prints at once, so that whoever waits sees how far it is.
fn print(text: &str) -> io::Result<()> {
    match say(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

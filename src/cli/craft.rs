//! `rawsock craft`: builds packets and shows them. It opens no socket and needs no privilege.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use clap::Args;

use super::craft_output::{Form, Printer, Saved};
use super::remarks::Remarks;
use super::spec_argument::{Specs, tell};
use super::{CommandResult, Outcome, random};
use crate::spec::{Leaving, Random, Spec, SpecError};

/// Build packets and show them; no socket is opened, no privilege needed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CraftArgs {
    /// A spec file (TOML, JSON, JSON lines), an expression, or - for stdin, which takes what `read --json` prints.
    #[arg(value_name = "SPEC|EXPR|-")]
    spec: String,
    #[command(flatten)]
    shown: Shown,
    /// Save the packets in a capture file: pcap when its name ends in .pcap or .cap, else pcapng; - is stdout.
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Seed of the random generators, to make the same packets again.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Make just so many packets: the first of them, or more rounds.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Set a variable of the spec.
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Remark on fields that contradict the packet; they are built as written all the same.
    #[arg(short, long)]
    verbose: bool,
    /// Print no packets.
    #[arg(short, long)]
    quiet: bool,
}

/// What is printed of each packet.
#[derive(Debug, Clone, Copy, Args)]
#[group(multiple = false)]
#[expect(clippy::struct_excessive_bools, reason = "one for each option, of which just one is given")]
struct Shown {
    /// Print each packet's layers and fields (this is what is done unless something else is asked for).
    #[arg(long)]
    tree: bool,
    /// Print each packet's octets as one line of hexadecimal digits.
    #[arg(long)]
    hex: bool,
    /// Print each packet as one line of JSON.
    #[arg(long)]
    json: bool,
    /// Print each packet as a spec.
    #[arg(long)]
    toml: bool,
    /// Print each packet as a one-line expression.
    #[arg(long)]
    expr: bool,
    /// Print Python text that makes the packets with scapy.
    #[arg(long)]
    scapy: bool,
    /// Print each packet as an array of C.
    #[arg(long)]
    c: bool,
    /// Print each packet as a constant of Rust.
    #[arg(long)]
    rust: bool,
    /// Print each packet's octets in rows, as text2pcap and xxd -r read them.
    #[arg(long)]
    hexdump: bool,
}

const EXAMPLES: &str = r#"Examples:
  rawsock craft 'ip(dst=10.77.2.2, ttl=1..30, flags.df)/tcp(dstport=443, flags=S)/"hi"'
  rawsock craft examples/port-sweep.toml --hex
  rawsock craft examples/flow.toml --set server=10.77.1.1 --scapy
  rawsock craft 'ip(dst=10.77.2.2)/udp()/data(zeros=2000), fragment={size=576, order=reverse}' -w fragments.pcapng
  rawsock read capture.pcapng --json | rawsock craft - --hex"#;

impl CraftArgs {
    /// What is printed: nothing, when stdout takes the file, or when a file is all that was asked for.
    fn form(&self) -> Form {
        let is_taken = self.write.as_ref().is_some_and(|path| path.as_os_str() == "-");
        match self.shown {
            _ if self.quiet || is_taken => Form::Nothing,
            Shown { hex: true, .. } => Form::Hex,
            Shown { json: true, .. } => Form::Json,
            Shown { toml: true, .. } => Form::Toml,
            Shown { expr: true, .. } => Form::Expression,
            Shown { scapy: true, .. } => Form::Scapy,
            Shown { c: true, .. } => Form::C,
            Shown { rust: true, .. } => Form::Rust,
            Shown { hexdump: true, .. } => Form::HexDump,
            Shown { tree: false, .. } if self.write.is_some() => Form::Nothing,
            _ => Form::Tree,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When the spec or what it names cannot be read, or nothing can be written.
pub(super) fn run(args: &CraftArgs) -> CommandResult {
    let mut printer = Printer::new(args.form());
    let mut saved = args.write.as_deref().map(Saved::new);
    let crafted = craft(args, &mut printer, saved.as_mut());
    if crafted.is_ok() {
        printer.end();
    }
    // What was built before a mistake is there, on the screen and in the file.
    printer.flush()?;
    saved.map_or(Ok(()), Saved::finish)?;
    crafted.map_or_else(tell, |()| Ok(Outcome::Done))
}

fn craft(
    args: &CraftArgs,
    printer: &mut Printer,
    mut saved: Option<&mut Saved>,
) -> Result<(), Box<dyn Error>> {
    let mut seed = Seed::new(args.seed)?;
    let mut left = args.count.unwrap_or(u64::MAX);
    let mut specs = Specs::open(&args.spec, &args.set)?;
    let mut is_first = true;
    let mut remarks = args.verbose.then(Remarks::default);
    let mut number = 0u64;
    while let Some(spec) = specs.next() {
        let spec = spec?;
        // A stream passes once; a spec that stands alone is gone through again until there are enough packets. Whoever
        // sets no count does not wait for the next object of the stream.
        let count = match args.count {
            Some(count) if is_first && specs.is_at_end() => Some(count),
            Some(_) => None,
            None => spec.send.count,
        };
        is_first = false;
        let random = if spec.is_random() { seed.told() } else { &mut seed.random };
        let of_scenarios = spec.packets_of_scenarios(&mut random.clone());
        for crafted in spec.packets(random, count).chain(of_scenarios) {
            if left == 0 || (saved.is_none() && !printer.is_open()) {
                return Ok(());
            }
            left = left.saturating_sub(1);
            let template = crafted.template;
            for Leaving { packet, built, .. } in
                spec.leaving(crafted).map_err(|error| all_of(&spec, error))?
            {
                number = number.saturating_add(1);
                if let Some(remarks) = &mut remarks {
                    remarks.packet(number, &built);
                }
                printer.packet(&packet, &built)?;
                if let Some(saved) = &mut saved {
                    saved.packet(template, &built)?;
                }
            }
        }
        if specs.may_wait() {
            printer.flush()?;
        }
    }
    Ok(())
}

/// A mistake that shows when a packet is built, with those of the spec's other packets.
fn all_of(spec: &Spec, error: SpecError) -> SpecError {
    let begins = |error: &SpecError| error.diagnostics.first().map(|diagnostic| diagnostic.at.start);
    match spec.check(MOST_CHECKED) {
        Err(all) if all.diagnostics.iter().any(|one| Some(one.at.start) == begins(&error)) => all,
        _ => error,
    }
}

/// How many packets are looked at to find further mistakes.
const MOST_CHECKED: u64 = 1000;

/// The seed of the random generators: told when it is used and was not given, so that it can be.
struct Seed {
    random: Random,
    to_tell: Option<u64>,
}

impl Seed {
    fn new(given: Option<u64>) -> io::Result<Self> {
        let drawn = match given {
            Some(_) => None,
            None => Some(u64::from(u32::from_ne_bytes(random::octets()?))),
        };
        Ok(Self { random: Random::new(given.or(drawn).unwrap_or_default()), to_tell: drawn })
    }

    /// The generator, once its seed has been told.
    fn told(&mut self) -> &mut Random {
        if let Some(seed) = self.to_tell.take() {
            anstream::eprintln!("rawsock: seed {seed}: --seed {seed} makes the same packets again");
        }
        &mut self.random
    }
}

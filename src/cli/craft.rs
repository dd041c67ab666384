//! `rawsock craft`: builds packets and shows them. It opens no socket and needs no privilege.

use std::error::Error;
use std::io::{self, BufWriter, Write};

use clap::Args;
use jiff::tz::TimeZone;

use super::spec_argument::{Specs, tell};
use super::{CommandResult, Outcome, color, random};
use crate::packet::Packet;
use crate::packet::build::Built;
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect_as;
use crate::proto::registry;
use crate::show::palette::Palette;
use crate::show::time::{self, Clock};
use crate::show::value::push_hex;
use crate::show::{Meta, json, tree};
use crate::spec::{Random, write_toml};
use crate::wire::layers::LayerTable;

/// Build packets and show them; no socket is opened, no privilege needed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CraftArgs {
    /// A spec file (TOML, JSON, JSON lines), an expression, or - for stdin, which takes what `read --json` prints.
    #[arg(value_name = "SPEC|EXPR|-")]
    spec: String,
    #[command(flatten)]
    output: Output,
    /// Seed of the random generators, to make the same packets again.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Make just so many packets: the first of them, or more rounds.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Print no packets.
    #[arg(short, long)]
    quiet: bool,
}

/// What is printed of each packet.
#[derive(Debug, Clone, Copy, Args)]
#[group(multiple = false)]
struct Output {
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
}

impl Output {
    /// Whether a packet is one line.
    fn is_line(self) -> bool {
        self.hex || self.json
    }
}

const EXAMPLES: &str = r#"Examples:
  rawsock craft 'ip(dst=10.77.2.2, ttl=1..30, flags.df)/tcp(dstport=443, flags=S)/"hi"'
  rawsock craft examples/port-sweep.toml --hex
  rawsock read capture.pcapng --json | rawsock craft - --hex"#;

/// Runs the command.
///
/// # Errors
/// When the spec or what it names cannot be read, or nothing can be written.
pub(super) fn run(args: &CraftArgs) -> CommandResult {
    let mut printer = Printer::new(args);
    match craft(args, &mut printer).and_then(|()| printer.flush()) {
        Ok(()) => Ok(Outcome::Done),
        // Whoever reads our output has seen enough.
        Err(error) if is_broken_pipe(error.as_ref()) => Ok(Outcome::Done),
        Err(error) => tell(error),
    }
}

fn craft(args: &CraftArgs, printer: &mut Printer) -> Result<(), Box<dyn Error>> {
    let mut seed = Seed::new(args.seed)?;
    let mut left = args.count.unwrap_or(u64::MAX);
    let mut specs = Specs::open(&args.spec)?;
    let mut is_first = true;
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
        for (template, packet) in spec.packets(random, count) {
            if left == 0 {
                return Ok(());
            }
            left = left.saturating_sub(1);
            let built = spec.build(template, &packet)?;
            printer.packet(&packet, &built)?;
        }
        if specs.may_wait() {
            printer.flush()?;
        }
    }
    Ok(())
}

/// The seed of the random generators: told when it is used and was not given, so that it can be.
struct Seed {
    random: Random,
    to_tell: Option<u64>,
}

impl Seed {
    fn new(given: Option<u64>) -> io::Result<Self> {
        let drawn = match given {
            Some(_) => None,
            None => Some(u64::from_ne_bytes(random::octets()?)),
        };
        Ok(Self { random: Random::new(given.or(drawn).unwrap_or_default()), to_tell: drawn })
    }

    /// The generator, once its seed has been told.
    fn told(&mut self) -> &mut Random {
        if let Some(seed) = self.to_tell.take() {
            anstream::eprintln!("seed {seed}; the same packets again with --seed {seed}");
        }
        &mut self.random
    }
}

/// Whether nobody reads our output any more.
fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Prints packets as they are made.
struct Printer {
    out: BufWriter<io::Stdout>,
    output: Output,
    quiet: bool,
    palette: Palette,
    clock: Clock,
    number: u64,
    /// Emptied and used again for each packet.
    text: String,
    table: LayerTable,
}

impl Printer {
    fn new(args: &CraftArgs) -> Self {
        Self {
            out: BufWriter::new(io::stdout()),
            output: args.output,
            quiet: args.quiet,
            palette: color::palette(),
            clock: Clock::new(time::Style::None, time::Precision::default(), TimeZone::UTC),
            number: 0,
            text: String::new(),
            table: LayerTable::default(),
        }
    }

    fn packet(&mut self, packet: &Packet, built: &Built) -> Result<(), Box<dyn Error>> {
        self.number = self.number.saturating_add(1);
        if self.quiet {
            return Ok(());
        }
        self.text.clear();
        let text = &mut self.text;
        if self.number > 1 && !self.output.is_line() {
            text.push('\n');
        }
        match self.output {
            Output { hex: true, .. } => {
                push_hex(text, &built.octets);
                text.push('\n');
            }
            Output { toml: true, .. } => write_toml(packet, text),
            _ => {
                // What whoever receives it will see: a length that lies changes which layers there are.
                let outermost = built.table.entries().first().map(|entry| registry().get(entry.protocol));
                dissect_as(&built.octets, outermost.unwrap_or(registry().data()), &mut self.table);
                let (octets, wire_len) = (built.octets.as_slice(), built.octets.len());
                let dissected = Dissected { octets, table: &self.table, wire_len };
                let meta = Meta::built(self.number, built.link_type);
                if self.output.json {
                    json::packet(text, &meta, &dissected);
                    text.push('\n');
                } else {
                    let style = tree::Style { palette: self.palette, detail: false };
                    tree::packet(text, &meta, &dissected, &mut self.clock, style);
                }
            }
        }
        self.out.write_all(self.text.as_bytes())?;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Box<dyn Error>> {
        Ok(self.out.flush()?)
    }
}

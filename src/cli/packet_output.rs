//! How packets are printed: the options that `read` and `capture` share, with tcpdump's letters, and the printer that they
//! choose.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgAction, Args};
use jiff::tz::TimeZone;

use super::color;
use super::columns::ColumnArgs;
use super::hex_output::{Hex, HexArgs};
use super::names::NameTable;
use super::output::Output;
use super::packet_batches::{Batches, MOST_IN_RUN};
use super::packet_form::{Form, Formatter};
use crate::file::{Block, Run};
use crate::proto::view::{EndPointStyle, Names};
use crate::show::line::Lines;
use crate::show::time::{self, Clock, Precision};
use crate::show::{json, tree};
use crate::stream::{Facts, Need};
use crate::wire::frame::Frame;

/// What is printed of each packet.
#[derive(Debug, Clone, Args)]
pub(super) struct PacketOutputArgs {
    /// Print addresses and ports as numbers, which is also what is done when nothing is said; as with tcpdump, -nn says no more.
    #[arg(short, action = ArgAction::Count)]
    n: u8,
    /// Print names for addresses and ports in lines: those of the capture, of /etc/hosts and /etc/services, and of the name
    /// server, for which `read` waits one second in all and `capture` never: what has no name by then stays a number.
    #[arg(long, overrides_with_all = ["n", "resolve"], conflicts_with_all = ["v", "json", "toml", "fields"])]
    resolve: bool,
    /// How long lines may wait for names, all together.
    #[arg(skip)]
    grace: Duration,
    /// Begin lines with the packet's number in the capture. Trees and JSON have it anyway.
    #[arg(short = '#', long)]
    number: bool,
    /// Print TCP's sequence numbers as they are, which is what is done anyway.
    #[arg(short = 'S')]
    absolute: bool,
    /// Show the headers of the link too.
    #[arg(short)]
    e: bool,
    /// Show each packet as a tree of layers and fields; twice: with the octets' places and full names.
    #[arg(short, action = ArgAction::Count, conflicts_with_all = ["json", "toml"])]
    v: u8,
    #[command(flatten)]
    hex: HexArgs,
    /// Times: -t none, -tt seconds since 1970, -ttt since the packet before, -tttt with the date, -ttttt since the first.
    #[arg(short, action = ArgAction::Count)]
    t: u8,
    /// Times of day in UTC, not in the local zone.
    #[arg(long)]
    utc: bool,
    /// Times to the nanosecond.
    #[arg(long, visible_alias = "nanosecond-precision")]
    nano: bool,
    /// Write each packet out at once.
    #[arg(short = 'l')]
    line_buffered: bool,
    /// Print no packets.
    #[arg(short, long)]
    quiet: bool,
    /// Print packets beside the file of -w, which else are printed only where a form of output is asked for, such as -v, -x,
    /// --json or --fields.
    #[arg(long, conflicts_with = "quiet")]
    print: bool,
    /// Print each packet as one line of JSON, which `craft -` and `send -` take back.
    #[arg(long, conflicts_with = "toml")]
    json: bool,
    /// Say of TCP what the packets before tell: in lines what was sent again, is missing or out of order; in JSON, under `facts`,
    /// all that filters know of it. Trees have it anyway.
    #[arg(long, conflicts_with = "toml")]
    analysis: bool,
    /// Print each packet as a spec, which `craft -` and `send -` take back.
    #[arg(long)]
    toml: bool,
    #[command(flatten)]
    columns: ColumnArgs,
}

impl PacketOutputArgs {
    /// The same, printing nothing when stdout is for something else.
    pub(super) fn silent_if(mut self, is_taken: bool) -> Self {
        self.quiet |= is_taken;
        self
    }

    /// Whether dates and times of day are those of UTC.
    pub(super) fn is_utc(&self) -> bool {
        self.utc
    }

    /// Whether packets are printed although they are written into a file: as tcpdump has it, only when somebody asks for that,
    /// by `--print` or by naming a form.
    pub(super) fn prints_beside_a_file(&self) -> bool {
        let has_form = self.v > 0
            || self.analysis
            || self.json
            || self.toml
            || self.hex.are_given()
            || self.columns.are_given();
        !self.quiet && (self.print || has_form)
    }

    /// Whether more is to be told than usual.
    pub(super) fn is_verbose(&self) -> bool {
        self.v > 0
    }

    /// Whether lines have names, which the system is asked for.
    pub(super) fn asks_for_names(&self) -> bool {
        self.resolve
    }

    /// Whether nothing is to be said of packets.
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// The same, with lines that may wait so long for names, all together.
    pub(super) fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Whether octets are to be shown in hex.
    pub(super) fn is_hex(&self) -> bool {
        self.hex.is_hex()
    }

    /// Whether what is printed is to be JSON.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// The same, writing each packet out at once when they come as they happen.
    pub(super) fn at_once_if(mut self, is_live: bool) -> Self {
        self.line_buffered |= is_live;
        self
    }
}

/// Prints packets, one after the other.
pub(super) struct Printer {
    formatter: Formatter,
    at_once: bool,
    /// Where two threads share the work.
    batches: Option<Batches>,
    output: Output,
    /// Names for addresses, where lines have some.
    names: Option<Arc<NameTable>>,
}

impl Printer {
    /// A printer for what the options say.
    pub(super) fn new(args: &PacketOutputArgs) -> Self {
        let style = |unless: time::Style| if args.t == 0 { unless } else { time::Style::from_count(args.t) };
        let precision = if args.nano || args.v > 0 { Precision::Nano } else { Precision::Micro };
        let zone = || if args.utc { TimeZone::UTC } else { TimeZone::system() };
        let clock = |style| Clock::new(style, precision, zone());
        let names = args.resolve.then(|| Arc::new(NameTable::new(args.grace)));
        let mut output = Output::new();
        let mut header = String::new();
        let columns = if args.quiet { None } else { args.columns.columns(&mut header) };
        output.text.push_str(&header);
        let form = match args {
            PacketOutputArgs { quiet: true, .. } => Form::Nothing,
            _ if let Some(columns) = columns => Form::Columns(columns),
            PacketOutputArgs { json: true, .. } => Form::Json(json::Writer::default()),
            PacketOutputArgs { toml: true, .. } => Form::Toml,
            PacketOutputArgs { v: 0, .. } => {
                let clock = clock(style(time::Style::Clock));
                let style = EndPointStyle { names: names.clone().map(|names| names as Arc<dyn Names>) };
                Form::Line(Lines { numbers: args.number, clock, interfaces: false, link: args.e, style })
            }
            PacketOutputArgs { v, .. } => {
                let looks = tree::Style { palette: color::palette(), detail: *v > 1 };
                Form::Tree(clock(style(time::Style::Date)), looks)
            }
        };
        Self {
            formatter: Formatter::new(form, Hex::new(&args.hex)).with_analysis(args.analysis),
            at_once: args.line_buffered || io::stdout().is_terminal(),
            batches: None,
            output,
            names,
        }
    }

    /// Has a second thread help, where what is printed allows for it, and nobody waits for each packet.
    pub(super) fn share_work(&mut self) {
        if !self.at_once {
            self.batches = self.formatter.fork().map(Batches::new);
        }
    }

    /// Whether anything is printed of a packet.
    pub(super) fn prints(&self) -> bool {
        !matches!(self.formatter.form, Form::Nothing)
    }

    /// What must be known of the packets before.
    pub(super) fn need(&self) -> Need {
        self.formatter.need()
    }

    /// Says whether lines name the interface: where there is more than one.
    pub(super) fn name_interfaces(&mut self, wanted: bool) {
        self.formatter.name_interfaces(wanted);
    }

    /// Whether it wants to see the names that the capture has.
    pub(super) fn learns(&self) -> bool {
        self.names.is_some()
    }

    /// Takes the names that a block of the capture has.
    pub(super) fn learn(&self, block: &Block<'_>) {
        if let Some(names) = &self.names {
            block.names().for_each(|(address, name)| names.learn(address, name));
        }
    }

    /// Goes on to the next packet of the capture, whether or not it is shown: what is printed may be times since others.
    #[inline]
    pub(super) fn see(&mut self, time: Option<i64>) {
        self.formatter.see(time);
    }

    /// Prints the packet that was seen last, of which the packets before tell these facts. `false` when nobody reads what is printed any more.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn packet(
        &mut self,
        number: u64,
        frame: &Frame<'_>,
        interface: Option<&str>,
        facts: Option<&Facts>,
    ) -> io::Result<bool> {
        if !self.prints() {
            return Ok(true);
        }
        if let Some(batches) = &mut self.batches {
            batches.packet((&mut self.output, &mut self.formatter), number, frame, interface)?;
            return Ok(self.output.is_open());
        }
        self.formatter.packet(&mut self.output.text, number, frame, interface, facts);
        if self.at_once {
            self.output.flush()?
        } else {
            self.output.flush_if_full()?
        }
        Ok(self.output.is_open())
    }

    /// How many octets of packets are best printed together by [`run`](Self::run); `None` where each is to be printed as it comes.
    pub(super) fn most_in_run(&self) -> Option<usize> {
        match (self.at_once, &self.batches) {
            (true, _) => None,
            (false, Some(_)) => Some(MOST_IN_RUN),
            (false, None) => Some(PRINTED_AT_ONCE),
        }
    }

    /// Prints packets that stand one behind the other, of which the first has this number. `false` when nobody reads what is
    /// printed any more.
    ///
    /// # Errors
    /// As of [`packet`](Self::packet).
    pub(super) fn run(&mut self, first: u64, run: &Run<'_>) -> io::Result<bool> {
        if let Some(batches) = &mut self.batches {
            batches.run((&mut self.output, &mut self.formatter), first, run)?;
        } else {
            self.formatter.run(&mut self.output.text, first, run);
            self.output.flush_if_full()?;
        }
        Ok(self.output.is_open())
    }

    /// Writes what is still in memory.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if let Some(batches) = &mut self.batches {
            batches.finish(&mut self.output, &mut self.formatter)?;
        }
        self.output.flush()
    }
}

/// Octets of packets whose text one thread makes before it looks whether there is enough to write.
const PRINTED_AT_ONCE: usize = 4 << 10;

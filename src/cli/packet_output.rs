//! How packets are printed: the options that `read` and `capture` share, with tcpdump's letters, and the printer that they
//! choose.

use std::io::{self, IsTerminal};

use clap::{ArgAction, Args};
use jiff::tz::TimeZone;

use super::color;
use super::columns::ColumnArgs;
use super::hex_output::{Hex, HexArgs};
use super::output::Output;
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::packet::unbuild::unbuild_shortest;
use crate::show::columns::Columns;
use crate::show::line::Lines;
use crate::show::time::{self, Clock, Precision};
use crate::show::{Meta, json, line, tree};
use crate::spec::write_toml;
use crate::wire::frame::Frame;
use crate::wire::layers::LayerTable;

/// What is printed of each packet.
#[derive(Debug, Clone, Args)]
pub(super) struct PacketOutputArgs {
    /// Addresses and ports are always printed as numbers; accepted because fingers know it.
    #[arg(short)]
    n: bool,
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

    /// Whether packets are printed although they are written into a file: as tcpdump has it, only when somebody asks for that,
    /// by `--print` or by naming a form.
    pub(super) fn prints_beside_a_file(&self) -> bool {
        let has_form =
            self.v > 0 || self.json || self.toml || self.hex.are_given() || self.columns.are_given();
        !self.quiet && (self.print || has_form)
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
    form: Form,
    hex: Option<Hex>,
    at_once: bool,
    /// Emptied and filled again for each packet.
    table: LayerTable,
    output: Output,
    is_first: bool,
}

/// What a packet is printed as.
enum Form {
    Nothing,
    Line(Lines),
    Tree(Clock, tree::Style),
    Json,
    Toml,
    Columns(Columns),
}

impl Printer {
    /// A printer for what the options say.
    pub(super) fn new(args: &PacketOutputArgs) -> Self {
        let style = |unless: time::Style| if args.t == 0 { unless } else { time::Style::from_count(args.t) };
        let precision = if args.nano || args.v > 0 { Precision::Nano } else { Precision::Micro };
        let zone = || if args.utc { TimeZone::UTC } else { TimeZone::system() };
        let clock = |style| Clock::new(style, precision, zone());
        let mut output = Output::new();
        let columns = if args.quiet { None } else { args.columns.columns(&mut output.text) };
        let form = match args {
            PacketOutputArgs { quiet: true, .. } => Form::Nothing,
            _ if let Some(columns) = columns => Form::Columns(columns),
            PacketOutputArgs { json: true, .. } => Form::Json,
            PacketOutputArgs { toml: true, .. } => Form::Toml,
            PacketOutputArgs { v: 0, .. } => {
                let clock = clock(style(time::Style::Clock));
                Form::Line(Lines { clock, interfaces: false, link: args.e })
            }
            PacketOutputArgs { v, .. } => {
                let looks = tree::Style { palette: color::palette(), detail: *v > 1 };
                Form::Tree(clock(style(time::Style::Date)), looks)
            }
        };
        Self {
            form,
            hex: Hex::new(&args.hex),
            at_once: args.line_buffered || io::stdout().is_terminal(),
            table: LayerTable::default(),
            output,
            is_first: true,
        }
    }

    /// Says whether lines name the interface: where there is more than one.
    pub(super) fn name_interfaces(&mut self, wanted: bool) {
        if let Form::Line(lines) = &mut self.form {
            lines.interfaces = wanted;
        }
    }

    /// Prints a packet. `false` when nobody reads what is printed any more.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn packet(
        &mut self,
        number: u64,
        frame: &Frame<'_>,
        interface: Option<&str>,
    ) -> io::Result<bool> {
        if matches!(self.form, Form::Nothing) {
            return Ok(true);
        }
        dissect(frame.data, frame.link_type, &mut self.table);
        let wire_len = usize::try_from(frame.len).unwrap_or(usize::MAX).max(frame.data.len());
        let dissected = Dissected { octets: frame.data, table: &self.table, wire_len };
        let meta = Meta::captured(number, frame, interface);
        let out = &mut self.output.text;
        match &mut self.form {
            Form::Nothing => {}
            Form::Line(lines) => {
                lines.packet(out, &meta, &dissected);
                out.push('\n');
            }
            Form::Tree(clock, style) => {
                if !self.is_first {
                    out.push('\n');
                }
                tree::packet(out, &meta, &dissected, clock, *style);
            }
            Form::Columns(columns) => columns.packet(out, &meta, &dissected),
            Form::Json => {
                json::packet(out, &meta, &dissected);
                out.push('\n');
            }
            Form::Toml => {
                if !self.is_first {
                    out.push('\n');
                }
                out.push_str("# ");
                line::summary(out, &dissected, true);
                out.push('\n');
                write_toml(&unbuild_shortest(frame.data, &self.table), out);
            }
        }
        self.is_first = false;
        if let Some(hex) = &mut self.hex {
            hex.write(out, &dissected);
        }
        if self.at_once {
            self.output.flush()?
        } else {
            self.output.flush_if_full()?
        }
        Ok(self.output.is_open())
    }

    /// Writes what is still in memory.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

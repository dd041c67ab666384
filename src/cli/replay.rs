//! `rawsock replay`: sends a capture's packets again, edited, at their own pace or another.
//!
//! The exit code says whether all that was chosen left: 1 when it did not, because some packets cannot go that way or somebody
//! ended it; 2 when it could not be done at all.

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::display_filter::DisplayFilterArgs;
use super::engine::Engine;
use super::filter_argument::FileFilter;
use super::output::print;
use super::replay_edits::EditArgs;
use super::replay_lines::{Exits, Split, split};
use super::replay_source::{Choice, Preloaded, Replay, Tally};
use super::send::ViaArg;
use super::tracking::Tracking;
use super::{CommandResult, Outcome, duration, outflow_report, tempo};
use crate::exchange::drive::outflow::{Limits, Packets, Totals, pour};
use crate::exchange::engine::Nanos;
use crate::exchange::pace::{Tempo, Timetable};
use crate::spec::SpecError;
use crate::sys::interrupt::Interrupt;
use crate::wire::frame::LinkType;

/// Send a capture's packets again: at their own pace or another, edited, by one interface or two.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReplayArgs {
    /// A capture file, pcap or pcapng, also packed with gzip, zstd or lz4; - for stdin.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Which packets, as tcpdump's filters say it.
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    /// Send by this interface. Where it takes Ethernet frames and the file has packets that begin with IP, the header is made:
    /// the next hop's MAC address is looked up, or asked for.
    #[arg(short, long, value_name = "INTERFACE")]
    interface: Option<String>,
    /// `link` sends frames as they are in the file, `ip` the IP packets in them by raw sockets (IP_HDRINCL), to wherever they
    /// are addressed. Left out: `ip` where no interface is named.
    #[arg(long, value_name = "ip|link")]
    via: Option<ViaArg>,
    /// Send one direction by `--interface`, the other by this one.
    #[arg(long, value_name = "INTERFACE", requires = "split", requires = "interface")]
    split_interface: Option<String>,
    /// What the first direction is: packets from a network (`10.0.0.0/8`; those without an address too), or, with `direction`,
    /// those that the capturing host sent, where the file (pcapng) says that. As the packets are before edits.
    #[arg(long, value_name = "NETWORK|direction", value_parser = split, requires = "split_interface")]
    split: Option<Split>,
    /// So many times as fast as recorded.
    #[arg(long, value_name = "TIMES", value_parser = speed, group = "pace")]
    speed: Option<f64>,
    /// So many packets in a time (`50k/s`), or bits in a second (`100Mbit/s`, of whole frames).
    #[arg(long, value_name = "RATE", value_parser = tempo::rate, group = "pace")]
    rate: Option<Tempo>,
    /// As fast as they go.
    #[arg(long, group = "pace")]
    top_speed: bool,
    /// Send the file so many times; 0 for again and again, until Ctrl-C.
    #[arg(long = "loop", value_name = "N", default_value_t = 1, hide_default_value = true)]
    passes: u64,
    /// Stop after so many packets.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Stop after so much time.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    duration: Option<Duration>,
    #[command(flatten)]
    edits: EditArgs,
    /// Read, choose and edit all packets before the first leaves: faster, in as much memory as they take.
    #[arg(long)]
    preload: bool,
    /// What hands frames to the interface: `sendmmsg` a packet socket, in batches; `xdp` AF_XDP in copy mode, past the interface's
    /// queue and the taps of this host. `auto` is xdp at top speed where packets do not queue, else sendmmsg; -v tells.
    #[arg(long, value_enum, default_value_t, value_name = "ENGINE")]
    engine: Engine,
    /// Send more than 1,000 packets a second to others than this host.
    #[arg(long)]
    yes_flood: bool,
    #[command(flatten)]
    display_filter: DisplayFilterArgs,
    /// Print nothing but errors.
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Print a line for each packet that left, and how packets are sent.
    #[arg(short, long, conflicts_with = "json")]
    verbose: bool,
    /// Print what it came to as a JSON object.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  rawsock replay trace.pcapng -i eth0
  rawsock replay trace.pcapng -i eth0 --speed 10 'udp port 53'
  rawsock replay trace.pcapng -i eth0 --rate 100Mbit/s --loop 0
  rawsock replay trace.pcapng -i eth0 --set eth.dst=02:00:00:00:00:01 --map-net 10.0.0.0/8=192.168.0.0/16
  rawsock replay both.pcapng -i eth0 --split-interface eth1 --split 10.0.0.0/8
  rawsock replay raw-ip.pcap

A packet goes out with the octets that were captured: one that the snapshot length cut is shorter than it was. Edits bring
checksums along: what was right stays right, what was wrong stays wrong, also in cut packets.";

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse::<f64>().ok().filter(|speed| *speed > 0.0 && speed.is_finite());
    speed.ok_or_else(|| "takes a number above 0, such as 10 or 0.5".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When the file cannot be read, an edit or a filter is none, or nothing can be sent.
pub(super) fn run(args: &ReplayArgs) -> CommandResult {
    let editor = match args.edits.editor() {
        Ok(editor) => editor,
        Err(error) => {
            let mistake = error.downcast::<SpecError>()?;
            anstream::eprint!("{}", mistake.render(true));
            return Ok(Outcome::Failed);
        }
    };
    if args.passes != 1 && !args.preload && args.file.as_os_str() == "-" {
        return Err("stdin can be read once: `--preload` keeps its packets for `--loop`".into());
    }
    let interrupt = Interrupt::catch()?;
    let eth = (EditArgs::mac(&editor, "src"), EditArgs::mac(&editor, "dst"));
    let names: Vec<&str> =
        [&args.interface, &args.split_interface].into_iter().flatten().map(String::as_str).collect();
    let by_ip = goes_by_ip(args, &names)?;
    let exits = Exits::new(&names, by_ip, args.split, eth, &interrupt)?;
    let tempo = tempo(args);
    if let Some(whereto) = exits.leads_away().filter(|_| tempo::is_flood(tempo) && !args.yes_flood) {
        return Err(tempo::flood_refused(whereto).into());
    }
    let (mut lines, engines) = exits.lines(args.engine, tempo == Tempo::Top)?;
    if args.verbose {
        anstream::eprintln!("rawsock: {engines}");
    }
    let display_filter = args.display_filter.compile()?;
    let choice = Choice {
        tracking: Tracking::new(display_filter.need()),
        path: args.file.clone(),
        filter: FileFilter::new(args.filter.join(" ")),
        display_filter,
        count: args.count.unwrap_or(u64::MAX),
        passes: args.passes,
    };
    let mut replay = Replay::open(choice, editor, exits, Timetable::new(tempo, 1))?;
    let mut preloaded =
        if args.preload { Some(Preloaded::read(&mut replay, Timetable::new(tempo, 1))?) } else { None };
    let limits = Limits {
        is_paced: tempo != Tempo::Top,
        duration: args
            .duration
            .map_or(Nanos::MAX, |span| Nanos::try_from(span.as_nanos()).unwrap_or(Nanos::MAX)),
        ..Limits::default()
    };
    let shown = args.verbose.then_some(if by_ip { LinkType::RAW } else { LinkType::ETHERNET });
    let mut report = outflow_report::Report::new(args.quiet || args.json, shown);
    let mut totals = Totals::default();
    let packets: &mut dyn Packets = match &mut preloaded {
        Some(preloaded) => preloaded,
        None => &mut replay,
    };
    let poured = pour(packets, &mut lines, limits, &interrupt, &mut report, &mut totals);
    report.end_progress();
    let read = preloaded.as_ref().map(|packets| packets.len() as u64);
    let told =
        Told { totals: &totals, tally: &replay.tally, preloaded: read, undirected: replay.undirected() };
    told.print(args, tempo, &report)?;
    poured?;
    Ok(told.outcome())
}

/// Whether packets go by raw IP sockets.
fn goes_by_ip(args: &ReplayArgs, interfaces: &[&str]) -> Result<bool, String> {
    match args.via {
        Some(ViaArg::Link) if interfaces.is_empty() => {
            Err("which interface do the frames leave by? name it with `--interface`".to_owned())
        }
        Some(via) => Ok(via == ViaArg::Ip),
        None => Ok(interfaces.is_empty()),
    }
}

fn tempo(args: &ReplayArgs) -> Tempo {
    match (args.rate, args.speed, args.top_speed) {
        (Some(rate), ..) => rate,
        (_, Some(speed), _) => Tempo::Recorded(speed),
        (_, _, true) => Tempo::Top,
        _ => Tempo::Recorded(1.0),
    }
}

/// What there is to tell at the end.
struct Told<'a> {
    totals: &'a Totals,
    tally: &'a Tally,
    /// Packets that were read before, of one pass.
    preloaded: Option<u64>,
    undirected: u64,
}

impl Told<'_> {
    fn print(
        &self,
        args: &ReplayArgs,
        tempo: Tempo,
        report: &outflow_report::Report,
    ) -> Result<(), Box<dyn Error>> {
        let is_paced = tempo != Tempo::Top;
        if report.untold() > 0 {
            anstream::eprintln!("rawsock: {} more packets were refused", report.untold());
        }
        if self.undirected > 0 {
            anstream::eprintln!(
                "rawsock: the file does not say the direction of {} packets, which left by the first interface; `--split NETWORK` \
                 tells it by addresses",
                self.undirected
            );
        }
        let text = match args {
            ReplayArgs { json: true, .. } => self.json(is_paced),
            ReplayArgs { quiet: true, .. } => return Ok(()),
            _ => self.text(args, tempo),
        };
        Ok(print(&text)?)
    }

    fn text(&self, args: &ReplayArgs, tempo: Tempo) -> String {
        let mut text = outflow_report::summary(self.totals, tempo != Tempo::Top);
        let mut line = |words: std::fmt::Arguments<'_>| {
            // Writing into memory cannot fail.
            let _ = writeln!(text, "{words}");
        };
        let Tally { edited, mended, unmended, cut, untimed, .. } = *self.tally;
        if let (Tempo::Recorded(speed), true) = (tempo, self.totals.sent > 0) {
            let due = outflow_report::seconds(self.totals.due);
            line(format_args!("recorded: {due}{}", if speed == 1.0 { "" } else { " at that speed" }));
        }
        if edited > 0 || unmended > 0 {
            line(format_args!("{edited} edited, {mended} checksums mended"));
        }
        if !args.edits.is_empty() && edited == 0 {
            line(format_args!("no packet was changed by the edits"));
        }
        if unmended > 0 {
            line(format_args!("{unmended} checksums of cut packets could not be mended"));
        }
        if cut > 0 {
            line(format_args!("{cut} went out shorter than they were: the snapshot length had cut them"));
        }
        if untimed > 0 {
            line(format_args!("{untimed} have no time in the file, and went right behind those before them"));
        }
        if self.totals.stalls > 0 {
            line(format_args!("a full queue was waited for {} times", self.totals.stalls));
        }
        let not_sent = self.totals.failed.saturating_add(self.tally.unfit());
        if not_sent > 0 {
            line(format_args!("{not_sent} not sent"));
        }
        if self.totals.is_interrupted {
            line(format_args!("ended before its end"));
        }
        text
    }

    fn json(&self, is_paced: bool) -> String {
        let Tally { chosen, edited, mended, unmended, cut, untimed, .. } = *self.tally;
        let chosen = self.preloaded.unwrap_or(chosen);
        format!(
            "{{\"event\":\"summary\",{},\"chosen\":{chosen},\"unfit\":{},\"edited\":{edited},\"mended\":{mended},\"unmended\":{unmended},\"cut\":{cut},\"untimed\":{untimed},\"due_ns\":{}}}\n",
            outflow_report::members(self.totals, is_paced),
            self.tally.unfit(),
            self.totals.due
        )
    }

    fn outcome(&self) -> Outcome {
        let not_sent = self.totals.failed.saturating_add(self.tally.unfit());
        match (self.totals.sent, not_sent) {
            (0, 1..) => Outcome::Failed,
            (_, 1..) => Outcome::NoAnswer,
            _ if self.totals.is_interrupted => Outcome::NoAnswer,
            _ => Outcome::Done,
        }
    }
}

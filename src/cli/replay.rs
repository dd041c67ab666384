//! `rawsock replay`: sends a capture's packets again, edited, at their own pace or another.
//!
//! The exit code says whether all that was chosen left: 1 when it did not, because some packets cannot go that way or somebody
//! ended it; 2 when it could not be done, or a file is cut or damaged, and what could be read has left.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::display_filter::DisplayFilterArgs;
use super::engine::Engine;
use super::filter_argument::{FileFilter, files_and_filter};
use super::outflow_report::Report;
use super::replay_edits::EditArgs;
use super::replay_files::Files;
use super::replay_lines::{Exits, Split, split};
use super::replay_preloaded::Preloaded;
use super::replay_report::Told;
use super::replay_source::{Choice, Replay};
use super::sandbox::{self, SandboxArgs};
use super::tempo::Guarded;
use super::tracking::Tracking;
use super::{CommandResult, Outcome, duration, tempo};
use crate::exchange::drive::outflow::{Due, Limits, Packets, Totals, pour};
use crate::exchange::engine::Nanos;
use crate::exchange::pace::{Tempo, Timetable};
use crate::spec::SpecError;
use crate::sys::interrupt::Interrupt;
use crate::sys::sandbox::Doing;
use crate::wire::frame::LinkType;
use crate::wire::packet_batch::PacketBatch;

/// Send a capture's packets again: at their own pace or another, edited, by one interface or two.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReplayArgs {
    /// Capture files, pcap or pcapng, also packed with gzip, zstd or lz4; - for stdin. Several go one behind the other. What
    /// follows and is no file is a filter, as tcpdump takes it.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Send by this interface. Where it takes Ethernet frames and the file has packets that begin with IP, the header is made:
    /// the next hop's MAC address is looked up, or asked for.
    #[arg(short, long, value_name = "INTERFACE")]
    interface: Option<String>,
    /// `link` sends frames as they are in the file, `ip` the IP packets in them by raw sockets (IP_HDRINCL), to wherever they
    /// are addressed. Left out: `ip` where no interface is named.
    #[arg(long, value_name = "ip|link")]
    via: Option<ReplayVia>,
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
    /// So many packets in a second (`50k`) or another time (`6000/m`), or bits in a second (`100Mbit/s`, of whole frames).
    #[arg(long, value_name = "RATE", value_parser = tempo::rate, group = "pace")]
    rate: Option<Tempo>,
    /// As fast as they go.
    #[arg(long, group = "pace")]
    top_speed: bool,
    /// Send all so many times; 0 for again and again, until Ctrl-C.
    #[arg(long = "loop", value_name = "N", default_value_t = 1, hide_default_value = true)]
    passes: u64,
    /// Stop after so many packets.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Stop after so much time.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    duration: Option<Duration>,
    #[command(flatten)]
    pub(super) edits: EditArgs,
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
    pub(super) quiet: bool,
    /// Print a line for each packet that left, and how packets are sent.
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    sandbox: SandboxArgs,
    /// Print what it came to as a JSON object; with -v one for each packet that left, too.
    #[arg(long)]
    pub(super) json: bool,
}

const EXAMPLES: &str = "Examples:
  rawsock replay trace.pcapng -i eth0
  rawsock replay trace.pcapng -i eth0 --speed 10 'udp port 53'
  rawsock replay trace.pcapng -i eth0 --rate 100Mbit/s --loop 0
  rawsock replay trace.pcapng -i eth0 --set eth.dst=02:00:00:00:00:01 --map-net 10.0.0.0/8=192.168.0.0/16
  rawsock replay both.pcapng -i eth0 --split-interface eth1 --split 10.0.0.0/8
  rawsock replay raw-ip.pcap
  rawsock replay morning.pcapng evening.pcapng -i eth0 --rate 500
  rawsock capture -i eth1 -w - | rawsock replay - -i eth0

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
    let (paths, words) = files_and_filter(&args.files);
    let files = Files::new(paths)?;
    if args.passes != 1 && !args.preload {
        files.check_again()?;
    }
    let display_filter = args.display_filter.compile()?;
    let interrupt = Interrupt::catch()?;
    let eth = (EditArgs::mac(&editor, "src"), EditArgs::mac(&editor, "dst"));
    let names: Vec<&str> =
        [&args.interface, &args.split_interface].into_iter().flatten().map(String::as_str).collect();
    let by_ip = goes_by_ip(args, &names)?;
    let exits = Exits::new(&names, by_ip, args.split, eth, &interrupt)?;
    let tempo = tempo(args);
    let away = exits.leads_away()?.filter(|_| !args.yes_flood);
    if let Some(whereto) = away.as_ref().filter(|_| tempo::is_flood(tempo)) {
        return Err(tempo::flood_refused(whereto).into());
    }
    let limits = limits(args, tempo, &files);
    let (mut lines, engines) = exits.lines(args.engine, tempo == Tempo::Top)?;
    if args.verbose {
        anstream::eprintln!("rawsock: {engines}");
    }
    let choice = Choice {
        tracking: Tracking::new(display_filter.need()),
        files,
        filter: FileFilter::new(words.join(" ")),
        display_filter,
        count: args.count.unwrap_or(u64::MAX),
        passes: args.passes,
    };
    kept(paths, !words.is_empty()).enter(args.sandbox, args.verbose)?;
    let mut replay = Replay::open(choice, editor, exits, Timetable::new(tempo, 1))?;
    let preloaded =
        args.preload.then(|| Preloaded::read(&mut replay, Timetable::new(tempo, 1))).transpose()?;
    let read = preloaded.as_ref().map(|packets| packets.len() as u64);
    let shown = args.verbose.then_some(if by_ip { LinkType::RAW } else { LinkType::ETHERNET });
    let mut report = Report::new(args.quiet || args.json, shown).with_json(args.json);
    let mut totals = Totals::default();
    let mut source = Guarded::new(Source { replay: &mut replay, preloaded }, away);
    let poured = pour(&mut source, &mut lines, limits, &interrupt, &mut report, &mut totals);
    report.end_progress();
    if totals.sent == 0 {
        // Without a packet that left, the reason alone is told.
        poured?;
        return tell(args, tempo, &report, &totals, &replay, read);
    }
    let outcome = tell(args, tempo, &report, &totals, &replay, read)?;
    poured?;
    Ok(outcome)
}

/// What is done with files that somebody else wrote: their packets leave, edited.
fn kept(paths: &[PathBuf], has_filter: bool) -> sandbox::Plan {
    let kept = sandbox::Plan::default().does(&[Doing::Traffic, Doing::Netlink]).reads(paths);
    kept.tells_local_time().asks_for_names(has_filter)
}

/// How the run goes.
fn limits(args: &ReplayArgs, tempo: Tempo, files: &Files) -> Limits {
    Limits {
        is_paced: tempo != Tempo::Top,
        duration: args
            .duration
            .map_or(Nanos::MAX, |span| Nanos::try_from(span.as_nanos()).unwrap_or(Nanos::MAX)),
        // What comes by a pipe goes as it comes.
        batch: if files.are_live() && !args.preload { 1 } else { Limits::default().batch },
    }
}

/// Tells what it came to.
fn tell(
    args: &ReplayArgs,
    tempo: Tempo,
    report: &Report,
    totals: &Totals,
    replay: &Replay<'_>,
    preloaded: Option<u64>,
) -> CommandResult {
    let told = Told { totals, tally: &replay.tally, preloaded, undirected: replay.undirected() };
    told.print(args, tempo, report)?;
    Ok(told.outcome())
}

/// Packets as they are read, or those that were read before.
struct Source<'r, 'a> {
    replay: &'r mut Replay<'a>,
    preloaded: Option<Preloaded>,
}

impl Packets for Source<'_, '_> {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Option<Due>, Box<dyn Error>> {
        match &mut self.preloaded {
            Some(preloaded) => preloaded.next(batch),
            None => self.replay.next(batch),
        }
    }
}

/// How packets are sent. A recording has both sides of each conversation, which no host of its own behind a TUN interface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReplayVia {
    Ip,
    Link,
}

/// Whether packets go by raw IP sockets.
fn goes_by_ip(args: &ReplayArgs, interfaces: &[&str]) -> Result<bool, String> {
    match args.via {
        Some(ReplayVia::Link) if interfaces.is_empty() => {
            Err("which interface do the frames leave by? name it with `--interface`".to_owned())
        }
        Some(via) => Ok(via == ReplayVia::Ip),
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

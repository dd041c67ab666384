//! `rawsock capture`: what passes an interface, to the screen and to a file.

use std::error::Error;

use clap::{Args, ValueEnum};

use super::capture_device::{Device, is_interface};
use super::capture_files::{FileArgs, Files};
use super::capture_hook::Hook;
use super::capture_keeper::{Keeper, TriggerArgs};
use super::capture_limits::{Limit, Limits};
use super::capture_progress::Progress;
use super::capture_session::Session;
use super::capture_sink::{Sink, Tally};
use super::capture_stamps::{self, Stamps};
use super::capture_tap::{Opening, Tap};
use super::display_filter::{DisplayFilter, DisplayFilterArgs};
use super::filter_argument::FilterArgs;
use super::packet_output::{PacketOutputArgs, Printer};
use super::sandbox::{Plan, SandboxArgs};
use super::tracking::Tracking;
use super::{CommandResult, Outcome, interfaces};
use crate::filter::capture::CaptureFilter;
use crate::show::text::printable;
use crate::stream::Need;
use crate::sys::clock;
use crate::sys::interrupt::Interrupt;
use crate::sys::netlink::{LinkMonitor, Netlink};
use crate::sys::ring::{MAX_SNAP_LEN, RingOptions, Source};
use crate::sys::sandbox::Doing;

/// Capture packets: show them as they pass, and save them for Wireshark.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CaptureArgs {
    /// The interface, by its name or its number (-D), or `any` for all; again for several, in one file. Left out, the first that is up and no loopback.
    #[arg(short, long, value_name = "INTERFACE")]
    interface: Vec<String>,
    /// Stop after so many packets.
    #[arg(short, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Keep at most so many octets of each packet; 0 for all.
    #[arg(short, long = "snapshot-length", value_name = "OCTETS", default_value_t = 0)]
    snap_len: u32,
    #[command(flatten)]
    sandbox: SandboxArgs,
    #[command(flatten)]
    files: FileArgs,
    /// End by itself: duration:TIME, filesize:SIZE, files:N or packets:N, whichever comes first.
    #[arg(short = 'a', long, value_name = "CONDITION")]
    autostop: Vec<Limit>,
    #[command(flatten)]
    triggers: TriggerArgs,
    /// See what is for this host only: do not put the interface into promiscuous mode.
    #[arg(short = 'p', long = "no-promiscuous-mode")]
    not_promiscuous: bool,
    /// Only packets of this direction.
    #[arg(short = 'Q', long, value_name = "DIRECTION", default_value = "inout")]
    direction: Way,
    /// Buffer for so many KiB. Left out: 8192, and, when a file is written, 65536 over all interfaces and threads (at least 8192
    /// each), so that nothing is lost while the disk takes its time.
    #[arg(short = 'B', long = "buffer-size", value_name = "KIB", value_parser = clap::value_parser!(u32).range(1..=2_097_151))]
    buffer_kib: Option<u32>,
    /// Take packets as they come, not in blocks of up to 20 ms.
    #[arg(long)]
    immediate_mode: bool,
    /// Take what comes to each interface by so many rings and threads, each with a buffer of its own (-B); flows are spread over
    /// them, and merged again by time.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: u8,
    /// Whose clock the times of packets are of.
    #[arg(short = 'j', long, value_name = "TYPE", value_enum, default_value_t)]
    time_stamp_type: Stamps,
    /// List the types of time stamps that the interface has, and end.
    #[arg(short = 'J', long)]
    list_time_stamp_types: bool,
    /// List the interfaces, and end.
    #[arg(short = 'D', long)]
    list_interfaces: bool,
    #[command(flatten)]
    output: PacketOutputArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    display_filter: DisplayFilterArgs,
    /// Only packets that this takes: `host 10.0.0.1 and tcp port 80`, as in tcpdump (pcap-filter(7)).
    #[arg(value_name = "FILTER")]
    expression: Vec<String>,
    /// Whether nothing is to be said of how it goes.
    #[arg(skip)]
    has_no_remarks: bool,
}

impl CaptureArgs {
    /// The same, for whom nothing is said on stderr but what fails.
    pub(super) fn without_remarks(self) -> Self {
        Self { has_no_remarks: true, ..self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Way {
    In,
    Out,
    Inout,
}

/// Octets of the buffers of all sockets together when a file is written.
const OF_A_FILE: usize = 64 << 20;

const EXAMPLES: &str = "Examples:
  rawsock capture -i eth0 -w trace.pcapng
  rawsock capture -i any -e -c 10 icmp or arp
  rawsock capture -i eth0 'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not src net 10.0.0.0/8'
  rawsock capture -i eth0 -Y 'icmp.type == 11 or tcp.checksum.status == Bad' -w trace.pcapng
  rawsock capture -i eth0 --dump-on 'tcp.flags.reset' --keep 30s,256M -w 'reset-%F-%H%M%S.pcapng'
  rawsock capture -i eth0 -w - | wireshark -k -i -

The filter behind the options runs in the kernel, before a packet is copied; `-Y` looks at what came through, and decides what
is shown and saved. `--stop-on` and `--dump-on` are field filters too, and look at what `-Y` takes.

Ctrl-C, SIGTERM and SIGHUP end the capture in order: what the kernel still holds is read, counted and saved. SIGUSR1 says how
many packets there are so far.";

/// Runs the command.
///
/// # Errors
/// When the interface cannot be opened, or the file not be written.
pub(super) fn run(args: &CaptureArgs) -> CommandResult {
    if args.list_interfaces {
        return interfaces::run(&interfaces::InterfacesArgs { json: args.output.is_json() });
    }
    args.files.name_the_user()?;
    let names = args.interface.iter().map(|name| Some(name.as_str()));
    let names: Vec<_> = if args.interface.is_empty() { vec![None] } else { names.collect() };
    let devices = names.into_iter().map(Device::find).collect::<Result<Vec<_>, _>>()?;
    if args.list_time_stamp_types {
        return capture_stamps::list(&devices);
    }
    let stamps = capture_stamps::choose(args.time_stamp_type, &devices)?;
    let snap_len = if args.snap_len == 0 { MAX_SNAP_LEN } else { args.snap_len.min(MAX_SNAP_LEN) };
    let filter = args.filter.text(&args.expression)?;
    if let Some(first) = args.expression.first()
        && CaptureFilter::check(&filter).is_err()
        && is_interface(first)
    {
        return Err(format!("{first} is an interface, and here stands a filter: `capture -i {first}`").into());
    }
    if let (true, Some(device)) = (args.filter.wants_dump(), devices.first()) {
        args.filter.dump(&device.filter(&filter, snap_len)?)?;
        return Ok(Outcome::Done);
    }
    let ring = RingOptions {
        buffer_len: buffer_len(args, devices.len()),
        snap_len,
        promiscuous: !args.not_promiscuous,
        stamps,
        retire_ms: if args.immediate_mode { 1 } else { RingOptions::default().retire_ms },
        ..RingOptions::default()
    };
    let opening = Opening { filter, ring, threads: args.threads.into() };
    let hook = args.files.hook()?;
    // The filter may wait for a name server: until then a signal just ends the program.
    let mut session = session(args, devices, opening, hook)?;
    let interrupt = Interrupt::catch_of_long_run()?;
    session.describe()?;
    kept(args).enter(args.sandbox, args.output.is_verbose())?;
    session.start()?;
    if !args.has_no_remarks {
        remark(&session, snap_len);
    }
    session.listen(&interrupt)?;
    session.end()?;
    Ok(Outcome::Done)
}

/// Says that it has begun.
fn remark(session: &Session, snap_len: u32) {
    for tap in &session.taps {
        anstream::eprintln!(
            "listening on {}, link type {}, at most {snap_len} octets of each packet",
            printable(&tap.device.name),
            tap.device.link_type().0,
        );
    }
    if let Some(keeper) = &session.sink.keeper {
        anstream::eprintln!("{}", keeper.describe());
    }
}

/// What a capture does from then on: it takes packets from rings, hears of interfaces, and makes more files.
fn kept(args: &CaptureArgs) -> Plan {
    Plan::default()
        .does(&[Doing::Traffic, Doing::Netlink])
        .does_if(args.threads > 1, Doing::Threads)
        .does_if(args.files.has_hook(), Doing::Wait)
        .tells_local_time()
        .writes(args.files.folder_of_more(args.triggers.dump_on.is_some()))
        .asks_for_names(args.output.asks_for_names())
}

/// Octets of each socket's buffer.
///
/// A screen falls behind for moments, a disk for tens of milliseconds: at a gigabyte a second 8 MiB last for 8 of them.
fn buffer_len(args: &CaptureArgs, devices: usize) -> usize {
    let smallest = RingOptions::default().buffer_len;
    match args.buffer_kib {
        Some(kib) => (kib as usize).saturating_mul(1024),
        None if args.files.write.is_some() => {
            let sockets = devices.saturating_mul(args.threads.into()).max(1);
            (OF_A_FILE / sockets).max(smallest)
        }
        None => smallest,
    }
}

/// Opens the devices and the file.
fn session(
    args: &CaptureArgs,
    devices: Vec<Device>,
    opening: Opening,
    hook: Option<Hook>,
) -> Result<Session, Box<dyn Error>> {
    let limits = Limits::new(&args.autostop);
    // A mistake in one is told before a file is begun.
    let display_filter = args.display_filter.compile()?;
    let (stop_on, keeper) = (args.triggers.stop_on()?, args.triggers.keeper()?);
    let several = devices.len() > 1 || devices.iter().any(|device| device.source == Source::ALL);
    // Listening begins before anything is said, so that whoever waits for the word misses nothing.
    let monitor = LinkMonitor::open()?;
    let open = |device| Tap::open(device, &opening);
    let taps = devices.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let is_silent =
        args.files.is_stdout() || args.files.write.is_some() && !args.output.prints_beside_a_file();
    let mut printer = Printer::new(&args.output.clone().silent_if(is_silent));
    printer.name_interfaces(several);
    let links = Netlink::open()?.links()?;
    let progress = Progress::new(args.files.write.is_some() && !printer.prints() && !args.output.is_quiet());
    let filters = [Some(display_filter.need()), stop_on.as_ref().map(DisplayFilter::need)];
    let filters = filters.into_iter().chain([keeper.as_deref().map(Keeper::need)]).flatten();
    // What is printed of packets that are dumped is what they are among each other.
    let dumped = keeper.is_some().then(|| Tracking::new(printer.need()));
    let shown = if dumped.is_some() { Need::default() } else { printer.need() };
    let need = filters.chain([shown]).max().unwrap_or_default();
    let sink = Sink {
        tracking: Tracking::new(need),
        dumped,
        printer,
        files: Files::create(&args.files, hook, keeper.is_some(), &limits)?,
        display_filter,
        stop_on,
        keeper,
        seen: 0,
        direction: args.direction,
        names: links.into_iter().map(|link| (link.index, link.name)).collect(),
        left: args.count.into_iter().chain(limits.packets()).min().unwrap_or(u64::MAX),
        taken: 0,
        unsaved: 0,
        tallies: vec![Tally::default(); taps.len()],
        failure: None,
    };
    let has_no_remarks = args.has_no_remarks;
    Ok(Session { taps, monitor, opening, sink, limits, progress, started: clock::wall(), has_no_remarks })
}

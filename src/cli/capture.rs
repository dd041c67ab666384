//! `rawsock capture`: what passes an interface, to the screen and to a file.

use std::error::Error;

use clap::{Args, ValueEnum};

use super::capture_device::Device;
use super::capture_files::{FileArgs, Files};
use super::capture_limits::{Limit, Limits};
use super::capture_session::{Session, Sink};
use super::capture_tap::{Opening, Tap};
use super::display_filter::DisplayFilterArgs;
use super::filter_argument::FilterArgs;
use super::packet_output::{PacketOutputArgs, Printer};
use super::{CommandResult, Outcome, interfaces};
use crate::show::text::printable;
use crate::sys::clock;
use crate::sys::interrupt::Interrupt;
use crate::sys::netlink::{LinkMonitor, Netlink};
use crate::sys::ring::{MAX_SNAP_LEN, RingOptions, Source};

/// Capture packets: show them as they pass, and save them for Wireshark.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CaptureArgs {
    /// The interface, or `any` for all; again for several, in one file. Left out, the first that is up and no loopback.
    #[arg(short, value_name = "INTERFACE")]
    interface: Vec<String>,
    /// Stop after so many packets.
    #[arg(short, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Keep at most so many octets of each packet; 0 for all.
    #[arg(short, value_name = "OCTETS", default_value_t = 0)]
    snap_len: u32,
    #[command(flatten)]
    files: FileArgs,
    /// End by itself: duration:TIME, filesize:SIZE, files:N or packets:N, whichever comes first.
    #[arg(short = 'a', long, value_name = "CONDITION")]
    autostop: Vec<Limit>,
    /// See what is for this host only: do not put the interface into promiscuous mode.
    #[arg(short = 'p')]
    not_promiscuous: bool,
    /// Only packets of this direction.
    #[arg(short = 'Q', value_name = "DIRECTION", default_value = "inout")]
    direction: Way,
    /// Buffer for so many KiB.
    #[arg(short = 'B', value_name = "KIB", default_value_t = 8192, value_parser = clap::value_parser!(u32).range(1..=2_097_151))]
    buffer_kib: u32,
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Way {
    In,
    Out,
    Inout,
}

const EXAMPLES: &str = "Examples:
  rawsock capture -i eth0 -w trace.pcapng
  rawsock capture -i any -e -c 10 icmp or arp
  rawsock capture -i eth0 'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not src net 10.0.0.0/8'
  rawsock capture -i eth0 -Y 'icmp.type == 11 or tcp.checksum.status == Bad' -w trace.pcapng
  rawsock capture -i eth0 -w - | wireshark -k -i -

The filter behind the options runs in the kernel, before a packet is copied; `-Y` looks at what came through, and decides what
is shown and saved.

Ctrl-C ends the capture in order: what the kernel still holds is read, counted and saved.";

/// Runs the command.
///
/// # Errors
/// When the interface cannot be opened, or the file not be written.
pub(super) fn run(args: &CaptureArgs) -> CommandResult {
    if args.list_interfaces {
        return interfaces::run(&interfaces::InterfacesArgs::default());
    }
    let names = args.interface.iter().map(|name| Some(name.as_str()));
    let names: Vec<_> = if args.interface.is_empty() { vec![None] } else { names.collect() };
    let devices = names.into_iter().map(Device::find).collect::<Result<Vec<_>, _>>()?;
    let snap_len = if args.snap_len == 0 { MAX_SNAP_LEN } else { args.snap_len.min(MAX_SNAP_LEN) };
    let filter = args.filter.text(&args.expression)?;
    if let (true, Some(device)) = (args.filter.wants_dump(), devices.first()) {
        args.filter.dump(&device.filter(&filter, snap_len)?)?;
        return Ok(Outcome::Done);
    }
    let interrupt = Interrupt::catch()?;
    let ring = RingOptions {
        buffer_len: (args.buffer_kib as usize).saturating_mul(1024),
        snap_len,
        promiscuous: !args.not_promiscuous,
        ..RingOptions::default()
    };
    let opening = Opening { filter, ring };
    let mut session = session(args, devices, opening)?;
    session.describe()?;
    for tap in &session.taps {
        anstream::eprintln!(
            "listening on {}, link type {}, at most {snap_len} octets of each packet",
            printable(&tap.device.name),
            tap.device.link_type().0,
        );
    }
    session.listen(&interrupt)?;
    session.end()?;
    Ok(Outcome::Done)
}

/// Opens the devices and the file.
fn session(args: &CaptureArgs, devices: Vec<Device>, opening: Opening) -> Result<Session, Box<dyn Error>> {
    // A mistake in it is told before a file is begun.
    let display_filter = args.display_filter.compile()?;
    let several = devices.len() > 1 || devices.iter().any(|device| device.source == Source::Any);
    // Listening begins before anything is said, so that whoever waits for the word misses nothing.
    let monitor = LinkMonitor::open()?;
    let open = |device| Tap::open(device, &opening);
    let taps = devices.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let is_silent =
        args.files.is_stdout() || args.files.write.is_some() && !args.output.prints_beside_a_file();
    let mut printer = Printer::new(&args.output.clone().silent_if(is_silent));
    printer.name_interfaces(several);
    let links = Netlink::open()?.links()?;
    let sink = Sink {
        printer,
        files: Files::create(&args.files)?,
        display_filter,
        seen: 0,
        direction: args.direction,
        names: links.into_iter().map(|link| (link.index, link.name)).collect(),
        left: args.count.unwrap_or(u64::MAX),
        taken: 0,
        failure: None,
    };
    Ok(Session { taps, monitor, opening, sink, limits: Limits::new(&args.autostop), started: clock::wall() })
}

//! `rawsock capture`: what passes an interface, to the screen and to a file.

use std::collections::HashMap;
use std::error::Error;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::capture_file::live_options;
use super::filter_argument::FilterArgs;
use super::packet_output::{PacketOutputArgs, Printer};
use super::system_names::SystemNames;
use super::{CommandResult, Outcome, interfaces};
use crate::file::{CaptureWriter, Counts, Interface, WriteError};
use crate::filter::capture::{CaptureFilter, Target};
use crate::show::text::printable;
use crate::sys::clock;
use crate::sys::interrupt::Interrupt;
use crate::sys::netlink::{Netlink, NetlinkError};
use crate::sys::packet_socket::{Statistics, link_type_of};
use crate::sys::poll;
use crate::sys::ring::{MAX_SNAP_LEN, Ring, RingOptions, Source};
use crate::wire::bpf::Instruction;
use crate::wire::frame::{Direction, Frame, LinkType};

/// Capture packets: show them as they pass, and save them for Wireshark.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CaptureArgs {
    /// The interface, or `any` for all; left out, the first that is up and no loopback.
    #[arg(short, value_name = "INTERFACE")]
    interface: Option<String>,
    /// Stop after so many packets.
    #[arg(short, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Keep at most so many octets of each packet; 0 for all.
    #[arg(short, value_name = "OCTETS", default_value_t = 0)]
    snap_len: u32,
    /// Save into this file: pcap where its name ends so, else pcapng, packed where it ends in .gz or .lz4; - for stdout,
    /// which implies -q.
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Write each packet into the file at once.
    #[arg(short = 'U')]
    unbuffered: bool,
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
    /// Only packets that this takes: `host 10.0.0.1 and tcp port 80`, as in tcpdump (pcap-filter(7)).
    #[arg(value_name = "FILTER")]
    expression: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Way {
    In,
    Out,
    Inout,
}

const EXAMPLES: &str = "Examples:
  rawsock capture -i eth0 -w trace.pcapng
  rawsock capture -i any -e -c 10 icmp or arp
  rawsock capture -i eth0 'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not src net 10.0.0.0/8'
  rawsock capture -i eth0 -w - | wireshark -k -i -

Ctrl-C ends the capture in order: what the kernel still holds is read, counted and saved.";

/// Runs the command.
///
/// # Errors
/// When the interface cannot be opened, or the file not be written.
pub(super) fn run(args: &CaptureArgs) -> CommandResult {
    if args.list_interfaces {
        return interfaces::run(&interfaces::InterfacesArgs::default());
    }
    let device = Device::find(args.interface.as_deref())?;
    let snap_len = if args.snap_len == 0 { MAX_SNAP_LEN } else { args.snap_len.min(MAX_SNAP_LEN) };
    let text = args.filter.text(&args.expression)?;
    let filter = device.filter(&text, snap_len)?;
    if args.filter.dump(&filter)? {
        return Ok(Outcome::Done);
    }
    let interrupt = Interrupt::catch()?;
    let in_kernel = device.program(&filter);
    let options = RingOptions {
        filter: in_kernel.clone(),
        buffer_len: (args.buffer_kib as usize).saturating_mul(1024),
        snap_len,
        promiscuous: !args.not_promiscuous,
        ..RingOptions::default()
    };
    let mut ring = Ring::open(device.source, &options)?;
    let started = clock::wall();
    let to_stdout = args.write.as_deref() == Some(Path::new("-"));
    let mut capture = Capture {
        printer: Printer::new(&args.output.clone().silent_if(to_stdout)),
        writer: writer(args, &device, snap_len, &text)?,
        names: device.names,
        filter: in_kernel.is_none().then(|| filter.clone()),
        direction: args.direction,
        left: args.count.unwrap_or(u64::MAX),
        captured: 0,
        failure: None,
    };
    anstream::eprintln!(
        "listening on {}, link type {}, at most {snap_len} octets of each packet",
        printable(&device.name),
        ring.link_type().0
    );
    capture.printer.name_interfaces(device.source == Source::Any);
    let gone = capture.listen(&mut ring, &interrupt, &device.name)?;
    ring.finish(&mut |frame| capture.packet(frame))?;
    capture.end(&mut ring, started)?;
    Ok(if gone { Outcome::Failed } else { Outcome::Done })
}

/// What is captured from.
struct Device {
    name: String,
    source: Source,
    /// The names of all interfaces by their index.
    names: HashMap<u32, String>,
}

impl Device {
    fn link_type(&self) -> LinkType {
        match self.source {
            Source::Interface(_, link_type) => link_type,
            Source::Any => LinkType::LINUX_SLL2,
        }
    }

    /// A filter for what this device gives.
    fn filter(&self, text: &str, snap_len: u32) -> Result<CaptureFilter, Box<dyn Error>> {
        let link_type = self.link_type();
        let netmask = self.netmask()?;
        let target = Target { link_type, is_live: true, netmask, snap_len, names: &SystemNames };
        let filter = CaptureFilter::compile(text, &target)?;
        if filter.matches_nothing() {
            return Err(format!(
                "`{text}` takes no packet of link type {}, so that nothing would ever come",
                link_type.0
            )
            .into());
        }
        Ok(filter)
    }

    /// The mask of the interface's first IPv4 network.
    fn netmask(&self) -> Result<Option<u32>, NetlinkError> {
        let Source::Interface(index, _) = self.source else { return Ok(None) };
        let addresses = Netlink::open()?.addresses()?;
        let first = addresses.iter().find(|address| address.index == index && address.address.is_ipv4());
        Ok(first.map(|first| {
            u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(first.prefix_bits))).unwrap_or(0)
        }))
    }

    /// The program for the kernel; `None` when only we can run it.
    fn program(&self, filter: &CaptureFilter) -> Option<Vec<Instruction>> {
        match self.source {
            Source::Interface(..) => Some(filter.program().to_vec()),
            Source::Any => filter.program_for_cooked_socket(),
        }
    }

    fn find(name: Option<&str>) -> Result<Self, Box<dyn Error>> {
        let mut netlink = Netlink::open()?;
        let links = netlink.links()?;
        let names = links.iter().map(|link| (link.index, link.name.clone())).collect();
        if name == Some("any") {
            return Ok(Self { name: "any".to_owned(), source: Source::Any, names });
        }
        let link = match name {
            Some(name) => netlink.link(name)?,
            None => links
                .into_iter()
                .find(|link| link.is_up() && !link.is_loopback())
                .ok_or("no interface is up but loopback: name one with `-i`, such as `-i lo`")?,
        };
        let link_type = link_type_of(link.hardware).ok_or_else(|| {
            let (name, number) = (&link.name, link.hardware);
            format!("interface {name} is of a kind (ARPHRD {number}) whose frames are not known here; `-i any` captures its packets")
        })?;
        if !link.is_up() {
            return Err(format!(
                "interface {name} is down; `ip link set {name} up` brings it up",
                name = link.name
            )
            .into());
        }
        Ok(Self { name: link.name, source: Source::Interface(link.index, link_type), names })
    }
}

fn writer(
    args: &CaptureArgs,
    device: &Device,
    snap_len: u32,
    filter: &str,
) -> Result<Option<CaptureWriter>, WriteError> {
    let Some(path) = &args.write else { return Ok(None) };
    let mut options = live_options();
    options.flush_each = args.unbuffered;
    let mut writer = CaptureWriter::create(path, options)?;
    let name = Some(device.name.clone());
    let filter = Some(filter.to_owned()).filter(|filter| !filter.is_empty());
    writer.add_interface(&Interface { name, snap_len, filter, ..Interface::of(device.link_type()) })?;
    Ok(Some(writer))
}

/// Packets on their way to the screen and to the file.
struct Capture {
    printer: Printer,
    writer: Option<CaptureWriter>,
    names: HashMap<u32, String>,
    /// What the kernel cannot filter by is filtered here.
    filter: Option<CaptureFilter>,
    direction: Way,
    /// Packets that are still wanted.
    left: u64,
    captured: u64,
    /// Why there is no going on.
    failure: Option<Box<dyn Error>>,
}

impl Capture {
    /// Takes packets until enough have come, a signal ends it, or nothing more can be written. Returns whether the interface
    /// is gone.
    fn listen(&mut self, ring: &mut Ring, interrupt: &Interrupt, name: &str) -> Result<bool, Box<dyn Error>> {
        while self.left > 0 && self.failure.is_none() && !interrupt.came() {
            let ready = poll::wait(&[ring.as_fd(), interrupt.as_fd()], &[], None)?;
            ring.receive(&mut |frame| self.packet(frame));
            self.settle();
            if ready.first().is_some_and(|ready| ready.error)
                && let Some(error) = ring.take_error()
            {
                let is_there = Netlink::open()?.link(name).is_ok();
                let what = if is_there { "goes on when it is back" } else { "it is gone" };
                anstream::eprintln!("rawsock: {}: {error}; {what}", printable(name));
                if !is_there {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Shows what has come to the user, and to whoever reads the file.
    fn settle(&mut self) {
        let printed = self.printer.finish();
        let saved = self.writer.as_mut().map_or(Ok(()), CaptureWriter::flush);
        if self.failure.is_none() {
            self.failure = printed.err().map(Into::into).or(saved.err().map(Into::into));
        }
    }

    fn packet(&mut self, frame: &Frame<'_>) {
        let is_wanted = match self.direction {
            Way::Inout => true,
            Way::In => frame.direction == Direction::Inbound,
            Way::Out => frame.direction == Direction::Outbound,
        };
        let is_filtered = self.filter.as_ref().is_some_and(|filter| !filter.matches(frame));
        if !is_wanted || is_filtered || self.left == 0 || self.failure.is_some() {
            return;
        }
        if let Err(error) = self.take(frame) {
            self.failure = Some(error);
        }
    }

    fn take(&mut self, frame: &Frame<'_>) -> Result<(), Box<dyn Error>> {
        let number = self.captured.saturating_add(1);
        // In the file there is one interface, whichever the packet came by.
        if let Some(writer) = &mut self.writer {
            writer.write(&Frame { interface: 0, ..*frame })?;
        }
        self.captured = number;
        self.left = self.left.saturating_sub(1);
        let name = self.names.get(&frame.interface).map(String::as_str);
        let is_read = self.printer.packet(number, frame, name)?;
        if !is_read && self.writer.is_none() {
            // Nobody looks any more, and nothing is saved.
            self.left = 0;
        }
        Ok(())
    }

    /// Ends the file, and says what was counted.
    fn end(mut self, ring: &mut Ring, started: i64) -> Result<(), Box<dyn Error>> {
        self.settle();
        let Statistics { packets, dropped } = ring.statistics()?;
        if let (Some(mut writer), None) = (self.writer.take(), &self.failure) {
            let counts = Counts {
                start: Some(started),
                end: Some(clock::wall()),
                accepted: Some(packets),
                dropped_by_system: Some(dropped),
                delivered: Some(self.captured),
                ..Counts::default()
            };
            let ended = writer.write_counts(0, &counts).and_then(|()| writer.finish());
            self.failure = ended.err().map(Into::into);
        }
        // What is not in the file was not captured, whatever was seen.
        if let Some(WriteError::Write { packets, .. }) =
            self.failure.as_ref().and_then(|failure| failure.downcast_ref())
        {
            self.captured = *packets;
        }
        anstream::eprintln!("{} packets captured", self.captured);
        anstream::eprintln!("{packets} packets received by filter");
        anstream::eprintln!("{dropped} packets dropped by kernel");
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }
}

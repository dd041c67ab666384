//! `rawsock extcap`: how Wireshark captures through this program (extcap(4)). Wireshark runs what stands in its extcap folder
//! to ask for interfaces and to capture into a FIFO; there a link of the name `rawsock-extcap` leads here.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::Path;

use clap::{Args, FromArgMatches};

use super::capture::{self, CaptureArgs};
use super::capture_device::Device;
use super::{CommandResult, Outcome, output};
use crate::file::WriteError;
use crate::sys::netlink::Netlink;
use crate::sys::ring::MAX_SNAP_LEN;
use crate::wire::frame::LinkType;

/// What Wireshark asks.
#[derive(Debug, Args)]
#[command(hide = true)]
pub(super) struct ExtcapArgs {
    /// List the interfaces.
    #[arg(long)]
    extcap_interfaces: bool,
    /// The version of Wireshark that asks.
    #[arg(long, value_name = "VERSION", num_args = 0..=1)]
    extcap_version: Option<Option<String>>,
    /// The interface that is meant.
    #[arg(long, value_name = "INTERFACE")]
    extcap_interface: Option<String>,
    /// List the interface's link types.
    #[arg(long)]
    extcap_dlts: bool,
    /// List the interface's options.
    #[arg(long)]
    extcap_config: bool,
    /// Capture.
    #[arg(long, requires_all = ["fifo", "extcap_interface"])]
    capture: bool,
    /// Where the packets go.
    #[arg(long, value_name = "FILE")]
    fifo: Option<String>,
    /// The capture filter; without --capture it is only checked.
    #[arg(long, value_name = "FILTER")]
    extcap_capture_filter: Option<String>,
    /// Octets of each packet.
    #[arg(long, value_name = "OCTETS", default_value_t = 0)]
    snap_len: u32,
    /// Only what is for this host.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "false")]
    not_promiscuous: String,
}

/// The name by which Wireshark runs this program.
pub(super) const PROGRAM: &str = "rawsock-extcap";
/// Before the name of each interface: Wireshark lists its own of the same name.
const PREFIX: &str = "rawsock-";

/// The arguments as they are meant: those of a program called `rawsock-extcap` are of this command.
pub(super) fn arguments(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let name = arguments.first().map(Path::new).and_then(Path::file_name);
    if name == Some(OsStr::new(PROGRAM)) {
        arguments.insert(1, OsString::from("extcap"));
    }
    arguments
}

/// Answers a question, or captures.
///
/// # Errors
/// As of `capture`.
pub(super) fn run(args: &ExtcapArgs) -> CommandResult {
    let name = args.extcap_interface.as_deref().map(|name| name.strip_prefix(PREFIX).unwrap_or(name));
    match name {
        Some(name) if args.capture => capture(args, name),
        Some(name) if args.extcap_dlts => Ok(print(&link_type(&Device::find(Some(name))?))?),
        Some(_) if args.extcap_config => Ok(print(OPTIONS)?),
        Some(name) => check_filter(args, name),
        None => Ok(print(&interfaces()?)?),
    }
}

fn print(text: &str) -> std::io::Result<Outcome> {
    output::print(text)?;
    Ok(Outcome::Done)
}

/// Names are what Linux lets an interface be called, braces included: those would end the value.
fn interfaces() -> Result<String, Box<dyn std::error::Error>> {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!("extcap {{version={version}}}{{help=https://docs.rs/rawsock}}\n");
    let links = Netlink::open()?.links()?;
    let names = links.iter().filter(|link| link.is_up()).map(|link| link.name.as_str()).chain(["any"]);
    for name in names.filter(|name| !name.contains(['{', '}'])) {
        let _ = writeln!(text, "interface {{value={PREFIX}{name}}}{{display=rawsock: {name}}}");
    }
    Ok(text)
}

fn link_type(device: &Device) -> String {
    let link_type = device.link_type();
    let (name, display) = match link_type {
        LinkType::ETHERNET => ("EN10MB", "Ethernet"),
        LinkType::LINUX_SLL2 => ("LINUX_SLL2", "Linux cooked v2"),
        _ => ("RAW", "Raw IP"),
    };
    format!("dlt {{number={}}}{{name={name}}}{{display={display}}}\n", link_type.0)
}

const OPTIONS: &str = "\
arg {number=0}{call=--snap-len}{display=Octets of each packet}{tooltip=0 for all}{type=integer}{range=0,262144}{default=0}
arg {number=1}{call=--not-promiscuous}{display=Only what is for this host}{type=boolean}{default=false}
";

/// Wireshark shows what is printed as what is wrong with the filter.
fn check_filter(args: &ExtcapArgs, name: &str) -> CommandResult {
    let Some(filter) = &args.extcap_capture_filter else { return Ok(Outcome::Done) };
    if let Err(error) = Device::find(Some(name))?.filter(filter, MAX_SNAP_LEN) {
        output::print(&format!("{error}\n"))?;
        return Ok(Outcome::Failed);
    }
    Ok(Outcome::Done)
}

/// The same as `rawsock capture -q -i INTERFACE -w FIFO FILTER`, but for what is on stderr: Wireshark takes all of that for an error
/// (`extcap.c` in Wireshark shows it when the capture ends).
fn capture(args: &ExtcapArgs, name: &str) -> CommandResult {
    let snap_len = args.snap_len.to_string();
    let mut words = vec!["capture", "-q", "-i", name, "-s", &snap_len];
    words.extend(args.fifo.as_deref().into_iter().flat_map(|fifo| ["-w", fifo]));
    if args.not_promiscuous == "true" {
        words.push("-p");
    }
    words.push("--");
    words.extend(args.extcap_capture_filter.as_deref());
    let described = CaptureArgs::augment_args(clap::Command::new("rawsock capture"));
    let mut matches = described.try_get_matches_from(words)?;
    let captured = capture::run(&CaptureArgs::from_arg_matches_mut(&mut matches)?.without_remarks());
    match captured {
        // As it is when somebody stops the capture: Wireshark closes the FIFO.
        Err(error) if error.downcast_ref().is_some_and(WriteError::is_reader_gone) => Ok(Outcome::Done),
        captured => captured,
    }
}

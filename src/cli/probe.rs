//! `rawsock probe`: is a port open, asked by plain sockets, by hand-built packets, or by both side by side.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::probe_session::{Session, check_target};
use super::probe_target::{self, Target, octets};
use super::sandbox::{Plan, SandboxArgs};
use super::{CommandResult, duration, probe_bisect, probe_compare, probe_scan};
use crate::sys::sandbox::Doing;

/// Ask whether ports are open: by plain sockets (connect(), send() and recv()), by hand-built packets (`--raw`), or by both in turn
/// (`--compare`), which tells why answers differ.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ProbeArgs {
    /// How to ask.
    #[arg(value_name = "tcp|udp")]
    pub(super) transport: Kind,
    /// Whom to ask: hosts with ports, `server:80,https,8000-8010`; IPv6 addresses in brackets, `[::1]:80`. One may be two words,
    /// `server 80`.
    #[arg(required_unless_present = "targets", value_name = "HOST:PORTS")]
    pub(super) end_points: Vec<String>,
    /// Ask those in this file, too, one a line; `#` begins a remark, `-` is stdin. Lines that cannot be read are told, and the others asked.
    #[arg(long, value_name = "FILE")]
    pub(super) targets: Option<PathBuf>,
    /// Ask nobody when a line of `--targets` cannot be read.
    #[arg(long, requires = "targets")]
    pub(super) strict: bool,
    /// Ask by hand-built packets: SYNs that look like this kernel's own, or datagrams. It takes CAP_NET_RAW.
    #[arg(short = 'R', long)]
    pub(super) raw: bool,
    /// Ask in turn by connect(), by hand-built SYNs in the kernel's shape and in another one, and by ICMP echo; show the answers side by
    /// side, and why they differ.
    #[arg(long, conflicts_with_all = ["raw", "bisect"])]
    pub(super) compare: bool,
    /// Where the kernel's SYN and another one get different answers, find the option or field that makes the difference.
    #[arg(long, conflicts_with = "raw")]
    pub(super) bisect: bool,
    /// The shape of SYNs: `kernel`, `minimal` (no options), or an expression or a spec file, `tcp(flags=S, options=[{mss=1400}])`. With
    /// --compare and --bisect, the other shape [default: kernel; the other one: minimal].
    #[arg(long, value_name = "SHAPE")]
    pub(super) syn: Option<String>,
    /// IPv4 only.
    #[arg(short = '4', conflicts_with = "ipv6")]
    pub(super) ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6')]
    pub(super) ipv6: bool,
    /// Ask each so many times [default: 1; with --compare 3].
    #[arg(short, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
    /// Wait so long between two probes of the same port: seconds, or with a unit [default: 1; with --compare 0.2].
    #[arg(short, value_name = "INTERVAL", value_parser = duration::parse)]
    pub(super) interval: Option<Duration>,
    /// Wait so long for an answer: seconds, or with a unit [default: 2; with --compare and --bisect 1].
    #[arg(short = 'W', value_name = "TIMEOUT", value_parser = duration::parse_some)]
    pub(super) timeout: Option<Duration>,
    /// Send from this address.
    #[arg(short = 'I', value_name = "ADDRESS")]
    pub(super) source: Option<IpAddr>,
    /// What a UDP probe carries: text with \n, \r, \t, \0 and \xHH, or octets as `hex:0102` [default: what the port's service
    /// answers: DNS, NTP, SNMP, STUN and others].
    #[arg(long, value_name = "OCTETS", value_parser = octets)]
    pub(super) payload: Option<probe_target::Octets>,
    /// Send this over a connection that is accepted: octets as for --payload.
    #[arg(long, value_name = "OCTETS", value_parser = octets, conflicts_with_all = ["raw", "compare", "bisect"])]
    pub(super) send: Option<probe_target::Octets>,
    /// Expect this within the first octets that the other side says; else the exit code is 1.
    #[arg(long, value_name = "OCTETS", value_parser = octets, conflicts_with_all = ["raw", "compare", "bisect"])]
    pub(super) expect_bytes: Option<probe_target::Octets>,
    /// With --compare, connect() also as the user with this number, for rules that look at users [default: who called sudo].
    #[arg(long, value_name = "UID", requires = "compare")]
    pub(super) user: Option<u32>,
    /// So many probes at once [default: 200; with --raw 1000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(super) at_once: Option<u16>,
    /// Save what was sent and received, as it passed the interface: pcap where the name ends so, else pcapng, with what became of each
    /// probe as its comment, and what all came to beside the last packet; - is stdout, and what is printed goes to stderr.
    #[arg(short, long, value_name = "FILE")]
    pub(super) write: Option<PathBuf>,
    /// Print the summary only.
    #[arg(short)]
    pub(super) quiet: bool,
    /// Tell whose stamps times are, what TCP negotiated, and each shape that was tried.
    #[arg(short, long)]
    pub(super) verbose: bool,
    /// Tell where the time went: from the call to the driver, on the wire, from the kernel to the program.
    #[arg(long)]
    pub(super) anatomy: bool,
    /// Print one JSON object a line.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) sandbox: SandboxArgs,
}

const EXAMPLES: &str = "\
Examples:
  rawsock probe tcp example.org:80,443           # connect(), without any right
  rawsock probe tcp mail.example:25 --expect-bytes 220
  rawsock probe udp 192.0.2.53:53,123,161        # each service is asked in its own words
  sudo rawsock probe tcp --raw 192.0.2.1:1-1024  # SYNs as this kernel sends them
  sudo rawsock probe tcp --raw --syn minimal 192.0.2.1:80
  sudo rawsock probe tcp --compare 192.0.2.1:443 # why does one work and the other not?
  sudo rawsock probe tcp --bisect 192.0.2.1:443  # which option does the filter look at?
  rawsock lab -- rawsock probe tcp --compare server:7 -w run.pcapng

Exit code: 0 a port is open (--compare: all ways are answered alike; --bisect: the difference has a name), 1 none is (they are not;
it has none), 2 it could not be tried.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    Tcp,
    Udp,
}

impl ProbeArgs {
    /// Whether hand-built packets are sent.
    pub(super) fn is_by_hand(&self) -> bool {
        self.raw || self.compare || self.bisect
    }

    /// As many at once as are wanted.
    pub(super) fn most_at_once(&self) -> u16 {
        self.at_once.unwrap_or(if self.raw { 1000 } else { 200 })
    }
}

/// What asking does from then on: what takes a right is open.
fn kept(args: &ProbeArgs, has_names: bool) -> Plan {
    Plan::default()
        .does(&[Doing::Connect, Doing::Traffic, Doing::Netlink, Doing::Threads])
        // For those who open sockets of other users.
        .does_if(args.compare, Doing::Wait)
        .asks_for_names(has_names)
}

/// Runs the command.
///
/// # Errors
/// When an end point cannot be read, no host can be asked, or a right is missing.
pub(super) fn run(args: &ProbeArgs) -> CommandResult {
    if args.transport == Kind::Udp {
        for (given, name) in [
            (args.compare, "--compare"),
            (args.bisect, "--bisect"),
            (args.syn.is_some(), "--syn"),
            (args.send.is_some(), "--send"),
            (args.expect_bytes.is_some(), "--expect-bytes"),
        ] {
            if given {
                return Err(format!("{name} is for tcp").into());
            }
        }
    } else if args.payload.is_some() {
        return Err("--payload is for udp; --send sends over a connection of tcp".into());
    }
    if args.syn.is_some() && !args.is_by_hand() {
        return Err("--syn is for hand-built SYNs: add --raw, --compare or --bisect".into());
    }
    let (asked, is_any_wrong) = probe_target::read(args)?;
    let session = Session::open(args)?;
    for Target { host, ports } in &asked {
        check_target(session.shape.as_ref(), host, host.parse().ok(), ports)?;
    }
    kept(args, asked.iter().any(|target| target.host.parse::<IpAddr>().is_err()))
        .enter(args.sandbox, args.verbose)?;
    let outcome = match (args.compare, args.bisect) {
        (true, _) => probe_compare::run(args, asked, session),
        (_, true) => probe_bisect::run(args, asked, session),
        _ => probe_scan::run(args, asked, session),
    }?;
    // What is wrong with a line was said already.
    Ok(if is_any_wrong { super::Outcome::Failed } else { outcome })
}

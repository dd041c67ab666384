//! The arguments of `rawsock trace`, with the letters of `traceroute`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::duration;
use super::sandbox::SandboxArgs;
use super::seldom::{Seldom, SeldomArgs};
use super::trace::nanos;
use crate::exchange::trace::Patience;

/// Find the way to a host: who is on it, how far away, and what becomes of packets there.
///
/// All probes are of one flow (Paris), so that routers which share load over several ways send them all the same way. What a hop
/// quotes is compared with what was sent: the first hop at which a field is another one is named.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TraceArgs {
    /// A name or an address.
    #[arg(value_name = "HOST")]
    pub(super) host: String,
    /// Octets of a packet, IP header included, at most what the first link takes [default: the IP header and 40 more].
    #[arg(value_name = "PACKETLEN", value_parser = clap::value_parser!(u32).range(..=65_535))]
    pub(super) packet_len: Option<u32>,
    /// IPv4 only.
    #[arg(short = '4', conflicts_with = "ipv6")]
    pub(super) ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6')]
    pub(super) ipv6: bool,
    /// Probe with ICMP echo requests.
    #[arg(short = 'I', long, group = "method")]
    pub(super) icmp: bool,
    /// Probe with UDP, which is what is done when nothing is said.
    #[arg(short = 'U', long, group = "method")]
    pub(super) udp: bool,
    /// Probe with TCP SYNs.
    #[arg(short = 'T', long, group = "method")]
    pub(super) tcp: bool,
    /// Destination port, the same in all probes [default: 33434 for UDP, 80 for TCP].
    #[arg(short, long, value_name = "PORT", conflicts_with = "icmp", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: Option<u16>,
    /// Begin with this hop.
    #[arg(short, long, value_name = "HOP", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    pub(super) first: u8,
    /// Go no farther than this hop.
    #[arg(short, long, value_name = "HOP", default_value_t = 30, value_parser = clap::value_parser!(u8).range(1..))]
    pub(super) max_hops: u8,
    /// Probes for each hop.
    #[arg(short, long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub(super) queries: u8,
    /// Print addresses only, which is what is done when nothing is said.
    #[arg(short = 'n', conflicts_with = "resolve")]
    pub(super) numeric: bool,
    /// Print the names of hosts too. A line waits for them for a second at most, and nothing else does.
    #[arg(long)]
    pub(super) resolve: bool,
    /// Print one JSON object a line.
    #[arg(long)]
    pub(super) json: bool,
    /// Say what the process gave up before it reads answers.
    #[arg(short, long)]
    pub(super) verbose: bool,
    #[command(flatten)]
    pub(super) sandbox: SandboxArgs,
    #[command(flatten)]
    pub(super) seldom: Seldom<SeldomTraceArgs>,
}

/// What few runs need.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct SeldomTraceArgs {
    /// Use plain sockets, as any program may: datagrams, or with -T attempts to connect, which go only so many hops, and the errors that the
    /// kernel tells of. It needs no right. What hops quote is not seen; each attempt has a source port of its own, and may go
    /// another way.
    #[arg(long, conflicts_with_all = ["icmp", "paths", "mtu", "write", "dont_fragment"])]
    pub(super) plain: bool,
    /// Source port, or the identifier of echo requests [default: one that is free].
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) sport: Option<u16>,
    /// Do not let routers cut packets into fragments: one that is too large for a way ends there, and the MTU is told (`!F-1400`).
    #[arg(short = 'F', long)]
    pub(super) dont_fragment: bool,
    /// Probes that may be without answer at a time [default: 16].
    #[arg(short = 'N', long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) sim_queries: Option<u16>,
    /// Wait so long between two probes: seconds, or with a unit (`20ms`); a number above 10 alone is of milliseconds, as with traceroute.
    #[arg(short = 'z', long, value_name = "TIME", default_value = "0", value_parser = pause)]
    pub(super) sendwait: Duration,
    /// Wait no longer than MAX for an answer, nor than HERE times what the same hop took, nor than NEAR times what a farther hop
    /// took; HERE or NEAR of 0 is no such limit.
    #[arg(long, value_name = "MAX[,HERE,NEAR]", default_value = "5,3,10", value_parser = patience)]
    pub(super) wait: Patience,
    /// Send from this address.
    #[arg(short, long, value_name = "ADDRESS")]
    pub(super) source: Option<IpAddr>,
    /// Use this interface.
    #[arg(short, long, value_name = "INTERFACE")]
    pub(super) interface: Option<String>,
    /// Type of service or traffic class: DSCP and ECN in one octet, decimal or 0x...
    #[arg(short, long, value_name = "TOS", default_value = "0", value_parser = super::ping_args::octet)]
    pub(super) tos: u8,
    /// Find all ways there are to the host, by as many flows as it takes, and draw them. Flows differ in their source port, in the
    /// checksum of echo requests, and in IPv6's flow label.
    #[arg(long)]
    pub(super) paths: bool,
    /// With --paths: no more flows than this [default: 128].
    #[arg(long, value_name = "COUNT", requires = "paths", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) flows: Option<u16>,
    /// Find the path MTU, and the hop behind which the way becomes narrower: told by a router, or found where packets that are too
    /// large vanish. PACKETLEN is the largest packet to try [default: what the first link takes].
    #[arg(long, conflicts_with_all = ["tcp", "paths"])]
    pub(super) mtu: bool,
    /// Go the way so many times, one probe to each hop at a time, and print a report: loss, times with their spread and quantiles,
    /// and whether a hop of which answers are missing loses packets or limits its answers.
    #[arg(short, long, value_name = "ROUNDS", conflicts_with_all = ["paths", "mtu"], value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
    /// Show that while it goes on, until q is pressed.
    #[arg(long, conflicts_with_all = ["paths", "mtu", "json"])]
    pub(super) watch: bool,
    /// With -c and --watch: the time between rounds, 200ms or more [default: 1].
    #[arg(long, value_name = "TIME", value_parser = interval)]
    pub(super) interval: Option<Duration>,
    /// Save what was sent and received, as it passed the interface: pcap where the name ends so, else pcapng, with what came of each
    /// probe as its comment; - is stdout, and what is printed goes to stderr.
    #[arg(short, long, value_name = "FILE")]
    pub(super) write: Option<PathBuf>,
}

impl SeldomArgs for SeldomTraceArgs {
    const FLAG: &str = "plain";
}

const EXAMPLES: &str = "\
Examples:
  sudo rawsock trace example.org                 # by UDP, as traceroute
  sudo rawsock trace -T -p 443 example.org       # by TCP SYNs to the port that you want to reach
  sudo rawsock trace -t 0xb8 example.org         # marked EF: who takes the mark away?
  sudo rawsock trace -F example.org 1500         # where does a packet of this size no longer pass?
  rawsock trace --plain -T -p 443 example.org    # by connect(), without any right
  sudo rawsock trace --paths example.org         # all ways that routers share load over
  sudo rawsock trace --mtu example.org           # how large may packets be, and who says so?
  sudo rawsock trace -c 20 example.org           # loss and times of twenty rounds, as mtr -r
  sudo rawsock trace --watch example.org         # the same, live
  sudo rawsock trace -I -q 1 -m 10 192.0.2.1     # one echo request a hop, ten hops at most
  rawsock lab -- rawsock trace -w way.pcapng server

Exit code: 0 the host was reached, 1 it was not, 2 it could not be tried.";

/// Reads `MAX`, or `MAX,HERE,NEAR`.
fn patience(text: &str) -> Result<Patience, String> {
    let wrong = || "takes a time, and perhaps two factors: 5, 800ms, or 5,3,10".to_owned();
    let mut parts = text.split(',');
    let longest = duration::parse_some(parts.next().unwrap_or_default());
    let longest = nanos(longest.map_err(|error| format!("MAX {error}"))?);
    let mut factor = |default: u64| match parts.next().map(str::parse::<f64>) {
        None => Ok(default),
        Some(Ok(factor)) if (0.0..=1_000_000.0).contains(&factor) => Ok((factor * 1000.0) as u64),
        Some(_) => Err(wrong()),
    };
    let Patience { here, near, .. } = Patience::default();
    let patience = Patience { longest, here: factor(here)?, near: factor(near)? };
    if parts.next().is_some() { Err(wrong()) } else { Ok(patience) }
}

/// Reads the time between rounds. More than five a second are a flood to whoever did not ask for it.
fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration::parse(text)?;
    if interval < Duration::from_millis(200) { Err("takes 200ms or more".to_owned()) } else { Ok(interval) }
}

/// Reads a pause.
fn pause(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(millis) if millis > 10.0 => duration::parse(&format!("{}", millis / 1000.0)),
        _ => duration::parse(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::engine::MILLISECOND;

    #[test]
    fn a_pause_is_of_seconds_or_of_milliseconds() {
        for (text, millis) in [("0", 0), ("0.5", 500), ("10", 10_000), ("11", 11), ("200", 200), ("20ms", 20)]
        {
            assert_eq!(pause(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert!(pause("soon").is_err() && pause("-1").is_err() && pause("inf").is_err());
    }

    #[test]
    fn patience_is_a_time_and_two_factors() {
        let usual = Patience::default();
        assert_eq!(patience("5,3,10"), Ok(usual));
        assert_eq!(patience("800ms"), Ok(Patience { longest: 800 * MILLISECOND, ..usual }));
        assert_eq!(patience("1,0,2.5"), Ok(Patience { longest: 1000 * MILLISECOND, here: 0, near: 2500 }));
        assert_eq!(patience("0"), Err("MAX takes a time longer than 0".to_owned()));
        assert!(patience("0,3,10").is_err() && patience("soon").is_err());
        assert!(patience("").is_err() && patience("1,2,3,4").is_err() && patience("1,-1").is_err());
        assert!(patience("1,x").is_err() && patience("1,2,inf").is_err());
    }
}

//! The arguments of `rawsock ping`, with the letters of `ping`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::duration;
use super::sandbox::SandboxArgs;
use super::seldom::{Seldom, SeldomArgs};
use crate::exchange::ping::expectation::{self, Expectation};
use crate::exchange::ping::query::AskedInterface;
use crate::sys::ip_socket::MtuDiscovery;

/// Send hand-built ICMP echo requests to hosts, and say what comes back.
///
/// Ctrl-\ (SIGQUIT) prints how far the run is.
#[derive(Debug, Args)]
pub(super) struct PingArgs {
    /// Hosts: names or addresses; networks (10.0.0.0/24) for all of their hosts.
    #[arg(required_unless_present = "targets", value_name = "HOST")]
    pub(super) hosts: Vec<String>,
    /// Ask the hosts of this file as well, one a line, from `#` on not; `-` is stdin.
    #[arg(long, value_name = "FILE")]
    pub(super) targets: Option<PathBuf>,
    /// IPv4 only.
    #[arg(short = '4', conflicts_with = "ipv6")]
    pub(super) ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6')]
    pub(super) ipv6: bool,
    /// Stop after so many requests to each host (with -w: replies).
    #[arg(short, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
    /// Wait so long between two requests to a host: seconds, or with a unit (`200ms`); 1 unless written.
    #[arg(short, value_name = "INTERVAL", value_parser = duration::parse)]
    pub(super) interval: Option<Duration>,
    /// Wait so long for a reply: seconds, or with a unit, 0 without an end; 10 unless written, 1 with networks, --targets and more than 16 hosts.
    #[arg(short = 'W', value_name = "TIMEOUT", value_parser = duration::parse)]
    pub(super) timeout: Option<Duration>,
    /// Octets of payload.
    #[arg(short, value_name = "SIZE", default_value_t = 56, value_parser = clap::value_parser!(u32).range(0..=65507))]
    pub(super) size: u32,
    /// Print addresses, not names.
    #[arg(short)]
    pub(super) numeric: bool,
    /// Print nothing but the summary.
    #[arg(short)]
    pub(super) quiet: bool,
    /// Print one JSON object a line.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) seldom: Seldom<SeldomPingArgs>,
}

/// What few runs need.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct SeldomPingArgs {
    /// Ask nobody when a line of the file is wrong.
    #[arg(long, requires = "targets")]
    pub(super) strict: bool,
    /// Send at most so many requests a second, to all hosts together.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) rate: Option<u32>,
    /// Flood: each request when one before is answered, a hundred a second at least; with -i, at that interval. Faster than
    /// five a second to a host that is not this one takes this.
    #[arg(short, long)]
    pub(super) flood: bool,
    /// Stop after so long, whatever is missing: seconds, or with a unit; 0 is no deadline.
    #[arg(short = 'w', value_name = "DEADLINE", value_parser = duration::parse)]
    pub(super) deadline: Option<Duration>,
    /// Use this interface, or send from this address.
    #[arg(short = 'I', value_name = "INTERFACE|ADDRESS")]
    pub(super) from: Option<String>,
    /// Say which kind of socket is used, by which way packets leave, and whose stamps tell each time.
    #[arg(short)]
    pub(super) verbose: bool,
    #[command(flatten)]
    pub(super) sandbox: SandboxArgs,
    /// Send as soon as the request before is answered, but no more than five a second: as fast as that goes is `-f -l1`.
    #[arg(short = 'A', conflicts_with = "flood")]
    pub(super) adaptive: bool,
    /// Send so many requests at once, and each further one in its time; of a flood, requests that may be under way: 16 unless written, 1
    /// with -A. More than three at once take --flood for a host that is not this one.
    #[arg(short = 'l', value_name = "N", value_parser = clap::value_parser!(u64).range(1..=65536))]
    pub(super) preload: Option<u64>,
    /// Time to live, or hop limit; 64 unless written, 1 to multicast addresses.
    #[arg(short, value_name = "TTL", value_parser = clap::value_parser!(u8).range(1..))]
    pub(super) ttl: Option<u8>,
    /// Type of service or traffic class: DSCP and ECN in one octet, decimal or 0x...
    #[arg(short = 'Q', value_name = "TOS", default_value = "0", value_parser = octet)]
    pub(super) tos: u8,
    /// Fill the payload with these octets again and again: up to 16, in hex. Forged replies are not known as such then.
    #[arg(short, value_name = "PATTERN", value_parser = pattern)]
    pub(super) pattern: Option<Pattern>,
    /// Have routers write their addresses into the header (record route).
    #[arg(short = 'R', conflicts_with_all = ["stamping", "ipv6"])]
    pub(super) record_route: bool,
    /// Have routers write their times into the header, or their addresses and times.
    #[arg(short = 'T', value_name = "WHAT", conflicts_with = "ipv6")]
    pub(super) stamping: Option<Stamping>,
    /// Use this identifier; with 0 by a raw socket alone.
    #[arg(short = 'e', value_name = "IDENTIFIER")]
    pub(super) ident: Option<u16>,
    /// Mark what is sent, for rules of routing and of the firewall of this host (takes CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17 on):
    /// decimal or 0x...
    #[arg(short, value_name = "MARK", value_parser = number)]
    pub(super) mark: Option<u32>,
    /// The flow label of IPv6: decimal or 0x...
    #[arg(short = 'F', value_name = "LABEL", value_parser = flow_label, conflicts_with = "ipv4")]
    pub(super) flow_label: Option<u32>,
    /// What becomes of requests that are larger than the path takes.
    #[arg(short = 'M', value_name = "DISCOVERY", default_value = "want")]
    pub(super) mtu: Mtu,
    /// Fields of the IP header, in place of those that it would have: `ttl=3, dsfield.dscp=46, options=[rr]`. The kernel writes the total
    /// length and the checksum of IPv4 always, and an identification of 0; `rawsock send --via link` sends every bit as written.
    #[arg(long, value_name = "FIELDS")]
    pub(super) ip: Option<String>,
    /// Send with a hand-built IP header (IP_HDRINCL), or not at all.
    #[arg(long)]
    pub(super) hdrincl: bool,
    /// Ask for the time instead: ICMP time stamp requests.
    #[arg(long, conflicts_with_all = ["probe", "ipv6", "size", "pattern"])]
    pub(super) icmp_timestamp: bool,
    /// Ask how an interface of the host is instead (RFC 8335): by name, index or address.
    #[arg(long, value_name = "INTERFACE", conflicts_with_all = ["size", "pattern"], value_parser = asked_interface)]
    pub(super) probe: Option<AskedInterface>,
    /// Ask a broadcast address: all hosts of a network.
    #[arg(short)]
    pub(super) broadcast: bool,
    /// Ring the terminal's bell at each reply.
    #[arg(short = 'a')]
    pub(super) audible: bool,
    /// Put a time stamp before each line.
    #[arg(short = 'D')]
    pub(super) stamp: bool,
    /// Say which requests are not answered when their time is over.
    #[arg(short = 'O')]
    pub(super) outstanding: bool,
    /// Tell where each round trip was spent, and what the same takes on this host's loopback interface.
    #[arg(long)]
    pub(super) anatomy: bool,
    /// Use the stamps of the network adapter where it has them (takes -I with an interface, and CAP_NET_ADMIN).
    #[arg(long, requires = "from")]
    pub(super) hwtstamp: bool,
    /// Exit with 1 unless the run comes to this: `loss<1% p99<5ms dup=0 damaged=0`.
    #[arg(long, value_name = "FIGURES", value_parser = expectations)]
    pub(super) expect: Option<Expectations>,
    /// Save what was sent and received, as it passed the interface: pcap where the name ends so, else pcapng; - is stdout, and
    /// what is printed goes to stderr.
    #[arg(long, value_name = "FILE")]
    pub(super) write: Option<PathBuf>,
}

impl SeldomArgs for SeldomPingArgs {
    const FLAG: &str = "audible";
}

/// Octets of a payload.
#[derive(Debug, Clone)]
pub(super) struct Pattern(pub(super) Vec<u8>);

fn pattern(text: &str) -> Result<Pattern, String> {
    match hex::decode(if text.len() % 2 == 1 { format!("0{text}") } else { text.to_owned() }) {
        Ok(octets) if (1..=16).contains(&octets.len()) => Ok(Pattern(octets)),
        Ok(_) => Err("takes 1 to 16 octets".to_owned()),
        Err(error) => Err(format!("takes octets in hex: {error}")),
    }
}

/// What a run is expected to come to.
#[derive(Debug, Clone)]
pub(super) struct Expectations(pub(super) Vec<Expectation>);

fn expectations(text: &str) -> Result<Expectations, String> {
    expectation::parse(text).map(Expectations).map_err(|error| error.to_string())
}

/// Which interface of another host is asked about.
fn asked_interface(text: &str) -> Result<AskedInterface, String> {
    if let Ok(index) = text.parse() {
        return Ok(AskedInterface::Index(index));
    }
    if let Ok(address) = text.parse() {
        return Ok(AskedInterface::Address(address));
    }
    match text.len() {
        1..=15 => Ok(AskedInterface::Name(text.to_owned())),
        _ => Err("takes an interface's name of up to 15 octets, its index or an address of it".to_owned()),
    }
}

/// `-T`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Stamping {
    /// Times only.
    Tsonly,
    /// Addresses and times.
    Tsandaddr,
}

/// `-M`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Mtu {
    /// They do not leave, and routers may not cut the others.
    Do,
    /// They are cut before they leave.
    #[default]
    Want,
    /// They are cut, and routers may cut all.
    Dont,
    /// They leave, whatever is known of the path, and routers may not cut them.
    Probe,
}

impl Mtu {
    pub(super) fn discovery(self) -> MtuDiscovery {
        match self {
            Self::Do => MtuDiscovery::Do,
            Self::Want => MtuDiscovery::Want,
            Self::Dont => MtuDiscovery::Dont,
            Self::Probe => MtuDiscovery::Probe,
        }
    }
}

/// Reads an octet, decimal or hexadecimal.
pub(super) fn octet(text: &str) -> Result<u8, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u8::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| "takes 0 to 255, or 0x00 to 0xff".to_owned())
}

/// Reads a number of 32 bits, decimal or hexadecimal.
fn number(text: &str) -> Result<u32, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| "takes 0 to 4294967295, or 0x0 to 0xffffffff".to_owned())
}

/// Reads 20 bits (RFC 6437).
fn flow_label(text: &str) -> Result<u32, String> {
    number(text).ok().filter(|label| *label < 1 << 20).ok_or_else(|| "takes 0 to 0xfffff".to_owned())
}

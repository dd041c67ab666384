//! `rawsock ping`: hand-built echo requests, with the letters and lines of `ping`.

use std::hash::RandomState;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::evidence::Evidence;
use super::ping_floor;
use super::ping_header::{self, Fields};
use super::ping_printer::Printer;
use super::ping_targets::{self, Asked};
use super::resolve::{Resolver, Wanted, check_source};
use super::sandbox::{self, SandboxArgs};
use super::{CommandResult, duration, random};
use crate::exchange::drive::drive;
use crate::exchange::drive::icmp::{IcmpOptions, IcmpWire};
use crate::exchange::engine::{MILLISECOND, Nanos, SECOND};
use crate::exchange::ping::expectation::{self, Expectation};
use crate::exchange::ping::query::{AskedInterface, Query, RequestPlan};
use crate::exchange::ping::route::RouteQuery;
use crate::exchange::ping::tag::Tag;
use crate::exchange::ping::{FrameKind, Ping, PingPlan, frame_of};
use crate::packet::Node;
use crate::spec::SpecError;
use crate::sys::clock::{self, Now};
use crate::sys::interrupt::Interrupt;
use crate::sys::ip_socket::MtuDiscovery;
use crate::sys::netlink::Netlink;
use crate::sys::sandbox::Doing;
use crate::sys::time_stamp::{Departures, StampSource};
use crate::wire::value::Value;

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
    targets: Option<PathBuf>,
    /// Ask nobody when a line of the file is wrong.
    #[arg(long, requires = "targets")]
    strict: bool,
    /// IPv4 only.
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6')]
    ipv6: bool,
    /// Stop after so many requests to each host (with -w: replies).
    #[arg(short, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Wait so long between two requests to a host: seconds, or with a unit (`200ms`); 1 unless written.
    #[arg(short, value_name = "INTERVAL", value_parser = duration::parse)]
    pub(super) interval: Option<Duration>,
    /// Send at most so many requests a second, to all hosts together.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Flood: each request when one before is answered, a hundred a second at least; with -i, at that interval. Faster than
    /// five a second to a host that is not this one takes this.
    #[arg(short, long)]
    pub(super) flood: bool,
    /// Send as soon as the request before is answered, but no more than five a second: as fast as that goes is `-f -l1`.
    #[arg(short = 'A', conflicts_with = "flood")]
    adaptive: bool,
    /// Requests of a flood that may be under way: 16 unless written, 1 with -A.
    #[arg(short = 'l', value_name = "N", value_parser = clap::value_parser!(u64).range(1..=65536))]
    preload: Option<u64>,
    /// Wait so long for a reply: seconds, or with a unit, 0 without an end; 10 unless written, 1 with networks and --targets.
    #[arg(short = 'W', value_name = "TIMEOUT", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// Stop after so long, whatever is missing: seconds, or with a unit.
    #[arg(short = 'w', value_name = "DEADLINE", value_parser = duration::parse)]
    deadline: Option<Duration>,
    /// Octets of payload.
    #[arg(short, value_name = "SIZE", default_value_t = 56, value_parser = clap::value_parser!(u32).range(0..=65507))]
    pub(super) size: u32,
    /// Time to live, or hop limit.
    #[arg(short, value_name = "TTL", default_value_t = 64, value_parser = clap::value_parser!(u8).range(1..))]
    ttl: u8,
    /// Type of service or traffic class: DSCP and ECN in one octet, decimal or 0x...
    #[arg(short = 'Q', value_name = "TOS", default_value = "0", value_parser = octet)]
    tos: u8,
    /// Fill the payload with these octets again and again: up to 16, in hex. Forged replies are not known as such then.
    #[arg(short, value_name = "PATTERN", value_parser = pattern)]
    pub(super) pattern: Option<Pattern>,
    /// Have routers write their addresses into the header (record route).
    #[arg(short = 'R', conflicts_with_all = ["stamping", "ipv6"])]
    record_route: bool,
    /// Have routers write their times into the header, or their addresses and times.
    #[arg(short = 'T', value_name = "WHAT", conflicts_with = "ipv6")]
    stamping: Option<Stamping>,
    /// Use this identifier; with 0 by a raw socket alone.
    #[arg(short = 'e', value_name = "IDENTIFIER")]
    ident: Option<u16>,
    /// Mark what is sent, for rules of routing and of the firewall of this host (takes CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17 on):
    /// decimal or 0x...
    #[arg(short, value_name = "MARK", value_parser = number)]
    pub(super) mark: Option<u32>,
    /// The flow label of IPv6: decimal or 0x...
    #[arg(short = 'F', value_name = "LABEL", value_parser = flow_label, conflicts_with = "ipv4")]
    flow_label: Option<u32>,
    /// What becomes of requests that are larger than the path takes.
    #[arg(short = 'M', value_name = "DISCOVERY", default_value = "want")]
    mtu: Mtu,
    /// Fields of the IP header, in place of those that it would have: `ttl=3, dsfield.dscp=46, options=[rr]`.
    #[arg(long, value_name = "FIELDS")]
    ip: Option<String>,
    /// Send with a hand-built IP header (IP_HDRINCL), or not at all.
    #[arg(long)]
    hdrincl: bool,
    /// Ask for the time instead: ICMP time stamp requests.
    #[arg(long, conflicts_with_all = ["probe", "ipv6", "size", "pattern"])]
    icmp_timestamp: bool,
    /// Ask how an interface of the host is instead (RFC 8335): by name, index or address.
    #[arg(long, value_name = "INTERFACE", conflicts_with_all = ["size", "pattern"], value_parser = asked_interface)]
    probe: Option<AskedInterface>,
    /// Ask a broadcast address: all hosts of a network.
    #[arg(short)]
    pub(super) broadcast: bool,
    /// Use this interface, or send from this address.
    #[arg(short = 'I', value_name = "INTERFACE|ADDRESS")]
    pub(super) from: Option<String>,
    /// Print addresses, not names.
    #[arg(short)]
    pub(super) numeric: bool,
    /// Ring the terminal's bell at each reply.
    #[arg(short = 'a')]
    pub(super) audible: bool,
    /// Print nothing but the summary.
    #[arg(short)]
    pub(super) quiet: bool,
    /// Put a time stamp before each line.
    #[arg(short = 'D')]
    pub(super) stamp: bool,
    /// Say which requests are not answered when their time is over.
    #[arg(short = 'O')]
    pub(super) outstanding: bool,
    /// Say which kind of socket is used, by which way packets leave, and whose stamps tell each time.
    #[arg(short)]
    pub(super) verbose: bool,
    #[command(flatten)]
    sandbox: SandboxArgs,
    /// Tell where each round trip was spent, and what the same takes on this host's loopback interface.
    #[arg(long)]
    pub(super) anatomy: bool,
    /// Use the stamps of the network adapter where it has them (takes -I with an interface, and CAP_NET_ADMIN).
    #[arg(long, requires = "from")]
    hwtstamp: bool,
    /// Exit with 1 unless the run comes to this: `loss<1% p99<5ms dup=0 damaged=0`.
    #[arg(long, value_name = "FIGURES", value_parser = expectations)]
    pub(super) expect: Option<Expectations>,
    /// Save what was sent and received, as it passed the interface: pcap where the name ends so, else pcapng; - is stdout, and
    /// what is printed goes to stderr.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Print one JSON object a line.
    #[arg(long)]
    pub(super) json: bool,
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
enum Stamping {
    /// Times only.
    Tsonly,
    /// Addresses and times.
    Tsandaddr,
}

/// `-M`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mtu {
    /// They do not leave, and routers may not cut the others.
    Do,
    /// They are cut before they leave.
    Want,
    /// They are cut, and routers may cut all.
    Dont,
    /// They leave, whatever is known of the path, and routers may not cut them.
    Probe,
}

impl Mtu {
    fn discovery(self) -> MtuDiscovery {
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

/// Runs the command.
///
/// # Errors
/// When no host can be asked: unknown names, no right to send, no such interface.
pub(super) fn run(args: &PingArgs) -> CommandResult {
    let header = args.header()?;
    let wanted = args.wanted(header.as_deref())?;
    let (interface, source) = args.leaves_by();
    check_source(source)?;
    let interface_index = match &interface {
        Some(name) => Some(Netlink::open()?.link(name)?.index),
        None => None,
    };
    let departures = args.departures(interface.as_deref())?;
    let (asked, wrong) = ping_targets::of(&args.hosts, args.targets.as_deref())?;
    if args.strict && !wrong.is_empty() {
        return Err(wrong.join("\nrawsock: ").into());
    }
    let plan = args.plan(header.clone().unwrap_or_default(), asked.is_many)?;
    let is_fast = plan.interval < LEAST_INTERVAL || plan.flood.is_some() && !args.adaptive;
    if is_fast {
        clock::wake_on_time();
    }
    let options = args.options(&plan, header.is_some(), (interface, source), departures);
    let mut wire = IcmpWire::new(options.clone());
    let evidence = args.write.as_deref().map(Evidence::create).transpose()?;
    evidence.iter().try_for_each(|evidence: &Evidence<FrameKey>| {
        wire.record(evidence.recorder(|frame| frame_of(frame.data, frame.link_type)))
    })?;
    let interrupt = Interrupt::catch_and_be_asked()?;
    let mut engine = Ping::new(plan);
    let Asked { addresses, names, is_many } = asked;
    let mut printer = Printer::new(args, source, interface_index, is_many, is_fast, wrong)?;
    printer.answer(&interrupt);
    printer.save_to(evidence.clone());
    engine.expect_targets(addresses.len());
    wire.expect_paths(addresses.len());
    let now = Now::read();
    for address in addresses {
        printer.add_address(address, wanted, &mut engine, &mut wire, now);
    }
    let loopback = if args.anatomy { ping_floor::open(&options) } else { None };
    if !names.is_empty() {
        // Whose address is known later is asked by sockets that are open by then; what cannot be opened is told with its name.
        wanted.families().iter().for_each(|family| drop(wire.open(*family)));
    }
    let plan = sandbox::Plan::default().does(&[Doing::Traffic, Doing::Netlink]);
    // A plain socket tells the way to whoever is known by an address only then.
    let plan = plan.does_if(!names.is_empty(), Doing::Connect).asks_for_names(!names.is_empty());
    plan.enter(args.sandbox, args.verbose)?;
    let resolver = (!names.is_empty()).then(|| Resolver::start(names.clone(), wanted)).transpose()?;
    printer.wait_for(resolver, names.len(), &mut engine);
    if let Err(error) = drive(&mut engine, &mut wire, &interrupt, &mut printer)
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        return Err(error.into());
    }
    let floor = loopback.and_then(|wire| ping_floor::measure(engine.plan(), wire, &interrupt));
    // What passed until now is saved before its verdicts end.
    wire.finish()?;
    let outcome = printer.finish(&engine, floor.as_ref())?;
    drop(wire);
    evidence.map_or(Ok(()), Evidence::finish)?;
    Ok(outcome)
}

/// What a frame holds, whose it is, and the number in its header.
pub(super) type FrameKey = (FrameKind, IpAddr, u16);

/// Five a second: what is faster is a flood for another host.
const LEAST_INTERVAL: Nanos = 200 * MILLISECOND;

impl PingArgs {
    /// What routers are to write into the header.
    pub(super) fn route(&self) -> Option<RouteQuery> {
        let stamps = self.stamping.map(|stamping| match stamping {
            Stamping::Tsonly => RouteQuery::Times,
            Stamping::Tsandaddr => RouteQuery::AddressesAndTimes,
        });
        if self.record_route { Some(RouteQuery::Addresses) } else { stamps }
    }

    /// How sockets are opened.
    fn options(
        &self,
        plan: &PingPlan,
        has_header: bool,
        (interface, source): (Option<String>, Option<IpAddr>),
        departures: Departures,
    ) -> IcmpOptions {
        IcmpOptions {
            interface,
            source,
            ident: plan.request.ident,
            mark: self.mark,
            ttl: self.ttl,
            tos: self.tos,
            mtu: self.mtu.discovery(),
            departures,
            // A datagram socket carries echoes alone, with a header of the kernel's own.
            raw_only: self.hdrincl
                || has_header
                || self.route().is_some()
                || plan.request.query != Query::Echo
                || plan.request.ident == 0,
        }
    }

    /// Whether addresses of IPv6 alone will do: IPv4 has no flow labels.
    fn is_ipv6(&self) -> bool {
        self.ipv6 || self.flow_label.is_some()
    }

    /// Fields of the IP header that somebody wrote.
    fn header(&self) -> Result<Option<Fields>, SpecError> {
        let mut header =
            self.ip.as_deref().map(|text| ping_header::written(text, self.is_ipv6())).transpose()?;
        if let Some(label) = self.flow_label {
            let label = Node::Value(Value::Uint(label.into()));
            header.get_or_insert_default().push(("flow".to_owned(), label));
        }
        Ok(header)
    }

    /// Addresses of which family will do.
    fn wanted(&self, header: Option<&[(String, Node)]>) -> Result<Wanted, String> {
        let (_, source) = self.leaves_by();
        let is_ipv4 = header.is_some() && !self.is_ipv6() || self.icmp_timestamp || self.route().is_some();
        Wanted::of(self.ipv4 || is_ipv4, self.is_ipv6(), source, "-I")
    }

    /// The interface or the address that requests leave by.
    pub(super) fn leaves_by(&self) -> (Option<String>, Option<IpAddr>) {
        let Some(from) = &self.from else { return (None, None) };
        match from.parse::<IpAddr>() {
            Ok(address) => (None, Some(address)),
            Err(_) => (Some(from.clone()), None),
        }
    }

    fn departures(&self, interface: Option<&str>) -> Result<Departures, Box<dyn std::error::Error>> {
        let mut departures = Departures { queued: self.anatomy, by_adapter: false };
        if self.hwtstamp {
            let interface = interface.ok_or("--hwtstamp takes -I with an interface")?;
            if !StampSource::of_interface(interface)?.contains(&StampSource::AdapterUnsynced) {
                return Err(
                    format!("{interface} has no stamps of its own: its driver does not offer them").into()
                );
            }
            StampSource::AdapterUnsynced.switch_on(interface)?;
            departures.by_adapter = true;
        }
        Ok(departures)
    }

    fn plan(&self, header: Fields, is_many: bool) -> Result<PingPlan, Box<dyn std::error::Error>> {
        let nanos = |duration: Duration| Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX);
        let now = Now::read();
        let request = RequestPlan {
            query: match (&self.probe, self.icmp_timestamp) {
                (Some(interface), _) => Query::ExtendedEcho(interface.clone()),
                (None, true) => Query::Timestamp,
                (None, false) => Query::Echo,
            },
            size: self.size as usize,
            pattern: self.pattern.as_ref().map(|pattern| pattern.0.clone()).unwrap_or_default(),
            ttl: self.ttl,
            tos: self.tos,
            may_fragment: self.mtu == Mtu::Dont,
            header,
            route: self.route(),
            ident: self.ident.map_or_else(|| random::u16().map(|ident| ident.max(1)), Ok)?,
            tag: Tag { token: random::octets()?, keys: RandomState::new() },
            calendar: now.wall.saturating_sub(i64::try_from(now.monotonic).unwrap_or(i64::MAX)),
        };
        let floods = self.flood && self.interval.is_none();
        let gap = self.rate.map_or(0, |rate| SECOND.div_ceil(rate.into()));
        let (under_way, gap) = match self.adaptive {
            true => (Some(self.preload.unwrap_or(1)), gap.max(LEAST_INTERVAL)),
            false => (floods.then_some(self.preload.unwrap_or(UNDER_WAY)), gap),
        };
        let timeout = if is_many { SECOND } else { 10 * SECOND };
        Ok(PingPlan {
            request,
            interval: self.interval.map_or(if floods { FLOOD_INTERVAL } else { SECOND }, nanos),
            gap,
            flood: under_way,
            count: self.count,
            timeout: self
                .timeout
                .map_or(timeout, |timeout| if timeout.is_zero() { FOR_EVER } else { nanos(timeout) }),
            deadline: self.deadline.map(nanos),
            anatomy: self.anatomy,
        })
    }
}

/// How long a reply is waited for without an end, so that it can be added to a time.
const FOR_EVER: Nanos = 365 * 86_400 * SECOND;

/// Requests of a flood that are under way.
const UNDER_WAY: u64 = 16;

/// A flood sends a hundred requests a second even when nothing comes back (ping(8)).
const FLOOD_INTERVAL: Nanos = 10 * MILLISECOND;

//! `rawsock trace`: the way to a host, hop by hop, with the letters and lines of `traceroute`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::resolve::{Resolver, Wanted, check_source};
use super::sandbox::{Plan, SandboxArgs};
use super::trace_evidence::{File, Remarking};
use super::trace_printer::Printer;
use super::{CommandResult, Outcome, duration, random, trace_mtu, trace_paths, trace_report};
use crate::exchange::drive::trace::{OwnPort, RawWire, TraceWire};
use crate::exchange::drive::trace_plain::PlainWire;
use crate::exchange::drive::{Watcher, drive};
use crate::exchange::engine::Nanos;
use crate::exchange::trace::{Ends, Method, Patience, Trace, TracePlan};
use crate::show::trace::failure_json;
use crate::show::trace_comment::{self, Called};
use crate::sys::clock;
use crate::sys::interrupt::Interrupt;
use crate::sys::netlink::{Netlink, RouteQuery};
use crate::sys::poll;
use crate::sys::sandbox::Doing;
use crate::sys::time_stamp::ReceiptStamps;

/// Find the way to a host: who is on it, how far away, and what becomes of packets there.
///
/// All probes are of one flow (Paris), so that routers which share load over several ways send them all the same way. What a hop
/// quotes is compared with what was sent: the first hop at which a field is another one is named.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TraceArgs {
    /// A name or an address.
    #[arg(value_name = "HOST")]
    host: String,
    /// Octets of a packet, IP header included, at most what the first link takes [default: the IP header and 40 more].
    #[arg(value_name = "PACKETLEN", value_parser = clap::value_parser!(u32).range(..=65_535))]
    packet_len: Option<u32>,
    /// IPv4 only.
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6')]
    ipv6: bool,
    /// Probe with ICMP echo requests.
    #[arg(short = 'I', long, group = "method")]
    icmp: bool,
    /// Probe with UDP, which is what is done when nothing is said.
    #[arg(short = 'U', long, group = "method")]
    udp: bool,
    /// Probe with TCP SYNs.
    #[arg(short = 'T', long, group = "method")]
    tcp: bool,
    /// Use plain sockets, as any program may: datagrams, or with -T attempts to connect, which go only so many hops, and the errors that the
    /// kernel tells of. It needs no right. What hops quote is not seen; each attempt has a source port of its own, and may go
    /// another way.
    #[arg(long, conflicts_with_all = ["icmp", "paths", "mtu", "write", "dont_fragment"])]
    plain: bool,
    /// Destination port, the same in all probes [default: 33434 for UDP, 80 for TCP].
    #[arg(short, long, value_name = "PORT", conflicts_with = "icmp", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Source port, or the identifier of echo requests [default: one that is free].
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    sport: Option<u16>,
    /// Do not let routers cut packets into fragments: one that is too large for a way ends there, and the MTU is told (`!F-1400`).
    #[arg(short = 'F', long)]
    dont_fragment: bool,
    /// Begin with this hop.
    #[arg(short, long, value_name = "HOP", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    first: u8,
    /// Go no farther than this hop.
    #[arg(short, long, value_name = "HOP", default_value_t = 30, value_parser = clap::value_parser!(u8).range(1..))]
    max_hops: u8,
    /// Probes for each hop.
    #[arg(short, long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=10))]
    queries: u8,
    /// Probes that may be without answer at a time.
    #[arg(short = 'N', long, value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    sim_queries: u16,
    /// Wait so long between two probes: seconds, or with a unit (`20ms`); a number above 10 alone is of milliseconds, as with traceroute.
    #[arg(short = 'z', long, value_name = "TIME", default_value = "0", value_parser = pause)]
    sendwait: Duration,
    /// Wait no longer than MAX for an answer, nor than HERE times what the same hop took, nor than NEAR times what a farther hop
    /// took; 0 for no such limit.
    #[arg(long, value_name = "MAX[,HERE,NEAR]", default_value = "5,3,10", value_parser = patience)]
    wait: Patience,
    /// Send from this address.
    #[arg(short, long, value_name = "ADDRESS")]
    source: Option<IpAddr>,
    /// Use this interface.
    #[arg(short, long, value_name = "INTERFACE")]
    interface: Option<String>,
    /// Type of service or traffic class: DSCP and ECN in one octet, decimal or 0x...
    #[arg(short, long, value_name = "TOS", default_value = "0", value_parser = super::ping::octet)]
    tos: u8,
    /// Print addresses only, which is what is done when nothing is said.
    #[arg(short = 'n', conflicts_with = "resolve")]
    numeric: bool,
    /// Print the names of hosts too. A line waits for them for a second at most, and nothing else does.
    #[arg(long)]
    resolve: bool,
    /// Find all ways there are to the host, by as many flows as it takes, and draw them. Flows differ in their source port, in the
    /// checksum of echo requests, and in IPv6's flow label.
    #[arg(long)]
    paths: bool,
    /// With --paths: no more flows than this.
    #[arg(long, value_name = "COUNT", default_value_t = 128, requires = "paths", value_parser = clap::value_parser!(u16).range(1..=1000))]
    flows: u16,
    /// Find the path MTU, and the hop behind which the way becomes narrower: told by a router, or found where packets that are too
    /// large vanish. PACKETLEN is the largest packet to try [default: what the first link takes].
    #[arg(long, conflicts_with_all = ["tcp", "paths"])]
    mtu: bool,
    /// Go the way so many times, one probe to each hop at a time, and print a report: loss, times with their spread and quantiles,
    /// and whether a hop of which answers are missing loses packets or limits its answers.
    #[arg(short, long, value_name = "ROUNDS", conflicts_with_all = ["paths", "mtu"], value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Show that while it goes on, until q is pressed.
    #[arg(long, conflicts_with_all = ["paths", "mtu", "json"])]
    watch: bool,
    /// With -c and --watch: the time between rounds, 200ms or more.
    #[arg(long, value_name = "TIME", default_value = "1", value_parser = interval)]
    interval: Duration,
    /// Save what was sent and received, as it passed the interface: pcap where the name ends so, else pcapng, with what came of each
    /// probe as its comment; - is stdout, and what is printed goes to stderr.
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
    /// Say what the process gave up before it reads answers.
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    sandbox: SandboxArgs,
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
    let longest = nanos(duration::parse(parts.next().unwrap_or_default())?);
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

fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}

/// Runs the command.
///
/// # Errors
/// When the host cannot be asked: an unknown name, no right to send, no route.
pub(super) fn run(args: &TraceArgs) -> CommandResult {
    if args.first > args.max_hops {
        return Err(format!("-f {} is beyond -m {}", args.first, args.max_hops).into());
    }
    let Some((setup, link_mtu)) = set_up(args)? else { return Ok(Outcome::NoAnswer) };
    match (args.paths, args.mtu, args.watch, args.count) {
        (true, ..) => return trace_paths::run(setup),
        (_, true, ..) => return trace_mtu::run(setup, args.packet_len.unwrap_or(link_mtu) as usize),
        (.., true, count) => return watch(setup, nanos(args.interval), count),
        (.., Some(count)) => return trace_report::run(setup, nanos(args.interval), count),
        _ => {}
    }
    let mut engine = Trace::new(setup.plan.clone());
    let mut printer = Printer::new(args.json, args.resolve);
    printer.head(&args.host, engine.plan())?;
    let Driven { took, file } = setup.drive(&mut engine, &mut printer)?;
    let printed = printer.finish(&args.host, &engine, took);
    file.finish(&(trace_comment::reached(&engine) + &printer.why_missing()))?;
    or_nobody_reads(printed)?;
    Ok(outcome(engine.failure().is_some(), engine.is_reached()))
}

#[cfg(feature = "tui")]
fn watch(setup: Setup, interval: Nanos, count: Option<u64>) -> CommandResult {
    super::trace_watch::run(setup, interval, count)
}

#[cfg(not(feature = "tui"))]
fn watch(_setup: Setup, _interval: Nanos, _count: Option<u64>) -> CommandResult {
    Err("this rawsock was built without its live view (the feature `tui`); -c ROUNDS prints a report".into())
}

/// Says why probes could not be sent.
pub(super) fn tell_failure(text: &mut String, host: &str, json: bool, failure: Option<&str>) {
    let Some(reason) = failure else { return };
    anstream::eprintln!("rawsock: {host}: {reason}");
    if json {
        *text += &(failure_json(host, reason) + "\n");
    }
}

/// What a trace ends with.
pub(super) fn outcome(is_failed: bool, is_reached: bool) -> Outcome {
    match (is_failed, is_reached) {
        (true, _) => Outcome::Failed,
        (false, true) => Outcome::Done,
        (false, false) => Outcome::NoAnswer,
    }
}

/// Whoever reads what is printed may have seen enough.
pub(super) fn or_nobody_reads(printed: io::Result<()>) -> io::Result<()> {
    printed.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

/// What a run leaves.
pub(super) struct Driven {
    /// How long it took.
    pub(super) took: Nanos,
    /// The file of its packets, which is to be ended with what the run came to.
    pub(super) file: File,
}

/// All that a trace begins with.
pub(super) struct Setup {
    pub(super) host: String,
    pub(super) plan: TracePlan,
    pub(super) json: bool,
    pub(super) resolve: bool,
    interrupt: Interrupt,
    wire: TraceWire,
    file: File,
    _stamps: std::io::Result<ReceiptStamps>,
}

impl Setup {
    /// Runs an engine to its end, and the recording.
    ///
    /// # Errors
    /// When the system does not let it, or nobody takes what is printed.
    pub(super) fn drive<E: Ends>(
        mut self,
        engine: &mut E,
        watcher: &mut dyn Watcher<E, TraceWire>,
    ) -> Result<Driven, Box<dyn std::error::Error>> {
        let began = clock::monotonic();
        let driven = drive(engine, &mut self.wire, &self.interrupt, &mut Remarking::new(watcher, &self.file));
        let took = clock::monotonic().saturating_sub(began);
        self.wire.finish()?;
        drop(self.wire);
        match or_nobody_reads(driven) {
            Ok(()) => Ok(Driven { took, file: self.file }),
            Err(error) => {
                self.file.finish("")?;
                Err(error.into())
            }
        }
    }
}

/// Looks the host up and opens the sockets; nothing when it was interrupted. Tells also what the first link takes, where that is wanted.
fn set_up(args: &TraceArgs) -> Result<Option<(Setup, u32)>, Box<dyn std::error::Error>> {
    // Where there are none, times are a little longer.
    let _stamps = ReceiptStamps::keep_on();
    let interrupt = if args.watch { Interrupt::catch_of_view()? } else { Interrupt::catch()? };
    let Some(address) = resolve(args, &interrupt)? else { return Ok(None) };
    let (mut plan, ports, link_mtu) =
        plan(args, address).map_err(|error| format!("{}: {error}", args.host))?;
    let mut wire = if args.plain {
        TraceWire::Plain(Box::new(PlainWire::open(&mut plan, args.sport.unwrap_or(0))?))
    } else {
        let opened = RawWire::open(all_of(args, &plan), ports, args.interface.as_deref());
        TraceWire::Raw(Box::new(opened.map_err(|error| {
            match error.is_permission() && plan.method != Method::Icmp {
                true => format!("{error}; or do without: `rawsock trace --plain`").into(),
                false => Box::<dyn std::error::Error>::from(error),
            }
        })?))
    };
    let file = File::create(args.write.as_deref(), &all_of(args, &plan), called(args))?;
    file.recorder().into_iter().try_for_each(|recorder| wire.record(recorder))?;
    let kept = Plan::default().does(&[Doing::Traffic, Doing::Netlink]).asks_for_names(args.resolve);
    let kept = kept.does_if(args.plain, Doing::Connect).does_if(args.watch, Doing::Terminal);
    let kept = if args.watch { kept.reads(["/dev/tty"]) } else { kept };
    kept.enter(args.sandbox, args.verbose)?;
    let (host, json, resolve) = (args.host.clone(), args.json, args.resolve);
    Ok(Some((Setup { host, plan, json, resolve, interrupt, wire, file, _stamps }, link_mtu)))
}

/// How probes are called beside their packets.
fn called(args: &TraceArgs) -> Called {
    match (args.paths, args.mtu, goes_many_times(args)) {
        (true, ..) => Called::Flows,
        (_, true, _) => Called::Lengths,
        (.., true) => Called::Rounds,
        _ => Called::Hops,
    }
}

/// What a plan's packets are known by: where one trace follows the other, any number may be one of theirs.
fn all_of(args: &TraceArgs, plan: &TracePlan) -> TracePlan {
    if goes_many_times(args) {
        TracePlan { first_hop: 1, last_hop: u8::MAX, queries: u8::MAX, ..plan.clone() }
    } else {
        plan.clone()
    }
}

fn goes_many_times(args: &TraceArgs) -> bool {
    args.mtu || args.watch || args.count.is_some()
}

/// The host's address; `None` when it was interrupted before that was known.
fn resolve(
    args: &TraceArgs,
    interrupt: &Interrupt,
) -> Result<Option<SocketAddr>, Box<dyn std::error::Error>> {
    check_source(args.source)?;
    let wanted = Wanted::of(args.ipv4, args.ipv6, args.source, "-s")?;
    let resolver = Resolver::start(vec![args.host.clone()], wanted)?;
    loop {
        if let Some(resolved) = resolver.take().into_iter().next() {
            let address = resolved.address.map_err(|error| format!("{}: {error}", args.host))?;
            return Ok(Some(address));
        }
        if interrupt.came() {
            return Ok(None);
        }
        poll::wait(&[resolver.as_fd(), interrupt.as_fd()], &[], None)?;
    }
}

/// Looks up the way, keeps a port, and says how the trace goes.
fn plan(
    args: &TraceArgs,
    address: SocketAddr,
) -> Result<(TracePlan, Vec<OwnPort>, u32), Box<dyn std::error::Error>> {
    let method = match (args.icmp, args.tcp) {
        (true, _) => Method::Icmp,
        (_, true) => Method::Tcp,
        (false, false) => Method::Udp,
    };
    let scope = match address {
        SocketAddr::V6(address) if address.scope_id() != 0 => Some(address.scope_id()),
        _ => None,
    };
    let destination = address.ip();
    let mut netlink = Netlink::open()?;
    let named = args.interface.as_deref().map(|name| netlink.link(name)).transpose()?;
    let interface = named.map(|link| link.index).or(scope);
    let route = netlink.route(&RouteQuery { destination, source: args.source, interface, mark: None })?;
    let wants_mtu = args.mtu || args.packet_len.is_some() && !args.plain;
    let link_mtu = if wants_mtu { netlink.link_by_index(route.interface)?.mtu } else { 0 };
    if let Some(len) = args.packet_len.filter(|len| wants_mtu && *len > link_mtu) {
        let remedy = if args.mtu {
            ""
        } else {
            "; probes are not cut into fragments, but by the kernel with `--plain`"
        };
        return Err(
            format!("{len} octets are more than the {link_mtu} that the first link takes{remedy}").into()
        );
    }
    let source = args.source.or(route.source).ok_or("no address of this host can be sent from there")?;
    let interface = interface.unwrap_or(0);
    let (ports, source_port, more_flows) = own_ports(args, method, source, interface)?;
    let most_base = match (goes_many_times(args), args.paths) {
        (true, _) => 1,
        (_, true) => MOST_BASE_OF_FLOWS,
        (false, false) => MOST_BASE,
    };
    let mut plan = TracePlan {
        method,
        source,
        destination,
        interface,
        first_hop: args.first,
        last_hop: args.max_hops,
        queries: args.queries,
        in_flight: usize::from(args.sim_queries),
        pause: nanos(args.sendwait),
        patience: args.wait,
        packet_len: 0,
        dont_fragment: args.dont_fragment,
        tos: args.tos,
        source_port,
        more_flows,
        port: args.port.unwrap_or(if method == Method::Tcp { 80 } else { 33_434 }),
        flow: u32::from_ne_bytes(random::octets()?) & 0xf_ffff,
        base: random::u16()? % most_base + 1,
        seq: u32::from_ne_bytes(random::octets()?),
        token: random::octets()?,
    };
    let usual = if destination.is_ipv4() { 60 } else { 80 };
    let wanted = args.packet_len.filter(|_| !args.mtu).map_or(usual, |len| len as usize);
    plan.packet_len =
        if method == Method::Tcp { plan.shortest_len() } else { wanted.max(plan.shortest_len()) };
    Ok((plan, ports, link_mtu))
}

/// Ports that are kept for a trace, the number that probes come from, and those of its other flows.
type OwnPorts = (Vec<OwnPort>, u16, Vec<u16>);

fn own_ports(
    args: &TraceArgs,
    method: Method,
    source: IpAddr,
    interface: u32,
) -> Result<OwnPorts, Box<dyn std::error::Error>> {
    let mut ports = Vec::new();
    if !args.plain {
        ports.extend(OwnPort::keep(method, source, interface, args.sport.unwrap_or(0))?);
    }
    let source_port = match ports.first().and_then(OwnPort::number).or(args.sport) {
        Some(number) => number,
        None => random::u16()?.max(1),
    };
    let mut more_flows = Vec::new();
    for further in 1..flow_count(args) {
        let port = OwnPort::keep(method, source, interface, 0)?;
        let number = port.as_ref().and_then(OwnPort::number);
        more_flows.push(number.unwrap_or(source_port.wrapping_add(further)));
        ports.extend(port);
    }
    Ok((ports, source_port, more_flows))
}

/// How many flows there may be: each of their probes has a number of 16 bits of its own.
fn flow_count(args: &TraceArgs) -> u16 {
    if !args.paths {
        return 1;
    }
    let hops = u16::from(args.max_hops.saturating_sub(args.first)).saturating_add(1);
    let room = (u16::MAX - MOST_BASE_OF_FLOWS) / hops.saturating_mul(args.queries.into()).max(1);
    args.flows.min(room.max(1))
}

/// Numbers of probes begin up to here, which leaves room for 255 hops of 10 probes.
const MOST_BASE: u16 = 60_000;
/// The same where there are many flows.
const MOST_BASE_OF_FLOWS: u16 = 1000;

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
        assert!(patience("").is_err() && patience("1,2,3,4").is_err() && patience("1,-1").is_err());
        assert!(patience("1,x").is_err() && patience("1,2,inf").is_err());
    }
}

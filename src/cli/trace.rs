//! `rawsock trace`: the way to a host, hop by hop, with the letters and lines of `traceroute`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use super::resolve::{Resolver, Wanted, check_source};
use super::sandbox::Plan;
use super::trace_args::TraceArgs;
use super::trace_evidence::{File, Remarking};
use super::trace_printer::Printer;
use super::{CommandResult, Outcome, random, trace_mtu, trace_paths, trace_report};
use crate::exchange::drive::trace::{OwnPort, RawWire, TraceWire};
use crate::exchange::drive::trace_plain::PlainWire;
use crate::exchange::drive::{Watcher, drive};
use crate::exchange::engine::{Nanos, SECOND};
use crate::exchange::trace::{Ends, Method, Trace, TracePlan};
use crate::show::trace::failure_json;
use crate::show::trace_comment::{self, Called};
use crate::sys::clock;
use crate::sys::interrupt::Interrupt;
use crate::sys::netlink::{Netlink, Route, RouteQuery};
use crate::sys::poll;
use crate::sys::sandbox::Doing;
use crate::sys::time_stamp::ReceiptStamps;

/// Runs the command.
///
/// # Errors
/// When the host cannot be asked: an unknown name, no right to send, no route.
pub(super) fn run(args: &TraceArgs) -> CommandResult {
    if args.first > args.max_hops {
        return Err(format!("-f {} is beyond -m {}", args.first, args.max_hops).into());
    }
    let Some((setup, link_mtu)) = set_up(args)? else { return Ok(Outcome::NoAnswer) };
    match (args.seldom.paths, args.seldom.mtu, args.seldom.watch, args.seldom.count) {
        (true, ..) => return trace_paths::run(setup),
        (_, true, ..) => return trace_mtu::run(setup, args.packet_len.unwrap_or(link_mtu) as usize),
        (.., true, count) => return watch(setup, args.seldom.interval.map_or(SECOND, nanos), count),
        (.., Some(count)) => {
            return trace_report::run(setup, args.seldom.interval.map_or(SECOND, nanos), count);
        }
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
    let interrupt = if args.seldom.watch { Interrupt::catch_of_view()? } else { Interrupt::catch()? };
    let Some(address) = resolve(args, &interrupt)? else { return Ok(None) };
    let (mut plan, ports, link_mtu) =
        plan(args, address).map_err(|error| format!("{}: {error}", args.host))?;
    let mut wire = if args.seldom.plain {
        TraceWire::Plain(Box::new(PlainWire::open(&mut plan, args.seldom.sport.unwrap_or(0))?))
    } else {
        let opened = RawWire::open(all_of(args, &plan), ports, args.seldom.interface.as_deref());
        TraceWire::Raw(Box::new(opened.map_err(|error| {
            match error.is_permission() && plan.method != Method::Icmp {
                true => format!("{error}; or do without: `rawsock trace --plain`").into(),
                false => Box::<dyn std::error::Error>::from(error),
            }
        })?))
    };
    let file = File::create(args.seldom.write.as_deref(), &all_of(args, &plan), called(args))?;
    file.recorder().into_iter().try_for_each(|recorder| wire.record(recorder))?;
    let kept = Plan::default().does(&[Doing::Traffic, Doing::Netlink]).asks_for_names(args.resolve);
    let kept = kept.does_if(args.seldom.plain, Doing::Connect).does_if(args.seldom.watch, Doing::Terminal);
    let kept = if args.seldom.watch { kept.reads(["/dev/tty"]) } else { kept };
    kept.enter(args.sandbox, args.verbose)?;
    let (host, json, resolve) = (args.host.clone(), args.json, args.resolve);
    Ok(Some((Setup { host, plan, json, resolve, interrupt, wire, file, _stamps }, link_mtu)))
}

/// How probes are called beside their packets.
fn called(args: &TraceArgs) -> Called {
    match (args.seldom.paths, args.seldom.mtu, goes_many_times(args)) {
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
    args.seldom.mtu || args.seldom.watch || args.seldom.count.is_some()
}

/// The host's address; `None` when it was interrupted before that was known.
fn resolve(
    args: &TraceArgs,
    interrupt: &Interrupt,
) -> Result<Option<SocketAddr>, Box<dyn std::error::Error>> {
    check_source(args.seldom.source)?;
    let wanted = Wanted::of(args.ipv4, args.ipv6, args.seldom.source, "-s")?;
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
    let (route, interface, link_mtu) = first_link(args, destination, scope)?;
    let source =
        args.seldom.source.or(route.source).ok_or("no address of this host can be sent from there")?;
    let interface = interface.unwrap_or(0);
    let (ports, source_port, more_flows) = own_ports(args, method, source, interface)?;
    let most_base = match (goes_many_times(args), args.seldom.paths) {
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
        in_flight: usize::from(args.seldom.sim_queries.unwrap_or(IN_FLIGHT)),
        pause: nanos(args.seldom.sendwait),
        patience: args.seldom.wait,
        packet_len: 0,
        dont_fragment: args.seldom.dont_fragment,
        tos: args.seldom.tos,
        source_port,
        more_flows,
        port: args.port.unwrap_or(if method == Method::Tcp { 80 } else { 33_434 }),
        flow: u32::from_ne_bytes(random::octets()?) & 0xf_ffff,
        base: random::u16()? % most_base + 1,
        seq: u32::from_ne_bytes(random::octets()?),
        token: random::octets()?,
    };
    let usual = if destination.is_ipv4() { 60 } else { 80 };
    let wanted = args.packet_len.filter(|_| !args.seldom.mtu).map_or(usual, |len| len as usize);
    plan.packet_len =
        if method == Method::Tcp { plan.shortest_len() } else { wanted.max(plan.shortest_len()) };
    Ok((plan, ports, link_mtu))
}

/// The route to a host, by which interface packets are told to leave, if any, and what it takes where that is wanted; `scope` is the one
/// that the address names.
fn first_link(
    args: &TraceArgs,
    destination: IpAddr,
    scope: Option<u32>,
) -> Result<(Route, Option<u32>, u32), Box<dyn std::error::Error>> {
    let mut netlink = Netlink::open()?;
    let named = args.seldom.interface.as_deref().map(|name| netlink.link(name)).transpose()?;
    let interface = named.map(|link| link.index).or(scope);
    let route =
        netlink.route(&RouteQuery { destination, source: args.seldom.source, interface, mark: None })?;
    if route.is_broadcast(destination) {
        return Err("is a broadcast address, which all hosts of a network hear: a trace asks one host".into());
    }
    let wants_mtu = args.seldom.mtu || args.packet_len.is_some() && !args.seldom.plain;
    let link_mtu = if wants_mtu { netlink.link_by_index(route.interface)?.mtu } else { 0 };
    if let Some(len) = args.packet_len.filter(|len| wants_mtu && *len > link_mtu) {
        let remedy = if args.seldom.mtu {
            ""
        } else {
            "; probes are not cut into fragments, but by the kernel with `--plain`"
        };
        return Err(
            format!("{len} octets are more than the {link_mtu} that the first link takes{remedy}").into()
        );
    }
    Ok((route, interface, link_mtu))
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
    if !args.seldom.plain {
        ports.extend(OwnPort::keep(method, source, interface, args.seldom.sport.unwrap_or(0))?);
    }
    let source_port = match ports.first().and_then(OwnPort::number).or(args.seldom.sport) {
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
    if !args.seldom.paths {
        return 1;
    }
    let hops = u16::from(args.max_hops.saturating_sub(args.first)).saturating_add(1);
    let room = (u16::MAX - MOST_BASE_OF_FLOWS) / hops.saturating_mul(args.queries.into()).max(1);
    args.seldom.flows.unwrap_or(FLOWS).min(room.max(1))
}

/// Probes that are under way, and flows, unless somebody says how many.
const IN_FLIGHT: u16 = 16;
const FLOWS: u16 = 128;

/// Numbers of probes begin up to here, which leaves room for 255 hops of 10 probes.
const MOST_BASE: u16 = 60_000;
/// The same where there are many flows.
const MOST_BASE_OF_FLOWS: u16 = 1000;

/// A time of the command line.
pub(super) fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}

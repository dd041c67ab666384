//! `rawsock ping`: hand-built echo requests, with the letters and lines of `ping`.

use std::hash::RandomState;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use super::evidence::Evidence;
use super::ping_args::{Mtu, PingArgs, Stamping};
use super::ping_floor;
use super::ping_header::{self, Fields};
use super::ping_printer::Printer;
use super::ping_targets::{self, Asked};
use super::resolve::{Resolver, Wanted, check_source};
use super::sandbox;
use super::{CommandResult, random};
use crate::exchange::drive::drive;
use crate::exchange::drive::icmp::{IcmpOptions, IcmpWire};
use crate::exchange::engine::{MILLISECOND, Nanos, SECOND};
use crate::exchange::ping::query::{Query, RequestPlan};
use crate::exchange::ping::route::RouteQuery;
use crate::exchange::ping::tag::Tag;
use crate::exchange::ping::{FrameKind, Ping, PingPlan, frame_of};
use crate::packet::Node;
use crate::spec::SpecError;
use crate::sys::clock::{self, Now};
use crate::sys::interrupt::Interrupt;
use crate::sys::netlink::Netlink;
use crate::sys::sandbox::Doing;
use crate::sys::time_stamp::{Departures, StampSource};
use crate::wire::value::Value;

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
    if args.seldom.strict && !wrong.is_empty() {
        return Err(wrong.join("\nrawsock: ").into());
    }
    let plan = args.plan(header.clone().unwrap_or_default(), asked.is_many)?;
    let is_fast = plan.interval < LEAST_INTERVAL
        || plan.flood.is_some() && !args.seldom.adaptive
        || plan.preload > MOST_PRELOADED;
    if is_fast {
        clock::wake_on_time();
    }
    let options = args.options(&plan, header.as_deref(), (interface, source), departures);
    let mut wire = IcmpWire::new(options.clone());
    let evidence = args.seldom.write.as_deref().map(Evidence::create).transpose()?;
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
    let loopback = if args.seldom.anatomy { ping_floor::open(&options) } else { None };
    if !names.is_empty() {
        // Whose address is known later is asked by sockets that are open by then; what cannot be opened is told with its name.
        wanted.families().iter().for_each(|family| drop(wire.open(*family)));
    }
    let plan = sandbox::Plan::default().does(&[Doing::Traffic, Doing::Netlink]);
    // A plain socket tells the way to whoever is known by an address only then.
    let plan = plan.does_if(!names.is_empty(), Doing::Connect).asks_for_names(!names.is_empty());
    plan.enter(args.seldom.sandbox, args.seldom.verbose)?;
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

/// As many requests ping sends at once to another host without a right (ping(8), of -l).
const MOST_PRELOADED: u64 = 3;

/// Five a second: what is faster is a flood for another host.
const LEAST_INTERVAL: Nanos = 200 * MILLISECOND;

impl PingArgs {
    /// What routers are to write into the header.
    pub(super) fn route(&self) -> Option<RouteQuery> {
        let stamps = self.seldom.stamping.map(|stamping| match stamping {
            Stamping::Tsonly => RouteQuery::Times,
            Stamping::Tsandaddr => RouteQuery::AddressesAndTimes,
        });
        if self.seldom.record_route { Some(RouteQuery::Addresses) } else { stamps }
    }

    /// How sockets are opened.
    fn options(
        &self,
        plan: &PingPlan,
        header: Option<&[(String, Node)]>,
        (interface, source): (Option<String>, Option<IpAddr>),
        departures: Departures,
    ) -> IcmpOptions {
        IcmpOptions {
            interface,
            source,
            ident: plan.request.ident,
            mark: self.seldom.mark,
            ttl: self.seldom.ttl,
            tos: self.seldom.tos,
            mtu: self.seldom.mtu.discovery(),
            departures,
            keeps_flags: header
                .is_some_and(|fields| fields.iter().any(|(name, _)| name.starts_with("flags"))),
            // A datagram socket carries echoes alone, with a header of the kernel's own.
            raw_only: self.seldom.hdrincl
                || header.is_some()
                || self.route().is_some()
                || plan.request.query != Query::Echo
                || plan.request.ident == 0,
        }
    }

    /// Whether addresses of IPv6 alone will do: IPv4 has no flow labels.
    fn is_ipv6(&self) -> bool {
        self.ipv6 || self.seldom.flow_label.is_some()
    }

    /// Fields of the IP header that somebody wrote.
    fn header(&self) -> Result<Option<Fields>, SpecError> {
        let mut header =
            self.seldom.ip.as_deref().map(|text| ping_header::written(text, self.is_ipv6())).transpose()?;
        if let Some(label) = self.seldom.flow_label {
            let label = Node::Value(Value::Uint(label.into()));
            header.get_or_insert_default().push(("flow".to_owned(), label));
        }
        Ok(header)
    }

    /// Addresses of which family will do.
    fn wanted(&self, header: Option<&[(String, Node)]>) -> Result<Wanted, String> {
        let (_, source) = self.leaves_by();
        let is_ipv4 =
            header.is_some() && !self.is_ipv6() || self.seldom.icmp_timestamp || self.route().is_some();
        Wanted::of(self.ipv4 || is_ipv4, self.is_ipv6(), source, "-I")
    }

    /// The interface or the address that requests leave by.
    pub(super) fn leaves_by(&self) -> (Option<String>, Option<IpAddr>) {
        let Some(from) = &self.seldom.from else { return (None, None) };
        match from.parse::<IpAddr>() {
            Ok(address) => (None, Some(address)),
            Err(_) => (Some(from.clone()), None),
        }
    }

    fn departures(&self, interface: Option<&str>) -> Result<Departures, Box<dyn std::error::Error>> {
        let mut departures = Departures { queued: self.seldom.anatomy, by_adapter: false };
        if self.seldom.hwtstamp {
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
            query: match (&self.seldom.probe, self.seldom.icmp_timestamp) {
                (Some(interface), _) => Query::ExtendedEcho(interface.clone()),
                (None, true) => Query::Timestamp,
                (None, false) => Query::Echo,
            },
            size: self.size as usize,
            pattern: self.seldom.pattern.as_ref().map(|pattern| pattern.0.clone()).unwrap_or_default(),
            ttl: self.seldom.ttl,
            tos: self.seldom.tos,
            may_fragment: self.seldom.mtu == Mtu::Dont,
            header,
            route: self.route(),
            ident: self.seldom.ident.map_or_else(|| random::u16().map(|ident| ident.max(1)), Ok)?,
            tag: Tag { token: random::octets()?, keys: RandomState::new() },
            calendar: now.wall.saturating_sub(i64::try_from(now.monotonic).unwrap_or(i64::MAX)),
        };
        let floods = self.seldom.flood && self.interval.is_none();
        let gap = self.seldom.rate.map_or(0, |rate| SECOND.div_ceil(rate.into()));
        let (under_way, gap) = match self.seldom.adaptive {
            true => (Some(self.seldom.preload.unwrap_or(1)), gap.max(LEAST_INTERVAL)),
            false => (floods.then_some(self.seldom.preload.unwrap_or(UNDER_WAY)), gap),
        };
        let preload = if under_way.is_some() { 1 } else { self.seldom.preload.unwrap_or(1) };
        let timeout = if is_many { SECOND } else { 10 * SECOND };
        Ok(PingPlan {
            request,
            interval: self.interval.map_or(if floods { FLOOD_INTERVAL } else { SECOND }, nanos),
            gap,
            flood: under_way,
            preload,
            count: self.count,
            timeout: self
                .timeout
                .map_or(timeout, |timeout| if timeout.is_zero() { FOR_EVER } else { nanos(timeout) }),
            // As iputils has it, which sets no timer then.
            deadline: self.seldom.deadline.filter(|deadline| !deadline.is_zero()).map(nanos),
            anatomy: self.seldom.anatomy,
        })
    }
}

/// How long a reply is waited for without an end, so that it can be added to a time.
const FOR_EVER: Nanos = 365 * 86_400 * SECOND;

/// Requests of a flood that are under way.
const UNDER_WAY: u64 = 16;

/// A flood sends a hundred requests a second even when nothing comes back (ping(8)).
const FLOOD_INTERVAL: Nanos = 10 * MILLISECOND;

//! `rawsock ping`: hand-built echo requests, with the letters and lines of `ping`.

use std::io::{self, Write};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::recording::Recording;
use super::resolve::{Resolved, Resolver, Wanted, check_source};
use super::{CommandResult, Outcome, duration, random};
use crate::exchange::drive::icmp::{IcmpOptions, IcmpWire, Path};
use crate::exchange::drive::{Watcher, drive};
use crate::exchange::engine::Nanos;
use crate::exchange::ping::echo::EchoPlan;
use crate::exchange::ping::{Event, Ping, PingPlan};
use crate::show::ping as lines;
use crate::sys::clock::{self, Now};
use crate::sys::interrupt::Interrupt;
use crate::sys::ip_socket::{Family, IcmpKind};
use crate::sys::netlink::{Netlink, RouteQuery};

/// Send hand-built ICMP echo requests to hosts, and say what comes back.
#[derive(Debug, Args)]
pub(super) struct PingArgs {
    /// Hosts: names or addresses.
    #[arg(required = true, value_name = "HOST")]
    hosts: Vec<String>,
    /// IPv4 only.
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6')]
    ipv6: bool,
    /// Stop after so many requests to each host (with -w: replies).
    #[arg(short, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Wait so long between two requests: seconds, or with a unit (`200ms`).
    #[arg(short, value_name = "INTERVAL", default_value = "1", value_parser = duration::parse)]
    interval: Duration,
    /// Wait so long for a reply: seconds, or with a unit.
    #[arg(short = 'W', value_name = "TIMEOUT", default_value = "10", value_parser = duration::parse)]
    timeout: Duration,
    /// Stop after so long, whatever is missing: seconds, or with a unit.
    #[arg(short = 'w', value_name = "DEADLINE", value_parser = duration::parse)]
    deadline: Option<Duration>,
    /// Octets of payload.
    #[arg(short, value_name = "SIZE", default_value_t = 56, value_parser = clap::value_parser!(u32).range(0..=65507))]
    size: u32,
    /// Time to live, or hop limit.
    #[arg(short, value_name = "TTL", default_value_t = 64, value_parser = clap::value_parser!(u8).range(1..))]
    ttl: u8,
    /// Type of service or traffic class: DSCP and ECN in one octet, decimal or 0x...
    #[arg(short = 'Q', value_name = "TOS", default_value = "0", value_parser = octet)]
    tos: u8,
    /// Fill the payload with these octets again and again: up to 16, in hex.
    #[arg(short, value_name = "PATTERN", value_parser = pattern)]
    pattern: Option<Pattern>,
    /// Use this interface, or send from this address.
    #[arg(short = 'I', value_name = "INTERFACE|ADDRESS")]
    from: Option<String>,
    /// Print addresses, not names.
    #[arg(short)]
    numeric: bool,
    /// Print nothing but the summary.
    #[arg(short)]
    quiet: bool,
    /// Put a time stamp before each line.
    #[arg(short = 'D')]
    stamp: bool,
    /// Say which kind of socket is used, and by which way packets leave.
    #[arg(short)]
    verbose: bool,
    /// Save what was sent and received, as it passed the interface: pcap where the name ends so, else pcapng.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Octets of a payload.
#[derive(Debug, Clone)]
struct Pattern(Vec<u8>);

fn pattern(text: &str) -> Result<Pattern, String> {
    match hex::decode(if text.len() % 2 == 1 { format!("0{text}") } else { text.to_owned() }) {
        Ok(octets) if (1..=16).contains(&octets.len()) => Ok(Pattern(octets)),
        Ok(_) => Err("takes 1 to 16 octets".to_owned()),
        Err(error) => Err(format!("takes octets in hex: {error}")),
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

/// Runs the command.
///
/// # Errors
/// When no host can be asked: unknown names, no right to send, no such interface.
pub(super) fn run(args: &PingArgs) -> CommandResult {
    let ident = random::u16()?.max(1);
    let (interface, source) = match &args.from {
        Some(from) => match from.parse::<IpAddr>() {
            Ok(address) => (None, Some(address)),
            Err(_) => (Some(from.clone()), None),
        },
        None => (None, None),
    };
    let interface_index = match &interface {
        Some(name) => Some(Netlink::open()?.link(name)?.index),
        None => None,
    };
    let mut engine = Ping::new(plan(args, ident)?);
    let options = IcmpOptions { interface, source, ident, ttl: args.ttl, tos: args.tos };
    let mut wire = IcmpWire::new(options);
    let recording = args.write.as_deref().map(Recording::create).transpose()?;
    recording.iter().try_for_each(|recording| wire.record(recording.recorder()))?;
    let interrupt = Interrupt::catch()?;
    check_source(source)?;
    let wanted = Wanted::of(args.ipv4, args.ipv6, source, "-I")?;
    let resolver = Resolver::start(args.hosts.clone(), wanted)?;
    let mut text = String::new();
    if let (Some(pattern), false) = (&args.pattern, args.json) {
        text = format!("PATTERN: 0x{}\n", hex::encode(&pattern.0));
    }
    let mut printer = Printer {
        args,
        resolver,
        source,
        interface_index,
        pending: args.hosts.len(),
        headed: 0,
        failures: Vec::new(),
        text,
    };
    if let Err(error) = drive(&mut engine, &mut wire, &interrupt, &mut printer)
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        return Err(error.into());
    }
    let outcome = printer.finish(&engine)?;
    wire.finish()?;
    drop(wire);
    recording.map_or(Ok(()), Recording::finish)?;
    Ok(outcome)
}

fn plan(args: &PingArgs, ident: u16) -> Result<PingPlan, Box<dyn std::error::Error>> {
    let echo = EchoPlan {
        size: args.size as usize,
        pattern: args.pattern.as_ref().map(|pattern| pattern.0.clone()).unwrap_or_default(),
        ttl: args.ttl,
        tos: args.tos,
        ident,
        token: random::octets()?,
    };
    let nanos = |duration: Duration| Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX);
    Ok(PingPlan {
        echo,
        interval: nanos(args.interval),
        count: args.count,
        timeout: nanos(args.timeout),
        deadline: args.deadline.map(nanos),
    })
}

/// Adds hosts as their names are resolved, and prints what happens.
struct Printer<'a> {
    args: &'a PingArgs,
    resolver: Resolver,
    source: Option<IpAddr>,
    interface_index: Option<u32>,
    /// Names that are still being resolved.
    pending: usize,
    /// Targets whose first line was printed.
    headed: usize,
    /// Why hosts could not be asked.
    failures: Vec<String>,
    text: String,
}

impl Printer<'_> {
    /// Adds a host to the engine, or says why it cannot be asked.
    fn add(&mut self, resolved: Resolved, engine: &mut Ping, wire: &mut IcmpWire, now: Now) {
        let name = resolved.name.clone();
        if let Err(reason) = self.try_add(resolved, engine, wire, now) {
            anstream::eprintln!("rawsock: {name}: {reason}");
            self.failures.push(format!("{name}: {reason}"));
        }
    }

    fn try_add(
        &mut self,
        resolved: Resolved,
        engine: &mut Ping,
        wire: &mut IcmpWire,
        now: Now,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let address = resolved.address?;
        let kind = wire.open(Family::of(address.ip())).map_err(|error| {
            let or = if error.is_permission() { GROUP_RANGE } else { "" };
            format!("{error}{or}")
        })?;
        let path = self.path(address.ip(), address_scope(&address))?;
        if self.args.verbose {
            let kind = match kind {
                IcmpKind::Raw => "raw socket",
                IcmpKind::Datagram => "ICMP datagram socket (no CAP_NET_RAW; the kernel makes the IP header)",
            };
            anstream::eprintln!(
                "rawsock: {}: {kind}, from {}, path MTU {}",
                resolved.name,
                path.source,
                path.mtu
            );
        }
        wire.set_path(address.ip(), path);
        let name = if self.args.numeric { address.ip().to_string() } else { resolved.name };
        engine.add_target(&name, address.ip(), path.source, now.monotonic);
        Ok(())
    }

    /// Looks up the way to an address.
    fn path(&self, address: IpAddr, scope: Option<u32>) -> Result<Path, Box<dyn std::error::Error>> {
        let mut netlink = Netlink::open()?;
        let interface = self.interface_index.or(scope);
        let source = self.source.filter(|source| source.is_ipv4() == address.is_ipv4());
        let route = netlink.route(&RouteQuery { destination: address, source, interface })?;
        let link = netlink.link_by_index(route.interface)?;
        let source = source
            .or(route.source)
            .ok_or_else(|| format!("interface {} has no address to send from", link.name))?;
        let mtu = route.mtu.unwrap_or(link.mtu) as usize;
        Ok(Path { mtu, interface: interface.unwrap_or(0), source })
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        out.write_all(self.text.as_bytes())?;
        self.text.clear();
        out.flush()
    }

    /// The summaries, and what the command comes to.
    fn finish(mut self, engine: &Ping) -> CommandResult {
        for target in engine.targets() {
            let ended =
                if target.statistics.received + target.statistics.errors >= target.statistics.transmitted {
                    target.last_active
                } else {
                    clock::monotonic()
                };
            if self.args.json {
                let _ = lines::summary_json(&mut self.text, target, ended);
            } else {
                let _ = lines::summary(&mut self.text, target, ended);
            }
        }
        match self.flush() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
            _ => {}
        }
        // What is wrong with a host was said already. As fping has it, the worst of several hosts counts.
        let is_silent = engine.targets().iter().any(|target| target.statistics.received == 0);
        Ok(match (self.failures.is_empty(), is_silent) {
            (false, _) => Outcome::Failed,
            (true, true) => Outcome::NoAnswer,
            (true, false) => Outcome::Done,
        })
    }
}

/// The interface that a link-local address names (`fe80::1%eth0`).
fn address_scope(address: &std::net::SocketAddr) -> Option<u32> {
    match address {
        std::net::SocketAddr::V6(address) if address.scope_id() != 0 => Some(address.scope_id()),
        _ => None,
    }
}

impl Watcher<Ping, IcmpWire> for Printer<'_> {
    fn wake_up(&self) -> Option<BorrowedFd<'_>> {
        (self.pending > 0).then(|| self.resolver.as_fd())
    }

    fn woken(&mut self, engine: &mut Ping, wire: &mut IcmpWire, now: Now) {
        for resolved in self.resolver.take() {
            self.pending = self.pending.saturating_sub(1);
            self.add(resolved, engine, wire, now);
        }
        if self.pending == 0 {
            engine.close();
        }
    }

    fn watch(&mut self, engine: &mut Ping, _now: Now) -> io::Result<()> {
        let events = engine.take_events();
        if !self.args.json {
            let interface =
                self.args.from.as_deref().map(|from| if self.source.is_some() { "" } else { from });
            for target in engine.targets().iter().skip(self.headed) {
                let _ = lines::head(&mut self.text, target, self.args.size as usize, interface);
            }
        }
        self.headed = engine.targets().len();
        for event in events {
            if let Event::SendFailed { reason, .. } = &event
                && self.args.quiet
            {
                anstream::eprintln!("rawsock: {reason}");
            }
            let _ = match (self.args.json, self.args.quiet) {
                (true, false) => lines::event_json(&mut self.text, engine, &event),
                (false, false) => lines::event(&mut self.text, engine, &event, self.args.stamp),
                (_, true) => Ok(()),
            };
        }
        if self.text.is_empty() { Ok(()) } else { self.flush() }
    }
}

/// The other way to get the right, for everybody on the host (icmp(7)).
const GROUP_RANGE: &str =
    "; or allow ICMP datagram sockets to all: `sudo sysctl net.ipv4.ping_group_range='0 2147483647'`";

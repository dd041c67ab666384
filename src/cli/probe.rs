//! `rawsock probe`: is a port open, asked by plain sockets. (By hand-built packets, and both side by side, later.)

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::resolve::{Resolver, Wanted, check_source};
use super::{CommandResult, Outcome, duration};
use crate::exchange::drive::plain::{PlainOptions, ProbeWatcher, probe};
use crate::exchange::engine::Nanos;
use crate::exchange::probe::{EndPoint, Finished, IcmpReason, ProbePlan, Prober, Transport, Verdict};
use crate::show::text::push_json_string;
use crate::sys::interrupt::Interrupt;

/// Ask whether ports are open, with plain sockets: connect(), send() and recv().
#[derive(Debug, Args)]
pub(super) struct ProbeArgs {
    /// How to ask.
    #[arg(value_name = "tcp|udp")]
    transport: Kind,
    /// Whom to ask: hosts with ports, `server:80,443,8000-8010`; IPv6 addresses in brackets, `[::1]:80`.
    #[arg(required = true, value_name = "HOST:PORTS")]
    end_points: Vec<String>,
    /// IPv4 only.
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6')]
    ipv6: bool,
    /// Ask each so many times.
    #[arg(short, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Wait so long between two probes of the same port: seconds, or with a unit.
    #[arg(short, value_name = "INTERVAL", default_value = "1", value_parser = duration::parse)]
    interval: Duration,
    /// Wait so long for an answer: seconds, or with a unit.
    #[arg(short = 'W', value_name = "TIMEOUT", default_value = "2", value_parser = duration::parse)]
    timeout: Duration,
    /// Send from this address.
    #[arg(short = 'I', value_name = "ADDRESS")]
    source: Option<IpAddr>,
    /// What a UDP probe carries.
    #[arg(long, value_name = "TEXT", default_value = "rawsock probe\n")]
    payload: String,
    /// So many probes at once.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=1000))]
    at_once: u16,
    /// Print the summary only.
    #[arg(short)]
    quiet: bool,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Tcp,
    Udp,
}

/// Runs the command.
///
/// # Errors
/// When an end point cannot be read, or no host can be asked.
pub(super) fn run(args: &ProbeArgs) -> CommandResult {
    check_source(args.source)?;
    let wanted = Wanted::of(args.ipv4, args.ipv6, args.source, "-I")?;
    let asked = args.end_points.iter().map(|text| Asked::parse(text)).collect::<Result<VecDeque<_>, _>>()?;
    let transport = match args.transport {
        Kind::Tcp => Transport::Tcp,
        Kind::Udp => Transport::Udp,
    };
    let nanos = |duration: Duration| Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX);
    let mut prober = Prober::new(ProbePlan {
        transport,
        timeout: nanos(args.timeout),
        interval: nanos(args.interval),
        count: args.count,
        at_once: usize::from(args.at_once),
    });
    let interrupt = Interrupt::catch()?;
    let resolver = Resolver::start(asked.iter().map(|asked| asked.host.clone()).collect(), wanted)?;
    let mut watcher = Printer { args, asked, resolver, failed: false, tally: Tally::default() };
    let options = PlainOptions { source: args.source, payload: args.payload.clone().into_bytes() };
    match probe(&mut prober, transport, &options, &interrupt, &mut watcher) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    watcher.summary(prober.unfinished())?;
    Ok(match (watcher.failed, watcher.tally.open > 0) {
        // What is wrong with a host was said already.
        (true, _) => Outcome::Failed,
        (false, true) => Outcome::Done,
        (false, false) => Outcome::NoAnswer,
    })
}

/// A host and the ports to ask it for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    host: String,
    ports: Vec<u16>,
}

impl Asked {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text}: takes HOST:PORT, HOST:PORT,PORT or HOST:FROM-TO; IPv6 addresses in brackets");
        let (host, ports) = text.rsplit_once(':').ok_or_else(wrong)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if host.is_empty() || (host.contains(':') && bracketed.is_none()) {
            return Err(wrong());
        }
        let mut all = Vec::new();
        for part in ports.split(',') {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let (from, to): (u16, u16) =
                (from.parse().map_err(|_| wrong())?, to.parse().map_err(|_| wrong())?);
            if from > to {
                return Err(wrong());
            }
            all.extend(from..=to);
        }
        Ok(Self { host: bracketed.unwrap_or(host).to_owned(), ports: all })
    }
}

#[derive(Debug, Default)]
struct Tally {
    open: u64,
    closed: u64,
    unreachable: u64,
    no_answer: u64,
    failed: u64,
}

struct Printer<'a> {
    args: &'a ProbeArgs,
    /// Hosts whose names are still being resolved.
    asked: VecDeque<Asked>,
    resolver: Resolver,
    failed: bool,
    tally: Tally,
}

impl Printer<'_> {
    fn summary(&self, unfinished: usize) -> io::Result<()> {
        let Tally { open, closed, unreachable, no_answer, failed } = self.tally;
        let mut out = anstream::stdout().lock();
        let text = if self.args.json {
            format!(
                "{{\"event\":\"summary\",\"open\":{open},\"closed\":{closed},\"unreachable\":{unreachable},\
                 \"no_answer\":{no_answer},\"failed\":{failed},\"unfinished\":{unfinished}}}\n"
            )
        } else {
            let mut text = format!(
                "{open} open, {closed} closed, {unreachable} unreachable, {no_answer} without answer"
            );
            if failed > 0 {
                let _ = write!(text, ", {failed} not asked");
            }
            if unfinished > 0 {
                let _ = write!(text, ", {unfinished} not finished");
            }
            text + "\n"
        };
        match out.write_all(text.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    fn line(&self, end_point: &EndPoint, probe: &Finished) -> String {
        let transport = match self.args.transport {
            Kind::Tcp => "tcp",
            Kind::Udp => "udp",
        };
        let host = if end_point.host == end_point.address.ip().to_string() {
            String::new()
        } else {
            format!(" ({})", end_point.host)
        };
        let words = words(self.args.transport, &probe.verdict);
        let millis = probe.took / 1000;
        format!(
            "{transport} {}{host}: {words}, {}.{:03} ms\n",
            end_point.address,
            millis / 1000,
            millis % 1000
        )
    }
}

impl ProbeWatcher for Printer<'_> {
    fn known(&mut self) -> (Vec<EndPoint>, bool) {
        let mut known = Vec::new();
        for resolved in self.resolver.take() {
            let Some(at) = self.asked.iter().position(|asked| asked.host == resolved.name) else { continue };
            let Some(asked) = self.asked.remove(at) else { continue };
            match resolved.address {
                Ok(address) => known.extend(asked.ports.into_iter().map(|port| {
                    let mut address: SocketAddr = address;
                    address.set_port(port);
                    EndPoint { host: asked.host.clone(), address }
                })),
                Err(error) => {
                    anstream::eprintln!("rawsock: {}: {error}", asked.host);
                    self.failed = true;
                }
            }
        }
        (known, self.asked.is_empty())
    }

    fn wake_up(&self) -> Option<BorrowedFd<'_>> {
        (!self.asked.is_empty()).then(|| self.resolver.as_fd())
    }

    fn finished(&mut self, end_point: &EndPoint, probe: &Finished) -> io::Result<()> {
        let counter = match probe.verdict {
            Verdict::Open { .. } => &mut self.tally.open,
            Verdict::Closed { .. } => &mut self.tally.closed,
            Verdict::Unreachable { .. } => &mut self.tally.unreachable,
            Verdict::NoAnswer => &mut self.tally.no_answer,
            Verdict::Failed { .. } => &mut self.tally.failed,
        };
        *counter += 1;
        if self.args.quiet {
            return Ok(());
        }
        let text = if self.args.json {
            json(self.args.transport, end_point, probe)
        } else {
            self.line(end_point, probe)
        };
        let mut out = anstream::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

/// A verdict in words.
fn words(transport: Kind, verdict: &Verdict) -> String {
    match (transport, verdict) {
        (Kind::Tcp, Verdict::Open { .. }) => "open".to_owned(),
        (Kind::Udp, Verdict::Open { answer }) => format!("open, {} octets answered", answer.len()),
        (_, Verdict::Closed { by: None }) => "closed (reset)".to_owned(),
        (_, Verdict::Closed { by: Some(by) }) => format!("closed ({})", icmp_words(by)),
        (_, Verdict::Unreachable { by: Some(by), .. }) => format!("unreachable ({})", icmp_words(by)),
        (_, Verdict::Unreachable { by: None, reason }) => format!("unreachable ({reason})"),
        (Kind::Tcp, Verdict::NoAnswer) => "no answer: filtered, or nobody there".to_owned(),
        (Kind::Udp, Verdict::NoAnswer) => "no answer: open without an answer, or filtered".to_owned(),
        (_, Verdict::Failed { reason }) => format!("not asked: {reason}"),
    }
}

fn icmp_words(by: &IcmpReason) -> String {
    let name = if by.is_v6 { "ICMPv6" } else { "ICMP" };
    let words = by.words().map_or_else(|| format!("type {} code {}", by.kind, by.code), str::to_owned);
    match by.from {
        Some(from) => format!("{name} {words} from {from}"),
        None => format!("{name} {words}"),
    }
}

fn json(transport: Kind, end_point: &EndPoint, probe: &Finished) -> String {
    let transport = match transport {
        Kind::Tcp => "tcp",
        Kind::Udp => "udp",
    };
    let (state, by) = match &probe.verdict {
        Verdict::Open { .. } => ("open", None),
        Verdict::Closed { by } => ("closed", *by),
        Verdict::Unreachable { by, .. } => ("unreachable", *by),
        Verdict::NoAnswer => ("no_answer", None),
        Verdict::Failed { .. } => ("failed", None),
    };
    let mut text = format!("{{\"event\":\"probe\",\"transport\":\"{transport}\",\"host\":");
    push_json_string(&mut text, &end_point.host);
    let (address, port) = (end_point.address.ip(), end_point.address.port());
    let _ = write!(
        text,
        ",\"address\":\"{address}\",\"port\":{port},\"seq\":{},\"state\":\"{state}\"",
        probe.seq
    );
    let _ = write!(text, ",\"took_ns\":{}", probe.took);
    if let Some(local) = probe.local {
        let _ = write!(text, ",\"local\":\"{local}\"");
    }
    if let Verdict::Open { answer } = &probe.verdict
        && !answer.is_empty()
    {
        let _ = write!(text, ",\"answer\":\"{}\"", hex::encode(answer));
    }
    if let Some(by) = by {
        let _ = write!(text, ",\"icmp\":{{\"type\":{},\"code\":{},\"v6\":{}", by.kind, by.code, by.is_v6);
        if let Some(from) = by.from {
            let _ = write!(text, ",\"from\":\"{from}\"");
        }
        text.push('}');
    }
    if let Verdict::Failed { reason } | Verdict::Unreachable { reason, .. } = &probe.verdict
        && !reason.is_empty()
    {
        text.push_str(",\"reason\":");
        push_json_string(&mut text, reason);
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_ports() {
        let asked = |host: &str, ports: &[u16]| Ok(Asked { host: host.to_owned(), ports: ports.to_vec() });
        assert_eq!(Asked::parse("server:80,443,8000-8002"), asked("server", &[80, 443, 8000, 8001, 8002]));
        assert_eq!(Asked::parse("[::1]:7"), asked("::1", &[7]));
        for wrong in ["server", "server:", "::1:7", "server:9-7", "server:70000", ":7"] {
            assert!(Asked::parse(wrong).is_err(), "{wrong}");
        }
    }
}

//! `rawsock send`: builds packets, sends them, and pairs what comes back with them.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::capture_file::LiveFile;
use super::send_prepare::{Plan, Prepare};
use super::spec_argument::{Specs, tell};
use super::{CommandResult, Outcome, duration, random};
use crate::exchange::drive::packets::PacketWire;
use crate::exchange::drive::tap::Tap;
use crate::exchange::drive::{Watcher, drive};
use crate::exchange::engine::Nanos;
use crate::exchange::matcher::Match;
use crate::exchange::send::{Event, Pace, Ready, Seen, Sender, Totals};
use crate::file::WriteError;
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::show::{Meta, json, line, tree};
use crate::spec::{Random, Spec, Via};
use crate::sys::clock::Now;
use crate::sys::interrupt::Interrupt;
use crate::wire::frame::{Direction, Frame, LinkType};
use crate::wire::layers::LayerTable;

/// Build packets, send them, and say what comes back to each.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SendArgs {
    /// A spec file (TOML, JSON, JSON lines), an expression, or - for stdin.
    #[arg(value_name = "SPEC|EXPR|-")]
    spec: String,
    /// Send by this interface.
    #[arg(short, long, value_name = "INTERFACE")]
    interface: Option<String>,
    /// How to send: `ip` by a raw socket, `link` as a frame with every bit as written. Left out: by the outermost layer.
    #[arg(long, value_name = "ip|link")]
    via: Option<ViaArg>,
    /// Wait so long between two packets: seconds, or with a unit (`20ms`).
    #[arg(long, value_name = "INTERVAL", value_parser = duration::parse)]
    interval: Option<Duration>,
    /// Send so many packets in a second (`50k/s`, `200/s`).
    #[arg(long, value_name = "RATE", value_parser = rate, conflicts_with = "interval")]
    rate: Option<f64>,
    /// Send just so many packets.
    #[arg(short, long, value_name = "N")]
    count: Option<u64>,
    /// Wait so long for answers: seconds, or with a unit.
    #[arg(short = 'W', long, value_name = "TIME", value_parser = duration::parse)]
    within: Option<Duration>,
    /// Do not wait for answers.
    #[arg(long)]
    no_answers: bool,
    /// Save what was sent and what came back, as seen on the wire.
    #[arg(short, long, value_name = "FILE")]
    write: Option<String>,
    /// Seed of the random generators, to send the same packets again.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Print the summary only.
    #[arg(short, long)]
    quiet: bool,
    /// Print each answer's layers and fields.
    #[arg(short, long)]
    verbose: bool,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ViaArg {
    Ip,
    Link,
}

fn rate(text: &str) -> Result<f64, String> {
    crate::spec::parse_rate(text).ok_or_else(|| "takes packets in a time, such as 200/s or 50k/s".to_owned())
}

const EXAMPLES: &str = r#"Examples:
  rawsock send 'ip(dst=10.77.2.2, ttl=1..5)/udp(dstport=33434)'
  rawsock send examples/traceroute-by-hand.toml -w trace.pcapng
  rawsock send examples/wrong-on-purpose.toml --via link

What a spec leaves out is chosen here: the source address by the route, source port and ICMP identifier once for the run,
the IPv4 identification anew for each packet.

With `ip` outermost, packets go by SOCK_RAW with IP_HDRINCL: the kernel writes the total length and the checksum always, and
the identification and the source address when they are zero. `--via link` sends every bit as written."#;

/// Runs the command.
///
/// # Errors
/// When the spec cannot be read, sockets cannot be opened, or nothing can be printed.
pub(super) fn run(args: &SendArgs) -> CommandResult {
    let specs = match Specs::open(&args.spec)?.collect::<Result<Vec<Spec>, _>>() {
        Ok(specs) => specs,
        Err(error) => return tell(error),
    };
    let said = specs.first().map(|spec| spec.send.clone()).unwrap_or_default();
    let via = match args.via {
        Some(ViaArg::Ip) => Some(Via::Ip),
        Some(ViaArg::Link) => Some(Via::Link),
        None => said.via,
    };
    let seed = seed(args, &specs)?;
    let interface = args.interface.clone().or(said.interface);
    let plan = Plan {
        via,
        interface,
        seed,
        within: args.within.unwrap_or(DEFAULT_WAIT),
        within_is_given: args.within.is_some(),
        jitter: said.jitter.unwrap_or_default(),
        ident: random::u16()?,
    };
    let burst = said.burst.and_then(|burst| usize::try_from(burst).ok()).unwrap_or(1);
    let interval = match (args.interval, args.rate.or(said.rate), said.interval) {
        (Some(interval), ..) => interval,
        (None, Some(rate), _) => Duration::try_from_secs_f64(1.0 / rate).unwrap_or_default(),
        (None, None, interval) => interval.unwrap_or_default(),
    };
    send(args, &specs, plan, interval, burst)
}

/// How long an answer is awaited when nobody says.
const DEFAULT_WAIT: Duration = Duration::from_secs(1);

fn seed(args: &SendArgs, specs: &[Spec]) -> io::Result<u64> {
    match args.seed {
        Some(seed) => Ok(seed),
        None if specs.iter().any(Spec::is_random) => {
            let seed = u64::from(random::octets().map(u32::from_ne_bytes)?);
            anstream::eprintln!("rawsock: seed {seed}: --seed {seed} sends the same packets again");
            Ok(seed)
        }
        None => Ok(0),
    }
}

fn send(args: &SendArgs, specs: &[Spec], plan: Plan, interval: Duration, burst: usize) -> CommandResult {
    let interrupt = Interrupt::catch()?;
    let answers = !args.no_answers;
    let needs = plan.needs(specs)?;
    let tap = if answers || args.write.is_some() { Some(Tap::open(plan.tap()?)?) } else { None };
    let saved = args.write.as_deref().map(|path| LiveFile::create(Path::new(path))).transpose()?;
    let mut wire = PacketWire::open(needs, plan.interface.as_deref(), tap)?;
    // A spec that stands alone is gone through again until there are enough packets; a stream passes once.
    let (seed, count) = (plan.seed, args.count.or(specs.first().and_then(|spec| spec.send.count)));
    let mut randoms: Vec<Random> =
        (0..).map(|place| Random::new(seed.wrapping_add(place))).take(specs.len()).collect();
    let again = count.filter(|_| specs.len() == 1);
    let packets = specs.iter().zip(&mut randoms).flat_map(|(spec, random)| {
        spec.packets(random, again).map(move |(template, packet)| (spec, template, packet))
    });
    let most = count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    let prepare = Prepare::new(packets.take(most), plan, &interrupt)?;
    let nanos = Nanos::try_from(interval.as_nanos()).unwrap_or(Nanos::MAX);
    let mut sender = Sender::new(prepare, Pace { interval: nanos, burst, answers });
    let mut printer =
        Printer { args, saved, text: String::new(), table: LayerTable::default(), failure: None };
    match drive(&mut sender, &mut wire, &interrupt, &mut printer) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    let totals = sender.totals();
    printer.finish(totals, wire.unseen()?)?;
    Ok(outcome(totals))
}

/// Exit codes: nothing sent is a failure; awaited and nothing came is no answer.
fn outcome(totals: Totals) -> Outcome {
    match totals {
        Totals { sent: 0, failed: 1.., .. } => Outcome::Failed,
        Totals { awaited: 1.., answered: 0, .. } => Outcome::NoAnswer,
        _ => Outcome::Done,
    }
}

/// Saves a packet as it was seen, with what it is to the packets that were sent.
fn save(file: &mut LiveFile, seen: &Seen, direction: Direction, comment: &str) -> Result<(), WriteError> {
    file.write(&Frame {
        data: &seen.octets,
        len: u32::try_from(seen.len).unwrap_or(u32::MAX),
        time: Some(seen.wall),
        link_type: seen.link_type,
        interface: seen.interface,
        direction,
        comment: Some(comment),
    })
}

/// Prints what happens, and saves it.
struct Printer<'a> {
    args: &'a SendArgs,
    saved: Option<LiveFile>,
    text: String,
    table: LayerTable,
    failure: Option<WriteError>,
}

impl Printer<'_> {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Left { number, seen } => {
                self.save(seen, Direction::Outbound, &format!("packet {}", number + 1))
            }
            Event::Answer { what, rtt, seen } => {
                let words = answer_words(*what);
                let comment = format!("{words} packet {}, after {} ms", event.number() + 1, Millis(*rtt));
                self.save(seen, Direction::Inbound, &comment);
            }
            Event::Sent { .. } | Event::Failed { .. } => {}
        }
        match (self.args.json, self.args.quiet, event) {
            (_, _, Event::Failed { number, reason, packet }) => self.failed(*number, reason, packet.as_ref()),
            (_, true, _) => {}
            (true, false, _) => self.json(event),
            (false, false, _) => self.line(event),
        }
    }

    fn save(&mut self, seen: &Seen, direction: Direction, comment: &str) {
        if let (Some(saved), None) = (&mut self.saved, &self.failure) {
            self.failure = save(saved, seen, direction, comment).err();
        }
    }

    fn failed(&mut self, number: usize, reason: &str, packet: Option<&(Vec<u8>, LinkType)>) {
        let mut summary = String::new();
        if let Some((octets, link_type)) = packet {
            summary.push_str(" (");
            self.summarize(&mut summary, octets, *link_type);
            summary.push(')');
        }
        anstream::eprintln!("rawsock: packet {}{summary}: {reason}", number + 1);
    }

    fn summarize(&mut self, out: &mut String, octets: &[u8], link_type: LinkType) {
        dissect(octets, link_type, &mut self.table);
        let dissected = Dissected { octets, table: &self.table, wire_len: octets.len() };
        line::summary(out, &dissected, false);
    }

    fn line(&mut self, event: &Event) {
        let mut text = std::mem::take(&mut self.text);
        let number = event.number() + 1;
        match event {
            Event::Sent { octets, link_type, .. } => {
                let _ = write!(text, "{number:>5} sent                  ");
                self.summarize(&mut text, octets, *link_type);
                text.push('\n');
            }
            Event::Answer { what, rtt, seen } => {
                let _ =
                    write!(text, "{number:>5} {:<9} {:>8} ms ", answer_word(*what), Millis(*rtt).to_string());
                self.summarize(&mut text, &seen.octets, seen.link_type);
                text.push('\n');
                if self.args.verbose {
                    dissect(&seen.octets, seen.link_type, &mut self.table);
                    let dissected =
                        Dissected { octets: &seen.octets, table: &self.table, wire_len: seen.len };
                    tree::layers(&mut text, &dissected, tree::Style::default());
                }
            }
            Event::Left { .. } | Event::Failed { .. } => {}
        }
        self.text = text;
    }

    fn json(&mut self, event: &Event) {
        let number = event.number() + 1;
        let (kind, octets, link_type, wall, len) = match event {
            Event::Answer { what, seen, .. } => {
                (answer_word(*what), &seen.octets, seen.link_type, seen.wall, seen.len)
            }
            Event::Sent { octets, wall, link_type, .. } => ("sent", octets, *link_type, *wall, octets.len()),
            Event::Left { .. } | Event::Failed { .. } => return,
        };
        let text = &mut self.text;
        let _ = write!(text, "{{\"event\":\"{kind}\",\"packet\":{number}");
        if let Event::Answer { rtt, .. } = event {
            let _ = write!(text, ",\"rtt_ns\":{rtt}");
        }
        text.push_str(",\"frame\":");
        dissect(octets, link_type, &mut self.table);
        let dissected = Dissected { octets, table: &self.table, wire_len: len };
        let meta = Meta { time: Some(wall), ..Meta::built(number as u64, link_type) };
        json::packet(text, &meta, &dissected);
        text.push_str("}\n");
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        out.write_all(self.text.as_bytes())?;
        self.text.clear();
        out.flush()
    }

    /// The last line, and the end of the file.
    fn finish(mut self, totals: Totals, unseen: u64) -> Result<(), Box<dyn std::error::Error>> {
        let Totals { sent, failed, awaited, answered } = totals;
        if self.args.json {
            let _ = writeln!(
                self.text,
                "{{\"event\":\"summary\",\"sent\":{sent},\"failed\":{failed},\"awaited\":{awaited},\"answered\":{answered},\"unseen\":{unseen}}}"
            );
        } else {
            let _ = write!(self.text, "{sent} sent, {answered} answered");
            if awaited < sent {
                let _ = write!(self.text, ", {} without an answer to wait for", sent - awaited);
            }
            if failed > 0 {
                let _ = write!(self.text, ", {failed} not sent");
            }
            if unseen > 0 {
                let _ = write!(self.text, ", {unseen} packets passed unseen: there was no room for them");
            }
            self.text.push('\n');
        }
        match self.flush() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
            _ => {}
        }
        match (self.failure.take(), self.saved.take()) {
            (Some(failure), _) => Err(failure.into()),
            (None, Some(saved)) => Ok(saved.finish()?),
            (None, None) => Ok(()),
        }
    }
}

impl<I: Iterator<Item = Result<Ready, String>>> Watcher<Sender<I>, PacketWire> for Printer<'_> {
    fn watch(&mut self, engine: &mut Sender<I>, _now: Now) -> io::Result<()> {
        for event in engine.take_events() {
            self.event(&event);
        }
        if self.text.is_empty() { Ok(()) } else { self.flush() }
    }
}

fn answer_word(what: Match) -> &'static str {
    match what {
        Match::Reply(_) => "reply",
        Match::Error(_) => "error",
        Match::Duplicate(_) => "again",
    }
}

fn answer_words(what: Match) -> &'static str {
    match what {
        Match::Reply(_) => "answers",
        Match::Error(_) => "an error about",
        Match::Duplicate(_) => "again about",
    }
}

/// Nanoseconds as milliseconds with three places.
struct Millis(Nanos);

impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let micros = self.0 / 1000;
        write!(f, "{}.{:03}", micros / 1000, micros % 1000)
    }
}

//! `rawsock send`: builds packets, sends them, and pairs what comes back with them.

use std::io;
use std::path::Path;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::capture_file::LiveFile;
use super::send_output::{Form, Printer};
use super::send_prepare::{Plan, Prepare};
use super::spec_argument::{Specs, tell};
use super::{CommandResult, Outcome, duration, random};
use crate::exchange::drive::drive;
use crate::exchange::drive::packets::PacketWire;
use crate::exchange::drive::tap::Tap;
use crate::exchange::engine::Nanos;
use crate::exchange::send::{Pace, Sender, Totals};
use crate::spec::{Random, Spec, Via};
use crate::sys::interrupt::Interrupt;

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
    /// Set a variable of the spec.
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Print the summary only.
    #[arg(short, long)]
    quiet: bool,
    /// Print each answer's layers and fields, and remark on fields that contradict the packet that is sent.
    #[arg(short, long)]
    verbose: bool,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ViaArg {
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
    let specs = match Specs::open(&args.spec, &args.set)?.collect::<Result<Vec<Spec>, _>>() {
        Ok(specs) => specs,
        Err(error) => return tell(error),
    };
    let said = specs.first().map(|spec| spec.send.clone()).unwrap_or_default();
    let via = match args.via {
        Some(ViaArg::Ip) => Some(Via::Ip),
        Some(ViaArg::Link) => Some(Via::Link),
        None => said.via,
    };
    // Nothing is sent of a spec with a mistake.
    for spec in &specs {
        if let Err(error) = spec.check(MOST_CHECKED) {
            return tell(error.into());
        }
    }
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
        remarks: args.verbose,
    };
    let burst = said.burst.and_then(|burst| usize::try_from(burst).ok()).unwrap_or(1);
    let interval = match (args.interval, args.rate.or(said.rate), said.interval) {
        (Some(interval), ..) => interval,
        (None, Some(rate), _) => Duration::try_from_secs_f64(1.0 / rate).unwrap_or_default(),
        (None, None, interval) => interval.unwrap_or_default(),
    };
    send(args, &specs, plan, interval, burst)
}

/// Packets of a spec that are built before the first is sent.
const MOST_CHECKED: u64 = 1000;
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
    let expects = |spec: &Spec| spec.templates.iter().any(|template| !template.expect.is_empty());
    if !answers && specs.iter().any(expects) {
        return Err(
            "what a spec expects cannot be told without answers: leave `--no-answers` out, or its `expect`"
                .into(),
        );
    }
    let needs = plan.needs(specs)?;
    let tap = if answers || args.write.is_some() { Some(Tap::open(plan.tap()?)?) } else { None };
    let saved = args.write.as_deref().map(|path| LiveFile::create(Path::new(path))).transpose()?;
    let mut wire = PacketWire::open(needs, plan.interface.as_deref(), tap)?;
    // A spec that stands alone is gone through again until there are enough packets; a stream passes once.
    let (seed, count) = (plan.seed, args.count.or(specs.first().and_then(|spec| spec.send.count)));
    let mut randoms: Vec<Random> =
        (0..).map(|place| Random::new(seed.wrapping_add(place))).take(specs.len()).collect();
    let again = count.filter(|_| specs.len() == 1);
    let packets = specs
        .iter()
        .zip(&mut randoms)
        .flat_map(|(spec, random)| spec.packets(random, again).map(move |crafted| (spec, crafted)));
    let most = count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    let prepare = Prepare::new(packets.take(most), plan, &interrupt)?;
    let nanos = Nanos::try_from(interval.as_nanos()).unwrap_or(Nanos::MAX);
    let mut sender = Sender::new(prepare, Pace { interval: nanos, burst, answers });
    let form = match args {
        SendArgs { quiet: true, json, .. } => {
            if *json {
                Form::JsonSummary
            } else {
                Form::Summary
            }
        }
        SendArgs { json: true, .. } => Form::Json,
        SendArgs { verbose, .. } => Form::Lines { trees: *verbose },
    };
    let mut printer = Printer::new(form, saved);
    match drive(&mut sender, &mut wire, &interrupt, &mut printer) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    let totals = sender.totals();
    printer.finish(totals, wire.unseen()?)?;
    Ok(outcome(totals))
}

/// Exit codes: nothing sent is a failure; awaited and nothing came is no answer, and so is what was not as expected.
fn outcome(totals: Totals) -> Outcome {
    match totals {
        Totals { sent: 0, failed: 1.., .. } => Outcome::Failed,
        // Who says what is expected knows better than the protocols' rules.
        Totals { expected: expected @ 1.., fulfilled, .. } if fulfilled == expected => Outcome::Done,
        Totals { expected: 1.., .. } => Outcome::NoAnswer,
        Totals { awaited: 1.., answered: 0, .. } => Outcome::NoAnswer,
        _ => Outcome::Done,
    }
}

//! `rawsock send`: builds packets, sends them, and pairs what comes back with them.

use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::capture_file::LiveFile;
use super::engine::Engine;
use super::rst_guard::{Resets, is_needed_by_packets};
use super::sandbox::{self, SandboxArgs};
use super::send_flow::Flow;
use super::send_follow::{Follower, Marks, Watch};
use super::send_output::{Form, Printer};
use super::send_plan::Plan;
use super::send_prepare::Prepare;
use super::spec_argument::{Specs, tell};
use super::tun_address::TunAddress;
use super::{CommandResult, Outcome, duration, random, send_dry, send_flow, tempo, tun_address};
use crate::exchange::drive::packets::PacketWire;
use crate::exchange::drive::tap::Tap;
use crate::exchange::drive::{Watcher, drive};
use crate::exchange::engine::Engine as _;
use crate::exchange::engine::Nanos;
use crate::exchange::pace::Tempo;
use crate::exchange::send::{Pace, Sender, Totals};
use crate::spec::{Random, SendOptions, Spec, Via};
use crate::sys::clock::Now;
use crate::sys::interrupt::Interrupt;
use crate::sys::nftables::MARK;
use crate::sys::sandbox::Doing;

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
    /// How to send: `ip` by a raw socket, `link` as a frame with every bit as written, `tun` as a host of its own behind a TUN
    /// interface, with every bit as written, too. Left out: by the outermost layer.
    #[arg(long, value_name = "ip|link|tun")]
    via: Option<ViaArg>,
    /// The address of the kernel's end of the TUN interface, with its network; this program has the next one. May be given for
    /// IPv4 and for IPv6; left out, they are 10.99.0.1/24 and fd99::1/64.
    #[arg(long, value_name = "ADDRESS/LENGTH", value_parser = tun_address::parse)]
    tun_address: Vec<TunAddress>,
    /// Wait so long between two packets: seconds, or with a unit (`20ms`).
    #[arg(long, value_name = "INTERVAL", value_parser = duration::parse)]
    interval: Option<Duration>,
    /// Send so many packets in a second (`50k`) or another time (`6000/m`), or bits in a second (`100Mbit/s`, of packets as they are handed over).
    #[arg(long, value_name = "RATE", value_parser = tempo::rate, conflicts_with = "interval")]
    rate: Option<Tempo>,
    /// Send so many packets at once, one right behind the other: so many at each interval; a rate stays what it is.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    burst: Option<u64>,
    /// Send each packet later than its turn, by up to so much, at random.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    jitter: Option<Duration>,
    /// Send just so many packets: a spec that has fewer begins again.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Send for so much time; a spec begins again until then.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    duration: Option<Duration>,
    /// As fast as they go: no answers are awaited, and no packets printed.
    #[arg(long, conflicts_with_all = ["interval", "rate", "write"])]
    top_speed: bool,
    /// Send by so many threads, each with its own sockets; packets may overtake each other. No answers are awaited, and no packets
    /// printed.
    #[arg(long, value_name = "N", conflicts_with = "write", value_parser = clap::value_parser!(u64).range(1..=64))]
    workers: Option<u64>,
    /// What hands frames to the interface: `sendmmsg` a packet socket, in batches; `xdp` AF_XDP in copy mode, past the interface's
    /// queue and the taps of this host. `auto` is xdp at top speed where packets do not queue, else sendmmsg; -v tells. Where one is
    /// named, no answers are awaited, and no packets printed.
    #[arg(long, value_name = "ENGINE", conflicts_with = "write")]
    engine: Option<Engine>,
    /// Send more than 1,000 packets a second to others than this host.
    #[arg(long)]
    yes_flood: bool,
    /// Send nothing, and open no socket for it: print what would be sent, and how.
    #[arg(long, conflicts_with_all = ["write", "json"])]
    dry_run: bool,
    /// Wait so long for answers: seconds, or with a unit.
    #[arg(short = 'W', long, value_name = "TIME", value_parser = duration::parse)]
    within: Option<Duration>,
    /// Do not wait for answers.
    #[arg(long)]
    no_answers: bool,
    /// Let the kernel reset TCP connections that `then` opens by hand: its resets are not kept away from their ports.
    #[arg(long)]
    no_rst_guard: bool,
    /// Save what was sent and what came back, as seen on the wire; - is stdout, and what is printed goes to stderr.
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
    #[command(flatten)]
    pub(super) sandbox: SandboxArgs,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ViaArg {
    Ip,
    Link,
    Tun,
}

impl ViaArg {
    /// As a spec says it.
    pub(super) fn via(self) -> Via {
        match self {
            Self::Ip => Via::Ip,
            Self::Link => Via::Link,
            Self::Tun => Via::Tun,
        }
    }
}

const EXAMPLES: &str = r#"Examples:
  rawsock send 'ip(dst=10.77.2.2, ttl=1..5)/udp(dstport=33434)'
  rawsock send examples/traceroute-by-hand.toml -w trace.pcapng
  rawsock send examples/wrong-on-purpose.toml --via link
  rawsock send 'ip(dst=10.77.2.2)/udp(srcport=1024..65535)' --rate 50k/s --duration 10s --no-answers -q

What a spec leaves out is chosen here: the source address by the route, source port and ICMP identifier once for the run,
the IPv4 identification anew for each packet.

With `ip` outermost, packets go by SOCK_RAW with IP_HDRINCL: the kernel writes the total length and the checksum always, and
the identification and the source address when they are zero. `--via link` sends every bit as written.

Without answers and lines (`--no-answers -q`, `--top-speed`, `--workers`), packets go in batches, and of those that differ in some
fields only these and the checksums are written anew; it ends with how many left, and how late they were."#;

/// Runs the command.
///
/// # Errors
/// When the spec cannot be read, sockets cannot be opened, or nothing can be printed.
pub(super) fn run(args: &SendArgs) -> CommandResult {
    let specs = match Specs::open(&args.spec, &args.set)?.collect::<Result<Vec<Spec>, _>>() {
        Ok(specs) => specs,
        Err(error) => return tell(error),
    };
    if specs.iter().any(|spec| !spec.scenarios.is_empty()) {
        return Err(format!("{} has scenarios: `rawsock test {0}` runs them", args.spec).into());
    }
    let said = specs.first().map(|spec| spec.send.clone()).unwrap_or_default();
    // Nothing is sent of a spec with a mistake.
    for spec in &specs {
        if let Err(error) = spec.check(MOST_CHECKED) {
            return tell(error.into());
        }
    }
    let tempo = tempo_of(args, &said);
    let count = args.count.or(said.count);
    let total = specs.iter().fold(0u64, |sum, spec| sum.saturating_add(spec.total()));
    let again = specs.len() == 1 && (count.is_some() || args.duration.is_some());
    let most = count.unwrap_or(if again { u64::MAX } else { total });
    let mut plan = Plan {
        via: args.via.map(ViaArg::via).or(said.via),
        interface: args.interface.clone().or(said.interface.clone()),
        seed: seed(args, &specs)?,
        within: args.within.unwrap_or(DEFAULT_WAIT),
        within_is_given: args.within.is_some(),
        jitter: args.jitter.or(said.jitter).unwrap_or_default(),
        ident: random::u16()?,
        // A thousand packets are a second's worth at most.
        is_flood: tempo::is_flood(tempo) && most > 1000 && !args.yes_flood && !args.dry_run,
        is_dry: args.dry_run,
        asks: false,
        remarks: args.verbose,
        tun: None,
    };
    if !args.tun_address.is_empty() && plan.via != Some(Via::Tun) {
        return Err("--tun-address is that of a TUN interface: `--via tun` makes one".into());
    }
    let needs = plan.needs(&specs)?;
    plan.asks = needs.link && !plan.is_dry;
    let flow = Flow {
        tempo,
        burst: args.burst.or(said.burst).unwrap_or(1),
        duration: args.duration.map_or(Nanos::MAX, nanos),
        most,
        again,
        workers: args.workers.unwrap_or(1),
        needs,
        engine: args.engine.unwrap_or_default(),
        is_json: args.json,
        is_verbose: args.verbose,
    };
    let streams = args.top_speed || args.workers.is_some() || args.engine.is_some();
    let is_stream = streams || (args.no_answers && args.quiet && args.write.is_none());
    refuse(args, &specs, &plan, is_stream)?;
    if args.dry_run {
        return send_dry::run(&specs, &plan, &flow, args.quiet);
    }
    if is_stream {
        return send_flow::run(&specs, &plan, &flow, args.sandbox);
    }
    send(args, &specs, plan, &flow)
}

/// Refuses what does not go together.
fn refuse(args: &SendArgs, specs: &[Spec], plan: &Plan, is_stream: bool) -> Result<(), String> {
    if plan.via == Some(Via::Tun) && (is_stream || args.dry_run || plan.interface.is_some()) {
        return Err("`--via tun` makes an interface of its own and looks at what comes: leave `--interface`, `--dry-run`, `--top-speed`, \
                    `--workers`, `--engine` and `--no-answers -q` out"
            .into());
    }
    let awaits = !args.no_answers && !is_stream;
    let expects =
        |spec: &Spec| spec.templates.iter().any(|one| !one.expect.is_empty() || !one.then.is_empty());
    if !awaits && !args.dry_run && specs.iter().any(expects) {
        return Err("what a spec expects, and what follows an answer, is not known without answers: leave `--no-answers` out (`--top-speed` and `--workers` too), \
                    or its `expect` and `then`"
            .into());
    }
    Ok(())
}

/// How fast packets go: what the command line says, or else the spec.
fn tempo_of(args: &SendArgs, said: &SendOptions) -> Tempo {
    // An interval is from burst to burst.
    let burst = args.burst.or(said.burst).unwrap_or(1) as f64;
    let by_interval = |interval: Duration| match interval.as_secs_f64() {
        0.0 => Tempo::Top,
        seconds => Tempo::Packets(burst / seconds),
    };
    match (args.interval, args.rate, said.rate, said.interval) {
        _ if args.top_speed => Tempo::Top,
        (Some(interval), ..) => by_interval(interval),
        (None, Some(rate), ..) => rate,
        (None, None, Some(rate), _) => Tempo::Packets(rate),
        (None, None, None, interval) => by_interval(interval.unwrap_or_default()),
    }
}

fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}

/// Packets of a spec that are built before the first is sent.
pub(super) const MOST_CHECKED: u64 = 1000;
/// How long an answer is awaited when nobody says.
pub(super) const DEFAULT_WAIT: Duration = Duration::from_secs(1);

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

fn send(args: &SendArgs, specs: &[Spec], mut plan: Plan, flow: &Flow) -> CommandResult {
    let interrupt = Interrupt::catch()?;
    let answers = !args.no_answers;
    let is_tun = plan.via == Some(Via::Tun);
    let mut wire = if is_tun {
        plan.open_tun(&tun_address::network(&args.tun_address))?
    } else {
        let tap = if answers || args.write.is_some() { Some(Tap::open(plan.tap()?)?) } else { None };
        PacketWire::open(flow.needs, plan.interface.as_deref(), tap)?
    };
    let saved = args.write.as_deref().map(|path| LiveFile::create(Path::new(path))).transpose()?;
    // A spec that stands alone is gone through again until there are enough packets; a stream passes once.
    let seed = plan.seed;
    let mut randoms: Vec<Random> =
        (0..).map(|place| Random::new(seed.wrapping_add(place))).take(specs.len()).collect();
    let again = flow.again.then_some(flow.most);
    let packets = specs
        .iter()
        .zip(&mut randoms)
        .flat_map(|(spec, random)| spec.packets(random, again).map(move |crafted| (spec, crafted)));
    let most = usize::try_from(flow.most).unwrap_or(usize::MAX);
    let marks = Marks::default();
    // The kernel knows no such host, and says nothing in its place.
    let is_guarded = !is_tun && !args.no_rst_guard && answers && specs.iter().any(is_needed_by_packets);
    let resets = if is_guarded { Resets::keep_away(args.sandbox, args.verbose)? } else { Resets::default() };
    if resets.are_kept() {
        wire.mark(MARK)?;
    }
    let follower = Follower::new(Rc::clone(&marks), plan.clone(), &interrupt, resets.clone())?;
    let prepare =
        Prepare::new(packets.take(most), plan, &interrupt)?.with_marks(marks).with_resets(resets.clone());
    let burst = usize::try_from(flow.burst).unwrap_or(1);
    let (interval, bits) = match flow.tempo {
        Tempo::Packets(rate) => {
            (nanos(Duration::try_from_secs_f64(flow.burst as f64 / rate).unwrap_or(Duration::MAX)), 0)
        }
        Tempo::Bits(rate) => (0, rate.max(1.0) as u64),
        Tempo::Top | Tempo::Recorded(_) => (0, 0),
    };
    let pace =
        Pace { interval, bits, duration: flow.duration, burst, answers, watches: args.write.is_some() };
    let kept = sandbox::Plan::default().does(&[Doing::Traffic, Doing::Netlink]).tells_local_time();
    // For the process that keeps resets away.
    kept.does_if(resets.are_kept(), Doing::Wait).enter(args.sandbox, args.verbose)?;
    let mut sender = Sender::new(prepare, pace);
    let mut watch = Watch { printer: Printer::new(form_of(args), saved), follower };
    match drive(&mut sender, &mut wire, &interrupt, &mut watch) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    if args.write.is_some() {
        wire.finish(&mut |packet| sender.received(packet))?;
        Watcher::<_, PacketWire>::watch(&mut watch, &mut sender, Now::read())?;
    }
    let totals = sender.totals();
    watch.printer.finish(totals, wire.unseen()?)?;
    Ok(outcome(totals))
}

/// What is printed.
fn form_of(args: &SendArgs) -> Form {
    match args {
        SendArgs { quiet: true, json, .. } => {
            if *json {
                Form::JsonSummary
            } else {
                Form::Summary
            }
        }
        SendArgs { json: true, .. } => Form::Json,
        SendArgs { verbose, .. } => Form::Lines { trees: *verbose },
    }
}

/// Exit codes: nothing sent is a failure; awaited and nothing came is no answer, and so is what was not as expected, and a packet
/// that could not be sent.
fn outcome(totals: Totals) -> Outcome {
    match totals {
        Totals { sent: 0, failed: 1.., .. } => Outcome::Failed,
        Totals { failed: 1.., .. } => Outcome::NoAnswer,
        // Who says what is expected knows better than the protocols' rules.
        Totals { expected: expected @ 1.., fulfilled, .. } if fulfilled == expected => Outcome::Done,
        Totals { expected: 1.., .. } => Outcome::NoAnswer,
        Totals { awaited: 1.., answered: 0, .. } => Outcome::NoAnswer,
        _ => Outcome::Done,
    }
}

//! What a ping prints while it runs and at its end; adds hosts as their names are resolved.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use super::evidence::{Comment, Evidence};
use super::output::{say, say_plainly};
use super::ping::FrameKey;
use super::ping_args::PingArgs;
use super::ping_paths::{Paths, SMALL};
use super::resolve::{Resolved, Resolver, Wanted};
use super::{CommandResult, Outcome};
use crate::exchange::drive::Watcher;
use crate::exchange::drive::icmp::IcmpWire;
use crate::exchange::engine::{MILLISECOND, Nanos};
use crate::exchange::ping::expectation::Expectation;
use crate::exchange::ping::ledger::Ledger;
use crate::exchange::ping::statistics::{LegSpreads, Statistics};
use crate::exchange::ping::{Event, Ping, Target};
use crate::show::ping::{self as lines, EventStyle};
use crate::show::ping_comment::{self, Remark};
use crate::show::ping_many::{self, Table};
use crate::show::{ping_json, ping_summary};
use crate::sys::clock::{self, Now};
use crate::sys::interrupt::Interrupt;
use crate::sys::ip_socket::{Family, IcmpKind};
use crate::sys::terminal;

/// Adds hosts as their names are resolved, and prints what happens.
pub(super) struct Printer<'a> {
    args: &'a PingArgs,
    form: Form,
    resolver: Option<Resolver>,
    paths: Paths,
    /// They are told of as fping does.
    is_many: bool,
    /// Requests follow each other faster than another host may be asked without a flood.
    is_fast: bool,
    /// Names that are still being resolved.
    pending: usize,
    /// Targets whose first line was printed.
    headed: usize,
    /// Why hosts could not be asked.
    failures: usize,
    evidence: Option<Evidence<FrameKey>>,
    /// Tells when somebody asks how far the run is.
    interrupt: Option<&'a Interrupt>,
    text: String,
}

/// How events are told.
enum Form {
    /// As ping does.
    Lines,
    /// As fping does.
    Many,
    /// As a table, to be drawn again then.
    Table(Table, Nanos),
    /// As the dots of a flood, of which so many stand there.
    Dots(usize),
    /// As JSON.
    Json,
    /// Not at all.
    Quiet,
}

/// Between two drawings of the table, or of the dots.
const REDRAW: Nanos = 200 * MILLISECOND;

impl<'a> Printer<'a> {
    pub(super) fn new(
        args: &'a PingArgs,
        source: Option<IpAddr>,
        interface_index: Option<u32>,
        is_many: bool,
        is_fast: bool,
        wrong: Vec<String>,
    ) -> io::Result<Self> {
        let form = match (args.quiet, args.json, is_many) {
            (true, ..) => Form::Quiet,
            (_, true, _) => Form::Json,
            (_, _, true) if terminal::moves_cursor(io::stdout()) => Form::Table(Table::default(), 0),
            (_, _, true) => Form::Many,
            _ if args.seldom.flood && args.interval.is_none() => Form::Dots(0),
            _ => Form::Lines,
        };
        let mut text = String::new();
        if let (Some(pattern), false) = (&args.seldom.pattern, args.json) {
            text = format!("PATTERN: 0x{}\n", hex::encode(&pattern.0));
        }
        for line in &wrong {
            anstream::eprintln!("rawsock: {line}");
        }
        Ok(Self {
            args,
            form,
            resolver: None,
            paths: Paths::new(source, interface_index, is_many && args.size <= SMALL)
                .of_mark(args.seldom.mark),
            is_many,
            is_fast,
            pending: 0,
            headed: 0,
            failures: wrong.len(),
            evidence: None,
            interrupt: None,
            text,
        })
    }

    /// Says in this file, too, what became of each packet.
    pub(super) fn save_to(&mut self, evidence: Option<Evidence<FrameKey>>) {
        self.evidence = evidence;
    }

    /// Says how far the run is when this tells that somebody asks.
    pub(super) fn answer(&mut self, interrupt: &'a Interrupt) {
        self.interrupt = Some(interrupt);
    }

    /// Adds a host of which the address is known.
    pub(super) fn add_address(
        &mut self,
        address: IpAddr,
        wanted: Wanted,
        engine: &mut Ping,
        wire: &mut IcmpWire,
        now: Now,
    ) {
        let name = address.to_string();
        let family = match (wanted, address) {
            (Wanted::V4, IpAddr::V6(_)) => Err("is no IPv4 address".into()),
            (Wanted::V6, IpAddr::V4(_)) => Err("is no IPv6 address".into()),
            _ => Ok(SocketAddr::new(address, 0)),
        };
        let added = family.and_then(|address| self.try_add(&name, address, engine, wire, now));
        self.told(&name, added);
    }

    /// Waits for so many names, each of which is added when it is resolved.
    pub(super) fn wait_for(&mut self, resolver: Option<Resolver>, names: usize, engine: &mut Ping) {
        self.pending = names;
        self.resolver = resolver;
        if names == 0 {
            engine.close();
        }
    }

    /// Says why a host cannot be asked, when it cannot.
    fn told(&mut self, name: &str, added: Result<(), Box<dyn std::error::Error>>) {
        if let Err(reason) = added {
            self.say_beside(format_args!("rawsock: {name}: {reason}"));
            self.failures += 1;
        }
    }

    /// Says something on stderr. A table stands below it then, and not over it.
    fn say_beside(&mut self, words: fmt::Arguments<'_>) {
        if let Form::Table(table, due) = &mut self.form {
            let _ = table.erase(&mut self.text);
            *due = 0;
            // Should stdout be gone, that is found when the table is drawn again.
            let _ = self.flush();
        }
        anstream::eprintln!("{words}");
    }

    fn try_add(
        &mut self,
        name: &str,
        mut address: SocketAddr,
        engine: &mut Ping,
        wire: &mut IcmpWire,
        now: Now,
    ) -> Result<(), Box<dyn std::error::Error>> {
        address.set_ip(meant(address.ip()));
        if self.is_fast && !self.args.seldom.flood && !self.paths.is_own(address.ip())? {
            return Err("more than five requests a second are a flood, for a host that is not this one: \
                        --flood says yes to it"
                .into());
        }
        let kind = wire.open(Family::of(address.ip())).map_err(|error| {
            let or = if error.is_permission() && !wire.is_raw_only() { GROUP_RANGE } else { "" };
            format!("{error}{or}")
        })?;
        let (path, is_broadcast) = self.paths.to(address)?;
        match (is_broadcast, self.args.seldom.broadcast) {
            (true, false) => {
                return Err(
                    "is a broadcast address, which all hosts of a network hear: -b says yes to it".into()
                );
            }
            (true, true) => self.say_beside(format_args!("rawsock: {name} asks all hosts of a network")),
            (false, _) => {}
        }
        if self.args.seldom.verbose {
            let kind = match kind {
                IcmpKind::Raw => "raw socket",
                IcmpKind::Datagram => "ICMP datagram socket (no CAP_NET_RAW; the kernel makes the IP header)",
            };
            let (source, mtu) = (path.source, path.mtu);
            self.say_beside(format_args!("rawsock: {name}: {kind}, from {source}, path MTU {mtu}"));
        }
        wire.set_path(address.ip(), path);
        let address_text = self.args.numeric.then(|| address.ip().to_string());
        engine.add_target(address_text.as_deref().unwrap_or(name), address.ip(), path.source, now.monotonic);
        if is_broadcast {
            engine.make_group();
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.form {
            // It has no colours, but moves the cursor: that is no matter of taste, and never taken out.
            Form::Table(..) => say_plainly(&self.text)?,
            _ => say(&self.text)?,
        }
        self.text.clear();
        Ok(())
    }

    /// The summaries, and what the command comes to.
    pub(super) fn finish(mut self, engine: &Ping, floor: Option<&LegSpreads>) -> CommandResult {
        if let Form::Table(table, _) = &mut self.form {
            let size = terminal::size(io::stdout()).unwrap_or((80, 24));
            let _ = table.draw(&mut self.text, engine, size);
        }
        let (ledger, times) = engine.totals();
        let is_many = self.is_many;
        for target in engine.targets() {
            self.summary(engine, target, is_many);
        }
        let is_one = engine.targets().len() == 1;
        let is_none = engine.targets().is_empty();
        let _ = match (self.args.json, is_one && !is_many || is_none) {
            (true, _) => {
                ping_json::totals(&mut self.text, engine.targets().len(), &ledger, &times);
                Ok(())
            }
            (false, true) => Ok(()),
            (false, false) => {
                self.text.push('\n');
                ping_summary::ledger(&mut self.text, &ledger, &times)
            }
        };
        self.anatomy(&times, floor);
        let sent = engine.targets().iter().map(Target::transmitted).sum();
        let is_as_expected = self.check(sent, &ledger, &times);
        match self.flush() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
            _ => {}
        }
        // What is wrong with a host was said already. As fping has it, the worst of several hosts counts; as ping has it, a count and a
        // deadline together ask for so many replies.
        let wanted = engine.plan().count.filter(|_| engine.plan().deadline.is_some()).unwrap_or(1);
        let is_silent = is_none || engine.targets().iter().any(|target| target.ledger.answered() < wanted);
        let is_bad =
            ledger.is_tampered() || is_as_expected.map_or(is_silent, |is_as_expected| !is_as_expected);
        Ok(match (self.failures, is_bad) {
            (1.., _) => Outcome::Failed,
            (0, true) => Outcome::NoAnswer,
            (0, false) => Outcome::Done,
        })
    }

    fn summary(&mut self, engine: &Ping, target: &Target, is_many: bool) {
        let is_over = target.ledger.answered() >= target.transmitted();
        let ended = if is_over { target.last_active } else { clock::monotonic() };
        if self.args.json {
            return ping_json::summary(&mut self.text, target, ended);
        }
        let _ = match is_many {
            true => ping_many::summary(&mut self.text, target),
            false => ping_summary::summary(&mut self.text, target, ended),
        };
        if !is_many {
            // Strays are of no target: of one, they are told with it.
            let mut ledger = target.ledger.clone();
            if let [_] = engine.targets() {
                ledger = engine.totals().0;
            }
            let _ = ping_summary::ledger(&mut self.text, &ledger, &target.times);
        }
    }

    fn anatomy(&mut self, times: &Statistics, floor: Option<&LegSpreads>) {
        if !self.args.seldom.anatomy {
            return;
        }
        let legs = times.legs.clone().unwrap_or_default();
        if self.args.json {
            ping_json::anatomy(&mut self.text, "targets", &legs);
            floor.iter().for_each(|floor| ping_json::anatomy(&mut self.text, "loopback", floor));
        } else {
            self.text.push('\n');
            let _ = ping_summary::anatomy(&mut self.text, &legs, floor);
        }
    }

    /// Whether the run came to what was expected; `None` where nothing was.
    fn check(&mut self, sent: u64, ledger: &Ledger, times: &Statistics) -> Option<bool> {
        let expected = &self.args.seldom.expect.as_ref()?.0;
        let mut all = true;
        for one in expected {
            let (is_met, found) = one.check(sent, ledger, times);
            all &= is_met;
            let found = found.map_or_else(|| "nothing".to_owned(), |found| figure(one, found));
            if self.args.json {
                ping_json::expectation(&mut self.text, &one.text, is_met, &found);
            } else {
                let met = if is_met { "met" } else { "NOT MET" };
                self.text.push_str(&format!("expected {}: {found}, {met}\n", one.text));
            }
        }
        Some(all)
    }

    /// Says of the packets of an event what became of them.
    fn remark(&self, engine: &Ping, event: &Event) {
        let Some(evidence) = &self.evidence else { return };
        if let Event::Dropped { target, seq, text, wall, .. } = event
            && let Some(packet) = engine.packet_of(*target, *seq)
        {
            let text = format!("did not leave this host: {text}");
            evidence.unsent(&packet, Comment { text, time: Some(*wall) });
        }
        let window = engine.plan().request.window();
        for remark in ping_comment::remarks(engine, event) {
            let Remark { kind, peer, seq, text, time } = remark;
            let seq = u16::try_from(seq % window).unwrap_or_default();
            evidence.comment(&(kind, peer, seq), Comment { text, time });
        }
    }

    fn tell(&mut self, engine: &Ping, event: &Event) {
        self.remark(engine, event);
        if let (Event::Reply(_), true) = (event, self.args.seldom.audible && !self.args.json) {
            self.text.push('\u{7}');
        }
        let style = EventStyle {
            stamp: self.args.seldom.stamp,
            sources: self.args.seldom.verbose,
            anatomy: self.args.seldom.anatomy,
            outstanding: self.args.seldom.outstanding,
        };
        let _ = match &mut self.form {
            Form::Lines => lines::event(&mut self.text, engine, event, style),
            Form::Many => ping_many::event(&mut self.text, engine, event),
            Form::Json => {
                ping_json::event(&mut self.text, engine, event);
                Ok(())
            }
            Form::Table(table, _) => {
                table.note(event);
                Ok(())
            }
            Form::Dots(_) | Form::Quiet => Ok(()),
        };
        if let Event::Dropped { text, is_news: true, .. } = event
            && matches!(self.form, Form::Quiet | Form::Dots(_) | Form::Table(..))
        {
            self.say_beside(format_args!("rawsock: {text}"));
        }
    }

    /// The first lines of targets that are new.
    fn heads(&mut self, engine: &Ping) {
        if matches!(self.form, Form::Lines | Form::Dots(_) | Form::Quiet) && !self.is_many && !self.args.json
        {
            let interface =
                self.args.seldom.from.as_deref().map(|from| if self.paths.has_source() { "" } else { from });
            for target in engine.targets().iter().skip(self.headed) {
                let sizes = engine.plan().request.sizes(target.source, target.address);
                let sizes = sizes.unwrap_or((self.args.size as usize, 0));
                let _ = lines::head(&mut self.text, target, sizes, interface);
            }
        }
        self.headed = engine.targets().len();
    }

    /// A dot for each request that is not answered, as `ping -f` has it.
    fn dots(&mut self, engine: &Ping) {
        let Form::Dots(shown) = &mut self.form else { return };
        let open = |target: &Target| target.transmitted().saturating_sub(target.ledger.answered());
        let open = engine.targets().iter().map(open).sum::<u64>();
        let open = usize::try_from(open).unwrap_or(usize::MAX).min(MOST_DOTS);
        self.text.extend(std::iter::repeat_n("\u{8} \u{8}", shown.saturating_sub(open)));
        self.text.extend(std::iter::repeat_n(".", open.saturating_sub(*shown)));
        *shown = open;
    }
}

/// Dots that are printed at most.
const MOST_DOTS: usize = 1 << 16;

fn figure(one: &Expectation, found: f64) -> String {
    match (one.is_time(), one.is_percentage()) {
        (true, _) => format!("{} ms", found / 1e6),
        (_, true) => format!("{}%", lines::short(found)),
        _ => found.to_string(),
    }
}

impl Watcher<Ping, IcmpWire> for Printer<'_> {
    fn wake_up(&self) -> Option<BorrowedFd<'_>> {
        self.resolver.as_ref().filter(|_| self.pending > 0).map(AsFd::as_fd)
    }

    fn woken(&mut self, engine: &mut Ping, wire: &mut IcmpWire, now: Now) {
        let resolved: Vec<Resolved> = self.resolver.as_ref().map(Resolver::take).unwrap_or_default();
        for resolved in resolved {
            self.pending = self.pending.saturating_sub(1);
            let name = resolved.name;
            let added = match resolved.address {
                Ok(address) => self.try_add(&name, address, engine, wire, now),
                Err(error) => Err(error.into()),
            };
            self.told(&name, added);
        }
        if self.pending == 0 {
            engine.close();
        }
    }

    fn due(&self) -> Option<Nanos> {
        match &self.form {
            Form::Table(_, due) => Some(*due),
            _ => None,
        }
    }

    fn watch(&mut self, engine: &mut Ping, now: Now) -> io::Result<()> {
        self.heads(engine);
        for event in engine.take_events() {
            self.tell(engine, &event);
        }
        if let Form::Table(table, due) = &mut self.form
            && now.monotonic >= *due
        {
            *due = now.monotonic.saturating_add(REDRAW);
            let size = terminal::size(io::stdout()).unwrap_or((80, 24));
            let _ = table.draw(&mut self.text, engine, size);
        }
        self.dots(engine);
        if self.interrupt.is_some_and(Interrupt::asks) {
            // It overwrites what Ctrl-\ shows on a terminal.
            self.say_beside(format_args!("\r{}", ping_summary::so_far(engine)));
        }
        if self.text.is_empty() { Ok(()) } else { self.flush() }
    }
}

/// Whom an address stands for: what is no host's is this host, as the kernel has it (`ip_route_output_key_hash_rcu` in net/ipv4/route.c),
/// whose answer comes from there. `ping 0` is short for that.
fn meant(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

/// The other way to get the right, for everybody on the host (icmp(7)), where datagram sockets will do.
const GROUP_RANGE: &str =
    "; or allow ICMP datagram sockets to all: `sudo sysctl net.ipv4.ping_group_range='0 2147483647'`";

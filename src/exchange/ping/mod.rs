//! Ping as an engine: when to ask whom, and what each packet that comes is.

mod event;
pub mod expectation;
pub mod ledger;
mod message;
pub mod query;
mod receive;
pub mod route;
pub mod sample;
mod schedule;
pub mod statistics;
mod stencil;
pub mod tag;
mod target;
pub mod told;

#[cfg(test)]
mod script;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use crate::exchange::engine::{
    Departure, Engine, Incoming, MILLISECOND, Nanos, Outgoing, Reading, SendError, Stamp, Step,
};
use crate::packet::dissect::dissect;
use crate::wire::layers::LayerTable;

pub use self::event::{Damage, Event, Reply};
pub use self::message::{FrameKind, belongs, frame_of, path_mtu};
pub use self::target::{Target, loss_percent};

use self::ledger::{DropReason, Ledger, ProbeClass};
use self::message::Message;
use self::query::{Request, RequestPlan};
use self::receive::Held;
use self::sample::{WayIn, WayOut};
use self::schedule::Schedule;
use self::statistics::Statistics;
use self::stencil::Maker;
use self::tag::Mark;
use self::told::Route;

/// How a run of pings goes.
#[derive(Debug, Clone)]
pub struct PingPlan {
    /// What each request looks like.
    pub request: RequestPlan,
    /// Between two requests to the same target.
    pub interval: Nanos,
    /// Between any two requests.
    pub gap: Nanos,
    /// Requests are sent as soon as those before are answered, so many being under way; else each in its time.
    pub flood: Option<u64>,
    /// So many requests to each target are sent at once at the beginning, and each further one in its time.
    pub preload: u64,
    /// Requests to each target; without end when left out.
    pub count: Option<u64>,
    /// How long the last requests wait for their replies, and when a reply is late.
    pub timeout: Nanos,
    /// The run ends then, whatever is missing; counted from its first step.
    pub deadline: Option<Nanos>,
    /// Where the time of all round trips was spent is summed up.
    pub anatomy: bool,
}

/// The engine.
#[derive(Debug)]
pub struct Ping {
    plan: PingPlan,
    targets: Vec<Target>,
    /// The first target of each address.
    by_address: HashMap<IpAddr, usize>,
    schedule: Schedule,
    maker: Maker,
    /// Requests whose time is not over, in order; some of them may have ended.
    outstanding: VecDeque<Asked>,
    /// How many of them have not ended.
    open_probes: u64,
    /// How many ended since the last request because nothing came.
    expired: u64,
    /// Requests that were given to be sent, and of which it was not told what became of them.
    unsent: usize,
    /// The last requests, by the tags that the driver knows them by.
    tags: VecDeque<(usize, u64)>,
    first_tag: usize,
    /// Replies that wait for the stamp of their request.
    held: Vec<Held>,
    /// Packets that belong to no target.
    strays: Ledger,
    /// Why the last request did not leave.
    dropping: Option<DropReason>,
    events: Vec<Event>,
    /// Targets may still be added.
    is_open: bool,
    started: Option<Nanos>,
    is_stopping: bool,
    is_closed: bool,
    over: Over,
}

/// A request that is out.
#[derive(Debug, Clone, Copy)]
struct Asked {
    at: Nanos,
    target: usize,
    seq: u64,
}

/// When nothing is to be waited for any more, as it was last worked out.
#[derive(Debug, Clone, Copy, Default)]
struct Over {
    at: Nanos,
    checked: Option<Nanos>,
}

impl Ping {
    /// An engine without targets; they are added as their names are resolved.
    pub fn new(plan: PingPlan) -> Self {
        let schedule = Schedule::new(plan.interval, plan.gap);
        Self {
            plan,
            targets: Vec::new(),
            by_address: HashMap::new(),
            schedule,
            maker: Maker::default(),
            outstanding: VecDeque::new(),
            open_probes: 0,
            expired: 0,
            unsent: 0,
            tags: VecDeque::new(),
            first_tag: 0,
            held: Vec::new(),
            strays: Ledger::default(),
            dropping: None,
            events: Vec::new(),
            is_open: true,
            started: None,
            is_stopping: false,
            is_closed: false,
            over: Over::default(),
        }
    }

    /// Makes room for so many targets.
    pub fn expect_targets(&mut self, count: usize) {
        self.targets.reserve(count);
        self.by_address.reserve(count);
    }

    /// Adds a target, to be asked from now on.
    pub fn add_target(&mut self, name: &str, address: IpAddr, source: IpAddr, now: Nanos) {
        let number = self.targets.len();
        self.by_address.entry(address).or_insert(number);
        let times = if self.plan.anatomy { Statistics::with_legs() } else { Statistics::default() };
        self.targets.push(Target::new(name, address, source, times, now));
        self.schedule.add(number, now);
    }

    /// The target that was added last stands for several hosts, each of which may answer.
    pub fn make_group(&mut self) {
        if let Some(target) = self.targets.last_mut() {
            target.make_group();
        }
    }

    /// No more targets will be added: the run can end.
    pub fn close(&mut self) {
        self.is_open = false;
    }

    /// The targets.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// How the run goes.
    pub fn plan(&self) -> &PingPlan {
        &self.plan
    }

    /// Packets that belong to no target.
    pub fn strays(&self) -> u64 {
        self.strays.came()
    }

    /// The ledgers and round trips of all targets together.
    pub fn totals(&self) -> (Ledger, Statistics) {
        let (mut ledger, mut times) = (self.strays.clone(), Statistics::default());
        for target in &self.targets {
            ledger.add_all(&target.ledger);
            times.add_all(&target.times);
        }
        (ledger, times)
    }

    /// When a request left, by the kernel's stamp: nanoseconds since 1970.
    pub fn left_at(&self, target: usize, seq: u64) -> Option<i64> {
        self.targets.get(target)?.peek(seq)?.out?.driver
    }

    /// The packet of a request that is remembered, as it was built.
    pub fn packet_of(&self, target: usize, seq: u64) -> Option<Vec<u8>> {
        let asked = self.targets.get(target)?;
        let mark = Mark { target: u32::try_from(target).unwrap_or(u32::MAX), seq };
        let request = Request { mark, at: asked.peek(seq)?.made };
        Some(self.plan.request.build(asked.source, asked.address, request).ok()?.octets)
    }

    /// What happened since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Requests of a target that are remembered.
    fn window(&self) -> usize {
        let each = KEPT.checked_div(self.targets.len()).unwrap_or(KEPT).max(LEAST_KEPT);
        each.min(usize::try_from(self.plan.request.window()).unwrap_or(KEPT))
    }

    fn ask(&mut self, number: usize, now: Nanos) -> Step {
        let window = self.window();
        let Some(target) = self.targets.get_mut(number) else { return Step::Done };
        if let Some((_, gone)) = target.ask(now, window)
            && gone.end.is_none()
        {
            target.ledger.probe(gone.without_reply());
            self.open_probes = self.open_probes.saturating_sub(1);
        }
        let (seq, source, address) = (target.asked, target.source, target.address);
        self.open_probes = self.open_probes.saturating_add(1);
        self.expired = 0;
        self.outstanding.push_back(Asked { at: now, target: number, seq });
        self.over.checked = None;
        self.tags.push_back((number, seq));
        if self.tags.len() > MOST_TAGS {
            self.tags.pop_front();
            self.first_tag = self.first_tag.wrapping_add(1);
        }
        let tag = self.first_tag.wrapping_add(self.tags.len()).wrapping_sub(1);
        let mark = Mark { target: u32::try_from(number).unwrap_or(u32::MAX), seq };
        match self.maker.make(&self.plan.request, (source, address), Request { mark, at: now }) {
            Ok((octets, link_type)) => {
                self.unsent = self.unsent.saturating_add(1);
                Step::Send(Outgoing { tag, octets, link_type, destination: Some(address), interface: 0 })
            }
            Err(error) => {
                self.drop_probe(number, seq, &SendError::of(error.to_string()), 0);
                self.is_stopping = true;
                Step::Wait(now)
            }
        }
    }

    /// The request that the driver knows by this tag.
    fn tagged(&self, tag: usize) -> Option<(usize, u64)> {
        self.tags.get(tag.checked_sub(self.first_tag)?).copied()
    }

    fn drop_probe(&mut self, number: usize, seq: u64, error: &SendError, wall: i64) {
        let Some(target) = self.targets.get_mut(number) else { return };
        let Some(probe) = target.probe(seq).filter(|probe| probe.end.is_none()) else { return };
        probe.end = Some(ProbeClass::LocalDrop);
        self.open_probes = self.open_probes.saturating_sub(1);
        let reason = DropReason::of(error.errno);
        target.ledger.dropped(reason);
        let is_news = self.dropping.replace(reason) != Some(reason);
        let text = error.words.clone();
        self.events.push(Event::Dropped { target: number, seq, reason, text, is_news, wall });
    }

    /// Ends a request; one that had ended without a reply may be answered after all.
    fn end(&mut self, number: usize, seq: u64, class: ProbeClass) -> bool {
        let Some(target) = self.targets.get_mut(number) else { return false };
        let Some(probe) = target.probe(seq) else { return false };
        match (probe.end.replace(class), class) {
            (None, _) => {
                self.open_probes = self.open_probes.saturating_sub(1);
                target.ledger.probe(class);
            }
            (Some(before), _) => target.ledger.move_probe(before, class),
        }
        self.over.checked = None;
        true
    }

    /// Ends the requests whose time is over.
    fn expire(&mut self, now: Nanos) {
        while let Some(asked) = self.outstanding.front().copied() {
            let Some(target) = self.targets.get_mut(asked.target) else { break };
            let open = target.probe(asked.seq).filter(|probe| probe.end.is_none()).map(|probe| *probe);
            if open.is_some() && asked.at.saturating_add(self.plan.timeout) > now {
                break;
            }
            self.outstanding.pop_front();
            if let Some(probe) = open {
                let class = probe.without_reply();
                self.end(asked.target, asked.seq, class);
                self.expired = self.expired.saturating_add(1);
                let wall = probe.out.map_or(0, |out| out.called_wall);
                self.events.push(Event::Lost { target: asked.target, seq: asked.seq, class, wall });
            }
        }
    }

    /// When there is nothing to wait for any more: all answered, or the longest wait over. As `ping` does, a target that
    /// has had replies is waited for twice its longest round trip, another the whole time-out.
    fn over_at(&mut self, now: Nanos) -> Nanos {
        if self.open_probes == 0 && self.held.is_empty() {
            return 0;
        }
        // Worked out anew for each of thousands of replies, it would take longer than they.
        let is_fresh = self.over.checked.is_some_and(|checked| now < checked.saturating_add(MILLISECOND));
        if is_fresh && self.over.at > now {
            return self.over.at;
        }
        let mut over = self.held.iter().map(|held| held.until).max().unwrap_or(0);
        for asked in &self.outstanding {
            let Some(target) = self.targets.get_mut(asked.target) else { continue };
            if target.probe(asked.seq).is_none_or(|probe| probe.end.is_some()) {
                continue;
            }
            over = over.max(asked.at.saturating_add(wait(target, self.plan.timeout)));
        }
        self.over = Over { at: over, checked: Some(now) };
        over
    }

    /// Ends what has not ended.
    fn finish(&mut self, now: Nanos) {
        if std::mem::replace(&mut self.is_closed, true) {
            return;
        }
        self.tell_held(Nanos::MAX);
        let timeout = self.plan.timeout;
        for asked in std::mem::take(&mut self.outstanding) {
            let Some(target) = self.targets.get_mut(asked.target) else { continue };
            let wait = wait(target, timeout);
            let Some(probe) = target.probe(asked.seq).filter(|probe| probe.end.is_none()) else { continue };
            let is_over = asked.at.saturating_add(wait) <= now;
            let class = if is_over { probe.without_reply() } else { ProbeClass::Unfinished };
            let wall = probe.out.map_or(0, |out| out.called_wall);
            self.end(asked.target, asked.seq, class);
            if is_over {
                self.events.push(Event::Lost { target: asked.target, seq: asked.seq, class, wall });
            }
        }
    }

    /// Ends the run, once it is known of all requests whether they left.
    fn end_run(&mut self, now: Nanos) -> Step {
        if self.unsent > 0 {
            return Step::Wait(now);
        }
        self.finish(now);
        Step::Done
    }

    /// Whether as many requests are under way as may be. An answer makes room for another one; that none came in time does not, and the
    /// next one has its interval to wait.
    fn is_full(&self) -> bool {
        self.plan.flood.is_some_and(|most| self.open_probes.saturating_add(self.expired) >= most)
    }

    /// With a deadline, as `ping` has it, the count is of replies and not of requests.
    fn is_done(target: &Target, plan: &PingPlan) -> bool {
        let done = if plan.deadline.is_some() { target.ledger.answered() } else { target.asked };
        plan.count.is_some_and(|count| done >= count)
    }
}

/// How long a target is waited for at the end.
fn wait(target: &Target, timeout: Nanos) -> Nanos {
    let twice = |longest: Nanos| longest.saturating_mul(2).max(MIN_WAIT).min(timeout);
    target.times.longest().map_or(timeout, twice)
}

/// Requests that are remembered of all targets together, and of each at least.
const KEPT: usize = 1 << 18;
const LEAST_KEPT: usize = 16;
/// Requests whose stamps may still come.
const MOST_TAGS: usize = 1 << 14;
/// At least so long is waited for the last replies, whatever the round trips were.
const MIN_WAIT: Nanos = 20 * MILLISECOND;

impl Engine for Ping {
    fn step(&mut self, now: Nanos) -> Step {
        let started = *self.started.get_or_insert(now);
        let deadline = self.plan.deadline.map(|deadline| started.saturating_add(deadline));
        self.tell_held(now);
        // Of what was given to be sent, it may turn out that it did not leave.
        if self.unsent == 0 {
            self.expire(now);
        }
        if deadline.is_some_and(|deadline| now >= deadline) || self.is_stopping {
            return self.end_run(now);
        }
        let held = self.held.iter().map(|held| held.until).min().unwrap_or(Nanos::MAX);
        let end = deadline.unwrap_or(Nanos::MAX).min(held);
        let (targets, plan) = (&self.targets, &self.plan);
        let is_done = |number: usize| targets.get(number).is_none_or(|target| Self::is_done(target, plan));
        let flood = self.plan.flood.is_some().then(|| self.is_full());
        let mut next = self.schedule.next(now, flood, &is_done);
        if let Some((number, _)) = next
            && targets.get(number).is_some_and(|target| target.asked > 0 && target.asked < plan.preload)
        {
            // It waits for nothing.
            next = self.schedule.next(now, Some(false), &is_done);
        }
        match next {
            Some((number, at)) if at <= now => {
                self.schedule.asked(now);
                self.ask(number, now)
            }
            Some((_, at)) => Step::Wait(at.min(end)),
            None if self.is_open => Step::Idle,
            None => match self.over_at(now) {
                over if over <= now => self.end_run(now),
                over => Step::Wait(over.min(end)),
            },
        }
    }

    fn sent(&mut self, tag: usize, at: Nanos, wall: i64, result: Result<(), SendError>) {
        self.unsent = self.unsent.saturating_sub(1);
        let Some((number, seq)) = self.tagged(tag) else { return };
        match result {
            Ok(()) => {
                let Some(target) = self.targets.get_mut(number) else { return };
                if let Some(probe) = target.probe(seq) {
                    probe.out = Some(WayOut { called: at, called_wall: wall, ..WayOut::default() });
                }
                if self.dropping.take().is_some() {
                    self.events.push(Event::LeavesAgain { target: number, seq, wall });
                }
            }
            Err(error) => self.drop_probe(number, seq, &error, wall),
        }
    }

    fn stamped(&mut self, tag: usize, departure: Departure) {
        let Some((number, seq)) = self.tagged(tag) else { return };
        let Some(target) = self.targets.get_mut(number) else { return };
        if let Some(out) = target.probe(seq).and_then(|probe| probe.out.as_mut()) {
            out.note(departure);
        }
    }

    fn awaits_stamp(&self) -> bool {
        !self.held.is_empty()
    }

    fn received(&mut self, packet: Incoming<'_>) {
        let mut table = LayerTable::default();
        dissect(packet.octets, packet.link_type, &mut table);
        let Some(message) = Message::outermost(packet.octets, &table) else { return };
        let program = Reading { at: packet.at, wall: packet.wall, stamp: Stamp::User };
        let reading = packet.read.unwrap_or(program);
        match message.quoted(packet.octets, &table) {
            Some(quoted) => self.error(&message, &quoted, reading.at, packet.wall),
            None if message.is_reply => {
                let route = match message.has_options {
                    true => Route::read(packet.octets, &table),
                    false => Vec::new(),
                };
                self.reply(&message, WayIn { wall: packet.wall, reading }, route);
            }
            None => {}
        }
    }

    fn stop(&mut self, _now: Nanos) {
        self.is_stopping = true;
    }
}

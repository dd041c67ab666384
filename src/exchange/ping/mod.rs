//! Ping as an engine: when to ask whom, and what each packet that comes is.

pub mod echo;
mod event;
mod message;
pub mod statistics;

use std::collections::HashMap;
use std::net::IpAddr;

use crate::exchange::engine::{Engine, Incoming, Nanos, Outgoing, SendError, Step};
use crate::packet::dissect::dissect;
use crate::wire::layers::LayerTable;

pub use self::event::{Damage, Event, Reply};
pub use self::message::belongs;

use self::echo::EchoPlan;
use self::message::Message;
use self::statistics::Statistics;

/// How a run of pings goes.
#[derive(Debug, Clone)]
pub struct PingPlan {
    /// What each request looks like.
    pub echo: EchoPlan,
    /// Between two requests to the same target.
    pub interval: Nanos,
    /// Requests to each target; without end when left out.
    pub count: Option<u64>,
    /// How long the last requests wait for their replies, and when a reply is late.
    pub timeout: Nanos,
    /// The run ends then, whatever is missing; counted from its first step.
    pub deadline: Option<Nanos>,
}

/// A target and how it does.
#[derive(Debug, Clone)]
pub struct Target {
    /// As the user names it.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// The address that requests come from.
    pub source: IpAddr,
    /// What was counted.
    pub statistics: Statistics,
    /// When its first request went out.
    pub first_sent: Option<Nanos>,
    /// When its last request went out, or its last reply came in.
    pub last_active: Nanos,
    next_at: Nanos,
    asked: u64,
}

/// A request that is out.
#[derive(Debug, Clone, Copy)]
struct Probe {
    target: usize,
    seq: u64,
    sent_at: Option<Nanos>,
    answered: bool,
}

/// The engine.
#[derive(Debug)]
pub struct Ping {
    plan: PingPlan,
    targets: Vec<Target>,
    probes: Vec<Probe>,
    /// The last request with a given target and 16-bit sequence number.
    by_seq: HashMap<(usize, u16), usize>,
    events: Vec<Event>,
    /// Targets may still be added.
    open: bool,
    started: Option<Nanos>,
    stopping: bool,
}

impl Ping {
    /// An engine without targets; they are added as their names are resolved.
    pub fn new(plan: PingPlan) -> Self {
        Self {
            plan,
            targets: Vec::new(),
            probes: Vec::new(),
            by_seq: HashMap::new(),
            events: Vec::new(),
            open: true,
            started: None,
            stopping: false,
        }
    }

    /// Adds a target, to be asked from now on.
    pub fn add_target(&mut self, name: &str, address: IpAddr, source: IpAddr, now: Nanos) {
        self.targets.push(Target {
            name: name.to_owned(),
            address,
            source,
            statistics: Statistics::default(),
            first_sent: None,
            last_active: now,
            next_at: now,
            asked: 0,
        });
    }

    /// No more targets will be added: the run can end.
    pub fn close(&mut self) {
        self.open = false;
    }

    /// The targets.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// How the run goes.
    pub fn plan(&self) -> &PingPlan {
        &self.plan
    }

    /// What happened since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Forgets the requests that no reply can come to any more, so that a run without end takes no memory without end.
    fn forget_old(&mut self) {
        const KEPT: usize = 1 << 18;
        if self.probes.len() >= 2 * KEPT {
            let gone = self.probes.len() - KEPT;
            self.probes.drain(..gone);
            self.by_seq.retain(|_, index| *index >= gone);
            self.by_seq.values_mut().for_each(|index| *index -= gone);
        }
    }

    /// The target whose turn is next. With a deadline, as `ping` has it, the count is of replies and not of requests.
    fn next_target(&self) -> Option<(usize, Nanos)> {
        let count = self.plan.count.unwrap_or(u64::MAX);
        let until_answered = self.plan.deadline.is_some();
        let done = |target: &Target| if until_answered { target.statistics.received } else { target.asked };
        let due = self.targets.iter().enumerate().filter(|(_, target)| done(target) < count);
        due.map(|(index, target)| (index, target.next_at)).min_by_key(|(_, at)| *at)
    }

    /// When there is nothing to wait for any more: all answered, or the longest wait over. As `ping` does, a run that
    /// has had replies waits twice the longest round trip, else the whole time-out.
    fn over_at(&self) -> Nanos {
        let mut over = 0;
        for probe in self.probes.iter().filter(|probe| !probe.answered) {
            let Some(sent_at) = probe.sent_at else { continue };
            let longest = self.targets.get(probe.target).and_then(|target| target.statistics.longest());
            let wait =
                longest.map_or(self.plan.timeout, |rtt| (2 * rtt).max(MIN_WAIT).min(self.plan.timeout));
            over = over.max(sent_at.saturating_add(wait));
        }
        over
    }

    fn request(&mut self, target: usize, now: Nanos) -> Step {
        self.forget_old();
        let Some(asked) = self.targets.get_mut(target) else { return Step::Done };
        let seq = asked.asked + 1;
        asked.asked = seq;
        asked.next_at =
            asked.next_at.max(now.saturating_sub(self.plan.interval)).saturating_add(self.plan.interval);
        asked.last_active = now;
        asked.first_sent.get_or_insert(now);
        let (source, address) = (asked.source, asked.address);
        let tag = self.probes.len();
        self.probes.push(Probe { target, seq, sent_at: None, answered: false });
        self.by_seq.insert((target, (seq & 0xffff) as u16), tag);
        match self.plan.echo.request(source, address, seq) {
            Ok(built) => Step::Send(Outgoing {
                tag,
                octets: built.octets,
                link_type: built.link_type,
                destination: Some(address),
                interface: 0,
            }),
            Err(error) => {
                self.events.push(Event::SendFailed { target, seq, reason: error.to_string(), wall: 0 });
                self.stopping = true;
                Step::Done
            }
        }
    }

    /// The request that an echo with this identifier and sequence number to or from `peer` belongs to.
    fn find(&self, peer: Option<IpAddr>, ident: u16, seq: u16) -> Option<usize> {
        if ident != self.plan.echo.ident {
            return None;
        }
        let asked = |target: &Target| match peer {
            Some(peer) => target.address == peer || is_to_many(target.address),
            None => true,
        };
        let targets = self.targets.iter().enumerate().filter(|(_, target)| asked(target));
        targets.filter_map(|(index, _)| self.by_seq.get(&(index, seq)).copied()).next_back()
    }

    fn reply(&mut self, packet: &Message<'_>, at: Nanos, wall: i64) {
        let Some(tag) = self.find(Some(packet.from), packet.ident, packet.seq) else { return };
        let Some(probe) = self.probes.get_mut(tag) else { return };
        let Some(sent_at) = probe.sent_at else { return };
        let Some(target) = self.targets.get_mut(probe.target) else { return };
        let rtt = at.saturating_sub(sent_at);
        let difference = self.plan.echo.difference(probe.seq, packet.payload);
        let damage = if packet.checksum_is_good {
            difference.map(|(at, sent, came)| Damage::Octet { at, sent, came })
        } else {
            Some(Damage::Checksum)
        };
        let duplicate = probe.answered;
        let late = rtt > self.plan.timeout;
        target.last_active = at;
        let statistics = &mut target.statistics;
        match (damage, duplicate) {
            (Some(_), _) => statistics.damaged += 1,
            (None, true) => statistics.duplicates += 1,
            (None, false) => {
                statistics.add(rtt);
                statistics.late += u64::from(late);
                probe.answered = true;
            }
        }
        let (target, seq, from, len, ttl) = (probe.target, probe.seq, packet.from, packet.len, packet.ttl);
        self.events.push(Event::Reply(Reply {
            target,
            seq,
            from,
            len,
            ttl,
            rtt,
            duplicate,
            late,
            damage,
            wall,
        }));
    }

    fn error(&mut self, packet: &Message<'_>, quoted: &Message<'_>, at: Nanos, wall: i64) {
        let Some(tag) = self.find(quoted.to, quoted.ident, quoted.seq) else { return };
        let Some(probe) = self.probes.get_mut(tag) else { return };
        let (target, seq) = (probe.target, probe.seq);
        let rtt = at.saturating_sub(probe.sent_at.unwrap_or(at));
        // A redirect tells of a better way; the request itself went on (RFC 792).
        let (from, kind) = (packet.from, packet.kind);
        let is_redirect = !packet.is_v6 && kind.0 == 5;
        probe.answered |= !is_redirect;
        if let Some(target) = self.targets.get_mut(target) {
            target.statistics.errors += u64::from(!is_redirect);
            target.last_active = at;
        }
        let (text, mtu) = packet.error_words();
        self.events.push(Event::Error { target, seq, from, text, kind, mtu, rtt, wall });
    }
}

/// At least so long is waited for the last replies, whatever the round trips were.
const MIN_WAIT: Nanos = 20_000_000;

impl Engine for Ping {
    fn step(&mut self, now: Nanos) -> Step {
        let started = *self.started.get_or_insert(now);
        let deadline = self.plan.deadline.map(|deadline| started.saturating_add(deadline));
        if deadline.is_some_and(|deadline| now >= deadline) || self.stopping {
            return Step::Done;
        }
        let end = deadline.unwrap_or(Nanos::MAX);
        match self.next_target() {
            Some((target, at)) if at <= now => self.request(target, now),
            Some((_, at)) => Step::Wait(at.min(end)),
            None if self.open => Step::Idle,
            None => match self.over_at() {
                over if over <= now => Step::Done,
                over => Step::Wait(over.min(end)),
            },
        }
    }

    fn sent(&mut self, tag: usize, at: Nanos, wall: i64, result: Result<(), SendError>) {
        let Some(probe) = self.probes.get_mut(tag) else { return };
        let (target, seq) = (probe.target, probe.seq);
        let Some(asked) = self.targets.get_mut(target) else { return };
        match result {
            Ok(()) => {
                asked.statistics.transmitted += 1;
                probe.sent_at = Some(at);
            }
            Err(reason) => {
                // As ping counts it: it was transmitted, and an error came of it.
                asked.statistics.transmitted += 1;
                asked.statistics.errors += 1;
                probe.answered = true;
                self.events.push(Event::SendFailed { target, seq, reason: reason.words, wall });
            }
        }
    }

    fn received(&mut self, packet: Incoming<'_>) {
        let mut table = LayerTable::default();
        dissect(packet.octets, packet.link_type, &mut table);
        let Some(message) = Message::outermost(packet.octets, &table) else { return };
        match message.quoted(packet.octets, &table) {
            Some(quoted) => self.error(&message, &quoted, packet.at, packet.wall),
            None if message.is_reply => self.reply(&message, packet.at, packet.wall),
            None => {}
        }
    }

    fn stop(&mut self, _now: Nanos) {
        self.stopping = true;
    }
}

fn is_to_many(address: IpAddr) -> bool {
    match address {
        // Whether an address is the broadcast address of a network cannot be told from it alone; most end in 255.
        IpAddr::V4(address) => address.is_multicast() || address.octets().ends_with(&[255]),
        IpAddr::V6(address) => address.is_multicast(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::engine::{MILLISECOND, SECOND};
    use crate::wire::frame::LinkType;

    const ADDRESS: [u8; 4] = [10, 0, 0, 2];

    fn engine(count: u64) -> Ping {
        let echo = EchoPlan { size: 24, pattern: vec![], ttl: 64, tos: 0, ident: 99, token: [5; 8] };
        let plan =
            PingPlan { echo, interval: SECOND, count: Some(count), timeout: 2 * SECOND, deadline: None };
        let mut ping = Ping::new(plan);
        ping.add_target("two", ADDRESS.into(), [10, 0, 0, 1].into(), 0);
        ping.close();
        ping
    }

    /// The next request, which must be due at `now`, sent at once.
    fn request(ping: &mut Ping, now: Nanos) -> Vec<u8> {
        let Step::Send(outgoing) = ping.step(now) else { panic!("nothing to send") };
        ping.sent(outgoing.tag, now, 0, Ok(()));
        outgoing.octets
    }

    /// The reply to a request: addresses swapped, type 0, checksum adjusted by the type's difference (RFC 1624).
    fn reply_to(request: &[u8]) -> Vec<u8> {
        let mut reply = request.to_vec();
        reply[12..16].copy_from_slice(&request[16..20]);
        reply[16..20].copy_from_slice(&request[12..16]);
        reply[20] = 0;
        let sum = u32::from(u16::from_be_bytes([reply[22], reply[23]])) + 0x0800;
        let sum = (sum & 0xffff) + (sum >> 16);
        reply[22..24].copy_from_slice(&(sum as u16).to_be_bytes());
        reply
    }

    fn receive(ping: &mut Ping, octets: &[u8], at: Nanos) -> Vec<Event> {
        ping.received(Incoming {
            octets,
            link_type: LinkType::RAW,
            at,
            wall: 0,
            outgoing: false,
            len: octets.len(),
            interface: 0,
            read: None,
        });
        ping.take_events()
    }

    #[test]
    fn asks_at_its_interval_and_ends_when_all_is_answered() {
        let mut ping = engine(2);
        let first = request(&mut ping, 0);
        assert_eq!(ping.step(1), Step::Wait(SECOND));
        let events = receive(&mut ping, &reply_to(&first), 3 * MILLISECOND);
        let [Event::Reply(reply)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((reply.seq, reply.rtt, reply.ttl), (1, 3 * MILLISECOND, Some(64)));
        assert_eq!((reply.duplicate, reply.late, reply.damage), (false, false, None));
        let second = request(&mut ping, SECOND);
        assert_eq!(
            ping.step(SECOND + 1),
            Step::Wait(SECOND + MIN_WAIT),
            "twice the longest, but not less than this"
        );
        receive(&mut ping, &reply_to(&second), SECOND + MILLISECOND);
        assert_eq!(ping.step(SECOND + 2 * MILLISECOND), Step::Done);
        assert_eq!(ping.targets()[0].statistics.received, 2);
    }

    #[test]
    fn without_a_reply_it_waits_the_time_out() {
        let mut ping = engine(1);
        request(&mut ping, 0);
        assert_eq!(ping.step(1), Step::Wait(2 * SECOND));
        assert_eq!(ping.step(2 * SECOND), Step::Done);
        assert_eq!(ping.targets()[0].statistics.loss_percent(), 100.0);
    }

    #[test]
    fn duplicates_damage_and_late_replies_are_told_apart() {
        let mut ping = engine(2);
        let first = request(&mut ping, 0);
        receive(&mut ping, &reply_to(&first), 1);
        let events = receive(&mut ping, &reply_to(&first), 2);
        assert!(matches!(events.as_slice(), [Event::Reply(Reply { duplicate: true, .. })]), "{events:?}");
        let second = request(&mut ping, SECOND);
        let mut flipped = reply_to(&second);
        flipped[50] ^= 1;
        let events = receive(&mut ping, &flipped, SECOND + 1);
        let wrong = Some(Damage::Checksum);
        assert!(
            matches!(events.as_slice(), [Event::Reply(Reply { damage, .. })] if *damage == wrong),
            "{events:?}"
        );
        let events = receive(&mut ping, &reply_to(&second), 4 * SECOND);
        assert!(matches!(events.as_slice(), [Event::Reply(Reply { late: true, .. })]), "{events:?}");
        let statistics = &ping.targets()[0].statistics;
        assert_eq!(
            (statistics.received, statistics.duplicates, statistics.damaged, statistics.late),
            (2, 1, 1, 1)
        );
    }

    #[test]
    fn an_error_is_known_by_what_it_quotes() {
        let mut ping = engine(1);
        let asked = request(&mut ping, 0);
        let mut error =
            vec![0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 10, 9, 9, 9, 10, 0, 0, 1, 11, 0, 0, 0, 0, 0, 0, 0];
        error.extend(&asked[..28]);
        let events = receive(&mut ping, &error, 5);
        let [Event::Error { seq: 1, from, text, kind: (11, 0), .. }] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!((from.to_string().as_str(), text.as_str()), ("10.9.9.9", "Time to live exceeded"));
        assert_eq!(ping.step(6), Step::Done);
    }

    #[test]
    fn another_runs_reply_is_not_ours() {
        let mut ping = engine(1);
        let asked = request(&mut ping, 0);
        let mut other = reply_to(&asked);
        other[24] ^= 1;
        assert_eq!(receive(&mut ping, &other, 1), []);
        let mut elsewhere = reply_to(&asked);
        elsewhere[15] = 77;
        assert_eq!(receive(&mut ping, &elsewhere, 1), [], "from another address");
    }
}

//! Ping in a hostile network: whatever comes whenever, each packet and each request ends in one class, and what is told of it is
//! harmless.

use std::hash::RandomState;

use rawsock::exchange::engine::{
    Departure, Engine, Incoming, MILLISECOND, Reading, SECOND, SendError, Stage, Stamp, Step,
};
use rawsock::exchange::ping::ledger::PacketClass;
use rawsock::exchange::ping::query::{AskedInterface, Query, RequestPlan};
use rawsock::exchange::ping::tag::Tag;
use rawsock::exchange::ping::{Ping, PingPlan, Target};
use rawsock::show::{ping as lines, ping_json};

use super::harmless;
use super::network::{addresses, answer};
use super::script::Script;

/// How far the calendar is ahead.
const WALL: i64 = 1_700_000_000_000_000_000;

/// Holds it. The first octet says what is asked, each further one what happens next.
pub fn check(input: &[u8]) {
    let mut script = Script(input);
    let Some(first) = script.octet() else { return };
    let mut run = Run { ping: engine(first), sent: Vec::new(), now: 0 };
    while let Some(what) = script.octet() {
        match what % 4 {
            0 => run.now += u64::from(script.number()) * MILLISECOND / 4,
            1 => run.step(what),
            _ => run.receive(what, &mut script),
        }
        run.tell();
    }
    run.ping.stop(run.now);
    assert_eq!(run.ping.step(run.now), Step::Done);
    run.tell();
    let (ledger, _) = run.ping.totals();
    assert_eq!(ledger.ended(), run.ping.targets().iter().map(Target::transmitted).sum::<u64>());
    let first_replies = ledger.packets(PacketClass::Answer) + ledger.packets(PacketClass::Reordered);
    assert!(ledger.answered() <= first_replies && first_replies <= ledger.ended(), "{ledger:?}");
    let mut text = String::new();
    for target in run.ping.targets() {
        ping_json::summary(&mut text, target, run.now);
    }
    harmless::lines(&text.replace('\t', " "));
}

fn engine(first: u8) -> Ping {
    let query = match first % 8 {
        0..=3 => Query::Echo,
        4 => Query::Timestamp,
        5 => Query::ExtendedEcho(AskedInterface::Index(2)),
        6 => Query::ExtendedEcho(AskedInterface::Name("eth0".to_owned())),
        _ => Query::ExtendedEcho(AskedInterface::Address([10, 0, 0, 9].into())),
    };
    let request = RequestPlan {
        query,
        size: if first % 8 == 3 { 0 } else { 40 },
        pattern: if first % 8 == 2 { b"ab".to_vec() } else { Vec::new() },
        ttl: Some(64),
        tos: 0,
        may_fragment: false,
        header: Vec::new(),
        route: None,
        ident: 99,
        tag: Tag { token: [5; 4], keys: RandomState::new() },
        calendar: WALL,
    };
    let flood = (first & 0x20 != 0).then_some(4);
    let (interval, timeout) = (SECOND, 2 * SECOND);
    let anatomy = first & 1 == 0;
    let mut ping = Ping::new(PingPlan {
        request,
        interval,
        gap: 0,
        flood,
        preload: 1,
        count: None,
        timeout,
        deadline: None,
        anatomy,
    });
    let (source, target) = addresses(first & 0x10 != 0 && first % 8 != 4);
    ping.add_target("two", target, source, 0);
    if first & 0x40 != 0 {
        ping.add_target("itself", source, source, 0);
    }
    ping.close();
    ping
}

struct Run {
    ping: Ping,
    sent: Vec<Vec<u8>>,
    now: u64,
}

impl Run {
    fn wall(&self) -> i64 {
        WALL + i64::try_from(self.now).expect("a script is short")
    }

    /// Lets the engine do what it wants to; what it sends leaves, does not, or leaves with a stamp.
    fn step(&mut self, what: u8) {
        let wall = self.wall();
        match self.ping.step(self.now) {
            Step::Send(outgoing) => {
                let result = match what >> 6 {
                    3 => Err(SendError { errno: Some(100), words: "the interface is down".to_owned() }),
                    _ => Ok(()),
                };
                self.ping.sent(outgoing.tag, self.now, wall, result);
                if what >> 6 == 1 {
                    let (at, wall) = (self.now + 1000, wall + 1000);
                    self.ping.stamped(outgoing.tag, Departure { stage: Stage::Driver, at, wall });
                }
                self.sent.push(outgoing.octets);
                if self.sent.len() > 64 {
                    self.sent.remove(0);
                }
            }
            Step::Wait(until) => assert!(until > self.now, "waiting for what is over"),
            Step::Idle | Step::Done => {}
        }
    }

    fn receive(&mut self, what: u8, script: &mut Script<'_>) {
        let octets = answer(script, &self.sent);
        let (at, wall) = (self.now, self.wall());
        let stamp = if what & 0x10 == 0 { Stamp::Kernel } else { Stamp::User };
        // A clock may be set at any time, and kernels stamp when they like.
        let off = if what & 0x20 == 0 { 0 } else { i64::from(script.number()) * 1_000_000_000 };
        let read = (what & 0x40 != 0).then_some(Reading { at: at + 7, wall: wall - off, stamp });
        let (outgoing, wall) = (what & 0x80 != 0, wall - off);
        let before = self.ping.totals().0.came();
        self.ping.received(Incoming { outgoing, read, ..Incoming::of_ip(&octets, at, wall) });
        // Of no class, where it has nothing to do with pings.
        assert!(self.ping.totals().0.came() <= before + 1);
    }

    fn tell(&mut self) {
        let (mut text, mut json) = (String::new(), String::new());
        let style = lines::EventStyle { stamp: true, sources: true, anatomy: true, outstanding: true };
        for event in self.ping.take_events() {
            lines::event(&mut text, &self.ping, &event, style).expect("a string takes all");
            ping_json::event(&mut json, &self.ping, &event);
        }
        harmless::lines(&text.replace('\t', " "));
        harmless::lines(&json);
    }
}

//! Ping in a hostile network: whatever comes whenever, each packet and each request ends in one class, and what is told of it is
//! harmless.

use std::hash::RandomState;

use rawsock::exchange::engine::{
    Departure, Engine, Incoming, MILLISECOND, Reading, SECOND, SendError, Stage, Stamp, Step,
};
use rawsock::exchange::ping::query::{AskedInterface, Query, RequestPlan};
use rawsock::exchange::ping::tag::Tag;
use rawsock::exchange::ping::{Ping, PingPlan, Target};
use rawsock::show::text::is_printable;
use rawsock::show::{ping as lines, ping_json};
use rawsock::wire::frame::LinkType;

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
    let mut text = String::new();
    for target in run.ping.targets() {
        ping_json::summary(&mut text, target, run.now);
    }
    is_harmless(&text);
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
        ttl: 64,
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
        let (link_type, len) = (LinkType::RAW, octets.len());
        let outgoing = what & 0x80 != 0;
        self.ping.received(Incoming {
            octets: &octets,
            link_type,
            at,
            wall: wall - off,
            outgoing,
            len,
            interface: 0,
            read,
        });
    }

    fn tell(&mut self) {
        let (mut text, mut json) = (String::new(), String::new());
        let style = lines::EventStyle { stamp: true, sources: true, anatomy: true, outstanding: true };
        for event in self.ping.take_events() {
            lines::event(&mut text, &self.ping, &event, style).expect("a string takes all");
            ping_json::event(&mut json, &self.ping, &event);
        }
        is_harmless(&text);
        is_harmless(&json);
    }
}

fn is_harmless(text: &str) {
    let bad = text.chars().find(|character| !is_printable(*character) && !matches!(character, '\n' | '\t'));
    assert!(bad.is_none(), "{bad:?} in {text:?}");
}

//! Sending in a hostile network: whatever comes whenever, it ends, no packet is answered that was not sent, and no more are
//! answered than are awaited.

use rawsock::exchange::engine::{Engine, Incoming, MILLISECOND, SECOND, Step};
use rawsock::exchange::send::{Pace, Ready, Sender};
use rawsock::packet::build::build;
use rawsock::packet::dissect::dissect;
use rawsock::packet::unbuild::{Keep, unbuild};
use rawsock::wire::frame::LinkType;
use rawsock::wire::layers::LayerTable;

use super::network::answer;
use super::script::Script;

/// Holds it. First come the packets that are sent, each a length and octets, up to one of length zero; then what happens.
pub fn check(input: &[u8]) {
    let mut script = Script(input);
    let mut packets = Vec::new();
    while packets.len() < 8 {
        let octets = script.piece();
        if octets.is_empty() {
            break;
        }
        packets.push(Ok(ready(octets)));
    }
    let count = packets.len();
    let mut sender = Sender::new(packets.into_iter(), Pace { interval: MILLISECOND, ..Pace::default() });
    let (mut sent, mut now, mut is_over) = (Vec::new(), 0u64, false);
    while let Some(what) = script.octet() {
        match what % 4 {
            0 => now += u64::from(script.number()) * MILLISECOND / 8,
            1 => is_over |= step(&mut sender, &mut now, &mut sent, false),
            _ => {
                let octets = answer(&mut script, &sent);
                let outgoing = what & 0x80 != 0;
                sender.received(Incoming { outgoing, ..Incoming::of_ip(&octets, now, 0) });
            }
        }
        sender.take_events();
    }
    for _ in 0..100 {
        is_over |= step(&mut sender, &mut now, &mut sent, true);
    }
    assert!(is_over, "it does not end");
    let totals = sender.totals();
    assert!(totals.sent <= count && totals.answered <= totals.sent, "{totals:?}");
}

fn ready(octets: &[u8]) -> Ready {
    let mut table = LayerTable::default();
    dissect(octets, LinkType::RAW, &mut table);
    let built = build(&unbuild(octets, &table, Keep::All)).expect("it was a packet");
    Ready::of(built, SECOND)
}

/// Lets the engine do what it wants to, and waits as long as it wants where `waits`; whether it is over.
fn step<I: Iterator<Item = Result<Ready, String>>>(
    sender: &mut Sender<I>,
    now: &mut u64,
    sent: &mut Vec<Vec<u8>>,
    waits: bool,
) -> bool {
    match sender.step(*now) {
        Step::Send(outgoing) => {
            sender.sent(outgoing.tag, *now, 0, Ok(()));
            sent.push(outgoing.octets);
        }
        Step::Done => return true,
        Step::Wait(until) => {
            assert!(until > *now, "waiting for what is over");
            if waits {
                *now = until;
            }
        }
        Step::Idle => {}
    }
    false
}

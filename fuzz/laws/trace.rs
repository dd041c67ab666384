//! A trace in a hostile network: whatever comes whenever, it ends, hops are told in order, each once, and what is told of them is
//! harmless.

use rawsock::exchange::engine::{Engine, Incoming, MILLISECOND, Step};
use rawsock::exchange::trace::{Method, Patience, Trace, TracePlan};
use rawsock::show::trace as lines;

use super::harmless;
use super::network::{addresses, answer};
use super::script::Script;

/// Holds it. The first octet says what is asked, each further one what happens next.
pub fn check(input: &[u8]) {
    let mut script = Script(input);
    let Some(first) = script.octet() else { return };
    let plan = plan(first);
    let mut trace = Trace::new(plan.clone());
    let (mut sent, mut now, mut told, mut is_over) = (Vec::new(), 0u64, 0u8, false);
    while let Some(what) = script.octet() {
        match what % 4 {
            0 => now += u64::from(script.number()) * MILLISECOND / 8,
            1 => is_over |= step(&mut trace, now, &mut sent),
            _ => {
                let octets = answer(&mut script, &sent);
                let wall = i64::try_from(now).expect("a script is short");
                let outgoing = what & 0x80 != 0;
                trace.received(Incoming { outgoing, ..Incoming::of_ip(&octets, now, wall) });
            }
        }
        tell(&plan, &mut trace, &mut told);
    }
    // Left alone it ends by itself: as many probes as there may be, each given up in its time.
    for _ in 0..4 * plan.probe_count() {
        if is_over {
            break;
        }
        is_over = step(&mut trace, now, &mut sent);
        if let Step::Wait(until) = trace.step(now) {
            now = until;
        }
    }
    assert!(is_over, "it does not end");
    tell(&plan, &mut trace, &mut told);
    let counts = trace.counts();
    assert!(counts.answered <= counts.sent);
}

fn plan(first: u8) -> TracePlan {
    let (source, destination) = addresses(first & 8 != 0);
    let method = [Method::Icmp, Method::Udp, Method::Tcp][usize::from(first % 4).min(2)];
    TracePlan {
        method,
        source,
        destination,
        interface: 0,
        first_hop: 1,
        last_hop: if first & 0x10 == 0 { 4 } else { 30 },
        queries: 2,
        in_flight: 8,
        pause: 0,
        patience: Patience::default(),
        packet_len: if first & 8 == 0 { 60 } else { 80 },
        dont_fragment: first & 0x20 != 0,
        tos: 0,
        source_port: 50_123,
        more_flows: if first & 0x40 == 0 { Vec::new() } else { vec![50_200, 50_300] },
        port: if method == Method::Tcp { 80 } else { 33_434 },
        flow: 0x12345,
        base: 1000,
        seq: u32::MAX - 5,
        token: *b"rawsock!",
    }
}

/// Lets the engine do what it wants to; whether it is over.
fn step(trace: &mut Trace, now: u64, sent: &mut Vec<Vec<u8>>) -> bool {
    match trace.step(now) {
        Step::Send(outgoing) => {
            trace.sent(outgoing.tag, now, 0, Ok(()));
            sent.push(outgoing.octets);
            false
        }
        Step::Done => true,
        Step::Wait(until) => {
            assert!(until > now, "waiting for what is over");
            false
        }
        Step::Idle => false,
    }
}

fn tell(plan: &TracePlan, trace: &mut Trace, told: &mut u8) {
    for hop in trace.take_hops() {
        assert_eq!(hop.number, *told + 1);
        *told = hop.number;
        let mut text = String::new();
        lines::hop(&mut text, plan, &hop, &|_| None).expect("a string takes all");
        text.push_str(&lines::hop_json(plan, &hop, &|_| None));
        harmless::lines(&text);
    }
}

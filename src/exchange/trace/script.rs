//! A network by a script, and the engine in it.

use std::net::IpAddr;

use super::{
    Engine, Extension, Hop, Interface, Label, Method, Patience, Reach, Role, Step, Trace, TracePlan, Verdict,
    What,
};
use crate::exchange::engine::{Incoming, MILLISECOND, Nanos, SECOND, SendError};
use crate::wire::checksum::InternetChecksum;

/// All kinds of probes: the method, and whether over IPv6.
pub(super) const PLANS: [(Method, bool); 6] = [
    (Method::Icmp, false),
    (Method::Udp, false),
    (Method::Tcp, false),
    (Method::Icmp, true),
    (Method::Udp, true),
    (Method::Tcp, true),
];

/// A plan with three probes for each of thirty hops.
pub(super) fn plan(method: Method, v6: bool) -> TracePlan {
    let (source, destination): (IpAddr, IpAddr) = if v6 {
        ("fd09:1::1".parse().unwrap(), "fd09:5::2".parse().unwrap())
    } else {
        ([10, 9, 1, 1].into(), [10, 9, 5, 2].into())
    };
    TracePlan {
        method,
        source,
        destination,
        interface: 0,
        first_hop: 1,
        last_hop: 30,
        queries: 3,
        in_flight: 16,
        pause: 0,
        patience: Patience::default(),
        packet_len: if v6 { 80 } else { 60 },
        dont_fragment: false,
        tos: 0,
        source_port: 50_123,
        more_flows: Vec::new(),
        port: if method == Method::Tcp { 80 } else { 33_434 },
        flow: 0x12345,
        base: 1000,
        seq: u32::MAX - 5,
        token: *b"rawsock!",
    }
}

/// A packet from `from` to us.
fn packet(plan: &TracePlan, from: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match (from, plan.source) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let len = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
            let head = [0x45, 0, len[0], len[1], 0, 0, 0, 0, 61, protocol, 0, 0];
            [&head[..], &from.octets(), &to.octets(), payload].concat()
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let len = u16::try_from(payload.len()).unwrap().to_be_bytes();
            let head = [0x60, 0, 0, 0, len[0], len[1], protocol, 61];
            [&head[..], &from.octets(), &to.octets(), payload].concat()
        }
        _ => panic!("two families"),
    }
}

/// An error about a probe.
pub(super) fn error(plan: &TracePlan, from: IpAddr, kind: (u8, u8), mtu: u16, quoted: &[u8]) -> Vec<u8> {
    let mtu = mtu.to_be_bytes();
    let message = [&[kind.0, kind.1, 0, 0, 0, 0, mtu[0], mtu[1]][..], quoted].concat();
    packet(plan, from, if plan.source.is_ipv4() { 1 } else { 58 }, &message)
}

/// What a hop does with probes that end there.
#[derive(Debug, Clone, Copy)]
enum Does {
    /// It says that the time is exceeded, to so many probes at most.
    Answers(usize),
    /// It says so, so much later than others.
    Slowly(Nanos),
    /// It says something else to all that come, whatever their time to live.
    Refuses(u8, u8, u16),
    /// It is the destination.
    IsThere,
}

fn address(hop: usize) -> IpAddr {
    [10, 9, u8::try_from(hop).unwrap(), 2].into()
}

/// Packets that come, and when.
type Coming = Vec<(Nanos, Vec<u8>)>;

/// What happened in a run.
struct Run {
    hops: Vec<Hop>,
    trace: Trace,
    ended: Nanos,
}

/// Runs a trace over UDP through such hops; each is a millisecond away from the one before it.
fn run(plan: TracePlan, network: &[Does]) -> Run {
    run_with(plan, network, &mut |_, _| Vec::new())
}

/// The same; `also` says what else comes when a probe was sent: how much later, and the packet.
fn run_with(plan: TracePlan, network: &[Does], also: &mut dyn FnMut(usize, &[u8]) -> Coming) -> Run {
    let mut trace = Trace::new(plan);
    let (mut now, mut hops) = (SECOND, Vec::new());
    let mut coming: Coming = Vec::new();
    let mut answered = vec![0; network.len()];
    for _ in 0..10_000 {
        match trace.step(now) {
            Step::Send(outgoing) => {
                trace.sent(outgoing.tag, now, now.cast_signed(), Ok(()));
                let plan = trace.plan().clone();
                let hop = usize::from(plan.hop_of(outgoing.tag));
                coming
                    .extend(also(outgoing.tag, &outgoing.octets).into_iter().map(|(in_, p)| (now + in_, p)));
                for (at, does) in network.iter().enumerate().take(hop) {
                    let number = at + 1;
                    let is_last = number == hop;
                    let time = now + number as Nanos * MILLISECOND;
                    let say = |kind, mtu| error(&plan, address(number), kind, mtu, &outgoing.octets);
                    let said = match does {
                        Does::Answers(most) if is_last && answered[at] < *most => (time, say((11, 0), 0)),
                        Does::Slowly(by) if is_last => (time + by, say((11, 0), 0)),
                        Does::Refuses(kind, code, mtu) => (time, say((*kind, *code), *mtu)),
                        Does::IsThere => (time, error(&plan, plan.destination, (3, 3), 0, &outgoing.octets)),
                        _ => continue,
                    };
                    answered[at] += 1;
                    coming.push(said);
                    break;
                }
            }
            Step::Wait(until) => {
                let next = coming.iter().map(|(at, _)| *at).min().unwrap_or(u64::MAX);
                now = until.min(next).max(now);
                let (come, later): (Vec<_>, Vec<_>) = coming.into_iter().partition(|(at, _)| *at <= now);
                coming = later;
                for (at, octets) in come {
                    trace.received(Incoming::of_ip(&octets, at, at.cast_signed()));
                }
            }
            Step::Idle => panic!("waits for ever"),
            Step::Done => {
                hops.extend(trace.take_hops());
                return Run { hops, trace, ended: now - SECOND };
            }
        }
        hops.extend(trace.take_hops());
    }
    panic!("does not end")
}

/// A run as lines: the hop, and of each answer the last octets of its address or a star.
fn lines(run: &Run) -> Vec<String> {
    let of_probe = |probe: &super::Probe| match &probe.answer {
        Some(answer) if answer.is_late => "late".to_owned(),
        Some(answer) => match answer.from {
            IpAddr::V4(from) => from.octets()[2].to_string(),
            IpAddr::V6(from) => from.segments()[1].to_string(),
        },
        None => "*".to_owned(),
    };
    let of_hop = |hop: &Hop| {
        let probes: Vec<_> = hop.probes.iter().map(of_probe).collect();
        format!("{}: {}", hop.number, probes.join(" "))
    };
    run.hops.iter().map(of_hop).collect()
}

const OFTEN: Does = Does::Answers(usize::MAX);

#[test]
fn five_hops_take_one_round_trip_to_the_last() {
    let run = run(plan(Method::Udp, false), &[OFTEN, OFTEN, OFTEN, OFTEN, Does::IsThere]);
    assert_eq!(lines(&run), ["1: 1 1 1", "2: 2 2 2", "3: 3 3 3", "4: 4 4 4", "5: 5 5 5"]);
    assert_eq!(run.ended, 5 * MILLISECOND);
    assert!(run.trace.is_reached());
    assert_eq!(run.trace.counts().answered, 15);
    assert!(run.trace.counts().sent <= 16 + 4 * 3, "what is beyond the end is not asked any more");
}

#[test]
fn silent_and_limited_hops_hold_nothing_up_for_five_seconds() {
    let network = [OFTEN, Does::Answers(0), Does::Answers(1), OFTEN, Does::IsThere];
    let run = run(plan(Method::Udp, false), &network);
    assert_eq!(lines(&run), ["1: 1 1 1", "2: * * *", "3: 3 * *", "4: 4 4 4", "5: 5 5 5"]);
    assert!(run.ended <= 100 * MILLISECOND, "{}", run.ended);
}

#[test]
fn what_never_answers_ends_at_the_last_hop_and_is_not_reached() {
    let patience = Patience { longest: SECOND, ..Patience::default() };
    let plan = TracePlan { last_hop: 4, patience, ..plan(Method::Udp, false) };
    let run = run(plan, &[OFTEN, OFTEN, Does::Answers(0), Does::Answers(0)]);
    assert_eq!(lines(&run), ["1: 1 1 1", "2: 2 2 2", "3: * * *", "4: * * *"]);
    assert!(!run.trace.is_reached());
    assert_eq!(run.ended, SECOND);
}

#[test]
fn answers_out_of_order_are_reported_in_the_order_of_hops() {
    let network = [Does::Slowly(8 * MILLISECOND), OFTEN, Does::Slowly(55 * MILLISECOND), Does::IsThere];
    let run = run(plan(Method::Udp, false), &network);
    // The third hop was given up by what is known of the one behind it, and nothing else is waited for.
    assert_eq!(lines(&run), ["1: 1 1 1", "2: 2 2 2", "3: * * *", "4: 5 5 5"]);
    assert_eq!(run.ended, 40 * MILLISECOND, "ten times what the fourth hop took");
}

#[test]
fn late_answers_count_while_the_trace_goes_on() {
    let asked = plan(Method::Udp, false);
    // The first hop answers one probe, and keeps the trace waiting for the others three times as long as that took.
    let run = run_with(asked.clone(), &[], &mut |tag, octets| {
        let (took, from) = match (asked.hop_of(tag), tag) {
            (1, 0) => (25, 1),
            (1, _) => return Vec::new(),
            (2, _) => (72, 2),
            (3, _) => (3, 3),
            _ => return vec![(4 * MILLISECOND, error(&asked, asked.destination, (3, 3), 0, octets))],
        };
        vec![(took * MILLISECOND, error(&asked, address(from), (11, 0), 0, octets))]
    });
    assert_eq!(lines(&run), ["1: 1 * *", "2: late late late", "3: 3 3 3", "4: 5 5 5"]);
    assert_eq!((run.ended, run.trace.counts().late), (75 * MILLISECOND, 3));
}

#[test]
fn the_way_ends_where_a_router_refuses() {
    for (kind, code, mtu) in [(3, 0, 0), (3, 1, 0), (3, 13, 0), (3, 4, 1400)] {
        let run = run(plan(Method::Udp, false), &[OFTEN, Does::Refuses(kind, code, mtu)]);
        assert_eq!(lines(&run), ["1: 1 1 1", "2: 2 2 2"]);
        assert!(!run.trace.is_reached());
        let answer = run.hops[1].probes[0].answer.as_ref().unwrap();
        let told = (code == 4).then_some(u32::from(mtu));
        assert_eq!(answer.verdict, Verdict::Error { kind, code, mtu: told });
    }
}

#[test]
fn duplicates_are_counted_and_forged_answers_are_none() {
    let asked = plan(Method::Udp, false);
    let stranger: IpAddr = [10, 66, 6, 6].into();
    let run = run_with(asked.clone(), &[OFTEN, Does::IsThere], &mut |tag, octets| {
        let mut wrong = octets.to_vec();
        wrong[34] ^= 1;
        let mut port = octets.to_vec();
        port[21] ^= 1;
        let genuine = error(&asked, address(1), (11, 0), 0, octets);
        let forged = [
            (1, error(&asked, stranger, (11, 0), 0, &wrong)),
            (1, error(&asked, stranger, (11, 0), 0, &port)),
            (1, error(&asked, stranger, (11, 0), 0, &octets[..20])),
            (1, error(&asked, stranger, (5, 1), 0, octets)),
            (1, octets.to_vec()),
        ];
        if tag == 0 { [&forged[..], &[(MILLISECOND / 2, genuine)]].concat() } else { forged.to_vec() }
    });
    assert_eq!(lines(&run), ["1: 1 1 1", "2: 5 5 5"]);
    assert_eq!(run.trace.counts().duplicates, 1);
}

#[test]
fn eight_octets_of_a_probe_are_enough_to_know_it() {
    for method in [Method::Icmp, Method::Udp, Method::Tcp] {
        let asked = plan(method, false);
        let run = run_with(TracePlan { last_hop: 2, ..asked.clone() }, &[], &mut |tag, octets| {
            let from = address(usize::from(asked.hop_of(tag)));
            vec![(MILLISECOND, error(&asked, from, (11, 0), 0, &octets[..28]))]
        });
        assert_eq!(lines(&run), ["1: 1 1 1", "2: 2 2 2"], "{method:?}");
    }
}

/// Segments and messages as RFC 9293 §3.1, RFC 792 and RFC 4443 §4.2 lay them out.
#[test]
fn the_destination_answers_in_its_own_way() {
    let tcp = |plan: &TracePlan, octets: &[u8], flags: u8| {
        let at = if plan.source.is_ipv4() { 20 } else { 40 };
        let seq = u32::from_be_bytes(octets[at + 4..at + 8].try_into().unwrap());
        let ports = [octets[at + 2], octets[at + 3], octets[at], octets[at + 1]];
        let ack = seq.wrapping_add(1).to_be_bytes();
        let segment = [&ports[..], &[9, 9, 9, 9], &ack, &[0x50, flags, 0, 0, 0, 0, 0, 0]].concat();
        packet(plan, plan.destination, 6, &segment)
    };
    let echo = |plan: &TracePlan, octets: &[u8]| {
        let v4 = plan.source.is_ipv4();
        let mut message = octets[if v4 { 20 } else { 40 }..].to_vec();
        message[0] = if v4 { 0 } else { 129 };
        packet(plan, plan.destination, if v4 { 1 } else { 58 }, &message)
    };
    let udp = |plan: &TracePlan, octets: &[u8]| {
        let at = if plan.source.is_ipv4() { 20 } else { 40 };
        let ports = [octets[at + 2], octets[at + 3], octets[at], octets[at + 1]];
        packet(plan, plan.destination, 17, &[&ports[..], &[0, 10, 0, 0, b'h', b'i']].concat())
    };
    for (method, v6) in PLANS {
        let asked = plan(method, v6);
        let reaches = match method {
            Method::Icmp => [Reach::EchoReply; 2],
            Method::Udp => [Reach::Data; 2],
            Method::Tcp => [Reach::SynAck, Reach::Reset],
        };
        for reach in reaches {
            let flags = if reach == Reach::SynAck { 0x12 } else { 0x14 };
            let run = run_with(asked.clone(), &[], &mut |_, octets| {
                let answer = match method {
                    Method::Icmp => echo(&asked, octets),
                    Method::Udp => udp(&asked, octets),
                    Method::Tcp => tcp(&asked, octets, flags),
                };
                vec![(MILLISECOND, answer)]
            });
            assert_eq!(lines(&run), ["1: 5 5 5"], "{method:?} {v6}");
            let answer = run.hops[0].probes[2].answer.as_ref().unwrap();
            assert_eq!((answer.verdict, answer.ttl), (Verdict::Reached(reach), Some(61)));
        }
    }
}

#[test]
fn a_change_is_told_by_the_first_hop_that_quotes_it() {
    let asked = TracePlan { tos: 46 << 2, ..plan(Method::Udp, false) };
    let run = run_with(TracePlan { last_hop: 4, ..asked.clone() }, &[], &mut |tag, octets| {
        let mut quoted = octets.to_vec();
        let hop = asked.hop_of(tag);
        if hop >= 3 {
            quoted[1] = 0;
        }
        vec![(MILLISECOND, error(&asked, address(hop.into()), (11, 0), 0, &quoted))]
    });
    let told: Vec<_> = run.hops.iter().map(|hop| hop.changes.len()).collect();
    assert_eq!(told, [0, 0, 1, 0]);
    let change = &run.hops[2].changes[0];
    assert_eq!((change.field.as_str(), change.what), ("ip.dsfield.dscp", What::Changed));
}

/// Objects as RFC 4950 §4 and RFC 5837 §4 lay them out, behind 128 octets of the probe (RFC 4884 §5.5).
#[test]
fn extensions_tell_of_labels_and_interfaces() {
    let objects = hex::decode(
        "0008010103e81b01\
         001c020f0000000700010000c00002010865746830000000000005dc\
         001802c40002000020010db8000000000000000000000001\
         0004020f",
    );
    let objects = objects.unwrap();
    let head = [0x20, 0, 0, 0];
    let checksum = InternetChecksum::default().add_octets(&head).add_octets(&objects).finish().to_be_bytes();
    let extension = [&head[..2], &checksum, &objects].concat();
    let asked = TracePlan { last_hop: 1, ..plan(Method::Udp, false) };
    let run = run_with(asked.clone(), &[], &mut |_, octets| {
        let mut quoted = octets.to_vec();
        quoted.resize(128, 0);
        quoted.extend(&extension);
        vec![(MILLISECOND, error(&asked, address(1), (11, 0), 0, &quoted))]
    });
    let answer = run.hops[0].probes[0].answer.as_ref().unwrap();
    let incoming = Interface {
        role: Role::Incoming,
        index: Some(7),
        address: Some([192, 0, 2, 1].into()),
        name: Some("eth0".to_owned()),
        mtu: Some(1500),
    };
    let next_hop = Interface {
        role: Role::NextHop,
        address: Some("2001:db8::1".parse().unwrap()),
        ..Interface::default()
    };
    let label = Label { label: 16_001, exp: 5, is_bottom: true, ttl: 1 };
    assert_eq!(
        answer.extensions,
        [
            Extension::Mpls(vec![label]),
            Extension::Interface(incoming),
            Extension::Interface(next_hop),
            Extension::Other { class: 2, ctype: 15, data: vec![] },
        ]
    );
    assert_eq!(answer.changes, [], "what fills the quotation up is no part of it");
}

#[test]
fn a_probe_that_cannot_be_sent_ends_it_and_a_stop_reports_what_is_there() {
    let mut trace = Trace::new(TracePlan { queries: 1, ..plan(Method::Udp, false) });
    let Step::Send(first) = trace.step(0) else { panic!("nothing to send") };
    trace.sent(first.tag, 0, 0, Err(SendError::of("no")));
    assert_eq!((trace.step(1), trace.failure()), (Step::Done, Some("no")));
    assert_eq!(trace.take_hops(), [], "nobody was asked");

    let mut trace = Trace::new(plan(Method::Udp, false));
    for _ in 0..16 {
        let Step::Send(probe) = trace.step(0) else { panic!("nothing to send") };
        trace.sent(probe.tag, 0, 0, Ok(()));
        if probe.tag == 4 {
            let octets = error(trace.plan(), address(2), (11, 0), 0, &probe.octets);
            trace.received(Incoming::of_ip(&octets, 5, 0));
        }
    }
    trace.stop(6);
    assert_eq!(trace.step(6), Step::Done);
    assert_eq!(trace.take_hops().iter().map(|hop| hop.number).collect::<Vec<_>>(), [1, 2]);
}

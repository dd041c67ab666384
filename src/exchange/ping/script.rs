//! Pings by a script: requests, and whatever a network makes of them.

use std::hash::RandomState;

use super::ledger::PacketClass;
use super::query::Query;
use super::receive::STAMP_WAIT;
use super::tag::Tag;
use super::*;
use crate::exchange::engine::{SECOND, Stage};

const ADDRESS: [u8; 4] = [10, 0, 0, 2];
/// How far the calendar is ahead.
const WALL: i64 = 1_700_000_000_000_000_000;

fn plan(count: u64) -> PingPlan {
    let request = RequestPlan {
        query: Query::Echo,
        size: 40,
        pattern: vec![],
        ttl: None,
        tos: 0,
        may_fragment: false,
        header: vec![],
        route: None,
        ident: 99,
        tag: Tag { token: [5; 4], keys: RandomState::new() },
        calendar: 0,
    };
    PingPlan {
        request,
        interval: SECOND,
        gap: 0,
        preload: 1,
        flood: None,
        count: Some(count),
        timeout: 2 * SECOND,
        deadline: None,
        anatomy: false,
    }
}

fn engine_of(plan: PingPlan) -> Ping {
    let mut ping = Ping::new(plan);
    ping.add_target("two", ADDRESS.into(), [10, 0, 0, 1].into(), 0);
    ping.close();
    ping
}

fn engine(count: u64) -> Ping {
    engine_of(plan(count))
}

/// The next request, which must be due at `now`, sent at once; the driver has it a microsecond later.
fn request(ping: &mut Ping, now: Nanos) -> Vec<u8> {
    let outgoing = unstamped(ping, now);
    let departure = Departure { stage: Stage::Driver, at: now + 1000, wall: wall(now) + 1000 };
    ping.stamped(outgoing.tag, departure);
    outgoing.octets
}

fn unstamped(ping: &mut Ping, now: Nanos) -> Outgoing {
    let Step::Send(outgoing) = ping.step(now) else { panic!("nothing to send") };
    ping.sent(outgoing.tag, now, wall(now), Ok(()));
    outgoing
}

fn wall(at: Nanos) -> i64 {
    WALL + i64::try_from(at).unwrap()
}

/// The reply to a request: addresses swapped, type 0, checksum adjusted by the type's difference (RFC 1624).
fn reply_to(request: &[u8]) -> Vec<u8> {
    let mut reply = request.to_vec();
    reply[12..16].copy_from_slice(&request[16..20]);
    reply[16..20].copy_from_slice(&request[12..16]);
    reply[20] = 0;
    with_checksum(reply)
}

fn with_checksum(mut packet: Vec<u8>) -> Vec<u8> {
    packet[22..24].fill(0);
    let sum = crate::wire::checksum::InternetChecksum::default().add_octets(&packet[20..]).finish();
    packet[22..24].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// A packet comes at `at`, by the kernel's stamp, and is read 10 microseconds later.
fn receive(ping: &mut Ping, octets: &[u8], at: Nanos) -> Vec<Event> {
    let read = Some(Reading { at: at + 10_000, wall: wall(at + 10_000), stamp: Stamp::Kernel });
    receive_as(ping, octets, at, wall(at), read)
}

fn receive_as(ping: &mut Ping, octets: &[u8], at: Nanos, wall: i64, read: Option<Reading>) -> Vec<Event> {
    ping.received(Incoming { read, ..Incoming::of_ip(octets, at, wall) });
    ping.take_events()
}

fn classes(events: &[Event]) -> Vec<PacketClass> {
    let class = |event: &Event| match event {
        Event::Reply(reply) => reply.class,
        Event::Stray { .. } => PacketClass::Stray,
        Event::Error { .. } => PacketClass::Error,
        other => panic!("{other:?}"),
    };
    events.iter().map(class).collect()
}

/// Both ledgers sum to what was sent and what came.
fn sums(ping: &Ping, came: u64) {
    let (ledger, _) = ping.totals();
    assert_eq!(ledger.ended(), ping.targets().iter().map(Target::transmitted).sum::<u64>());
    assert_eq!(ledger.came(), came);
}

#[test]
fn asks_at_its_interval_and_ends_when_all_is_answered() {
    let mut ping = engine(2);
    let first = request(&mut ping, 0);
    assert_eq!(ping.step(1), Step::Wait(SECOND));
    let events = receive(&mut ping, &reply_to(&first), 3 * MILLISECOND);
    let [Event::Reply(reply)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((reply.seq, reply.sample.rtt, reply.ttl), (1, 3 * MILLISECOND - 1000, Some(64)));
    assert_eq!((reply.class, reply.late, reply.damage), (PacketClass::Answer, false, None));
    assert!(reply.sample.is_by_kernel());
    let second = request(&mut ping, SECOND);
    let twice_the_longest_but_not_less = Step::Wait(SECOND + MIN_WAIT);
    assert_eq!(ping.step(SECOND + 1), twice_the_longest_but_not_less);
    receive(&mut ping, &reply_to(&second), SECOND + MILLISECOND);
    assert_eq!(ping.step(SECOND + 2 * MILLISECOND), Step::Done);
    assert_eq!(ping.targets()[0].ledger.probes(ProbeClass::Answered), 2);
    sums(&ping, 2);
}

#[test]
fn without_a_reply_it_waits_the_time_out() {
    let mut ping = engine(2);
    request(&mut ping, 0);
    assert_eq!(ping.step(1), Step::Wait(SECOND));
    unstamped(&mut ping, SECOND);
    assert_eq!(ping.step(SECOND + 1), Step::Wait(3 * SECOND));
    assert_eq!(ping.step(3 * SECOND), Step::Done);
    let lost: Vec<_> = ping
        .take_events()
        .into_iter()
        .map(|event| match event {
            Event::Lost { seq, class, .. } => (seq, class),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(lost, [(1, ProbeClass::Lost), (2, ProbeClass::Unstamped)]);
    assert_eq!(ping.targets()[0].loss_percent(), 100.0);
    sums(&ping, 0);
}

#[test]
fn each_packet_has_its_class() {
    let mut ping = engine(3);
    let first = request(&mut ping, 0);
    let second = request(&mut ping, SECOND);
    assert_eq!(classes(&receive(&mut ping, &reply_to(&second), SECOND + 1)), [PacketClass::Answer]);
    assert_eq!(classes(&receive(&mut ping, &reply_to(&first), SECOND + 2)), [PacketClass::Reordered]);
    assert_eq!(classes(&receive(&mut ping, &reply_to(&first), SECOND + 3)), [PacketClass::Duplicate]);
    let third = reply_to(&request(&mut ping, 2 * SECOND));
    let now = 2 * SECOND + 5;
    let mut flipped = third.clone();
    flipped[60] ^= 1;
    let events = receive(&mut ping, &flipped, now);
    assert!(
        matches!(&events[..], [Event::Reply(Reply { damage: Some(Damage::Checksum), .. })]),
        "{events:?}"
    );
    let events = receive(&mut ping, &with_checksum(flipped), now);
    let octet = Some(Damage::Octet { at: 32, sent: 32, came: 33 });
    assert!(matches!(&events[..], [Event::Reply(Reply { damage, .. })] if *damage == octet), "{events:?}");
    let mut cut = third.clone();
    cut.truncate(58);
    cut[3] = 58;
    let events = receive(&mut ping, &with_checksum(cut), now);
    let length = Some(Damage::Length { sent: 40, came: 30 });
    assert!(matches!(&events[..], [Event::Reply(Reply { damage, .. })] if *damage == length), "{events:?}");
    let mut forged = third.clone();
    forged[44..52].fill(7);
    assert_eq!(classes(&receive(&mut ping, &with_checksum(forged), now)), [PacketClass::Forged]);
    let mut elsewhere = third.clone();
    elsewhere[15] = 77;
    assert_eq!(classes(&receive(&mut ping, &elsewhere, now)), [PacketClass::Elsewhere]);
    let mut unknown = third.clone();
    unknown[26..28].copy_from_slice(&9000u16.to_be_bytes());
    unknown[44..52].fill(7);
    assert_eq!(classes(&receive(&mut ping, &with_checksum(unknown), now)), [PacketClass::Stray]);
    let mut other_run = third.clone();
    other_run[24] ^= 1;
    assert_eq!(classes(&receive(&mut ping, &with_checksum(other_run), now)), [PacketClass::Stray]);
    let ledger = &ping.targets()[0].ledger;
    assert_eq!((ledger.packets(PacketClass::Damaged), ledger.packets(PacketClass::Forged)), (3, 1));
    assert_eq!(ping.targets()[0].times.count(), 2, "no figure is poisoned");
    assert_eq!(ping.step(5 * SECOND), Step::Done);
    assert_eq!(ping.targets()[0].ledger.probes(ProbeClass::Lost), 1);
    sums(&ping, 10);
}

#[test]
fn a_late_reply_takes_its_request_from_the_lost() {
    let mut ping = engine(3);
    let first = request(&mut ping, 0);
    request(&mut ping, SECOND);
    assert_eq!(ping.step(2 * SECOND - 1), Step::Wait(2 * SECOND));
    request(&mut ping, 2 * SECOND);
    assert!(matches!(ping.take_events()[..], [Event::Lost { seq: 1, .. }]));
    let events = receive(&mut ping, &reply_to(&first), 2 * SECOND + 7);
    assert!(matches!(events[..], [Event::Reply(Reply { late: true, .. })]), "{events:?}");
    let ledger = &ping.targets()[0].ledger;
    assert_eq!((ledger.probes(ProbeClass::Lost), ledger.probes(ProbeClass::Late)), (0, 1));
    ping.stop(2 * SECOND + 8);
    assert_eq!(ping.step(2 * SECOND + 8), Step::Done);
    assert_eq!(ping.targets()[0].ledger.probes(ProbeClass::Unfinished), 2);
    sums(&ping, 1);
}

#[test]
fn an_error_is_known_by_what_it_quotes() {
    let mut ping = engine(1);
    let asked = request(&mut ping, 0);
    let mut error =
        vec![0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 10, 9, 9, 9, 10, 0, 0, 1, 11, 0, 0, 0, 0, 0, 0, 0];
    error.extend(&asked[..28]);
    let error = with_checksum(error);
    let events = receive(&mut ping, &error, 5);
    let [Event::Error { seq: 1, from, text, kind: (11, 0), .. }] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!((from.to_string().as_str(), text.as_str()), ("10.9.9.9", "Time to live exceeded"));
    assert_eq!(ping.step(6), Step::Done);
    let ledger = &ping.targets()[0].ledger;
    assert_eq!(ledger.errors.iter().collect::<Vec<_>>(), [(&([10, 9, 9, 9].into(), 11, 0), &1)]);
    // What says the same again ends nothing, and is counted with its sender all the same.
    let again = receive(&mut ping, &error, 6);
    assert!(matches!(again.as_slice(), [Event::Error { is_end: false, .. }]), "{again:?}");
    assert_eq!(ping.targets()[0].ledger.errors.values().sum::<u64>(), 2);
    assert_eq!(ping.targets()[0].ledger.packets(PacketClass::Error), 2);
    let mut damaged = error;
    damaged[21] = 1;
    receive(&mut ping, &damaged, 6);
    assert_eq!(ping.targets()[0].ledger.packets(PacketClass::Damaged), 1);
    sums(&ping, 3);
}

#[test]
fn what_does_not_leave_is_told_once_and_counted() {
    let mut ping = engine(4);
    let refuse = |ping: &mut Ping, now: Nanos, errno: i32| {
        let Step::Send(outgoing) = ping.step(now) else { panic!("nothing to send") };
        let error = SendError { errno: Some(errno), words: "no".to_owned() };
        ping.sent(outgoing.tag, now, wall(now), Err(error));
        ping.take_events()
    };
    let is_news = |events: &[Event]| match events {
        [Event::Dropped { reason, is_news, .. }] => (*reason, *is_news),
        other => panic!("{other:?}"),
    };
    assert_eq!(is_news(&refuse(&mut ping, 0, 100)), (DropReason::InterfaceDown, true));
    assert_eq!(is_news(&refuse(&mut ping, SECOND, 100)), (DropReason::InterfaceDown, false));
    assert_eq!(is_news(&refuse(&mut ping, 2 * SECOND, 101)), (DropReason::NoRoute, true));
    request(&mut ping, 3 * SECOND);
    assert!(matches!(ping.take_events()[..], [Event::LeavesAgain { seq: 4, .. }]));
    assert_eq!(ping.step(9 * SECOND), Step::Done);
    assert_eq!(ping.targets()[0].ledger.probes(ProbeClass::LocalDrop), 3);
    sums(&ping, 0);
}

#[test]
fn a_reply_waits_for_the_stamp_of_its_request() {
    let mut ping = engine(1);
    let outgoing = unstamped(&mut ping, 0);
    assert_eq!(receive(&mut ping, &reply_to(&outgoing.octets), 50_000), []);
    assert!(ping.awaits_stamp());
    ping.stamped(outgoing.tag, Departure { stage: Stage::Driver, at: 20_000, wall: wall(20_000) });
    assert_eq!(ping.step(60_000), Step::Done);
    let events = ping.take_events();
    assert!(matches!(&events[..], [Event::Reply(reply)] if reply.sample.rtt == 30_000), "{events:?}");

    let mut ping = engine(1);
    let outgoing = unstamped(&mut ping, 0);
    receive(&mut ping, &reply_to(&outgoing.octets), 50_000);
    assert_eq!(ping.step(70_000), Step::Wait(60_000 + STAMP_WAIT));
    assert_eq!(ping.step(60_000 + STAMP_WAIT), Step::Done);
    let events = ping.take_events();
    let [Event::Reply(reply)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(
        (reply.sample.rtt, reply.sample.left, reply.sample.came),
        (50_000, Stamp::User, Stamp::Kernel)
    );
}

#[test]
fn a_clock_that_is_set_meanwhile_is_told() {
    let mut ping = engine(1);
    let asked = request(&mut ping, 0);
    let hour = 3_600 * 1_000_000_000;
    let read = Reading { at: 90_000, wall: wall(90_000) - hour, stamp: Stamp::Kernel };
    let events = receive_as(&mut ping, &reply_to(&asked), 80_000, wall(80_000) - hour, Some(read));
    let [Event::Reply(reply)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((reply.sample.clock, reply.sample.rtt), (Some(-hour), 90_000));
    assert_eq!((reply.class, ping.targets()[0].times.clock_touched), (PacketClass::Answer, 1));
}

#[test]
fn seventy_thousand_numbers_wrap_without_confusion() {
    let mut ping = engine_of(PingPlan { interval: 10, timeout: 4 * SECOND, ..plan(70_000) });
    let mut first = Vec::new();
    for number in 0..70_000u64 {
        let asked = request(&mut ping, number * 10);
        if number == 4_000 {
            first = reply_to(&asked);
        } else if number % 7 == 0 {
            assert_eq!(
                classes(&receive(&mut ping, &reply_to(&asked), number * 10 + 5)),
                [PacketClass::Answer]
            );
        }
    }
    // Its number in the header is a later request's by now; that one has not been answered.
    assert_eq!(classes(&receive(&mut ping, &first, 700_000)), [PacketClass::Stray]);
    ping.stop(700_001);
    assert_eq!(ping.step(700_001), Step::Done);
    assert_eq!(ping.targets()[0].ledger.probes(ProbeClass::Answered), 10_000);
    sums(&ping, 10_001);
}

#[test]
fn replies_find_their_targets_among_thousands() {
    let mut ping = Ping::new(PingPlan { gap: 1000, ..plan(2) });
    let address = |number: u32| std::net::Ipv4Addr::from(0x0a01_0000 + number);
    for number in 0..3000 {
        ping.add_target("", address(number).into(), [10, 0, 0, 1].into(), 0);
    }
    ping.close();
    let mut requests = Vec::new();
    for number in 0..3000u64 {
        requests.push(request(&mut ping, number * 1000));
    }
    for request in requests.iter().rev() {
        assert_eq!(classes(&receive(&mut ping, &reply_to(request), 3_000_000)), [PacketClass::Answer]);
    }
    assert!(ping.targets().iter().all(|target| target.ledger.answered() == 1));
    assert_eq!(ping.step(3_000_001), Step::Wait(SECOND));
    sums(&ping, 3000);
}

#[test]
fn a_flood_keeps_so_many_under_way() {
    let mut ping = engine_of(PingPlan { flood: Some(2), interval: 10 * MILLISECOND, ..plan(4) });
    let first = request(&mut ping, 0);
    request(&mut ping, 1);
    assert_eq!(ping.step(2), Step::Wait(1 + 10 * MILLISECOND), "a hundred a second in any case");
    receive(&mut ping, &reply_to(&first), 3);
    request(&mut ping, 4);
    request(&mut ping, 40 * MILLISECOND);
    ping.stop(41 * MILLISECOND);
    assert_eq!(ping.step(41 * MILLISECOND), Step::Done);
    sums(&ping, 1);
}

/// Whenever it is looked at: what wakes the program may be something else than its time.
#[test]
fn a_flood_that_nobody_answers_waits_for_its_interval() {
    let (interval, timeout) = (600 * MILLISECOND, 100 * MILLISECOND);
    let mut ping =
        engine_of(PingPlan { flood: Some(1), gap: 200 * MILLISECOND, interval, timeout, ..plan(3) });
    request(&mut ping, 0);
    assert_eq!(ping.step(250 * MILLISECOND), Step::Wait(interval));
    assert_eq!(ping.targets()[0].ledger.probes(ProbeClass::Lost), 1);
    let second = request(&mut ping, interval);
    receive(&mut ping, &reply_to(&second), interval + MILLISECOND);
    request(&mut ping, interval + 200 * MILLISECOND);
}

#[test]
fn any_octets_end_in_a_class() {
    let mut ping = engine(1);
    let asked = request(&mut ping, 0);
    let reply = reply_to(&asked);
    for at in 0..reply.len() {
        for bit in 0..8 {
            let mut flipped = reply.clone();
            flipped[at] ^= 1 << bit;
            receive(&mut ping, &flipped, 5);
            receive(&mut ping, &flipped[..at], 5);
        }
    }
    let (ledger, times) = ping.totals();
    assert!(ledger.came() > 0);
    // Of the header's octets some may change without harm to what was asked.
    assert!(times.count() <= 1);
}

#[test]
fn a_run_ends_once_it_is_known_what_left() {
    let mut ping = engine_of(PingPlan { timeout: 0, flood: Some(4), ..plan(2) });
    let mut tags = Vec::new();
    while let Step::Send(outgoing) = ping.step(0) {
        tags.push(outgoing.tag);
    }
    assert_eq!((tags.len(), ping.step(0)), (2, Step::Wait(0)));
    ping.stop(0);
    assert_eq!(ping.step(0), Step::Wait(0));
    ping.sent(tags[0], 0, wall(0), Ok(()));
    assert_eq!(ping.step(0), Step::Wait(0));
    ping.sent(tags[1], 0, wall(0), Err(SendError { errno: Some(1), words: String::new() }));
    assert_eq!(ping.step(0), Step::Done);
    sums(&ping, 0);
    assert_eq!(ping.totals().0.drops.values().sum::<u64>(), 1);
}

//! Scenarios by a script: no sockets, and a clock that the script turns.

use proptest::prelude::*;

use super::*;
use crate::exchange::engine::{SECOND, SendError};
use crate::filter::field::{FieldFilter, Known};
use crate::packet::build::Built;
use crate::wire::frame::LinkType;

/// scapy: raw(IP(src="10.0.0.1", dst="10.0.0.2")/ICMP(type=8, id=1, seq=n)), of another type
fn echo(kind: u8, seq: u8) -> Vec<u8> {
    let mut octets = hex::decode("4500001c00010000400166de0a0000010a0000020800f7fe00010000").unwrap();
    (octets[20], octets[27]) = (kind, seq);
    if kind != 8 {
        octets[15] = 2;
        octets[19] = 1;
    }
    octets
}

/// Sends in each step an echo request with the step's number.
#[derive(Debug, Default)]
struct Echoes;

impl Maker for Echoes {
    fn make(&mut self, step: usize, about: &About<'_>) -> Result<Vec<Ready>, String> {
        if step == 9 {
            return Err("no way".to_owned());
        }
        assert_eq!(about.sent.is_some(), step > 0, "what was sent before is known");
        let octets = echo(8, u8::try_from(step).unwrap());
        let mut table = LayerTable::default();
        dissect(&octets, LinkType::RAW, &mut table);
        let built = Built { octets, table, link_type: LinkType::RAW, miscounted: vec![] };
        Ok(vec![Ready::of(built, 0)])
    }
}

fn names() -> Vec<(String, usize)> {
    [("first", 0), ("second", 3), ("reply", 6)].map(|(name, place)| (name.to_owned(), place)).into()
}

fn expect(text: &str, is_wanted: bool, within: Nanos) -> Expectation {
    let filter = FieldFilter::parse_among(text, &Known { sent: true, names: &names() }).unwrap();
    Expectation { filter, text: text.to_owned(), is_wanted, within }
}

fn step(sends: bool, expect: Vec<Expectation>) -> Doing {
    Doing { wait: 0, sends, expect }
}

fn come(play: &mut Play<Echoes>, octets: &[u8], at: Nanos) {
    play.received(Incoming::of_ip(octets, at, 0));
}

fn sends(play: &mut Play<Echoes>, now: Nanos) -> Vec<u8> {
    let Step::Send(outgoing) = play.step(now) else { panic!("nothing is sent at {now}: {play:?}") };
    play.sent(outgoing.tag, now, 0, Ok(()));
    let octets = outgoing.octets;
    play.received(Incoming { outgoing: true, ..Incoming::of_ip(&octets, now, 0) });
    octets
}

#[test]
fn steps_are_met_one_by_one() {
    let steps = vec![
        step(true, vec![]),
        step(false, vec![expect("icmp.type == 0 and icmp.seq == first.icmp.seq", true, 100)]),
        step(true, vec![expect("icmp.seq == sent.icmp.seq and icmp.seq != second.icmp.seq", true, 100)]),
    ];
    let mut play = Play::new(steps, Echoes);
    assert_eq!(sends(&mut play, 1000), echo(8, 0));
    assert_eq!(play.step(1001), Step::Wait(1100 + GRACE));
    come(&mut play, &echo(0, 7), 1002);
    come(&mut play, &echo(0, 0), 1003);
    assert_eq!(sends(&mut play, 1010), echo(8, 2));
    come(&mut play, &echo(0, 2), 1011);
    assert_eq!(play.step(1012), Step::Done);
    assert_eq!(play.ending(), Some(&Ending::Passed));
    let taken = play.take_happenings().into_iter().filter_map(|happening| match happening {
        Happening::Came { step, taken, .. } => Some((step, taken)),
        Happening::Sent { .. } => None,
    });
    assert_eq!(taken.collect::<Vec<_>>(), [(1, None), (1, Some(0)), (2, Some(0))]);
}

#[test]
fn the_first_step_that_is_not_met_ends_it_and_what_came_instead_is_told() {
    let steps = vec![
        step(true, vec![expect("icmp.seq == 5", true, 100), expect("icmp.type == 3", false, 500)]),
        step(true, vec![]),
    ];
    let mut play = Play::new(steps, Echoes);
    sends(&mut play, 1000);
    come(&mut play, &echo(0, 1), 1040);
    // What others say has nothing to do with it.
    let mut foreign = echo(0, 5);
    foreign[15] = 9;
    foreign[27] = 4;
    come(&mut play, &foreign, 1050);
    // Too late.
    come(&mut play, &echo(0, 5), 1101);
    assert!(matches!(play.step(1100 + GRACE - 1), Step::Wait(_)), "what came in time may be told late");
    assert_eq!(play.step(1100 + GRACE), Step::Done);
    let Some(Ending::Failed(failure)) = play.ending() else { panic!("{play:?}") };
    assert_eq!((failure.step, failure.expectation, failure.others), (0, 0, 1));
    let came: Vec<(i64, u8)> = failure.came.iter().map(|(after, seen)| (*after, seen.octets[27])).collect();
    assert_eq!((came, failure.broken_by.is_none()), (vec![(40, 1), (101, 5)], true));
}

#[test]
fn what_must_not_come_ends_it_at_once() {
    let mut play = Play::new(vec![step(true, vec![expect("icmp.type == 3", false, 500)])], Echoes);
    sends(&mut play, 1000);
    come(&mut play, &echo(3, 1), 1200);
    assert_eq!(play.step(1201), Step::Done);
    let Some(Ending::Failed(failure)) = play.ending() else { panic!("{play:?}") };
    assert_eq!(failure.broken_by.as_ref().map(|(_, after)| *after), Some(200));
}

#[test]
fn what_came_early_is_there_for_what_a_later_step_expects() {
    let steps = vec![
        step(true, vec![expect("icmp.seq == 1", true, 100)]),
        step(false, vec![expect("icmp.seq == 2", true, 100)]),
        step(false, vec![expect("icmp.seq == 3", false, 100)]),
    ];
    let mut play = Play::new(steps, Echoes);
    sends(&mut play, 1000);
    for (seq, at) in [(2, 1010), (3, 1015), (1, 1020)] {
        come(&mut play, &echo(0, seq), at);
    }
    // The third came before its step began.
    assert_eq!(play.step(1021), Step::Wait(1120 + GRACE));
    assert_eq!(play.step(1120 + GRACE), Step::Done);
    assert_eq!(play.ending(), Some(&Ending::Passed));
}

#[test]
fn waiting_counts_from_the_end_of_the_step_before() {
    let wait = Doing { wait: SECOND, sends: true, expect: vec![] };
    let mut play = Play::new(vec![step(true, vec![]), wait], Echoes);
    sends(&mut play, 1000);
    assert_eq!(play.step(1001), Step::Wait(1000 + SECOND));
    assert_eq!(sends(&mut play, 1000 + SECOND), echo(8, 1));
    assert_eq!((play.step(1001 + SECOND), play.ending()), (Step::Done, Some(&Ending::Passed)));
}

#[test]
fn what_cannot_be_sent_is_told_with_its_step() {
    let mut steps = vec![step(false, vec![]); 9];
    steps.push(step(true, vec![]));
    let mut play = Play::new(steps, Echoes);
    assert_eq!(play.step(0), Step::Done);
    assert_eq!(play.ending(), Some(&Ending::NotSent { step: 9, reason: "no way".to_owned() }));
    let mut play = Play::new(vec![step(true, vec![])], Echoes);
    let Step::Send(outgoing) = play.step(0) else { panic!() };
    play.sent(outgoing.tag, 0, 0, Err(SendError::of("full")));
    assert_eq!(play.step(1), Step::Done);
    assert_eq!(play.ending(), Some(&Ending::NotSent { step: 0, reason: "full".to_owned() }));
}

/// Rings hand over what is in them after the last step was met.
#[test]
fn what_comes_behind_the_end_is_of_the_last_step() {
    let mut play = Play::new(vec![step(true, vec![expect("icmp.type == 0", true, 100)])], Echoes);
    sends(&mut play, 1000);
    come(&mut play, &echo(0, 0), 1001);
    assert_eq!(play.step(1002), Step::Done);
    play.take_happenings();
    come(&mut play, &echo(0, 0), 1003);
    let happened = play.take_happenings();
    assert!(matches!(happened[..], [Happening::Came { step: 0, taken: None, .. }]), "{happened:?}");
}

#[test]
fn a_flood_of_packets_that_nobody_takes_is_bounded() {
    let mut play = Play::new(vec![step(true, vec![expect("icmp.seq == 5", true, 100)])], Echoes);
    sends(&mut play, 1000);
    for at in 0..2000u64 {
        come(&mut play, &echo(0, 1), 1001 + at / 100);
        play.take_happenings();
    }
    play.step(1100 + GRACE);
    let Some(Ending::Failed(failure)) = play.ending() else { panic!("{play:?}") };
    assert_eq!((failure.came.len(), failure.others), (10, 1990));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever comes, and whenever, a scenario ends, and what it says of its end is bounded.
    #[test]
    fn any_packets_end_it(packets in prop::collection::vec((any_packet(), 0..400u64), 0..40)) {
        let steps = vec![
            step(true, vec![expect("icmp.seq == sent.icmp.seq or tcp", true, 100), expect("icmp.type == 3", false, 50)]),
            step(true, vec![expect("ip.src == first.ip.dst", true, 100)]),
            step(true, vec![expect("reply.icmp.seq == icmp.seq", true, 100)]),
        ];
        let mut play = Play::new(steps, Echoes);
        let (mut now, mut packets) = (1000, packets.into_iter());
        for _ in 0..200 {
            match play.step(now) {
                Step::Send(outgoing) => play.sent(outgoing.tag, now, 0, Ok(())),
                Step::Done => break,
                Step::Wait(until) => match packets.next() {
                    Some((octets, after)) => {
                        now += after;
                        come(&mut play, &octets, now);
                    }
                    None => now = until,
                },
                Step::Idle => prop_assert!(false, "it always waits for something"),
            }
        }
        prop_assert!(play.ending().is_some(), "{play:?}");
        if let Some(Ending::Failed(failure)) = play.ending() {
            prop_assert!(failure.came.len() <= 10);
        }
    }
}

/// Echo replies, nearly such, and any octets.
fn any_packet() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (any::<u8>(), 0..5u8).prop_map(|(kind, seq)| echo(kind, seq)),
        (0..5u8).prop_map(|seq| echo(0, seq)),
        crate::packet::laws::packets(),
        prop::collection::vec(any::<u8>(), 0..80),
    ]
}

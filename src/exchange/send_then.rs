//! Packets that others follow: when the answer comes that counts, whoever makes packets is told of it.

use std::collections::HashMap;

use crate::exchange::expect::Expectation;
use crate::exchange::matcher::Match;
use crate::exchange::send_event::{Event, Seen};
use crate::packet::build::Built;
use crate::wire::frame::LinkType;

/// Packets that wait for the answer that others follow.
#[derive(Debug, Default)]
pub(super) struct Followed {
    open: HashMap<usize, Open>,
}

/// One of them.
#[derive(Debug)]
struct Open {
    mark: usize,
    sent: (Vec<u8>, LinkType),
    by: By,
}

/// What counts as the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// What meets one of its expectations.
    Expectation,
    /// What its filter takes, errors included.
    Filter,
    /// What its protocols know as an answer.
    Rule,
}

impl By {
    /// What counts for a packet with these expectations, and with or without a filter for answers.
    pub(super) fn of(expect: &[Expectation], has_filter: bool) -> Self {
        match (expect.iter().any(|one| one.is_wanted), has_filter) {
            (true, _) => Self::Expectation,
            (false, true) => Self::Filter,
            (false, false) => Self::Rule,
        }
    }
}

impl Followed {
    /// Takes note of a packet that is about to be sent; `mark` is how whoever makes packets knows it.
    pub(super) fn begin(&mut self, number: usize, mark: Option<usize>, sent: &Built, by: By) {
        if let Some(mark) = mark {
            self.open.insert(number, Open { mark, sent: (sent.octets.clone(), sent.link_type), by });
        }
    }

    /// Something answers; tells whether packets follow.
    pub(super) fn answered(&mut self, what: Match, seen: &Seen) -> Option<Event> {
        let number = what.number();
        let counts = match self.open.get(&number)?.by {
            By::Expectation => false,
            By::Filter => true,
            By::Rule => matches!(what, Match::Reply(_) | Match::Duplicate(_)),
        };
        if counts { self.take(number, seen) } else { None }
    }

    /// Something came that was expected; tells whether packets follow.
    pub(super) fn met(&mut self, number: usize, seen: &Seen) -> Option<Event> {
        match self.open.get(&number)?.by {
            By::Expectation => self.take(number, seen),
            By::Filter | By::Rule => None,
        }
    }

    fn take(&mut self, number: usize, seen: &Seen) -> Option<Event> {
        let Open { mark, sent, .. } = self.open.remove(&number)?;
        Some(Event::Followed { number, mark, sent, seen: seen.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::engine::{Engine, Incoming, SECOND, Step};
    use crate::exchange::expect::Expectation;
    use crate::exchange::send::{Pace, Ready, Sender};
    use crate::filter::field::FieldFilter;
    use crate::packet::dissect::dissect;
    use crate::wire::layers::LayerTable;

    /// scapy: raw(IP(src="10.0.0.1", dst="10.0.0.2")/TCP(sport=5, dport=7, seq=1, flags="S")), with other flags
    fn segment(flags: u8) -> Vec<u8> {
        let mut octets =
            hex::decode("4500002800010000400666cd0a0000010a0000020005000700000001000000005002200000000000")
                .unwrap();
        octets[33] = flags;
        octets
    }

    fn answer(flags: u8) -> Vec<u8> {
        let mut octets = segment(flags);
        for (a, b, len) in [(12, 16, 4), (20, 22, 2)] {
            for at in 0..len {
                octets.swap(a + at, b + at);
            }
        }
        octets
    }

    fn ready(flags: u8, then: Option<usize>, expect: Option<&str>) -> Ready {
        let octets = segment(flags);
        let mut table = LayerTable::default();
        dissect(&octets, LinkType::RAW, &mut table);
        let expect = expect.map(|text| Expectation {
            filter: FieldFilter::parse_answer(text).unwrap(),
            text: text.to_owned(),
            is_wanted: true,
            within: SECOND,
        });
        let built = Built { octets, table, link_type: LinkType::RAW, miscounted: vec![] };
        let (expect, awaits) = (expect.into_iter().collect(), then.is_some());
        Ready { expect, awaits, then, ..Ready::of(built, SECOND) }
    }

    type One = std::iter::Once<Result<Ready, String>>;

    fn come(sender: &mut Sender<One>, octets: &[u8]) -> Vec<(usize, usize)> {
        sender.received(Incoming::of_ip(octets, SECOND / 2, 0));
        let followed = |event| match event {
            Event::Followed { number, mark, .. } => Some((number, mark)),
            _ => None,
        };
        sender.take_events().into_iter().filter_map(followed).collect()
    }

    fn sends(sender: &mut Sender<One>, now: u64) -> usize {
        let Step::Send(outgoing) = sender.step(now) else { panic!("nothing to send at {now}") };
        sender.sent(outgoing.tag, now, 0, Ok(()));
        outgoing.tag
    }

    #[test]
    fn packets_follow_the_first_answer_and_only_that() {
        let mut sender = Sender::new(std::iter::once(Ok(ready(2, Some(40), None))), Pace::default());
        assert_eq!(sends(&mut sender, 0), 0);
        assert_eq!(come(&mut sender, &answer(0x12)), [(0, 40)]);
        sender.follow(Ok(ready(0x10, None, None)));
        sender.follow(Ok(ready(0x18, Some(41), None)));
        assert_eq!((sends(&mut sender, SECOND), sends(&mut sender, SECOND)), (1, 2));
        // Nobody waits for what answers the second one, so that this is for the third, though all have the same ports.
        assert_eq!(come(&mut sender, &answer(0x10)), [(2, 41)]);
        assert_eq!(come(&mut sender, &answer(0x10)), [], "once");
        assert_eq!(sender.step(3 * SECOND), Step::Done);
        assert_eq!(sender.totals().awaited, 2);
    }

    /// RFC 792: the router that sends a redirect forwards the packet all the same.
    #[test]
    fn after_a_redirect_the_answer_is_waited_for() {
        let mut sender = Sender::new(std::iter::once(Ok(ready(2, Some(7), None))), Pace::default());
        sends(&mut sender, 0);
        // scapy: raw(IP(src="10.0.0.9", dst="10.0.0.1")/ICMP(type=5, code=1, gw="10.0.0.8"))
        let redirect = hex::decode("4500001c00010000400166d70a0000090a0000010501f0f60a000008");
        let mut redirect = [redirect.unwrap(), segment(2)].concat();
        redirect[3] = redirect.len() as u8;
        assert_eq!(come(&mut sender, &redirect), [], "nothing follows");
        assert_eq!((sender.step(SECOND / 2), sender.totals().answered), (Step::Wait(SECOND), 0));
        assert_eq!(come(&mut sender, &answer(0x12)), [(0, 7)]);
        assert_eq!((sender.step(SECOND), sender.totals().answered), (Step::Done, 1));
    }

    #[test]
    fn where_something_is_expected_that_is_the_answer() {
        let expect = Some("tcp.flags == 0x12");
        let mut sender = Sender::new(std::iter::once(Ok(ready(2, Some(7), expect))), Pace::default());
        sends(&mut sender, 0);
        assert_eq!(come(&mut sender, &answer(0x14)), [], "a reset is not what was expected");
        assert_eq!(come(&mut sender, &answer(0x12)), [(0, 7)]);
    }
}

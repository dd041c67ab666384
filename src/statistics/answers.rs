//! Questions and their answers: how many there are of each, and how long the answers took.
//!
//! What pairs them, the descriptions say ([`Exchange`]). A question is known by who asks whom, from which port, and its
//! number. Asked again before it is answered, and within five seconds, it is the same question, as Wireshark has it, and the
//! time runs from the first one. An answer that nobody asked for is one whose question the capture has not.

use std::collections::HashMap;
use std::net::IpAddr;

use super::EndPoint;
use super::ends::addresses_of;
use super::spread::Spread;
use crate::proto::describe::Exchange;
use crate::proto::registry;
use crate::wire::frame::Frame;
use crate::wire::layers::{LayerState, LayerTable};

/// Questions of one protocol that are remembered at a time. Where that is not enough, those that are answered, or more than a
/// minute old, are forgotten; where it still is not, further ones are only counted.
pub const MOST_QUESTIONS: usize = 1 << 18;
/// Nanoseconds after which a question is a new one: the time of Wireshark's `dns.retransmission`.
const ASKED_AGAIN_WITHIN: u64 = 5_000_000_000;
/// Nanoseconds after which a question may be forgotten.
const KEPT_FOR: u64 = 60_000_000_000;

/// What there is of questions and answers of one protocol.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// Questions, each as often as it was asked.
    pub questions: u64,
    /// Of those, the ones that were asked again.
    pub asked_again: u64,
    /// Answers.
    pub answers: u64,
    /// Of those, further ones to the same question.
    pub answered_again: u64,
    /// Of those, the ones without a question.
    pub unasked: u64,
    /// Questions that there was no room for.
    pub beyond: u64,
    /// How long answers took; those of captures without times are not in it.
    pub times: Spread,
    waiting: HashMap<Key, Waiting>,
    /// Questions without an answer that were forgotten.
    forgotten: u64,
    /// No room is made for so many further ones.
    full_for: usize,
}

/// What a question is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    asker: IpAddr,
    asked: IpAddr,
    /// The asker's, and that of who is asked.
    ports: (u16, u16),
    number: u64,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    since: Option<i64>,
    is_answered: bool,
}

impl Answers {
    /// Takes a packet, when it has the protocol; of several layers of it the outermost counts.
    pub(super) fn packet(&mut self, protocol: &str, frame: &Frame<'_>, table: &LayerTable) {
        let Some((key, is_answer)) = key_of(protocol, frame.data, table) else { return };
        self.message(key, is_answer, frame.time);
    }

    fn message(&mut self, key: Key, is_answer: bool, now: Option<i64>) {
        if is_answer { self.answer(&key, now) } else { self.question(key, now) }
    }

    /// Questions to which there is no answer.
    pub fn unanswered(&self) -> u64 {
        let waiting = self.waiting.values().filter(|waiting| !waiting.is_answered).count();
        self.forgotten.saturating_add(u64::try_from(waiting).unwrap_or(u64::MAX))
    }

    fn question(&mut self, key: Key, now: Option<i64>) {
        self.questions = self.questions.saturating_add(1);
        let waiting = Waiting { since: now, is_answered: false };
        if let Some(before) = self.waiting.get_mut(&key) {
            if !before.is_answered {
                if passed(before.since, now).is_none_or(|passed| passed < ASKED_AGAIN_WITHIN) {
                    self.asked_again = self.asked_again.saturating_add(1);
                    return;
                }
                self.forgotten = self.forgotten.saturating_add(1);
            }
            *before = waiting;
            return;
        }
        if self.waiting.len() >= MOST_QUESTIONS {
            self.make_room(now);
        }
        if self.waiting.len() >= MOST_QUESTIONS {
            self.beyond = self.beyond.saturating_add(1);
        } else {
            self.waiting.insert(key, waiting);
        }
    }

    fn answer(&mut self, key: &Key, now: Option<i64>) {
        self.answers = self.answers.saturating_add(1);
        match self.waiting.get_mut(key) {
            None => self.unasked = self.unasked.saturating_add(1),
            Some(waiting) if waiting.is_answered => {
                self.answered_again = self.answered_again.saturating_add(1);
            }
            Some(waiting) => {
                waiting.is_answered = true;
                if let Some(took) = passed(waiting.since, now) {
                    self.times.add(took);
                }
            }
        }
    }

    /// Forgets what need not be remembered. Looking through all is worth it now and then only.
    fn make_room(&mut self, now: Option<i64>) {
        if let Some(left) = self.full_for.checked_sub(1) {
            self.full_for = left;
            return;
        }
        let mut forgotten = 0u64;
        self.waiting.retain(|_, waiting| {
            let is_old = passed(waiting.since, now).is_none_or(|passed| passed > KEPT_FOR);
            forgotten = forgotten.saturating_add(u64::from(is_old && !waiting.is_answered));
            !is_old && !waiting.is_answered
        });
        self.forgotten = self.forgotten.saturating_add(forgotten);
        self.full_for = MOST_QUESTIONS / 4;
    }
}

/// Nanoseconds from one time to another; none where the second is the earlier one.
fn passed(since: Option<i64>, now: Option<i64>) -> Option<u64> {
    let passed = i128::from(now?).saturating_sub(i128::from(since?));
    Some(u64::try_from(passed).unwrap_or(0))
}

/// What the question of a packet is known by, and whether the packet is its answer.
fn key_of(protocol: &str, octets: &[u8], table: &LayerTable) -> Option<(Key, bool)> {
    let (mut addresses, mut ports) = (None, (0, 0));
    for entry in table.entries().iter().take_while(|entry| entry.quoted_by.is_none()) {
        let layer = registry().get(entry.protocol);
        let header = octets.get(entry.start as usize..entry.header_end as usize)?;
        if layer.name == protocol {
            let (is_answer, number) =
                match (layer.exchange?)(header).filter(|_| entry.state != LayerState::Malformed)? {
                    Exchange::Question(number) => (false, number),
                    Exchange::Answer(number) => (true, number),
                };
            let (from, to) = addresses?;
            let (asker, asked) = if is_answer { (to, from) } else { (from, to) };
            let ports = if is_answer { (ports.1, ports.0) } else { ports };
            return Some((Key { asker, asked, ports, number }, is_answer));
        }
        if let Some(read) = layer.ports {
            ports = read(header)?;
        } else if let Some((EndPoint::Address(from), EndPoint::Address(to))) =
            addresses_of(entry.protocol, header)
        {
            (addresses, ports) = (Some((from, to)), (0, 0));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const SECOND: i64 = 1_000_000_000;

    fn key(number: u64) -> Key {
        let address = IpAddr::from(Ipv4Addr::LOCALHOST);
        Key { asker: address, asked: address, ports: (40000, 53), number }
    }

    #[test]
    fn what_is_asked_again_soon_is_the_same_question() {
        let mut answers = Answers::default();
        for (second, is_answer) in
            [(0, false), (4, false), (5, true), (6, true), (6, false), (12, false), (13, true)]
        {
            answers.message(key(1), is_answer, Some(second * SECOND));
        }
        let counts = (answers.questions, answers.asked_again, answers.answers, answers.answered_again);
        assert_eq!(counts, (4, 1, 3, 1));
        assert_eq!((answers.unanswered(), answers.unasked), (1, 0));
        assert_eq!((answers.times.least(), answers.times.most()), (1_000_000_000, 5_000_000_000));
    }

    #[test]
    fn without_times_they_are_paired_all_the_same() {
        let mut answers = Answers::default();
        answers.message(key(1), false, None);
        answers.message(key(1), true, None);
        answers.message(key(2), true, None);
        assert_eq!((answers.unanswered(), answers.unasked, answers.times.count), (0, 1, 0));
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_forgotten_is_counted() {
        let mut answers = Answers::default();
        let most = MOST_QUESTIONS as u64;
        for number in 0..most + 10 {
            answers.message(key(number), false, Some(0));
        }
        assert_eq!((answers.waiting.len(), answers.beyond), (MOST_QUESTIONS, 10));
        // Two minutes later the old ones make room, once it is worth looking for some.
        for number in 0..most {
            answers.message(key(most * 2 + number), false, Some(120 * SECOND));
        }
        assert!(answers.waiting.len() <= MOST_QUESTIONS);
        assert_eq!(answers.unanswered() + answers.beyond, answers.questions);
        assert!(answers.beyond < most / 2, "{}", answers.beyond);
    }
}

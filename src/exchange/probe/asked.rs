//! Hand-built probes: how they are made so that answers can be told, and which of them something that came answers.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use crate::packet::Packet;
use crate::packet::build::{BuildError, build};
use crate::wire::frame::LinkType;

use super::Question;
use super::answer::{Reading, Said, read};
use super::making::{Content, Making, datagram, echo};
use super::outcome::{Outcome, Verdict};
use super::syn_shape::Own;

/// What a packet that came is to the probes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// The first answer to the probe of this number.
    Answer(usize, Box<Outcome>),
    /// Something else, which was counted where it has to do with a probe.
    Other,
}

/// What came and was no probe's first answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Strays {
    /// Further answers.
    pub duplicates: u64,
    /// Answers that came when the probe had been given up.
    pub late: u64,
    /// What comes from where an answer would, and acknowledges what was not sent or carries what was not asked.
    pub forged: u64,
    /// Answers whose checksum is wrong.
    pub damaged: u64,
}

impl Strays {
    /// How many in all.
    pub fn total(&self) -> u64 {
        [self.late, self.forged, self.damaged].iter().fold(self.duplicates, |sum, n| sum.saturating_add(*n))
    }
}

/// How a packet of a probe's flow is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Tcp { own: u16, peer: IpAddr, port: u16 },
    Udp { own: u16, peer: IpAddr, port: u16 },
    Echo { seq: u16 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Answered,
    GivenUp,
}

#[derive(Debug, Clone)]
pub(super) struct Ticket {
    pub(super) id: usize,
    pub(super) destination: IpAddr,
    /// The sequence number of a SYN.
    pub(super) seq: u32,
    /// Its packet was seen to leave.
    pub(super) is_seen: bool,
    state: State,
}

/// A probe of a plain socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain {
    pub(super) id: usize,
    /// Its first packet was seen to leave.
    pub(super) is_seen: bool,
}

/// The hand-built probes of a run.
#[derive(Debug)]
pub struct Asked {
    /// What sequence numbers and payloads are drawn from.
    pub(super) secret: u64,
    pub(super) ident: u16,
    pub(super) tickets: HashMap<Key, Ticket>,
    by_id: HashMap<usize, Key>,
    /// By the sequence number of a SYN, for errors that quote it behind a NAT.
    by_seq: HashMap<u32, Key>,
    order: VecDeque<Key>,
    /// Flows of plain sockets, which are no probes here but belong to the run.
    pub(super) plain: HashMap<Key, Plain>,
    strays: Strays,
}

impl Asked {
    /// None yet. `secret` and `ident`, the identifier of echo requests, are random.
    pub fn new(secret: u64, ident: u16) -> Self {
        Self {
            secret,
            ident,
            tickets: HashMap::new(),
            by_id: HashMap::new(),
            by_seq: HashMap::new(),
            order: VecDeque::new(),
            plain: HashMap::new(),
            strays: Strays::default(),
        }
    }

    /// Makes the packet of a probe, IP header included, and remembers it.
    ///
    /// # Errors
    /// When a shape that somebody wrote cannot be built, or a payload is too long.
    pub fn make(
        &mut self,
        question: &Question,
        making: &Making,
        content: Content<'_>,
    ) -> Result<Vec<u8>, BuildError> {
        let fresh = mixed(self.secret ^ mixed(question.id as u64));
        let Making { source, source_port, destination } = *making;
        let (peer, port) = (destination.ip(), destination.port());
        let own =
            Own { source, destination: peer, ports: (source_port, port), seq: mixed(fresh) as u32, fresh };
        let echo_seq = (question.id & 0xffff) as u16;
        let layers = match content {
            Content::Syn(shape) => shape.layers(&own),
            Content::Datagram(payload) => datagram(&own, payload),
            Content::Echo(len) => echo(&own, self.ident, echo_seq, &tag(self.secret, echo_seq), len),
        };
        let built = build(&Packet { layers, trailer: Vec::new() })?;
        let key = match content {
            // One that somebody wrote may have a port and a number of its own.
            Content::Syn(shape) if !shape.is_written() => {
                Some((Key::Tcp { own: source_port, peer, port }, own.seq))
            }
            Content::Syn(_) => read(&built.octets, LinkType::RAW).map(|reading| reading.as_sent()),
            Content::Datagram(_) => Some((Key::Udp { own: source_port, peer, port }, 0)),
            Content::Echo(_) => Some((Key::Echo { seq: echo_seq }, 0)),
        };
        if let Some((key, seq)) = key {
            self.remember(
                key,
                Ticket { id: question.id, destination: peer, seq, is_seen: false, state: State::Open },
            );
        }
        Ok(built.octets)
    }

    fn remember(&mut self, key: Key, ticket: Ticket) {
        while self.order.len() >= REMEMBERED {
            let Some(oldest) = self.order.pop_front() else { break };
            self.forget(&oldest);
        }
        // A port that is used again: what comes to it is the new probe's, or nobody's.
        if !self.forget(&key) {
            self.order.push_back(key);
        }
        if matches!(key, Key::Tcp { .. }) {
            self.by_seq.insert(ticket.seq, key);
        }
        self.by_id.insert(ticket.id, key);
        self.tickets.insert(key, ticket);
    }

    /// Whether there was something to forget.
    fn forget(&mut self, key: &Key) -> bool {
        let Some(ticket) = self.tickets.remove(key) else { return false };
        self.by_id.remove(&ticket.id);
        if self.by_seq.get(&ticket.seq) == Some(key) {
            self.by_seq.remove(&ticket.seq);
        }
        true
    }

    /// Takes note of the flow of a plain socket, so that its packets are known to belong to the run.
    pub fn note_plain(&mut self, id: usize, is_udp: bool, own: SocketAddr, peer: SocketAddr) {
        if self.plain.len() >= REMEMBERED {
            self.plain.clear();
        }
        let (own, peer, port) = (own.port(), peer.ip(), peer.port());
        let key = if is_udp { Key::Udp { own, peer, port } } else { Key::Tcp { own, peer, port } };
        self.plain.insert(key, Plain { id, is_seen: false });
    }

    /// Nobody waits for the probe with this number any more.
    pub fn given_up(&mut self, id: usize) {
        let key = self.by_id.get(&id);
        if let Some(ticket) = key.and_then(|key| self.tickets.get_mut(key)).filter(|ticket| ticket.id == id)
            && ticket.state == State::Open
        {
            ticket.state = State::GivenUp;
        }
    }

    /// The port that a probe's answers come to.
    pub fn own_port(&self, id: usize) -> Option<u16> {
        match self.by_id.get(&id)? {
            Key::Tcp { own, .. } | Key::Udp { own, .. } => Some(*own),
            Key::Echo { .. } => None,
        }
    }

    /// What came and was no first answer.
    pub fn strays(&self) -> Strays {
        self.strays
    }

    /// Tells what a packet that came is. Its times are not told.
    pub fn came(&mut self, octets: &[u8], link_type: LinkType) -> Came {
        let Some(reading) = read(octets, link_type) else { return Came::Other };
        let Some(key) = self.key_of(&reading) else { return Came::Other };
        let Some(ticket) = self.tickets.get_mut(&key) else { return Came::Other };
        if reading.is_damaged {
            self.strays.damaged = self.strays.damaged.saturating_add(1);
            return Came::Other;
        }
        let verdict = match verdict(&reading, ticket, self.secret, self.ident) {
            Ok(Some(verdict)) => verdict,
            Ok(None) => return Came::Other,
            Err(Forged) => {
                self.strays.forged = self.strays.forged.saturating_add(1);
                return Came::Other;
            }
        };
        let id = ticket.id;
        match std::mem::replace(&mut ticket.state, State::Answered) {
            State::Open => {
                let outcome = Outcome { seen: Some(reading.seen()), ..Outcome::from(verdict) };
                return Came::Answer(id, Box::new(outcome));
            }
            State::Answered => self.strays.duplicates = self.strays.duplicates.saturating_add(1),
            State::GivenUp => self.strays.late = self.strays.late.saturating_add(1),
        }
        Came::Other
    }

    /// Whether a packet belongs to the run: a probe, an answer, or what the kernel says to one.
    pub fn belongs(&self, octets: &[u8], link_type: LinkType) -> bool {
        let Some(reading) = read(octets, link_type) else { return false };
        let is_known = |key: &Key| self.tickets.contains_key(key) || self.plain.contains_key(key);
        if let Said::Echo { ident, .. } = &reading.said {
            return *ident == self.ident;
        }
        let ways = [reading.as_sent().0, reading.as_answer()];
        ways.iter().any(is_known) || self.key_of(&reading).is_some_and(|key| is_known(&key))
    }

    /// The probe that something would answer.
    pub(super) fn key_of(&self, reading: &Reading<'_>) -> Option<Key> {
        match &reading.said {
            Said::Error { about, seq, .. } => match about {
                Key::Echo { .. } => Some(*about),
                _ if self.tickets.contains_key(about) || self.plain.contains_key(about) => Some(*about),
                // The destination was mapped on the way: the number is still ours.
                Key::Tcp { own, .. } => {
                    let key = self.by_seq.get(&(*seq)?)?;
                    matches!(key, Key::Tcp { own: known, .. } if known == own).then_some(*key)
                }
                Key::Udp { .. } => None,
            },
            _ => Some(reading.as_answer()),
        }
    }
}

/// What belongs to no probe though it comes from where an answer would.
pub(super) struct Forged;

/// What an answer says; nothing where it says nothing yet.
pub(super) fn verdict(
    reading: &Reading<'_>,
    ticket: &Ticket,
    secret: u64,
    own: u16,
) -> Result<Option<Verdict>, Forged> {
    match &reading.said {
        Said::Segment { segment, is_syn, is_reset, has_ack, .. } => {
            // What answers a SYN acknowledges it, which counts for one octet (RFC 9293 §3.10.7.3); a reset without an
            // acknowledgment says nothing of what it answers, and is believed.
            let is_ours = segment.ack == ticket.seq.wrapping_add(1);
            match (*is_reset, *is_syn, *has_ack) {
                (_, _, true) if !is_ours => Err(Forged),
                (true, ..) => Ok(Some(Verdict::Closed { by: None })),
                (false, true, true) => Ok(Some(Verdict::Open { answer: Vec::new() })),
                _ => Ok(None),
            }
        }
        Said::Datagram { payload, .. } => Ok(Some(Verdict::Open { answer: payload.to_vec() })),
        Said::Echo { ident, seq, payload, is_reply: true } => {
            if *ident != own {
                return Ok(None);
            }
            let is_ours = reading.from == ticket.destination && payload.starts_with(&tag(secret, *seq));
            if is_ours { Ok(Some(Verdict::Open { answer: Vec::new() })) } else { Err(Forged) }
        }
        Said::Echo { .. } => Ok(None),
        Said::Error { reason, about, seq, ident } => {
            let is_other = seq.is_some_and(|seq| matches!(about, Key::Tcp { .. }) && seq != ticket.seq)
                || ident.is_some_and(|ident| ident != own);
            if is_other {
                return Ok(None);
            }
            let is_udp = matches!(about, Key::Udp { .. });
            Ok(Some(Verdict::of_icmp(*reason, is_udp, ticket.destination, String::new())))
        }
    }
}

/// Probes that are remembered, so that their late answers are known.
const REMEMBERED: usize = 1 << 17;

/// What only an answer to an echo request of this run has.
fn tag(secret: u64, seq: u16) -> [u8; 8] {
    mixed(secret.rotate_left(17) ^ u64::from(seq)).to_be_bytes()
}

/// A number as good as random for each number (splitmix64; Steele, Lea and Flood, OOPSLA 2014).
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::script::{self, OURS, THEIRS, icmp_error, segment, seq_of, three_asked};
    use super::super::{Seen, Way};
    use super::*;
    use crate::exchange::probe::syn_shape::usual;

    fn state(came: &Came) -> (usize, &'static str) {
        let Came::Answer(id, outcome) = came else { return (usize::MAX, "nothing") };
        (*id, outcome.verdict.state())
    }

    #[test]
    fn answers_to_a_syn_are_known_by_what_they_acknowledge() {
        for (flags, wanted) in [(0x12, "open"), (0x14, "closed"), (0x10, "nothing")] {
            let (mut asked, sent) = three_asked();
            let ack = seq_of(&sent[0]).wrapping_add(1);
            assert_eq!(state(&asked.came(&segment(flags, ack.wrapping_add(9)), LinkType::RAW)).1, "nothing");
            assert_eq!(asked.strays().forged, 1);
            let came = asked.came(&segment(flags, ack), LinkType::RAW);
            assert_eq!(state(&came).1, wanted);
            if let Came::Answer(_, outcome) = came {
                let Seen { from, ttl, segment, .. } = outcome.seen.unwrap();
                assert_eq!((from, ttl, segment.unwrap().ack), (THEIRS.into(), Some(63), ack));
                assert_eq!(asked.came(&script::segment(flags, ack), LinkType::RAW), Came::Other);
                assert_eq!(asked.strays().duplicates, 1);
            }
        }
        // A reset without an acknowledgment, as some filters send it.
        let (mut asked, _) = three_asked();
        assert_eq!(state(&asked.came(&segment(4, 0), LinkType::RAW)), (0, "closed"));
    }

    #[test]
    fn a_port_that_is_used_again_is_the_new_probes() {
        let (mut asked, sent) = three_asked();
        let making = Making { source: OURS.into(), source_port: 40_000, destination: (THEIRS, 80).into() };
        let shape = usual(false, 1500);
        for id in 3..300 {
            let question = Question { id, end_point: 0, way: Way::Syn(0), seq: 1, place: 0 };
            asked.make(&question, &making, Content::Syn(&shape)).unwrap();
        }
        assert_eq!((asked.tickets.len(), asked.by_id.len(), asked.by_seq.len()), (3, 3, 1));
        let late = segment(0x12, seq_of(&sent[0]).wrapping_add(1));
        assert_eq!(asked.came(&late, LinkType::RAW), Came::Other);
    }

    #[test]
    fn a_wrong_checksum_is_damage() {
        let (mut asked, sent) = three_asked();
        let mut answer = segment(0x12, seq_of(&sent[0]).wrapping_add(1));
        answer[36] ^= 0x55;
        assert_eq!(asked.came(&answer, LinkType::RAW), Came::Other);
        assert_eq!(asked.strays(), Strays { damaged: 1, ..Strays::default() });
    }

    #[test]
    fn errors_are_known_by_what_they_quote() {
        let (mut asked, sent) = three_asked();
        // IPv4 routers need not quote more than 8 octets of what IP carries (RFC 792).
        let came = asked.came(&icmp_error(13, &sent[0][..28]), LinkType::RAW);
        assert_eq!(state(&came), (0, "unreachable"));
        assert_eq!(state(&asked.came(&icmp_error(3, &sent[1]), LinkType::RAW)), (1, "unreachable"));
        assert_eq!(state(&asked.came(&icmp_error(1, &sent[2]), LinkType::RAW)), (2, "unreachable"));
        let mut other = sent[0].clone();
        other[27] ^= 1;
        assert_eq!(asked.came(&icmp_error(13, &other[..28]), LinkType::RAW), Came::Other);
        // Behind a NAT that mapped the destination.
        let (mut asked, mut sent) = three_asked();
        sent[0][16..20].copy_from_slice(&[192, 168, 0, 9]);
        assert_eq!(state(&asked.came(&icmp_error(13, &sent[0][..28]), LinkType::RAW)), (0, "unreachable"));
    }

    #[test]
    fn an_answer_that_nobody_waits_for_is_late() {
        let (mut asked, sent) = three_asked();
        asked.given_up(0);
        assert_eq!(asked.came(&segment(0x12, seq_of(&sent[0]).wrapping_add(1)), LinkType::RAW), Came::Other);
        assert_eq!(asked.strays(), Strays { late: 1, ..Strays::default() });
    }

    proptest! {
        /// Whatever comes, and whatever becomes of an answer: it is no more than one answer to a probe that was sent.
        #[test]
        fn any_octets_are_read(
            octets in proptest::collection::vec(any::<u8>(), 0..120),
            which in 0usize..3,
            at in 0usize..80,
            cut in 0usize..60,
        ) {
            let (mut asked, sent) = three_asked();
            let answers =
                [segment(0x12, seq_of(&sent[0]).wrapping_add(1)), icmp_error(13, &sent[which]), sent[which].clone()];
            for answer in answers.into_iter().chain([octets.clone()]) {
                let mut mangled = answer;
                for (place, octet) in octets.iter().enumerate() {
                    if let Some(to) = mangled.get_mut(at + 11 * place) {
                        *to ^= octet;
                    }
                }
                mangled.truncate(mangled.len().saturating_sub(cut));
                for link_type in [LinkType::RAW, LinkType::ETHERNET] {
                    if let Came::Answer(id, _) = asked.came(&mangled, link_type) {
                        prop_assert!(id < 3);
                        prop_assert!(asked.belongs(&mangled, link_type));
                    }
                }
            }
        }
    }
}

//! Pairing replies with what was sent: echo replies, TCP and UDP by their four-tuple, ARP and neighbour discovery by the
//! address asked for, ICMP errors by the packet that they quote.
//!
//! What makes a reply is said by the protocols themselves ([`Identity`](crate::proto::describe::Identity)); here
//! those words of all layers are joined into a key, and keys are looked up. No sockets, no clock.

use std::collections::{HashMap, HashSet};

use crate::exchange::icmp_error::ends_question;
use crate::packet::identity::{first_with_identity, key};
use crate::proto::describe::Side;
use crate::proto::registry;
use crate::wire::layers::{LayerEntry, LayerTable};

/// Packets that were sent and look alike, in their order.
#[derive(Debug, Default)]
struct Alike {
    numbers: Vec<usize>,
    /// Of these, so many at the beginning are answered, and so many were seen leaving: looking begins behind them.
    answered: usize,
    left: usize,
}

/// What a received packet is to the packets that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// The first answer to the question of this number.
    Reply(usize),
    /// An ICMP error about the packet of this number.
    Error(usize),
    /// An ICMP message about the packet of this number that says nothing of whether it arrived: a redirect, a source quench.
    Advice(usize),
    /// A further answer to, or error about, the packet of this number.
    Duplicate(usize),
}

impl Match {
    /// The number of the packet that it is about.
    pub fn number(self) -> usize {
        let (Self::Reply(number) | Self::Error(number) | Self::Advice(number) | Self::Duplicate(number)) =
            self;
        number
    }
}

/// The questions that were asked.
#[derive(Debug, Default)]
pub struct Matcher {
    /// Of each packet, whether it is answered.
    answered: Vec<bool>,
    by_key: HashMap<Vec<u8>, Alike>,
    /// The same, told apart by the identification of their IPv4 headers, which an ICMP error quotes and a tap shows.
    by_identification: HashMap<(Vec<u8>, [u8; 2]), Alike>,
    /// Later fragments, by the octets of their network layer: they have no words by which they could be told apart.
    parts: HashMap<Vec<u8>, usize>,
    /// Packets that did not leave after all.
    stayed: HashSet<usize>,
}

impl Matcher {
    /// Remembers a packet that was sent; packets are numbered from 0 in the order of these calls. Returns whether an
    /// answer to it can be told: one whose protocols know no answer can still cause ICMP errors.
    pub fn sent(&mut self, octets: &[u8], table: &LayerTable) -> bool {
        let number = self.answered.len();
        let first = first_with_identity(table);
        let (key, complete) = key(octets, table, first, Side::Sent);
        if let Some(identification) = identification(octets, table, first) {
            self.by_identification.entry((key.clone(), identification)).or_default().numbers.push(number);
        }
        self.by_key.entry(key).or_default().numbers.push(number);
        self.answered.push(false);
        complete
    }

    /// Remembers a fragment that nothing answers, so that it is known when it is seen on its way out.
    pub fn sent_part(&mut self, octets: &[u8], table: &LayerTable) {
        if let Some(layer) = network_layer(octets, table) {
            self.parts.insert(layer.to_vec(), self.answered.len());
        }
        self.skip();
    }

    /// Nobody waits for what answers the packet of this number: where others may be meant, they are.
    pub fn await_nothing(&mut self, number: usize) {
        if let Some(answered) = self.answered.get_mut(number) {
            *answered = true;
        }
    }

    /// The packet of this number did not leave after all: what looks like it, or answers it, is of another one.
    pub fn stayed(&mut self, number: usize) {
        self.await_nothing(number);
        self.stayed.insert(number);
    }

    /// Counts a packet that was not sent, so that numbers stay in step.
    pub fn skip(&mut self) {
        self.answered.push(true);
    }

    /// Tells which packet this one is, when it is one that was sent, seen on its way out: of those that look like it the first
    /// that was not seen yet.
    pub fn seen_leaving(&mut self, octets: &[u8], table: &LayerTable) -> Option<usize> {
        let place = self.place_of(octets, table)?;
        let stayed = std::mem::take(&mut self.stayed);
        let number = match place {
            Place::Part(number) => Some(number).filter(|number| !stayed.contains(number)),
            Place::Alike(key, identification) => {
                self.alike(key, identification).and_then(|alike| alike.leave(&stayed))
            }
        };
        self.stayed = stayed;
        number
    }

    /// Whether a packet looks like one that was sent.
    pub fn is_own(&self, octets: &[u8], table: &LayerTable) -> bool {
        self.place_of(octets, table).is_some()
    }

    fn place_of(&self, octets: &[u8], table: &LayerTable) -> Option<Place> {
        let part = network_layer(octets, table).and_then(|layer| self.parts.get(layer));
        if let Some(part) = part {
            return Some(Place::Part(*part));
        }
        let first = Some(first_with_identity(table)?);
        let (key, _) = key(octets, table, first, Side::Sent);
        self.by_key.contains_key(&key).then(|| Place::Alike(key, identification(octets, table, first)))
    }

    /// Those with a key, of them those with an identification where there are any.
    fn alike(&mut self, key: Vec<u8>, identification: Option<[u8; 2]>) -> Option<&mut Alike> {
        let mut place = (key, identification.unwrap_or_default());
        match identification {
            Some(_) if self.by_identification.contains_key(&place) => self.by_identification.get_mut(&place),
            _ => self.by_key.get_mut(&std::mem::take(&mut place.0)),
        }
    }

    /// Tells what a received packet is; `None` when it has nothing to do with what was sent.
    pub fn received(&mut self, octets: &[u8], table: &LayerTable) -> Option<Match> {
        self.received_if(octets, table, &|_| true)
    }

    /// As [`received`](Self::received), where it counts as an answer to the packet of that number.
    pub fn received_if(
        &mut self,
        octets: &[u8],
        table: &LayerTable,
        counts: &dyn Fn(usize) -> bool,
    ) -> Option<Match> {
        if let Some((quoting, quoted)) = first_quoted(table) {
            let (key, _) = key(octets, table, Some(quoted), Side::Quoted);
            let identification = identification(octets, table, Some(quoted));
            let number = self.find(key, identification).filter(|number| counts(*number))?;
            return Some(match says_lost(octets, quoting) {
                true => self.answer(number, Match::Error(number)),
                false => Match::Advice(number),
            });
        }
        let first = first_with_identity(table);
        let (mut key, complete) = key(octets, table, first, Side::Reply);
        if !complete {
            return None;
        }
        let number = self.find(key.clone(), None).or_else(|| {
            forget_answerer(&mut key, octets, table, first?)?;
            self.find(key, None)
        });
        let number = number.filter(|number| counts(*number))?;
        Some(self.answer(number, Match::Reply(number)))
    }

    /// Takes advice about the packet of this number for its answer after all.
    pub fn take(&mut self, number: usize) -> Match {
        self.answer(number, Match::Error(number))
    }

    /// How many packets were sent.
    pub fn sent_count(&self) -> usize {
        self.answered.len()
    }

    /// How many of them are still without an answer.
    pub fn unanswered(&self) -> usize {
        self.answered.iter().filter(|answered| !**answered).count()
    }

    fn answer(&mut self, number: usize, first: Match) -> Match {
        match self.answered.get_mut(number) {
            Some(answered) if !*answered => {
                *answered = true;
                first
            }
            _ => Match::Duplicate(number),
        }
    }

    /// The question with this key, of several the first that is still open; where an identification is quoted, of those that
    /// have it.
    fn find(&mut self, key: Vec<u8>, quoted: Option<[u8; 2]>) -> Option<usize> {
        let (answered, stayed) = (std::mem::take(&mut self.answered), std::mem::take(&mut self.stayed));
        let found = self.alike(key, quoted).and_then(|alike| alike.open(&answered, &stayed));
        (self.answered, self.stayed) = (answered, stayed);
        found
    }
}

/// Where a packet of ours is remembered.
enum Place {
    /// A later fragment, by its number.
    Part(usize),
    /// One of those with a key, and perhaps an identification.
    Alike(Vec<u8>, Option<[u8; 2]>),
}

impl Alike {
    /// The first that is not answered, else the last that left.
    fn open(&mut self, answered: &[bool], stayed: &HashSet<usize>) -> Option<usize> {
        let is_open = |number: &usize| answered.get(*number) == Some(&false);
        let rest = self.numbers.get(self.answered..).unwrap_or_default();
        self.answered =
            self.answered.saturating_add(rest.iter().take_while(|number| !is_open(number)).count());
        self.numbers.get(self.answered).copied().or_else(|| self.last(stayed))
    }

    /// The first that was not seen leaving, else the last that left.
    fn leave(&mut self, stayed: &HashSet<usize>) -> Option<usize> {
        let rest = self.numbers.get(self.left..).unwrap_or_default();
        let skipped = rest.iter().take_while(|number| stayed.contains(number)).count();
        self.left = self.left.saturating_add(skipped);
        let number = self.numbers.get(self.left).copied();
        self.left = self.left.saturating_add(1).min(self.numbers.len());
        number.or_else(|| self.last(stayed))
    }

    /// The last that did not stay.
    fn last(&self, stayed: &HashSet<usize>) -> Option<usize> {
        self.numbers.iter().rev().find(|number| !stayed.contains(number)).copied()
    }
}

/// The outermost layer that quotes a packet, and the first layer of that packet.
fn first_quoted(table: &LayerTable) -> Option<(&LayerEntry, usize)> {
    let quoting = usize::from(table.entries().iter().find_map(|entry| entry.quoted_by)?);
    Some((table.entries().get(quoting)?, table.quoted(quoting)?))
}

/// Whether a message of ICMP says that what it quotes did not arrive.
fn says_lost(octets: &[u8], message: &LayerEntry) -> bool {
    let is_v6 = registry().get(message.protocol).name == "icmpv6";
    octets.get(message.start as usize).is_some_and(|kind| ends_question(is_v6, *kind))
}

/// The octets of the first layer that has an identity, with what it carries.
fn network_layer<'a>(octets: &'a [u8], table: &LayerTable) -> Option<&'a [u8]> {
    let entry = table.entries().get(first_with_identity(table)?)?;
    octets.get(entry.start as usize..entry.end as usize)
}

/// Rewrites a reply's key to that of a question to many: the answerer's address, which is the second half of the first
/// layer's identity, is not known to it.
fn forget_answerer(key: &mut [u8], octets: &[u8], table: &LayerTable, first: usize) -> Option<()> {
    let entry = table.entries().get(first)?;
    let header = octets.get(entry.start as usize..entry.header_end as usize)?;
    let mut identity = Vec::with_capacity(32);
    (registry().get(entry.protocol).identity?)(header, Side::Reply, &mut identity);
    let half = identity.len() / 2;
    key.get_mut(1 + half..1 + identity.len())?.fill(0);
    Some(())
}

/// The identification of a layer, where that is an IPv4 header (RFC 791 §3.1: octets 4 and 5). Hops change other octets, and NAT
/// changes addresses; IPv6 has none.
fn identification(octets: &[u8], table: &LayerTable, layer: Option<usize>) -> Option<[u8; 2]> {
    let entry = table.entries().get(layer?)?;
    let header = octets.get(entry.start as usize..entry.header_end as usize)?;
    let is_v4 = header.first().is_some_and(|first| first >> 4 == 4);
    header.get(4..6).filter(|_| is_v4)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::dissect::dissect;
    use crate::wire::frame::LinkType;

    fn table(octets: &[u8]) -> LayerTable {
        let mut table = LayerTable::default();
        dissect(octets, LinkType::RAW, &mut table);
        table
    }

    /// An IPv4 packet from 10.0.0.`source` to 10.0.0.`destination` with the given identification and payload.
    fn ipv4(source: u8, destination: u8, id: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let len = u8::try_from(20 + payload.len()).unwrap();
        let mut packet = vec![0x45, 0, 0, len, 0, id, 0, 0, 64, protocol, 0, 0];
        packet.extend([10, 0, 0, source, 10, 0, 0, destination]);
        packet.extend(payload);
        packet
    }

    fn sent(matcher: &mut Matcher, packet: &[u8]) -> bool {
        matcher.sent(packet, &table(packet))
    }

    fn received(matcher: &mut Matcher, packet: &[u8]) -> Option<Match> {
        matcher.received(packet, &table(packet))
    }

    #[test]
    fn an_echo_is_answered_once_and_by_its_own_reply() {
        let mut matcher = Matcher::default();
        assert!(sent(&mut matcher, &ipv4(1, 2, 0, 1, &[8, 0, 0, 0, 0, 7, 0, 1])));
        assert!(sent(&mut matcher, &ipv4(1, 2, 0, 1, &[8, 0, 0, 0, 0, 7, 0, 2])));
        assert_eq!(
            received(&mut matcher, &ipv4(2, 1, 0, 1, &[0, 0, 0, 0, 0, 7, 0, 3])),
            None,
            "another sequence"
        );
        assert_eq!(
            received(&mut matcher, &ipv4(3, 1, 0, 1, &[0, 0, 0, 0, 0, 7, 0, 2])),
            None,
            "another host"
        );
        assert_eq!(
            received(&mut matcher, &ipv4(1, 2, 0, 1, &[8, 0, 0, 0, 0, 7, 0, 2])),
            None,
            "the request itself"
        );
        let reply = ipv4(2, 1, 0, 1, &[0, 0, 0, 0, 0, 7, 0, 2]);
        assert_eq!(received(&mut matcher, &reply), Some(Match::Reply(1)));
        assert_eq!(received(&mut matcher, &reply), Some(Match::Duplicate(1)));
        assert_eq!(matcher.unanswered(), 1);
    }

    #[test]
    fn later_fragments_are_known_on_their_way_out_and_answered_by_nothing() {
        let mut matcher = Matcher::default();
        let fragment = |offset: u8| {
            let mut packet = ipv4(1, 2, 9, 1, &[offset; 8]);
            packet[7] = offset;
            packet
        };
        assert!(sent(&mut matcher, &ipv4(1, 2, 9, 1, &[8, 0, 0, 0, 0, 7, 0, 1])), "the whole packet");
        for offset in [1, 2] {
            matcher.sent_part(&fragment(offset), &table(&fragment(offset)));
        }
        for offset in [1, 2] {
            let seen = fragment(offset);
            assert!(matcher.is_own(&seen, &table(&seen)));
            assert_eq!(matcher.seen_leaving(&seen, &table(&seen)), Some(usize::from(offset)));
        }
        let mut reply = fragment(1);
        reply[12..20].copy_from_slice(&[10, 0, 0, 2, 10, 0, 0, 1]);
        assert_eq!(received(&mut matcher, &reply), None, "a later fragment of an answer answers nothing");
        assert_eq!(
            received(&mut matcher, &ipv4(2, 1, 0, 1, &[0, 0, 0, 0, 0, 7, 0, 1])),
            Some(Match::Reply(0))
        );
    }

    #[test]
    fn a_broadcast_is_answered_by_anybody() {
        let mut matcher = Matcher::default();
        let mut packet = ipv4(1, 2, 0, 1, &[8, 0, 0, 0, 0, 7, 0, 1]);
        packet[16..20].copy_from_slice(&[255; 4]);
        sent(&mut matcher, &packet);
        assert_eq!(
            received(&mut matcher, &ipv4(9, 1, 0, 1, &[0, 0, 0, 0, 0, 7, 0, 1])),
            Some(Match::Reply(0))
        );
        assert_eq!(
            received(&mut matcher, &ipv4(8, 1, 0, 1, &[0, 0, 0, 0, 0, 7, 0, 1])),
            Some(Match::Duplicate(0))
        );
    }

    #[test]
    fn udp_by_its_four_tuple_and_errors_by_what_they_quote() {
        let mut matcher = Matcher::default();
        let probe = |id| ipv4(1, 2, id, 17, &[0x12, 0x34, 0, 80, 0, 8, 0, 0]);
        sent(&mut matcher, &probe(5));
        sent(&mut matcher, &probe(6));
        let mut error = vec![11, 0, 0, 0, 0, 0, 0, 0];
        error.extend(probe(6));
        assert_eq!(
            received(&mut matcher, &ipv4(77, 1, 0, 1, &error)),
            Some(Match::Error(1)),
            "told by the identification"
        );
        assert_eq!(
            received(&mut matcher, &ipv4(2, 1, 9, 17, &[0, 80, 0x12, 0x34, 0, 8, 0, 0])),
            Some(Match::Reply(0))
        );
        assert_eq!(received(&mut matcher, &ipv4(2, 1, 9, 17, &[0, 81, 0x12, 0x34, 0, 8, 0, 0])), None);
    }

    /// RFC 792: a router that sends a redirect forwards the packet all the same.
    #[test]
    fn a_redirect_and_a_source_quench_leave_the_question_open() {
        let mut matcher = Matcher::default();
        let echo = ipv4(1, 2, 0, 1, &[8, 0, 0, 0, 0, 7, 0, 1]);
        sent(&mut matcher, &echo);
        for kind in [5, 4, 5] {
            let message = [&[kind, 1, 0, 0, 10, 0, 0, 9], echo.as_slice()].concat();
            assert_eq!(
                received(&mut matcher, &ipv4(77, 1, 0, 1, &message)),
                Some(Match::Advice(0)),
                "{kind}"
            );
        }
        assert_eq!(matcher.unanswered(), 1);
        let reply = ipv4(2, 1, 0, 1, &[0, 0, 0, 0, 0, 7, 0, 1]);
        assert_eq!(received(&mut matcher, &reply), Some(Match::Reply(0)));
    }

    #[test]
    fn packets_that_look_the_same_leave_and_are_answered_in_their_order() {
        let mut matcher = Matcher::default();
        let echo = |id| ipv4(1, 2, id, 1, &[8, 0, 0, 0, 0, 7, 0, 1]);
        // Two of one identification, and one of another.
        assert_eq!([7, 7, 9].map(|id| sent(&mut matcher, &echo(id))), [true; 3]);
        let mut leaves = |id| matcher.seen_leaving(&echo(id), &table(&echo(id)));
        assert_eq!([9, 7, 7, 7].map(&mut leaves), [2, 0, 1, 1].map(Some));
        assert_eq!(leaves(8), Some(0), "the kernel may have chosen the identification");
        let reply = ipv4(2, 1, 0, 1, &[0, 0, 0, 0, 0, 7, 0, 1]);
        let mut error = vec![11, 0, 0, 0, 0, 0, 0, 0];
        error.extend(echo(9));
        assert_eq!(received(&mut matcher, &reply), Some(Match::Reply(0)));
        assert_eq!(received(&mut matcher, &ipv4(77, 1, 0, 1, &error)), Some(Match::Error(2)));
        assert_eq!(received(&mut matcher, &reply), Some(Match::Reply(1)));
        assert_eq!(received(&mut matcher, &reply), Some(Match::Duplicate(2)));
        assert_eq!(matcher.unanswered(), 0);
    }

    /// With as many steps for each as there are packets before it, this would be minutes.
    #[test]
    fn a_hundred_thousand_packets_that_look_the_same_take_no_time() {
        let mut matcher = Matcher::default();
        let echo = ipv4(1, 2, 0, 1, &[8, 0, 0, 0, 0, 7, 0, 1]);
        let reply = ipv4(2, 1, 0, 1, &[0, 0, 0, 0, 0, 7, 0, 1]);
        (0..100_000).for_each(|_| assert!(sent(&mut matcher, &echo)));
        let (echo_table, reply_table) = (table(&echo), table(&reply));
        for number in 0..100_000 {
            assert_eq!(matcher.seen_leaving(&echo, &echo_table), Some(number));
            assert_eq!(matcher.received(&reply, &reply_table), Some(Match::Reply(number)));
        }
    }

    #[test]
    fn what_knows_no_answer_can_still_cause_errors() {
        let mut matcher = Matcher::default();
        let reply = ipv4(1, 2, 3, 1, &[0, 0, 0, 0, 0, 7, 0, 1]);
        assert!(!sent(&mut matcher, &reply), "an echo reply has no answer");
    }
}

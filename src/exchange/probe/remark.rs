//! What a packet of the run is, for whoever looks at its recording.

use crate::wire::frame::{Direction, LinkType};

use super::answer::{Reading, Said, read};
use super::asked::{Asked, Forged, Key, verdict};

/// What a packet is that passed an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// The packet that a probe with this number began with; what became of it is known later.
    Probe(usize),
    /// These words say it.
    Words(String),
    /// Nothing that is worth a word.
    Nothing,
}

impl Asked {
    /// Tells what a packet is: a probe, its answer, what only looks like one, or what the kernel says to it.
    pub fn passed(&mut self, octets: &[u8], link_type: LinkType, direction: Direction) -> Passed {
        let Some(reading) = read(octets, link_type) else { return Passed::Nothing };
        let key = reading.as_sent().0;
        let is_raw = self.tickets.get(&key).is_some_and(|ticket| reading.to == ticket.destination);
        // An error is about what it quotes, whoever sends it.
        let is_error = matches!(reading.said, Said::Error { .. });
        if !is_error && (is_raw || self.plain.contains_key(&key)) {
            return match direction {
                // Over loopback each packet is seen twice.
                Direction::Inbound => Passed::Nothing,
                _ if is_raw => self.left_by_hand(&reading, &key),
                _ => self.left_by_socket(&reading, &key),
            };
        }
        let key = self.key_of(&reading);
        match key.and_then(|key| self.answered(&reading, &key)) {
            Some(words) => Passed::Words(words),
            None => Passed::Nothing,
        }
    }

    /// What a packet of a hand-built probe's flow is that leaves.
    fn left_by_hand(&mut self, reading: &Reading<'_>, key: &Key) -> Passed {
        let Some(ticket) = self.tickets.get_mut(key) else { return Passed::Nothing };
        let id = ticket.id;
        match &reading.said {
            Said::Segment { is_reset: true, .. } => {
                Passed::Words(format!("the kernel's reset, which takes down what probe {id} had half open"))
            }
            Said::Segment { segment, .. } if segment.seq != ticket.seq => Passed::Nothing,
            Said::Echo { is_reply: true, .. } | Said::Error { .. } => Passed::Nothing,
            _ => first_or_again(&mut ticket.is_seen, id),
        }
    }

    /// The same of a plain socket's.
    fn left_by_socket(&mut self, reading: &Reading<'_>, key: &Key) -> Passed {
        let Some(plain) = self.plain.get_mut(key) else { return Passed::Nothing };
        let id = plain.id;
        match &reading.said {
            Said::Segment { is_syn: true, has_ack: false, .. } | Said::Datagram { .. } => {
                first_or_again(&mut plain.is_seen, id)
            }
            Said::Segment { .. } => Passed::Words(format!("of the connection of probe {id}")),
            Said::Echo { .. } | Said::Error { .. } => Passed::Nothing,
        }
    }

    /// What answers a probe.
    fn answered(&self, reading: &Reading<'_>, key: &Key) -> Option<String> {
        let ticket = self.tickets.get(key);
        let id = ticket.map(|ticket| ticket.id).or_else(|| self.plain.get(key).map(|plain| plain.id))?;
        // Somebody else's ping.
        if matches!(&reading.said, Said::Echo { ident, .. } if *ident != self.ident) {
            return None;
        }
        if reading.is_damaged {
            return Some(format!("damaged answer to probe {id}: its checksum or a length is wrong"));
        }
        match ticket.map(|ticket| verdict(reading, ticket, self.secret, self.ident)) {
            Some(Ok(None)) => return None,
            Some(Err(Forged)) => {
                let does = if matches!(reading.said, Said::Echo { .. }) { "carries" } else { "acknowledges" };
                return Some(format!("no answer to probe {id}: it {does} what was not sent"));
            }
            _ => {}
        }
        Some(match &reading.said {
            Said::Segment { is_reset: true, .. } => format!("answer to probe {id}: closed"),
            Said::Segment { is_syn: true, .. } => format!("answer to probe {id}: open"),
            Said::Segment { .. } => format!("of the connection of probe {id}"),
            Said::Datagram { .. } => format!("answer to probe {id}: open"),
            Said::Echo { .. } => format!("answer to probe {id}: the host is there"),
            Said::Error { reason, .. } => {
                let words = reason.words().unwrap_or("an ICMP error");
                format!("error about probe {id}: {words}")
            }
        })
    }
}

fn first_or_again(is_seen: &mut bool, id: usize) -> Passed {
    match std::mem::replace(is_seen, true) {
        false => Passed::Probe(id),
        true => Passed::Words(format!("probe {id} again")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{OURS, THEIRS, icmp_error, layer, packet, segment, seq_of, three_asked};
    use super::*;
    use crate::packet::Packet;
    use crate::packet::build::build;
    use crate::wire::value::Value;

    #[test]
    fn each_packet_has_its_remark() {
        let (mut asked, sent) = three_asked();
        let ack = seq_of(&sent[0]).wrapping_add(1);
        let remark = |asked: &mut Asked, octets: &[u8]| match asked.passed(
            octets,
            LinkType::RAW,
            Direction::Unknown,
        ) {
            Passed::Words(words) => words,
            other => format!("{other:?}"),
        };
        for (id, sent) in sent.iter().enumerate() {
            assert_eq!(asked.passed(sent, LinkType::RAW, Direction::Outbound), Passed::Probe(id));
            assert_eq!(remark(&mut asked, sent), format!("probe {id} again"));
        }
        assert_eq!(remark(&mut asked, &segment(0x12, ack)), "answer to probe 0: open");
        assert_eq!(remark(&mut asked, &segment(0x14, ack)), "answer to probe 0: closed");
        assert_eq!(
            remark(&mut asked, &segment(0x12, ack.wrapping_add(1))),
            "no answer to probe 0: it acknowledges what was not sent"
        );
        assert_eq!(remark(&mut asked, &icmp_error(3, &sent[1])), "error about probe 1: port unreachable");
        assert_eq!(remark(&mut asked, b"nothing of ours"), "Nothing");
    }

    /// What is counted as no answer is not told to be one either.
    #[test]
    fn replies_to_the_pings_of_others_and_forged_ones_are_no_answers() {
        let (mut asked, sent) = three_asked();
        let mut reply = sent[2].clone();
        for at in 12..16 {
            reply.swap(at, at + 4);
        }
        reply[20] = 0;
        // The type is 8 less.
        reply[22] = reply[22].wrapping_add(8);
        let mut remark = |octets: &[u8]| asked.passed(octets, LinkType::RAW, Direction::Inbound);
        let words = |words: &str| Passed::Words(words.to_owned());
        let (mut forged, mut others) = (reply.clone(), reply.clone());
        // Two octets of the tag the other way round; another identifier, and an octet behind that balances it.
        forged.swap(28, 30);
        others[25] += 1;
        others[41] -= 1;
        assert_eq!(remark(&forged), words("no answer to probe 2: it carries what was not sent"));
        assert_eq!(remark(&others), Passed::Nothing);
        assert_eq!(remark(&reply), words("answer to probe 2: the host is there"));
    }

    #[test]
    fn packets_of_plain_sockets_have_theirs() {
        let (mut asked, _) = three_asked();
        asked.note_plain(7, false, (OURS, 40_001).into(), (THEIRS, 80).into());
        let tcp = |ports: (u64, u64), flags: u64| {
            layer("tcp")
                .with("srcport", Value::Uint(ports.0))
                .with("dstport", Value::Uint(ports.1))
                .with("flags", Value::Uint(flags))
        };
        let from_here = |flags| {
            let ip =
                layer("ip").with("src", Value::Ipv4(OURS.into())).with("dst", Value::Ipv4(THEIRS.into()));
            let layers = vec![ip, tcp((40_001, 80), flags)];
            build(&Packet { layers, trailer: Vec::new() }).unwrap().octets
        };
        let answer = packet(THEIRS, vec![tcp((80, 40_001), 0x12)]);
        let mut passed = |octets: &[u8], direction| asked.passed(octets, LinkType::RAW, direction);
        let words = |words: &str| Passed::Words(words.to_owned());
        assert_eq!(passed(&from_here(2), Direction::Outbound), Passed::Probe(7));
        assert_eq!(passed(&from_here(2), Direction::Inbound), Passed::Nothing, "over loopback");
        assert_eq!(passed(&from_here(2), Direction::Outbound), words("probe 7 again"));
        assert_eq!(passed(&answer, Direction::Inbound), words("answer to probe 7: open"));
        assert_eq!(passed(&from_here(0x10), Direction::Outbound), words("of the connection of probe 7"));
    }
}

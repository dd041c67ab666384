//! What was found in the packets of a capture, counted: Wireshark calls it expert information.

use std::collections::BTreeMap;

use crate::packet::check::Dissected;
use crate::packet::expert::{Group, Severity};
use crate::proto::describe::{Remark, View};
use crate::proto::registry;
use crate::stream::Facts;

/// A kind of thing that is found: the gravest come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    /// How grave it is.
    pub severity: Severity,
    /// What kind of thing it is.
    pub group: Group,
    /// The protocol that it is found in.
    pub protocol: &'static str,
    /// The field that it is about, without the protocol's name; empty for the layer as a whole.
    pub field: &'static str,
    /// What it is, for people.
    pub summary: &'static str,
}

/// How often a thing was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// How often.
    pub times: u64,
    /// The number of the packet that it was found in first.
    pub first: u64,
}

/// What was found so far. There are not more kinds than the protocols' descriptions have fields and problems.
#[derive(Debug, Clone, Default)]
pub struct Expert(BTreeMap<Kind, Count>);

impl Expert {
    /// Takes a packet, which has this number, and what the packets before it tell.
    pub fn packet(&mut self, number: u64, packet: &Dissected<'_>, facts: Option<&Facts>) {
        packet.findings(&mut |finding| {
            let entry = packet.table.entries().get(finding.layer);
            let protocol = entry.map_or("data", |entry| registry().get(entry.protocol).name);
            let (severity, group) = finding.problem.gravity();
            let summary = finding.problem.summary();
            self.found(number, Kind { severity, group, protocol, field: finding.field, summary });
        });
        self.remarks(number, packet);
        for (layer, fact, _) in facts.into_iter().flat_map(Facts::iter) {
            let known = fact.description();
            // What a packet quotes was found when it was sent.
            let is_quoted = packet.table.entries().get(layer).is_some_and(|entry| entry.quoted_by.is_some());
            if let Some((severity, group)) = known.gravity.filter(|_| !is_quoted) {
                let (protocol, field) = (known.protocol, known.field());
                self.found(number, Kind { severity, group, protocol, field, summary: known.title });
            }
        }
    }

    /// What is worth a remark about each layer by itself; that of a packet which is quoted was when it was sent.
    fn remarks(&mut self, number: u64, packet: &Dissected<'_>) {
        for (index, entry) in packet.table.entries().iter().enumerate() {
            let protocol = registry().get(entry.protocol);
            if protocol.remarks.is_empty() || entry.quoted_by.is_some() {
                continue;
            }
            let view = View::new(packet.octets, packet.table, packet.wire_len, index);
            for Remark { name, gravity: (severity, group), title, is_so } in &protocol.remarks {
                if is_so(&view).is_some() {
                    let rest = name.strip_prefix(protocol.name).and_then(|rest| rest.strip_prefix('.'));
                    let (severity, group, protocol, field) =
                        (*severity, *group, protocol.name, rest.unwrap_or(name));
                    self.found(number, Kind { severity, group, protocol, field, summary: title });
                }
            }
        }
    }

    fn found(&mut self, number: u64, kind: Kind) {
        let count = self.0.entry(kind).or_insert(Count { times: 0, first: number });
        count.times = count.times.saturating_add(1);
    }

    /// What was found, the gravest first, and of each gravity and kind what was found most often.
    pub fn found_most_first(&self) -> Vec<(Kind, Count)> {
        let mut all: Vec<(Kind, Count)> = self.0.iter().map(|(kind, count)| (*kind, *count)).collect();
        all.sort_by_key(|(kind, count)| (kind.severity, std::cmp::Reverse(count.times), *kind));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::dissect::dissect;
    use crate::wire::frame::LinkType;
    use crate::wire::layers::LayerTable;

    #[test]
    fn findings_are_counted_and_the_gravest_come_first() {
        // scapy: IP(src="127.0.0.1", dst="127.0.0.1", id=0)/ICMP(), with the ICMP checksum one too great.
        let octets = hex::decode("4500001c0000000040017cdf7f0000017f0000010800f80000000000").unwrap();
        let (mut table, mut expert) = (LayerTable::default(), Expert::default());
        dissect(&octets, LinkType::RAW, &mut table);
        for number in 4..7 {
            let wire_len = octets.len();
            expert.packet(number, &Dissected { octets: &octets, table: &table, wire_len }, None);
        }
        dissect(octets.get(..22).unwrap(), LinkType::RAW, &mut table);
        expert.packet(7, &Dissected { octets: &octets[..22], table: &table, wire_len: 28 }, None);
        let found = expert.found_most_first();
        let shown: Vec<_> = found
            .iter()
            .map(|(kind, count)| (kind.severity, kind.protocol, kind.field, count.times, count.first))
            .collect();
        assert_eq!(
            shown,
            [(Severity::Error, "icmp", "checksum", 3, 4), (Severity::Note, "icmp", "", 1, 7)],
            "{found:?}"
        );
    }
}

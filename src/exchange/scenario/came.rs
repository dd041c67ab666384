//! What came and nobody took, and what of it has to do with what was sent.

use std::collections::{HashSet, VecDeque};

use crate::exchange::engine::Nanos;
use crate::exchange::send_event::Seen;
use crate::filter::field::{About, FieldName, NamedValue};
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::wire::frame::LinkType;
use crate::wire::layers::LayerTable;

/// A packet that is kept, with its layers.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    octets: Vec<u8>,
    table: LayerTable,
}

impl Kept {
    pub(super) fn of(octets: Vec<u8>, link_type: LinkType) -> Self {
        let mut table = LayerTable::default();
        dissect(&octets, link_type, &mut table);
        Self { octets, table }
    }

    pub(super) fn dissected(&self) -> Dissected<'_> {
        Dissected { octets: &self.octets, table: &self.table, wire_len: self.octets.len() }
    }
}

/// Those to whom something was sent, and what answered it.
#[derive(Debug, Default)]
pub(super) struct Peers {
    addresses: HashSet<Vec<u8>>,
    answers: HashSet<Vec<u8>>,
}

/// The fields that say who sent a packet, and to whom it goes.
const FROM: &[&str] = &["ip.src", "ipv6.src", "arp.src.proto_ipv4"];
const TO: &[&str] = &["ip.dst", "ipv6.dst", "arp.dst.proto_ipv4"];

impl Peers {
    /// Notes to whom a packet goes.
    pub(super) fn add(&mut self, sent: &Kept) {
        self.addresses.extend(values(TO, &sent.dissected()));
    }

    /// Notes a packet that answers.
    pub(super) fn answer(&mut self, octets: &[u8]) {
        if self.answers.len() < MOST_KEPT {
            self.answers.insert(octets.to_vec());
        }
    }

    /// Whether a packet has to do with what was sent; any has, as long as nothing was.
    pub(super) fn knows(&self, seen: &Seen) -> bool {
        let packet = Kept::of(seen.octets.clone(), seen.link_type);
        self.addresses.is_empty()
            || self.answers.contains(&seen.octets)
            || values(FROM, &packet.dissected()).iter().any(|address| self.addresses.contains(address))
    }
}

fn values(names: &[&str], packet: &Dissected<'_>) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for field in names.iter().filter_map(|name| FieldName::new(name).ok()) {
        field.values(packet, &About::default(), &mut |value, _| {
            if let NamedValue::Octets(octets) = value {
                all.push(octets.to_vec());
            }
        });
    }
    all
}

/// A packet, when it came, and whether it has to do with what was sent.
#[derive(Debug)]
struct Packet {
    at: Nanos,
    seen: Seen,
    is_known: bool,
}

/// What came since the last packet was sent, and nobody took.
#[derive(Debug, Default)]
pub(super) struct Came {
    packets: VecDeque<Packet>,
    /// Those that are not kept: they have nothing to do with what was sent, or are too many.
    others: u64,
}

/// Packets that are kept for later steps, and those that are told of when one is not met.
const MOST_KEPT: usize = 256;
const MOST_TOLD: usize = 10;

impl Came {
    pub(super) fn push(&mut self, at: Nanos, seen: Seen, is_known: bool) {
        // What has nothing to do with it goes first.
        if self.packets.len() >= MOST_KEPT {
            let place = self.packets.iter().position(|packet| !packet.is_known).unwrap_or(0);
            self.packets.remove(place);
            self.others = self.others.saturating_add(1);
        }
        self.packets.push_back(Packet { at, seen, is_known });
    }

    pub(super) fn clear(&mut self) {
        (self.packets, self.others) = (VecDeque::new(), 0);
    }

    pub(super) fn take_all(&mut self) -> Vec<(Nanos, Seen)> {
        std::mem::take(&mut self.packets).into_iter().map(|packet| (packet.at, packet.seen)).collect()
    }

    /// What has to do with what was sent, the first few of it with their times since `began`, and how many others there are.
    pub(super) fn told(&self, began: Nanos) -> (Vec<(i64, Seen)>, u64) {
        let since = |at: Nanos| {
            let signed = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX);
            if at >= began { signed(at.saturating_sub(began)) } else { -signed(began.saturating_sub(at)) }
        };
        let known = self.packets.iter().filter(|packet| packet.is_known);
        let came: Vec<(i64, Seen)> =
            known.take(MOST_TOLD).map(|packet| (since(packet.at), packet.seen.clone())).collect();
        let rest = self.packets.len().saturating_sub(came.len());
        (came, self.others.saturating_add(u64::try_from(rest).unwrap_or(u64::MAX)))
    }
}

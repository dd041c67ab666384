//! Who talks to whom, and how much.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::packet::walk::read_field;
use crate::proto::describe::{Body, Protocol};
use crate::proto::registry;
use crate::wire::frame::Frame;
use crate::wire::layers::{LayerState, LayerTable};
use crate::wire::value::ValueRef;

/// Conversations of one protocol that are kept apart; later ones are counted together.
pub const MOST_CONVERSATIONS: usize = 1 << 20;

/// Packets, and their octets on the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets.
    pub packets: u64,
    /// Octets.
    pub octets: u64,
}

impl Traffic {
    pub(super) fn add(&mut self, octets: u64) {
        self.packets = self.packets.saturating_add(1);
        self.octets = self.octets.saturating_add(octets);
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            packets: self.packets.saturating_add(other.packets),
            octets: self.octets.saturating_add(other.octets),
        }
    }
}

/// One end of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndPoint {
    /// A MAC address.
    Mac([u8; 6]),
    /// An IP address.
    Address(IpAddr),
    /// An IP address and a port.
    Port(IpAddr, u16),
}

/// What two end points said to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversation {
    /// Who sent the first packet.
    pub from: EndPoint,
    /// The other one.
    pub to: EndPoint,
    /// What the first one sent.
    pub sent: Traffic,
    /// What the other one sent.
    pub received: Traffic,
    /// Times of the first and the last packet, nanoseconds since 1970, where the capture has times.
    pub times: Option<(i64, i64)>,
}

/// The conversations of one protocol.
#[derive(Debug, Clone, Default)]
pub struct Conversations {
    places: HashMap<(EndPoint, EndPoint), usize>,
    all: Vec<Conversation>,
    /// Packets of conversations that there was no room for.
    pub beyond: Traffic,
}

/// How much an end point sent and received.
pub type EndPoints = Vec<(EndPoint, Traffic, Traffic)>;

impl Conversations {
    /// Takes a packet, when it has the protocol; of several layers of it the outermost counts.
    pub(super) fn packet(&mut self, protocol: &str, frame: &Frame<'_>, table: &LayerTable) {
        let Some((from, to)) = end_points(protocol, frame.data, table) else { return };
        let octets = u64::from(frame.len);
        let key = if from <= to { (from, to) } else { (to, from) };
        let index = match self.places.get(&key) {
            Some(index) => *index,
            None if self.all.len() >= MOST_CONVERSATIONS => return self.beyond.add(octets),
            None => {
                let none = Traffic::default();
                self.places.insert(key, self.all.len());
                self.all.push(Conversation { from, to, sent: none, received: none, times: None });
                self.all.len().saturating_sub(1)
            }
        };
        let Some(conversation) = self.all.get_mut(index) else { return };
        let side =
            if conversation.from == from { &mut conversation.sent } else { &mut conversation.received };
        side.add(octets);
        if let Some(time) = frame.time {
            let (first, last) = conversation.times.unwrap_or((time, time));
            conversation.times = Some((first.min(time), last.max(time)));
        }
    }

    /// All conversations, those with the most packets first.
    pub fn by_packets(&self) -> Vec<Conversation> {
        let mut all = self.all.clone();
        all.sort_by_key(|one| std::cmp::Reverse(one.sent.and(one.received).packets));
        all
    }

    /// All end points, those with the most packets first.
    pub fn end_points(&self) -> EndPoints {
        let mut all: HashMap<EndPoint, (Traffic, Traffic)> = HashMap::new();
        for one in &self.all {
            let from = all.entry(one.from).or_default();
            *from = (from.0.and(one.sent), from.1.and(one.received));
            if one.from != one.to {
                let to = all.entry(one.to).or_default();
                *to = (to.0.and(one.received), to.1.and(one.sent));
            }
        }
        let mut all: EndPoints =
            all.into_iter().map(|(point, (sent, received))| (point, sent, received)).collect();
        all.sort_by_key(|(point, sent, received)| (std::cmp::Reverse(sent.and(*received).packets), *point));
        all
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }
}

/// From whom to whom a packet goes, in the words of a protocol.
fn end_points(protocol: &str, octets: &[u8], table: &LayerTable) -> Option<(EndPoint, EndPoint)> {
    let sent = table.entries().iter().take_while(|entry| entry.quoted_by.is_none());
    let mut addresses = None;
    for entry in sent {
        let layer = registry().get(entry.protocol);
        let header = octets.get(entry.start as usize..entry.header_end as usize)?;
        if layer.name == protocol && entry.state != LayerState::Malformed {
            let Some(read) = layer.ports else { return addresses_of(layer, header) };
            let ((from, to), (source, destination)) = (addresses?, read(header)?);
            return Some((with_port(from, source)?, with_port(to, destination)?));
        }
        if matches!(layer.name, "ip" | "ipv6") {
            addresses = addresses_of(layer, header);
        }
    }
    None
}

fn with_port(point: EndPoint, port: u16) -> Option<EndPoint> {
    match point {
        EndPoint::Address(address) => Some(EndPoint::Port(address, port)),
        _ => None,
    }
}

/// The fields `src` and `dst` of a header.
pub(super) fn addresses_of(protocol: &'static Protocol, header: &[u8]) -> Option<(EndPoint, EndPoint)> {
    let Body::Fields { fields, .. } = &protocol.sections.first()?.body else { return None };
    let address = |name: &str| {
        let field = fields.iter().find(|field| field.name == name)?;
        match read_field(field, header)? {
            ValueRef::Mac(mac) => Some(EndPoint::Mac(mac)),
            ValueRef::Ipv4(address) => Some(EndPoint::Address(address.into())),
            ValueRef::Ipv6(address) => Some(EndPoint::Address(address.into())),
            _ => None,
        }
    };
    Some((address("src")?, address("dst")?))
}

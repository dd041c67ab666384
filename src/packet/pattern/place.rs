//! Where a changing field stands in a packet's octets, and which values it takes.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::{Changing, outer_layers};
use crate::packet::build::build;
use crate::packet::walk::{Event, walk_layer};
use crate::packet::{Layer, Packet};
use crate::proto::describe::{Field, Kind};
use crate::proto::registry;
use crate::wire::layers::LayerTable;
use crate::wire::value::Value;

/// Where a value is written.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) field: &'static Field,
    pub(super) at: Range<usize>,
}

/// Where a changing field stands; `None` when it has no place of its own.
pub(super) fn place(
    octets: &[u8],
    table: &LayerTable,
    packet: &Packet,
    changing: &Changing,
) -> Option<Place> {
    let (_, entry) = outer_layers(table).nth(changing.layer)?;
    let protocol = registry().get(entry.protocol);
    if packet.layers.get(changing.layer)?.protocol.id != protocol.id {
        return None;
    }
    let mut found = None;
    walk_layer(octets, &entry, protocol, &mut |event| {
        if let Event::Field { field, octets, within, .. } = event {
            let is_it = field.name == changing.field && within.start == entry.start as usize;
            found = found.take().or(is_it.then_some(Place { field, at: octets }));
        }
    });
    // Numbers that count in other units may not divide.
    found.filter(|place: &Place| place.field.scale == 1)
}

impl Place {
    /// Whether a value is of the field's kind and fits.
    #[inline]
    pub(super) fn takes(&self, value: &Value) -> bool {
        match (self.field.kind, value) {
            (Kind::Uint | Kind::Group, Value::Uint(number)) => *number <= self.field.span.max(),
            (Kind::Bool, Value::Bool(_)) => true,
            (Kind::Mac, Value::Mac(_)) => self.at.len() == 6,
            (Kind::Ipv4, Value::Ipv4(_)) => self.at.len() == 4,
            (Kind::Ipv6, Value::Ipv6(_)) => self.at.len() == 16,
            (Kind::Octets, Value::Octets(octets)) => self.at.len() == octets.len(),
            _ => false,
        }
    }

    #[inline]
    pub(super) fn write(&self, packet: &mut [u8], value: &Value) {
        let mut copy = |octets: &[u8]| {
            if let Some(to) = packet.get_mut(self.at.clone()).filter(|to| to.len() == octets.len()) {
                to.copy_from_slice(octets);
            }
        };
        let number = match value {
            Value::Mac(mac) => return copy(mac),
            Value::Ipv4(address) => return copy(&address.octets()),
            Value::Ipv6(address) => return copy(&address.octets()),
            Value::Octets(octets) => return copy(octets),
            Value::Uint(number) => *number,
            Value::Bool(bit) => u64::from(*bit),
            Value::Name(_) | Value::Text(_) => return,
        };
        let section = self.at.start.saturating_sub(self.field.span.octets().start);
        self.field.span.write(packet.get_mut(section..).unwrap_or_default(), number);
    }
}

impl Place {
    /// Values that are as different as they get: all, of small fields.
    pub(super) fn trials(&self) -> Vec<Value> {
        let bits = self.field.span.len_bits;
        let most = self.field.span.max();
        let flips =
            |bits: u32| (0..bits.min(128)).map(|bit| 1u128 << bit).chain([0, u128::MAX, u128::MAX / 3]);
        match self.field.kind {
            Kind::Uint | Kind::Group if bits <= 8 => (0..=most).map(Value::Uint).collect(),
            Kind::Uint | Kind::Group => flips(bits)
                .map(|number| Value::Uint(u64::try_from(number & u128::from(most)).unwrap_or(0)))
                .collect(),
            Kind::Bool => vec![Value::Bool(false), Value::Bool(true)],
            Kind::Mac => vec![Value::Mac([0; 6]), Value::Mac([0xff; 6])],
            Kind::Ipv4 => flips(32).map(|bits| Value::Ipv4(Ipv4Addr::from_bits(low(bits)))).collect(),
            Kind::Ipv6 => flips(128).map(|bits| Value::Ipv6(Ipv6Addr::from_bits(bits))).collect(),
            Kind::Octets => {
                vec![Value::Octets(vec![0; self.at.len()]), Value::Octets(vec![0xff; self.at.len()])]
            }
            Kind::Name | Kind::Text => Vec::new(),
        }
    }

    /// Whether the header has the same form for every value: where parts of it depend on others, all values of a field of up to
    /// 16 bits are tried. Wider ones are no kinds of anything.
    pub(super) fn keeps_form(&self, layer: &Layer) -> bool {
        let depends = layer.protocol.sections.iter().any(|section| section.when.is_some());
        let bits = self.field.span.len_bits;
        if !depends || !(9..=16).contains(&bits) {
            return true;
        }
        let mut layer = layer.clone();
        layer.fields.retain(|(name, _)| name != self.field.name);
        let len = |number: u64| {
            let layer = layer.clone().with(self.field.name, Value::Uint(number));
            build(&Packet { layers: vec![layer], trailer: Vec::new() }).ok().map(|built| built.octets.len())
        };
        let first = len(0);
        first.is_some() && (0..=self.field.span.max()).all(|number| len(number) == first)
    }
}

pub(super) fn low(bits: u128) -> u32 {
    u32::try_from(bits & u128::from(u32::MAX)).unwrap_or(0)
}

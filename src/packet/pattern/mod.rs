//! A packet of which only some fields change: built once, and then written anew as octets, the changing fields and the checksums
//! alone.
//!
//! Nothing here knows a protocol's layout. Where a field stands is told by walking the built packet; how much each octet counts
//! in each checksum is *measured*, by changing it and computing the checksum with the protocol's own function. A checksum is then
//! what it would be with all changing octets zero, brought along by those octets (RFC 1624): the same octets as building gives,
//! which [`Pattern::compile`] tries out for many values, and refuses what differs.

mod place;

use std::ops::Range;

use crate::proto::auto::Scope;
use crate::proto::describe::{Auto, Field};
use crate::proto::registry;
use crate::wire::frame::LinkType;
use crate::wire::layers::LayerTable;
use crate::wire::packet_batch::PacketBatch;
use crate::wire::value::Value;

use self::place::{Place, place};
use super::build::{Built, build};
use super::walk::{Event, walk_layer};
use super::{Node, Packet, find};

/// A field that changes from packet to packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changing {
    /// The layer, as an index into the packet's.
    pub layer: usize,
    /// The field's name without the layer's.
    pub field: String,
}

/// A packet that is written with other values again and again.
#[derive(Debug, Clone)]
pub struct Pattern {
    octets: Vec<u8>,
    table: LayerTable,
    link_type: LinkType,
    places: Vec<Place>,
    sums: Vec<Sum>,
}

/// A checksum that changes along.
#[derive(Debug, Clone)]
struct Sum {
    compute: fn(&Scope<'_>) -> Option<u64>,
    layer: usize,
    at: usize,
    within: Range<usize>,
    /// The folded sum of all octets that do not change.
    base: u64,
    /// How much each changing octet counts.
    weights: Vec<(usize, u64)>,
}

impl Pattern {
    /// Makes a pattern of a packet, in which somebody wrote into each of these fields; `values` are some of theirs. `None` where
    /// they have no fixed places, or change more than their own octets and checksums: then each packet must be built.
    pub fn compile(packet: &Packet, changing: &[Changing], values: &[Value]) -> Option<Self> {
        Self::measured(packet, changing, values)?.tried(packet, changing, values)
    }

    /// The same of fields of which none decides what form the packet has, as types and lengths do: only these values are tried, which
    /// takes less time by far.
    pub fn compile_plain(packet: &Packet, changing: &[Changing], values: &[Value]) -> Option<Self> {
        let pattern = Self::measured(packet, changing, values)?;
        let built = filled(packet, changing, values).and_then(|packet| build(&packet).ok())?;
        let mut batch = PacketBatch::default();
        (pattern.push(&mut batch, values) && built.octets == batch.get(0)).then_some(pattern)
    }

    fn tried(self, packet: &Packet, changing: &[Changing], values: &[Value]) -> Option<Self> {
        self.stands_trial(packet, changing, values).then_some(self)
    }

    fn measured(packet: &Packet, changing: &[Changing], values: &[Value]) -> Option<Self> {
        if packet.layers.iter().any(|layer| layer.cut.is_some()) {
            return None;
        }
        let Built { octets, table, link_type, .. } = build(&filled(packet, changing, values)?).ok()?;
        let places = changing
            .iter()
            .map(|changing| place(&octets, &table, packet, changing))
            .collect::<Option<Vec<Place>>>()?;
        let mut pattern = Self { octets, table, link_type, places, sums: Vec::new() };
        pattern.sums = pattern.measure(packet)?;
        Some(pattern)
    }

    /// Whether it gives what building gives, for many values of each field.
    fn stands_trial(&self, packet: &Packet, changing: &[Changing], values: &[Value]) -> bool {
        let mut batch = PacketBatch::default();
        let mut is_right = |values: &[Value]| {
            let built = filled(packet, changing, values).and_then(|packet| build(&packet).ok());
            batch.clear();
            self.push(&mut batch, values) && built.is_some_and(|built| built.octets == batch.get(0))
        };
        if !is_right(values) {
            return false;
        }
        for (index, place) in self.places.iter().enumerate() {
            let mut tried = values.to_vec();
            for value in place.trials() {
                tried.get_mut(index).map(|slot| *slot = value).unwrap_or_default();
                if !is_right(&tried) {
                    return false;
                }
            }
            let layer = changing.get(index).and_then(|changing| packet.layers.get(changing.layer));
            if !layer.is_some_and(|layer| place.keeps_form(layer)) {
                return false;
            }
        }
        true
    }

    /// Adds the packet with these values to a batch; `false`, and nothing added, when one of them does not fit.
    #[inline]
    pub fn push(&self, batch: &mut PacketBatch, values: &[Value]) -> bool {
        let fits = |(place, value): (&Place, &Value)| place.takes(value);
        if values.len() != self.places.len() || !self.places.iter().zip(values).all(fits) {
            return false;
        }
        batch.push(&self.octets);
        let octets = batch.last_mut();
        for (place, value) in self.places.iter().zip(values) {
            place.write(octets, value);
        }
        for sum in &self.sums {
            let value = sum.of(octets, &self.table);
            if let Some(to) = octets.get_mut(sum.at..).and_then(<[u8]>::first_chunk_mut::<2>) {
                *to = value.to_be_bytes();
            }
        }
        true
    }

    /// What its packets begin with.
    pub fn link_type(&self) -> LinkType {
        self.link_type
    }

    /// The checksums that change along, innermost first, as they are computed when building.
    fn measure(&self, packet: &Packet) -> Option<Vec<Sum>> {
        let mut changing: Vec<usize> = self.places.iter().flat_map(|place| place.at.clone()).collect();
        let mut sums = Vec::new();
        for (field, layer, at, within) in self.computed(packet).into_iter().rev() {
            let Some(Auto::Checksum(compute, _)) = field.auto else { continue };
            changing.sort_unstable();
            changing.dedup();
            // The field itself is left out of its own sum.
            changing.retain(|octet| !at.contains(octet));
            let mut sum = Sum { compute, layer, at: at.start, within, base: 0, weights: Vec::new() };
            let mut octets = self.octets.clone();
            changing.iter().filter_map(|at| octets.get_mut(*at).map(|octet| *octet = 0)).for_each(drop);
            let Some(base) = sum.computed(&octets, &self.table) else { continue };
            sum.base = inverted(base);
            for at in &changing {
                octets.get_mut(*at).map(|octet| *octet = 1)?;
                let with = inverted(sum.computed(&octets, &self.table)?);
                octets.get_mut(*at).map(|octet| *octet = 0)?;
                let weight = with.saturating_add(0xffff).saturating_sub(sum.base).checked_rem(0xffff)?;
                if weight != 0 {
                    sum.weights.push((*at, weight));
                }
            }
            if sum.weights.is_empty() {
                continue;
            }
            if field.span.len_bits != 16 || !field.span.start_bits.is_multiple_of(8) {
                return None;
            }
            changing.extend(at);
            sums.push(sum);
        }
        Some(sums)
    }

    /// The checksums that nobody wrote.
    fn computed(&self, packet: &Packet) -> Vec<(&'static Field, usize, Range<usize>, Range<usize>)> {
        let mut found = Vec::new();
        for (layer, (index, entry)) in self.outer_layers().enumerate() {
            let Some(written) = packet.layers.get(layer) else { continue };
            walk_layer(&self.octets, &entry, registry().get(entry.protocol), &mut |event| {
                if let Event::Field { field, octets, within, .. } = event
                    && matches!(field.auto, Some(Auto::Checksum(..)))
                    && find(&written.fields, field.name).is_none()
                {
                    found.push((field, index, octets, within));
                }
            });
        }
        found
    }

    fn outer_layers(&self) -> impl Iterator<Item = (usize, crate::wire::layers::LayerEntry)> {
        outer_layers(&self.table)
    }
}

/// The layers that are not quoted, which are those of the packet.
fn outer_layers(table: &LayerTable) -> impl Iterator<Item = (usize, crate::wire::layers::LayerEntry)> {
    table.entries().iter().copied().enumerate().filter(|(_, entry)| entry.quoted_by.is_none())
}

/// The packet with values in its changing fields.
fn filled(packet: &Packet, changing: &[Changing], values: &[Value]) -> Option<Packet> {
    let mut packet = packet.clone();
    for (changing, value) in changing.iter().zip(values) {
        let layer = packet.layers.get_mut(changing.layer)?;
        layer.fields.push((changing.field.clone(), Node::Value(value.clone())));
    }
    Some(packet)
}

impl Sum {
    /// The checksum of a packet whose other octets stand.
    #[inline]
    fn of(&self, octets: &[u8], table: &LayerTable) -> u16 {
        let mut total = self.base;
        for (at, weight) in &self.weights {
            let octet = octets.get(*at).copied().unwrap_or(0);
            total = total.saturating_add(weight.saturating_mul(u64::from(octet)));
        }
        while total > 0xffff {
            total = (total & 0xffff).saturating_add(total >> 16);
        }
        let value = u16::try_from(inverted(total)).unwrap_or(0);
        // Zero and all ones are one number here (RFC 1071), and it is the protocol's to say which is written.
        if matches!(value, 0 | 0xffff) {
            let exact = self.computed(octets, table).and_then(|exact| u16::try_from(exact).ok());
            return exact.unwrap_or(value);
        }
        value
    }

    /// The checksum, computed with the protocol's function.
    fn computed(&self, octets: &[u8], table: &LayerTable) -> Option<u64> {
        let layer = Scope::of_layer(octets, table, self.layer);
        let field = self.at.saturating_sub(self.within.start);
        (self.compute)(&Scope { start: self.within.start, end: self.within.end, field, ..layer })
    }
}

fn inverted(checksum: u64) -> u64 {
    !checksum & 0xffff
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use proptest::prelude::*;

    use super::place::low;
    use super::*;
    use crate::packet::Layer;
    use crate::packet::dissect::dissect;
    use crate::packet::laws::packets;
    use crate::packet::unbuild::unbuild_shortest;
    use crate::proto::describe::Body;
    use crate::proto::describe::Kind;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn layer(name: &str) -> Layer {
        Layer::new(registry().by_name(name).unwrap())
    }

    fn changing(layer: usize, field: &str) -> Changing {
        Changing { layer, field: field.to_owned() }
    }

    fn datagram() -> Packet {
        let ip = layer("ip")
            .with("src", Value::Ipv4([10, 0, 0, 1].into()))
            .with("dst", Value::Ipv4([10, 0, 0, 2].into()));
        let layers =
            vec![layer("eth"), ip, layer("udp"), layer("data").with("hex", Value::Octets(vec![0x55; 33]))];
        Packet { layers, trailer: Vec::new() }
    }

    /// The octets that the pattern gives, and those that building gives.
    fn both(
        packet: &Packet,
        changing: &[Changing],
        pattern: &Pattern,
        values: &[Value],
    ) -> (Vec<u8>, Vec<u8>) {
        let mut batch = PacketBatch::default();
        assert!(pattern.push(&mut batch, values), "{values:?}");
        (batch.get(0).to_vec(), build(&filled(packet, changing, values).unwrap()).unwrap().octets)
    }

    #[test]
    fn fields_and_checksums_as_building_makes_them() {
        let packet = datagram();
        let fields = [
            changing(1, "id"),
            changing(1, "dst"),
            changing(1, "flags.df"),
            changing(2, "srcport"),
            changing(3, "hex"),
            changing(0, "dst"),
        ];
        let values = |number: u16| {
            let octets = (0..33u16).map(|place| (number >> (place % 7)).to_be_bytes()[1]).collect();
            vec![
                Value::Uint(u64::from(number)),
                Value::Ipv4(std::net::Ipv4Addr::from_bits(u32::from(number) * 65_521)),
                Value::Bool(number % 2 == 1),
                Value::Uint(u64::from(number.rotate_left(5))),
                Value::Octets(octets),
                Value::Mac([2, 0, 0, 0, 0, number.to_be_bytes()[1]]),
            ]
        };
        let pattern = Pattern::compile(&packet, &fields, &values(1)).unwrap();
        assert_eq!(pattern.sums.len(), 2);
        for number in (0..=u16::MAX).step_by(7) {
            let (fast, slow) = both(&packet, &fields, &pattern, &values(number));
            assert_eq!(hex::encode(fast), hex::encode(slow), "{number}");
        }
    }

    /// Every value of a field, so that each checksum comes up, zero and all ones too.
    #[test]
    fn a_computed_zero_is_written_as_the_protocol_says() {
        for (protocol, field) in [("udp", "srcport"), ("tcp", "urgent_pointer"), ("icmp", "ident")] {
            let mut packet = datagram();
            packet.layers[2] = layer(protocol);
            let fields = [changing(2, field)];
            let pattern = Pattern::compile(&packet, &fields, &[Value::Uint(1)]).unwrap();
            for number in 0..=u64::from(u16::MAX) {
                let (fast, slow) = both(&packet, &fields, &pattern, &[Value::Uint(number)]);
                assert_eq!(fast, slow, "{protocol}.{field} {number}");
            }
        }
    }

    #[test]
    fn a_sum_over_sums_and_checksums_as_written() {
        let inner = datagram().layers;
        let mut packet = datagram();
        packet.layers.truncate(3);
        packet.layers.extend(inner.into_iter().skip(1));
        let fields = [changing(3, "id"), changing(3, "src"), changing(4, "dstport")];
        let values = [Value::Uint(7), Value::Ipv4([1, 2, 3, 4].into()), Value::Uint(9)];
        let pattern = Pattern::compile(&packet, &fields, &values).unwrap();
        assert_eq!(pattern.sums.len(), 3, "inner IP, inner UDP, and outer UDP over both");
        let (fast, slow) = both(&packet, &fields, &pattern, &values);
        assert_eq!(fast, slow);
        packet.layers[2] = layer("udp").with("checksum", Value::Uint(0xdead));
        let pattern = Pattern::compile(&packet, &fields, &values).unwrap();
        assert_eq!(pattern.sums.len(), 2);
    }

    #[test]
    fn what_changes_the_form_is_refused_and_so_is_what_does_not_fit() {
        let mut packet = datagram();
        packet.layers[2] = layer("icmp");
        packet.layers.truncate(3);
        assert!(Pattern::compile(&packet, &[changing(2, "type")], &[Value::Uint(8)]).is_none());
        assert!(Pattern::compile(&packet, &[changing(2, "seq")], &[Value::Uint(8)]).is_some());
        assert!(Pattern::compile(&packet, &[changing(1, "hdr_len")], &[Value::Uint(20)]).is_none());
        assert!(Pattern::compile(&packet, &[changing(1, "nosuch")], &[Value::Uint(20)]).is_none());
        let pattern = Pattern::compile(&datagram(), &[changing(2, "srcport")], &[Value::Uint(1)]).unwrap();
        let mut batch = PacketBatch::default();
        assert!(!pattern.push(&mut batch, &[Value::Uint(65_536)]) && batch.is_empty());
        assert!(!pattern.push(&mut batch, &[Value::Bool(true)]) && batch.is_empty());
    }

    /// Fields with places of their own, of all layers of a packet.
    fn fields_of(packet: &Packet) -> Vec<(Changing, &'static Field)> {
        let of_layer = |(index, layer): (usize, &Layer)| {
            let fields = layer.protocol.sections.iter().flat_map(|section| match &section.body {
                Body::Fields { fields, .. } => fields.as_slice(),
                _ => &[],
            });
            fields.map(|field| (changing(index, field.name), field)).collect::<Vec<_>>()
        };
        packet.layers.iter().enumerate().flat_map(of_layer).collect()
    }

    fn value(field: &Field, bits: u128) -> Value {
        match field.kind {
            Kind::Bool => Value::Bool(bits % 2 == 1),
            Kind::Mac => Value::Mac(*bits.to_be_bytes().last_chunk().unwrap()),
            Kind::Ipv4 => Value::Ipv4(Ipv4Addr::from_bits(low(bits))),
            Kind::Ipv6 => Value::Ipv6(Ipv6Addr::from_bits(bits)),
            Kind::Octets => Value::Octets(
                bits.to_be_bytes().into_iter().cycle().take(field.span.octets().len()).collect(),
            ),
            _ => Value::Uint(u64::try_from(bits & u128::from(field.span.max())).unwrap()),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(120))]

        /// The law: what a pattern gives is what building gives, whatever the packet, the fields and their values.
        #[test]
        fn a_pattern_gives_what_building_gives(
            octets in packets(),
            link in prop::sample::select(vec![1u32, 1, 101, 113]),
            chosen in proptest::collection::vec(any::<prop::sample::Index>(), 1..4),
            draws in proptest::collection::vec(proptest::collection::vec(any::<u128>(), 3), 1..6),
        ) {
            let mut table = LayerTable::default();
            dissect(&octets, LinkType(link), &mut table);
            let packet = unbuild_shortest(&octets, &table);
            let all = fields_of(&packet);
            prop_assume!(!all.is_empty());
            let mut fields: Vec<(Changing, &Field)> = Vec::new();
            for index in chosen {
                let (changing, field) = index.get(&all);
                if !fields.iter().any(|(there, _)| there == changing) {
                    fields.push((changing.clone(), field));
                }
            }
            let values = |draw: &[u128]| fields.iter().zip(draw).map(|((_, field), bits)| value(field, *bits)).collect::<Vec<_>>();
            let fields_only: Vec<Changing> = fields.iter().map(|(changing, _)| changing.clone()).collect();
            if let Some(pattern) = Pattern::compile(&packet, &fields_only, &values(&draws[0])) {
                for draw in &draws {
                    let mut batch = PacketBatch::default();
                    let built = build(&filled(&packet, &fields_only, &values(draw)).unwrap());
                    if pattern.push(&mut batch, &values(draw)) {
                        prop_assert_eq!(hex::encode(batch.get(0)), hex::encode(built.unwrap().octets), "{:?}", fields_only);
                    }
                }
            }
        }
    }
}

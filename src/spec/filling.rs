//! The fields that a template's generators fill, and their values without a packet around them: for whoever writes a packet's
//! octets by its pattern.

use super::Crafted;
use super::packets::Round;
use super::random::Random;
use super::template::Template;
use crate::packet::pattern::Changing;
use crate::packet::{Layer, Node};
use crate::wire::value::Value;

/// The values of a template's packets.
#[derive(Debug, Clone)]
pub struct Filling<'t> {
    template: &'t Template,
    changing: Vec<Changing>,
    /// For each changing field, the number of its slot.
    slots: Vec<usize>,
    /// For each slot, the place in its sweep.
    places: Vec<u64>,
}

impl Template {
    /// The fields that generators fill, with their values; `None` where one stands deeper than a field: in an option, an item, a
    /// quoted packet.
    pub fn filling(&self) -> Option<Filling<'_>> {
        // What goes otherwise than one packet for each step of its own sweeps is not for patterns.
        let steps = self.repeat.is_none() && self.slots.iter().all(|slot| slot.variable.is_none());
        if !steps || self.fragment.is_some() || self.corrupt.is_some() {
            return None;
        }
        let (mut changing, mut slots) = (Vec::new(), Vec::new());
        for (number, layer) in self.packet.layers.iter().enumerate() {
            for (name, node) in &layer.fields {
                match node {
                    Node::Slot(slot) => {
                        changing.push(Changing { layer: number, field: name.clone() });
                        slots.push(*slot);
                    }
                    node if has_slot(node) => return None,
                    _ => {}
                }
            }
        }
        Some(Filling { template: self, changing, slots, places: vec![0; self.slots.len()] })
    }
}

impl<'t> Filling<'t> {
    /// The packet at place `index`, with draws as [`values`](Self::values) takes them.
    pub fn packet(&self, index: u64, random: &mut Random) -> Crafted<'t> {
        let packet = self.template.packet(index, &Round::default(), random);
        Crafted { template: self.template, packet, seed: 0, round: Round::default() }
    }

    /// The fields, in the order in which they draw.
    pub fn changing(&self) -> &[Changing] {
        &self.changing
    }

    /// Puts the values of the packet at place `index` into `values`: those of [`packet`](Self::packet), with the same draws.
    pub fn values(&mut self, index: u64, random: &mut Random, values: &mut Vec<Value>) {
        values.clear();
        let mut index = index;
        for (place, slot) in self.places.iter_mut().zip(&self.template.slots).rev() {
            *place = index.checked_rem(slot.count()).unwrap_or(0);
            index = index.checked_div(slot.count()).unwrap_or(0);
        }
        for number in &self.slots {
            if let (Some(slot), Some(place)) = (self.template.slots.get(*number), self.places.get(*number)) {
                values.push(slot.value(*place, random));
            }
        }
    }
}

/// Whether a part of it differs from packet to packet. Nodes are no deeper than texts are read.
fn has_slot(node: &Node) -> bool {
    match node {
        Node::Slot(_) => true,
        // Texts that tell fields are put together for each packet.
        Node::Woven(_) => true,
        Node::Value(_) | Node::Auto(_) => false,
        Node::Table(fields) => fields.iter().any(|(_, node)| has_slot(node)),
        Node::List(nodes) => nodes.iter().any(has_slot),
        Node::Layers(layers) => {
            layers.iter().flat_map(|layer: &Layer| &layer.fields).any(|(_, node)| has_slot(node))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Source, Spec, Syntax, read};

    fn spec(text: &str) -> Spec {
        read(&Source::new("spec", text), Syntax::Expression, &|_| Err(std::io::Error::other("none"))).unwrap()
    }

    #[test]
    fn values_are_those_of_the_packets() {
        let text = "ip(dst=10.0.0.0/29, ttl=[1, 5..6], id=random)/udp(srcport=random(5..9), dstport=1..3)/data(random=4)";
        let spec = spec(text);
        let template = &spec.templates[0];
        let mut filling = template.filling().unwrap();
        let names: Vec<&str> = filling.changing().iter().map(|changing| changing.field.as_str()).collect();
        assert_eq!(names, ["dst", "ttl", "id", "srcport", "dstport", "hex"]);
        let (mut slow, mut fast, mut values) = (Random::new(7), Random::new(7), Vec::new());
        for index in 0..template.total() + 3 {
            let packet = filling.packet(index, &mut slow).packet;
            filling.values(index, &mut fast, &mut values);
            for (changing, value) in filling.changing().iter().zip(&values) {
                let Some(Node::Value(there)) = packet.layers[changing.layer].get(&changing.field) else {
                    panic!("{changing:?}");
                };
                assert_eq!(there, value, "{index} {changing:?}");
            }
        }
    }

    #[test]
    fn what_stands_deeper_is_not_filled_here() {
        assert!(spec("ip/tcp(options=[mss=1..3])").templates[0].filling().is_none());
        assert!(spec("ip/tcp(dstport=7)").templates[0].filling().unwrap().changing().is_empty());
    }
}

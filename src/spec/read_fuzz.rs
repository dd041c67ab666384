//! `fuzz`: fields that take any value, drawn for each packet; values at the edges are drawn as often as all others.

use super::generator::{Make, Numbers, Run, Slot};
use super::mistake::{Mistake, shortened};
use super::packets::Round;
use super::random::Random;
use super::reader::Reader;
use super::target::Target;
use super::template::{LayerOrigin, Template};
use super::tree::{Shape, Tree};
use crate::diagnostic::At;
use crate::diagnostic::nearest::nearest;
use crate::packet::build::build;
use crate::packet::unbuild::next_of_chain;
use crate::packet::walk::{Event, RAW, Shape as Walked, walk_layer};
use crate::packet::{Layer, Node, Packet};
use crate::proto::data;
use crate::proto::describe::{Body, Field, Kind, Protocol};
use crate::proto::registry;

impl Reader<'_> {
    /// Reads the names of `fuzz`, and puts draws in the place of what the packet's fields are.
    pub(super) fn fuzz(&mut self, tree: &Tree<'_>, packet: &mut Packet, origins: &mut [LayerOrigin]) {
        let one = std::slice::from_ref(tree);
        let names = if let Shape::List(list) = &tree.shape { list.as_slice() } else { one };
        if names.len() > MOST_NAMES {
            let (name, value) = ("fuzz".to_owned(), format!("{} names", names.len()));
            let max = u64::try_from(MOST_NAMES).unwrap_or(u64::MAX);
            return self.mistake(tree.at.clone(), Mistake::OutOfRange { name, value, min: 0, max, unit: 1 });
        }
        for tree in names {
            let Some(name) = tree.text().map(str::to_owned) else {
                self.wrong_kind(tree, "fuzz", "names of fields and layers, such as \"tcp.flags\"");
                continue;
            };
            let Some((place, field)) = find(packet, &name) else {
                let known = registry().protocols().map(|protocol| protocol.name);
                let mistake = match nearest(&name, known.clone()).filter(|_| !name.contains('.')) {
                    Some(layer) if layer != name => {
                        Mistake::UnknownLayer { name: shortened(&name), nearest: Some(layer.to_owned()) }
                    }
                    _ => Mistake::NotInPacket { name: shortened(&name) },
                };
                self.mistake(tree.at.clone(), mistake);
                continue;
            };
            let fields =
                if field.is_empty() { self.fields_of(packet, place) } else { vec![field.to_owned()] };
            if let (Some(layer), Some(origin)) = (packet.layers.get_mut(place), origins.get_mut(place)) {
                let is_all = field.is_empty();
                fields.iter().for_each(|field| self.fuzz_field(layer, origin, field, &tree.at, is_all));
            }
        }
    }

    /// The fields that a layer has in the spec's first packet.
    fn fields_of(&mut self, packet: &Packet, place: usize) -> Vec<String> {
        let mut template = Template::default();
        template.set_packet(packet.clone(), self.slots.clone(), super::template::Origin::default());
        let first = template.packet(0, &Round::default(), &mut Random::new(0));
        // Whoever builds it tells why it cannot be built.
        let Ok(built) = build(&first) else { return Vec::new() };
        let mut chain = std::iter::successors(Some(0), |index| next_of_chain(&built.table, *index));
        let entry = chain.nth(place).and_then(|index| built.table.entries().get(index));
        let Some(entry) = entry else { return Vec::new() };
        let (mut names, mut open) = (Vec::new(), Vec::new());
        walk_layer(&built.octets, entry, registry().get(entry.protocol), &mut |event| match event {
            Event::Open { shape, .. } => open.push(shape),
            Event::Close => _ = open.pop(),
            Event::Field { field, .. }
                if field.kind != Kind::Group && open.iter().all(|shape| *shape == Walked::Group) =>
            {
                names.push(field.name.to_owned());
            }
            _ => {}
        });
        names
    }

    fn fuzz_field(&mut self, layer: &mut Layer, origin: &mut LayerOrigin, name: &str, at: &At, is_all: bool) {
        let Some(node) = self.noise(layer.protocol, name) else {
            if !is_all {
                let full = |name: &str| format!("{}.{}", layer.protocol.name, shortened(name));
                let known = names_of(layer.protocol);
                let mistake = if known.contains(&name) {
                    Mistake::NoFuzz { name: full(name) }
                } else {
                    let nearest = nearest(name, known.iter().copied()).map(full);
                    Mistake::NoField { name: full(name), nearest }
                };
                self.mistake(at.clone(), mistake);
            }
            return;
        };
        // A field whose group, or part, somebody wrote is written anew too.
        let inner = format!("{name}.");
        let mut written = Vec::with_capacity(layer.fields.len());
        let fields = std::mem::take(&mut layer.fields).into_iter().zip(std::mem::take(&mut origin.fields));
        for (field, at) in fields {
            if field.0 != name && !field.0.starts_with(&inner) {
                written.push((field, at));
            } else {
                self.forget(&field.1);
            }
        }
        (layer.fields, origin.fields) = written.into_iter().unzip();
        layer.fields.push((name.to_owned(), node));
        origin.fields.push(at.clone());
    }

    /// Generators of what is not written any more make no packets.
    fn forget(&mut self, node: &Node) {
        let mut nodes = vec![node];
        while let Some(node) = nodes.pop() {
            match node {
                Node::Slot(number) => {
                    if let Some(slot) = self.slots.get_mut(*number) {
                        let numbers = Numbers::sweep(vec![Run::one(0)]);
                        *slot = Slot { numbers, make: Make::Uint, variable: None };
                    }
                }
                Node::List(list) => nodes.extend(list),
                Node::Table(fields) => nodes.extend(fields.iter().map(|(_, node)| node)),
                _ => {}
            }
        }
    }

    /// A draw of any value that the field takes.
    fn noise(&mut self, protocol: &'static Protocol, name: &str) -> Option<Node> {
        let random = |first, last, step, make| Slot {
            numbers: Numbers::Draw(Run { first, last, step }),
            make,
            variable: None,
        };
        if protocol.name == data::NAME {
            return Some(self.slot(random(0, MOST_DATA, 1, Make::Random)));
        }
        let found = protocol.sections.iter().find_map(|section| match &section.body {
            Body::Fields { fields, .. } => fields
                .iter()
                .find(|field| field.name == name)
                .and_then(|field| slot_of(protocol, field, fields)),
            Body::Octets { field, .. } if field.name == name => Some(random(0, MOST_OCTETS, 1, Make::Random)),
            Body::Records(records) if records.name == name => Some(random(0, MOST_OPTIONS, 4, Make::Random)),
            _ => None,
        })?;
        let is_records = protocol
            .sections
            .iter()
            .any(|section| matches!(&section.body, Body::Records(records) if records.name == name));
        let node = self.slot(found);
        Some(if is_records { Node::List(vec![Node::Table(vec![(RAW.to_owned(), node)])]) } else { node })
    }
}

/// What is drawn for a field with a place of its own.
fn slot_of(protocol: &'static Protocol, field: &'static Field, fields: &'static [Field]) -> Option<Slot> {
    let target = Target::field(protocol.name, field.name, field, fields, field.max());
    let (numbers, make) = match field.kind {
        Kind::Name | Kind::Text => return None,
        Kind::Octets => {
            let len = u128::try_from(field.span.octets().len()).unwrap_or(0);
            (Numbers::sweep(vec![Run::one(len)]), Make::Random)
        }
        _ => (Numbers::Edges(target.all()), target.make()),
    };
    Some(Slot { numbers, make, variable: None })
}

/// The layer that a name means, by its place, and the field in it; empty for all of them.
fn find<'n>(packet: &Packet, name: &'n str) -> Option<(usize, &'n str)> {
    let places = packet.layers.iter().enumerate().filter_map(|(place, layer)| {
        let rest = name.strip_prefix(layer.protocol.name)?;
        let field = if rest.is_empty() { "" } else { rest.strip_prefix('.')? };
        Some((place, layer.protocol.name.len(), field))
    });
    // The longest name of a layer, and of several such layers the outermost.
    let (place, _, field) = places.rev().max_by_key(|(_, len, _)| *len)?;
    Some((place, field))
}

fn names_of(protocol: &'static Protocol) -> Vec<&'static str> {
    let names = protocol.sections.iter().flat_map(|section| match &section.body {
        Body::Fields { fields, .. } => fields.iter().map(|field| field.name).collect(),
        Body::Octets { field, .. } | Body::Zeros { field } | Body::Text { field, .. } => vec![field.name],
        Body::Items(items) => vec![items.name],
        Body::Records(records) => vec![records.name],
        Body::Quoted(quoted) => vec![quoted.name],
    });
    names.collect()
}

/// More than any packet has fields that are worth it.
const MOST_NAMES: usize = 256;
/// Octets of a payload, of other octets, and of options that are drawn.
const MOST_DATA: u128 = 256;
const MOST_OCTETS: u128 = 64;
const MOST_OPTIONS: u128 = 40;

//! What is done to a packet that is built: it is cut into fragments, or bits of it are turned over.

use super::frames::{Corruption, Fragments, Order};
use super::generator::{Make, Numbers, Run, Slot};
use super::mistake::Mistake;
use super::reader::Reader;
use super::template::LayerOrigin;
use super::tree::{Shape, Tree};
use crate::diagnostic::At;
use crate::packet::Packet;
use crate::packet::fragment::{Fragmentation, add_fragment_header};

impl Reader<'_> {
    /// Reads `fragment`.
    pub(super) fn fragment(&mut self, tree: &Tree<'_>) -> Option<Fragments> {
        let Shape::Table(entries) = &tree.shape else {
            self.wrong_kind(tree, "fragment", "a table with `size`");
            return None;
        };
        let mut how = Fragmentation { size: 0, overlap: 0 };
        let (mut order, mut has_size) = (Order::Forward, false);
        for entry in entries {
            let value = &entry.value;
            let mut octets = |name| {
                let number = self.number(value, name, u64::from(u16::MAX));
                number.and_then(|number| usize::try_from(number).ok())
            };
            match entry.key.as_ref() {
                "size" => {
                    has_size = true;
                    how.size = octets("fragment.size").unwrap_or(usize::from(u16::MAX));
                }
                "overlap" => match octets("fragment.overlap") {
                    Some(overlap) if overlap % 8 == 0 => how.overlap = overlap,
                    Some(overlap) => {
                        let (name, value_text) = ("fragment.overlap".to_owned(), overlap.to_string());
                        let max = u64::from(u16::MAX);
                        let mistake = Mistake::OutOfRange { name, value: value_text, min: 0, max, unit: 8 };
                        self.mistake(value.at.clone(), mistake);
                    }
                    None => {}
                },
                "order" => match value.text() {
                    Some("forward") => order = Order::Forward,
                    Some("reverse") => order = Order::Reverse,
                    Some("random") => order = Order::Random,
                    _ => self.wrong_kind(value, "fragment.order", "\"forward\", \"reverse\" or \"random\""),
                },
                _ => self.unknown_key(entry, "fragment", &["size", "overlap", "order"]),
            }
        }
        if !has_size {
            self.mistake(tree.at.clone(), Mistake::Missing { name: "fragment".to_owned(), key: "size" });
        }
        Some(Fragments { how, order, at: tree.at.clone() })
    }

    /// Gives an IPv6 packet the header that its fragments have, with an identification that is drawn.
    pub(super) fn prepare_fragments(&mut self, packet: &mut Packet, origins: &mut Vec<LayerOrigin>, at: &At) {
        let numbers = Numbers::Draw(Run { first: 0, last: u128::from(u32::MAX), step: 1 });
        let before = self.slots.len();
        let node = self.slot(Slot { numbers, make: Make::Uint, variable: None });
        match add_fragment_header(packet, node) {
            Some(place) if place <= origins.len() => {
                origins.insert(
                    place,
                    LayerOrigin { at: at.clone(), fields: vec![at.clone()], quoted: Vec::new() },
                );
            }
            Some(_) => {}
            None => self.slots.truncate(before),
        }
    }

    /// Reads `corrupt`.
    pub(super) fn corrupt(&mut self, tree: &Tree<'_>, packet: &Packet) -> Option<Corruption> {
        let Shape::Table(entries) = &tree.shape else {
            self.wrong_kind(tree, "corrupt", "a table with `bits`");
            return None;
        };
        let mut corruption = Corruption { bits: 1, layer: None };
        for entry in entries {
            match entry.key.as_ref() {
                "bits" => corruption.bits = self.number(&entry.value, "corrupt.bits", MOST_BITS).unwrap_or(1),
                "layer" => {
                    let name = self.text(&entry.value, "corrupt.layer").unwrap_or_default();
                    let layer = packet.layers.iter().find(|layer| layer.protocol.name == name);
                    corruption.layer = layer.map(|layer| layer.protocol.name);
                    if layer.is_none() && !name.is_empty() {
                        let mistake = Mistake::NotInPacket { name: super::mistake::shortened(&name) };
                        self.mistake(entry.value.at.clone(), mistake);
                    }
                }
                _ => self.unknown_key(entry, "corrupt", &["bits", "layer"]),
            }
        }
        Some(corruption)
    }
}

/// Bits that may be turned over: more than that is noise.
const MOST_BITS: u64 = 4096;

//! `defaults`: fields of layers by the layer's name, for all layers of that name that do not write them themselves.

use super::mistake::Mistake;
use super::read_layers::Structure;
use super::reader::Reader;
use super::tree::{Entry, Shape, Tree};
use crate::diagnostic::nearest::nearest;
use crate::proto::data;
use crate::proto::registry;

impl Reader<'_> {
    /// Takes a text's `defaults`, which count before those that were taken before. What is wrong in them is told here, once.
    pub(super) fn take_defaults(&mut self, tree: &Tree<'_>) {
        let Shape::Table(entries) = &tree.shape else {
            return self.wrong_kind(tree, "defaults", "a table with layers");
        };
        let before = self.mistakes.len();
        for entry in entries {
            self.check_default(entry);
        }
        if self.mistakes.len() == before {
            self.defaults.insert(0, tree.to_owned());
        }
    }

    fn check_default(&mut self, entry: &Entry<'_>) {
        if entry.key == data::NAME {
            return self.mistake(entry.key_at.clone(), Mistake::NoDefaults);
        }
        let Some(protocol) = registry().by_name(&entry.key) else {
            let names = registry().protocols().map(|protocol| protocol.name);
            let nearest = nearest(&entry.key, names.filter(|name| *name != data::NAME)).map(str::to_owned);
            let name = super::mistake::shortened(&entry.key);
            return self.mistake(entry.key_at.clone(), Mistake::UnknownLayer { name, nearest });
        };
        let Shape::Table(fields) = &entry.value.shape else {
            return self.wrong_kind(&entry.value, protocol.name, "a table of fields");
        };
        let slots = self.slots.len();
        self.header(
            &mut Structure::new(&protocol.sections, protocol.name),
            protocol,
            fields.iter().collect(),
        );
        self.slots.truncate(slots);
    }

    /// Adds the defaults of a layer's fields to those that it writes itself.
    pub(super) fn add_defaults(&mut self, structure: &mut Structure<'_>) {
        if self.defaults.is_empty() {
            return;
        }
        let defaults = std::mem::take(&mut self.defaults);
        let name = structure.path;
        structure.is_lenient = true;
        for tree in &defaults {
            let Shape::Table(layers) = &tree.shape else { continue };
            for layer in layers.iter().filter(|layer| layer.key == name) {
                if let (Shape::Table(fields), Some(protocol)) = (&layer.value.shape, registry().by_name(name))
                {
                    self.header(structure, protocol, fields.iter().collect());
                }
            }
        }
        structure.is_lenient = false;
        self.defaults = defaults;
    }
}

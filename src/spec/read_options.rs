//! Options: an ordered list of names and of tables with one name each.

use super::mistake::{Mistake, shortened};
use super::read_layers::Structure;
use super::read_octets::WAYS;
use super::reader::Reader;
use super::target::Target;
use super::tree::{Entry, Shape, Tree};
use crate::diagnostic::nearest::nearest;
use crate::packet::Node;
use crate::packet::walk::{DATA, LENGTH, RAW, UNKNOWN};
use crate::proto::describe::{Body, Field, Items, Kind, Record, Records, Section};
use crate::wire::value::Value;

impl Reader<'_> {
    /// Reads a list of options.
    pub(super) fn records(&mut self, records: &'static Records, path: &str, tree: &Tree<'_>) -> Option<Node> {
        let Shape::List(list) = &tree.shape else {
            self.wrong_kind(tree, path, "a list of options");
            return None;
        };
        let options = list.iter().filter_map(|tree| {
            let (name, node) = self.option(records, path, tree)?;
            Some(Node::Table(vec![(name.to_owned(), node)]))
        });
        Some(Node::List(options.collect()))
    }

    fn option(
        &mut self,
        records: &'static Records,
        path: &str,
        tree: &Tree<'_>,
    ) -> Option<(&'static str, Node)> {
        match &tree.shape {
            // A bare name.
            Shape::Text(text) => {
                let record = self.known(records, path, &text.text, tree)?;
                let nothing = Tree::new(tree.at.clone(), Shape::Table(Vec::new()));
                Some((record.name, self.body(record, path, &nothing)?))
            }
            Shape::Table(entries) => match entries.as_slice() {
                [entry] => self.option_entry(records, path, entry),
                _ => {
                    self.mistake(tree.at.clone(), Mistake::OneKey { place: path.to_owned() });
                    None
                }
            },
            _ => {
                self.wrong_kind(tree, path, "names, or tables with one name each");
                None
            }
        }
    }

    fn option_entry(
        &mut self,
        records: &'static Records,
        path: &str,
        entry: &Entry<'_>,
    ) -> Option<(&'static str, Node)> {
        match entry.key.as_ref() {
            UNKNOWN => Some((UNKNOWN, self.unknown(records, &format!("{path}.{UNKNOWN}"), &entry.value)?)),
            RAW => {
                let octets = self.fixed_octets(&entry.value, &format!("{path}.{RAW}"));
                Some((RAW, Node::Value(Value::Octets(octets))))
            }
            name => {
                let key = Tree::new(entry.key_at.clone(), Shape::Bool(true));
                let record = self.known(records, path, name, &key)?;
                Some((record.name, self.body(record, path, &entry.value)?))
            }
        }
    }

    fn known(
        &mut self,
        records: &'static Records,
        path: &str,
        name: &str,
        tree: &Tree<'_>,
    ) -> Option<&'static Record> {
        let found = records.records.iter().find(|record| record.name == name);
        if found.is_none() && !self.is_full() {
            let names = records.records.iter().map(|record| record.name).chain([UNKNOWN, RAW]);
            let nearest = nearest(name, names).map(str::to_owned);
            let (place, name) = (path.to_owned(), shortened(name));
            let code_name = records.dialect.code_name;
            self.mistake(tree.at.clone(), Mistake::UnknownOption { place, name, nearest, code_name });
        }
        found
    }

    /// Reads what a known option holds: nothing, one value, a list, or a table of its fields.
    fn body(&mut self, record: &'static Record, path: &str, tree: &Tree<'_>) -> Option<Node> {
        let path = format!("{path}.{}", record.name);
        if record.sections.is_empty() {
            // A name alone, or with an empty table or `true`.
            if !matches!(&tree.shape, Shape::Bool(true))
                && !matches!(&tree.shape, Shape::Table(entries) if entries.is_empty())
            {
                self.wrong_kind(tree, &path, "no value");
            }
            return Some(Node::Table(Vec::new()));
        }
        match (single(record), &tree.shape) {
            (Some(Single::Items(items)), Shape::List(_)) => self.items(items, &path, tree),
            (Some(Single::Octets), Shape::Table(entries)) if is_way(entries) => {
                self.octets(tree, &path, None)
            }
            (_, Shape::Table(entries)) => {
                let mut structure = Structure::new(&record.sections, &path);
                self.table(&mut structure, "", entries.iter());
                Some(Node::Table(structure.fields))
            }
            (Some(Single::Octets), _) => self.octets(tree, &path, None),
            (Some(Single::Text(field)), _) => self.field_text(field, &path, tree),
            (Some(Single::Zeros), _) => self.value(&Target::zeros(&path, ""), tree),
            (Some(Single::Field(field)), _) if field.kind == Kind::Octets => {
                self.octets(tree, &path, Some(field.span.octets().len()))
            }
            (Some(Single::Field(field)), _) => {
                self.value(&Target::field(&path, "", field, &[], field.max()), tree)
            }
            (Some(Single::Items(_)), _) => {
                self.wrong_kind(tree, &path, "a list");
                None
            }
            (None, _) => {
                self.wrong_kind(tree, &path, "a table of its fields");
                None
            }
        }
    }

    /// Reads an option by its type and octets, with a length that may lie.
    fn unknown(&mut self, records: &'static Records, path: &str, tree: &Tree<'_>) -> Option<Node> {
        let Shape::Table(entries) = &tree.shape else {
            self.wrong_kind(tree, path, "a table with type and data");
            return None;
        };
        let code_name = records.dialect.code_name;
        let mut fields = Vec::with_capacity(entries.len());
        for entry in entries {
            let octet = |name| Target { path, ..Target::number(name, u64::from(u8::MAX)) };
            let length = Target { is_computed: true, ..octet(LENGTH) };
            let (name, node) = match entry.key.as_ref() {
                // The protocols' words differ; either is understood.
                "type" | "kind" => (code_name, self.value(&octet(code_name), &entry.value)),
                LENGTH => (LENGTH, self.value(&length, &entry.value)),
                DATA => (DATA, self.octets(&entry.value, &format!("{path}.{DATA}"), None)),
                _ => {
                    self.unknown_key(entry, "an unknown option", &["type", "kind", "data", "length"]);
                    continue;
                }
            };
            if let Some(node) = node {
                fields.push((name.to_owned(), node));
            }
        }
        if !entries.iter().any(|entry| matches!(entry.key.as_ref(), "type" | "kind")) {
            let name = path.to_owned();
            self.mistake(tree.at.clone(), Mistake::Missing { name, key: code_name });
        }
        Some(Node::Table(fields))
    }
}

/// What stands for a whole option.
enum Single {
    Items(&'static Items),
    Octets,
    Text(&'static Field),
    Zeros,
    Field(&'static Field),
}

/// The one thing that an option holds, if it holds one; reserved fields do not count.
fn single(record: &'static Record) -> Option<Single> {
    match record.sections.as_slice() {
        [Section { body: Body::Items(items), .. }] if items.name.is_empty() => Some(Single::Items(items)),
        [Section { body: Body::Octets { .. }, .. }] => Some(Single::Octets),
        [Section { body: Body::Text { field, .. }, .. }] => Some(Single::Text(field)),
        [Section { body: Body::Zeros { .. }, .. }] => Some(Single::Zeros),
        [Section { body: Body::Fields { fields, .. }, .. }] => {
            let mut plain = fields.iter().filter(|field| !field.hidden_when_zero);
            let first = plain.next()?;
            plain.next().is_none().then_some(Single::Field(first))
        }
        _ => None,
    }
}

/// Whether a table says octets in one of the ways to do so.
fn is_way(entries: &[Entry<'_>]) -> bool {
    matches!(entries, [entry] if WAYS.contains(&entry.key.as_ref()))
}

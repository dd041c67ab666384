//! Layers and their fields, as the protocols' descriptions tell them.

use super::mistake::{Mistake, shortened};
use super::read_octets::WAYS;
use super::read_woven::is_stepping;
use super::reader::Reader;
use super::target::Target;
use super::template::LayerOrigin;
use super::tree::{Entry, Shape, Text, Tree};
use crate::diagnostic::At;
use crate::diagnostic::nearest::nearest;
use crate::packet::encode::counted;
use crate::packet::walk::{CUT, RAW};
use crate::packet::{Cut, Layer, Node};
use crate::proto::data;
use crate::proto::describe::{Auto, Body, Field, Items, Kind, Records, Section, Style};
use crate::proto::registry;
use crate::wire::domain_name::{name_of_text, string_of_text};
use crate::wire::value::Value;

/// What a name stands for in a structure.
#[derive(Clone, Copy)]
enum Named {
    Field(&'static Field, &'static [Field]),
    Text(&'static Field),
    Octets,
    Zeros,
    Items(&'static Items),
    Records(&'static Records),
    Quoted,
}

/// A structure that is being read: a header, an option's body, an item.
pub(super) struct Structure<'a> {
    /// Its description.
    pub(super) sections: &'static [Section],
    /// Its name in messages: `ip`, `tcp.options.timestamp`.
    pub(super) path: &'a str,
    /// What was written.
    pub(super) fields: Vec<(String, Node)>,
    /// Where it was written.
    ats: Vec<At>,
    /// The layers of a quoted packet.
    quoted: Vec<LayerOrigin>,
    /// Whether what is there already stays as it is, and nothing is told about it.
    pub(super) is_lenient: bool,
}

impl<'a> Structure<'a> {
    pub(super) fn new(sections: &'static [Section], path: &'a str) -> Self {
        Self { sections, path, fields: Vec::new(), ats: Vec::new(), quoted: Vec::new(), is_lenient: false }
    }

    fn look_up(&self, name: &str) -> Option<Named> {
        let is = |field: &Field| field.name == name || field.also.is_some_and(|also| also.name == name);
        self.sections.iter().find_map(|section| match &section.body {
            Body::Fields { fields, .. } => {
                fields.iter().find(|field| is(field)).map(|field| Named::Field(field, fields))
            }
            Body::Octets { field, .. } => is(field).then_some(Named::Octets),
            Body::Zeros { field } => is(field).then_some(Named::Zeros),
            Body::Text { field, .. } => is(field).then_some(Named::Text(field)),
            Body::Items(items) => (items.name == name).then_some(Named::Items(items)),
            Body::Records(records) => (records.name == name).then_some(Named::Records(records)),
            Body::Quoted(quoted) => (quoted.name == name).then_some(Named::Quoted),
        })
    }

    /// All names that stand for something.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.sections.iter().flat_map(|section| match &section.body {
            Body::Fields { fields, .. } => {
                let also = fields.iter().filter_map(|field| field.also).map(|also| also.name);
                fields.iter().map(|field| field.name).chain(also).collect::<Vec<_>>()
            }
            Body::Octets { field, .. } | Body::Zeros { field } | Body::Text { field, .. } => vec![field.name],
            Body::Items(items) => vec![items.name],
            Body::Records(records) => vec![records.name],
            Body::Quoted(quoted) => vec![quoted.name],
        })
    }

    /// The largest number of the fields of this name: the forms of a header may differ in it, and the builder, which knows
    /// the form, checks again.
    fn max(&self, name: &str) -> u64 {
        let fields = self.sections.iter().flat_map(|section| match &section.body {
            Body::Fields { fields, .. } => fields.as_slice(),
            _ => &[],
        });
        fields.filter(|field| field.name == name).map(Field::max).max().unwrap_or(u64::MAX)
    }

    pub(super) fn add(&mut self, name: &str, node: Node, at: At) {
        self.fields.push((name.to_owned(), node));
        self.ats.push(at);
    }
}

impl Reader<'_> {
    /// Reads a list of layers, outermost first.
    pub(super) fn layers(&mut self, tree: &Tree<'_>, name: &str) -> (Vec<Layer>, Vec<LayerOrigin>) {
        let Shape::List(list) = &tree.shape else {
            self.wrong_kind(tree, name, "a list of layers");
            return (Vec::new(), Vec::new());
        };
        self.depth = self.depth.saturating_add(1);
        let layers = list.iter().filter_map(|tree| self.layer(tree, name)).unzip();
        self.depth = self.depth.saturating_sub(1);
        layers
    }

    /// Reads a layer: a table with its name, or a text, which is data.
    fn layer(&mut self, tree: &Tree<'_>, name: &str) -> Option<(Layer, LayerOrigin)> {
        let entry = match &tree.shape {
            Shape::Text(text) if !is_stepping(tree) => return Some(self.text_layer(text, tree)),
            Shape::Text(_) | Shape::Woven(_) => return self.woven_layer(tree),
            Shape::Table(entries) => match entries.as_slice() {
                [entry] => entry,
                _ => {
                    self.mistake(tree.at.clone(), Mistake::OneKey { place: name.to_owned() });
                    return None;
                }
            },
            _ => {
                self.wrong_kind(tree, name, "tables with one name each, or text");
                return None;
            }
        };
        let Some(protocol) = registry().by_name(&entry.key) else {
            let names = registry().protocols().map(|protocol| protocol.name);
            let nearest = nearest(&entry.key, names).map(str::to_owned);
            self.mistake(
                entry.key_at.clone(),
                Mistake::UnknownLayer { name: shortened(&entry.key), nearest },
            );
            return None;
        };
        let mut layer = Layer::new(protocol);
        let mut structure = Structure::new(&protocol.sections, protocol.name);
        match &entry.value.shape {
            Shape::Table(entries) => {
                let rest = self.layer_keys(&mut layer, entries);
                if protocol.name == data::NAME {
                    self.data(&mut structure, &entry.value, &rest);
                } else {
                    self.header(&mut structure, protocol, rest);
                }
            }
            Shape::Text(text) if protocol.name == data::NAME && !is_stepping(&entry.value) => {
                return Some(self.text_layer(text, &entry.value));
            }
            Shape::Text(_) | Shape::Woven(_) if protocol.name == data::NAME => {
                return self.woven_layer(&entry.value);
            }
            // A name alone, as expressions write it.
            Shape::Bool(true) => {}
            _ => self.wrong_kind(&entry.value, protocol.name, "a table of fields"),
        }
        // A quoted packet is another one.
        if self.depth == 1 {
            self.add_defaults(&mut structure);
        }
        layer.fields = structure.fields;
        let at = entry.key_at.clone();
        Some((layer, LayerOrigin { at, fields: structure.ats, quoted: structure.quoted }))
    }

    /// Text alone is a payload.
    fn text_layer(&mut self, text: &Text<'_>, tree: &Tree<'_>) -> (Layer, LayerOrigin) {
        let octets = Value::Octets(text.text.as_bytes().to_vec());
        let origin = LayerOrigin { at: tree.at.clone(), fields: vec![tree.at.clone()], quoted: Vec::new() };
        (Layer::new(registry().data()).with(data::HEX, octets), origin)
    }

    /// A payload of which parts are known only for each packet.
    fn woven_layer(&mut self, tree: &Tree<'_>) -> Option<(Layer, LayerOrigin)> {
        let mut layer = Layer::new(registry().data());
        layer.fields.push((data::HEX.to_owned(), self.woven(tree, data::NAME)?));
        let at = tree.at.clone();
        Some((layer, LayerOrigin { at: at.clone(), fields: vec![at], quoted: Vec::new() }))
    }

    /// Reads the keys that all layers have; returns the others.
    fn layer_keys<'t, 's>(&mut self, layer: &mut Layer, entries: &'t [Entry<'s>]) -> Vec<&'t Entry<'s>> {
        let quotes = layer.protocol.sections.iter().any(|section| matches!(section.body, Body::Quoted(_)));
        let mut rest = Vec::with_capacity(entries.len());
        for entry in entries {
            match entry.key.as_ref() {
                "trailer" => layer.trailer = self.fixed_octets(&entry.value, "trailer"),
                CUT => layer.cut = self.cut(&entry.value),
                "quoted_bytes" if quotes => {
                    let number = self.number(&entry.value, "quoted_bytes", u64::from(u16::MAX));
                    layer.quoted_bytes = number.and_then(|number| usize::try_from(number).ok());
                }
                "quoted_trailer" if quotes => {
                    layer.quoted_trailer = self.fixed_octets(&entry.value, "quoted_trailer");
                }
                _ => rest.push(entry),
            }
        }
        rest
    }

    /// Where a header ends before its time.
    fn cut(&mut self, tree: &Tree<'_>) -> Option<Cut> {
        let Shape::Table(entries) = &tree.shape else {
            self.wrong_kind(tree, "cut", "a table with `len` and `rest`");
            return None;
        };
        let mut cut = Cut { len: 0, rest: Vec::new() };
        for entry in entries {
            match entry.key.as_ref() {
                "len" => {
                    let number = self.number(&entry.value, "cut.len", u64::from(u16::MAX))?;
                    cut.len = usize::try_from(number).ok()?;
                }
                "rest" => cut.rest = self.fixed_octets(&entry.value, "cut.rest"),
                _ => self.unknown_key(entry, "cut", &["len", "rest"]),
            }
        }
        Some(cut)
    }

    /// Reads the octets of a data layer, which stand in the layer itself.
    fn data(&mut self, structure: &mut Structure<'_>, tree: &Tree<'_>, entries: &[&Entry<'_>]) {
        match entries {
            [] => {}
            [entry] if WAYS.contains(&entry.key.as_ref()) => {
                if let Some(node) = self.octets_by(entry, structure.path) {
                    structure.add(data::HEX, node, entry.value.at.clone());
                }
            }
            [entry] => self.unknown_key(entry, "data", WAYS),
            _ => self.mistake(tree.at.clone(), Mistake::OneSource { name: structure.path.to_owned() }),
        }
    }

    /// Reads the fields of a structure. `prefix` is what the names of a nested table begin with: `flags.`.
    pub(super) fn table<'t, 's: 't>(
        &mut self,
        structure: &mut Structure<'_>,
        prefix: &str,
        entries: impl Iterator<Item = &'t Entry<'s>>,
    ) {
        for entry in entries {
            let joined;
            let name = match prefix {
                "" => entry.key.as_ref(),
                _ => {
                    joined = format!("{prefix}{}", entry.key);
                    joined.as_str()
                }
            };
            self.entry(structure, name, entry);
        }
    }

    pub(super) fn entry(&mut self, structure: &mut Structure<'_>, name: &str, entry: &Entry<'_>) {
        let tree = &entry.value;
        let named = structure.look_up(name);
        if let Shape::Table(entries) = &tree.shape {
            let is_group = matches!(named, Some(Named::Field(field, _)) if field.kind == Kind::Group);
            let inner = format!("{name}.");
            if is_group || (named.is_none() && structure.names().any(|known| known.starts_with(&inner))) {
                return self.table(structure, &inner, entries.iter());
            }
        }
        let Some(named) = named else {
            if !(self.is_json && is_computed(structure, name)) {
                self.unknown_field(structure, name, entry);
            }
            return;
        };
        let names = match named {
            Named::Field(field, _) => [name, field.name, field.also.map_or(name, |also| also.name)],
            _ => [name; 3],
        };
        if structure.is_lenient
            && structure.fields.iter().any(|(known, _)| is_part(known, name) || is_part(name, known))
        {
            return;
        }
        if structure.fields.iter().any(|(known, _)| names.contains(&known.as_str())) {
            if structure.is_lenient {
                return;
            }
            let name = format!("{}.{name}", structure.path);
            return self.mistake(entry.key_at.clone(), Mistake::Twice { name });
        }
        if let Some(node) = self.content(structure, named, name, tree) {
            structure.add(name, node, tree.at.clone());
        }
    }

    /// Reads what a name stands for. `None`: left out, or a mistake.
    fn content(
        &mut self,
        structure: &mut Structure<'_>,
        named: Named,
        name: &str,
        tree: &Tree<'_>,
    ) -> Option<Node> {
        let path = structure.path;
        match named {
            Named::Field(field, _) if field.kind == Kind::Octets => {
                self.octets(tree, &format!("{path}.{name}"), Some(field.span.octets().len()))
            }
            Named::Field(field, fields) => {
                let mut target = Target::field(path, name, field, fields, structure.max(field.name));
                target.is_computed |= counted(structure.sections).any(|counted| counted.field == field.name);
                self.value(&target, tree)
            }
            Named::Octets => self.octets(tree, &format!("{path}.{name}"), None),
            Named::Text(field) => self.field_text(field, &format!("{path}.{name}"), tree),
            Named::Zeros => self.value(&Target::zeros(path, name), tree),
            Named::Items(items) => self.items(items, &format!("{path}.{name}"), tree),
            Named::Records(records) => self.records(records, &format!("{path}.{name}"), tree),
            Named::Quoted => {
                let (layers, origins) = self.layers(tree, &format!("{path}.{name}"));
                structure.quoted = origins;
                Some(Node::Layers(layers))
            }
        }
    }

    /// Reads a name or a string.
    pub(super) fn field_text(&mut self, field: &'static Field, name: &str, tree: &Tree<'_>) -> Option<Node> {
        if let Shape::Woven(_) = &tree.shape {
            return self.told_text(field, name, tree);
        }
        let Shape::Text(text) = &tree.shape else {
            self.wrong_kind(tree, name, if field.kind == Kind::Name { "a domain name" } else { "text" });
            return None;
        };
        let value = match field.kind {
            Kind::Name => name_of_text(&text.text).map(Value::Name),
            _ => string_of_text(&text.text).map(Value::Text),
        };
        let mistake = |mistake| Mistake::Text { name: name.to_owned(), mistake };
        value.map_err(|found| self.mistake(tree.at.clone(), mistake(found))).ok().map(Node::Value)
    }

    /// Reads a list of items.
    pub(super) fn items(&mut self, items: &'static Items, path: &str, tree: &Tree<'_>) -> Option<Node> {
        let Shape::List(list) = &tree.shape else {
            self.wrong_kind(tree, path, "a list");
            return None;
        };
        Some(Node::List(list.iter().filter_map(|tree| self.item(items, path, tree)).collect()))
    }

    fn item(&mut self, items: &'static Items, path: &str, tree: &Tree<'_>) -> Option<Node> {
        let leaves = || {
            items.item.iter().flat_map(|section| match &section.body {
                Body::Fields { fields, .. } => fields.as_slice(),
                _ => &[],
            })
        };
        let leaves = || leaves().filter(|field| field.kind != Kind::Group);
        match (&tree.shape, items.style) {
            (Shape::Table(entries), _) => {
                if let [entry] = entries.as_slice()
                    && entry.key == RAW
                {
                    let octets = self.fixed_octets(&entry.value, RAW);
                    return Some(Node::Table(vec![(RAW.to_owned(), Node::Value(Value::Octets(octets)))]));
                }
                let mut structure = Structure::new(&items.item, path);
                let (cuts, fields): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.key == CUT);
                self.table(&mut structure, "", fields.into_iter());
                let mut fields = structure.fields;
                let cut = cuts.first().and_then(|entry| self.cut(&entry.value));
                fields.extend(cut.map(|cut| (CUT.to_owned(), cut.into_node())));
                Some(Node::Table(fields))
            }
            (Shape::List(list), Style::Tuple) if list.len() == leaves().count() => {
                let mut nodes = Vec::with_capacity(list.len());
                for (field, tree) in leaves().zip(list) {
                    let target = Target::field(path, field.name, field, &[], field.max());
                    nodes.push(self.value(&target, tree)?);
                }
                Some(Node::List(nodes))
            }
            (Shape::Text(_) | Shape::Integer(_) | Shape::Bool(_), Style::Scalar) => {
                if let [Section { body: Body::Text { field, .. }, .. }] = items.item.as_slice() {
                    return self.field_text(field, path, tree);
                }
                let field = leaves().next()?;
                self.value(&Target::field(path, "", field, &[], field.max()), tree)
            }
            _ => {
                let fields = leaves().map(|field| field.name).collect();
                let mistake = Mistake::Item { name: path.to_owned(), style: items.style, fields };
                self.mistake(tree.at.clone(), mistake);
                None
            }
        }
    }

    fn unknown_field(&mut self, structure: &Structure<'_>, name: &str, entry: &Entry<'_>) {
        if self.is_full() {
            return;
        }
        let nearest = nearest(name, structure.names()).map(|known| {
            // In a nested table, its own part of the name is what is to be written.
            let prefix = name.len().saturating_sub(entry.key.len());
            let inner = known.get(prefix..).filter(|_| known.get(..prefix) == name.get(..prefix));
            inner.unwrap_or(known).to_owned()
        });
        let mistake =
            Mistake::UnknownField { layer: structure.path.to_owned(), name: shortened(name), nearest };
        self.mistake(entry.key_at.clone(), mistake);
    }
}

/// Whether a name is that of a part of another: `flags.df` of `flags`.
fn is_part(name: &str, of: &str) -> bool {
    name.strip_prefix(of).is_some_and(|rest| rest.starts_with('.'))
}

/// Whether a name is what `--json` says about a field: `checksum.status`, and `name.text`, the whole of a compressed name.
fn is_computed(structure: &Structure<'_>, name: &str) -> bool {
    let is_name = |name| matches!(structure.look_up(name), Some(Named::Text(_)));
    if name.strip_suffix(".text").is_some_and(is_name) {
        return true;
    }
    let field = name.strip_suffix(".status").and_then(|name| structure.look_up(name));
    matches!(field, Some(Named::Field(field, _)) if matches!(field.auto, Some(Auto::Checksum(..))))
}

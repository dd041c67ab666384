//! Every name that a field filter can use, and where its values stand: made from the protocols' descriptions.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::about::FRAME_NAMES;
use super::about::FrameField;
use super::types::Type;
use crate::diagnostic::nearest::nearest;
use crate::proto::describe::{Auto, Body, Field, Kind, Protocol, Section, Style};
use crate::proto::filter_names::{Compute, Derived};
use crate::proto::registry;
use crate::stream::{Fact, FactKind};
use crate::wire::layers::ProtocolId;

/// What a name means.
#[derive(Debug, Clone)]
pub(super) struct Named {
    /// The name.
    pub(super) name: String,
    /// The type of its values.
    pub(super) kind: Type,
    /// For numbers: how wide the widest is.
    pub(super) bits: u32,
    /// Names of its values.
    pub(super) values: &'static [(u64, &'static str)],
    /// Where its values stand.
    pub(super) places: Vec<Place>,
}

impl Named {
    /// Whether it is something that the packets before tell.
    pub(super) fn is_fact(&self) -> bool {
        self.places.iter().any(|place| matches!(place.what, What::Fact(_)))
    }
}

/// One place where values of a name stand.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The protocol in whose layers they stand; `None` for those of the frame.
    pub(super) protocol: Option<ProtocolId>,
    /// What they are.
    pub(super) what: What,
    /// For addresses that are taken as text: their own type.
    pub(super) as_text: Option<Type>,
}

/// What stands at a place.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// Something that the capture knows of the packet.
    Frame(FrameField),
    /// The layer itself.
    Layer,
    /// A field, as far as its values go by this name of it.
    Field {
        field: &'static Field,
        name: &'static str,
        /// Where its section begins, when that is the same in all headers: then it is read without a walk.
        section_at: Option<usize>,
    },
    /// The verdict on a checksum.
    Status(&'static Field),
    /// A list, an option or a quoted packet, by the names that lead to it.
    Holder(Vec<&'static str>),
    /// Something that is computed about the layer.
    Derived(&'static Derived),
    /// Something that the packets before tell of the layer.
    Fact(Fact),
}

/// All names.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, Named>);

impl Names {
    /// The names of all protocols of the registry: made at their first use, and never changed.
    pub(super) fn all() -> &'static Self {
        static ALL: LazyLock<Names> = LazyLock::new(Names::of_registry);
        &ALL
    }

    /// What a name means.
    pub(super) fn get(&self, name: &str) -> Option<&Named> {
        self.0.get(name)
    }

    /// The name that is most like `word`.
    pub(super) fn nearest(&self, word: &str) -> Option<String> {
        nearest(word, self.0.keys().map(String::as_str)).map(str::to_owned)
    }

    /// All names, in order.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Named> {
        self.0.values()
    }

    fn of_registry() -> Self {
        let mut names = Self::default();
        for (name, kind, field, _) in FRAME_NAMES {
            let place = Place { protocol: None, what: What::Frame(*field), as_text: None };
            names.add(name, *kind, 32, &[], place);
        }
        let protocols = registry().protocols();
        for protocol in protocols.clone() {
            let mut collector = Collector { names: &mut names, protocol };
            collector.add(protocol.name.to_owned(), Type::Protocol, 0, &[], What::Layer);
            collector.sections(&[], &protocol.sections, true);
            for derived in &protocol.derived {
                let kind = match derived.compute {
                    Compute::Number(_) => Type::Number,
                    Compute::Octets(_) => Type::Octets,
                    Compute::Texts(_) => Type::Text,
                };
                collector.add(derived.name.to_owned(), kind, 32, &[], What::Derived(derived));
            }
            for known in Fact::of_protocol(protocol.name) {
                let kind = match known.kind {
                    FactKind::Number | FactKind::Frame => Type::Number,
                    FactKind::Flag => Type::Bool,
                    FactKind::Span => Type::Span,
                };
                collector.add(known.name.to_owned(), kind, 32, &[], What::Fact(known.fact));
            }
        }
        // A further name means what the names that it stands for mean before there are any further ones.
        let own = names.0.clone();
        for protocol in protocols {
            names.aliases(&own, protocol);
        }
        names
    }

    fn aliases(&mut self, own: &BTreeMap<String, Named>, protocol: &'static Protocol) {
        for alias in &protocol.aliases {
            for part in alias.of {
                let name = if part.is_empty() {
                    protocol.name.to_owned()
                } else {
                    format!("{}.{part}", protocol.name)
                };
                let Some(named) = own.get(&name) else { continue };
                let kind = if alias.as_text { Type::Text } else { named.kind };
                for place in &named.places {
                    let as_text = alias.as_text.then_some(named.kind);
                    let place = Place { as_text, ..place.clone() };
                    self.add(alias.name, kind, named.bits, named.values, place);
                }
            }
        }
    }

    fn add(
        &mut self,
        name: &str,
        kind: Type,
        bits: u32,
        values: &'static [(u64, &'static str)],
        place: Place,
    ) {
        let named = self.0.entry(name.to_owned()).or_insert_with(|| Named {
            name: name.to_owned(),
            kind,
            bits,
            values,
            places: Vec::new(),
        });
        named.bits = named.bits.max(bits);
        named.places.push(place);
    }
}

/// Collects the names of one protocol.
struct Collector<'n> {
    names: &'n mut Names,
    protocol: &'static Protocol,
}

impl Collector<'_> {
    fn add(
        &mut self,
        name: String,
        kind: Type,
        bits: u32,
        values: &'static [(u64, &'static str)],
        what: What,
    ) {
        let place = Place { protocol: Some(self.protocol.id), what, as_text: None };
        self.names.add(&name, kind, bits, values, place);
    }

    /// The whole name of what `path` leads to.
    fn name(&self, path: &[&str]) -> String {
        let parts = std::iter::once(self.protocol.name).chain(path.iter().copied());
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".")
    }

    /// The names in some sections; `is_header` when they are those of the header itself.
    fn sections(&mut self, path: &[&'static str], sections: &'static [Section], is_header: bool) {
        // As long as nothing before it depends on the packet, a section begins at a known place.
        let mut at = is_header.then_some(0usize);
        for section in sections {
            match &section.body {
                Body::Fields { fields, len } => {
                    let section_at = at.filter(|_| section.when.is_none());
                    fields.iter().for_each(|field| self.field(path, field, section_at));
                    at = section_at.and_then(|at| at.checked_add(*len));
                    continue;
                }
                Body::Octets { field, .. } | Body::Zeros { field } | Body::Text { field, .. } => {
                    self.field(path, field, None);
                }
                Body::Items(items) => {
                    let inner = joined(path, items.name);
                    if items.style != Style::Scalar {
                        self.holder(&inner);
                    } else if let Some(field) = only_field(&items.item).filter(|_| !items.name.is_empty()) {
                        self.leaf(self.name(&inner), field, field.name, None);
                    }
                    self.sections(&inner, &items.item, false);
                }
                Body::Records(records) => {
                    let list = joined(path, records.name);
                    self.holder(&list);
                    for record in &records.records {
                        let inner = joined(&list, record.name);
                        match only_field(&record.sections) {
                            Some(field) => self.leaf(self.name(&inner), field, field.name, None),
                            None => self.holder(&inner),
                        }
                        self.sections(&inner, &record.sections, false);
                    }
                    self.holder(&joined(&list, crate::packet::walk::UNKNOWN));
                }
                Body::Quoted(quoted) => self.holder(&joined(path, quoted.name)),
            }
            at = None;
        }
    }

    fn field(&mut self, path: &[&'static str], field: &'static Field, section_at: Option<usize>) {
        for name in std::iter::once(field.name).chain(field.also.map(|also| also.name)) {
            self.leaf(self.name(&joined(path, name)), field, name, section_at);
        }
        if matches!(field.auto, Some(Auto::Checksum(..))) {
            let name = self.name(&joined(path, &format!("{}.status", field.name)));
            self.add(name, Type::Number, 8, STATUSES, What::Status(field));
        }
    }

    fn leaf(&mut self, whole: String, field: &'static Field, name: &'static str, section_at: Option<usize>) {
        let kind = match field.kind {
            Kind::Uint | Kind::Group => Type::Number,
            Kind::Bool => Type::Bool,
            Kind::Mac => Type::Mac,
            Kind::Ipv4 => Type::Ipv4,
            Kind::Ipv6 => Type::Ipv6,
            Kind::Octets => Type::Octets,
            Kind::Name | Kind::Text => Type::Text,
        };
        let unit_bits = u64::BITS.saturating_sub(field.scale.saturating_sub(1).leading_zeros());
        let bits = match field.span.len_bits {
            // A count of zeros stands nowhere.
            0 => 32,
            bits => bits.saturating_add(unit_bits),
        };
        self.add(whole, kind, bits, field.values, What::Field { field, name, section_at });
    }

    fn holder(&mut self, path: &[&'static str]) {
        let what = What::Holder(path.iter().copied().filter(|part| !part.is_empty()).collect());
        self.add(self.name(path), Type::Octets, 0, &[], what);
    }
}

fn joined<'p>(path: &[&'p str], name: &'p str) -> Vec<&'p str> {
    path.iter().copied().chain(std::iter::once(name)).collect()
}

/// The field of an option or item that has just one, which specs write as its value.
fn only_field(sections: &'static [Section]) -> Option<&'static Field> {
    let [section] = sections else { return None };
    match &section.body {
        Body::Fields { fields, .. } => {
            let mut shown = fields.iter().filter(|field| !field.hidden_when_zero);
            shown.next().filter(|_| shown.next().is_none())
        }
        Body::Octets { field, .. } | Body::Zeros { field } | Body::Text { field, .. } => Some(field),
        Body::Items(items) if items.name.is_empty() && items.style == Style::Scalar => {
            only_field(&items.item)
        }
        _ => None,
    }
}

/// Wireshark's words for what a checksum turned out to be, by the numbers of
/// [`ChecksumStatus`](crate::packet::check::ChecksumStatus).
const STATUSES: &[(u64, &str)] =
    &[(0, "Bad"), (1, "Good"), (2, "Unverified"), (3, "Not present"), (4, "Illegal")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_further_name_stands_for_names_that_there_are() {
        let names = Names::all();
        for protocol in registry().protocols() {
            for alias in &protocol.aliases {
                for part in alias.of {
                    let name = format!("{}.{part}", protocol.name);
                    assert!(part.is_empty() || names.get(&name).is_some(), "{} of {name}", alias.name);
                }
                let named = names.get(alias.name).unwrap();
                assert!(!named.places.is_empty(), "{}", alias.name);
            }
        }
    }

    #[test]
    fn all_that_goes_by_one_name_has_one_type() {
        for named in Names::all().iter() {
            for place in &named.places {
                let What::Field { field, .. } = &place.what else { continue };
                let is_number = matches!(named.kind, Type::Number);
                let fits =
                    place.as_text.is_some() || is_number == matches!(field.kind, Kind::Uint | Kind::Group);
                assert!(fits, "{}: {:?} and {:?}", named.name, named.kind, field.kind);
            }
        }
    }
}

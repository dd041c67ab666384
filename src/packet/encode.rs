//! Writing a header: the other direction of [`walk`](super::walk).

use std::ops::Range;

use crate::proto::describe::{Before, Body, Counted, Field, Items, Kind, Len, Protocol, Section, Style};
use crate::wire::value::{Value, ValueRef};

use super::build::{Beside, BuildError};
use super::contradictions::Contradiction;
use super::measure::padding_of;
use super::pending::{Encoded, Pending, Quote};
use super::walk::{CUT, RAW};
use super::{Cut, Layer, Node, find};

/// Appends the header of `layer` to `out`.
pub(super) fn encode<'a>(layer: &'a Layer, out: &mut Vec<u8>) -> Result<Encoded<'a>, BuildError> {
    let mut encoder = Encoder { protocol: layer.protocol, out, padded: 0..0, encoded: Encoded::default() };
    encoder.structure(&layer.protocol.sections, Written(&layer.fields), layer.protocol.name)?;
    Ok(encoder.encoded)
}

/// The fields that somebody wrote for one structure.
#[derive(Clone, Copy)]
pub(super) struct Written<'a>(pub(super) &'a [(String, Node)]);

impl<'a> Written<'a> {
    fn get(self, name: &str) -> Option<&'a Node> {
        find(self.0, name)
    }

    /// Whether somebody wrote a value, and not only how far it is beside the computed one.
    fn chose(self, name: &str) -> bool {
        self.get(name).is_some_and(|node| !matches!(node, Node::Auto(_)))
    }

    /// What was written into a field, under either of its names.
    fn of(self, field: &Field) -> Option<&'a Node> {
        self.get(field.name).or_else(|| self.get(field.also?.name))
    }
}

pub(super) struct Encoder<'a, 'o> {
    protocol: &'static Protocol,
    pub(super) out: &'o mut Vec<u8>,
    /// The octets that were put there last to fill something up.
    padded: Range<usize>,
    encoded: Encoded<'a>,
}

impl<'a> Encoder<'a, '_> {
    /// Appends a structure: a header, an option's body, an item. `path` names it in errors.
    pub(super) fn structure(
        &mut self,
        sections: &'static [Section],
        written: Written<'a>,
        path: &str,
    ) -> Result<(), BuildError> {
        let start = self.out.len();
        let first_pending = self.encoded.pending.len();
        let mut there: Vec<&'static Section> = Vec::new();
        for section in sections {
            let header = self.out.get(start..).unwrap_or_default();
            let before = Before { header, left: &[], builds: true, wrote: &|name| written.chose(name) };
            if section.when.is_none_or(|holds| holds(&before)) {
                self.section(section, start, written, path)?;
                there.push(section);
            }
        }
        self.all_used(sections, &there, written, path)?;
        // What fills up the last part of a structure fills up the structure.
        let padding = if self.padded.end == self.out.len() { self.padded.len() } else { 0 };
        let end = self.out.len().saturating_sub(padding);
        for pending in self.encoded.pending.get_mut(first_pending..).unwrap_or_default() {
            if pending.within == (0, 0) {
                pending.within = (start, end);
                pending.padding = padding;
            }
        }
        Ok(())
    }

    fn section(
        &mut self,
        section: &'static Section,
        start: usize,
        written: Written<'a>,
        path: &str,
    ) -> Result<(), BuildError> {
        match &section.body {
            Body::Fields { fields, len } => self.fields(fields, *len, written, path),
            Body::Octets { field, len } => match written.of(field) {
                Some(Node::Value(Value::Octets(octets))) => {
                    self.out.extend_from_slice(octets);
                    self.fill_up(field, start, written);
                    Ok(())
                }
                Some(_) => Err(self.mismatch(path, field.name, "octets")),
                None => {
                    self.unwritten(*len, start);
                    Ok(())
                }
            },
            Body::Zeros { field } => self.zeros(field, written, path),
            Body::Text { field, len: None } => self.text(field, written.of(field), path),
            Body::Text { field, len: Some(_) } => match written.of(field) {
                Some(Node::Value(Value::Text(text))) => {
                    self.out.extend_from_slice(text);
                    Ok(())
                }
                Some(_) => Err(self.mismatch(path, field.name, field.kind.words())),
                None => Ok(()),
            },
            Body::Items(items) => match written.get(items.name) {
                Some(Node::List(list)) => list.iter().try_for_each(|node| self.item(items, node, path)),
                Some(_) => Err(self.mismatch(path, items.name, "a list")),
                None => Ok(()),
            },
            Body::Records(records) => match written.get(records.name) {
                Some(Node::List(list)) => self.records(records, list, path),
                Some(_) => Err(self.mismatch(path, records.name, "a list of options")),
                // Without options, too, the header is as long as its length can say.
                None => self.records(records, &[], path),
            },
            Body::Quoted(quoted) => match written.get(quoted.name) {
                Some(Node::Layers(layers)) => {
                    self.encoded.quote = Some(Quote { layers, at: self.out.len(), counted: quoted.counted });
                    Ok(())
                }
                Some(_) => Err(self.mismatch(path, quoted.name, "a list of layers")),
                None => Ok(()),
            },
        }
    }

    /// Octets that nobody wrote: as many zeros as the header says, or what usually stands there.
    fn unwritten(&mut self, len: Len, start: usize) {
        let header = self.out.get(start..).unwrap_or_default();
        let at = self.out.len();
        match len {
            Len::Octets(read) => {
                let zeros = read(header).unwrap_or(0);
                self.out.resize(at.saturating_add(zeros), 0);
            }
            Len::PadTo(unit) => {
                let zeros = padding_of(header.len(), unit);
                self.out.resize(at.saturating_add(zeros), 0);
                if zeros > 0 {
                    self.padded = at..self.out.len();
                }
            }
            Len::Usual(usual, _) => self.out.extend_from_slice(usual),
            Len::Rest | Len::Count(_) | Len::Look(_) => {}
        }
    }

    /// Zeros behind octets that somebody wrote, so that the computed length can say where the structure ends.
    fn fill_up(&mut self, field: &Field, start: usize, written: Written<'a>) {
        if let Some((_, unit)) = field.fills.filter(|(length, _)| !written.chose(length)) {
            let zeros = padding_of(self.out.len().saturating_sub(start), unit);
            self.out.resize(self.out.len().saturating_add(zeros), 0);
        }
    }

    /// Appends fields with fixed places.
    fn fields(
        &mut self,
        fields: &'static [Field],
        len: usize,
        written: Written<'a>,
        path: &str,
    ) -> Result<(), BuildError> {
        let at = self.out.len();
        self.out.resize(at.saturating_add(len), 0);
        for field in fields {
            match written.of(field) {
                Some(Node::Value(value)) => {
                    self.compare(field, value, written);
                    self.put(field, at, value.as_ref(), path)?;
                }
                Some(Node::Auto(by)) => self.computed(field, at, written, *by, path)?,
                Some(_) => return Err(self.mismatch(path, field.name, "a value")),
                // A part of a group that was written as a number keeps its bits of that number.
                None if fields.iter().any(|group| group.holds(field) && written.of(group).is_some()) => {}
                // Whoever writes one part of a group chooses all of them.
                None if fields.iter().any(|part| field.holds(part) && written.of(part).is_some()) => {}
                None => self.computed(field, at, written, 0, path)?,
            }
        }
        Ok(())
    }

    /// Notes a count that is not that of its list.
    fn compare(&mut self, field: &'static Field, value: &Value, written: Written<'a>) {
        if let (Some(computed), Value::Uint(says)) = (counted_by(field, written), value)
            && computed != *says
        {
            self.note(field.name, *says, computed, field.hex);
        }
    }

    /// Notes what a field says that is not so.
    pub(super) fn note(&mut self, field: &'static str, says: u64, computed: u64, is_hex: bool) {
        let layer = self.protocol.name;
        self.encoded.miscounted.push(Contradiction { layer, field, says, computed, is_hex });
    }

    /// Writes what a field has when nobody writes it, and `by` more: a count, its default, or what is computed later.
    fn computed(
        &mut self,
        field: &'static Field,
        at: usize,
        written: Written<'a>,
        by: i64,
        path: &str,
    ) -> Result<(), BuildError> {
        if let Some(computed) = counted_by(field, written) {
            let beside = Beside { computed, by, max: field.max(), unit: field.scale };
            let number = beside.number(|| full_name(path, field.name))?;
            self.put(field, at, ValueRef::Uint(number), path)?;
        } else if by != 0 && field.auto.is_none() {
            if !self.is_counted_later(field) {
                return Err(BuildError::NotComputed { name: full_name(path, field.name) });
            }
            if !written.0.iter().any(|(_, node)| matches!(node, Node::Layers(_))) {
                let beside = Beside { computed: 0, by, max: field.max(), unit: field.scale };
                let count = beside.number(|| full_name(path, field.name))?;
                self.put(field, at, ValueRef::Uint(count), path)?;
            }
        }
        if !field.tells.is_empty() {
            let is_there = field.tells.iter().any(|told| written.get(told).is_some());
            self.put(field, at, ValueRef::Bool(is_there), path)?;
        }
        if let Some(default) = &field.default {
            self.put(field, at, default.as_ref(), path)?;
        }
        if field.auto.is_some() {
            self.encoded.pending.push(Pending { field, section: at, within: (0, 0), padding: 0, by });
        }
        Ok(())
    }

    /// Whether it says how long the quoted packet is, which the builder knows when that stands.
    fn is_counted_later(&self, field: &Field) -> bool {
        counted(&self.protocol.sections).any(|counted| counted.field == field.name)
    }

    /// Writes a value into a field of the section at `at`.
    pub(super) fn put(
        &mut self,
        field: &'static Field,
        at: usize,
        value: ValueRef<'_>,
        path: &str,
    ) -> Result<(), BuildError> {
        let section = self.out.get_mut(at..).unwrap_or_default();
        let mut copy = |octets: &[u8]| {
            let to = section.get_mut(field.span.octets()).filter(|to| to.len() == octets.len());
            to.map(|to| to.copy_from_slice(octets)).is_some()
        };
        let fits = match (field.kind, value) {
            (Kind::Uint | Kind::Group, ValueRef::Uint(number)) => {
                let raw = number.checked_div(field.scale).unwrap_or(number);
                if raw > field.span.max() || raw.saturating_mul(field.scale) != number {
                    let (name, max, unit) = (full_name(path, field.name), field.max(), field.scale);
                    return Err(BuildError::OutOfRange { name, value: number, max, unit });
                }
                field.span.write(section, raw);
                true
            }
            (Kind::Bool, ValueRef::Bool(bit)) => {
                field.span.write(section, u64::from(bit));
                true
            }
            (Kind::Mac, ValueRef::Mac(mac)) => copy(&mac),
            (Kind::Ipv4, ValueRef::Ipv4(address)) => copy(&address.octets()),
            (Kind::Ipv6, ValueRef::Ipv6(address)) => {
                // A field may have room for the beginning of an address only; the rest must be zeros.
                let octets = address.octets();
                let (prefix, rest) =
                    octets.split_at_checked(field.span.octets().len()).unwrap_or((octets.as_slice(), &[]));
                if rest.iter().any(|octet| *octet != 0) {
                    return Err(self.mismatch(
                        path,
                        field.name,
                        "an IPv6 address that is zero behind the prefix",
                    ));
                }
                copy(prefix)
            }
            (Kind::Octets, ValueRef::Octets(octets)) => copy(octets),
            _ => false,
        };
        if fits { Ok(()) } else { Err(self.mismatch(path, field.name, field.kind.words())) }
    }

    /// Appends a name or a string; the shortest, where nobody wrote one.
    fn text(&mut self, field: &'static Field, written: Option<&Node>, path: &str) -> Result<(), BuildError> {
        match (field.kind, written) {
            (_, None) => self.out.push(0),
            (Kind::Name, Some(Node::Value(Value::Name(name)))) => self.out.extend_from_slice(name),
            (Kind::Text, Some(Node::Value(Value::Text(text)))) => {
                let len = u8::try_from(text.len());
                self.out.push(len.map_err(|_| self.mismatch(path, field.name, "at most 255 octets"))?);
                self.out.extend_from_slice(text);
            }
            (kind, Some(_)) => return Err(self.mismatch(path, field.name, kind.words())),
        }
        Ok(())
    }

    fn zeros(&mut self, field: &'static Field, written: Written<'a>, path: &str) -> Result<(), BuildError> {
        let count = match written.of(field) {
            Some(Node::Value(Value::Uint(count))) => *count,
            Some(_) => return Err(self.mismatch(path, field.name, "a number of octets")),
            None => 0,
        };
        let max = u64::from(u8::MAX);
        if count > max {
            return Err(BuildError::OutOfRange {
                name: full_name(path, field.name),
                value: count,
                max,
                unit: 1,
            });
        }
        let len = self.out.len().saturating_add(usize::try_from(count).unwrap_or(0));
        self.out.resize(len, 0);
        Ok(())
    }

    pub(super) fn item(
        &mut self,
        items: &'static Items,
        node: &'a Node,
        path: &str,
    ) -> Result<(), BuildError> {
        let path = full_name(path, items.name);
        if let Node::Table(fields) = node {
            if let Some(Node::Value(Value::Octets(raw))) = find(fields, RAW) {
                self.out.extend_from_slice(raw);
                return Ok(());
            }
            return match fields.as_slice() {
                [fields @ .., (name, cut)] if name == CUT => {
                    self.cut_item(items, Written(fields), Cut::of_node(cut), &path)
                }
                fields => self.structure(&items.item, Written(fields), &path),
            };
        }
        if let (Style::Scalar, [Section { body: Body::Text { field, .. }, .. }]) =
            (items.style, items.item.as_slice())
        {
            return self.text(field, Some(node), &path);
        }
        let leaves: Vec<&Field> = items.item.iter().flat_map(|section| plain_fields(&section.body)).collect();
        let values: &[Node] = match (items.style, node) {
            (Style::Scalar, value @ Node::Value(_)) => std::slice::from_ref(value),
            (Style::Tuple, Node::List(values)) if values.len() == leaves.len() => values,
            _ => return Err(BuildError::Item { name: path, style: items.style }),
        };
        let at = self.out.len();
        for section in &items.item {
            if let Body::Fields { len, .. } = section.body {
                self.out.resize(self.out.len().saturating_add(len), 0);
            }
        }
        for (field, value) in leaves.into_iter().zip(values) {
            let Node::Value(value) = value else { return Err(self.mismatch(&path, field.name, "a value")) };
            self.put(field, at, value.as_ref(), &path)?;
        }
        Ok(())
    }

    /// An item that ends before its time: what is computed is as it stands there.
    fn cut_item(
        &mut self,
        items: &'static Items,
        written: Written<'a>,
        cut: Option<Cut>,
        path: &str,
    ) -> Result<(), BuildError> {
        let Some(cut) = cut else { return Err(self.mismatch(path, CUT, "a table with `len` and `rest`")) };
        let start = self.out.len();
        let first_pending = self.encoded.pending.len();
        self.structure(&items.item, written, path)?;
        self.encoded.pending.truncate(first_pending);
        cut.apply(self.out, start);
        Ok(())
    }

    /// Everything that was written must have been used: by name, and by the form that the header takes.
    fn all_used(
        &self,
        all: &'static [Section],
        there: &[&'static Section],
        written: Written<'a>,
        path: &str,
    ) -> Result<(), BuildError> {
        for (name, _) in written.0 {
            if there.iter().any(|section| names(&section.body, name)) {
                continue;
            }
            let known = all.iter().any(|section| names(&section.body, name));
            let name = full_name(path, name);
            let layer = self.protocol.name;
            return Err(if known {
                BuildError::NotInThisForm { name, layer }
            } else {
                BuildError::UnknownField { name, layer }
            });
        }
        Ok(())
    }

    pub(super) fn mismatch(&self, path: &str, name: &str, wanted: &'static str) -> BuildError {
        BuildError::Mismatch { name: full_name(path, name), wanted }
    }
}

/// Octets or items that somebody wrote.
/// What a field should say that counts or measures something in the same header, by what was written there.
fn counted_by(field: &Field, written: Written<'_>) -> Option<u64> {
    let (len, unit) = match (field.counts, field.measures) {
        (Some(list), _) => (written_len(written.get(list).filter(|node| matches!(node, Node::List(_)))), 1),
        (None, Some((measured, unit))) => (written_len(written.get(measured)), unit),
        (None, None) => return None,
    };
    Some(u64::try_from(len).unwrap_or(u64::MAX).saturating_mul(unit))
}

fn written_len(node: Option<&Node>) -> usize {
    match node {
        Some(Node::List(items)) => items.len(),
        Some(Node::Value(Value::Octets(octets) | Value::Text(octets))) => octets.len(),
        _ => 0,
    }
}

/// Whether a section has something of this name.
pub(super) fn names(body: &Body, name: &str) -> bool {
    let is = |field: &Field| field.name == name || field.also.is_some_and(|also| also.name == name);
    match body {
        Body::Fields { fields, .. } => fields.iter().any(is),
        Body::Octets { field, .. } | Body::Zeros { field } | Body::Text { field, .. } => is(field),
        Body::Items(items) => items.name == name,
        Body::Records(records) => records.name == name,
        Body::Quoted(quoted) => quoted.name == name,
    }
}

/// What says how long a quoted packet is.
pub(crate) fn counted(sections: &'static [Section]) -> impl Iterator<Item = Counted> {
    sections.iter().filter_map(|section| match &section.body {
        Body::Quoted(quoted) => quoted.counted,
        _ => None,
    })
}

/// The fields of an item that hold values of their own.
fn plain_fields(body: &Body) -> impl Iterator<Item = &Field> {
    let fields = if let Body::Fields { fields, .. } = body { fields.as_slice() } else { &[] };
    fields.iter().filter(|field| field.kind != Kind::Group)
}

pub(super) fn full_name(path: &str, name: &str) -> String {
    if name.is_empty() { path.to_owned() } else { format!("{path}.{name}") }
}

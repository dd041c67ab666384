//! Reading a header: every field, option and item of a layer, in the order of the wire.
//!
//! One walk serves the tree, JSON, specs and the checks. It reads from the octets and allocates nothing; a field that
//! was not captured whole is not told, and the octets that are left of it come as [`Event::Cut`].

use std::ops::Range;

use crate::proto::describe::{
    Before, Body, Field, Items, Kind, Len, Protocol, Record, Records, Section, Style,
};
use crate::wire::domain_name::NameRef;
use crate::wire::layers::{LayerEntry, LayerState};
use crate::wire::record::{RawRecord, RawShape};
use crate::wire::value::ValueRef;

use super::fit::fits;
use super::measure::{items_len, measure, padding_of, text_len, wanted};

pub use super::read_field::{is_zero, read_field};
pub use super::visitor::Visitor;

/// What the walk meets. Octet ranges are offsets in the packet.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// A field with its value. A group's number comes just before its parts.
    Field {
        /// The field's description.
        field: &'static Field,
        /// Its value.
        value: ValueRef<'a>,
        /// The octets that it touches.
        octets: Range<usize>,
        /// The structure that holds it (the header, or an item), for computed fields.
        within: Range<usize>,
    },
    /// The beginning of something that holds others.
    Open {
        /// Its name; empty for the items of a list.
        name: &'a str,
        /// Its name for people.
        title: &'static str,
        /// What it is.
        shape: Shape,
        /// Its octets.
        octets: Range<usize>,
    },
    /// The end of what was opened last.
    Close,
    /// A value without a description: the parts of an unknown option, octets that are no record.
    Loose {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: ValueRef<'a>,
        /// Its octets.
        octets: Range<usize>,
    },
    /// A quoted packet, whose layers are in the table.
    Quoted {
        /// Its name.
        name: &'static str,
        /// Its octets.
        octets: Range<usize>,
    },
    /// The header, or the item that is open, ends before its time.
    Cut {
        /// Octets of it that are there.
        len: usize,
        /// The last of them, too few for a field.
        rest: &'a [u8],
        /// Their place.
        octets: Range<usize>,
    },
}

/// What an [`Event::Open`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Named things.
    Table,
    /// Things without a name, one behind the other.
    List,
    /// A named thing that is a single value: the field that follows is the value itself.
    Single,
    /// A field made of others: its number, as a field, comes first, and then its parts with their full names.
    Group,
}

/// Walks the header of a layer, telling `tell` what it meets.
pub fn walk_layer<'a>(
    packet: &'a [u8],
    entry: &LayerEntry,
    protocol: &'static Protocol,
    tell: &mut dyn FnMut(Event<'a>),
) {
    struct Told<'t, 'a>(&'t mut dyn FnMut(Event<'a>));

    impl<'a> Visitor<'a> for Told<'_, 'a> {
        fn event(&mut self, event: Event<'a>) {
            (self.0)(event);
        }
    }

    visit_layer(packet, entry, protocol, &mut Told(tell));
}

/// As [`walk_layer`], for a visitor that may take many fields at once.
pub fn visit_layer<'a>(
    packet: &'a [u8],
    entry: &LayerEntry,
    protocol: &'static Protocol,
    visitor: &mut dyn Visitor<'a>,
) {
    let (start, end) = (entry.start as usize, entry.header_end as usize);
    let Some(header) = packet.get(start..end) else { return };
    // Sections that depend on the room look at what the layer had, which for whole headers is up to its end.
    let room = packet.get(start..entry.end as usize).unwrap_or(header);
    let is_padded = matches!(
        protocol.sections.last(),
        Some(Section { body: Body::Octets { len: Len::PadTo(_), .. }, .. })
    );
    let padding = if is_padded { measure(&protocol.sections, header).padding } else { 0 };
    let mut walk = Walk { base: start, header, padding, room, message: room, is_layer: true, visitor };
    let cut = walk.sections(&protocol.sections, entry.state == LayerState::Malformed);
    if let Some(at) = cut {
        let rest = header.get(at..).unwrap_or_default();
        let octets = start.saturating_add(at)..end;
        visitor.event(Event::Cut { len: header.len(), rest, octets });
    }
}

/// A walk over one structure: a header, an option's body, an item.
struct Walk<'a, 't> {
    /// Offset of the structure in the packet.
    base: usize,
    /// Its octets.
    header: &'a [u8],
    /// How many of them only fill up, at its end.
    padding: usize,
    /// Its octets and those behind it that it might have taken.
    room: &'a [u8],
    /// The layer's octets, in which the pointers of names point.
    message: &'a [u8],
    /// Whether it is a layer's header.
    is_layer: bool,
    visitor: &'t mut dyn Visitor<'a>,
}

impl<'a> Walk<'a, '_> {
    /// Walks the sections; returns where the structure is cut, if it is.
    fn sections(&mut self, sections: &'static [Section], malformed: bool) -> Option<usize> {
        let mut at = 0usize;
        for (index, section) in sections.iter().enumerate() {
            if section.when.is_some_and(|holds| !self.holds(holds, at)) {
                continue;
            }
            let left = self.header.get(at..).unwrap_or_default();
            let before = || self.header.get(..at).unwrap_or_default();
            let len = match &section.body {
                Body::Fields { len, .. } if self.are_taken_at_once(index, left, at, *len) => {
                    at = at.saturating_add(*len);
                    continue;
                }
                Body::Fields { fields, len } => match self.fields(fields, at, *len) {
                    Ok(()) => *len,
                    Err(cut_at) => return Some(cut_at),
                },
                Body::Items(items) => items_len(items, before(), left)?,
                // Where their number contradicts itself, it is told that they were to stand here.
                Body::Octets { len, .. } => match wanted(*len, before(), left) {
                    Some(len) => len,
                    None => {
                        self.area((index, section), at, &[]);
                        return None;
                    }
                },
                Body::Zeros { .. } => left.len(),
                // A part of a name has no text.
                Body::Text { len: Some(len), .. } => wanted(*len, before(), left)?,
                Body::Text { field, len: None } => match text_len(field, left)? {
                    len if len > left.len() => return Some(at),
                    len => len,
                },
                Body::Records(records) => wanted(records.len, before(), left)?,
                Body::Quoted(quoted) => wanted(quoted.len, before(), left)?,
            };
            let area = left.get(..len).unwrap_or(left);
            self.area((index, section), at, area);
            if len > left.len() {
                return (!malformed).then_some(self.header.len());
            }
            at = at.saturating_add(len);
        }
        None
    }

    /// Whether a section is there that may begin at `at`.
    fn holds(&self, holds: fn(&Before<'_>) -> bool, at: usize) -> bool {
        let header = self.header.get(..at).unwrap_or_default();
        let left = self.room.get(at..).unwrap_or_default();
        holds(&Before { header, left, builds: false, wrote: &|_| false })
    }

    /// Whether the visitor takes the fields of a section, `len` octets of `left`, by itself.
    fn are_taken_at_once(&mut self, section: usize, left: &'a [u8], at: usize, len: usize) -> bool {
        match left.get(..len) {
            Some(octets) if self.is_layer => {
                self.visitor.fields(section, octets, self.base.saturating_add(at))
            }
            _ => false,
        }
    }

    /// Walks what a section holds besides fields with fixed places.
    fn area(&mut self, (index, section): (usize, &'static Section), at: usize, area: &'a [u8]) {
        if self.is_layer
            && matches!(section.body, Body::Octets { len: Len::Rest | Len::Octets(_), .. })
            && self.visitor.octets(index, area)
        {
            return;
        }
        let octets = self.place(at, area.len());
        let within = self.within();
        match &section.body {
            Body::Fields { .. } => {}
            // Zeros that fill up are what building makes by itself.
            Body::Octets { len: Len::PadTo(unit), .. }
                if area.len() == padding_of(at, *unit) && area.iter().all(|octet| *octet == 0) => {}
            Body::Octets { len: Len::Usual(usual, _), .. } if area == *usual => {}
            Body::Octets { field, .. } => {
                self.visitor.event(Event::Field { field, value: ValueRef::Octets(area), octets, within });
            }
            Body::Text { field, len } => {
                let value = match (field.kind, len) {
                    (Kind::Name, _) => ValueRef::Name(NameRef { octets: area, message: self.message }),
                    (_, None) => ValueRef::Text(area.get(1..).unwrap_or_default()),
                    (_, Some(_)) => ValueRef::Text(area),
                };
                self.visitor.event(Event::Field { field, value, octets, within });
            }
            Body::Zeros { field } => {
                let value = ValueRef::Uint(u64::try_from(area.len()).unwrap_or(u64::MAX));
                self.visitor.event(Event::Field { field, value, octets, within });
            }
            Body::Items(items) => self.items(items, at, area),
            Body::Records(records) => self.records((index, records), at, area),
            Body::Quoted(quoted) => self.visitor.event(Event::Quoted { name: quoted.name, octets }),
        }
    }

    /// Tells the fields of a section of `len` octets at `at`. `Err` is where the captured octets end.
    fn fields(&mut self, fields: &'static [Field], at: usize, len: usize) -> Result<(), usize> {
        let section = self.header.get(at..).unwrap_or_default();
        let mut read_to = 0usize;
        let mut group: Option<&Field> = None;
        for field in fields {
            if group.is_some_and(|group| !group.holds(field)) {
                self.visitor.event(Event::Close);
                group = None;
            }
            let Some(value) = read_field(field, section) else { break };
            let octets = field.span.octets();
            // A field that ends within an octet leaves that octet to the field that shares it.
            read_to = read_to.max(usize::try_from(field.span.end_bits() / 8).unwrap_or(usize::MAX));
            let place = self.place(at.saturating_add(octets.start), octets.len());
            if field.kind == Kind::Group {
                if section.len() < group_end(field, fields) {
                    break;
                }
                group = Some(field);
                let (name, title) = (field.last_name(), field.title);
                let event = Event::Open { name, title, shape: Shape::Group, octets: place.clone() };
                self.visitor.event(event);
            }
            if field.hidden_when_zero && is_zero(&value) {
                continue;
            }
            let within = self.within();
            self.visitor.event(Event::Field { field, value, octets: place, within });
        }
        if group.is_some() {
            self.visitor.event(Event::Close);
        }
        if section.len() < len { Err(at.saturating_add(read_to)) } else { Ok(()) }
    }

    fn items(&mut self, items: &'static Items, at: usize, area: &'a [u8]) {
        let octets = self.place(at, area.len());
        self.visitor.event(Event::Open { name: items.name, title: items.title, shape: Shape::List, octets });
        let mut from = 0usize;
        while let Some(left) = area.get(from..).filter(|left| !left.is_empty()) {
            let item = measure(&items.item, left);
            let place = self.place(at.saturating_add(from), item.len.max(1));
            // Where the header says how many there are, a part of one is an item that was cut, not a lie.
            let is_cut = item.state == LayerState::Cut
                && items.style == Style::Table
                && !matches!(items.len, Len::Rest)
                && begins(items, left);
            let is_told = is_cut || item.state == LayerState::Whole;
            let Some(octets) = left.get(..item.len).filter(|octets| !octets.is_empty() && is_told) else {
                self.raw(left, at.saturating_add(from));
                break;
            };
            let shape = match items.style {
                Style::Scalar => Shape::Single,
                Style::Tuple => Shape::List,
                Style::Table => Shape::Table,
            };
            self.visitor.event(Event::Open { name: "", title: "", shape, octets: place.clone() });
            let mut inner = Walk {
                base: place.start,
                header: octets,
                padding: item.padding,
                room: octets,
                message: self.message,
                is_layer: false,
                visitor: &mut *self.visitor,
            };
            if let Some(cut_at) = inner.sections(&items.item, false) {
                let rest = octets.get(cut_at..).unwrap_or_default();
                let place = place.end.saturating_sub(rest.len())..place.end;
                self.visitor.event(Event::Cut { len: octets.len(), rest, octets: place });
            }
            self.visitor.event(Event::Close);
            from = from.saturating_add(item.len);
        }
        self.visitor.event(Event::Close);
    }

    fn records(&mut self, (section, records): (usize, &'static Records), at: usize, area: &'a [u8]) {
        let octets = self.place(at, area.len());
        self.visitor.event(Event::Open {
            name: records.name,
            title: records.title,
            shape: Shape::List,
            octets,
        });
        for raw in records.dialect.walk(area) {
            let place = self.place(at.saturating_add(raw.octets.start), raw.octets.len());
            let (code, body): (u8, &'a [u8]) = match raw.shape {
                RawShape::Single(code) => (code, &[]),
                RawShape::Whole { code, body } => (code, body),
                RawShape::Lying { .. } => {
                    self.unknown(records, &raw, &place);
                    continue;
                }
                RawShape::Rest(rest) => {
                    self.raw(rest, place.start.saturating_sub(self.base));
                    continue;
                }
            };
            let mut known = records.records.iter().enumerate().filter(|(_, record)| record.code == code);
            if self.is_layer && known.clone().any(|(which, _)| self.visitor.record(section, which, body)) {
                continue;
            }
            match known.find(|(_, record)| fits(record, body)).map(|(_, record)| record) {
                Some(record) => self.record(record, body, &place),
                None => self.unknown(records, &raw, &place),
            }
        }
        self.visitor.event(Event::Close);
    }

    /// A known option: its one field, or a table of several.
    fn record(&mut self, record: &'static Record, body: &'a [u8], place: &Range<usize>) {
        let open = |name: &'static str, shape| Event::Open {
            name,
            title: record.title,
            shape,
            octets: place.clone(),
        };
        self.visitor.event(open("", Shape::Table));
        let shape = record_shape(record, body);
        self.visitor.event(open(record.name, shape));
        let base = place.end.saturating_sub(body.len());
        let mut inner = Walk {
            base,
            header: body,
            padding: 0,
            room: body,
            message: self.message,
            is_layer: false,
            visitor: &mut *self.visitor,
        };
        inner.sections(&record.sections, false);
        self.visitor.event(Event::Close);
        self.visitor.event(Event::Close);
    }

    /// An option that is not known, or whose body or length is not what it should be.
    fn unknown(&mut self, records: &'static Records, raw: &RawRecord<'a>, place: &Range<usize>) {
        let (code, body, length): (u8, &'a [u8], Option<u8>) = match raw.shape {
            RawShape::Single(code) => (code, &[], None),
            RawShape::Whole { code, body } => (code, body, None),
            RawShape::Lying { code, length, body } => (code, body, Some(length)),
            RawShape::Rest(_) => return,
        };
        let open = |name| Event::Open { name, title: "Unknown", shape: Shape::Table, octets: place.clone() };
        self.visitor.event(open(""));
        self.visitor.event(open(UNKNOWN));
        let number = |value: u8| ValueRef::Uint(u64::from(value));
        let at = |from: usize, len: usize| {
            place.start.saturating_add(from)..place.start.saturating_add(from.saturating_add(len))
        };
        self.visitor.event(Event::Loose {
            name: records.dialect.code_name,
            value: number(code),
            octets: at(0, 1),
        });
        if let Some(length) = length {
            self.visitor.event(Event::Loose { name: LENGTH, value: number(length), octets: at(1, 1) });
        }
        self.visitor.event(Event::Loose {
            name: DATA,
            value: ValueRef::Octets(body),
            octets: at(2, body.len()),
        });
        self.visitor.event(Event::Close);
        self.visitor.event(Event::Close);
    }

    /// Octets that are no item and no option.
    fn raw(&mut self, octets: &'a [u8], at: usize) {
        let place = self.place(at, octets.len());
        self.visitor.event(Event::Open { name: "", title: "", shape: Shape::Table, octets: place.clone() });
        self.visitor.event(Event::Loose { name: RAW, value: ValueRef::Octets(octets), octets: place });
        self.visitor.event(Event::Close);
    }

    /// The structure's own octets, without what fills it up.
    fn within(&self) -> Range<usize> {
        self.place(0, self.header.len().saturating_sub(self.padding))
    }

    /// Offsets in the packet of `len` octets at `at` of the structure.
    fn place(&self, at: usize, len: usize) -> Range<usize> {
        let start = self.base.saturating_add(at);
        start..start.saturating_add(len)
    }
}

/// The key of an option that is not known.
pub const UNKNOWN: &str = "unknown";
/// The key of octets that are no option and no item.
pub const RAW: &str = "raw";
/// The key of an unknown option's body.
pub const DATA: &str = "data";
/// The key of what says that a header or an item ends before its time.
pub const CUT: &str = "cut";
/// The key of an unknown option's length octet.
pub const LENGTH: &str = "length";

/// Whether the first field of an item is there.
fn begins(items: &Items, octets: &[u8]) -> bool {
    match items.item.first().map(|section| &section.body) {
        Some(Body::Fields { fields, .. }) => {
            fields.first().is_some_and(|field| read_field(field, octets).is_some())
        }
        Some(Body::Text { field, len: None }) => {
            text_len(field, octets).is_some_and(|len| len <= octets.len())
        }
        _ => false,
    }
}

/// How an option is written: as the value of its one field, or as a table.
pub(super) fn record_shape(record: &Record, body: &[u8]) -> Shape {
    match record.sections.as_slice() {
        [Section { body: Body::Items(items), .. }] if items.name.is_empty() => Shape::Single,
        [Section { body: Body::Octets { .. } | Body::Zeros { .. } | Body::Text { .. }, .. }] => Shape::Single,
        [Section { body: Body::Fields { fields, .. }, .. }] => {
            let shown = fields.iter().filter(|field| shows(field, body)).count();
            let plain = fields.iter().filter(|field| !field.hidden_when_zero).count();
            if shown == 1 && plain == 1 { Shape::Single } else { Shape::Table }
        }
        _ => Shape::Table,
    }
}

/// Whether a field is told: reserved ones are not while they are zero.
fn shows(field: &Field, section: &[u8]) -> bool {
    !field.hidden_when_zero || read_field(field, section).is_some_and(|value| !is_zero(&value))
}

/// Octets from a section's beginning to the end of a group's last part.
fn group_end(group: &Field, fields: &[Field]) -> usize {
    fields.iter().filter(|part| group.holds(part)).map(|part| part.span.octets().end).max().unwrap_or(0)
}

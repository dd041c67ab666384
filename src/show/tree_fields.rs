//! The fields of a layer in a tree: values with their names, bits in their places, options, verdicts.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt::{self, Write};
use std::ops::Range;

use super::text::push_printable;
use super::tree::{Tree, push_some_hex};
use super::value::{push_hex_number, push_read, push_uint, push_value};
use crate::packet::check::{ChecksumStatus, Dissected};
use crate::packet::unbuild::behind_quoted;
use crate::packet::walk::{Event, Shape};
use crate::proto::describe::{Auto, Field, Kind};
use crate::proto::registry;
use crate::wire::value::ValueRef;

/// A layer whose fields are being written.
pub(super) struct LayerBody<'t, 'o, 'a> {
    tree: &'t mut Tree<'o, 'a>,
    index: usize,
    /// The group whose parts are being written.
    group: Option<&'static Field>,
    /// The title of a thing that is a single value, until that value comes.
    heading: Option<&'static str>,
    /// What is open, innermost last.
    open: Vec<Open>,
}

impl<'t, 'o, 'a> LayerBody<'t, 'o, 'a> {
    /// The fields of the layer with this index.
    pub(super) fn new(tree: &'t mut Tree<'o, 'a>, index: usize) -> Self {
        Self { tree, index, group: None, heading: None, open: Vec::new() }
    }

    /// Writes what the walk met.
    pub(super) fn event(&mut self, event: &Event<'_>) -> fmt::Result {
        match event {
            Event::Field { field, value, octets, within } => self.field(field, *value, octets, within),
            Event::Open { name, title, shape, octets } => self.open(name, title, *shape, octets),
            Event::Close => self.close(),
            Event::Loose { name, value, octets } => {
                self.tree.begin(octets)?;
                write!(self.tree.out, "{name}: ")?;
                self.number_or_octets(*value);
                if let Some((_, problem)) = self.tree.dissected.problem(self.index, event) {
                    self.tree.out.write_char(' ')?;
                    self.tree.finding(&problem)?;
                }
                self.tree.out.write_char('\n')
            }
            Event::Quoted { octets, .. } => {
                self.tree.begin(octets)?;
                self.tree.out.write_str("Quoted packet\n")?;
                let Dissected { octets: packet, table, .. } = *self.tree.dissected;
                self.tree.depth = self.tree.depth.saturating_add(1);
                self.tree.chain(table.quoted(self.index))?;
                self.tree.depth = self.tree.depth.saturating_sub(1);
                let behind = behind_quoted(packet, table, self.index, octets);
                self.tree.octets("Behind the quoted packet", behind, octets.end.saturating_sub(behind.len()))
            }
            Event::Cut { len, rest, octets } => {
                self.tree.begin(octets)?;
                let what = if self.open.is_empty() { " of the header" } else { "" };
                writeln!(self.tree.out, "Cut after {len} octets{what}")?;
                self.tree.octets("Last octets", rest, octets.start)
            }
        }
    }

    fn field(
        &mut self,
        field: &'static Field,
        value: ValueRef<'_>,
        octets: &Range<usize>,
        within: &Range<usize>,
    ) -> fmt::Result {
        let number = if let ValueRef::Uint(number) = value { Some(number) } else { None };
        if field.kind == Kind::Group {
            self.tree.depth = self.tree.depth.saturating_sub(1);
            self.group = Some(field);
        }
        self.tree.begin(octets)?;
        if field.kind != Kind::Group {
            self.pattern(field, value)?;
        }
        self.tree.out.write_str(self.heading.take().unwrap_or(field.title))?;
        if self.open.is_empty() || self.group.is_some() {
            self.name(number.map_or(field.name, |number| field.name_for(number)))?;
        }
        self.tree.out.write_str(": ")?;
        match value {
            ValueRef::Uint(number) => self.number(field, number)?,
            ValueRef::Bool(bit) => self.tree.out.write_str(if bit { "set" } else { "not set" })?,
            other => self.number_or_octets(other),
        }
        self.verdict(field, value, octets, within)?;
        self.tree.out.write_char('\n')?;
        if field.kind == Kind::Group {
            self.tree.depth = self.tree.depth.saturating_add(1);
        }
        Ok(())
    }

    /// The full name of a field. Inside of lists and options it is Wireshark's, where that is another than ours.
    fn name(&mut self, field: &str) -> fmt::Result {
        if !self.tree.has_names() {
            return Ok(());
        }
        let Some(entry) = self.tree.dissected.table.entries().get(self.index) else { return Ok(()) };
        let protocol = registry().get(entry.protocol);
        let holders = self.open.iter().map(|open| open.name.as_str());
        let path: Vec<&str> = holders.chain([field]).filter(|name| !name.is_empty()).collect();
        if let [field] = *path {
            return self.tree.name(protocol.name, field);
        }
        let path = path.join(".");
        let mut aliases = protocol.aliases.iter().filter(|alias| !alias.as_text);
        match aliases.find(|alias| alias.of.contains(&path.as_str())) {
            Some(alias) => self.tree.name(alias.name, ""),
            None => self.tree.name(protocol.name, &path),
        }
    }

    /// A number with its name, or with the letters of the bits that are set.
    fn number(&mut self, field: &Field, number: u64) -> fmt::Result {
        let digits = usize::try_from(field.span.len_bits.div_ceil(4)).unwrap_or(1);
        match (field.hex, field.signed) {
            (true, _) => push_hex_number(self.tree.out, number, digits),
            (false, false) => push_uint(self.tree.out, number),
            (false, true) => write!(self.tree.out, "{}", field.number(number))?,
        }
        if let Some(name) = field.value_name(number) {
            write!(self.tree.out, " ({name})")?;
        }
        if !field.letters.is_empty() {
            self.tree.out.write_str(" [")?;
            let count = u32::try_from(field.letters.len()).unwrap_or(0);
            for (letter, place) in field.letters.chars().zip((0..count).rev()) {
                if number.checked_shr(place).is_some_and(|bits| bits & 1 != 0) {
                    self.tree.out.write_char(letter)?;
                }
            }
            self.tree.out.write_char(']')?;
        }
        Ok(())
    }

    /// What a computed field turned out to be.
    fn verdict(
        &mut self,
        field: &'static Field,
        value: ValueRef<'_>,
        octets: &Range<usize>,
        within: &Range<usize>,
    ) -> fmt::Result {
        let ValueRef::Uint(number) = value else { return Ok(()) };
        let dissected = self.tree.dissected;
        if let Some(Auto::Checksum(..)) = field.auto {
            let status = dissected.checksum_status(self.index, field, number, octets, within);
            if !matches!(status, ChecksumStatus::Bad { .. } | ChecksumStatus::Illegal) {
                return write!(self.tree.out, " ({})", status.word());
            }
        }
        let event = Event::Field { field, value, octets: octets.clone(), within: within.clone() };
        match dissected.problem(self.index, &event) {
            Some((_, problem)) => {
                self.tree.out.write_char(' ')?;
                self.tree.finding(&problem)
            }
            None => Ok(()),
        }
    }

    /// The bits of a field that does not fill its octets, in their places: `.... 0101 = `.
    fn pattern(&mut self, field: &Field, value: ValueRef<'_>) -> fmt::Result {
        let octets = self.group.map_or(field.span, |group| group.span).octets();
        let span = field.span;
        let fills = span.start_bits.is_multiple_of(8) && span.len_bits.is_multiple_of(8);
        if (fills && self.group.is_none()) || octets.len() > 4 {
            return Ok(());
        }
        let raw = match value {
            ValueRef::Uint(number) => number.checked_div(field.scale).unwrap_or(0),
            ValueRef::Bool(bit) => u64::from(bit),
            _ => return Ok(()),
        };
        let first = u32::try_from(octets.start).unwrap_or(0).saturating_mul(8);
        let end = u32::try_from(octets.end).unwrap_or(0).saturating_mul(8);
        for bit in first..end {
            if bit > first && bit.is_multiple_of(4) {
                self.tree.out.write_char(' ')?;
            }
            let place = span.end_bits().checked_sub(1).and_then(|last| last.checked_sub(bit));
            self.tree.out.write_char(match place.filter(|_| bit >= span.start_bits) {
                Some(place) if raw.checked_shr(place).is_some_and(|bits| bits & 1 != 0) => '1',
                Some(_) => '0',
                None => '.',
            })?;
        }
        self.tree.out.write_str(" = ")
    }

    fn number_or_octets(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Octets(octets) => push_some_hex(self.tree.out, octets),
            ValueRef::Name(_) | ValueRef::Text(_) => {
                let mut text = String::new();
                push_read(&mut text, value);
                push_printable(self.tree.out, &text);
            }
            other => push_value(self.tree.out, other),
        }
    }

    fn open(&mut self, name: &str, title: &'static str, shape: Shape, octets: &Range<usize>) -> fmt::Result {
        let item = self.open.last_mut().map_or(0, |parent| {
            parent.items = parent.items.saturating_add(1);
            parent.items
        });
        let indents = match (shape, name, title) {
            // Nobody needs to be told that there are no options.
            (Shape::List, ..) if octets.is_empty() => false,
            // The group's own number, which comes next, is its line.
            (Shape::Group, ..) => true,
            // So is the item's one value.
            (Shape::Single, _, "") => false,
            (Shape::Single, ..) => {
                self.heading = Some(title);
                false
            }
            // An option stands in a table of its own, whose one entry is the line.
            (Shape::Table, "", title) if !title.is_empty() => false,
            (_, "", "") => {
                self.tree.begin(octets)?;
                writeln!(self.tree.out, "#{item}")?;
                true
            }
            // A list that is the value of an option goes by the option's title.
            _ => {
                let title = self.heading.take().unwrap_or(title);
                self.tree.begin(octets)?;
                writeln!(self.tree.out, "{title}")?;
                true
            }
        };
        self.tree.depth = self.tree.depth.saturating_add(usize::from(indents));
        // The names of a group's parts begin with the group's.
        let name = if shape == Shape::Group || !self.tree.has_names() { "" } else { name };
        self.open.push(Open { name: name.to_owned(), indents, items: 0, octets: octets.clone() });
        Ok(())
    }

    fn close(&mut self) -> fmt::Result {
        // A thing whose one value is not there is named all the same.
        if let Some(title) = self.heading.take() {
            let octets = self.open.last().map_or(0..0, |open| open.octets.clone());
            self.tree.begin(&octets)?;
            writeln!(self.tree.out, "{title}")?;
        }
        let Some(closed) = self.open.pop() else { return Ok(()) };
        self.tree.depth = self.tree.depth.saturating_sub(usize::from(closed.indents));
        self.group = None;
        Ok(())
    }
}

/// Something that is open.
struct Open {
    /// Its name, where the names of what it holds go on from that.
    name: String,
    /// Whether what it holds stands further to the right.
    indents: bool,
    /// How many things were opened in it.
    items: usize,
    /// Its octets.
    octets: Range<usize>,
}

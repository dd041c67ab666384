//! Chosen fields of packets as columns, the way `tshark -T fields` prints them: a row for each packet, a field that occurs
//! several times with commas between, nothing for one that is not there.
//!
//! Fields go by their full names (`ip.src`, `tcp.flags.syn`, `tcp.options.mss`); what the capture knows of a packet is
//! `frame.number`, `frame.len` and so on ([`FRAME_FIELDS`]). Values are Wireshark's: bits are 0 and 1, what it shows in
//! hexadecimal is so here, a verdict on a checksum is its number (0 bad, 1 good, 2 unverified, 3 not present, 4 illegal).
#![deny(clippy::arithmetic_side_effects)]

use super::Meta;
use super::column_values::{frame_value, push_status, push_value};
use super::field_name::{FieldName, Path, STATUS};
use super::text::is_printable;
use super::value::push_hex;
use crate::packet::check::Dissected;
use crate::packet::walk::{Event, Shape, walk_layer};
use crate::proto::describe::Auto;
use crate::proto::registry;
use crate::wire::value::ValueRef;

pub use super::column_values::FRAME_FIELDS;
pub use super::field_name::UnknownField;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// Tabs between the columns; a tab, a line's end or a backslash in a text is written as `\t`, `\n`, `\\`.
    #[default]
    Tabs,
    /// RFC 4180: commas between the columns, and quotes where a value needs them.
    Csv,
}

/// The columns that are wanted, and what must be remembered between packets.
#[derive(Debug, Clone)]
pub struct Columns {
    style: Style,
    columns: Vec<Column>,
    /// The times of the first packet and of the one before.
    first: Option<i64>,
    last: Option<i64>,
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    source: Source,
    /// The present packet's values.
    text: String,
}

#[derive(Debug, Clone)]
enum Source {
    Frame(&'static str),
    Field(FieldName),
}

impl Columns {
    /// Columns for these fields.
    ///
    /// # Errors
    /// The first name that is no field's.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, UnknownField> {
        let columns = names.into_iter().map(Column::new).collect::<Result<_, _>>()?;
        Ok(Self { style: Style::default(), columns, first: None, last: None })
    }

    /// The same columns, written in this style.
    pub fn with_style(self, style: Style) -> Self {
        Self { style, ..self }
    }

    /// Appends the columns' names as a row.
    pub fn header(&self, out: &mut String) {
        self.row(out, |column| &column.name);
    }

    /// Appends a packet's row.
    pub fn packet(&mut self, out: &mut String, meta: &Meta<'_>, dissected: &Dissected<'_>) {
        let since = |time: Option<i64>| meta.time.map(|now| now.saturating_sub(time.unwrap_or(now)));
        let times = [since(self.first), since(self.last)];
        self.first = self.first.or(meta.time);
        self.last = meta.time.or(self.last);
        for column in &mut self.columns {
            column.text.clear();
            if let Source::Frame(name) = column.source {
                frame_value(&mut column.text, name, meta, dissected, times);
            }
        }
        for index in 0..dissected.table.entries().len() {
            self.layer(dissected, index);
        }
        self.row(out, |column| &column.text);
    }

    fn layer(&mut self, dissected: &Dissected<'_>, index: usize) {
        let Some(entry) = dissected.table.entries().get(index) else { return };
        let is_of = |column: &Column| matches!(&column.source, Source::Field(name) if name.protocol == entry.protocol);
        if !self.columns.iter().any(is_of) {
            return;
        }
        let mut path = Path::default();
        walk_layer(dissected.octets, entry, registry().get(entry.protocol), &mut |event| {
            path.enter(&event);
            for column in &mut self.columns {
                if let Source::Field(name) = &column.source
                    && name.protocol == entry.protocol
                {
                    let start = column.text.len();
                    let text = &mut column.text;
                    if start > 0 {
                        text.push(',');
                    }
                    if !value_of(text, &name.path, &path, &event, dissected, index) {
                        text.truncate(start);
                    }
                }
            }
            path.leave(&event);
        });
    }

    fn row<'c>(&'c self, out: &mut String, text: impl Fn(&'c Column) -> &'c str) {
        for (at, column) in self.columns.iter().enumerate() {
            match (self.style, at) {
                (_, 0) => {}
                (Style::Tabs, _) => out.push('\t'),
                (Style::Csv, _) => out.push(','),
            }
            match self.style {
                Style::Tabs => push_tabbed(out, text(column)),
                Style::Csv => push_csv(out, text(column)),
            }
        }
        out.push('\n');
    }
}

impl Column {
    fn new(name: &str) -> Result<Self, UnknownField> {
        let source = match FRAME_FIELDS.iter().find(|known| **known == name) {
            Some(known) => Source::Frame(known),
            None => Source::Field(FieldName::new(name, &FRAME_FIELDS)?),
        };
        Ok(Self { name: name.to_owned(), source, text: String::new() })
    }
}

/// Appends the value that an event has for the column of this name; `false` when it has none.
fn value_of(
    out: &mut String,
    name: &str,
    path: &Path<'_>,
    event: &Event<'_>,
    dissected: &Dissected<'_>,
    index: usize,
) -> bool {
    match event {
        Event::Field { field, value, octets, within } => {
            let number = if let ValueRef::Uint(number) = value { *number } else { 0 };
            let own = if path.is_single() { "" } else { field.name_for(number) };
            if path.is(name, own) {
                push_value(out, Some(field), *value);
                return true;
            }
            let status = name.strip_suffix(STATUS).filter(|_| matches!(field.auto, Some(Auto::Checksum(..))));
            if status.is_some_and(|name| path.is(name, own)) {
                let status = dissected.checksum_status(index, field, number, octets, within);
                push_status(out, status);
                return true;
            }
            false
        }
        Event::Loose { name: own, value, .. } if path.is(name, own) => {
            push_value(out, None, *value);
            true
        }
        // A list or a table is its octets; a thing that is a single value is that value.
        Event::Open { name: own, shape: Shape::Table | Shape::List, octets, .. } if !own.is_empty() => {
            let is_wanted = path.is(name, "") && !octets.is_empty();
            if is_wanted {
                push_hex(out, dissected.octets.get(octets.clone()).unwrap_or_default());
            }
            is_wanted
        }
        _ => false,
    }
}

fn push_tabbed(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            printable if is_printable(printable) => out.push(printable),
            other => out.extend(other.escape_unicode()),
        }
    }
}

fn push_csv(out: &mut String, text: &str) {
    let is_quoted = text.contains([',', '"']);
    if is_quoted {
        out.push('"');
    }
    for character in text.chars() {
        match character {
            '"' => out.push_str("\"\""),
            printable if is_printable(printable) => out.push(printable),
            other => out.extend(other.escape_unicode()),
        }
    }
    if is_quoted {
        out.push('"');
    }
}

//! Chosen fields of packets as columns, the way `tshark -T fields` prints them: a row for each packet, a field that occurs
//! several times with commas between, nothing for one that is not there.
//!
//! Fields go by the names that filters know: `ip.src`, `tcp.flags.syn`, `tcp.options.mss`, `ip.addr`, and for what the
//! capture knows of a packet `frame.number`, `frame.len` and so on. Values are Wireshark's: bits are 0 and 1, what it shows
//! in hexadecimal is so here, a verdict on a checksum is its number (0 bad, 1 good, 2 unverified, 3 not present, 4 illegal).
#![deny(clippy::arithmetic_side_effects)]

use super::Meta;
use super::column_values::push_value;
use super::text::is_printable;
use crate::filter::field::{About, FieldName, Times, UnknownField};
use crate::packet::check::Dissected;
use crate::stream::Need;

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
    times: Times,
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    field: FieldName,
    /// The present packet's values.
    text: String,
}

impl Columns {
    /// Columns for these fields.
    ///
    /// # Errors
    /// The first name that is no field's.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, UnknownField> {
        let columns = names.into_iter().map(Column::new).collect::<Result<_, _>>()?;
        Ok(Self { style: Style::default(), columns, times: Times::default() })
    }

    /// The same columns, written in this style.
    pub fn with_style(self, style: Style) -> Self {
        Self { style, ..self }
    }

    /// What must be known of the packets before, for all columns to be filled.
    pub fn need(&self) -> Need {
        self.columns.iter().map(|column| column.field.need()).max().unwrap_or_default()
    }

    /// Appends the columns' names as a row.
    pub fn header(&self, out: &mut String) {
        self.row(out, |column| &column.name);
    }

    /// Goes on to the next packet of the capture, whether or not it is shown: some fields are times since others.
    pub fn see(&mut self, time: Option<i64>) {
        self.times.see(time);
    }

    /// Appends the row of the packet that was seen last.
    pub fn packet(&mut self, out: &mut String, meta: &Meta<'_>, dissected: &Dissected<'_>) {
        let about = About {
            number: meta.number,
            time: meta.time,
            times: self.times,
            interface: meta.interface,
            interface_id: meta.interface_id,
            comment: meta.comment,
            sent: None,
            known: &[],
            facts: meta.facts,
        };
        self.times.show();
        for Column { field, text, .. } in &mut self.columns {
            text.clear();
            let (kind, mut is_first) = (field.kind(), true);
            field.values(dissected, &about, &mut |value, field| {
                // The first value may be an empty text.
                if !std::mem::take(&mut is_first) {
                    text.push(',');
                }
                push_value(text, kind, field, value);
            });
        }
        self.row(out, |column| &column.text);
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
        Ok(Self { name: name.to_owned(), field: FieldName::new(name)?, text: String::new() })
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

//! A header drawn as RFCs draw it, 32 bits a row, from its description alone.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |            srcport            |            dstport            |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! Parts of no fixed length are a row between colons.
#![deny(clippy::arithmetic_side_effects)]

use crate::proto::describe::{Body, Field, Kind, Section};

/// Appends the drawing of a header that has just these sections, each line indented.
pub fn draw(out: &mut String, sections: &[&'static Section]) {
    let rows = rows(sections);
    let mut above: &[usize] = &[];
    for (index, row) in rows.iter().enumerate() {
        rule(out, above, &row.owners);
        content(out, row, index, &rows);
        above = &row.owners;
    }
    rule(out, above, &[]);
}

/// Appends the numbers of the bits, which stand above drawings.
pub fn ruler(out: &mut String) {
    let digit = |number: usize| u32::try_from(number).ok().and_then(|number| char::from_digit(number, 10));
    let tens = (0..ROW).map(|bit| digit(bit / 10).filter(|_| bit.is_multiple_of(10)));
    let ones = (0..ROW).map(|bit| digit(bit % 10));
    for digits in [tens.collect::<Vec<_>>(), ones.collect()] {
        let text: String = digits.into_iter().flat_map(|digit| [' ', digit.unwrap_or(' ')]).collect();
        line(out, text.trim_end());
    }
}

/// Bits in a row.
const ROW: usize = 32;

/// A row of the drawing: which part of the header each bit belongs to.
struct Row {
    owners: Vec<usize>,
    /// The parts that begin at or before this row, by number.
    parts: Vec<(usize, Part)>,
}

/// A field, or a part of no fixed length.
#[derive(Clone, Copy)]
struct Part {
    /// Its name, and a shorter one for where there is no room.
    names: [&'static str; 2],
    is_variable: bool,
}

/// The rows of a header. Parts of no fixed length have a row for themselves.
fn rows(sections: &[&'static Section]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut bits: Vec<usize> = Vec::new();
    let mut parts: Vec<(usize, Part)> = Vec::new();
    for section in sections {
        if let Body::Fields { fields, .. } = &section.body {
            for field in leaves(fields) {
                let width = usize::try_from(field.span.len_bits).unwrap_or(0);
                bits.extend(std::iter::repeat_n(parts.len(), width));
                parts
                    .push((parts.len(), Part { names: [field.name, field.last_name()], is_variable: false }));
            }
            continue;
        }
        rows.extend(std::mem::take(&mut bits).chunks(ROW).map(<[usize]>::to_vec));
        rows.push(vec![parts.len(); ROW]);
        let name = variable_name(&section.body);
        parts.push((parts.len(), Part { names: [name, name], is_variable: true }));
    }
    rows.extend(bits.chunks(ROW).map(<[usize]>::to_vec));
    let of = |owners: &[usize]| parts.iter().filter(|(part, _)| owners.contains(part)).copied().collect();
    rows.into_iter().map(|owners| Row { parts: of(&owners), owners }).collect()
}

impl Part {
    /// The longest name that fits into so many characters, else as much of it as fits.
    fn label(&self, width: usize) -> &'static str {
        let [_, shorter] = self.names;
        let fitting = self.names.into_iter().find(|name| name.len() <= width);
        fitting.unwrap_or_else(|| shorter.get(..width).unwrap_or_default())
    }
}

/// The fields that have bits of their own, in the order of the wire.
fn leaves(fields: &'static [Field]) -> Vec<&'static Field> {
    let mut leaves: Vec<_> = fields.iter().filter(|field| field.kind != Kind::Group).collect();
    leaves.sort_by_key(|field| field.span.start_bits);
    leaves
}

fn variable_name(body: &Body) -> &'static str {
    match body {
        Body::Fields { .. } => "",
        Body::Octets { field, .. } | Body::Zeros { field } | Body::Text { field, .. } => field.name,
        Body::Items(items) => items.name,
        Body::Records(records) => records.name,
        Body::Quoted(quoted) => quoted.name,
    }
}

/// The line between two rows: no rule where a field goes on from one to the next.
fn rule(out: &mut String, above: &[usize], below: &[usize]) {
    let width = above.len().max(below.len());
    let is_ruled = |bit: usize| match (above.get(bit), below.get(bit)) {
        (None, None) => false,
        (above, below) => above != below,
    };
    let mut text = String::new();
    for bit in 0..=width {
        let before = bit.checked_sub(1).is_some_and(is_ruled);
        let is_edge = bit == 0 || bit == width;
        text.push(if before || is_ruled(bit) || is_edge { '+' } else { ' ' });
        text.push(if is_ruled(bit) { '-' } else { ' ' });
    }
    line(out, text.trim_end());
}

/// A row of fields, with the names that stand in it.
fn content(out: &mut String, row: &Row, index: usize, rows: &[Row]) {
    let mut text = String::new();
    let mut edge = '|';
    let mut from = 0usize;
    while let Some(owner) = row.owners.get(from) {
        let bits = row.owners.iter().skip(from).take_while(|other| *other == owner).count();
        let width = bits.saturating_mul(2).saturating_sub(1);
        let part = row.parts.iter().find(|(number, _)| number == owner).map(|(_, part)| part);
        let label =
            part.filter(|_| label_row(rows, *owner) == Some(index)).map_or("", |part| part.label(width));
        edge = if part.is_some_and(|part| part.is_variable) { ':' } else { '|' };
        text.push(edge);
        text.push_str(&format!("{label:^width$}"));
        from = from.saturating_add(bits);
    }
    text.push(edge);
    line(out, &text);
}

/// The row in which a part's name stands: the one where it has the most room, the middle one of several.
fn label_row(rows: &[Row], part: usize) -> Option<usize> {
    let room = |row: &Row| row.owners.iter().filter(|owner| **owner == part).count();
    let most = rows.iter().map(room).max().filter(|most| *most > 0)?;
    let widest: Vec<usize> = (0..rows.len()).filter(|row| rows.get(*row).map(room) == Some(most)).collect();
    widest.get(widest.len().saturating_sub(1) / 2).copied()
}

fn line(out: &mut String, text: &str) {
    out.push_str("  ");
    out.push_str(text);
    out.push('\n');
}

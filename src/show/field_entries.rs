//! The fields of a protocol as entries: full name, kind, and what there is to say.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt::Write;

use super::text::push_json_string;
use crate::proto::describe::{Body, Field, Items, Kind, Protocol, Records, Section, Style};
use crate::wire::value::Value;

/// One field, list, option or quoted packet.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its full name: `ip.options.rr.ptr`.
    pub(super) name: String,
    /// What it is written as.
    kind: String,
    /// What there is to say of it.
    notes: Vec<String>,
    /// Its named values, as they are written.
    values: Vec<(String, &'static str)>,
    /// The facts, for programs.
    facts: Facts,
    /// How deep it stands below others.
    depth: usize,
}

#[derive(Debug, Clone, Default)]
struct Facts {
    title: String,
    bits: Option<u32>,
    code: Option<u8>,
    default: Option<String>,
    is_computed: bool,
}

/// All entries of a protocol, in the order of the wire.
#[derive(Debug, Default)]
pub(super) struct Entries(Vec<Entry>);

impl Entries {
    /// The entries of a protocol.
    pub(super) fn of(protocol: &'static Protocol) -> Self {
        let mut entries = Self::default();
        entries.sections(protocol.name, &protocol.sections, 0);
        entries
    }

    /// The entries, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }

    /// Appends the entries that are wanted in columns, each with its notes and named values.
    pub(super) fn write(&self, out: &mut String, is_wanted: impl Fn(&Entry) -> bool) {
        let wanted: Vec<&Entry> = self.0.iter().filter(|entry| is_wanted(entry)).collect();
        let depth = wanted.iter().map(|entry| entry.depth).min().unwrap_or(0);
        let indent = |entry: &Entry| entry.depth.saturating_sub(depth).saturating_add(1).saturating_mul(2);
        let width =
            wanted.iter().map(|entry| indent(entry).saturating_add(entry.name.len())).max().unwrap_or(0);
        let kinds = wanted.iter().map(|entry| entry.kind.len()).max().unwrap_or(0);
        for entry in wanted {
            let name = format!("{:indent$}{}", "", entry.name, indent = indent(entry));
            let _ = write!(out, "{name:width$}  {:kinds$}  ", entry.kind);
            let margin = width.saturating_add(kinds).saturating_add(4);
            let notes = entry.notes.join("; ");
            push_wrapped(out, notes.split(' '), " ", margin);
            if !entry.values.is_empty() {
                let _ = write!(out, "{:margin$}", "");
                let values: Vec<String> =
                    entry.values.iter().map(|(value, name)| format!("{value} {name}")).collect();
                push_wrapped(out, values.iter().map(String::as_str), ", ", margin);
            }
        }
    }

    /// Appends the entries as a JSON list.
    pub(super) fn write_json(&self, out: &mut String) {
        out.push('[');
        for (at, entry) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            entry.write_json(out);
        }
        out.push(']');
    }

    fn sections(&mut self, path: &str, sections: &'static [Section], depth: usize) {
        for section in sections {
            match &section.body {
                Body::Fields { fields, .. } => {
                    let mut group: Option<&Field> = None;
                    for field in fields {
                        let is_part = group.is_some_and(|group| group.holds(field));
                        self.field(path, field, depth.saturating_add(usize::from(is_part)));
                        group = if field.kind == Kind::Group { Some(field) } else { group };
                    }
                }
                Body::Octets { field, .. } => self.plain(path, field, "octets", depth),
                Body::Zeros { field } => self.plain(path, field, "number of zeros", depth),
                Body::Text { field, .. } => self.plain(path, field, &kind_of(field), depth),
                Body::Items(items) => self.items(path, items, depth),
                Body::Records(records) => self.records(path, records, depth),
                Body::Quoted(quoted) => {
                    let facts = Facts { title: quoted.title.to_owned(), ..Facts::default() };
                    self.add(joined(path, quoted.name), "layers", facts, depth);
                }
            }
        }
    }

    fn field(&mut self, path: &str, field: &'static Field, depth: usize) {
        let number = |value: u64| if field.hex { format!("0x{value:x}") } else { value.to_string() };
        let default = field.default.as_ref().map(|default| match default {
            Value::Uint(value) => number(*value),
            other => other.to_string(),
        });
        let facts = Facts {
            title: field.title.to_owned(),
            bits: Some(field.span.len_bits),
            code: None,
            default,
            is_computed: field.auto.is_some() || field.counts.is_some(),
        };
        let Some(entry) = self.add(joined(path, field.name), &kind_of(field), facts, depth) else { return };
        if field.scale > 1 {
            entry.notes.push(format!("a multiple of {}", field.scale));
        }
        if let Some(also) = field.also {
            entry.notes.push(format!("`{}` for values below {}", also.name, number(also.below)));
        }
        if !field.letters.is_empty() {
            entry.notes.push(format!("letters {}", field.letters));
        }
        entry.values = field.values.iter().map(|(value, name)| (number(*value), *name)).collect();
    }

    fn plain(&mut self, path: &str, field: &'static Field, kind: &str, depth: usize) {
        let facts = Facts { title: field.title.to_owned(), ..Facts::default() };
        self.add(joined(path, field.name), kind, facts, depth);
    }

    fn items(&mut self, path: &str, items: &'static Items, depth: usize) {
        let leaves: Vec<&Field> = items
            .item
            .iter()
            .filter_map(|section| match &section.body {
                Body::Fields { fields, .. } => Some(fields.as_slice()),
                Body::Text { field, .. } => Some(std::slice::from_ref(field)),
                _ => None,
            })
            .flatten()
            .collect();
        let kind = match items.style {
            Style::Scalar => {
                format!("list of {}", leaves.first().map_or(String::new(), |field| kind_of(field)))
            }
            Style::Tuple => {
                let names: Vec<&str> = leaves.iter().map(|field| field.name).collect();
                format!("list of [{}]", names.join(", "))
            }
            Style::Table => "list of tables".to_owned(),
        };
        let facts = Facts { title: items.title.to_owned(), ..Facts::default() };
        let name = joined(path, items.name);
        self.add(name.clone(), &kind, facts, depth);
        if items.style == Style::Table {
            self.sections(&name, &items.item, depth.saturating_add(1));
        }
    }

    fn records(&mut self, path: &str, records: &'static Records, depth: usize) {
        let name = joined(path, records.name);
        let facts = Facts { title: records.title.to_owned(), ..Facts::default() };
        if let Some(entry) = self.add(name.clone(), "list of options", facts, depth) {
            entry.notes.push(format!("others as `unknown` with {} and data", records.dialect.code_name));
        }
        for record in &records.records {
            let name = joined(&name, record.name);
            let kind = format!("{} {}", records.dialect.code_name, record.code);
            let facts = Facts { title: record.title.to_owned(), code: Some(record.code), ..Facts::default() };
            self.add(name.clone(), &kind, facts, depth.saturating_add(1));
            self.sections(&name, &record.sections, depth.saturating_add(2));
        }
    }

    /// Adds an entry; `None` when one form of the header had it already.
    fn add(&mut self, name: String, kind: &str, facts: Facts, depth: usize) -> Option<&mut Entry> {
        if self.0.iter().any(|entry| entry.name == name && entry.kind == kind) {
            return None;
        }
        let mut notes = vec![facts.title.clone()];
        match (&facts.default, facts.is_computed) {
            (Some(default), true) => notes.push(format!("computed, else {default}")),
            (None, true) => notes.push("computed".to_owned()),
            (Some(default), false) => notes.push(format!("{default} unless written")),
            (None, false) => {}
        }
        self.0.push(Entry { name, kind: kind.to_owned(), notes, values: Vec::new(), facts, depth });
        self.0.last_mut()
    }
}

impl Entry {
    fn write_json(&self, out: &mut String) {
        out.push_str("{\"name\":");
        push_json_string(out, &self.name);
        out.push_str(",\"kind\":");
        push_json_string(out, &self.kind);
        out.push_str(",\"title\":");
        push_json_string(out, &self.facts.title);
        if let Some(bits) = self.facts.bits {
            let _ = write!(out, ",\"bits\":{bits}");
        }
        if let Some(code) = self.facts.code {
            let _ = write!(out, ",\"code\":{code}");
        }
        if let Some(default) = &self.facts.default {
            out.push_str(",\"default\":");
            push_json_string(out, default);
        }
        let _ = write!(out, ",\"computed\":{}", self.facts.is_computed);
        if !self.values.is_empty() {
            out.push_str(",\"values\":{");
            for (at, (value, name)) in self.values.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_json_string(out, value);
                out.push(':');
                push_json_string(out, name);
            }
            out.push('}');
        }
        out.push('}');
    }
}

fn joined(path: &str, name: &str) -> String {
    if name.is_empty() { path.to_owned() } else { format!("{path}.{name}") }
}

fn kind_of(field: &Field) -> String {
    match field.kind {
        Kind::Uint => match field.span.len_bits {
            1 => "1 bit".to_owned(),
            bits => format!("{bits} bits"),
        },
        Kind::Bool => "1 bit".to_owned(),
        Kind::Mac => "MAC address".to_owned(),
        Kind::Ipv4 => "IPv4 address".to_owned(),
        Kind::Ipv6 => "IPv6 address".to_owned(),
        Kind::Octets => format!("{} octets", field.span.len_bits / 8),
        Kind::Name => "domain name".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Group => format!("{} bits, group", field.span.len_bits),
    }
}

/// Appends pieces in lines no longer than a page is wide, those after the first behind `margin` blanks.
fn push_wrapped<'p>(out: &mut String, pieces: impl Iterator<Item = &'p str>, between: &str, margin: usize) {
    let room = PAGE.saturating_sub(margin).max(24);
    let mut used = 0usize;
    for piece in pieces {
        let width = piece.chars().count();
        if used > 0 {
            out.push_str(between.trim_end());
            match used.saturating_add(between.len()).saturating_add(width) > room {
                true => {
                    let _ = write!(out, "\n{:margin$}", "");
                    used = 0;
                }
                false => {
                    out.push(' ');
                    used = used.saturating_add(between.len());
                }
            }
        }
        out.push_str(piece);
        used = used.saturating_add(width);
    }
    out.push('\n');
}

/// Characters in a line.
const PAGE: usize = 110;

//! A packet as a TOML spec that builds to the same octets.

use std::fmt::Write;

use super::quoted::push_quoted;
use crate::packet::{Layer, Node, Packet};
use crate::proto::data;
use crate::proto::describe::{Body, Kind, Protocol};
use crate::wire::value::Value;

/// Appends a packet as a `[[packet]]` of a spec: a layer a line, and in it the fields that the packet has. A packet from
/// [`unbuild_shortest`](crate::packet::unbuild::unbuild_shortest) is told by as few as it needs. Slots of generators, which
/// only packets of a template that were not filled have, are left out.
pub fn write_toml(packet: &Packet, out: &mut String) {
    out.push_str("[[packet]]\nlayers = [\n");
    for layer in &packet.layers {
        out.push_str("  ");
        push_layer(layer, out);
        out.push_str(",\n");
    }
    out.push_str("]\n");
    if !packet.trailer.is_empty() {
        out.push_str("trailer = ");
        push_hex(&packet.trailer, out);
        out.push('\n');
    }
}

fn push_layer(layer: &Layer, out: &mut String) {
    let mut table = Table::open(out);
    table.key(layer.protocol.name);
    let mut fields = Table::open(table.out);
    let mut left = layer.fields.as_slice();
    while let Some(((name, node), rest)) = left.split_first() {
        left = match group_of(layer.protocol, name) {
            Some(group) => push_group(group, left, &mut fields),
            None => {
                push_field(layer, name, node, &mut fields);
                rest
            }
        };
    }
    if let Some(len) = layer.quoted_bytes {
        fields.key("quoted_bytes");
        let _ = write!(fields.out, "{len}");
    }
    fields.octets("quoted_trailer", &layer.quoted_trailer);
    fields.octets("trailer", &layer.trailer);
    if let Some(cut) = &layer.cut {
        fields.key("cut");
        let mut table = Table::open(fields.out);
        table.key("len");
        let _ = write!(table.out, "{}", cut.len);
        table.octets("rest", &cut.rest);
        table.close();
    }
    fields.close();
    table.close();
}

/// The group that a field is a part of.
fn group_of(protocol: &Protocol, name: &str) -> Option<&'static str> {
    let (first, _) = name.rsplit_once('.')?;
    protocol.sections.iter().find_map(|section| match &section.body {
        Body::Fields { fields, .. } => {
            let mut groups = fields.iter().filter(|field| field.kind == Kind::Group);
            groups.find(|field| field.name == first).map(|field| field.name)
        }
        _ => None,
    })
}

/// Writes the parts of a group that stand one behind the other as a table of their own; returns the fields behind them.
fn push_group<'f>(group: &str, fields: &'f [(String, Node)], out: &mut Table<'_>) -> &'f [(String, Node)] {
    let part = |name: &'f str| name.strip_prefix(group).and_then(|name| name.strip_prefix('.'));
    let parts = fields.iter().take_while(|(name, _)| part(name).is_some()).count();
    let (parts, rest) = fields.split_at_checked(parts).unwrap_or((fields, &[]));
    out.key(group);
    let mut table = Table::open(out.out);
    for (name, node) in parts {
        if let Some(name) = part(name).filter(|_| !matches!(node, Node::Slot(_))) {
            table.key(name);
            push_node(node, table.out);
        }
    }
    table.close();
    rest
}

fn push_field(layer: &Layer, name: &str, node: &Node, fields: &mut Table<'_>) {
    match node {
        Node::Slot(_) => {}
        Node::Value(Value::Octets(octets)) if layer.protocol.name == data::NAME => match printable(octets) {
            Some(text) => {
                fields.key("text");
                push_text(text, fields.out);
            }
            None => {
                fields.key(name);
                push_hex(octets, fields.out);
            }
        },
        node => {
            fields.key(name);
            push_node(node, fields.out);
        }
    }
}

fn push_node(node: &Node, out: &mut String) {
    match node {
        Node::Value(value) => push_value(value, out),
        Node::Table(entries) => match entries.as_slice() {
            // An option without a body is just its name.
            [(name, Node::Table(nothing))] if nothing.is_empty() => push_text(name, out),
            entries => {
                let mut table = Table::open(out);
                for (name, node) in entries {
                    table.key(name);
                    push_node(node, table.out);
                }
                table.close();
            }
        },
        Node::List(nodes) => push_list(nodes, out, push_node),
        Node::Layers(layers) => push_list(layers, out, push_layer),
        Node::Auto(by) => _ = write!(out, "\"auto{by:+}\""),
        Node::Slot(_) | Node::Woven(_) => out.push_str("\"auto\""),
    }
}

fn push_list<T>(list: &[T], out: &mut String, push: fn(&T, &mut String)) {
    out.push('[');
    for (index, item) in list.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        push(item, out);
    }
    out.push(']');
}

fn push_value(value: &Value, out: &mut String) {
    if matches!(value, Value::Name(_) | Value::Text(_)) {
        return push_text(&value.to_string(), out);
    }
    let quotes = !matches!(value, Value::Uint(_) | Value::Bool(_));
    if quotes {
        out.push('"');
    }
    let _ = write!(out, "{value}");
    if quotes {
        out.push('"');
    }
}

fn push_hex(octets: &[u8], out: &mut String) {
    out.push('"');
    out.push_str(&hex::encode(octets));
    out.push('"');
}

/// The octets as text, when people can read it: printable ASCII and line ends.
pub(super) fn printable(octets: &[u8]) -> Option<&str> {
    let is_printable = |octet: &u8| matches!(octet, b' '..=b'~' | b'\n' | b'\r' | b'\t');
    let text = std::str::from_utf8(octets).ok()?;
    (!octets.is_empty() && octets.iter().all(is_printable)).then_some(text)
}

/// A basic string (TOML 1.1, "String").
fn push_text(text: &str, out: &mut String) {
    push_quoted(text, out, |out, number| {
        let _ = write!(out, "\\U{number:08X}");
    });
}

/// An inline table that is being written.
struct Table<'o> {
    out: &'o mut String,
    is_empty: bool,
}

impl<'o> Table<'o> {
    fn open(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, is_empty: true }
    }

    fn key(&mut self, name: &str) {
        self.out.push_str(if self.is_empty { " " } else { ", " });
        self.is_empty = false;
        let is_bare = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'_' | b'-');
        if name.bytes().all(is_bare) && !name.is_empty() {
            self.out.push_str(name);
        } else {
            push_text(name, self.out);
        }
        self.out.push_str(" = ");
    }

    fn octets(&mut self, name: &str, octets: &[u8]) {
        if !octets.is_empty() {
            self.key(name);
            push_hex(octets, self.out);
        }
    }

    fn close(self) {
        self.out.push_str(if self.is_empty { "}" } else { " }" });
    }
}

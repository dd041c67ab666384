//! A packet as a one-line expression that builds to the same octets.

use std::fmt::Write;

use super::quoted::push_quoted;
use super::write_toml::printable;
use crate::packet::{Layer, Node, Packet};
use crate::proto::data;
use crate::wire::value::Value;

/// Appends a packet as an expression, on one line without its end. It has the fields that the packet has; slots of
/// generators, which only packets of a template that were not filled have, are left out.
pub fn write_expression(packet: &Packet, out: &mut String) {
    push_layers(&packet.layers, out);
    if !packet.trailer.is_empty() {
        out.push_str(", trailer=");
        push_hex(&packet.trailer, out);
    }
}

fn push_layers(layers: &[Layer], out: &mut String) {
    for (index, layer) in layers.iter().enumerate() {
        if index > 0 {
            out.push('/');
        }
        push_layer(layer, out);
    }
}

fn push_layer(layer: &Layer, out: &mut String) {
    if let Some(text) = text_of(layer) {
        return push_text(text, out);
    }
    out.push_str(layer.protocol.name);
    let mut list = List::open(out, '(');
    for (name, node) in &layer.fields {
        if !matches!(node, Node::Slot(_)) {
            push_entry(name, node, &mut list);
        }
    }
    if let Some(len) = layer.quoted_bytes {
        let _ = write!(list.named("quoted_bytes"), "{len}");
    }
    list.octets("quoted_trailer", &layer.quoted_trailer);
    list.octets("trailer", &layer.trailer);
    if let Some(cut) = &layer.cut {
        let mut table = List::open(list.named("cut"), '{');
        let _ = write!(table.named("len"), "{}", cut.len);
        table.octets("rest", &cut.rest);
        table.close('}');
    }
    list.close(')');
}

/// A payload that people can read, and that is nothing but its octets.
fn text_of(layer: &Layer) -> Option<&str> {
    match layer.fields.as_slice() {
        [(_, Node::Value(Value::Octets(octets)))] if layer.protocol.name == data::NAME => {
            printable(octets).filter(|_| layer.trailer.is_empty() && layer.cut.is_none())
        }
        _ => None,
    }
}

/// Appends `name=value`, or the name alone where nothing is said about it.
fn push_entry(name: &str, node: &Node, list: &mut List<'_>) {
    match node {
        Node::Value(Value::Bool(true)) => push_name(name, list.next()),
        node => push_node(node, list.named(name)),
    }
}

fn push_node(node: &Node, out: &mut String) {
    match node {
        Node::Value(value) => push_value(value, out),
        Node::Table(entries) => {
            let mut table = List::open(out, '{');
            entries.iter().for_each(|(name, node)| push_entry(name, node, &mut table));
            table.close('}');
        }
        Node::List(nodes) => {
            let mut list = List::open(out, '[');
            nodes.iter().for_each(|node| push_item(node, &mut list));
            list.close(']');
        }
        // A text at the beginning would be taken for a value, and nothing for a missing one.
        Node::Layers(layers) if layers.first().is_none_or(|first| text_of(first).is_some()) => {
            let mut list = List::open(out, '[');
            layers.iter().for_each(|layer| push_layer(layer, list.next()));
            list.close(']');
        }
        Node::Layers(layers) => push_layers(layers, out),
        Node::Auto(by) => _ = write!(out, "auto{by:+}"),
        Node::Slot(_) | Node::Woven(_) => out.push_str("auto"),
    }
}

/// An item of a list: an option is `name=value`, and one without a body just its name.
fn push_item(node: &Node, list: &mut List<'_>) {
    match node {
        Node::Table(entries) => match entries.as_slice() {
            [(name, Node::Table(nothing))] if nothing.is_empty() => push_name(name, list.next()),
            [(name, node)] => push_node(node, list.named(name)),
            _ => push_node(node, list.next()),
        },
        node => push_node(node, list.next()),
    }
}

fn push_value(value: &Value, out: &mut String) {
    match value {
        Value::Octets(octets) => push_hex(octets, out),
        Value::Name(_) | Value::Text(_) => push_text(&value.to_string(), out),
        value => _ = write!(out, "{value}"),
    }
}

fn push_hex(octets: &[u8], out: &mut String) {
    if octets.is_empty() {
        out.push_str("\"\"");
    }
    out.push_str(&hex::encode(octets));
}

fn push_name(name: &str, out: &mut String) {
    out.push_str(name);
}

/// A text in quotes.
fn push_text(text: &str, out: &mut String) {
    push_quoted(text, out, |out, number| {
        let _ = write!(out, "\\u{{{number:x}}}");
    });
}

/// Something between brackets that is being written.
struct List<'o> {
    out: &'o mut String,
    is_empty: bool,
}

impl<'o> List<'o> {
    fn open(out: &'o mut String, bracket: char) -> Self {
        out.push(bracket);
        Self { out, is_empty: true }
    }

    fn next(&mut self) -> &mut String {
        if !self.is_empty {
            self.out.push_str(", ");
        }
        self.is_empty = false;
        self.out
    }

    fn named(&mut self, name: &str) -> &mut String {
        let out = self.next();
        push_name(name, out);
        out.push('=');
        out
    }

    fn octets(&mut self, name: &str, octets: &[u8]) {
        if !octets.is_empty() {
            push_hex(octets, self.named(name));
        }
    }

    fn close(self, bracket: char) {
        self.out.push(bracket);
    }
}

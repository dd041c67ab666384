//! Packets as Python text that makes the same octets with scapy.
//!
//! What scapy computes the same is left to it, so that whoever changes a field needs not mend a checksum. What it has no
//! words for stands there as octets (`Raw`), with a comment that says what they are.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt::Write;

use super::scapy_names::{Class, IP_FLAGS, TCP_FLAGS, TCP_OPTIONS, class_of, is_bound};
use super::value::{push_hex, push_hex_number, push_uint, push_value};
use crate::packet::Packet;
use crate::packet::unbuild::{Keep, next_of_chain, unbuild};
use crate::packet::walk::{Event, walk_layer};
use crate::proto::data;
use crate::proto::describe::{Body, Protocol, Records};
use crate::proto::registry;
use crate::wire::layers::{LayerEntry, LayerState, LayerTable};
use crate::wire::record::RawShape;
use crate::wire::value::{Value, ValueRef};

/// Appends what stands before the first packet.
pub fn begin(out: &mut String) {
    out.push_str("from scapy.all import *\n\npackets = []\n");
}

/// Appends a packet of these octets and layers.
pub fn packet(out: &mut String, octets: &[u8], table: &LayerTable) {
    let mut writer = Writer::new(octets, table);
    out.push_str("packets.append(\n");
    for place in 0..writer.chain.len() {
        writer.layer(out, place);
    }
    let Packet { layers, trailer } = &writer.chosen;
    let trailers: Vec<&[u8]> = layers.iter().rev().map(|layer| layer.trailer.as_slice()).collect();
    for octets in trailers.into_iter().chain([trailer.as_slice()]).filter(|octets| !octets.is_empty()) {
        out.push_str("    / ");
        // Padding is not counted by the layers below it, as a trailer of the link is not.
        push_bytes_as(out, if writer.is_explicit { "Raw" } else { "Padding" }, octets);
        out.push('\n');
    }
    out.push_str(")\n");
}

struct Writer<'a> {
    octets: &'a [u8],
    table: &'a LayerTable,
    /// The packet without the computed fields that are as they are computed.
    chosen: Packet,
    /// The layers that are not quoted, as indexes into the table.
    chain: Vec<usize>,
    /// Leave nothing to scapy, which knows no trailers inside.
    is_explicit: bool,
    /// The layer below the one that is written is an IP header whose parts scapy knows.
    is_above_ip: bool,
}

/// The arguments of a class, as far as they are found.
#[derive(Default)]
struct Found {
    arguments: String,
    /// Something that the class has no words for.
    is_beyond: bool,
    /// Something that makes the pseudo header another.
    is_special: bool,
}

impl<'a> Writer<'a> {
    fn new(octets: &'a [u8], table: &'a LayerTable) -> Self {
        let first = if table.entries().is_empty() { None } else { Some(0) };
        let chain: Vec<usize> = std::iter::successors(first, |index| next_of_chain(table, *index)).collect();
        let chosen = unbuild(octets, table, Keep::Chosen);
        let is_explicit =
            chosen.layers.iter().any(|layer| !layer.trailer.is_empty() && !layer.protocol.is_link);
        Self { octets, table, chosen, chain, is_explicit, is_above_ip: false }
    }

    fn entry(&self, place: usize) -> LayerEntry {
        let index = self.chain.get(place).copied().unwrap_or_default();
        self.table.entries().get(index).copied().unwrap_or_default()
    }

    fn layer(&mut self, out: &mut String, place: usize) {
        let entry = self.entry(place);
        let protocol: &'static Protocol = registry().get(entry.protocol);
        out.push_str(if place == 0 { "    " } else { "    / " });
        let header = self.octets.get(entry.start as usize..entry.header_end as usize).unwrap_or_default();
        let known = class_of(protocol.name, self.kind(&entry, protocol));
        let found = known.and_then(|class| {
            let found = self.found(place, class, protocol);
            let is_whole = entry.state == LayerState::Whole && header.len() >= class.len;
            (is_whole && !found.is_beyond).then_some((class, found))
        });
        match found {
            Some((class, mut found)) => {
                let rest = if class.len > 0 { header.get(class.len..).unwrap_or_default() } else { &[] };
                if let (Some(argument), false) = (class.rest, rest.is_empty()) {
                    argument_of(&mut found.arguments, argument);
                    push_bytes(&mut found.arguments, rest);
                }
                let _ = writeln!(out, "{}({})", class.class, found.arguments);
                if class.rest.is_none() && !rest.is_empty() {
                    out.push_str("    / ");
                    push_bytes_as(out, "Raw", rest);
                    out.push('\n');
                }
                self.is_above_ip = matches!(class.layer, "ip" | "ipv6") && !found.is_special;
            }
            None => {
                push_bytes_as(out, "Raw", header);
                if protocol.name != data::NAME {
                    let _ = write!(out, "  # {}", protocol.name);
                }
                out.push('\n');
                self.is_above_ip = false;
            }
        }
    }

    /// What its field `type` says, of a header that may have several forms.
    fn kind(&self, entry: &LayerEntry, protocol: &'static Protocol) -> Option<u64> {
        let mut kind = None;
        walk_layer(self.octets, entry, protocol, &mut |event| {
            if let Event::Field { field, value: ValueRef::Uint(number), .. } = event
                && field.name == "type"
            {
                kind = kind.or(Some(number));
            }
        });
        kind
    }

    /// The arguments for a layer's fields.
    fn found(&self, place: usize, class: &Class, protocol: &'static Protocol) -> Found {
        let entry = self.entry(place);
        let fixed_end = entry.start.saturating_add(u32::try_from(class.len).unwrap_or(u32::MAX)) as usize;
        let (mut found, mut depth, mut groups) = (Found::default(), 0usize, Vec::new());
        walk_layer(self.octets, &entry, protocol, &mut |event| match event {
            Event::Open { shape: crate::packet::walk::Shape::Group, .. } => groups.push(depth),
            Event::Open { name, ref octets, .. } => {
                if depth == 0 && (class.len == 0 || octets.start < fixed_end) {
                    self.options(&mut found, class, protocol, name, octets.clone());
                }
                depth = depth.saturating_add(1);
            }
            Event::Close if groups.last() == Some(&depth) => _ = groups.pop(),
            Event::Close => depth = depth.saturating_sub(1),
            Event::Field { field, value, ref octets, .. } if depth == 0 => {
                if class.len > 0 && octets.start >= fixed_end {
                    return;
                }
                let names = class.fields.iter().find(|(ours, ..)| *ours == field.name);
                match names {
                    Some((_, "", _)) => {}
                    Some((_, scapy, default)) => {
                        if self.is_left_to_scapy(place, class, field.auto.is_some(), field.name) {
                            return;
                        }
                        let number =
                            as_number(value).map(|number| number.checked_div(field.scale).unwrap_or(0));
                        found.is_special |= matches!(field.name, "len" | "plen");
                        if number.is_some() && number == *default {
                            return;
                        }
                        argument_of(&mut found.arguments, scapy);
                        let letters = number.and_then(|number| letters_of(class, scapy, number));
                        match letters {
                            Some(letters) => _ = write!(found.arguments, "\"{letters}\""),
                            None => push_argument(&mut found.arguments, value, number, field.hex),
                        }
                    }
                    // A part of a group is in its number.
                    None if is_part(class, field.name) => {}
                    None => found.is_beyond = true,
                }
            }
            Event::Quoted { .. } if depth == 0 && class.len > 0 => {}
            Event::Field { .. } | Event::Loose { .. } if depth > 0 => {}
            _ => found.is_beyond = true,
        });
        found
    }

    /// Whether scapy computes a field as it is here.
    fn is_left_to_scapy(&self, place: usize, class: &Class, is_computed: bool, name: &str) -> bool {
        let layer = self.chosen.layers.get(place);
        let is_written = layer.is_none_or(|layer| layer.get(name).is_some());
        if !is_computed || is_written || self.is_explicit {
            return false;
        }
        if name == class.next {
            let next = self.chosen.layers.get(place.saturating_add(1));
            return next.is_some_and(|next| {
                is_bound(class.layer, next.protocol.name) && self.has_class(place.saturating_add(1))
            });
        }
        match name {
            "checksum" => !class.is_transport || self.is_above_ip,
            "hdr_len" | "len" | "plen" | "length" => true,
            _ => false,
        }
    }

    /// Whether a layer is written by its class, as far as its header tells.
    fn has_class(&self, place: usize) -> bool {
        let entry = self.entry(place);
        let protocol = registry().get(entry.protocol);
        entry.state == LayerState::Whole
            && class_of(protocol.name, self.kind(&entry, protocol))
                .is_some_and(|class| !self.found(place, class, protocol).is_beyond)
    }

    /// The argument for a list of options.
    fn options(
        &self,
        found: &mut Found,
        class: &Class,
        protocol: &'static Protocol,
        name: &str,
        at: std::ops::Range<usize>,
    ) {
        let octets = self.octets.get(at).unwrap_or_default();
        if octets.is_empty() {
            return;
        }
        found.is_special = true;
        if !class.fields.iter().any(|(ours, ..)| *ours == name) {
            found.is_beyond = true;
            return;
        }
        if class.layer != "tcp" {
            argument_of(&mut found.arguments, name);
            push_bytes_as(&mut found.arguments, "[Raw", octets);
            found.arguments.push(']');
            return;
        }
        match records(protocol, name).and_then(|records| tcp_options(records, octets)) {
            Some(list) => {
                argument_of(&mut found.arguments, name);
                found.arguments.push_str(&list);
            }
            None => found.is_beyond = true,
        }
    }
}

fn is_part(class: &Class, name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(group, _)| class.fields.iter().any(|(ours, ..)| *ours == group))
}

fn records(protocol: &'static Protocol, name: &str) -> Option<&'static Records> {
    protocol.sections.iter().find_map(|section| match &section.body {
        Body::Records(records) if records.name == name => Some(records),
        _ => None,
    })
}

/// A list of TCP options, if scapy makes the same octets of it.
fn tcp_options(records: &'static Records, octets: &[u8]) -> Option<String> {
    let mut list = String::from("[");
    let mut made = Vec::new();
    for record in records.dialect.walk(octets) {
        let (code, body) = match record.shape {
            RawShape::Single(code) => {
                made.push(code);
                (code, &[][..])
            }
            RawShape::Whole { code, body } => {
                made.extend([code, records.dialect.length_octet(body.len())]);
                made.extend_from_slice(body);
                (code, body)
            }
            // Zeros behind the end are filled up by scapy too.
            RawShape::Rest(rest) if rest.iter().all(|octet| *octet == 0) => break,
            RawShape::Lying { .. } | RawShape::Rest(_) => return None,
        };
        push_tcp_option(&mut list, records, code, body);
    }
    made.resize(made.len().next_multiple_of(4), 0);
    list.push(']');
    (made == octets).then_some(list)
}

fn push_tcp_option(list: &mut String, records: &'static Records, code: u8, body: &[u8]) {
    if list.len() > 1 {
        list.push_str(", ");
    }
    let name = records.records.iter().find(|record| record.code == code).map(|record| record.name);
    let scapy = TCP_OPTIONS.iter().find(|(ours, _)| Some(*ours) == name).map(|(_, scapy)| *scapy);
    let numbers: Option<Vec<u64>> = match (scapy, body) {
        (Some("MSS"), [high, low]) => Some(vec![u64::from(u16::from_be_bytes([*high, *low]))]),
        (Some("WScale"), [shift]) => Some(vec![u64::from(*shift)]),
        (Some("SAck" | "Timestamp"), body) if !body.is_empty() && body.len().is_multiple_of(8) => {
            let words = body.as_chunks::<4>().0.iter();
            Some(words.map(|word| u64::from(u32::from_be_bytes(*word))).collect())
        }
        _ => None,
    };
    match (scapy, numbers.as_deref()) {
        (Some(name @ ("EOL" | "NOP")), _) => _ = write!(list, "(\"{name}\", None)"),
        (Some("SAckOK"), _) if body.is_empty() => list.push_str("(\"SAckOK\", b\"\")"),
        (Some("Timestamp"), Some(numbers)) if numbers.len() != 2 => push_plain_option(list, code, body),
        (Some(name), Some([one])) => _ = write!(list, "(\"{name}\", {one})"),
        (Some(name), Some(numbers)) => {
            let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
            let _ = write!(list, "(\"{name}\", ({}))", numbers.join(", "));
        }
        _ => push_plain_option(list, code, body),
    }
}

fn push_plain_option(list: &mut String, code: u8, body: &[u8]) {
    let _ = write!(list, "({code}, ");
    push_bytes(list, body);
    list.push(')');
}

/// Flags as scapy writes them: a letter each, or names between `+`.
fn letters_of(class: &Class, field: &str, number: u64) -> Option<String> {
    let (names, between) = match (class.class, field) {
        ("TCP", "flags") => (TCP_FLAGS, ""),
        ("IP", "flags") => (IP_FLAGS, "+"),
        _ => return None,
    };
    let set = names.iter().enumerate().filter(|(bit, _)| {
        number.checked_shr(u32::try_from(*bit).unwrap_or(64)).is_some_and(|rest| rest & 1 == 1)
    });
    let set: Vec<&str> = set.map(|(_, name)| *name).collect();
    (!set.is_empty()).then(|| set.join(between))
}

fn as_number(value: ValueRef<'_>) -> Option<u64> {
    match value {
        ValueRef::Uint(number) => Some(number),
        ValueRef::Bool(bit) => Some(u64::from(bit)),
        _ => None,
    }
}

fn argument_of(arguments: &mut String, name: &str) {
    if !arguments.is_empty() {
        arguments.push_str(", ");
    }
    arguments.push_str(name);
    arguments.push('=');
}

fn push_argument(out: &mut String, value: ValueRef<'_>, number: Option<u64>, is_hex: bool) {
    match (number, value.to_value()) {
        (Some(number), _) if is_hex => push_hex_number(out, number, 1),
        (Some(number), _) => push_uint(out, number),
        (None, Value::Octets(octets)) => push_bytes(out, &octets),
        (None, _) => {
            out.push('"');
            push_value(out, value);
            out.push('"');
        }
    }
}

fn push_bytes_as(out: &mut String, class: &str, octets: &[u8]) {
    out.push_str(class);
    out.push('(');
    push_bytes(out, octets);
    out.push(')');
}

/// A literal of octets: as text where people can read it.
fn push_bytes(out: &mut String, octets: &[u8]) {
    let is_plain = |octet: &u8| matches!(octet, b' '..=b'~' | b'\n' | b'\r' | b'\t');
    if !octets.iter().all(is_plain) {
        out.push_str("bytes.fromhex(\"");
        push_hex(out, octets);
        out.push_str("\")");
        return;
    }
    out.push_str("b\"");
    for octet in octets {
        // All of these escapes are also Python's.
        octet.escape_ascii().for_each(|letter| out.push(char::from(letter)));
    }
    out.push('"');
}

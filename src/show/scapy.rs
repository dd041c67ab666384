//! Packets as Python text that makes the same octets with scapy.
//!
//! What scapy computes the same is left to it, so that whoever changes a field needs not mend a checksum. What it has no
//! words for stands there as octets (`Raw`), with a comment that says what they are.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt::Write;

use super::scapy_arguments::{
    argument_of, as_number, number_of, push_bytes, push_bytes_as, push_formed, without_zeros,
};
use super::scapy_names::{
    Class, IP_FLAGS, Name, TCP_FLAGS, TCP_OPTIONS, class_of, is_bound, sets_defaults_below,
};
use super::scapy_questions::questions;
use crate::packet::Packet;
use crate::packet::unbuild::{Keep, next_of_chain, unbuild};
use crate::packet::walk::{Event, walk_layer};
use crate::proto::data;
use crate::proto::describe::{Body, Field, Protocol, Records};
use crate::proto::registry;
use crate::wire::layers::{LayerEntry, LayerState, LayerTable};
use crate::wire::record::RawShape;
use crate::wire::value::ValueRef;

/// Appends what stands before the first packet.
pub fn begin(out: &mut String) {
    out.push_str(IMPORTS);
    out.push_str("\npackets = []\n");
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
    /// Those of the class behind it, where the header is two to scapy.
    behind: String,
    /// Something that the class has no words for.
    is_beyond: bool,
    /// Something that makes the pseudo header another.
    is_special: bool,
}

/// What is left to scapy of a field.
#[derive(Clone, Copy)]
struct Left {
    /// It computes the same.
    is_computed: bool,
    /// Its default counts.
    is_default: bool,
}

impl<'a> Writer<'a> {
    fn new(octets: &'a [u8], table: &'a LayerTable) -> Self {
        let first = if table.entries().is_empty() { None } else { Some(0) };
        let chain: Vec<usize> = std::iter::successors(first, |index| next_of_chain(table, *index)).collect();
        let chosen = unbuild(octets, table, Keep::Chosen);
        // Inside a tunnel a trailer of the link, too, is counted by what carries it.
        let is_explicit = chosen
            .layers
            .iter()
            .skip_while(|layer| layer.protocol.is_link)
            .any(|layer| !layer.trailer.is_empty());
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
                let mut rest = if class.len > 0 { header.get(class.len..).unwrap_or_default() } else { &[] };
                if class.has_questions {
                    let asked = questions(self.octets, &entry, protocol);
                    let (list, end) = asked.unwrap_or_else(|| {
                        ("[]".to_owned(), (entry.start as usize).saturating_add(class.len))
                    });
                    argument_of(&mut found.arguments, "qd");
                    found.arguments.push_str(&list);
                    rest = self.octets.get(end..entry.header_end as usize).unwrap_or_default();
                }
                // scapy fills chunks up itself, also where their padding was left out.
                if let Some(argument) = class.rest
                    && !rest.is_empty()
                    && (!class.is_padded || rest.len().is_multiple_of(4))
                {
                    argument_of(&mut found.arguments, argument);
                    push_bytes(&mut found.arguments, rest);
                    rest = &[];
                }
                let _ = writeln!(out, "{}({})", class.class, found.arguments);
                if let Some((behind, _)) = class.behind.filter(|_| !rest.is_empty()) {
                    let _ = writeln!(out, "    / {behind}({})", found.behind);
                    rest = &[];
                }
                if !rest.is_empty() {
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
        found.arguments.push_str(class.constant);
        let next = self.chosen.layers.get(place.saturating_add(1));
        let is_default = !next.is_some_and(|next| sets_defaults_below(next.protocol.name));
        let below = place.checked_sub(1).and_then(|place| self.chosen.layers.get(place));
        found.is_beyond =
            !class.below.is_empty() && below.is_none_or(|layer| layer.get(class.below).is_none());
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
                let is_behind = class.len > 0 && octets.start >= fixed_end;
                let names = match (is_behind, class.behind) {
                    (true, None) => return,
                    (true, Some((_, names))) => names,
                    (false, _) => class.fields,
                };
                let is_computed = self.is_left_to_scapy(place, class, field.auto.is_some(), field.name);
                let mut is_known = false;
                for name in names.iter().filter(|(ours, ..)| *ours == field.name) {
                    found.is_special |= !is_computed && matches!(field.name, "len" | "plen");
                    let arguments = if is_behind { &mut found.behind } else { &mut found.arguments };
                    let left = Left { is_computed, is_default };
                    found.is_beyond |= !Self::field(arguments, class, name, field, value, left);
                    is_known = true;
                }
                // A part of a group is in its number.
                found.is_beyond |= !is_known && !is_part(class, field.name);
            }
            Event::Quoted { .. } if depth == 0 && class.len > 0 => {}
            Event::Field { .. } | Event::Loose { .. } if depth > 0 => {}
            _ => found.is_beyond = true,
        });
        found
    }

    /// Writes the argument for a field; tells whether there is one that says what the field does.
    fn field(
        arguments: &mut String,
        class: &Class,
        (_, scapy, default): &Name,
        field: &Field,
        value: ValueRef<'_>,
        left: Left,
    ) -> bool {
        let (scapy, form) = scapy.split_once(':').unwrap_or((scapy, ""));
        let number = as_number(value).map(|number| number.checked_div(field.scale).unwrap_or(0));
        match (scapy, form) {
            ("", _) => return true,
            ("only", _) => return number.or_else(|| number_of(value)) == *default,
            (_, "vxlan") if number.is_none_or(|flags| flags & VXLAN_LONGER == VXLAN_LONGER) => return false,
            (_, "zeros") if without_zeros(value).is_empty() => return true,
            (_, "always") => {}
            _ if left.is_computed => return true,
            _ if left.is_default && number.is_some() && number == *default => return true,
            _ => {}
        }
        argument_of(arguments, scapy);
        match number.and_then(|number| letters_of(class, scapy, number)) {
            Some(letters) => _ = write!(arguments, "\"{letters}\""),
            None => push_formed(arguments, form, value, number, field.hex),
        }
        true
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
            "hdr_len" | "len" | "plen" | "length" | "payload_length" => true,
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

/// With both flags, that of a group policy and that of a next protocol, scapy's header has both fields, and is longer
/// (secdev/scapy, `layers/vxlan.py`).
const VXLAN_LONGER: u64 = 0x84;

/// What stands at the beginning of each text: `scapy.all` has no words of `scapy.contrib`.
const IMPORTS: &str = "from fractions import Fraction
from scapy.all import *
from scapy.contrib.geneve import GENEVE
from scapy.contrib.igmp import IGMP
from scapy.contrib.mpls import MPLS
";

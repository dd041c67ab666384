//! Texts of payloads that tell fields of the packet: `{ text = "from ${ip.src}" }`.
//!
//! What a field is may depend on the text (a length does), so the packet is built again until the text stays the same.

use super::Spec;
use super::mistake::Mistake;
use super::template::Template;
use super::told::text_of_octets;
use super::{Diagnostic, SpecError};
use crate::filter::field::{About, FieldName, NamedValue};
use crate::packet::build::{Built, build};
use crate::packet::check::Dissected;
use crate::packet::{Layer, Node, Packet, Part};
use crate::wire::value::Value;

/// Whether a packet has texts that tell fields.
pub(super) fn has_woven(packet: &Packet) -> bool {
    any_woven(&packet.layers)
}

fn any_woven(layers: &[Layer]) -> bool {
    layers.iter().flat_map(|layer| &layer.fields).any(|(_, node)| match node {
        Node::Woven(_) => true,
        Node::Layers(layers) => any_woven(layers),
        _ => false,
    })
}

/// Builds a packet, and puts its texts in their places.
pub(super) fn build_woven(spec: &Spec, template: &Template, packet: &mut Packet) -> Result<Built, SpecError> {
    let error = |mistake| {
        let diagnostics = vec![Diagnostic { at: template.place(), mistake }];
        SpecError { source: spec.source.clone(), diagnostics }
    };
    let mut told: Option<Built> = None;
    for _ in 0..MOST_ROUNDS {
        let mut woven = packet.clone();
        for layer in &mut woven.layers {
            weave(layer, told.as_ref()).map_err(error)?;
        }
        let built = build(&woven).map_err(|error| spec.build_error(template, &woven, error))?;
        if told.is_some_and(|told| told.octets == built.octets) {
            *packet = woven;
            return Ok(built);
        }
        told = Some(built);
    }
    Err(error(Mistake::Restless))
}

/// Puts a layer's texts together, with what the fields are in `told`; empty texts before anything is told.
fn weave(layer: &mut Layer, told: Option<&Built>) -> Result<(), Mistake> {
    for (_, node) in &mut layer.fields {
        match node {
            Node::Woven(parts) => {
                let mut octets = Vec::new();
                for part in parts.iter() {
                    match part {
                        Part::Octets(text) => octets.extend_from_slice(text),
                        Part::Field(name) => {
                            octets.extend(
                                told.map(|told| text_of(name, told)).transpose()?.unwrap_or_default(),
                            );
                        }
                        Part::Slot(_) => {}
                    }
                }
                *node = Node::Value(Value::Octets(octets));
            }
            Node::Layers(layers) => layers.iter_mut().try_for_each(|layer| weave(layer, told))?,
            _ => {}
        }
    }
    Ok(())
}

/// A field's value in a packet: of several the first.
fn text_of(name: &str, built: &Built) -> Result<Vec<u8>, Mistake> {
    let missing = || Mistake::FieldMissing { name: name.to_owned() };
    let field = FieldName::new(name).map_err(|_| missing())?;
    let dissected = Dissected { octets: &built.octets, table: &built.table, wire_len: built.octets.len() };
    let mut text = None;
    field.values(&dissected, &About::default(), &mut |value, _| {
        if text.is_none() {
            text = Some(match value {
                NamedValue::Number(number) => number.to_string().into_bytes(),
                NamedValue::Octets(octets) => text_of_octets(field.kind(), octets),
            });
        }
    });
    text.ok_or_else(missing)
}

/// A length settles as soon as its digits do.
const MOST_ROUNDS: usize = 8;

//! What the extensions of an ICMP error tell of the hop (RFC 4884): MPLS labels (RFC 4950), and others as they are.

use crate::wire::layers::LayerEntry;
use crate::wire::value::ValueRef;

use super::fields::items;

/// An object of an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extension {
    /// The labels that the probe came in with, outermost first.
    Mpls(Vec<Label>),
    /// Something else.
    Other {
        /// Its class.
        class: u8,
        /// Its type within the class.
        ctype: u8,
        /// Its data.
        data: Vec<u8>,
    },
}

/// An entry of a label stack (RFC 3032 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Label {
    /// The label.
    pub label: u32,
    /// Traffic class.
    pub exp: u8,
    /// It is the last one.
    pub is_bottom: bool,
    /// Time to live.
    pub ttl: u8,
}

/// The objects of an ICMP message.
pub(super) fn extensions(octets: &[u8], message: &LayerEntry) -> Vec<Extension> {
    let mut objects: Vec<(u64, u64, Extension)> = Vec::new();
    let mut head = (0, 0);
    items(octets, message, "ext.objects", &mut |name, value| match (name, value) {
        ("length", _) => head = (0, 0),
        ("class", ValueRef::Uint(class)) => head.0 = class,
        ("ctype", ValueRef::Uint(ctype)) => {
            head.1 = ctype;
            if objects.len() < MOST_OBJECTS {
                objects.push((head.0, ctype, other(head)));
            }
        }
        (name, value) => {
            if let Some((.., object)) = objects.last_mut() {
                note(object, name, value);
            }
        }
    });
    objects.into_iter().map(|(.., object)| object).collect()
}

/// More of them are left out: a message has room for many empty ones.
const MOST_OBJECTS: usize = 16;

fn other((class, ctype): (u64, u64)) -> Extension {
    let octet = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
    Extension::Other { class: octet(class), ctype: octet(ctype), data: Vec::new() }
}

/// Adds a field to the object that it stands in.
fn note(object: &mut Extension, name: &str, value: ValueRef<'_>) {
    match (name, value) {
        ("label", ValueRef::Uint(label)) => {
            let label = Label { label: u32::try_from(label).unwrap_or_default(), ..Label::default() };
            match object {
                Extension::Mpls(labels) => labels.push(label),
                _ => *object = Extension::Mpls(vec![label]),
            }
        }
        ("exp" | "s" | "ttl", value) => {
            let Extension::Mpls(labels) = object else { return };
            let Some(last) = labels.last_mut() else { return };
            match (name, value) {
                ("exp", ValueRef::Uint(exp)) => last.exp = u8::try_from(exp).unwrap_or_default(),
                ("s", ValueRef::Bool(is_bottom)) => last.is_bottom = is_bottom,
                ("ttl", ValueRef::Uint(ttl)) => last.ttl = u8::try_from(ttl).unwrap_or_default(),
                _ => {}
            }
        }
        ("data", ValueRef::Octets(octets)) => {
            if let Extension::Other { data, .. } = object {
                data.extend_from_slice(octets);
            }
        }
        _ => {}
    }
}

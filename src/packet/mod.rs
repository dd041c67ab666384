//! A packet: built from a description, dissected by it, written back as a spec.
//!
//! Dissecting ([`dissect`](dissect::dissect)) finds the layers' boundaries and allocates nothing; a field is read from the
//! octets when someone asks ([`walk`]). An owned [`Packet`] exists only for building and editing, and
//! `build(unbuild(octets)) == octets` holds for all octets.
#![deny(clippy::arithmetic_side_effects)]

pub mod build;
pub mod check;
pub mod contradictions;
pub mod dissect;
pub mod edit;
pub(crate) mod encode;
mod encode_options;
pub mod expert;
mod fit;
pub mod fragment;
pub mod identity;
#[cfg(test)]
pub(crate) mod laws;
mod measure;
pub mod pattern;
mod pending;
mod read_field;
pub mod unbuild;
mod visitor;
pub mod walk;

use crate::proto::describe::Protocol;
use crate::wire::frame::LinkType;
use crate::wire::value::Value;

/// A packet as a spec describes it: layers, outermost first, with the fields that somebody wrote.
#[derive(Debug, Clone, Default)]
pub struct Packet {
    /// The layers, outermost first.
    pub layers: Vec<Layer>,
    /// Octets behind the outermost layer.
    pub trailer: Vec<u8>,
}

/// One layer of a [`Packet`].
#[derive(Debug, Clone)]
pub struct Layer {
    /// Its protocol.
    pub protocol: &'static Protocol,
    /// The fields that somebody wrote; all others are computed or have their default.
    pub fields: Vec<(String, Node)>,
    /// Octets behind the payload that still belong to this layer (Ethernet padding).
    pub trailer: Vec<u8>,
    /// Where the header ends before its time.
    pub cut: Option<Cut>,
    /// For a layer that quotes a packet: how many octets of it.
    pub quoted_bytes: Option<usize>,
    /// Octets behind the quoted packet, up to the end of the quotation.
    pub quoted_trailer: Vec<u8>,
}

/// A header, or an item of a list in it, that ends early, because the capture or whoever quoted the packet cut it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Octets of it that are there.
    pub len: usize,
    /// The last of them, which are too few for the field that they belong to.
    pub rest: Vec<u8>,
}

impl Cut {
    /// Ends what stands from `start` on, to the end of `octets`.
    pub(crate) fn apply(&self, octets: &mut Vec<u8>, start: usize) {
        octets.resize(start.saturating_add(self.len), 0);
        let rest_at = octets.len().saturating_sub(self.rest.len());
        if let Some(rest) = octets.get_mut(rest_at..).filter(|rest| rest.len() == self.rest.len()) {
            rest.copy_from_slice(&self.rest);
        }
    }

    /// As it stands in an item: a table.
    pub(crate) fn into_node(self) -> Node {
        let len = Value::Uint(u64::try_from(self.len).unwrap_or(u64::MAX));
        Node::Table(vec![
            ("len".to_owned(), Node::Value(len)),
            ("rest".to_owned(), Node::Value(Value::Octets(self.rest))),
        ])
    }

    /// The other direction of [`Cut::into_node`].
    pub(crate) fn of_node(node: &Node) -> Option<Self> {
        let Node::Table(parts) = node else { return None };
        let (Some(Node::Value(Value::Uint(len))), Some(Node::Value(Value::Octets(rest)))) =
            (find(parts, "len"), find(parts, "rest"))
        else {
            return None;
        };
        Some(Self { len: usize::try_from(*len).ok()?, rest: rest.clone() })
    }
}

/// What somebody wrote into a field.
#[derive(Debug, Clone)]
pub enum Node {
    /// A value.
    Value(Value),
    /// Fields of an item or an option.
    Table(Vec<(String, Node)>),
    /// A list of items or options; or of the values of an item's fields.
    List(Vec<Node>),
    /// A quoted packet.
    Layers(Vec<Layer>),
    /// What is computed, and so much more or less: a length that is wrong by 4, whatever the length is.
    Auto(i64),
    /// Octets that are put together before building.
    Woven(Vec<Part>),
    /// A place that a generator fills before building.
    Slot(usize),
}

/// A part of [`Node::Woven`].
#[derive(Debug, Clone)]
pub enum Part {
    /// Octets as they are.
    Octets(Vec<u8>),
    /// The value of a field of the packet as text, by its full name: `ip.src`.
    Field(String),
    /// A place that a generator fills with its value as text.
    Slot(usize),
}

impl Layer {
    /// A layer of which nobody wrote anything yet.
    pub fn new(protocol: &'static Protocol) -> Self {
        Self {
            protocol,
            fields: Vec::new(),
            trailer: Vec::new(),
            cut: None,
            quoted_bytes: None,
            quoted_trailer: Vec::new(),
        }
    }

    /// Writes a value into a field. Building says so when there is no such field.
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.fields.push((name.to_owned(), Node::Value(value)));
        self
    }

    /// What somebody wrote into the field.
    pub fn get(&self, name: &str) -> Option<&Node> {
        find(&self.fields, name)
    }
}

/// The last thing that somebody wrote under `name`.
pub(crate) fn find<'a>(fields: &'a [(String, Node)], name: &str) -> Option<&'a Node> {
    fields.iter().rev().find(|(key, _)| key == name).map(|(_, node)| node)
}

/// The link type of packets whose outermost layer is `protocol`; `None` for what never is outermost in a capture.
pub fn link_type_of(protocol: &Protocol) -> Option<LinkType> {
    let edge = protocol.edges.iter().find(|edge| edge.table == crate::proto::LINK_TYPE)?;
    u32::try_from(edge.key).ok().map(LinkType)
}

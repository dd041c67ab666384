//! Reading headers by the names of their fields.

use std::net::IpAddr;

use crate::packet::walk::{Event, Shape, walk_layer};
use crate::proto::describe::{Auto, Kind};
use crate::proto::registry;
use crate::wire::layers::LayerEntry;
use crate::wire::value::{Value, ValueRef};

/// A field as it stands in a header, or an option without fields.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::exchange) struct Told {
    /// Its name without the layer's.
    pub(in crate::exchange) name: String,
    /// Its value; `None` for an option that has none.
    pub(in crate::exchange) value: Option<Value>,
    /// It is a checksum.
    pub(in crate::exchange) is_checksum: bool,
}

/// The number in a field of a header.
pub(in crate::exchange) fn number(octets: &[u8], entry: &LayerEntry, name: &str) -> Option<u64> {
    match value(octets, entry, name)? {
        Value::Uint(number) => Some(number),
        Value::Bool(bit) => Some(u64::from(bit)),
        _ => None,
    }
}

/// The address in a field of a header.
pub(in crate::exchange) fn address(octets: &[u8], entry: &LayerEntry, name: &str) -> Option<IpAddr> {
    match value(octets, entry, name)? {
        Value::Ipv4(address) => Some(address.into()),
        Value::Ipv6(address) => Some(address.into()),
        _ => None,
    }
}

fn value(octets: &[u8], entry: &LayerEntry, name: &str) -> Option<Value> {
    let mut found = None;
    walk_layer(octets, entry, registry().get(entry.protocol), &mut |event| {
        if let Event::Field { field, value, .. } = event
            && field.name == name
            && found.is_none()
        {
            found = Some(value.to_value());
        }
    });
    found
}

/// All fields of a header, in the order of the wire: those that are made of others only by these, options by their names.
pub(in crate::exchange) fn all(octets: &[u8], entry: &LayerEntry) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    // What is open: its name, how many were told before it, and whether it is an option or an item.
    let mut open: Vec<(String, usize, Shape)> = Vec::new();
    walk_layer(octets, entry, registry().get(entry.protocol), &mut |event| match event {
        Event::Open { name, shape, .. } => open.push((name.to_owned(), told.len(), shape)),
        Event::Close => {
            let path = path(&open, "");
            if let Some((name, before, shape)) = open.pop()
                && told.len() == before
                && matches!(shape, Shape::Table | Shape::Single)
                && !name.is_empty()
            {
                told.push(Told { name: path, value: None, is_checksum: false });
            }
        }
        Event::Field { field, .. } if field.kind == Kind::Group => {}
        Event::Field { field, value, .. } => {
            let is_single = matches!(open.last(), Some((_, _, Shape::Single)));
            let name = path(&open, if is_single { "" } else { field.name });
            let is_checksum = matches!(field.auto, Some(Auto::Checksum(..)));
            told.push(Told { name, value: Some(value.to_value()), is_checksum });
        }
        Event::Loose { name, value, .. } => {
            told.push(Told { name: path(&open, name), value: Some(value.to_value()), is_checksum: false });
        }
        Event::Quoted { .. } | Event::Cut { .. } => {}
    });
    told
}

/// The name of something within what is open. The parts of a group have their full names.
fn path(open: &[(String, usize, Shape)], name: &str) -> String {
    let outer = open.iter().filter(|(_, _, shape)| *shape != Shape::Group).map(|(name, ..)| name.as_str());
    let parts: Vec<&str> = outer.chain([name]).filter(|part| !part.is_empty()).collect();
    parts.join(".")
}

/// A label, or what else stands in the items of a list: each item's fields.
pub(super) fn items(octets: &[u8], entry: &LayerEntry, list: &str, tell: &mut dyn FnMut(&str, ValueRef<'_>)) {
    let mut depth = 0usize;
    let mut within = None;
    walk_layer(octets, entry, registry().get(entry.protocol), &mut |event| match event {
        Event::Open { name, .. } => {
            depth = depth.saturating_add(1);
            if name == list {
                within = Some(depth);
            }
        }
        Event::Close => {
            if within == Some(depth) {
                within = None;
            }
            depth = depth.saturating_sub(1);
        }
        Event::Field { field, value, .. } if within.is_some() => tell(field.name, value),
        _ => {}
    });
}

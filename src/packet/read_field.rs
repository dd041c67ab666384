//! A field's value, read from the octets of its section.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::proto::describe::{Field, Kind};
use crate::wire::value::ValueRef;

/// Reads a field of a section; `None` when it was not captured whole.
pub fn read_field<'a>(field: &Field, section: &'a [u8]) -> Option<ValueRef<'a>> {
    let octets = || section.get(field.span.octets());
    Some(match field.kind {
        Kind::Uint | Kind::Group => ValueRef::Uint(field.span.read(section)?.saturating_mul(field.scale)),
        Kind::Bool => ValueRef::Bool(field.span.read(section)? != 0),
        Kind::Mac => ValueRef::Mac(*octets()?.first_chunk()?),
        Kind::Ipv4 => ValueRef::Ipv4(Ipv4Addr::from(*octets()?.first_chunk::<4>()?)),
        Kind::Ipv6 => {
            let mut address = [0; 16];
            let there = octets()?;
            address.get_mut(..there.len())?.copy_from_slice(there);
            ValueRef::Ipv6(Ipv6Addr::from(address))
        }
        Kind::Octets => ValueRef::Octets(octets()?),
        // These have no fixed place.
        Kind::Name | Kind::Text => return None,
    })
}

/// Whether a value is what a field without a default is built as.
pub fn is_zero(value: &ValueRef<'_>) -> bool {
    match value {
        ValueRef::Uint(n) => *n == 0,
        ValueRef::Bool(b) => !*b,
        ValueRef::Mac(mac) => *mac == [0; 6],
        ValueRef::Ipv4(address) => address.is_unspecified(),
        ValueRef::Ipv6(address) => address.is_unspecified(),
        ValueRef::Octets(octets) => octets.iter().all(|octet| *octet == 0),
        ValueRef::Name(name) => name.octets == [0],
        ValueRef::Text(text) => text.is_empty(),
    }
}

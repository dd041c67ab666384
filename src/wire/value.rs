//! Values of fields, borrowed from a packet or owned by a spec, and their texts.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::domain_name::{NameRef, write_escaped};

/// A field's value as it stands in a packet: nothing is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueRef<'a> {
    /// A number.
    Uint(u64),
    /// A single bit.
    Bool(bool),
    /// A 48-bit MAC address.
    Mac([u8; 6]),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// Octets.
    Octets(&'a [u8]),
    /// A domain name.
    Name(NameRef<'a>),
    /// A character string, without its length octet.
    Text(&'a [u8]),
}

/// A field's value as a spec holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Uint(u64),
    /// A single bit.
    Bool(bool),
    /// A 48-bit MAC address.
    Mac([u8; 6]),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// Octets.
    Octets(Vec<u8>),
    /// A domain name, as it is on the wire.
    Name(Vec<u8>),
    /// A character string, without its length octet.
    Text(Vec<u8>),
}

impl ValueRef<'_> {
    /// An owned copy.
    pub fn to_value(self) -> Value {
        match self {
            Self::Uint(n) => Value::Uint(n),
            Self::Bool(b) => Value::Bool(b),
            Self::Mac(mac) => Value::Mac(mac),
            Self::Ipv4(address) => Value::Ipv4(address),
            Self::Ipv6(address) => Value::Ipv6(address),
            Self::Octets(octets) => Value::Octets(octets.to_vec()),
            Self::Name(name) => Value::Name(name.octets.to_vec()),
            Self::Text(text) => Value::Text(text.to_vec()),
        }
    }
}

impl Value {
    /// The same value, borrowed.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Uint(n) => ValueRef::Uint(*n),
            Self::Bool(b) => ValueRef::Bool(*b),
            Self::Mac(mac) => ValueRef::Mac(*mac),
            Self::Ipv4(address) => ValueRef::Ipv4(*address),
            Self::Ipv6(address) => ValueRef::Ipv6(*address),
            Self::Octets(octets) => ValueRef::Octets(octets),
            Self::Name(octets) => ValueRef::Name(NameRef { octets, message: &[] }),
            Self::Text(text) => ValueRef::Text(text),
        }
    }
}

/// The text that specs take back: decimal numbers, `true`/`false`, addresses in their usual form, octets as hex digits,
/// names and strings with what is not printable as `\DDD`.
impl fmt::Display for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uint(n) => write!(f, "{n}"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Mac([a, b, c, d, e, g]) => write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}"),
            Self::Ipv4(address) => write!(f, "{address}"),
            Self::Ipv6(address) => write!(f, "{address}"),
            Self::Octets(octets) => octets.iter().try_for_each(|octet| write!(f, "{octet:02x}")),
            Self::Name(name) => write!(f, "{name}"),
            Self::Text(text) => write_escaped(f, text, &['\\']),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

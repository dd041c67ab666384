//! What the extensions of an ICMP error tell of the hop (RFC 4884): MPLS labels (RFC 4950), interfaces
//! (RFC 5837), and others as they are.

use std::net::IpAddr;

use crate::wire::layers::LayerEntry;
use crate::wire::value::ValueRef;

use super::fields::items;

/// An object of an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extension {
    /// The labels that the probe came in with, outermost first.
    Mpls(Vec<Label>),
    /// An interface, or who is behind it.
    Interface(Interface),
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

/// An interface of the hop, or the next hop.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interface {
    /// What it is to the packet.
    pub role: Role,
    /// Its number.
    pub index: Option<u32>,
    /// Its address.
    pub address: Option<IpAddr>,
    /// Its name, which comes from outside and may hold anything.
    pub name: Option<String>,
    /// Its MTU in octets.
    pub mtu: Option<u32>,
}

/// What an interface is to the packet: the two uppermost bits of the object's type (RFC 5837 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// It came in by it.
    #[default]
    Incoming,
    /// The part of that one that it came in by.
    SubIp,
    /// It would have left by it.
    Outgoing,
    /// Whom it would have been handed to.
    NextHop,
}

impl Role {
    fn of(ctype: u64) -> Self {
        match ctype >> 6 {
            0 => Self::Incoming,
            1 => Self::SubIp,
            2 => Self::Outgoing,
            _ => Self::NextHop,
        }
    }

    /// Its name in lines and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::SubIp => "sub-ip",
            Self::Outgoing => "outgoing",
            Self::NextHop => "next-hop",
        }
    }
}

/// The objects of an ICMP message.
pub(super) fn extensions(octets: &[u8], message: &LayerEntry) -> Vec<Extension> {
    let mut objects: Vec<(u64, Extension)> = Vec::new();
    let mut class = 0;
    items(octets, message, "ext.objects", &mut |name, value| match (name, value) {
        ("class", ValueRef::Uint(number)) => class = number,
        ("ctype", ValueRef::Uint(ctype)) if objects.len() < MOST_OBJECTS => {
            objects.push((ctype, other(class, ctype)));
        }
        (name, value) => {
            if let Some((ctype, object)) = objects.last_mut() {
                match name.strip_prefix("int_info.") {
                    Some(name) => note_interface(object, *ctype, name, value),
                    None => note(object, name, value),
                }
            }
        }
    });
    objects.into_iter().map(|(_, object)| object).collect()
}

/// More of them are left out: a message has room for many empty ones.
const MOST_OBJECTS: usize = 16;

fn other(class: u64, ctype: u64) -> Extension {
    let octet = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
    Extension::Other { class: octet(class), ctype: octet(ctype), data: Vec::new() }
}

/// Adds a field of an interface to the object that it stands in.
fn note_interface(object: &mut Extension, ctype: u64, name: &str, value: ValueRef<'_>) {
    if !matches!(object, Extension::Interface(_)) {
        *object = Extension::Interface(Interface { role: Role::of(ctype), ..Interface::default() });
    }
    let Extension::Interface(interface) = object else { return };
    match (name, value) {
        ("index", ValueRef::Uint(index)) => interface.index = u32::try_from(index).ok(),
        ("ipv4", ValueRef::Ipv4(address)) => interface.address = Some(address.into()),
        ("ipv6", ValueRef::Ipv6(address)) => interface.address = Some(address.into()),
        ("mtu", ValueRef::Uint(mtu)) => interface.mtu = u32::try_from(mtu).ok(),
        ("name", ValueRef::Text(name)) => {
            let name = String::from_utf8_lossy(name);
            interface.name = Some(name.trim_end_matches('\0').to_owned());
        }
        _ => {}
    }
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

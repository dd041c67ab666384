//! The questions of DNS in scapy's words.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt::Write;

use super::scapy_arguments::as_number;
use crate::packet::walk::{Event, walk_layer};
use crate::proto::describe::Protocol;
use crate::wire::layers::LayerEntry;
use crate::wire::value::ValueRef;

/// The questions of a message as a list, and the offset in the packet where they end. `None` where scapy would write other octets:
/// of pointers, and of names that are no host names.
pub(super) fn questions(
    octets: &[u8],
    entry: &LayerEntry,
    protocol: &'static Protocol,
) -> Option<(String, usize)> {
    let (mut list, mut end, mut depth) = (String::from("["), None, 0usize);
    let mut is_plain = true;
    walk_layer(octets, entry, protocol, &mut |event| match event {
        Event::Open { name: "qry", ref octets, .. } if depth == 0 => {
            (end, depth) = (Some(octets.end), 1);
        }
        Event::Open { .. } if depth > 0 => depth = depth.saturating_add(1),
        Event::Close if depth == 2 => {
            list.push(')');
            depth = 1;
        }
        Event::Close => depth = depth.saturating_sub(1),
        Event::Field { field, value: value @ ValueRef::Name(_), .. }
            if depth == 2 && field.name == "name" =>
        {
            let name = value.to_value().to_string();
            is_plain &= name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter));
            let _ = write!(list, "{}DNSQR(qname=\"{name}\"", if list.len() > 1 { ", " } else { "" });
        }
        Event::Field { field, value, .. } if depth == 2 => match (field.name, as_number(value)) {
            ("type", Some(number)) => _ = write!(list, ", qtype={number}"),
            ("class", Some(1)) | ("qu", Some(0)) => {}
            // With another bit of mDNS, or as one number.
            ("class", Some(number)) if number < 0x8000 => _ = write!(list, ", qclass={number}"),
            ("qu", Some(_)) => list.push_str(", unicastresponse=1"),
            _ => is_plain = false,
        },
        Event::Loose { .. } if depth > 0 => is_plain = false,
        _ => {}
    });
    list.push(']');
    is_plain.then_some((list, end?))
}

//! Values as Python has them.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt::Write;

use super::value::{push_hex, push_hex_number, push_uint, push_value};
use crate::wire::value::{Value, ValueRef};

/// Begins an argument.
pub(super) fn argument_of(arguments: &mut String, name: &str) {
    if !arguments.is_empty() {
        arguments.push_str(", ");
    }
    arguments.push_str(name);
    arguments.push('=');
}

/// The value as a number, where it is one.
pub(super) fn as_number(value: ValueRef<'_>) -> Option<u64> {
    match value {
        ValueRef::Uint(number) => Some(number),
        ValueRef::Bool(bit) => Some(u64::from(bit)),
        _ => None,
    }
}

/// A number that octets stand for, in the order of the network.
pub(super) fn number_of(value: ValueRef<'_>) -> Option<u64> {
    let Value::Octets(octets) = value.to_value() else { return as_number(value) };
    let significant = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len());
    let octets = octets.get(significant..).filter(|octets| octets.len() <= 8)?;
    Some(octets.iter().fold(0, |number: u64, octet| number.wrapping_shl(8) | u64::from(*octet)))
}

/// Octets without the zeros at their end, which scapy fills up.
pub(super) fn without_zeros(value: ValueRef<'_>) -> Vec<u8> {
    let Value::Octets(mut octets) = value.to_value() else { return Vec::new() };
    let end = octets.iter().rposition(|octet| *octet != 0).map_or(0, |last| last.saturating_add(1));
    octets.truncate(end);
    octets
}

/// A value in the form that the field's class wants; see [`Name`](super::scapy_names::Name).
pub(super) fn push_formed(
    out: &mut String,
    form: &str,
    value: ValueRef<'_>,
    number: Option<u64>,
    is_hex: bool,
) {
    match (form, number) {
        ("zeros", _) => push_bytes(out, &without_zeros(value)),
        ("number", _) => push_uint(out, number_of(value).unwrap_or(0)),
        ("address", _) => {
            let [.., a, b, c, d] = number_of(value).unwrap_or(0).to_be_bytes();
            let _ = write!(out, "\"{a}.{b}.{c}.{d}\"");
        }
        ("vxlan", Some(flags)) => {
            push_argument(out, value, number, is_hex);
            // Scapy has a default of its own for what the flag announces: what the payload is.
            if flags & VXLAN_NEXT_PROTOCOL != 0 {
                out.push_str(", NextProtocol=0");
            }
        }
        ("octet", Some(number)) => push_bytes(out, number.to_be_bytes().get(7..).unwrap_or_default()),
        ("signed", Some(number)) => {
            let [.., last] = number.to_be_bytes();
            let _ = write!(out, "{}", last.cast_signed());
        }
        // A floating number has too few digits for 64 bits.
        ("fraction16", Some(number)) => _ = write!(out, "Fraction({number}, 1 << 16)"),
        ("fraction32", Some(number)) => _ = write!(out, "Fraction({number}, 1 << 32)"),
        _ => push_argument(out, value, number, is_hex),
    }
}

/// The flag by which scapy's VXLAN has the fields of VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe §3.1).
const VXLAN_NEXT_PROTOCOL: u64 = 0x04;

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

/// Octets as the argument of a class.
pub(super) fn push_bytes_as(out: &mut String, class: &str, octets: &[u8]) {
    out.push_str(class);
    out.push('(');
    push_bytes(out, octets);
    out.push(')');
}

/// A literal of octets: as text where people can read it.
pub(super) fn push_bytes(out: &mut String, octets: &[u8]) {
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

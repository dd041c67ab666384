//! Texts of values, appended digit by digit: `format!` for each field of each packet would take most of the time.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::wire::value::ValueRef;

/// Appends a value as specs and JSON write it, without quotes: decimal numbers, addresses in their usual form, octets as
/// hex digits.
pub fn push_value(out: &mut String, value: ValueRef<'_>) {
    match value {
        ValueRef::Uint(number) => push_uint(out, number),
        ValueRef::Bool(bit) => out.push_str(if bit { "true" } else { "false" }),
        ValueRef::Mac(mac) => push_mac(out, mac),
        ValueRef::Ipv4(address) => push_ipv4(out, address),
        ValueRef::Ipv6(address) => push_ipv6(out, address),
        ValueRef::Octets(octets) => push_hex(out, octets),
        ValueRef::Name(_) | ValueRef::Text(_) => push_text(out, value),
    }
}

/// Appends a decimal number.
pub fn push_uint(out: &mut String, number: u64) {
    let mut digits = [0u8; 20];
    let mut left = number;
    let mut first = digits.len();
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        *digit = decimal_digit(left);
        left /= 10;
        first = at;
        if left == 0 {
            break;
        }
    }
    out.push_str(digits.get(first..).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default());
}

/// Appends the last `width` (at most 20) decimal digits of a number, with leading zeros.
pub fn push_padded(out: &mut String, number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut left = number;
    for digit in digits.iter_mut().rev().take(width) {
        *digit = decimal_digit(left);
        left /= 10;
    }
    let first = digits.len().saturating_sub(width);
    out.push_str(digits.get(first..).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default());
}

/// Appends seconds since 1970 with nine decimals.
pub fn push_seconds(out: &mut String, nanoseconds: i64) {
    if nanoseconds < 0 {
        out.push('-');
    }
    let nanoseconds = nanoseconds.unsigned_abs();
    push_uint(out, nanoseconds / NANOSECONDS);
    out.push('.');
    push_padded(out, nanoseconds % NANOSECONDS, 9);
}

const NANOSECONDS: u64 = 1_000_000_000;

/// Appends octets as hex digits.
pub fn push_hex(out: &mut String, octets: &[u8]) {
    out.reserve(octets.len().saturating_mul(2));
    octets.iter().for_each(|octet| push_hex_octet(out, *octet));
}

/// Appends an octet as two hex digits.
pub fn push_hex_octet(out: &mut String, octet: u8) {
    out.push(hex_digit(octet >> 4));
    out.push(hex_digit(octet & 0x0f));
}

/// Appends `0x` and at least `width` hex digits of a number.
pub fn push_hex_number(out: &mut String, number: u64, width: usize) {
    // Writing into a `String` cannot fail.
    let _ = write!(out, "0x{number:0width$x}");
}

fn push_mac(out: &mut String, mac: [u8; 6]) {
    for (at, octet) in mac.into_iter().enumerate() {
        if at > 0 {
            out.push(':');
        }
        push_hex_octet(out, octet);
    }
}

fn push_ipv4(out: &mut String, address: Ipv4Addr) {
    for (at, octet) in address.octets().into_iter().enumerate() {
        if at > 0 {
            out.push('.');
        }
        push_uint(out, u64::from(octet));
    }
}

fn push_ipv6(out: &mut String, address: Ipv6Addr) {
    // Writing into a `String` cannot fail.
    let _ = write!(out, "{address}");
}

fn push_text(out: &mut String, value: ValueRef<'_>) {
    // Writing into a `String` cannot fail.
    let _ = write!(out, "{value}");
}

/// Appends a value for people: names with what their pointers point at, as they go on from there.
pub fn push_read(out: &mut String, value: ValueRef<'_>) {
    match value {
        // Writing into a `String` cannot fail.
        ValueRef::Name(name) => {
            let _ = name.write_whole(out);
        }
        other => push_value(out, other),
    }
}

fn decimal_digit(number: u64) -> u8 {
    b'0'.saturating_add(u8::try_from(number % 10).unwrap_or(0))
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_same_text_as_display(number: u64, octets: Vec<u8>, mac: [u8; 6], v4: [u8; 4], v6: [u8; 16]) {
            let values = [
                ValueRef::Uint(number),
                ValueRef::Uint(number % 300),
                ValueRef::Octets(&octets),
                ValueRef::Mac(mac),
                ValueRef::Ipv4(v4.into()),
                ValueRef::Ipv6(v6.into()),
            ];
            for value in values {
                let mut out = String::new();
                push_value(&mut out, value);
                prop_assert_eq!(out, value.to_string());
            }
            let mut out = String::new();
            push_padded(&mut out, number % 1_000_000_000, 9);
            prop_assert_eq!(out, format!("{:09}", number % 1_000_000_000));
        }
    }
}

//! Values of columns, as Wireshark writes them.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::value::{push_hex, push_hex_number, push_padded, push_uint};
use crate::filter::field::{NamedValue, Type};
use crate::proto::describe::Field;
use crate::stream::{Fact, FactKind};
use crate::wire::value::ValueRef;

/// Appends a value of this type, and of this field where it is one.
pub(super) fn push_value(out: &mut String, kind: Type, field: Option<&Field>, value: NamedValue<'_>) {
    match (value, kind) {
        (NamedValue::Number(time), Type::Time) => push_date(out, time),
        (NamedValue::Number(span), Type::Span) => push_seconds(out, span),
        (NamedValue::Number(number), _) => push_number(out, field, number),
        (NamedValue::Octets(octets), Type::Text) => out.push_str(&String::from_utf8_lossy(octets)),
        (NamedValue::Octets(octets), kind) => match address(kind, octets) {
            Some(address) => super::value::push_value(out, address),
            None => push_hex(out, octets),
        },
    }
}

fn address(kind: Type, octets: &[u8]) -> Option<ValueRef<'static>> {
    Some(match kind {
        Type::Mac => ValueRef::Mac(octets.try_into().ok()?),
        Type::Ipv4 => ValueRef::Ipv4(<[u8; 4]>::try_from(octets).ok()?.into()),
        Type::Ipv6 => ValueRef::Ipv6(<[u8; 16]>::try_from(octets).ok()?.into()),
        _ => return None,
    })
}

fn push_number(out: &mut String, field: Option<&Field>, number: i128) {
    // A length in the place of a type is no code.
    let is_code =
        |field: &&Field| field.hex && field.also.is_none_or(|also| number >= i128::from(also.below));
    match (u64::try_from(number), field.filter(is_code)) {
        // Wireshark keeps a field in 8, 16, 24, 32 or 64 bits, and shows all of them.
        (Ok(number), Some(field)) => {
            let octets = match field.span.len_bits.div_ceil(8) {
                octets @ 0..=4 => octets,
                _ => 8,
            };
            push_hex_number(out, number, usize::try_from(octets).unwrap_or(1).saturating_mul(2));
        }
        (Ok(number), None) => push_uint(out, number),
        // Writing into a `String` cannot fail.
        (Err(_), _) => _ = write!(out, "{number}"),
    }
}

fn push_seconds(out: &mut String, nanoseconds: i128) {
    match i64::try_from(nanoseconds) {
        Ok(nanoseconds) => super::json::push_seconds(out, nanoseconds),
        Err(_) => _ = write!(out, "{nanoseconds}e-9"),
    }
}

/// Appends the value of a fact.
pub(super) fn push_fact(out: &mut String, fact: Fact, value: i64) {
    match fact.description().kind {
        FactKind::Span => push_seconds(out, i128::from(value)),
        FactKind::Number | FactKind::Frame | FactKind::Flag => {
            // Writing into a `String` cannot fail.
            let _ = write!(out, "{value}");
        }
    }
}

/// Appends a date as Wireshark writes it: `Nov  4, 2023 22:13:20.123456789 UTC`.
fn push_date(out: &mut String, time: i128) {
    // Times of captures are within it.
    let time = i64::try_from(time).unwrap_or(i64::MAX);
    let second = time.div_euclid(NANOSECONDS);
    // All seconds of an i64 of nanoseconds are within jiff's range.
    let civil = Timestamp::from_second(second).unwrap_or_default().to_zoned(TimeZone::UTC);
    // Writing into a `String` cannot fail.
    let _ = write!(out, "{}.", civil.strftime("%b %e, %Y %H:%M:%S"));
    push_padded(out, time.rem_euclid(NANOSECONDS).unsigned_abs(), 9);
    out.push_str(" UTC");
}

const NANOSECONDS: i64 = 1_000_000_000;

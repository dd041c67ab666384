//! Values of columns, as Wireshark writes them.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Meta;
use super::json::push_seconds;
use super::value::{push_hex_number, push_padded, push_uint};
use crate::packet::check::{ChecksumStatus, Dissected};
use crate::proto::describe::Field;
use crate::wire::value::ValueRef;

/// What the capture knows of a packet, by Wireshark's names.
pub const FRAME_FIELDS: [&str; 9] = [
    "frame.number",
    "frame.time",
    "frame.time_epoch",
    "frame.time_relative",
    "frame.time_delta",
    "frame.len",
    "frame.cap_len",
    "frame.interface_name",
    "frame.comment",
];

/// Appends what the capture knows; `since` are the times since the first packet and since the one before.
pub(super) fn frame_value(
    out: &mut String,
    name: &str,
    meta: &Meta<'_>,
    dissected: &Dissected<'_>,
    [since_first, since_last]: [Option<i64>; 2],
) {
    let uint = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    match (name, meta.time) {
        ("frame.number", _) => push_uint(out, meta.number),
        ("frame.len", _) => push_uint(out, uint(dissected.wire_len)),
        ("frame.cap_len", _) => push_uint(out, uint(dissected.octets.len())),
        ("frame.interface_name", _) => out.push_str(meta.interface.unwrap_or_default()),
        ("frame.comment", _) => out.push_str(meta.comment.unwrap_or_default()),
        ("frame.time_epoch", Some(time)) => push_seconds(out, time),
        ("frame.time_relative", _) => since_first.into_iter().for_each(|since| push_seconds(out, since)),
        ("frame.time_delta", _) => since_last.into_iter().for_each(|since| push_seconds(out, since)),
        ("frame.time", Some(time)) => push_date(out, time),
        _ => {}
    }
}

/// Appends a date as Wireshark writes it: `Nov  4, 2023 22:13:20.123456789 UTC`.
fn push_date(out: &mut String, time: i64) {
    let second = time.div_euclid(NANOSECONDS);
    // All seconds of an i64 of nanoseconds are within jiff's range.
    let civil = Timestamp::from_second(second).unwrap_or_default().to_zoned(TimeZone::UTC);
    // Writing into a `String` cannot fail.
    let _ = write!(out, "{}.", civil.strftime("%b %e, %Y %H:%M:%S"));
    push_padded(out, time.rem_euclid(NANOSECONDS).unsigned_abs(), 9);
    out.push_str(" UTC");
}

/// Appends the value of a field.
pub(super) fn push_value(out: &mut String, field: Option<&Field>, value: ValueRef<'_>) {
    match (value, field) {
        (ValueRef::Bool(bit), _) => out.push(if bit { '1' } else { '0' }),
        // Wireshark keeps a field in 8, 16, 24, 32 or 64 bits, and shows all of them.
        (ValueRef::Uint(number), Some(field)) if field.hex => {
            let octets = match field.span.len_bits.div_ceil(8) {
                octets @ 0..=4 => octets,
                _ => 8,
            };
            push_hex_number(out, number, usize::try_from(octets).unwrap_or(1).saturating_mul(2));
        }
        (value, _) => super::value::push_value(out, value),
    }
}

/// Appends the number that Wireshark has for a verdict.
pub(super) fn push_status(out: &mut String, status: ChecksumStatus) {
    out.push(char::from(b'0'.saturating_add(status.number())));
}

const NANOSECONDS: i64 = 1_000_000_000;

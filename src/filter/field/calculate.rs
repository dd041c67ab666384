//! Calculations with values. What has no result, such as a division by zero, has no value.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::program::Datum;
use super::syntax::MathOperator;
use super::types::Type;
use crate::wire::value::ValueRef;

/// The result of a calculation; numbers are exact.
pub(super) fn calculate<'e>(
    left: &Datum<'_>,
    operator: MathOperator,
    right: &Datum<'_>,
) -> Option<Datum<'e>> {
    let (left, right) = match (left, right) {
        (Datum::Number(left), Datum::Number(right)) => (*left, *right),
        (Datum::Octets(left), Datum::Octets(right)) if operator == MathOperator::BitAnd => {
            // As in Wireshark, a mask has as many octets as what it is for.
            let masked = left.iter().zip(right.iter()).map(|(octet, mask)| octet & mask).collect();
            return (left.len() == right.len()).then_some(Datum::Octets(Cow::Owned(masked)));
        }
        _ => return None,
    };
    let number = match operator {
        MathOperator::BitAnd => Some(left & right),
        MathOperator::Plus => left.checked_add(right),
        MathOperator::Minus => left.checked_sub(right),
        MathOperator::Times => left.checked_mul(right),
        MathOperator::Divide => left.checked_div(right),
        MathOperator::Remainder => left.checked_rem(right),
    };
    number.map(Datum::Number)
}

/// A value as text: numbers in decimal, addresses in their usual form, times in seconds.
pub(super) fn text_of<'e>(datum: &Datum<'_>, kind: Type) -> Datum<'e> {
    let text = match (datum, kind) {
        (Datum::Number(nanoseconds), Type::Span | Type::Time) => seconds(*nanoseconds),
        (Datum::Number(number), _) => number.to_string(),
        (Datum::Octets(octets), _) => address(octets, kind).unwrap_or_else(|| hex::encode(octets)),
    };
    Datum::Octets(Cow::Owned(text.into_bytes()))
}

fn address(octets: &[u8], kind: Type) -> Option<String> {
    Some(match kind {
        Type::Mac => ValueRef::Mac(octets.try_into().ok()?).to_string(),
        Type::Ipv4 => Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?).to_string(),
        Type::Ipv6 => Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).to_string(),
        _ => return None,
    })
}

fn seconds(nanoseconds: i128) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let whole = nanoseconds.unsigned_abs();
    format!("{sign}{}.{:09}", whole / NANOSECONDS, whole % NANOSECONDS)
}

const NANOSECONDS: u128 = 1_000_000_000;

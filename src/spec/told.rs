//! Values that packets tell which came or were sent before: `ack = "reply.tcp.seq + 1"`.

use super::generator::Make;
use crate::filter::field::{About, Calculation, Outcome, Type};
use crate::wire::domain_name::name_of_text;
use crate::wire::value::Value;

/// A value that is told by other packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) calculation: Calculation,
    /// The largest number that fits; behind it comes 0, as in TCP's sequence numbers.
    pub(super) last: u64,
}

/// A value that no packet tells, with the calculation as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` cannot be told: the packet that it is about did not come, or has no such field, or no such value fits here"
)]
pub struct Untold {
    /// The calculation.
    pub text: String,
}

impl Told {
    /// The value; `None` where the packets do not tell it.
    pub(super) fn value(&self, make: Make, about: &About<'_>) -> Option<Value> {
        let outcome = self.calculation.outcome(about)?;
        let octets = match outcome {
            Outcome::Number(number) => return Some(make.of_number(u128::from(self.wrapped(number)))),
            Outcome::Octets(octets) => octets,
        };
        Some(match make {
            Make::Mac => Value::Mac(octets.try_into().ok()?),
            Make::Ipv4 => Value::Ipv4(<[u8; 4]>::try_from(octets).ok()?.into()),
            Make::Ipv6 => Value::Ipv6(<[u8; 16]>::try_from(octets).ok()?.into()),
            Make::Octets => Value::Octets(octets),
            Make::Text => Value::Text(octets),
            Make::Name => Value::Name(name_of_text(std::str::from_utf8(&octets).ok()?).ok()?),
            Make::Uint | Make::Bool => {
                let number = octets.iter().try_fold(0i128, |number, octet| {
                    number.checked_mul(256)?.checked_add(i128::from(*octet))
                });
                make.of_number(u128::from(self.wrapped(number?)))
            }
            Make::Zeros | Make::Pattern | Make::Random => return None,
        })
    }

    /// The same as text, as a part of a longer one.
    pub(super) fn text(&self, about: &About<'_>) -> Option<Vec<u8>> {
        Some(match self.calculation.outcome(about)? {
            Outcome::Number(number) => number.to_string().into_bytes(),
            Outcome::Octets(octets) => text_of_octets(self.calculation.kind(), &octets),
        })
    }

    fn wrapped(&self, number: i128) -> u64 {
        let count = i128::from(self.last).saturating_add(1);
        number.checked_rem_euclid(count).and_then(|rest| u64::try_from(rest).ok()).unwrap_or(0)
    }
}

/// Addresses in their usual form, texts as they are, other octets in hexadecimal digits.
pub(super) fn text_of_octets(kind: Type, octets: &[u8]) -> Vec<u8> {
    let value = match kind {
        Type::Mac => octets.try_into().ok().map(Value::Mac),
        Type::Ipv4 => <[u8; 4]>::try_from(octets).ok().map(|address| Value::Ipv4(address.into())),
        Type::Ipv6 => <[u8; 16]>::try_from(octets).ok().map(|address| Value::Ipv6(address.into())),
        _ => None,
    };
    match value {
        Some(value) => value.to_string().into_bytes(),
        None if kind == Type::Text => octets.to_vec(),
        None => hex::encode(octets).into_bytes(),
    }
}

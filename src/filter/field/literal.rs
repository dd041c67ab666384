//! Values that a filter says, read as the type that the other side has.

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::mistake::Mistake;
use super::program::Constant;
use super::read::octets_of;
use super::syntax::Kind;
use super::token::shortened;
use super::types::Type;
use crate::diagnostic::nearest::nearest;

/// What a value is wanted to be.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) kind: Type,
    /// For numbers: how wide they are.
    pub(super) bits: u32,
    /// Names of values.
    pub(super) values: &'static [(u64, &'static str)],
    /// What has such values.
    pub(super) name: String,
}

impl Target {
    /// Values of a type, of whatever size.
    pub(super) fn of(kind: Type) -> Self {
        Self { kind, bits: u64::BITS, values: &[], name: kind.word().to_owned() }
    }

    /// Whether one of its values has this name.
    pub(super) fn has_value(&self, name: &str) -> bool {
        self.values.iter().any(|(_, known)| known.eq_ignore_ascii_case(name))
    }

    /// The greatest number that a field of its size can hold: Wireshark's fields have whole octets.
    fn most(&self) -> u64 {
        let bits = match self.bits {
            bits @ 0..=32 => bits.next_multiple_of(8).max(8),
            _ => u64::BITS,
        };
        u64::MAX.checked_shr(u64::BITS.saturating_sub(bits)).unwrap_or(u64::MAX)
    }
}

/// A value, and how many of its bits count where it is a network.
pub(super) type Literal = (Constant, Option<u32>);

/// Reads a word, text or character.
///
/// # Errors
/// When it is no such value.
pub(super) fn literal(kind: &Kind, target: &Target) -> Result<Literal, Mistake> {
    let whole = |constant: Option<Constant>| constant.map(|constant| (constant, None));
    let found = match (target.kind, kind) {
        (Type::Number, _) => return number(kind, target).map(|constant| (constant, None)),
        (Type::Bool, _) => whole(truth(kind, target)),
        (Type::Mac, Kind::Word(word)) => whole(octets(word).filter(has_len(Type::Mac)).map(Constant::Octets)),
        (Type::Ipv4 | Type::Ipv6, Kind::Word(word)) => network(word, target.kind),
        (Type::Octets | Type::Protocol, Kind::Word(word)) => whole(octets(word).map(Constant::Octets)),
        (Type::Octets | Type::Protocol, Kind::Char(octet)) => whole(Some(Constant::Octets(vec![*octet]))),
        (Type::Octets | Type::Protocol | Type::Text, Kind::Text(text)) => {
            whole(Some(Constant::Octets(text.clone())))
        }
        (Type::Text, Kind::Word(word)) => whole(Some(Constant::Octets(word.clone().into_bytes()))),
        (Type::Span, Kind::Word(word)) => whole(seconds(word).map(Constant::Number)),
        (Type::Time, Kind::Word(word)) => whole(seconds(word).or_else(|| moment(word)).map(Constant::Number)),
        (Type::Time, Kind::Text(text)) => {
            whole(std::str::from_utf8(text).ok().and_then(moment).map(Constant::Number))
        }
        _ => None,
    };
    found.ok_or_else(|| wrong(kind, target))
}

fn wrong(kind: &Kind, target: &Target) -> Mistake {
    let text = text_of(kind);
    let names = target.values.iter().map(|(_, name)| *name);
    Mistake::Literal { nearest: nearest(&text, names), text: shortened(&text), kind: target.kind }
}

fn text_of(kind: &Kind) -> String {
    match kind {
        Kind::Word(word) => word.clone(),
        Kind::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Kind::Char(octet) => char::from(*octet).to_string(),
        _ => String::new(),
    }
}

fn number(kind: &Kind, target: &Target) -> Result<Constant, Mistake> {
    let number = match kind {
        Kind::Char(octet) => Some(u128::from(*octet)),
        Kind::Word(word) => digits(word),
        _ => None,
    };
    match number {
        Some(number) if number > u128::from(target.most()) => {
            let (number, name) = (text_of(kind), target.name.clone());
            Err(Mistake::TooLarge { number: shortened(&number), name, most: target.most() })
        }
        Some(number) => i128::try_from(number).map(Constant::Number).map_err(|_| wrong(kind, target)),
        None => {
            let text = text_of(kind);
            let named = target.values.iter().find(|(_, name)| name.eq_ignore_ascii_case(&text));
            named.map(|(number, _)| Constant::Number(i128::from(*number))).ok_or_else(|| wrong(kind, target))
        }
    }
}

/// A number as C writes it. One with too many digits is as large as can be.
fn digits(word: &str) -> Option<u128> {
    let lower = word.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, lower.get(2..)?),
        [b'0', b'b', ..] => (2, lower.get(2..)?),
        [b'0', _, ..] => (8, lower.get(1..)?),
        _ => (10, lower.as_str()),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    Some(u128::from_str_radix(digits, radix).unwrap_or(u128::MAX))
}

fn truth(kind: &Kind, target: &Target) -> Option<Constant> {
    if let Ok(Constant::Number(number)) =
        number(kind, &Target { kind: Type::Number, bits: 64, ..target.clone() })
    {
        return Some(Constant::Number(i128::from(number != 0)));
    }
    // Wireshark's words for flags.
    match text_of(kind).to_ascii_lowercase().as_str() {
        "true" | "set" => Some(Constant::Number(1)),
        "false" | "not set" => Some(Constant::Number(0)),
        _ => None,
    }
}

fn has_len(kind: Type) -> impl Fn(&Vec<u8>) -> bool {
    move |octets| octets_of(kind).is_none_or(|len| octets.len() == len)
}

/// An address, or a network with the number of its bits.
fn network(word: &str, kind: Type) -> Option<Literal> {
    let (address, bits) = match word.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
        None => (word, None),
    };
    let octets = match kind {
        Type::Ipv4 => address.parse::<Ipv4Addr>().ok()?.octets().to_vec(),
        _ => address.parse::<Ipv6Addr>().ok()?.octets().to_vec(),
    };
    let most = u32::try_from(octets.len()).ok()?.checked_mul(8)?;
    let fits = bits.is_none_or(|bits| bits <= most);
    fits.then_some((Constant::Octets(octets), bits))
}

/// Octets in hexadecimal: `02:00`, `02-00`, `2.0`, `0200`, `0xff`, and `0200.5e00` as some routers write MAC addresses.
fn octets(word: &str) -> Option<Vec<u8>> {
    if let Some(digits) = word.strip_prefix("0x").or(word.strip_prefix("0X")) {
        return (digits.len() <= 2).then(|| u8::from_str_radix(digits, 16).ok().map(|octet| vec![octet]))?;
    }
    let parts: Vec<&str> = word.split([':', '.', '-']).collect();
    let mut octets = Vec::with_capacity(word.len() / 2);
    for part in &parts {
        match part.len() {
            1 | 2 if part.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
                octets.push(u8::from_str_radix(part, 16).ok()?);
            }
            4 => octets.extend(hex::decode(part).ok()?),
            _ if parts.len() == 1 => octets.extend(hex::decode(part).ok()?),
            _ => return None,
        }
    }
    Some(octets)
}

/// Nanoseconds of a time in seconds, with up to nine decimals.
fn seconds(word: &str) -> Option<i128> {
    let (whole, decimals) = word.split_once('.').unwrap_or((word, ""));
    let are_digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if whole.len() > MAX_SECONDS_LEN || decimals.len() > 9 || !are_digits(decimals) || !are_digits(whole) {
        return None;
    }
    let decimals: i128 = format!("{decimals:0<9}").parse().ok()?;
    whole.parse::<i128>().ok()?.checked_mul(NANOSECONDS)?.checked_add(decimals)
}

/// Nanoseconds since 1970 of a date and time; in UTC where no offset is said.
fn moment(text: &str) -> Option<i128> {
    let text = text.trim();
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(timestamp.as_nanosecond());
    }
    let civil: DateTime = text.parse().ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_nanosecond())
}

const NANOSECONDS: i128 = 1_000_000_000;
/// Digits of more seconds than any time can be.
const MAX_SECONDS_LEN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Type, bits: u32, word: &str) -> Option<Literal> {
        let target = Target { bits, values: &[(17, "UDP")], ..Target::of(kind) };
        literal(&Kind::Word(word.to_owned()), &target).ok()
    }

    #[test]
    fn numbers() {
        let number = |word| read(Type::Number, 16, word).map(|(constant, _)| constant);
        for (word, wanted) in [("10", 10), ("0xA", 10), ("012", 10), ("0b1010", 10), ("0", 0), ("udp", 17)] {
            assert_eq!(number(word), Some(Constant::Number(wanted)), "{word}");
        }
        for word in ["09", "0x", "1.5", "a", "65536", "99999999999999999999999999999999999999999"] {
            assert_eq!(number(word), None, "{word}");
        }
        assert!(read(Type::Number, 9, "65535").is_some(), "a field of 9 bits takes two octets in Wireshark");
    }

    #[test]
    fn octets_and_addresses() {
        let octets = |kind, word| match read(kind, 0, word) {
            Some((Constant::Octets(octets), bits)) => Some((hex::encode(octets), bits)),
            _ => None,
        };
        for (kind, word, wanted) in [
            (Type::Octets, "0.1.0.d", "0001000d"),
            (Type::Octets, "02:00", "0200"),
            (Type::Octets, "0x1", "01"),
            (Type::Octets, "0203", "0203"),
            (Type::Octets, "2", "02"),
            (Type::Mac, "0200.5e00.0101", "02005e000101"),
            (Type::Mac, "2-0-0-0-0-1", "020000000001"),
            (Type::Ipv4, "10.0.0.1", "0a000001"),
            (Type::Ipv6, "::1", "00000000000000000000000000000001"),
        ] {
            assert_eq!(octets(kind, word), Some((wanted.to_owned(), None)), "{word}");
        }
        assert_eq!(octets(Type::Ipv4, "10.0.0.0/8"), Some(("0a000000".to_owned(), Some(8))));
        for (kind, word) in [
            (Type::Octets, "0x100"),
            (Type::Octets, "123"),
            (Type::Octets, "1:233"),
            (Type::Octets, "+1"),
            (Type::Octets, "x"),
            (Type::Mac, "02:00"),
            (Type::Ipv4, "10.0.0"),
            (Type::Ipv4, "10.0.0.0/33"),
            (Type::Ipv6, "::1/129"),
        ] {
            assert_eq!(octets(kind, word), None, "{word}");
        }
    }

    #[test]
    fn times() {
        let time = |kind, word| read(kind, 0, word).map(|(constant, _)| constant);
        assert_eq!(time(Type::Span, "1.5"), Some(Constant::Number(1_500_000_000)));
        assert_eq!(time(Type::Span, "1.0000000001"), None);
        assert_eq!(moment("1970-01-01T00:00:01Z"), Some(NANOSECONDS));
        assert_eq!(moment("1970-01-01 00:00:01"), Some(NANOSECONDS));
        assert_eq!(moment("1970-01-01T01:00:01+01:00"), Some(NANOSECONDS));
        assert_eq!(moment("yesterday"), None);
    }
}

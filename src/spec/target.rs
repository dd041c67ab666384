//! What a value is wanted for, and which number a text stands for there. Addresses are numbers here, in network order.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::generator::{Make, Run};
use crate::proto::describe::{Field, Kind};

/// What a value is wanted for.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    /// What holds the field: `ip`, `ip.options.rr`.
    pub(super) path: &'a str,
    /// The field.
    pub(super) name: &'a str,
    /// What kind of value it takes.
    pub(super) kind: Kind,
    /// The largest number.
    pub(super) max: u64,
    /// Only multiples of this.
    pub(super) scale: u64,
    /// Names of numbers.
    pub(super) values: &'static [(u64, &'static str)],
    /// For a group: itself, and the fields among which are its parts.
    pub(super) group: Option<(&'static Field, &'static [Field])>,
    /// Whether it is computed when nobody writes it.
    pub(super) is_computed: bool,
}

impl<'a> Target<'a> {
    /// What a field takes.
    pub(super) fn field(
        path: &'a str,
        name: &'a str,
        field: &'static Field,
        fields: &'static [Field],
        max: u64,
    ) -> Self {
        let group = (field.kind == Kind::Group).then_some((field, fields));
        let Field { kind, scale, values, .. } = *field;
        let is_computed = field.is_computed();
        Self { path, name, kind, max, scale, values, group, is_computed }
    }

    /// What a count of zero octets in an option takes.
    pub(super) fn zeros(path: &'a str, name: &'a str) -> Self {
        Self { path, ..Target::number(name, u64::from(u8::MAX)) }
    }

    /// A number that is no field.
    pub(super) fn number(name: &'a str, max: u64) -> Self {
        Self { path: "", name, kind: Kind::Uint, max, scale: 1, values: &[], group: None, is_computed: false }
    }

    /// Its full name.
    pub(super) fn full_name(&self) -> String {
        match (self.path, self.name) {
            ("", name) => name.to_owned(),
            (path, "") => path.to_owned(),
            (path, name) => format!("{path}.{name}"),
        }
    }

    /// What it takes, in words.
    pub(super) fn wanted(&self) -> String {
        match (self.kind, self.group) {
            (Kind::Bool, _) => "true or false".to_owned(),
            (Kind::Mac, _) => "a MAC address".to_owned(),
            (Kind::Ipv4, _) => "an IPv4 address".to_owned(),
            (Kind::Ipv6, _) => "an IPv6 address".to_owned(),
            (Kind::Octets, _) => "octets".to_owned(),
            (Kind::Name | Kind::Text, _) => "text".to_owned(),
            (_, Some((group, _))) if !group.letters.is_empty() => {
                format!("a number, letters of {}, or a table of its bits", group.letters)
            }
            (_, Some(_)) => "a number, names of its bits, or a table of them".to_owned(),
            _ if self.values.is_empty() => "a number".to_owned(),
            _ => "a number or its name".to_owned(),
        }
    }

    /// All numbers that fit.
    pub(super) fn all(&self) -> Run {
        let last = match self.kind {
            Kind::Bool => 1,
            Kind::Mac => (1 << 48) - 1,
            Kind::Ipv4 => u128::from(u32::MAX),
            Kind::Ipv6 => u128::MAX,
            Kind::Uint | Kind::Group | Kind::Octets | Kind::Name | Kind::Text => u128::from(self.max),
        };
        Run { first: 0, last, step: u128::from(self.scale) }
    }

    pub(super) fn make(&self) -> Make {
        match self.kind {
            Kind::Bool => Make::Bool,
            Kind::Mac => Make::Mac,
            Kind::Ipv4 => Make::Ipv4,
            Kind::Ipv6 => Make::Ipv6,
            Kind::Uint | Kind::Group | Kind::Octets | Kind::Name | Kind::Text => Make::Uint,
        }
    }

    /// The number that a text without a generator stands for.
    pub(super) fn point(&self, text: &str) -> Option<u128> {
        match self.kind {
            Kind::Bool => match text {
                "true" | "1" => Some(1),
                "false" | "0" => Some(0),
                _ => None,
            },
            Kind::Mac => mac(text),
            Kind::Ipv4 => text.parse::<Ipv4Addr>().ok().map(|address| u128::from(address.to_bits())),
            Kind::Ipv6 => text.parse::<Ipv6Addr>().ok().map(|address| address.to_bits()),
            Kind::Uint | Kind::Octets => number(text),
            Kind::Name | Kind::Text => None,
            Kind::Group => number(text).or_else(|| self.bits(text)),
        }
    }

    /// The numbers that go by this name.
    pub(super) fn named(&self, text: &str) -> Vec<u64> {
        let named = self.values.iter().filter(|(_, name)| name.eq_ignore_ascii_case(text));
        named.map(|(number, _)| *number).collect()
    }

    /// A group's number from the letters of its bits, or from their names.
    fn bits(&self, text: &str) -> Option<u128> {
        let (group, fields) = self.group?;
        let by_letter = |letter: char| {
            let letter = letter.to_ascii_uppercase();
            let bit = group.letters.chars().rev().position(|known| known == letter && known != '-')?;
            1u128.checked_shl(u32::try_from(bit).ok()?)
        };
        let by_name = |name: &str| {
            let is = |part: &&Field| {
                group.holds(part) && part.kind == Kind::Bool && part.last_name().eq_ignore_ascii_case(name)
            };
            let part = fields.iter().find(is)?;
            1u128.checked_shl(group.span.end_bits().checked_sub(part.span.end_bits())?)
        };
        let or = |bits: u128, more: Option<u128>| more.map(|more| bits | more);
        let letters = text.chars().try_fold(0, |bits, letter| or(bits, by_letter(letter)));
        let names = || text.split(['+', '|', ',', ' ']).filter(|name| !name.is_empty());
        letters.or_else(|| names().try_fold(0, |bits, name| or(bits, by_name(name))))
    }

    /// Whether it takes an IP address.
    pub(super) fn is_address(&self) -> bool {
        matches!(self.kind, Kind::Ipv4 | Kind::Ipv6)
    }

    /// A network's hosts: without its own and its broadcast address where it has them (RFC 3021: not in a /31), in IPv6
    /// without the routers' anycast address (RFC 4291 §2.6.1; RFC 6164: not in a /127).
    pub(super) fn hosts(&self, text: &str) -> Option<Run> {
        let (address, len) = text.split_once('/')?;
        let bits: u32 = match self.kind {
            Kind::Ipv4 => 32,
            Kind::Ipv6 => 128,
            _ => return None,
        };
        let host_bits = bits.checked_sub(len.trim().parse().ok()?)?;
        let hosts = match host_bits {
            0 => 0,
            _ => u128::MAX.checked_shr(128u32.checked_sub(host_bits)?)?,
        };
        let first = self.point(address.trim())? & !hosts;
        let last = first | hosts;
        Some(match (self.kind, host_bits) {
            (_, 0 | 1) => Run { first, last, step: 1 },
            (Kind::Ipv4, _) => Run { first: first.saturating_add(1), last: last.saturating_sub(1), step: 1 },
            _ => Run { first: first.saturating_add(1), last, step: 1 },
        })
    }
}

/// A decimal, hexadecimal (`0x`) or binary (`0b`) number; `_` may stand between digits.
pub(super) fn number(text: &str) -> Option<u128> {
    let (digits, radix) = match text.get(..2) {
        Some("0x" | "0X") => (text.get(2..)?, 16),
        Some("0b" | "0B") => (text.get(2..)?, 2),
        _ => (text, 10),
    };
    if digits.starts_with(['_', '+']) || digits.ends_with('_') {
        return None;
    }
    if digits.contains('_') {
        return u128::from_str_radix(&digits.replace('_', ""), radix).ok();
    }
    u128::from_str_radix(digits, radix).ok()
}

/// A MAC address: six pairs of hexadecimal digits between `:` or `-`.
fn mac(text: &str) -> Option<u128> {
    let separator = if text.contains('-') { '-' } else { ':' };
    let mut address = 0u128;
    let mut count = 0;
    for part in text.split(separator) {
        let is_octet = matches!(part.len(), 1 | 2) && part.bytes().all(|digit| digit.is_ascii_hexdigit());
        let octet = u8::from_str_radix(part, 16).ok().filter(|_| is_octet)?;
        address = (address << 8) | u128::from(octet);
        count += 1;
        if count > 6 {
            return None;
        }
    }
    (count == 6).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_several_ways() {
        for (text, wanted) in [("0", Some(0)), ("0x1F", Some(31)), ("0b11", Some(3)), ("1_000", Some(1000))] {
            assert_eq!(number(text), wanted, "{text}");
        }
        for text in ["", "_1", "1_", "+1", "-1", "0x", "0x+1", "1.5", "é1", "１"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn mac_addresses() {
        assert_eq!(mac("02:00:00:00:01:02"), Some(0x0200_0000_0102));
        assert_eq!(mac("2-0-0-0-1-2"), Some(0x0200_0000_0102));
        for text in ["", "02:00:00:00:01", "02:00:00:00:01:02:03", "02:00:00:00:01:+2", "02:00:00:00:01:002"]
        {
            assert_eq!(mac(text), None, "{text}");
        }
    }

    #[test]
    fn hosts_of_networks() {
        let target = |kind| Target { kind, ..Target::number("dst", 0) };
        let hosts = |kind, text| {
            let target: Target<'_> = target(kind);
            target.hosts(text).map(|run| (run.first, run.last))
        };
        assert_eq!(hosts(Kind::Ipv4, "10.0.0.77/24"), Some((0x0a00_0001, 0x0a00_00fe)));
        assert_eq!(hosts(Kind::Ipv4, "10.0.0.7/31"), Some((0x0a00_0006, 0x0a00_0007)));
        assert_eq!(hosts(Kind::Ipv4, "10.0.0.7/32"), Some((0x0a00_0007, 0x0a00_0007)));
        assert_eq!(hosts(Kind::Ipv4, "0.0.0.0/0"), Some((1, 0xffff_fffe)));
        assert_eq!(hosts(Kind::Ipv6, "::/126"), Some((1, 3)));
        assert_eq!(hosts(Kind::Ipv6, "::/0"), Some((1, u128::MAX)));
        assert_eq!(hosts(Kind::Ipv4, "10.0.0.0/33"), None);
        assert_eq!(hosts(Kind::Uint, "1/2"), None);
    }
}

//! Values of fields: numbers, bits and addresses, and the generators that may stand in their place.
//!
//! A number or an address may be written as
//!
//! * itself: `64`, `0x40`, `10.0.0.1`, `02:00:00:00:00:01`, `fe80::1`; a number also by its name (`UDP`, `echo request`);
//! * a range, `1..30` or with a step `1..30/2`, both ends included;
//! * a list, `[80, 443, 8000..8010]`, whose values come one after the other;
//! * a network, `10.0.0.0/24`, whose hosts come one after the other;
//! * `random`, or `random(1024..65535)`, `random(10.0.0.0/8)`: drawn anew for each packet;
//! * `auto`: as if it had not been written.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::generator::{Make, Numbers, Run, Slot};
use super::mistake::Mistake;
use super::nearest::nearest;
use super::reader::{Reader, shortened};
use super::tree::{Shape, Tree};
use crate::packet::Node;
use crate::proto::describe::{Field, Kind};
use crate::wire::value::Value;

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
}

/// What stands for one or more numbers.
enum Pick {
    One(u128),
    Run(Run),
    Draw(Run),
}

impl<'a> Target<'a> {
    /// A number that is no field.
    pub(super) fn number(name: &'a str, max: u64) -> Self {
        Self { path: "", name, kind: Kind::Uint, max, scale: 1, values: &[], group: None }
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
    fn wanted(&self) -> String {
        match (self.kind, self.group) {
            (Kind::Bool, _) => "true or false".to_owned(),
            (Kind::Mac, _) => "a MAC address".to_owned(),
            (Kind::Ipv4, _) => "an IPv4 address".to_owned(),
            (Kind::Ipv6, _) => "an IPv6 address".to_owned(),
            (Kind::Octets, _) => "octets".to_owned(),
            (_, Some((group, _))) if !group.letters.is_empty() => {
                format!("a number, letters of {}, or a table of its bits", group.letters)
            }
            (_, Some(_)) => "a number, names of its bits, or a table of them".to_owned(),
            _ if self.values.is_empty() => "a number".to_owned(),
            _ => "a number or its name".to_owned(),
        }
    }

    /// All numbers that fit.
    fn all(&self) -> Run {
        let last = match self.kind {
            Kind::Bool => 1,
            Kind::Mac => (1 << 48) - 1,
            Kind::Ipv4 => u128::from(u32::MAX),
            Kind::Ipv6 => u128::MAX,
            Kind::Uint | Kind::Group | Kind::Octets => u128::from(self.max),
        };
        Run { first: 0, last, step: u128::from(self.scale) }
    }

    fn make(&self) -> Make {
        match self.kind {
            Kind::Bool => Make::Bool,
            Kind::Mac => Make::Mac,
            Kind::Ipv4 => Make::Ipv4,
            Kind::Ipv6 => Make::Ipv6,
            Kind::Uint | Kind::Group | Kind::Octets => Make::Uint,
        }
    }

    /// The number that a text without a generator stands for.
    fn point(&self, text: &str) -> Option<u128> {
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
            Kind::Group => number(text).or_else(|| self.bits(text)),
        }
    }

    /// The numbers that go by this name.
    fn named(&self, text: &str) -> Vec<u64> {
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

    /// A network's hosts: without its own and its broadcast address where it has them (RFC 3021: not in a /31), in IPv6
    /// without the routers' anycast address (RFC 4291 §2.6.1; RFC 6164: not in a /127).
    fn hosts(&self, text: &str) -> Option<Run> {
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

impl Reader<'_> {
    /// Reads a number, a bit, an address, or a generator of them. `None`: left out, or a mistake.
    pub(super) fn value(&mut self, target: &Target<'_>, tree: &Tree<'_>) -> Option<Node> {
        let numbers = match &tree.shape {
            Shape::List(list) => self.sweep(target, tree, list)?,
            _ => match self.pick(target, tree)? {
                Pick::One(number) => return self.constant(target, tree, number).map(Node::Value),
                Pick::Run(run) => Numbers::Sweep(vec![run]),
                Pick::Draw(run) => Numbers::Draw(run),
            },
        };
        Some(self.slot(Slot { numbers, make: target.make() }))
    }

    /// Reads a number that is no generator.
    pub(super) fn number(&mut self, tree: &Tree<'_>, name: &str, max: u64) -> Option<u64> {
        let target = Target::number(name, max);
        match self.pick(&target, tree)? {
            Pick::One(number) => match self.constant(&target, tree, number)? {
                Value::Uint(number) => Some(number),
                _ => None,
            },
            Pick::Run(_) | Pick::Draw(_) => {
                self.wrong_kind(tree, name, "a number, the same for all packets");
                None
            }
        }
    }

    /// Reads a number or a generator of numbers, for octets that are told by their count.
    pub(super) fn count(&mut self, target: &Target<'_>, tree: &Tree<'_>) -> Option<Numbers> {
        Some(match &tree.shape {
            Shape::List(list) => self.sweep(target, tree, list)?,
            _ => match self.pick(target, tree)? {
                Pick::One(number) => {
                    self.constant(target, tree, number)?;
                    Numbers::Sweep(vec![Run::one(number)])
                }
                Pick::Run(run) => Numbers::Sweep(vec![run]),
                Pick::Draw(run) => Numbers::Draw(run),
            },
        })
    }

    /// A list of values that come one after the other.
    fn sweep(&mut self, target: &Target<'_>, tree: &Tree<'_>, list: &[Tree<'_>]) -> Option<Numbers> {
        let mut runs = Vec::with_capacity(list.len());
        for tree in list {
            runs.push(match self.pick(target, tree)? {
                Pick::One(number) => self.constant(target, tree, number).map(|_| Run::one(number))?,
                Pick::Run(run) => run,
                Pick::Draw(_) => {
                    self.generator(target, tree, "`random` stands alone, not in a list");
                    return None;
                }
            });
        }
        if runs.is_empty() {
            self.generator(target, tree, "a list of no values");
            return None;
        }
        Some(Numbers::Sweep(runs))
    }

    fn pick(&mut self, target: &Target<'_>, tree: &Tree<'_>) -> Option<Pick> {
        match (&tree.shape, target.kind) {
            (Shape::Integer(number), Kind::Uint | Kind::Group | Kind::Bool | Kind::Octets) => {
                match u128::try_from(*number) {
                    Ok(number) => Some(Pick::One(number)),
                    Err(_) => {
                        self.out_of_range(target, tree, number.to_string());
                        None
                    }
                }
            }
            (Shape::Bool(bit), Kind::Bool) => Some(Pick::One(u128::from(*bit))),
            (Shape::Text(text), _) => self.pick_text(target, tree, text.text.trim()),
            _ => {
                self.unfit(target, tree, None);
                None
            }
        }
    }

    fn pick_text(&mut self, target: &Target<'_>, tree: &Tree<'_>, text: &str) -> Option<Pick> {
        if text == AUTO {
            return None;
        }
        if let Some(number) = target.point(text) {
            return Some(Pick::One(number));
        }
        match target.named(text).as_slice() {
            [] => {}
            [number] => return Some(Pick::One(u128::from(*number))),
            numbers => {
                let (name, word) = (target.full_name(), text.to_owned());
                let mistake = Mistake::AmbiguousValue { name, word, numbers: numbers.to_vec() };
                self.mistake(tree.at.clone(), mistake);
                return None;
            }
        }
        if text == RANDOM {
            return Some(Pick::Draw(target.all()));
        }
        if let Some(inner) = text.strip_prefix(RANDOM).and_then(|rest| rest.trim_start().strip_prefix('(')) {
            return match inner.strip_suffix(')').map(|inner| self.run(target, tree, inner.trim())) {
                Some(Ok(run)) => Some(Pick::Draw(run)),
                Some(Err(Told)) => None,
                None => {
                    self.generator(target, tree, "`random(` without `)`");
                    None
                }
            };
        }
        if text.contains("..") || target.hosts(text).is_some() {
            return self.run(target, tree, text).ok().map(Pick::Run);
        }
        self.unfit(target, tree, Some(text));
        None
    }

    /// A range or a network.
    fn run(&mut self, target: &Target<'_>, tree: &Tree<'_>, text: &str) -> Result<Run, Told> {
        let Some((first, rest)) = text.split_once("..") else {
            let hosts = target.hosts(text);
            return hosts.ok_or_else(|| self.generator(target, tree, "a range is written FIRST..LAST"));
        };
        let (last, step) = match rest.split_once('/') {
            Some((last, step)) => (last, Some(step)),
            None => (rest, None),
        };
        let mut end = |text: &str| {
            let number = target.point(text.trim());
            number.ok_or_else(|| self.unfit(target, tree, Some(text.trim())))
        };
        let (first, last) = (end(first)?, end(last)?);
        for number in [first, last] {
            self.constant(target, tree, number).ok_or(Told)?;
        }
        let unit = u128::from(target.scale.max(1));
        let step = match step.map(|step| number(step.trim())) {
            None => unit,
            Some(Some(step)) if step > 0 && step.is_multiple_of(unit) => step,
            Some(_) => {
                return Err(self.generator(
                    target,
                    tree,
                    "a step is a number of at least 1 behind the range: 1..30/2",
                ));
            }
        };
        if last < first {
            return Err(self.generator(target, tree, "the range ends before it begins"));
        }
        Ok(Run { first, last, step })
    }

    /// One value, if it fits.
    fn constant(&mut self, target: &Target<'_>, tree: &Tree<'_>, number: u128) -> Option<Value> {
        let fits = number <= target.all().last && number.is_multiple_of(u128::from(target.scale.max(1)));
        if !fits {
            self.out_of_range(target, tree, number.to_string());
            return None;
        }
        let low_octets = number.to_be_bytes();
        Some(match target.kind {
            Kind::Bool => Value::Bool(number != 0),
            Kind::Mac => Value::Mac(*low_octets.last_chunk()?),
            Kind::Ipv4 => Value::Ipv4(Ipv4Addr::from(*low_octets.last_chunk::<4>()?)),
            Kind::Ipv6 => Value::Ipv6(Ipv6Addr::from_bits(number)),
            Kind::Uint | Kind::Group | Kind::Octets => Value::Uint(u64::try_from(number).ok()?),
        })
    }

    fn out_of_range(&mut self, target: &Target<'_>, tree: &Tree<'_>, value: String) {
        let max = u64::try_from(target.all().last).unwrap_or(u64::MAX);
        let name = target.full_name();
        self.mistake(tree.at.clone(), Mistake::OutOfRange { name, value, min: 0, max, unit: target.scale });
    }

    fn generator(&mut self, target: &Target<'_>, tree: &Tree<'_>, problem: &'static str) -> Told {
        self.mistake(tree.at.clone(), Mistake::Generator { name: target.full_name(), problem });
        Told
    }

    /// Notes that the field does not take this.
    fn unfit(&mut self, target: &Target<'_>, tree: &Tree<'_>, word: Option<&str>) -> Told {
        let found = match word {
            Some(word) => format!("`{}`", shortened(word)),
            None => tree.words().to_owned(),
        };
        let names = target.values.iter().map(|(_, name)| *name);
        let nearest = word.and_then(|word| nearest(word, names)).map(str::to_owned);
        let (name, wanted) = (target.full_name(), target.wanted());
        self.mistake(tree.at.clone(), Mistake::WrongKind { name, wanted, found, nearest });
        Told
    }
}

/// A mistake that has been noted.
struct Told;

/// A decimal, hexadecimal (`0x`) or binary (`0b`) number; `_` may stand between digits.
fn number(text: &str) -> Option<u128> {
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

/// As if the field had not been written.
pub(super) const AUTO: &str = "auto";
const RANDOM: &str = "random";

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

//! Values of fields: numbers, bits and addresses, and the generators that may stand in their place.
//!
//! A number or an address may be written as
//!
//! * itself: `64`, `0x40`, `10.0.0.1`, `02:00:00:00:00:01`, `fe80::1`; a number also by its name (`UDP`, `echo request`);
//! * a range, `1..30` or with a step `1..30/2`, both ends included;
//! * a list, `[80, 443, 8000..8010]`, whose values come one after the other;
//! * a network, `10.0.0.0/24`, whose hosts come one after the other;
//! * `random`, or `random(1024..65535)`, `random(10.0.0.0/8)`: drawn anew for each packet;
//! * a calculation with fields of packets that came or were sent before, where some did: `reply.tcp.seq + 1`;
//! * `auto`: as if it had not been written; `auto+1`, `auto-4`: what is computed, and so much more or less.

use super::generator::{Numbers, Run, Slot};
use super::mistake::{Mistake, shortened};
use super::reader::Reader;
use super::target::{Target, number};
use super::tree::{Shape, Tree};
use crate::diagnostic::nearest::nearest;
use crate::packet::Node;
use crate::proto::describe::Kind;
use crate::wire::value::Value;

/// What stands for one or more numbers.
enum Pick {
    One(u128),
    Run(Run),
    Draw(Run),
}

impl Reader<'_> {
    /// Reads a number, a bit, an address, or a generator of them. `None`: left out, or a mistake.
    pub(super) fn value(&mut self, target: &Target<'_>, tree: &Tree<'_>) -> Option<Node> {
        if let Some(by) = tree.text().and_then(beside_auto) {
            return self.beside_auto(target, tree, by);
        }
        if let Shape::Text(text) = &tree.shape
            && self.is_told(&text.text)
        {
            return self.told(target, text, &tree.at);
        }
        let numbers = match &tree.shape {
            Shape::List(list) => self.sweep(target, tree, list)?,
            _ => match self.pick(target, tree)? {
                Pick::One(number) => return self.constant(target, tree, number).map(Node::Value),
                Pick::Run(run) => Numbers::sweep(vec![run]),
                Pick::Draw(run) => Numbers::Draw(run),
            },
        };
        Some(self.slot(Slot { numbers, make: target.make(), variable: tree.variable }))
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
                    Numbers::sweep(vec![Run::one(number)])
                }
                Pick::Run(run) => Numbers::sweep(vec![run]),
                Pick::Draw(run) => Numbers::Draw(run),
            },
        })
    }

    /// What is computed, and more or less.
    fn beside_auto(&mut self, target: &Target<'_>, tree: &Tree<'_>, by: Option<i64>) -> Option<Node> {
        match by {
            _ if !target.is_computed => {
                self.mistake(tree.at.clone(), Mistake::NotComputed { name: target.full_name() });
                None
            }
            Some(0) => None,
            Some(by) => Some(Node::Auto(by)),
            None => {
                self.generator(target, tree, "behind `auto` stands + or - and a number: auto+1");
                None
            }
        }
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
        Some(Numbers::sweep(runs))
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
        if beside_auto(text).is_some() {
            self.generator(target, tree, "`auto+1` stands alone, not in a list");
            return None;
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
        // Expressions have no negative numbers: it is a number all the same.
        let is_negative = text.strip_prefix('-').is_some_and(|digits| digits.parse::<u64>().is_ok());
        if is_negative && matches!(target.kind, Kind::Uint | Kind::Group) {
            self.out_of_range(target, tree, text.to_owned());
            return None;
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
        match text.split_once('/') {
            Some((address, _)) if target.is_address() && target.point(address.trim()).is_some() => {
                let what = if target.kind == Kind::Ipv4 {
                    "a network ends in /0 to /32"
                } else {
                    "a network ends in /0 to /128"
                };
                self.generator(target, tree, what);
            }
            _ => _ = self.unfit(target, tree, Some(text)),
        }
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
        if first.trim().is_empty() || last.trim().is_empty() {
            return Err(self.generator(target, tree, "a range has two ends: 1..30"));
        }
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
        Some(target.make().of_number(number))
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

/// What a text adds to `auto`; the inner `None` is no number.
fn beside_auto(text: &str) -> Option<Option<i64>> {
    let rest = text.trim().strip_prefix(AUTO)?.trim_start();
    let is_less = rest.starts_with('-');
    let digits = rest.strip_prefix(['+', '-'])?.trim_start();
    let by = number(digits).and_then(|by| i64::try_from(by).ok());
    Some(by.map(|by| if is_less { by.saturating_neg() } else { by }))
}

/// A mistake that has been noted.
struct Told;

/// As if the field had not been written.
pub(super) const AUTO: &str = "auto";
const RANDOM: &str = "random";

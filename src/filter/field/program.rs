//! A field filter, ready to run: names are resolved, types fit, literals are values.

use std::borrow::Cow;
use std::cmp::Ordering;

use regex::bytes::Regex;

use super::function::Function;
use super::names::Named;
use super::range::Range;
use super::syntax::{MathOperator, Quantifier, Relation};
use super::types::Type;

/// Something that is true or false of a packet.
#[derive(Debug, Clone)]
pub(super) enum Test {
    /// The value is there.
    Exists(Value),
    /// The value is there, and not all zeros.
    NotZero(Value),
    Compare(Comparison),
    Matches {
        quantifier: Quantifier,
        value: Value,
        pattern: Regex,
    },
    In {
        quantifier: Quantifier,
        value: Value,
        are_texts: bool,
        set: Vec<Element>,
    },
    Not(Box<Test>),
    And(Vec<Test>),
    Or(Vec<Test>),
    Xor(Vec<Test>),
}

impl Test {
    /// Adds the names of flags of which only the existence is tested.
    pub(super) fn flags_alone(&self, names: &mut Vec<&'static str>) {
        match self {
            // What is found is there or not.
            Self::Exists(Value::Field(field)) if field.named.kind == Type::Bool && !field.named.is_fact() => {
                let name = field.named.name.as_str();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            Self::Not(test) => test.flags_alone(names),
            Self::And(tests) | Self::Or(tests) | Self::Xor(tests) => {
                tests.iter().for_each(|test| test.flags_alone(names));
            }
            _ => {}
        }
    }
}

/// A comparison of values.
#[derive(Debug, Clone)]
pub(super) struct Comparison {
    pub(super) relation: Relation,
    pub(super) quantifier: Quantifier,
    pub(super) left: Value,
    pub(super) right: Value,
    /// Only so many bits are compared: the right side is a network.
    pub(super) prefix: Option<u32>,
    /// Whether both are texts, which have another order than octets.
    pub(super) are_texts: bool,
}

/// One element of a set.
#[derive(Debug, Clone)]
pub(super) enum Element {
    One(Value, Option<u32>),
    Range(Value, Value),
}

/// Something that has values in a packet: none, one or several.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Constant(Constant),
    Field(FieldValues),
    Slice(Box<Value>, Vec<Range>),
    Negative(Box<Value>),
    Math(Box<Value>, MathOperator, Box<Value>),
    Call(Function, Vec<Value>),
    /// The texts of values: `string()`.
    Text(Box<Value>, Type),
    /// The names of values: `vals()`.
    Name(Box<Value>, &'static [(u64, &'static str)]),
    /// For each value of a number, how many octets a field of its size has: `len()`.
    Size(Box<Value>, i128),
}

/// The values of a field.
#[derive(Debug, Clone)]
pub(super) struct FieldValues {
    pub(super) named: &'static Named,
    /// Only those in these layers of its protocol, counted from 0.
    pub(super) layers: Option<Vec<Range>>,
    /// Whether a protocol's octets are all up to the end of its layer: Wireshark searches what a layer carries, too.
    pub(super) with_payload: bool,
    /// In which packet.
    pub(super) whose: Whose,
}

/// The packet that has a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The one that the filter is run on.
    Own,
    /// The one that was sent.
    Sent,
    /// Another one that is known: its place in [`About::known`](super::About::known).
    Known(usize),
}

/// A value that the filter says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Constant {
    Number(i128),
    Octets(Vec<u8>),
}

/// A value, while a filter runs. Addresses are octets, which have the order of the addresses; times are nanoseconds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Datum<'e> {
    Number(i128),
    Octets(Cow<'e, [u8]>),
}

impl Constant {
    pub(super) fn datum(&self) -> Datum<'_> {
        match self {
            Self::Number(number) => Datum::Number(*number),
            Self::Octets(octets) => Datum::Octets(Cow::Borrowed(octets)),
        }
    }
}

impl Datum<'_> {
    /// Numbers by their size, texts by their octets; of octets, as in Wireshark, more are greater.
    pub(super) fn compare(&self, other: &Self, are_texts: bool) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => one.cmp(other),
            (Self::Octets(one), Self::Octets(other)) if are_texts => one.cmp(other),
            (Self::Octets(one), Self::Octets(other)) => one.len().cmp(&other.len()).then(one.cmp(other)),
            (Self::Number(_), Self::Octets(_)) => Ordering::Less,
            (Self::Octets(_), Self::Number(_)) => Ordering::Greater,
        }
    }

    /// Compares the first bits alone.
    pub(super) fn compare_prefix(&self, other: &Self, bits: u32) -> Ordering {
        let (Self::Octets(one), Self::Octets(other)) = (self, other) else {
            return self.compare(other, false);
        };
        let (whole, rest) = ((bits / 8) as usize, bits % 8);
        let order = one.iter().take(whole).cmp(other.iter().take(whole));
        let mask = !0xff_u8.checked_shr(rest).unwrap_or_default();
        let last = |octets: &[u8]| octets.get(whole).map(|octet| octet & mask);
        order.then(last(one).cmp(&last(other)))
    }

    /// Whether it is more than zeros.
    pub(super) fn is_not_zero(&self) -> bool {
        match self {
            Self::Number(number) => *number != 0,
            Self::Octets(octets) => octets.iter().any(|octet| *octet != 0),
        }
    }

    pub(super) fn octets(&self) -> &[u8] {
        match self {
            Self::Number(_) => &[],
            Self::Octets(octets) => octets,
        }
    }

    pub(super) fn number(&self) -> Option<i128> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }
}

impl Comparison {
    /// Whether two values pass.
    pub(super) fn holds(&self, left: &Datum<'_>, right: &Datum<'_>) -> bool {
        if self.relation == Relation::Contains {
            return memchr::memmem::find(left.octets(), right.octets()).is_some();
        }
        let order = match self.prefix {
            Some(bits) => left.compare_prefix(right, bits),
            None => left.compare(right, self.are_texts),
        };
        match self.relation {
            Relation::Equal => order.is_eq(),
            Relation::Unequal => order.is_ne(),
            Relation::Less => order.is_lt(),
            Relation::LessOrEqual => order.is_le(),
            Relation::Greater => order.is_gt(),
            Relation::GreaterOrEqual => order.is_ge(),
            Relation::Contains | Relation::Matches => false,
        }
    }
}

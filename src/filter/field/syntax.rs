//! A field filter as it is written: a tree whose parts know their places.

use super::range::Range;
use crate::diagnostic::At;

/// A part of a filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) kind: Kind,
}

/// What a part is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A field, a protocol, or a value without quotes: what it is, its name or the other side tells.
    Word(String),
    /// Text between quotes.
    Text(Vec<u8>),
    /// A character, which stands for its number.
    Char(u8),
    /// Some octets of a value.
    Slice(Box<Node>, Vec<Range>),
    /// A field in some of the layers of its protocol.
    Layers(Box<Node>, Vec<Range>),
    Call {
        name: String,
        name_at: At,
        arguments: Vec<Node>,
    },
    Negative(Box<Node>),
    Math(Box<Node>, MathOperator, Box<Node>),
    /// Comparisons one behind the other: `a < b < c`.
    Compare {
        quantifier: Option<Quantifier>,
        first: Box<Node>,
        rest: Vec<(Operator, Node)>,
    },
    In {
        quantifier: Option<Quantifier>,
        value: Box<Node>,
        set: Vec<Element>,
    },
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Xor(Vec<Node>),
}

impl Kind {
    /// Whether it is true or false, and no value.
    pub(super) fn is_test(&self) -> bool {
        matches!(
            self,
            Self::Compare { .. } | Self::In { .. } | Self::Not(_) | Self::And(_) | Self::Or(_) | Self::Xor(_)
        )
    }
}

/// One element of a set.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Element {
    One(Node),
    /// All values from one to another, both included.
    Range(Node, Node),
}

/// Whether all values of a field must pass a comparison, or one is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    Any,
    All,
}

/// A comparison, and whether all values must pass it when nobody says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operator {
    pub(super) relation: Relation,
    pub(super) quantifier: Quantifier,
    /// As it was written.
    pub(super) text: &'static str,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    Matches,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MathOperator {
    BitAnd,
    Plus,
    Minus,
    Times,
    Divide,
    Remainder,
}

impl MathOperator {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::BitAnd => "&",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

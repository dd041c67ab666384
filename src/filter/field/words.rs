//! Operators, as words and as signs.

use super::syntax::{Operator, Quantifier, Relation};
use super::token::{Part, Symbol};

/// Comparisons by their words. As in Wireshark since 4.0, `!=` is true when all values are unequal.
const COMPARISONS: &[(&[&str], Operator)] = &[
    (&["eq", "any_eq"], operator("==", Relation::Equal, Quantifier::Any)),
    (&["ne", "all_ne"], operator("!=", Relation::Unequal, Quantifier::All)),
    (&["all_eq"], operator("===", Relation::Equal, Quantifier::All)),
    (&["any_ne"], operator("!==", Relation::Unequal, Quantifier::Any)),
    (&["gt"], operator(">", Relation::Greater, Quantifier::Any)),
    (&["ge"], operator(">=", Relation::GreaterOrEqual, Quantifier::Any)),
    (&["lt"], operator("<", Relation::Less, Quantifier::Any)),
    (&["le"], operator("<=", Relation::LessOrEqual, Quantifier::Any)),
    (&["contains"], operator("contains", Relation::Contains, Quantifier::Any)),
    (&["matches"], operator("matches", Relation::Matches, Quantifier::Any)),
];

/// Words that are operators, besides comparisons.
const OTHERS: &[&str] = &["and", "or", "xor", "not", "in", "bitand", "bitwise_and", "any", "all"];

/// The comparison that a part is.
pub(super) fn comparison(part: &Part<'_>) -> Option<Operator> {
    let word = match part {
        Part::Word(word) => word,
        Part::Symbol(Symbol::Equal) => "eq",
        Part::Symbol(Symbol::Unequal) => "ne",
        Part::Symbol(Symbol::AllEqual) => "all_eq",
        Part::Symbol(Symbol::AnyUnequal) => "any_ne",
        Part::Symbol(Symbol::Greater) => "gt",
        Part::Symbol(Symbol::GreaterOrEqual) => "ge",
        Part::Symbol(Symbol::Less) => "lt",
        Part::Symbol(Symbol::LessOrEqual) => "le",
        Part::Symbol(Symbol::Matches) => "matches",
        _ => return None,
    };
    COMPARISONS.iter().find(|(words, _)| words.contains(&word)).map(|(_, operator)| *operator)
}

/// Whether a word is an operator, and so no name and no value.
pub(super) fn is_operator(word: &str) -> bool {
    OTHERS.contains(&word) || COMPARISONS.iter().any(|(words, _)| words.contains(&word))
}

const fn operator(text: &'static str, relation: Relation, quantifier: Quantifier) -> Operator {
    Operator { relation, quantifier, text }
}

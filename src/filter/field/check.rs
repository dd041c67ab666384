//! From the tree to a program: names are looked up, types are checked, literals are read as what they are compared with.

use regex::bytes::RegexBuilder;

use super::known::Known;
use super::literal::{Target, literal};
use super::mistake::Mistake;
use super::names::{Named, Names};
use super::program::{Comparison, Constant, Element, FieldValues, Test, Value, Whose};
use super::syntax::{self, Kind, Node, Operator, Quantifier, Relation};
use super::token::shortened;
use super::types::Type;
use crate::diagnostic::{At, Diagnostic};

type Checked<T> = Result<T, Diagnostic<Mistake>>;

/// A value with its type.
pub(super) struct Typed {
    pub(super) value: Value,
    pub(super) target: Target,
    /// How many of its bits count, where it is a network.
    prefix: Option<u32>,
}

impl Typed {
    pub(super) fn new(value: Value, target: Target) -> Self {
        Self { value, target, prefix: None }
    }

    pub(super) fn kind(&self) -> Type {
        self.target.kind
    }

    /// With all that a layer carries, where it is a protocol.
    fn with_payload(mut self) -> Self {
        if let Value::Field(field) = &mut self.value {
            field.with_payload = true;
        }
        self
    }
}

/// Checks a filter.
///
/// # Errors
/// The first mistake, with its place.
pub(super) fn check(node: &Node, known: &Known<'_>) -> Checked<Test> {
    Checker::new(*known).test(node)
}

pub(super) struct Checker<'k> {
    names: &'static Names,
    /// Other packets that fields may be told of.
    known: Known<'k>,
    /// Whether there is a packet besides these.
    has_own: bool,
}

pub(super) fn wrong<T>(at: &At, mistake: Mistake) -> Checked<T> {
    Err(Diagnostic { at: at.clone(), mistake })
}

impl<'k> Checker<'k> {
    pub(super) fn new(known: Known<'k>) -> Self {
        Self { names: Names::all(), known, has_own: true }
    }

    /// For what is told by other packets alone.
    pub(super) fn without_own(known: Known<'k>) -> Self {
        Self { has_own: false, ..Self::new(known) }
    }

    fn test(&self, node: &Node) -> Checked<Test> {
        Ok(match &node.kind {
            Kind::Not(inner) => Test::Not(Box::new(self.test(inner)?)),
            Kind::And(nodes) => Test::And(self.tests(nodes)?),
            Kind::Or(nodes) => Test::Or(self.tests(nodes)?),
            Kind::Xor(nodes) => Test::Xor(self.tests(nodes)?),
            Kind::Compare { quantifier, first, rest } => self.comparisons(*quantifier, first, rest)?,
            Kind::In { quantifier, value, set } => self.membership(*quantifier, value, set)?,
            Kind::Word(_) | Kind::Layers(..) | Kind::Slice(..) => Test::Exists(self.value(node, None)?.value),
            Kind::Math(..) => Test::NotZero(self.value(node, None)?.value),
            Kind::Text(_) | Kind::Char(_) | Kind::Negative(_) => return wrong(&node.at, Mistake::NoTest),
            Kind::Call { .. } => {
                // What is wrong inside comes first.
                self.value(node, None)?;
                return wrong(&node.at, Mistake::NoTest);
            }
        })
    }

    fn tests(&self, nodes: &[Node]) -> Checked<Vec<Test>> {
        nodes.iter().map(|node| self.test(node)).collect()
    }

    /// `a < b < c` is `a < b and b < c`.
    fn comparisons(
        &self,
        quantifier: Option<Quantifier>,
        first: &Node,
        rest: &[(Operator, Node)],
    ) -> Checked<Test> {
        let mut left = first;
        let mut tests = Vec::with_capacity(rest.len());
        for (operator, right) in rest {
            let quantifier = quantifier.unwrap_or(operator.quantifier);
            tests.push(self.comparison(quantifier, left, *operator, right)?);
            left = right;
        }
        Ok(match <[Test; 1]>::try_from(tests) {
            Ok([one]) => one,
            Err(tests) => Test::And(tests),
        })
    }

    fn comparison(
        &self,
        quantifier: Quantifier,
        left: &Node,
        operator: Operator,
        right: &Node,
    ) -> Checked<Test> {
        match operator.relation {
            Relation::Matches => return self.matches(quantifier, left, right),
            Relation::Contains => return self.contains(quantifier, left, right),
            _ => {}
        }
        let (left, right) = self.pair(left, right)?;
        let prefix = left.prefix.or(right.prefix);
        let are_texts = left.kind() == Type::Text;
        let (relation, left, right) = (operator.relation, left.value, right.value);
        Ok(Test::Compare(Comparison { relation, quantifier, left, right, prefix, are_texts }))
    }

    /// Two values that can be compared; at most one of them is a literal.
    pub(super) fn pair(&self, left: &Node, right: &Node) -> Checked<(Typed, Typed)> {
        if self.is_literal(left) && self.is_literal(right) {
            return self.nameless(left, right);
        }
        if self.is_literal(left) {
            let right = self.value(right, None)?;
            return Ok((self.value(left, Some(&right.target))?, right));
        }
        let first = self.value(left, None)?;
        let second = self.value(right, Some(&first.target))?;
        if !first.kind().goes_with(second.kind()) {
            return wrong(&right.at, Mistake::Types { left: first.kind(), right: second.kind() });
        }
        Ok((first, second))
    }

    /// Two literals: one of them may be a name with a slip.
    pub(super) fn nameless<T>(&self, left: &Node, right: &Node) -> Checked<T> {
        let named = [left, right].into_iter().find_map(|node| match &node.kind {
            Kind::Word(word) if is_name(word) => Some((node, word)),
            _ => None,
        });
        match named {
            Some((node, word)) => self.unknown(node, word),
            None => wrong(&left.at, Mistake::NoField),
        }
    }

    fn contains(&self, quantifier: Quantifier, left: &Node, right: &Node) -> Checked<Test> {
        let value = self.searchable(left, "contains")?;
        let wanted = if value.kind() == Type::Text { Type::Text } else { Type::Octets };
        let part = self.value(right, Some(&Target::of(wanted)))?.with_payload();
        if !value.kind().goes_with(part.kind()) {
            return wrong(&right.at, Mistake::Types { left: value.kind(), right: part.kind() });
        }
        let (left, right) = (value.value, part.value);
        let relation = Relation::Contains;
        Ok(Test::Compare(Comparison { relation, quantifier, left, right, prefix: None, are_texts: false }))
    }

    fn matches(&self, quantifier: Quantifier, left: &Node, right: &Node) -> Checked<Test> {
        let value = self.searchable(left, "matches")?.value;
        let unusable = |problem: String| wrong(&right.at, Mistake::Pattern { problem });
        let Kind::Text(text) = &right.kind else {
            return unusable("a pattern is text between double quotes".to_owned());
        };
        let Ok(text) = std::str::from_utf8(text) else {
            return unusable(r#"write octets above 0x7f as r"\xff""#.to_owned());
        };
        let mut builder = RegexBuilder::new(text);
        // As in Wireshark: octets, not characters, and without regard to case.
        builder.unicode(false).case_insensitive(true);
        builder.size_limit(MAX_PATTERN_SIZE).dfa_size_limit(MAX_PATTERN_SIZE).nest_limit(MAX_PATTERN_DEPTH);
        match builder.build() {
            Ok(pattern) => Ok(Test::Matches { quantifier, value, pattern }),
            Err(regex::Error::Syntax(message)) => {
                let last = message.lines().last().unwrap_or_default();
                unusable(last.trim_start_matches("error: ").to_owned())
            }
            Err(_) => unusable("it would take too much memory".to_owned()),
        }
    }

    /// A value that can be searched.
    fn searchable(&self, node: &Node, operator: &'static str) -> Checked<Typed> {
        let typed = self.value(node, None)?;
        if !typed.kind().is_searchable() {
            return wrong(&node.at, Mistake::Operator { operator, kind: typed.kind() });
        }
        Ok(typed.with_payload())
    }

    fn membership(
        &self,
        quantifier: Option<Quantifier>,
        value: &Node,
        set: &[syntax::Element],
    ) -> Checked<Test> {
        let typed = self.value(value, None)?;
        let member = |node: &Node| {
            let element = self.value(node, Some(&typed.target))?;
            match typed.kind().goes_with(element.kind()) {
                true => Ok(element),
                false => wrong(&node.at, Mistake::Types { left: typed.kind(), right: element.kind() }),
            }
        };
        let element = |element: &syntax::Element| {
            Ok(match element {
                syntax::Element::One(node) => {
                    let element = member(node)?;
                    Element::One(element.value, element.prefix)
                }
                syntax::Element::Range(first, last) => {
                    Element::Range(one(first, member(first)?)?, one(last, member(last)?)?)
                }
            })
        };
        let set = set.iter().map(element).collect::<Checked<Vec<_>>>()?;
        let quantifier = quantifier.unwrap_or(Quantifier::Any);
        Ok(Test::In { quantifier, are_texts: typed.kind() == Type::Text, value: typed.value, set })
    }

    /// What a name means, and of which packet.
    fn named(&self, word: &str) -> Option<(&'static Named, Whose)> {
        if let Some(named) = self.names.get(word) {
            return Some((named, Whose::Own));
        }
        self.known.splits(word).find_map(|(_, whose, name)| {
            let named = self.names.get(name)?;
            // Of their capture nothing is known.
            named.places.iter().all(|place| place.protocol.is_some()).then_some((named, whose))
        })
    }

    /// The name that is most like `word`.
    fn nearest(&self, word: &str) -> Option<String> {
        let mut splits = self.known.splits(word);
        match splits.next() {
            Some((whose, _, field)) => self.names.nearest(field).map(|name| format!("{whose}.{name}")),
            None => self.known.nearest(word).or_else(|| self.names.nearest(word)),
        }
    }

    /// Whether a part says a value itself, so that something else must say its type.
    pub(super) fn is_literal(&self, node: &Node) -> bool {
        match &node.kind {
            Kind::Word(word) => self.named(word).is_none(),
            Kind::Text(_) | Kind::Char(_) => true,
            Kind::Negative(inner) => self.is_literal(inner),
            Kind::Math(left, _, right) => self.is_literal(left) && self.is_literal(right),
            _ => false,
        }
    }

    /// A value; a literal is read as `wanted`.
    pub(super) fn value(&self, node: &Node, wanted: Option<&Target>) -> Checked<Typed> {
        match &node.kind {
            Kind::Word(word) => match (self.named(word), wanted) {
                // `ip.proto == tcp`: the value of that name.
                (Some((named, _)), Some(wanted))
                    if named.kind == Type::Protocol && wanted.has_value(word) =>
                {
                    self.literal(node, wanted)
                }
                (Some((named, Whose::Own)), _) if !self.has_own => {
                    wrong(&node.at, Mistake::WhichPacket { name: named.name.clone() })
                }
                (Some((named, whose)), _) => {
                    let (kind, bits, values) = (named.kind, named.bits, named.values);
                    let target = Target { kind, bits, values, name: named.name.clone() };
                    let field = FieldValues { named, layers: None, with_payload: false, whose };
                    Ok(Typed::new(Value::Field(field), target))
                }
                (None, Some(wanted)) => self.literal(node, wanted),
                (None, None) => self.unknown(node, word),
            },
            Kind::Text(_) | Kind::Char(_) => match wanted {
                Some(wanted) => self.literal(node, wanted),
                None => wrong(&node.at, Mistake::NoField),
            },
            Kind::Layers(inner, ranges) => match self.value(inner, None)? {
                Typed { value: Value::Field(field), target, .. } if field.layers.is_none() => {
                    let field = FieldValues { layers: Some(ranges.clone()), ..field };
                    Ok(Typed::new(Value::Field(field), target))
                }
                _ => wrong(&node.at, Mistake::NoLayers),
            },
            Kind::Slice(inner, ranges) => {
                let typed = self.value(inner, None)?;
                if !typed.kind().has_octets() {
                    return wrong(&inner.at, Mistake::NoOctets { kind: typed.kind() });
                }
                let value = Value::Slice(Box::new(typed.value), ranges.clone());
                Ok(Typed::new(value, Target::of(Type::Octets)))
            }
            Kind::Negative(inner) => self.negative(inner, wanted),
            Kind::Math(left, operator, right) => self.math(left, *operator, right, wanted),
            Kind::Call { name, name_at, arguments } => self.call(node, name, name_at, arguments),
            kind if kind.is_test() => wrong(&node.at, Mistake::NoValue),
            _ => wrong(&node.at, Mistake::NoField),
        }
    }

    fn literal(&self, node: &Node, wanted: &Target) -> Checked<Typed> {
        match literal(&node.kind, wanted) {
            Ok((constant, prefix)) => {
                Ok(Typed { value: Value::Constant(constant), target: wanted.clone(), prefix })
            }
            // A word that is no such value may be a name with a slip.
            Err(mistake) => match &node.kind {
                Kind::Word(word) if word.contains('.') && is_name(word) => match self.nearest(word) {
                    Some(nearest) => wrong(
                        &node.at,
                        Mistake::UnknownName { name: shortened(word), nearest: Some(nearest) },
                    ),
                    None => wrong(&node.at, mistake),
                },
                _ => wrong(&node.at, mistake),
            },
        }
    }

    fn unknown<T>(&self, node: &Node, word: &str) -> Checked<T> {
        if !is_name(word) {
            return wrong(&node.at, Mistake::NoField);
        }
        let nearest = self.nearest(word);
        wrong(&node.at, Mistake::UnknownName { name: shortened(word), nearest })
    }

    fn negative(&self, inner: &Node, wanted: Option<&Target>) -> Checked<Typed> {
        let typed = self.value(inner, wanted)?;
        if !matches!(typed.kind(), Type::Number | Type::Span) {
            return wrong(&inner.at, Mistake::Operator { operator: "-", kind: typed.kind() });
        }
        let value = match typed.value {
            Value::Constant(Constant::Number(number)) => {
                Value::Constant(Constant::Number(number.saturating_neg()))
            }
            value => Value::Negative(Box::new(value)),
        };
        Ok(Typed::new(value, Target { bits: u64::BITS, values: &[], ..typed.target }))
    }
}

/// A single value: a network is several.
pub(super) fn one(node: &Node, typed: Typed) -> Checked<Value> {
    if typed.prefix.is_some() { wrong(&node.at, Mistake::Network) } else { Ok(typed.value) }
}

/// Whether a word could be meant as a name.
fn is_name(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_') && !word.contains(':')
}

/// Octets that a compiled pattern may take; such of sensible length take a few thousand.
const MAX_PATTERN_SIZE: usize = 1 << 20;
const MAX_PATTERN_DEPTH: u32 = 50;

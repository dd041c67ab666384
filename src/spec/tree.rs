//! What all three syntaxes are read into: one tree, in which everything knows its place in the source text.

use std::borrow::Cow;

use crate::diagnostic::At;

/// Something with its place in the source text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree<'s> {
    /// Where it stands.
    pub(super) at: At,
    /// What it is.
    pub(super) shape: Shape<'s>,
    /// The number of the variable that it is the value of.
    pub(super) variable: Option<usize>,
}

/// What a [`Tree`] is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape<'s> {
    /// A whole number.
    Integer(i128),
    /// `true` or `false`.
    Bool(bool),
    /// Text between quotes, or a bare word of an expression.
    Text(Text<'s>),
    /// A list.
    List(Vec<Tree<'s>>),
    /// Names with what they stand for, in the order of the source.
    Table(Vec<Entry<'s>>),
    /// A text of which parts are known only for each packet.
    Woven(Vec<Strand<'s>>),
    /// Something that no field takes, in words.
    Other(&'static str),
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Strand<'s> {
    /// Letters.
    Text(String),
    /// The value of a field of the packet, by its full name.
    Field(String, At),
    /// A variable that may have several values, of which each packet takes one.
    Values(Tree<'s>),
}

/// A text of the source.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Text<'s> {
    /// The text, escapes resolved.
    pub(super) text: Cow<'s, str>,
    /// Where its first letter stands, when it stands in the source letter by letter.
    pub(super) verbatim: Option<usize>,
}

/// One name of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry<'s> {
    /// The name.
    pub(super) key: Cow<'s, str>,
    /// Where the name stands.
    pub(super) key_at: At,
    /// What it stands for.
    pub(super) value: Tree<'s>,
}

impl<'s> Tree<'s> {
    /// A tree of this shape at this place.
    pub(super) fn new(at: At, shape: Shape<'s>) -> Self {
        Self { at, shape, variable: None }
    }

    /// The same, borrowing nothing.
    pub(super) fn to_owned(&self) -> Tree<'static> {
        Tree { at: self.at.clone(), shape: self.shape.to_owned(), variable: self.variable }
    }

    /// Counts all places from `base`.
    pub(super) fn shift(&mut self, base: usize) {
        if base == 0 {
            return;
        }
        let shift = |at: &mut At| *at = at.start.saturating_add(base)..at.end.saturating_add(base);
        shift(&mut self.at);
        match &mut self.shape {
            Shape::Text(text) => text.verbatim = text.verbatim.map(|from| from.saturating_add(base)),
            Shape::List(list) => list.iter_mut().for_each(|tree| tree.shift(base)),
            Shape::Table(entries) => entries.iter_mut().for_each(|entry| {
                shift(&mut entry.key_at);
                entry.value.shift(base);
            }),
            Shape::Integer(_) | Shape::Bool(_) | Shape::Woven(_) | Shape::Other(_) => {}
        }
    }

    /// Its text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        if let Shape::Text(text) = &self.shape { Some(&text.text) } else { None }
    }

    /// What it is, in words.
    pub(super) fn words(&self) -> &'static str {
        match &self.shape {
            Shape::Integer(_) => "a number",
            Shape::Bool(_) => "true or false",
            Shape::Text(_) => "text",
            Shape::List(_) => "a list",
            Shape::Table(_) => "a table",
            Shape::Woven(_) => "a text with fields or several values in it",
            Shape::Other(words) => words,
        }
    }
}

impl Shape<'_> {
    /// The same, borrowing nothing.
    pub(super) fn to_owned(&self) -> Shape<'static> {
        match self {
            Self::Integer(number) => Shape::Integer(*number),
            Self::Bool(bit) => Shape::Bool(*bit),
            Self::Text(Text { text, verbatim }) => {
                Shape::Text(Text { text: Cow::Owned(text.clone().into_owned()), verbatim: *verbatim })
            }
            Self::List(list) => Shape::List(list.iter().map(Tree::to_owned).collect()),
            Self::Table(entries) => Shape::Table(
                entries
                    .iter()
                    .map(|Entry { key, key_at, value }| Entry {
                        key: Cow::Owned(key.clone().into_owned()),
                        key_at: key_at.clone(),
                        value: value.to_owned(),
                    })
                    .collect(),
            ),
            Self::Woven(strands) => Shape::Woven(
                strands
                    .iter()
                    .map(|strand| match strand {
                        Strand::Text(text) => Strand::Text(text.clone()),
                        Strand::Field(name, at) => Strand::Field(name.clone(), at.clone()),
                        Strand::Values(tree) => Strand::Values(tree.to_owned()),
                    })
                    .collect(),
            ),
            Self::Other(words) => Shape::Other(words),
        }
    }
}

impl Text<'_> {
    /// The place of `part`, octets of the text; the whole of `at` when the text has escapes.
    pub(super) fn place(&self, part: At, at: &At) -> At {
        match self.verbatim {
            Some(from) => from.saturating_add(part.start)..from.saturating_add(part.end),
            None => at.clone(),
        }
    }
}

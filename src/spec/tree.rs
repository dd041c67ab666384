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
    /// Something that no field takes, in words.
    Other(&'static str),
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
        Self { at, shape }
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
            Shape::Other(words) => words,
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

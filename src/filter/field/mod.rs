//! Field filters: Wireshark's display-filter language (wireshark-filter(4)) over the names of our own protocols.
//!
//! A text is cut into parts (`lexer`), read into a tree (`parser`), and checked against the protocols' descriptions
//! (`check`, `names`), so that every mistake is told before the first packet. What comes out of it (`program`) is run on
//! dissected packets (`evaluate`, `read`): without allocating, unless text is made or octets are joined, without recursing
//! deeper than the filter does, and in bounded time, whatever the packet.
//!
//! ```
//! use rawsock::filter::field::{About, FieldFilter};
//! use rawsock::packet::check::Dissected;
//! use rawsock::packet::dissect::dissect;
//! use rawsock::wire::frame::LinkType;
//! use rawsock::wire::layers::LayerTable;
//!
//! let echo = hex::decode("4500001c00000000400166de7f0000017f0000010800f7ff00000000").unwrap();
//! let mut table = LayerTable::default();
//! dissect(&echo, LinkType::RAW, &mut table);
//! let packet = Dissected { octets: &echo, table: &table, wire_len: echo.len() };
//!
//! let filter = FieldFilter::compile("icmp.type == 8 and ip.addr in {127.0.0.0/8}")?;
//! assert!(filter.matches(&packet, &About::default()));
//! assert!(FieldFilter::compile("icmp.typ == 8").is_err());
//! # Ok::<(), rawsock::filter::field::FieldFilterError>(())
//! ```
//!
//! `docs/FILTERS.md` describes the language, and where it differs from Wireshark's.
#![deny(clippy::arithmetic_side_effects)]

mod about;
mod calculate;
mod calculation;
mod check;
mod check_value;
mod escape;
mod evaluate;
mod field_name;
mod function;
mod known;
#[cfg(test)]
mod laws;
mod lexer;
mod literal;
mod mistake;
mod names;
mod parser;
mod program;
mod range;
mod read;
mod syntax;
mod token;
mod types;
mod words;

use std::sync::Arc;

pub use self::about::{About, Times, frame_fields};
pub use self::calculation::{Calculation, Outcome};
pub use self::field_name::{FieldName, NamedValue, UnknownField};
pub use self::known::Known;
pub use self::mistake::Mistake;
pub use self::types::Type;
use crate::diagnostic::{Diagnostic, Source, SourceError};
use crate::packet::check::Dissected;
use crate::stream::Need;

/// A filter that cannot be used.
pub type FieldFilterError = SourceError<Mistake>;

/// A filter, ready for any packet. A copy of it is the same filter, and costs nothing.
#[derive(Debug, Clone)]
pub struct FieldFilter {
    /// Nothing, where every packet passes.
    test: Option<Arc<program::Test>>,
    need: Need,
}

impl FieldFilter {
    /// Compiles an expression; an empty one takes every packet.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn compile(text: &str) -> Result<Self, FieldFilterError> {
        Self::parse(text).map_err(|mistake| SourceError {
            source: Source::new("<filter>", text),
            diagnostics: vec![mistake],
        })
    }

    /// As [`compile`](Self::compile), for a text that is a part of another one.
    ///
    /// # Errors
    /// The first mistake, with its place in `text`.
    pub fn parse(text: &str) -> Result<Self, Diagnostic<Mistake>> {
        Self::parse_as(text, None)
    }

    /// As [`parse`](Self::parse), for what comes back to a packet that was sent ([`About::sent`]): each field's name with
    /// `sent.` before it is that packet's.
    ///
    /// # Errors
    /// The first mistake, with its place in `text`.
    pub fn parse_answer(text: &str) -> Result<Self, Diagnostic<Mistake>> {
        Self::parse_as(text, Some(&Known { sent: true, names: &[] }))
    }

    /// As [`parse_answer`](Self::parse_answer), where further packets are known by names.
    ///
    /// # Errors
    /// The first mistake, with its place in `text`.
    pub fn parse_among(text: &str, known: &Known<'_>) -> Result<Self, Diagnostic<Mistake>> {
        Self::parse_as(text, Some(known))
    }

    fn parse_as(text: &str, among: Option<&Known<'_>>) -> Result<Self, Diagnostic<Mistake>> {
        if text.len() > MAX_LEN {
            return Err(Diagnostic { at: 0..text.len(), mistake: Mistake::TooMuch });
        }
        let tokens = lexer::tokens(text)?;
        let node = parser::parse(&tokens)?;
        let known = among.copied().unwrap_or_default();
        if among.is_some() {
            let of_captures = tokens.iter().find_map(|token| match token.part {
                token::Part::Word(word) => Some((token.at.clone(), known.of_captures(word)?)),
                _ => None,
            });
            if let Some((at, name)) = of_captures {
                return Err(Diagnostic { at, mistake: Mistake::NoCapture { name } });
            }
        }
        let test = node.map(|node| check::check(&node, &known)).transpose()?.map(Arc::new);
        let facts = tokens.iter().filter_map(|token| match token.part {
            token::Part::Word(word) => Some((token.at.clone(), known.fact(word)?.description())),
            _ => None,
        });
        let most = facts.max_by_key(|(_, fact)| fact.need);
        match most {
            // What comes back is not looked at in the order of a capture.
            Some((at, fact)) if among.is_some() => {
                Err(Diagnostic { at, mistake: Mistake::NoCapture { name: fact.name } })
            }
            _ => Ok(Self { test, need: most.map(|(_, fact)| fact.need).unwrap_or_default() }),
        }
    }

    /// What must be known of the packets before, for the filter to know of a packet all that it names.
    pub fn need(&self) -> Need {
        self.need
    }

    /// The flags that are asked for as if their names alone meant that they are set: in this language, as in Wireshark's,
    /// that means that the field is there.
    pub fn flags_alone(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        if let Some(test) = &self.test {
            test.flags_alone(&mut names);
        }
        names
    }

    /// Whether a packet passes. `about` is what the capture knows of it; fields of `frame` that it does not know are not
    /// there.
    pub fn matches(&self, packet: &Dissected<'_>, about: &About<'_>) -> bool {
        self.test.as_ref().is_none_or(|test| evaluate::Run::new(*packet, about).passes(test))
    }
}

/// Octets of a filter's text.
const MAX_LEN: usize = 64 * 1024;

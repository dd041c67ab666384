//! Reads the parts of a field filter into a tree.
//!
//! ```text
//! or       = xor { ("or" | "||") xor }
//! xor      = and { ("xor" | "^^") and }
//! and      = not { ("and" | "&&") not }
//! not      = ("not" | "!") not | relation
//! relation = [ "any" | "all" ] value [ { comparison value } | [ "not" ] "in" "{" element { "," element } "}" ]
//! element  = value [ ".." value ]
//! value    = sum { "&" sum }
//! sum      = product { ("+" | "-") product }
//! product  = signed { ("*" | "/" | "%") signed }
//! signed   = [ "+" | "-" ] signed | primary
//! primary  = ( word [ "(" [ value { "," value } ] ")" ] | text | character | "(" or ")" | "{" value "}" )
//!            { "#" layers | "[" ranges "]" }
//! ```

use super::mistake::Mistake;
use super::range::{self, Range};
use super::syntax::{Element, Kind, MathOperator, Node, Quantifier};
use super::token::{Part, Symbol, Token};
use super::words;
use crate::diagnostic::{At, Diagnostic};

/// Reads a filter; `None` for one without any part, which takes everything.
///
/// # Errors
/// The first place where it is none.
pub(super) fn parse(tokens: &[Token<'_>]) -> Result<Option<Node>, Diagnostic<Mistake>> {
    let mut parser = Parser { tokens, at: 0, depth: 0, calculations: 0 };
    if *parser.part() == Part::End {
        return Ok(None);
    }
    let node = parser.or()?;
    match parser.part() {
        Part::End => Ok(Some(node)),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

/// Levels of nesting: reading, checking and running recurse no deeper.
const MAX_DEPTH: usize = 100;
/// Calculations in one filter: each in a row is one more level.
const MAX_CALCULATIONS: usize = 200;

pub(super) type Parsed = Result<Node, Diagnostic<Mistake>>;

pub(super) struct Parser<'p, 't> {
    tokens: &'p [Token<'t>],
    at: usize,
    depth: usize,
    calculations: usize,
}

impl<'p, 't> Parser<'p, 't> {
    pub(super) fn part(&self) -> &'p Part<'t> {
        self.tokens.get(self.at).map_or(&Part::End, |token| &token.part)
    }

    /// The place of the part that is to be read.
    pub(super) fn place(&self) -> At {
        let token = self.tokens.get(self.at).or(self.tokens.last());
        token.map_or(0..0, |token| token.at.clone())
    }

    fn advance(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    /// Reads this sign, if it is next.
    fn takes(&mut self, symbol: Symbol) -> bool {
        let is_next = *self.part() == Part::Symbol(symbol);
        if is_next {
            self.advance();
        }
        is_next
    }

    /// Reads this sign or this word, if one of them is next.
    fn takes_either(&mut self, symbol: Symbol, word: &str) -> bool {
        let is_next = *self.part() == Part::Symbol(symbol) || *self.part() == Part::Word(word);
        if is_next {
            self.advance();
        }
        is_next
    }

    fn wrong<T>(&self, at: At, mistake: Mistake) -> Result<T, Diagnostic<Mistake>> {
        Err(Diagnostic { at, mistake })
    }

    fn unexpected(&self, expected: &'static str) -> Diagnostic<Mistake> {
        let found = self.part().describe();
        Diagnostic { at: self.place(), mistake: Mistake::Unexpected { found, expected } }
    }

    /// Reads something one level deeper.
    fn deeper(&mut self, read: fn(&mut Self) -> Parsed) -> Parsed {
        if self.depth >= MAX_DEPTH {
            return self.wrong(self.place(), Mistake::TooMuch);
        }
        self.depth = self.depth.saturating_add(1);
        let node = read(self);
        self.depth = self.depth.saturating_sub(1);
        node
    }

    fn or(&mut self) -> Parsed {
        self.chain(Symbol::Or, "or", Self::xor, Kind::Or)
    }

    fn xor(&mut self) -> Parsed {
        self.chain(Symbol::Xor, "xor", Self::and, Kind::Xor)
    }

    fn and(&mut self) -> Parsed {
        self.chain(Symbol::And, "and", Self::not, Kind::And)
    }

    /// Tests with the same operator between them.
    fn chain(
        &mut self,
        symbol: Symbol,
        word: &str,
        read: fn(&mut Self) -> Parsed,
        kind: fn(Vec<Node>) -> Kind,
    ) -> Parsed {
        let first = read(self)?;
        if !self.takes_either(symbol, word) {
            return Ok(first);
        }
        let mut nodes = vec![first, read(self)?];
        while self.takes_either(symbol, word) {
            nodes.push(read(self)?);
        }
        let at = around(nodes.first(), nodes.last());
        Ok(Node { at, kind: kind(nodes) })
    }

    fn not(&mut self) -> Parsed {
        let start = self.place();
        if !self.takes_either(Symbol::Not, "not") {
            return self.relation();
        }
        let node = self.deeper(Self::not)?;
        Ok(Node { at: start.start..node.at.end, kind: Kind::Not(Box::new(node)) })
    }

    fn relation(&mut self) -> Parsed {
        let start = self.place().start;
        let quantifier = match self.part() {
            Part::Word("any") => Some(Quantifier::Any),
            Part::Word("all") => Some(Quantifier::All),
            _ => None,
        };
        if quantifier.is_some() {
            self.advance();
        }
        let first = self.value()?;
        if let Some(is_negated) = self.membership() {
            return self.set(start, quantifier, first, is_negated);
        }
        let mut rest = Vec::new();
        while let Some(operator) = words::comparison(self.part()) {
            self.advance();
            rest.push((operator, self.value()?));
        }
        if rest.is_empty() && quantifier.is_some() {
            return Err(self.unexpected("a comparison: ==, >, contains, in {…} and the like"));
        }
        let Some((_, last)) = rest.last() else { return Ok(first) };
        let at = start..last.at.end;
        Ok(Node { at, kind: Kind::Compare { quantifier, first: Box::new(first), rest } })
    }

    /// Reads `in` or `not in`, if they are next; returns whether it is the latter.
    fn membership(&mut self) -> Option<bool> {
        let is_in = |at: usize| self.tokens.get(at).is_some_and(|token| token.part == Part::Word("in"));
        let is_not = matches!(self.part(), Part::Word("not") | Part::Symbol(Symbol::Not));
        let words = if is_in(self.at) {
            1
        } else if is_not && is_in(self.at.saturating_add(1)) {
            2
        } else {
            return None;
        };
        self.at = self.at.saturating_add(words);
        Some(words == 2)
    }

    fn set(&mut self, start: usize, quantifier: Option<Quantifier>, value: Node, is_negated: bool) -> Parsed {
        if !self.takes(Symbol::OpenBrace) {
            return Err(self.unexpected("`{` and the values of the set"));
        }
        let mut set = Vec::new();
        loop {
            let first = self.value()?;
            set.push(match self.takes(Symbol::Range) {
                true => Element::Range(first, self.value()?),
                false => Element::One(first),
            });
            // A blank is enough, as in older versions of Wireshark.
            if !self.takes(Symbol::Comma) && *self.part() == Part::Symbol(Symbol::CloseBrace) {
                break;
            }
        }
        let at = start..self.place().end;
        self.advance();
        let test = Node { at: at.clone(), kind: Kind::In { quantifier, value: Box::new(value), set } };
        Ok(if is_negated { Node { at, kind: Kind::Not(Box::new(test)) } } else { test })
    }

    fn value(&mut self) -> Parsed {
        self.calculation(Self::sum, |part| match part {
            Part::Symbol(Symbol::BitAnd) | Part::Word("bitand" | "bitwise_and") => Some(MathOperator::BitAnd),
            _ => None,
        })
    }

    fn sum(&mut self) -> Parsed {
        self.calculation(Self::product, |part| match part {
            Part::Symbol(Symbol::Plus) => Some(MathOperator::Plus),
            Part::Symbol(Symbol::Minus) => Some(MathOperator::Minus),
            _ => None,
        })
    }

    fn product(&mut self) -> Parsed {
        self.calculation(Self::signed, |part| match part {
            Part::Symbol(Symbol::Times) => Some(MathOperator::Times),
            Part::Symbol(Symbol::Divide) => Some(MathOperator::Divide),
            Part::Symbol(Symbol::Remainder) => Some(MathOperator::Remainder),
            _ => None,
        })
    }

    fn calculation(
        &mut self,
        read: fn(&mut Self) -> Parsed,
        operator: fn(&Part<'_>) -> Option<MathOperator>,
    ) -> Parsed {
        let mut node = read(self)?;
        while let Some(operator) = operator(self.part()) {
            self.calculations = self.calculations.saturating_add(1);
            if self.calculations > MAX_CALCULATIONS {
                return self.wrong(self.place(), Mistake::TooMuch);
            }
            self.advance();
            let right = read(self)?;
            let at = node.at.start..right.at.end;
            node = Node { at, kind: Kind::Math(Box::new(node), operator, Box::new(right)) };
        }
        Ok(node)
    }

    fn signed(&mut self) -> Parsed {
        let start = self.place().start;
        if self.takes(Symbol::Plus) {
            return self.deeper(Self::signed);
        }
        if !self.takes(Symbol::Minus) {
            return self.primary();
        }
        let node = self.deeper(Self::signed)?;
        Ok(Node { at: start..node.at.end, kind: Kind::Negative(Box::new(node)) })
    }

    fn primary(&mut self) -> Parsed {
        let place = self.place();
        let mut node = match self.part() {
            Part::Symbol(Symbol::Open) => self.enclosed(Symbol::Close, Self::or)?,
            Part::Symbol(Symbol::OpenBrace) => self.enclosed(Symbol::CloseBrace, Self::value)?,
            Part::Word(word) if !words::is_operator(word) => self.word(word)?,
            Part::Text(text) => self.leaf(Kind::Text(text.clone())),
            Part::Char(octet) => self.leaf(Kind::Char(*octet)),
            _ => return Err(self.unexpected("a field, a protocol or a value")),
        };
        while let Some(kind) = self.selection(&mut node)? {
            // Slices of slices are levels too.
            self.calculations = self.calculations.saturating_add(1);
            if self.calculations > MAX_CALCULATIONS {
                return self.wrong(place, Mistake::TooMuch);
            }
            node.kind = kind;
            node.at = place.start..self.tokens.get(self.at.saturating_sub(1)).map_or(place.end, |t| t.at.end);
        }
        Ok(node)
    }

    fn leaf(&mut self, kind: Kind) -> Node {
        let at = self.place();
        self.advance();
        Node { at, kind }
    }

    fn enclosed(&mut self, close: Symbol, read: fn(&mut Self) -> Parsed) -> Parsed {
        self.advance();
        let node = self.deeper(read)?;
        if !self.takes(close) {
            let expected = if close == Symbol::Close { "an operator or `)`" } else { "an operator or `}`" };
            return Err(self.unexpected(expected));
        }
        Ok(node)
    }

    /// A word, or a call of the function of this name.
    fn word(&mut self, word: &str) -> Parsed {
        let name = self.leaf(Kind::Word(word.to_owned()));
        if !self.takes(Symbol::Open) {
            return Ok(name);
        }
        let mut arguments = Vec::new();
        while *self.part() != Part::Symbol(Symbol::Close) {
            arguments.push(self.deeper(Self::value)?);
            if !self.takes(Symbol::Comma) && *self.part() != Part::Symbol(Symbol::Close) {
                return Err(self.unexpected("`,` or `)`"));
            }
        }
        let at = name.at.start..self.place().end;
        self.advance();
        Ok(Node { at, kind: Kind::Call { name: word.to_owned(), name_at: name.at, arguments } })
    }

    /// Reads the slice or the layers that are taken of `node`, if they are next.
    fn selection(&mut self, node: &mut Node) -> Result<Option<Kind>, Diagnostic<Mistake>> {
        let take = |node: &mut Node| {
            let empty = Node { at: node.at.clone(), kind: Kind::Char(0) };
            Box::new(std::mem::replace(node, empty))
        };
        if let Part::Ranges(inside) = self.part() {
            let ranges = range::ranges(inside, &self.place())?;
            self.advance();
            return Ok(Some(Kind::Slice(take(node), ranges)));
        }
        if !self.takes(Symbol::Layer) {
            return Ok(None);
        }
        let layers = self.layers()?;
        Ok(Some(Kind::Layers(take(node), layers)))
    }

    fn layers(&mut self) -> Result<Vec<Range>, Diagnostic<Mistake>> {
        let place = self.place();
        let ranges = match self.part() {
            Part::Ranges(inside) => range::ranges(inside, &place)?,
            Part::Word(number) => match number.parse() {
                Ok(number) => vec![Range::one(number)],
                Err(_) => return Err(self.unexpected("the number of a layer, or a range of them")),
            },
            _ => return Err(self.unexpected("the number of a layer, or a range of them")),
        };
        self.advance();
        let ranges: Option<Vec<Range>> = ranges.into_iter().map(Range::counted_from_one).collect();
        ranges.ok_or(Diagnostic { at: place, mistake: Mistake::LayerZero })
    }
}

/// From the beginning of one part to the end of another.
fn around(first: Option<&Node>, last: Option<&Node>) -> At {
    first.map_or(0, |node| node.at.start)..last.map_or(0, |node| node.at.end)
}

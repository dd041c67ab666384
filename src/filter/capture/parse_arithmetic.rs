//! Calculations and comparisons of a capture filter: `ip[2:2] - ((ip[0] & 0xf) << 2) > 100`.

use super::lexer::Token;
use super::mistake::Mistake;
use super::parser::{Parsed, Parser};
use super::syntax::{Arithmetic, Primitive, Relation};
use crate::wire::bpf;

/// Reads a comparison; `None` when what stands there is none, and then nothing is read.
pub(super) fn relation(parser: &mut Parser<'_>) -> Option<Parsed<Primitive>> {
    let left = parser.attempt(|parser| match sum(parser, 0)? {
        Ok(left) => Some(Ok((left, relation_sign(parser)?))),
        Err(diagnostic) => Some(Err(diagnostic)),
    })?;
    let (left, relation) = match left {
        Ok(left) => left,
        Err(diagnostic) => return Some(Err(diagnostic)),
    };
    let right = sum(parser, 0)
        .unwrap_or_else(|| Err(parser.unexpected("a number or a header's octets, as `tcp[13]`")));
    Some(right.map(|right| Primitive::Relation(left, relation, right)))
}

fn relation_sign(parser: &mut Parser<'_>) -> Option<Relation> {
    let Token::Symbol(symbol) = parser.peek() else { return None };
    let relation = match *symbol {
        "=" | "==" => Relation::Equal,
        "!=" => Relation::NotEqual,
        ">" => Relation::Greater,
        ">=" => Relation::GreaterOrEqual,
        "<" => Relation::Less,
        "<=" => Relation::LessOrEqual,
        _ => return None,
    };
    parser.advance();
    Some(relation)
}

/// An operation, how tightly it binds, and how tightly what is behind it must bind to belong to it. pcap-filter gives `%` and
/// `^` no place among the others: what stands before them they always take, what stands behind them too.
fn operation(parser: &Parser<'_>) -> Option<(u16, u8, u8)> {
    const ALWAYS: u8 = u8::MAX;
    let Token::Symbol(symbol) = parser.peek() else { return None };
    Some(match *symbol {
        "|" => (bpf::OR, 1, 2),
        "&" => (bpf::AND, 2, 3),
        "<<" => (bpf::LSH, 3, 4),
        ">>" => (bpf::RSH, 3, 4),
        "+" => (bpf::ADD, 4, 5),
        "-" => (bpf::SUB, 4, 5),
        "*" => (bpf::MUL, 5, 6),
        "/" => (bpf::DIV, 5, 6),
        "%" => (bpf::MOD, ALWAYS, 0),
        "^" => (bpf::XOR, ALWAYS, 0),
        _ => return None,
    })
}

/// As tightly as a minus sign binds.
const SIGN: u8 = 7;

/// Reads operands with the operations between them that bind at least so tightly.
fn sum(parser: &mut Parser<'_>, least: u8) -> Option<Parsed<Arithmetic>> {
    let mut left = match operand(parser)? {
        Ok(left) => left,
        Err(diagnostic) => return Some(Err(diagnostic)),
    };
    while let Some((operation, binds, behind)) = operation(parser)
        && binds >= least
    {
        let start = parser.at();
        if let Err(diagnostic) = parser.count_operation() {
            return Some(Err(diagnostic));
        }
        parser.advance();
        let right = match parser.deeper(|parser| Ok(sum(parser, behind))) {
            Ok(right) => right?,
            Err(diagnostic) => return Some(Err(diagnostic)),
        };
        let right = match right {
            Ok(right) => right,
            Err(diagnostic) => return Some(Err(diagnostic)),
        };
        if let Some(what) = has_no_result(operation, &right) {
            let at = parser.since(start.start);
            return Some(Err(parser.error(at, Mistake::Arithmetic { what })));
        }
        left = Arithmetic::Binary { operation, left: Box::new(left), right: Box::new(right) };
    }
    Some(Ok(left))
}

fn has_no_result(operation: u16, right: &Arithmetic) -> Option<&'static str> {
    match (operation, right) {
        (bpf::DIV | bpf::MOD, Arithmetic::Number(0)) => Some("division by zero"),
        (bpf::LSH | bpf::RSH, Arithmetic::Number(32..)) => Some("a shift by more than 31 bits"),
        _ => None,
    }
}

fn operand(parser: &mut Parser<'_>) -> Option<Parsed<Arithmetic>> {
    if let Token::Number(number) = parser.peek() {
        parser.advance();
        return Some(Ok(Arithmetic::Number(*number)));
    }
    if let Token::Keyword("len") = parser.peek() {
        parser.advance();
        return Some(Ok(Arithmetic::PacketLen));
    }
    if parser.takes_symbol("-") {
        let negated = match parser.deeper(|parser| Ok(sum(parser, SIGN))) {
            Ok(negated) => negated?,
            Err(diagnostic) => return Some(Err(diagnostic)),
        };
        return Some(negated.map(|inner| Arithmetic::Negated(Box::new(inner))));
    }
    if parser.takes_symbol("(") {
        let inner = match parser.deeper(|parser| Ok(sum(parser, 0))) {
            Ok(inner) => inner?,
            Err(diagnostic) => return Some(Err(diagnostic)),
        };
        return parser.takes_symbol(")").then_some(inner);
    }
    load(parser)
}

/// `protocol[at]` or `protocol[at:size]`.
fn load(parser: &mut Parser<'_>) -> Option<Parsed<Arithmetic>> {
    let start = parser.at().start;
    let protocol = parser.protocol()?;
    if !parser.takes_symbol("[") {
        return None;
    }
    Some(parser.deeper(|parser| {
        let at = sum(parser, 0).unwrap_or_else(|| Err(parser.unexpected("a place in the header")))?;
        let has_size = parser.takes_symbol(":");
        let place = parser.at();
        let size = if has_size { parser.number("1, 2 or 4")? } else { 1 };
        if !matches!(size, 1 | 2 | 4) {
            return Err(parser.error(place, Mistake::LoadSize { size }));
        }
        parser.close("]", if has_size { "`]`" } else { "`:` or `]`" })?;
        Ok(Arithmetic::Load { protocol, at: Box::new(at), size, place: parser.since(start) })
    }))
}

//! The grammar of capture filters (pcap-filter(7)).
//!
//! Two things are unusual in it. `and` and `or` bind alike, from left to right. And an address without words before it takes
//! those of the test before: `tcp port 80 or 443`.

use super::lexer::{FOREIGN, Token, words};
use super::mistake::Mistake;
use super::parse_arithmetic::relation;
use super::syntax::{
    ByteRelation, Direction, Expression, Id, Kind, LlcControl, Mask, Primitive, Protocol, Qualifiers,
};
use crate::diagnostic::nearest::nearest;
use crate::diagnostic::{At, Diagnostic};

pub(super) type Parsed<T> = Result<T, Diagnostic<Mistake>>;

/// The parts of a text, and how far they are read.
pub(super) struct Parser<'t> {
    tokens: &'t [(Token<'t>, At)],
    next: usize,
    depth: usize,
    primitives: usize,
    operations: usize,
}

/// Parentheses in parentheses; also keeps the stack small.
const MAX_DEPTH: usize = 100;
/// Each needs two instructions of the 4096 that the kernel takes.
const MAX_PRIMITIVES: usize = 2048;
/// Each needs an instruction. They stand in each other, so that as many are a bound for the stack as well.
const MAX_OPERATIONS: usize = 4096;

/// What a test says, and the words that an address behind it takes; `None` where it has none.
type Qualified = (Expression, Option<Qualifiers>);

/// Reads a whole filter; `None` is one that says nothing, and takes every packet.
pub(super) fn parse(tokens: &[(Token<'_>, At)]) -> Parsed<Option<Expression>> {
    let mut parser = Parser { tokens, next: 0, depth: 0, primitives: 0, operations: 0 };
    if *parser.peek() == Token::End {
        return Ok(None);
    }
    let (expression, _) = parser.expression(None)?;
    match parser.peek() {
        Token::End => Ok(Some(expression)),
        _ => Err(parser.unexpected("`and`, `or` or the end")),
    }
}

impl<'t> Parser<'t> {
    pub(super) fn peek(&self) -> &'t Token<'t> {
        self.ahead(0)
    }

    fn ahead(&self, count: usize) -> &'t Token<'t> {
        self.tokens.get(self.next.saturating_add(count)).map_or(&Token::End, |(token, _)| token)
    }

    /// The place of the next part.
    pub(super) fn at(&self) -> At {
        self.tokens.get(self.next).or(self.tokens.last()).map(|(_, at)| at.clone()).unwrap_or_default()
    }

    /// From the beginning of one place to the end of what was read last.
    pub(super) fn since(&self, start: usize) -> At {
        let last = self.next.checked_sub(1).and_then(|last| self.tokens.get(last));
        start..last.map_or(start, |(_, at)| at.end)
    }

    pub(super) fn advance(&mut self) {
        self.next = self.next.saturating_add(1);
    }

    pub(super) fn takes_symbol(&mut self, symbol: &str) -> bool {
        let takes = matches!(self.peek(), Token::Symbol(next) if *next == symbol);
        self.next = self.next.saturating_add(usize::from(takes));
        takes
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let takes = matches!(self.peek(), Token::Keyword(next) if *next == word);
        self.next = self.next.saturating_add(usize::from(takes));
        takes
    }

    pub(super) fn number(&mut self, expected: &'static str) -> Parsed<u32> {
        let Token::Number(number) = self.peek() else { return Err(self.unexpected(expected)) };
        self.advance();
        Ok(*number)
    }

    pub(super) fn close(&mut self, symbol: &str, expected: &'static str) -> Parsed<()> {
        if self.takes_symbol(symbol) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    pub(super) fn protocol(&mut self) -> Option<Protocol> {
        let Token::Keyword(word) = self.peek() else { return None };
        let protocol = Protocol::by_word(word)?;
        self.advance();
        Some(protocol)
    }

    pub(super) fn error(&self, at: At, mistake: Mistake) -> Diagnostic<Mistake> {
        Diagnostic { at, mistake }
    }

    pub(super) fn unexpected(&self, expected: &'static str) -> Diagnostic<Mistake> {
        let mistake = match self.peek() {
            Token::Name(word) => {
                Mistake::UnknownWord { word: (*word).to_owned(), nearest: nearest(word, words()) }
            }
            Token::Keyword(word) if FOREIGN.contains(word) => Mistake::Unsupported {
                what: (*word).to_owned(),
                why: "802.11, ATM, SS7 and pf captures are filtered by their fields: -Y",
            },
            Token::Keyword(word) | Token::Symbol(word) => {
                Mistake::Unexpected { found: format!("`{word}`"), expected }
            }
            Token::End => Mistake::Unexpected { found: "the end".to_owned(), expected },
            Token::Number(number) => Mistake::Unexpected { found: format!("`{number}`"), expected },
            _ => Mistake::Unexpected { found: "an address".to_owned(), expected },
        };
        self.error(self.at(), mistake)
    }

    /// Runs a reader, or, when it finds something else, goes back to where it began.
    pub(super) fn attempt<T>(&mut self, reader: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let (next, depth) = (self.next, self.depth);
        let read = reader(self);
        if read.is_none() {
            self.next = next;
            self.depth = depth;
        }
        read
    }

    /// Counts an operation of arithmetic.
    pub(super) fn count_operation(&mut self) -> Parsed<()> {
        self.operations = self.operations.saturating_add(1);
        match self.operations > MAX_OPERATIONS {
            true => Err(self.error(self.at(), Mistake::TooMuch)),
            false => Ok(()),
        }
    }

    pub(super) fn deeper<T>(&mut self, reader: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(self.at(), Mistake::TooMuch));
        }
        self.depth = self.depth.saturating_add(1);
        let read = reader(self);
        self.depth = self.depth.saturating_sub(1);
        read
    }

    /// Tests with `and` and `or` between them.
    fn expression(&mut self, inherited: Option<Qualifiers>) -> Parsed<Qualified> {
        let first = self.term(inherited)?;
        self.chain(first, |parser, qualifiers| parser.term_or_id(qualifiers))
    }

    /// What follows a first test, from left to right.
    fn chain(
        &mut self,
        first: Qualified,
        next: fn(&mut Self, Option<Qualifiers>) -> Parsed<Qualified>,
    ) -> Parsed<Qualified> {
        let (mut expression, mut qualifiers) = first;
        loop {
            let joined = if self.takes_word("and") {
                Expression::And
            } else if self.takes_word("or") {
                Expression::Or
            } else {
                return Ok((expression, qualifiers));
            };
            let (right, behind) = next(self, qualifiers)?;
            expression = joined(Box::new(expression), Box::new(right));
            qualifiers = behind;
        }
    }

    /// A test, or, behind `and` and `or`, only its last part.
    fn term_or_id(&mut self, inherited: Option<Qualifiers>) -> Parsed<Qualified> {
        if let Some(primitive) = self.relation() {
            return self.primitive(primitive);
        }
        if self.begins_id() { self.id(inherited) } else { self.term(inherited) }
    }

    /// Whether the next part is an address, perhaps in parentheses or behind `not`; a number with which a comparison begins is none.
    fn begins_id(&mut self) -> bool {
        let is_before = |token: &Token<'_>| matches!(token, Token::Keyword("not") | Token::Symbol("("));
        let before = (0..).take_while(|count| is_before(self.ahead(*count))).count();
        match self.ahead(before) {
            Token::Number(_) => !(0..=before).any(|count| self.begins_relation(count)),
            Token::Name(_) | Token::Ipv4(_) | Token::Ipv6(_) | Token::Ethernet(_) | Token::Arcnet(_) => true,
            _ => false,
        }
    }

    /// Whether a comparison begins so many parts ahead: `(20 < len)`, `not (5 + 6) < len`.
    fn begins_relation(&mut self, count: usize) -> bool {
        let (next, depth) = (self.next, self.depth);
        self.next = next.saturating_add(count);
        let begins = relation(self).is_some();
        (self.next, self.depth) = (next, depth);
        begins
    }

    fn relation(&mut self) -> Option<Parsed<(Primitive, At)>> {
        let start = self.at().start;
        let relation = relation(self)?;
        Some(relation.map(|primitive| (primitive, self.since(start))))
    }

    fn primitive(&mut self, primitive: Parsed<(Primitive, At)>) -> Parsed<Qualified> {
        let (primitive, at) = primitive?;
        self.count(&at)?;
        Ok((Expression::Primitive(primitive, at), None))
    }

    fn count(&mut self, at: &At) -> Parsed<()> {
        self.primitives = self.primitives.saturating_add(1);
        if self.primitives > MAX_PRIMITIVES {
            return Err(self.error(at.clone(), Mistake::TooMuch));
        }
        Ok(())
    }

    fn term(&mut self, inherited: Option<Qualifiers>) -> Parsed<Qualified> {
        if let Some(primitive) = self.relation() {
            return self.primitive(primitive);
        }
        if self.takes_word("not") {
            let (inner, qualifiers) = self.deeper(|parser| parser.term(inherited))?;
            return Ok((Expression::Not(Box::new(inner)), qualifiers));
        }
        if self.takes_symbol("(") {
            let (inner, _) = self.deeper(|parser| parser.expression(inherited))?;
            self.close(")", "`and`, `or` or `)`")?;
            return Ok((inner, inherited));
        }
        let start = self.at().start;
        if let Some(primitive) = self.other()? {
            return self.primitive(Ok((primitive, self.since(start))));
        }
        let protocol = self.protocol();
        if let Some(primitive) = self.cast(protocol) {
            return self.primitive(Ok((primitive, self.since(start))));
        }
        if let Some(qualifiers) = self.qualifiers(protocol) {
            return self.id(Some(qualifiers));
        }
        match protocol {
            Some(protocol) => self.primitive(Ok((Primitive::Protocol(protocol), self.since(start)))),
            None if self.begins_id() && !matches!(self.peek(), Token::Name(_)) => {
                Err(self.unexpected("`host`, `net`, `port`, `src` or `dst` before it"))
            }
            None => Err(self.unexpected("a test, as `host 10.0.0.1`, `tcp port 80` or `arp`")),
        }
    }

    /// `broadcast` and `multicast`.
    fn cast(&mut self, protocol: Option<Protocol>) -> Option<Primitive> {
        if self.takes_word("broadcast") {
            Some(Primitive::Broadcast(protocol))
        } else {
            self.takes_word("multicast").then_some(Primitive::Multicast(protocol))
        }
    }

    /// Direction and kind; at least one of them.
    fn qualifiers(&mut self, protocol: Option<Protocol>) -> Option<Qualifiers> {
        let direction = self.direction();
        let kinds = [Kind::Host, Kind::Net, Kind::Port, Kind::PortRange];
        let alone = [Kind::Protocol, Kind::ProtocolChain, Kind::Gateway];
        let kind = kinds.into_iter().find(|kind| self.takes_word(kind.word()));
        let kind = match (kind, direction) {
            (None, None) => Some(alone.into_iter().find(|kind| self.takes_word(kind.word()))?),
            (kind, _) => kind,
        };
        Some(Qualifiers { protocol, direction, kind })
    }

    fn direction(&mut self) -> Option<Direction> {
        let first = if self.takes_word("src") {
            Direction::Source
        } else if self.takes_word("dst") {
            Direction::Destination
        } else {
            return None;
        };
        let other = if first == Direction::Source { "dst" } else { "src" };
        let both = match (self.ahead(0), self.ahead(1)) {
            (Token::Keyword("or"), Token::Keyword(second)) if *second == other => Direction::Either,
            (Token::Keyword("and"), Token::Keyword(second)) if *second == other => Direction::Both,
            _ => return Some(first),
        };
        self.next = self.next.saturating_add(2);
        Some(both)
    }

    /// An address behind its words, or several in parentheses.
    fn id(&mut self, qualifiers: Option<Qualifiers>) -> Parsed<Qualified> {
        if self.takes_word("not") {
            let (inner, behind) = self.deeper(|parser| parser.id(qualifiers))?;
            return Ok((Expression::Not(Box::new(inner)), behind));
        }
        if self.takes_symbol("(") {
            let inner = self.deeper(|parser| {
                let first = parser.id(qualifiers)?;
                parser.chain(first, Self::id)
            })?;
            self.close(")", "`and`, `or` or `)`")?;
            return Ok(inner);
        }
        let at = self.at();
        let id = self.single_id()?;
        let whole = self.since(at.start);
        self.count(&whole)?;
        let Some(known) = qualifiers else {
            let expected = "`host`, `net`, `port`, `src` or `dst` before it";
            let mistake = Mistake::Unexpected { found: "an address alone".to_owned(), expected };
            return Err(self.error(whole, mistake));
        };
        Ok((Expression::Primitive(Primitive::Id(known, id), whole), qualifiers))
    }

    fn single_id(&mut self) -> Parsed<Id> {
        let id = match self.peek() {
            Token::Number(number) => Id::Number(*number),
            Token::Name(name) => Id::Name((*name).to_owned()),
            Token::Ethernet(address) => Id::Ethernet(*address),
            Token::Arcnet(address) => Id::Arcnet(*address),
            Token::Ipv4(address) => {
                self.advance();
                let address = (*address).to_owned();
                return Ok(Id::Ipv4 { address, mask: self.mask()? });
            }
            Token::Ipv6(address) => {
                self.advance();
                let has_len = self.takes_symbol("/");
                let prefix_len = has_len.then(|| self.number("the length of the prefix")).transpose()?;
                return Ok(Id::Ipv6 { address: *address, prefix_len });
            }
            _ => return Err(self.unexpected("an address, a number or a name")),
        };
        self.advance();
        Ok(id)
    }

    fn mask(&mut self) -> Parsed<Option<Mask>> {
        if self.takes_symbol("/") {
            return Ok(Some(Mask::PrefixLen(self.number("the length of the prefix")?)));
        }
        if !self.takes_word("mask") {
            return Ok(None);
        }
        let Token::Ipv4(mask) = self.peek() else { return Err(self.unexpected("a mask, as 255.255.0.0")) };
        self.advance();
        Ok(Some(Mask::Address((*mask).to_owned())))
    }

    /// Tests that are no addresses.
    fn other(&mut self) -> Parsed<Option<Primitive>> {
        let Token::Keyword(word) = self.peek() else { return Ok(None) };
        let optional = |parser: &mut Self| parser.attempt(Self::number_in_parentheses);
        self.advance();
        Ok(Some(match *word {
            "less" => Primitive::Less(self.number("a length")?),
            "greater" => Primitive::Greater(self.number("a length")?),
            "byte" => self.byte()?,
            "inbound" => Primitive::Inbound,
            "outbound" => Primitive::Outbound,
            "ifindex" => Primitive::InterfaceIndex(self.number("the index of an interface")?),
            "vlan" => Primitive::Vlan(optional(self)),
            "mpls" => Primitive::Mpls(optional(self)),
            "pppoed" => Primitive::PppoeDiscovery,
            "pppoes" => Primitive::PppoeSession(optional(self)),
            "geneve" => Primitive::Geneve(optional(self)),
            "vxlan" => Primitive::Vxlan(optional(self)),
            "llc" => Primitive::Llc(self.llc_control()?),
            _ => {
                self.next = self.next.saturating_sub(1);
                return Ok(None);
            }
        }))
    }

    /// A number, perhaps in parentheses.
    pub(super) fn number_in_parentheses(&mut self) -> Option<u32> {
        let depth = (0..MAX_DEPTH).take_while(|_| self.takes_symbol("(")).count();
        let Token::Number(number) = self.peek() else { return None };
        self.advance();
        (0..depth).all(|_| self.takes_symbol(")")).then_some(*number)
    }

    fn byte(&mut self) -> Parsed<Primitive> {
        let at = self.number("a place in the packet")?;
        let relation = match self.peek() {
            Token::Symbol("=" | "==") => ByteRelation::Equal,
            Token::Symbol("<") => ByteRelation::Less,
            Token::Symbol(">") => ByteRelation::Greater,
            Token::Symbol("&") => ByteRelation::And,
            Token::Symbol("|") => ByteRelation::Or,
            _ => return Err(self.unexpected("`=`, `<`, `>`, `&` or `|`")),
        };
        self.advance();
        Ok(Primitive::Byte(at, relation, self.number("a number")?))
    }

    /// IEEE 802.2, 5.4: the two lowest bits say the kind, the others the command.
    fn llc_control(&mut self) -> Parsed<Option<LlcControl>> {
        let word = match self.peek() {
            Token::Name(name) => *name,
            Token::Keyword("rnr") => "rnr",
            _ => return Ok(None),
        };
        let control = match word.to_ascii_lowercase().as_str() {
            "i" => LlcControl::Information,
            "s" => LlcControl::Supervisory,
            "u" => LlcControl::Unnumbered,
            "rr" => LlcControl::SupervisoryCommand(0x01),
            "rnr" => LlcControl::SupervisoryCommand(0x05),
            "rej" => LlcControl::SupervisoryCommand(0x09),
            "ui" => LlcControl::UnnumberedCommand(0x03),
            "ua" => LlcControl::UnnumberedCommand(0x63),
            "disc" => LlcControl::UnnumberedCommand(0x43),
            "dm" => LlcControl::UnnumberedCommand(0x0f),
            "sabme" => LlcControl::UnnumberedCommand(0x6f),
            "test" => LlcControl::UnnumberedCommand(0xe3),
            "xid" => LlcControl::UnnumberedCommand(0xaf),
            "frmr" => LlcControl::UnnumberedCommand(0x87),
            _ => {
                let what = "kind of LLC frame";
                let mistake = Mistake::UnknownName { what, name: word.to_owned(), nearest: None };
                return Err(self.error(self.at(), mistake));
            }
        };
        self.advance();
        Ok(Some(control))
    }
}

//! The parts that a field filter is cut into.

use crate::diagnostic::At;

/// A part of the text, and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'t> {
    pub(super) at: At,
    pub(super) part: Part<'t>,
}

/// What a part is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part<'t> {
    /// A name, a number, an address, octets, or a word that is an operator: what it is, its place tells.
    Word(&'t str),
    /// Text between double quotes, escapes resolved.
    Text(Vec<u8>),
    /// A character between single quotes.
    Char(u8),
    /// What stands between `[` and `]`.
    Ranges(&'t str),
    Symbol(Symbol),
    End,
}

/// Signs of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol {
    AllEqual,
    AnyUnequal,
    Equal,
    Unequal,
    LessOrEqual,
    GreaterOrEqual,
    Less,
    Greater,
    Matches,
    And,
    Or,
    Xor,
    Not,
    BitAnd,
    Plus,
    Minus,
    Times,
    Divide,
    Remainder,
    Open,
    Close,
    OpenBrace,
    CloseBrace,
    Comma,
    Range,
    Layer,
}

/// All signs, longer ones before those that they begin with.
pub(super) const SYMBOLS: &[(&str, Symbol)] = &[
    ("===", Symbol::AllEqual),
    ("!==", Symbol::AnyUnequal),
    ("~=", Symbol::AnyUnequal),
    ("==", Symbol::Equal),
    ("!=", Symbol::Unequal),
    ("<=", Symbol::LessOrEqual),
    (">=", Symbol::GreaterOrEqual),
    ("&&", Symbol::And),
    ("||", Symbol::Or),
    ("^^", Symbol::Xor),
    ("..", Symbol::Range),
    ("<", Symbol::Less),
    (">", Symbol::Greater),
    ("~", Symbol::Matches),
    ("!", Symbol::Not),
    ("&", Symbol::BitAnd),
    ("+", Symbol::Plus),
    ("-", Symbol::Minus),
    ("*", Symbol::Times),
    ("/", Symbol::Divide),
    ("%", Symbol::Remainder),
    ("(", Symbol::Open),
    (")", Symbol::Close),
    ("{", Symbol::OpenBrace),
    ("}", Symbol::CloseBrace),
    (",", Symbol::Comma),
    ("#", Symbol::Layer),
];

/// Signs of other languages, and those that are meant.
pub(super) const FOREIGN: &[(&str, &str)] = &[
    ("=", "`==` is equal, `!=` is not equal"),
    ("|", "`||` is or"),
    ("^", "`^^` is xor"),
    ("@", "the octets of a field are a slice of its protocol: `ip[8]`"),
    ("$", "references to a selected packet and macros are Wireshark's alone"),
    ("'", "text stands between double quotes"),
    ("?", "`matches` takes regular expressions: `frame.protocols matches \"tcp|udp\"`"),
];

impl Part<'_> {
    /// What it is, for messages.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("`{}`", shortened(word)),
            Self::Text(text) => format!("\"{}\"", shortened(&String::from_utf8_lossy(text))),
            Self::Char(_) => "a character".to_owned(),
            Self::Ranges(_) => "`[`".to_owned(),
            Self::End => "the end of the filter".to_owned(),
            Self::Symbol(symbol) => {
                let text = SYMBOLS.iter().find(|(_, known)| known == symbol).map_or("", |(text, _)| text);
                format!("`{text}`")
            }
        }
    }
}

/// What somebody wrote, short enough for a message.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Letters of foreign words in a message.
const MAX_SHOWN: usize = 40;

//! The one-line expression as a tree with places.
//!
//! ```text
//! expression = packet { line's end packet }
//! packet     = layers { "," name "=" value }           what stands behind the layers is the packet's: count=3
//! layers     = layer { "/" layer }
//! layer      = text | name [ "(" [ field { "," field } ] ")" ]
//! field      = name [ "=" value ]                     a name alone is true
//! value      = text | word | list | table | expression of layers with parentheses
//! list       = "[" [ item { "," item } ] "]"
//! item       = value | name "=" value                 the latter is a table with one name
//! table      = "{" [ field { "," field } ] "}"
//! text       = '"' … '"' with \n \r \t \0 \\ \" \u{…}, or "'" … "'" as it stands
//! ```
//!
//! A word is all up to the next blank, quote or one of `, = ( ) [ ] { }`, so that numbers, addresses, ranges, networks
//! and hexadecimal digits need no quotes; `random(…)` is one word.

use std::borrow::Cow;

use super::Diagnostic;
use super::mistake::Mistake;
use super::tree::{Entry, Shape, Text, Tree};
use crate::diagnostic::At;

/// Reads an expression, as the table of one packet; of several, each on lines of its own, as a list of them.
///
/// # Errors
/// The first place where it is none.
pub(super) fn parse(text: &str) -> Result<Tree<'_>, Diagnostic> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    parser.blanks();
    let start = parser.at;
    let first = parser.packet()?;
    if parser.peek().is_none() {
        return Ok(first);
    }
    let mut packets = vec![first];
    while parser.peek().is_some() {
        if !parser.is_on_new_line() {
            return Err(parser.unexpected("`/`, `,` or the end"));
        }
        packets.push(parser.packet()?);
    }
    Ok(Tree::new(start..text.trim_end().len(), Shape::List(packets)))
}

/// Reads `NAME=VALUE`: a list, a table or a text in quotes as expressions have them; all else is a word, blanks and all.
///
/// # Errors
/// The first place where it is none.
pub(super) fn parse_setting(text: &str) -> Result<Entry<'_>, Diagnostic> {
    let whole = 0..text.len();
    let Some((name, value)) = text.split_once('=') else {
        let found = super::mistake::shortened(text);
        return Err(Diagnostic { at: whole, mistake: Mistake::NotSet { found } });
    };
    let start = name.len().saturating_add(1);
    let start = start.saturating_add(value.len().saturating_sub(value.trim_start().len()));
    let key = Cow::Borrowed(name.trim());
    let (key_at, at) = (0..name.len(), start..start.saturating_add(value.trim().len()));
    let word = value.trim();
    let value = match word {
        "true" => Tree::new(at, Shape::Bool(true)),
        "false" => Tree::new(at, Shape::Bool(false)),
        _ if word.starts_with(['[', '{', '"', '\'']) => {
            let mut parser = Parser { text, at: start, depth: 0 };
            let value = parser.value()?;
            parser.blanks();
            if parser.peek().is_some() {
                return Err(parser.unexpected("the end"));
            }
            value
        }
        _ => Tree::new(at, Shape::Text(Text { text: Cow::Borrowed(word), verbatim: Some(start) })),
    };
    Ok(Entry { key, key_at, value })
}

struct Parser<'s> {
    text: &'s str,
    /// Octets read so far; always on a letter's border.
    at: usize,
    depth: usize,
}

impl<'s> Parser<'s> {
    fn rest(&self) -> &'s str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self, octets: usize) {
        self.at = self.at.saturating_add(octets);
    }

    fn blanks(&mut self) {
        self.skip(self.rest().len().saturating_sub(self.rest().trim_start().len()));
    }

    /// Reads over `wanted`, with the blanks around it, if it comes next.
    fn takes(&mut self, wanted: char) -> bool {
        self.blanks();
        let found = self.peek() == Some(wanted);
        if found {
            self.skip(wanted.len_utf8());
            self.blanks();
        }
        found
    }

    fn error(&self, at: At, message: &str) -> Diagnostic {
        Diagnostic { at, mistake: Mistake::Syntax { message: message.to_owned() } }
    }

    fn unexpected(&self, wanted: &str) -> Diagnostic {
        let next = self.peek();
        let found = next.map_or("the end".to_owned(), |letter| format!("`{letter}`"));
        let end = self.at.saturating_add(next.map_or(0, char::len_utf8));
        self.error(self.at..end, &format!("expected {wanted}, found {found}"))
    }

    /// Layers between `/`, up to what is no layer.
    fn layers(&mut self) -> Result<Shape<'s>, Diagnostic> {
        let mut layers = Vec::new();
        loop {
            self.blanks();
            layers.push(match self.peek() {
                Some('"' | '\'') => self.string()?,
                _ => {
                    let (name, at) = self.name("a layer's name or a text in quotes")?;
                    self.layer(name, at)?
                }
            });
            if !self.takes('/') {
                return Ok(Shape::List(layers));
            }
        }
    }

    /// Layers, and what stands beside them.
    fn packet(&mut self) -> Result<Tree<'s>, Diagnostic> {
        let start = self.at;
        let layers = self.layers()?;
        let at = start..self.end_of_last();
        let key = Cow::Borrowed("layers");
        let mut entries = vec![Entry { key, key_at: at.clone(), value: Tree::new(at, layers) }];
        while self.takes(',') {
            let (name, key_at) = self.name("the name of something that a packet has")?;
            if !self.takes('=') {
                return Err(self.unexpected("`=`"));
            }
            if entries.iter().any(|entry| entry.key == name) {
                return Err(Diagnostic { at: key_at, mistake: Mistake::Twice { name: name.to_owned() } });
            }
            entries.push(Entry { key: Cow::Borrowed(name), key_at, value: self.value()? });
            self.blanks();
        }
        Ok(Tree::new(start..self.end_of_last(), Shape::Table(entries)))
    }

    /// The end of what was read, without the blanks behind it.
    fn end_of_last(&self) -> usize {
        self.text.get(..self.at).unwrap_or_default().trim_end().len()
    }

    /// Whether a line's end stands between what was read and what comes.
    fn is_on_new_line(&self) -> bool {
        self.text.get(self.end_of_last()..self.at).is_some_and(|blanks| blanks.contains('\n'))
    }

    /// A layer whose name has been read.
    fn layer(&mut self, name: &'s str, at: At) -> Result<Tree<'s>, Diagnostic> {
        let start = at.start;
        self.blanks();
        let fields_at = self.at;
        let fields = match self.peek() {
            Some('(') => self.nested(|parser| parser.fields(')'))?,
            _ => Shape::Table(Vec::new()),
        };
        let value = Tree::new(fields_at..self.at.max(fields_at), fields);
        let entry = Entry { key: Cow::Borrowed(name), key_at: at, value };
        Ok(Tree::new(start..self.at, Shape::Table(vec![entry])))
    }

    /// Reads what stands behind an opening bracket.
    fn nested(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<Shape<'s>, Diagnostic>,
    ) -> Result<Shape<'s>, Diagnostic> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(self.at..self.at.saturating_add(1), "nested too deep"));
        }
        self.depth = self.depth.saturating_add(1);
        self.skip(1);
        let shape = inner(self);
        self.depth = self.depth.saturating_sub(1);
        shape
    }

    /// Fields up to `close`.
    fn fields(&mut self, close: char) -> Result<Shape<'s>, Diagnostic> {
        let mut entries = Vec::new();
        loop {
            if self.takes_close(close) {
                return Ok(Shape::Table(entries));
            }
            let (name, key_at) = self.name(&format!("a field's name or `{close}`"))?;
            let value =
                if self.takes('=') { self.value()? } else { Tree::new(key_at.clone(), Shape::Bool(true)) };
            entries.push(Entry { key: Cow::Borrowed(name), key_at, value });
            self.comma(close)?;
        }
    }

    fn list(&mut self) -> Result<Shape<'s>, Diagnostic> {
        let mut list = Vec::new();
        loop {
            if self.takes_close(']') {
                return Ok(Shape::List(list));
            }
            let start = self.at;
            let mut item = self.item()?;
            if let Shape::Text(Text { text, .. }) = &item.shape
                && self.takes('=')
            {
                let entry = Entry { key: text.clone(), key_at: item.at.clone(), value: self.value()? };
                item = Tree::new(start..self.at, Shape::Table(vec![entry]));
            }
            list.push(item);
            self.comma(']')?;
        }
    }

    /// A value in a list, where a name with fields is not a packet of one layer, but an option with what it holds.
    fn item(&mut self) -> Result<Tree<'s>, Diagnostic> {
        self.blanks();
        let is_name = self.peek() != Some('[');
        let mut item = self.value()?;
        if let Shape::List(layers) = &mut item.shape
            && let (true, [_]) = (is_name, layers.as_slice())
            && let Some(layer) = layers.pop()
        {
            return Ok(layer);
        }
        Ok(item)
    }

    /// Reads a closing bracket, and no blanks behind it: it ends the place of what it closes.
    fn takes_close(&mut self, close: char) -> bool {
        self.blanks();
        let found = self.peek() == Some(close);
        if found {
            self.skip(close.len_utf8());
        }
        found
    }

    /// Reads the comma between two things; before `close` it may be left out.
    fn comma(&mut self, close: char) -> Result<(), Diagnostic> {
        if self.takes(',') || self.peek() == Some(close) {
            return Ok(());
        }
        Err(self.unexpected(&format!("`,` or `{close}`")))
    }

    fn value(&mut self) -> Result<Tree<'s>, Diagnostic> {
        self.blanks();
        let start = self.at;
        let shape = match self.peek() {
            Some('[') => self.nested(Self::list)?,
            Some('{') => self.nested(|parser| parser.fields('}'))?,
            Some('"' | '\'') => return self.string(),
            _ => self.word()?,
        };
        Ok(Tree::new(start..self.at, shape))
    }

    fn word(&mut self) -> Result<Shape<'s>, Diagnostic> {
        let start = self.at;
        let len = word_len(self.rest());
        let mut word = self.rest().get(..len).unwrap_or_default();
        if word.is_empty() {
            return Err(self.unexpected("a value"));
        }
        if word != RANDOM && self.rest().get(len..).is_some_and(|rest| rest.starts_with('(')) {
            // Layers, as a quoted packet has them.
            return self.layers();
        }
        self.skip(len);
        if self.peek() == Some('(') {
            let Some(end) = self.rest().find(')') else {
                return Err(self.error(self.at..self.text.len(), "`(` without `)`"));
            };
            self.skip(end.saturating_add(1));
            word = self.text.get(start..self.at).unwrap_or_default();
        }
        Ok(match word {
            "true" => Shape::Bool(true),
            "false" => Shape::Bool(false),
            _ => Shape::Text(Text { text: Cow::Borrowed(word), verbatim: Some(start) }),
        })
    }

    /// A name: letters, digits, `_`, `-` and dots.
    fn name(&mut self, wanted: &str) -> Result<(&'s str, At), Diagnostic> {
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
        let len = self.rest().find(|letter| !is_part(letter)).unwrap_or(self.rest().len());
        let name = self.rest().get(..len).unwrap_or_default();
        if name.is_empty() {
            return Err(self.unexpected(wanted));
        }
        let at = self.at..self.at.saturating_add(len);
        self.skip(len);
        Ok((name, at))
    }

    /// A text between quotes; without escapes it is borrowed.
    fn string(&mut self) -> Result<Tree<'s>, Diagnostic> {
        let start = self.at;
        let quote = self.peek().unwrap_or('"');
        self.skip(1);
        let first = self.at;
        let mut owned: Option<String> = None;
        loop {
            let rest = self.rest();
            let is_end = |letter: char| letter == quote || (letter == '\\' && quote == '"');
            let Some(len) = rest.find(is_end) else {
                return Err(
                    self.error(start..self.text.len(), &format!("a text without its closing `{quote}`"))
                );
            };
            let plain = rest.get(..len).unwrap_or_default();
            self.skip(len);
            if let Some(owned) = &mut owned {
                owned.push_str(plain);
            }
            if self.peek() == Some(quote) {
                self.skip(1);
                let text = match owned {
                    Some(owned) => Text { text: Cow::Owned(owned), verbatim: None },
                    None => Text { text: Cow::Borrowed(plain), verbatim: Some(first) },
                };
                return Ok(Tree::new(start..self.at, Shape::Text(text)));
            }
            let letter = self.escape()?;
            owned.get_or_insert_with(|| plain.to_owned()).push(letter);
        }
    }

    fn escape(&mut self) -> Result<char, Diagnostic> {
        let start = self.at;
        self.skip(1);
        let simple =
            [('n', '\n'), ('r', '\r'), ('t', '\t'), ('0', '\0'), ('\\', '\\'), ('"', '"'), ('\'', '\'')];
        if let Some((_, letter)) = simple.into_iter().find(|(name, _)| self.peek() == Some(*name)) {
            self.skip(1);
            return Ok(letter);
        }
        let digits =
            self.rest().strip_prefix("u{").and_then(|rest| rest.split_once('}')).map(|(digits, _)| digits);
        let letter = digits.and_then(|digits| char::from_u32(u32::from_str_radix(digits, 16).ok()?));
        if let (Some(letter), Some(digits)) = (letter, digits) {
            self.skip(digits.len().saturating_add(3));
            return Ok(letter);
        }
        let end = self.at.saturating_add(self.peek().map_or(0, char::len_utf8));
        Err(self.error(start..end, "no such escape: there are \\n \\r \\t \\0 \\\\ \\\" and \\u{…}"))
    }
}

/// How long the word at the beginning of a text is; `${name}` is a part of it.
fn word_len(text: &str) -> usize {
    let mut is_name = false;
    let mut last = ' ';
    for (at, letter) in text.char_indices() {
        is_name = is_name || (letter == '{' && last == '$');
        if !is_name && ends_word(letter) {
            return at;
        }
        is_name = is_name && letter != '}' && letter != '"';
        last = letter;
    }
    text.len()
}

fn ends_word(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, ',' | '=' | '(' | ')' | '[' | ']' | '{' | '}' | '"' | '\'')
}

const RANDOM: &str = "random";
/// Enough for as many quoted packets as a packet may have layers.
const MAX_DEPTH: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The tree in short: tables in braces, lists in brackets.
    fn shown(tree: &Tree<'_>) -> String {
        match &tree.shape {
            Shape::Text(text) => text.text.to_string(),
            Shape::Bool(bit) => bit.to_string(),
            Shape::List(list) => format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(" ")),
            Shape::Table(entries) => {
                let entries: Vec<String> =
                    entries.iter().map(|entry| format!("{}:{}", entry.key, shown(&entry.value))).collect();
                format!("{{{}}}", entries.join(" "))
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_expressions_say() {
        for (text, wanted) in [
            ("arp", "{layers:[{arp:{}}]}"),
            (" ip ( ) / udp ", "{layers:[{ip:{}} {udp:{}}]}"),
            (
                "ip(dst=10.77.2.2, ttl=1..30/2, flags.df)/tcp(flags=S,)/\"h\\\"i\\u{e9}\"",
                "{layers:[{ip:{dst:10.77.2.2 ttl:1..30/2 flags.df:true}} {tcp:{flags:S}} h\"ié]}",
            ),
            ("ip(ttl=random( 1..5 ),src=10.0.0.0/8)", "{layers:[{ip:{ttl:random( 1..5 ) src:10.0.0.0/8}}]}"),
            (
                "tcp(options=[mss=1460, sack_perm, {ts={a=1}}, sack=[[1,2]]], dstport=[80, 443])",
                "{layers:[{tcp:{options:[{mss:1460} sack_perm {ts:{a:1}} {sack:[[1 2]]}] dstport:[80 443]}}]}",
            ),
            (
                "tcp(options=[timestamp(tsval=1, tsecr=2), [ip(ttl=1)]])",
                "{layers:[{tcp:{options:[{timestamp:{tsval:1 tsecr:2}} [{ip:{ttl:1}}]]}}]}",
            ),
            (
                "icmp(type=3, quoted=ip(src=::1)/udp(dstport=5)/'a\\b', code=1)",
                "{layers:[{icmp:{type:3 quoted:[{ip:{src:::1}} {udp:{dstport:5}} a\\b] code:1}}]}",
            ),
            ("ip\n/udp,\ncount=3\n\nip()\n", "[{layers:[{ip:{}} {udp:{}}] count:3} {layers:[{ip:{}}]}]"),
            ("ip, count=3, fragment={size=576}", "{layers:[{ip:{}}] count:3 fragment:{size:576}}"),
            ("ip(dst=10.${net}.0.1, ttl=$ttl)", "{layers:[{ip:{dst:10.${net}.0.1 ttl:$ttl}}]}"),
            ("ipv6.fraghdr(more=true)", "{layers:[{ipv6.fraghdr:{more:true}}]}"),
            ("arp(src.hw_mac=02:00:00:00:00:01)", "{layers:[{arp:{src.hw_mac:02:00:00:00:00:01}}]}"),
        ] {
            assert_eq!(shown(&parse(text).unwrap()), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_expression() {
        for (text, wanted) in [
            ("", "0..0 expected a layer's name or a text in quotes, found the end"),
            ("ip/", "3..3 expected a layer's name or a text in quotes, found the end"),
            ("ip udp", "3..4 expected `/`, `,` or the end, found `u`"),
            ("ip, ", "4..4 expected the name of something that a packet has, found the end"),
            ("ip, count", "9..9 expected `=`, found the end"),
            ("ip, count=1, count=2", "13..18 count is written twice"),
            ("ip(ttl=", "7..7 expected a value, found the end"),
            ("ip(ttl=1", "8..8 expected `,` or `)`, found the end"),
            ("ip(ttl=1]", "8..9 expected `,` or `)`, found `]`"),
            ("ip(=1)", "3..4 expected a field's name or `)`, found `=`"),
            ("ip(ttl=random(1..5", "13..18 `(` without `)`"),
            ("\"hi", "0..3 a text without its closing `\"`"),
            ("\"\\x\"", "1..3 no such escape: there are \\n \\r \\t \\0 \\\\ \\\" and \\u{…}"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(format!("{:?} {}", error.at, error.mistake), wanted, "{text}");
        }
        let deep = format!("ip(a={}", "[".repeat(100_000));
        assert_eq!(parse(&deep).unwrap_err().mistake.to_string(), "nested too deep");
        let quoted = "icmp(quoted=".repeat(10_000);
        assert_eq!(parse(&quoted).unwrap_err().mistake.to_string(), "nested too deep");
    }

    proptest! {
        #[test]
        fn any_text_is_no_panic(text in "[ip/(){}\\[\\]=,.\"'\\\\a1é ]{0,30}|\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}

//! JSON (RFC 8259) as a tree with places, and streams of it cut into single texts.
//!
//! Written here because no well-kept reader gives the places of keys and values.

use std::borrow::Cow;

use super::Diagnostic;
use super::mistake::{Mistake, shortened};
use super::tree::{Entry, Shape, Text, Tree};
use crate::diagnostic::At;

/// Reads one JSON text.
///
/// # Errors
/// The first place where it is none.
pub(super) fn parse(text: &str) -> Result<Tree<'_>, Diagnostic> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    parser.blanks();
    let tree = parser.value()?;
    parser.blanks();
    match parser.peek() {
        None => Ok(tree),
        Some(_) => Err(parser.unexpected("the end")),
    }
}

struct Parser<'s> {
    text: &'s str,
    /// Octets read so far; always on a letter's border.
    at: usize,
    depth: usize,
}

impl<'s> Parser<'s> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'s str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, octets: usize) {
        self.at = self.at.saturating_add(octets);
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.skip(1);
        }
    }

    /// Reads over `wanted` if it comes next.
    fn takes(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.skip(1);
        }
        found
    }

    fn error(&self, at: At, message: String) -> Diagnostic {
        Diagnostic { at, mistake: Mistake::Syntax { message } }
    }

    fn unexpected(&self, wanted: &str) -> Diagnostic {
        let next = self.rest().chars().next();
        let found = next.map_or("the end of the text".to_owned(), |letter| format!("`{letter}`"));
        let end = self.at.saturating_add(next.map_or(0, char::len_utf8));
        self.error(self.at..end, format!("JSON: expected {wanted}, found {found}"))
    }

    fn value(&mut self) -> Result<Tree<'s>, Diagnostic> {
        let start = self.at;
        let shape = match self.peek() {
            Some(b'{') => self.nested(Self::table)?,
            Some(b'[') => self.nested(Self::list)?,
            Some(b'"') => Shape::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b'a'..=b'z') => self.word()?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Tree::new(start..self.at, shape))
    }

    fn nested(
        &mut self,
        inner: fn(&mut Self) -> Result<Shape<'s>, Diagnostic>,
    ) -> Result<Shape<'s>, Diagnostic> {
        if self.depth >= MAX_DEPTH {
            return Err(self
                .error(self.at..self.at.saturating_add(1), format!("JSON: nested deeper than {MAX_DEPTH}")));
        }
        self.depth = self.depth.saturating_add(1);
        self.skip(1);
        let shape = inner(self);
        self.depth = self.depth.saturating_sub(1);
        shape
    }

    fn table(&mut self) -> Result<Shape<'s>, Diagnostic> {
        let mut entries: Vec<Entry<'s>> = Vec::new();
        self.blanks();
        if self.takes(b'}') {
            return Ok(Shape::Table(entries));
        }
        loop {
            self.blanks();
            let key_start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a name in quotes"));
            }
            let key = self.string()?.text;
            let key_at = key_start..self.at;
            if entries.iter().any(|entry| entry.key == key) {
                let name = format!("`{}`", shortened(&key));
                return Err(Diagnostic { at: key_at, mistake: Mistake::Twice { name } });
            }
            if entries.len() >= MAX_NAMES {
                return Err(self.error(key_at, format!("JSON: more than {MAX_NAMES} names in one object")));
            }
            self.blanks();
            if !self.takes(b':') {
                return Err(self.unexpected("`:`"));
            }
            self.blanks();
            let value = self.value()?;
            entries.push(Entry { key, key_at, value });
            self.blanks();
            if self.takes(b'}') {
                return Ok(Shape::Table(entries));
            }
            if !self.takes(b',') {
                return Err(self.unexpected("`,` or `}`"));
            }
        }
    }

    fn list(&mut self) -> Result<Shape<'s>, Diagnostic> {
        let mut list = Vec::new();
        self.blanks();
        if self.takes(b']') {
            return Ok(Shape::List(list));
        }
        loop {
            self.blanks();
            list.push(self.value()?);
            self.blanks();
            if self.takes(b']') {
                return Ok(Shape::List(list));
            }
            if !self.takes(b',') {
                return Err(self.unexpected("`,` or `]`"));
            }
        }
    }

    fn word(&mut self) -> Result<Shape<'s>, Diagnostic> {
        let words =
            [("true", Shape::Bool(true)), ("false", Shape::Bool(false)), ("null", Shape::Other("null"))];
        for (word, shape) in words {
            if self.rest().starts_with(word) {
                self.skip(word.len());
                return Ok(shape);
            }
        }
        Err(self.unexpected("a value"))
    }

    fn number(&mut self) -> Result<Shape<'s>, Diagnostic> {
        let is_part = |octet: &u8| matches!(octet, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let len = self.rest().bytes().take_while(is_part).count();
        let number = self.rest().get(..len).unwrap_or_default();
        let at = self.at..self.at.saturating_add(len);
        self.skip(len);
        if !is_number(number) {
            return Err(self.error(at, format!("JSON: `{}` is no number", shortened(number))));
        }
        if number.contains(['.', 'e', 'E']) {
            return Ok(Shape::Other("a number with a fraction"));
        }
        Ok(number.parse().map_or(Shape::Other("a number of that size"), Shape::Integer))
    }

    /// Reads a string; without escapes it is borrowed.
    fn string(&mut self) -> Result<Text<'s>, Diagnostic> {
        let start = self.at;
        self.skip(1);
        let first = self.at;
        let mut owned: Option<String> = None;
        loop {
            let rest = self.rest();
            let Some(len) = rest.bytes().position(|octet| octet == b'"' || octet == b'\\' || octet < b' ')
            else {
                return Err(
                    self.error(start..self.text.len(), "JSON: a string without its closing `\"`".to_owned())
                );
            };
            let plain = rest.get(..len).unwrap_or_default();
            self.skip(len);
            if let Some(owned) = &mut owned {
                owned.push_str(plain);
            }
            match self.peek() {
                Some(b'"') => {
                    self.skip(1);
                    return Ok(match owned {
                        Some(owned) => Text { text: Cow::Owned(owned), verbatim: None },
                        None => Text { text: Cow::Borrowed(plain), verbatim: Some(first) },
                    });
                }
                Some(b'\\') => {
                    let letter = self.escape()?;
                    owned.get_or_insert_with(|| plain.to_owned()).push(letter);
                }
                _ => {
                    let at = self.at..self.at.saturating_add(1);
                    return Err(
                        self.error(at, "JSON: a control character in a string is written \\u00XX".to_owned())
                    );
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Diagnostic> {
        let start = self.at;
        self.skip(1);
        let wrong = |parser: &Self| {
            let at = start..parser.at.saturating_add(1).min(parser.text.len());
            parser.error(at, "JSON: no such escape".to_owned())
        };
        let letter = match self.peek() {
            Some(letter @ (b'"' | b'\\' | b'/')) => char::from(letter),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let unit = self.unit().ok_or_else(|| wrong(self))?;
                return self.beyond(unit).ok_or_else(|| wrong(self));
            }
            _ => return Err(wrong(self)),
        };
        self.skip(1);
        Ok(letter)
    }

    /// Reads `uXXXX`.
    fn unit(&mut self) -> Option<u16> {
        let digits = self.rest().strip_prefix('u')?.get(..4)?;
        let unit = u16::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
        self.skip(5);
        Some(unit)
    }

    /// A letter from its UTF-16 unit, or from two. Half a pair becomes the replacement character, as most readers have it.
    fn beyond(&mut self, unit: u16) -> Option<char> {
        if !(0xd800..0xdc00).contains(&unit) || !self.rest().starts_with("\\u") {
            return Some(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        self.skip(1);
        let second = self.unit()?;
        let mut letters = char::decode_utf16([unit, second]);
        Some(letters.next()?.unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}

/// Cuts a stream of JSON texts into single ones, without reading them: told octet by octet, it knows where one ends.
#[derive(Debug, Clone, Default)]
pub struct Splitter {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Splitter {
    /// Takes the next octets; returns how many of them belong to a text that ends with them, if one ends.
    pub fn end(&mut self, octets: &[u8]) -> Option<usize> {
        for (place, octet) in octets.iter().enumerate() {
            match octet {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth = self.depth.saturating_add(1),
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(place.saturating_add(1));
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// Enough for as many quoted packets as a packet may have layers.
const MAX_DEPTH: usize = 128;
/// More than any layer has fields; each new name is compared with those before it.
const MAX_NAMES: usize = 4096;

/// Whether a text is a number as RFC 8259, section 6, has it.
fn is_number(text: &str) -> bool {
    let (number, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(a, b)| (a, Some(b)));
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(a, b)| (a, Some(b)));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    are_digits(digits)
        && (digits == "0" || !digits.starts_with('0'))
        && fraction.is_none_or(are_digits)
        && exponent.is_none_or(|exponent| are_digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(text: &str) -> String {
        let error = parse(text).unwrap_err();
        format!("{:?} {}", error.at, error.mistake)
    }

    #[test]
    fn what_is_no_json() {
        for (text, wanted) in [
            ("", "0..0 JSON: expected a value, found the end of the text"),
            ("{\"a\" 1}", "5..6 JSON: expected `:`, found `1`"),
            ("{a: 1}", "1..2 JSON: expected a name in quotes, found `a`"),
            ("[1, é]", "4..6 JSON: expected a value, found `é`"),
            ("[1 2]", "3..4 JSON: expected `,` or `]`, found `2`"),
            ("{\"a\": 1, \"a\": 2}", "9..12 `a` is written twice"),
            ("[01]", "1..3 JSON: `01` is no number"),
            ("0.", "0..2 JSON: `0.` is no number"),
            ("[-]", "1..2 JSON: `-` is no number"),
            ("1.e5", "0..4 JSON: `1.e5` is no number"),
            ("00.5", "0..4 JSON: `00.5` is no number"),
            ("1e+", "0..3 JSON: `1e+` is no number"),
            ("[1-2]", "1..4 JSON: `1-2` is no number"),
            ("\"\\x\"", "1..3 JSON: no such escape"),
            ("\"\\u12\"", "1..3 JSON: no such escape"),
            ("\"abc", "0..4 JSON: a string without its closing `\"`"),
            ("\"a\u{1}\"", "2..3 JSON: a control character in a string is written \\u00XX"),
            ("1 2", "2..3 JSON: expected the end, found `2`"),
        ] {
            assert_eq!(message(text), wanted, "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(message(&deep), "128..129 JSON: nested deeper than 128");
        let names: Vec<String> = (0..5000).map(|name| format!("\"{name}\":0")).collect();
        assert!(
            message(&format!("{{{}}}", names.join(",")))
                .ends_with("JSON: more than 4096 names in one object")
        );
    }

    #[test]
    fn strings_with_escapes() {
        let tree = parse(r#""\u00e9\ud83d\ude00\ud83d \n\/""#).unwrap();
        assert_eq!(tree.text(), Some("é😀\u{fffd} \n/"));
    }

    #[test]
    fn a_stream_is_cut_between_its_texts() {
        let stream = br#"{"a":"}{\"]"} [{"b":[]}]"#;
        let first = Splitter::default().end(stream);
        assert_eq!(first, Some(13));
        assert_eq!(Splitter::default().end(&stream[13..]), Some(11));
        let mut by_one = Splitter::default();
        assert_eq!(stream.iter().position(|octet| by_one.end(&[*octet]).is_some()), Some(12));
    }

    fn same(ours: &Tree<'_>, theirs: &serde_json::Value) -> bool {
        match (&ours.shape, theirs) {
            // Beyond 64 bits serde_json has floating point.
            (Shape::Integer(a), b) => {
                b.as_i64().map(i128::from).or(b.as_u64().map(i128::from)).is_none_or(|b| b == *a)
            }
            (Shape::Bool(a), b) => b.as_bool() == Some(*a),
            (Shape::Text(a), b) => b.as_str() == Some(&a.text),
            (Shape::List(a), serde_json::Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (Shape::Table(a), serde_json::Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|entry| same(&entry.value, &b[entry.key.as_ref()]))
            }
            (Shape::Other(_), _) => true,
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(text in r#"[ \[\]{}",:\\a-cnut0-9.e-]{0,12}|\[("\PC{0,3}"|-?[0-9]{1,20}|true|null|[1-9]\.[0-9]),"(\\[nt/"\\]|\\u[0-9a-d]{4}|é){0,5}"\]"#) {
            match (parse(&text), serde_json::from_str::<serde_json::Value>(&text)) {
                (Ok(ours), Ok(theirs)) => prop_assert!(same(&ours, &theirs), "{text}"),
                (Err(_), Err(_)) => {}
                // Half a pair of surrogates is let through, a name that stands twice is not.
                (Ok(_), Err(_)) => prop_assert!(text.contains("\\u"), "{text}"),
                (Err(error), Ok(_)) => prop_assert!(matches!(error.mistake, Mistake::Twice { .. }), "{text}"),
            }
        }

        #[test]
        fn any_text_is_no_panic(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}

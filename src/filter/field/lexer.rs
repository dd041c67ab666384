//! Cuts the text of a field filter into its parts.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::escape;
use super::mistake::Mistake;
use super::token::{FOREIGN, Part, SYMBOLS, Token};
use crate::diagnostic::{At, Diagnostic};

/// All parts of a text, [`Part::End`] last.
///
/// # Errors
/// The first place that is no part.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, Diagnostic<Mistake>> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks();
        let start = lexer.at;
        let part = match lexer.part() {
            Ok(part) => part,
            Err((at, mistake)) => return Err(Diagnostic { at, mistake }),
        };
        let is_end = part == Part::End;
        tokens.push(Token { at: start..lexer.at, part });
        if is_end {
            return Ok(tokens);
        }
    }
}

type Wrong = (At, Mistake);

struct Lexer<'t> {
    text: &'t str,
    /// Octets read so far; always on a letter's border.
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, octets: usize) {
        self.at = self.at.saturating_add(octets);
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.skip(rest.len().saturating_sub(rest.trim_start().len()));
    }

    /// From `start` up to here.
    fn since(&self, start: usize) -> At {
        start..self.at
    }

    fn part(&mut self) -> Result<Part<'t>, Wrong> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Part::End) };
        if first == '"' || rest.starts_with("r\"") || rest.starts_with("R\"") {
            return self.text_literal(first != '"');
        }
        if first == '\'' {
            return self.character();
        }
        if first == '[' {
            return self.ranges();
        }
        let len = word_len(rest);
        if len > 0 {
            self.skip(len);
            return Ok(Part::Word(rest.get(..len).unwrap_or_default()));
        }
        match SYMBOLS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            Some((sign, symbol)) => {
                self.skip(sign.len());
                Ok(Part::Symbol(*symbol))
            }
            None => Err(self.foreign(first)),
        }
    }

    fn foreign(&self, first: char) -> Wrong {
        let at = self.at..self.at.saturating_add(first.len_utf8());
        let known = FOREIGN.iter().find(|(sign, _)| sign.starts_with(first));
        (at, Mistake::Sign { sign: first, help: known.map(|(_, help)| *help) })
    }

    /// Text between double quotes; a raw one keeps its backslashes.
    fn text_literal(&mut self, is_raw: bool) -> Result<Part<'t>, Wrong> {
        let start = self.at;
        self.skip(if is_raw { 2 } else { 1 });
        let inside_at = self.at;
        let rest = self.rest();
        let mut is_escaped = false;
        let end = rest.bytes().position(|octet| {
            let ends = octet == b'"' && !is_escaped;
            is_escaped = octet == b'\\' && !is_escaped;
            ends
        });
        let Some(end) = end else {
            let opened = if is_raw { "r\"" } else { "\"" };
            return Err((start..self.text.len(), Mistake::Unclosed { opened, wanted: "\"" }));
        };
        let inside = rest.get(..end).unwrap_or_default();
        self.skip(end.saturating_add(1));
        if is_raw {
            return Ok(Part::Text(inside.replace("\\\"", "\"").into_bytes()));
        }
        escape::resolve(inside).map(Part::Text).map_err(|at| {
            let place = inside_at.saturating_add(at.start)..inside_at.saturating_add(at.end);
            (place, Mistake::Escape)
        })
    }

    /// A character between single quotes, which stands for its number.
    fn character(&mut self) -> Result<Part<'t>, Wrong> {
        let start = self.at;
        self.skip(1);
        let rest = self.rest();
        let escaped = usize::from(rest.starts_with('\\'));
        let end = rest.bytes().enumerate().skip(escaped.saturating_add(1)).find(|(_, octet)| *octet == b'\'');
        let Some((end, _)) = end else {
            return Err((start..self.text.len(), Mistake::Unclosed { opened: "'", wanted: "'" }));
        };
        let inside = rest.get(..end).unwrap_or_default();
        self.skip(end.saturating_add(1));
        match escape::resolve(inside).as_deref() {
            Ok([octet]) => Ok(Part::Char(*octet)),
            Ok(_) => Err((self.since(start), Mistake::Character)),
            Err(_) => Err((self.since(start), Mistake::Escape)),
        }
    }

    /// What stands between brackets, which has a syntax of its own.
    fn ranges(&mut self) -> Result<Part<'t>, Wrong> {
        let start = self.at;
        let inside = self.rest().get(1..).unwrap_or_default();
        let Some(end) = inside.find(']') else {
            return Err((start..self.text.len(), Mistake::Unclosed { opened: "[", wanted: "]" }));
        };
        self.skip(end.saturating_add(2));
        Ok(Part::Ranges(inside.get(..end).unwrap_or_default()))
    }
}

/// How many octets of `text` make a word; 0 when it does not begin with one.
fn word_len(text: &str) -> usize {
    let hyphened = hyphened_len(text);
    if hyphened > 0 {
        return hyphened;
    }
    let mut len = 0usize;
    let mut before = 0u8;
    for (at, octet) in text.bytes().enumerate() {
        let next = text.as_bytes().get(at.saturating_add(1)).copied().unwrap_or_default();
        let belongs = match octet {
            // Two dots make a range.
            b'.' => next != b'.' && at > 0 && before != b'.',
            b':' => at > 0 || next == b':',
            _ => octet.is_ascii_alphanumeric() || octet == b'_',
        };
        if !belongs {
            break;
        }
        before = octet;
        len = at.saturating_add(1);
    }
    len.saturating_add(prefix_len(text, len))
}

/// Octets written with hyphens between them, `00-11-22`: how long they are, 0 when there are none.
fn hyphened_len(text: &str) -> usize {
    let is_word = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'_' | b'-' | b'.' | b':');
    let len = text.bytes().take_while(is_word).count();
    let word = text.get(..len).unwrap_or_default();
    let is_octet =
        |part: &str| matches!(part.len(), 1 | 2) && part.bytes().all(|digit| digit.is_ascii_hexdigit());
    // `10-5` is a difference.
    let is_octets = word.split('-').count() > 2 || word.split('-').all(|part| part.len() == 2);
    if word.contains('-') && is_octets && word.split('-').all(is_octet) { len } else { 0 }
}

/// The length of `/24` behind an address that takes the first `len` octets of `text`; elsewhere `/` divides.
fn prefix_len(text: &str, len: usize) -> usize {
    let word = text.get(..len).unwrap_or_default();
    if word.parse::<Ipv4Addr>().is_err() && word.parse::<Ipv6Addr>().is_err() {
        return 0;
    }
    let digits = text.get(len..).and_then(|rest| rest.strip_prefix('/')).unwrap_or_default();
    match digits.bytes().take_while(u8::is_ascii_digit).count() {
        0 => 0,
        count => count.saturating_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::field::token::Symbol;

    fn words(text: &str) -> Vec<String> {
        tokens(text).unwrap().iter().map(|token| token.part.describe()).collect()
    }

    #[test]
    fn words_are_names_numbers_addresses_and_octets() {
        for (text, wanted) in [
            ("ip.src==10.0.0.0/8", "`ip.src` `==` `10.0.0.0/8` the end of the filter"),
            ("frame.len/2", "`frame.len` `/` `2` the end of the filter"),
            ("{1..5,::1}", "`{` `1` `..` `5` `,` `::1` `}` the end of the filter"),
            ("10.0.0.5..10.0.0.9", "`10.0.0.5` `..` `10.0.0.9` the end of the filter"),
            ("00-11-22 00:11 0.1.0.d", "`00-11-22` `00:11` `0.1.0.d` the end of the filter"),
            ("frame.len-1", "`frame.len` `-` `1` the end of the filter"),
            ("10-5 -1", "`10` `-` `5` `-` `1` the end of the filter"),
            ("!tcp&&!(udp)", "`!` `tcp` `&&` `!` `(` `udp` `)` the end of the filter"),
            ("fe80::/10 fe80::1/64", "`fe80::/10` `fe80::1/64` the end of the filter"),
            ("ip.src#2 !== 1 ~ 2 ~= 3", "`ip.src` `#` `2` `!==` `1` `~` `2` `!==` `3` the end of the filter"),
        ] {
            assert_eq!(words(text).join(" "), wanted, "{text}");
        }
    }

    #[test]
    fn texts_characters_and_ranges() {
        let parts = |text| tokens(text).unwrap().into_iter().map(|token| token.part).collect::<Vec<_>>();
        assert_eq!(parts(r#""a\"\x41\101\n""#)[0], Part::Text(b"a\"AA\n".to_vec()));
        assert_eq!(parts(r#"r"a\"\x41""#)[0], Part::Text(br#"a"\x41"#.to_vec()));
        assert_eq!(parts(r"'\n' '\'' 'b'")[..3], [Part::Char(10), Part::Char(39), Part::Char(98)]);
        assert_eq!(parts("a[0:3, -1]")[1], Part::Ranges("0:3, -1"));
        assert_eq!(parts("")[0], Part::End);
        assert_eq!(tokens("tcp && x").unwrap()[1], Token { at: 4..6, part: Part::Symbol(Symbol::And) });
    }

    #[test]
    fn what_is_no_part_is_told_with_its_place() {
        for (text, at) in [
            ("ip.src = 1", 7..8),
            ("a | b", 2..3),
            ("\"abc", 0..4),
            ("'ab'", 0..4),
            ("'a", 0..2),
            ("a[1", 1..3),
            (r#"x "a\q""#, 4..6),
            ("\u{e9}", 0..2),
        ] {
            assert_eq!(tokens(text).unwrap_err().at, at, "{text}");
        }
    }
}

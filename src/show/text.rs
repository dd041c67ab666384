//! Text from outside, made harmless: no octet of a packet or a file can move a cursor, clear a screen, turn the direction
//! of writing or look like the beginning of another line.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt::{self, Write};

/// A writer that lets printable characters through and writes all others as `\u{1b}`.
#[derive(Debug)]
pub struct Printable<'o>(pub &'o mut String);

impl Write for Printable<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        push_printable(self.0, text);
        Ok(())
    }

    fn write_char(&mut self, character: char) -> fmt::Result {
        match is_printable(character) {
            true => self.0.push(character),
            false => self.0.extend(character.escape_unicode()),
        }
        Ok(())
    }
}

/// Appends `text`, with every character that is not printable as `\u{1b}`.
pub fn push_printable(out: &mut String, text: &str) {
    // Nearly all text is plain ASCII: one look at the octets is enough.
    if text.bytes().all(|octet| matches!(octet, 0x20..0x7f)) {
        out.push_str(text);
        return;
    }
    for character in text.chars() {
        match is_printable(character) {
            true => out.push(character),
            false => out.extend(character.escape_unicode()),
        }
    }
}

/// `text` with every character that is not printable as `\u{1b}`.
pub fn printable(text: &str) -> String {
    let mut out = String::new();
    push_printable(&mut out, text);
    out
}

/// Whether a terminal shows the character at its place and does nothing else. Control characters are not printable, nor
/// those that are invisible or turn the direction of writing (Unicode Standard, table 23-2 and annex 9).
pub fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Appends `text` as a JSON string with its quotes. Control characters, and whatever else a terminal should not get, are
/// written as `\u001b`.
pub fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            printable if is_printable(printable) => out.push(printable),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    out.push_str("\\u");
                    for octet in unit.to_be_bytes() {
                        super::value::push_hex_octet(out, octet);
                    }
                }
            }
        }
    }
    out.push('"');
}

/// The character that stands for an octet where octets are shown as text: itself when it is printable ASCII, else a dot.
pub fn octet_as_char(octet: u8) -> char {
    if matches!(octet, 0x20..0x7f) { char::from(octet) } else { '.' }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_escape_sequence_becomes_text() {
        let mut out = String::new();
        write!(Printable(&mut out), "a\x1b[2J\n\u{9b}é\u{202e}").unwrap();
        assert_eq!(out, "a\\u{1b}[2J\\u{a}\\u{9b}é\\u{202e}");
    }

    #[test]
    fn json_strings_are_escaped_as_rfc_8259_wants() {
        let mut out = String::new();
        push_json_string(&mut out, "\"\\\n\u{1b}\u{85}é\u{e0041}");
        assert_eq!(out, r#""\"\\\n\u001b\u0085é\udb40\udc41""#);
    }

    proptest! {
        #[test]
        fn nothing_unprintable_comes_out(text: String) {
            let mut printed = String::new();
            push_printable(&mut printed, &text);
            prop_assert!(printed.chars().all(is_printable));
            let mut json = String::new();
            push_json_string(&mut json, &text);
            prop_assert!(json.chars().all(is_printable));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}

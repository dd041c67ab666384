//! Text from outside, made harmless: no octet of a packet or a file can move a cursor, clear a screen, turn the direction
//! of writing or look like the beginning of another line.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt;

pub use crate::wire::text::is_printable;

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

/// Appends `text` as a JSON string with its quotes. Control characters, and whatever else a terminal should not get, are
/// written as `\u001b`.
pub fn push_json_string(out: &mut impl fmt::Write, text: &str) {
    push_json_lines(out, std::iter::once(text));
}

/// The same of several texts, as one with a line's end between each two.
pub fn push_json_lines<'t>(out: &mut impl fmt::Write, texts: impl Iterator<Item = &'t str>) {
    // Writing into memory cannot fail.
    let _: fmt::Result = out.write_char('"');
    for (at, text) in texts.enumerate() {
        let between = if at == 0 { "" } else { "\\n" };
        let _: fmt::Result = out.write_str(between).and_then(|()| write_json_text(out, text));
    }
    let _: fmt::Result = out.write_char('"');
}

/// Writes a text as it stands between the quotes.
fn write_json_text(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let is_plain = |octet: u8| matches!(octet, 0x20..0x7f) && !matches!(octet, b'"' | b'\\');
    if text.bytes().all(is_plain) {
        return out.write_str(text);
    }
    for character in text.chars() {
        match character {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            printable if is_printable(printable) => out.write_char(printable)?,
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
        }
    }
    Ok(())
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

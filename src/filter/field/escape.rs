//! Escapes in texts and characters: those of C, `\u` and `\U` for characters by their number.

use crate::diagnostic::At;

/// The octets that a text stands for.
///
/// # Errors
/// The place of the first escape that is none.
pub(super) fn resolve(text: &str) -> Result<Vec<u8>, At> {
    let mut octets = Vec::with_capacity(text.len());
    let mut at = 0usize;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let plain = rest.find('\\').unwrap_or(rest.len());
        octets.extend_from_slice(rest.as_bytes().get(..plain).unwrap_or_default());
        at = at.saturating_add(plain);
        let Some(escape) = text.get(at..).and_then(|rest| rest.strip_prefix('\\')) else { break };
        match one(escape, &mut octets) {
            Some(len) => at = at.saturating_add(len).saturating_add(1),
            None => return Err(at..at.saturating_add(1).saturating_add(first_len(escape))),
        }
    }
    Ok(octets)
}

/// Resolves what stands behind a backslash; returns its length.
fn one(escape: &str, octets: &mut Vec<u8>) -> Option<usize> {
    let single = match escape.bytes().next()? {
        quoted @ (b'\'' | b'"' | b'\\') => quoted,
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'x' | b'X' => {
            let digits = digits(escape.get(1..)?, 16, 2)?;
            octets.push(u8::from_str_radix(digits, 16).ok()?);
            return Some(digits.len().saturating_add(1));
        }
        b'0'..=b'7' => {
            let digits = digits(escape, 8, 3)?;
            octets.push(u8::from_str_radix(digits, 8).ok()?);
            return Some(digits.len());
        }
        b'u' => return character(escape, 4, octets),
        b'U' => return character(escape, 8, octets),
        _ => return None,
    };
    octets.push(single);
    Some(1)
}

/// A character by its number of so many digits.
fn character(escape: &str, len: usize, octets: &mut Vec<u8>) -> Option<usize> {
    let digits = digits(escape.get(1..)?, 16, len).filter(|digits| digits.len() == len)?;
    let character = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
    octets.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Some(len.saturating_add(1))
}

/// The digits, at most so many, that a text begins with.
fn digits(text: &str, radix: u32, most: usize) -> Option<&str> {
    let len = text.chars().take(most).take_while(|digit| digit.is_digit(radix)).count();
    text.get(..len).filter(|digits| !digits.is_empty())
}

fn first_len(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn escapes() {
        assert_eq!(
            resolve(r"\a\b\f\n\r\t\v\\\x7\x41g\101\0018").unwrap(),
            b"\x07\x08\x0c\n\r\t\x0b\\\x07AgA\x018"
        );
        assert_eq!(resolve(r"\u00e9\U0001f980").unwrap(), "\u{e9}\u{1f980}".as_bytes());
        for (text, at) in [
            (r"ab\q", 2..4),
            (r"\x", 0..2),
            (r"\u12", 0..2),
            (r"\U00110000", 0..2),
            ("\\\u{e9}", 0..3),
            (r"\", 0..1),
            (r"\777", 0..2),
        ] {
            assert_eq!(resolve(text), Err(at), "{text}");
        }
    }
}

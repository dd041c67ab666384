//! Domain names and character strings as they stand in messages (RFC 1035 §3.3, §4.1.4), and their texts.
//!
//! A name is labels, each behind an octet with its length, up to an empty label or to a pointer: the place in the message
//! where the rest of the name stands. Its text says just what is on the wire, so that every name has one text and every
//! text one name: `www.example.com`, `www.@12` (the rest stands at octet 12 of the message), `.` (no label). In a label `.`,
//! `@` and `\` have a `\` before them; control characters, and octets that are no UTF-8, are `\DDD` (RFC 1035 §5.1).

use std::fmt;

use super::text::Text;

/// Octets of a name with its length octets, at most (RFC 1035 §2.3.4).
pub const MOST_NAME_OCTETS: usize = 255;
/// Octets of a label, at most.
const MOST_LABEL_OCTETS: usize = 63;
/// The greatest place that a pointer can say.
const MOST_POINTER: u16 = 0x3fff;
/// Pointers that are followed for one name: each leads to a label, or further.
const MOST_POINTERS: usize = 128;

/// A name as it stands in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameRef<'a> {
    /// Its octets.
    pub octets: &'a [u8],
    /// The message, in which its pointers point.
    pub message: &'a [u8],
}

/// How many octets the name takes with which `octets` begin; more than there are, where it goes on behind them. `None`: it
/// is no name, since it is too long or has labels of a kind that there is not.
pub fn name_len(octets: &[u8]) -> Option<usize> {
    let mut at = 0usize;
    loop {
        let len = match octets.get(at) {
            None => return Some(octets.len().saturating_add(1)),
            Some(0) => return Some(at.saturating_add(1)).filter(|len| *len <= MOST_NAME_OCTETS),
            Some(0xc0..) => {
                let len = at.saturating_add(2);
                return Some(len).filter(|len| *len <= MOST_NAME_OCTETS.saturating_add(1));
            }
            Some(len @ 1..=0x3f) => usize::from(*len),
            Some(_) => return None,
        };
        at = at.saturating_add(len).saturating_add(1);
        if at >= MOST_NAME_OCTETS {
            return None;
        }
    }
}

/// How many octets the character string takes with which `octets` begin; more than there are, where it goes on.
pub fn string_len(octets: &[u8]) -> usize {
    octets.first().map_or(1, |len| usize::from(*len).saturating_add(1))
}

/// A step through a name.
enum Step<'a> {
    Label(&'a [u8]),
    Pointer(u16),
    End,
}

/// The first step of the name that stands at the beginning of `octets`, and what is behind it; `None` where it is cut.
fn step(octets: &[u8]) -> Option<(Step<'_>, &[u8])> {
    let (first, rest) = octets.split_first()?;
    match *first {
        0 => Some((Step::End, rest)),
        high @ 0xc0.. => {
            let (low, rest) = rest.split_first()?;
            Some((Step::Pointer(u16::from_be_bytes([high & 0x3f, *low])), rest))
        }
        len @ 1..=0x3f => {
            let (label, rest) = rest.split_at_checked(usize::from(len))?;
            Some((Step::Label(label), rest))
        }
        _ => None,
    }
}

impl NameRef<'_> {
    /// Whether a part of it stands elsewhere.
    pub fn is_compressed(&self) -> bool {
        let mut left = self.octets;
        while let Some((step, rest)) = step(left) {
            match step {
                Step::Label(_) => left = rest,
                Step::Pointer(_) => return true,
                Step::End => return false,
            }
        }
        false
    }

    /// Appends the whole name with a dot behind each label, as nearly all names can be written: all of it stands here, and is
    /// letters, digits, `-` and `_`. `false`, and nothing is appended, of any other.
    pub fn put_plain(&self, out: &mut Text) -> bool {
        let start = out.len();
        let mut left = self.octets;
        while let Some((Step::Label(label), rest)) = step(left)
            && out.put_plain(label)
        {
            out.put(".");
            left = rest;
        }
        let is_plain = out.len() > start && left.first() == Some(&0);
        if !is_plain {
            out.truncate(start);
        }
        is_plain
    }

    /// Writes the whole name, wherever its parts stand: `www.example.com`. A pointer that leads nowhere, or in a circle, is
    /// written as `@` and its place.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_whole(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let (mut left, mut pointers, mut octets, mut labels) = (self.octets, 0usize, 0usize, 0usize);
        while let Some((step, rest)) = step(left) {
            match step {
                Step::End => break,
                Step::Label(label) => {
                    octets = octets.saturating_add(label.len()).saturating_add(1);
                    if octets >= MOST_NAME_OCTETS {
                        return out.write_str("...");
                    }
                    if labels > 0 {
                        out.write_char('.')?;
                    }
                    labels = labels.saturating_add(1);
                    write_escaped(out, label, &['.', '\\'])?;
                    left = rest;
                }
                Step::Pointer(at) => {
                    pointers = pointers.saturating_add(1);
                    match self.message.get(usize::from(at)..) {
                        Some(there) if pointers <= MOST_POINTERS && leads_on(there) => left = there,
                        _ => return write_pointer(out, labels, at),
                    }
                }
            }
        }
        if labels == 0 { out.write_char('.') } else { Ok(()) }
    }
}

/// Whether a name can be read on from here.
fn leads_on(octets: &[u8]) -> bool {
    step(octets).is_some()
}

/// What is on the wire: the text that specs take back.
impl fmt::Display for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut left, mut labels) = (self.octets, 0usize);
        while let Some((step, rest)) = step(left) {
            match step {
                Step::End => break,
                Step::Pointer(at) => return write_pointer(f, labels, at),
                Step::Label(label) => {
                    if labels > 0 {
                        f.write_str(".")?;
                    }
                    labels = labels.saturating_add(1);
                    write_escaped(f, label, &['.', '@', '\\'])?;
                    left = rest;
                }
            }
        }
        if labels == 0 { f.write_str(".") } else { Ok(()) }
    }
}

fn write_pointer(out: &mut dyn fmt::Write, labels: usize, at: u16) -> fmt::Result {
    write!(out, "{}@{at}", if labels > 0 { "." } else { "" })
}

/// Writes the text of octets, with a `\` before each of the `special` characters.
///
/// # Errors
/// Those of `out`.
pub fn write_escaped(out: &mut dyn fmt::Write, octets: &[u8], special: &[char]) -> fmt::Result {
    // Nearly always there is nothing to escape, and mostly that is seen at once: none of these is ever special.
    let is_usual = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    if let Some(usual) = str::from_utf8(octets).ok().filter(|_| octets.iter().all(is_usual)) {
        return out.write_str(usual);
    }
    let is_plain = |&octet: &u8| matches!(octet, b' '..=b'~') && !special.contains(&char::from(octet));
    if let Some(plain) = str::from_utf8(octets).ok().filter(|_| octets.iter().all(is_plain)) {
        return out.write_str(plain);
    }
    for chunk in octets.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\0'..='\u{1f}' | '\u{7f}' => write!(out, "\\{:03}", u32::from(character))?,
                _ if special.contains(&character) => {
                    out.write_char('\\')?;
                    out.write_char(character)?;
                }
                _ => out.write_char(character)?,
            }
        }
        chunk.invalid().iter().try_for_each(|octet| write!(out, "\\{octet:03}"))?;
    }
    Ok(())
}

/// What is wrong with the text of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextMistake {
    /// Two dots, or a dot at the beginning.
    #[error("a label between two dots is empty")]
    EmptyLabel,
    /// A label that is too long.
    #[error("a label has more than {MOST_LABEL_OCTETS} octets")]
    LongLabel,
    /// A name that is too long.
    #[error("it has more than {MOST_NAME_OCTETS} octets")]
    Long,
    /// A backslash without three digits or a character.
    #[error("behind `\\` stands a character, or three digits of at most 255")]
    Escape,
    /// An `@` that no number follows.
    #[error("behind `@` stands the place of the rest in the message, 0 to {MOST_POINTER}")]
    Pointer,
}

/// The octets of the name whose text this is.
///
/// # Errors
/// When it is no such text.
pub fn name_of_text(text: &str) -> Result<Vec<u8>, TextMistake> {
    let mut octets = Vec::new();
    let mut rest = if text == "." { "" } else { text };
    while !rest.is_empty() {
        if let Some(place) = rest.strip_prefix('@') {
            let is_number = !place.is_empty() && place.bytes().all(|digit| digit.is_ascii_digit());
            let place: Option<u16> = place.parse().ok();
            let place = place.filter(|place| is_number && *place <= MOST_POINTER);
            octets.extend((place.ok_or(TextMistake::Pointer)? | 0xc000).to_be_bytes());
            return Ok(octets);
        }
        let (label, behind) = unescaped(rest, Some('.'))?;
        let len = u8::try_from(label.len()).ok().filter(|len| usize::from(*len) <= MOST_LABEL_OCTETS);
        let len = len.ok_or(TextMistake::LongLabel)?;
        if len == 0 {
            return Err(TextMistake::EmptyLabel);
        }
        octets.push(len);
        octets.extend(label);
        if octets.len() >= MOST_NAME_OCTETS {
            return Err(TextMistake::Long);
        }
        rest = behind;
    }
    octets.push(0);
    Ok(octets)
}

/// The octets of the character string whose text this is, without its length octet.
///
/// # Errors
/// When it is no such text.
pub fn string_of_text(text: &str) -> Result<Vec<u8>, TextMistake> {
    unescaped(text, None).map(|(octets, _)| octets)
}

/// The octets up to `end` or the end of the text, and what is behind that.
fn unescaped(text: &str, end: Option<char>) -> Result<(Vec<u8>, &str), TextMistake> {
    let mut octets = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if Some(character) == end {
            break;
        }
        if character != '\\' {
            octets.extend(character.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        let first = characters.next().ok_or(TextMistake::Escape)?;
        match first.to_digit(10) {
            None => octets.extend(first.encode_utf8(&mut [0; 4]).bytes()),
            Some(hundreds) => {
                let mut digit = || characters.next().and_then(|digit| digit.to_digit(10));
                let number = digit().zip(digit()).map(|(tens, ones)| [hundreds, tens, ones]);
                let number = number.ok_or(TextMistake::Escape)?;
                let number =
                    number.iter().fold(0u32, |sum, digit| sum.saturating_mul(10).saturating_add(*digit));
                octets.push(u8::try_from(number).map_err(|_| TextMistake::Escape)?);
            }
        }
    }
    Ok((octets, characters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(octets: &[u8], message: &[u8]) -> String {
        let mut text = String::new();
        NameRef { octets, message }.write_whole(&mut text).unwrap();
        text
    }

    #[test]
    fn names_and_their_texts() {
        for (text, octets) in [
            (".", &b"\0"[..]),
            ("example.com", b"\x07example\x03com\0"),
            ("www.@12", b"\x03www\xc0\x0c"),
            ("@16383", b"\xff\xff"),
            (r"a\.b.\@\\", b"\x03a.b\x02@\\\0"),
            (r"\000\255é", b"\x04\0\xff\xc3\xa9\0"),
        ] {
            assert_eq!(name_of_text(text).as_deref(), Ok(octets));
            assert_eq!(NameRef { octets, message: &[] }.to_string(), text);
            assert_eq!(name_len(octets), Some(octets.len()));
        }
        assert_eq!(name_of_text("example.com."), name_of_text("example.com"));
        for (text, mistake) in [
            ("a..b", TextMistake::EmptyLabel),
            (".a", TextMistake::EmptyLabel),
            ("a.@", TextMistake::Pointer),
            ("@+1", TextMistake::Pointer),
            ("@16384", TextMistake::Pointer),
            (r"a\", TextMistake::Escape),
            (r"a\256", TextMistake::Escape),
            (r"a\1", TextMistake::Escape),
        ] {
            assert_eq!(name_of_text(text), Err(mistake), "{text}");
        }
        assert_eq!(name_of_text(&"a".repeat(64)), Err(TextMistake::LongLabel));
        assert_eq!(name_of_text(&"a.".repeat(128)), Err(TextMistake::Long));
        assert_eq!(name_of_text(&"a.".repeat(127)).map(|name| name.len()), Ok(255));
    }

    #[test]
    fn pointers_are_followed_but_not_in_circles() {
        let message = b"\x03com\0\x07example\xc0\0\x03www\xc0\x05\xc0\x12\xc0\xff";
        assert_eq!(whole(b"\xc0\x0f", message), "www.example.com");
        assert_eq!(whole(b"\xc0\x15", message), "@18", "a pointer into the middle of another: {message:?}");
        assert_eq!(whole(b"\x01a\xc0\xff", message), "a.@255");
        let circle = b"\x01a\xc0\0";
        assert!(whole(circle, circle).len() < 512);
        assert_eq!(whole(b"\xc0\0", b"\xc0\0"), "@0");
    }

    #[test]
    fn what_is_no_name_is_told() {
        assert_eq!(name_len(b""), Some(1));
        assert_eq!(name_len(b"\x03ab"), Some(4), "it is cut");
        assert_eq!(name_len(b"\xc0"), Some(2), "it is cut");
        assert_eq!(name_len(b"\x40a\0"), None);
        assert_eq!(name_len(&[1; 300]), None);
    }

    proptest! {
        #[test]
        fn every_name_has_one_text(octets in proptest::collection::vec(any::<u8>(), 0..80), message: Vec<u8>) {
            let Some(len) = name_len(&octets).filter(|len| *len <= octets.len()) else { return Ok(()) };
            let octets = &octets[..len];
            let text = NameRef { octets, message: &message }.to_string();
            prop_assert_eq!(name_of_text(&text), Ok(octets.to_vec()));
            prop_assert!(!text.chars().any(|character| character.is_ascii_control()));
            whole(octets, &message);
        }

        #[test]
        fn every_text_has_one_name(labels in proptest::collection::vec("[^.@]{1,20}", 1..5)) {
            let text = labels.join(".");
            if let Ok(octets) = name_of_text(&text) {
                let again = NameRef { octets: &octets, message: &[] }.to_string();
                prop_assert_eq!(name_of_text(&again), Ok(octets));
            }
        }

        #[test]
        fn every_string_has_a_text(octets in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut text = String::new();
            write_escaped(&mut text, &octets, &['\\']).unwrap();
            prop_assert_eq!(string_of_text(&text), Ok(octets));
        }
    }
}

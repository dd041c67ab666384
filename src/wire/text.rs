//! Text as it is made for lines and JSON: digit by digit into one buffer that is used again and again. The machinery of
//! `core::fmt` takes several times as long as everything else that happens to a packet.
//!
//! What may come from a packet or a file goes through [`fmt::Write`] (so `write!` is safe), which lets nothing through that
//! is not printable; [`Text::put`] takes only what cannot be anything else: words of the program, numbers, addresses.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::digits::{
    ASCII_ZEROS, DECIMAL_OCTETS, HUNDRED_MILLION, eight_digits, eight_digits_of_small, eight_hex_digits,
    hex_digits, octet_and_dot,
};
pub use super::short::Short;
use super::value::ValueRef;

/// Text that grows at its end.
#[derive(Debug, Clone, Default)]
pub struct Text {
    /// UTF-8: all that can be appended is.
    pub(super) octets: Vec<u8>,
}

/// What can be appended without a look at it.
pub trait Put {
    /// Appends it.
    fn put(self, out: &mut Text);
}

impl Text {
    /// Text with room for so many octets.
    pub fn with_capacity(octets: usize) -> Self {
        Self { octets: Vec::with_capacity(octets) }
    }

    /// Appends words, a number, or an address; returns itself for what follows.
    #[inline]
    pub fn put(&mut self, piece: impl Put) -> &mut Self {
        piece.put(self);
        self
    }

    /// Appends `true` or `false`.
    #[inline]
    pub fn flag(&mut self, is_true: bool) {
        // One store of eight octets for both, as with numbers.
        let (word, len) = if is_true { (*b"true    ", 4usize) } else { (*b"false   ", 5) };
        let end = self.octets.len().saturating_add(len);
        self.octets.extend_from_slice(&word);
        self.octets.truncate(end);
    }

    /// Appends text as it stands: whoever calls knows that it is printable, or is not for a terminal.
    #[inline]
    pub fn push_str(&mut self, text: &str) {
        self.octets.extend_from_slice(text.as_bytes());
    }

    /// Appends other text.
    #[inline]
    pub fn append(&mut self, other: &Self) {
        self.octets.extend_from_slice(&other.octets);
    }

    /// Appends a character as it stands.
    #[inline]
    pub fn push(&mut self, character: char) {
        match u8::try_from(character) {
            Ok(octet @ 0..0x80) => self.octets.push(octet),
            _ => self.push_str(character.encode_utf8(&mut [0; 4])),
        }
    }

    /// Octets so far.
    pub fn len(&self) -> usize {
        self.octets.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.octets.clear();
    }

    /// Gives back memory beyond so many octets.
    pub fn shrink_to(&mut self, octets: usize) {
        self.octets.shrink_to(octets);
    }

    /// Takes back what was appended since there were `len` octets.
    pub fn truncate(&mut self, len: usize) {
        self.octets.truncate(len);
    }

    /// The last octet.
    #[inline]
    pub fn last(&self) -> Option<u8> {
        self.octets.last().copied()
    }

    /// All of it, to be written somewhere.
    pub fn as_octets(&self) -> &[u8] {
        &self.octets
    }

    /// All of it.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.octets).unwrap_or_default()
    }

    /// Appends a decimal number.
    #[inline]
    pub fn uint(&mut self, number: u64) {
        match number {
            0..HUNDRED_MILLION => self.leading(number),
            _ => self.long_uint(number),
        }
    }

    /// Appends the number that is an octet.
    #[inline]
    pub fn octet(&mut self, octet: u8) {
        let digits = DECIMAL_OCTETS.get(usize::from(octet)).copied().unwrap_or_default();
        let [.., len] = digits;
        let end = self.octets.len().saturating_add(usize::from(len));
        self.octets.extend_from_slice(&digits);
        self.octets.truncate(end);
    }

    fn long_uint(&mut self, number: u64) {
        let (high, low) = (number / HUNDRED_MILLION, number % HUNDRED_MILLION);
        match u8::try_from(high) {
            // All numbers of 32 bits.
            Ok(high) => self.octet(high),
            Err(_) if high < HUNDRED_MILLION => self.leading(high),
            Err(_) => {
                self.leading(high / HUNDRED_MILLION);
                self.octets.extend_from_slice(&eight_digits(high).to_le_bytes());
            }
        }
        self.octets.extend_from_slice(&eight_digits_of_small(low).to_le_bytes());
    }

    /// Appends the last `width` (at most 20) decimal digits of a number, with leading zeros.
    #[inline]
    pub fn padded(&mut self, number: u64, width: usize) {
        match width {
            9 => self.nanoseconds(number),
            6 => self.microseconds(number),
            _ => {
                let mut digits = [b'0'; 20];
                let mut left = number;
                for digit in digits.iter_mut().rev().take(width) {
                    *digit = b'0'.saturating_add(u8::try_from(left % 10).unwrap_or(0));
                    left /= 10;
                }
                let first = digits.len().saturating_sub(width);
                self.octets.extend_from_slice(digits.get(first..).unwrap_or_default());
            }
        }
    }

    /// Appends the last six decimal digits.
    #[inline]
    pub fn microseconds(&mut self, number: u64) {
        let [_, _, digits @ ..] = eight_digits(number).to_le_bytes();
        self.octets.extend_from_slice(&digits);
    }

    /// Appends the last nine decimal digits.
    pub fn nanoseconds(&mut self, number: u64) {
        let [_, _, first @ ..] = eight_digits(number / 1_000).to_le_bytes();
        let [_, _, _, _, _, last @ ..] = eight_digits(number % 1_000).to_le_bytes();
        self.octets.extend_from_slice(&first);
        self.octets.extend_from_slice(&last);
    }

    /// Appends octets as hex digits.
    pub fn hex(&mut self, octets: &[u8]) {
        self.octets.reserve(octets.len().saturating_mul(2));
        let (chunks, rest) = octets.as_chunks::<4>();
        for chunk in chunks {
            self.octets.extend_from_slice(&eight_hex_digits(*chunk).to_le_bytes());
        }
        for octet in rest {
            self.octets.extend_from_slice(&hex_digits(*octet));
        }
    }

    /// Appends a MAC address. Its text is put together in registers: octets that are stored one by one and loaded together
    /// have to wait for each other.
    #[inline]
    pub fn mac(&mut self, [a, b, c, d, e, f]: [u8; 6]) {
        let (first, last) = (eight_hex_digits([a, b, c, d]), eight_hex_digits([e, f, 0, 0]));
        let pair = |digits: u64, at: u32| u128::from(digits.wrapping_shr(at.wrapping_mul(16)) & 0xffff);
        let text = pair(first, 0)
            | pair(first, 1).wrapping_shl(24)
            | pair(first, 2).wrapping_shl(48)
            | pair(first, 3).wrapping_shl(72)
            | pair(last, 0).wrapping_shl(96)
            | pair(last, 1).wrapping_shl(120)
            | u128::from_le_bytes(*b"\0\0:\0\0:\0\0:\0\0:\0\0:\0");
        let [_, _, _, end, ..] = last.to_le_bytes();
        self.octets.extend_from_slice(&text.to_le_bytes());
        self.octets.push(end);
    }

    /// Appends a number below a hundred million without leading zeros.
    #[inline]
    fn leading(&mut self, number: u64) {
        let digits = eight_digits_of_small(number);
        // The first digit is in the lowest octet; a zero keeps one of its digits.
        let zeros = (digits & !ASCII_ZEROS).trailing_zeros().min(63) / 8;
        let end = self.octets.len().saturating_add(8).saturating_sub(zeros as usize);
        // Eight octets at once and some taken back: a length that is known beforehand makes one store of it.
        self.octets.extend_from_slice(&digits.wrapping_shr(zeros.wrapping_mul(8)).to_le_bytes());
        self.octets.truncate(end);
    }
}

/// What comes this way may hold anything, so that what is not printable is escaped.
impl Text {
    /// Appends text, escaped where it is not printable; it cannot fail.
    ///
    /// # Errors
    /// None.
    pub fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.bytes().all(|octet| matches!(octet, 0x20..0x7f)) {
            self.push_str(text);
            return Ok(());
        }
        text.chars().try_for_each(|character| self.write_char(character))
    }

    /// Appends a character, escaped where it is not printable; it cannot fail.
    ///
    /// # Errors
    /// None.
    pub fn write_char(&mut self, character: char) -> fmt::Result {
        match is_printable(character) {
            true => self.push(character),
            false => character.escape_unicode().for_each(|character| self.push(character)),
        }
        Ok(())
    }

    /// What `write!` calls.
    ///
    /// # Errors
    /// Those of what is written.
    pub fn write_fmt(&mut self, arguments: fmt::Arguments<'_>) -> fmt::Result {
        fmt::Write::write_fmt(self, arguments)
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        Self::write_str(self, text)
    }

    fn write_char(&mut self, character: char) -> fmt::Result {
        Self::write_char(self, character)
    }
}

/// Whether a terminal shows the character at its place and does nothing else. Control characters are not printable, nor
/// those that are invisible or turn the direction of writing (Unicode Standard, table 23-2 and annex 9).
pub fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Words of the program itself: those of a packet do not live so long.
impl Put for &'static str {
    #[inline]
    fn put(self, out: &mut Text) {
        out.push_str(self);
    }
}

macro_rules! numbers {
    ($($kind:ty),*) => {
        $(impl Put for $kind {
            #[inline]
            fn put(self, out: &mut Text) {
                out.uint(u64::try_from(self).unwrap_or(u64::MAX));
            }
        })*
    };
}

numbers!(u8, u16, u32, u64, usize);

impl Put for Ipv4Addr {
    #[inline]
    fn put(self, out: &mut Text) {
        let start = out.octets.len();
        out.octets.extend_from_slice(&[0; ADDRESS]);
        let mut at = 0usize;
        if let Some(room) = out.octets.get_mut(start..).and_then(<[u8]>::first_chunk_mut::<ADDRESS>) {
            for octet in self.octets() {
                let (digits, count) = octet_and_dot(octet);
                // Four octets at once, of which the next octet's overwrite those that are too many.
                at &= 0xf;
                if let Some(place) = room.get_mut(at..at.saturating_add(4)) {
                    place.copy_from_slice(&digits);
                }
                at = at.saturating_add(count);
            }
        }
        // Without the last dot.
        out.octets.truncate(start.saturating_add(at).saturating_sub(1));
    }
}

/// Room for the text of an IPv4 address, whatever the octets before its last are.
const ADDRESS: usize = 20;

/// As RFC 5952 has it: the longest run of zeros, the first of equal ones, is left out; and an IPv4 address that stands in it
/// is written as such.
impl Put for Ipv6Addr {
    fn put(self, out: &mut Text) {
        if let Some(address) = self.to_ipv4_mapped() {
            out.put("::ffff:").put(address);
            return;
        }
        let words = self.segments();
        let (mut longest, mut run) = (0..0, 0..0);
        for (at, word) in (0usize..).zip(words) {
            let start = if run.is_empty() { at } else { run.start };
            run = if word == 0 { start..at.saturating_add(1) } else { 0..0 };
            if run.len() > longest.len() {
                longest = run.clone();
            }
        }
        if longest.len() < 2 {
            out.words(&words);
        } else {
            out.words(words.get(..longest.start).unwrap_or_default());
            out.put("::").words(words.get(longest.end..).unwrap_or_default());
        }
    }
}

impl Text {
    /// Words of an IPv6 address, in hex without leading zeros.
    fn words(&mut self, words: &[u16]) {
        for (at, word) in words.iter().enumerate() {
            if at > 0 {
                self.octets.push(b':');
            }
            let [high, low] = word.to_be_bytes().map(hex_digits);
            let digits = [high, low];
            let zeros = usize::try_from(word.leading_zeros() / 4).unwrap_or(0).min(3);
            self.octets.extend_from_slice(digits.as_flattened().get(zeros..).unwrap_or_default());
        }
    }
}

impl Put for ValueRef<'_> {
    #[inline]
    fn put(self, out: &mut Text) {
        match self {
            Self::Uint(number) => out.uint(number),
            Self::Bool(bit) => out.flag(bit),
            Self::Mac(address) => out.mac(address),
            Self::Ipv4(address) => address.put(out),
            Self::Ipv6(address) => address.put(out),
            Self::Octets(octets) => out.hex(octets),
            Self::Name(_) | Self::Text(_) => {
                // Through what escapes; it cannot fail.
                let _: fmt::Result = write!(out, "{self}");
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(piece: impl Put) -> String {
        let mut out = Text::default();
        out.put("[").put(piece).put("]");
        out.as_str().to_owned()
    }

    proptest! {
        #[test]
        fn the_same_text_as_display(number: u64, shift in 0u32..64, octets: Vec<u8>, mac: [u8; 6], v4: [u8; 4]) {
            let values = [
                ValueRef::Uint(number >> shift),
                ValueRef::Bool(number % 2 == 0),
                ValueRef::Octets(&octets),
                ValueRef::Mac(mac),
                ValueRef::Ipv4(v4.into()),
            ];
            for value in values {
                prop_assert_eq!(text(value), format!("[{value}]"));
            }
            for width in 0..=20 {
                let mut out = Text::default();
                out.padded(number >> shift, width);
                let expected = format!("{:020}", number >> shift);
                prop_assert_eq!(out.as_str(), expected.get(20 - width..).unwrap());
            }
        }

        #[test]
        fn addresses_of_ipv6_with_runs_of_zeros(words in prop::array::uniform8(prop_oneof![Just(0u16), Just(0xffff), any::<u16>(), 0u16..20])) {
            let address = Ipv6Addr::from(words);
            prop_assert_eq!(text(address), format!("[{address}]"));
        }

        #[test]
        fn what_is_written_is_printable(written: String) {
            let mut out = Text::default();
            write!(out, "{written}").unwrap();
            prop_assert!(out.as_str().chars().all(is_printable));
            prop_assert!(!written.chars().all(is_printable) || out.as_str() == written);
        }
    }

    #[test]
    fn the_multiplications_divide_exactly() {
        for number in 0..10_000u64 {
            let expected = format!("{number:04}{:04}", 9_999 - number);
            assert_eq!(eight_digits(number * 10_000 + 9_999 - number).to_le_bytes(), expected.as_bytes());
        }
    }

    #[test]
    fn addresses_that_hold_one_of_ipv4_and_all_small_numbers() {
        for address in ["::", "::1", "::ffff:1.2.3.4", "::1.2.3.4", "1::", "1:0:0:2::", "fe80::1:0:0:1"] {
            let address: Ipv6Addr = address.parse().unwrap();
            assert_eq!(text(address), format!("[{address}]"));
        }
        (0u32..2_000).chain([9_999, 999_999, 1_000_000, 99_999_999, 100_000_000, u32::MAX]).for_each(
            |number| {
                assert_eq!(text(number), format!("[{number}]"));
            },
        );
    }

    #[test]
    fn an_escape_sequence_becomes_text() {
        let mut out = Text::default();
        write!(out, "a\x1b[2J\n\u{9b}é\u{202e}").unwrap();
        assert_eq!(out.as_str(), "a\\u{1b}[2J\\u{a}\\u{9b}é\\u{202e}");
    }
}

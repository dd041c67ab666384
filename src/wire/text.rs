//! Text as it is made for lines and JSON: digit by digit into one buffer that is used again and again. The machinery of
//! `core::fmt` takes several times as long as everything else that happens to a packet.
//!
//! What may come from a packet or a file goes through [`fmt::Write`] (so `write!` is safe), which lets nothing through that
//! is not printable; [`Text::put`] takes only what cannot be anything else: words of the program, numbers, addresses.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::digits::{
    ASCII_ZEROS, DECIMAL_OCTETS, HUNDRED_MILLION, LAST_DIGIT, eight_digits, eight_digits_of_small,
    eight_hex_digits, hex_digits, longest_run, two_octets_and_dots,
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
        let (word, len) = if is_true { (*b"true    ", 4) } else { (*b"false   ", 5) };
        self.some_of(u64::from_le_bytes(word), len);
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

    /// A number of nine digits or more.
    #[inline(never)]
    fn long_uint(&mut self, number: u64) {
        let (high, low) = (number / HUNDRED_MILLION, number % HUNDRED_MILLION);
        // All numbers of 32 bits, in one store: the digits of an octet, of which three are too many at most, and eight more.
        if let Ok(high) = u8::try_from(high) {
            let [a, b, c, len] = DECIMAL_OCTETS.get(usize::from(high)).copied().unwrap_or_default();
            let shift = u32::from(len).wrapping_mul(8);
            let digits = u128::from(u32::from_le_bytes([a, b, c, 0]))
                | u128::from(eight_digits_of_small(low)).wrapping_shl(shift);
            let end = self.octets.len().saturating_add(8).saturating_add(usize::from(len));
            self.octets.extend_from_slice(&digits.to_le_bytes());
            self.octets.truncate(end);
            return;
        }
        match high {
            0..HUNDRED_MILLION => self.leading(high),
            _ => {
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

    /// Appends six decimal digits, of a number that has no more, and a blank.
    #[inline]
    pub fn microseconds_and_blank(&mut self, number: u32) {
        self.some_of(eight_digits_of_small(u64::from(number)).wrapping_shr(16) | 0x20u64.wrapping_shl(48), 7);
    }

    /// Appends the last nine decimal digits.
    #[inline]
    pub fn nanoseconds(&mut self, number: u64) {
        let number = number % (10 * HUNDRED_MILLION);
        let (first, last) = (eight_digits_of_small(number / 10), (number % 10) | 0x30);
        let digits = u128::from(first) | u128::from(last).wrapping_shl(64);
        let end = self.octets.len().saturating_add(9);
        self.octets.extend_from_slice(&digits.to_le_bytes());
        self.octets.truncate(end);
    }

    /// Appends octets as hex digits.
    pub fn hex(&mut self, octets: &[u8]) {
        let start = self.octets.len();
        let (chunks, rest) = octets.as_chunks::<4>();
        self.octets.resize(start.saturating_add(chunks.len().saturating_mul(8)), 0);
        let (room, _) = self.octets.get_mut(start..).unwrap_or_default().as_chunks_mut::<8>();
        for (digits, chunk) in room.iter_mut().zip(chunks) {
            *digits = eight_hex_digits(*chunk).to_le_bytes();
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
        // The first digit is in the lowest octet; a zero keeps one of its digits, the last.
        let zeros = (digits & !ASCII_ZEROS | LAST_DIGIT).trailing_zeros() / 8;
        self.some_of(digits.wrapping_shr(zeros.wrapping_mul(8)), 8usize.saturating_sub(zeros as usize));
    }

    /// Appends the first `len` of eight octets, the first of which is the lowest: all at once, and some taken back, since a length
    /// that is known beforehand makes one store of it.
    #[inline]
    fn some_of(&mut self, text: u64, len: usize) {
        let end = self.octets.len().saturating_add(len);
        self.octets.extend_from_slice(&text.to_le_bytes());
        self.octets.truncate(end);
    }
}

/// What comes this way may hold anything, so that what is not printable is escaped.
impl Text {
    /// Appends octets where each is a letter or a digit of ASCII, `-` or `_`; `false`, and nothing is appended, where one is
    /// something else.
    #[inline]
    pub fn put_plain(&mut self, octets: &[u8]) -> bool {
        let start = self.octets.len();
        self.octets.extend_from_slice(octets);
        let is_plain =
            octets.iter().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'));
        if !is_plain {
            self.octets.truncate(start);
        }
        is_plain
    }

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
        let [a, b, c, d] = self.octets();
        let (text, len) = two_octets_and_dots(a, b);
        out.some_of(text, len);
        let (text, len) = two_octets_and_dots(c, d);
        // Without the last dot.
        out.some_of(text, len.saturating_sub(1));
    }
}

/// As RFC 5952 has it: the longest run of zeros, the first of equal ones, is left out; and an IPv4 address that stands in it
/// is written as such.
impl Put for Ipv6Addr {
    fn put(self, out: &mut Text) {
        if let Some(address) = self.to_ipv4_mapped() {
            out.put("::ffff:").put(address);
            return;
        }
        let words = self.segments();
        let mut zeros = 0u16;
        for (word, bit) in words.iter().zip([1, 2, 4, 8, 16, 32, 64, 128]) {
            zeros |= if *word == 0 { bit } else { 0 };
        }
        let (start, end) = longest_run(zeros);
        let (before, behind) = (words.get(..start), words.get(end..));
        out.words(before.unwrap_or_default());
        if end > start {
            out.put("::").words(behind.unwrap_or_default());
        }
    }
}

impl Text {
    /// Words of an IPv6 address, in hex without leading zeros.
    fn words(&mut self, words: &[u16]) {
        let mut between = 0usize;
        for word in words {
            let [high, low] = word.to_be_bytes().map(hex_digits);
            let [[a, b], [c, d]] = [high, low];
            let zeros = word.leading_zeros().wrapping_shr(2).min(3);
            // A colon, four digits, and no zeros before them.
            let digits = u64::from(u32::from_le_bytes([a, b, c, d])).wrapping_shr(zeros.wrapping_mul(8));
            let text = if between == 0 { digits } else { digits.wrapping_shl(8) | u64::from(b':') };
            let end =
                self.octets.len().saturating_add(4).saturating_sub(zeros as usize).saturating_add(between);
            self.octets.extend_from_slice(&text.to_le_bytes());
            self.octets.truncate(end);
            between = 1;
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

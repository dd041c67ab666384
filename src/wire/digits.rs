//! The digits of numbers and octets, many at once: in registers, and from tables.
#![deny(clippy::arithmetic_side_effects)]

/// The last eight decimal digits of a number, the first in the lowest octet: divided by 10,000, then both halves at once by
/// 100, then all four by 10. The divisions are multiplications that are exact for numbers so small.
#[inline]
pub(super) fn eight_digits(number: u64) -> u64 {
    eight_digits_of_small(number % HUNDRED_MILLION)
}

/// The same of a number that has no more.
#[inline]
pub(super) fn eight_digits_of_small(number: u64) -> u64 {
    let halves = (number / 10_000) | (number % 10_000).wrapping_shl(32);
    let hundreds = halves.wrapping_mul(10_486).wrapping_shr(20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | halves.wrapping_sub(hundreds.wrapping_mul(100)).wrapping_shl(16);
    let tens = pairs.wrapping_mul(103).wrapping_shr(10) & 0x000f_000f_000f_000f;
    tens | pairs.wrapping_sub(tens.wrapping_mul(10)).wrapping_shl(8) | ASCII_ZEROS
}

/// The hex digits of four octets, the first in the lowest octet: octets are spread to 16 bits each, then nibbles to eight.
#[inline]
pub(super) fn eight_hex_digits(octets: [u8; 4]) -> u64 {
    let octets = u64::from(u32::from_le_bytes(octets));
    let halves = (octets | octets.wrapping_shl(16)) & 0x0000_ffff_0000_ffff;
    let spread = (halves | halves.wrapping_shl(8)) & 0x00ff_00ff_00ff_00ff;
    let nibbles = (spread.wrapping_shr(4) | spread.wrapping_shl(8)) & 0x0f0f_0f0f_0f0f_0f0f;
    // Of those above nine, adding six sets the fifth bit; from 9 to a there are 39 characters more than one.
    let letters = nibbles.wrapping_add(0x0606_0606_0606_0606).wrapping_shr(4) & 0x0101_0101_0101_0101;
    nibbles.wrapping_add(ASCII_ZEROS).wrapping_add(letters.wrapping_mul(39))
}

/// Where the longest run of ones, of two at least, begins and ends, the first of equal ones; behind the last bit where there is
/// none.
pub(super) fn longest_run(bits: u16) -> (usize, usize) {
    // Where as many ones stand one behind the other.
    let (mut starts, mut len) = (bits & bits.wrapping_shr(1), 2u32);
    if starts == 0 {
        return (8, 8);
    }
    loop {
        let longer = starts & bits.wrapping_shr(len);
        if longer == 0 {
            let start = starts.trailing_zeros();
            return (start as usize, start.saturating_add(len) as usize);
        }
        (starts, len) = (longer, len.saturating_add(1));
    }
}

/// What has nine digits.
pub(super) const HUNDRED_MILLION: u64 = 100_000_000;
/// A bit of the last of eight digits.
pub(super) const LAST_DIGIT: u64 = 1 << 56;
/// Eight zeros as text.
pub(super) const ASCII_ZEROS: u64 = 0x3030_3030_3030_3030;

/// Digits and a dot, twice: the first in the lowest octet, and how many octets they are together.
#[inline]
pub(super) fn two_octets_and_dots(first: u8, second: u8) -> (u64, usize) {
    let [first, second] =
        [first, second].map(|octet| OCTETS_AND_DOTS.get(usize::from(octet)).copied().unwrap_or_default());
    let text = first & 0xffff_ffff | (second & 0xffff_ffff).wrapping_shl(bits_of(first));
    (text, bits_of(first).wrapping_add(bits_of(second)) as usize / 8)
}

fn bits_of(entry: u64) -> u32 {
    (entry >> 32) as u32
}

/// The hex digits of an octet.
#[inline]
pub(super) fn hex_digits(octet: u8) -> [u8; 2] {
    HEX_DIGITS.get(usize::from(octet)).copied().unwrap_or_default()
}

/// The digits of each octet without leading zeros, and how many there are.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "the compiler fills it")]
pub(super) static DECIMAL_OCTETS: [[u8; 4]; 256] = {
    let mut all = [[0; 4]; 256];
    let mut octet = 0;
    while octet < 256 {
        let [a, b, c] =
            [b'0' + (octet / 100) as u8, b'0' + (octet / 10 % 10) as u8, b'0' + (octet % 10) as u8];
        all[octet] = match octet {
            0..10 => [c, 0, 0, 1],
            10..100 => [b, c, 0, 2],
            _ => [a, b, c, 3],
        };
        octet += 1;
    }
    all
};

/// The digits of each octet and a dot, and behind them how many bits they are: all that an address needs in one load.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "the compiler fills it")]
static OCTETS_AND_DOTS: [u64; 256] = {
    let mut all = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let [a, b, c, len] = DECIMAL_OCTETS[octet];
        let mut text = [a, b, c, 0, (len + 1) * 8, 0, 0, 0];
        text[len as usize] = b'.';
        all[octet] = u64::from_le_bytes(text);
        octet += 1;
    }
    all
};

/// The two hex digits of each octet.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "the compiler fills it")]
static HEX_DIGITS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut all = [[0; 2]; 256];
    let mut octet = 0;
    while octet < 256 {
        all[octet] = [digits[octet / 16], digits[octet % 16]];
        octet += 1;
    }
    all
};

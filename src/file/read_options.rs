//! What stands in pcapng blocks beside the packets: options, texts, and how an interface tells time.

use pcap_file::Endianness;

use super::octets::half;
use crate::wire::comments::Comments;

/// The options of a block: code and value. A missing end is forgiven (the draft once made it optional); a length that leads
/// outside the block ends them, because the packet before them is as good as ever.
pub(super) fn options(octets: &[u8], order: Endianness) -> impl Iterator<Item = (u16, &[u8])> {
    let mut left = octets;
    std::iter::from_fn(move || {
        let (code, value, behind) = option(left, order)?;
        left = behind;
        Some((code, value))
    })
}

/// An option, and what stands behind it.
fn option(octets: &[u8], order: Endianness) -> Option<(u16, &[u8], &[u8])> {
    let (code, len) = (half(octets, 0, order), usize::from(half(octets, 2, order)));
    if code == END_OF_OPTIONS {
        return None;
    }
    let value = octets.get(4..len.checked_add(4)?)?;
    let next = len.checked_next_multiple_of(4)?.checked_add(4)?;
    Some((code, value, octets.get(next..).unwrap_or_default()))
}

/// The comments among a packet's options, of which there may be several (draft-ietf-opsawg-pcapng, section 3.5.1).
pub(super) fn comments(octets: &[u8], order: Endianness) -> Option<Comments<'_>> {
    Comments::read(octets, if order.is_little() { next_little } else { next_big })
}

fn next_little(octets: &[u8]) -> Option<(&str, Option<&[u8]>)> {
    next_comment(octets, Endianness::Little)
}

fn next_big(octets: &[u8]) -> Option<(&str, Option<&[u8]>)> {
    next_comment(octets, Endianness::Big)
}

fn next_comment(octets: &[u8], order: Endianness) -> Option<(&str, Option<&[u8]>)> {
    let mut left = octets;
    loop {
        let (code, value, behind) = option(left, order)?;
        if code == COMMENT {
            return Some((as_text(until_zero(value)), Some(behind)));
        }
        left = behind;
    }
}

/// As far as it is UTF-8, which it must be.
fn as_text(octets: &[u8]) -> &str {
    octets.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}

/// Room for the texts that are kept of a file. It takes many real descriptions; a file that is made of nothing else cannot
/// fill the memory with them.
pub(super) struct Texts {
    room: usize,
}

impl Texts {
    pub(super) fn new() -> Self {
        Self { room: TEXTS_LEN }
    }

    /// A text of the file; `None` when no room is left.
    pub(super) fn keep(&mut self, octets: &[u8]) -> Option<String> {
        self.room = self.room.checked_sub(octets.len())?;
        Some(String::from_utf8_lossy(until_zero(octets)).into_owned())
    }
}

/// Texts need no zero behind them, but some writers put one there, and behind it whatever was in their memory.
pub(super) fn until_zero(octets: &[u8]) -> &[u8] {
    octets.split(|octet| *octet == 0).next().unwrap_or_default()
}

/// How an interface tells time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// Units in a second.
    units_per_second: u128,
    /// Nanoseconds in a unit, where that is a whole number.
    unit: Option<u64>,
    /// Seconds to add.
    offset: i64,
}

impl Clock {
    /// By an if_tsresol (a power of 10; of 2 when the highest bit is set) and an if_tsoffset in seconds.
    pub(super) fn new(resolution: u8, offset: i64) -> Self {
        let base: u128 = if resolution & 0x80 == 0 { 10 } else { 2 };
        // 10 to the 127th does not fit: so fine that each time that can stand in the file is the beginning of time.
        let units_per_second = base.checked_pow(u32::from(resolution & 0x7f)).unwrap_or(u128::MAX);
        let whole = NANOSECONDS.checked_rem(units_per_second) == Some(0);
        let unit = NANOSECONDS.checked_div(units_per_second).and_then(|unit| u64::try_from(unit).ok());
        Self { units_per_second, unit: unit.filter(|_| whole), offset }
    }

    /// Nanoseconds since 1970, rounded down; what does not fit stands at the end that it is nearer to.
    pub(super) fn nanoseconds(self, units: u64) -> i64 {
        if let (Some(unit), 0) = (self.unit, self.offset) {
            return i64::try_from(units.saturating_mul(unit)).unwrap_or(i64::MAX);
        }
        let nanoseconds = u128::from(units).saturating_mul(NANOSECONDS).checked_div(self.units_per_second);
        let nanoseconds = nanoseconds.and_then(|nanoseconds| i128::try_from(nanoseconds).ok()).unwrap_or(0);
        let offset = i128::from(self.offset).saturating_mul(1_000_000_000);
        let sum = nanoseconds.saturating_add(offset);
        i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
    }

    /// Units in a second; `u64::MAX` for more.
    pub(super) fn units_per_second(self) -> u64 {
        u64::try_from(self.units_per_second).unwrap_or(u64::MAX)
    }
}

/// The code that ends a list of options, and of what is not there.
const END_OF_OPTIONS: u16 = 0;
/// Note: the codes below mean the same in every block.
pub(super) const COMMENT: u16 = 1;
/// if_tsresol where the block does not say: microseconds.
pub(super) const MICROSECONDS: u8 = 6;

const NANOSECONDS: u128 = 1_000_000_000;
/// Octets of all the texts that are kept of one file.
const TEXTS_LEN: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_resolution() {
        let second = |resolution, units| Clock::new(resolution, 0).nanoseconds(units);
        assert_eq!(second(0, 3), 3_000_000_000);
        assert_eq!(second(6, 3), 3_000);
        assert_eq!(second(9, 3), 3);
        assert_eq!(second(12, 1_999), 1);
        assert_eq!(second(0x80 | 10, 1_025), 1_000_976_562);
        assert_eq!(second(0x80 | 63, u64::MAX), 1_999_999_999);
        assert_eq!(second(127, u64::MAX), 0);
        assert_eq!(second(0x80 | 127, u64::MAX), 0);
    }

    #[test]
    fn times_outside_64_bits_stand_at_the_ends() {
        assert_eq!(Clock::new(0, 0).nanoseconds(u64::MAX), i64::MAX);
        assert_eq!(Clock::new(6, i64::MIN).nanoseconds(0), i64::MIN);
        assert_eq!(Clock::new(6, i64::MAX).nanoseconds(u64::MAX), i64::MAX);
        assert_eq!(Clock::new(6, -5_000).nanoseconds(1), -4_999_999_999_000);
    }

    #[test]
    fn options_end_where_they_must() {
        let of =
            |octets: &[u8]| options(octets, Endianness::Little).map(|(code, _)| code).collect::<Vec<_>>();
        assert_eq!(of(&[2, 0, 1, 0, 9, 0, 0, 0, 3, 0, 0, 0]), [2, 3], "no end");
        assert_eq!(of(&[2, 0, 1, 0, 9]), [2], "no padding");
        assert_eq!(of(&[2, 0, 5, 0, 9, 0, 0, 0]), [0u16; 0], "a length that leads outside");
        assert_eq!(of(&[2, 0, 0xff, 0xff]), [0u16; 0]);
        assert_eq!(of(&[0, 0, 0, 0, 2, 0, 0, 0]), [0u16; 0], "behind the end");
    }

    #[test]
    fn texts_have_an_end() {
        let mut texts = Texts::new();
        assert_eq!(texts.keep(b"eth0\0M9"), Some("eth0".to_owned()));
        assert_eq!(texts.keep(&vec![b'a'; TEXTS_LEN]), None);
        assert_eq!(texts.keep(b"still room for this"), Some("still room for this".to_owned()));
    }
}

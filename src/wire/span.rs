//! A span: where a field's bits stand in a header, counted from its most significant bit on the wire.

/// A run of bits inside a header: bit 0 is the most significant bit of the first octet, as RFCs draw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// First bit.
    pub start_bits: u32,
    /// Number of bits.
    pub len_bits: u32,
}

impl Span {
    /// A span of `len_bits` bits that begins at bit `start_bits`.
    pub const fn new(start_bits: u32, len_bits: u32) -> Self {
        Self { start_bits, len_bits }
    }

    /// Measures the bits that `set_ones` changes in a zeroed header of `header_len` octets: the way in which a setter of
    /// a packet library tells where its field stands.
    ///
    /// Returns `None` when it changes no bit, or bits that are not one run.
    pub fn measure(header_len: usize, set_ones: impl FnOnce(&mut [u8])) -> Option<Self> {
        let mut header = vec![0u8; header_len];
        set_ones(&mut header);
        let (first, last) = (header.iter().position(|o| *o != 0)?, header.iter().rposition(|o| *o != 0)?);
        let start = first.checked_mul(8)?.checked_add(header.get(first)?.leading_zeros() as usize)?;
        let end =
            last.checked_add(1)?.checked_mul(8)?.checked_sub(header.get(last)?.trailing_zeros() as usize)?;
        let ones: u32 = header.iter().map(|octet| octet.count_ones()).sum();
        let (start_bits, len_bits) =
            (u32::try_from(start).ok()?, u32::try_from(end.checked_sub(start)?).ok()?);
        (ones == len_bits).then_some(Self { start_bits, len_bits })
    }

    /// The first bit behind the span.
    pub const fn end_bits(self) -> u32 {
        self.start_bits.saturating_add(self.len_bits)
    }

    /// The octets that the span touches.
    pub fn octets(self) -> std::ops::Range<usize> {
        let start = self.start_bits / 8;
        let end = self.end_bits().div_ceil(8);
        start as usize..end as usize
    }

    /// The largest value that fits.
    pub const fn max(self) -> u64 {
        match self.len_bits {
            0 => 0,
            1..=63 => (1u64 << self.len_bits).saturating_sub(1),
            _ => u64::MAX,
        }
    }

    /// Reads a number of at most 64 bits, most significant bit first. `None` when a bit of it was not captured.
    #[inline]
    pub fn read(self, header: &[u8]) -> Option<u64> {
        let octets = header.get(self.octets())?;
        match (octets, self.start_bits % 8, self.len_bits) {
            // The whole-octet fields, which nearly all are.
            ([a], 0, 8) => Some(u64::from(*a)),
            // And bits of one octet, which most others are.
            ([a], start, len @ 1..8) => {
                let above = a.checked_shl(start).unwrap_or_default();
                Some(u64::from(above.checked_shr(8u32.saturating_sub(len)).unwrap_or_default()))
            }
            ([a, b], 0, 16) => Some(u64::from(u16::from_be_bytes([*a, *b]))),
            ([a, b, c, d], 0, 32) => Some(u64::from(u32::from_be_bytes([*a, *b, *c, *d]))),
            _ => {
                let mut wide: u128 = 0;
                for octet in octets {
                    wide = (wide << 8) | u128::from(*octet);
                }
                let below = self.below_bits();
                Some(u64::try_from((wide >> below) & u128::from(self.max())).unwrap_or(u64::MAX))
            }
        }
    }

    /// Writes a number of at most 64 bits; bits outside the span stay as they are. A value that is too large is cut to
    /// its low bits (ranges are checked before). Does nothing when the span does not lie in `header`.
    pub fn write(self, header: &mut [u8], value: u64) {
        let Some(octets) = header.get_mut(self.octets()) else { return };
        let below = self.below_bits();
        let mask = u128::from(self.max()) << below;
        let mut bits = (u128::from(value) << below) & mask;
        let mut keep = !mask;
        for octet in octets.iter_mut().rev() {
            *octet = (*octet & low_octet(keep)) | low_octet(bits);
            bits >>= 8;
            keep >>= 8;
        }
    }

    /// Bits between the span's end and the next octet boundary.
    fn below_bits(self) -> u32 {
        self.end_bits().next_multiple_of(8).saturating_sub(self.end_bits())
    }
}

fn low_octet(wide: u128) -> u8 {
    wide.to_le_bytes().first().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Span;
    use proptest::prelude::*;

    #[test]
    fn measures_what_a_setter_sets() {
        assert_eq!(Span::measure(4, |h| h[1] = 0x1f), Some(Span::new(11, 5)));
        assert_eq!(Span::measure(4, |_| ()), None, "no bit changed");
        assert_eq!(Span::measure(4, |h| h[1] = 0x5f), None, "two runs");
    }

    proptest! {
        #[test]
        fn reads_back_what_it_wrote_and_touches_nothing_else(start in 0u32..64, len in 1u32..=64, value: u64) {
            let span = Span::new(start, len);
            let mut header = [0xa5u8; 16];
            span.write(&mut header, value);
            prop_assert_eq!(span.read(&header), Some(value & span.max()));
            let mut back = header;
            span.write(&mut back, span.read(&[0xa5u8; 16]).unwrap());
            prop_assert_eq!(back, [0xa5u8; 16]);
        }

        #[test]
        fn never_reads_past_the_captured_octets(start in 0u32..200, len in 1u32..=64, n in 0usize..20) {
            let span = Span::new(start, len);
            prop_assert_eq!(span.read(&vec![0; n]).is_some(), span.octets().end <= n);
        }
    }
}

//! The Internet checksum (RFC 1071).

/// The ones' complement sum over pieces of a packet, in 16-bit words, each piece beginning on an even octet.
#[derive(Debug, Clone, Copy, Default)]
pub struct InternetChecksum {
    /// Of words in the byte order of this machine: the sum is the same but for the order of its octets (RFC 1071 §2 (B)), and only
    /// that of the result needs turning.
    sum: u64,
}

impl InternetChecksum {
    /// Adds octets, as if they stood at an even offset; an odd last octet counts as the high half of a word (RFC 1071 §4.1).
    #[inline]
    pub fn add_octets(mut self, octets: &[u8]) -> Self {
        // Sums of 32-bit words fold to the same 16-bit sum (RFC 1071 §2 (B)): eight octets a step.
        let (longs, rest) = octets.as_chunks::<8>();
        for long in longs {
            self = self.add_long(u64::from_ne_bytes(*long));
        }
        if !rest.is_empty() {
            let mut last = [0u8; 8];
            for (to, from) in last.iter_mut().zip(rest) {
                *to = *from;
            }
            self = self.add_long(u64::from_ne_bytes(last));
        }
        self
    }

    #[inline]
    fn add_long(mut self, long: u64) -> Self {
        self.sum = self.sum.wrapping_add(long & 0xffff_ffff).wrapping_add(long >> 32);
        self
    }

    /// Adds `octets` as if the two octets at the even offset `hole` were zero: a checksum field is zero while its own
    /// checksum is computed.
    #[inline]
    pub fn add_except(self, octets: &[u8], hole: usize) -> Self {
        let there = octets.get(hole..).and_then(<[u8]>::first_chunk::<2>);
        let in_word = match (there, hole % 4) {
            (Some([a, b]), 0) => [*a, *b, 0, 0],
            (Some([a, b]), _) => [0, 0, *a, *b],
            (None, _) => [0; 4],
        };
        // Just what it has added is taken out again.
        let mut all = self.add_octets(octets);
        all.sum = all.sum.wrapping_sub(u64::from(u32::from_ne_bytes(in_word)));
        all
    }

    /// Adds one 16-bit number.
    #[inline]
    pub fn add_u16(mut self, word: u16) -> Self {
        self.sum = self.sum.wrapping_add(u64::from(word.to_be()));
        self
    }

    /// Adds one 32-bit number.
    #[inline]
    pub fn add_u32(mut self, word: u32) -> Self {
        self.sum = self.sum.wrapping_add(u64::from(word.to_be()));
        self
    }

    /// The checksum: the complement of the folded sum.
    #[inline]
    pub fn finish(self) -> u16 {
        let mut sum = self.sum;
        while sum > 0xffff {
            sum = (sum & 0xffff).wrapping_add(sum >> 16);
        }
        u16::from_be(!u16::try_from(sum).unwrap_or_default())
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::InternetChecksum;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_rfc_1071() {
        // RFC 1071 §3: the sum of these octets is 0xddf2.
        let sum = InternetChecksum::default()
            .add_octets(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])
            .finish();
        assert_eq!(sum, !0xddf2);
    }

    proptest! {
        #[test]
        fn agrees_with_pnet(mut octets in proptest::collection::vec(any::<u8>(), 1..100), hole in 0usize..40) {
            let ours = InternetChecksum::default().add_octets(&octets).finish();
            prop_assert_eq!(ours, pnet::packet::util::checksum(&octets, usize::MAX));
            let hole = hole * 2;
            let holed = InternetChecksum::default().add_except(&octets, hole).finish();
            if hole + 2 <= octets.len() {
                octets[hole..hole + 2].fill(0);
            }
            prop_assert_eq!(holed, InternetChecksum::default().add_octets(&octets).finish());
        }
    }
}

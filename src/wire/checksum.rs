//! The Internet checksum (RFC 1071).

/// The ones' complement sum over pieces of a packet, in 16-bit words, each piece beginning on an even octet.
#[derive(Debug, Clone, Copy, Default)]
pub struct InternetChecksum {
    sum: u64,
}

impl InternetChecksum {
    /// Adds octets, as if they stood at an even offset; an odd last octet counts as the high half of a word (RFC 1071 §4.1).
    pub fn add_octets(mut self, octets: &[u8]) -> Self {
        // Sums of 32-bit words fold to the same 16-bit sum (RFC 1071 §2 (B)), in half the steps.
        let (words, rest) = octets.as_chunks::<4>();
        for word in words {
            self.sum = self.sum.wrapping_add(u64::from(u32::from_be_bytes(*word)));
        }
        let mut last = [0u8; 4];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        self.sum = self.sum.wrapping_add(u64::from(u32::from_be_bytes(last)));
        self
    }

    /// Adds `octets` as if the two octets at the even offset `hole` were zero: a checksum field is zero while its own
    /// checksum is computed.
    pub fn add_except(self, octets: &[u8], hole: usize) -> Self {
        let after = hole.saturating_add(2);
        match (octets.get(..hole), octets.get(after..)) {
            (Some(before), Some(rest)) => self.add_octets(before).add_octets(rest),
            _ => self.add_octets(octets),
        }
    }

    /// Adds one 16-bit number.
    pub fn add_u16(mut self, word: u16) -> Self {
        self.sum = self.sum.wrapping_add(u64::from(word));
        self
    }

    /// Adds one 32-bit number.
    pub fn add_u32(mut self, word: u32) -> Self {
        self.sum = self.sum.wrapping_add(u64::from(word));
        self
    }

    /// The checksum: the complement of the folded sum.
    pub fn finish(self) -> u16 {
        let mut sum = self.sum;
        while sum > 0xffff {
            sum = (sum & 0xffff).wrapping_add(sum >> 16);
        }
        !u16::try_from(sum).unwrap_or_default()
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

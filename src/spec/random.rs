//! Random numbers that a seed brings back: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
//! generators", 2014). Not for secrets.

/// A sequence of random numbers, the same one for the same seed.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `last`. The remainder of 128 bits: for fields of up to 64 bits it favours no number by more than
    /// one part in 2^64.
    pub fn up_to(&mut self, last: u128) -> u128 {
        let wide = (u128::from(self.bits()) << 64) | u128::from(self.bits());
        match last.checked_add(1) {
            Some(count) => wide.checked_rem(count).unwrap_or(0),
            None => wide,
        }
    }

    /// So many octets.
    pub fn octets(&mut self, len: usize) -> Vec<u8> {
        let mut octets = Vec::with_capacity(len);
        while octets.len() < len {
            let left = len.saturating_sub(octets.len());
            octets.extend(self.bits().to_le_bytes().iter().take(left));
        }
        octets
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_published_sequence() {
        // The first outputs for seed 1234567, as listed by Rosetta Code and by the reference splitmix64.c.
        let mut random = Random::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.bits()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn stays_within_and_reaches_both_ends() {
        let mut random = Random::new(1);
        let drawn: Vec<u128> = (0..200).map(|_| random.up_to(3)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&0), Some(&3)));
        random.up_to(u128::MAX);
        assert_eq!([0, 1, 8, 9].map(|len| random.octets(len).len()), [0, 1, 8, 9]);
    }
}

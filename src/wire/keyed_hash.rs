//! A hash that is quick for addresses and numbers. It is keyed, because who wrote the packets must not know which of them meet
//! in one slot: a capture made for that would take for ever.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Makes [`KeyedHasher`]s, all with the same keys.
#[derive(Debug, Clone, Copy)]
pub struct KeyedHash {
    keys: [u64; 4],
}

/// Takes words, and multiplies each with a key.
#[derive(Debug, Clone, Copy)]
pub struct KeyedHasher {
    state: u64,
    keys: [u64; 4],
}

impl Default for KeyedHash {
    fn default() -> Self {
        let random = RandomState::new();
        Self { keys: [1u8, 2, 3, 4].map(|number| random.hash_one(number)) }
    }
}

impl KeyedHash {
    /// The four keys.
    pub fn keys(&self) -> [u64; 4] {
        self.keys
    }
}

impl BuildHasher for KeyedHash {
    type Hasher = KeyedHasher;

    #[inline]
    fn build_hasher(&self) -> KeyedHasher {
        let [first, ..] = self.keys;
        KeyedHasher { state: first, keys: self.keys }
    }
}

impl Hasher for KeyedHasher {
    fn write(&mut self, octets: &[u8]) {
        for chunk in octets.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            self.write_u64(u64::from_le_bytes(word) ^ (chunk.len() as u64).rotate_right(8));
        }
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        let [_, second, third, _] = self.keys;
        self.state = folded(self.state ^ word ^ second, third);
    }

    #[inline]
    fn write_u128(&mut self, words: u128) {
        let [_, second, third, _] = self.keys;
        let (high, low) = ((words >> 64) as u64, (words & u128::from(u64::MAX)) as u64);
        self.state = folded(self.state ^ high ^ second, low ^ third);
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    #[inline]
    fn write_u16(&mut self, number: u16) {
        self.write_u64(u64::from(number));
    }

    #[inline]
    fn finish(&self) -> u64 {
        let [.., fourth] = self.keys;
        folded(self.state, fourth)
    }
}

/// Both halves of the product, so that each bit of it counts.
#[inline]
pub fn folded(one: u64, other: u64) -> u64 {
    let product = u128::from(one).wrapping_mul(u128::from(other));
    ((product >> 64) as u64) ^ ((product & u128::from(u64::MAX)) as u64)
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// As many of a thousand slots are taken as there would be by chance: 1000·(1 - 1/e) = 632.
    #[test]
    fn what_differs_in_few_bits_is_spread() {
        for shift in [0, 16, 60, 64, 100] {
            let hash = KeyedHash::default();
            let slots: HashSet<u64> =
                (0..1000u128).map(|number| hash.hash_one(number << shift) % 1000).collect();
            assert!((560..700).contains(&slots.len()), "{shift}: {}", slots.len());
        }
    }

    #[test]
    fn other_keys_are_another_hash() {
        assert_ne!(KeyedHash::default().hash_one(7u64), KeyedHash::default().hash_one(7u64));
        assert_ne!(KeyedHash::default().hash_one([1u8, 0]), KeyedHash::default().hash_one([1u8]));
    }
}

//! The hash by which conversations are found. It is asked several times for each packet, where the one of the standard
//! library takes longer than all else.

use std::net::IpAddr;

use super::EndPoint;
use crate::wire::keyed_hash::{KeyedHash, folded};

/// Hashes both ends of a conversation, whichever comes first.
#[derive(Debug, Clone)]
pub(super) struct PairHasher {
    keys: [u64; 4],
}

impl Default for PairHasher {
    fn default() -> Self {
        Self { keys: KeyedHash::default().keys() }
    }
}

impl PairHasher {
    /// The same for `from` and `to` as for `to` and `from`.
    pub(super) fn hash(&self, from: EndPoint, to: EndPoint) -> usize {
        let sum = self.end(from).wrapping_add(self.end(to));
        let [first, .., last] = self.keys;
        let hash = folded(sum ^ first, sum.rotate_left(32) ^ last);
        usize::try_from(hash & u64::from(u32::MAX)).unwrap_or_default()
    }

    fn end(&self, point: EndPoint) -> u64 {
        let (address, port) = match point {
            EndPoint::Mac([a, b, c, d, e, f]) => {
                (u128::from(u64::from_be_bytes([0, 0, a, b, c, d, e, f])), 1 << 16)
            }
            EndPoint::Address(address) => (bits(address), 2 << 16),
            EndPoint::Port(address, port) => (bits(address), u64::from(port)),
        };
        let [first, second, third, fourth] = self.keys;
        let (high, low) = ((address >> 64) as u64, (address & u128::from(u64::MAX)) as u64);
        folded(folded(high ^ first, low ^ second) ^ port ^ third, fourth)
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::net::Ipv4Addr;

    #[test]
    fn both_ways_are_one_and_neighbours_are_spread() {
        let hasher = PairHasher::default();
        let point = |address: u32, port| EndPoint::Port(Ipv4Addr::from_bits(address).into(), port);
        let mut seen = HashSet::new();
        for address in 0..64 {
            for port in 0..64 {
                let (from, to) = (point(0x0a00_0000 + address, 1024 + port), point(0x0a00_0001, 80));
                assert_eq!(hasher.hash(from, to), hasher.hash(to, from));
                seen.insert(hasher.hash(from, to) & 0xffff);
            }
        }
        // Of 4,096 in 65,536 slots, chance leaves some 3,970 different ones.
        assert!(seen.len() > 3_800, "{}", seen.len());
    }
}

//! The table of conversations, and their numbers.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use super::segment::{Carried, End};
use crate::wire::keyed_hash::KeyedHash;

/// Conversations of a protocol that are always remembered. One that is silent while so many others talk may be forgotten,
/// and has a new number when it goes on.
pub const REMEMBERED: usize = 1 << 18;

/// Conversations of one protocol.
///
/// They live in two tables. Who talks is in the younger one; when that is full, the older one is forgotten and the younger
/// one takes its place. So what is kept is bounded, and no list has to be kept in order.
#[derive(Debug)]
pub(super) struct Conversations<T> {
    young: HashMap<Key, T, KeyedHash>,
    old: HashMap<Key, T, KeyedHash>,
    /// The number of the next conversation.
    next: u64,
    most: usize,
}

/// Who talks: the lower end first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(End, End);

/// In as few words as it takes, since it is asked for each packet. Addresses of both versions may be alike: they are told
/// apart when they are compared.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (address, port) in [self.0, self.1] {
            match address {
                IpAddr::V4(address) => state.write_u64(u64::from(address.to_bits()) << 16 | u64::from(port)),
                IpAddr::V6(address) => {
                    state.write_u128(address.to_bits());
                    state.write_u16(port);
                }
            }
        }
    }
}

impl Key {
    /// That of a packet, and whether the packet goes from the lower end to the higher.
    pub(super) fn of(carried: &Carried<'_>) -> (Self, bool) {
        let is_forward = carried.from <= carried.to;
        let (low, high) = if is_forward { (carried.from, carried.to) } else { (carried.to, carried.from) };
        (Self(low, high), is_forward)
    }
}

impl<T> Conversations<T> {
    pub(super) fn new(most: usize) -> Self {
        let hash = KeyedHash::default();
        Self { young: HashMap::with_hasher(hash), old: HashMap::with_hasher(hash), next: 0, most }
    }

    /// The conversation between two ends; a new one is made with its number.
    pub(super) fn get(&mut self, key: Key, make: impl FnOnce(u64) -> T) -> &mut T {
        if !self.young.contains_key(&key) {
            if self.young.len() >= self.most {
                self.forget();
            }
            let known = match self.old.remove(&key) {
                Some(known) => known,
                None => {
                    let number = self.next;
                    self.next = number.saturating_add(1);
                    make(number)
                }
            };
            return self.young.entry(key).or_insert(known);
        }
        let next = self.next;
        self.young.entry(key).or_insert_with(|| make(next))
    }

    /// Begins another conversation between the same ends.
    pub(super) fn renew(&mut self, key: Key, make: impl FnOnce(u64) -> T) -> &mut T {
        self.young.remove(&key);
        self.old.remove(&key);
        self.get(key, make)
    }

    /// All that are remembered.
    pub(super) fn each(&mut self) -> impl Iterator<Item = &mut T> {
        self.young.values_mut().chain(self.old.values_mut())
    }

    /// Forgets the conversations that have been silent for longest.
    pub(super) fn forget(&mut self) {
        self.old = std::mem::take(&mut self.young);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn key(port: u16) -> Key {
        let end = |port| (IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Key(end(0), end(port))
    }

    #[test]
    fn numbers_count_up_and_stay() {
        let mut all = Conversations::new(4);
        for round in 0..3 {
            for port in 0..4 {
                assert_eq!(*all.get(key(port), |number| number), u64::from(port), "{round}");
            }
        }
        assert_eq!(*all.renew(key(2), |number| number), 4);
        assert_eq!(*all.get(key(2), |number| number), 4);
    }

    #[test]
    fn who_is_silent_for_long_is_forgotten_and_who_talks_is_not() {
        let mut all = Conversations::new(4);
        for port in 0..1000 {
            assert_eq!(*all.get(key(0), |number| number), 0);
            all.get(key(port), |number| number);
            assert!(all.young.len() + all.old.len() <= 8);
        }
        assert_eq!(*all.get(key(1), |number| number), 1000);
    }
}

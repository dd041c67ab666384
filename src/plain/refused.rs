//! Addresses that have used up what they may write. There is no connection that could stay closed: they are remembered.

use std::collections::{HashMap, VecDeque};

use crate::sys::socket_address::SocketAddress;

/// Refused addresses, until they are silent for a time, or so many others have been refused since.
#[derive(Debug)]
pub(super) struct Refused {
    /// Their numbers, and when they were heard of last.
    known: HashMap<SocketAddress, (u64, u64)>,
    /// As they were refused, with their numbers; some are not known any more, or were refused anew.
    order: VecDeque<(u64, SocketAddress)>,
    most: usize,
    silence: Option<u64>,
    next: u64,
}

impl Refused {
    /// At most so many, each until it has been silent for so many nanoseconds.
    pub(super) fn new(most: usize, silence: Option<u64>) -> Self {
        Self { known: HashMap::new(), order: VecDeque::new(), most, silence, next: 0 }
    }

    /// Remembers one.
    pub(super) fn put(&mut self, address: SocketAddress, now: u64) {
        while self.known.len() >= self.most {
            let Some((number, oldest)) = self.order.pop_front() else { break };
            if self.known.get(&oldest).is_some_and(|(known, _)| *known == number) {
                self.known.remove(&oldest);
            }
        }
        if self.order.len() > self.known.len().saturating_mul(2).saturating_add(64) {
            let known = &self.known;
            self.order
                .retain(|(number, address)| known.get(address).is_some_and(|(known, _)| known == number));
        }
        self.order.push_back((self.next, address.clone()));
        self.known.insert(address, (self.next, now));
        self.next = self.next.saturating_add(1);
    }

    /// Whether it is one that writes again.
    pub(super) fn has(&mut self, address: &SocketAddress, now: u64) -> bool {
        let Some((_, heard)) = self.known.get_mut(address) else { return false };
        if self.silence.is_none_or(|silence| now.saturating_sub(*heard) < silence) {
            *heard = now;
            return true;
        }
        self.known.remove(address);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_remembered_while_they_write_and_are_never_too_many() {
        let address = |port: u16| SocketAddress::Ip(([127, 0, 0, 1], port).into());
        let mut refused = Refused::new(2, Some(10));
        refused.put(address(1), 0);
        assert!(refused.has(&address(1), 9) && refused.has(&address(1), 18) && !refused.has(&address(2), 18));
        assert!(!refused.has(&address(1), 28));
        // The place in the order that it had before is none of its new one's.
        refused.put(address(2), 30);
        refused.put(address(1), 30);
        refused.put(address(3), 30);
        assert!(
            !refused.has(&address(2), 31) && refused.has(&address(1), 31) && refused.has(&address(3), 31)
        );
        for port in 0..10_000 {
            refused.put(address(port), 40);
            assert!(!refused.has(&address(port), 60));
        }
        assert!(refused.order.len() < 100 && refused.known.len() <= 2, "{refused:?}");
        let mut refused = Refused::new(2, None);
        refused.put(address(1), 0);
        assert!(refused.has(&address(1), u64::MAX));
    }
}

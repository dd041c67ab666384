//! Which packet a stamp of the kernel is about: it numbers a socket's packets from 0 on (SOF_TIMESTAMPING_OPT_ID).

use std::collections::VecDeque;

use crate::sys::time_stamp::{Passage, PassageStage};

/// The packets of a socket whose stamps may still come.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    next: u32,
    sent: VecDeque<Sent>,
    /// Packets of which the driver's stamp has not come.
    awaited: usize,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    number: u32,
    tag: usize,
    /// Before it was sent, in nanoseconds since 1970.
    wall: i64,
}

/// Stamps come before the next thousands of packets, or never.
const MOST: usize = 1 << 13;

impl Numbers {
    /// The socket sent a packet, which the engine knows by `tag`.
    pub(super) fn sent(&mut self, tag: usize, wall: i64) {
        self.sent.push_back(Sent { number: self.next, tag, wall });
        self.next = self.next.wrapping_add(1);
        self.awaited = self.awaited.saturating_add(1);
        if self.sent.len() > MOST {
            self.sent.pop_front();
        }
    }

    /// The kernel numbers packets from 0 again.
    pub(super) fn start_anew(&mut self) {
        *self = Self::default();
    }

    /// Whether the driver's stamp of a packet may still come.
    pub(super) fn awaits(&self) -> bool {
        self.awaited > 0
    }

    /// A stamp has come: the packet that it is about.
    pub(super) fn passed(&mut self, passage: &Passage) -> Option<usize> {
        let tag = self.tag(passage);
        if tag.is_some() && passage.stage == PassageStage::Driver {
            self.awaited = self.awaited.saturating_sub(1);
        }
        tag
    }

    /// The packet that a stamp is about.
    pub(super) fn tag(&self, passage: &Passage) -> Option<usize> {
        let first = self.sent.front()?.number;
        let sent = self.sent.get(usize::try_from(passage.number.wrapping_sub(first)).ok()?)?;
        // From before the numbers began anew, there may be a stamp of an older packet with that number.
        let is_its = passage.stage == PassageStage::Adapter || passage.at >= sent.wall;
        is_its.then_some(sent.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(number: u32, at: i64) -> Passage {
        Passage { number, stage: PassageStage::Driver, at }
    }

    #[test]
    fn stamps_find_their_packets() {
        let mut numbers = Numbers::default();
        (0..20_000).for_each(|number| numbers.sent(number + 7, 100));
        assert_eq!(numbers.tag(&passage(19_999, 100)), Some(20_006));
        assert_eq!(numbers.tag(&passage(20_000, 100)), None);
        assert_eq!(numbers.tag(&passage(0, 100)), None, "too old");
        numbers.start_anew();
        numbers.sent(5, 200);
        assert_eq!(numbers.tag(&passage(0, 150)), None, "of another packet with that number");
        assert_eq!(numbers.tag(&passage(0, 201)), Some(5));
        assert!(numbers.awaits());
        assert_eq!(numbers.passed(&passage(0, 201)), Some(5));
        assert!(!numbers.awaits());
        numbers.next = u32::MAX;
        numbers.start_anew();
        numbers.next = u32::MAX;
        numbers.sent(1, 0);
        numbers.sent(2, 0);
        assert_eq!(numbers.tag(&passage(0, 1)), Some(2), "numbers wrap");
    }
}

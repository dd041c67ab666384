//! A target with the requests that went to it.

use std::collections::VecDeque;
use std::net::IpAddr;

use crate::exchange::engine::Nanos;

use super::ledger::{Ledger, ProbeClass};
use super::sample::WayOut;
use super::statistics::Statistics;

/// A target and how it does.
#[derive(Debug, Clone)]
pub struct Target {
    /// As the user names it.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// The address that requests come from.
    pub source: IpAddr,
    /// It stands for several hosts.
    is_group: bool,
    /// What became of its requests, and what came.
    pub ledger: Ledger,
    /// Its round trips.
    pub times: Statistics,
    /// When its first request went out.
    pub first_sent: Option<Nanos>,
    /// When its last request went out, or its last reply came in.
    pub last_active: Nanos,
    /// Requests that were made.
    pub asked: u64,
    /// The last of them; the number of the first of these is `first`.
    probes: VecDeque<Probe>,
    first: u64,
    /// The latest request that was answered.
    pub(super) latest: u64,
}

/// A request that is remembered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe {
    /// When it was made.
    pub(super) made: Nanos,
    /// Its way out, once it was sent.
    pub(super) out: Option<WayOut>,
    /// How it ended.
    pub(super) end: Option<ProbeClass>,
    /// A good reply to it came.
    pub(super) is_answered: bool,
}

impl Target {
    /// A target that nobody has asked yet.
    pub(super) fn new(name: &str, address: IpAddr, source: IpAddr, times: Statistics, now: Nanos) -> Self {
        Self {
            name: name.to_owned(),
            address,
            source,
            is_group: is_group(address),
            ledger: Ledger::default(),
            times,
            first_sent: None,
            last_active: now,
            asked: 0,
            probes: VecDeque::new(),
            first: 1,
            latest: 0,
        }
    }

    /// Requests that were sent, or were to be sent and did not leave: as `ping` counts them.
    pub fn transmitted(&self) -> u64 {
        self.asked
    }

    /// Lost requests in percent of those sent.
    pub fn loss_percent(&self) -> f64 {
        loss_percent(self.transmitted(), self.ledger.answered())
    }

    /// Whether replies may come from anywhere, and not from its address alone.
    pub(super) fn is_group(&self) -> bool {
        self.is_group
    }

    /// It stands for several hosts, although its address does not look so.
    pub(super) fn make_group(&mut self) {
        self.is_group = true;
    }

    /// A request is made; one that goes out of memory for it is returned.
    pub(super) fn ask(&mut self, now: Nanos, window: usize) -> Option<(u64, Probe)> {
        self.asked = self.asked.saturating_add(1);
        self.first_sent.get_or_insert(now);
        self.last_active = now;
        // Most of many targets are asked once.
        if self.probes.capacity() == 0 {
            self.probes.reserve_exact(1);
        }
        self.probes.push_back(Probe { made: now, out: None, end: None, is_answered: false });
        if self.probes.len() <= window {
            return None;
        }
        let gone = self.probes.pop_front().map(|probe| (self.first, probe));
        self.first = self.first.saturating_add(1);
        gone
    }

    /// A request that is remembered.
    pub(super) fn probe(&mut self, seq: u64) -> Option<&mut Probe> {
        let at = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.probes.get_mut(at)
    }

    /// The same, to look at.
    pub(super) fn peek(&self, seq: u64) -> Option<&Probe> {
        let at = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.probes.get(at)
    }

    /// The last request whose number ends so in a header, where `window` numbers are told apart.
    pub(super) fn seq_of(&self, in_header: u64, window: u64) -> Option<u64> {
        let back = self.asked.checked_sub(in_header)?.checked_rem(window)?;
        self.asked.checked_sub(back).filter(|seq| *seq >= self.first)
    }
}

/// Whether an address stands for several hosts.
fn is_group(address: IpAddr) -> bool {
    match address {
        // Whether an address is the broadcast address of a network cannot be told from it alone; most end in 255.
        IpAddr::V4(address) => address.is_multicast() || address.octets().ends_with(&[255]),
        IpAddr::V6(address) => address.is_multicast(),
    }
}

impl Probe {
    /// How it ends when nothing came.
    pub(super) fn without_reply(&self) -> ProbeClass {
        match self.out {
            Some(out) if out.is_stamped() => ProbeClass::Lost,
            _ => ProbeClass::Unstamped,
        }
    }
}

/// Lost requests in percent of those sent.
pub fn loss_percent(transmitted: u64, answered: u64) -> f64 {
    if transmitted == 0 {
        return 0.0;
    }
    transmitted.saturating_sub(answered) as f64 * 100.0 / transmitted as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_headers_wrap_and_find_the_last_request_of_that_number() {
        let mut target =
            Target::new("t", [10, 0, 0, 2].into(), [10, 0, 0, 1].into(), Statistics::default(), 0);
        for _ in 0..70_000 {
            target.ask(0, 65_536);
        }
        let window = 1 << 16;
        assert_eq!(target.seq_of(70_000 - 65_536, window), Some(70_000));
        assert_eq!(target.seq_of(65_535, window), Some(65_535));
        assert_eq!(target.seq_of(0, window), Some(65_536));
        assert_eq!(target.seq_of(4_465, window), Some(4_465), "the oldest that is remembered");
        assert!(target.probe(4_465).is_some() && target.probe(4_464).is_none());
        let mut small =
            Target::new("t", [10, 0, 0, 2].into(), [10, 0, 0, 1].into(), Statistics::default(), 0);
        small.ask(0, 16);
        assert_eq!(
            (small.seq_of(1, window), small.seq_of(0, window), small.seq_of(2, window)),
            (Some(1), None, None)
        );
    }
}

//! The ledger of a run: each request ends in one class, each packet that comes in one class, and the classes sum to what was
//! sent and what came.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::sys::error::errno;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeClass {
    /// Its reply came in time.
    Answered,
    /// Its reply came after the time-out.
    Late,
    /// It left this host, and nothing came.
    Lost,
    /// A router or host says that it could not be delivered, or why it was dropped.
    IcmpError,
    /// It did not leave this host: a rule forbids it, a queue is full, no route.
    LocalDrop,
    /// It was sent, and nothing came; that it left the kernel never said.
    Unstamped,
    /// The run ended before its time was over.
    Unfinished,
}

impl ProbeClass {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Answered,
        Self::Late,
        Self::Lost,
        Self::IcmpError,
        Self::LocalDrop,
        Self::Unstamped,
        Self::Unfinished,
    ];

    /// Its name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Late => "late",
            Self::Lost => "lost",
            Self::IcmpError => "icmp_error",
            Self::LocalDrop => "local_drop",
            Self::Unstamped => "unstamped",
            Self::Unfinished => "unfinished",
        }
    }
}

/// What a packet is that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PacketClass {
    /// The first reply to a request, and none to a later one came before it.
    Answer,
    /// The first reply to a request, behind one to a later request.
    Reordered,
    /// A further reply to a request.
    Duplicate,
    /// A reply with a bad checksum, or with other octets than were sent.
    Damaged,
    /// A reply whose tag this run did not make.
    Forged,
    /// A reply to a request that went elsewhere.
    Elsewhere,
    /// An ICMP error about a request.
    Error,
    /// All else: to no request that is known.
    Stray,
}

impl PacketClass {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Answer,
        Self::Reordered,
        Self::Duplicate,
        Self::Damaged,
        Self::Forged,
        Self::Elsewhere,
        Self::Error,
        Self::Stray,
    ];

    /// Its name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Reordered => "reordered",
            Self::Duplicate => "duplicate",
            Self::Damaged => "damaged",
            Self::Forged => "forged",
            Self::Elsewhere => "elsewhere",
            Self::Error => "error",
            Self::Stray => "stray",
        }
    }
}

/// Why a request did not leave this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    /// A rule of this host's firewall (EPERM, EACCES).
    Forbidden,
    /// A queue or the socket's buffer is full (ENOBUFS, EAGAIN).
    QueueFull,
    /// No route leads there (ENETUNREACH, EHOSTUNREACH).
    NoRoute,
    /// The interface is down, or gone (ENETDOWN, ENODEV, ENXIO).
    InterfaceDown,
    /// It is larger than may leave (EMSGSIZE).
    TooLarge,
    /// The source address is not this host's (EADDRNOTAVAIL).
    NoAddress,
    /// Anything else.
    Other,
}

impl DropReason {
    /// What an error number means (errno(3)).
    pub fn of(number: Option<i32>) -> Self {
        match number {
            Some(errno::EPERM | errno::EACCES) => Self::Forbidden,
            Some(errno::ENOBUFS | errno::EAGAIN) => Self::QueueFull,
            Some(errno::ENETUNREACH | errno::EHOSTUNREACH) => Self::NoRoute,
            Some(errno::ENETDOWN | errno::ENODEV | errno::ENXIO) => Self::InterfaceDown,
            Some(errno::EMSGSIZE) => Self::TooLarge,
            Some(errno::EADDRNOTAVAIL) => Self::NoAddress,
            _ => Self::Other,
        }
    }

    /// Its name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::QueueFull => "queue_full",
            Self::NoRoute => "no_route",
            Self::InterfaceDown => "interface_down",
            Self::TooLarge => "too_large",
            Self::NoAddress => "no_address",
            Self::Other => "other",
        }
    }

    /// The same for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden by a rule of this host",
            Self::QueueFull => "queue full",
            Self::NoRoute => "no route",
            Self::InterfaceDown => "interface down",
            Self::TooLarge => "too large",
            Self::NoAddress => "no such source address",
            Self::Other => "other reasons",
        }
    }
}

/// An ICMP error: who says so, its type and code.
pub type IcmpError = (IpAddr, u8, u8);

/// How many of each class there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    probes: [u64; ProbeClass::ALL.len()],
    packets: [u64; PacketClass::ALL.len()],
    /// ICMP errors by who sent them; those of senders beyond the first 64 are in the sum alone.
    pub errors: BTreeMap<IcmpError, u64>,
    /// Requests that did not leave, by reason.
    pub drops: BTreeMap<DropReason, u64>,
}

/// Senders of errors that are told apart.
const MOST_SENDERS: usize = 64;

impl Ledger {
    /// A request ends so.
    pub fn probe(&mut self, class: ProbeClass) {
        if let Some(count) = self.probes.get_mut(class as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// A request that had ended otherwise ends so after all: its reply came late.
    pub fn move_probe(&mut self, from: ProbeClass, to: ProbeClass) {
        if let Some(count) = self.probes.get_mut(from as usize) {
            *count = count.saturating_sub(1);
        }
        self.probe(to);
    }

    /// A packet came.
    pub fn packet(&mut self, class: PacketClass) {
        if let Some(count) = self.packets.get_mut(class as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// An ICMP error is the end of a request.
    pub fn error(&mut self, error: IcmpError) {
        if self.errors.len() < MOST_SENDERS || self.errors.contains_key(&error) {
            let count = self.errors.entry(error).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// A request did not leave.
    pub fn dropped(&mut self, reason: DropReason) {
        self.probe(ProbeClass::LocalDrop);
        let count = self.drops.entry(reason).or_default();
        *count = count.saturating_add(1);
    }

    /// How many requests ended so.
    pub fn probes(&self, class: ProbeClass) -> u64 {
        self.probes.get(class as usize).copied().unwrap_or(0)
    }

    /// How many packets were so.
    pub fn packets(&self, class: PacketClass) -> u64 {
        self.packets.get(class as usize).copied().unwrap_or(0)
    }

    /// Requests that ended.
    pub fn ended(&self) -> u64 {
        self.probes.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Requests that were answered, late or not.
    pub fn answered(&self) -> u64 {
        self.probes(ProbeClass::Answered).saturating_add(self.probes(ProbeClass::Late))
    }

    /// Packets that came.
    pub fn came(&self) -> u64 {
        self.packets.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Whether packets came that something is wrong with.
    pub fn is_tampered(&self) -> bool {
        self.packets(PacketClass::Damaged) > 0 || self.packets(PacketClass::Forged) > 0
    }

    /// Adds another ledger.
    pub fn add_all(&mut self, other: &Self) {
        let add = |to: &mut u64, more: &u64| *to = to.saturating_add(*more);
        self.probes.iter_mut().zip(&other.probes).for_each(|(to, more)| add(to, more));
        self.packets.iter_mut().zip(&other.packets).for_each(|(to, more)| add(to, more));
        for (reason, count) in &other.drops {
            add(self.drops.entry(*reason).or_default(), count);
        }
        for (error, count) in &other.errors {
            if self.errors.len() < MOST_SENDERS || self.errors.contains_key(error) {
                add(self.errors.entry(*error).or_default(), count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_sum_to_what_was_counted() {
        let mut ledger = Ledger::default();
        ProbeClass::ALL.into_iter().for_each(|class| ledger.probe(class));
        ledger.dropped(DropReason::of(Some(1)));
        ledger.move_probe(ProbeClass::Lost, ProbeClass::Late);
        PacketClass::ALL.into_iter().for_each(|class| ledger.packet(class));
        assert_eq!((ledger.ended(), ledger.came(), ledger.answered()), (8, 8, 3));
        assert_eq!((ledger.probes(ProbeClass::Lost), ledger.drops[&DropReason::Forbidden]), (0, 1));
        let mut sum = Ledger::default();
        sum.add_all(&ledger);
        sum.add_all(&ledger);
        assert_eq!((sum.ended(), sum.came()), (16, 16));
        assert!(sum.is_tampered());
    }

    #[test]
    fn senders_without_end_take_no_memory_without_end() {
        let mut ledger = Ledger::default();
        for number in 0..1000u32 {
            ledger.error((std::net::Ipv4Addr::from(number).into(), 11, 0));
        }
        assert_eq!(ledger.errors.len(), MOST_SENDERS);
    }
}

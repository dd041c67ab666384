//! Values that differ from packet to packet: sweeps, cycles, random draws.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::random::Random;
use super::told::Told;
use crate::wire::value::Value;

/// A place in a packet that is filled anew for each one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    /// Which numbers it takes.
    pub(super) numbers: Numbers,
    /// What a number becomes.
    pub(super) make: Make,
    /// The variable that holds the generator; while reading its number there, then its place in the spec's
    /// [`Shared`](super::packets::Shared) ones.
    pub(super) variable: Option<usize>,
}

/// The numbers of a [`Slot`]. Addresses are numbers here, in network order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Numbers {
    /// One after the other, run by run. Several sweeps of a packet multiply.
    Sweep(Sweep),
    /// Any of these, drawn for each packet; draws do not multiply.
    Draw(Run),
    /// The same, but every other time one of those at which programs err.
    Edges(Run),
    /// What packets tell that came or were sent before.
    Told(Box<Told>),
}

/// Runs, one behind the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sweep {
    runs: Vec<Run>,
    /// How many numbers there are up to the end of each run.
    ends: Vec<u64>,
}

/// Numbers from `first` to `last`, both included, `step` apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The first.
    pub(super) first: u128,
    /// The last, unless the steps miss it.
    pub(super) last: u128,
    /// How far apart; at least 1.
    pub(super) step: u128,
}

/// What a number becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Make {
    /// A number.
    Uint,
    /// A bit.
    Bool,
    /// A MAC address.
    Mac,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// So many zero octets.
    Zeros,
    /// So many octets that count from 0 to 255, again and again.
    Pattern,
    /// So many random octets.
    Random,
    /// Octets that are told.
    Octets,
    /// A domain name that is told.
    Name,
    /// A text that is told.
    Text,
}

impl Numbers {
    /// Runs, one behind the other.
    pub(super) fn sweep(runs: Vec<Run>) -> Self {
        let mut end = 0u64;
        let ends = runs.iter().map(|run| {
            let count = run.last_index().saturating_add(1);
            end = end.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            end
        });
        let ends = ends.collect();
        Self::Sweep(Sweep { runs, ends })
    }

    /// The number, where it is just one.
    pub(super) fn one(&self) -> Option<u128> {
        match self {
            Self::Sweep(Sweep { runs, .. }) => match runs.as_slice() {
                [Run { first, last, .. }] if first == last => Some(*first),
                _ => None,
            },
            Self::Draw(_) | Self::Edges(_) | Self::Told(_) => None,
        }
    }
}

impl Sweep {
    /// The number at this place.
    fn at(&self, index: u64) -> Option<u128> {
        // What is more than can be counted has no end.
        let place = self.ends.partition_point(|end| *end <= index && *end < u64::MAX);
        let before = place.checked_sub(1).and_then(|place| self.ends.get(place)).copied().unwrap_or(0);
        Some(self.runs.get(place)?.at(u128::from(index.saturating_sub(before))))
    }
}

impl Run {
    /// One number.
    pub(super) fn one(number: u128) -> Self {
        Self { first: number, last: number, step: 1 }
    }

    /// How many numbers, less one.
    fn last_index(&self) -> u128 {
        self.last.saturating_sub(self.first).checked_div(self.step).unwrap_or(0)
    }

    /// A place: every other time the first or the last, one beside them, or one about a power of two.
    fn edge(&self, random: &mut Random) -> u128 {
        let last = self.last_index();
        let power =
            1u128.checked_shl(128u32.saturating_sub(last.leading_zeros()).saturating_sub(1)).unwrap_or(1);
        match random.up_to(13) {
            0 => 0,
            1 => 1.min(last),
            2 => last,
            3 => last.saturating_sub(1),
            4 => power.min(last),
            5 => power.saturating_sub(1),
            6 => power.checked_shr(u32::try_from(random.up_to(126)).unwrap_or(0)).unwrap_or(0).min(last),
            _ => random.up_to(last),
        }
    }

    /// The number at this place, counted from 0.
    fn at(&self, index: u128) -> u128 {
        self.first.saturating_add(index.saturating_mul(self.step)).min(self.last)
    }
}

impl Slot {
    /// How many packets a whole sweep takes; 1 for draws.
    pub(super) fn count(&self) -> u64 {
        match &self.numbers {
            Numbers::Draw(_) | Numbers::Edges(_) | Numbers::Told(_) => 1,
            Numbers::Sweep(sweep) => sweep.ends.last().copied().unwrap_or(0),
        }
    }

    /// Whether it needs random numbers.
    pub(super) fn is_random(&self) -> bool {
        matches!(self.numbers, Numbers::Draw(_) | Numbers::Edges(_)) || self.make == Make::Random
    }

    /// The value at this place of the sweep, or a drawn one; nothing much where it is told, and nobody tells it.
    pub(super) fn value(&self, index: u64, random: &mut Random) -> Value {
        let number = match &self.numbers {
            Numbers::Draw(run) => run.at(random.up_to(run.last_index())),
            Numbers::Edges(run) => run.at(run.edge(random)),
            Numbers::Sweep(sweep) => sweep.at(index).unwrap_or(0),
            Numbers::Told(_) => 0,
        };
        self.make.value(number, random)
    }
}

impl Make {
    fn value(self, number: u128, random: &mut Random) -> Value {
        let len = usize::try_from(number).unwrap_or(usize::MAX);
        match self {
            Self::Zeros => Value::Octets(vec![0; len]),
            Self::Pattern => Value::Octets((0..=u8::MAX).cycle().take(len).collect()),
            Self::Random => Value::Octets(random.octets(len)),
            _ => self.of_number(number),
        }
    }

    /// The value that a number becomes where it is none of so many octets.
    pub(super) fn of_number(self, number: u128) -> Value {
        let octets = number.to_be_bytes();
        match self {
            Self::Bool => Value::Bool(number != 0),
            Self::Mac => Value::Mac(octets.last_chunk().copied().unwrap_or_default()),
            Self::Ipv4 => Value::Ipv4(Ipv4Addr::from(octets.last_chunk::<4>().copied().unwrap_or_default())),
            Self::Ipv6 => Value::Ipv6(Ipv6Addr::from_bits(number)),
            Self::Octets => Value::Octets(Vec::new()),
            // The name without labels, RFC 1035 §3.1.
            Self::Name => Value::Name(vec![0]),
            Self::Text => Value::Text(Vec::new()),
            Self::Uint | Self::Zeros | Self::Pattern | Self::Random => {
                Value::Uint(u64::try_from(number).unwrap_or(u64::MAX))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(slot: &Slot) -> Vec<String> {
        let mut random = Random::new(0);
        (0..slot.count()).map(|index| slot.value(index, &mut random).to_string()).collect()
    }

    #[test]
    fn runs_follow_each_other() {
        let runs = vec![Run::one(80), Run { first: 1, last: 6, step: 2 }, Run::one(443)];
        let slot = Slot { numbers: Numbers::sweep(runs), make: Make::Uint, variable: None };
        assert_eq!(all(&slot), ["80", "1", "3", "5", "443"]);
    }

    #[test]
    fn the_whole_of_ipv6_is_counted_without_overflow() {
        let run = Run { first: 0, last: u128::MAX, step: 1 };
        let slot = Slot { numbers: Numbers::sweep(vec![run, run]), make: Make::Ipv6, variable: None };
        assert_eq!(slot.count(), u64::MAX);
        assert_eq!(slot.value(u64::MAX, &mut Random::new(0)).to_string(), "::ffff:ffff:ffff:ffff");
        let draw = Slot { numbers: Numbers::Draw(run), make: Make::Ipv6, variable: None };
        assert_ne!(draw.value(0, &mut Random::new(1)), draw.value(0, &mut Random::new(2)));
    }

    #[test]
    fn octets_by_their_number() {
        let of = |make| Slot { numbers: Numbers::sweep(vec![Run::one(3)]), make, variable: None };
        assert_eq!(all(&of(Make::Zeros)), ["000000"]);
        assert_eq!(all(&of(Make::Pattern)), ["000102"]);
        assert_eq!(all(&of(Make::Random)).first().map(String::len), Some(6));
        assert_eq!(all(&of(Make::Mac)), ["00:00:00:00:00:03"]);
        assert_eq!(all(&of(Make::Ipv4)), ["0.0.0.3"]);
    }
}

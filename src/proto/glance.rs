//! One look at a layer, for the protocols that nearly every packet has: what dissecting asks their description for, piece by piece,
//! told by one call. It is put together from the same functions that the description names, so that nothing stands here twice; for
//! whatever is not quite usual it says nothing, and the description is asked.

use super::extent::Stated;

/// Looks at a layer, of which these are the octets up to the end of what carries it.
pub type LookAt = fn(&[u8]) -> Glance;

/// What one look tells of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    /// Octets of the header, all of which are there; 0 where nothing is told.
    pub header_len: u32,
    /// Octets of the layer as it says itself; [`Glance::NO_NUMBER`] where it reaches as far as what carries it.
    pub len: u32,
    /// The number of what it carries, and the one for where nothing is known under that; `NO_NUMBER` where there is none.
    pub key: u32,
    /// The second number.
    pub or: u32,
}

impl Glance {
    /// Where there is no number.
    pub const NO_NUMBER: u32 = u32::MAX;

    const NOTHING: Self = Self { header_len: 0, len: 0, key: Self::NO_NUMBER, or: Self::NO_NUMBER };

    /// The look at a message of ICMP or ICMPv6, which tells something of requests and replies of echo alone, whose types these are: they
    /// have 8 octets before the data (RFC 792, RFC 4443 §4).
    pub fn of_echo(octets: &[u8], types: [u8; 2]) -> Self {
        let is_echo = |head: &[u8]| head.first().is_some_and(|kind| types.contains(kind));
        let nothing = |_: &[u8], _: &[u8]| [None; 2];
        Self::of(octets, (8, |head| is_echo(head).then_some(0)), |_| Stated::Rest, nothing)
    }

    /// The look at a header of `fixed` octets and as many more as `more` says, in a layer that reaches as far as `extent` says
    /// (where it lies, nothing is told) and tells by `next` what it carries.
    #[inline(always)]
    pub fn of(
        octets: &[u8],
        (fixed, more): (usize, impl Fn(&[u8]) -> Option<usize>),
        extent: impl Fn(&[u8]) -> Stated,
        next: impl Fn(&[u8], &[u8]) -> [Option<u64>; 2],
    ) -> Self {
        let Some(head) = octets.get(..fixed) else { return Self::NOTHING };
        let Some((header, behind)) =
            more(head).and_then(|more| octets.split_at_checked(fixed.wrapping_add(more)))
        else {
            return Self::NOTHING;
        };
        let len = match extent(header) {
            Stated::Octets(len @ 0..MOST) => len as u32,
            Stated::Rest => Self::NO_NUMBER,
            Stated::Octets(_) | Stated::Lies => return Self::NOTHING,
        };
        let payload =
            (len as usize).checked_sub(header.len()).and_then(|len| behind.get(..len)).unwrap_or(behind);
        let [key, or] = next(header, payload).map(|number| match number {
            Some(number @ 0..MOST) => number as u32,
            _ => Self::NO_NUMBER,
        });
        Self { header_len: header.len() as u32, len, key, or }
    }
}

/// Numbers are less than this.
const MOST: u64 = Glance::NO_NUMBER as u64;

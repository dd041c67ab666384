//! The one walker over options and records: type, length, body, again and again.
//!
//! Its promises: it never stands still (each step takes at least one octet), never reads outside its area, and gives
//! every octet exactly once, those that it cannot make sense of included. What differs between protocols is a
//! [`Dialect`].

use std::ops::Range;

/// How a protocol writes its options.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// The protocol's word for the first octet: `type` (IPv4) or `kind` (TCP).
    pub code_name: &'static str,
    /// Codes that stand alone, without length and body.
    pub singles: &'static [u8],
    /// The single code behind which there are no more options.
    pub end: Option<u8>,
    /// What the length octet counts.
    pub counts: Counts,
    /// Octets for each unit of the length.
    pub unit: usize,
    /// What fills the area up.
    pub padding: Padding,
}

/// What a record's length octet counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// The whole record, with its type and length.
    Record,
    /// The body alone.
    Body,
}

/// What the builder puts behind records so that the area, or each record, has a length that its header can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Zeros behind the last record up to a multiple of this many octets (RFC 791 §3.1, RFC 9293 §3.1).
    Zeros(usize),
    /// A Pad1 or PadN option up to a multiple of `unit`, counting `before` octets of the header (RFC 8200 §4.2).
    PadN {
        /// Octets of the header before the area.
        before: usize,
        /// The multiple.
        unit: usize,
    },
    /// Zeros in the body of each record up to a multiple of this many octets (RFC 4861 §4.6).
    EachZeros(usize),
}

/// One step of the walk: where it stands in the area, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord<'a> {
    /// Octets of the area that this step covers.
    pub octets: Range<usize>,
    /// What they are.
    pub shape: RawShape<'a>,
}

/// What the walker found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawShape<'a> {
    /// A code that stands alone.
    Single(u8),
    /// A record whose length fits.
    Whole {
        /// Its type.
        code: u8,
        /// The octets behind type and length.
        body: &'a [u8],
    },
    /// A record whose length is impossible: too small for itself, or longer than what is left.
    Lying {
        /// Its type.
        code: u8,
        /// The length octet as it stands.
        length: u8,
        /// All that is left.
        body: &'a [u8],
    },
    /// Octets that are no record: a type without a length octet, or what stands behind the end of the list.
    Rest(&'a [u8]),
}

impl Dialect {
    /// Walks the records of `area`.
    #[inline]
    pub fn walk<'a>(&self, area: &'a [u8]) -> Walk<'a> {
        Walk { dialect: *self, area, at: 0, ended: false }
    }

    /// The octets that pad an area of `len` octets.
    pub fn padding_of(&self, len: usize) -> Vec<u8> {
        match self.padding {
            Padding::Zeros(unit) => vec![0; missing(len, unit)],
            Padding::EachZeros(_) => Vec::new(),
            Padding::PadN { before, unit } => match missing(len.saturating_add(before), unit) {
                0 => Vec::new(),
                1 => vec![0],
                n => {
                    let body = n.saturating_sub(2);
                    let mut padn = vec![1, u8::try_from(body).unwrap_or(u8::MAX)];
                    padn.resize(n, 0);
                    padn
                }
            },
        }
    }

    /// The length octet of a record with a body of `body_len` octets; saturates where the body is too long to be said.
    pub fn length_octet(&self, body_len: usize) -> u8 {
        let octets = match self.counts {
            Counts::Record => body_len.saturating_add(2),
            Counts::Body => body_len,
        };
        u8::try_from(octets.div_ceil(self.unit.max(1))).unwrap_or(u8::MAX)
    }

    /// How many zeros complete a record's body of `body_len` octets.
    pub fn body_padding(&self, body_len: usize) -> usize {
        match self.padding {
            Padding::EachZeros(unit) => missing(body_len.saturating_add(2), unit),
            _ => 0,
        }
    }
}

/// How many octets are missing from `len` to the next multiple of `unit`.
fn missing(len: usize, unit: usize) -> usize {
    len.checked_next_multiple_of(unit).unwrap_or(len).saturating_sub(len)
}

/// The walk over an area; see [`Dialect::walk`].
#[derive(Debug, Clone)]
pub struct Walk<'a> {
    dialect: Dialect,
    area: &'a [u8],
    at: usize,
    ended: bool,
}

impl<'a> Iterator for Walk<'a> {
    type Item = RawRecord<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<RawRecord<'a>> {
        let left = self.area.get(self.at..).filter(|left| !left.is_empty())?;
        let (len, shape) = if self.ended {
            if self.is_padding(left) {
                return None;
            }
            (left.len(), RawShape::Rest(left))
        } else {
            self.step(left)
        };
        let start = self.at;
        self.at = self.at.saturating_add(len.max(1));
        Some(RawRecord { octets: start..self.at, shape })
    }
}

impl<'a> Walk<'a> {
    /// One record at the beginning of `left`, and how many octets it takes.
    #[inline(always)]
    fn step(&mut self, left: &'a [u8]) -> (usize, RawShape<'a>) {
        let dialect = self.dialect;
        let (code, length) = match left {
            [code, ..] if dialect.singles.contains(code) => {
                self.ended = dialect.end == Some(*code);
                return (1, RawShape::Single(*code));
            }
            [code, length, ..] => (*code, *length),
            _ => return (left.len(), RawShape::Rest(left)),
        };
        let stated = usize::from(length).saturating_mul(dialect.unit);
        let len = match dialect.counts {
            Counts::Record => stated,
            Counts::Body => stated.saturating_add(2),
        };
        match left.get(2..len) {
            Some(body) => (len, RawShape::Whole { code, body }),
            None => {
                let body = left.get(2..).unwrap_or_default();
                (left.len(), RawShape::Lying { code, length, body })
            }
        }
    }

    /// Whether `left` is just what the builder itself would put behind the end of the list.
    fn is_padding(&self, left: &[u8]) -> bool {
        self.dialect.padding_of(self.at) == left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const IPV4: Dialect = Dialect {
        code_name: "type",
        singles: &[0, 1],
        end: Some(0),
        counts: Counts::Record,
        unit: 1,
        padding: Padding::Zeros(4),
    };
    const NDP: Dialect = Dialect {
        code_name: "type",
        singles: &[],
        end: None,
        counts: Counts::Record,
        unit: 8,
        padding: Padding::EachZeros(8),
    };

    #[test]
    fn an_option_of_length_0_or_1_does_not_stop_the_walk() {
        for length in [0, 1] {
            let area = [0x94, length, 0, 0];
            let records: Vec<_> = IPV4.walk(&area).collect();
            let shape = RawShape::Lying { code: 0x94, length, body: &[0, 0] };
            assert_eq!(records, [RawRecord { octets: 0..4, shape }]);
        }
    }

    #[test]
    fn zeros_behind_the_end_are_padding_and_anything_else_is_kept() {
        assert_eq!(IPV4.walk(&[1, 0, 0, 0]).count(), 2);
        let kept = IPV4.walk(&[1, 0, 0, 7]).last().unwrap();
        assert_eq!(kept.shape, RawShape::Rest(&[0, 7]));
        let beyond = IPV4.walk(&[0, 0, 0, 0, 0, 0, 0, 0]).last().unwrap();
        assert_eq!(beyond.octets, 1..8, "more zeros than padding needs");
    }

    proptest! {
        #[test]
        fn every_octet_once_and_always_forward(area in proptest::collection::vec(any::<u8>(), 0..80), nd: bool) {
            let dialect = if nd { NDP } else { IPV4 };
            let mut at = 0;
            for record in dialect.walk(&area) {
                prop_assert_eq!(record.octets.start, at);
                prop_assert!(record.octets.end > at && record.octets.end <= area.len());
                at = record.octets.end;
            }
            prop_assert!(at == area.len() || dialect.padding_of(at) == area[at..]);
        }
    }
}

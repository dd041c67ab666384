//! A block of pcapng in the other byte order: each number is turned round where it stands, so that no length changes.
//!
//! That needs to know where the numbers are. The kinds and options are those of draft-ietf-opsawg-pcapng; what is in blocks of
//! other kinds, and in custom ones, only their makers know.

use pcap_file::Endianness;

use crate::file::octets::word;

/// Turns a whole block, which is in the order `from`, into the other order; `false`, and nothing done, where it is of a kind
/// that is not known.
pub(super) fn swap(block: &mut [u8], from: Endianness) -> bool {
    let kind = word(block, 0, from);
    let Some(fixed) = fixed(kind) else { return false };
    let end = block.len().saturating_sub(4);
    let mut cursor = Cursor { octets: block, at: 0, end, from };
    cursor.numbers(&[4, 4]);
    // Whoever wrote a block that ends in the middle of something gets it back as far as it goes.
    let _ = cursor.body(kind, fixed);
    (cursor.at, cursor.end) = (end, end.saturating_add(4));
    cursor.numbers(&[4]);
    true
}

struct Cursor<'b> {
    octets: &'b mut [u8],
    at: usize,
    /// Where the block's second length stands.
    end: usize,
    from: Endianness,
}

impl Cursor<'_> {
    fn body(&mut self, kind: u32, fixed: &[usize]) -> Option<()> {
        let mut last = 0;
        for width in fixed {
            last = self.number(*width)?;
        }
        match kind {
            ENHANCED | OBSOLETE => {
                // The length on the wire was the last; before it stands that of what was captured.
                let taken = self.back(8)?;
                self.pass(taken)?;
            }
            SECRETS => self.pass(last)?,
            NAMES => self.records()?,
            SIMPLE | JOURNAL => return Some(()),
            _ => {}
        }
        self.options(kind)
    }

    /// Records of names: type, length, octets, up to the type 0.
    fn records(&mut self) -> Option<()> {
        loop {
            let (code, len) = (self.number(2)?, self.number(2)?);
            self.pass(len)?;
            if code == 0 {
                return Some(());
            }
        }
    }

    fn options(&mut self, kind: u32) -> Option<()> {
        loop {
            let (code, len) = (self.number(2)?, self.number(2)?);
            if code == 0 {
                return Some(());
            }
            let value = self.at;
            if value.saturating_add(usize::try_from(len).ok()?) > self.end {
                return None;
            }
            let widths = widths(kind, code);
            if u64::try_from(widths.iter().sum::<usize>()).ok()? <= len {
                self.numbers(widths);
            }
            self.at = value;
            self.pass(len)?;
        }
    }

    fn numbers(&mut self, widths: &[usize]) {
        for width in widths {
            if self.number(*width).is_none() {
                return;
            }
        }
    }

    /// Turns a number round; gives its value.
    fn number(&mut self, width: usize) -> Option<u64> {
        let end = self.at.checked_add(width).filter(|end| *end <= self.end)?;
        let octets = self.octets.get_mut(self.at..end)?;
        let value = value(octets, self.from);
        octets.reverse();
        self.at = end;
        Some(value)
    }

    /// A word that was turned round already and stands so far back.
    fn back(&self, distance: usize) -> Option<u64> {
        let at = self.at.checked_sub(distance)?;
        let mut octets: [u8; 4] = *self.octets.get(at..)?.first_chunk()?;
        octets.reverse();
        Some(value(&octets, self.from))
    }

    /// Passes over octets and their padding.
    fn pass(&mut self, len: u64) -> Option<()> {
        let len = usize::try_from(len).ok()?.checked_next_multiple_of(4)?;
        self.at = self.at.checked_add(len).filter(|at| *at <= self.end)?;
        Some(())
    }
}

fn value(octets: &[u8], order: Endianness) -> u64 {
    let join = |sum: u64, octet: &u8| sum << 8 | u64::from(*octet);
    if order.is_little() { octets.iter().rev().fold(0, join) } else { octets.iter().fold(0, join) }
}

/// The widths of the numbers that a block begins with.
fn fixed(kind: u32) -> Option<&'static [usize]> {
    Some(match kind {
        SECTION => &[4, 2, 2, 8],
        INTERFACE => &[2, 2, 4],
        OBSOLETE => &[2, 2, 4, 4, 4, 4],
        SIMPLE => &[4],
        NAMES | JOURNAL => &[],
        STATISTICS => &[4, 4, 4],
        ENHANCED => &[4, 4, 4, 4, 4],
        SECRETS => &[4, 4],
        _ => return None,
    })
}

/// The widths of the numbers that the value of an option begins with; none where it is text, addresses or octets.
fn widths(kind: u32, code: u64) -> &'static [usize] {
    match (kind, code) {
        // Custom options begin with the number of whose they are.
        (_, 2988 | 2989 | 19_372 | 19_373) => &[4],
        // Speed, time zone, time offset, speeds of sending and receiving.
        (INTERFACE, 8 | 14 | 16 | 17) => &[8],
        (INTERFACE, 10) => &[4],
        // Flags and queue; drop count and packet number; verdict behind its type; process and thread.
        (ENHANCED | OBSOLETE, 2) | (ENHANCED, 6) => &[4],
        (ENHANCED, 4 | 5) => &[8],
        (ENHANCED, 7) => &[1, 8],
        (ENHANCED, 8) => &[4, 4],
        // Times, which are two words; counts.
        (STATISTICS, 2 | 3) => &[4, 4],
        (STATISTICS, 4..=8) => &[8],
        _ => &[],
    }
}

const INTERFACE: u32 = 1;
const OBSOLETE: u32 = 2;
const SIMPLE: u32 = 3;
const NAMES: u32 = 4;
const STATISTICS: u32 = 5;
const ENHANCED: u32 = 6;
const JOURNAL: u32 = 9;
const SECRETS: u32 = 10;
const SECTION: u32 = 0x0a0d_0d0a;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_packet_with_options_is_turned_and_its_octets_are_not() {
        let little = [
            &[6u32, 68, 1, 2, 3, 5, 9].map(u32::to_le_bytes).concat()[..],
            b"octet\0\0\0",
            &[2, 0, 4, 0, 1, 0, 0, 0, 1, 0, 3, 0, b'a', b'b', b'c', 0, 4, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8],
            &68u32.to_le_bytes(),
        ]
        .concat();
        let big = [
            &[6u32, 68, 1, 2, 3, 5, 9].map(u32::to_be_bytes).concat()[..],
            b"octet\0\0\0",
            &[0, 2, 0, 4, 0, 0, 0, 1, 0, 1, 0, 3, b'a', b'b', b'c', 0, 0, 4, 0, 8, 8, 7, 6, 5, 4, 3, 2, 1],
            &68u32.to_be_bytes(),
        ]
        .concat();
        let mut block = little.clone();
        assert!(swap(&mut block, Endianness::Little));
        assert_eq!(block, big);
        assert!(swap(&mut block, Endianness::Big));
        assert_eq!(block, little);
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_same(kind in prop::sample::select(vec![1u32, 2, 3, 4, 5, 6, 9, 10, 0x0a0d_0d0a]), body in proptest::collection::vec(prop_oneof![3 => 0u8..9, 1 => any::<u8>()], 0..80)) {
            let len = u32::try_from(body.len()).unwrap();
            let block = [&kind.to_le_bytes()[..], &len.to_le_bytes(), &body, &len.to_le_bytes()].concat();
            let mut there = block.clone();
            prop_assert!(swap(&mut there, Endianness::Little));
            prop_assert!(swap(&mut there, Endianness::Big));
            prop_assert_eq!(there, block);
        }
    }
}

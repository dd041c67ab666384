//! What was written before: of fields that share two octets there are many, but few different ones are met, such as the flags of
//! TCP. Their text is kept, and copied when the same two octets come again. So are whole headers of links, which are the same for all
//! packets between two hosts.
#![deny(clippy::arithmetic_side_effects)]

use crate::wire::layers::ProtocolId;
use crate::wire::text::{Short, Text};

/// What was written before, for each section that has something to remember. It is bounded: of pairs of octets that share a place
/// only the last is kept.
#[derive(Debug, Default)]
pub(super) struct Memory {
    protocols: Vec<Vec<Vec<Pairs>>>,
    pub(super) headers: Headers,
}

impl Memory {
    /// What is remembered of a protocol's section, in which so many pairs of octets are worth it.
    #[inline]
    pub(super) fn of(&mut self, protocol: ProtocolId, section: usize, pairs: usize) -> &mut [Pairs] {
        let is_known = self.protocols.get(usize::from(protocol.0)).is_some_and(|known| known.len() > section);
        if !is_known {
            self.make_room(usize::from(protocol.0), section);
        }
        let known = self.protocols.get_mut(usize::from(protocol.0)).and_then(|known| known.get_mut(section));
        let Some(known) = known else { return &mut [] };
        if known.len() < pairs {
            known.resize_with(pairs, Pairs::default);
        }
        known
    }

    #[cold]
    fn make_room(&mut self, protocol: usize, section: usize) {
        if self.protocols.len() <= protocol {
            self.protocols.resize_with(protocol.saturating_add(1), Vec::new);
        }
        if let Some(sections) = self.protocols.get_mut(protocol) {
            sections.resize_with(section.saturating_add(1).max(sections.len()), Vec::new);
        }
    }
}

/// The texts of short headers.
#[derive(Debug, Default)]
pub(super) struct Headers(Vec<Header>);

#[derive(Debug, Clone, Copy, Default)]
struct Header {
    protocol: ProtocolId,
    octets: u128,
    /// Without one, nothing is known.
    text: Option<Short<LONGEST_HEADER>>,
}

impl Headers {
    /// Appends the text of a header of a protocol whose headers all have the same length: what is known, or what `write` appends.
    #[inline]
    pub(super) fn put(
        &mut self,
        out: &mut Text,
        (protocol, octets): (ProtocolId, &[u8]),
        write: impl FnOnce(&mut Text),
    ) {
        if self.0.is_empty() {
            self.0.resize_with(PLACES, Header::default);
        }
        let mut all = [0; 16];
        let Some(room) = all.get_mut(..octets.len()) else { return write(out) };
        room.copy_from_slice(octets);
        let octets = u128::from_le_bytes(all);
        // The addresses end where hosts differ.
        let [.., a, b, _, c, d, _, _] = all;
        let place = usize::from(a ^ b ^ c ^ d ^ protocol.0) % PLACES;
        let Some(known) = self.0.get_mut(place) else { return write(out) };
        match known {
            Header { protocol: known, octets: same, text: Some(text) }
                if *known == protocol && *same == octets =>
            {
                out.put(&*text);
            }
            _ => {
                let start = out.len();
                write(out);
                *known = Header { protocol, octets, text: Short::of_end(out, start) };
            }
        }
    }
}

/// The texts of pairs of octets at one place of a section.
#[derive(Debug)]
pub(super) struct Pairs(Box<[Known; PLACES]>);

#[derive(Debug, Clone, Copy, Default)]
struct Known {
    pair: u16,
    /// Without one, nothing is known.
    text: Option<Short<LONGEST>>,
}

impl Default for Pairs {
    fn default() -> Self {
        Self(Box::new([Known::default(); PLACES]))
    }
}

impl Pairs {
    /// Appends the text of a pair: what is known, or what `write` appends.
    #[inline]
    pub(super) fn put(&mut self, out: &mut Text, pair: u16, write: impl FnOnce(&mut Text)) {
        let known = self.0.get_mut(usize::from((pair ^ (pair >> 6)) & LAST_PLACE));
        match known {
            Some(Known { pair: known, text: Some(text) }) if *known == pair => {
                out.put(&*text);
            }
            known => {
                let start = out.len();
                write(out);
                if let Some(known) = known {
                    *known = Known { pair, text: Short::of_end(out, start) };
                }
            }
        }
    }
}

/// Octets that the text of a header may have, to be known: that of Ethernet fits.
const LONGEST_HEADER: usize = 96;
/// As many different pairs are known; a power of two.
const PLACES: usize = 16;
const LAST_PLACE: u16 = 15;
/// Octets that the text of a pair may have, to be known: that of the flags of TCP, which is the longest, fits.
const LONGEST: usize = 192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_has_its_own_text_whatever_came_before() {
        let mut memory = Memory::default();
        for pair in (0..2_000u16).chain(0..2_000).chain([7, 7, 7]) {
            let mut out = Text::default();
            out.put("[");
            let known = memory.of(ProtocolId(3), 2, 1);
            known[0].put(&mut out, pair, |out| {
                out.put(pair).put("!");
            });
            assert_eq!(out.as_str(), format!("[{pair}!"));
        }
    }

    #[test]
    fn what_is_too_long_is_written_again() {
        let mut pairs = Pairs::default();
        let mut times = 0;
        for _ in 0..3 {
            let mut out = Text::default();
            pairs.put(&mut out, 1, |out| {
                times += 1;
                (0..LONGEST + 1).for_each(|_| out.push('x'));
            });
            assert_eq!(out.len(), LONGEST + 1);
        }
        assert_eq!(times, 3);
    }
}

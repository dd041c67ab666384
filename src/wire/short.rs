//! A few words that are appended to texts again and again.
#![deny(clippy::arithmetic_side_effects)]

use super::text::{Put, Text};

/// A few words that are appended again and again: at most `N` octets. Few are copied as a whole, because that is one store where a
/// length that varies would be a call.
#[derive(Debug, Clone, Copy)]
pub struct Short<const N: usize = 32> {
    octets: [u8; N],
    len: u8,
}

impl<const N: usize> Default for Short<N> {
    fn default() -> Self {
        Self { octets: [0; N], len: 0 }
    }
}

impl<const N: usize> Short<N> {
    /// The beginning of these words of the program, as far as it fits.
    #[allow(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "mostly the compiler does it, within bounds"
    )]
    pub const fn words(text: &'static str) -> Self {
        let mut octets = [0; N];
        let mut len = 0;
        while len < N && len < text.len() {
            octets[len] = text.as_bytes()[len];
            len += 1;
        }
        Self { octets, len: len as u8 }
    }

    /// The same with an octet of ASCII behind it, where there is room.
    pub const fn followed_by(mut self, octet: u8) -> Self {
        if let Some((_, [place, ..])) = self.octets.split_at_mut_checked(self.len as usize) {
            *place = octet;
            self.len = self.len.saturating_add(1);
        }
        self
    }

    /// Whether there are no words.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Makes them of text; `None` of what is too long.
    pub fn new(text: &str) -> Option<Self> {
        Self::of(text.as_bytes())
    }

    /// Makes them of what was appended to a text since it had `start` octets; `None` of what is too long.
    pub fn of_end(text: &Text, start: usize) -> Option<Self> {
        Self::of(text.octets.get(start..)?)
    }

    fn of(text: &[u8]) -> Option<Self> {
        let mut octets = [0; N];
        octets.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { octets, len: u8::try_from(text.len()).ok()? })
    }
}

impl<const N: usize> Put for &Short<N> {
    #[inline]
    fn put(self, out: &mut Text) {
        if N > COPIED_WHOLE {
            out.octets.extend_from_slice(self.octets.get(..usize::from(self.len)).unwrap_or_default());
            return;
        }
        let end = out.octets.len().saturating_add(usize::from(self.len));
        out.octets.extend_from_slice(&self.octets);
        out.octets.truncate(end);
    }
}

/// Octets that are two stores.
const COPIED_WHOLE: usize = 32;

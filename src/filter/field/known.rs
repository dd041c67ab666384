//! Packets that came or were sent before, by the names that stand before their fields: `sent.tcp.seq`, `reply.ip.src`.

use super::about;
use super::program::Whose;
use crate::diagnostic::nearest::nearest;
use crate::stream::Fact;

/// Which packets may be told fields of, besides the one that is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'n> {
    /// Whether there is one that was sent ([`About::sent`](super::About::sent)): `sent`.
    pub sent: bool,
    /// The names of others, each with the packet's place in [`About::known`](super::About::known).
    pub names: &'n [(String, usize)],
}

/// What stands before the name of a field of the packet that was sent.
const SENT: &str = "sent";

impl Known<'_> {
    /// The ways in which a word may be the name of a packet and, behind a dot, of a field.
    pub(super) fn splits<'s>(&'s self, word: &'s str) -> impl Iterator<Item = (&'s str, Whose, &'s str)> {
        let names = self.names.iter().map(|(name, place)| (name.as_str(), Whose::Known(*place)));
        let sent = self.sent.then_some((SENT, Whose::Sent));
        let mut splits: Vec<_> = sent
            .into_iter()
            .chain(names)
            .filter_map(|(name, whose)| {
                let field = word.strip_prefix(name)?.strip_prefix('.')?;
                Some((name, whose, field))
            })
            .collect();
        // `syn.sent` goes before `syn`.
        splits.sort_by_key(|(name, ..)| std::cmp::Reverse(name.len()));
        splits.into_iter()
    }

    /// What the packets of a capture before this one tell, if the word names such a thing.
    pub(super) fn fact(&self, word: &str) -> Option<Fact> {
        Fact::by_name(word).or_else(|| self.splits(word).find_map(|(_, _, field)| Fact::by_name(field)))
    }

    /// The name of what only a packet of a capture has, if the word is that.
    pub(super) fn of_captures(&self, word: &str) -> Option<&'static str> {
        about::of_captures(word)
            .or_else(|| self.splits(word).find_map(|(_, _, field)| about::of_captures(field)))
    }

    /// The word with the name of a packet that is most like the one that it has.
    pub(super) fn nearest(&self, word: &str) -> Option<String> {
        let (name, field) = word.split_once('.')?;
        let known = self.names.iter().map(|(name, _)| name.as_str()).chain(self.sent.then_some(SENT));
        // Who writes `tcp.sek` means a field.
        super::names::Names::all().get(name).is_none().then_some(())?;
        nearest(name, known).map(|known| format!("{known}.{field}"))
    }
}

//! The tables of numbers: an EtherType, an IP protocol, a port, a link type, and which protocol each stands for.

use std::sync::OnceLock;

use super::ALL;
use super::describe::{Edge, Glance, Next, Protocol};
use super::listed::Listed;
use crate::wire::layers::ProtocolId;

/// All tables, each made when it is asked for the first time. A table has the place of the first edge that leads into it, so that nobody
/// has to list them.
#[derive(Debug)]
pub(super) struct Tables([OnceLock<Box<Table>>; count(ALL)]);

/// How many edges there are.
const fn count(listed: &[Listed]) -> usize {
    match listed.split_first() {
        Some((first, rest)) => first.edges.len().saturating_add(count(rest)),
        None => 0,
    }
}

/// The edges of all protocols.
fn edges() -> impl Iterator<Item = &'static Edge> {
    ALL.iter().flat_map(|listed| listed.edges)
}

impl Tables {
    pub(super) const fn new() -> Self {
        Self([const { OnceLock::new() }; count(ALL)])
    }

    /// The table of this name; `None` where nothing is found in it.
    fn named(&self, name: &str) -> Option<&Table> {
        let place = edges().position(|edge| edge.table == name)?;
        Some(self.0.get(place)?.get_or_init(|| Box::new(Table::new(place))))
    }

    /// The table that says what `protocol` carries.
    #[inline]
    pub(super) fn of(&'static self, protocol: &Protocol) -> Option<&'static Table> {
        protocol.table.get().copied().or_else(|| self.first_of(protocol))
    }

    #[cold]
    fn first_of(&'static self, protocol: &Protocol) -> Option<&'static Table> {
        let table = self.named(protocol.next?.table)?;
        Some(protocol.table.get_or_init(|| table))
    }

    /// Whose number this is in this table.
    pub(super) fn find(&self, table: &str, key: u64) -> Option<ProtocolId> {
        self.named(table)?.look_up(key)
    }

    /// What `protocol` carries when its header is `header`, and `payload` what stands behind that.
    #[inline]
    pub(super) fn carried(
        &'static self,
        protocol: &Protocol,
        header: &[u8],
        payload: &[u8],
    ) -> Option<ProtocolId> {
        let Next { key, or, looking, .. } = protocol.next?;
        let table = self.of(protocol)?;
        if let Some(looking) = looking {
            return table.look_up(looking(header, payload)?);
        }
        table.look_up(key(header)?).or_else(|| table.look_up(or?(header)?))
    }

    /// What `protocol` carries under the first of these numbers that its table knows.
    #[inline]
    pub(super) fn carried_by(&'static self, protocol: &Protocol, [key, or]: [u32; 2]) -> Option<ProtocolId> {
        if key == Glance::NO_NUMBER {
            return None;
        }
        let table = self.of(protocol)?;
        let found = table.look_up(u64::from(key));
        if found.is_some() || or == Glance::NO_NUMBER { found } else { table.look_up(u64::from(or)) }
    }
}

/// A table: its entries in buckets by a few bits of their numbers, so that most are found where they are looked for first.
#[derive(Debug)]
pub(super) struct Table {
    /// Sorted by bucket, and in a bucket by number.
    entries: Vec<(u64, ProtocolId)>,
    /// Where each bucket begins, and behind the last one where it ends.
    buckets: [u16; BUCKETS + 1],
}

/// How many buckets a table has.
const BUCKETS: usize = 256;

/// The bucket of a number; those of EtherTypes, IP protocols and link types that are met most differ.
#[inline]
fn bucket(key: u64) -> usize {
    usize::from((key ^ (key >> 8)).to_le_bytes().first().copied().unwrap_or_default())
}

impl Table {
    /// The table at this place: the numbers of all protocols that are found in it.
    #[cold]
    fn new(place: usize) -> Self {
        let name = edges().nth(place).map_or("", |edge| edge.table);
        let mut entries = Vec::new();
        for (listed, id) in ALL.iter().zip(0..) {
            let here = listed.edges.iter().filter(|edge| edge.table == name);
            entries.extend(here.map(|edge| (edge.key, ProtocolId(id))));
        }
        let mut table = Self { entries, buckets: [0; BUCKETS + 1] };
        table.sort();
        table
    }

    /// Puts the entries in order once all are there.
    fn sort(&mut self) {
        self.entries.sort_unstable_by_key(|(key, id)| (bucket(*key), *key, *id));
        let mut end = 0;
        for (number, begin) in self.buckets.iter_mut().enumerate() {
            let rest = self.entries.get(usize::from(end)..).unwrap_or_default();
            *begin = end;
            let more = rest.iter().take_while(|(key, _)| bucket(*key) == number).count();
            end = end.saturating_add(u16::try_from(more).unwrap_or(u16::MAX));
        }
    }

    #[inline]
    fn look_up(&self, key: u64) -> Option<ProtocolId> {
        let at = bucket(key);
        let (begin, end) = (self.buckets.get(at)?, self.buckets.get(at.saturating_add(1))?);
        let entries = self.entries.get(usize::from(*begin)..usize::from(*end))?;
        entries.iter().find(|(known, _)| *known == key).map(|(_, id)| *id)
    }
}

//! The tables of numbers: an EtherType, an IP protocol, a port, a link type, and which protocol each stands for.

use super::describe::{Glance, Next, Protocol};
use super::eth::LINK_TYPE;
use crate::wire::layers::ProtocolId;

/// All tables, and which of them says what a protocol carries.
#[derive(Debug)]
pub(super) struct Tables {
    tables: Vec<Table>,
    /// For each protocol, the table that says what it carries.
    next: Vec<Option<usize>>,
    /// The table of link types.
    link_types: Option<usize>,
}

impl Tables {
    /// The tables in which these protocols are found; they come in the order of their ids.
    pub(super) fn new(protocols: impl Iterator<Item = &'static Protocol> + Clone) -> Self {
        let mut tables: Vec<Table> = Vec::new();
        for protocol in protocols.clone() {
            for edge in &protocol.edges {
                let at = tables.iter().position(|table| table.name == edge.table).unwrap_or(tables.len());
                if at == tables.len() {
                    tables.push(Table::new(edge.table));
                }
                if let Some(table) = tables.get_mut(at) {
                    table.entries.push((edge.key, protocol.id));
                }
            }
        }
        tables.iter_mut().for_each(Table::sort);
        let place = |name| tables.iter().position(|table| table.name == name);
        let next = protocols.map(|protocol| place(protocol.next?.table)).collect();
        let link_types = place(LINK_TYPE);
        Self { tables, next, link_types }
    }

    /// Whose number this is in this table.
    pub(super) fn find(&self, table: &str, key: u64) -> Option<ProtocolId> {
        self.tables.iter().find(|known| known.name == table)?.look_up(key)
    }

    /// What packets of a link type begin with.
    pub(super) fn of_link_type(&self, link_type: u32) -> Option<ProtocolId> {
        self.tables.get(self.link_types?)?.look_up(u64::from(link_type))
    }

    /// What `protocol` carries when its header is `header`, and `payload` what stands behind that.
    #[inline]
    pub(super) fn carried(&self, protocol: &Protocol, header: &[u8], payload: &[u8]) -> Option<ProtocolId> {
        let Next { key, or, looking, .. } = protocol.next?;
        let table = self.next.get(usize::from(protocol.id.0)).copied().flatten()?;
        let table = self.tables.get(table)?;
        if let Some(looking) = looking {
            return table.look_up(looking(header, payload)?);
        }
        table.look_up(key(header)?).or_else(|| table.look_up(or?(header)?))
    }

    /// What `protocol` carries under the first of these numbers that its table knows.
    #[inline]
    pub(super) fn carried_by(&self, protocol: &Protocol, [key, or]: [u32; 2]) -> Option<ProtocolId> {
        if key == Glance::NO_NUMBER {
            return None;
        }
        let table = self.next.get(usize::from(protocol.id.0)).copied().flatten()?;
        let table = self.tables.get(table)?;
        let found = table.look_up(u64::from(key));
        if found.is_some() || or == Glance::NO_NUMBER { found } else { table.look_up(u64::from(or)) }
    }
}

/// A table: its entries in buckets by a few bits of their numbers, so that most are found where they are looked for first.
#[derive(Debug)]
struct Table {
    name: &'static str,
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
    fn new(name: &'static str) -> Self {
        Self { name, entries: Vec::new(), buckets: [0; BUCKETS + 1] }
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

//! Editing packets that were captured: fields are written where they stand, and the checksums that cover them are mended.
//!
//! A checksum is not computed anew but brought from what it was before the edit to what it is behind it (RFC 1624): what was
//! right stays right, also where the snapshot length has cut off what the checksum covers, and what was wrong stays as wrong as
//! it was.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use crate::proto::auto::Scope;
use crate::proto::describe::{Auto, Field, Kind, Protocol};
use crate::proto::registry;
use crate::wire::frame::LinkType;
use crate::wire::layers::LayerTable;
use crate::wire::value::{Value, ValueRef};

use super::check::{ChecksumStatus, Dissected};
use super::dissect::dissect;
use super::walk::{Event, walk_layer};

/// A value for a field of the first layer of a protocol.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The layer's protocol.
    pub protocol: &'static Protocol,
    /// The field's name without the layer's.
    pub field: String,
    /// What is written there; it fits the field.
    pub value: Value,
}

/// Addresses of one network become those of another, in every layer: the bits behind the other's prefix stay. Where the other is
/// smaller, several hosts become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkMap {
    from: (IpAddr, u32),
    to: (IpAddr, u32),
}

impl NetworkMap {
    /// Maps one network to another, each with the length of its prefix in bits; `None` when they are of two families, or a
    /// prefix is longer than an address.
    pub fn new(from: (IpAddr, u32), to: (IpAddr, u32)) -> Option<Self> {
        let most = match (from.0, to.0) {
            (IpAddr::V4(_), IpAddr::V4(_)) => 32,
            (IpAddr::V6(_), IpAddr::V6(_)) => 128,
            _ => return None,
        };
        (from.1 <= most && to.1 <= most).then_some(Self { from, to })
    }

    /// What becomes of an address; `None` when it is not in the network.
    pub fn map(&self, address: IpAddr) -> Option<IpAddr> {
        match (address, self.from, self.to) {
            (IpAddr::V4(address), (IpAddr::V4(from), from_bits), (IpAddr::V4(to), to_bits)) => {
                let hosts = |bits| u32::MAX.checked_shr(bits).unwrap_or(0);
                let is_in = (address.to_bits() ^ from.to_bits()) & !hosts(from_bits) == 0;
                let bits = (to.to_bits() & !hosts(to_bits)) | (address.to_bits() & hosts(to_bits));
                is_in.then_some(Ipv4Addr::from_bits(bits).into())
            }
            (IpAddr::V6(address), (IpAddr::V6(from), from_bits), (IpAddr::V6(to), to_bits)) => {
                let hosts = |bits| u128::MAX.checked_shr(bits).unwrap_or(0);
                let is_in = (address.to_bits() ^ from.to_bits()) & !hosts(from_bits) == 0;
                let bits = (to.to_bits() & !hosts(to_bits)) | (address.to_bits() & hosts(to_bits));
                is_in.then_some(Ipv6Addr::from_bits(bits).into())
            }
            _ => None,
        }
    }
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Edited {
    /// Octets were changed.
    pub is_changed: bool,
    /// Checksums that were brought up to date.
    pub mended: u32,
    /// Checksums that could not be: they are no sums, and not all that they cover was captured.
    pub unmended: u32,
}

/// Edits packets, one after the other.
#[derive(Debug, Default)]
pub struct Editor {
    assignments: Vec<Assignment>,
    maps: Vec<NetworkMap>,
    /// Compute every checksum that all is there for.
    fixes: bool,
    table: LayerTable,
    before: Vec<u8>,
    sums: Vec<Sum>,
    writes: Vec<Write>,
}

/// A checksum in a packet.
#[derive(Debug, Clone)]
struct Sum {
    layer: usize,
    field: &'static Field,
    at: Range<usize>,
    within: Range<usize>,
    stored: u64,
}

/// Something to write.
#[derive(Debug, Clone)]
struct Write {
    field: &'static Field,
    at: Range<usize>,
    value: Value,
}

impl Editor {
    /// An editor that does all this; with `fixes` it also computes every checksum anew that all is there for.
    pub fn new(assignments: Vec<Assignment>, maps: Vec<NetworkMap>, fixes: bool) -> Self {
        Self { assignments, maps, fixes, ..Self::default() }
    }

    /// What it writes into fields.
    pub fn assignments(&self) -> &[Assignment] {
        &self.assignments
    }

    /// Whether it does nothing.
    pub fn is_idle(&self) -> bool {
        self.assignments.is_empty() && self.maps.is_empty() && !self.fixes
    }

    /// Edits a packet of which there were `wire_len` octets on the wire.
    pub fn edit(&mut self, octets: &mut [u8], link_type: LinkType, wire_len: usize) -> Edited {
        let mut edited = Edited::default();
        if self.is_idle() {
            return edited;
        }
        dissect(octets, link_type, &mut self.table);
        self.before.clear();
        self.before.extend_from_slice(octets);
        self.collect();
        for Write { field, at, value } in &self.writes {
            put(octets, field, at, value);
        }
        edited.is_changed = self.before != octets;
        if edited.is_changed {
            self.mend(octets, wire_len, &mut edited);
        }
        if self.fixes {
            self.fix(octets, wire_len, &mut edited);
        }
        edited
    }

    /// Finds what is to be written, and all checksums.
    fn collect(&mut self) {
        let Self { assignments, maps, table, before, sums, writes, .. } = self;
        sums.clear();
        writes.clear();
        let mut seen = [false; 256];
        for (layer, entry) in table.entries().iter().enumerate() {
            let protocol = registry().get(entry.protocol);
            let is_first = entry.quoted_by.is_none()
                && seen
                    .get_mut(usize::from(entry.protocol.0))
                    .is_some_and(|seen| !std::mem::replace(seen, true));
            walk_layer(before, entry, protocol, &mut |event| {
                let Event::Field { field, value, octets, within } = event else { return };
                let is_header = within.start == entry.start as usize;
                let set = assignments.iter().rfind(|set| {
                    is_first && is_header && set.protocol.id == protocol.id && set.field == field.name
                });
                if let Some(set) = set {
                    writes.push(Write { field, at: octets, value: set.value.clone() });
                    return;
                }
                if let (ValueRef::Uint(stored), Some(Auto::Checksum(..))) = (value, field.auto) {
                    sums.push(Sum { layer, field, at: octets, within, stored });
                } else if let Some(value) = mapped(maps, value) {
                    writes.push(Write { field, at: octets, value });
                }
            });
        }
    }

    /// Brings the checksums from the octets before to those now; the innermost first, since others cover them.
    fn mend(&self, octets: &mut [u8], wire_len: usize, edited: &mut Edited) {
        let before = Dissected { octets: &self.before, table: &self.table, wire_len };
        for sum in self.sums.iter().rev() {
            let Some(Auto::Checksum(compute, _)) = sum.field.auto else { continue };
            let was = compute(&self.scope(&self.before, sum));
            let is = compute(&self.scope(octets, sum));
            let (Some(was), Some(is)) = (was, is) else { continue };
            if was == is || (sum.field.absent_when_zero && sum.stored == 0) {
                continue;
            }
            let status = before.checksum_status(sum.layer, sum.field, sum.stored, &sum.at, &sum.within);
            let partial = |octets: &[u8]| sum.field.partial.and_then(|sums| sums(&self.scope(octets, sum)));
            let value = match status {
                ChecksumStatus::Good | ChecksumStatus::Partial => is,
                // Left to a network card, and cut: it is the sum of the pseudo header, which is there.
                _ if partial(&self.before) == Some(sum.stored) => partial(octets).unwrap_or(sum.stored),
                _ if sum.field.span.len_bits == 16 => carried(sum, was, is),
                _ => {
                    edited.unmended = edited.unmended.saturating_add(1);
                    continue;
                }
            };
            write_number(octets, sum, value);
            edited.mended = edited.mended.saturating_add(1);
        }
    }

    /// Computes the checksums that all is there for.
    fn fix(&self, octets: &mut [u8], wire_len: usize, edited: &mut Edited) {
        for sum in self.sums.iter().rev() {
            let stored = sum.field.span.read(octets.get(section(sum)..).unwrap_or_default()).unwrap_or(0);
            let now = Dissected { octets, table: &self.table, wire_len };
            let status = now.checksum_status(sum.layer, sum.field, stored, &sum.at, &sum.within);
            if !matches!(
                status,
                ChecksumStatus::Bad { .. } | ChecksumStatus::Partial | ChecksumStatus::Illegal
            ) {
                continue;
            }
            let Some(Auto::Checksum(compute, _)) = sum.field.auto else { continue };
            if let Some(value) = compute(&self.scope(octets, sum)) {
                write_number(octets, sum, value);
                edited.is_changed = true;
                edited.mended = edited.mended.saturating_add(1);
            }
        }
    }

    fn scope<'a>(&'a self, octets: &'a [u8], sum: &Sum) -> Scope<'a> {
        let field = sum.at.start.saturating_sub(sum.within.start);
        let layer = Scope::of_layer(octets, &self.table, sum.layer);
        Scope { start: sum.within.start, end: sum.within.end, field, ..layer }
    }
}

/// RFC 1624 §3, eqn. 3, with the two computed checksums in the place of the words that changed: HC' = ~(~HC + ~C + C').
fn carried(sum: &Sum, was: u64, is: u64) -> u64 {
    let invert = |checksum: u64| !checksum & 0xffff;
    let mut total = invert(sum.stored).saturating_add(was).saturating_add(invert(is));
    while total > 0xffff {
        total = (total & 0xffff).saturating_add(total >> 16);
    }
    match invert(total) {
        0 if sum.field.absent_when_zero => 0xffff,
        value => value,
    }
}

/// What maps make of an address.
fn mapped(maps: &[NetworkMap], value: ValueRef<'_>) -> Option<Value> {
    let address = match value {
        ValueRef::Ipv4(address) => address.into(),
        ValueRef::Ipv6(address) => address.into(),
        _ => return None,
    };
    match maps.iter().find_map(|map| map.map(address))? {
        IpAddr::V4(address) => Some(Value::Ipv4(address)),
        IpAddr::V6(address) => Some(Value::Ipv6(address)),
    }
}

/// Where the section of a checksum begins.
fn section(sum: &Sum) -> usize {
    sum.at.start.saturating_sub(sum.field.span.octets().start)
}

fn write_number(octets: &mut [u8], sum: &Sum, value: u64) {
    sum.field.span.write(octets.get_mut(section(sum)..).unwrap_or_default(), value);
}

/// Writes a value that fits into a field.
fn put(octets: &mut [u8], field: &Field, at: &Range<usize>, value: &Value) {
    let mut copy = |from: &[u8]| {
        let to = octets.get_mut(at.clone()).unwrap_or_default();
        // A field may have room for the beginning of an address only.
        let from = from.get(..to.len()).unwrap_or_default();
        if from.len() == to.len() {
            to.copy_from_slice(from);
        }
    };
    match (field.kind, value) {
        (Kind::Mac, Value::Mac(mac)) => copy(mac),
        (Kind::Ipv4, Value::Ipv4(address)) => copy(&address.octets()),
        (Kind::Ipv6, Value::Ipv6(address)) => copy(&address.octets()),
        (Kind::Octets, Value::Octets(value)) => copy(value),
        (Kind::Uint | Kind::Group | Kind::Bool, value) => {
            let number = match value {
                Value::Uint(number) => number.checked_div(field.scale).unwrap_or(*number),
                Value::Bool(bit) => u64::from(*bit),
                _ => return,
            };
            let section = at.start.saturating_sub(field.span.octets().start);
            field.span.write(octets.get_mut(section..).unwrap_or_default(), number);
        }
        _ => {}
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packet::laws::packets;

    fn set(protocol: &str, field: &str, value: Value) -> Assignment {
        Assignment { protocol: registry().by_name(protocol).unwrap(), field: field.to_owned(), value }
    }

    fn map(from: [u8; 4], to: [u8; 4], prefix_bits: u32) -> NetworkMap {
        NetworkMap::new((from.into(), prefix_bits), (to.into(), prefix_bits)).unwrap()
    }

    fn statuses(octets: &[u8], wire_len: usize) -> Vec<ChecksumStatus> {
        let mut table = LayerTable::default();
        dissect(octets, LinkType::RAW, &mut table);
        let dissected = Dissected { octets, table: &table, wire_len };
        let mut statuses = Vec::new();
        for (layer, entry) in table.entries().iter().enumerate() {
            walk_layer(octets, entry, registry().get(entry.protocol), &mut |event| {
                if let Event::Field { field, value: ValueRef::Uint(value), octets, within } = event
                    && matches!(field.auto, Some(Auto::Checksum(..)))
                {
                    statuses.push(dissected.checksum_status(layer, field, value, &octets, &within));
                }
            });
        }
        statuses
    }

    /// `rawsock craft --hex 'ip(src=10.1.2.3, dst=10.9.9.9)/udp(srcport=1000, dstport=7)/"hello"'`
    const DATAGRAM: &str = "45000021000000004011598a0a0102030a09090903e80007000d0e2a68656c6c6f";

    fn datagram() -> Vec<u8> {
        let mut octets = hex::decode(DATAGRAM).unwrap();
        Editor::new(vec![], vec![], true).edit(&mut octets, LinkType::RAW, 33);
        octets
    }

    #[test]
    fn what_is_right_stays_right() {
        let mut octets = datagram();
        assert_eq!(statuses(&octets, 33), [ChecksumStatus::Good; 2]);
        let sets = vec![set("ip", "ttl", Value::Uint(3)), set("udp", "dstport", Value::Uint(53))];
        let mut editor = Editor::new(sets, vec![map([10, 0, 0, 0], [192, 168, 0, 0], 8)], false);
        let edited = editor.edit(&mut octets, LinkType::RAW, 33);
        assert_eq!(edited, Edited { is_changed: true, mended: 2, unmended: 0 });
        assert_eq!(octets[8], 3);
        assert_eq!(octets[12..20], [192, 1, 2, 3, 192, 9, 9, 9]);
        assert_eq!(octets[22..24], [0, 53]);
        assert_eq!(statuses(&octets, 33), [ChecksumStatus::Good; 2]);
    }

    #[test]
    fn a_cut_packet_gets_the_checksum_of_the_whole_one() {
        let mut editor = Editor::new(vec![], vec![map([10, 9, 0, 0], [172, 16, 0, 0], 16)], false);
        let mut whole = datagram();
        editor.edit(&mut whole, LinkType::RAW, 33);
        for len in 28..33 {
            let mut cut = datagram();
            cut.truncate(len);
            editor.edit(&mut cut, LinkType::RAW, 33);
            assert_eq!(cut, whole[..len], "{len} octets");
        }
    }

    #[test]
    fn what_is_wrong_stays_as_wrong() {
        let mut octets = datagram();
        octets[27] ^= 0x55;
        let bad = statuses(&octets, 33);
        let mut editor = Editor::new(vec![set("udp", "srcport", Value::Uint(9))], vec![], false);
        editor.edit(&mut octets, LinkType::RAW, 33);
        assert!(
            matches!(statuses(&octets, 33)[..], [ChecksumStatus::Good, ChecksumStatus::Bad { .. }]),
            "{bad:?}"
        );
        let mut back = Editor::new(vec![set("udp", "srcport", Value::Uint(1000))], vec![], false);
        back.edit(&mut octets, LinkType::RAW, 33);
        assert_eq!(octets[27] ^ 0x55, datagram()[27]);
    }

    #[test]
    fn no_checksum_stays_none_and_one_that_is_written_stays_as_written() {
        let mut octets = datagram();
        octets[26..28].fill(0);
        let sets = vec![set("udp", "srcport", Value::Uint(9)), set("ip", "checksum", Value::Uint(0xdead))];
        Editor::new(sets, vec![], false).edit(&mut octets, LinkType::RAW, 33);
        assert_eq!(octets[26..28], [0, 0]);
        assert_eq!(octets[10..12], [0xde, 0xad]);
    }

    #[test]
    fn parts_of_octets_are_written_alone() {
        let mut octets = datagram();
        let sets = vec![set("ip", "flags.df", Value::Bool(true)), set("ip", "hdr_len", Value::Uint(20))];
        Editor::new(sets, vec![], false).edit(&mut octets, LinkType::RAW, 33);
        assert_eq!((octets[0], octets[6]), (0x45, 0x40));
        assert_eq!(statuses(&octets, 33), [ChecksumStatus::Good; 2]);
    }

    #[test]
    fn networks_map_host_by_host() {
        let v6 = |text: &str, bits| (text.parse().unwrap(), bits);
        let map = NetworkMap::new(v6("fd00::", 32), v6("2001:db8::", 32)).unwrap();
        assert_eq!(map.map("fd00:0:5::9".parse().unwrap()), Some("2001:db8:5::9".parse().unwrap()));
        assert_eq!(map.map("fd01::9".parse().unwrap()), None);
        assert_eq!(map.map([10, 0, 0, 1].into()), None);
        let smaller = NetworkMap::new(([10, 0, 0, 0].into(), 8), ([192, 168, 0, 0].into(), 16)).unwrap();
        assert_eq!(smaller.map([10, 1, 2, 3].into()), Some([192, 168, 2, 3].into()));
        let all = NetworkMap::new(([0, 0, 0, 0].into(), 0), ([10, 0, 0, 1].into(), 32)).unwrap();
        assert_eq!(all.map([1, 2, 3, 4].into()), Some([10, 0, 0, 1].into()));
        assert!(NetworkMap::new(([0, 0, 0, 0].into(), 0), v6("::", 0)).is_none());
    }

    proptest! {
        #[test]
        fn what_is_mapped_to_itself_is_unchanged_and_all_is_fixed_at_once(octets in packets(), link in prop::sample::select(vec![1u32, 101])) {
            let to_itself = map([10, 0, 0, 0], [10, 0, 0, 0], 8);
            let mut same = octets.clone();
            let edited = Editor::new(vec![], vec![to_itself], false).edit(&mut same, LinkType(link), octets.len());
            prop_assert_eq!(&same, &octets);
            prop_assert!(!edited.is_changed);
            let mut fixed = octets.clone();
            let mut fixer = Editor::new(vec![], vec![], true);
            fixer.edit(&mut fixed, LinkType(link), octets.len());
            let again = fixed.clone();
            fixer.edit(&mut fixed, LinkType(link), octets.len());
            prop_assert_eq!(fixed, again);
        }

        #[test]
        fn good_checksums_stay_good(octets in packets(), ttl: u8, port: u16, host: [u8; 4], bits in 0u32..33) {
            let wire_len = octets.len();
            let mut packet = octets;
            Editor::new(vec![], vec![], true).edit(&mut packet, LinkType::RAW, wire_len);
            let good = |octets: &[u8]| statuses(octets, wire_len).iter().filter(|s| **s == ChecksumStatus::Good).count();
            let before = good(&packet);
            let sets = vec![set("ip", "ttl", Value::Uint(u64::from(ttl))), set("tcp", "seq", Value::Uint(u64::from(port) << 9))];
            let mut editor = Editor::new(sets, vec![map([0, 0, 0, 0], host, 0), map([10, 0, 0, 0], host, bits)], false);
            editor.edit(&mut packet, LinkType::RAW, wire_len);
            prop_assert_eq!(good(&packet), before);
        }
    }
}

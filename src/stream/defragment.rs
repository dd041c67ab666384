//! Putting the fragments of IPv4 and IPv6 datagrams together again: RFC 791 §3.2, RFC 8200 §4.5, RFC 5722.
//!
//! Fragments are held until their datagram is whole, which then takes the place of the last of them. Nothing is lost:
//! fragments whose datagram does not become whole within [`PATIENCE`], or that there is no room for, come out as they were,
//! in the order in which they came. So do those that contradict each other.

#[cfg(test)]
mod laws;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::segment::field_of;
use crate::packet::build::build;
use crate::packet::unbuild::unbuild_shortest;
use crate::packet::walk::read_field;
use crate::packet::{Layer, Node, Packet};
use crate::proto::data;
use crate::proto::describe::{Field, Fragmented, Protocol};
use crate::proto::pseudo_header::PseudoHeader;
use crate::proto::registry;
use crate::proto::view::View;
use crate::wire::frame::Frame;
use crate::wire::layers::{LayerState, LayerTable};
use crate::wire::value::{Value, ValueRef};

/// Nanoseconds that a datagram may take from its first fragment to its last: RFC 8200 §4.5 has 60 seconds, and RFC 1122
/// §3.3.2 60 to 120.
pub const PATIENCE: i64 = 60_000_000_000;
/// Octets of fragments that are held; when there are more, the oldest datagram is given up.
pub const MOST_HELD: usize = 64 << 20;

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is no fragment, or stays one.
    Passes,
    /// It is held.
    Held,
    /// It completes a datagram: a whole packet of these octets takes its place.
    Whole(Vec<u8>),
}

/// Fragments that contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Conflict {
    /// They differ where they overlap; or, in IPv6, overlap at all (RFC 5722).
    #[error("fragments overlap, and are left as they are")]
    Overlap,
    /// They disagree about where the datagram ends.
    #[error("fragments disagree about where their datagram ends, and are left as they are")]
    End,
    /// The datagram would be longer than one can be.
    #[error("fragments of a datagram that would be longer than 65535 octets, and are left as they are")]
    TooLong,
}

/// Holds fragments, each with what its owner keeps of it.
#[derive(Debug)]
pub struct Defragmenter<T> {
    fields: FragmentFields,
    datagrams: HashMap<Key, Datagram<T>>,
    /// The datagrams by their age.
    by_age: BTreeMap<u64, Key>,
    began: u64,
    held: usize,
    /// The last time that was told.
    latest: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    from: IpAddr,
    to: IpAddr,
    ident: u64,
    /// RFC 791 tells datagrams of different protocols apart, RFC 8200 does not.
    protocol: Option<u64>,
}

#[derive(Debug)]
struct Datagram<T> {
    age: u64,
    /// When it began; of a packet without a time (a simple packet block of pcapng), when the last one before it came that has one.
    first_time: Option<i64>,
    /// What came, with the owner's part; nothing once it is known that they will not become one.
    kept: Vec<T>,
    is_spoiled: bool,
    /// The packet of the first fragment.
    head: Option<Head>,
    /// What is there of the payload, by offset; no two overlap.
    pieces: BTreeMap<u32, Vec<u8>>,
    there: u32,
    total: Option<u32>,
    held: usize,
}

#[derive(Debug)]
struct Head {
    packet: Packet,
    layer: usize,
    next: u64,
}

/// A fragment in a packet.
struct Fragment<'a> {
    key: Key,
    layer: usize,
    offset: u32,
    more: bool,
    next: u64,
    payload: &'a [u8],
}

/// Where fragments say what they are.
#[derive(Debug)]
struct FragmentFields {
    ip: [Option<&'static Field>; 4],
    fraghdr: [Option<&'static Field>; 4],
}

impl<T> Default for Defragmenter<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Defragmenter<T> {
    /// Nothing is held.
    pub fn new() -> Self {
        Self {
            fields: FragmentFields::new(),
            datagrams: HashMap::new(),
            by_age: BTreeMap::new(),
            began: 0,
            held: 0,
            latest: None,
        }
    }

    /// Takes a packet. `keep` makes what the owner keeps of it, should it be held; what comes out before it is appended to
    /// `released`.
    ///
    /// # Errors
    /// When it contradicts the fragments before it: those are released, and it passes.
    pub fn packet(
        &mut self,
        frame: &Frame<'_>,
        table: &LayerTable,
        keep: impl FnOnce() -> T,
        released: &mut Vec<T>,
    ) -> Result<Verdict, Conflict> {
        self.expire(frame.time, released);
        let Some(fragment) = self.fields.fragment(frame.data, table) else { return Ok(Verdict::Passes) };
        let (began, held, latest) = (&mut self.began, &mut self.held, self.latest);
        let datagram = self.datagrams.entry(fragment.key).or_insert_with(|| {
            *began = began.saturating_add(1);
            *held = held.saturating_add(Datagram::<T>::OVERHEAD);
            Datagram::new(*began, frame.time.or(latest))
        });
        self.by_age.insert(datagram.age, fragment.key);
        if datagram.is_spoiled {
            return Ok(Verdict::Passes);
        }
        if let Err(conflict) = datagram.add(&fragment) {
            self.held = self.held.saturating_sub(datagram.held).saturating_add(Datagram::<T>::OVERHEAD);
            released.append(&mut datagram.kept);
            *datagram = Datagram { is_spoiled: true, ..Datagram::new(datagram.age, datagram.first_time) };
            return Err(conflict);
        }
        if fragment.offset == 0 && datagram.head.is_none() {
            let head = Head::new(unbuild_shortest(frame.data, table), &fragment);
            datagram.held = datagram.held.saturating_add(head.size());
            self.held = self.held.saturating_add(head.size());
            datagram.head = Some(head);
        }
        if datagram.total == Some(datagram.there) {
            return Ok(self.complete(fragment.key, released));
        }
        let size = frame.data.len().saturating_add(fragment.payload.len()).saturating_add(OVERHEAD);
        datagram.kept.push(keep());
        datagram.held = datagram.held.saturating_add(size);
        self.held = self.held.saturating_add(size);
        while self.held > MOST_HELD && self.give_up_oldest(released) {}
        Ok(Verdict::Held)
    }

    /// Gives up all datagrams that are not whole.
    pub fn finish(&mut self, released: &mut Vec<T>) {
        while self.give_up_oldest(released) {}
    }

    /// Puts a datagram together. Where that cannot be done, what was held comes out.
    fn complete(&mut self, key: Key, released: &mut Vec<T>) -> Verdict {
        let Some(mut datagram) = self.datagrams.remove(&key) else { return Verdict::Passes };
        self.by_age.remove(&datagram.age);
        self.held = self.held.saturating_sub(datagram.held);
        match datagram.whole() {
            Some(octets) => Verdict::Whole(octets),
            None => {
                released.append(&mut datagram.kept);
                Verdict::Passes
            }
        }
    }

    /// Gives up the datagrams whose time is over.
    fn expire(&mut self, now: Option<i64>, released: &mut Vec<T>) {
        let Some(now) = now else { return };
        if self.latest.replace(now).is_none() {
            self.datagrams.values_mut().for_each(|datagram| datagram.first_time = Some(now));
        }
        while let Some((_, key)) = self.by_age.first_key_value()
            && let Some(first) = self.datagrams.get(key).and_then(|datagram| datagram.first_time)
            && now.saturating_sub(first) > PATIENCE
        {
            self.give_up_oldest(released);
        }
    }

    fn give_up_oldest(&mut self, released: &mut Vec<T>) -> bool {
        let Some((_, key)) = self.by_age.pop_first() else { return false };
        if let Some(mut datagram) = self.datagrams.remove(&key) {
            self.held = self.held.saturating_sub(datagram.held);
            released.append(&mut datagram.kept);
        }
        true
    }
}

impl Head {
    /// What is kept of the packet of the first fragment: no more than its headers, which an attacker sends many of.
    fn new(mut packet: Packet, fragment: &Fragment<'_>) -> Self {
        packet.layers.truncate(fragment.layer.saturating_add(1));
        packet.layers.shrink_to_fit();
        for known in &mut packet.layers {
            // Padding behind a fragment is not padding behind the whole.
            known.trailer = Vec::new();
        }
        packet.trailer = Vec::new();
        Self { packet, layer: fragment.layer, next: fragment.next }
    }

    /// Octets that it takes, about.
    fn size(&self) -> usize {
        let fields = self.packet.layers.iter().map(|known| known.fields.capacity());
        fields.fold(0, |size, fields| {
            size.saturating_add(HEAD_LAYER).saturating_add(fields.saturating_mul(HEAD_FIELD))
        })
    }
}

impl<T> Datagram<T> {
    /// Octets that a datagram takes besides its fragments: its place in the tables, the first node of its pieces, and room for the
    /// first four of what is kept, which is what a vector begins with.
    const OVERHEAD: usize = 1024 + 4 * size_of::<T>();

    fn new(age: u64, first_time: Option<i64>) -> Self {
        Self {
            age,
            first_time,
            kept: Vec::new(),
            is_spoiled: false,
            head: None,
            pieces: BTreeMap::new(),
            there: 0,
            total: None,
            held: Self::OVERHEAD,
        }
    }

    /// Adds what a fragment has and those before it have not.
    fn add(&mut self, fragment: &Fragment<'_>) -> Result<(), Conflict> {
        let len = u32::try_from(fragment.payload.len()).unwrap_or(u32::MAX);
        let end = fragment.offset.saturating_add(len);
        if end > MOST_OCTETS {
            return Err(Conflict::TooLong);
        }
        let reach = self.pieces.last_key_value().map_or(0, |(start, piece)| end_of(*start, piece));
        let is_other_end = match (self.total, fragment.more) {
            (Some(total), false) => total != end,
            (Some(total), true) => end > total,
            (None, false) => reach > end,
            (None, true) => false,
        };
        if is_other_end {
            return Err(Conflict::End);
        }
        let new = self.new_pieces(fragment, end)?;
        for (start, octets) in new {
            self.there = self.there.saturating_add(u32::try_from(octets.len()).unwrap_or(u32::MAX));
            self.pieces.insert(start, octets.to_vec());
        }
        if !fragment.more {
            self.total = Some(end);
        }
        Ok(())
    }

    /// The parts of a fragment that no other has.
    fn new_pieces<'f>(&self, fragment: &Fragment<'f>, end: u32) -> Result<Vec<(u32, &'f [u8])>, Conflict> {
        let part = |from: u32, to: u32| {
            let at =
                |place: u32| usize::try_from(place.saturating_sub(fragment.offset)).unwrap_or(usize::MAX);
            fragment.payload.get(at(from)..at(to)).unwrap_or_default()
        };
        let before = self.pieces.range(..fragment.offset).next_back();
        let behind = self.pieces.range(fragment.offset..end);
        let mut new = Vec::new();
        let mut at = fragment.offset;
        let mut is_same = false;
        for (start, piece) in before.into_iter().chain(behind) {
            let piece_end = end_of(*start, piece);
            let (from, to) = (fragment.offset.max(*start), end.min(piece_end));
            if from >= to {
                continue;
            }
            let own = usize::try_from(from.saturating_sub(*start)).unwrap_or(usize::MAX);
            let there = piece.get(own..).unwrap_or_default();
            if !there.starts_with(part(from, to)) {
                return Err(Conflict::Overlap);
            }
            // A fragment that came twice is no overlap.
            is_same = (*start, piece_end) == (fragment.offset, end);
            if fragment.key.from.is_ipv6() && !is_same {
                return Err(Conflict::Overlap);
            }
            if at < from {
                new.push((at, part(at, from)));
            }
            at = to;
        }
        if at < end && !is_same {
            new.push((at, part(at, end)));
        }
        Ok(new)
    }

    /// The whole packet: the headers of the first fragment, and the payload of all.
    fn whole(&mut self) -> Option<Vec<u8>> {
        let Head { mut packet, layer, next } = self.head.take()?;
        let payload: Vec<u8> = self.pieces.values().flatten().copied().collect();
        packet.layers.get(layer)?;
        let next = Value::Uint(next);
        let fragmented = packet.layers.last_mut()?;
        if fragmented.protocol.name == FRAGHDR {
            packet.layers.pop();
            let carrier = packet.layers.last_mut()?;
            set(carrier, "nxt", next);
            let base = packet.layers.iter_mut().rev().find(|known| known.protocol.name == IPV6)?;
            base.fields.retain(|(name, _)| name != "plen");
        } else {
            fragmented.fields.retain(|(name, _)| name != "len" && name != "checksum");
            set(fragmented, "flags.mf", Value::Bool(false));
            set(fragmented, "frag_offset", Value::Uint(0));
            set(fragmented, "proto", next);
        }
        packet.layers.push(Layer::new(registry().data()).with(data::HEX, Value::Octets(payload)));
        build(&packet).ok().map(|built| built.octets)
    }
}

fn set(layer: &mut Layer, name: &str, value: Value) {
    layer.fields.retain(|(known, _)| known != name);
    layer.fields.push((name.to_owned(), Node::Value(value)));
}

fn end_of(start: u32, piece: &[u8]) -> u32 {
    start.saturating_add(u32::try_from(piece.len()).unwrap_or(u32::MAX))
}

impl FragmentFields {
    fn new() -> Self {
        let of = |protocol: &str, names: [&str; 4]| {
            let protocol = registry().by_name(protocol).unwrap_or(registry().data());
            names.map(|name| field_of(protocol, name))
        };
        Self {
            ip: of(IP, ["frag_offset", "flags.mf", "id", "proto"]),
            fraghdr: of(FRAGHDR, ["offset", "more", "ident", "nxt"]),
        }
    }

    /// The outermost fragment of a packet, where it was captured whole.
    fn fragment<'a>(&self, octets: &'a [u8], table: &LayerTable) -> Option<Fragment<'a>> {
        let sent = table.entries().iter().enumerate().take_while(|(_, entry)| entry.quoted_by.is_none());
        for (layer, entry) in sent {
            let protocol: &'static Protocol = registry().get(entry.protocol);
            let fields = match protocol.name {
                IP => &self.ip,
                FRAGHDR => &self.fraghdr,
                _ => continue,
            };
            let header = octets.get(entry.start as usize..entry.header_end as usize)?;
            if (protocol.fragmented)(header) == Fragmented::No || entry.state != LayerState::Whole {
                continue;
            }
            let [offset, more, ident, next] = fields;
            let number = |field: &Option<&'static Field>| match read_field((*field)?, header)? {
                ValueRef::Uint(number) => Some(number),
                ValueRef::Bool(bit) => Some(u64::from(bit)),
                _ => None,
            };
            let payload = octets.get(entry.header_end as usize..entry.end as usize)?;
            let view = View::new(octets, table, octets.len(), layer);
            let is_cut = view.payload_len() > payload.len();
            let (from, to) = ends(&view)?;
            let next = number(next)?;
            let key =
                Key { from, to, ident: number(ident)?, protocol: (protocol.name == IP).then_some(next) };
            let offset = u32::try_from(number(offset)?.checked_mul(UNIT)?).ok()?;
            let fragment = Fragment { key, layer, offset, more: number(more)? != 0, next, payload };
            return (!is_cut && !payload.is_empty()).then_some(fragment);
        }
        None
    }
}

/// Who sent a fragment, and to whom.
fn ends(view: &View<'_>) -> Option<(IpAddr, IpAddr)> {
    if view.protocol().name == FRAGHDR {
        return PseudoHeader::below(&view.scope).map(PseudoHeader::ends);
    }
    crate::proto::ip::end_points(view.header()).map(|(from, to)| (from.into(), to.into()))
}

const IP: &str = "ip";
const IPV6: &str = "ipv6";
const FRAGHDR: &str = "ipv6.fraghdr";
/// Offsets count in these.
const UNIT: u64 = 8;
/// RFC 791, RFC 8200: what a length field of 16 bits can say.
const MOST_OCTETS: u32 = 0xffff;
/// Octets that a held fragment takes besides its own.
const OVERHEAD: usize = 256;
/// Octets that a layer of a first fragment's headers takes, and each of its fields: its name, its value, and what the allocator takes.
const HEAD_LAYER: usize = 128;
const HEAD_FIELD: usize = 96;

//! A packet in fragments: RFC 791 §3.2, RFC 8200 §4.5. The outermost IP layer is cut; what its header says stays as somebody
//! wrote it, but for what a fragment has of its own.

use super::build::{BuildError, Built, build};
use super::unbuild::next_of_chain;
use super::walk::{Event, UNKNOWN, walk_layer};
use super::{Layer, Node, Packet, find};
use crate::proto::describe::{Body, Records};
use crate::proto::{data, ip, ipv6, registry};
use crate::wire::layers::{LayerEntry, LayerTable};
use crate::wire::value::{Value, ValueRef};

/// How a packet is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragmentation {
    /// The most octets of a fragment, from its IP header on.
    pub size: usize,
    /// Octets of a fragment, in multiples of 8, that the one before it has too.
    pub overlap: usize,
}

/// Why a packet cannot be cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FragmentError {
    /// It has no IP layer.
    #[error("only a packet with `ip` or `ipv6` can be cut into fragments")]
    NoIp,
    /// Fragments of that size hold nothing.
    #[error(
        "fragments of {size} octets have no room behind their headers of {header} octets for {least} of the payload"
    )]
    TooSmall {
        /// The most octets of a fragment.
        size: usize,
        /// Octets of the headers that each has.
        header: usize,
        /// Octets that each must hold so that they come to an end.
        least: usize,
    },
    /// A fragment cannot be built.
    #[error("{0}")]
    Build(#[from] BuildError),
}

/// Puts a fragment header with this identification into an IPv6 packet that has none, behind the headers that every
/// router reads (RFC 8200 §4.5), and tells its place among the layers. An IPv4 packet needs none.
pub fn add_fragment_header(packet: &mut Packet, ident: Node) -> Option<usize> {
    let is_ip = |layer: &Layer| matches!(layer.protocol.name, ip::NAME | ipv6::NAME);
    let first = packet.layers.iter().position(is_ip)?;
    let is_ipv6 = packet.layers.get(first).is_some_and(|layer| layer.protocol.name == ipv6::NAME);
    let protocol = registry().by_name(HEADER).filter(|_| is_ipv6)?;
    let place = behind_headers(&packet.layers, first);
    if packet.layers.get(place).is_some_and(|layer| layer.protocol.name == HEADER) {
        return None;
    }
    let mut header = Layer::new(protocol);
    header.fields.push(("ident".to_owned(), ident));
    packet.layers.insert(place, header);
    Some(place)
}

/// The place behind the headers that each fragment has: destination options are among them only before a routing header.
fn behind_headers(layers: &[Layer], ip: usize) -> usize {
    let extensions = layers.iter().skip(ip.saturating_add(1));
    let extensions: Vec<&str> = extensions
        .map(|layer| layer.protocol.name)
        .take_while(|name| matches!(*name, "ipv6.hopopts" | "ipv6.routing" | "ipv6.dstopts"))
        .collect();
    let last = extensions.iter().rposition(|name| matches!(*name, "ipv6.hopopts" | "ipv6.routing"));
    ip.saturating_add(1).saturating_add(last.map_or(0, |last| last.saturating_add(1)))
}

/// The fragments of a packet, in the order of their offsets, each as it is built from its layers; the packet alone where
/// it is no larger.
///
/// # Errors
/// When there is nothing to cut, or a fragment cannot be built.
pub fn fragment(
    packet: &Packet,
    built: &Built,
    how: Fragmentation,
) -> Result<Vec<(Packet, Built)>, FragmentError> {
    let cut = Cut::of(packet, built).ok_or(FragmentError::NoIp)?;
    let (header, payload) = (cut.header_len, cut.payload.len());
    if header.saturating_add(payload) <= how.size {
        return Ok(vec![(packet.clone(), built.clone())]);
    }
    let room = how.size.saturating_sub(header);
    let room = room.saturating_sub(room % UNIT);
    let least = how.overlap.saturating_add(UNIT);
    if room < least {
        return Err(FragmentError::TooSmall { size: how.size, header, least });
    }
    let mut fragments = Vec::new();
    let mut offset = 0usize;
    loop {
        let end = offset.saturating_add(room).min(payload);
        let piece = cut.piece(packet, offset, end);
        let built = build(&piece)?;
        fragments.push((piece, built));
        if end == payload {
            return Ok(fragments);
        }
        offset = end.saturating_sub(how.overlap);
    }
}

/// Where a packet is cut.
struct Cut<'a> {
    /// How many layers each fragment has before its piece of the payload.
    layers: usize,
    /// The layer that says which piece it is.
    says: usize,
    /// Octets from the IP header to the payload.
    header_len: usize,
    payload: &'a [u8],
    /// The protocol of the payload, and what a whole packet's header says of a fragment.
    next: u64,
    offset: u64,
    more: bool,
    flags: Vec<(String, Node)>,
}

impl<'a> Cut<'a> {
    fn of(packet: &Packet, built: &'a Built) -> Option<Self> {
        let is_ip = |layer: &Layer| matches!(layer.protocol.name, ip::NAME | ipv6::NAME);
        let first = packet.layers.iter().position(is_ip)?;
        let is_ipv4 = packet.layers.get(first)?.protocol.name == ip::NAME;
        let says = if is_ipv4 { first } else { behind_headers(&packet.layers, first) };
        let name = if is_ipv4 { ip::NAME } else { HEADER };
        packet.layers.get(says).filter(|layer| layer.protocol.name == name)?;
        let (base, header) = (entry(&built.table, first)?, entry(&built.table, says)?);
        let header_len = header.header_end.saturating_sub(base.start) as usize;
        let payload = built.octets.get(header.header_end as usize..base.end as usize)?;
        let mut cut = Self {
            layers: says.saturating_add(1),
            says,
            header_len,
            payload,
            next: 0,
            offset: 0,
            more: false,
            flags: Vec::new(),
        };
        cut.read(built, &header);
        Some(cut)
    }

    /// What the header of the whole packet says.
    fn read(&mut self, built: &Built, header: &LayerEntry) {
        let protocol = registry().get(header.protocol);
        walk_layer(&built.octets, header, protocol, &mut |event| {
            let Event::Field { field, value, .. } = event else { return };
            match (field.name, value) {
                ("proto" | "nxt", ValueRef::Uint(next)) => self.next = next,
                ("frag_offset" | "offset", ValueRef::Uint(offset)) => self.offset = offset,
                ("flags.mf" | "more", ValueRef::Bool(more)) => self.more = more,
                ("flags.rb" | "flags.df", value) => {
                    self.flags.push((field.name.to_owned(), Node::Value(value.to_value())));
                }
                _ => {}
            }
        });
    }

    /// The fragment with this part of the payload.
    fn piece(&self, packet: &Packet, from: usize, to: usize) -> Packet {
        let mut layers: Vec<Layer> = packet.layers.iter().take(self.layers).cloned().collect();
        if let Some(layer) = layers.get_mut(self.says) {
            let more = self.more || to < self.payload.len();
            let units = u64::try_from(from / UNIT).unwrap_or(u64::MAX);
            let offset = Value::Uint(self.offset.saturating_add(units));
            let is_ipv4 = layer.protocol.name == ip::NAME;
            let names =
                if is_ipv4 { ["proto", "frag_offset", "flags.mf"] } else { ["nxt", "offset", "more"] };
            layer.fields.retain(|(name, _)| {
                !names.contains(&name.as_str())
                    && !(is_ipv4 && (name == "flags" || name.starts_with("flags.")))
            });
            layer.fields.extend(self.flags.iter().cloned());
            let own = [Value::Uint(self.next), offset, Value::Bool(more)];
            layer
                .fields
                .extend(names.iter().zip(own).map(|(name, value)| ((*name).to_owned(), Node::Value(value))));
            if is_ipv4 && from > 0 {
                keep_copied_options(layer);
            }
        }
        // What stood behind the payload is a part of it now.
        let is_ip = |layer: &&mut Layer| matches!(layer.protocol.name, ip::NAME | ipv6::NAME);
        if let Some(base) = layers.iter_mut().position(|layer| is_ip(&layer)) {
            layers.iter_mut().skip(base).for_each(|layer| layer.trailer.clear());
        }
        let piece = self.payload.get(from..to).unwrap_or_default().to_vec();
        layers.push(Layer::new(registry().data()).with(data::HEX, Value::Octets(piece)));
        Packet { layers, trailer: packet.trailer.clone() }
    }
}

/// The table's entry of a layer that is not quoted, by its place among those.
fn entry(table: &LayerTable, place: usize) -> Option<LayerEntry> {
    let mut index = 0;
    for _ in 0..place {
        index = next_of_chain(table, index)?;
    }
    table.entries().get(index).copied()
}

/// Takes away the options that only the first fragment has: those without the copied flag, 128 of their type (RFC 791 §3.1).
fn keep_copied_options(layer: &mut Layer) {
    let protocol = layer.protocol;
    let records = protocol.sections.iter().find_map(|section| match &section.body {
        Body::Records(records) => Some(records),
        _ => None,
    });
    let Some(records) = records else { return };
    for (_, node) in layer.fields.iter_mut().filter(|(name, _)| name == records.name) {
        if let Node::List(options) = node {
            options.retain(|option| is_copied(records, option));
        }
    }
}

fn is_copied(records: &Records, option: &Node) -> bool {
    let Node::Table(entry) = option else { return true };
    let Some((name, content)) = entry.first() else { return true };
    let code = match content {
        Node::Table(parts) if name == UNKNOWN => match find(parts, records.dialect.code_name) {
            Some(Node::Value(Value::Uint(code))) => *code,
            _ => return true,
        },
        _ => match records.records.iter().find(|record| record.name == name) {
            Some(record) => u64::from(record.code),
            None => return true,
        },
    };
    code & COPIED != 0
}

/// Octets that an offset counts.
const UNIT: usize = 8;
const COPIED: u64 = 0x80;
/// IPv6's header of a fragment.
const HEADER: &str = "ipv6.fraghdr";

//! What the following of conversations reads from a packet: who sends to whom, and TCP's numbers.

use std::net::IpAddr;

use crate::packet::check::Dissected;
use crate::packet::walk::{Event, read_field, walk_layer};
use crate::proto::describe::{Body, Extent, Field, Protocol, Records, Stated, View};
use crate::proto::filter_names::{payload, payload_len};
use crate::proto::pseudo_header::PseudoHeader;
use crate::proto::registry;
use crate::wire::layers::{LayerEntry, LayerState};
use crate::wire::record::RawShape;
use crate::wire::value::ValueRef;

/// One end of a conversation: an address and a port.
pub type End = (IpAddr, u16);

/// The protocols whose conversations are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A layer of TCP or UDP, and whom it is between.
#[derive(Debug, Clone, Copy)]
pub(super) struct Carried<'a> {
    pub(super) transport: Transport,
    /// The layer, as an index into the table.
    pub(super) layer: usize,
    pub(super) from: End,
    pub(super) to: End,
    /// Whether an ICMP error quotes it: it was sent before, and perhaps is seen there only.
    pub(super) is_quoted: bool,
    /// Whether its header was captured up to the options, and does not contradict itself.
    pub(super) is_whole: bool,
    /// Octets behind its header: those that were captured, and how many there were; none in a fragment, which does not tell,
    /// and where the header itself has no room.
    pub(super) payload: &'a [u8],
    pub(super) len: Option<u32>,
    /// TCP's numbers.
    pub(super) numbers: Numbers,
}

/// The numbers of a TCP header; zeros in UDP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) window: u16,
    pub(super) fin: bool,
    pub(super) syn: bool,
    pub(super) reset: bool,
    pub(super) push: bool,
    pub(super) has_ack: bool,
    /// What the options say: the window's shift count, and octets in SACK blocks.
    pub(super) shift: Option<u8>,
    pub(super) sacked: u32,
    /// Whether they have a Fast Open cookie (RFC 7413).
    pub(super) has_cookie: bool,
}

/// Reads conversations' fields: the descriptions are searched once, and then read by their places.
#[derive(Debug)]
pub(super) struct SegmentReader {
    tcp: &'static Protocol,
    udp: &'static Protocol,
    numbers: [Option<&'static Field>; 8],
    hdr_len: Option<&'static Field>,
    /// TCP's options, and the types of those in [`OPTIONS`].
    options: Option<&'static Records>,
    wanted: Vec<u8>,
}

/// The fields that [`Numbers`] has, in its order.
const NUMBERS: [&str; 8] =
    ["seq", "ack", "window_size_value", "flags.fin", "flags.syn", "flags.reset", "flags.push", "flags.ack"];

/// The options that [`Numbers`] is told by.
const OPTIONS: [&str; 3] = ["wscale", "sack", "fastopen"];

impl SegmentReader {
    pub(super) fn new() -> Self {
        let protocol = |name| registry().by_name(name).unwrap_or(registry().data());
        let (tcp, udp) = (protocol("tcp"), protocol("udp"));
        let options = tcp.sections.iter().find_map(|section| match &section.body {
            Body::Records(records) => Some(records),
            _ => None,
        });
        let known = options.map(|options| options.records.as_slice()).unwrap_or_default();
        let wanted = known.iter().filter(|record| OPTIONS.contains(&record.name)).map(|record| record.code);
        Self {
            tcp,
            udp,
            numbers: NUMBERS.map(|name| field_of(tcp, name)),
            hdr_len: field_of(tcp, "hdr_len"),
            options,
            wanted: wanted.collect(),
        }
    }

    /// Tells each layer of TCP and UDP of a packet, outermost first.
    pub(super) fn each<'a>(&self, packet: &Dissected<'a>, tell: &mut dyn FnMut(Carried<'a>)) {
        for (layer, entry) in packet.table.entries().iter().enumerate() {
            let transport = match entry.protocol {
                id if id == self.tcp.id => Transport::Tcp,
                id if id == self.udp.id => Transport::Udp,
                _ => continue,
            };
            self.carried(packet, layer, transport).into_iter().for_each(&mut *tell);
        }
    }

    fn carried<'a>(&self, packet: &Dissected<'a>, layer: usize, transport: Transport) -> Option<Carried<'a>> {
        let entry = packet.table.entries().get(layer)?;
        let octets = packet.octets.get(entry.start as usize..entry.header_end as usize)?;
        let view = View::new(packet.octets, packet.table, packet.wire_len, layer);
        let (from, to) = PseudoHeader::below(&view.scope)?.ends();
        let (source, destination) = registry().get(entry.protocol).ports?(octets)?;
        let is_whole = match transport {
            Transport::Tcp => entry.state != LayerState::Malformed && octets.len() >= self.fixed_len(),
            Transport::Udp => entry.state == LayerState::Whole,
        };
        let numbers = match transport {
            Transport::Tcp => self.numbers(packet.octets, entry, octets)?,
            // A length that cannot be leaves nothing to tell.
            Transport::Udp if !is_whole || self.lies(octets, from.is_ipv4()) => return None,
            Transport::Udp => Numbers::default(),
        };
        Some(Carried {
            transport,
            layer,
            from: (from, source),
            to: (to, destination),
            is_quoted: entry.quoted_by.is_some(),
            is_whole,
            payload: payload(&view).unwrap_or_default(),
            len: self.len(&view, octets),
            numbers,
        })
    }

    /// Octets of payload on the wire.
    fn len(&self, view: &View<'_>, octets: &[u8]) -> Option<u32> {
        let len = payload_len(view)?;
        let there = u64::try_from(octets.len()).ok()?;
        let stated = match self.hdr_len.filter(|_| view.protocol().id == self.tcp.id) {
            Some(field) => match read_field(field, octets)? {
                ValueRef::Uint(len) => len,
                _ => there,
            },
            None => there,
        };
        // What was never on the wire was not sent, whatever the layers below say.
        let most = u64::try_from(view.wire_len.checked_sub(view.scope.end)?).ok()?;
        // Options that were not captured are no payload; of a header that is cut, `len` has none.
        let without_options = |len: u64| len.checked_add(there)?.checked_sub(stated);
        let len = match view.is_cut() {
            true => len.min(without_options(most)?),
            false => without_options(len.min(most))?,
        };
        u32::try_from(len).ok()
    }

    /// TCP's numbers; none where the header ends before the window does.
    fn numbers(&self, packet: &[u8], entry: &LayerEntry, octets: &[u8]) -> Option<Numbers> {
        // Wireshark reads so far before it looks for the conversation.
        let of = |at: usize| match read_field((*self.numbers.get(at)?)?, octets)? {
            ValueRef::Uint(number) => Some(number),
            ValueRef::Bool(bit) => Some(u64::from(bit)),
            _ => None,
        };
        let word = |at| of(at).and_then(|number| u32::try_from(number).ok());
        let bit = |at| of(at).map(|number| number != 0);
        let mut numbers = Numbers {
            seq: word(0)?,
            ack: word(1)?,
            window: u16::try_from(of(2)?).ok()?,
            fin: bit(3)?,
            syn: bit(4)?,
            reset: bit(5)?,
            push: bit(6)?,
            has_ack: bit(7)?,
            shift: None,
            sacked: 0,
            has_cookie: false,
        };
        if octets.get(self.fixed_len()..).is_some_and(|options| self.are_wanted(options)) {
            self.options(packet, entry, &mut numbers);
        }
        Some(numbers)
    }

    /// Whether UDP's length cannot be: none at all is for jumbograms, which IPv4 has not (RFC 2675).
    fn lies(&self, octets: &[u8], is_ipv4: bool) -> bool {
        match self.udp.extent {
            Extent::Stated(read) => match read(octets) {
                Stated::Lies => true,
                Stated::Rest => is_ipv4,
                Stated::Octets(_) => false,
            },
            Extent::Rest | Extent::Header => false,
        }
    }

    fn fixed_len(&self) -> usize {
        match self.tcp.sections.first().map(|section| &section.body) {
            Some(Body::Fields { len, .. }) => *len,
            _ => usize::MAX,
        }
    }

    /// Whether any of TCP's options here is to be read: most are time stamps, which are not.
    fn are_wanted(&self, octets: &[u8]) -> bool {
        let is_wanted = |shape| match shape {
            RawShape::Whole { code, .. } | RawShape::Lying { code, .. } => self.wanted.contains(&code),
            RawShape::Single(_) | RawShape::Rest(_) => false,
        };
        self.options.is_some_and(|options| options.dialect.walk(octets).any(|record| is_wanted(record.shape)))
    }

    fn options(&self, packet: &[u8], entry: &LayerEntry, numbers: &mut Numbers) {
        let mut left = 0;
        walk_layer(packet, entry, self.tcp, &mut |event| {
            let Event::Field { field, value, .. } = event else { return };
            match (field.name, value) {
                ("wscale", ValueRef::Uint(shift)) => numbers.shift = u8::try_from(shift).ok(),
                ("left", ValueRef::Uint(edge)) => left = edge,
                ("right", ValueRef::Uint(right)) => {
                    let octets = u32::try_from(right.wrapping_sub(left) & 0xffff_ffff).unwrap_or(0);
                    numbers.sacked = numbers.sacked.saturating_add(octets);
                }
                ("cookie", ValueRef::Octets(cookie)) => numbers.has_cookie = !cookie.is_empty(),
                _ => {}
            }
        });
    }
}

/// A field of the protocol's first section.
pub(super) fn field_of(protocol: &'static Protocol, name: &str) -> Option<&'static Field> {
    let Body::Fields { fields, .. } = &protocol.sections.first()?.body else { return None };
    fields.iter().find(|field| field.name == name)
}

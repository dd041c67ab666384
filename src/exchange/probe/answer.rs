//! Reading a packet as what it may be to hand-built probes. Lengths that lie, and whatever else is wrong, make it nothing at all, or
//! damaged.

use std::net::IpAddr;

use crate::exchange::icmp_error::ends_question;
use crate::exchange::trace::fields::{self, address, number};
use crate::packet::check::{Dissected, Problem};
use crate::packet::dissect::dissect;
use crate::packet::walk::{Event, walk_layer};
use crate::proto::registry;
use crate::wire::frame::LinkType;
use crate::wire::layers::{LayerEntry, LayerTable};
use crate::wire::value::{Value, ValueRef};

use super::asked::Key;
use super::outcome::{IcmpReason, Seen, Segment};

/// A packet that was read.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) from: IpAddr,
    pub(super) to: IpAddr,
    ttl: Option<u8>,
    ip_id: Option<u16>,
    /// A checksum is wrong, or its header is cut short.
    pub(super) is_damaged: bool,
    pub(super) said: Said<'a>,
}

/// What it says.
#[derive(Debug)]
pub(super) enum Said<'a> {
    Segment { ports: (u16, u16), segment: Segment, is_syn: bool, is_reset: bool, has_ack: bool },
    Datagram { ports: (u16, u16), payload: &'a [u8] },
    Echo { ident: u16, seq: u16, payload: &'a [u8], is_reply: bool },
    Error { reason: IcmpReason, about: Key, seq: Option<u32>, ident: Option<u16> },
}

impl Reading<'_> {
    /// How it is known as what a probe sends, with its sequence number.
    pub(super) fn as_sent(&self) -> (Key, u32) {
        let peer = self.to;
        match &self.said {
            Said::Segment { ports: (own, port), segment, .. } => {
                (Key::Tcp { own: *own, peer, port: *port }, segment.seq)
            }
            Said::Datagram { ports: (own, port), .. } => (Key::Udp { own: *own, peer, port: *port }, 0),
            Said::Echo { seq, .. } => (Key::Echo { seq: *seq }, 0),
            Said::Error { about, .. } => (*about, 0),
        }
    }

    /// How it is known as what answers a probe.
    pub(super) fn as_answer(&self) -> Key {
        let peer = self.from;
        match &self.said {
            Said::Segment { ports: (port, own), .. } => Key::Tcp { own: *own, peer, port: *port },
            Said::Datagram { ports: (port, own), .. } => Key::Udp { own: *own, peer, port: *port },
            Said::Echo { seq, .. } => Key::Echo { seq: *seq },
            Said::Error { about, .. } => *about,
        }
    }

    /// What it looked like.
    pub(super) fn seen(&self) -> Seen {
        let segment = match &self.said {
            Said::Segment { segment, .. } => Some(segment.clone()),
            _ => None,
        };
        Seen { from: self.from, ttl: self.ttl, ip_id: self.ip_id, segment }
    }
}

/// Reads a packet; `None` when it is no segment, no datagram, no echo and no error that quotes one of these.
pub(super) fn read(octets: &[u8], link_type: LinkType) -> Option<Reading<'_>> {
    let mut table = LayerTable::default();
    dissect(octets, link_type, &mut table);
    let mut outer = table.entries().iter().enumerate().filter(|(_, entry)| entry.quoted_by.is_none());
    let (_, ip) = outer.find(|(_, entry)| matches!(name_of(entry), "ip" | "ipv6"))?;
    let transport = |entry: &LayerEntry| matches!(name_of(entry), "icmp" | "icmpv6" | "tcp" | "udp");
    let (at, entry) = outer.find(|(_, entry)| transport(entry))?;
    let said = match name_of(entry) {
        "tcp" => segment(octets, entry)?,
        "udp" => Said::Datagram { ports: ports(octets, entry)?, payload: payload(octets, entry)? },
        _ => match table.quoted(at) {
            Some(quoted) => error(octets, &table, entry, quoted)?,
            None => echo(octets, entry)?,
        },
    };
    let [ttl, hlim, id] = numbers(octets, ip, ["ttl", "hlim", "id"]);
    Some(Reading {
        from: address(octets, ip, "src")?,
        to: address(octets, ip, "dst")?,
        ttl: ttl.or(hlim).and_then(|ttl| u8::try_from(ttl).ok()),
        ip_id: id.and_then(|id| u16::try_from(id).ok()),
        is_damaged: is_damaged(octets, &table, at),
        said,
    })
}

/// Whether a checksum of the layer is wrong. What a card was to complete is not, on the same machine or over a veth.
fn is_damaged(octets: &[u8], table: &LayerTable, layer: usize) -> bool {
    let mut damaged = false;
    Dissected { octets, table, wire_len: octets.len() }.findings(&mut |finding| {
        let is_grave = matches!(
            finding.problem,
            Problem::Checksum { .. }
                | Problem::CutByPacket
                | Problem::CutBySnapLen
                | Problem::HeaderLength
                | Problem::LengthTooSmall
                | Problem::LengthTooLarge { .. }
        );
        damaged |= is_grave && finding.layer == layer;
    });
    damaged
}

fn segment(octets: &[u8], entry: &LayerEntry) -> Option<Said<'static>> {
    let [srcport, dstport, seq, ack, window] =
        numbers(octets, entry, ["srcport", "dstport", "seq", "ack", "window_size_value"]);
    let bits = numbers(octets, entry, FLAGS.map(|(name, _)| name));
    let is_set = |bit: Option<u64>| bit == Some(1);
    let flags: String =
        FLAGS.iter().zip(bits).filter(|(_, bit)| is_set(*bit)).map(|((_, letter), _)| *letter).collect();
    let [_, syn, reset, _, has_ack, ..] = bits.map(is_set);
    let word = |number: Option<u64>| u16::try_from(number?).ok();
    let segment = Segment {
        flags,
        seq: u32::try_from(seq?).ok()?,
        ack: u32::try_from(ack?).ok()?,
        window: word(window)?,
        options: options(octets, entry),
    };
    let ports = (word(srcport)?, word(dstport)?);
    Some(Said::Segment { ports, segment, is_syn: syn, is_reset: reset, has_ack })
}

fn options(octets: &[u8], entry: &LayerEntry) -> Vec<(String, Option<u64>)> {
    if entry.header_end.saturating_sub(entry.start) <= WITHOUT_OPTIONS {
        return Vec::new();
    }
    let options = fields::all(octets, entry).into_iter().filter_map(|told| {
        let number = match told.value {
            Some(Value::Uint(number)) => Some(number),
            _ => None,
        };
        Some((told.name.strip_prefix("options.")?.to_owned(), number))
    });
    options.collect()
}

/// Octets of a header without options (RFC 9293 §3.1).
const WITHOUT_OPTIONS: u32 = 20;

/// The numbers of fields, in one walk.
fn numbers<const N: usize>(octets: &[u8], entry: &LayerEntry, names: [&str; N]) -> [Option<u64>; N] {
    let mut found = [None; N];
    walk_layer(octets, entry, registry().get(entry.protocol), &mut |event| {
        if let Event::Field { field, value, .. } = event {
            let slot = names.iter().zip(found.iter_mut()).find(|(name, _)| **name == field.name);
            if let Some((_, slot)) = slot.filter(|(_, slot)| slot.is_none()) {
                *slot = match value {
                    ValueRef::Uint(number) => Some(number),
                    ValueRef::Bool(bit) => Some(u64::from(bit)),
                    _ => None,
                };
            }
        }
    });
    found
}

/// tcpdump's letters.
const FLAGS: [(&str, char); 8] = [
    ("flags.fin", 'F'),
    ("flags.syn", 'S'),
    ("flags.reset", 'R'),
    ("flags.push", 'P'),
    ("flags.ack", '.'),
    ("flags.urg", 'U'),
    ("flags.ece", 'E'),
    ("flags.cwr", 'W'),
];

fn echo<'a>(octets: &'a [u8], entry: &LayerEntry) -> Option<Said<'a>> {
    let (request, reply) = if name_of(entry) == "icmp" { (8, 0) } else { (128, 129) };
    let kind = number(octets, entry, "type")?;
    let (ident, seq) = echo_numbers(octets, entry)?;
    let payload = payload(octets, entry)?;
    (kind == request || kind == reply).then_some(Said::Echo { ident, seq, payload, is_reply: kind == reply })
}

fn echo_numbers(octets: &[u8], entry: &LayerEntry) -> Option<(u16, u16)> {
    let of = |v4: &str, v6: &str| {
        let number = number(octets, entry, v4).or_else(|| number(octets, entry, v6))?;
        u16::try_from(number).ok()
    };
    Some((of("ident", "echo.identifier")?, of("seq", "echo.sequence_number")?))
}

/// An error that quotes something.
fn error<'a>(octets: &'a [u8], table: &LayerTable, entry: &LayerEntry, quoted: usize) -> Option<Said<'a>> {
    let kind = u8::try_from(number(octets, entry, "type")?).ok()?;
    let code = u8::try_from(number(octets, entry, "code")?).ok()?;
    let is_v6 = name_of(entry) == "icmpv6";
    if !ends_question(is_v6, kind) {
        return None;
    }
    let outer = table.entries().iter().find(|entry| matches!(name_of(entry), "ip" | "ipv6"))?;
    let reason = IcmpReason { from: address(octets, outer, "src"), is_v6, kind, code };
    let peer = address(octets, table.entries().get(quoted)?, "dst")?;
    let (_, inner) = table.child(quoted)?;
    let (about, seq, ident) = match name_of(inner) {
        "tcp" => {
            let (own, port) = ports(octets, inner)?;
            let seq = number(octets, inner, "seq").and_then(|seq| u32::try_from(seq).ok());
            (Key::Tcp { own, peer, port }, seq, None)
        }
        "udp" => {
            let (own, port) = ports(octets, inner)?;
            (Key::Udp { own, peer, port }, None, None)
        }
        "icmp" | "icmpv6" => {
            let (ident, seq) = echo_numbers(octets, inner)?;
            (Key::Echo { seq }, None, Some(ident))
        }
        _ => return None,
    };
    Some(Said::Error { reason, about, seq, ident })
}

fn ports(octets: &[u8], entry: &LayerEntry) -> Option<(u16, u16)> {
    let [from, to] = numbers(octets, entry, ["srcport", "dstport"]);
    Some((u16::try_from(from?).ok()?, u16::try_from(to?).ok()?))
}

/// What stands behind a header, up to the end of what carries it.
fn payload<'a>(octets: &'a [u8], entry: &LayerEntry) -> Option<&'a [u8]> {
    octets.get(entry.header_end as usize..entry.end as usize)
}

fn name_of(entry: &LayerEntry) -> &'static str {
    registry().get(entry.protocol).name
}

//! ICMP messages as ping sees them: who says what about which request.

use std::net::{IpAddr, Ipv4Addr};

use pnet::packet::ipv4::Ipv4Packet;
use pnet::packet::ipv6::Ipv6Packet;

use crate::packet::dissect::dissect;
use crate::proto::auto::Scope;
use crate::proto::describe::Fragmented;
use crate::proto::pseudo_header::PseudoHeader;
use crate::proto::{icmp, icmpv6, registry};
use crate::wire::checksum::InternetChecksum;
use crate::wire::frame::LinkType;
use crate::wire::layers::{LayerEntry, LayerTable};

/// Whether a packet belongs to the run whose echoes have this identifier: a request, a reply, an error about one, or a
/// later fragment to or from a target, which has no identifier.
pub fn belongs(octets: &[u8], link_type: LinkType, ident: u16, is_target: &dyn Fn(IpAddr) -> bool) -> bool {
    let mut table = LayerTable::default();
    dissect(octets, link_type, &mut table);
    if let Some(message) = Message::outermost(octets, &table) {
        let echo = |message: &Message<'_>| {
            let kinds: &[u8] = if message.is_v6 { &[128, 129, 160, 161] } else { &[0, 8, 13, 14, 42, 43] };
            kinds.contains(&message.kind.0) && message.ident == ident
        };
        return message.quoted(octets, &table).map_or(echo(&message), |quoted| echo(&quoted));
    }
    let is_later = |entry: &&LayerEntry| {
        let header = octets.get(entry.start as usize..entry.header_end as usize).unwrap_or_default();
        (registry().get(entry.protocol).fragmented)(header) == Fragmented::Later
    };
    table.entries().iter().any(|entry| is_later(&entry))
        && table
            .entries()
            .iter()
            .filter_map(|entry| {
                let header = octets.get(entry.start as usize..entry.header_end as usize)?;
                is_network(entry).then(|| end_points(header))?
            })
            .any(|(from, to, _)| is_target(from) || is_target(to))
}

/// What a frame of a run holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// A request.
    Request,
    /// A reply.
    Reply,
    /// An ICMP error about a request.
    Error,
}

/// What a frame of the run holds, whom it went to or came from, and the number in the header that says to which request it
/// belongs; `None` of a later fragment, which does not say.
pub fn frame_of(octets: &[u8], link_type: LinkType) -> Option<(FrameKind, IpAddr, u16)> {
    let mut table = LayerTable::default();
    dissect(octets, link_type, &mut table);
    let message = Message::outermost(octets, &table)?;
    if let Some(quoted) = message.quoted(octets, &table) {
        return Some((FrameKind::Error, message.from, quoted.seq));
    }
    match message.is_reply {
        true => Some((FrameKind::Reply, message.from, message.seq)),
        false => Some((FrameKind::Request, message.to?, message.seq)),
    }
}

/// An ICMP or ICMPv6 message with its addresses.
pub(super) struct Message<'a> {
    pub(super) from: IpAddr,
    pub(super) to: Option<IpAddr>,
    pub(super) ttl: Option<u8>,
    pub(super) kind: (u8, u8),
    pub(super) is_v6: bool,
    pub(super) is_reply: bool,
    pub(super) ident: u16,
    pub(super) seq: u16,
    rest: [u8; 4],
    /// The whole message.
    pub(super) octets: &'a [u8],
    /// What stands behind identifier and sequence number.
    pub(super) payload: &'a [u8],
    pub(super) checksum_is_good: bool,
    /// The IP header has options.
    pub(super) has_options: bool,
    index: usize,
}

impl<'a> Message<'a> {
    /// The first ICMP message of a packet.
    pub(super) fn outermost(octets: &'a [u8], table: &LayerTable) -> Option<Self> {
        let index = table.entries().iter().position(|entry| is_icmp(entry) && entry.quoted_by.is_none())?;
        Self::at(octets, table, index)
    }

    /// The ICMP message that this one quotes.
    pub(super) fn quoted(&self, octets: &'a [u8], table: &LayerTable) -> Option<Self> {
        let first = table.quoted(self.index)?;
        let entries = table.entries().get(first..)?;
        let by = Some(u8::try_from(self.index).ok()?);
        let at = entries.iter().position(|entry| is_icmp(entry) && entry.quoted_by == by)?;
        Self::at(octets, table, first + at)
    }

    fn at(octets: &'a [u8], table: &LayerTable, index: usize) -> Option<Self> {
        let entry = table.entries().get(index)?;
        let message = octets.get(entry.start as usize..entry.end as usize)?;
        let [kind, code, _, _, rest @ ..] = message.first_chunk::<8>()?;
        let [id0, id1, seq0, seq1] = rest;
        let is_v6 = registry().get(entry.protocol).name == "icmpv6";
        let (_, carrier) = table
            .below(index)
            .find(|(_, entry)| matches!(registry().get(entry.protocol).name, "ip" | "ipv6"))?;
        let header = octets.get(carrier.start as usize..carrier.header_end as usize)?;
        let (from, to, ttl) = end_points(header)?;
        let scope = Scope::of_layer(octets, table, index);
        let checksum_is_good = if is_v6 {
            let sum = PseudoHeader::below(&scope)?.sum(message.len());
            sum.add_octets(message).finish() == 0
        } else {
            InternetChecksum::default().add_octets(message).finish() == 0
        };
        let replies: &[u8] = if is_v6 { &[129, EXTENDED_V6 + 1] } else { &[0, 14, EXTENDED_V4 + 1] };
        let is_reply = replies.contains(kind);
        // Extended echoes have a sequence number of one octet (RFC 8335 §2).
        let extended = if is_v6 { EXTENDED_V6 } else { EXTENDED_V4 };
        let is_extended = *kind == extended || *kind == extended + 1;
        let ident = u16::from_be_bytes([*id0, *id1]);
        let seq = if is_extended { u16::from(*seq0) } else { u16::from_be_bytes([*seq0, *seq1]) };
        let payload = message.get(8..).unwrap_or_default();
        let has_options = !is_v6 && header.len() > 20;
        Some(Self {
            from,
            to: Some(to),
            ttl: Some(ttl),
            kind: (*kind, *code),
            is_v6,
            is_reply,
            ident,
            seq,
            rest: *rest,
            octets: message,
            payload,
            checksum_is_good,
            has_options,
            index,
        })
    }
}

/// Extended echo requests (RFC 8335); the reply's type is the next one.
const EXTENDED_V4: u8 = 42;
const EXTENDED_V6: u8 = 160;

/// What a router says of the largest packet that gets to the destination of the one that it quotes.
pub fn path_mtu(octets: &[u8], link_type: LinkType) -> Option<(IpAddr, u32)> {
    let mut table = LayerTable::default();
    dissect(octets, link_type, &mut table);
    let message = Message::outermost(octets, &table)?;
    let quoted = message.quoted(octets, &table)?;
    Some((quoted.to?, message.error_words().1?))
}

/// Source, destination and time to live of an IP header.
fn end_points(header: &[u8]) -> Option<(IpAddr, IpAddr, u8)> {
    if header.first()? >> 4 == 4 {
        let ip = Ipv4Packet::new(header)?;
        Some((ip.get_source().into(), ip.get_destination().into(), ip.get_ttl()))
    } else {
        let ip = Ipv6Packet::new(header)?;
        Some((ip.get_source().into(), ip.get_destination().into(), ip.get_hop_limit()))
    }
}

impl Message<'_> {
    /// An error in the words of `ping`, and the MTU that it tells.
    pub(super) fn error_words(&self) -> (String, Option<u32>) {
        let (kind, code) = self.kind;
        let mtu = u32::from_be_bytes(self.rest);
        let small_mtu = mtu & 0xffff;
        match (self.is_v6, kind, code) {
            (false, 3, 0) => ("Destination Net Unreachable".into(), None),
            (false, 3, 1) => ("Destination Host Unreachable".into(), None),
            (false, 3, 2) => ("Destination Protocol Unreachable".into(), None),
            (false, 3, 3) => ("Destination Port Unreachable".into(), None),
            (false, 3, 4) => (format!("Frag needed and DF set (mtu = {small_mtu})"), Some(small_mtu)),
            (false, 3, 5) => ("Source Route Failed".into(), None),
            (false, 3, 9) => ("Destination Net Prohibited".into(), None),
            (false, 3, 10) => ("Destination Host Prohibited".into(), None),
            (false, 3, 13) => ("Packet filtered".into(), None),
            (false, 4, _) => ("Source Quench".into(), None),
            (false, 5, code) => {
                (format!("Redirect{}(New nexthop: {})", redirected(code), Ipv4Addr::from(self.rest)), None)
            }
            (false, 11, 0) => ("Time to live exceeded".into(), None),
            (false, 11, 1) => ("Frag reassembly time exceeded".into(), None),
            (false, 12, _) => (format!("Parameter problem: pointer = {}", mtu >> 24), None),
            (true, 1, 0) => ("Destination unreachable: No route".into(), None),
            (true, 1, 1) => ("Destination unreachable: Administratively prohibited".into(), None),
            (true, 1, 2) => ("Destination unreachable: Beyond scope of source address".into(), None),
            (true, 1, 3) => ("Destination unreachable: Address unreachable".into(), None),
            (true, 1, 4) => ("Destination unreachable: Port unreachable".into(), None),
            (true, 2, _) => (format!("Packet too big: mtu={mtu}"), Some(mtu)),
            (true, 3, 0) => ("Time exceeded: Hop limit".into(), None),
            (true, 3, _) => ("Time exceeded: Defragmentation failure".into(), None),
            (true, 4, _) => (format!("Parameter problem: at {mtu}"), None),
            (is_v6, kind, code) => {
                let name = if is_v6 { icmpv6::code_name(kind, code) } else { icmp::code_name(kind, code) };
                (name.map_or_else(|| format!("ICMP type {kind} code {code}"), str::to_owned), None)
            }
        }
    }
}

/// What is to take the other way, as ping has it, which leaves no space before the bracket (`pr_icmph` of iputils).
fn redirected(code: u8) -> String {
    match code {
        0 => " Network".to_owned(),
        1 => " Host".to_owned(),
        2 => " Type of Service and Network".to_owned(),
        3 => " Type of Service and Host".to_owned(),
        _ => format!(", Bad Code: {code}"),
    }
}

fn is_icmp(entry: &LayerEntry) -> bool {
    matches!(registry().get(entry.protocol).name, "icmp" | "icmpv6")
}

fn is_network(entry: &LayerEntry) -> bool {
    matches!(registry().get(entry.protocol).name, "ip" | "ipv6")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::dissect::dissect;
    use crate::wire::frame::LinkType;

    /// The words are those of `pr_icmph` in ping/ping.c of iputils.
    #[test]
    fn a_redirect_says_of_what() {
        for (code, words) in [
            (0, "Redirect Network(New nexthop: 10.0.0.1)"),
            (1, "Redirect Host(New nexthop: 10.0.0.1)"),
            (2, "Redirect Type of Service and Network(New nexthop: 10.0.0.1)"),
            (3, "Redirect Type of Service and Host(New nexthop: 10.0.0.1)"),
            (9, "Redirect, Bad Code: 9(New nexthop: 10.0.0.1)"),
        ] {
            let header = hex::decode("4500001c000000004001000009090909 0a000002".replace(' ', "")).unwrap();
            let octets = [&header[..], &[5, code, 0, 0, 10, 0, 0, 1]].concat();
            let mut table = LayerTable::default();
            dissect(&octets, LinkType::RAW, &mut table);
            let message = Message::outermost(&octets, &table).unwrap();
            assert_eq!(message.error_words(), (words.to_owned(), None));
        }
    }
}

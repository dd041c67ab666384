//! DNS over TCP: RFC 1035 §4.2.2, RFC 7766 §8. Before each message stands how long it is.

use super::describe::{Extent, Pdu, Protocol, Section, Stated, uint};
use super::edge::Edge;
use super::listed::Listed;
use super::{auto, dns, tcp, udp};
use crate::wire::big_endian::word_at;

/// Its port, by which TCP knows it.
pub(super) const PORT: u64 = 53;

pub(super) const DNS_TCP: Listed = Listed::new("dns_tcp", &[Edge::new(tcp::PORT, PORT)], describe);

fn describe() -> Protocol {
    Protocol::new("DNS over TCP", "RFC 7766", sections)
        .part()
        .pdu(pdu)
        .next(MESSAGE, |_| Some(0))
        .extent(Extent::Stated(|header| match message_len(header) {
            Some(len) => Stated::Octets(len.saturating_add(HEADER_LEN) as u64),
            None => Stated::Rest,
        }))
        .alias("dns.length", &["length"])
        .gap(" ")
        .summary(|_, _| Ok(()))
}

fn sections() -> Vec<Section> {
    vec![Section::fields(vec![uint("length", 16, "Length of the message").auto(auto::payload_len)])]
}

/// What stands behind the length: always a message.
pub(super) const MESSAGE: &str = "dns_tcp.message";
/// Octets of the length.
const HEADER_LEN: usize = 2;

fn message_len(octets: &[u8]) -> Option<usize> {
    word_at(octets, 0).map(usize::from)
}

/// Whether a segment with this header begins with a message, and has it as a whole.
pub(super) fn begins(header: &[u8], payload: &[u8]) -> bool {
    udp::port_pair(header).is_some_and(|ports| matches!(pdu(payload, ports), Pdu::Whole(_)))
}

/// What begins here. Nothing but the port tells messages of DNS from other octets.
fn pdu(stream: &[u8], (from, to): (u16, u16)) -> Pdu {
    if ![from, to].map(u64::from).contains(&PORT) {
        return Pdu::Other;
    }
    match message_len(stream) {
        None => Pdu::Cut,
        Some(len) if len < dns::HEADER_LEN => Pdu::Other,
        Some(len) => match len.saturating_add(HEADER_LEN) {
            len if len > stream.len() => Pdu::Cut,
            len => Pdu::Whole(len),
        },
    }
}

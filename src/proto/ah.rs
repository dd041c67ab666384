//! AH, the authentication header: RFC 4302.

use super::auto::Scope;
use super::describe::{Len, Protocol, Section, octets, uint};
use super::edge::Edge;
use super::listed::Listed;
use super::{auto, ip, ipv6};
use crate::wire::big_endian::{long_at, octet};

pub(super) const AH: Listed = Listed::new("ah", &[Edge::new(ip::PROTO, 51)], describe);

fn describe() -> Protocol {
    Protocol::new("Authentication Header", "RFC 4302", sections)
        .next(ip::PROTO, |header| header.first().map(|next| u64::from(*next)))
        .gap(": ")
        .summary(|view, out| {
            let header = view.header();
            let (Some(spi), Some(sequence)) = (long_at(header, 4), long_at(header, 8)) else { return Ok(()) };
            write!(out, "AH(spi=0x{spi:08x},seq=0x{sequence:x},icv=0x")?;
            out.hex(header.get(FIXED_LEN..).unwrap_or_default());
            out.put(")");
            Ok(())
        })
}

fn sections() -> Vec<Section> {
    let header = vec![
        uint("next_header", 8, "Next header")
            .values(ip::PROTOCOLS)
            .default_uint(ipv6::NO_NEXT_HEADER)
            .auto(auto::next_protocol),
        uint("length", 8, "Length in words of 4 octets, less 2").auto(words),
        octets("reserved", 2, "Reserved"),
        uint("spi", 32, "Security parameters index").hex().default_uint(256),
        uint("sequence", 32, "Sequence number").default_uint(1),
    ];
    vec![
        Section::fields(header),
        // RFC 4302 §2.6: the value is padded to words.
        Section::octets("icv", "Integrity check value", Len::Octets(check_value_len)).filled_up("length", 4),
    ]
}

/// Octets before the check value.
const FIXED_LEN: usize = 12;

/// RFC 4302 §2.2: the whole header in words, less 2.
fn check_value_len(header: &[u8]) -> Option<usize> {
    usize::from(octet(header, 1)).checked_add(2)?.checked_mul(4)?.checked_sub(FIXED_LEN)
}

fn words(scope: &Scope<'_>) -> Option<u64> {
    auto::header_len(scope)?.div_ceil(4).checked_sub(2)
}

//! ESP, the encapsulating security payload: RFC 4303. What is not encrypted of it.

use super::describe::{Len, Protocol, Section, uint};
use super::edge::Edge;
use super::ip;
use super::listed::Listed;
use crate::wire::big_endian::long_at;

pub(super) const ESP: Listed = Listed::new("esp", &[Edge::new(ip::PROTO, 50)], describe);

fn describe() -> Protocol {
    Protocol::new("Encapsulating Security Payload", "RFC 4303", sections).summary(|view, out| {
        if let (Some(spi), Some(sequence)) = (long_at(view.header(), 0), long_at(view.header(), 4)) {
            write!(out, "ESP(spi=0x{spi:08x},seq=0x{sequence:x}), length {}", view.layer_len())?;
        }
        Ok(())
    })
}

fn sections() -> Vec<Section> {
    let header = vec![
        uint("spi", 32, "Security parameters index").hex().default_uint(256),
        uint("sequence", 32, "Sequence number").default_uint(1),
    ];
    vec![
        Section::fields(header),
        Section::octets("data", "What is encrypted, and the check value", Len::Rest),
    ]
}

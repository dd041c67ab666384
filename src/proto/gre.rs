//! GRE, generic routing encapsulation: RFC 2784 with key and sequence number (RFC 2890), and the version 1 of PPTP (RFC 2637).

use std::fmt;

use super::auto;
use super::describe::{Before, Field, Protocol, Section, View, flag, group, uint};
use super::edge::Edge;
use super::filter_names::Compute;
use super::listed::Listed;
use super::{eth, ip};
use crate::wire::big_endian::{long_at, octet, word, word_at};
use crate::wire::text::Text;

/// The table of what it carries: EtherTypes, of which each protocol says whether they stand here.
pub(super) const PROTO: &str = "gre.proto";

pub(super) const GRE: Listed = Listed::new("gre", &[Edge::new(ip::PROTO, 47)], describe);

fn describe() -> Protocol {
    Protocol::new("Generic Routing Encapsulation", "RFC 2784, RFC 2890", sections)
        // What stands behind source routes (RFC 1701) is not told.
        .next(PROTO, |header| (octet(header, 0) & ROUTED == 0).then(|| word_at(header, 2).map(u64::from))?)
        .alias("gre.flags.version", &["version"])
        .alias("gre.key.payload_length", &["payload_length"])
        .alias("gre.key.call_id", &["call_id"])
        .derived("gre.flags_and_version", Compute::Number(|view| word_at(view.header(), 0).map(u64::from)))
        .summary(summary)
}

fn sections() -> Vec<Section> {
    let payload_len = uint("payload_length", 16, "Payload length").auto(auto::payload_len);
    vec![
        Section::fields(head()),
        Section::fields(vec![
            uint("checksum", 16, "Checksum").checksum(auto::layer_checksum),
            uint("offset", 16, "Offset of the active source route"),
        ])
        .when(|before| begins(before, CHECKSUM | ROUTING)),
        Section::fields(vec![uint("key", 32, "Key").hex()])
            .when(|before| begins(before, KEY) && !is_enhanced(before.header)),
        Section::fields(vec![payload_len, uint("call_id", 16, "Call")])
            .when(|before| begins(before, KEY) && is_enhanced(before.header)),
        Section::fields(vec![uint("sequence_number", 32, "Sequence number")])
            .when(|before| begins(before, SEQUENCE)),
        Section::fields(vec![uint("ack_number", 32, "Acknowledgement number")])
            .when(|before| begins(before, ACKNOWLEDGEMENT) && is_enhanced(before.header)),
    ]
}

/// The first four octets. A flag is set when what it tells of is written.
fn head() -> Vec<Field> {
    vec![
        group("flags", "Flags"),
        flag("flags.checksum", "Checksum").tells(&["checksum"]),
        flag("flags.routing", "Source routes"),
        flag("flags.key", "Key").tells(&["key", "payload_length", "call_id"]),
        flag("flags.sequence_number", "Sequence number").tells(&["sequence_number"]),
        flag("flags.strict_source_route", "Strict source route"),
        uint("flags.recursion_control", 3, "Further encapsulations that are allowed"),
        flag("flags.ack", "Acknowledgement number (version 1)").tells(&["ack_number"]),
        uint("flags.reserved", 4, "Reserved"),
        uint("version", 3, "Version"),
        uint("proto", 16, "Type of the payload").values(eth::ETHERTYPES).auto(auto::next_protocol).hex(),
    ]
}

/// Bits of the first two octets.
const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGEMENT: u16 = 0x0080;
/// The bit for source routes in the first octet.
const ROUTED: u8 = 0x40;

fn begins(before: &Before<'_>, flags: u16) -> bool {
    word(before.header, 0) & flags != 0
}

/// Whether it is PPTP's (RFC 2637 §4.1).
fn is_enhanced(header: &[u8]) -> bool {
    octet(header, 1) & 7 == 1
}

/// Tcpdump's words; its key is in hexadecimal.
fn summary(view: &View<'_>, out: &mut Text) -> fmt::Result {
    let header = view.header();
    let Some(flags) = word_at(header, 0) else { return Ok(()) };
    out.put("GREv").put(flags & 7);
    // What was not captured is not said.
    let _: Option<()> = parts(header, flags, out);
    if view.with_link
        && let Some(proto) = word_at(header, 2)
    {
        let known = eth::name_of(proto).unwrap_or("unknown");
        write!(out, ", proto {known} (0x{proto:04x})")?;
    }
    out.put(", length ").put(view.layer_len());
    match word_at(header, 2) {
        // Nothing is carried: a line says of what kind it would be.
        Some(proto) if view.payload_len() == 0 => write!(out, ": gre-proto-0x{proto:x}"),
        _ => Ok(()),
    }
}

fn parts(header: &[u8], flags: u16, out: &mut Text) -> Option<()> {
    let mut at = 4usize;
    if flags & (CHECKSUM | ROUTING) != 0 {
        // Whether it is wrong is told with the findings.
        write!(out, ", off 0x{:x}", word_at(header, 6)?).ok()?;
        at = at.checked_add(4)?;
    }
    if flags & KEY != 0 {
        if flags & 7 == 1 {
            out.put(", call ").put(word_at(header, at.checked_add(2)?)?);
        } else {
            write!(out, ", key=0x{:x}", long_at(header, at)?).ok()?;
        }
        at = at.checked_add(4)?;
    }
    if flags & SEQUENCE != 0 {
        out.put(", seq ").put(long_at(header, at)?);
        at = at.checked_add(4)?;
    }
    if flags & ACKNOWLEDGEMENT != 0 && flags & 7 == 1 {
        out.put(", ack ").put(long_at(header, at)?);
    }
    Some(())
}

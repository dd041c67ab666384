//! PPP over Ethernet: RFC 2516. Discovery and sessions have the same header; the one carries tags, the other PPP.

use std::fmt;

use super::auto::{self, Scope};
use super::describe::{Extent, Field, Len, Protocol, Section, Stated, Style, View, uint};
use super::edge::Edge;
use super::eth;
use super::listed::Listed;
use crate::wire::big_endian::{octet_at, word_at};
use crate::wire::domain_name::write_escaped;
use crate::wire::text::Text;

pub(super) const PPPOED: Listed =
    Listed::new("pppoed", &[Edge::new(eth::ETHERTYPE, 0x8863)], describe_discovery);

fn describe_discovery() -> Protocol {
    Protocol::new("PPP over Ethernet, discovery", "RFC 2516", sections_discovery)
        .extent(Extent::Header)
        .alias("pppoe.version", &["version"])
        .alias("pppoe.type", &["type"])
        .alias("pppoe.code", &["code"])
        .alias("pppoe.session_id", &["session_id"])
        .alias("pppoe.payload_length", &["payload_length"])
        .summary(discovery)
}

fn sections_discovery() -> Vec<Section> {
    let tag = vec![
        Section::fields(vec![
            uint("type", 16, "Type").values(TAGS).hex(),
            uint("length", 16, "Length").auto(|scope| auto::header_len(scope)?.checked_sub(4)),
        ]),
        Section::octets("value", "Value", Len::Octets(|tag| word_at(tag, 2).map(usize::from))),
    ];
    vec![
        Section::fields(head(u64::from(INITIATION), tags_len)),
        Section::items("tags", "Tags", Style::Table, tag, Len::Octets(payload_len)),
    ]
}

pub(super) const PPPOES: Listed = Listed::new(
    "pppoes",
    &[Edge::new(eth::ETHERTYPE, 0x8864), Edge::new(eth::LINK_TYPE, 51)],
    describe_session,
);

fn describe_session() -> Protocol {
    Protocol::new("PPP over Ethernet, session", "RFC 2516", sections_session)
        .next(PAYLOAD, |_| Some(0))
        .extent(Extent::Stated(|header| match payload_len(header) {
            Some(len) => Stated::Octets(u64::try_from(len).unwrap_or(0).saturating_add(HEADER_LEN)),
            None => Stated::Rest,
        }))
        .alias("pppoe.version", &["version"])
        .alias("pppoe.type", &["type"])
        .alias("pppoe.code", &["code"])
        .alias("pppoe.session_id", &["session_id"])
        .alias("pppoe.payload_length", &["payload_length"])
        .gap(" ")
        .summary(|view, out| {
            if view.header().len() >= 6 {
                out.put("PPPoE ");
            }
            session(view.header(), out)
        })
}

fn sections_session() -> Vec<Section> {
    vec![Section::fields(head(0, auto::payload_len))]
}

/// What a session carries: always PPP.
pub(super) const PAYLOAD: &str = "pppoes.payload";
/// Octets before the payload.
const HEADER_LEN: u64 = 6;

/// The header; its length field counts what stands behind it.
fn head(code: u64, len: fn(&Scope<'_>) -> Option<u64>) -> Vec<Field> {
    vec![
        uint("version", 4, "Version").default_uint(1),
        uint("type", 4, "Type").default_uint(1),
        uint("code", 8, "Code").values(CODES).default_uint(code).hex(),
        uint("session_id", 16, "Session").hex(),
        uint("payload_length", 16, "Payload length").auto(len),
    ]
}

fn payload_len(header: &[u8]) -> Option<usize> {
    word_at(header, 4).map(usize::from)
}

fn tags_len(scope: &Scope<'_>) -> Option<u64> {
    auto::header_len(scope)?.checked_sub(HEADER_LEN)
}

/// The session, where the header says one; tcpdump's words.
fn session(header: &[u8], out: &mut Text) -> fmt::Result {
    match word_at(header, 2) {
        Some(session) if session != 0 => write!(out, " [ses 0x{session:x}]"),
        _ => Ok(()),
    }
}

fn discovery(view: &View<'_>, out: &mut Text) -> fmt::Result {
    let header = view.header();
    let Some(code) = octet_at(header, 1) else { return Ok(()) };
    match CODES.iter().find(|(known, _)| *known == u64::from(code)) {
        Some((_, name)) => write!(out, "PPPoE {name}")?,
        None => write!(out, "PPPoE UNKNOWN")?,
    }
    session(header, out)?;
    let mut left = header.get(6..).unwrap_or_default();
    while let (Some(kind), Some(len)) = (word_at(left, 0), word_at(left, 2)) {
        let Some((value, rest)) = left.get(4..).and_then(|behind| behind.split_at_checked(usize::from(len)))
        else {
            return Ok(());
        };
        left = rest;
        let name =
            TAGS.iter().find(|(known, _)| *known == u64::from(kind)).map_or("Unknown", |(_, name)| *name);
        out.put(" [").put(name);
        match value {
            [] => {}
            // Octets of the host's own choice are told as a text where they are one.
            text if text.iter().all(|octet| (0x20..0x7f).contains(octet)) => {
                out.put(" \"");
                write_escaped(out, text, &['"', '\\'])?;
                out.put("\"");
            }
            octets => {
                out.put(" 0x").hex(octets.get(..MOST_SHOWN).unwrap_or(octets));
                if octets.len() > MOST_SHOWN {
                    out.put("...");
                }
            }
        }
        out.put("]");
    }
    Ok(())
}

/// Octets of a tag that one line shows.
const MOST_SHOWN: usize = 32;

const INITIATION: u8 = 0x09;

/// RFC 2516 appendix A, and RFC 5578's additions.
const CODES: &[(u64, &str)] = &[
    (0x00, "session"),
    (0x07, "PADO"),
    (0x09, "PADI"),
    (0x0a, "PADG"),
    (0x0b, "PADC"),
    (0x0c, "PADQ"),
    (0x19, "PADR"),
    (0x65, "PADS"),
    (0xa7, "PADT"),
    (0xd3, "PADM"),
    (0xd4, "PADN"),
];

/// RFC 2516 appendix A, and IANA pppoe-parameters.
const TAGS: &[(u64, &str)] = &[
    (0x0000, "EOL"),
    (0x0101, "Service-Name"),
    (0x0102, "AC-Name"),
    (0x0103, "Host-Uniq"),
    (0x0104, "AC-Cookie"),
    (0x0105, "Vendor-Specific"),
    (0x0106, "Credits"),
    (0x0107, "Metrics"),
    (0x0108, "Sequence-Number"),
    (0x0110, "Relay-Session-ID"),
    (0x0111, "HURL"),
    (0x0112, "MOTM"),
    (0x0120, "PPP-Max-Payload"),
    (0x0121, "IP-Route-Add"),
    (0x0201, "Service-Name-Error"),
    (0x0202, "AC-System-Error"),
    (0x0203, "Generic-Error"),
];

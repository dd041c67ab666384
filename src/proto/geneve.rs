//! Geneve, generic network virtualization encapsulation: RFC 8926.

use std::fmt;

use super::auto::{self, Scope};
use super::describe::{Len, Protocol, Section, Style, View, flag, group, uint};
use super::edge::Edge;
use super::listed::Listed;
use super::{eth, udp};
use crate::wire::big_endian::{long_at, octet, octet_at, word_at};
use crate::wire::text::Text;

pub(super) const GENEVE: Listed = Listed::new("geneve", &[Edge::new(udp::PORT, 6081)], describe);

fn describe() -> Protocol {
    Protocol::new("Generic Network Virtualization Encapsulation", "RFC 8926", sections)
        .next(eth::ETHERTYPE, |header| word_at(header, 2).map(u64::from))
        .alias("geneve.option.class", &["options.class"])
        .alias("geneve.option.type", &["options.type"])
        .alias("geneve.option.type.critical", &["options.type.critical"])
        .alias("geneve.option.length", &["options.length"])
        .gap(": ")
        .summary(summary)
}

fn sections() -> Vec<Section> {
    let header = vec![
        uint("version", 2, "Version"),
        uint("opt_len", 6, "Length of the options").in_units_of(4).auto(options_len),
        group("flags", "Flags"),
        flag("flags.oam", "Control packet"),
        flag("flags.critical", "There are critical options"),
        uint("flags.reserved", 6, "Reserved"),
        uint("proto_type", 16, "Type of the payload")
            .values(eth::ETHERTYPES)
            .default_uint(eth::BRIDGED)
            .auto(auto::next_protocol)
            .hex(),
        uint("vni", 24, "Virtual network identifier"),
        uint("reserved", 8, "Reserved"),
    ];
    let option = vec![
        Section::fields(vec![
            uint("class", 16, "Class").hex(),
            group("type", "Type"),
            flag("type.critical", "Critical"),
            uint("type.number", 7, "Number in the class"),
            uint("reserved", 3, "Reserved").hidden_when_zero(),
            uint("length", 5, "Length of the data")
                .in_units_of(4)
                .auto(|scope| auto::header_len(scope)?.checked_sub(4)),
        ]),
        // RFC 8926 §3.5: options are padded to words.
        Section::octets("data", "Data", Len::Octets(|option| units_of_4(octet(option, 3), 0x1f)))
            .filled_up("length", 4),
    ];
    vec![
        Section::fields(header),
        Section::items(
            "options",
            "Options",
            Style::Table,
            option,
            Len::Octets(|header| units_of_4(octet(header, 0), 0x3f)),
        ),
    ]
}

/// Tcpdump's words.
fn summary(view: &View<'_>, out: &mut Text) -> fmt::Result {
    let header = view.header();
    let (Some(flags), Some(vni)) = (octet_at(header, 1), long_at(header, 4)) else { return Ok(()) };
    out.put("Geneve, Flags [").put(match flags & 0xc0 {
        0xc0 => "OC",
        0x80 => "O",
        0x40 => "C",
        _ => "none",
    });
    write!(out, "], vni 0x{:x}", vni >> 8)?;
    if view.with_link
        && let Some(proto) = word_at(header, 2)
    {
        let known = eth::name_of(proto).unwrap_or("unknown");
        write!(out, ", proto {known} (0x{proto:04x})")?;
    }
    match octet(header, 0) & 0x3f {
        0 => Ok(()),
        units => write!(out, ", options [{} bytes]", u32::from(units).saturating_mul(4)),
    }
}

/// Octets that the low bits of an octet count in words.
fn units_of_4(octet: u8, mask: u8) -> Option<usize> {
    usize::from(octet & mask).checked_mul(4)
}

fn options_len(scope: &Scope<'_>) -> Option<u64> {
    auto::header_len(scope)?.checked_sub(8)
}

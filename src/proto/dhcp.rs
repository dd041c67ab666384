//! DHCP, the Dynamic Host Configuration Protocol: RFC 2131, with the messages of BOOTP (RFC 951) that it is made of.

use std::fmt;

use super::describe::{Before, Extent, Len, Protocol, Section, View, flag, group, ipv4, mac, octets, uint};
use super::dhcp_options::{DIALECT, names_of_options, options};
use super::edge::Edge;
use super::listed::Listed;
use super::udp;
use crate::wire::big_endian::octet_at;
use crate::wire::text::Text;
use crate::wire::value::{Value, ValueRef};

pub(super) const DHCP: Listed = Listed::new(
    "dhcp",
    &[Edge::new(udp::PORT, 67), Edge::new(udp::PORT, 68), Edge::new(udp::PORT, 4011)],
    describe,
);

fn describe() -> Protocol {
    let protocol = Protocol::new("Dynamic Host Configuration Protocol", "RFC 2131", sections)
        .extent(Extent::Header)
        .summary(summary);
    names_of_options!(protocol)
}

fn sections() -> Vec<Section> {
    let head = vec![
        uint("type", 8, "Message").values(TYPES).default_uint(REQUEST),
        uint("hw.type", 8, "Hardware type").hex().default_uint(1),
        uint("hw.len", 8, "Hardware address length").default_uint(6),
        uint("hops", 8, "Hops"),
        uint("id", 32, "Transaction").hex(),
        uint("secs", 16, "Seconds since the client began"),
        group("flags", "Flags"),
        flag("flags.bc", "Answers are to be broadcast"),
        uint("flags.reserved", 15, "Reserved").hex(),
        ipv4("ip.client", "Client's own address"),
        ipv4("ip.your", "Address for the client"),
        ipv4("ip.server", "Next server"),
        ipv4("ip.relay", "Relay agent"),
    ];
    let mac_address = vec![
        mac("hw.mac_addr", "Client's MAC address"),
        octets("hw.addr_padding", 10, "Unused octets of the address").hidden_when_zero(),
    ];
    let texts = vec![
        octets("server", 64, "Server's name").hidden_when_zero(),
        octets("file", 128, "Boot file").hidden_when_zero(),
    ];
    let cookie = ipv4("cookie", "Magic cookie of options").default(Value::Ipv4(COOKIE.into()));
    vec![
        Section::fields(head),
        Section::fields(mac_address).when(is_mac),
        Section::fields(vec![octets("hw.addr", 16, "Client's hardware address")])
            .when(|before| !is_mac(before)),
        Section::fields(texts),
        Section::fields(vec![cookie]).when(|before| {
            if before.builds { !(before.wrote)("vendor") } else { before.left.starts_with(&COOKIE) }
        }),
        Section::records("options", "Options", DIALECT, options(), Len::Rest).when(has_options),
        Section::octets("vendor", "Vendor's area", Len::Rest).when(|before| {
            let is_left = before.header.len() == FIXED_LEN.saturating_sub(COOKIE.len());
            // Where it is empty, it says that no cookie stands there.
            is_left && (!before.builds || (before.wrote)("vendor"))
        }),
    ]
}

/// Tcpdump's words.
fn summary(view: &View<'_>, out: &mut Text) -> fmt::Result {
    let header = view.header();
    let Some(kind) = octet_at(header, 0) else { return Ok(()) };
    match u64::from(kind) {
        REQUEST => _ = out.put("BOOTP/DHCP, Request"),
        REPLY => _ = out.put("BOOTP/DHCP, Reply"),
        _ => write!(out, "BOOTP/DHCP, unknown (0x{kind:02x})")?,
    }
    let address = header.get(28..).and_then(<[u8]>::first_chunk::<6>);
    if let (REQUEST, [_, 1, 6, ..], Some(address)) = (u64::from(kind), header, address) {
        out.put(" from ").put(ValueRef::Mac(*address));
    }
    out.put(", length ").put(view.layer_len());
    Ok(())
}

const REQUEST: u64 = 1;
const REPLY: u64 = 2;
/// RFC 2131 §3: what options begin with.
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Octets up to the options.
const FIXED_LEN: usize = 240;

fn is_mac(before: &Before<'_>) -> bool {
    matches!(before.header, [_, 1 | 6, 6, ..])
}

/// Whether the cookie has been read or written.
fn has_options(before: &Before<'_>) -> bool {
    before.header.len() == FIXED_LEN
}

/// IANA bootp-dhcp-parameters.
const TYPES: &[(u64, &str)] = &[(1, "request"), (2, "reply")];

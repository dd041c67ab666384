//! IPv6 hop-by-hop and destination options headers: RFC 8200 §4.3 and §4.6.

use std::net::Ipv6Addr;

use super::auto::Scope;
use super::describe::{Field, Len, Protocol, Record, Section, ipv6, uint};
use super::edge::Edge;
use super::listed::Listed;
use super::{ip, ipv6 as base};
use crate::wire::record::{Counts, Dialect, Padding, RawShape};

/// The layer's name of destination options.
pub(super) const DESTINATION: &str = "ipv6.dstopts";
const HOME_ADDRESS: u8 = 201;

pub(super) const IPV6_HOPOPTS: Listed =
    Listed::new("ipv6.hopopts", &[Edge::new(ip::PROTO, 0)], describe_hopopts);

fn describe_hopopts() -> Protocol {
    header("IPv6 hop-by-hop options").tag("HBH")
}

pub(super) const IPV6_DSTOPTS: Listed =
    Listed::new(DESTINATION, &[Edge::new(ip::PROTO, 60)], describe_dstopts);

fn describe_dstopts() -> Protocol {
    header("IPv6 destination options").tag("DSTOPT")
}

fn header(title: &'static str) -> Protocol {
    let sections = || {
        vec![
            Section::fields(vec![next_header(), length()]),
            Section::records("options", "Options", DIALECT, options(), Len::Octets(after_first_two)),
        ]
    };
    Protocol::new(title, "RFC 8200", sections)
        .next(ip::PROTO, next_key)
        .alias("ipv6.opt.router_alert", &["options.router_alert"])
        .alias("ipv6.opt.jumbo", &["options.jumbo"])
        .alias("ipv6.opt.tel", &["options.tunnel_limit"])
        .alias("ipv6.opt.mipv6.home_address", &["options.home_address"])
}

const DIALECT: Dialect = Dialect {
    code_name: "type",
    singles: &[0],
    end: None,
    counts: Counts::Body,
    unit: 1,
    padding: Padding::PadN { before: 2, unit: 8 },
};

/// RFC 8200 §4.2, RFC 2711, RFC 2675, RFC 2473, RFC 6275.
fn options() -> Vec<Record> {
    let value = |name, bits, title| vec![Section::fields(vec![uint(name, bits, title)])];
    vec![
        Record::new(0, "pad1", "Pad1", vec![]),
        Record::new(1, "padn", "PadN", vec![Section::zeros("padn", "Octets of padding")]),
        Record::new(5, "router_alert", "Router alert (RFC 2711)", value("router_alert", 16, "Value")),
        Record::new(194, "jumbo", "Jumbo payload (RFC 2675)", value("jumbo", 32, "Payload length")),
        Record::new(
            4,
            "tunnel_limit",
            "Tunnel encapsulation limit (RFC 2473)",
            value("tunnel_limit", 8, "Limit"),
        ),
        Record::new(
            HOME_ADDRESS,
            "home_address",
            "Home address (RFC 6275)",
            vec![Section::fields(vec![ipv6("home_address", "Address")])],
        ),
    ]
}

/// The next header field that each extension header begins with.
pub(super) fn next_header() -> Field {
    uint("nxt", 8, "Next header")
        .values(ip::PROTOCOLS)
        .default_uint(base::NO_NEXT_HEADER)
        .auto(super::auto::next_protocol)
}

/// The header's length in units of 8 octets, the first 8 not counted.
pub(super) fn length() -> Field {
    uint("len", 8, "Header length in units of 8 octets, without the first 8").auto(units_of_8)
}

fn units_of_8(scope: &Scope<'_>) -> Option<u64> {
    let octets = u64::try_from(scope.region().len()).ok()?;
    octets.div_ceil(8).checked_sub(1)
}

/// What the first octet says comes next.
pub(super) fn next_key(header: &[u8]) -> Option<u64> {
    header.first().map(|next| u64::from(*next))
}

/// Octets of the header behind its first two.
pub(super) fn after_first_two(header: &[u8]) -> Option<usize> {
    let units = usize::from(*header.get(1)?);
    units.checked_add(1)?.checked_mul(8)?.checked_sub(2)
}

/// Where the sender is at home: its address in transport checksums, while the source is where it stays (RFC 6275
/// §11.3.1).
pub(super) fn home_address(header: &[u8]) -> Option<Ipv6Addr> {
    let options = header.get(2..)?;
    let homes = DIALECT.walk(options).filter_map(|option| match option.shape {
        RawShape::Whole { code: HOME_ADDRESS, body } => <[u8; 16]>::try_from(body).ok(),
        _ => None,
    });
    homes.last().map(Ipv6Addr::from)
}

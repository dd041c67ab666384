//! BSD loopback captures: four octets of address family, in the capturing host's byte order (LINKTYPE_NULL) or in
//! network order (LINKTYPE_LOOP). Families are small numbers, so the one octet that counts is the first or the last.
//! A LINKTYPE_NULL capture of a big-endian host is dissected as `loop`.

use std::fmt;

use super::auto;
use super::describe::{Field, Protocol, Section, uint};
use super::edge::Edge;
use super::eth;
use super::listed::Listed;
use crate::wire::text::Text;

/// The table of address families.
pub(super) const FAMILY: &str = "null.family";

pub(super) const NULL: Listed = Listed::new("null", &[Edge::new(eth::LINK_TYPE, 0)], describe_null);

fn describe_null() -> Protocol {
    Protocol::new("BSD loopback", "LINKTYPE_NULL", sections_null)
        .link()
        .summary(|view, out| summary(out, view.header().first()))
        .next(FAMILY, |header| match header {
            [family, 0, 0, 0] => Some(u64::from(*family)),
            _ => None,
        })
}

fn sections_null() -> Vec<Section> {
    let header =
        vec![family(), uint("family_high", 24, "Higher octets of the address family").hidden_when_zero()];
    vec![Section::fields(header)]
}

pub(super) const LOOP: Listed = Listed::new("loop", &[Edge::new(eth::LINK_TYPE, 108)], describe_loop);

fn describe_loop() -> Protocol {
    Protocol::new("OpenBSD loopback", "LINKTYPE_LOOP", sections_loop)
        .link()
        .alias("null", &[""])
        .alias("null.family", &["family"])
        .summary(|view, out| summary(out, view.header().get(3)))
        .next(FAMILY, |header| match header {
            [0, 0, 0, family] => Some(u64::from(*family)),
            _ => None,
        })
}

fn sections_loop() -> Vec<Section> {
    let header =
        vec![uint("family_high", 24, "Higher octets of the address family").hidden_when_zero(), family()];
    vec![Section::fields(header)]
}

fn summary(out: &mut Text, family: Option<&u8>) -> fmt::Result {
    let Some(family) = family else { return Ok(()) };
    let name = FAMILIES
        .iter()
        .find(|(number, _)| *number == u64::from(*family))
        .map_or("Unknown", |(_, name)| *name);
    write!(out, "AF {name} ({family})")
}

/// AF_INET, and AF_INET6 on Linux, BSD, FreeBSD and Darwin.
const FAMILIES: &[(u64, &str)] = &[(2, "IPv4"), (10, "IPv6"), (24, "IPv6"), (28, "IPv6"), (30, "IPv6")];

fn family() -> Field {
    uint("family", 8, "Address family").values(FAMILIES).auto(auto::next_protocol)
}

//! MPLS labels: RFC 3032. A stack of them is several of these layers; what lies below is told by its first octet, since
//! nothing in the packet names it.

use super::auto::Scope;
use super::describe::{Protocol, Section, flag, uint};
use super::edge::Edge;
use super::listed::Listed;
use super::{eth, gre, ip, ppp};
use crate::wire::big_endian::long_at;

/// The layer's name.
const NAME: &str = "mpls";
/// The table of what stands behind a label: a further label, or IP by its version.
pub(super) const PAYLOAD: &str = "mpls.payload";
/// A further label in that table, beside the versions of IP.
const LABEL: u64 = 16;

pub(super) const MPLS: Listed = Listed::new(
    NAME,
    &[
        Edge::new(eth::ETHERTYPE, 0x8847),
        Edge::new(eth::ETHERTYPE, 0x8848),
        Edge::new(gre::PROTO, 0x8847),
        Edge::new(gre::PROTO, 0x8848),
        Edge::new(ppp::PROTOCOL, 0x0281),
        Edge::new(ppp::PROTOCOL, 0x0283),
        Edge::new(ip::PROTO, 137),
        Edge::new(PAYLOAD, LABEL),
    ],
    describe,
);

fn describe() -> Protocol {
    Protocol::new("Multiprotocol Label Switching", "RFC 3032", sections)
        .next_by_payload(PAYLOAD, |header, payload| {
            let first = *payload.first()?;
            let is_last = long_at(header, 0)? & BOTTOM != 0;
            Some(if is_last { u64::from(first >> 4) } else { LABEL })
        })
        .summary(|view, out| {
            let Some(label) = long_at(view.header(), 0) else { return Ok(()) };
            let is_first =
                view.scope.table.below(view.scope.index).next().is_none_or(|(_, below)| {
                    Some(below.protocol) != view.scope.layer().map(|own| own.protocol)
                });
            if is_first {
                out.put("MPLS ");
            }
            out.put("(label ").put(label >> 12).put(", tc ").put((label >> 9) & 7);
            out.put(if label & BOTTOM != 0 { ", [S], ttl " } else { ", ttl " }).put(label & 0xff).put(")");
            Ok(())
        })
}

fn sections() -> Vec<Section> {
    let header = vec![
        uint("label", 20, "Label").values(LABELS),
        uint("exp", 3, "Traffic class"),
        flag("bottom", "Bottom of the stack").auto(is_bottom),
        uint("ttl", 8, "Time to live").default_uint(64),
    ];
    vec![Section::fields(header)]
}

const BOTTOM: u32 = 0x100;

/// Whether the layer carries no further label.
fn is_bottom(scope: &Scope<'_>) -> Option<u64> {
    let own = scope.layer()?.protocol;
    let carries_label = scope.table.child(scope.index).is_some_and(|(_, child)| child.protocol == own);
    Some(u64::from(!carries_label))
}

/// RFC 3032 §2.1, RFC 5586, RFC 6790.
const LABELS: &[(u64, &str)] = &[
    (0, "IPv4 explicit null"),
    (1, "router alert"),
    (2, "IPv6 explicit null"),
    (3, "implicit null"),
    (7, "entropy label indicator"),
    (13, "generic associated channel"),
    (14, "OAM alert"),
];

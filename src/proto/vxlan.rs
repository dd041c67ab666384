//! VXLAN: RFC 7348, with the group policy extension (draft-smith-vxlan-group-policy).

use super::describe::{Protocol, Section, flag, group, uint};
use super::edge::Edge;
use super::listed::Listed;
use super::{eth, udp};
use crate::wire::big_endian::{long_at, octet_at};

pub(super) const VXLAN: Listed = Listed::new("vxlan", &[Edge::new(udp::PORT, 4789)], describe);

fn describe() -> Protocol {
    Protocol::new("Virtual eXtensible Local Area Network", "RFC 7348", sections)
        .next(eth::ETHERTYPE, |_| Some(eth::BRIDGED))
        .alias("vxlan.flag_g", &["flags.g"])
        .alias("vxlan.flag_i", &["flags.i"])
        .summary(|view, out| {
            let (Some(flags), Some(vni)) = (octet_at(view.header(), 0), long_at(view.header(), 4)) else {
                return Ok(());
            };
            let valid = if u64::from(flags) & VALID != 0 { "I" } else { "." };
            out.put("VXLAN, flags [").put(valid).put("] (0x").hex(&[flags]);
            out.put("), vni ").put(vni >> 8);
            Ok(())
        })
}

fn sections() -> Vec<Section> {
    let header = vec![
        group("flags", "Flags").default_uint(VALID),
        flag("flags.g", "There is a group policy"),
        uint("flags.reserved_high", 3, "Reserved"),
        flag("flags.i", "The VNI is valid"),
        uint("flags.reserved_low", 3, "Reserved"),
        flag("reserved_1", "Reserved"),
        flag("flag_d", "Do not learn"),
        uint("reserved_2", 2, "Reserved"),
        flag("flag_a", "Policy was applied"),
        uint("reserved_3", 3, "Reserved"),
        uint("gbp", 16, "Group policy"),
        uint("vni", 24, "VXLAN network identifier"),
        uint("reserved8", 8, "Reserved"),
    ];
    vec![Section::fields(header)]
}

/// The flag I.
const VALID: u64 = 0x08;

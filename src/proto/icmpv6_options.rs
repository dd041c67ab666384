//! Options of neighbour discovery: RFC 4861 §4.6, RFC 8106 (DNS), RFC 4191 (routes).

use super::describe::{Len, Record, Section, Style, flag, ipv6, mac, uint};
use crate::wire::record::{Counts, Dialect, Padding};

pub(super) const DIALECT: Dialect = Dialect {
    code_name: "type",
    singles: &[],
    end: None,
    counts: Counts::Record,
    unit: 8,
    padding: Padding::EachZeros(8),
};

pub(super) fn describe() -> Vec<Record> {
    let reserved = |bits| uint("reserved", bits, "Reserved").hex().hidden_when_zero();
    let link_address = || vec![Section::fields(vec![mac("lladdr", "Link-layer address")])];
    let addresses = || {
        let address = vec![Section::fields(vec![ipv6("address", "Address")])];
        Section::items("addresses", "Addresses", Style::Scalar, address, Len::Rest)
    };
    let prefix = vec![
        uint("length", 8, "Prefix length").default_uint(64),
        flag("l", "On-link"),
        flag("a", "Autonomous address configuration"),
        uint("reserved", 6, "Reserved").hex().hidden_when_zero(),
        uint("valid_lifetime", 32, "Valid lifetime in seconds"),
        uint("preferred_lifetime", 32, "Preferred lifetime in seconds"),
        uint("reserved2", 32, "Reserved").hex().hidden_when_zero(),
        ipv6("prefix", "Prefix"),
    ];
    vec![
        Record::new(1, "source_lladdr", "Source link-layer address", link_address()),
        Record::new(2, "target_lladdr", "Target link-layer address", link_address()),
        Record::new(3, "prefix", "Prefix information", vec![Section::fields(prefix)]),
        Record::new(
            4,
            "redirected_header",
            "Redirected header",
            vec![
                Section::fields(vec![uint("reserved", 48, "Reserved").hex().hidden_when_zero()]),
                Section::octets("packet", "As much of the packet as fits", Len::Rest),
            ],
        ),
        Record::new(5, "mtu", "MTU", vec![Section::fields(vec![reserved(16), uint("mtu", 32, "MTU")])]),
        Record::new(
            25,
            "rdnss",
            "Recursive DNS servers (RFC 8106)",
            vec![
                Section::fields(vec![reserved(16), uint("lifetime", 32, "Lifetime in seconds")]),
                addresses(),
            ],
        ),
    ]
}

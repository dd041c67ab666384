//! Options of neighbour discovery (IANA icmpv6-parameters): RFC 4861 §4.6, and those of the RFCs that they name.

use super::describe::{Before, Len, Record, Section, Style, flag, ipv6, ipv6_prefix, mac, uint};
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
        advertisement_interval(),
        Record::new(
            8,
            "home_agent",
            "Home agent information (RFC 6275)",
            vec![Section::fields(vec![
                reserved(16),
                uint("preference", 16, "Preference"),
                uint("lifetime", 16, "Lifetime in seconds"),
            ])],
        ),
        Record::new(14, "nonce", "Nonce (RFC 3971)", vec![Section::octets("nonce", "Nonce", Len::Rest)]),
        route_information(),
        Record::new(
            25,
            "rdnss",
            "Recursive DNS servers (RFC 8106)",
            vec![
                Section::fields(vec![reserved(16), uint("lifetime", 32, "Lifetime in seconds")]),
                addresses(),
            ],
        ),
        Record::new(
            26,
            "flags_extension",
            "Flags of a router advertisement (RFC 5175)",
            vec![Section::octets("flags", "Flags", Len::Rest)],
        ),
        Record::new(
            31,
            "dnssl",
            "DNS search list (RFC 8106)",
            vec![
                Section::fields(vec![reserved(16), uint("lifetime", 32, "Lifetime in seconds")]),
                Section::octets("domain_names", "Domain names, as DNS writes them, and zeros", Len::Rest),
            ],
        ),
        Record::new(
            37,
            "captive_portal",
            "Captive portal (RFC 8910)",
            vec![Section::octets("uri", "Its URI, and zeros", Len::Rest)],
        ),
        Record::new(
            38,
            "pref64",
            "NAT64 prefix (RFC 8781)",
            vec![
                Section::fields(vec![
                    uint("scaled_lifetime", 13, "Lifetime in units of 8 seconds"),
                    uint("plc", 3, "Code for the length of the prefix"),
                ]),
                Section::octets("prefix", "The first 96 bits of the prefix", Len::Rest),
            ],
        ),
    ]
}

fn advertisement_interval() -> Record {
    let fields = vec![
        uint("reserved", 16, "Reserved").hex().hidden_when_zero(),
        uint("advertisement_interval", 32, "Milliseconds"),
    ];
    Record::new(
        7,
        "advertisement_interval",
        "Advertisement interval (RFC 6275)",
        vec![Section::fields(fields)],
    )
}

/// RFC 4191 §2.3: of the prefix there are 128 bits, 64 or none, as many as are needed, or more.
fn route_information() -> Record {
    let fields = vec![
        uint("length", 8, "Prefix length"),
        uint("reserved", 3, "Reserved").hidden_when_zero(),
        uint("preference", 2, "Route preference"),
        uint("reserved2", 3, "Reserved").hidden_when_zero(),
        uint("route_lifetime", 32, "Route lifetime in seconds"),
    ];
    let has_whole = |before: &Before<'_>| before.left.len() >= 16 || (before.wrote)("prefix");
    let has_half = |before: &Before<'_>| {
        (before.header.len() < 16 && !before.left.is_empty()) || (before.wrote)("prefix64")
    };
    Record::new(
        24,
        "route_info",
        "Route information (RFC 4191)",
        vec![
            Section::fields(fields),
            Section::fields(vec![ipv6("prefix", "Prefix")]).when(has_whole),
            Section::fields(vec![ipv6_prefix("prefix64", 8, "Prefix of at most 64 bits")]).when(has_half),
        ],
    )
}

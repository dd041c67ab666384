//! Options of neighbour discovery: RFC 4861 §4.6, RFC 3122 §3 (inverse discovery), RFC 3971 §5.3 (nonce and time stamp), RFC
//! 4191 (routes), RFC 5175 (flags), RFC 6275 §7 (mobility), RFC 8106 (DNS), RFC 8781 (NAT64).

use super::describe::{Before, Field, Len, Record, Section, Style, flag, ipv6, ipv6_prefix, mac, uint};
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
    let mut records = discovery();
    records.extend(addresses_and_proofs());
    records.extend(configuration());
    records
}

/// RFC 4861 §4.6, RFC 6275 §7.
fn discovery() -> Vec<Record> {
    let link_address = || vec![Section::fields(vec![mac("lladdr", "Link-layer address")])];
    let prefix = vec![
        uint("length", 8, "Prefix length").default_uint(64),
        flag("l", "On-link"),
        flag("a", "Autonomous address configuration"),
        flag("r", "Router address (RFC 6275)"),
        uint("reserved", 5, "Reserved").hex().hidden_when_zero(),
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
            7,
            "advertisement_interval",
            "Advertisement interval (RFC 6275)",
            vec![Section::fields(vec![reserved(16), uint("interval", 32, "Milliseconds")])],
        ),
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
    ]
}

/// RFC 3122 §3, RFC 3971 §5.3, RFC 4191.
fn addresses_and_proofs() -> [Record; 5] {
    [
        Record::new(9, "source_addresses", "Source address list (RFC 3122)", address_list()),
        Record::new(10, "target_addresses", "Target address list (RFC 3122)", address_list()),
        Record::new(
            13,
            "timestamp",
            "Time stamp (RFC 3971)",
            vec![Section::fields(vec![
                uint("reserved", 48, "Reserved").hex().hidden_when_zero(),
                uint("seconds", 48, "Seconds since 1970"),
                uint("fraction", 16, "65536ths of a second"),
            ])],
        ),
        Record::new(14, "nonce", "Nonce (RFC 3971)", vec![Section::octets("nonce", "Nonce", Len::Rest)]),
        Record::new(24, "route_info", "Route information (RFC 4191)", route()),
    ]
}

/// What routers say of the network besides prefixes.
fn configuration() -> [Record; 4] {
    let address = vec![Section::fields(vec![ipv6("address", "Address")])];
    let addresses = Section::items("addresses", "Addresses", Style::Scalar, address, Len::Rest);
    [
        Record::new(
            25,
            "rdnss",
            "Recursive DNS servers (RFC 8106)",
            vec![Section::fields(vec![reserved(16), uint("lifetime", 32, "Lifetime in seconds")]), addresses],
        ),
        Record::new(
            26,
            "flags_extension",
            "Flags of the router advertisement, and more (RFC 5175)",
            vec![Section::fields(vec![
                flag("m", "Managed address configuration"),
                flag("o", "Other configuration"),
                flag("h", "Home agent"),
                uint("prf", 2, "Router preference"),
                flag("p", "Proxy"),
                uint("rsv", 10, "Reserved"),
                uint("rest", 32, "Reserved").hex().hidden_when_zero(),
            ])],
        ),
        Record::new(
            31,
            "dnssl",
            "DNS search list (RFC 8106)",
            vec![
                Section::fields(vec![reserved(16), uint("lifetime", 32, "Lifetime in seconds")]),
                Section::octets("names", "Domain names as DNS writes them, and padding", Len::Rest),
            ],
        ),
        Record::new(
            38,
            "pref64",
            "NAT64 prefix (RFC 8781)",
            vec![Section::fields(vec![
                uint("scaled_lifetime", 13, "Lifetime in units of 8 seconds"),
                uint("plc", 3, "Prefix length code").values(PREFIX_LENGTHS),
                ipv6_prefix("prefix", 96, "Prefix"),
            ])],
        ),
    ]
}

fn reserved(bits: u32) -> Field {
    uint("reserved", bits, "Reserved").hex().hidden_when_zero()
}

/// RFC 3122 §3.1.
fn address_list() -> Vec<Section> {
    let address = vec![Section::fields(vec![ipv6("address", "Address")])];
    vec![
        Section::fields(vec![uint("reserved", 48, "Reserved").hex().hidden_when_zero()]),
        Section::items("addresses", "Addresses", Style::Scalar, address, Len::Rest),
    ]
}

/// RFC 4191 §2.3: as much of the prefix as its length needs, nothing, its half, or all of it.
fn route() -> Vec<Section> {
    let head = vec![
        uint("length", 8, "Prefix length"),
        uint("reserved", 3, "Reserved").hex().hidden_when_zero(),
        uint("preference", 2, "Route preference").values(PREFERENCES),
        uint("reserved2", 3, "Reserved").hex().hidden_when_zero(),
        uint("lifetime", 32, "Lifetime in seconds"),
    ];
    vec![
        Section::fields(head),
        Section::fields(vec![ipv6("prefix", "Prefix")]).when(|before| has(before, "prefix", 16)),
        Section::fields(vec![ipv6_prefix("prefix64", 64, "First half of the prefix")])
            .when(|before| has(before, "prefix64", 8)),
    ]
}

/// Whether just `len` octets are left for a field, or somebody wrote it.
fn has(before: &Before<'_>, name: &str, len: usize) -> bool {
    before.left.len() == len || (before.wrote)(name)
}

/// RFC 4191 §2.1.
const PREFERENCES: &[(u64, &str)] = &[(0, "medium"), (1, "high"), (2, "reserved"), (3, "low")];
/// RFC 8781 §4.
const PREFIX_LENGTHS: &[(u64, &str)] =
    &[(0, "/96"), (1, "/64"), (2, "/56"), (3, "/48"), (4, "/40"), (5, "/32")];

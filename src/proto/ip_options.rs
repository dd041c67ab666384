//! IPv4 options: RFC 791 §3.1, RFC 2113 (router alert).

use std::net::Ipv4Addr;

use super::describe::{Len, Record, Section, Style, ipv4, uint};
use crate::wire::record::{Counts, Dialect, Padding, RawShape};

pub(super) const DIALECT: Dialect = Dialect {
    code_name: "type",
    singles: &[END, 1],
    end: Some(END),
    counts: Counts::Record,
    unit: 1,
    padding: Padding::Zeros(4),
};

const END: u8 = 0;
const LOOSE_SOURCE_ROUTE: u8 = 131;
const STRICT_SOURCE_ROUTE: u8 = 137;

pub(super) fn describe() -> Vec<Record> {
    vec![
        Record::new(END, "eol", "End of options list", vec![]),
        Record::new(1, "nop", "No operation", vec![]),
        Record::new(7, "rr", "Record route", route()),
        Record::new(68, "ts", "Time stamp", time_stamps()),
        Record::new(130, "security", "Security", security()),
        Record::new(LOOSE_SOURCE_ROUTE, "lsrr", "Loose source route", route()),
        Record::new(
            136,
            "stream_id",
            "Stream identifier, obsolete (RFC 6814)",
            vec![number("id", "Stream identifier")],
        ),
        Record::new(STRICT_SOURCE_ROUTE, "ssrr", "Strict source route", route()),
        Record::new(148, "router_alert", "Router alert (RFC 2113)", vec![number("value", "Value")]),
    ]
}

fn number(name: &'static str, title: &'static str) -> Section {
    Section::fields(vec![uint(name, 16, title)])
}

fn addresses(name: &'static str) -> Section {
    let address = vec![Section::fields(vec![ipv4("address", "Address")])];
    Section::items(name, "Addresses", Style::Scalar, address, Len::Rest)
}

/// A pointer that counts from the option's first octet, 4 being the first address, and the addresses.
fn route() -> Vec<Section> {
    vec![Section::fields(vec![uint("ptr", 8, "Pointer").default_uint(4)]), addresses("addresses")]
}

/// RFC 791 §3.1; other systems' security options have other lengths, and are kept as unknown.
fn security() -> Vec<Section> {
    vec![Section::fields(vec![
        uint("level", 16, "Level").hex().values(LEVELS),
        uint("compartments", 16, "Compartments").hex(),
        uint("handling", 16, "Handling restrictions").hex(),
        uint("tcc", 24, "Transmission control code").hex(),
    ])]
}

/// RFC 791 §3.1.
const LEVELS: &[(u64, &str)] = &[
    (0, "unclassified"),
    (0xf135, "confidential"),
    (0x789a, "EFTO"),
    (0xbc4d, "MMMM"),
    (0x5e26, "PROG"),
    (0xaf13, "restricted"),
    (0xd788, "secret"),
    (0x6bc5, "top secret"),
];

/// Flag 0: time stamps alone; 1 and 3: each behind the address of who stamps.
fn time_stamps() -> Vec<Section> {
    let head = vec![
        uint("ptr", 8, "Pointer").default_uint(5),
        uint("overflow", 4, "Overflow"),
        uint("flag", 4, "Flag").values(&[
            (0, "time stamps"),
            (1, "with addresses"),
            (3, "of given addresses"),
        ]),
    ];
    let stamp = || uint("time_stamp", 32, "Milliseconds since midnight UT");
    let alone = vec![Section::fields(vec![stamp()])];
    let pair = vec![Section::fields(vec![ipv4("address", "Address"), stamp()])];
    vec![
        Section::fields(head),
        Section::items("timestamps", "Time stamps", Style::Scalar, alone, Len::Rest)
            .when(|before| flag(before.header) == 0),
        Section::items("entries", "Addresses and time stamps", Style::Tuple, pair, Len::Rest)
            .when(|before| flag(before.header) != 0),
    ]
}

/// The time stamp option's flag: the low half of the body's second octet.
fn flag(body: &[u8]) -> u8 {
    body.get(1).map_or(0, |octet| octet & 0x0f)
}

/// Where a source route that is not yet used up leads in the end: its last address (RFC 791 §3.1).
pub(super) fn route_destination(options: &[u8]) -> Option<Ipv4Addr> {
    DIALECT.walk(options).find_map(|option| match option.shape {
        RawShape::Whole { code: LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE, body } => {
            let (pointer, addresses) = body.split_first()?;
            // The pointer counts from the option's first octet, which stands two before its body.
            let used_up = usize::from(*pointer) > body.len().saturating_add(2);
            let last = addresses.last_chunk::<4>().filter(|_| !used_up)?;
            Some(Ipv4Addr::from(*last))
        }
        _ => None,
    })
}

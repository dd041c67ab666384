//! BFD, bidirectional forwarding detection: RFC 5880. Two routers tell each other many times a second that they are there.

use std::fmt;

use super::describe::{Extent, Len, Protocol, Section, View, flag, group, uint};
use super::edge::Edge;
use super::listed::Listed;
use super::{auto, udp};
use crate::wire::big_endian::octet_at;
use crate::wire::text::Text;

pub(super) const BFD: Listed = Listed::new(
    "bfd",
    &[
        Edge::new(udp::PORT, 3784),
        // RFC 5883: over several hops.
        Edge::new(udp::PORT, 4784),
    ],
    describe,
);

fn describe() -> Protocol {
    Protocol::new("Bidirectional Forwarding Detection", "RFC 5880", sections)
        .extent(Extent::Header)
        .summary(summary)
}

fn sections() -> Vec<Section> {
    let header = vec![
        uint("version", 3, "Version").default_uint(1),
        uint("diag", 5, "Why the session went down").values(DIAGNOSTICS),
        uint("sta", 2, "State").hex().values(STATES).default_uint(1),
        group("flags", "Flags"),
        flag("flags.p", "Poll: answer with the final bit"),
        flag("flags.f", "Final"),
        flag("flags.c", "Control plane independent"),
        flag("flags.a", "Authentication present").tells(&["auth.type"]),
        flag("flags.d", "Demand mode"),
        flag("flags.m", "Multipoint"),
        uint("detect_time_multiplier", 8, "Intervals without a packet until the other is gone")
            .default_uint(3),
        uint("message_length", 8, "Length").auto(auto::header_len),
        uint("my_discriminator", 32, "Number of the session here").hex().default_uint(1),
        uint("your_discriminator", 32, "Number of the session there").hex(),
        uint("desired_min_tx_interval", 32, "Least interval of sending in microseconds")
            .default_uint(1_000_000),
        uint("required_min_rx_interval", 32, "Least interval of receiving in microseconds")
            .default_uint(1_000_000),
        uint("required_min_echo_interval", 32, "Least interval of echoes in microseconds"),
    ];
    let authentication = vec![
        uint("auth.type", 8, "Authentication").values(AUTHENTICATIONS).default_uint(1),
        uint("auth.len", 8, "Its length").auto(|scope| auto::header_len(scope)?.checked_sub(HEADER_LEN)),
        uint("auth.key", 8, "Key"),
    ];
    vec![
        Section::fields(header),
        Section::fields(authentication).when(|before| before.octet(1) & AUTHENTICATED != 0),
        Section::octets("auth.data", "Password, or sequence number and digest", Len::Octets(data_len))
            .when(|before| before.octet(1) & AUTHENTICATED != 0),
    ]
}

/// Tcpdump's words.
fn summary(view: &View<'_>, out: &mut Text) -> fmt::Result {
    let [first, second, ..] = *view.header() else { return Ok(()) };
    out.put("BFDv").put(first >> 5).put(", Control");
    if first >> 5 == 1 {
        let state = STATES.iter().find(|(number, _)| *number == u64::from(second >> 6));
        out.put(", State ").put(state.map_or("", |(_, name)| name)).put(", Flags: [");
        let mut set = FLAGS.iter().filter(|(bit, _)| second & bit != 0);
        out.put(set.next().map_or("none", |(_, name)| name));
        for (_, name) in set {
            out.put(", ").put(*name);
        }
        out.put("]");
    }
    out.put(", length: ").put(view.layer_len());
    Ok(())
}

/// Octets of the authentication behind its key, as its length says.
fn data_len(header: &[u8]) -> Option<usize> {
    usize::from(octet_at(header, 25)?).checked_sub(3)
}

/// Octets before the authentication.
const HEADER_LEN: u64 = 24;
/// The bit `flags.a` of the second octet.
const AUTHENTICATED: u8 = 0x04;

/// Those of the second octet, in tcpdump's words.
const FLAGS: &[(u8, &str)] = &[
    (0x20, "Poll"),
    (0x10, "Final"),
    (0x08, "Control Plane Independent"),
    (AUTHENTICATED, "Authentication Present"),
    (0x02, "Demand"),
    (0x01, "Multipoint"),
];

/// RFC 5880 §4.1.
const STATES: &[(u64, &str)] = &[(0, "AdminDown"), (1, "Down"), (2, "Init"), (3, "Up")];

/// RFC 5880 §4.1.
const DIAGNOSTICS: &[(u64, &str)] = &[
    (0, "no diagnostic"),
    (1, "detection time expired"),
    (2, "echo failed"),
    (3, "neighbor said down"),
    (4, "forwarding plane reset"),
    (5, "path down"),
    (6, "concatenated path down"),
    (7, "administratively down"),
    (8, "reverse concatenated path down"),
];

/// RFC 5880 §4.1.
const AUTHENTICATIONS: &[(u64, &str)] = &[
    (1, "simple password"),
    (2, "keyed MD5"),
    (3, "meticulous keyed MD5"),
    (4, "keyed SHA1"),
    (5, "meticulous keyed SHA1"),
];

//! NTP, the Network Time Protocol: RFC 5905. Control messages (RFC 9327) and private ones have bodies of their own.

use super::describe::{Before, Extent, Field, Len, Protocol, Section, Style, group, octets, uint};
use super::edge::Edge;
use super::listed::Listed;
use super::{auto, udp};
use crate::wire::big_endian::{octet, octet_at, word_at};

pub(super) const NTP: Listed = Listed::new("ntp", &[Edge::new(udp::PORT, 123)], describe);

fn describe() -> Protocol {
    Protocol::new("Network Time Protocol", "RFC 5905", sections).extent(Extent::Header).summary(
        |view, out| {
            let Some(flags) = octet_at(view.header(), 0) else { return Ok(()) };
            let mode = u64::from(flags & 7);
            let name =
                LINE_MODES.iter().find(|(known, _)| *known == mode).map_or("Unknown mode", |(_, name)| *name);
            out.put("NTPv").put((flags >> 3) & 7).put(", ").put(name).put(", length ").put(view.layer_len());
            Ok(())
        },
    )
}

fn sections() -> Vec<Section> {
    let head = vec![
        group("flags", "Flags").default_uint(CLIENT_V4),
        uint("flags.li", 2, "Leap indicator").values(LEAPS),
        uint("flags.vn", 3, "Version"),
        uint("flags.mode", 3, "Mode").values(MODES),
    ];
    let extension = vec![
        Section::fields(vec![
            uint("type", 16, "Type").hex(),
            uint("length", 16, "Length").auto(auto::header_len),
        ]),
        Section::octets(
            "value",
            "Value",
            Len::Octets(|field| usize::from(word_at(field, 2)?).checked_sub(4)),
        ),
    ];
    vec![
        Section::fields(head),
        Section::fields(times()).when(has_times),
        Section::items("ext", "Extension fields", Style::Table, extension, Len::Rest)
            .when(|before| has_times(before) && has_extensions(before)),
        Section::fields(vec![octets("keyid", 4, "Key")]).when(|before| has_times(before) && has_key(before)),
        Section::octets("mac", "Message authentication code", Len::Rest)
            .when(|before| has_times(before) && before.header.len() == MESSAGE_LEN.saturating_add(4)),
        Section::octets("body", "Body", Len::Rest).when(|before| !has_times(before)),
    ]
}

/// Version 4, as a client sends it.
const CLIENT_V4: u64 = 0x23;
/// Octets of a message without extensions.
const MESSAGE_LEN: usize = 48;

/// RFC 5905 §7.3. Times are seconds since 1900 and their fraction.
fn times() -> Vec<Field> {
    let mut fields = vec![
        uint("stratum", 8, "Stratum"),
        uint("ppoll", 8, "Poll interval, as a power of 2 in seconds"),
        uint("precision", 8, "Precision, as a power of 2 in seconds (two's complement)"),
        uint("rootdelay", 32, "Delay to the reference clock in 65536ths of a second"),
        uint("rootdispersion", 32, "Dispersion to the reference clock in 65536ths of a second"),
        octets("refid", 4, "Reference"),
    ];
    for [whole, seconds, fraction] in STAMPS {
        fields.push(group(whole.0, whole.1));
        fields.push(uint(seconds.0, 32, seconds.1));
        fields.push(uint(fraction.0, 32, fraction.1));
    }
    fields
}

/// Names and titles of the four time stamps and their parts.
const STAMPS: [[(&str, &str); 3]; 4] = [
    [("reftime", "Last set"), ("reftime.seconds", "Seconds"), ("reftime.fraction", "Fraction")],
    [("org", "Client's transmit time"), ("org.seconds", "Seconds"), ("org.fraction", "Fraction")],
    [("rec", "Receive time"), ("rec.seconds", "Seconds"), ("rec.fraction", "Fraction")],
    [("xmt", "Transmit time"), ("xmt.seconds", "Seconds"), ("xmt.fraction", "Fraction")],
];

/// Whether the message tells times, which control messages do not, and nobody wrote its body as octets.
fn has_times(before: &Before<'_>) -> bool {
    octet(before.header, 0) & 7 < 6 && !(before.wrote)("body")
}

/// Whether a key and a code of 16 or 20 octets are left, or a key alone (RFC 5905 §7.3, RFC 7822 §3).
fn has_key(before: &Before<'_>) -> bool {
    if before.builds { (before.wrote)("keyid") || (before.wrote)("mac") } else { is_key(before.left) }
}

fn is_key(left: &[u8]) -> bool {
    matches!(left.len(), 4 | 20 | 24)
}

fn has_extensions(before: &Before<'_>) -> bool {
    if before.builds { (before.wrote)("ext") } else { !before.left.is_empty() && !is_key(before.left) }
}

/// RFC 5905 figure 9.
const LEAPS: &[(u64, &str)] =
    &[(0, "no warning"), (1, "a minute of 61 seconds"), (2, "a minute of 59 seconds"), (3, "unsynchronized")];

/// RFC 5905 figure 10.
const MODES: &[(u64, &str)] = &[
    (0, "reserved"),
    (1, "symmetric active"),
    (2, "symmetric passive"),
    (3, "client"),
    (4, "server"),
    (5, "broadcast"),
    (6, "control message"),
    (7, "private"),
];

/// The same, as tcpdump writes them.
const LINE_MODES: &[(u64, &str)] = &[
    (0, "unspecified"),
    (1, "symmetric active"),
    (2, "symmetric passive"),
    (3, "Client"),
    (4, "Server"),
    (5, "Broadcast"),
    (6, "Control Message"),
    (7, "Reserved"),
];

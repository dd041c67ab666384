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
        Section::items("ext", "Extension fields", Style::Table, extension, Len::Look(extensions_len))
            .when(|before| has_times(before) && has_extensions(before)),
        Section::fields(vec![octets("keyid", 4, "Key")]).when(|before| has_times(before) && has_key(before)),
        Section::octets("mac", "Message authentication code", Len::Rest)
            .when(|before| has_times(before) && has_digest(before)),
        Section::octets("body", "Body", Len::Rest).when(|before| !has_times(before)),
    ]
}

/// Version 4, as a client sends it.
const CLIENT_V4: u64 = 0x23;
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

/// Whether a key stands behind the extension fields: with a digest, or alone in a crypto-NAK (RFC 5905 §7.3).
fn has_key(before: &Before<'_>) -> bool {
    if before.builds {
        return (before.wrote)("keyid") || (before.wrote)("mac");
    }
    is_in_words(before.left)
}

fn has_digest(before: &Before<'_>) -> bool {
    if before.builds { (before.wrote)("mac") } else { is_in_words(before.left) }
}

/// Codes of all algorithms are in words of 32 bits, as all that stands before them is: what is not is no code, or is cut.
fn is_in_words(left: &[u8]) -> bool {
    !left.is_empty() && left.len().is_multiple_of(4)
}

fn has_extensions(before: &Before<'_>) -> bool {
    if before.builds { (before.wrote)("ext") } else { extensions_len(before.left) > 0 }
}

/// Octets of the extension fields. What stands behind them is a code with its key.
fn extensions_len(left: &[u8]) -> usize {
    let mut len = 0usize;
    while let Some(field) = left.get(len..).and_then(extension_len) {
        len = len.saturating_add(field).min(left.len());
    }
    len
}

/// Octets of the extension field that begins here, if one does: 24 octets and fewer are a code, but that the last field of
/// all was once allowed to be 16 octets long (RFC 5905 §7.5, RFC 7822 §3). A key has a small number as a rule, so that in the
/// place of the type it has zero, which no extension has; behind such there must be nothing or another code.
fn extension_len(left: &[u8]) -> Option<usize> {
    let (kind, len) = (word_at(left, 0)?, usize::from(word_at(left, 2)?));
    let may_begin = match left.len() {
        ..=24 => len == left.len() && !matches!(left.len(), 20 | 24),
        _ => true,
    };
    let fits = kind != 0 || left.len().checked_sub(len).is_some_and(|behind| behind == 0 || behind >= 20);
    Some(len).filter(|len| *len >= LEAST_EXTENSION_LEN && may_begin && fits)
}

/// RFC 5905 §7.5: octets of the shortest extension field.
const LEAST_EXTENSION_LEN: usize = 16;

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

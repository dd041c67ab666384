//! TLS: records (RFC 8446 §5, RFC 5246 §6), and of what they hold the two hellos, alerts, and what is encrypted as octets.
//!
//! Each record that a segment of TCP has as a whole is a layer. A hello whose lengths contradict each other is octets, too.

use super::auto;
use super::describe::{Before, Field, Len, Pdu, Protocol, Section, Style, octets, uint};
use super::edge::Edge;
use super::listed::Listed;
use super::tls_extensions::{extension, names_of_extensions};
use super::{tcp, tls_hello};
use crate::wire::big_endian::{octet, word, word_at};

/// Its port, by which TCP knows it.
pub(super) const PORT: u64 = 443;

pub(super) const TLS: Listed = Listed::new("tls", &[Edge::new(tcp::PORT, PORT)], describe);

fn describe() -> Protocol {
    let protocol = Protocol::new("Transport Layer Security", "RFC 8446, RFC 5246", sections)
        .part_of_same()
        .pdu(|stream, _| pdu(stream))
        .next_by_payload(tcp::PORT, |_, payload| begins(payload).then_some(PORT))
        .alias("tls.handshake.ciphersuite", &["handshake.ciphersuites"])
        .alias("tls.handshake.comp_method", &["handshake.comp_methods"]);
    names_of_extensions!(protocol)
}

fn sections() -> Vec<Section> {
    let record = vec![
        uint("record.content_type", 8, "Content").values(CONTENTS).default_uint(u64::from(HANDSHAKE)),
        uint("record.version", 16, "Version").values(VERSIONS).default_uint(0x0301).hex(),
        uint("record.length", 16, "Length").auto(|scope| auto::header_len(scope)?.checked_sub(5)),
    ];
    let alert = vec![
        uint("alert_message.level", 8, "Level").values(&[(1, "warning"), (2, "fatal")]),
        uint("alert_message.desc", 8, "Description").values(ALERTS),
    ];
    let mut sections = vec![
        Section::fields(record),
        Section::fields(alert).when(is_alert),
        Section::octets("app_data", "Encrypted data", Len::Octets(left))
            .when(|before| has(before, DATA, "app_data")),
    ];
    sections.extend(hello());
    sections.push(Section::octets("rest", "Further messages of the record", Len::Octets(left)).when(
        |before| {
            if before.builds {
                (before.wrote)("rest")
            } else {
                before.header.len() > 43 && left(before.header) != Some(0)
            }
        },
    ));
    sections.push(Section::octets("content", "Content", Len::Octets(left)).when(|before| {
        if before.builds {
            (before.wrote)("content")
        } else {
            before.header.len() == 5 && left(before.header) != Some(0)
        }
    }));
    sections
}

/// Whether a record begins here, and is there as a whole.
pub(super) fn begins(payload: &[u8]) -> bool {
    matches!(pdu(payload), Pdu::Whole(_))
}

/// What begins here.
fn pdu(stream: &[u8]) -> Pdu {
    match *stream {
        [20..=23, 3, 0..=4, high, low, ref content @ ..] => {
            match usize::from(u16::from_be_bytes([high, low])) {
                0 => Pdu::Other,
                len if len > MOST_OCTETS => Pdu::Other,
                len if len > content.len() => Pdu::Cut,
                len => Pdu::Whole(len.saturating_add(HEAD)),
            }
        }
        [20..=23] | [20..=23, 3] | [20..=23, 3, 0..=4] | [20..=23, 3, 0..=4, _] => Pdu::Cut,
        _ => Pdu::Other,
    }
}

/// Octets before a record's content.
const HEAD: usize = 5;

/// RFC 5246 §6.2.3: what a record holds at most, encrypted.
const MOST_OCTETS: usize = 16_384 + 2_048;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;

/// RFC 8446 §4.1.2 and §4.1.3, RFC 5246 §7.4.1.
fn hello() -> Vec<Section> {
    let head = vec![
        uint("handshake.type", 8, "Message").values(MESSAGES).default_uint(1),
        uint("handshake.length", 24, "Length").auto(|scope| auto::header_len(scope)?.checked_sub(9)),
        uint("handshake.version", 16, "Version").values(VERSIONS).default_uint(0x0303).hex(),
        octets("handshake.random", 32, "Random"),
        uint("handshake.session_id_length", 8, "Length of the session").measures("handshake.session_id", 1),
    ];
    let server = |before: &Before<'_>| tls_hello::is_hello(before) && !tls_hello::is_client(before);
    let chosen = vec![
        uint("handshake.ciphersuite", 16, "Cipher suite").hex(),
        uint("handshake.comp_method", 8, "Compression"),
    ];
    let mut sections = vec![
        Section::fields(head).when(tls_hello::begins),
        Section::octets(
            "handshake.session_id",
            "Session",
            Len::Octets(|record| Some(usize::from(octet(record, 43)))),
        )
        .when(tls_hello::is_hello),
    ];
    sections.extend(client_lists());
    sections.extend([
        Section::fields(chosen).when(server),
        Section::fields(vec![
            uint("handshake.extensions_length", 16, "Length of the extensions")
                .auto(tls_hello::extensions_len),
        ])
        .when(tls_hello::has_extensions),
        Section::items(
            "handshake.extensions",
            "Extensions",
            Style::Table,
            extension(),
            Len::Octets(|record| Some(usize::from(word(record, record.len().checked_sub(2)?)))),
        )
        .when(tls_hello::is_behind_extensions_len),
    ]);
    sections
}

/// What a client has to offer.
fn client_lists() -> Vec<Section> {
    let client = |before: &Before<'_>| tls_hello::is_hello(before) && tls_hello::is_client(before);
    let suite = uint("ciphersuite", 16, "Cipher suite").hex();
    vec![
        Section::fields(vec![length(
            "handshake.cipher_suites_length",
            16,
            "Length of the cipher suites",
            "handshake.ciphersuites",
            2,
        )])
        .when(client),
        Section::items(
            "handshake.ciphersuites",
            "Cipher suites",
            Style::Scalar,
            vec![Section::fields(vec![suite])],
            Len::Octets(|record| Some(usize::from(word(record, record.len().checked_sub(2)?)))),
        )
        .when(client),
        Section::fields(vec![length(
            "handshake.comp_methods_length",
            8,
            "Length of the compression methods",
            "handshake.comp_methods",
            1,
        )])
        .when(client),
        Section::items(
            "handshake.comp_methods",
            "Compression methods",
            Style::Scalar,
            vec![Section::fields(vec![uint("comp_method", 8, "Compression")])],
            Len::Octets(|record| Some(usize::from(*record.last()?))),
        )
        .when(client),
    ]
}

fn length(name: &'static str, bits: u32, title: &'static str, of: &'static str, unit: u64) -> Field {
    uint(name, bits, title).measures(of, unit)
}

/// Octets of the record behind those before.
fn left(record: &[u8]) -> Option<usize> {
    usize::from(word_at(record, 3)?).checked_add(5)?.checked_sub(record.len())
}

fn is_alert(before: &Before<'_>) -> bool {
    let is_plain = before.builds || left(before.header) == Some(2);
    before.header.len() == 5 && octet(before.header, 0) == ALERT && is_plain && !(before.wrote)("content")
}

fn has(before: &Before<'_>, content: u8, name: &str) -> bool {
    let is_there = octet(before.header, 0) == content && before.header.len() == 5;
    if before.builds { is_there && (before.wrote)(name) } else { is_there }
}

/// IANA tls-parameters: content types.
const CONTENTS: &[(u64, &str)] =
    &[(20, "change cipher spec"), (21, "alert"), (22, "handshake"), (23, "application data")];

pub(super) const VERSIONS: &[(u64, &str)] = &[
    (0x0300, "SSL 3.0"),
    (0x0301, "TLS 1.0"),
    (0x0302, "TLS 1.1"),
    (0x0303, "TLS 1.2"),
    (0x0304, "TLS 1.3"),
];

/// IANA tls-parameters: handshake types.
const MESSAGES: &[(u64, &str)] = &[(1, "client hello"), (2, "server hello")];

/// IANA tls-parameters: alerts.
const ALERTS: &[(u64, &str)] = &[
    (0, "close notify"),
    (10, "unexpected message"),
    (20, "bad record MAC"),
    (22, "record overflow"),
    (40, "handshake failure"),
    (42, "bad certificate"),
    (43, "unsupported certificate"),
    (44, "certificate revoked"),
    (45, "certificate expired"),
    (46, "certificate unknown"),
    (47, "illegal parameter"),
    (48, "unknown CA"),
    (49, "access denied"),
    (50, "decode error"),
    (51, "decrypt error"),
    (70, "protocol version"),
    (71, "insufficient security"),
    (80, "internal error"),
    (86, "inappropriate fallback"),
    (90, "user canceled"),
    (109, "missing extension"),
    (110, "unsupported extension"),
    (112, "unrecognized name"),
    (116, "certificate required"),
    (120, "no application protocol"),
];

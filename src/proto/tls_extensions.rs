//! Extensions of TLS hellos: RFC 6066 (server name), RFC 7301 (ALPN), RFC 8446 §4.2 (versions, groups, signatures). Others, and
//! those whose lengths contradict each other, are octets.

use super::auto;
use super::describe::{Before, Field, Len, Section, Style, uint};
use super::tls::VERSIONS;
use crate::wire::big_endian::{octet_at, word, word_at};

/// An extension.
pub(super) fn extension() -> Vec<Section> {
    let version = || uint("version", 16, "Version").values(VERSIONS).hex();
    let server_name = vec![
        uint("server_name_list_len", 16, "Length of the list")
            .auto(|scope| auto::header_len(scope)?.checked_sub(6)),
        uint("server_name_type", 8, "Type of name"),
        uint("server_name_len", 16, "Length of the name")
            .auto(|scope| auto::header_len(scope)?.checked_sub(9)),
    ];
    let versions_len = uint("supported_versions_len", 8, "Length of the list")
        .auto(|scope| auto::header_len(scope)?.checked_sub(5));
    let mut sections = vec![
        Section::fields(vec![
            uint("type", 16, "Type").values(TYPES),
            uint("len", 16, "Length").auto(|scope| auto::header_len(scope)?.checked_sub(4)),
        ]),
        Section::fields(server_name).when(is_server_name),
        Section::characters("server_name", "Server name", Len::Octets(left))
            .when(|before| behind(before, SERVER_NAME, 5)),
        Section::fields(list_len("alpn_len")).when(is_alpn),
        Section::items(
            "alpn_str",
            "Protocols",
            Style::Scalar,
            vec![Section::text("alpn_str", "Protocol")],
            Len::Octets(left),
        )
        .when(|before| behind(before, ALPN, 2)),
        Section::fields(vec![versions_len]).when(is_version_list),
        Section::items(
            "supported_versions",
            "Versions",
            Style::Scalar,
            vec![Section::fields(vec![version()])],
            Len::Octets(left),
        )
        .when(|before| behind(before, SUPPORTED_VERSIONS, 1)),
        Section::fields(vec![uint("supported_version", 16, "Version").values(VERSIONS).hex()])
            .when(is_chosen_version),
    ];
    sections.extend(numbers());
    sections.push(Section::octets("data", "Data", Len::Octets(left)).when(|before| {
        let is_left = before.header.len() == 4 && left(before.header) != Some(0);
        if before.builds { (before.wrote)("data") } else { is_left }
    }));
    sections
}

/// Lists of numbers: groups (RFC 8446 §4.2.7) and signature algorithms (§4.2.3).
fn numbers() -> [Section; 4] {
    let number = |name, title| vec![Section::fields(vec![uint(name, 16, title).hex()])];
    [
        Section::fields(list_len("supported_groups_length"))
            .when(|before| is_list(before, GROUPS, "supported_groups")),
        Section::items(
            "supported_groups",
            "Groups",
            Style::Scalar,
            number("group", "Group"),
            Len::Octets(left),
        )
        .when(|before| behind(before, GROUPS, 2)),
        Section::fields(list_len("sig_hash_alg_len"))
            .when(|before| is_list(before, SIGNATURES, "sig_hash_algs")),
        Section::items(
            "sig_hash_algs",
            "Signature algorithms",
            Style::Scalar,
            number("algorithm", "Algorithm"),
            Len::Octets(left),
        )
        .when(|before| behind(before, SIGNATURES, 2)),
    ]
}

/// The length of the list that the rest of an extension is.
fn list_len(name: &'static str) -> Vec<Field> {
    vec![uint(name, 16, "Length of the list").auto(|scope| auto::header_len(scope)?.checked_sub(6))]
}

const SERVER_NAME: u16 = 0;
const GROUPS: u16 = 10;
const SIGNATURES: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;

/// Octets of the extension behind those before.
fn left(extension: &[u8]) -> Option<usize> {
    usize::from(word_at(extension, 2)?).checked_add(4)?.checked_sub(extension.len())
}

/// The extension's octets behind type and length, where both have just been read.
fn body<'a>(before: &Before<'a>, kind: u16) -> Option<&'a [u8]> {
    let is_here = before.header.len() == 4 && word(before.header, 0) == kind;
    before.left.get(..left(before.header)?).filter(|_| is_here)
}

/// Whether somebody writes an extension of this kind, part by part.
fn writes(before: &Before<'_>, kind: u16, name: &str) -> bool {
    before.builds && before.header.len() == 4 && word(before.header, 0) == kind && (before.wrote)(name)
}

/// Whether `len` octets of an extension of this kind stand before, which only its first part can be.
fn behind(before: &Before<'_>, kind: u16, len: usize) -> bool {
    word(before.header, 0) == kind && before.header.len() == len.saturating_add(4)
}

/// A list with one name: what all clients send (RFC 6066 §3).
fn is_server_name(before: &Before<'_>) -> bool {
    let is_one_name = body(before, SERVER_NAME).is_some_and(|body| {
        let list = word_at(body, 0).map(usize::from) == body.len().checked_sub(2);
        let name = word_at(body, 3).map(usize::from) == body.len().checked_sub(5);
        body.len() >= 5 && list && name
    });
    is_one_name || writes(before, SERVER_NAME, "server_name")
}

fn is_alpn(before: &Before<'_>) -> bool {
    let are_strings = || {
        let body = body(before, ALPN)?;
        let mut list = body.get(2..).filter(|list| word_at(body, 0).map(usize::from) == Some(list.len()))?;
        while !list.is_empty() {
            list = list.get(usize::from(octet_at(list, 0)?).checked_add(1)?..)?;
        }
        Some(())
    };
    are_strings().is_some() || writes(before, ALPN, "alpn_str")
}

/// A client's: an octet with the length of the list.
fn is_version_list(before: &Before<'_>) -> bool {
    let is_list = body(before, SUPPORTED_VERSIONS).is_some_and(|body| {
        let len = octet_at(body, 0).map(usize::from);
        len == body.len().checked_sub(1) && len.is_some_and(|len| len.is_multiple_of(2))
    });
    is_list || writes(before, SUPPORTED_VERSIONS, "supported_versions")
}

/// A server's: the version alone.
fn is_chosen_version(before: &Before<'_>) -> bool {
    body(before, SUPPORTED_VERSIONS).is_some_and(|body| body.len() == 2)
        || writes(before, SUPPORTED_VERSIONS, "supported_version")
}

/// A list of numbers of 16 bits.
fn is_list(before: &Before<'_>, kind: u16, name: &str) -> bool {
    let is_list = body(before, kind).is_some_and(|body| {
        let len = word_at(body, 0).map(usize::from);
        len == body.len().checked_sub(2) && len.is_some_and(|len| len.is_multiple_of(2))
    });
    is_list || writes(before, kind, name)
}

/// IANA tls-extensiontype-values.
const TYPES: &[(u64, &str)] = &[
    (0, "server_name"),
    (1, "max_fragment_length"),
    (5, "status_request"),
    (10, "supported_groups"),
    (11, "ec_point_formats"),
    (13, "signature_algorithms"),
    (14, "use_srtp"),
    (16, "application_layer_protocol_negotiation"),
    (18, "signed_certificate_timestamp"),
    (21, "padding"),
    (22, "encrypt_then_mac"),
    (23, "extended_master_secret"),
    (27, "compress_certificate"),
    (28, "record_size_limit"),
    (35, "session_ticket"),
    (41, "pre_shared_key"),
    (42, "early_data"),
    (43, "supported_versions"),
    (44, "cookie"),
    (45, "psk_key_exchange_modes"),
    (49, "post_handshake_auth"),
    (50, "signature_algorithms_cert"),
    (51, "key_share"),
    (0xfe0d, "encrypted_client_hello"),
    (0xff01, "renegotiation_info"),
];

/// Wireshark's names of what stands in extensions.
macro_rules! names_of_extensions {
    ($protocol:ident) => {
        names_of_extensions!(
            $protocol,
            "extension.type" = "type", "extension.len" = "len", "extensions_server_name" = "server_name",
            "extensions_server_name_len" = "server_name_len", "extensions_server_name_list_len" = "server_name_list_len",
            "extensions_server_name_type" = "server_name_type", "extensions_alpn_len" = "alpn_len",
            "extensions_alpn_str" = "alpn_str",
            "extensions_supported_group" = "supported_groups", "sig_hash_alg" = "sig_hash_algs"
        )
        .alias(
            "tls.handshake.extensions.supported_version",
            &["handshake.extensions.supported_versions"],
        )
    };
    ($protocol:ident, $($name:literal = $part:literal),*) => {
        $protocol$(.alias(concat!("tls.handshake.", $name), &[concat!("handshake.extensions.", $part)]))*
    };
}
pub(super) use names_of_extensions;

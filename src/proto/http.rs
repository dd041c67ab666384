//! HTTP/1: RFC 9112. The first line and the header fields that a segment of TCP begins with; what follows them is data.
//!
//! Blanks and line ends are told only where they are not the usual ones.

use std::fmt;
use std::ops::ControlFlow;

use super::describe::{Before, Len, Pdu, Protocol, Section, Style, View};
use super::edge::Edge;
use super::filter_names::{Compute, Tell};
use super::listed::Listed;
use super::tcp;
use crate::wire::domain_name::write_escaped;
use crate::wire::text::Text;

/// Names for the values of header fields.
macro_rules! values_of_fields {
    ($protocol:ident, $($name:literal = $field:literal),*) => {
        $protocol$(.derived(concat!("http.", $name), Compute::Texts(|view, tell| values_of(view, $field, tell))))*
    };
}
/// Its port, by which TCP knows it.
pub(super) const PORT: u64 = 80;

pub(super) const HTTP: Listed = Listed::new("http", &[Edge::new(tcp::PORT, PORT)], describe);

fn describe() -> Protocol {
    let protocol = Protocol::new("Hypertext Transfer Protocol", "RFC 9112", sections)
        .pdu(|stream, _| pdu(stream))
        .derived("http.request", Compute::Number(|view| is_request_line(view.header()).then_some(1)))
        .derived("http.response", Compute::Number(|view| view.header().starts_with(b"HTTP/").then_some(1)))
        .derived("http.response.code", Compute::Number(code))
        .summary(summary);
    values_of_fields!(
        protocol,
        "host" = "host",
        "user_agent" = "user-agent",
        "referer" = "referer",
        "accept" = "accept",
        "accept_encoding" = "accept-encoding",
        "accept_language" = "accept-language",
        "connection" = "connection",
        "content_type" = "content-type",
        "content_length_header" = "content-length",
        "content_encoding" = "content-encoding",
        "transfer_encoding" = "transfer-encoding",
        "cookie" = "cookie",
        "set_cookie" = "set-cookie",
        "server" = "server",
        "location" = "location",
        "date" = "date",
        "last_modified" = "last-modified",
        "cache_control" = "cache-control",
        "authorization" = "authorization",
        "www_authenticate" = "www-authenticate",
        "upgrade" = "upgrade",
        "x_forwarded_for" = "x-forwarded-for"
    )
}

fn sections() -> Vec<Section> {
    let field = vec![
        Section::characters("name", "Name", Len::Look(|left| find(left, b":\r\n"))),
        Section::octets("colon", "What stands before the value", Len::Usual(b": ", colon)),
        Section::characters("value", "Value", Len::Look(|left| find(left, b"\r\n"))),
        Section::octets("end", "End of the line", Len::Usual(b"\r\n", line_end)),
    ];
    let word = |name, title| Section::characters(name, title, Len::Look(|left| find(left, b" \r\n")));
    let line = |name, title| Section::characters(name, title, Len::Look(|left| find(left, b"\r\n")));
    let blank = |name| Section::octets(name, "Blank", Len::Usual(b" ", blank));
    vec![
        word("request.method", "Method").when(is_request),
        blank("blank").when(is_request),
        word("request.uri", "Target").when(is_request),
        blank("blank2").when(is_request),
        line("request.version", "Version").when(is_request),
        word("response.version", "Version").when(is_response),
        blank("blank").when(is_response),
        word("response.status_code", "Status code").when(is_response),
        blank("blank2").when(is_response),
        line("response.phrase", "Reason").when(is_response),
        Section::octets("end", "End of the line", Len::Usual(b"\r\n", line_end)),
        Section::items("fields", "Header fields", Style::Table, field, Len::Look(fields_len)),
        Section::octets("empty_line", "Empty line", Len::Usual(b"\r\n", line_end)),
    ]
}

/// Whether a message begins here: a whole first line that says HTTP/1.
pub(super) fn begins(payload: &[u8]) -> bool {
    match payload.first() {
        Some(b'A'..=b'Z') => is_request_line(payload) || payload.starts_with(b"HTTP/1."),
        _ => false,
    }
}

/// What begins here: of a message, the first line and the header fields, up to the empty line.
fn pdu(stream: &[u8]) -> Pdu {
    let has_line = stream.contains(&b'\n');
    let is_head = if has_line { begins(stream) } else { may_begin(stream) };
    if !is_head {
        return Pdu::Other;
    }
    let lines = stream.split_inclusive(|octet| *octet == b'\n');
    let ends = lines.scan(0usize, |at, line| {
        *at = at.saturating_add(line.len());
        Some((*at, line))
    });
    let mut empty = ends.filter(|(_, line)| matches!(*line, b"\n" | b"\r\n"));
    match empty.next() {
        Some((end, _)) => Pdu::Whole(end),
        None if stream.len() < MOST_OF_HEAD => Pdu::Cut,
        None => Pdu::Other,
    }
}

/// No server takes a longer head (RFC 9110 §5.4 lets each choose; 8 KiB are usual, 64 KiB much).
const MOST_OF_HEAD: usize = 64 << 10;

/// Whether a first line may begin here that does not end here.
fn may_begin(stream: &[u8]) -> bool {
    let method = stream.get(..find(stream, b" ")).unwrap_or_default();
    let is_version = |word: &[u8]| word.starts_with(b"HTTP/1.") || b"HTTP/1.".starts_with(word);
    is_version(method) || method.len() <= MOST_OF_METHOD && method.iter().all(u8::is_ascii_uppercase)
}

/// Whether the first line is a method, a target and a version.
fn is_request_line(payload: &[u8]) -> bool {
    let line = payload.get(..find(payload, b"\r\n")).unwrap_or_default();
    let mut words = line.split(|octet| *octet == b' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    method.is_some_and(|method| method.len() <= MOST_OF_METHOD && method.iter().all(u8::is_ascii_uppercase))
        && target.is_some_and(|target| !target.is_empty())
        && version.is_some_and(|version| version.starts_with(b"HTTP/1."))
        && words.next().is_none()
        && line.len() < payload.len()
}

/// No method has more octets (IANA http-methods).
const MOST_OF_METHOD: usize = 20;

fn is_response(before: &Before<'_>) -> bool {
    if before.builds {
        return ["response.version", "response.status_code", "response.phrase"]
            .iter()
            .any(|name| (before.wrote)(name));
    }
    first(before).starts_with(b"HTTP/")
}

fn is_request(before: &Before<'_>) -> bool {
    if before.builds { !is_response(before) } else { !first(before).starts_with(b"HTTP/") }
}

/// The message's first octets, some of which may have been read.
fn first<'a>(before: &Before<'a>) -> &'a [u8] {
    if before.header.is_empty() { before.left } else { before.header }
}

/// How many octets stand before the first of these; all, where none of them does.
fn find(octets: &[u8], any: &[u8]) -> usize {
    octets.iter().position(|octet| any.contains(octet)).unwrap_or(octets.len())
}

fn blank(left: &[u8]) -> usize {
    usize::from(left.first() == Some(&b' '))
}

/// A colon and the blanks behind it.
fn colon(left: &[u8]) -> usize {
    match left {
        [b':', rest @ ..] => {
            let blanks = rest.iter().take_while(|octet| matches!(octet, b' ' | b'\t')).count();
            blanks.saturating_add(1)
        }
        _ => 0,
    }
}

/// CR LF, or one of them alone.
fn line_end(left: &[u8]) -> usize {
    match left {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

/// Octets of the header fields, up to the empty line; all, where there is none.
fn fields_len(left: &[u8]) -> usize {
    let mut at = 0usize;
    while let Some(line) = left.get(at..).filter(|line| !line.is_empty()) {
        if line_end(line) > 0 {
            return at;
        }
        let text = find(line, b"\r\n");
        at = at.saturating_add(text).saturating_add(line_end(line.get(text..).unwrap_or_default()));
    }
    left.len()
}

/// The values of all header fields of this name: there may be several of a list (RFC 9110 §5.3), and of cookies (RFC 6265 §3).
fn values_of<'a>(view: &View<'a>, name: &str, tell: &mut Tell<'_, 'a>) -> ControlFlow<()> {
    let mut lines = view.header().split(|octet| *octet == b'\n').skip(1);
    let value_of = |line: &'a [u8]| {
        let (found, value) = line.split_at_checked(line.iter().position(|octet| *octet == b':')?)?;
        found.eq_ignore_ascii_case(name.as_bytes()).then(|| value.get(1..).unwrap_or_default().trim_ascii())
    };
    lines.try_for_each(|line| value_of(line).map_or(ControlFlow::Continue(()), &mut *tell))
}

/// The number behind the version of a response.
fn code(view: &View<'_>) -> Option<u64> {
    let line = view.header().strip_prefix(b"HTTP/")?;
    let code = line.split(|octet| *octet == b' ').nth(1)?.first_chunk::<3>()?;
    std::str::from_utf8(code).ok()?.parse().ok()
}

/// The first line, as tcpdump writes it.
fn summary(view: &View<'_>, out: &mut Text) -> fmt::Result {
    let header = view.header();
    out.put("HTTP: ");
    write_escaped(out, header.get(..find(header, b"\r\n")).unwrap_or_default(), &[])
}

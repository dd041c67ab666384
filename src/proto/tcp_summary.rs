//! What one line says of TCP: tcpdump's words, which people and scripts know. Sequence numbers are those on the wire, as
//! with its `-S`.

use std::fmt;

use super::describe::View;
use super::tcp::{DIALECT, FIXED_LEN};
use crate::wire::record::RawShape;
use crate::wire::text::{Short, Text};
use crate::wire::value::ValueRef;

/// Flags, sequence numbers, window, options, length.
pub(super) fn summary(view: &View<'_>, out: &mut Text) -> fmt::Result {
    let Some((head, options)) = view.header().split_first_chunk::<FIXED_LEN>() else { return Ok(()) };
    let [_, _, _, _, q0, q1, q2, q3, a0, a1, a2, a3, high, low, w0, w1, _, _, u0, u1] = *head;
    let (seq, ack) = (u32::from_be_bytes([q0, q1, q2, q3]), u32::from_be_bytes([a0, a1, a2, a3]));
    let bits = u16::from_be_bytes([high & 1, low]);
    let len = view.payload_len();
    flags(bits, out);
    if len > 0 {
        let end = seq.wrapping_add(u32::try_from(len).unwrap_or(u32::MAX));
        out.put(", seq ").put(seq).put(":").put(end);
    } else if bits & SYN_FIN_RESET != 0 {
        out.put(", seq ").put(seq);
    }
    if bits & ACK != 0 {
        out.put(", ack ").put(ack);
    }
    out.put(", win ").put(u16::from_be_bytes([w0, w1]));
    if bits & URGENT != 0 {
        out.put(", urg ").put(u16::from_be_bytes([u0, u1]));
    }
    if !options.is_empty() {
        put_options(options, view.is_cut(), out);
    }
    out.put(", length ").put(len);
    Ok(())
}

fn flags(bits: u16, out: &mut Text) {
    let [high, low] = bits.to_be_bytes();
    let start = out.len();
    FLAG_WORDS.get(usize::from(low)).into_iter().for_each(|words| {
        out.put(words);
    });
    if high != 0 {
        out.truncate(if low == 0 { start } else { out.len().saturating_sub(1) });
        out.put(if low == 0 { "Flags [e]" } else { "e]" });
    }
}

fn put_options(options: &[u8], are_cut: bool, out: &mut Text) {
    let mut before = ", options [";
    for record in DIALECT.walk(options) {
        // What is cut contradicts nothing.
        if are_cut && matches!(record.shape, RawShape::Lying { .. } | RawShape::Rest(_)) {
            break;
        }
        out.put(before);
        before = ",";
        match record.shape {
            RawShape::Single(0) => out.put("eol"),
            RawShape::Single(_) => out.put("nop"),
            RawShape::Whole { code, body } => option(code, body, out),
            RawShape::Lying { code, .. } => out.put("[bad opt ").put(code).put("]"),
            RawShape::Rest(rest) => out.put("[").put(rest.len()).put(" more octets]"),
        };
    }
    out.put(if before == "," { "]" } else { "" });
}

fn option<'t>(code: u8, body: &[u8], out: &'t mut Text) -> &'t mut Text {
    let long = |octets: &[u8; 4]| u32::from_be_bytes(*octets);
    match (code, body) {
        (2, [high, low]) => out.put("mss ").put(u16::from_be_bytes([*high, *low])),
        (3, [shift]) => out.put("wscale ").put(*shift),
        (4, []) => out.put("sackOK"),
        (5, edges) if edges.len().is_multiple_of(8) => {
            let (blocks, _) = edges.as_chunks::<4>();
            out.put("sack ").put(blocks.len() / 2).put(" ");
            let (pairs, _) = blocks.as_chunks::<2>();
            for [left, right] in pairs {
                out.put("{").put(long(left)).put(":").put(long(right)).put("}");
            }
            out
        }
        (8, [v0, v1, v2, v3, e0, e1, e2, e3]) => {
            let (value, echo) = (long(&[*v0, *v1, *v2, *v3]), long(&[*e0, *e1, *e2, *e3]));
            out.put("TS val ").put(value).put(" ecr ").put(echo)
        }
        (19, digest) if digest.len() == 16 => out.put("md5 ").put(ValueRef::Octets(digest)),
        (34, []) => out.put("tfo cookiereq"),
        (34, cookie) => out.put("tfo cookie ").put(ValueRef::Octets(cookie)),
        (_, []) => out.put("unknown-").put(code),
        (_, body) => out.put("unknown-").put(code).put(" 0x").put(ValueRef::Octets(body)),
    }
}

/// Flags as tcpdump writes them, from the lowest bit on, for all values of eight bits; what accurate ECN has made a ninth is
/// rare (RFC 9768).
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "the compiler fills it")]
static FLAG_WORDS: [Short<16>; 256] = {
    let mut all = [Short::words("Flags [none]"); 256];
    let mut bits = 1;
    while bits < 256 {
        all[bits] = letters(bits, Short::words("Flags [")).followed_by(b']');
        bits += 1;
    }
    all
};

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "the compiler calls it")]
const fn letters(bits: usize, mut words: Short<16>) -> Short<16> {
    let mut at = 0;
    while at < FLAGS.len() {
        if bits & (1 << at) != 0 {
            words = words.followed_by(FLAGS[at]);
        }
        at += 1;
    }
    words
}

/// From the lowest bit on.
const FLAGS: [u8; 8] = *b"FSRP.UEW";
const SYN_FIN_RESET: u16 = 0x007;
const ACK: u16 = 0x010;
const URGENT: u16 = 0x020;

//! What one line says of TCP: tcpdump's words, which people and scripts know. Sequence numbers are those on the wire, as
//! with its `-S`.

use std::fmt::{self, Write};

use super::describe::View;
use super::tcp::{DIALECT, FIXED_LEN};
use crate::wire::record::RawShape;

/// Flags, sequence numbers, window, options, length.
pub(super) fn summary(view: &View<'_>, out: &mut dyn Write) -> fmt::Result {
    let Some((head, options)) = view.header().split_first_chunk::<FIXED_LEN>() else { return Ok(()) };
    let [_, _, _, _, q0, q1, q2, q3, a0, a1, a2, a3, high, low, w0, w1, _, _, u0, u1] = *head;
    let (seq, ack) = (u32::from_be_bytes([q0, q1, q2, q3]), u32::from_be_bytes([a0, a1, a2, a3]));
    let bits = u16::from_be_bytes([high & 1, low]);
    let len = view.payload_len();
    flags(bits, out)?;
    if len > 0 {
        let end = seq.wrapping_add(u32::try_from(len).unwrap_or(u32::MAX));
        write!(out, ", seq {seq}:{end}")?;
    } else if bits & SYN_FIN_RESET != 0 {
        write!(out, ", seq {seq}")?;
    }
    if bits & ACK != 0 {
        write!(out, ", ack {ack}")?;
    }
    write!(out, ", win {}", u16::from_be_bytes([w0, w1]))?;
    if bits & URGENT != 0 {
        write!(out, ", urg {}", u16::from_be_bytes([u0, u1]))?;
    }
    if !options.is_empty() {
        write_options(options, out)?;
    }
    write!(out, ", length {len}")
}

fn flags(bits: u16, out: &mut dyn Write) -> fmt::Result {
    out.write_str("Flags [")?;
    if bits == 0 {
        out.write_str("none")?;
    }
    for (bit, letter) in FLAGS {
        if bits & bit != 0 {
            out.write_char(*letter)?;
        }
    }
    out.write_char(']')
}

fn write_options(options: &[u8], out: &mut dyn Write) -> fmt::Result {
    let mut before = ", options [";
    for record in DIALECT.walk(options) {
        out.write_str(before)?;
        before = ",";
        match record.shape {
            RawShape::Single(0) => out.write_str("eol")?,
            RawShape::Single(_) => out.write_str("nop")?,
            RawShape::Whole { code, body } => option(code, body, out)?,
            RawShape::Lying { code, .. } => write!(out, "[bad opt {code}]")?,
            RawShape::Rest(rest) => write!(out, "[{} more octets]", rest.len())?,
        }
    }
    out.write_char(']')
}

fn option(code: u8, body: &[u8], out: &mut dyn Write) -> fmt::Result {
    let long = |octets: &[u8; 4]| u32::from_be_bytes(*octets);
    match (code, body) {
        (2, [high, low]) => write!(out, "mss {}", u16::from_be_bytes([*high, *low])),
        (3, [shift]) => write!(out, "wscale {shift}"),
        (4, []) => out.write_str("sackOK"),
        (5, edges) if edges.len().is_multiple_of(8) => {
            let (blocks, _) = edges.as_chunks::<4>();
            write!(out, "sack {} ", blocks.len() / 2)?;
            let (pairs, _) = blocks.as_chunks::<2>();
            pairs.iter().try_for_each(|[left, right]| write!(out, "{{{}:{}}}", long(left), long(right)))
        }
        (8, [v0, v1, v2, v3, e0, e1, e2, e3]) => {
            write!(out, "TS val {} ecr {}", long(&[*v0, *v1, *v2, *v3]), long(&[*e0, *e1, *e2, *e3]))
        }
        (19, digest) if digest.len() == 16 => write!(out, "md5 {}", Hex(digest)),
        (34, []) => out.write_str("tfo cookiereq"),
        (34, cookie) => write!(out, "tfo cookie {}", Hex(cookie)),
        (_, []) => write!(out, "unknown-{code}"),
        (_, body) => write!(out, "unknown-{code} 0x{}", Hex(body)),
    }
}

/// Octets as hex digits.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// In the order in which tcpdump writes them.
const FLAGS: &[(u16, char)] = &[
    (0x001, 'F'),
    (0x002, 'S'),
    (0x004, 'R'),
    (0x008, 'P'),
    (ACK, '.'),
    (URGENT, 'U'),
    (0x040, 'E'),
    (0x080, 'W'),
    (0x100, 'e'),
];
const SYN_FIN_RESET: u16 = 0x007;
const ACK: u16 = 0x010;
const URGENT: u16 = 0x020;

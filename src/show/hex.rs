//! Octets in hex and as text, the way tcpdump's `-x`, `-X` and `-A` show them.
#![deny(clippy::arithmetic_side_effects)]

use super::text::octet_as_char;
use super::value::push_hex_octet;

/// Octets in a row.
const ROW: usize = 16;

/// Appends rows of 16 octets, `\t0x0010:  4500 003c`, each with its line's end; `with_text` puts the octets as text
/// behind them.
pub fn dump(out: &mut String, octets: &[u8], with_text: bool) {
    for (row, octets) in octets.chunks(ROW).enumerate() {
        out.push_str("\t0x");
        let [high, low] = u16::try_from(row.saturating_mul(ROW)).unwrap_or(u16::MAX).to_be_bytes();
        push_hex_octet(out, high);
        push_hex_octet(out, low);
        out.push_str(": ");
        let start = out.len();
        for (at, octet) in octets.iter().enumerate() {
            if at.is_multiple_of(2) {
                out.push(' ');
            }
            push_hex_octet(out, *octet);
        }
        if with_text {
            let width = out.len().saturating_sub(start);
            out.extend(std::iter::repeat_n(' ', FULL_ROW.saturating_sub(width).saturating_add(2)));
            out.extend(octets.iter().map(|octet| octet_as_char(*octet)));
        }
        out.push('\n');
    }
}

/// Characters of a full row of octets, each pair with its blank.
const FULL_ROW: usize = 40;

/// Appends octets as text with its line's end. A line feed of the packet begins a new line, which a tab keeps from
/// looking like one of ours; all else that is not printable ASCII is a dot.
pub fn text(out: &mut String, octets: &[u8]) {
    out.push('\t');
    for octet in octets {
        match octet {
            b'\n' => out.push_str("\n\t"),
            octet => out.push(octet_as_char(*octet)),
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_as_tcpdump_writes_them() {
        // Compared with `tcpdump -xr` and `-Xr` of a packet with these octets.
        let octets: Vec<u8> = (0x41..0x54).chain([0x1b, 0x0a]).collect();
        let mut out = String::new();
        dump(&mut out, &octets, false);
        assert_eq!(out, "\t0x0000:  4142 4344 4546 4748 494a 4b4c 4d4e 4f50\n\t0x0010:  5152 531b 0a\n");
        out.clear();
        dump(&mut out, &octets, true);
        assert_eq!(
            out,
            "\t0x0000:  4142 4344 4546 4748 494a 4b4c 4d4e 4f50  ABCDEFGHIJKLMNOP\n\
             \t0x0010:  5152 531b 0a                             QRS..\n"
        );
    }

    #[test]
    fn text_cannot_forge_a_line() {
        let mut out = String::new();
        text(&mut out, b"GET /\r\n\x1b[2J00:00:00 IP");
        assert_eq!(out, "\tGET /.\n\t.[2J00:00:00 IP\n");
    }
}

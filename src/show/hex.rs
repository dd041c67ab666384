//! Octets in hex and as text, the way tcpdump's `-x`, `-X` and `-A` show them.
#![deny(clippy::arithmetic_side_effects)]

use super::text::octet_as_char;
use super::value::push_hex_octet;

/// Octets in a row.
const ROW: usize = 16;

/// How the octets of a field are set off from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mark {
    /// In brackets: `4500 [003c] 0001`.
    #[default]
    Brackets,
    /// In reverse video, which is for terminals.
    Reverse,
}

/// Appends rows of 16 octets, `\t0x0010:  4500 003c`, each with its line's end; `with_text` puts the octets as text
/// behind them.
pub fn dump(out: &mut String, octets: &[u8], with_text: bool) {
    dump_marked(out, octets, with_text, Mark::default(), |_| false);
}

/// The same, setting off the octets of which `is_marked` says so.
pub fn dump_marked(
    out: &mut String,
    octets: &[u8],
    with_text: bool,
    mark: Mark,
    is_marked: impl Fn(usize) -> bool,
) {
    for (row, octets) in octets.chunks(ROW).enumerate() {
        let first = row.saturating_mul(ROW);
        out.push_str("\t0x");
        let [high, low] = u16::try_from(first).unwrap_or(u16::MAX).to_be_bytes();
        push_hex_octet(out, high);
        push_hex_octet(out, low);
        out.push_str(": ");
        let marks = Marks { mark, first, len: octets.len(), is_marked: &is_marked };
        let mut width = 0usize;
        for (at, octet) in octets.iter().enumerate() {
            if at.is_multiple_of(2) {
                // Reverse video goes on over the blank, brackets stand at the octet.
                let is_within = marks.is_marked(at) && at > 0 && marks.is_marked(at.saturating_sub(1));
                if !is_within {
                    width = width.saturating_add(marks.end(out, at));
                }
                out.push(' ');
                width = width.saturating_add(1);
            } else {
                width = width.saturating_add(marks.end(out, at));
            }
            width = width.saturating_add(marks.begin(out, at)).saturating_add(2);
            push_hex_octet(out, *octet);
        }
        width = width.saturating_add(marks.end(out, octets.len()));
        if with_text {
            out.extend(std::iter::repeat_n(' ', FULL_ROW.saturating_sub(width).saturating_add(2)));
            let marks = Marks { len: if mark == Mark::Reverse { octets.len() } else { 0 }, ..marks };
            for (at, octet) in octets.iter().enumerate() {
                marks.end(out, at);
                marks.begin(out, at);
                out.push(octet_as_char(*octet));
            }
            marks.end(out, octets.len());
        }
        out.push('\n');
    }
}

/// The marks in a row.
#[derive(Clone, Copy)]
struct Marks<'m> {
    mark: Mark,
    /// The offset of the row's first octet.
    first: usize,
    /// How many octets of the row may be marked.
    len: usize,
    is_marked: &'m dyn Fn(usize) -> bool,
}

impl Marks<'_> {
    fn is_marked(&self, at: usize) -> bool {
        at < self.len && (self.is_marked)(self.first.saturating_add(at))
    }

    /// Appends what stands before the first octet of those that are marked; tells how wide it is.
    fn begin(&self, out: &mut String, at: usize) -> usize {
        if !self.is_marked(at) || at.checked_sub(1).is_some_and(|before| self.is_marked(before)) {
            return 0;
        }
        self.push(out, "[", "\u{1b}[7m")
    }

    /// Appends what stands behind the last octet, before the one at `at`.
    fn end(&self, out: &mut String, at: usize) -> usize {
        if self.is_marked(at) || !at.checked_sub(1).is_some_and(|before| self.is_marked(before)) {
            return 0;
        }
        self.push(out, "]", "\u{1b}[0m")
    }

    fn push(&self, out: &mut String, bracket: &str, reverse: &str) -> usize {
        match self.mark {
            Mark::Brackets => out.push_str(bracket),
            Mark::Reverse => out.push_str(reverse),
        }
        usize::from(self.mark == Mark::Brackets)
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
    fn a_field_is_set_off() {
        let octets: Vec<u8> = (0x41..0x54).collect();
        let marked = |mark, range: std::ops::Range<usize>| {
            let mut out = String::new();
            dump_marked(&mut out, &octets, true, mark, |at| range.contains(&at));
            out
        };
        assert_eq!(
            marked(Mark::Brackets, 3..5),
            "\t0x0000:  4142 43[44 45]46 4748 494a 4b4c 4d4e 4f50  ABCDEFGHIJKLMNOP\n\
             \t0x0010:  5152 53                                  QRS\n"
        );
        assert_eq!(
            marked(Mark::Brackets, 14..17),
            "\t0x0000:  4142 4344 4546 4748 494a 4b4c 4d4e [4f50]  ABCDEFGHIJKLMNOP\n\
             \t0x0010:  [51]52 53                                QRS\n"
        );
        assert_eq!(
            marked(Mark::Reverse, 3..5).lines().next(),
            Some(
                "\t0x0000:  4142 43\u{1b}[7m44 45\u{1b}[0m46 4748 494a 4b4c 4d4e 4f50  ABC\u{1b}[7mDE\u{1b}[0mFGHIJKLMNOP"
            )
        );
        assert_eq!(marked(Mark::Reverse, 30..40), marked(Mark::Brackets, 0..0));
    }

    #[test]
    fn text_cannot_forge_a_line() {
        let mut out = String::new();
        text(&mut out, b"GET /\r\n\x1b[2J00:00:00 IP");
        assert_eq!(out, "\tGET /.\n\t.[2J00:00:00 IP\n");
    }
}

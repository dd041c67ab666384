//! The IPv6 fragment header: RFC 8200 §4.5.

use super::describe::{Fragmented, Protocol, Section, flag, uint};
use super::edge::Edge;
use super::ip;
use super::ipv6_extension::next_header;
use super::listed::Listed;

pub(super) const IPV6_FRAGHDR: Listed = Listed::new("ipv6.fraghdr", &[Edge::new(ip::PROTO, 44)], describe);

fn describe() -> Protocol {
    Protocol::new("IPv6 fragment header", "RFC 8200 §4.5", sections)
        .next(ip::PROTO, |header| {
            (fragmented(header) != Fragmented::Later).then(|| header.first().map(|next| u64::from(*next)))?
        })
        .fragmented(fragmented)
        .summary(|view, out| {
            let (offset, _) = offset_and_more(view.header());
            out.put("frag (").put(offset).put("|").put(view.payload_len()).put(")");
            Ok(())
        })
}

fn sections() -> Vec<Section> {
    let header = vec![
        next_header(),
        uint("reserved_octet", 8, "Reserved"),
        uint("offset", 13, "Offset in units of 8 octets"),
        uint("reserved_bits", 2, "Reserved"),
        flag("more", "More fragments"),
        uint("ident", 32, "Identification").hex(),
    ];
    vec![Section::fields(header)]
}

fn fragmented(header: &[u8]) -> Fragmented {
    match offset_and_more(header) {
        (0, false) => Fragmented::No,
        (0, true) => Fragmented::First,
        _ => Fragmented::Later,
    }
}

/// The offset in octets, and whether more fragments follow: octets 2 and 3 hold a multiple of 8 and the flag.
fn offset_and_more(header: &[u8]) -> (u16, bool) {
    let word = match header {
        [_, _, high, low, ..] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    };
    (word & 0xfff8, word & 1 != 0)
}

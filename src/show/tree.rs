//! A packet as a tree: each layer, and below it each field with its value, the way Wireshark shows it.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt::{self, Write};
use std::ops::Range;

use super::Meta;
use super::palette::Palette;
use super::text::push_printable;
use super::time::Clock;
use super::tree_fields::LayerBody;
use super::value::{push_hex, push_uint};
use crate::packet::check::{Dissected, Problem};
use crate::packet::unbuild::{next_of_chain, trailer_of};
use crate::packet::walk::walk_layer;
use crate::proto::describe::View;
use crate::proto::registry;
use crate::stream::Facts;
use crate::wire::frame::Direction;
use crate::wire::text::Text;

/// How trees look.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// Colours.
    pub palette: Palette,
    /// Whether each line begins with the place of its octets, `[14..34]`, and has the field's full name.
    pub detail: bool,
}

/// Appends a packet's tree: a line about the packet, then its layers.
pub fn packet(out: &mut String, meta: &Meta<'_>, dissected: &Dissected<'_>, clock: &mut Clock, style: Style) {
    let (captured, wire_len) = (dissected.octets.len(), dissected.wire_len);
    let heading = style.palette.heading;
    let _: fmt::Result = write!(out, "{heading}Packet {}{heading:#}: ", meta.number);
    let mut time = Text::default();
    clock.write(&mut time, meta.time);
    out.push_str(time.as_str());
    let _: fmt::Result = match wire_len == captured {
        true => write!(out, "{captured} octets"),
        false => write!(out, "{wire_len} octets, {captured} captured"),
    };
    if let Some(interface) = meta.interface {
        out.push_str(", ");
        push_printable(out, interface);
    }
    out.push_str(match meta.direction {
        Direction::Unknown => "",
        Direction::Inbound => ", in",
        Direction::Outbound => ", out",
    });
    for comment in meta.comment.iter().flat_map(|comments| comments.iter()) {
        out.push_str(", comment: ");
        push_printable(out, comment);
    }
    out.push('\n');
    // Writing into a `String` cannot fail.
    let _: fmt::Result = Tree { out, dissected, facts: meta.facts, style, depth: 0 }.packet();
}

/// Appends the tree of a packet's layers alone.
pub fn layers(out: &mut String, dissected: &Dissected<'_>, style: Style) {
    // Writing into a `String` cannot fail.
    let _: fmt::Result = Tree { out, dissected, facts: None, style, depth: 0 }.packet();
}

/// `[14..34]`: the octets from 14 up to, and without, 34.
struct Place<'r>(&'r Range<usize>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = |number: usize| number.checked_ilog10().unwrap_or(0).saturating_add(1);
        let width = digits(self.0.start).saturating_add(digits(self.0.end)).saturating_add(4);
        let padding = f.width().unwrap_or(0).saturating_sub(usize::try_from(width).unwrap_or(0));
        write!(f, "{:padding$}[{}..{}]", "", self.0.start, self.0.end)
    }
}

/// Room for places of four digits.
const PLACE_WIDTH: usize = 12;

/// Longer octets are cut short in the tree: hex output is for those.
const SHOWN_OCTETS: usize = 32;

/// A tree on its way.
pub(super) struct Tree<'o, 'a> {
    pub(super) out: &'o mut String,
    pub(super) dissected: &'a Dissected<'a>,
    pub(super) facts: Option<&'a Facts>,
    style: Style,
    pub(super) depth: usize,
}

impl Tree<'_, '_> {
    fn packet(&mut self) -> fmt::Result {
        self.chain(Some(0))?;
        let entries = self.dissected.table.entries();
        let end = entries.first().map_or(0, |entry| entry.end as usize);
        self.octets("Behind the packet", self.dissected.octets.get(end..).unwrap_or_default(), end)
    }

    /// The layers of one chain. Quoted packets recurse, as deep as the layer table is long.
    pub(super) fn chain(&mut self, first: Option<usize>) -> fmt::Result {
        let mut next = first.filter(|first| *first < self.dissected.table.entries().len());
        while let Some(index) = next {
            self.layer(index)?;
            next = next_of_chain(self.dissected.table, index);
        }
        Ok(())
    }

    fn layer(&mut self, index: usize) -> fmt::Result {
        let Dissected { octets, table, wire_len } = *self.dissected;
        let Some(entry) = table.entries().get(index) else { return Ok(()) };
        let protocol = registry().get(entry.protocol);
        let heading = self.style.palette.heading;
        let header = entry.start as usize..entry.header_end as usize;
        self.begin(&header)?;
        write!(self.out, "{heading}{}{heading:#}", protocol.title)?;
        self.name(protocol.name, "")?;
        let view = View::new(octets, table, wire_len, index);
        self.summary(&view)?;
        self.out.push('\n');
        let outer = self.depth;
        self.depth = outer.saturating_add(1);
        let mut result = Ok(());
        self.dissected.layer_findings(index, &mut |finding| {
            result = result.and_then(|()| {
                self.begin(&header)?;
                self.finding(&finding.problem)?;
                self.out.write_char('\n')
            });
        });
        let mut body = LayerBody::new(self, index);
        walk_layer(octets, entry, protocol, &mut |event| {
            if result.is_ok() {
                result = body.event(&event);
            }
        });
        result = result.and_then(|()| self.facts(index, &header));
        let trailer = trailer_of(octets, table, index);
        self.octets("Trailer", trailer, (entry.end as usize).saturating_sub(trailer.len()))?;
        self.depth = outer;
        result
    }

    /// What one line says of the layer, with its ports, behind a colon.
    fn summary(&mut self, view: &View<'_>) -> fmt::Result {
        let before = self.out.len();
        self.out.write_str(": ")?;
        let start = self.out.len();
        if let Some((from, to)) = view.protocol().ports.and_then(|read| read(view.header())) {
            write!(self.out, "{from} > {to}, ")?;
        }
        let mut text = Text::default();
        (view.protocol().summary)(view, &mut text)?;
        self.out.push_str(text.as_str());
        if self.out.len() == start {
            self.out.truncate(before);
        } else if self.out.ends_with(", ") {
            self.out.truncate(self.out.len().saturating_sub(2));
        }
        Ok(())
    }

    /// Begins a line: the octets that it is about, where wanted, and indentation.
    pub(super) fn begin(&mut self, octets: &Range<usize>) -> fmt::Result {
        if self.style.detail {
            let aside = self.style.palette.aside;
            let place = Place(octets);
            write!(self.out, "{aside}{place:>PLACE_WIDTH$}{aside:#}  ")?;
        }
        (0..self.depth).try_for_each(|_| self.out.write_str("    "))
    }

    /// Whether fields are shown with their names.
    pub(super) fn has_names(&self) -> bool {
        self.style.detail
    }

    /// The full name of a layer or field, where wanted.
    pub(super) fn name(&mut self, layer: &str, field: &str) -> fmt::Result {
        if !self.has_names() {
            return Ok(());
        }
        let aside = self.style.palette.aside;
        match field {
            "" => write!(self.out, " {aside}({layer}){aside:#}"),
            field => write!(self.out, " {aside}({layer}.{field}){aside:#}"),
        }
    }

    /// What is wrong, behind what it is about: a field's value has been written already.
    pub(super) fn finding(&mut self, problem: &Problem) -> fmt::Result {
        let style = self.style.palette.finding;
        match problem {
            Problem::Checksum { computed, .. } => {
                write!(self.out, "{style}[bad, should be 0x{computed:04x}]{style:#}")
            }
            Problem::Differs { computed, .. } => write!(self.out, "{style}[should be {computed}]{style:#}"),
            other => write!(self.out, "{style}[{other}]{style:#}"),
        }
    }

    /// A line of plain octets; none where there are no octets.
    pub(super) fn octets(&mut self, title: &str, octets: &[u8], offset: usize) -> fmt::Result {
        if octets.is_empty() {
            return Ok(());
        }
        self.begin(&(offset..offset.saturating_add(octets.len())))?;
        write!(self.out, "{title}: ")?;
        push_some_hex(self.out, octets);
        self.out.write_char('\n')
    }
}

/// Appends octets as hex digits, and only how many there are where they are too many.
pub(super) fn push_some_hex(out: &mut String, octets: &[u8]) {
    push_hex(out, octets.get(..SHOWN_OCTETS).unwrap_or(octets));
    if octets.len() > SHOWN_OCTETS {
        out.push_str("... (");
        push_uint(out, u64::try_from(octets.len()).unwrap_or(u64::MAX));
        out.push_str(" octets)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::dissect::dissect;
    use crate::show::text::is_printable;
    use crate::show::time;
    use crate::wire::frame::LinkType;
    use crate::wire::layers::LayerTable;
    use proptest::prelude::*;

    fn tree_of(link_type: LinkType, octets: &[u8], wire_len: usize, style: Style) -> String {
        let mut table = LayerTable::default();
        dissect(octets, link_type, &mut table);
        let mut clock = Clock::new(time::Style::Date, time::Precision::Nano, jiff::tz::TimeZone::UTC);
        let mut out = String::new();
        let mut meta = Meta::built(3, link_type);
        meta.time = Some(1_700_000_000_123_456_789);
        packet(&mut out, &meta, &Dissected { octets, table: &table, wire_len }, &mut clock, style);
        out
    }

    /// scapy: IP(src="10.77.1.2", dst="10.77.2.2", id=1, flags="DF")/TCP(sport=49152, dport=80, seq=1, flags="S",
    /// window=64240, options=[("MSS", 1460), ("NOP", None), ("SAck", (1, 2))]), with the last octet of the IP
    /// checksum changed, in 2 octets of padding.
    #[test]
    fn a_syn_as_a_tree() {
        let octets = hex::decode(
            "4500003800014000400623ff0a4d01020a4d0202c000005000000001000000009002faf087350000020405b401050a00000001\
             00000002000000",
        )
        .unwrap();
        assert_eq!(
            tree_of(LinkType::RAW, &octets, 60, Style::default()),
            "\
Packet 3: 2023-11-14 22:13:20.123456789 60 octets, 58 captured
Internet Protocol version 4: 10.77.1.2 > 10.77.2.2
    0100 .... = Version: 4
    .... 0101 = Header length in octets: 20
    Differentiated services field: 0x00
        0000 00.. = Differentiated services code point: 0 (CS0)
        .... ..00 = Explicit congestion notification: 0 (Not-ECT)
    Total length: 56
    Identification: 0x0001
    Flags: 0x2
        0... .... = Reserved bit: not set
        .1.. .... = Don't fragment: set
        ..0. .... = More fragments: not set
    ...0 0000 0000 0000 = Fragment offset in units of 8 octets: 0
    Time to live: 64
    Protocol: 6 (TCP)
    Header checksum: 0x23ff [bad, should be 0x2322]
    Source: 10.77.1.2
    Destination: 10.77.2.2
Transmission Control Protocol: 49152 > 80, Flags [S], seq 1, win 64240, options [mss 1460,nop,sack 1 {1:2},eol], length 0
    Source port: 49152
    Destination port: 80
    Sequence number: 1
    Acknowledgment number: 0
    1001 .... = Header length in octets: 36
    .... 000. = Reserved: 0
    Flags: 0x002 [S]
        .... ...0 .... .... = Accurate ECN: not set
        .... .... 0... .... = Congestion window reduced: not set
        .... .... .0.. .... = ECN echo: not set
        .... .... ..0. .... = Urgent: not set
        .... .... ...0 .... = Acknowledgment: not set
        .... .... .... 0... = Push: not set
        .... .... .... .0.. = Reset: not set
        .... .... .... ..1. = Syn: set
        .... .... .... ...0 = Fin: not set
    Window: 64240
    Checksum: 0x8735 (good)
    Urgent pointer: 0
    Options
        Maximum segment size: 1460
        No operation
        SACK (RFC 2018)
            #1
                Left edge: 1
                Right edge: 2
        End of options list
Behind the packet: 0000
"
        );
    }

    /// scapy: IP(src="10.77.1.1", dst="10.77.1.2", id=0)/ICMP(type=3, code=3)/raw(IP(src="10.77.1.2",
    /// dst="10.77.2.2", id=7)/UDP(sport=40000, dport=33434))[:26], the quoted UDP header being cut.
    #[test]
    fn a_quoted_packet_with_offsets_and_names() {
        let octets = hex::decode(
            "45000036000000004001642b0a4d01010a4d01020303de15000000004500002000070000401163290a4d01020a4d02029c40829a000c",
        )
        .unwrap();
        let tree = tree_of(LinkType::RAW, &octets, octets.len(), Style { detail: true, ..Style::default() });
        let quoted: Vec<&str> = tree.lines().skip_while(|line| !line.contains("Control Message")).collect();
        assert_eq!(
            quoted.first().copied(),
            Some(
                "    [20..54]  Internet Control Message Protocol (icmp): 10.77.2.2 udp port 33434 unreachable, length 34"
            )
        );
        assert_eq!(
            quoted.get(1).copied(),
            Some("    [20..21]      Type (icmp.type): 3 (destination unreachable)")
        );
        assert_eq!(
            quoted.get(quoted.len().saturating_sub(5)..),
            Some(
                &[
                    "    [48..54]          User Datagram Protocol (udp): 40000 > 33434",
                    "    [48..50]              Source port (udp.srcport): 40000",
                    "    [50..52]              Destination port (udp.dstport): 33434",
                    "    [52..54]              Length of header and data (udp.length): 12",
                    "    [54..54]              Cut after 6 octets of the header",
                ][..]
            )
        );
    }

    #[test]
    fn colours_only_when_asked() {
        let octets = [0x45u8];
        assert!(!tree_of(LinkType::RAW, &octets, 20, Style::default()).contains('\u{1b}'));
        let style = Style { palette: Palette::COLOURED, detail: false };
        let tree = tree_of(LinkType::RAW, &octets, 20, style);
        assert!(tree.contains("\u{1b}[1mInternet Protocol version 4\u{1b}[0m"), "{tree}");
        assert!(tree.contains("\u{1b}[1m\u{1b}[31m[cut short by the snapshot length]\u{1b}[0m"), "{tree}");
    }

    proptest! {
        #[test]
        fn every_line_is_printable(octets in proptest::collection::vec(any::<u8>(), 0..90), link in prop::sample::select(vec![0u32, 1, 101, 113, 276])) {
            let style = Style { palette: Palette::PLAIN, detail: true };
            let tree = tree_of(LinkType(link), &octets, octets.len(), style);
            prop_assert!(tree.lines().all(|line| line.chars().all(is_printable)), "{}", tree);
            prop_assert!(tree.ends_with('\n'));
        }
    }
}

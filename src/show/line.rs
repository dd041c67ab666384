//! One line for a packet, in the words of tcpdump where it has some.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt;

use super::Meta;
use super::time::Clock;
use crate::packet::check::{Dissected, Problem};
use crate::proto::data;
use crate::proto::describe::{Protocol, View};
use crate::proto::eth;
use crate::proto::registry;
use crate::proto::view::EndPointStyle;
use crate::wire::frame::{Direction, LinkType};
use crate::wire::layers::LayerState;
use crate::wire::text::{Short, Text};

/// Writes the lines of packets, one after the other.
#[derive(Debug, Clone)]
pub struct Lines {
    /// Whether lines begin with the packet's number in the capture.
    pub numbers: bool,
    /// Writes the times.
    pub clock: Clock,
    /// Whether the interface is named: where there is more than one.
    pub interfaces: bool,
    /// Whether the headers of the link are shown (`-e`).
    pub link: bool,
    /// How end points are written.
    pub style: EndPointStyle,
}

impl Lines {
    /// Appends a packet's line, without its end.
    pub fn packet(&mut self, out: &mut Text, meta: &Meta<'_>, dissected: &Dissected<'_>) {
        if self.numbers {
            let digits = meta.number.checked_ilog10().map_or(1, |tens| tens.saturating_add(1));
            (digits..NUMBER_WIDTH).for_each(|_| out.push(' '));
            out.put(meta.number).put("  ");
        }
        self.clock.write(out, meta.time);
        if let Some(interface) = meta.interface.filter(|_| self.interfaces) {
            let start = out.len();
            // Writing into memory cannot fail.
            let _: fmt::Result = out.write_str(interface);
            let width = out.len().saturating_sub(start);
            (width..6usize.max(width.saturating_add(1))).for_each(|_| out.push(' '));
            // Cooked headers say the direction themselves.
            let is_cooked = matches!(meta.link_type, Some(LinkType::LINUX_SLL | LinkType::LINUX_SLL2));
            out.put(match meta.direction {
                _ if self.link && is_cooked => "",
                Direction::Unknown => "",
                Direction::Inbound => "In  ",
                Direction::Outbound => "Out ",
            });
        }
        summarize(out, dissected, self.link, &self.style);
    }
}

/// Letters of a number, as tcpdump has them.
const NUMBER_WIDTH: u32 = 5;

/// Appends what the line says of the packet itself, `link` telling whether the headers of the link are shown too.
pub fn summary(out: &mut String, dissected: &Dissected<'_>, link: bool) {
    let mut text = Text::default();
    summarize(&mut text, dissected, link, EndPointStyle::NUMBERS);
    out.push_str(text.as_str());
}

fn summarize(out: &mut Text, dissected: &Dissected<'_>, link: bool, style: &EndPointStyle) {
    // Writing into memory cannot fail.
    let _: fmt::Result = Line { out, dissected, link, style }.write();
}

struct Line<'o, 'a> {
    out: &'o mut Text,
    dissected: &'a Dissected<'a>,
    /// Whether the headers of the link are shown.
    link: bool,
    style: &'a EndPointStyle,
}

impl<'a> Line<'_, 'a> {
    fn write(&mut self) -> fmt::Result {
        let (links, contents) = self.split();
        // Where nothing is known above the link, the link is all that there is to say.
        self.link = (self.link || contents.is_none()) && links > 0;
        if self.link {
            self.links(links, contents.is_some())?;
        }
        if let Some(first) = contents {
            self.contents(first)?;
        }
        if self.dissected.table.is_sound() { Ok(()) } else { self.marks() }
    }

    /// How many layers belong to the link, and the first layer above that is more than data.
    fn split(&self) -> (usize, Option<usize>) {
        let entries = self.dissected.table.entries();
        let registry = registry();
        let links = entries.iter().take_while(|entry| registry.get(entry.protocol).is_link).count();
        let above = entries.get(links).filter(|entry| links == 0 || entry.protocol != registry.data().id);
        (links, above.map(|_| links))
    }

    /// The headers of the link; the packet's length stands behind the first.
    fn links(&mut self, count: usize, more_follows: bool) -> fmt::Result {
        let mut between = NOTHING;
        for index in 0..count {
            self.out.put(&between);
            between = self.link_header(index)?;
        }
        if more_follows {
            self.out.put(&between);
        }
        Ok(())
    }

    /// A header of a link, with the length behind the outermost and those of Ethernet: what the header says, else what there is.
    /// Returns what stands between it and the next.
    fn link_header(&mut self, index: usize) -> Result<Short<8>, fmt::Error> {
        let view = self.view(index);
        let protocol = view.protocol();
        (protocol.summary)(&view, self.out)?;
        let is_outermost = index == 0;
        if is_outermost || protocol.name == eth::NAME {
            let own = protocol.payload_len.and_then(|read| read(view.header()));
            let len = own.and_then(|len| usize::try_from(len).ok());
            let packet = if is_outermost { self.dissected.wire_len } else { view.layer_len() };
            self.out.put(", length ").put(len.unwrap_or(packet));
        }
        Ok(protocol.gap.unwrap_or(COLON))
    }

    /// All layers above the link, up to the first that is quoted or plain data.
    fn contents(&mut self, first: usize) -> fmt::Result {
        let (table, registry) = (self.dissected.table, registry());
        let data = registry.data().id;
        let mut chain = (first..).zip(table.entries().get(first..).unwrap_or_default());
        let mut next = chain.next();
        let (mut between, mut tells_number) = (NOTHING, false);
        while let Some((index, entry)) = next {
            let protocol = registry.get(entry.protocol);
            if index > first && entry.protocol == data {
                return if tells_number { self.unknown(index, between) } else { Ok(()) };
            }
            // A port does not say what it carries where nothing is known of it.
            tells_number = protocol.next.is_some_and(|next| next.or.is_none());
            next = chain.next().filter(|(_, above)| above.quoted_by == entry.quoted_by);
            if protocol.yields && next.is_some_and(|(_, above)| above.protocol != data) {
                continue;
            }
            if protocol.is_link && index > first {
                // A link inside a tunnel, too, is shown where that is wanted, or nothing else can be said.
                let is_last = self.is_all_there_is(index);
                if self.link || is_last {
                    self.out.put(&between);
                    between = self.link_header(index)?;
                }
                if is_last && protocol.next.is_some_and(|next| next.table != eth::ETHERTYPE) {
                    return Ok(());
                }
                continue;
            }
            let start = self.out.len();
            self.out.put(&between);
            let said = self.out.len();
            let dissected = self.dissected;
            let packet = (dissected.octets, table, dissected.wire_len);
            let view = View::of_line(packet, (index, entry), protocol, (self.style, self.link));
            let behind = self.piece(&view, protocol)?;
            // What is cut is marked behind the colon.
            if self.out.len() == said && entry.state == LayerState::Whole {
                self.out.truncate(start);
                between = protocol.gap.unwrap_or(between);
            } else {
                between = behind;
            }
        }
        Ok(())
    }

    /// Whether nothing is known above this layer but further ones of the link.
    fn is_all_there_is(&self, index: usize) -> bool {
        let mut next = self.dissected.table.child(index);
        while let Some((above, entry)) = next {
            let protocol = registry().get(entry.protocol);
            if !protocol.is_link {
                return protocol.name == data::NAME;
            }
            next = self.dissected.table.child(above);
        }
        true
    }

    /// What one layer has to say; returns what stands between it and the next.
    #[inline]
    fn piece(&mut self, view: &View<'_>, protocol: &Protocol) -> Result<Short<8>, fmt::Error> {
        // Where the link is shown, its type has named it.
        let is_named = self.link && protocol.edges.iter().any(|edge| edge.table == eth::ETHERTYPE);
        let start = self.out.len();
        if !is_named {
            self.out.put(&protocol.tag);
        }
        let before = self.out.len();
        (protocol.summary)(view, self.out)?;
        if self.out.len() == before {
            // A word alone needs no blank behind it.
            self.out.truncate(start.max(before.saturating_sub(1)));
            return Ok(BLANK);
        }
        // Behind a parenthesis, as of a fragment or a routing header, a blank is enough.
        Ok(protocol.gap.unwrap_or(if self.out.last() == Some(b')') { BLANK } else { COLON }))
    }

    /// Data behind a layer that says what it is, but nobody knows that: `ip-proto-253 20`, as tcpdump has it.
    fn unknown(&mut self, index: usize, between: Short<8>) -> fmt::Result {
        let Some((lower, _)) = self.dissected.table.below(index).next() else { return Ok(()) };
        let view = self.view(lower);
        let Some(next) = view.protocol().next else { return Ok(()) };
        let Some(key) = (next.key)(view.header()) else { return Ok(()) };
        self.out.put(&between);
        for character in next.table.chars() {
            self.out.write_char(if character == '.' { '-' } else { character })?;
        }
        // Numbers of EtherTypes are known in hexadecimal.
        match key {
            0..=255 => write!(self.out, "-{key} {}", self.view(index).layer_len()),
            _ => write!(self.out, "-0x{key:x}"),
        }
    }

    /// What is wrong with the lengths: headers that were cut, and layers that contradict themselves.
    #[cold]
    fn marks(&mut self) -> fmt::Result {
        let dissected = self.dissected;
        let mut result = Ok(());
        for (index, entry) in dissected.table.entries().iter().enumerate() {
            let name = registry().get(entry.protocol).name;
            dissected.layer_findings(index, &mut |finding| {
                let out = &mut self.out;
                let gap = if out.last() == Some(b' ') { "" } else { " " };
                result = result.and_then(|()| match finding.problem {
                    Problem::CutBySnapLen | Problem::CutByPacket => write!(out, "{gap}[|{name}]"),
                    problem => write!(out, "{gap}[{name}: {problem}]"),
                });
            });
        }
        result
    }

    fn view(&self, index: usize) -> View<'a> {
        let Dissected { octets, table, wire_len } = *self.dissected;
        let entry = table.entries().get(index).copied().unwrap_or_default();
        let protocol = registry().get(entry.protocol);
        View::of_line((octets, table, wire_len), (index, &entry), protocol, (self.style, self.link))
    }
}

/// What stands between what layers have to say.
const NOTHING: Short<8> = Short::words("");
const BLANK: Short<8> = Short::words(" ");
const COLON: Short<8> = Short::words(": ");

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::packet::dissect::dissect;
    use crate::show::text::is_printable;
    use crate::show::time::{Precision, Style};
    use crate::wire::frame::LinkType;
    use crate::wire::layers::LayerTable;
    use proptest::prelude::*;

    fn line_of(link_type: u32, octets: &[u8], wire_len: usize, link: bool) -> String {
        let mut table = LayerTable::default();
        dissect(octets, LinkType(link_type), &mut table);
        let mut out = String::new();
        summary(&mut out, &Dissected { octets, table: &table, wire_len }, link);
        out
    }

    fn whole(link_type: u32, hex: &str, link: bool) -> String {
        let octets = hex::decode(hex).unwrap();
        line_of(link_type, &octets, octets.len(), link)
    }

    /// Packets made with scapy; the lines are those of `tcpdump -nSr` 4.99.3, but that its second fragment reads
    /// `ip-proto-17`.
    #[test]
    fn the_lines_of_tcpdump() {
        for (link_type, hex, line) in [
            (
                1,
                SYN,
                "IP 10.77.1.2.49152 > 10.77.2.2.80: Flags [S], seq 1, win 64240, options [mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7], length 0",
            ),
            (1, DATA, "IP 10.77.1.2.49152 > 10.77.2.2.80: Flags [P.], seq 2:7, ack 9, win 502, length 5"),
            (
                101,
                "45000039000100004011a4ac0a4d01020a4d0202c0000035002502c004d201000001000000000000076578616d706c6503636f6d0000010001",
                "IP 10.77.1.2.49152 > 10.77.2.2.53: 1234+ A? example.com. (29)",
            ),
            (1, VLAN, "IP 10.77.1.2.5000 > 10.77.2.2.50: UDP, length 5"),
            (
                1,
                "020000000002020000000102080600010800060400010200000001020a4d01020000000000000a4d0101",
                "ARP, Request who-has 10.77.1.1 tell 10.77.1.2, length 28",
            ),
            (
                101,
                "4500003c00000000400164250a4d01010a4d0102030314b8000000004500002000070000401163290a4d01020a4d02029c40829a000c049761626364",
                "IP 10.77.1.1 > 10.77.1.2: ICMP 10.77.2.2 udp port 33434 unreachable, length 40",
            ),
            (
                228,
                "4500002c000700b9401162640a4d01020a4d0202787878787878787878787878787878787878787878787878",
                "IP 10.77.1.2 > 10.77.2.2: frag (1480|24)",
            ),
            (
                1,
                "02000000000202000000010286dd6000000000203afffe800000000000000000000000000001ff0200000000000000000001ff0000028700799600000000fe8000000000000000000000000000020101020000000102",
                "IP6 fe80::1 > ff02::1:ff00:2: ICMP6, neighbor solicitation, who has fe80::2, length 32",
            ),
            (
                229,
                "6000000000240001fe800000000000000000000000000001ff0200000000000000000000000000163a000502000001008f006f0f0000000104000000ff0200000000000000000000000000fb",
                "IP6 fe80::1 > ff02::16: HBH ICMP6, multicast listener report v2, 1 group record(s), length 28",
            ),
            (
                101,
                "4500003000000000400474c501010101020202024500001c000700004011632d0a4d01020a4d0202000100020008e83d",
                "IP 1.1.1.1 > 2.2.2.2: IP 10.77.1.2.1 > 10.77.2.2.2: UDP, length 0",
            ),
            (101, "450000180000000040fd73e4010101010202020261626364", "IP 1.1.1.1 > 2.2.2.2: ip-proto-253 4"),
            (
                1,
                "02000000000202000000010288b561626364",
                "02:00:00:00:01:02 > 02:00:00:00:00:02, ethertype local experimental (0x88b5), length 18",
            ),
            (
                101,
                "46000028000000000102396b0a4d0102e0000016940400002200e9fb0000000104000000e00000fb",
                "IP 10.77.1.2 > 224.0.0.22: igmp v3 report, 1 group record(s)",
            ),
            (147, "6869", "data, length 2"),
        ] {
            assert_eq!(whole(link_type, hex, false), line);
        }
    }

    #[test]
    fn link_headers_where_wanted() {
        assert_eq!(
            whole(1, VLAN, true),
            "02:00:00:00:01:02 > 02:00:00:00:00:02, ethertype 802.1Q (0x8100), length 51: vlan 5, p 3, ethertype IPv4 \
             (0x0800), 10.77.1.2.5000 > 10.77.2.2.50: UDP, length 5"
        );
    }

    #[test]
    fn cut_packets_are_marked_and_keep_their_lengths() {
        let octets = hex::decode(DATA).unwrap();
        assert_eq!(
            line_of(1, &octets[..54], 59, false),
            "IP 10.77.1.2.49152 > 10.77.2.2.80: Flags [P.], seq 2:7, ack 9, win 502, length 5"
        );
        assert_eq!(line_of(1, &octets[..44], 59, false), "IP 10.77.1.2.49152 > 10.77.2.2.80: [|tcp]");
        assert_eq!(
            line_of(1, &octets[..56], 56, false),
            "IP 10.77.1.2.49152 > 10.77.2.2.80: Flags [P.], seq 2:7, ack 9, win 502, length 5 \
             [ip: says 45 octets, the packet has 42]"
        );
    }

    #[test]
    fn time_interface_and_direction_stand_before() {
        let octets = hex::decode(DATA).unwrap();
        let mut table = LayerTable::default();
        dissect(&octets, LinkType::ETHERNET, &mut table);
        let clock = Clock::new(Style::Clock, Precision::Micro, jiff::tz::TimeZone::UTC);
        let mut lines =
            Lines { numbers: false, clock, interfaces: true, link: false, style: EndPointStyle::default() };
        let mut meta = Meta::built(1, LinkType::ETHERNET);
        meta.time = Some(1_700_000_000_123_456_789);
        meta.interface = Some("lo\n");
        meta.direction = Direction::Outbound;
        let mut out = Text::default();
        lines.packet(&mut out, &meta, &Dissected { octets: &octets, table: &table, wire_len: octets.len() });
        let expected = "22:13:20.123456 lo\\u{a} Out IP 10.77.1.2.49152 > 10.77.2.2.80: Flags [P.]";
        assert!(out.as_str().starts_with(expected), "{out:?}");
    }

    proptest! {
        #[test]
        fn always_one_printable_line(
            mut octets in prop::sample::select(vec![SYN, VLAN]).prop_map(|text| hex::decode(text).unwrap()),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
            cut in 0usize..40,
            link: bool,
        ) {
            for (at, value) in changes {
                let at = at.index(octets.len());
                octets[at] = value;
            }
            let line = line_of(1, &octets[..octets.len() - cut.min(octets.len())], octets.len(), link);
            prop_assert!(line.chars().all(is_printable), "{line:?}");
            prop_assert!(!line.is_empty() || cut >= octets.len());
        }
    }

    const SYN: &str = "02000000000202000000010208004500003c000140004006231e0a4d01020a4d0202c00000500000000100000000a002faf0751f0000020405b40402080a000000010000000001030307";
    const DATA: &str = "02000000000202000000010208004500002d000100004006632d0a4d01020a4d0202c00000500000000200000009501801f69206000068656c6c6f";
    const VLAN: &str = "02000000000202000000010281006005080045000021000100004011632e0a4d01020a4d020213880032000d90aa68656c6c6f";
}

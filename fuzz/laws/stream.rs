//! Any octets as frames of a link type, one after the other: conversations, TCP analysis, the following of one, fragments and
//! segments put together end, and tell nothing that cannot be.

use rawsock::packet::check::Dissected;
use rawsock::packet::dissect::dissect;
use rawsock::show::{Meta, facts, tree};
use rawsock::statistics::Expert;
use rawsock::stream::defragment::{Defragmenter, Verdict};
use rawsock::stream::desegment::Desegmenter;
use rawsock::stream::follow::{Content, Follower, Piece, Wanted};
use rawsock::stream::{FactKind, Facts, Moment, Need, Tracker, Transport};
use rawsock::wire::frame::{Frame, LinkType};
use rawsock::wire::layers::LayerTable;
use rawsock::wire::text::Text;

const LINK_TYPES: [LinkType; 3] = [LinkType::RAW, LinkType::ETHERNET, LinkType::LINUX_SLL];

/// Octets that are cut off frames.
const CUT: usize = 7;

/// Holds it.
pub fn check(input: &[u8]) {
    let Some((first, mut rest)) = input.split_first() else { return };
    let link_type = LINK_TYPES[usize::from(*first) % LINK_TYPES.len()];
    let transport = if first & 0x80 == 0 { Transport::Tcp } else { Transport::Udp };
    let mut tracker = Tracker::new(Need::Analysis);
    let mut follower = Follower::new(Wanted::Number(transport, u64::from(first >> 4 & 3)));
    let (mut defragmenter, mut desegmenter) = (Defragmenter::new(), Desegmenter::new());
    let (mut expert, mut table, mut released) = (Expert::default(), LayerTable::default(), Vec::new());
    let (mut moment, mut time) = (Moment::default(), 0i64);
    let (mut offsets, mut given, mut held) = ([0u64; 2], 0usize, 0usize);
    // A frame is what a time and a length say: the low bits of the first octet are the time since the frame before, the highest says
    // that it was longer before it was captured.
    while let [pause, len, after @ ..] = rest {
        let (data, behind) = after.split_at(usize::from(*len).min(after.len()));
        rest = behind;
        time = time.wrapping_add(1i64 << (pause % 64));
        let wire_len = data.len() + if pause & 0x80 == 0 { 0 } else { CUT };
        let len = u32::try_from(wire_len).expect("a length is one octet");
        let frame = Frame { len, time: (*pause != 255).then_some(time), ..Frame::new(data, link_type) };
        moment = Moment::of(moment.number + 1, &frame);
        dissect(data, link_type, &mut table);
        let packet = Dissected { octets: data, table: &table, wire_len };
        let known = tracker.packet(moment, &packet);
        check_facts(known, &packet, moment.number);
        expert.packet(moment.number, &packet, Some(known));
        given += data.len();
        follower.packet(moment, &packet, &mut |piece| follow(&piece, &mut offsets, input));
        if let Some(octets) = desegmenter.packet(&packet) {
            // Headers that can say how long they are.
            assert!(octets.len() <= 1 << 17, "{} octets", octets.len());
            dissect(&octets, link_type, &mut LayerTable::default());
        }
        let verdict = defragmenter.packet(&frame, &table, || moment.number, &mut released);
        held += 1;
        if let Ok(Verdict::Whole(octets)) = verdict {
            // An IP datagram, with the frame's own headers before it.
            assert!(octets.len() <= data.len() + (1 << 17), "{} octets", octets.len());
            dissect(&octets, link_type, &mut table);
        }
    }
    follower.finish(moment, &mut |piece| follow(&piece, &mut offsets, input));
    defragmenter.finish(&mut released);
    // No fragment comes twice.
    assert!(released.len() <= held);
    // Of a frame without octets there is one thing to tell, that it ends too early.
    assert!(expert.found_most_first().len() <= given + held);
}

/// Facts are of layers that there are, flags are set, frames are those before, and all can be shown.
fn check_facts(known: &Facts, packet: &Dissected<'_>, number: u64) {
    for (layer, fact, value) in known.iter() {
        assert!(layer < packet.table.entries().len());
        match fact.description().kind {
            FactKind::Flag => assert_eq!(value, 1),
            FactKind::Frame => {
                assert!(u64::try_from(value).is_ok_and(|frame| frame < number), "{fact:?} {value}")
            }
            FactKind::Number | FactKind::Span => {}
        }
    }
    let meta = Meta { facts: Some(known), ..Meta::built(number, LinkType::RAW) };
    let mut clock = rawsock::show::time::Clock::new(
        rawsock::show::time::Style::Date,
        rawsock::show::time::Precision::Nano,
        jiff::tz::TimeZone::UTC,
    );
    let (mut shown, mut text) = (String::new(), Text::default());
    tree::packet(&mut shown, &meta, packet, &mut clock, tree::Style::default());
    facts::json(&mut text, known);
    facts::marks(&mut text, known);
    assert!(!text.as_str().contains(char::is_control));
}

/// Each side is told in order, without gaps in what is told, and nothing is told that did not come.
fn follow(piece: &Piece<'_>, offsets: &mut [u64; 2], input: &[u8]) {
    let next = &mut offsets[piece.side as usize];
    assert_eq!(piece.offset, *next);
    *next += match piece.content {
        Content::Octets(octets) => octets.len() as u64,
        Content::Missing(count) => count,
    };
    match piece.content {
        Content::Missing(count) => assert!(count > 0),
        Content::Octets(octets) => {
            assert!(!octets.is_empty() && input.windows(octets.len()).any(|came| came == octets));
        }
    }
}

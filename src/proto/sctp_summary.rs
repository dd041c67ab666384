//! What one line says of a chunk of SCTP: tcpdump's words.

use std::fmt;

use super::describe::{Part, View};
use super::registry;
use crate::wire::big_endian::{long_at, octet, word_at};
use crate::wire::layers::{LayerEntry, LayerState};
use crate::wire::text::Text;

/// The chunk's number in the packet, its kind, and what it says.
pub(super) fn summary(view: &View<'_>, out: &mut Text) -> fmt::Result {
    let header = view.header();
    let (Some(kind), Some(own)) = (header.first().copied(), view.scope.layer()) else { return Ok(()) };
    let is_chunk = |entry: &LayerEntry| registry().get(entry.protocol).part == Part::Always;
    let number = view.scope.table.below(view.scope.index).take_while(|(_, entry)| is_chunk(entry)).count();
    if own.state != LayerState::Whole {
        return Ok(());
    }
    out.put("(").put(u64::try_from(number).unwrap_or(0).saturating_add(1)).put(") [");
    match NAMES.iter().find(|(known, _)| *known == kind) {
        Some((_, name)) => _ = out.put(*name),
        None => out.put("Unknown chunk type: 0x").hex(&[kind]),
    }
    out.put("]");
    // What the length leaves no room for is not said.
    let _: Option<()> = parts(header, kind, out);
    Ok(())
}

fn parts(chunk: &[u8], kind: u8, out: &mut Text) -> Option<()> {
    let stated = chunk.get(..usize::from(word_at(chunk, 2)?).min(chunk.len()))?;
    let long = |at: usize| long_at(stated, at);
    let word = |at: usize| word_at(stated, at);
    match kind {
        0 => {
            let flags = octet(stated, 1) & 7;
            out.put(if flags == 0 { "" } else { " " });
            for (bit, mark) in [(4, "(U)"), (2, "(B)"), (1, "(E)")] {
                out.put(if flags & bit != 0 { mark } else { "" });
            }
            out.put(" [TSN: ").put(long(4)?).put("] [SID: ").put(word(8)?).put("] [SSEQ ").put(word(10)?);
            write!(out, "] [PPID 0x{:x}]", long(12)?).ok()?;
        }
        1 | 2 => {
            out.put(" [init tag: ")
                .put(long(4)?)
                .put("] [rwnd: ")
                .put(long(8)?)
                .put("] [OS: ")
                .put(word(12)?);
            out.put("] [MIS: ").put(word(14)?).put("] [init TSN: ").put(long(16)?).put("]");
        }
        3 => {
            out.put(" [cum ack ").put(long(4)?).put("] [a_rwnd ").put(long(8)?).put("] [#gap acks ");
            out.put(word(12)?).put("] [#dup tsns ").put(word(14)?).put("]");
        }
        _ => {}
    }
    Some(())
}

/// Tcpdump's names of the types.
const NAMES: &[(u8, &str)] = &[
    (0, "DATA"),
    (1, "INIT"),
    (2, "INIT ACK"),
    (3, "SACK"),
    (4, "HB REQ"),
    (5, "HB ACK"),
    (6, "ABORT"),
    (7, "SHUTDOWN"),
    (8, "SHUTDOWN ACK"),
    (9, "OP ERR"),
    (10, "COOKIE ECHO"),
    (11, "COOKIE ACK"),
    (12, "ECN ECHO"),
    (13, "ECN CWR"),
    (14, "SHUTDOWN COMPLETE"),
    (15, "AUTH"),
    (128, "ASCONF-ACK"),
    (192, "FOR CUM TSN"),
    (193, "ASCONF"),
];

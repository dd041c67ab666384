//! What the packets before tell of a packet, in its line and in its JSON.

use super::time::seconds;
use crate::stream::{Fact, FactKind, Facts};
use crate::wire::text::Text;

/// Appends to a packet's line what TCP analysis found: ` [TCP Retransmission]`.
pub fn marks(out: &mut Text, facts: &Facts) {
    for (layer, fact, _) in facts.iter() {
        let known = fact.description();
        if known.gravity.is_none() || !known.name.starts_with("tcp.analysis.") {
            continue;
        }
        // An acknowledgment that is a duplicate says of which packet, and which one it is.
        let numbers = [Fact::DuplicateAckFrame, Fact::DuplicateAckNum].map(|fact| facts.get(layer, fact));
        match (fact, numbers) {
            (Fact::DuplicateAck, [Some(frame), Some(number)]) => {
                out.put(" [").put(known.title).put(" ");
                push_number(out, frame);
                out.put("#");
                push_number(out, number);
                out.put("]");
            }
            _ => {
                out.put(" [").put(known.title).put("]");
            }
        }
    }
}

/// Appends the list that stands in a packet's JSON under `facts`: an object for each layer that something is known of.
pub fn json(out: &mut Text, facts: &Facts) {
    out.put("[");
    let mut open = None;
    for (layer, fact, value) in facts.iter() {
        let known = fact.description();
        if open != Some(layer) {
            out.put(if open.is_some() { "},{" } else { "{" })
                .put("\"layer\":\"")
                .put(known.protocol)
                .put("\"");
            open = Some(layer);
        }
        out.put(",\"").put(known.field()).put("\":");
        match known.kind {
            FactKind::Flag => {
                out.put("true");
            }
            FactKind::Number | FactKind::Frame => push_number(out, value),
            FactKind::Span => {
                out.put("\"");
                seconds(out, value);
                out.put("\"");
            }
        }
    }
    out.put(if open.is_some() { "}]" } else { "]" });
}

fn push_number(out: &mut Text, number: i64) {
    if number < 0 {
        out.put("-");
    }
    out.put(number.unsigned_abs());
}

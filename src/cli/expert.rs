//! `read --expert`: what was found in the packets, counted.

use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::show::expert as show;
use crate::statistics::Expert;
use crate::stream::Facts;
use crate::wire::frame::Frame;
use crate::wire::layers::LayerTable;

/// What was found so far.
#[derive(Default)]
pub(super) struct Finding {
    expert: Expert,
    /// Emptied and filled again for each packet.
    table: LayerTable,
}

impl Finding {
    /// Takes a packet, and what the packets before it tell.
    pub(super) fn packet(&mut self, number: u64, frame: &Frame<'_>, facts: Option<&Facts>) {
        dissect(frame.data, frame.link_type, &mut self.table);
        let wire_len = usize::try_from(frame.len).unwrap_or(usize::MAX).max(frame.data.len());
        let packet = Dissected { octets: frame.data, table: &self.table, wire_len };
        self.expert.packet(number, &packet, facts);
    }

    /// What is printed of it.
    pub(super) fn text(&self, is_json: bool) -> String {
        if is_json { show::json(&self.expert) + "\n" } else { show::text(&self.expert) }
    }
}

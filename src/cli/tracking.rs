//! What packets are among those before them, where a filter, a column or a tree wants to know it.

use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::stream::{Facts, Moment, Need, Tracker};
use crate::wire::frame::Frame;
use crate::wire::layers::LayerTable;

/// Sees all packets, one after the other, if anybody wants to know.
pub(super) struct Tracking(Option<Box<Seeing>>);

struct Seeing {
    tracker: Tracker,
    /// Emptied and filled again for each packet.
    table: LayerTable,
}

impl Tracking {
    /// One that knows what is needed.
    pub(super) fn new(need: Need) -> Self {
        let seeing = || Box::new(Seeing { tracker: Tracker::new(need), table: LayerTable::default() });
        Self((need != Need::Nothing).then(seeing))
    }

    /// Whether nobody wants to know anything.
    pub(super) fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    /// What is known of the next packet; nothing where nobody wants to know.
    pub(super) fn packet(&mut self, number: u64, frame: &Frame<'_>) -> Option<&Facts> {
        let Seeing { tracker, table } = self.0.as_deref_mut()?;
        dissect(frame.data, frame.link_type, table);
        let wire_len = usize::try_from(frame.len).unwrap_or(usize::MAX).max(frame.data.len());
        let packet = Dissected { octets: frame.data, table, wire_len };
        Some(tracker.packet(Moment::of(number, frame), &packet))
    }

    /// The layers of the last packet, and what is known of it.
    pub(super) fn last(&self) -> Option<(&LayerTable, &Facts)> {
        self.0.as_ref().map(|seeing| (&seeing.table, seeing.tracker.facts()))
    }

    /// What is known of the last packet.
    pub(super) fn facts(&self) -> Option<&Facts> {
        self.0.as_ref().map(|seeing| seeing.tracker.facts())
    }
}

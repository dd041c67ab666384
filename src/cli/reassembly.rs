//! Fragments on their way to whole datagrams, and segments to whole messages: `read --reassemble`.

use crate::file::{Block, OwnedBlock};
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::stream::defragment::{Conflict, Defragmenter, Verdict};
use crate::stream::desegment::Desegmenter;
use crate::wire::frame::{Frame, OwnedFrame};
use crate::wire::layers::LayerTable;

/// Holds fragments, and what segments have begun.
#[derive(Default)]
pub(super) struct Reassembly {
    defragmenter: Defragmenter<Kept>,
    desegmenter: Desegmenter,
    /// Emptied and filled again for each packet.
    table: LayerTable,
    told: u64,
}

/// A packet that was held.
pub(super) struct Kept {
    pub(super) source: usize,
    pub(super) number: u64,
    frame: OwnedFrame,
    block: Option<OwnedBlock>,
}

impl Kept {
    fn new(source: usize, number: u64, frame: &Frame<'_>, block: Option<&Block<'_>>) -> Self {
        let block = block.map(|block| OwnedBlock::from(*block));
        Self { source, number, frame: frame.into(), block }
    }

    pub(super) fn frame(&self) -> Frame<'_> {
        self.frame.borrowed()
    }

    pub(super) fn block(&self) -> Option<Block<'_>> {
        self.block.as_ref().map(OwnedBlock::borrowed)
    }
}

/// What becomes of a packet, behind those that are released.
pub(super) enum Come {
    /// It comes as it is.
    Same,
    /// It is held.
    Nothing,
    /// These octets come in its place.
    Whole(Vec<u8>),
}

impl Reassembly {
    /// Takes a packet; what comes before it is appended to `released`. A conflict between fragments is told by `tell`.
    pub(super) fn packet(
        &mut self,
        source: usize,
        (number, frame): (u64, &Frame<'_>),
        block: Option<&Block<'_>>,
        released: &mut Vec<Kept>,
    ) -> (Come, Option<Conflict>) {
        let mut whole: Option<Vec<u8>> = None;
        loop {
            let frame = match &whole {
                Some(octets) => {
                    Frame { data: octets, len: u32::try_from(octets.len()).unwrap_or(u32::MAX), ..*frame }
                }
                None => *frame,
            };
            dissect(frame.data, frame.link_type, &mut self.table);
            let block = block.filter(|_| whole.is_none());
            let keep = || Kept::new(source, number, &frame, block);
            let verdict = self.defragmenter.packet(&frame, &self.table, keep, released);
            let come = |whole: Option<Vec<u8>>| whole.map_or(Come::Same, Come::Whole);
            match verdict {
                Ok(Verdict::Passes) => return (come(whole), None),
                Ok(Verdict::Held) => return (Come::Nothing, None),
                // What it carries may be a fragment in its turn: at most as often as there are layers.
                Ok(Verdict::Whole(octets)) => whole = Some(octets),
                Err(conflict) => return (come(whole), Some(conflict)),
            }
        }
    }

    /// The packet as it is shown where it completes a message that segments before it began. The packet itself stays what it
    /// is: no other is taken away for it, so that a copy has them all.
    pub(super) fn message(&mut self, frame: &Frame<'_>) -> Option<Vec<u8>> {
        dissect(frame.data, frame.link_type, &mut self.table);
        let wire_len = usize::try_from(frame.len).unwrap_or(usize::MAX).max(frame.data.len());
        self.desegmenter.packet(&Dissected { octets: frame.data, table: &self.table, wire_len })
    }

    /// Gives up what is held.
    pub(super) fn finish(&mut self, released: &mut Vec<Kept>) {
        self.defragmenter.finish(released);
    }

    /// Whether another conflict is told, or only counted.
    pub(super) fn tells(&mut self) -> bool {
        self.told = self.told.saturating_add(1);
        self.told <= MOST_TOLD
    }
}

/// More conflicts than this are not told.
const MOST_TOLD: u64 = 20;

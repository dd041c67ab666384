//! A capture's packets that were all read and edited before the first leaves.

use std::error::Error;

use super::replay_source::Replay;
use crate::exchange::drive::outflow::{Due, Packets};
use crate::exchange::pace::Timetable;
use crate::wire::packet_batch::PacketBatch;

/// Packets that were read before the first leaves.
pub(super) struct Preloaded {
    packets: PacketBatch,
    dues: Vec<Due>,
    /// When each was recorded.
    recorded: Vec<Option<i64>>,
    /// The first packet of each file, by its place: times begin anew there.
    begins: Vec<usize>,
    timetable: Timetable,
    next: usize,
    /// Passes that have begun, and how many there are to be; 0 for again and again.
    pass: u64,
    passes: u64,
    /// Packets that may still come.
    left: u64,
}

impl Preloaded {
    /// Reads one pass of a file, whose passes are told from here.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn read(replay: &mut Replay<'_>, timetable: Timetable) -> Result<Self, Box<dyn Error>> {
        let passes = replay.passes_from_here();
        let (mut packets, mut dues, mut recorded) = (PacketBatch::default(), Vec::new(), Vec::new());
        let (mut begins, mut file) = (Vec::new(), 0);
        while let Some(due) = replay.next(&mut packets)? {
            if std::mem::replace(&mut file, replay.place()) != file {
                begins.push(dues.len());
            }
            dues.push(due);
            recorded.push(replay.recorded());
        }
        let left = replay.count();
        Ok(Self { packets, dues, recorded, begins, timetable, next: 0, pass: 1, passes, left })
    }

    /// How many packets there are in a pass.
    pub(super) fn len(&self) -> usize {
        self.dues.len()
    }
}

impl Packets for Preloaded {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Option<Due>, Box<dyn Error>> {
        if self.next >= self.dues.len() {
            if self.passes != 0 && self.pass >= self.passes {
                return Ok(None);
            }
            self.pass = self.pass.saturating_add(1);
            self.next = 0;
            self.timetable.again();
        }
        let Some(due) = self.dues.get(self.next).copied().filter(|_| self.left > 0) else { return Ok(None) };
        if self.begins.binary_search(&self.next).is_ok() {
            self.timetable.again();
        }
        let octets = self.packets.get(self.next);
        batch.push(octets);
        let at = self.timetable.next(self.recorded.get(self.next).copied().flatten(), octets.len());
        self.next = self.next.saturating_add(1);
        self.left = self.left.saturating_sub(1);
        Ok(Some(Due { at, ..due }))
    }
}

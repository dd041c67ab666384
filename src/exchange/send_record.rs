//! What is known of a packet that was sent: when it left, by whose stamp, and what became of it.

use crate::exchange::engine::{Departure, Incoming, Nanos, Stage, Stamp};
use crate::exchange::moment::Moment;

/// What was sent, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    sent: Option<Moment>,
    /// Whose time that is.
    by: Stamp,
    /// The driver's own stamp: none is nearer to the wire.
    is_stamped: bool,
    pub(super) until: Nanos,
    pub(super) awaited: bool,
    pub(super) answered: bool,
    pub(super) left: bool,
    /// Something is expected, which says how long to wait.
    pub(super) expects: bool,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            sent: None,
            by: Stamp::User,
            is_stamped: false,
            until: 0,
            awaited: false,
            answered: false,
            left: false,
            expects: false,
        }
    }
}

impl Record {
    /// One that is about to be sent, whose answer is awaited or not until then.
    pub(super) fn waiting(until: Nanos, awaited: bool, expects: bool) -> Self {
        Self { until, awaited, expects, ..Self::default() }
    }

    /// Whether it was handed to the kernel.
    pub(super) fn is_sent(&self) -> bool {
        self.sent.is_some()
    }

    /// The call that sent it was made then.
    pub(super) fn called(&mut self, at: Nanos, wall: i64) {
        self.sent = Some(Moment { at, wall });
    }

    /// The kernel says when its driver had it.
    pub(super) fn stamped(&mut self, departure: Departure) {
        if self.is_sent() && !self.answered && departure.stage == Stage::Driver {
            let Departure { at, wall, .. } = departure;
            (self.sent, self.by, self.is_stamped) = (Some(Moment { at, wall }), Stamp::Kernel, true);
        }
    }

    /// A tap saw it on its way out, which the kernel stamps on the way to the driver.
    pub(super) fn seen(&mut self, packet: &Incoming<'_>) {
        self.left = true;
        if !self.answered && !self.is_stamped {
            (self.sent, self.by) = (Some(moment(packet)), stamp(packet));
        }
    }

    /// How long an answer took, and whose stamps that is between.
    pub(super) fn round_trip(&self, answer: &Incoming<'_>) -> (Nanos, (Stamp, Stamp)) {
        let rtt = self.sent.map_or(0, |sent| sent.until(moment(answer)));
        (rtt, (self.by, stamp(answer)))
    }
}

fn moment(packet: &Incoming<'_>) -> Moment {
    Moment { at: packet.at, wall: packet.wall }
}

/// What taps see has the kernel's stamp, unless whoever read it says otherwise.
fn stamp(packet: &Incoming<'_>) -> Stamp {
    packet.read.map_or(Stamp::Kernel, |read| read.stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(at: Nanos) -> Incoming<'static> {
        Incoming::of_ip(&[], at, 1_000_000 + at.cast_signed())
    }

    #[test]
    fn the_stamp_that_is_nearest_to_the_wire_counts() {
        let mut record = Record::default();
        record.called(100, 1_000_100);
        assert_eq!(record.round_trip(&packet(300)), (200, (Stamp::User, Stamp::Kernel)));
        record.seen(&packet(120));
        assert_eq!(record.round_trip(&packet(300)), (180, (Stamp::Kernel, Stamp::Kernel)));
        record.stamped(Departure { stage: Stage::Queued, at: 125, wall: 1_000_125 });
        record.stamped(Departure { stage: Stage::Driver, at: 130, wall: 1_000_130 });
        record.seen(&packet(140));
        assert_eq!(record.round_trip(&packet(300)), (170, (Stamp::Kernel, Stamp::Kernel)));
    }
}

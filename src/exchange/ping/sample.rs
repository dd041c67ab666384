//! One round trip: from which stamp to which, and where its time was spent.

use crate::exchange::engine::{Departure, Nanos, Reading, Stage, Stamp};

/// What is known of a request's way out. Times on the calendar are nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WayOut {
    /// When the program asked for it, on the monotonic clock.
    pub called: Nanos,
    /// The same on the calendar.
    pub called_wall: i64,
    /// When it was handed to the interface's queue.
    pub queued: Option<i64>,
    /// When the driver had it.
    pub driver: Option<i64>,
    /// When the adapter had sent it, by the adapter's clock.
    pub wire: Option<i64>,
}

impl WayOut {
    /// Takes a stamp. Of a packet that left in several pieces the first counts.
    pub fn note(&mut self, departure: Departure) {
        let place = match departure.stage {
            Stage::Queued => &mut self.queued,
            Stage::Driver => &mut self.driver,
            Stage::Wire => &mut self.wire,
        };
        place.get_or_insert(departure.wall);
    }

    /// Whether somebody but this program says that it left.
    pub fn is_stamped(&self) -> bool {
        self.driver.is_some() || self.wire.is_some()
    }
}

/// A reply's way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WayIn {
    /// When it came, on the calendar.
    pub wall: i64,
    /// How it was read.
    pub reading: Reading,
}

/// A round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// How long it took.
    pub rtt: Nanos,
    /// Whose stamp it begins with.
    pub left: Stamp,
    /// Whose stamp it ends with.
    pub came: Stamp,
    /// By how many nanoseconds the calendar was set meanwhile, or the host slept. The round trip is then told by the monotonic
    /// clock, from the call to the reading.
    pub clock: Option<i64>,
    /// Where its time was spent.
    pub legs: Legs,
}

/// The parts of a round trip, as far as they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Legs {
    /// From the program to the queue of the interface.
    pub stack: Option<Nanos>,
    /// In the queue, until the driver has it.
    pub queue: Option<Nanos>,
    /// From the driver to the answer's arrival at this host.
    pub wire: Option<Nanos>,
    /// From there to the program.
    pub wakeup: Option<Nanos>,
}

/// Clocks drift against each other by less than this: NTP slews by at most 500 parts in a million (adjtimex(2)).
const DRIFT: u64 = 1000;
/// Two clocks are read one after the other.
const READING: u64 = 20_000;

impl Sample {
    /// The round trip from `out` to `back`.
    pub fn of(out: &WayOut, back: &WayIn) -> Self {
        let by_program = back.reading.at.saturating_sub(out.called);
        let clock = stepped(out, &back.reading);
        let user =
            Self { rtt: by_program, left: Stamp::User, came: Stamp::User, clock, legs: Legs::default() };
        if clock.is_some() {
            return user;
        }
        let (left, left_wall, came, came_wall) = match (back.reading.stamp, out.wire, out.driver) {
            // The adapter's clock is its own: both stamps are its, or none.
            (Stamp::Adapter, Some(wire), _) => (Stamp::Adapter, wire, Stamp::Adapter, back.wall),
            (Stamp::Adapter, None, Some(driver)) => (Stamp::Kernel, driver, Stamp::User, back.reading.wall),
            (Stamp::Adapter, None, None) => (Stamp::User, out.called_wall, Stamp::User, back.reading.wall),
            (came, _, Some(driver)) => (Stamp::Kernel, driver, came, back.wall),
            (came, _, None) => (Stamp::User, out.called_wall, came, back.wall),
        };
        let Some(rtt) = between(left_wall, came_wall) else { return user };
        let arrival = (came == Stamp::Kernel).then_some(back.wall);
        let leg = |from: Option<i64>, to: Option<i64>| between(from?, to?);
        let legs = Legs {
            stack: leg(Some(out.called_wall), out.queued),
            queue: leg(out.queued, out.driver),
            wire: leg(out.driver, arrival),
            wakeup: leg(arrival, Some(back.reading.wall)),
        };
        Self { rtt, left, came, clock: None, legs }
    }

    /// Whether both stamps are the kernel's or the adapter's.
    pub fn is_by_kernel(&self) -> bool {
        self.left != Stamp::User && self.came != Stamp::User
    }
}

/// By how much the calendar moved against the monotonic clock between a call and a reading, if that was more than clocks drift.
fn stepped(out: &WayOut, reading: &Reading) -> Option<i64> {
    let passed = reading.at.saturating_sub(out.called);
    let by_calendar = reading.wall.saturating_sub(out.called_wall);
    let by = by_calendar.saturating_sub(i64::try_from(passed).unwrap_or(i64::MAX));
    let allowed = READING.saturating_add(passed / 1_000_000 * DRIFT);
    (by.unsigned_abs() > allowed).then_some(by)
}

fn between(from: i64, to: i64) -> Option<Nanos> {
    Nanos::try_from(to.checked_sub(from)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: i64 = 1_700_000_000_000_000_000;

    fn out() -> WayOut {
        WayOut { called: 1000, called_wall: WALL + 1000, queued: None, driver: None, wire: None }
    }

    fn back(stamp: Stamp, wall: i64) -> WayIn {
        WayIn { wall: WALL + wall, reading: Reading { at: 90_000, wall: WALL + 90_000, stamp } }
    }

    fn departure(stage: Stage, wall: i64) -> Departure {
        Departure { stage, at: 0, wall: WALL + wall }
    }

    #[test]
    fn the_kernels_stamps_count_where_they_are() {
        let mut out = out();
        out.note(departure(Stage::Queued, 3000));
        out.note(departure(Stage::Driver, 4500));
        out.note(departure(Stage::Driver, 9000));
        let sample = Sample::of(&out, &back(Stamp::Kernel, 60_000));
        assert_eq!((sample.rtt, sample.left, sample.came), (55_500, Stamp::Kernel, Stamp::Kernel));
        let legs = Legs { stack: Some(2000), queue: Some(1500), wire: Some(55_500), wakeup: Some(30_000) };
        assert_eq!(sample.legs, legs);
        assert!(sample.is_by_kernel());
    }

    #[test]
    fn a_missing_stamp_is_the_programs() {
        let sample = Sample::of(&out(), &back(Stamp::Kernel, 60_000));
        assert_eq!((sample.rtt, sample.left, sample.came), (59_000, Stamp::User, Stamp::Kernel));
        let sample = Sample::of(&out(), &back(Stamp::User, 90_000));
        assert_eq!((sample.rtt, sample.left, sample.came), (89_000, Stamp::User, Stamp::User));
        assert_eq!(sample.legs, Legs::default());
    }

    #[test]
    fn the_adapters_clock_is_not_mixed_with_the_hosts() {
        let mut out = out();
        out.note(departure(Stage::Driver, 4500));
        let adapter = WayIn { wall: 77, ..back(Stamp::Adapter, 0) };
        assert_eq!(Sample::of(&out, &adapter).came, Stamp::User);
        out.wire = Some(70);
        let sample = Sample::of(&out, &adapter);
        assert_eq!((sample.rtt, sample.left, sample.came), (7, Stamp::Adapter, Stamp::Adapter));
    }

    #[test]
    fn a_clock_that_was_set_flags_the_sample_and_does_not_spoil_it() {
        let mut out = out();
        out.note(departure(Stage::Driver, 4500));
        for by in [-3_600_000_000_000, -50_000, 50_000, 1_000_000_000] {
            let mut back = back(Stamp::Kernel, 60_000 + by);
            back.reading.wall += by;
            let sample = Sample::of(&out, &back);
            assert_eq!((sample.rtt, sample.clock, sample.is_by_kernel()), (89_000, Some(by), false));
        }
        let mut slow = back(Stamp::Kernel, 60_000);
        slow.reading.at += 10_000_000_000;
        slow.reading.wall += 10_000_000_000 + 5_000_000;
        assert_eq!(Sample::of(&out, &slow).clock, None, "a clock that is slewed is not one that is set");
    }
}

//! `--dump-on`: the last packets stay in memory, and are written when something happens.

use std::error::Error;
use std::time::Duration;

use clap::Args;

use super::capture_files::{Files, size};
use super::display_filter::DisplayFilter;
use super::duration;
use crate::filter::field::{FieldFilter, FieldFilterError};
use crate::show::text::printable;
use crate::stream::{Facts, Need};
use crate::wire::frame::Frame;
use crate::wire::frame_ring::{FrameRing, Notes};

/// What ends a capture, and what it waits for.
#[derive(Debug, Clone, Args)]
pub(super) struct TriggerArgs {
    /// End with the first packet that this field filter takes, as -Y has it; that packet is the last.
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    stop_on: Option<String>,
    /// Keep packets in memory; when this field filter takes one, save those kept before it, it, and those behind it (--keep,
    /// --keep-after), and wait for the next. Each dump is a file of its own: trace.pcapng, trace_00001.pcapng, or by a
    /// pattern of strftime(3), with -W in a ring.
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    pub(super) dump_on: Option<String>,
    /// How much is kept: a time, a size in KiB, MiB or GiB (k, M or G), or both with a comma between.
    #[arg(long, value_name = "TIME|SIZE", requires = "dump_on", default_value = "10s,64M")]
    keep: Keep,
    /// For how long packets are saved behind the last one that --dump-on takes; left out, half of what is kept before, and 5 s
    /// where that is no time.
    #[arg(long, value_name = "TIME", requires = "dump_on", value_parser = duration::parse)]
    keep_after: Option<Duration>,
}

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Keep {
    time: Option<Duration>,
    octets: u64,
}

impl std::str::FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut time, mut octets) = (None, None);
        for part in text.split(',').map(str::trim) {
            let is_size = part.ends_with(['k', 'K', 'M', 'G', 'B']);
            let is_new = match is_size {
                true => octets.replace(size(part)?).is_none(),
                false => time.replace(duration::parse(part)?).is_none(),
            };
            if !is_new {
                return Err("takes one time and one size".to_owned());
            }
        }
        let octets = octets.unwrap_or(MOST_OCTETS);
        match octets {
            ..LEAST_OCTETS => Err("keeps at least 512k: the largest packets must fit".to_owned()),
            _ => Ok(Self { time, octets }),
        }
    }
}

/// Where only a time is given.
const MOST_OCTETS: u64 = 64 << 20;
/// Twice the largest packet.
const LEAST_OCTETS: u64 = 512 << 10;

impl TriggerArgs {
    /// The filter that ends the capture.
    ///
    /// # Errors
    /// When the expression is none.
    pub(super) fn stop_on(&self) -> Result<Option<DisplayFilter>, FieldFilterError> {
        self.stop_on
            .as_deref()
            .map(FieldFilter::compile)
            .transpose()
            .map(|filter| filter.map(DisplayFilter::of))
    }

    /// What keeps packets, where that is wanted.
    ///
    /// # Errors
    /// When the expression is none, or there is not so much memory.
    pub(super) fn keeper(&self) -> Result<Option<Box<Keeper>>, Box<dyn Error>> {
        let Some(filter) = self.dump_on.as_deref() else { return Ok(None) };
        let filter = DisplayFilter::of(FieldFilter::compile(filter)?);
        let nanoseconds = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        let Keep { time, octets } = self.keep;
        let after = self.keep_after.or(time.map(|time| time / 2)).unwrap_or(AFTER);
        let octets = usize::try_from(octets).unwrap_or(usize::MAX);
        let ring = FrameRing::new(octets)
            .map_err(|error| format!("keep {} in memory: {error}; `--keep` takes less", size_text(octets)))?;
        Ok(Some(Box::new(Keeper {
            filter,
            ring,
            octets,
            time,
            before: time.map_or(i64::MAX, nanoseconds),
            after: nanoseconds(after),
            until: None,
            was_full: false,
            dumps: 0,
        })))
    }
}

/// What is saved behind a packet where nothing says for how long.
const AFTER: Duration = Duration::from_secs(5);

/// The last packets, in memory.
pub(super) struct Keeper {
    filter: DisplayFilter,
    ring: FrameRing,
    octets: usize,
    time: Option<Duration>,
    /// Nanoseconds that are kept before a packet, and those that are saved behind it.
    before: i64,
    after: i64,
    /// Until when a dump goes on, in nanoseconds since 1970; none where there is none.
    until: Option<i64>,
    /// Whether packets had to go that were young enough to stay.
    was_full: bool,
    dumps: u32,
}

/// What a packet means for the dumps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Turn {
    /// The dump before is over.
    pub(super) ends_dump: bool,
    /// It begins one.
    pub(super) begins_dump: bool,
    /// It belongs to one.
    pub(super) is_in_dump: bool,
}

impl Keeper {
    /// Says what is kept.
    pub(super) fn describe(&self) -> String {
        let time = self.time.map_or_else(String::new, |time| format!("the last {time:?}, "));
        let (most, after) = (size_text(self.octets), Duration::from_nanos(self.after.unsigned_abs()));
        format!("keeping {time}at most {most}, in memory; a dump goes on for {after:?}")
    }

    /// What must be known of the packets before.
    pub(super) fn need(&self) -> Need {
        self.filter.need()
    }

    /// Looks at a packet, which has this number among all.
    pub(super) fn turn(
        &mut self,
        number: u64,
        frame: &Frame<'_>,
        interface: Option<&str>,
        facts: Option<&Facts>,
    ) -> Turn {
        let now = frame.time.unwrap_or_default();
        let ends_dump = self.is_over(now);
        let is_hit = self.filter.matches(number, frame, interface, facts);
        let begins_dump = is_hit && self.until.is_none();
        if is_hit {
            self.until = Some(now.saturating_add(self.after));
        }
        Turn { ends_dump, begins_dump, is_in_dump: self.until.is_some() }
    }

    /// Whether a dump is over by now; asked once more, there is none. A clock that was set back ends it too.
    pub(super) fn is_over(&mut self, now: i64) -> bool {
        let began = self.until.map(|until| until.saturating_sub(self.after));
        let is_over = self.until.is_some_and(|until| now > until)
            || began.is_some_and(|began| now < began.saturating_sub(SECOND));
        if is_over {
            self.until = None;
        }
        is_over
    }

    /// Whether a dump is over although no packet says so.
    pub(super) fn is_over_by_clock(&mut self, now: i64) -> bool {
        self.is_over(now.saturating_sub(LATE))
    }

    /// Nanoseconds until a dump is over; a little later, for packets that are on their way.
    pub(super) fn left(&self, now: i64) -> Option<u64> {
        let left = self.until?.saturating_sub(now).saturating_add(LATE);
        Some(u64::try_from(left).unwrap_or(0))
    }

    /// Keeps a packet, and lets those go that are too old, or for which there is no room; `leave_out` is told their first note.
    pub(super) fn keep(&mut self, frame: &Frame<'_>, notes: Notes, leave_out: &mut dyn FnMut(u32)) {
        let oldest = frame.time.unwrap_or_default().saturating_sub(self.before);
        while let Some((kept, [tap, _])) = self.ring.front()
            && kept.time.is_some_and(|time| time < oldest)
        {
            leave_out(tap);
            self.ring.drop_front();
            self.was_full = false;
        }
        while !self.ring.push(frame, notes) {
            self.was_full = true;
            let [own_tap, _] = notes;
            let Some((_, [tap, _])) = self.ring.front() else { return leave_out(own_tap) };
            leave_out(tap);
            self.ring.drop_front();
        }
    }

    /// The oldest packet that is kept.
    pub(super) fn oldest(&self) -> Option<(Frame<'_>, Notes)> {
        self.ring.front()
    }

    /// Lets the oldest go.
    pub(super) fn let_go(&mut self) {
        self.ring.drop_front();
    }

    /// Says that a dump begins with this packet.
    pub(super) fn said(&mut self, frame: &Frame<'_>, files: Option<&Files>) -> String {
        self.dumps = self.dumps.saturating_add(1);
        let oldest = self.ring.front().and_then(|(kept, _)| kept.time).or(frame.time).unwrap_or_default();
        let span = frame.time.unwrap_or_default().saturating_sub(oldest);
        let span = Duration::from_millis(u64::try_from(span).unwrap_or(0) / 1_000_000);
        let into = files.map_or_else(String::new, |files| format!(" into {}", printable(&files.present())));
        let full =
            if self.was_full && self.time.is_some() { "; there was no memory for more (--keep)" } else { "" };
        self.was_full = false;
        format!(
            "dump {}{into}: {} packets of the last {span:?} and what follows{full}",
            self.dumps,
            self.ring.len()
        )
    }
}

fn size_text(octets: usize) -> String {
    match octets.is_multiple_of(1 << 20) {
        true => format!("{} MiB", octets >> 20),
        false => format!("{} KiB", octets >> 10),
    }
}

const SECOND: i64 = 1_000_000_000;
/// So late a packet may be told after its time, in nanoseconds.
const LATE: i64 = SECOND / 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::LinkType;

    #[test]
    fn how_much_is_kept() {
        let keep = |time: Option<u64>, octets| Ok(Keep { time: time.map(Duration::from_secs), octets });
        assert_eq!("30".parse(), keep(Some(30), 64 << 20));
        assert_eq!("5m".parse(), keep(Some(300), 64 << 20));
        assert_eq!("256M".parse(), keep(None, 256 << 20));
        assert_eq!("1G, 2s".parse(), keep(Some(2), 1 << 30));
        for wrong in ["", "10s,20s", "1M,2M", "4k", "soon", "1s,2M,3s"] {
            assert!(wrong.parse::<Keep>().is_err(), "{wrong}");
        }
    }

    fn keeper(before: &str, after: u64) -> Keeper {
        let arguments = TriggerArgs {
            stop_on: None,
            dump_on: Some("frame.len == 7".to_owned()),
            keep: before.parse().unwrap(),
            keep_after: Some(Duration::from_secs(after)),
        };
        *arguments.keeper().unwrap().unwrap()
    }

    fn at(seconds: i64, data: &[u8]) -> Frame<'_> {
        Frame { time: Some(seconds * SECOND), ..Frame::new(data, LinkType::ETHERNET) }
    }

    #[test]
    fn what_is_too_old_goes_and_is_told() {
        let mut keeper = keeper("3s", 1);
        let mut left_out = Vec::new();
        for second in 0..10 {
            let notes = [u32::try_from(second).unwrap(), 0];
            keeper.keep(&at(second, &[0; 9]), notes, &mut |note| left_out.push(note));
        }
        assert_eq!(left_out, [0, 1, 2, 3, 4, 5]);
        assert_eq!(keeper.oldest().unwrap().0.time, Some(6 * SECOND));
    }

    #[test]
    fn a_dump_goes_on_while_it_happens_and_ends_when_the_clock_is_set_back() {
        let mut keeper = keeper("3s", 2);
        let mut turn = |second, len: usize| {
            let turn = keeper.turn(1, &at(second, &[0; 9][..len]), None, None);
            (turn.ends_dump, turn.begins_dump, turn.is_in_dump)
        };
        assert_eq!(turn(100, 9), (false, false, false));
        assert_eq!(turn(101, 7), (false, true, true));
        assert_eq!(turn(102, 7), (false, false, true));
        assert_eq!(turn(104, 9), (false, false, true), "two seconds behind the second");
        assert_eq!(turn(105, 7), (true, true, true), "over, and the next begins");
        assert_eq!(turn(5, 9), (true, false, false), "a clock that was set back");
    }
}

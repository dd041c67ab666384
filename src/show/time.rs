//! Times of packets, in the styles that tcpdump's `-t` options choose.
#![deny(clippy::arithmetic_side_effects)]

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::wire::text::{Short, Text};

/// How times are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// The time of day in the local zone: `22:13:20.123456`.
    #[default]
    Clock,
    /// Not at all (`-t`).
    None,
    /// Seconds since 1970 (`-tt`).
    Epoch,
    /// Since the packet before (`-ttt`).
    Delta,
    /// Date and time of day (`-tttt`).
    Date,
    /// Since the first packet (`-ttttt`).
    Elapsed,
}

impl Style {
    /// The style that so many `-t` choose.
    pub fn from_count(count: u8) -> Self {
        match count {
            0 => Self::Clock,
            1 => Self::None,
            2 => Self::Epoch,
            3 => Self::Delta,
            4 => Self::Date,
            _ => Self::Elapsed,
        }
    }
}

/// How many decimals of a second are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Six.
    #[default]
    Micro,
    /// Nine.
    Nano,
}

/// Writes the times of packets, one after the other. It remembers the packets before for the styles that count from
/// them, and the last second's text, which most packets share.
#[derive(Debug, Clone)]
pub struct Clock {
    style: Style,
    precision: Precision,
    zone: TimeZone,
    first: Option<i64>,
    last: Option<i64>,
    /// When the second begins whose text this is, with the dot behind it.
    second: Option<i64>,
    text: Short,
}

impl Clock {
    /// A clock that has seen no packet yet; times of day are those of `zone`.
    pub fn new(style: Style, precision: Precision, zone: TimeZone) -> Self {
        Self { style, precision, zone, first: None, last: None, second: None, text: Short::default() }
    }

    /// Whether a packet's time depends on the packets before it.
    pub fn counts_from_others(&self) -> bool {
        matches!(self.style, Style::Delta | Style::Elapsed)
    }

    /// Appends the time of the next packet and a blank; nothing in the style that writes no times. A packet whose time
    /// nobody knows gets a dash.
    pub fn write(&mut self, out: &mut Text, time: Option<i64>) {
        // Nearly all packets have the second of the one before.
        if let (Some(time), Some(second), Precision::Micro) = (time, self.second, self.precision)
            && let Some(nanoseconds) = within_second(time, second)
        {
            out.put(&self.text).microseconds_and_blank(nanoseconds / 1_000);
            return;
        }
        if self.style == Style::None {
            return;
        }
        match time {
            Some(time) => self.write_known(out, time),
            None => out.push('-'),
        }
        out.push(' ');
    }

    fn write_known(&mut self, out: &mut Text, time: i64) {
        let since = match self.style {
            Style::Epoch => {
                seconds(out, time);
                self.shorten(out);
                return;
            }
            Style::Delta => *self.last.get_or_insert(time),
            Style::Elapsed => *self.first.get_or_insert(time),
            Style::Clock | Style::Date | Style::None => {
                self.write_civil(out, time);
                return;
            }
        };
        self.last = Some(time);
        self.write_difference(out, time.saturating_sub(since));
    }

    /// The time of day, with the date where the style wants it.
    fn write_civil(&mut self, out: &mut Text, time: i64) {
        if let Some(nanoseconds) = self.second.and_then(|second| within_second(time, second)) {
            out.put(&self.text);
            self.write_decimals(out, i64::from(nanoseconds));
            return;
        }
        let second = time.div_euclid(NANOSECONDS);
        // All seconds of an i64 of nanoseconds are within jiff's range.
        let civil = Timestamp::from_second(second).unwrap_or_default().to_zoned(self.zone.clone());
        let mut text = Text::default();
        if self.style == Style::Date {
            text.padded(u64::from(civil.year().unsigned_abs()), 4);
            for part in [civil.month(), civil.day()] {
                text.push('-');
                text.padded(u64::from(part.unsigned_abs()), 2);
            }
            text.push(' ');
        }
        push_time_of_day(&mut text, [civil.hour(), civil.minute(), civil.second()].map(i64::from));
        text.push('.');
        out.append(&text);
        self.write_decimals(out, time.rem_euclid(NANOSECONDS));
        if let Some(short) = Short::of_end(&text, 0) {
            (self.second, self.text) = (second.checked_mul(NANOSECONDS), short);
        }
    }

    /// A difference of times, as tcpdump writes it: a blank or a minus sign, and `00:00:00.000000`.
    fn write_difference(&self, out: &mut Text, difference: i64) {
        out.push(if difference < 0 { '-' } else { ' ' });
        let difference = difference.saturating_abs();
        let seconds = difference / NANOSECONDS;
        push_time_of_day(out, [seconds / 3600, seconds / 60 % 60, seconds % 60]);
        out.push('.');
        self.write_decimals(out, difference % NANOSECONDS);
    }

    #[inline]
    fn write_decimals(&self, out: &mut Text, nanoseconds: i64) {
        match self.precision {
            Precision::Micro => out.microseconds(nanoseconds.unsigned_abs() / 1_000),
            Precision::Nano => out.nanoseconds(nanoseconds.unsigned_abs()),
        }
    }

    /// Cuts nine decimals to as many as are wanted.
    fn shorten(&self, out: &mut Text) {
        if self.precision == Precision::Micro {
            out.truncate(out.len().saturating_sub(3));
        }
    }
}

/// Nanoseconds since the second that begins at `second`, where `time` is within it.
#[inline]
fn within_second(time: i64, second: i64) -> Option<u32> {
    let since = u32::try_from(time.checked_sub(second)?).ok()?;
    (i64::from(since) < NANOSECONDS).then_some(since)
}

/// Appends seconds since 1970 with nine decimals.
pub(super) fn seconds(out: &mut Text, nanoseconds: i64) {
    if nanoseconds < 0 {
        out.push('-');
    }
    let nanoseconds = nanoseconds.unsigned_abs();
    out.uint(nanoseconds / 1_000_000_000);
    out.push('.');
    out.nanoseconds(nanoseconds);
}

/// Appends hours, of which there may be many, minutes and seconds.
fn push_time_of_day(out: &mut Text, [hours, minutes, seconds]: [i64; 3]) {
    match hours.unsigned_abs() {
        hours @ 100.. => out.uint(hours),
        hours => out.padded(hours, 2),
    }
    for part in [minutes, seconds] {
        out.push(':');
        out.padded(part.unsigned_abs(), 2);
    }
}

const NANOSECONDS: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(style: Style, precision: Precision, times: &[Option<i64>]) -> Vec<String> {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let mut clock = Clock::new(style, precision, zone);
        let text = |time: &Option<i64>| {
            let mut out = Text::default();
            clock.write(&mut out, *time);
            out.as_str().to_owned()
        };
        times.iter().map(text).collect()
    }

    #[test]
    fn the_styles_of_tcpdump() {
        let times = [
            Some(1_700_000_000_123_456_789),
            Some(1_700_000_000_123_459_789),
            Some(1_700_003_599_000_000_000),
        ];
        let micro = |style| texts(style, Precision::Micro, &times);
        assert_eq!(micro(Style::Clock), ["00:13:20.123456 ", "00:13:20.123459 ", "01:13:19.000000 "]);
        assert_eq!(micro(Style::None), ["", "", ""]);
        assert_eq!(micro(Style::Epoch), ["1700000000.123456 ", "1700000000.123459 ", "1700003599.000000 "]);
        assert_eq!(micro(Style::Delta), [" 00:00:00.000000 ", " 00:00:00.000003 ", " 00:59:58.876540 "]);
        assert_eq!(micro(Style::Date)[2], "2023-11-15 01:13:19.000000 ");
        assert_eq!(micro(Style::Elapsed), [" 00:00:00.000000 ", " 00:00:00.000003 ", " 00:59:58.876543 "]);
        assert_eq!(texts(Style::Clock, Precision::Nano, &times)[0], "00:13:20.123456789 ");
    }

    #[test]
    fn unknown_backward_and_extreme_times() {
        assert_eq!(texts(Style::Clock, Precision::Micro, &[None]), ["- "]);
        let back = texts(Style::Delta, Precision::Nano, &[Some(5_000_000_000), Some(3_999_999_999)]);
        assert_eq!(back[1], "-00:00:01.000000001 ");
        let extremes = texts(Style::Date, Precision::Nano, &[Some(i64::MIN), Some(i64::MAX)]);
        assert_eq!(extremes, ["1677-09-21 02:12:43.145224192 ", "2262-04-12 01:47:16.854775807 "]);
        let elapsed = texts(Style::Elapsed, Precision::Nano, &[Some(i64::MIN), Some(i64::MAX)]);
        assert_eq!(elapsed[1], " 2562047:47:16.854775807 ");
    }
}

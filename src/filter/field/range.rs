//! Ranges of octets (`[0:3]`) and of layers (`#[1-2]`).

use super::mistake::Mistake;
use crate::diagnostic::{At, Diagnostic};

/// A range; negative places count from the end, -1 being the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: i64,
    pub(super) end: End,
}

/// Where a range ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Behind so many.
    Len(u64),
    /// With this one.
    With(i64),
    /// With the last.
    Last,
}

impl Range {
    /// Just this one.
    pub(super) fn one(start: i64) -> Self {
        Self { start, end: End::Len(1) }
    }

    /// The places of a list of `len` that it means; `None` where they are not all there.
    pub(super) fn within(self, len: usize) -> Option<std::ops::Range<usize>> {
        let start = place(self.start, len)?;
        let end = match self.end {
            End::Len(count) => start.checked_add(usize::try_from(count).ok()?)?,
            End::With(last) => place(last, len)?.checked_add(1)?,
            End::Last => len,
        };
        (start < end && end <= len).then_some(start..end)
    }

    /// Whether it means the place `index`, counted from 0, of a list of `len`.
    pub(super) fn covers(self, index: usize, len: usize) -> bool {
        let Some(start) = place(self.start, len) else { return false };
        let end = match self.end {
            End::Len(count) => start.saturating_add(usize::try_from(count).unwrap_or(usize::MAX)),
            End::With(last) => place(last, len).map_or(0, |last| last.saturating_add(1)),
            End::Last => usize::MAX,
        };
        (start..end).contains(&index)
    }

    /// The same, of places that were counted from 1.
    pub(super) fn counted_from_one(self) -> Option<Self> {
        let earlier = |place: i64| match place {
            0 => None,
            1.. => place.checked_sub(1),
            _ => Some(place),
        };
        let end = match self.end {
            End::With(last) => End::With(earlier(last)?),
            other => other,
        };
        Some(Self { start: earlier(self.start)?, end })
    }
}

fn place(place: i64, len: usize) -> Option<usize> {
    if place >= 0 {
        usize::try_from(place).ok()
    } else {
        len.checked_add_signed(isize::try_from(place).ok()?)
    }
}

/// Reads what stands between brackets at `at`: ranges with commas between them.
///
/// # Errors
/// The place of the first that is none.
pub(super) fn ranges(inside: &str, at: &At) -> Result<Vec<Range>, Diagnostic<Mistake>> {
    let mut ranges = Vec::new();
    let mut from = at.start.saturating_add(1);
    for text in inside.split(',') {
        let end = from.saturating_add(text.len());
        let wrong = |mistake| Diagnostic { at: from..end, mistake };
        ranges.push(range(text.trim()).map_err(wrong)?);
        from = end.saturating_add(1);
    }
    Ok(ranges)
}

fn range(text: &str) -> Result<Range, Mistake> {
    if let Some(len) = text.strip_prefix(':') {
        return Ok(Range { start: 0, end: end(length(len.trim())?)? });
    }
    let (start, rest) = number(text).ok_or(Mistake::Range)?;
    match rest.trim_start().split_at_checked(1) {
        None => Ok(Range::one(start)),
        Some((":", "")) => Ok(Range { start, end: End::Last }),
        Some((":", len)) => Ok(Range { start, end: end(length(len.trim())?)? }),
        Some(("-", last)) => match number(last.trim()) {
            Some((last, "")) if (last < 0) == (start < 0) && last >= start => {
                Ok(Range { start, end: End::With(last) })
            }
            Some((_, "")) => Err(Mistake::RangeEnd),
            _ => Err(Mistake::Range),
        },
        Some(_) => Err(Mistake::Range),
    }
}

fn end(len: u64) -> Result<End, Mistake> {
    if len == 0 { Err(Mistake::RangeEnd) } else { Ok(End::Len(len)) }
}

fn length(text: &str) -> Result<u64, Mistake> {
    text.parse().map_err(|_| Mistake::Range)
}

/// The whole number that a text begins with, and what stands behind it.
fn number(text: &str) -> Option<(i64, &str)> {
    let sign = usize::from(text.starts_with('-'));
    let digits = text.bytes().skip(sign).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(sign.saturating_add(digits))?;
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<Range>> {
        ranges(text, &(0..0)).ok()
    }

    #[test]
    fn all_forms() {
        let octets: Vec<usize> = (0..10).collect();
        for (text, wanted) in [
            ("2", "2"),
            ("-1", "9"),
            ("0:3", "0 1 2"),
            ("1-2", "1 2"),
            (":4", "0 1 2 3"),
            ("7:", "7 8 9"),
            ("-4:2", "6 7"),
            ("-3-", ""),
            ("-4--2", "6 7 8"),
            ("-2:", "8 9"),
            ("1, 3-4 , 9:", "1 3 4 9"),
            ("8:3", ""),
            ("10", ""),
            ("-11", ""),
        ] {
            let ranges = read(text).unwrap_or_default();
            let places = ranges.iter().filter_map(|range| octets.get(range.within(10)?)).flatten();
            let places: Vec<String> = places.map(usize::to_string).collect();
            assert_eq!(places.join(" "), wanted, "{text}");
        }
        for text in ["", "a", "1:0", "3-1", "1--1", "1:2:3", "1-", ",", "1,", "99999999999999999999", "1:-1"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn layers_count_counted_from_one() {
        let covers =
            |text: &str, index| read(text).unwrap()[0].counted_from_one().is_some_and(|r| r.covers(index, 3));
        assert!(covers("1", 0) && covers("-1", 2) && covers("2-4", 2) && covers("2:", 1));
        assert!(!covers("0", 0) && !covers("4", 2) && !covers("-4", 0));
    }
}

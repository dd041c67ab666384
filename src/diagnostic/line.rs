//! The line of a text that a place is on.

use super::At;

/// The line that a place is on; of a place on several lines, the first.
pub(super) struct Line<'t> {
    pub(super) text: &'t str,
    /// How many lines are before it.
    pub(super) before: usize,
    /// The place, counted from the line's beginning.
    pub(super) spot: At,
}

impl<'t> Line<'t> {
    pub(super) fn of(text: &'t str, at: &At) -> Self {
        // What is missing at the end is missing on the last line that has something.
        let start = border(text, if at.start >= text.len() { text.trim_end().len() } else { at.start });
        let (before, behind) = text.split_at_checked(start).unwrap_or((text, ""));
        let first = before.rfind('\n').map_or(0, |end| end.saturating_add(1));
        let last = behind.find('\n').map_or(text.len(), |len| start.saturating_add(len));
        let end = border(text, at.end.clamp(start, last));
        Self {
            text: text.get(first..last).unwrap_or_default(),
            before: before.bytes().filter(|octet| *octet == b'\n').count(),
            spot: start.saturating_sub(first)..end.saturating_sub(first),
        }
    }
}

/// The nearest border between letters at or before an offset.
fn border(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset = offset.saturating_sub(1);
    }
    offset
}

//! How reading a file ended, and what was wrong with it.

use std::path::Path;

use crate::show::text::printable;

/// How reading a file ended.
pub(super) enum Ended {
    /// With its last packet that can be read.
    Read,
    /// With as many packets as are wanted.
    Enough,
    /// By a signal.
    Stopped,
}

/// Damaged places, of which many are only counted.
pub(super) struct Damages {
    pub(super) told: u64,
    /// For each file, those that were not told.
    pub(super) more: Vec<u64>,
}

impl Damages {
    /// Whether one more, of the file at this place, is told.
    pub(super) fn is_told(&mut self, source: usize) -> bool {
        self.told = self.told.saturating_add(1);
        if let (true, Some(more)) = (self.told > TOLD_DAMAGES, self.more.get_mut(source)) {
            *more = more.saturating_add(1);
        }
        self.told <= TOLD_DAMAGES
    }
}

/// More damaged places than this are only counted.
const TOLD_DAMAGES: u64 = 20;

/// Says something of a file.
pub(super) fn tell(path: &Path, what: &dyn std::fmt::Display) {
    let name = if path.as_os_str() == "-" { "stdin".to_owned() } else { path.display().to_string() };
    anstream::eprintln!("rawsock: {}: {}", printable(&name), printable(&what.to_string()));
}

//! When a capture ends by itself, or its next file begins: after a time, a size, a number of files or packets.

use std::time::Duration;

use super::capture_files::size;
use super::duration;
use crate::sys::clock;

/// A condition of `-a` or `-b`, as dumpcap has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    Duration(Duration),
    /// Octets of a file.
    FileSize(u64),
    Files(u32),
    Packets(u64),
}

impl std::str::FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        let wrong = |what: &str| format!("`{name}:` takes {what}");
        match name {
            "duration" => duration::parse(value).map(Self::Duration),
            // A plain number is of thousands, other than with tcpdump's -C.
            "filesize" => match value.parse::<u64>() {
                Ok(thousands @ 1..) => Ok(Self::FileSize(thousands.saturating_mul(1000))),
                _ => size(value).map(Self::FileSize),
            },
            "files" => value.parse().map(Self::Files).map_err(|_| wrong("a number of files")),
            "packets" => value.parse().map(Self::Packets).map_err(|_| wrong("a number of packets")),
            _ => Err("takes duration:TIME, filesize:SIZE, files:N or packets:N".to_owned()),
        }
    }
}

/// All conditions of a capture; the first that holds ends it.
pub(super) struct Limits {
    conditions: Vec<Limit>,
    /// When it began, on the monotonic clock.
    began: u64,
}

impl Limits {
    pub(super) fn new(conditions: &[Limit]) -> Self {
        Self { conditions: conditions.to_vec(), began: clock::monotonic() }
    }

    /// Packets that end the capture.
    pub(super) fn packets(&self) -> Option<u64> {
        self.least(|limit| if let Limit::Packets(packets) = limit { Some(packets) } else { None })
    }

    /// Octets of a file that end it.
    pub(super) fn octets(&self) -> Option<u64> {
        self.least(|limit| if let Limit::FileSize(octets) = limit { Some(octets) } else { None })
    }

    /// Files that end it, once they are full.
    pub(super) fn files(&self) -> Option<u32> {
        self.least(|limit| if let Limit::Files(files) = limit { Some(files.max(1)) } else { None })
    }

    fn least<T: Ord>(&self, of: fn(Limit) -> Option<T>) -> Option<T> {
        self.conditions.iter().filter_map(|limit| of(*limit)).min()
    }

    /// Whether the time is over.
    pub(super) fn is_over(&self) -> bool {
        self.left() == Some(0)
    }

    /// Nanoseconds until the time is over; `None` when there is no such end.
    pub(super) fn left(&self) -> Option<u64> {
        let duration =
            self.least(|limit| if let Limit::Duration(time) = limit { Some(time) } else { None })?;
        let until = self.began.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        Some(until.saturating_sub(clock::monotonic()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions() {
        assert_eq!("duration:1.5".parse(), Ok(Limit::Duration(Duration::from_millis(1500))));
        assert_eq!("filesize:2k".parse(), Ok(Limit::FileSize(2048)));
        assert_eq!("filesize:2".parse(), Ok(Limit::FileSize(2000)));
        assert_eq!("packets:7".parse(), Ok(Limit::Packets(7)));
        for wrong in ["", "duration", "packets:x", "filesize:0", "sometimes:1"] {
            assert!(wrong.parse::<Limit>().is_err(), "{wrong}");
        }
    }
}

//! What a copy has no place for.

use std::collections::BTreeMap;
use std::fmt;

/// What was left out of a copy, and how often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    counts: BTreeMap<Left, u64>,
}

/// A thing that may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Left {
    /// A time that is not among those that can be said.
    Time,
    /// That a packet has no time.
    NoTime,
    Comment,
    PacketOption,
    SectionOption,
    Interface,
    Names,
    Secrets,
    Statistics,
    Journal,
    Custom,
    Unknown,
    /// A block that says that it must not be copied by those who do not know it.
    NotToBeCopied,
    /// A block of the other byte order, in which only its maker could turn it.
    OtherOrder,
    /// Names and secrets beyond what each piece of a split file repeats.
    Repeated,
}

impl LeftOut {
    pub(super) fn add(&mut self, what: Left) {
        let count = self.counts.entry(what).or_default();
        *count = count.saturating_add(1);
    }

    /// A block without a packet, by its kind.
    pub(super) fn block(&mut self, kind: u32) {
        self.add(match kind {
            4 => Left::Names,
            5 => Left::Statistics,
            9 => Left::Journal,
            10 => Left::Secrets,
            0x0bad | 0x4000_0bad => Left::Custom,
            _ => Left::Unknown,
        });
    }

    /// Whether nothing was.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}

/// `3 comments, 1 block of names`.
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (left, count)) in self.counts.iter().enumerate() {
            let (one, many) = left.words();
            let gap = if at == 0 { "" } else { ", " };
            write!(f, "{gap}{count} {}", if *count == 1 { one } else { many })?;
        }
        Ok(())
    }
}

impl Left {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Time => (
                "time before 1970 or after 2106 (the nearest stands there)",
                "times before 1970 or after 2106 (the nearest stands there)",
            ),
            Self::NoTime => {
                ("packet's lack of a time (1970 stands there)", "packets' lack of a time (1970 stands there)")
            }
            Self::Comment => ("comment", "comments"),
            Self::PacketOption => ("other option of packets", "other options of packets"),
            Self::SectionOption => ("option of section headers", "options of section headers"),
            Self::Interface => ("interface's description", "interfaces' descriptions"),
            Self::Names => ("block of names", "blocks of names"),
            Self::Secrets => ("block of decryption secrets", "blocks of decryption secrets"),
            Self::Statistics => ("block of statistics", "blocks of statistics"),
            Self::Journal => ("journal entry", "journal entries"),
            Self::Custom => ("custom block", "custom blocks"),
            Self::Unknown => ("block of an unknown kind", "blocks of unknown kinds"),
            Self::NotToBeCopied => (
                "block that must not be copied into a changed file",
                "blocks that must not be copied into a changed file",
            ),
            Self::OtherOrder => (
                "block of an unknown kind in the other byte order",
                "blocks of unknown kinds in the other byte order",
            ),
            Self::Repeated => ("block that not every piece repeats", "blocks that not every piece repeats"),
        }
    }
}

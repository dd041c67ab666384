//! What a capture says about how it was made: the host, the interfaces, what they counted.

use crate::wire::frame::LinkType;

/// An interface of a capture. Texts are as they stand in the file: escape them before they are printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// The capture filter, as text.
    pub filter: Option<String>,
    /// The operating system of the host that captured.
    pub os: Option<String>,
    /// The hardware of the interface.
    pub hardware: Option<String>,
    /// What somebody noted about it.
    pub comment: Option<String>,
    /// What its packets begin with.
    pub link_type: LinkType,
    /// At most so many octets of each packet were kept; 0 for no limit.
    pub snap_len: u32,
    /// Units in a second of the times in the file; `u64::MAX` where there are more. Frames have theirs in nanoseconds
    /// already, and files are always written with nanoseconds, or as their [`Format`](super::Format) says.
    pub units_per_second: u64,
    /// Seconds that are added to each time of the file; frames have that in their times already.
    pub time_offset: i64,
    /// What was counted at it, as far as the file says; in pcapng that stands behind the packets.
    pub counts: Counts,
}

impl Interface {
    /// An interface of which only the link type is known.
    pub fn of(link_type: LinkType) -> Self {
        Self {
            name: None,
            description: None,
            filter: None,
            os: None,
            hardware: None,
            comment: None,
            link_type,
            snap_len: 0,
            units_per_second: 1_000_000_000,
            time_offset: 0,
            counts: Counts::default(),
        }
    }
}

/// What was counted at an interface (draft-ietf-opsawg-pcapng, Interface Statistics Block).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// When the capture began: nanoseconds since 1970-01-01 UTC.
    pub start: Option<i64>,
    /// When the capture ended: nanoseconds since 1970-01-01 UTC.
    pub end: Option<i64>,
    /// Packets that the interface received.
    pub received: Option<u64>,
    /// Packets that the interface dropped for want of room.
    pub dropped: Option<u64>,
    /// Packets that passed the filter.
    pub accepted: Option<u64>,
    /// Packets that the operating system dropped for want of room.
    pub dropped_by_system: Option<u64>,
    /// Packets that were delivered to the capturing program.
    pub delivered: Option<u64>,
}

impl Counts {
    /// Packets that were lost, wherever; `None` where nobody counted.
    pub fn lost(&self) -> Option<u64> {
        match (self.dropped, self.dropped_by_system) {
            (None, None) => None,
            (interface, system) => Some(interface.unwrap_or(0).saturating_add(system.unwrap_or(0))),
        }
    }
}

/// The host and the program that made a capture. Texts are as they stand in the file: escape them before they are printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// The machine.
    pub hardware: Option<String>,
    /// Its operating system.
    pub os: Option<String>,
    /// The program.
    pub application: Option<String>,
    /// What somebody noted about the capture.
    pub comment: Option<String>,
}

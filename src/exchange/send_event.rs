//! What happens while packets are sent.

use crate::exchange::engine::{Incoming, Nanos, Stamp};
use crate::exchange::expect::Judged;
use crate::exchange::matcher::Match;
use crate::wire::frame::{Direction, Frame, LinkType};

/// Something worth telling. Packets are numbered from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A packet was handed to the kernel.
    Sent {
        /// Its number.
        number: usize,
        /// When: nanoseconds since 1970.
        wall: i64,
        /// Its octets, as handed over.
        octets: Vec<u8>,
        /// What they begin with.
        link_type: LinkType,
    },
    /// A packet could not be sent.
    Failed {
        /// Its number.
        number: usize,
        /// Why.
        reason: String,
        /// Its octets and what they begin with, when it could be made.
        packet: Option<(Vec<u8>, LinkType)>,
    },
    /// A packet was seen on its way out.
    Left {
        /// Its number.
        number: usize,
        /// The packet as it was seen.
        seen: Seen,
        /// What is saved with it ([`Ready::comment`](crate::exchange::send::Ready::comment)).
        comment: Option<String>,
    },
    /// Something came back.
    Answer {
        /// The packet that it belongs to, and in what way.
        what: Match,
        /// Since the packet left.
        rtt: Nanos,
        /// Whose stamps that is between: when it left, and when the answer came.
        stamps: (Stamp, Stamp),
        /// The packet that came.
        seen: Seen,
    },
    /// An expectation came to its end.
    Judged(Judged),
    /// The answer came that packets follow ([`Ready::then`](crate::exchange::send::Ready::then)).
    Followed {
        /// The number of the packet that was answered.
        number: usize,
        /// How whoever makes packets knows it.
        mark: usize,
        /// The octets of the packet that was sent, and what they begin with.
        sent: (Vec<u8>, LinkType),
        /// Its answer.
        seen: Seen,
    },
}

/// A packet as it was seen on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its octets.
    pub octets: Vec<u8>,
    /// What they begin with.
    pub link_type: LinkType,
    /// When: nanoseconds since 1970.
    pub wall: i64,
    /// Its length on the wire in octets.
    pub len: usize,
    /// The index of the interface that it was seen on; 0 where that is not known.
    pub interface: u32,
}

impl From<Incoming<'_>> for Seen {
    fn from(packet: Incoming<'_>) -> Self {
        let Incoming { octets, link_type, wall, len, interface, .. } = packet;
        Self { octets: octets.to_vec(), link_type, wall, len, interface }
    }
}

impl Seen {
    /// As a frame of a capture.
    pub fn frame<'a>(&'a self, direction: Direction, comment: &'a str) -> Frame<'a> {
        let Self { link_type, interface, .. } = *self;
        let (len, time) = (u32::try_from(self.len).unwrap_or(u32::MAX), Some(self.wall));
        Frame {
            data: &self.octets,
            len,
            time,
            link_type,
            interface,
            section_start: 0,
            direction,
            comment: Some(comment.into()),
        }
    }
}

impl Event {
    /// The number of the packet that was sent.
    pub fn number(&self) -> usize {
        match self {
            Self::Sent { number, .. } | Self::Failed { number, .. } | Self::Left { number, .. } => *number,
            Self::Followed { number, .. } => *number,
            Self::Judged(judged) => judged.number,
            Self::Answer { what, .. } => what.number(),
        }
    }
}

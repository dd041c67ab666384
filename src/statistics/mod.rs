//! What a capture comes to: protocols, conversations, end points, sizes and rates.
//!
//! Packets are given one by one; what is kept grows with the conversations ([`MOST_CONVERSATIONS`]), the questions that
//! wait for their answers ([`MOST_QUESTIONS`]), the packets that an error may be about ([`REMEMBERED`]), the connections of TCP ([`MOST_CONNECTIONS`]) and the length of the capture
//! ([`MOST_INTERVALS`]), and is bounded by those.

mod answers;
mod conversations;
mod ends;
mod expert;
mod file_summary;
mod hash;
mod hierarchy;
mod icmp_errors;
mod rates;
mod round_trips;
mod spread;

pub use self::answers::{Answers, MOST_QUESTIONS};
pub use self::conversations::{
    Conversation, Conversations, EndPoint, EndPoints, MOST_CONVERSATIONS, Traffic,
};
pub use self::expert::{Count as ExpertCount, Expert, Kind as ExpertKind};
pub use self::file_summary::FileSummary;
pub use self::hierarchy::{Hierarchy, Node};
pub use self::icmp_errors::{IcmpErrors, MOST_SPEAKERS, REMEMBERED, Said, Saying};
pub use self::rates::{MOST_INTERVALS, Rates};
pub use self::round_trips::{Connection, MOST_CONNECTIONS, RoundTrips};
pub use self::spread::Spread;

use crate::proto::registry;
use crate::stream::Facts;
use crate::wire::frame::Frame;
use crate::wire::layers::LayerTable;

/// Protocols whose conversations are counted, and what people call them.
pub const CONVERSING: [(&str, &str); 5] =
    [("eth", "Ethernet"), ("ip", "IPv4"), ("ipv6", "IPv6"), ("tcp", "TCP"), ("udp", "UDP")];

/// Protocols whose answers are timed, and what people call their questions.
pub const ANSWERING: [(&str, &str); 3] = [("dns", "DNS"), ("icmp", "ICMP echo"), ("icmpv6", "ICMPv6 echo")];

/// Upper ends of the classes of sizes, in octets; the last class has none.
pub const SIZES: [u32; 7] = [63, 127, 255, 511, 1023, 1518, 9018];

/// What the packets that were given come to.
#[derive(Debug, Clone, Default)]
pub struct Statistics {
    /// All packets, by their length on the wire.
    pub all: Traffic,
    /// Octets that were captured.
    pub captured: u64,
    /// Times of the first and the last packet, nanoseconds since 1970.
    pub times: Option<(i64, i64)>,
    /// Lengths of the shortest and the longest packet on the wire.
    pub lengths: Option<(u32, u32)>,
    /// How many packets are of each class of [`SIZES`].
    pub sizes: [u64; 8],
    /// How much there is at a time.
    pub rates: Rates,
    /// Which protocols carry which.
    pub hierarchy: Hierarchy,
    /// Who talks to whom, for each of [`CONVERSING`].
    pub conversations: [Conversations; 5],
    /// Questions and answers of each of [`ANSWERING`].
    pub answers: [Answers; 3],
    /// Errors of ICMP, and how long after the packets that they are about they came.
    pub icmp_errors: IcmpErrors,
    /// How long TCP's segments and their acknowledgments took.
    pub round_trips: RoundTrips,
}

impl Statistics {
    /// Takes a packet with its layers, and what those before it tell of it, where that is known.
    pub fn packet(&mut self, frame: &Frame<'_>, table: &LayerTable, facts: Option<&Facts>) {
        let len = u64::from(frame.len);
        self.all.add(len);
        self.captured = self.captured.saturating_add(u64::try_from(frame.data.len()).unwrap_or(u64::MAX));
        if let Some(time) = frame.time {
            let (first, last) = self.times.unwrap_or((time, time));
            self.times = Some((first.min(time), last.max(time)));
            self.rates.packet(time, len);
        }
        let (shortest, longest) = self.lengths.unwrap_or((frame.len, frame.len));
        self.lengths = Some((shortest.min(frame.len), longest.max(frame.len)));
        let class = SIZES.iter().position(|most| frame.len <= *most).unwrap_or(SIZES.len());
        if let Some(count) = self.sizes.get_mut(class) {
            *count = count.saturating_add(1);
        }
        self.hierarchy.packet(table, len);
        let conversations = &mut self.conversations;
        ends::each(frame, table, |place, from, to| {
            if let Some(conversations) = conversations.get_mut(place) {
                conversations.packet(from, to, frame);
            }
        });
        if let Some(facts) = facts {
            self.round_trips.packet(facts, frame, table);
        }
        self.icmp_errors.packet(frame, table);
        // Few packets ask or answer.
        if table.entries().iter().any(|entry| registry().get(entry.protocol).exchange.is_some()) {
            for ((protocol, _), answers) in ANSWERING.iter().zip(&mut self.answers) {
                answers.packet(protocol, frame, table);
            }
        }
    }

    /// Nanoseconds from the first to the last packet.
    pub fn duration(&self) -> u64 {
        self.times.map_or(0, |(first, last)| last.abs_diff(first))
    }
}

//! How long TCP's segments and their acknowledgments took, by Wireshark's `tcp.analysis.initial_rtt` and
//! `tcp.analysis.ack_rtt`.

use std::collections::HashMap;

use super::spread::Spread;
use super::{CONVERSING, EndPoint, ends};
use crate::stream::{Fact, Facts};
use crate::wire::frame::Frame;
use crate::wire::layers::LayerTable;

/// Connections that are kept apart; those of later ones count in the sum alone.
pub const MOST_CONNECTIONS: usize = 1 << 18;

/// Round trips of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// Its number, Wireshark's `tcp.stream`.
    pub stream: u64,
    /// Who sent the first segment that was acknowledged.
    pub from: EndPoint,
    /// The other one.
    pub to: EndPoint,
    /// Nanoseconds of the handshake.
    pub initial: Option<u64>,
    /// Acknowledgments that have a time.
    pub acks: u64,
    /// The least, the greatest, and all of those times together, in nanoseconds.
    pub least: u64,
    /// The greatest.
    pub most: u64,
    sum: u128,
}

impl Connection {
    /// The mean of the acknowledgments' times; 0 where there is none.
    pub fn mean(&self) -> u64 {
        let mean = self.sum.checked_div(u128::from(self.acks)).unwrap_or(0);
        u64::try_from(mean).unwrap_or(u64::MAX)
    }

    fn acknowledged(&mut self, time: u64) {
        self.least = if self.acks == 0 { time } else { self.least.min(time) };
        self.most = self.most.max(time);
        self.acks = self.acks.saturating_add(1);
        self.sum = self.sum.saturating_add(u128::from(time));
    }
}

/// Round trips of all connections.
#[derive(Debug, Clone, Default)]
pub struct RoundTrips {
    /// Of the handshakes, one for each connection.
    pub initial: Spread,
    /// Of all acknowledgments that are told the segment that they acknowledge.
    pub acks: Spread,
    connections: HashMap<u64, Connection>,
}

impl RoundTrips {
    /// Takes what is known of a packet; of several layers of TCP the outermost counts.
    pub(super) fn packet(&mut self, facts: &Facts, frame: &Frame<'_>, table: &LayerTable) {
        let Some((layer, _, stream)) = facts.iter().find(|(_, fact, _)| *fact == Fact::TcpStream) else {
            return;
        };
        let time = |fact| facts.get(layer, fact).and_then(|time| u64::try_from(time).ok());
        let (initial, ack) = (time(Fact::InitialRtt), time(Fact::AckRtt));
        if initial.is_none() && ack.is_none() {
            return;
        }
        if let Some(time) = ack {
            self.acks.add(time);
        }
        let stream = u64::try_from(stream).unwrap_or(0);
        if !self.connections.contains_key(&stream) {
            if self.connections.len() >= MOST_CONNECTIONS {
                return;
            }
            // Who is acknowledged first sent the first segment.
            let Some((to, from)) = ends_of_tcp(frame, table) else { return };
            let none = Connection { stream, from, to, initial: None, acks: 0, least: 0, most: 0, sum: 0 };
            self.connections.insert(stream, none);
        }
        let Some(connection) = self.connections.get_mut(&stream) else { return };
        if let (None, Some(time)) = (connection.initial, initial) {
            connection.initial = Some(time);
            self.initial.add(time);
        }
        if let Some(time) = ack {
            connection.acknowledged(time);
        }
    }

    /// All connections that have round trips, those with the most acknowledgments first.
    pub fn by_acks(&self) -> Vec<Connection> {
        let mut all: Vec<Connection> = self.connections.values().copied().collect();
        all.sort_by_key(|one| (std::cmp::Reverse(one.acks), one.stream));
        all
    }
}

fn ends_of_tcp(frame: &Frame<'_>, table: &LayerTable) -> Option<(EndPoint, EndPoint)> {
    let mut found = None;
    ends::each(frame, table, |place, from, to| {
        if CONVERSING.get(place).is_some_and(|(protocol, _)| *protocol == "tcp") {
            found = Some((from, to));
        }
    });
    found
}

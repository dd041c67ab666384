//! What can be said of a capture file without looking into its packets.

use crate::wire::frame::{Frame, LinkType};

/// What the packets of a file come to, by their records alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileSummary {
    /// Packets.
    pub packets: u64,
    /// Octets on the wire.
    pub octets: u64,
    /// Octets that are in the file.
    pub captured: u64,
    /// Packets of which not all octets are there.
    pub cut: u64,
    /// Octets of the longest piece of a packet that is there.
    pub longest: u32,
    /// The earliest and the latest time, nanoseconds since 1970.
    pub times: Option<(i64, i64)>,
    /// Packets that have a time before that of the packet ahead of them.
    pub backward: u64,
    /// Packets without a time.
    pub untimed: u64,
    /// Packets of each interface, by its number.
    pub of_interface: Vec<u64>,
    /// Packets of each kind of link, in the order in which they came.
    pub of_link_type: Vec<(LinkType, u64)>,
    last: Option<i64>,
}

/// Interfaces whose packets are counted apart.
const MOST_INTERFACES: usize = 1 << 16;
/// Kinds of links whose packets are counted apart: they are searched for each packet.
const MOST_LINK_TYPES: usize = 32;

impl FileSummary {
    /// Takes the next packet.
    pub fn packet(&mut self, frame: &Frame<'_>) {
        let there = u32::try_from(frame.data.len()).unwrap_or(u32::MAX);
        self.packets = self.packets.saturating_add(1);
        self.octets = self.octets.saturating_add(frame.len.into());
        self.captured = self.captured.saturating_add(there.into());
        self.cut = self.cut.saturating_add(u64::from(there < frame.len));
        self.longest = self.longest.max(there);
        if let Some(time) = frame.time {
            let (earliest, latest) = self.times.unwrap_or((time, time));
            self.times = Some((earliest.min(time), latest.max(time)));
            let is_backward = self.last.replace(time).is_some_and(|last| time < last);
            self.backward = self.backward.saturating_add(u64::from(is_backward));
        } else {
            self.untimed = self.untimed.saturating_add(1);
        }
        let interface = usize::try_from(frame.interface).unwrap_or(usize::MAX);
        if interface >= self.of_interface.len() && interface < MOST_INTERFACES {
            self.of_interface.resize(interface.saturating_add(1), 0);
        }
        if let Some(count) = self.of_interface.get_mut(interface) {
            *count = count.saturating_add(1);
        }
        let all = &mut self.of_link_type;
        let has_room = all.len() < MOST_LINK_TYPES;
        match all.iter_mut().find(|(known, _)| *known == frame.link_type) {
            Some((_, count)) => *count = count.saturating_add(1),
            None if has_room => all.push((frame.link_type, 1)),
            None => {}
        }
    }

    /// Nanoseconds from the earliest packet to the latest.
    pub fn duration(&self) -> u64 {
        self.times.map_or(0, |(earliest, latest)| latest.saturating_sub(earliest).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_both_ways_and_interfaces_count_apart() {
        let mut summary = FileSummary::default();
        for (time, interface, len) in [(5, 0, 60), (3, 2, 100), (9, 2, 60), (9, u32::MAX, 60)] {
            let frame = Frame { time: Some(time), interface, len, ..Frame::new(&[0; 60], LinkType::RAW) };
            summary.packet(&frame);
        }
        assert_eq!((summary.packets, summary.octets, summary.captured, summary.cut), (4, 280, 240, 1));
        assert_eq!((summary.times, summary.duration(), summary.backward), (Some((3, 9)), 6, 1));
        assert_eq!(summary.of_interface, [1, 0, 2]);
        assert_eq!(summary.of_link_type, [(LinkType::RAW, 4)]);
    }
}

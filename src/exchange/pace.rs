//! When packets are due: at the pace of a recording, at a rate, in bursts, or as fast as they go. No clock here: times are
//! nanoseconds since the beginning.

use crate::exchange::engine::Nanos;

/// The pace of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tempo {
    /// As recorded, so many times as fast.
    Recorded(f64),
    /// So many packets in a second.
    Packets(f64),
    /// So many bits in a second, of packets as they are handed over: with their link-layer header, without preamble and frame
    /// check sequence.
    Bits(f64),
    /// As fast as they go.
    Top,
}

/// Tells of each packet when it is due; never earlier than the one before.
#[derive(Debug, Clone)]
pub struct Timetable {
    tempo: Tempo,
    /// Packets that are due together, where the tempo is a rate of packets; at least 1.
    burst: u64,
    packets: u64,
    bits: u64,
    /// When the last one was due.
    last: Nanos,
    /// The time in the recording that is due at `base`.
    origin: Option<i64>,
    base: Nanos,
}

impl Timetable {
    /// One that begins now.
    pub fn new(tempo: Tempo, burst: u64) -> Self {
        Self { tempo, burst: burst.max(1), packets: 0, bits: 0, last: 0, origin: None, base: 0 }
    }

    /// When the next packet is due: of so many octets, recorded at this time. Without a time it is due with the one before, as is
    /// one that was recorded before its predecessor.
    pub fn next(&mut self, recorded: Option<i64>, octets: usize) -> Nanos {
        let due = match self.tempo {
            Tempo::Top => 0,
            Tempo::Recorded(speed) => match recorded {
                Some(time) => {
                    let since = time.saturating_sub(*self.origin.get_or_insert(time));
                    self.base.saturating_add(nanos(u64::try_from(since).unwrap_or(0) as f64 / speed))
                }
                None => self.last,
            },
            Tempo::Packets(rate) => {
                let burst = self.packets - self.packets.checked_rem(self.burst).unwrap_or(0);
                nanos(burst as f64 * 1e9 / rate)
            }
            Tempo::Bits(rate) => nanos(self.bits as f64 * 1e9 / rate),
        };
        self.packets = self.packets.saturating_add(1);
        self.bits = self.bits.saturating_add(u64::try_from(octets).unwrap_or(u64::MAX).saturating_mul(8));
        self.last = self.last.max(due);
        self.last
    }

    /// The recording begins anew, with the packet before it as its first time.
    pub fn again(&mut self) {
        (self.origin, self.base) = (None, self.last);
    }
}

/// Nanoseconds that may be too many for the number, or none at all.
fn nanos(nanos: f64) -> Nanos {
    // A cast of a float saturates, and takes NaN as zero.
    nanos as Nanos
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(tempo: Tempo, burst: u64, packets: &[(Option<i64>, usize)]) -> Vec<Nanos> {
        let mut table = Timetable::new(tempo, burst);
        packets.iter().map(|(time, octets)| table.next(*time, *octets)).collect()
    }

    #[test]
    fn a_recording_keeps_its_pace_and_never_goes_back() {
        let packets = [(Some(5_000), 1), (Some(7_000), 1), (None, 1), (Some(6_000), 1), (Some(9_000), 1)];
        assert_eq!(due(Tempo::Recorded(1.0), 1, &packets), [0, 2000, 2000, 2000, 4000]);
        assert_eq!(due(Tempo::Recorded(10.0), 1, &packets), [0, 200, 200, 200, 400]);
        let far = [(Some(i64::MIN), 1), (Some(i64::MAX), 1)];
        assert_eq!(due(Tempo::Recorded(1.0), 1, &far), [0, 1 << 63]);
    }

    #[test]
    fn a_rate_does_not_drift() {
        let packets = vec![(None, 125); 3001];
        let by_packets = due(Tempo::Packets(3e6), 1, &packets);
        assert_eq!((by_packets[1], by_packets[3], by_packets[3000]), (333, 1000, 1_000_000));
        assert_eq!(due(Tempo::Packets(1000.0), 3, &packets)[..4], [0, 0, 0, 3_000_000]);
        assert_eq!(due(Tempo::Bits(1e6), 1, &packets)[..3], [0, 1_000_000, 2_000_000]);
        assert_eq!(due(Tempo::Top, 1, &packets)[3000], 0);
    }

    #[test]
    fn a_second_pass_goes_on_where_the_first_ended() {
        let mut table = Timetable::new(Tempo::Recorded(1.0), 1);
        let first: Vec<Nanos> = [100, 350].map(|time| table.next(Some(time), 1)).to_vec();
        table.again();
        let second: Vec<Nanos> = [100, 350].map(|time| table.next(Some(time), 1)).to_vec();
        assert_eq!((first, second), (vec![0, 250], vec![250, 500]));
    }
}

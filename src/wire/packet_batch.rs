//! Packets one behind the other in one buffer, which is filled again and again.

/// Some packets, in order.
#[derive(Debug, Clone, Default)]
pub struct PacketBatch {
    octets: Vec<u8>,
    /// Where each ends; it begins where the one before ends.
    ends: Vec<usize>,
}

impl PacketBatch {
    /// Forgets all packets, and keeps the room.
    pub fn clear(&mut self) {
        self.octets.clear();
        self.ends.clear();
    }

    /// How many packets.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Adds a packet.
    #[inline]
    pub fn push(&mut self, packet: &[u8]) {
        self.octets.extend_from_slice(packet);
        self.ends.push(self.octets.len());
    }

    /// Adds a packet that comes in two pieces,.
    pub fn push_pieces(&mut self, header: &[u8], rest: &[u8]) {
        self.octets.extend_from_slice(header);
        self.push(rest);
    }

    /// The packet at this place, counted from 0; no octets where there is none.
    #[inline]
    pub fn get(&self, place: usize) -> &[u8] {
        let Some(end) = self.ends.get(place) else { return &[] };
        self.octets.get(self.start(place)..*end).unwrap_or_default()
    }

    /// How many octets the packets at these places have.
    pub fn octets_in(&self, places: std::ops::Range<usize>) -> usize {
        self.start(places.end).saturating_sub(self.start(places.start))
    }

    /// The packet that was added last, to be changed.
    #[inline]
    pub fn last_mut(&mut self) -> &mut [u8] {
        let start = self.start(self.ends.len().saturating_sub(1));
        self.octets.get_mut(start..).unwrap_or_default()
    }

    fn start(&self, place: usize) -> usize {
        place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::PacketBatch;

    #[test]
    fn packets_stand_one_behind_the_other() {
        let mut batch = PacketBatch::default();
        assert!(batch.is_empty() && batch.last_mut().is_empty());
        batch.push(b"one");
        batch.push(b"");
        batch.push_pieces(b"th", b"ree");
        batch.last_mut()[0] = b'T';
        let all: Vec<&[u8]> = (0..4).map(|place| batch.get(place)).collect();
        assert_eq!((batch.len(), all), (3, vec![&b"one"[..], b"", b"Three", b""]));
        assert_eq!([batch.octets_in(0..3), batch.octets_in(1..3), batch.octets_in(2..2)], [8, 5, 0]);
        batch.clear();
        batch.push(b"again");
        assert_eq!((batch.len(), batch.get(0)), (1, &b"again"[..]));
    }
}

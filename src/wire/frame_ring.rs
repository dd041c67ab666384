//! Frames in one piece of memory that is taken once: new ones go behind, old ones are taken from the front, and nothing is
//! allocated for any of them.

use std::collections::TryReserveError;

use super::frame::{Direction, Frame, LinkType};

/// Frames, the oldest in front. Comments are not kept: what comes from a network has none.
#[derive(Debug)]
pub struct FrameRing {
    octets: Box<[u8]>,
    /// Where the oldest record begins, and where the next goes.
    first: usize,
    next: usize,
    /// Where records end before they go on at the beginning; behind the end where they do not.
    turn: usize,
    len: usize,
}

/// Two numbers that are kept with a frame, for whoever put it there.
pub type Notes = [u32; 2];

impl FrameRing {
    /// A ring of so many octets, which hold the frames and what is known of each ([`RECORD_LEN`] octets).
    ///
    /// # Errors
    /// When there is not so much memory.
    pub fn new(octets: usize) -> Result<Self, TryReserveError> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(octets)?;
        memory.resize(octets, 0);
        Ok(Self { octets: memory.into_boxed_slice(), first: 0, next: 0, turn: NO_TURN, len: 0 })
    }

    /// A ring without room for anything.
    pub fn none() -> Self {
        Self { octets: Box::default(), first: 0, next: 0, turn: NO_TURN, len: 0 }
    }

    /// Octets that it was made with.
    pub fn capacity(&self) -> usize {
        self.octets.len()
    }

    /// How many frames there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts a frame behind the others; `false` when there is no room.
    pub fn push(&mut self, frame: &Frame<'_>, notes: Notes) -> bool {
        let Some((at, record)) = self.room(frame.data.len()) else { return false };
        let (head, data) = record.split_at_mut_checked(RECORD_LEN).unwrap_or_default();
        for (slot, word) in head.chunks_exact_mut(4).zip(words(frame, notes)) {
            slot.copy_from_slice(&word.to_ne_bytes());
        }
        if let Some(data) = data.get_mut(..frame.data.len()) {
            data.copy_from_slice(frame.data);
        }
        let record_len = record.len();
        if at < self.next {
            self.turn = self.next;
        }
        self.next = at.saturating_add(record_len);
        self.len = self.len.saturating_add(1);
        true
    }

    /// The oldest frame.
    pub fn front(&self) -> Option<(Frame<'_>, Notes)> {
        if self.is_empty() {
            return None;
        }
        let (head, data) = self.octets.get(self.first..)?.split_at_checked(RECORD_LEN)?;
        let mut words = [0; RECORD_WORDS];
        for (word, octets) in words.iter_mut().zip(head.chunks_exact(4)) {
            *word = u32::from_ne_bytes(*octets.first_chunk()?);
        }
        let [taken, len, low, high, link_type, interface, flags, note, other] = words;
        let time = i64::from_ne_bytes((u64::from(high) << 32 | u64::from(low)).to_ne_bytes());
        let direction = match flags & WAY {
            INBOUND => Direction::Inbound,
            OUTBOUND => Direction::Outbound,
            _ => Direction::Unknown,
        };
        let frame = Frame {
            data: data.get(..taken as usize)?,
            len,
            time: (flags & HAS_TIME != 0).then_some(time),
            link_type: LinkType(link_type),
            interface,
            section_start: 0,
            direction,
            comment: None,
        };
        Some((frame, [note, other]))
    }

    /// Lets the oldest frame go.
    pub fn drop_front(&mut self) {
        let Some((frame, _)) = self.front() else { return };
        let record_len = record_len(frame.data.len()).unwrap_or(usize::MAX);
        self.len = self.len.saturating_sub(1);
        self.first = self.first.saturating_add(record_len);
        if self.is_empty() {
            self.clear();
        } else if self.first >= self.turn {
            (self.first, self.turn) = (0, NO_TURN);
        }
    }

    /// Lets all go.
    pub fn clear(&mut self) {
        (self.first, self.next, self.turn, self.len) = (0, 0, NO_TURN, 0);
    }

    /// Room for the record of a frame of so many octets, in one piece, and where it is.
    fn room(&mut self, data_len: usize) -> Option<(usize, &mut [u8])> {
        let record_len = record_len(data_len)?;
        let has_turned = self.turn != NO_TURN;
        let end = if has_turned { self.first } else { self.octets.len() };
        let at = match end.checked_sub(self.next) {
            Some(room) if room >= record_len => self.next,
            _ if !has_turned && self.first >= record_len => 0,
            _ => return None,
        };
        self.octets.get_mut(at..at.checked_add(record_len)?).map(|room| (at, room))
    }
}

/// Octets that a frame's record takes, which begins at a whole word.
fn record_len(data_len: usize) -> Option<usize> {
    data_len.checked_add(RECORD_LEN)?.checked_next_multiple_of(4)
}

/// What is known of a frame.
fn words(frame: &Frame<'_>, notes: Notes) -> [u32; RECORD_WORDS] {
    let time = u64::from_ne_bytes(frame.time.unwrap_or(0).to_ne_bytes());
    let [low, high] = [time, time >> 32].map(|half| (half & u64::from(u32::MAX)) as u32);
    let way = match frame.direction {
        Direction::Unknown => 0,
        Direction::Inbound => INBOUND,
        Direction::Outbound => OUTBOUND,
    };
    let flags = way | if frame.time.is_some() { HAS_TIME } else { 0 };
    let taken = u32::try_from(frame.data.len()).unwrap_or(u32::MAX);
    let [note, other] = notes;
    [taken, frame.len, low, high, frame.link_type.0, frame.interface, flags, note, other]
}

const RECORD_WORDS: usize = 9;
/// Octets that are kept with each frame.
pub const RECORD_LEN: usize = RECORD_WORDS * 4;
const WAY: u32 = 3;
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;
const HAS_TIME: u32 = 4;
/// No record stands there.
const NO_TURN: usize = usize::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[test]
    fn a_frame_comes_back_as_it_was() {
        let mut ring = FrameRing::new(100).unwrap();
        let frame = Frame {
            len: 1500,
            time: Some(-7),
            interface: 9,
            direction: Direction::Outbound,
            ..Frame::new(b"abcde", LinkType::RAW)
        };
        assert!(ring.push(&frame, [1, 2]));
        assert!(!ring.push(&Frame::new(&[0; 30], LinkType::RAW), [0, 0]), "no room");
        assert_eq!(format!("{:?}", ring.front().unwrap()), format!("{:?}", (frame, [1, 2])));
        ring.drop_front();
        assert!(ring.front().is_none() && ring.is_empty());
        assert!(ring.push(&Frame::new(&[0; 64], LinkType::RAW), [0, 0]), "the whole of it is free again");
        assert_eq!(ring.front().unwrap().0.time, None);
    }

    proptest! {
        /// As a queue that has no bound, with the same frames let go where there is no room.
        #[test]
        fn frames_come_in_order_and_whole(lens in proptest::collection::vec(0usize..300, 1..200), octets in 0usize..2_000) {
            let mut ring = FrameRing::new(octets).unwrap();
            let mut queue = VecDeque::new();
            for (number, len) in lens.into_iter().enumerate() {
                let data = vec![number as u8; len];
                let frame = Frame::new(&data, LinkType::ETHERNET);
                let fits = record_len(len).unwrap() <= octets;
                while !ring.push(&frame, [number as u32, 0]) {
                    if queue.pop_front().is_none() {
                        prop_assert!(ring.is_empty() && !fits);
                        break;
                    }
                    ring.drop_front();
                }
                if fits {
                    queue.push_back(data);
                }
                prop_assert_eq!(ring.front().map(|(frame, _)| frame.data), queue.front().map(Vec::as_slice));
            }
            while let Some(data) = queue.pop_front() {
                prop_assert_eq!(ring.front().unwrap().0.data, data.as_slice());
                ring.drop_front();
            }
            prop_assert_eq!(ring.len(), 0);
        }
    }
}

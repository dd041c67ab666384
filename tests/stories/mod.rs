//! TCP conversations of all kinds, made up from a seed: what is lost, late, sent again, acknowledged too much or too early.

use std::path::Path;

use rawsock::file::{CaptureWriter, Interface, WriteOptions};
use rawsock::wire::frame::{Direction, Frame, LinkType};

/// A sequence of numbers that look random and are always the same (Marsaglia's xorshift).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: u32) -> u32 {
        u32::try_from(self.next() >> 11 & 0xffff_ffff).unwrap() % most
    }

    fn one_in(&mut self, many: u32) -> bool {
        self.below(many) == 0
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(u32::try_from(all.len()).unwrap()) as usize]
    }
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// One end.
#[derive(Clone)]
struct End {
    port: u16,
    next: u32,
    ack: u32,
    window: u16,
    shift: Option<u8>,
    /// What it sent: number and length.
    sent: Vec<(u32, u32)>,
}

/// Writes packets.
struct Story<'w> {
    random: Random,
    time: i64,
    packets: &'w mut Vec<(i64, Vec<u8>)>,
    ends: [End; 2],
}

/// What a segment has.
#[derive(Clone, Copy)]
struct Segment {
    seq: u32,
    ack: u32,
    flags: u8,
    len: u32,
}

impl Story<'_> {
    fn pause(&mut self) {
        let pause = self.random.one_of(&[0, 1, 400, 1_000, 2_500, 4_000, 30_000, 150_000, 1_200_000]);
        self.time += pause * 1_000;
        if self.random.one_in(400) {
            self.time -= 2_000_000;
        }
    }

    fn put(&mut self, who: usize, segment: Segment) {
        let (own, other) = (&self.ends[who], &self.ends[1 - who]);
        let mut options = Vec::new();
        if segment.flags & SYN != 0 {
            options.extend([2, 4, 5, 180]);
            match self.random.below(12) {
                0 if segment.flags & ACK == 0 => options.extend([1, 1, 34, 6, 1, 2, 3, 4]),
                1 => options.extend([1, 1, 34, 2]),
                _ => {}
            }
            if let Some(shift) = own.shift {
                options.extend([1, 3, 3, shift]);
            }
        }
        let has_sack = segment.flags & (SYN | RST) == 0 && self.random.one_in(9);
        if has_sack {
            let blocks = 1 + self.random.below(3);
            options.extend([1, 1, 5, u8::try_from(2 + 8 * blocks).unwrap()]);
            let mut left = segment.ack.wrapping_add(1 + self.random.below(20));
            for _ in 0..blocks {
                let right = left.wrapping_add(1 + self.random.below(30));
                options.extend(left.to_be_bytes());
                options.extend(right.to_be_bytes());
                left = right.wrapping_add(1 + self.random.below(9));
            }
        }
        let header = 20 + options.len();
        let total = u16::try_from(20 + header + segment.len as usize).unwrap();
        let mut octets = vec![0x45, 0];
        octets.extend(total.to_be_bytes());
        octets.extend([0, 1, 0, 0, 64, 6, 0, 0]);
        let addresses = [[10, 0, 0, 1], [10, 0, 0, 2]];
        octets.extend(addresses[who]);
        octets.extend(addresses[1 - who]);
        octets.extend(own.port.to_be_bytes());
        octets.extend(other.port.to_be_bytes());
        octets.extend(segment.seq.to_be_bytes());
        octets.extend(segment.ack.to_be_bytes());
        octets.extend([u8::try_from(header / 4).unwrap() << 4, segment.flags]);
        octets.extend(own.window.to_be_bytes());
        octets.extend([0; 4]);
        octets.extend(options);
        octets.resize(usize::from(total), b'x');
        self.packets.push((self.time, octets));
    }

    /// Sends something new; perhaps nobody sees it.
    fn say(&mut self, who: usize, len: u32, more: u8, is_seen: bool) {
        let End { next, ack, .. } = self.ends[who];
        let flags = ACK | more;
        if is_seen {
            self.put(who, Segment { seq: next, ack, flags, len });
        }
        let taken = len + u32::from(more & (SYN | FIN) != 0);
        self.ends[who].sent.push((next, len));
        self.ends[who].next = next.wrapping_add(taken);
    }

    fn handshake(&mut self) {
        let seqs = [self.ends[0].next, self.ends[1].next];
        let len = if self.random.one_in(5) { 5 } else { 0 };
        self.put(0, Segment { seq: seqs[0], ack: 0, flags: SYN, len });
        let early = if self.random.one_in(2) { len } else { 0 };
        self.ends[0].next = seqs[0].wrapping_add(1 + early);
        self.ends[1].ack = self.ends[0].next;
        self.pause();
        if !self.random.one_in(10) {
            self.put(1, Segment { seq: seqs[1], ack: self.ends[1].ack, flags: SYN | ACK, len: 0 });
        }
        self.ends[1].next = seqs[1].wrapping_add(1);
        self.ends[0].ack = self.ends[1].next;
        self.pause();
        if !self.random.one_in(8) {
            self.say(0, 0, 0, true);
        }
    }

    /// Something happens.
    fn act(&mut self) {
        self.pause();
        let who = usize::from(self.random.one_in(3));
        let End { next, ack, .. } = self.ends[who];
        let len = self.random.one_of(&[1, 1, 2, 3, 10, 100, 1448, 1448]);
        let push = if self.random.one_in(2) { PSH } else { 0 };
        match self.random.below(100) {
            0..30 => self.say(who, len, push, true),
            30..35 => self.say(who, len, push, false),
            35..50 => self.acknowledge(who),
            50..58 => self.put(who, Segment { seq: next, ack, flags: ACK, len: 0 }),
            58..64 => self.again(who),
            64..68 => {
                for _ in 0..2 + self.random.below(3) {
                    self.put(who, Segment { seq: next, ack, flags: ACK, len: 0 });
                }
                let (seq, len) = self.first_open(1 - who);
                self.put(1 - who, Segment { seq, ack: self.ends[1 - who].ack, flags: ACK, len });
            }
            68..73 => {
                let len = self.random.below(2);
                self.put(who, Segment { seq: next.wrapping_sub(1), ack, flags: ACK, len });
                if self.random.one_in(2) {
                    let End { next, ack, .. } = self.ends[1 - who];
                    self.put(1 - who, Segment { seq: next, ack, flags: ACK, len: 0 });
                }
            }
            73..78 => {
                self.ends[who].window = self.random.one_of(&[0, 0, 1, 100, 1448, 2896, 0xffff]);
                self.put(who, Segment { seq: next, ack, flags: ACK, len: 0 });
                if self.ends[who].window == 0 {
                    let End { next, ack, .. } = self.ends[1 - who];
                    self.put(1 - who, Segment { seq: next, ack, flags: ACK, len: 1 });
                    let End { next, ack, .. } = self.ends[who];
                    self.put(who, Segment { seq: next, ack, flags: ACK, len: 0 });
                }
            }
            78..82 => self.fill(who),
            82..86 => {
                let beyond = self.random.one_of(&[1, 10, 3000]);
                self.ends[who].ack = ack.wrapping_add(beyond);
                let len = if self.random.one_in(2) { 0 } else { len };
                self.put(who, Segment { seq: next, ack: ack.wrapping_add(beyond), flags: ACK, len });
            }
            86..89 => {
                let len = self.random.one_of(&[0, 0, 5]);
                self.say(who, len, FIN, true);
            }
            89..91 => {
                let flags = self.random.one_of(&[RST, RST | ACK]);
                let seq = self.random.one_of(&[next, next.wrapping_add(5), ack]);
                self.put(who, Segment { seq, ack: if flags == RST { 0 } else { ack }, flags, len: 0 });
            }
            91..93 => self.begin_again(who),
            93..96 => {
                let (one, two) = (next, next.wrapping_add(len));
                self.put(who, Segment { seq: two, ack, flags: ACK, len });
                self.pause();
                self.put(who, Segment { seq: one, ack, flags: ACK, len });
                self.ends[who].next = two.wrapping_add(len);
            }
            96..98 => {
                let seq = next.wrapping_sub(self.random.below(40));
                self.put(who, Segment { seq, ack, flags: ACK | push, len });
            }
            _ => {
                let flags = self.random.one_of(&[0, PSH, ACK | SYN, ACK | FIN | SYN]);
                let ack = self.random.one_of(&[0, 7, ack]);
                let len = self.random.one_of(&[0, len]);
                self.put(who, Segment { seq: next, ack, flags, len });
            }
        }
    }

    /// The first segment of a side that the other has not acknowledged.
    fn first_open(&self, who: usize) -> (u32, u32) {
        let ack = self.ends[1 - who].ack;
        let sent = &self.ends[who].sent;
        sent.iter().find(|(seq, _)| *seq == ack).copied().unwrap_or((ack, 5))
    }

    fn acknowledge(&mut self, who: usize) {
        let (own, other) = (self.ends[who].clone(), self.ends[1 - who].clone());
        let distance = other.next.wrapping_sub(own.ack);
        if distance < 1 << 30 {
            let ack = match self.random.below(4) {
                0 if distance > 0 => own.ack.wrapping_add(self.random.below(distance)),
                1 if !other.sent.is_empty() => {
                    let (seq, len) = self.random.one_of(&other.sent);
                    seq.wrapping_add(len)
                }
                _ => other.next,
            };
            self.ends[who].ack = ack;
        }
        let ack = self.ends[who].ack;
        let len = if self.random.one_in(4) { 7 } else { 0 };
        self.put(who, Segment { seq: own.next, ack, flags: ACK, len });
        self.ends[who].next = own.next.wrapping_add(len);
    }

    fn again(&mut self, who: usize) {
        let own = &self.ends[who];
        if own.sent.is_empty() {
            return;
        }
        let (all, ack) = (own.sent.clone(), own.ack);
        let (seq, len) = self.random.one_of(&all[all.len().saturating_sub(6)..]);
        let len = if self.random.one_in(4) { len + self.random.below(9) } else { len };
        self.put(who, Segment { seq, ack, flags: ACK, len });
    }

    /// Fills the window of the other side.
    fn fill(&mut self, who: usize) {
        let other = self.ends[1 - who].clone();
        let shift = if self.random.one_in(3) { 0 } else { other.shift.unwrap_or(0).min(14) };
        let window = u32::from(other.window) << shift;
        let room = other.ack.wrapping_add(window).wrapping_sub(self.ends[who].next);
        if room > 0 && room < 9000 {
            self.say(who, room, 0, true);
        }
    }

    fn begin_again(&mut self, who: usize) {
        let first = self.ends[who].sent.first().map_or(self.ends[who].next, |(seq, _)| *seq);
        let seq = match self.random.below(3) {
            0 => first.wrapping_sub(1),
            1 => first,
            _ => first.wrapping_add(100_000),
        };
        let is_answer = self.random.one_in(2);
        let flags = if is_answer { SYN | ACK } else { SYN };
        let ack = if is_answer { self.ends[who].ack } else { 0 };
        if self.random.one_in(3) {
            self.ends[who].shift = self.random.one_of(&[None, Some(0), Some(3)]);
        }
        self.put(who, Segment { seq, ack, flags, len: 0 });
        if self.random.one_in(2) {
            self.ends[who].next = seq.wrapping_add(1);
        }
    }
}

/// Writes a capture of so many conversations; their packets are not mixed.
pub(crate) fn write(path: &Path, seed: u64, conversations: u16, most_acts: u32) {
    let mut packets = Vec::new();
    let mut time = 1_700_000_000_000_000_000;
    for number in 0..conversations {
        let mut random = Random::new(seed << 16 | u64::from(number));
        let mut end = |port| {
            let next = random.one_of(&[0, 1, 1000, u32::MAX - 2000, 0x7fff_f000, 0xdead_beef]);
            let window = random.one_of(&[0, 500, 8192, 0xffff]);
            let shift = random.one_of(&[None, None, Some(0), Some(2), Some(7), Some(14), Some(20)]);
            End { port, next, ack: 0, window, shift, sent: Vec::new() }
        };
        let ends = [end(10_000 + number), end(80)];
        let mut story = Story { random, time, packets: &mut packets, ends };
        if story.random.one_in(3) {
            let acks = [story.ends[1].next, story.ends[0].next];
            (story.ends[0].ack, story.ends[1].ack) = (acks[0], acks[1]);
        } else {
            story.handshake();
        }
        for _ in 0..3 + story.random.below(most_acts) {
            story.act();
        }
        time = story.time + 1_000_000;
    }
    save(path, &packets);
}

/// Writes a capture of so many segments of one side, of which the other acknowledges what tshark remembers, and what it does
/// not; then another one.
pub(crate) fn write_unanswered(path: &Path, segments: u32) {
    let mut packets = Vec::new();
    let end = |port| End { port, next: 1000, ack: 1000, window: 8192, shift: None, sent: Vec::new() };
    let (random, time) = (Random::new(1), 1_700_000_000_000_000_000);
    let mut story = Story { random, time, packets: &mut packets, ends: [end(1), end(2)] };
    for _ in 0..segments {
        story.time += 1000;
        story.say(0, 10, PSH, true);
    }
    for count in [9000, 10_000, segments] {
        story.put(1, Segment { seq: 1000, ack: 1000 + 10 * count, flags: ACK, len: 0 });
    }
    story.say(0, 10, PSH, true);
    save(path, &packets);
}

fn save(path: &Path, packets: &[(i64, Vec<u8>)]) {
    let mut writer = CaptureWriter::create(path, WriteOptions::default()).unwrap();
    let interface = writer.add_interface(&Interface::of(LinkType::RAW)).unwrap();
    for (time, octets) in packets {
        let frame = Frame {
            data: octets,
            len: u32::try_from(octets.len()).unwrap(),
            time: Some(*time),
            link_type: LinkType::RAW,
            interface,
            section_start: 0,
            direction: Direction::Unknown,
            comment: None,
        };
        writer.write(&frame).unwrap();
    }
    writer.finish().unwrap();
}

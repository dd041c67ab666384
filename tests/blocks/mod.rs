//! A list of the blocks of a pcapng file, made without the code that is tested.
#![allow(dead_code, reason = "each test program uses its own part of this")]

/// A block: its type, its section's byte order, and what stands between its lengths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) kind: u32,
    pub(crate) is_big: bool,
    pub(crate) body: Vec<u8>,
}

impl Block {
    pub(crate) fn half(&self, at: usize) -> u16 {
        let octets = [self.body[at], self.body[at + 1]];
        if self.is_big { u16::from_be_bytes(octets) } else { u16::from_le_bytes(octets) }
    }

    pub(crate) fn word(&self, at: usize) -> u32 {
        word(&self.body, at, self.is_big)
    }

    /// Whether it holds a packet.
    pub(crate) fn is_packet(&self) -> bool {
        [2, 3, 6].contains(&self.kind)
    }

    /// The options behind the fixed part and the packet: code and value.
    pub(crate) fn options(&self) -> Vec<(u16, Vec<u8>)> {
        let mut at = match self.kind {
            0x0a0d_0d0a => 16,
            1 => 8,
            5 => 12,
            2 | 6 => 20 + (self.word(12) as usize).next_multiple_of(4),
            other => panic!("where options are in a block of type {other:#x} is not known here"),
        };
        let mut options = Vec::new();
        while at + 4 <= self.body.len() && self.half(at) != 0 {
            let (code, len) = (self.half(at), self.half(at + 2) as usize);
            options.push((code, self.body[at + 4..at + 4 + len].to_vec()));
            at += 4 + len.next_multiple_of(4);
        }
        options
    }
}

/// The whole blocks of a file, up to where it is cut. How long a section says it is does not count.
pub(crate) fn blocks(file: &[u8]) -> Vec<Block> {
    let (mut left, mut is_big, mut blocks) = (file, false, Vec::new());
    while left.len() >= 12 {
        if left.starts_with(&[10, 13, 13, 10]) {
            is_big = left[8] == 0x1a;
        }
        let len = word(left, 4, is_big) as usize;
        let Some(block) = left.get(..len).filter(|_| len >= 12) else { break };
        let mut body = block[8..len - 4].to_vec();
        let kind = word(block, 0, is_big);
        if kind == 0x0a0d_0d0a {
            body[8..16].fill(0xff);
        }
        blocks.push(Block { kind, is_big, body });
        left = &left[len..];
    }
    blocks
}

fn word(octets: &[u8], at: usize, is_big: bool) -> u32 {
    let octets = octets[at..at + 4].try_into().unwrap();
    if is_big { u32::from_be_bytes(octets) } else { u32::from_le_bytes(octets) }
}

/// A section with a block of every kind, each with every option that has numbers in it.
pub(crate) fn every_kind(is_big: bool) -> Vec<u8> {
    let half = |number: u16| if is_big { number.to_be_bytes() } else { number.to_le_bytes() };
    let word = |number: u32| if is_big { number.to_be_bytes() } else { number.to_le_bytes() };
    let wide = |number: u64| if is_big { number.to_be_bytes() } else { number.to_le_bytes() };
    let words = |numbers: &[u32]| numbers.iter().flat_map(|number| word(*number)).collect::<Vec<u8>>();
    let padded = |mut octets: Vec<u8>| {
        octets.resize(octets.len().next_multiple_of(4), 0);
        octets
    };
    let option =
        |code: u16, value: &[u8]| padded([&half(code)[..], &half(value.len() as u16), value].concat());
    let options = |each: &[(u16, Vec<u8>)]| {
        let each: Vec<u8> = each.iter().flat_map(|(code, value)| option(*code, value)).collect();
        [each, vec![0; 4]].concat()
    };
    let block = |kind: u32, parts: &[&[u8]]| {
        let body = padded(parts.concat());
        let len = word(body.len() as u32 + 12);
        [&word(kind)[..], &len, &body, &len].concat()
    };
    let text = |text: &str| text.as_bytes().to_vec();
    let custom = [&word(32_473)[..], b"ours"].concat();
    let section_options = options(&[
        (1, text("a section")),
        (1, text("and more of it")),
        (2, text("a machine")),
        (3, text("a system")),
        (4, text("a program")),
        (2988, custom.clone()),
    ]);
    let interface_options = options(&[
        (2, text("eth0")),
        (3, text("the first")),
        (4, vec![192, 168, 1, 1, 255, 255, 255, 0]),
        (6, vec![2, 0, 0, 0, 0, 1]),
        (8, wide(1_000_000_000).to_vec()),
        (9, vec![9]),
        (10, word(3600).to_vec()),
        (11, text("\0tcp port 80")),
        (14, wide(5).to_vec()),
        (16, wide(7).to_vec()),
        (17, wide(8).to_vec()),
        (999, text("nobody knows")),
    ]);
    let packet_options = options(&[
        (1, text("one")),
        (1, text("two")),
        (2, word(0x0000_0601).to_vec()),
        (3, vec![2, 1, 2, 3, 4]),
        (4, wide(3).to_vec()),
        (5, wide(0x0102_0304_0506_0708).to_vec()),
        (6, word(4).to_vec()),
        (7, [&[1u8][..], &wide(2)].concat()),
        (8, words(&[1234, 5678])),
        (2989, custom.clone()),
        (777, text("unknown")),
    ]);
    let old_options = options(&[(2, word(2).to_vec()), (3, vec![2, 1, 2, 3, 4])]);
    let counts = options(&[
        (2, words(&[1, 2])),
        (3, words(&[3, 4])),
        (4, wide(10).to_vec()),
        (5, wide(11).to_vec()),
        (8, wide(12).to_vec()),
    ]);
    let names = [
        option(1, &[&[10, 0, 0, 1][..], b"one.example\0uno.example\0"].concat()),
        option(2, &[&[0xfd; 16][..], b"six.example\0"].concat()),
        vec![0; 4],
        options(&[(2, text("a server")), (3, vec![10, 0, 0, 53])]),
    ]
    .concat();
    let data = b"an octet or more".as_slice();
    [
        block(0x0a0d_0d0a, &[&word(0x1a2b_3c4d), &half(1), &half(0), &wide(u64::MAX), &section_options]),
        block(1, &[&half(1), &half(0), &word(0), &interface_options]),
        block(1, &[&half(101), &half(0), &word(96)]),
        block(4, &[&names]),
        block(10, &[&words(&[0x544c_534b, 9]), b"CLIENT_RA\0\0\0", &options(&[(1, text("keys"))])]),
        block(6, &[&words(&[0, 1, 2, 16, 16]), data, &packet_options]),
        block(2, &[&half(1), &half(7), &words(&[1, 3, 16, 20]), data, &old_options]),
        block(3, &[&word(16), data]),
        block(9, &[b"__REALTIME_TIMESTAMP=1\nMESSAGE=x\n\n"]),
        block(0x0bad, &[&word(32_473), b"copied by all", &[0; 3]]),
        block(0x4000_0bad, &[&word(32_473), b"copied by those who know it"]),
        block(0x7777, &[b"of nobody"]),
        block(5, &[&words(&[1, 5, 6]), &counts]),
    ]
    .concat()
}

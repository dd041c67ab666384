//! Runs a program on a packet, as the kernel does: for files, and where no kernel is.

use crate::wire::bpf::{self, Instruction};
use crate::wire::frame::{Direction, Frame};

/// How many octets of a packet a program takes; 0 when it takes none. A load from behind the captured octets ends it with 0,
/// and so does a division by zero, or an instruction that is none.
pub(crate) fn run(program: &[Instruction], frame: &Frame<'_>) -> u32 {
    let mut machine = Machine { frame, a: 0, x: 0, memory: [0; bpf::MEMORY_WORDS] };
    let mut next = 0_usize;
    // Ways lead forward only, so that each instruction runs at most once.
    while let Some(instruction) = program.get(next) {
        next = next.saturating_add(1);
        let Instruction { code, jt, jf, k } = *instruction;
        // Nearly all that filters are made of: load from the packet, compare with a number, say so.
        match code {
            LOAD_HALF if k < bpf::ANCILLARY => match machine.octets(k, bpf::H) {
                Some(half) => machine.a = half,
                None => return 0,
            },
            LOAD_OCTET if k < bpf::ANCILLARY => match machine.octets(k, bpf::B) {
                Some(octet) => machine.a = octet,
                None => return 0,
            },
            JUMP_IF_EQUAL => {
                next = next.saturating_add(usize::from(if machine.a == k { jt } else { jf }));
            }
            RETURN => return k,
            _ => match machine.step(instruction) {
                Some(Step::On) => {}
                Some(Step::Skip(count)) => next = next.saturating_add(count as usize),
                Some(Step::Return(len)) => return len,
                None => return 0,
            },
        }
    }
    0
}

const LOAD_HALF: u16 = bpf::LD | bpf::H | bpf::ABS;
const LOAD_OCTET: u16 = bpf::LD | bpf::B | bpf::ABS;
const JUMP_IF_EQUAL: u16 = bpf::JMP | bpf::JEQ;
const RETURN: u16 = bpf::RET;

enum Step {
    On,
    Skip(u32),
    Return(u32),
}

struct Machine<'f> {
    frame: &'f Frame<'f>,
    a: u32,
    x: u32,
    memory: [u32; bpf::MEMORY_WORDS],
}

impl Machine<'_> {
    fn step(&mut self, instruction: &Instruction) -> Option<Step> {
        let Instruction { code, jt, jf, k } = *instruction;
        match code & bpf::CLASS {
            bpf::LD => self.a = self.value(code, k)?,
            bpf::LDX => self.x = self.value(code, k)?,
            bpf::ST => *self.memory.get_mut(k as usize)? = self.a,
            bpf::STX => *self.memory.get_mut(k as usize)? = self.x,
            bpf::ALU => {
                let operand = if code & bpf::X == 0 { k } else { self.x };
                self.a = match code & 0xf0 {
                    bpf::NEG => self.a.wrapping_neg(),
                    operation => calculate(operation, self.a, operand)?,
                };
            }
            bpf::JMP if code & 0xf0 == bpf::JA => return Some(Step::Skip(k)),
            bpf::JMP => {
                let operand = if code & bpf::X == 0 { k } else { self.x };
                let is = match code & 0xf0 {
                    bpf::JEQ => self.a == operand,
                    bpf::JGT => self.a > operand,
                    bpf::JGE => self.a >= operand,
                    _ => self.a & operand != 0,
                };
                return Some(Step::Skip(u32::from(if is { jt } else { jf })));
            }
            bpf::RET => return Some(Step::Return(if code & bpf::A == 0 { k } else { self.a })),
            _ if code & bpf::TXA == 0 => self.x = self.a,
            _ => self.a = self.x,
        }
        Some(Step::On)
    }

    fn value(&self, code: u16, k: u32) -> Option<u32> {
        match code & 0xe0 {
            bpf::IMM => Some(k),
            bpf::MEM => self.memory.get(k as usize).copied(),
            bpf::LEN => Some(self.frame.len),
            bpf::ABS if k >= bpf::ANCILLARY => self.ancillary(k),
            bpf::ABS => self.octets(k, code),
            bpf::IND => self.octets(self.x.checked_add(k)?, code),
            _ => Some((self.octets(k, bpf::B)? & 0x0f) << 2),
        }
    }

    #[inline]
    fn octets(&self, at: u32, size: u16) -> Option<u32> {
        let octets = self.frame.data.get(at as usize..)?;
        match size & 0x18 {
            bpf::B => octets.first().map(|octet| u32::from(*octet)),
            bpf::H => octets.first_chunk().map(|octets| u32::from(u16::from_be_bytes(*octets))),
            _ => octets.first_chunk().map(|octets| u32::from_be_bytes(*octets)),
        }
    }

    /// What is known beside the octets: in files the direction, and that no tag was taken out of them.
    fn ancillary(&self, what: u32) -> Option<u32> {
        match (what, self.frame.direction) {
            (bpf::PACKET_TYPE, Direction::Outbound) => Some(4),
            (bpf::PACKET_TYPE, Direction::Inbound) => Some(0),
            (bpf::VLAN_TAG | bpf::VLAN_TAG_PRESENT, _) => Some(0),
            _ => None,
        }
    }
}

/// The result of an operation; `None` of a division by zero.
pub(super) fn calculate(operation: u16, left: u32, right: u32) -> Option<u32> {
    Some(match operation {
        bpf::ADD => left.wrapping_add(right),
        bpf::SUB => left.wrapping_sub(right),
        bpf::MUL => left.wrapping_mul(right),
        bpf::DIV => left.checked_div(right)?,
        bpf::MOD => left.checked_rem(right)?,
        bpf::OR => left | right,
        bpf::AND => left & right,
        bpf::XOR => left ^ right,
        bpf::LSH => left.checked_shl(right).unwrap_or(0),
        bpf::RSH => left.checked_shr(right).unwrap_or(0),
        _ => return None,
    })
}

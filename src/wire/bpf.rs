//! Classic BPF: the instructions that the kernel runs to filter packets (`linux/filter.h`; S. McCanne and V. Jacobson, "The BSD
//! Packet Filter", 1993).

/// One instruction, as `struct sock_filter` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Instructions to skip when true.
    pub jt: u8,
    /// Instructions to skip when false.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

impl Instruction {
    /// An operation with its operand.
    pub const fn new(code: u16, k: u32) -> Self {
        Self { code, jt: 0, jf: 0, k }
    }

    /// `ret #len`: take so many octets of each packet, none of them when 0.
    pub const fn take(len: u32) -> Self {
        Self::new(RET, len)
    }
}

/// Load into A.
pub const LD: u16 = 0x00;
/// Load into X.
pub const LDX: u16 = 0x01;
/// Store A in the scratch memory.
pub const ST: u16 = 0x02;
/// Store X in the scratch memory.
pub const STX: u16 = 0x03;
/// Calculate with A.
pub const ALU: u16 = 0x04;
/// Jump.
pub const JMP: u16 = 0x05;
/// End.
pub const RET: u16 = 0x06;
/// Move between A and X.
pub const MISC: u16 = 0x07;
/// The bits of a code that say which of these it is.
pub const CLASS: u16 = 0x07;

/// Four octets.
pub const W: u16 = 0x00;
/// Two octets.
pub const H: u16 = 0x08;
/// One octet.
pub const B: u16 = 0x10;

/// The operand itself.
pub const IMM: u16 = 0x00;
/// The packet, at the operand.
pub const ABS: u16 = 0x20;
/// The packet, at X and the operand.
pub const IND: u16 = 0x40;
/// The scratch memory.
pub const MEM: u16 = 0x60;
/// The length of the packet on the wire.
pub const LEN: u16 = 0x80;
/// Four times the lower half of the octet at the operand: the length of an IPv4 header.
pub const MSH: u16 = 0xa0;

/// A + operand.
pub const ADD: u16 = 0x00;
/// A - operand.
pub const SUB: u16 = 0x10;
/// A * operand.
pub const MUL: u16 = 0x20;
/// A / operand.
pub const DIV: u16 = 0x30;
/// A | operand.
pub const OR: u16 = 0x40;
/// A & operand.
pub const AND: u16 = 0x50;
/// A << operand.
pub const LSH: u16 = 0x60;
/// A >> operand.
pub const RSH: u16 = 0x70;
/// -A.
pub const NEG: u16 = 0x80;
/// A % operand.
pub const MOD: u16 = 0x90;
/// A ^ operand.
pub const XOR: u16 = 0xa0;

/// Always.
pub const JA: u16 = 0x00;
/// When equal.
pub const JEQ: u16 = 0x10;
/// When greater.
pub const JGT: u16 = 0x20;
/// When greater or equal.
pub const JGE: u16 = 0x30;
/// When one of the bits is set.
pub const JSET: u16 = 0x40;

/// The operand of a calculation or jump is X, not k.
pub const X: u16 = 0x08;
/// What a `ret` returns is A, not k.
pub const A: u16 = 0x10;
/// X = A.
pub const TAX: u16 = 0x00;
/// A = X.
pub const TXA: u16 = 0x80;

/// Words of scratch memory.
pub const MEMORY_WORDS: usize = 16;
/// The most instructions that Linux takes (`BPF_MAXINSNS`).
pub const MAX_INSTRUCTIONS: usize = 4096;

/// Loads from here on are of what Linux knows of the packet beside its octets (`SKF_AD_OFF`).
pub const ANCILLARY: u32 = 0xffff_f000;
/// `SKF_AD_PROTOCOL`: what the link layer carries, as an Ethernet type.
pub const PROTOCOL: u32 = ANCILLARY;
/// `SKF_AD_PKTTYPE`: 4 for what this host sends.
pub const PACKET_TYPE: u32 = ANCILLARY + 4;
/// `SKF_AD_IFINDEX`: the index of the interface.
pub const INTERFACE_INDEX: u32 = ANCILLARY + 8;
/// `SKF_AD_VLAN_TAG`: the tag that was taken out of the octets.
pub const VLAN_TAG: u32 = ANCILLARY + 44;
/// `SKF_AD_VLAN_TAG_PRESENT`: whether one was.
pub const VLAN_TAG_PRESENT: u32 = ANCILLARY + 48;

//! What a test becomes before it is a program: loads and jumps, joined by and, or and not.

use crate::wire::bpf::{self, Instruction};

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Code {
    /// Always, or never.
    Constant(bool),
    /// Instructions, and what is then asked of A.
    Test(Test),
    /// Instructions that ask nothing and are always true.
    Effect(Vec<Instruction>),
    All(Box<Code>, Box<Code>),
    Any(Box<Code>, Box<Code>),
    Not(Box<Code>),
}

/// A comparison of A.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Test {
    /// What puts the value into A.
    pub(super) load: Vec<Instruction>,
    /// `bpf::JEQ` and so on; with `bpf::X`, X is compared with.
    pub(super) comparison: u16,
    /// What is compared with.
    pub(super) operand: u32,
}

impl Code {
    /// This and then that.
    pub(super) fn and(self, right: Self) -> Self {
        match (self, right) {
            (Self::Constant(true), right) => right,
            (Self::Constant(false), _) => Self::Constant(false),
            (left, right) => Self::All(Box::new(left), Box::new(right)),
        }
    }

    /// This or else that.
    pub(super) fn or(self, right: Self) -> Self {
        match (self, right) {
            (Self::Constant(false), right) => right,
            (Self::Constant(true), _) => Self::Constant(true),
            (left, right) => Self::Any(Box::new(left), Box::new(right)),
        }
    }

    /// Anything but this.
    pub(super) fn negate(self) -> Self {
        match self {
            Self::Constant(is) => Self::Constant(!is),
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// A comparison of what some instructions leave in A.
    pub(super) fn test(load: Vec<Instruction>, comparison: u16, operand: u32) -> Self {
        Self::Test(Test { load, comparison, operand })
    }

    /// Whether A is a number.
    pub(super) fn equal(load: Vec<Instruction>, number: u32) -> Self {
        Self::test(load, bpf::JEQ, number)
    }

    /// Whether some bits of A are those of a number.
    pub(super) fn masked(mut load: Vec<Instruction>, mask: u32, number: u32) -> Self {
        if mask == 0 {
            return Self::Constant(number == 0);
        }
        if mask != u32::MAX {
            load.push(Instruction::new(bpf::ALU | bpf::AND | bpf::IMM, mask));
        }
        Self::equal(load, number)
    }

    /// Whether one of the bits of A is set.
    pub(super) fn any_bit(load: Vec<Instruction>, bits: u32) -> Self {
        Self::test(load, bpf::JSET, bits)
    }
}

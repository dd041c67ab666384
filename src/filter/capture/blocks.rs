//! Code as a graph: blocks of instructions, each ending in a question with two ways on.

use super::code::Code;
use crate::wire::bpf::Instruction;

/// A graph whose ways only lead to later blocks; the first block is the beginning.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Graph {
    pub(super) blocks: Vec<Block>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Block {
    pub(super) body: Vec<Instruction>,
    pub(super) end: End,
}

/// What comes behind a block; blocks are named by their place in the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum End {
    Branch {
        comparison: u16,
        operand: u32,
        yes: usize,
        no: usize,
    },
    Go(usize),
    /// So many octets of the packet are taken.
    Return(u32),
}

/// Makes the graph of a condition: where it holds, so many octets of the packet are taken, else none.
pub(super) fn graph(code: &Code, start: Vec<Instruction>, take: u32) -> Graph {
    let mut builder = Builder { blocks: Vec::new() };
    let (yes, no) = (builder.reserve(), builder.reserve());
    let first = builder.emit(code, yes, no);
    builder.set(yes, Block { body: Vec::new(), end: End::Return(take) });
    builder.set(no, Block { body: Vec::new(), end: End::Return(0) });
    let begin = builder.reserve();
    builder.set(begin, Block { body: start, end: End::Go(first) });
    builder.in_order(begin)
}

/// Blocks are made from the end: what they lead to is there before them.
struct Builder {
    blocks: Vec<Block>,
}

impl Builder {
    fn reserve(&mut self) -> usize {
        self.blocks.push(Block { body: Vec::new(), end: End::Return(0) });
        self.blocks.len().saturating_sub(1)
    }

    fn set(&mut self, index: usize, block: Block) {
        if let Some(place) = self.blocks.get_mut(index) {
            *place = block;
        }
    }

    fn add(&mut self, body: Vec<Instruction>, end: End) -> usize {
        self.blocks.push(Block { body, end });
        self.blocks.len().saturating_sub(1)
    }

    /// Blocks for a condition that lead to `yes` and `no`; the first of them.
    fn emit(&mut self, code: &Code, yes: usize, no: usize) -> usize {
        match code {
            Code::Constant(true) => yes,
            Code::Constant(false) => no,
            Code::Test(test) => {
                let end = End::Branch { comparison: test.comparison, operand: test.operand, yes, no };
                self.add(test.load.clone(), end)
            }
            Code::Effect(body) => self.add(body.clone(), End::Go(yes)),
            Code::All(first, second) => {
                let second = self.emit(second, yes, no);
                self.emit(first, second, no)
            }
            Code::Any(first, second) => {
                let second = self.emit(second, yes, no);
                self.emit(first, yes, second)
            }
            Code::Not(inner) => self.emit(inner, no, yes),
        }
    }

    /// The graph from a block on, each block before those that it leads to. As what a block leads to was made before it,
    /// that is the order of making turned round; the two ends stay last.
    fn in_order(mut self, begin: usize) -> Graph {
        let last = begin;
        let turned = |index: usize| last.saturating_sub(index);
        self.blocks.reverse();
        let mut graph = Graph { blocks: self.blocks };
        graph.rename(turned);
        graph
    }
}

impl Graph {
    /// Gives all blocks new names in what leads to them.
    pub(super) fn rename(&mut self, name: impl Fn(usize) -> usize) {
        for block in &mut self.blocks {
            match &mut block.end {
                End::Branch { yes, no, .. } => {
                    *yes = name(*yes);
                    *no = name(*no);
                }
                End::Go(next) => *next = name(*next),
                End::Return(_) => {}
            }
        }
    }

    /// Leaves out the blocks that nothing leads to.
    pub(super) fn drop_unreachable(&mut self) {
        let mut reachable = vec![false; self.blocks.len()];
        if let Some(first) = reachable.first_mut() {
            *first = true;
        }
        for (index, block) in self.blocks.iter().enumerate() {
            if reachable.get(index) == Some(&true) {
                for next in block.end.targets() {
                    if let Some(place) = reachable.get_mut(next) {
                        *place = true;
                    }
                }
            }
        }
        let mut names = Vec::with_capacity(reachable.len());
        let mut count: usize = 0;
        for is_reachable in &reachable {
            names.push(count);
            count = count.saturating_add(usize::from(*is_reachable));
        }
        let mut kept = reachable.iter();
        self.blocks.retain(|_| kept.next() == Some(&true));
        self.rename(|index| names.get(index).copied().unwrap_or_default());
    }
}

impl End {
    /// The blocks that it leads to.
    pub(super) fn targets(self) -> impl Iterator<Item = usize> {
        let (first, second) = match self {
            Self::Branch { yes, no, .. } => (Some(yes), Some(no)),
            Self::Go(next) => (Some(next), None),
            Self::Return(_) => (None, None),
        };
        first.into_iter().chain(second)
    }
}

//! A graph as a program: blocks one behind the other, ways as distances.

use super::blocks::{End, Graph};
use super::mistake::Mistake;
use crate::wire::bpf::{self, Instruction, MAX_INSTRUCTIONS};

/// Lays the blocks out. A branch reaches 255 instructions far; where a way is longer, a jump of its own stands behind it.
pub(super) fn encode(graph: &Graph) -> Result<Vec<Instruction>, Mistake> {
    let mut far = vec![Far::default(); graph.blocks.len()];
    loop {
        let places = places(graph, &far);
        if places.last().is_none_or(|end| *end > MAX_INSTRUCTIONS) {
            return Err(Mistake::TooMuch);
        }
        let program = lay_out(graph, &places, &mut far)?;
        if let Some(program) = program {
            return Ok(program);
        }
    }
}

/// Which ways of a branch need a jump of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Far {
    yes: bool,
    no: bool,
}

/// Where each block begins, and where the last ends.
fn places(graph: &Graph, far: &[Far]) -> Vec<usize> {
    let mut at: usize = 0;
    let mut places = vec![0];
    for (index, (block, far)) in graph.blocks.iter().zip(far).enumerate() {
        let end = match block.end {
            End::Return(_) => 1,
            End::Go(next) => usize::from(next != index.saturating_add(1)),
            End::Branch { .. } => {
                1_usize.saturating_add(usize::from(far.yes)).saturating_add(usize::from(far.no))
            }
        };
        at = at.saturating_add(block.body.len()).saturating_add(end);
        places.push(at);
    }
    places
}

/// The program; `None` when a way turned out to be too long, which is then noted.
fn lay_out(graph: &Graph, places: &[usize], far: &mut [Far]) -> Result<Option<Vec<Instruction>>, Mistake> {
    let mut program = Vec::new();
    let mut fits = true;
    for (index, (block, far)) in graph.blocks.iter().zip(far.iter_mut()).enumerate() {
        program.extend_from_slice(&block.body);
        let from = program.len().saturating_add(1);
        let distance = |to: usize, from: usize| {
            places.get(to).and_then(|to| to.checked_sub(from)).ok_or(Mistake::TooMuch)
        };
        match block.end {
            End::Return(len) => program.push(Instruction::take(len)),
            End::Go(next) if next == index.saturating_add(1) => {}
            End::Go(next) => program.push(jump(distance(next, from)?)),
            End::Branch { comparison, operand, yes, no } => {
                let mut branch = Instruction::new(bpf::JMP | comparison, operand);
                let jumps = usize::from(far.yes);
                let mut way = |is_far: &mut bool, to: usize, own: usize| -> Result<u8, Mistake> {
                    if *is_far {
                        return u8::try_from(own).map_err(|_| Mistake::TooMuch);
                    }
                    Ok(u8::try_from(distance(to, from)?).unwrap_or_else(|_| {
                        *is_far = true;
                        fits = false;
                        0
                    }))
                };
                branch.jt = way(&mut far.yes, yes, 0)?;
                branch.jf = way(&mut far.no, no, jumps)?;
                program.push(branch);
                for (is_far, to) in [(far.yes, yes), (far.no, no)] {
                    if is_far && fits {
                        let from = program.len().saturating_add(1);
                        program.push(jump(distance(to, from)?));
                    }
                }
            }
        }
    }
    Ok(fits.then_some(program))
}

fn jump(distance: usize) -> Instruction {
    Instruction::new(bpf::JMP | bpf::JA, u32::try_from(distance).unwrap_or(u32::MAX))
}

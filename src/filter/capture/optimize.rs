//! Leaves out what is asked twice: questions whose answer is known on the way to them, and values that are in A already.
//!
//! What a program answers stays the same for every packet, also for those that end early: a load that may fail is left out
//! only where the same load has been done, or where nothing depends on it.

use std::collections::HashMap;

use super::blocks::{Block, End, Graph};
use crate::wire::bpf::{self, Instruction};

/// Makes a graph shorter.
pub(super) fn optimize(graph: &mut Graph) {
    graph.blocks.iter_mut().for_each(ask_for_bits);
    loop {
        let before = graph.clone();
        skip_empty_blocks(graph);
        skip_known_answers(graph);
        graph.drop_unreachable();
        merge_equal_blocks(graph);
        graph.drop_unreachable();
        if *graph == before {
            break;
        }
    }
    drop_known_values(graph);
}

/// `A & bits == 0` is one question.
fn ask_for_bits(block: &mut Block) {
    if let End::Branch { comparison: bpf::JEQ, operand: 0, yes, no } = block.end
        && let Some(last) = block.body.last()
        && last.code == bpf::ALU | bpf::AND | bpf::IMM
    {
        block.end = End::Branch { comparison: bpf::JSET, operand: last.k, yes: no, no: yes };
        block.body.pop();
    }
}

/// Ways that lead to a block which only leads on. A question whose answers lead to the same is not asked, and then also what
/// is not there cannot fail: `not ip or not ip6` takes a packet without a type field, as libpcap's programs do.
fn skip_empty_blocks(graph: &mut Graph) {
    for block in &mut graph.blocks {
        if let End::Branch { yes, no, .. } = block.end
            && yes == no
            && block.body.iter().all(is_pure)
        {
            *block = Block { body: Vec::new(), end: End::Go(yes) };
        }
    }
    let mut through: Vec<usize> = (0..graph.blocks.len()).collect();
    for (index, block) in graph.blocks.iter().enumerate().rev() {
        if let End::Go(next) = block.end
            && block.body.is_empty()
            && index > 0
        {
            let target = through.get(next).copied().unwrap_or(next);
            if let Some(place) = through.get_mut(index) {
                *place = target;
            }
        }
    }
    graph.rename(|index| through.get(index).copied().unwrap_or(index));
}

/// Whether an instruction only changes A and X.
fn is_pure(instruction: &Instruction) -> bool {
    !matches!(instruction.code & bpf::CLASS, bpf::ST | bpf::STX)
}

fn reads_memory(instruction: &Instruction) -> bool {
    matches!(instruction.code & bpf::CLASS, bpf::LD | bpf::LDX) && instruction.code & 0xe0 == bpf::MEM
}

/// What is known of a value on the way to a block: the questions asked of it, and their answers.
type Facts<'g> = HashMap<&'g [Instruction], Vec<(u16, u32, bool)>>;

/// Ways that lead to a question whose answer is known lead to where the answer leads.
fn skip_known_answers(graph: &mut Graph) {
    let old = graph.clone();
    let mut known: Vec<Option<Facts<'_>>> = vec![None; old.blocks.len()];
    if let Some(first) = known.first_mut() {
        *first = Some(Facts::new());
    }
    for (index, block) in old.blocks.iter().enumerate() {
        let Some(mut facts) = known.get_mut(index).and_then(Option::take) else { continue };
        if !block.body.iter().all(is_pure) {
            facts.retain(|value, _| !value.iter().any(reads_memory));
        }
        match block.end {
            End::Return(_) => {}
            End::Go(next) => {
                let target = follow(&old, next, &facts);
                share(&mut known, target, &facts);
                set_end(graph, index, End::Go(target));
            }
            End::Branch { comparison, operand, yes, no } => {
                let mut learned = |answer: bool, next: usize| {
                    let mut facts = facts.clone();
                    if block.body.iter().all(is_pure) && comparison & bpf::X == 0 {
                        facts.entry(&block.body).or_default().push((comparison, operand, answer));
                    }
                    let target = follow(&old, next, &facts);
                    share(&mut known, target, &facts);
                    target
                };
                let (yes, no) = (learned(true, yes), learned(false, no));
                set_end(graph, index, End::Branch { comparison, operand, yes, no });
            }
        }
    }
}

fn set_end(graph: &mut Graph, index: usize, end: End) {
    if let Some(block) = graph.blocks.get_mut(index) {
        block.end = end;
    }
}

/// Past all questions whose answers are known.
fn follow(graph: &Graph, mut next: usize, facts: &Facts<'_>) -> usize {
    while let Some(block) = graph.blocks.get(next)
        && let End::Branch { comparison, operand, yes, no } = block.end
        && comparison & bpf::X == 0
        && let Some(asked) = facts.get(block.body.as_slice())
        && let Some(answer) = asked.iter().find_map(|fact| implied(*fact, comparison, operand))
    {
        next = if answer { yes } else { no };
    }
    next
}

/// What a known answer says of another question about the same value.
fn implied((known, of, answer): (u16, u32, bool), comparison: u16, operand: u32) -> Option<bool> {
    if (known, of) == (comparison, operand) {
        return Some(answer);
    }
    if known != bpf::JEQ || !answer {
        return None;
    }
    Some(match comparison {
        bpf::JEQ => of == operand,
        bpf::JGT => of > operand,
        bpf::JGE => of >= operand,
        _ => of & operand != 0,
    })
}

/// At a block only that is known which is known on all ways to it.
fn share<'g>(known: &mut [Option<Facts<'g>>], target: usize, facts: &Facts<'g>) {
    let Some(place) = known.get_mut(target) else { return };
    match place {
        None => *place = Some(facts.clone()),
        Some(there) => there.retain(|value, asked| {
            let also = facts.get(value);
            asked.retain(|fact| also.is_some_and(|also| also.contains(fact)));
            !asked.is_empty()
        }),
    }
}

/// Blocks that do the same and lead to the same are one.
fn merge_equal_blocks(graph: &mut Graph) {
    let mut first_of: HashMap<Block, usize> = HashMap::new();
    for index in (0..graph.blocks.len()).rev() {
        let Some(block) = graph.blocks.get(index).cloned() else { continue };
        // The one that stays is the last, so that ways still only lead to later blocks.
        if let Some(same) = first_of.get(&block).copied() {
            graph.rename(|other| if other == index { same } else { other });
        } else {
            first_of.insert(block, index);
        }
    }
}

/// What is in a register behind a block; `None` when it depends on the way.
#[derive(Debug, Clone, PartialEq, Default)]
struct Registers {
    a: Option<Vec<Instruction>>,
    /// The instruction that loaded the length of the IPv4 header.
    x: Option<Instruction>,
}

/// Loads of what is in A or X already.
fn drop_known_values(graph: &mut Graph) {
    let mut known: Vec<Option<Registers>> = vec![None; graph.blocks.len()];
    if let Some(first) = known.first_mut() {
        *first = Some(Registers::default());
    }
    for index in 0..graph.blocks.len() {
        let Some(before) = known.get_mut(index).and_then(Option::take) else { continue };
        let Some(block) = graph.blocks.get_mut(index) else { continue };
        let after = drop_known(block, before);
        for target in block.end.targets() {
            let Some(place) = known.get_mut(target) else { continue };
            match place {
                None => *place = Some(after.clone()),
                Some(there) => {
                    there.a = there.a.take().filter(|a| after.a.as_ref() == Some(a));
                    there.x = there.x.take().filter(|x| after.x.as_ref() == Some(x));
                }
            }
        }
    }
}

fn drop_known(block: &mut Block, before: Registers) -> Registers {
    if block.body.is_empty() {
        return before;
    }
    let is_known = |value: &Vec<Instruction>| block.body == *value;
    let asks_x = matches!(block.end, End::Branch { comparison, .. } if comparison & bpf::X != 0);
    if before.a.as_ref().is_some_and(is_known) && !asks_x {
        block.body.clear();
        return before;
    }
    let is_pure = block.body.iter().all(is_pure);
    let a = is_pure.then(|| block.body.clone());
    let header_len = block.body.first().copied().filter(|first| first.code == bpf::LDX | bpf::MSH | bpf::B);
    let changes_x = |code: u16| code & bpf::CLASS == bpf::LDX || code == bpf::MISC | bpf::TAX;
    let changed_later = block.body.iter().skip(usize::from(header_len.is_some())).any(|i| changes_x(i.code));
    if header_len.is_some() && header_len == before.x {
        block.body.remove(0);
    }
    let x = if changed_later { None } else { header_len.or(before.x) };
    Registers { a, x }
}

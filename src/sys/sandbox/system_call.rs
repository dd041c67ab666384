//! A seccomp filter: which system calls may be made from now on (seccomp(2)).
//!
//! The kernel tries the filter with every number when it is installed, so as not to run it for calls that are always allowed
//! (`seccomp_cache_prepare` in kernel/seccomp.c). A list of comparisons makes that half a millisecond, a tree of them next to nothing.

use std::collections::BTreeMap;
use std::io;

use super::SandboxError;
use crate::sys::error::SysError;
use crate::wire::bpf::{ABS, ALU, AND, Instruction, JA, JEQ, JGE, JMP, LD, RET, W};

/// A system call that may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    /// Its number on this architecture.
    pub(super) number: i64,
    /// What it is called.
    pub(super) name: &'static str,
    /// With which arguments.
    pub(super) when: When,
}

/// With which arguments a call may be made: any of those of all its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// With any.
    Always,
    /// With none: whoever makes it hears that this kernel does not know it (ENOSYS), and lives.
    Unknown,
    /// Where no other entry allows it, it is refused (EPERM), and whoever makes it lives.
    Refused,
    /// The same where an argument is this number.
    RefusedIf(u8, u32),
    /// Where an argument, the first is 0, is this number.
    Is(u8, u32),
    /// Where of an argument the bits of the mask are these.
    Has(u8, u32, u32),
    /// Where several arguments are so at once.
    Each(&'static [Part]),
}

/// An argument, the bits of it that are looked at, and what they must be.
pub(super) type Part = (u8, u32, u32);

/// Allows these calls, and no other. How many there are; `None` where this kernel or architecture has no such filters.
pub(super) fn restrict(calls: &[Call]) -> Result<Option<usize>, SandboxError> {
    let Some(architecture) = ARCHITECTURE else { return Ok(None) };
    let rules = rules(calls);
    let count = rules.values().filter(|conditions| !is_never(conditions)).count();
    match install(&program(architecture, &rules)) {
        Ok(()) => Ok(Some(count)),
        // Built without CONFIG_SECCOMP_FILTER, or not quite a kernel, such as valgrind.
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => Ok(None),
        Err(error) => {
            let refused = SysError::of("give up", "system calls that are not needed (seccomp)");
            Err(SandboxError::Calls(refused(error)))
        }
    }
}

/// `AUDIT_ARCH_*` (linux/audit.h): the number of the ELF machine, with a bit for 64-bit and one for little-endian ones.
const ARCHITECTURE: Option<u32> = if cfg!(target_arch = "x86_64") {
    Some(0xc000_003e)
} else if cfg!(target_arch = "aarch64") {
    Some(0xc000_00b7)
} else if cfg!(target_arch = "riscv64") {
    Some(0xc000_00f3)
} else {
    None
};

/// For each number the conditions of which one must be met; none for a call that may always be made.
type Rules = BTreeMap<u32, Vec<When>>;

fn rules(calls: &[Call]) -> Rules {
    let mut rules = Rules::new();
    for call in calls {
        let Ok(number) = u32::try_from(call.number) else { continue };
        let conditions = rules.entry(number).or_default();
        // Several things that a command does may take the same call.
        if !conditions.contains(&call.when) {
            conditions.push(call.when);
        }
    }
    for conditions in rules.values_mut() {
        if conditions.contains(&When::Always) {
            conditions.clear();
        }
    }
    rules
}

/// Whether a call is never made.
fn is_never(conditions: &[When]) -> bool {
    !conditions.is_empty() && conditions.iter().all(|when| matches!(when, When::Unknown | When::Refused))
}

/// What the filter says of the numbers from one on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Range {
    from: u32,
    verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Return(u32),
    /// Allowed where one of these is met.
    Check(Vec<When>),
}

/// The numbers in ranges of which the same is to be said.
fn ranges(rules: &Rules) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    let mut say = |from: u32, verdict: Verdict| match ranges.last() {
        Some(last) if last.verdict == verdict => {}
        _ => ranges.push(Range { from, verdict }),
    };
    let mut next = 0;
    for (number, conditions) in rules {
        if *number > next {
            say(next, Verdict::Return(TRAP));
        }
        say(
            *number,
            match conditions.as_slice() {
                [] => Verdict::Return(ALLOW),
                [When::Unknown] => Verdict::Return(UNKNOWN),
                [When::Refused] => Verdict::Return(REFUSED),
                conditions => Verdict::Check(conditions.to_vec()),
            },
        );
        next = number.saturating_add(1);
    }
    // With those of the x32 ABI, which begin at 2^30.
    say(next, Verdict::Return(TRAP));
    ranges
}

/// The filter.
fn program(architecture: u32, rules: &Rules) -> Vec<Instruction> {
    let mut program = vec![
        load(ARCHITECTURE_AT),
        jump(JEQ, architecture, 1, 0),
        Instruction::new(RET, KILL),
        load(NUMBER_AT),
    ];
    program.extend(tree(&ranges(rules)));
    program
}

/// Finds the range of the number that is loaded, and says what is to be said of it.
fn tree(ranges: &[Range]) -> Vec<Instruction> {
    let (low, high) = ranges.split_at(ranges.len() / 2);
    let (Some(_), Some(first)) = (low.first(), high.first()) else {
        return high.first().map_or_else(Vec::new, |range| leaf(&range.verdict));
    };
    let (low, high) = (tree(low), tree(high));
    let over = u32::try_from(low.len()).unwrap_or(u32::MAX);
    // Jumps with a condition reach 255 instructions, those without go anywhere.
    let mut all = vec![jump(JGE, first.from, 0, 1), Instruction::new(JMP | JA, over)];
    all.extend(low);
    all.extend(high);
    all
}

fn leaf(verdict: &Verdict) -> Vec<Instruction> {
    let conditions = match verdict {
        Verdict::Return(value) => return vec![Instruction::new(RET, *value)],
        Verdict::Check(conditions) => conditions,
    };
    // What is refused where nobody allows it comes behind that.
    let is_later = |when: &&When| matches!(when, When::RefusedIf(..));
    let first = conditions.iter().filter(|when| !is_later(when));
    let all = first.chain(conditions.iter().filter(is_later));
    let mut all: Vec<Instruction> = all.flat_map(check).collect();
    let is_refused = conditions.contains(&When::Refused);
    all.push(Instruction::new(RET, if is_refused { REFUSED } else { TRAP }));
    all
}

/// Says what becomes of the call where a condition is met, and goes on behind that where it is not.
fn check(condition: &When) -> Vec<Instruction> {
    let single;
    let parts: &[Part] = match *condition {
        When::Is(argument, value) | When::RefusedIf(argument, value) => {
            single = [(argument, u32::MAX, value)];
            &single
        }
        When::Has(argument, mask, value) => {
            single = [(argument, mask, value)];
            &single
        }
        When::Each(parts) => parts,
        When::Always | When::Unknown | When::Refused => return Vec::new(),
    };
    let is_refused = matches!(condition, When::RefusedIf(..));
    let mut all = vec![Instruction::new(RET, if is_refused { REFUSED } else { ALLOW })];
    // From the last one to the first, so that it is known how far it is to the end.
    for (argument, mask, value) in parts.iter().rev() {
        let over = u8::try_from(all.len()).unwrap_or(u8::MAX);
        let is_so = jump(JEQ, *value, 0, over);
        let masked = (*mask != u32::MAX).then_some(Instruction::new(ALU | AND, *mask));
        let loaded = load(ARGUMENTS_AT.saturating_add(u32::from(*argument).saturating_mul(8)));
        all.splice(..0, [Some(loaded), masked, Some(is_so)].into_iter().flatten());
    }
    all
}

/// Loads 32 bits of what the kernel says of the call (`struct seccomp_data` in linux/seccomp.h).
fn load(offset: u32) -> Instruction {
    Instruction::new(LD | W | ABS, offset)
}

fn jump(condition: u16, value: u32, jt: u8, jf: u8) -> Instruction {
    Instruction { code: JMP | condition, jt, jf, k: value }
}

const NUMBER_AT: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
/// The lower half of the first argument: of what the kernel takes as an int, it looks at no more.
const ARGUMENTS_AT: u32 = if cfg!(target_endian = "little") { 16 } else { 20 };

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const TRAP: u32 = libc::SECCOMP_RET_TRAP;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
const REFUSED: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
const UNKNOWN: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

/// Installs it for this thread. `no_new_privs` is set by then.
fn install(program: &[Instruction]) -> io::Result<()> {
    let mut filters: Vec<libc::sock_filter> =
        program.iter().map(|i| libc::sock_filter { code: i.code, jt: i.jt, jf: i.jf, k: i.k }).collect();
    let len = u16::try_from(filters.len()).map_err(|_| io::Error::from_raw_os_error(libc::E2BIG))?;
    let program = libc::sock_fprog { len, filter: filters.as_mut_ptr() };
    // SAFETY: the program points to `len` filters, alive for the call; the kernel checks and copies them.
    match unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a filter says of a call: the machine of bpf(4), as far as it is used here.
    fn said(program: &[Instruction], number: u32, arguments: [u64; 6]) -> u32 {
        let mut data = [0; 64];
        data[..4].copy_from_slice(&number.to_ne_bytes());
        data[4..8].copy_from_slice(&ARCHITECTURE.unwrap().to_ne_bytes());
        for (place, argument) in arguments.iter().enumerate() {
            data[16 + 8 * place..24 + 8 * place].copy_from_slice(&argument.to_ne_bytes());
        }
        let (mut at, mut value) = (0, 0);
        loop {
            let Instruction { code, jt, jf, k } = program[at];
            at += 1;
            let offset = k as usize;
            let is_met = match code {
                _ if code == LD | W | ABS => {
                    value = u32::from_ne_bytes(*data[offset..].first_chunk().unwrap());
                    continue;
                }
                _ if code == ALU | AND => {
                    value &= k;
                    continue;
                }
                _ if code == JMP | JA => {
                    at += offset;
                    continue;
                }
                RET => return k,
                _ if code == JMP | JEQ => value == k,
                _ if code == JMP | JGE => value >= k,
                other => panic!("{other:#x} is not used"),
            };
            at += usize::from(if is_met { jt } else { jf });
        }
    }

    #[test]
    fn the_tree_says_of_each_number_what_the_list_says() {
        let call = |number, when| Call { number, name: "", when };
        let twice = [call(1, When::Unknown), call(1, When::Unknown), call(5, When::Has(2, 4, 0))];
        let mut calls = [vec![call(0, When::Always)], twice.to_vec(), twice.to_vec()].concat();
        calls.extend([
            call(9, When::Is(1, 7)),
            call(9, When::Is(1, 8)),
            call(10, When::Is(0, 1)),
            call(10, When::Always),
            call(11, When::Each(&[(0, u32::MAX, 1), (2, 7, 4)])),
            call(11, When::Each(&[(0, u32::MAX, 0), (1, 8, 8)])),
            call(11, When::Refused),
            call(12, When::Refused),
            call(13, When::RefusedIf(0, 1)),
            call(13, When::Each(&[(0, u32::MAX, 1), (1, u32::MAX, 7)])),
        ]);
        calls.extend((100..500).step_by(3).map(|number| call(number, When::Always)));
        let program = program(ARCHITECTURE.unwrap(), &rules(&calls));
        for number in (0..600).chain([0x4000_0000, 0x4000_0001, u32::MAX]) {
            let always = matches!(number, 0 | 10) || (100..500).contains(&number) && (number - 100) % 3 == 0;
            for arguments in [
                [0; 6],
                [1, 7, 4, 0, 0, 0],
                [1, 8, 3, 0, 0, 0],
                [0, 9, 4, 0, 0, 0],
                [1, 9, 12, 0, 0, 0],
                [0, 8, 3, 0, 0, 0],
                [0, 1 << 40 | 7, 0, 0, 0, 0],
            ] {
                let expected = match number {
                    _ if always => ALLOW,
                    1 => UNKNOWN,
                    5 if arguments[2] & 4 == 0 => ALLOW,
                    9 if [7, 8].contains(&(arguments[1] as u32)) => ALLOW,
                    11 if arguments[0] == 1 && arguments[2] & 7 == 4 => ALLOW,
                    11 if arguments[0] == 0 && arguments[1] & 8 == 8 => ALLOW,
                    11 | 12 => REFUSED,
                    13 if arguments[..2] == [1, 7] => ALLOW,
                    13 if arguments[0] == 1 => REFUSED,
                    _ => TRAP,
                };
                assert_eq!(said(&program, number, arguments), expected, "{number} {arguments:?}");
            }
        }
    }
}

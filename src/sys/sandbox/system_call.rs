//! A seccomp filter: which system calls may be made from now on (seccomp(2)).
//!
//! The kernel tries a filter with every number when it is installed, so as not to run it for calls that are always allowed
//! (`seccomp_cache_prepare` in kernel/seccomp.c). That takes longer than a ping of a near host takes to make all of its calls, so this
//! one begins with what the kernel does not try: every call runs it, for ten nanoseconds.

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
pub(super) fn restrict(mut calls: Vec<Call>) -> Result<Option<usize>, SandboxError> {
    let Some(architecture) = ARCHITECTURE else { return Ok(None) };
    let count = of_each_number(&mut calls).filter(|same| !is_never(same)).count();
    match install(&program(architecture, &mut calls)) {
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

/// The entries of each number, from the lowest one on: several things that a command does may take the same call.
fn of_each_number(calls: &mut [Call]) -> impl Iterator<Item = &[Call]> {
    calls.sort_by_key(|call| call.number);
    calls.chunk_by(|call, next| call.number == next.number)
}

/// Whether a call is never made.
fn is_never(same: &[Call]) -> bool {
    same.iter().all(|call| matches!(call.when, When::Unknown | When::Refused))
}

/// What the filter says of the numbers from one on.
#[derive(Debug, Clone, Copy)]
struct Range<'a> {
    from: u32,
    verdict: Verdict<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict<'a> {
    Return(u32),
    /// Allowed where one of these is met.
    Check(&'a [Call]),
}

impl<'a> Verdict<'a> {
    fn of(same: &'a [Call]) -> Self {
        let is = |when| same.iter().all(|call| call.when == when);
        match same {
            _ if same.iter().any(|call| call.when == When::Always) => Self::Return(ALLOW),
            _ if is(When::Unknown) => Self::Return(UNKNOWN),
            _ if is(When::Refused) => Self::Return(REFUSED),
            _ => Self::Check(same),
        }
    }
}

/// The numbers in ranges of which the same is to be said.
fn ranges(calls: &mut [Call]) -> Vec<Range<'_>> {
    let mut ranges: Vec<Range<'_>> = Vec::with_capacity(2 * calls.len());
    let mut say = |from: u32, verdict| match ranges.last() {
        Some(last) if last.verdict == verdict => {}
        _ => ranges.push(Range { from, verdict }),
    };
    let mut next = 0;
    for same in of_each_number(calls) {
        let Some(number) = same.first().and_then(|call| u32::try_from(call.number).ok()) else { continue };
        if number > next {
            say(next, Verdict::Return(TRAP));
        }
        say(number, Verdict::of(same));
        next = number.saturating_add(1);
    }
    // With those of the x32 ABI, which begin at 2^30.
    say(next, Verdict::Return(TRAP));
    ranges
}

/// The filter.
fn program(architecture: u32, calls: &mut [Call]) -> Vec<Instruction> {
    let mut program = Backwards { instructions: Vec::with_capacity(2 * calls.len()), verdicts: Vec::new() };
    let known = program.tree(&ranges(calls));
    let number = program.load(NUMBER_AT, known);
    let foreign = program.returns(KILL);
    let is_ours = program.jump(JEQ, architecture, number, foreign);
    let architecture = program.load(ARCHITECTURE_AT, is_ours);
    // Where the call comes from, which nobody asks: see above.
    program.load(INSTRUCTION_POINTER_AT, architecture);
    program.instructions.reverse();
    program.instructions
}

/// A filter that is made from its end: jumps go forward only, so that what they lead to is there already, and a verdict can stand once
/// for many. The kernel translates each instruction when the filter is installed, which takes longer than to run it.
#[derive(Debug)]
struct Backwards {
    instructions: Vec<Instruction>,
    /// Where verdicts stand.
    verdicts: Vec<(u32, Place)>,
}

/// An instruction that is there already: how many come behind it.
type Place = usize;

/// How far a jump with a condition leads at most, less the few instructions that may still come between.
const NEAR: usize = u8::MAX as usize - 8;

impl Backwards {
    fn push(&mut self, instruction: Instruction) -> Place {
        self.instructions.push(instruction);
        self.instructions.len().saturating_sub(1)
    }

    /// How many instructions the next one jumps over to get there.
    fn over(&self, place: Place) -> usize {
        self.instructions.len().saturating_sub(place).saturating_sub(1)
    }

    /// The same place, or a jump without a condition to it, within the reach of one with a condition.
    fn near(&mut self, place: Place) -> Place {
        match self.over(place) {
            0..NEAR => place,
            over => self.push(Instruction::new(JMP | JA, u32::try_from(over).unwrap_or(u32::MAX))),
        }
    }

    /// Says a verdict: one that is near, or one more.
    fn returns(&mut self, verdict: u32) -> Place {
        let is_near = |(said, place): &&(u32, Place)| *said == verdict && self.over(*place) < NEAR;
        if let Some((_, place)) = self.verdicts.iter().find(is_near) {
            return *place;
        }
        let place = self.push(Instruction::new(RET, verdict));
        self.verdicts.push((verdict, place));
        place
    }

    /// Loads 32 bits of what the kernel says of the call (`struct seccomp_data` in linux/seccomp.h), and goes on there.
    fn load(&mut self, offset: u32, then: Place) -> Place {
        self.go_on(then);
        self.push(Instruction::new(LD | W | ABS, offset))
    }

    /// Sees to it that the next instruction is followed by this place.
    fn go_on(&mut self, then: Place) {
        let over = self.over(then);
        if over > 0 {
            self.push(Instruction::new(JMP | JA, u32::try_from(over).unwrap_or(u32::MAX)));
        }
    }

    fn jump(&mut self, condition: u16, value: u32, met: Place, otherwise: Place) -> Place {
        let (met, otherwise) = (self.near(met), self.near(otherwise));
        let over = |place| u8::try_from(self.over(place)).unwrap_or(u8::MAX);
        let jump = Instruction { code: JMP | condition, jt: over(met), jf: over(otherwise), k: value };
        self.push(jump)
    }

    /// Finds the range of the number that is loaded, and says what is to be said of it.
    fn tree(&mut self, ranges: &[Range<'_>]) -> Place {
        let (low, high) = ranges.split_at(ranges.len() / 2);
        let (Some(_), Some(first)) = (low.first(), high.first()) else {
            return self.leaf(high.first().map_or(Verdict::Return(TRAP), |range| range.verdict));
        };
        let from = first.from;
        let (high, low) = (self.tree(high), self.tree(low));
        self.jump(JGE, from, high, low)
    }

    fn leaf(&mut self, verdict: Verdict<'_>) -> Place {
        let same = match verdict {
            Verdict::Return(value) => return self.returns(value),
            Verdict::Check(same) => same,
        };
        let is_refused = same.iter().any(|call| call.when == When::Refused);
        let mut next = self.returns(if is_refused { REFUSED } else { TRAP });
        // What is refused where nobody allows it comes last; here that is first.
        for later in [true, false] {
            let is_due = |call: &&Call| matches!(call.when, When::RefusedIf(..)) == later;
            let mut due: Vec<When> = same.iter().filter(is_due).map(|call| call.when).collect();
            due.dedup();
            for alike in due
                .chunk_by(|left, right| argument_of(*left).is_some_and(|it| argument_of(*right) == Some(it)))
                .rev()
            {
                next = self.check(alike, next);
            }
        }
        next
    }

    /// Says what becomes of the call where one of these conditions is met, and goes on where none is. Several are of the same
    /// argument.
    fn check(&mut self, alike: &[When], otherwise: Place) -> Place {
        let mut next = otherwise;
        let mut argument = None;
        for condition in alike.iter().rev() {
            match *condition {
                When::Is(of, value) => {
                    let allowed = self.returns(ALLOW);
                    next = self.jump(JEQ, value, allowed, next);
                    argument = Some(of);
                }
                When::RefusedIf(of, value) => {
                    let refused = self.returns(REFUSED);
                    next = self.part((of, u32::MAX, value), refused, otherwise);
                }
                When::Has(of, mask, value) => {
                    let allowed = self.returns(ALLOW);
                    next = self.part((of, mask, value), allowed, otherwise);
                }
                When::Each(parts) => {
                    next = self.returns(ALLOW);
                    for part in parts.iter().rev() {
                        next = self.part(*part, next, otherwise);
                    }
                }
                When::Always | When::Unknown | When::Refused => {}
            }
        }
        match argument {
            Some(argument) => self.load(offset_of(argument), next),
            None => next,
        }
    }

    /// Looks at some bits of an argument.
    fn part(&mut self, (argument, mask, value): Part, met: Place, otherwise: Place) -> Place {
        let mut place = self.jump(JEQ, value, met, otherwise);
        if mask != u32::MAX {
            place = self.push(Instruction::new(ALU | AND, mask));
        }
        self.load(offset_of(argument), place)
    }
}

/// The argument of which nothing else is asked.
fn argument_of(when: When) -> Option<u8> {
    match when {
        When::Is(argument, _) => Some(argument),
        _ => None,
    }
}

/// Where an argument stands: the lower half, as of what the kernel takes as an int it looks at no more.
fn offset_of(argument: u8) -> u32 {
    ARGUMENTS_AT.saturating_add(u32::from(argument).saturating_mul(8))
}

const NUMBER_AT: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
const INSTRUCTION_POINTER_AT: u32 = 8;
/// The lower half of the first argument.
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
        let program = program(ARCHITECTURE.unwrap(), &mut calls);
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

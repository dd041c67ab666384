//! A seccomp filter: which system calls may be made from now on (seccomp(2)).

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

use super::{SandboxError, cause};
use crate::sys::error::SysError;

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
    /// Where an argument, the first is 0, is this number.
    Is(u8, u32),
    /// Where of an argument the bits of the mask are these.
    Has(u8, u32, u32),
}

/// Allows these calls, and no other. How many there are; `None` where seccomp filters cannot be made for this architecture.
pub(super) fn restrict(calls: &[Call]) -> Result<Option<usize>, SandboxError> {
    let failed = |error: &(dyn std::error::Error + 'static)| {
        SandboxError::Calls(SysError::of("give up", "system calls that are not needed (seccomp)")(cause(
            error,
        )))
    };
    let Ok(architecture) = TargetArch::try_from(std::env::consts::ARCH) else { return Ok(None) };
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for call in calls {
        rules.entry(call.number).or_default();
    }
    let count = rules.len();
    for (number, conditions) in &mut rules {
        let same = calls.iter().filter(|call| call.number == *number);
        if same.clone().any(|call| call.when == When::Always) {
            continue;
        }
        for call in same {
            conditions.extend(rule(call.when).map_err(|error| failed(&error))?);
        }
    }
    // glibc and Rust fall back to clone(2), whose flags, unlike those of clone3(2), a filter can see.
    let unknown = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let unknown =
        SeccompFilter::new(unknown, SeccompAction::Allow, SeccompAction::Errno(ENOSYS), architecture);
    let allowed = SeccompFilter::new(rules, SeccompAction::Trap, SeccompAction::Allow, architecture);
    for filter in [unknown, allowed] {
        let program: BpfProgram = filter.and_then(BpfProgram::try_from).map_err(|error| failed(&error))?;
        match seccompiler::apply_filter(&program) {
            // Built without CONFIG_SECCOMP_FILTER, or not quite a kernel, such as valgrind.
            Err(error) if cause(&error).raw_os_error() == Some(libc::ENOSYS) => return Ok(None),
            applied => applied.map_err(|error| failed(&error))?,
        }
    }
    Ok(Some(count))
}

const ENOSYS: u32 = libc::ENOSYS as u32;

fn rule(when: When) -> Result<Option<SeccompRule>, seccompiler::BackendError> {
    let (argument, operation, value) = match when {
        When::Always => return Ok(None),
        When::Is(argument, value) => (argument, SeccompCmpOp::Eq, value),
        When::Has(argument, mask, value) => (argument, SeccompCmpOp::MaskedEq(mask.into()), value),
    };
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operation, value.into())?;
    SeccompRule::new(vec![condition]).map(Some)
}

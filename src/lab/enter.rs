//! Running a command on a host of the lab, as if it had been run in place of this process.

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitStatus};

use crate::sys::capability;
use crate::sys::namespace::{self, Namespace, NamespaceError};
use crate::sys::process;

use super::{LabError, relay};

/// Moves this process to the host that process `pid` is on, runs the command there, and passes signals to it until it
/// ends. The calling process must have a single thread, and stays on the host.
///
/// This process itself stays out of the lab's PID namespace, and so outlives it: it buries the command when the lab goes
/// first, which the kernel waits for.
///
/// # Errors
/// [`LabError::Namespace`] when the lab is gone, [`LabError::Run`] when the command cannot be run.
pub fn run(pid: u32, program: &OsString, arguments: &[OsString]) -> Result<ExitStatus, LabError> {
    let directory = env::current_dir();
    move_to_host(pid)?;
    // The directory is the same one inside, if its path is as visible there as here.
    let _ = directory.and_then(env::set_current_dir);
    let mut command = Command::new(program);
    relay::run(process::die_with_parent(command.args(arguments)))
        .map_err(|source| LabError::Run { program: program.into(), source })
}

fn move_to_host(pid: u32) -> Result<(), LabError> {
    let mut kinds = vec![Namespace::Network, Namespace::Mount, Namespace::Uts, Namespace::Pid];
    let shared = namespace::shares_user_namespace(pid);
    let shared = shared.map_err(|source| NamespaceError::Enter { kinds: kinds.clone(), pid, source })?;
    if !shared {
        kinds.push(Namespace::User);
    }
    namespace::enter(pid, &kinds)?;
    // Who enters a user namespace has all capabilities there, and would lose them with the first program that it runs.
    if !shared {
        capability::keep_in_programs()?;
    }
    Ok(())
}

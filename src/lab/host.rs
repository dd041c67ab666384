//! A host's process: it keeps the host's namespaces alive, and on the server it echoes.

use std::io::{self, Read, Write};

use crate::sys::mount;
use crate::sys::namespace::{self, Namespace};
use crate::sys::process;

use super::report::Report;
use super::{Case, Host, LabError, Plan, echo, private_files};

/// Makes itself at home as `host`, in whose network namespace it was started, says that it is ready, and returns when
/// `lifeline` ends.
///
/// # Errors
/// Whatever hindered it; the report says so, too.
pub fn run(
    host: Host,
    (plan, case): (&Plan, Option<&Case>),
    lifeline: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<(), LabError> {
    // Process 1 inherits every process that lost its parent.
    process::leave_children_unburied_to_the_kernel();
    let settled = settle(host, plan, case);
    let report = match &settled {
        Ok(()) => Report::Ready,
        Err(error) => Report::Failure(error.to_string()),
    };
    // Without a reader the lifeline is cut, too, and the end below comes at once.
    let _ = report.write(out);
    settled?;
    let _ = io::copy(lifeline, &mut io::sink());
    Ok(())
}

fn settle(host: Host, plan: &Plan, case: Option<&Case>) -> Result<(), LabError> {
    namespace::unshare(&[Namespace::Mount, Namespace::Uts])?;
    namespace::set_host_name(host.name())?;
    mount::keep_mounts_here()?;
    // Containers hide parts of /proc and /sys and then forbid fresh ones. The old ones do: they show the outer
    // processes, and the outer network's devices.
    let _ = mount::mount_proc();
    let _ = mount::mount_sysfs();
    private_files::put_in_place(plan, host)?;
    if host == Host::Server {
        echo::start(plan, host, case)?;
    }
    Ok(())
}

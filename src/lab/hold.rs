//! The holder: makes the namespaces, starts the hosts, and waits until they are gone.

use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};

use crate::sys::capability::{self, Capability, Grant};
use crate::sys::namespace::{self, Identity, Namespace};
use crate::sys::process;

use super::report::{self, Report};
use super::{Case, Host, LabError, Plan, cabling, cases, host, plan};

/// Makes the lab, reports its processes to whoever started it, and returns when the last of them is gone. The calling
/// process must have a single thread, and the lifeline as its standard input.
///
/// # Errors
/// Whatever hindered it; the report says so, too.
pub fn run(identity: Identity, case: Option<&'static Case>, out: &mut dyn Write) -> Result<(), LabError> {
    let made = make(identity, case);
    let report = match &made {
        Ok(hosts) => Report::Lab(hosts.clone()),
        Err(error) => Report::Failure(error.to_string()),
    };
    // A starter that is gone has cut the lifeline, which is noticed below.
    let _ = report.write(out);
    // The router ends when the lifeline is cut, and its end kills the others. The kernel lets it go only when all others
    // are buried, so nobody is waited for in turn.
    process::bury_all_children();
    made.map(drop)
}

/// The hosts' processes, in the order of [`Plan::hosts`].
fn make(identity: Identity, case: Option<&'static Case>) -> Result<Vec<u32>, LabError> {
    // Whoever may make namespaces needs none for users, and everything inside is as outside.
    let is_mighty = capability::granted(Capability::SysAdmin).ok() == Some(Grant::Effective);
    if !is_mighty {
        namespace::enter_new_user_namespace(identity)?;
    }
    namespace::unshare(&[Namespace::Pid])?;
    let plan = case.map_or(&plan::SHORT, |case| case.plan);
    let networks = make_networks(plan)?;
    let pids = start_hosts((plan, case), &networks)?;
    if let Some(case) = case {
        // Else the programs that are run for that would have no capabilities, unless this user is root.
        if !is_mighty {
            capability::keep_in_programs()?;
        }
        cases::apply(case, &networks)?;
    }
    Ok(pids)
}

/// A network namespace for each host, with the cables plugged in and the addresses set.
fn make_networks(plan: &Plan) -> Result<Vec<OwnedFd>, LabError> {
    let networks = plan.hosts.iter().map(|host| make_network(*host)).collect::<Result<Vec<_>, _>>()?;
    on_each(plan, &networks, |host| cabling::plug_in(plan, host, &networks))?;
    on_each(plan, &networks, |host| cabling::configure(plan, host))?;
    on_each(plan, &networks, |host| cabling::await_carrier(plan, host))?;
    Ok(networks)
}

fn on_each(
    plan: &Plan,
    networks: &[OwnedFd],
    step: impl Fn(Host) -> Result<(), LabError>,
) -> Result<(), LabError> {
    for (host, network) in plan.hosts.iter().zip(networks) {
        namespace::enter_network(network.as_fd())?;
        step(*host)?;
    }
    Ok(())
}

fn make_network(host: Host) -> Result<OwnedFd, LabError> {
    namespace::unshare(&[Namespace::Network])?;
    cabling::prepare(host)?;
    Ok(namespace::open_network(None)?)
}

/// The first child is process 1 of the PID namespace, whose end is the end of all. It is the router.
fn start_hosts(lab: (&Plan, Option<&Case>), networks: &[OwnedFd]) -> Result<Vec<u32>, LabError> {
    let mut hosts: Vec<(usize, Host, &OwnedFd)> = lab
        .0
        .hosts
        .iter()
        .zip(networks)
        .enumerate()
        .map(|(place, (host, own))| (place, *host, own))
        .collect();
    hosts.sort_by_key(|(_, host, _)| *host != Host::Router);
    let start = |(place, host, own)| Ok((place, start_host(host, lab, own)?));
    let mut started = hosts.into_iter().map(start).collect::<Result<Vec<(usize, u32)>, LabError>>()?;
    started.sort_unstable();
    Ok(started.into_iter().map(|(_, pid)| pid).collect())
}

/// Splits off a host's process in its network namespace, and waits until it is ready. It is not run as a program anew:
/// that would cost it its capabilities where the program file has some of its own (`setcap`).
fn start_host(host: Host, lab: (&Plan, Option<&Case>), network: &OwnedFd) -> Result<u32, LabError> {
    namespace::enter_network(network.as_fd())?;
    let failed = |source| LabError::Start { role: host.name(), source };
    let (from_host, mut to_holder) = io::pipe().map_err(failed)?;
    let pid = process::split_off(|| {
        process::die_with_present_parent();
        u8::from(host::run(host, lab, &mut io::stdin(), &mut to_holder).is_err())
    });
    let pid = pid.map_err(failed)?;
    drop(to_holder);
    let mut line = String::new();
    BufReader::new(from_host).read_line(&mut line).map_err(failed)?;
    match report::read(&line) {
        Some(Report::Ready) => Ok(pid),
        Some(Report::Failure(reason)) => Err(LabError::Making { reason }),
        _ => Err(LabError::Silent { role: host.name() }),
    }
}

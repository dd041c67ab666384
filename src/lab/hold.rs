//! The holder: makes the namespaces, starts the hosts, and waits until they are gone.

use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};

use crate::sys::capability::{self, Capability, Grant};
use crate::sys::namespace::{self, Identity, Namespace};
use crate::sys::process;

use super::report::{self, Report};
use super::{Host, LabError, cabling, host};

/// Makes the lab, reports its processes to whoever started it, and returns when the last of them is gone. The calling
/// process must have a single thread, and the lifeline as its standard input.
///
/// # Errors
/// Whatever hindered it; the report says so, too.
pub fn run(identity: Identity, out: &mut dyn Write) -> Result<(), LabError> {
    let made = make(identity);
    let report = match &made {
        Ok(hosts) => Report::Lab(*hosts),
        Err(error) => Report::Failure(error.to_string()),
    };
    // A starter that is gone has cut the lifeline, which is noticed below.
    let _ = report.write(out);
    // The router ends when the lifeline is cut, and its end kills the others. The kernel lets it go only when all others
    // are buried, so nobody is waited for in turn.
    process::bury_all_children();
    made.map(drop)
}

/// The hosts' processes, in the order of [`Host::ALL`].
fn make(identity: Identity) -> Result<[u32; 3], LabError> {
    // Whoever may make namespaces needs none for users, and everything inside is as outside.
    if capability::granted(Capability::SysAdmin).ok() != Some(Grant::Effective) {
        namespace::enter_new_user_namespace(identity)?;
    }
    namespace::unshare(&[Namespace::Pid])?;
    let [client, router, server] = make_networks()?;
    // The first child is process 1 of the PID namespace, whose end is the end of all.
    let router = start_host(Host::Router, &router)?;
    Ok([start_host(Host::Client, &client)?, router, start_host(Host::Server, &server)?])
}

/// A network namespace for each host, with the cables plugged in and the addresses set.
fn make_networks() -> Result<[OwnedFd; 3], LabError> {
    let [client, router, server] = Host::ALL;
    let networks = [make_network(client)?, make_network(router)?, make_network(server)?];
    on_each(&networks, |host| cabling::plug_in(host, &networks))?;
    on_each(&networks, cabling::configure)?;
    on_each(&networks, cabling::await_carrier)?;
    Ok(networks)
}

fn on_each(networks: &[OwnedFd; 3], step: impl Fn(Host) -> Result<(), LabError>) -> Result<(), LabError> {
    for (host, network) in Host::ALL.into_iter().zip(networks) {
        namespace::enter_network(network.as_fd())?;
        step(host)?;
    }
    Ok(())
}

fn make_network(host: Host) -> Result<OwnedFd, LabError> {
    namespace::unshare(&[Namespace::Network])?;
    cabling::prepare(host)?;
    Ok(namespace::open_network(None)?)
}

/// Splits off a host's process in its network namespace, and waits until it is ready. It is not run as a program anew:
/// that would cost it its capabilities where the program file has some of its own (`setcap`).
fn start_host(host: Host, network: &OwnedFd) -> Result<u32, LabError> {
    namespace::enter_network(network.as_fd())?;
    let failed = |source| LabError::Start { role: host.name(), source };
    let (from_host, mut to_holder) = io::pipe().map_err(failed)?;
    let pid = process::split_off(|| {
        process::die_with_present_parent();
        u8::from(host::run(host, &mut io::stdin(), &mut to_holder).is_err())
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

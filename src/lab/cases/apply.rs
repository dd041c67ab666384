//! Does what a case says, to the network namespaces of its hosts.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use crate::sys::namespace;
use crate::sys::netlink::Netlink;
use crate::sys::process;

use super::super::LabError;
use super::{Case, Change, program};

/// Changes the networks, which are in the order of the plan's hosts. This process is in one of them afterwards.
///
/// # Errors
/// When nft is missing or does not take the rules, or the kernel refuses.
pub(in crate::lab) fn apply(case: &Case, networks: &[OwnedFd]) -> Result<(), LabError> {
    for change in case.changes {
        let own = case.plan.hosts.iter().zip(networks).find(|(host, _)| **host == change.host());
        if let Some((_, network)) = own {
            namespace::enter_network(network.as_fd())?;
            make(change)?;
        }
    }
    Ok(())
}

fn make(change: &Change) -> Result<(), LabError> {
    match change {
        Change::Rules { host, rules } => {
            // The number by which the network namespace, and so the rule, knows the user.
            program::nft(*host, &format!("define user = {}\n{rules}", process::user()))
        }
        Change::Setting { path, value, .. } => match fs::write(path, value) {
            // A protocol that this kernel does not have.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done.map_err(|source| LabError::Setting {
                path: path.into(),
                value: (*value).to_owned(),
                source,
            }),
        },
        Change::Mtu { interface, octets, .. } => {
            let mut netlink = Netlink::open()?;
            let index = netlink.link(interface)?.index;
            Ok(netlink.set_mtu(index, *octets)?)
        }
        // The server does that itself when it starts.
        Change::Echo { .. } => Ok(()),
    }
}

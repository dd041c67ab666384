//! The kernel's settings in a host's network namespace (`Documentation/networking/ip-sysctl.rst`).
//!
//! The files under `/proc/sys/net` show the network namespace of whoever opens them.

use std::fs;
use std::io;
use std::path::Path;

use crate::sys::process;

use super::{Host, LabError};

/// Whether this kernel has IPv6.
pub fn has_ipv6() -> bool {
    Path::new("/proc/sys/net/ipv6").exists()
}

/// Writes the settings for a host into the present network namespace.
///
/// # Errors
/// [`LabError::Setting`].
pub fn apply(host: Host) -> Result<(), LabError> {
    for (path, value) in FOR_ALL {
        set_if_there(path, value)?;
    }
    if host.is_router() {
        for (path, value) in FOR_ROUTER {
            set_if_there(path, value)?;
        }
    }
    open_ping_sockets()
}

/// Lets every group open ICMP datagram sockets (icmp(7)). Inside a user namespace this process's group is the only one
/// that exists, and a range with others in it is invalid there.
fn open_ping_sockets() -> Result<(), LabError> {
    let path = "/proc/sys/net/ipv4/ping_group_range";
    match set_if_there(path, "0 2147483647") {
        Err(LabError::Setting { source, .. }) if source.kind() == io::ErrorKind::InvalidInput => {
            let group = process::group();
            set_if_there(path, &format!("{group} {group}"))
        }
        done => done,
    }
}

/// A file that is not there belongs to a protocol that this kernel does not have, or to a newer kernel.
fn set_if_there(path: &str, value: &str) -> Result<(), LabError> {
    match fs::write(path, value) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => {
            done.map_err(|source| LabError::Setting { path: path.into(), value: value.to_owned(), source })
        }
    }
}

const FOR_ALL: &[(&str, &str)] = &[
    // Addresses are usable at once, without duplicates being looked for, and only ours.
    ("/proc/sys/net/ipv6/conf/all/disable_ipv6", "0"),
    ("/proc/sys/net/ipv6/conf/default/disable_ipv6", "0"),
    ("/proc/sys/net/ipv6/conf/all/accept_dad", "0"),
    ("/proc/sys/net/ipv6/conf/default/accept_dad", "0"),
    ("/proc/sys/net/ipv6/conf/all/accept_ra", "0"),
    ("/proc/sys/net/ipv6/conf/default/accept_ra", "0"),
    // Packets with a false source address arrive, too: that is what the tool is for.
    ("/proc/sys/net/ipv4/conf/all/rp_filter", "0"),
    ("/proc/sys/net/ipv4/conf/default/rp_filter", "0"),
    // Every error is answered, however many there are.
    ("/proc/sys/net/ipv4/icmp_ratelimit", "0"),
    ("/proc/sys/net/ipv6/icmp/ratelimit", "0"),
];

const FOR_ROUTER: &[(&str, &str)] =
    &[("/proc/sys/net/ipv4/ip_forward", "1"), ("/proc/sys/net/ipv6/conf/all/forwarding", "1")];

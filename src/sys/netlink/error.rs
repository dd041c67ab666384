//! What can go wrong between this program and rtnetlink.

use std::fmt;
use std::io;
use std::net::IpAddr;

use crate::sys::error::{Cause, NO_DESCRIPTOR};

/// Why a netlink request failed: the call, its object, the cause and, where there is one, the remedy.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// The socket could not be opened or bound.
    #[error("open a netlink socket: {}{}", Cause(source), remedy_to_open(source))]
    Open {
        /// What the system said.
        source: io::Error,
    },
    /// The request could not be sent, or its answer not be received.
    #[error("{call}: talk to the kernel over netlink: {}", Cause(source))]
    Exchange {
        /// What was asked for.
        call: String,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel sent something that is no netlink message.
    #[error("{call}: the kernel's answer is no netlink message ({reason})")]
    Garbled {
        /// What was asked for.
        call: String,
        /// What the decoder said.
        reason: String,
    },
    /// The kernel was asked and said no.
    #[error("{call}: {}{}{}", Cause(source), Detail(detail), remedy(source))]
    Refused {
        /// What was asked for, with its object: `add address 10.0.0.1/24 to interface 3`.
        call: String,
        /// The kernel's error number.
        source: io::Error,
        /// The kernel's own sentence about it (extended acknowledgement), where it sent one.
        detail: Option<String>,
    },
    /// There is no interface of that name.
    #[error("look up interface {name}: no such interface; `rawsock interfaces` lists them")]
    NoSuchInterface {
        /// The name that was looked up.
        name: String,
    },
    /// No route leads there.
    #[error("look up the route to {destination}: no route; `ip route` and `ip -6 route` list them")]
    NoRoute {
        /// Where the packet should have gone.
        destination: IpAddr,
    },
    /// A route leads there, and says that packets must not go.
    #[error(
        "look up the route to {destination}: a route of type {how} stands in the way; `ip route get {destination}` shows it"
    )]
    Blocked {
        /// Where the packet should have gone.
        destination: IpAddr,
        /// What the route does with packets.
        how: Blocked,
    },
}

/// The route types that let nothing through (rtnetlink(7), `rtm_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocked {
    /// Dropped, with a host unreachable error.
    Unreachable,
    /// Dropped, with an error that says that an administrator forbade it.
    Prohibit,
    /// Dropped silently.
    Blackhole,
    /// The lookup ends here as if the table had no route.
    Throw,
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "unreachable",
            Self::Prohibit => "prohibit",
            Self::Blackhole => "blackhole",
            Self::Throw => "throw",
        })
    }
}

impl NetlinkError {
    /// The error number of the system, where the failure came from there.
    pub fn raw_os_error(&self) -> Option<i32> {
        match self {
            Self::Open { source } | Self::Exchange { source, .. } | Self::Refused { source, .. } => {
                source.raw_os_error()
            }
            _ => None,
        }
    }
}

/// The kernel's own sentence in brackets, or nothing.
struct Detail<'a>(&'a Option<String>);

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(text) => write!(f, " ({text})"),
            None => Ok(()),
        }
    }
}

/// Netlink needs no right: who is refused is so by a filter of system calls around the program.
fn remedy_to_open(source: &io::Error) -> &'static str {
    match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES | libc::EAFNOSUPPORT) => {
            "; interfaces and routes are asked for over it, and what surrounds this program, such as a container or a systemd unit, \
             forbids it (`RestrictAddressFamilies=` must have AF_NETLINK)"
        }
        Some(libc::EMFILE | libc::ENFILE) => NO_DESCRIPTOR,
        _ => "",
    }
}

fn remedy(source: &io::Error) -> &'static str {
    match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            "; this needs CAP_NET_ADMIN in the network namespace: run it under sudo, or inside `rawsock lab`"
        }
        Some(libc::ENODEV) => "; `rawsock interfaces` lists the interfaces",
        _ => "",
    }
}

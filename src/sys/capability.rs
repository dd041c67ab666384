//! Capabilities (capabilities(7)): which ones this thread has, raising them and giving them all up.
//!
//! Linux keeps capabilities per thread. Call these before other threads start.

use std::fmt;
use std::io;

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

use super::error::Cause;

/// The capabilities that this program has a use for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Raw and packet sockets.
    NetRaw,
    /// Interfaces, addresses, routes, and socket buffers beyond `net.core.rmem_max`.
    NetAdmin,
    /// Namespaces and mounts.
    SysAdmin,
}

impl Capability {
    fn bit(self) -> CapabilitySet {
        match self {
            Self::NetRaw => CapabilitySet::NET_RAW,
            Self::NetAdmin => CapabilitySet::NET_ADMIN,
            Self::SysAdmin => CapabilitySet::SYS_ADMIN,
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NetRaw => "CAP_NET_RAW",
            Self::NetAdmin => "CAP_NET_ADMIN",
            Self::SysAdmin => "CAP_SYS_ADMIN",
        })
    }
}

/// How far a capability is granted to this thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// In force: the kernel looks at it now.
    Effective,
    /// Allowed, and one [`raise`] from being in force (`setcap cap_net_raw+p` leaves it so).
    Permitted,
    /// Not there.
    Missing,
}

/// Why capabilities could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum CapabilityError {
    /// The present sets could not be read.
    #[error("read this thread's capabilities: {}", Cause(source))]
    Read {
        /// What the system said.
        source: io::Error,
    },
    /// The capability is not permitted, so that it cannot be raised.
    #[error(
        "raise {capability}: not permitted; run under sudo, or `sudo setcap {}+p` the program (`rawsock doctor` has the exact command)",
        .capability.to_string().to_lowercase()
    )]
    Missing {
        /// The capability.
        capability: Capability,
    },
    /// The system refused to change the sets.
    #[error("change this thread's capabilities: {}", Cause(source))]
    Change {
        /// What the system said.
        source: io::Error,
    },
}

/// How far a capability is granted to this thread.
///
/// # Errors
/// [`CapabilityError::Read`]; not seen outside of system-call filters.
pub fn granted(capability: Capability) -> Result<Grant, CapabilityError> {
    let sets = read()?;
    let has = |set: CapabilitySet| set.contains(capability.bit());
    Ok(match (has(sets.effective), has(sets.permitted)) {
        (true, _) => Grant::Effective,
        (false, true) => Grant::Permitted,
        (false, false) => Grant::Missing,
    })
}

/// Whether a program that is run from here can have the capability at all (the bounding set in capabilities(7)).
pub fn is_within_bounds(capability: Capability) -> bool {
    rustix::thread::capability_is_in_bounding_set(capability.bit()).unwrap_or(true)
}

/// Whether a program that is run from here can gain capabilities by what its file carries (`no_new_privs` in prctl(2)).
pub fn can_be_gained() -> bool {
    !rustix::thread::no_new_privs().unwrap_or(false)
}

/// Puts a permitted capability in force. Nothing happens when it is in force already.
///
/// # Errors
/// [`CapabilityError::Missing`] when it is not permitted.
pub fn raise(capability: Capability) -> Result<(), CapabilityError> {
    match granted(capability)? {
        Grant::Effective => Ok(()),
        Grant::Missing => Err(CapabilityError::Missing { capability }),
        Grant::Permitted => {
            let sets = read()?;
            change(CapabilitySets { effective: sets.effective | capability.bit(), ..sets })
        }
    }
}

/// Puts those of CAP_NET_RAW and CAP_NET_ADMIN in force that are permitted, and says nothing of those that are not: whoever needs
/// one hears of it when the kernel refuses. A program file has them as permitted and not as effective (`setcap …+p`), since the
/// kernel does not even start one that is to have in force what the bounding set lacks (capabilities(7), "Safety checking for
/// capability-dumb binaries").
pub fn raise_permitted() {
    for capability in [Capability::NetRaw, Capability::NetAdmin] {
        let _ = raise(capability);
    }
}

/// Lets the programs that this thread runs keep the capabilities that are permitted to it, whoever the user is: puts them
/// into the ambient set. A program file with capabilities of its own gets those in their place (capabilities(7)).
///
/// # Errors
/// [`CapabilityError::Change`], where a secure bit forbids it.
pub fn keep_in_programs() -> Result<(), CapabilityError> {
    let sets = read()?;
    change(CapabilitySets { inheritable: sets.permitted, ..sets })?;
    for (_, capability) in sets.permitted.iter_names() {
        rustix::thread::configure_capability_in_ambient_set(capability, true)
            .map_err(|error| CapabilityError::Change { source: error.into() })?;
    }
    Ok(())
}

/// Gives up every capability of this thread, for good: the permitted, inheritable and ambient sets are emptied, and no
/// program that is run later can gain any (`no_new_privs`, prctl(2)). Open sockets keep working.
///
/// # Errors
/// [`CapabilityError::Change`]; giving up needs no privilege, so only a system-call filter refuses.
pub fn drop_all() -> Result<(), CapabilityError> {
    keep_only(&[])
}

/// As [`drop_all`], but for these, which stay permitted and in force where they are; no program that is run later has them.
///
/// # Errors
/// As of [`drop_all`].
pub fn keep_only(kept: &[Capability]) -> Result<(), CapabilityError> {
    let refused = |error: rustix::io::Errno| CapabilityError::Change { source: error.into() };
    rustix::thread::set_no_new_privs(true).map_err(refused)?;
    let kept = set_of(kept);
    let sets = if kept.is_empty() { NOTHING } else { read()? };
    // What is not permitted and inheritable any more leaves the ambient set, too (capabilities(7)).
    change(CapabilitySets {
        effective: sets.effective & kept,
        permitted: sets.permitted & kept,
        inheritable: CapabilitySet::empty(),
    })
}

const NOTHING: CapabilitySets = CapabilitySets {
    effective: CapabilitySet::empty(),
    permitted: CapabilitySet::empty(),
    inheritable: CapabilitySet::empty(),
};

fn set_of(capabilities: &[Capability]) -> CapabilitySet {
    capabilities.iter().fold(CapabilitySet::empty(), |set, capability| set | capability.bit())
}

/// What became of the bounding set: what programs that are run from here could have at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounds {
    /// Nothing but what is kept is in it.
    Emptied,
    /// It is as it was: changing it takes CAP_SETPCAP.
    Kept,
}

/// Takes everything but these out of this thread's bounding set (capabilities(7)), where it has the right to.
///
/// # Errors
/// [`CapabilityError::Change`], when the system refuses it although the right is there.
pub fn drop_bounding_set(kept: &[Capability]) -> Result<Bounds, CapabilityError> {
    if !read()?.effective.contains(CapabilitySet::SETPCAP) {
        return Ok(Bounds::Kept);
    }
    let kept = set_of(kept).bits();
    // The kernel may know more capabilities than this program: they are numbered from 0 on without a gap.
    for number in 0..u64::BITS {
        let bit = 1_u64 << number;
        if kept & bit != 0 {
            continue;
        }
        match rustix::thread::remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(bit)) {
            Ok(()) => {}
            Err(rustix::io::Errno::INVAL) => break,
            Err(error) => return Err(CapabilityError::Change { source: error.into() }),
        }
    }
    Ok(Bounds::Emptied)
}

fn read() -> Result<CapabilitySets, CapabilityError> {
    capabilities(None).map_err(|error| CapabilityError::Read { source: error.into() })
}

fn change(sets: CapabilitySets) -> Result<(), CapabilityError> {
    set_capabilities(None, sets).map_err(|error| CapabilityError::Change { source: error.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each test runs in a thread of its own, and capabilities are per thread: giving them up here hurts nobody.
    #[test]
    fn what_is_given_up_stays_given_up() {
        std::thread::spawn(|| {
            drop_all().unwrap();
            for capability in [Capability::NetRaw, Capability::NetAdmin, Capability::SysAdmin] {
                assert_eq!(granted(capability).unwrap(), Grant::Missing);
                let error = raise(capability).unwrap_err();
                assert!(matches!(error, CapabilityError::Missing { .. }), "{error}");
            }
            assert!(!can_be_gained());
        })
        .join()
        .unwrap();
    }

    #[test]
    fn the_error_names_the_capability_as_setcap_does() {
        let error = CapabilityError::Missing { capability: Capability::NetRaw };
        assert!(error.to_string().contains("setcap cap_net_raw+p"), "{error}");
    }

    /// Only a thread with privilege can show this: what was lowered can be raised again.
    #[test]
    fn a_permitted_capability_is_raised() {
        std::thread::spawn(|| {
            let sets = read().unwrap();
            let lowered = sets.effective - CapabilitySet::NET_RAW;
            change(CapabilitySets { effective: lowered, ..sets }).unwrap();
            let expected = if sets.permitted.contains(CapabilitySet::NET_RAW) {
                assert_eq!(granted(Capability::NetRaw).unwrap(), Grant::Permitted);
                raise(Capability::NetRaw).unwrap();
                Grant::Effective
            } else {
                raise(Capability::NetRaw).unwrap_err();
                Grant::Missing
            };
            assert_eq!(granted(Capability::NetRaw).unwrap(), expected);
        })
        .join()
        .unwrap();
    }
}

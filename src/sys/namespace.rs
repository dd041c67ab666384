//! Namespaces (namespaces(7)): leaving the present ones for new ones, and entering those of another process.
//!
//! A user namespace can be made or entered only by a process with a single thread (`EINVAL` else).

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::thread::{
    LinkNameSpaceType, ThreadNameSpaceType, UnshareFlags, move_into_link_name_space,
    move_into_thread_name_spaces,
};

use super::error::Cause;
use super::namespace_barrier::Barrier;
use super::process;

/// The kinds of namespace that the lab is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// Mounted file systems.
    Mount,
    /// Interfaces, addresses, routes, sockets.
    Network,
    /// Process numbers. A new one holds the children that are made afterwards; when the first of them ends, the kernel
    /// kills all others (pid_namespaces(7)).
    Pid,
    /// Users, groups and capabilities.
    User,
    /// The host's name.
    Uts,
}

/// Why a namespace could not be made or entered.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// This user may make no user namespaces.
    #[error("make a user namespace: {}; {barrier}", Cause(source))]
    UserForbidden {
        /// What the system said.
        source: io::Error,
        /// What stands in the way, and how to take it away.
        barrier: Barrier,
    },
    /// The system refused new namespaces.
    #[error("make new namespaces {kinds:?}: {}{}", Cause(source), limit(source))]
    Unshare {
        /// Which ones.
        kinds: Vec<Namespace>,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused to enter the namespaces of a process.
    #[error("enter the namespaces {kinds:?} of process {pid}: {}", Cause(source))]
    Enter {
        /// Which ones.
        kinds: Vec<Namespace>,
        /// The process.
        pid: u32,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused a descriptor of a network namespace, or to enter by it.
    #[error("{call}: {}", Cause(source))]
    Network {
        /// What was tried.
        call: String,
        /// What the system said.
        source: io::Error,
    },
    /// The host's name could not be set.
    #[error("set the host name {name:?}: {}", Cause(source))]
    HostName {
        /// The name.
        name: String,
        /// What the system said.
        source: io::Error,
    },
}

/// What the user is called in a new user namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Identity {
    /// By its own number. Programs have every capability, and do not try to become somebody else, as some do that find
    /// themselves run by root.
    #[default]
    Myself,
    /// Root, for programs that insist on it.
    Root,
}

/// Moves this process into a new user namespace, in which it has all capabilities. No user or group exists inside but
/// the present ones.
///
/// # Errors
/// [`NamespaceError::UserForbidden`], with the setting that forbids it.
pub fn enter_new_user_namespace(identity: Identity) -> Result<(), NamespaceError> {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let inside = |outside: u32| match identity {
        Identity::Myself => outside,
        Identity::Root => 0,
    };
    let attempt = || -> io::Result<()> {
        // A program with file capabilities is not dumpable, and then its /proc/self belongs to root (proc(5)).
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable)?;
        leave(&[Namespace::User])?;
        // The order is the kernel's: an unprivileged process may map its group only after it gave up setgroups(2)
        // (user_namespaces(7)).
        fs::write("/proc/self/uid_map", format!("{} {user} 1", inside(user)))?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/gid_map", format!("{} {group} 1", inside(group)))
    };
    attempt().map_err(forbidden)
}

/// Tries whether this user may make a user namespace, in a process that is gone afterwards. This one must have a single
/// thread.
///
/// # Errors
/// As [`enter_new_user_namespace`].
pub fn try_user_namespace() -> Result<(), NamespaceError> {
    let outcome = process::split_off(|| match enter_new_user_namespace(Identity::Myself) {
        Ok(()) => 0,
        Err(NamespaceError::UserForbidden { source, .. }) => {
            source.raw_os_error().and_then(|number| u8::try_from(number).ok()).unwrap_or(u8::MAX)
        }
        Err(_) => u8::MAX,
    });
    match outcome.and_then(process::bury) {
        Ok(0) => Ok(()),
        Ok(number) => Err(forbidden(io::Error::from_raw_os_error(number.into()))),
        Err(source) => Err(forbidden(source)),
    }
}

fn forbidden(source: io::Error) -> NamespaceError {
    let barrier = Barrier::find(&source, |path| fs::read_to_string(path).ok());
    NamespaceError::UserForbidden { source, barrier }
}

/// Moves this process into new namespaces of these kinds; for [`Namespace::Pid`], its future children.
///
/// # Errors
/// [`NamespaceError::Unshare`], without CAP_SYS_ADMIN in the present user namespace.
pub fn unshare(kinds: &[Namespace]) -> Result<(), NamespaceError> {
    leave(kinds).map_err(|source| NamespaceError::Unshare { kinds: kinds.to_vec(), source })
}

/// Moves this process into the namespaces of another one; for [`Namespace::Pid`], its future children. The working
/// directory becomes the root directory when [`Namespace::Mount`] is among them (setns(2)).
///
/// # Errors
/// [`NamespaceError::Enter`], without the right to look into that process, or before Linux 5.8.
pub fn enter(pid: u32, kinds: &[Namespace]) -> Result<(), NamespaceError> {
    let attempt = || -> io::Result<()> {
        let target = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(rustix::io::Errno::SRCH)?;
        let types = kinds.iter().fold(ThreadNameSpaceType::empty(), |types, kind| types | kind.thread_type());
        let target = pidfd_open(target, PidfdFlags::empty())?;
        Ok(move_into_thread_name_spaces(target.as_fd(), types)?)
    };
    attempt().map_err(|source| NamespaceError::Enter { kinds: kinds.to_vec(), pid, source })
}

/// A descriptor of a process's network namespace, or of this thread's own. It keeps the namespace alive.
///
/// # Errors
/// [`NamespaceError::Network`], when that process is gone, or is not to be looked into.
pub fn open_network(pid: Option<u32>) -> Result<OwnedFd, NamespaceError> {
    let path = pid.map_or_else(|| "/proc/thread-self/ns/net".to_owned(), |pid| format!("/proc/{pid}/ns/net"));
    let opened = fs::File::open(&path);
    opened
        .map(OwnedFd::from)
        .map_err(|source| NamespaceError::Network { call: format!("open {path}"), source })
}

/// Moves this thread into the network namespace of a descriptor.
///
/// # Errors
/// [`NamespaceError::Network`], without CAP_SYS_ADMIN in its user namespace and the present one.
pub fn enter_network(namespace: BorrowedFd<'_>) -> Result<(), NamespaceError> {
    let call = || "enter a network namespace".to_owned();
    move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network))
        .map_err(|error| NamespaceError::Network { call: call(), source: error.into() })
}

/// Whether another process is in the same user namespace as this one, which cannot be entered then.
///
/// # Errors
/// When that process is gone, or is not to be looked into.
pub fn shares_user_namespace(pid: u32) -> io::Result<bool> {
    let identity = |path: &str| fs::metadata(path).map(|data| (data.dev(), data.ino()));
    Ok(identity("/proc/self/ns/user")? == identity(&format!("/proc/{pid}/ns/user"))?)
}

/// Names the host in this UTS namespace.
///
/// # Errors
/// [`NamespaceError::HostName`], without CAP_SYS_ADMIN in its user namespace.
pub fn set_host_name(name: &str) -> Result<(), NamespaceError> {
    rustix::system::sethostname(name.as_bytes())
        .map_err(|error| NamespaceError::HostName { name: name.to_owned(), source: error.into() })
}

/// Each kind has a limit of its own (namespaces(7)).
fn limit(source: &io::Error) -> &'static str {
    match source.raw_os_error() {
        Some(libc::ENOSPC) => {
            "; a limit of this machine is reached: `sysctl -a | grep '^user.max'` shows them"
        }
        _ => "",
    }
}

fn leave(kinds: &[Namespace]) -> io::Result<()> {
    let flags = kinds.iter().fold(UnshareFlags::empty(), |flags, kind| flags | kind.unshare_flag());
    // SAFETY: the call is unsafe for CLONE_FILES alone, which would give this thread descriptors of its own; no
    // `Namespace` stands for it.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

impl Namespace {
    fn unshare_flag(self) -> UnshareFlags {
        match self {
            Self::Mount => UnshareFlags::NEWNS,
            Self::Network => UnshareFlags::NEWNET,
            Self::Pid => UnshareFlags::NEWPID,
            Self::User => UnshareFlags::NEWUSER,
            Self::Uts => UnshareFlags::NEWUTS,
        }
    }

    fn thread_type(self) -> ThreadNameSpaceType {
        match self {
            Self::Mount => ThreadNameSpaceType::MOUNT,
            Self::Network => ThreadNameSpaceType::NETWORK,
            Self::Pid => ThreadNameSpaceType::PROCESS_ID,
            Self::User => ThreadNameSpaceType::USER,
            Self::Uts => ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_shares_its_user_namespace_with_itself() {
        assert!(shares_user_namespace(std::process::id()).unwrap());
        assert!(shares_user_namespace(u32::MAX).is_err());
    }

    #[test]
    fn entering_a_process_that_is_not_there_names_it() {
        let error = enter(u32::MAX, &[Namespace::Network]).unwrap_err();
        assert!(matches!(error, NamespaceError::Enter { pid: u32::MAX, .. }));
        assert!(
            error.to_string().starts_with("enter the namespaces [Network] of process 4294967295"),
            "{error}"
        );
    }
}

//! Mounting, inside a mount namespace of one's own (mount_namespaces(7)).

use std::io;
use std::path::{Path, PathBuf};

use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount,
};

use super::error::Cause;

/// Why something could not be mounted or unmounted.
#[derive(Debug, thiserror::Error)]
#[error("{call} {}: {}", path.display(), Cause(source))]
pub struct MountError {
    /// What was tried: `mount proc on`, `unmount`.
    pub call: &'static str,
    /// Where.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Keeps what this mount namespace mounts to itself; what the outer one mounts still arrives.
///
/// # Errors
/// Without CAP_SYS_ADMIN over the namespace.
pub fn keep_mounts_here() -> Result<(), MountError> {
    let flags = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    named("make private the mounts under", Path::new("/"), mount_change("/", flags))
}

/// Mounts a fresh proc(5) on `/proc`, which shows the present PID namespace.
///
/// # Errors
/// Without CAP_SYS_ADMIN over the namespace, and in containers that hide parts of `/proc`.
pub fn mount_proc() -> Result<(), MountError> {
    named("mount proc on", Path::new("/proc"), mount("proc", "/proc", "proc", unprivileged(), None))
}

/// Mounts a fresh sysfs(5) on `/sys`, which shows the interfaces of the present network namespace.
///
/// # Errors
/// Without CAP_SYS_ADMIN over the network namespace, and in containers that hide parts of `/sys`.
pub fn mount_sysfs() -> Result<(), MountError> {
    named("mount sysfs on", Path::new("/sys"), mount("sysfs", "/sys", "sysfs", unprivileged(), None))
}

/// Mounts an empty file system in memory.
///
/// # Errors
/// Without CAP_SYS_ADMIN over the namespace, or when there is no such directory.
pub fn mount_memory(on: &Path) -> Result<(), MountError> {
    named("mount tmpfs on", on, mount("tmpfs", on, "tmpfs", unprivileged(), None))
}

/// Lets a file or directory be seen in the place of another one, which must exist.
///
/// # Errors
/// Without CAP_SYS_ADMIN over the namespace, or when either is missing.
pub fn bind(what: &Path, on: &Path) -> Result<(), MountError> {
    named("bind a file onto", on, mount_bind(what, on))
}

/// Takes a file system away as soon as nobody uses it. Files bound from it elsewhere stay.
///
/// # Errors
/// When nothing is mounted there.
pub fn unmount_lazily(path: &Path) -> Result<(), MountError> {
    named("unmount", path, unmount(path, UnmountFlags::DETACH))
}

/// A user namespace may mount these file systems only with what its parent's mounts have locked on.
fn unprivileged() -> MountFlags {
    MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC
}

fn named(call: &'static str, path: &Path, result: rustix::io::Result<()>) -> Result<(), MountError> {
    result.map_err(|error| MountError { call, path: path.to_owned(), source: error.into() })
}

//! Whether a program file can carry capabilities (capabilities(7), "File capabilities").

use std::io;
use std::path::Path;

use rustix::fs::{StatVfsMountFlags, getxattr, statvfs};

/// What stands in the way of a program file's capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// Nothing: setcap(8) makes them take effect.
    Yes,
    /// Its file system is mounted `nosuid`, so that they have no effect.
    MountedNosuid,
    /// Its file system has no room for them.
    NotOnThisFileSystem,
}

/// Looks at the file.
///
/// # Errors
/// When there is no such file.
pub fn carries_capabilities(program: &Path) -> io::Result<Carries> {
    if statvfs(program)?.f_flag.contains(StatVfsMountFlags::NOSUID) {
        return Ok(Carries::MountedNosuid);
    }
    match getxattr(program, "security.capability", &mut [0_u8; 0][..]) {
        Err(rustix::io::Errno::OPNOTSUPP) => Ok(Carries::NotOnThisFileSystem),
        _ => Ok(Carries::Yes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_without_files_of_its_own_carries_none() {
        // Every machine mounts proc(5) nosuid, or at least without attributes.
        let found = carries_capabilities(Path::new("/proc/version")).unwrap();
        assert!(matches!(found, Carries::MountedNosuid | Carries::NotOnThisFileSystem), "{found:?}");
    }

    #[test]
    fn a_missing_file_is_an_error() {
        assert!(carries_capabilities(Path::new("/nonexistent/rawsock")).is_err());
    }
}

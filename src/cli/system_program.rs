//! Programs of the system, where systems have them. PATH does not count: no variable of the environment says what a process with rights
//! runs.

use std::path::{Path, PathBuf};

/// Where a program is: a name with a slash is a path, any other is looked for in the folders of the system.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| path.is_file());
    }
    FOLDERS.iter().map(|folder| Path::new(folder).join(program)).find(|path| path.is_file())
}

/// What shells of systems look through (`_PATH_STDPATH` in paths.h, with those of local programs).
const FOLDERS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_looked_for_in_the_folders_of_the_system() {
        assert!(find("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find("/bin/sh"), Some(PathBuf::from("/bin/sh")));
        assert_eq!(find("/bin/no-such"), None);
        assert_eq!(find("no-such"), None);
    }
}

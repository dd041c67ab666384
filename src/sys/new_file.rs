//! Files that root makes for somebody else: under sudo they are those of whoever called it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{Gid, Uid};

/// Creates a file for `owner`, user and group, or for this process; its mode is 0644 less the umask.
///
/// # Errors
/// `EEXIST` where there is something already, and stays; or when it cannot be created, or given away.
pub fn create_new(path: &Path, owner: Option<(u32, u32)>) -> io::Result<File> {
    let file = options().create_new(true).open(path)?;
    if let Some((user, group)) = owner {
        rustix::fs::fchown(&file, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))?;
    }
    Ok(file)
}

/// As [`create_new`], and what is there already is emptied. One that is there, a device or a pipe perhaps, keeps its owner: giving root's
/// /dev/null to the user who called sudo would be a bad surprise.
///
/// # Errors
/// When it cannot be opened, or a new one not given away.
pub fn create(path: &Path, owner: Option<(u32, u32)>) -> io::Result<File> {
    match create_new(path, owner) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            options().create(true).truncate(true).open(path)
        }
        created => created,
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o644);
    options
}

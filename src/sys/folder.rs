//! Files of one folder, by names that others gave: nothing outside the folder is opened, and no link is followed
//! (openat(2), `O_NOFOLLOW`).

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RenameFlags, flock, fstat, openat, renameat,
    renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

/// An open folder.
#[derive(Debug)]
pub struct Folder(OwnedFd);

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing, `.` or `..`.
    #[error("it names no file")]
    NoFile,
    /// A slash or a zero is in it.
    #[error("it has a slash or a zero in it")]
    Separator,
    /// A control character, which no listing should get.
    #[error("it has control characters in it")]
    Control,
    /// More than [`LONGEST_NAME`] octets.
    #[error("it is longer than {LONGEST_NAME} octets")]
    TooLong,
}

/// File systems take 255 octets (NAME_MAX); this leaves room for what is put behind names while files are incomplete.
pub const LONGEST_NAME: usize = 200;

/// Checks a name that somebody else gave.
///
/// # Errors
/// When it is no plain name of a file in the folder itself.
pub fn check_name(name: &str) -> Result<(), NameError> {
    match name {
        "" | "." | ".." => Err(NameError::NoFile),
        _ if name.contains(['/', '\0']) => Err(NameError::Separator),
        _ if name.chars().any(char::is_control) => Err(NameError::Control),
        _ if name.len() > LONGEST_NAME => Err(NameError::TooLong),
        _ => Ok(()),
    }
}

impl Folder {
    /// Opens a folder.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(openat(CWD, path, flags, Mode::empty())?))
    }

    /// Whether there is something of this name.
    ///
    /// # Errors
    /// When the folder cannot be searched.
    pub fn has(&self, name: &str) -> io::Result<bool> {
        match statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a file to write, and to read what is in it already; makes it where there is none. Nobody else may have it open so
    /// at the same time: that is `EWOULDBLOCK`.
    ///
    /// # Errors
    /// `ELOOP` when the name is a link, `EINVAL` when it is no ordinary file or has other names too.
    pub fn open_exclusively(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR
            | OFlags::CREATE
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::NOCTTY
            | OFlags::CLOEXEC;
        let file = openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH)?;
        let found = fstat(&file)?;
        // A second name could be a file outside the folder.
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile || found.st_nlink > 1 {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        self.lock(file, name)
    }

    /// Makes an open file one's own for as long as it is open, if it still has this name: whoever had it until now may have given it
    /// another one meanwhile, under which nobody must write into it.
    fn lock(&self, file: OwnedFd, name: &str) -> io::Result<File> {
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        let (open, named) = (fstat(&file)?, statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW));
        match named {
            Ok(named) if (named.st_dev, named.st_ino) == (open.st_dev, open.st_ino) => Ok(File::from(file)),
            _ => Err(Errno::WOULDBLOCK.into()),
        }
    }

    /// Gives a file another name. What has that name already stays, which is `EEXIST`, unless `force` replaces it.
    ///
    /// # Errors
    /// As said, or when the folder cannot be written.
    pub fn rename(&self, from: &str, to: &str, force: bool) -> io::Result<()> {
        let renamed = match force {
            true => renameat(&self.0, from, &self.0, to),
            false => renameat_with(&self.0, from, &self.0, to, RenameFlags::NOREPLACE),
        };
        Ok(renamed?)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// When there is none, or the folder cannot be written.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let wrong = ["", ".", "..", "a/b", "/etc/passwd", "../x", "a\0", "a\x1b[2J", "a\u{85}"];
        assert!(wrong.iter().all(|name| check_name(name).is_err()));
        assert_eq!(check_name(&"x".repeat(201)), Err(NameError::TooLong));
        assert!(["a", ".hidden", "a b", "…", "a..b"].iter().all(|name| check_name(name).is_ok()));
    }

    #[test]
    fn no_link_is_followed_and_nothing_is_replaced_unasked() {
        let place = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        symlink(outside.path(), place.path().join("soft")).unwrap();
        let error = folder.open_exclusively("soft").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
        if fs::hard_link(outside.path(), place.path().join("hard")).is_ok() {
            let error = folder.open_exclusively("hard").unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        }
        let first = folder.open_exclusively("part").unwrap();
        let error = folder.open_exclusively("part").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EWOULDBLOCK));
        drop(first);
        // Opened before the one who had it renamed it, and locked behind that.
        let late = File::open(place.path().join("part")).unwrap();
        folder.rename("part", "whole", false).unwrap();
        let error = folder.lock(late.into(), "part").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EWOULDBLOCK));
        folder.rename("whole", "part", false).unwrap();
        fs::write(place.path().join("there"), "old").unwrap();
        let error = folder.rename("part", "there", false).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EEXIST));
        folder.rename("part", "there", true).unwrap();
        assert_eq!(fs::read(place.path().join("there")).unwrap(), b"");
        folder.remove("there").unwrap();
        assert!(!folder.has("there").unwrap() && folder.has("soft").unwrap());
    }
}

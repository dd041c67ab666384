//! Paths of Unix sockets: what is there already, and removing what was bound (unix(7)).

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid, chownat, fstat, open};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::error::Cause;
use super::socket::{Family, Socket, SocketType};
use super::socket_address::SocketAddress;

/// What is at a path where a socket is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A socket at which nobody listens any more: its program ended without removing it.
    Stale,
    /// A socket of a program that runs.
    Live,
    /// Something that is no socket.
    Other,
}

/// Why a socket cannot be there.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// Nobody listens.
    #[error("listen on {path}: there is a socket already, at which nobody listens any more: --force removes it", path = .0.display())]
    Stale(PathBuf),
    /// Somebody does.
    #[error("listen on {path}: another program listens there", path = .0.display())]
    Live(PathBuf),
    /// It is no socket.
    #[error("listen on {path}: there is a file already, which is no socket, and stays", path = .0.display())]
    Other(PathBuf),
    /// It cannot be found out, or removed.
    #[error("{call} {path}: {}", Cause(source), path = path.display())]
    System {
        /// What was tried.
        call: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What is there; `None` when nothing is.
///
/// # Errors
/// When that cannot be found out.
pub fn look(path: &Path, kind: SocketType) -> Result<Option<Found>, PathError> {
    let failed = |call| move |source| PathError::System { call, path: path.to_owned(), source };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("look at")(error)),
    };
    if !metadata.file_type().is_socket() {
        return Ok(Some(Found::Other));
    }
    let probe = Socket::open(Family::Unix, kind).map_err(failed("open a socket for"))?;
    probe.set_nonblocking(true).map_err(failed("open a socket for"))?;
    match probe.connect(&SocketAddress::Path(path.to_owned())) {
        Err(error) if error.raw_os_error() == Some(libc::ECONNREFUSED) => Ok(Some(Found::Stale)),
        // Of another type (EPROTOTYPE), with a full queue (EAGAIN) or not ours (EACCES): somebody is there.
        _ => Ok(Some(Found::Live)),
    }
}

impl Found {
    /// Removes a socket at which nobody listens, if that is wanted.
    ///
    /// # Errors
    /// When there is something else, or it is not wanted.
    pub fn make_room(self, path: &Path, force: bool) -> Result<(), PathError> {
        match self {
            Self::Stale if force => fs::remove_file(path).map_err(|source| PathError::System {
                call: "remove",
                path: path.to_owned(),
                source,
            }),
            Self::Stale => Err(PathError::Stale(path.to_owned())),
            Self::Live => Err(PathError::Live(path.to_owned())),
            Self::Other => Err(PathError::Other(path.to_owned())),
        }
    }
}

/// Gives a socket that was bound just now to a user and a group: under sudo it is that of whoever called it, who could not connect to it
/// otherwise (unix(7): that takes the right to write).
///
/// # Errors
/// When there is another thing by now, or it cannot be given away.
pub fn give(path: &Path, (user, group): (u32, u32)) -> Result<(), PathError> {
    let give = || {
        // Whoever owns the folder may put anything in its place at any time: what is looked at is what is given, and nothing else.
        let socket = open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        let found = fstat(&socket)?;
        let is_socket = FileType::from_raw_mode(found.st_mode) == FileType::Socket;
        if !is_socket || found.st_nlink != 1 || found.st_uid != geteuid().as_raw() {
            return Err(Errno::STALE);
        }
        chownat(socket, "", Some(Uid::from_raw(user)), Some(Gid::from_raw(group)), AtFlags::EMPTY_PATH)
    };
    let failed =
        |error: Errno| PathError::System { call: "give away", path: path.to_owned(), source: error.into() };
    give().map_err(failed)
}

/// The path of a socket that is bound: it is removed when this is dropped, unless there is another one by then.
#[derive(Debug)]
pub struct Bound {
    path: PathBuf,
    inode: (u64, u64),
}

impl Bound {
    /// Of a socket that was bound just now.
    ///
    /// # Errors
    /// When it is gone already.
    pub fn of(path: &Path) -> Result<Self, PathError> {
        let inode = inode(path).map_err(|source| PathError::System {
            call: "look at",
            path: path.to_owned(),
            source,
        })?;
        Ok(Self { path: path.to_owned(), inode })
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if inode(&self.path).is_ok_and(|inode| inode == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixDatagram, UnixListener};

    #[test]
    fn what_is_there_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        assert_eq!(look(&path, SocketType::Stream).unwrap(), None);
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(look(&path, SocketType::Stream).unwrap(), Some(Found::Live));
        assert_eq!(look(&path, SocketType::Datagram).unwrap(), Some(Found::Live));
        drop(listener);
        assert_eq!(look(&path, SocketType::Stream).unwrap(), Some(Found::Stale));
        assert!(Found::Stale.make_room(&path, false).is_err());
        Found::Stale.make_room(&path, true).unwrap();
        fs::write(&path, "text").unwrap();
        assert_eq!(look(&path, SocketType::Stream).unwrap(), Some(Found::Other));
        assert!(Found::Other.make_room(&path, true).is_err());
        fs::remove_file(&path).unwrap();
        let datagrams = UnixDatagram::bind(&path).unwrap();
        assert_eq!(look(&path, SocketType::Datagram).unwrap(), Some(Found::Live));
        drop(datagrams);
        assert_eq!(look(&path, SocketType::Datagram).unwrap(), Some(Found::Stale));
    }

    /// To oneself, which needs no right.
    #[test]
    fn only_a_socket_of_ones_own_is_given_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let _listener = UnixListener::bind(&path).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        let owner = (metadata.uid(), metadata.gid());
        give(&path, owner).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "text").unwrap();
        assert!(give(&link, owner).is_err() && give(&file, owner).is_err());
        fs::hard_link(&path, folder.path().join("other")).unwrap();
        assert!(give(&path, owner).is_err());
    }

    #[test]
    fn only_the_own_socket_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let _one = UnixListener::bind(&path).unwrap();
        drop(Bound::of(&path).unwrap());
        assert!(!path.exists());
        let _two = UnixListener::bind(&path).unwrap();
        let bound = Bound::of(&path).unwrap();
        fs::rename(&path, folder.path().join("moved")).unwrap();
        fs::write(&path, "another's").unwrap();
        drop(bound);
        assert!(path.exists());
    }
}

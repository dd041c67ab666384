//! What a process gives up, for good, before it reads the first octet that a stranger sent: the rights of root, all capabilities,
//! files that it has no use for (Landlock, landlock(7)) and system calls that it has no use for (seccomp(2)).
//!
//! All of it is of the calling thread and of those that it starts afterwards. So a command opens what it needs, enters, and only then
//! starts threads.

mod caller;
mod file_rules;
mod system_call;
mod system_calls;
mod violation;

use std::fmt;
use std::io;
use std::path::PathBuf;

use rustix::fs::Access;

pub use caller::{Caller, CallerError};
pub use file_rules::FileRules;
pub use system_calls::Doing;

use super::capability::{self, Bounds, Capability, CapabilityError, Grant};
use super::error::{Cause, SysError};

/// What a process keeps when it enters.
#[derive(Debug, Clone, Default)]
pub struct Sandbox {
    /// What it will do, which says which system calls it makes.
    pub doings: Vec<Doing>,
    /// Files and folders that it will open for reading. What does not exist is passed over.
    pub readable: Vec<PathBuf>,
    /// Folders that it will make files in, and files that it will write.
    pub writable: Vec<PathBuf>,
    /// Capabilities that it cannot do without; all others are given up.
    pub keeps: Vec<Capability>,
    /// Whoever becomes the user of the process, such as who called sudo.
    pub caller: Option<Caller>,
}

/// Why a process could not give up what it has to.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// It could not become the user who called sudo.
    #[error(transparent)]
    Caller(#[from] CallerError),
    /// It could not give up its capabilities.
    #[error(transparent)]
    Capability(#[from] CapabilityError),
    /// The kernel has Landlock, and refused the rules.
    #[error("{0} (`--no-sandbox` goes on without)")]
    Files(SysError),
    /// The kernel has seccomp, and refused the filter.
    #[error("{0} (`--no-sandbox` goes on without)")]
    Calls(SysError),
    /// Files could not be made where they are to be.
    #[error(
        "make files in {path} as user {user}, who this process becomes: {}; let that user write there, or name another folder",
        Cause(source)
    )]
    Folder {
        /// The folder.
        path: String,
        /// The user.
        user: u32,
        /// What the system said.
        source: io::Error,
    },
    /// There could be no process that looks names up.
    #[error(
        "look names up by a process of its own: {} (addresses in place of names do without, and `--no-sandbox`)",
        Cause(.0)
    )]
    Names(io::Error),
    /// The handler that names a forbidden call could not be set up.
    #[error("catch SIGSYS: {}", Cause(.0))]
    Handler(io::Error),
}

/// What was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    caller: Option<Caller>,
    keeps: Vec<Capability>,
    bounds: Bounds,
    files: FileRules,
    calls: Option<usize>,
}

/// What the system said, within what a library made of it.
fn cause(error: &(dyn std::error::Error + 'static)) -> io::Error {
    let mut inner = Some(error);
    while let Some(error) = inner {
        if let Some(code) = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return io::Error::from_raw_os_error(code);
        }
        inner = error.source();
    }
    io::Error::other(error.to_string())
}

impl Sandbox {
    /// Gives up everything else. There is no way back.
    ///
    /// # Errors
    /// When the kernel has a layer and refuses it. A kernel without Landlock or seccomp is no error: [`Entered`] tells.
    pub fn enter(mut self) -> Result<Entered, SandboxError> {
        // What is not there cannot be kept.
        self.keeps.retain(|kept| capability::granted(*kept).is_ok_and(|grant| grant != Grant::Missing));
        let (caller, bounds) = self.give_up_rights()?;
        if let Some(caller) = caller {
            self.check_folders(caller)?;
        }
        let serves = self.doings.contains(&Doing::Accept);
        let files = file_rules::restrict(&self.readable, &self.writable, serves)?;
        violation::name_the_call().map_err(SandboxError::Handler)?;
        let calls = system_call::restrict(system_calls::of(&self.doings))?;
        Ok(Entered { caller, keeps: self.keeps, bounds, files, calls })
    }

    /// What the caller may not write is better known now than when the next file is due.
    fn check_folders(&self, caller: Caller) -> Result<(), SandboxError> {
        for path in self.writable.iter().filter(|path| path.is_dir()) {
            rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK).map_err(|errno| {
                let (path, user) = (path.display().to_string(), caller.user);
                SandboxError::Folder { path, user, source: errno.into() }
            })?;
        }
        Ok(())
    }

    /// Gives up capabilities and the user alone; files and system calls stay.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub fn give_up_rights(&self) -> Result<(Option<Caller>, Bounds), SandboxError> {
        // The bounding set takes CAP_SETPCAP, which goes with root.
        let bounds = capability::drop_bounding_set(&self.keeps)?;
        // Of whoever called sudo there may be no such user here, in a network of its own.
        let caller = self.caller.filter(|caller| caller.is_known_here());
        if let Some(caller) = caller {
            caller.become_the_user(&self.keeps)?;
        }
        capability::keep_only(&self.keeps)?;
        Ok((caller, bounds))
    }
}

impl fmt::Display for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(caller) = self.caller {
            write!(f, "{caller}; ")?;
        }
        match self.keeps.as_slice() {
            [] => f.write_str("no capabilities")?,
            keeps => {
                f.write_str("no capabilities but ")?;
                for (place, capability) in keeps.iter().enumerate() {
                    write!(f, "{}{capability}", if place > 0 { ", " } else { "" })?;
                }
            }
        }
        match self.bounds {
            Bounds::Emptied => f.write_str(", and none to be had")?,
            Bounds::Kept => {
                f.write_str(", and none to be had (no_new_privs; the bounding set stays: no CAP_SETPCAP)")?
            }
        }
        write!(f, "; {}", self.files)?;
        match self.calls {
            Some(count) => write!(f, "; {count} system calls"),
            None => f.write_str("; all system calls (this kernel or architecture has no seccomp filters)"),
        }
    }
}

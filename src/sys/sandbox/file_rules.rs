//! Landlock: which files may be opened from now on (landlock(7)).

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, Scope,
};

use super::{SandboxError, cause};
use crate::sys::error::{Cause, SysError};

/// How far files are out of reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileRules {
    /// All but these.
    Restricted {
        /// The version of the kernel's Landlock.
        version: i32,
        /// Files and folders that can be read.
        readable: Vec<PathBuf>,
        /// Files and folders that can be written.
        writable: Vec<PathBuf>,
    },
    /// The kernel has no Landlock.
    NotBuiltIn,
    /// The kernel has it, and was started without (`lsm=`).
    NotSwitchedOn,
    /// Whoever started this process keeps it away, as containers do; what they say in place of the kernel.
    KeptAway(i32),
}

/// The newest version that the rules were written for; of an older kernel they take what it has.
const NEWEST: ABI = ABI::V6;

/// Keeps these files, and gives up all others, and signals to other processes; and sockets with abstract names, unless `serves`.
pub(super) fn restrict(
    readable: &[PathBuf],
    writable: &[PathBuf],
    serves: bool,
) -> Result<FileRules, SandboxError> {
    let refused = SysError::of("give up", "files that are not needed (Landlock)");
    restricted(readable, writable, serves).map_err(|error| SandboxError::Files(refused(error)))
}

fn restricted(readable: &[PathBuf], writable: &[PathBuf], serves: bool) -> io::Result<FileRules> {
    // Such a socket is no file, and daemons listen at some (unix(7)); but who asks a service of datagrams has one, too.
    let scopes = if serves { Scope::Signal.into() } else { Scope::Signal | Scope::AbstractUnixSocket };
    let failed = |error: RulesetError| cause(&error);
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|rules| rules.scope(scopes))
        .and_then(Ruleset::create)
        .map_err(failed)?;
    let (mut can_read, mut can_write) = (Vec::new(), Vec::new());
    for path in readable {
        rules = allow(rules, path, false, &mut can_read)?;
    }
    for path in writable {
        rules = allow(rules, path, true, &mut can_write)?;
    }
    let status = rules.restrict_self().map_err(failed)?;
    Ok(match status.landlock {
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => why_not(),
        LandlockStatus::Available { effective_abi, kernel_abi } => FileRules::Restricted {
            version: kernel_abi.unwrap_or(effective_abi as i32),
            readable: can_read,
            writable: can_write,
        },
    })
}

/// Why there is no Landlock, as the kernel says it to whoever asks for its version (landlock_create_ruleset(2)).
fn why_not() -> FileRules {
    const VERSION: u32 = 1;
    let nothing = std::ptr::null::<libc::c_void>();
    // SAFETY: asked for the version, the kernel reads no attributes, and takes none.
    unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0_usize, VERSION) };
    match io::Error::last_os_error().raw_os_error() {
        Some(libc::EOPNOTSUPP) => FileRules::NotSwitchedOn,
        None | Some(libc::ENOSYS) => FileRules::NotBuiltIn,
        Some(other) => FileRules::KeptAway(other),
    }
}

/// Allows a path, if there is one; takes note of it.
fn allow(
    rules: RulesetCreated,
    path: &Path,
    writes: bool,
    allowed: &mut Vec<PathBuf>,
) -> io::Result<RulesetCreated> {
    let opened = match PathFd::new(path).map_err(|error| cause(&error)) {
        Ok(opened) if !is_nowhere(&opened) => opened,
        // Whoever opens it hears why that cannot be done; not so of what only stands in the way here.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM)) => {
            return Err(error);
        }
        _ => return Ok(rules),
    };
    let access = match (path.is_dir(), writes) {
        // What a terminal is like is asked by ioctl(2).
        (false, false) if is_device(path) => AccessFs::ReadFile | AccessFs::IoctlDev,
        (false, false) => AccessFs::ReadFile.into(),
        (true, false) => AccessFs::ReadFile | AccessFs::ReadDir,
        (false, true) => AccessFs::from_file(NEWEST) & !AccessFs::Execute,
        (true, true) => {
            AccessFs::ReadFile
                | AccessFs::ReadDir
                | AccessFs::WriteFile
                | AccessFs::Truncate
                | AccessFs::MakeReg
                | AccessFs::RemoveFile
        }
    };
    allowed.push(path.to_owned());
    rules.add_rule(PathBeneath::new(opened, access)).map_err(|error| cause(&error))
}

/// Whether it has no place in the tree of files: a pipe or a socket that is open already, such as /dev/stdin. Landlock has no rules
/// for those, and lets them be opened (`is_nouser_or_private` in security/landlock/fs.c).
fn is_nowhere(opened: &PathFd) -> bool {
    rustix::fs::fstatfs(opened.as_fd()).is_ok_and(|system| [PIPES, SOCKETS].contains(&system.f_type))
}

/// PIPEFS_MAGIC and SOCKFS_MAGIC (linux/magic.h).
const PIPES: rustix::fs::FsWord = 0x5049_5045;
const SOCKETS: rustix::fs::FsWord = 0x534f_434b;

fn is_device(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.file_type().is_char_device())
}

impl fmt::Display for FileRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBuiltIn => f.write_str("any file (this kernel has no Landlock, which takes Linux 5.13)"),
            Self::KeptAway(error) => {
                let error = io::Error::from_raw_os_error(*error);
                write!(
                    f,
                    "any file (Landlock is kept away from this process, as containers do: {})",
                    Cause(&error)
                )
            }
            Self::NotSwitchedOn => {
                f.write_str("any file (Landlock is not among this kernel's security modules: `lsm=`)")
            }
            Self::Restricted { version, readable, writable } => {
                write!(f, "Landlock {version}: reads ")?;
                list(f, readable)?;
                f.write_str(", writes ")?;
                list(f, writable)
            }
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, paths: &[PathBuf]) -> fmt::Result {
    if paths.is_empty() {
        return f.write_str("no file");
    }
    for (place, path) in paths.iter().enumerate() {
        write!(f, "{}{}", if place > 0 { " " } else { "" }, path.display())?;
    }
    Ok(())
}

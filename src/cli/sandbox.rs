//! What each command gives up before it reads what strangers sent, and what it keeps; `-v` tells, `--no-sandbox` leaves it.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::Args;

use super::name_service::{self, NameService};
use crate::show::text::printable;
use crate::sys::error::Cause;
use crate::sys::name_keeper::NameKeeper;
use crate::sys::process;
use crate::sys::sandbox::{Caller, Doing, Sandbox, SandboxError};
use crate::sys::user_database;

/// Whether there is one.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct SandboxArgs {
    /// Keep every right while octets of strangers are read. Only for finding mistakes of rawsock itself.
    #[arg(long)]
    no_sandbox: bool,
}

impl SandboxArgs {
    /// Whether there is one.
    pub(super) fn is_wanted(self) -> bool {
        !self.no_sandbox
    }
}

/// What a command does from here on. It has opened what takes a right, and starts threads only afterwards.
#[derive(Debug, Default)]
pub(super) struct Plan {
    own: Sandbox,
    /// How names are looked up by a process beside this one, where there is to be one.
    names: Option<NameService>,
}

impl Plan {
    /// Does this.
    pub(super) fn does(mut self, doings: &[Doing]) -> Self {
        self.own.doings.extend_from_slice(doings);
        self
    }

    /// Does this, should that be so.
    pub(super) fn does_if(self, is_so: bool, doing: Doing) -> Self {
        if is_so { self.does(&[doing]) } else { self }
    }

    /// Opens these files and folders for reading.
    pub(super) fn reads<P: AsRef<Path>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.own.doings.push(Doing::ReadFiles);
        self.own.readable.extend(paths.into_iter().map(|path| path.as_ref().to_owned()));
        self
    }

    /// Makes files in these folders.
    pub(super) fn writes<P: AsRef<Path>>(mut self, folders: impl IntoIterator<Item = P>) -> Self {
        let folders = folders.into_iter().map(|folder| folder.as_ref().to_owned());
        let before = self.own.writable.len();
        self.own.writable.extend(folders);
        if self.own.writable.len() > before {
            self.own.doings.push(Doing::WriteFiles);
        }
        self
    }

    /// Tells times of this place, which are looked up again now and then.
    pub(super) fn tells_local_time(self) -> Self {
        self.reads(ZONE)
    }

    /// Asks the system for names, should that be so.
    pub(super) fn asks_for_names(mut self, asks: bool) -> Self {
        if !asks {
            return self;
        }
        let service = NameService::of_host();
        if service.is_plain() {
            return self.does(&LOOKING_UP).reads(RESOLVER);
        }
        self.names = Some(service);
        self.does(&[Doing::Threads]).reads(RESOLVER)
    }

    /// Gives up everything else, and says so where that is asked for.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub(super) fn enter(mut self, args: SandboxArgs, is_verbose: bool) -> Result<(), SandboxError> {
        if !args.is_wanted() {
            anstream::eprintln!(
                "rawsock: --no-sandbox: whatever strangers send is read with all the rights of this process"
            );
            return Ok(());
        }
        if let Some(service) = self.names {
            name_service::is_kept_by(keeper(service, args, is_verbose).map_err(SandboxError::Names)?);
        }
        self.own.caller = caller_but_root();
        self.own.readable.sort();
        self.own.readable.dedup();
        let entered = self.own.enter()?;
        if is_verbose {
            anstream::eprintln!("rawsock: sandbox: {}", printable(&entered.to_string()));
        }
        Ok(())
    }
}

/// The process that looks names up: it meets modules and daemons, and what strangers sent never.
fn keeper(service: NameService, args: SandboxArgs, is_verbose: bool) -> io::Result<NameKeeper> {
    let NameService { has_modules, has_daemons } = service;
    let plan = Plan::default()
        .does(&LOOKING_UP)
        .does_if(has_modules, Doing::NameModules)
        .does_if(has_daemons, Doing::NameDaemons)
        .reads(RESOLVER)
        .reads(MODULES.iter().filter(|_| has_modules))
        .reads(CACHE.iter().filter(|_| has_daemons));
    let rights = Sandbox { caller: caller_but_root(), ..plan.own };
    NameKeeper::start(|| enter_beside(rights, args, is_verbose, "a process beside, which looks names up"))
}

/// What looking names up in files and by DNS takes.
const LOOKING_UP: [Doing; 5] = [Doing::Names, Doing::Threads, Doing::Netlink, Doing::Traffic, Doing::Connect];

/// What a process beside this one gives up, before it takes a request; `what` says what it is for. Only its rights, where there is to be
/// no sandbox: it is there so that this process has none.
///
/// # Errors
/// When the kernel refuses it.
pub(super) fn enter_beside(
    rights: Sandbox,
    args: SandboxArgs,
    is_verbose: bool,
    what: &str,
) -> Result<(), SandboxError> {
    if !args.is_wanted() {
        return rights.give_up_rights().map(drop);
    }
    let entered = rights.enter()?;
    if is_verbose {
        anstream::eprintln!("rawsock: sandbox: {what}: {}", printable(&entered.to_string()));
    }
    Ok(())
}

/// Gives up all rights but those to open files and run programs: for a process that reads nothing of strangers, and runs what the user
/// named.
///
/// # Errors
/// When the kernel refuses it.
pub(super) fn give_up_rights() -> Result<(), SandboxError> {
    Sandbox { caller: caller_but_root(), ..Sandbox::default() }.give_up_rights().map(drop)
}

/// Who the user of this process is once it has entered.
pub(super) fn user_within(args: SandboxArgs) -> u32 {
    let caller = caller_but_root().filter(|caller| args.is_wanted() && caller.is_known_here());
    caller.map_or_else(process::user, |caller| caller.user)
}

/// Whom new files belong to under sudo, user and group: the user who called it, where there is one of that number here.
pub(super) fn owner() -> Option<(u32, u32)> {
    caller_but_root().filter(|caller| caller.is_known_here()).map(|caller| (caller.user, caller.group))
}

pub(super) fn caller_but_root() -> Option<Caller> {
    caller().filter(|caller| caller.user != 0)
}

/// User and group that root is to become: those that were named, or of whoever called sudo (sudo(8), environment). `None` for who is
/// not root.
pub(super) fn caller() -> Option<Caller> {
    let id = |name| env::var(name).ok()?.parse().ok();
    let of_sudo = || Some(Caller { user: id("SUDO_UID")?, group: id("SUDO_GID")? });
    rustix::process::geteuid().is_root().then(|| NAMED.get().copied().or_else(of_sudo)).flatten()
}

/// Whom the user of this program has named.
static NAMED: OnceLock<Caller> = OnceLock::new();

/// From now on, root is to become this user, whoever called sudo.
///
/// # Errors
/// In words, when root has no such user here.
pub(super) fn become_this(user: Caller) -> Result<(), String> {
    if rustix::process::geteuid().is_root() && !user.is_known_here() {
        return Err(format!("become {user}: this user namespace has none of that number"));
    }
    // A command names one at most.
    let _ = NAMED.set(user);
    Ok(())
}

/// The user of a name, for the command line.
///
/// # Errors
/// In words, when there is none.
pub(super) fn user(name: &str) -> Result<Caller, String> {
    match user_database::user_named(name) {
        Ok(Some(user)) => Ok(user),
        Ok(None) => Err("there is no user of this name".to_owned()),
        Err(error) => Err(format!("look the user up: {}", Cause(&error))),
    }
}

/// The folder that a file is in.
pub(super) fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The zone of this place (tzset(3), localtime(5)).
const ZONE: [&str; 3] = ["/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo"];

/// What the system's resolver reads: its settings (nsswitch.conf(5), resolv.conf(5), hosts(5), gai.conf(5)), and what others write for it.
const RESOLVER: [&str; 12] = [
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/networks",
    "/etc/ethers",
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/run/resolvconf",
];

/// Its modules.
const MODULES: [&str; 4] = ["/etc/ld.so.cache", "/lib", "/lib64", "/usr/lib"];

/// What the cache of nscd(8) shares.
const CACHE: [&str; 2] = ["/run/nscd", "/var/run/nscd"];

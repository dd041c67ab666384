//! `rawsock extcap-install`: makes Wireshark capture through this program.

use std::env;
use std::error::Error;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use clap::Args;

use super::extcap::PROGRAM;
use super::{CommandResult, Outcome, output};
use crate::sys::error::Cause;

/// Let Wireshark capture through rawsock: its interfaces then stand in Wireshark's list, as `rawsock: eth0`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExtcapInstallArgs {
    /// Wireshark's extcap folder (Help, About, Folders); left out, the one of the user, or of the system as root.
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Take it out again.
    #[arg(long)]
    remove: bool,
}

const EXAMPLES: &str = "Examples:
  rawsock extcap-install                 # for this user: Wireshark 4.2 and newer
  sudo rawsock extcap-install            # for all users
  tshark -D                              # lists rawsock-eth0 and the others

Capturing needs CAP_NET_RAW: give it to rawsock itself, as `rawsock doctor` says.";

/// Where Linux distributions have the folder of the system.
const SYSTEM: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/wireshark/extcap",
    "/usr/lib/aarch64-linux-gnu/wireshark/extcap",
    "/usr/lib64/wireshark/extcap",
    "/usr/lib/wireshark/extcap",
    "/usr/local/lib/wireshark/extcap",
];

/// Makes or removes the link.
///
/// # Errors
/// When there is no such folder, or it cannot be written.
pub(super) fn run(args: &ExtcapInstallArgs) -> CommandResult {
    let folder = match &args.folder {
        Some(folder) => folder.clone(),
        None => folder()?,
    };
    let link = folder.join(PROGRAM);
    if args.remove {
        fs::remove_file(&link).map_err(|error| format!("remove {}: {}", link.display(), Cause(&error)))?;
        output::print(&format!("{} is removed\n", link.display()))?;
        return Ok(Outcome::Done);
    }
    let program = env::current_exe()?;
    install(&program, &folder, &link)?;
    output::print(&format!("{} leads to {}\n", link.display(), program.display()))?;
    Ok(Outcome::Done)
}

fn install(program: &Path, folder: &Path, link: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder).map_err(|error| format!("make {}: {}", folder.display(), Cause(&error)))?;
    // One of an earlier installation is replaced; a file that is no link is somebody else's.
    if link.is_symlink() {
        fs::remove_file(link).map_err(|error| format!("replace {}: {}", link.display(), Cause(&error)))?;
    }
    symlink(program, link).map_err(|error| format!("make {}: {}", link.display(), Cause(&error)))?;
    Ok(())
}

fn folder() -> Result<PathBuf, Box<dyn Error>> {
    if rustix::process::geteuid().is_root() {
        let found = SYSTEM.iter().map(Path::new).find(|folder| folder.is_dir());
        return found
            .map(Path::to_owned)
            .ok_or_else(|| "Wireshark's extcap folder was not found: name it (Help, About, Folders)".into());
    }
    let home = env::home_dir().ok_or("there is no home folder: name Wireshark's extcap folder")?;
    Ok(home.join(".local/lib/wireshark/extcap"))
}

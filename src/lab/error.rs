//! What can go wrong with the lab.

use std::io;
use std::path::PathBuf;

use crate::sys::capability::CapabilityError;
use crate::sys::error::Cause;
use crate::sys::mount::MountError;
use crate::sys::namespace::NamespaceError;
use crate::sys::netlink::NetlinkError;

use super::Host;

/// Why the lab could not be made, or a command not be run in it.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The holder could not be started.
    #[error("start the lab by running {}: {}", program.display(), Cause(source))]
    Program {
        /// The program, which must be rawsock itself.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A host's process could not be started.
    #[error("start the lab's {role}: {}", Cause(source))]
    Start {
        /// Which process.
        role: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Another process of the lab could not do its part. The reason is the text of its own error.
    #[error("make the lab: {reason}")]
    Making {
        /// What it said, in one line.
        reason: String,
    },
    /// A process of the lab ended before it was ready, without saying why.
    #[error(
        "make the lab: its {role} ended before it was ready, without a reason; is the program that was run another one?"
    )]
    Silent {
        /// Which process.
        role: &'static str,
    },
    /// A namespace could not be made or entered.
    #[error("{error}{hint}", error = .0, hint = sudo_hint(.0))]
    Namespace(#[from] NamespaceError),
    /// Capabilities could not be handed to the command.
    #[error(transparent)]
    Capability(#[from] CapabilityError),
    /// The network could not be set up.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// A file system could not be mounted.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// A setting of the kernel could not be changed.
    #[error("write {value:?} to {}: {}; a container that mounts /proc/sys read-only must be started with `--privileged`", path.display(), Cause(source))]
    Setting {
        /// The file under `/proc/sys`.
        path: PathBuf,
        /// What should have been written.
        value: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the lab's own could not be written.
    #[error("write the lab's own {}: {}", path.display(), Cause(source))]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Checksums could not be taken from the (virtual) hardware.
    #[error("have checksums on {interface} computed in software: {}", Cause(source))]
    Offload {
        /// The interface.
        interface: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A cable did not come to carry.
    #[error("wait for the cable at {interface} of {host} to carry: nothing came of it")]
    Slow {
        /// The host.
        host: Host,
        /// Its interface.
        interface: &'static str,
    },
    /// The echo service could not listen.
    #[error("listen for the echo service on {address}: {}", Cause(source))]
    Echo {
        /// Address and port.
        address: std::net::SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A case needs nft(8).
    #[error(
        "the case's rules are given to the kernel by the program nft, which is not installed; its package is nftables: `sudo apt install nftables`, `sudo dnf install nftables`"
    )]
    NoNft,
    /// Rules of a case were not taken.
    #[error("give the {host} the case's rules by nft, which says: {said}")]
    Rules {
        /// The host.
        host: Host,
        /// What nft said.
        said: String,
    },
    /// The command could not be run.
    #[error("run {} in the lab: {}", program.display(), Cause(source))]
    Run {
        /// The command.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn sudo_hint(error: &NamespaceError) -> &'static str {
    match error {
        NamespaceError::UserForbidden { .. } => "; under sudo the lab works anyway",
        _ => "",
    }
}

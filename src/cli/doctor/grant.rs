//! How this program can be given CAP_NET_RAW here: the command depends on what would make it useless.

use std::path::{Path, PathBuf};

use crate::sys::capability::{self, Capability};
use crate::sys::program_file::{Carries, carries_capabilities};

/// What the command depends on.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The program's own file.
    pub(super) program: PathBuf,
    /// Whether the file can carry capabilities.
    pub(super) carries: Carries,
    /// Whether any program that is run from here can have it at all; containers are often started without.
    pub(super) within_bounds: bool,
    /// Whether programs can gain rights by being run; sandboxes forbid it.
    pub(super) can_gain: bool,
}

impl Facts {
    pub(super) fn of_this_process(program: PathBuf) -> Self {
        Self {
            // A file that is not there any more can be given nothing; the command will say so.
            carries: carries_capabilities(&program).unwrap_or(Carries::Yes),
            within_bounds: capability::is_within_bounds(Capability::NetRaw),
            can_gain: capability::can_be_gained(),
            program,
        }
    }
}

/// The command that grants the right.
pub(super) fn remedy(facts: &Facts) -> String {
    let program = quoted(&facts.program);
    if !facts.within_bounds {
        return "docker run --cap-add NET_RAW ...    # this container was started without the right"
            .to_owned();
    }
    if !facts.can_gain {
        return "docker run ...    # without --security-opt no-new-privileges; systemd: NoNewPrivileges=no"
            .to_owned();
    }
    let why_elsewhere = match facts.carries {
        Carries::Yes => return format!("sudo setcap cap_net_raw,cap_net_admin+p {program}"),
        Carries::MountedNosuid => "its own file system is mounted nosuid",
        Carries::NotOnThisFileSystem => "its own file system cannot hold capabilities",
    };
    format!(
        "sudo install -m 755 {program} {ELSEWHERE} && sudo setcap cap_net_raw,cap_net_admin+p {ELSEWHERE}    # {why_elsewhere}"
    )
}

/// A path as a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+:@%".contains(letter);
    if text.chars().all(plain) { text.into_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Where programs of the machine's own are, on a file system that carries capabilities.
const ELSEWHERE: &str = "/usr/local/bin/rawsock";

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts { program: "/opt/rawsock".into(), carries: Carries::Yes, within_bounds: true, can_gain: true }
    }

    #[test]
    fn the_command_fits_the_case() {
        assert_eq!(remedy(&facts()), "sudo setcap cap_net_raw,cap_net_admin+p /opt/rawsock");
        let nosuid = remedy(&Facts { carries: Carries::MountedNosuid, ..facts() });
        assert!(
            nosuid.starts_with("sudo install -m 755 /opt/rawsock /usr/local/bin/rawsock && "),
            "{nosuid}"
        );
        assert!(nosuid.contains("nosuid"));
        assert!(remedy(&Facts { within_bounds: false, ..facts() }).contains("--cap-add NET_RAW"));
        assert!(remedy(&Facts { can_gain: false, ..facts() }).contains("no-new-privileges"));
    }

    #[test]
    fn a_path_stays_one_word() {
        assert_eq!(quoted(Path::new("/home/me/my tools/it's")), r"'/home/me/my tools/it'\''s'");
    }
}

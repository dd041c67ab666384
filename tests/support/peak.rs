//! How much memory a program has at most, by what the kernel says of it when it has ended (wait4(2)), or this one had until now.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::RAWSOCK;

/// A command of which the peak is measured.
pub(crate) struct Measured {
    folder: TempDir,
}

impl Measured {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("peak")
    }

    /// What stands before the arguments of rawsock.
    pub(crate) fn around(&self) -> Vec<String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/peak.py");
        ["python3", "-I", "-S", script, self.file().to_str().unwrap(), RAWSOCK].map(str::to_owned).to_vec()
    }

    /// A command that runs rawsock here.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let around = self.around();
        let mut command = Command::new(&around[0]);
        command.args(&around[1..]).args(arguments);
        command
    }

    /// The peak of the command that ended, in kB.
    pub(crate) fn peak(&self) -> u64 {
        let text = fs::read_to_string(self.file()).unwrap();
        text.parse().unwrap_or_else(|_| panic!("no peak: {text}"))
    }
}

/// The most memory that this process has had, in kB.
pub(crate) fn of_this_process() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

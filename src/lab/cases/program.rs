//! nft(8), which reads rules as people write them: what is shown to whoever learns is what the kernel gets.

use std::env;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::{Host, LabError};

/// Gives rules to the present network namespace.
///
/// # Errors
/// [`LabError::NoNft`] when it is not installed, [`LabError::Rules`] with what it said when it did not take them.
pub(super) fn nft(host: Host, rules: &str) -> Result<(), LabError> {
    let program = find(env::var_os("PATH").as_deref()).ok_or(LabError::NoNft)?;
    let failed = |source| LabError::Run { program: program.clone(), source };
    let mut command = Command::new(&program);
    command.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        // Whoever ends before it has read all says why at its end.
        let _ = input.write_all(rules.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    match output.status.success() {
        true => Ok(()),
        false => {
            Err(LabError::Rules { host, said: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
        }
    }
}

/// Where it is: users who are not root often have no `sbin` in their PATH.
fn find(path: Option<&OsStr>) -> Option<PathBuf> {
    let mut directories: Vec<PathBuf> = path.map(|path| env::split_paths(path).collect()).unwrap_or_default();
    directories.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    directories.into_iter().map(|directory| directory.join("nft")).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_a_file_that_may_be_run() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("nft");
        std::fs::write(&file, "").unwrap();
        assert_ne!(find(Some(directory.path().as_os_str())).as_deref(), Some(file.as_path()));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find(Some(directory.path().as_os_str())), Some(file));
    }
}

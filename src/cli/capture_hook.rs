//! The program that is run for each file that a capture has ended (`-z`).

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::show::text::printable;

/// A program and its first arguments; the file's name comes last. It is run beside the capture, and not by a shell, so that
/// no name of a file is ever read as a command.
#[derive(Debug)]
pub(super) struct Hook {
    program: String,
    arguments: Vec<String>,
    running: Vec<(PathBuf, Child)>,
}

impl Hook {
    /// The hook of these words.
    ///
    /// # Errors
    /// When there is no such program: that is better known now than when the first file is full.
    pub(super) fn new(words: &str) -> Result<Self, String> {
        let mut words = words.split_whitespace().map(str::to_owned);
        let program = words.next().ok_or("-z needs a program")?;
        if !is_found(&program) {
            return Err(format!("-z: there is no program {}", printable(&program)));
        }
        Ok(Self { program, arguments: words.collect(), running: Vec::new() })
    }

    /// Runs it for a file. What goes wrong is said, and the capture goes on: its packets do not come again.
    pub(super) fn run(&mut self, path: &Path) {
        let program = &self.program;
        self.running.retain_mut(|(path, child)| match child.try_wait() {
            Ok(Some(status)) => {
                report(program, path, status);
                false
            }
            _ => true,
        });
        // Stdout may be the capture itself.
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .arg(path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        match child {
            Ok(child) => self.running.push((path.to_owned(), child)),
            Err(error) => {
                anstream::eprintln!("rawsock: run {} for {}: {error}", printable(&self.program), shown(path));
            }
        }
    }

    /// Waits for those that still run.
    pub(super) fn wait(&mut self) {
        for (path, mut child) in self.running.drain(..) {
            if let Ok(status) = child.wait() {
                report(&self.program, &path, status);
            }
        }
    }
}

fn report(program: &str, path: &Path, status: ExitStatus) {
    if !status.success() {
        anstream::eprintln!("rawsock: {} for {} failed: {status}", printable(program), shown(path));
    }
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// Whether execvp(3) would find it: a name with a slash is a path, any other is looked for in PATH.
fn is_found(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).is_file();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_looked_for() {
        assert!(Hook::new("sh -c true").is_ok());
        assert!(Hook::new("/bin/sh").is_ok());
        assert_eq!(Hook::new("/bin/no-such").unwrap_err(), "-z: there is no program /bin/no-such");
        assert_eq!(Hook::new("no-such\u{1b} x").unwrap_err(), "-z: there is no program no-such\\u{1b}");
        assert_eq!(Hook::new("  ").unwrap_err(), "-z needs a program");
    }
}

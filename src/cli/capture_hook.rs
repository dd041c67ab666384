//! The program that is run for each file that a capture has ended (`-z`).
//!
//! A capture gives up the right to run programs before it takes a packet. So a process of its own, split off before that, runs them:
//! it reads nothing but the names of files, from the capture through a pipe, and ends when the capture closes that.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::sandbox;
use super::system_program::find;
use crate::show::text::printable;
use crate::sys::process;

/// A program and its first arguments; the file's name comes last. It is run beside the capture, and not by a shell, so that
/// no name of a file is ever read as a command.
#[derive(Debug)]
pub(super) struct Hook {
    /// To the process that runs it.
    names: File,
    runner: u32,
}

impl Hook {
    /// The hook of these words. It must be made before any thread is started.
    ///
    /// # Errors
    /// When there is no such program, which is better known now than when the first file is full, or no room for a process.
    pub(super) fn new(words: &str) -> Result<Self, String> {
        let mut words = words.split_whitespace().map(str::to_owned);
        let program = words.next().ok_or("-z needs a program")?;
        let Some(path) = find(&program) else {
            return Err(format!("-z: there is no program {}", printable(&program)));
        };
        let runner = Runner { program, path, arguments: words.collect(), running: Vec::new() };
        let failed = |error: io::Error| format!("-z: run programs by a process of its own: {error}");
        let (names, ours) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
            .map_err(|error| failed(error.into()))?;
        let (names, ours) = (File::from(names), File::from(ours));
        // The child has both ends: its own of the writing side would keep the pipe open for ever.
        let mut ours = Some(ours);
        let pid = process::split_off(|| {
            drop(ours.take());
            runner.run(names)
        });
        let pid = pid.map_err(failed)?;
        ours.map(|names| Self { names, runner: pid }).ok_or_else(|| "-z: there is no pipe".to_owned())
    }

    /// Runs it for a file. What goes wrong is said, and the capture goes on: its packets do not come again.
    pub(super) fn run(&mut self, path: &Path) {
        let name = path.as_os_str().as_bytes();
        let len = u32::try_from(name.len()).unwrap_or(u32::MAX).to_ne_bytes();
        let sent = self.names.write_all(&[&len, name].concat());
        if let Err(error) = sent {
            anstream::eprintln!("rawsock: run the program of -z for {}: {error}", shown(path));
        }
    }

    /// Waits for those that still run.
    pub(super) fn wait(self) {
        drop(self.names);
        // What went wrong was said where it happened.
        let _ = process::bury(self.runner);
    }
}

/// The process that runs the program.
struct Runner {
    program: String,
    path: PathBuf,
    arguments: Vec<String>,
    running: Vec<(PathBuf, Child)>,
}

impl Runner {
    /// Runs it for each name that comes, until no more come; then waits for those that still run. Gives an exit code.
    fn run(mut self, mut names: File) -> u8 {
        // Ctrl-C is for the capture, which ends in order, and the last file is to be packed all the same.
        process::ignore_interrupts();
        if let Err(error) = sandbox::give_up_rights() {
            anstream::eprintln!("rawsock: -z: {error}");
            return 2;
        }
        while let Ok(Some(path)) = next(&mut names) {
            self.begin(path);
        }
        for (path, mut child) in self.running.drain(..) {
            if let Ok(status) = child.wait() {
                report(&self.program, &path, status);
            }
        }
        0
    }

    fn begin(&mut self, path: PathBuf) {
        let program = &self.program;
        self.running.retain_mut(|(path, child)| match child.try_wait() {
            Ok(Some(status)) => {
                report(program, path, status);
                false
            }
            _ => true,
        });
        // Stdout may be the capture itself: what it prints goes to stderr.
        let child = Command::new(&self.path)
            .args(&self.arguments)
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(io::stderr())
            .spawn();
        match child {
            Ok(child) => self.running.push((path, child)),
            Err(error) => {
                anstream::eprintln!("rawsock: run {} for {}: {error}", printable(program), shown(&path))
            }
        }
    }
}

/// The next name: its length in octets, and the octets.
fn next(names: &mut File) -> io::Result<Option<PathBuf>> {
    let mut len = [0; 4];
    match names.read_exact(&mut len) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let len = usize::try_from(u32::from_ne_bytes(len)).unwrap_or(usize::MAX).min(LONGEST_NAME);
    let mut name = vec![0; len];
    names.read_exact(&mut name)?;
    Ok(Some(PathBuf::from(std::ffi::OsString::from_vec(name))))
}

/// PATH_MAX in limits.h(0p), on Linux.
const LONGEST_NAME: usize = 4096;

fn report(program: &str, path: &Path, status: ExitStatus) {
    if !status.success() {
        anstream::eprintln!("rawsock: {} for {} failed: {status}", printable(program), shown(path));
    }
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_looked_for() {
        assert_eq!(Hook::new("/bin/no-such").unwrap_err(), "-z: there is no program /bin/no-such");
        assert_eq!(Hook::new("no-such\u{1b} x").unwrap_err(), "-z: there is no program no-such\\u{1b}");
        assert_eq!(Hook::new("  ").unwrap_err(), "-z needs a program");
    }
}

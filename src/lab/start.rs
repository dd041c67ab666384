//! The lab, seen from the program that uses it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::sys::namespace::{self, Identity};

use super::report::{self, Report};
use super::{Case, Host, LabError, plan};

/// What the lab needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabOptions {
    /// The rawsock program, which the lab runs again for its own processes. A program that has several threads can make
    /// no user namespace, so that the lab is made by others in its place.
    pub program: PathBuf,
    /// What the user is called inside, where it takes a user namespace to make the lab.
    pub identity: Identity,
    /// What is not as it should be in the lab.
    pub case: Option<&'static Case>,
}

impl LabOptions {
    /// The lab that is made by running `program`, in which the user stays who it is.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), identity: Identity::Myself, case: None }
    }
}

/// A running lab. Dropping it takes it down; so does the end of this program, however it comes.
#[derive(Debug)]
pub struct Lab {
    program: PathBuf,
    /// Its standard input is the lifeline: nothing is ever written to it.
    holder: Child,
    /// The hosts, and a process of each.
    hosts: Vec<(Host, u32)>,
}

impl Lab {
    /// Makes the network and waits until the server answers.
    ///
    /// ```no_run
    /// use rawsock::lab::{Host, Lab, LabOptions};
    ///
    /// let lab = Lab::start(&LabOptions::new("/usr/bin/rawsock"))?;
    /// let status = lab.command(Host::Client, "ping").args(["-c1", "server"]).status();
    /// # Ok::<(), rawsock::lab::LabError>(())
    /// ```
    ///
    /// # Errors
    /// [`LabError::Making`] with the reason, such as the setting that forbids user namespaces; [`LabError::Program`] and
    /// [`LabError::Silent`] when the program cannot be run or is another one.
    pub fn start(options: &LabOptions) -> Result<Self, LabError> {
        let program = options.program.clone();
        let mut command = Command::new(&program);
        command.args(["lab-host", "hold"]);
        if options.identity == Identity::Root {
            command.arg("--root");
        }
        if let Some(case) = options.case {
            command.args(["--case", case.name]);
        }
        // A group of its own, so that Ctrl-C at the terminal ends the command in the lab, and not the lab under it. The
        // root directory, so that the lab keeps no file system busy.
        command.process_group(0).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        let started = command.spawn();
        let mut holder = started.map_err(|source| LabError::Program { program: program.clone(), source })?;
        let expected = options.case.map_or(&plan::SHORT, |case| case.plan).hosts;
        match read_report(&mut holder, expected) {
            Ok(hosts) => Ok(Self { program, holder, hosts }),
            Err(error) => {
                take_down(&mut holder);
                Err(error)
            }
        }
    }

    /// A command that runs on a host of the lab. Its exit status is passed through; a signal sent to it reaches the
    /// program, and killing it kills the program. On a host that this lab does not have, it fails.
    pub fn command(&self, host: Host, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["lab-host", "enter", &self.pid(host).unwrap_or_default().to_string(), "--"])
            .arg(program);
        command
    }

    /// The hosts that this lab has, from left to right.
    pub fn hosts(&self) -> impl Iterator<Item = Host> {
        self.hosts.iter().map(|(host, _)| *host)
    }

    /// A process that lives in the host's namespaces as long as the lab lives; `None` where the lab has no such host.
    pub fn pid(&self, host: Host) -> Option<u32> {
        self.hosts.iter().find(|(own, _)| *own == host).map(|(_, pid)| *pid)
    }

    /// A descriptor of a host's network namespace. It keeps the namespace alive, but not the lab's cables and services.
    ///
    /// # Errors
    /// [`LabError::Namespace`] when the lab is gone already, or has no such host.
    pub fn netns_fd(&self, host: Host) -> Result<OwnedFd, LabError> {
        Ok(namespace::open_network(Some(self.pid(host).unwrap_or_default()))?)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        take_down(&mut self.holder);
    }
}

/// Cuts the lifeline and waits until every process of the lab is gone.
fn take_down(holder: &mut Child) {
    drop(holder.stdin.take());
    let _ = holder.wait();
}

fn read_report(holder: &mut Child, hosts: &[Host]) -> Result<Vec<(Host, u32)>, LabError> {
    let mut line = String::new();
    if let Some(output) = holder.stdout.take() {
        // What cannot be read is as good as silence.
        let _ = BufReader::new(output).read_line(&mut line);
    }
    match report::read(&line) {
        Some(Report::Lab(pids)) if pids.len() == hosts.len() => Ok(hosts.iter().copied().zip(pids).collect()),
        Some(Report::Failure(reason)) => Err(LabError::Making { reason }),
        _ => Err(LabError::Silent { role: "holder" }),
    }
}

//! Commands that run, and what `/proc` says of their threads.

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

/// A process, and all that it started, ended with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What `/proc/PID/task/*/status` says, one line a thread.
pub(crate) fn threads_of(pid: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    let status =
        |task: std::io::Result<fs::DirEntry>| fs::read_to_string(task.ok()?.path().join("status")).ok();
    tasks.filter_map(status).collect()
}

/// A process that the lab started and those that it has, of which one runs the command.
pub(crate) fn running(pid: u32, command: &str) -> Option<u32> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = line.split(|octet| *octet == 0);
    if words.nth(1) == Some(command.as_bytes()) {
        return Some(pid);
    }
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.split_whitespace().find_map(|child| running(child.parse().ok()?, command))
}

pub(crate) fn field<'s>(status: &'s str, name: &str) -> &'s str {
    let line = status.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap_or_default();
    line.split_once(':').map_or("", |(_, value)| value.trim())
}

/// Waits until every thread of a command has entered, and gives what the kernel says of them.
pub(crate) fn entered(pid: u32, command: &str) -> Vec<String> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let threads = running(pid, command).map(threads_of).unwrap_or_default();
        if !threads.is_empty() && threads.iter().all(|status| field(status, "Seccomp_filters") == "1") {
            return threads;
        }
        assert!(Instant::now() < until, "{command} has not entered a sandbox: {threads:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn assert_has_nothing(status: &str, what: &str) {
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(field(status, set), "0000000000000000", "{what}: {set}\n{status}");
    }
    assert_eq!(field(status, "NoNewPrivs"), "1", "{what}");
    assert_eq!(field(status, "Seccomp"), "2", "{what}");
}

/// Waits until a program that was started catches a signal, or holds it back: on a busy machine that may be long after its start.
pub(crate) fn waits_for(signal: i32, pid: u32) {
    let mask = |line: &str| {
        let (name, digits) = line.split_once(':')?;
        let is_one = name == "SigCgt" || name == "SigBlk";
        u64::from_str_radix(digits.trim(), 16).ok().filter(|_| is_one)
    };
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let status = in_the_lab(pid).map(|pid| fs::read_to_string(format!("/proc/{pid}/status")));
        let status = status.and_then(Result::ok).unwrap_or_default();
        // The first signal has the first bit (proc_pid_status(5)).
        if status.lines().filter_map(mask).any(|mask| mask & 1 << (signal - 1) != 0) {
            return;
        }
        assert!(Instant::now() < until, "{pid} does not wait for signal {signal}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The program itself, where another one stands in for it that has entered a host of the lab; `None` while that one has not begun it.
fn in_the_lab(pid: u32) -> Option<u32> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    if line.split(|octet| *octet == 0).nth(1) != Some(b"lab-host") {
        return Some(pid);
    }
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    in_the_lab(children.split_whitespace().next()?.parse().ok()?)
}

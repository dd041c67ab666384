//! Processes: children that do not outlive their parent, and an end that says which signal it was.

use std::fs;
use std::io::{self, Write};
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::panic::{self, AssertUnwindSafe};
use std::process::Command;

use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitOptions, getrlimit, kill_process, set_parent_process_death_signal,
    setrlimit,
};

/// Has the kernel kill the command's process when the thread that starts it ends, however that happens
/// (PR_SET_PDEATHSIG in prctl(2)). The kernel forgets it when the command runs a program with other credentials.
pub fn die_with_parent(command: &mut Command) -> &mut Command {
    let set = || Ok(set_parent_process_death_signal(Some(Signal::KILL))?);
    // SAFETY: between fork and exec only async-signal-safe calls are allowed (signal-safety(7)); `set` makes one system
    // call, and allocates nothing.
    unsafe { command.pre_exec(set) }
}

/// Has the kernel kill this process when the thread that started it ends.
pub fn die_with_present_parent() {
    // Refused only for numbers that are no signals.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
}

/// Has whatever is printed to stdout from now on go to stderr. Who has a descriptor of stdout of its own writes there on.
///
/// # Errors
/// When what was printed before cannot be written.
pub fn print_to_stderr() -> io::Result<()> {
    io::stdout().flush()?;
    // SAFETY: both are numbers of descriptors; nobody owns stdout's, which std takes to be there always.
    match unsafe { libc::dup2(libc::STDERR_FILENO, libc::STDOUT_FILENO) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Splits off a child process, which runs `child` and ends with the exit code that it returns. Gives the child's process
/// number.
///
/// # Errors
/// When this process has several threads, or the system has no room for another process.
pub fn split_off(child: impl FnOnce() -> u8) -> io::Result<u32> {
    if fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other("a process with several threads cannot be split"));
    }
    // SAFETY: with a single thread, nothing of this process is in use by anybody else at this moment, such as the
    // allocator's lock, so that the child finds all of it whole (fork(2)).
    match unsafe { libc::fork() } {
        0 => {
            // A panic must not unwind into what only the parent should go on with.
            let code = panic::catch_unwind(AssertUnwindSafe(child)).unwrap_or(PANICKED);
            std::process::exit(code.into())
        }
        pid => u32::try_from(pid).map_err(|_| io::Error::last_os_error()),
    }
}

/// Closes all descriptors but the three standard ones and these. For a process that was split off, and uses no others of the copies
/// that it got.
///
/// # Errors
/// When they cannot be listed.
pub(super) fn keep_only_descriptors(kept: &[RawFd]) -> io::Result<()> {
    let names = fs::read_dir("/proc/self/fd")?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let open: Vec<RawFd> = names.filter_map(|name| name.parse().ok()).collect();
    for descriptor in open {
        if descriptor > libc::STDERR_FILENO && !kept.contains(&descriptor) {
            // SAFETY: it takes a number. Whoever owns it is in a frame of the parent that this process never comes back to; that of
            // the folder is closed already, which is an error and nothing else.
            unsafe { libc::close(descriptor) };
        }
    }
    Ok(())
}

/// This process's user: the number by which its user namespace knows it.
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// This process's group: the number by which its user namespace knows it.
pub fn group() -> u32 {
    rustix::process::getegid().as_raw()
}

/// How many files and sockets this process may have open (RLIMIT_NOFILE in getrlimit(2)).
pub fn most_descriptors() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Has this process have so many files and sockets open, or as many as it may allow itself (the hard limit in getrlimit(2)), where it
/// may have fewer. Many systems begin with 1024, for programs that use select(2), of which this is none.
pub fn allow_descriptors(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.map_or(wanted, |most| most.min(wanted));
    if limit.current.is_some_and(|present| present < allowed) {
        // Where it is refused, there are fewer.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), ..limit });
    }
}

/// Has the kernel bury this process's dead children, so that nobody must wait for them (SIGCHLD in wait(2)).
pub fn leave_children_unburied_to_the_kernel() {
    // SAFETY: SIG_IGN runs no code.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}

/// Has Ctrl-C, a hang-up of the terminal and requests to end pass this process by, and the programs that it runs.
pub fn ignore_interrupts() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
        // SAFETY: SIG_IGN runs no code.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Waits until this process has no children any more, in whatever order they end.
pub fn bury_all_children() {
    while !matches!(rustix::process::wait(WaitOptions::empty()), Err(rustix::io::Errno::CHILD)) {}
}

/// Waits until a child ends, and gives its exit code.
///
/// # Errors
/// When there is no such child, or a signal ended it.
pub fn bury(pid: u32) -> io::Result<u8> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let ended = rustix::process::waitpid(pid, WaitOptions::empty())?;
    let code = ended.and_then(|(_, status)| status.exit_status()).and_then(|code| u8::try_from(code).ok());
    code.ok_or_else(|| io::Error::other("the process was ended by a signal"))
}

/// Sends a signal to a process.
///
/// # Errors
/// When the process is gone, or belongs to someone else, or there is no such signal.
pub fn send_signal(pid: u32, signal: i32) -> io::Result<()> {
    let invalid = || io::Error::from_raw_os_error(libc::EINVAL);
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(invalid)?;
    Ok(kill_process(pid, Signal::from_named_raw(signal).ok_or_else(invalid)?)?)
}

/// Ends this process by a signal, without a core file, so that whoever waits for it sees which one it was. Returns when
/// the signal does not end a process.
pub fn die_by(signal: i32) {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: None });
    end_by(signal);
}

/// Ends this process by a signal, also from within a handler: it makes async-signal-safe calls alone (signal-safety(7)), and none that a
/// sandbox lacks. Returns when the signal does not end a process.
pub fn end_by(signal: i32) {
    // SAFETY: SIG_DFL runs no code, the set is initialised by sigemptyset before it is read, and all pointers are to
    // locals that outlive the calls.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
    }
    let _ = send_to_self(signal);
}

/// Stops this process as ^Z does, until somebody has it go on (SIGCONT). It goes on at once where no shell could do that: the kernel
/// stops no process of an orphaned group by this signal (POSIX, General Terminal Interface, Process Groups).
///
/// # Errors
/// When the system does not send the signal.
pub fn stop() -> io::Result<()> {
    send_to_self(libc::SIGTSTP)
}

/// Sends a signal to this thread. Not by raise(3), which is tkill(2) in musl: that names no process, so that a sandbox could not tell
/// whom it is for.
fn send_to_self(signal: i32) -> io::Result<()> {
    // SAFETY: the calls take numbers alone.
    let sent = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), libc::gettid(), signal) };
    if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The exit code that Rust programs end with when they panic.
const PANICKED: u8 = 101;

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn a_signal_reaches_the_process_that_it_was_sent_to() {
        let mut child = die_with_parent(Command::new("sleep").arg("60")).spawn().unwrap();
        send_signal(child.id(), libc::SIGTERM).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGTERM));
    }

    #[test]
    fn a_child_dies_with_the_thread_that_started_it() {
        let spawn = || die_with_parent(Command::new("sleep").arg("60")).spawn().unwrap();
        let mut child = std::thread::spawn(spawn).join().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    }

    #[test]
    fn a_process_with_several_threads_is_not_split() {
        let other = std::thread::spawn(std::thread::park);
        assert!(split_off(|| 0).is_err());
        other.thread().unpark();
        other.join().unwrap();
    }

    #[test]
    fn no_process_and_no_signal_are_errors() {
        assert!(send_signal(u32::MAX, libc::SIGTERM).is_err());
        assert!(send_signal(std::process::id(), 12_345).is_err());
    }
}

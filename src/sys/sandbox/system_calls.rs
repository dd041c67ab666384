//! Which system calls are made for what. A command says what it does; what it does not say, the kernel does not let it do.
//!
//! Where a call can do more than is needed, an argument is looked at: numbers and flags can be, what stands in memory cannot
//! (seccomp(2)), so that an address or a path is nothing for a filter; paths are Landlock's.

use super::system_call::{Call, When};

/// What a command does after it has entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Starts threads.
    Threads,
    /// Opens files to read them, as far as Landlock lets it.
    ReadFiles,
    /// Makes, writes and removes files, as far as Landlock lets it.
    WriteFiles,
    /// Sends and receives by sockets that are open.
    Traffic,
    /// Opens plain IPv4 and IPv6 sockets, names and connects them.
    Connect,
    /// Takes connections by a socket that listens.
    Accept,
    /// Asks the kernel for interfaces, addresses, routes and neighbours.
    Netlink,
    /// Asks the system's resolver for names: its files, and name servers.
    Names,
    /// The resolver loads modules, which are code, when they are needed (nss(5)).
    NameModules,
    /// The resolver asks daemons of this host.
    NameDaemons,
    /// Draws on the terminal and reads keys.
    Terminal,
    /// Waits for a process that it has split off before.
    Wait,
}

/// All calls of these, with those that every command makes.
pub(super) fn of(doings: &[Doing]) -> Vec<Call> {
    let mut calls = [BASE, ARCHITECTURE, QUESTIONS, NO_CHILDREN].concat();
    // A signal for itself is how a process dies of one: a panic in a destructor, the second Ctrl-C.
    calls.push(Call { number: libc::SYS_tgkill, name: "SYS_tgkill", when: When::Is(0, std::process::id()) });
    for doing in doings {
        calls.extend_from_slice(doing.calls());
    }
    if doings.contains(&Doing::WriteFiles) {
        calls.extend_from_slice(OLD_WRITES);
    }
    // Modules of the resolver are code: nobody else loads any.
    calls.extend_from_slice(MAPS_DATA);
    calls
}

impl Doing {
    fn calls(self) -> &'static [Call] {
        match self {
            Self::Threads => THREADS,
            Self::ReadFiles => READ_FILES,
            Self::WriteFiles => WRITE_FILES,
            Self::Traffic => TRAFFIC,
            Self::Connect => CONNECT,
            Self::Accept => ACCEPT,
            Self::Netlink => NETLINK,
            Self::Names => NAMES,
            Self::NameModules => NAME_MODULES,
            Self::NameDaemons => NAME_DAEMONS,
            Self::Terminal => TERMINAL,
            Self::Wait => WAIT,
        }
    }
}

/// What a call is called; nothing for one that is in no list here.
pub(super) fn name_of(number: i64) -> &'static str {
    let lists = [
        BASE,
        ARCHITECTURE,
        QUESTIONS,
        NO_CHILDREN,
        MAPS_DATA,
        THREADS,
        READ_FILES,
        WRITE_FILES,
        TRAFFIC,
        CONNECT,
        ACCEPT,
        NETLINK,
        NAMES,
        NAME_MODULES,
        NAME_DAEMONS,
        TERMINAL,
        WAIT,
        FORBIDDEN,
    ];
    let found = lists.iter().flat_map(|list| list.iter()).find(|call| call.number == number);
    found.and_then(|call| call.name.strip_prefix("SYS_")).unwrap_or("(`ausyscall NUMBER` tells its name)")
}

/// Calls with any arguments.
macro_rules! any {
    ($($call:ident)*) => {
        &[$(Call { number: libc::$call, name: stringify!($call), when: When::Always }),*]
    };
}

/// Calls with some arguments only.
macro_rules! some {
    ($($(#[$only:meta])* $call:ident: $when:expr;)*) => {
        &[$($(#[$only])* Call { number: libc::$call, name: stringify!($call), when: $when }),*]
    };
}

/// A socket of this family, type and protocol, whichever flags are with the type (socket(2)).
macro_rules! plain {
    ($family:ident, $kind:ident, $protocol:ident) => {
        When::Each(&[
            (0, ALL, libc::$family as u32),
            (1, TYPE, libc::$kind as u32),
            (2, ALL, libc::$protocol as u32),
        ])
    };
}

/// All bits, and those of the type of a socket (SOCK_TYPE_MASK in linux/net.h).
const ALL: u32 = u32::MAX;
const TYPE: u32 = 0xf;

/// What everything takes: descriptors that are open, memory, time, signals, locks, randomness, an end.
const BASE: &[Call] = any![
    SYS_read SYS_readv SYS_pread64 SYS_write SYS_writev SYS_pwrite64 SYS_lseek SYS_close SYS_fstat SYS_dup
    SYS_ftruncate SYS_fallocate SYS_fsync SYS_fdatasync SYS_flock
    SYS_ppoll SYS_pipe2 SYS_eventfd2
    // A signal wakes the program by a pair of sockets, which is written to so that it never waits.
    SYS_sendto SYS_recvfrom
    SYS_munmap SYS_mremap SYS_madvise SYS_brk SYS_futex SYS_membarrier
    SYS_clock_gettime SYS_clock_getres SYS_clock_nanosleep SYS_nanosleep SYS_gettimeofday
    SYS_rt_sigaction SYS_rt_sigprocmask SYS_rt_sigreturn SYS_sigaltstack SYS_restart_syscall
    SYS_getpid SYS_gettid SYS_getuid SYS_geteuid SYS_getgid SYS_getegid SYS_uname SYS_sysinfo SYS_getrusage
    SYS_sched_yield SYS_sched_getaffinity SYS_getrandom SYS_exit SYS_exit_group
    // Whether a path is there, and what it is, is asked in many ways; what is in it is another matter.
    SYS_newfstatat SYS_statx SYS_readlinkat SYS_faccessat SYS_faccessat2
];

/// Of calls that can do almost anything, the harmless part: descriptors by which threads wake each other; what a terminal is like,
/// whether a descriptor waits, how much is there (never TIOCSTI, which types for the user); what a thread and a mapping are called, and
/// how late a timer may be.
const QUESTIONS: &[Call] = some![
    // A pair of datagrams can be connected anew, to any daemon of this host (`unix_dgram_connect` in net/unix/af_unix.c).
    SYS_socketpair: When::Each(&[(0, ALL, libc::AF_UNIX as u32), (1, TYPE, libc::SOCK_STREAM as u32)]);
    // Copies, and whether to wait; never F_SETOWN and F_SETSIG, which have the kernel send signals to any process of the user.
    SYS_fcntl: When::Is(1, libc::F_DUPFD as u32);
    SYS_fcntl: When::Is(1, libc::F_DUPFD_CLOEXEC as u32);
    SYS_fcntl: When::Is(1, libc::F_GETFD as u32);
    SYS_fcntl: When::Is(1, libc::F_SETFD as u32);
    SYS_fcntl: When::Is(1, libc::F_GETFL as u32);
    SYS_fcntl: When::Is(1, libc::F_SETFL as u32);
    SYS_fcntl: When::Is(1, libc::F_GETPIPE_SZ as u32);
    // Limits of this process alone.
    SYS_prlimit64: When::Is(0, 0);
    SYS_ioctl: When::Is(1, libc::TCGETS as u32);
    SYS_ioctl: When::Is(1, libc::TCGETS2 as u32);
    SYS_ioctl: When::Is(1, libc::TIOCGWINSZ as u32);
    SYS_ioctl: When::Is(1, libc::FIONREAD as u32);
    SYS_ioctl: When::Is(1, libc::FIONBIO as u32);
    SYS_ioctl: When::Is(1, libc::FIOCLEX as u32);
    SYS_ioctl: When::Is(1, libc::TIOCOUTQ as u32);
    SYS_ioctl: When::Is(1, libc::SIOCGIFINDEX as u32);
    SYS_ioctl: When::Is(1, libc::SIOCGIFNAME as u32);
    SYS_prctl: When::Is(0, libc::PR_SET_NAME as u32);
    SYS_prctl: When::Is(0, libc::PR_GET_NAME as u32);
    SYS_prctl: When::Is(0, libc::PR_SET_VMA as u32);
    SYS_prctl: When::Is(0, libc::PR_SET_TIMERSLACK as u32);
];

/// What is called otherwise on the architectures that are older than the common list (include/uapi/asm-generic/unistd.h).
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: &[Call] = any![
    SYS_poll SYS_pipe SYS_stat SYS_lstat SYS_access SYS_readlink SYS_arch_prctl SYS_time SYS_epoll_wait
];
#[cfg(not(target_arch = "x86_64"))]
const ARCHITECTURE: &[Call] = &[];

/// Memory that is no code.
const MAPS_DATA: &[Call] = some![
    SYS_mmap: When::Has(2, PROT_EXEC, 0);
    SYS_mprotect: When::Has(2, PROT_EXEC, 0);
];

const PROT_EXEC: u32 = libc::PROT_EXEC as u32;

/// What makes threads and processes, where it is not allowed, is refused. The C library holds all signals back around it, so that a
/// process would die of it without a word: whoever wanted a thread says better that there is none.
const NO_CHILDREN: &[Call] = some![
    SYS_clone: When::Refused;
    // Its flags are in memory, where no filter sees them. Callers know how to go on where it is not there: by clone(2).
    SYS_clone3: When::Unknown;
];

/// Threads, and no processes.
const THREADS: &[Call] = some![
    SYS_clone: When::Has(0, CLONE_THREAD, CLONE_THREAD);
    SYS_set_robust_list: When::Always;
    SYS_rseq: When::Always;
];

const CLONE_THREAD: u32 = libc::CLONE_THREAD as u32;

/// Reading alone: no access mode but O_RDONLY (open(2)), and nothing made, emptied or linked.
const READ_FILES: &[Call] = &[
    Call { number: libc::SYS_openat, name: "SYS_openat", when: When::Has(2, WRITES, 0) },
    #[cfg(target_arch = "x86_64")]
    Call { number: libc::SYS_open, name: "SYS_open", when: When::Has(1, WRITES, 0) },
    Call { number: libc::SYS_getdents64, name: "SYS_getdents64", when: When::Always },
    Call { number: libc::SYS_fadvise64, name: "SYS_fadvise64", when: When::Always },
];

/// Flags of open(2) that do more than read.
const WRITES: u32 = (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC) as u32;

#[cfg(target_arch = "x86_64")]
const OLD_WRITES: &[Call] = any![SYS_open SYS_unlink SYS_rename SYS_renameat];
#[cfg(target_arch = "aarch64")]
const OLD_WRITES: &[Call] = any![SYS_renameat];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const OLD_WRITES: &[Call] = &[];

const WRITE_FILES: &[Call] = any![
    SYS_openat SYS_unlinkat SYS_renameat2 SYS_fchown SYS_getdents64
];

const TRAFFIC: &[Call] = any![
    SYS_sendto SYS_sendmsg SYS_sendmmsg SYS_recvfrom SYS_recvmsg SYS_recvmmsg SYS_setsockopt SYS_getsockopt SYS_getsockname
    SYS_getpeername SYS_shutdown SYS_bind
];

/// Plain sockets: streams and datagrams, of TCP and UDP; others have the kernel load modules that nobody looks after (`inet_create` in
/// net/ipv4/af_inet.c).
const CONNECT: &[Call] = some![
    SYS_socket: plain!(AF_INET, SOCK_STREAM, IPPROTO_IP);
    SYS_socket: plain!(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    SYS_socket: plain!(AF_INET, SOCK_DGRAM, IPPROTO_IP);
    SYS_socket: plain!(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    SYS_socket: plain!(AF_INET6, SOCK_STREAM, IPPROTO_IP);
    SYS_socket: plain!(AF_INET6, SOCK_STREAM, IPPROTO_TCP);
    SYS_socket: plain!(AF_INET6, SOCK_DGRAM, IPPROTO_IP);
    SYS_socket: plain!(AF_INET6, SOCK_DGRAM, IPPROTO_UDP);
    SYS_connect: When::Always;
    SYS_bind: When::Always;
];

const ACCEPT: &[Call] = any![
    SYS_accept4 SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2 SYS_timerfd_create SYS_timerfd_settime
];

const NETLINK: &[Call] = &[
    // Interfaces, addresses, routes and neighbours; not sockets of others (NETLINK_SOCK_DIAG), nor firewalls and adapters.
    Call {
        number: libc::SYS_socket,
        name: "SYS_socket",
        when: When::Each(&[(0, ALL, libc::AF_NETLINK as u32), (2, ALL, libc::NETLINK_ROUTE as u32)]),
    },
    Call { number: libc::SYS_connect, name: "SYS_connect", when: When::Always },
    Call { number: libc::SYS_bind, name: "SYS_bind", when: When::Always },
    Call { number: libc::SYS_sendto, name: "SYS_sendto", when: When::Always },
    Call { number: libc::SYS_sendmsg, name: "SYS_sendmsg", when: When::Always },
    Call { number: libc::SYS_recvfrom, name: "SYS_recvfrom", when: When::Always },
    Call { number: libc::SYS_recvmsg, name: "SYS_recvmsg", when: When::Always },
    Call { number: libc::SYS_setsockopt, name: "SYS_setsockopt", when: When::Always },
    Call { number: libc::SYS_getsockopt, name: "SYS_getsockopt", when: When::Always },
    Call { number: libc::SYS_getsockname, name: "SYS_getsockname", when: When::Always },
];

const NAMES: &[Call] = some![
    // A cache and modules that are not wanted are looked for all the same, and done without.
    SYS_socket: When::RefusedIf(0, libc::AF_UNIX as u32);
    SYS_mmap: When::Refused;
    SYS_mprotect: When::Refused;
    SYS_sendmmsg: When::Always;
    SYS_fstatfs: When::Always;
    // musl tells interfaces by their names with such a one (if_nametoindex(3)).
    #[cfg(target_env = "musl")]
    SYS_socket: When::Each(&[(0, ALL, libc::AF_UNIX as u32), (1, TYPE, libc::SOCK_DGRAM as u32)]);
];

const NAME_MODULES: &[Call] = any![SYS_mmap SYS_mprotect];

const NAME_DAEMONS: &[Call] = some![
    SYS_socket: When::Each(&[(0, ALL, libc::AF_UNIX as u32), (1, TYPE, libc::SOCK_STREAM as u32)]);
];

const TERMINAL: &[Call] = &[
    Call { number: libc::SYS_ioctl, name: "SYS_ioctl", when: When::Is(1, libc::TCSETS2 as u32) },
    Call { number: libc::SYS_ioctl, name: "SYS_ioctl", when: When::Is(1, libc::TCSETSW2 as u32) },
    Call { number: libc::SYS_ioctl, name: "SYS_ioctl", when: When::Is(1, libc::TCSETSF2 as u32) },
    Call { number: libc::SYS_ioctl, name: "SYS_ioctl", when: When::Is(1, libc::TCSETS as u32) },
    Call { number: libc::SYS_ioctl, name: "SYS_ioctl", when: When::Is(1, libc::TCSETSW as u32) },
    Call { number: libc::SYS_ioctl, name: "SYS_ioctl", when: When::Is(1, libc::TCSETSF as u32) },
    Call { number: libc::SYS_epoll_create1, name: "SYS_epoll_create1", when: When::Always },
    Call { number: libc::SYS_epoll_ctl, name: "SYS_epoll_ctl", when: When::Always },
    Call { number: libc::SYS_epoll_pwait, name: "SYS_epoll_pwait", when: When::Always },
];

const WAIT: &[Call] = any![SYS_wait4];

/// What somebody who got in would like to have, to be called by its name when it is tried.
const FORBIDDEN: &[Call] = any![
    SYS_execve SYS_execveat SYS_ptrace SYS_process_vm_readv SYS_process_vm_writev SYS_kill SYS_setuid SYS_setresuid SYS_setgid
    SYS_setfsuid SYS_capset SYS_unshare SYS_setns SYS_mount SYS_umount2 SYS_chroot SYS_pivot_root SYS_bpf SYS_keyctl SYS_add_key SYS_io_uring_setup
    SYS_userfaultfd SYS_perf_event_open SYS_init_module SYS_finit_module SYS_kexec_load SYS_reboot SYS_clock_settime SYS_memfd_create
    SYS_symlinkat SYS_mkdirat SYS_fchmodat SYS_setxattr SYS_listen SYS_accept SYS_personality SYS_setrlimit
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_have_names() {
        assert_eq!(name_of(libc::SYS_execve), "execve");
        assert_eq!(name_of(libc::SYS_openat), "openat");
        assert_eq!(name_of(libc::SYS_clone), "clone");
        assert!(name_of(1_000_000).contains("ausyscall"));
    }

    #[test]
    fn nobody_may_do_what_is_forbidden() {
        use Doing::*;
        let all = [Threads, ReadFiles, WriteFiles, Traffic, Connect, Accept, Netlink, Names, Terminal, Wait];
        let allowed = of(&all);
        for call in FORBIDDEN {
            assert!(!allowed.iter().any(|other| other.number == call.number), "{}", call.name);
        }
    }

    #[test]
    fn code_is_mapped_for_modules_of_the_resolver_alone() {
        let maps = |doings: &[Doing]| {
            of(doings)
                .into_iter()
                .filter(|call| call.number == libc::SYS_mmap)
                .map(|call| call.when)
                .collect::<Vec<_>>()
        };
        assert_eq!(maps(&[Doing::Traffic]), [When::Has(2, PROT_EXEC, 0)]);
        assert_eq!(maps(&[Doing::Names]), [When::Refused, When::Has(2, PROT_EXEC, 0)]);
        assert!(maps(&[Doing::Names, Doing::NameModules]).contains(&When::Always));
    }
}

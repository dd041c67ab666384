//! What commands can not do any more once they have entered, tried from inside, also where a layer of the sandbox is missing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs;
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rawsock::lab::Host;
use rawsock::sys::sandbox::{Doing, Sandbox};
use support::fault::{refusing, within};
use support::process_status::{Running, field, running, threads_of};
use support::{RAWSOCK, lab, run, text_of};

/// A capture that is there.
const CAPTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/dns.pcap");

/// Runs one of the tries below in a process of its own, and gives what became of it.
fn tried(what: &str) -> Output {
    tried_within(&[], what)
}

/// The same with something around it.
fn tried_within(around: &[String], what: &str) -> Output {
    let program = std::env::current_exe().unwrap().display().to_string();
    let all: Vec<&str> = around.iter().map(String::as_str).chain([program.as_str()]).collect();
    let mut command = Command::new(all[0]);
    command.args(&all[1..]);
    command.args(["--exact", "inside", "--nocapture", "--test-threads", "1"]).env(TRY, what);
    run(&mut command)
}

const TRY: &str = "RAWSOCK_TEST_TRY";

/// What is tried from inside. Without the variable nothing is: the other tests run this one with it.
#[test]
fn inside() {
    let Ok(what) = std::env::var(TRY) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (mine, other) = (folder.path().join("mine"), tempfile::tempdir().unwrap());
    fs::create_dir(&mine).unwrap();
    let sandbox = Sandbox {
        doings: match what.as_str() {
            // Of what is allowed elsewhere, only a part.
            "be without a daemon" => {
                vec![Doing::Names, Doing::ReadFiles, Doing::Connect, Doing::Netlink, Doing::Traffic]
            }
            "open a raw ICMP socket" | "open a socket of another protocol" | "list all sockets" => {
                vec![Doing::Connect, Doing::Netlink]
            }
            _ => vec![Doing::Traffic, Doing::ReadFiles, Doing::WriteFiles],
        },
        readable: vec![CAPTURE.into(), "/etc/hosts".into(), "/etc/nsswitch.conf".into()],
        writable: vec![mine.clone()],
        ..Sandbox::default()
    };
    let parent = std::os::unix::process::parent_id();
    println!("entered: {}", sandbox.enter().unwrap());
    match what.as_str() {
        "read what it may" => assert!(fs::read(CAPTURE).unwrap().len() > 24),
        "read /etc/passwd" => println!("said: {}", fs::read("/etc/passwd").unwrap_err()),
        "list /" => println!("said: {}", fs::read_dir("/").unwrap_err()),
        "write what it may" => fs::write(mine.join("new"), "x").unwrap(),
        "write elsewhere" => println!("said: {}", fs::write(other.path().join("new"), "x").unwrap_err()),
        "leave by .." => println!("said: {}", fs::write(mine.join("../new"), "x").unwrap_err()),
        "run a program" => drop(std::os::unix::process::CommandExt::exec(&mut Command::new("/bin/true"))),
        "open a packet socket" => {
            drop(socket2::Socket::new(socket2::Domain::PACKET, socket2::Type::RAW, None))
        }
        "open a raw ICMP socket" => drop(socket2::Socket::new(
            socket2::Domain::IPV4,
            socket2::Type::RAW,
            Some(socket2::Protocol::ICMPV4),
        )),
        "open a socket of another protocol" => {
            let sctp = Some(socket2::Protocol::from(132));
            drop(socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, sctp))
        }
        "open a pair of datagrams" => drop(std::os::unix::net::UnixDatagram::pair()),
        "list all sockets" => drop(netlink_sys::Socket::new(netlink_sys::protocols::NETLINK_SOCK_DIAG)),
        "seal a file" => {
            // F_SETOWN, by which the kernel sends signals, has no safe call: another one that fcntl(2) is not to make stands for it.
            let file = fs::File::open(CAPTURE).unwrap();
            let _ = rustix::fs::fcntl_add_seals(&file, rustix::fs::SealFlags::WRITE);
        }
        "limit another process" => {
            let parent = rustix::process::Pid::from_raw(parent as i32);
            let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
            let _ = rustix::process::prlimit(parent, rustix::process::Resource::Fsize, none);
        }
        "be without a daemon" => {
            let refused = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None);
            println!("said: {}", refused.unwrap_err());
            // Names are found without.
            println!("found: {:?}", std::net::ToSocketAddrs::to_socket_addrs("localhost:7").unwrap().next());
        }
        "connect" => drop(TcpStream::connect("127.0.0.1:9")),
        "kill" => drop(rawsock::sys::process::send_signal(parent, 18)),
        "start a thread" => {
            drop(std::thread::Builder::new().spawn(|| ()).map_err(|error| println!("said: {error}")))
        }
        "start a process" => {
            drop(Command::new("/bin/true").spawn().map_err(|error| println!("said: {error}")))
        }
        other => panic!("nothing is tried by {other}"),
    }
    println!("still here");
}

#[test]
fn files_that_are_not_needed_are_out_of_reach() {
    for what in ["read what it may", "write what it may"] {
        let output = tried(what);
        assert!(text_of(&output).contains("still here"), "{what}: {}", text_of(&output));
    }
    for what in ["read /etc/passwd", "list /", "write elsewhere", "leave by .."] {
        let text = text_of(&tried(what));
        // Without Landlock nothing of this is forbidden, and it says so.
        let is_told = text.contains("any file (");
        assert!(is_told || text.contains("said: Permission denied"), "{what}: {text}");
    }
}

#[test]
fn calls_that_are_not_needed_end_the_process_and_are_named() {
    for (what, call) in [
        ("run a program", "execve"),
        ("open a packet socket", "socket"),
        ("open a raw ICMP socket", "socket"),
        ("open a socket of another protocol", "socket"),
        ("list all sockets", "socket"),
        ("open a pair of datagrams", "socketpair"),
        ("seal a file", "fcntl"),
        ("limit another process", "prlimit64"),
        ("connect", "socket"),
        ("kill", "kill"),
    ] {
        let output = tried(what);
        let text = text_of(&output);
        assert_eq!(output.status.signal(), Some(31), "{what}: {text}");
        assert!(
            text.contains("rawsock: sandbox: the system call ") && text.contains(&format!(" {call} is not")),
            "{what}: {text}"
        );
        assert!(!text.contains("still here"), "{what}: {text}");
    }
}

/// The C library holds all signals back while it makes a thread or a process, so that a kill could not say what it is for.
#[test]
fn threads_and_processes_are_refused_with_a_word() {
    for what in ["start a thread", "start a process"] {
        let output = tried(what);
        let text = text_of(&output);
        assert!(output.status.success(), "{what}: {text}");
        assert!(
            text.contains("said: Operation not permitted") && text.contains("still here"),
            "{what}: {text}"
        );
    }
}

/// Whoever starts a program says which signals are held back in it (execve(2)); what is forbidden is named all the same.
#[test]
fn a_signal_that_was_held_back_names_the_call_too() {
    let program = std::env::current_exe().unwrap();
    let script = "import os, signal, sys\n\
                  signal.pthread_sigmask(signal.SIG_BLOCK, set(range(1, 65)))\n\
                  signal.signal(signal.SIGSYS, signal.SIG_IGN)\n\
                  os.execv(sys.argv[1], sys.argv[1:])";
    let mut command = Command::new("python3");
    command.args(["-c", script]).arg(program);
    command.args(["--exact", "inside", "--nocapture", "--test-threads", "2"]).env(TRY, "run a program");
    let output = run(&mut command);
    let text = text_of(&output);
    assert_eq!(output.status.signal(), Some(31), "{text}");
    assert!(text.contains(" execve is not"), "{text}");
}

/// What `probe localhost:1 -v` says of sandboxes where this host has these settings for names.
fn told_of_sandboxes(hosts: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("nsswitch.conf");
    fs::write(&settings, format!("hosts: {hosts}\n")).unwrap();
    let script = format!(
        "mount --bind {} /etc/nsswitch.conf && exec {RAWSOCK} probe tcp -v localhost:1",
        settings.display()
    );
    let text = text_of(&run(Command::new("unshare").args(["-rm", "sh", "-c", &script])));
    assert!(text.contains("1 closed"), "{text}");
    text.lines().filter(|line| line.contains("sandbox:")).map(str::to_owned).collect()
}

/// Code is mapped where this host looks names up by more than files and DNS, and then by a process that reads nothing of strangers.
#[test]
fn modules_of_the_resolver_are_had_only_where_they_are_asked_for() {
    let told = told_of_sandboxes("files dns");
    // On a system of before GNU's C library 2.34 files and DNS are modules, too.
    if rawsock::sys::name_info::is_built_in() {
        assert!(told.len() == 1 && !told[0].contains(" /usr/lib"), "{told:?}");
    }
    let told = told_of_sandboxes("files none dns");
    let [beside, own] = &told[..] else { panic!("{told:?}") };
    assert!(beside.contains("a process beside, which looks names up: no capabilities"), "{beside}");
    assert!(beside.contains(" /usr/lib") && !own.contains(" /usr/lib"), "{told:?}");
}

/// The daemon that is asked for names sees the process beside, and the one that reads what strangers sent never.
#[test]
fn daemons_are_asked_by_the_process_beside_alone() {
    let script = r#"
import os, socket, struct, subprocess, sys, threading
os.makedirs("/run/nscd", exist_ok=True)
daemon = socket.socket(socket.AF_UNIX)
daemon.bind("/run/nscd/socket")
daemon.listen(64)
asked = []
def serve():
    while True:
        client, _ = daemon.accept()
        asked.append(struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])
        # Who is sent away looks for itself.
        client.close()
threading.Thread(target=serve, daemon=True).start()
child = subprocess.Popen([sys.argv[1], "probe", "tcp", "localhost:1"])
child.wait()
print("asked by others:", len(asked) > 0 and child.pid not in asked)
"#;
    let output = run(Command::new("unshare").args([
        "-rm",
        "sh",
        "-c",
        "mount -t tmpfs none /run && exec python3 -c \"$0\" \"$1\"",
        script,
        RAWSOCK,
    ]));
    let text = text_of(&output);
    assert!(text.contains("1 closed") && text.contains("asked by others: True"), "{text}");
}

/// Kernels that lack a layer, and containers that keep one away, as a filter around the program makes them: what is missing is told,
/// and all others hold.
#[test]
fn where_a_layer_is_missing_the_others_hold() {
    let Some(lab) = lab() else { return };
    let whole = text_of(&run(lab.command(Host::Client, RAWSOCK).args(["ping", "-v", "-c1", "10.77.2.2"])));
    let has_landlock = whole.contains("Landlock");
    let cases = [
        (
            "landlock_create_ruleset",
            "ENOSYS",
            "any file (this kernel has no Landlock, which takes Linux 5.13",
        ),
        (
            "landlock_create_ruleset",
            "EOPNOTSUPP",
            "any file (Landlock is not among this kernel's security modules",
        ),
        (
            "landlock_create_ruleset",
            "EPERM",
            "any file (Landlock is kept away from this process, as containers do",
        ),
        ("seccomp", "ENOSYS", "; all system calls (this kernel or architecture has no seccomp filters)"),
    ];
    for (call, error, words) in cases {
        let around = refusing(call, error);
        let output = within(&lab, &around, &["ping", "-v", "-c1", "10.77.2.2"]);
        let text = text_of(&output);
        assert!(output.status.success() && text.contains(words), "{call} {error}: {text}");
        assert!(text.contains("rawsock: sandbox: no capabilities, and none to be had"), "{text}");
        let is_without_files = call != "seccomp";
        assert_eq!(text.contains(" system calls\n"), is_without_files, "{text}");
        assert_eq!(
            text.contains("reads no file, writes no file"),
            has_landlock && !is_without_files,
            "{text}"
        );

        let mut command = support::fault::command(&lab, &around, &["ping", "-i", "0.3", "10.77.2.2"]);
        let child = Running(command.stdout(Stdio::null()).spawn().unwrap());
        let until = Instant::now() + Duration::from_secs(10);
        let given_up =
            |status: &String| field(status, "NoNewPrivs") == "1" && field(status, "CapPrm") == NONE;
        while !running(child.0.id(), "ping").is_some_and(|pid| threads_of(pid).iter().all(given_up)) {
            assert!(Instant::now() < until, "{call} {error}");
            std::thread::sleep(Duration::from_millis(20));
        }

        // Calls are forbidden without Landlock, and files are without seccomp.
        let text = text_of(&tried_within(
            &around,
            if is_without_files { "run a program" } else { "write elsewhere" },
        ));
        let said = if is_without_files { " execve is not" } else { "said: Permission denied" };
        assert!(text.contains(said) || !is_without_files && !has_landlock, "{call} {error}: {text}");
    }
}

const NONE: &str = "0000000000000000";

/// Who has a layer and does not let it be used is not taken for one that lacks it.
#[test]
fn a_layer_that_is_refused_ends_the_command() {
    let Some(lab) = lab() else { return };
    let around = refusing("seccomp", "EPERM");
    let output = within(&lab, &around, &["ping", "-c1", "10.77.2.2"]);
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("give up system calls that are not needed (seccomp): operation not permitted"),
        "{text}"
    );
    assert!(text.contains("`--no-sandbox` goes on without") && !text.contains("CAP_NET_RAW"), "{text}");
    let output = within(&lab, &around, &["ping", "-c1", "--no-sandbox", "10.77.2.2"]);
    assert!(output.status.success(), "{}", text_of(&output));
}

/// Where names are looked up in files and by DNS, no daemon of the host is asked: some would run a program for whoever asks.
#[test]
fn names_are_found_without_daemons() {
    let text = text_of(&tried("be without a daemon"));
    assert!(text.contains("said: Operation not permitted") && text.contains("still here"), "{text}");
    assert!(text.contains("found: Some("), "{text}");
}

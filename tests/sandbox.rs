//! What commands give up before they read what strangers sent: looked at from outside, by what the kernel says of their processes, and
//! from inside, by trying what is forbidden.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rawsock::lab::Host;
use rawsock::sys::sandbox::{Doing, Sandbox};
use support::{RAWSOCK, lab, run, text_of};

/// A process, and all that it started, ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What `/proc/PID/task/*/status` says, one line a thread.
fn threads_of(pid: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    let status =
        |task: std::io::Result<fs::DirEntry>| fs::read_to_string(task.ok()?.path().join("status")).ok();
    tasks.filter_map(status).collect()
}

/// A process that the lab started and those that it has, of which one runs the command.
fn running(pid: u32, command: &str) -> Option<u32> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = line.split(|octet| *octet == 0);
    if words.nth(1) == Some(command.as_bytes()) {
        return Some(pid);
    }
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.split_whitespace().find_map(|child| running(child.parse().ok()?, command))
}

fn field<'s>(status: &'s str, name: &str) -> &'s str {
    let line = status.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap_or_default();
    line.split_once(':').map_or("", |(_, value)| value.trim())
}

/// Waits until every thread of a command has entered, and gives what the kernel says of them.
fn entered(pid: u32, command: &str) -> Vec<String> {
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

fn assert_has_nothing(status: &str, what: &str) {
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(field(status, set), "0000000000000000", "{what}: {set}\n{status}");
    }
    assert_eq!(field(status, "NoNewPrivs"), "1", "{what}");
    assert_eq!(field(status, "Seccomp"), "2", "{what}");
}

/// Commands that go on for long, as they are run on the lab's client.
const LONG: [&str; 13] = [
    "ping -i 0.3 10.77.2.2",
    "ping -q -i 0.3 server",
    "capture -i eth0",
    "capture -i any --threads 2 -q",
    "trace -c 100 --interval 0.3 -4 server",
    "trace --plain -c 100 --interval 0.3 -4 server",
    "send -c 1000 --interval 0.2 ip(dst=10.77.2.2)/icmp()",
    "send -c 1000 --interval 0.2 --no-answers -q --workers 2 ip(dst=10.77.2.2)/icmp()",
    "replay captures/icmp-echo.pcap -i eth0 --loop 0 --rate 5",
    "probe tcp -c 100 -i 0.3 10.77.2.2:7",
    "serve tcp 7001",
    "serve tcp 7002 --io threads --service time",
    "serve udp 7003 --io async --explain",
];

#[test]
fn every_thread_of_a_running_command_has_no_right_left() {
    let Some(lab) = lab() else { return };
    for line in LONG {
        let mut command = lab.command(Host::Client, RAWSOCK);
        let capture = support_capture();
        let words =
            line.split(' ').map(|word| if word.starts_with("captures/") { capture.as_str() } else { word });
        let child =
            command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let running = Running(child.unwrap());
        for status in entered(running.0.id(), line.split(' ').next().unwrap()) {
            assert_has_nothing(&status, line);
        }
    }
}

/// Sockets of hand-built probes are opened when it is a target's turn: that one right stays, and nothing can be gained.
#[test]
fn a_raw_probe_keeps_one_right() {
    let Some(lab) = lab() else { return };
    let line = "probe tcp --raw -c 100 -i 0.3 10.77.2.2:7";
    let child = lab.command(Host::Client, RAWSOCK).args(line.split(' ')).stdout(Stdio::null()).spawn();
    let running = Running(child.unwrap());
    for status in entered(running.0.id(), "probe") {
        // CAP_NET_RAW is 13 (linux/capability.h).
        for set in ["CapPrm", "CapEff", "CapBnd"] {
            assert_eq!(field(&status, set), "0000000000002000", "{set}");
        }
        assert_eq!(
            (field(&status, "CapInh"), field(&status, "CapAmb")),
            ("0000000000000000", "0000000000000000")
        );
        assert_eq!(field(&status, "NoNewPrivs"), "1");
    }
}

/// A capture that is there.
fn support_capture() -> String {
    format!("{}/captures/answers.pcap", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn reading_and_connecting_have_none_either() {
    let folder = tempfile::tempdir().unwrap();
    let growing = folder.path().join("growing.pcap");
    fs::copy(support_capture(), &growing).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    for (words, threads) in
        [(vec!["read", "--follow-file", growing.to_str().unwrap()], 1), (vec!["connect", "tcp", &address], 2)]
    {
        let mut command = Command::new(RAWSOCK);
        let child =
            command.args(&words).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let running = Running(child.unwrap());
        let _peer: Option<(TcpStream, _)> = (words[0] == "connect").then(|| listener.accept().unwrap());
        let found = entered(running.0.id(), words[0]);
        assert!(found.len() >= threads, "{words:?}");
        for status in found {
            assert_eq!(field(&status, "CapPrm"), "0000000000000000");
            assert_eq!(field(&status, "CapEff"), "0000000000000000");
            assert_eq!(field(&status, "NoNewPrivs"), "1");
        }
    }
}

#[test]
fn it_is_told_and_can_be_left_out_loudly() {
    let Some(lab) = lab() else { return };
    let output = run(lab.command(Host::Client, RAWSOCK).args(["ping", "-v", "-c1", "10.77.2.2"]));
    let text = text_of(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("rawsock: sandbox: no capabilities, and none to be had; "), "{text}");
    assert!(text.contains(" system calls"), "{text}");

    let arguments = ["ping", "--no-sandbox", "-i", "0.3", "10.77.2.2"];
    let child = lab
        .command(Host::Client, RAWSOCK)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut running = Running(child.unwrap());
    let mut said = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(running.0.stderr.take().unwrap()), &mut said)
        .unwrap();
    assert!(said.contains("--no-sandbox: whatever strangers send is read with all the rights"), "{said}");
    let pid = crate::running(running.0.id(), "ping").unwrap();
    assert!(threads_of(pid).iter().all(|status| field(status, "Seccomp") == "0"));
}

/// Whether this user namespace knows a user of this number.
fn knows_user(user: u32) -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap();
    map.split_whitespace().nth(2).is_some_and(|count| count.parse::<u32>().unwrap() > user)
}

#[test]
fn under_sudo_it_becomes_the_user_and_the_files_are_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut command = Command::new(RAWSOCK);
    command.args(["connect", "-v", "tcp", &address]).env("SUDO_UID", "12345").env("SUDO_GID", "23456");
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let running = Running(child.unwrap());
    let _peer = listener.accept().unwrap();
    let is_root = rustix_user() == 0;
    for status in entered(running.0.id(), "connect") {
        if is_root && knows_user(23_456) {
            assert_eq!(field(&status, "Uid"), "12345\t12345\t12345\t12345");
            assert_eq!(field(&status, "Gid"), "23456\t23456\t23456\t23456");
            assert_eq!(field(&status, "Groups"), "");
        } else {
            // Nobody is called so here: the process stays who it was, without any capability.
            assert!(field(&status, "Uid").starts_with(&rustix_user().to_string()));
        }
        assert_eq!(field(&status, "CapPrm"), "0000000000000000");
    }
    if !is_root || !knows_user(23_456) {
        return;
    }
    // The first file of a ring is made before, the others as the user, who needs the folder for that.
    let ring = folder.path().join("ring.pcapng");
    let split = |folder: &Path| {
        let mut command = Command::new(RAWSOCK);
        command.args(["read", &support_capture(), "--split-packets", "1", "-w", folder.to_str().unwrap()]);
        run(command.env("SUDO_UID", "12345").env("SUDO_GID", "23456"))
    };
    let refused = split(&ring);
    assert_eq!(refused.status.code(), Some(2), "{}", text_of(&refused));
    assert!(text_of(&refused).contains("as user 12345"), "{}", text_of(&refused));
    std::os::unix::fs::chown(folder.path(), Some(12_345), Some(23_456)).unwrap();
    let done = split(&ring);
    assert!(done.status.success(), "{}", text_of(&done));
    let owners: Vec<u32> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().uid()).collect();
    assert!(owners.len() > 2 && owners.iter().all(|owner| *owner == 12_345), "{owners:?}");
}

fn rustix_user() -> u32 {
    fs::metadata("/proc/self").unwrap().uid()
}

#[test]
fn no_variable_says_which_program_a_capture_runs() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let evil = folder.path().join("gzip");
    fs::write(&evil, format!("#!/bin/sh\ntouch {}/evil\n", folder.path().display())).unwrap();
    fs::set_permissions(&evil, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let file = folder.path().join("x.pcapng");
    let script = format!(
        "{RAWSOCK} capture -q -i eth0 -c 2 -z gzip -w {0} & capture=$!; sleep 0.5; ping -q -c1 10.77.2.2; wait $capture; \
         rm -f {0}.gz; PATH={1}:$PATH {RAWSOCK} capture -q -i eth0 -c 2 -z gzip -w {0} & capture=$!; sleep 0.5; \
         ping -q -c1 10.77.2.2; wait $capture",
        file.display(),
        folder.path().display()
    );
    let output = run(lab.command(Host::Client, "sh").args(["-c", &script]));
    assert!(output.status.success(), "{}", text_of(&output));
    assert!(folder.path().join("x.pcapng.gz").is_file(), "{}", text_of(&output));
    assert!(!folder.path().join("evil").exists());
}

/// Runs one of the tries below in a process of its own, and gives what became of it.
fn tried(what: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
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
        doings: vec![Doing::Traffic, Doing::ReadFiles, Doing::WriteFiles],
        readable: vec![support_capture().into()],
        writable: vec![mine.clone()],
        ..Sandbox::default()
    };
    let parent = std::os::unix::process::parent_id();
    println!("entered: {}", sandbox.enter().unwrap());
    match what.as_str() {
        "read what it may" => assert!(fs::read(support_capture()).unwrap().len() > 24),
        "read /etc/passwd" => println!("said: {}", fs::read("/etc/passwd").unwrap_err()),
        "list /" => println!("said: {}", fs::read_dir("/").unwrap_err()),
        "write what it may" => fs::write(mine.join("new"), "x").unwrap(),
        "write elsewhere" => println!("said: {}", fs::write(other.path().join("new"), "x").unwrap_err()),
        "leave by .." => println!("said: {}", fs::write(mine.join("../new"), "x").unwrap_err()),
        "run a program" => drop(std::os::unix::process::CommandExt::exec(&mut Command::new("/bin/true"))),
        "open a packet socket" => {
            drop(socket2::Socket::new(socket2::Domain::PACKET, socket2::Type::RAW, None))
        }
        "connect" => drop(TcpStream::connect("127.0.0.1:9")),
        "kill" => drop(rawsock::sys::process::send_signal(parent, 18)),
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
        let is_told =
            text.contains("has no Landlock") || text.contains("not among this kernel's security modules");
        assert!(is_told || text.contains("said: Permission denied"), "{what}: {text}");
    }
}

#[test]
fn calls_that_are_not_needed_end_the_process_and_are_named() {
    for (what, call) in [
        ("run a program", "execve"),
        ("open a packet socket", "socket"),
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

//! What commands give up before they read what strangers sent: looked at from outside, by what the kernel says of their processes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rawsock::lab::Host;
use support::capture::{ping, until_it_listens};
use support::process_status::{Running, assert_has_nothing, entered, field, running, threads_of};
use support::{RAWSOCK, lab, run, text_of};

/// Commands that go on for long, as they are run on the lab's client.
const LONG: [&str; 18] = [
    "ping -i 0.3 10.77.2.2",
    "ping -q -i 0.3 server",
    "capture -i eth0",
    "capture -i any --threads 2 -q",
    "trace -c 100 --interval 0.3 -4 server",
    "trace --plain -c 100 --interval 0.3 -4 server",
    "send -c 1000 --interval 0.2 ip(dst=10.77.2.2)/icmp()",
    "send -c 1000 --interval 0.2 --no-answers -q --workers 2 ip(dst=10.77.2.2)/icmp()",
    "send -c 1000 --interval 0.2 -W 100 examples/tcp-conversation.toml",
    "replay captures/answers.pcap -i eth0 --loop 0 --rate 5",
    "probe tcp -c 100 -i 0.3 10.77.2.2:7",
    "probe tcp --raw -c 100 -i 0.3 10.77.2.2:7",
    "probe udp --raw -c 100 -i 0.3 server:7",
    "probe tcp --compare -c 100 -i 0.3 10.77.2.2:7",
    "probe tcp --bisect -c 100 -i 0.3 10.77.2.2:7",
    "serve tcp 7001",
    "serve tcp 7002 --io threads --service time",
    "serve udp 7003 --io async --explain",
];

#[test]
fn every_thread_of_a_running_command_has_no_right_left() {
    let Some(lab) = lab() else { return };
    for line in LONG {
        let mut command = lab.command(Host::Client, RAWSOCK);
        let words = line.split(' ').map(|word| {
            let is_ours = word.starts_with("captures/") || word.starts_with("examples/");
            if is_ours { format!("{}/{word}", env!("CARGO_MANIFEST_DIR")) } else { word.to_owned() }
        });
        let child =
            command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let running = Running(child.unwrap());
        for status in entered(running.0.id(), line.split(' ').next().unwrap()) {
            assert_has_nothing(&status, line);
        }
    }
}

/// Under sudo, whose sockets are root's by `--compare` are opened by a process that has nothing but that user's number.
#[test]
fn what_opens_sockets_of_another_user_has_no_right_either() {
    let Some(lab) = lab() else { return };
    if !support::is_root() {
        // The lab of one who is not root knows no other user.
        return;
    }
    let line = "probe tcp --compare -c 100 -i 0.3 10.77.2.2:7";
    let mut command = lab.command(Host::Client, RAWSOCK);
    command.args(line.split(' ')).env("SUDO_UID", "4321").env("SUDO_GID", "4322").stdout(Stdio::null());
    let child = Running(command.spawn().unwrap());
    for status in entered(child.0.id(), "probe") {
        assert_has_nothing(&status, line);
        assert_eq!(field(&status, "Uid"), "4321\t4321\t4321\t4321");
    }
    let pid = running(child.0.id(), "probe").unwrap();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let others: Vec<u32> = children.split_whitespace().map(|child| child.parse().unwrap()).collect();
    assert_eq!(others.len(), 1, "{children}");
    for status in threads_of(others[0]) {
        assert_has_nothing(&status, "the process beside");
        assert_eq!(field(&status, "Uid"), "0\t0\t0\t0");
    }
    // Whoever started it does not take it along: the kernel forgets that wish when a process becomes another user's (prctl(2)).
    rawsock::sys::process::send_signal(pid, 9).unwrap();
    // It ends with the process that it was split off from, however that ends.
    let until = Instant::now() + Duration::from_secs(5);
    let goes_on = |status: &String| !field(status, "State").starts_with('Z');
    while threads_of(others[0]).iter().any(goes_on) {
        assert!(Instant::now() < until, "the process beside goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The kernel's resets are kept away by a process that has that right alone, and reads nothing but ports.
#[test]
fn a_test_has_no_right_and_what_keeps_resets_away_has_one() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.toml");
    let steps = r#"
  { send = [{ ip = { dst = "10.77.2.2" } }, { tcp = { srcport = 4001, dstport = 7, flags = "S", seq = 1000 } }], expect = { match = "tcp.flags == 0x12" } },
  { wait = "60s", send = [{ ip = {} }, { tcp = { flags = "R", seq = "reply.tcp.ack" } }] },
"#;
    fs::write(&path, format!("[[scenario]]\nname = \"long\"\nsteps = [{steps}]\n")).unwrap();
    let mut command = lab.command(Host::Client, RAWSOCK);
    command.args(["test", "-v", path.to_str().unwrap()]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = Running(command.spawn().unwrap());
    for status in entered(child.0.id(), "test") {
        assert_has_nothing(&status, "test");
    }
    let pid = running(child.0.id(), "test").unwrap();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let others: Vec<u32> = children.split_whitespace().map(|child| child.parse().unwrap()).collect();
    assert_eq!(others.len(), 1, "{children}");
    for status in threads_of(others[0]) {
        // CAP_NET_ADMIN is 12 (linux/capability.h).
        for set in ["CapPrm", "CapEff", "CapBnd"] {
            assert_eq!(field(&status, set), "0000000000001000", "{set}");
        }
        assert_eq!((field(&status, "NoNewPrivs"), field(&status, "Seccomp")), ("1", "2"));
    }
    let mut said = [String::new(), String::new()];
    let mut lines = std::io::BufReader::new(child.0.stderr.take().unwrap());
    for line in &mut said {
        std::io::BufRead::read_line(&mut lines, line).unwrap();
    }
    let beside = "rawsock: sandbox: a process beside, which keeps the kernel's resets away: no capabilities but CAP_NET_ADMIN";
    assert!(said[0].starts_with(beside) && said[0].contains("reads no file, writes no file"), "{said:?}");
    assert!(said[1].starts_with("rawsock: sandbox: no capabilities, and none to be had; "), "{said:?}");
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

/// As tcpdump's -Z has it: whoever captures is that user from the moment on that all is open, and so is what the files belong to.
#[test]
fn root_becomes_the_user_that_is_named() {
    let Some(lab) = lab() else { return };
    let id = |flag: &str| text_of(&run(Command::new("id").args([flag, "daemon"]))).trim().to_owned();
    let (user, group) = (id("-u"), id("-g"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("of-daemon.pcapng");
    let capture = |user: &str| {
        let mut command = lab.command(Host::Client, RAWSOCK);
        command.args(["capture", "-i", "eth0", "-c", "9", "-b", "packets:3", "-Z", user, "-w"]).arg(&path);
        command.env("SUDO_UID", "12345").env("SUDO_GID", "23456").stderr(Stdio::piped());
        command
    };
    let refused = run(&mut capture("nobody-of-this-name"));
    assert_eq!(refused.status.code(), Some(2), "{}", text_of(&refused));
    assert!(text_of(&refused).contains("there is no user of this name"), "{}", text_of(&refused));
    // Others stay who they are, as with tcpdump.
    if rustix_user() != 0 {
        let output = run(capture("daemon").args(["-a", "duration:0.2"]));
        assert!(output.status.success(), "{}", text_of(&output));
        assert_eq!(fs::metadata(path.with_file_name("of-daemon_00000.pcapng")).unwrap().uid(), rustix_user());
        return;
    }
    if !knows_user(user.parse().unwrap()) {
        let refused = run(&mut capture("daemon"));
        assert!(text_of(&refused).contains("has none of that number"), "{}", text_of(&refused));
        return;
    }
    std::os::unix::fs::chown(folder.path(), user.parse().ok(), None).unwrap();
    let mut running = Running(capture("daemon").spawn().unwrap());
    let mut words = running.0.stderr.take().unwrap();
    support::endpoint::read_until(&mut words, "listening on");
    for status in entered(running.0.id(), "capture") {
        assert_eq!(field(&status, "Uid"), [user.as_str(); 4].join("\t"));
        assert_eq!(field(&status, "Gid"), [group.as_str(); 4].join("\t"));
        assert_eq!(field(&status, "Groups"), "");
        assert_has_nothing(&status, "capture -Z");
    }
    ping(&lab, &["10.77.2.2"]);
    assert!(running.0.wait().unwrap().success());
    let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap());
    let owners: Vec<_> = files.map(|file| (file.uid().to_string(), file.gid().to_string())).collect();
    assert_eq!(owners, vec![(user, group); 3]);
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
    let (file, words) = (folder.path().join("x.pcapng"), folder.path().join("words"));
    let script = format!(
        "{RAWSOCK} capture -q -i eth0 -c 2 -z gzip -w {0} 2>{2} & capture=$!; {3}; ping -q -c1 10.77.2.2; wait $capture; \
         rm -f {0}.gz {2}; PATH={1}:$PATH {RAWSOCK} capture -q -i eth0 -c 2 -z gzip -w {0} 2>{2} & capture=$!; {3}; \
         ping -q -c1 10.77.2.2; wait $capture",
        file.display(),
        folder.path().display(),
        words.display(),
        until_it_listens(&words)
    );
    let output = run(lab.command(Host::Client, "sh").args(["-c", &script]));
    assert!(output.status.success(), "{}", text_of(&output));
    assert!(folder.path().join("x.pcapng.gz").is_file(), "{}", text_of(&output));
    assert!(!folder.path().join("evil").exists());
}

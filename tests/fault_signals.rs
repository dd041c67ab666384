//! Signals: what asks for an end gets the statistics and a whole file, what kills leaves a file that is whole up to its last flush.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rawsock::lab::{Host, Lab};
use rawsock::sys::process::send_signal;
use support::capture::{Capture, SIGINT, SIGKILL, SIGTERM, counts_in, ping};
use support::endpoint::{Serving, read_until};
use support::fault::{innermost, number_before, number_behind, whole};
use support::process_status::waits_for;
use support::replay::{FROM_SOURCE, file_of, frames};
use support::{RAWSOCK, lab};

/// Behind a first signal, a second one means that somebody has lost patience.
const LATER: Duration = Duration::from_millis(400);

/// A command that runs on the client.
struct Running {
    child: Child,
    stdout: std::process::ChildStdout,
    said: String,
}

impl Running {
    /// Starts it, and waits until it has printed so many lines.
    fn start(lab: &Lab, arguments: &[&str], lines: usize) -> Self {
        let mut command = lab.command(Host::Client, RAWSOCK);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let mut said = String::new();
        for _ in 0..lines {
            said.push_str(&read_until(&mut stdout, "\n"));
        }
        Self { child, stdout, said }
    }

    /// Sends it a signal; its exit code, or the signal that ended it, and all that it said.
    fn end(mut self, signal: i32) -> (Result<i32, i32>, String) {
        send_signal(innermost(self.child.id()), signal).unwrap();
        self.stdout.read_to_string(&mut self.said).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut self.said).unwrap();
        let status = self.child.wait().unwrap();
        (status.code().ok_or_else(|| status.signal().unwrap()), self.said)
    }
}

#[test]
fn who_measures_says_what_it_came_to_and_ends_its_file() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saved.pcapng");
    let path = file.to_str().unwrap();
    for signal in [SIGINT, SIGTERM] {
        let running = Running::start(&lab, &["ping", "-i0.2", "--write", path, "10.77.2.2"], 5);
        let (code, said) = running.end(signal);
        let (sent, received) =
            (number_before(&said, " packets transmitted"), number_before(&said, " received"));
        assert!(code == Ok(0) && sent >= 4 && (sent == received || sent == received + 1), "{code:?} {said}");
        assert!(whole(&file) >= 2 * received, "{said}");

        let spec = "ip(dst=10.77.2.2)/icmp";
        let running =
            Running::start(&lab, &["send", "-c", "1000", "--interval", "100ms", "--write", path, spec], 6);
        let (code, said) = running.end(signal);
        let (sent, answered) = (number_before(&said, " sent, "), number_before(&said, " answered"));
        assert!(code.is_ok_and(|code| code < 2) && sent < 1000 && answered >= 3, "{code:?} {said}");
        assert_eq!(whole(&file), sent + answered, "{said}");

        // Nobody answers, so that it takes long.
        let running = Running::start(&lab, &["trace", "-I", "-m", "20", "--write", path, "10.77.2.99"], 1);
        sleep(LATER);
        let (code, said) = running.end(signal);
        assert_eq!(code, Ok(1), "{said}");
        assert!(whole(&file) >= 3, "{said}");

        let running = Running::start(
            &lab,
            &["probe", "tcp", "-c", "1000", "-i", "0.1", "--write", path, "10.77.2.2:7"],
            3,
        );
        let (code, said) = running.end(signal);
        assert_eq!(code, Ok(0), "{said}");
        assert!(number_before(&said, " open, 0 closed") >= 3 && whole(&file) >= 9, "{said}");
    }
}

#[test]
fn signals_that_come_together_are_one() {
    let Some(lab) = lab() else { return };
    for signal in [SIGINT, SIGTERM] {
        // They are two when the machine stands still between them, which does not happen each time.
        let counts = (0..5).find_map(|_| {
            let mut capture = Capture::start(&lab, Host::Client, "twice.pcapng", &["-i", "eth0", "icmp"]);
            ping(&lab, &["10.77.2.2"]);
            // As timeout(1) has it: to the command, and to its group.
            let program = innermost(capture.child.id());
            send_signal(program, signal).unwrap();
            sleep(Duration::from_millis(1));
            send_signal(program, signal).unwrap();
            let (status, said) = capture.end(None);
            status.success().then(|| (counts_in(&said).captured, whole(&capture.file)))
        });
        assert_eq!(counts, Some((10, 10)), "{signal}");
    }
}

#[test]
fn a_second_signal_ends_what_does_not_end() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.pcap");
    std::fs::write(&source, pcap(20_000)).unwrap();
    for signal in [SIGINT, SIGTERM] {
        let mut command = Command::new(RAWSOCK);
        let mut child = command.arg("read").arg(&source).stdout(Stdio::piped()).spawn().unwrap();
        // A pipe that nobody reads is full: the reader of the file waits, whatever it is asked.
        let printed = child.stdout.take().unwrap();
        while rustix::io::ioctl_fionread(&printed).unwrap() < 60_000 {
            sleep(Duration::from_millis(5));
        }
        send_signal(child.id(), signal).unwrap();
        sleep(LATER);
        assert!(child.try_wait().unwrap().is_none(), "it waits for its reader");
        // On a busy machine it may have had the first one just now, with which the second one would be one.
        let ended = (0..10).find_map(|_| {
            send_signal(child.id(), signal).unwrap();
            sleep(LATER);
            child.try_wait().unwrap()
        });
        assert_eq!(ended.unwrap().signal(), Some(signal));
    }
}

#[test]
fn what_is_killed_leaves_a_file_that_can_be_opened() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("killed.pcapng");
    let path = file.to_str().unwrap();
    let commands: [&[&str]; 4] = [
        &["ping", "-i0.2", "--write", path, "10.77.2.2"],
        &["send", "-c", "1000", "--interval", "100ms", "--write", path, "ip(dst=10.77.2.2)/icmp"],
        &["trace", "-I", "-m", "20", "--write", path, "10.77.2.99"],
        &["probe", "tcp", "-c", "1000", "-i", "0.1", "--write", path, "10.77.2.2:7"],
    ];
    for arguments in commands {
        let running = Running::start(&lab, arguments, 1);
        sleep(Duration::from_millis(600));
        let (code, said) = running.end(SIGKILL);
        assert_eq!(code, Err(SIGKILL), "{said}");
        whole(&file);
    }
}

/// A capture file's header, and so many packets of nothing.
fn pcap(packets: usize) -> Vec<u8> {
    let words = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let head = [&words(&[0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 262_144, 1])[..], &[]].concat();
    let packet = [&words(&[1, 0, 60, 60])[..], &[0; 60]].concat();
    [head, packet.repeat(packets)].concat()
}

/// Starts a copy of what comes through a pipe.
fn copy_of_pipe(target: &Path) -> Child {
    let mut command = Command::new(RAWSOCK);
    command.args(["read", "-", "--stats", "-w"]).arg(target).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_pipe_that_is_copied_is_kept_up_to_the_signal() {
    let folder = tempfile::tempdir().unwrap();
    for (signal, name) in [(SIGINT, "a.pcapng"), (SIGTERM, "b.pcap"), (SIGTERM, "c.pcapng.gz")] {
        let target = folder.path().join(name);
        let mut copy = copy_of_pipe(&target);
        let mut stdin = copy.stdin.take().unwrap();
        stdin.write_all(&pcap(5000)).unwrap();
        // It is all taken when there is nothing left to be read; a signal comes, and the writer says no more.
        while rustix::io::ioctl_fionread(&stdin).unwrap() > 0 {
            sleep(Duration::from_millis(1));
        }
        send_signal(copy.id(), signal).unwrap();
        let output = copy.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        assert!(said.starts_with("5000 packets, 300000 octets"), "{said}");
        assert_eq!(whole(&target), 5000, "{name}");
        drop(stdin);
    }
    // What the writer says in its last moments is kept, too.
    let target = folder.path().join("last.pcapng");
    let mut copy = copy_of_pipe(&target);
    let mut stdin = copy.stdin.take().unwrap();
    stdin.write_all(&pcap(5000)).unwrap();
    while rustix::io::ioctl_fionread(&stdin).unwrap() > 0 {
        sleep(Duration::from_millis(1));
    }
    send_signal(copy.id(), SIGINT).unwrap();
    sleep(Duration::from_millis(50));
    stdin.write_all(&pcap(17)[24..]).unwrap();
    drop(stdin);
    let output = copy.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(whole(&target), 5017);
}

#[test]
fn a_killed_copy_is_whole_up_to_its_last_flush() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.pcapng", "b.pcap", "c.pcapng.gz"] {
        let target = folder.path().join(name);
        let mut copy = copy_of_pipe(&target);
        let mut stdin = copy.stdin.take().unwrap();
        stdin.write_all(&pcap(20_000)).unwrap();
        while rustix::io::ioctl_fionread(&stdin).unwrap() > 0 {
            sleep(Duration::from_millis(1));
        }
        // Not in the middle of a write, which the kernel may cut there: what is written out stays as long as it is.
        let mut sizes = [1, 0];
        while sizes[0] != sizes[1] {
            sleep(Duration::from_millis(200));
            sizes = [std::fs::metadata(&target).unwrap().len(), sizes[0]];
        }
        send_signal(copy.id(), SIGKILL).unwrap();
        assert_eq!(copy.wait().unwrap().signal(), Some(SIGKILL));
        let kept = whole(&target);
        assert!((10_000..20_000).contains(&kept), "{name}: {kept}");
        drop(stdin);
    }
}

#[test]
fn a_plain_file_is_read_up_to_the_signal_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("source.pcap"), folder.path().join("copy.pcapng"));
    std::fs::write(&source, pcap(200_000)).unwrap();
    let mut command = Command::new(RAWSOCK);
    command.args(["read", "--print", "-w"]).arg(&target).arg(&source);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut printed = child.stdout.take().unwrap();
    // It waits for its reader, who takes the rest behind the signal.
    read_until(&mut printed, "\n");
    send_signal(child.id(), SIGINT).unwrap();
    let mut lines = String::new();
    printed.read_to_string(&mut lines).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let last = number_behind(&said, "rawsock: stopped by a signal behind packet ");
    assert!(last < 200_000, "{said}");
    assert_eq!((whole(&target), lines.lines().count() as u64 + 1), (last, last), "{said}");
}

#[test]
fn a_service_that_is_killed_leaves_nothing_that_hinders_the_next() {
    let serving = Serving::start(&["tcp", "0"]);
    let address = serving.address.clone();
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(b"x\n").unwrap();
    read_until(&mut stream, "x\n");
    send_signal(serving.id(), SIGKILL).unwrap();
    drop(serving);
    let next = Serving::start(&["tcp", &address]);
    let mut stream = TcpStream::connect(&next.address).unwrap();
    stream.write_all(b"y\n").unwrap();
    read_until(&mut stream, "y\n");
    assert_eq!((next.address.clone(), next.end().0), (address, Some(0)));
}

#[test]
fn a_killed_replay_sends_nothing_more_and_an_ended_one_says_what_left() {
    let Some(lab) = lab() else { return };
    let (_folder, file) = file_of(&frames(20));
    for (signal, code) in [(SIGINT, Ok(1)), (SIGTERM, Ok(1)), (SIGKILL, Err(SIGKILL))] {
        let mut capture =
            Capture::start(&lab, Host::Client, "replayed.pcapng", &["-i", "eth0", "-Q", "out", FROM_SOURCE]);
        let running =
            Running::start(&lab, &["replay", "-i", "eth0", "--loop", "100000", "--rate", "200", &file], 0);
        waits_for(SIGINT, running.child.id());
        sleep(LATER);
        let (ended, said) = running.end(signal);
        assert_eq!(ended, code, "{said}");
        let (_, counted) = capture.end(Some(SIGTERM));
        let (left, kept) = (counts_in(&counted).captured, whole(&capture.file));
        assert_eq!(left, kept, "{counted}");
        if ended.is_ok() {
            assert_eq!(number_before(&said, " packets sent"), kept, "{said}");
        }
        assert!(kept > 5, "{said}");
    }
}

//! `rawsock serve`: every service by every way of waiting, with the programs of others at the other end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "this is test code"
)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::endpoint::{MODELS, Serving, read_until, with_input};
use support::{RAWSOCK, run, text_of};

const BRIEFLY: Duration = Duration::from_millis(300);

fn connected(serving: &Serving) -> TcpStream {
    let stream = TcpStream::connect(&serving.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    stream
}

fn all_of(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    String::from_utf8(said).unwrap()
}

/// As Python's documentation and many tutorials have it: no line's end, one recv() for one answer.
const TUTORIAL: &str = "
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
    s.connect(('127.0.0.1', int(sys.argv[1])))
    for word in ('Hello, world', 'again'):
        s.sendall(word.encode())
        print(s.recv(1024).decode())
";

#[test]
fn a_star_is_all_addresses_of_both_families() {
    for io in MODELS {
        let tcp = Serving::start(&["tcp", "*:0", "--io", io]);
        let udp = Serving::start(&["udp", "*:0", "--io", io]);
        for host in ["127.0.0.1", "[::1]"] {
            let mut stream = TcpStream::connect(format!("{host}:{}", tcp.port())).unwrap();
            stream.write_all(b"by tcp").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            assert_eq!(all_of(stream), "by tcp", "{io}, {host}");
            let socket = UdpSocket::bind(format!("{host}:0")).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
            socket.connect(format!("{host}:{}", udp.port())).unwrap();
            socket.send(b"by udp").unwrap();
            let mut octets = [0; 16];
            let len = socket.recv(&mut octets).unwrap();
            assert_eq!(&octets[..len], b"by udp", "{io}, {host}");
        }
    }
}

#[test]
fn others_programs_are_served_by_each_way_of_waiting() {
    for io in MODELS {
        let serving = Serving::start(&["tcp", "0", "--io", io, "--service", "time"]);
        let output = run(Command::new("python3").args(["-c", TUTORIAL, serving.port()]));
        let text = text_of(&output);
        let [first, second] = text.lines().collect::<Vec<_>>()[..] else { panic!("{io}: {text}") };
        assert!(first.starts_with('[') && first.ends_with("] Hello, world"), "{io}: {text}");
        assert!(
            second.ends_with("] again") && second.len() == "[Thu Nov 20 22:10:01 2026] again".len(),
            "{io}: {text}"
        );
        let serving = Serving::start(&["tcp", "0", "--io", io]);
        let ncat = with_input("ncat", &["127.0.0.1", serving.port()], b"by ncat\n\xff\0", BRIEFLY);
        assert_eq!(ncat.stdout, b"by ncat\n\xff\0", "{io}: {}", text_of(&ncat));
        let socat = with_input("socat", &["-", &format!("TCP4:{}", serving.address)], b"by socat\n", BRIEFLY);
        assert_eq!(socat.stdout, b"by socat\n", "{io}: {}", text_of(&socat));
        let telnet = with_input("telnet", &["127.0.0.1", serving.port()], b"by telnet\n", BRIEFLY);
        assert!(text_of(&telnet).contains("by telnet"), "{io}: {}", text_of(&telnet));
        let (code, lines) = serving.end();
        assert_eq!(code, Some(0), "{io}: {lines:?}");
    }
}

#[test]
fn discard_says_nothing_and_chargen_says_it_for_as_long_as_somebody_reads() {
    for io in MODELS {
        let serving = Serving::start(&["tcp", "0", "--io", io, "--service", "discard"]);
        let mut stream = connected(&serving);
        stream.write_all(&[b'x'; 100_000]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(all_of(stream), "", "{io}");
        assert!(serving.until("has ended").contains("100000 octets in, 0 out"), "{io}");
        let serving = Serving::start(&["tcp", "0", "--io", io, "--service", "chargen"]);
        let mut lines = vec![0; 74 * 40_000];
        let mut stream = connected(&serving);
        stream.read_exact(&mut lines).unwrap();
        for (number, line) in lines.chunks(74).enumerate() {
            assert_eq!(usize::from(line[0]), 32 + number % 95, "{io}, line {number}");
            assert!(line.ends_with(b"\r\n"), "{io}, line {number}");
        }
        drop(stream);
        serving.until("has reset");
    }
}

#[test]
fn a_chat_survives_who_leaves_stalls_and_floods() {
    for io in MODELS {
        let serving = Serving::start(&[
            "tcp",
            "0",
            "--io",
            io,
            "--service",
            "chat",
            "--max-queue",
            "400000",
            "--stall-timeout",
            "2",
            "--max-rate",
            "0",
        ]);
        // One after the other: those that come at the same time are taken in any order.
        let mut one = connected(&serving);
        read_until(&mut one, "1 here\n");
        let mut two = connected(&serving);
        read_until(&mut one, "has come, 2 here\n");
        let stalled = connected(&serving);
        read_until(&mut one, "has come, 3 here\n");
        read_until(&mut two, "has come, 3 here\n");
        two.write_all(b"hello\x1b[2J\xff\n").unwrap();
        let name = two.local_addr().unwrap();
        assert_eq!(read_until(&mut one, "\n"), format!("<{name}> hello\\u{{1b}}[2J\\xff\n"), "{io}");
        // Somebody floods, and nobody holds it up: neither who does not read at all, nor who leaves in between.
        let mut flooder = connected(&serving);
        let mut reader = BufReader::new(one.try_clone().unwrap());
        let reading = std::thread::spawn(move || {
            let mut heard = String::new();
            while !heard.ends_with("the last of it\n") {
                assert_ne!(reader.read_line(&mut heard).unwrap(), 0, "the reader was dropped");
            }
            heard
        });
        let mut leaver = connected(&serving);
        // Who goes and leaves something unread resets the connection, and takes its own last words back.
        read_until(&mut leaver, "here\n");
        leaver.write_all(b"good-bye\n").unwrap();
        drop(leaver);
        for _ in 0..600 {
            flooder.write_all(&[[b'z'; 999].as_slice(), b"\n"].concat().repeat(8)).unwrap();
            // As fast as a reader on a busy machine can follow.
            std::thread::sleep(Duration::from_millis(3));
        }
        flooder.write_all(b"the last of it\n").unwrap();
        let heard = reading.join().unwrap();
        assert!(heard.contains("good-bye") && heard.contains("has left"), "{io}");
        assert_eq!(heard.matches("zzz\n").count(), 4800, "{io}: all of the flood reached who reads");
        let name = stalled.local_addr().unwrap().to_string();
        let line =
            std::iter::repeat_with(|| serving.until(&name)).find(|line| !line.contains("has come")).unwrap();
        assert!(line.contains("read too slowly") || line.contains("took nothing"), "{io}: {line}");
        let (code, lines) = serving.end();
        assert_eq!(code, Some(0), "{io}: {lines:?}");
    }
}

#[test]
fn who_writes_a_megabyte_without_a_line_end_is_told_and_the_others_live() {
    for io in MODELS {
        // To `time`, what comes before a pause is a message: none may be so long that it could pause in between.
        for (service, most) in [("chat", "65536"), ("time", "1000")] {
            let limits = ["--max-rate", "0", "--max-message", most];
            let serving =
                Serving::start(&[&["tcp", "0", "--io", io, "--service", service][..], &limits].concat());
            let mut other = connected(&serving);
            let mut big = connected(&serving);
            let _ = big.write_all(&vec![b'x'; 1 << 20]);
            assert!(read_until(&mut big, &format!("at most {most} octets")).len() < 200, "{io} {service}");
            serving.until("was refused");
            // A peer that resets: it closes with what it has not read.
            let reset = connected(&serving);
            socket2::SockRef::from(&reset).set_linger(Some(Duration::ZERO)).unwrap();
            drop(reset);
            serving.until("reset");
            other.write_all(b"still here\n").unwrap();
            if service == "time" {
                read_until(&mut other, "still here\n");
            }
        }
    }
}

#[test]
fn limits_hold_and_new_connections_wait() {
    for io in MODELS {
        let serving =
            Serving::start(&["tcp", "0", "--io", io, "--max-connections", "2", "--idle-timeout", "1.5"]);
        let (mut one, two) = (connected(&serving), connected(&serving));
        serving.until("has come");
        serving.until("has come");
        let mut three = connected(&serving);
        three.write_all(b"third\n").unwrap();
        serving.until("new ones wait");
        one.write_all(b"first\n").unwrap();
        read_until(&mut one, "first\n");
        drop(two);
        read_until(&mut three, "third\n");
        serving.until("taken again");
        let silent = Instant::now();
        assert_eq!(all_of(one), "", "{io}");
        assert!(silent.elapsed() < Duration::from_secs(6), "{io}");
        serving.until("silent for too long");
    }
}

/// Whoever writes datagrams from many addresses, or from none that is its own, keeps nobody else from being answered.
#[test]
fn whoever_is_silent_makes_room_for_others_who_write_datagrams() {
    for io in MODELS {
        let serving = Serving::start(&["udp", "0", "--io", io, "--max-connections", "3"]);
        let writers: Vec<UdpSocket> = (0..10).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        for round in 0..3 {
            for writer in &writers {
                writer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                writer.send_to(b"hello", &serving.address).unwrap();
                let mut buffer = [0; 100];
                assert_eq!(writer.recv(&mut buffer).unwrap(), 5, "{io}, round {round}");
            }
        }
    }
}

/// An address that has written more than it may is not served as a new one when it writes again.
#[test]
fn who_writes_more_datagrams_than_allowed_is_refused_and_stays_so() {
    for io in MODELS {
        let serving = Serving::start(&["udp", "0", "--io", io, "--max-size", "10"]);
        let writer = || {
            let writer = UdpSocket::bind("127.0.0.1:0").unwrap();
            writer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            writer.connect(&serving.address).unwrap();
            writer
        };
        let (one, two, other) = (writer(), writer(), writer());
        let answered = |octets: &[u8]| {
            other.send(octets).unwrap();
            assert_eq!(other.recv(&mut [0; 100]).unwrap(), octets.len(), "{io}");
        };
        one.send(b"fourteen octet").unwrap();
        one.send(b"nineteen octets all").unwrap();
        one.send(b"few").unwrap();
        two.send(b"ten octets").unwrap();
        assert_eq!(two.recv(&mut [0; 100]).unwrap(), 10, "{io}: as many as are allowed");
        two.send(b"x").unwrap();
        two.send(b"y").unwrap();
        // They come in order: what the refused have written was looked at before this is answered.
        answered(b"first");
        answered(b"more");
        for refused in [&one, &two] {
            refused.set_nonblocking(true).unwrap();
            assert!(refused.recv(&mut [0; 100]).is_err(), "{io}: it was answered");
        }
        let (code, lines) = serving.end();
        assert_eq!(code, Some(0), "{io}");
        for (refused, counts) in [(&one, "14 octets in, 0 out"), (&two, "11 octets in, 10 out")] {
            let name = refused.local_addr().unwrap().to_string();
            let said: Vec<_> = lines.iter().filter(|line| line.contains(&name)).collect();
            assert!(said.len() == 2 && said[0].contains("has come"), "{io}: {lines:#?}");
            assert!(
                said[1].contains("was refused: it has sent more octets than are allowed"),
                "{io}: {said:?}"
            );
            assert!(said[1].contains(counts), "{io}: {said:?}");
        }
    }
}

#[test]
fn where_descriptors_run_out_new_connections_wait_and_the_old_live() {
    for io in MODELS {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n 40; exec {RAWSOCK} serve tcp 0 --io {io} --json");
        command.args(["-c", &script]);
        let mut serving = {
            let mut command = command;
            command.stderr(Stdio::null());
            // Its first event says where it listens.
            Waiting::start(command)
        };
        let mut open: Vec<TcpStream> =
            (0..60).map(|_| TcpStream::connect(&serving.address).unwrap()).collect();
        serving.until("\"waiting\"");
        for stream in &mut open {
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            stream.write_all(b"x").unwrap();
        }
        // Those that wait are served when others go.
        for mut stream in open {
            let mut octet = [0];
            stream.read_exact(&mut octet).unwrap_or_else(|error| panic!("{io}: {error}"));
        }
        serving.until("\"resumed\"");
    }
}

/// A server that prints JSON.
struct Waiting {
    serving: std::process::Child,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
    address: String,
}

impl Waiting {
    fn start(mut command: Command) -> Self {
        use std::io::BufRead;
        let mut serving = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = std::io::BufReader::new(serving.stdout.take().unwrap()).lines();
        let line: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(line["event"], "listening");
        Self { serving, lines, address: line["address"].as_str().unwrap().to_owned() }
    }

    fn until(&mut self, words: &str) {
        assert!(self.lines.by_ref().map(Result::unwrap).any(|line| line.contains(words)), "no {words}");
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.serving.kill();
        let _ = self.serving.wait();
    }
}

#[test]
fn a_rate_is_kept_and_sigterm_drains_within_its_bound() {
    for io in MODELS {
        let serving = Serving::start(&["tcp", "0", "--io", io, "--max-rate", "20000"]);
        let mut stream = connected(&serving);
        let begun = Instant::now();
        stream.write_all(&[b'r'; 60_000]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(all_of(stream).len(), 60_000, "{io}");
        assert!(begun.elapsed() > Duration::from_millis(1500), "{io}: {:?}", begun.elapsed());
        // What came before the signal is answered; who never reads holds it up no longer than it says.
        let serving = Serving::start(&["tcp", "0", "--io", io, "--drain-time", "1", "--max-queue", "100000"]);
        let mut answered = connected(&serving);
        answered.write_all(b"before the end\n").unwrap();
        read_until(&mut answered, "the end\n");
        let mut stuck = connected(&serving);
        stuck.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        while stuck.write(&[0; 65_536]).is_ok() {}
        let begun = Instant::now();
        let ending = std::thread::spawn(move || serving.end());
        assert_eq!(all_of(answered), "", "{io}");
        let (code, lines) = ending.join().unwrap();
        assert_eq!(code, Some(0), "{io}");
        assert!(begun.elapsed() < Duration::from_secs(4), "{io}: {:?}", begun.elapsed());
        let text = lines.join("\n");
        assert!(text.contains("ending, with 2 still connected"), "{io}: {text}");
        assert!(text.contains("has ended, 15 octets in, 15 out"), "{io}: {text}");
    }
}

/// Each datagram has its answer, also the first of an address.
const DATAGRAMS: &str = "
import socket, sys
for number in range(50):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        for _ in range(2):
            s.sendto(b'by python', ('127.0.0.1', int(sys.argv[1])))
            print(s.recvfrom(1024)[0].decode())
";

#[test]
fn datagrams_and_unix_sockets_of_all_types_are_served_by_each_way_of_waiting() {
    let folder = tempfile::tempdir().unwrap();
    for io in MODELS {
        let serving = Serving::start(&["udp", "0", "--io", io, "--service", "time"]);
        let address = format!("UDP4:{}", serving.address);
        let socat = with_input("socat", &["-T", "1", "-", &address], b"by socat\n", BRIEFLY);
        assert!(text_of(&socat).contains("] by socat\n"), "{io}: {}", text_of(&socat));
        let python = run(Command::new("python3").args(["-c", DATAGRAMS, serving.port()]));
        assert_eq!(text_of(&python).matches("] by python").count(), 100, "{io}: {}", text_of(&python));
        assert_eq!(serving.end().0, Some(0), "{io}");
        for (kind, socat_type) in [("stream", 1), ("seqpacket", 5)] {
            let path = folder.path().join(format!("{io}-{kind}"));
            let path = path.to_str().unwrap();
            let serving = Serving::start(&["unix", path, "--type", kind, "--io", io]);
            let address = format!("UNIX-CONNECT:{path},type={socat_type}");
            let socat = with_input("socat", &["-t", "1", "-", &address], b"by socat\n", BRIEFLY);
            assert_eq!(text_of(&socat), "by socat\n", "{io} {kind}");
            assert_eq!(serving.end().0, Some(0));
            assert!(!fs::exists(path).unwrap(), "{io} {kind}: the path is removed");
        }
        let path = folder.path().join(format!("{io}-dgram"));
        let path = path.to_str().unwrap();
        let serving = Serving::start(&["unix", path, "--type", "dgram", "--io", io]);
        let peer = std::os::unix::net::UnixDatagram::bind(folder.path().join(format!("{io}-peer"))).unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        peer.send_to(b"one", path).unwrap();
        peer.send_to(b"", path).unwrap();
        peer.send_to(b"two", path).unwrap();
        let mut buffer = [0; 10];
        let answers: Vec<usize> = (0..3).map(|_| peer.recv(&mut buffer).unwrap()).collect();
        assert_eq!(answers, [3, 0, 3], "{io}: messages stay what they are");
        assert_eq!(serving.end().0, Some(0));
        let name = format!("@rawsock-test-{io}-{}", std::process::id());
        let serving = Serving::start(&["unix", &name, "--io", io]);
        let address = format!("ABSTRACT-CONNECT:{}", &name[1..]);
        let socat = with_input("socat", &["-t", "1", "-", &address], b"abstract\n", BRIEFLY);
        assert_eq!(text_of(&socat), "abstract\n", "{io}");
        drop(serving);
    }
}

/// Under sudo, what a command makes belongs to the user who called it: a socket that only root may write to takes nobody else.
#[test]
fn what_is_made_under_sudo_belongs_to_its_caller() {
    let (user, group) = (12_345, 23_456);
    let map = fs::read_to_string("/proc/self/uid_map").unwrap();
    let is_known = map.split_whitespace().nth(2).is_some_and(|count| count.parse::<u32>().unwrap() > group);
    // Whoever is not root is nobody's sudo, and stays the owner.
    let is_other = support::is_root() && is_known;
    let folder = tempfile::tempdir().unwrap();
    if is_other {
        std::os::unix::fs::chown(folder.path(), Some(user), Some(group)).unwrap();
    }
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let own = fs::metadata(folder.path()).unwrap();
    let assert_given = |name: &str| {
        let metadata = fs::symlink_metadata(path(name)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (own.uid(), own.gid()), "{name}");
    };
    let by_sudo = |arguments: &[&str]| {
        let mut command = Command::new(RAWSOCK);
        command.args(arguments).env("SUDO_UID", user.to_string()).env("SUDO_GID", group.to_string());
        command
    };
    for kind in ["stream", "dgram", "seqpacket"] {
        let (socket, source) = (path(kind), path(&format!("{kind}-source")));
        let serving = Serving::run(by_sudo(&["serve", "unix", &socket, "--type", kind]));
        assert_given(kind);
        let (file, name) = (path(&format!("{kind}-file")), format!("{kind}-file"));
        for force in [&[][..], &["--force"]] {
            let _ = (fs::remove_file(&file), fs::remove_file(&source));
            let to = [
                "connect", "unix", &socket, "--type", kind, "-w", "0.3", "--source", &source, "--recv", &file,
            ];
            let output = run(by_sudo(&[&to, force].concat()).stdin(Stdio::null()));
            assert_eq!(output.status.code(), Some(0), "{kind}: {}", text_of(&output));
            assert_given(&name);
            assert_given(&format!("{kind}-source"));
        }
        // Who has become that user removes the socket again.
        assert_eq!(serving.end().0, Some(0), "{kind}");
        assert!(!fs::exists(&socket).unwrap(), "{kind}");
    }
}

#[test]
fn what_cannot_be_listened_on_is_said_with_its_remedy() {
    let refused = |arguments: &[&str], words: &str| {
        let output = run(Command::new("timeout").arg("5").arg(RAWSOCK).arg("serve").args(arguments));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text_of(&output));
        assert!(text_of(&output).contains(words), "{arguments:?}: {}", text_of(&output));
    };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    refused(&["tcp", &taken.local_addr().unwrap().to_string()], "another program has the port: `ss -lp");
    refused(&["tcp", "203.0.113.1:7"], "no address of this host: `ip addr` lists them");
    refused(&["tcp", "localhost"], "takes PORT, HOST:PORT or *:PORT");
    refused(&["tcp", "0", "--type", "stream"], "--type is for unix");
    refused(&["tcp", "0", "--service", "file"], "--offer FILE or --into FOLDER");
    refused(&["tcp", "0", "-k"], "--keep-open is for --service pipe");
    refused(&["tcp", "0", "--max-message", "0"], "--max-message");
    refused(&["udp", "0", "--service", "file", "--into", "."], "datagrams would have to be put in order");
    refused(&["unix", &"x".repeat(200)], "more than the 107");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let path = path.to_str().unwrap();
    fs::write(path, "a file").unwrap();
    refused(&["unix", path, "--force"], "there is a file already, which is no socket, and stays");
    assert_eq!(fs::read_to_string(path).unwrap(), "a file");
    fs::remove_file(path).unwrap();
    let live = Serving::start(&["unix", path]);
    refused(&["unix", path, "--force"], "another program listens there");
    rawsock::sys::process::send_signal(live.id(), 9).unwrap();
    drop(live);
    refused(&["unix", path], "at which nobody listens any more: --force removes it");
    drop(Serving::start(&["unix", path, "--force"]));
}

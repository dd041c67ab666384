//! `rawsock connect`, against the servers of others and against ours; files with their sums; `--explain`; `sockets`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "this is test code"
)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rawsock::sys::capability::{self, Capability, Grant};
use serde_json::Value;
use support::endpoint::{MODELS, Serving, read_until, with_input};
use support::{RAWSOCK, run, text_of};

const BRIEFLY: Duration = Duration::from_millis(200);

fn connect(arguments: &[&str], input: &[u8]) -> Output {
    with_input(RAWSOCK, &[&["connect"], arguments].concat(), input, BRIEFLY)
}

/// A server of somebody else's, on a port that was free just now.
fn others(program: &str, arguments: &dyn Fn(&str) -> Vec<String>) -> (std::process::Child, String) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let child = Command::new(program)
        .args(arguments(&port))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    // Asked without connecting, which would be the one connection that some of them take.
    let listens = || {
        let hex = format!(":{:04X} ", port.parse::<u16>().unwrap());
        let table =
            ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
        table.concat().lines().any(|line| line.contains(&hex) && line.contains(" 0A "))
    };
    while !listens() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{program} does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
    (child, port)
}

#[test]
fn a_port_may_stand_behind_its_host() {
    let serving = Serving::start(&["tcp", "0"]);
    for host in ["127.0.0.1", "localhost"] {
        let output = connect(&["tcp", "-4", host, serving.port()], b"hello\n");
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"hello\n"[..]), "{host}");
    }
    let serving = Serving::start(&["tcp", "[::1]:0"]);
    for host in ["::1", "[::1]"] {
        assert_eq!(connect(&["tcp", host, serving.port()], b"hello\n").stdout, b"hello\n", "{host}");
    }
    for (arguments, words) in [
        (["tcp", "localhost:7", "8"], "localhost:7 has a port already: 8 cannot be one, too"),
        (["tcp", "[::1]:7", "8"], "[::1]:7 has a port already"),
        (["unix", "@name", "8"], "a Unix socket has a path or a name, and no port"),
    ] {
        let output = connect(&arguments, b"");
        assert!(text_of(&output).contains(words), "{arguments:?}: {}", text_of(&output));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

/// What comes and cannot be written is told as such; a reader that has enough is none of anybody's faults.
#[test]
fn whoever_reads_what_comes_may_end_and_a_full_disk_is_told() {
    let serving = Serving::start(&["tcp", "0", "--service", "chargen"]);
    let run = |sink: &str| {
        let command = format!("{RAWSOCK} connect tcp {} < /dev/null {sink}", serving.address);
        let output = Command::new("sh")
            .args(["-c", &format!("{{ {command}; echo \"code $?\" >&2; }}")])
            .output()
            .unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let full = run("> /dev/full");
    assert!(full.contains("what it says cannot be written: no space left on device"), "{full}");
    assert!(full.contains("code 2"), "{full}");
    let command = format!("{RAWSOCK} connect tcp {} < /dev/null", serving.address);
    let script = format!("{{ {command}; echo \"code $?\" >&2; }} | head -c 100 > /dev/null");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "code 0\n");
}

/// The server of a tutorial: a line of its own for each step, and one client.
const TUTORIAL: &str = "
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.bind(('127.0.0.1', int(sys.argv[1])))
s.listen(1)
conn, addr = s.accept()
while True:
    data = conn.recv(1024)
    if not data: break
    conn.send(b'[%s] ' % addr[0].encode() + data)
conn.close()
";

#[test]
fn it_talks_to_the_servers_of_others() {
    let (mut ncat, port) =
        others("ncat", &|port| ["-l", "127.0.0.1", port, "-e", "/bin/cat"].map(String::from).to_vec());
    let output = connect(&["tcp", &port, "-v"], b"by ncat\n\xff");
    assert_eq!(output.stdout, b"by ncat\n\xff", "{}", text_of(&output));
    assert!(text_of(&output).contains("has ended, 9 octets in, 9 out"), "{}", text_of(&output));
    ncat.wait().unwrap();
    let (mut python, port) = others("python3", &|port| vec!["-c".into(), TUTORIAL.into(), port.into()]);
    let output = connect(&["tcp", &format!("127.0.0.1:{port}")], b"hello\n");
    assert_eq!(text_of(&output), "[127.0.0.1] hello\n");
    assert!(python.wait().unwrap().success());
    let (mut socat, port) = others("socat", &|port| {
        vec!["-t".into(), "3".into(), format!("TCP4-LISTEN:{port},bind=127.0.0.1"), "STDIO".into()]
    });
    let mut stdin = socat.stdin.take().unwrap();
    // Both ways at once: the server speaks first, and goes on when we have ended.
    stdin.write_all(b"first\n").unwrap();
    let late = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(800));
        stdin.write_all(b"last\n").unwrap();
    });
    let output = connect(&["tcp", &port], b"from us\n");
    late.join().unwrap();
    assert_eq!(text_of(&output), "first\nlast\n");
    let mut heard = String::new();
    socat.stdout.take().unwrap().read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "from us\n");
    socat.wait().unwrap();
}

#[test]
fn options_do_what_they_say() {
    let serving = Serving::start(&["tcp", "0"]);
    let output = connect(&["tcp", &serving.address, "--crlf"], b"a\nb\r\nc");
    assert_eq!(output.stdout, b"a\r\nb\r\nc");
    let output = connect(&["tcp", &serving.address, "--hex"], b"48 69:0a\nnone\n");
    let text = text_of(&output);
    assert!(text.contains("3 octets\n\t0x0000:  4869 0a") && text.contains("Hi."), "{text}");
    assert!(text.contains("not sent: a line takes pairs of hex digits"), "{text}");
    assert_eq!(output.status.code(), Some(2), "{text}");
    let output = connect(&["tcp", &serving.address, "--json"], b"x");
    let events: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["connected", "received", "closed"]);
    let told = fs::read_to_string("docs/JSON.md").unwrap();
    let keys = events.iter().flat_map(|event| event.as_object().unwrap().keys());
    keys.for_each(|key| assert!(told.contains(&format!("`{key}`")), "docs/JSON.md does not tell `{key}`"));
    assert_eq!((&events[1]["hex"], &events[2]["octets_in"]), (&"78".into(), &1.into()));
    let arguments =
        ["tcp", &serving.address, "--source", "127.0.0.9", "--nodelay", "--keepalive", "5", "--explain"];
    let text = text_of(&connect(&arguments, b"x"));
    for words in ["TCP_NODELAY, 1) = 0", "TCP_KEEPIDLE, 5) = 0", "bind(3, 127.0.0.9:0) = 0"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    serving.until("127.0.0.9:");
    let text = text_of(&connect(&["tcp", &serving.address, "--bind-interface", "no-such"], b"x"));
    assert!(text.contains("bind to no-such: no such device; `rawsock interfaces` lists them"), "{text}");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = connect(&["tcp", &silent.local_addr().unwrap().to_string(), "--idle-timeout", "0.3"], b"");
    assert_eq!(output.status.code(), Some(1), "nothing came: {}", text_of(&output));
}

#[test]
fn datagrams_end_after_a_silence_and_each_line_is_one() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    let serving = std::thread::spawn(move || {
        let mut messages = Vec::new();
        for _ in 0..2 {
            let mut buffer = [0; 100];
            let (len, from) = server.recv_from(&mut buffer).unwrap();
            server.send_to(b"heard\n", from).unwrap();
            messages.push(buffer[..len].to_vec());
        }
        messages
    });
    let output = connect(&["udp", &address, "-w", "0.5"], b"one\ntwo");
    assert_eq!((text_of(&output).as_str(), output.status.code()), ("heard\nheard\n", Some(0)));
    assert_eq!(serving.join().unwrap(), [&b"one\n"[..], b"two"]);
    for kind in ["stream", "dgram", "seqpacket"] {
        let name = format!("@rawsock-connect-{kind}-{}", std::process::id());
        let serving = Serving::start(&["unix", &name, "--type", kind]);
        let output = connect(&["unix", &name, "--type", kind, "-w", "0.3"], b"one\ntwo\n");
        assert_eq!(text_of(&output), "one\ntwo\n", "{kind}");
        drop(serving);
    }
}

#[test]
fn what_is_wrong_is_said() {
    let refused = |arguments: &[&str], words: &str| {
        let output = connect(arguments, b"x");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text_of(&output));
        assert!(text_of(&output).contains(words), "{arguments:?}: {}", text_of(&output));
    };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    refused(&["tcp", &port], "connection refused: nobody listens there");
    refused(&["tcp", &port, "--source", "203.0.113.1"], "it is no address of this host");
    refused(&["unix", "/nonexistent/socket"], "there is no such socket");
    refused(&["udp", &port, "--checked", "--send", "x"], "datagrams would have to be put in order");
    refused(&["tcp", &port, "--checked"], "--send FILE or --recv FILE");
    refused(&["udp", &port, "--nodelay"], "--nodelay and --keepalive are for tcp");
    refused(&["udp", &port], "connection refused: nobody listens there");
    refused(&["tcp", "[fe80::1]:7"], "a link-local address takes its interface");
    refused(&["tcp", "fe80::1%nosuch", "7"], "nosuch");
    let name = format!("@rawsock-wrong-{}", std::process::id());
    let serving = Serving::start(&["unix", &name, "--type", "seqpacket"]);
    refused(&["unix", &name], "nobody listens there, at least not with --type stream");
    drop(serving);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s").to_str().unwrap().to_owned();
    let serving = Serving::start(&["unix", &path, "--type", "seqpacket"]);
    refused(&["unix", &path], "it is a socket of another type");
    drop(serving);
    // A peer that resets.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let resetting = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    });
    refused(&["tcp", &address], "has reset the connection");
    resetting.join().unwrap();
}

#[test]
fn files_go_with_their_sums_both_ways_by_each_way_of_waiting() {
    for io in MODELS {
        let place = tempfile::tempdir().unwrap();
        let (from, into) = (place.path().join("big.bin"), place.path().join("into"));
        fs::create_dir(&into).unwrap();
        let octets: Vec<u8> =
            (0..3_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        fs::write(&from, &octets).unwrap();
        let (from, folder) = (from.to_str().unwrap(), into.to_str().unwrap());
        let serving = Serving::start(&["tcp", "0", "--service", "file", "--into", folder, "--io", io]);
        // A first attempt that breaks off leaves what came, and the next one goes on from there.
        let sum = text_of(&run(Command::new("sha256sum").arg(from)))[..64].to_owned();
        let mut broken = TcpStream::connect(&serving.address).unwrap();
        broken.write_all(format!("FILE 3000000 {sum} big.bin\n").as_bytes()).unwrap();
        broken.write_all(&octets[..1_000_000]).unwrap();
        broken.shutdown(Shutdown::Write).unwrap();
        broken.read_to_end(&mut Vec::new()).unwrap();
        serving.until("the connection ended after 1000000 of 3000000 octets");
        let part = into.join(format!("big.bin.{}.part", &sum[..16]));
        assert_eq!(fs::metadata(&part).unwrap().len(), 1_000_000, "{io}");
        let output = connect(&["tcp", &serving.address, "--send", from, "--checked", "-v"], b"");
        assert_eq!(output.status.code(), Some(0), "{io}: {}", text_of(&output));
        assert!(text_of(&output).contains("2000086 out"), "{io}: the rest alone: {}", text_of(&output));
        assert!(fs::read(into.join("big.bin")).unwrap() == octets && !part.exists(), "{io}");
        // What is there stays.
        let output = connect(&["tcp", &serving.address, "--send", from, "--checked"], b"");
        assert_eq!(output.status.code(), Some(2), "{io}");
        assert!(
            text_of(&output).contains("there is a big.bin already, and it stays"),
            "{}",
            text_of(&output)
        );
        let serving = Serving::start(&["tcp", "0", "--service", "file", "--offer", from, "--io", io]);
        let got = place.path().join("got.bin");
        let output = connect(&["tcp", &serving.address, "--recv", got.to_str().unwrap(), "--checked"], b"");
        assert_eq!(output.status.code(), Some(0), "{io}: {}", text_of(&output));
        assert!(fs::read(&got).unwrap() == octets, "{io}");
        let output = connect(&["tcp", &serving.address, "--recv", got.to_str().unwrap(), "--checked"], b"");
        assert!(text_of(&output).contains("there is a file already, and it stays"), "{}", text_of(&output));
        let offered = with_input("ncat", &["127.0.0.1", serving.port()], b"FROM 2999990\n", BRIEFLY).stdout;
        assert!(offered.ends_with(&octets[2_999_990..]) && offered.starts_with(b"FILE 3000000 "), "{io}");
    }
}

#[test]
fn no_file_leaves_its_folder() {
    let place = tempfile::tempdir().unwrap();
    let (into, outside) = (place.path().join("into"), place.path().join("outside"));
    fs::create_dir(&into).unwrap();
    fs::write(&outside, "kept").unwrap();
    let serving = Serving::start(&[
        "tcp",
        "0",
        "--service",
        "file",
        "--into",
        into.to_str().unwrap(),
        "--max-size",
        "1000",
    ]);
    let sum = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let said = |line: &str| {
        let input = format!("{line}\ntest");
        text_of(&with_input("ncat", &["127.0.0.1", serving.port()], input.as_bytes(), BRIEFLY))
    };
    for name in ["../outside", "/tmp/outside", "..", "", "a/b", "\x1b[2Jx"] {
        let text = said(&format!("FILE 4 {sum} {name}"));
        assert!(text.contains("ERROR the name is refused"), "{name:?}: {text}");
    }
    // A link where the file would be while it comes, and one of its name.
    symlink(&outside, into.join(format!("soft.{}.part", &sum[..16]))).unwrap();
    assert!(said(&format!("FILE 4 {sum} soft")).contains("ERROR soft."));
    symlink(&outside, into.join("named")).unwrap();
    assert!(said(&format!("FILE 4 {sum} named")).contains("there is a named already"));
    assert!(said(&format!("FILE 4 {} wrong", "0".repeat(64))).contains("ERROR its SHA-256 is another one"));
    assert!(said(&format!("FILE 1001 {sum} large")).contains("1001 octets are more than 1000"));
    assert!(said(&format!("FILE 3 {sum} short")).contains("ERROR more octets came than were told"));
    assert!(said("GET / HTTP/1.0").contains("ERROR FILE LENGTH SHA256 NAME"));
    assert!(said(&format!("FILE 4 {sum} right")).contains(&format!("OK {sum}")));
    assert_eq!(fs::read_to_string(&outside).unwrap(), "kept");
    assert_eq!(fs::read_to_string(into.join("right")).unwrap(), "test");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
}

#[test]
fn raw_files_arrive_whole_and_replace_nothing() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    fs::write(&from, "octets\0of a file\n".repeat(10_000)).unwrap();
    let serving = Serving::start(&["tcp", "0"]);
    let arguments =
        ["tcp", &serving.address, "--send", from.to_str().unwrap(), "--recv", to.to_str().unwrap()];
    assert_eq!(connect(&arguments, b"").status.code(), Some(0));
    assert!(fs::read(&from).unwrap() == fs::read(&to).unwrap());
    assert!(text_of(&connect(&arguments, b"")).contains("(--force replaces it)"));
}

#[test]
fn the_pipe_works_under_every_driver() {
    for model in MODELS {
        // serve --service pipe is the other end of connect; its log goes to stderr.
        let name = format!("@rawsock-pipe-{model}-{}", std::process::id());
        let mut command = Command::new(RAWSOCK);
        command.args(["serve", "unix", &name, "--service", "pipe", "--io", model]);
        let mut pipe =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        pipe.stdin.take().unwrap().write_all(b"from the server\n").unwrap();
        let begun = Instant::now();
        let output = loop {
            let output = connect(&["unix", &name], b"from the client\n");
            if output.status.success() || begun.elapsed() > Duration::from_secs(10) {
                break output;
            }
        };
        assert_eq!(text_of(&output), "from the server\n", "{model}");
        let output = pipe.wait_with_output().unwrap();
        assert_eq!(
            (String::from_utf8_lossy(&output.stdout).as_ref(), output.status.code()),
            ("from the client\n", Some(0)),
            "{model}"
        );
    }
}

/// A queue may be shorter than what is read from stdin at once.
#[test]
fn a_pipe_with_a_short_queue_takes_all_of_its_input() {
    let place = tempfile::tempdir().unwrap();
    let from = place.path().join("from");
    fs::write(&from, "octets of a file\n".repeat(2000)).unwrap();
    for (kind, queue) in [("stream", "8192"), ("stream", "1024"), ("seqpacket", "1024")] {
        let name = format!("@rawsock-queue-{kind}-{queue}-{}", std::process::id());
        let mut command = Command::new(RAWSOCK);
        command.args(["serve", "unix", &name, "--type", kind, "--service", "pipe", "--max-queue", queue]);
        let (mut pipe, _) = piped(command, &from);
        let output = connect(&["unix", &name, "--type", kind], b"");
        assert!(output.stdout == fs::read(&from).unwrap(), "{kind} {queue}: {}", output.stdout.len());
        assert_eq!(pipe.wait().unwrap().code(), Some(0), "{kind} {queue}");
    }
}

/// A `serve --service pipe` that listens, with a file, or what there is of this name, as its stdin; and what it has said until then.
fn piped(mut command: Command, stdin: &Path) -> (std::process::Child, String) {
    let stdin = fs::File::open(stdin).unwrap();
    let mut pipe = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let said = read_until(pipe.stderr.as_mut().unwrap(), "listening on ");
    (pipe, said)
}

/// What cannot be read is no end of the input like any other: the other side has a part of it at most.
#[test]
fn input_that_cannot_be_read_is_told_and_no_success() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().to_str().unwrap();
    let serving = Serving::start(&["tcp", "0"]);
    for form in [&[][..], &["--crlf"], &["--json"]] {
        let output = connect(&[&["tcp", &serving.address, "--send", folder], form].concat(), b"");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said, format!("rawsock: read {folder}: is a directory\n"), "{form:?}");
        assert_eq!(output.status.code(), Some(2), "{form:?}");
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().for_each(|line| drop(serde_json::from_str::<Value>(line).unwrap()));
    }
    let name = format!("@rawsock-unread-{}", std::process::id());
    let mut command = Command::new(RAWSOCK);
    command.args(["serve", "unix", &name, "--service", "pipe"]);
    let (pipe, said) = piped(command, place.path());
    assert_eq!(connect(&["unix", &name], b"").status.code(), Some(0));
    let output = pipe.wait_with_output().unwrap();
    let said = said + &text_of(&output);
    assert!(said.contains("rawsock: read stdin: is a directory\n"), "{said}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn explain_has_the_packets_beside_the_calls() {
    let serving = Serving::start(&["tcp", "0"]);
    let text = text_of(&connect(&["tcp", &serving.address, "--explain"], b"hello\n"));
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words} is not in:\n{text}"));
    let calls = [
        "socket(AF_INET, SOCK_STREAM) = 3",
        "connect(3, 127.0.0.1:",
        "send(3, \"hello\\n\", 6)",
        "shutdown(3, SHUT_WR)",
        "close(3)",
    ];
    assert!(calls.map(place).is_sorted(), "{text}");
    place("[CLOSED -> ESTABLISHED]");
    place("retransmitted}");
    if capability::granted(Capability::NetRaw).unwrap() == Grant::Effective {
        let handshake = [
            "connect(3",
            "|---------->|  IP 127.0.0.1",
            "Flags [S],",
            "|<----------|",
            "Flags [S.]",
            "… connect = 0",
        ];
        assert!(handshake.map(place).is_sorted(), "{text}");
        assert!(place("shutdown(3") < place("Flags [F.]"), "{text}");
    } else {
        place("the packets are not shown");
    }
    for io in MODELS {
        let serving = Serving::start(&["tcp", "0", "--io", io, "--explain"]);
        connect(&["tcp", &serving.address], b"hello\n");
        let (_, lines) = serving.end();
        let text = lines.join("\n");
        for words in ["accept4(", "from 127.0.0.1:", "recv(", "\"hello\\n\") = 6", "shutdown("] {
            assert!(text.contains(words), "{io}: no {words} in\n{text}");
        }
    }
}

#[test]
fn sockets_says_what_works_here() {
    let output = run(Command::new(RAWSOCK).args(["sockets", "--json"]));
    let rows: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let state = |family: &str, kind: &str, protocol: &str| {
        let row = rows
            .iter()
            .find(|row| row["family"] == family && row["type"] == kind && row["protocol"] == protocol);
        row.unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state("AF_INET", "SOCK_STREAM", "IPPROTO_TCP"), "works");
    assert_eq!(state("AF_INET", "SOCK_RDM", "0"), "not_supported");
    // Python's own calls are the judge.
    const PYTHON: &str = "
import socket, sys, json
for row in map(json.loads, sys.stdin):
    numbers = {'SOCK_DCCP': 6, 'IPPROTO_MPTCP': 262, 'IPPROTO_UDPLITE': 136, 'IPPROTO_SCTP': 132, 'IPPROTO_DCCP': 33, '0': 0}
    number = lambda name: numbers.get(name, getattr(socket, name, None))
    wanted = [number(row[key]) for key in ('family', 'type', 'protocol')]
    if None in wanted: continue
    try: socket.socket(*wanted).close(); state = 'works'
    except PermissionError: state = 'not_permitted'
    except OSError: state = 'not_supported'
    assert state == row['state'], (row, state)
    print(state)
";
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let judged = with_input("python3", &["-c", PYTHON], lines.as_bytes(), Duration::ZERO);
    assert!(judged.status.success() && text_of(&judged).lines().count() > 30, "{}", text_of(&judged));
    let text = text_of(&run(Command::new(RAWSOCK).args(["sockets", "unix"])));
    assert!(text.contains("AF_UNIX  SOCK_SEQPACKET  0         works"), "{text}");
    let output = run(Command::new(RAWSOCK).args(["sockets", "nothing"]));
    assert_eq!(output.status.code(), Some(2));
}

//! `--resolve`: names from the capture, from this system's files, and from a name server that answers, is slow, or is not there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod corpus;
mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rawsock::sys::mount;
use support::{RAWSOCK, lab, run, text_of};

fn read(file: &Path, arguments: &[&str]) -> String {
    let output = run(Command::new(RAWSOCK).args(["read", "-t"]).args(arguments).arg(file));
    assert!(corpus::ended_well(&output), "{}", text_of(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// A capture of these packets.
fn capture(expressions: &[String], directory: &Path) -> std::path::PathBuf {
    let spec: Vec<String> =
        expressions.iter().map(|layers| format!("[[packet]]\nlayers = [{layers}]\n")).collect();
    let (text, file) = (directory.join("spec.toml"), directory.join("packets.pcapng"));
    fs::write(&text, spec.concat()).unwrap();
    let output = run(Command::new(RAWSOCK).args(["craft", "-q"]).arg(&text).arg("-w").arg(&file));
    assert!(output.status.success(), "{}", text_of(&output));
    file
}

fn syn(from: &str, to: &str, port: u16) -> String {
    format!(
        "{{ ip = {{ src = \"{from}\", dst = \"{to}\" }} }}, {{ tcp = {{ srcport = 60999, dstport = {port} }} }}"
    )
}

/// A name resolution block: an address of each family with names, of which the first one counts.
fn names_block() -> Vec<u8> {
    let record = |kind: u16, address: &[u8], names: &[u8]| {
        let value = [address, names].concat();
        let mut record = [kind.to_le_bytes(), u16::try_from(value.len()).unwrap().to_le_bytes()].concat();
        record.extend(&value);
        record.resize(record.len().next_multiple_of(4), 0);
        record
    };
    let body = [
        record(1, &[198, 51, 100, 7], b"seven.example\0other.example\0"),
        record(1, &[198, 51, 100, 8], b"bad\x1b[2J\n.example\0"),
        vec![0; 4],
    ]
    .concat();
    let len = u32::try_from(body.len() + 12).unwrap().to_le_bytes();
    [&4u32.to_le_bytes()[..], &len, &body, &len].concat()
}

#[test]
fn names_of_the_capture_come_first_and_are_harmless() {
    let directory = tempfile::tempdir().unwrap();
    let packets = [syn("198.51.100.7", "198.51.100.8", 80), syn("198.51.100.8", "127.0.0.1", 60998)];
    let file = capture(&packets, directory.path());
    let octets = fs::read(&file).unwrap();
    // Behind the section header, whose length stands at its fifth octet.
    let (head, rest) = octets.split_at(octets[4] as usize);
    let named = directory.path().join("named.pcapng");
    fs::write(&named, [head, &names_block(), rest].concat()).unwrap();

    let lines = read(&named, &["--resolve"]);
    let lines: Vec<&str> = lines.lines().collect();
    assert!(
        lines[0].starts_with("IP seven.example.60999 > bad\\u{1b}[2J\\u{a}.example.http: Flags [S]"),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("IP bad\\u{1b}[2J\\u{a}.example.60999 > localhost.60998: Flags [S]"),
        "{lines:?}"
    );
    for arguments in [&[][..], &["-n"], &["-nn"], &["--resolve", "-nn"]] {
        assert!(
            read(&named, arguments).starts_with("IP 198.51.100.7.60999 > 198.51.100.8.80: Flags [S]"),
            "{arguments:?}"
        );
    }
    assert_eq!(read(&named, &["-n", "--resolve"]), read(&named, &["--resolve"]));
    let both = run(Command::new(RAWSOCK).args(["read", "--resolve", "--json"]).arg(&named));
    assert_eq!(both.status.code(), Some(2), "{}", text_of(&both));
}

/// Where the lines of numbers are those of tcpdump, those with names are too; but that tcpdump adds to some Ethernet addresses
/// that it does not know their vendor, or calls him Ethernet.
#[test]
fn lines_with_names_are_those_of_tcpdump() {
    if !support::on_client("lines_with_names_are_those_of_tcpdump") {
        return;
    }
    // Nobody listens there, which both are told at once.
    let directory = tempfile::tempdir().unwrap();
    ask_here(directory.path());
    let (mut compared, mut differ) = (0, 0);
    for file in corpus::captures().iter().filter(|file| file.starts_with(env!("CARGO_MANIFEST_DIR"))) {
        let tcpdump = |arguments: &[&str]| {
            let mut tcpdump = Command::new("tcpdump");
            let output = run(tcpdump.args(["-Z", "root", "-S", "-t"]).args(arguments).arg("-r").arg(file));
            String::from_utf8_lossy(&output.stdout)
                .replace(" (oui Unknown)", "")
                .replace(" (oui Ethernet)", "")
        };
        let theirs = [tcpdump(&["-n"]), tcpdump(&[])];
        let ours = [read(file, &["-n"]), read(file, &["--resolve"])];
        let [their_numbers, their_names] = theirs.each_ref().map(|text| text.lines().collect::<Vec<_>>());
        let [our_numbers, our_names] = ours.each_ref().map(|text| text.lines().collect::<Vec<_>>());
        assert_eq!(our_numbers.len(), our_names.len(), "{}", file.display());
        if their_numbers.len() != our_numbers.len() || their_names.len() != our_names.len() {
            continue;
        }
        for at in (0..our_numbers.len()).filter(|at| our_numbers[*at] == their_numbers[*at]) {
            assert_eq!(our_names[at], their_names[at], "{}: {}", file.display(), our_numbers[at]);
            compared += 1;
            differ += usize::from(our_names[at] != our_numbers[at]);
        }
    }
    assert!(compared > 300 && differ > 150, "{compared} lines, {differ} of them with names");
}

#[test]
fn a_live_capture_has_the_names_of_the_system_s_files() {
    let Some(lab) = lab() else { return };
    let mut capture = lab.command(rawsock::lab::Host::Client, RAWSOCK);
    let capture =
        capture.args(["capture", "-i", "eth0", "--resolve", "-t", "-c", "20", "-a", "duration:20s", "icmp"]);
    let capture =
        capture.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(15);
    let mut capture = capture;
    while capture.try_wait().unwrap().is_none() && Instant::now() < until {
        let mut ping = lab.command(rawsock::lab::Host::Client, RAWSOCK);
        run(ping.args(["ping", "-c1", "-W", "1", "10.77.2.2"]));
    }
    let output = capture.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    // A busy machine may show the first packets before it has their names: capturing does not wait.
    assert!(
        text.lines().any(|line| line.starts_with("IP client > server: ICMP echo request")),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Has names asked for on this host itself.
fn ask_here(directory: &Path) {
    let config = directory.join("resolv.conf");
    fs::write(&config, "nameserver 127.0.0.1\noptions timeout:20 attempts:1\n").unwrap();
    mount::bind(&config, Path::new("/etc/resolv.conf")).unwrap();
}

/// Answers questions for names of addresses, each after a while; `None` for never.
fn name_server(socket: UdpSocket, after: Option<Duration>) {
    std::thread::spawn(move || {
        let mut room = [0; 512];
        while let Ok((len, from)) = socket.recv_from(&mut room) {
            let Some(after) = after else { continue };
            std::thread::sleep(after);
            // The question again as an answer: the same flags and one record, a pointer (PTR) to a name.
            let question = room[12..len].iter().position(|octet| *octet == 0).map_or(len, |end| 12 + end + 5);
            let mut answer =
                [&room[..2], &[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0], &room[12..question]].concat();
            let name = [&[4][..], &room[13..13 + usize::from(room[12]).min(1)], b"-of\x04test\0"].concat();
            answer.extend([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 60]);
            answer.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
            answer.extend(name);
            let _ = socket.send_to(&answer, from);
        }
    });
}

#[test]
fn a_name_server_is_waited_for_but_not_for_long() {
    if !support::on_client("a_name_server_is_waited_for_but_not_for_long") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    ask_here(directory.path());
    let packets: Vec<String> =
        (1..=6).map(|last| syn("198.51.100.9", &format!("203.0.113.{last}"), 60997)).collect();
    let file = capture(&packets, directory.path());
    let timed = |arguments: &[&str]| {
        let began = Instant::now();
        (read(&file, arguments), began.elapsed())
    };

    // Nobody listens.
    let (lines, took) = timed(&["--resolve"]);
    assert!(lines.starts_with("IP 198.51.100.9.60999 > 203.0.113.1.60997: "), "{lines}");
    assert!(took < Duration::from_secs(4), "{took:?}");

    // Somebody listens, and says nothing: all lines together wait for a second.
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    name_server(socket.try_clone().unwrap(), None);
    let (lines, took) = timed(&["--resolve"]);
    assert_eq!(lines.lines().count(), 6);
    assert!(lines.lines().all(|line| line.starts_with("IP 198.51.100.9.60999 > 203.0.113.")), "{lines}");
    assert!((Duration::from_millis(900)..Duration::from_secs(4)).contains(&took), "{took:?}");
}

#[test]
fn a_name_server_s_names_are_printed() {
    if !support::on_client("a_name_server_s_names_are_printed") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    ask_here(directory.path());
    name_server(UdpSocket::bind("127.0.0.1:53").unwrap(), Some(Duration::from_millis(5)));
    let packets: Vec<String> =
        (1..=6).map(|last| syn("198.51.100.9", &format!("203.0.113.{last}"), 60997)).collect();
    let lines = read(&capture(&packets, directory.path()), &["--resolve"]);
    for (line, last) in lines.lines().zip(1..) {
        assert!(line.starts_with(&format!("IP 9-of.test.60999 > {last}-of.test.60997: ")), "{lines}");
    }
    assert_eq!(lines.lines().count(), 6);
}

/// The lines of a capture of these echo requests to addresses of this host, which are sent when it listens; and how long it took
/// until all lines were there.
fn lines_of_a_capture(last: &[u8], pause: Duration) -> (Vec<String>, Duration) {
    let count = last.len().to_string();
    let mut capture = Command::new(RAWSOCK);
    capture.args(["capture", "-i", "lo", "--resolve", "-t", "-c", &count, "-a", "duration:60s"]);
    capture.arg("icmp[icmptype] = icmp-echo").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut capture = capture.spawn().unwrap();
    let mut said = BufReader::new(capture.stderr.take().unwrap());
    said.read_line(&mut String::new()).unwrap();
    let began = Instant::now();
    for last in last {
        let packet = format!("ip(src=127.9.9.{last}, dst=127.9.9.{last})/icmp(type=8)");
        let sent = run(Command::new(RAWSOCK).args(["send", "-q", "--no-answers", "-i", "lo", &packet]));
        assert!(sent.status.success(), "{}", text_of(&sent));
        std::thread::sleep(pause);
    }
    let output = capture.wait_with_output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    (lines.lines().map(str::to_owned).collect(), began.elapsed())
}

#[test]
fn a_live_capture_waits_for_no_name() {
    if !support::on_client("a_live_capture_waits_for_no_name") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    ask_here(directory.path());
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    name_server(socket.try_clone().unwrap(), None);
    // More addresses than there are threads that ask.
    let last: Vec<u8> = (1..=12).collect();
    let (lines, took) = lines_of_a_capture(&last, Duration::ZERO);
    let expected: Vec<String> =
        last.iter().map(|last| format!("IP 127.9.9.{last} > 127.9.9.{last}: ICMP echo request")).collect();
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
    assert!(lines.iter().zip(&expected).all(|(line, start)| line.starts_with(start)), "{lines:?}");
    // One answer alone would have been waited for for longer.
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn a_live_capture_prints_a_name_as_soon_as_it_is_known() {
    if !support::on_client("a_live_capture_prints_a_name_as_soon_as_it_is_known") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    ask_here(directory.path());
    name_server(UdpSocket::bind("127.0.0.1:53").unwrap(), Some(Duration::from_millis(200)));
    let (lines, _) = lines_of_a_capture(&[7, 7, 7], Duration::from_secs(1));
    assert!(lines[0].starts_with("IP 127.9.9.7 > 127.9.9.7: ICMP echo request"), "{lines:?}");
    for line in &lines[1..] {
        assert!(line.starts_with("IP 7-of.test > 7-of.test: ICMP echo request"), "{lines:?}");
    }
    assert_eq!(lines.len(), 3);
}

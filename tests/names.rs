//! `--resolve`: names from the capture, from this system's files, and from a name server that answers, is slow, or is not there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rawsock::sys::mount;
use support::{RAWSOCK, lab, run, text_of};

fn read(file: &Path, arguments: &[&str]) -> String {
    let output = run(Command::new(RAWSOCK).args(["read", "-t"]).args(arguments).arg(file));
    assert!(output.status.success(), "{}", text_of(&output));
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

#[test]
fn a_live_capture_has_the_names_of_the_system_s_files() {
    let Some(lab) = lab() else { return };
    let mut capture = lab.command(rawsock::lab::Host::Client, RAWSOCK);
    let capture =
        capture.args(["capture", "-i", "eth0", "--resolve", "-t", "-c", "1", "-a", "duration:20s", "icmp"]);
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
    assert!(
        text.starts_with("IP client > server: ICMP echo request"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
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
    let config = directory.path().join("resolv.conf");
    fs::write(&config, "nameserver 127.0.0.1\noptions timeout:5 attempts:1\n").unwrap();
    mount::bind(&config, Path::new("/etc/resolv.conf")).unwrap();
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
    let config = directory.path().join("resolv.conf");
    fs::write(&config, "nameserver 127.0.0.1\noptions timeout:5 attempts:1\n").unwrap();
    mount::bind(&config, Path::new("/etc/resolv.conf")).unwrap();
    name_server(UdpSocket::bind("127.0.0.1:53").unwrap(), Some(Duration::from_millis(5)));
    let packets: Vec<String> =
        (1..=6).map(|last| syn("198.51.100.9", &format!("203.0.113.{last}"), 60997)).collect();
    let lines = read(&capture(&packets, directory.path()), &["--resolve"]);
    for (line, last) in lines.lines().zip(1..) {
        assert!(line.starts_with(&format!("IP 9-of.test.60999 > {last}-of.test.60997: ")), "{lines}");
    }
    assert_eq!(lines.lines().count(), 6);
}

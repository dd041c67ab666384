//! The memory of what runs for long or asks many: a ping of 65,536 hosts, a capture with traffic, a service with many connections.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::time::Duration;

use rawsock::lab::Host;
use rawsock::sys::process::send_signal;
use rawsock::sys::socket::raise_descriptor_limit;
use support::capture::{SIGTERM, counts_in, send};
use support::endpoint::{MODELS, Serving, read_until};
use support::fault::number_before;
use support::peak::Measured;
use support::{lab, run, skip_or_fail, text_of};

/// Runs rawsock in a namespace where this host has all addresses of 10.0.0.0/16; its output, and its peak in kB.
fn with_all_of_10_0(arguments: &[&str]) -> Option<(Output, u64)> {
    let measured = Measured::new();
    let script = "ip link set lo up && ip route add local 10.0.0.0/16 dev lo || { echo none; exit 9; }
        exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["-Urn", "sh", "-c", script, "sh"]).args(measured.around()).args(arguments);
    let output = run(&mut command);
    if output.status.code() == Some(9) {
        skip_or_fail(&format!("no namespace of one's own: {}", text_of(&output)));
        return None;
    }
    Some((output, measured.peak()))
}

#[test]
fn a_ping_of_65_536_hosts_takes_little_and_accounts_for_each() {
    let Some((few, least)) = with_all_of_10_0(&["ping", "-q", "-c1", "-W5", "--json", "10.0.0.0/24"]) else {
        return;
    };
    assert!(few.status.success(), "{}", text_of(&few));
    let Some((output, peak)) = with_all_of_10_0(&["ping", "-q", "-c1", "-W5", "--json", "10.0.0.0/16"])
    else {
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{last} {said}");
    assert_eq!(last["event"], "totals", "{last}");
    let (targets, answered) =
        (last["targets"].as_u64().unwrap(), last["probes"]["answered"].as_u64().unwrap());
    assert!(targets >= 65_534 && answered == targets, "{last}");
    println!("{targets} hosts: {peak} kB, 254: {least} kB");
    assert!(peak < least + 200 * 1024, "{targets} hosts: {peak} kB, 254: {least} kB");
}

#[test]
fn more_hosts_than_are_asked_are_refused_with_their_number() {
    let Some((output, _)) = with_all_of_10_0(&["ping", "-c1", "10.0.0.0/15"]) else { return };
    assert_eq!(output.status.code(), Some(2));
    assert!(text_of(&output).contains("65536"), "{}", text_of(&output));
    // Files may have more, and have an end, too: each of these networks has 65,534 hosts.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hosts");
    let networks: String = (0..17).map(|number| format!("10.{number}.0.0/16\n")).collect();
    fs::write(&file, networks).unwrap();
    let targets = ["ping", "-c1", "--strict", "--targets", file.to_str().unwrap()];
    let Some((output, _)) = with_all_of_10_0(&targets) else { return };
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text_of(&output).contains("more than 1048576 hosts are not asked at once"),
        "{}",
        text_of(&output)
    );
}

#[test]
fn a_capture_takes_as_much_after_many_packets_as_after_few() {
    let Some(lab) = lab() else { return };
    for options in [&[][..], &["--analysis"], &["--json"], &["-w", "/dev/null"]] {
        let peak_of = |packets: u32| {
            let measured = Measured::new();
            let around = measured.around();
            let mut command = lab.command(Host::Client, "sh");
            // What is printed goes nowhere; the process that is measured is the one below.
            command.args(["-c", "exec \"$@\" >/dev/null", "sh"]).args(&around);
            command
                .args(["capture", "-i", "eth0", "-Q", "out", "-c", &packets.to_string()])
                .args(options)
                .arg("udp");
            let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
            let mut stderr = child.stderr.take().unwrap();
            read_until(&mut stderr, "listening on eth0");
            let spec = "ip(dst=10.77.2.2)/udp(srcport=1024..65000, dstport=9)/data(zeros=100)";
            // What is dropped is sent again, so that the capture comes to its end.
            for _ in 0..20 {
                send(&lab, packets, spec);
                std::thread::sleep(Duration::from_millis(100));
                if child.try_wait().unwrap().is_some() {
                    break;
                }
            }
            let mut said = String::new();
            stderr.read_to_string(&mut said).unwrap();
            let status = child.wait().unwrap();
            assert!(status.success(), "{options:?}: {said}");
            assert!(counts_in(&said).received >= u64::from(packets), "{said}");
            measured.peak()
        };
        let (least, peak) = (peak_of(4000), peak_of(30_000));
        println!("{options:?}: 30,000 packets: {peak} kB, 4,000: {least} kB");
        // A ring is memory as well, once packets have been through all of it (8 MiB, with a file 64).
        assert!(peak < least + 70 * 1024, "{options:?}: {peak} kB, {least} kB after few");
    }
}

/// What a process has at most so far, in kB.
fn peak_of(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    number_before(status.split_once("VmHWM:").unwrap().1, " kB")
}

#[test]
fn connections_take_a_bounded_memory_each() {
    const CONNECTIONS: u64 = 400;
    /// As much as a peer may say without a line's end (`--max-message`), less one.
    const UNSAID: usize = 65_535;
    raise_descriptor_limit().unwrap();
    for model in MODELS {
        let serving =
            Serving::start(&["tcp", "0", "--io", model, "--service", "chat", "-q", "--max-rate", "0"]);
        let before = peak_of(serving.id());
        let mut open: Vec<TcpStream> = Vec::new();
        for _ in 0..CONNECTIONS {
            open.push(TcpStream::connect(&serving.address).unwrap());
        }
        // A thread that has not begun yet hears nothing of what is said.
        for stream in &mut open {
            read_until(stream, " here\n");
        }
        for stream in &mut open {
            stream.write_all(&[b'x'; UNSAID]).unwrap();
        }
        // All of it has been taken when the last is answered: a chat tells everybody what one says.
        let mut last = open.pop().unwrap();
        last.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        last.write_all(b"\n").unwrap();
        read_until(open.last_mut().unwrap(), "xxxx");
        let each = (peak_of(serving.id()) - before) / CONNECTIONS;
        println!("{model}: {each} kB a connection");
        // The message, what waits for the peer (`--max-queue`, 256 KiB), and the connection itself.
        assert!(each < 64 + 256 + 64, "{model}: {each} kB a connection");
        drop((open, last));
        send_signal(serving.id(), SIGTERM).unwrap();
        let (code, lines) = serving.end();
        assert_eq!(code, Some(0), "{model}: {lines:?}");
    }
}

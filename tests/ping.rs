//! `rawsock ping` in the lab, beside iputils ping.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rawsock::lab::{Host, Lab};
use support::{RAWSOCK, lab, run, text_of};

fn rawsock(lab: &Lab, arguments: &[&str]) -> Output {
    run(lab.command(Host::Client, RAWSOCK).arg("ping").args(arguments))
}

/// A text with each number as one `#`, so that only its shape is left.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    let mut in_number = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let goes_on = in_number && letter == '.' && letters.peek().is_some_and(char::is_ascii_digit);
        if letter.is_ascii_digit() || goes_on {
            if !in_number {
                shape.push('#');
            }
            in_number = true;
        } else {
            in_number = false;
            shape.push(letter);
        }
    }
    shape
}

#[test]
fn lines_have_the_shape_of_iputils() {
    let Some(lab) = lab() else { return };
    let cases: &[&[&str]] = &[
        &["-c2", "-i0.2", "10.77.2.2"],
        &["-c2", "-i0.2", "fd77:2::2"],
        &["-c2", "-i0.2", "-q", "10.77.2.2"],
        // Not -s0: iputils keeps the time of sending in the payload, and has no round trip without one.
        &["-c1", "-s16", "10.77.2.2"],
        &["-c1", "-s1400", "10.77.2.2"],
        &["-c1", "-s3000", "10.77.2.2"],
        &["-c1", "-s3000", "fd77:2::2"],
        &["-c1", "-D", "10.77.2.2"],
        &["-c1", "-t1", "10.77.2.2"],
        &["-c1", "-t1", "fd77:2::2"],
        &["-c1", "-Q0x10", "10.77.2.2"],
        &["-c1", "-W1", "10.77.66.1"],
        &["-c1", "10.77.3.3"],
        &["-c1", "10.77.67.1"],
        &["-c1", "fd77:67::1"],
        &["-c2", "-w1", "10.77.66.1"],
        &["-c1", "-I", "eth0", "-n", "10.77.2.2"],
    ];
    for arguments in cases {
        let theirs = run(lab.command(Host::Client, "ping").args(*arguments));
        if !theirs.status.success() {
            // A router sends an error a second to each host (icmp(7), icmp_ratelimit), and both runs want theirs.
            std::thread::sleep(Duration::from_millis(1200));
        }
        let ours = rawsock(&lab, arguments);
        if !ours.status.success() {
            std::thread::sleep(Duration::from_millis(1200));
        }
        let (theirs_text, ours_text) = (text_of(&theirs), text_of(&ours));
        // With -I, iputils says in its first line what it sends from; and it says which octets it fills a payload with.
        let first = |text: &str| text.replace(" from # eth#:", "").replace(" from 10.77.1.2 eth0:", "");
        // Where everything went stands below.
        let ours_text: String =
            ours_text.lines().filter(|line| !is_ledger(line)).map(|line| line.to_owned() + "\n").collect();
        // No reply at all may leave more or fewer requests within a deadline.
        assert_eq!(shape(&first(&ours_text)), shape(&first(&theirs_text)), "ping {arguments:?}");
        assert_eq!(ours.status.code(), theirs.status.code(), "ping {arguments:?}");
    }
}

fn is_ledger(line: &str) -> bool {
    ["probes: ", "packets: ", "rtt p50/", "    "].iter().any(|head| line.starts_with(head))
        || line.contains("have a stamp by this program")
}

#[test]
fn exit_codes_say_whether_anything_answered() {
    let Some(lab) = lab() else { return };
    let code = |arguments: &[&str]| rawsock(&lab, arguments).status.code();
    assert_eq!(code(&["-c1", "-q", "10.77.2.2"]), Some(0));
    assert_eq!(code(&["-c1", "-q", "-W0.2", "10.77.66.1"]), Some(1));
    assert_eq!(code(&["-c1", "no-such-host"]), Some(2));
    assert_eq!(code(&["-c1", "-I", "nosuch", "10.77.2.2"]), Some(2));
    assert_eq!(code(&["-c0", "10.77.2.2"]), Some(2));
    // One host that cannot be resolved does not keep the others from being asked.
    let both = rawsock(&lab, &["-c1", "no-such-host", "10.77.2.2"]);
    assert_eq!(both.status.code(), Some(2), "{}", text_of(&both));
    assert!(text_of(&both).contains("1 packets transmitted, 1 received"), "{}", text_of(&both));
    assert!(text_of(&both).contains("rawsock: no-such-host: resolve the name"), "{}", text_of(&both));
}

#[test]
fn several_hosts_are_asked_at_once() {
    let Some(lab) = lab() else { return };
    let output = rawsock(&lab, &["-4", "-c3", "-i0.2", "server", "router", "10.77.2.1"]);
    let text = text_of(&output);
    for host in ["server", "router", "10.77.2.1"] {
        assert!(
            text.contains(&format!(
                "--- {host} ping statistics ---\n3 packets transmitted, 3 received, 0% packet loss"
            )),
            "{text}"
        );
    }
}

#[test]
fn without_the_right_it_uses_a_datagram_socket_and_says_so() {
    let Some(lab) = lab() else { return };
    for address in ["10.77.2.2", "fd77:2::2"] {
        let output = run(powerless(&lab).args(["ping", "-v", "-c1", address]));
        let text = text_of(&output);
        assert!(text.contains("ICMP datagram socket"), "{text}");
        assert!(text.contains(" 0% packet loss"), "{text}");
    }
    // Errors reach such a socket through its error queue.
    let output = run(powerless(&lab).args(["ping", "-c1", "-t1", "10.77.2.2"]));
    assert!(
        text_of(&output).contains("From 10.77.1.1 icmp_seq=1 Time to live exceeded"),
        "{}",
        text_of(&output)
    );
    // In a new network namespace no group may (icmp(7), ping_group_range).
    let mut elsewhere = lab.command(Host::Client, "unshare");
    elsewhere.args(["--net", "setpriv"]).args(WITHOUT_CAPABILITIES);
    let output = run(elsewhere.args([RAWSOCK, "ping", "-c1", "10.77.2.2"]));
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    for remedy in
        ["operation not permitted", "CAP_NET_RAW", "setcap cap_net_raw,cap_net_admin+p", "ping_group_range"]
    {
        assert!(text.contains(remedy), "{text}");
    }
}

#[test]
fn what_takes_a_raw_socket_is_not_helped_by_who_may_have_others() {
    let Some(lab) = lab() else { return };
    for options in [&["-R"][..], &["-T", "tsonly"], &["-e", "0"], &["--hdrincl"], &["--ip", "id=7"]] {
        let output = run(powerless(&lab).args(["ping", "-c1", "127.0.0.1"]).args(options));
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(2), "{options:?}: {text}");
        assert!(text.contains("CAP_NET_RAW") && !text.contains("ping_group_range"), "{options:?}: {text}");
    }
}

/// The program on the client, without any capability.
fn powerless(lab: &Lab) -> Command {
    let mut command = lab.command(Host::Client, "setpriv");
    command.args(WITHOUT_CAPABILITIES).arg(RAWSOCK);
    command
}

/// What setpriv(1) takes for this.
const WITHOUT_CAPABILITIES: [&str; 3] = ["--ambient-caps=-all", "--inh-caps=-all", "--bounding-set=-all"];

#[test]
fn every_json_line_is_an_object_with_the_documented_keys() {
    let Some(lab) = lab() else { return };
    let output = rawsock(&lab, &["--json", "-c2", "-i0.2", "10.77.2.2"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4, "{text}");
    for key in
        ["event", "host", "address", "seq", "time", "from", "len", "rtt_ns", "ttl", "duplicate", "late"]
    {
        assert!(lines[0].get(key).is_some(), "{key}: {text}");
    }
    assert_eq!((lines[0]["event"].as_str(), lines[0]["ttl"].as_u64()), (Some("reply"), Some(63)));
    assert_eq!((lines[2]["event"].as_str(), lines[2]["received"].as_u64()), (Some("summary"), Some(2)));
}

#[test]
fn what_tshark_sees_is_what_was_asked_for() {
    let Some(lab) = lab() else { return };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ping.pcapng");
    let mut capture = lab.command(Host::Client, RAWSOCK);
    let capture = capture.args(["capture", "-q", "-i", "eth0", "-w"]).arg(&file);
    let mut capture = capture.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(capture.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.starts_with("listening on eth0"), "{line}");
    let output = rawsock(&lab, &["-c1", "-t", "9", "-Q", "0xb8", "-s", "8", "-p", "c0ffee", "10.77.2.2"]);
    assert!(output.status.success(), "{}", text_of(&output));
    rawsock::sys::process::send_signal(capture.id(), 15).unwrap();
    assert!(capture.wait().unwrap().success());
    let fields =
        ["ip.ttl", "ip.dsfield.dscp", "ip.checksum.status", "icmp.checksum.status", "icmp.seq", "data.data"];
    let mut tshark = Command::new("tshark");
    tshark.args(["-o", "ip.check_checksum:TRUE", "-r"]).arg(&file).args([
        "-Y",
        "icmp.type == 8",
        "-T",
        "fields",
    ]);
    let output = run(tshark.args(fields.iter().flat_map(|field| ["-e", *field])));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.trim(), "9\t46\t1\t1\t1\tc0ffeec0ffeec0ff", "{fields:?}");
}

#[test]
fn what_was_sent_and_received_is_saved() {
    let Some(lab) = lab() else { return };
    let directory = tempfile::tempdir().unwrap();
    for (name, target, arguments, wanted) in [
        ("v4.pcapng", "10.77.2.2", &["-c2", "-i0.2"][..], 4),
        ("v6.pcap", "fd77:2::2", &["-c2", "-i0.2"], 4),
        ("error.pcapng", "10.77.2.2", &["-c1", "-t1"], 2),
        ("fragments.pcapng", "10.77.2.2", &["-c1", "-s3000"], 6),
    ] {
        let file = directory.path().join(name);
        let mut command = lab.command(Host::Client, RAWSOCK);
        let output = run(command.args(["ping", "-q", target]).args(arguments).arg("--write").arg(&file));
        let tshark = run(Command::new("tshark").arg("-r").arg(&file));
        let text = String::from_utf8(tshark.stdout.clone()).unwrap();
        assert_eq!(text.lines().count(), wanted, "{name}: {} {}", text_of(&tshark), text_of(&output));
    }
}

#[test]
fn an_interrupt_ends_with_the_summary() {
    let Some(lab) = lab() else { return };
    let mut command = lab.command(Host::Client, RAWSOCK);
    let child =
        command.args(["ping", "-i0.2", "10.77.2.2"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    support::process_status::waits_for(support::capture::SIGINT, child.id());
    std::thread::sleep(Duration::from_millis(500));
    rawsock::sys::process::send_signal(child.id(), support::capture::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("--- 10.77.2.2 ping statistics ---") && text.contains(" 0% packet loss"), "{text}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_source_address_says_the_family_and_must_be_ours() {
    let Some(lab) = lab() else { return };
    let output = rawsock(&lab, &["-c1", "-I", "10.77.1.2", "server"]);
    assert!(text_of(&output).contains("64 bytes from server (10.77.2.2)"), "{}", text_of(&output));
    let cases: [(&[&str], &str); 3] = [
        (&["-I", "10.1.1.1", "server"], "10.1.1.1 is no address of this host"),
        (
            &["-6", "-I", "10.77.1.2", "server"],
            "-6 and the IPv4 address 10.77.1.2 of -I contradict each other",
        ),
        (&["-I", "10.77.1.2", "fd77:2::2"], "IPv4"),
    ];
    for (arguments, words) in cases {
        let output = rawsock(&lab, &[&["-c1"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text_of(&output));
        assert!(text_of(&output).contains(words), "{arguments:?}: {}", text_of(&output));
    }
}

#[test]
fn of_several_hosts_the_worst_counts() {
    let Some(lab) = lab() else { return };
    let code = |hosts: &[&str]| rawsock(&lab, &[&["-q", "-c1", "-W", "0.3"], hosts].concat()).status.code();
    assert_eq!(code(&["10.77.2.2", "10.77.1.1"]), Some(0));
    assert_eq!(code(&["10.77.2.2", "10.77.66.1"]), Some(1));
    assert_eq!(code(&["10.77.2.2", "10.77.66.1", "no-such-host"]), Some(2));
}

#[test]
fn the_first_lines_are_those_of_iputils() {
    let Some(lab) = lab() else { return };
    let cases: [&[&str]; 5] = [
        &["10.77.2.2"],
        &["-I", "eth0", "10.77.2.2"],
        &["-I", "10.77.1.2", "10.77.2.2"],
        &["-I", "eth0", "fd77:2::2"],
        &["-p", "ff00", "-s", "100", "10.77.2.2"],
    ];
    let head = |text: String| -> Vec<String> {
        text.lines().take_while(|line| !line.contains("bytes from")).map(str::to_owned).collect()
    };
    for arguments in cases {
        let arguments = [&["-c1"], arguments].concat();
        let theirs = text_of(&run(lab.command(Host::Client, "ping").args(&arguments)));
        assert_eq!(head(text_of(&rawsock(&lab, &arguments))), head(theirs), "{arguments:?}");
    }
}

//! `rawsock capture` in the lab, with tcpdump and tshark reading what it saves.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::process::Command;
use std::time::Duration;

use rawsock::lab::Host;
use support::capture::{
    Capture, SIGINT, SIGKILL, SIGTERM, counts_in, ping, tcpdump, tshark, until_it_listens,
};
use support::{RAWSOCK, lab, run, text_of};

#[test]
fn signals_leave_a_whole_file_with_every_packet_that_was_counted() {
    let Some(lab) = lab() else { return };
    for (signal, name) in [(SIGTERM, "a.pcapng"), (SIGINT, "b.pcap")] {
        let mut capture = Capture::start(&lab, Host::Client, name, &["-i", "eth0"]);
        ping(&lab, &["10.77.2.2"]);
        let counts = capture.counts(Some(signal));
        assert_eq!(counts.captured, tcpdump(&capture.file), "{name}");
        assert_eq!(counts.captured, tshark(&capture.file, "frame"), "{name}");
        assert_eq!(counts.captured + counts.dropped, counts.received, "{name}");
        assert_eq!(tshark(&capture.file, "icmp"), 10, "{name}: five requests, five replies");
    }
}

#[test]
fn a_killed_capture_reads_up_to_the_last_flush() {
    let Some(lab) = lab() else { return };
    let mut capture = Capture::start(&lab, Host::Client, "killed.pcapng", &["-i", "eth0"]);
    ping(&lab, &["10.77.2.2"]);
    capture.end(Some(SIGKILL));
    assert_eq!(tshark(&capture.file, "icmp"), 10);
}

#[test]
fn counts_and_lengths_are_limited() {
    let Some(lab) = lab() else { return };
    let mut capture =
        Capture::start(&lab, Host::Client, "some.pcapng", &["-i", "eth0", "-c", "3", "-s", "60"]);
    ping(&lab, &["10.77.2.2"]);
    assert_eq!(capture.counts(None).captured, 3);
    assert_eq!(tshark(&capture.file, "frame.cap_len <= 60 && frame.len >= 60 || frame.len < 60"), 3);
}

#[test]
fn one_direction_only() {
    let Some(lab) = lab() else { return };
    for (direction, kind) in [("in", "icmp.type == 0"), ("out", "icmp.type == 8")] {
        let mut capture = Capture::start(&lab, Host::Client, "way.pcapng", &["-i", "eth0", "-Q", direction]);
        ping(&lab, &["10.77.2.2"]);
        capture.counts(Some(SIGTERM));
        assert_eq!((tshark(&capture.file, "icmp"), tshark(&capture.file, kind)), (5, 5), "{direction}");
    }
}

#[test]
fn all_interfaces_at_once() {
    let Some(lab) = lab() else { return };
    let mut capture = Capture::start(&lab, Host::Router, "any.pcapng", &["-i", "any"]);
    ping(&lab, &["10.77.2.2"]);
    capture.counts(Some(SIGTERM));
    assert_eq!(tshark(&capture.file, "sll && icmp"), 20, "the router sees each packet come and go");
}

#[test]
fn vlan_tags_are_put_back() {
    let Some(lab) = lab() else { return };
    let mut capture = Capture::start(&lab, Host::Router, "vlan.pcapng", &["-i", "eth0"]);
    let mut command = lab.command(Host::Client, RAWSOCK);
    let tagged = "eth(dst=02:00:00:77:01:01)/vlan(id=7, priority=5)/ip(src=10.7.7.1, dst=10.7.7.2)/icmp";
    let output = run(command.args(["send", "-i", "eth0", "--no-answers", "-c", "3", tagged]));
    assert!(output.status.success(), "{}", text_of(&output));
    capture.counts(Some(SIGTERM));
    // The receiving kernel takes the tag out of the frame, and tells it beside.
    assert_eq!(tshark(&capture.file, "vlan.id == 7 && vlan.priority == 5 && icmp && frame.len == 46"), 3);
}

#[test]
fn a_pipe_is_read_as_it_is_written() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let words = folder.path().join("words");
    let script = format!(
        "{RAWSOCK} capture -i eth0 -w - -c 10 2>{} | tshark -r - -T fields -e ip.dst & {}; \
         ping -q -i0.05 -c10 10.77.2.2 >&2; wait",
        words.display(),
        until_it_listens(&words)
    );
    let output = run(lab.command(Host::Client, "sh").args(["-c", &script]));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 10);
}

#[test]
fn nothing_is_lost_without_being_counted() {
    let Some(lab) = lab() else { return };
    let mut capture = Capture::start(&lab, Host::Server, "burst.pcapng", &["-i", "eth0", "-Q", "in"]);
    let expression = "ip(dst=10.77.2.2)/udp(srcport=4000, dstport=4001)/data(zeros=20)";
    let output = run(lab.command(Host::Client, RAWSOCK).args([
        "send",
        "-q",
        "--no-answers",
        "-c",
        "50000",
        expression,
    ]));
    assert!(text_of(&output).contains("50000 packets sent"), "{}", text_of(&output));
    let counts = capture.counts(Some(SIGTERM));
    assert_eq!(tcpdump(&capture.file), counts.captured, "every packet that was counted is in the file");
    // What the server's answers took of the ring is counted by the kernel, and not shown: they go the other way.
    assert!(counts.captured + counts.dropped <= counts.received);
    assert!(counts.captured + counts.dropped >= 50_000, "{counts:?}");
}

#[test]
fn a_full_disk_leaves_what_was_counted() {
    let Some(lab) = lab() else { return };
    let (directory, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let words = folder.path().join("words");
    let script = format!(
        "mount -t tmpfs -o size=16k none {path} && {{ {RAWSOCK} capture -q -i eth0 -w {path}/full.pcapng 2>{words} & \
         {until}; ping -q -i0.01 -c200 -s 500 10.77.2.2 >/dev/null; wait $!; echo code $?; cat {words} >&2; \
         tshark -r {path}/full.pcapng 2>/dev/null | wc -l; tshark -r {path}/full.pcapng 2>&1 | grep -c 'cut short'; }}",
        path = directory.path().display(),
        until = until_it_listens(&words),
        words = words.display()
    );
    let output = run(lab.command(Host::Client, "sh").args(["-c", &script]));
    let text = text_of(&output);
    assert!(text.contains("code 2") && text.contains("no space left on device"), "{text}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let mut numbers = stdout.lines().skip_while(|line| *line != "code 2").skip(1);
    let in_file: u64 = numbers.next().unwrap().trim().parse().unwrap();
    assert_eq!(numbers.next(), Some("0"), "tshark finds the file whole: {text}");
    assert_eq!(counts_in(&text).captured, in_file, "{text}");
    assert!(in_file > 5, "{text}");
}

#[test]
fn what_cannot_be_captured_is_said() {
    let Some(lab) = lab() else { return };
    let capture = |arguments: &[&str]| run(lab.command(Host::Client, RAWSOCK).arg("capture").args(arguments));
    let cases: &[(&[&str], &str)] = &[
        (&["-i", "nosuch"], "no such interface; `rawsock interfaces` lists them"),
        (&["-i", "eth0", "-w", "/nowhere/x.pcapng"], "create /nowhere/x.pcapng: no such file or directory"),
    ];
    for (arguments, words) in cases {
        let output = capture(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
        assert!(text_of(&output).contains(words), "{}", text_of(&output));
    }
    let mut command = lab.command(Host::Client, "setpriv");
    command.args([
        "--ambient-caps=-all",
        "--inh-caps=-all",
        "--bounding-set=-all",
        RAWSOCK,
        "capture",
        "-i",
        "eth0",
    ]);
    let output = run(&mut command);
    assert_eq!(output.status.code(), Some(2));
    assert!(text_of(&output).contains("setcap cap_net_raw,cap_net_admin+p"), "{}", text_of(&output));
    assert!(run(lab.command(Host::Client, "ip").args(["link", "set", "eth0", "down"])).status.success());
    let output = capture(&["-i", "eth0"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text_of(&output).contains("eth0 is down"), "{}", text_of(&output));
}

#[test]
fn several_interfaces_in_one_file() {
    let Some(lab) = lab() else { return };
    let mut capture = Capture::start(&lab, Host::Router, "two.pcapng", &["-i", "eth0", "-i", "eth1", "icmp"]);
    ping(&lab, &["10.77.2.2"]);
    let counts = capture.counts(Some(SIGINT));
    assert_eq!(counts.captured, 20, "each packet passes the router twice");
    for name in ["eth0", "eth1"] {
        assert_eq!(tshark(&capture.file, &format!("frame.interface_name == \"{name}\"")), 10, "{name}");
    }
}

#[test]
fn files_follow_one_another() {
    let Some(lab) = lab() else { return };
    // Ten packets of 1042 octets are 4 files of at least 3 KiB; the hook notes each that is ended.
    let folder = tempfile::tempdir().unwrap();
    let noted = folder.path().join("noted");
    let hook = folder.path().join("note.sh");
    std::fs::write(&hook, format!("#!/bin/sh\necho \"$1 $2\" >> {}\n", noted.display())).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let command = format!("{} first", hook.display());
    let arguments = ["-i", "eth0", "-C", "3k", "-z", &command, "icmp"];
    let mut capture = Capture::start(&lab, Host::Client, "many.pcapng", &arguments);
    ping(&lab, &["-s", "1000", "10.77.2.2"]);
    assert_eq!(capture.counts(Some(SIGINT)).captured, 10);
    let folder_of = capture.file.parent().unwrap();
    let file = |number: u32| folder_of.join(format!("many_{number:05}.pcapng"));
    let packets: Vec<u64> = (0..4).map(|number| tshark(&file(number), "icmp")).collect();
    assert_eq!(packets, [3, 3, 3, 1]);
    assert!(!file(4).exists());
    let noted = std::fs::read_to_string(noted).unwrap();
    let expected: String = (0..4).map(|number| format!("first {}\n", file(number).display())).collect();
    assert_eq!(noted, expected);

    // In a ring of two, the oldest are overwritten; packed files are read as others.
    let arguments = ["-i", "eth0", "-C", "3k", "-W", "2", "icmp"];
    let mut capture = Capture::start(&lab, Host::Client, "ring.pcap.gz", &arguments);
    ping(&lab, &["-s", "1000", "10.77.2.2"]);
    assert_eq!(capture.counts(Some(SIGINT)).captured, 10);
    let mut names: Vec<String> = std::fs::read_dir(capture.file.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["ring_00000.pcap.gz", "ring_00001.pcap.gz"]);
    assert_eq!(tshark(&capture.file.with_file_name("ring_00001.pcap.gz"), "icmp"), 1);
}

#[test]
fn a_hook_that_fails_is_told_and_ends_nothing() {
    let Some(lab) = lab() else { return };
    let arguments = ["-i", "eth0", "-C", "3k", "-z", "false", "icmp"];
    let mut capture = Capture::start(&lab, Host::Client, "hooked.pcapng", &arguments);
    ping(&lab, &["-s", "1000", "10.77.2.2"]);
    let (_, said) = capture.end(Some(SIGINT));
    assert_eq!(counts_in(&said).captured, 10, "{said}");
    assert_eq!(said.matches("failed: exit status: 1").count(), 4, "{said}");
    // One that is not there is told before anything is captured.
    let arguments = ["capture", "-i", "lo", "-w", "/dev/null", "-z", "no-such-program"];
    let refused = Command::new(RAWSOCK).args(arguments).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("-z: there is no program no-such-program"));
}

#[test]
fn it_ends_by_itself() {
    let Some(lab) = lab() else { return };
    // However many come at once: each of these is 1000 octets long, and a bit more in the file, which begins with some hundred.
    let cases: [(&[&str], &[u64]); 5] = [
        (&["-a", "packets:4"], &[4]),
        (&["-a", "packets:4", "-c", "3"], &[3]),
        (&["-a", "duration:200ms"], &[0]),
        (&["-a", "filesize:10"], &[8, 9, 10]),
        (&["-b", "packets:3", "-a", "files:2"], &[3, 3]),
    ];
    for (condition, expected) in cases {
        let arguments = [&["-i", "eth0"], condition, &["icmp"]].concat();
        let mut capture = Capture::start(&lab, Host::Client, "end.pcapng", &arguments);
        if condition[1] != "duration:200ms" {
            ping(&lab, &["-f", "-i0", "-l3", "-c100", "-s958", "10.77.2.2"]);
        }
        let counts = capture.counts(None);
        let files = std::fs::read_dir(capture.file.parent().unwrap()).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        let packets: Vec<u64> = files.iter().map(|file| tcpdump(file)).collect();
        assert_eq!(counts.captured, packets.iter().sum::<u64>(), "{condition:?}: {counts:?}");
        if condition[1] == "filesize:10" {
            assert!(expected.contains(&counts.captured), "{counts:?}");
        } else {
            assert_eq!(packets, expected, "{condition:?}");
        }
    }
    for (without, said) in [("filesize:1", "`-w FILE` says which"), ("files:1", "`-w FILE` says which")] {
        let arguments = ["capture", "-i", "lo", "-a", without];
        let refused = Command::new(RAWSOCK).args(arguments).output().unwrap();
        assert_eq!(refused.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&refused.stderr).contains(said), "{without}");
    }
    // With -G alone, -W is how many files there are.
    let mut capture =
        Capture::start(&lab, Host::Client, "at-%s.pcapng", &["-i", "eth0", "-G", "100ms", "-W", "2", "icmp"]);
    for _ in 0..3 {
        ping(&lab, &["10.77.2.2"]);
    }
    assert!(capture.counts(None).captured > 1);
    assert_eq!(std::fs::read_dir(capture.file.parent().unwrap()).unwrap().count(), 2);
}

#[test]
fn filters_in_the_kernel_take_what_they_say() {
    let Some(lab) = lab() else { return };
    let cases: [(&[&str], &str); 4] = [
        (&["-i", "eth0", "icmp", "and", "dst", "10.77.2.2"], "icmp.type == 8 and ip.dst == 10.77.2.2"),
        (
            &["-i", "any", "icmp[icmptype] = icmp-echoreply and src 10.77.1.1"],
            "icmp.type == 0 and ip.src == 10.77.1.1",
        ),
        (&["-i", "any", "ip[8] = 63 and inbound"], "ip.ttl == 63"),
        // No program can look at this octet of the cooked header: it is filtered here.
        (&["-i", "any", "link[11] = 6 and icmp"], "icmp"),
    ];
    for (arguments, judged) in cases {
        let mut capture = Capture::start(&lab, Host::Client, "filtered.pcapng", arguments);
        ping(&lab, &["10.77.2.2"]);
        ping(&lab, &["10.77.1.1"]);
        let counts = capture.counts(Some(SIGINT));
        let taken = tshark(&capture.file, judged);
        let expected = if judged == "icmp" { 20 } else { 5 };
        assert_eq!((counts.captured, taken), (expected, expected), "{arguments:?}");
        let interfaces = text_of(&run(Command::new("capinfos").arg("-I").arg(&capture.file)));
        let text = arguments[2..].join(" ");
        assert!(interfaces.contains(&text), "the file says its filter, `{text}`: {interfaces}");
    }
}

#[test]
fn a_tag_is_found_where_linux_has_put_it() {
    let Some(lab) = lab() else { return };
    // Linux takes the outer tag of what comes in out of the octets; the inner one stays.
    let frames = [
        ("eth(dst=ff:ff:ff:ff:ff:ff)/vlan(id=[7, 8])/ip(dst=10.99.0.1)/icmp(type=8)", 2),
        ("eth(dst=ff:ff:ff:ff:ff:ff)/vlan(id=7)/vlan(id=9)/ip(dst=10.99.0.1)/udp(dstport=7)", 1),
        ("eth(dst=ff:ff:ff:ff:ff:ff)/ip(dst=10.99.0.1)/icmp(type=8)", 1),
    ];
    let cases = [
        ("vlan", 3),
        ("vlan 7", 2),
        ("vlan 8 and icmp", 1),
        ("vlan and icmp[icmptype] = icmp-echo", 2),
        ("vlan 7 and vlan 9 and udp port 7", 1),
        ("vlan and host 10.99.0.1", 2),
        // Without `vlan` the octets that are left are looked at, as by tcpdump.
        ("icmp and dst 10.99.0.1", 3),
        ("vlan 9", 0),
    ];
    for (expression, expected) in cases {
        let mut capture = Capture::start(&lab, Host::Client, "vlan.pcapng", &["-i", "eth0", expression]);
        for (frame, count) in frames {
            let output =
                run(lab.command(Host::Router, RAWSOCK).args(["send", "--no-answers", "-i", "eth0", frame]));
            assert!(text_of(&output).contains(&format!("{count} sent")), "{}", text_of(&output));
        }
        let counts = capture.counts(Some(SIGINT));
        assert_eq!(counts.captured, expected, "{expression}");
        assert_eq!(tshark(&capture.file, "ip.dst == 10.99.0.1"), expected, "{expression}");
    }
}

#[test]
fn a_filter_that_takes_nothing_or_means_nothing_is_no_capture() {
    let Some(lab) = lab() else { return };
    let wrong = |arguments: &[&str]| {
        let output = run(lab.command(Host::Client, RAWSOCK).arg("capture").args(arguments));
        assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
        text_of(&output)
    };
    assert!(wrong(&["-i", "eth0", "tcp", "prot", "80"]).contains("did you mean `proto`?"));
    assert!(wrong(&["-i", "eth0", "ip and ip6"]).contains("takes no packet"));
    assert!(wrong(&["-i", "eth0", "host", "no-such-host"]).contains("no-such-host"));
}

#[test]
fn what_the_display_filter_takes_is_saved() {
    let Some(lab) = lab() else { return };
    let filter = "icmp.type == 8 and ip.dst == 10.77.2.0/24";
    let mut capture = Capture::start(&lab, Host::Client, "shown.pcapng", &["-i", "eth0", "-Y", filter]);
    ping(&lab, &["10.77.2.2"]);
    ping(&lab, &["10.77.1.1"]);
    let counts = capture.counts(Some(SIGINT));
    assert_eq!((counts.captured, tshark(&capture.file, filter), tshark(&capture.file, "frame")), (5, 5, 5));
}

#[test]
fn a_checksum_that_the_card_is_to_complete_is_no_error() {
    let Some(lab) = lab() else { return };
    // The lab's cables have no such card; loopback never completes a checksum.
    let mut capture = Capture::start(&lab, Host::Client, "own.pcapng", &["-i", "lo"]);
    for kind in ["tcp", "udp"] {
        run(lab.command(Host::Client, RAWSOCK).args(["probe", kind, "127.0.0.1:7", "-c1"]));
    }
    capture.counts(Some(SIGINT));
    let tree = text_of(&run(Command::new(RAWSOCK).args(["read", "-v"]).arg(&capture.file)));
    assert!(tree.contains(" (partial)") && !tree.contains("[bad"), "{tree}");
    let read = |filter: &str| {
        let output = run(Command::new(RAWSOCK).args(["read", "--count", "-Y", filter]).arg(&capture.file));
        text_of(&output).trim().parse::<u64>().unwrap()
    };
    assert_eq!(read("tcp.checksum.status == 0 or udp.checksum.status == 0"), 0);
    assert!(read("tcp.checksum.status == 2 and tcp.flags.syn == 1") >= 1);
    assert!(read("udp.checksum.status == 2 and not icmp") >= 1);
}

#[test]
fn packets_are_printed_beside_a_file_only_when_asked_for() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &str); 6] = [
        (&[], ""),
        (&["-e", "-tttt"], ""),
        (&["--print"], "ICMP echo request"),
        (&["--json"], "\"layers\""),
        (&["-x"], "0x0000:"),
        (&["--fields", "icmp.type"], "8"),
    ];
    for (arguments, words) in cases {
        let (file, words_of_it) = (folder.path().join("beside.pcapng"), folder.path().join("words"));
        let _ = std::fs::remove_file(&words_of_it);
        let script = format!(
            "{RAWSOCK} capture -i eth0 -c 10 -w {} {} icmp 2>{} & {}; ping -q -i0.05 -c5 10.77.2.2 >&2; wait",
            file.display(),
            arguments.join(" "),
            words_of_it.display(),
            until_it_listens(&words_of_it)
        );
        let output = run(lab.command(Host::Client, "sh").args(["-c", &script]));
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed.is_empty(), words.is_empty(), "{arguments:?}: {printed}");
        assert!(printed.contains(words), "{arguments:?}: {printed}");
        assert_eq!(tshark(&file, "icmp"), 10, "{arguments:?}");
    }
}

#[test]
fn on_a_terminal_it_says_how_many_there_are() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let words = folder.path().join("words");
    let capture = format!("{RAWSOCK} capture -i eth0 -c 10 -w {}/t.pcapng icmp", folder.path().display());
    let script = format!(
        "script -qefc '{capture}' /dev/null >{0} & {1}; ping -q -i0.05 -c5 10.77.2.2 >/dev/null; wait; cat {0}",
        words.display(),
        until_it_listens(&words)
    );
    let output = run(lab.command(Host::Client, "sh").args(["-c", &script]));
    let text = text_of(&output);
    assert!(text.contains("Got ") && text.contains("10 packets captured"), "{text}");
}

#[test]
fn a_terminal_that_hangs_up_ends_it_in_order_and_a_signal_asks_how_far_it_is() {
    const SIGHUP: i32 = 1;
    const SIGUSR1: i32 = 10;
    let Some(lab) = lab() else { return };
    let mut capture = Capture::start(&lab, Host::Client, "hup.pcapng", &["-i", "eth0", "icmp"]);
    ping(&lab, &["10.77.2.2"]);
    std::thread::sleep(Duration::from_millis(100));
    rawsock::sys::process::send_signal(capture.child.id(), SIGUSR1).unwrap();
    let (status, said) = capture.end(Some(SIGHUP));
    assert!(status.success(), "{said}");
    assert!(
        said.contains("10 packets captured so far; eth0: 10 received by filter, 0 dropped by kernel"),
        "{said}"
    );
    assert_eq!((counts_in(&said).captured, tshark(&capture.file, "icmp")), (10, 10));
}

#[test]
fn under_nohup_it_goes_on() {
    const SIGHUP: i32 = 1;
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let words = folder.path().join("words");
    let script = format!(
        "trap '' HUP; {RAWSOCK} capture -i eth0 -c 10 -w {}/nohup.pcapng icmp 2>{words} & {}; kill -{SIGHUP} $!; \
         ping -q -i0.05 -c5 10.77.2.2 >/dev/null; wait; cat {words}",
        folder.path().display(),
        until_it_listens(&words),
        words = words.display()
    );
    let output = run(lab.command(Host::Client, "sh").args(["-c", &script]));
    assert!(text_of(&output).contains("10 packets captured"), "{}", text_of(&output));
}

#[test]
fn files_follow_one_another_as_with_dumpcap() {
    let Some(lab) = lab() else { return };
    let arguments = ["--interface", "eth0", "-b", "packets:4", "-b", "files:2", "--immediate-mode", "icmp"];
    let mut capture = Capture::start(&lab, Host::Client, "b.pcapng", &arguments);
    ping(&lab, &["10.77.2.2"]);
    assert_eq!(capture.counts(Some(SIGTERM)).captured, 10);
    let packets = |number: u32| tshark(&capture.file.with_file_name(format!("b_{number:05}.pcapng")), "icmp");
    assert_eq!((packets(0), packets(1)), (2, 4));
    assert_eq!(std::fs::read_dir(capture.file.parent().unwrap()).unwrap().count(), 2);
}

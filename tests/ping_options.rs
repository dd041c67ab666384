//! What `rawsock ping` can ask beside an echo, whom, and what a run is held to.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rawsock::lab::{Host, Lab};
use serde_json::json;
use support::{RAWSOCK, lab, objects, run, text_of};

fn rawsock(lab: &Lab, arguments: &[&str]) -> Output {
    run(lab.command(Host::Client, RAWSOCK).arg("ping").args(arguments))
}

/// What tshark reads from the file that a ping saves, of the packets that the filter takes.
fn seen(lab: &Lab, arguments: &[&str], filter: &str, fields: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("run.pcapng");
    let output =
        run(lab.command(Host::Client, RAWSOCK).arg("ping").args(arguments).arg("--write").arg(&file));
    let mut tshark = Command::new("tshark");
    tshark.args(["-o", "ip.check_checksum:TRUE", "-r"]).arg(&file).args(["-Y", filter, "-T", "fields"]);
    let told = run(tshark.args(fields.iter().flat_map(|field| ["-e", *field])));
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(!text.is_empty(), "{}", text_of(&output));
    text.trim().to_owned()
}

#[test]
fn recorded_routes_are_those_of_iputils() {
    let Some(lab) = lab() else { return };
    for option in [&["-R"][..], &["-T", "tsandaddr"]] {
        let addresses = |text: &str| -> Vec<String> {
            let part = text.split("bytes from").nth(1).unwrap_or_else(|| panic!("{text}"));
            let part = part.split("ping statistics").next().unwrap();
            let words = part.split_whitespace().skip(1).filter(|word| word.starts_with("10.77."));
            words.map(str::to_owned).collect()
        };
        let arguments = [option, &["-c1", "-n", "10.77.2.2"]].concat();
        let theirs = text_of(&run(lab.command(Host::Client, "ping").args(&arguments)));
        let ours = text_of(&rawsock(&lab, &arguments));
        assert!(addresses(&ours).len() >= 4, "{ours}");
        assert_eq!(addresses(&ours), addresses(&theirs), "{option:?}\n{ours}\n{theirs}");
    }
    let text = text_of(&rawsock(&lab, &["-T", "tsonly", "-c1", "10.77.2.2"]));
    assert_eq!(text.matches(" UT\n").count(), 6, "{text}");
}

#[test]
fn fields_of_the_header_are_what_somebody_wrote() {
    let Some(lab) = lab() else { return };
    let fields = ["ip.ttl", "ip.dsfield.dscp", "ip.opt.type", "ip.checksum.status", "ip.id"];
    let header = ["-c1", "--ip", "ttl=3, dsfield.dscp=46, id=0x1234, options=[rr]", "10.77.2.2"];
    assert_eq!(seen(&lab, &header, "icmp.type == 8", &fields), "3\t46\t7,0\t1\t0x1234");
    let v6 = ["-6", "-c1", "--ip", "hlim=9, flow=0xabcde", "fd77:2::2"];
    assert_eq!(seen(&lab, &v6, "icmpv6.type == 128", &["ipv6.hlim", "ipv6.flow"]), "9\t0x0abcde");
    let wrong = text_of(&rawsock(&lab, &["-c1", "--ip", "tpl=3", "10.77.2.2"]));
    assert!(wrong.contains("ip has no field `tpl`"), "{wrong}");
    // Without the right to send raw packets, such a header cannot be had, and is not left away.
    let mut powerless = lab.command(Host::Client, "setpriv");
    powerless.args(["--ambient-caps=-all", "--inh-caps=-all", "--bounding-set=-all", RAWSOCK]);
    let output = run(powerless.args(["ping", "-c1", "--hdrincl", "10.77.2.2"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(text_of(&output).contains("CAP_NET_RAW"), "{}", text_of(&output));
}

#[test]
fn the_path_mtu_is_found_and_kept_to_as_asked() {
    let Some(lab) = lab() else { return };
    for (host, interface) in [(Host::Router, "eth1"), (Host::Server, "eth0")] {
        let narrow = run(lab.command(host, "ip").args(["link", "set", interface, "mtu", "1300"]));
        assert!(narrow.status.success(), "{}", text_of(&narrow));
    }
    // A router sends an error a second to each host (icmp(7)); this one sends all.
    let all = run(lab.command(Host::Router, "sysctl").args(["-qw", "net.ipv4.icmp_ratelimit=0"]));
    assert!(all.status.success(), "{}", text_of(&all));
    let far = "10.77.2.2";
    let ask = |mtu: &str, count: &str| {
        text_of(&rawsock(&lab, &["-M", mtu, "-s1400", "-i0.2", "-W0.5", "-c", count, far]))
    };
    let text = ask("do", "2");
    assert!(text.contains("icmp_seq=1 Frag needed and DF set (mtu = 1300)"), "{text}");
    assert!(text.contains("icmp_seq=2: message too long, mtu=1300"), "{text}");
    let text = ask("probe", "2");
    assert_eq!(text.matches("Frag needed and DF set (mtu = 1300)").count(), 2, "{text}");
    let text = ask("want", "2");
    assert!(text.contains("icmp_seq=2 ttl=63"), "{text}");
    let text = ask("dont", "1");
    assert!(text.contains("icmp_seq=1 ttl=63"), "{text}");
}

#[test]
fn time_stamps_and_interfaces_are_asked_for() {
    let Some(lab) = lab() else { return };
    let lines = objects(&rawsock(&lab, &["--json", "-c1", "--icmp-timestamp", "10.77.2.2"]));
    let stamps = &lines[0]["timestamps"];
    let [sent, received, answered] =
        ["originate", "receive", "transmit"].map(|stamp| stamps[stamp].as_u64().unwrap());
    // Both hosts have this machine's clock; midnight may pass between.
    assert!(received.abs_diff(sent) < 1000 || received < 1000, "{stamps}");
    assert!(answered.abs_diff(received) < 1000 && sent < 86_400_000, "{stamps}");
    let sysctl =
        |setting: &str| run(lab.command(Host::Server, "sysctl").args(["-qw", setting])).status.success();
    assert!(sysctl("net.ipv4.icmp_echo_enable_probe=1"));
    let ask = |arguments: &[&str]| {
        let lines = objects(&rawsock(&lab, &[&["--json", "-c1", "-W1", "--probe"], arguments].concat()));
        lines[0]["interface"].clone()
    };
    let up = json!({"code": 0, "state": 0, "active": true, "ipv4": true, "ipv6": true});
    assert_eq!(ask(&["eth0", "10.77.2.2"]), up);
    assert_eq!(ask(&["10.77.2.2", "10.77.2.2"]), up);
    assert_eq!(ask(&["eth0", "fd77:2::2"]), up);
    assert_eq!(ask(&["eth9", "10.77.2.2"])["code"], 2);
    for (arguments, said) in [
        (&["--icmp-timestamp"][..], "12(40) bytes of data."),
        (&["--ip", "options=[rr]"], "56(88) bytes of data."),
        (&["-R"], "56(124) bytes of data."),
        (&["-s", "100"], "100(128) bytes of data."),
    ] {
        let text = text_of(&rawsock(&lab, &[arguments, &["-c1", "10.77.2.2"]].concat()));
        assert!(text.starts_with(&format!("PING 10.77.2.2 (10.77.2.2) {said}\n")), "{arguments:?}: {text}");
    }
    let text = text_of(&rawsock(&lab, &["-c1", "-W1", "--probe", "eth0", "10.77.2.2"]));
    assert!(text.contains("    active, IPv4, IPv6\n"), "{text}");
    let fields = ["icmp.type", "icmp.code", "icmp.ext.echo.seq", "icmp.ext.class", "icmp.ext.ctype"];
    let request = seen(&lab, &["-c1", "-W1", "--probe", "eth0", "10.77.2.2"], "icmp.type == 42", &fields);
    assert!(request.starts_with("42\t0\t1\t"), "{request}");
}

#[test]
fn a_run_is_held_to_what_was_expected() {
    let Some(lab) = lab() else { return };
    let code = |expected: &str, host: &str| {
        let output = rawsock(&lab, &["-q", "-c2", "-i0.2", "-W0.3", "--expect", expected, host]);
        (output.status.code(), text_of(&output))
    };
    let (met, text) = code("loss<1% p99<1s dup=0 damaged=0 sent=2", "10.77.2.2");
    assert_eq!((met, text.matches(", met\n").count()), (Some(0), 5), "{text}");
    let (missed, text) = code("loss<1% max<1ns", "10.77.2.2");
    assert_eq!((missed, text.matches("NOT MET").count()), (Some(1), 1), "{text}");
    let (lost, text) = code("loss=100%", "10.77.66.1");
    assert_eq!(lost, Some(0), "{text}");
    let (wrong, text) = code("speed<1", "10.77.2.2");
    assert_eq!(wrong, Some(2), "{text}");
    assert!(text.contains("there is no such figure"), "{text}");
}

#[test]
fn many_targets_come_from_networks_and_files() {
    let Some(lab) = lab() else { return };
    let output = rawsock(&lab, &["-c1", "-W0.5", "10.77.2.0/29"]);
    let text = text_of(&output);
    assert!(text.contains("10.77.2.2 : [0], 64 bytes, "), "{text}");
    assert!(text.contains("10.77.2.5 : [0], timed out (100% loss)"), "{text}");
    assert!(text.contains("10.77.2.1 : xmt/rcv/%loss = 1/1/0%, min/avg/max/p99 = "), "{text}");
    assert!(text.contains("probes: 6 = 2 answered + "), "{text}");
    assert_eq!(output.status.code(), Some(1));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("targets.txt");
    std::fs::write(
        &file,
        b"10.77.2.2\nno host\n\n# none, na\xefve\n10.77.1.1 # router\nserver\nno-such-name\nna\xefve\n",
    )
    .unwrap();
    let path = file.to_str().unwrap();
    let output = rawsock(&lab, &["-4", "-c1", "--targets", path]);
    let text = text_of(&output);
    assert!(text.contains(&format!("{path}:2: `no host`: takes a name")), "{text}");
    assert!(text.contains(&format!("{path}:8: `na\u{fffd}ve`: takes a name")), "{text}");
    assert!(text.contains("no-such-name: resolve the name"), "{text}");
    assert!(text.contains("probes: 3 = 3 answered"), "{text}");
    assert_eq!(output.status.code(), Some(2), "the rest goes on, and what is wrong is told");
    let strict = rawsock(&lab, &["-c1", "--strict", "--targets", path]);
    assert!(!text_of(&strict).contains("64 bytes"), "{}", text_of(&strict));
    assert_eq!(strict.status.code(), Some(2));
}

#[test]
fn a_flood_of_another_host_takes_a_yes() {
    let Some(lab) = lab() else { return };
    let output = rawsock(&lab, &["-c3", "-i0.01", "10.77.2.2"]);
    assert!(text_of(&output).contains("--flood says yes"), "{}", text_of(&output));
    assert_eq!(output.status.code(), Some(2));
    for arguments in [&["-c3", "-i0.01", "--flood", "10.77.2.2"], &["-c3", "-i0.01", "-q", "10.77.1.2"]] {
        let output = rawsock(&lab, arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
    }
    let output = rawsock(&lab, &["-f", "-q", "-c5000", "10.77.2.2"]);
    assert!(text_of(&output).contains("5000 packets transmitted, 5000 received"), "{}", text_of(&output));
}

#[test]
fn identifier_and_flow_label_are_those_asked_for() {
    let Some(lab) = lab() else { return };
    assert_eq!(seen(&lab, &["-c1", "-e", "4711", "10.77.2.2"], "icmp", &["icmp.ident"]), "4711\n4711");
    assert_eq!(seen(&lab, &["-c1", "-e0", "10.77.2.2"], "icmp", &["icmp.ident"]), "0\n0");
    let label = ["-c1", "-F", "0xabcde", "server"];
    assert_eq!(seen(&lab, &label, "icmpv6.type == 128", &["ipv6.flow"]), "0x0abcde");
    for wrong in [&["-e", "65536", "10.77.2.2"][..], &["-6", "-F", "0x100000", "fd77:2::2"]] {
        assert_eq!(rawsock(&lab, wrong).status.code(), Some(2), "{wrong:?}");
    }
}

/// What rules of this host make of a mark, they make of ours: that of the firewall sees packets, that of routing the way to a host.
#[test]
fn rules_of_the_host_see_the_mark() {
    let Some(lab) = lab() else { return };
    let rules = "nft add table ip t && nft add chain ip t out '{ type filter hook output priority 0; }' \
                 && nft add rule ip t out meta mark 0x77 drop && ip rule add fwmark 7 prohibit";
    let made = run(lab.command(Host::Client, "sh").args(["-c", rules]));
    assert!(made.status.success(), "{}", text_of(&made));
    for (mark, is_dropped, told) in [
        ("0x77", true, "1 forbidden by a rule of this host"),
        ("119", true, "1 forbidden by a rule of this host"),
        ("7", true, "10.77.2.2"),
        ("8", false, "1 = 1 answered"),
    ] {
        let output = rawsock(&lab, &["-c1", "-W1", "-m", mark, "10.77.2.2"]);
        let text = text_of(&output);
        assert_eq!(!output.status.success(), is_dropped, "{mark}: {text}");
        assert!(text.contains(told), "{mark}: {text}");
    }
}

#[test]
fn whoever_adapts_sends_when_the_one_before_is_answered() {
    let Some(lab) = lab() else { return };
    let began = std::time::Instant::now();
    let output = rawsock(&lab, &["-A", "-a", "-c5", "-n", "10.77.2.2"]);
    let (text, took) = (text_of(&output), began.elapsed());
    assert!(text.contains("5 packets transmitted, 5 received"), "{text}");
    assert_eq!(text.matches("\u{7}64 bytes from").count(), 5, "{text:?}");
    // Five a second, where without -A it is one.
    assert!((Duration::from_millis(790)..Duration::from_secs(3)).contains(&took), "{took:?}");
    // Nobody answers: it waits for its interval.
    let began = std::time::Instant::now();
    let output = rawsock(&lab, &["-A", "-c3", "-i", "0.6", "-W", "0.1", "10.77.2.99"]);
    assert!(text_of(&output).contains("3 packets transmitted, 0 received"), "{}", text_of(&output));
    assert!(began.elapsed() >= Duration::from_millis(1200), "{:?}", began.elapsed());
}

#[test]
fn broadcasts_take_a_yes_and_all_who_hear_may_answer() {
    let Some(lab) = lab() else { return };
    let set = |host: Host, program: &str, arguments: &[&str]| {
        let output = run(lab.command(host, program).args(arguments));
        assert!(output.status.success(), "{}", text_of(&output));
    };
    set(Host::Router, "sysctl", &["-qw", "net.ipv4.icmp_echo_ignore_broadcasts=0"]);
    // No address tells by itself that it is a broadcast: of this network it is 10.88.0.63.
    set(Host::Router, "ip", &["addr", "add", "10.88.0.1/26", "dev", "eth0"]);
    set(Host::Client, "ip", &["addr", "add", "10.88.0.2/26", "dev", "eth0"]);
    for address in ["10.88.0.63", "10.77.1.255"] {
        let theirs = run(lab.command(Host::Client, "ping").args(["-c1", address]));
        let ours = rawsock(&lab, &["-c1", address]);
        assert_eq!(ours.status.code(), theirs.status.code(), "{}", text_of(&theirs));
        assert!(text_of(&ours).contains("-b says yes"), "{}", text_of(&ours));
        let theirs = run(lab.command(Host::Client, "ping").args(["-b", "-c1", address]));
        let ours = rawsock(&lab, &["-b", "-c1", address]);
        assert_eq!((ours.status.code(), theirs.status.code()), (Some(0), Some(0)), "{}", text_of(&ours));
        let answer = |output: &Output| {
            let text = text_of(output);
            let line = text.lines().find(|line| line.contains("64 bytes from")).unwrap().to_owned();
            line.split("time").next().unwrap().to_owned()
        };
        assert_eq!(answer(&ours), answer(&theirs));
        assert!(text_of(&ours).contains("packets: 1 = 1 answer\n"), "{}", text_of(&ours));
        assert!(text_of(&ours).contains("asks all hosts"), "{}", text_of(&ours));
    }
}

#[test]
fn whoever_asks_by_a_signal_is_told_how_far_the_run_is() {
    const SIGQUIT: i32 = 3;
    let Some(lab) = lab() else { return };
    let mut said = Vec::new();
    for (program, first) in [("ping", None), (RAWSOCK, Some("ping"))] {
        let mut command = lab.command(Host::Client, program);
        command.args(first).args(["-q", "-i0.2", "10.77.2.2"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        support::process_status::waits_for(SIGQUIT, child.id());
        std::thread::sleep(Duration::from_millis(700));
        for signal in [SIGQUIT, SIGQUIT, support::capture::SIGINT] {
            rawsock::sys::process::send_signal(child.id(), signal).unwrap();
            std::thread::sleep(Duration::from_millis(300));
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let numbers = |letter: char| letter.is_ascii_digit() || letter == '.';
        said.push(text.lines().map(|line| line.replace(numbers, "")).collect::<Vec<_>>());
    }
    assert_eq!(said[0], said[1]);
    assert_eq!(said[1].len(), 2, "{said:?}");
}

#[test]
fn thousands_of_targets_are_asked_by_one_socket() {
    let Some(lab) = lab() else { return };
    // Each address of the network is the server's (AnyIP, ip-route(8)).
    let any =
        run(lab.command(Host::Server, "ip").args(["route", "add", "local", "10.90.0.0/17", "dev", "lo"]));
    assert!(any.status.success(), "{}", text_of(&any));
    let way = run(lab.command(Host::Router, "ip").args(["route", "add", "10.90.0.0/17", "via", "10.77.2.2"]));
    assert!(way.status.success(), "{}", text_of(&way));
    let output = rawsock(&lab, &["--json", "-q", "-c2", "-i1", "-W3", "--rate", "20000", "10.90.0.0/19"]);
    let lines = objects(&output);
    let totals = lines.last().unwrap();
    assert_eq!(totals["targets"], 8190, "{totals}");
    assert_eq!(totals["probes"]["answered"], 2 * 8190, "{totals}");
    assert_eq!(totals["packets"]["answer"], 2 * 8190, "{totals}");
}

/// Where nothing says how far they may go (RFC 1112 §6.1).
#[test]
fn requests_to_many_hosts_stay_on_the_link() {
    let Some(lab) = lab() else { return };
    for (more, ttl) in [(&[][..], "1"), (&["-t", "5"], "5")] {
        let [v4, v6] = [&["239.1.1.1"][..], &["-I", "eth0", "ff05::77"]]
            .map(|host| [&["-c1", "-W0.1"], more, host].concat());
        assert_eq!(seen(&lab, &v4, "icmp.type == 8", &["ip.ttl"]), ttl);
        assert_eq!(seen(&lab, &v6, "icmpv6.type == 128", &["ipv6.hlim"]), ttl);
    }
    assert_eq!(seen(&lab, &["-c1", "10.77.2.2"], "icmp.type == 8", &["ip.ttl"]), "64");
}

#[test]
fn what_must_not_be_cut_is_not_and_what_routers_cannot_cut_is_cut_here() {
    let Some(lab) = lab() else { return };
    let text = text_of(&rawsock(&lab, &["-c1", "-s2000", "--ip", "flags.df=1", "10.77.2.2"]));
    assert!(text.contains("message too long") && text.contains("(1 too large)"), "{text}");
    for (host, interface) in [(Host::Router, "eth1"), (Host::Server, "eth0")] {
        let set = run(lab.command(host, "ip").args(["link", "set", interface, "mtu", "1400"]));
        assert!(set.status.success(), "{}", text_of(&set));
    }
    // The first is what the router's word is about.
    let output = rawsock(&lab, &["-6", "-c3", "-i0.3", "-M", "dont", "-s1452", "fd77:2::2"]);
    assert!(text_of(&output).contains("3 packets transmitted, 2 received"), "{}", text_of(&output));
}

#[test]
fn addresses_of_a_link_are_told_with_their_zone() {
    let Some(lab) = lab() else { return };
    let text = text_of(&rawsock(&lab, &["-c1", "-W0.5", "ff02::1%eth0"]));
    assert!(text.contains("PING ff02::1%eth0(ff02::1%eth0) 56 data bytes"), "{text}");
    let from = text.split("bytes from ").nth(1).unwrap_or_else(|| panic!("{text}"));
    assert!(from.split(": ").next().unwrap().ends_with("%eth0"), "{text}");
    assert!(from.starts_with("fe80::"), "{text}");
}

/// As ping(8) has -l, and -c with -w.
#[test]
fn requests_go_ahead_and_a_count_with_a_deadline_asks_for_replies() {
    let Some(lab) = lab() else { return };
    let output = rawsock(&lab, &["-l3", "-c3", "-i", "30", "-w5", "10.77.2.2"]);
    assert!(text_of(&output).contains("3 packets transmitted, 3 received"), "{}", text_of(&output));
    let refused = text_of(&rawsock(&lab, &["-l4", "-c4", "10.77.2.2"]));
    assert!(refused.contains("--flood"), "{refused}");
    for (arguments, code) in [(["-c9", "-w1", "-i0.4"], 1), (["-c2", "-w5", "-i0.2"], 0)] {
        let output = rawsock(&lab, &[&arguments[..], &["10.77.2.2"]].concat());
        assert_eq!(output.status.code(), Some(code), "{}", text_of(&output));
    }
}

/// The sandbox would end whoever opens a socket behind it.
#[test]
fn without_a_right_a_name_is_refused_as_an_address_is() {
    let Some(lab) = lab() else { return };
    for host in ["localhost", "127.0.0.1"] {
        let mut command = lab.command(Host::Client, "setpriv");
        command.args(["--ambient-caps=-all", "--inh-caps=-all", "--bounding-set=-all", RAWSOCK, "ping"]);
        let output = run(command.args(["-c1", "-e0", host]));
        assert!(text_of(&output).contains("CAP_NET_RAW"), "{host}: {}", text_of(&output));
        assert_eq!(output.status.code(), Some(2), "{host}: {}", text_of(&output));
    }
}

#[test]
fn many_hosts_are_told_of_in_one_way() {
    let Some(lab) = lab() else { return };
    let text = text_of(&rawsock(&lab, &["-q", "-c1", "10.77.1.0/30"]));
    assert!(text.contains("10.77.1.1 : xmt/rcv/%loss = 1/1/0%") && !text.contains("PING"), "{text}");
    let hosts = ["10.77.2.2"; 17];
    let text = text_of(&rawsock(&lab, &[&["-c1", "-i0.2"][..], &hosts].concat()));
    assert!(text.contains("10.77.2.2 : [0], 64 bytes") && !text.contains("PING"), "{text}");
}

#[test]
fn a_deadline_of_0_is_none() {
    let Some(lab) = lab() else { return };
    let output = rawsock(&lab, &["-c2", "-i0.2", "-w0", "10.77.2.2"]);
    assert!(text_of(&output).contains("2 packets transmitted, 2 received"), "{}", text_of(&output));
}

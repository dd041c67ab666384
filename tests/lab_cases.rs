//! The lab's cases are what they say, judged by others: ping, traceroute, tcpdump, scapy, and sockets of Python.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::path::Path;
use std::process::Command;

use rawsock::lab::{Case, Host, Lab};
use support::peer::Peer;
use support::{RAWSOCK, is_root, lab_with, run, text_of};

/// A program on the client, and all that it printed.
fn client(lab: &Lab, words: &[&str]) -> String {
    let output = run(lab.command(Host::Client, "timeout").arg("20").args(words));
    text_of(&output).trim().to_owned()
}

fn python(lab: &Lab, script: &str) -> String {
    client(lab, &["python3", "-c", &format!("import socket, errno, sys\n{script}")])
}

/// What a plain connection to the server comes to: `open`, or the name of the error.
fn connect(lab: &Lab, address: &str, port: u16) -> String {
    python(
        lab,
        &format!(
            "try:\n socket.create_connection(('{address}', {port}), timeout=1.5); print('open')\n\
             except OSError as error: print(type(error).__name__)"
        ),
    )
}

/// What scapy says of the answer to a SYN of its own: flags and time to live, or `None`. No reset of the kernel goes between.
fn syn(lab: &Lab, layer: &str, port: u16, options: &str) -> String {
    let script = format!(
        "from scapy.all import *\nconf.verb = 0\n\
         r = sr1({layer}/TCP(sport=RandShort(), dport={port}, flags='S', options={options}), timeout=1.5)\n\
         print(r and (r[TCP].flags, r.ttl if IP in r else r.hlim))"
    );
    client(lab, &["python3", "-c", &script]).lines().last().unwrap_or_default().to_owned()
}

const V4: &str = "10.77.2.2";
const V6: &str = "fd77:2::2";

/// The packets of a file that a display filter of tshark takes, and these fields of each.
fn fields(file: &Path, filter: &str, names: &[&str]) -> Vec<String> {
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-T", "fields", "-E", "separator= ", "-Y", filter, "-r"]).arg(file);
    support::judges::lines(tshark.args(names.iter().flat_map(|name| ["-e", name])))
}

#[test]
fn syn_shape_lets_the_kernels_connections_through_and_no_syn_without_time_stamp() {
    let Some(lab) = lab_with("syn-shape") else { return };
    let scratch = tempfile::tempdir().unwrap();
    let peer = Peer::listen(&lab, Host::Gate, "eth0", &scratch, "tcp");
    assert_eq!([connect(&lab, V4, 7), connect(&lab, V6, 7)], ["open", "open"]);
    assert_eq!(syn(&lab, "IP(dst='10.77.2.2')", 7, "[]"), "None");
    assert_eq!(syn(&lab, "IP(dst='10.77.2.2')", 7, "[('MSS', 1460), ('SAckOK', b'')]"), "None");
    assert_eq!(syn(&lab, "IP(dst='10.77.2.2')", 7, "[('Timestamp', (1, 0))]"), "(<Flag 18 (SA)>, 62)");
    // What was not answered did not come past the router.
    let syns = fields(&peer.file(), "tcp.flags.syn == 1", &["tcp.options.timestamp.tsval"]);
    assert!(syns.len() >= 3 && syns.iter().all(|stamp| !stamp.is_empty()), "{syns:?}");
}

#[test]
fn output_drop_is_silence_for_connect_and_eperm_for_raw_sockets() {
    let Some(lab) = lab_with("output-drop") else { return };
    let scratch = tempfile::tempdir().unwrap();
    let peer = Peer::listen(&lab, Host::Router, "eth0", &scratch, "tcp");
    for port in [7, 80] {
        assert_eq!([connect(&lab, V4, port), connect(&lab, V6, port)], ["TimeoutError", "TimeoutError"]);
    }
    let raw = "s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)\n\
               h = bytes.fromhex('123400070000000000000000500200000000 0000')\n\
               try: s.sendto(h, ('10.77.2.2', 0)); print('sent')\n\
               except PermissionError as error: print(errno.errorcode[error.errno])";
    assert_eq!(python(&lab, raw), "EPERM");
    assert_eq!(fields(&peer.file(), "tcp", &["frame.number"]), [""; 0]);
    assert_eq!(python(&lab, UDP), "b'hello'");
    let ping = client(&lab, &["ping", "-c1", "-W2", V4]);
    assert!(ping.contains(" 0% packet loss"), "{ping}");
    // The rule about port 80 is for one user. Only root can become another.
    if is_root() {
        let echo = |port: u16| format!("exec 3<>/dev/tcp/10.77.2.2/{port} && echo hello >&3 && head -n1 <&3");
        let other = ["setpriv", "--reuid=65534", "--clear-groups", "timeout", "1.5", "bash", "-c"];
        let by_other = |port: u16| client(&lab, &[&other[..], &[&echo(port)]].concat());
        assert_eq!([by_other(80), by_other(7)], ["hello", ""]);
    }
}

/// Asks the echo service by UDP.
const UDP: &str = "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2)\n\
                   s.sendto(b'hello', ('10.77.2.2', 7)); print(s.recv(9))";

#[test]
fn mss_clamp_makes_segments_small_both_ways() {
    let Some(lab) = lab_with("mss-clamp") else { return };
    let scratch = tempfile::tempdir().unwrap();
    let far = Peer::listen(&lab, Host::Server, "eth0", &scratch, "tcp");
    let near = Peer::listen(&lab, Host::Client, "eth0", &scratch, "tcp");
    for address in [V4, V6] {
        let script = format!(
            "s = socket.create_connection(('{address}', 7), timeout=2)\n\
             print(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG))"
        );
        // Twelve octets of each segment are for the time stamps.
        assert_eq!(python(&lab, &script), "1188");
    }
    assert_eq!(fields(&far.file(), "tcp.flags.syn == 1", &["tcp.options.mss_val"]), ["1200", "1200"]);
    assert_eq!(fields(&near.file(), "tcp.flags.syn == 1", &["tcp.options.mss_val"]), ["1200", "1200"]);
}

#[test]
fn nat_gives_each_kind_of_packet_another_source() {
    let Some(lab) = lab_with("nat") else { return };
    let scratch = tempfile::tempdir().unwrap();
    let peer = Peer::listen(&lab, Host::Server, "eth0", &scratch, "tcp or udp or icmp or icmp6");
    assert_eq!([connect(&lab, V4, 7), connect(&lab, V6, 7)], ["open", "open"]);
    assert_eq!([connect(&lab, "10.77.1.1", 8007), connect(&lab, "fd77:1::1", 8007)], ["open", "open"]);
    assert_eq!(python(&lab, UDP), "b'hello'");
    assert_eq!(python(&lab, &UDP.replace("AF_INET", "AF_INET6").replace(V4, V6)), "b'hello'");
    for (family, address) in [("-4", V4), ("-6", V6)] {
        let ping = client(&lab, &["ping", family, "-c2", "-i0.2", "-W2", address]);
        assert!(ping.contains(" 0% packet loss"), "{ping}");
    }
    let file = peer.file();
    assert_eq!(fields(&file, "ip && tcp.flags == 2", &["ip.src"]), ["10.77.3.1"; 2]);
    assert_eq!(fields(&file, "ipv6 && tcp.flags == 2", &["ipv6.src"]), ["fd77:3::1"; 2]);
    assert_eq!(fields(&file, "ip && udp", &["ip.src"]), ["10.77.99.2"]);
    assert_eq!(fields(&file, "ipv6 && udp", &["ipv6.src"]), ["fd77:99::2"]);
    assert_eq!(fields(&file, "icmp.type == 8", &["ip.src"]), ["10.77.99.2"; 2]);
    let good = "ipv6.src == fd77:99::2 && icmpv6.type == 128 && icmpv6.checksum.status == 1";
    assert_eq!(fields(&file, good, &["ipv6.src"]), ["fd77:99::2"; 2]);
}

#[test]
fn ttl_rewrite_hides_the_hop_behind() {
    let Some(lab) = lab_with("ttl-rewrite") else { return };
    let scratch = tempfile::tempdir().unwrap();
    let peer = Peer::listen(&lab, Host::Server, "eth0", &scratch, "icmp or icmp6");
    for (family, address, router, gate) in
        [("-4", V4, "10.77.1.1", "10.77.3.2"), ("-6", V6, "fd77:1::1", "fd77:3::2")]
    {
        let way = client(&lab, &["traceroute", family, "-n", "-q1", address]);
        let hops: Vec<&str> = way.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(hops, [router, address], "{way}");
        assert!(!way.contains(gate), "{way}");
        client(&lab, &["ping", family, "-c1", "-t9", address]);
    }
    let file = peer.file();
    assert_eq!(fields(&file, "icmp.type == 8", &["ip.ttl"]), ["63"]);
    assert_eq!(fields(&file, "icmpv6.type == 128", &["ipv6.hlim"]), ["63"]);
}

#[test]
fn rst_injection_answers_for_the_server_from_nearer() {
    let Some(lab) = lab_with("rst-injection") else { return };
    let scratch = tempfile::tempdir().unwrap();
    let far = Peer::listen(&lab, Host::Server, "eth0", &scratch, "tcp");
    let near = Peer::listen(&lab, Host::Client, "eth0", &scratch, "tcp");
    for address in [V4, V6] {
        for port in [7, 80] {
            assert_eq!(connect(&lab, address, port), "ConnectionRefusedError", "{address} {port}");
        }
    }
    let ping = client(&lab, &["ping", "-c1", "-W2", V4]);
    assert!(ping.contains("ttl=62"), "{ping}");
    assert_eq!(syn(&lab, "IP(dst='10.77.2.2')", 7, "[]"), "(<Flag 20 (RA)>, 63)");
    // The server has seen only what was for the port on which it is part of the race.
    let far = far.file();
    assert_eq!(fields(&far, "tcp.flags == 2", &["tcp.dstport"]), ["80", "80"]);
    // Two answers, of which that of the server comes second, and from farther away. It may come once more, to a socket that the
    // first has closed.
    let answers = fields(&near.file(), "ip && tcp.srcport == 80", &["tcp.flags", "ip.ttl"]);
    assert_eq!(answers[..2], ["0x0014 63", "0x0012 62"]);
}

#[test]
fn icmp_blocked_lets_only_ping_fail() {
    let Some(lab) = lab_with("icmp-blocked") else { return };
    for (family, address, router) in [("-4", V4, "10.77.1.1"), ("-6", V6, "fd77:1::1")] {
        let far = client(&lab, &["ping", family, "-c1", "-W1", address]);
        assert!(far.contains("100% packet loss"), "{far}");
        let near = client(&lab, &["ping", family, "-c1", "-W2", router]);
        assert!(near.contains(" 0% packet loss"), "{near}");
        assert_eq!(connect(&lab, address, 7), "open");
    }
    assert_eq!(python(&lab, UDP), "b'hello'");
}

#[test]
fn ecmp_sends_flows_by_two_ways() {
    let Some(lab) = lab_with("ecmp") else { return };
    for (family, address, both) in
        [("-4", V4, ["10.77.3.2", "10.77.4.2"]), ("-6", V6, ["fd77:3::2", "fd77:4::2"])]
    {
        // Each probe of traceroute has a port of its own: that all 20 take one way has a chance of 1 in 500,000.
        let flows = client(&lab, &["traceroute", family, "-n", "-q10", "-f2", "-m3", address]);
        let way = client(&lab, &["traceroute", family, "-n", "-q10", "-f2", "-m3", address]);
        let seen = |hop: &str| flows.contains(hop) || way.contains(hop);
        assert!(both.iter().all(|hop| seen(hop)), "{flows}\n{way}");
        // All of one flow take one.
        let one = ["traceroute", family, "-n", "-q8", "-f2", "-m2", "-I", address];
        let one = client(&lab, &one);
        assert_eq!(both.iter().filter(|hop| one.contains(*hop)).count(), 1, "{one}");
    }
    assert_eq!(connect(&lab, V4, 7), "open");
}

#[test]
fn blackhole_mtu_swallows_large_packets_without_a_word() {
    let Some(lab) = lab_with("blackhole-mtu") else { return };
    let ping = |words: &[&str]| client(&lab, &[&["ping", "-n", "-c1", "-W1"], words].concat());
    let [small, large] = ["-s1372", "-s1373"].map(|size| ping(&["-Mdo", size, V4]));
    assert!(small.contains(" 0% packet loss"), "{small}");
    // Neither the kernel nor ping hears of the MTU.
    assert!(large.contains("100% packet loss"), "{large}");
    assert!(!large.to_lowercase().contains("frag") && !large.contains("too long"), "{large}");
    assert!(ping(&["-Mdont", "-s1373", V4]).contains(" 0% packet loss"));
    let [small, large] = ["-s1352", "-s1353"].map(|size| ping(&["-6", "-Mdo", size, V6]));
    assert!(small.contains(" 0% packet loss") && large.contains("100% packet loss"), "{small}\n{large}");
    for address in [V4, V6] {
        let script = format!(
            "s = socket.create_connection(('{address}', 7), timeout=2)\n\
             s.sendall(b'hello'); print(s.recv(9)); s.sendall(b'x' * 5000)\n\
             try: print(len(s.recv(9000)))\n\
             except TimeoutError: print('stands still')"
        );
        assert_eq!(python(&lab, &script), "b'hello'\nstands still");
    }
}

#[test]
fn lossy_loses_a_fifth_and_the_router_only_seldom_answers() {
    let Some(lab) = lab_with("lossy") else { return };
    for (family, address, router) in [("-4", V4, "10.77.1.1"), ("-6", V6, "fd77:1::1")] {
        // 500 draws of 0.2: four and a half standard deviations each way.
        let loss = lost(&client(&lab, &["ping", family, "-q", "-c500", "-i0.002", "-W1", address]));
        assert!((12.0..28.0).contains(&loss), "{loss}");
        assert_eq!(lost(&client(&lab, &["ping", family, "-q", "-c50", "-i0.002", "-W1", router])), 0.0);
        let way = client(&lab, &["traceroute", family, "-n", "-q10", "-m1", "-w1", address]);
        // A burst is answered, the rest is not; what was asked before may have used some of it up.
        let missing = way.matches('*').count();
        assert!((4..=9).contains(&missing), "{way}");
    }
}

/// The loss that ping tells, in percent.
fn lost(ping: &str) -> f64 {
    let words: Vec<&str> = ping.split_whitespace().collect();
    let place = words.windows(2).position(|pair| pair == ["packet", "loss,"]).unwrap();
    words[place - 1].trim_end_matches('%').parse().unwrap()
}

#[test]
fn every_case_can_be_made_by_an_ordinary_user_without_sbin() {
    use std::os::unix::process::CommandExt;
    let (_directory, program) = support::program_for_everyone();
    for case in Case::ALL {
        let mut command = Command::new(&program);
        command.args(["lab", "--case", case.name, "--in", "gate", "--", "uname", "-n"]);
        command.current_dir("/").env("PATH", "/usr/bin:/bin");
        if is_root() {
            command.uid(65534).gid(65534);
        }
        let output = run(&mut command);
        if text_of(&output).contains("make a user namespace") {
            return support::skip_or_fail(&text_of(&output));
        }
        assert_eq!(text_of(&output), "gate\n", "{}", case.name);
    }
}

/// A counter says whether it was this rule; the processes of the hosts are numbered from 1 on, in the order router, client, gate, server.
#[test]
fn what_a_rule_has_done_is_seen_from_the_client() {
    let Some(lab) = lab_with("mss-clamp") else { return };
    assert_eq!(connect(&lab, V4, 7), "open");
    let rules = client(&lab, &["nsenter", "-t", "1", "-n", "nft", "list", "ruleset"]);
    assert!(rules.contains("size set 1200 counter packets 2"), "{rules}");
    for (process, host) in [("1", "router"), ("2", "client"), ("3", "gate"), ("4", "server")] {
        assert_eq!(client(&lab, &["nsenter", "-t", process, "-u", "uname", "-n"]), host);
    }
}

#[test]
fn the_list_of_cases_and_their_drawings_need_nothing() {
    let rawsock =
        |words: &[&str]| text_of(&run(Command::new(RAWSOCK).arg("lab").args(words).env("PATH", "")));
    let list = rawsock(&["--list-cases"]);
    for case in Case::ALL {
        let entry =
            format!("{}\n    {}\n    rawsock lab --case {0} -- {}\n", case.name, case.shows, case.attempt);
        assert!(list.contains(&entry), "{list}");
        let drawing = rawsock(&["--case", case.name, "--show"]);
        assert!(drawing.contains(" gate ") && drawing.contains("fd77:2::2"), "{drawing}");
    }
}

#[test]
fn what_is_wrong_with_a_case_is_said() {
    let rawsock = |words: &[&str]| {
        let output = run(Command::new(RAWSOCK).arg("lab").args(words));
        assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
        text_of(&output)
    };
    let misspelt = rawsock(&["--case", "mss-clmp", "--", "true"]);
    assert!(misspelt.contains("a similar value exists: 'mss-clamp'"), "{misspelt}");
    let missing = rawsock(&["--in", "gate", "--", "true"]);
    assert!(missing.contains("this lab has no such host; its hosts are client, router, server"), "{missing}");
    let missing = rawsock(&["--case", "nat", "--in", "upper", "--", "true"]);
    assert!(missing.contains("its hosts are client, router, gate, server"), "{missing}");
}

#[test]
fn where_nft_is_not_installed_its_package_is_named_and_nothing_is_left() {
    let script =
        "mount --bind /dev/null /usr/sbin/nft && PATH=/usr/bin:/bin exec \"$0\" lab --case nat -- true";
    let mut command = Command::new("unshare");
    let output = run(command.args(["-Urm", "sh", "-c", script, RAWSOCK]));
    let text = text_of(&output);
    if text.contains("unshare failed") || text.contains("mount:") {
        return support::skip_or_fail(&text);
    }
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("program nft, which is not installed; its package is nftables"), "{text}");
}

//! The lab network, from outside: it is made, it answers, and nothing is left of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is test code")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rawsock::lab::Host;
use rawsock::sys::namespace;
use rawsock::sys::netlink::{Blocked, Netlink, NetlinkError, RouteType, VethEnd};
use rustix::fs::XattrFlags;
use support::{RAWSOCK, lab, run, skip_or_fail, text_of};

#[test]
fn ping_is_answered_over_both_families() {
    let Some(lab) = lab() else { return };
    for family in ["-4", "-6"] {
        for host in ["server", "router", "client"] {
            let output = run(lab.command(Host::Client, "ping").args([family, "-c1", "-W2", host]));
            assert!(output.status.success(), "ping {family} {host}:\n{}", text_of(&output));
        }
    }
}

#[test]
fn the_server_echoes_streams_and_datagrams_over_both_families() {
    let Some(lab) = lab() else { return };
    for address in ["10.77.2.2", "fd77:2::2"] {
        for protocol in ["tcp", "udp"] {
            let script = format!("exec 3<>/dev/{protocol}/{address}/7 && echo hello >&3 && head -n1 <&3");
            let output = run(lab.command(Host::Client, "timeout").args(["5", "bash", "-c", &script]));
            assert_eq!(text_of(&output), "hello\n", "{protocol} to {address}");
        }
    }
}

#[test]
fn dead_ends_are_silent_or_refuse() {
    let Some(lab) = lab() else { return };
    let ping = |family: &str, host: &str| {
        text_of(&run(lab.command(Host::Client, "ping").args([family, "-n", "-c1", "-W1", host])))
    };
    for (family, router) in [("-4", "10.77.1.1"), ("-6", "fd77:1::1")] {
        let silent = ping(family, "silent");
        assert!(silent.contains("100% packet loss") && !silent.contains("From"), "{silent}");
        let forbidden = ping(family, "forbidden");
        assert!(forbidden.contains(&format!("From {router} icmp_seq=1")), "{forbidden}");
    }
}

#[test]
fn each_host_has_its_own_name_and_interfaces() {
    let Some(lab) = lab() else { return };
    for (host, interfaces) in
        [(Host::Client, "eth0 lo"), (Host::Router, "eth0 eth1 lo"), (Host::Server, "eth0 lo")]
    {
        let script = "uname -n; awk -F: 'NR > 2 { print $1 }' /proc/net/dev | xargs -n1 | sort | xargs";
        let output = run(lab.command(host, "sh").args(["-c", script]));
        assert_eq!(text_of(&output), format!("{host}\n{interfaces}\n"));
    }
}

#[test]
fn checksums_on_the_cable_are_finished() {
    let Some(lab) = lab() else { return };
    let mut capture = lab.command(Host::Client, "timeout");
    capture.args(["5", "tcpdump", "-i", "eth0", "-nvvlc4", "udp port 7"]);
    let mut capture = capture.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let listening = first_line(capture.stderr.as_mut().unwrap());
    assert!(listening.contains("listening on eth0"), "{listening}");
    for address in ["10.77.2.2", "fd77:2::2"] {
        let script = format!("exec 3<>/dev/udp/{address}/7 && echo hello >&3 && head -n1 <&3");
        assert_eq!(text_of(&run(lab.command(Host::Client, "bash").args(["-c", &script]))), "hello\n");
    }
    let text = text_of(&capture.wait_with_output().unwrap());
    assert_eq!(text.matches("[udp sum ok]").count(), 4, "{text}");
}

#[test]
fn routes_and_neighbours_are_those_of_the_client() {
    if !support::on_client("routes_and_neighbours_are_those_of_the_client") {
        return;
    }
    let mut netlink = Netlink::open().unwrap();
    let eth0 = netlink.link("eth0").unwrap();
    assert_eq!(eth0.mac(), Some([2, 0, 0, 0x77, 1, 2]));
    assert_eq!((eth0.kind.as_deref(), eth0.hardware, eth0.mtu), (Some("veth"), 1, 1500));
    assert!(eth0.is_running() && !eth0.is_loopback());
    for (server, gateway, source) in
        [("10.77.2.2", "10.77.1.1", "10.77.1.2"), ("fd77:2::2", "fd77:1::1", "fd77:1::2")]
    {
        let [server, gateway, source] = [server, gateway, source].map(|text| text.parse::<IpAddr>().unwrap());
        let route = netlink.route(&server.into()).unwrap();
        assert_eq!((route.interface, route.kind), (eth0.index, RouteType::Unicast));
        assert_eq!((route.gateway, route.source), (Some(gateway), Some(source)));
        assert_eq!(netlink.route(&gateway.into()).unwrap().next_hop(gateway), gateway);
        assert!(run(Command::new("ping").args(["-c1", "-W2", &gateway.to_string()])).status.success());
        let neighbour = netlink.neighbour(eth0.index, gateway).unwrap().unwrap();
        assert_eq!(neighbour.mac(), Some([2, 0, 0, 0x77, 1, 1]));
    }
}

#[test]
fn routes_that_block_are_told_apart() {
    if !support::on_client("routes_that_block_are_told_apart") {
        return;
    }
    let mut netlink = Netlink::open().unwrap();
    for (family, addresses) in
        [("-4", ["10.1.0.1", "10.2.0.1", "10.3.0.1"]), ("-6", ["fd01::1", "fd02::1", "fd03::1"])]
    {
        for (kind, address) in ["unreachable", "prohibit", "blackhole"].iter().zip(addresses) {
            let output = run(Command::new("ip").args([family, "route", "add", kind, address]));
            assert!(output.status.success(), "{}", text_of(&output));
        }
        let [unreachable, prohibited, discarded] = addresses.map(|text| text.parse::<IpAddr>().unwrap());
        let mut blocked = |address: IpAddr| match netlink.route(&address.into()) {
            Err(NetlinkError::Blocked { destination, how }) if destination == address => Some(how),
            _ => None,
        };
        assert_eq!(blocked(unreachable), Some(Blocked::Unreachable));
        assert_eq!(blocked(prohibited), Some(Blocked::Prohibit));
        assert_eq!(blocked(discarded), Some(Blocked::Blackhole));
    }
    assert!(run(Command::new("ip").args(["route", "del", "default"])).status.success());
    let nowhere = IpAddr::from([192, 0, 2, 1]);
    let error = netlink.route(&nowhere.into()).unwrap_err();
    assert!(matches!(error, NetlinkError::NoRoute { destination } if destination == nowhere), "{error}");
}

#[test]
fn links_are_named_set_and_deleted() {
    if !support::on_client("links_are_named_set_and_deleted") {
        return;
    }
    let mut netlink = Netlink::open().unwrap();
    let here = namespace::open_network(None).unwrap();
    let end = |name, index| VethEnd { name, mac: [2, 0, 0, 0, 0, 7], index };
    netlink.create_veth(end("d0", 76), end("p0", 77), here.as_fd()).unwrap();
    assert_eq!(netlink.link("p0").unwrap().index, 77);
    let index = netlink.link("d0").unwrap().index;
    netlink.set_name(index, "d1").unwrap();
    netlink.set_mac(index, [2, 0, 0, 0, 0, 1]).unwrap();
    netlink.set_mtu(index, 1280).unwrap();
    netlink.set_up(index).unwrap();
    netlink.add_address(index, "fd00:1::1".parse().unwrap(), 64).unwrap();
    let again = netlink.add_address(index, "fd00:1::1".parse().unwrap(), 64).unwrap_err();
    assert_eq!(again.raw_os_error(), Some(libc::EEXIST), "{again}");
    let found = netlink.link("d1").unwrap();
    assert_eq!((found.mac(), found.mtu, found.is_up()), (Some([2, 0, 0, 0, 0, 1]), 1280, true));
    let addresses = netlink.addresses().unwrap();
    assert!(addresses.iter().any(|a| a.index == index && a.prefix_bits == 64 && !a.is_tentative()));
    netlink.delete_link(index).unwrap();
    for gone in ["d1", "p0"] {
        assert!(matches!(netlink.link(gone), Err(NetlinkError::NoSuchInterface { .. })));
    }
}

#[test]
fn exit_codes_and_signals_pass_through() {
    if lab().is_none() {
        return;
    }
    let end = |script: &str| run(Command::new(RAWSOCK).args(["lab", "--", "sh", "-c", script])).status;
    assert_eq!(end("exit 0").code(), Some(0));
    assert_eq!(end("exit 7").code(), Some(7));
    assert_eq!(end("kill -TERM $$").signal(), Some(libc::SIGTERM));
    let missing = run(Command::new(RAWSOCK).args(["lab", "--", "no-such-command"]));
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        text_of(&missing).starts_with("rawsock: run no-such-command in the lab: "),
        "{}",
        text_of(&missing)
    );
}

#[test]
fn a_signal_reaches_the_command() {
    if lab().is_none() {
        return;
    }
    let script = "trap 'echo got it; exit 3' TERM; echo ready; while :; do sleep 0.01; done";
    let mut child = start(Command::new(RAWSOCK).args(["lab", "--", "sh", "-c", script]));
    assert_eq!(first_line(child.stdout.as_mut().unwrap()), "ready\n");
    rawsock::sys::process::send_signal(child.id(), libc::SIGTERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text_of(&output).as_str()), (Some(3), "got it\n"));
}

#[test]
fn nothing_is_left_when_the_lab_is_killed() {
    if lab().is_none() {
        return;
    }
    let script = "sleep 301 & setsid sleep 302 & echo ready; exec sleep 303";
    let mut child = start(Command::new(RAWSOCK).args(["lab", "--", "sh", "-c", script]));
    assert_eq!(first_line(child.stdout.as_mut().unwrap()), "ready\n");
    let all = descendants(child.id());
    assert!(all.len() >= 7, "the holder, three hosts, the relay and three sleepers: {all:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    await_end_of(&all);
}

#[test]
fn nothing_is_left_when_the_lab_is_dropped() {
    let Some(lab) = lab() else { return };
    let mut child = start(lab.command(Host::Server, "sh").args(["-c", "echo ready; sleep 304; true"]));
    assert_eq!(first_line(child.stdout.as_mut().unwrap()), "ready\n");
    let all: BTreeSet<u32> = lab.hosts().filter_map(|host| lab.pid(host)).collect();
    drop(lab);
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    await_end_of(&all);
}

#[test]
fn killing_a_command_kills_what_it_runs() {
    let Some(lab) = lab() else { return };
    let mut child = start(lab.command(Host::Client, "sh").args(["-c", "echo ready; exec sleep 305"]));
    assert_eq!(first_line(child.stdout.as_mut().unwrap()), "ready\n");
    let all = descendants(child.id());
    assert!(!all.is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    await_end_of(&all);
}

#[test]
fn labs_do_not_see_each_other() {
    let (Some(one), Some(two)) = (lab(), lab()) else { return };
    let cut = run(one.command(Host::Router, "ip").args(["link", "set", "eth1", "down"]));
    assert!(cut.status.success(), "{}", text_of(&cut));
    let ping = |lab: &rawsock::lab::Lab| {
        run(lab.command(Host::Client, "ping").args(["-4", "-c1", "-W1", "server"])).status.success()
    };
    assert!(!ping(&one) && ping(&two));
}

#[test]
fn an_ordinary_user_gets_a_lab_too() {
    let (_directory, program) = support::program_for_everyone();
    works_for_an_ordinary_user(&program);
}

/// `sudo setcap cap_net_raw,cap_net_admin+p rawsock` is how the program gets its rights for good. It must not cost it those
/// that it has in the lab.
#[test]
fn an_ordinary_user_gets_a_lab_from_a_program_with_capabilities() {
    if !support::is_root() {
        // Only root can give capabilities to a file; the test before this one says that the rest works.
        return;
    }
    let (_directory, program) = support::program_for_everyone();
    // `struct vfs_cap_data` (linux/capability.h): revision 2, CAP_NET_ADMIN (bit 12) and CAP_NET_RAW (bit 13) permitted.
    let capabilities = [0x0200_0000_u32, 1 << 12 | 1 << 13, 0, 0, 0].map(u32::to_le_bytes).concat();
    let set = rustix::fs::setxattr(&program, "security.capability", &capabilities, XattrFlags::empty());
    if let Err(error) = set {
        return skip_or_fail(&format!("setxattr security.capability {}: {error}", program.display()));
    }
    works_for_an_ordinary_user(&program);
}

/// Run by root, this becomes someone who has no rights; run by anybody else, it stays who it is.
fn works_for_an_ordinary_user(program: &Path) {
    let script = "id -u && ping -4 -c1 -W2 server && ping -6 -c1 -W2 server";
    for (arguments, is_root_inside) in [([].as_slice(), false), (&["--root"], true)] {
        let mut command = Command::new(program);
        command.arg("lab").args(arguments).args(["--", "sh", "-c", script]).current_dir("/");
        if support::is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let output = run(&mut command);
        let text = text_of(&output);
        if text.contains("make a user namespace") {
            return skip_or_fail(&text);
        }
        assert!(output.status.success(), "{text}");
        assert_eq!(text.starts_with("0\n"), is_root_inside, "{text}");
    }
}

#[test]
fn where_user_namespaces_are_forbidden_the_error_says_how_to_allow_them() {
    let (_directory, program) = support::program_for_everyone();
    // A namespace in which the limit can be set to nothing, and then no capability is left to do without.
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && \
        exec setpriv --bounding-set=-all --inh-caps=-all \"$0\" lab -- true";
    let output = run(Command::new("unshare").args(["-Ur", "sh", "-c", script]).arg(program));
    let text = text_of(&output);
    if text.contains("unshare failed") {
        return skip_or_fail(&text);
    }
    assert_eq!(output.status.code(), Some(2), "{text}");
    for part in ["make a user namespace", "`sudo sysctl user.max_user_namespaces=100000`", "under sudo"] {
        assert!(text.contains(part), "{text}");
    }
}

/// `cargo run -- lab -- rawsock …` works although nothing is installed; and so does it from a shell in the lab.
#[test]
fn rawsock_in_the_lab_is_the_program_that_made_it() {
    if lab().is_none() {
        return;
    }
    for command in [["rawsock", "--version"].as_slice(), &["sh", "-c", "exec rawsock --version"]] {
        let output =
            run(Command::new(RAWSOCK).args(["lab", "--"]).args(command).env("PATH", "/usr/bin:/bin"));
        assert_eq!(text_of(&output), format!("rawsock {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn the_plan_is_drawn_without_making_anything() {
    let output = run(Command::new(RAWSOCK).args(["lab", "--show"]).env("PATH", ""));
    let text = text_of(&output);
    assert!(
        output.status.success() && text.contains("10.77.2.2/24") && text.contains("fd77:1::1/64"),
        "{text}"
    );
}

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
}

/// Reads octet by octet: what comes later is somebody else's.
fn first_line(from: &mut impl Read) -> String {
    let mut octets = Vec::new();
    while octets.last() != Some(&b'\n') {
        let mut octet = [0];
        from.read_exact(&mut octet).unwrap();
        octets.extend(octet);
    }
    String::from_utf8(octets).unwrap()
}

/// The processes that this one started, and those that they started.
fn descendants(pid: u32) -> BTreeSet<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?.1)))
        .collect();
    let mut found = BTreeSet::from([pid]);
    for _ in 0..8 {
        let children = parents.iter().filter(|(_, parent)| found.contains(parent)).map(|(pid, _)| *pid);
        found = children.chain(found.iter().copied()).collect();
    }
    found.remove(&pid);
    found
}

/// State and parent of a process (proc_pid_stat(5)).
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit(')').next()?.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// A zombie is gone: it has given everything back, and waits for the machine's process 1.
fn await_end_of(pids: &BTreeSet<u32>) {
    let alive =
        || pids.iter().filter(|pid| stat(**pid).is_some_and(|(state, _)| state != 'Z')).collect::<Vec<_>>();
    let deadline = Instant::now() + Duration::from_secs(5);
    while !alive().is_empty() {
        assert!(Instant::now() < deadline, "still there: {:?}", alive());
        thread::sleep(Duration::from_millis(5));
    }
}

/// The user and group "nobody" of most systems.
const NOBODY: u32 = 65534;

/// Also a command whose `--` was forgotten.
#[test]
fn what_is_no_part_of_lab_is_said_with_what_may_be_meant() {
    for (words, said) in [
        (&["dmo"][..], "`dmo` is no part of lab, the nearest is demo"),
        (&["ping", "-c1", "server"], "behind `--`: rawsock lab -- ping -c1 server"),
        (&["demo", "--nosuch"], "unexpected argument '--nosuch'"),
    ] {
        let output = run(Command::new(RAWSOCK).arg("lab").args(words));
        assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
        assert!(text_of(&output).contains(said), "{}", text_of(&output));
    }
}

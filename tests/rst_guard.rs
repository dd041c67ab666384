//! The kernel's resets are kept away from connections that are opened by hand, and from nothing else, and for no longer:
//! tcpdump at the other end and nft are the judges.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use rawsock::lab::{Host, Lab};
use rawsock::sys::process::send_signal;
use support::peer::Peer;
use support::{RAWSOCK, lab, run, text_of};
use tempfile::TempDir;

const SIGKILL: i32 = 9;
const RESETS: &str = "(ip and tcp[tcpflags] & tcp-rst != 0) or (ip6 and ip6[53] & 4 != 0)";

/// A connection that is opened by hand from port 4001, stays open for a while, and is ended by a reset of our own.
fn spec(ip: &str, server: &str, wait: &str) -> String {
    format!(
        r#"
[[scenario]]
name = "open"
steps = [
  {{ send = [{{ {ip} = {{ dst = "{server}" }} }}, {{ tcp = {{ srcport = 4001, dstport = 7, flags = "S", seq = 1000 }} }}] }},
  {{ name = "synack", expect = {{ match = "tcp.flags == 0x12 and tcp.ack == 1001" }} }},
  {{ send = [{{ {ip} = {{}} }}, {{ tcp = {{ flags = "PA", seq = "reply.tcp.ack", ack = "reply.tcp.seq + 1" }} }}, "hello"] }},
  {{ expect = {{ match = "tcp.payload == \"hello\"" }} }},
  {{ wait = "{wait}", send = [{{ {ip} = {{}} }}, {{ tcp = {{ flags = "R", seq = "reply.tcp.ack" }} }}] }},
]
"#
    )
}

fn tables(lab: &Lab) -> String {
    text_of(&run(lab.command(Host::Client, "nft").args(["list", "tables"])))
}

/// Source port and number of each reset that came to the server.
fn resets(peer: Peer) -> Vec<(u16, u32)> {
    let packets = peer.packets();
    let read = |octets: &[u8]| {
        let tcp = if octets[12..14] == [0x86, 0xdd] { 54 } else { 34 };
        let port = u16::from_be_bytes([octets[tcp], octets[tcp + 1]]);
        (port, u32::from_be_bytes(octets[tcp + 4..tcp + 8].try_into().unwrap()))
    };
    packets.iter().map(|(_, octets)| read(octets)).collect()
}

fn listen(lab: &Lab, folder: &TempDir) -> Peer {
    Peer::listen(lab, Host::Server, "eth0", folder, RESETS)
}

#[test]
fn only_our_own_resets_leave() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (ip, server) in [("ip", "10.77.2.2"), ("ipv6", "fd77:2::2")] {
        let path = folder.path().join("open.toml");
        std::fs::write(&path, spec(ip, server, "100ms")).unwrap();
        let peer = listen(&lab, &folder);
        let output = run(lab.command(Host::Client, RAWSOCK).arg("test").arg(&path));
        assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            told.contains("the kernel's own resets from") && told.contains("port 4001 are dropped"),
            "{told}"
        );
        // The client's own, with the number that it was to have, by a raw socket that passes the same hook.
        assert_eq!(resets(peer), [(4001, 1006)], "{ip}");
        assert!(!tables(&lab).contains("rawsock"), "the table is gone");
    }
}

#[test]
fn without_it_the_kernel_resets_the_connection() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("open.toml");
    std::fs::write(&path, spec("ip", "10.77.2.2", "100ms")).unwrap();
    let peer = listen(&lab, &folder);
    let output = run(lab.command(Host::Client, RAWSOCK).args(["test", "--no-rst-guard"]).arg(&path));
    assert_eq!(output.status.code(), Some(1), "{}", text_of(&output));
    assert!(!text_of(&output).contains("dropped"), "{}", text_of(&output));
    assert_eq!(resets(peer).first(), Some(&(4001, 1001)), "to the SYN and ACK");
}

#[test]
fn other_ports_are_let_alone_and_a_kill_takes_the_table_away() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("open.toml");
    std::fs::write(&path, spec("ip", "10.77.2.2", "20s")).unwrap();
    let peer = listen(&lab, &folder);
    let mut command = lab.command(Host::Client, RAWSOCK);
    let mut child = command.args(["test", "-v"]).arg(&path).stdout(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let rules = || text_of(&run(lab.command(Host::Client, "nft").args(["list", "ruleset"])));
    while !rules().contains("10.77.1.2 . 4001") {
        assert!(began.elapsed() < Duration::from_secs(10), "no table: {}", rules());
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(500));
    let rules = rules();
    assert!(rules.contains("flags owner") && rules.contains("10.77.1.2 . 4001"), "{rules}");
    assert!(rules.contains("type filter hook output") && rules.contains("drop"), "{rules}");
    // The kernel answers the SYN and ACK to another port with a reset, as ever.
    let other = "ip(dst=10.77.2.2)/tcp(srcport=4002, dstport=7, flags=S, seq=50)";
    let output = run(lab.command(Host::Client, RAWSOCK).args(["send", other]));
    assert!(output.status.success(), "{}", text_of(&output));
    // The server repeats what nobody acknowledges, and there is no reset to that either.
    assert_eq!(resets(peer), [(4002, 51)]);
    send_signal(child.id(), SIGKILL).unwrap();
    child.wait().unwrap();
    // The process that owns the table ends when it hears nothing of the other one any more.
    let killed = Instant::now();
    while tables(&lab).contains("rawsock") {
        assert!(killed.elapsed() < Duration::from_secs(5), "{}", tables(&lab));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn whoever_may_not_is_told_what_to_do() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("open.toml");
    std::fs::write(&path, spec("ip", "10.77.2.2", "0s")).unwrap();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/tcp-conversation.toml");
    let run_as = |arguments: &[&str]| {
        let mut command = lab.command(Host::Client, "setpriv");
        run(command.args(["--bounding-set=-net_admin", "--inh-caps=-net_admin", RAWSOCK]).args(arguments))
    };
    for arguments in [["test", path.to_str().unwrap()], ["send", example]] {
        let output = run_as(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text_of(&output));
        let text = text_of(&output);
        for words in ["CAP_NET_ADMIN", "rawsock lab", "--no-rst-guard"] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
    let output = run_as(&["send", example, "--no-rst-guard"]);
    assert!(text_of(&output).contains("1 met"), "{}", text_of(&output));
}

/// One table serves all tests of a run, and is gone before the program is.
#[test]
fn ports_of_a_test_are_let_out_again_before_the_next_one() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.toml");
    let first = spec("ip", "10.77.2.2", "0s");
    let second = r#"
[[scenario]]
name = "another"
steps = [
  { send = [{ ip = { dst = "10.77.2.2" } }, { tcp = { srcport = 4002, dstport = 7, flags = "S", seq = 2000 } }] },
  { expect = { match = "tcp.flags == 0x12 and tcp.ack == 2001" } },
  { send = [{ ip = {} }, { tcp = { flags = "R", seq = "reply.tcp.ack" } }] },
  { send = [{ ip = { dst = "10.77.2.2" } }, { icmp = { type = 8 } }] },
  { wait = "1s", send = [{ ip = { dst = "10.77.2.2" } }, { icmp = { type = 8 } }], expect = { match = "icmp.type == 0" } },
]
"#;
    std::fs::write(&path, first + second).unwrap();
    let mut command = lab.command(Host::Client, RAWSOCK);
    let mut child =
        command.args(["test", "-v"]).arg(&path).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let rules = || text_of(&run(lab.command(Host::Client, "nft").args(["list", "ruleset"])));
    while !rules().contains("10.77.1.2 . 4002") {
        assert!(
            began.elapsed() < Duration::from_secs(10) && child.try_wait().unwrap().is_none(),
            "{}",
            rules()
        );
    }
    assert!(!rules().contains("4001"), "{}", rules());
    assert!(child.wait().unwrap().success());
    assert!(!tables(&lab).contains("rawsock"), "{}", tables(&lab));
}

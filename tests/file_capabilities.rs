//! The rights that the package gives to the program's file, `cap_net_raw,cap_net_admin+p`: with them an ordinary user pings and
//! captures, and where the bounding set lacks them the program still starts.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rawsock::lab::{Host, Lab};
use support::{lab, program_for_everyone, run, skip_or_fail, text_of};

/// A copy of the program that has these rights; none where the test is not root's, who alone can give them.
fn program_with(rights: &str) -> Option<(tempfile::TempDir, PathBuf)> {
    if !support::is_root() {
        return None;
    }
    let (directory, program) = program_for_everyone();
    let given = run(Command::new("setcap").arg(rights).arg(&program));
    if !given.status.success() {
        skip_or_fail(&format!("setcap {rights} {}: {}", program.display(), text_of(&given)));
        return None;
    }
    Some((directory, program))
}

/// Runs the program on a lab's client as somebody who has no rights at all.
fn as_nobody(lab: &Lab, program: &Path, arguments: &[&str]) -> Output {
    let mut command = lab.command(Host::Client, "setpriv");
    command.args(NOBODY).arg(program).args(arguments).current_dir("/");
    run(&mut command)
}

#[test]
fn an_ordinary_user_pings_sends_and_captures() {
    let Some((_directory, program)) = program_with(RIGHTS) else { return };
    let Some(lab) = lab() else { return };
    let pinged = as_nobody(&lab, &program, &["ping", "-c1", "-4", "server", "--json"]);
    let text = text_of(&pinged);
    assert!(pinged.status.success() && text.contains("10.77.2.2"), "{text}");
    let sent = as_nobody(&lab, &program, &["send", "ip(dst=10.77.2.2)/icmp(seq=3)", "--via", "link"]);
    assert!(text_of(&sent).contains("1 sent, 1 answered"), "{}", text_of(&sent));
    // CAP_NET_ADMIN: the kernel's reset would end what was begun by hand.
    let spec = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/tcp-conversation.toml");
    let spoken = as_nobody(&lab, &program, &["send", spec]);
    assert!(spoken.status.success(), "{}", text_of(&spoken));

    let mut capture = lab.command(Host::Client, "setpriv");
    let script = "\"$0\" capture -i eth0 -c2 icmp & ping -q -c9 -i0.2 -4 server > /dev/null; wait $!";
    let captured = run(capture.args(NOBODY).args(["timeout", "20", "sh", "-c", script]).arg(&program));
    let text = text_of(&captured);
    assert!(captured.status.success() && text.matches("ICMP echo").count() == 2, "{text}");
}

#[test]
fn without_the_right_an_ordinary_user_is_told_how_to_give_it() {
    if !support::is_root() {
        return;
    }
    let (_directory, program) = program_for_everyone();
    let Some(lab) = lab() else { return };
    let refused = as_nobody(&lab, &program, &["capture", "-i", "eth0", "-c1"]);
    assert_eq!(refused.status.code(), Some(2), "{}", text_of(&refused));
    assert!(text_of(&refused).contains(&format!("setcap {RIGHTS}")), "{}", text_of(&refused));
}

/// Containers are often started without CAP_NET_ADMIN, or without both. That is what `p` is for, and not `ep`.
#[test]
fn where_the_bounding_set_lacks_a_right_the_program_starts() {
    let Some((_directory, program)) = program_with(RIGHTS) else { return };
    let Some(lab) = lab() else { return };
    let without = |bounds: &str, program: &Path, arguments: &[&str]| {
        let mut command = lab.command(Host::Client, "setpriv");
        command.arg(format!("--bounding-set={bounds}")).args(NOBODY).arg(program).args(arguments);
        run(command.current_dir("/"))
    };
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/dns.pcap");
    let read = without("-net_raw,-net_admin", &program, &["read", file]);
    assert!(read.status.success() && text_of(&read).lines().count() > 3, "{}", text_of(&read));
    let ping = ["send", "ip(dst=10.77.2.2)/icmp(seq=3)"];
    let refused = without("-net_raw,-net_admin", &program, &ping);
    assert!(refused.status.code() == Some(2) && text_of(&refused).contains("CAP_NET_RAW"), "{refused:?}");
    let pinged = without("-net_admin", &program, &ping);
    assert!(pinged.status.success(), "{}", text_of(&pinged));

    let Some((_directory, other)) = program_with(&RIGHTS.replace("+p", "+ep")) else { return };
    let refused = text_of(&without("-net_admin", &other, &["--version"]));
    assert!(refused.contains("Operation not permitted"), "with `e` the kernel starts nothing: {refused}");
}

/// What the package and the README say.
const RIGHTS: &str = "cap_net_raw,cap_net_admin+p";
/// Options of setpriv(1).
const NOBODY: [&str; 4] = ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"];

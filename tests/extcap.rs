//! Wireshark captures through rawsock: tshark lists its interfaces, and captures from one.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use rawsock::lab::Host;
use support::{RAWSOCK, lab, run, skip_or_fail, text_of};

fn install(folder: &Path) {
    let output = run(Command::new(RAWSOCK).arg("extcap-install").arg(folder));
    assert!(output.status.success(), "{}", text_of(&output));
}

/// Where tshark looks for such programs.
fn extcap_folder() -> Option<String> {
    let output = Command::new("tshark").args(["-G", "folders"]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.to_ascii_lowercase().contains("extcap path"))?;
    Some(line.split(':').nth(1)?.trim().to_owned())
}

#[test]
fn tshark_lists_the_interfaces_and_captures_with_a_filter() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    install(folder.path());
    let Some(of_tshark) = extcap_folder() else { return skip_or_fail("tshark is not installed") };
    // Not every tshark takes another folder from its environment: here it sees ours in the place of its own.
    let script = "mount --bind \"$0\" \"$1\" && shift 2 && exec tshark \"$@\"";
    let tshark = || {
        let mut command = lab.command(Host::Client, "unshare");
        command.args(["--mount", "sh", "-c", script]).arg(folder.path()).arg(&of_tshark).arg("tshark");
        command.env("HOME", folder.path());
        command
    };
    let listed = text_of(&run(tshark().arg("-D")));
    for name in ["rawsock-eth0 (rawsock: eth0)", "rawsock-any (rawsock: any)"] {
        assert!(listed.contains(name), "{name}: {listed}");
    }
    let listed = text_of(&run(tshark().args(["-i", "rawsock-eth0", "-L"])));
    assert!(listed.contains("EN10MB (Ethernet)"), "{listed}");

    let mut command = tshark();
    command.args([
        "-i",
        "rawsock-eth0",
        "-f",
        "icmp and dst 10.77.2.2",
        "-c",
        "2",
        // Should nothing come, it ends by itself.
        "-a",
        "duration:30",
        "-T",
        "fields",
        "-e",
        "icmp.type",
    ]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // tshark says nothing that can be waited for before its capture runs: there are pings until it has enough.
    for _ in 0..60 {
        run(lab.command(Host::Client, "ping").args(["-q", "-c1", "-W1", "10.77.2.2"]));
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "8\n8\n", "{}", text_of(&output));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.trim_end().ends_with("\n2 packets captured"), "what is said behind it is an error: {said}");
}

#[test]
fn it_answers_as_extcap_programs_do() {
    let folder = tempfile::tempdir().unwrap();
    install(folder.path());
    let program = folder.path().join("rawsock-extcap");
    let ask = |arguments: &[&str]| run(Command::new(&program).args(arguments));
    let interfaces = text_of(&ask(&["--extcap-interfaces", "--extcap-version=4.2"]));
    assert!(interfaces.starts_with("extcap {version="), "{interfaces}");
    assert!(interfaces.contains("interface {value=rawsock-lo}{display=rawsock: lo}\n"), "{interfaces}");
    let config = text_of(&ask(&["--extcap-interface", "rawsock-lo", "--extcap-config"]));
    assert!(config.contains("{call=--snap-len}"), "{config}");
    let wrong = ask(&["--extcap-interface", "rawsock-lo", "--extcap-capture-filter", "tcp prot 80"]);
    assert!(text_of(&wrong).contains("`prot` is no word") && !wrong.status.success(), "{}", text_of(&wrong));
    let right = ask(&["--extcap-interface", "rawsock-lo", "--extcap-capture-filter", "tcp port 80"]);
    assert!(right.status.success() && text_of(&right).is_empty(), "{}", text_of(&right));

    install(folder.path());
    let removed = run(Command::new(RAWSOCK).args(["extcap-install", "--remove"]).arg(folder.path()));
    assert!(removed.status.success() && !program.exists(), "{}", text_of(&removed));
}

/// Wireshark shows all that is on stderr as an error.
#[test]
fn a_capture_says_nothing_but_what_fails() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    assert!(run(Command::new("mkfifo").arg(&fifo)).status.success());
    let capture = |interface: &str| {
        let mut command = lab.command(Host::Client, RAWSOCK);
        command.args(["extcap", "--capture", "--extcap-interface", interface, "--fifo"]).arg(&fifo);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    // Whoever reads has seen enough after the head of the file.
    let child = capture("rawsock-eth0");
    let mut reader = std::fs::File::open(&fifo).unwrap();
    std::io::Read::read_exact(&mut reader, &mut [0; 24]).unwrap();
    support::process_status::waits_for(support::capture::SIGTERM, child.id());
    drop(reader);
    run(lab.command(Host::Client, "ping").args(["-q", "-c2", "-i0.3", "10.77.2.2"]));
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text_of(&output)), (Some(0), String::new()));

    // A signal ends it as well.
    let child = capture("rawsock-eth0");
    let mut reader = std::fs::File::open(&fifo).unwrap();
    std::io::Read::read_exact(&mut reader, &mut [0; 24]).unwrap();
    support::process_status::waits_for(support::capture::SIGTERM, child.id());
    rawsock::sys::process::send_signal(support::fault::innermost(child.id()), support::capture::SIGTERM)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text_of(&output)), (Some(0), String::new()));

    let output = capture("rawsock-eth9").wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text_of(&output).contains("eth9"), "{}", text_of(&output));
}

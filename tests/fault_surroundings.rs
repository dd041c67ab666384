//! Too few descriptors, too little memory, a kernel that refuses netlink: each command says which call failed and what to do, or does
//! without; none panics, and no file is torn.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs;
use std::process::Output;

use support::fault::{is_well_said, limited, refusing, whole, within};
use support::{lab, text_of};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/arp-icmp.pcapng");
const OTHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/dns.pcap");

/// What works in a few moments where nothing fails, and the file that it saves.
fn commands(file: &str) -> Vec<Vec<&str>> {
    vec![
        vec!["capture", "-i", "eth0", "-a", "duration:20ms"],
        vec!["capture", "-i", "eth0", "-i", "lo", "-a", "duration:20ms", "-w", file],
        vec!["capture", "-i", "eth0", "--threads", "2", "-a", "duration:20ms", "-w", file],
        vec!["ping", "-c1", "-W1", "10.77.2.2"],
        vec!["ping", "-c1", "-W1", "--write", file, "10.77.2.2"],
        vec!["trace", "-q1", "10.77.2.2"],
        vec!["trace", "--plain", "-q1", "10.77.2.2"],
        vec!["trace", "-q1", "--write", file, "10.77.2.2"],
        vec!["probe", "tcp", "10.77.2.2:7", "10.77.2.2:9"],
        vec!["probe", "tcp", "--raw", "10.77.2.2:7"],
        vec!["send", "ip(dst=10.77.2.2)/icmp"],
        vec!["send", "--write", file, "ip(dst=10.77.2.2)/icmp"],
        vec!["send", "-c", "100", "--top-speed", "ip(dst=10.77.2.2)/icmp"],
        vec!["replay", "-i", "eth0", "--top-speed", FILE],
        vec!["read", FILE],
        vec!["read", "--resolve", OTHER],
        vec!["read", FILE, OTHER, "-w", file],
        vec!["interfaces"],
        vec!["sockets"],
        vec!["connect", "tcp", "10.77.2.2:7"],
    ]
}

#[test]
fn too_few_descriptors_are_said_with_what_to_do() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saved.pcapng");
    for arguments in commands(file.to_str().unwrap()) {
        // The dynamic linker itself takes one descriptor beside the three.
        let mut refusals = 0;
        let enough = (4..100).find(|most| {
            let output = within(&lab, &limited(&format!("nofile={most}")), &arguments);
            let done = output.status.code() == Some(0);
            if !done {
                is_told(&output, &arguments);
                refusals += 1;
            }
            done
        });
        assert!(enough.is_some(), "{arguments:?}");
        let needs_more = !["read", "interfaces", "sockets"].contains(&arguments[0]);
        assert!(refusals > 0 || !needs_more, "{arguments:?} does with {enough:?}");
    }
}

/// A socket or a file that got number 1 or 2 would be written to by what is printed.
#[test]
fn closed_standard_descriptors_do_no_harm() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saved.pcapng");
    let closed = ["sh", "-c", r#"exec "$@" <&- >&- 2>&-"#, "sh"].map(str::to_owned);
    for arguments in commands(file.to_str().unwrap()) {
        let _ = fs::remove_file(&file);
        let output = within(&lab, &closed, &arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        if file.exists() {
            whole(&file);
        }
    }
}

fn is_told(output: &Output, arguments: &[&str]) {
    let text = text_of(output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    assert!(!text.contains("panicked at"), "{text}");
    assert!(!text.contains("(os error"), "{text}");
    assert!(
        text.contains("too many open files; no descriptor is left: `ulimit -n` shows"),
        "{arguments:?}: {text}"
    );
}

#[test]
fn too_little_memory_ends_it_without_a_panic_and_leaves_no_torn_file() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saved.pcapng");
    for arguments in commands(file.to_str().unwrap()) {
        // Under the least of them the program itself cannot be loaded.
        let enough = (24..=160).step_by(8).find(|mebibytes| {
            let _ = fs::remove_file(&file);
            let output = within(&lab, &limited(&format!("as={}", mebibytes << 20)), &arguments);
            let text = text_of(&output);
            assert!(!text.contains("panicked at"), "{arguments:?}, {mebibytes} MiB: {text}");
            match output.status.code() {
                Some(0) => return true,
                Some(2) => is_well_said(&output),
                // Not even the linker's libraries find room.
                Some(127) => assert!(text.contains("shared object"), "{text}"),
                Some(1) => {
                    assert!(arguments[0] == "probe" || arguments[0] == "ping", "{arguments:?}: {text}")
                }
                Some(code) => panic!("{arguments:?} ended with {code}: {text}"),
                // Rust's own way to say that an allocation failed (`handle_alloc_error`).
                None => assert!(
                    text.contains("memory allocation of ") || text.is_empty(),
                    "{arguments:?}: {text}"
                ),
            }
            if file.exists() && fs::metadata(&file).unwrap().len() > 0 {
                whole(&file);
            }
            false
        });
        assert!(enough.is_some(), "{arguments:?} takes more than 160 MiB of address space");
    }
}

#[test]
fn a_ring_that_finds_no_memory_says_which_option_takes_less() {
    let Some(lab) = lab() else { return };
    let around = limited(&format!("as={}", 256 << 20));
    let output = within(&lab, &around, &["capture", "-i", "eth0", "-B", "1000000", "-a", "duration:20ms"]);
    assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
    is_well_said(&output);
    let said = text_of(&output);
    assert!(
        said.contains("a receive ring: cannot allocate memory; a smaller one takes less, as `capture -B`"),
        "{said}"
    );
    let arguments = ["capture", "-i", "eth0", "--dump-on", "icmp", "--keep", "4G", "-w", "/dev/null"];
    let said = text_of(&within(&lab, &around, &arguments));
    assert!(
        said.contains("rawsock: keep 4096 MiB in memory: ") && said.contains("`--keep` takes less"),
        "{said}"
    );
}

#[test]
fn who_is_refused_netlink_hears_by_whom() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saved.pcapng");
    let by_themselves: [&[&str]; 8] = [
        &["ping", "-c1", "10.77.2.2"],
        &["probe", "tcp", "10.77.2.2:7"],
        &["connect", "tcp", "10.77.2.2:7"],
        &["read", FILE],
        &["read", "--resolve", OTHER],
        &["craft", "ip(dst=10.77.2.2)/icmp"],
        &["sockets"],
        &["doctor"],
    ];
    for (error, words) in
        [("EPERM", "operation not permitted"), ("EAFNOSUPPORT", "address family not supported")]
    {
        // AF_NETLINK (linux/socket.h); as systemd's RestrictAddressFamilies= has it.
        let around = refusing("socket=16", error);
        for arguments in by_themselves {
            let output = within(&lab, &around, arguments);
            let text = text_of(&output);
            assert_eq!(output.status.code(), Some(0), "{arguments:?}: {text}");
        }
        let all = commands(file.to_str().unwrap());
        let does_without = |arguments: &[&str]| {
            ["read", "connect", "sockets"].contains(&arguments[0])
                || arguments[0] == "probe" && !arguments.contains(&"--raw")
                || arguments[0] == "ping" && !arguments.contains(&"--write")
        };
        for arguments in all.iter().filter(|arguments| !does_without(arguments)) {
            let output = within(&lab, &around, arguments);
            let text = text_of(&output);
            assert!(!file.exists(), "{arguments:?} began a file");
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
            is_well_said(&output);
            assert!(text.contains(&format!("open a netlink socket: {words}")), "{arguments:?}: {text}");
            assert!(text.contains("RestrictAddressFamilies="), "{arguments:?}: {text}");
        }
    }
}

#[test]
fn raw_sockets_that_are_refused_are_told_with_the_right_that_is_missing() {
    let Some(lab) = lab() else { return };
    // AF_PACKET (linux/socket.h).
    let around = refusing("socket=17", "EPERM");
    let cases: [&[&str]; 3] = [
        &["capture", "-i", "eth0", "-a", "duration:20ms"],
        &["send", "-i", "eth0", "eth(dst=ff:ff:ff:ff:ff:ff)/arp"],
        &["replay", "-i", "eth0", "--engine", "sendmmsg", FILE],
    ];
    for arguments in cases {
        let output = within(&lab, &around, arguments);
        assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
        is_well_said(&output);
        assert!(
            text_of(&output).contains("open a packet socket: operation not permitted; it takes CAP_NET_RAW")
        );
    }
}

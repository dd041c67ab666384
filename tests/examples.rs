//! Every example is built, and those that are for sending are sent in the lab; the programs run.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rawsock::lab::Host;
use support::{RAWSOCK, lab, run, text_of};

fn examples(ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
}

#[test]
fn every_spec_builds() {
    let specs = [examples("toml"), examples("json")].concat();
    assert!(specs.len() >= 6, "{specs:?}");
    for spec in specs {
        let output = run(Command::new(RAWSOCK).args(["craft", "--hex"]).arg(&spec));
        assert!(output.status.success(), "{}: {}", spec.display(), text_of(&output));
        let octets = String::from_utf8(output.stdout).unwrap();
        assert!(
            octets.lines().count() >= 1 && octets.lines().all(|line| hex::decode(line).is_ok()),
            "{octets}"
        );
    }
}

#[test]
fn specs_for_sending_are_answered() {
    let Some(lab) = lab() else { return };
    let cases: &[(&str, &[&str], &str)] = &[
        ("ping-by-hand.toml", &[], "3 sent, 3 answered"),
        ("traceroute-by-hand.toml", &[], "5 sent, 5 answered"),
        ("port-sweep.toml", &["--seed", "1"], "12 sent, 12 answered"),
        ("arp-request.toml", &["-i", "eth0"], "1 sent, 1 answered"),
        ("expect.toml", &["--seed", "1"], "5 of 5 expectations fulfilled"),
        ("flow.toml", &[], "6 sent, 6 answered"),
        ("fragments.toml", &[], "6 sent, 2 answered"),
        ("fuzz-tcp.toml", &["--seed", "1", "-W", "0.3"], "1 of 1 expectations fulfilled"),
        ("wrong-on-purpose.toml", &["--via", "link", "-W", "0.3"], "3 sent"),
    ];
    for (name, arguments, words) in cases {
        let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
        let output = run(lab.command(Host::Client, RAWSOCK).arg("send").arg(&spec).args(*arguments));
        assert!(text_of(&output).contains(words), "{name}: {}", text_of(&output));
    }
}

/// `cargo test` builds the examples beside the program under test.
#[test]
fn every_program_runs() {
    let folder = Path::new(RAWSOCK).parent().unwrap().join("examples");
    let programs = examples("rs");
    assert!(programs.len() >= 2, "{programs:?}");
    for source in programs {
        let program = folder.join(source.file_stem().unwrap());
        let output = run(&mut Command::new(&program));
        assert!(
            output.status.success() && !output.stdout.is_empty(),
            "{}: {}",
            program.display(),
            text_of(&output)
        );
        assert!(!text_of(&output).contains("not expected"), "{}", text_of(&output));
    }
}

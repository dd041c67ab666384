//! `docs/MIGRATION.md`: whatever stands in the right column is run in the lab and does something; and every line of shell in the
//! documentation is one that rawsock takes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]
#![allow(clippy::expect_used, reason = "this is test code")]

mod page;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use page::typed::rawsock_lines;
use rawsock::lab::{Host, Lab};
use support::{lab, text_of};

fn of_the_project(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The commands in the right column of the tables: those between backticks.
fn commands() -> Vec<String> {
    let page = fs::read_to_string(of_the_project("docs/MIGRATION.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let mut commands = Vec::new();
    for row in rows {
        let row = row.replace("\\|", "\u{1}");
        let [_, theirs, ours, _] = row.split('|').collect::<Vec<_>>()[..] else {
            panic!("two columns: {row}")
        };
        assert!(theirs.contains('`'), "{row}");
        let quoted = ours.split('`').skip(1).step_by(2).map(|command| command.replace('\u{1}', "|"));
        let before = commands.len();
        commands.extend(quoted);
        assert!(commands[before..].iter().all(|command| command.contains("rawsock ")), "{row}");
        assert!(commands.len() > before, "{row}");
    }
    assert!(commands.len() > 90, "{}", commands.len());
    commands
}

#[test]
fn what_takes_the_place_of_others_commands_works() {
    let commands = commands();
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(String::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let Some(lab) = lab() else { return };
                let _talk = Talk::start(&lab);
                while let Some(command) = commands.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(failure) = failure_of(&lab, command) {
                        failures.lock().unwrap().push_str(&failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{failures}");
}

const AT_ONCE: usize = 4;

/// What a command says when it does not do its work: the exit code 2, or nothing at all. What goes on for ever is ended by Ctrl-C.
fn failure_of(lab: &Lab, command: &str) -> Option<String> {
    let folder = folder();
    let mut shell = lab.command(Host::Client, "bash");
    let ends = command.replace("rawsock ", "timeout -k 20 -s INT 6 rawsock ");
    shell.args(["-c", &ends]).current_dir(folder.path()).env("PATH", page::path()).env("TERM", "xterm");
    let output = support::run(shell.stdin(Stdio::null()));
    let text = text_of(&output);
    let is_waiting = EXPECTED.iter().find(|(begin, _)| command.contains(begin));
    let is_right = match (is_waiting, output.status.code()) {
        (Some((_, words)), Some(2)) => text.contains(words),
        (Some(_), _) => false,
        (None, Some(code)) => code < 2 || code == 124,
        (None, None) => false,
    };
    let said = text.is_empty() && fs::read_dir(folder.path()).unwrap().count() == GIVEN;
    (!is_right || said).then(|| format!("\n{command}: {}\n{text}", output.status))
}

/// What needs something that is not here, and what it says.
const EXPECTED: [(&str, &str); 2] =
    [("--watch", "terminal"), ("unix /run/some.socket", "there is no such socket")];

/// An empty folder with what the page says is there.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let there = |name: &str| folder.path().join(name);
    fs::copy(of_the_project("captures/tcp-echo.pcapng"), there("f.pcapng")).unwrap();
    fs::write(there("hosts.txt"), "10.77.1.1\n10.77.2.2\n").unwrap();
    fs::write(there("spec.toml"), "layers = [{ ip = { dst = \"10.77.2.2\" } }, { udp = { dstport = 9 } }]\n")
        .unwrap();
    for name in ["captures", "examples"] {
        std::os::unix::fs::symlink(of_the_project(name), there(name)).unwrap();
    }
    folder
}

/// So many things are in that folder.
const GIVEN: usize = 5;

/// Somebody who pings and talks all the time, so that there is something to capture.
struct Talk(std::process::Child);

impl Talk {
    fn start(lab: &Lab) -> Self {
        let mut command: Command = lab.command(Host::Client, "bash");
        let script = "ping -4 -i 0.2 server & while sleep 0.3; do echo hello | ncat -w 1 10.77.2.2 7; done";
        command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // Its children go with the lab.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lines that cannot be run by a test, since they ask other hosts or want other rights.
#[test]
fn every_line_of_shell_is_one_that_rawsock_takes() {
    let mut count = 0;
    let folders = [".", "docs", "docs/cases", "examples"].map(of_the_project);
    for entry in folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "md") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for block in text.split("\n```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap()) {
            for line in block.replace("\\\n", " ").lines().flat_map(rawsock_lines) {
                let checked = rawsock::cli::check(&line);
                assert!(checked.is_ok(), "{}: {line:?}: {}", path.display(), checked.unwrap_err());
                count += 1;
            }
        }
    }
    assert!(count > 60, "{count}");
}

#[test]
fn lines_are_taken_apart_as_a_shell_does() {
    let words = |line: &str| {
        let lines = rawsock_lines(line).into_iter();
        lines.map(|words| words.join("_".as_ref()).into_string().expect("text")).collect::<Vec<_>>()
    };
    assert_eq!(words("sudo rawsock ping -c 1 'a b' # remark"), ["rawsock_ping_-c_1_a b"]);
    assert_eq!(
        words("rawsock read f --json | rawsock craft - > out"),
        ["rawsock_read_f_--json", "rawsock_craft_-"]
    );
    assert_eq!(
        words("rawsock lab --case nat -- rawsock trace x"),
        ["rawsock_lab_--case_nat", "rawsock_trace_x"]
    );
    assert_eq!(words("source <(rawsock completions bash)"), [] as [&str; 0]);
}

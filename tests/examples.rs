//! Every example is built, sent in the lab, and judged at the other end of the cable by what `examples.txt` says; the programs run.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rawsock::lab::Host;
use support::peer::Peer;
use support::{RAWSOCK, lab, run, text_of};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// Those whose names end so.
fn examples(ending: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_file() && name_of(path).ends_with(ending)).collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn every_spec_builds() {
    let specs = [examples("toml"), examples("json")].concat();
    assert!(specs.len() >= 40, "{specs:?}");
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

/// Each example is sent in a lab of its own, by several threads: most of the time is waiting.
#[test]
fn every_spec_is_sent_and_answered_as_its_row_says() {
    let rows = rows();
    let next = AtomicUsize::new(0);
    let differences = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = row.differences();
                    differences.lock().unwrap().extend(found);
                }
            });
        }
    });
    let differences = differences.into_inner().unwrap();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_example_has_a_row_and_a_line_in_the_index() {
    let rows = rows();
    let index = fs::read_to_string(folder().join("README.md")).unwrap();
    let names: Vec<String> = examples("").iter().map(|path| name_of(path)).collect();
    for name in names.iter().filter(|name| *name != "README.md") {
        let links = index.matches(&format!("]({name})")).count();
        assert_eq!(links, 1, "examples/README.md links {name} once");
        assert!(name.ends_with(".rs") || rows.iter().any(|row| row.file == name), "{name} has no row");
    }
    for row in &rows {
        assert!(names.iter().any(|name| name == row.file), "there is no examples/{}", row.file);
    }
    let links = index.lines().filter(|line| line.starts_with("- [")).count();
    assert_eq!(links, names.len() - 1, "examples/README.md names only what there is");
}

/// What an example teaches, and what answer to look for, stands at its beginning.
#[test]
fn every_spec_begins_with_what_it_teaches() {
    for path in examples("toml") {
        let text = fs::read_to_string(&path).unwrap();
        let comment: Vec<&str> = text.lines().take_while(|line| line.starts_with("# ")).collect();
        let comment = comment.join(" ");
        assert!(comment.len() > 100, "{}", path.display());
        assert!(comment.to_lowercase().contains("look"), "{}: what to look for?", path.display());
        let command = format!("rawsock send examples/{}", name_of(&path));
        assert!(text.contains(&command), "{}: how is it run?", path.display());
    }
}

/// A line of `examples.txt` with what belongs to it.
struct Row {
    file: &'static str,
    options: Vec<&'static str>,
    code: i32,
    words: &'static str,
    /// How many packets a display filter takes.
    seen: Vec<(u64, &'static str)>,
    /// What is run before, on a host.
    before: Vec<(Host, &'static str)>,
}

fn rows() -> Vec<Row> {
    let lines =
        include_str!("examples.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut rows: Vec<Row> = Vec::new();
    for line in lines {
        match (line.strip_prefix("  "), rows.last_mut()) {
            (Some(line), Some(row)) => {
                let (first, rest) = line.split_once(' ').unwrap();
                match (first, rest.split_once(' ')) {
                    ("!", Some((host, command))) => row.before.push((host.parse().unwrap(), command)),
                    _ => row.seen.push((first.parse().unwrap(), rest)),
                }
            }
            _ => {
                let parts: Vec<&str> = line.split('|').map(str::trim).collect();
                let [file, options, code, words] = parts[..] else { panic!("{line}") };
                let options = options.split_whitespace().collect();
                let code = code.parse().unwrap();
                rows.push(Row { file, options, code, words, seen: Vec::new(), before: Vec::new() });
            }
        }
    }
    assert!(rows.len() > 60);
    rows
}

impl Row {
    /// What is otherwise than the row says.
    fn differences(&self) -> Vec<String> {
        let Some(lab) = lab() else { return Vec::new() };
        for (host, command) in &self.before {
            let output = run(lab.command(*host, "sh").args(["-c", command]));
            assert!(output.status.success(), "{command}: {}", text_of(&output));
        }
        let scratch = tempfile::tempdir().unwrap();
        let peer = Peer::listen_both_ways(&lab, Host::Router, "eth0", &scratch);
        // tshark counts nothing where all that there is has one time.
        let first = "eth(type=\"local experimental\")";
        run(lab.command(Host::Client, RAWSOCK).args(["send", first, "-i", "eth0", "--no-answers"]));
        let mut send = lab.command(Host::Client, RAWSOCK);
        let output = run(send.arg("send").arg(folder().join(self.file)).args(&self.options));
        let (text, capture) = (text_of(&output), peer.file());
        let mut differences = Vec::new();
        if output.status.code() != Some(self.code) || !text.contains(self.words) {
            differences.push(format!("{}: {text}", self.file));
        }
        match counts(&capture, &self.seen) {
            Err(error) => differences.push(format!("{}: {error}", self.file)),
            Ok(counts) => {
                for ((wanted, filter), count) in
                    self.seen.iter().zip(counts).filter(|((wanted, _), count)| wanted != count)
                {
                    differences
                        .push(format!("{}: {count} packets are `{filter}`, not {wanted}\n{text}", self.file));
                }
            }
        }
        assert!(!self.seen.is_empty(), "{}: what is seen of it?", self.file);
        differences
    }
}

/// How many packets each filter takes, by one run of tshark; else what it says.
fn counts(capture: &Path, filters: &[(u64, &str)]) -> Result<Vec<u64>, String> {
    let statistics: Vec<&str> = filters.iter().map(|(_, filter)| *filter).collect();
    let statistics = format!("io,stat,0,{}", statistics.join(","));
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-q", "-z", &statistics, "-o", "sctp.checksum:CRC 32c", "-r"]).arg(capture);
    let checked = ["ip", "udp", "tcp"].map(|name| format!("{name}.check_checksum:TRUE"));
    let output = run(tshark.args(checked.iter().flat_map(|option| ["-o", option])));
    let text = text_of(&output);
    let row = text.lines().find(|line| line.contains("<>")).ok_or(&text)?;
    // The interval, then frames and octets for each filter.
    let numbers = row.split('|').skip(2).step_by(2).map(str::trim).filter(|cell| !cell.is_empty());
    let numbers: Vec<u64> = numbers.map(|cell| cell.parse().unwrap()).collect();
    if numbers.len() == filters.len() { Ok(numbers) } else { Err(text) }
}

/// How many labs there are at a time.
const AT_ONCE: usize = 4;

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

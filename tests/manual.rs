//! Manual pages and completions: there is a page for each command, groff and mandoc find no fault with any, and each shell can read,
//! and use, its script.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use support::{RAWSOCK, run, text_of};

/// The commands that help lists.
fn commands() -> BTreeSet<String> {
    let help = text_of(&run(Command::new(RAWSOCK).arg("-h")));
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: BTreeSet<String> =
        names.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
    assert!(names.len() > 15 && names.contains("ping") && names.contains("help"), "{names:?}");
    names
}

#[test]
fn groff_and_mandoc_find_no_fault_with_the_page_of_any_command() {
    let folder = tempfile::tempdir().unwrap();
    let written = run(Command::new(RAWSOCK).arg("man").arg("--write").arg(folder.path()));
    assert!(written.status.success(), "{}", text_of(&written));
    let mut pages = BTreeSet::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        pages.insert(path.file_stem().unwrap().to_string_lossy().into_owned());
        let said = run(Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z"]).arg(&path));
        assert!(said.status.success() && text_of(&said).is_empty(), "{}: {}", path.display(), text_of(&said));
        let said = text_of(&run(Command::new("mandoc").args(["-Tlint", "-Wwarning"]).arg(&path)));
        let faults: Vec<_> = said.lines().filter(|line| !line.contains("missing date")).collect();
        assert!(faults.is_empty(), "{}: {faults:#?}", path.display());
    }
    let mut wanted: BTreeSet<String> =
        commands().iter().filter(|name| *name != "help").map(|name| format!("rawsock-{name}")).collect();
    wanted.insert("rawsock".to_owned());
    assert_eq!(pages, wanted);
}

/// What a reader sees, and how whatis(1) lists it.
#[test]
fn a_page_reads_as_others_do() {
    let page = run(Command::new(RAWSOCK).args(["man", "ping"]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rawsock-ping.1");
    fs::write(&path, page.stdout).unwrap();
    let shown = text_of(&run(Command::new("mandoc").args(["-Tascii"]).arg(&path)));
    let bare: String = shown.replace("_\u{8}", "");
    for words in ["NAME", "SYNOPSIS", "rawsock ping [OPTIONS]", "OPTIONS", "User Commands", "RAWSOCK-PING(1)"]
    {
        assert!(unstruck(&bare).contains(words), "{words}: {}", unstruck(&bare));
    }
}

/// A text without what makes terminals of old print letters twice.
fn unstruck(text: &str) -> String {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{8}' => {
                plain.pop();
                plain.extend(letters.next());
            }
            _ => plain.push(letter),
        }
    }
    plain
}

#[test]
fn each_shell_reads_its_completions() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = run(Command::new(RAWSOCK).args(["completions", shell]));
        assert!(script.status.success() && script.stdout.len() > 10_000, "{shell}");
        let path = folder.path().join(shell);
        fs::write(&path, script.stdout).unwrap();
        let read = run(Command::new(shell).arg("-n").arg(&path));
        assert!(read.status.success() && text_of(&read).is_empty(), "{shell}: {}", text_of(&read));
    }
    let bash = "source \"$0\"; COMP_WORDS=(rawsock pi); COMP_CWORD=1; _rawsock rawsock pi rawsock; echo \"${COMPREPLY[@]}\"";
    assert_eq!(completed("bash", bash, &folder.path().join("bash")), "ping\n");
    let fish = "source $argv[1]; complete -C 'rawsock ping --anat' | string split -f 1 \\t";
    assert_eq!(completed("fish", fish, &folder.path().join("fish")), "--anatomy\n");
}

fn completed(shell: &str, script: &str, completions: &Path) -> String {
    text_of(&run(Command::new(shell)
        .args(["-c", script])
        .arg(completions)
        .env("HOME", completions.parent().unwrap())))
}

//! `CONTRIBUTING.md` shows what there is: its code is that of the files. (`pages` runs its commands.)
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../CONTRIBUTING.md");

fn of_the_project(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The blocks of a language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let begin = format!("\n```{language}\n");
    PAGE.split(begin.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_protocol_and_its_test_are_shown_as_they_are() {
    let [protocol, module, entry, test] = blocks("rust")[..] else { panic!("four blocks of code") };
    assert_eq!(protocol, of_the_project("src/proto/bfd.rs"));
    assert_eq!(test, of_the_project("tests/bfd.rs"));
    let registry = of_the_project("src/proto/mod.rs");
    for line in [module, entry] {
        assert!(registry.contains(&format!("\n{line}")), "src/proto/mod.rs has no line {line}");
    }
    // Nothing else knows it: that is what the page promises.
    let knows = |path: &Path| fs::read_to_string(path).unwrap().contains("bfd");
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut knowing = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if knows(&path) => {
                    knowing.push(path.file_name().unwrap().to_string_lossy().into_owned());
                }
                false => {}
            }
        }
    }
    knowing.sort();
    assert_eq!(knowing, ["bfd.rs", "mod.rs"]);
}

#[test]
fn whatever_it_names_is_there() {
    let mut named = 0;
    for word in PAGE.split('`').filter(|word| !word.contains(char::is_whitespace)) {
        let is_path =
            ["src/", "tests/", "docs/", "captures/", "examples/"].iter().any(|room| word.starts_with(room));
        if is_path {
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(word).exists(), "{word}");
            named += 1;
        }
    }
    assert!(named > 15, "{named}");
    let files = ["igmp.rs", "tcp.rs", "dns.rs", "gre.rs"];
    assert!(files.iter().all(|file| PAGE.contains(&format!("`{file}`"))));
}

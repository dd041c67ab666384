//! What the documentation shows is what happens: each command of these pages is run, and prints what stands below it. (The pages
//! about the lab's cases are those of `lab_pages`, by the same means.) `RAWSOCK_PAGES=write cargo test --test pages` writes what
//! is printed now into the pages.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod page;
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use page::Reader;

fn of_the_project(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Reads a page from the top, and types all of it.
fn holds(name: &str, at_least: usize) {
    let mut reader = Reader::new();
    let (differences, count) = page::differences_of(&of_the_project(name), &mut reader, |_, _| None);
    assert!(differences.is_empty(), "{differences}");
    assert!(count >= at_least, "{name}: {count} commands");
}

#[test]
fn the_readme_shows_what_happens() {
    holds("README.md", 6);
}

#[test]
fn the_tutorial_shows_what_happens() {
    holds("docs/TUTORIAL.md", 40);
}

#[test]
fn the_cookbook_shows_what_happens() {
    holds("docs/COOKBOOK.md", 30);
}

#[test]
fn the_page_of_commands_shows_what_happens() {
    holds("docs/COMMANDS.md", 15);
}

#[test]
fn the_guide_of_contributing_shows_what_happens() {
    holds("CONTRIBUTING.md", 3);
}

/// The first screen is what a reader decides by: forty lines of at most so many letters, and something that was run on it.
#[test]
fn the_first_screen_of_the_readme_has_a_command_and_its_output() {
    let text = fs::read_to_string(of_the_project("README.md")).unwrap();
    let screen: Vec<&str> = text.lines().take(40).collect();
    assert!(screen.iter().any(|line| line.starts_with("$ rawsock lab --case ")), "{screen:#?}");
    assert!(screen.iter().any(|line| line.starts_with("verdict: ")), "{screen:#?}");
}

/// What pages link to is there.
#[test]
fn links_lead_somewhere() {
    let mut count = 0;
    for page in PAGES {
        let path = of_the_project(page);
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let file = link.split('#').next().unwrap();
            if link.contains("://") || link.contains(char::is_whitespace) {
                continue;
            }
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{page}: {link}");
            if let Some((_, anchor)) =
                link.split_once('#').filter(|_| target.extension().is_some_and(|ending| ending == "md"))
            {
                let text = fs::read_to_string(&target).unwrap();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                assert!(headings.into_iter().any(|line| anchor_of(line) == anchor), "{page}: {link}");
            }
            count += 1;
        }
    }
    assert!(count > 40, "{count}");
}

/// What a heading is called in links.
fn anchor_of(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    text.chars().filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter)).collect()
}

const PAGES: [&str; 14] = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/ARCHITECTURE.md",
    "docs/BENCHMARKS.md",
    "docs/COMMANDS.md",
    "docs/COOKBOOK.md",
    "docs/FILTERS.md",
    "docs/IO-MODELS.md",
    "docs/JSON.md",
    "docs/MIGRATION.md",
    "docs/PACKAGING.md",
    "docs/SPECS.md",
    "docs/TUTORIAL.md",
];

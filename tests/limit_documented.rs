//! docs/LIMITS.md says the numbers that the source has.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

use std::fs;
use std::path::Path;

/// The value of a constant: numbers with `<<`, `*` and `+` between them, as constants of sizes are written.
fn value(expression: &str) -> u64 {
    let terms = |text: &str, by: char| text.split(by).map(|part| value(part.trim())).collect::<Vec<_>>();
    let expression = expression.trim();
    if expression.contains('+') {
        return terms(expression, '+').iter().sum();
    }
    if let Some((left, right)) = expression.split_once("<<") {
        return value(left) << value(right);
    }
    if expression.contains('*') {
        return terms(expression, '*').iter().product();
    }
    let digits: String = expression.chars().filter(|letter| *letter != '_').collect();
    digits.parse().unwrap_or_else(|_| panic!("`{expression}` is no number"))
}

/// What the source says of `file.rs NAME`.
fn in_source(place: &str) -> u64 {
    let (file, name) = place.split_once(' ').unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
    let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{place}: {error}"));
    let begin = format!("const {name}: ");
    let line = source.lines().find(|line| line.contains(&begin)).unwrap_or_else(|| panic!("no {place}"));
    value(line.split_once(" = ").unwrap().1.trim_end_matches(';'))
}

#[test]
fn the_numbers_are_those_of_the_source() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/LIMITS.md");
    let page = fs::read_to_string(page).unwrap();
    let mut compared = 0;
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let Some(place) = cells.get(2).and_then(|cell| cell.strip_prefix('`')?.strip_suffix('`')) else {
            continue;
        };
        let told = cells[1].split(|letter: char| !letter.is_ascii_digit());
        let told: Vec<u64> = told.filter_map(|digits| digits.parse().ok()).collect();
        assert!(told.contains(&in_source(place)), "{place} is {}, and not {}", in_source(place), cells[1]);
        compared += 1;
    }
    assert!(compared > 35, "only {compared} rows have a place in the source");
}

#[test]
fn what_options_have_where_nothing_is_said_is_what_the_page_says() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/LIMITS.md")).unwrap();
    let output =
        std::process::Command::new(env!("CARGO_BIN_EXE_rawsock")).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for option in ["--max-connections", "--max-message", "--max-queue", "--idle-timeout", "--stall-timeout"] {
        let behind = help.split_once(&format!("{option} <")).unwrap().1;
        let default = behind.split_once("[default: ").unwrap().1.split(']').next().unwrap();
        let row = page.lines().find(|line| line.contains(&format!("`{option}`"))).unwrap();
        assert!(row.contains(&format!("| {default}")), "{option} is {default}: {row}");
    }
}

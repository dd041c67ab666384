//! The pages about the lab's cases: what they show is what happens. Each command of a page is run on the client of a lab with that
//! case, and what it prints must be the page's lines; times, ports and numbers that are drawn count for nothing.
//! `RAWSOCK_PAGES=write cargo test --test lab_pages` writes what is printed now into the pages.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "this is test code"
)]

mod page;
mod support;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use page::Reader;
use page::lines::{has_lines, masked};
use rawsock::lab::Case;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cases")
}

fn page(case: &Case) -> (PathBuf, String) {
    let path = folder().join(format!("{}.md", case.name));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (path, text)
}

/// Pages wait more than they compute, so that some are done at a time.
#[test]
fn what_the_pages_show_is_what_happens() {
    let cases = Mutex::new(VecDeque::from(Case::ALL));
    let differences = Mutex::new(String::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(case) = cases.lock().unwrap().pop_front() else { break };
                    let found = differences_of(case);
                    differences.lock().unwrap().push_str(&found);
                }
            });
        }
    });
    let differences = differences.into_inner().unwrap();
    assert!(differences.is_empty(), "{differences}");
}

const AT_ONCE: usize = 3;

/// Runs a page's commands; what is not as the page says, or the page written anew.
fn differences_of(case: &'static Case) -> String {
    let Some(mut reader) = Reader::in_case(case.name) else { return String::new() };
    let (path, _) = page(case);
    let (differences, count) = page::differences_of(&path, &mut reader, difference_to_tshark);
    assert!(count >= 3, "{}: {count} commands", path.display());
    differences
}

/// A page that shows packets by a display filter says that Wireshark takes it, too: what is otherwise there.
fn difference_to_tshark(reader: &mut Reader, command: &str) -> Option<String> {
    let command = command.split(" | ").next()?;
    let (rest, filter) = command.strip_prefix("rawsock read ")?.split_once(" -Y ")?;
    let file = rest.trim_start_matches("-t ").split(' ').next()?;
    let tshark = format!("tshark -n -r {file} -Y {filter} 2>/dev/null");
    let [ours, theirs] = [command, &tshark].map(|command| reader.types(command, true).unwrap());
    let [our_count, their_count] = [&ours, &theirs].map(|text| text.lines().count());
    let is_same = their_count > 0 && our_count == their_count;
    (!is_same).then(|| format!("\n{command}\n{ours}--- tshark\n{theirs}"))
}

#[test]
fn every_case_has_a_page_of_the_same_form_and_a_line_in_the_index() {
    let index = fs::read_to_string(folder().join("README.md")).unwrap();
    for case in Case::ALL {
        let (path, text) = page(case);
        let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, HEADINGS, "{}", path.display());
        assert!(text.starts_with(&format!("# {}: ", case.name)), "{}", path.display());
        assert!(text.contains(&format!("`rawsock lab --case {}`", case.name)), "{}", path.display());
        let numbered = |part: &str| {
            part.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_digit())).count()
        };
        let (before, answers) = text.split_once("## Answers").unwrap();
        let questions = before.split_once("## Questions").unwrap().1;
        assert!(numbered(questions) >= 3 && numbered(questions) == numbered(answers), "{}", path.display());
        assert_eq!(index.matches(&format!("]({}.md)", case.name)).count(), 1, "{}", case.name);
    }
    let files = fs::read_dir(folder()).unwrap().count();
    assert_eq!(files, Case::ALL.len() + 1, "a page for each case, and the index");
}

const HEADINGS: [&str; 6] =
    ["What is seen", "Which layer does it", "What rawsock says", "In Wireshark", "Questions", "Answers"];

#[test]
fn what_is_drawn_counts_for_nothing_and_all_else_does() {
    let same = |one: &str, other: &str| masked(one, false) == masked(other, false);
    assert!(same(" 1  10.77.1.1  0.027 ms  0.019 ms", " 1  10.77.1.1  3.1 ms 0.2 ms"));
    assert!(same(
        "IP 10.77.1.2.55732 > 10.77.2.2.7: seq 123456, win 1",
        "IP 10.77.1.2.40000 > 10.77.2.2.7: seq 65432, win 1"
    ));
    assert!(same("[Fri Nov 20 22:10:01 2026] hello", "[Sat Dec 20 02:10:01 2026] hello"));
    assert!(same("ICMP echo request, id 60386, seq 3", "ICMP echo request, id 7, seq 3"));
    assert!(!same("ICMP echo request, id 60386, seq 3", "ICMP echo request, id 7, seq 4"));
    assert!(!same("IP 10.77.1.2.55732 > 10.77.2.2.7:", "IP 10.77.1.2.55732 > 10.77.2.2.80:"));
    assert!(!same("tcp.options.mss 1460 -> 1200", "tcp.options.mss 1460 -> 1400"));
    assert!(!same(" 2  10.77.3.2  0.1 ms", " 2  * * *"));
    assert!(!same("2 received, 0% packet loss, time 3ms", "2 received, 50% packet loss, time 3ms"));
    let form = |one: &str, other: &str| masked(one, true) == masked(other, true);
    assert!(form(" 2  10.77.3.2  0.1 ms * 0.2 ms", " 2  10.77.3.2  * *  0.2 ms"));
    assert!(!form(" 2  10.77.3.2  0.1 ms", " 2  10.77.2.2  0.1 ms"));
}

#[test]
fn what_a_page_leaves_out_is_marked() {
    for (page, holds) in [
        ("a\nb\nc\n", true),
        ("a\n…\nc\n", true),
        ("…\nc\n", true),
        ("a\n…\n", true),
        ("…\n", true),
        ("a\nc\n", false),
        ("b\nc\n", false),
        ("a\nb\n", false),
        ("c\n…\na\n", false),
        ("", false),
    ] {
        assert_eq!(has_lines("a\nb\nc\n", page, false), holds, "{page}");
    }
    assert!(has_lines("", "", false) && !has_lines("", "a\n", false));
    assert!(has_lines("a\nb\nc\n", "c\na\n", true) && !has_lines("a\n", "", true));
}

//! The pages about the lab's cases: what they show is what happens. Each command of a page is run on the client of a lab with that
//! case, and what it prints must have the page's lines, in their order; times, ports and numbers that are drawn count for nothing.
//! `RAWSOCK_PAGES=write cargo test --test lab_pages` writes what is printed now into the pages.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "this is test code"
)]

mod support;

use std::collections::VecDeque;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use rawsock::lab::{Case, Host, Lab};
use support::{RAWSOCK, lab_with, run, text_of};

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
    let (path, text) = page(case);
    let Some(lab) = lab_with(case.name) else { return String::new() };
    let scratch = tempfile::tempdir().unwrap();
    let (mut new, mut differences, mut count) = (String::new(), String::new(), 0);
    for piece in pieces(&text) {
        new += piece.text;
        let Some(command) = piece.command else { continue };
        count += 1;
        let printed = on_client(&lab, scratch.path(), command);
        differences.extend(difference_to_tshark(&lab, scratch.path(), command));
        if piece.holds(&printed) {
            new += piece.output;
            continue;
        }
        new += &printed;
        let _ = write!(
            differences,
            "\n{}: {command}\n--- page\n{}--- now\n{printed}",
            path.display(),
            piece.output
        );
    }
    assert!(count >= 3, "{}: {count} commands", path.display());
    if env::var("RAWSOCK_PAGES").is_ok_and(|what| what == "write") {
        fs::write(path, new).unwrap();
    }
    differences
}

/// A part of a page: text up to a command and with it, and what that prints.
struct Piece<'p> {
    text: &'p str,
    command: Option<&'p str>,
    output: &'p str,
    form: Form,
}

/// How what is printed is compared.
#[derive(Clone, Copy)]
enum Form {
    /// Line by line.
    Exact,
    /// Chance decides about numbers and the order of lines: `text random`.
    Random,
    /// Chance decides about all but the first line: `text shown`.
    Shown,
}

impl Piece<'_> {
    fn holds(&self, printed: &str) -> bool {
        match self.form {
            Form::Exact => has_lines(printed, self.output, false),
            Form::Random => has_lines(printed, self.output, true),
            Form::Shown => printed.lines().next() == self.output.lines().next(),
        }
    }
}

/// Cuts a page behind each line `client$ …` of a block, and behind what that prints.
fn pieces(page: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut from, mut place, mut form) = (0, 0, Form::Exact);
    let mut lines = page.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        place += line.len();
        form = match line.trim_end() {
            "```text random" => Form::Random,
            "```text shown" => Form::Shown,
            "```text" => Form::Exact,
            _ => form,
        };
        let Some(command) = line.strip_prefix(PROMPT) else { continue };
        let end = place;
        while lines.peek().is_some_and(|line| !line.starts_with("```") && !line.starts_with(PROMPT)) {
            place += lines.next().unwrap().len();
        }
        let (text, output) = (&page[from..end], &page[end..place]);
        pieces.push(Piece { text, command: Some(command.trim_end()), output, form });
        from = place;
    }
    pieces.push(Piece { text: &page[from..], command: None, output: "", form });
    pieces
}

const PROMPT: &str = "client$ ";

fn on_client(lab: &Lab, directory: &Path, command: &str) -> String {
    let programs = Path::new(RAWSOCK).parent().unwrap();
    let path = format!("{}:{}:/usr/sbin", programs.display(), env::var("PATH").unwrap());
    let mut shell = lab.command(Host::Client, "timeout");
    shell.args(["30", "bash", "-c", &format!("exec 2>&1\n{command}")]);
    let output = run(shell.current_dir(directory).env("PATH", path).env_remove("DISPLAY"));
    let text = text_of(&output);
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Whether the lines of a page are among those that were printed, in their order. `…` stands for those that a page leaves out. Where
/// chance decides, their order counts for nothing.
fn has_lines(printed: &str, page: &str, is_random: bool) -> bool {
    if page.is_empty() {
        return printed.is_empty();
    }
    if is_random {
        let printed: Vec<String> = printed.lines().map(|line| masked(line, true)).collect();
        return page.lines().all(|line| line == "…" || printed.contains(&masked(line, true)));
    }
    let mut printed = printed.lines().map(|line| masked(line, false));
    page.lines().filter(|line| *line != "…").all(|line| printed.any(|printed| printed == masked(line, false)))
}

/// A line without what is another one each time: times, ports, sequence numbers. Where chance decides, all numbers, stars and drawings.
fn masked(line: &str, is_random: bool) -> String {
    let mut masked = String::new();
    for word in line.split_inclusive([' ', '=', '/', ',']) {
        let (number, end) = word.split_at(word.trim_end_matches([' ', '=', '/', ',']).len());
        let digits = number.trim_end_matches("ms").trim_end_matches('%');
        let is_number =
            !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.');
        let is_drawn = is_number
            && (digits.len() >= 5
                || number.ends_with("ms")
                || digits.parse::<f64>().is_ok() && digits.contains('.'));
        let is_address = digits.matches('.').count() == 3;
        if (is_random && is_number || is_drawn) && !is_address {
            masked.push_str(&format!("#{end}"));
        } else if is_random && (number == "ms" || !number.contains(char::is_alphanumeric)) {
        } else {
            masked.push_str(&format!("{}{end}", without_port(number)));
        }
    }
    let words: Vec<&str> = masked.split_whitespace().filter(|word| !(is_random && *word == "#")).collect();
    words.join(" ")
}

/// An address and a port that was free, as tcpdump writes them, without the port.
fn without_port(word: &str) -> &str {
    match word.trim_end_matches(':').rsplit_once('.') {
        Some((address, port)) if port.len() >= 5 && port.bytes().all(|octet| octet.is_ascii_digit()) => {
            address
        }
        _ => word,
    }
}

/// A page that shows packets by a display filter says that Wireshark takes it, too: what is otherwise there.
fn difference_to_tshark(lab: &Lab, directory: &Path, command: &str) -> Option<String> {
    let command = command.split(" | ").next()?;
    let (rest, filter) = command.strip_prefix("rawsock read ")?.split_once(" -Y ")?;
    let file = rest.trim_start_matches("-t ").split(' ').next()?;
    let tshark = format!("tshark -n -r {file} -Y {filter} 2>/dev/null");
    let [ours, theirs] = [command, &tshark].map(|command| on_client(lab, directory, command));
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
    assert!(!same("IP 10.77.1.2.55732 > 10.77.2.2.7:", "IP 10.77.1.2.55732 > 10.77.2.2.80:"));
    assert!(!same("tcp.options.mss 1460 -> 1200", "tcp.options.mss 1460 -> 1400"));
    assert!(!same(" 2  10.77.3.2  0.1 ms", " 2  * * *"));
    assert!(!same("2 received, 0% packet loss, time 3ms", "2 received, 50% packet loss, time 3ms"));
    let form = |one: &str, other: &str| masked(one, true) == masked(other, true);
    assert!(form(" 2  10.77.3.2  0.1 ms * 0.2 ms", " 2  10.77.3.2  * *  0.2 ms"));
    assert!(!form(" 2  10.77.3.2  0.1 ms", " 2  10.77.2.2  0.1 ms"));
    assert!(has_lines("a\nb\nc\n", "a\nc\n", false) && !has_lines("a\nb\nc\n", "c\na\n", false));
}

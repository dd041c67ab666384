//! Pages of documentation whose commands are run. A block has lines `$ …`, typed on this machine, and `client$ …`, typed on the client
//! of the lab that `$ rawsock lab` begins and `client$ exit` ends; below each stands what it prints. A block "```toml NAME" is a file
//! that the reader writes. `RAWSOCK_PAGES=write` puts what is printed now in place of what the page has.

#![allow(dead_code, reason = "each test program uses its own part of this")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "this is test code"
)]

pub(crate) mod lines;
pub(crate) mod typed;

use std::env;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rawsock::lab::{Host, Lab};

use super::support::{RAWSOCK, lab, lab_with};
use lines::has_lines;

/// A part of a page: text up to a command and with it, and what that prints.
pub(crate) struct Piece<'p> {
    text: &'p str,
    what: What<'p>,
    output: &'p str,
    form: Form,
}

/// What the reader does at the end of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What<'p> {
    /// Nothing: the page ends.
    Ends,
    /// Types this at the shell.
    Types(&'p str),
    /// Types this on the lab's client.
    TypesOnClient(&'p str),
    /// Writes a file of this name and text.
    Writes(&'p str, &'p str),
}

/// How what is printed is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Line by line; `…` stands for lines that the page leaves out.
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

/// Runs a page's commands; what is not as the page says, and how many there were. The page is written anew where that is asked for.
/// `also` looks at each command once more.
///
/// # Panics
/// Where the page cannot be read, or a command does not end.
pub(crate) fn differences_of(
    path: &Path,
    reader: &mut Reader,
    also: impl Fn(&mut Reader, &str) -> Option<String>,
) -> (String, usize) {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (mut new, mut differences, mut count) = (String::new(), String::new(), 0);
    for piece in pieces(&text) {
        new += piece.text;
        let (What::Types(command) | What::TypesOnClient(command)) = piece.what else {
            if let What::Writes(name, text) = piece.what {
                reader.writes(name, text);
            }
            continue;
        };
        count += 1;
        let is_on_client = matches!(piece.what, What::TypesOnClient(_));
        // Where chance decides, it may decide otherwise another time.
        let mut attempts = if piece.form == Form::Random { 3 } else { 1 };
        let printed = loop {
            let Some(printed) = reader.types(command, is_on_client) else { return (differences, usize::MAX) };
            attempts -= 1;
            if attempts == 0 || piece.holds(&printed) {
                break printed;
            }
        };
        differences.extend(also(reader, command));
        if piece.holds(&printed) {
            new += piece.output;
            continue;
        }
        new += &printed;
        differences +=
            &format!("\n{}: {command}\n--- page\n{}--- now\n{printed}", path.display(), piece.output);
    }
    if env::var("RAWSOCK_PAGES").is_ok_and(|what| what == "write") {
        fs::write(path, new).expect("write the page");
    }
    (differences, count)
}

/// Cuts a page behind each command of a block, and behind what that prints.
fn pieces(page: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut from, mut place, mut form, mut is_run) = (0, 0, Form::Exact, false);
    let mut lines = page.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        place += line.len();
        if let Some(block) = line.trim_end().strip_prefix("```") {
            is_run = matches!(block, "text" | "text random" | "text shown");
            form = match block {
                "text random" => Form::Random,
                "text shown" => Form::Shown,
                _ => Form::Exact,
            };
            if let Some((_, name)) = block.split_once(' ').filter(|_| !is_run) {
                let begin = place;
                while lines.peek().is_some_and(|line| !line.starts_with("```")) {
                    place += lines.next().map_or(0, str::len);
                }
                let what = What::Writes(name, &page[begin..place]);
                pieces.push(Piece { text: &page[from..place], what, output: "", form });
                from = place;
            }
            continue;
        }
        let (place_of_command, is_on_client) = match line {
            _ if !is_run => continue,
            _ if line.starts_with(PROMPT) => (place - line.len() + PROMPT.len(), false),
            _ if line.starts_with(CLIENT_PROMPT) => (place - line.len() + CLIENT_PROMPT.len(), true),
            _ => continue,
        };
        let mut last = line;
        while last.trim_end().ends_with('\\') {
            last = lines.next().expect("a line that goes on");
            place += last.len();
        }
        let (command, end) = (page[place_of_command..place].trim_end(), place);
        let is_output =
            |line: &&str| !["```", PROMPT, CLIENT_PROMPT].iter().any(|begin| line.starts_with(begin));
        while lines.peek().is_some_and(is_output) {
            place += lines.next().map_or(0, str::len);
        }
        let what = if is_on_client { What::TypesOnClient(command) } else { What::Types(command) };
        pieces.push(Piece { text: &page[from..end], what, output: &page[end..place], form });
        from = place;
    }
    pieces.push(Piece { text: &page[from..], what: What::Ends, output: "", form });
    pieces
}

const PROMPT: &str = "$ ";
const CLIENT_PROMPT: &str = "client$ ";

/// Whoever reads a page and types what it says, in an empty folder that has the project's examples and captures in it.
pub(crate) struct Reader {
    here: Shell,
    on_client: Option<(Shell, Lab)>,
    folder: tempfile::TempDir,
}

impl Reader {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        for name in ["captures", "examples"] {
            let there = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
            symlink(there, folder.path().join(name)).expect("link a folder of the project");
        }
        Self { here: Shell::start(Command::new("bash"), folder.path()), on_client: None, folder }
    }

    /// One who is on the client of a lab with this case already; none where there can be no lab.
    pub(crate) fn in_case(name: &str) -> Option<Self> {
        let mut reader = Self::new();
        reader.enters(lab_with(name)?);
        Some(reader)
    }

    fn enters(&mut self, lab: Lab) {
        let shell = Shell::start(lab.command(Host::Client, "bash"), self.folder.path());
        self.on_client = Some((shell, lab));
    }

    fn writes(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("write a file of the page");
    }

    /// What a command prints; none where there can be no lab.
    pub(crate) fn types(&mut self, command: &str, is_on_client: bool) -> Option<String> {
        if let Some((shell, _lab)) = self.on_client.as_mut().filter(|_| is_on_client) {
            if command != "exit" {
                return Some(shell.types(command));
            }
            self.on_client = None;
            return Some(String::new());
        }
        assert!(!is_on_client, "`{command}` is typed on the client, and no `$ rawsock lab` stands before it");
        let words: Vec<&str> = command.split(' ').collect();
        match words[..] {
            ["rawsock", "lab"] => self.enters(lab()?),
            ["rawsock", "lab", "--case", name] => self.enters(lab_with(name)?),
            _ => return Some(self.here.types(command)),
        }
        Some(String::new())
    }
}

/// A shell that is told one command after the other, and keeps what it does behind them.
struct Shell {
    child: Child,
    commands: ChildStdin,
    folder: PathBuf,
    printed: PathBuf,
    /// Octets of what was printed that were looked at.
    seen: usize,
}

impl Shell {
    fn start(mut command: Command, folder: &Path) -> Self {
        let (file, printed) =
            tempfile::NamedTempFile::new().and_then(|file| Ok(file.keep()?)).expect("a file");
        command.args(["-c", LOOP]).current_dir(folder).env("PATH", path()).env("LC_ALL", "C.UTF-8");
        command.env_remove("DISPLAY").env("COLUMNS", "120").process_group(0);
        command.stdin(Stdio::piped()).stderr(file.try_clone().expect("a descriptor")).stdout(file);
        let mut child = command.spawn().expect("run bash");
        let commands = child.stdin.take().expect("its standard input");
        Self { child, commands, folder: folder.to_owned(), printed, seen: 0 }
    }

    fn types(&mut self, command: &str) -> String {
        let behind = command.strip_suffix('&');
        // What an earlier one wrote is no word of this one.
        if let Some(file) = behind.and_then(|behind| self.file_of(behind)) {
            let _ = fs::remove_file(file);
        }
        write!(self.commands, "{command}\x1d").expect("a shell that reads");
        let end = Instant::now() + LONGEST;
        while !self.new_text().contains(DONE) {
            assert!(Instant::now() < end, "`{command}` does not end: {}", self.new_text());
            thread::sleep(Duration::from_millis(5));
        }
        if let Some(behind) = behind {
            self.waits_for_a_word_of(behind, end);
        }
        let text = self.new_text();
        self.seen += text.len();
        text.replace(DONE, "").lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    /// What goes on behind the shell's back says when it has begun, here or in the file that it writes to.
    fn waits_for_a_word_of(&self, command: &str, end: Instant) {
        let has_begun = || match self.file_of(command) {
            Some(file) => fs::metadata(file).is_ok_and(|file| file.len() > 0),
            None => !self.new_text().replace(DONE, "").is_empty(),
        };
        while !has_begun() {
            assert!(Instant::now() < end, "`{command}` says nothing");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What a command's words go to, if not to us.
    fn file_of(&self, command: &str) -> Option<PathBuf> {
        let (_, rest) = command.split_once("> ")?;
        Some(self.folder.join(rest.split_whitespace().next()?))
    }

    fn new_text(&self) -> String {
        let mut octets = Vec::new();
        File::open(&self.printed).and_then(|mut file| file.read_to_end(&mut octets)).expect("read the file");
        String::from_utf8_lossy(&octets[self.seen..]).into_owned()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Some(group) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.printed);
    }
}

/// Where programs are, the one under test first.
pub(crate) fn path() -> String {
    let programs = Path::new(RAWSOCK).parent().expect("the program's folder");
    format!("{}:{}:/usr/sbin:/sbin", programs.display(), env::var("PATH").expect("PATH"))
}

/// Commands come by descriptor 3, so that they have no input of their own.
const LOOP: &str = r#"
exec 3<&0 < /dev/null 2>&1
while IFS= read -r -d $'\x1d' command <&3; do eval "$command" 3<&- < /dev/null; printf '\x1e'; done"#;
const DONE: &str = "\x1e";
const LONGEST: Duration = Duration::from_secs(60);

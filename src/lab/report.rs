//! What the lab's processes tell each other: one line of text each.

use std::io::{self, Write};

/// One line of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Report {
    /// The holder says that the lab is made: the hosts' processes, in the order of [`Plan::hosts`](super::Plan::hosts).
    Lab(Vec<u32>),
    /// A host says that it is ready.
    Ready,
    /// Something went wrong, and what.
    Failure(String),
}

impl Report {
    /// Writes the line, and sees to it that it leaves at once.
    ///
    /// # Errors
    /// When nobody reads.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Lab(hosts) => {
                let numbers: Vec<String> = hosts.iter().map(u32::to_string).collect();
                writeln!(out, "lab {}", numbers.join(" "))?;
            }
            Self::Ready => writeln!(out, "ready")?,
            Self::Failure(reason) => writeln!(out, "failure {}", reason.replace('\n', " "))?,
        }
        out.flush()
    }
}

/// Reads a line. `None` when it is none of these: the other end is another program, or ended before it said anything.
pub(super) fn read(line: &str) -> Option<Report> {
    let line = line.strip_suffix('\n')?;
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "lab" => {
            let pids = rest.split(' ').map(str::parse).collect::<Result<Vec<u32>, _>>();
            Some(Report::Lab(pids.ok()?))
        }
        "ready" => Some(Report::Ready),
        "failure" => Some(Report::Failure(rest.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let failure = Report::Failure("make a veth: no".to_owned());
        for report in [Report::Lab(vec![10, 11, 12]), Report::Ready, failure] {
            let mut line = Vec::new();
            report.write(&mut line).unwrap();
            assert_eq!(read(std::str::from_utf8(&line).unwrap()), Some(report));
        }
    }

    #[test]
    fn another_programs_words_are_none_of_ours() {
        for line in ["", "ready", "lab\n", "lab 1 2 x\n", "lab 1  2\n", "usage: other [options]\n"] {
            assert_eq!(read(line), None, "{line:?}");
        }
    }
}

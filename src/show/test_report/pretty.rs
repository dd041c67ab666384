//! Tests for people: a line for each, and below it what is wrong.

use std::fmt::Write as _;
use std::time::Duration;

use super::{TestCounts, TestReport, TestVerdict};
use crate::show::text::printable;

/// Appends a test.
pub fn pretty(out: &mut String, report: &TestReport) {
    let TestReport { file, line, name, verdict, took, message, details } = report;
    let (word, colour) = match verdict {
        TestVerdict::Passed => ("ok", GREEN),
        TestVerdict::Failed => ("FAIL", RED),
        TestVerdict::Broken => ("ERROR", RED),
        TestVerdict::Skipped => ("skip", GREY),
    };
    // Writing into a `String` cannot fail.
    let _ = write!(out, "{colour}{word:<5}{PLAIN} {}", printable(file));
    if *verdict == TestVerdict::Failed {
        let _ = write!(out, ":{line}");
    }
    let _ = write!(out, ": {}", printable(name));
    match verdict {
        TestVerdict::Skipped => _ = write!(out, " ({})", printable(message)),
        _ => _ = write!(out, " ({:.3} s)", took.as_secs_f64()),
    }
    out.push('\n');
    if matches!(verdict, TestVerdict::Failed | TestVerdict::Broken) {
        for line in std::iter::once(message).chain(details) {
            let _ = writeln!(out, "      {}", printable(line));
        }
    }
}

/// Appends what all came to.
pub fn pretty_summary(out: &mut String, reports: &[TestReport], took: Duration) {
    let TestCounts { passed, failed, broken, skipped } = TestCounts::of(reports);
    let _ = write!(out, "{} run: {passed} passed", reports.len().saturating_sub(skipped));
    for (count, words) in [(failed, "failed"), (broken, "could not be run")] {
        if count > 0 {
            let _ = write!(out, ", {count} {words}");
        }
    }
    if skipped > 0 {
        let _ = write!(out, "; {skipped} skipped");
    }
    let _ = writeln!(out, " ({:.3} s)", took.as_secs_f64());
}

const GREEN: anstyle::Style = anstyle::AnsiColor::Green.on_default();
const RED: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();
const GREY: anstyle::Style = anstyle::AnsiColor::BrightBlack.on_default();
const PLAIN: anstyle::Reset = anstyle::Reset;

//! JUnit's XML, as continuous integration reads it.

use std::fmt::Write as _;
use std::time::Duration;

use super::{TestCounts, TestReport, TestVerdict};

/// All tests as one document.
pub fn junit(reports: &[TestReport], took: Duration) -> String {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    // Writing into a `String` cannot fail.
    let _ = writeln!(out, "<testsuites name=\"rawsock\"{}>", counts(reports, took));
    for suite in reports.chunk_by(|one, other| one.file == other.file) {
        let file = suite.first().map_or("", |report| report.file.as_str());
        let took = suite.iter().map(|report| report.took).sum();
        let _ = writeln!(out, "  <testsuite name=\"{}\"{}>", escaped(file), counts(suite, took));
        suite.iter().for_each(|report| case(&mut out, report));
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn counts(reports: &[TestReport], took: Duration) -> String {
    let TestCounts { failed, broken, skipped, .. } = TestCounts::of(reports);
    let (count, time) = (reports.len(), took.as_secs_f64());
    format!(
        " tests=\"{count}\" failures=\"{failed}\" errors=\"{broken}\" skipped=\"{skipped}\" time=\"{time:.3}\""
    )
}

fn case(out: &mut String, report: &TestReport) {
    let TestReport { file, line, name, verdict, took, message, details } = report;
    let (file, name, message) = (escaped(file), escaped(name), escaped(message));
    let time = took.as_secs_f64();
    let _ = write!(
        out,
        "    <testcase classname=\"{file}\" name=\"{name}\" file=\"{file}\" line=\"{line}\" time=\"{time:.3}\""
    );
    let element = match verdict {
        TestVerdict::Passed => return out.push_str("/>\n"),
        TestVerdict::Skipped => {
            let _ = writeln!(out, ">\n      <skipped message=\"{message}\"/>\n    </testcase>");
            return;
        }
        TestVerdict::Failed => "failure",
        TestVerdict::Broken => "error",
    };
    let _ = write!(out, ">\n      <{element} message=\"{message}\">{message}");
    for detail in details {
        let _ = write!(out, "\n{}", escaped(detail));
    }
    let _ = writeln!(out, "</{element}>\n    </testcase>");
}

/// What XML 1.0 §2.2 has no letters for is replaced: there is no way to write it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(letter),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {
                out.push(char::REPLACEMENT_CHARACTER);
            }
            letter => out.push(letter),
        }
    }
    out
}

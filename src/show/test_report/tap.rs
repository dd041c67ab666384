//! TAP, version 14 (<https://testanything.org/tap-version-14-specification.html>).

use std::fmt::Write as _;

use super::{TestReport, TestVerdict};
use crate::show::text::push_json_string;

/// What stands first.
pub const TAP_HEAD: &str = "TAP version 14\n";

/// Appends a test point, with what is wrong as a block of YAML, of which JSON's texts are a part.
pub fn tap(out: &mut String, number: usize, report: &TestReport) {
    let TestReport { file, line, name, verdict, message, details, .. } = report;
    let is_ok = matches!(verdict, TestVerdict::Passed | TestVerdict::Skipped);
    // Writing into a `String` cannot fail.
    let _ = write!(out, "{} {number} - ", if is_ok { "ok" } else { "not ok" });
    escape(&format!("{file}: {name}"), out);
    if *verdict == TestVerdict::Skipped {
        out.push_str(" # SKIP ");
        escape(message, out);
    }
    out.push('\n');
    if is_ok {
        return;
    }
    let severity = if *verdict == TestVerdict::Failed { "fail" } else { "error" };
    out.push_str("  ---\n  message: ");
    push_json_string(out, message);
    let _ = write!(out, "\n  severity: {severity}\n  file: ");
    push_json_string(out, file);
    let _ = writeln!(out, "\n  line: {line}");
    if !details.is_empty() {
        out.push_str("  details:\n");
        for detail in details {
            out.push_str("    - ");
            push_json_string(out, detail);
            out.push('\n');
        }
    }
    out.push_str("  ...\n");
}

/// Appends the plan, which may stand last.
pub fn tap_plan(out: &mut String, count: usize) {
    let _ = writeln!(out, "1..{count}");
}

/// `#` would begin a directive; a line is one line.
fn escape(text: &str, out: &mut String) {
    for letter in text.chars() {
        match letter {
            '#' | '\\' => out.extend(['\\', letter]),
            letter if letter.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            letter => out.push(letter),
        }
    }
}

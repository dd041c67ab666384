//! What became of tests: lines for people, TAP, JUnit's XML, JSON.

mod junit;
mod pretty;
mod tap;

pub use self::junit::junit;
pub use self::pretty::{pretty, pretty_summary};
pub use self::tap::{TAP_HEAD, tap, tap_plan};

use std::fmt::Write as _;
use std::time::Duration;

use super::text::push_json_string;

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestVerdict {
    /// All came out as it should.
    Passed,
    /// Something did not.
    Failed,
    /// It could not be run.
    Broken,
    /// There is nothing to test.
    Skipped,
}

impl TestVerdict {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Broken => "broken",
            Self::Skipped => "skipped",
        }
    }
}

/// What became of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestReport {
    /// The file that it is from.
    pub file: String,
    /// The line of the test, or of the step that failed.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// How it ended.
    pub verdict: TestVerdict,
    /// How long it took.
    pub took: Duration,
    /// What is wrong, in one line.
    pub message: String,
    /// More about it, line by line: the packets that came instead, the spot of a mistake.
    pub details: Vec<String>,
}

/// How many there were of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TestCounts {
    /// That passed.
    pub passed: usize,
    /// That failed.
    pub failed: usize,
    /// That could not be run.
    pub broken: usize,
    /// In which there is nothing to test.
    pub skipped: usize,
}

impl TestCounts {
    /// Counts them.
    pub fn of(reports: &[TestReport]) -> Self {
        let count = |verdict| reports.iter().filter(|report| report.verdict == verdict).count();
        Self {
            passed: count(TestVerdict::Passed),
            failed: count(TestVerdict::Failed),
            broken: count(TestVerdict::Broken),
            skipped: count(TestVerdict::Skipped),
        }
    }
}

/// Appends a test as a JSON object on a line.
pub fn test_json(out: &mut String, report: &TestReport) {
    let TestReport { file, line, name, verdict, took, message, details } = report;
    // Writing into a `String` cannot fail.
    let _ = write!(out, "{{\"event\":\"test\",\"verdict\":\"{}\",\"file\":", verdict.word());
    push_json_string(out, file);
    let _ = write!(out, ",\"line\":{line},\"name\":");
    push_json_string(out, name);
    let _ = write!(out, ",\"duration_ns\":{}", took.as_nanos());
    if *verdict != TestVerdict::Passed {
        out.push_str(",\"message\":");
        push_json_string(out, message);
        out.push_str(",\"details\":[");
        for (place, detail) in details.iter().enumerate() {
            out.push_str(if place > 0 { "," } else { "" });
            push_json_string(out, detail);
        }
        out.push(']');
    }
    out.push_str("}\n");
}

/// Appends what all came to as a JSON object on a line.
pub fn test_json_summary(out: &mut String, reports: &[TestReport], took: Duration) {
    let TestCounts { passed, failed, broken, skipped } = TestCounts::of(reports);
    let _ = writeln!(
        out,
        "{{\"event\":\"summary\",\"passed\":{passed},\"failed\":{failed},\"broken\":{broken},\"skipped\":{skipped},\"duration_ns\":{}}}",
        took.as_nanos()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reports() -> Vec<TestReport> {
        let report = |name: &str, verdict, message: &str, details: &[&str]| TestReport {
            file: "a&b.toml".to_owned(),
            line: 3,
            name: name.to_owned(),
            verdict,
            took: Duration::from_millis(12),
            message: message.to_owned(),
            details: details.iter().map(|detail| (*detail).to_owned()).collect(),
        };
        vec![
            report("one # two \\", TestVerdict::Passed, "", &[]),
            report("<x>", TestVerdict::Failed, "step 1: \"a\" < b", &["came\u{1b}[2J: ]]>"]),
            report("y", TestVerdict::Broken, "no", &[]),
            report("z", TestVerdict::Skipped, "nothing is expected", &[]),
        ]
    }

    #[test]
    fn tap_has_a_line_for_each_and_the_plan_behind_them() {
        let mut out = TAP_HEAD.to_owned();
        for (number, report) in (1..).zip(reports()) {
            tap(&mut out, number, &report);
        }
        tap_plan(&mut out, 4);
        let wanted = "TAP version 14
ok 1 - a&b.toml: one \\# two \\\\
not ok 2 - a&b.toml: <x>
  ---
  message: \"step 1: \\\"a\\\" < b\"
  severity: fail
  file: \"a&b.toml\"
  line: 3
  details:
    - \"came\\u001b[2J: ]]>\"
  ...
not ok 3 - a&b.toml: y
  ---
  message: \"no\"
  severity: error
  file: \"a&b.toml\"
  line: 3
  ...
ok 4 - a&b.toml: z # SKIP nothing is expected
1..4
";
        assert_eq!(out, wanted);
    }

    #[test]
    fn xml_is_escaped() {
        let xml = junit(&reports(), Duration::from_millis(48));
        let wanted = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="rawsock" tests="4" failures="1" errors="1" skipped="1" time="0.048">
  <testsuite name="a&amp;b.toml" tests="4" failures="1" errors="1" skipped="1" time="0.048">
    <testcase classname="a&amp;b.toml" name="one # two \" file="a&amp;b.toml" line="3" time="0.012"/>
    <testcase classname="a&amp;b.toml" name="&lt;x&gt;" file="a&amp;b.toml" line="3" time="0.012">
      <failure message="step 1: &quot;a&quot; &lt; b">step 1: &quot;a&quot; &lt; b
came�[2J: ]]&gt;</failure>
    </testcase>
    <testcase classname="a&amp;b.toml" name="y" file="a&amp;b.toml" line="3" time="0.012">
      <error message="no">no</error>
    </testcase>
    <testcase classname="a&amp;b.toml" name="z" file="a&amp;b.toml" line="3" time="0.012">
      <skipped message="nothing is expected"/>
    </testcase>
  </testsuite>
</testsuites>
"#;
        assert_eq!(xml, wanted);
    }
}

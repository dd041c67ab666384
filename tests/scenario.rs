//! `rawsock test` in the lab: scenarios, and how what became of them is told.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rawsock::lab::{Host, Lab};
use support::{RAWSOCK, lab, run, text_of};
use tempfile::TempDir;

fn test(lab: &Lab, arguments: &[&str]) -> Output {
    run(lab.command(Host::Client, RAWSOCK).arg("test").args(arguments))
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A folder with one scenario that passes, two that fail, and a file that cannot be run.
fn folder() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.toml"), FAILING).unwrap();
    fs::write(folder.path().join("b.toml"), "[[packet]]\nlayers = [{ ip = { tll = 1 } }]\n").unwrap();
    fs::create_dir(folder.path().join("c")).unwrap();
    fs::write(folder.path().join("c/passing.toml"), PASSING).unwrap();
    fs::write(folder.path().join("c/_part.toml"), "vars = { x = 1 }\n").unwrap();
    fs::write(folder.path().join("d.toml"), "layers = [{ ip = { dst = \"10.77.2.2\" } }]\n").unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    (folder, path)
}

const FAILING: &str = r#"
[[scenario]]
name = "one <more> & \"less\" # x"
steps = [
  { name = "ask", send = [{ ip = { dst = "10.77.2.2" } }, { icmp = { ident = 7, seq = 41 } }] },
  { name = "wrong", expect = { match = "icmp.type == 0 and icmp.seq == ask.icmp.seq + 1", within = "100ms" } },
  { send = [{ ip = { dst = "10.77.2.2" } }, { icmp = { seq = 99 } }] },
]

[[scenario]]
name = "what must not come"
steps = [
  { send = [{ ip = { dst = "10.77.2.2" } }, { icmp = { ident = 7, seq = 1 } }], expect = { none = "icmp.type == 0", within = "100ms" } },
]
"#;

const PASSING: &str = r#"
vars = { target = "10.77.2.2", seq = [3, 9] }

[[scenario]]
name = "echoes"
steps = [
  { name = "one", send = [{ ip = { dst = "$target" } }, { icmp = { seq = "$seq" } }, "hi"], expect = { match = "icmp.type == 0 and icmp.seq == one.icmp.seq" } },
  { name = "two", wait = "20ms", send = { layers = [{ ip = {} }, { icmp = { seq = "one.sent.icmp.seq * 2" } }, { data = { from = "reply.data.data" } }] } },
  { name = "back", expect = { match = "icmp.type == 0 and data.data == two.data.data and icmp.seq == sent.icmp.seq and icmp.seq == one.reply.icmp.seq * 2" } },
  { expect = { none = "icmp.type == 3 or icmp.seq == back.icmp.seq", within = "50ms" } },
]
"#;

#[test]
fn the_examples_pass() {
    let Some(lab) = lab() else { return };
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/scenarios");
    let output = test(&lab, &[examples.to_str().unwrap(), "--seed", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
    assert!(!stdout(&output).contains("skip"), "{}", text_of(&output));
}

#[test]
fn the_first_step_that_is_not_met_is_told_with_what_came_instead() {
    let Some(lab) = lab() else { return };
    let (_folder, path) = folder();
    let file = format!("{path}/a.toml");
    let output = test(&lab, &[&file]);
    assert_eq!(output.status.code(), Some(1), "{}", text_of(&output));
    let text = stdout(&output);
    // What else passed, such as a neighbour's, is counted.
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().starts_with("and ")).collect();
    assert!(lines[0].starts_with(&format!("FAIL  {file}:6: one <more> & \"less\" # x (0.")), "{text}");
    let expected = "step 2 `wrong`: expected within 100 ms: icmp.type == 0 and icmp.seq == ask.icmp.seq + 1; it did not come";
    assert_eq!(lines[1].trim(), expected);
    assert_eq!(lines[2].trim(), "what came instead:");
    assert!(
        lines[3].contains("ms  IP 10.77.2.2 > 10.77.1.2: ICMP echo reply, id 7, seq 41, length 8"),
        "{text}"
    );
    assert!(lines[4].starts_with(&format!("FAIL  {file}:13: what must not come")), "{text}");
    assert!(
        lines[5].contains("step 1: must not come within 100 ms: icmp.type == 0; it came after 0."),
        "{text}"
    );
    assert!(lines[6].contains("ICMP echo reply, id 7, seq 1, length 8"), "{text}");
    assert!(lines[7].starts_with("2 run: 0 passed, 2 failed ("), "{text}");
}

/// In a step a packet meets one `match`: of two that take it, the other one waits for another packet, and that is said.
#[test]
fn a_match_whose_packet_met_another_one_says_so() {
    let Some(lab) = lab() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two.toml");
    let step = r#"send = [{ ip = { dst = "10.77.2.2" } }, { icmp = { seq = 1 } }], expect = [{ match = "icmp.type == 0" }, { match = "icmp.seq == 1" }]"#;
    fs::write(&file, format!("[[scenario]]\nname = \"two\"\nsteps = [{{ {step} }}]\n")).unwrap();
    let output = test(&lab, &[file.to_str().unwrap(), "-W", "0.2"]);
    assert_eq!(output.status.code(), Some(1), "{}", text_of(&output));
    let text = stdout(&output);
    assert!(
        text.contains("icmp.seq == 1; what came met another expectation, and a packet meets one"),
        "{text}"
    );
}

#[test]
fn a_file_that_cannot_be_run_is_told_and_the_others_run() {
    let Some(lab) = lab() else { return };
    let (_folder, path) = folder();
    let output = test(&lab, &[&path, "--json"]);
    assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
    let lines: Vec<serde_json::Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let verdicts: Vec<&str> = lines.iter().filter_map(|line| line["verdict"].as_str()).collect();
    // Both rounds of the one that passes.
    assert_eq!(
        verdicts,
        ["failed", "failed", "broken", "passed", "passed", "skipped"],
        "{}",
        text_of(&output)
    );
    assert_eq!(lines[2]["message"], format!("{path}/b.toml:2:20: ip has no field `tll`"));
    assert_eq!((&lines[2]["line"], &lines[4]["name"]), (&2.into(), &"echoes (2 of 2)".into()));
    let summary = lines.last().unwrap();
    let counts = ["passed", "failed", "broken", "skipped"].map(|name| summary[name].as_u64().unwrap());
    assert_eq!(counts, [2, 2, 1, 1]);
}

/// Python's XML and a harness for TAP, perl's, are the judges.
#[test]
fn others_read_the_formats() {
    let Some(lab) = lab() else { return };
    let (folder, path) = folder();
    let junit = test(&lab, &[&path, "--format", "junit"]);
    const READ: &str = "
import sys, xml.etree.ElementTree as E
root = E.parse(sys.stdin).getroot()
print(root.attrib['tests'], root.attrib['failures'], root.attrib['errors'], root.attrib['skipped'])
for case in root.iter('testcase'):
    print(case.attrib['name'], '|', ' '.join(child.tag for child in case))
";
    let mut child = Command::new("python3")
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&junit.stdout).unwrap();
    let read = child.wait_with_output().unwrap();
    let wanted = "6 2 1 1\none <more> & \"less\" # x | failure\nwhat must not come | failure\nthe spec | error\n\
                  echoes (1 of 2) | \nechoes (2 of 2) | \npacket | skipped\n";
    assert_eq!(String::from_utf8_lossy(&read.stdout), wanted, "{}", text_of(&junit));
    // prove knows version 13, which has the same lines, and a smaller YAML.
    let tap = stdout(&test(&lab, &[&path, "--format", "tap"]));
    assert!(tap.starts_with("TAP version 14\n"), "{tap}");
    let lines: Vec<&str> = tap.lines().skip(1).filter(|line| !line.starts_with("  ")).collect();
    let file = folder.path().join("out.tap");
    fs::write(&file, lines.join("\n") + "\n").unwrap();
    let proved = text_of(&run(Command::new("prove").args(["-v", "--exec", "cat"]).arg(&file)));
    assert!(proved.contains("Failed tests:  1-3") && proved.contains("Tests: 6 Failed: 3"), "{proved}");
    assert!(!proved.contains("Parse errors"), "{proved}");
    // What is quoted in the blocks is JSON.
    let block = |line: &&str| line.starts_with("  ") && line.contains('"');
    for line in tap.lines().filter(block) {
        let quoted = line.get(line.find('"').unwrap()..).unwrap();
        assert!(serde_json::from_str::<String>(quoted).is_ok(), "{line}");
    }
}

#[test]
fn tests_are_chosen_listed_and_ended_early() {
    let Some(lab) = lab() else { return };
    let (_folder, path) = folder();
    let listed = test(&lab, &[&path, "--list"]);
    let wanted =
        format!("{path}/a.toml:3: one <more> & \"less\" # x\n{path}/a.toml:11: what must not come\n");
    assert!(stdout(&listed).starts_with(&wanted), "{}", text_of(&listed));
    assert!(
        stdout(&listed).contains(&format!("{path}/c/passing.toml:5: echoes (1 of 2)\n")),
        "{}",
        text_of(&listed)
    );
    assert_eq!(listed.status.code(), Some(2), "one file cannot be read");
    let ended = test(&lab, &[&path, "--fail-fast"]);
    assert!(stdout(&ended).contains("\n1 run: 0 passed, 1 failed"), "{}", text_of(&ended));
    let chosen = test(&lab, &[&format!("{path}/c"), "--filter", "2 of", "--set", "target=10.77.1.1"]);
    assert!(stdout(&chosen).contains("1 run: 1 passed ("), "{}", text_of(&chosen));
    assert_eq!(chosen.status.code(), Some(0));
    // A name that was mistyped must not pass.
    let mistyped = test(&lab, &[&format!("{path}/c"), "--filter", "3 fo", "--set", "target=10.77.1.1"]);
    assert_eq!(mistyped.status.code(), Some(2));
    assert!(text_of(&mistyped).contains("no test has `3 fo`"), "{}", text_of(&mistyped));
    let none = test(&lab, &[&format!("{path}/not-there.toml")]);
    assert_eq!(none.status.code(), Some(2));
    assert!(stdout(&none).contains("there is no such file"), "{}", text_of(&none));
}

#[test]
fn what_was_sent_and_what_came_is_saved_with_the_steps() {
    let Some(lab) = lab() else { return };
    let (folder, path) = folder();
    let file = folder.path().join("saved.pcapng");
    let output = test(&lab, &[&format!("{path}/a.toml"), "-q", "-w", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", text_of(&output));
    let fields = ["-T", "fields", "-e", "icmp.type", "-e", "icmp.seq", "-e", "frame.comment"];
    let read = run(Command::new("tshark").arg("-r").arg(&file).args(fields));
    let name = format!("{path}/a.toml: one <more> & \"less\" # x: ");
    let lines: Vec<String> = String::from_utf8(read.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(lines[0], format!("8\t41\t{name}step 1 `ask`: sent"));
    assert_eq!(lines[1], format!("0\t41\t{name}step 2 `wrong`: came"));
    assert_eq!(lines.len(), 4, "the step behind the one that failed sends nothing: {lines:?}");
}

#[test]
fn a_spec_with_scenarios_is_for_test_alone() {
    let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/scenarios/firewall.toml");
    let sent = run(Command::new(RAWSOCK).arg("send").arg(&spec));
    assert_eq!(sent.status.code(), Some(2));
    assert!(text_of(&sent).contains("has scenarios: `rawsock test"), "{}", text_of(&sent));
    // What does not depend on what comes can be looked at.
    let built = run(Command::new(RAWSOCK).args(["craft", "--hex"]).arg(&spec));
    assert_eq!(stdout(&built).lines().count(), 4, "{}", text_of(&built));
}

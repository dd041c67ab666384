//! `rawsock schema`, with Python's jsonschema as the judge: what can be built is valid, what is mistaken is not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::{RAWSOCK, run, text_of};

/// For each spec, of TOML or JSON, whether the schema takes it.
fn judged(specs: &[(String, String)]) -> Vec<bool> {
    const SCRIPT: &str = "
import json, sys, tomllib
from jsonschema import Draft202012Validator
given = json.load(sys.stdin)
Draft202012Validator.check_schema(given['schema'])
validator = Draft202012Validator(given['schema'])
for syntax, text in given['specs']:
    try:
        spec = tomllib.loads(text) if syntax == 'toml' else json.loads(text)
        print(validator.is_valid(spec))
    except ValueError as error:
        print(error)
";
    let schema = run(Command::new(RAWSOCK).arg("schema"));
    assert!(schema.status.success(), "{}", text_of(&schema));
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut pipe, given) =
        (child.stdin.take().unwrap(), json!({ "schema": schema, "specs": specs }).to_string());
    let writer = std::thread::spawn(move || pipe.write_all(given.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{}", text_of(&output));
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<bool> = answers.lines().map(|line| line == "True").collect();
    assert_eq!(answers.len(), specs.len());
    answers
}

fn root(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn what_can_be_built_is_valid() {
    let mut specs = Vec::new();
    let folders = ["examples", "examples/scenarios"].map(|folder| fs::read_dir(root(folder)).unwrap());
    for entry in folders.into_iter().flatten() {
        let path = entry.unwrap().path();
        let syntax = path.extension().unwrap_or_default().to_str().unwrap().to_owned();
        if syntax == "toml" || syntax == "json" {
            specs.push((syntax, fs::read_to_string(path).unwrap()));
        }
    }
    let examples = specs.len();
    for part in fs::read_to_string(root("docs/SPECS.md")).unwrap().split("```") {
        if let Some((syntax @ ("toml" | "json"), text)) = part.split_once('\n') {
            specs.push((syntax.to_owned(), text.to_owned()));
        }
    }
    let of_manual = specs.len() - examples;
    // Of packets with their octets, the layers.
    for line in fs::read_to_string(root("tests/craft_packets.jsonl")).unwrap().lines() {
        let packet: Value = serde_json::from_str(line).unwrap();
        specs.push(("json".to_owned(), json!({ "layers": packet["layers"] }).to_string()));
    }
    // And what is written for a capture, of all that `read` has words for.
    for entry in fs::read_dir(root("captures")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "pcapng" || end == "pcap") {
            let read = run(Command::new(RAWSOCK).args(["read", "--toml", "-c", "8"]).arg(&path));
            specs.push(("toml".to_owned(), String::from_utf8(read.stdout).unwrap()));
            let read = run(Command::new(RAWSOCK).args(["read", "--json", "-c", "4"]).arg(&path));
            for line in String::from_utf8(read.stdout).unwrap().lines() {
                let packet: Value = serde_json::from_str(line).unwrap();
                specs.push(("json".to_owned(), json!({ "layers": packet["layers"] }).to_string()));
            }
        }
    }
    assert!(examples >= 10 && of_manual >= 8 && specs.len() > 100, "{examples} {of_manual} {}", specs.len());
    for ((_, text), valid) in specs.iter().zip(judged(&specs)) {
        assert!(valid || text.is_empty(), "{text}");
    }
}

/// The file's mistakes that are of names, kinds and sizes; others, such as a file that is not there, are not the schema's.
#[test]
fn what_is_mistaken_is_not_valid() {
    let cases = fs::read_to_string(root("tests/craft_mistakes.txt")).unwrap();
    let mut specs = Vec::new();
    let mut told = Vec::new();
    for case in cases.split("=== ").filter(|case| !case.is_empty()) {
        let (syntax, case) = case.split_once('\n').unwrap();
        let (spec, mistakes) = case.split_once("---\n").unwrap();
        // What is no TOML and no JSON is not for a schema to see.
        if syntax != "expression" && !mistakes.contains("TOML: ") && !mistakes.contains("JSON: ") {
            specs.push((syntax.to_owned(), spec.to_owned()));
            told.push(mistakes.lines().next().unwrap());
        }
    }
    let names_kinds_and_sizes = [
        " has no field `",
        "there is no layer `",
        " has no option `",
        " has no key `",
        " does not fit into ",
        " takes a number",
        " takes an IPv",
        " takes a MAC",
        " takes a list",
        " takes a table",
        " takes text",
        " takes names",
        " takes a rate",
        " is no hexadecimal digit",
        "an odd number of hexadecimal digits",
        " is not computed",
        "each entry is a table with just one name",
        "exclude each other",
        "an expectation says either",
        "octets are given in just one way",
        " needs `",
        " octets, not ",
    ];
    let mut seen = 0;
    for ((valid, told), (_, spec)) in judged(&specs).into_iter().zip(&told).zip(&specs) {
        let is_meant = names_kinds_and_sizes.iter().any(|words| told.contains(words));
        // What stands in a text, or in a computed name, is not seen.
        if is_meant && !spec.contains("1..300") && !spec.contains("ttl.status") && !spec.contains("${") {
            assert!(!valid, "{told}\n{spec}");
            seen += 1;
        }
    }
    assert!(seen > 45, "{seen}");
}

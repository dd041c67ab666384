//! `read` finds in TCP conversations what tshark finds in them: in captures, and in conversations of all kinds that are made
//! up here.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod corpus;
mod stories;
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use corpus::judge::{SEPARATE, compared, fields, others, with};
use support::{RAWSOCK, run, text_of};

/// All that is compared.
const NAMES: [&str; 35] = [
    "frame.number",
    "tcp.stream",
    "tcp.completeness",
    "tcp.nxtseq",
    "tcp.window_size",
    "tcp.window_size_scalefactor",
    "tcp.analysis",
    "tcp.analysis.acks_frame",
    "tcp.analysis.ack_rtt",
    "tcp.analysis.initial_rtt",
    "tcp.analysis.bytes_in_flight",
    "tcp.analysis.push_bytes_sent",
    "tcp.analysis.flags",
    "tcp.analysis.reused_ports",
    "tcp.analysis.lost_segment",
    "tcp.analysis.retransmission",
    "tcp.analysis.fast_retransmission",
    "tcp.analysis.spurious_retransmission",
    "tcp.analysis.out_of_order",
    "tcp.analysis.ack_lost_segment",
    "tcp.analysis.window_update",
    "tcp.analysis.window_full",
    "tcp.analysis.keep_alive",
    "tcp.analysis.keep_alive_ack",
    "tcp.analysis.zero_window_probe",
    "tcp.analysis.zero_window",
    "tcp.analysis.zero_window_probe_ack",
    DUPLICATE,
    "tcp.analysis.duplicate_ack_num",
    "tcp.analysis.duplicate_ack_frame",
    "tcp.analysis.rto_frame",
    "tcp.analysis.rto",
    "tcp.analysis.tfo_syn",
    "tcp.analysis.tfo_ack",
    "tcp.analysis.tfo_ignored",
];

/// tshark has it twice in its tree: once as a field and once as expert information.
const DUPLICATE: &str = "tcp.analysis.duplicate_ack";

/// Fields that differ, by the beginnings of their names, and why.
const DIFFERENT: [(&str, &str, &str); 3] = [
    (
        "heapoverflow-tcp_print.pcap",
        "tcp.analysis",
        "its options go on behind what was captured; tshark tells nothing that stands behind them",
    ),
    ("tcp-auth-heapoverflow.pcap", "tcp.analysis", "the same"),
    (
        "tfo-5c1fa7f9ae91.pcap",
        "tcp.analysis.tfo_syn",
        "the cookie is in an experimental option (RFC 6994), and those are unknown to us",
    ),
];

fn ours(file: &Path, names: &[&str]) -> Vec<Vec<String>> {
    let output = run(Command::new(RAWSOCK).args(["read", "--fields", &names.join(",")]).arg(file));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap().to_string_lossy().into_owned()
}

/// Compares the fields of all packets; how often each was there.
fn compare(file: &Path, others: &[String]) -> BTreeMap<&'static str, usize> {
    let (own, theirs) = (ours(file, &NAMES), fields(file, &NAMES, &SEPARATE, others));
    assert_eq!(own.len(), theirs.len(), "{}", file.display());
    let mut counts = BTreeMap::new();
    for (own, theirs) in own.iter().zip(&theirs) {
        for ((name, own_value), value) in NAMES.iter().zip(own).zip(theirs) {
            let is_twice = *name == DUPLICATE && value == "1,1";
            let value = if is_twice { "1" } else { value.as_str() };
            let is_known =
                |(known, begin, _): &(&str, &str, &str)| *known == name_of(file) && name.starts_with(begin);
            if own_value != value && !DIFFERENT.iter().any(is_known) {
                panic!("{}, packet {}: {name} is {own_value:?}, not {value:?}", file.display(), own[0]);
            }
            *counts.entry(*name).or_default() += usize::from(!own_value.is_empty());
        }
    }
    counts
}

/// Does something with each file, two at a time.
fn each<T: Send>(files: Vec<PathBuf>, work: impl Fn(&Path) -> T + Sync) -> Vec<T> {
    let (files, results) = (Mutex::new(files), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(file) = { files.lock().unwrap().pop() } {
                    let result = work(&file);
                    results.lock().unwrap().push(result);
                }
            });
        }
    });
    results.into_inner().unwrap()
}

/// The captures that have TCP in them.
fn captures_of_tcp() -> Vec<PathBuf> {
    let has_tcp = |file: &PathBuf| {
        let output = run(Command::new(RAWSOCK).args(["read", "--count", "-Y", "tcp"]).arg(file));
        text_of(&output).lines().next().is_some_and(|count| count != "0")
    };
    let files = compared();
    let with_tcp = each(files, |file| has_tcp(&file.to_path_buf()).then(|| file.to_path_buf()));
    with_tcp.into_iter().flatten().collect()
}

/// Conversations that are made up, in files of this directory.
fn made_up(directory: &Path) -> Vec<PathBuf> {
    let write = |seed| {
        let path = directory.join(format!("made-up-{seed}.pcap"));
        stories::write(&path, seed, 300, 40);
        path
    };
    (1..=6).map(write).collect()
}

#[test]
fn captures_are_analysed_as_by_tshark() {
    let others = others();
    let files = captures_of_tcp();
    assert!(files.len() > 3 && (files.len() > 30 || corpus::shared_captures().is_none()), "{files:?}");
    each(files, |file| compare(file, &others));
}

#[test]
fn conversations_of_all_kinds_are_analysed_as_by_tshark() {
    let (directory, others) = (tempfile::tempdir().unwrap(), others());
    let mut sum: BTreeMap<&str, usize> = BTreeMap::new();
    for counts in each(made_up(directory.path()), |file| compare(file, &others)) {
        counts.into_iter().for_each(|(name, count)| *sum.entry(name).or_default() += count);
    }
    // Everything happens in them.
    for name in NAMES {
        assert!(sum[name] >= 10, "{name} {}", sum[name]);
    }
}

#[test]
fn of_many_open_segments_as_many_are_remembered_as_by_tshark() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("open.pcap");
    stories::write_unanswered(&file, 12_000);
    let counts = compare(&file, &others());
    assert_eq!(counts["tcp.analysis.bytes_in_flight"], 12_001);
    assert_eq!(counts["tcp.analysis.acks_frame"], 2);
}

/// What tshark calls expert information of our fields, and how often it has it.
fn expert_of_tshark(file: &Path, titles: &[(String, String)], others: &[String]) -> BTreeMap<String, u64> {
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-q", "-z", "expert", "-r"]).arg(file);
    with(&mut tshark, &SEPARATE, others);
    let mut counts = BTreeMap::new();
    let mut severity = String::new();
    for line in text_of(&run(&mut tshark)).lines() {
        if let Some((word, _)) = line.split_once("s (") {
            severity = if word == "Warn" { "Warning".to_owned() } else { word.to_owned() };
        }
        let Some((count, rest)) = line.trim().split_once(char::is_whitespace) else { continue };
        let Ok(count) = count.parse::<u64>() else { continue };
        let Some((group, rest)) = rest.trim().split_once(char::is_whitespace) else { continue };
        let Some(("TCP", summary)) = rest.trim().split_once(char::is_whitespace) else { continue };
        // Some go on with a port or a number.
        let known = titles.iter().filter(|(_, title)| summary.trim().starts_with(title.as_str()));
        if let Some((field, _)) = known.max_by_key(|(_, title)| title.len()) {
            *counts.entry(format!("{severity} {group} {field}")).or_default() += count;
        }
    }
    counts
}

/// The names that tshark has for what is found of TCP connections.
fn titles() -> Vec<(String, String)> {
    let output = Command::new("tshark").args(["-G", "fields"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let fields = text.lines().filter_map(|line| {
        let mut parts = line.split('\t').skip(1);
        let (title, name) = (parts.next()?, parts.next()?);
        let is_one = name.starts_with("tcp.analysis.") || name.starts_with("tcp.connection.");
        is_one.then(|| (name.to_owned(), title.to_owned()))
    });
    // Of two with the same name, the title of the field is not that of the information.
    fields.filter(|(name, title)| name != DUPLICATE || title == "Duplicate ACK").collect()
}

/// The same by us.
fn expert(file: &Path) -> BTreeMap<String, u64> {
    let output = run(Command::new(RAWSOCK).args(["read", "--expert", "--json"]).arg(file));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut counts = BTreeMap::new();
    for finding in found["findings"].as_array().unwrap() {
        let word = |key: &str| {
            let word = finding[key].as_str().unwrap_or_default();
            let (first, rest) = word.split_at(word.len().min(1));
            (first.to_ascii_uppercase() + rest, format!("tcp.{word}"))
        };
        let field = word("field").1;
        if finding["layer"] == "tcp" && (field.contains(".analysis.") || field.contains(".connection.")) {
            let key = format!("{} {} {field}", word("severity").0, word("group").0);
            counts.insert(key, finding["count"].as_u64().unwrap());
        }
    }
    counts
}

#[test]
fn expert_findings_are_those_of_tshark() {
    let (directory, others, titles) = (tempfile::tempdir().unwrap(), others(), titles());
    let mut files = captures_of_tcp();
    files.extend(made_up(directory.path()).into_iter().take(2));
    let kinds = each(files, |file| {
        let mut own = expert(file);
        if name_of(file) == "tfo-5c1fa7f9ae91.pcap" {
            own.insert("Note Sequence tcp.analysis.tfo_syn".to_owned(), 1);
        }
        assert_eq!(own, expert_of_tshark(file, &titles, &others), "{}", file.display());
        own
    });
    let kinds: std::collections::BTreeSet<String> = kinds.into_iter().flat_map(BTreeMap::into_keys).collect();
    assert_eq!(kinds.len(), 24, "{kinds:?}");
}

#[test]
fn filters_take_the_packets_that_tshark_takes() {
    let (directory, others) = (tempfile::tempdir().unwrap(), others());
    let file = directory.path().join("made-up.pcap");
    stories::write(&file, 7, 200, 40);
    for filter in FILTERS {
        let own =
            run(Command::new(RAWSOCK).args(["read", "--fields", "frame.number", "-Y", filter]).arg(&file));
        let mut tshark = Command::new("tshark");
        tshark.args(["-n", "-T", "fields", "-e", "frame.number", "-Y", filter, "-r"]).arg(&file);
        with(&mut tshark, &SEPARATE, &others);
        let theirs = String::from_utf8(run(&mut tshark).stdout).unwrap();
        assert_eq!(String::from_utf8(own.stdout).unwrap(), theirs, "{filter}");
        assert!(!theirs.is_empty(), "{filter}");
    }
}

const FILTERS: [&str; 11] = [
    "tcp.analysis.flags && !tcp.analysis.window_update",
    "tcp.analysis.retransmission or tcp.analysis.out_of_order",
    "tcp.analysis.ack_rtt > 0.01 and tcp.analysis.initial_rtt",
    "tcp.analysis.bytes_in_flight >= 1448",
    "tcp.stream in {3..90} and tcp.analysis.duplicate_ack_num > 1",
    "tcp.analysis.rto_frame < 500 and tcp.analysis.rto >= 1.2",
    "tcp.connection.fin_passive or tcp.connection.rst",
    "tcp.completeness == 31",
    "tcp.window_size_scalefactor == -1",
    "tcp.window_size > 70000 and tcp.nxtseq < 5000",
    "not tcp.analysis",
];

fn read(arguments: &[&str]) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/tcp-stories.pcap");
    String::from_utf8(run(Command::new(RAWSOCK).arg("read").args(arguments).arg(file)).stdout).unwrap()
}

#[test]
fn what_was_found_is_in_lines_trees_and_json_where_it_is_asked_for() {
    let line = |arguments: &[&str]| {
        let lines = read(&[&["-c1", "-Y", "tcp.analysis.duplicate_ack"], arguments].concat());
        lines.lines().next().unwrap().to_owned()
    };
    assert!(line(&["--analysis"]).ends_with(" length 0 [TCP Dup ACK 119#1]"), "{}", line(&["--analysis"]));
    assert!(line(&[]).ends_with(" length 0"), "{}", line(&[]));
    let json: serde_json::Value = serde_json::from_str(&line(&["--json", "--analysis"])).unwrap();
    let facts = &json["facts"][0];
    assert_eq!(facts["layer"], "tcp");
    assert_eq!(facts["stream"], 22);
    assert_eq!(facts["analysis.duplicate_ack"], true);
    assert_eq!(facts["analysis.duplicate_ack_frame"], 119);
    assert_eq!(facts["time_delta"], "0.010000000");
    let json: serde_json::Value = serde_json::from_str(&line(&["--json"])).unwrap();
    assert!(json["facts"].is_null());
    let tree = read(&["-v", "-c1", "-Y", "tcp.analysis.rto > 0.005"]);
    let wanted = "    [SEQ/ACK analysis]\n        [iRTT: 0.020000000 seconds]\n        [Bytes in flight: 6]\n        \
         [Bytes sent since last PSH flag: 6]\n        [TCP Analysis Flags]\n            \
         [Note/Sequence: TCP Retransmission]\n            [RTO based on delta from frame: 23]\n";
    assert!(tree.contains(wanted), "{tree}");
}

/// Lines of JSON with what was found build to the packets that they are of.
#[test]
fn json_with_facts_is_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let json = directory.path().join("all.json");
    std::fs::write(&json, read(&["--json", "--analysis"])).unwrap();
    let output =
        run(Command::new(RAWSOCK).args(["craft", "-", "--hex"]).stdin(std::fs::File::open(&json).unwrap()));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), read(&[]).lines().count());
}

#[test]
fn expert_findings_as_tables() {
    let table = read(&["--expert"]);
    assert!(table.starts_with("Warnings: 22\ncount  first  group "), "{table}");
    assert!(table.contains("\nNotes: "), "{table}");
    assert!(table.contains("\nChats: "), "{table}");
    let filtered = read(&["--expert", "-Y", "tcp.stream == 2"]);
    assert!(filtered.contains("    3     24  Sequence  tcp       TCP Retransmission"), "{filtered}");
    assert_eq!(read(&["--expert", "-Y", "udp.length == 7777"]), "nothing was found\n");
    let bad = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/wrong-on-purpose.pcapng");
    let found = text_of(&run(Command::new(RAWSOCK).args(["read", "--expert"]).arg(bad)));
    assert!(found.starts_with("Errors: "), "{found}");
    assert!(found.contains("  Checksum  "), "{found}");
    assert!(found.contains("ip.checksum"), "{found}");
}

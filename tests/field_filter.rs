//! Field filters take the packets that tshark's display filters take: each expression over the captures, ours and
//! `../shared/captures`, by the packets' numbers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod corpus;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use corpus::judge::other_protocols;
use corpus::{captures, pdml, shared_captures};
use rawsock::file::{CaptureReader, CaptureWriter, Interface, WriteOptions};
use rawsock::filter::field::FieldFilter;
use rawsock::wire::frame::{Frame, LinkType};

/// What `-vv` names a field, `-Y` takes: parts of groups in lists and options were named without what holds them.
#[test]
fn each_name_in_a_tree_is_one_that_filters_take() {
    let mut names = BTreeSet::new();
    for file in captures() {
        let output =
            Command::new(env!("CARGO_BIN_EXE_rawsock")).args(["read", "-vv"]).arg(file).output().unwrap();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let Some((_, behind)) = line.split_once(" (") else { continue };
            let name =
                behind.split(|character| !matches!(character, 'a'..='z' | '0'..='9' | '_' | '.')).next();
            let is_one = |name: &&str| {
                name.contains('.') && behind.strip_prefix(*name).is_some_and(|rest| rest.starts_with("): "))
            };
            names.extend(name.filter(is_one).map(str::to_owned));
        }
    }
    for wanted in
        ["ip.flags.df", "dns.resp.z.do", "geneve.option.type.critical", "geneve.options.type.number"]
    {
        assert!(names.contains(wanted), "{wanted}");
    }
    let unknown: Vec<_> = names.iter().filter(|name| FieldFilter::compile(name).is_err()).collect();
    assert!(unknown.is_empty() && names.len() > 200, "{} names, unknown {unknown:?}", names.len());
}

/// One expression a line; what stands behind `##` is why a difference is allowed, and how many packets may differ.
const EXPRESSIONS: &str = include_str!("field_filter_expressions.txt");

#[test]
fn each_expression_takes_the_packets_that_tshark_takes() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("all.pcapng");
    let packets = write_packets(&file);
    assert!(packets > 20, "{packets} packets");
    let expressions: Vec<&str> =
        EXPRESSIONS.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).collect();
    assert!(expressions.len() >= 150, "{}", expressions.len());
    let others = other_protocols();
    let ill = theirs(&file, ILL, &others).unwrap();
    let next = Mutex::new(expressions.iter());
    let (differences, taken) = (Mutex::new(Vec::new()), Mutex::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(line) = next.lock().unwrap().next() else { return };
                    let (expression, excuse) = line.split_once("##").unwrap_or((line, ""));
                    let expression = expression.trim();
                    let found = match (ours(&file, expression), theirs(&file, expression, &others)) {
                        (Ok(ours), Ok(theirs)) => {
                            *taken.lock().unwrap() += usize::from(!theirs.is_empty());
                            difference(&ours, &theirs, &ill, excuse)
                        }
                        (Err(error), _) | (_, Err(error)) => Some(error),
                    };
                    if let Some(found) = found {
                        differences.lock().unwrap().push(format!("{expression}: {found}"));
                    }
                }
            });
        }
    });
    let (differences, taken) = (differences.into_inner().unwrap(), taken.into_inner().unwrap());
    if !differences.is_empty() {
        let kept = directory.keep();
        panic!("{} differences over {}:\n{}", differences.len(), kept.display(), differences.join("\n"));
    }
    // So that the test cannot pass by taking nothing.
    assert!(
        taken * 10 >= expressions.len() * 8 || packets < 500,
        "{taken} of {} take a packet",
        expressions.len()
    );
}

#[test]
fn what_the_documentation_shows_is_a_filter() {
    let mut shown = 0;
    for name in ["docs/COMMANDS.md", "docs/COOKBOOK.md", "docs/FILTERS.md", "docs/SPECS.md"] {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
        for filter in text.split("-Y '").skip(1).filter_map(|rest| rest.split('\'').next()) {
            FieldFilter::compile(filter).unwrap_or_else(|error| panic!("{name}: {}", error.render(false)));
            shown += 1;
        }
    }
    assert!(shown >= 6, "{shown}");
}

/// How the packets differ, where that is not allowed. An excuse that is not needed is a difference too.
fn difference(ours: &[u64], theirs: &[u64], ill: &[u64], excuse: &str) -> Option<String> {
    let only = |these: &[u64], those: &[u64]| -> Vec<u64> {
        let is_missing = |number: &&u64| !those.contains(number) && !ill.contains(number);
        these.iter().filter(is_missing).copied().collect()
    };
    let (we_alone, they_alone) = (only(ours, theirs), only(theirs, ours));
    let differing = we_alone.len() + they_alone.len();
    let allowed = excuse.split_whitespace().next().map_or(0, |count| count.parse::<usize>().unwrap());
    let shown =
        |numbers: &[u64]| format!("{} {:?}", numbers.len(), numbers.iter().take(8).collect::<Vec<_>>());
    (differing > allowed)
        .then(|| format!("we alone take {}, tshark {}", shown(&we_alone), shown(&they_alone)))
        .or_else(|| {
            (allowed > 0 && differing == 0 && shared_captures().is_some())
                .then(|| "needs no excuse".to_owned())
        })
}

/// The numbers of the packets that a filter takes.
fn ours(file: &Path, expression: &str) -> Result<Vec<u64>, String> {
    let mut rawsock = Command::new(env!("CARGO_BIN_EXE_rawsock"));
    let output = rawsock.args(["read", "--json", "-Y", expression]).arg(file).output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let number = |line: &str| {
        line.strip_prefix("{\"number\":").and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap()
    };
    Ok(String::from_utf8(output.stdout).unwrap().lines().map(number).collect())
}

fn theirs(file: &Path, expression: &str, others: &[String]) -> Result<Vec<u64>, String> {
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-T", "fields", "-e", "frame.number", "-Y", expression, "-r"]).arg(file);
    for preference in pdml::PREFERENCES {
        tshark.args(["-o", preference]);
    }
    for protocol in others {
        tshark.args(["--disable-protocol", protocol]);
    }
    let output = tshark.output().unwrap_or_else(|error| panic!("run tshark, which this test needs: {error}"));
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8(output.stdout).unwrap().lines().map(|line| line.parse().unwrap()).collect())
}

/// Packets that contradict themselves: filters are judged here, and how such packets are read in `read_corpus.rs`.
const ILL: &str = "_ws.malformed or _ws.short or ip.bogus_header_length or ip.bogus_ip_length or \
    ip.bogus_ip_version or frame.len < 14 or frame.len > 65535";

/// Captures that the two read differently, and why; `read_corpus.rs` judges that, too.
const READ_DIFFERENTLY: &[(&str, &str)] = &[
    ("ipv6_ext_headers", "it has more layers than we dissect"),
    ("icmp6-rfc8335", "tshark takes the rest of an extended echo for a message of ICMP"),
    ("eapon1", "tshark reads NBNS as DNS where NBNS is switched off"),
    ("mtrace", "mtrace messages are octets for us"),
    ("tcp_rst_data", "tshark takes the data of a reset for its cause"),
    ("tcp_rst_data-trunc", "tshark takes the data of a reset for its cause"),
    ("time_2106_overflow", "its time is behind the end of ours"),
    ("ipv4_invalid_hdr_length", "tshark reads nothing of a header that says to be too short"),
    ("wrong-on-purpose", "tshark reads nothing of a header that says to be too short"),
    ("kday1", "tshark reads a header of another version as that"),
    ("mptcp-fclose", "tshark names MPTCP among the protocols"),
    ("SSL-PartialCertificate2", "a record of TLS that goes on in the next segment is octets for us"),
    ("TcpPacketWithOptions2", "tshark takes any octets at port 80 for a part of HTTP"),
    (
        "unidirectional_tcp_stream_with_missing_packet",
        "tshark takes any octets at port 80 for a part of HTTP",
    ),
    ("wccp_redirect_gre", "the redirect header of WCCP is octets for us"),
    ("bfd-lag", "BFD of aggregated links is octets for us"),
    ("bfd-sbfd", "seamless BFD is octets for us"),
    ("heap-overflow-1", "a single octet, which tshark calls raw and we data"),
];

/// Link types that both know.
const LINK_TYPES: &[LinkType] = &[
    LinkType::ETHERNET,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType::RAW,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
];

/// Writes the first packets of each capture into one file, each capture with an interface of its own. Returns how many.
fn write_packets(path: &Path) -> usize {
    let mut writer = CaptureWriter::create(path, WriteOptions::default()).unwrap();
    let mut written = 0;
    for capture in captures() {
        written += copy(&capture, &mut writer);
    }
    writer.finish().unwrap();
    written
}

fn copy(capture: &Path, writer: &mut CaptureWriter) -> usize {
    let name = capture.file_stem().unwrap().to_string_lossy().into_owned();
    if READ_DIFFERENTLY.iter().any(|(stem, _)| *stem == name) {
        return 0;
    }
    let Ok(mut reader) = CaptureReader::open(capture) else { return 0 };
    let mut numbers: Vec<(LinkType, u32)> = Vec::new();
    let mut written = 0;
    while written < OF_EACH {
        let Ok(Some(frame)) = reader.next() else { break };
        if !LINK_TYPES.contains(&frame.link_type) || frame.data.len() > 2000 || frame.time.is_none() {
            continue;
        }
        let known = numbers.iter().find(|(link_type, _)| *link_type == frame.link_type).copied();
        let (_, interface) = known.unwrap_or_else(|| {
            let described = Interface { name: Some(name.clone()), ..Interface::of(frame.link_type) };
            let number = writer.add_interface(&described).unwrap();
            numbers.push((frame.link_type, number));
            (frame.link_type, number)
        });
        let frame = Frame { interface, comment: None, ..frame };
        writer.write(&frame).unwrap();
        written += 1;
    }
    written
}

/// Packets of each capture.
const OF_EACH: usize = 4;

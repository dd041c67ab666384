//! What `read` prints of every capture, ours and `../shared/captures`: what it makes of packets builds to the same octets
//! again, and nothing of a packet reaches the terminal as it is.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod corpus;

use std::path::Path;
use std::process::{Command, Stdio};

use rawsock::file::CaptureReader;
use rawsock::show::text::is_printable;

const RAWSOCK: &str = env!("CARGO_BIN_EXE_rawsock");

#[test]
fn every_capture_comes_back_through_json() {
    assert!(each_capture(|file| comes_back(file, "--json")) > 0, "no packets were compared");
}

#[test]
fn every_capture_comes_back_through_toml() {
    assert!(each_capture(|file| comes_back(file, "--toml")) > 0, "no packets were compared");
}

#[test]
fn each_packet_is_one_line_and_nothing_moves_the_cursor() {
    let packets = each_capture(|file| {
        let octets = octets_of(file);
        let lines = stdout(&["read", "-e"], file);
        assert_eq!(lines.lines().count(), octets.len(), "{}", file.display());
        for text in [lines, stdout(&["read", "-vv", "-X"], file), stdout(&["read", "-AA"], file)] {
            let bad =
                text.chars().find(|character| !matches!(character, '\n' | '\t') && !is_printable(*character));
            assert_eq!(bad, None, "{}", file.display());
        }
        octets.len()
    });
    assert!(packets > 0, "no packets were read");
}

/// Numbers, and what stands behind them, are tcpdump's; behind a filter they are still those of the capture.
#[test]
fn lines_begin_with_numbers_where_these_are_asked_for() {
    let file = Path::new("captures/transports.pcap");
    let theirs = Command::new("tcpdump").args(["-#", "-n", "-S", "-r"]).arg(file).output().unwrap().stdout;
    // Tcpdump writes some of SCTP into lines of its own.
    let numbers = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with(' '));
        lines.filter_map(|line| line.get(..8)).map(str::to_owned).collect()
    };
    let (theirs, ours) = (String::from_utf8(theirs).unwrap(), stdout(&["read", "-#", "-S"], file));
    assert_eq!(numbers(&ours), numbers(&theirs));
    assert!(ours.starts_with("    1  "), "{ours}");
    let whole: Vec<&str> =
        ours.lines().filter(|line| line.contains("SCTP") || line.contains("sctp")).collect();
    let filtered = Command::new(RAWSOCK).args(["read", "--number"]).arg(file).arg("sctp").output().unwrap();
    let filtered = String::from_utf8(filtered.stdout).unwrap();
    assert!(!filtered.is_empty() && filtered.lines().all(|line| whole.contains(&line)), "{filtered}\n{ours}");
}

/// Does something with each capture; returns how many packets that were in all.
fn each_capture(count: impl Fn(&Path) -> usize) -> usize {
    corpus::captures().iter().map(|file| count(file)).sum()
}

/// Checks that packets that are printed in this form and built again have the same octets.
fn comes_back(file: &Path, form: &str) -> usize {
    let octets = octets_of(file);
    if octets.is_empty() {
        return 0;
    }
    let mut read = Command::new(RAWSOCK);
    let mut read =
        read.args(["read", form]).arg(file).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut craft = Command::new(RAWSOCK);
    let built = craft.args(["craft", "-", "--hex"]).stdin(read.stdout.take().unwrap()).output().unwrap();
    read.wait().unwrap();
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{}: {said}", file.display());
    let built = String::from_utf8(built.stdout).unwrap();
    let built: Vec<&str> = built.lines().collect();
    assert_eq!(built.len(), octets.len(), "{}: {said}", file.display());
    for (number, (built, octets)) in built.iter().zip(&octets).enumerate() {
        assert_eq!(built, octets, "{} #{}", file.display(), number + 1);
    }
    octets.len()
}

/// The octets of each packet that can be read of a file, in hex.
fn octets_of(file: &Path) -> Vec<String> {
    let Ok(mut reader) = CaptureReader::open(file) else { return Vec::new() };
    let mut packets = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(frame)) => packets.push(hex::encode(frame.data)),
            Ok(None) => return packets,
            Err(error) if error.goes_on() => {}
            Err(_) => return packets,
        }
    }
}

fn stdout(arguments: &[&str], file: &Path) -> String {
    let output = Command::new(RAWSOCK).args(arguments).arg(file).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

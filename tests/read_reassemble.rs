//! `read --reassemble` of segments: whatever size they are cut to, TLS and HTTP are found where tshark finds them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::judges::lines;
use support::{RAWSOCK, run, text_of};

/// Cuts what each segment of a capture carries into segments of so many octets, of which every second pair may change places.
const CUT: &str = "
import sys
from scapy.all import IP, TCP, Raw, rdpcap, wrpcap
source, target, size, swaps = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == 'swapped'
out = []
for packet in rdpcap(source):
    payload = bytes(packet[TCP].payload)[: packet[IP].len - 4 * packet[IP].ihl - 4 * packet[TCP].dataofs] if TCP in packet and IP in packet else b''
    pieces = []
    for at in range(0, len(payload), size):
        piece = packet.copy()
        piece[TCP].remove_payload()
        piece = piece / Raw(payload[at : at + size])
        piece[TCP].seq = (packet[TCP].seq + at) % 2**32
        for layer, name in ((IP, 'len'), (IP, 'chksum'), (TCP, 'chksum')):
            delattr(piece[layer], name)
        pieces.append(piece)
    if swaps:
        for at in range(1, len(pieces) - 1, 4):
            pieces[at], pieces[at + 1] = pieces[at + 1], pieces[at]
    out += pieces or [packet]
for number, packet in enumerate(out):
    packet.time = number / 1000
wrpcap(target, out)
";

fn cut(source: &str, folder: &Path, size: usize, order: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(source);
    let target = folder.join(format!("{size}-{order}.pcap"));
    let output = run(Command::new("python3")
        .args(["-c", CUT])
        .arg(source)
        .arg(&target)
        .args([&size.to_string(), order]));
    assert!(output.status.success(), "{}", text_of(&output));
    target
}

fn ours(capture: &Path, columns: &str, filter: &str) -> Vec<String> {
    let arguments = ["read", "--reassemble", "--fields", columns, "-Y", filter];
    lines(Command::new(RAWSOCK).args(arguments).arg(capture))
}

fn tshark(capture: &Path, columns: &str, filter: &str) -> Vec<String> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-o", "tcp.reassemble_out_of_order:TRUE", "-T", "fields", "-Y", filter]);
    command.args(columns.split(',').flat_map(|column| ["-e", column])).arg("-r").arg(capture);
    lines(&mut command)
}

#[test]
fn records_of_tls_are_shown_with_the_segment_that_completes_them() {
    let folder = tempfile::tempdir().unwrap();
    for size in [1, 4, 7, 64, 100, 517, 1400] {
        let capture = cut("tls.pcap", folder.path(), size, "inorder");
        for (columns, filter) in [
            ("frame.number,tls.record.length", "tls.record.length"),
            ("frame.number,tls.handshake.extensions_server_name", "tls.handshake.extensions_server_name"),
        ] {
            let theirs = tshark(&capture, columns, filter);
            assert!(!theirs.is_empty());
            assert_eq!(ours(&capture, columns, filter), theirs, "{size} {filter}");
        }
    }
}

#[test]
fn segments_that_changed_places_are_put_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let capture = cut("tls.pcap", folder.path(), 60, "swapped");
    let columns = "frame.number,tls.handshake.extensions_server_name";
    let theirs = tshark(&capture, columns, "tls.handshake.extensions_server_name");
    assert!(!theirs.is_empty());
    assert_eq!(ours(&capture, columns, "tls.handshake.extensions_server_name"), theirs);
}

#[test]
fn heads_of_http_are_shown_with_the_segment_that_completes_them() {
    let folder = tempfile::tempdir().unwrap();
    let capture = cut("http.pcap", folder.path(), 9, "inorder");
    let columns = "frame.number,http.request.method,http.request.uri";
    let theirs = tshark(&capture, columns, "http.request.method");
    assert!(!theirs.is_empty());
    assert_eq!(ours(&capture, columns, "http.request.method"), theirs);
}

#[test]
fn a_copy_has_the_segments_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let capture = cut("tls.pcap", folder.path(), 100, "inorder");
    let copy = folder.path().join("copy.pcap");
    run(Command::new(RAWSOCK).args(["read", "--reassemble"]).arg(&capture).arg("-w").arg(&copy));
    let octets = |file: &Path| lines(Command::new("tcpdump").args(["-ntt", "-xx", "-r"]).arg(file));
    assert!(octets(&copy) == octets(&capture), "a segment was changed");
}

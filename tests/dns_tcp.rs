//! DNS over TCP: our fields are those of tshark, our lines those of tcpdump, and what we build is what scapy builds; a message that
//! is spread over segments is shown with the last of them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::path::Path;
use std::process::Command;

use support::RAWSOCK;
use support::judges::{builds_as_scapy, lines};

/// A conversation by scapy: a question; its answer; an answer in three segments, of which the first has half of the length; what is
/// too short for a message; a question from and to other ports.
const CONVERSATION: &str = r#"
import sys
from scapy.all import *
seq = {1: 1, 2: 1000}
def segment(source, octets, sport, dport):
    packet = IP(src=f"10.0.0.{source}", dst=f"10.0.0.{3 - source}")/TCP(
        sport=sport, dport=dport, seq=seq[source], ack=seq[3 - source], flags="PA")/Raw(octets)
    seq[source] += len(octets)
    packets.append(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")/packet)
def framed(message):
    return len(bytes(message)).to_bytes(2, "big") + bytes(message)
packets = []
name = DNSQR(qname="example.com", qtype="A")
question = framed(DNS(id=7, qd=name))
answer = framed(DNS(id=7, qr=1, qd=name, an=DNSRR(rrname="example.com", rdata="192.0.2.1", ttl=60)))
texts = DNSRR(rrname="a.example", type="TXT", rdata=[b"x" * 200, b"y" * 200, b"z" * 200])
large = framed(DNS(id=8, qr=1, qd=DNSQR(qname="a.example", qtype="TXT"), an=texts))
segment(1, question, 40000, 53)
segment(2, answer, 53, 40000)
for part in large[:1], large[1:300], large[300:]:
    segment(2, part, 53, 40000)
segment(2, b"\0\5hello", 53, 40000)
segment(1, question, 41000, 5300)
wrpcap(sys.argv[1], packets)
"#;

fn conversation(folder: &Path) -> std::path::PathBuf {
    let capture = folder.join("dns-over-tcp.pcap");
    assert!(lines(Command::new("python3").args(["-c", CONVERSATION]).arg(&capture)).is_empty());
    capture
}

const COLUMNS: &[&str] =
    &["frame.number", "frame.protocols", "dns.length", "dns.id", "dns.qry.name", "dns.a", "dns.txt"];

fn ours(capture: &Path, options: &[&str], filter: &str) -> Vec<String> {
    let columns = COLUMNS.join(",");
    let mut read = Command::new(RAWSOCK);
    lines(read.args(["read", "--fields", &columns, "-Y", filter]).args(options).arg(capture))
}

fn tshark(capture: &Path, filter: &str) -> Vec<String> {
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-r"]).arg(capture).args(["-Y", filter, "-T", "fields"]);
    COLUMNS.iter().for_each(|name| _ = tshark.args(["-e", name]));
    lines(&mut tshark)
}

#[test]
fn messages_are_those_of_tshark_with_those_that_are_spread_over_segments() {
    let folder = tempfile::tempdir().unwrap();
    let capture = conversation(folder.path());
    // tshark takes five octets for a message as well; RFC 1035 §4.1.1: a header has twelve.
    let filter = "dns.length >= 12";
    let whole = ours(&capture, &["--reassemble"], filter);
    assert_eq!(whole, tshark(&capture, filter));
    assert_eq!(whole.len(), 3);
    // Without the rest there is no telling.
    assert_eq!(ours(&capture, &[], filter), whole[..2]);
    assert_eq!(ours(&capture, &[], "dns"), whole[..2]);
}

#[test]
fn lines_are_those_of_tcpdump() {
    let folder = tempfile::tempdir().unwrap();
    let capture = conversation(folder.path());
    let ours = lines(Command::new(RAWSOCK).args(["read", "--utc", "-S", "-c", "2"]).arg(&capture));
    let mut tcpdump = Command::new("tcpdump");
    tcpdump.env("TZ", "UTC").args(["-n", "-S", "-c", "2", "-r"]).arg(&capture);
    assert_eq!(ours, lines(&mut tcpdump));
    assert!(ours[1].ends_with("length 58 7- 1/0/0 A 192.0.2.1 (56)"), "{}", ours[1]);
}

#[test]
fn the_length_is_computed_or_as_it_is_written() {
    let cases = &[
        (
            "ip(src=10.0.0.1, dst=10.0.0.2, id=1)/tcp(srcport=40000, dstport=53, flags=S, window_size_value=8192)\
             /dns_tcp()/dns(id=7, qry=[{name=example.com}])",
            r#"IP(src="10.0.0.1", dst="10.0.0.2")/TCP(sport=40000, dport=53)
               /DNS(id=7, qd=DNSQR(qname="example.com"))"#,
        ),
        (
            "ip(src=10.0.0.1, dst=10.0.0.2, id=1)/tcp(srcport=40000, dstport=53, flags=S, window_size_value=8192)\
             /dns_tcp(length=7)/dns(id=7, qry=[{name=example.com}])",
            r#"IP(src="10.0.0.1", dst="10.0.0.2")/TCP(sport=40000, dport=53)
               /DNS(length=7, id=7, qd=DNSQR(qname="example.com"))"#,
        ),
    ];
    builds_as_scapy("", cases);
}

//! Of packets that were cut short, no line says what was not captured.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod corpus;

use std::path::Path;

use rawsock::file::CaptureReader;
use rawsock::packet::check::Dissected;
use rawsock::packet::dissect::dissect;
use rawsock::show::line;
use rawsock::wire::frame::LinkType;
use rawsock::wire::layers::LayerTable;

fn summary(octets: &[u8], wire_len: usize, link_type: LinkType) -> String {
    let mut table = LayerTable::default();
    dissect(octets, link_type, &mut table);
    let mut out = String::new();
    line::summary(&mut out, &Dissected { octets, table: &table, wire_len }, true);
    out
}

/// Numbers and addresses of a line, without what stands in brackets: findings and marks.
fn values(line: &str) -> Vec<String> {
    let line = line.split(" [|").next().unwrap();
    let words = line.split(|letter: char| letter.is_whitespace() || "(),[]<>".contains(letter));
    let words = words.map(|word| word.trim_matches([':', '.']));
    // A code stands for itself (`code-#4`) where the whole packet has words for it.
    let is_value = |word: &&str| word.contains(|letter: char| letter.is_ascii_digit()) && !word.contains('#');
    words.filter(is_value).map(str::to_owned).collect()
}

#[test]
fn a_cut_packet_says_nothing_that_the_whole_one_does_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut lines = 0;
    for name in [
        "arp-icmp.pcapng",
        "ndp-icmpv6.pcapng",
        "udp-errors.pcap",
        "multicast.pcapng",
        "rare-fields.pcap",
        "tcp-echo.pcapng",
        "tcp-stories.pcap",
        "tunnels.pcap",
        "ip-options.pcapng",
    ] {
        let mut reader = CaptureReader::open(&folder.join(name)).unwrap();
        while let Some(frame) = reader.next().unwrap() {
            let whole = summary(frame.data, frame.data.len(), frame.link_type);
            for len in 14..frame.data.len() {
                let cut = summary(&frame.data[..len], frame.data.len(), frame.link_type);
                lines += 1;
                for value in values(&cut) {
                    // Without the ports a line names the protocol by its number, and ports leave the addresses.
                    let is_said = values(&whole)
                        .iter()
                        .any(|said| said == &value || said.starts_with(&format!("{value}.")));
                    let names_protocol = ["ip-proto-", "operation ", "code-#", "unreachable - #", "type-#"]
                        .iter()
                        .any(|word| cut.contains(&format!("{word}{value}")))
                        || cut.contains(&format!("protocol {value}"))
                        || value.starts_with("ip-proto-")
                        // What is known to be carried is told in its place.
                        || cut.contains(&format!("UDP, length {value}"));
                    assert!(
                        is_said || names_protocol,
                        "{name}, {len} octets: `{value}` in\n{cut}\nof\n{whole}"
                    );
                }
            }
        }
    }
    assert!(lines > 1000);
}

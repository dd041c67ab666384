//! What tshark says, as PDML: every field with its name, in the order of the wire.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// A packet as tshark reads it.
pub(crate) struct Judged {
    pub(crate) values: BTreeMap<String, Vec<String>>,
    /// The protocols that it found, in order.
    pub(crate) protocols: Vec<String>,
}

/// Each packet by itself, checksums checked, numbers as they are on the wire.
pub(crate) const PREFERENCES: &[&str] = &[
    "ip.defragment:FALSE",
    "ipv6.defragment:FALSE",
    "tcp.desegment_tcp_streams:FALSE",
    "tcp.relative_sequence_numbers:FALSE",
    "tcp.analyze_sequence_numbers:FALSE",
    "ip.check_checksum:TRUE",
    "tcp.check_checksum:TRUE",
    "udp.check_checksum:TRUE",
    "ip.tso_support:TRUE",
    "sctp.checksum:CRC 32c",
    "sctp.relative_tsns:FALSE",
];

/// All packets of a file; none where tshark cannot read it.
pub(crate) fn packets(file: &Path) -> Vec<Judged> {
    let text = text_of(file);
    // Blocks of a pcapng file that hold no packet come as packets of a link type of their own.
    let packets = text.split("<packet>").skip(1).filter(|packet| !packet.contains("showname=\"PCAPNG "));
    packets.map(packet).collect()
}

fn text_of(file: &Path) -> String {
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-T", "pdml", "-r"]).arg(file);
    for preference in PREFERENCES {
        tshark.args(["-o", preference]);
    }
    let output = tshark.output().unwrap_or_else(|error| panic!("run tshark, which this test needs: {error}"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn packet(text: &str) -> Judged {
    let mut judged = Judged { values: BTreeMap::new(), protocols: Vec::new() };
    for element in text.split('<').skip(1) {
        let Some(name) = attribute(element, "name") else { continue };
        // Hidden fields are there for filters only: `ip.version` of an IPv6 header, each port once more.
        if attribute(element, "hide").is_some() {
            continue;
        }
        if element.starts_with("proto ") {
            judged.protocols.push(name.to_owned());
        } else if let Some(show) = attribute(element, "show") {
            judged.values.entry(name.to_owned()).or_default().push(plain(show));
        }
    }
    judged
}

/// Each field of a file's packets, in order, by name: where it begins and how many octets it has.
pub(crate) fn places(file: &Path) -> Vec<Vec<(String, usize, usize)>> {
    let text = text_of(file);
    let place = |element: &str| {
        let number = |name| attribute(element, name)?.parse().ok();
        let is_shown = element.starts_with("field ") && attribute(element, "hide").is_none();
        is_shown.then_some((attribute(element, "name")?.to_owned(), number("pos")?, number("size")?))
    };
    let packets = text.split("<packet>").skip(1);
    packets.map(|packet| packet.split('<').filter_map(place).collect()).collect()
}

fn attribute<'t>(element: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = element.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// Numbers in decimal, octets without colons; all else as it stands.
fn plain(show: &str) -> String {
    if let Some(number) = show.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
        return number.to_string();
    }
    // The name without labels.
    if show == "&lt;Root&gt;" { ".".to_owned() } else { without_entities(&without_colons(show)) }
}

/// Text as it was before it stood in XML.
fn without_entities(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

/// Octets as hex digits, also where colons stand between them; all else as it stands.
pub(crate) fn without_colons(text: &str) -> String {
    let is_octet = |part: &str| part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_hexdigit());
    if text.split(':').all(is_octet) { text.replace(':', "") } else { text.to_owned() }
}

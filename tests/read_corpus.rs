//! Every packet of the captures, ours and `../shared/captures`, says the same here and in tshark: each field that both have
//! has the same values, as often, in the same order.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod corpus;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use corpus::pdml::Judged;
use corpus::{captures, ours, pdml, shared_captures};

#[test]
fn json_agrees_with_tshark_field_by_field() {
    let files = captures();
    let known = ours::field_names();
    let differences = Mutex::new(Vec::new());
    let compared = Mutex::new((0usize, 0usize));
    let next = Mutex::new(files.iter());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(file) = next.lock().unwrap().next() else { return };
                    let (packets, fields, found) = compare(file, &known);
                    differences.lock().unwrap().extend(found);
                    let mut compared = compared.lock().unwrap();
                    compared.0 += packets;
                    compared.1 += fields;
                }
            });
        }
    });
    let differences = differences.into_inner().unwrap();
    let (packets, fields) = compared.into_inner().unwrap();
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    // So that the test cannot pass by comparing nothing.
    let (least_packets, least_values) = if shared_captures().is_some() { (2000, 50_000) } else { (1, 20) };
    assert!(packets >= least_packets && fields >= least_values, "{packets} packets, {fields} values");
}

/// Compares all packets of a file; returns how many packets and values were compared, and the differences.
fn compare(file: &Path, known: &BTreeSet<String>) -> (usize, usize, Vec<String>) {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (ours, theirs) = (ours::packets(file), pdml::packets(file));
    let mut differences = Vec::new();
    let tshark_stops_early = TSHARK_STOPS.iter().any(|(stopped, _)| *stopped == name);
    if theirs.is_empty() || (tshark_stops_early && ours.len() > theirs.len()) {
        // tshark knows neither this link type nor this version of the format.
    } else if ours.len() != theirs.len() {
        differences.push(format!("{name}: we read {} packets, tshark {}", ours.len(), theirs.len()));
    }
    let mut values = 0;
    for (ours, theirs) in ours.iter().zip(&theirs) {
        for (field, own) in &ours.values {
            let Some(judged) = theirs.values.get(field) else { continue };
            values += own.len();
            if !agrees(ours, theirs, field, own, judged) {
                differences
                    .push(format!("{name} #{}: {field}: ours {own:?}, tshark {judged:?}", ours.number));
            }
        }
        for field in
            theirs.values.keys().filter(|field| known.contains(*field) && !ours.values.contains_key(*field))
        {
            if !keeps_data(ours)
                && !OTHER_HEADERS.iter().any(|(file, _)| *file == name)
                && !is_zero(&theirs.values[field])
                && !is_excepted(field, &[], &theirs.values[field])
            {
                differences.push(format!(
                    "{name} #{}: {field}: not ours, tshark {:?}",
                    ours.number, theirs.values[field]
                ));
            }
        }
    }
    (ours.len(), values, differences)
}

/// Whether our values of a field are those of tshark, as far as both look.
fn agrees(ours: &ours::Packet, theirs: &Judged, field: &str, own: &[String], judged: &[String]) -> bool {
    own == judged
        || (keeps_data(ours) && judged.starts_with(own))
        || (gives_up(theirs) && own.starts_with(judged))
        || is_excepted(field, own, judged)
}

/// Whether we keep octets as data that tshark may know a protocol for: one of a later issue, or beyond our limit of layers.
fn keeps_data(ours: &ours::Packet) -> bool {
    ours.layers.iter().any(|layer| layer == "data")
}

/// Whether tshark stopped in the middle, where a length contradicts itself.
fn gives_up(theirs: &Judged) -> bool {
    theirs.protocols.iter().any(|name| matches!(name.as_str(), "_ws.malformed" | "_ws.short"))
}

/// Reserved parts and counts that are zero are left out here.
fn is_zero(values: &[String]) -> bool {
    values.iter().all(|value| value.bytes().all(|digit| digit == b'0'))
}

fn is_excepted(field: &str, own: &[String], judged: &[String]) -> bool {
    EXCEPTIONS.iter().any(|(name, _, holds)| *name == field && holds(own, judged))
}

/// Where the two are allowed to differ, why, and how.
#[allow(clippy::type_complexity)]
const EXCEPTIONS: &[(&str, &str, fn(&[String], &[String]) -> bool)] = &[
    ("eth.trailer", "tshark takes the first octets as padding, the last as a check sequence", trailer_holds),
    ("sll.trailer", "tshark takes the first octets as padding, the last as a check sequence", trailer_holds),
    (
        "igmp.max_resp",
        "tshark shows the time that the code stands for (RFC 3376 4.1.1), we the code",
        |own, _| own.iter().all(|code| code.parse::<u32>().is_ok_and(|code| code >= 128)),
    ),
    (
        "icmpv6.mld.maximum_response_code",
        "tshark shows the time that the code stands for (RFC 3810 5.1.3), we the code",
        |own, _| own.iter().all(|code| code.parse::<u32>().is_ok_and(|code| code >= 32_768)),
    ),
    (
        "icmpv6.mld.qqi",
        "tshark shows the time that the code stands for (RFC 3810 5.1.9), we the code",
        |own, _| own.iter().all(|code| code.parse::<u32>().is_ok_and(|code| code >= 128)),
    ),
    ("llc.control", "tshark takes the octet of the receive sequence number with it", |own, judged| {
        own.iter().zip(judged).all(|(own, judged)| {
            judged.parse::<u16>().is_ok_and(|both| own.parse().ok() == Some(both & 0xff))
        })
    }),
    ("tls.record.content_type", "tshark calls that of TLS 1.3 opaque", |own, judged| own.starts_with(judged)),
    ("tls.handshake.extension.data", "tshark knows more of the extensions", is_hex),
    ("tls.handshake.type", "messages behind a hello are octets here", |own, judged| judged.starts_with(own)),
    ("tls.handshake.length", "messages behind a hello are octets here", |own, judged| {
        judged.starts_with(own)
    }),
    ("ntp.ppoll", "private messages are octets here", |own, _| own.is_empty()),
    ("ntp.stratum", "private messages are octets here", |own, _| own.is_empty()),
    ("dhcp.option.hostname", "other escapes", |own, _| own.iter().any(|text| text.contains('\\'))),
    ("dhcp.file", "octets here, text in tshark", is_hex),
    ("dhcp.server", "octets here, text in tshark", is_hex),
    ("sctp.parameter_length", "parameters of a re-configuration are octets", |own, _| own.is_empty()),
    ("eth.dst", "tshark stops at a UDP length of zero, as BIG TCP has it", is_begun),
    ("eth.src", "tshark stops at a UDP length of zero, as BIG TCP has it", is_begun),
    ("eth.type", "tshark stops at a UDP length of zero, as BIG TCP has it", is_begun),
    (
        "icmpv6.mld.qqi",
        "tshark shows the time that the code stands for (RFC 3810 5.1.9), we the code",
        |own, _| own.iter().all(|code| code.parse::<u32>().is_ok_and(|code| code >= 128)),
    ),
    ("icmpv6.ni.nonce", "octets here, a number in tshark", |own, judged| {
        own.iter().zip(judged).all(|(own, judged)| u64::from_str_radix(own, 16).ok() == judged.parse().ok())
    }),
    (
        "igmp.checksum.status",
        "tshark takes the first 8 octets, the checksum covers all that the packet has (RFC 2236 2.3)",
        |own, judged| own == ["1"] && judged == ["0"],
    ),
    ("icmp.pref_level", "two's complement, which JSON has as it stands, without its sign", |own, judged| {
        own.iter()
            .zip(judged)
            .all(|(own, judged)| own.parse::<u32>().ok().map(u32::cast_signed) == judged.parse().ok())
    }),
    ("ip.opt.ptr", "time stamps that do not fill their option are kept as octets", |own, _| own.is_empty()),
    ("ip.opt.flag", "time stamps that do not fill their option are kept as octets", |own, _| own.is_empty()),
    ("ip.dst", "tshark shows where a source route will end, we what stands in the field", |_, judged| {
        judged == ["0.0.0.0"]
    }),
    ("ip.len", "in a segment that hardware will cut, tshark shows the length that it must have", |own, _| {
        own.iter().any(|len| len == "0")
    }),
    ("dns.resp.type", "tshark counts the types in the bit maps of NSEC and NSEC3 too", |own, judged| {
        let mut judged = judged.iter();
        own.iter().all(|own| judged.any(|judged| judged == own))
    }),
    ("dns.qry.name", "other escapes; a pointer that leads in a circle is told by its place", |own, _| {
        own.iter().any(|name| name.contains('\\') || name.starts_with('@'))
    }),
    ("dns.txt", "other escapes", |own, _| own.iter().any(|text| text.contains('\\'))),
    ("dns.qry.class", "behind a name that is none nothing is read", |own, _| own.is_empty()),
    ("igmp.maddr", "mtrace messages are kept as octets", |own, _| own.is_empty()),
    ("icmp.ext.length", "an object that is longer than the message is kept as octets", |own, judged| {
        judged.starts_with(own)
    }),
    ("icmp.ext.class", "an object that is longer than the message is kept as octets", |own, judged| {
        judged.starts_with(own)
    }),
    ("icmp.ext.ctype", "an object that is longer than the message is kept as octets", |own, judged| {
        judged.starts_with(own)
    }),
    ("ipv6.routing.srh.tag", "a number here, octets in tshark", |own, judged| {
        own.iter().zip(judged).all(|(own, judged)| own.parse().ok() == u64::from_str_radix(judged, 16).ok())
    }),
];

fn is_hex(own: &[String], _: &[String]) -> bool {
    own.iter().all(|octets| octets.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// Whether tshark has the first of two.
fn is_begun(own: &[String], judged: &[String]) -> bool {
    own.len() == 2 && judged.len() == 1 && own.starts_with(judged)
}

fn trailer_holds(own: &[String], judged: &[String]) -> bool {
    own.iter().zip(judged).all(|(own, judged)| own.contains(judged.as_str()))
}

/// Files in which tshark finds headers where we find others.
const OTHER_HEADERS: &[(&str, &str)] = &[(
    "kday1.pcap",
    "a header of IPv4 says that its version is 6, which tshark takes for the kind of header",
)];

/// Files that tshark does not read to their end.
const TSHARK_STOPS: &[(&str, &str)] =
    &[("test901.pcapng", "its second section has the version 2.0, of which the octets are as in version 1")];

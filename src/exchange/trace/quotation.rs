//! What became of a probe on its way, as the error that quotes it tells: both are walked by the descriptions of their layers, and
//! compared field by field.

use crate::proto::{ip, ipv6, registry};
use crate::wire::layers::{LayerEntry, LayerState, LayerTable};
use crate::wire::value::Value;

use super::fields::{self, Told};

/// A field that is not as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its name: `ip.dsfield.dscp`.
    pub field: String,
    /// What was sent; `None` for an option that was added.
    pub sent: Option<Value>,
    /// What was quoted; `None` for an option that is missing.
    pub quoted: Option<Value>,
    /// What became of it.
    pub what: What,
}

/// What became of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It has another value.
    Changed,
    /// It was taken away.
    Removed,
    /// It was put in.
    Added,
}

/// A packet and its layers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chain<'a> {
    pub(super) octets: &'a [u8],
    pub(super) table: &'a LayerTable,
    /// Its first layer.
    pub(super) first: usize,
}

/// The fields of the network and the transport layer that are not as they were sent. What was not quoted is not compared.
pub(super) fn changes(sent: Chain<'_>, quoted: Chain<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    let (mut ours, mut theirs) = (Some(sent.first), Some(quoted.first));
    for _ in 0..COMPARED_LAYERS {
        let entry = |chain: Chain<'_>, index: Option<usize>| chain.table.entries().get(index?).copied();
        let (Some(was), Some(is)) = (entry(sent, ours), entry(quoted, theirs)) else { break };
        if was.protocol != is.protocol {
            break;
        }
        if !is_as_sent(sent.octets, &was, quoted.octets, &is) {
            let (was_told, is_told) = (fields::all(sent.octets, &was), fields::all(quoted.octets, &is));
            layer(&is, &was_told, &is_told, &mut changes);
        }
        let next = |chain: Chain<'_>, index: Option<usize>| chain.table.child(index?).map(|(next, _)| next);
        (ours, theirs) = (next(sent, ours), next(quoted, theirs));
    }
    drop_checksums(&mut changes);
    changes
}

/// Whether a header has the octets that were sent, but for its time to live and the checksum that follows that: most do, and need no
/// walk.
fn is_as_sent(sent: &[u8], was: &LayerEntry, quoted: &[u8], is: &LayerEntry) -> bool {
    let (Some(sent), Some(quoted)) = (header(sent, was), header(quoted, is)) else { return false };
    if was.state != LayerState::Whole || is.state != LayerState::Whole || sent.len() != quoted.len() {
        return false;
    }
    // Where the octet that every hop takes from stands, and the checksum (RFC 791 §3.1, RFC 8200 §3).
    let (life, checksum) = match registry().get(is.protocol).name {
        ip::NAME => (Some(8), 10..12),
        ipv6::NAME => (Some(7), 0..0),
        _ => (None, 0..0),
    };
    let mut pairs = sent.iter().zip(quoted).enumerate();
    pairs.all(|(at, (sent, quoted))| {
        sent == quoted || checksum.contains(&at) || (Some(at) == life && quoted < sent)
    })
}

/// The octets of a header.
fn header<'a>(octets: &'a [u8], entry: &LayerEntry) -> Option<&'a [u8]> {
    octets.get(usize::try_from(entry.start).ok()?..usize::try_from(entry.header_end).ok()?)
}

/// The network and the transport layer: what they carry is data of our own.
const COMPARED_LAYERS: usize = 2;

fn layer(entry: &LayerEntry, sent: &[Told], quoted: &[Told], changes: &mut Vec<Change>) {
    let protocol = registry().get(entry.protocol).name;
    let is_whole = entry.state == LayerState::Whole;
    let full = |name: &str| format!("{protocol}.{name}");
    for (place, was) in sent.iter().enumerate().filter(|(_, told)| counts(protocol, told)) {
        let nth = sent.iter().take(place).filter(|other| other.name == was.name).count();
        match quoted.iter().filter(|other| other.name == was.name).nth(nth) {
            Some(is) if is.value == was.value || is_shorter_life(was, is) => {}
            Some(is) => changes.push(Change {
                field: full(&was.name),
                sent: was.value.clone(),
                quoted: is.value.clone(),
                what: What::Changed,
            }),
            // An item behind the end of what was quoted may be there.
            None if is_whole => changes.push(Change {
                field: full(&was.name),
                sent: was.value.clone(),
                quoted: None,
                what: What::Removed,
            }),
            None => {}
        }
    }
    for (place, is) in quoted.iter().enumerate().filter(|(_, told)| is_whole && counts(protocol, told)) {
        let nth = quoted.iter().take(place).filter(|other| other.name == is.name).count();
        if sent.iter().filter(|other| other.name == is.name).nth(nth).is_none() {
            let (sent, quoted) = (None, is.value.clone());
            changes.push(Change { field: full(&is.name), sent, quoted, what: What::Added });
        }
    }
}

/// Whether it is the time to live, and less than it was: every hop takes one of it. Who has more than was sent got it from somebody.
fn is_shorter_life(was: &Told, is: &Told) -> bool {
    match (was.name.as_str(), &was.value, &is.value) {
        ("ttl" | "hlim", Some(Value::Uint(was)), Some(Value::Uint(is))) => is < was,
        _ => false,
    }
}

/// Whether a field counts: IPv4's checksum changes with the time to live; what fills options up tells nothing that these do not.
fn counts(protocol: &str, told: &Told) -> bool {
    let is_ip_checksum = protocol == "ip" && told.is_checksum;
    !is_ip_checksum && !matches!(told.name.as_str(), "options.nop" | "options.eol")
}

/// A checksum that differs says something only where nothing else does that it covers: then what differs was not quoted.
fn drop_checksums(changes: &mut Vec<Change>) {
    let is_covered = |change: &Change| {
        !matches!(change.field.as_str(), "ip.src" | "ip.dst" | "ipv6.src" | "ipv6.dst")
            && (change.field.starts_with("ip.") || change.field.starts_with("ipv6."))
    };
    let explains = |change: &Change| !change.field.ends_with(".checksum") && !is_covered(change);
    if changes.iter().any(explains) {
        changes.retain(|change| !change.field.ends_with(".checksum"));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exchange::trace::plan::Method;
    use crate::exchange::trace::script::plan;
    use crate::packet::dissect::dissect;
    use crate::wire::frame::LinkType;

    fn table(octets: &[u8]) -> LayerTable {
        let mut table = LayerTable::default();
        dissect(octets, LinkType::RAW, &mut table);
        table
    }

    fn compare(sent: &[u8], quoted: &[u8]) -> Vec<String> {
        let (sent_table, quoted_table) = (table(sent), table(quoted));
        let changes = changes(
            Chain { octets: sent, table: &sent_table, first: 0 },
            Chain { octets: quoted, table: &quoted_table, first: 0 },
        );
        let text = |value: &Option<Value>| value.as_ref().map(Value::to_string).unwrap_or_default();
        let line = |change: &Change| {
            format!("{} {} {}>{}", change.field, change.what as u8, text(&change.sent), text(&change.quoted))
        };
        changes.iter().map(line).collect()
    }

    proptest! {
        /// What is told without a walk is what a walk tells.
        #[test]
        fn headers_as_they_were_sent_need_no_walk(
            method in prop_oneof![Just(Method::Udp), Just(Method::Icmp), Just(Method::Tcp)],
            edits in proptest::collection::vec((0usize..60, any::<u8>()), 0..3),
            cut in 20usize..80,
        ) {
            let sent = plan(method, false).probe(4).unwrap().octets;
            let mut quoted = sent.clone();
            for (at, value) in edits {
                if let Some(octet) = quoted.get_mut(at) {
                    *octet = value;
                }
            }
            quoted.truncate(cut);
            let (sent_table, quoted_table) = (table(&sent), table(&quoted));
            for (was, is) in sent_table.entries().iter().zip(quoted_table.entries()).take(2) {
                if was.protocol == is.protocol && is_as_sent(&sent, was, &quoted, is) {
                    let mut changes = Vec::new();
                    layer(is, &fields::all(&sent, was), &fields::all(&quoted, is), &mut changes);
                    prop_assert_eq!(changes, Vec::new());
                }
            }
        }
    }

    /// Octets are those of RFC 791 §3.1 and RFC 9293 §3.1.
    #[test]
    fn fields_are_compared_as_far_as_they_were_quoted() {
        let sent = plan(Method::Tcp, false).probe(4).unwrap().octets;
        let changed = |edit: &dyn Fn(&mut Vec<u8>)| {
            let mut quoted = sent.clone();
            quoted[8] -= 1;
            quoted[10] ^= 1;
            edit(&mut quoted);
            compare(&sent, &quoted)
        };
        assert_eq!(changed(&|_| {}), Vec::<String>::new(), "time to live and its checksum");
        assert_eq!(changed(&|quoted| quoted[8] = 61), ["ip.ttl 0 2>61"]);
        assert_eq!(changed(&|quoted| quoted[1] = 46 << 2), ["ip.dsfield.dscp 0 0>46"]);
        assert_eq!(changed(&|quoted| quoted.truncate(28)), Vec::<String>::new(), "eight octets of TCP");
        assert_eq!(changed(&|quoted| quoted[36] ^= 0xff).len(), 1, "the checksum alone");
        let clamped = |quoted: &mut Vec<u8>| {
            quoted[42..44].copy_from_slice(&1400u16.to_be_bytes());
            quoted[36] ^= 0xff;
        };
        assert_eq!(changed(&clamped), ["tcp.options.mss 0 1460>1400"], "its checksum follows");
        let port = |quoted: &mut Vec<u8>| quoted[22..24].copy_from_slice(&8080u16.to_be_bytes());
        assert_eq!(changed(&port), ["tcp.dstport 0 80>8080"]);
        let mapped = |quoted: &mut Vec<u8>| quoted[16..20].copy_from_slice(&[192, 0, 2, 1]);
        assert_eq!(changed(&mapped), ["ip.dst 0 10.9.5.2>192.0.2.1"]);
        // SACK permitted (kind 4) gives way to two nops.
        assert_eq!(changed(&|quoted| quoted[44..46].fill(1)), ["tcp.options.sack_perm 1 >"]);
        assert_eq!(changed(&|quoted| quoted.truncate(42)), Vec::<String>::new(), "options that were cut");
    }
}

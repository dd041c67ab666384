//! Errors of ICMP and ICMPv6: who says what how often, and how long after the packet that it is about. That is what a trace measures, and
//! what a port of UDP answers where nobody listens.
//!
//! An error is about a packet that it quotes. Which one of those before that is, is known by its source, by IPv4's identification, and by the
//! first octets that IP carries: those that every router quotes (RFC 792), and of IPv6, whose routers quote all that there is room for
//! (RFC 4443 §2.4), a few more, since packets that differ only there are what a trace sends.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::LazyLock;

use super::EndPoint;
use super::ends::addresses_of;
use super::spread::Spread;
use crate::packet::walk::read_field;
use crate::proto::describe::{Body, Field, Protocol};
use crate::proto::registry;
use crate::wire::frame::Frame;
use crate::wire::keyed_hash::KeyedHash;
use crate::wire::layers::{LayerEntry, LayerTable, ProtocolId};
use crate::wire::value::ValueRef;

/// Who says what: errors of more kinds or hosts are only counted.
pub const MOST_SPEAKERS: usize = 1 << 14;
/// Of the packets before an error, at least so many are remembered, and at most twice as many.
pub const REMEMBERED: usize = 1 << 15;
/// Nanoseconds after which the same packet is a new one, as for [questions](super::Answers).
const AGAIN_WITHIN: u64 = 5_000_000_000;

/// What is said by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Saying {
    /// By whom.
    pub from: IpAddr,
    /// It is ICMPv6's.
    pub is_v6: bool,
    /// Its type.
    pub kind: u8,
    /// Its code.
    pub code: u8,
}

/// How often it is said.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// All of them.
    pub count: u64,
    /// Of those, further ones about the same packet.
    pub again: u64,
    /// Of those, the ones about packets that the capture has not, or not any more.
    pub unseen: u64,
    /// How long after the packet.
    pub times: Spread,
}

/// The errors of a capture.
#[derive(Debug, Clone, Default)]
pub struct IcmpErrors {
    said: BTreeMap<Saying, Said>,
    /// Errors that there was no room for.
    pub beyond: u64,
    recent: Recent,
}

/// The last packets.
#[derive(Debug, Clone, Default)]
struct Recent {
    keys: KeyedHash,
    new: HashMap<u64, Passed, KeyedHash>,
    old: HashMap<u64, Passed, KeyedHash>,
}

#[derive(Debug, Clone, Copy)]
struct Passed {
    time: Option<i64>,
    is_answered: bool,
}

impl IcmpErrors {
    /// Who says what, and how often.
    pub fn said(&self) -> impl Iterator<Item = (&Saying, &Said)> {
        self.said.iter()
    }

    /// Takes a packet; of several layers of IP the outermost counts.
    pub(super) fn packet(&mut self, frame: &Frame<'_>, table: &LayerTable) {
        let known = &*KNOWN;
        let Some((at, ip)) = table.entries().iter().enumerate().find(|(_, entry)| known.is_network(entry))
        else {
            return;
        };
        if let Some(key) = self.key(frame.data, ip) {
            self.recent.passed(key, frame.time);
        }
        if table.entries().last().is_some_and(|entry| entry.quoted_by.is_some()) {
            self.error(frame, table, at, ip);
        }
    }

    fn error(&mut self, frame: &Frame<'_>, table: &LayerTable, at: usize, ip: &LayerEntry) {
        let known = &*KNOWN;
        let above =
            table.entries().iter().enumerate().skip(at).take_while(|(_, entry)| entry.quoted_by.is_none());
        let Some((place, icmp, is_v6)) =
            above.into_iter().find_map(|(place, entry)| Some((place, entry, known.icmp(entry)?)))
        else {
            return;
        };
        let quoted = table.quoted(place).and_then(|quoted| table.entries().get(quoted));
        let Some(quoted) = quoted.filter(|entry| known.is_network(entry)) else { return };
        let header = |entry: &LayerEntry| frame.data.get(entry.start as usize..entry.header_end as usize);
        let (Some(message), Some(outer)) = (header(icmp), header(ip)) else { return };
        let number = |field: &Option<&'static Field>| match read_field((*field)?, message)? {
            ValueRef::Uint(number) => u8::try_from(number).ok(),
            _ => None,
        };
        let fields = if is_v6 { &known.icmpv6 } else { &known.icmp };
        let (Some(kind), Some(code)) = (number(&fields.first), number(&fields.second)) else { return };
        let Some((EndPoint::Address(from), _)) = addresses_of(ip.protocol, outer) else { return };
        let passed = self.key(frame.data, quoted).and_then(|key| self.recent.find(key));
        let saying = Saying { from, is_v6, kind, code };
        if self.said.len() >= MOST_SPEAKERS && !self.said.contains_key(&saying) {
            self.beyond = self.beyond.saturating_add(1);
            return;
        }
        let said = self.said.entry(saying).or_default();
        said.count = said.count.saturating_add(1);
        match passed {
            None => said.unseen = said.unseen.saturating_add(1),
            Some(passed) if passed.is_answered => said.again = said.again.saturating_add(1),
            Some(passed) => {
                passed.is_answered = true;
                if let (Some(asked), Some(now)) = (passed.time, frame.time) {
                    said.times.add(u64::try_from(now.saturating_sub(asked)).unwrap_or(0));
                }
            }
        }
    }

    /// What a packet is known by that begins with this layer; `None` where too little of it is there.
    fn key(&self, octets: &[u8], ip: &LayerEntry) -> Option<u64> {
        let known = &*KNOWN;
        let header = octets.get(ip.start as usize..ip.header_end as usize)?;
        let carried = octets.get(ip.header_end as usize..)?;
        let (EndPoint::Address(from), _) = addresses_of(ip.protocol, header)? else { return None };
        let key = if ip.protocol == known.ip {
            let id = match read_field(known.ident?, header)? {
                ValueRef::Uint(id) => id,
                _ => return None,
            };
            self.recent.keys.hash_one((from, id, *carried.first_chunk::<8>()?))
        } else {
            // What is shorter is the same in the quote, which ends where the packet does.
            let mut first = [0; 16];
            let len = (ip.end.saturating_sub(ip.header_end)) as usize;
            first.iter_mut().zip(carried.iter().take(len)).for_each(|(to, octet)| *to = *octet);
            self.recent.keys.hash_one((from, first))
        };
        Some(key)
    }
}

impl Recent {
    fn passed(&mut self, key: u64, time: Option<i64>) {
        if let Some(before) = self.find(key) {
            let ago = before.time.zip(time).map(|(before, now)| now.abs_diff(before));
            // Seen at two interfaces, or sent again.
            if before.is_answered || ago.is_some_and(|ago| ago >= AGAIN_WITHIN) {
                *before = Passed { time, is_answered: false };
            }
            return;
        }
        if self.new.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(key, Passed { time, is_answered: false });
    }

    fn find(&mut self, key: u64) -> Option<&mut Passed> {
        match self.new.get_mut(&key) {
            Some(passed) => Some(passed),
            None => self.old.get_mut(&key),
        }
    }
}

/// What is read of headers, by the descriptions of their protocols.
struct Known {
    ip: ProtocolId,
    ipv6: ProtocolId,
    ident: Option<&'static Field>,
    icmp: TypeAndCode,
    icmpv6: TypeAndCode,
}

struct TypeAndCode {
    protocol: ProtocolId,
    first: Option<&'static Field>,
    second: Option<&'static Field>,
}

impl Known {
    fn is_network(&self, entry: &LayerEntry) -> bool {
        entry.protocol == self.ip || entry.protocol == self.ipv6
    }

    /// Whether a layer is ICMP's, and of which version.
    fn icmp(&self, entry: &LayerEntry) -> Option<bool> {
        match entry.protocol {
            id if id == self.icmp.protocol => Some(false),
            id if id == self.icmpv6.protocol => Some(true),
            _ => None,
        }
    }
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let named = |name: &str| registry().by_name(name).unwrap_or(registry().data());
    let field = |protocol: &'static Protocol, name: &str| match &protocol.sections.first()?.body {
        Body::Fields { fields, .. } => fields.iter().find(|field| field.name == name),
        _ => None,
    };
    let message = |name: &str| {
        let protocol = named(name);
        TypeAndCode { protocol: protocol.id, first: field(protocol, "type"), second: field(protocol, "code") }
    };
    let ip = named("ip");
    Known {
        ip: ip.id,
        ipv6: named("ipv6").id,
        ident: field(ip, "id"),
        icmp: message("icmp"),
        icmpv6: message("icmpv6"),
    }
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::dissect::dissect;
    use crate::wire::frame::LinkType;

    /// scapy: IP(src="10.0.0.1", dst="10.0.0.9", ttl=1, id=7)/UDP(sport=50000, dport=33434)/"hello, you"
    const PROBE: &str = "450000260007000001\
        11a5b90a0000010a000009c350829a00129bb968656c6c6f2c20796f75";
    /// scapy: IP(src="10.0.0.2", dst="10.0.0.1")/ICMP(type=11)/ the same
    const ERROR: &str = "4500004200010000400166b70a0000020a0000010b00eb2e00000000";

    fn given(packets: &[(&[u8], i64)]) -> IcmpErrors {
        let (mut errors, mut table) = (IcmpErrors::default(), LayerTable::default());
        for (octets, time) in packets {
            dissect(octets, LinkType::IPV4, &mut table);
            errors.packet(&Frame { time: Some(*time), ..Frame::new(octets, LinkType::IPV4) }, &table);
        }
        errors
    }

    fn probe(id: u8) -> Vec<u8> {
        let mut probe = hex::decode(PROBE).unwrap();
        probe[5] = id;
        probe
    }

    fn about(probe: &[u8], quoted: usize) -> Vec<u8> {
        let mut error = [hex::decode(ERROR).unwrap(), probe[..quoted].to_vec()].concat();
        error[3] = u8::try_from(error.len()).unwrap();
        error
    }

    #[test]
    fn errors_are_timed_from_the_packet_that_they_quote() {
        let (one, other) = (probe(7), probe(8));
        let (first, second) = (about(&one, 28), about(&other, 38));
        let errors = given(&[(&one, 100), (&other, 200), (&second, 5_200), (&first, 9_100), (&first, 9_200)]);
        let told: Vec<_> = errors.said().collect();
        let [(saying, said)] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(**saying, Saying { from: [10, 0, 0, 2].into(), is_v6: false, kind: 11, code: 0 });
        assert_eq!((said.count, said.again, said.unseen), (3, 1, 0));
        assert_eq!((said.times.count, said.times.least(), said.times.most()), (2, 5_000, 9_000));
    }

    #[test]
    fn what_is_quoted_and_not_there_is_counted() {
        let lone = about(&probe(7), 38);
        let errors = given(&[(&lone, 5)]);
        let said = errors.said().next().unwrap().1;
        assert_eq!((said.count, said.unseen, said.times.count), (1, 1, 0));
        // Seen at two interfaces, it left at the first of them.
        let errors = given(&[(&probe(7), 10), (&probe(7), 60), (&lone, 110)]);
        assert_eq!(errors.said().next().unwrap().1.times.most(), 100);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut errors = IcmpErrors::default();
        for key in 0..10 * REMEMBERED as u64 {
            errors.recent.passed(key, None);
        }
        assert!(errors.recent.new.len() + errors.recent.old.len() <= 2 * REMEMBERED);
        assert!(errors.recent.find(9 * REMEMBERED as u64 + 1).is_some());
        assert!(errors.recent.find(1).is_none());
    }
}

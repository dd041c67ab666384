//! The echo request by hand, and what its reply must be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::packet::build::{BuildError, Built, build};
use crate::packet::{Layer, Packet};
use crate::proto::{data, registry};
use crate::wire::value::Value;

/// What all requests of a run have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EchoPlan {
    /// Octets of payload.
    pub size: usize,
    /// What fills the payload, again and again; empty for a run of counting octets, as `ping` sends.
    pub pattern: Vec<u8>,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// The whole former type-of-service octet: DSCP and ECN, or the traffic class.
    pub tos: u8,
    /// Echo identifier.
    pub ident: u16,
    /// Opens the payload, where it has room: replies to another run's requests do not have it.
    pub token: [u8; 8],
}

impl EchoPlan {
    /// The payload of request `seq`: the run's token and the number, then the pattern.
    pub fn payload(&self, seq: u64) -> Vec<u8> {
        let fill = |at: usize| match self.pattern.len() {
            0 => (at & 0xff) as u8,
            len => self.pattern.get(at % len).copied().unwrap_or_default(),
        };
        let mut payload: Vec<u8> = (0..self.size).map(fill).collect();
        if self.pattern.is_empty() {
            let head = self.token.into_iter().chain(seq.to_be_bytes());
            if payload.len() >= HEAD_LEN {
                payload.iter_mut().zip(head).for_each(|(to, from)| *to = from);
            }
        }
        payload
    }

    /// The request `seq` from `source` to `destination`, IP header included.
    ///
    /// # Errors
    /// When the payload is larger than the length fields can say.
    pub fn request(&self, source: IpAddr, destination: IpAddr, seq: u64) -> Result<Built, BuildError> {
        let registry = registry();
        let number = |n: u16| Value::Uint(u64::from(n));
        // The field has 16 bits: it wraps around, the payload does not.
        let wire_seq = (seq & 0xffff) as u16;
        let layers = match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let icmp = Layer::new(registry.by_name("icmp").unwrap_or(registry.data()))
                    .with("type", number(8))
                    .with("ident", number(self.ident))
                    .with("seq", number(wire_seq));
                vec![self.ipv4(source, destination, seq), icmp]
            }
            (source, destination) => {
                let icmp = Layer::new(registry.by_name("icmpv6").unwrap_or(registry.data()))
                    .with("type", number(128))
                    .with("echo.identifier", number(self.ident))
                    .with("echo.sequence_number", number(wire_seq));
                vec![self.ipv6(to_v6(source), to_v6(destination)), icmp]
            }
        };
        let payload = Layer::new(registry.data()).with(data::HEX, Value::Octets(self.payload(seq)));
        build(&Packet { layers: layers.into_iter().chain([payload]).collect(), trailer: Vec::new() })
    }

    fn ipv4(&self, source: Ipv4Addr, destination: Ipv4Addr, seq: u64) -> Layer {
        let registry = registry();
        // Not zero, or the kernel would choose one (raw(7)).
        let id = u64::from(self.ident).wrapping_add(seq) % 0xffff + 1;
        Layer::new(registry.by_name("ip").unwrap_or(registry.data()))
            .with("dsfield", Value::Uint(u64::from(self.tos)))
            .with("id", Value::Uint(id))
            .with("ttl", Value::Uint(u64::from(self.ttl)))
            .with("src", Value::Ipv4(source))
            .with("dst", Value::Ipv4(destination))
    }

    fn ipv6(&self, source: Ipv6Addr, destination: Ipv6Addr) -> Layer {
        let registry = registry();
        Layer::new(registry.by_name("ipv6").unwrap_or(registry.data()))
            .with("tclass", Value::Uint(u64::from(self.tos)))
            .with("hlim", Value::Uint(u64::from(self.ttl)))
            .with("src", Value::Ipv6(source))
            .with("dst", Value::Ipv6(destination))
    }

    /// The first octet in which a reply's payload differs from what request `seq` sent: its place, what was sent and
    /// what came (`None` where one of the two ends).
    pub fn difference(&self, seq: u64, payload: &[u8]) -> Option<(usize, Option<u8>, Option<u8>)> {
        let sent = self.payload(seq);
        let longest = sent.len().max(payload.len());
        (0..longest).find_map(|at| {
            let (was, is) = (sent.get(at).copied(), payload.get(at).copied());
            (was != is).then_some((at, was, is))
        })
    }
}

/// The token and the number.
const HEAD_LEN: usize = 16;

fn to_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> EchoPlan {
        EchoPlan { size: 20, pattern: vec![], ttl: 64, tos: 0, ident: 0x1234, token: [7; 8] }
    }

    #[test]
    fn a_request_is_what_etherparse_reads() {
        let built = plan().request([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), 65_537).unwrap();
        let read = etherparse::SlicedPacket::from_ip(&built.octets).unwrap();
        let Some(etherparse::TransportSlice::Icmpv4(icmp)) = read.transport else { panic!("no ICMP") };
        let etherparse::Icmpv4Type::EchoRequest(echo) = icmp.icmp_type() else { panic!("no echo") };
        assert_eq!((echo.id, echo.seq), (0x1234, 1), "the sequence number wraps");
        assert_eq!(icmp.payload(), plan().payload(65_537));
        assert_eq!(icmp.icmp_type().calc_checksum(icmp.payload()), icmp.checksum());
    }

    #[test]
    fn a_difference_is_told_by_its_octet() {
        let plan = plan();
        let mut payload = plan.payload(3);
        assert_eq!(plan.difference(3, &payload), None);
        assert!(plan.difference(4, &payload).is_some(), "the number is part of it");
        payload[18] ^= 0xff;
        assert_eq!(plan.difference(3, &payload), Some((18, Some(18), Some(18 ^ 0xff))));
        payload.truncate(17);
        assert_eq!(plan.difference(3, &payload), Some((17, Some(17), None)));
    }
}

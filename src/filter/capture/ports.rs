//! Tests for ports of TCP, UDP and SCTP.

use super::code::Code;
use super::generator::{Generated, Generator};
use super::link;
use super::mistake::Mistake;
use super::names::Transport;
use super::protocols::{IPV6_HEADER_LEN, SCTP, TCP, UDP};
use super::syntax::{Direction, Protocol, Qualifiers};
use crate::wire::bpf::{self, Instruction};

/// Where the ports are, in all three protocols.
const SOURCE: u32 = 0;
const DESTINATION: u32 = 2;

impl Generator<'_> {
    /// A port by its name.
    pub(super) fn service(&self, qualifiers: Qualifiers, name: &str) -> Generated {
        let (port, transport) = self.port_of(name)?;
        let qualifiers = with_transport(qualifiers, transport, name)?;
        self.ports(qualifiers, u32::from(port), u32::from(port))
    }

    /// A range, `first-last`, of which each may be a name.
    pub(super) fn services(&self, qualifiers: Qualifiers, text: &str) -> Generated {
        // Names may have hyphens too: each is tried as the one between.
        let halves =
            text.match_indices('-').filter_map(|(at, _)| Some((text.get(..at)?, text.get(at + 1..)?)));
        let mut ranges =
            halves.filter_map(|(first, last)| Some((self.port_of(first).ok()?, self.port_of(last).ok()?)));
        let ((first, of_first), (last, of_last)) = match ranges.next() {
            Some(range) => range,
            None => (self.port_of(text)?, self.port_of(text)?),
        };
        let transport = if of_first == of_last { of_first } else { Transport::Any };
        let qualifiers = with_transport(qualifiers, transport, text)?;
        self.ports(qualifiers, u32::from(first.min(last)), u32::from(first.max(last)))
    }

    fn port_of(&self, name: &str) -> Result<(u16, Transport), Mistake> {
        if name.bytes().all(|octet| octet.is_ascii_digit()) && !name.is_empty() {
            let port = name.parse().map_err(|_| too_large(name.to_owned()))?;
            return Ok((port, Transport::Any));
        }
        let unknown = || Mistake::UnknownName { what: "port", name: name.to_owned(), nearest: None };
        self.target.names.service(name).ok_or_else(unknown)
    }

    /// Packets with a port of the range.
    pub(super) fn ports(&self, qualifiers: Qualifiers, first: u32, last: u32) -> Generated {
        if last > 0xffff {
            return Err(too_large(last.to_string()));
        }
        let transports: &[u32] = match qualifiers.protocol {
            None => &[SCTP, TCP, UDP],
            Some(Protocol::Tcp) => &[TCP],
            Some(Protocol::Udp) => &[UDP],
            Some(Protocol::Sctp) => &[SCTP],
            Some(protocol) => return Err(Mistake::protocol_before(protocol, "a port")),
        };
        let mut over_ip = Code::Constant(false);
        let mut over_ip6 = Code::Constant(false);
        for transport in transports {
            over_ip = over_ip.or(self.ports_over_ip(*transport, qualifiers.direction, first, last));
            over_ip6 = over_ip6.or(self.ports_over_ip6(*transport, qualifiers.direction, first, last));
        }
        let over_ip6 = self.has_ethertype(link::IPV6)?.and(over_ip6);
        Ok(over_ip6.or(self.has_ethertype(link::IP)?.and(over_ip)))
    }

    /// Only the first fragment has ports (RFC 791, 3.2).
    fn ports_over_ip(&self, transport: u32, direction: Option<Direction>, first: u32, last: u32) -> Code {
        let is_transport = Code::equal(self.payload.plus(self.network).load(9, bpf::B), transport);
        let ports = either(direction, |place| in_range(|| self.load_behind_ip(place, bpf::H), first, last));
        is_transport.and(self.is_first_fragment()).and(ports)
    }

    fn ports_over_ip6(&self, transport: u32, direction: Option<Direction>, first: u32, last: u32) -> Code {
        let network = self.payload.plus(self.network);
        let behind = network.plus(IPV6_HEADER_LEN);
        let ports = either(direction, |place| in_range(|| behind.load(place, bpf::H), first, last));
        Code::equal(network.load(6, bpf::B), transport).and(ports)
    }

    /// Whether an IPv4 packet has the header of what it carries.
    pub(super) fn is_first_fragment(&self) -> Code {
        Code::any_bit(self.payload.plus(self.network).load(6, bpf::H), 0x1fff).negate()
    }

    /// Puts the length of the IPv4 header into X, with the part of its place that is kept in memory.
    pub(super) fn ip_header_len_to_x(&self) -> Vec<Instruction> {
        let network = self.payload.plus(self.network);
        if network.word.is_none() {
            return vec![Instruction::new(bpf::LDX | bpf::MSH | bpf::B, network.fixed)];
        }
        let mut load = network.load(0, bpf::B);
        load.extend([
            Instruction::new(bpf::ALU | bpf::AND | bpf::IMM, 0x0f),
            Instruction::new(bpf::ALU | bpf::LSH | bpf::IMM, 2),
            Instruction::new(bpf::ALU | bpf::ADD | bpf::X, 0),
            Instruction::new(bpf::MISC | bpf::TAX, 0),
        ]);
        load
    }

    /// Loads from behind the IPv4 header, as long as it is.
    pub(super) fn load_behind_ip(&self, octets: u32, size: u16) -> Vec<Instruction> {
        let mut load = self.ip_header_len_to_x();
        let at = self.payload.fixed.wrapping_add(self.network).wrapping_add(octets);
        load.push(Instruction::new(bpf::LD | bpf::IND | size, at));
        load
    }
}

fn either(direction: Option<Direction>, test: impl Fn(u32) -> Code) -> Code {
    match direction {
        Some(Direction::Source) => test(SOURCE),
        Some(Direction::Destination) => test(DESTINATION),
        Some(Direction::Both) => test(SOURCE).and(test(DESTINATION)),
        None | Some(Direction::Either) => test(SOURCE).or(test(DESTINATION)),
    }
}

fn in_range(load: impl Fn() -> Vec<Instruction>, first: u32, last: u32) -> Code {
    if first == last {
        return Code::equal(load(), first);
    }
    Code::test(load(), bpf::JGE, first).and(Code::test(load(), bpf::JGT, last).negate())
}

fn too_large(number: String) -> Mistake {
    Mistake::TooLarge { what: "port", number, most: 0xffff }
}

/// A service is of TCP or UDP alone, when only one of them has it.
fn with_transport(qualifiers: Qualifiers, transport: Transport, name: &str) -> Result<Qualifiers, Mistake> {
    let of_service = match transport {
        Transport::Any => return Ok(qualifiers),
        Transport::Tcp => Protocol::Tcp,
        Transport::Udp => Protocol::Udp,
    };
    match qualifiers.protocol {
        Some(protocol) if protocol != of_service => {
            let what = if of_service == Protocol::Tcp { "UDP or SCTP port" } else { "TCP or SCTP port" };
            Err(Mistake::UnknownName { what, name: name.to_owned(), nearest: None })
        }
        _ => Ok(Qualifiers { protocol: Some(of_service), ..qualifiers }),
    }
}

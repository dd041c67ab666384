//! `protochain`: a protocol behind any number of extension headers. The kernel's programs have no loops, so that the chain is
//! followed as far as a packet may reasonably go.

use super::code::Code;
use super::generator::{Generated, Generator};
use super::link;
use super::mistake::Mistake;
use super::protocols::{FRAGMENT, IPV6_HEADER_LEN};
use super::syntax::Protocol;
use crate::wire::bpf::{self, Instruction};

/// Headers that are looked behind: as many as the longest chains that people test with have, and the kernel has room for.
const MOST_IN_IP6: usize = 104;
/// Only authentication headers stand behind that of IPv4.
const MOST_IN_IP: usize = 8;
/// Extension headers with a length in units of eight octets (RFC 8200, 4): hop-by-hop, routing, destination options. That of
/// a fragment has eight octets, and a zero where the others have their length.
const EXTENSIONS: [u32; 4] = [0, 60, 43, FRAGMENT];
/// The authentication header has its length in units of four octets, less two (RFC 4302, 2.2).
const AUTHENTICATION: u32 = 51;

impl Generator<'_> {
    pub(super) fn protocol_chain(&mut self, protocol: Option<Protocol>, number: u32) -> Generated {
        match protocol {
            None => {
                let over_ip = self.protocol_chain(Some(Protocol::Ip), number)?;
                Ok(over_ip.or(self.protocol_chain(Some(Protocol::Ip6), number)?))
            }
            Some(protocol @ (Protocol::Ip | Protocol::Ip6)) => self.chain_behind(protocol, number),
            Some(protocol) => Err(Mistake::protocol_before(protocol, "`protochain`")),
        }
    }

    fn chain_behind(&mut self, protocol: Protocol, number: u32) -> Generated {
        let network = self.payload.plus(self.network);
        if network.word.is_some() {
            let why = "the headers before have no fixed length";
            return Err(Mistake::Unsupported { what: "protochain".to_owned(), why });
        }
        let walk = Walk { next: self.keep_word()?, at: self.keep_word()?, base: network.fixed };
        let (ethertype, mut start) = match protocol {
            Protocol::Ip => (link::IP, network.load(9, bpf::B)),
            _ => (link::IPV6, network.load(6, bpf::B)),
        };
        start.push(Instruction::new(bpf::ST, walk.next));
        if protocol == Protocol::Ip {
            start.push(Instruction::new(bpf::LDX | bpf::MSH | bpf::B, network.fixed));
        } else {
            start.push(Instruction::new(bpf::LDX | bpf::IMM, IPV6_HEADER_LEN));
        }
        start.push(Instruction::new(bpf::STX, walk.at));
        let (extensions, most): (&[u32], _) =
            if protocol == Protocol::Ip { (&[], MOST_IN_IP) } else { (&EXTENSIONS, MOST_IN_IP6) };
        let mut found = walk.is(number);
        for _ in 0..most {
            let mut is_extension = Code::Constant(false);
            for extension in extensions {
                is_extension = is_extension.or(walk.is(*extension));
            }
            let behind_extension = is_extension.and(walk.skip(1, 8));
            let behind = behind_extension.or(walk.is(AUTHENTICATION).and(walk.skip(2, 4)));
            found = walk.is(number).or(behind.and(found));
        }
        Ok(self.has_ethertype(ethertype)?.and(Code::Effect(start)).and(found))
    }
}

/// How far the chain is followed: the number of the next header, and its place behind `base`, are kept in words of memory.
struct Walk {
    next: u32,
    at: u32,
    base: u32,
}

impl Walk {
    fn is(&self, number: u32) -> Code {
        Code::equal(vec![Instruction::new(bpf::LD | bpf::MEM, self.next)], number)
    }

    /// Goes behind a header, whose second octet plus `more` is its length in units.
    fn skip(&self, more: u32, unit: u32) -> Code {
        Code::Effect(vec![
            Instruction::new(bpf::LDX | bpf::MEM, self.at),
            Instruction::new(bpf::LD | bpf::IND | bpf::B, self.base),
            Instruction::new(bpf::ST, self.next),
            Instruction::new(bpf::LD | bpf::IND | bpf::B, self.base.wrapping_add(1)),
            Instruction::new(bpf::ALU | bpf::ADD | bpf::IMM, more),
            Instruction::new(bpf::ALU | bpf::MUL | bpf::IMM, unit),
            Instruction::new(bpf::ALU | bpf::ADD | bpf::X, 0),
            Instruction::new(bpf::ST, self.at),
        ])
    }
}

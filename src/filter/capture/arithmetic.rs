//! Comparisons of calculated numbers.

use super::code::Code;
use super::generator::{Generated, Generator, packet_len};
use super::mistake::Mistake;
use super::protocols::IPV6_HEADER_LEN;
use super::syntax::{Arithmetic, Protocol, Relation};
use crate::wire::bpf::{self, Instruction};

impl Generator<'_> {
    /// A comparison. The headers that it looks into must be there: `icmp[0] != 8` is false for what is no ICMP.
    pub(super) fn relation(&self, left: &Arithmetic, relation: Relation, right: &Arithmetic) -> Generated {
        let condition = self.headers(left)?.and(self.headers(right)?);
        let (left, right) = (folded(left), folded(right));
        let (comparison, negated) = match relation {
            Relation::Equal => (bpf::JEQ, false),
            Relation::NotEqual => (bpf::JEQ, true),
            Relation::Greater => (bpf::JGT, false),
            Relation::LessOrEqual => (bpf::JGT, true),
            Relation::GreaterOrEqual => (bpf::JGE, false),
            Relation::Less => (bpf::JGE, true),
        };
        let compared = match (&left, &right) {
            (Arithmetic::Number(left), Arithmetic::Number(right)) => Code::Constant(match comparison {
                bpf::JEQ => left == right,
                bpf::JGT => left > right,
                _ => left >= right,
            }),
            (left, Arithmetic::Number(number)) => Code::test(self.calculate(left, 0)?, comparison, *number),
            (left, right) => {
                let mut load = self.calculate(right, 0)?;
                load.extend(self.keep(0)?);
                load.extend(self.calculate(left, 1)?);
                load.push(Instruction::new(bpf::LDX | bpf::MEM, 0));
                Code::test(load, comparison | bpf::X, 0)
            }
        };
        Ok(condition.and(if negated { compared.negate() } else { compared }))
    }

    /// Whether a packet has all headers that a calculation looks into.
    fn headers(&self, arithmetic: &Arithmetic) -> Generated {
        match arithmetic {
            Arithmetic::Number(_) | Arithmetic::PacketLen => Ok(Code::Constant(true)),
            Arithmetic::Negated(inner) => self.headers(inner),
            // libpcap forgets what the right side looks into (`gen_arth` in gencode.c), and the same packets are taken here.
            Arithmetic::Binary { left, right, .. } => {
                self.headers(right)?;
                self.headers(left)
            }
            Arithmetic::Load { protocol, at, .. } => Ok(self.headers(at)?.and(self.is_there(*protocol)?)),
        }
    }

    fn keep(&self, word: u32) -> Result<Vec<Instruction>, Mistake> {
        if word >= self.first_kept_word() {
            return Err(Mistake::TooMuch);
        }
        Ok(vec![Instruction::new(bpf::ST, word)])
    }

    /// What puts the result of a calculation into A; results on the way are kept from a word of memory on.
    fn calculate(&self, arithmetic: &Arithmetic, word: u32) -> Result<Vec<Instruction>, Mistake> {
        match arithmetic {
            Arithmetic::Number(number) => Ok(vec![Instruction::new(bpf::LD | bpf::IMM, *number)]),
            Arithmetic::PacketLen => Ok(packet_len()),
            Arithmetic::Negated(inner) => {
                let mut load = self.calculate(inner, word)?;
                load.push(Instruction::new(bpf::ALU | bpf::NEG, 0));
                Ok(load)
            }
            Arithmetic::Binary { operation, left, right } => self.binary(*operation, left, right, word),
            Arithmetic::Load { protocol, at, size, .. } => self.octets(*protocol, at, *size, word),
        }
    }

    fn binary(
        &self,
        operation: u16,
        left: &Arithmetic,
        right: &Arithmetic,
        word: u32,
    ) -> Result<Vec<Instruction>, Mistake> {
        if let Arithmetic::Number(number) = right {
            let mut load = self.calculate(left, word)?;
            load.push(Instruction::new(bpf::ALU | operation | bpf::IMM, *number));
            return Ok(load);
        }
        let mut load = self.calculate(right, word)?;
        load.extend(self.keep(word)?);
        load.extend(self.calculate(left, word.saturating_add(1))?);
        load.push(Instruction::new(bpf::LDX | bpf::MEM, word));
        load.push(Instruction::new(bpf::ALU | operation | bpf::X, 0));
        Ok(load)
    }

    /// Octets of a header.
    fn octets(
        &self,
        protocol: Protocol,
        at: &Arithmetic,
        size: u32,
        word: u32,
    ) -> Result<Vec<Instruction>, Mistake> {
        let size = match size {
            1 => bpf::B,
            2 => bpf::H,
            4 => bpf::W,
            size => return Err(Mistake::LoadSize { size }),
        };
        let network = self.payload.plus(self.network);
        let header = match protocol {
            Protocol::Link => self.link_header,
            Protocol::Icmp6 => network.plus(IPV6_HEADER_LEN),
            _ => network,
        };
        let is_behind_ip = is_behind_ip(protocol);
        if let Arithmetic::Number(at) = at {
            return Ok(if is_behind_ip { self.load_behind_ip(*at, size) } else { header.load(*at, size) });
        }
        let mut load = self.calculate(at, word)?;
        if is_behind_ip || header.word.is_some() {
            // The place is kept while X is found out, for which A may be needed.
            load.extend(self.keep(word)?);
            if is_behind_ip {
                load.extend(self.ip_header_len_to_x());
            } else if let Some(kept) = header.word {
                load.push(Instruction::new(bpf::LDX | bpf::MEM, kept));
            }
            load.push(Instruction::new(bpf::LD | bpf::MEM, word));
            load.push(Instruction::new(bpf::ALU | bpf::ADD | bpf::X, 0));
        }
        load.push(Instruction::new(bpf::MISC | bpf::TAX, 0));
        load.push(Instruction::new(bpf::LD | bpf::IND | size, header.fixed));
        Ok(load)
    }

    /// What must be so that a packet has the header.
    fn is_there(&self, protocol: Protocol) -> Generated {
        match protocol {
            Protocol::Link => Ok(Code::Constant(true)),
            Protocol::Icmp6 => {
                let is_next = Code::equal(self.payload.plus(self.network).load(6, bpf::B), 58);
                Ok(self.protocol(Protocol::Ip6)?.and(is_next))
            }
            Protocol::Ip
            | Protocol::Ip6
            | Protocol::Arp
            | Protocol::Rarp
            | Protocol::Atalk
            | Protocol::Decnet
            | Protocol::Sca
            | Protocol::Lat
            | Protocol::Moprc
            | Protocol::Mopdl => self.protocol(protocol),
            _ if is_behind_ip(protocol) => {
                let carried = self.protocol(protocol)?;
                Ok(self.protocol(Protocol::Ip)?.and(carried).and(self.is_first_fragment()))
            }
            _ => Err(Mistake::Unsupported {
                what: format!("{}[…]", protocol.word()),
                why: "its octets have no fixed place; those of `ip`, `ip6` and `link` have",
            }),
        }
    }
}

fn is_behind_ip(protocol: Protocol) -> bool {
    matches!(
        protocol,
        Protocol::Sctp
            | Protocol::Tcp
            | Protocol::Udp
            | Protocol::Icmp
            | Protocol::Igmp
            | Protocol::Igrp
            | Protocol::Pim
            | Protocol::Vrrp
            | Protocol::Carp
    )
}

/// What can be calculated without a packet, calculated.
fn folded(arithmetic: &Arithmetic) -> Arithmetic {
    match arithmetic {
        Arithmetic::Number(_) | Arithmetic::PacketLen => arithmetic.clone(),
        Arithmetic::Negated(inner) => match folded(inner) {
            Arithmetic::Number(number) => Arithmetic::Number(number.wrapping_neg()),
            inner => Arithmetic::Negated(Box::new(inner)),
        },
        Arithmetic::Load { protocol, at, size, place } => Arithmetic::Load {
            protocol: *protocol,
            at: Box::new(folded(at)),
            size: *size,
            place: place.clone(),
        },
        Arithmetic::Binary { operation, left, right } => fold_binary(*operation, folded(left), folded(right)),
    }
}

fn fold_binary(operation: u16, left: Arithmetic, right: Arithmetic) -> Arithmetic {
    if let (Arithmetic::Number(left), Arithmetic::Number(right)) = (&left, &right)
        && let Some(result) = super::interpret::calculate(operation, *left, *right)
    {
        return Arithmetic::Number(result);
    }
    // Nothing times zero and no bits of anything are zero, even of octets that are not there.
    match (operation, &left, &right) {
        (bpf::AND | bpf::MUL, _, Arithmetic::Number(0)) => Arithmetic::Number(0),
        _ => Arithmetic::Binary { operation, left: Box::new(left), right: Box::new(right) },
    }
}

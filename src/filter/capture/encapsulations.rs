//! Tests behind which all others look further inside: VLAN tags, MPLS labels, PPPoE, and the tunnels Geneve and VXLAN.

use super::code::Code;
use super::generator::{Generated, Generator};
use super::link::{self, Link, Offset};
use super::mistake::Mistake;
use super::protocols::IPV6_HEADER_LEN;
use super::syntax::{Direction, Protocol, Qualifiers};
use crate::wire::bpf::{self, Instruction};

const TAG_LEN: u32 = 4;
const LABEL_LEN: u32 = 4;
const PPPOE_HEADER_LEN: u32 = 6;
const UDP_HEADER_LEN: u32 = 8;
/// Transparent Ethernet bridging (IEEE 802 numbers): what Geneve carries is an Ethernet frame.
const ETHERNET_BRIDGING: u32 = 0x6558;
/// MPLS in PPP (RFC 3032, 4.3).
const PPP_MPLS: u32 = 0x0281;
const GENEVE_PORT: u32 = 6081;
const VXLAN_PORT: u32 = 4789;

impl Generator<'_> {
    pub(super) fn vlan(&mut self, id: Option<u32>) -> Generated {
        if self.mpls_depth > 0 {
            let why = "a tag cannot stand behind a label";
            return Err(Mistake::Unsupported { what: "vlan behind mpls".to_owned(), why });
        }
        if self.link != Link::Ethernet {
            return Err(Mistake::LinkType { what: "vlan", link_type: self.target.link_type });
        }
        at_most("VLAN", id, 0xfff)?;
        // Linux takes the outermost tag out of the octets, and says it beside them.
        let is_outermost = self.vlan_depth == 0 && self.link_header == Offset::fixed(0);
        self.vlan_depth = self.vlan_depth.saturating_add(1);
        if self.target.is_live && is_outermost {
            self.vlan_beside_octets(id)
        } else {
            self.vlan_in_octets(id)
        }
    }

    fn has_tag(&self) -> Generated {
        let mut any = Code::Constant(false);
        for kind in link::VLAN_TYPES {
            any = any.or(self.has_ethertype(kind)?);
        }
        Ok(any)
    }

    fn has_vlan_id(&self, id: u32) -> Code {
        Code::masked(self.payload.plus(self.network).load(0, bpf::H), 0xfff, id)
    }

    fn vlan_in_octets(&mut self, id: Option<u32>) -> Generated {
        let has_tag = self.has_tag()?;
        let has_id = id.map(|id| self.has_vlan_id(id));
        self.payload = self.payload.plus(TAG_LEN);
        self.link_type = self.link_type.map(|field| field.plus(TAG_LEN));
        Ok(match has_id {
            Some(has_id) => has_tag.and(has_id),
            None => has_tag,
        })
    }

    /// Either the tag is beside the octets, or it is in them, and then all behind it is further inside.
    fn vlan_beside_octets(&mut self, id: Option<u32>) -> Generated {
        let has_tag = self.has_tag()?;
        let id_in_octets = id.map(|id| self.has_vlan_id(id));
        let word = self.keep_word()?;
        self.payload.word = Some(word);
        if let Some(field) = &mut self.link_type {
            field.word = Some(word);
        }
        let further = Code::Effect(vec![
            Instruction::new(bpf::LD | bpf::IMM, TAG_LEN),
            Instruction::new(bpf::ST, word),
        ]);
        let is_beside = || Code::equal(vec![ancillary(bpf::VLAN_TAG_PRESENT)], 1);
        let Some((id, id_in_octets)) = id.zip(id_in_octets) else {
            return Ok(is_beside().or(further.and(has_tag)));
        };
        let id_beside = Code::masked(vec![ancillary(bpf::VLAN_TAG)], 0xfff, id);
        let in_octets = is_beside().negate().and(further.and(has_tag).and(id_in_octets));
        Ok(is_beside().and(id_beside).or(in_octets))
    }

    pub(super) fn mpls(&mut self, label: Option<u32>) -> Generated {
        at_most("MPLS label", label, 0xf_ffff)?;
        let network = self.payload.plus(self.network);
        let is_mpls = if self.mpls_depth > 0 {
            // The label before says that it is not the last.
            Code::masked(network.load(2u32.wrapping_neg(), bpf::B), 0x01, 0)
        } else {
            match self.link {
                Link::Ethernet => self.has_ethertype(link::MPLS)?,
                Link::Ppp => self.has_ethertype(PPP_MPLS)?,
                _ => return Err(Mistake::LinkType { what: "mpls", link_type: self.target.link_type }),
            }
        };
        let has_label = label.map(|label| Code::masked(network.load(0, bpf::W), 0xffff_f000, label << 12));
        self.network = self.network.wrapping_add(LABEL_LEN);
        self.network_behind_llc = self.network_behind_llc.wrapping_add(LABEL_LEN);
        self.mpls_depth = self.mpls_depth.saturating_add(1);
        Ok(match has_label {
            Some(has_label) => is_mpls.and(has_label),
            None => is_mpls,
        })
    }

    pub(super) fn pppoe_session(&mut self, id: Option<u32>) -> Generated {
        at_most("PPPoE session", id, 0xffff)?;
        let mut is_session = self.has_ethertype(link::PPPOE_SESSION)?;
        let header = self.payload.plus(self.network);
        if let Some(id) = id {
            is_session = is_session.and(Code::masked(header.load(0, bpf::W), 0xffff, id));
        }
        self.link = Link::Ppp;
        self.link_header = header.plus(PPPOE_HEADER_LEN);
        self.link_type = Some(self.link_header);
        self.payload = self.link_header.plus(2);
        self.network = 0;
        self.network_behind_llc = 0;
        self.is_tunnelled = false;
        Ok(is_session)
    }

    /// RFC 8926: a header of variable length, and the type of what it carries.
    pub(super) fn geneve(&mut self, network: Option<u32>) -> Generated {
        at_most("Geneve VNI", network, 0xff_ffff)?;
        let header_at = self.keep_word()?;
        let is_geneve =
            self.tunnel_over_udp(GENEVE_PORT, network, header_at, |load| Code::masked(load, 0xc0, 0))?;
        let (type_at, inner_at, payload_at) = (self.keep_word()?, self.keep_word()?, self.keep_word()?);
        let find_inner = Code::Effect(vec![
            Instruction::new(bpf::LDX | bpf::MEM, header_at),
            Instruction::new(bpf::MISC | bpf::TXA, 0),
            Instruction::new(bpf::ALU | bpf::ADD | bpf::IMM, 2),
            Instruction::new(bpf::ST, type_at),
            Instruction::new(bpf::LD | bpf::IND | bpf::B, 0),
            Instruction::new(bpf::ALU | bpf::AND | bpf::IMM, 0x3f),
            Instruction::new(bpf::ALU | bpf::MUL | bpf::IMM, 4),
            Instruction::new(bpf::ALU | bpf::ADD | bpf::IMM, 8),
            Instruction::new(bpf::ALU | bpf::ADD | bpf::X, 0),
            Instruction::new(bpf::ST, inner_at),
            Instruction::new(bpf::ST, payload_at),
        ]);
        let type_field = vec![
            Instruction::new(bpf::LDX | bpf::MEM, type_at),
            Instruction::new(bpf::LD | bpf::IND | bpf::H, 0),
        ];
        let skip_ethernet = Code::Effect(vec![
            Instruction::new(bpf::LD | bpf::MEM, inner_at),
            Instruction::new(bpf::ALU | bpf::ADD | bpf::IMM, 12),
            Instruction::new(bpf::ST, type_at),
            Instruction::new(bpf::ALU | bpf::ADD | bpf::IMM, 2),
            Instruction::new(bpf::ST, payload_at),
        ]);
        let perhaps_ethernet =
            Code::equal(type_field, ETHERNET_BRIDGING).and(skip_ethernet).or(Code::Constant(true));
        self.enter(Offset::kept_in(inner_at), Offset::kept_in(type_at), Offset::kept_in(payload_at));
        Ok(is_geneve.and(find_inner).and(perhaps_ethernet))
    }

    /// RFC 7348: eight octets, then an Ethernet frame.
    pub(super) fn vxlan(&mut self, network: Option<u32>) -> Generated {
        at_most("VXLAN VNI", network, 0xff_ffff)?;
        let header_at = self.keep_word()?;
        let is_vxlan =
            self.tunnel_over_udp(VXLAN_PORT, network, header_at, |load| Code::equal(load, 0x08))?;
        let inner = Offset::kept_in(header_at).plus(8);
        self.enter(inner, inner.plus(12), inner.plus(14));
        Ok(is_vxlan)
    }

    fn enter(&mut self, link_header: Offset, link_type: Offset, payload: Offset) {
        self.link = Link::Ethernet;
        self.link_header = link_header;
        self.link_type = Some(link_type);
        self.payload = payload;
        self.network = 0;
        self.network_behind_llc = 3;
        self.is_tunnelled = true;
    }

    /// UDP to a port, with the first octet of the tunnel's header and the network that it names, which both protocols have at
    /// the same place; where the header begins is kept in a word.
    fn tunnel_over_udp(
        &self,
        port: u32,
        network: Option<u32>,
        header_at: u32,
        first_octet: fn(Vec<Instruction>) -> Code,
    ) -> Generated {
        let destination =
            Qualifiers { protocol: Some(Protocol::Udp), direction: Some(Direction::Destination), kind: None };
        let has_network = |load| network.map(|network| Code::masked(load, 0xffff_ff00, network << 8));
        let and = |code: Code, more: Option<Code>| match more {
            Some(more) => code.and(more),
            None => code,
        };
        let fixed = self.payload.fixed.wrapping_add(self.network).wrapping_add(UDP_HEADER_LEN);
        let keep = |mut len: Vec<Instruction>| {
            len.push(Instruction::new(bpf::ALU | bpf::ADD | bpf::IMM, fixed));
            len.push(Instruction::new(bpf::ST, header_at));
            Code::Effect(len)
        };
        let ports = self.ports(destination, port, port)?;
        let over_ip = ports.clone().and(self.has_ethertype(link::IP)?);
        let over_ip = over_ip.and(first_octet(self.load_behind_ip(UDP_HEADER_LEN, bpf::B)));
        let over_ip = and(over_ip, has_network(self.load_behind_ip(UDP_HEADER_LEN + 4, bpf::W)));
        let mut len = self.ip_header_len_to_x();
        len.push(Instruction::new(bpf::MISC | bpf::TXA, 0));
        let over_ip = over_ip.and(keep(len));

        let behind = self.payload.plus(self.network).plus(IPV6_HEADER_LEN);
        let over_ip6 = ports.and(self.has_ethertype(link::IPV6)?);
        let over_ip6 = over_ip6.and(first_octet(behind.load(UDP_HEADER_LEN, bpf::B)));
        let over_ip6 = and(over_ip6, has_network(behind.load(UDP_HEADER_LEN + 4, bpf::W)));
        let mut len = match self.payload.word {
            Some(word) => vec![Instruction::new(bpf::LD | bpf::MEM, word)],
            None => vec![Instruction::new(bpf::LD | bpf::IMM, 0)],
        };
        len.push(Instruction::new(bpf::ALU | bpf::ADD | bpf::IMM, IPV6_HEADER_LEN));
        Ok(over_ip.or(over_ip6.and(keep(len))))
    }

    /// What a test of the link-layer header needs in a tunnel: Geneve may carry packets without one.
    pub(super) fn behind_tunnel(&self, code: Code) -> Code {
        match (self.is_tunnelled, self.link_header.word, self.payload.word) {
            (true, Some(header), Some(payload)) if header != payload => {
                let load = vec![
                    Instruction::new(bpf::LD | bpf::MEM, header),
                    Instruction::new(bpf::LDX | bpf::MEM, payload),
                ];
                Code::test(load, bpf::JEQ | bpf::X, 0).negate().and(code)
            }
            _ => code,
        }
    }
}

fn ancillary(what: u32) -> Instruction {
    Instruction::new(bpf::LD | bpf::ABS | bpf::B, what)
}

fn at_most(what: &'static str, number: Option<u32>, most: u32) -> Result<(), Mistake> {
    match number {
        Some(number) if number > most => Err(Mistake::TooLarge { what, number: number.to_string(), most }),
        _ => Ok(()),
    }
}

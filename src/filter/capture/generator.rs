//! From the tree to code. What a packet looks like to the tests that come depends on those before: behind `vlan` and the
//! other encapsulations all headers are looked for further inside, as pcap-filter(7) has it.

use super::code::Code;
use super::link::{Link, Offset};
use super::mistake::Mistake;
use super::names::Names;
use super::syntax::{ByteRelation, Expression, LlcControl, Primitive};
use crate::diagnostic::Diagnostic;
use crate::wire::bpf::{self, Instruction};
use crate::wire::frame::LinkType;

/// What a filter is compiled for.
#[derive(Clone, Copy)]
pub struct Target<'n> {
    /// What packets begin with.
    pub link_type: LinkType,
    /// Whether the kernel runs it, which has taken the VLAN tag out of packets and knows their direction and interface.
    pub is_live: bool,
    /// The mask of the interface's IPv4 network, for `ip broadcast`.
    pub netmask: Option<u32>,
    /// Octets of a packet that are taken.
    pub snap_len: u32,
    /// Who knows names.
    pub names: &'n dyn Names,
}

/// Where the headers are that tests look at.
pub(super) struct Generator<'n> {
    pub(super) target: Target<'n>,
    pub(super) link: Link,
    /// Where the innermost link-layer header begins.
    pub(super) link_header: Offset,
    /// Where its type field is; `None` where it has none.
    pub(super) link_type: Option<Offset>,
    /// Where its payload begins.
    pub(super) payload: Offset,
    /// Where the network layer begins in the payload.
    pub(super) network: u32,
    /// The same, behind an LLC header without SNAP.
    pub(super) network_behind_llc: u32,
    /// How many MPLS labels and VLAN tags have been asked for.
    pub(super) mpls_depth: u32,
    pub(super) vlan_depth: u32,
    /// Whether the packet is one in a tunnel, perhaps without a link-layer header.
    pub(super) is_tunnelled: bool,
    /// Words of scratch memory that keep offsets, from the last word down.
    kept_words: u32,
}

pub(super) type Generated = Result<Code, Mistake>;

/// Makes code of a tree, and what must run before it. The kernel wants words of memory to be written before they are read, on
/// all ways that a packet may take; so those that are kept are zero at first.
pub(super) fn generate(
    expression: &Expression,
    target: Target<'_>,
) -> Result<(Code, Vec<Instruction>), Diagnostic<Mistake>> {
    let mut generator = Generator::new(target).map_err(|mistake| {
        let at = 0..usize::MAX;
        Diagnostic { at, mistake }
    })?;
    let code = generator.expression(expression)?;
    let mut start = Vec::new();
    for word in generator.first_kept_word()..bpf::MEMORY_WORDS as u32 {
        if start.is_empty() {
            start.push(Instruction::new(bpf::LD | bpf::IMM, 0));
        }
        start.push(Instruction::new(bpf::ST, word));
    }
    Ok((code, start))
}

impl<'n> Generator<'n> {
    fn new(target: Target<'n>) -> Result<Self, Mistake> {
        let (link, link_type, payload, network_behind_llc) = match target.link_type {
            LinkType::ETHERNET => (Link::Ethernet, Some(12), 14, 3),
            LinkType::LINUX_SLL => (Link::LinuxSll, Some(14), 16, 0),
            LinkType::LINUX_SLL2 => (Link::LinuxSll2, Some(0), 20, 0),
            LinkType::NULL => (Link::Null, Some(0), 4, 0),
            LinkType::LOOP => (Link::Loop, Some(0), 4, 0),
            LinkType::IPV4 => (Link::Ipv4, None, 0, 0),
            LinkType::IPV6 => (Link::Ipv6, None, 0, 0),
            // 12 and 14 are DLT_RAW of BSD, which stand in files too.
            LinkType::RAW | LinkType(12 | 14) => (Link::Raw, None, 0, 0),
            LinkType(9) => (Link::Ppp, Some(2), 4, 0),
            link_type => return Err(Mistake::LinkType { what: "a filter", link_type }),
        };
        Ok(Self {
            target,
            link,
            link_header: Offset::fixed(0),
            link_type: link_type.map(Offset::fixed),
            payload: Offset::fixed(payload),
            network: 0,
            network_behind_llc,
            mpls_depth: 0,
            vlan_depth: 0,
            is_tunnelled: false,
            kept_words: 0,
        })
    }

    fn expression(&mut self, expression: &Expression) -> Result<Code, Diagnostic<Mistake>> {
        match expression {
            Expression::And(left, right) => {
                let left = self.expression(left)?;
                Ok(left.and(self.expression(right)?))
            }
            Expression::Or(left, right) => {
                let left = self.expression(left)?;
                Ok(left.or(self.expression(right)?))
            }
            Expression::Not(inner) => Ok(self.expression(inner)?.negate()),
            Expression::Primitive(primitive, at) => {
                self.primitive(primitive).map_err(|mistake| Diagnostic { at: at.clone(), mistake })
            }
        }
    }

    fn primitive(&mut self, primitive: &Primitive) -> Generated {
        match primitive {
            Primitive::Id(qualifiers, id) => self.id(*qualifiers, id),
            Primitive::Protocol(protocol) => self.protocol(*protocol),
            Primitive::Relation(left, relation, right) => self.relation(left, *relation, right),
            Primitive::Broadcast(protocol) => self.broadcast(*protocol),
            Primitive::Multicast(protocol) => self.multicast(*protocol),
            Primitive::Greater(len) => Ok(Code::test(packet_len(), bpf::JGE, *len)),
            Primitive::Less(len) => Ok(Code::test(packet_len(), bpf::JGT, *len).negate()),
            Primitive::Byte(at, relation, number) => Ok(self.byte(*at, *relation, *number)),
            Primitive::Outbound => self.is_outbound("outbound"),
            Primitive::Inbound => Ok(self.is_outbound("inbound")?.negate()),
            Primitive::InterfaceIndex(index) => self.interface_index(*index),
            Primitive::Vlan(id) => self.vlan(*id),
            Primitive::Mpls(label) => self.mpls(*label),
            Primitive::PppoeDiscovery => self.has_ethertype(super::link::PPPOE_DISCOVERY),
            Primitive::PppoeSession(id) => self.pppoe_session(*id),
            Primitive::Geneve(network) => self.geneve(*network),
            Primitive::Vxlan(network) => self.vxlan(*network),
            Primitive::Llc(control) => self.llc(*control),
        }
    }

    /// A word of scratch memory for good.
    pub(super) fn keep_word(&mut self) -> Result<u32, Mistake> {
        const MOST: u32 = 12;
        if self.kept_words >= MOST {
            return Err(Mistake::TooMuch);
        }
        self.kept_words = self.kept_words.saturating_add(1);
        Ok(self.first_kept_word())
    }

    /// The first word of memory that is not for results on the way.
    pub(super) fn first_kept_word(&self) -> u32 {
        (bpf::MEMORY_WORDS as u32).saturating_sub(self.kept_words)
    }

    fn byte(&self, at: u32, relation: ByteRelation, number: u32) -> Code {
        let mut load = self.link_header.load(at, bpf::B);
        match relation {
            ByteRelation::Equal => Code::equal(load, number),
            ByteRelation::Less => Code::test(load, bpf::JGE, number).negate(),
            ByteRelation::Greater => Code::test(load, bpf::JGT, number),
            ByteRelation::And | ByteRelation::Or => {
                let operation = if relation == ByteRelation::And { bpf::AND } else { bpf::OR };
                load.push(Instruction::new(bpf::ALU | operation | bpf::IMM, number));
                Code::equal(load, 0).negate()
            }
        }
    }

    fn is_outbound(&self, what: &'static str) -> Generated {
        // 4 is what this host sends: PACKET_OUTGOING in packet(7), and the same in the cooked headers.
        match self.link {
            Link::LinuxSll => Ok(Code::equal(self.link_header.load(0, bpf::H), 4)),
            Link::LinuxSll2 => Ok(Code::equal(self.link_header.load(10, bpf::B), 4)),
            _ if self.is_tunnelled => Err(Mistake::LinkType { what, link_type: self.target.link_type }),
            _ => Ok(Code::equal(vec![Instruction::new(bpf::LD | bpf::ABS | bpf::H, bpf::PACKET_TYPE)], 4)),
        }
    }

    fn interface_index(&self, index: u32) -> Generated {
        match self.link {
            Link::LinuxSll2 => Ok(Code::equal(self.link_header.load(4, bpf::W), index)),
            _ if self.target.is_live => Ok(Code::equal(
                vec![Instruction::new(bpf::LD | bpf::ABS | bpf::W, bpf::INTERFACE_INDEX)],
                index,
            )),
            _ => Err(Mistake::LinkType { what: "ifindex", link_type: self.target.link_type }),
        }
    }

    /// IEEE 802.2, 5.4: the control field is the third octet.
    fn llc(&self, control: Option<LlcControl>) -> Generated {
        let Link::Ethernet = self.link else {
            return Err(Mistake::LinkType { what: "llc", link_type: self.target.link_type });
        };
        // 802.3 frames say their length, and 0xffff is Novell's IPX without LLC.
        let is_llc = self.is_ieee_802_3()?.and(Code::equal(self.payload.load(0, bpf::H), 0xffff).negate());
        let load = self.payload.load(2, bpf::B);
        let has_control = match control {
            None => Code::Constant(true),
            Some(LlcControl::Information) => Code::any_bit(load, 0x01).negate(),
            Some(LlcControl::Supervisory) => Code::masked(load, 0x03, 0x01),
            Some(LlcControl::Unnumbered) => Code::masked(load, 0x03, 0x03),
            Some(LlcControl::SupervisoryCommand(command)) => Code::masked(load, 0x0f, u32::from(command)),
            Some(LlcControl::UnnumberedCommand(command)) => Code::masked(load, 0xef, u32::from(command)),
        };
        Ok(if control.is_some() { is_llc.and(has_control) } else { is_llc })
    }
}

/// The length of the packet on the wire.
pub(super) fn packet_len() -> Vec<Instruction> {
    vec![Instruction::new(bpf::LD | bpf::LEN | bpf::W, 0)]
}

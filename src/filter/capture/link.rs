//! Link layers: where their headers are, and how they say what they carry.

use super::code::Code;
use super::generator::{Generated, Generator};
use super::mistake::Mistake;
use crate::wire::bpf::{self, Instruction};

/// A kind of link-layer header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Ethernet,
    LinuxSll,
    LinuxSll2,
    Null,
    Loop,
    Raw,
    Ipv4,
    Ipv6,
    Ppp,
}

/// A place in the packet: a number of octets, and perhaps a word of scratch memory that holds more of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset {
    pub(super) fixed: u32,
    pub(super) word: Option<u32>,
}

impl Offset {
    pub(super) fn fixed(fixed: u32) -> Self {
        Self { fixed, word: None }
    }

    /// A place that is known when the packet is there.
    pub(super) fn kept_in(word: u32) -> Self {
        Self { fixed: 0, word: Some(word) }
    }

    pub(super) fn plus(self, octets: u32) -> Self {
        Self { fixed: self.fixed.wrapping_add(octets), ..self }
    }

    /// Loads from so many octets behind it into A; negative numbers wrap.
    pub(super) fn load(self, octets: u32, size: u16) -> Vec<Instruction> {
        let at = self.fixed.wrapping_add(octets);
        match self.word {
            None => vec![Instruction::new(bpf::LD | bpf::ABS | size, at)],
            Some(word) => vec![
                Instruction::new(bpf::LDX | bpf::MEM, word),
                Instruction::new(bpf::LD | bpf::IND | size, at),
            ],
        }
    }
}

/// The largest length that the type field of an Ethernet frame says; all above are types (IEEE 802.3, 3.2.6).
const MAX_LENGTH: u32 = 1500;

// IEEE 802 numbers (IANA).
pub(super) const IP: u32 = 0x0800;
pub(super) const ARP: u32 = 0x0806;
pub(super) const REVERSE_ARP: u32 = 0x8035;
pub(super) const IPV6: u32 = 0x86dd;
pub(super) const APPLETALK: u32 = 0x809b;
pub(super) const APPLETALK_ARP: u32 = 0x80f3;
pub(super) const DECNET: u32 = 0x6003;
pub(super) const LAT: u32 = 0x6004;
pub(super) const SCA: u32 = 0x6007;
pub(super) const MOP_DUMP_LOAD: u32 = 0x6001;
pub(super) const MOP_REMOTE_CONSOLE: u32 = 0x6002;
pub(super) const LOOPBACK: u32 = 0x9000;
pub(super) const MPLS: u32 = 0x8847;
pub(super) const VLAN_TYPES: [u32; 3] = [0x8100, 0x88a8, 0x9100];
pub(super) const PPPOE_DISCOVERY: u32 = 0x8863;
pub(super) const PPPOE_SESSION: u32 = 0x8864;
const NOVELL: u32 = 0x8137;

// Service access points of IEEE 802.2.
pub(super) const SAP_ISO: u32 = 0xfe;
pub(super) const SAP_IP: u32 = 0x06;
pub(super) const SAP_SPANNING_TREE: u32 = 0x42;
pub(super) const SAP_IPX: u32 = 0xe0;
pub(super) const SAP_NETBEUI: u32 = 0xf0;

impl Generator<'_> {
    /// Whether the link layer says that it carries a protocol, by its Ethernet type or, up to 1500, its service access point.
    pub(super) fn has_ethertype(&self, number: u32) -> Generated {
        if self.mpls_depth > 0 {
            return self.has_version_behind_mpls(number);
        }
        let Some(field) = self.link_type else { return Ok(self.has_version(number)) };
        match self.link {
            Link::Ethernet => Ok(self.ethernet_carries(field, number)),
            Link::LinuxSll => Ok(self.sll_carries(field, number)),
            Link::Null | Link::Loop => Ok(self.loopback_carries(number)),
            Link::Ppp => Ok(Code::equal(field.load(0, bpf::H), ppp_protocol(number))),
            _ => Ok(Code::equal(field.load(0, bpf::H), number)),
        }
    }

    /// Without a link-layer header the first nibble is the IP version.
    fn has_version(&self, ethertype: u32) -> Code {
        let version = |number| Code::masked(self.link_header.load(0, bpf::B), 0xf0, number);
        match (self.link, ethertype) {
            (Link::Raw, IP) => version(0x40),
            (Link::Raw, IPV6) => version(0x60),
            (link, ethertype) => {
                Code::Constant(matches!((link, ethertype), (Link::Ipv4, IP) | (Link::Ipv6, IPV6)))
            }
        }
    }

    /// The last label says that it is the last, and the packet its version (RFC 3032, 2.2).
    fn has_version_behind_mpls(&self, ethertype: u32) -> Generated {
        let version = match ethertype {
            IP => 0x40,
            IPV6 => 0x60,
            _ => {
                return Err(Mistake::Unsupported {
                    what: "this protocol over MPLS".to_owned(),
                    why: ONLY_IP,
                });
            }
        };
        let network = self.payload.plus(self.network);
        let is_bottom = Code::masked(network.load(2u32.wrapping_neg(), bpf::B), 0x01, 0x01);
        Ok(is_bottom.and(Code::masked(network.load(0, bpf::B), 0xf0, version)))
    }

    /// Whether the frame says its length, not its type.
    pub(super) fn is_ieee_802_3(&self) -> Generated {
        let field = self.link_type.unwrap_or(self.link_header);
        Ok(Code::test(field.load(0, bpf::H), bpf::JGT, MAX_LENGTH).negate())
    }

    fn ethernet_carries(&self, field: Offset, number: u32) -> Code {
        let has_type = |number| Code::equal(field.load(0, bpf::H), number);
        let is_802_3 = Code::test(field.load(0, bpf::H), bpf::JGT, MAX_LENGTH).negate();
        match number {
            SAP_ISO | SAP_IP | SAP_NETBEUI => is_802_3.and(self.has_access_points(number)),
            SAP_IPX => {
                let novell_raw = Code::equal(self.payload.load(0, bpf::H), 0xffff);
                let in_802_3 = self.is_snap(0, NOVELL).or(self.has_access_point(SAP_IPX).or(novell_raw));
                has_type(NOVELL).or(is_802_3.and(in_802_3))
            }
            APPLETALK => has_type(number).or(is_802_3.and(self.is_snap(APPLE, number))),
            APPLETALK_ARP => has_type(number).or(is_802_3.and(self.is_snap(0, number))),
            0..=MAX_LENGTH => is_802_3.and(Code::equal(field.load(2, bpf::B), number)),
            _ => has_type(number),
        }
    }

    /// Linux says 802.2 and 802.3 frames by types of its own (`linux/if_ether.h`).
    fn sll_carries(&self, field: Offset, number: u32) -> Code {
        const P_802_3: u32 = 0x0001;
        const P_802_2: u32 = 0x0004;
        let has_type = |number| Code::equal(field.load(0, bpf::H), number);
        match number {
            SAP_ISO | SAP_IP | SAP_NETBEUI => has_type(P_802_2).and(self.has_access_points(number)),
            SAP_IPX => {
                let in_802_2 =
                    has_type(P_802_2).and(self.has_access_point(SAP_IPX).or(self.is_snap(0, NOVELL)));
                has_type(NOVELL).or(has_type(P_802_3).or(in_802_2))
            }
            APPLETALK => has_type(number).or(has_type(P_802_2).and(self.is_snap(APPLE, number))),
            APPLETALK_ARP => has_type(number).or(has_type(P_802_2).and(self.is_snap(0, number))),
            0..=MAX_LENGTH => has_type(P_802_2).and(self.has_access_point(number)),
            _ => has_type(number),
        }
    }

    /// BSD's loopback says the address family: 2 for IPv4, one of three for IPv6, by which system it was; that of
    /// `LinkType::NULL` in the byte order of the machine, which files are carried away from.
    fn loopback_carries(&self, ethertype: u32) -> Code {
        let is = |number| Code::equal(self.link_header.load(0, bpf::W), number);
        let family = |family: u32| match self.link {
            Link::Null => is(family.swap_bytes()).or(is(family)),
            _ => is(family),
        };
        match ethertype {
            IP => family(2),
            IPV6 => family(30).or(family(24).or(family(28))),
            _ => Code::Constant(false),
        }
    }

    /// Both service access points of the LLC header.
    fn has_access_points(&self, number: u32) -> Code {
        Code::equal(self.payload.load(0, bpf::H), number << 8 | number)
    }

    fn has_access_point(&self, number: u32) -> Code {
        Code::equal(self.payload.load(0, bpf::B), number)
    }

    /// A SNAP header with an organization and a type (IEEE 802, 10.3).
    fn is_snap(&self, organization: u32, number: u32) -> Code {
        let last = (organization & 0xffff) << 16 | number;
        let first = 0xaaaa_0300 | organization >> 16;
        Code::equal(self.payload.load(4, bpf::W), last).and(Code::equal(self.payload.load(0, bpf::W), first))
    }
}

const APPLE: u32 = 0x08_0007;
const ONLY_IP: &str = "behind a label only IPv4 and IPv6 can be told";

/// PPP's own numbers for protocols (IANA ppp-numbers).
fn ppp_protocol(ethertype: u32) -> u32 {
    match ethertype {
        IP => 0x0021,
        IPV6 => 0x0057,
        DECNET => 0x0027,
        APPLETALK => 0x0029,
        0x0600 => 0x0025,
        SAP_ISO => 0x0023,
        SAP_SPANNING_TREE => 0x0031,
        SAP_IPX => 0x002b,
        other => other,
    }
}

//! Tests for a protocol: by its word, or by its number in what carries it.

use super::code::Code;
use super::generator::{Generated, Generator};
use super::link;
use super::mistake::Mistake;
use super::syntax::Protocol;
use crate::wire::bpf;

/// Numbers of IP protocols (IANA protocol-numbers).
pub(super) const TCP: u32 = 6;
pub(super) const UDP: u32 = 17;
pub(super) const SCTP: u32 = 132;
const ICMPV6: u32 = 58;
pub(super) const FRAGMENT: u32 = 44;

// Network layer protocol identifiers of ISO/IEC TR 9577, and the types of IS-IS PDUs (ISO/IEC 10589).
const ISO_CLNP: u32 = 0x81;
const ISO_ESIS: u32 = 0x82;
const ISO_ISIS: u32 = 0x83;
const L1_LAN_HELLO: u32 = 15;
const L2_LAN_HELLO: u32 = 16;
const POINT_TO_POINT_HELLO: u32 = 17;
const L1_LINK_STATE: u32 = 18;
const L2_LINK_STATE: u32 = 20;
const L1_COMPLETE_SEQUENCE: u32 = 24;
const L2_COMPLETE_SEQUENCE: u32 = 25;
const L1_PARTIAL_SEQUENCE: u32 = 26;
const L2_PARTIAL_SEQUENCE: u32 = 27;

/// Where the IPv6 header ends.
pub(super) const IPV6_HEADER_LEN: u32 = 40;

impl Generator<'_> {
    /// A protocol's word alone.
    pub(super) fn protocol(&self, protocol: Protocol) -> Generated {
        match protocol {
            Protocol::Ip => self.has_ethertype(link::IP),
            Protocol::Ip6 => self.has_ethertype(link::IPV6),
            Protocol::Arp => self.has_ethertype(link::ARP),
            Protocol::Rarp => self.has_ethertype(link::REVERSE_ARP),
            Protocol::Atalk => self.has_ethertype(link::APPLETALK),
            Protocol::Aarp => self.has_ethertype(link::APPLETALK_ARP),
            Protocol::Decnet => self.has_ethertype(link::DECNET),
            Protocol::Sca => self.has_ethertype(link::SCA),
            Protocol::Lat => self.has_ethertype(link::LAT),
            Protocol::Mopdl => self.has_ethertype(link::MOP_DUMP_LOAD),
            Protocol::Moprc => self.has_ethertype(link::MOP_REMOTE_CONSOLE),
            Protocol::Iso => self.has_ethertype(link::SAP_ISO),
            Protocol::Stp => self.has_ethertype(link::SAP_SPANNING_TREE),
            Protocol::Ipx => self.has_ethertype(link::SAP_IPX),
            Protocol::Netbeui => self.has_ethertype(link::SAP_NETBEUI),
            Protocol::Tcp => self.carries(None, TCP),
            Protocol::Udp => self.carries(None, UDP),
            Protocol::Sctp => self.carries(None, SCTP),
            Protocol::Ah => self.carries(None, 51),
            Protocol::Esp => self.carries(None, 50),
            Protocol::Pim => self.carries(None, 103),
            Protocol::Icmp => self.carries(Some(Protocol::Ip), 1),
            Protocol::Igmp => self.carries(Some(Protocol::Ip), 2),
            Protocol::Igrp => self.carries(Some(Protocol::Ip), 9),
            Protocol::Vrrp | Protocol::Carp => self.carries(Some(Protocol::Ip), 112),
            Protocol::Icmp6 => self.carries(Some(Protocol::Ip6), ICMPV6),
            Protocol::Clnp => self.carries(Some(Protocol::Iso), ISO_CLNP),
            Protocol::Esis => self.carries(Some(Protocol::Iso), ISO_ESIS),
            Protocol::Isis => self.carries(Some(Protocol::Iso), ISO_ISIS),
            Protocol::Link => Err(Mistake::Qualifier { qualifier: "link", what: "nothing" }),
            _ => self.isis_types(protocol),
        }
    }

    /// IS-IS packets of some types.
    fn isis_types(&self, protocol: Protocol) -> Generated {
        let types: &[u32] = match protocol {
            Protocol::IsisLevel1 => &[
                L1_PARTIAL_SEQUENCE,
                L1_COMPLETE_SEQUENCE,
                L1_LINK_STATE,
                L1_LAN_HELLO,
                POINT_TO_POINT_HELLO,
            ],
            Protocol::IsisLevel2 => &[
                L2_PARTIAL_SEQUENCE,
                L2_COMPLETE_SEQUENCE,
                L2_LINK_STATE,
                L2_LAN_HELLO,
                POINT_TO_POINT_HELLO,
            ],
            Protocol::IsisHello => &[POINT_TO_POINT_HELLO, L1_LAN_HELLO, L2_LAN_HELLO],
            Protocol::IsisLinkState => &[L1_LINK_STATE, L2_LINK_STATE],
            Protocol::IsisSequence => {
                &[L2_PARTIAL_SEQUENCE, L1_PARTIAL_SEQUENCE, L1_COMPLETE_SEQUENCE, L2_COMPLETE_SEQUENCE]
            }
            Protocol::IsisCompleteSequence => &[L1_COMPLETE_SEQUENCE, L2_COMPLETE_SEQUENCE],
            _ => &[L1_PARTIAL_SEQUENCE, L2_PARTIAL_SEQUENCE],
        };
        let mut any = Code::Constant(false);
        for kind in types {
            any = any.or(self.carries(Some(Protocol::Isis), *kind)?);
        }
        Ok(any)
    }

    /// Whether a protocol carries the one with this number; IPv4 or IPv6, when no protocol is given.
    pub(super) fn carries(&self, protocol: Option<Protocol>, number: u32) -> Generated {
        let network = self.payload.plus(self.network);
        match protocol {
            None => {
                Ok(self.carries(Some(Protocol::Ip), number)?.or(self.carries(Some(Protocol::Ip6), number)?))
            }
            Some(Protocol::Link) => self.has_ethertype(number),
            Some(Protocol::Ip) => {
                Ok(self.has_ethertype(link::IP)?.and(Code::equal(network.load(9, bpf::B), number)))
            }
            Some(Protocol::Ip6) => {
                // A fragment says it in the header behind; other extension headers are what `protochain` is for.
                let has_next = |number| Code::equal(network.load(6, bpf::B), number);
                let in_fragment = Code::equal(network.load(IPV6_HEADER_LEN, bpf::B), number);
                let carries = has_next(number).or(has_next(FRAGMENT).and(in_fragment));
                Ok(self.has_ethertype(link::IPV6)?.and(carries))
            }
            Some(Protocol::Iso) => {
                let identifier = self.payload.plus(self.network_behind_llc).load(0, bpf::B);
                Ok(self.has_ethertype(link::SAP_ISO)?.and(Code::equal(identifier, number)))
            }
            Some(Protocol::Isis) => {
                let kind = self.payload.plus(self.network_behind_llc).load(4, bpf::B);
                Ok(self.carries(Some(Protocol::Iso), ISO_ISIS)?.and(Code::equal(kind, number)))
            }
            Some(protocol) => Err(Mistake::protocol_before(protocol, "`proto`")),
        }
    }

    /// `broadcast`.
    pub(super) fn broadcast(&self, protocol: Option<Protocol>) -> Generated {
        let what = "broadcast";
        match protocol {
            None | Some(Protocol::Link) if self.link == link::Link::Ethernet => {
                let all = Code::equal(self.link_header.load(2, bpf::W), u32::MAX)
                    .and(Code::equal(self.link_header.load(0, bpf::H), 0xffff));
                Ok(self.behind_tunnel(all))
            }
            None | Some(Protocol::Link) => Err(Mistake::LinkType { what, link_type: self.target.link_type }),
            Some(Protocol::Ip) => {
                let Some(netmask) = self.target.netmask else {
                    return Err(Mistake::Unsupported { what: "ip broadcast".to_owned(), why: NO_NETMASK });
                };
                let host =
                    |number| Code::masked(self.payload.plus(self.network).load(16, bpf::W), !netmask, number);
                Ok(self.has_ethertype(link::IP)?.and(host(0).or(host(!netmask))))
            }
            Some(protocol) => Err(Mistake::protocol_before(protocol, "`broadcast`")),
        }
    }

    /// `multicast`.
    pub(super) fn multicast(&self, protocol: Option<Protocol>) -> Generated {
        let network = self.payload.plus(self.network);
        match protocol {
            None | Some(Protocol::Link) if self.link == link::Link::Ethernet => {
                Ok(self.behind_tunnel(Code::any_bit(self.link_header.load(0, bpf::B), 1)))
            }
            None | Some(Protocol::Link) => {
                Err(Mistake::LinkType { what: "multicast", link_type: self.target.link_type })
            }
            Some(Protocol::Ip) => {
                Ok(self.has_ethertype(link::IP)?.and(Code::test(network.load(16, bpf::B), bpf::JGE, 224)))
            }
            Some(Protocol::Ip6) => {
                Ok(self.has_ethertype(link::IPV6)?.and(Code::equal(network.load(24, bpf::B), 0xff)))
            }
            Some(protocol) => Err(Mistake::protocol_before(protocol, "`multicast`")),
        }
    }
}

const NO_NETMASK: &str =
    "the mask of the network is not known; `net` with the mask and `ip[16:4]` tell as much";
